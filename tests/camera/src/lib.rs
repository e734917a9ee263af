//! Draws what the camera of a service counter sees: permits on phones and on paper, in every trouble that a camera has with them.
//!
//! For tests and measurements of the reader only. Every frame is drawn from a seed with sums, products and roots, so it is the
//! same on every machine, to the byte of its JPEG file; nothing is stored. The codes are real presentations and printed permits of
//! the sample permits in `fixtures/permits.json`, made by the issuer's and the holder's own code with keys that anyone can make.
//! All persons in them are invented.
//!
//! There are two halves ([`Split`]), with other seeds and other cameras: one to develop against, one that is held back and tells
//! whether what was developed works on frames it was not developed on. Look at the first as often as you like; measure with the
//! second, and do not look at it.
//!
//! Beside the corpus, [`film`] draws what a test wants to hold before a browser's camera.
//!
//! ```
//! use camera::{Split, still};
//!
//! let still = still(Split::Develop, 0);
//! assert_eq!(still.frame.dimensions(), still.resolution.size());
//! assert!((11..=17).contains(&still.version) && still.text.len() == 1);
//! ```

#![forbid(unsafe_code)]

mod canvas;
mod dice;
pub mod film;
mod lens;
mod movement;
mod negative;
mod scene;
mod sequence;
mod shot;
mod still;
mod texts;
mod view;

use std::time::Duration;

use image::GrayImage;

/// Which half of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// To develop against.
    Develop,
    /// To measure with.
    HeldBack,
}

impl Split {
    /// The name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Split::Develop => "develop",
            Split::HeldBack => "held-back",
        }
    }

    /// The half with this name.
    pub fn from_name(name: &str) -> Option<Split> {
        [Split::Develop, Split::HeldBack].into_iter().find(|split| split.name() == name)
    }

    fn letter(self) -> char {
        match self {
            Split::Develop => 'd',
            Split::HeldBack => 'h',
        }
    }
}

/// The main trouble of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it, and `name` says it in words")]
pub enum Kind {
    Easy,
    Perspective,
    Roll,
    Distance,
    Defocus,
    Motion,
    LowLight,
    Glare,
    Moire,
    Shadow,
    Jpeg,
    Mixed,
    NoCode,
    ShopCode,
    TwoPermits,
    ForgedBeside,
}

impl Kind {
    /// The name in tables and file names.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Easy => "easy",
            Kind::Perspective => "perspective",
            Kind::Roll => "roll",
            Kind::Distance => "distance",
            Kind::Defocus => "defocus",
            Kind::Motion => "motion",
            Kind::LowLight => "low-light",
            Kind::Glare => "glare",
            Kind::Moire => "moire",
            Kind::Shadow => "shadow",
            Kind::Jpeg => "jpeg",
            Kind::Mixed => "mixed",
            Kind::NoCode => "no-code",
            Kind::ShopCode => "shop-code",
            Kind::TwoPermits => "two-permits",
            Kind::ForgedBeside => "forged-beside",
        }
    }
}

/// How much of the trouble. In the third degree the best decoder fails about half of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "numbers")]
pub enum Degree {
    One,
    Two,
    Three,
}

impl Degree {
    /// All three.
    pub const ALL: [Degree; 3] = [Degree::One, Degree::Two, Degree::Three];

    /// 1, 2 or 3.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// A number from the range of this degree.
    fn of(self, dice: &mut dice::Dice, ranges: [(f32, f32); 3]) -> f32 {
        let (from, to) = ranges[self as usize];
        dice.between(from, to)
    }
}

/// How many pixels the camera has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// 1280 by 720.
    Hd720,
    /// 1920 by 1080.
    Hd1080,
}

impl Resolution {
    /// Width and height.
    pub fn size(self) -> (u32, u32) {
        match self {
            Resolution::Hd720 => (1_280, 720),
            Resolution::Hd1080 => (1_920, 1_080),
        }
    }

    fn pixels(self) -> (usize, usize) {
        let (width, height) = self.size();
        (width as usize, height as usize)
    }
}

