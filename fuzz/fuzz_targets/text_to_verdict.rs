//! The property `text_to_verdict`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("text_to_verdict"), |bytes: &[u8]| fuzz::hold("text_to_verdict", bytes));
