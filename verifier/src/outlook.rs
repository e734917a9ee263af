//! The outlook: what this counter would say on a date, today or weeks ahead, about the permits of each issuer — before a queue finds out.
//!
//! [`Situation::reason`] is the part of `verify` that depends on keys, lists and the clock alone, for any permit; the tests hold the two
//! together at every bound. [`Outlook::at`] goes through all that the counter knows with it and says for each key, each list, the trust
//! list and the clock how it stands, what a clerk would see, what to do, and when that changes.
//!
//! There is no clock in here: "now" is the date that is asked about.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use credential_format::counter_id::CounterId;
use credential_format::division::DivisionPrefix;
use credential_format::key::{Kid, PublicKey};
use credential_format::region::RegionRule;
use credential_format::status_list::StatusListHead;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, Usage};

use crate::policy::Policy;
use crate::status::{self, StatusRefusal};
use crate::trust::TrustedList;
use crate::verdict::{Reason, Words};

/// What a counter knows, and the date that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The trust list in use, if there is one.
    pub trust: Option<&'a TrustedList>,
    /// The status lists at hand, checked against that trust list.
    pub status: &'a [KeptList],
    /// The newest time that a root or status key has signed and this counter has seen.
    pub newest_signed_time: Option<Timestamp>,
    /// The date.
    pub now: Timestamp,
    /// The counter's limits.
    pub policy: &'a Policy,
    /// Which status lists there will be by then.
    pub publication: Publication,
}

/// Which status lists there will be on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Those at hand: today, or for how long a counter can stay offline.
    None,
    /// An issuer publishes every day, and this counter gets it, as long as one of the issuer's status keys is in force.
    Daily,
}

/// A status list that is kept: its head, or why the trust list in use no longer vouches for it.
#[derive(Clone, Debug)]
pub struct KeptList {
    /// Status address, "/", number.
    pub subject: String,
    /// The head of the list, its signature checked; or the refusal.
    pub head: Result<StatusListHead, StatusRefusal>,
}

/// A permit as far as the outlook is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedWith {
    /// The key that signed it.
    pub kid: Kid,
    /// [`Usage::Permit`] for a live code, [`Usage::Voucher`] for paper.
    pub usage: Usage,
    /// When.
    pub issued_at: Timestamp,
    /// The number of its status list.
    pub list: u64,
}

/// How something stands, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Light {
    /// It works.
    Green,
    /// It works; something must be done soon.
    Amber,
    /// Permits would be refused, or undetermined.
    Red,
}

/// How a key, a list or the clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The clock is not behind what was signed.
    Fine,
    /// The clock is behind the newest signed time.
    Behind,
    /// A key that is not in force yet.
    Announced,
    /// A key or the trust list, in force.
    InForce,
    /// In force for 30 days or less.
    EndsSoon,
    /// The trust list's time is over.
    Expired,
    /// The key's time is over.
    Retired,
    /// What the key signs now is not accepted: it was in other hands.
    Compromised,
    /// A key for specimens, in force.
    Specimen,
    /// A status list that is new enough.
    Fresh,
    /// A status list that is used and should be renewed.
    Old,
    /// A status list that is too old to answer.
    Stale,
    /// A status list whose own time is over.
    Over,
    /// A status list whose key or name the trust list no longer vouches for.
    Unusable,
    /// There is none: no trust list, or no status list of an issuer.
    Missing,
    /// Nobody can sign new status lists of the issuer.
    NoStatusKey,
    /// The issuer signs no permits.
    NoPermitKey,
}

/// How one thing stands, what a clerk would see of it, and when that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub standing: Standing,
    /// At a glance.
    pub light: Light,
    /// What the verdict on a permit would be that this decides; `None` where it decides nothing. An announced key is green and has a
    /// reason: nothing that it signed can be about yet.
    pub reason: Option<Reason>,
    /// What it means, and what to do.
    pub words: Words<String>,
    /// What will change, the next first.
    pub changes: Vec<Change>,
}

/// A date at which something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// From this instant on.
    pub at: Timestamp,
    /// What.
    pub kind: ChangeKind,
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The trust list expires.
    TrustListExpires,
    /// A key comes into force.
    KeyBegins,
    /// A key goes out of force.
    KeyEnds,
    /// What a key signs from then on is not accepted.
    KeyWithdrawn,
    /// A status list is no longer fresh.
    ListOld,
    /// A status list no longer answers.
    ListStale,
}

/// Changes of one kind on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// The first of them.
    pub at: Timestamp,
    /// What changes.
    pub kind: ChangeKind,
    /// How many things.
    pub count: usize,
}

/// What a counter would say on a date.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The date.
    pub at: Timestamp,
    /// The worst of all that hits permits.
    pub light: Light,
    /// The clock against what was signed.
    pub clock: Finding,
    /// The trust list.
    pub trust_list: Finding,
    /// Each issuer of the trust list, in its order.
    pub issuers: Vec<IssuerOutlook>,
    /// Status lists at hand that belong to no issuer of the trust list. They answer nothing, and hinder nothing.
    pub strays: Vec<ListOutlook>,
    /// The dates at which something changes, the next first.
    pub next: Vec<Upcoming>,
}

/// What would be said about one issuer's permits.
#[derive(Clone, Debug)]
pub struct IssuerOutlook {
    /// Its id.
    pub id: CounterId,
    /// Its name.
    pub name: String,
    /// What decides about the permits that it signs with the keys in force: the worst of the trust list, the clock, those keys and its
    /// status lists, and of two as bad, the one that a verdict would name.
    pub finding: Finding,
    /// Its keys.
    pub keys: Vec<KeyOutlook>,
    /// Its status lists; one that is missing among them.
    pub lists: Vec<ListOutlook>,
}

/// One key of an issuer. Its reason is that of a permit that is signed with it and shown on the date, as far as the key decides.
#[derive(Clone, Debug)]
pub struct KeyOutlook {
    /// The key's short name.
    pub kid: Kid,
    /// What it may sign.
    pub usages: Vec<Usage>,
    /// Whether it is for specimens.
    pub specimen: bool,
    /// How it stands.
    pub finding: Finding,
}

/// One status list.
#[derive(Clone, Debug)]
pub struct ListOutlook {
    /// Status address, "/", number; the address alone of a list that is not at hand.
    pub subject: String,
    /// When it was, or is taken to have been, signed.
    pub issued_at: Option<Timestamp>,
    /// It is taken to be published by then: [`Publication::Daily`].
    pub assumed: bool,
    /// How it stands.
    pub finding: Finding,
}

/// A key whose permits are accepted today, and would not be on a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Whose it is today.
    pub issuer: CounterId,
    /// The key.
    pub kid: Kid,
    /// What a clerk would see.
    pub reason: Reason,
}

/// What ends within this time ends soon: 30 days, enough for a ceremony and the way of a list to every counter.
pub const SOON_SECS: i64 = 30 * 86_400;

/// How many dates an outlook names.
const UPCOMING_MAX: usize = 12;

impl Outlook {
    /// Goes through all that the counter knows.
    pub fn at(situation: &Situation<'_>) -> Outlook {
        let (clock, trust_list) = (situation.clock(), situation.trust_list());
        // What a verdict looks at first, and names first.
        let whole = match situation.by_trust_list() {
            Some(Reason::ClockSuspect) => Some(&clock),
            Some(_) => Some(&trust_list),
            None => None,
        };
        let issuers_known = situation.trust.map_or(&[][..], |trust| &trust.list().issuers);
        let mut lists: BTreeMap<&str, Vec<&KeptList>> = BTreeMap::new();
        let known: BTreeSet<&str> = issuers_known.iter().map(|issuer| issuer.status_uri.as_str()).collect();
        let mut strays = Vec::new();
        for list in situation.status {
            match list.subject.rsplit_once('/').filter(|(uri, _)| known.contains(uri)) {
                Some((uri, _)) => lists.entry(uri).or_default().push(list),
                None => strays.push(situation.kept(list)),
            }
        }
        let issuers: Vec<IssuerOutlook> = issuers_known
            .iter()
            .map(|issuer| {
                let kept = lists.get(issuer.status_uri.as_str()).map_or(&[][..], Vec::as_slice);
                situation.issuer(issuer, kept, whole)
            })
            .collect();
        let worst = issuers.iter().map(|issuer| issuer.finding.light).max();
        let light = worst.into_iter().fold(clock.light.max(trust_list.light), Light::max);
        let next = upcoming(&trust_list, &issuers);
        Outlook { at: situation.now, light, clock, trust_list, issuers, strays, next }
    }

