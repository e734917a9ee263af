//! What a picture says of each module: how dark, and how surely.
//!
//! A fifth of the modules or so are the same in every symbol of a version. They show what the lens, the hand and the screen did to this
//! picture: a linear filter over each module's neighbourhood is fitted so that it gives the known modules back, and is then used on the
//! others. So no kind of blur, sharpening or crosstalk has to be known beforehand, nor by how much.

use image::GrayImage;

use super::grid::{Grid, level};
use super::symbol::Version;

/// Grey levels of every module and of a margin of [`MARGIN`] around them.
#[derive(Clone)]
pub(super) struct Sampled {
    pub(super) version: Version,
    wide: usize,
    /// Against the neighbourhood: dark is positive.
    values: Vec<f32>,
    /// Contrast of the neighbourhood against that of the whole symbol, 0 to 1.
    contrast: Vec<f32>,
}

/// Modules around the symbol that are sampled too.
const MARGIN: usize = 3;
/// Modules to each side that the filter looks at.
const REACH: usize = 3;
const WIDTH: usize = 2 * REACH + 1;
/// How firmly the filter is held to the module itself, against as many known modules.
const RIDGE: f64 = 5.0;
/// Neighbours and a constant.
const TAPS: usize = WIDTH * WIDTH + 1;

/// For every module of the symbol, row by row: positive is dark, 1 is as dark as the known ones are on average.
pub(super) type Evidence = Vec<f32>;

impl Sampled {
    pub(super) fn of(grey: &GrayImage, grid: &Grid) -> Option<Sampled> {
        let version = grid.version;
        let side = version.side();
        let wide = side + 2 * MARGIN;
        // Points in a module: as many as there are pixels, nearly.
        let points = (grid.module() * 0.7).round().clamp(1.0, 5.0) as usize;
        let offsets: Vec<f32> = (0..points).map(|n| (n as f32 + 0.5) / points as f32 * 0.8 + 0.1).collect();
        // The corners of all modules; within one, the picture is as good as straight.
        let edge = wide + 1;
        let from_edge = |n: usize| n as f32 - MARGIN as f32;
        let corners: Vec<(f32, f32)> =
            (0..edge * edge).map(|at| grid.at(from_edge(at % edge), from_edge(at / edge))).collect();
        let mut levels = vec![f32::NAN; wide * wide];
        let mut missing = 0;
        for row in 0..wide {
            for column in 0..wide {
                let at = row * edge + column;
                let (a, b, c, d) = (corners[at], corners[at + 1], corners[at + edge], corners[at + edge + 1]);
                let (mut sum, mut count) = (0.0, 0.0);
                for dv in &offsets {
                    let mix = |p: f32, q: f32, part: f32| p + (q - p) * part;
                    let (left, right) =
                        ((mix(a.0, c.0, *dv), mix(a.1, c.1, *dv)), (mix(b.0, d.0, *dv), mix(b.1, d.1, *dv)));
                    for du in &offsets {
                        if let Some(level) = level(grey, mix(left.0, right.0, *du), mix(left.1, right.1, *du)) {
                            sum += level;
                            count += 1.0;
                        }
                    }
                }
                if count > 0.0 {
                    levels[row * wide + column] = sum / count;
                } else if (MARGIN..MARGIN + side).contains(&row) && (MARGIN..MARGIN + side).contains(&column) {
                    missing += 1;
                }
            }
        }
        // A symbol that is partly outside is another matter.
        if missing * 50 > side * side {
            return None;
        }
        Some(Sampled::against_neighbourhood(version, wide, &levels))
    }

