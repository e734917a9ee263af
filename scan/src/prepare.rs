//! A picture made easier to read: smaller, smoother, in focus again, a part of it.
//!
//! Everything here is plain arithmetic on grey levels, row by row, written so that the compiler makes vector code of
//! it: each takes about a millisecond for a frame of 720p. For that the sums are wrapping ones, though none can overflow:
//! checked ones, as everywhere else in the workspace, are four times as slow.

mod busy;
mod deblur;
mod threshold;

use image::{GrayImage, imageops};

pub(super) use busy::busy_parts;
use deblur::Waves;
pub(super) use threshold::{BLOCK, Thresholds};

use super::decoder::Pattern;

/// A prepared picture, and where its pixels come from.
#[derive(Clone)]
pub(super) struct Sight {
    pub(super) picture: GrayImage,
    /// Where its upper left corner lies in the frame.
    origin: (f32, f32),
    /// How many pixels of the frame one of its pixels is, across and down.
    scale: (f32, f32),
}

impl Sight {
    /// A picture of the whole frame.
    pub(super) fn of(frame: &GrayImage, picture: GrayImage) -> Sight {
        Sight::over((0.0, 0.0), frame.dimensions(), picture)
    }

    /// The part of the frame within a rectangle, given by two opposite corners; `None` if they have nothing in common.
    pub(super) fn part_of(frame: &GrayImage, low: (f32, f32), high: (f32, f32)) -> Option<Sight> {
        // `as` saturates, so that what lies outside ends at the border.
        let (left, top) = (low.0.floor() as u32, low.1.floor() as u32);
        let right = (high.0.ceil() as u32).min(frame.width());
        let bottom = (high.1.ceil() as u32).min(frame.height());
        let (width, height) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
        if width == 0 || height == 0 {
            return None;
        }
        let picture = imageops::crop_imm(frame, left, top, width, height).to_image();
        Some(Sight::over((left as f32, top as f32), (width, height), picture))
    }

    /// Another picture of the same part of the frame.
    pub(super) fn redrawn(&self, picture: GrayImage) -> Sight {
        let (width, height) = (self.picture.width() as f32, self.picture.height() as f32);
        let (across, down) = (width / picture.width().max(1) as f32, height / picture.height().max(1) as f32);
        Sight { picture, origin: self.origin, scale: (self.scale.0 * across, self.scale.1 * down) }
    }

    fn over(origin: (f32, f32), (width, height): (u32, u32), picture: GrayImage) -> Sight {
        let across = width as f32 / picture.width().max(1) as f32;
        let down = height as f32 / picture.height().max(1) as f32;
        Sight { picture, origin, scale: (across, down) }
    }

    /// A point of this picture in the frame.
    pub(super) fn in_frame(&self, (x, y): (f32, f32)) -> (f32, f32) {
        (self.origin.0 + x * self.scale.0, self.origin.1 + y * self.scale.1)
    }

    /// A finder pattern of this picture in the frame.
    pub(super) fn pattern_in_frame(&self, pattern: &Pattern) -> Pattern {
        Pattern { centre: self.in_frame(pattern.centre), side: pattern.side * self.scale() }
    }

    /// A point of the frame in this picture.
    pub(super) fn in_sight(&self, (x, y): (f32, f32)) -> (f32, f32) {
        ((x - self.origin.0) / self.scale.0, (y - self.origin.1) / self.scale.1)
    }

    /// Whether a point of the frame is in this picture.
    pub(super) fn shows(&self, point: (f32, f32)) -> bool {
        let (x, y) = self.in_sight(point);
        (0.0..self.picture.width() as f32).contains(&x) && (0.0..self.picture.height() as f32).contains(&y)
    }

    /// How many pixels of the frame one of its pixels is.
    pub(super) fn scale(&self) -> f32 {
        (self.scale.0 + self.scale.1) / 2.0
    }
}

/// Halved as often as it takes until the long side is at most this.
pub(super) fn halved_to(picture: &GrayImage, long_side: u32) -> GrayImage {
    let too_long = |picture: &GrayImage| picture.width().max(picture.height()) > long_side.max(1);
    if !too_long(picture) {
        return picture.clone();
    }
    let mut halved = half(picture);
    while too_long(&halved) {
        halved = half(&halved);
    }
    halved
}

