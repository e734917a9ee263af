//! Undoing the blur of a lens out of focus.
//!
//! A blur weakens each wave in the picture by a factor, the transform of its shape. Dividing by that factor restores
//! the wave; where the factor is so small that mostly noise would be divided, less than the whole is restored. This
//! is Wiener's filter (N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949) with the
//! same ratio of noise to signal for all waves.

use image::{GrayImage, Luma};

/// A picture taken apart into waves, once, to be put together again without one blur or another.
pub(crate) struct Waves {
    width: u32,
    height: u32,
    mean: f32,
    /// Both sides of the field, a power of two.
    side: usize,
    field: Field,
}

impl Waves {
    /// A part of a frame with a code is 100 to 500 pixels wide, and work grows with the square.
    pub(crate) const SIDE_MAX: u32 = 512;

    /// `None` for a picture with a side of more than [`Waves::SIDE_MAX`] pixels or of none.
    pub(crate) fn of(picture: &GrayImage) -> Option<Waves> {
        let (width, height) = picture.dimensions();
        let long = width.max(height) as usize;
        if long > Waves::SIDE_MAX as usize || width == 0 || height == 0 {
            return None;
        }
        let side = long.next_power_of_two().max(16);
        let mean = picture.iter().map(|level| f32::from(*level)).sum::<f32>() / picture.len() as f32;
        let mut field = Field::new(side);
        for (y, row) in picture.rows().enumerate() {
            let out = field.real.chunks_exact_mut(side).nth(y);
            for (out, level) in out.into_iter().flatten().zip(row) {
                *out = f32::from(level.0[0]) - mean;
            }
        }
        field.apart();
        Some(Waves { width, height, mean, side, field })
    }

    /// The picture as it was before each point became a disc with the first radius in pixels, and with the second.
    /// `noise` is the power of the noise in a wave, as a part of the signal's.
    ///
    /// Two, because one costs as much: they are the real and the imaginary part of one field.
    pub(crate) fn without_discs(&self, radii: [f32; 2], noise: f32) -> [GrayImage; 2] {
        // The transform of what is the same on both sides of the middle is real, so these two need one transform too.
        let mut factors = Field::new(self.side);
        draw_disc(radii[0], self.side, &mut factors.real);
        draw_disc(radii[1], self.side, &mut factors.imaginary);
        factors.apart();
        let mut together = factors;
        let waves = self.field.real.iter().zip(&self.field.imaginary);
        let out = together.real.iter_mut().zip(&mut together.imaginary);
        for ((real, imaginary), (a, b)) in out.zip(waves) {
            let [first, second] = [*real, *imaginary].map(|factor| factor / (factor * factor + noise));
            // The second picture's wave turned by i, so that it comes out as the imaginary part.
            (*real, *imaginary) = (a * first - b * second, b * first + a * second);
        }
        together.together();
        [self.drawn(&together.real), self.drawn(&together.imaginary)]
    }

    fn drawn(&self, values: &[f32]) -> GrayImage {
        let scale = 1.0 / (self.side * self.side) as f32;
        let mut rows = values.chunks_exact(self.side);
        let mut picture = GrayImage::new(self.width, self.height);
        for row in picture.rows_mut() {
            let values = rows.next().into_iter().flatten();
            for (Luma([level]), value) in row.zip(values) {
                *level = (value * scale + self.mean + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        picture
    }
}

/// Draws a disc with the sum 1 around the first value of a square, which goes on at the opposite side.
fn draw_disc(radius: f32, side: usize, values: &mut [f32]) {
    let radius = radius.clamp(0.0, side as f32 / 4.0);
    let reach = radius.ceil() as isize + 1;
    let place = |offset: isize| offset.rem_euclid(side as isize) as usize;
    // Within half a pixel of the edge, partly.
    let weight = |x: isize, y: isize| (radius + 0.5 - (x as f32).hypot(y as f32)).clamp(0.0, 1.0);
    let points = || (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y)));
    let sum: f32 = points().map(|(x, y)| weight(x, y)).sum();
    for (x, y) in points() {
        if let Some(value) = values.get_mut(place(y) * side + place(x)) {
            *value = weight(x, y) / sum;
        }
    }
}

/// A square of complex numbers.
struct Field {
    side: usize,
    real: Vec<f32>,
    imaginary: Vec<f32>,
}

impl Field {
    fn new(side: usize) -> Field {
        Field { side, real: vec![0.0; side * side], imaginary: vec![0.0; side * side] }
    }

