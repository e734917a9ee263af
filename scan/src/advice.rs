//! What to tell the clerk when no permit was read, and what else was in view when one was.
//!
//! The measurements are of the grey frame itself, not of what a decoder made of it: finder patterns by their runs of light and dark, the
//! symbols that they make up, and within a symbol how light, how sharp, how covered with glare it is. A frame of 1280 x 720 pixels takes
//! two to three milliseconds.

mod level;
mod light;
mod pattern;
mod symbol;
mod texture;

use std::ops::Range;

use image::GrayImage;

use super::Seen;
use super::quadrilateral::contains;
use credential_format::text::is_permit_code;
use credential_format::words::Words;
use level::{Level, Pixels};
use light::{BRIGHT, Light, SAMPLES, percentile};
use pattern::{Pattern, add_patterns};
use symbol::{Symbol, level_for};
use texture::Texture;

/// What is to be done so that the code can be read: the one thing that stands in the way most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Advice {
    /// Nothing in the frame looks like a code.
    NoCodeSeen,
    /// The modules are too few pixels wide.
    TooSmall {
        /// Pixels of the frame to one module.
        px_per_module: f32,
    },
    /// Out of focus, or moved while the picture was taken.
    Blurred,
    /// A reflection covers part of the code, or all of it is washed out.
    Glare,
    /// The code, or the whole frame, is too dark to tell noise from modules.
    TooDark,
    /// Part of the code lies outside the frame.
    PartlyOut,
    /// The code leans away from the camera.
    Slanted,
    /// A code is whole, large, sharp and evenly lit, and still could not be read: covered, damaged or distorted.
    Covered,
    /// Codes were read, but none is a permit's.
    NotAPermit,
    /// A permit's code was read, and beside it lies a whole symbol that was not: it may be another person's permit.
    AnotherCode,
}

impl Advice {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Advice::NoCodeSeen => "NO_CODE_SEEN",
            Advice::TooSmall { .. } => "TOO_SMALL",
            Advice::Blurred => "BLURRED",
            Advice::Glare => "GLARE",
            Advice::TooDark => "TOO_DARK",
            Advice::PartlyOut => "PARTLY_OUT",
            Advice::Slanted => "SLANTED",
            Advice::Covered => "COVERED",
            Advice::NotAPermit => "NOT_A_PERMIT",
            Advice::AnotherCode => "ANOTHER_CODE",
        }
    }

    /// The number under which a process passes it on to another, and the pixels to the module that go with it; 0 for none.
    pub fn to_number(advice: Option<Advice>) -> (u8, f32) {
        let Some(advice) = advice else { return (0, 0.0) };
        let px = if let Advice::TooSmall { px_per_module } = advice { px_per_module } else { 0.0 };
        let place = Advice::numbered(px).into_iter().position(|other| other == advice);
        (place.map_or(0, |place| place as u8 + 1), px)
    }

    /// What [`Advice::to_number`] made; `None` for any other.
    pub fn from_number(number: u8, px_per_module: f32) -> Option<Option<Advice>> {
        let Some(place) = usize::from(number).checked_sub(1) else { return (px_per_module == 0.0).then_some(None) };
        let advice = Advice::numbered(px_per_module).get(place).copied()?;
        let has_px = matches!(advice, Advice::TooSmall { .. });
        (has_px || px_per_module == 0.0).then_some(Some(advice))
    }

    fn numbered(px_per_module: f32) -> [Advice; 10] {
        use Advice::*;
        [
            NoCodeSeen,
            TooSmall { px_per_module },
            Blurred,
            Glare,
            TooDark,
            PartlyOut,
            Slanted,
            Covered,
            NotAPermit,
            AnotherCode,
        ]
    }

    /// What to do, as short as a glance.
    pub fn words(self) -> Words {
        match self {
            Advice::NoCodeSeen => Words { zh: "请把二维码放到画面中", en: "bring the code into view" },
            Advice::TooSmall { .. } => Words { zh: "靠近一些", en: "come closer" },
            Advice::Blurred => Words { zh: "请拿稳，等画面清晰", en: "hold still until the picture is sharp" },
            Advice::Glare => Words { zh: "有反光，请稍微倾斜屏幕", en: "glare: tilt the screen a little" },
            Advice::TooDark => {
                Words { zh: "太暗，请调亮屏幕或开灯", en: "too dark: turn up the screen or the light" }
            }
            Advice::PartlyOut => Words {
                zh: "二维码没有拍全，请移到画面中间",
                en: "part of the code is out of view: move it to the middle",
            },
            Advice::Slanted => {
                Words { zh: "请把二维码正对摄像头", en: "turn the code straight towards the camera" }
            }
            Advice::Covered => Words {
                zh: "二维码读不出，请放平、擦净、不要遮挡",
                en: "the code cannot be read: lay it flat, wipe it, uncover it",
            },
            Advice::AnotherCode => Words {
                zh: "画面中还有一个二维码没有读出，请只出示一个",
                en: "another code is in view and was not read: show one code only",
            },
            Advice::NotAPermit => Words {
                zh: "这不是居住证的二维码，请打开亮证页面",
                en: "not a permit code: open the permit page",
            },
        }
    }
}

