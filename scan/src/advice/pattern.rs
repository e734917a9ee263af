//! Finder patterns: dark, light, dark, light, dark as 1:1:3:1:1 along any line through the middle (ISO/IEC 18004, section 6.3.3).

use super::level::Level;

/// A finder pattern, in pixels of the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub(super) x: f32,
    pub(super) y: f32,
    /// The side of a module.
    pub(super) module: f32,
    /// How far its sides are turned from the rows and columns, at most an eighth of a circle: radians.
    pub(super) turned: f32,
    /// How often rows cut through it, at the level where that was most often.
    hits: u32,
}

/// More are not looked at: no frame of any use holds so many codes, and every three of them may be one.
pub(super) const MOST: usize = 30;

/// The patterns on one level, added to those of others.
pub(super) fn add_patterns(level: &Level, row_step: usize, patterns: &mut Vec<Pattern>) {
    let mut here: Vec<Pattern> = Vec::new();
    let (mut words, mut edges) = (Vec::new(), Vec::new());
    for y in (0..level.height()).step_by(row_step.max(1)) {
        level.bits(y, &mut words);
        edges_of(&words, level.width(), &mut edges);
        // Edges lead from light to dark, from dark to light, and so on.
        for six in edges.windows(6).step_by(2) {
            let &[a, b, c, d, e, f] = six else { continue };
            // Most of what there is fails here, in whole numbers.
            let middle = d - c;
            if middle <= b - a || middle <= c - b || middle <= e - d || middle <= f - e {
                continue;
            }
            if is_pattern([b - a, c - b, d - c, e - d, f - e].map(|run| run as f32))
                && let Some(found) = checked(level, c.midpoint(d) as i32, y as i32, f - a)
            {
                gather(found, &mut here);
            }
        }
        if here.len() > LIMIT {
            break;
        }
    }
    // One row may cut through anything by chance.
    here.retain(|pattern| pattern.hits >= 2);
    here.sort_by_key(|pattern| std::cmp::Reverse(pattern.hits));
    here.truncate(MOST);
    for found in here {
        let mut known = patterns.iter_mut().filter(|known| known.is_at(&found));
        match known.next() {
            Some(known) if known.hits < found.hits => *known = found,
            Some(_) => {}
            None => patterns.push(found),
        }
    }
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.hits));
    patterns.truncate(MOST);
}

/// So many different places, and it is a texture: the rest of it tells nothing new.
const LIMIT: usize = 400;

/// The columns where light and dark meet, as edges between pixels; the row begins and ends light.
fn edges_of(words: &[u64], width: usize, edges: &mut Vec<u32>) {
    edges.clear();
    let mut before = 0u64;
    for (index, word) in words.iter().enumerate() {
        let mut changes = word ^ (word << 1 | before);
        before = word >> 63;
        while changes != 0 {
            edges.push(64 * index as u32 + changes.trailing_zeros());
            changes &= changes - 1;
        }
    }
    if edges.len() % 2 == 1 {
        edges.push(width as u32);
    }
}

/// Whether five runs are as 1:1:3:1:1, as far as whole pixels and blur allow.
fn is_pattern([a, b, middle, c, d]: [f32; 5]) -> bool {
    let module = (a + b + middle + c + d) / 7.0;
    let near = |run: f32, modules: f32| (run - modules * module).abs() <= modules.sqrt() * (0.5 * module + 0.3);
    module >= 1.0 && near(middle, 3.0) && [a, b, c, d].into_iter().all(|run| near(run, 1.0))
}

/// Cuts down, along the row again, and along both diagonals through the middle.
fn checked(level: &Level, x: i32, y: i32, width: u32) -> Option<Pattern> {
    let width = width as f32;
    let (down, height) = cut(level, x, y, (0, 1), width)?;
    let y_middle = y as f32 + down;
    let row = y_middle.round() as i32;
    let (right, along) = cut(level, x, row, (1, 0), width)?;
    let x_middle = x as f32 + right;
    let column = x_middle.round() as i32;
    let (_, falling) = cut(level, column, row, (1, 1), width)?;
    let (_, rising) = cut(level, column, row, (1, -1), width)?;
    // A square's diagonal has as many steps as its side; where the square stands on a corner, half as many. Seen from the side, one
    // direction is shorter than the other.
    if ![height, along, falling, rising].into_iter().all(|cut| (0.35..=2.9).contains(&(cut / width))) {
        return None;
    }
    // A row cuts a turned square in a line of side / cos, a diagonal in one of side / (cos + sin), counted in steps.
    let (straight, diagonal) = ((along + height) / 2.0, (falling + rising) / 2.0);
    let turned = (straight / diagonal.max(1.0) - 1.0).clamp(0.0, 1.0).atan();
    let module = straight * turned.cos() / 7.0 * level.scale();
    let (x, y) = ((x_middle + 0.5) * level.scale(), (y_middle + 0.5) * level.scale());
    Some(Pattern { x, y, module, turned, hits: 1 })
}

