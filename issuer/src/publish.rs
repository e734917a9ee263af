//! The tree of lists that any web server, object store or stick can hand out: what may stand in it, and the index that announces it.
//!
//! ```text
//! trust/<version>.cose         every trust list there ever was
//! status/<ISSUER>/<list>.cwt   the newest status lists, in a folder for each issuer
//! index.json                   which of them there are: written last, because it is the announcement
//! ```
//!
//! Nothing is announced that a counter would refuse: [`TrustChain::verify`] and [`TrustChain::status_file`] check what a counter checks. The
//! index itself is not signed. It is a hint that saves counters requests; they check every list for itself, and who changes the index can
//! keep lists from them and nothing else.

use std::collections::BTreeMap;

use credential_format::cbor::Malformed;
use credential_format::key::{Kid, PublicKey};
use credential_format::limits::STATUS_TOKEN_BYTES_MAX;
use credential_format::status_list::{StatusListError, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, TrustList, TrustListError, UnverifiedTrustList, Usage};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::trust::VERSION_JUMP_MAX;

/// How far ahead of the clock a list may be dated, in seconds: as far as counters allow.
pub const AHEAD_SECS_MAX: i64 = 120;

/// Trust lists that follow each other, each signed as counters demand of one that replaces the one before it.
#[derive(Clone, Debug)]
pub struct TrustChain {
    lists: Vec<TrustFile>,
    newest: TrustList,
    /// Of the newest: worked out once, not for every status list.
    keys: BTreeMap<Kid, (usize, usize, PublicKey)>,
}

/// A trust list of a chain.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// Its version.
    pub version: u64,
    /// The list as it was signed.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for TrustFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustFile").field("version", &self.version).finish_non_exhaustive()
    }
}

impl TrustChain {
    /// Puts these lists, each with a name for sentences, in the order of their versions, and checks the chain from the oldest to the newest:
    /// what each says, that a threshold of its own root keys signed it and one of the list before, and that no version is skipped where
    /// root keys change. The newest must be in force.
    ///
    /// The oldest is not checked against anything: a counter takes it by the thumbprint that it was installed with. The same list may be
    /// given more than once.
    ///
    /// # Errors
    /// [`PublishError`], about the first list in the order of versions that is wrong.
    pub fn verify(files: Vec<(String, Vec<u8>)>, now: Timestamp) -> Result<TrustChain, PublishError> {
        let mut by_version: BTreeMap<u64, (String, Vec<u8>)> = BTreeMap::new();
        for (name, bytes) in files {
            let version = match UnverifiedTrustList::parse(&bytes) {
                Ok(list) => list.unverified_list().version,
                Err(why) => return Err(PublishError::new(name, Fault::Trust(why))),
            };
            match by_version.get(&version) {
                Some((other, known)) if *known != bytes => {
                    return Err(PublishError::new(name, Fault::OtherContent { version, other: other.clone() }));
                }
                Some(_) => {}
                None => drop(by_version.insert(version, (name, bytes))),
            }
        }
        let mut chain: Option<(String, TrustList)> = None;
        let mut lists = Vec::with_capacity(by_version.len());
        for (version, (name, bytes)) in by_version {
            let list = link(&bytes, chain.as_ref().map(|(_, list)| list))
                .map_err(|fault| PublishError::new(name.clone(), fault))?;
            chain = Some((name, list));
            lists.push(TrustFile { version, bytes });
        }
        let Some((name, newest)) = chain else {
            return Err(PublishError::new("trust".into(), Fault::NoTrust));
        };
        let fault = if newest.issued_at.seconds_since(now) > AHEAD_SECS_MAX {
            Fault::FromFuture(newest.issued_at)
        } else if newest.expires_at <= now {
            Fault::Expired(newest.expires_at)
        } else {
            let keys = keys_by_kid(&newest);
            return Ok(TrustChain { lists, newest, keys });
        };
        Err(PublishError::new(name, fault))
    }

    /// The list in force.
    pub fn newest(&self) -> &TrustList {
        &self.newest
    }

    /// All lists, the oldest first.
    pub fn files(&self) -> &[TrustFile] {
        &self.lists
    }

