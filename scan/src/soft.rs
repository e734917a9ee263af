//! Our own decoder: for codes that are blurred, noisy, small, bent or partly covered.
//!
//! Others turn a picture into black and white and then look for a code. Here the symbol is located first, by what is known of it, and every
//! module is then weighed in grey levels: how dark it is, and how surely ([`evidence`]). Doubtful codewords are erased rather than guessed,
//! blocks that could be mended teach the filter for those that could not, and the evidence of several pictures of one code can be added up.
//!
//! Only texts of digits in numeric mode are read: everything of ours is one. Nothing is read with fewer than four check codewords of each
//! block to spare, and with padding that is not the standard's.

// Arithmetic over arrays whose sizes are made right beside it. A panic in it is contained, as one in any decoder is.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

mod blurred;
mod content;
mod evidence;
mod finder;
mod fusion;
mod grid;
mod reed_solomon;
mod symbol;

use image::GrayImage;

use super::prepare;
use super::quadrilateral::{centre, contains};
use content::Content;
use evidence::{Evidence, Sampled};
use finder::{BlackWhite, Corner, Finder};
pub(crate) use fusion::Fusion;
use grid::{Grid, Three};
use symbol::{Module, Version};

/// How much a look at a picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    /// What stands out in black and white.
    Quick,
    /// Also what is blurred, noisy or has lost one of its finder patterns.
    Thorough,
}

/// A symbol that was located.
pub(crate) struct Sighting {
    pub(crate) version: u8,
    pub(crate) corners: [(f32, f32); 4],
    /// Share of the modules known beforehand that came out wrong.
    pub(crate) known_wrong: f32,
    pub(crate) digits: Option<Vec<u8>>,
    sampled: Sampled,
    evidence: Evidence,
}

/// What a look at a picture showed.
#[derive(Default)]
pub(crate) struct Seen {
    /// The first symbol with a text of digits, and symbols before it that could not be read but surely are some.
    pub(crate) sightings: Vec<Sighting>,
    /// Finder patterns that stand out clearly: centre, and pixels to the module.
    pub(crate) patterns: Vec<((f32, f32), f32)>,
}

/// Looks for a symbol with a text of digits.
pub(crate) fn look(grey: &GrayImage, effort: Effort) -> Seen {
    if grey.width() < SMALLEST || grey.height() < SMALLEST {
        return Seen::default();
    }
    let sharp = BlackWhite::of(grey);
    let outright = finder::finders(&sharp);
    // One that is really there is met in nearly every row of its middle, three modules high.
    let clear = |finder: &&Finder| {
        finder.module >= 1.8
            && finder.rows as f32 >= 1.5 * finder.module
            && grid::likeness_of_finder(grey, finder) > 0.65
    };
    let patterns = outright.iter().filter(clear);
    let patterns = patterns.map(|finder| ((finder.x, finder.y), finder.module)).collect();
    Seen { sightings: sightings(grey, effort, &sharp, outright), patterns }
}

/// Pixels to the side of a picture that a symbol of 21 modules fits into, with the least that can be told apart.
const SMALLEST: u32 = 40;

fn sightings(grey: &GrayImage, effort: Effort, sharp: &BlackWhite, outright: Vec<Finder>) -> Vec<Sighting> {
    let mut look = Look { grey, smoothed: Vec::new(), seen: Vec::new() };
    let threes = ranked(&outright, |corner| Three::of(sharp, corner));
    look.try_all(&threes, 6, 0);
    if look.done() || effort == Effort::Quick {
        return look.seen;
    }

    // At half the size noise is half of what it was.
    let half = prepare::half(grey);
    let sums = blurred::Sums::of(&half);
    let mut all = outright;
    let in_half = finder::finders(&BlackWhite::of(&half)).into_iter().chain(blurred::finders(&sums, &blurred::MODULES));
    for finder in in_half.map(doubled) {
        merge(&mut all, finder);
    }
    for finder in &mut all {
        let like = [0.85, 1.0, 1.2]
            .into_iter()
            .map(|size| sums.likeness(finder.x / 2.0, finder.y / 2.0, finder.module / 2.0 * size))
            .fold(0.0f32, f32::max);
        finder.rows = finder.rows.min(16) + (like * 20.0) as u32;
    }
    all.sort_by_key(|finder| std::cmp::Reverse(finder.rows));
    all.truncate(24);
    let mut threes = ranked(&all, Three::plain);
    look.try_all(&threes, 8, 2);
    if !look.done() {
        threes = completed(&all, &sums);
        look.try_all(&threes, 8, 2);
    }
    look.seen
}

