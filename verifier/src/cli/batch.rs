//! `batch`: one process, one verdict a line.

use std::io;
use std::path::PathBuf;

use clap::Args;
use command_line::clock::Clock;
use command_line::files::read_line_limited;
use command_line::refusal::{Exit, Refusal};
use serde::{Deserialize, Serialize};
use verifier::json::VerdictDocument;
use verifier::state::State;

use super::pictures::Pictures;
use super::verify::{Decided, Frame};
use super::{StateArguments, print_json};

#[derive(Args)]
#[command(
    after_help = "Each line: {\"id\": \"…\", \"text\": \"8611…\" or \"image\": \"FILE\", and if wanted \"at\": \"2026-07-01T09:30:00+08:00\", \
                  \"challenge\": \"8613…\"}. Each answer is a verdict with the same id, or {\"id\", \"line\", \"error\": {\"code\", \
                  \"what\", \"remedy\"}}; answers stand in the order of the lines. Exit code 0 when every line was a verdict, else 2."
)]
pub(super) struct Batch {
    #[command(flatten)]
    state: StateArguments,
    /// Allow "at" in a line: for tests and rehearsals
    #[arg(long)]
    allow_fixed_time: bool,
}

/// A line of digits is 5 kB; the rest is room for an id and a path.
const LINE_BYTES_MAX: u64 = 65_536;

impl Batch {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let mut state = self.state.open()?;
        let mut pictures = Pictures::new();
        let mut input = io::stdin().lock();
        let (mut line_number, mut failed) = (0u64, 0u64);
        loop {
            let line = read_line_limited(&mut input, LINE_BYTES_MAX);
            line_number = line_number.saturating_add(1);
            let line = match line {
                Ok(None) => break,
                Ok(Some(line)) if line.trim().is_empty() => continue,
                // The input itself broke off: no line will follow.
                Err(refusal) if refusal.exit() == Exit::Internal => return Err(refusal),
                Ok(Some(line)) => Ok(line),
                Err(refusal) => Err(refusal),
            };
            let (id, answer) = match line {
                Ok(line) => match Request::parse(&line) {
                    Ok(request) => {
                        let answer = self.answer(&mut state, &mut pictures, &request);
                        (request.id, answer)
                    }
                    Err(refusal) => (Request::id_alone(&line), Err(refusal)),
                },
                Err(refusal) => (None, Err(refusal)),
            };
            match answer {
                Ok(verdict) => print_json(&Answer { id, verdict })?,
                Err(refusal) => {
                    failed = failed.saturating_add(1);
                    print_json(&Failure::new(id, line_number, &refusal))?;
                }
            }
        }
        if failed == 0 {
            return Ok(Exit::Done);
        }
        eprintln!("note: lines with an error instead of a verdict: {failed}");
        Ok(Exit::Usage)
    }

    fn answer(
        &self,
        state: &mut State,
        pictures: &mut Pictures,
        request: &Request,
    ) -> Result<VerdictDocument, Refusal> {
        let clock = match &request.at {
            Some(at) => Clock::from_arguments(Some(at), self.allow_fixed_time).map_err(|refusal| in_line(&refusal))?,
            None => Clock::System,
        };
        let frame = match (&request.text, &request.image) {
            (Some(text), None) => Frame::of_text(text),
            (None, Some(path)) => Frame::of_image(path, pictures)?,
            _ => {
                return Err(Refusal::usage(
                    "LINE_CODE",
                    "the line has not exactly one of \"text\" and \"image\"",
                    "give the code's digits or a picture, not both",
                ));
            }
        };
        let decided = Decided::new(state, &frame, request.challenge.as_deref(), clock)?;
        decided.note_in_journal(state);
        decided.say_trouble(state, &frame);
        Ok(decided.document())
    }
}

/// The clock's refusals speak of options; in a line it is a member.
fn in_line(refusal: &Refusal) -> Refusal {
    match refusal.code() {
        "CLOCK_FIXED" => Refusal::usage(
            "CLOCK_FIXED",
            "\"at\" sets a time that is not the time of the clock",
            "for a test or a rehearsal start batch with --allow-fixed-time; otherwise leave \"at\" out",
        ),
        _ => Refusal::usage(
            "CLOCK_TIME",
            "\"at\" is not a date and time with an offset between the years 2000 and 2199",
            "write it like 2026-03-01T09:30:00+08:00",
        ),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: Option<Id>,
    text: Option<String>,
    image: Option<PathBuf>,
    at: Option<String>,
    challenge: Option<String>,
}

/// Whatever the sender calls a line by; it comes back as it was.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Request {
    /// The id of a line that cannot be carried out, so that the sender knows which.
    fn id_alone(line: &str) -> Option<Id> {
        #[derive(Deserialize)]
        struct Named {
            id: Option<Id>,
        }
        serde_json::from_str::<Named>(line).ok()?.id
    }

    fn parse(line: &str) -> Result<Request, Refusal> {
        serde_json::from_str(line).map_err(|error| {
            // serde's own words may quote the line, which holds a permit.
            let what = match error.classify() {
                serde_json::error::Category::Data => {
                    "the line is JSON, and not an object of id, text, image, at and challenge alone"
                }
                _ => "the line is not a JSON object",
            };
            Refusal::usage(
                "LINE_JSON",
                format!("{what} (column {})", error.column()),
                "write one object a line, like {\"id\":\"1\",\"text\":\"8611…\"}; id is a text or a number from 0",
            )
        })
    }
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(flatten)]
    verdict: VerdictDocument,
}

#[derive(Serialize)]
struct Failure {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    line: u64,
    v: u8,
    error: FailureError,
}

#[derive(Serialize)]
pub(super) struct FailureError {
    code: String,
    what: String,
    remedy: String,
}

impl FailureError {
    pub(super) fn new(refusal: &Refusal) -> FailureError {
        FailureError { code: refusal.code().into(), what: refusal.what().into(), remedy: refusal.remedy().into() }
    }
}

impl Failure {
    fn new(id: Option<Id>, line: u64, refusal: &Refusal) -> Failure {
        Failure { id, line, v: 1, error: FailureError::new(refusal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_strictly_and_ids_come_back() {
        let request = Request::parse(r#"{"id":"a","text":"8611","at":"2026-07-01T08:00:00Z"}"#).unwrap();
        assert!(matches!(request.id, Some(Id::Text(id)) if id == "a"));
        assert_eq!((request.text.as_deref(), request.image), (Some("8611"), None));
        assert!(matches!(Request::parse(r#"{"id":7}"#).unwrap().id, Some(Id::Number(7))));
        assert!(Request::parse("{}").unwrap().id.is_none());
        for line in [
            "",
            "x",
            "[]",
            "{\"id\":[1]}",
            "{\"txet\":\"1\"}",
            "{\"text\":5}",
            "{\"text\":\"1\"} {}",
            "{\"text\":\"1\",\"text\":\"2\"}",
        ] {
            assert_eq!(Request::parse(line).err().map(|refusal| refusal.code()), Some("LINE_JSON"), "{line}");
        }
        assert!(matches!(Request::id_alone("{\"id\":\"a\",\"text\":5}"), Some(Id::Text(id)) if id == "a"));
        assert!(Request::id_alone("not json").is_none());
    }

    #[test]
    fn refusals_of_a_line_do_not_quote_it() {
        let refusal = Request::parse(r#"{"text":330327199001011232}"#).err().unwrap();
        assert!(!refusal.what().contains("3303"), "{}", refusal.what());
    }
}
