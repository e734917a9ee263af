//! What the page is told of a check: masked, in both languages, and no more than it shows.

use credential_format::day::Day;
use credential_format::permit::{Carrier, Claims};
use credential_format::timestamp::Timestamp;
use serde::Serialize;

use crate::clock_doctor::Diagnosis;
use crate::journal::{By, HOLDER_MISMATCH, HOLDER_MISMATCH_REMEDY, HOLDER_MISMATCH_TITLE};
use crate::json::{AgentDocument, Bilingual, VoucherDocument, sex, shown_by};
use crate::verdict::{Outcome, Subject, Tone, Verdict, Words};
use crate::verify::SignedPermit;

/// A check as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CheckDocument {
    number: u64,
    outcome: &'static str,
    light: &'static str,
    sign: char,
    reason: &'static str,
    title: Bilingual,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Bilingual>,
    remedy: Bilingual,
    curable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    assurance: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<MaskedPermit>,
    lists: Lists,
    how: Bilingual,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_age_s: Option<i64>,
    decided_at: Bilingual,
    clock: &'static str,
    by: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
}

/// Something to know beside the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    code: &'static str,
    #[serde(flatten)]
    words: Bilingual,
}

impl Note {
    pub(super) fn new<T: Into<String>>(code: &'static str, words: Words<T>) -> Note {
        Note { code, words: words.into() }
    }

    pub(super) fn of_clock(diagnosis: &Diagnosis) -> Note {
        Note::new("CLOCK_DOCTOR", diagnosis.words())
    }
}

impl CheckDocument {
    pub(super) fn new(
        number: u64,
        verdict: &Verdict,
        fixed_clock: bool,
        by: By,
        mut notes: Vec<Note>,
    ) -> CheckDocument {
        let permit = match &verdict.subject {
            // What a code claims that nobody signed for is not shown to a clerk in any form.
            Subject::Unreadable | Subject::Untrusted(_) => None,
            Subject::Signed(permit) | Subject::Accepted(permit) => Some(MaskedPermit::new(permit)),
        };
        if verdict.replay_checked_here_only {
            notes.push(Note::new(
                "REPLAY_LOCAL_ONLY",
                Words {
                    zh: "查重仅限本柜台：共用的查重服务器连接不上，请告知技术人员",
                    en: "checked against this counter only: the guard that the hall shares cannot be reached; tell the technician",
                },
            ));
        }
        CheckDocument {
            number,
            outcome: verdict.outcome().word(),
            light: verdict.tone(fixed_clock).word(),
            sign: verdict.reason.sign(),
            reason: verdict.reason.code(),
            title: verdict.reason.title().into(),
            detail: verdict.detail().map(Bilingual::from),
            remedy: verdict.reason.remedy().into(),
            curable: verdict.reason.is_curable(),
            assurance: verdict.assurance.map(|assurance| assurance.word()),
            permit,
            lists: Lists {
                trust: verdict.trust_list.map(|list| TrustAge { version: list.version, age_s: list.age_secs }),
                status: verdict.status_list.map(|list| StatusAge {
                    list: list.list,
                    age_s: list.age_secs,
                    old: list.old,
                }),
            },
            how: verdict.how().into(),
            code_age_s: verdict.code_age_secs,
            decided_at: to_the_second(verdict.decided_at),
            clock: if fixed_clock { "fixed" } else { "system" },
            by: by.word(),
            notes,
        }
    }

    /// Whether whatever the phone shows next would be judged the same: accepted, or refused for good.
    pub(super) fn is_settled(&self) -> bool {
        self.outcome == Outcome::Accept.word() || (self.outcome == Outcome::Reject.word() && !self.curable)
    }

    /// The same check after the clerk has said that the person is another one 人证不符.
    pub(super) fn with_person_mismatch(mut self) -> CheckDocument {
        self.outcome = "reject";
        self.light = Tone::Red.word();
        self.sign = '✕';
        self.reason = HOLDER_MISMATCH;
        self.title = HOLDER_MISMATCH_TITLE.into();
        self.detail = None;
        self.remedy = HOLDER_MISMATCH_REMEDY.into();
        self.curable = false;
        self
    }
}

#[derive(Clone, Debug, Serialize)]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<TrustAge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusAge>,
}

#[derive(Clone, Debug, Serialize)]
struct TrustAge {
    version: u64,
    age_s: i64,
}

#[derive(Clone, Debug, Serialize)]
struct StatusAge {
    list: u64,
    age_s: i64,
    old: bool,
}

