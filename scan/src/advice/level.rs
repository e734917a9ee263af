//! A frame at one size: grey levels, what is light and dark there, and how the levels run within small blocks.

use std::borrow::Cow;

use image::GrayImage;

use crate::prepare::half_of;

/// The side of a block, in pixels of the level.
pub(super) const BLOCK: usize = 8;
/// Blocks to each side that a block's threshold is taken from: 56 pixels, wide enough for the heart of a finder pattern of 18 pixels to the
/// module, narrow enough to follow a shadow.
const REACH: usize = 3;
/// Where the levels around differ by less, there is nothing to see: paper, a wall, noise.
const FLAT: u8 = 20;

/// Grey levels at one size, row by row.
pub(super) struct Pixels<'a> {
    pixels: Cow<'a, [u8]>,
    width: usize,
    height: usize,
    /// Pixels of the frame to one of these.
    scale: f32,
}

impl<'a> Pixels<'a> {
    pub(super) fn of(frame: &'a GrayImage) -> Pixels<'a> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        Pixels { pixels: Cow::Borrowed(frame.as_raw()), width, height, scale: 1.0 }
    }

    /// The same at half the size; each pixel is the mean of four.
    pub(super) fn halved(&self) -> Pixels<'static> {
        let (width, height) = (self.width / 2, self.height / 2);
        let pixels = half_of(&self.pixels, self.width);
        Pixels { pixels: Cow::Owned(pixels), width, height, scale: self.scale * 2.0 }
    }

    pub(super) fn long_side(&self) -> usize {
        self.width.max(self.height)
    }
}

/// Grey levels, and what is dark in them.
pub(super) struct Level<'a> {
    pixels: Cow<'a, [u8]>,
    width: usize,
    height: usize,
    scale: f32,
    blocks_across: usize,
    blocks: Vec<Block>,
}

/// What a block holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Block {
    pub(super) mean: u8,
    low: u8,
    high: u8,
    /// Darker is dark. 0 where all is flat, so that nothing is.
    threshold: u8,
    /// Highest less lowest level within [`REACH`].
    pub(super) range: u8,
}

