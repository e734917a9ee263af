//! Films for a fake camera: codes of any text, brought before the camera by a hand, held there, and taken away again.
//!
//! A film is a file of baseline JPEG pictures of one size, one after the other. Browsers of the Chromium family play it in place of a
//! camera, thirty pictures a second, over and over: `--use-fake-device-for-media-stream --use-file-for-fake-video-capture=FILE.mjpeg`
//! (the name must end in `mjpeg`). They open the file anew whenever a page asks for the camera.
//!
//! # The marks
//!
//! A test must know what it is looking at. So every picture has a strip of eight squares in its upper left corner, [`MARK_PX`] pixels
//! on a side, black or white, which no code ever lies under:
//!
//! | square | white means |
//! |---|---|
//! | 0 | all codes of the scene are in view whole, with one module around them |
//! | 1 to 6 | the number of the scene, its lowest six bits, the highest first |
//! | 7 | whatever makes the number of white squares odd |
//!
//! Look at the middle of a square and take 128 and more for white; [`Mark::of`] does. A code that is whole need not be legible yet:
//! focus and exposure may still be settling.

use std::io::{self, Write};

use image::GrayImage;
use issuer::qr::{Level, QrError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::movement::{Hand, Leaving, Settling, strength_of, tremor};
use crate::scene::{PhoneLook, Scene, SheetLook};
use crate::shot::{Backdrop, Placed, Room, develop};
use crate::still::{Carrier, Plan};
use crate::texts::Symbol;
use crate::view::{Optics, Pose};
use crate::{Degree, Kind, Resolution, Split};

/// Side of a square of the marks, in pixels.
pub const MARK_PX: usize = 24;

/// Of a scene in which nothing moves, so many times fewer pictures are drawn.
const STILL_TIMES: usize = 5;

/// What a film is drawn from. In JSON unknown members are refused.
///
/// ```
/// let script = r#"{"scenes": [{"seconds": 1, "empty": true}, {"seconds": 2.5, "texts": ["861200034"], "trouble": "motion", "seed": 7}]}"#;
/// let film = camera::film::Film::new(&serde_json::from_str(script)?)?;
/// assert_eq!(film.frames(), 105);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Pictures a second in the file. Browsers take every file for 30, which is the default.
    #[serde(default = "pictures_a_second")]
    pub fps: u32,
    /// How many of them are drawn; each is written as often as is needed. A divisor of `fps`, 15 by default.
    #[serde(default = "drawn_a_second")]
    pub drawn: u32,
    /// Width of the pictures, 1,280 by default.
    #[serde(default = "width")]
    pub width: u32,
    /// Height of the pictures, 720 by default.
    #[serde(default = "height")]
    pub height: u32,
    /// Which camera, on which desk.
    #[serde(default)]
    pub seed: u64,
    /// One after the other.
    pub scenes: Vec<ScriptScene>,
}

fn pictures_a_second() -> u32 {
    30
}

fn drawn_a_second() -> u32 {
    15
}

fn width() -> u32 {
    1_280
}

fn height() -> u32 {
    720
}

/// One scene of a film: a desk without anything, or codes that come and go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptScene {
    /// How long it is.
    pub seconds: f32,
    /// Nothing is shown. Otherwise there must be texts.
    #[serde(default)]
    pub empty: bool,
    /// What is shown, digits: one code, or two side by side.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The next codes of the first phone, which it changes to while it is held.
    #[serde(default)]
    pub then: Vec<Next>,
    /// What the codes are on.
    #[serde(default)]
    pub on: On,
    /// What troubles the camera.
    #[serde(default)]
    pub trouble: Trouble,
    /// How much of it, 1 to 3; 1 by default. 2 and 3 are those of the corpus.
    #[serde(default)]
    pub degree: Option<u8>,
    /// Which phone, which hand.
    #[serde(default)]
    pub seed: u64,
}

/// A code that follows on another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// When, in seconds from the beginning of the scene.
    pub at: f32,
    /// What it says.
    pub text: String,
}

