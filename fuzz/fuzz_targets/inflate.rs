//! The property `inflate`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("inflate"), |bytes: &[u8]| fuzz::hold("inflate", bytes));
