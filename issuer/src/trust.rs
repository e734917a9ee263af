//! The trust list 信任名单 in the making: a draft that people read and edit as JSON, and its signing with root keys (SPEC section 6).
//!
//! ```json
//! {
//!   "version": 3,
//!   "days": 90,
//!   "threshold": 1,
//!   "roots": ["5dd8…64 hex digits"],
//!   "issuers": [{
//!     "id": "TIANHE", "name": "广州市公安局天河区分局", "divisions": ["440106"],
//!     "status_uri": "https://status.example.cn/tianhe",
//!     "keys": [{ "key": "d75a…", "usages": ["permit", "voucher", "status"],
//!                "not_before": "2026-01-01T00:00:00+08:00", "not_after": "2031-01-01T00:00:00+08:00" }]
//!   }],
//!   "rules": [{ "division": "44", "permit_name": "广东省居住证", "window": { "months": 1 }, "live_code": true }]
//! }
//! ```
//!
//! Keys are hex: 64 digits are an Ed25519 key, 66 a compressed P-256 key. `version` is that of the list signed last, 0 before the first.

use std::fmt;

use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::division::DivisionPrefix;
use credential_format::key::{CoseKey, Kid};
use credential_format::region::{self, RegionRule, Window};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{
    Issuer, IssuerKey, RootKeys, TrustList, TrustListError, UnverifiedTrustList, Usage,
};
use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};
use signature::Signer;

use crate::issue::{IssuingKey, SigningError};
use crate::request;

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
    if let Some(previous) = follows {
        if list.version <= previous.version {
            return Err(TrustError::Version { offered: list.version, current: previous.version });
        }
        if list.roots != previous.roots && Some(list.version) != previous.version.checked_add(1) {
            return Err(TrustError::RootChangeSkips { offered: list.version, current: previous.version });
        }
    }
    let to_sign = list.to_sign()?;
    let mut signatures = Vec::with_capacity(signers.len());
    for (place, signer) in signers.iter().enumerate() {
        let kid = signer.kid();
        if signers.iter().take(place).any(|other| other.kid() == kid) {
            return Err(TrustError::SignerTwice(kid));
        }
        let is_root = |roots: &RootKeys| roots.keys().contains(&signer.public().cose_key());
        if !is_root(&list.roots) && !follows.is_some_and(|previous| is_root(&previous.roots)) {
            return Err(TrustError::NotARoot(kid));
        }
        signatures.push((*signer.public(), signer.sign(&to_sign.message(signer.public()))?));
    }
    if signatures.is_empty() {
        return Err(TrustError::OwnThreshold { needed: list.roots.threshold() });
    }
    let bytes = to_sign.finish(&signatures);

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
            TrustError::NotARoot(_) => "TRUST_NOT_A_ROOT",
            TrustError::SignerTwice(_) => "TRUST_SIGNER_TWICE",
            TrustError::OwnThreshold { .. } => "TRUST_OWN_THRESHOLD",
            TrustError::PreviousThreshold { .. } => "TRUST_PREVIOUS_THRESHOLD",
            TrustError::Signing(error) => error.code(),
            TrustError::Unreadable => "TRUST_UNREADABLE",
        }
    }
}

/// A trust list as people edit it. [`to_list`](TrustDraft::to_list) makes the list of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDraft {
    /// The version of the list that was signed last, 0 before the first.
    pub version: u64,
    /// How many days a list is good for.
    pub days: u32,
    /// How many root keys must sign.
    pub threshold: u64,
    /// The root keys, in hex.
    pub roots: Vec<String>,
    /// Who may issue permits.
    pub issuers: Vec<IssuerDraft>,
    /// The rules of each region.
    pub rules: Vec<RuleDraft>,
}

/// An issuing authority in a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerDraft {
    /// 1 to 32 of A-Z, 0-9 and -.
    pub id: String,
    /// The authority's name as a screen shows it.
    pub name: String,
    /// The first 2, 4 or 6 digits of the divisions it issues for.
    pub divisions: Vec<String>,
    /// What the names of its status lists begin with.
    pub status_uri: String,
    /// Its keys.
    pub keys: Vec<KeyDraft>,
}

/// An issuer's key in a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDraft {
    /// The public key, in hex.
    pub key: String,
    /// What it may sign.
    pub usages: Vec<UsageWord>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// RFC 3339: what it signed from then on is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_from: Option<String>,
    /// A key for specimens (样本).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub specimen: bool,
}