/// What a code is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The screen of a phone.
    #[default]
    Phone,
    /// A printed sheet.
    Paper,
}

/// What troubles the camera in a scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Trouble {
    #[default]
    None,
    Motion,
    LowLight,
    Glare,
    Moire,
    Defocus,
}

impl Trouble {
    fn kind(self) -> Kind {
        match self {
            Trouble::None => Kind::Easy,
            Trouble::Motion => Kind::Motion,
            Trouble::LowLight => Kind::LowLight,
            Trouble::Glare => Kind::Glare,
            Trouble::Moire => Kind::Moire,
            Trouble::Defocus => Kind::Defocus,
        }
    }
}

/// Why a script is no film. Scenes count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilmError {
    /// Rates that do not go together.
    #[error("{drawn} of {fps} pictures a second cannot be drawn: give 1 to 60 as fps, and a divisor of it as drawn")]
    Rate {
        /// In the file.
        fps: u32,
        /// Drawn.
        drawn: u32,
    },
    /// A size that no camera has.
    #[error("{width} x {height} is no size of a film: give even numbers from 320 x 240 to 1920 x 1080")]
    Size {
        /// As given.
        width: u32,
        /// As given.
        height: u32,
    },
    /// Nothing to draw, or far too much.
    #[error("a film has 1 to 64 scenes of together at most 300 seconds, each of one picture or more")]
    Length,
    /// A scene that says neither that it is empty nor what is shown, or both.
    #[error("scene {scene} must have one or two texts, or be empty, and then have nothing else to show")]
    Shown {
        /// Which.
        scene: usize,
    },
    /// A text that no code of ours holds.
    #[error("a text of scene {scene} fits no code: {cause}")]
    Text {
        /// Which.
        scene: usize,
        /// Why.
        cause: QrError,
    },
    /// A trouble that is not one of paper, or no degree of it.
    #[error("scene {scene} cannot be troubled so: moire is for phones, and degrees are 1, 2 and 3")]
    Trouble {
        /// Which.
        scene: usize,
    },
}

impl FilmError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            FilmError::Rate { .. } => "FILM_RATE",
            FilmError::Size { .. } => "FILM_SIZE",
            FilmError::Length => "FILM_LENGTH",
            FilmError::Shown { .. } => "FILM_SHOWN",
            FilmError::Text { .. } => "FILM_TEXT",
            FilmError::Trouble { .. } => "FILM_TROUBLE",
        }
    }
}

/// A film, to be drawn.
pub struct Film {
    fps: u32,
    /// Pictures in the file to one that is drawn, where something moves.
    times: usize,
    optics: Optics,
    room: Room,
    scenes: Vec<Act>,
}

/// A scene as it is played.
struct Act {
    /// Its place in the film.
    number: usize,
    first: usize,
    frames: usize,
    plan: Plan,
    camera: Settling,
    backdrop: Backdrop,
    /// Pictures in the file to one that is drawn.
    times: usize,
    /// From front to back.
    held: Vec<Held>,
    dice: Dice,
}

/// What a hand holds before the camera.
struct Held {
    /// Each from a time on, in seconds.
    codes: Vec<(f32, Scene, Symbol)>,
    pose: Pose,
    hand: Hand,
}

/// One picture of a film.
pub struct FilmFrame {
    /// The file.
    pub jpeg: Vec<u8>,
    /// What its marks say.
    pub mark: Mark,
}

impl FilmFrame {
    /// Its grey levels, as a reader gets them.
    pub fn grey(&self) -> GrayImage {
        crate::grey(&self.jpeg)
    }
}

/// What the squares in the corner of a picture say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whether all codes of the scene are in view whole. Never in an empty scene.
    pub whole: bool,
    /// The number of the scene, but for multiples of 64.
    pub scene: usize,
}

impl Mark {
    const SCENE_BITS: usize = 6;
    const SQUARES: usize = Mark::SCENE_BITS + 2;

