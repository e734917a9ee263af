//! How a symbol is lit: light and dark modules, how sharp they stand against each other, how many are washed out.

use super::level::Level;
use super::symbol::{Symbol, level_for};

/// How a symbol is lit.
pub(super) struct Light {
    /// The level that nine in ten places are darker than.
    pub(super) light: f32,
    /// The level that one in ten is darker than.
    pub(super) dark: f32,
    /// The share of 4 x 4 modules all bright.
    pub(super) washed: f32,
    /// The share of 4 x 4 modules in which there are light and dark ones.
    pub(super) busy: f32,
    /// 1 where the level changes by its whole range at every second module and of two samples one sees it; less where edges are soft.
    pub(super) sharpness: f32,
}

/// Samples to the module and direction.
pub(super) const SAMPLES: f32 = 2.0;
/// The side of a window, in samples: 4 x 4 modules, of which in a code one is dark and one is light.
const WINDOW: usize = 8;

impl Light {
    /// `None` if much of it is outside.
    pub(super) fn of(levels: &[Level<'_>], symbol: &Symbol) -> Option<Light> {
        // Not much finer than the samples: the mean of several pixels has less noise.
        let level = level_for(levels, symbol.px_per_module(), SAMPLES)?;
        let across = (symbol.modules() * SAMPLES) as usize / WINDOW;
        // Every second one, as on a chessboard.
        let places = (0..across * across).map(|index| (index % across, index / across));
        let windows =
            places.filter(|(x, y)| (x + y) % 2 == 0).map(|(x, y)| Window::of(level, symbol, x * WINDOW, y * WINDOW));
        let windows: Vec<Option<Window>> = windows.collect();
        let all = windows.len();
        let windows: Vec<Window> = windows.into_iter().flatten().collect();
        if windows.len() * 2 < all {
            return None;
        }
        let mut samples: Vec<u8> =
            windows.iter().flat_map(|window| window.0.iter().flatten()).map(|s| *s as u8).collect();
        let (light, dark) = (f32::from(percentile(&mut samples, 90)?), f32::from(percentile(&mut samples, 10)?));
        // Brighter than the light modules, or as bright as can be.
        let bright = (light + 10.0).clamp(200.0, BRIGHT);
        let washed = windows.iter().filter(|window| window.lowest() >= bright).count() as f32 / all as f32;
        // What is covered or washed out says nothing about sharpness, and a shadow makes the range smaller.
        let busy: Vec<&Window> = windows.iter().filter(|window| window.contrast() >= 0.4 * (light - dark)).collect();
        let mut sharpness = (0.0, 0.0);
        for window in &busy {
            let (along, down) = window.change();
            let whole = window.contrast().max(1.0) * busy.len() as f32 / (2.0 * SAMPLES);
            sharpness = (sharpness.0 + along / whole, sharpness.1 + down / whole);
        }
        let sharpness = sharpness.0.min(sharpness.1);
        Some(Light { light, dark, washed, busy: busy.len() as f32 / all as f32, sharpness })
    }

    /// Of a symbol that is mostly out of view.
    pub(super) const UNKNOWN: Light = Light { light: 255.0, dark: 0.0, washed: 0.0, busy: 0.0, sharpness: 1.0 };

    pub(super) fn contrast(&self) -> f32 {
        self.light - self.dark
    }

    /// Bright where it should be dark: a reflection lies over all of it.
    pub(super) fn is_veiled(&self) -> bool {
        self.dark > 100.0 && self.contrast() < 0.5 * self.light
    }
}

/// Samples of 4 x 4 modules, with the row and the column after them.
struct Window([[f32; WINDOW + 1]; WINDOW + 1]);

impl Window {
    /// `None` if part of it is outside the frame.
    fn of(level: &Level<'_>, symbol: &Symbol, left: usize, top: usize) -> Option<Window> {
        let mut samples = [[0.0; WINDOW + 1]; WINDOW + 1];
        for (y, row) in (top..).zip(&mut samples) {
            for (x, sample) in (left..).zip(row) {
                let place = |index: usize| (index as f32 + 0.5) / SAMPLES;
                *sample = level.sample(symbol.at(place(x), place(y)))?;
            }
        }
        Some(Window(samples))
    }

    fn lowest(&self) -> f32 {
        self.0.iter().flatten().copied().fold(f32::INFINITY, f32::min)
    }

    /// From the darkest to the lightest, but for two samples each: noise makes the whole range larger than it is.
    fn contrast(&self) -> f32 {
        let mut levels = [0; (WINDOW + 1) * (WINDOW + 1)];
        levels.iter_mut().zip(self.0.iter().flatten()).for_each(|(level, sample)| *level = *sample as u8);
        let (Some(light), Some(dark)) = (percentile(&mut levels, 97), percentile(&mut levels, 3)) else { return 0.0 };
        f32::from(light.saturating_sub(dark))
    }

    /// Mean change from a sample to the next, along and down.
    fn change(&self) -> (f32, f32) {
        let (mut along, mut down) = (0.0, 0.0);
        for (row, below) in self.0.iter().zip(self.0.iter().skip(1)) {
            for ((this, right), below) in row.iter().zip(row.iter().skip(1)).zip(below) {
                along += (this - right).abs();
                down += (this - below).abs();
            }
        }
        let count = (WINDOW * WINDOW) as f32;
        (along / count, down / count)
    }
}

/// The level from which on a pixel says no more than bright.
pub(super) const BRIGHT: f32 = 235.0;
/// Puts the values in order for it.
pub(super) fn percentile(values: &mut [u8], percent: usize) -> Option<u8> {
    let place = values.len().checked_sub(1)? * percent / 100;
    Some(*values.select_nth_unstable(place).1)
}
