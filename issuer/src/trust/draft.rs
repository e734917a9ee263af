//! A trust list as people write it: JSON that is read, edited and kept beside the root keys' papers, and becomes a [`TrustList`].
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

use credential_format::counter_id::CounterId;
use credential_format::display_text::{DisplayText, DisplayTextError};
use credential_format::division::{DivisionError, DivisionPrefix};
use credential_format::key::{CoseKey, Kid, PublicKey};
use credential_format::region::{self, RegionRule, RegionRuleError, Window};
use credential_format::timestamp::{Timestamp, TimestampError};
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use serde::{Deserialize, Serialize};

use crate::request;

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
        [UsageWord::Permit, UsageWord::Voucher, UsageWord::Status].into_iter().find(|usage| usage.word() == word)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            UsageWord::Permit => "permit",
            UsageWord::Voucher => "voucher",
            UsageWord::Status => "status",
        }
    }

    fn usage(self) -> Usage {
        match self {
            UsageWord::Permit => Usage::Permit,
            UsageWord::Voucher => Usage::Voucher,
            UsageWord::Status => Usage::Status,
        }
    }

    pub(super) fn of(usage: Usage) -> UsageWord {
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
    /// The first [`DraftError`]. [`lint_draft`](super::lint::lint_draft) names all of them.
    pub fn to_list(&self, version: u64, now: Timestamp) -> Result<TrustList, DraftError> {
        let expires_at = self.expires_at(now)?;
        let roots = self.root_keys()?;
        let mut faults = Vec::new();
        let issuers: Vec<_> = self.read_issuers(&mut faults).into_iter().map(|issuer| issuer.entry).collect();
        let rules = self.read_rules(&mut faults);
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault.into());
        }
        // Whatever could not be read has left a fault.
        let (issuers, rules) = (issuers.into_iter().flatten().collect(), rules.into_iter().flatten().collect());
        let list = TrustList { version, issued_at: now, expires_at, roots, issuers, rules };
        match list.check() {
            Ok(()) => Ok(list),
            Err(error) => Err(DraftError { place: "draft".into(), code: error.code(), what: error.to_string() }),
        }
    }

    /// Where the key stands that permits name by this kid. Entries that are no keys are passed over.
    pub fn key_mut(&mut self, kid: Kid) -> Option<(&str, &mut KeyDraft)> {
        self.issuers.iter_mut().find_map(|issuer| {
            let id = issuer.id.as_str();
            issuer.keys.iter_mut().find(|key| key.kid() == Some(kid)).map(|key| (id, key))
        })
    }

    pub(super) fn expires_at(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        let days = self.days;
        let end = (1..=3_650).contains(&days).then(|| now.checked_add(u64::from(days) * 86_400)).flatten();
        end.ok_or_else(|| Fault {
            place: "days".into(),
            code: "TRUST_DAYS",
            en: format!("a list cannot be good for {days} days; write a number from 1 to 3650"),
            zh: format!("名单有效期不能为{days}天，请填写1至3650"),
        })
    }

    /// As many as there are root keys in the draft.
    pub(super) fn read_roots(&self, faults: &mut Vec<Fault>) -> Vec<Option<CoseKey>> {
        let read = |(i, key): (usize, &String)| kept(read_key(key, || format!("roots[{i}]")), faults);
        self.roots.iter().enumerate().map(read).collect()
    }

    /// As many as there are issuers in the draft.
    pub(super) fn read_issuers(&self, faults: &mut Vec<Fault>) -> Vec<ReadIssuer> {
        self.issuers.iter().enumerate().map(|(i, issuer)| issuer.read(&format!("issuers[{i}]"), faults)).collect()
    }

    /// As many as there are region rules in the draft.
    pub(super) fn read_rules(&self, faults: &mut Vec<Fault>) -> Vec<Option<RegionRule>> {
        self.rules.iter().enumerate().map(|(i, rule)| rule.read(&format!("rules[{i}]"), faults)).collect()
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

    fn read(&self, at: &str, faults: &mut Vec<Fault>) -> ReadIssuer {
        let id = CounterId::parse(&self.id).map_err(|_| Fault {
            place: format!("{at}.id"),
            code: "ISSUER_ID",
            en: "an issuer's id is 1 to 32 of A-Z, 0-9 and -; write it like TIANHE-01".into(),
            zh: "签发机关编号应为1至32个大写字母、数字或连字符，请写成如TIANHE-01".into(),
        });
        let id = kept(id, faults);
        let name = kept(field(format!("{at}.name"), DisplayText::parse(&self.name)), faults);
        let divisions: Vec<_> = (self.divisions.iter().enumerate())
            .map(|(i, prefix)| kept(field(format!("{at}.divisions[{i}]"), DivisionPrefix::parse(prefix)), faults))
            .collect();
        let keys: Vec<_> =
            (self.keys.iter().enumerate()).map(|(i, key)| key.read(&format!("{at}.keys[{i}]"), faults)).collect();
        let entry = || {
            Some(Issuer {
                id: id.clone()?,
                name: name?,
                divisions: divisions.iter().copied().collect::<Option<_>>()?,
                keys: keys.iter().map(|key| key.entry.clone()).collect::<Option<_>>()?,
                status_uri: self.status_uri.clone(),
            })
        };
        ReadIssuer { entry: entry(), id, divisions, keys }
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

    /// How permits name the key; none if it is no key.
    pub fn kid(&self) -> Option<Kid> {
        PublicKey::try_from(&request::cose_key(&self.key)?).ok().map(|key| key.kid())
    }

    fn read(&self, at: &str, faults: &mut Vec<Fault>) -> ReadKey {
        let key = kept(read_key(&self.key, || format!("{at}.key")), faults);
        let mut time = |name: &str, text: &str| kept(field(format!("{at}.{name}"), Timestamp::parse(text)), faults);
        let (not_before, not_after) = (time("not_before", &self.not_before), time("not_after", &self.not_after));
        let compromised_from = self.compromised_from.as_deref().map(|text| time("compromised_from", text));
        let mut usages: Vec<Usage> = self.usages.iter().map(|usage| usage.usage()).collect();
        usages.sort();
        usages.dedup();
        let entry = || {
            Some(IssuerKey {
                key: key?,
                usages,
                not_before: not_before?,
                not_after: not_after?,
                compromised_from: match compromised_from {
                    None => None,
                    Some(read) => Some(read?),
                },
                specimen: self.specimen,
            })
        };
        ReadKey { entry: entry(), key }
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

    fn read(&self, at: &str, faults: &mut Vec<Fault>) -> Option<RegionRule> {
        let prefix = kept(field(format!("{at}.division"), DivisionPrefix::parse(&self.division)), faults);
        let mut name = |of: &str, text: &str| kept(field(format!("{at}.{of}"), DisplayText::parse(text)), faults);
        let permit_name = name("permit_name", &self.permit_name);
        let voucher_name = self.voucher_name.as_deref().map(|text| name("voucher_name", text));
        let window = match self.window {
            WindowDraft::Months(n) => Window::Months(n),
            WindowDraft::Days(n) => Window::Days(n),
        };
        let voucher_name = match voucher_name {
            None => None,
            Some(read) => Some(read?),
        };
        let rule = RegionRule::new(prefix?, permit_name?, window, self.auto_cancel_years, self.live_code, voucher_name);
        kept(field(at.into(), rule), faults)
    }
}

/// An issuer of a draft, as far as it could be read.
pub(super) struct ReadIssuer {
    /// The whole, if nothing of it failed.
    pub(super) entry: Option<Issuer>,
    pub(super) id: Option<CounterId>,
    /// As many as in the draft.
    pub(super) divisions: Vec<Option<DivisionPrefix>>,
    /// As many as in the draft.
    pub(super) keys: Vec<ReadKey>,
}

/// A key of a draft, as far as it could be read.
pub(super) struct ReadKey {
    /// The whole, if nothing of it failed.
    pub(super) entry: Option<IssuerKey>,
    pub(super) key: Option<CoseKey>,
}

/// A field that cannot be read: where, a stable name, and a sentence with what to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: String,
    pub(super) code: &'static str,
    pub(super) en: String,
    pub(super) zh: String,
}

impl From<Fault> for DraftError {
    fn from(fault: Fault) -> DraftError {
        DraftError { place: fault.place, code: fault.code, what: fault.en }
    }
}

/// Why a value type was not made, in both languages.
trait InBothLanguages: std::fmt::Display + Copy {
    fn code(self) -> &'static str;
    fn zh(self) -> String;
}

macro_rules! in_both_languages {
    ($($error:ty),*) => {$(
        impl InBothLanguages for $error {
            fn code(self) -> &'static str {
                <$error>::code(self)
            }

            fn zh(self) -> String {
                <$error>::zh(self).into_owned()
            }
        }
    )*};
}

