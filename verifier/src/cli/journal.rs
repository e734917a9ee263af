//! `journal`: what this counter checked, counted, exported, and held together by its chain.

use clap::Args;
use command_line::clock::Clock;
use command_line::escape::printable;
use command_line::files::write_stdout;
use command_line::refusal::{Exit, Refusal};
use credential_format::day::Day;
use credential_format::timestamp::Timestamp;
use serde_json::json;
use verifier::journal::chain::{Chain, Noted};
use verifier::journal::export;
use verifier::journal::summary::{Summary, WAIT_BARS_MS};
use verifier::journal::{Format, HOLDER_MISMATCH, HOLDER_MISMATCH_TITLE, What};
use verifier::outlook::Light;
use verifier::state::{Extract, State};

use super::outlook::Numbered;
use super::terminal::{Page, both};
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
#[command(
    after_help = "Without options it shows today. The head, a number and a hash, is the end of the chain: noted elsewhere, it convicts whoever \
                  rewrites the whole journal. An export is an entry of its own."
)]
pub(super) struct Journal {
    #[command(flatten)]
    state: StateArguments,
    /// The day to show or export, like 2026-11-27 [default: today]
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "to"])]
    day: Option<String>,
    /// The first day [default, with --to: the first there is]
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day [default, with --from: today]
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Print these days as CSV, for a spreadsheet program
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON object: these days, with all that their chain is checked by
    #[arg(long)]
    pub(super) json: bool,
    /// Check the whole chain: whether a line was removed, changed, added or moved
    #[arg(long, conflicts_with_all = ["csv", "day", "from", "to"])]
    check: bool,
    /// A head that was noted elsewhere, NUMBER-HASH: the chain must have it. 16 digits of the hash are enough
    #[arg(long, value_name = "HEAD", requires = "check")]
    head: Option<String>,
    #[command(flatten)]
    clock: ClockArguments,
}

impl Journal {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let clock = self.clock.clock()?;
        let now = clock.now()?;
        let noted = self.head.as_deref().map(noted_head).transpose()?;
        let (from, to) = self.days(now)?;
        let state = self.state.open()?;
        let chain = state.journal_chain(noted.as_ref()).map_err(|error| state_refusal(&error))?;
        if self.check {
            return self.say_checked(&state, &chain, noted.as_ref());
        }
        let extract = state.journal_extract(from, to).map_err(|error| state_refusal(&error))?;
        if self.csv || self.json {
            let format = if self.csv { Format::Csv } else { Format::Json };
            note_export(&state, format, &extract, clock, now);
        }
        if self.csv {
            write_stdout(&export::csv(&extract))?;
        } else if self.json {
            print_json(&export::json(&extract))?;
        } else {
            lines(&state, &extract, &chain).print()?;
        }
        Ok(Exit::Done)
    }

    /// The days that are asked for.
    fn days(&self, now: Timestamp) -> Result<(Day, Day), Refusal> {
        let today = now.day();
        let read = |option: &str, text: &Option<String>| text.as_deref().map(|text| day(option, text)).transpose();
        if let Some(day) = read("--day", &self.day)? {
            return Ok((day, day));
        }
        let (from, to) = match (read("--from", &self.from)?, read("--to", &self.to)?) {
            (None, None) => (today, today),
            (from, to) => (from.unwrap_or(Day::MIN), to.unwrap_or(today)),
        };
        if from > to {
            return Err(Refusal::usage(
                "JOURNAL_DAYS",
                format!("the first day, {from}, is after the last, {to}"),
                "give the earlier day to --from and the later one to --to",
            ));
        }
        Ok((from, to))
    }

    fn say_checked(&self, state: &State, chain: &Chain, noted: Option<&Noted>) -> Result<Exit, Refusal> {
        if let Some(broken) = chain.broken {
            return Err(Refusal::rejected(
                "JOURNAL_BROKEN",
                format!("the journal in {} does not hold together: {}", state.folder().display(), broken.words().en),
                "keep the folder as it is, export the journal with --json, and tell the authority that this counter works for",
            ));
        }
        if let Some(noted) = noted.filter(|noted| noted.number() < chain.start.number) {
            return Err(Refusal::undetermined(
                "JOURNAL_HEAD_FORGOTTEN",
                format!("line {} is no longer kept, so that the noted head cannot be compared", noted.number()),
                "give a later head, or look into an export of those days",
            ));
        }
        if self.json {
            print_json(&json!({
                "v": 1,
                "intact": true,
                "start": export::link_json(&chain.start),
                "head": export::link_json(&chain.head),
                "entries": chain.entries,
            }))?;
        } else {
            let mut page = Page::default();
            page.line(format!("记录链 chain: {}", chain_words(chain)));
            page.line(head_line(chain));
            page.print()?;
        }
        Ok(Exit::Done)
    }
}

