//! The desk: what one clerk at one screen has before them. The challenge that is shown, the checks whose data may still be asked for, what the
//! camera saw last.

use std::collections::VecDeque;
use std::time::Duration;

use credential_format::challenge::Challenge;
use credential_format::citizen_id::CitizenId;
use credential_format::day::Day;
use credential_format::text::{self, Kind, is_permit_code};
use credential_format::timestamp::Timestamp;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::journal::chain::{Broken, Chain};
use crate::journal::export;
use crate::journal::{By, Format, What, Why};
use crate::json::{Advice, scanner_advice};
use crate::outlook::{KeptList, Light, Outlook, Publication, Situation};
use crate::scan::Seen;
use crate::state::{Asking, Condition, State};
use crate::trouble::{Inquiry, Trouble, troubles};
use crate::verdict::{Assurance, Outcome, Reason, Subject, Verdict, Words};
use crate::verify::{Asked, SignedPermit};

use super::Surroundings;
use super::api::entry_json;
use super::document::{CheckDocument, Note, WholePermit, to_the_minute};
use super::refusal::{self, Refusal};
use super::view::View;

/// What the desk has at this moment.
pub(super) struct Desk {
    pub(super) state: State,
    surroundings: Surroundings,
    /// For how long the camera has been looking. It stands still while the page sends no frames, since the clerk works on a verdict: what is
    /// before the camera then has not gone away.
    looked: Duration,
    last_frame: Option<Duration>,
    /// Whether the clerk has chosen that challenges are asked, where the counter's policy leaves that to the clerk.
    asks: bool,
    challenge: Option<Shown>,
    challenges: u64,
    view: View,
    checks: VecDeque<Checked>,
    numbers: u64,
    /// The status lists at hand, and the generation of the state that they were read at.
    lists: Option<(i64, Vec<KeptList>)>,
}

/// A challenge on the screen.
struct Shown {
    challenge: Challenge,
    at: Duration,
}

/// A check whose data may still be asked for.
struct Checked {
    number: u64,
    at: Duration,
    document: CheckDocument,
    permit: Option<SignedPermit>,
    compared: u32,
    /// The line of the journal that tells of it.
    entry: Option<u64>,
}

/// A longer gap between two frames is a camera that did not look.
const FRAME_GAP_MAX: Duration = Duration::from_millis(250);
/// So long after a check its data can be asked for.
const DATA_KEPT: Duration = Duration::from_secs(600);
/// And of so many checks at a time.
const CHECKS_KEPT: usize = 20;
/// Numbers that may be compared with one permit: a clerk errs, nobody guesses.
const COMPARED_MAX: u32 = 5;

/// A challenge as the page draws it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChallengeDocument {
    number: u64,
    digits: String,
    left_s: u64,
    size: usize,
    modules: String,
}

/// What is to be checked, and where it comes from.
struct Presented<'a> {
    texts: &'a [String],
    by: By,
    /// How long something was in view before; nothing was, of what was typed.
    waited: Option<Duration>,
    notes: Vec<Note>,
}

impl Desk {
    pub(super) fn new(state: State, surroundings: Surroundings) -> Desk {
        Desk {
            state,
            surroundings,
            looked: Duration::ZERO,
            last_frame: None,
            asks: false,
            challenge: None,
            challenges: 0,
            view: View::default(),
            checks: VecDeque::new(),
            numbers: 0,
            lists: None,
        }
    }

    pub(super) fn now(&self) -> Result<Timestamp, Refusal> {
        (self.surroundings.now)().ok_or(refusal::CLOCK_WRONG.into())
    }

    fn ticks(&self) -> Duration {
        (self.surroundings.ticks)()
    }

    fn since(&self, ticks: Duration) -> Duration {
        self.ticks().saturating_sub(ticks)
    }

    /// A code that was typed, by a scanner gun or by hand.
    pub(super) fn typed(&mut self, typed: &str, by: By) -> Result<CheckDocument, Refusal> {
        let digits = text::from_keyboard(typed).into_owned();
        let advice = text::scanner_fault(&digits).map(scanner_advice);
        let notes = advice.map(|Advice { code, words }| Note::new(code, words)).into_iter().collect();
        self.check(Presented { texts: &[digits], by, waited: None, notes })
    }

