//! `rxing`, in pieces.
//!
//! Its reader has no bound: of 2,205 finder patterns it tries a quarter of a million threes. So its pieces are called
//! one by one here (black and white, finder patterns, threes of them, sampling, decoding), which bounds each, tells
//! where the finder patterns are and which symbol was seen and not read, and leaves out the micro codes.

use image::GrayImage;
use rxing::Point;
use rxing::common::cpp_essentials::{ConcentricPattern, LocateConcentricPattern};
use rxing::common::{BIT_FIELD_BASE_BITS, BitArray, BitMatrix, DetectorRXingResult as _};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FinderPatternSet, GenerateFinderPatternSets, SampleQR};

use super::{Decoder, Found, Pattern, Search, Work, contained};
use crate::prepare::{BLOCK, Thresholds};

/// The decoder `rxing`.
#[derive(Default)]
pub(crate) struct Rxing;

impl Decoder for Rxing {
    fn find(&mut self, frame: &GrayImage, work: Work) -> Search {
        contained(|| black_and_white(frame)).flatten().map_or_else(Search::default, |dark| search(&dark, work))
    }
}

/// Dark or light against the neighbourhood.
fn black_and_white(frame: &GrayImage) -> Option<BitMatrix> {
    let thresholds = Thresholds::of(frame);
    let width = frame.width() as usize;
    let mut dark = BitMatrix::new(frame.width(), frame.height()).ok()?;
    let mut line = BitArray::with_size(width);
    // One byte a pixel first, 1 for a dark one: that is quick work for vector units.
    let mut flags = vec![0u8; width.next_multiple_of(WORD)];
    for (y, row) in frame.as_raw().chunks_exact(width).enumerate() {
        for ((flags, pixels), level) in flags.chunks_mut(BLOCK).zip(row.chunks(BLOCK)).zip(thresholds.of_row(y)) {
            flags.iter_mut().zip(pixels).for_each(|(flag, pixel)| *flag = u8::from(pixel <= level));
        }
        for (number, flags) in flags.as_chunks::<WORD>().0.iter().enumerate() {
            let eights = flags.as_chunks::<8>().0.iter().enumerate();
            let word = eights.fold(0, |word, (place, eight)| word | usize::from(bits(*eight)) << (8 * place));
            line.setBulk(number * WORD, word);
        }
        dark.setRow(y as u32, &line);
    }
    Some(dark)
}