    /// Values to waves, which are left in an order of their own: each coordinate's bits reversed, and the two
    /// coordinates exchanged. Whoever multiplies two fields wave by wave need not care.
    fn apart(&mut self) {
        self.columns_apart();
        self.transpose();
        self.columns_apart();
    }

    /// Waves to values, each times the number of waves.
    fn together(&mut self) {
        self.columns_together();
        self.transpose();
        self.columns_together();
    }

    /// The discrete Fourier transform of each column (Gentleman and Sande 1966: decimation in frequency). What is
    /// combined are whole rows, so that the compiler makes vector code of it.
    fn columns_apart(&mut self) {
        let mut half = self.side / 2;
        while half > 0 {
            self.combine(half, |turn, a, b| {
                let (sum, difference) = ((a.0 + b.0, a.1 + b.1), (a.0 - b.0, a.1 - b.1));
                let turned =
                    (difference.0 * turn.0 - difference.1 * turn.1, difference.0 * turn.1 + difference.1 * turn.0);
                (sum, turned)
            });
            half /= 2;
        }
    }

    /// The inverse of it, without the division (Cooley and Tukey 1965: decimation in time).
    fn columns_together(&mut self) {
        let mut half = 1;
        while half < self.side {
            self.combine(half, |turn, a, b| {
                let turned = (b.0 * turn.0 + b.1 * turn.1, b.1 * turn.0 - b.0 * turn.1);
                ((a.0 + turned.0, a.1 + turned.1), (a.0 - turned.0, a.1 - turned.1))
            });
            half *= 2;
        }
    }

    /// Combines each row with the one `half` rows below it, in groups of twice as many.
    fn combine(&mut self, half: usize, make: impl Fn((f32, f32), (f32, f32), (f32, f32)) -> ((f32, f32), (f32, f32))) {
        let group = 2 * half * self.side;
        for (real, imaginary) in self.real.chunks_exact_mut(group).zip(self.imaginary.chunks_exact_mut(group)) {
            let (upper_real, lower_real) = real.split_at_mut(half * self.side);
            let (upper_imaginary, lower_imaginary) = imaginary.split_at_mut(half * self.side);
            let upper = upper_real.chunks_exact_mut(self.side).zip(upper_imaginary.chunks_exact_mut(self.side));
            let lower = lower_real.chunks_exact_mut(self.side).zip(lower_imaginary.chunks_exact_mut(self.side));
            for (number, ((a, b), (c, d))) in upper.zip(lower).enumerate() {
                let (sin, cos) = (-std::f32::consts::PI * number as f32 / half as f32).sin_cos();
                for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                    ((*a, *b), (*c, *d)) = make((cos, sin), (*a, *b), (*c, *d));
                }
            }
        }
    }

    fn transpose(&mut self) {
        for values in [&mut self.real, &mut self.imaginary] {
            let mut turned = vec![0.0; values.len()];
            // Square by square, so that both stay in the cache.
            for top in (0..self.side).step_by(TILE) {
                for left in (0..self.side).step_by(TILE) {
                    for y in top..(top + TILE).min(self.side) {
                        for x in left..(left + TILE).min(self.side) {
                            if let (Some(to), Some(from)) =
                                (turned.get_mut(x * self.side + y), values.get(y * self.side + x))
                            {
                                *to = *from;
                            }
                        }
                    }
                }
            }
            *values = turned;
        }
    }
}