/// The runs along one direction through a dark pixel: how far their middle lies from it, and their length in all, both in steps.
fn cut(level: &Level, x: i32, y: i32, (dx, dy): (i32, i32), width: f32) -> Option<(f32, f32)> {
    let longest = (width * 1.5) as i32 + 2;
    // The steps to the ends of the three runs on one side; the first pixel belongs to both sides.
    let ends = |sign: i32| {
        let mut steps = 0;
        let mut ends = [0; 3];
        for (end, dark) in ends.iter_mut().zip([true, false, true]) {
            while steps <= longest && level.dark(x + sign * steps * dx, y + sign * steps * dy) == Some(dark) {
                steps += 1;
            }
            *end = steps;
        }
        (steps <= longest).then_some(ends)
    };
    let ([a, b, c], [d, e, f]) = (ends(-1)?, ends(1)?);
    let runs = [c - b, b - a, a + d - 1, e - d, f - e].map(|run| run as f32);
    is_pattern(runs).then_some(((d - a) as f32 / 2.0, (c + f - 1) as f32))
}

fn gather(found: Pattern, patterns: &mut Vec<Pattern>) {
    match patterns.iter_mut().find(|known| known.is_at(&found)) {
        Some(known) => {
            let before = known.hits as f32;
            let mean = |known: f32, found: f32| (known * before + found) / (before + 1.0);
            *known = Pattern {
                x: mean(known.x, found.x),
                y: mean(known.y, found.y),
                module: mean(known.module, found.module),
                turned: mean(known.turned, found.turned),
                hits: known.hits + 1,
            };
        }
        None => patterns.push(found),
    }
}

impl Pattern {
    /// Its middle.
    pub(super) fn place(&self) -> (f32, f32) {
        (self.x, self.y)
    }

    /// Whether both are one and the same.
    fn is_at(&self, other: &Pattern) -> bool {
        let near = 2.0 * self.module.max(other.module);
        (self.x - other.x).abs() < near && (self.y - other.y).abs() < near
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::level::Pixels;
    use image::{GrayImage, Luma};

    /// A finder pattern of `module` pixels, its corner at (30, 20), turned by so many degrees about its middle.
    fn drawn(module: f32, degrees: f32) -> GrayImage {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = 3.5 * module;
        GrayImage::from_fn(200, 180, |x, y| {
            let (x, y) = (x as f32 + 0.5 - 30.0 - middle, y as f32 + 0.5 - 20.0 - middle);
            let (u, v) = ((cos * x + sin * y) / module, (cos * y - sin * x) / module);
            let ring = u.abs().max(v.abs());
            Luma([if ring < 1.5 || (2.5..3.5).contains(&ring) { 40 } else { 210 }])
        })
    }

    fn found(frame: &GrayImage) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        add_patterns(&Level::new(Pixels::of(frame)), 1, &mut patterns);
        patterns
    }

    #[test]
    fn a_pattern_is_found_at_every_angle_with_its_place_and_size() {
        for module in [2.0, 3.0, 4.5, 8.0, 14.0] {
            for degrees in [0.0, 8.0, 20.0, 45.0, 70.0] {
                let patterns = found(&drawn(module, degrees));
                let [only] = patterns.as_slice() else { panic!("{module} px, {degrees} degrees: {patterns:?}") };
                let (x, y) = (30.0 + 3.5 * module, 20.0 + 3.5 * module);
                assert!((only.x - x).abs() < 1.0 && (only.y - y).abs() < 1.0, "{module} px, {degrees}: {only:?}");
                assert!((only.module / module - 1.0).abs() < 0.15, "{module} px, {degrees}: {only:?}");
                let turned = (degrees % 90.0).min(90.0 - degrees % 90.0);
                // With two pixels to the module, angles are guesses.
                let tolerance = 5.0 + 20.0 / module;
                assert!((only.turned.to_degrees() - turned).abs() < tolerance, "{module} px, {degrees}: {only:?}");
            }
        }
    }

    #[test]
    fn other_squares_are_none() {
        let square = |inner: f32, from: f32, to: f32| {
            let frame = GrayImage::from_fn(200, 180, |x, y| {
                let ring = (x as f32 - 90.0).abs().max((y as f32 - 90.0).abs()) / 6.0;
                Luma([if ring < inner || (from..to).contains(&ring) { 40 } else { 210 }])
            });
            found(&frame).len()
        };
        assert_eq!(square(1.5, 2.5, 3.5), 1);
        assert_eq!(square(0.5, 1.5, 2.5), 0, "an alignment pattern");
        assert_eq!(square(3.5, 3.5, 3.5), 0, "a full square");
        assert_eq!(square(0.0, 2.5, 3.5), 0, "an empty one");
        assert_eq!(square(2.2, 2.5, 3.5), 0, "too thick");
    }

    #[test]
    fn a_field_of_patterns_ends() {
        let field = GrayImage::from_fn(800, 600, |x, y| {
            let (x, y) = (x % 18 / 2, y % 18 / 2);
            let ring = x.abs_diff(3).max(y.abs_diff(3));
            Luma([if ring == 3 || ring <= 1 { 0 } else { 255 }])
        });
        assert_eq!(found(&field).len(), MOST);
    }

    #[test]
    fn edges_end_with_the_row() {
        let mut edges = Vec::new();
        edges_of(&[0b1110], 64, &mut edges);
        assert_eq!(edges, [1, 4]);
        edges_of(&[1 << 63, 1], 66, &mut edges);
        assert_eq!(edges, [63, 65]);
        edges_of(&[0, 0b10], 66, &mut edges);
        assert_eq!(edges, [65, 66]);
    }
}
