//! The property `pkcs8`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::hold("pkcs8", bytes));