    /// Checks a status list that lies in the folder of `issuer` under the name of `list`, as a counter with the newest trust list will: it is
    /// signed by a key of that issuer for status lists, which was in force, it has the issuer's name for it, and it has not expired.
    ///
    /// `path` is its path in the tree.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn status_file(
        &self,
        path: &str,
        issuer: &str,
        list: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<StatusEntry, PublishError> {
        self.check_status(issuer, list, bytes, now)
            .map(|(subject, issued_at)| StatusEntry {
                path: path.into(),
                subject,
                issued_at: issued_at.to_string(),
                bytes: bytes.len() as u64,
                sha256: digest(bytes),
            })
            .map_err(|fault| PublishError::new(path.into(), fault))
    }

    /// The key with this kid, and whose it is, by the newest list.
    pub fn key(&self, kid: Kid) -> Option<(&Issuer, &IssuerKey, &PublicKey)> {
        let (issuer, entry, key) = self.keys.get(&kid)?;
        let issuer = self.newest.issuers.get(*issuer)?;
        Some((issuer, issuer.keys.get(*entry)?, key))
    }

    fn check_status(
        &self,
        folder: &str,
        number: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(String, Timestamp), Fault> {
        if bytes.len() > STATUS_TOKEN_BYTES_MAX {
            return Err(Fault::TooLarge { limit: STATUS_TOKEN_BYTES_MAX });
        }
        let token = UnverifiedStatusList::parse(bytes).map_err(Fault::Status)?;
        let (kid, issued_at) = (token.kid(), token.unverified_head().issued_at);
        let (issuer, entry, key) = self.key(kid).ok_or(Fault::KeyUnknown)?;
        if issuer.id.as_str() != folder {
            return Err(Fault::OtherIssuer(issuer.id.as_str().into()));
        }
        let compromised = entry.compromised_from.is_some_and(|from| issued_at >= from);
        if !entry.may(Usage::Status) || issued_at < entry.not_before || issued_at >= entry.not_after || compromised {
            return Err(Fault::KeyNotInForce);
        }
        let checked = token.check(key).map_err(Fault::Entries)?;
        let head = checked.head();
        if head.subject != subject(issuer, number) {
            return Err(Fault::Subject { is: head.subject.clone(), should_be: subject(issuer, number) });
        }
        if issued_at.seconds_since(now) > AHEAD_SECS_MAX {
            return Err(Fault::FromFuture(issued_at));
        }
        match head.expires_at {
            Some(at) if at <= now => Err(Fault::Expired(at)),
            _ => Ok((head.subject.clone(), issued_at)),
        }
    }
}

/// One list of a chain, and the list before it.
fn link(bytes: &[u8], before: Option<&TrustList>) -> Result<TrustList, Fault> {
    let read = UnverifiedTrustList::parse(bytes).map_err(Fault::Trust)?;
    let list = read.unverified_list();
    list.check().map_err(Fault::Inconsistent)?;
    if !read.signed_by(&list.roots) {
        return Err(Fault::OwnThreshold { needed: list.roots.threshold() });
    }
    if let Some(before) = before {
        if !read.signed_by(&before.roots) {
            return Err(Fault::PreviousThreshold { needed: before.roots.threshold(), version: before.version });
        }
        if list.roots != before.roots && Some(list.version) != before.version.checked_add(1) {
            return Err(Fault::RootChangeSkips { before: before.version });
        }
        if list.version - before.version > VERSION_JUMP_MAX {
            return Err(Fault::VersionJump { before: before.version });
        }
    }
    Ok(list.clone())
}

fn keys_by_kid(list: &TrustList) -> BTreeMap<Kid, (usize, usize, PublicKey)> {
    let mut keys = BTreeMap::new();
    for (i, issuer) in list.issuers.iter().enumerate() {
        for (k, entry) in issuer.keys.iter().enumerate() {
            if let Ok(key) = PublicKey::try_from(&entry.key) {
                keys.insert(key.kid(), (i, k, key));
            }
        }
    }
    keys
}

fn subject(issuer: &Issuer, list: u64) -> String {
    format!("{}/{list}", issuer.status_uri)
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    v: u64,
    made_at: String,
    trust: Vec<TrustEntry>,
    status: Vec<StatusEntry>,
}

/// A trust list in an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustEntry {
    /// From the folder of the index.
    pub path: String,
    /// Its version.
    pub version: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// A status list in an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEntry {
    /// From the folder of the index.
    pub path: String,
    /// Its `sub`: status address, "/", number.
    pub subject: String,
    /// When it was signed (RFC 3339).
    pub issued_at: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The form of index that this module writes.
const FORM: u64 = 1;

impl Index {
    /// The most files that counters read of an index.
    pub const FILES_MAX: usize = 10_000;

