//! The property `status_list`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("status_list"), |bytes: &[u8]| fuzz::hold("status_list", bytes));
