//! Measurements side by side: ours against the raw limit, and against peers. `README.md` says how to run them and what is compared.
//!
//! Everything is made of the sample permits and fixed secrets: two runs measure the same bytes.

#![forbid(unsafe_code)]

pub mod in_turns;
pub mod peer_input;
pub mod peer_ours;
pub mod peers;
pub mod samples;
