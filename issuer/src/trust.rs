//! The trust list 信任名单 in the making: from a draft that people edit to a list that a threshold of root keys signed (SPEC section 6).
//!
//! There are two ways to a signed list. Where one machine has all root keys that must sign, [`sign`] does it at once. Where every root key
//! has a machine of its own, a [ceremony] does it in steps that meet in files: a proposal, signatures, the list.
//!
//! | module | what it answers for |
//! |---|---|
//! | [`draft`] | the draft as JSON, and the list that it makes |
//! | [`ceremony`] | proposal, signatures one by one, and putting them together |
//! | [`review`] | what a list changes against the one in use, in words for who signs |
//! | [`lint`] | every mistake in a draft or list, with its place |

pub mod ceremony;
pub mod draft;
pub mod lint;
pub mod review;

use std::fmt;

use credential_format::key::{Kid, PublicKey};
use credential_format::limits::TRUST_VERSION_MAX;
use credential_format::trust_list::{RootKeys, TrustList, TrustListError, TrustListToSign, UnverifiedTrustList};
use ed25519_dalek::Signature;
use signature::Signer;

pub use self::draft::{DraftError, IssuerDraft, KeyDraft, RuleDraft, TrustDraft, UsageWord, WindowDraft, key_hex};
use crate::issue::{IssuingKey, SigningError};

/// How far a version may be ahead of the one in use. Verifiers refuse lists that are further ahead: they would use up the numbers.
pub const VERSION_JUMP_MAX: u64 = 10_000;

/// Signs a trust list with these root keys, and counts the signatures on the finished bytes before they are returned.
///
/// `follows` is the list in use, if there is one: then the version must be higher, exactly one higher when the root keys change, and a
/// threshold of the old root keys must sign as well as one of the new.
///
/// # Errors
/// [`TrustError`].
pub fn sign<S: Signer<Signature>>(
    list: &TrustList,
    follows: Option<&Predecessor>,
    signers: &[&IssuingKey<S>],
) -> Result<SignedTrustList, TrustError> {
    check_order(list, follows)?;
    let to_sign = list.to_sign()?;
    let mut signatures = Vec::with_capacity(signers.len());
    for (place, signer) in signers.iter().enumerate() {
        let kid = signer.kid();
        if signers.iter().take(place).any(|other| other.kid() == kid) {
            return Err(TrustError::SignerTwice(kid));
        }
        signatures.push(sign_with(list, &to_sign, follows, signer)?);
    }
    finish(list, &to_sign, &signatures, follows)
}

/// Whether a list may come after the one in use, by its version.
fn check_order(list: &TrustList, follows: Option<&Predecessor>) -> Result<(), TrustError> {
    if !(1..=TRUST_VERSION_MAX).contains(&list.version) {
        return Err(TrustError::VersionRange(list.version));
    }
    let Some(previous) = follows else { return Ok(()) };
    let (offered, current) = (list.version, previous.version);
    if offered <= current {
        return Err(TrustError::Version { offered, current });
    }
    if list.roots != previous.roots && Some(offered) != current.checked_add(1) {
        return Err(TrustError::RootChangeSkips { offered, current });
    }
    if offered - current > VERSION_JUMP_MAX {
        return Err(TrustError::VersionJump { offered, current });
    }
    Ok(())
}

/// The signature of one root key, of the list or of the one before it; verified.
fn sign_with<S: Signer<Signature>>(
    list: &TrustList,
    to_sign: &TrustListToSign,
    follows: Option<&Predecessor>,
    signer: &IssuingKey<S>,
) -> Result<(PublicKey, [u8; 64]), TrustError> {
    let is_root = |roots: &RootKeys| roots.keys().contains(&signer.public().cose_key());
    if !is_root(&list.roots) && !follows.is_some_and(|previous| is_root(&previous.roots)) {
        return Err(TrustError::NotARoot(signer.kid()));
    }
    Ok((*signer.public(), signer.sign(&to_sign.message(signer.public()))?))
}

