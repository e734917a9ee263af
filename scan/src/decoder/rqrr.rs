//! `rqrr`, on a leash.
//!
//! `rqrr` panics on some pictures, and on some it would run for hours: with many finder patterns it copies the whole
//! picture for each group of three, and a bad guess sends it on a spiral of billions of steps. Neither can be seen in
//! advance. But `rqrr` reads pixels through a trait, so the picture that is handed to it counts every look at it and
//! unwinds when the count is used up.

use std::cell::Cell;
use std::panic;
use std::rc::Rc;

use image::{GenericImage, GenericImageView, GrayImage, Luma};

use super::{Decoder, Found, Search, Work, contained};

/// The decoder `rqrr`. It does not tell where finder patterns are.
#[derive(Default)]
pub(crate) struct Rqrr;

impl Decoder for Rqrr {
    fn find(&mut self, frame: &GrayImage, work: Work) -> Search {
        Search { found: find(frame.clone(), work).0, patterns: Vec::new() }
    }
}

/// Also returns how many finder patterns were followed up.
fn find(grey: GrayImage, work: Work) -> (Vec<Found>, u32) {
    let meter =
        Rc::new(Meter { left: Cell::new(work.looks), patterns: Cell::new(work.patterns), painted: Cell::new(0) });
    let mut found = Vec::new();
    contained(|| {
        let mut prepared = rqrr::PreparedImage::prepare(Metered { pixels: grey, meter: Rc::clone(&meter) });
        for grid in prepared.detect_grids() {
            let corners = grid.bounds.map(|point| (point.x as f32, point.y as f32));
            let mut bytes = Vec::new();
            // Each code by itself: one that makes the decoder panic must not hide its neighbours.
            let meta = contained(|| grid.decode_to(&mut bytes).ok()).flatten();
            let content = meta.and_then(|meta| Some((u8::try_from(meta.version.0).ok()?, bytes)));
            found.push(Found { corners, content });
        }
    });
    (found, work.patterns - meter.patterns.get())
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
            let (found, _) = find(picture.clone(), Work { looks, patterns, threes: 1 });
            found.iter().filter(|code| code.content.is_some()).count()
        };
        assert_eq!(read(10_000_000, 3), 1, "a code has three finder patterns");
        assert_eq!(read(10_000_000, 2), 0, "the pattern count must stop at the third");
        assert_eq!(read(10_000, 3), 0, "the look count must stop long before the end");
        assert!(Work::for_one_search(&picture).looks > 10_000_000 && Work::for_one_search(&picture).patterns > 3);
    }

    /// 2,205 finder patterns and no code: every three of them would be tried, with a copy of the picture each time.
    #[test]
    fn a_field_of_finder_patterns_is_given_up() {
        let field = crate::testing::field_of_patterns();
        let work = Work::for_one_search(&field);
        let (found, patterns) = find(field, work);
        assert!(found.is_empty());
        assert_eq!(patterns, work.patterns, "it stopped at the bound");
    }

    fn code() -> GrayImage {
        crate::testing::code(b"8612000", 6)
    }
}
