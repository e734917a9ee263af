//! The property `permit`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("permit"), |bytes: &[u8]| fuzz::hold("permit", bytes));
