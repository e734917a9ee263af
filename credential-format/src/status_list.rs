//! The status list 状态名单: a Token Status List in CWT form (draft-ietf-oauth-status-list), two bits an entry (SPEC section 7).
//!
//! ```cddl
//! token   = 18([protected: bstr .cbor { 1: alg, 4: kid, 16: "application/statuslist+cwt" }, {}, payload: bstr .cbor claims, signature])
//! claims  = { 2 => sub: tstr, ? 4 => exp: uint, 6 => iat: uint, 65533 => { "lst" => bstr, "bits" => 2 }, ? 65534 => ttl: uint }
//! ```

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::cose::{Domain, Sign1, ToSign};
use crate::key::{Algorithm, BadSignature, Kid, PublicKey};
use crate::limits::{STATUS_BITS, STATUS_ENTRIES_MAX, STATUS_TOKEN_BYTES_MAX, STATUS_URI_BYTES_MAX};
use crate::permit::timestamp;
use crate::timestamp::Timestamp;

/// The COSE tag of a COSE_Sign1.
const TAG_SIGN1: u64 = 18;
const TYPE: &str = "application/statuslist+cwt";
const ENTRIES_PER_BYTE: u64 = 8 / STATUS_BITS;

/// What a list says of a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// 0
    Valid,
    /// 1, 注销: final.
    Cancelled,
    /// 2, suspended by the authority.
    Suspended,
    /// 3: a newer permit of the same person is in force.
    Superseded,
}

impl Status {
    /// The two bits.
    pub fn bits(self) -> u8 {
        match self {
            Status::Valid => 0,
            Status::Cancelled => 1,
            Status::Suspended => 2,
            Status::Superseded => 3,
        }
    }

    /// The meaning of two bits; higher bits do not count.
    pub fn from_bits(bits: u8) -> Status {
        match bits & 3 {
            0 => Status::Valid,
            1 => Status::Cancelled,
            2 => Status::Suspended,
            _ => Status::Superseded,
        }
    }
}

/// A status list token that was read, whose signature nobody has checked and whose list is still compressed.
#[derive(Clone)]
pub struct UnverifiedStatusList<'b> {
    sign1: Sign1<'b>,
    protected: Protected,
    claims: Claims<'b>,
}

/// A status list in memory, from a token whose signature was checked with the key that the caller named.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    head: StatusListHead,
    bytes: Vec<u8>,
}

/// What a status list says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusListHead {
    /// `sub`: status address + "/" + list number.
    pub subject: String,
    /// `iat`
    pub issued_at: Timestamp,
    /// `exp`: from then on the list answers nothing.
    pub expires_at: Option<Timestamp>,
    /// `ttl`: how long the issuer wants it kept before a newer one is fetched, in seconds.
    pub ttl_secs: Option<u64>,
}

/// Why a status list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusListError {
    /// Signed by another key, or changed.
    #[error("the status list is not signed by the key it names; fetch it again")]
    Signature,
    /// The header names another algorithm than the key has.
    #[error("the status list names another algorithm than its key has; ask the issuer for a new one")]
    Algorithm,
    /// The compressed list is not a whole zlib stream.
    #[error("the status list is not one whole zlib stream; fetch it again")]
    Zlib,
    /// More entries than a list may have: not inflated.
    #[error("the status list has more than 1,048,576 entries; ask the issuer for lists of the agreed size")]
    TooLarge,
}

impl StatusListError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            StatusListError::Signature => "STATUS_SIGNATURE",
            StatusListError::Algorithm => "STATUS_ALGORITHM",
            StatusListError::Zlib => "STATUS_ZLIB",
            StatusListError::TooLarge => "STATUS_TOO_LARGE",
        }
    }

    /// The error in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            StatusListError::Signature => "状态名单不是由其所称的密钥签署的，请重新获取",
            StatusListError::Algorithm => "状态名单所称的算法与其密钥不符，请向签发机关索取新名单",
            StatusListError::Zlib => "状态名单的压缩数据不完整或已损坏，请重新获取",
            StatusListError::TooLarge => "状态名单超过 1,048,576 项，请向签发机关索取规定大小的名单",
        }
    }
}

