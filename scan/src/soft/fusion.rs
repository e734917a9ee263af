//! Several pictures of one code, added up.
//!
//! A live code stands still for fifteen seconds, and a camera takes hundreds of frames of it. What blur, noise and glare take from a module
//! differs from frame to frame; the module does not. So the evidence of the frames is added, each frame's in proportion to how well it gives
//! back the modules that are known, and the sum is read as if it were one picture.

use std::collections::VecDeque;

use image::GrayImage;

use super::content::{self, Content};
use super::evidence::{Evidence, Sampled};
use super::symbol::{self, Version};
use super::{Effort, Seen, Sighting, known, look, with};

/// Frames that are added up; older ones are forgotten.
const FRAMES: usize = 12;
/// Frames that the filter is fitted to again when some blocks of the sum could be mended, the best ones.
const REFITTED: usize = 4;
/// Share of known modules that may be wrong in a frame that is still worth adding.
const WRONG_MAX: f32 = 0.25;
/// Two frames show one code if their data modules agree at least so much. Of two different codes they agree by chance: within 0.06 nearly always.
const ALIKE: f32 = 0.12;
/// So many frames without the code, and it is gone.
const MISSED_MAX: u32 = 15;

/// The code that the last frames have shown, if they could not be read one by one.
#[derive(Default)]
pub(crate) struct Fusion {
    track: Option<Track>,
}

struct Track {
    version: Version,
    frames: VecDeque<Frame>,
    missed: u32,
}

struct Frame {
    sampled: Sampled,
    evidence: Evidence,
    weight: f32,
}

impl Fusion {
    /// Looks at the next frame. A text in what comes back may be one that only several frames together gave.
    pub(crate) fn look(&mut self, grey: &GrayImage, effort: Effort) -> Seen {
        let mut seen = look(grey, effort);
        if seen.sightings.iter().any(|sighting| sighting.digits.is_some()) {
            self.track = None;
            return seen;
        }
        let clearest = seen.sightings.iter_mut().min_by(|a, b| a.known_wrong.total_cmp(&b.known_wrong));
        match clearest.filter(|sighting| sighting.known_wrong <= WRONG_MAX) {
            None => self.miss(),
            Some(sighting) => {
                sighting.digits = self.add(sighting);
                if sighting.digits.is_some() {
                    self.track = None;
                }
            }
        }
        seen
    }

    fn miss(&mut self) {
        if let Some(track) = &mut self.track {
            track.missed += 1;
            if track.missed > MISSED_MAX {
                self.track = None;
            }
        }
    }

    fn add(&mut self, sighting: &Sighting) -> Option<Vec<u8>> {
        let version = Version::new(sighting.version)?;
        let layout = symbol::layout(version);
        let places = symbol::path(&layout, version);
        let beforehand = known(&layout);
        let frame = Frame {
            sampled: sighting.sampled.clone(),
            evidence: sighting.evidence.clone(),
            weight: weight(&sighting.evidence, &beforehand),
        };
        let same =
            |track: &&mut Track| track.version == version && alike(&track.sum(), &frame.evidence, &places) >= ALIKE;
        let track = match self.track.as_mut().filter(same) {
            Some(_) => self.track.as_mut()?,
            None => self.track.insert(Track { version, frames: VecDeque::new(), missed: 0 }),
        };
        track.missed = 0;
        if track.frames.len() == FRAMES {
            track.frames.pop_front();
        }
        track.frames.push_back(frame);
        if track.frames.len() < 2 {
            return None;
        }
        // Where noise is the trouble, the filter is better fitted to the mean picture; where blur is, to each frame by itself.
        let mean = Sampled::mean(track.frames.iter().map(|frame| (&frame.sampled, frame.weight)))?;
        let by_mean = |known: &[i8]| mean.evidence(known);
        let by_frames = |known: &[i8]| track.refitted(known);
        read(mean.evidence(&beforehand), &by_mean, &beforehand, &places, version)
            .or_else(|| read(track.sum(), &by_frames, &beforehand, &places, version))
    }
}

/// Reads, and as long as more blocks can be mended, weighs again by what they show.
fn read(
    mut evidence: Evidence,
    again: &dyn Fn(&[i8]) -> Evidence,
    beforehand: &[i8],
    places: &[usize],
    version: Version,
) -> Option<Vec<u8>> {
    let mut before = 0;
    for _ in 0..4 {
        match content::read(&evidence, places, version) {
            Content::Digits(digits) => return Some(digits),
            Content::Part(part) if part.len() > before => {
                before = part.len();
                evidence = again(&with(beforehand, &part));
            }
            _ => return None,
        }
    }
    None
}

impl Track {
    fn sum(&self) -> Evidence {
        added(self.frames.iter().map(|frame| (&frame.evidence, frame.weight)))
    }

    /// The sum of the best frames, each filtered by what is known by now.
    fn refitted(&self, known: &[i8]) -> Evidence {
        let mut best: Vec<&Frame> = self.frames.iter().collect();
        best.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let again: Vec<(Evidence, f32)> = best
            .into_iter()
            .enumerate()
            .map(|(rank, frame)| {
                let evidence = if rank < REFITTED { frame.sampled.evidence(known) } else { frame.evidence.clone() };
                let weight = weight(&evidence, known);
                (evidence, weight)
            })
            .collect();
        added(again.iter().map(|(evidence, weight)| (evidence, *weight)))
    }
}

fn added<'a>(frames: impl Iterator<Item = (&'a Evidence, f32)>) -> Evidence {
    let mut sum = Evidence::new();
    let mut weights = 0.0;
    for (evidence, weight) in frames {
        sum.resize(evidence.len(), 0.0);
        sum.iter_mut().zip(evidence).for_each(|(sum, seen)| *sum += seen * weight);
        weights += weight;
    }
    sum.iter_mut().for_each(|sum| *sum /= weights);
    sum
}

/// How much a frame is worth: the reciprocal of the variance that it gives the known modules back with.
fn weight(evidence: &Evidence, known: &[i8]) -> f32 {
    let (sum, count) =
        evidence.iter().zip(known).filter(|(_, known)| **known != 0).fold((0.0, 0.0), |(sum, count), (seen, known)| {
            let off = seen - f32::from(*known);
            (sum + off * off, count + 1.0f32)
        });
    count.max(1.0) / (sum + 0.02 * count).max(1e-6)
}

/// Correlation over the data modules.
fn alike(a: &Evidence, b: &Evidence, places: &[usize]) -> f32 {
    let (mut product, mut squares_a, mut squares_b) = (0.0f32, 0.0f32, 0.0f32);
    for at in places {
        let (Some(x), Some(y)) = (a.get(*at), b.get(*at)) else { continue };
        product += x * y;
        squares_a += x * x;
        squares_b += y * y;
    }
    product / (squares_a * squares_b).sqrt().max(1e-6)
}
