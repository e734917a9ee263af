//! `issuer halt` and `issuer resume`: the switch that stops issuing, whoever is at it.

use std::path::PathBuf;

use clap::Args;
use command_line::refusal::{Exit, Refusal};
use issuer::ledger::{Halt as Record, HaltReason};
use serde_json::{Value, json};

use super::issue::from_ledger;
use super::status::existing_ledger;
use super::{ClockArgs, from_sentence, say, shown};

#[derive(Args)]
pub(crate) struct Halt {
    /// The ledger of the issuer
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,

    /// Why, in at most 100 characters: whoever tries to issue is shown it, and it is kept. No names, numbers or addresses of holders
    #[arg(long, value_name = "TEXT", required_unless_present = "show")]
    reason: Option<String>,

    /// Change nothing: say whether issuing is halted, and list the halts before
    #[arg(long, conflicts_with = "reason")]
    show: bool,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Halt {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match &self.reason {
            Some(reason) => self.halt(reason, json),
            None => self.show(json),
        }
    }

    fn halt(&self, reason: &str, json: bool) -> Result<Exit, Refusal> {
        let reason = HaltReason::parse(reason)
            .map_err(|error| from_sentence("HALT_REASON", Exit::Usage, &format!("the reason: {error}")))?;
        let now = self.clock.now()?;
        let mut ledger = existing_ledger(&self.ledger)?;
        let halt = ledger.halt(&reason, now).map_err(|error| from_ledger(&self.ledger, &error))?;
        let text = match halt.is_new {
            true => format!(
                "签发已暂停 issuing with {} is halted; statuses can be set and lists published as before",
                shown(&self.ledger)
            ),
            false => format!(
                "签发早已暂停 issuing with {} was halted already, at {}, and stays so: {}\nthe reason given now is not kept",
                shown(&self.ledger),
                halt.since,
                halt.reason
            ),
        };
        say(json, &json!({ "v": 1, "halted": true, "new": halt.is_new, "halt": value_of(&halt) }), &text)?;
        Ok(Exit::Done)
    }

    fn show(&self, json: bool) -> Result<Exit, Refusal> {
        let ledger = existing_ledger(&self.ledger)?;
        let halts = ledger.halts().map_err(|error| from_ledger(&self.ledger, &error))?;
        let is_halted = halts.last().is_some_and(|halt| halt.until.is_none());
        let value = json!({
            "v": 1, "halted": is_halted, "halts": halts.iter().map(value_of).collect::<Vec<_>>(),
        });
        let mut text = match is_halted {
            true => "签发已暂停 issuing is halted\n".to_owned(),
            false => "签发未暂停 issuing is not halted\n".to_owned(),
        };
        for halt in &halts {
            let until = halt.until.map_or_else(|| "now".to_owned(), |until| until.to_string());
            text.push_str(&format!("{} to {until}: {}\n", halt.since, halt.reason));
        }
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The ledger of the issuer
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Resume {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let mut ledger = existing_ledger(&self.ledger)?;
        let halt = ledger.resume(now).map_err(|error| from_ledger(&self.ledger, &error))?;
        let text = format!(
            "签发已恢复 issuing with {} goes on; it was halted from {}: {}\nruns that were stopped are finished by repeating them with their --idempotency-key",
            shown(&self.ledger),
            halt.since,
            halt.reason
        );
        say(json, &json!({ "v": 1, "halted": false, "halt": value_of(&halt) }), &text)?;
        Ok(Exit::Done)
    }
}

fn value_of(halt: &Record) -> Value {
    json!({
        "since": halt.since.to_string(),
        "until": halt.until.map(|until| until.to_string()),
        "reason": halt.reason.as_str(),
    })
}
