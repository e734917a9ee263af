//! What the tests of the whole share, over what the vectors are made of: commands in folders of their own, keys in files, pages, pictures.

#![forbid(unsafe_code)]

pub mod commands;
pub mod counter_page;
pub mod faults;
pub mod key_files;
pub mod pages;
pub mod pictures;

pub use vectors::{item, judge, objects, sample_permits, test_keys, vector, worlds};
