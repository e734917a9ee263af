//! Pictures to QR texts: the bytes of a PNG, JPEG or WebP file go in, the texts of all codes in it come out.
//!
//! What a text means is not this crate's business, and nothing it returns is trusted: a picture is input from a
//! stranger. So every step is bounded ([`Limits`], and a meter on the decoder's work that makes it stop at the same
//! point on every machine), and a panic inside a decoder is contained. What cannot be bounded from within a process,
//! memory that a foreign decoder takes for itself, is for the caller: run this in a child process with a limit where
//! strangers can upload pictures.
//!
//! ```no_run
//! use scan::{Limits, read_texts};
//!
//! let bytes = std::fs::read("counter.jpg")?;
//! let seen = read_texts(&bytes, &Limits::default())?;
//! for code in &seen.codes {
//!     println!("version {}, {:.1} pixels to the module", code.version, code.px_per_module);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]

pub mod advice;
mod decoder;
mod picture;
mod plan;
mod prepare;
mod quadrilateral;
mod soft;
#[cfg(test)]
mod testing;

use std::time::Duration;

use image::GrayImage;

pub use decoder::quiet_contained_panics;
pub use picture::Kind;

use advice::{Advice, UnreadSymbol};
use decoder::Found;
use plan::{Course, Plan, Reading};

/// Reads every QR code in a PNG, JPEG or WebP picture.
///
/// The picture is tried in several ways, the cheapest first: as it is (made smaller if it is larger than
/// [`LONG_SIDE`]), then those parts in which a code may be, as they are, in focus again and smoothed, then all of it
/// inverted and as large as it came. The first try that reads a text of digits, and leaves nothing that looks like most of another code, is the last. Codes of other
/// kinds that were read on the way, a shop's address on a sticker say, are returned too.
///
/// Codes are found at any angle and mirrored. The camera's note which way is up counts for the places of the codes: they
/// are those in the picture as it is shown to people. Animated pictures are refused, because the one that a clerk looks
/// at need not be the one that was read.
///
/// A picture without any code is no error: [`Seen::codes`] is then empty.
///
/// # Errors
///
/// See [`ScanError`]. A JPEG file that ends early is read as far as it goes, and is an error only if no code was found.
pub fn read_texts(bytes: &[u8], limits: &Limits) -> Result<Seen, ScanError> {
    Reader::default().file(bytes, limits, Duration::MAX, &mut || Duration::ZERO)
}

/// Reads one picture after another, and keeps what it needs for each.
#[derive(Default)]
pub struct Reader {
    plan: Plan,
}

impl Reader {
    /// As [`read_texts`], within a budget: once `elapsed`, which counts from any moment on, has gone on by more than
    /// `budget`, no further step is begun. Decoding the file does not count.
    ///
    /// # Errors
    ///
    /// See [`ScanError`].
    pub fn file(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        budget: Duration,
        elapsed: &mut dyn FnMut() -> Duration,
    ) -> Result<Seen, ScanError> {
        let picture = picture::decode(bytes, limits)?;
        let seen = self.frame(&picture.grey, budget, elapsed);
        if seen.codes.is_empty() && !picture.complete {
            return Err(ScanError::Damaged { kind: Kind::Jpeg, bytes: bytes.len() });
        }
        Ok(picture.shown.upright(seen))
    }

    /// Reads the grey levels of a frame, within a budget as in [`Reader::file`].
    pub fn frame(&mut self, grey: &GrayImage, budget: Duration, elapsed: &mut dyn FnMut() -> Duration) -> Seen {
        let began = elapsed();
        let reading = self.plan.read(grey, Course::Still, budget, &mut || elapsed().saturating_sub(began));
        seen_in(grey, reading)
    }

    /// Reads one frame of a camera that goes on, within a budget as in [`Reader::file`].
    ///
    /// A code that stands still before the camera is read from several frames together where each alone shows too little of
    /// it. Frames are to come from one camera, one after the other.
    pub fn live(&mut self, grey: &GrayImage, budget: Duration, elapsed: &mut dyn FnMut() -> Duration) -> Seen {
        let began = elapsed();
        let reading = self.plan.read(grey, Course::Live, budget, &mut || elapsed().saturating_sub(began));
        seen_in(grey, reading)
    }
}

fn seen_in(grey: &GrayImage, reading: Reading) -> Seen {
    let (width, height) = grey.dimensions();
    let mut seen = Seen { unread: reading.unread.len(), width, height, ..Seen::default() };
    reading.codes.into_iter().for_each(|code| seen.add(code));
    (seen.advice, seen.unread_symbols) = advice::look(grey, &seen);
    seen
}

