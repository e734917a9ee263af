//! `verify`: one code, one verdict.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use command_line::clock::Clock;
use command_line::escape::printable;
use command_line::files::{read_limited, read_stdin_limited};
use command_line::refusal::{Exit, Refusal};
use credential_format::challenge::Challenge;
use credential_format::permit::{Carrier, Claims};
use credential_format::text::{self, Kind};
use verifier::json::{Circumstances, VerdictDocument, shown_by};
use verifier::scan::{self, Limits};
use verifier::state::State;
use verifier::verdict::{Assurance, Check, CheckResult, Outcome, Reason, Step, Subject, Verdict, Words};
use verifier::verify::{Asked, SignedPermit};

use super::show::examine_clock;
use super::terminal::{self, Page, Tone, age, both};
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    code: CodeArguments,
    /// The digits of the challenge that the holder was asked to answer, as `verifier challenge` printed them
    #[arg(long, value_name = "DIGITS")]
    challenge: Option<String>,
    #[command(flatten)]
    clock: ClockArguments,
    /// Print one JSON object. It holds the holder's whole name and number
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct CodeArguments {
    /// A PNG or JPEG picture of the code
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The code's digits, as a scanner gun types them
    #[arg(long, value_name = "DIGITS")]
    text: Option<String>,
    /// Read the digits from standard input
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
}

/// What is read of standard input: a code has at most 5,000 digits.
const STDIN_BYTES_MAX: u64 = 65_536;

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let clock = self.clock.clock()?;
        let mut state = self.state.open()?;
        let frame = match (&self.code.image, &self.code.text) {
            (Some(path), _) => Frame::of_image(path)?,
            (None, Some(text)) => Frame::of_text(text),
            (None, None) => Frame::of_text(&stdin_text()?),
        };
        let decided = Decided::new(&mut state, &frame, self.challenge.as_deref(), clock)?;
        if self.json {
            print_json(&decided.document())?;
        } else {
            decided.page().print()?;
            decided.say_clock();
        }
        decided.say_trouble(&state, &frame);
        Ok(exit(decided.verdict.outcome()))
    }
}

fn stdin_text() -> Result<String, Refusal> {
    String::from_utf8(read_stdin_limited(STDIN_BYTES_MAX)?)
        .map_err(|_| Refusal::usage("STDIN_NOT_TEXT", "standard input is not UTF-8 text", "pipe the code's digits in"))
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Accept => Exit::Done,
        Outcome::Reject => Exit::Rejected,
        Outcome::Undetermined => Exit::Undetermined,
    }
}

/// The texts of all codes in view.
pub(super) struct Frame {
    texts: Vec<String>,
    scan: Option<Duration>,
    /// Places in the picture that look like a code and could not be read.
    unread: usize,
}

impl Frame {
    pub(super) fn of_text(typed: &str) -> Frame {
        Frame { texts: vec![text::from_keyboard(typed).into_owned()], scan: None, unread: 0 }
    }

    pub(super) fn of_image(path: &Path) -> Result<Frame, Refusal> {
        let limits = Limits::default();
        let bytes = read_limited(path, limits.file_bytes as u64)?;
        let began = Instant::now();
        let seen = scan::read_texts(&bytes, &limits).map_err(|error| picture_refusal(&error))?;
        // A code that is not UTF-8 is a code of somebody else, like any text that is not ours.
        let texts = seen.codes.iter().map(|code| String::from_utf8_lossy(&code.bytes).into_owned()).collect();
        Ok(Frame { texts, scan: Some(began.elapsed()), unread: seen.unread })
    }
}

/// The refusal for a picture that cannot be used.
pub(super) fn picture_refusal(error: &scan::ScanError) -> Refusal {
    // The English sentence says what is wrong, then what to do; the Chinese one says both.
    let sentence = error.to_string();
    let (what, remedy) = sentence.split_once(". ").unwrap_or((&sentence, "take the picture again"));
    let mut letters = remedy.chars();
    let remedy: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    Refusal::usage(error.code(), what, format!("{remedy} / {}", error.zh()))
}