/// The picture without the blur of a lens out of focus, for one or the other radius in pixels of the disc that a point
/// becomes; none if the picture is larger than a part should be.
pub(super) fn refocused(picture: &GrayImage, radii: [f32; 2]) -> Vec<GrayImage> {
    let small = halved_to(picture, Waves::SIDE_MAX);
    let shrunk = picture.width() as f32 / small.width().max(1) as f32;
    let radii = radii.map(|radius| radius / shrunk);
    Waves::of(&in_light(small)).map_or_else(Vec::new, |waves| waves.without_discs(radii, NOISE).into())
}

/// Of the power of a wave of a code, the part that is noise.
const NOISE: f32 = 0.05;

/// A lens adds up light, and grey levels are about its root (IEC 61966-2-1).
fn in_light(mut picture: GrayImage) -> GrayImage {
    let table: Vec<u8> =
        (0..=255u8).map(|level| (255.0 * (f32::from(level) / 255.0).powf(2.2)).round() as u8).collect();
    picture.iter_mut().for_each(|level| *level = table.get(usize::from(*level)).copied().unwrap_or(*level));
    picture
}

/// Half as large, the mean of four pixels each; an odd last row or column is left out.
pub(super) fn half(picture: &GrayImage) -> GrayImage {
    let levels = half_of(picture.as_raw(), picture.width() as usize);
    GrayImage::from_raw(picture.width() / 2, picture.height() / 2, levels).unwrap_or_default()
}

/// The same of rows of so many levels.
pub(super) fn half_of(levels: &[u8], width: usize) -> Vec<u8> {
    let mut half = Vec::with_capacity(levels.len() / 4);
    for rows in levels.chunks_exact(2 * width.max(1)) {
        let (upper, lower) = rows.split_at(width);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        half.extend(pairs.map(|([a, b], [c, d])| (sum4([*a, *b, *c, *d]).wrapping_add(2) / 4) as u8));
    }
    half
}

/// Light for dark.
pub(super) fn inverted(picture: &GrayImage) -> GrayImage {
    let mut inverted = picture.clone();
    inverted.iter_mut().for_each(|level| *level = 255 - *level);
    inverted
}

/// The mean of 3 x 3 pixels with weights 1, 2, 1 each way; the border repeats its last pixel.
pub(super) fn blurred(picture: &GrayImage) -> GrayImage {
    let mut blurred = GrayImage::new(picture.width(), picture.height());
    let rows: Vec<&[u8]> = rows(picture).collect();
    let mut column = vec![0u16; picture.width() as usize + 2];
    for (y, out) in rows_mut(&mut blurred).enumerate() {
        let Some(middle) = rows.get(y) else { break };
        let above = y.checked_sub(1).and_then(|y| rows.get(y)).unwrap_or(middle);
        let below = rows.get(y + 1).unwrap_or(middle);
        let inner = column.iter_mut().skip(1);
        for (sum, ((a, b), c)) in inner.zip(above.iter().zip(*middle).zip(*below)) {
            *sum = sum4([*a, *b, *b, *c]);
        }
        match column.as_mut_slice() {
            [before, first, .., last, behind] => (*before, *behind) = (*first, *last),
            [before, only, behind] => (*before, *behind) = (*only, *only),
            _ => {}
        }
        for (mean, sums) in out.iter_mut().zip(column.windows(3)) {
            if let [a, b, c] = sums {
                *mean = (a.wrapping_add(b.wrapping_mul(2)).wrapping_add(*c).wrapping_add(8) / 16) as u8;
            }
        }
    }
    blurred
}

fn sum4(levels: [u8; 4]) -> u16 {
    levels.into_iter().map(u16::from).fold(0, u16::wrapping_add)
}

fn rows(picture: &GrayImage) -> impl Iterator<Item = &[u8]> {
    picture.as_raw().chunks_exact(picture.width().max(1) as usize)
}