    /// What a frame of the camera shows: a check, when there is something new in it.
    pub(super) fn seen(&mut self, seen: &Seen) -> Result<Option<CheckDocument>, Refusal> {
        let ticks = self.ticks();
        let since = self.last_frame.replace(ticks).map_or(Duration::ZERO, |last| ticks.saturating_sub(last));
        self.looked += since.min(FRAME_GAP_MAX);
        let at = self.looked;
        let mut permits: Vec<String> = seen
            .codes
            .iter()
            .filter_map(|code| code.text())
            .filter(|text| is_permit_code(text))
            .map(str::to_owned)
            .collect();
        permits.sort_unstable();
        permits.dedup();
        let Some(waited) = self.view.look(&permits, seen.unread_symbols.len(), at) else { return Ok(None) };
        let checked = self.check(Presented { texts: &permits, by: By::Camera, waited: Some(waited), notes: vec![] });
        let settled = checked.as_ref().is_ok_and(CheckDocument::is_settled);
        self.view.checked(&permits, settled, at);
        checked.map(Some)
    }

    fn check(&mut self, presented: Presented<'_>) -> Result<CheckDocument, Refusal> {
        let Presented { texts, by, waited, mut notes } = presented;
        let now = self.now()?;
        self.state.refresh()?;
        let asked = self.asked(now)?;
        let verdict = self.state.verify(texts, asked, now)?;
        if verdict.assurance == Some(Assurance::Challenge) && verdict.outcome() == Outcome::Accept {
            self.challenge = None;
        }
        notes.extend(self.state.clock_doctor(now).map(|diagnosis| Note::of_clock(&diagnosis)));
        notes.extend(self.state.guard_trouble().filter(|_| verdict.reason == Reason::ReplayGuardUnavailable).map(
            |trouble| {
                Note::new(trouble.code(), Words { zh: trouble.zh(), en: format!("{trouble}: {}", trouble.remedy()) })
            },
        ));
        let entry = self.write_down(&verdict, by, waited, &mut notes);
        self.numbers += 1;
        let document = CheckDocument::new(self.numbers, &verdict, self.surroundings.fixed_clock, by, notes);
        let permit = match verdict.subject {
            Subject::Unreadable | Subject::Untrusted(_) => None,
            Subject::Signed(permit) | Subject::Accepted(permit) => Some(permit),
        };
        self.keep(Checked {
            number: self.numbers,
            at: self.ticks(),
            document: document.clone(),
            permit,
            compared: 0,
            entry,
        });
        Ok(document)
    }

    /// What the holder was asked. As long as challenges are asked, a code that comes after one was answered and before the next is shown has not
    /// answered any.
    fn asked(&mut self, now: Timestamp) -> Result<Asked, Refusal> {
        let asks = match self.state.settings().asking {
            Asking::Challenge => true,
            Asking::Passive => false,
            Asking::Either => self.asks,
        };
        match &self.challenge {
            _ if !asks => self.challenge = None,
            Some(_) => {}
            None => {
                self.make_challenge(now)?;
            }
        }
        let Some(shown) = &self.challenge else { return Ok(Asked::Nothing) };
        Ok(match self.state.asked(&shown.challenge, now)? {
            // The computer's clock may be set while a challenge is on the screen; this one cannot.
            Asked::Challenge { answer, age_secs } => {
                Asked::Challenge { answer, age_secs: age_secs.max(self.since(shown.at).as_secs()) }
            }
            other => other,
        })
    }

    /// Makes a challenge and shows it: from now on it is what every code must answer.
    pub(super) fn new_challenge(&mut self) -> Result<ChallengeDocument, Refusal> {
        self.state.refresh()?;
        if self.state.settings().asking == Asking::Passive {
            return Err(refusal::CHALLENGE_OFF.into());
        }
        let now = self.now()?;
        self.view.forget_refused();
        self.asks = true;
        self.make_challenge(now)
    }