    /// The index of these lists, in the order of versions and paths.
    ///
    /// # Errors
    /// [`Fault::TooMany`].
    pub fn new(chain: &TrustChain, mut status: Vec<StatusEntry>, made_at: Timestamp) -> Result<Index, PublishError> {
        let trust = chain.lists.iter().map(|file| TrustEntry {
            path: trust_path(file.version),
            version: file.version,
            bytes: file.bytes.len() as u64,
            sha256: digest(&file.bytes),
        });
        status.sort_by(|a, b| a.path.cmp(&b.path));
        let index = Index { v: FORM, made_at: made_at.to_string(), trust: trust.collect(), status };
        if index.trust.len() + index.status.len() > Index::FILES_MAX {
            return Err(PublishError::new("index.json".into(), Fault::TooMany));
        }
        Ok(index)
    }

    /// The trust lists.
    pub fn trust(&self) -> &[TrustEntry] {
        &self.trust
    }

    /// The status lists.
    pub fn status(&self) -> &[StatusEntry] {
        &self.status
    }

    /// Whether the other announces the very same lists, whenever it was made.
    pub fn announces_the_same(&self, other: &Index) -> bool {
        (self.v, &self.trust, &self.status) == (other.v, &other.trust, &other.status)
    }

    /// Forgets the status lists that were announced by a clock which was ahead: dated later than counters take, by a clock that says `now` and
    /// is right.
    pub fn forget_dates_ahead(&mut self, now: Timestamp) {
        let is_ahead = |at: Timestamp| at.seconds_since(now) > AHEAD_SECS_MAX;
        self.status.retain(|entry| !Timestamp::parse(&entry.issued_at).is_ok_and(is_ahead));
    }

    /// Refuses to take back what was announced: a version of the trust list that is gone or is another, a status list that is older.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn may_follow(&self, announced: &Index) -> Result<(), PublishError> {
        for old in &announced.trust {
            if !self.trust.iter().any(|new| (new.version, &new.sha256) == (old.version, &old.sha256)) {
                return Err(PublishError::new(old.path.clone(), Fault::TrustGone(old.version)));
            }
        }
        let announced: BTreeMap<&str, &StatusEntry> =
            announced.status.iter().map(|old| (old.subject.as_str(), old)).collect();
        for new in &self.status {
            let Some(old) = announced.get(new.subject.as_str()) else { continue };
            let (was, is) = (Timestamp::parse(&old.issued_at), Timestamp::parse(&new.issued_at));
            if let (Ok(was), Ok(is)) = (was, is)
                && (is < was || is == was && new.sha256 != old.sha256)
            {
                return Err(PublishError::new(new.path.clone(), Fault::StatusBack { was, is }));
            }
        }
        Ok(())
    }
}

/// Where a version of the trust list lies in the tree.
pub fn trust_path(version: u64) -> String {
    format!("trust/{version}.cose")
}

