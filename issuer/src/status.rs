//! Status lists 状态名单: filled, signed, and read back before they are released (SPEC section 7).

use std::fmt;
use std::io::Write as _;

use credential_format::cose::ToSign;
use credential_format::key::PublicKey;
use credential_format::limits::{STATUS_ENTRIES_MAX, STATUS_URI_BYTES_MAX};
use credential_format::status_list::{Status, StatusListDraft, StatusListHead, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use signature::Signer;

use crate::issue::{IssuingKey, SigningError};

/// Signs status list number `list`, with these entries and all others valid.
///
/// The list always has 2^20 entries: how many permits there are is nobody's business, and a permit issued tomorrow is in it already. The
/// signature and every entry are checked on the finished bytes before they are returned.
///
/// A list takes about a tenth of a second of one core, nearly all of it for compressing; lists can be signed side by side.
///
/// # Errors
/// [`StatusError`].
pub fn sign<S: Signer<Signature>>(
    entries: impl IntoIterator<Item = (u64, Status)>,
    list: u64,
    uri: &StatusUri,
    period: StatusPeriod,
    key: &IssuingKey<S>,
) -> Result<PublishedStatusList, StatusError> {
    let unsigned = UnsignedStatusList::prepare(entries, list, uri, period, key.public())?;
    let signature = key.sign(unsigned.message())?;
    unsigned.finish(&signature)
}

/// A status list that is complete but for its signature, where the signature comes from somewhere else.
#[derive(Clone)]
pub struct UnsignedStatusList {
    to_sign: ToSign,
    draft: StatusListDraft,
    head: StatusListHead,
    public: PublicKey,
}

impl UnsignedStatusList {
    /// The list that the key with this public half is to sign. The other arguments are those of [`sign`].
    ///
    /// # Errors
    /// [`StatusError`].
    pub fn prepare(
        entries: impl IntoIterator<Item = (u64, Status)>,
        list: u64,
        uri: &StatusUri,
        period: StatusPeriod,
        key: &PublicKey,
    ) -> Result<UnsignedStatusList, StatusError> {
        let mut draft = StatusListDraft::new(STATUS_ENTRIES_MAX);
        for (index, status) in entries {
            if !draft.set(index, status) {
                return Err(StatusError::Index(index));
            }
        }
        let head = StatusListHead {
            subject: uri.subject(list),
            issued_at: period.issued_at,
            expires_at: Some(period.expires_at),
            ttl_secs: Some(period.ttl_secs),
        };
        let to_sign =
            draft.to_sign_compressed(&compress(draft.bytes())?, &head, key).map_err(|_| StatusError::Unreadable)?;
        Ok(UnsignedStatusList { to_sign, draft, head, public: *key })
    }

    /// What the key is to sign, whole and not hashed before.
    pub fn message(&self) -> &[u8] {
        self.to_sign.message()
    }

    /// The list, if this signature is the key's and every entry of the finished bytes reads back as it was set.
    ///
    /// # Errors
    /// [`StatusError::Signing`], [`StatusError::Unreadable`].
    pub fn finish(self, signature: &[u8; 64]) -> Result<PublishedStatusList, StatusError> {
        self.public.verify(self.message(), signature).map_err(|_| SigningError::SignatureRefused)?;
        let bytes = self.to_sign.finish(signature);
        let read = UnverifiedStatusList::parse(&bytes).map_err(|_| StatusError::Unreadable)?;
        let checked = read.check(&self.public).map_err(|_| StatusError::Unreadable)?;
        if *checked.head() != self.head || checked.bytes() != self.draft.bytes() {
            return Err(StatusError::Unreadable);
        }
        Ok(PublishedStatusList { bytes, head: self.head })
    }
}

impl fmt::Debug for UnsignedStatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedStatusList").field("head", &self.head).finish_non_exhaustive()
    }
}

/// One zlib stream, as small as this compressor makes it: every counter downloads it, and the issuer makes it once.
fn compress(entries: &[u8]) -> Result<Vec<u8>, StatusError> {
    let mut stream = ZlibEncoder::new(Vec::with_capacity(entries.len() / 4), Compression::best());
    stream.write_all(entries).and_then(|()| stream.finish()).map_err(|_| StatusError::Unreadable)
}

