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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use credential_format::trust_list::RootKeys;

    use super::*;
    use crate::testing::{
        DAY, OTHER_ROOT, PERMIT_KEY, ROOT, STATUS_KEY, at, cose_key, public_key, sign_trust, thumbprint, trust_content,
        trust_list,
    };

    /// A list of this version, signed by these roots, with a change.
    fn list(version: u64, signers: &[u8], change: impl FnOnce(&mut TrustList)) -> Vec<u8> {
        let mut content = trust_content(version);
        change(&mut content);
        sign_trust(&content, signers)
    }

    fn same(_: &mut TrustList) {}

    fn roots(threshold: u64, names: &[u8]) -> impl FnOnce(&mut TrustList) {
        let roots = RootKeys::new(threshold, names.iter().map(|name| cose_key(*name)).collect()).unwrap();
        move |content| content.roots = roots
    }

    fn in_use(version: u64) -> TrustedList {
        TrustedList::first(&trust_list(version), &thumbprint(ROOT), at(0)).unwrap()
    }

    /// The version that is taken after 7, at this time; 0 for the same list; or the code of the refusal.
    fn after_7(bytes: &[u8], now: i64) -> Result<u64, &'static str> {
        TrustedList::next(bytes, &in_use(7), at(now))
            .map(|next| next.map_or(0, |next| next.list().version))
            .map_err(|refusal| refusal.code())
    }

    fn first(bytes: &[u8], now: i64) -> Result<u64, &'static str> {
        let taken = TrustedList::first(bytes, &thumbprint(ROOT), at(now));
        taken.map(|taken| taken.list().version).map_err(|refusal| refusal.code())
    }

    #[test]
    fn versions_rise_and_do_not_jump() {
        assert_eq!(after_7(&trust_list(7), 0), Ok(0), "the same list");
        let other = |content: &mut TrustList| content.expires_at = at(300 * DAY);
        assert_eq!(after_7(&list(7, &[ROOT], other), 0), Err("TRUST_SAME_VERSION"));
        assert_eq!(after_7(&trust_list(6), 0), Err("TRUST_ROLLBACK"));
        assert_eq!(after_7(&trust_list(8), 0), Ok(8));
        assert_eq!(after_7(&trust_list(7 + VERSION_JUMP_MAX), 0), Ok(10_007));
        assert_eq!(after_7(&trust_list(8 + VERSION_JUMP_MAX), 0), Err("TRUST_VERSION_JUMP"));
    }

    #[test]
    fn root_keys_change_with_the_very_next_version_signed_by_old_and_new() {
        let both = || roots(2, &[ROOT, OTHER_ROOT]);
        assert_eq!(after_7(&list(8, &[ROOT, OTHER_ROOT], both()), 0), Ok(8));
        assert_eq!(after_7(&list(9, &[ROOT, OTHER_ROOT], both()), 0), Err("TRUST_ROOT_CHANGE_SKIPS"));
        assert_eq!(after_7(&list(8, &[ROOT], both()), 0), Err("TRUST_OWN_THRESHOLD"));
        assert_eq!(after_7(&list(8, &[OTHER_ROOT], roots(1, &[OTHER_ROOT])), 0), Err("TRUST_CURRENT_THRESHOLD"));
        assert_eq!(after_7(&list(8, &[OTHER_ROOT], same), 0), Err("TRUST_CURRENT_THRESHOLD"));
        // Without a change of the roots versions may be left out.
        assert_eq!(after_7(&list(9, &[ROOT], same), 0), Ok(9));
    }

    #[test]
    fn a_list_is_taken_until_it_expires_and_a_change_of_roots_after_that_too() {
        let ends = 365 * DAY;
        assert_eq!((after_7(&trust_list(8), ends - 1), first(&trust_list(8), ends - 1)), (Ok(8), Ok(8)));
        let refused = (Err("TRUST_EXPIRED"), Err("TRUST_EXPIRED"));
        assert_eq!((after_7(&trust_list(8), ends), first(&trust_list(8), ends)), refused);
        assert_eq!(after_7(&list(8, &[ROOT, OTHER_ROOT], roots(1, &[OTHER_ROOT])), ends), Ok(8));
    }

    #[test]
    fn a_list_from_the_future_is_not_taken() {
        let dated = |seconds: i64| list(8, &[ROOT], |content| content.issued_at = at(seconds));
        for (seconds, taken) in [(120, Ok(8)), (121, Err("TRUST_FROM_FUTURE"))] {
            assert_eq!((after_7(&dated(seconds), 0), first(&dated(seconds), 0)), (taken, taken), "{seconds}");
        }
    }

    #[test]
    fn the_first_list_is_signed_by_the_root_that_was_installed() {
        assert_eq!(first(&trust_list(3), 0), Ok(3));
        assert_eq!(first(&list(3, &[OTHER_ROOT], roots(1, &[OTHER_ROOT])), 0), Err("TRUST_NOT_THE_ROOT"));
        assert_eq!(first(&list(3, &[ROOT], roots(2, &[ROOT, OTHER_ROOT])), 0), Err("TRUST_OWN_THRESHOLD"));
        assert_eq!(first(b"\xd8\x62", 0), Err("TRUST_MALFORMED"));
    }

    #[test]
    fn what_lies_on_a_disk_is_counted_again() {
        let bytes = trust_list(7);
        let reloaded = TrustedList::reload(&bytes).unwrap();
        assert_eq!((reloaded.list(), reloaded.bytes()), (in_use(7).list(), bytes.as_slice()));
        let forged = list(7, &[OTHER_ROOT], same);
        assert_eq!(TrustedList::reload(&forged).unwrap_err(), TrustRefusal::OwnThreshold);
    }

    #[test]
    fn a_key_is_found_with_its_issuer_and_no_other() {
        let trust = in_use(1);
        for (place, name) in [PERMIT_KEY, STATUS_KEY].into_iter().enumerate() {
            let (issuer, entry, key) = trust.key(public_key(name).kid()).unwrap();
            assert_eq!((issuer.id.as_str(), &entry.key, key), ("GZ-PSB", &cose_key(name), &public_key(name)));
            assert_eq!(entry, &issuer.keys[place]);
        }
        // A root signs lists, not permits.
        assert!(trust.key(public_key(ROOT).kid()).is_none());
        let division = |digits| Division::parse(digits).unwrap();
        assert_eq!(trust.rule_for(division("440106")), trust_content(1).rules.first());
        assert_eq!(trust.rule_for(division("110101")), None);
    }

    #[test]
    fn every_refusal_is_said_in_both_languages() {
        let malformed = UnverifiedTrustList::parse(&[]).unwrap_err();
        let inconsistent = RootKeys::new(0, vec![]).unwrap_err();
        let root = thumbprint(ROOT);
        let refusals = vec![
            TrustRefusal::Malformed(malformed),
            TrustRefusal::Inconsistent(inconsistent),
            TrustRefusal::NotTheRoot(root),
            TrustRefusal::OwnThreshold,
            TrustRefusal::CurrentThreshold(4_711),
            TrustRefusal::Rollback { offered: 4_710, current: 4_711 },
            TrustRefusal::SameVersionOtherContent(4_711),
            TrustRefusal::RootChangeSkips { offered: 4_713, current: 4_711 },
            TrustRefusal::VersionJump { offered: 94_713, current: 4_711 },
            TrustRefusal::FromFuture { offered: at(1), now: at(0) },
            TrustRefusal::Expired(at(0)),
        ];
        let mut codes: Vec<&str> = refusals.iter().map(TrustRefusal::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), refusals.len());
        let numbers = ["4710", "4711", "4713", "94713"].map(ToString::to_string);
        for refusal in &refusals {
            let (en, zh) = (refusal.to_string(), refusal.zh());
            let is_of_a_list = zh.contains('版') || zh.contains("名单");
            assert!(en.is_ascii() && is_of_a_list && zh.chars().count() > 10, "{en} {zh}");
            // What the English sentence names, the Chinese one names too.
            for named in numbers.iter().cloned().chain([at(0).to_string(), at(1).to_string(), root.to_string()]) {
                assert_eq!(en.contains(&named), zh.contains(&named), "{en} {zh}");
            }
        }
    }
}
