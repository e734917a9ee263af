//! What an electronic residence permit (电子居住证) is: bytes to types, and back.
//!
//! `SPEC.md` beside this crate is the format in words, `permit.cddl` its grammar. This crate has no clock, no randomness, no file, no
//! socket and no key that could sign: times, random bits and signatures come in as arguments, and the compiler sees to it (`no_std`).
//!
//! | on the wire | here |
//! |---|---|
//! | the digits of a QR code | [`text`] |
//! | permit 居住证凭证 | [`permit::UnverifiedPermit`], [`permit::Claims`] |
//! | presentation 亮码 | [`presentation::UnverifiedPresentation`], [`presentation::Binding`] |
//! | challenge 挑战码 | [`challenge::Challenge`] |
//! | enrolment 绑定申请 | [`enrolment::UnverifiedEnrolment`], [`enrolment::EnrolmentClaims`] |
//! | trust list 信任名单 | [`trust_list::UnverifiedTrustList`], [`trust_list::TrustList`] |
//! | status list 状态名单 | [`status_list::UnverifiedStatusList`], [`status_list::StatusList`] |
//!
//! Types that begin with *Unverified* were read and not checked; what they say is a claim. The values in them cannot hold nonsense:
//! [`citizen_id::CitizenId`], [`name::Name`], [`day::Day`] and their like have one way in, and it checks.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cbor;
pub mod challenge;
pub mod citizen_id;
pub mod code_point;
pub mod cose;
pub mod counter_id;
pub mod day;
pub mod display_text;
pub mod division;
pub mod enrolment;
pub mod ethnicity;
pub mod key;
pub mod limits;
pub mod name;
pub mod permit;
pub mod place;
pub mod presentation;
pub mod region;
pub mod residence_code;
pub mod status_list;
pub mod text;
pub mod timestamp;
pub mod trust_list;
pub mod words;
