//! Pictures to QR texts: the bytes of a PNG or JPEG file go in, the texts of all codes in it come out.
//!
//! What a text means is not this module's business, and nothing it returns is trusted: a picture is input from a
//! stranger. So every step is bounded ([`Limits`], and a meter on the decoder's work that makes it stop at the same
//! point on every machine), and a panic inside a decoder is contained. What cannot be bounded from within a process,
//! memory that a foreign decoder takes for itself, is for the caller: run this in a child process with a limit where
//! strangers can upload pictures.
//!
//! ```no_run
//! use verifier::scan::{Limits, read_texts};
//!
//! let bytes = std::fs::read("counter.jpg")?;
//! let seen = read_texts(&bytes, &Limits::default())?;
//! for code in &seen.codes {
//!     println!("version {}, {:.1} pixels to the module", code.version, code.px_per_module);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decoder;
mod picture;

use image::GrayImage;
use image::imageops::{self, FilterType};

pub use decoder::quiet_contained_panics;
pub use picture::Kind;

use decoder::{Found, Work};

/// Reads every QR code in a PNG or JPEG picture.
///
/// The picture is tried in several ways, the cheapest first: as it is (made smaller if it is larger than
/// [`LONG_SIDE`]), enlarged, at half the size, redrawn in black and white, inverted, as large as it came. The first try
/// that reads a text of digits is the last; codes of other kinds that were read on the way, a shop's address on a
/// sticker say, are returned too.
///
/// Rotation and mirroring need no orientation tag: codes are found at any angle. Animated PNGs are refused, because
/// the picture a clerk looks at need not be the one that was read.
///
/// A picture without any code is no error: [`Seen::codes`] is then empty.
///
/// # Errors
///
/// See [`ScanError`]. A JPEG file that ends early is read as far as it goes, and is an error only if no code was found.
pub fn read_texts(bytes: &[u8], limits: &Limits) -> Result<Seen, ScanError> {
    let picture = picture::decode(bytes, limits)?;
    let (width, height) = picture.grey.dimensions();
    let mut seen = Seen { codes: Vec::new(), unread: 0, width, height };
    let mut unread = Vec::new();
    for attempt in ATTEMPTS {
        let Some(prepared) = attempt.prepare(&picture.grey) else { continue };
        let scale = (f64::from(width) / f64::from(prepared.width()), f64::from(height) / f64::from(prepared.height()));
        let work = Work::for_one_attempt(&prepared);
        let found = decoder::find(prepared, work);
        for code in found {
            seen.add(code, scale, &mut unread);
        }
        if seen.codes.iter().any(SeenCode::is_digits) {
            break;
        }
    }
    seen.unread = unread.iter().filter(|place| !seen.codes.iter().any(|code| code.place().covers(place))).count();
    if seen.codes.is_empty() && !picture.complete {
        return Err(ScanError::Damaged { kind: Kind::Jpeg, bytes: bytes.len() });
    }
    Ok(seen)
}

/// The long side, in pixels, that larger pictures are reduced to before the first try.
///
/// A frame of a 1080p camera stays as it is. In a 4:3 photograph a code of version 16 that fills half the height then
/// still has 8 pixels to the module.
pub const LONG_SIDE: u32 = 1_920;

/// How large a picture may be. The defaults take a photograph of any phone at its usual setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// File size in bytes. Default 10 MB: phones write 2 to 8 MB at 12 megapixels.
    pub file_bytes: usize,
    /// Width and height in pixels, each. Default 8,000: beyond it lie panoramas, scanned plans and decompression bombs.
    pub side_px: u32,
    /// Decoded size in bytes, checked before anything is decoded. Default 64 MB, which is 21 megapixels in colour: a few kilobytes of PNG can
    /// declare gigabytes. While a picture is decoded, up to three times as much may be in use, for progressive JPEG.
    pub decoded_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file_bytes: 10_000_000, side_px: 8_000, decoded_bytes: 64_000_000 }
    }
}

/// What was seen in one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The codes that were read. One text may be here twice, if it is in the picture twice.
    pub codes: Vec<SeenCode>,
    /// Places that look like a code but could not be read: too small, blurred, covered, or no code at all.
    pub unread: usize,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
}