fn day(option: &str, text: &str) -> Result<Day, Refusal> {
    Day::parse(text).map_err(|_| {
        Refusal::usage(
            "JOURNAL_DAY",
            format!("{option} {text} is no day between the years 2000 and 2199"),
            "write it like 2026-11-27",
        )
    })
}

fn noted_head(text: &str) -> Result<Noted, Refusal> {
    text.parse().map_err(|_| {
        Refusal::usage(
            "JOURNAL_HEAD",
            format!("--head {text} is no number with a hash"),
            "write it as it was printed, 812-9d3f02ab11d04e55 or longer",
        )
    })
}

/// An export is written down too, unless the clock is not the machine's. Where that cannot be, it is said.
fn note_export(state: &State, format: Format, extract: &Extract, clock: Clock, now: Timestamp) {
    if clock.is_fixed() {
        return;
    }
    let exported = What::Exported { format, from: extract.from, to: extract.to };
    if let Err(error) = state.note(&exported, now) {
        eprintln!(
            "note: 本次导出未写入核验记录 / this export is not in the journal: {} [{}]\nhint: {}",
            printable(&error.to_string()),
            error.code(),
            printable(&error.remedy())
        );
    }
}

/// One fact a line.
fn lines(state: &State, extract: &Extract, chain: &Chain) -> Numbered {
    let summary = extract.summary();
    let mut lines = Numbered::default();
    lines.line(format!("柜台 counter: {}", state.counter()));
    let (from, to) = (extract.from, extract.to);
    lines.line(if from == to { format!("日期 day: {from}") } else { format!("日期 days: {from} - {to}") });
    count_lines(&summary, &mut lines);
    let days = state.settings().journal_days.get();
    lines.line(format!("保留 kept for: {days} 天 days"));
    let light = if chain.is_intact() { Light::Green } else { Light::Red };
    lines.lit(format!("记录链 chain: {}", chain_words(chain)), light);
    lines.line(head_line(chain));
    lines
}

fn count_lines(summary: &Summary, lines: &mut Numbered) {
    let counts = summary.checks;
    lines.line(format!(
        "核验 checks: {}; 通过 accepted {}, 不通过 rejected {}, 无法确定 undetermined {}",
        counts.total(),
        counts.accept,
        counts.reject,
        counts.undetermined
    ));
    for (reason, count) in &summary.reasons {
        lines.line(format!("  {} {}: {count}", reason.code(), both(&reason.title())));
    }
    if summary.person_mismatch > 0 {
        lines.line(format!("  {HOLDER_MISMATCH} {}: {}", both(&HOLDER_MISMATCH_TITLE), summary.person_mismatch));
    }
    if !summary.hours.is_empty() {
        let hours: Vec<String> =
            summary.hours.iter().map(|(hour, counts)| format!("{hour:02} 时 {}", counts.total())).collect();
        lines.line(format!("按小时 by hour: {}", hours.join(", ")));
    }
    let waits = summary.waits;
    if let (Some(median), Some(p90)) = (waits.median_ms, waits.p90_ms) {
        let ends = WAIT_BARS_MS.iter().map(|end| format!("≤{end} ms")).chain(["更久 longer".to_owned()]);
        let bars: Vec<String> = ends.zip(waits.bars).map(|(end, count)| format!("{end}: {count}")).collect();
        lines.line(format!(
            "等待 waits: {}; 中位数 median {median} ms, 九成 nine of ten {p90} ms; {}",
            waits.count,
            bars.join(", ")
        ));
    }
}

fn chain_words(chain: &Chain) -> String {
    match &chain.broken {
        None => format!("完整 intact, {} 条 lines", chain.entries),
        Some(broken) => format!("不完整 broken: {} [JOURNAL_BROKEN]", both(&broken.words())),
    }
}

fn head_line(chain: &Chain) -> String {
    format!("校验值 head: {} (请另处抄存 note it elsewhere)", chain.head)
}