    /// Reads the marks of a picture. `None` if it has none, or they were spoilt.
    pub fn of(grey: &GrayImage) -> Option<Mark> {
        let middle = |square: usize| {
            let (x, y) = (square * MARK_PX + MARK_PX / 2, MARK_PX / 2);
            grey.get_pixel_checked(x as u32, y as u32).map(|pixel| pixel.0[0] >= 128)
        };
        let white: Vec<bool> = (0..Mark::SQUARES).map_while(middle).collect();
        let odd = !white.iter().filter(|white| **white).count().is_multiple_of(2);
        let bits = white.get(1..=Mark::SCENE_BITS)?;
        let scene = bits.iter().fold(0, |number, bit| 2 * number + usize::from(*bit));
        (odd && white.len() == Mark::SQUARES).then_some(Mark { whole: white[0], scene })
    }

    fn squares(self) -> [bool; Mark::SQUARES] {
        let mut white = [false; Mark::SQUARES];
        white[0] = self.whole;
        for bit in 0..Mark::SCENE_BITS {
            white[1 + bit] = self.scene >> (Mark::SCENE_BITS - 1 - bit) & 1 == 1;
        }
        white[Mark::SQUARES - 1] = white.iter().filter(|white| **white).count().is_multiple_of(2);
        white
    }
}

/// What a film shows and when, for the test that plays it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contents {
    /// Always 1.
    pub v: u8,
    /// Pictures a second.
    pub fps: u32,
    /// Width of the pictures.
    pub width: usize,
    /// Height of the pictures.
    pub height: usize,
    /// Pictures in all.
    pub frames: usize,
    /// How long it is until it begins again, in seconds.
    pub seconds: f32,
    /// The scenes.
    pub scenes: Vec<SceneContents>,
}

/// One scene of it. Frames count from the beginning of the film.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneContents {
    /// Its number.
    pub scene: usize,
    /// Its first frame.
    pub first: usize,
    /// How many it has.
    pub frames: usize,
    /// The codes in it, those included that a phone changes to.
    pub codes: usize,
    /// The first frame in which all codes are in view whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_whole: Option<usize>,
    /// The last such frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_whole: Option<usize>,
    /// Version of the first code, 1 to 40.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// Pixels to the module of the first code while it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub px_per_module: Option<f32>,
}

impl Film {
    /// Prepares a film. Nothing is drawn yet but what is shown.
    ///
    /// # Errors
    /// [`FilmError`], for the first thing that is wrong.
    pub fn new(script: &Script) -> Result<Film, FilmError> {
        let Script { fps, drawn, width, height, .. } = *script;
        if !(1..=60).contains(&fps) || drawn == 0 || !fps.is_multiple_of(drawn) {
            return Err(FilmError::Rate { fps, drawn });
        }
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        if !even || !(320..=1_920).contains(&width) || !(240..=1_080).contains(&height) {
            return Err(FilmError::Size { width, height });
        }
        let mut dice = Dice::new("film", script.seed);
        let resolution = if height > 900 { Resolution::Hd1080 } else { Resolution::Hd720 };
        let mut camera = Plan::new(Split::Develop, resolution, &mut dice);
        let times = (fps / drawn) as usize;
        let zoom = camera.optics.focal / camera.optics.width as f32;
        camera.optics =
            Optics { width: width as usize, height: height as usize, focal: zoom * width as f32, ..camera.optics };
        let mut film = Film { fps, times, optics: camera.optics, room: Room::new(&mut dice), scenes: Vec::new() };
        let acts: Vec<Result<Act, FilmError>> = script
            .scenes
            .par_iter()
            .enumerate()
            .map(|(number, scene)| Act::new(scene, number, &film, &camera, resolution))
            .collect();
        for act in acts {
            let act = Act { first: film.frames(), ..act? };
            film.scenes.push(act);
        }
        let too_short = film.scenes.iter().any(|act| act.frames == 0);
        let seconds = film.frames() / fps as usize;
        if too_short || seconds > 300 || !(1..=64).contains(&film.scenes.len()) {
            return Err(FilmError::Length);
        }
        Ok(film)
    }

