//! The property `page_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("page_text"), |bytes: &[u8]| fuzz::hold("page_text", bytes));