impl Seen {
    fn add(&mut self, found: Found, scale: (f64, f64), unread: &mut Vec<Place>) {
        let corners = found.corners.map(|(x, y)| (in_picture(x, scale.0), in_picture(y, scale.1)));
        let place = Place::around(&corners);
        match found.content {
            Some((version, bytes)) => {
                let known = |code: &SeenCode| code.bytes == bytes && code.place().covers(&place);
                if !self.codes.iter().any(known) {
                    let px_per_module = side_length(&corners) / f64::from(17 + 4 * u32::from(version));
                    self.codes.push(SeenCode { bytes, corners, version, px_per_module });
                }
            }
            None if unread.iter().any(|other: &Place| other.covers(&place)) => {}
            None => unread.push(place),
        }
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
        !self.bytes.is_empty() && self.bytes.iter().all(u8::is_ascii_digit)
    }

    fn place(&self) -> Place {
        Place::around(&self.corners)
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
#[non_exhaustive]
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
    /// The content is neither PNG nor JPEG, whatever the file is called.
    #[error("the file is {kind}, but only PNG and JPEG pictures are read. {}", kind.remedy())]
    Format {
        /// What the content looks like.
        kind: Kind,
    },
    /// A PNG with several frames.
    #[error(
        "the picture is an animated PNG, of which a viewer may show another frame than the one read. Take a still picture"
    )]
    Animated,
    /// The header or the data contradicts the format or itself, or the file ends early.
    #[error("the {kind} file of {bytes} bytes is damaged or incomplete. Take or copy the picture again")]
    Damaged {
        /// PNG or JPEG.
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
    /// Decoded, the picture would need more than [`Limits::decoded_bytes`].
    #[error(
        "decoded, the picture of {width} x {height} pixels would need {bytes} bytes, but at most {limit} are used. \
         Take the picture at a lower resolution, or cut out the part with the code"
    )]
    Memory {
        /// Width that the header declares.
        width: u32,
        /// Height that the header declares.
        height: u32,
        /// Bytes needed.
        bytes: u64,
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
            ScanError::Animated => "IMAGE_ANIMATED",
            ScanError::Damaged { .. } => "IMAGE_DAMAGED",
            ScanError::Dimensions { .. } => "IMAGE_DIMENSIONS",
            ScanError::Memory { .. } => "IMAGE_MEMORY",
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
                format!("该文件是{}，只能读取 PNG 和 JPEG 图片。{}", kind.zh(), kind.remedy_zh())
            }
            ScanError::Animated => "该图片是动态 PNG，看到的画面可能与读取的不同。请使用静态图片。".to_owned(),
            ScanError::Damaged { kind, bytes } => {
                format!("该{}文件（{bytes} 字节）已损坏或不完整。请重新拍摄或复制图片。", kind.zh())
            }
            ScanError::Dimensions { width, height, limit } => format!(
                "图片为 {width} × {height} 像素，每边须为 1 至 {limit} 像素。请更改分辨率后重新拍摄，或只截取二维码部分。"
            ),
            ScanError::Memory { width, height, bytes, limit } => format!(
                "图片为 {width} × {height} 像素，解码需要 {bytes} 字节，最多使用 {limit} 字节。请降低分辨率后重新拍摄，或只截取二维码部分。"
            ),
        }
    }
}

/// One way to prepare a picture for the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// Reduced to [`LONG_SIDE`] if it is larger.
    Plain,
    /// One and a half times as large: the decoder rounds corners to whole pixels, which five pixels to the module do
    /// not forgive.
    Enlarged,
    /// Half as large: averages noise away, where the modules are large enough.
    Half,
    /// Twice as large, smoothed, then black or white against the neighbourhood: small modules, noise, uneven light.
    Redrawn,
    /// Light on dark.
    Inverted,
    /// As large as it came: a small code in a large photograph.
    Original,
}

/// In the order in which they read most for their time.
const ATTEMPTS: [Attempt; 6] = [
    Attempt::Plain,
    Attempt::Enlarged,
    Attempt::Half,
    Attempt::Redrawn,
    Attempt::Inverted,
    Attempt::Original,
];

impl Attempt {
    /// The prepared picture, or `None` if this attempt has nothing new to offer for a picture of this size.
    fn prepare(self, grey: &GrayImage) -> Option<GrayImage> {
        let (width, height) = grey.dimensions();
        let long = width.max(height);
        match self {
            Attempt::Plain => Some(reduced(grey)),
            Attempt::Enlarged => {
                (long <= LONG_SIDE).then(|| resized(grey, width.saturating_mul(3) / 2, height.saturating_mul(3) / 2))
            }
            Attempt::Half => (long >= 600).then(|| {
                let full = reduced(grey);
                imageops::thumbnail(&full, (full.width() / 2).max(1), (full.height() / 2).max(1))
            }),
            Attempt::Redrawn => (long <= 1_300).then(|| {
                let double = resized(grey, width.saturating_mul(2), height.saturating_mul(2));
                black_or_white(&neighbourhood(&double, 1), 60)
            }),
            Attempt::Inverted => {
                let mut inverted = reduced(grey);
                imageops::invert(&mut inverted);
                Some(inverted)
            }
            Attempt::Original => (long > LONG_SIDE).then(|| grey.clone()),
        }
    }
}

