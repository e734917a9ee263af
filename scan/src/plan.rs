//! Which decoder sees which part of a frame, prepared how, in which order, and when to stop.
//!
//! Two questions, two ways of looking. The whole frame is looked at once, quickly: that reads most codes, and tells
//! whether there is a second one. What could not be read is looked at again in those parts of the frame where a code
//! may be, which are a tenth of it, by dearer means.

use std::cell::OnceCell;
use std::time::Duration;

use image::{GrayImage, Luma};

use super::decoder::{Decoder, Found, Fused, Pattern, Rqrr, Rxing, Soft, Work};
use super::prepare::{self, Sight};
use super::quadrilateral::{centre, contains};
use super::soft::{Effort, Fusion};
use super::{LONG_SIDE, only_digits};

/// The decoders, and what they need again for every frame.
#[derive(Default)]
pub(super) struct Plan {
    rxing: Rxing,
    rqrr: Rqrr,
    fusion: Fusion,
    #[cfg(feature = "zxing-cpp")]
    zxing_cpp: super::decoder::ZxingCpp,
}

impl Plan {
    /// Reads the codes of a frame, step by step, those first that read most for their time.
    ///
    /// The first step that leaves a text of digits read, and nothing that looks like most of another code, is the last.
    /// The first step is always made, another only while what it usually costs is left of the `budget`; `elapsed` is
    /// the time since the frame was handed in.
    pub(super) fn read(
        &mut self,
        frame: &GrayImage,
        course: Course,
        budget: Duration,
        elapsed: &mut dyn FnMut() -> Duration,
    ) -> Reading {
        let views = Views::of(frame);
        let mut reading = Reading::default();
        for (number, step) in STEPS.iter().enumerate() {
            let left = budget.saturating_sub(elapsed());
            if number > 0 && step.cost(frame) > left {
                continue;
            }
            let enough = match course {
                Course::Still => THOROUGH,
                // Of many frames some may take longer than is left of theirs.
                Course::Live => budget / 2,
            };
            let effort = if enough > left { Effort::Quick } else { Effort::Thorough };
            self.take(step, course, effort, &views, &mut reading);
            if reading.is_enough(&views) {
                break;
            }
        }
        reading.unread.retain(|place| !reading.codes.iter().any(|code| contains(&code.corners, centre(place))));
        reading
    }

    /// One step. Every part is looked at, whatever is read in the first: a second code is in another.
    fn take(&mut self, step: &Step, course: Course, effort: Effort, views: &Views, reading: &mut Reading) {
        for (number, sight) in views.show(step.part).iter().enumerate() {
            // The busiest part nearly always is the code. Another has to show a finder pattern to be worth as much.
            let promising = number == 0 || reading.patterns.iter().any(|(pattern, _)| sight.shows(pattern.centre));
            let effort = if promising { effort } else { Effort::Quick };
            if !promising && step.cost_ms >= DEAR_MS {
                continue;
            }
            let fusing = course == Course::Live && number == 0 && step.prepared == Prepared::Plain;
            for prepared in step.prepared.of(sight, reading) {
                let before = reading.codes.len();
                self.look(step, (effort, fusing), prepared, views, reading);
                if reading.codes.len() > before {
                    break;
                }
            }
        }
    }