    /// Uneven light, shadow and haze: what counts is the difference to the modules around.
    fn against_neighbourhood(version: Version, wide: usize, levels: &[f32]) -> Sampled {
        const RADIUS: usize = 5;
        // Sums over all modules above and to the left.
        let stride = wide + 1;
        let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); stride * stride];
        for row in 0..wide {
            let mut line = (0.0, 0.0, 0.0);
            for column in 0..wide {
                // The margin is light: it would make the edge of the symbol dark.
                let inside =
                    (MARGIN - 1..wide - MARGIN + 1).contains(&row) && (MARGIN - 1..wide - MARGIN + 1).contains(&column);
                let level = f64::from(levels[row * wide + column]);
                if inside && level.is_finite() {
                    line = (line.0 + level, line.1 + level * level, line.2 + 1.0);
                }
                let above = sums[row * stride + column + 1];
                sums[(row + 1) * stride + column + 1] = (above.0 + line.0, above.1 + line.1, above.2 + line.2);
            }
        }
        let mut values = vec![0.0; wide * wide];
        let mut contrast = vec![0.0; wide * wide];
        for row in 0..wide {
            for column in 0..wide {
                let (top, bottom) = (row.saturating_sub(RADIUS), (row + RADIUS + 1).min(wide));
                let (left, right) = (column.saturating_sub(RADIUS), (column + RADIUS + 1).min(wide));
                let (a, b, c, d) = (
                    sums[bottom * stride + right],
                    sums[top * stride + right],
                    sums[bottom * stride + left],
                    sums[top * stride + left],
                );
                let count = (a.2 - b.2 - c.2 + d.2).max(1.0);
                let mean = (a.0 - b.0 - c.0 + d.0) / count;
                let spread = ((a.1 - b.1 - c.1 + d.1) / count - mean * mean).max(0.0).sqrt();
                let at = row * wide + column;
                let level = f64::from(levels[at]);
                contrast[at] = spread as f32;
                values[at] =
                    if level.is_finite() { ((mean - level) / spread.max(2.0)).clamp(-3.0, 3.0) as f32 } else { 0.0 };
            }
        }
        let mut sorted: Vec<f32> = contrast.clone();
        sorted.sort_by(f32::total_cmp);
        let usual = sorted[sorted.len() / 2].max(1.0);
        contrast.iter_mut().for_each(|contrast| *contrast = (*contrast / usual).min(1.0));
        Sampled { version, wide, values, contrast }
    }

    /// The weighted mean of frames of one code.
    pub(super) fn mean<'a>(frames: impl Iterator<Item = (&'a Sampled, f32)>) -> Option<Sampled> {
        let mut sum: Option<Sampled> = None;
        let mut weights = 0.0;
        for (frame, weight) in frames {
            let sum = sum.get_or_insert_with(|| Sampled {
                values: vec![0.0; frame.values.len()],
                contrast: vec![0.0; frame.contrast.len()],
                ..*frame
            });
            sum.values.iter_mut().zip(&frame.values).for_each(|(sum, value)| *sum += value * weight);
            sum.contrast.iter_mut().zip(&frame.contrast).for_each(|(sum, contrast)| *sum += contrast * weight);
            weights += weight;
        }
        let mut mean = sum?;
        mean.values.iter_mut().chain(&mut mean.contrast).for_each(|value| *value /= weights);
        Some(mean)
    }

    /// The evidence by what is known: of each module of the symbol, row by row, +1 for dark, -1 for light, 0 for not known.
    pub(super) fn evidence(&self, known: &[i8]) -> Evidence {
        self.filtered(&self.fitted(known))
    }

    /// The filter that misses the known modules least (ridge regression).
    fn fitted(&self, known: &[i8]) -> [f32; TAPS] {
        let side = self.version.side();
        let mut normal = [[0.0f32; TAPS + 1]; TAPS];
        let mut window = [0.0f32; TAPS];
        for (at, target) in known.iter().enumerate().filter(|(_, target)| **target != 0) {
            let target = f32::from(*target);
            let weight = self.window(at / side, at % side, &mut window);
            for i in 0..TAPS {
                let scaled = window[i] * weight;
                let row = &mut normal[i];
                for j in i..TAPS {
                    row[j] += scaled * window[j];
                }
                row[TAPS] += scaled * target;
            }
        }
        // Symmetric: the lower half is the upper half. The ridge draws towards the module itself alone.
        let mut matrix = [[0.0f64; TAPS + 1]; TAPS];
        for i in 0..TAPS {
            for j in 0..TAPS {
                matrix[i][j] = f64::from(if j >= i { normal[i][j] } else { normal[j][i] });
            }
            matrix[i][TAPS] = f64::from(normal[i][TAPS]);
            matrix[i][i] += RIDGE;
        }
        matrix[WIDTH * WIDTH / 2][TAPS] += RIDGE;
        cholesky(&mut matrix)
    }

    fn filtered(&self, filter: &[f32; TAPS]) -> Evidence {
        let side = self.version.side();
        let mut window = [0.0f32; TAPS];
        (0..side * side)
            .map(|at| {
                let weight = self.window(at / side, at % side, &mut window);
                weight * window.iter().zip(filter).map(|(value, tap)| value * tap).sum::<f32>().clamp(-2.0, 2.0)
            })
            .collect()
    }

    /// The neighbourhood of a module, and how much it is worth.
    fn window(&self, row: usize, column: usize, window: &mut [f32; TAPS]) -> f32 {
        let (top, left) = (row + MARGIN - REACH, column + MARGIN - REACH);
        for (y, line) in window.chunks_exact_mut(WIDTH).enumerate() {
            let start = (top + y) * self.wide + left;
            line.copy_from_slice(&self.values[start..start + WIDTH]);
        }
        window[TAPS - 1] = 1.0;
        self.contrast[(row + MARGIN) * self.wide + column + MARGIN]
    }
}

/// Solves a symmetric positive system that stands beside its right side.
fn cholesky(matrix: &mut [[f64; TAPS + 1]; TAPS]) -> [f32; TAPS] {
    for i in 0..TAPS {
        let pivot = matrix[i][i].max(1e-9);
        for j in i + 1..TAPS {
            let factor = matrix[j][i] / pivot;
            if factor != 0.0 {
                for k in i..=TAPS {
                    matrix[j][k] -= factor * matrix[i][k];
                }
            }
        }
    }
    let mut solution = [0.0f64; TAPS];
    for i in (0..TAPS).rev() {
        let rest: f64 = (i + 1..TAPS).map(|j| matrix[i][j] * solution[j]).sum();
        solution[i] = (matrix[i][TAPS] - rest) / matrix[i][i].max(1e-9);
    }
    solution.map(|value| value as f32)
}
