//! The property `cbor`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("cbor"), |bytes: &[u8]| fuzz::hold("cbor", bytes));