    /// Searches until nothing new is found.
    ///
    /// A decoder groups finder patterns by their distances, and where several codes lie side by side, it may group
    /// those of different codes, and miss a code that it would have read alone. Two people's codes in one picture must
    /// not pass for one, so what was read is painted over, and the rest searched again.
    fn look(
        &mut self,
        step: &Step,
        (effort, fusing): (Effort, bool),
        mut sight: Sight,
        views: &Views,
        reading: &mut Reading,
    ) {
        let (mut soft, mut fused);
        let decoder: &mut dyn Decoder = match step.with {
            #[cfg(feature = "zxing-cpp")]
            With::ZxingCpp => &mut self.zxing_cpp,
            With::Rxing => &mut self.rxing,
            With::Rqrr => &mut self.rqrr,
            With::Soft if fusing => {
                fused = Fused { fusion: &mut self.fusion, effort };
                &mut fused
            }
            With::Soft => {
                soft = Soft { effort };
                &mut soft
            }
        };
        for code in &reading.codes {
            let corners = code.corners.map(|corner| sight.in_sight(corner));
            paint_over(&mut sight.picture, &corners);
        }
        loop {
            let search = decoder.find(&sight.picture, Work::for_one_search(&sight.picture));
            let before = reading.codes.len();
            if step.prepared.is_true() {
                for pattern in search.patterns.iter().filter(|pattern| pattern.side >= SMALLEST_PATTERN) {
                    reading.add_pattern(sight.pattern_in_frame(pattern), contrast(&sight.picture, pattern));
                }
            }
            for found in search.found {
                if found.content.is_some() {
                    paint_over(&mut sight.picture, &found.corners);
                }
                reading.add(Found { corners: found.corners.map(|corner| sight.in_frame(corner)), ..found });
            }
            if reading.codes.len() == before || reading.codes.len() >= MOST_CODES || !reading.shows_another_code(views)
            {
                return;
            }
        }
    }
}

/// What a frame is to those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Course {
    /// Nothing.
    Still,
    /// The next of one camera: what it shows too little of is added to what those before it showed.
    Live,
}

/// No picture that is of use to anyone holds more, and each may cost a search.
const MOST_CODES: usize = 16;

/// One way to look at a frame.
pub(super) struct Step {
    part: Part,
    prepared: Prepared,
    with: With,
    /// What it usually costs, in milliseconds, for a frame of 720p on one core of a desktop computer.
    cost_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// The frame, halved until it is no longer than [`LONG_SIDE`].
    Whole,
    /// Where a code may be, one after the other, from the frame as it came.
    Busy,
    /// The frame as it came, if that is larger than [`Part::Whole`].
    Original,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Prepared {
    Plain,
    /// The mean of 3 x 3 pixels: less noise.
    Blurred,
    /// Light for dark.
    Inverted,
    /// In focus again, for a disc of confusion with one or the other radius in modules.
    Refocused([f32; 2]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum With {
    #[cfg(feature = "zxing-cpp")]
    ZxingCpp,
    Rxing,
    Rqrr,
    /// Our own, as thoroughly as time allows.
    Soft,
}

/// In the order in which they read most for their time. The figures are those of 320 drawn camera frames of twelve kinds
/// of trouble, half of them of 720p and half of 1080p: how many a step read of those that came to it.
pub(super) const STEPS: &[Step] = &[
    // 250 of 320, in 2 ms of a frame of 720p and 6 ms of one of 1080p; also tells of a second code.
    Step { part: Part::Whole, prepared: Prepared::Plain, with: With::Rxing, cost_ms: 3 },
    // Little that the next would not read as well, but a tenth of what is left in 1 ms.
    #[cfg(feature = "zxing-cpp")]
    Step { part: Part::Busy, prepared: Prepared::Plain, with: With::ZxingCpp, cost_ms: 1 },
    // 60 of 70, in 10 to 20 ms, at worst 80: motion, low light, glare, perspective, some defocus.
    Step { part: Part::Busy, prepared: Prepared::Plain, with: With::Soft, cost_ms: 6 },
    // 2 of 10, of a harder set 6 of 23: what is still out of focus, by discs of 0.9 to 1.15 modules. The second radius
    // is for low light.
    Step { part: Part::Busy, prepared: Prepared::Refocused([1.0, 0.65]), with: With::Soft, cost_ms: 60 },
    // 2 of 8, in low light.
    Step { part: Part::Busy, prepared: Prepared::Blurred, with: With::Soft, cost_ms: 60 },
    // None of those frames, but light on dark is read by no other.
    Step { part: Part::Whole, prepared: Prepared::Inverted, with: With::Rxing, cost_ms: 4 },
    // None of those frames, but small codes in large photographs.
    Step { part: Part::Original, prepared: Prepared::Plain, with: With::Rxing, cost_ms: 4 },
    // None of those frames. It reads by other means than the rest, and comes last because it takes longest.
    Step { part: Part::Whole, prepared: Prepared::Plain, with: With::Rqrr, cost_ms: 60 },
];

impl Step {
    /// Only the frame as it came grows with the frame: the others are reduced.
    fn cost(&self, frame: &GrayImage) -> Duration {
        let frames_of_720p = match self.part {
            Part::Original => frame.len() as u64 / 900_000 + 1,
            Part::Whole | Part::Busy => 1,
        };
        Duration::from_millis(self.cost_ms * frames_of_720p)
    }
}

impl Prepared {
    /// The pictures to look at, until one of them is read.
    fn of(self, sight: &Sight, reading: &Reading) -> Vec<Sight> {
        let picture = &sight.picture;
        let prepared = match self {
            Prepared::Plain => vec![picture.clone()],
            Prepared::Blurred => vec![prepare::blurred(picture)],
            Prepared::Inverted => vec![prepare::inverted(picture)],
            Prepared::Refocused(radii) => {
                let module = reading.module_in(sight);
                prepare::refocused(picture, radii.map(|radius| radius * module))
            }
        };
        prepared.into_iter().map(|picture| sight.redrawn(picture)).collect()
    }

    /// Whether a finder pattern that is seen in such a picture is one: refocusing makes rings around everything.
    fn is_true(self) -> bool {
        !matches!(self, Prepared::Refocused(_))
    }
}

/// The parts of one frame, each made when it is first wanted.
pub(super) struct Views<'a> {
    frame: &'a GrayImage,
    whole: OnceCell<[Sight; 1]>,
    places: OnceCell<Vec<Rectangle>>,
    busy: OnceCell<Vec<Sight>>,
    original: OnceCell<Vec<Sight>>,
}

impl Views<'_> {
    pub(super) fn of(frame: &GrayImage) -> Views<'_> {
        Views {
            frame,
            whole: OnceCell::new(),
            places: OnceCell::new(),
            busy: OnceCell::new(),
            original: OnceCell::new(),
        }
    }

