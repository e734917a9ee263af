//! `rehearse`: what this counter would say on a date to come, with lists that are not in use yet.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use command_line::clock::Clock;
use command_line::files::make_folder;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::day::Day;
use credential_format::timestamp::Timestamp;
use serde_json::{Value, json};
use verifier::outlook::{Light, Loss, Outlook, Publication, Situation, minute};
use verifier::state::{Fate, Fetched, Source, State};
use verifier::verdict::Words;

use super::outlook::{Numbered, issuer_lines, next_json, next_lines, outlook_json, said, thousands, tone};
use super::show::situation;
use super::sync::Found;
use super::terminal::both;
use super::{StateArguments, print_json, state_refusal};

#[derive(Args)]
#[command(
    after_help = "Nothing is changed: lists given with --with are taken into a copy. Exit codes: 0 all issuers can be verified, 1 some cannot, \
                  or a list was refused, 3 nothing is known."
)]
pub(super) struct Rehearse {
    #[command(flatten)]
    state: StateArguments,
    /// The date to look at: 2026-10-01 (at 09:00 in Shanghai), or a time like 2026-10-01T09:30:00+08:00
    #[arg(long, value_name = "DATE")]
    at: String,
    /// A folder with lists, or one list, that is to be in use by then; can be given several times
    #[arg(long, value_name = "FOLDER|FILE")]
    with: Vec<String>,
    /// Assume that no new status lists will have come: how long the present ones last offline
    #[arg(long)]
    no_new_lists: bool,
    /// Name every issuer, with its keys and status lists, not only those that need attention
    #[arg(long)]
    all: bool,
    /// Take this time for the present one (RFC 3339); needs --allow-fixed-time
    #[arg(long, value_name = "TIME", hide = true)]
    now: Option<String>,
    /// Allow --now: for tests
    #[arg(long, hide = true)]
    allow_fixed_time: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Rehearse {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.present()?;
        let date = read_date(&self.at, now)?;
        let mut state = self.state.open()?;
        let lists = state.kept_lists().map_err(|error| state_refusal(&error))?;
        let today = situation(&state, &lists, now);
        let publication = if self.no_new_lists { Publication::None } else { Publication::Daily };
        let rehearsed = if self.with.is_empty() {
            Rehearsed::new(&today, &Situation { now: date, publication, ..today }, Vec::new())
        } else {
            let files = self.candidates()?;
            let mut copy = Copy::of(&state)?;
            let fates = copy.take(files, now, date)?;
            let lists = copy.state.kept_lists().map_err(|error| state_refusal(&error))?;
            Rehearsed::new(&today, &Situation { publication, ..situation(&copy.state, &lists, date) }, fates)
        };
        if self.json {
            print_json(&rehearsed.json(now, publication))?;
        } else {
            rehearsed.lines(publication, self.all).print()?;
        }
        Ok(rehearsed.exit())
    }

    fn present(&self) -> Result<Timestamp, Refusal> {
        let Some(now) = &self.now else { return Clock::System.now() };
        if !self.allow_fixed_time {
            return Err(Refusal::usage(
                "CLOCK_FIXED",
                "--now sets a time that is not the time of the clock",
                "for a test add --allow-fixed-time; otherwise leave --now out",
            ));
        }
        Timestamp::parse(now).map_err(|_| date_refusal("CLOCK_TIME", "--now", now))
    }

    fn candidates(&self) -> Result<Found, Refusal> {
        let mut found = Found::default();
        self.with.iter().try_for_each(|place| found.look_at(place))?;
        if found.files.is_empty() && found.not_taken.is_empty() {
            return Err(Refusal::undetermined(
                "REHEARSE_NOTHING_FOUND",
                format!("there is no trust list (*.cose) and no status list (*.cwt) in {}", self.with.join(", ")),
                "give the folder or the file with the lists that are to be rehearsed",
            ));
        }
        Ok(found)
    }
}