/// A symbol that is surely one, and was not read.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadSymbol {
    /// Corners in pixels of the frame: top left, top right, bottom right, bottom left of the symbol.
    pub corners: [(i32, i32); 4],
    /// Pixels of the frame to one module.
    pub px_per_module: f32,
}

/// What to tell the clerk; `None` when a permit's code was read and no other symbol is in view.
///
/// `frame` is the picture that `seen` was seen in, turned the same way.
pub fn advise(frame: &GrayImage, seen: &Seen) -> Option<Advice> {
    look(frame, seen).0
}

/// The whole symbols in the frame that were not read. Beside a permit that was read, each may be another permit.
///
/// Only what has three finder patterns and the timing patterns between them counts: what looks like a code now and then, a
/// keyboard or a page of text, does not.
pub fn unread_symbols(frame: &GrayImage, seen: &Seen) -> Vec<UnreadSymbol> {
    look(frame, seen).1
}

/// [`advise`] and [`unread_symbols`] together, in the time of one.
pub(super) fn look(frame: &GrayImage, seen: &Seen) -> (Option<Advice>, Vec<UnreadSymbol>) {
    if has_permit(seen) {
        // Each frame that was read pays for this search, so it begins at half the size, and ends there if nothing is found beside the codes.
        let half = View::of(frame, false);
        let beside = half.patterns.iter().filter(|pattern| !was_read(pattern.place(), seen)).count();
        let unread = if beside < 2 { Vec::new() } else { View::of(frame, true).unread(seen) };
        return ((!unread.is_empty()).then_some(Advice::AnotherCode), unread);
    }
    let view = View::of(frame, true);
    (Some(view.advice(seen)), view.unread(seen))
}

fn has_permit(seen: &Seen) -> bool {
    seen.codes.iter().any(|code| code.text().is_some_and(is_permit_code))
}

/// A code is called too small below this: decoders begin to fail at three pixels to the module.
const SMALL_PX: f32 = 3.0;
/// The share of a symbol without any module in a light as bright as the sensor tells. Error correction level L mends 7 % of the codewords,
/// and what is around a reflection is hard to read as well.
const GLARE_SHARE: f32 = 0.03;
/// A light module darker than this drowns in the noise of a camera.
const DARK_LIGHT: f32 = 70.0;
/// Least difference between light and dark modules.
const LEAST_CONTRAST: f32 = 28.0;
/// The share of a symbol's inside that has light and dark modules, if it is one: a form with squares in its corners has few.
const LEAST_BUSY: f32 = 0.6;
/// The same where only two of its patterns were seen.
const LEAST_BUSY_HALF: f32 = 0.75;
/// Of two codes, or of one and what looks like a finder pattern now and then. Where there are more, only certain symbols count.
const MOST_PATTERNS: usize = 6;
/// A symbol leans away if one side is shorter than this share of the other, or the cosine of its corner is larger than this.
const LEANING_SIDES: f32 = 0.6;
const LEANING_COSINE: f32 = 0.35;
/// Contrast that is less than so many times the noise is for want of light: by day the noise is a hundredth of it.
const CONTRAST_TO_NOISE: f32 = 16.0;
/// So much noise a camera makes only where it turns up what little light there is.
const DARK_NOISE: f32 = 10.0;
/// With more noise, it is what looks like texture.
const TEXTURE_NOISE: f32 = 5.0;
/// How much of the changes from module to module is left, compared with a sharp picture.
const SHARPNESS: f32 = 0.75;
/// The level that the lightest blocks of a frame have at least if there is any light.
const DARK_FRAME: u8 = 45;
/// Blocks with less difference of levels around are not asked for edges, and of so many at least.
const EDGE_RANGE: u8 = 60;
const LEAST_EDGES: usize = 40;
/// Edges no steeper than this are out of focus, in percent. Below, there are no edges at all in that direction: stripes.
const BLURRED_EDGES: Range<u8> = 6..56;
/// The long side that the search begins with: larger pictures are halved until they are smaller.
const LONG_SIDE: usize = 2_600;