/// The long side, in pixels, above which pictures are halved, and halved again, before the first try.
///
/// A frame of a 1080p camera stays as it is. In a 4:3 photograph a code of version 16 that fills half the height then
/// still has 5 pixels to the module.
pub const LONG_SIDE: u32 = 2_400;

/// How large a picture may be. The defaults take a photograph of any phone at its usual setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// File size in bytes. Default 20 MB: phones write 2 to 8 MB at 12 megapixels, and up to 16 MB at 50.
    pub file_bytes: usize,
    /// Width and height in pixels, each. Default 12,000: beyond it lie panoramas, scanned plans and decompression bombs.
    pub side_px: u32,
    /// Width times height, checked before anything is decoded, because a few kilobytes of PNG can declare gigabytes.
    /// Default 50 million. While a picture is decoded it takes one byte a pixel as PNG or plain JPEG, up to 9 as WebP,
    /// up to 11 as progressive JPEG.
    pub pixels: u64,
}

impl Limits {
    /// Whether a picture of this size is read.
    ///
    /// # Errors
    ///
    /// [`ScanError::Dimensions`], [`ScanError::Pixels`].
    pub fn admit(&self, width: u32, height: u32) -> Result<(), ScanError> {
        let sides = 1..=self.side_px;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(ScanError::Dimensions { width, height, limit: self.side_px });
        }
        if u64::from(width) * u64::from(height) > self.pixels {
            return Err(ScanError::Pixels { width, height, limit: self.pixels });
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file_bytes: 20_000_000, side_px: 12_000, pixels: 50_000_000 }
    }
}

/// What was seen in one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The codes that were read. One text may be here twice, if it is in the picture twice.
    pub codes: Vec<SeenCode>,
    /// Places that look like a code but could not be read: too small, blurred, covered, or no code at all.
    pub unread: usize,
    /// What surely is a whole symbol and was not read.
    pub unread_symbols: Vec<UnreadSymbol>,
    /// What to tell the clerk; `None` when a permit's code was read and no other symbol is in view.
    pub advice: Option<Advice>,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
}

impl Seen {
    fn add(&mut self, found: Found) {
        let Some((version, bytes)) = found.content else { return };
        let corners = found.corners.map(|(x, y)| (x.round() as i32, y.round() as i32));
        let px_per_module = side_length(&corners) / f64::from(17 + 4 * u32::from(version));
        self.codes.push(SeenCode { bytes, corners, version, px_per_module });
    }
}

/// One code that was read.
#[derive(Clone, PartialEq)]
pub struct SeenCode {
    /// The text as the code holds it. QR codes hold bytes; that they are UTF-8 is only a habit.
    pub bytes: Vec<u8>,
    /// Corners of the symbol in the picture, in pixels: top left, top right, bottom right, bottom left of the symbol.
    /// They may lie outside the picture.
    pub corners: [(i32, i32); 4],
    /// Version of the symbol, 1 to 40.
    pub version: u8,
    /// Pixels of the picture to one module, the mean of the four sides.
    pub px_per_module: f64,
}

impl SeenCode {
    /// The text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Whether the text is one or more ASCII digits and nothing else, as everything of ours is.
    pub fn is_digits(&self) -> bool {
        only_digits(&self.bytes)
    }
}

/// Shows where the code is and how long its text is, not the text: that is personal data.
impl std::fmt::Debug for SeenCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeenCode")
            .field("bytes", &format_args!("[{} bytes]", self.bytes.len()))
            .field("corners", &self.corners)
            .field("version", &self.version)
            .field("px_per_module", &self.px_per_module)
            .finish()
    }
}

