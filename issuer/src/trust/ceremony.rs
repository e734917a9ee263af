//! A root ceremony 根密钥仪式: a list that no single machine can sign, made in steps that meet in files.
//!
//! 1. [`Proposal::new`]: the exact bytes that are to be signed. Everybody who signs compares their [digest](Proposal::digest).
//! 2. [`Proposal::sign`], on the machine of each root key. A signature file is a trust list with this one signature and no format of its
//!    own: alone it is a list that every verifier refuses, because its threshold is not reached (if the threshold is 1, it is the list).
//! 3. [`combine`]: the list, once enough root keys have signed; else what is there, and whose signature is missing.
//!
//! No step needs the network, and no private key leaves its machine.

use std::fmt;

use credential_format::cbor::{self, Malformed};
use credential_format::key::{Kid, PublicKey, Thumbprint};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{RootKeys, TrustList, UnverifiedTrustList};
use ed25519_dalek::Signature;
use sha2::{Digest as _, Sha256};
use signature::Signer;

use super::{Predecessor, SignedTrustList, TrustError, check_order, finish, sign_with};
use crate::issue::IssuingKey;

/// What a trust list is to say: its content in its one encoding. Consistent, and not signed by anybody.
#[derive(Clone, PartialEq)]
pub struct Proposal {
    bytes: Vec<u8>,
    list: TrustList,
}

impl Proposal {
    /// An older proposal is not published, since what it says of the keys may no longer be so: 30 days, in seconds.
    pub const AGE_MAX: u64 = 30 * 86_400;

    /// Proposes this list.
    ///
    /// # Errors
    /// [`CeremonyError::Trust`] when the list contradicts itself, is too large, or cannot come after `follows`.
    pub fn new(list: &TrustList, follows: Option<&Predecessor>) -> Result<Proposal, CeremonyError> {
        list.check().map_err(TrustError::from)?;
        check_order(list, follows)?;
        let bytes = cbor::to_vec(list);
        match cbor::parse::<TrustList>(&bytes) {
            Ok(read) if read == *list => Ok(Proposal { bytes, list: read }),
            _ => Err(TrustError::Unreadable.into()),
        }
    }

    /// Reads a proposal from exactly these bytes.
    ///
    /// # Errors
    /// [`CeremonyError::NotAProposal`]; [`CeremonyError::Trust`] when it contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Proposal, CeremonyError> {
        let list: TrustList = cbor::parse(bytes).map_err(CeremonyError::NotAProposal)?;
        list.check().map_err(TrustError::from)?;
        Ok(Proposal { bytes: bytes.to_vec(), list })
    }

    /// The proposal as a file holds it: the content of a trust list, in CBOR.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is proposed.
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// What people read to each other, so that all sign the same.
    pub fn digest(&self) -> ProposalDigest {
        ProposalDigest(Sha256::digest(&self.bytes).into())
    }

    /// Whether the proposal can be published now.
    ///
    /// # Errors
    /// [`CeremonyError::Future`], [`CeremonyError::Stale`], [`CeremonyError::Expired`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), CeremonyError> {
        let TrustList { issued_at, expires_at, .. } = self.list;
        if issued_at > now {
            return Err(CeremonyError::Future { issued_at, now });
        }
        if now.seconds_since(issued_at) > Self::AGE_MAX as i64 {
            return Err(CeremonyError::Stale(issued_at));
        }
        if now >= expires_at {
            return Err(CeremonyError::Expired(expires_at));
        }
        Ok(())
    }

    /// Signs with one root key, of the proposal or of the list in use: the signature file, a COSE_Sign with tag 98. The signature was
    /// verified.
    ///
    /// # Errors
    /// [`CeremonyError::Trust`]: another key, a version that cannot follow, or a key that does not sign.
    pub fn sign<S: Signer<Signature>>(
        &self,
        follows: Option<&Predecessor>,
        key: &IssuingKey<S>,
    ) -> Result<Vec<u8>, CeremonyError> {
        check_order(&self.list, follows)?;
        let to_sign = self.list.to_sign().map_err(TrustError::from)?;
        Ok(to_sign.finish(&[sign_with(&self.list, &to_sign, follows, key)?]))
    }

    /// The key that made this signature file, and its signature; verified.
    fn read_signature(
        &self,
        file: usize,
        bytes: &[u8],
        follows: Option<&Predecessor>,
    ) -> Result<(PublicKey, [u8; 64]), CeremonyError> {
        let read = UnverifiedTrustList::parse(bytes).map_err(|why| CeremonyError::NotASignature { file, why })?;
        if read.unverified_list() != &self.list {
            return Err(CeremonyError::OtherList { file });
        }
        let mut kids = read.signer_kids();
        let (Some(kid), None) = (kids.next(), kids.next()) else {
            return Err(CeremonyError::SeveralSignatures { file });
        };
        let roots = self.list.roots.keys().iter().chain(follows.iter().flat_map(|previous| previous.roots.keys()));
        let key = roots.filter_map(|key| PublicKey::try_from(key).ok()).find(|key| key.kid() == kid);
        let key = key.ok_or(CeremonyError::ForeignKey { file, kid })?;
        // The strict encoding of a list with one signature ends with the 64 bytes of that signature. They are not believed but verified.
        let signature = bytes.last_chunk::<64>().ok_or(CeremonyError::SignatureWrong { file, kid })?;
        let message = self.list.to_sign().map_err(TrustError::from)?.message(&key);
        key.verify(&message, signature).map_err(|_| CeremonyError::SignatureWrong { file, kid })?;
        Ok((key, *signature))
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal").field("version", &self.list.version).field("digest", &self.digest()).finish()
    }
}

