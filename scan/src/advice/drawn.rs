//! Frames for the tests: codes drawn at any size and angle, and what a camera and a counter do to them.

use image::{GrayImage, Luma};
use qrcode::{Color, EcLevel, QrCode};

/// A frame, still in numbers between black and white.
#[derive(Clone)]
pub(super) struct Drawn {
    pub(super) width: usize,
    pub(super) height: usize,
    levels: Vec<f32>,
}

/// Where a code lies: the middle of the symbol, pixels to the module, degrees.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) px: f32,
    pub(super) degrees: f32,
}

/// So many digits as a permit's code has.
pub(super) fn digits(count: usize) -> String {
    let body = (0..count - 4).map(|i| char::from(b'0' + ((i * i + i / 7 + count) % 10) as u8));
    "8611".chars().chain(body).collect()
}

impl Drawn {
    /// A desk of a middle grey.
    pub(super) fn desk(width: usize, height: usize) -> Drawn {
        Drawn { width, height, levels: vec![110.0; width * height] }
    }

    /// A code on a light screen that goes ten modules beyond it.
    pub(super) fn with_code(mut self, text: &str, place: Place) -> Drawn {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
        let side = code.width() as f32;
        let (sin, cos) = place.degrees.to_radians().sin_cos();
        let reach = (side + 20.0) * place.px * 0.75;
        for (index, level) in self.levels.iter_mut().enumerate() {
            let (column, row) = ((index % self.width) as f32, (index / self.width) as f32);
            if (column - place.x).abs() > reach || (row - place.y).abs() > reach {
                continue;
            }
            // The mean of nine places in the pixel: modules do not end with pixels.
            let mut sum = 0.0;
            for part in 0..9 {
                let x = column + (part % 3) as f32 / 3.0 + 1.0 / 6.0 - place.x;
                let y = row + (part / 3) as f32 / 3.0 + 1.0 / 6.0 - place.y;
                let (u, v) = ((cos * x + sin * y) / place.px + side / 2.0, (cos * y - sin * x) / place.px + side / 2.0);
                let on_screen = u > -10.0 && v > -10.0 && u < side + 10.0 && v < side + 10.0;
                let dark =
                    u >= 0.0 && v >= 0.0 && u < side && v < side && code[(u as usize, v as usize)] == Color::Dark;
                sum += match (on_screen, dark) {
                    (_, true) => 25.0,
                    (true, false) => 215.0,
                    (false, _) => *level,
                };
            }
            *level = sum / 9.0;
        }
        self
    }

    /// Out of focus: the mean of a disc of this radius.
    pub(super) fn defocused(self, radius: f32) -> Drawn {
        let reach = radius.ceil() as i32;
        let steps = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y)));
        self.mean_of(&steps.filter(|(x, y)| ((x * x + y * y) as f32) <= radius * radius).collect::<Vec<_>>())
    }

    /// Moved sideways while the picture was taken.
    pub(super) fn moved(self, pixels: i32) -> Drawn {
        self.mean_of(&(0..pixels).map(|x| (x - pixels / 2, 0)).collect::<Vec<_>>())
    }

    fn mean_of(self, steps: &[(i32, i32)]) -> Drawn {
        let (width, height) = (self.width as i32, self.height as i32);
        let levels = (0..self.levels.len()).map(|index| {
            let (x, y) = (index as i32 % width, index as i32 / width);
            let near = steps
                .iter()
                .map(|(dx, dy)| ((y + dy).clamp(0, height - 1) * width + (x + dx).clamp(0, width - 1)) as usize);
            near.map(|index| self.levels[index]).sum::<f32>() / steps.len().max(1) as f32
        });
        Drawn { levels: levels.collect(), ..self }
    }

    /// Less light, or more: what is above white is white.
    pub(super) fn lit(mut self, by: f32) -> Drawn {
        self.levels.iter_mut().for_each(|level| *level *= by);
        self
    }

    /// A veil of light over everything.
    pub(super) fn veiled(mut self, contrast: f32, black: f32) -> Drawn {
        self.levels.iter_mut().for_each(|level| *level = *level * contrast + black);
        self
    }

    /// A reflection: white within the radius, fading to nothing at twice that.
    pub(super) fn glare(mut self, x: f32, y: f32, radius: f32) -> Drawn {
        for (index, level) in self.levels.iter_mut().enumerate() {
            let far = ((index % self.width) as f32 - x).hypot((index / self.width) as f32 - y) / radius;
            *level += 300.0 * (2.0 - far).clamp(0.0, 1.0);
        }
        self
    }

    /// A hand, a sticker: all of one grey.
    pub(super) fn covered(mut self, (left, top): (usize, usize), (right, bottom): (usize, usize), grey: f32) -> Drawn {
        for y in top..bottom.min(self.height) {
            self.levels[y * self.width..][left..right.min(self.width)].fill(grey);
        }
        self
    }

    /// Sensor noise, the same every time.
    pub(super) fn noisy(mut self, amount: f32) -> Drawn {
        let mut seed = 1u64;
        for level in &mut self.levels {
            // The sum of four even throws is nearly normal, with a spread of 1 / sqrt 3.
            let throws = (0..4).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40) as f32 / (1u32 << 24) as f32 - 0.5
            });
            *level += throws.sum::<f32>() * 3f32.sqrt() * amount;
        }
        self
    }

    pub(super) fn frame(&self) -> GrayImage {
        GrayImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            Luma([self.levels[y as usize * self.width + x as usize].round().clamp(0.0, 255.0) as u8])
        })
    }
}
