//! Any bytes, given as a picture.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/src/picture_property.rs"]
mod picture_property;

fuzz_target!(|bytes: &[u8]| {
    // A panic that the product contains is no finding; any other one ends the run.
    verifier::scan::quiet_contained_panics();
    picture_property::picture(bytes);
});