    /// How many issuers have this light.
    pub fn count(&self, light: Light) -> usize {
        self.issuers.iter().filter(|issuer| issuer.finding.light == light).count()
    }
}

impl IssuerOutlook {
    /// Whether it has a key in force that signs permits: without one, its status lists answer nothing that is asked.
    pub fn serves(&self) -> bool {
        permits_served(&self.keys).1
    }
}

impl Situation<'_> {
    /// What the verdict on such a permit would be on the date, as far as keys, lists and the clock decide: `None` where the rest is up to
    /// the permit, its holder and its entry in the list. The steps of [`verify`](crate::verify::verify), in their order.
    pub fn reason(&self, permit: &SignedWith) -> Option<Reason> {
        if let Some(reason) = self.by_trust_list() {
            return Some(reason);
        }
        let Some((issuer, entry, _)) = self.trust.and_then(|trust| trust.key(permit.kid)) else {
            return Some(Reason::IssuerUnknown);
        };
        if let Some(reason) = by_key(entry, permit.issued_at, self.now) {
            return Some(reason);
        }
        if !entry.may(permit.usage) || permit.usage == Usage::Status {
            return Some(Reason::IssuerOutOfScope);
        }
        let subject = status::subject(issuer, permit.list);
        let kept = self.status.iter().find(|list| list.subject == subject);
        let head = self.head(issuer, kept).map(|(head, _)| head);
        self.by_status_list(head.as_ref()).or_else(|| entry.specimen.then_some(Reason::Specimen))
    }

    /// Keys whose permits, signed at `today.now`, this counter accepts today, and would refuse or not decide about in this situation: what
    /// a new trust list, or time, takes from holders who have done nothing.
    ///
    /// None while the trust list or the clock decides about everything: that is the outlook's to say. Status lists are left to the outlook
    /// too: they come and go with their publication.
    pub fn losses(&self, today: &Situation<'_>) -> Vec<Loss> {
        if today.by_trust_list().or(self.by_trust_list()).is_some() {
            return Vec::new();
        }
        let (Some(before), Some(after)) = (today.trust, self.trust) else { return Vec::new() };
        let mut losses = Vec::new();
        for issuer in &before.list().issuers {
            for entry in issuer.keys.iter().filter(|entry| signs_permits(entry) && !entry.specimen) {
                let Some(kid) = kid(entry) else { continue };
                if by_key(entry, today.now, today.now).is_some() {
                    continue;
                }
                let found = after.key(kid);
                let lost = match found {
                    None => Some(Reason::IssuerUnknown),
                    Some((_, new, _)) => by_key(new, today.now, self.now),
                };
                let scope =
                    || found.and_then(|(owner, new, _)| lost_scope((before, issuer, entry), (after, owner, new)));
                if let Some(reason) = lost.or_else(scope) {
                    losses.push(Loss { issuer: issuer.id.clone(), kid, reason });
                }
            }
        }
        losses
    }

    // ---- Step 3 of a verdict

    fn by_trust_list(&self) -> Option<Reason> {
        let Some(trust) = self.trust else { return Some(Reason::TrustListMissing) };
        if self.now >= trust.list().expires_at {
            return Some(Reason::TrustListExpired);
        }
        self.clock_behind().map(|_| Reason::ClockSuspect)
    }

    /// The newest time that was signed, if the clock is too far behind it.
    fn clock_behind(&self) -> Option<Timestamp> {
        let newest = self.newest_signed_time.max(self.trust.map(|trust| trust.list().issued_at))?;
        (newest.seconds_since(self.now) > self.policy.clock_behind_secs_max).then_some(newest)
    }

    fn clock(&self) -> Finding {
        match self.clock_behind() {
            Some(newest) => Finding::new(
                Standing::Behind,
                Light::Red,
                Some(Reason::ClockSuspect),
                format!("本机时间不可信：早于已签署的名单（{}），请校准本机日期和时间", minute(newest)),
                format!(
                    "the clock is behind a list that was signed at {}: set this computer's date and time",
                    minute(newest)
                ),
            ),
            None => {
                Finding::new(Standing::Fine, Light::Green, None, "不早于已签署的名单", "not behind any signed list")
            }
        }
    }

    fn trust_list(&self) -> Finding {
        let Some(list) = self.trust.map(TrustedList::list) else {
            return Finding::new(
                Standing::Missing,
                Light::Red,
                Some(Reason::TrustListMissing),
                "尚无信任名单，请同步",
                "no trust list yet: synchronise",
            );
        };
        let (version, end) = (list.version, minute(list.expires_at));
        let left = list.expires_at.seconds_since(self.now);
        let finding = if left <= 0 {
            Finding::new(
                Standing::Expired,
                Light::Red,
                Some(Reason::TrustListExpired),
                format!("第 {version} 版，已于 {end} 过期，请同步新名单"),
                format!("version {version}, expired at {end}: synchronise a newer list"),
            )
        } else if left <= SOON_SECS {
            Finding::new(
                Standing::EndsSoon,
                Light::Amber,
                None,
                format!("第 {version} 版，{end} 到期，请尽快同步新名单"),
                format!("version {version}, expires at {end}: synchronise a newer list soon"),
            )
        } else {
            Finding::new(
                Standing::InForce,
                Light::Green,
                None,
                format!("第 {version} 版，有效至 {end}"),
                format!("version {version}, in force until {end}"),
            )
        };
        finding.changing(self.now, &[(list.expires_at, ChangeKind::TrustListExpires)])
    }

    // ---- Step 4 of a verdict

    fn key(&self, entry: &IssuerKey) -> Finding {
        let (begin, end) = (minute(entry.not_before), minute(entry.not_after));
        // What is signed now, and shown now.
        let reason = by_key(entry, self.now, self.now);
        let soon = entry.compromised_from.map_or(entry.not_after, |from| from.min(entry.not_after));
        let permits = signs_permits(entry);
        let hit = if permits { Light::Red } else { Light::Amber };
        let finding = match reason {
            Some(Reason::KeyRetired) if self.now < entry.not_before => Finding::new(
                Standing::Announced,
                Light::Green,
                reason,
                format!("{begin} 起启用"),
                format!("in force from {begin}"),
            ),
            Some(Reason::KeyRetired) if permits => Finding::new(
                Standing::Retired,
                hit,
                reason,
                format!("已于 {end} 停止使用，其签发的证照不能核验，请持证人更新证照"),
                format!("ended at {end}; permits signed with it are refused: holders must renew them"),
            ),
            Some(Reason::KeyRetired) => Finding::new(
                Standing::Retired,
                hit,
                reason,
                format!("已于 {end} 停止使用，不能再签署状态名单"),
                format!("ended at {end}; it signs no status lists any more"),
            ),
            Some(_) => {
                let from = entry.compromised_from.map(minute).unwrap_or_default();
                Finding::new(
                    Standing::Compromised,
                    hit,
                    reason,
                    format!("{from} 起停用，此后所签不可信，此前所签仍可核验；请向签发机关核实"),
                    format!(
                        "withdrawn: what it signed from {from} on is refused, what it signed before holds; ask the issuer"
                    ),
                )
            }
            None if entry.specimen => Finding::new(
                Standing::Specimen,
                Light::Green,
                Some(Reason::Specimen).filter(|_| permits),
                "样本密钥，只用于演示",
                "for specimens: demonstration only",
            ),
            None if soon.seconds_since(self.now) <= SOON_SECS => {
                let (soon, refused) = (minute(soon), soon == entry.not_after);
                let (zh, en) = match (permits, refused) {
                    (true, true) => (
                        "停止使用，此后其签发的证照不能核验；请签发机关在此之前用新密钥换发",
                        "permits signed with it are refused from then on; the issuer must renew them with a new key before",
                    ),
                    (true, false) => (
                        "停用，此后所签不可信，此前所签仍可核验；请签发机关启用新密钥",
                        "what it signs from then on is refused, what it signed before holds; the issuer needs a new key",
                    ),
                    (false, _) => (
                        "停止使用；请签发机关在此之前启用新的状态名单密钥",
                        "it signs no status lists from then on; the issuer needs a new key before",
                    ),
                };
                let (zh, en) = (format!("{soon} {zh}"), format!("ends at {soon}: {en}"));
                Finding::new(Standing::EndsSoon, Light::Amber, None, zh, en)
            }
            None => Finding::new(
                Standing::InForce,
                Light::Green,
                None,
                format!("有效至 {}", minute(soon)),
                format!("in force until {}", minute(soon)),
            ),
        };
        // No permit names a key for status lists alone.
        let finding = if permits { finding } else { Finding { reason: None, ..finding } };
        let withdrawn = entry.compromised_from.map(|from| (from, ChangeKind::KeyWithdrawn));
        let bounds = [(entry.not_before, ChangeKind::KeyBegins), (entry.not_after, ChangeKind::KeyEnds)];
        finding.changing(self.now, &bounds.into_iter().chain(withdrawn).collect::<Vec<_>>())
    }

    // ---- Step 10 of a verdict

    fn by_status_list(&self, head: Option<&StatusListHead>) -> Option<Reason> {
        let Some(head) = head else { return Some(Reason::StatusListMissing) };
        let over = head.expires_at.is_some_and(|end| self.now >= end);
        let stale = self.now.seconds_since(head.issued_at) > self.policy.status_age_secs_max;
        (over || stale).then_some(Reason::StatusListStale)
    }

    /// The head of an issuer's list by the date, and whether it is assumed to be published by then.
    fn head(&self, issuer: &Issuer, kept: Option<&KeptList>) -> Option<(StatusListHead, bool)> {
        let held = kept.and_then(|list| list.head.as_ref().ok());
        let signed = match self.publication {
            Publication::None => None,
            Publication::Daily => last_signing(issuer, self.now),
        };
        match (held, signed) {
            (Some(held), Some(signed)) if signed <= held.issued_at => Some((held.clone(), false)),
            (Some(held), None) => Some((held.clone(), false)),
            (_, Some(issued_at)) => {
                let subject = kept.map_or_else(|| issuer.status_uri.clone(), |list| list.subject.clone());
                let ttl_secs = held.and_then(|head| head.ttl_secs);
                Some((StatusListHead { subject, issued_at, expires_at: None, ttl_secs }, true))
            }
            (None, None) => None,
        }
    }

    fn list(&self, head: &StatusListHead, assumed: bool) -> ListOutlook {
        let age = self.now.seconds_since(head.issued_at);
        let ttl = head.ttl_secs.map_or(i64::MAX, |ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
        let fresh_secs = self.policy.status_fresh_secs.min(ttl);
        let issued = minute(head.issued_at);
        let reason = self.by_status_list(Some(head));
        let over = head.expires_at.filter(|end| self.now >= *end);
        let finding = match (over, reason) {
            (Some(end), _) => Finding::new(
                Standing::Over,
                Light::Red,
                reason,
                format!("已于 {} 过期，请同步", minute(end)),
                format!("expired at {}: synchronise", minute(end)),
            ),
            (None, Some(_)) => Finding::new(
                Standing::Stale,
                Light::Red,
                reason,
                format!("{issued} 签署，过旧，请同步"),
                format!("signed at {issued}, too old to answer: synchronise"),
            ),
            (None, None) if age > fresh_secs => Finding::new(
                Standing::Old,
                Light::Amber,
                None,
                format!("{issued} 签署，较旧，请尽快同步"),
                format!("signed at {issued}, old: synchronise soon"),
            ),
            (None, None) if assumed => Finding::new(
                Standing::Fresh,
                Light::Green,
                None,
                "届时应有新名单（假定每日发布）",
                "renewed by then, if it is published daily",
            ),
            (None, None) => Finding::new(
                Standing::Fresh,
                Light::Green,
                None,
                format!("{issued} 签署，新"),
                format!("signed at {issued}, fresh"),
            ),
        };
        // The first second at which it is older than that.
        let older = |secs: i64| head.issued_at.checked_add(secs.saturating_add(1).unsigned_abs());
        let stale_at = [older(self.policy.status_age_secs_max), head.expires_at].into_iter().flatten().min();
        let old_at = older(fresh_secs).filter(|old_at| stale_at.is_none_or(|stale_at| *old_at < stale_at));
        let bounds = old_at.map(|at| (at, ChangeKind::ListOld)).into_iter();
        let bounds: Vec<_> = bounds.chain(stale_at.map(|at| (at, ChangeKind::ListStale))).collect();
        // An assumed list is renewed before it changes, unless nobody signs any more.
        let finding = if assumed && age == 0 { finding } else { finding.changing(self.now, &bounds) };
        ListOutlook { subject: head.subject.clone(), issued_at: Some(head.issued_at), assumed, finding }
    }

    /// A list at hand, whoever it belongs to.
    fn kept(&self, list: &KeptList) -> ListOutlook {
        match &list.head {
            Ok(head) => self.list(head, false),
            Err(refusal) => ListOutlook {
                subject: list.subject.clone(),
                issued_at: None,
                assumed: false,
                finding: Finding::new(
                    Standing::Unusable,
                    Light::Red,
                    Some(Reason::StatusListMissing),
                    format!("不可用：{}", refusal.zh()),
                    format!("unusable: {refusal} [{}]", refusal.code()),
                ),
            },
        }
    }

    fn issuer(&self, issuer: &Issuer, kept: &[&KeptList], whole: Option<&Finding>) -> IssuerOutlook {
        let keys: Vec<KeyOutlook> = issuer
            .keys
            .iter()
            .filter_map(|entry| {
                let (usages, specimen) = (entry.usages.clone(), entry.specimen);
                Some(KeyOutlook { kid: kid(entry)?, usages, specimen, finding: self.key(entry) })
            })
            .collect();
        let mut lists: Vec<ListOutlook> = kept
            .iter()
            .map(|list| match self.head(issuer, Some(list)) {
                Some((head, assumed)) => self.list(&head, assumed),
                None => self.kept(list),
            })
            .collect();
        let (by_keys, served) = permits_served(&keys);
        if lists.is_empty() && served {
            lists.push(match self.head(issuer, None) {
                Some((head, assumed)) => self.list(&head, assumed),
                None => missing(issuer),
            });
        }
        let by_lists = lists.iter().map(|list| &list.finding).filter(|_| served);
        let by_list_keys = list_keys(&keys).filter(|_| served);
        let all = by_lists.chain(by_list_keys.as_ref());
        let worst = all.fold(&by_keys, |worst, next| worse(worst, next));
        // What hits everything is named first.
        let finding = whole.unwrap_or(worst).clone();
        IssuerOutlook { id: issuer.id.clone(), name: issuer.name.as_str().into(), finding, keys, lists }
    }
}