/// What was measured of a frame.
struct View<'a> {
    /// From the largest to the smallest.
    levels: Vec<Level<'a>>,
    patterns: Vec<Pattern>,
    /// With three finder patterns.
    symbols: Vec<Symbol>,
    /// With two, where they may be.
    halves: Vec<Symbol>,
    /// How much neighbouring pixels differ where there is nothing to be seen.
    noise: f32,
    width: f32,
    height: f32,
}

impl<'a> View<'a> {
    /// `whole`: with the frame at its own size. Otherwise from half the size on.
    fn of(frame: &'a GrayImage, whole: bool) -> View<'a> {
        let levels = levels(frame, whole);
        let mut patterns = Vec::new();
        for (number, level) in levels.iter().enumerate() {
            // Patterns that are small on one level are larger on the one before it.
            add_patterns(level, if number < 2 { 2 } else { 1 }, &mut patterns);
        }
        let (symbols, left) = symbol::symbols(&levels, &patterns);
        let halves = symbol::of_pairs(&levels, &left);
        let noise = levels.first().map_or(0.0, noise);
        View { levels, patterns, symbols, halves, noise, width: frame.width() as f32, height: frame.height() as f32 }
    }

    fn unread(&self, seen: &Seen) -> Vec<UnreadSymbol> {
        let unread = self.symbols.iter().filter(|symbol| symbol.certain && !was_read(symbol.middle(), seen));
        let rounded = |(x, y): (f32, f32)| (x.round() as i32, y.round() as i32);
        let unread = unread.map(|symbol| UnreadSymbol {
            corners: symbol.corners().map(rounded),
            px_per_module: symbol.px_per_module(),
        });
        unread.collect()
    }

    fn advice(&self, seen: &Seen) -> Advice {
        let unread = |symbol: &&Symbol| !was_read(symbol.middle(), seen);
        let larger = |a: &Symbol, b: &Symbol| a.certain.cmp(&b.certain).then(a.area().total_cmp(&b.area()));
        // The largest is the one that somebody holds up.
        let symbols = self.symbols.iter().filter(unread).filter_map(|symbol| self.lit(symbol));
        if let Some((symbol, light)) = symbols.max_by(|(a, _), (b, _)| larger(a, b)) {
            return self.of_symbol(symbol, &light);
        }
        if self.is_dark() {
            return Advice::TooDark;
        }
        let plain = self.noise < TEXTURE_NOISE && self.patterns.len() <= MOST_PATTERNS;
        let texture = self.levels.first().filter(|_| plain).and_then(texture::largest);
        let texture =
            texture.filter(|texture| !seen.codes.iter().any(|code| contains(&quadrilateral(code), texture.middle())));
        if let Some((half, light)) = self.likeliest_half(seen) {
            // Two patterns make a code of what is in view, however much of it is not.
            let cut = !half.certain && texture.as_ref().is_some_and(|texture| self.is_cut(texture));
            return if cut { Advice::PartlyOut } else { self.of_symbol(half, &light) };
        }
        match texture.and_then(|texture| self.of_texture(&texture)) {
            Some(advice) => advice,
            None if !seen.codes.is_empty() => Advice::NotAPermit,
            None if self.is_blurred() => Advice::Blurred,
            None => Advice::NoCodeSeen,
        }
    }

    /// How a symbol is lit, if it is certain or looks like one inside.
    fn lit<'s>(&self, symbol: &'s Symbol) -> Option<(&'s Symbol, Light)> {
        // In a field of finder patterns any three make a square.
        if !symbol.certain && self.patterns.len() > MOST_PATTERNS {
            return None;
        }
        match Light::of(&self.levels, symbol) {
            Some(light) => (symbol.certain || light.busy >= LEAST_BUSY).then_some((symbol, light)),
            // Most of it is outside, where nothing is to be seen.
            None => symbol.certain.then_some((symbol, Light::UNKNOWN)),
        }
    }

