//! The property `pkcs8`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("pkcs8"), |bytes: &[u8]| fuzz::hold("pkcs8", bytes));