/// Why a tree is not announced: the file, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct PublishError {
    /// The file, as the caller named it.
    pub file: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none at all.
    #[error("there is no trust list; give one with --trust")]
    NoTrust,
    /// Not a trust list.
    #[error("not a trust list ({0}); take it out, or put the right file there")]
    Trust(Malformed),
    /// It contradicts itself.
    #[error("the trust list contradicts itself: {0}")]
    Inconsistent(TrustListError),
    /// Two lists with one version.
    #[error(
        "version {version} has other content in {other}; find out which of the two was released, counters refuse the other"
    )]
    OtherContent {
        /// The version of both.
        version: u64,
        /// The other file.
        other: String,
    },
    /// Too few of its own root keys signed it.
    #[error("fewer than {needed} of the list's own root keys signed it; complete the signatures")]
    OwnThreshold {
        /// How many must.
        needed: u64,
    },
    /// Too few root keys of the list before signed it.
    #[error(
        "fewer than {needed} of the root keys of version {version}, the one before it, signed it; counters would refuse it: give the versions in between, or complete the signatures"
    )]
    PreviousThreshold {
        /// How many must.
        needed: u64,
        /// Of the list before.
        version: u64,
    },
    /// The root keys change and versions are missing.
    #[error("the root keys change after version {before}, and versions in between are missing; give them with --trust")]
    RootChangeSkips {
        /// The version before.
        before: u64,
    },
    /// Further ahead than counters follow.
    #[error("the version is more than {VERSION_JUMP_MAX} ahead of version {before}; give the versions in between")]
    VersionJump {
        /// The version before.
        before: u64,
    },
    /// Dated ahead of the clock.
    #[error("the list is dated {0}, ahead of this computer's clock; set the clock, or sign the list again")]
    FromFuture(Timestamp),
    /// Its time is over.
    #[error("the list expired at {0}, and counters would refuse it; publish a new one in its place")]
    Expired(Timestamp),
    /// Not a status list.
    #[error("not a status list ({0}); take it out, or publish the list again")]
    Status(Malformed),
    /// Its signature or its compression is wrong.
    #[error(transparent)]
    Entries(StatusListError),
    /// Signed by nobody in the newest trust list.
    #[error(
        "the status list is signed by a key that the newest trust list does not have; publish it with a key that it has, or take it out"
    )]
    KeyUnknown,
    /// In the folder of an issuer that did not sign it.
    #[error("the status list is signed by a key of {0}, in whose folder it belongs; move it there, or take it out")]
    OtherIssuer(String),
    /// Its key may not sign status lists, or not at that time.
    #[error(
        "the key that signed the status list may not do so, or not at that time; publish it again with the status key in force"
    )]
    KeyNotInForce,
    /// Under a name that is not its own.
    #[error(
        "the status list is named {is} and would have to be {should_be} there; publish it again with the status address of the trust list"
    )]
    Subject {
        /// What it says.
        is: String,
        /// What it must say.
        should_be: String,
    },
    /// Larger than a list is.
    #[error("the file has more than {limit} bytes, which no status list has; take it out")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// More files than counters read of an index.
    #[error("there are more than 10,000 lists, and counters read no more of one index; publish in two folders")]
    TooMany,
    /// A trust list that was announced is no longer there.
    #[error("version {0} was announced, and is gone or has other content; put the announced file back")]
    TrustGone(u64),
    /// A status list that is not newer than the announced one.
    #[error(
        "the status list of {is} is not newer than the announced one of {was}; publish it again, or put the announced file back"
    )]
    StatusBack {
        /// What was announced.
        was: Timestamp,
        /// What is there now.
        is: Timestamp,
    },
}

impl PublishError {
    fn new(file: String, fault: Fault) -> PublishError {
        PublishError { file, fault }
    }

    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match &self.fault {
            Fault::NoTrust => "PUBLISH_NO_TRUST",
            Fault::Trust(_) => "TRUST_MALFORMED",
            Fault::Inconsistent(error) => error.code(),
            Fault::OtherContent { .. } => "PUBLISH_SAME_VERSION",
            Fault::OwnThreshold { .. } => "TRUST_OWN_THRESHOLD",
            Fault::PreviousThreshold { .. } => "TRUST_PREVIOUS_THRESHOLD",
            Fault::RootChangeSkips { .. } => "TRUST_ROOT_CHANGE_SKIPS",
            Fault::VersionJump { .. } => "TRUST_VERSION_JUMP",
            Fault::FromFuture(_) => "PUBLISH_FROM_FUTURE",
            Fault::Expired(_) => "PUBLISH_EXPIRED",
            Fault::Status(_) => "STATUS_MALFORMED",
            Fault::Entries(error) => error.code(),
            Fault::KeyUnknown => "STATUS_KEY_UNKNOWN",
            Fault::OtherIssuer(_) => "PUBLISH_OTHER_ISSUER",
            Fault::KeyNotInForce => "STATUS_KEY_USAGE",
            Fault::Subject { .. } => "STATUS_SUBJECT",
            Fault::TooLarge { .. } => "PUBLISH_TOO_LARGE",
            Fault::TooMany => "PUBLISH_TOO_MANY",
            Fault::TrustGone(_) => "PUBLISH_TRUST_GONE",
            Fault::StatusBack { .. } => "PUBLISH_STATUS_OLDER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::IssuingKey;
    use crate::issue::tests::{key, now};
    use crate::status::{self, StatusPeriod, StatusUri};
    use crate::trust::{self, Predecessor, TrustDraft, draft};
    use ed25519_dalek::SigningKey;

    const DAY: u64 = 86_400;

    fn code<T: std::fmt::Debug>(result: Result<T, PublishError>) -> &'static str {
        result.unwrap_err().code()
    }