    /// How many pictures it has.
    pub fn frames(&self) -> usize {
        self.scenes.last().map_or(0, |act| act.first + act.frames)
    }

    /// Draws the picture with this number.
    ///
    /// # Panics
    /// If there is none with this number.
    pub fn frame(&self, number: usize) -> FilmFrame {
        let act = self.scenes.iter().rfind(|act| act.first <= number).filter(|_| number < self.frames());
        let act = act.expect("a number below that of frames");
        act.draw(self, act.drawn_at(number - act.first))
    }

    /// Draws the film on all cores and writes it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let drawn: Vec<(&Act, usize, usize)> = self.scenes.iter().flat_map(Act::drawn).collect();
        // As many at once as keep all cores busy, and no more in memory.
        for some in drawn.chunks(8 * rayon::current_num_threads().max(1)) {
            let files: Vec<Vec<u8>> = some.par_iter().map(|(act, at, _)| act.draw(self, *at).jpeg).collect();
            for (file, (.., times)) in files.iter().zip(some) {
                for _ in 0..*times {
                    out.write_all(file)?;
                }
            }
        }
        Ok(())
    }

    /// What is in it, and when.
    pub fn contents(&self) -> Contents {
        Contents {
            v: 1,
            fps: self.fps,
            width: self.optics.width,
            height: self.optics.height,
            frames: self.frames(),
            seconds: self.frames() as f32 / self.fps as f32,
            scenes: self.scenes.iter().map(|act| act.contents(self)).collect(),
        }
    }

    fn seconds(&self, frame: usize) -> f32 {
        frame as f32 / self.fps as f32
    }
}

impl Act {
    fn new(
        script: &ScriptScene,
        number: usize,
        film: &Film,
        camera: &Plan,
        resolution: Resolution,
    ) -> Result<Act, FilmError> {
        let frames = (script.seconds * film.fps as f32).round().clamp(0.0, 1e6) as usize;
        let shown = script.texts.len();
        if script.empty != (shown == 0) || shown > 2 || (script.empty && !script.then.is_empty()) {
            return Err(FilmError::Shown { scene: number });
        }
        let degree = match script.degree {
            None | Some(1) => Degree::One,
            Some(2) => Degree::Two,
            Some(3) => Degree::Three,
            Some(_) => return Err(FilmError::Trouble { scene: number }),
        };
        if script.on == On::Paper && script.trouble == Trouble::Moire {
            return Err(FilmError::Trouble { scene: number });
        }
        let kind = script.trouble.kind();
        let mut dice = Dice::new("scene of a film", script.seed);
        let dice = &mut dice;
        // Other hands, but the same camera in the same light.
        let mut plan = Plan::new(Split::Develop, resolution, dice);
        plan.optics = camera.optics;
        (plan.light, plan.blur, plan.sensor) = (camera.light.clone(), camera.blur.clone(), camera.sensor.clone());
        // Movement and focus have their own course.
        if !matches!(kind, Kind::Motion | Kind::Defocus) {
            plan.trouble(kind, degree, dice);
        }
        plan.path_modules.clear();

        let seconds = film.seconds(frames);
        let mut held = Vec::new();
        for (place, text) in script.texts.iter().enumerate() {
            let then = if place == 0 { script.then.as_slice() } else { &[] };
            let texts = [(0.0, text)].into_iter().chain(then.iter().map(|next| (next.at, &next.text)));
            let level = if script.on == On::Paper { Level::M } else { Level::L };
            let symbols = texts.map(|(at, text)| Ok((at, Symbol::try_of_digits(text.clone(), level)?)));
            let symbols: Vec<(f32, Symbol)> =
                symbols.collect::<Result<_, _>>().map_err(|cause| FilmError::Text { scene: number, cause })?;
            held.push(Held::new(symbols, (place, shown), &mut plan, script.on, (kind, degree), seconds, dice));
        }
        let camera = Settling::new(kind, degree, dice);
        let backdrop = Backdrop::of(&plan.shot_of(Vec::new(), &film.room), dice);
        // Where nothing moves, there is noise alone.
        let times = if script.empty { STILL_TIMES * film.times } else { film.times };
        let dice = dice.clone();
        Ok(Act { number, first: 0, frames, plan, camera, backdrop, times, held, dice })
    }