/// A verdict, and what it was reached with.
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    circumstances: Circumstances,
}

impl Decided {
    pub(super) fn new(
        state: &mut State,
        frame: &Frame,
        challenge: Option<&str>,
        clock: Clock,
    ) -> Result<Decided, Refusal> {
        let now = clock.now()?;
        let asked = match challenge {
            None => Asked::Nothing,
            Some(digits) => state.asked(&read_challenge(digits)?, now).map_err(|error| state_refusal(&error))?,
        };
        let began = Instant::now();
        let verdict = state.verify(&frame.texts, asked, now).map_err(|error| state_refusal(&error))?;
        let (scan, verify) = (frame.scan, began.elapsed());
        let clock_doctor = examine_clock(state, now);
        let circumstances = Circumstances { fixed_clock: clock.is_fixed(), scan, verify, clock_doctor };
        Ok(Decided { verdict, circumstances })
    }

    pub(super) fn document(&self) -> VerdictDocument {
        VerdictDocument::new(&self.verdict, &self.circumstances)
    }

    /// For the clerk: the verdict, what to do, who it is, how it was checked.
    fn page(&self) -> Page {
        let verdict = &self.verdict;
        let mut page = Page::default();
        if self.circumstances.fixed_clock {
            page.line("固定时间，非实时核验 / fixed clock: not a live check");
        }
        let (sign, tone) = sign(verdict, self.circumstances.fixed_clock);
        page.title(format!("{sign} {}", both(&verdict.reason.title())), tone);
        if let Some(detail) = verdict.detail() {
            page.line(format!("  {}", both(&detail)));
        }
        page.line(format!("  {}", both(&verdict.reason.remedy())));
        if let Subject::Signed(permit) | Subject::Accepted(permit) = &verdict.subject {
            holder_lines(permit, &mut page);
        }
        for line in check_lines(verdict) {
            page.line(line);
        }
        page.line(format!("结果代码 / code: {}", verdict.reason.code()));
        page
    }

    /// For the clerk, on standard error: a hint that has no part in the verdict.
    fn say_clock(&self) {
        if let Some(diagnosis) = self.circumstances.clock_doctor {
            eprintln!("note: {}", both(&diagnosis.words()));
        }
    }

    /// For the engineer, on standard error: what the words on the screen leave out.
    pub(super) fn say_trouble(&self, state: &State, frame: &Frame) {
        match self.verdict.reason {
            Reason::ReplayGuardUnavailable => {
                if let Some(trouble) = state.guard_trouble() {
                    eprintln!("note: {} [{}]", printable(&trouble.to_string()), trouble.code());
                    eprintln!("hint: {}", printable(&trouble.remedy()));
                }
                say_shared_guard(state);
            }
            _ if self.verdict.replay_checked_here_only => say_shared_guard(state),
            Reason::NoCode if frame.unread > 0 => eprintln!(
                "note: 画面中有类似二维码的图形但无法读取，请靠近、对焦、避免反光 / something like a code is in the \
                 picture and cannot be read: go nearer, focus, avoid glare"
            ),
            _ => {}
        }
    }
}

/// What is wrong with the guard that the hall shares.
fn say_shared_guard(state: &State) {
    if let Some((code, en, zh)) = state.shared_guard_trouble() {
        eprintln!("note: {} / {} [{code}]", printable(&zh), printable(&en));
    }
}

/// The challenge in these digits; what it is worth is for the state to say.
fn read_challenge(digits: &str) -> Result<Challenge, Refusal> {
    let refusal = |what: String| {
        Refusal::usage("CHALLENGE_UNREADABLE", what, "give the digits that verifier challenge printed, all of them")
    };
    match text::decode(&text::from_keyboard(digits)) {
        Ok((Kind::Challenge, bytes)) => {
            Challenge::parse(&bytes).map_err(|error| refusal(format!("the challenge cannot be read: {error}")))
        }
        Ok(_) => Err(refusal("the code given with --challenge is another kind of code".into())),
        Err(error) => Err(refusal(format!("the challenge cannot be read: {error}"))),
    }
}