    /// One root key, key 1, and TIANHE with key 3 for everything.
    fn draft_by(roots: &[u8]) -> TrustDraft {
        let mut draft = draft::tests::draft();
        draft.roots = roots.iter().map(|seed| draft::key_hex(&key(*seed).public().cose_key())).collect();
        draft
    }

    fn list(version: u64, roots: &[u8], at: Timestamp) -> TrustList {
        draft_by(roots).to_list(version, at).unwrap()
    }

    /// Signed by all of these, whether it may be or not.
    fn signed(list: &TrustList, signers: &[u8]) -> Vec<u8> {
        let to_sign = list.to_sign().unwrap();
        let keys: Vec<IssuingKey<SigningKey>> = signers.iter().map(|seed| key(*seed)).collect();
        let signatures: Vec<_> =
            keys.iter().map(|key| (*key.public(), key.sign(&to_sign.message(key.public())).unwrap())).collect();
        to_sign.finish(&signatures)
    }

    fn trust(version: u64, roots: &[u8], signers: &[u8]) -> (String, Vec<u8>) {
        (trust_path(version), signed(&list(version, roots, now()), signers))
    }

    fn chain() -> TrustChain {
        TrustChain::verify(vec![trust(7, &[1], &[1])], now()).unwrap()
    }

    fn status_list(number: u64, at: Timestamp, seed: u8) -> Vec<u8> {
        let uri = StatusUri::parse("https://status.example.cn/tianhe").unwrap();
        let period = StatusPeriod::new(at, 7 * DAY, DAY).unwrap();
        status::sign([], number, &uri, period, &key(seed)).unwrap().bytes().to_vec()
    }

    #[test]
    fn a_chain_goes_from_the_oldest_to_the_newest_whatever_the_order() {
        let files = vec![
            trust(9, &[2], &[2]),
            trust(5, &[1], &[1]),
            trust(8, &[2], &[1, 2]),
            trust(7, &[1], &[1]),
            trust(7, &[1], &[1]),
        ];
        let chain = TrustChain::verify(files, now()).unwrap();
        assert_eq!(chain.files().iter().map(|file| file.version).collect::<Vec<_>>(), [5, 7, 8, 9]);
        assert_eq!(chain.newest().version, 9);
        // What `trust::sign` makes is a link of a chain.
        let old = list(1, &[1], now());
        let new = trust::sign(&list(2, &[2], now()), Some(&Predecessor::from(&old)), &[&key(1), &key(2)]).unwrap();
        let files = vec![("1".into(), signed(&old, &[1])), ("2".into(), new.bytes().to_vec())];
        assert_eq!(TrustChain::verify(files, now()).unwrap().newest().version, 2);
    }

    #[test]
    fn a_broken_chain_is_named_where_it_breaks() {
        let refused = |files: Vec<(String, Vec<u8>)>| {
            let error = TrustChain::verify(files, now()).unwrap_err();
            (error.file.clone(), error.code())
        };
        let at = |version: u64, code| (trust_path(version), code);
        assert_eq!(refused(vec![]), ("trust".into(), "PUBLISH_NO_TRUST"));
        assert_eq!(refused(vec![("x".into(), b"<html>".to_vec())]), ("x".into(), "TRUST_MALFORMED"));
        assert_eq!(refused(vec![trust(7, &[1], &[2])]), at(7, "TRUST_OWN_THRESHOLD"));
        let old = trust(7, &[1], &[1]);
        assert_eq!(refused(vec![old.clone(), trust(8, &[2], &[2])]), at(8, "TRUST_PREVIOUS_THRESHOLD"));
        assert_eq!(refused(vec![old.clone(), trust(8, &[2], &[1])]), at(8, "TRUST_OWN_THRESHOLD"));
        assert_eq!(refused(vec![old.clone(), trust(9, &[2], &[1, 2])]), at(9, "TRUST_ROOT_CHANGE_SKIPS"));
        assert_eq!(refused(vec![old.clone(), trust(10_008, &[1], &[1])]), at(10_008, "TRUST_VERSION_JUMP"));
        assert!(TrustChain::verify(vec![old.clone(), trust(10_007, &[1], &[1])], now()).is_ok());
        let other = ("again.cose".into(), signed(&list(7, &[1], now().checked_sub(1).unwrap()), &[1]));
        assert_eq!(refused(vec![old.clone(), other]), ("again.cose".into(), "PUBLISH_SAME_VERSION"));
        // A link further down is looked at too.
        assert_eq!(
            refused(vec![trust(6, &[2], &[2]), old.clone(), trust(8, &[1], &[1])]),
            at(7, "TRUST_PREVIOUS_THRESHOLD")
        );
    }