/// A signed status list, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PublishedStatusList {
    bytes: Vec<u8>,
    head: StatusListHead,
}

impl PublishedStatusList {
    /// The token, a COSE_Sign1 with tag 18.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says of itself.
    pub fn head(&self) -> &StatusListHead {
        &self.head
    }
}

impl fmt::Debug for PublishedStatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedStatusList").field("head", &self.head).finish_non_exhaustive()
    }
}

/// What the names of an issuer's status lists begin with: an https address of at most 256 bytes, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusUri(String);

impl StatusUri {
    /// Reads an address, which must be the one that the trust list gives for the issuer.
    ///
    /// # Errors
    /// [`StatusUriError`].
    pub fn parse(text: &str) -> Result<StatusUri, StatusUriError> {
        let fits = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
            && text.len() <= STATUS_URI_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.ends_with('/');
        if fits { Ok(StatusUri(text.to_owned())) } else { Err(StatusUriError) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name (`sub`) of this list: address, "/", number.
    pub fn subject(&self, list: u64) -> String {
        format!("{}/{list}", self.0)
    }
}

/// Not an address for status lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the status address is not an https address of at most 256 bytes without a slash at the end; write it like https://status.example.cn/tianhe"
)]
pub struct StatusUriError;

impl StatusUriError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        "STATUS_URI"
    }
}

/// From when, until when, and for how long a list is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusPeriod {
    issued_at: Timestamp,
    expires_at: Timestamp,
    ttl_secs: u64,
}

impl StatusPeriod {
    /// `iat`, and `exp` and `ttl` as seconds after it. A list lives for at least a minute and is kept no longer than it lives.
    ///
    /// # Errors
    /// [`StatusError::Period`].
    pub fn new(issued_at: Timestamp, expires_secs: u64, ttl_secs: u64) -> Result<StatusPeriod, StatusError> {
        if expires_secs < 60 || ttl_secs == 0 || ttl_secs > expires_secs {
            return Err(StatusError::Period);
        }
        let expires_at = issued_at.checked_add(expires_secs).ok_or(StatusError::Period)?;
        Ok(StatusPeriod { issued_at, expires_at, ttl_secs })
    }
}

/// Why no status list was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// An index that no list has.
    #[error("index {0} is not below 1,048,576, so no list has it; check the record")]
    Index(u64),
    /// A life of less than a minute, a ttl of nothing or longer than the life, or an end after the year 2199.
    #[error(
        "a status list lives for at least 60 seconds, and its ttl is above 0 and not longer than that; correct the two"
    )]
    Period,
    /// The key gave no signature, or a wrong one.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// What was signed does not read back as what it should say.
    #[error("the signed status list does not read back as it should; nothing was released: report this defect")]
    Unreadable,
}

impl StatusError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            StatusError::Index(_) => "STATUS_INDEX",
            StatusError::Period => "STATUS_PERIOD",
            StatusError::Signing(error) => error.code(),
            StatusError::Unreadable => "STATUS_UNREADABLE",
        }
    }
}

#[cfg(test)]
mod tests {
    use credential_format::limits::STATUS_TOKEN_BYTES_MAX;

    use super::*;
    use crate::issue::tests::{Faulty, key, now};

    fn uri() -> StatusUri {
        StatusUri::parse("https://status.example.cn/tianhe").unwrap()
    }

    fn period() -> StatusPeriod {
        StatusPeriod::new(now(), 14 * 86_400, 43_200).unwrap()
    }

    #[test]
    fn entries_are_where_they_were_put() {
        let entries = [(0, Status::Cancelled), (7, Status::Suspended), ((1 << 20) - 1, Status::Superseded)];
        let list = sign(entries, 3, &uri(), period(), &key(1)).unwrap();
        let read = UnverifiedStatusList::parse(list.bytes()).unwrap().check(key(1).public()).unwrap();
        assert_eq!(read.head().subject, "https://status.example.cn/tianhe/3");
        assert_eq!(read.head().issued_at, now());
        assert_eq!(read.head().expires_at, now().checked_add(14 * 86_400));
        assert_eq!(read.head().ttl_secs, Some(43_200));
        assert_eq!(read.len(), 1 << 20);
        for (index, status) in entries {
            assert_eq!(read.get(index), Some(status));
        }
        assert_eq!((read.get(1), read.get(8)), (Some(Status::Valid), Some(Status::Valid)));
    }

