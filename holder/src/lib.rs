//! The phone's side of an electronic residence permit (电子居住证): the device key, the enrolment that binds a permit to it, and the
//! presentations that show the permit.
//!
//! | step | here |
//! |---|---|
//! | the device makes a key | [`device_key::DeviceKey`], or a secure element behind [`device_key::DeviceSigner`] |
//! | it proves to the issuer that it holds it 绑定 | [`enrol::enrol`] |
//! | it takes the permit that the issuer made for it | [`held_permit::HeldPermit`] |
//! | it reads what a counter asks 挑战码 | [`asked::challenge_from_text`] |
//! | it shows the permit 亮码 | [`present::present`] |
//!
//! The library has no clock, no randomness, no file and no screen: the time, the nonce and the signer come in as arguments, and the
//! compiler sees to it (`no_std`). It never releases a signature that it has not checked. It has no trust list either: whether the
//! issuer's signature on a permit holds is for a verifier to say, and a phone says nothing about it.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod asked;
pub mod device_key;
pub mod enrol;
pub mod held_permit;
pub mod present;
