//! Where a frame looks like the inside of a code although no finder pattern was seen: modules too small, or patterns covered.

use super::level::{BLOCK, Level};

/// An area in which light and dark alternate closely in both directions, half of it dark.
#[derive(Clone, Debug)]
pub(super) struct Texture {
    /// In pixels of the frame: left, top, right, bottom.
    pub(super) bounds: (f32, f32, f32, f32),
    /// What a module of a code that changes as often would have.
    pub(super) px_per_module: f32,
    /// It changes much more often in one direction than in the other.
    pub(super) leaning: bool,
    /// The cells that make it up, row by row: which, of those within the bounds.
    pub(super) cells: Vec<bool>,
    /// Cells to a row.
    pub(super) across: usize,
}

impl Texture {
    pub(super) fn middle(&self) -> (f32, f32) {
        let (left, top, right, bottom) = self.bounds;
        ((left + right) / 2.0, (top + bottom) / 2.0)
    }

    /// Whether more than a third of one side lies on the border of the frame.
    pub(super) fn is_long_at_border(&self, width: f32, height: f32, cell: f32) -> bool {
        let (left, top, right, bottom) = self.bounds;
        let rows: Vec<&[bool]> = self.cells.chunks(self.across.max(1)).collect();
        let long = |on_border: bool, cells: Vec<bool>| {
            on_border && cells.iter().filter(|cell| **cell).count() * 3 > cells.len()
        };
        let row = |row: Option<&&[bool]>| row.map(|row| row.to_vec()).unwrap_or_default();
        let column = |index: usize| rows.iter().filter_map(|row| row.get(index).copied()).collect::<Vec<bool>>();
        long(top <= 0.0, row(rows.first()))
            || long(bottom + cell > height, row(rows.last()))
            || long(left <= 0.0, column(0))
            || long(right + cell > width, column(self.across.saturating_sub(1)))
    }
}

/// The side of a cell, in pixels of the level.
pub(super) const CELL: usize = 2 * BLOCK;

/// Rows that are looked at, and compared with the one before: every second.
const ROW_STEP: usize = 2;

/// The largest such area, if there is one of the shape and size of a code.
pub(super) fn largest(level: &Level) -> Option<Texture> {
    let across = level.width() / CELL;
    let cells = cells(level, across);
    let (mut best, mut best_count) = (None, 0);
    let mut area = vec![0usize; cells.len()];
    for start in 0..cells.len() {
        if area.get(start) != Some(&0) || !cells.get(start).is_some_and(Cell::is_code) {
            continue;
        }
        let members = fill(&cells, across, start, &mut area);
        if members.len() > best_count {
            best_count = members.len();
            best = Some(members);
        }
    }
    texture(level, &cells, across, &best?)
}

/// The cells joined to the first side by side.
fn fill(cells: &[Cell], across: usize, start: usize, area: &mut [usize]) -> Vec<usize> {
    let mut members = Vec::new();
    let mut waiting = vec![start];
    while let Some(index) = waiting.pop() {
        let Some(mark) = area.get_mut(index).filter(|mark| **mark == 0) else { continue };
        if !cells.get(index).is_some_and(Cell::is_code) {
            continue;
        }
        *mark = 1;
        members.push(index);
        let column = index % across.max(1);
        waiting.extend(index.checked_sub(across));
        waiting.push(index + across);
        waiting.extend((column > 0).then(|| index - 1));
        waiting.extend((column + 1 < across).then_some(index + 1));
    }
    members
}

fn texture(level: &Level, cells: &[Cell], across: usize, members: &[usize]) -> Option<Texture> {
    let column = |index: &usize| index % across.max(1);
    let row = |index: &usize| index / across.max(1);
    let (left, right) = (members.iter().map(column).min()?, members.iter().map(column).max()? + 1);
    let (top, bottom) = (members.iter().map(row).min()?, members.iter().map(row).max()? + 1);
    let (wide, high) = (right - left, bottom - top);
    // A code lies as a square, more or less turned or leaning, or is cut off by the border; and it is not a hole with a rim.
    let cut = left == 0 || top == 0 || right == across || bottom == level.height() / CELL;
    let square = if cut { wide * 4 >= high && high * 4 >= wide } else { wide * 5 >= high * 3 && high * 5 >= wide * 3 };
    if wide.min(high) < LEAST_CELLS || !square || members.len() * 100 < wide * high * 45 {
        return None;
    }
    let sum = members.iter().filter_map(|index| cells.get(*index)).fold(Cell::default(), |sum, cell| Cell {
        along: sum.along + cell.along,
        down: sum.down + cell.down,
        dark: sum.dark + cell.dark,
        ..sum
    });
    let dark = f64::from(sum.dark) / (members.len() * CELL * CELL / ROW_STEP) as f64;
    if !(0.35..=0.65).contains(&dark) {
        return None;
    }
    // A module differs from the next one half of the time. Of modules narrower than the step from row to row, more is not seen.
    let pixels = (members.len() * CELL * CELL / ROW_STEP) as f32;
    let along = 0.5 * pixels / sum.along as f32;
    let down = (0.5 * pixels * ROW_STEP as f32 / sum.down as f32).max(ROW_STEP as f32);
    let leaning = !(0.45..=2.2).contains(&(along.max(ROW_STEP as f32) / down));
    let px_per_module = along.min(down) * level.scale();
    let size = CELL as f32 * level.scale();
    let bounds = (left as f32 * size, top as f32 * size, right as f32 * size, bottom as f32 * size);
    let mut own = vec![false; wide * high];
    for index in members {
        if let Some(cell) = own.get_mut((row(index) - top) * wide + column(index) - left) {
            *cell = true;
        }
    }
    Some(Texture { bounds, px_per_module, leaning, cells: own, across: wide })
}