/// Why a permit that was signed with this key at one time is refused at another, as far as the key decides.
fn by_key(entry: &IssuerKey, issued_at: Timestamp, now: Timestamp) -> Option<Reason> {
    if issued_at < entry.not_before || now >= entry.not_after {
        return Some(Reason::KeyRetired);
    }
    entry.compromised_from.is_some_and(|from| issued_at >= from).then_some(Reason::KeyCompromised)
}

/// What a key may no longer sign, or not everywhere, or not in this form.
fn lost_scope(
    (before, issuer, entry): (&TrustedList, &Issuer, &IssuerKey),
    (after, owner, new): (&TrustedList, &Issuer, &IssuerKey),
) -> Option<Reason> {
    let usages = [Usage::Permit, Usage::Voucher].into_iter().filter(|usage| entry.may(*usage));
    let covered = |old: &DivisionPrefix| owner.divisions.iter().any(|prefix| prefix.contains_prefix(*old));
    if usages.clone().any(|usage| !new.may(usage)) || !issuer.divisions.iter().all(covered) {
        return Some(Reason::IssuerOutOfScope);
    }
    if new.specimen {
        return Some(Reason::Specimen);
    }
    usages.into_iter().find_map(|usage| {
        let (allows, reason): (fn(&RegionRule) -> bool, _) = match usage {
            Usage::Permit => (RegionRule::live_code, Reason::LiveCodeNotAllowed),
            _ => (|rule| rule.voucher_name().is_some(), Reason::VoucherNotAllowed),
        };
        let allowed = |trust: &TrustedList| allowed_everywhere(trust, &issuer.divisions, allows);
        (allowed(before) && !allowed(after)).then_some(reason)
    })
}

