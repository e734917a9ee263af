//! The property `picture`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("picture"), |bytes: &[u8]| fuzz::hold("picture", bytes));