const TILE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apart_and_together_is_the_same_again() {
        for side in [16, 64] {
            let mut field = Field::new(side);
            let mut seed = 3u32;
            for value in field.real.iter_mut().chain(&mut field.imaginary) {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = (seed >> 16) as f32 / 65_536.0;
            }
            let before: Vec<f32> = field.real.iter().chain(&field.imaginary).copied().collect();
            field.apart();
            field.together();
            let after = field.real.iter().chain(&field.imaginary).map(|value| value / (side * side) as f32);
            for (before, after) in before.into_iter().zip(after) {
                assert!((before - after).abs() < 1e-4, "{before} {after}");
            }
        }
    }

    /// Against the sum that defines it: every wave of a small field.
    #[test]
    fn waves_are_those_of_the_definition() {
        const SIDE: usize = 16;
        let mut field = Field::new(SIDE);
        for (place, value) in field.real.iter_mut().enumerate() {
            *value = (place * place % 23) as f32;
        }
        let values = field.real.clone();
        field.apart();
        let reversed = |number: usize| number.reverse_bits() >> (usize::BITS - SIDE.trailing_zeros());
        for v in 0..SIDE {
            for u in 0..SIDE {
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (place, value) in values.iter().enumerate() {
                    let turns = ((place % SIDE * u + place / SIDE * v) % SIDE) as f32 / SIDE as f32;
                    let (sin, cos) = (-std::f32::consts::TAU * turns).sin_cos();
                    (real, imaginary) = (real + value * cos, imaginary + value * sin);
                }
                let place = reversed(u) * SIDE + reversed(v);
                assert!((field.real[place] - real).abs() < 0.05 && (field.imaginary[place] - imaginary).abs() < 0.05);
            }
        }
    }

    #[test]
    fn a_disc_is_undone_by_its_own_radius_best() {
        let sharp = modules();
        let radius = 2.6;
        let blurred = with_disc(&sharp, radius);
        let waves = Waves::of(&blurred).unwrap();
        let [right, wrong] = waves.without_discs([radius, 1.0], 0.01);
        let off = |picture: &GrayImage| -> f64 {
            let pixels = (20..100).flat_map(|y| (20..100).map(move |x| (x, y)));
            let differences = pixels.map(|(x, y)| picture.get_pixel(x, y).0[0].abs_diff(sharp.get_pixel(x, y).0[0]));
            differences.map(f64::from).sum::<f64>() / 6_400.0
        };
        assert!(off(&right) < 0.6 * off(&blurred), "{} of {}", off(&right), off(&blurred));
        assert!(off(&right) < 0.7 * off(&wrong), "{} of {}", off(&right), off(&wrong));
        let swapped = waves.without_discs([1.0, radius], 0.01);
        assert!(off(&swapped[1]) < 0.6 * off(&blurred), "the second picture is the second radius");
        // A disc of no radius is a point, and noise the only reason to change anything.
        let [same, _] = waves.without_discs([0.0, 0.0], 0.0);
        assert!(same.iter().zip(blurred.iter()).all(|(a, b)| a.abs_diff(*b) <= 1));
    }

    #[test]
    fn pictures_of_a_certain_size_are_taken_apart() {
        let size = |width, height| Waves::of(&GrayImage::new(width, height)).map(|waves| waves.side);
        assert_eq!((size(512, 1), size(513, 1), size(1, 513)), (Some(512), None, None));
        assert_eq!((size(0, 5), size(5, 0), size(1, 1), size(17, 3)), (None, None, Some(16), Some(32)));
        let [tiny, _] = Waves::of(&GrayImage::from_pixel(1, 1, Luma([90]))).unwrap().without_discs([1e9, -5.0], 0.1);
        assert_eq!(tiny.get_pixel(0, 0).0, [90]);
    }

    /// Black and white squares of four pixels, by chance.
    fn modules() -> GrayImage {
        let mut seed = 5u32;
        let colours: Vec<u8> = (0..32 * 32)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if seed >> 31 == 0 { 60 } else { 190 }
            })
            .collect();
        GrayImage::from_fn(120, 120, |x, y| Luma([colours[(y / 4 * 32 + x / 4) as usize]]))
    }

    fn with_disc(picture: &GrayImage, radius: f32) -> GrayImage {
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (i, j) in (-5i32..=5).flat_map(|i| (-5i32..=5).map(move |j| (i, j))) {
                let weight = (radius + 0.5 - (i as f32).hypot(j as f32)).clamp(0.0, 1.0);
                let at = |place: u32, offset: i32| (place as i32 + offset).clamp(0, 119) as u32;
                sum += weight * f32::from(picture.get_pixel(at(x, i), at(y, j)).0[0]);
                weights += weight;
            }
            Luma([(sum / weights).round() as u8])
        })
    }
}