/// Puts the signatures of a proposal together to the list.
///
/// `files` are signature files, each with one signature. A root key counts once, whoever often it signed. The signatures stand in the list
/// in the order of the root keys, its own before those of the list in use: the same signatures give the same bytes, whoever publishes.
///
/// # Errors
/// [`CeremonyError`]: a file that is no signature of this proposal by a root key, or [`CeremonyError::Missing`].
pub fn combine(
    proposal: &Proposal,
    files: &[&[u8]],
    follows: Option<&Predecessor>,
) -> Result<SignedTrustList, CeremonyError> {
    let list = &proposal.list;
    check_order(list, follows)?;
    let mut given: Vec<(PublicKey, [u8; 64])> = Vec::with_capacity(files.len());
    for (file, bytes) in files.iter().enumerate() {
        let (key, signature) = proposal.read_signature(file, bytes, follows)?;
        if !given.iter().any(|(other, _)| *other == key) {
            given.push((key, signature));
        }
    }
    let own = Count::of(&list.roots, &given);
    let previous = follows.filter(|previous| previous.roots != list.roots);
    let previous = previous.map(|previous| (previous.version, Count::of(&previous.roots, &given)));
    if own.is_short() || previous.as_ref().is_some_and(|(_, count)| count.is_short()) {
        return Err(CeremonyError::Missing { own, previous });
    }
    let order = list.roots.keys().iter().chain(follows.iter().flat_map(|previous| previous.roots.keys()));
    let mut ordered: Vec<(PublicKey, [u8; 64])> = Vec::with_capacity(given.len());
    for key in order {
        let signed = given.iter().find(|(signer, _)| signer.cose_key() == *key);
        ordered.extend(signed.filter(|(signer, _)| !ordered.iter().any(|(done, _)| done == signer)));
    }
    let to_sign = list.to_sign().map_err(TrustError::from)?;
    Ok(finish(list, &to_sign, &ordered, follows)?)
}

/// The SHA-256 of a proposal's bytes. Displays in 16 groups of four hex digits, as people read it aloud.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProposalDigest([u8; 32]);

impl ProposalDigest {
    /// So many hex digits a person at a terminal types to say that they have looked at it.
    pub const TYPED_DIGITS: usize = 8;
    /// So many hex digits a command that nobody watches must be given.
    pub const CONFIRMED_DIGITS: usize = 16;

    /// The 64 hex digits, without spaces.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Whether these are its first digits: at least `digits` of them, in capitals or not, with spaces, colons and hyphens between them.
    pub fn begins_with(&self, text: &str, digits: usize) -> bool {
        let typed: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')).collect();
        typed.len() >= digits && self.hex().starts_with(&typed.to_ascii_lowercase())
    }
}

impl fmt::Display for ProposalDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, pair) in self.0.chunks(2).enumerate() {
            let gap = if place == 0 { "" } else { " " };
            write!(f, "{gap}{}", hex::encode(pair))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ProposalDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProposalDigest({self})")
    }
}

/// How many of some root keys have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many have signed.
    pub signed: u64,
    /// How many must.
    pub needed: u64,
    /// Those that have not.
    pub not_signed: Vec<Thumbprint>,
}