impl<'a> Level<'a> {
    pub(super) fn new(Pixels { pixels, width, height, scale }: Pixels<'a>) -> Level<'a> {
        let blocks_across = width.div_ceil(BLOCK);
        let mut blocks = Vec::with_capacity(blocks_across * height.div_ceil(BLOCK));
        for rows in pixels.chunks(BLOCK * width.max(1)) {
            push_blocks(rows, width, &mut blocks);
        }
        set_thresholds(&mut blocks, blocks_across);
        Level { pixels, width, height, scale, blocks_across, blocks }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// Pixels of the frame to one of the level.
    pub(super) fn scale(&self) -> f32 {
        self.scale
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        let start = y.saturating_mul(self.width);
        self.pixels.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    pub(super) fn blocks_across(&self) -> usize {
        self.blocks_across
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The grey level, if that is inside.
    pub(super) fn at(&self, x: i32, y: i32) -> Option<u8> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x >= self.width {
            return None;
        }
        self.pixels.get(y.checked_mul(self.width)?.checked_add(x)?).copied()
    }

    /// Whether a pixel is dark against its neighbourhood, if it is inside.
    pub(super) fn dark(&self, x: i32, y: i32) -> Option<bool> {
        let level = self.at(x, y)?;
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        let block = self.blocks.get(y / BLOCK * self.blocks_across + x / BLOCK)?;
        Some(level < block.threshold)
    }

    /// The level at a place of the frame, between four pixels; `None` outside.
    pub(super) fn sample(&self, (x, y): (f32, f32)) -> Option<f32> {
        let (x, y) = (x / self.scale - 0.5, y / self.scale - 0.5);
        if x < -1.0 || y < -1.0 || x >= self.width as f32 || y >= self.height as f32 {
            return None;
        }
        // On the border the pixel inside counts for its neighbour outside.
        let (x, y) = (x.clamp(0.0, self.width as f32 - 1.0), y.clamp(0.0, self.height as f32 - 1.0));
        let (left, top) = (x as usize, y as usize);
        let (right, below) = (x - left as f32, y - top as f32);
        let between = |row: usize| {
            let row = self.row(row.min(self.height.checked_sub(1)?));
            let level = f32::from(*row.get(left)?);
            let next = row.get(left + 1).map_or(level, |next| f32::from(*next));
            Some(level + (next - level) * right)
        };
        let upper = between(top)?;
        Some(upper + (between(top + 1)? - upper) * below)
    }

    /// The dark pixels of a row as bits, the first in the lowest bit of the first word. Bits behind the row's end are 0.
    pub(super) fn bits(&self, y: usize, words: &mut Vec<u64>) {
        words.clear();
        words.resize(self.width.div_ceil(64), 0);
        let blocks = self.blocks.get(y / BLOCK * self.blocks_across..).unwrap_or_default();
        for (index, (pixels, block)) in self.row(y).chunks(BLOCK).zip(blocks).enumerate() {
            let bits = match <[u8; BLOCK]>::try_from(pixels) {
                // Eight bytes of 0 or 1 gathered into eight bits by one multiplication.
                Ok(eight) => {
                    let dark = eight.map(|level| u8::from(level < block.threshold));
                    u64::from_le_bytes(dark).wrapping_mul(0x0102_0408_1020_4080) >> 56
                }
                Err(_) => pixels.iter().rev().fold(0, |bits, level| bits << 1 | u64::from(*level < block.threshold)),
            };
            if let Some(word) = words.get_mut(index / 8) {
                *word |= bits << (8 * (index % 8));
            }
        }
    }
}

/// Up to eight rows to one row of blocks.
fn push_blocks(rows: &[u8], width: usize, blocks: &mut Vec<Block>) {
    let mut low = vec![u8::MAX; width];
    let mut high = vec![0u8; width];
    let mut sum = vec![0u16; width];
    let mut count = 0;
    // Column by column first: that is one instruction for many columns.
    for row in rows.chunks_exact(width.max(1)) {
        for (((level, low), high), sum) in row.iter().zip(&mut low).zip(&mut high).zip(&mut sum) {
            *low = (*low).min(*level);
            *high = (*high).max(*level);
            // At most 8 x 255. Checked additions go one by one.
            *sum = sum.wrapping_add(u16::from(*level));
        }
        count += 1;
    }
    for ((low, high), sum) in low.chunks(BLOCK).zip(high.chunks(BLOCK)).zip(sum.chunks(BLOCK)) {
        let pixels = (count * sum.len()).max(1) as u32;
        let sum: u32 = sum.iter().map(|sum| u32::from(*sum)).sum();
        let lowest = low.iter().copied().min().unwrap_or(0);
        let highest = high.iter().copied().max().unwrap_or(0);
        blocks.push(Block { low: lowest, high: highest, mean: (sum / pixels) as u8, ..Block::default() });
    }
}

/// The mean of the blocks around, a little less, so that noise on a light ground is not dark.
fn set_thresholds(blocks: &mut [Block], across: usize) {
    // Along the rows, then down. What lies beyond the border is as what lies on it.
    let mut along = Vec::with_capacity(blocks.len());
    for row in blocks.chunks(across.max(1)) {
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let padded: Vec<Block> = [first; REACH].into_iter().chain(row).chain([last; REACH]).copied().collect();
        along.extend(padded.windows(WINDOW).map(|near| {
            near.iter().fold(Around::NOTHING, |all, block| {
                all.and(&Around { low: block.low, high: block.high, sum: u16::from(block.mean) })
            })
        }));
    }
    let rows: Vec<&[Around]> = along.chunks(across.max(1)).collect();
    let mut gathered = vec![Around::NOTHING; across];
    for (middle, row) in blocks.chunks_mut(across.max(1)).enumerate() {
        gathered.fill(Around::NOTHING);
        for line in 0..WINDOW {
            let line = (middle + line).saturating_sub(REACH).min(rows.len().saturating_sub(1));
            for (all, one) in gathered.iter_mut().zip(rows.get(line).copied().unwrap_or_default()) {
                *all = all.and(one);
            }
        }
        for (block, around) in row.iter_mut().zip(&gathered) {
            let mean = (usize::from(around.sum) / (WINDOW * WINDOW)) as u8;
            block.range = around.high.saturating_sub(around.low);
            block.threshold = if block.range < FLAT { 0 } else { mean.saturating_sub(block.range / 16) };
        }
    }
}

const WINDOW: usize = 2 * REACH + 1;

/// Several blocks together. The sum is of 49 means at most.
#[derive(Clone, Copy)]
struct Around {
    low: u8,
    high: u8,
    sum: u16,
}

impl Around {
    const NOTHING: Around = Around { low: u8::MAX, high: 0, sum: 0 };

    fn and(&self, other: &Around) -> Around {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Around { low, high, sum: self.sum.wrapping_add(other.sum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(width: usize, height: usize, at: impl Fn(usize, usize) -> u8) -> Pixels<'static> {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect();
        Pixels { pixels: Cow::Owned(pixels), width, height, scale: 1.0 }
    }

    fn level(width: usize, height: usize, at: impl Fn(usize, usize) -> u8) -> Level<'static> {
        Level::new(pixels(width, height, at))
    }

    #[test]
    fn bits_are_the_dark_pixels_to_the_last_column() {
        for width in [1, 7, 8, 9, 63, 64, 65, 130, 203] {
            let stripes = level(width, 20, |x, _| if x % 5 < 2 { 30 } else { 200 });
            let mut words = Vec::new();
            for y in [0, 7, 8, 19] {
                stripes.bits(y, &mut words);
                for x in 0..words.len() * 64 {
                    let bit = words[x / 64] >> (x % 64) & 1 == 1;
                    assert_eq!(bit, stripes.dark(x as i32, y as i32).unwrap_or(false), "{width} wide, {x}, {y}");
                    if width > 1 {
                        assert_eq!(bit, x < width && x % 5 < 2, "{width} wide, {x}, {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_flat_has_nothing_dark() {
        let differing = |by: u8| level(64, 64, move |x, y| 100 + by * ((x + y) % 2) as u8);
        assert_eq!(differing(FLAT - 1).dark(3, 4), Some(false));
        assert_eq!(differing(FLAT - 1).dark(4, 4), Some(false));
        assert_eq!((differing(FLAT).dark(4, 4), differing(FLAT).dark(3, 4)), (Some(true), Some(false)));
    }

    #[test]
    fn a_shadow_is_followed() {
        // Dark pixels on the light side are lighter than the ground in the shadow.
        let shaded = level(400, 64, |x, y| {
            let light = 250 - (x / 2) as u8;
            if (x / 4 + y / 4) % 2 == 0 { light / 2 } else { light }
        });
        for (x, y) in [(9, 9), (200, 21), (389, 42)] {
            assert_eq!(shaded.dark(x, y), Some((x / 4 + y / 4) % 2 == 0), "{x} {y}");
        }
    }

    #[test]
    fn half_the_size_is_the_mean_of_four() {
        let slope = pixels(11, 7, |x, y| (10 * x + y) as u8);
        let half = Level::new(slope.halved());
        assert_eq!((half.width(), half.height(), half.scale()), (5, 3, 2.0));
        assert_eq!(half.at(2, 1), Some(48), "the mean of 42, 52, 43, 53 is 47.5");
        assert_eq!(pixels(1, 1, |_, _| 7).halved().long_side(), 0);
    }

    #[test]
    fn samples_lie_between_pixels_and_end_at_the_border() {
        let slope = level(10, 10, |x, y| (10 * x + y) as u8);
        assert_eq!(slope.sample((2.5, 3.5)), Some(23.0));
        assert_eq!(slope.sample((3.0, 4.0)), Some(28.5));
        assert_eq!(slope.sample((0.0, 0.5)), Some(0.0));
        assert_eq!((slope.sample((-2.0, 5.0)), slope.sample((5.0, 11.0)), slope.at(10, 0)), (None, None, None));
        let half = Level::new(pixels(10, 10, |x, y| (10 * x + y) as u8).halved());
        assert_eq!(half.sample((3.0, 3.0)), slope.sample((3.0, 3.0)).map(f32::round));
    }
}