/// A day, which means its morning, or a time; not before now.
fn read_date(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let opening = |day: Day| day.start_of_day().checked_add(9 * 3_600);
    let date = match Day::parse(text) {
        // Today from now on, whatever the hour.
        Ok(day) if day == now.day() => opening(day).map(|opening| opening.max(now)),
        Ok(day) => opening(day),
        Err(_) => Timestamp::parse(text).ok(),
    };
    let date = date.ok_or_else(|| date_refusal("REHEARSE_DATE", "--at", text))?;
    if date < now {
        return Err(Refusal::usage(
            "REHEARSE_PAST",
            format!("--at {text} is over: this computer's clock says {now}"),
            "give a date to come; verifier show says how things stand today",
        ));
    }
    Ok(date)
}

fn date_refusal(code: &'static str, option: &str, text: &str) -> Refusal {
    Refusal::usage(
        code,
        format!("{option} {text} is neither a day nor a time between the years 2000 and 2199"),
        "write it like 2026-10-01 or 2026-10-01T09:30:00+08:00",
    )
}

/// A copy of the state in a folder of its own, for its owner only, which goes away with it.
struct Copy {
    // Before its folder, so that the file is closed when the folder goes.
    state: State,
    _folder: Folder,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind stays private.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Copy {
    fn of(state: &State) -> Result<Copy, Refusal> {
        let name = format!("verifier-rehearsal-{}", hex::encode(random_bytes::<8>()?));
        let path = std::env::temp_dir().join(name);
        make_folder(&path, true)?;
        let folder = Folder(path);
        let state = state.copy_to(&folder.0).map_err(|error| state_refusal(&error))?;
        Ok(Copy { state, _folder: folder })
    }

    /// Takes the lists as this counter would today; those that are dated ahead, on the date.
    fn take(&mut self, found: Found, now: Timestamp, date: Timestamp) -> Result<Vec<Fetched>, Refusal> {
        let files: Vec<Source> = found.files;
        let report = self.state.sync(files.clone(), now).map_err(|error| state_refusal(&error))?;
        let mut fates = report.files;
        if fates.iter().any(|file| is_dated_ahead(&file.fate)) {
            let ahead = |file: &Source| fates.iter().any(|fate| fate.name == file.name && is_dated_ahead(&fate.fate));
            let later: Vec<Source> = files.iter().filter(|file| ahead(file)).cloned().collect();
            let report = self.state.sync(later, date).map_err(|error| state_refusal(&error))?;
            for new in report.files {
                if let Some(fate) = fates.iter_mut().find(|fate| fate.name == new.name) {
                    *fate = new;
                }
            }
        }
        fates.extend(found.not_taken);
        Ok(fates)
    }
}

fn is_dated_ahead(fate: &Fate) -> bool {
    matches!(fate, Fate::Refused { code: "TRUST_FROM_FUTURE" | "STATUS_FROM_FUTURE", .. })
}

/// Refused lists, and keys, are named up to this number, unless all are asked for.
const NAMED_MAX: usize = 30;

/// That not all were named.
fn more(lines: &mut Numbered, all: usize, named: usize) {
    if all > named {
        let left = thousands(all.saturating_sub(named));
        lines.line(format!("还有 {left} 个，见 --all / {left} more: --all"));
    }
}

/// What came of it.
struct Rehearsed {
    outlook: Outlook,
    losses: Vec<Loss>,
    candidates: Vec<Fetched>,
}

impl Rehearsed {
    fn new(today: &Situation<'_>, then: &Situation<'_>, candidates: Vec<Fetched>) -> Rehearsed {
        Rehearsed { outlook: Outlook::at(then), losses: then.losses(today), candidates }
    }

    fn refused(&self) -> usize {
        self.candidates.iter().filter(|file| matches!(file.fate, Fate::Refused { .. })).count()
    }

