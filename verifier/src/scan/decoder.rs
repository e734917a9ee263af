//! The decoder, `rqrr`, on a leash.
//!
//! `rqrr` panics on some pictures, and on some it would run for hours: with many finder patterns it copies the whole
//! picture for each group of three, and a bad guess sends it on a spiral of billions of steps. Neither can be seen in
//! advance, and a thread cannot be stopped from outside. But `rqrr` reads pixels through a trait, so the picture that
//! is handed to it counts every look at it and unwinds when the count is used up. The bound is one of work, not of
//! time: the same picture gives the same answer on a slow machine and on a fast one.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Once;

use image::{GenericImage, GenericImageView, GrayImage, Luma};

/// Something that looks like a code.
pub(super) struct Found {
    /// In pixels of the picture handed in: top left, top right, bottom right, bottom left of the symbol.
    pub(super) corners: [(i32, i32); 4],
    /// Version and content, if it could be decoded.
    pub(super) content: Option<(u8, Vec<u8>)>,
}

/// The result of one search.
pub(super) struct Search {
    pub(super) found: Vec<Found>,
    /// Finder patterns, of codes and of what looks like one. A code has three.
    pub(super) patterns: usize,
}

/// Finds and decodes codes. A panic or the end of the allowance ends the search; what was found before is kept.
pub(super) fn find(grey: GrayImage, work: Work) -> Search {
    let meter =
        Rc::new(Meter { left: Cell::new(work.looks), patterns: Cell::new(work.patterns), painted: Cell::new(0) });
    let mut found = Vec::new();
    contained(|| {
        let mut prepared = rqrr::PreparedImage::prepare(Metered { pixels: grey, meter: Rc::clone(&meter) });
        for grid in prepared.detect_grids() {
            let corners = grid.bounds.map(|point| (point.x, point.y));
            let mut bytes = Vec::new();
            // Each code by itself: one that makes the decoder panic must not hide its neighbours.
            let meta = contained(|| grid.decode_to(&mut bytes).ok()).flatten();
            let content = meta.and_then(|meta| Some((u8::try_from(meta.version.0).ok()?, bytes)));
            found.push(Found { corners, content });
        }
    });
    Search { found, patterns: (work.patterns - meter.patterns.get()) as usize }
}

/// How much work one attempt may cost.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// Looks at a pixel.
    looks: u64,
    /// Finder patterns. Every three are a possible code, so work on them grows with the cube of their number.
    patterns: u32,
}

impl Work {
    /// Enough for one attempt on any picture worth reading: camera frames of 720p and 1080p took 1 to 9 looks a pixel
    /// and 0 to 8 patterns, at a few nanoseconds a look.
    pub(super) fn for_one_attempt(picture: &GrayImage) -> Work {
        Work { looks: 40_000_000 + 12 * picture.len() as u64, patterns: 100 }
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

/// A picture that counts how often it is looked at.
struct Metered {
    pixels: GrayImage,
    meter: Rc<Meter>,
}

struct Meter {
    left: Cell<u64>,
    patterns: Cell<u32>,
    /// The last value painted: see [`Meter::watch`].
    painted: Cell<u8>,
}

/// Unwinding payload. `resume_unwind` and not `panic!`: running out is expected, and calls no panic hook.
struct OutOfWork;

impl Meter {
    fn charge(&self, looks: u64) {
        match self.left.get().checked_sub(looks) {
            Some(left) => self.left.set(left),
            None => panic::resume_unwind(Box::new(OutOfWork)),
        }
    }

    /// Counts finder patterns: `rqrr` paints the ring of each candidate twice, first with 4, then with 2.
    fn watch(&self, value: u8) {
        if value == 2 && self.painted.get() == 4 {
            match self.patterns.get().checked_sub(1) {
                Some(left) => self.patterns.set(left),
                None => panic::resume_unwind(Box::new(OutOfWork)),
            }
        }
        self.painted.set(value);
    }
}

impl Clone for Metered {
    fn clone(&self) -> Self {
        // Copying is quick for its size: about sixteen pixels in the time of one look.
        self.meter.charge(self.pixels.len() as u64 / 16);
        Metered { pixels: self.pixels.clone(), meter: Rc::clone(&self.meter) }
    }
}

impl GenericImageView for Metered {
    type Pixel = Luma<u8>;

    /// Charged too: on its spiral, `rqrr` asks for the size at every step and for a pixel only inside the picture.
    fn dimensions(&self) -> (u32, u32) {
        self.meter.charge(1);
        self.pixels.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Luma<u8> {
        self.meter.charge(1);
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Metered {
    fn put_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.meter.charge(1);
        self.meter.watch(pixel.0[0]);
        self.pixels.put_pixel(x, y, pixel);
    }

    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Luma<u8> {
        self.meter.charge(1);
        self.pixels.get_pixel_mut(x, y)
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.put_pixel(x, y, pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_bounded_and_the_meter_stops_it() {
        let picture = code();
        let read = |looks, patterns| {
            let found = find(picture.clone(), Work { looks, patterns }).found;
            found.iter().filter(|code| code.content.is_some()).count()
        };
        assert_eq!(read(10_000_000, 3), 1, "a code has three finder patterns");
        assert_eq!(read(10_000_000, 2), 0, "the pattern count must stop at the third");
        assert_eq!(read(10_000, 3), 0, "the look count must stop long before the end");
        assert!(Work::for_one_attempt(&picture).looks > 10_000_000 && Work::for_one_attempt(&picture).patterns > 3);
    }

    /// 2,205 finder patterns and no code: every three of them would be tried, with a copy of the picture each time.
    #[test]
    fn a_field_of_finder_patterns_is_given_up() {
        let field = GrayImage::from_fn(63 * 24, 35 * 24, |x, y| {
            let (x, y) = (x % 24 / 3, y % 24 / 3);
            let ring = x.abs_diff(3).max(y.abs_diff(3));
            Luma([if ring == 3 || ring <= 1 { 0 } else { 255 }])
        });
        let work = Work::for_one_attempt(&field);
        let search = find(field, work);
        assert!(search.found.is_empty());
        assert_eq!(search.patterns, work.patterns as usize, "it stopped at the bound");
    }

    #[test]
    fn a_panic_is_contained_and_reported_as_nothing() {
        assert_eq!(contained(|| -> u8 { panic!("from a decoder") }), None);
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| contained(|| -> u8 { panic!("from within") }).is_none()), Some(true));
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| 7), Some(7));
    }

    fn code() -> GrayImage {
        let code = qrcode::QrCode::with_error_correction_level(b"8612000", qrcode::EcLevel::L).unwrap();
        GrayImage::from_fn(29 * 6, 29 * 6, |x, y| {
            let (x, y) = ((x / 6) as usize, (y / 6) as usize);
            let inside = (4..25).contains(&x) && (4..25).contains(&y);
            Luma([if inside && code[(x - 4, y - 4)] == qrcode::Color::Dark { 0 } else { 255 }])
        })
    }
}
