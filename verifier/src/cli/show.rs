//! `show`: what is trusted, and how old it is.

use clap::Args;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::PublicKey;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, Usage};
use serde_json::{Value, json};
use verifier::policy::Policy;
use verifier::state::State;
use verifier::status::TrustedStatusList;
use verifier::verdict::Words;

use super::terminal::{Page, age, both};
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    clock: ClockArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let mut state = self.state.open()?;
        let lists = state.status_lists().map_err(|error| state_refusal(&error))?;
        let lists: Vec<KeptList> = lists
            .into_iter()
            .map(|kept| KeptList {
                subject: kept.subject,
                standing: kept.list.map(|list| standing(&list, now)).map_err(|error| (error.code(), error.to_string())),
            })
            .collect();
        if self.json {
            print_json(&show_json(&state, &lists, now))?;
        } else {
            show_page(&state, &lists, now).print()?;
        }
        Ok(Exit::Done)
    }
}

struct KeptList {
    subject: String,
    standing: Result<ListStanding, (&'static str, String)>,
}

struct ListStanding {
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    age_secs: i64,
    /// fresh, old (used, to be renewed), stale (answers nothing)
    word: &'static str,
    words: Words,
}

fn standing(list: &TrustedStatusList, now: Timestamp) -> ListStanding {
    let (head, policy) = (list.list().head(), Policy::default());
    let age_secs = now.seconds_since(head.issued_at);
    // As a verdict has it: old is what the policy or the issuer's own `ttl` calls old.
    let ttl_secs = head.ttl_secs.map_or(i64::MAX, |ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
    let fresh_secs = policy.status_fresh_secs.min(ttl_secs);
    let (word, words) = if age_secs > policy.status_age_secs_max || head.expires_at.is_some_and(|end| end <= now) {
        ("stale", Words { zh: "过旧，不能核验，请同步", en: "TOO OLD to answer: synchronise" })
    } else if age_secs > fresh_secs {
        ("old", Words { zh: "较旧，请尽快同步", en: "old: synchronise soon" })
    } else {
        ("fresh", Words { zh: "新", en: "fresh" })
    };
    ListStanding { issued_at: head.issued_at, expires_at: head.expires_at, age_secs, word, words }
}

fn usage_word(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "permit",
        Usage::Voucher => "voucher",
        Usage::Status => "status",
    }
}

fn usage_words(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "亮码 permit",
        Usage::Voucher => "纸质凭证 voucher",
        Usage::Status => "状态名单 status",
    }
}

fn kid(entry: &IssuerKey) -> String {
    // A trusted list has no key that is no key.
    PublicKey::try_from(&entry.key).map(|key| key.kid().to_string()).unwrap_or_default()
}

fn divisions(issuer: &Issuer) -> Vec<&str> {
    issuer.divisions.iter().map(|prefix| prefix.as_str()).collect()
}

fn show_page(state: &State, lists: &[KeptList], now: Timestamp) -> Page {
    let mut page = Page::default();
    page.line(format!("柜台 / counter: {}", state.counter()));
    page.line(format!("根密钥指纹 / root key: {}", state.root()));
    if let Some(cause) = state.unwritable() {
        page.line(format!("不能写入，不能核验 / nothing can be accepted: {cause}; {}", cause.remedy()));
    }
    let newest = state.newest_signed_time();
    if let Some(newest) = newest {
        page.line(format!("名单中最新的签署时间 / newest signed time: {newest}"));
        if newest.seconds_since(now) > Policy::default().clock_behind_secs_max {
            page.line(format!("本机时间不可信，请校准 / this computer's clock is wrong, set it: it shows {now}"));
        }
    }
    let Some(trust) = state.trust().map(|trust| trust.list()) else {
        page.line(format!(
            "尚无信任名单，请同步 / no trust list yet: verifier sync --state {} FOLDER",
            state.folder().display()
        ));
        return page;
    };
    let in_force =
        if now < trust.expires_at { "有效 in force" } else { "已过期，请同步 EXPIRED: synchronise" };
    page.line(format!(
        "信任名单 / trust list: version {}, {in_force}; issued {} ({}), expires {}",
        trust.version,
        trust.issued_at,
        both(&age(now.seconds_since(trust.issued_at))),
        trust.expires_at
    ));
    for issuer in &trust.issuers {
        page.line(format!(
            "  签发机关 / issuer: {} {}, 地区 divisions {}",
            issuer.id,
            issuer.name,
            divisions(issuer).join(", ")
        ));
        for entry in &issuer.keys {
            let usages: Vec<&str> = entry.usages.iter().map(usage_words).collect();
            let mut line = format!(
                "    密钥 / key {}: {}; {} - {}",
                kid(entry),
                usages.join(", "),
                entry.not_before,
                entry.not_after
            );
            if let Some(from) = entry.compromised_from {
                line.push_str(&format!("; 自 {from} 起停用 withdrawn from then on"));
            }
            if entry.specimen {
                line.push_str("; 样本 specimen");
            }
            page.line(line);
        }
    }
    if lists.is_empty() {
        page.line("尚无状态名单，请同步 / no status list yet: synchronise");
    }
    for list in lists {
        match &list.standing {
            Ok(standing) => page.line(format!(
                "状态名单 / status list {}: {}; issued {} ({})",
                list.subject,
                both(&standing.words),
                standing.issued_at,
                both(&age(standing.age_secs))
            )),
            Err((code, sentence)) => {
                page.line(format!("状态名单 / status list {}: 不可用 UNUSABLE: {sentence} [{code}]", list.subject));
            }
        }
    }
    page
}

fn show_json(state: &State, lists: &[KeptList], now: Timestamp) -> Value {
    let time = |time: Timestamp| time.to_string();
    let issuers = |list: &credential_format::trust_list::TrustList| -> Vec<Value> {
        let key = |entry: &IssuerKey| {
            json!({
                "kid": kid(entry),
                "usages": entry.usages.iter().map(usage_word).collect::<Vec<_>>(),
                "not_before": time(entry.not_before),
                "not_after": time(entry.not_after),
                "compromised_from": entry.compromised_from.map(time),
                "specimen": entry.specimen,
            })
        };
        list.issuers
            .iter()
            .map(|issuer| {
                json!({
                    "id": issuer.id.as_str(),
                    "name": issuer.name.as_str(),
                    "divisions": divisions(issuer),
                    "status_uri": issuer.status_uri,
                    "keys": issuer.keys.iter().map(key).collect::<Vec<_>>(),
                })
            })
            .collect()
    };
    let trust = state.trust().map(|trust| trust.list()).map(|list| {
        json!({
            "version": list.version,
            "issued_at": time(list.issued_at),
            "expires_at": time(list.expires_at),
            "age_s": now.seconds_since(list.issued_at),
            "in_force": now < list.expires_at,
            "issuers": issuers(list),
        })
    });
    let status: Vec<Value> = lists
        .iter()
        .map(|list| match &list.standing {
            Ok(standing) => json!({
                "subject": list.subject,
                "standing": standing.word,
                "issued_at": time(standing.issued_at),
                "expires_at": standing.expires_at.map(time),
                "age_s": standing.age_secs,
            }),
            Err((code, sentence)) => json!({
                "subject": list.subject,
                "standing": "unusable",
                "error": { "code": code, "what": sentence },
            }),
        })
        .collect();
    json!({
        "v": 1,
        "counter": state.counter().as_str(),
        "root": state.root().to_string(),
        "writable": state.unwritable().is_none(),
        "newest_signed": state.newest_signed_time().map(time),
        "now": time(now),
        "trust": trust,
        "status": status,
    })
}
