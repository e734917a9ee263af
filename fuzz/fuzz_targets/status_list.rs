//! The property `status_list`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::hold("status_list", bytes));