    fn make_challenge(&mut self, now: Timestamp) -> Result<ChallengeDocument, Refusal> {
        let random = self.roll()?;
        let cnonce = *random.first_chunk::<16>().ok_or(refusal::DEFECT)?;
        let challenge = self.state.challenge(cnonce, None, now)?;
        let digits = text::encode(Kind::Challenge, &challenge.to_vec());
        let symbol = QrCode::with_error_correction_level(&digits, EcLevel::M).map_err(|_| refusal::DEFECT)?;
        self.challenges += 1;
        let document = ChallengeDocument {
            number: self.challenges,
            left_s: self.state.settings().policy.challenge_secs_max,
            size: symbol.width(),
            modules: symbol.to_colors().into_iter().map(|module| module.select('1', '0')).collect(),
            digits,
        };
        self.challenge = Some(Shown { challenge, at: self.ticks() });
        Ok(document)
    }

    /// No challenge is asked any more, unless this counter always asks.
    pub(super) fn end_challenge(&mut self) -> Result<(), Refusal> {
        self.state.refresh()?;
        if self.state.settings().asking == Asking::Challenge {
            return Err(refusal::CHALLENGE_ALWAYS.into());
        }
        (self.asks, self.challenge) = (false, None);
        self.view.forget_refused();
        Ok(())
    }

    /// 人证比对: whether this is the number in the permit of that check.
    pub(super) fn compare(&mut self, check: u64, number: &str) -> Result<bool, Refusal> {
        let today = self.now()?.day();
        let typed: String = text::from_keyboard(number).replace('Ｘ', "X").replace('ｘ', "x");
        let number = CitizenId::parse_entry(&typed, today).map_err(|error| Refusal::number(&error))?;
        let checked = self.checked(check)?;
        let permit = checked.permit.as_ref().ok_or(refusal::NO_PERMIT)?;
        if checked.compared >= COMPARED_MAX {
            return Err(refusal::COMPARED_OFTEN.into());
        }
        let is_same = permit.claims().citizen_id == number;
        checked.compared += 1;
        let entry = checked.entry;
        self.note(entry, |check| What::Compared { check, matched: is_same })?;
        Ok(is_same)
    }

    /// 人证不符: the clerk has looked at the person, and it is another one.
    pub(super) fn person_mismatch(&mut self, check: u64) -> Result<CheckDocument, Refusal> {
        let checked = self.checked(check)?;
        let (entry, document) = (checked.entry, checked.document.clone().with_person_mismatch());
        self.note(entry, |check| What::PersonMismatch { check })?;
        Ok(document)
    }

    /// All data of the permit of that check, once it is written down why.
    pub(super) fn reveal(&mut self, check: u64, why: &str) -> Result<WholePermit, Refusal> {
        let why = Why::of_word(why).ok_or(refusal::WHY)?;
        let checked = self.checked(check)?;
        let entry = checked.entry;
        let permit = checked.permit.clone().ok_or(refusal::NO_PERMIT)?;
        // Nothing is shown that is not written down.
        self.note(entry, |check| What::Revealed { check, why })?;
        Ok(WholePermit::new(&permit))
    }

    fn keep(&mut self, checked: Checked) {
        self.checks.push_back(checked);
        if self.checks.len() > CHECKS_KEPT {
            self.checks.pop_front();
        }
        self.forget_old();
    }

    /// Data of persons stay in memory no longer than they may be needed.
    pub(super) fn forget_old(&mut self) {
        let ticks = self.ticks();
        self.checks.retain(|checked| ticks.saturating_sub(checked.at) < DATA_KEPT);
    }

    fn checked(&mut self, number: u64) -> Result<&mut Checked, Refusal> {
        self.forget_old();
        self.checks.iter_mut().find(|checked| checked.number == number).ok_or(refusal::CHECK_OVER.into())
    }

