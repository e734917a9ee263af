//! Lint 检查: every mistake in a draft or a list at once, each with its place, before anybody signs it.
//!
//! An *error* would make counters refuse the list, or refuse permits that are good; a *warning* is what a careful person asks about.
//! Nothing here touches a file or a clock: the list in use and the ends of the permits come in as arguments.

use std::collections::{BTreeMap, BTreeSet};

use credential_format::division::DivisionPrefix;
use credential_format::key::{Algorithm, CoseKey, Kid, PublicKey};
use credential_format::limits::{ROOT_KEYS_MAX, STATUS_URI_BYTES_MAX, TRUST_VERSION_MAX};
use credential_format::region::RegionRule;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};

use super::VERSION_JUMP_MAX;
use super::draft::{Fault, ReadIssuer, TrustDraft, UsageWord};
use crate::request::PermitRequest;

/// Looks for mistakes in the list of this version that a draft would make now.
///
/// `current` is the list in use, if there is one. `live` are the permits in force by the key that signed them, if a ledger is at hand;
/// without it the ends of keys are judged by the permits that could be signed today.
pub fn lint_draft(
    draft: &TrustDraft,
    version: u64,
    current: Option<&TrustList>,
    live: Option<&[KeyUse]>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut faults = Vec::new();
    let expires_at = draft.expires_at(now).map_err(|fault| faults.push(fault)).ok();
    lint(Subject::new(draft, version, now, expires_at, faults, now), current, live)
}

/// Looks for mistakes in a finished list, as [`lint_draft`] does.
pub fn lint_list(
    list: &TrustList,
    current: Option<&TrustList>,
    live: Option<&[KeyUse]>,
    now: Timestamp,
) -> Vec<Finding> {
    let draft = TrustDraft::of(list);
    lint(Subject::new(&draft, list.version, list.issued_at, Some(list.expires_at), Vec::new(), now), current, live)
}

/// Errors first, each kind in the order of the places.
fn lint(mut subject: Subject<'_>, current: Option<&TrustList>, live: Option<&[KeyUse]>) -> Vec<Finding> {
    subject.version_and_life();
    subject.roots();
    subject.rules();
    subject.issuers();
    subject.scopes();
    subject.keys();
    subject.times_of_keys(live.is_some());
    if let Some(live) = live {
        subject.permits(live);
    }
    if let Some(current) = current {
        subject.version_after(current);
        subject.issuers_after(current);
    }
    let mut findings = subject.findings;
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The path in the draft's JSON: `issuers[2].keys[0].not_after`.
    pub place: String,
    /// A stable name.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to do, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Counters would refuse the list, or good permits.
    Error,
    /// Perhaps meant so.
    Warning,
}

impl Severity {
    /// `error`, `warning`
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    /// 错误、警告
    pub fn zh(self) -> &'static str {
        match self {
            Severity::Error => "错误",
            Severity::Warning => "警告",
        }
    }
}

/// The permits in force that one key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub kid: Kid,
    /// Its permits that are valid or suspended, in any order.
    pub permits: Vec<PermitTimes>,
}

/// When a permit was signed, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitTimes {
    /// `iat`
    pub issued_at: Timestamp,
    /// `exp`
    pub expires_at: Timestamp,
}

impl KeyUse {
    /// How many permits would still be good at this instant, and fall if the key ends then; and when the last of them ends.
    pub fn good_after(&self, end: Timestamp) -> Option<(usize, Timestamp)> {
        let ends = || self.permits.iter().map(|permit| permit.expires_at).filter(|expires_at| *expires_at > end);
        ends().max().map(|last| (ends().count(), last))
    }

    /// How many permits were signed at this instant or later, and still count at `now`.
    pub fn signed_from(&self, from: Timestamp, now: Timestamp) -> usize {
        self.permits.iter().filter(|permit| permit.issued_at >= from && permit.expires_at > now).count()
    }
}

/// A list good for less is soon out of date at a counter that is not reached.
const DAYS_LEFT_MIN: i64 = 14;
/// A list good for longer lets somebody withhold its successor for that long.
const DAYS_MAX: i64 = 400;
const DAY: i64 = 86_400;

/// What is looked at, as far as it could be read, and what was found.
struct Subject<'a> {
    draft: &'a TrustDraft,
    version: u64,
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    roots: Vec<Option<CoseKey>>,
    issuers: Vec<ReadIssuer>,
    rules: Vec<Option<RegionRule>>,
    now: Timestamp,
    findings: Vec<Finding>,
}