impl Count {
    fn of(roots: &RootKeys, given: &[(PublicKey, [u8; 64])]) -> Count {
        let has_signed = |key: &PublicKey| given.iter().any(|(signer, _)| signer == key);
        let keys: Vec<PublicKey> = roots.keys().iter().filter_map(|key| PublicKey::try_from(key).ok()).collect();
        Count {
            signed: keys.iter().filter(|key| has_signed(key)).count() as u64,
            needed: roots.threshold(),
            not_signed: keys.iter().filter(|key| !has_signed(key)).map(PublicKey::thumbprint).collect(),
        }
    }

    fn is_short(&self) -> bool {
        self.signed < self.needed
    }

    /// None where enough have signed.
    fn wanted(&self) -> Option<String> {
        let more = self.needed.checked_sub(self.signed).filter(|more| *more > 0)?;
        let thumbprints: Vec<String> = self.not_signed.iter().map(ToString::to_string).collect();
        Some(format!("{more} more of {}", thumbprints.join(", ")))
    }
}

/// Why a ceremony does not go on. `file` is the place of a signature file among those given, from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// The list itself, its version or its signer.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Not the content of a trust list.
    #[error("not a proposal of a trust list: {0}; make it with `issuer trust propose`")]
    NotAProposal(Malformed),
    /// Not a trust list.
    #[error("not a signature of a proposal: {why}; make it with `issuer trust sign --proposal`")]
    NotASignature {
        /// Which file.
        file: usize,
        /// What is wrong with the bytes.
        why: Malformed,
    },
    /// A signature of something else.
    #[error("the signature is of another proposal than this one; compare the digests, and let the right one be signed")]
    OtherList {
        /// Which file.
        file: usize,
    },
    /// Already put together.
    #[error("the file has more than one signature; give the file of each signer")]
    SeveralSignatures {
        /// Which file.
        file: usize,
    },
    /// Signed, but not by a root key.
    #[error("key {kid} signed it, which is no root key of this list or of the one before; let a root key sign")]
    ForeignKey {
        /// Which file.
        file: usize,
        /// By whom.
        kid: Kid,
    },
    /// The signature does not hold.
    #[error("the signature of key {kid} does not hold: the file was changed; let it be signed again")]
    SignatureWrong {
        /// Which file.
        file: usize,
        /// By whom.
        kid: Kid,
    },
    /// Too few root keys.
    #[error("{}", missing(own, previous.as_ref()))]
    Missing {
        /// Of the list's own root keys.
        own: Count,
        /// Of those in use, if they are others, and the version that has them.
        previous: Option<(u64, Count)>,
    },
    /// Dated ahead of the clock.
    #[error(
        "the proposal is dated {issued_at} and this clock says {now}, and counters refuse lists from the future; set the clock, or wait until then"
    )]
    Future {
        /// Its date.
        issued_at: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// Too old to be published.
    #[error("the proposal of {0} is more than 30 days old, and what it says may no longer be so; propose anew")]
    Stale(Timestamp),
    /// Over.
    #[error("the proposed list expired at {0}; propose anew")]
    Expired(Timestamp),
}

impl CeremonyError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            CeremonyError::Trust(error) => error.code(),
            CeremonyError::NotAProposal(_) => "TRUST_NOT_A_PROPOSAL",
            CeremonyError::NotASignature { .. } => "TRUST_NOT_A_SIGNATURE",
            CeremonyError::OtherList { .. } => "TRUST_OTHER_PROPOSAL",
            CeremonyError::SeveralSignatures { .. } => "TRUST_SEVERAL_SIGNATURES",
            CeremonyError::ForeignKey { .. } => "TRUST_NOT_A_ROOT",
            CeremonyError::SignatureWrong { .. } => "TRUST_SIGNATURE_WRONG",
            CeremonyError::Missing { .. } => "TRUST_SIGNATURES_MISSING",
            CeremonyError::Future { .. } => "TRUST_PROPOSAL_FUTURE",
            CeremonyError::Stale(_) => "TRUST_PROPOSAL_STALE",
            CeremonyError::Expired(_) => "TRUST_PROPOSAL_EXPIRED",
        }
    }

    /// The place of the signature file that is at fault, from 0; none if it is not a file's.
    pub fn file(&self) -> Option<usize> {
        match self {
            CeremonyError::NotASignature { file, .. }
            | CeremonyError::OtherList { file }
            | CeremonyError::SeveralSignatures { file }
            | CeremonyError::ForeignKey { file, .. }
            | CeremonyError::SignatureWrong { file, .. } => Some(*file),
            _ => None,
        }
    }
}

