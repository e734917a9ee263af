//! QR codes (ISO/IEC 18004) that hold decimal digits, as PNG, SVG and terminal text.
//!
//! Everything Juma puts on a screen or on paper is a string of digits (`SPEC.md`, section 1), so numeric mode is the
//! only mode here: a code made by this module never holds anything else.

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use qrcode::bits::Bits;
use qrcode::types::QrError as SymbolError;
use qrcode::{EcLevel, Version};

/// A QR symbol of the smallest version that holds its digits.
///
/// ```
/// use issuer::qr::{Level, QrCode};
///
/// let code = QrCode::from_digits("8612000", Level::M)?;
/// assert_eq!((code.version(), code.side()), (1, 21));
/// let svg = code.to_svg();
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), issuer::qr::QrError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    version: u8,
    level: Level,
    rows: Vec<Vec<bool>>,
}

impl QrCode {
    /// Width of the empty margin on every side, in modules (ISO/IEC 18004, section 9.1).
    pub const QUIET_ZONE: u32 = 4;

    /// Makes the smallest symbol that holds `digits` at the given error-correction level.
    ///
    /// # Errors
    ///
    /// [`QrError::Empty`], [`QrError::NotADigit`] for anything but ASCII `0` to `9`, [`QrError::TooLong`] if not even
    /// version 40 has room.
    pub fn from_digits(digits: &str, level: Level) -> Result<Self, QrError> {
        if digits.is_empty() {
            return Err(QrError::Empty);
        }
        if let Some((before, found)) = digits.chars().enumerate().find(|(_, c)| !c.is_ascii_digit()) {
            return Err(QrError::NotADigit { position: before + 1, code_point: u32::from(found) });
        }
        let too_long = QrError::TooLong { digits: digits.len(), most: level.most_digits(), level };
        let version = smallest_version(digits.len(), level).ok_or(too_long)?;

        let mut bits = Bits::new(Version::Normal(version.into()));
        bits.push_numeric_data(digits.as_bytes())?;
        bits.push_terminator(level.into())?;
        let symbol = qrcode::QrCode::with_bits(bits, level.into())?;
        let rows = symbol.to_colors().chunks(symbol.width()).map(dark_modules).collect();
        Ok(QrCode { version, level, rows })
    }

    /// The version, 1 to 40: the side is 17 + 4 × version modules.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The error-correction level the symbol was made with.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Modules on one side, without the quiet zone: 21 to 177.
    pub fn side(&self) -> u32 {
        17 + 4 * u32::from(self.version)
    }

    /// The modules, row by row from the top, without the quiet zone; `true` is dark.
    pub fn modules(&self) -> &[Vec<bool>] {
        &self.rows
    }

