//! Finder patterns to symbols: which three belong together, where the symbol lies, and whether it surely is one.

use std::ops::RangeInclusive;

use super::level::Level;
use super::pattern::Pattern;

/// A place where a symbol is, or seems to be.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    /// The middle of the finder pattern at the symbol's own corner, in pixels of the frame.
    corner: (f32, f32),
    /// From there to the middle of the next one along the upper side.
    right: (f32, f32),
    /// And to that along the left side.
    down: (f32, f32),
    /// How many times as far from the camera as the corner those two are.
    depths: (f32, f32),
    /// Modules from pattern to pattern.
    between: f32,
    /// The timing patterns are where they must be: chance does not do that.
    pub(super) certain: bool,
}

/// The fewest and the most modules to a side: versions 2 and 40, with room for what is measured only roughly. A shop's sticker is no smaller
/// than version 2, and with so few modules chance would do more.
const MODULES: RangeInclusive<f32> = 23.0..=200.0;

impl Symbol {
    fn new(corner: (f32, f32), right: (f32, f32), down: (f32, f32), between: f32) -> Option<Symbol> {
        let symbol = Symbol { corner, right, down, depths: (1.0, 1.0), between, certain: false };
        MODULES.contains(&symbol.modules()).then_some(symbol)
    }

    /// Modules to a side.
    pub(super) fn modules(&self) -> f32 {
        self.between + 7.0
    }

    /// A place of the symbol, in modules from its corner, as one of the frame.
    pub(super) fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = ((x - 3.5) / self.between * self.depths.0, (y - 3.5) / self.between * self.depths.1);
        // How far it is from the camera, compared with the corner. What were behind it is as near as can be.
        let depth = 1.0 + x * (1.0 - 1.0 / self.depths.0) + y * (1.0 - 1.0 / self.depths.1);
        let near = 1.0 / depth.max(0.1);
        let place = plus(times(self.right, x * near), times(self.down, y * near));
        plus(self.corner, place)
    }

    /// Top left, top right, bottom right, bottom left of the symbol.
    pub(super) fn corners(&self) -> [(f32, f32); 4] {
        let end = self.modules();
        [self.at(0.0, 0.0), self.at(end, 0.0), self.at(end, end), self.at(0.0, end)]
    }

    pub(super) fn middle(&self) -> (f32, f32) {
        self.at(self.modules() / 2.0, self.modules() / 2.0)
    }

    /// The smaller of the two directions.
    pub(super) fn px_per_module(&self) -> f32 {
        length(self.right).min(length(self.down)) / self.between
    }

    /// How much it leans away: the shorter side by the longer, and the cosine of the angle between them.
    pub(super) fn lean(&self) -> (f32, f32) {
        let (across, along) = (length(self.right), length(self.down));
        let product = self.right.0 * self.down.0 + self.right.1 * self.down.1;
        (across.min(along) / across.max(along), (product / (across * along)).abs())
    }

    /// Square pixels of the frame, about.
    pub(super) fn area(&self) -> f32 {
        cross(self.right, self.down).abs()
    }
}

