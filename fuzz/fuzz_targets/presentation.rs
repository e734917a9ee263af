//! The property `presentation`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("presentation"), |bytes: &[u8]| fuzz::hold("presentation", bytes));