in_both_languages!(DivisionError, DisplayTextError, TimestampError, RegionRuleError);

fn field<T, E: InBothLanguages>(place: String, read: Result<T, E>) -> Result<T, Fault> {
    read.map_err(|error| Fault { place, code: error.code(), en: error.to_string(), zh: error.zh() })
}

/// The value; or none, and one more fault.
fn kept<T>(read: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

/// A public key as a draft writes it.
pub fn key_hex(key: &CoseKey) -> String {
    match key {
        CoseKey::Ed25519(bytes) => hex::encode(bytes),
        CoseKey::P256(bytes) => hex::encode(bytes),
    }
}

fn read_key(text: &str, place: impl FnOnce() -> String) -> Result<CoseKey, Fault> {
    request::cose_key(text).ok_or_else(|| Fault {
        place: place(),
        code: "TRUST_KEY_FORM",
        en: "a key is 64 hex digits (Ed25519), or 66 that begin with 02 or 03 (P-256); enter it whole".into(),
        zh: "公钥应为64位十六进制数字（Ed25519），或以02、03开头的66位（P-256），请完整填写".into(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::issue::tests::{key, now};

    /// One root key, and one issuer with one key that does everything.
    pub(crate) fn draft() -> TrustDraft {
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
    fn a_usage_is_read_as_it_is_written() {
        for usage in [UsageWord::Permit, UsageWord::Voucher, UsageWord::Status] {
            let written = serde_json::to_value(usage).unwrap();
            assert_eq!((written.as_str().unwrap(), UsageWord::parse(usage.word())), (usage.word(), Some(usage)));
        }
        assert_eq!((UsageWord::parse("Permit"), UsageWord::parse("")), (None, None));
    }

    #[test]
    fn a_key_is_found_by_its_kid_and_what_is_no_key_is_passed_over() {
        let mut draft = draft();
        let broken = KeyDraft { key: "00".into(), ..draft.issuers[0].keys[0].clone() };
        assert_eq!(broken.kid(), None);
        draft.issuers[0].keys.insert(0, broken);
        let kid = key(3).public().kid();
        let (issuer, found) = draft.key_mut(kid).unwrap();
        assert_eq!((issuer, found.kid()), ("TIANHE", Some(kid)));
        assert_eq!(draft.key_mut(key(4).public().kid()), None);
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