/// Whether every rule for a part of these divisions allows it.
fn allowed_everywhere(trust: &TrustedList, divisions: &[DivisionPrefix], allows: fn(&RegionRule) -> bool) -> bool {
    let rules = &trust.list().rules;
    divisions.iter().all(|division| {
        let around = rules.iter().filter(|rule| rule.prefix().contains_prefix(*division));
        let nearest = around.max_by_key(|rule| rule.prefix().as_str().len());
        let within = rules.iter().filter(|rule| division.contains_prefix(rule.prefix()));
        nearest.into_iter().chain(within).all(allows)
    })
}

/// The last instant up to the date at which a key of the issuer could sign a status list.
fn last_signing(issuer: &Issuer, date: Timestamp) -> Option<Timestamp> {
    let last = |entry: &IssuerKey| {
        let end = entry.compromised_from.map_or(entry.not_after, |from| from.min(entry.not_after));
        let last = date.min(end.checked_sub(1)?);
        (entry.not_before <= last).then_some(last)
    };
    issuer.keys.iter().filter(|entry| entry.may(Usage::Status)).filter_map(last).max()
}

fn signs_permits(entry: &IssuerKey) -> bool {
    entry.may(Usage::Permit) || entry.may(Usage::Voucher)
}

/// What the keys say about permits signed with those in force, and whether there are any in force.
///
/// Keys for specimens count where there are no others. Paper that is no longer signed makes an issuer amber, not red, as long as its live
/// codes are accepted.
fn permits_served(keys: &[KeyOutlook]) -> (Finding, bool) {
    let of = |usage: Usage, specimen: bool| -> Vec<&Finding> {
        let fit = keys.iter().filter(|key| key.specimen == specimen && key.usages.contains(&usage));
        fit.map(|key| &key.finding).collect()
    };
    for specimen in [false, true] {
        let found = [Usage::Permit, Usage::Voucher].map(|usage| of(usage, specimen)).map(|keys| of_usage(&keys));
        match found {
            [None, None] => {}
            [Some((finding, served)), None] | [None, Some((finding, served))] => return (finding.clone(), served),
            [Some((permit, true)), Some((voucher, served))] => {
                if served || voucher.standing == Standing::Announced {
                    return (worse(permit, voucher).clone(), true);
                }
                let paper = Finding {
                    light: Light::Amber,
                    words: Words {
                        zh: format!("纸质凭证的密钥：{}", voucher.words.zh),
                        en: format!("the key for paper vouchers: {}", voucher.words.en),
                    },
                    ..voucher.clone()
                };
                return (worse(permit, &paper).clone(), true);
            }
            [Some((permit, false)), Some((_, served))] => return (permit.clone(), served),
        }
    }
    (Finding::new(Standing::NoPermitKey, Light::Green, None, "不签发证照", "signs no permits"), false)
}

/// The worst of the keys in force, and `true`; without any the one that tells most, and `false`.
fn of_usage<'k>(keys: &[&'k Finding]) -> Option<(&'k Finding, bool)> {
    let in_force =
        |finding: &&&Finding| matches!(finding.standing, Standing::InForce | Standing::EndsSoon | Standing::Specimen);
    if let Some(first) = keys.iter().find(in_force) {
        return Some((keys.iter().filter(in_force).fold(first, |worst, next| worse(worst, next)), true));
    }
    let (first, rest) = keys.split_first()?;
    Some((rest.iter().fold(first, |worst, next| worse(worst, next)), false))
}

/// The worse of two; the first of two that are as bad.
fn worse<'f>(one: &'f Finding, other: &'f Finding) -> &'f Finding {
    if other.light > one.light { other } else { one }
}

/// What there is to say about the keys that sign status lists: that they end soon, or that there are none in force.
fn list_keys(keys: &[KeyOutlook]) -> Option<Finding> {
    let status = || keys.iter().filter(|key| key.usages.contains(&Usage::Status)).map(|key| &key.finding);
    let stands = |standings: &[Standing]| status().find(|finding| standings.contains(&finding.standing));
    if stands(&[Standing::InForce, Standing::Specimen]).is_some() {
        return None;
    }
    Some(stands(&[Standing::EndsSoon]).cloned().unwrap_or_else(|| {
        Finding::new(
            Standing::NoStatusKey,
            Light::Amber,
            None,
            "没有可签署状态名单的密钥，现有名单过旧后将不能核验；请签发机关更新信任名单",
            "no key that can sign status lists: when those at hand are too old nothing can be verified; the issuer must renew the trust list",
        )
    }))
}

fn missing(issuer: &Issuer) -> ListOutlook {
    let finding = Finding::new(
        Standing::Missing,
        Light::Red,
        Some(Reason::StatusListMissing),
        "缺少状态名单，请同步",
        "no status list at hand: synchronise",
    );
    ListOutlook { subject: issuer.status_uri.clone(), issued_at: None, assumed: false, finding }
}

fn upcoming(trust_list: &Finding, issuers: &[IssuerOutlook]) -> Vec<Upcoming> {
    let keys = issuers.iter().flat_map(|issuer| issuer.keys.iter().map(|key| &key.finding));
    let lists = issuers.iter().flat_map(|issuer| issuer.lists.iter().map(|list| &list.finding));
    let mut days: BTreeMap<(u32, ChangeKind), Upcoming> = BTreeMap::new();
    for change in [trust_list].into_iter().chain(keys).chain(lists).flat_map(|finding| &finding.changes) {
        let of_day = (change.at.day().get(), change.kind);
        let entry = days.entry(of_day).or_insert(Upcoming { at: change.at, kind: change.kind, count: 0 });
        entry.at = entry.at.min(change.at);
        entry.count = entry.count.saturating_add(1);
    }
    days.into_values().take(UPCOMING_MAX).collect()
}

fn kid(entry: &IssuerKey) -> Option<Kid> {
    // A trusted list has no key that is no key.
    PublicKey::try_from(&entry.key).map(|key| key.kid()).ok()
}

/// A time as people read it, Shanghai time: `2026-09-29 08:00`.
pub fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