    /// The frames that are drawn, counted from the beginning of the scene, and how often each is written.
    fn drawn(&self) -> impl Iterator<Item = (&Act, usize, usize)> + '_ {
        (0..self.frames).step_by(self.times).map(move |at| (self, at, self.times.min(self.frames - at)))
    }

    /// The frame, counted from the beginning of the scene, whose picture is shown in this one.
    fn drawn_at(&self, at: usize) -> usize {
        at / self.times * self.times
    }

    fn draw(&self, film: &Film, at: usize) -> FilmFrame {
        let t = film.seconds(at);
        let mut dice = self.dice.clone();
        let mut dice = Dice::new("picture of a film", dice.roll() ^ at as u64);
        let mut placed: Vec<Placed<'_>> = self.held.iter().map(|held| held.placed(film, t)).collect();
        let plan = match (self.held.first(), placed.first()) {
            (Some(held), Some(front)) => {
                let path = held.hand.path(held.pose, &film.optics, t, self.camera.shutter);
                self.camera.plan_at(&self.plan, front.scene, front.pose, path, t, at)
            }
            _ => self.plan.clone(),
        };
        placed.reverse();
        let mut shot = plan.shot_of(placed, &film.room);
        shot.backdrop = Some(&self.backdrop);
        let mut picture = develop(&shot, &mut dice);
        let mark = Mark { whole: self.is_whole(film, t), scene: self.number % (1 << Mark::SCENE_BITS) };
        for (square, white) in mark.squares().into_iter().enumerate() {
            picture.paint_square((square * MARK_PX, 0), MARK_PX, if white { 255 } else { 0 });
        }
        FilmFrame { jpeg: picture.jpeg(plan.sensor.jpeg_quality), mark }
    }

    fn is_whole(&self, film: &Film, t: f32) -> bool {
        let inside = |held: &Held| {
            let corners = held.placed(film, t).corners(&film.optics, 1.0);
            corners.is_some_and(|corners| is_inside(&corners, 0.0, film.optics.width as f32, &film.optics))
        };
        !self.held.is_empty() && self.held.iter().all(inside)
    }

    fn contents(&self, film: &Film) -> SceneContents {
        let is_whole = |at: &usize| self.is_whole(film, film.seconds(self.drawn_at(*at)));
        let whole = |at: Option<usize>| at.map(|at| self.first + at);
        let front = self.held.first().and_then(|held| held.codes.first().map(|code| (held, code)));
        SceneContents {
            scene: self.number,
            first: self.first,
            frames: self.frames,
            codes: self.held.iter().map(|held| held.codes.len()).sum(),
            first_whole: whole((0..self.frames).find(is_whole)),
            last_whole: whole((0..self.frames).rfind(is_whole)),
            version: front.map(|(_, (.., symbol))| symbol.version),
            px_per_module: front
                .map(|(held, (_, scene, _))| Placed { scene, pose: held.pose }.px_per_module(&film.optics)),
        }
    }
}

