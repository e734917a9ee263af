//! The vectors in `fixtures/`: sample permits, test-only keys, objects built part by part with chosen faults, the shapes of the files, and what
//! the program makes of them.
//!
//! The objects are built by an encoder of their own ([`item`], [`objects`]): the product does not write its own examination. A crate of its own,
//! on nothing but the format and the verifier's checks, so that it is built anew in seconds: each change that is tried on those runs through it.

#![forbid(unsafe_code)]

pub mod item;
pub mod judge;
pub mod layers;
pub mod objects;
pub mod sample_permits;
pub mod test_keys;
pub mod vector;
pub mod worlds;
