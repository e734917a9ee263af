//! Our own decoder, behind the trait of the others.

use image::GrayImage;

use super::{Decoder, Found, Pattern, Search, Work, contained};
use crate::soft::{self, Effort, Fusion, Seen};

/// Looks at each frame by itself.
pub(crate) struct Soft {
    pub(crate) effort: Effort,
}

impl Decoder for Soft {
    /// Its work is bounded by itself: so many finder patterns, threes of them and versions are looked at, and no more.
    fn find(&mut self, frame: &GrayImage, _: Work) -> Search {
        contained(|| soft::look(frame, self.effort).into()).unwrap_or_default()
    }
}

/// Adds up what the frames of a camera show.
pub(crate) struct Fused<'a> {
    pub(crate) fusion: &'a mut Fusion,
    pub(crate) effort: Effort,
}

impl Decoder for Fused<'_> {
    /// What was added up is forgotten when it leads to a panic.
    fn find(&mut self, frame: &GrayImage, _: Work) -> Search {
        let (mut fusion, effort) = (std::mem::take(self.fusion), self.effort);
        let looked = contained(move || {
            let seen = fusion.look(frame, effort);
            (fusion, seen.into())
        });
        let (fusion, search) = looked.unwrap_or_default();
        *self.fusion = fusion;
        search
    }
}

impl From<Seen> for Search {
    fn from(seen: Seen) -> Search {
        let found = seen.sightings.into_iter().map(|sighting| Found {
            corners: sighting.corners,
            content: sighting.digits.map(|digits| (sighting.version, digits)),
        });
        let patterns = seen.patterns.into_iter().map(|(centre, module)| Pattern { centre, side: 7.0 * module });
        Search { found: found.collect(), patterns: patterns.collect() }
    }
}