    /// Writes the check down; the verdict stands if that fails, and says so.
    fn write_down(
        &mut self,
        verdict: &Verdict,
        by: By,
        waited: Option<Duration>,
        notes: &mut Vec<Note>,
    ) -> Option<u64> {
        if self.surroundings.fixed_clock {
            return None;
        }
        let waited_ms = waited.map(|waited| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        let written = self.roll().and_then(|key| Ok(self.state.note_check(verdict, by, waited_ms, &key)?));
        match written {
            Ok(number) => Some(number),
            Err(refusal) => {
                notes.push(Note::new(
                    "JOURNAL_NOT_WRITTEN",
                    Words {
                        zh: format!("本次核验未能记入核验记录：{}", refusal.words().zh),
                        en: format!("this check could not be written into the journal: {}", refusal.words().en),
                    },
                ));
                None
            }
        }
    }

    /// Writes down what the clerk did about a check. With a fixed clock nothing is written; otherwise nothing is done that is not written.
    fn note(&mut self, entry: Option<u64>, what: impl FnOnce(u64) -> What) -> Result<(), Refusal> {
        if self.surroundings.fixed_clock {
            return Ok(());
        }
        let entry = entry.ok_or(refusal::NOT_WRITTEN)?;
        let now = self.now()?;
        self.state.note(&what(entry), now)?;
        Ok(())
    }

    fn roll(&mut self) -> Result<[u8; 32], Refusal> {
        (self.surroundings.dice)().ok_or(refusal::DICE.into())
    }

    /// What the page's camera lacks, for whoever asks how this counter stands.
    pub(super) fn camera(&mut self, condition: Option<Condition>) -> Result<(), Refusal> {
        let now = self.now()?;
        Ok(self.state.set_condition(condition, now)?)
    }

    /// How this counter stands.
    pub(super) fn standing(&mut self) -> Result<Value, Refusal> {
        let now = self.now()?;
        self.forget_old();
        self.state.refresh()?;
        self.learn_lists()?;
        let (signs, light, trust_light, status_light) = self.signs(now)?;
        let state = &self.state;
        let settings = state.settings();
        let mut ages: Vec<i64> = self
            .lists()
            .filter_map(|list| list.head.as_ref().ok())
            .map(|head| now.seconds_since(head.issued_at))
            .collect();
        ages.sort_unstable();
        let lists = ListsStanding {
            trust: state.trust().map(|trust| trust.list()).map(|list| TrustStanding {
                version: list.version,
                age_s: now.seconds_since(list.issued_at),
                light: trust_light.word(),
            }),
            status: StatusStanding {
                count: ages.len(),
                newest_age_s: ages.first().copied(),
                oldest_age_s: ages.last().copied(),
                light: status_light.word(),
            },
        };
        let summary = state.journal_extract(now.day(), now.day())?.summary();
        Ok(json!({
            "v": 1,
            "counter": state.counter().as_str(),
            "program": env!("CARGO_PKG_VERSION"),
            "clock": if self.surroundings.fixed_clock { "fixed" } else { "system" },
            "now": to_the_minute(now),
            "page": {
                "asking": settings.asking.word(),
                "result_s": settings.result_secs.get(),
                "challenge_s": settings.policy.challenge_secs_max,
            },
            "light": light.word(),
            "lists": lists,
            "troubles": signs.iter().map(trouble_json).collect::<Vec<_>>(),
            "today": {
                "checks": summary.checks.total(),
                "accept": summary.checks.accept,
                "reject": summary.checks.reject,
                "undetermined": summary.checks.undetermined,
                "person_mismatch": summary.person_mismatch,
            },
        }))
    }

    /// Signs of trouble; and the lights of the whole, the trust list and the status lists.
    fn signs(&mut self, now: Timestamp) -> Result<(Vec<Trouble>, Light, Light, Light), Refusal> {
        let state = &self.state;
        let kept = self.lists.as_ref().map_or(&[][..], |(_, lists)| lists);
        let outlook = Outlook::at(&Situation {
            trust: state.trust(),
            status: kept,
            newest_signed_time: state.newest_signed_time(),
            now,
            policy: &state.settings().policy,
            publication: Publication::None,
        });
        let unwritable = state.unwritable().cloned().or_else(|| state.guard_trouble());
        let signs = troubles(&Inquiry {
            outlook: &outlook,
            trust: state.trust(),
            clock_doctor: self.state.clock_doctor(now),
            unwritable: unwritable.as_ref(),
            free_bytes: (self.surroundings.free_space)(state.folder()),
            conditions: &state.conditions()?,
            journal: None,
        });
        let light = signs.iter().map(|sign| sign.light).max().unwrap_or(Light::Green);
        let of_lists = outlook.issuers.iter().flat_map(|issuer| &issuer.lists).map(|list| list.finding.light);
        Ok((signs, light, outlook.trust_list.light, of_lists.max().unwrap_or(Light::Green)))
    }

    /// Checking the signatures of all lists takes a while, and is done once for each set of them.
    fn learn_lists(&mut self) -> Result<(), Refusal> {
        let generation = self.state.generation();
        if self.lists.as_ref().is_none_or(|(known, _)| *known != generation) {
            let lists = self.state.kept_lists()?;
            self.lists = Some((generation, lists));
        }
        Ok(())
    }

    fn lists(&self) -> impl Iterator<Item = &KeptList> {
        self.lists.iter().flat_map(|(_, lists)| lists)
    }

    /// The journal of a day, today's if none is named.
    pub(super) fn journal(&mut self, day: Option<Day>) -> Result<Value, Refusal> {
        let day = day.unwrap_or(self.now()?.day());
        let extract = self.state.journal_extract(day, day)?;
        let chain = self.state.journal_chain(None)?;
        let entries = extract.entries();
        // The newest first, as a clerk looks for what just happened.
        let shown: Vec<Value> = entries.iter().rev().map(entry_json).collect();
        let days: Vec<String> = self.state.journal_days()?.iter().map(Day::to_string).collect();
        Ok(json!({
            "v": 1,
            "day": day.to_string(),
            "days": days,
            "keep_days": self.state.settings().journal_days.get(),
            "summary": export::summary_json(&extract.summary()),
            "entries": shown,
            "chain": ChainDocument::new(&chain),
        }))
    }

    /// A file with the journal of these days. That it was made is written down first.
    pub(super) fn export(&mut self, format: Format, from: Day, to: Day) -> Result<Vec<u8>, Refusal> {
        if !self.surroundings.fixed_clock {
            let now = self.now()?;
            self.state.note(&What::Exported { format, from, to }, now)?;
        }
        let extract = self.state.journal_extract(from, to)?;
        Ok(match format {
            Format::Csv => export::csv(&extract),
            Format::Json => export::json(&extract).to_string().into_bytes(),
        })
    }
}

/// How old the lists at hand are.
#[derive(Serialize)]
struct ListsStanding {
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<TrustStanding>,
    status: StatusStanding,
}

#[derive(Serialize)]
struct TrustStanding {
    version: u64,
    age_s: i64,
    light: &'static str,
}

#[derive(Serialize)]
struct StatusStanding {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_age_s: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_age_s: Option<i64>,
    light: &'static str,
}

/// Whether every line of the journal fits, and what can be noted elsewhere.
#[derive(Serialize)]
struct ChainDocument {
    intact: bool,
    head: Option<Value>,
    entries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Value>,
}

impl ChainDocument {
    fn new(chain: &Chain) -> ChainDocument {
        let broken = |broken: &Broken| {
            let Words { zh, en } = broken.words();
            json!({ "number": broken.number, "zh": zh, "en": en })
        };
        ChainDocument {
            intact: chain.is_intact(),
            head: export::link_json(&chain.head).get("hash").cloned(),
            entries: chain.entries,
            broken: chain.broken.as_ref().map(broken),
        }
    }
}

fn trouble_json(trouble: &Trouble) -> Value {
    let Words { zh, en } = &trouble.words;
    let remedy = &trouble.remedy;
    json!({
        "code": trouble.code,
        "light": trouble.light.word(),
        "zh": zh,
        "en": en,
        "remedy": { "zh": remedy.zh, "en": remedy.en },
    })
}
