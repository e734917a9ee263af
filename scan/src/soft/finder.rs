//! Where a symbol may be: finder patterns, and threes of them that stand as those of a code do.

use image::GrayImage;

/// Something like a finder pattern (6.3.3): dark, light, dark, light, dark in the widths 1, 1, 3, 1, 1 in two directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finder {
    /// Its centre in pixels; the first pixel has its centre at 0.5.
    pub(super) x: f32,
    pub(super) y: f32,
    /// Pixels to the module.
    pub(super) module: f32,
    /// Rows in which it was met.
    pub(super) rows: u32,
}

/// Three finder patterns in their places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Corner {
    pub(super) top_left: Finder,
    pub(super) top_right: Finder,
    pub(super) bottom_left: Finder,
}

/// So many finder patterns are looked at, those met in most rows first. A code has three; a hostile picture has thousands.
const FINDERS_MAX: usize = 24;
/// A picture with more is noise, or made to keep a reader busy.
const CANDIDATES_MAX: usize = 400;

/// The finder patterns of a black and white picture, the surest first.
pub(super) fn finders(picture: &BlackWhite) -> Vec<Finder> {
    let mut found: Vec<Finder> = Vec::new();
    let mut runs: Vec<u32> = Vec::new();
    for y in 0..picture.height {
        if found.len() == CANDIDATES_MAX {
            break;
        }
        runs.clear();
        picture.runs(y, &mut runs);
        // Runs alternate, a light one first.
        let mut start = 0;
        for at in 0..runs.len().saturating_sub(4) {
            let five = [runs[at], runs[at + 1], runs[at + 2], runs[at + 3], runs[at + 4]];
            if at % 2 == 1 && is_finder(five) {
                let centre = start as f32 + (five[0] + five[1]) as f32 + five[2] as f32 / 2.0;
                if let Some(finder) = confirm(picture, centre, y, five.iter().sum()) {
                    note(&mut found, finder);
                }
            }
            start += runs[at];
        }
    }
    found.retain(|finder| finder.rows >= 2);
    found.sort_by_key(|finder| std::cmp::Reverse(finder.rows));
    found.truncate(FINDERS_MAX);
    found
}

/// Whether five runs have about the widths 1, 1, 3, 1, 1.
fn is_finder(runs: [u32; 5]) -> bool {
    let total: u32 = runs.iter().sum();
    if total < 8 {
        return false;
    }
    let module = total as f32 / 7.0;
    // A blurred ring loses up to a module's half on both sides, a pixel more at small sizes.
    let slack = module * 0.55 + 0.6;
    [1.0, 1.0, 3.0, 1.0, 1.0].iter().zip(runs).enumerate().all(|(place, (width, run))| {
        let slack = if place == 2 { slack * 2.0 } else { slack };
        (run as f32 - width * module).abs() <= slack
    })
}

/// Looks up and down from the middle of a row's five runs, and again along the row that shows to be the middle.
fn confirm(picture: &BlackWhite, x: f32, y: usize, total: u32) -> Option<Finder> {
    let (middle, down) = picture.across(x as usize, y, (0, 1))?;
    let height: u32 = down.iter().sum();
    if !is_finder(down) || height * 5 < total * 2 || total * 5 < height * 2 {
        return None;
    }
    let (centre, along) = picture.across(x as usize, middle as usize, (1, 0))?;
    if !is_finder(along) {
        return None;
    }
    let width: u32 = along.iter().sum();
    Some(Finder { x: centre, y: middle, module: (width + height) as f32 / 14.0, rows: 1 })
}