fn rows_mut(picture: &mut GrayImage) -> impl Iterator<Item = &mut [u8]> {
    let width = picture.width().max(1) as usize;
    picture.chunks_exact_mut(width)
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn half_is_the_mean_of_four() {
        for (width, height) in SIZES {
            let picture = noise(width, height);
            let expected = GrayImage::from_fn(width / 2, height / 2, |x, y| {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| level(&picture, 2 * x + i, 2 * y + j));
                Luma([((four.iter().sum::<u32>() + 2) / 4) as u8])
            });
            assert!(half(&picture) == expected, "{width} x {height}");
        }
    }

    #[test]
    fn blurred_follows_the_weights() {
        for (width, height) in SIZES {
            let picture = noise(width, height);
            let expected = GrayImage::from_fn(width, height, |x, y| {
                let across = [(x.saturating_sub(1), 1), (x, 2), ((x + 1).min(width - 1), 1)];
                let down = [(y.saturating_sub(1), 1), (y, 2), ((y + 1).min(height - 1), 1)];
                let sum: u32 = down.iter().flat_map(|(y, v)| across.map(|(x, w)| v * w * level(&picture, x, *y))).sum();
                Luma([((sum + 8) / 16) as u8])
            });
            assert!(blurred(&picture) == expected, "{width} x {height}");
        }
    }

    #[test]
    fn what_is_too_large_to_refocus_is_made_smaller() {
        let sizes = |width, height| -> Vec<(u32, u32)> {
            refocused(&noise(width, height), [2.0, 1.0]).iter().map(GrayImage::dimensions).collect()
        };
        assert_eq!(sizes(512, 20), [(512, 20); 2]);
        assert_eq!(sizes(514, 20), [(257, 10); 2]);
        assert!(refocused(&GrayImage::new(0, 0), [2.0, 1.0]).is_empty());
    }

    #[test]
    fn a_place_is_the_same_in_every_sight() {
        let frame = noise(200, 100);
        let part = Sight::part_of(&frame, (40.5, 20.0), (140.0, 1_000.0)).unwrap();
        assert_eq!(part.picture.dimensions(), (100, 80));
        assert_eq!(part.picture.get_pixel(3, 5), frame.get_pixel(43, 25));
        let halved = part.redrawn(half(&part.picture));
        assert_eq!(halved.in_frame((10.0, 10.0)), (60.0, 40.0));
        assert_eq!(halved.in_sight((60.0, 40.0)), (10.0, 10.0));
        let pattern = halved.pattern_in_frame(&Pattern { centre: (1.0, 2.0), side: 7.0 });
        assert_eq!(pattern, Pattern { centre: (42.0, 24.0), side: 14.0 });
        let whole = Sight::of(&frame, half(&half(&frame)));
        assert_eq!((whole.in_frame((50.0, 10.0)), whole.scale()), ((200.0, 40.0), 4.0));
        let none = |low, high| Sight::part_of(&frame, low, high).is_none();
        assert!(none((200.0, 0.0), (300.0, 50.0)) && !none((199.0, 0.0), (300.0, 50.0)));
        assert!(none((-50.0, -50.0), (0.0, 50.0)) && !none((-50.0, -50.0), (0.1, 50.0)));
        assert!(none((60.0, 10.0), (50.0, 50.0)));
        assert!(none((f32::NAN, f32::NAN), (f32::NAN, f32::NAN)));
    }

    #[test]
    fn only_what_is_too_long_is_halved() {
        assert!(halved_to(&noise(40, 30), 40) == noise(40, 30));
        assert_eq!(halved_to(&noise(40, 31), 39).dimensions(), (20, 15));
        assert_eq!(halved_to(&noise(31, 80), 20).dimensions(), (7, 20));
        assert_eq!(halved_to(&noise(40, 1), 20).dimensions(), (20, 0));
    }

    const SIZES: [(u32, u32); 8] = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (7, 1), (40, 31), (65, 64)];

    fn level(picture: &GrayImage, x: u32, y: u32) -> u32 {
        u32::from(picture.get_pixel(x, y).0[0])
    }

    fn noise(width: u32, height: u32) -> GrayImage {
        let mut seed = width * 31 + height;
        GrayImage::from_fn(width, height, |_, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(seed >> 24) as u8])
        })
    }
}
