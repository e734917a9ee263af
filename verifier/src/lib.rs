//! Whether to accept an electronic residence permit (电子居住证), offline.
//!
//! [`verify::verify`] is the product: every check of SPEC section 8, one line each, in that file. It takes the code's text and a
//! [`verify::Context`] — the time, the trust list, the status lists, the replay guard and the policy — and gives a
//! [`verdict::Verdict`]: accept, reject or undetermined, with a stable reason code and words in Chinese and English.
//!
//! Without features this crate has no clock, no randomness, no file and no socket (`no_std`). Features add the edges:
//! `scan` pictures, `worker` pictures read in a process of their own, `state` the folder with lists, the durable replay guard and the journal, `export` the journal as files, `json` verdicts as JSON,
//! `redis` the replay guard that the counters of a hall share, `counter` the page of a service counter, `cli` the `verifier` command.

#![cfg_attr(
    not(any(feature = "scan", feature = "state", feature = "json", feature = "redis", feature = "cli")),
    no_std
)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod clock_doctor;
#[cfg(feature = "counter")]
pub mod counter;
#[cfg(feature = "https")]
pub mod fetch;
pub mod hall;
#[cfg(feature = "state")]
pub mod journal;
#[cfg(feature = "json")]
pub mod json;
pub mod outlook;
pub mod policy;
#[cfg(feature = "redis")]
pub mod redis_guard;
pub mod replay;
#[cfg(feature = "state")]
pub mod state;
pub mod status;
#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "tests of every feature share it")]
mod testing;
#[cfg(feature = "state")]
pub mod trouble;
pub mod trust;
pub mod verdict;
pub mod verify;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "scan")]
pub use scan;
