//! The property `changed_presentation`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("changed_presentation"), |bytes: &[u8]| fuzz::hold("changed_presentation", bytes));
