//! What the tests of the whole share: sample permits, test-only keys, objects built part by part with chosen faults, and the shapes of the
//! vectors in `fixtures/`.
//!
//! The objects are built by an encoder of their own ([`item`], [`objects`]): the product does not write its own examination.

#![forbid(unsafe_code)]

pub mod commands;
pub mod counter_page;
pub mod faults;
pub mod item;
pub mod judge;
pub mod objects;
pub mod pages;
pub mod pictures;
pub mod sample_permits;
pub mod test_keys;
pub mod vector;
pub mod vectors;
pub mod worlds;
