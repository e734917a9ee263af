//! Which pixels are dark: darker than what lies between light and dark in their neighbourhood.

use image::GrayImage;

use super::rows;

/// The grey level up to which a pixel is dark, for each block of [`BLOCK`] x [`BLOCK`] pixels.
pub(crate) struct Thresholds {
    width: usize,
    levels: Vec<u8>,
}

/// Pixels to the side of a block. A camera's module has 2 to 8.
pub(crate) const BLOCK: usize = 8;

/// Grey levels between the darkest and the lightest pixel of a block, below which it says nothing of where dark ends.
const CONTRAST: u8 = 32;

impl Thresholds {
    pub(crate) fn of(picture: &GrayImage) -> Thresholds {
        let width = (picture.width() as usize).div_ceil(BLOCK);
        let height = (picture.height() as usize).div_ceil(BLOCK);
        let opinions = Opinions::of(picture);
        let sums = Sums::of(&opinions, width, height);
        let mut levels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                // Around a block of one colour, farther and farther, until there is something to go by.
                let level = [2, 6, 24, usize::MAX].into_iter().find_map(|reach| sums.mean(x, y, reach));
                levels.push(level.unwrap_or(0));
            }
        }
        Thresholds { width, levels }
    }

    /// The levels for the blocks that a row of pixels runs through.
    pub(crate) fn of_row(&self, y: usize) -> &[u8] {
        let start = y / BLOCK * self.width;
        self.levels.get(start..start + self.width).unwrap_or_default()
    }
}

/// What each block that has both dark and light says: its mean. Over several blocks, codes are as dark as light.
struct Opinions {
    means: Vec<Option<u8>>,
}

impl Opinions {
    fn of(picture: &GrayImage) -> Opinions {
        let mut means = Vec::new();
        let width = picture.width() as usize;
        // Of the eight pixels of each column that lie in a row of blocks.
        let (mut lows, mut highs, mut sums) = (vec![u8::MAX; width], vec![0u8; width], vec![0u16; width]);
        let mut left = picture.height();
        for (y, row) in rows(picture).enumerate() {
            for (((low, high), sum), level) in lows.iter_mut().zip(&mut highs).zip(&mut sums).zip(row) {
                (*low, *high) = ((*low).min(*level), (*high).max(*level));
                // Eight levels at most. Checked for overflow, this would be four times as slow.
                *sum = sum.wrapping_add(u16::from(*level));
            }
            left -= 1;
            if y % BLOCK < BLOCK - 1 && left > 0 {
                continue;
            }
            for ((lows, highs), sums) in lows.chunks(BLOCK).zip(highs.chunks(BLOCK)).zip(sums.chunks(BLOCK)) {
                let low = lows.iter().copied().min().unwrap_or_default();
                let high = highs.iter().copied().max().unwrap_or_default();
                let sum: u32 = sums.iter().copied().map(u32::from).sum();
                let pixels = (sums.len() * (y % BLOCK + 1)) as u32;
                means.push((high.saturating_sub(low) >= CONTRAST).then_some((sum / pixels) as u8));
            }
            lows.fill(u8::MAX);
            highs.fill(0);
            sums.fill(0);
        }
        Opinions { means }
    }
}

/// Sums of all opinions above and to the left, so that the mean of any rectangle is a matter of four look-ups.
struct Sums {
    stride: usize,
    /// Levels, and how many.
    sums: Vec<(u32, u32)>,
}

impl Sums {
    fn of(opinions: &Opinions, width: usize, height: usize) -> Sums {
        let stride = width + 1;
        let mut sums = vec![(0, 0); stride];
        sums.reserve(stride * height);
        for line in opinions.means.chunks_exact(width.max(1)) {
            let above = sums.len() - stride;
            sums.push((0, 0));
            let mut across = (0, 0);
            for (x, mean) in line.iter().enumerate() {
                if let Some(mean) = mean {
                    across = (across.0 + u32::from(*mean), across.1 + 1);
                }
                let (level, count) = sums.get(above + x + 1).copied().unwrap_or_default();
                sums.push((level + across.0, count + across.1));
            }
        }
        Sums { stride, sums }
    }

    /// The mean opinion in the square from `reach` before to `reach` behind a block; `None` if there is none.
    fn mean(&self, x: usize, y: usize, reach: usize) -> Option<u8> {
        let (left, top) = (x.saturating_sub(reach), y.saturating_sub(reach));
        let (width, height) = (self.stride - 1, self.sums.len() / self.stride - 1);
        let right = x.saturating_add(reach).saturating_add(1).min(width);
        let bottom = y.saturating_add(reach).saturating_add(1).min(height);
        let at = |x: usize, y: usize| self.sums.get(y * self.stride + x).copied().unwrap_or_default();
        let (a, b, c, d) = (at(left, top), at(right, top), at(left, bottom), at(right, bottom));
        ((d.0 + a.0) - (b.0 + c.0)).checked_div((d.1 + a.1) - (b.1 + c.1)).map(|mean| mean as u8)
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// The mean of all blocks with contrast within reach, one after the other.
    fn slowly(picture: &GrayImage, x: u32, y: u32) -> u8 {
        let (width, height) = (picture.width().div_ceil(8), picture.height().div_ceil(8));
        let block = |i: u32, j: u32| {
            let pixels = (8 * j..8 * j + 8).flat_map(|v| (8 * i..8 * i + 8).map(move |u| (u, v)));
            pixels.filter_map(|(u, v)| picture.get_pixel_checked(u, v)).map(|pixel| u32::from(pixel.0[0])).collect()
        };
        for reach in [2, 6, 24, 1_000] {
            let mut means: Vec<u32> = Vec::new();
            for j in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for i in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                    let levels: Vec<u32> = block(i, j);
                    if levels.iter().max().unwrap() - levels.iter().min().unwrap() >= u32::from(CONTRAST) {
                        means.push(levels.iter().sum::<u32>() / levels.len() as u32);
                    }
                }
            }
            if !means.is_empty() {
                return (means.iter().sum::<u32>() / means.len() as u32) as u8;
            }
        }
        0
    }

    #[test]
    fn each_block_takes_the_mean_of_those_around_it() {
        for (width, height) in [(1, 1), (8, 8), (9, 17), (64, 40), (130, 77)] {
            let mut seed = width;
            // Flat on the left, busy on the right.
            let picture = GrayImage::from_fn(width, height, |x, _| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Luma([if x < width / 3 { 90 } else { (seed >> 24) as u8 / 2 + x as u8 / 3 }])
            });
            let thresholds = Thresholds::of(&picture);
            for y in 0..height {
                let expected: Vec<u8> = (0..width.div_ceil(8)).map(|x| slowly(&picture, x, y / 8)).collect();
                assert_eq!(thresholds.of_row(y as usize), expected, "row {y} of {width} x {height}");
            }
        }
    }

    #[test]
    fn a_block_has_a_say_from_a_certain_contrast_on() {
        let with = |contrast: u8| GrayImage::from_fn(8, 8, |x, _| Luma([if x < 4 { 100 } else { 100 + contrast }]));
        assert_eq!(Thresholds::of(&with(CONTRAST)).of_row(0), [100 + CONTRAST / 2]);
        assert_eq!(Thresholds::of(&with(CONTRAST - 1)).of_row(0), [0], "nothing is dark where nothing is to be seen");
    }
}