    /// Of the places where the third pattern may be, the one with the timing pattern, or else the one that looks most like a code.
    fn likeliest_half(&self, seen: &Seen) -> Option<(&Symbol, Light)> {
        let few = self.patterns.len() <= MOST_PATTERNS;
        let mut halves = self.halves.iter().filter(|symbol| few && !was_read(symbol.middle(), seen));
        let certain = halves.clone().filter(|half| half.certain).max_by(|a, b| a.area().total_cmp(&b.area()));
        certain.and_then(|half| self.lit(half)).or_else(|| {
            let lit = halves.by_ref().filter_map(|half| self.lit(half));
            // Of two across from each other the third may be at either end of the other diagonal: where a reflection lies, if one does.
            let lit = lit.map(|(half, light)| (self.has_washed_pattern(half), half, light));
            let lit = lit.filter(|(_, _, light)| light.busy >= LEAST_BUSY_HALF);
            let best = lit.max_by(|(a, _, x), (b, _, y)| a.cmp(b).then(x.busy.total_cmp(&y.busy)));
            best.map(|(_, half, light)| (half, light))
        })
    }

    /// A symbol whose place is known: what keeps it from being read.
    fn of_symbol(&self, symbol: &Symbol, light: &Light) -> Advice {
        let px_per_module = symbol.px_per_module();
        let margin = px_per_module;
        let outside =
            |(x, y): (f32, f32)| x < -margin || y < -margin || x > self.width + margin || y > self.height + margin;
        if symbol.corners().into_iter().any(outside) {
            return Advice::PartlyOut;
        }
        if light.light < DARK_LIGHT || self.is_noisy(light) {
            return Advice::TooDark;
        }
        if light.washed >= GLARE_SHARE || light.is_veiled() || self.has_washed_pattern(symbol) {
            return Advice::Glare;
        }
        if px_per_module < SMALL_PX {
            return Advice::TooSmall { px_per_module };
        }
        if light.contrast() < LEAST_CONTRAST {
            return Advice::TooDark;
        }
        if light.sharpness < SHARPNESS {
            return Advice::Blurred;
        }
        let (sides, cosine) = symbol.lean();
        if sides < LEANING_SIDES || cosine > LEANING_COSINE {
            return Advice::Slanted;
        }
        Advice::Covered
    }

    /// Whether there is nothing but light where one of the finder patterns must be: that one loss is enough.
    fn has_washed_pattern(&self, symbol: &Symbol) -> bool {
        let far = symbol.modules() - 7.0;
        let Some(level) = level_for(&self.levels, symbol.px_per_module(), SAMPLES) else { return false };
        [(0.0, 0.0), (far, 0.0), (0.0, far)].into_iter().any(|(left, top)| {
            let samples = (0..49u8).filter_map(|index| {
                let (x, y) = (f32::from(index % 7) + 0.5, f32::from(index / 7) + 0.5);
                level.sample(symbol.at(left + x, top + y))
            });
            // Of its 49 modules 16 are light, a few more where the place is known only roughly and what lies beside it is seen.
            samples.filter(|sample| *sample >= BRIGHT).count() > 28
        })
    }

    /// Something dense without finder patterns: only what can be told of it all the same.
    fn of_texture(&self, texture: &Texture) -> Option<Advice> {
        if self.is_cut(texture) {
            return Some(Advice::PartlyOut);
        }
        let px_per_module = texture.px_per_module;
        match texture.leaning {
            // What moves changes as seldom along its way as what leans does across.
            true => Some(if self.is_blurred() { Advice::Blurred } else { Advice::Slanted }),
            false => (px_per_module < SMALL_PX).then_some(Advice::TooSmall { px_per_module }),
        }
    }

    /// A code has a light margin. Where the dense part ends with the frame, the rest is outside.
    fn is_cut(&self, texture: &Texture) -> bool {
        let cell = texture::CELL as f32 * self.levels.first().map_or(1.0, Level::scale);
        texture.is_long_at_border(self.width, self.height, cell)
    }

    /// Whether there is no light anywhere, or so little that there is noise everywhere.
    fn is_dark(&self) -> bool {
        let Some(level) = self.levels.first() else { return false };
        // Of noise the means say less than the highest levels would.
        let mut means: Vec<u8> = level.blocks().iter().map(|block| block.mean).collect();
        self.noise > DARK_NOISE || percentile(&mut means, 98).is_some_and(|mean| mean < DARK_FRAME)
    }