fn missing(own: &Count, previous: Option<&(u64, Count)>) -> String {
    let there = format!("{} of the {} root keys that must sign have signed", own.signed, own.needed);
    let there_too = previous.map_or(String::new(), |(version, count)| {
        format!(", and {} of the {} of version {version}, which is in use", count.signed, count.needed)
    });
    let wanted: Vec<String> =
        [Some(own), previous.map(|(_, count)| count)].into_iter().flatten().filter_map(Count::wanted).collect();
    format!("{there}{there_too}; still to sign: {}", wanted.join(", and "))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::issue::tests::{Faulty, key, now};
    use crate::trust::draft::tests::draft;
    use crate::trust::{TrustDraft, key_hex};

    /// A draft whose root keys are those of these seeds.
    fn with_roots(threshold: u64, seeds: &[u8]) -> TrustDraft {
        let roots = seeds.iter().map(|seed| key_hex(&key(*seed).public().cose_key())).collect();
        TrustDraft { threshold, roots, ..draft() }
    }

    fn proposal(threshold: u64, seeds: &[u8], version: u64) -> Proposal {
        Proposal::new(&with_roots(threshold, seeds).to_list(version, now()).unwrap(), None).unwrap()
    }

    fn signed(proposal: &Proposal, follows: Option<&Predecessor>, seeds: &[u8]) -> Vec<Vec<u8>> {
        seeds.iter().map(|seed| proposal.sign(follows, &key(*seed)).unwrap()).collect()
    }

    fn put_together(
        proposal: &Proposal,
        files: &[Vec<u8>],
        follows: Option<&Predecessor>,
    ) -> Result<SignedTrustList, CeremonyError> {
        combine(proposal, &files.iter().map(Vec::as_slice).collect::<Vec<_>>(), follows)
    }

    fn code<T>(result: Result<T, CeremonyError>) -> Option<&'static str> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_proposal_is_read_back_as_it_was_written() {
        let proposal = proposal(2, &[1, 2, 3], 1);
        assert_eq!(Proposal::parse(proposal.bytes()), Ok(proposal.clone()));
        assert_eq!(cbor::parse::<TrustList>(proposal.bytes()).unwrap(), *proposal.list());
        let shown = format!("Proposal {{ version: 1, digest: ProposalDigest({}) }}", proposal.digest());
        assert_eq!(format!("{proposal:?}"), shown);
        let mut longer = proposal.bytes().to_vec();
        longer.push(0);
        assert_eq!(code(Proposal::parse(&longer)), Some("TRUST_NOT_A_PROPOSAL"));
        assert_eq!(code(Proposal::parse(b"")), Some("TRUST_NOT_A_PROPOSAL"));
        let file = proposal.sign(None, &key(1)).unwrap();
        assert_eq!(code(Proposal::parse(&file)), Some("TRUST_NOT_A_PROPOSAL"));
        let mut contradictory = proposal.list().clone();
        contradictory.expires_at = contradictory.issued_at;
        assert_eq!(code(Proposal::parse(&cbor::to_vec(&contradictory))), Some("TRUST_EXPIRY"));
        assert_eq!(code(Proposal::new(&contradictory, None)), Some("TRUST_EXPIRY"));
    }

    #[test]
    fn a_proposal_is_a_version_that_can_follow() {
        let list = |version| draft().to_list(version, now()).unwrap();
        let current = Predecessor::from(&list(4));
        let new = |version| code(Proposal::new(&list(version), Some(&current)));
        assert_eq!(new(4), Some("TRUST_VERSION"));
        assert_eq!(new(5), None);
        assert_eq!(new(10_004), None);
        assert_eq!(new(10_005), Some("TRUST_VERSION_JUMP"));
        let first = |version| code(Proposal::new(&list(version), None));
        assert_eq!(first(0), Some("TRUST_VERSION_RANGE"));
        assert_eq!(first(4_294_967_295), None);
        assert_eq!(first(4_294_967_296), Some("TRUST_VERSION_RANGE"));
        let rotated = with_roots(1, &[2]).to_list(6, now()).unwrap();
        assert_eq!(code(Proposal::new(&rotated, Some(&current))), Some("TRUST_ROOT_CHANGE_SKIPS"));
        // Nor is it signed or published if it cannot follow, whoever proposed it.
        let proposal = Proposal::new(&list(4), None).unwrap();
        assert_eq!(code(proposal.sign(Some(&current), &key(1))), Some("TRUST_VERSION"));
        assert_eq!(
            code(put_together(&proposal, &signed(&proposal, None, &[1]), Some(&current))),
            Some("TRUST_VERSION")
        );
    }

    #[test]
    fn the_digest_is_that_of_the_bytes_and_is_typed_as_people_type() {
        let one = proposal(1, &[1], 1);
        let digest = one.digest();
        assert_eq!(digest.hex(), hex::encode(Sha256::digest(one.bytes())));
        assert_ne!(digest, proposal(1, &[1], 2).digest());
        let shown = digest.to_string();
        assert_eq!((shown.len(), shown.split(' ').count(), shown.replace(' ', "")), (79, 16, digest.hex()));
        let first = |n: usize| digest.hex()[..n].to_owned();
        assert!(digest.begins_with(&first(8), 8) && !digest.begins_with(&first(7), 8));
        assert!(digest.begins_with(&first(16), 16) && !digest.begins_with(&first(15), 16));
        assert!(digest.begins_with(&shown, 16) && digest.begins_with(&shown.to_uppercase().replace(' ', ":"), 16));
        let wrong = if first(8).ends_with('0') { "1" } else { "0" };
        assert!(!digest.begins_with(&(first(7) + wrong), 8));
        assert!(!digest.begins_with(&(digest.hex() + "0"), 8));
        assert!(!digest.begins_with("", 8));
    }

    #[test]
    fn a_signature_file_alone_is_a_list_that_is_refused() {
        let proposal = proposal(2, &[1, 2], 1);
        let file = proposal.sign(None, &key(1)).unwrap();
        let read = UnverifiedTrustList::parse(&file).unwrap();
        assert_eq!(read.unverified_list(), proposal.list());
        assert!(!read.signed_by(&proposal.list().roots));
        assert!(read.signed_by(&RootKeys::new(1, vec![key(1).public().cose_key()]).unwrap()));
    }

    #[test]
    fn enough_signatures_make_the_list_and_one_less_does_not() {
        let proposal = proposal(2, &[1, 2, 3], 1);
        let files = signed(&proposal, None, &[1, 2, 3]);
        let list = put_together(&proposal, &files[..2], None).unwrap();
        assert!(UnverifiedTrustList::parse(list.bytes()).unwrap().signed_by(&proposal.list().roots));
        assert_eq!(code(put_together(&proposal, &files[..1], None)), Some("TRUST_SIGNATURES_MISSING"));
        assert_eq!(code(put_together(&proposal, &[], None)), Some("TRUST_SIGNATURES_MISSING"));
        assert_eq!(code(put_together(&proposal, &files, None)), None);
        let twice = [files[0].clone(), files[0].clone()];
        let error = put_together(&proposal, &twice, None).unwrap_err();
        let thumbprint = |seed| key(seed).thumbprint();
        let own = Count { signed: 1, needed: 2, not_signed: vec![thumbprint(2), thumbprint(3)] };
        assert_eq!(error, CeremonyError::Missing { own, previous: None });
        let sentence = error.to_string();
        assert!(sentence.starts_with("1 of the 2 root keys that must sign have signed; still to sign: 1 more of "));
        assert!(sentence.contains(&thumbprint(2).to_string()) && !sentence.contains(&thumbprint(1).to_string()));
    }

    #[test]
    fn whoever_publishes_gets_the_same_bytes() {
        let proposal = proposal(2, &[1, 2, 3], 1);
        let files = signed(&proposal, None, &[1, 2, 3]);
        let pick = |order: &[usize]| {
            let files: Vec<_> = order.iter().map(|i| files[*i].clone()).collect();
            put_together(&proposal, &files, None).unwrap().bytes().to_vec()
        };
        assert_eq!(pick(&[0, 2]), pick(&[2, 0]));
        assert_eq!(pick(&[0, 2]), pick(&[2, 0, 2, 0]));
        assert_ne!(pick(&[0, 2]), pick(&[0, 1]));
    }

    #[test]
    fn new_root_keys_need_the_old_ones_too() {
        let current = Predecessor::from(proposal(2, &[1, 2, 3], 7).list());
        let next = Proposal::new(&with_roots(2, &[2, 3, 4]).to_list(8, now()).unwrap(), Some(&current)).unwrap();
        let done = |seeds: &[u8]| put_together(&next, &signed(&next, Some(&current), seeds), Some(&current));
        // 2 and 3 are root keys of both.
        assert_eq!(code(done(&[2, 3])), None);
        assert_eq!(code(done(&[1, 2, 4])), None);
        assert_eq!(code(done(&[1, 2])), Some("TRUST_SIGNATURES_MISSING"));
        assert_eq!(code(done(&[2, 4])), Some("TRUST_SIGNATURES_MISSING"));
        let Err(CeremonyError::Missing { own, previous: Some((version, old)) }) = done(&[2, 4]) else { panic!() };
        assert_eq!((own.signed, own.needed, version, old.signed, old.needed), (2, 2, 7, 1, 2));
        let sentence = done(&[2, 4]).unwrap_err().to_string();
        assert!(sentence.contains("and 1 of the 2 of version 7") && sentence.matches("more of").count() == 1);
        // An old root key does not sign for a list that is not shown to follow its own.
        assert_eq!(code(next.sign(None, &key(1))), Some("TRUST_NOT_A_ROOT"));
        let list = done(&[1, 2, 4]).unwrap();
        let read = UnverifiedTrustList::parse(list.bytes()).unwrap();
        assert!(read.signed_by(&next.list().roots) && read.signed_by(&current.roots));
    }

    #[test]
    fn a_signature_that_is_not_one_of_this_proposal_is_named() {
        let this = proposal(2, &[1, 2, 3], 1);
        let good = this.sign(None, &key(1)).unwrap();
        let refused = |bad: Vec<u8>| {
            let error = put_together(&this, &[good.clone(), bad], None).unwrap_err();
            (error.code(), error.file())
        };
        let other = proposal(2, &[1, 2, 3], 2).sign(None, &key(2)).unwrap();
        assert_eq!(refused(other), ("TRUST_OTHER_PROPOSAL", Some(1)));
        assert_eq!(refused(this.bytes().to_vec()), ("TRUST_NOT_A_SIGNATURE", Some(1)));
        assert_eq!(refused(Vec::new()), ("TRUST_NOT_A_SIGNATURE", Some(1)));
        let to_sign = this.list().to_sign().unwrap();
        let by = |seed| (*key(seed).public(), key(seed).sign(&to_sign.message(key(seed).public())).unwrap());
        assert_eq!(refused(to_sign.finish(&[by(9)])), ("TRUST_NOT_A_ROOT", Some(1)));
        assert_eq!(refused(to_sign.finish(&[by(2), by(3)])), ("TRUST_SEVERAL_SIGNATURES", Some(1)));
        assert_eq!(refused(to_sign.finish(&[(*key(2).public(), by(3).1)])), ("TRUST_SIGNATURE_WRONG", Some(1)));
        let mut flipped = this.sign(None, &key(2)).unwrap();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(refused(flipped), ("TRUST_SIGNATURE_WRONG", Some(1)));
        let first = put_together(&this, &[Vec::new(), good.clone()], None).unwrap_err();
        assert_eq!((first.file(), CeremonyError::Stale(now()).file()), (Some(0), None));
        assert_eq!(code(put_together(&this, &[good, to_sign.finish(&[by(2)])], None)), None);
    }

    #[test]
    fn only_root_keys_that_sign_rightly_sign() {
        let proposal = proposal(1, &[1], 1);
        assert_eq!(code(proposal.sign(None, &key(2))), Some("TRUST_NOT_A_ROOT"));
        let wrong = IssuingKey::new(Faulty(Some(SigningKey::from_bytes(&[2; 32]))), *key(1).public()).unwrap();
        assert_eq!(code(proposal.sign(None, &wrong)), Some("SIGNATURE_REFUSED"));
    }

    #[test]
    fn a_proposal_is_published_in_its_time() {
        let proposal = proposal(1, &[1], 1);
        let at = |seconds: i64| {
            let now = now().seconds().checked_add_signed(seconds).unwrap();
            code(proposal.check_time(Timestamp::new(now).unwrap()))
        };
        assert_eq!((at(-1), at(0)), (Some("TRUST_PROPOSAL_FUTURE"), None));
        let age = 30 * 24 * 60 * 60;
        assert_eq!((at(age), at(age + 1)), (None, Some("TRUST_PROPOSAL_STALE")));
        let day = Proposal::new(&TrustDraft { days: 1, ..draft() }.to_list(1, now()).unwrap(), None).unwrap();
        let at = |seconds| code(day.check_time(now().checked_add(seconds).unwrap()));
        assert_eq!((at(86_399), at(86_400)), (None, Some("TRUST_PROPOSAL_EXPIRED")));
    }
}