    fn light(&self) -> Light {
        let hit = !self.losses.is_empty() || self.refused() > 0;
        self.outlook.light.max(if hit { Light::Red } else { Light::Green })
    }

    fn exit(&self) -> Exit {
        match self.light() {
            _ if self.outlook.issuers.is_empty() => Exit::Undetermined,
            Light::Red => Exit::Rejected,
            Light::Amber | Light::Green => Exit::Done,
        }
    }

    /// The answer in a sentence.
    fn summary(&self) -> Words<String> {
        let (date, outlook) = (minute(self.outlook.at), &self.outlook);
        let (all, red) = (outlook.issuers.len(), outlook.count(Light::Red));
        let whole = [&outlook.clock, &outlook.trust_list].into_iter().find(|finding| finding.light == Light::Red);
        let (mut zh, mut en) = match whole {
            Some(finding) => (
                format!("{date} 全部不能核验：{}", finding.words.zh),
                format!("on {date} nothing can be verified: {}", finding.words.en),
            ),
            None if red > 0 => (
                format!("{date} 有 {} 个签发机关不能核验，共 {} 个", thousands(red), thousands(all)),
                format!("on {date} {} of {} issuers cannot be verified", thousands(red), thousands(all)),
            ),
            None if all == 0 => {
                (format!("{date} 信任名单中没有签发机关"), format!("on {date} the trust list names no issuer"))
            }
            None if all == 1 => {
                (format!("{date} 唯一的签发机关可核验"), format!("on {date} the one issuer can be verified"))
            }
            None => (
                format!("{date} 全部 {} 个签发机关可核验", thousands(all)),
                format!("on {date} all {} issuers can be verified", thousands(all)),
            ),
        };
        if !self.losses.is_empty() {
            let lost = thousands(self.losses.len());
            zh.push_str(&format!("；今日可用的密钥中有 {lost} 个，其所签证照届时不能核验"));
            en.push_str(&format!("; of the keys in use today, those whose permits would not be accepted: {lost}"));
        }
        if self.refused() > 0 {
            let refused = thousands(self.refused());
            zh.push_str(&format!("；{refused} 份待用名单被拒绝"));
            en.push_str(&format!("; lists given and refused: {refused}"));
        }
        Words { zh, en }
    }

    fn lines(&self, publication: Publication, all: bool) -> Numbered {
        let mut lines = Numbered::default();
        lines.heading(both(&self.summary()), tone(self.light()));
        lines.line(both(&assumption(publication)));
        if !self.candidates.is_empty() {
            lines.line(self.counts());
        }
        let most = if all { usize::MAX } else { NAMED_MAX };
        let refused = self.candidates.iter().filter_map(|file| match &file.fate {
            Fate::Refused { code, sentence, zh } => Some((&file.name, code, sentence, zh)),
            Fate::Taken | Fate::Unchanged | Fate::PassedOver => None,
        });
        for (name, code, sentence, zh) in refused.take(most) {
            lines.lit(format!("待用名单 list {name}: 拒绝 REFUSED: {zh} / {sentence} [{code}]"), Light::Red);
        }
        more(&mut lines, self.refused(), most);
        for loss in self.losses.iter().take(most) {
            let (issuer, kid, code) = (&loss.issuer, loss.kid, loss.reason.code());
            let words = both(&loss_words(loss));
            lines.lit(format!("签发机关 issuer {issuer}, 密钥 key {kid}: {words} [{code}]"), Light::Red);
        }
        more(&mut lines, self.losses.len(), most);
        if self.outlook.clock.light == Light::Red {
            lines.lit(format!("时间 clock: {}", said(&self.outlook.clock)), Light::Red);
        }
        issuer_lines(&mut lines, &self.outlook, all, true);
        next_lines(&mut lines, &self.outlook.next, usize::MAX);
        lines
    }