impl<'b> UnverifiedStatusList<'b> {
    /// Reads a token from exactly these bytes. The list in it is not inflated yet.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let Envelope(sign1) = cbor::parse(bytes)?;
        let protected = cbor::parse(sign1.protected)?;
        let claims = cbor::parse(sign1.payload)?;
        Ok(UnverifiedStatusList { sign1, protected, claims })
    }

    /// Which key the token says it was signed with.
    pub fn kid(&self) -> Kid {
        self.protected.kid
    }

    /// What the token says of itself.
    pub fn unverified_head(&self) -> &StatusListHead {
        &self.claims.head
    }

    /// Checks the signature, and inflates the list: at most one byte more than a list may have, and all input used.
    ///
    /// # Errors
    /// [`StatusListError`].
    pub fn check(&self, key: &PublicKey) -> Result<StatusList, StatusListError> {
        if self.protected.algorithm != key.algorithm() {
            return Err(StatusListError::Algorithm);
        }
        let message = self.sign1.message(Domain::StatusList);
        key.verify(&message, self.sign1.signature).map_err(|BadSignature| StatusListError::Signature)?;
        Ok(StatusList { head: self.claims.head.clone(), bytes: inflate(self.claims.compressed)? })
    }
}

impl fmt::Debug for UnverifiedStatusList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedStatusList").field("head", &self.claims.head).finish_non_exhaustive()
    }
}

impl StatusList {
    /// What the list says of itself.
    pub fn head(&self) -> &StatusListHead {
        &self.head
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64 * ENTRIES_PER_BYTE
    }

    /// Whether the list has no entry.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What the list says of this entry; `None` when the list has no such entry.
    #[inline]
    pub fn get(&self, index: u64) -> Option<Status> {
        get(&self.bytes, index)
    }

    /// The entries, four to a byte, entry 0 in the lowest bits of the first.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for StatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusList").field("head", &self.head).field("entries", &self.len()).finish()
    }
}

/// A status list in the making: what an issuer fills from its ledger, signs and publishes.
#[derive(Clone)]
pub struct StatusListDraft {
    bytes: Vec<u8>,
}

impl StatusListDraft {
    /// A list of this many entries, all valid; rounded up to a multiple of four, at most 2^20.
    pub fn new(entries: u64) -> StatusListDraft {
        let bytes = entries.min(STATUS_ENTRIES_MAX).div_ceil(ENTRIES_PER_BYTE);
        StatusListDraft { bytes: vec![0; usize::try_from(bytes).unwrap_or(0)] }
    }

    /// Sets an entry; false when the list has no such entry.
    #[must_use]
    pub fn set(&mut self, index: u64, status: Status) -> bool {
        let (byte, shift) = place(index);
        let Some(byte) = byte.and_then(|byte| self.bytes.get_mut(byte)) else { return false };
        *byte = *byte & !(3 << shift) | status.bits() << shift;
        true
    }

    /// What the draft says of this entry.
    pub fn get(&self, index: u64) -> Option<Status> {
        get(&self.bytes, index)
    }

    /// The entries, four to a byte, entry 0 in the lowest bits of the first: what a caller's own compressor is given.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The token, complete but for the signature of this key. The entries are compressed here, which needs nothing but memory; who publishes
    /// large lists has better compressors, and [`to_sign_compressed`](Self::to_sign_compressed).
    pub fn to_sign(&self, head: &StatusListHead, key: &PublicKey) -> ToSign {
        // Level 9 costs the issuer a few milliseconds a list and saves every counter a few per cent of its download.
        let compressed = miniz_oxide::deflate::compress_to_vec_zlib(&self.bytes, 9);
        token(head, &compressed, key)
    }

    /// As [`to_sign`](Self::to_sign), with the entries compressed by the caller: one zlib stream (RFC 1950), without preset dictionary, of
    /// [`bytes`](Self::bytes). It is inflated and compared before anything can be signed.
    ///
    /// # Errors
    /// [`StatusListError::Zlib`] when it is not one whole zlib stream, or one of other entries; [`StatusListError::TooLarge`] when it
    /// inflates to more than a list may have.
    pub fn to_sign_compressed(
        &self,
        compressed: &[u8],
        head: &StatusListHead,
        key: &PublicKey,
    ) -> Result<ToSign, StatusListError> {
        if inflate(compressed)? != self.bytes {
            return Err(StatusListError::Zlib);
        }
        Ok(token(head, compressed, key))
    }
}