fn reduced(grey: &GrayImage) -> GrayImage {
    let (width, height) = grey.dimensions();
    let long = width.max(height);
    if long <= LONG_SIDE {
        return grey.clone();
    }
    let fit = |side: u32| (u64::from(side) * u64::from(LONG_SIDE) / u64::from(long)).max(1) as u32;
    imageops::thumbnail(grey, fit(width), fit(height))
}

/// Bilinear: sharper filters cost several times as much and read no more.
fn resized(grey: &GrayImage, width: u32, height: u32) -> GrayImage {
    imageops::resize(grey, width.max(1), height.max(1), FilterType::Triangle)
}

/// Black where a pixel is clearly darker than the mean of the square of `radius` around it, white elsewhere.
fn black_or_white(grey: &GrayImage, radius: usize) -> GrayImage {
    let mut drawn = neighbourhood(grey, radius);
    for (mean, level) in drawn.pixels_mut().zip(grey.pixels()) {
        let dark = u32::from(level.0[0]) * 100 < u32::from(mean.0[0]) * 95;
        mean.0 = [if dark { 0 } else { 255 }];
    }
    drawn
}

/// The mean of the square from `radius` before to `radius` behind each pixel, cut off at the borders.
fn neighbourhood(grey: &GrayImage, radius: usize) -> GrayImage {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    // First along the rows, then along the columns, each with a sum that slides.
    let mut means = GrayImage::new(grey.width(), grey.height());
    let mut along = Vec::with_capacity(grey.len());
    for row in grey.chunks(width.max(1)) {
        let (mut sum, mut count) = (0u32, 0u32);
        for x in 0..width + radius {
            if let Some(level) = row.get(x) {
                (sum, count) = (sum + u32::from(*level), count + 1);
            }
            if let Some(level) = x.checked_sub(2 * radius + 1).and_then(|gone| row.get(gone)) {
                (sum, count) = (sum - u32::from(*level), count - 1);
            }
            if x >= radius {
                along.push((sum / count.max(1)) as u8);
            }
        }
    }
    let rows: Vec<&[u8]> = along.chunks(width.max(1)).collect();
    let mut sums = vec![0u32; width];
    let mut count = 0u32;
    let mut out = means.chunks_mut(width.max(1));
    for y in 0..height + radius {
        if let Some(row) = rows.get(y) {
            sums.iter_mut().zip(*row).for_each(|(sum, level)| *sum += u32::from(*level));
            count += 1;
        }
        if let Some(row) = y.checked_sub(2 * radius + 1).and_then(|gone| rows.get(gone)) {
            sums.iter_mut().zip(*row).for_each(|(sum, level)| *sum -= u32::from(*level));
            count -= 1;
        }
        if y >= radius
            && let Some(row) = out.next()
        {
            row.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum / count.max(1)) as u8);
        }
    }
    means
}

/// The axis-parallel rectangle around a code, in pixels of the picture.
#[derive(Clone, Copy, Debug)]
struct Place {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Place {
    fn around(corners: &[(i32, i32); 4]) -> Place {
        let [a, b, c, d] = *corners;
        Place {
            left: a.0.min(b.0).min(c.0).min(d.0),
            top: a.1.min(b.1).min(c.1).min(d.1),
            right: a.0.max(b.0).max(c.0).max(d.0),
            bottom: a.1.max(b.1).max(c.1).max(d.1),
        }
    }

    /// Whether the centre of `other` lies within.
    fn covers(&self, other: &Place) -> bool {
        let middle = |low: i32, high: i32| low.midpoint(high);
        let (x, y) = (middle(other.left, other.right), middle(other.top, other.bottom));
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// A coordinate of a prepared picture in the picture it was made from. `as` saturates.
fn in_picture(coordinate: i32, scale: f64) -> i32 {
    (f64::from(coordinate) * scale).round() as i32
}

fn side_length(corners: &[(i32, i32); 4]) -> f64 {
    let [a, b, c, d] = corners.map(|(x, y)| (f64::from(x), f64::from(y)));
    let length = |p: (f64, f64), q: (f64, f64)| (p.0 - q.0).hypot(p.1 - q.1);
    (length(a, b) + length(b, c) + length(c, d) + length(d, a)) / 4.0
}