    fn counts(&self) -> String {
        let count = |word: &str| thousands(self.candidates.iter().filter(|file| fate_word(&file.fate) == word).count());
        format!(
            "待用名单 lists given: 可采用 would be taken {}, 已在用 in use {}, 旧 older {}, 拒绝 refused {}",
            count("taken"),
            count("unchanged"),
            count("passed_over"),
            count("refused")
        )
    }

    fn json(&self, now: Timestamp, publication: Publication) -> Value {
        let candidate = |file: &Fetched| {
            let mut entry = json!({ "file": file.name, "result": fate_word(&file.fate) });
            if let (Fate::Refused { code, sentence, .. }, Some(members)) = (&file.fate, entry.as_object_mut()) {
                members.insert("error".into(), json!({ "code": code, "what": sentence }));
            }
            entry
        };
        let loss = |loss: &Loss| {
            let Words { zh, en } = loss_words(loss);
            json!({
                "issuer": loss.issuer.as_str(),
                "kid": loss.kid.to_string(),
                "reason": loss.reason.code(),
                "zh": zh,
                "en": en,
            })
        };
        let Words { zh, en } = self.summary();
        json!({
            "v": 1,
            "at": self.outlook.at.to_string(),
            "now": now.to_string(),
            "light": self.light().word(),
            "summary": { "zh": zh, "en": en },
            "status_lists": match publication {
                Publication::Daily => "assumed_daily",
                Publication::None => "present_only",
            },
            "candidates": self.candidates.iter().map(candidate).collect::<Vec<_>>(),
            "losses": self.losses.iter().map(loss).collect::<Vec<_>>(),
            "outlook": outlook_json(&self.outlook),
            "next": next_json(&self.outlook.next),
        })
    }
}

fn assumption(publication: Publication) -> Words {
    match publication {
        Publication::Daily => Words {
            zh: "假定状态名单每日发布并同步；只看现有名单请加 --no-new-lists",
            en: "assuming that status lists are published and synchronised daily; --no-new-lists goes by the present ones",
        },
        Publication::None => Words { zh: "只看现有的状态名单", en: "by the present status lists alone" },
    }
}

fn loss_words(loss: &Loss) -> Words<String> {
    Words {
        zh: format!("今日可用，届时其签发的证照不能核验：{}", loss.reason.title().zh),
        en: format!("accepted today; permits signed with it would not be: {}", loss.reason.title().en),
    }
}

fn fate_word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Taken => "taken",
        Fate::Unchanged => "unchanged",
        Fate::PassedOver => "passed_over",
        Fate::Refused { .. } => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str, now: &str) -> Result<String, &'static str> {
        let now = Timestamp::parse(now).unwrap();
        read_date(text, now).map(|date| date.to_string()).map_err(|refusal| refusal.code())
    }

    #[test]
    fn a_day_is_its_morning_and_today_is_not_over() {
        let now = "2026-07-01T08:30:00+08:00";
        assert_eq!(date("2026-10-01", now).unwrap(), "2026-10-01T09:00:00+08:00");
        assert_eq!(date("2026-10-01T01:00:00Z", now).unwrap(), "2026-10-01T09:00:00+08:00");
        assert_eq!(date("2026-07-01", now).unwrap(), "2026-07-01T09:00:00+08:00");
        assert_eq!(date("2026-07-01", "2026-07-01T09:00:01+08:00").unwrap(), "2026-07-01T09:00:01+08:00");
        assert_eq!(date("2026-07-01T08:30:00+08:00", now).unwrap(), now);
        assert_eq!(date("2026-07-01T08:29:59+08:00", now), Err("REHEARSE_PAST"));
        assert_eq!(date("2026-06-30", now), Err("REHEARSE_PAST"));
        for text in ["", "tomorrow", "2026-02-30", "2026-10-01T09:30:00", "2300-01-01", "10-01"] {
            assert_eq!(date(text, now), Err("REHEARSE_DATE"), "{text}");
        }
    }
}