/// The symbols with all three patterns, the surest and best fitting first, none with a pattern of another; and the patterns left over.
pub(super) fn symbols(levels: &[Level<'_>], patterns: &[Pattern]) -> (Vec<Symbol>, Vec<Pattern>) {
    let mut used = vec![false; patterns.len()];
    let (mut certain, mut others) = (Vec::new(), Vec::new());
    let free = |used: &[bool], three: &Three| three.of.iter().all(|index| used.get(*index) == Some(&false));
    let take = |used: &mut Vec<bool>, three: &Three| {
        three.of.iter().filter_map(|index| used.get_mut(*index).map(|used| *used = true)).count();
    };
    for three in threes(patterns).into_iter().take(MOST_THREES) {
        if !free(&used, &three) {
            continue;
        }
        let Some(mut symbol) = three.symbol(levels) else { continue };
        symbol.certain = has_timing(levels, &symbol, false) && has_timing(levels, &symbol, true);
        if symbol.certain {
            take(&mut used, &three);
            certain.push(symbol);
        } else {
            others.push((symbol, three));
        }
    }
    for (symbol, three) in others {
        if free(&used, &three) {
            take(&mut used, &three);
            certain.push(symbol);
        }
    }
    let left = patterns.iter().zip(used).filter(|(_, used)| !used).map(|(pattern, _)| *pattern).collect();
    (certain, left)
}

/// Groups of three that are looked at closely. Where there are more, most of them are chance.
const MOST_THREES: usize = 60;

/// Three patterns that lie as those of a symbol may, seen from the side even.
struct Three {
    of: [usize; 3],
    corner: (f32, f32),
    right: (f32, f32),
    down: (f32, f32),
    misfit: f32,
}

/// The best fitting first.
fn threes(patterns: &[Pattern]) -> Vec<Three> {
    let mut threes = Vec::new();
    for (i, a) in patterns.iter().enumerate() {
        for (j, b) in patterns.iter().enumerate().skip(i + 1).filter(|(_, b)| similar(a, b)) {
            for (k, c) in patterns.iter().enumerate().skip(j + 1).filter(|(_, c)| similar(a, c) && similar(b, c)) {
                threes.extend(Three::of([a, b, c], [i, j, k]));
            }
        }
    }
    threes.sort_by(|a, b| a.misfit.total_cmp(&b.misfit));
    threes
}

impl Three {
    fn of([a, b, c]: [&Pattern; 3], of: [usize; 3]) -> Option<Three> {
        let far = |p: &Pattern, q: &Pattern| length(minus(p.place(), q.place()));
        // The corner is across from the longest side.
        let (ab, bc, ca) = (far(a, b), far(b, c), far(c, a));
        let (corner, mut next, mut last) = if bc >= ab && bc >= ca {
            (a, b, c)
        } else if ca >= ab {
            (b, c, a)
        } else {
            (c, a, b)
        };
        if cross(minus(next.place(), corner.place()), minus(last.place(), corner.place())) < 0.0 {
            std::mem::swap(&mut next, &mut last);
        }
        let (right, down) = (minus(next.place(), corner.place()), minus(last.place(), corner.place()));
        let (across, along) = (length(right), length(down));
        let module = (a.module + b.module + c.module) / 3.0;
        let modules = (across.min(along) / module, across.max(along) / module);
        let cosine = ((right.0 * down.0 + right.1 * down.1) / (across * along).max(1.0)).abs();
        let unlike = (across / along.max(1.0)).ln().abs();
        if cosine > 0.75 || unlike > 1.0 || modules.0 < 8.0 || modules.1 > 250.0 {
            return None;
        }
        let spread = [(a, b), (b, c), (c, a)].map(|(p, q)| (p.module / q.module).ln().abs());
        let misfit = cosine + unlike + spread.iter().sum::<f32>();
        Some(Three { of, corner: corner.place(), right, down, misfit })
    }

    /// Measures the patterns along both sides, which counts the modules however much the symbol leans away.
    fn symbol(&self, levels: &[Level<'_>]) -> Option<Symbol> {
        let middles = [self.corner, plus(self.corner, self.right), plus(self.corner, self.down)];
        let widths = |side: (f32, f32)| {
            let [Some(a), Some(b), Some(c)] = middles.map(|middle| width_along(levels, middle, side)) else {
                return None;
            };
            Some([a, b, c])
        };
        let (right, down) = (widths(self.right)?, widths(self.down)?);
        let between = |side, widths: [f32; 3]| length(side) * 21.0 / widths.iter().sum::<f32>();
        let (across, along) = (between(self.right, right), between(self.down, down));
        if !(0.75..=1.33).contains(&(across / along)) {
            return None;
        }
        let mut symbol = Symbol::new(self.corner, self.right, self.down, (across + along) / 2.0)?;
        // An area shrinks with the cube of the distance. Below a few percent it is the pixels that differ.
        let [near, next, last] = [0, 1, 2].map(|at| right.get(at).zip(down.get(at)).map_or(1.0, |(a, b)| a * b));
        let depth = |area: f32| Some((near / area).cbrt().clamp(0.6, 1.6)).filter(|depth| (depth - 1.0).abs() > 0.06);
        symbol.depths = (depth(next).unwrap_or(1.0), depth(last).unwrap_or(1.0));
        Some(symbol)
    }
}

/// From outside to outside of the finder pattern around this middle, in pixels of the frame.
fn width_along(levels: &[Level<'_>], middle: (f32, f32), side: (f32, f32)) -> Option<f32> {
    let one = length(side).max(1.0);
    // Three runs to each side; a seventh of the way to the next pattern is more than any pattern is wide.
    let longest = one / 2.0;
    let mut width = 0.0;
    let level = levels.first()?;
    let step = level.scale() / 2.0;
    for sign in [-1.0, 1.0] {
        let (mut far, mut runs, mut dark) = (0.0, 0, true);
        while runs < 3 {
            far += step;
            let (x, y) = (middle.0 + sign * far * side.0 / one, middle.1 + sign * far * side.1 / one);
            let now = level.dark((x / level.scale()).floor() as i32, (y / level.scale()).floor() as i32)?;
            if now != dark {
                (runs, dark) = (runs + 1, now);
            }
            if far > longest {
                return None;
            }
        }
        // The edge lies between this step and the one before.
        width += far - step / 2.0;
    }
    Some(width)
}

/// Where a symbol may be of which two patterns were seen: on either side of the line between them, or across it.
pub(super) fn of_pairs(levels: &[Level<'_>], patterns: &[Pattern]) -> Vec<Symbol> {
    let mut all = Vec::new();
    let patterns = patterns.get(..MOST_IN_PAIRS).unwrap_or(patterns);
    for (i, a) in patterns.iter().enumerate() {
        for b in patterns.iter().skip(i + 1).filter(|b| similar(a, b)) {
            let (from, to) = ((a.x, a.y), (b.x, b.y));
            let side = minus(to, from);
            let turned = (a.turned + b.turned) / 2.0;
            let mut add = |corner, right, down, along_side| {
                let module = (a.module + b.module) / 2.0;
                let between = (length(right) + length(down)) / 2.0 / module.max(0.1);
                let Some(mut symbol) = Symbol::new(corner, right, down, between) else { return };
                if (folded(right) - turned).abs() > TURNED_TOLERANCE {
                    return;
                }
                symbol.certain = along_side && has_timing(levels, &symbol, false);
                all.push(symbol);
            };
            // Side by side: the first is the symbol's corner, the second the one to the right of it, and the rest lies to the right of that
            // line; so both are tried as the first. Which way up the symbol stands does not matter here.
            let across = (-side.1, side.0);
            add(from, side, across, true);
            add(to, (-side.0, -side.1), (-across.0, -across.1), true);
            // Across from each other: the corner is at one end of the other diagonal.
            let half = ((side.0 + across.0) / 2.0, (side.1 + across.1) / 2.0);
            for corner in [(from.0 + half.0, from.1 + half.1), (to.0 - half.0, to.1 - half.1)] {
                let (one, other) = (minus(from, corner), minus(to, corner));
                let (right, down) = if cross(one, other) >= 0.0 { (one, other) } else { (other, one) };
                add(corner, right, down, false);
            }
        }
    }
    all
}

/// Patterns that are paired: with more of them, there is a symbol with three.
const MOST_IN_PAIRS: usize = 8;

/// How well the angle of a pattern is known: radians, 15 degrees.
const TURNED_TOLERANCE: f32 = 0.26;

/// The angle between a direction and the nearer of rows and columns.
fn folded((x, y): (f32, f32)) -> f32 {
    x.abs().min(y.abs()).atan2(x.abs().max(y.abs()))
}

/// As far as perspective goes.
fn similar(a: &Pattern, b: &Pattern) -> bool {
    (0.5..=2.0).contains(&(a.module / b.module))
}

/// Whether light and dark alternate from one finder pattern to the next, module by module.
///
/// Between them the data changes at every second module, and text, blinds or a keyboard do not keep time with the finder patterns.
fn has_timing(levels: &[Level<'_>], symbol: &Symbol, down: bool) -> bool {
    let Some(level) = level_for(levels, symbol.px_per_module(), 2.5) else { return false };
    let end = symbol.modules() - 6.5;
    let steps = ((end - 6.5) * 4.0) as u16;
    // The modules to a side are only known roughly, and so is the row.
    [6.5, 6.2, 6.8].into_iter().any(|across| {
        let line = (0..=steps).filter_map(|step| {
            let along = 6.5 + f32::from(step) / 4.0;
            let (x, y) = if down { symbol.at(across, along) } else { symbol.at(along, across) };
            level.dark((x / level.scale()).floor() as i32, (y / level.scale()).floor() as i32)
        });
        let line: Vec<bool> = line.collect();
        if line.len() <= usize::from(steps) {
            return false;
        }
        let changes = line.windows(2).filter(|two| two.first() != two.last()).count() as f32;
        let longest = line.chunk_by(|a, b| a == b).map(<[bool]>::len).max().unwrap_or(0);
        // A run of one module is four steps; of two, eight.
        (0.85..=1.15).contains(&(changes / (end - 6.5))) && longest <= 9
    })
}

/// The smallest level at which a module still has so many pixels; the largest there is if none has.
pub(super) fn level_for<'l, 'p>(levels: &'l [Level<'p>], px_per_module: f32, least: f32) -> Option<&'l Level<'p>> {
    levels.iter().rev().find(|level| px_per_module / level.scale() >= least).or(levels.first())
}

fn times((x, y): (f32, f32), by: f32) -> (f32, f32) {
    (x * by, y * by)
}

fn plus(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 + b.0, a.1 + b.1)
}

fn minus(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 - b.0, a.1 - b.1)
}

fn cross(a: (f32, f32), b: (f32, f32)) -> f32 {
    a.0 * b.1 - a.1 * b.0
}

fn length((x, y): (f32, f32)) -> f32 {
    x.hypot(y)
}

#[cfg(test)]
mod tests {
    use super::super::drawn::{Drawn, Place, digits};
    use super::super::levels;
    use super::super::pattern::add_patterns;
    use super::*;

    fn found(drawn: &Drawn) -> (Vec<Symbol>, Vec<Symbol>) {
        let frame = drawn.frame();
        let levels = levels(&frame, true);
        let mut patterns = Vec::new();
        levels.iter().for_each(|level| add_patterns(level, 1, &mut patterns));
        let (symbols, left) = symbols(&levels, &patterns);
        (symbols, of_pairs(&levels, &left))
    }

    fn code(px: f32, degrees: f32) -> Drawn {
        Drawn::desk(800, 800).with_code(&digits(829), Place { x: 400.0, y: 400.0, px, degrees })
    }

    #[test]
    fn a_symbol_is_certain_at_every_angle_with_its_corners() {
        for (px, degrees) in [(2.5, 0.0), (3.0, 10.0), (5.0, 33.0), (8.0, 45.0), (6.0, 100.0), (4.0, 250.0)] {
            let (symbols, _) = found(&code(px, degrees));
            let [symbol] = symbols.as_slice() else { panic!("{px} {degrees}: {symbols:?}") };
            assert!(symbol.certain, "{px} {degrees}");
            assert!((symbol.px_per_module() / px - 1.0).abs() < 0.06, "{px} {degrees}: {symbol:?}");
            let (sin, cos) = degrees.to_radians().sin_cos();
            let reach = 32.5 * px;
            for ((x, y), (right, down)) in
                symbol.corners().into_iter().zip([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0f32)])
            {
                let exact = (400.0 + (cos * right - sin * down) * reach, 400.0 + (sin * right + cos * down) * reach);
                assert!((x - exact.0).hypot(y - exact.1) < 2.0 * px, "{px} {degrees}: ({x}, {y}), not {exact:?}");
            }
        }
    }

    #[test]
    fn patterns_without_timing_between_them_are_not_certain() {
        // Between the patterns, all is white; once above, once at the left, once both.
        for (above, left, symbols_certain) in [(false, false, true), (true, false, false), (false, true, false)] {
            let mut drawn = code(5.0, 0.0);
            if above {
                drawn = drawn.covered((276, 262), (524, 276), 215.0);
            }
            if left {
                drawn = drawn.covered((262, 276), (276, 524), 215.0);
            }
            let (symbols, _) = found(&drawn);
            let [symbol] = symbols.as_slice() else { panic!("{symbols:?}") };
            assert_eq!(symbol.certain, symbols_certain, "above {above}, left {left}");
        }
    }

    #[test]
    fn two_patterns_tell_where_the_third_may_be() {
        // Each of the three covered in turn.
        for (corner, timed) in [((237, 237), false), ((527, 237), true), ((237, 527), true)] {
            let drawn = code(5.0, 0.0).covered(corner, (corner.0 + 36, corner.1 + 36), 120.0);
            let (symbols, halves) = found(&drawn);
            assert!(symbols.is_empty(), "{symbols:?}");
            let there = |symbol: &&Symbol| (symbol.middle().0 - 400.0).hypot(symbol.middle().1 - 400.0) < 20.0;
            assert!(halves.iter().any(|half| there(&half)), "{corner:?}: {halves:?}");
            let certain: Vec<&Symbol> = halves.iter().filter(|half| half.certain).collect();
            assert_eq!(certain.len(), usize::from(timed), "{corner:?}: {halves:?}");
            assert!(certain.iter().all(there));
        }
    }

    /// Against a camera in numbers: a square seen from the side, its corners at different distances.
    #[test]
    fn places_follow_the_perspective() {
        let seen = |x: f32, y: f32| {
            let depth = 1.0 + 0.004 * x + 0.002 * y;
            ((100.0 + 5.0 * x + 0.5 * y) / depth, (80.0 + 0.3 * x + 4.0 * y) / depth)
        };
        let between = 58.0;
        let corner = seen(0.0, 0.0);
        let mut symbol =
            Symbol::new(corner, minus(seen(between, 0.0), corner), minus(seen(0.0, between), corner), between).unwrap();
        symbol.depths = (1.0 + 0.004 * between, 1.0 + 0.002 * between);
        for (x, y) in
            [(0.0, 0.0), (between, 0.0), (0.0, between), (between, between), (20.0, 41.0), (-3.5, -3.5), (61.5, 61.5)]
        {
            let (at, exact) = (symbol.at(x + 3.5, y + 3.5), seen(x, y));
            assert!((at.0 - exact.0).hypot(at.1 - exact.1) < 0.01, "({x}, {y}): {at:?}, not {exact:?}");
        }
    }

    #[test]
    fn sizes_that_no_symbol_has_are_none() {
        let of = |modules: f32| Symbol::new((0.0, 0.0), (100.0, 0.0), (0.0, 100.0), modules - 7.0).is_some();
        assert!(!of(22.9) && of(23.0) && of(200.0) && !of(200.1));
    }
}