/// Eight bytes of 0 or 1 as the bits of one, the first the lowest: the product carries each to its place in the
/// highest byte, and none onto another.
fn bits(flags: [u8; 8]) -> u8 {
    (u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// Bits that a row is kept in at a time.
const WORD: usize = BIT_FIELD_BASE_BITS;

fn search(dark: &BitMatrix, work: Work) -> Search {
    let mut patterns = patterns(dark, work);
    let mut search = Search { found: Vec::new(), patterns: patterns.iter().map(told).collect() };
    let mut threes = contained(|| GenerateFinderPatternSets(&mut patterns)).unwrap_or_default();
    threes.truncate(work.threes as usize);
    let tilted: Vec<_> = tilted_threes(&patterns).into_iter().filter(|three| !threes.contains(three)).collect();
    threes.extend(tilted.into_iter().take(work.threes as usize));
    let mut used: Vec<ConcentricPattern> = Vec::new();
    for three in threes {
        let corners = [three.bl, three.tl, three.tr];
        if corners.iter().any(|pattern| used.contains(pattern)) {
            continue;
        }
        // Each three by itself: one that makes the decoder panic must not hide its neighbours.
        let Some(found) = contained(|| read(dark, &three)).flatten() else { continue };
        if found.content.is_some() {
            used.extend(corners);
        }
        search.found.push(found);
    }
    search
}

/// Threes of finder patterns that stand as those of a symbol seen much from the side, the likeliest first. `rxing` itself
/// passes over them: of 27 drawn frames in perspective these are the difference between 19 that are read and 24.
fn tilted_threes(patterns: &[ConcentricPattern]) -> Vec<FinderPatternSet> {
    if patterns.len() > TILTED_PATTERNS {
        return Vec::new();
    }
    let mut threes: Vec<(f32, FinderPatternSet)> = Vec::new();
    for (i, a) in patterns.iter().enumerate() {
        for (j, b) in patterns.iter().enumerate().skip(i + 1) {
            for c in patterns.iter().skip(j + 1) {
                let corners = [(a, b, c), (b, a, c), (c, a, b)];
                threes.extend(corners.into_iter().filter_map(|(corner, p, q)| tilted(*corner, *p, *q)));
            }
        }
    }
    threes.sort_by(|a, b| a.0.total_cmp(&b.0));
    threes.into_iter().map(|(_, three)| three).collect()
}

/// With more finder patterns than this a picture is not of that sort, and there would be thousands of threes.
const TILTED_PATTERNS: usize = 16;

/// How far three patterns are from a square's corners, if they can be those of a symbol at all.
fn tilted(corner: ConcentricPattern, p: ConcentricPattern, q: ConcentricPattern) -> Option<(f32, FinderPatternSet)> {
    let (to_p, to_q) = (p.p - corner.p, q.p - corner.p);
    let (long_p, long_q) = (to_p.length(), to_q.length());
    let cosine = (Point::dot(to_p, to_q) / (long_p * long_q)).abs();
    let stretch = long_p.max(long_q) / long_p.min(long_q);
    let sizes = [corner.size, p.size, q.size].map(|size| size as f32);
    let growth = sizes.into_iter().fold(0.0, f32::max) / sizes.into_iter().fold(f32::MAX, f32::min);
    let modules_between = (long_p + long_q) / 2.0 / (sizes.into_iter().sum::<f32>() / 21.0);
    // From 37 to 143 degrees; one side four times the other; three times as near. 14 modules in version 1, 170 in 40.
    let may_be = cosine < 0.8 && stretch < 4.0 && growth < 3.0 && (14.0..200.0).contains(&modules_between);
    let (tr, bl) = if Point::cross(to_p, to_q) > 0.0 { (p, q) } else { (q, p) };
    may_be.then(|| (cosine + stretch.ln() + growth.ln(), FinderPatternSet { bl, tl: corner, tr }))
}

/// Finder patterns, at most `work.patterns`, those of the upper rows first.
fn patterns(dark: &BitMatrix, work: Work) -> Vec<ConcentricPattern> {
    let mut patterns: Vec<ConcentricPattern> = Vec::new();
    let mut runs = Vec::new();
    for y in (ROW_STEP - 1..dark.getHeight()).step_by(ROW_STEP as usize) {
        runs_of(dark, y, &mut runs);
        // The first run is a light one, so that dark ones have odd numbers.
        let mut before = 0;
        for (number, five) in runs.windows(5).enumerate() {
            let [a, b, c, d, e] = five else { continue };
            if number % 2 == 1 && looks_like_a_pattern([*a, *b, *c, *d, *e]) {
                let x = before + a + b;
                let centre = Point { x: x as f32 + *c as f32 / 2.0, y: y as f32 + 0.5 };
                let known = |old: &ConcentricPattern| Point::distance(centre, old.p) < old.size as f32 / 2.0;
                if !patterns.iter().any(known) {
                    // Three times as far as it is wide, for patterns that are seen from the side.
                    let reach = 3 * (a + b + c + d + e) as i32;
                    let located = contained(|| LocateConcentricPattern::<true, 5, 7>(dark, &PATTERN, centre, reach));
                    patterns.extend(located.flatten());
                    if patterns.len() >= work.patterns as usize {
                        return patterns;
                    }
                }
            }
            before += a;
        }
    }
    patterns
}

/// Widths of the runs of equal pixels in a row, light first (of width 0 if the row begins dark).
fn runs_of(dark: &BitMatrix, y: u32, runs: &mut Vec<u32>) {
    runs.clear();
    let (mut began, mut colour) = (0, 0);
    let width = dark.getWidth();
    for (number, word) in dark.getRow(y).getBitArray().iter().enumerate() {
        let start = (number * WORD) as u32;
        // A bit is set where the colour changes.
        let mut changes = word ^ (word << 1 | colour);
        colour = word >> (WORD - 1);
        while changes != 0 {
            let x = start + changes.trailing_zeros();
            if x >= width {
                break;
            }
            runs.push(x - began);
            began = x;
            changes &= changes - 1;
        }
    }
    runs.push(width - began);
}

/// Every third row: one pixel to the module, three modules to the dark centre of a pattern.
const ROW_STEP: u32 = 3;

const PATTERN: [u16; 5] = [1, 1, 3, 1, 1];

/// Whether five runs, the first dark, may be a line through a finder pattern: 1 to 1 to 3 to 1 to 1 (ISO/IEC 18004,
/// section 6.3.3), with light or dark spread by blur and exposure.
fn looks_like_a_pattern([a, b, c, d, e]: [u32; 5]) -> bool {
    if c < 3 || c < 2 * a.max(e) || c < b.max(d) {
        return false;
    }
    let (dark, light) = (f64::from(a + c + e) / 5.0, f64::from(b + d) / 2.0);
    let off = |run: u32, modules: f64, module: f64, slack: f64| {
        (f64::from(run) - modules * module).abs() > module * slack + 0.5
    };
    dark.max(light) <= 4.0 * dark.min(light)
        && !(off(a, 1.0, dark, 0.75) || off(c, 3.0, dark, 0.75) || off(e, 1.0, dark, 0.75))
        && !(off(b, 1.0, light, 1.0 / 3.0) || off(d, 1.0, light, 1.0 / 3.0))
}

/// The symbol on these three patterns, or `None` if there is none.
fn read(dark: &BitMatrix, three: &FinderPatternSet) -> Option<Found> {
    let symbol = SampleQR(dark, three).ok()?;
    let [top_left, top_right, bottom_left, bottom_right] = symbol.getPoints() else { return None };
    let mut corners = [top_left, top_right, bottom_right, bottom_left].map(|point| (point.x, point.y));
    let decoded = Decode(symbol.getBits()).ok().filter(|decoded| decoded.isValid());
    if decoded.as_ref().is_some_and(|decoded| decoded.isMirrored()) {
        corners.swap(1, 3);
    }
    let content = decoded
        .and_then(|decoded| Some((u8::try_from(decoded.versionNumber()).ok()?, decoded.content().bytes().to_vec())));
    Some(Found { corners, content })
}

fn told(pattern: &ConcentricPattern) -> Pattern {
    Pattern { centre: (pattern.p.x, pattern.p.y), side: pattern.size as f32 }
}

#[cfg(test)]
mod tests {
    use image::imageops;

    use super::*;
    use crate::testing::{code, field_of_patterns};

    #[test]
    fn bytes_version_corners_and_patterns_are_told() {
        let picture = code(b"\xc9\xdf\xbe\xd3", 6);
        let search = find(&picture);
        let [found] = search.found.as_slice() else { panic!("{} symbols", search.found.len()) };
        assert_eq!(found.content, Some((1, b"\xc9\xdf\xbe\xd3".to_vec())), "no text is made of them");
        // 21 modules of six pixels behind a quiet zone of four.
        let exact = [(24.0, 24.0), (150.0, 24.0), (150.0, 150.0), (24.0, 150.0)];
        assert!(found.corners.iter().zip(exact).all(|(a, b)| near(*a, b)), "{:?}", found.corners);
        let mut patterns = search.patterns;
        patterns.sort_by(|a, b| (a.centre.0 + 2.0 * a.centre.1).total_cmp(&(b.centre.0 + 2.0 * b.centre.1)));
        for (pattern, centre) in patterns.iter().zip([(45.0, 45.0), (129.0, 45.0), (45.0, 129.0)]) {
            assert!(near(pattern.centre, centre) && (pattern.side - 42.0).abs() < 2.0, "{pattern:?}");
        }
        assert_eq!(patterns.len(), 3);
    }

    #[test]
    fn corners_are_those_of_the_symbol_however_it_is_turned() {
        let mirrored = find(&imageops::flip_horizontal(&code(b"8612000", 6)));
        assert!(near(mirrored.found[0].corners[0], (150.0, 24.0)), "its top left is at the right");
        assert!(near(mirrored.found[0].corners[1], (24.0, 24.0)));
        let turned = find(&imageops::rotate90(&code(b"8612000", 6)));
        assert!(near(turned.found[0].corners[0], (150.0, 24.0)) && near(turned.found[0].corners[1], (150.0, 150.0)));
    }

    #[test]
    fn a_symbol_far_narrower_than_high_is_read() {
        let upright = code(&[b'7'; 300], 9);
        for share in [100, 60, 45, 35] {
            let narrow = imageops::thumbnail(&upright, upright.width() * share / 100, upright.height());
            let read = |picture: &GrayImage| find(picture).found.iter().filter(|found| found.content.is_some()).count();
            assert_eq!((read(&narrow), read(&imageops::rotate270(&narrow))), (1, 1), "{share} %");
        }
    }

    #[test]
    fn three_patterns_may_be_a_symbol_at_a_certain_angle_and_length() {
        let pattern = |x: f32, y: f32, size| ConcentricPattern { p: Point { x, y }, size };
        let three = |p, q| tilted(pattern(0.0, 0.0, 21), p, q).map(|(_, three)| (three.tr.p.x, three.bl.p.x));
        let right = pattern(120.0, 0.0, 21);
        assert_eq!(three(right, pattern(0.5, 120.0, 21)), Some((120.0, 0.5)));
        assert_eq!(three(pattern(0.5, 120.0, 21), right), Some((120.0, 0.5)), "clockwise, whichever comes first");
        let leaning = |degrees: f32| {
            three(right, pattern(120.0 * degrees.to_radians().cos(), 120.0 * degrees.to_radians().sin(), 21))
        };
        assert!(
            leaning(38.0).is_some() && leaning(36.0).is_none() && leaning(142.0).is_some() && leaning(144.0).is_none()
        );
        assert!(three(right, pattern(0.0, 479.0, 21)).is_some() && three(right, pattern(0.0, 481.0, 21)).is_none());
        assert!(three(right, pattern(0.0, 120.0, 62)).is_some() && three(right, pattern(0.0, 120.0, 63)).is_none());
        let apart = |length| three(pattern(length, 0.0, 21), pattern(0.0, length, 21)).is_some();
        assert!(!apart(41.0) && apart(43.0) && apart(599.0) && !apart(601.0));
        assert!(three(pattern(0.0, 0.0, 21), right).is_none() && three(right, right).is_none());
    }

    #[test]
    fn a_symbol_that_is_seen_and_not_read_is_told() {
        let mut picture = code(&[b'7'; 829], 5);
        imageops::replace(&mut picture, &GrayImage::from_pixel(150, 150, image::Luma([255])), 100, 100);
        let search = find(&picture);
        assert_eq!((search.found.len(), search.patterns.len()), (1, 3));
        assert!(search.found[0].content.is_none());
    }

    #[test]
    fn work_is_bounded_on_both_sides() {
        let picture = code(b"8612000", 6);
        let read = |patterns, threes| {
            let work = Work { looks: 0, patterns, threes };
            Rxing.find(&picture, work).found.iter().filter(|found| found.content.is_some()).count()
        };
        assert_eq!((read(3, 1), read(2, 1), read(3, 0)), (1, 0, 0));
        let field = field_of_patterns();
        assert_eq!(find(&field).patterns.len(), Work::for_one_search(&field).patterns as usize);
    }

    #[test]
    fn runs_are_those_of_the_row() {
        for width in [1u32, 63, 64, 65, 130, 200] {
            let mut seed = width;
            let levels: Vec<u8> = (0..width)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if seed >> 31 == 0 { 0 } else { 255 }
                })
                .collect();
            let picture = GrayImage::from_raw(width, 1, levels.clone()).unwrap();
            let dark = black_and_white(&picture).unwrap();
            let mut expected = vec![0];
            let mut colour = 255;
            for level in levels {
                if level != colour {
                    expected.push(0);
                    colour = level;
                }
                *expected.last_mut().unwrap() += 1;
            }
            let mut runs = vec![9; 3];
            runs_of(&dark, 0, &mut runs);
            assert_eq!(runs, expected, "{width} pixels");
        }
    }

    #[test]
    fn widths_of_a_pattern_may_be_off_by_so_much() {
        assert!(looks_like_a_pattern([4, 4, 12, 4, 4]) && looks_like_a_pattern([1, 1, 3, 1, 1]));
        // Dark spread over light, and light over dark.
        assert!(looks_like_a_pattern([6, 2, 14, 2, 6]) && looks_like_a_pattern([2, 6, 10, 6, 2]));
        assert!(!looks_like_a_pattern([1, 1, 2, 1, 1]), "no middle");
        assert!(!looks_like_a_pattern([7, 4, 12, 4, 4]) && !looks_like_a_pattern([4, 4, 12, 4, 7]), "a wide rim");
        assert!(!looks_like_a_pattern([4, 13, 12, 13, 4]) && !looks_like_a_pattern([4, 8, 12, 2, 4]), "gaps");
        assert!(!looks_like_a_pattern([8, 1, 24, 1, 8]), "gaps far narrower than the rim");
    }

    #[test]
    fn eight_flags_are_eight_bits() {
        for byte in 0..=255u8 {
            assert_eq!(bits(std::array::from_fn(|place| byte >> place & 1)), byte);
        }
    }

    #[test]
    fn pictures_of_no_size_are_empty() {
        for (width, height) in [(0, 0), (0, 9), (9, 0), (1, 1), (3, 200)] {
            let search = find(&GrayImage::new(width, height));
            assert!(search.found.is_empty() && search.patterns.is_empty(), "{width} x {height}");
        }
    }

    fn find(picture: &GrayImage) -> Search {
        Rxing.find(picture, Work::for_one_search(picture))
    }

    fn near(a: (f32, f32), b: (f32, f32)) -> bool {
        (a.0 - b.0).abs() <= 3.0 && (a.1 - b.1).abs() <= 3.0
    }
}
