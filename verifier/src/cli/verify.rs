//! `verify`: one code, one verdict.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use command_line::clock::Clock;
use command_line::escape::printable;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use command_line::typed::read_typed_limited;
use credential_format::challenge::Challenge;
use credential_format::permit::{Carrier, Claims};
use credential_format::text::{self, Kind};
use verifier::journal::By;
use verifier::json::{
    Advice, Circumstances, CodeInView, InView, PictureUnread, VerdictDocument, scanner_advice, shown_by,
};
use verifier::scan::Seen;
use verifier::state::State;
use verifier::verdict::{Outcome, Reason, Subject, Verdict, Words};
use verifier::verify::{Asked, SignedPermit};
use verifier::worker::Trouble;

use super::pictures::Pictures;
use super::terminal::{self, Page, age, both};
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
    /// A PNG, JPEG or WebP picture of the code
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The code's digits, as a scanner gun types them
    #[arg(long, value_name = "DIGITS")]
    text: Option<String>,
    /// Read the digits from standard input; on a terminal, one line, as a scanner gun types it
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
}

/// What is read of standard input: a code has at most 5,000 digits.
const STDIN_BYTES_MAX: u64 = 65_536;

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let clock = self.clock.clock()?;
        let mut pictures = Pictures::new();
        if self.code.image.is_some() {
            pictures.warm_up();
        }
        let mut state = self.state.open()?;
        let frame = match (&self.code.image, &self.code.text) {
            (Some(path), _) => Frame::of_image(path, &mut pictures)?,
            (None, Some(text)) => Frame::of_text(text),
            (None, None) => Frame::of_text(&stdin_text()?),
        };
        let decided = Decided::new(&mut state, &frame, self.challenge.as_deref(), clock)?;
        decided.note_in_journal(&state);
        if self.json {
            print_json(&decided.document())?;
        } else {
            decided.page(Page::default()).print()?;
            decided.say_clock();
        }
        decided.say_trouble(&state, &frame);
        Ok(exit(decided.verdict.outcome()))
    }
}

fn stdin_text() -> Result<String, Refusal> {
    const PROMPT: &str = "请扫码，或输入数字后按回车 / scan the code, or type its digits and press Enter";
    String::from_utf8(read_typed_limited(STDIN_BYTES_MAX, PROMPT)?)
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
    in_view: Option<InView>,
    /// What the clerk can do to get a code read.
    advice: Option<Advice>,
    /// Why the picture was given up.
    trouble: Option<Trouble>,
}

impl Frame {
    pub(super) fn of_text(typed: &str) -> Frame {
        let text = text::from_keyboard(typed).into_owned();
        let advice = text::scanner_fault(&text).map(scanner_advice);
        Frame { texts: vec![text], scan: None, in_view: None, advice, trouble: None }
    }

    /// A picture that the worker was lost at is a frame in which nothing was read.
    pub(super) fn of_image(path: &Path, pictures: &mut Pictures) -> Result<Frame, Refusal> {
        let began = Instant::now();
        let seen = match pictures.read(path)? {
            Ok(seen) => seen,
            Err(trouble) => {
                let (scan, trouble) = (Some(began.elapsed()), Some(trouble));
                return Ok(Frame { texts: vec![], scan, in_view: None, advice: None, trouble });
            }
        };
        // A code that is not UTF-8 is a code of somebody else, like any text that is not ours.
        let texts = seen.codes.iter().map(|code| String::from_utf8_lossy(&code.bytes).into_owned()).collect();
        let advice = seen.advice.map(|advice| Advice { code: advice.code(), words: advice.words() });
        Ok(Frame { texts, scan: Some(began.elapsed()), in_view: Some(in_view(&seen)), advice, trouble: None })
    }
}

/// Without the texts: those are personal data, and the verdict says what is to be known of them.
fn in_view(seen: &Seen) -> InView {
    let read = seen.codes.iter().map(|code| CodeInView {
        corners: code.corners,
        version: Some(code.version),
        px_per_module: hundredths(code.px_per_module),
    });
    let unread = seen.unread_symbols.iter().map(|symbol| CodeInView {
        corners: symbol.corners,
        version: None,
        px_per_module: hundredths(symbol.px_per_module.into()),
    });
    InView { width: seen.width, height: seen.height, codes: read.collect(), unread: unread.collect() }
}