fn token(head: &StatusListHead, compressed: &[u8], key: &PublicKey) -> ToSign {
    let claims = Claims { head: head.clone(), compressed };
    let protected = Protected { algorithm: key.algorithm(), kid: key.kid() };
    ToSign::new(Domain::StatusList, Some(TAG_SIGN1), cbor::to_vec(&protected), cbor::to_vec(&claims))
}

/// Entry 0 stands in the lowest bits of the first byte (draft-ietf-oauth-status-list section 4.1).
#[inline]
fn place(index: u64) -> (Option<usize>, u64) {
    (usize::try_from(index / ENTRIES_PER_BYTE).ok(), index % ENTRIES_PER_BYTE * STATUS_BITS)
}

#[inline]
fn get(bytes: &[u8], index: u64) -> Option<Status> {
    let (byte, shift) = place(index);
    bytes.get(byte?).map(|byte| Status::from_bits(byte >> shift))
}

/// Inflates into a buffer of one byte more than the largest list: a bomb fills it and is refused. The whole input must be used.
fn inflate(compressed: &[u8]) -> Result<Vec<u8>, StatusListError> {
    let most = usize::try_from(STATUS_ENTRIES_MAX / ENTRIES_PER_BYTE).unwrap_or(usize::MAX);
    let mut bytes = vec![0; most + 1];
    let mut state = alloc::boxed::Box::<DecompressorOxide>::default();
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | inflate_flags::TINFL_FLAG_COMPUTE_ADLER32
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, used, written) = decompress(&mut state, compressed, &mut bytes, 0, flags);
    if written > most || status == TINFLStatus::HasMoreOutput {
        return Err(StatusListError::TooLarge);
    }
    if status != TINFLStatus::Done || used != compressed.len() {
        return Err(StatusListError::Zlib);
    }
    bytes.truncate(written);
    bytes.shrink_to_fit();
    Ok(bytes)
}

struct Envelope<'b>(Sign1<'b>);

impl<'b> Strict<'b> for Envelope<'b> {
    const BYTES_MAX: usize = STATUS_TOKEN_BYTES_MAX;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.tag(TAG_SIGN1, "the tag 18 of a COSE_Sign1")?;
        Sign1::read(reader).map(Envelope)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.tag(TAG_SIGN1)?;
        self.0.write(writer)
    }
}

#[derive(Clone)]
struct Protected {
    algorithm: Algorithm,
    kid: Kid,
}

impl<'b> Strict<'b> for Protected {
    const BYTES_MAX: usize = 64;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.map_of(3, "a status list's three protected headers")?;
        reader.key(1, "the header alg")?;
        let algorithm = Algorithm::read(reader)?;
        reader.key(4, "the header kid")?;
        let kid = Kid(*reader.bytes_of("a kid of 8 bytes")?);
        reader.key(16, "the header typ")?;
        if reader.text()? != TYPE {
            return Err(Malformed::field("typ", "TYPE"));
        }
        Ok(Protected { algorithm, kid })
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.map(3)?.int(1)?.int(self.algorithm.id())?.int(4)?.bytes(&self.kid.0)?.int(16)?.text(TYPE)?;
        Ok(())
    }
}

#[derive(Clone)]
struct Claims<'b> {
    head: StatusListHead,
    compressed: &'b [u8],
}

const CLAIM_STATUS_LIST: i64 = 65533;
const CLAIM_TTL: i64 = 65534;