impl<'a> Subject<'a> {
    fn new(
        draft: &'a TrustDraft,
        version: u64,
        issued_at: Timestamp,
        expires_at: Option<Timestamp>,
        mut faults: Vec<Fault>,
        now: Timestamp,
    ) -> Subject<'a> {
        let roots = draft.read_roots(&mut faults);
        let (issuers, rules) = (draft.read_issuers(&mut faults), draft.read_rules(&mut faults));
        let findings = faults.into_iter().map(|Fault { place, code, en, zh }| Finding {
            place,
            code,
            severity: Severity::Error,
            en,
            zh,
        });
        let findings = findings.collect();
        Subject { draft, version, issued_at, expires_at, roots, issuers, rules, now, findings }
    }

    fn error(&mut self, place: impl Into<String>, code: &'static str, en: String, zh: String) {
        self.findings.push(Finding { place: place.into(), code, severity: Severity::Error, en, zh });
    }

    fn warning(&mut self, place: impl Into<String>, code: &'static str, en: String, zh: String) {
        self.findings.push(Finding { place: place.into(), code, severity: Severity::Warning, en, zh });
    }

    // ---- The list for itself

    fn version_and_life(&mut self) {
        let version = self.version;
        if !(1..=TRUST_VERSION_MAX).contains(&version) {
            self.error(
                "version",
                "TRUST_VERSION_RANGE",
                format!("version {version} is no version: lists are numbered from 1 to {TRUST_VERSION_MAX}; correct the version"),
                format!("版本号{version}无效，名单版本号应为1至{TRUST_VERSION_MAX}，请更正版本号"),
            );
        }
        let Some(expires_at) = self.expires_at else { return };
        let left = expires_at.seconds_since(self.now);
        if left <= 0 {
            self.error(
                "days",
                "TRUST_EXPIRED",
                format!("the list expired at {expires_at}, and counters refuse it; propose it anew"),
                format!("名单已于{expires_at}过期，核验端不予接受，请重新提案"),
            );
        } else if left < DAYS_LEFT_MIN * DAY {
            self.warning(
                "days",
                "TRUST_EXPIRES_SOON",
                format!("the list is good for fewer than {DAYS_LEFT_MIN} days, until {expires_at}, and a counter that is not reached until then decides nothing; raise days, or publish the next list in time"),
                format!("名单有效期不足{DAYS_LEFT_MIN}天（至{expires_at}），届时未更新的核验端将无法作出判定，请增加days，或及时发布下一版名单"),
            );
        }
        if expires_at.seconds_since(self.issued_at) > DAYS_MAX * DAY {
            self.warning(
                "days",
                "TRUST_EXPIRES_LATE",
                format!("the list is good for more than {DAYS_MAX} days, and so long nobody notices if its successor is withheld from a counter; lower days"),
                format!("名单有效期超过{DAYS_MAX}天，若有人扣留新名单，核验端在此期间无从察觉，请减少days"),
            );
        }
    }

    fn roots(&mut self) {
        let (threshold, count) = (self.draft.threshold, self.roots.len());
        if threshold == 0 || threshold > count as u64 {
            self.error(
                "threshold",
                "TRUST_THRESHOLD",
                format!("{threshold} of {count} root keys are to sign, which cannot be; write a threshold from 1 to {count}, or add root keys"),
                format!("{count}把根密钥中要求{threshold}把签署，不成立，请将threshold改为1至{count}，或增加根密钥"),
            );
        } else if threshold == 1 && count > 1 {
            self.warning(
                "threshold",
                "TRUST_THRESHOLD_ONE",
                format!("there are {count} root keys and any one of them signs alone, so that each more is one more to steal; raise the threshold"),
                format!("共有{count}把根密钥，而任一把即可单独签署，多一把就多一处失窃风险，请提高threshold"),
            );
        }
        if count > ROOT_KEYS_MAX {
            self.error(
                "roots",
                "TRUST_ROOTS_MANY",
                format!("a list has at most {ROOT_KEYS_MAX} root keys, and this one has {count}; take some out"),
                format!("名单最多含{ROOT_KEYS_MAX}把根密钥，现有{count}把，请删减"),
            );
        }
        let mut seen = BTreeSet::new();
        for (i, key) in self.roots.clone().into_iter().enumerate() {
            let Some(key) = key else { continue };
            let place = format!("roots[{i}]");
            if !seen.insert(key) {
                self.error(
                    place,
                    "TRUST_DUPLICATE_ROOT",
                    "this root key stands in the list twice, and counts once; delete one of the two".into(),
                    "该根密钥重复列出，只计一次，请删除其一".into(),
                );
            } else if let Err(error) = PublicKey::try_from(&key) {
                self.unfit(place, &error.to_string());
            }
        }
    }

    fn unfit(&mut self, place: String, why: &str) {
        self.error(
            place,
            "TRUST_KEY_UNFIT",
            why.to_owned(),
            "该公钥不可用：不是曲线上的点，或其阶过小，请更换密钥".into(),
        );
    }

    fn rules(&mut self) {
        let mut seen = BTreeSet::new();
        let prefixes: Vec<_> = self.rules.iter().map(|rule| rule.as_ref().map(RegionRule::prefix)).collect();
        for (i, prefix) in prefixes.into_iter().enumerate() {
            if let Some(prefix) = prefix.filter(|prefix| !seen.insert(*prefix)) {
                self.error(
                    format!("rules[{i}].division"),
                    "TRUST_DUPLICATE_RULE",
                    format!("division {prefix} has two region rules; keep one"),
                    format!("行政区划{prefix}有两条地区规则，请只保留一条"),
                );
            }
        }
    }

    fn issuers(&mut self) {
        let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (i, issuer) in self.draft.issuers.iter().enumerate() {
            let at = format!("issuers[{i}]");
            let name = self.issuer_name(i);
            if !ids.insert(issuer.id.as_str()) {
                self.error(
                    format!("{at}.id"),
                    "TRUST_DUPLICATE_ISSUER",
                    format!("{name} stands in the list twice; merge the two entries"),
                    format!("签发机关{name}重复列出，请合并两处"),
                );
            }
            let uri = issuer.status_uri.as_str();
            let is_address = uri.starts_with("https://")
                && uri.len() <= STATUS_URI_BYTES_MAX
                && uri.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_address {
                self.error(
                    format!("{at}.status_uri"),
                    "TRUST_STATUS_URI",
                    format!("the status address of {name} is not an https address of at most {STATUS_URI_BYTES_MAX} visible ASCII characters; correct it"),
                    format!("{name}的状态名单地址不是https地址，或超过{STATUS_URI_BYTES_MAX}个可见ASCII字符，请更正"),
                );
            } else if !addresses.insert(uri) {
                self.error(
                    format!("{at}.status_uri"),
                    "TRUST_DUPLICATE_STATUS_URI",
                    format!("{name} has the status address of another issuer; give each its own"),
                    format!("{name}的状态名单地址与其他签发机关相同，请各用各的地址"),
                );
            }
            for (is_empty, part, zh) in
                [(issuer.divisions.is_empty(), "divisions", "行政区划"), (issuer.keys.is_empty(), "keys", "密钥")]
            {
                if is_empty {
                    self.error(
                        format!("{at}.{part}"),
                        "TRUST_ISSUER_INCOMPLETE",
                        format!("{name} has no {part}; add one, or take the issuer out"),
                        format!("{name}没有{zh}，请补充，或删除该签发机关"),
                    );
                }
            }
        }
    }

    /// Which divisions issuers cover, and with whom they share them.
    fn scopes(&mut self) {
        let rules: Vec<_> = self.rules.iter().flatten().map(RegionRule::prefix).collect();
        let mut scopes = Vec::new();
        for (i, issuer) in self.issuers.iter().enumerate() {
            let keys = self.draft.issuers.get(i).map(|issuer| issuer.keys.as_slice()).unwrap_or_default();
            let is_real = keys.is_empty() || keys.iter().any(|key| !key.specimen);
            scopes.extend(
                issuer.divisions.iter().enumerate().filter_map(|(d, prefix)| Some((i, d, (*prefix)?, is_real))),
            );
        }
        for (i, d, prefix, is_real) in scopes.iter().copied() {
            let place = format!("issuers[{i}].divisions[{d}]");
            let name = self.issuer_name(i);
            // A rule that could not be read may be the one; it is named already.
            if self.rules.iter().all(Option::is_some) && !rules.iter().any(|rule| rule.contains_prefix(prefix)) {
                self.error(
                    place.clone(),
                    "TRUST_NO_RULE",
                    format!("{name} covers division {prefix}, for which there is no region rule; add one"),
                    format!("{name}的行政区划{prefix}没有地区规则，请补充规则"),
                );
            }
            if !is_real {
                continue;
            }
            let earlier = scopes.iter().filter(|(other, .., real)| *other < i && *real);
            let shared: Vec<_> = earlier
                .filter(|(_, _, theirs, _)| theirs.contains_prefix(prefix) || prefix.contains_prefix(*theirs))
                .map(|(other, _, theirs, _)| (*other, *theirs))
                .collect();
            for (other, theirs) in shared {
                let other = self.issuer_name(other);
                self.warning(
                    place.clone(),
                    "TRUST_DIVISIONS_OVERLAP",
                    format!("{name} covers {prefix} and {other} covers {theirs}, so that both may issue for the same addresses; narrow one of them, unless this is meant"),
                    format!("{name}的区划{prefix}与{other}的区划{theirs}重叠，两者可为同一地址签发，若非有意请缩小其一"),
                );
            }
        }
    }

    /// What is wrong with a key at any time.
    fn keys(&mut self) {
        let mut kids = BTreeSet::new();
        for (i, k) in self.key_places() {
            let Some((key, entry)) = self.read_key(i, k) else { continue };
            let at = format!("issuers[{i}].keys[{k}]");
            let name = self.issuer_name(i);
            let Some(key) = key else { continue };
            let public = match PublicKey::try_from(&key) {
                Ok(public) => public,
                Err(error) => {
                    self.unfit(format!("{at}.key"), &error.to_string());
                    continue;
                }
            };
            let kid = public.kid();
            if !kids.insert(kid) {
                self.error(
                    format!("{at}.key"),
                    "TRUST_DUPLICATE_KID",
                    format!(
                        "kid {kid} stands in the list twice; list each key once, and replace one of two that collide"
                    ),
                    format!("密钥{kid}重复列出，请只列一次；若为两把编号相同的密钥，请更换其一"),
                );
            }
            if self.roots.contains(&Some(key)) {
                self.error(
                    format!("{at}.key"),
                    "TRUST_ROOT_AS_ISSUER_KEY",
                    format!("key {kid} of {name} is also a root key, which must never lie on a machine that issues; make an issuer key of its own"),
                    format!("{name}的密钥{kid}同时是根密钥，根密钥不得用于签发，请另行生成签发密钥"),
                );
            }
            let Some(entry) = entry else { continue };
            if entry.usages.is_empty() {
                self.error(
                    format!("{at}.usages"),
                    "TRUST_ISSUER_INCOMPLETE",
                    format!("key {kid} of {name} has no usages; write permit, voucher or status"),
                    format!("{name}的密钥{kid}没有用途，请填写permit、voucher或status"),
                );
            }
            if signs_permits(&entry) && public.algorithm() != Algorithm::Ed25519 {
                self.error(
                    format!("{at}.key"),
                    "TRUST_KEY_ALGORITHM",
                    format!("key {kid} of {name} is to sign permits and is not Ed25519; use an Ed25519 key"),
                    format!("{name}的密钥{kid}用于签发证照，但不是Ed25519密钥，请改用Ed25519密钥"),
                );
            }
            if entry.not_after <= entry.not_before {
                self.error(
                    format!("{at}.not_after"),
                    "TRUST_KEY_PERIOD",
                    format!("key {kid} of {name} ends before it begins; correct not_before and not_after"),
                    format!("{name}的密钥{kid}的截止时间不晚于启用时间，请更正not_before与not_after"),
                );
            } else if let Some(from) = entry.compromised_from
                && !(entry.not_before..entry.not_after).contains(&from)
            {
                self.warning(
                    format!("{at}.compromised_from"),
                    "TRUST_COMPROMISED_OUTSIDE",
                    format!("key {kid} of {name} is said to be compromised from {from}, outside its time from {} to {}; correct the date", entry.not_before, entry.not_after),
                    format!("{name}的密钥{kid}的失密时间{from}不在其使用期（{}至{}）内，请更正", entry.not_before, entry.not_after),
                );
            }
        }
    }

    /// Whether each issuer's keys are there when they are needed. With a ledger at hand their ends are judged by the permits in it.
    fn times_of_keys(&mut self, has_ledger: bool) {
        let Some(expires_at) = self.expires_at else { return };
        for i in 0..self.issuers.len() {
            let Some(keys) = self.whole_keys(i) else { continue };
            let (at, name) = (format!("issuers[{i}]"), self.issuer_name(i));
            let permit_keys = || keys.iter().filter(|key| signs_permits(key));
            if !permit_keys().any(|key| key.not_before < expires_at && end_of(key) > self.issued_at) {
                self.warning(
                    format!("{at}.keys"),
                    "TRUST_PERMIT_KEY_NONE",
                    format!("{name} has no key for permits or vouchers in force while the list is good, and can issue nothing; add a key, unless this is meant"),
                    format!("在名单有效期内{name}没有可签发证照的密钥，无法签发，若非有意请补充密钥"),
                );
            }
            // As long as permits of the issuer are looked at, their status is.
            let begin = permit_keys().map(|key| key.not_before).min().unwrap_or(expires_at).max(self.issued_at);
            let end = permit_keys().map(|key| key.not_after).max().unwrap_or(begin).min(expires_at);
            match first_gap(&keys, begin, end) {
                Some(gap) if gap == begin => self.error(
                    format!("{at}.keys"),
                    "TRUST_STATUS_KEY_NONE",
                    format!("{name} has no status key in force from {gap}, so that every permit of it becomes undetermined; add a key with the usage status"),
                    format!("自{gap}起{name}没有有效的状态名单密钥，其全部证照将无法判定，请补充用途为status的密钥"),
                ),
                Some(gap) => self.warning(
                    format!("{at}.keys"),
                    "TRUST_STATUS_KEY_ENDS",
                    format!("the status key of {name} ends at {gap}, before the list does, and no new status list can be signed from then on; announce its successor"),
                    format!("{name}的状态名单密钥将于{gap}截止，早于名单到期，此后无法签署新的状态名单，请预告后继密钥"),
                ),
                None => {}
            }
            if !has_ledger {
                self.ends_of_permit_keys(i, &keys);
            }
        }
    }

    /// A permit is good for three years: a key that ends sooner takes the permits with it that it signs today.
    fn ends_of_permit_keys(&mut self, i: usize, keys: &[IssuerKey]) {
        let years = PermitRequest::EXPIRES_AFTER_YEARS;
        let horizon = years_after(self.now, years);
        for (k, key) in keys.iter().enumerate() {
            let is_in_force = key.not_before <= self.now && self.now < end_of(key);
            let has_successor =
                |usage| keys.iter().any(|other| !other.specimen && other.may(usage) && end_of(other) > key.not_after);
            let ends_alone =
                [Usage::Permit, Usage::Voucher].into_iter().any(|usage| key.may(usage) && !has_successor(usage));
            if is_in_force && !key.specimen && key.not_after < horizon && ends_alone {
                let (name, kid, end) = (self.issuer_name(i), kid_text(&key.key), key.not_after);
                self.warning(
                    format!("issuers[{i}].keys[{k}].not_after"),
                    "TRUST_KEY_ENDS_SOON",
                    format!("key {kid} of {name} ends at {end}, and permits that it signs today, which are good for {years} years, end with it; announce a later key, or let this one end later"),
                    format!("{name}的密钥{kid}将于{end}截止，其今日签发的证照（有效期{years}年）将随之失效，请预告后继密钥，或推迟其截止时间"),
                );
            }
        }
    }

    // ---- The permits in force

    fn permits(&mut self, live: &[KeyUse]) {
        let mut listed = BTreeMap::new();
        for (i, k) in self.key_places() {
            let Some((Some(key), entry)) = self.read_key(i, k) else { continue };
            if let Ok(key) = PublicKey::try_from(&key) {
                listed.insert(key.kid(), (i, k, entry));
            }
        }
        for used in live {
            let kid = used.kid;
            let Some((count, _)) = used.good_after(self.now) else { continue };
            match listed.get(&kid) {
                None => self.error(
                    "issuers",
                    "TRUST_KEY_UNLISTED",
                    format!("key {kid} is not in the list and signed {count} permits in force, for which counters would say that the issuer is unknown; add the key"),
                    format!("密钥{kid}不在名单中，而其签发的有效证照有{count}份，核验端将判为签发机关未知，请补充该密钥"),
                ),
                Some((i, k, Some(entry))) => {
                    let end = entry.not_after.max(self.now);
                    let Some((count, last)) = used.good_after(end) else { continue };
                    let (place, name) = (format!("issuers[{i}].keys[{k}].not_after"), self.issuer_name(*i));
                    let end = entry.not_after;
                    self.error(
                        place,
                        "TRUST_KEY_ENDS_BEFORE_PERMITS",
                        format!("key {kid} of {name} ends at {end}, and with it {count} permits in force that would end later, the last at {last}; let the key end later, or issue these permits anew with another key before"),
                        format!("{name}的密钥{kid}将于{end}截止，其签发的{count}份有效证照（最晚至{last}）将随之失效，请推迟截止时间，或在此之前用其他密钥重新签发"),
                    );
                }
                // A key that could not be read is named already.
                Some((.., None)) => {}
            }
        }
    }

    // ---- Against the list in use

    fn version_after(&mut self, current: &TrustList) {
        let (version, used) = (self.version, current.version);
        let keys: Option<Vec<CoseKey>> = self.roots.iter().copied().collect();
        let roots = keys.and_then(|keys| RootKeys::new(self.draft.threshold, keys).ok());
        if version <= used {
            self.error(
                "version",
                "TRUST_VERSION",
                format!(
                    "version {version} does not come after version {used}, which is in use; take version {}",
                    used.saturating_add(1)
                ),
                format!("版本号{version}不大于在用名单的版本号{used}，请改为{}", used.saturating_add(1)),
            );
        } else if roots.is_some_and(|roots| roots != current.roots) && version - used > 1 {
            self.error(
                "version",
                "TRUST_ROOT_CHANGE_SKIPS",
                format!("the root keys change, so version {used} must be followed by the very next, not by {version}; correct the version"),
                format!("根密钥有变更，版本号{used}之后须紧接下一版，不能为{version}，请更正版本号"),
            );
        } else if version - used > VERSION_JUMP_MAX {
            self.error(
                "version",
                "TRUST_VERSION_JUMP",
                format!("version {version} is more than {VERSION_JUMP_MAX} ahead of version {used}, which is in use, and counters refuse it; take the very next version"),
                format!("版本号{version}比在用名单的{used}大{VERSION_JUMP_MAX}以上，核验端不予接受，请改为下一版"),
            );
        }
    }

    fn issuers_after(&mut self, current: &TrustList) {
        let mut here = BTreeMap::new();
        for (i, k) in self.key_places() {
            let Some((Some(key), entry)) = self.read_key(i, k) else { continue };
            here.entry(key).or_insert((i, k, entry));
        }
        for old in &current.issuers {
            let i = self.draft.issuers.iter().position(|issuer| issuer.id == old.id.as_str());
            match i {
                None => self.warning(
                    "issuers",
                    "TRUST_ISSUER_REMOVED",
                    format!(
                        "issuer {} is in use and not in this list; put it back, unless no permit of it is in force",
                        old.id
                    ),
                    format!("在用名单中的签发机关{}不在本名单中，除非其已无有效证照，请恢复", old.id),
                ),
                Some(i) => self.issuer_after(i, old),
            }
            for key in &old.keys {
                self.key_after(old, i, key, here.get(&key.key).cloned());
            }
        }
    }

    fn issuer_after(&mut self, i: usize, old: &Issuer) {
        let Some(new) = self.draft.issuers.get(i) else { return };
        let name = self.issuer_name(i);
        if new.status_uri != old.status_uri {
            self.error(
                format!("issuers[{i}].status_uri"),
                "TRUST_STATUS_ADDRESS_CHANGED",
                format!("{name} gets another status address, and the status lists that counters have count no more; put the old address back, or publish all lists under the new one at the same time"),
                format!("{name}的状态名单地址有变，核验端已有的状态名单将不再适用，请恢复原地址，或同时在新地址发布全部状态名单"),
            );
        }
        let kept = |gone: &&DivisionPrefix| {
            !self.issuers.get(i).is_some_and(|issuer| {
                issuer.divisions.iter().any(|prefix| prefix.is_none_or(|prefix| prefix.contains_prefix(**gone)))
            })
        };
        let gone: Vec<&str> = old.divisions.iter().filter(kept).map(|prefix| prefix.as_str()).collect();
        if !gone.is_empty() {
            let gone = gone.join(", ");
            self.warning(
                format!("issuers[{i}].divisions"),
                "TRUST_DIVISION_REMOVED",
                format!("{name} no longer covers {gone}, and its permits for addresses there are refused from now on; put the division back, unless they were issued anew"),
                format!("{name}不再负责{gone}，其为该处地址签发的证照将不予接受，除非已重新签发，请恢复"),
            );
        }
    }

    /// What becomes of a key of the list in use. `i` is where its issuer stands now, `new` where the key does.
    fn key_after(
        &mut self,
        issuer: &Issuer,
        i: Option<usize>,
        old: &IssuerKey,
        new: Option<(usize, usize, Option<IssuerKey>)>,
    ) {
        let (id, kid) = (&issuer.id, kid_text(&old.key));
        let has_begun = old.not_before <= self.now;
        let counts_still = self.now < old.not_after && old.compromised_from.is_none_or(|from| from > old.not_before);
        let Some((now_at, k, new)) = new else {
            if has_begun && counts_still {
                let place = i.map_or("issuers".to_owned(), |i| format!("issuers[{i}].keys"));
                self.error(
                    place,
                    "TRUST_KEY_REMOVED",
                    format!("key {kid} of {id} is in force and not in this list, so that counters would say of its permits that the issuer is unknown; put it back, and retire it instead"),
                    format!("{id}的密钥{kid}仍有效而不在本名单中，核验端将判其证照为签发机关未知，请恢复该密钥，改用停用（retire）"),
                );
            }
            return;
        };
        let at = format!("issuers[{now_at}].keys[{k}]");
        if i != Some(now_at) {
            let other = self.issuer_name(now_at);
            self.error(
                format!("{at}.key"),
                "TRUST_KEY_MOVED",
                format!("key {kid} of {id} stands under {other} now, whose status lists do not have its permits; put it back under {id}"),
                format!("{id}的密钥{kid}被移至{other}名下，而后者的状态名单不含其证照，请移回{id}"),
            );
        }
        let Some(new) = new else { return };
        let lost = old.usages.iter().filter(|usage| !new.may(**usage));
        let lost: Vec<&str> = lost.map(|usage| UsageWord::of(*usage).word()).collect();
        if !lost.is_empty() {
            let lost = lost.join(", ");
            self.warning(
                format!("{at}.usages"),
                "TRUST_USAGES_SHRINK",
                format!("key {kid} of {id} may no longer be used for {lost}, and what it signed so is refused from now on; put the usage back, unless this is meant"),
                format!("{id}的密钥{kid}不再具有用途{lost}，其以该用途签署的内容将不予接受，若非有意请恢复"),
            );
        }
        if new.not_before > old.not_before && has_begun {
            self.error(
                format!("{at}.not_before"),
                "TRUST_NOT_BEFORE_LATER",
                format!("key {kid} of {id} begins at {} instead of {}, and permits that it signed before are refused; put the old time back", new.not_before, old.not_before),
                format!("{id}的密钥{kid}的启用时间由{}推迟至{}，其此前签发的证照将不予接受，请恢复原时间", old.not_before, new.not_before),
            );
        }
        if let Some(from) = old.compromised_from
            && new.compromised_from.is_none_or(|later| later > from)
        {
            self.error(
                format!("{at}.compromised_from"),
                "TRUST_COMPROMISED_LIFTED",
                format!("key {kid} of {id} is in use as compromised from {from}, and this list takes back what was refused since; put that time back, or an earlier one"),
                format!("在用名单载明{id}的密钥{kid}自{from}起失密，本名单撤销或推迟了该时间，请恢复原时间或更早的时间"),
            );
        }
        if new.specimen != old.specimen {
            self.error(
                format!("{at}.specimen"),
                "TRUST_SPECIMEN_CHANGED",
                format!("key {kid} of {id} changes between specimens and real permits, and with it everything that it ever signed; make a new key instead"),
                format!("{id}的密钥{kid}在样本与正式证照之间变更，其签发过的全部证照性质随之改变，请改用新密钥"),
            );
        }
    }

    // ---- Looking things up

    fn key_places(&self) -> Vec<(usize, usize)> {
        let places =
            |(i, issuer): (usize, &ReadIssuer)| (0..issuer.keys.len()).map(move |k| (i, k)).collect::<Vec<_>>();
        self.issuers.iter().enumerate().flat_map(places).collect()
    }

    fn read_key(&self, i: usize, k: usize) -> Option<(Option<CoseKey>, Option<IssuerKey>)> {
        let key = self.issuers.get(i)?.keys.get(k)?;
        Some((key.key, key.entry.clone()))
    }

    /// The keys of an issuer, if all of them could be read and there is one; else that is what has to be said first.
    fn whole_keys(&self, i: usize) -> Option<Vec<IssuerKey>> {
        let keys: Option<Vec<IssuerKey>> = self.issuers.get(i)?.keys.iter().map(|key| key.entry.clone()).collect();
        keys.filter(|keys| !keys.is_empty())
    }

    /// The id, if it is one; nothing is repeated that could not be read.
    fn issuer_name(&self, i: usize) -> String {
        let id = self.issuers.get(i).and_then(|issuer| issuer.id.as_ref());
        id.map_or_else(|| format!("issuers[{i}]"), |id| id.as_str().to_owned())
    }
}

