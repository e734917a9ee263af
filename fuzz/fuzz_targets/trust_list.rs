//! The property `trust_list`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("trust_list"), |bytes: &[u8]| fuzz::hold("trust_list", bytes));