fn note(found: &mut Vec<Finder>, new: Finder) {
    let near = |old: &&Finder| (old.x - new.x).abs() <= old.module * 1.6 && (old.y - new.y).abs() <= old.module * 1.6;
    let room = found.len() < CANDIDATES_MAX;
    match found.iter_mut().find(|old| near(&&**old)) {
        Some(old) if old.module < 2.0 * new.module && new.module < 2.0 * old.module => {
            let rows = old.rows as f32;
            let mean = |a: f32, b: f32| (a * rows + b) / (rows + 1.0);
            *old = Finder {
                x: mean(old.x, new.x),
                y: mean(old.y, new.y),
                module: mean(old.module, new.module),
                rows: old.rows + 1,
            };
        }
        // A picture that has so many is not worth more.
        _ if room => found.push(new),
        _ => {}
    }
}

/// Threes of finder patterns that may belong to one symbol, the likeliest first, at most so many.
pub(super) fn corners(finders: &[Finder], most: usize) -> Vec<(f32, Corner)> {
    let mut ranked: Vec<(f32, Corner)> = Vec::new();
    for (i, a) in finders.iter().enumerate() {
        for (j, b) in finders.iter().enumerate().skip(i + 1) {
            if !alike(a, b) {
                continue;
            }
            for c in finders.iter().skip(j + 1) {
                if alike(a, c) && alike(b, c) {
                    ranked.extend(
                        [(a, b, c), (b, a, c), (c, a, b)]
                            .into_iter()
                            .filter_map(|(corner, p, q)| corner_of(*corner, *p, *q)),
                    );
                }
            }
        }
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.truncate(most);
    ranked
}

fn alike(a: &Finder, b: &Finder) -> bool {
    a.module < b.module * 2.5 && b.module < a.module * 2.5
}

/// How far three patterns are from standing as a code's, if they may be one at all.
fn corner_of(corner: Finder, p: Finder, q: Finder) -> Option<(f32, Corner)> {
    let (px, py, qx, qy) = (p.x - corner.x, p.y - corner.y, q.x - corner.x, q.y - corner.y);
    let (long_p, long_q) = (px.hypot(py), qx.hypot(qy));
    let module = (corner.module + p.module + q.module) / 3.0;
    let longest = long_p.max(long_q);
    if long_p.min(long_q) < 12.0 * module || longest > 190.0 * module || longest > 2.2 * long_p.min(long_q) {
        return None;
    }
    let cosine = ((px * qx + py * qy) / (long_p * long_q)).abs();
    if cosine > 0.7 {
        return None;
    }
    // With y downward, the top right pattern is where turning right leads to the bottom left one.
    let (top_right, bottom_left) = if px * qy - py * qx > 0.0 { (p, q) } else { (q, p) };
    let sizes = [corner.module, p.module, q.module];
    let spread = sizes.iter().fold(0.0f32, |most, size| most.max((size / module - 1.0).abs()));
    let rows = corner.rows.min(p.rows).min(q.rows) as f32;
    let badness = cosine + 0.7 * (longest / long_p.min(long_q) - 1.0) + spread + 1.0 / (1.0 + rows);
    Some((badness, Corner { top_left: corner, top_right, bottom_left }))
}

/// Dark and light against the neighbourhood.
pub(super) struct BlackWhite {
    dark: Vec<bool>,
    width: usize,
    pub(super) height: usize,
}

/// Blocks that the neighbourhood is counted in, in pixels.
const BLOCK: usize = 8;

impl BlackWhite {
    pub(super) fn of(grey: &GrayImage) -> BlackWhite {
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
        let pixels = grey.as_raw();
        let mut sums = vec![0u32; across * down];
        let mut counts = vec![0u32; across * down];
        for (y, row) in pixels.chunks_exact(width.max(1)).enumerate() {
            for (x, block) in row.chunks(BLOCK).enumerate() {
                let at = y / BLOCK * across + x;
                sums[at] += block.iter().map(|level| u32::from(*level)).sum::<u32>();
                counts[at] += block.len() as u32;
            }
        }
        let mut dark = vec![false; width * height];
        let mut thresholds = vec![0u8; across];
        for (y, (row, out)) in pixels.chunks_exact(width.max(1)).zip(dark.chunks_exact_mut(width.max(1))).enumerate() {
            if y % BLOCK == 0 {
                let by = y / BLOCK;
                for (bx, threshold) in thresholds.iter_mut().enumerate() {
                    let (mut sum, mut count) = (0, 0);
                    for ny in by.saturating_sub(2)..(by + 3).min(down) {
                        for nx in bx.saturating_sub(2)..(bx + 3).min(across) {
                            sum += sums[ny * across + nx];
                            count += counts[ny * across + nx];
                        }
                    }
                    // A little below the mean, so that an even surface is light and not speckled.
                    *threshold = (sum / count.max(1)).saturating_sub(4) as u8;
                }
            }
            for (x, (level, out)) in row.iter().zip(out).enumerate() {
                *out = *level < thresholds[x / BLOCK];
            }
        }
        BlackWhite { dark, width, height }
    }

    /// Lengths of the runs of a row, a light one (of no length, it may be) first.
    fn runs(&self, y: usize, runs: &mut Vec<u32>) {
        let Some(row) = self.dark.get(y * self.width..(y + 1) * self.width) else { return };
        let (mut now, mut length) = (false, 0);
        for dark in row {
            if *dark == now {
                length += 1;
            } else {
                runs.push(length);
                (now, length) = (*dark, 1);
            }
        }
        runs.push(length);
    }

    fn dark(&self, x: isize, y: isize) -> Option<bool> {
        if x < 0 || y < 0 || x as usize >= self.width {
            return None;
        }
        self.dark.get(y as usize * self.width + x as usize).copied()
    }

    /// Pixels to the module of a finder pattern along a direction (of length one): from edge to edge of its outer ring.
    pub(super) fn module_along(&self, finder: &Finder, (dx, dy): (f32, f32)) -> Option<f32> {
        let mut reaches = [0.0f32; 2];
        for (reach, sign) in reaches.iter_mut().zip([-1.0f32, 1.0]) {
            let (mut ring, mut want, mut at) = (0, true, 0.0f32);
            while ring < 3 {
                at += 0.5;
                let (x, y) = (finder.x + dx * sign * at, finder.y + dy * sign * at);
                if at > finder.module * 7.0 {
                    return None;
                }
                match self.dark(x.floor() as isize, y.floor() as isize) {
                    Some(dark) if dark == want => {}
                    None if ring < 2 => return None,
                    _ => {
                        ring += 1;
                        want = !want;
                    }
                }
            }
            *reach = at - 0.25;
        }
        // Something dark beyond one of the edges, or a speck inside.
        let [one, other] = reaches;
        (one < 1.4 * other && other < 1.4 * one).then_some((one + other) / 7.0)
    }

    /// The five runs through a dark point along a direction, and the middle of the third on that axis.
    fn across(&self, x: usize, y: usize, (dx, dy): (isize, isize)) -> Option<(f32, [u32; 5])> {
        let (x, y) = (x as isize, y as isize);
        if self.dark(x, y) != Some(true) {
            return None;
        }
        let mut runs = [0u32; 5];
        let mut reach = [0isize; 2];
        for (side, sign) in [(0usize, -1isize), (1, 1)] {
            let mut at = 0isize;
            let mut want = true;
            for ring in 0..3usize {
                let slot = if side == 0 { 2 - ring } else { 2 + ring };
                loop {
                    match self.dark(x + dx * sign * (at + 1), y + dy * sign * (at + 1)) {
                        Some(dark) if dark == want => {
                            at += 1;
                            runs[slot] += 1;
                        }
                        None if ring < 2 => return None,
                        _ => break,
                    }
                    if at > 400 {
                        return None;
                    }
                }
                if ring == 0 {
                    reach[side] = at;
                }
                want = !want;
            }
        }
        runs[2] += 1;
        let along = if dx == 0 { y } else { x };
        Some(((along * 2 + reach[1] - reach[0] + 1) as f32 / 2.0, runs))
    }
}