    fn is_noisy(&self, light: &Light) -> bool {
        light.contrast() < CONTRAST_TO_NOISE * self.noise
    }

    /// Whether no edge in the frame is sharp, in one of the directions at least: a hand that moves blurs only along its way.
    fn is_blurred(&self) -> bool {
        self.steepest_edges()
            .is_some_and(|(along, down)| BLURRED_EDGES.contains(&along) || BLURRED_EDGES.contains(&down))
    }

    /// How much of the difference of levels around lies within four pixels at the steepest tenth of places, in percent, along the rows and
    /// down; `None` if there are too few edges to judge by.
    fn steepest_edges(&self) -> Option<(u8, u8)> {
        // At half the size, noise counts less, and edges of a pixel or two are as sharp as any.
        let level = self.levels.get(1)?;
        let (mut along, mut down) = (Vec::new(), Vec::new());
        for (index, block) in level.blocks().iter().enumerate().filter(|(_, block)| block.range >= EDGE_RANGE) {
            let steepest = steepest(level, index % level.blocks_across(), index / level.blocks_across());
            let percent = |difference: u8| (u32::from(difference) * 100 / u32::from(block.range.max(1))) as u8;
            along.push(percent(steepest.0));
            down.push(percent(steepest.1));
        }
        let enough = along.len() >= LEAST_EDGES;
        percentile(&mut along, 90).zip(percentile(&mut down, 90)).filter(|_| enough)
    }
}

/// How much neighbouring pixels differ where there is nothing to be seen.
fn noise(level: &Level) -> f32 {
    // One row and one column of pixels in every block, in every second row of blocks. Stripes have one of them quiet.
    let mut quiet: Vec<u8> = Vec::new();
    for top in (0..level.height()).step_by(2 * level::BLOCK) {
        let rows: [&[u8]; level::BLOCK] = std::array::from_fn(|row| level.row(top + row));
        let [.., middle, _, _, _] = rows;
        for (number, along) in middle.as_chunks::<{ level::BLOCK }>().0.iter().enumerate() {
            let column = number * level::BLOCK + level::BLOCK / 2;
            let down = rows.map(|row| row.get(column).copied().unwrap_or_default());
            quiet.push(roughness(along).min(roughness(&down)));
        }
    }
    // Of noise, the quietest tenth of these is half as loud as the rest.
    percentile(&mut quiet, 10).map_or(0.0, |eighths| f32::from(eighths) / 4.0)
}

/// The mean difference of neighbours, in eighths of a level.
fn roughness(pixels: &[u8; level::BLOCK]) -> u8 {
    let differences = pixels.iter().zip(pixels.iter().skip(1)).map(|(a, b)| u32::from(a.abs_diff(*b)));
    (differences.sum::<u32>() * 8 / (level::BLOCK as u32 - 1)).min(255) as u8
}

/// The largest difference of levels two pixels apart within a block, along the rows and down.
fn steepest(level: &Level, column: usize, row: usize) -> (u8, u8) {
    let (mut along, mut down) = (0, 0);
    for y in row * level::BLOCK..(row + 1) * level::BLOCK {
        let this = level.row(y).get(column * level::BLOCK..).unwrap_or_default();
        let below = level.row(y + 2).get(column * level::BLOCK..).unwrap_or_default();
        let differences = |other: &[u8]| this.iter().zip(other).take(level::BLOCK).map(|(a, b)| a.abs_diff(*b)).max();
        along = along.max(this.get(2..).and_then(differences).unwrap_or(0));
        down = down.max(differences(below).unwrap_or(0));
    }
    (along, down)
}

fn levels(frame: &GrayImage, whole: bool) -> Vec<Level<'_>> {
    let mut pixels = Pixels::of(frame);
    if !whole {
        pixels = pixels.halved();
    }
    while pixels.long_side() > LONG_SIDE {
        pixels = pixels.halved();
    }
    let half = pixels.halved();
    let quarter = half.halved();
    [pixels, half, quarter].into_iter().map(Level::new).collect()
}

/// Whether a place lies within a code that was read, or so near that it belongs to it: decoders are a module or two off.
fn was_read(place: (f32, f32), seen: &Seen) -> bool {
    seen.codes.iter().any(|code| {
        let corners = quadrilateral(code);
        let sum = corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
        let wider = |(x, y): (f32, f32)| (x + WIDER * (x - sum.0 / 4.0), y + WIDER * (y - sum.1 / 4.0));
        contains(&corners.map(wider), place)
    })
}