struct Look<'a> {
    grey: &'a GrayImage,
    /// Means over squares of three and of five pixels, made when they are wanted.
    smoothed: Vec<GrayImage>,
    seen: Vec<Sighting>,
}

impl Look<'_> {
    fn done(&self) -> bool {
        self.seen.iter().any(|sighting| sighting.digits.is_some())
    }

    fn try_all(&mut self, threes: &[Three], most: usize, smoothing: usize) {
        for three in threes.iter().take(most) {
            let taken = |sighting: &Sighting| {
                sighting.digits.is_some() && three.centres.iter().all(|centre| contains(&sighting.corners, *centre))
            };
            if !self.seen.iter().any(taken) {
                self.try_one(three, smoothing);
            }
            if self.done() {
                return;
            }
        }
    }

    fn try_one(&mut self, three: &Three, smoothing: usize) {
        let grey = self.grey;
        let smoothing = match three.module() {
            module if module < 2.6 => 0,
            module if module < 4.4 => smoothing.min(1),
            _ => smoothing,
        };
        while self.smoothed.len() < smoothing {
            self.smoothed.push(mean_of(grey, self.smoothed.len() + 1));
        }
        let locating = smoothing.checked_sub(1).and_then(|at| self.smoothed.get(at)).unwrap_or(grey);
        let likeliest = Version::nearest((three.distances[0] * three.distances[1]).sqrt() + 7.0);
        let over = |step: i8| {
            let version = Version::new(likeliest.number().checked_add_signed(step)?)?;
            Grid::over(locating, three, version)
        };
        let Some(first) = over(0) else { return };
        let mut seen = None;
        if first.fit > 0.8 {
            let sighting = weigh(grey, &first);
            if let Some(sighting) = sighting {
                if sighting.digits.is_some() {
                    self.seen.push(sighting);
                    return;
                }
                seen = Some(sighting);
            }
        }
        let first_fit = first.fit;
        let mut others: Vec<Grid> = [-1, 1, -2, 2].into_iter().filter_map(over).collect();
        if seen.is_none() {
            others.push(first);
        }
        others.sort_by(|a, b| b.fit.total_cmp(&a.fit));
        for grid in others.into_iter().take(2).filter(|grid| grid.fit > 0.62 && grid.fit > first_fit - 0.1) {
            let Some(sighting) = weigh(grey, &grid) else { continue };
            if sighting.digits.is_some() {
                self.seen.push(sighting);
                return;
            }
            if seen.as_ref().is_none_or(|seen| sighting.known_wrong < seen.known_wrong) {
                seen = Some(sighting);
            }
        }
        // Something surely is a symbol when most of what must be there is there.
        if let Some(sighting) = seen.filter(|sighting| sighting.known_wrong < 0.08) {
            self.seen.retain(|old| old.digits.is_some() || !contains(&old.corners, centre(&sighting.corners)));
            self.seen.push(sighting);
        }
    }
}

