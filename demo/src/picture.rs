//! From digits to the file that a camera would have written.

use frame::{Camera, PhoneStyle};
use issuer::qr::{Level, QrCode};
use qrcode::EcLevel;

use crate::fault::{Because, Fault};

/// What lies before the camera of a counter.
#[derive(Clone)]
pub(crate) enum Sight {
    /// A phone that shows these digits.
    Phone(String),
    /// A printed sheet with these digits.
    Paper(String),
    /// Two phones side by side.
    TwoPhones(String, String),
    /// A phone with a code of somebody else: any text.
    ForeignCode(String),
    /// A phone before its page has opened: no code.
    NoCode,
    /// The picture file of an earlier scene, byte for byte.
    Again(String),
}

/// How large the code in a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// QR version, 1 to 40.
    pub(crate) version: u8,
    /// Digits in it.
    pub(crate) digits: usize,
}

impl Sight {
    /// One frame of the short video that the counter's camera takes of it, as a JPEG file; frames count from 1. None after the last, and
    /// none of what was taken before.
    pub(crate) fn frame(&self, seed: u64, number: u64) -> Result<Option<Vec<u8>>, Fault> {
        if number > FRAMES {
            return Ok(None);
        }
        let scene = match self {
            Sight::Phone(digits) => frame::phone_screen(on_screen(digits)?.modules(), &style(seed)),
            Sight::Paper(digits) => frame::printed_voucher(on_paper(digits)?.modules()),
            Sight::TwoPhones(left, right) => frame::two_phones(on_screen(left)?.modules(), on_screen(right)?.modules()),
            Sight::ForeignCode(text) => frame::phone_screen(&foreign(text)?, &style(seed)),
            Sight::NoCode => frame::phone_screen(&[], &style(seed)),
            Sight::Again(_) => return Ok(None),
        };
        let camera = self.camera(seed);
        let frame = frame::camera_frame(&scene, &camera, seed * 1_000 + number);
        let jpeg = frame::to_jpeg(&frame, camera.jpeg_quality).because("a frame cannot be encoded as JPEG")?;
        Ok(Some(jpeg))
    }

    /// The code in it, where there is just one of ours.
    pub(crate) fn symbol(&self) -> Option<Symbol> {
        let (code, digits) = match self {
            Sight::Phone(digits) => (on_screen(digits).ok()?, digits),
            Sight::Paper(digits) => (on_paper(digits).ok()?, digits),
            _ => return None,
        };
        Some(Symbol { version: code.version(), digits: digits.len() })
    }

    /// Hands and desks differ: each scene is held a little differently, always the same way in the same scene.
    fn camera(&self, seed: u64) -> Camera {
        const HELD: [(f32, f32, f32); 7] = [
            (5.0, -4.0, 3.0),
            (-7.0, 3.0, -4.0),
            (9.0, 2.0, -2.0),
            (-3.0, -6.0, 6.0),
            (2.0, 7.0, -7.0),
            (-9.0, -2.0, 2.0),
            (6.0, 5.0, 5.0),
        ];
        let (yaw, pitch, roll) = HELD[(seed % HELD.len() as u64) as usize];
        let held = Camera { yaw, pitch, roll, blur_sigma: 0.6, noise_sigma: 4.0, ..Camera::default() };
        let ((width, height), distance) = match (self, self.symbol()) {
            // Farther away, so that both are in the picture whole, and therefore with more pixels.
            (Sight::TwoPhones(..), _) => ((1_280, 720), 1.0),
            // Large codes are held nearer, as anyone does when the beep does not come.
            (_, Some(Symbol { version, .. })) if version > 13 => (FRAME_PX, 0.8),
            _ => (FRAME_PX, 0.86),
        };
        Camera { width, height, distance, ..held }
    }
}

/// Width and height of a picture, in pixels: what a cheap webcam delivers.
pub(crate) const FRAME_PX: (u32, u32) = (960, 540);

/// So many frames a counter looks at before it says that it sees nothing.
const FRAMES: u64 = 5;

fn style(seed: u64) -> PhoneStyle {
    // The bar of remaining seconds stands wherever it stands when the picture is taken.
    PhoneStyle { remaining: 0.25 + 0.1 * (seed % 7) as f32, ..PhoneStyle::default() }
}

/// Screens are clean: the lowest level, and so the largest modules.
fn on_screen(digits: &str) -> Result<QrCode, Fault> {
    QrCode::from_digits(digits, Level::L).because("a code for a screen cannot be made")
}

/// Paper is folded and stained.
fn on_paper(digits: &str) -> Result<QrCode, Fault> {
    QrCode::from_digits(digits, Level::M).because("a code for paper cannot be made")
}

/// A code of any text: `issuer::qr` makes digits only.
fn foreign(text: &str) -> Result<Vec<Vec<bool>>, Fault> {
    let code = qrcode::QrCode::with_error_correction_level(text, EcLevel::M).because("a web code cannot be made")?;
    let dark = |colour: &qrcode::Color| *colour == qrcode::Color::Dark;
    Ok(code.to_colors().chunks(code.width()).map(|row| row.iter().map(dark).collect()).collect())
}
