//! `show`: how this counter stands today, in lines that can be read out on the telephone.

use std::collections::BTreeMap;

use clap::Args;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::PublicKey;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey};
use serde_json::{Value, json};
use verifier::clock_doctor::Diagnosis;
use verifier::journal::chain::Broken;
use verifier::outlook::{KeptList, Light, ListOutlook, Outlook, Publication, Situation, Standing, minute};
use verifier::state::{Condition, State};
use verifier::trouble::{self, Inquiry, Trouble};
use verifier::verdict::Words;

use super::outlook::{
    Numbered, issuer_lines, light_words, next_json, next_lines, outlook_json, said, thousands, usage_word,
};
use super::policy::{policy_json, policy_lines};
use super::space::free_bytes;
use super::terminal::{age, both};
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
#[command(after_help = "verifier rehearse says the same for a date to come.")]
pub(super) struct Show {
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    clock: ClockArguments,
    /// Name every issuer, with its keys and status lists, not only those that need attention
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let mut state = self.state.open()?;
        let lists = state.kept_lists().map_err(|error| state_refusal(&error))?;
        let outlook = Outlook::at(&situation(&state, &lists, now));
        let doctor = state.clock_doctor(now);
        let troubles = troubles(&state, &outlook, doctor)?;
        let shown = Shown { state: &state, lists: &lists, outlook: &outlook, doctor, troubles, now };
        if self.json {
            print_json(&shown.json())?;
        } else {
            shown.lines(self.all).print()?;
        }
        Ok(Exit::Done)
    }
}

/// What a counter knows, with the lists that it has.
pub(super) fn situation<'a>(state: &'a State, lists: &'a [KeptList], now: Timestamp) -> Situation<'a> {
    Situation {
        trust: state.trust(),
        status: lists,
        newest_signed_time: state.newest_signed_time(),
        now,
        policy: &state.settings().policy,
        publication: Publication::None,
    }
}

/// Everything that may stop this counter, or soon will.
fn troubles(state: &State, outlook: &Outlook, clock_doctor: Option<Diagnosis>) -> Result<Vec<Trouble>, Refusal> {
    let refused = |error| state_refusal(&error);
    let conditions: Vec<(Condition, Timestamp)> = state.conditions().map_err(refused)?;
    let journal: Option<Broken> = state.journal_chain(None).map_err(refused)?.broken;
    Ok(trouble::troubles(&Inquiry {
        outlook,
        trust: state.trust(),
        clock_doctor,
        unwritable: state.unwritable(),
        free_bytes: free_bytes(state.folder()),
        conditions: &conditions,
        journal,
    }))
}

struct Shown<'a> {
    state: &'a State,
    lists: &'a [KeptList],
    outlook: &'a Outlook,
    doctor: Option<Diagnosis>,
    troubles: Vec<Trouble>,
    now: Timestamp,
}

/// The dates that are read out.
const NEXT_SHOWN: usize = 4;