/// Word, sign and colour: never colour alone. A rehearsal is never green.
fn sign(verdict: &Verdict, fixed_clock: bool) -> (char, Option<Tone>) {
    match verdict.outcome() {
        Outcome::Accept => ('✓', Some(Tone::Green).filter(|_| !fixed_clock)),
        Outcome::Reject if verdict.reason.is_curable() => ('!', Some(Tone::Amber)),
        Outcome::Reject => ('✕', Some(Tone::Red)),
        Outcome::Undetermined => ('?', Some(Tone::Amber)),
    }
}

/// Masked: the screen may be seen by others, and the clerk compares with what the holder shows.
fn holder_lines(permit: &SignedPermit, page: &mut Page) {
    let claims: &Claims = permit.claims();
    page.line(format!("{} {} ({})", claims.name.masked(), claims.citizen_id.masked(), claims.citizen_id.sex().zh()));
    page.line(format!("户籍所在地 / household: {}", claims.household.masked()));
    page.line(format!("现居住地址 / address: {}", claims.address.masked()));
    page.line(format!("{}: {} - {}", permit.rule().permit_name(), claims.issued_on, claims.endorsed_until));
    page.line(format!("签发机关 / issuer: {} ({})", permit.issuer_name(), permit.issuer_id()));
    page.line(format!("出示方式 / shown: {}", both(&shown_by(claims))));
    if let Some(agent) = &claims.agent {
        let (zh, en) = agent.relation.words();
        page.line(format!("代办人 / agent: {} ({zh} / {en})", agent.name.masked()));
    }
    if let Carrier::Paper(note) = &claims.carrier {
        page.line(format!("凭证编号 / voucher: {}, {}", note.serial, note.place));
    }
}

fn check_lines(verdict: &Verdict) -> Vec<String> {
    // A code that names a challenge has answered ours only when the step that compares them held.
    let fresh = verdict.checks.contains(&Check { step: Step::Freshness, result: CheckResult::Pass });
    let how = match verdict.assurance.filter(|_| fresh) {
        Some(Assurance::Challenge) => {
            Words { zh: "离线核验，已应答本柜台挑战码", en: "offline, this counter's challenge answered" }
        }
        Some(Assurance::Passive) => Words {
            zh: "离线核验，未用挑战码：半分钟内的转发不能排除",
            en: "offline, without challenge: a code relayed within half a minute is not ruled out",
        },
        Some(Assurance::Paper) => Words { zh: "离线核验，纸质凭证", en: "offline, paper voucher" },
        None => Words { zh: "离线核验", en: "offline" },
    };
    let mut lines = vec![format!("核验方式 / checked: {}", both(&how))];
    if let Some(list) = verdict.trust_list {
        let age = age(list.age_secs);
        lines.push(format!("信任名单 / trust list: 第 {} 版 / version {}, {}", list.version, list.version, both(&age)));
    }
    if let Some(list) = verdict.status_list {
        let age = age(list.age_secs);
        let old = if list.old { "；较旧，请尽快同步 / old: synchronise soon" } else { "" };
        lines.push(format!("状态名单 / status list: {}, 更新于 {} / updated {}{old}", list.list, age.zh, age.en));
    }
    if let Some(age) = verdict.code_age_secs {
        let words = match age {
            0.. => terminal::age(age),
            _ => Words { zh: format!("{age} 秒"), en: format!("{age} seconds") },
        };
        lines.push(format!("二维码生成于 / code made: {}", both(&words)));
    }
    if verdict.replay_checked_here_only {
        lines.push(
            "查重仅限本柜台：共用的查重服务器连接不上 / checked against this counter only: the guard that the hall shares \
             cannot be reached"
                .into(),
        );
    }
    lines.push(format!("核验时间 / time: {}", verdict.decided_at));
    lines
}