impl Finding {
    fn new(
        standing: Standing,
        light: Light,
        reason: Option<Reason>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Finding {
        Finding { standing, light, reason, words: Words { zh: zh.into(), en: en.into() }, changes: Vec::new() }
    }

    /// With those of these changes that are still to come.
    fn changing(mut self, now: Timestamp, bounds: &[(Timestamp, ChangeKind)]) -> Finding {
        self.changes.extend(bounds.iter().map(|(at, kind)| Change { at: *at, kind: *kind }).filter(|c| c.at > now));
        self.changes.sort_unstable();
        self
    }
}

impl Light {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Light::Green => "green",
            Light::Amber => "amber",
            Light::Red => "red",
        }
    }

    /// The words on a screen: a light that nobody has to see.
    pub fn words(self) -> Words {
        match self {
            Light::Green => Words { zh: "绿 正常", en: "green" },
            Light::Amber => Words { zh: "黄 尽快处理", en: "amber" },
            Light::Red => Words { zh: "红 不能核验", en: "red" },
        }
    }
}

impl Standing {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Fine => "fine",
            Standing::Behind => "behind",
            Standing::Announced => "announced",
            Standing::InForce => "in_force",
            Standing::EndsSoon => "ends_soon",
            Standing::Expired => "expired",
            Standing::Retired => "retired",
            Standing::Compromised => "compromised",
            Standing::Specimen => "specimen",
            Standing::Fresh => "fresh",
            Standing::Old => "old",
            Standing::Stale => "stale",
            Standing::Over => "over",
            Standing::Unusable => "unusable",
            Standing::Missing => "missing",
            Standing::NoStatusKey => "no_status_key",
            Standing::NoPermitKey => "no_permit_key",
        }
    }
}

impl ChangeKind {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::TrustListExpires => "trust_list_expires",
            ChangeKind::KeyBegins => "key_begins",
            ChangeKind::KeyEnds => "key_ends",
            ChangeKind::KeyWithdrawn => "key_withdrawn",
            ChangeKind::ListOld => "status_list_old",
            ChangeKind::ListStale => "status_list_stale",
        }
    }
}

impl Upcoming {
    /// The day and what changes: `2026-09-29 信任名单到期`.
    pub fn words(&self) -> Words<String> {
        let (day, Words { zh, en }) = (self.at.day(), self.what());
        Words { zh: format!("{day} {zh}"), en: format!("{day} {en}") }
    }