/// What may stand on a screen that others see.
#[derive(Clone, Serialize)]
struct MaskedPermit {
    permit_name: String,
    specimen: bool,
    carrier: &'static str,
    name: String,
    sex: Bilingual,
    ethnicity: Bilingual,
    citizen_id: String,
    household: String,
    address: String,
    issued_on: Bilingual,
    endorsed_until: Bilingual,
    window: Window,
    issuer: String,
    residence_code: String,
    shown_by: Bilingual,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher: Option<VoucherDocument>,
}

/// Personal data, though masked: not for `Debug`.
impl std::fmt::Debug for MaskedPermit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaskedPermit").field("permit_name", &self.permit_name).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize)]
struct Window {
    opens: Bilingual,
    closes: Bilingual,
}

impl MaskedPermit {
    fn new(permit: &SignedPermit) -> MaskedPermit {
        let claims = permit.claims();
        let (opens, closes) = permit.rule().window_days(claims.endorsed_until);
        let voucher = match &claims.carrier {
            Carrier::Device(_) => None,
            Carrier::Paper(note) => Some(VoucherDocument::new(note)),
        };
        let name = permit.rule().voucher_name().filter(|_| voucher.is_some()).unwrap_or(permit.rule().permit_name());
        MaskedPermit {
            permit_name: name.as_str().into(),
            specimen: permit.is_specimen(),
            carrier: if voucher.is_some() { "paper" } else { "phone" },
            name: claims.name.masked(),
            sex: sex(claims.citizen_id.sex()).into(),
            ethnicity: Words { zh: claims.ethnicity.name(), en: claims.ethnicity.name_en() }.into(),
            citizen_id: claims.citizen_id.masked(),
            household: claims.household.masked(),
            address: claims.address.masked(),
            issued_on: day(claims.issued_on),
            endorsed_until: day(claims.endorsed_until),
            window: Window { opens: day(opens), closes: day(closes) },
            issuer: permit.issuer_name().into(),
            residence_code: masked_residence_code(claims),
            shown_by: shown_by(claims).into(),
            agent: claims.agent.as_ref().map(|agent| AgentDocument::new(agent, agent.name.masked())),
            voucher,
        }
    }
}

/// All of it, for a clerk who said why.
#[derive(Clone, Serialize)]
pub(super) struct WholePermit {
    name: String,
    citizen_id: String,
    birth_date: Bilingual,
    household: String,
    address: String,
    residence_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentDocument>,
}

impl WholePermit {
    pub(super) fn new(permit: &SignedPermit) -> WholePermit {
        let claims = permit.claims();
        let born = claims.citizen_id.birth_date();
        WholePermit {
            name: claims.name.as_str().into(),
            citizen_id: claims.citizen_id.to_string(),
            birth_date: Words { zh: born.format("%Y年%-m月%-d日").to_string(), en: born.to_string() }.into(),
            household: claims.household.to_address(),
            address: claims.address.to_address(),
            residence_code: claims.residence_code.to_string(),
            agent: claims.agent.as_ref().map(|agent| AgentDocument::new(agent, agent.name.as_str().into())),
        }
    }
}

/// The last four digits, which people read to each other.
fn masked_residence_code(claims: &Claims) -> String {
    let digits = claims.residence_code.digits();
    digits.chars().enumerate().map(|(at, digit)| if at < 12 { '*' } else { digit }).collect()
}

fn day(day: Day) -> Bilingual {
    Words { zh: day.zh(), en: day.to_string() }.into()
}

/// `2026年11月27日 17:03:20`, in Shanghai.
pub(super) fn to_the_second(time: Timestamp) -> Bilingual {
    let (date, clock) = date_and_clock(time);
    Words { zh: format!("{} {clock}", time.day().zh()), en: format!("{date} {clock}") }.into()
}

/// Without the seconds.
pub(super) fn to_the_minute(time: Timestamp) -> Bilingual {
    let (date, mut clock) = date_and_clock(time);
    clock.truncate("17:03".len());
    Words { zh: format!("{} {clock}", time.day().zh()), en: format!("{date} {clock}") }.into()
}

fn date_and_clock(time: Timestamp) -> (String, String) {
    // 2026-11-27T17:03:20+08:00
    let text = time.to_string();
    let (date, rest) = text.split_once('T').unwrap_or((&text, ""));
    (date.into(), rest.split('+').next().unwrap_or_default().into())
}
