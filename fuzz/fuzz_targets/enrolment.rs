//! The property `enrolment`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::seed("enrolment"), |bytes: &[u8]| fuzz::hold("enrolment", bytes));
