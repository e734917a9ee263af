//! The trust list that a verifier goes by: how it becomes trusted, and how the next one replaces it (SPEC section 6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::division::Division;
use credential_format::key::{Kid, PublicKey, Thumbprint};
use credential_format::region::RegionRule;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, TrustList, TrustListError, UnverifiedTrustList};

/// A trust list whose signatures were counted and whose content is consistent. Made by [`first`](Self::first), [`next`](Self::next) and
/// [`reload`](Self::reload) only.
#[derive(Clone, Debug)]
pub struct TrustedList {
    list: TrustList,
    /// Points are worked out once, not at every scan.
    keys: BTreeMap<Kid, (usize, usize, PublicKey)>,
    bytes: Vec<u8>,
}

/// Why a trust list is not taken. The one in use stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRefusal {
    /// Not a trust list.
    #[error("not a trust list: {0}; fetch the file again")]
    Malformed(#[from] Malformed),
    /// It contradicts itself.
    #[error("the trust list contradicts itself: {0}")]
    Inconsistent(#[from] TrustListError),
    /// The root key that was installed did not sign it.
    #[error(
        "the trust list is not signed by the root key {0}; check the thumbprint with the authority, or fetch the right list"
    )]
    NotTheRoot(Thumbprint),
    /// Fewer of its own root keys signed it than it wants.
    #[error("fewer of the list's own root keys signed it than it wants itself; fetch the file again")]
    OwnThreshold,
    /// Fewer of the root keys in use signed it than are needed.
    #[error(
        "fewer root keys of the list in use (version {0}) signed it than are needed; fetch the lists in between first"
    )]
    CurrentThreshold(u64),
    /// Older than the one in use.
    #[error("version {offered} is older than version {current}, which is in use; nothing was changed")]
    Rollback {
        /// What was offered.
        offered: u64,
        /// What is in use.
        current: u64,
    },
    /// Another list with the version of the one in use.
    #[error("version {0} is in use with other content; report this to the authority: two lists share a version")]
    SameVersionOtherContent(u64),
    /// The root keys change, so that no version may be skipped.
    #[error("the root keys change from version {current} to {offered}, with versions in between; fetch those first")]
    RootChangeSkips {
        /// What was offered.
        offered: u64,
        /// What is in use.
        current: u64,
    },
    /// Its time is over.
    #[error("the trust list expired at {0}; fetch a newer one")]
    Expired(Timestamp),
}

impl TrustRefusal {
    /// A stable name of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            TrustRefusal::Malformed(_) => "TRUST_MALFORMED",
            TrustRefusal::Inconsistent(error) => error.code(),
            TrustRefusal::NotTheRoot(_) => "TRUST_NOT_THE_ROOT",
            TrustRefusal::OwnThreshold => "TRUST_OWN_THRESHOLD",
            TrustRefusal::CurrentThreshold(_) => "TRUST_CURRENT_THRESHOLD",
            TrustRefusal::Rollback { .. } => "TRUST_ROLLBACK",
            TrustRefusal::SameVersionOtherContent(_) => "TRUST_SAME_VERSION",
            TrustRefusal::RootChangeSkips { .. } => "TRUST_ROOT_CHANGE_SKIPS",
            TrustRefusal::Expired(_) => "TRUST_EXPIRED",
        }
    }
}

impl TrustedList {
    /// The first list of a verifier: signed by the root key whose thumbprint was given at installation, and by its own threshold.
    ///
    /// # Errors
    /// [`TrustRefusal`].
    pub fn first(bytes: &[u8], root: &Thumbprint, now: Timestamp) -> Result<TrustedList, TrustRefusal> {
        let list = UnverifiedTrustList::parse(bytes)?;
        list.signer(root).ok_or(TrustRefusal::NotTheRoot(*root))?;
        unexpired(&list, now)?;
        Self::own_threshold(&list, bytes)
    }

    /// The list after `current`: signed by a threshold of the root keys in use and of its own; never older; version + 1 exactly when the
    /// root keys change. `Ok(None)` when it is the list in use.
    ///
    /// A list that changes the root keys is taken even when it has expired: it is a link of the chain to the one after it, and until that
    /// one comes every verdict is undetermined.
    ///
    /// # Errors
    /// [`TrustRefusal`]; `current` stays as it is.
    pub fn next(bytes: &[u8], current: &TrustedList, now: Timestamp) -> Result<Option<TrustedList>, TrustRefusal> {
        if bytes == current.bytes {
            return Ok(None);
        }
        let list = UnverifiedTrustList::parse(bytes)?;
        let (offered, in_use) = (list.unverified_list(), &current.list);
        if !list.signed_by(&in_use.roots) {
            return Err(TrustRefusal::CurrentThreshold(in_use.version));
        }
        if offered.version < in_use.version {
            return Err(TrustRefusal::Rollback { offered: offered.version, current: in_use.version });
        }
        if offered.version == in_use.version {
            return Err(TrustRefusal::SameVersionOtherContent(in_use.version));
        }
        if offered.roots != in_use.roots && Some(offered.version) != in_use.version.checked_add(1) {
            return Err(TrustRefusal::RootChangeSkips { offered: offered.version, current: in_use.version });
        }
        if offered.roots == in_use.roots {
            unexpired(&list, now)?;
        }
        Self::own_threshold(&list, bytes).map(Some)
    }

    /// A list that this verifier took before and kept: its signatures are counted again, since a disk is not a proof. An expired list is
    /// loaded too; that it expired is a verdict's business.
    ///
    /// # Errors
    /// [`TrustRefusal`].
    pub fn reload(bytes: &[u8]) -> Result<TrustedList, TrustRefusal> {
        Self::own_threshold(&UnverifiedTrustList::parse(bytes)?, bytes)
    }

    fn own_threshold(list: &UnverifiedTrustList<'_>, bytes: &[u8]) -> Result<TrustedList, TrustRefusal> {
        let content = list.unverified_list();
        content.check()?;
        if !list.signed_by(&content.roots) {
            return Err(TrustRefusal::OwnThreshold);
        }
        let mut keys = BTreeMap::new();
        for (i, issuer) in content.issuers.iter().enumerate() {
            for (k, entry) in issuer.keys.iter().enumerate() {
                if let Ok(key) = PublicKey::try_from(&entry.key) {
                    keys.insert(key.kid(), (i, k, key));
                }
            }
        }
        Ok(TrustedList { list: content.clone(), keys, bytes: bytes.into() })
    }

    /// The list's content.
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// The list as it was signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key that a permit or a status list names, and whose it is.
    pub fn key(&self, kid: Kid) -> Option<(&Issuer, &IssuerKey, &PublicKey)> {
        let (issuer, entry, key) = self.keys.get(&kid)?;
        let issuer = self.list.issuers.get(*issuer)?;
        Some((issuer, issuer.keys.get(*entry)?, key))
    }

    /// The rule of the region that this division is in.
    pub fn rule_for(&self, division: Division) -> Option<&RegionRule> {
        self.list.rule_for(division)
    }
}

fn unexpired(list: &UnverifiedTrustList<'_>, now: Timestamp) -> Result<(), TrustRefusal> {
    let expires_at = list.unverified_list().expires_at;
    if now < expires_at { Ok(()) } else { Err(TrustRefusal::Expired(expires_at)) }
}