impl Shown<'_> {
    /// One fact a line.
    fn lines(&self, all: bool) -> Numbered {
        let (state, outlook) = (self.state, self.outlook);
        let mut lines = Numbered::default();
        lines.line(format!("柜台 counter: {}", state.counter()));
        let time = minute(self.now);
        match self.doctor.filter(|_| outlook.clock.light == Light::Green) {
            Some(diagnosis) => lines.lit(format!("时间 clock: {time}, {}", both(&diagnosis.words())), Light::Amber),
            None => lines.lit(format!("时间 clock: {time}, {}", said(&outlook.clock)), outlook.clock.light),
        }
        let root = state.root().to_string();
        let (first, second) = (root.get(..4).unwrap_or_default(), root.get(4..8).unwrap_or_default());
        lines.line(format!("根 root: {first} {second} (指纹前八位 the thumbprint's first eight digits)"));
        issuer_lines(&mut lines, outlook, all, false);
        if state.trust().is_none() {
            lines.line(format!(
                "尚无名单，请同步 / no lists yet: verifier sync --state {} FOLDER",
                state.folder().display()
            ));
        }
        if let Some(ages) = self.list_ages() {
            lines.line(ages);
        }
        next_lines(&mut lines, &outlook.next, NEXT_SHOWN);
        match state.unwritable() {
            None => lines.line("磁盘 disk: 可写 writable"),
            Some(cause) => lines.lit(
                format!("磁盘 disk: 不能写入，不能核验 / nothing can be accepted: {cause}; {}", cause.remedy()),
                Light::Red,
            ),
        }
        policy_lines(state.settings()).into_iter().for_each(|line| lines.line(line));
        if self.troubles.is_empty() {
            lines.line("故障 troubles: 无 none");
        }
        for Trouble { code, light, words, remedy } in &self.troubles {
            let (light_words, words, remedy) = (light_words(*light), both(words), both(remedy));
            lines.lit(format!("故障 trouble: {light_words}: {words} [{code}]; 办法 what to do: {remedy}"), *light);
        }
        lines
    }

    /// How many status lists there are, and how old.
    fn list_ages(&self) -> Option<String> {
        let mut signed: Vec<Timestamp> =
            self.lists.iter().filter_map(|list| list.head.as_ref().ok()).map(|head| head.issued_at).collect();
        signed.sort_unstable();
        let (oldest, newest) = (signed.first()?, signed.last()?);
        let since = |time: &Timestamp| both(&age(self.now.seconds_since(*time)));
        Some(format!(
            "状态名单 status lists: {}; 最新 newest {}; 最旧 oldest {}",
            thousands(signed.len()),
            since(newest),
            since(oldest)
        ))
    }

    fn json(&self) -> Value {
        let time = |time: Timestamp| time.to_string();
        let state = self.state;
        let trust = state.trust().map(|trust| trust.list()).map(|list| {
            json!({
                "version": list.version,
                "issued_at": time(list.issued_at),
                "expires_at": time(list.expires_at),
                "age_s": self.now.seconds_since(list.issued_at),
                "in_force": self.now < list.expires_at,
                "issuers": list.issuers.iter().map(issuer_json).collect::<Vec<_>>(),
            })
        });
        let of_issuers = self.outlook.issuers.iter().flat_map(|issuer| &issuer.lists);
        let standing: BTreeMap<&str, &ListOutlook> =
            of_issuers.chain(&self.outlook.strays).map(|list| (list.subject.as_str(), list)).collect();
        let status: Vec<Value> = self
            .lists
            .iter()
            .map(|list| match &list.head {
                Ok(head) => json!({
                    "subject": list.subject,
                    "standing": standing.get(list.subject.as_str()).map(|list| standing_word(list)),
                    "issued_at": time(head.issued_at),
                    "expires_at": head.expires_at.map(time),
                    "age_s": self.now.seconds_since(head.issued_at),
                }),
                Err(refusal) => json!({
                    "subject": list.subject,
                    "standing": "unusable",
                    "error": { "code": refusal.code(), "what": refusal.to_string() },
                }),
            })
            .collect();
        json!({
            "v": 1,
            "counter": state.counter().as_str(),
            "root": state.root().to_string(),
            "writable": state.unwritable().is_none(),
            "newest_signed": state.newest_signed_time().map(time),
            "now": time(self.now),
            "trust": trust,
            "status": status,
            "outlook": outlook_json(self.outlook),
            "next": next_json(&self.outlook.next),
            "policy": policy_json(state.settings()),
            "troubles": self.troubles.iter().map(trouble_json).collect::<Vec<_>>(),
            "clock_doctor": self.doctor.map(|diagnosis| {
                let Words { zh, en } = diagnosis.words();
                json!({ "laptop": diagnosis.laptop.word(), "secs": diagnosis.secs, "zh": zh, "en": en })
            }),
        })
    }
}

fn trouble_json(trouble: &Trouble) -> Value {
    let Trouble { code, light, words, remedy } = trouble;
    json!({
        "code": code,
        "light": light.word(),
        "zh": words.zh,
        "en": words.en,
        "remedy": { "zh": remedy.zh, "en": remedy.en },
    })
}

/// fresh, old (used, to be renewed), stale (answers nothing, whatever ended it)
fn standing_word(list: &ListOutlook) -> &'static str {
    match list.finding.standing {
        Standing::Over => Standing::Stale.word(),
        other => other.word(),
    }
}

fn issuer_json(issuer: &Issuer) -> Value {
    let key = |entry: &IssuerKey| {
        json!({
            "kid": kid(entry),
            "usages": entry.usages.iter().map(usage_word).collect::<Vec<_>>(),
            "not_before": entry.not_before.to_string(),
            "not_after": entry.not_after.to_string(),
            "compromised_from": entry.compromised_from.map(|time| time.to_string()),
            "specimen": entry.specimen,
        })
    };
    json!({
        "id": issuer.id.as_str(),
        "name": issuer.name.as_str(),
        "divisions": issuer.divisions.iter().map(|prefix| prefix.as_str()).collect::<Vec<_>>(),
        "status_uri": issuer.status_uri,
        "keys": issuer.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

fn kid(entry: &IssuerKey) -> String {
    // A trusted list has no key that is no key.
    PublicKey::try_from(&entry.key).map(|key| key.kid().to_string()).unwrap_or_default()
}