    fn show(&self, part: Part) -> &[Sight] {
        match part {
            Part::Whole => self.whole(),
            Part::Busy => self.busy.get_or_init(|| self.busy_parts()),
            Part::Original => self.original.get_or_init(|| {
                let reduced = self.whole().iter().any(|whole| whole.picture.len() < self.frame.len());
                Vec::from_iter(reduced.then(|| Sight::of(self.frame, self.frame.clone())))
            }),
        }
    }

    fn whole(&self) -> &[Sight; 1] {
        self.whole.get_or_init(|| [Sight::of(self.frame, prepare::halved_to(self.frame, LONG_SIDE))])
    }

    fn any_busy_part_holds(&self, a: (f32, f32), b: (f32, f32)) -> bool {
        let holds = |((left, top), (right, bottom)): &Rectangle, (x, y): (f32, f32)| {
            (*left..*right).contains(&x) && (*top..*bottom).contains(&y)
        };
        self.busy_places().iter().any(|place| holds(place, a) && holds(place, b))
    }

    /// Busy parts as rectangles of the frame, given by two opposite corners, the busiest first.
    fn busy_places(&self) -> &[Rectangle] {
        self.places.get_or_init(|| {
            let [whole] = self.whole();
            let small = whole.redrawn(prepare::halved_to(&whole.picture, BUSY_SIDE));
            let corner = |x: u32, y: u32| small.in_frame((x as f32, y as f32));
            let parts = prepare::busy_parts(&small.picture, MOST_PLACES).into_iter();
            parts.map(|(left, top, right, bottom)| (corner(left, top), corner(right, bottom))).collect()
        })
    }

    fn busy_parts(&self) -> Vec<Sight> {
        let mut parts: Vec<Sight> = Vec::new();
        for (low, high) in self.busy_places().iter().take(MOST_PARTS) {
            let Some(part) = Sight::part_of(self.frame, *low, *high) else { continue };
            let first = parts.first().map_or(0, |first| first.picture.len());
            // Something much smaller than what is busiest is a line of text or a sleeve.
            if part.picture.len() * 4 > first {
                parts.push(part.redrawn(prepare::halved_to(&part.picture, PART_SIDE)));
            }
        }
        parts
    }
}