impl Held {
    /// `place` is which of how many there are; `seconds` how long the scene is.
    fn new(
        symbols: Vec<(f32, Symbol)>,
        (place, of): (usize, usize),
        plan: &mut Plan,
        on: On,
        (kind, degree): (Kind, Degree),
        seconds: f32,
        dice: &mut Dice,
    ) -> Held {
        plan.carrier = match on {
            On::Phone => Carrier::Phone(PhoneLook { cracks: 0, ..PhoneLook::usual(dice) }),
            On::Paper => Carrier::Sheet(SheetLook { sealed_over: false, ..SheetLook::usual(dice) }),
        };
        // The page around the code stays as it is when the code changes.
        let look = dice.clone();
        let codes: Vec<(f32, Scene, Symbol)> =
            symbols.into_iter().map(|(at, symbol)| (at, plan.scene_of(&symbol, &mut look.clone()), symbol)).collect();
        *dice = Dice::new("hand of a film", dice.roll());
        let sways = 8.0 * strength_of(kind, degree).min(4.0) * plan.optics.height as f32 / 720.0;
        let pose = place_in(plan, &codes[0].1, (place, of), sways, dice);
        // From the left, from the right, from below; two hands come from their own sides.
        let ways: &[(f32, f32)] = match (place, of) {
            (_, 1) => &[(-1.1, 0.2), (1.1, 0.1), (0.1, 1.6), (-0.8, 1.2)],
            (0, _) => &[(-0.8, 0.2), (-0.1, 1.6)],
            _ => &[(0.8, 0.1), (0.1, 1.6)],
        };
        let (from, towards) = (dice.one_of(ways), dice.one_of(ways));
        // In a short scene the hand is quicker.
        let hurry = (seconds / 1.5).min(1.0);
        let arrives = hurry * dice.between(0.3, 0.6);
        let leaving = Leaving { towards, begins: seconds - hurry * dice.between(0.3, 0.5), ends: seconds };
        let hand = Hand { from, arrives, tremor: tremor(kind, degree, dice), leaving: Some(leaving) };
        Held { codes, pose, hand }
    }

    fn placed(&self, film: &Film, t: f32) -> Placed<'_> {
        let shown = self.codes.iter().rfind(|(at, ..)| *at <= t).unwrap_or(&self.codes[0]);
        Placed { scene: &shown.1, pose: self.hand.pose(self.pose, &film.optics, t) }
    }
}

/// Where and how large a code is held: whole in its part of the frame even when the hand sways by so many pixels, and not under the
/// marks. It is made smaller if there is no such place.
fn place_in(plan: &Plan, scene: &Scene, (place, of): (usize, usize), sways: f32, dice: &mut Dice) -> Pose {
    let optics = &plan.optics;
    let (w, h) = (optics.width as f32, optics.height as f32);
    let part = w / of as f32;
    let (left, right) = (part * place as f32 + sways, part * (place + 1) as f32 - sways);
    let modules = scene.code.modules as f32 + 8.0;
    let mut pose = plan.pose;
    if of > 1 {
        // Phones are wider than their codes, and must not cover each other's.
        pose.px_per_module = pose.px_per_module.min(dice.between(0.3, 0.36) * w / modules).min(0.8 * h / modules);
        pose.roll += dice.either(0.0, 4.0);
    }
    for attempt in 0..400 {
        let slack = (1.0 - attempt as f32 / 400.0) * if of > 1 { 0.06 } else { 0.3 };
        pose.at = (
            (left + right) / 2.0 + part * dice.between(-slack, slack),
            (h + MARK_PX as f32) / 2.0 + h * dice.between(-slack, slack),
        );
        if attempt % 10 == 9 {
            pose.px_per_module *= 0.97;
        }
        let corners = Placed { scene, pose }.corners(optics, 3.0);
        if corners.is_some_and(|corners| {
            let moved = corners.map(|(x, y)| (x, y + if y < h / 2.0 { -sways } else { sways }));
            is_inside(&moved, left, right, optics)
        }) {
            break;
        }
    }
    pose
}

