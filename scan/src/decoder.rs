//! The decoders: other people's code, behind one small trait, each with a bound on its work.
//!
//! A decoder looks at grey levels once, in one way, and says what it read, where it saw a symbol that it could not
//! read, and where it saw finder patterns. What it is shown, and in which order, is for [`super::plan`].
//!
//! Nothing is known about a picture in advance, and a thread cannot be stopped from outside, so a decoder must be
//! stopped from within: by counting what it does ([`Work`]), not by the clock, so that the same picture gives the same
//! answer on a slow machine and on a fast one. A panic inside a decoder ends its search and nothing else.

mod rqrr;
mod rxing;
mod soft;
#[cfg(feature = "zxing-cpp")]
mod zxing_cpp;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use image::GrayImage;

pub(super) use rqrr::Rqrr;
pub(super) use rxing::Rxing;
pub(super) use soft::{Fused, Soft};
#[cfg(feature = "zxing-cpp")]
pub(super) use zxing_cpp::ZxingCpp;

/// Finds and reads the codes of a frame, dark on light, at any angle, mirrored or not.
pub(super) trait Decoder {
    /// One search, at most as long as `work` lasts; what was found before it ran out is kept.
    fn find(&mut self, frame: &GrayImage, work: Work) -> Search;
}

/// The result of one search.
#[derive(Default)]
pub(super) struct Search {
    /// Symbols, read or not.
    pub(super) found: Vec<Found>,
    /// Finder patterns, of codes and of what looks like one. A code has three. Empty from a decoder that does not tell.
    pub(super) patterns: Vec<Pattern>,
}

/// Something that looks like a code.
pub(super) struct Found {
    /// In pixels of the picture handed in: top left, top right, bottom right, bottom left of the symbol. They may lie
    /// outside the picture.
    pub(super) corners: [(f32, f32); 4],
    /// Version and content, if it could be decoded. The content is bytes as the symbol holds them.
    pub(super) content: Option<(u8, Vec<u8>)>,
}

/// A finder pattern: the square in three corners of a symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pattern {
    /// Centre, in pixels of the picture handed in.
    pub(super) centre: (f32, f32),
    /// Side of the square in pixels. It is seven modules.
    pub(super) side: f32,
}

/// How much work one search may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Looks at a pixel.
    pub(super) looks: u64,
    /// Finder patterns that are followed up. Every three are a possible code, so work on them grows with the cube of
    /// their number.
    pub(super) patterns: u32,
    /// Threes of finder patterns that are tried as a code.
    pub(super) threes: u32,
}

impl Work {
    /// Enough for one search of any picture worth reading: camera frames of 720p and 1080p took 1 to 9 looks a pixel
    /// and 0 to 8 patterns, at a few nanoseconds a look.
    pub(super) fn for_one_search(picture: &GrayImage) -> Work {
        Work { looks: 40_000_000 + 12 * picture.len() as u64, patterns: 100, threes: 400 }
    }
}

/// Keeps the panic messages of contained decoders off stderr; all other panics are reported as before.
///
/// For programs, to be called once at the start: a contained panic is a picture that could not be read, not a defect,
/// and its message would only alarm. Libraries leave the panic hook, which belongs to the process, alone.
pub fn quiet_contained_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                report(info);
            }
        }));
    });
}

/// Runs foreign code and turns a panic in it into `None`.
pub(super) fn contained<T>(run: impl FnOnce() -> T) -> Option<T> {
    let before = CONTAINED.replace(true);
    // What the closures above touch after a panic is the list of what was found, which is pushed to whole entries at
    // a time, and a byte buffer that is dropped.
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    CONTAINED.set(before);
    result.ok()
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_and_reported_as_nothing() {
        assert_eq!(contained(|| -> u8 { panic!("from a decoder") }), None);
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| contained(|| -> u8 { panic!("from within") }).is_none()), Some(true));
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| 7), Some(7));
    }
}
