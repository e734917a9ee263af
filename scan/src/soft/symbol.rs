//! What ISO/IEC 18004:2015 fixes about a symbol: which modules are known beforehand, and where the codewords stand.

/// A version of QR code, 1 to 40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u8);

impl Version {
    pub(super) fn new(number: u8) -> Option<Version> {
        (1..=40).contains(&number).then_some(Version(number))
    }

    /// The version with so many modules to the side.
    pub(super) fn nearest(modules: f32) -> Version {
        let number = ((modules - 17.0) / 4.0).round().clamp(1.0, 40.0);
        // Not a number is as wrong as any.
        Version(if number.is_nan() { 1 } else { number as u8 })
    }

    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// Modules to the side: 21 to 177.
    pub(super) fn side(self) -> usize {
        17 + 4 * usize::from(self.0)
    }

    /// Rows, and columns, of the centres of alignment patterns (Annex E).
    pub(super) fn alignment(self) -> Vec<usize> {
        let count = usize::from(self.0) / 7 + 2;
        if self.0 == 1 {
            return Vec::new();
        }
        let last = self.side() - 7;
        // Evenly spaced from the last one back, in even steps; what is left over lies between the first two. Version 32 alone is not.
        let step = if self.0 == 32 { 26 } else { (last - 6).div_ceil(count - 1).next_multiple_of(2) };
        let mut places: Vec<usize> = (0..count - 1).map(|n| last - n * step).collect();
        places.push(6);
        places.reverse();
        places
    }

    /// The 18 bits of version information, the most significant first (7.10); none below version 7.
    fn information(self) -> Option<u32> {
        let number = u32::from(self.0);
        (self.0 >= 7).then(|| number << 12 | remainder(number << 12, 0x1F25, 12))
    }
}

/// Error correction levels, by their two bits in the format information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    L,
    M,
    Q,
    H,
}

impl Level {
    fn of_bits(bits: u32) -> Level {
        match bits & 3 {
            1 => Level::L,
            0 => Level::M,
            3 => Level::Q,
            _ => Level::H,
        }
    }
}

/// Level and mask: what the format information says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) level: Level,
    pub(super) mask: u8,
}

impl Format {
    /// All 32, with the fifteen bits of each, the most significant first (7.9).
    pub(super) fn all() -> impl Iterator<Item = (Format, u32)> {
        (0..32u32).map(|data| {
            let bits = (data << 10 | remainder(data << 10, 0x537, 10)) ^ 0x5412;
            (Format { level: Level::of_bits(data >> 3), mask: (data & 7) as u8 }, bits)
        })
    }

    /// Where the fifteen bits stand, the most significant first, in each of the two places: (row, column).
    pub(super) fn places(version: Version) -> [[(usize, usize); 15]; 2] {
        let end = version.side();
        let mut first = [(0, 0); 15];
        let mut second = [(0, 0); 15];
        for bit in 0..15 {
            // Along row 8 and up column 8, past the timing patterns.
            first[bit] = match bit {
                0..=5 => (8, bit),
                6 => (8, 7),
                7 => (8, 8),
                8 => (7, 8),
                _ => (14 - bit, 8),
            };
            second[bit] = if bit < 7 { (end - 1 - bit, 8) } else { (8, end - 15 + bit) };
        }
        [first, second]
    }
}

/// The remainder of a polynomial over GF(2), whose divisor has this degree.
fn remainder(mut value: u32, divisor: u32, degree: u32) -> u32 {
    while value >> degree != 0 {
        value ^= divisor << (31 - value.leading_zeros() - degree);
    }
    value
}

/// What a module is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// The same in every symbol of the version.
    Known { dark: bool },
    /// Level and mask.
    Format,
    /// A bit of a codeword, or left over.
    Data,
}

/// Every module of a version, row by row.
pub(super) fn layout(version: Version) -> Vec<Module> {
    let side = version.side();
    let mut modules = vec![Module::Data; side * side];
    let mut set = |row: usize, column: usize, module: Module| {
        if let Some(place) = modules.get_mut(row * side + column) {
            *place = module;
        }
    };
    for along in 8..side - 8 {
        let dark = along % 2 == 0;
        set(6, along, Module::Known { dark });
        set(along, 6, Module::Known { dark });
    }
    let alignment = version.alignment();
    let last = alignment.last().copied().unwrap_or(0);
    for &row in &alignment {
        for &column in &alignment {
            if [(6, 6), (6, last), (last, 6)].contains(&(row, column)) {
                continue;
            }
            for (down, across) in square(5) {
                let ring = down.abs_diff(2).max(across.abs_diff(2));
                set(row + down - 2, column + across - 2, Module::Known { dark: ring != 1 });
            }
        }
    }
    // Finder patterns with their separators.
    for (top, left) in [(0, 0), (0, side - 8), (side - 8, 0)] {
        for (down, across) in square(8) {
            let (y, x) = (
                if top == 0 { down } else { down.wrapping_sub(1) },
                if left == 0 { across } else { across.wrapping_sub(1) },
            );
            let ring = if y > 6 || x > 6 { 4 } else { y.abs_diff(3).max(x.abs_diff(3)) };
            set(top + down, left + across, Module::Known { dark: ring == 3 || ring <= 1 });
        }
    }
    for place in Format::places(version).into_iter().flatten() {
        set(place.0, place.1, Module::Format);
    }
    set(side - 8, 8, Module::Known { dark: true });
    if let Some(information) = version.information() {
        for bit in 0..18 {
            let dark = information >> bit & 1 == 1;
            set(bit / 3, side - 11 + bit % 3, Module::Known { dark });
            set(side - 11 + bit % 3, bit / 3, Module::Known { dark });
        }
    }
    modules
}

