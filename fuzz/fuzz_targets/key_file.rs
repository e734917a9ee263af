//! The property `key_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("key_file"), |bytes: &[u8]| fuzz::hold("key_file", bytes));
