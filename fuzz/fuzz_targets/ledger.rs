//! The property `ledger`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("ledger"), |bytes: &[u8]| fuzz::hold("ledger", bytes));