/// Why a picture was not read at all. In each, `Display` is the English sentence and [`ScanError::zh`] the Chinese.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// There are no bytes.
    #[error("the picture file is empty. Take or copy the picture again")]
    Empty,
    /// The file is larger than [`Limits::file_bytes`].
    #[error("the picture file has {bytes} bytes, but at most {limit} are read. Take the picture at a lower resolution")]
    TooLarge {
        /// Size of the file.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The content is neither PNG nor JPEG nor WebP, whatever the file is called.
    #[error("the file is {kind}, but only PNG, JPEG and WebP pictures are read. {}", kind.remedy())]
    Format {
        /// What the content looks like.
        kind: Kind,
    },
    /// A PNG or WebP with several frames.
    #[error(
        "the picture is an animated {kind}, of which a viewer may show another frame than the one read. Take a still picture"
    )]
    Animated {
        /// PNG or WebP.
        kind: Kind,
    },
    /// The header or the data contradicts the format or itself, or the file ends early.
    #[error("the {kind} file of {bytes} bytes is damaged or incomplete. Take or copy the picture again")]
    Damaged {
        /// PNG, JPEG or WebP.
        kind: Kind,
        /// Size of the file.
        bytes: usize,
    },
    /// The header declares a side of zero pixels, or one larger than [`Limits::side_px`].
    #[error(
        "the picture is {width} x {height} pixels, but each side must have 1 to {limit}. \
         Take the picture at another resolution, or cut out the part with the code"
    )]
    Dimensions {
        /// Width that the header declares.
        width: u32,
        /// Height that the header declares.
        height: u32,
        /// The limit for each.
        limit: u32,
    },
    /// The header declares more pixels in all than [`Limits::pixels`].
    #[error(
        "the picture of {width} x {height} has more than {limit} pixels, which are the most that are read. \
         Take the picture at a lower resolution, or cut out the part with the code"
    )]
    Pixels {
        /// Width that the header declares.
        width: u32,
        /// Height that the header declares.
        height: u32,
        /// The limit.
        limit: u64,
    },
}

impl ScanError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ScanError::Empty => "IMAGE_EMPTY",
            ScanError::TooLarge { .. } => "IMAGE_TOO_LARGE",
            ScanError::Format { .. } => "IMAGE_FORMAT",
            ScanError::Animated { .. } => "IMAGE_ANIMATED",
            ScanError::Damaged { .. } => "IMAGE_DAMAGED",
            ScanError::Dimensions { .. } => "IMAGE_DIMENSIONS",
            ScanError::Pixels { .. } => "IMAGE_PIXELS",
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> String {
        match self {
            ScanError::Empty => "图片文件是空的。请重新拍摄或复制图片。".to_owned(),
            ScanError::TooLarge { bytes, limit } => {
                format!("图片文件为 {bytes} 字节，最多读取 {limit} 字节。请降低分辨率后重新拍摄。")
            }
            ScanError::Format { kind } => {
                format!("该文件是{}，只能读取 PNG、JPEG 和 WebP 图片。{}", kind.zh(), kind.remedy_zh())
            }
            ScanError::Animated { kind } => {
                format!("该文件是动态的{}，看到的画面可能与读取的不同。请使用静态图片。", kind.zh())
            }
            ScanError::Damaged { kind, bytes } => {
                format!("该{}文件（{bytes} 字节）已损坏或不完整。请重新拍摄或复制图片。", kind.zh())
            }
            ScanError::Dimensions { width, height, limit } => format!(
                "图片为 {width} × {height} 像素，每边须为 1 至 {limit} 像素。请更改分辨率后重新拍摄，或只截取二维码部分。"
            ),
            ScanError::Pixels { width, height, limit } => format!(
                "图片为 {width} × {height}，超过最多 {limit} 像素。请降低分辨率后重新拍摄，或只截取二维码部分。"
            ),
        }
    }
}

fn only_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