    #[test]
    fn only_the_newest_must_be_in_force() {
        let dated = |version, at: Timestamp| vec![(trust_path(version), signed(&list(version, &[1], at), &[1]))];
        let life = 90 * DAY;
        let ended = now().checked_sub(life).unwrap();
        assert_eq!(code(TrustChain::verify(dated(7, ended), now())), "PUBLISH_EXPIRED");
        assert!(TrustChain::verify(dated(7, now().checked_sub(life - 1).unwrap()), now()).is_ok());
        assert!(TrustChain::verify([dated(7, ended), dated(8, now())].concat(), now()).is_ok());
        let ahead = |secs| TrustChain::verify(dated(7, now().checked_add(secs).unwrap()), now());
        assert!(ahead(120).is_ok());
        assert_eq!(code(ahead(121)), "PUBLISH_FROM_FUTURE");
    }

    #[test]
    fn a_status_list_is_where_it_belongs_and_good_today() {
        let chain = chain();
        let file = |folder: &str, number, bytes: &[u8]| {
            chain.status_file("status/x", folder, number, bytes, now()).map_err(|error| {
                assert_eq!(error.file, "status/x");
                error.code()
            })
        };
        let good = status_list(1, now(), 3);
        let entry = file("TIANHE", 1, &good).unwrap();
        assert_eq!((entry.subject.as_str(), entry.bytes), ("https://status.example.cn/tianhe/1", good.len() as u64));
        assert_eq!((entry.issued_at, entry.sha256), (now().to_string(), hex::encode(Sha256::digest(&good))));
        assert_eq!(file("HAIZHU", 1, &good), Err("PUBLISH_OTHER_ISSUER"));
        assert_eq!(file("TIANHE", 2, &good), Err("STATUS_SUBJECT"));
        assert_eq!(file("TIANHE", 1, &status_list(1, now(), 4)), Err("STATUS_KEY_UNKNOWN"));
        assert_eq!(file("TIANHE", 1, b"<html>"), Err("STATUS_MALFORMED"));
        assert_eq!(file("TIANHE", 1, &vec![0; STATUS_TOKEN_BYTES_MAX + 1]), Err("PUBLISH_TOO_LARGE"));
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(file("TIANHE", 1, &forged), Err("STATUS_SIGNATURE"));
        let aged = |secs: u64| status_list(1, now().checked_sub(secs).unwrap(), 3);
        assert!(file("TIANHE", 1, &aged(7 * DAY - 1)).is_ok());
        assert_eq!(file("TIANHE", 1, &aged(7 * DAY)), Err("PUBLISH_EXPIRED"));
        let ahead = |secs: u64| status_list(1, now().checked_add(secs).unwrap(), 3);
        assert!(file("TIANHE", 1, &ahead(120)).is_ok());
        assert_eq!(file("TIANHE", 1, &ahead(121)), Err("PUBLISH_FROM_FUTURE"));
    }