type Rectangle = ((f32, f32), (f32, f32));

/// The long side of the picture in which busy parts are looked for, at most: modules of 2 pixels are 1 pixel wide then,
/// and still make it busy.
const BUSY_SIDE: u32 = 900;
/// The long side of a part, at most: 8 pixels to the module for a symbol of version 16.
const PART_SIDE: u32 = 900;
/// A phone, another phone, and something that is neither.
const MOST_PARTS: usize = 3;
/// Busy parts in which a second code may be.
const MOST_PLACES: usize = 8;

/// What was read in a frame. All places are in pixels of the frame.
#[derive(Default)]
pub(super) struct Reading {
    /// Codes that were read, each with its content.
    pub(super) codes: Vec<Found>,
    /// Symbols that were seen and could not be read.
    pub(super) unread: Vec<[(f32, f32); 4]>,
    /// Finder patterns outside the codes that were read, each with its contrast.
    patterns: Vec<(Pattern, f32)>,
    /// The highest contrast of a finder pattern of a code that was read.
    contrast: f32,
}

impl Reading {
    fn add(&mut self, found: Found) {
        let middle = centre(&found.corners);
        if found.content.is_some() {
            let known = |code: &Found| code.content == found.content && contains(&code.corners, middle);
            if !self.codes.iter().any(known) {
                let contrast = &mut self.contrast;
                self.patterns.retain(|(pattern, of_it)| {
                    let within = contains(&found.corners, pattern.centre);
                    if within {
                        *contrast = contrast.max(*of_it);
                    }
                    !within
                });
                self.codes.push(found);
            }
        } else if !self.unread.iter().any(|other| contains(other, middle)) {
            self.unread.push(found.corners);
        }
    }

    fn add_pattern(&mut self, pattern: Pattern, contrast: f32) {
        if self.codes.iter().any(|code| contains(&code.corners, pattern.centre)) {
            self.contrast = self.contrast.max(contrast);
        } else if !self.patterns.iter().any(|(other, _)| distance(other.centre, pattern.centre) < other.side / 2.0) {
            self.patterns.push((pattern, contrast));
        }
    }

    /// Pixels to the module in a part of the frame: from the finder patterns seen in it, or else from its size.
    fn module_in(&self, sight: &Sight) -> f32 {
        let (width, height) = (sight.picture.width() as f32, sight.picture.height() as f32);
        let inside = |(x, y): (f32, f32)| (0.0..width).contains(&x) && (0.0..height).contains(&y);
        let mut sides: Vec<f32> = self
            .patterns
            .iter()
            .filter(|(pattern, _)| inside(sight.in_sight(pattern.centre)))
            .map(|(pattern, _)| pattern.side / sight.scale())
            .collect();
        sides.sort_by(f32::total_cmp);
        let of_size = (width + height) / 2.0 / PART_MODULES;
        let of_pattern = sides.get(sides.len() / 2).map(|side| side / 7.0);
        of_pattern.filter(|module| (of_size * 0.5..of_size * 2.0).contains(module)).unwrap_or(of_size)
    }

    pub(super) fn is_enough(&self, views: &Views) -> bool {
        let digits = |code: &Found| code.content.as_ref().is_some_and(|(_, bytes)| only_digits(bytes));
        self.codes.iter().any(digits) && !self.shows_another_code(views)
    }