fn signs_permits(key: &IssuerKey) -> bool {
    key.may(Usage::Permit) || key.may(Usage::Voucher)
}

/// From then on the key signs nothing that is accepted.
fn end_of(key: &IssuerKey) -> Timestamp {
    key.compromised_from.map_or(key.not_after, |from| from.min(key.not_after))
}

/// The first instant from `begin` on, and before `end`, at which none of the keys signs status lists.
fn first_gap(keys: &[IssuerKey], begin: Timestamp, end: Timestamp) -> Option<Timestamp> {
    let mut at = begin;
    while at < end {
        let in_force = keys.iter().filter(|key| key.may(Usage::Status) && key.not_before <= at);
        match in_force.map(end_of).max().filter(|until| *until > at) {
            Some(until) => at = until,
            None => return Some(at),
        }
    }
    None
}

/// The same hour, so many calendar years later, as the expiry of a permit is reckoned.
fn years_after(now: Timestamp, years: i32) -> Timestamp {
    let today = now.day();
    let days = today.add_years(years).map_or(0, |then| then.get().saturating_sub(today.get()));
    now.checked_add(u64::from(days) * 86_400).unwrap_or(Timestamp::MAX)
}

fn kid_text(key: &CoseKey) -> String {
    PublicKey::try_from(key).map_or_else(|_| "unfit".to_owned(), |key| key.kid().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::tests::{key, now};
    use crate::trust::{IssuerDraft, KeyDraft, key_hex};

    const OTHER_ISSUER: &str = "HAIZHU";

    /// A draft in which nothing is found: two root keys of three, one issuer with a key for permits and one for status lists.
    fn clean() -> TrustDraft {
        let roots: Vec<CoseKey> = [1, 2, 3].map(|seed| key(seed).public().cose_key()).to_vec();
        let mut draft = TrustDraft::new(2, &roots, 90);
        draft.issuers.push(issuer("TIANHE", "440106", 10));
        draft
    }

    /// An issuer whose keys are those of this seed and the next.
    fn issuer(id: &str, division: &str, seed: u8) -> IssuerDraft {
        IssuerDraft {
            id: id.into(),
            name: "广州市公安局".into(),
            divisions: vec![division.into()],
            status_uri: format!("https://status.example.cn/{}", id.to_lowercase()),
            keys: vec![entry(seed, &[UsageWord::Permit, UsageWord::Voucher]), entry(seed + 1, &[UsageWord::Status])],
        }
    }

    fn entry(seed: u8, usages: &[UsageWord]) -> KeyDraft {
        KeyDraft {
            key: key_hex(&key(seed).public().cose_key()),
            usages: usages.to_vec(),
            not_before: "2026-01-01T00:00:00+08:00".into(),
            not_after: "2031-01-01T00:00:00+08:00".into(),
            compromised_from: None,
            specimen: false,
        }
    }

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// So many seconds after the time of the tests, as a draft writes it.
    fn at(seconds: i64) -> String {
        Timestamp::new(now().seconds().checked_add_signed(seconds).unwrap()).unwrap().to_string()
    }

    #[test]
    fn severities_are_words_in_both_languages() {
        let words = [Severity::Error, Severity::Warning].map(|severity| (severity.word(), severity.zh()));
        assert_eq!(words, [("error", "错误"), ("warning", "警告")]);
    }

    #[test]
    fn sentences_name_keys_by_their_kids() {
        let named = *key(1).public();
        assert_eq!(kid_text(&named.cose_key()), named.kid().to_string());
    }

    /// Places and codes, after a look at the words.
    fn told(findings: Vec<Finding>) -> Vec<(String, &'static str)> {
        for Finding { place, code, en, zh, .. } in &findings {
            assert!(en.contains("; ") && en.is_ascii() && !en.ends_with('.'), "{code}: {en}");
            assert!(zh.contains('，') && !zh.ends_with('。'), "{code}: {zh}");
            assert!(!place.is_empty() && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}");
        }
        assert!(findings.is_sorted_by_key(|finding| finding.severity));
        findings.into_iter().map(|finding| (finding.place, finding.code)).collect()
    }

    /// What is found in the clean draft after this change, as version 5.
    fn found(change: impl FnOnce(&mut TrustDraft)) -> Vec<(String, &'static str)> {
        let mut draft = clean();
        change(&mut draft);
        told(lint_draft(&draft, 5, None, None, now()))
    }

    /// The same, after the list that the clean draft made after another change, with version 4.
    fn found_after(
        before: impl FnOnce(&mut TrustDraft),
        change: impl FnOnce(&mut TrustDraft),
    ) -> Vec<(String, &'static str)> {
        let (mut old, mut new) = (clean(), clean());
        before(&mut old);
        change(&mut new);
        let current = old.to_list(4, time(&at(-86_400))).unwrap();
        told(lint_draft(&new, 5, Some(&current), None, now()))
    }

    /// What is found with these permits in force, signed by the permit key: when each ends.
    fn found_with(ends: &[&str], change: impl FnOnce(&mut TrustDraft)) -> Vec<Finding> {
        let mut draft = clean();
        change(&mut draft);
        let permits = ends.iter().map(|end| PermitTimes { issued_at: now(), expires_at: time(end) }).collect();
        let findings = lint_draft(&draft, 5, None, Some(&[KeyUse { kid: key(10).kid(), permits }]), now());
        told(findings.clone());
        findings
    }

    #[track_caller]
    fn is(found: Vec<(String, &'static str)>, place: &str, code: &str) {
        let found: Vec<_> = found.iter().map(|(place, code)| (place.as_str(), *code)).collect();
        assert_eq!(found, [(place, code)]);
    }

    fn nothing(_: &mut TrustDraft) {}

    #[test]
    fn a_good_draft_and_its_list_are_without_findings() {
        assert_eq!(found(nothing), []);
        assert_eq!(found_after(nothing, nothing), []);
        assert_eq!(found_with(&["2030-01-01T00:00:00+08:00"], nothing), []);
        let list = clean().to_list(5, now()).unwrap();
        assert_eq!(lint_list(&list, None, None, now()), []);
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named() {
        let found = found(|d| {
            d.days = 0;
            d.roots[1].truncate(63);
            d.issuers[0].id = "tianhe".into();
            d.issuers[0].name = "a\u{202e}b".into();
            d.issuers[0].divisions = vec!["4".into()];
            d.issuers[0].keys[0].not_before = "2026".into();
            d.issuers[0].keys[0].not_after = "1999-01-01T00:00:00Z".into();
            d.issuers[0].keys[0].compromised_from = Some("soon".into());
            d.issuers[0].keys[1].key = "zz".into();
            d.rules[0].division = "".into();
            d.rules[1].permit_name = "".into();
            d.rules[2].auto_cancel_years = Some(0);
        });
        let places = [
            ("days", "TRUST_DAYS"),
            ("roots[1]", "TRUST_KEY_FORM"),
            ("issuers[0].id", "ISSUER_ID"),
            ("issuers[0].name", "TEXT_INVISIBLE_CHARACTER"),
            ("issuers[0].divisions[0]", "DIVISION_PREFIX"),
            ("issuers[0].keys[0].not_before", "TIME_FORM"),
            ("issuers[0].keys[0].not_after", "TIME_RANGE"),
            ("issuers[0].keys[0].compromised_from", "TIME_FORM"),
            ("issuers[0].keys[1].key", "TRUST_KEY_FORM"),
            ("rules[0].division", "DIVISION_PREFIX"),
            ("rules[1].permit_name", "TEXT_EMPTY"),
            ("rules[2]", "REGION_AUTO_CANCEL_YEARS"),
        ];
        assert_eq!(found, places.map(|(place, code)| (place.to_owned(), code)));
    }

    #[test]
    fn what_contradicts_itself_is_named_with_its_place() {
        is(found(|d| d.threshold = 0), "threshold", "TRUST_THRESHOLD");
        assert_eq!(found(|d| d.threshold = 3), []);
        is(found(|d| d.threshold = 4), "threshold", "TRUST_THRESHOLD");
        is(found(|d| d.threshold = 1), "threshold", "TRUST_THRESHOLD_ONE");
        assert_eq!(found(|d| (d.threshold, d.roots) = (1, d.roots[..1].to_vec())), []);
        is(found(|d| d.roots[2] = d.roots[0].clone()), "roots[2]", "TRUST_DUPLICATE_ROOT");
        let many = |count: u8| (101..101 + count).map(|seed| key_hex(&key(seed).public().cose_key())).collect();
        assert_eq!(found(|d| d.roots = many(32)), []);
        is(found(|d| d.roots = many(33)), "roots", "TRUST_ROOTS_MANY");
        is(found(|d| d.roots[1] = "00".repeat(32)), "roots[1]", "TRUST_KEY_UNFIT");
        is(found(|d| d.issuers[0].keys[0].key = "01".to_owned() + &"00".repeat(31)), KEY, "TRUST_KEY_UNFIT");
        is(found(|d| d.rules.push(d.rules[0].clone())), "rules[3].division", "TRUST_DUPLICATE_RULE");
        is(found(|d| d.issuers[0].divisions.push("11".into())), "issuers[0].divisions[1]", "TRUST_NO_RULE");
        assert_eq!(found(|d| d.issuers[0].divisions.push("33".into())), []);
        let uri = "issuers[0].status_uri";
        is(found(|d| d.issuers[0].status_uri = "http://a.cn".into()), uri, "TRUST_STATUS_URI");
        is(found(|d| d.issuers[0].status_uri = "https://a.cn/ b".into()), uri, "TRUST_STATUS_URI");
        let long = |bytes: usize| "https://".to_owned() + &"a".repeat(bytes - 8);
        assert_eq!(found(|d| d.issuers[0].status_uri = long(256)), []);
        is(found(|d| d.issuers[0].status_uri = long(257)), uri, "TRUST_STATUS_URI");
        is(found(|d| d.issuers[0].divisions.clear()), "issuers[0].divisions", "TRUST_ISSUER_INCOMPLETE");
        is(found(|d| d.issuers[0].keys.clear()), "issuers[0].keys", "TRUST_ISSUER_INCOMPLETE");
        let no_usage = KeyDraft { usages: Vec::new(), ..entry(30, &[]) };
        is(found(|d| d.issuers[0].keys.push(no_usage)), "issuers[0].keys[2].usages", "TRUST_ISSUER_INCOMPLETE");
        let empty = KeyDraft { not_after: "2026-01-01T00:00:00+08:00".into(), ..entry(30, &[UsageWord::Status]) };
        is(found(|d| d.issuers[0].keys.push(empty)), "issuers[0].keys[2].not_after", "TRUST_KEY_PERIOD");
        let short = KeyDraft { not_after: "2026-01-01T00:00:01+08:00".into(), ..entry(30, &[UsageWord::Status]) };
        assert_eq!(found(|d| d.issuers[0].keys.push(short)), []);
        // The generator of P-256.
        let p256 = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        is(found(|d| d.issuers[0].keys[0].key = p256.into()), KEY, "TRUST_KEY_ALGORITHM");
        assert_eq!(found(|d| d.issuers[0].keys[1].key = p256.into()), []);
        is(found(|d| d.issuers[0].keys[1].key = d.roots[0].clone()), STATUS_KEY, "TRUST_ROOT_AS_ISSUER_KEY");
    }

    const KEY: &str = "issuers[0].keys[0].key";
    const STATUS_KEY: &str = "issuers[0].keys[1].key";

    #[test]
    fn two_issuers_are_told_apart() {
        let with = |other: IssuerDraft| found(|d| d.issuers.push(other));
        assert_eq!(with(issuer(OTHER_ISSUER, "440105", 20)), []);
        let twin = IssuerDraft { id: "TIANHE".into(), ..issuer(OTHER_ISSUER, "440105", 20) };
        is(with(twin), "issuers[1].id", "TRUST_DUPLICATE_ISSUER");
        let near =
            IssuerDraft { status_uri: clean().issuers[0].status_uri.clone(), ..issuer(OTHER_ISSUER, "440105", 20) };
        is(with(near), "issuers[1].status_uri", "TRUST_DUPLICATE_STATUS_URI");
        let mut same_key = issuer(OTHER_ISSUER, "440105", 20);
        same_key.keys[0].key = clean().issuers[0].keys[0].key.clone();
        is(with(same_key), "issuers[1].keys[0].key", "TRUST_DUPLICATE_KID");
        // Within, around and the same; a neighbour with the same beginning is neither.
        for division in ["44", "4401", "440106"] {
            is(with(issuer(OTHER_ISSUER, division, 20)), "issuers[1].divisions[0]", "TRUST_DIVISIONS_OVERLAP");
        }
        assert_eq!(with(issuer(OTHER_ISSUER, "4403", 20)), []);
        let overlap = lint_draft(
            &TrustDraft { issuers: vec![issuer("TIANHE", "440106", 10), issuer(OTHER_ISSUER, "44", 20)], ..clean() },
            5,
            None,
            None,
            now(),
        );
        assert!(overlap[0].en.starts_with("HAIZHU covers 44 and TIANHE covers 440106,"), "{}", overlap[0].en);
        let mut specimens = issuer(OTHER_ISSUER, "44", 20);
        specimens.keys.iter_mut().for_each(|key| key.specimen = true);
        assert_eq!(with(specimens.clone()), []);
        specimens.keys[1].specimen = false;
        is(with(specimens), "issuers[1].divisions[0]", "TRUST_DIVISIONS_OVERLAP");
    }

    #[test]
    fn the_life_of_the_list_is_neither_too_short_nor_too_long() {
        is(found(|d| d.days = 13), "days", "TRUST_EXPIRES_SOON");
        assert_eq!(found(|d| d.days = 14), []);
        assert_eq!(found(|d| d.days = 400), []);
        is(found(|d| d.days = 401), "days", "TRUST_EXPIRES_LATE");
        let list = clean().to_list(5, now()).unwrap();
        let after = |days: u64, seconds: u64| {
            told(lint_list(&list, None, None, now().checked_add(days * 86_400 + seconds).unwrap()))
        };
        assert_eq!(after(76, 0), []);
        is(after(76, 1), "days", "TRUST_EXPIRES_SOON");
        is(after(89, 86_399), "days", "TRUST_EXPIRES_SOON");
        is(after(90, 0), "days", "TRUST_EXPIRED");
    }

    #[test]
    fn versions_are_within_their_range() {
        let version = |version| told(lint_draft(&clean(), version, None, None, now()));
        is(version(0), "version", "TRUST_VERSION_RANGE");
        assert_eq!((version(1), version(4_294_967_295)), (vec![], vec![]));
        is(version(4_294_967_296), "version", "TRUST_VERSION_RANGE");
    }

    #[test]
    fn a_compromise_is_within_the_time_of_its_key() {
        let from = |text: &str| {
            found(|d| {
                d.issuers[0]
                    .keys
                    .push(KeyDraft { compromised_from: Some(text.into()), ..entry(30, &[UsageWord::Status]) })
            })
        };
        let place = "issuers[0].keys[2].compromised_from";
        is(from("2025-12-31T23:59:59+08:00"), place, "TRUST_COMPROMISED_OUTSIDE");
        assert_eq!(from("2026-01-01T00:00:00+08:00"), []);
        assert_eq!(from("2030-12-31T23:59:59+08:00"), []);
        is(from("2031-01-01T00:00:00+08:00"), place, "TRUST_COMPROMISED_OUTSIDE");
    }

    #[test]
    fn an_issuer_has_a_status_key_as_long_as_it_has_permits() {
        let status = |change: fn(&mut KeyDraft)| found(|d| change(&mut d.issuers[0].keys[1]));
        let (keys, none, ends) = ("issuers[0].keys", "TRUST_STATUS_KEY_NONE", "TRUST_STATUS_KEY_ENDS");
        is(found(|d| drop(d.issuers[0].keys.remove(1))), keys, none);
        is(status(|key| key.not_after = at(0)), keys, none);
        is(status(|key| key.not_after = at(1)), keys, ends);
        assert_eq!(status(|key| key.not_before = at(0)), []);
        is(status(|key| key.not_before = at(1)), keys, none);
        // The list is good for 90 days.
        is(status(|key| key.not_after = at(90 * DAY - 1)), keys, ends);
        assert_eq!(status(|key| key.not_after = at(90 * DAY)), []);
        is(status(|key| key.compromised_from = Some(at(90 * DAY - 1))), keys, ends);
        assert_eq!(status(|key| key.compromised_from = Some(at(90 * DAY))), []);
        // A successor follows without a gap, or with one.
        let relay = |begin: i64| {
            found(|d| {
                d.issuers[0].keys[1].not_after = at(1_000);
                d.issuers[0].keys.push(KeyDraft { not_before: at(begin), ..entry(30, &[UsageWord::Status]) });
            })
        };
        assert_eq!(relay(1_000), []);
        is(relay(1_001), keys, ends);
        // An issuer that has not begun needs none before it does, and one that is over needs none.
        let ahead = |seconds: i64| {
            found(|d| {
                d.issuers[0].keys[0].not_before = at(1_000);
                d.issuers[0].keys[1].not_before = at(seconds);
            })
        };
        assert_eq!(ahead(1_000), []);
        is(ahead(1_001), keys, none);
        let over = found(|d| d.issuers[0].keys.iter_mut().for_each(|key| key.not_after = at(-1)));
        is(over, keys, "TRUST_PERMIT_KEY_NONE");
    }

    #[test]
    fn an_issuer_can_issue_while_the_list_is_good() {
        let begins = |seconds: i64| found(|d| d.issuers[0].keys[0].not_before = at(seconds));
        assert_eq!(begins(90 * DAY - 1), []);
        is(begins(90 * DAY), "issuers[0].keys", "TRUST_PERMIT_KEY_NONE");
        is(found(|d| drop(d.issuers[0].keys.remove(0))), "issuers[0].keys", "TRUST_PERMIT_KEY_NONE");
        let stolen = found(|d| d.issuers[0].keys[0].compromised_from = Some(at(0)));
        is(stolen, "issuers[0].keys", "TRUST_PERMIT_KEY_NONE");
        assert_eq!(found(|d| d.issuers[0].keys[0].compromised_from = Some(at(1))), []);
    }

    #[test]
    fn permits_signed_today_do_not_outlive_their_key() {
        let end = "issuers[0].keys[0].not_after";
        let ends = |text: &str| found(|d| d.issuers[0].keys[0].not_after = text.into());
        assert_eq!(ends("2029-07-01T09:00:00+08:00"), []);
        is(ends("2029-07-01T08:59:59+08:00"), end, "TRUST_KEY_ENDS_SOON");
        let followed_by = |usages: &[UsageWord], not_after: &str| {
            let next = KeyDraft { not_before: at(90 * DAY), not_after: not_after.into(), ..entry(30, usages) };
            found(|d| {
                d.issuers[0].keys[0].not_after = "2027-01-01T00:00:00+08:00".into();
                d.issuers[0].keys.push(next);
            })
        };
        let both = [UsageWord::Permit, UsageWord::Voucher];
        assert_eq!(followed_by(&both, "2027-01-01T00:00:01+08:00"), []);
        is(followed_by(&both, "2027-01-01T00:00:00+08:00"), end, "TRUST_KEY_ENDS_SOON");
        is(followed_by(&both[..1], "2031-01-01T00:00:00+08:00"), end, "TRUST_KEY_ENDS_SOON");
        // A key for specimens, one that has ended and one that has not begun sign no permits today.
        assert_eq!(
            found(|d| (d.issuers[0].keys[0].specimen, d.issuers[0].keys[0].not_after) = (true, at(DAY * 100))),
            []
        );
        let beside = |begin: i64, end: i64| {
            let other = KeyDraft { not_before: at(begin), not_after: at(end), ..entry(30, &both) };
            found(|d| d.issuers[0].keys = vec![other, d.issuers[0].keys[1].clone()])
        };
        is(beside(0, 100), end, "TRUST_KEY_ENDS_SOON");
        assert_eq!(beside(1, 100), []);
        is(beside(-100, 0), "issuers[0].keys", "TRUST_PERMIT_KEY_NONE");
    }

    #[test]
    fn permits_in_force_are_counted_where_a_key_ends_before_them() {
        let short = |d: &mut TrustDraft| d.issuers[0].keys[0].not_after = "2028-01-01T00:00:00+08:00".into();
        // Without a ledger it would be a warning that permits of today outlive the key.
        assert_eq!(found_with(&["2028-01-01T00:00:00+08:00"], short), []);
        assert_eq!(found_with(&[], short), []);
        let ends = ["2028-01-01T00:00:01+08:00", "2027-01-01T00:00:00+08:00", "2029-03-01T00:00:00+08:00"];
        let findings = found_with(&ends, short);
        is(told(findings.clone()), "issuers[0].keys[0].not_after", "TRUST_KEY_ENDS_BEFORE_PERMITS");
        assert!(
            findings[0].en.contains("2 permits in force that would end later, the last at 2029-03-01T00:00:00+08:00")
        );
        assert!(findings[0].zh.contains("2份有效证照"));
        assert_eq!(findings[0].severity, Severity::Error);
        // A key that is over already: what is past does not fall again.
        let over = |d: &mut TrustDraft| {
            d.issuers[0].keys.push(KeyDraft { not_after: at(-1), ..entry(12, &[UsageWord::Permit]) })
        };
        let of_12 = |end: &str| {
            let mut draft = clean();
            over(&mut draft);
            let permits = vec![PermitTimes { issued_at: now(), expires_at: time(end) }];
            told(lint_draft(&draft, 5, None, Some(&[KeyUse { kid: key(12).kid(), permits }]), now()))
        };
        assert_eq!(of_12(&at(0)), []);
        is(of_12(&at(1)), "issuers[0].keys[2].not_after", "TRUST_KEY_ENDS_BEFORE_PERMITS");
    }

    #[test]
    fn permits_in_force_have_their_key_in_the_list() {
        let of = |seed: u8, end: &str| {
            let permits = vec![PermitTimes { issued_at: now(), expires_at: time(end) }];
            told(lint_draft(&clean(), 5, None, Some(&[KeyUse { kid: key(seed).kid(), permits }]), now()))
        };
        assert_eq!(of(10, &at(1)), []);
        is(of(40, &at(1)), "issuers", "TRUST_KEY_UNLISTED");
        assert_eq!(of(40, &at(0)), []);
    }

    #[test]
    fn permits_signed_from_an_instant_are_counted() {
        let permit = |signed: i64, ends: i64| PermitTimes { issued_at: time(&at(signed)), expires_at: time(&at(ends)) };
        let used = KeyUse { kid: key(1).kid(), permits: vec![permit(-10, 10), permit(-9, 10), permit(-9, 0)] };
        assert_eq!(used.signed_from(time(&at(-10)), now()), 2);
        assert_eq!(used.signed_from(time(&at(-9)), now()), 1);
        assert_eq!(used.signed_from(time(&at(-8)), now()), 0);
    }

    #[test]
    fn the_version_comes_after_the_one_in_use() {
        let current = clean().to_list(4, now()).unwrap();
        let version = |draft: &TrustDraft, version| told(lint_draft(draft, version, Some(&current), None, now()));
        is(version(&clean(), 4), "version", "TRUST_VERSION");
        assert_eq!((version(&clean(), 5), version(&clean(), 10_004)), (vec![], vec![]));
        is(version(&clean(), 10_005), "version", "TRUST_VERSION_JUMP");
        for change in [(|d| drop(d.roots.pop())) as fn(&mut TrustDraft), |d| d.roots.swap(0, 1), |d| d.threshold = 3] {
            let mut rotated = clean();
            change(&mut rotated);
            assert_eq!(version(&rotated, 5), []);
            is(version(&rotated, 6), "version", "TRUST_ROOT_CHANGE_SKIPS");
        }
    }

    #[test]
    fn a_key_in_force_is_not_taken_out() {
        let without = |end: i64, begin: i64| {
            let extra = KeyDraft { not_before: at(begin), not_after: at(end), ..entry(30, &[UsageWord::Permit]) };
            found_after(|d| d.issuers[0].keys.push(extra), nothing)
        };
        is(without(1, -10), "issuers[0].keys", "TRUST_KEY_REMOVED");
        assert_eq!(without(0, -10), []);
        is(without(10, 0), "issuers[0].keys", "TRUST_KEY_REMOVED");
        assert_eq!(without(10, 1), []);
        // All that it signed is refused already, or not.
        let stolen = |from: i64| {
            let extra =
                KeyDraft { not_before: at(-10), compromised_from: Some(at(from)), ..entry(30, &[UsageWord::Permit]) };
            found_after(|d| d.issuers[0].keys.push(extra), nothing)
        };
        assert_eq!(stolen(-10), []);
        is(stolen(-9), "issuers[0].keys", "TRUST_KEY_REMOVED");
        // One that cannot be read is not missing.
        let unread = found_after(nothing, |d| d.issuers[0].keys[0].not_after = "2031".into());
        is(unread, "issuers[0].keys[0].not_after", "TIME_FORM");
    }

    #[test]
    fn an_issuer_that_goes_takes_its_keys_along() {
        let other = || issuer(OTHER_ISSUER, "440105", 20);
        let found = found_after(|d| d.issuers.push(other()), nothing);
        let codes: Vec<_> = found.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, ["TRUST_KEY_REMOVED", "TRUST_KEY_REMOVED", "TRUST_ISSUER_REMOVED"]);
        let mut over = other();
        over.keys.iter_mut().for_each(|key| key.not_after = at(0));
        is(found_after(|d| d.issuers.push(over), nothing), "issuers", "TRUST_ISSUER_REMOVED");
        // Its keys under another name are keys under another status address.
        let renamed = found_after(nothing, |d| d.issuers[0].id = OTHER_ISSUER.into());
        let codes: Vec<_> = renamed.iter().map(|(place, code)| (place.as_str(), *code)).collect();
        assert_eq!(
            codes,
            [(KEY, "TRUST_KEY_MOVED"), (STATUS_KEY, "TRUST_KEY_MOVED"), ("issuers", "TRUST_ISSUER_REMOVED")]
        );
    }

    #[test]
    fn what_permits_in_use_depend_on_does_not_change() {
        let changed = |change: fn(&mut TrustDraft)| found_after(nothing, change);
        let uri = "issuers[0].status_uri";
        is(changed(|d| d.issuers[0].status_uri += "/new"), uri, "TRUST_STATUS_ADDRESS_CHANGED");
        is(
            changed(|d| d.issuers[0].divisions = vec!["440105".into()]),
            "issuers[0].divisions",
            "TRUST_DIVISION_REMOVED",
        );
        assert_eq!(changed(|d| d.issuers[0].divisions = vec!["4401".into()]), []);
        is(
            changed(|d| d.issuers[0].keys[0].usages = vec![UsageWord::Permit]),
            "issuers[0].keys[0].usages",
            "TRUST_USAGES_SHRINK",
        );
        assert_eq!(changed(|d| d.issuers[0].keys[0].usages.push(UsageWord::Status)), []);
        is(changed(|d| d.issuers[0].keys[0].specimen = true), "issuers[0].keys[0].specimen", "TRUST_SPECIMEN_CHANGED");
        let moved = found_after(
            |d| d.issuers.push(issuer(OTHER_ISSUER, "440105", 20)),
            |d| {
                d.issuers.push(issuer(OTHER_ISSUER, "440105", 20));
                let key = d.issuers[0].keys.remove(0);
                d.issuers[0].keys.push(entry(30, &[UsageWord::Permit, UsageWord::Voucher]));
                d.issuers[1].keys.push(key);
            },
        );
        is(moved, "issuers[1].keys[2].key", "TRUST_KEY_MOVED");
    }

    #[test]
    fn a_key_does_not_begin_later_than_it_did() {
        let moved = |from: i64, to: i64| {
            let extra = |begin: i64| KeyDraft { not_before: at(begin), ..entry(30, &[UsageWord::Permit]) };
            found_after(|d| d.issuers[0].keys.push(extra(from)), |d| d.issuers[0].keys.push(extra(to)))
        };
        is(moved(-10, -9), "issuers[0].keys[2].not_before", "TRUST_NOT_BEFORE_LATER");
        assert_eq!(moved(-10, -11), []);
        is(moved(0, 1), "issuers[0].keys[2].not_before", "TRUST_NOT_BEFORE_LATER");
        // Announced, and nothing signed yet.
        assert_eq!(moved(1, 100), []);
    }

    #[test]
    fn a_compromise_is_not_taken_back() {
        let stolen = |from: Option<i64>| {
            move |d: &mut TrustDraft| {
                let extra = KeyDraft { compromised_from: from.map(at), ..entry(30, &[UsageWord::Permit]) };
                d.issuers[0].keys.push(extra);
            }
        };
        let place = "issuers[0].keys[2].compromised_from";
        is(found_after(stolen(Some(-10)), stolen(None)), place, "TRUST_COMPROMISED_LIFTED");
        is(found_after(stolen(Some(-10)), stolen(Some(-9))), place, "TRUST_COMPROMISED_LIFTED");
        assert_eq!(found_after(stolen(Some(-10)), stolen(Some(-10))), []);
        assert_eq!(found_after(stolen(Some(-10)), stolen(Some(-11))), []);
        assert_eq!(found_after(stolen(None), stolen(Some(-10))), []);
    }
}
