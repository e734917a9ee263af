//! Where in a frame a code may be, without knowing what a code is: where light and dark change most, in every
//! direction, over a large square.

use image::GrayImage;

use super::{blurred, rows};

/// A rectangle of a picture: left, top, right, bottom in pixels, the last two exclusive.
pub(crate) type Rectangle = (u32, u32, u32, u32);

/// The busiest parts of a picture, at most `most`, the busiest first.
///
/// Meant for a frame of about 640 x 360 pixels: fine noise is gone by then, and modules are not.
pub(crate) fn busy_parts(picture: &GrayImage, most: usize) -> Vec<Rectangle> {
    let blocks = Blocks::of(&blurred(picture)).smoothed().above_noise();
    let peak = blocks.values.iter().copied().max().unwrap_or(0);
    let mut taken = vec![false; blocks.values.len()];
    let mut parts = Vec::new();
    while parts.len() < most {
        let free = blocks.values.iter().zip(&taken).enumerate().filter(|(_, (_, taken))| !**taken);
        let Some((start, value)) = free.map(|(place, (value, _))| (place, *value)).max_by_key(|(_, value)| *value)
        else {
            break;
        };
        if value < PEAK_MIN || value * 4 < peak {
            break;
        }
        let (left, top, right, bottom) = blocks.around(start, value * 2 / 5, &mut taken);
        if right - left >= 4 && bottom - top >= 4 {
            let (width, height) = picture.dimensions();
            let near = |block: usize| (block as u32 * BLOCK).saturating_sub(MARGIN);
            let far = |block: usize, end: u32| (block as u32 * BLOCK + MARGIN).min(end);
            parts.push((near(left), near(top), far(right, width), far(bottom, height)));
        }
    }
    parts
}

const BLOCK: u32 = 8;

/// Beyond the last busy block: a quiet zone of four modules, of two pixels each at this size, and what smoothing cut.
const MARGIN: u32 = 14;

/// Grey levels that neighbouring pixels differ by, summed over a block: a difference of one each is no picture.
const PEAK_MIN: u32 = BLOCK * BLOCK;

/// How much goes on in each block.
struct Blocks {
    width: usize,
    values: Vec<u32>,
}

impl Blocks {
    fn of(picture: &GrayImage) -> Blocks {
        let width = (picture.width() / BLOCK) as usize;
        let mut values = vec![0; width * (picture.height() / BLOCK) as usize];
        let mut above: Option<&[u8]> = None;
        for (y, row) in rows(picture).enumerate() {
            let line = values.chunks_exact_mut(width.max(1)).nth(y / BLOCK as usize);
            let pixels = row.chunks_exact(BLOCK as usize).zip(above.unwrap_or(row).chunks_exact(BLOCK as usize));
            for (value, (block, above)) in line.into_iter().flatten().zip(pixels) {
                let across: u32 = block.iter().zip(block.iter().skip(1)).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                let down: u32 = block.iter().zip(above).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                // Edges both ways: the lesser counts, so that the rim of a card does not.
                *value += across.min(down);
            }
            above = Some(row);
        }
        Blocks { width, values }
    }

    /// The mean of 3 x 3 blocks, times nine.
    fn smoothed(&self) -> Blocks {
        let height = self.values.len().checked_div(self.width).unwrap_or(0);
        let mut smooth = Vec::with_capacity(self.values.len());
        for y in 0..height {
            for x in 0..self.width {
                let lines = self.values.chunks_exact(self.width).take((y + 2).min(height)).skip(y.saturating_sub(1));
                let around = lines.flat_map(|line| line.iter().take(x + 2).skip(x.saturating_sub(1)));
                smooth.push(around.sum::<u32>() / 9);
            }
        }
        Blocks { width: self.width, values: smooth }
    }

    /// Without what goes on everywhere: a quarter of a frame, at least, is wall, desk or sleeve, and shows the noise.
    /// Unless a code fills all of it: so half of what there is stays.
    fn above_noise(mut self) -> Blocks {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let quiet = sorted.get(sorted.len() / 4).copied().unwrap_or(0);
        let peak = sorted.last().copied().unwrap_or(0);
        let noise = (quiet + quiet / 4).min(peak / 2);
        self.values.iter_mut().for_each(|value| *value = value.saturating_sub(noise));
        self
    }