    /// An 8-bit grey PNG, black on white, with the quiet zone, `scale` pixels to the module.
    ///
    /// Grey and not one bit a pixel: the few bytes saved are not worth the programs that misread one-bit files. Same
    /// code, same scale, same bytes.
    ///
    /// # Errors
    ///
    /// [`QrError::Scale`] if `scale` is 0 or the picture would be wider than [`QrCode::PNG_SIDE`] pixels.
    pub fn to_png(&self, scale: u32) -> Result<Vec<u8>, QrError> {
        let cells = self.side() + 2 * Self::QUIET_ZONE;
        let largest = Self::PNG_SIDE / cells;
        if scale == 0 || scale > largest {
            return Err(QrError::Scale { scale, largest });
        }
        let side = cells * scale;
        let mut grey = Vec::with_capacity(side as usize * side as usize);
        for y in 0..side {
            grey.extend((0..side).map(|x| if self.dark(x / scale, y / scale) { 0u8 } else { 255 }));
        }
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::NoFilter)
            .write_image(&grey, side, side, image::ExtendedColorType::L8)
            .map_err(|error| QrError::Encoder(error.to_string()))?;
        Ok(png)
    }

    /// The widest PNG that [`to_png`](QrCode::to_png) makes, in pixels. Verifiers refuse wider pictures.
    pub const PNG_SIDE: u32 = 8_000;

    /// An SVG document: one white square, one black path, the quiet zone, one unit to the module.
    ///
    /// It has no size of its own, so it fills the place it is put in; `crispEdges` keeps module borders from blurring
    /// at odd sizes. It contains no text but a fixed title.
    pub fn to_svg(&self) -> String {
        let cells = self.side() + 2 * Self::QUIET_ZONE;
        let mut path = String::new();
        for (y, row) in (Self::QUIET_ZONE..).zip(&self.rows) {
            let mut x = Self::QUIET_ZONE;
            for run in row.chunk_by(|left, right| left == right) {
                let width = run.len() as u32; // at most 177
                if run.first() == Some(&true) {
                    path.push_str(&format!("M{x} {y}h{width}v1h-{width}z"));
                }
                x += width;
            }
        }
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {cells} {cells}" shape-rendering="crispEdges" role="img">"#,
                "<title>居码 Juma</title>",
                r##"<rect width="{cells}" height="{cells}" fill="#fff"/>"##,
                r##"<path fill="#000" d="{path}"/>"##,
                "</svg>\n"
            ),
            cells = cells,
            path = path
        )
    }

    /// Terminal text: half blocks, two rows of modules to a line, with the quiet zone; lines end in `\n`.
    ///
    /// Colours are set explicitly, black blocks on white, because a code drawn in the terminal's own colours comes out
    /// inverted on every dark theme, and many readers do not read inverted codes. They are numbers 16 and 231 of the
    /// 256-colour cube: themes repaint the sixteen named colours (white often becomes grey), but leave the cube alone.
    pub fn to_terminal(&self) -> String {
        let cells = self.side() + 2 * Self::QUIET_ZONE;
        let mut text = String::new();
        for y in (0..cells).step_by(2) {
            text.push_str("\x1b[38;5;16;48;5;231m");
            text.extend((0..cells).map(|x| match (self.dark(x, y), self.dark(x, y + 1)) {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            }));
            text.push_str("\x1b[0m\n");
        }
        text
    }

    /// Whether the module at (x, y) is dark; the quiet zone counts from 0, and all beyond the symbol is light.
    fn dark(&self, x: u32, y: u32) -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(Self::QUIET_ZONE), y.checked_sub(Self::QUIET_ZONE)) else {
            return false;
        };
        self.rows.get(y as usize).and_then(|row| row.get(x as usize)).copied().unwrap_or(false)
    }
}

/// Shows the size only: the modules are the holder's personal data, readable by anyone who draws them.
impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QrCode {{ version: {}, level: {:?}, .. }}", self.version, self.level)
    }
}

/// How much of a symbol may be damaged and still be read (ISO/IEC 18004, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// About 7 % of the codewords: for screens, which are clean, and where large modules matter more.
    L,
    /// About 15 % of the codewords: for paper, which is folded and stained.
    M,
}

impl Level {
    /// The most digits one symbol can hold: version 40.
    pub fn most_digits(self) -> usize {
        match self {
            Level::L => 7_089,
            Level::M => 5_596,
        }
    }
}

impl From<Level> for EcLevel {
    fn from(level: Level) -> EcLevel {
        match level {
            Level::L => EcLevel::L,
            Level::M => EcLevel::M,
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Level::L => "L",
            Level::M => "M",
        })
    }
}

/// Why no QR code, or no picture of it, could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// There are no digits.
    #[error(
        "a QR code needs at least one digit, but the text is empty. Give the digits of a permit, voucher or challenge"
    )]
    Empty,
    /// A character that is no ASCII digit.
    #[error(
        "character {position} of the text is U+{code_point:04X}, but a Juma code holds only the digits 0 to 9. \
         Give the digits as they were issued, without spaces or line breaks"
    )]
    NotADigit {
        /// Counted in characters from 1.
        position: usize,
        /// Its Unicode code point.
        code_point: u32,
    },
    /// More digits than the largest symbol holds.
    #[error(
        "{digits} digits do not fit: a QR code of level {level} holds at most {most}. \
         Shorten the text{}",
        if *level == Level::M { ", or use level L, which holds 7089" } else { "" }
    )]
    TooLong {
        /// Digits given.
        digits: usize,
        /// Digits that fit.
        most: usize,
        /// The level asked for.
        level: Level,
    },
    /// A scale of zero, or so large that the picture would be wider than [`QrCode::PNG_SIDE`].
    #[error("{scale} pixels to the module is out of range for this code. Choose 1 to {largest}")]
    Scale {
        /// Pixels to the module asked for.
        scale: u32,
        /// The most that are possible for this code.
        largest: u32,
    },
    /// The QR or PNG encoder refused what this module handed it. A defect, please report it.
    #[error("the picture encoder failed: {0}. This is a defect; please report it")]
    Encoder(String),
}