/// More digits than that would say nothing.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
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
        let clock_doctor = state.clock_doctor(now);
        let given_up = |trouble: Trouble| {
            let Words { zh, en } = trouble.words();
            PictureUnread { code: trouble.code(), zh, en }
        };
        let picture_unread = frame.trouble.map(given_up);
        let circumstances = Circumstances {
            fixed_clock: clock.is_fixed(),
            scan,
            verify,
            clock_doctor,
            picture_unread,
            in_view: frame.in_view.clone(),
            advice: frame.advice.clone(),
        };
        Ok(Decided { verdict, circumstances })
    }

    /// Writes it down, unless the clock is not the machine's. Where it cannot be written, that is said, and the verdict stands.
    pub(super) fn note_in_journal(&self, state: &State) {
        if self.circumstances.fixed_clock {
            return;
        }
        let noted = random_bytes().and_then(|key| {
            state.note_check(&self.verdict, By::Command, None, &key).map_err(|error| state_refusal(&error))
        });
        if let Err(refusal) = noted {
            eprintln!(
                "note: 本次核验未写入核验记录 / this check is not in the journal: {} [{}]\nhint: {}",
                printable(refusal.what()),
                refusal.code(),
                printable(refusal.remedy())
            );
        }
    }

    pub(super) fn document(&self) -> VerdictDocument {
        VerdictDocument::new(&self.verdict, &self.circumstances)
    }

    /// For the clerk: the verdict, what to do, who it is, how it was checked.
    fn page(&self, mut page: Page) -> Page {
        let verdict = &self.verdict;
        if self.circumstances.fixed_clock {
            page.line("固定时间，非实时核验 / fixed clock: not a live check");
        }
        let tone = verdict.tone(self.circumstances.fixed_clock);
        page.title(format!("{} {}", verdict.reason.sign(), both(&verdict.reason.title())), Some(tone));
        if let Some(detail) = verdict.detail() {
            page.line(format!("  {}", both(&detail)));
        }
        page.line(format!("  {}", both(&verdict.reason.remedy())));
        if let Some(advice) = &self.circumstances.advice {
            page.line(format!("提示 / advice: {} [{}]", both(&advice.words), advice.code));
        }
        if let Some(InView { codes, unread, .. }) = &self.circumstances.in_view
            && codes.len() + unread.len() > 1
        {
            let (read, unread) = (codes.len(), unread.len());
            page.line(format!(
                "画面中的二维码 / codes in view: 读出 {read} 个，未读出 {unread} 个 / {read} read, {unread} not read"
            ));
        }
        if let Subject::Signed(permit) | Subject::Accepted(permit) = &verdict.subject {
            holder_lines(permit, &mut page);
        }
        for line in check_lines(verdict) {
            page.line(line);
        }
        page.line(format!("结果代码 / code: {}", verdict.reason.code()));
        page
    }

    /// As it stands among others, under the name of the picture.
    pub(super) fn page_for(&self, picture: &str) -> Page {
        let mut page = Page::default();
        page.line(format!("── {picture}"));
        self.page(page)
    }

    /// For the clerk, on standard error: a hint that has no part in the verdict.
    pub(super) fn say_clock(&self) {
        if let Some(diagnosis) = self.circumstances.clock_doctor {
            eprintln!("note: {}", both(&diagnosis.words()));
        }
    }

    /// For the engineer, on standard error: what the words on the screen leave out.
    pub(super) fn say_trouble(&self, state: &State, frame: &Frame) {
        if let Some(trouble) = frame.trouble {
            eprintln!("note: {} [{}]", both(&trouble.words()), trouble.code());
        }
        match self.verdict.reason {
            Reason::ReplayGuardUnavailable => {
                if let Some(trouble) = state.guard_trouble() {
                    eprintln!("note: {} [{}]", printable(&trouble.to_string()), trouble.code());
                    eprintln!("hint: {}", printable(&trouble.remedy()));
                }
                say_shared_guard(state);
            }
            _ if self.verdict.replay_checked_here_only => say_shared_guard(state),
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
    let mut lines = vec![format!("核验方式 / checked: {}", both(&verdict.how()))];
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
