//! File bytes to grey levels: PNG, JPEG and WebP, decided by content, within limits that are checked before decoding.
//!
//! Colour is of no use here, so as little of it as possible is ever made: JPEG files are decoded to their brightness
//! alone, PNG files row by row. A picture stays as it lies in the file; what the camera noted about which way is up is
//! kept beside it, and applied to the few corners that are found, not to millions of pixels.

use std::io::Cursor;

use image::GrayImage;
use image::metadata::Orientation;
use image_webp::WebPDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{JpegDecoder, SampleRatios};

use super::decoder::contained;
use super::{Limits, ScanError, Seen};

/// A decoded picture.
pub(super) struct Picture {
    /// As the pixels lie in the file.
    pub(super) grey: GrayImage,
    /// How the picture is shown to people.
    pub(super) shown: Shown,
    /// `false` for a JPEG that ends before its end marker: decoders fill the rest with grey.
    pub(super) complete: bool,
}

/// Decodes a picture; see [`super::read_texts`] for what is refused.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, ScanError> {
    if bytes.is_empty() {
        return Err(ScanError::Empty);
    }
    if bytes.len() > limits.file_bytes {
        return Err(ScanError::TooLarge { bytes: bytes.len(), limit: limits.file_bytes });
    }
    let kind = Kind::of(bytes);
    let decoded = match kind {
        Kind::Png => contained(|| decode_png(bytes, limits)),
        Kind::Jpeg => contained(|| decode_jpeg(bytes, limits)),
        Kind::WebP => contained(|| decode_webp(bytes, limits)),
        other => return Err(ScanError::Format { kind: other }),
    };
    let damaged = ScanError::Damaged { kind, bytes: bytes.len() };
    let (grey, orientation) = match decoded {
        Some(Ok(decoded)) => decoded,
        Some(Err(Refusal::Scan(error))) => return Err(error),
        Some(Err(Refusal::Decoder)) | None => return Err(damaged),
    };
    let shown = Shown { width: grey.width(), height: grey.height(), orientation };
    Ok(Picture { grey, shown, complete: kind != Kind::Jpeg || jpeg_ends(bytes) })
}

/// How a picture is turned and mirrored before people see it (EXIF 2.32, tag 0x0112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    width: u32,
    height: u32,
    orientation: Orientation,
}

impl Shown {
    /// What was seen in the picture as it lies in the file, with places in the picture as people see it.
    pub(super) fn upright(self, mut seen: Seen) -> Seen {
        (seen.width, seen.height) = self.dimensions();
        for code in &mut seen.codes {
            code.corners = code.corners.map(|corner| self.place(corner));
        }
        for symbol in &mut seen.unread_symbols {
            symbol.corners = symbol.corners.map(|corner| self.place(corner));
        }
        seen
    }

    /// Width and height of the picture that people see.
    fn dimensions(self) -> (u32, u32) {
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (self.height, self.width),
            _ => (self.width, self.height),
        }
    }

    /// Where people see the pixel that lies at `(x, y)` in the file; also for places outside the picture.
    fn place(self, (x, y): (i32, i32)) -> (i32, i32) {
        // A side has at most 12,000 pixels; corners far outside saturate.
        let from_right = (self.width as i32 - 1).saturating_sub(x);
        let from_bottom = (self.height as i32 - 1).saturating_sub(y);
        match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (from_right, y),
            Orientation::Rotate180 => (from_right, from_bottom),
            Orientation::FlipVertical => (x, from_bottom),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (from_bottom, x),
            Orientation::Rotate270FlipH => (from_bottom, from_right),
            Orientation::Rotate270 => (y, from_right),
        }
    }
}