/// Two modules of a code of 65.
const WIDER: f32 = 0.06;

fn quadrilateral(code: &super::SeenCode) -> [(f32, f32); 4] {
    code.corners.map(|(x, y)| (x as f32, y as f32))
}

#[cfg(test)]
mod drawn;

#[cfg(test)]
mod tests {
    use super::*;
    use drawn::{Drawn, Place, digits};
    use image::imageops;

    // --- one trouble each ---

    #[test]
    fn a_code_that_is_small() {
        let small = |px: f32| told(&code(px));
        assert!(matches!(small(2.0), Advice::TooSmall { px_per_module } if (1.9..2.1).contains(&px_per_module)));
        // Below two pixels to the module finder patterns get lost, and it is the texture that tells.
        assert!(matches!(small(1.1), Advice::TooSmall { px_per_module } if px_per_module < 2.0));
        turns(
            2.6..3.4,
            2.8..3.05,
            |px| matches!(small(px), Advice::TooSmall { .. }),
            |px| small(px) == Advice::Covered,
        );
    }

    #[test]
    fn a_code_out_of_focus() {
        let defocused = |radius: f32| told(&code(5.0).defocused(radius));
        turns(
            0.5..5.0,
            2.0..3.6,
            |radius| defocused(radius) == Advice::Covered,
            |radius| defocused(radius) == Advice::Blurred,
        );
        // So far that no finder pattern is left.
        for radius in [6.0, 8.0, 12.0] {
            assert_eq!(defocused(radius), Advice::Blurred, "{radius}");
        }
    }

    #[test]
    fn a_code_that_moves() {
        let moved = |pixels: f32| told(&code(5.0).moved(pixels as i32));
        turns(
            1.0..10.0,
            4.0..6.5,
            |pixels| moved(pixels) == Advice::Covered,
            |pixels| moved(pixels) == Advice::Blurred,
        );
        for pixels in [14, 20, 30] {
            assert_eq!(told(&code(5.0).moved(pixels)), Advice::Blurred, "{pixels} sideways");
            let upwards = imageops::rotate90(&code(5.0).moved(pixels).frame());
            assert_eq!(advise(&upwards, &nothing()), Some(Advice::Blurred), "{pixels} upwards");
        }
    }

    #[test]
    fn a_reflection() {
        // In the middle of the code.
        let middle = |radius: f32| told(&code(5.0).glare(400.0, 260.0, radius));
        turns(
            10.0..90.0,
            22.0..40.0,
            |radius| middle(radius) == Advice::Covered,
            |radius| middle(radius) == Advice::Glare,
        );
        // On a finder pattern.
        let corner = |radius: f32| told(&code(5.0).glare(260.0, 120.0, radius));
        turns(
            8.0..90.0,
            8.0..22.0,
            |radius| corner(radius) == Advice::Covered,
            |radius| corner(radius) == Advice::Glare,
        );
        // Over everything.
        let veiled = |contrast: f32| told(&code(5.0).veiled(contrast, 200.0 * (1.0 - contrast)));
        turns(
            0.14..0.7,
            0.5..0.62,
            |contrast| veiled(contrast) == Advice::Glare,
            |contrast| veiled(contrast) == Advice::Covered,
        );
        // White that is merely overexposed is no reflection.
        assert_eq!(told(&code(5.0).lit(1.5)), Advice::Covered);
    }

    #[test]
    fn too_little_light() {
        let lit = |by: f32| told(&code(5.0).lit(by).noisy(3.0));
        turns(0.15..1.0, 0.3..0.36, |by| lit(by) == Advice::TooDark, |by| lit(by) == Advice::Covered);
        // Not even a code to be seen.
        for by in [0.0, 0.03, 0.08] {
            assert_eq!(told(&code(5.0).lit(by).noisy(6.0)), Advice::TooDark, "{by}");
        }
        let desk = |by: f32| told(&Drawn::desk(1280, 720).lit(by).noisy(4.0));
        turns(0.1..1.0, 0.38..0.44, |by| desk(by) == Advice::TooDark, |by| desk(by) == Advice::NoCodeSeen);
        // So much noise is that of a camera in the dark, whatever it makes of the levels.
        let noisy = |noise: f32| told(&Drawn::desk(1280, 720).noisy(noise));
        turns(
            2.0..20.0,
            7.0..12.0,
            |noise| noisy(noise) == Advice::NoCodeSeen,
            |noise| noisy(noise) == Advice::TooDark,
        );
        // Light enough, and all of one grey: a lamp does not help a code that pale.
        let pale = told(&code(5.0).veiled(0.13, 60.0));
        assert_eq!(pale, Advice::TooDark);
    }