    #[test]
    fn a_province_is_compressed_near_what_its_entries_say() {
        // 0.5 % cancelled, 3 % suspended, drawn one by one: 0.2396 bits an entry, 31,403 bytes a list.
        let mut state = 20_260_701_u64;
        let entries = (0..1 << 20).filter_map(|index| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (state >> 33) % 1_000 {
                0..5 => Some((index, Status::Cancelled)),
                5..35 => Some((index, Status::Suspended)),
                _ => None,
            }
        });
        let entries: Vec<_> = entries.collect();
        assert!((36_000..37_500).contains(&entries.len()), "{}", entries.len());
        let list = sign(entries, 1, &uri(), period(), &key(1)).unwrap();
        let entropies = list.bytes().len() as f64 / 31_403.0;
        assert!(entropies < 1.35, "{entropies}");
    }

    #[test]
    fn an_index_outside_and_a_wrong_signature_are_refused() {
        let refused = sign([(1 << 20, Status::Valid)], 1, &uri(), period(), &key(1)).unwrap_err();
        assert_eq!(refused, StatusError::Index(1 << 20));
        let other = ed25519_dalek::SigningKey::from_bytes(&[2; 32]);
        let wrong = IssuingKey::new(Faulty(Some(other)), *key(1).public()).unwrap();
        assert_eq!(sign([], 1, &uri(), period(), &wrong).unwrap_err().code(), "SIGNATURE_REFUSED");
    }

    #[test]
    fn a_list_that_reads_back_otherwise_does_not_leave() {
        let prepare = || {
            let entries = [(5, Status::Cancelled)];
            UnsignedStatusList::prepare(entries, 1, &uri(), period(), key(1).public()).unwrap()
        };
        let finished = |list: UnsignedStatusList| {
            let signature = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).sign(list.message()).to_bytes();
            list.finish(&signature)
        };
        let head = prepare().head;
        assert_eq!(format!("{:?}", prepare()), format!("UnsignedStatusList {{ head: {head:?}, .. }}"));
        let list = finished(prepare()).unwrap();
        assert_eq!(format!("{list:?}"), format!("PublishedStatusList {{ head: {head:?}, .. }}"));
        let mut entry = prepare();
        assert!(entry.draft.set(6, Status::Cancelled));
        assert_eq!(finished(entry), Err(StatusError::Unreadable));
        let mut name = prepare();
        name.head.subject.push('1');
        assert_eq!(finished(name), Err(StatusError::Unreadable));
    }

    #[test]
    fn the_fullest_list_fits() {
        // Statuses without any pattern: the worst that compression can meet.
        let mut state = 1u64;
        let entries = (0..1 << 20).map(|index| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (index, Status::from_bits((state >> 60) as u8))
        });
        let list = sign(entries, 1, &uri(), period(), &key(1)).unwrap();
        assert!(list.bytes().len() < STATUS_TOKEN_BYTES_MAX);
    }

    #[test]
    fn periods_and_addresses_have_bounds() {
        let period = |life, ttl| StatusPeriod::new(now(), life, ttl).is_ok();
        assert!(period(60, 60) && period(60, 1));
        assert!(!period(59, 1) && !period(60, 61) && !period(60, 0) && !period(u64::MAX, 1));
        assert_eq!(StatusUri::parse("https://a").unwrap().as_str(), "https://a");
        assert_eq!(StatusUri::parse("http://a").unwrap_err().code(), "STATUS_URI");
        let fits = |text: &str| StatusUri::parse(text).is_ok();
        assert!(fits("https://a") && fits(&format!("https://{}", "a".repeat(248))));
        assert!(!fits("http://a") && !fits("https://") && !fits("https://a/") && !fits("https://a b"));
        assert!(!fits("https:///a") && !fits("https://广州") && !fits(&format!("https://{}", "a".repeat(249))));
    }
}