/// What the content of a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Portable Network Graphics.
    Png,
    /// JPEG in a file of its own.
    Jpeg,
    /// Graphics Interchange Format.
    Gif,
    /// WebP.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// Tagged Image File Format, and the raw formats of cameras built on it.
    Tiff,
    /// High Efficiency Image File, the default of iPhones.
    Heic,
    /// AV1 Image File.
    Avif,
    /// JPEG XL.
    JpegXl,
    /// Portable Document Format.
    Pdf,
    /// Scalable Vector Graphics.
    Svg,
    /// A video in an MP4, QuickTime or Matroska file.
    Video,
    /// A ZIP archive, or an office document, which is one.
    Zip,
    /// A web page.
    Html,
    /// Only decimal digits: the text of a code, not a picture of it.
    Digits,
    /// Other text.
    Text,
    /// None of these.
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 17] = [
        Kind::Png,
        Kind::Jpeg,
        Kind::Gif,
        Kind::WebP,
        Kind::Bmp,
        Kind::Tiff,
        Kind::Heic,
        Kind::Avif,
        Kind::JpegXl,
        Kind::Pdf,
        Kind::Svg,
        Kind::Video,
        Kind::Zip,
        Kind::Html,
        Kind::Digits,
        Kind::Text,
        Kind::Unknown,
    ];

    /// Whether pictures of this kind are read.
    pub fn is_read(self) -> bool {
        matches!(self, Kind::Png | Kind::Jpeg | Kind::WebP)
    }

    /// Recognises a file by its first bytes.
    pub fn of(bytes: &[u8]) -> Kind {
        const MAGIC: &[(&[u8], Kind)] = &[
            (b"\x89PNG\r\n\x1a\n", Kind::Png),
            (b"\xff\xd8\xff", Kind::Jpeg),
            (b"GIF8", Kind::Gif),
            (b"BM", Kind::Bmp),
            (b"II*\0", Kind::Tiff),
            (b"MM\0*", Kind::Tiff),
            (b"\xff\x0a", Kind::JpegXl),
            (b"\0\0\0\x0cJXL ", Kind::JpegXl),
            (b"%PDF", Kind::Pdf),
            (b"PK\x03\x04", Kind::Zip),
            (b"\x1a\x45\xdf\xa3", Kind::Video),
        ];
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Kind::WebP;
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return match bytes.get(8..12) {
                Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1") => Kind::Heic,
                Some(b"avif" | b"avis") => Kind::Avif,
                _ => Kind::Video,
            };
        }
        let magic = MAGIC.iter().find(|(start, _)| bytes.starts_with(start));
        magic.map_or_else(|| Kind::of_text(bytes), |(_, kind)| *kind)
    }

    /// Looks at the first kilobytes only; a text that was cut inside a character there is still a text.
    fn of_text(bytes: &[u8]) -> Kind {
        let head = bytes.get(..4_096).unwrap_or(bytes);
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) if head.len() < bytes.len() && error.error_len().is_none() => {
                head.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
            }
            Err(_) => return Kind::Unknown,
        };
        if text.is_empty() || text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Kind::Unknown;
        }
        let text = text.trim_start_matches('\u{feff}').trim();
        let lower = text.to_ascii_lowercase();
        if lower.starts_with('<') && lower.contains("<svg") {
            Kind::Svg
        } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
            Kind::Html
        } else if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Kind::Digits
        } else {
            Kind::Text
        }
    }

    /// What to do instead, in English.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Kind::Heic => "On the iPhone choose Settings, Camera, Formats, Most Compatible, or make a screenshot",
            Kind::Digits => "Give these digits as text instead of as a picture",
            Kind::Pdf | Kind::Svg | Kind::Html | Kind::Zip => "Open it and make a screenshot of the code",
            Kind::Video => "Take a still picture of the code",
            _ => "Save the picture as PNG or JPEG",
        }
    }

    /// What to do instead, in Chinese.
    pub(super) fn remedy_zh(self) -> &'static str {
        match self {
            Kind::Heic => "请在 iPhone 的“设置—相机—格式”中选择“兼容性最佳”，或使用截屏。",
            Kind::Digits => "请把这些数字作为文本输入，而不是作为图片。",
            Kind::Pdf | Kind::Svg | Kind::Html | Kind::Zip => "请打开该文件并对二维码截屏。",
            Kind::Video => "请拍摄二维码的静态图片。",
            _ => "请将图片另存为 PNG 或 JPEG。",
        }
    }

    /// The kind in Chinese, for use inside a sentence.
    pub fn zh(self) -> &'static str {
        match self {
            Kind::Png => " PNG 图片",
            Kind::Jpeg => " JPEG 图片",
            Kind::Gif => " GIF 图片",
            Kind::WebP => " WebP 图片",
            Kind::Bmp => " BMP 图片",
            Kind::Tiff => " TIFF 图片",
            Kind::Heic => " HEIC 图片",
            Kind::Avif => " AVIF 图片",
            Kind::JpegXl => " JPEG XL 图片",
            Kind::Pdf => " PDF 文件",
            Kind::Svg => " SVG 图形",
            Kind::Video => "视频",
            Kind::Zip => "压缩包或办公文档",
            Kind::Html => "网页",
            Kind::Digits => "数字文本",
            Kind::Text => "文本",
            Kind::Unknown => "未知类型的文件",
        }
    }
}