    #[test]
    fn a_code_partly_out_of_view() {
        let text = digits(829);
        let at = |x: f32, y: f32| told(&Drawn::desk(1280, 720).with_code(&text, Place { x, y, px: 5.0, degrees: 0.0 }));
        // 65 modules of 5 pixels: it begins 162.5 pixels before its middle.
        turns(100.0..200.0, 155.0..163.0, |x| at(x, 360.0) == Advice::PartlyOut, |x| at(x, 360.0) == Advice::Covered);
        for (x, y) in [(10.0, 360.0), (1_270.0, 360.0), (640.0, 20.0), (640.0, 715.0), (1_200.0, 640.0), (90.0, 90.0)] {
            assert_eq!(at(x, y), Advice::PartlyOut, "{x} {y}");
        }
    }

    #[test]
    fn nothing_that_looks_like_a_code() {
        let desk = || Drawn::desk(1280, 720);
        assert_eq!(told(&desk()), Advice::NoCodeSeen);
        assert_eq!(told(&desk().noisy(5.0)), Advice::NoCodeSeen);
        let drawn = |level: fn(u32, u32) -> bool| {
            let frame = GrayImage::from_fn(1280, 720, |x, y| image::Luma([if level(x, y) { 30 } else { 200 }]));
            advise(&frame, &nothing())
        };
        assert_eq!(drawn(|x, _| x % 12 < 5), Some(Advice::NoCodeSeen), "blinds");
        assert_eq!(
            drawn(|x, y| x % 24 < 14 && y % 36 < 18 && (x / 2 * 7 + y / 2 * 5) % 11 < 4),
            Some(Advice::NoCodeSeen),
            "lines of text"
        );
        assert_eq!(drawn(|x, y| x % 60 < 50 && y % 60 < 50), Some(Advice::NoCodeSeen), "keys");
        for (width, height) in [(1, 1), (1, 700), (700, 1), (7, 9), (33, 33), (3, 6_000)] {
            let frame = GrayImage::from_pixel(width, height, image::Luma([180]));
            assert_eq!(advise(&frame, &nothing()), Some(Advice::NoCodeSeen), "{width} x {height}");
        }
    }

    #[test]
    fn a_hand_over_the_middle() {
        assert_eq!(told(&code(5.0).covered((320, 190), (480, 330), 90.0)), Advice::Covered);
        assert_eq!(told(&code(5.0).covered((320, 190), (480, 330), 215.0)), Advice::Covered);
    }

    // --- what was read ---

    #[test]
    fn codes_that_were_read() {
        let frame = code(5.0).frame();
        let place = [(237, 97), (563, 97), (563, 423), (237, 423)];
        let read = |text: &str| Seen { codes: vec![seen_code(text, place)], ..nothing() };
        assert_eq!(advise(&frame, &read("8611123")), None);
        assert_eq!(advise(&frame, &read("8612123")), None);
        // A later version is for the verdict to speak of.
        assert_eq!(advise(&frame, &read("8621123")), None);
        for other in ["https://shop.example/menu", "8613123", "862087654321", "134567890123456789", ""] {
            assert_eq!(advise(&frame, &read(other)), Some(Advice::NotAPermit), "{other}");
        }
        // A sticker was read, the permit beside it was not.
        let sticker =
            Seen { codes: vec![seen_code("https://shop.example", [(0, 0), (90, 0), (90, 90), (0, 90)])], ..nothing() };
        assert_eq!(advise(&code(2.0).frame(), &sticker).map(Advice::code), Some("TOO_SMALL"));
        assert_eq!(advise(&code(5.0).defocused(4.0).frame(), &sticker), Some(Advice::Blurred));
    }

