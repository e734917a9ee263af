//! How an electronic residence permit (电子居住证) is made: from a checked request to signed bytes, and the lists that go with it.
//!
//! The main call is [`issue()`]: a checked [`PermitRequest`], the holder's [`Device`], a status slot, the time and the issuing key in,
//! an [`IssuedPermit`] out. [`voucher`] does the same for a printed permit. No signature leaves before it was verified with the public key.
//!
//! | module | what it answers for |
//! |---|---|
//! | [`mod@issue`] | one permit, one voucher |
//! | [`remote`] | the same with a key that is reached over a network |
//! | [`request`] | what may be issued: every field checked, every bad field reported at once |
//! | [`bulk`] | many permits in parallel, in the order of the requests |
//! | [`status`] | status lists 状态名单, signed |
//! | [`publish`] | the tree of lists that any server hands out, and its index |
//! | [`trust`] | the draft of a trust list 信任名单 as JSON, and its signing with root keys |
//! | `ledger` (feature `ledger`) | the issuing authority's own record: who has which permit, version and status slot, in SQLite |
//! | `pkcs11` (feature `pkcs11`) | keys that stay in a token or a hardware module |
//! | `qr` (feature `qr`) | QR codes as PNG, SVG and terminal text |
//!
//! Apart from `ledger` and `pkcs11`, nothing here touches a clock, a random source or a file: all of it comes in as arguments. Any
//! [`signature::Signer`] for Ed25519 will do as the key: one from a file, or one that asks a hardware module.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]

pub mod bulk;
pub mod issue;
#[cfg(feature = "ledger")]
pub mod ledger;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod publish;
#[cfg(feature = "qr")]
pub mod qr;
pub mod remote;
pub mod request;
pub mod status;
pub mod trust;

pub use issue::{Device, IssueError, IssuedPermit, IssuingKey, UnsignedPermit, issue, voucher};
pub use request::{FieldError, PermitRequest, RawRequest};