/// Whether all points are in the frame below the marks, and between these columns.
fn is_inside(points: &[(f32, f32); 4], left: f32, right: f32, optics: &Optics) -> bool {
    let (top, bottom) = (MARK_PX as f32, optics.height as f32);
    points.iter().all(|&(x, y)| x >= left && x <= right && y >= top && y <= bottom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Phone;
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn script(json: &str) -> Script {
        serde_json::from_str(json).unwrap()
    }

    fn refused(json: &str) -> &'static str {
        Film::new(&script(json)).err().map_or("nothing", |error| error.code())
    }

    /// The texts of sample permits, as phones show them.
    fn texts(count: usize) -> Vec<String> {
        (0..count)
            .map(|no| Phone::new(no, &mut Dice::new("phone of a film", 0)).show(&mut Dice::new("shown", 0)).text)
            .collect()
    }

    fn scene(texts: &[String], trouble: Trouble, seed: u64) -> ScriptScene {
        ScriptScene { seconds: 2.0, texts: texts.to_vec(), trouble, seed, ..ScriptScene::default() }
    }

    fn film(scenes: Vec<ScriptScene>) -> Film {
        Film::new(&Script { scenes, ..script(r#"{"scenes":[]}"#) }).unwrap()
    }

    /// All texts that the reader of a counter reads in a scene; whole frames only, as many as a slow counter would look at.
    fn read(film: &Film, number: usize) -> BTreeSet<String> {
        let scene = &film.contents().scenes[number];
        let mut reader = verifier::scan::Reader::default();
        let mut read = BTreeSet::new();
        for number in (scene.first_whole.unwrap()..=scene.last_whole.unwrap()).step_by(4) {
            let grey = film.frame(number).grey();
            let seen = reader.live(&grey, Duration::MAX, &mut || Duration::ZERO);
            read.extend(seen.codes.iter().filter_map(|code| code.text().map(str::to_owned)));
        }
        read
    }

    #[test]
    fn scripts_that_are_no_films_are_refused() {
        let ok = r#"{"seconds":1,"empty":true}"#;
        assert_eq!(refused(&format!(r#"{{"scenes":[{ok}]}}"#)), "nothing");
        for (json, code) in [
            (format!(r#"{{"fps":30,"drawn":7,"scenes":[{ok}]}}"#), "FILM_RATE"),
            (format!(r#"{{"drawn":0,"scenes":[{ok}]}}"#), "FILM_RATE"),
            (format!(r#"{{"width":641,"scenes":[{ok}]}}"#), "FILM_SIZE"),
            (format!(r#"{{"height":2160,"scenes":[{ok}]}}"#), "FILM_SIZE"),
            (r#"{"scenes":[]}"#.to_owned(), "FILM_LENGTH"),
            (r#"{"scenes":[{"seconds":0,"empty":true}]}"#.to_owned(), "FILM_LENGTH"),
            (r#"{"scenes":[{"seconds":301,"empty":true}]}"#.to_owned(), "FILM_LENGTH"),
            (r#"{"scenes":[{"seconds":1}]}"#.to_owned(), "FILM_SHOWN"),
            (r#"{"scenes":[{"seconds":1,"empty":true,"texts":["8"]}]}"#.to_owned(), "FILM_SHOWN"),
            (r#"{"scenes":[{"seconds":1,"texts":["8","8","8"]}]}"#.to_owned(), "FILM_SHOWN"),
            (r#"{"scenes":[{"seconds":1,"texts":["https"]}]}"#.to_owned(), "FILM_TEXT"),
            (r#"{"scenes":[{"seconds":1,"texts":["8"],"then":[{"at":1,"text":""}]}]}"#.to_owned(), "FILM_TEXT"),
            (r#"{"scenes":[{"seconds":1,"texts":["8"],"degree":4}]}"#.to_owned(), "FILM_TROUBLE"),
            (r#"{"scenes":[{"seconds":1,"texts":["8"],"on":"paper","trouble":"moire"}]}"#.to_owned(), "FILM_TROUBLE"),
        ] {
            assert_eq!(refused(&json), code, "{json}");
        }
        assert!(serde_json::from_str::<Script>(r#"{"scenes":[],"frames":9}"#).is_err());
    }

    #[test]
    fn marks_survive_jpeg_and_say_when_a_code_is_whole() {
        let film = film(vec![
            ScriptScene { seconds: 0.5, empty: true, ..ScriptScene::default() },
            scene(&texts(1), Trouble::LowLight, 3),
        ]);
        assert_eq!(film.frames(), 75);
        let contents = film.contents();
        let (first, last) = (contents.scenes[1].first_whole.unwrap(), contents.scenes[1].last_whole.unwrap());
        assert!((16..40).contains(&first) && (55..75).contains(&last), "{first} {last}");
        for number in [0, 14, 15, first - 1, first, 40, last, last + 1, 74] {
            let frame = film.frame(number);
            let expected = Mark { whole: (first..=last).contains(&number), scene: usize::from(number >= 15) };
            assert_eq!((frame.mark, Mark::of(&frame.grey())), (expected, Some(expected)), "frame {number}");
        }
        assert_eq!(Mark::of(&GrayImage::new(400, 400)), None);
        assert_eq!(Mark::of(&GrayImage::new(100, 20)), None);
        for scene in 0..64 {
            assert_eq!(Mark { whole: false, scene }.squares().iter().filter(|white| **white).count() % 2, 1);
        }
    }

    #[test]
    fn a_film_is_its_pictures_each_as_often_as_it_is_shown() {
        let json = r#"{"width":640,"height":480,"scenes":[{"seconds":0.1,"empty":true},{"seconds":0.3,"texts":["861200034"]}]}"#;
        let film = Film::new(&script(json)).unwrap();
        let mut file = Vec::new();
        film.write(&mut file).unwrap();
        let pictures: Vec<Vec<u8>> = (0..film.frames()).map(|number| film.frame(number).jpeg).collect();
        assert_eq!(pictures.len(), 12);
        assert!(file == pictures.concat());
        // No picture is told in full where this fails.
        assert!(pictures[0] == pictures[2] && pictures[3] == pictures[4]);
        assert!(pictures[4] != pictures[5], "noise is another in each");
        for picture in &pictures {
            // Baseline (SOF0) and nothing else: browsers take no other.
            assert!(picture.starts_with(&[0xff, 0xd8]) && picture.ends_with(&[0xff, 0xd9]));
            assert!(picture.windows(2).any(|marker| marker == [0xff, 0xc0]));
            assert_eq!(crate::grey(picture).dimensions(), (640, 480));
        }
    }

    #[test]
    fn what_is_held_is_read_in_every_trouble() {
        let texts = texts(3);
        let troubles =
            [Trouble::None, Trouble::Motion, Trouble::LowLight, Trouble::Glare, Trouble::Moire, Trouble::Defocus];
        let scenes =
            troubles.iter().zip(7..).map(|(trouble, seed)| scene(&texts[seed % 3..][..1], *trouble, seed as u64));
        let film = film(scenes.collect());
        for (number, (trouble, seed)) in troubles.iter().zip(7..).enumerate() {
            assert_eq!(read(&film, number), BTreeSet::from([texts[seed % 3].clone()]), "{trouble:?}");
        }
    }

    #[test]
    fn two_phones_are_two_codes_and_paper_is_read_too() {
        let texts = texts(2);
        let film = film(vec![
            scene(&texts, Trouble::None, 5),
            ScriptScene { on: On::Paper, ..scene(&texts[1..], Trouble::None, 6) },
        ]);
        assert_eq!(read(&film, 0), texts.iter().cloned().collect());
        assert_eq!(read(&film, 1), BTreeSet::from([texts[1].clone()]));
    }

    #[test]
    fn a_phone_changes_to_its_next_code_while_it_is_held() {
        let mut dice = Dice::new("phone of a film", 1);
        let mut phone = Phone::new(4, &mut dice);
        let (first, second) = (phone.show(&mut dice).text, phone.show(&mut dice).text);
        let next = Next { at: 1.0, text: second.clone() };
        let film =
            film(vec![ScriptScene { then: vec![next], ..scene(std::slice::from_ref(&first), Trouble::None, 2) }]);
        assert_eq!(read(&film, 0), BTreeSet::from([first, second]));
        assert_eq!(film.contents().scenes[0].codes, 2);
    }
}