    /// What changes: `信任名单到期`.
    pub fn what(&self) -> Words<String> {
        let (one_zh, one_en, many_zh, many_en) = match self.kind {
            ChangeKind::TrustListExpires => {
                ("信任名单到期", "the trust list expires", "份信任名单到期", "trust lists expire")
            }
            ChangeKind::KeyBegins => ("密钥启用", "a key comes into force", "个密钥启用", "keys come into force"),
            ChangeKind::KeyEnds => ("密钥停止使用", "a key ends", "个密钥停止使用", "keys end"),
            ChangeKind::KeyWithdrawn => ("密钥停用", "a key is withdrawn", "个密钥停用", "keys are withdrawn"),
            ChangeKind::ListOld => {
                ("状态名单变旧", "a status list grows old", "份状态名单变旧", "status lists grow old")
            }
            ChangeKind::ListStale => (
                "状态名单过旧，不能核验",
                "a status list is too old to answer",
                "份状态名单过旧，不能核验",
                "status lists are too old to answer",
            ),
        };
        match self.count {
            1 => Words { zh: one_zh.into(), en: one_en.into() },
            count => Words { zh: format!("{count} {many_zh}"), en: format!("{count} {many_en}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::MemoryGuard;
    use crate::status::{StatusLists, TrustedStatusList};
    use crate::testing::{self, DAY, PERMIT_KEY, ROOT, STATUS_KEY, STATUS_URI, at, public_key};
    use crate::verify::{Asked, Context, verify};
    use alloc::vec;
    use credential_format::day::Day;
    use credential_format::display_text::DisplayText;
    use credential_format::permit::{Claims, StatusSlot};
    use credential_format::region::Window;
    use credential_format::status_list::StatusListDraft;
    use credential_format::text::{self, Kind};
    use credential_format::trust_list::TrustList;
    use ed25519_dalek::Signer as _;
    use std::collections::BTreeSet;

    const NEXT_KEY: u8 = 12;
    const SPECIMEN_KEY: u8 = 13;
    const UNKNOWN_KEY: u8 = 14;

    /// A counter: what it trusts, and its lists in the two forms that are compared.
    struct Counter {
        trust: TrustedList,
        kept: Vec<KeptList>,
        status: StatusLists,
        newest_signed: Option<Timestamp>,
        policy: Policy,
    }

    impl Counter {
        /// With trust list 7, changed, and these lists: number, signed at, expires at, time to live.
        fn new(
            change: impl FnOnce(&mut TrustList),
            lists: &[(u64, Timestamp, Option<Timestamp>, Option<u64>)],
        ) -> Counter {
            let mut content = testing::trust_content(7);
            change(&mut content);
            let trust =
                TrustedList::first(&testing::sign_trust(&content, &[ROOT]), &testing::thumbprint(ROOT), at(0)).unwrap();
            let (mut kept, mut status) = (Vec::new(), StatusLists::new());
            for (number, issued_at, expires_at, ttl_secs) in lists {
                let subject = format!("{STATUS_URI}/{number}");
                let head = StatusListHead {
                    subject: subject.clone(),
                    issued_at: *issued_at,
                    expires_at: *expires_at,
                    ttl_secs: *ttl_secs,
                };
                let to_sign = StatusListDraft::new(100).to_sign(&head, &public_key(STATUS_KEY));
                let signature = testing::signing_key(STATUS_KEY).sign(to_sign.message()).to_bytes();
                let list = TrustedStatusList::check(&to_sign.finish(&signature), &trust);
                kept.push(KeptList { subject, head: list.clone().map(|list| list.list().head().clone()) });
                list.into_iter().for_each(|list| status.put(list));
            }
            Counter { trust, kept, status, newest_signed: None, policy: Policy::default() }
        }

        fn on(&self, now: Timestamp) -> Situation<'_> {
            Situation {
                trust: Some(&self.trust),
                status: &self.kept,
                newest_signed_time: self.newest_signed,
                now,
                policy: &self.policy,
                publication: Publication::None,
            }
        }

        fn outlook(&self, now: Timestamp) -> Outlook {
            Outlook::at(&self.on(now))
        }

        /// What `verify` says about a permit that was signed with this key, shown now; `None` when it is accepted.
        fn verdict(&self, signer: u8, usage: Usage, list: u64, issued_at: Timestamp, now: Timestamp) -> Option<Reason> {
            let claims = Claims {
                issued_at,
                expires_at: Timestamp::MAX,
                endorsed_until: Day::parse("2190-12-31").unwrap(),
                status: StatusSlot { list, index: 7 },
                ..testing::claims()
            };
            let code = if usage == Usage::Voucher {
                let paper = Claims { carrier: testing::paper(), ..claims };
                text::encode(Kind::Voucher, &testing::sign_permit(&paper, signer))
            } else {
                testing::code_of(&testing::sign_permit(&claims, signer), now, 1, None)
            };
            let mut context = Context {
                now,
                trust: Some(&self.trust),
                status: &self.status,
                newest_signed_time: self.newest_signed,
                asked: Asked::Nothing,
                replay: &mut MemoryGuard::new(10),
                policy: self.policy,
            };
            let reason = verify(&[code], &mut context).reason;
            (!matches!(reason, Reason::Valid | Reason::VoucherValid)).then_some(reason)
        }
    }

    fn key(name: u8, usages: &[Usage], from: i64, until: i64) -> IssuerKey {
        IssuerKey {
            key: testing::cose_key(name),
            usages: usages.into(),
            not_before: at(from * DAY),
            not_after: at(until * DAY),
            compromised_from: None,
            specimen: false,
        }
    }

    fn permit_key(from: i64, until: i64) -> IssuerKey {
        key(PERMIT_KEY, &[Usage::Permit], from, until)
    }

    fn status_key() -> IssuerKey {
        key(STATUS_KEY, &[Usage::Status], -1_000, 1_000)
    }

    /// A counter whose issuer has these keys, and status list 3 of `at(0)`.
    fn with_keys(keys: Vec<IssuerKey>) -> Counter {
        Counter::new(|list| list.issuers[0].keys = keys, &[(3, at(0), None, None)])
    }

    /// A counter at which nearly everything that can end ends, one thing after the other.
    fn ending() -> Counter {
        let lists = [
            (3, at(0), None, None),
            (4, at(0), Some(at(2 * DAY)), None),
            (6, at(DAY), None, Some(3_600)),
            // Its key has ended by then.
            (8, at(9 * DAY), None, None),
        ];
        let mut counter = Counter::new(
            |list| {
                list.expires_at = at(20 * DAY);
                let compromised_from = Some(at(5 * DAY));
                list.issuers[0].keys = vec![
                    IssuerKey { compromised_from, ..permit_key(-10, 10) },
                    key(NEXT_KEY, &[Usage::Permit, Usage::Voucher], 3, 400),
                    IssuerKey { specimen: true, ..key(SPECIMEN_KEY, &[Usage::Permit], -10, 6) },
                    key(STATUS_KEY, &[Usage::Status], -20, 8),
                ];
            },
            &lists,
        );
        counter.newest_signed = Some(at(DAY));
        counter
    }

    /// Both sides of every bound.
    fn dates() -> Vec<Timestamp> {
        let bounds = [
            -10 * DAY,
            -DAY - 120,
            DAY - 120,
            2 * DAY,
            3 * DAY,
            5 * DAY,
            6 * DAY,
            7 * DAY,
            8 * DAY,
            10 * DAY,
            20 * DAY,
        ];
        bounds.iter().flat_map(|bound| (-1..=2).map(move |second| at(bound + second))).collect()
    }

    #[test]
    fn an_outlook_says_what_a_verdict_says() {
        let counter = ending();
        let mut seen = BTreeSet::new();
        for now in dates() {
            let issued = [now, at(-5 * DAY), at(4 * DAY)].into_iter().filter(|issued_at| *issued_at <= now);
            for issued_at in issued {
                for signer in [PERMIT_KEY, NEXT_KEY, SPECIMEN_KEY, STATUS_KEY, UNKNOWN_KEY] {
                    for (usage, list) in [
                        (Usage::Permit, 3),
                        (Usage::Permit, 4),
                        (Usage::Permit, 5),
                        (Usage::Permit, 6),
                        (Usage::Permit, 8),
                        (Usage::Voucher, 3),
                    ] {
                        let permit = SignedWith { kid: public_key(signer).kid(), usage, issued_at, list };
                        let said = counter.on(now).reason(&permit);
                        let verdict = counter.verdict(signer, usage, list, issued_at, now);
                        assert_eq!(said, verdict, "{now:?} {signer} {permit:?}");
                        seen.insert(verdict);
                    }
                }
            }
        }
        let all = [
            Reason::TrustListExpired,
            Reason::ClockSuspect,
            Reason::IssuerUnknown,
            Reason::KeyRetired,
            Reason::KeyCompromised,
            Reason::IssuerOutOfScope,
            Reason::StatusListMissing,
            Reason::StatusListStale,
            Reason::Specimen,
        ];
        assert_eq!(seen, all.into_iter().map(Some).chain([None]).collect());
    }

    #[test]
    fn the_findings_say_what_a_verdict_says() {
        let counter = ending();
        let signers = [PERMIT_KEY, NEXT_KEY, SPECIMEN_KEY];
        let (mut keys, mut lists, mut whole) = (0, 0, 0);
        for now in dates() {
            let outlook = counter.outlook(now);
            let issuer = &outlook.issuers[0];
            let verdict = |signer: u8, list: u64| counter.verdict(signer, Usage::Permit, list, now, now);
            // What decides about everything: step 3.
            if let Some(reason) = counter.on(now).by_trust_list() {
                assert_eq!(verdict(PERMIT_KEY, 3), Some(reason), "{now:?}");
                assert_eq!((issuer.finding.reason, issuer.finding.light), (Some(reason), Light::Red), "{now:?}");
                assert_eq!(outlook.light, Light::Red);
                whole += 1;
                continue;
            }
            let usable = |list: &ListOutlook| list.finding.reason.is_none();
            let good_list = issuer.lists.iter().find(|list| usable(list)).and_then(number);
            let good_key = signers.into_iter().find(|name| key_of(issuer, *name).reason.is_none());
            for name in signers {
                if let Some(list) = good_list {
                    assert_eq!(key_of(issuer, name).reason, verdict(name, list), "{now:?} {name}");
                    keys += 1;
                }
            }
            for list in &issuer.lists {
                if let Some(name) = good_key {
                    assert_eq!(list.finding.reason, verdict(name, number(list).unwrap()), "{now:?} {}", list.subject);
                    lists += 1;
                }
            }
            // Red names a reason that a clerk would see, and green and amber none, but for what nobody has signed with yet.
            for finding in issuer.lists.iter().map(|list| &list.finding).chain([&issuer.finding]) {
                assert_eq!(finding.light == Light::Red, finding.reason.is_some(), "{now:?} {finding:?}");
            }
        }
        assert!(keys > 50 && lists > 50 && whole > 5, "{keys} {lists} {whole}");
    }

    fn number(list: &ListOutlook) -> Option<u64> {
        list.subject.rsplit_once('/')?.1.parse().ok()
    }

    fn key_of(issuer: &IssuerOutlook, name: u8) -> &Finding {
        &issuer.keys.iter().find(|key| key.kid == public_key(name).kid()).unwrap().finding
    }

    fn seen(finding: &Finding) -> (&'static str, Light, Option<Reason>) {
        (finding.standing.word(), finding.light, finding.reason)
    }

    #[test]
    fn a_key_through_its_life() {
        let withdrawn = IssuerKey { compromised_from: Some(at(40 * DAY)), ..permit_key(-5, 100) };
        let counter = with_keys(vec![withdrawn, status_key()]);
        let on = |seconds| {
            let outlook = counter.outlook(at(seconds));
            let finding = key_of(&outlook.issuers[0], PERMIT_KEY).clone();
            (finding.standing.word(), finding.light, finding.changes.first().map(|change| (change.at, change.kind)))
        };
        let (begins, withdrawn, ends) = (
            Some((at(-5 * DAY), ChangeKind::KeyBegins)),
            Some((at(40 * DAY), ChangeKind::KeyWithdrawn)),
            Some((at(100 * DAY), ChangeKind::KeyEnds)),
        );
        assert_eq!(on(-5 * DAY - 1), ("announced", Light::Green, begins));
        assert_eq!(on(-5 * DAY), ("in_force", Light::Green, withdrawn));
        assert_eq!(on(10 * DAY - 1), ("in_force", Light::Green, withdrawn));
        assert_eq!(on(10 * DAY), ("ends_soon", Light::Amber, withdrawn));
        assert_eq!(on(40 * DAY - 1), ("ends_soon", Light::Amber, withdrawn));
        assert_eq!(on(40 * DAY), ("compromised", Light::Red, ends));
        assert_eq!(on(100 * DAY), ("retired", Light::Red, None));
    }

    #[test]
    fn the_trust_list_and_the_clock() {
        let counter = Counter::new(|list| list.expires_at = at(60 * DAY), &[(3, at(0), None, None)]);
        let on = |seconds| seen(&counter.outlook(at(seconds)).trust_list);
        assert_eq!(on(30 * DAY - 1), ("in_force", Light::Green, None));
        assert_eq!(on(30 * DAY), ("ends_soon", Light::Amber, None));
        assert_eq!(on(60 * DAY - 1), ("ends_soon", Light::Amber, None));
        assert_eq!(on(60 * DAY), ("expired", Light::Red, Some(Reason::TrustListExpired)));
        // The list itself was signed a day before.
        let clock = |seconds| seen(&counter.outlook(at(seconds)).clock);
        assert_eq!(clock(-DAY - 120), ("fine", Light::Green, None));
        assert_eq!(clock(-DAY - 121), ("behind", Light::Red, Some(Reason::ClockSuspect)));
        // Nothing is known at all.
        let nothing = Situation { trust: None, status: &[], ..counter.on(at(0)) };
        let outlook = Outlook::at(&nothing);
        assert_eq!(seen(&outlook.trust_list), ("missing", Light::Red, Some(Reason::TrustListMissing)));
        assert_eq!((outlook.light, outlook.issuers.len(), outlook.next.len()), (Light::Red, 0, 0));
        let permit = SignedWith { kid: public_key(PERMIT_KEY).kid(), usage: Usage::Permit, issued_at: at(0), list: 3 };
        assert_eq!(nothing.reason(&permit), Some(Reason::TrustListMissing));
    }

    #[test]
    fn status_lists_grow_old_by_the_policy_of_the_counter() {
        let lists = [(3, at(0), None, None), (4, at(0), None, Some(3_600)), (5, at(0), Some(at(DAY)), None)];
        let mut counter = Counter::new(|_| (), &lists);
        let on = |counter: &Counter, place: usize, seconds| {
            seen(&counter.outlook(at(seconds)).issuers[0].lists[place].finding)
        };
        let stale = Some(Reason::StatusListStale);
        assert_eq!(on(&counter, 0, DAY), ("fresh", Light::Green, None));
        assert_eq!(on(&counter, 0, DAY + 1), ("old", Light::Amber, None));
        assert_eq!(on(&counter, 0, 7 * DAY), ("old", Light::Amber, None));
        assert_eq!(on(&counter, 0, 7 * DAY + 1), ("stale", Light::Red, stale));
        assert_eq!((on(&counter, 1, 3_600).0, on(&counter, 1, 3_601).0), ("fresh", "old"));
        assert_eq!((on(&counter, 2, DAY - 1).0, on(&counter, 2, DAY)), ("fresh", ("over", Light::Red, stale)));
        counter.policy = Policy::default().with_status_ages(7_200, 2 * DAY).unwrap();
        assert_eq!((on(&counter, 0, 7_200).0, on(&counter, 0, 7_201).0), ("fresh", "old"));
        assert_eq!((on(&counter, 0, 2 * DAY).0, on(&counter, 0, 2 * DAY + 1).0), ("old", "stale"));
        // And says when.
        let changes = counter.outlook(at(0)).issuers[0].lists[0].finding.changes.clone();
        let expected = [(at(7_201), ChangeKind::ListOld), (at(2 * DAY + 1), ChangeKind::ListStale)];
        assert_eq!(changes, expected.map(|(at, kind)| Change { at, kind }));
    }

    /// The light and the reason of the only issuer, on `at(0)` days later.
    fn issuer_of(counter: &Counter, days: i64) -> (&'static str, Light, Option<Reason>) {
        seen(&counter.outlook(at(days * DAY)).issuers[0].finding)
    }

    #[test]
    fn an_issuer_is_as_good_as_what_hits_its_permits() {
        let next = |from, until| key(NEXT_KEY, &[Usage::Permit], from, until);
        let paper = |from, until| key(UNKNOWN_KEY, &[Usage::Voucher], from, until);
        for (keys, expected) in [
            // A key that has ended does no harm beside one in force, nor does one that is announced.
            (vec![permit_key(-90, -1), next(-10, 400)], ("in_force", Light::Green, None)),
            (vec![permit_key(-90, 400), next(10, 500)], ("in_force", Light::Green, None)),
            // One that ends soon does: its permits are still about.
            (vec![permit_key(-90, 10), next(-10, 400)], ("ends_soon", Light::Amber, None)),
            // A gap between two keys.
            (vec![permit_key(-90, -1), next(1, 400)], ("retired", Light::Red, Some(Reason::KeyRetired))),
            (vec![next(1, 400)], ("announced", Light::Green, Some(Reason::KeyRetired))),
            // Paper that is no longer signed.
            (vec![permit_key(-90, 400), paper(-90, -1)], ("retired", Light::Amber, Some(Reason::KeyRetired))),
            (vec![permit_key(-90, 400), paper(-90, 400)], ("in_force", Light::Green, None)),
            (vec![permit_key(-90, 400), paper(1, 400)], ("in_force", Light::Green, None)),
            (vec![paper(-90, -1)], ("retired", Light::Red, Some(Reason::KeyRetired))),
            (vec![permit_key(-90, -1), paper(-90, 400)], ("retired", Light::Red, Some(Reason::KeyRetired))),
            (vec![], ("no_permit_key", Light::Green, None)),
            (
                vec![IssuerKey { specimen: true, ..permit_key(-90, 400) }],
                ("specimen", Light::Green, Some(Reason::Specimen)),
            ),
            (
                vec![
                    IssuerKey { specimen: true, ..permit_key(-90, 400) },
                    IssuerKey { compromised_from: Some(at(0)), ..next(-90, 400) },
                ],
                ("compromised", Light::Red, Some(Reason::KeyCompromised)),
            ),
        ] {
            let counter = with_keys(keys.clone().into_iter().chain([status_key()]).collect());
            assert_eq!(issuer_of(&counter, 0), expected, "{keys:?}");
        }
        // The list is looked at after the key, and only where permits are signed.
        let no_list = |keys: Vec<IssuerKey>| Counter::new(|list| list.issuers[0].keys = keys, &[]);
        let missing = ("missing", Light::Red, Some(Reason::StatusListMissing));
        assert_eq!(issuer_of(&no_list(vec![permit_key(-90, 400), status_key()]), 0), missing);
        assert_eq!(issuer_of(&no_list(vec![permit_key(1, 400), status_key()]), 0).1, Light::Green);
        assert_eq!(issuer_of(&no_list(vec![status_key()]), 0), ("no_permit_key", Light::Green, None));
        // Nobody can sign the next list, soon or by now.
        let keys = [permit_key(-90, 400), key(STATUS_KEY, &[Usage::Status], -90, 40)];
        let counter = Counter::new(|list| list.issuers[0].keys = keys.to_vec(), &[(3, at(39 * DAY), None, None)]);
        let on = |seconds: i64| seen(&counter.outlook(at(seconds)).issuers[0].finding);
        assert_eq!(on(10 * DAY - 1), ("in_force", Light::Green, None));
        assert_eq!(on(10 * DAY), ("ends_soon", Light::Amber, None));
        assert_eq!(on(40 * DAY), ("no_status_key", Light::Amber, None));
        assert_eq!(on(40 * DAY + 1), ("old", Light::Amber, None));
        let status_ends = counter.outlook(at(40 * DAY)).issuers[0].keys[1].finding.clone();
        assert_eq!(seen(&status_ends), ("retired", Light::Amber, None));
    }

    #[test]
    fn a_list_whose_key_fell_is_as_good_as_none() {
        let fallen = IssuerKey { compromised_from: Some(at(0)), ..status_key() };
        let counter = with_keys(vec![permit_key(-90, 400), fallen]);
        let outlook = counter.outlook(at(60));
        let list = &outlook.issuers[0].lists[0];
        assert_eq!(seen(&list.finding), ("unusable", Light::Red, Some(Reason::StatusListMissing)));
        assert!(list.finding.words.en.contains("[STATUS_KEY_USAGE]"), "{:?}", list.finding.words);
        assert_eq!(issuer_of(&counter, 0).2, Some(Reason::StatusListMissing));
    }

    #[test]
    fn lists_of_nobody_are_named_and_hinder_nothing() {
        let mut counter = with_keys(vec![permit_key(-90, 400), status_key()]);
        let refusal = StatusRefusal::Subject;
        counter.kept.push(KeptList { subject: "https://gone.example/1".into(), head: Err(refusal) });
        let outlook = counter.outlook(at(0));
        assert_eq!((outlook.light, outlook.strays.len()), (Light::Green, 1));
        assert_eq!(outlook.strays[0].subject, "https://gone.example/1");
        assert_eq!(outlook.issuers[0].lists.len(), 1);
    }

    #[test]
    fn lists_are_published_while_somebody_can_sign_them() {
        let counter = Counter::new(
            |list| list.issuers[0].keys = vec![permit_key(-90, 400), key(STATUS_KEY, &[Usage::Status], -90, 50)],
            &[(3, at(0), Some(at(3 * DAY)), Some(3_600))],
        );
        let on = |publication, seconds| {
            let outlook = Outlook::at(&Situation { publication, ..counter.on(at(seconds)) });
            let list = &outlook.issuers[0].lists[0];
            (list.finding.standing.word(), list.assumed, list.issued_at)
        };
        assert_eq!(on(Publication::None, 40 * DAY), ("over", false, Some(at(0))));
        assert_eq!(on(Publication::Daily, 40 * DAY), ("fresh", true, Some(at(40 * DAY))));
        assert_eq!(on(Publication::Daily, 0), ("fresh", false, Some(at(0))));
        // The key ends: the last list is of the second before.
        let last = at(50 * DAY - 1);
        assert_eq!(on(Publication::Daily, 50 * DAY - 1), ("fresh", true, Some(last)));
        assert_eq!(on(Publication::Daily, 50 * DAY), ("fresh", true, Some(last)));
        assert_eq!(on(Publication::Daily, 57 * DAY - 1), ("old", true, Some(last)));
        assert_eq!(on(Publication::Daily, 57 * DAY), ("stale", true, Some(last)));
        // An issuer that has just been taken in has no list yet, and will have one.
        let none = Counter::new(|list| list.issuers[0].keys = vec![permit_key(-90, 400), status_key()], &[]);
        let daily = Outlook::at(&Situation { publication: Publication::Daily, ..none.on(at(0)) });
        assert_eq!(seen(&daily.issuers[0].finding), ("in_force", Light::Green, None));
        assert_eq!(issuer_of(&none, 0).2, Some(Reason::StatusListMissing));
        // Withdrawn keys sign nothing from then on.
        let fallen = IssuerKey { compromised_from: Some(at(10 * DAY)), ..status_key() };
        let fallen = with_keys(vec![permit_key(-90, 400), fallen]);
        let outlook = Outlook::at(&Situation { publication: Publication::Daily, ..fallen.on(at(12 * DAY)) });
        assert_eq!(outlook.issuers[0].lists[0].issued_at, Some(at(10 * DAY - 1)));
    }

    #[test]
    fn what_holders_lose_by_a_new_trust_list() {
        let today = Counter::new(|_| (), &[]);
        let losses = |change: &dyn Fn(&mut TrustList), days: i64| -> Vec<&'static str> {
            let then = Counter::new(change, &[]);
            let lost = then.on(at(days * DAY)).losses(&today.on(at(0)));
            assert!(
                lost.iter().all(|loss| loss.kid == public_key(PERMIT_KEY).kid() && loss.issuer.as_str() == "GZ-PSB")
            );
            lost.into_iter().map(|loss| loss.reason.code()).collect()
        };
        assert_eq!(losses(&|_| (), 30), [""; 0]);
        assert_eq!(losses(&|list| drop(list.issuers[0].keys.remove(0)), 30), ["ISSUER_UNKNOWN"]);
        let ends = |list: &mut TrustList| list.issuers[0].keys[0].not_after = at(30 * DAY);
        assert_eq!((losses(&ends, 29), losses(&ends, 30)), (vec![], vec!["KEY_RETIRED"]));
        // Withdrawn from yesterday on: what is signed today is lost. From tomorrow on: it is not.
        let withdrawn =
            |days: i64| move |list: &mut TrustList| list.issuers[0].keys[0].compromised_from = Some(at(days * DAY));
        assert_eq!((losses(&withdrawn(0), 30), losses(&withdrawn(1), 30)), (vec!["KEY_COMPROMISED"], vec![]));
        for change in [
            (|list| list.issuers[0].keys[0].usages = vec![Usage::Permit]) as fn(&mut TrustList),
            |list| list.issuers[0].divisions = vec![DivisionPrefix::parse("440106").unwrap()],
            |list| list.issuers[0].divisions = vec![DivisionPrefix::parse("4403").unwrap()],
        ] {
            assert_eq!(losses(&change, 30), ["ISSUER_OUT_OF_SCOPE"]);
        }
        assert_eq!(losses(&|list| list.issuers[0].divisions = vec![DivisionPrefix::parse("44").unwrap()], 30), [""; 0]);
        assert_eq!(losses(&|list| list.issuers[0].keys[0].specimen = true, 30), ["SPECIMEN"]);
        let rule = |prefix: &str, live: bool, paper: bool| {
            let (prefix, window) = (DivisionPrefix::parse(prefix).unwrap(), Window::Months(1));
            let name = DisplayText::parse("居住证").unwrap();
            RegionRule::new(
                prefix,
                name.clone(),
                window,
                None,
                live,
                paper.then(|| DisplayText::parse("凭证").unwrap()),
            )
            .unwrap()
        };
        assert_eq!(losses(&|list| list.rules = vec![rule("44", false, true)], 30), ["LIVE_CODE_NOT_ALLOWED"]);
        assert_eq!(losses(&|list| list.rules = vec![rule("44", true, false)], 30), ["VOUCHER_NOT_ALLOWED"]);
        // A part of what the issuer covers, and what it does not.
        assert_eq!(losses(&|list| list.rules.push(rule("440106", false, true)), 30), ["LIVE_CODE_NOT_ALLOWED"]);
        assert_eq!(losses(&|list| list.rules.push(rule("4403", false, false)), 30), [""; 0]);
        assert_eq!(losses(&|list| list.rules = vec![rule("44", false, false), rule("4401", true, true)], 30), [""; 0]);
        // What ends for all is the outlook's to say.
        assert_eq!(losses(&ends, 400), [""; 0]);
        let expired = today.on(at(365 * DAY));
        assert_eq!(today.on(at(0)).losses(&expired), []);
    }

    #[test]
    fn the_next_dates_are_counted_by_day() {
        let keys = vec![permit_key(-90, 40), key(NEXT_KEY, &[Usage::Permit], -90, 40), status_key()];
        let lists = [(3, at(0), None, None), (4, at(60), None, None)];
        let counter = Counter::new(|list| list.issuers[0].keys = keys, &lists);
        let words: Vec<String> = counter.outlook(at(120)).next.iter().map(|upcoming| upcoming.words().zh).collect();
        assert_eq!(
            words,
            [
                "2026-07-02 2 份状态名单变旧",
                "2026-07-08 2 份状态名单过旧，不能核验",
                "2026-08-10 2 个密钥停止使用",
                "2027-07-01 信任名单到期",
                "2029-03-27 密钥停止使用",
            ]
        );
        let next = counter.outlook(at(120)).next;
        assert_eq!((next[0].at, next[3].words().en.as_str()), (at(DAY + 1), "2027-07-01 the trust list expires"));
    }

    #[test]
    fn lights_are_words_too() {
        assert!(Light::Green < Light::Amber && Light::Amber < Light::Red);
        assert_eq!(Light::Red.words().zh, "红 不能核验");
        assert_eq!(minute(at(0)), "2026-07-01 08:00");
    }
}