    /// Takes the blocks that hang together with this one and are at least as busy as `least`: left, top, right, bottom,
    /// the last two exclusive.
    fn around(&self, start: usize, least: u32, taken: &mut [bool]) -> (usize, usize, usize, usize) {
        let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
        let mut waiting = vec![start];
        while let Some(place) = waiting.pop() {
            match taken.get_mut(place) {
                Some(taken) if !*taken => *taken = true,
                _ => continue,
            }
            if self.values.get(place).is_none_or(|value| *value < least) {
                continue;
            }
            let (x, y) = (place % self.width, place / self.width);
            (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
            waiting.push(place + self.width);
            waiting.extend(place.checked_sub(self.width));
            waiting.extend((x > 0).then(|| place - 1));
            waiting.extend((x + 1 < self.width).then_some(place + 1));
        }
        (left.min(right), top.min(bottom), right, bottom)
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, imageops};

    use super::*;
    use crate::testing::code;

    #[test]
    fn a_code_is_found_with_its_quiet_zone_and_little_more() {
        // With its quiet zone, 138 pixels to the side.
        let symbol = code(&[b'3'; 400], 2);
        let side = symbol.width();
        for noise in [0, 60] {
            let picture = frame(noise, &[(300, 120, &symbol)]);
            let parts = busy_parts(&picture, 3);
            let (left, top, right, bottom) = parts[0];
            let symbol = (308, 128, 300 + side - 8, 120 + side - 8);
            assert!(left <= symbol.0 && top <= symbol.1 && right >= symbol.2 && bottom >= symbol.3, "{parts:?}");
            assert!(right - left <= side + 40 && bottom - top <= side + 40, "{parts:?}");
        }
    }

    #[test]
    fn each_of_several_codes_is_a_part() {
        let symbol = code(&[b'3'; 400], 2);
        let picture = frame(0, &[(10, 10, &symbol), (240, 180, &symbol), (470, 20, &symbol)]);
        let mut lefts: Vec<u32> = busy_parts(&picture, 9).iter().map(|part| part.0).collect();
        lefts.sort_unstable();
        let [a, b, c] = lefts.as_slice() else { panic!("{lefts:?}") };
        assert!(*a < 24 && (220..260).contains(b) && (450..490).contains(c), "{lefts:?}");
        assert_eq!(busy_parts(&picture, 2).len(), 2);
    }

    #[test]
    fn a_frame_full_of_a_code_is_one_part() {
        let full = imageops::crop_imm(&code(&[b'3'; 1_600], 5), 30, 30, 380, 380).to_image();
        let parts = busy_parts(&full, 3);
        assert!(parts.iter().any(|part| part.2 - part.0 > 300 && part.3 - part.1 > 300), "{parts:?}");
    }

    #[test]
    fn nothing_is_no_part() {
        assert!(busy_parts(&frame(0, &[]), 3).is_empty());
        // The rim of a card is an edge one way only.
        assert!(busy_parts(&frame(0, &[(100, 100, &GrayImage::from_pixel(200, 120, Luma([255])))]), 3).is_empty());
        for (width, height) in [(0, 0), (0, 9), (9, 0), (7, 7), (8, 8), (31, 400)] {
            let checked = GrayImage::from_fn(width, height, |x, y| Luma([if (x + y) % 4 < 2 { 0 } else { 255 }]));
            assert!(busy_parts(&checked, 3).is_empty(), "{width} x {height}");
        }
    }

    fn frame(noise: u32, placed: &[(i64, i64, &GrayImage)]) -> GrayImage {
        let mut seed = 1u32;
        let mut frame = GrayImage::from_pixel(640, 360, Luma([110]));
        placed.iter().for_each(|(x, y, picture)| imageops::replace(&mut frame, *picture, *x, *y));
        frame.iter_mut().for_each(|level| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let more = (seed >> 16) * noise / 65_536;
            *level = (u32::from(*level) * (255 - noise) / 255 + more).min(255) as u8;
        });
        frame
    }
}