    #[test]
    fn another_symbol_beside_one_that_was_read() {
        let text = digits(829);
        let at = |x: f32, y: f32, px: f32, degrees: f32| Place { x, y, px, degrees };
        let left = at(300.0, 360.0, 5.0, 3.0);
        let read =
            Seen { codes: vec![seen_code(&text, [(129, 206), (454, 189), (471, 514), (146, 531)])], ..nothing() };
        let alone = Drawn::desk(1280, 720).with_code(&text, left);
        assert_eq!((advise(&alone.frame(), &read), unread_symbols(&alone.frame(), &read)), (None, vec![]));
        for other in [
            at(900.0, 360.0, 5.0, 0.0),
            at(900.0, 360.0, 3.0, 20.0),
            at(860.0, 340.0, 6.0, 45.0),
            at(850.0, 350.0, 4.0, 187.0),
        ] {
            // What a finger covers cannot be read, and is a code all the same.
            let (x, y) = (other.x as usize, other.y as usize);
            let frame = alone
                .clone()
                .with_code(&digits(1000), other)
                .covered((x - 30, y - 30), (x + 30, y + 30), 120.0)
                .frame();
            assert_eq!(advise(&frame, &read), Some(Advice::AnotherCode));
            let unread = unread_symbols(&frame, &read);
            let [only] = unread.as_slice() else { panic!("{unread:?}") };
            assert!((only.px_per_module / other.px - 1.0).abs() < 0.1, "{only:?}");
            // Version 13, 69 modules.
            let reach = 34.5 * other.px;
            let (sin, cos) = other.degrees.to_radians().sin_cos();
            for ((x, y), (right, down)) in
                only.corners.into_iter().zip([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0f32)])
            {
                let (right, down) = (right * reach, down * reach);
                let exact = (other.x + cos * right - sin * down, other.y + sin * right + cos * down);
                let off = (x as f32 - exact.0).hypot(y as f32 - exact.1);
                assert!(off < 3.0 * other.px, "{only:?}, {off} from {exact:?}");
            }
        }
        // Three finder patterns without timing patterns are no symbol.
        let faked = alone.with_code(&text, at(900.0, 360.0, 5.0, 0.0));
        let faked = faked.covered((775, 190), (1_025, 530), 215.0).covered((730, 235), (1_070, 485), 215.0);
        assert_eq!(advise(&faked.frame(), &read), None);
    }

    #[test]
    fn words_are_in_both_languages_and_codes_and_numbers_differ() {
        let all = Advice::numbered(2.0);
        let codes: std::collections::BTreeSet<&str> = all.iter().map(|advice| advice.code()).collect();
        assert_eq!(codes.len(), all.len());
        assert_eq!((Advice::to_number(None), Advice::from_number(0, 0.0)), ((0, 0.0), Some(None)));
        assert_eq!((Advice::from_number(11, 0.0), Advice::from_number(0, 1.0)), (None, None));
        for advice in all {
            let words = advice.words();
            assert!(!words.zh.is_ascii() && words.en.is_ascii() && !words.en.is_empty(), "{words:?}");
            let (number, px) = Advice::to_number(Some(advice));
            assert_eq!(Advice::from_number(number, px), Some(Some(advice)));
            let has_px = matches!(advice, Advice::TooSmall { .. });
            assert_eq!((px > 0.0, Advice::from_number(number, 3.0).is_some()), (has_px, has_px));
        }
    }

    // --- makers ---

    /// What a decoder is told: nothing was read. Whether one could have read it is not asked here.
    fn told(drawn: &Drawn) -> Advice {
        advise(&drawn.frame(), &nothing()).unwrap()
    }

    fn nothing() -> Seen {
        Seen { width: 1280, height: 720, ..Seen::default() }
    }

    fn seen_code(text: &str, corners: [(i32, i32); 4]) -> crate::SeenCode {
        crate::SeenCode { bytes: text.into(), corners, version: 12, px_per_module: 5.0 }
    }

    /// A code of version 12 in the middle, a little turned.
    fn code(px: f32) -> Drawn {
        Drawn::desk(800, 520).with_code(&digits(829), Place { x: 400.0, y: 260.0, px, degrees: 5.0 })
    }

    /// From one end of the range to the other it is first one thing, then the other, and changes once, within `at`.
    fn turns(range: Range<f32>, at: Range<f32>, first: impl Fn(f32) -> bool, then: impl Fn(f32) -> bool) {
        let steps = 12;
        let place = |step: u8| range.start + (range.end - range.start) * f32::from(step) / f32::from(steps);
        for step in 0..=steps {
            let place = place(step);
            if place <= at.start {
                assert!(first(place), "not yet at {place}");
            } else if place >= at.end {
                assert!(then(place), "not at {place}");
            }
        }
        assert!(first(at.start), "not yet at {}", at.start);
        assert!(then(at.end), "no more at {}", at.end);
    }
}