/// The whole list. Its signatures are counted on the finished bytes, as every verifier will.
fn finish(
    list: &TrustList,
    to_sign: &TrustListToSign,
    signatures: &[(PublicKey, [u8; 64])],
    follows: Option<&Predecessor>,
) -> Result<SignedTrustList, TrustError> {
    if signatures.is_empty() {
        return Err(TrustError::OwnThreshold { needed: list.roots.threshold() });
    }
    let bytes = to_sign.finish(signatures);
    let read = UnverifiedTrustList::parse(&bytes).map_err(|_| TrustError::Unreadable)?;
    if read.unverified_list() != list {
        return Err(TrustError::Unreadable);
    }
    if !read.signed_by(&list.roots) {
        return Err(TrustError::OwnThreshold { needed: list.roots.threshold() });
    }
    if let Some(previous) = follows
        && !read.signed_by(&previous.roots)
    {
        return Err(TrustError::PreviousThreshold { needed: previous.roots.threshold(), version: previous.version });
    }
    Ok(SignedTrustList { bytes, list: list.clone() })
}

/// A signed trust list, its signatures counted.
#[derive(Clone, PartialEq)]
pub struct SignedTrustList {
    bytes: Vec<u8>,
    list: TrustList,
}

impl SignedTrustList {
    /// The list, a COSE_Sign with tag 98.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says.
    pub fn list(&self) -> &TrustList {
        &self.list
    }
}

impl fmt::Debug for SignedTrustList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTrustList").field("version", &self.list.version).finish_non_exhaustive()
    }
}

/// What the next list is measured by: the version and the root keys of the one in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Its version.
    pub version: u64,
    /// Its root keys.
    pub roots: RootKeys,
}

impl From<&TrustList> for Predecessor {
    fn from(list: &TrustList) -> Predecessor {
        Predecessor { version: list.version, roots: list.roots.clone() }
    }
}

/// Why no trust list was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The list contradicts itself.
    #[error(transparent)]
    List(#[from] TrustListError),
    /// Not newer than the list in use.
    #[error("version {offered} does not come after version {current}, which is in use; take a higher version")]
    Version {
        /// Of the new list.
        offered: u64,
        /// Of the list in use.
        current: u64,
    },
    /// The root keys change and the version is not the next one.
    #[error("the root keys change, so version {current} must be followed by the very next, not by {offered}")]
    RootChangeSkips {
        /// Of the new list.
        offered: u64,
        /// Of the list in use.
        current: u64,
    },
    /// A version that no list can have.
    #[error(
        "version {0} is no version: lists are numbered from 1 to {TRUST_VERSION_MAX}; correct the version in the draft"
    )]
    VersionRange(u64),
    /// So far ahead that verifiers refuse it.
    #[error(
        "version {offered} is more than {VERSION_JUMP_MAX} ahead of version {current}, which is in use, and counters would refuse it; take the very next version"
    )]
    VersionJump {
        /// Of the new list.
        offered: u64,
        /// Of the list in use.
        current: u64,
    },
    /// A key that is a root of neither list.
    #[error("key {0} is no root key of this list or of the one before; sign with a root key")]
    NotARoot(Kid),
    /// The same key twice.
    #[error("key {0} was given twice; each root key signs once")]
    SignerTwice(Kid),
    /// Too few of its own root keys.
    #[error("{needed} of the list's own root keys must sign it; give the others too")]
    OwnThreshold {
        /// How many must sign.
        needed: u64,
    },
    /// Too few of the root keys in use.
    #[error(
        "{needed} of the root keys of version {version}, which is in use, must sign too; to change root keys use `issuer trust rotate`"
    )]
    PreviousThreshold {
        /// How many must sign.
        needed: u64,
        /// Of the list in use.
        version: u64,
    },
    /// The key gave no signature, or a wrong one.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// What was signed does not read back as what it should say.
    #[error(
        "the signed trust list does not read back as it should, perhaps because it is larger than 4 MiB; nothing was released"
    )]
    Unreadable,
}