/// The kind in English, for use inside a sentence.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Png => "PNG",
            Kind::Jpeg => "JPEG",
            Kind::Gif => "GIF",
            Kind::WebP => "WebP",
            Kind::Bmp => "BMP",
            Kind::Tiff => "TIFF",
            Kind::Heic => "HEIC",
            Kind::Avif => "AVIF",
            Kind::JpegXl => "JPEG XL",
            Kind::Pdf => "PDF",
            Kind::Svg => "SVG",
            Kind::Video => "a video",
            Kind::Zip => "an archive or office document",
            Kind::Html => "a web page",
            Kind::Digits => "a text of digits",
            Kind::Text => "a text",
            Kind::Unknown => "of an unknown kind",
        })
    }
}

/// Why a decoder stopped.
enum Refusal {
    /// One of our bounds.
    Scan(ScanError),
    /// The decoder itself. Its words are for programmers; the sentence for clerks is [`ScanError::Damaged`].
    Decoder,
}

impl From<png::DecodingError> for Refusal {
    fn from(_: png::DecodingError) -> Self {
        Refusal::Decoder
    }
}

impl From<zune_jpeg::errors::DecodeErrors> for Refusal {
    fn from(_: zune_jpeg::errors::DecodeErrors) -> Self {
        Refusal::Decoder
    }
}

impl From<image_webp::DecodingError> for Refusal {
    fn from(_: image_webp::DecodingError) -> Self {
        Refusal::Decoder
    }
}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        Refusal::Scan(error)
    }
}

type Decoded = Result<(GrayImage, Orientation), Refusal>;

/// Row by row: 16-bit colour with transparency has eight times the bytes of the grey levels that are kept of it.
fn decode_png(bytes: &[u8], limits: &Limits) -> Decoded {
    // Before the decoder sees anything: it would read on to the picture data, past chunks it unpacks.
    let (width, height) = png_dimensions(bytes).ok_or(Refusal::Decoder)?;
    limits.admit(width, height)?;
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    // Texts and colour profiles are compressed, which makes bombs of them, and nobody here reads them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    if reader.info().animation_control().is_some() {
        return Err(ScanError::Animated { kind: Kind::Png }.into());
    }
    let channels = match reader.output_color_type() {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => Channels::Grey,
        (png::ColorType::GrayscaleAlpha, png::BitDepth::Eight) => Channels::GreyAlpha,
        (png::ColorType::Rgb, png::BitDepth::Eight) => Channels::Rgb,
        (png::ColorType::Rgba, png::BitDepth::Eight) => Channels::RgbAlpha,
        _ => return Err(Refusal::Decoder),
    };
    let mut grey = GrayImage::new(width, height);
    let interlaced = reader.info().interlaced;
    for line in grey.chunks_exact_mut(width as usize).filter(|_| !interlaced) {
        channels.to_grey(reader.next_row()?.ok_or(Refusal::Decoder)?.data(), line);
    }
    // Rows of an interlaced picture are shorter, and their pixels lie scattered (Adam7).
    let mut scattered = vec![0; width as usize];
    while interlaced && let Some(row) = reader.next_interlaced_row()? {
        let written = channels.to_grey(row.data(), &mut scattered);
        let (png::InterlaceInfo::Adam7(line), Some(part)) = (row.interlace(), scattered.get(..written)) else {
            return Err(Refusal::Decoder);
        };
        png::expand_interlaced_row(&mut grey, width as usize, part, line, 8);
    }
    reader.finish()?;
    let orientation = reader.info().exif_metadata.as_deref().map_or(Orientation::NoTransforms, orientation_in);
    Ok((grey, orientation))
}

/// Brightness alone where the file keeps it apart from colour, as nearly every file does: half the work, a third of the
/// memory.
fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Decoded {
    let options = DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers()?;
    let (width, height) = decoder.dimensions().ok_or(Refusal::Decoder)?;
    let (width, height) = (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX));
    limits.admit(width, height)?;
    // Colour that is coarse downwards only: the decoder gets progressive files of this kind right in colour alone.
    let coarse_down = decoder.info().is_some_and(|info| info.sample_ratio == SampleRatios::V);
    let (wanted, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::YCbCr | ColorSpace::Luma) if !coarse_down => (ColorSpace::Luma, Channels::Grey),
        // Also of four inks, as printers use them.
        Some(_) => (ColorSpace::RGB, Channels::Rgb),
        None => return Err(Refusal::Decoder),
    };
    let orientation = decoder.exif().map_or(Orientation::NoTransforms, |chunk| orientation_in(chunk));
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(Refusal::Decoder)?];
    decoder.decode_into(&mut pixels)?;
    Ok((channels.into_grey(pixels, width, height)?, orientation))
}