impl<'b> Strict<'b> for Claims<'b> {
    const BYTES_MAX: usize = STATUS_TOKEN_BYTES_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        let pairs = r.map()?;
        r.key(2, "the claim sub")?;
        let subject = r.text()?;
        if subject.len() > STATUS_URI_BYTES_MAX + 24 || !subject.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Malformed::field("sub", "STATUS_URI"));
        }
        let expires_at = if r.optional_key(4) { Some(timestamp(r, "exp")?) } else { None };
        r.key(6, "the claim iat")?;
        let issued_at = timestamp(r, "iat")?;
        r.key(CLAIM_STATUS_LIST, "the claim status_list")?;
        r.map_of(2, "a status_list of lst and bits")?;
        if r.text()? != "lst" {
            return Err(Malformed::field("status_list", "FIELDS"));
        }
        let compressed = r.bytes()?;
        if r.text()? != "bits" {
            return Err(Malformed::field("status_list", "FIELDS"));
        }
        if r.uint()? != STATUS_BITS {
            return Err(Malformed::field("bits", "STATUS_BITS"));
        }
        let required = 3 + u64::from(expires_at.is_some());
        let ttl_secs = match pairs.checked_sub(required) {
            Some(0) => None,
            Some(1) => {
                r.key(CLAIM_TTL, "the claim ttl")?;
                Some(r.uint()?)
            }
            _ => return Err(Malformed::field("claims", "CLAIMS_UNKNOWN")),
        };
        let head = StatusListHead { subject: subject.into(), issued_at, expires_at, ttl_secs };
        Ok(Claims { head, compressed })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        let StatusListHead { subject, issued_at, expires_at, ttl_secs } = &self.head;
        w.map(3 + usize::from(expires_at.is_some()) + usize::from(ttl_secs.is_some()))?.int(2)?.text(subject)?;
        if let Some(exp) = expires_at {
            w.int(4)?.uint(exp.seconds())?;
        }
        w.int(6)?.uint(issued_at.seconds())?.int(CLAIM_STATUS_LIST)?.map(2)?;
        w.text("lst")?.bytes(self.compressed)?.text("bits")?.uint(STATUS_BITS)?;
        if let Some(ttl) = ttl_secs {
            w.int(CLAIM_TTL)?.uint(*ttl)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::key::CoseKey;
    use ed25519_dalek::{Signer as _, SigningKey};

    #[test]
    fn the_checksum_counts_even_where_there_is_nothing_to_check() {
        let stored = |checksum: [u8; 4]| [&[0x78, 1, 1, 0, 0, 0xff, 0xff][..], &checksum].concat();
        assert_eq!(inflate(&stored([0, 0, 0, 1])), Ok(vec![]));
        assert_eq!(inflate(&stored([0x0b, 0, 0, 0])), Err(StatusListError::Zlib));
        assert_eq!(inflate(&stored([0, 0, 0, 0])), Err(StatusListError::Zlib));
    }

    fn secret() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn key() -> PublicKey {
        PublicKey::try_from(&CoseKey::from(secret().verifying_key())).unwrap()
    }

    fn head() -> StatusListHead {
        StatusListHead {
            subject: "https://status.example.cn/tianhe/1".into(),
            issued_at: Timestamp::parse("2026-07-01T09:00:00+08:00").unwrap(),
            expires_at: None,
            ttl_secs: None,
        }
    }

    /// Stored, not compressed: blocks of at most 65,535 bytes (RFC 1951 section 3.2.4), then the checksum.
    fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
        miniz_oxide::deflate::compress_to_vec_zlib(bytes, 0)
    }

    fn signed(to_sign: &ToSign) -> Vec<u8> {
        to_sign.finish(&secret().sign(to_sign.message()).to_bytes())
    }

    fn draft(entries: u64) -> StatusListDraft {
        let mut draft = StatusListDraft::new(entries);
        for (index, status) in [(0, Status::Superseded), (5, Status::Cancelled), (entries - 1, Status::Suspended)] {
            assert!(draft.set(index, status));
        }
        draft
    }

    #[test]
    fn a_stream_of_the_callers_own_gives_the_same_list() {
        for entries in [8, 1 << 20] {
            let draft = draft(entries);
            let own = draft.to_sign_compressed(&zlib_stored(draft.bytes()), &head(), &key()).unwrap();
            let usual = draft.to_sign(&head(), &key());
            assert_ne!(own.message(), usual.message());
            for bytes in [signed(&own), signed(&usual)] {
                let list = UnverifiedStatusList::parse(&bytes).unwrap().check(&key()).unwrap();
                assert_eq!((list.head(), list.bytes(), list.len()), (&head(), draft.bytes(), entries));
                assert_eq!(list.get(0), Some(Status::Superseded));
                assert_eq!(list.get(1), Some(Status::Valid));
                assert_eq!(list.get(entries - 1), Some(Status::Suspended));
                assert_eq!(list.get(entries), None);
            }
        }
    }

    #[test]
    fn a_stream_of_other_entries_is_never_signed() {
        let draft = draft(1_000);
        let refused = |stream: &[u8]| draft.to_sign_compressed(stream, &head(), &key()).err();
        let good = zlib_stored(draft.bytes());
        assert_eq!(refused(&good), None);
        let mut other = draft.bytes().to_vec();
        other[100] ^= 1;
        assert_eq!(refused(&zlib_stored(&other)), Some(StatusListError::Zlib));
        assert_eq!(refused(&zlib_stored(&draft.bytes()[1..])), Some(StatusListError::Zlib));
        assert_eq!(refused(&good[..good.len() - 1]), Some(StatusListError::Zlib));
        assert_eq!(refused(&[&good[..], &[0]].concat()), Some(StatusListError::Zlib));
        assert_eq!(refused(&miniz_oxide::deflate::compress_to_vec(draft.bytes(), 9)), Some(StatusListError::Zlib));
        assert_eq!(refused(&[]), Some(StatusListError::Zlib));
    }

    #[test]
    fn no_more_than_a_list_may_have_is_inflated() {
        let most = 1 << 18;
        for deflated in [zlib_stored, |bytes: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9)] {
            assert_eq!(inflate(&deflated(&vec![0x55; most])).map(|bytes| bytes.len()), Ok(most));
            assert_eq!(inflate(&deflated(&vec![0x55; most + 1])), Err(StatusListError::TooLarge));
            assert_eq!(inflate(&deflated(&vec![0x55; most * 40])), Err(StatusListError::TooLarge));
        }
        assert_eq!(inflate(&zlib_stored(&[])), Ok(Vec::new()));
    }

    #[test]
    fn a_list_may_be_empty_and_debug_shows_no_entries() {
        let bytes = [0, 8].map(|entries| signed(&StatusListDraft::new(entries).to_sign(&head(), &key())));
        for (bytes, is_empty) in bytes.iter().zip([true, false]) {
            let unverified = UnverifiedStatusList::parse(bytes).unwrap();
            assert!(format!("{unverified:?}").contains("tianhe/1"));
            let list = unverified.check(&key()).unwrap();
            assert_eq!(list.is_empty(), is_empty);
            let shown = format!("{list:?}");
            assert!(shown.contains("tianhe/1") && shown.contains(&format!("entries: {}", list.len())), "{shown}");
        }
    }

    /// A status address of 256 bytes, "/" and a number; some more is left for numbers that are not written in the shortest way.
    #[test]
    fn a_subject_has_its_bounds() {
        let read = |length: usize| {
            let subject = format!("https://{}", "x".repeat(length - 8));
            let token = signed(&StatusListDraft::new(4).to_sign(&StatusListHead { subject, ..head() }, &key()));
            UnverifiedStatusList::parse(&token).map(|list| list.unverified_head().subject.len())
        };
        assert_eq!(read(280), Ok(280));
        assert_eq!(read(281), Err(Malformed::field("sub", "STATUS_URI")));
    }

    #[test]
    fn errors_are_told_apart_in_both_languages() {
        use StatusListError::{Algorithm, Signature, TooLarge, Zlib};
        let all = [Signature, Algorithm, Zlib, TooLarge];
        for (n, error) in all.iter().enumerate() {
            assert!(error.code().starts_with("STATUS_") && error.zh().contains("状态名单"), "{error}");
            let others = all.iter().skip(n + 1);
            assert!(others.clone().all(|other| (other.code(), other.zh()) != (error.code(), error.zh())), "{error}");
        }
    }

    #[test]
    fn a_draft_has_the_entries_it_was_made_with() {
        assert_eq!(StatusListDraft::new(0).bytes(), []);
        assert_eq!(StatusListDraft::new(1).bytes().len(), 1);
        assert_eq!(StatusListDraft::new(u64::MAX).bytes().len(), 1 << 18);
        let mut draft = StatusListDraft::new(4);
        assert!(!draft.set(4, Status::Valid) && !draft.set(u64::MAX, Status::Valid));
        assert!(draft.set(3, Status::Superseded) && draft.set(3, Status::Cancelled) && draft.set(1, Status::Suspended));
        assert_eq!(draft.bytes(), [0b01_00_10_00]);
        assert_eq!(
            (draft.get(3), draft.get(1), draft.get(4)),
            (Some(Status::Cancelled), Some(Status::Suspended), None)
        );
    }
}
