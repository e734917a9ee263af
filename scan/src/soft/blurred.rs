//! Finder patterns that are too blurred or too noisy for runs of black and white.

use image::GrayImage;

use super::finder::Finder;

/// Sizes of a module that are looked for, in pixels.
pub(super) const MODULES: [f32; 6] = [1.6, 1.95, 2.35, 2.85, 3.45, 4.2];
/// Likeness to a finder pattern, -1 to 1, from which a place is worth a look.
const LIKE: f32 = 0.45;
const MOST: usize = 20;

/// Places whose surroundings are most like a finder pattern with its light margin, the likest first: rings of boxes, whose sums cost the
/// same at any size. For symbols that stand about upright.
pub(super) fn finders(sums: &Sums, modules: &[f32]) -> Vec<Finder> {
    let (width, height) = sums.size();
    let mut found: Vec<(f32, Finder)> = Vec::new();
    for &module in modules {
        let margin = (module * 4.5 + 2.0) as usize;
        let step = ((module * 0.75) as usize).max(1);
        let core = (module * 1.5).round().max(1.0) as usize;
        let all = (module * 4.5).round() as usize;
        for y in (margin..(height as usize).saturating_sub(margin)).step_by(step) {
            for x in (margin..(width as usize).saturating_sub(margin)).step_by(step) {
                // Most places have no darker middle.
                if !sums.darker_inside(x, y, core, all) {
                    continue;
                }
                let (x, y) = (x as f32, y as f32);
                let like = sums.likeness(x, y, module);
                if like > LIKE {
                    keep(&mut found, like, Finder { x, y, module, rows: 0 });
                }
            }
        }
    }
    for (like, finder) in &mut found {
        for finer in [0.3, 0.15] {
            let mut best = (*like, *finder);
            for (dx, dy, dm) in (0..27).map(|n| ((n % 3) as f32 - 1.0, (n / 3 % 3) as f32 - 1.0, (n / 9) as f32 - 1.0))
            {
                let (x, y) = (finder.x + dx * finer * finder.module, finder.y + dy * finer * finder.module);
                let module = finder.module * (1.0 + dm * finer * 0.3);
                let like = sums.likeness(x, y, module);
                if like > best.0 {
                    best = (like, Finder { x, y, module, rows: 0 });
                }
            }
            (*like, *finder) = best;
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(like, finder)| Finder { rows: (like * 10.0) as u32, ..finder }).collect()
}

/// Of places that are the same pattern, the likest.
fn keep(found: &mut Vec<(f32, Finder)>, like: f32, new: Finder) {
    let near = |old: &Finder| (old.x - new.x).abs().max((old.y - new.y).abs()) < 4.0 * old.module.max(new.module);
    if let Some(old) = found.iter_mut().find(|(_, old)| near(old)) {
        if like > old.0 {
            *old = (like, new);
        }
    } else if found.len() < MOST {
        found.push((like, new));
    } else if let Some(least) = found.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0)).filter(|least| least.0 < like) {
        *least = (like, new);
    }
}

/// Sums of all levels, and of their squares, above and to the left.
pub(super) struct Sums {
    levels: Vec<u32>,
    squares: Vec<u64>,
    stride: usize,
}

impl Sums {
    pub(super) fn of(grey: &GrayImage) -> Sums {
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        let stride = width + 1;
        let mut levels = vec![0u32; stride * (height + 1)];
        let mut squares = vec![0u64; stride * (height + 1)];
        for (y, row) in grey.as_raw().chunks_exact(width.max(1)).enumerate() {
            let (mut sum, mut square) = (0u32, 0u64);
            let base = (y + 1) * stride;
            for (x, level) in row.iter().enumerate() {
                sum += u32::from(*level);
                square += u64::from(*level) * u64::from(*level);
                levels[base + x + 1] = levels[base - stride + x + 1] + sum;
                squares[base + x + 1] = squares[base - stride + x + 1] + square;
            }
        }
        Sums { levels, squares, stride }
    }

    /// Whether the square of `core` pixels to each side is darker than that of `all` pixels by a twelfth.
    fn darker_inside(&self, x: usize, y: usize, core: usize, all: usize) -> bool {
        let square = |half: usize| {
            let (upper, lower) = ((y - half) * self.stride + x, (y + half) * self.stride + x);
            let at = |at: usize| self.levels[at];
            at(lower + half)
                .wrapping_add(at(upper - half))
                .wrapping_sub(at(lower - half))
                .wrapping_sub(at(upper + half))
        };
        let (inside, around) = (square(core) as usize * all * all, square(all) as usize * core * core);
        inside * 12 < around * 11
    }

    /// The sum over a square around a point, and how many pixels it has.
    fn square(&self, x: f32, y: f32, half: f32) -> (f32, f32) {
        let (left, right) = ((x - half + 0.5) as usize, (x + half + 0.5) as usize);
        let (top, bottom) = ((y - half + 0.5) as usize, (y + half + 0.5) as usize);
        let at = |x: usize, y: usize| self.levels[y * self.stride + x];
        let sum =
            at(right, bottom).wrapping_add(at(left, top)).wrapping_sub(at(left, bottom)).wrapping_sub(at(right, top));
        (sum as f32, ((right - left) * (bottom - top)) as f32)
    }

    fn spread(&self, x: f32, y: f32, half: f32, mean: f32) -> f32 {
        let (left, right) = ((x - half + 0.5) as usize, (x + half + 0.5) as usize);
        let (top, bottom) = ((y - half + 0.5) as usize, (y + half + 0.5) as usize);
        let at = |x: usize, y: usize| self.squares[y * self.stride + x];
        let sum = (at(right, bottom) + at(left, top)) - (at(left, bottom) + at(right, top));
        (sum as f32 / ((right - left) * (bottom - top)) as f32 - mean * mean).max(0.0).sqrt()
    }

    fn size(&self) -> (f32, f32) {
        ((self.stride - 1) as f32, (self.levels.len() / self.stride - 1) as f32)
    }

    pub(super) fn likeness(&self, x: f32, y: f32, module: f32) -> f32 {
        let reach = module * 4.5 + 1.0;
        let (width, height) = self.size();
        if x < reach || y < reach || x + reach > width || y + reach > height {
            return -1.0;
        }
        let (core, core_n) = self.square(x, y, module * 1.5);
        let (all, all_n) = self.square(x, y, module * 4.5);
        let mean = all / all_n;
        // A dark middle, or nothing.
        if core / core_n > mean * 0.97 - 1.0 {
            return -1.0;
        }
        let (five, five_n) = self.square(x, y, module * 2.5);
        let (seven, seven_n) = self.square(x, y, module * 3.5);
        let (light, light_n) = ((five - core) + (all - seven), (five_n - core_n) + (all_n - seven_n));
        let (dark, dark_n) = (core + (seven - five), core_n + (seven_n - five_n));
        let part = light_n / all_n;
        let difference = light / light_n - dark / dark_n;
        let spread = self.spread(x, y, module * 4.5, mean);
        if spread < 3.0 {
            return -1.0;
        }
        difference * (part * (1.0 - part)).sqrt() / spread
            // A pattern has its two rings: a dark blot has neither.
            - if five - core <= core / core_n * (five_n - core_n) { 0.3 } else { 0.0 }
            - if (all - seven) / (all_n - seven_n) <= (seven - five) / (seven_n - five_n) { 0.3 } else { 0.0 }
    }
}