/// A usage as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageWord {
    /// Permits that are shown live.
    Permit,
    /// Printed permits.
    Voucher,
    /// Status lists.
    Status,
}

impl UsageWord {
    /// Reads `permit`, `voucher` or `status`.
    pub fn parse(word: &str) -> Option<UsageWord> {
        match word {
            "permit" => Some(UsageWord::Permit),
            "voucher" => Some(UsageWord::Voucher),
            "status" => Some(UsageWord::Status),
            _ => None,
        }
    }

    fn usage(self) -> Usage {
        match self {
            UsageWord::Permit => Usage::Permit,
            UsageWord::Voucher => Usage::Voucher,
            UsageWord::Status => Usage::Status,
        }
    }

    fn of(usage: Usage) -> UsageWord {
        match usage {
            Usage::Permit => UsageWord::Permit,
            Usage::Voucher => UsageWord::Voucher,
            Usage::Status => UsageWord::Status,
        }
    }
}

/// A region rule in a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDraft {
    /// The first 2, 4 or 6 digits of the divisions it is for.
    pub division: String,
    /// The name of the permit there.
    pub permit_name: String,
    /// How long before its end an endorsement can be renewed.
    pub window: WindowDraft,
    /// After how many years of suspension a permit is cancelled by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_cancel_years: Option<u8>,
    /// Whether permits may be shown as live codes.
    pub live_code: bool,
    /// The name of the printed permit; none is accepted without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_name: Option<String>,
}

/// `{"months": 1}` or `{"days": 60}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowDraft {
    /// Calendar months.
    Months(u8),
    /// Days.
    Days(u16),
}

/// What is wrong with a draft, and where: `issuers[2].keys[0].not_after`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct DraftError {
    /// The path in the JSON.
    pub place: String,
    /// A stable name of what is wrong.
    pub code: &'static str,
    /// A sentence, with what to do.
    pub what: String,
}

impl TrustDraft {
    /// A draft with these root keys and the rules of Guangdong, Shenzhen and Zhejiang, without any issuer.
    pub fn new(threshold: u64, roots: &[CoseKey], days: u32) -> TrustDraft {
        TrustDraft {
            version: 0,
            days,
            threshold,
            roots: roots.iter().map(key_hex).collect(),
            issuers: Vec::new(),
            rules: region::standard_rules().iter().map(RuleDraft::of).collect(),
        }
    }

    /// The draft that says what a list says.
    pub fn of(list: &TrustList) -> TrustDraft {
        let days = list.expires_at.seconds_since(list.issued_at) / 86_400;
        TrustDraft {
            version: list.version,
            days: u32::try_from(days).unwrap_or(1).max(1),
            threshold: list.roots.threshold(),
            roots: list.roots.keys().iter().map(key_hex).collect(),
            issuers: list.issuers.iter().map(IssuerDraft::of).collect(),
            rules: list.rules.iter().map(RuleDraft::of).collect(),
        }
    }

    /// The root keys.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn root_keys(&self) -> Result<RootKeys, DraftError> {
        let keys = self.roots.iter().enumerate().map(|(i, key)| read_key(key, || format!("roots[{i}]")));
        RootKeys::new(self.threshold, keys.collect::<Result<_, _>>()?).map_err(|e| DraftError {
            place: "roots".into(),
            code: e.code(),
            what: e.to_string(),
        })
    }

    /// The list of this version, issued now and good for [`days`](Self::days) days. It is consistent ([`TrustList::check`]).
    ///
    /// # Errors
    /// The first [`DraftError`].
    pub fn to_list(&self, version: u64, now: Timestamp) -> Result<TrustList, DraftError> {
        let days = self.days;
        let expires_at = (1..=3_650).contains(&days).then(|| now.checked_add(u64::from(days) * 86_400)).flatten();
        let expires_at = expires_at.ok_or_else(|| DraftError {
            place: "days".into(),
            code: "TRUST_DAYS",
            what: format!("a list cannot be good for {days} days; write a number from 1 to 3650"),
        })?;
        let issuers = self.issuers.iter().enumerate().map(|(i, issuer)| issuer.read(&format!("issuers[{i}]")));
        let rules = self.rules.iter().enumerate().map(|(i, rule)| rule.read(&format!("rules[{i}]")));
        let list = TrustList {
            version,
            issued_at: now,
            expires_at,
            roots: self.root_keys()?,
            issuers: issuers.collect::<Result<_, _>>()?,
            rules: rules.collect::<Result<_, _>>()?,
        };
        match list.check() {
            Ok(()) => Ok(list),
            Err(error) => Err(DraftError { place: "draft".into(), code: error.code(), what: error.to_string() }),
        }
    }
}