fn side_length(corners: &[(i32, i32); 4]) -> f64 {
    let [a, b, c, d] = corners.map(|(x, y)| (f64::from(x), f64::from(y)));
    let length = |p: (f64, f64), q: (f64, f64)| (p.0 - q.0).hypot(p.1 - q.1);
    (length(a, b) + length(b, c) + length(c, d) + length(d, a)) / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::imageops::{self, FilterType};
    use image::{
        DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage,
    };
    use std::io::Cursor;

    use crate::testing::{self, stored};

    // --- what is read ---

    #[test]
    fn a_clean_code_is_read_with_its_place_and_size() {
        let text = digits(829);
        let seen = read(&png(canvas(600, 500, &[(60, 40, &code(&text, 5))])));
        assert_eq!((seen.width, seen.height, seen.unread), (600, 500, 0));
        let [only] = seen.codes.as_slice() else { panic!("{seen:?}") };
        assert_eq!(only.text(), Some(text.as_str()));
        assert!(only.is_digits());
        assert_eq!(only.version, 12);
        assert!((only.px_per_module - 5.0).abs() < 0.3, "{}", only.px_per_module);
        // 65 modules behind a quiet zone of 4, 5 pixels each; the decoder is a module or so off.
        for (corner, exact) in only.corners.iter().zip([(80, 60), (405, 60), (405, 385), (80, 385)]) {
            assert!((corner.0 - exact.0).abs() <= 8 && (corner.1 - exact.1).abs() <= 8, "{corner:?} {exact:?}");
        }
    }

    #[test]
    fn turned_mirrored_and_inverted_codes_are_read() {
        let text = digits(400);
        let upright = canvas(640, 640, &[(120, 120, &code(&text, 6))]);
        let mut inverted = upright.clone();
        imageops::invert(&mut inverted);
        let pictures = [
            imageops::rotate90(&upright),
            imageops::rotate180(&upright),
            imageops::rotate270(&upright),
            imageops::flip_horizontal(&upright),
            imageops::flip_vertical(&upright),
            imageops::rotate90(&imageops::flip_horizontal(&upright)),
            turned(&upright, 17.0),
            turned(&upright, 45.0),
            turned(&upright, 203.0),
            inverted.clone(),
            turned(&inverted, 30.0),
        ];
        for (number, picture) in pictures.into_iter().enumerate() {
            assert_eq!(texts(&read(&png(picture))), [text.as_str()], "picture {number}");
        }
    }

    #[test]
    fn every_code_of_a_picture_is_returned() {
        let all: Vec<String> = (0..5).map(|i| digits(100 + i)).collect();
        let codes: Vec<GrayImage> = all.iter().map(|text| code(text, 5)).collect();
        for count in 2..=5 {
            // Three to a row, with different gaps, so that no three corners of different codes look like one code.
            let places = [(10, 10), (270, 40), (560, 0), (60, 310), (390, 330)];
            let placed: Vec<(i64, i64, &GrayImage)> =
                places.iter().zip(&codes).take(count).map(|((x, y), code)| (*x, *y, code)).collect();
            let seen = read(&png(canvas(800, 600, &placed)));
            let mut found = texts(&seen);
            found.sort_unstable();
            assert_eq!(found, all.iter().take(count).map(String::as_str).collect::<Vec<_>>(), "{count} codes");
        }
    }

    #[test]
    fn two_copies_of_one_code_are_two_codes() {
        let (text, one) = (digits(100), code(&digits(100), 5));
        let seen = read(&png(canvas(640, 300, &[(10, 10, &one), (300, 30, &one)])));
        assert_eq!(texts(&seen), [text.as_str(), text.as_str()]);
    }

    /// As it is, the picture gives only the large code; the small one needs a later attempt, which is made because its
    /// finder patterns were seen.
    #[test]
    fn a_second_code_that_is_harder_to_read_is_not_forgotten() {
        let (easy, hard) = (digits(100), digits(600));
        let mut picture = canvas(700, 340, &[(10, 10, &code(&easy, 5))]);
        let small = turned(
            &canvas(280, 280, &[(60, 60, &imageops::resize(&code(&hard, 8), 160, 160, FilterType::Triangle))]),
            20.0,
        );
        imageops::replace(&mut picture, &small, 360, 10);
        let mut found = read(&png(picture));
        found.codes.sort_by_key(|code| code.bytes.len());
        assert_eq!(texts(&found), [easy.as_str(), hard.as_str()]);
    }

    #[test]
    fn an_address_on_a_sticker_does_not_hide_a_permit() {
        let (text, url) = (digits(829), "https://shop.example/menu");
        let sticker = code(url, 5);
        let both = read(&png(canvas(900, 480, &[(10, 10, &code(&text, 5)), (560, 60, &sticker)])));
        let mut found = texts(&both);
        found.sort_unstable();
        assert_eq!(found, [text.as_str(), url]);
        // Here the first attempt reads the sticker alone: the permit is light on dark.
        let mut light = code(&text, 5);
        imageops::invert(&mut light);
        let mut picture = canvas(900, 480, &[(560, 60, &sticker)]);
        imageops::replace(&mut picture, &GrayImage::new(460, 480), 0, 0);
        imageops::replace(&mut picture, &light, 10, 10);
        let mut found = read(&png(picture));
        found.codes.sort_by_key(|code| !code.is_digits());
        assert_eq!(texts(&found), [text.as_str(), url]);
    }

    #[test]
    fn a_text_that_is_not_utf_8_keeps_its_bytes() {
        let bytes = b"\xc9\xdf\xbe\xd3\xc2\xeb"; // GB 18030
        let seen = read(&png(canvas(300, 300, &[(20, 20, &testing::code(bytes, 8))])));
        let [only] = seen.codes.as_slice() else { panic!("{seen:?}") };
        assert_eq!((only.bytes.as_slice(), only.text(), only.is_digits()), (bytes.as_slice(), None, false));
    }

    #[test]
    fn a_picture_without_a_code_is_empty_and_a_spoilt_code_is_counted() {
        let blank = read(&png(GrayImage::from_pixel(640, 480, Luma([200]))));
        assert_eq!((blank.codes.len(), blank.unread), (0, 0));
        // Two thirds of the modules covered, the corners not.
        let mut spoilt = canvas(600, 500, &[(60, 40, &code(&digits(829), 5))]);
        imageops::replace(&mut spoilt, &GrayImage::from_pixel(190, 190, Luma([255])), 150, 130);
        let seen = read(&png(spoilt));
        assert_eq!((seen.codes.len(), seen.unread), (0, 1));
    }

    #[test]
    fn small_large_and_tiny_pictures() {
        let text = digits(200);
        // Two pixels to the module need the enlarged picture; 3,600 pixels the reduced one.
        assert_eq!(texts(&read(&png(canvas(200, 200, &[(20, 20, &code(&text, 2))])))), [text.as_str()]);
        assert_eq!(texts(&read(&png(canvas(3_600, 3_000, &[(200, 200, &code(&text, 40))])))), [text.as_str()]);
        // Reduced to 1,920 pixels, this one has 1.6 pixels to the module.
        assert_eq!(texts(&read(&png(canvas(3_600, 400, &[(900, 90, &code(&text, 3))])))), [text.as_str()]);
        for (width, height) in [(1, 1), (1, 700), (700, 1), (2, 3), (7, 7)] {
            assert!(read(&png(GrayImage::new(width, height))).codes.is_empty(), "{width} x {height}");
        }
    }

    #[test]
    fn every_pixel_format_is_read() {
        let text = digits(100);
        let grey = canvas(260, 260, &[(20, 20, &code(&text, 5))]);
        let dark = |x, y| grey.get_pixel(x, y).0[0] < 128;
        let grey16 = DynamicImage::ImageLuma16(DynamicImage::from(grey.clone()).into_luma16());
        let colour16 = DynamicImage::ImageRgb16(DynamicImage::from(grey.clone()).into_rgb16());
        // Black on transparent: without a white page behind it, all is black.
        let alpha = RgbaImage::from_fn(260, 260, |x, y| Rgba([0, 0, 0, if dark(x, y) { 255 } else { 0 }]));
        let colour = RgbImage::from_fn(260, 260, |x, y| Rgb(if dark(x, y) { [20, 60, 30] } else { [250, 240, 200] }));
        let alpha16 = DynamicImage::ImageRgba16(DynamicImage::from(alpha.clone()).into_rgba16());
        for picture in [grey16, colour16, alpha.into(), alpha16, colour.into()] {
            assert_eq!(texts(&read(&encoded(&picture, ImageFormat::Png))), [text.as_str()], "{:?}", picture.color());
        }
        let indices: Vec<u8> =
            grey.rows().flat_map(|row| std::iter::once(0).chain(row.map(|p| p.0[0] / 255))).collect();
        let palette = [header(260, 260, 8, 3), chunk(b"PLTE", &[10, 10, 60, 250, 250, 240]), data(&stored(&indices))];
        assert_eq!(texts(&read(&png_file(&palette))), [text.as_str()]);
        for quality in [60, 95] {
            assert_eq!(texts(&read(&jpeg(&grey, quality))), [text.as_str()]);
        }
    }

    // --- what is refused ---

    #[test]
    fn other_kinds_are_refused_by_their_content_and_named() {
        let cases: &[(&[u8], Kind)] = &[
            (b"GIF89a\x01\0\x01\0", Kind::Gif),
            (b"BM\x46\0\0\0\0\0", Kind::Bmp),
            (b"II*\0\x08\0\0\0", Kind::Tiff),
            (b"MM\0*\0\0\0\x08", Kind::Tiff),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Kind::Heic),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", Kind::Heic),
            (b"\0\0\0\x18ftypavif\0\0\0\0", Kind::Avif),
            (b"\0\0\0\x18ftypisom\0\0\0\0", Kind::Video),
            (b"\xff\x0a\xfa\x1f", Kind::JpegXl),
            (b"%PDF-1.7\n", Kind::Pdf),
            (b"PK\x03\x04\x14\0", Kind::Zip),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\">", Kind::Svg),
            (b"<!DOCTYPE html><html>", Kind::Html),
            (b"861120001234\r\n", Kind::Digits),
            ("居住证".as_bytes(), Kind::Text),
            (b"\x01\x02\x03\x04", Kind::Unknown),
            (b"RIFF\x24\0\0\0WAVEfmt ", Kind::Unknown),
        ];
        for (bytes, kind) in cases {
            let error = refused(bytes);
            assert_eq!(error, ScanError::Format { kind: *kind });
            assert_eq!(error.code(), "IMAGE_FORMAT");
            assert!(error.to_string().contains(&kind.to_string()) && error.zh().contains(kind.zh()));
        }
        assert_eq!(refused(b""), ScanError::Empty);
    }

    #[test]
    fn text_cut_inside_a_character_is_still_text() {
        let long = "证".repeat(2_000); // 4,096 is no multiple of 3
        assert_eq!(Kind::of(long.as_bytes()), Kind::Text);
    }

    #[test]
    fn file_size_is_bounded() {
        let file = png(canvas(300, 300, &[(20, 20, &code(&digits(50), 6))]));
        let at = |file_bytes| read_texts(&file, &Limits { file_bytes, ..Limits::default() });
        assert!(at(file.len()).is_ok());
        let error = at(file.len() - 1).unwrap_err();
        assert_eq!(error, ScanError::TooLarge { bytes: file.len(), limit: file.len() - 1 });
        assert!(error.to_string().contains(&file.len().to_string()));
    }

    #[test]
    fn dimensions_and_memory_are_bounded_on_both_sides() {
        let picture = canvas(320, 300, &[(20, 20, &code(&digits(50), 6))]);
        for file in [png(picture.clone()), jpeg(&picture, 90)] {
            let with = |side_px, pixels| {
                let limits = Limits { side_px, pixels, ..Limits::default() };
                read_texts(&file, &limits).map(|seen| seen.codes.len())
            };
            assert_eq!(with(320, 96_000), Ok(1));
            assert_eq!(with(319, 96_000), Err(ScanError::Dimensions { width: 320, height: 300, limit: 319 }));
            assert_eq!(with(320, 95_999), Err(ScanError::Pixels { width: 320, height: 300, limit: 95_999 }));
        }
    }

    /// A real bomb: valid to the last byte, 3 MB that decode to 530.
    #[test]
    fn a_decompression_bomb_is_refused_by_its_header() {
        let small = black_png(300, 200);
        assert_eq!(read(&small).codes.len(), 0, "the bomb maker makes valid pictures");
        let bomb = black_png(13_300, 13_300);
        assert!(bomb.len() < Limits::default().file_bytes);
        assert_eq!(refused(&bomb), ScanError::Dimensions { width: 13_300, height: 13_300, limit: 12_000 });
        let narrower = black_png(8_000, 8_000);
        assert_eq!(refused(&narrower), ScanError::Pixels { width: 8_000, height: 8_000, limit: 50_000_000 });
    }

    /// What follows these headers is no picture at all. That the refusal names the size, and not the damage, shows that
    /// nothing was decoded before it.
    #[test]
    fn headers_are_judged_before_the_data_is_touched() {
        let garbage = |width, height| png_file(&[header(width, height, 8, 2), data(b"no zlib stream")]);
        let limit = 12_000;
        assert_eq!(refused(&garbage(50_000, 50_000)), ScanError::Dimensions { width: 50_000, height: 50_000, limit });
        assert_eq!(refused(&garbage(u32::MAX, u32::MAX)).code(), "IMAGE_DIMENSIONS");
        assert_eq!(refused(&garbage(12_001, 1)).code(), "IMAGE_DIMENSIONS");
        assert_eq!(refused(&garbage(0, 10)).code(), "IMAGE_DIMENSIONS");
        assert_eq!(refused(&garbage(10_000, 5_001)).code(), "IMAGE_PIXELS");
        assert_eq!(refused(&garbage(10_000, 5_000)).code(), "IMAGE_DAMAGED");
        assert_eq!(refused(&garbage(12_000, 1)).code(), "IMAGE_DAMAGED");

        let mut file = jpeg(&canvas(64, 64, &[]), 90);
        let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        file[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        assert_eq!(refused(&file), ScanError::Dimensions { width: 65_535, height: 65_535, limit });
        file[frame + 5..frame + 9].copy_from_slice(&[0x1f, 0x40, 0x1f, 0x40]);
        assert_eq!(refused(&file), ScanError::Pixels { width: 8_000, height: 8_000, limit: 50_000_000 });
    }

    #[test]
    fn a_header_that_lies_about_the_data_is_damage() {
        let grey = canvas(260, 260, &[(20, 20, &code(&digits(100), 5))]);
        let rows: Vec<u8> = grey.rows().flat_map(|row| std::iter::once(0).chain(row.map(|pixel| pixel.0[0]))).collect();
        let declared = |width, height| png_file(&[header(width, height, 8, 0), data(&stored(&rows))]);
        assert_eq!(read(&declared(260, 260)).codes.len(), 1);
        for (width, height) in [(260, 261), (260, 12_000), (261, 260), (7_000, 260), (7_000, 7_000)] {
            assert_eq!(refused(&declared(width, height)).code(), "IMAGE_DAMAGED", "{width} x {height}");
        }
        // Fewer rows than there are: what is declared is what is read.
        assert!(read_texts(&declared(260, 100), &Limits::default()).is_ok_and(|seen| seen.codes.is_empty()));
        let mut miscounted = declared(260, 260);
        miscounted[29] ^= 1; // checksum of the header
        assert_eq!(refused(&miscounted).code(), "IMAGE_DAMAGED");
    }

    #[test]
    fn truncated_files_are_damaged_or_read_right() {
        let text = digits(100);
        let picture = canvas(300, 300, &[(20, 20, &code(&text, 5))]);
        let (png, jpeg) = (png(picture.clone()), jpeg(&picture, 90));
        for part in 0..16 {
            let cut = |file: &[u8]| read_texts(&file[..file.len() * part / 16], &Limits::default());
            let expected = if part == 0 { "IMAGE_EMPTY" } else { "IMAGE_DAMAGED" };
            assert_eq!(cut(&png).unwrap_err().code(), expected, "PNG {part}/16");
            match cut(&jpeg) {
                Ok(seen) => assert_eq!(texts(&seen), [text.as_str()], "JPEG {part}/16"),
                Err(error) => assert_eq!(error.code(), expected, "JPEG {part}/16"),
            }
        }
        for length in 1..60 {
            assert!(read_texts(&png[..length], &Limits::default()).is_err());
            assert!(read_texts(&jpeg[..length], &Limits::default()).is_err());
        }
    }

    #[test]
    fn animated_pngs_are_refused() {
        let still = png(canvas(260, 260, &[(20, 20, &code(&digits(100), 5))]));
        let (head, body) = still.split_at(33); // signature and header chunk
        let control = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
        let animated = [head, &control, body].concat();
        assert_eq!(refused(&animated), ScanError::Animated { kind: Kind::Png });
    }

    #[test]
    fn random_bytes_never_panic_and_never_read() {
        quiet_contained_panics();
        let mut seed = 1u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        let picture = canvas(200, 200, &[(10, 10, &code(&digits(20), 6))]);
        let (png, jpeg) = (png(picture.clone()), jpeg(&picture, 80));
        for round in 0..300 {
            let noise: Vec<u8> = (0..64 + 8 * round).map(|_| next()).collect();
            assert!(read_texts(&noise, &Limits::default()).is_err());
            for start in [&png[..33], &jpeg[..200]] {
                let spliced = [start, &noise].concat();
                assert!(read_texts(&spliced, &Limits::default()).map_or(true, |seen| seen.codes.is_empty()));
            }
            // One byte changed in a good file: an error, nothing, or the right text.
            for good in [&png, &jpeg] {
                let mut changed = good.clone();
                let place = (usize::from(next()) << 8 | usize::from(next())) % changed.len();
                changed[place] ^= next() | 1;
                if let Ok(seen) = read_texts(&changed, &Limits::default()) {
                    assert!(texts(&seen).iter().all(|text| *text == digits(20)));
                }
            }
        }
    }

    #[test]
    fn noise_of_full_size_ends_within_its_work() {
        let mut seed = 7u32;
        let noisy = GrayImage::from_fn(1_600, 1_200, |_, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([if seed >> 31 == 0 { 0 } else { 255 }])
        });
        assert!(read(&png(noisy)).codes.is_empty());
    }

    #[test]
    fn debug_shows_no_text() {
        let seen = read(&png(canvas(300, 300, &[(20, 20, &code("8612345678", 8))])));
        assert_eq!(texts(&seen), ["8612345678"]);
        let shown = format!("{seen:?}");
        assert!(!shown.contains("8612345678") && shown.contains("[10 bytes]"), "{shown}");
        assert!(!shown.contains("56, 54"), "no byte values either: {shown}");
    }

    // --- makers of pictures ---

    fn digits(length: usize) -> String {
        (0..length).map(|i| char::from(b'0' + ((i * i + i / 7 + length) % 10) as u8)).collect()
    }

    fn code(text: &str, scale: u32) -> GrayImage {
        testing::code(text.as_bytes(), scale)
    }

    fn canvas(width: u32, height: u32, placed: &[(i64, i64, &GrayImage)]) -> GrayImage {
        let mut canvas = GrayImage::from_pixel(width, height, Luma([255]));
        for (x, y, picture) in placed {
            imageops::replace(&mut canvas, *picture, *x, *y);
        }
        canvas
    }

    /// Turned about the centre, nearest pixel, with the colour of the first pixel around it.
    fn turned(picture: &GrayImage, degrees: f64) -> GrayImage {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (cx, cy) = (f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0);
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
            let (x, y) = (f64::from(x) - cx, f64::from(y) - cy);
            let (u, v) = (cos * x + sin * y + cx, cos * y - sin * x + cy);
            let inside = u >= 0.0 && v >= 0.0;
            let pixel = inside.then(|| picture.get_pixel_checked(u as u32, v as u32)).flatten();
            *pixel.unwrap_or(picture.get_pixel(0, 0))
        })
    }

    fn png(picture: GrayImage) -> Vec<u8> {
        encoded(&picture.into(), ImageFormat::Png)
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn jpeg(picture: &GrayImage, quality: u8) -> Vec<u8> {
        let mut file = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
        encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::L8).unwrap();
        file
    }

    fn read(file: &[u8]) -> Seen {
        read_texts(file, &Limits::default()).unwrap()
    }

    fn texts(seen: &Seen) -> Vec<&str> {
        seen.codes.iter().map(|code| code.text().unwrap()).collect()
    }

    fn refused(file: &[u8]) -> ScanError {
        read_texts(file, &Limits::default()).unwrap_err()
    }

    fn png_file(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat(), chunk(b"IEND", b"")].concat()
    }

    fn header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        chunk(b"IHDR", &[size.as_slice(), &[depth, colour, 0, 0, 0]].concat())
    }

    fn data(stream: &[u8]) -> Vec<u8> {
        chunk(b"IDAT", stream)
    }

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let checked = [name, content].concat();
        let length = (content.len() as u32).to_be_bytes();
        [length.as_slice(), &checked, &crc(&checked).to_be_bytes()].concat()
    }

    /// CRC-32 (ISO/IEC 3309), bit by bit.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        })
    }

    /// A black RGB picture without ever holding its pixels: DEFLATE with fixed codes (RFC 1951, section 3.2.6), one
    /// zero and then copies of 258 zeros, 13 bits each.
    fn black_png(width: u32, height: u32) -> Vec<u8> {
        let zeros = u64::from(height) * (1 + 3 * u64::from(width));
        let mut bits = Bits::default();
        bits.push(0b011, 3); // last block, fixed codes
        bits.push_code(0b0011_0000, 8); // literal 0
        let mut left = zeros - 1;
        while left >= 258 {
            bits.push_code(0b1100_0101, 8); // length 258
            bits.push_code(0, 5); // distance 1
            left -= 258;
        }
        for _ in 0..left {
            bits.push_code(0b0011_0000, 8);
        }
        bits.push_code(0, 7); // end of block
        // Adler-32 of zeros: the first sum stays 1, the second counts them.
        let adler = ((zeros % 65_521) as u32) << 16 | 1;
        let stream = [[0x78, 0x01].as_slice(), &bits.finish(), &adler.to_be_bytes()].concat();
        png_file(&[header(width, height, 8, 2), data(&stream)])
    }

    /// Bits packed from the lowest up, as DEFLATE packs them.
    #[derive(Default)]
    struct Bits {
        bytes: Vec<u8>,
        waiting: u32,
        count: u32,
    }

    impl Bits {
        fn push(&mut self, value: u32, length: u32) {
            self.waiting |= value << self.count;
            self.count += length;
            while self.count >= 8 {
                self.bytes.push(self.waiting as u8);
                self.waiting >>= 8;
                self.count -= 8;
            }
        }

        /// Huffman codes go in with their highest bit first.
        fn push_code(&mut self, code: u32, length: u32) {
            self.push(code.reverse_bits() >> (32 - length), length);
        }

        fn finish(mut self) -> Vec<u8> {
            self.push(0, 7);
            self.bytes
        }
    }
}
