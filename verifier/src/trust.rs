//! The trust list that a verifier goes by: how it becomes trusted, and how the next one replaces it (SPEC section 6).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::division::Division;
use credential_format::key::{Kid, PublicKey, Thumbprint};
use credential_format::region::RegionRule;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, TrustList, TrustListError, UnverifiedTrustList};

use crate::policy::Policy;

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
    /// So many versions ahead of the one in use that it can only be a slip or an attack on the numbering.
    #[error(
        "version {offered} is more than {VERSION_JUMP_MAX} ahead of version {current}, which is in use; fetch the lists in between, or report this to the authority"
    )]
    VersionJump {
        /// What was offered.
        offered: u64,
        /// What is in use.
        current: u64,
    },
    /// Signed at a time that this computer's clock has not reached.
    #[error(
        "the trust list was signed at {offered}, and this computer's clock says {now}; set the clock, or report this to the authority"
    )]
    FromFuture {
        /// When it was signed.
        offered: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// Its time is over.
    #[error("the trust list expired at {0}; fetch a newer one")]
    Expired(Timestamp),
}

/// How far ahead of the list in use the next one's version may be: 27 years of a list a day, and a four-thousandth of the numbers there are.
pub const VERSION_JUMP_MAX: u64 = 10_000;

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
            TrustRefusal::VersionJump { .. } => "TRUST_VERSION_JUMP",
            TrustRefusal::FromFuture { .. } => "TRUST_FROM_FUTURE",
            TrustRefusal::Expired(_) => "TRUST_EXPIRED",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            TrustRefusal::Malformed(_) => "不是信任名单，或文件已损坏，请重新获取".into(),
            TrustRefusal::Inconsistent(_) => "信任名单内容自相矛盾，请向发布机关报告".into(),
            TrustRefusal::NotTheRoot(root) => {
                format!("信任名单不是由根密钥 {root} 签署的，请与发布机关核对指纹，或获取正确的名单")
            }
            TrustRefusal::OwnThreshold => "签署该名单的根密钥少于名单自身要求的数量，请重新获取".into(),
            TrustRefusal::CurrentThreshold(version) => {
                format!("在用名单（第 {version} 版）的根密钥签署数量不足，请先获取中间的版本")
            }
            TrustRefusal::Rollback { offered, current } => {
                format!("第 {offered} 版比在用的第 {current} 版旧，未作更改")
            }
            TrustRefusal::SameVersionOtherContent(version) => {
                format!("在用的第 {version} 版与该文件内容不同，请向发布机关报告：两份名单版本号相同")
            }
            TrustRefusal::RootChangeSkips { offered, current } => {
                format!("第 {current} 版到第 {offered} 版之间根密钥有变更，请先获取中间的版本")
            }
            TrustRefusal::VersionJump { offered, current } => {
                format!("第 {offered} 版比在用的第 {current} 版超前太多，请获取中间的版本，或向发布机关报告")
            }
            TrustRefusal::FromFuture { offered, now } => {
                format!("名单签署于 {offered}，而本机时间为 {now}，请校准本机时间，或向发布机关报告")
            }
            TrustRefusal::Expired(at) => format!("信任名单已于 {at} 过期，请获取新名单"),
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
        already_signed(&list, now)?;
        unexpired(&list, now)?;
        Self::own_threshold(&list, bytes)
    }

    /// The list after `current`: signed by a threshold of the root keys in use and of its own; never older; version + 1 exactly when the
    /// root keys change, else at most 10,000 higher; not from the future. `Ok(None)` when it is the list in use.
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
        if offered.version > in_use.version.saturating_add(VERSION_JUMP_MAX) {
            return Err(TrustRefusal::VersionJump { offered: offered.version, current: in_use.version });
        }
        already_signed(&list, now)?;
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

/// A list that would make this clock suspect is not taken: one list with a wrong date must not stop every counter that has taken it.
fn already_signed(list: &UnverifiedTrustList<'_>, now: Timestamp) -> Result<(), TrustRefusal> {
    let offered = list.unverified_list().issued_at;
    let ahead = offered.seconds_since(now) > Policy::default().clock_behind_secs_max;
    if ahead { Err(TrustRefusal::FromFuture { offered, now }) } else { Ok(()) }
}

fn unexpired(list: &UnverifiedTrustList<'_>, now: Timestamp) -> Result<(), TrustRefusal> {
    let expires_at = list.unverified_list().expires_at;
    if now < expires_at { Ok(()) } else { Err(TrustRefusal::Expired(expires_at)) }
}
