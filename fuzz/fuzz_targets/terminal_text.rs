//! The property `terminal_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("terminal_text"), |bytes: &[u8]| fuzz::hold("terminal_text", bytes));
