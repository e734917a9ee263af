//! The digits of a code as a QR symbol (ISO/IEC 18004): a PNG file, or half blocks in a terminal.

use command_line::refusal::Refusal;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use qrcode::{Color, EcLevel, QrCode};

/// White modules around the symbol.
const QUIET_ZONE: usize = 4;
const PIXELS_A_MODULE: usize = 8;

/// A PNG with 8 bits of grey, 8 pixels a module.
pub(crate) fn png(digits: &str) -> Result<Vec<u8>, Refusal> {
    let symbol = Symbol::new(digits)?;
    let side = symbol.cells() * PIXELS_A_MODULE;
    let mut grey = Vec::with_capacity(side * side);
    for y in 0..side {
        grey.extend((0..side).map(|x| if symbol.dark(x / PIXELS_A_MODULE, y / PIXELS_A_MODULE) { 0 } else { 255 }));
    }
    let mut png = Vec::new();
    // A symbol has 177 modules a side at most: far below what 32 bits hold.
    PngEncoder::new(&mut png).write_image(&grey, side as u32, side as u32, ExtendedColorType::L8).map_err(not_drawn)?;
    Ok(png)
}

/// Two rows of modules a line. Black and white are set outright: drawn in the terminal's own colours a code comes out inverted on a dark
/// background, and many cameras do not read that.
pub(crate) fn terminal(digits: &str) -> Result<String, Refusal> {
    let symbol = Symbol::new(digits)?;
    let mut text = String::new();
    for y in (0..symbol.cells()).step_by(2) {
        text.push_str("\u{1b}[38;5;16;48;5;231m");
        for x in 0..symbol.cells() {
            text.push(match (symbol.dark(x, y), symbol.dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push_str("\u{1b}[0m\n");
    }
    Ok(text)
}

struct Symbol {
    side: usize,
    modules: Vec<Color>,
}

impl Symbol {
    /// Level L: the code is shown on a lit screen for seconds, where larger modules help more than spare ones.
    fn new(digits: &str) -> Result<Symbol, Refusal> {
        let code = QrCode::with_error_correction_level(digits, EcLevel::L).map_err(not_drawn)?;
        Ok(Symbol { side: code.width(), modules: code.into_colors() })
    }

    fn cells(&self) -> usize {
        self.side + 2 * QUIET_ZONE
    }

    /// With the quiet zone; what lies outside is light.
    fn dark(&self, x: usize, y: usize) -> bool {
        match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
            (Some(x), Some(y)) if x < self.side => self.modules.get(y * self.side + x) == Some(&Color::Dark),
            _ => false,
        }
    }
}

fn not_drawn(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(
        "QR_FAILED",
        format!("the QR code cannot be drawn: {error}"),
        "print the digits with --text and report this as a defect",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 829 digits, the median presentation: version 12 at level L, 65 modules.
    const DIGITS: usize = 829;

    #[test]
    fn a_png_has_quiet_zone_and_eight_pixels_a_module() {
        let bytes = png(&"8".repeat(DIGITS)).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        let grey = picture.to_luma8();
        assert_eq!(grey.dimensions(), ((65 + 8) * 8, (65 + 8) * 8));
        let at = |x: u32, y: u32| grey.get_pixel(x, y).0[0];
        // The finder pattern begins right after the quiet zone.
        assert_eq!((at(31, 32), at(32, 31), at(32, 32), at(40, 40)), (255, 255, 0, 255));
        assert_eq!((at(583, 583), at(0, 300), at(300, 0)), (255, 255, 255));
    }

    #[test]
    fn a_terminal_shows_two_rows_a_line() {
        let text = terminal(&"8".repeat(DIGITS)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 37);
        for line in &lines {
            let blocks = line.strip_prefix("\u{1b}[38;5;16;48;5;231m").unwrap().strip_suffix("\u{1b}[0m").unwrap();
            assert_eq!(blocks.chars().count(), 73);
        }
        assert!(lines[0].ends_with(&(" ".repeat(73) + "\u{1b}[0m")));
        assert!(lines[2].contains("    █▀▀▀▀▀█ "));
    }

    #[test]
    fn more_than_a_symbol_holds_is_refused() {
        assert_eq!(png(&"8".repeat(7_090)).unwrap_err().code(), "QR_FAILED");
        assert!(png(&"8".repeat(7_089)).is_ok());
    }
}
