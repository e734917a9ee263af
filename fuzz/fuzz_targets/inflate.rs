//! The property `inflate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::hold("inflate", bytes));
