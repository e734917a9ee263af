//! The status lists that a verifier goes by (SPEC section 7).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use credential_format::cbor::Malformed;
use credential_format::key::{Kid, PublicKey};
use credential_format::status_list::{StatusList, StatusListError, StatusListHead, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, Usage};

use crate::trust::TrustedList;

/// A status list that a key of the trust list signed, and that its issuer may publish under this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedStatusList {
    list: StatusList,
    number: u64,
    kid: Kid,
}

/// Why a status list is not taken. The one in use stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusRefusal {
    /// Not a status list.
    #[error("not a status list: {0}; fetch the file again")]
    Malformed(#[from] Malformed),
    /// Its signature or its compression is wrong.
    #[error(transparent)]
    List(#[from] StatusListError),
    /// Signed by a key that the trust list does not have.
    #[error(
        "the status list is signed by key {0}, which the trust list does not have; fetch the newest trust list first"
    )]
    UnknownKey(Kid),
    /// Signed by a key that may not sign status lists, or not at that time.
    #[error("key {0} may not sign a status list of that time; report this to the issuing authority")]
    KeyUsage(Kid),
    /// Published under another issuer's name.
    #[error("the status list does not belong to the issuer whose key signed it; report this to the issuing authority")]
    Subject,
    /// Older than the one in use.
    #[error("the status list of {offered} is older than the one in use, of {current}; nothing was changed")]
    Rollback {
        /// What was offered.
        offered: Timestamp,
        /// What is in use.
        current: Timestamp,
    },
    /// Another list with the time of the one in use.
    #[error("the status list of {0} is in use with other content; report this to the issuing authority")]
    SameTimeOtherContent(Timestamp),
    /// Its time is over.
    #[error("the status list expired at {0}; fetch a newer one")]
    Expired(Timestamp),
}

impl StatusRefusal {
    /// A stable name of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            StatusRefusal::Malformed(_) => "STATUS_MALFORMED",
            StatusRefusal::List(error) => error.code(),
            StatusRefusal::UnknownKey(_) => "STATUS_KEY_UNKNOWN",
            StatusRefusal::KeyUsage(_) => "STATUS_KEY_USAGE",
            StatusRefusal::Subject => "STATUS_SUBJECT",
            StatusRefusal::Rollback { .. } => "STATUS_ROLLBACK",
            StatusRefusal::SameTimeOtherContent(_) => "STATUS_SAME_TIME",
            StatusRefusal::Expired(_) => "STATUS_EXPIRED",
        }
    }
}

impl TrustedStatusList {
    /// Checks a status list against the trust list: a key of the issuer, for status lists, in force, and the issuer's own name for it.
    ///
    /// # Errors
    /// [`StatusRefusal`].
    pub fn check(bytes: &[u8], trust: &TrustedList) -> Result<TrustedStatusList, StatusRefusal> {
        let token = UnverifiedStatusList::parse(bytes)?;
        let (issuer, key) = key_in_force(trust, token.kid(), token.unverified_head().issued_at)?;
        let number = list_number(issuer, &token.unverified_head().subject).ok_or(StatusRefusal::Subject)?;
        Ok(TrustedStatusList { list: token.check(key)?, number, kid: token.kid() })
    }

    /// Whether the key that signed the list still stands in this trust list, with the issuer of that name: the trust list may be newer than
    /// the one the list was checked against.
    pub fn stands(&self, trust: &TrustedList) -> bool {
        let StatusListHead { subject, issued_at, .. } = self.list.head();
        key_in_force(trust, self.kid, *issued_at)
            .is_ok_and(|(issuer, _)| list_number(issuer, subject) == Some(self.number))
    }

    /// Whether this list may take the place of `current`, both being of one subject: newer, and not over.
    ///
    /// # Errors
    /// [`StatusRefusal::Rollback`], [`StatusRefusal::SameTimeOtherContent`], [`StatusRefusal::Expired`].
    pub fn may_follow(&self, current: Option<&TrustedStatusList>, now: Timestamp) -> Result<(), StatusRefusal> {
        let head = self.list.head();
        if let Some(current) = current {
            let in_use = current.list.head().issued_at;
            if head.issued_at < in_use {
                return Err(StatusRefusal::Rollback { offered: head.issued_at, current: in_use });
            }
            if head.issued_at == in_use && self != current {
                return Err(StatusRefusal::SameTimeOtherContent(in_use));
            }
        }
        match head.expires_at {
            Some(expires_at) if expires_at <= now => Err(StatusRefusal::Expired(expires_at)),
            _ => Ok(()),
        }
    }

    /// The list.
    pub fn list(&self) -> &StatusList {
        &self.list
    }

    /// The list's number with its issuer.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// The key of this kid, if it may sign a status list of that time.
fn key_in_force(trust: &TrustedList, kid: Kid, issued_at: Timestamp) -> Result<(&Issuer, &PublicKey), StatusRefusal> {
    let (issuer, entry, key) = trust.key(kid).ok_or(StatusRefusal::UnknownKey(kid))?;
    let compromised = entry.compromised_from.is_some_and(|from| issued_at >= from);
    let in_force = entry.not_before <= issued_at && issued_at < entry.not_after && !compromised;
    if entry.may(Usage::Status) && in_force { Ok((issuer, key)) } else { Err(StatusRefusal::KeyUsage(kid)) }
}

/// The name that an issuer's list goes by: status address, "/", number.
pub fn subject(issuer: &Issuer, list: u64) -> String {
    format!("{}/{list}", issuer.status_uri)
}

fn list_number(issuer: &Issuer, subject: &str) -> Option<u64> {
    let number = subject.strip_prefix(&issuer.status_uri)?.strip_prefix('/')?;
    let list: u64 = number.parse().ok()?;
    // "+7" and "007" are numbers to `parse`, and other names.
    (list.to_string() == number).then_some(list)
}

/// The status lists at hand: by status address, then number, so that looking one up makes no text.
#[derive(Clone, Debug, Default)]
pub struct StatusLists {
    lists: BTreeMap<String, BTreeMap<u64, TrustedStatusList>>,
}

impl StatusLists {
    /// No list yet.
    pub fn new() -> StatusLists {
        StatusLists::default()
    }

    /// Puts a list in the place of the one with its subject, which it must be allowed to follow.
    ///
    /// # Errors
    /// As [`TrustedStatusList::may_follow`]; then nothing is changed.
    pub fn replace(&mut self, list: TrustedStatusList, now: Timestamp) -> Result<(), StatusRefusal> {
        list.may_follow(self.get(&list.list.head().subject), now)?;
        self.put(list);
        Ok(())
    }

    /// Puts a list that was taken before and kept, whatever its age: how old it may be is a verdict's business.
    pub fn put(&mut self, list: TrustedStatusList) {
        if let Some((uri, _)) = list.list.head().subject.rsplit_once('/') {
            self.lists.entry(uri.into()).or_default().insert(list.number, list);
        }
    }

    /// The list of this number of this issuer.
    pub fn find(&self, issuer: &Issuer, list: u64) -> Option<&TrustedStatusList> {
        self.lists.get(&issuer.status_uri)?.get(&list)
    }

    /// The list of this subject.
    pub fn get(&self, subject: &str) -> Option<&TrustedStatusList> {
        let (uri, number) = subject.rsplit_once('/')?;
        self.lists.get(uri)?.get(&number.parse().ok()?)
    }

    /// All lists, by address and number.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedStatusList> {
        self.lists.values().flat_map(BTreeMap::values)
    }
}