    /// Whether two finder patterns outside the codes that were read, in a busy part of the frame, can belong to one
    /// symbol: of the three that a code has, two may well be another code. Elsewhere they are noise.
    fn shows_another_code(&self, views: &Views) -> bool {
        let belong = |a: &Pattern, b: &Pattern| {
            let side = a.side.min(b.side);
            a.side.max(b.side) < 2.0 * side && (NEAREST..FARTHEST).contains(&(distance(a.centre, b.centre) / side))
        };
        let real =
            |(pattern, contrast): &'_ (Pattern, f32)| (*contrast >= self.contrast * FAINTEST).then_some(*pattern);
        let real: Vec<Pattern> = self.patterns.iter().filter_map(real).collect();
        let pairs = real
            .iter()
            .enumerate()
            .flat_map(|(number, a)| real.iter().skip(number + 1).filter(move |b| belong(a, b)).map(move |b| (a, b)));
        let mut pairs = pairs.peekable();
        pairs.peek().is_some() && pairs.any(|(a, b)| views.any_busy_part_holds(a.centre, b.centre))
    }
}

/// Modules to the side of a busy part, as a rule: a symbol of version 12 to 16, turned, and the margin.
const PART_MODULES: f32 = 95.0;

/// A finder pattern that is of use has this side at least, in pixels: 1.6 to the module.
const SMALLEST_PATTERN: f32 = 11.0;
/// Distance of two finder patterns of one symbol in sides of a pattern, seven modules: from version 8, smaller than
/// that of any permit, ...
const NEAREST: f32 = 6.0;
/// ... to the diagonal of version 22.
const FARTHEST: f32 = 20.0;
/// A second code has at least so much of the contrast of the first, even out of focus. Noise is fainter.
const FAINTEST: f32 = 0.125;

/// Grey levels between dark and light in a finder pattern, whichever way it is turned: the rings around its centre that
/// lie in one colour all round, or almost.
fn contrast(picture: &GrayImage, pattern: &Pattern) -> f32 {
    let module = pattern.side / 7.0;
    let ring = |modules: f32| {
        let levels = (0..16).filter_map(|place| {
            let (sin, cos) = (std::f32::consts::TAU * place as f32 / 16.0).sin_cos();
            let (x, y) = (pattern.centre.0 + modules * module * cos, pattern.centre.1 + modules * module * sin);
            let pixel = (x >= 0.0 && y >= 0.0).then(|| picture.get_pixel_checked(x as u32, y as u32)).flatten();
            pixel.map(|pixel| f32::from(pixel.0[0]))
        });
        let (count, sum) = levels.fold((0, 0.0), |(count, sum), level| (count + 1, sum + level));
        (count > 0).then(|| sum / count as f32)
    };
    match (ring(0.8), ring(2.25), ring(3.1)) {
        (Some(core), Some(light), Some(rim)) => light - core.max(rim),
        _ => 0.0,
    }
}

/// A step that usually costs so much, in milliseconds, is for promising parts only.
const DEAR_MS: u64 = 20;

/// What a thorough look of our own decoder usually costs.
const THOROUGH: Duration = Duration::from_millis(60);

/// Makes a quadrilateral white.
fn paint_over(picture: &mut GrayImage, corners: &[(f32, f32); 4]) {
    let (width, height) = picture.dimensions();
    // `as` saturates, so that what lies outside ends at the border.
    let span = |low: f32, high: f32, end: u32| low.floor() as u32..(high.ceil() as u32).saturating_add(1).min(end);
    let low = |of: fn(&(f32, f32)) -> f32| corners.iter().map(of).fold(f32::INFINITY, f32::min);
    let high = |of: fn(&(f32, f32)) -> f32| corners.iter().map(of).fold(f32::NEG_INFINITY, f32::max);
    for y in span(low(|p| p.1), high(|p| p.1), height) {
        for x in span(low(|p| p.0), high(|p| p.0), width) {
            if contains(corners, (x as f32, y as f32)) {
                picture.put_pixel(x, y, Luma([255]));
            }
        }
    }
}