/// Weighs every module, and reads if it can.
fn weigh(grey: &GrayImage, grid: &Grid) -> Option<Sighting> {
    let version = grid.version;
    let sampled = Sampled::of(grey, grid)?;
    let layout = symbol::layout(version);
    let places = symbol::path(&layout, version);
    let beforehand = known(&layout);
    let evidence = sampled.evidence(&beforehand);
    let (wrong, all) = beforehand
        .iter()
        .zip(&evidence)
        .filter(|(known, _)| **known != 0)
        .fold((0, 0), |(wrong, all), (known, seen)| (wrong + usize::from((*known > 0) != (*seen > 0.0)), all + 1));
    let mut sighting = Sighting {
        version: version.number(),
        corners: grid.corners(),
        known_wrong: wrong as f32 / all as f32,
        digits: None,
        sampled,
        evidence,
    };
    if sighting.known_wrong > 0.2 {
        return Some(sighting);
    }
    let mut before = 0;
    for _ in 0..5 {
        match content::read(&sighting.evidence, &places, version) {
            Content::Digits(digits) => {
                sighting.digits = Some(digits);
                break;
            }
            Content::Part(part) if part.len() > before => {
                before = part.len();
                let known = with(&beforehand, &part);
                sighting.evidence = sighting.sampled.evidence(&known);
            }
            _ => break,
        }
    }
    Some(sighting)
}

fn with(known: &[i8], part: &[(usize, bool)]) -> Vec<i8> {
    let mut known = known.to_vec();
    for (at, dark) in part {
        if let Some(place) = known.get_mut(*at) {
            *place = if *dark { 1 } else { -1 };
        }
    }
    known
}

fn known(layout: &[Module]) -> Vec<i8> {
    layout
        .iter()
        .map(|module| match module {
            Module::Known { dark: true } => 1,
            Module::Known { dark: false } => -1,
            Module::Format | Module::Data => 0,
        })
        .collect()
}

/// Threes by how well they stand as those of a code do.
fn ranked(finders: &[Finder], three: impl Fn(&Corner) -> Three) -> Vec<Three> {
    let strongest = finders.iter().map(|finder| finder.rows).max().unwrap_or(1).max(1) as f32;
    let mut ranked: Vec<(f32, Three)> = finder::corners(finders, 3_000)
        .iter()
        .map(|(skew, corner)| {
            let three = three(corner);
            let [right, down] = three.distances;
            let side = (right * down).sqrt();
            let rows = corner.top_left.rows.min(corner.top_right.rows).min(corner.bottom_left.rows) as f32;
            let badness = (right / down).ln().abs() * 2.0
                + skew * 0.25
                + 1.2 * (1.0 - rows / strongest)
                + if (12.0..175.0).contains(&side) { 0.0 } else { 1.0 };
            (badness, three)
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, three)| three).collect()
}

