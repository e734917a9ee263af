//! File bytes to grey levels: PNG and JPEG, decided by content, within limits that are checked before decoding.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, GrayImage, ImageDecoder};

use super::decoder::contained;
use super::{Limits, ScanError};

/// A decoded picture.
pub(super) struct Picture {
    pub(super) grey: GrayImage,
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
    let damaged = ScanError::Damaged { kind, bytes: bytes.len() };
    let decoded = match kind {
        Kind::Png => {
            // Before the decoder sees anything: it would read on to the picture data, past chunks it unpacks.
            let (width, height) = png_dimensions(bytes).ok_or(damaged.clone())?;
            check_dimensions(width, height, limits)?;
            contained(|| decode_png(bytes, limits))
        }
        Kind::Jpeg => contained(|| decode_jpeg(bytes, limits)),
        other => return Err(ScanError::Format { kind: other }),
    };
    let decoded = match decoded {
        Some(Ok(decoded)) => decoded,
        Some(Err(Refusal::Scan(error))) => return Err(error),
        Some(Err(Refusal::Decoder)) | None => return Err(damaged),
    };
    Ok(Picture { grey: grey_on_white(decoded), complete: kind != Kind::Jpeg || jpeg_ends(bytes) })
}

/// What the content of a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

impl From<image::ImageError> for Refusal {
    fn from(_: image::ImageError) -> Self {
        Refusal::Decoder
    }
}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        Refusal::Scan(error)
    }
}

fn decode_png(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, Refusal> {
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), bounds(limits))?;
    check_size(&decoder, limits)?;
    if decoder.is_apng()? {
        return Err(ScanError::Animated.into());
    }
    Ok(DynamicImage::from_decoder(decoder)?)
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, Refusal> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes))?;
    check_size(&decoder, limits)?;
    decoder.set_limits(bounds(limits))?;
    Ok(DynamicImage::from_decoder(decoder)?)
}

fn bounds(limits: &Limits) -> image::Limits {
    let mut bounds = image::Limits::no_limits();
    bounds.max_image_width = Some(limits.side_px);
    bounds.max_image_height = Some(limits.side_px);
    bounds.max_alloc = Some(limits.decoded_bytes);
    bounds
}

fn check_size(decoder: &impl ImageDecoder, limits: &Limits) -> Result<(), ScanError> {
    let (width, height) = decoder.dimensions();
    check_dimensions(width, height, limits)?;
    let bytes = decoder.total_bytes();
    if bytes > limits.decoded_bytes {
        return Err(ScanError::Memory { width, height, bytes, limit: limits.decoded_bytes });
    }
    Ok(())
}

fn check_dimensions(width: u32, height: u32, limits: &Limits) -> Result<(), ScanError> {
    let allowed = 1..=limits.side_px;
    if !allowed.contains(&width) || !allowed.contains(&height) {
        return Err(ScanError::Dimensions { width, height, limit: limits.side_px });
    }
    Ok(())
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
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) > last([0xff, 0xda])
}

/// Grey levels; where a picture is transparent, a white page shows through.
fn grey_on_white(decoded: DynamicImage) -> GrayImage {
    if !decoded.color().has_alpha() {
        return decoded.into_luma8();
    }
    let (width, height) = (decoded.width(), decoded.height());
    let with_alpha = decoded.into_luma_alpha8();
    let mut grey = GrayImage::new(width, height);
    for (pixel, blended) in with_alpha.pixels().zip(grey.pixels_mut()) {
        let [level, alpha] = pixel.0.map(u32::from);
        // Between 0 and 255: a mean of two levels.
        blended.0 = [((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8];
    }
    grey
}