fn distance(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

#[cfg(test)]
mod tests {
    use image::imageops;

    use super::*;
    use crate::testing::{code, field_of_patterns};

    const FOREVER: Duration = Duration::MAX;

    /// Out of focus by nine tenths of a module: not for the first step, but for a later one.
    #[test]
    fn what_the_first_step_cannot_read_a_later_one_can_if_there_is_time() {
        let frame = on_desk(&[(400, 150, &defocused(&code(&digits(829), 5), 4.6))]);
        let mut asked = 0;
        let mut read = |budget, elapsed: Duration| {
            let mut clock = || {
                asked += 1;
                elapsed
            };
            let reading = Plan::default().read(&frame, Course::Still, budget, &mut clock);
            (texts(&reading), reading.unread.len())
        };
        assert_eq!(read(FOREVER, Duration::ZERO), (vec![digits(829)], 0));
        let first_only = read(Duration::from_millis(100), Duration::from_millis(99));
        assert_eq!(first_only.0, Vec::<Vec<u8>>::new());
        assert!(asked > STEPS.len(), "time is looked at before each step but the first");
    }

    #[test]
    fn the_first_step_is_made_without_any_time_left() {
        let frame = on_desk(&[(400, 150, &code(&digits(829), 5))]);
        let reading = Plan::default().read(&frame, Course::Still, Duration::ZERO, &mut || Duration::from_secs(9));
        assert_eq!(texts(&reading), [digits(829)]);
    }

    /// The budget of one frame leaves no time for the dearer steps.
    #[test]
    fn a_camera_that_stands_still_reads_what_no_frame_of_it_shows() {
        let budget = Duration::from_millis(33);
        let seen = code(&digits(829), 3);
        let read = |plan: &mut Plan, course, frame: &GrayImage| {
            texts(&plan.read(frame, course, budget, &mut || Duration::ZERO))
        };
        // As much noise as it takes that none is read alone.
        let too_noisy = |reach: i32| {
            let frames = (0..8u32).map(|number| noisy(&on_desk(&[(400, 150, &seen)]), reach, number));
            let frames: Vec<GrayImage> = frames.collect();
            frames.iter().all(|frame| read(&mut Plan::default(), Course::Live, frame).is_empty()).then_some(frames)
        };
        let frames = (150..=250).step_by(20).find_map(too_noisy).expect("noise that hides a code");
        let mut plan = Plan::default();
        let of_stills: Vec<_> = frames.iter().flat_map(|frame| read(&mut plan, Course::Still, frame)).collect();
        assert_eq!(of_stills, Vec::<Vec<u8>>::new(), "stills have nothing to do with each other");
        let mut plan = Plan::default();
        let together = frames.iter().find_map(|frame| read(&mut plan, Course::Live, frame).pop());
        assert!(together == Some(digits(829)), "frames that are added up are read");
    }

    #[test]
    fn a_step_costs_what_its_part_of_the_frame_does() {
        let cost = |part, width, height| {
            let step = Step { part, prepared: Prepared::Plain, with: With::Rxing, cost_ms: 4 };
            step.cost(&GrayImage::new(width, height)).as_millis()
        };
        assert_eq!((cost(Part::Whole, 1_280, 720), cost(Part::Whole, 8_000, 6_000)), (4, 4));
        assert_eq!((cost(Part::Original, 1_000, 800), cost(Part::Original, 8_000, 6_000)), (4, 216));
    }

    /// Two people's codes must not pass for one, whichever is the harder one.
    #[test]
    fn a_second_code_out_of_focus_is_read_beside_a_sharp_one() {
        let (sharp, soft) = (code(&digits(829), 5), defocused(&code(&digits(905), 5), 4.0));
        for (left, right) in [(&sharp, &soft), (&soft, &sharp)] {
            let frame = on_desk(&[(60, 100, left), (700, 160, right)]);
            let mut read = texts(&Plan::default().read(&frame, Course::Still, FOREVER, &mut || Duration::ZERO));
            read.sort_by_key(Vec::len);
            assert_eq!(read, [digits(829), digits(905)]);
        }
    }

    #[test]
    fn another_code_is_two_finder_patterns_that_fit_each_other_where_something_is() {
        // Two boxes that are busy, and a desk that is not.
        let busy = imageops::resize(&code(&digits(829), 5), 400, 400, imageops::FilterType::Nearest);
        let frame = on_desk(&[(40, 40, &busy), (700, 200, &busy)]);
        let views = Views::of(&frame);
        let shows = |a: (f32, f32, f32), b: (f32, f32, f32), contrasts: [f32; 2]| {
            let pattern = |(x, y, side)| Pattern { centre: (x, y), side };
            let mut reading = Reading { contrast: 100.0, ..Reading::default() };
            reading.add_pattern(pattern(a), contrasts[0]);
            reading.add_pattern(pattern(b), contrasts[1]);
            reading.shows_another_code(&views)
        };
        let (a, b) = ((720.0, 220.0, 30.0), (1_080.0, 220.0, 30.0));
        assert!(shows(a, b, [100.0, 13.0]));
        assert!(!shows(a, b, [100.0, 12.0]), "too faint");
        assert!(!shows(a, (899.0, 220.0, 30.0), [100.0; 2]), "closer than in any permit");
        assert!(shows(a, (901.0, 220.0, 30.0), [100.0; 2]));
        assert!(!shows((720.0, 220.0, 17.5), (1_075.0, 220.0, 17.5), [100.0; 2]), "farther than in any permit");
        assert!(shows((720.0, 220.0, 18.0), (1_075.0, 220.0, 18.0), [100.0; 2]));
        assert!(!shows(a, (1_080.0, 220.0, 61.0), [100.0; 2]), "not of one size");
        assert!(!shows((60.0, 60.0, 60.0), (720.0, 220.0, 60.0), [100.0; 2]), "not in one place");
        assert!(!shows((560.0, 650.0, 30.0), (200.0, 650.0, 30.0), [100.0; 2]), "where nothing is");
    }

    #[test]
    fn patterns_of_codes_that_were_read_show_no_other_code() {
        let mut reading = Reading::default();
        let square = |left: f32| [(left, 0.0), (left + 50.0, 0.0), (left + 50.0, 50.0), (left, 50.0)];
        let inside = |x: f32| Pattern { centre: (x, 25.0), side: 7.0 };
        reading.add_pattern(inside(10.0), 80.0);
        reading.add_pattern(inside(11.0), 80.0); // the same once more
        reading.add_pattern(inside(90.0), 50.0);
        assert_eq!(reading.patterns.len(), 2);
        reading.add(Found { corners: square(0.0), content: Some((12, b"1".to_vec())) });
        assert_eq!((reading.patterns.len(), reading.contrast), (1, 80.0));
        reading.add_pattern(inside(20.0), 90.0);
        assert_eq!((reading.patterns.len(), reading.contrast), (1, 90.0));
        // The same text in the same place is the same code, elsewhere it is another.
        reading.add(Found { corners: square(3.0), content: Some((12, b"1".to_vec())) });
        assert_eq!(reading.codes.len(), 1);
        reading.add(Found { corners: square(60.0), content: Some((12, b"1".to_vec())) });
        assert_eq!(reading.codes.len(), 2);
    }

    #[test]
    fn contrast_is_that_of_a_finder_pattern_however_it_is_turned() {
        for degrees in [0.0f32, 20.0, 45.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let picture = GrayImage::from_fn(120, 120, |x, y| {
                let (x, y) = (x as f32 - 60.0, y as f32 - 60.0);
                let ring = (x * cos + y * sin).abs().max((y * cos - x * sin).abs()) / 8.0;
                Luma([if ring < 1.5 || (2.5..3.5).contains(&ring) { 40 } else { 200 }])
            });
            let seen = contrast(&picture, &Pattern { centre: (60.0, 60.0), side: 56.0 });
            assert!((110.0..=160.0).contains(&seen), "{seen} at {degrees}");
            assert!(contrast(&picture, &Pattern { centre: (84.0, 60.0), side: 56.0 }) < 60.0, "beside it");
        }
        assert_eq!(contrast(&GrayImage::new(5, 5), &Pattern { centre: (90.0, -90.0), side: 1e9 }), 0.0);
    }

    #[test]
    fn modules_are_measured_by_patterns_or_guessed_from_the_part() {
        let frame = GrayImage::new(1_280, 720);
        let part = Sight::part_of(&frame, (100.0, 100.0), (480.0, 480.0)).unwrap();
        let mut reading = Reading::default();
        assert_eq!(reading.module_in(&part), 4.0, "380 pixels");
        reading.add_pattern(Pattern { centre: (900.0, 120.0), side: 42.0 }, 99.0);
        assert_eq!(reading.module_in(&part), 4.0, "not in this part");
        reading.add_pattern(Pattern { centre: (120.0, 120.0), side: 35.0 }, 99.0);
        assert_eq!(reading.module_in(&part), 5.0);
        let half = part.redrawn(prepare::half(&part.picture));
        assert_eq!(reading.module_in(&half), 2.5);
        reading.patterns.clear();
        reading.add_pattern(Pattern { centre: (120.0, 120.0), side: 57.0 }, 99.0);
        assert_eq!(reading.module_in(&part), 4.0, "a symbol of 47 modules would not be so busy a part");
    }

    /// Not a measure of time, which is the machine's: that there is an end.
    #[test]
    fn pictures_made_to_keep_a_reader_busy_come_to_an_end() {
        let reading = Plan::default().read(&field_of_patterns(), Course::Still, FOREVER, &mut || Duration::ZERO);
        assert!(reading.codes.is_empty());
    }

    #[test]
    fn what_was_read_is_painted_over_to_its_rim() {
        let mut picture = GrayImage::new(20, 20);
        paint_over(&mut picture, &[(5.0, -3.0), (30.0, -3.0), (30.0, 9.5), (5.0, 9.5)]);
        for (x, y, pixel) in picture.enumerate_pixels() {
            assert_eq!(pixel.0[0] == 255, x >= 5 && y <= 9, "{x} {y}");
        }
        // Corners that are no numbers paint nothing.
        let mut picture = GrayImage::new(20, 20);
        paint_over(&mut picture, &[(f32::NAN, 1.0), (9.0, f32::INFINITY), (9.0, 9.0), (1.0, 9.0)]);
        assert!(picture.iter().all(|level| *level == 0));
    }

    fn texts(reading: &Reading) -> Vec<Vec<u8>> {
        reading.codes.iter().filter_map(|code| code.content.as_ref()).map(|(_, bytes)| bytes.clone()).collect()
    }

    fn digits(length: usize) -> Vec<u8> {
        (0..length).map(|i| b'0' + ((i * i + i / 7 + length) % 10) as u8).collect()
    }

    fn on_desk(placed: &[(i64, i64, &GrayImage)]) -> GrayImage {
        let mut frame = GrayImage::from_pixel(1_280, 720, Luma([150]));
        for (x, y, picture) in placed {
            imageops::replace(&mut frame, *picture, *x, *y);
        }
        frame
    }

    /// The same noise on every machine, of at most so many levels to either side.
    fn noisy(picture: &GrayImage, reach: i32, seed: u32) -> GrayImage {
        let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
        let mut noisy = picture.clone();
        for level in noisy.iter_mut() {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let noise = (state >> 8) as i32 % (2 * reach + 1) - reach;
            *level = (i32::from(*level) + noise).clamp(0, 255) as u8;
        }
        noisy
    }

    fn defocused(picture: &GrayImage, radius: f32) -> GrayImage {
        let reach = radius.ceil() as i32;
        let offsets = || (-reach..=reach).flat_map(move |i| (-reach..=reach).map(move |j| (i, j)));
        let disc: Vec<(i32, i32)> = offsets().filter(|(i, j)| (*i as f32).hypot(*j as f32) <= radius).collect();
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
            let light = disc.iter().map(|(i, j)| {
                let at = |place: u32, offset: i32, end: u32| (place as i32 + offset).clamp(0, end as i32 - 1) as u32;
                let pixel = picture.get_pixel(at(x, *i, picture.width()), at(y, *j, picture.height()));
                (f32::from(pixel.0[0]) / 255.0).powf(2.2)
            });
            let mean = light.sum::<f32>() / disc.len() as f32;
            Luma([(255.0 * mean.powf(1.0 / 2.2)).round() as u8])
        })
    }
}