/// Threes of which one is only where it must be, by the other two: covered, or too blurred to be found by itself.
fn completed(finders: &[Finder], half: &blurred::Sums) -> Vec<Three> {
    let mut found: Vec<(f32, Three)> = Vec::new();
    let strong = &finders[..finders.len().min(8)];
    for (at, p) in strong.iter().enumerate() {
        for q in &strong[at + 1..] {
            let module = (p.module + q.module) / 2.0;
            let (dx, dy) = (q.x - p.x, q.y - p.y);
            let apart = dx.hypot(dy) / module;
            if p.module > 1.6 * q.module || q.module > 1.6 * p.module || !(14.0..170.0).contains(&apart) {
                continue;
            }
            let (a, b) = ((p.x, p.y), (q.x, q.y));
            let turned = (-dy, dx);
            let plus = |point: (f32, f32), by: f32| (point.0 + turned.0 * by, point.1 + turned.1 * by);
            let centre = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
            // Side by side, with the third on either side of either; or across, with the third on either side.
            let squares = [
                ([Some(a), Some(b), None], plus(a, 1.0)),
                ([Some(b), Some(a), None], plus(b, -1.0)),
                ([Some(a), None, Some(b)], plus(a, -1.0)),
                ([Some(b), None, Some(a)], plus(b, 1.0)),
                ([None, Some(a), Some(b)], plus(centre, 0.5)),
                ([None, Some(b), Some(a)], plus(centre, -0.5)),
            ];
            for (centres, wanted) in squares {
                let window = 0.12 * apart * module;
                let (mut best, mut place) = (0.0f32, wanted);
                let step = (module * 0.5).max(1.0);
                let steps = (window / step) as i32;
                for y in -steps..=steps {
                    for x in -steps..=steps {
                        let (x, y) = (wanted.0 + x as f32 * step, wanted.1 + y as f32 * step);
                        let like = half.likeness(x / 2.0, y / 2.0, module / 2.0);
                        if like > best {
                            (best, place) = (like, (x, y));
                        }
                    }
                }
                if best < 0.2 {
                    place = wanted;
                }
                let centres = centres.map(|centre| centre.unwrap_or(place));
                let distance = |to: usize| (centres[to].0 - centres[0].0).hypot(centres[to].1 - centres[0].1) / module;
                let three = Three { centres, shrinks: [1.0; 2], distances: [distance(1), distance(2)] };
                found.push((best + 0.02 * p.rows.min(q.rows) as f32, three));
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, three)| three).collect()
}

fn doubled(finder: Finder) -> Finder {
    Finder { x: finder.x * 2.0, y: finder.y * 2.0, module: finder.module * 2.0, rows: finder.rows.max(2) }
}

fn merge(all: &mut Vec<Finder>, new: Finder) {
    let same = |old: &&mut Finder| (old.x - new.x).hypot(old.y - new.y) < 2.5 * old.module.min(new.module);
    match all.iter_mut().find(same) {
        Some(old) => old.rows += new.rows,
        None => all.push(new),
    }
}

/// Means over the square of so many pixels to each side; at the border, of what is there.
fn mean_of(grey: &GrayImage, reach: usize) -> GrayImage {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let rows: Vec<&[u8]> = grey.as_raw().chunks_exact(width).collect();
    let mut columns = vec![0u16; width];
    let mut mean = Vec::with_capacity(width * height);
    let mut high = 0u32;
    // The sums of each column over the rows that count, kept up from row to row; then along the row.
    rows.iter()
        .take(reach)
        .for_each(|row| columns.iter_mut().zip(*row).for_each(|(sum, level)| *sum += u16::from(*level)));
    high += rows.len().min(reach) as u32;
    for y in 0..height {
        if let Some(row) = rows.get(y + reach) {
            columns.iter_mut().zip(*row).for_each(|(sum, level)| *sum += u16::from(*level));
            high += 1;
        }
        if let Some(row) = y.checked_sub(reach + 1).and_then(|gone| rows.get(gone)) {
            columns.iter_mut().zip(*row).for_each(|(sum, level)| *sum -= u16::from(*level));
            high -= 1;
        }
        let edge = |x: usize| {
            let around = &columns[x.saturating_sub(reach)..(x + reach + 1).min(width)];
            (around.iter().map(|sum| u32::from(*sum)).sum::<u32>() / (around.len() as u32 * high)) as u8
        };
        mean.extend((0..reach.min(width)).map(edge));
        let count = (2 * reach + 1) as u32 * high;
        // Division is the slow part: by a factor instead.
        let factor = (1u32 << 20).div_ceil(count);
        mean.extend(
            columns
                .windows(2 * reach + 1)
                .map(|around| ((around.iter().map(|sum| u32::from(*sum)).sum::<u32>() * factor) >> 20).min(255) as u8),
        );
        mean.extend((width.saturating_sub(reach).max(reach.min(width))..width).map(edge));
    }
    GrayImage::from_raw(grey.width(), grey.height(), mean).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use qrcode::{Color, EcLevel, QrCode, Version as QrVersion};

    use super::*;

    #[test]
    fn every_version_that_a_text_of_ours_may_have_at_every_level() {
        // Without alignment patterns, in version 1, there is too little that is known beforehand.
        for version in 2..=27 {
            for level in [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H] {
                let text = digits(30, u64::from(version));
                let code = QrCode::with_version(&text, QrVersion::Normal(i16::from(version)), level).unwrap();
                let seen = look(&drawn(&code, 3), Effort::Quick);
                assert_eq!(texts(&seen), [text], "version {version} level {level:?}");
                assert_eq!(seen.sightings[0].version, version);
                assert_eq!(seen.patterns.len(), 3, "version {version} level {level:?}");
            }
        }
    }

    #[test]
    fn a_symbol_is_read_at_every_angle_and_told_where_it_is() {
        let text = digits(900, 1);
        let code = of(&text);
        for turn in 0..24 {
            let angle = turn as f32 * 15.0;
            let picture = turned(&code, 4.0, angle);
            let seen = look(&picture, Effort::Quick);
            assert_eq!(texts(&seen), std::slice::from_ref(&text), "{angle} degrees");
            let [top_left, _, bottom_right, _] = seen.sightings[0].corners;
            let middle = (picture.width() as f32 / 2.0, picture.height() as f32 / 2.0);
            let off = |at: (f32, f32)| ((at.0 - middle.0), (at.1 - middle.1));
            let half = code.width() as f32 * 2.0;
            let (sine, cosine) = angle.to_radians().sin_cos();
            let wanted = (-half * cosine + half * sine, -half * sine - half * cosine);
            let (found, opposite) = (off(top_left), off(bottom_right));
            assert!((found.0 - wanted.0).hypot(found.1 - wanted.1) < 4.0, "{angle} degrees: {found:?}, not {wanted:?}");
            assert!((opposite.0 + wanted.0).hypot(opposite.1 + wanted.1) < 4.0, "{angle} degrees: {opposite:?}");
        }
    }

    #[test]
    fn blur_noise_and_a_covered_corner_are_read_through() {
        let text = digits(900, 2);
        let sharp = drawn(&of(&text), 4);
        let defocused = mean_of(&sharp, 2);
        let shaken = shaken(&sharp, 7);
        let noisy = noisy(&sharp, 90, 3);
        // A thumb on the lower left finder pattern.
        let mut covered = sharp.clone();
        let end = sharp.height();
        for (x, y) in (0..44).flat_map(|x| (0..44).map(move |y| (x, y))) {
            covered.put_pixel(x, end - 1 - y, Luma([128]));
        }
        for (what, picture) in [("defocused", defocused), ("shaken", shaken), ("noisy", noisy), ("covered", covered)] {
            assert_eq!(texts(&look(&picture, Effort::Thorough)), std::slice::from_ref(&text), "{what}");
        }
    }

    #[test]
    fn what_is_no_text_of_digits_is_a_symbol_and_no_text() {
        for bytes in [&b"https://example.org/a-shop-with-a-long-address"[..], b"ABC123ABC123ABC123ABC123ABC123"] {
            let code = QrCode::with_error_correction_level(bytes, EcLevel::L).unwrap();
            let seen = look(&drawn(&code, 4), Effort::Thorough);
            assert_eq!(texts(&seen), [[0u8; 0]; 0]);
            assert_eq!(seen.sightings.len(), 1, "it is seen, at least");
        }
    }

    #[test]
    fn a_surface_a_field_of_patterns_and_noise_hold_nothing() {
        let even = GrayImage::from_pixel(640, 480, Luma([200]));
        let mut noise = noisy(&even, 255, 5);
        assert!(texts(&look(&noise, Effort::Thorough)).is_empty());
        assert!(look(&even, Effort::Thorough).sightings.is_empty());
        let field = crate::testing::field_of_patterns();
        assert!(texts(&look(&field, Effort::Thorough)).is_empty());
        for (number, pixel) in noise.pixels_mut().enumerate() {
            pixel.0[0] = if pixel.0[0] > 128 && number % 3 != 0 { 255 } else { 0 };
        }
        assert!(texts(&look(&noise, Effort::Thorough)).is_empty());
    }

    #[test]
    fn pictures_of_every_small_size_and_cut_anywhere() {
        let code = drawn(&of(&digits(60, 6)), 3);
        for width in (0..code.width()).step_by(7) {
            for height in (0..code.height()).step_by(13) {
                let cut = image::imageops::crop_imm(&code, 0, 0, width, height).to_image();
                assert!(texts(&look(&cut, Effort::Thorough)).len() < 2, "{width} x {height}");
            }
        }
    }

    #[test]
    fn frames_of_which_none_can_be_read_are_read_together() {
        let text = digits(900, 7);
        let code = drawn(&of(&text), 3);
        let mut fusion = Fusion::default();
        let mut alone = 0;
        let read = (0..10).find_map(|frame| {
            let picture = noisy(&mean_of(&code, 1), 130, 100 + frame);
            alone += texts(&look(&picture, Effort::Thorough)).len();
            texts(&fusion.look(&picture, Effort::Thorough)).pop()
        });
        assert_eq!(alone, 0, "each alone was too much noise");
        assert_eq!(read, Some(text));
    }

    #[test]
    fn frames_of_two_codes_are_not_added_up() {
        let (one, other) = (digits(900, 8), digits(900, 9));
        let (a, b) = (drawn(&of(&one), 3), drawn(&of(&other), 3));
        let mut fusion = Fusion::default();
        for frame in 0..20 {
            let code = if frame % 2 == 0 { &a } else { &b };
            let picture = noisy(&mean_of(code, 1), 130, 300 + frame);
            // One frame may be read alone: then it is that code's text.
            for text in texts(&fusion.look(&picture, Effort::Thorough)) {
                assert_eq!(text, if frame % 2 == 0 { one.clone() } else { other.clone() }, "frame {frame}");
            }
        }
    }

    fn texts(seen: &Seen) -> Vec<Vec<u8>> {
        seen.sightings.iter().filter_map(|sighting| sighting.digits.clone()).collect()
    }

    fn digits(count: usize, seed: u64) -> Vec<u8> {
        let mut dice = Dice(seed);
        (0..count).map(|_| b'0' + (dice.next() % 10) as u8).collect()
    }

    fn of(text: &[u8]) -> QrCode {
        QrCode::with_error_correction_level(text, EcLevel::L).unwrap()
    }

    fn drawn(code: &QrCode, scale: usize) -> GrayImage {
        let side = (code.width() + 8) * scale;
        GrayImage::from_fn(side as u32, side as u32, |x, y| {
            level(code, x as f32 / scale as f32 - 4.0 + 0.01, y as f32 / scale as f32 - 4.0 + 0.01)
        })
    }

    /// About its middle, clockwise; each pixel the mean of sixteen points.
    fn turned(code: &QrCode, scale: f32, degrees: f32) -> GrayImage {
        let middle = code.width() as f32 / 2.0;
        let side = ((code.width() + 8) as f32 * scale * 1.42) as u32;
        let (sine, cosine) = degrees.to_radians().sin_cos();
        GrayImage::from_fn(side, side, |x, y| {
            let points = (0..16).map(|n| {
                let (x, y) = (x as f32 + (n % 4) as f32 / 4.0 + 0.125, y as f32 + (n / 4) as f32 / 4.0 + 0.125);
                let (x, y) = (x - side as f32 / 2.0, y - side as f32 / 2.0);
                let (u, v) = ((x * cosine + y * sine) / scale, (y * cosine - x * sine) / scale);
                u32::from(level(code, u + middle, v + middle).0[0])
            });
            Luma([(points.sum::<u32>() / 16) as u8])
        })
    }

    fn level(code: &QrCode, u: f32, v: f32) -> Luma<u8> {
        let inside = u >= 0.0 && v >= 0.0 && u < code.width() as f32 && v < code.width() as f32;
        Luma([if inside && code[(u as usize, v as usize)] == Color::Dark { 40 } else { 215 }])
    }

    /// A hand that moves to the right by so many pixels while the shutter is open.
    fn shaken(picture: &GrayImage, by: u32) -> GrayImage {
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
            let sum: u32 = (0..by).map(|n| u32::from(picture.get_pixel(x.saturating_sub(n), y).0[0])).sum();
            Luma([(sum / by) as u8])
        })
    }

    /// With noise of at most so many levels to either side.
    fn noisy(picture: &GrayImage, reach: i32, seed: u64) -> GrayImage {
        let mut dice = Dice(seed);
        let mut noisy = picture.clone();
        for pixel in noisy.pixels_mut() {
            let noise = (dice.next() % (2 * reach as u64 + 1)) as i32 - reach;
            pixel.0[0] = (i32::from(pixel.0[0]) + noise).clamp(0, 255) as u8;
        }
        noisy
    }

    /// The same numbers on every machine (splitmix64).
    struct Dice(u64);

    impl Dice {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }
    }
}