impl QrError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            QrError::Empty => "QR_EMPTY",
            QrError::NotADigit { .. } => "QR_NOT_DIGITS",
            QrError::TooLong { .. } => "QR_TOO_LONG",
            QrError::Scale { .. } => "QR_SCALE",
            QrError::Encoder(_) => "QR_ENCODER",
        }
    }
}

impl From<SymbolError> for QrError {
    fn from(error: SymbolError) -> Self {
        QrError::Encoder(error.to_string())
    }
}

fn smallest_version(digits: usize, level: Level) -> Option<u8> {
    (1..=40u8).find(|&version| {
        let room = Bits::new(Version::Normal(version.into())).max_len(level.into());
        room.is_ok_and(|room| numeric_bits(digits, version) <= room)
    })
}

/// Bits of one numeric segment: mode, character count, three digits in ten bits (ISO/IEC 18004, section 7.4.3).
fn numeric_bits(digits: usize, version: u8) -> usize {
    let count = match version {
        ..=9 => 10,
        10..=26 => 12,
        27.. => 14,
    };
    let rest = match digits % 3 {
        0 => 0,
        1 => 4,
        _ => 7,
    };
    4 + count + digits / 3 * 10 + rest
}

fn dark_modules(row: &[qrcode::Color]) -> Vec<bool> {
    row.iter().map(|colour| *colour == qrcode::Color::Dark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(length: usize) -> String {
        (0..length).map(|i| char::from(b'0' + (i * i % 10) as u8)).collect()
    }

    fn read(grey: image::GrayImage) -> Vec<String> {
        let mut prepared = rqrr::PreparedImage::prepare(grey);
        prepared.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
    }

    fn read_modules(rows: &[Vec<bool>]) -> String {
        let grid = rqrr::SimpleGrid::from_func(rows.len(), |x, y| rows[y][x]);
        rqrr::Grid::new(grid).decode().unwrap().1
    }

    #[test]
    fn digits_come_back_from_the_png() {
        for (length, level) in [(1, Level::L), (7, Level::M), (829, Level::L), (829, Level::M), (1_300, Level::L)] {
            let text = digits(length);
            let code = QrCode::from_digits(&text, level).unwrap();
            let picture = image::load_from_memory(&code.to_png(4).unwrap()).unwrap().into_luma8();
            assert_eq!(picture.width(), (code.side() + 8) * 4);
            assert_eq!(picture.dimensions().0, picture.dimensions().1);
            assert_eq!(read(picture), [text]);
        }
    }

    #[test]
    fn png_has_a_white_quiet_zone_of_four_modules() {
        let code = QrCode::from_digits("8612000", Level::L).unwrap();
        let picture = image::load_from_memory(&code.to_png(3).unwrap()).unwrap().into_luma8();
        let side = picture.width();
        for (x, y, pixel) in picture.enumerate_pixels() {
            if x < 12 || y < 12 || x >= side - 12 || y >= side - 12 {
                assert_eq!(pixel.0, [255], "at {x}, {y}");
            }
        }
        assert_eq!(picture.get_pixel(12, 12).0, [0], "the finder pattern starts right after it");
    }

    #[test]
    fn the_smallest_version_that_fits_is_taken() {
        // The sizes SPEC.md promises for a passive presentation of 340 bytes.
        let presentation = digits(829);
        assert_eq!(QrCode::from_digits(&presentation, Level::L).unwrap().version(), 12);
        assert_eq!(QrCode::from_digits(&presentation, Level::M).unwrap().version(), 14);
        // ISO/IEC 18004, table 7: numeric capacity, on both sides of every bound.
        for (version, level, most) in [
            (1, Level::L, 41),
            (1, Level::M, 34),
            (9, Level::L, 552),
            (10, Level::L, 652),
            (12, Level::L, 883),
            (14, Level::M, 871),
            (16, Level::L, 1_408),
            (26, Level::L, 3_283),
            (27, Level::L, 3_517),
            (39, Level::M, 5_313),
        ] {
            assert_eq!(QrCode::from_digits(&digits(most), level).unwrap().version(), version, "{version} {level}");
            assert_eq!(QrCode::from_digits(&digits(most + 1), level).unwrap().version(), version + 1);
        }
    }

    #[test]
    fn the_largest_symbol_is_the_bound() {
        for level in [Level::L, Level::M] {
            let most = level.most_digits();
            assert_eq!(QrCode::from_digits(&digits(most), level).unwrap().version(), 40);
            let error = QrCode::from_digits(&digits(most + 1), level).unwrap_err();
            assert_eq!(error, QrError::TooLong { digits: most + 1, most, level });
            assert_eq!(error.code(), "QR_TOO_LONG");
        }
    }

    #[test]
    fn only_ascii_digits_are_taken() {
        assert_eq!(QrCode::from_digits("", Level::L).unwrap_err().code(), "QR_EMPTY");
        for (text, position) in [("12a", 3), (" 12", 1), ("12\n", 3), ("１２", 1), ("1٢", 2), ("-1", 1)] {
            match QrCode::from_digits(text, Level::L).unwrap_err() {
                QrError::NotADigit { position: found, .. } => assert_eq!(found, position, "{text:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_scale_is_bounded_on_both_sides() {
        let code = QrCode::from_digits(&digits(7_089), Level::L).unwrap();
        assert_eq!(code.to_png(0).unwrap_err(), QrError::Scale { scale: 0, largest: 43 });
        assert_eq!(code.to_png(44).unwrap_err(), QrError::Scale { scale: 44, largest: 43 });
        let picture = image::load_from_memory(&code.to_png(43).unwrap()).unwrap();
        assert_eq!(picture.width(), 7_955);
    }

    #[test]
    fn svg_draws_exactly_the_dark_modules() {
        let code = QrCode::from_digits(&digits(829), Level::M).unwrap();
        let svg = code.to_svg();
        assert!(svg.contains(r#"viewBox="0 0 81 81""#));
        assert!(svg.contains(r#"shape-rendering="crispEdges""#));
        assert_eq!(svg.matches("<path").count(), 1);
        let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut rows = vec![vec![false; 73]; 73];
        for run in path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let width: usize = rest.split('v').next().unwrap().parse().unwrap();
            assert_eq!(rest, format!("{width}v1h-{width}z"));
            rows[y - 4][x - 4..x - 4 + width].fill(true);
        }
        assert_eq!(rows, code.modules());
    }

    #[test]
    fn terminal_text_holds_the_modules() {
        let text = digits(829);
        let code = QrCode::from_digits(&text, Level::L).unwrap();
        let side = code.side() as usize + 8;
        let mut rows: Vec<Vec<bool>> = Vec::new();
        for line in code.to_terminal().lines() {
            let blocks = line.strip_prefix("\x1b[38;5;16;48;5;231m").unwrap().strip_suffix("\x1b[0m").unwrap();
            rows.push(blocks.chars().map(|c| "▀█".contains(c)).collect());
            rows.push(blocks.chars().map(|c| "▄█".contains(c)).collect());
        }
        assert_eq!(rows.len(), side + 1, "the odd last row is paired with a light one");
        assert!(rows.iter().all(|row| row.len() == side));
        let light = |row: &Vec<bool>| row.iter().all(|dark| !dark);
        assert!(rows[..4].iter().all(light) && rows[side - 4..].iter().all(light));
        let inner: Vec<Vec<bool>> = rows[4..side - 4].iter().map(|row| row[4..side - 4].to_vec()).collect();
        assert_eq!(inner, code.modules());
        assert_eq!(read_modules(&inner), text);
    }

    #[test]
    fn debug_does_not_show_the_modules() {
        let code = QrCode::from_digits("8612000", Level::L).unwrap();
        assert_eq!(format!("{code:?}"), "QrCode { version: 1, level: L, .. }");
    }
}
