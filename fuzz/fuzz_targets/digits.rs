//! The property `digits`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("digits"), |bytes: &[u8]| fuzz::hold("digits", bytes));