/// Less is noise, or too pale to be read.
const LEAST_RANGE: u8 = 48;

/// A code of the fewest modules of ours, with a pixel to each, is so wide.
const LEAST_CELLS: usize = 4;

#[derive(Clone, Copy, Default)]
struct Cell {
    /// Somewhere around it lies a difference of levels that a code has.
    contrast: bool,
    /// Changes along the rows looked at.
    along: u32,
    /// Pixels that differ from the one in the row looked at before.
    down: u32,
    /// Dark pixels in the rows looked at.
    dark: u32,
}

impl Cell {
    /// As dense as modules of up to 6 pixels make it: each of the eight rows and sixteen columns changes once.
    fn is_code(&self) -> bool {
        const LEAST: u32 = 8;
        let pixels = (CELL * CELL / ROW_STEP) as u32;
        self.contrast
            && self.along >= LEAST
            && self.down >= LEAST
            && self.dark * 5 >= pixels
            && self.dark * 5 <= pixels * 4
    }
}

fn cells(level: &Level, across: usize) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); across * (level.height() / CELL)];
    for (index, cell) in cells.iter_mut().enumerate() {
        let (column, row) = (index % across.max(1) * 2, index / across.max(1) * 2);
        let block = level.blocks().get(row * level.blocks_across() + column);
        cell.contrast = block.is_some_and(|block| block.range >= LEAST_RANGE);
    }
    let (mut words, mut before) = (Vec::new(), vec![0; level.width().div_ceil(64)]);
    for y in (0..level.height()).step_by(ROW_STEP) {
        level.bits(y, &mut words);
        let start = y / CELL * across;
        let Some(row) = cells.get_mut(start..start + across) else { break };
        let mut last = 0;
        for ((word, above), four) in words.iter().zip(&before).zip(row.chunks_mut(64 / CELL)) {
            let changes = word ^ (word << 1 | last);
            last = word >> 63;
            let below = if y == 0 { 0 } else { word ^ above };
            for (index, cell) in four.iter_mut().enumerate() {
                let own = |bits: u64| (bits >> (CELL * index) & 0xffff).count_ones();
                cell.along += own(changes);
                cell.down += own(below);
                cell.dark += own(*word);
            }
        }
        before.clone_from(&words);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::super::level::Pixels;
    use super::*;
    use image::{GrayImage, Luma};

    /// Modules of these sides thrown at random, within a rectangle on grey.
    fn modules(side: (u32, u32), (left, top): (u32, u32), (right, bottom): (u32, u32)) -> GrayImage {
        GrayImage::from_fn(640, 480, |x, y| {
            let within = (left..right).contains(&x) && (top..bottom).contains(&y);
            let (column, row) = (x / side.0, y / side.1);
            let thrown = thrown(column, row);
            Luma([match within {
                false => 150,
                true if thrown => 40,
                true => 220,
            }])
        })
    }

    /// Heads or tails, the same for the same place.
    fn thrown(x: u32, y: u32) -> bool {
        let mut mixed = (u64::from(x) << 32 | u64::from(y)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 32) & 1 == 1
    }

    fn found(frame: &GrayImage) -> Option<Texture> {
        largest(&Level::new(Pixels::of(frame)))
    }

    #[test]
    fn modules_too_small_for_patterns_are_seen_with_their_size() {
        for side in [1, 2, 3, 4] {
            let texture = found(&modules((side, side), (160, 128), (352, 320))).unwrap();
            assert_eq!(texture.bounds, (160.0, 128.0, 352.0, 320.0), "{side}");
            assert!((texture.px_per_module / side as f32 - 1.0).abs() < 0.25, "{side}: {}", texture.px_per_module);
            assert!(!texture.leaning);
            assert_eq!(texture.middle(), (256.0, 224.0));
        }
    }

    #[test]
    fn what_is_narrow_or_small_is_none() {
        let sized =
            |width: u32, height: u32| found(&modules((2, 2), (160, 128), (160 + width, 128 + height))).is_some();
        assert!(sized(64, 64) && !sized(48, 64) && !sized(64, 48), "four cells are the least");
        assert!(sized(96, 160) && !sized(96, 176), "three to five is the most");
    }

    #[test]
    fn what_leans_changes_more_often_in_one_direction() {
        assert!(found(&modules((2, 3), (160, 128), (352, 320))).is_some_and(|texture| !texture.leaning));
        assert!(found(&modules((2, 6), (160, 128), (352, 320))).is_some_and(|texture| texture.leaning));
    }

    #[test]
    fn a_side_on_the_border_is_long_or_short() {
        let cut = |left: (u32, u32), right: (u32, u32)| {
            let texture = found(&modules((2, 2), left, right)).unwrap();
            texture.is_long_at_border(640.0, 480.0, CELL as f32)
        };
        assert!(!cut((160, 128), (352, 320)));
        assert!(cut((0, 128), (192, 320)) && cut((160, 0), (352, 192)));
        assert!(cut((448, 128), (640, 320)) && cut((160, 288), (352, 480)));
    }

    #[test]
    fn pale_noise_is_none() {
        let noise = |range: u8| {
            let frame = GrayImage::from_fn(640, 480, |x, y| Luma([if thrown(x, y) { 100 } else { 100 + range }]));
            found(&frame).is_some()
        };
        assert!(!noise(LEAST_RANGE - 1) && noise(LEAST_RANGE));
    }
}