impl IssuerDraft {
    fn of(issuer: &Issuer) -> IssuerDraft {
        IssuerDraft {
            id: issuer.id.as_str().into(),
            name: issuer.name.as_str().into(),
            divisions: issuer.divisions.iter().map(|division| division.as_str().into()).collect(),
            status_uri: issuer.status_uri.clone(),
            keys: issuer.keys.iter().map(KeyDraft::of).collect(),
        }
    }

    fn read(&self, at: &str) -> Result<Issuer, DraftError> {
        let divisions = self.divisions.iter().enumerate().map(|(i, prefix)| {
            DivisionPrefix::parse(prefix).map_err(|e| wrong(format!("{at}.divisions[{i}]"), e.code(), &e))
        });
        let keys = self.keys.iter().enumerate().map(|(i, key)| key.read(&format!("{at}.keys[{i}]")));
        Ok(Issuer {
            id: CounterId::parse(&self.id).map_err(|_| DraftError {
                place: format!("{at}.id"),
                code: "ISSUER_ID",
                what: "an issuer's id is 1 to 32 of A-Z, 0-9 and -; write it like TIANHE-01".into(),
            })?,
            name: DisplayText::parse(&self.name).map_err(|e| wrong(format!("{at}.name"), e.code(), &e))?,
            divisions: divisions.collect::<Result<_, _>>()?,
            keys: keys.collect::<Result<_, _>>()?,
            status_uri: self.status_uri.clone(),
        })
    }
}

impl KeyDraft {
    fn of(key: &IssuerKey) -> KeyDraft {
        KeyDraft {
            key: key_hex(&key.key),
            usages: key.usages.iter().map(|usage| UsageWord::of(*usage)).collect(),
            not_before: key.not_before.to_string(),
            not_after: key.not_after.to_string(),
            compromised_from: key.compromised_from.map(|from| from.to_string()),
            specimen: key.specimen,
        }
    }

    fn read(&self, at: &str) -> Result<IssuerKey, DraftError> {
        let time =
            |field: &str, text: &str| Timestamp::parse(text).map_err(|e| wrong(format!("{at}.{field}"), e.code(), &e));
        let mut usages: Vec<Usage> = self.usages.iter().map(|usage| usage.usage()).collect();
        usages.sort();
        usages.dedup();
        Ok(IssuerKey {
            key: read_key(&self.key, || format!("{at}.key"))?,
            usages,
            not_before: time("not_before", &self.not_before)?,
            not_after: time("not_after", &self.not_after)?,
            compromised_from: self.compromised_from.as_deref().map(|at| time("compromised_from", at)).transpose()?,
            specimen: self.specimen,
        })
    }
}

impl RuleDraft {
    fn of(rule: &RegionRule) -> RuleDraft {
        RuleDraft {
            division: rule.prefix().as_str().into(),
            permit_name: rule.permit_name().as_str().into(),
            window: match rule.window() {
                Window::Months(n) => WindowDraft::Months(n),
                Window::Days(n) => WindowDraft::Days(n),
            },
            auto_cancel_years: rule.auto_cancel_years(),
            live_code: rule.live_code(),
            voucher_name: rule.voucher_name().map(|name| name.as_str().into()),
        }
    }

    fn read(&self, at: &str) -> Result<RegionRule, DraftError> {
        let name = |field: &str, text: &str| {
            DisplayText::parse(text).map_err(|e| wrong(format!("{at}.{field}"), e.code(), &e))
        };
        RegionRule::new(
            DivisionPrefix::parse(&self.division).map_err(|e| wrong(format!("{at}.division"), e.code(), &e))?,
            name("permit_name", &self.permit_name)?,
            match self.window {
                WindowDraft::Months(n) => Window::Months(n),
                WindowDraft::Days(n) => Window::Days(n),
            },
            self.auto_cancel_years,
            self.live_code,
            self.voucher_name.as_deref().map(|text| name("voucher_name", text)).transpose()?,
        )
        .map_err(|e| wrong(at.into(), e.code(), &e))
    }
}