fn decode_webp(bytes: &[u8], limits: &Limits) -> Decoded {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
    let (width, height) = decoder.dimensions();
    limits.admit(width, height)?;
    if decoder.is_animated() {
        return Err(ScanError::Animated { kind: Kind::WebP }.into());
    }
    decoder.set_memory_limit(limits.file_bytes);
    decoder.set_lossy_upsampling(image_webp::UpsamplingMethod::Simple);
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.map_or(Orientation::NoTransforms, |chunk| orientation_in(&chunk));
    let channels = if decoder.has_alpha() { Channels::RgbAlpha } else { Channels::Rgb };
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(Refusal::Decoder)?];
    decoder.read_image(&mut pixels)?;
    Ok((channels.into_grey(pixels, width, height)?, orientation))
}

/// Width and height from the header chunk, which must be the first (PNG specification, sections 5.6 and 11.2.1).
fn png_dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.get(8..24)?;
    let (start, size) = header.split_at_checked(8)?;
    if start != b"\0\0\0\x0dIHDR" {
        return None;
    }
    let (width, height) = size.split_at_checked(4)?;
    Some((u32::from_be_bytes(width.try_into().ok()?), u32::from_be_bytes(height.try_into().ok()?)))
}

/// Whether an end marker follows the last start of a scan (ITU-T T.81, table B.1). Inside a scan every 0xff byte is
/// followed by a zero or a restart marker, so that both can be searched for.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let end = bytes.windows(2).rposition(|pair| pair == [0xff, 0xd9]);
    end.and_then(|end| bytes.get(end..)).is_some_and(|rest| !rest.windows(2).any(|pair| pair == [0xff, 0xda]))
}

/// The orientation that an EXIF block names; upright when it names none, or one that does not exist.
fn orientation_in(chunk: &[u8]) -> Orientation {
    // Some programs put the marker that JPEG files need before the block in files that do not.
    let chunk = chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk);
    Orientation::from_exif_chunk(chunk).unwrap_or(Orientation::NoTransforms)
}

/// What the bytes of a pixel are, 8 bits each.
#[derive(Clone, Copy)]
enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
}

impl Channels {
    fn into_grey(self, pixels: Vec<u8>, width: u32, height: u32) -> Result<GrayImage, Refusal> {
        let grey = match self {
            Channels::Grey => pixels,
            _ => {
                let mut grey = vec![0; width as usize * height as usize];
                self.to_grey(&pixels, &mut grey);
                grey
            }
        };
        GrayImage::from_raw(width, height, grey).ok_or(Refusal::Decoder)
    }

    /// Fills in grey levels from the front, and says how many.
    ///
    /// Where a picture is transparent, a white page shows through.
    fn to_grey(self, pixels: &[u8], grey: &mut [u8]) -> usize {
        match self {
            Channels::Grey => put(pixels.as_chunks::<1>().0, grey, |[level]| level),
            Channels::GreyAlpha => put(pixels.as_chunks::<2>().0, grey, |[level, alpha]| on_white(level, alpha)),
            Channels::Rgb => put(pixels.as_chunks::<3>().0, grey, luma),
            Channels::RgbAlpha => {
                put(pixels.as_chunks::<4>().0, grey, |[r, g, b, alpha]| on_white(luma([r, g, b]), alpha))
            }
        }
    }
}

fn put<const N: usize>(pixels: &[[u8; N]], grey: &mut [u8], level: impl Fn([u8; N]) -> u8) -> usize {
    grey.iter_mut().zip(pixels).for_each(|(grey, pixel)| *grey = level(*pixel));
    grey.len().min(pixels.len())
}

/// Brightness as JPEG files keep it (ITU-T T.871, section 7), so that a picture reads alike whatever it is saved as.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    // 0.299, 0.587 and 0.114 of 65,536; their sum is 65,536.
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768) >> 16) as u8
}