fn square(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side * side).map(move |n| (n / side, n % side))
}

/// The modules that hold the bits of the codewords, in their order (7.7.3).
pub(super) fn path(layout: &[Module], version: Version) -> Vec<usize> {
    let side = version.side();
    let mut path = Vec::with_capacity(side * side);
    let mut upward = true;
    let mut right = side - 1;
    while right > 0 {
        // The timing pattern's column is left out.
        let columns = if right <= 6 { right - 1 } else { right };
        for step in 0..side {
            let row = if upward { side - 1 - step } else { step };
            for column in [columns, columns - 1] {
                let at = row * side + column;
                if layout.get(at) == Some(&Module::Data) {
                    path.push(at);
                }
            }
        }
        upward = !upward;
        right = right.saturating_sub(2);
    }
    path
}

/// Whether the mask turns this module over (7.8.2).
pub(super) fn masked(mask: u8, row: usize, column: usize) -> bool {
    let (sum, product) = (row + column, row * column);
    let remainder = match mask {
        0 => sum % 2,
        1 => row % 2,
        2 => column % 3,
        3 => sum % 3,
        4 => (row / 2 + column / 3) % 2,
        5 => product % 2 + product % 3,
        6 => (product % 2 + product % 3) % 2,
        _ => (sum % 2 + product % 3) % 2,
    };
    remainder == 0
}

/// How the codewords are divided (7.5.1): blocks, of which the last `longer` have one data codeword more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) count: usize,
    pub(super) longer: usize,
    /// Data codewords of each of the first blocks.
    pub(super) data: usize,
    /// Error correction codewords of each block.
    pub(super) correction: usize,
}

impl Blocks {
    pub(super) fn of(version: Version, level: Level, codewords: usize) -> Option<Blocks> {
        let row = usize::from(version.number()) - 1;
        let (correction, count) = match level {
            Level::L => (CORRECTION_L.get(row)?, BLOCKS_L.get(row)?),
            Level::M => (CORRECTION_M.get(row)?, BLOCKS_M.get(row)?),
            Level::Q => (CORRECTION_Q.get(row)?, BLOCKS_Q.get(row)?),
            Level::H => (CORRECTION_H.get(row)?, BLOCKS_H.get(row)?),
        };
        let (correction, count) = (usize::from(*correction), usize::from(*count));
        Some(Blocks {
            count,
            longer: codewords % count,
            data: (codewords / count).checked_sub(correction)?,
            correction,
        })
    }

    /// Which codewords belong to which block, data first, then error correction, as they stand in the symbol (7.6).
    pub(super) fn deal(self) -> Vec<Vec<usize>> {
        let mut blocks = vec![Vec::new(); self.count];
        let mut next = 0;
        let mut give = |blocks: &mut [Vec<usize>]| {
            for block in blocks {
                block.push(next);
                next += 1;
            }
        };
        (0..self.data).for_each(|_| give(&mut blocks));
        let short = self.count - self.longer;
        give(blocks.get_mut(short..).unwrap_or_default());
        (0..self.correction).for_each(|_| give(&mut blocks));
        blocks
    }
}

// Table 9: error correction codewords of a block, and blocks, by version.
const CORRECTION_L: [u8; 40] = [
    7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30,
    30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const CORRECTION_M: [u8; 40] = [
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
];
const CORRECTION_Q: [u8; 40] = [
    13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30, 28, 30, 30, 30,
    30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const CORRECTION_H: [u8; 40] = [
    17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24, 30, 30, 30, 30, 30, 30, 30,
    30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const BLOCKS_L: [u8; 40] = [
    1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19,
    19, 20, 21, 22, 24, 25,
];
const BLOCKS_M: [u8; 40] = [
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33,
    35, 37, 38, 40, 43, 45, 47, 49,
];
const BLOCKS_Q: [u8; 40] = [
    1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43,
    45, 48, 51, 53, 56, 59, 62, 65, 68,
];
const BLOCKS_H: [u8; 40] = [
    1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51,
    54, 57, 60, 63, 66, 70, 74, 77, 81,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_patterns_stand_as_annex_e_has_them() {
        let expected: [(u8, &[usize]); 9] = [
            (1, &[]),
            (2, &[6, 18]),
            (7, &[6, 22, 38]),
            (14, &[6, 26, 46, 66]),
            (15, &[6, 26, 48, 70]),
            (16, &[6, 26, 50, 74]),
            (22, &[6, 26, 50, 74, 98]),
            (32, &[6, 34, 60, 86, 112, 138]),
            (40, &[6, 30, 58, 86, 114, 142, 170]),
        ];
        for (version, lines) in expected {
            assert_eq!(Version::new(version).unwrap().alignment(), lines, "version {version}");
        }
    }

    #[test]
    fn information_has_the_check_bits_of_annexes_c_and_d() {
        // Annex D.2: version 7 is 000111 110010010100. Annex C.2: level M with mask 5 is 100000011001110.
        assert_eq!(Version::new(7).unwrap().information(), Some(0b00_0111_1100_1001_0100));
        assert_eq!(Version::new(6).unwrap().information(), None);
        let (_, bits) = Format::all().find(|(format, _)| *format == Format { level: Level::M, mask: 5 }).unwrap();
        assert_eq!(bits, 0b100_0000_1100_1110);
    }

    #[test]
    fn a_version_is_the_nearest_and_never_nonsense() {
        for (modules, version) in
            [(21.0, 1), (68.9, 13), (69.0, 13), (71.1, 14), (177.0, 40), (1e9, 40), (-5.0, 1), (f32::NAN, 1)]
        {
            assert_eq!(Version::nearest(modules).number(), version, "{modules}");
        }
        assert_eq!((Version::new(0), Version::new(41)), (None, None));
    }
}