/// One frame, and what it shows.
#[derive(Clone)]
pub struct Still {
    /// Half, kind, degree and number: `d-motion-3-07`.
    pub name: String,
    /// The main trouble.
    pub kind: Kind,
    /// How much of it.
    pub degree: Degree,
    /// Size of the frame.
    pub resolution: Resolution,
    /// What the codes in it say: one text, but for frames without a code, or with two. Anything else that is read is a misread.
    pub text: Vec<String>,
    /// Version of the first code, 1 to 40; 0 if there is none.
    pub version: u8,
    /// Pixels to the module of the first code, the mean of its four sides.
    pub px_per_module: f32,
    /// The frame as a reader gets it: the grey levels of [`jpeg`](Still::jpeg), decoded.
    pub frame: GrayImage,
    /// The file that the camera makes, colour halved both ways.
    pub jpeg: Vec<u8>,
}

impl Still {
    #[allow(clippy::too_many_arguments, reason = "one for each field that is not worked out")]
    fn new(
        name: String,
        kind: Kind,
        degree: Degree,
        resolution: Resolution,
        text: Vec<String>,
        version: u8,
        px_per_module: f32,
        jpeg: Vec<u8>,
    ) -> Still {
        let frame = grey(&jpeg);
        Still { name, kind, degree, resolution, text, version, px_per_module, frame, jpeg }
    }
}

/// The number of stills in each half.
pub const STILLS: usize = still::STILLS;

/// Still number `index`, 0 to [`STILLS`] - 1. The order is mixed: every tenth still is a fair sample of all kinds and degrees.
///
/// # Panics
/// If there is no still with this number.
pub fn still(split: Split, index: usize) -> Still {
    still::still(split, index)
}

/// All stills of one half, each drawn when it is asked for.
pub fn stills(split: Split) -> impl Iterator<Item = Still> {
    (0..STILLS).map(move |index| still(split, index))
}

/// How many frames each half has that are no permit by itself.
pub const NEGATIVES: usize = negative::NEGATIVES;

/// A frame that is no permit by itself, number `index` of [`NEGATIVES`]: nothing to read, a shop's code, two permits, or a permit
/// and a forged one. [`Still::text`] says what is there to be read.
///
/// # Panics
/// If there is none with this number.
pub fn negative(split: Split, index: usize) -> Still {
    negative::negative(split, index)
}

/// How many sequences each half has.
pub const SEQUENCES: usize = sequence::SEQUENCES;

/// Frames of a sequence: two seconds.
pub const SEQUENCE_FRAMES: usize = 30;

/// Time from one frame of a sequence to the next: 15 frames a second.
pub const FRAME_TIME: Duration = Duration::from_nanos(66_666_667);

/// A phone that is brought before the camera and held there. Frames are drawn when they are asked for.
pub struct Sequence {
    /// Half, trouble and number: `d-sequence-glare-03`.
    pub name: String,
    /// The main trouble: motion, low light, glare that wanders, moiré, or a focus that hunts.
    pub trouble: Kind,
    /// Size of its frames.
    pub resolution: Resolution,
    /// Version of the first code.
    pub version: u8,
    /// The first frame in which the whole code is seen, with one module around it. Before it nothing can be read.
    pub first_whole: usize,
    script: sequence::Script,
}

impl Sequence {
    /// Frame `number`, 0 to [`SEQUENCE_FRAMES`] - 1.
    pub fn frame(&self, number: usize) -> SequenceFrame {
        sequence::frame(self, number)
    }

    /// What its codes say, in the order in which they are shown: one text, or two if the phone changes to its next code on the way.
    pub fn texts(&self) -> Vec<&str> {
        self.script.texts()
    }

    /// All frames in their order.
    pub fn frames(&self) -> impl Iterator<Item = SequenceFrame> + '_ {
        (0..SEQUENCE_FRAMES).map(|number| self.frame(number))
    }
}

/// One frame of a sequence.
#[derive(Clone)]
pub struct SequenceFrame {
    /// Its number, from 0.
    pub number: usize,
    /// When it was taken.
    pub at: Duration,
    /// Whether the whole code is in it, with one module around it.
    pub whole: bool,
    /// What the code says that is shown in it. In some sequences the phone changes to its next code on the way.
    pub text: String,
    /// Grey levels of [`jpeg`](SequenceFrame::jpeg), decoded.
    pub frame: GrayImage,
    /// The file that the camera makes.
    pub jpeg: Vec<u8>,
}

/// Sequence number `index`, 0 to [`SEQUENCES`] - 1. Half have 720p frames, half 1080p.
///
/// # Panics
/// If there is none with this number.
pub fn sequence(split: Split, index: usize) -> Sequence {
    sequence::sequence(split, index)
}

fn grey(jpeg: &[u8]) -> GrayImage {
    image::load_from_memory(jpeg).expect("a JPEG file of ours").into_luma8()
}