fn on_white(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    // Between 0 and 255: a mean of two levels.
    ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeenCode;
    use crate::testing::stored;
    use image::{DynamicImage, ImageFormat, Luma, Rgb, RgbImage};
    use image_webp::WebPEncoder;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    #[test]
    fn places_are_those_in_the_upright_picture() {
        // Every pixel its own level, so that it can be found again.
        let stored = GrayImage::from_fn(5, 3, |x, y| Luma([(10 * y + x) as u8]));
        for number in 1..=8 {
            let orientation = Orientation::from_exif(number).unwrap();
            let mut upright = DynamicImage::from(stored.clone());
            upright.apply_orientation(orientation);
            let upright = upright.into_luma8();
            let shown = Shown { width: 5, height: 3, orientation };
            assert_eq!(shown.dimensions(), upright.dimensions(), "{number}");
            for (x, y, level) in stored.enumerate_pixels() {
                let (u, v) = shown.place((x as i32, y as i32));
                assert_eq!(upright.get_pixel(u as u32, v as u32), level, "{number}: {x}, {y}");
            }
            assert_ne!(shown.place((i32::MIN, i32::MAX)), (0, 0), "far outside is no overflow");
        }
    }

    #[test]
    fn the_orientation_is_found_in_every_kind_of_file() {
        let grey = GrayImage::from_fn(40, 24, |x, _| Luma([(x * 6) as u8]));
        for number in 1..=8 {
            let exif = exif(number);
            let mut jpeg = Vec::new();
            let mut encoder = Encoder::new(&mut jpeg, 90);
            encoder.add_exif_metadata(&exif).unwrap();
            encoder.encode(&grey, 40, 24, ColorType::Luma).unwrap();
            let mut webp = Vec::new();
            let mut encoder = WebPEncoder::new(&mut webp);
            encoder.set_exif_metadata(exif.clone());
            encoder.encode(&grey, 40, 24, image_webp::ColorType::L8).unwrap();
            let mut prefixed = Vec::new();
            let mut encoder = WebPEncoder::new(&mut prefixed);
            encoder.set_exif_metadata([b"Exif\0\0".as_slice(), &exif].concat());
            encoder.encode(&grey, 40, 24, image_webp::ColorType::L8).unwrap();
            let png = png_with_exif(&grey, &exif);

            let expected = Orientation::from_exif(number).unwrap();
            for (name, file) in [("JPEG", jpeg), ("WebP", webp), ("WebP, prefixed", prefixed), ("PNG", png)] {
                let picture = decoded(&file);
                assert_eq!(picture.shown.orientation, expected, "{name} {number}");
                assert_eq!(picture.grey.dimensions(), (40, 24), "{name}: pixels stay as they lie");
                let seen = Seen { width: 40, height: 24, ..Seen::default() };
                let shown = picture.shown.upright(seen);
                assert_eq!((shown.width, shown.height), if number < 5 { (40, 24) } else { (24, 40) });
            }
        }
        for nonsense in [exif(0), exif(9), vec![], b"II*\0\xff\xff\xff\xff".to_vec(), vec![0xff; 500]] {
            assert_eq!(orientation_in(&nonsense), Orientation::NoTransforms);
        }
    }

    #[test]
    fn upright_moves_the_corners() {
        let code =
            SeenCode { bytes: vec![], corners: [(1, 2), (3, 2), (3, 4), (1, 4)], version: 1, px_per_module: 1.0 };
        let shown = Shown { width: 100, height: 50, orientation: Orientation::Rotate90 };
        let seen = shown.upright(Seen { codes: vec![code], width: 100, height: 50, ..Seen::default() });
        assert_eq!(seen.codes[0].corners, [(47, 1), (47, 3), (45, 3), (45, 1)]);
    }

    /// Against the same picture in colour, by a decoder that takes another way.
    #[test]
    fn brightness_is_that_of_the_colours() {
        let picture = colourful(93, 71);
        let expected: Vec<u8> = picture.pixels().map(|pixel| luma(pixel.0)).collect();
        for sampling in [
            SamplingFactor::R_4_4_4,
            SamplingFactor::R_4_2_2,
            SamplingFactor::R_4_2_0,
            SamplingFactor::R_4_1_1,
            SamplingFactor::R_4_4_0,
        ] {
            for progressive in [false, true] {
                let mut file = Vec::new();
                let mut encoder = Encoder::new(&mut file, 97);
                encoder.set_sampling_factor(sampling);
                encoder.set_progressive(progressive);
                encoder.encode(&picture, 93, 71, ColorType::Rgb).unwrap();
                assert_close(&decoded(&file).grey, &expected, 12, &format!("{sampling:?} {progressive}"));
            }
        }
        for file in [saved(&picture, ImageFormat::Png), interlaced(&picture)] {
            assert_close(&decoded(&file).grey, &expected, 0, "PNG");
        }
        let mut webp = Vec::new();
        WebPEncoder::new(&mut webp).encode(&picture, 93, 71, image_webp::ColorType::Rgb8).unwrap();
        assert_close(&decoded(&webp).grey, &expected, 0, "WebP");
        // Ink that is the complement of light, none of it black.
        let inks: Vec<u8> = picture.pixels().flat_map(|Rgb([r, g, b])| [!r, !g, !b, 0]).collect();
        for kind in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            let mut file = Vec::new();
            Encoder::new(&mut file, 97).encode(&inks, 93, 71, kind).unwrap();
            assert_close(&decoded(&file).grey, &expected, 12, "CMYK");
        }
    }

    #[test]
    fn black_and_white_stay_what_they_are() {
        assert_eq!([[0; 3], [255; 3], [128; 3]].map(luma), [0, 255, 128]);
        // 76.2, 149.7 and 29.1
        assert_eq!([[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(luma), [76, 150, 29]);
        assert_eq!([on_white(0, 255), on_white(0, 0), on_white(255, 0), on_white(0, 128)], [0, 255, 255, 127]);
    }

    #[test]
    fn an_end_marker_counts_only_behind_the_last_scan() {
        for (file, ends) in [
            (b"\xff\xd8\xff\xda..\xff\xd9".as_slice(), true),
            (b"\xff\xd8\xff\xda..\xff\xd9 and what an editor left", true),
            (b"\xff\xd8\xff\xda..", false),
            (b"\xff\xd8 thumbnail \xff\xda \xff\xd9 \xff\xda..", false),
            (b"", false),
        ] {
            assert_eq!(jpeg_ends(file), ends, "{file:?}");
        }
    }

    #[test]
    fn the_list_of_kinds_is_whole() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{kind:?}");
        }
        assert_eq!(Kind::Unknown as usize + 1, Kind::ALL.len(), "a kind behind the last is missing");
    }

    // --- makers of pictures ---

    fn decoded(file: &[u8]) -> Picture {
        decode(file, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn assert_close(grey: &GrayImage, expected: &[u8], most: u8, name: &str) {
        assert_eq!(grey.len(), expected.len(), "{name}");
        let off = grey.iter().zip(expected).map(|(level, expected)| level.abs_diff(*expected)).max();
        assert!(off <= Some(most), "{name}: {off:?} off");
    }

    /// Smooth, since coarse colour is a matter of the file and not of the decoder.
    fn colourful(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(2 * x) as u8, (3 * y) as u8, (255 - x - y) as u8]))
    }

    fn saved(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn exif(orientation: u8) -> Vec<u8> {
        let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
        [b"MM\0*\0\0\0\x08\0\x01".as_slice(), &entry, &[0; 4]].concat()
    }

    fn png_with_exif(grey: &GrayImage, exif: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut info = png::Info::with_size(grey.width(), grey.height());
        (info.color_type, info.bit_depth) = (png::ColorType::Grayscale, png::BitDepth::Eight);
        info.exif_metadata = Some(exif.to_vec().into());
        let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
        writer.write_image_data(grey).unwrap();
        writer.finish().unwrap();
        file
    }

    /// Adam7 (PNG specification, section 8.2): seven small pictures in one stream.
    fn interlaced(picture: &RgbImage) -> Vec<u8> {
        const PASSES: [(u32, u32, u32, u32); 7] =
            [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
        let mut rows = Vec::new();
        for (left, top, right, down) in PASSES {
            for y in (top..picture.height()).step_by(down as usize) {
                rows.push(0);
                for x in (left..picture.width()).step_by(right as usize) {
                    rows.extend(picture.get_pixel(x, y).0);
                }
            }
        }
        // The `png` crate writes no interlaced pictures, but it takes data that is compressed already.
        let mut file = Vec::new();
        let mut info = png::Info::with_size(picture.width(), picture.height());
        (info.color_type, info.bit_depth, info.interlaced) = (png::ColorType::Rgb, png::BitDepth::Eight, true);
        let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &stored(&rows)).unwrap();
        drop(writer);
        file
    }
}