    #[test]
    fn a_key_signs_status_lists_in_its_time_and_for_its_use() {
        let check = |change: fn(&mut draft::KeyDraft), at: &str| {
            let mut draft = draft_by(&[1]);
            change(&mut draft.issuers[0].keys[0]);
            let at = Timestamp::parse(at).unwrap();
            let list = draft.to_list(7, at).unwrap();
            let chain = TrustChain::verify(vec![("7".into(), signed(&list, &[1]))], at).unwrap();
            chain.status_file("p", "TIANHE", 1, &status_list(1, at, 3), at).map_err(|error| error.code()).map(drop)
        };
        let as_it_is: fn(&mut draft::KeyDraft) = |_| {};
        let refused = Err("STATUS_KEY_USAGE");
        assert_eq!(check(as_it_is, "2026-01-01T00:00:00+08:00"), Ok(()));
        assert_eq!(check(as_it_is, "2025-12-31T23:59:59+08:00"), refused);
        assert_eq!(check(as_it_is, "2029-12-31T23:59:59+08:00"), Ok(()));
        assert_eq!(check(as_it_is, "2030-01-01T00:00:00+08:00"), refused);
        let sound: fn(&mut draft::KeyDraft) = |key| key.compromised_from = None;
        assert_eq!(check(sound, "2030-12-31T23:59:59+08:00"), Ok(()));
        assert_eq!(check(sound, "2031-01-01T00:00:00+08:00"), refused);
        assert_eq!(check(|key| key.usages = vec![draft::UsageWord::Permit], "2026-07-01T00:00:00+08:00"), refused);
    }

    #[test]
    fn what_was_announced_is_not_taken_back() {
        let chain_of = |files| TrustChain::verify(files, now()).unwrap();
        let (one, two) = (chain(), chain_of(vec![trust(7, &[1], &[1]), trust(8, &[1], &[1])]));
        let status = |at: Timestamp| vec![one.status_file("s/1", "TIANHE", 1, &status_list(1, at, 3), now()).unwrap()];
        let earlier = now().checked_sub(1).unwrap();
        let index = |chain: &TrustChain, status: &[StatusEntry]| Index::new(chain, status.to_vec(), now()).unwrap();
        let old = index(&one, &status(earlier));
        for new in [index(&one, &status(earlier)), index(&two, &status(now())), index(&two, &[])] {
            assert_eq!(new.may_follow(&old), Ok(()));
        }
        assert_eq!(
            code(index(&one, &status(earlier)).may_follow(&index(&one, &status(now())))),
            "PUBLISH_STATUS_OLDER"
        );
        assert_eq!(code(index(&one, &[]).may_follow(&index(&two, &[]))), "PUBLISH_TRUST_GONE");
        // By a clock that is two minutes and a second behind, what was announced is ahead; by one of two minutes it is not.
        for (behind, refused) in [(120, true), (121, false)] {
            let mut announced = index(&one, &status(now()));
            announced.forget_dates_ahead(now().checked_sub(behind).unwrap());
            assert_eq!(index(&one, &status(earlier)).may_follow(&announced).is_err(), refused, "{behind}");
        }
        let mut other = old.clone();
        other.status[0].sha256 = "0".repeat(64);
        assert_eq!(code(old.may_follow(&other)), "PUBLISH_STATUS_OLDER");
        other.trust[0].sha256 = "0".repeat(64);
        assert_eq!(code(old.may_follow(&other)), "PUBLISH_TRUST_GONE");

        let later = Index::new(&one, status(earlier), now().checked_add(60).unwrap()).unwrap();
        assert!(later.announces_the_same(&old) && later != old);
        assert!(!index(&two, &status(earlier)).announces_the_same(&old));
        assert!(!index(&one, &status(now())).announces_the_same(&old));
    }

    #[test]
    fn an_index_has_the_form_that_counters_read() {
        let chain = chain();
        let entry = chain.status_file("status/TIANHE/1.cwt", "TIANHE", 1, &status_list(1, now(), 3), now()).unwrap();
        let index = Index::new(&chain, vec![entry], now()).unwrap();
        let json = serde_json::to_value(&index).unwrap();
        let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&json), ["made_at", "status", "trust", "v"]);
        assert_eq!(names(&json["trust"][0]), ["bytes", "path", "sha256", "version"]);
        assert_eq!(names(&json["status"][0]), ["bytes", "issued_at", "path", "sha256", "subject"]);
        assert_eq!((&json["v"], &json["trust"][0]["path"]), (&1.into(), &"trust/7.cose".into()));
        let many = vec![index.status[0].clone(); 10_000];
        assert_eq!(code(Index::new(&chain, many.clone(), now())), "PUBLISH_TOO_MANY");
        assert!(Index::new(&chain, many[1..].to_vec(), now()).is_ok());
    }
}