impl TrustError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            TrustError::List(error) => error.code(),
            TrustError::Version { .. } => "TRUST_VERSION",
            TrustError::RootChangeSkips { .. } => "TRUST_ROOT_CHANGE_SKIPS",
            TrustError::VersionRange(_) => "TRUST_VERSION_RANGE",
            TrustError::VersionJump { .. } => "TRUST_VERSION_JUMP",
            TrustError::NotARoot(_) => "TRUST_NOT_A_ROOT",
            TrustError::SignerTwice(_) => "TRUST_SIGNER_TWICE",
            TrustError::OwnThreshold { .. } => "TRUST_OWN_THRESHOLD",
            TrustError::PreviousThreshold { .. } => "TRUST_PREVIOUS_THRESHOLD",
            TrustError::Signing(error) => error.code(),
            TrustError::Unreadable => "TRUST_UNREADABLE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::draft::tests::draft;
    use super::*;
    use crate::issue::tests::{Faulty, key, now};

    fn code(result: Result<SignedTrustList, TrustError>) -> Option<&'static str> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_signed_list_carries_signatures_that_hold() {
        let list = draft().to_list(1, now()).unwrap();
        let signed = sign(&list, None, &[&key(1)]).unwrap();
        let read = UnverifiedTrustList::parse(signed.bytes()).unwrap();
        assert!(read.signed_by(&list.roots));
        assert_eq!(read.unverified_list(), &list);
        assert_eq!(format!("{signed:?}"), "SignedTrustList { version: 1, .. }");
    }

    #[test]
    fn only_root_keys_sign_each_once_and_enough_of_them() {
        let list = draft().to_list(1, now()).unwrap();
        assert_eq!(code(sign(&list, None, &[&key(2)])), Some("TRUST_NOT_A_ROOT"));
        assert_eq!(code(sign(&list, None, &[&key(1), &key(1)])), Some("TRUST_SIGNER_TWICE"));
        assert_eq!(code(sign::<ed25519_dalek::SigningKey>(&list, None, &[])), Some("TRUST_OWN_THRESHOLD"));
        let mut two = draft();
        two.threshold = 2;
        two.roots.push(key_hex(&key(2).public().cose_key()));
        let two = two.to_list(1, now()).unwrap();
        assert_eq!(code(sign(&two, None, &[&key(1)])), Some("TRUST_OWN_THRESHOLD"));
        assert_eq!(code(sign(&two, None, &[&key(1), &key(2)])), None);
        let other = ed25519_dalek::SigningKey::from_bytes(&[2; 32]);
        let wrong = IssuingKey::new(Faulty(Some(other)), *key(1).public()).unwrap();
        assert_eq!(code(sign(&list, None, &[&wrong])), Some("SIGNATURE_REFUSED"));
    }

    #[test]
    fn a_successor_has_a_higher_version_and_the_old_roots_consent() {
        let old = draft().to_list(4, now()).unwrap();
        let old = Predecessor::from(&old);
        let same_roots = |version| draft().to_list(version, now()).unwrap();
        assert_eq!(code(sign(&same_roots(4), Some(&old), &[&key(1)])), Some("TRUST_VERSION"));
        assert_eq!(code(sign(&same_roots(5), Some(&old), &[&key(1)])), None);
        assert_eq!(code(sign(&same_roots(9), Some(&old), &[&key(1)])), None);

        let mut rotated = draft();
        rotated.roots = vec![key_hex(&key(2).public().cose_key())];
        let rotated = |version| rotated.to_list(version, now()).unwrap();
        assert_eq!(code(sign(&rotated(5), Some(&old), &[&key(2)])), Some("TRUST_PREVIOUS_THRESHOLD"));
        assert_eq!(code(sign(&rotated(5), Some(&old), &[&key(1)])), Some("TRUST_OWN_THRESHOLD"));
        assert_eq!(code(sign(&rotated(6), Some(&old), &[&key(1), &key(2)])), Some("TRUST_ROOT_CHANGE_SKIPS"));
        assert_eq!(code(sign(&rotated(5), Some(&old), &[&key(1), &key(2)])), None);
    }
}