/// A public key as a draft writes it.
pub fn key_hex(key: &CoseKey) -> String {
    match key {
        CoseKey::Ed25519(bytes) => hex::encode(bytes),
        CoseKey::P256(bytes) => hex::encode(bytes),
    }
}

fn read_key(text: &str, place: impl FnOnce() -> String) -> Result<CoseKey, DraftError> {
    request::cose_key(text).ok_or_else(|| DraftError {
        place: place(),
        code: "TRUST_KEY_FORM",
        what: "a key is 64 hex digits (Ed25519), or 66 that begin with 02 or 03 (P-256); enter it whole".into(),
    })
}

fn wrong(place: String, code: &'static str, what: &dyn fmt::Display) -> DraftError {
    DraftError { place, code, what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::tests::{Faulty, key, now};

    fn draft() -> TrustDraft {
        let mut draft = TrustDraft::new(1, &[key(1).public().cose_key()], 90);
        draft.issuers.push(IssuerDraft {
            id: "TIANHE".into(),
            name: "广州市公安局天河区分局".into(),
            divisions: vec!["440106".into()],
            status_uri: "https://status.example.cn/tianhe".into(),
            keys: vec![KeyDraft {
                key: key_hex(&key(3).public().cose_key()),
                usages: vec![UsageWord::Status, UsageWord::Permit],
                not_before: "2026-01-01T00:00:00+08:00".into(),
                not_after: "2031-01-01T00:00:00+08:00".into(),
                compromised_from: Some("2030-01-01T00:00:00+08:00".into()),
                specimen: true,
            }],
        });
        draft
    }

    fn code(result: Result<SignedTrustList, TrustError>) -> Option<&'static str> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_draft_is_a_list_and_a_list_a_draft() {
        let list = draft().to_list(1, now()).unwrap();
        assert_eq!(list.expires_at.seconds_since(now()), 90 * 86_400);
        let back = TrustDraft::of(&list);
        assert_eq!(back.to_list(1, now()).unwrap(), list);
        let json = serde_json::to_string(&back).unwrap();
        assert_eq!(serde_json::from_str::<TrustDraft>(&json).unwrap(), back);
        assert!(
            json.contains(r#""usages":["permit","status"]"#) && json.contains(r#""window":{"months":1}"#),
            "{json}"
        );
        assert!(json.contains(r#""not_after":"2031-01-01T00:00:00+08:00""#));
    }

    #[test]
    fn a_signed_list_carries_signatures_that_hold() {
        let list = draft().to_list(1, now()).unwrap();
        let signed = sign(&list, None, &[&key(1)]).unwrap();
        let read = UnverifiedTrustList::parse(signed.bytes()).unwrap();
        assert!(read.signed_by(&list.roots));
        assert_eq!(read.unverified_list(), &list);
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

    #[test]
    fn a_fault_in_a_draft_is_named_with_its_place() {
        let fault = |change: fn(&mut TrustDraft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.to_list(1, now()).map_err(|error| (error.place, error.code)).unwrap_err()
        };
        type Change = fn(&mut TrustDraft);
        let cases: [(Change, &str, &str); 11] = [
            (|d| d.days = 0, "days", "TRUST_DAYS"),
            (|d| d.days = 3651, "days", "TRUST_DAYS"),
            (|d| d.roots[0].truncate(10), "roots[0]", "TRUST_KEY_FORM"),
            (|d| d.threshold = 2, "roots", "TRUST_THRESHOLD"),
            (|d| d.issuers[0].id = "tianhe".into(), "issuers[0].id", "ISSUER_ID"),
            (|d| d.issuers[0].divisions = vec!["4".into()], "issuers[0].divisions[0]", "DIVISION_PREFIX"),
            (|d| d.issuers[0].divisions = vec!["11".into()], "draft", "TRUST_NO_RULE"),
            (|d| d.issuers[0].keys[0].not_after = "2031".into(), "issuers[0].keys[0].not_after", "TIME_FORM"),
            (|d| d.issuers[0].keys[0].not_after = "2020-01-01T00:00:00Z".into(), "draft", "TRUST_KEY_PERIOD"),
            (|d| d.issuers[0].status_uri = "http://a".into(), "draft", "TRUST_STATUS_URI"),
            (|d| d.rules[0].window = WindowDraft::Months(13), "rules[0]", "REGION_WINDOW"),
        ];
        for (change, place, code) in cases {
            assert_eq!(fault(change), (place.to_owned(), code));
        }
    }
}
