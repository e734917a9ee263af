//! `challenge`: random bits for a phone to sign.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use command_line::files::write_stdout;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::display_text::DisplayText;
use credential_format::text::{self, Kind};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde_json::json;
use verifier::policy::Policy;

use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
pub(super) struct Challenge {
    #[command(flatten)]
    state: StateArguments,
    /// What the code is wanted for, as the phone shows it: at most 40 characters
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Draw the QR code on standard error even when it is no terminal
    #[arg(long)]
    qr: bool,
    #[command(flatten)]
    clock: ClockArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Challenge {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let purpose = self.purpose.as_deref().map(DisplayText::<40>::parse).transpose().map_err(|error| {
            Refusal::usage(
                "CHALLENGE_PURPOSE",
                format!("--purpose cannot be shown on a phone: {error}"),
                "say it in a few words, for example 办理入学",
            )
        })?;
        let mut state = self.state.open()?;
        let challenge = state.challenge(random_bytes()?, purpose, now).map_err(|error| state_refusal(&error))?;
        let digits = text::encode(Kind::Challenge, &challenge.to_vec());
        let seconds = Policy::default().challenge_secs_max;
        if self.json {
            print_json(&json!({
                "v": 1,
                "challenge": digits,
                "counter": challenge.counter.as_str(),
                "purpose": challenge.purpose.as_ref().map(DisplayText::as_str),
                "made_at": now.to_string(),
                "seconds": seconds,
            }))?;
        } else {
            write_stdout(format!("{digits}\n").as_bytes())?;
        }
        if self.qr || io::stderr().is_terminal() {
            draw(&digits);
            eprintln!(
                "请持证人扫描，{seconds} 秒内亮码，只可应答一次 / let the holder scan it and show the code within {seconds} s; it is answered once"
            );
        }
        Ok(Exit::Done)
    }
}

/// Light modules are drawn, dark ones left: on the dark background of most terminals this reads as black on white. A terminal is told its
/// colours, so that it reads so on a light background too.
fn draw(digits: &str) {
    // A challenge has at most 512 bytes, which always fit.
    let Ok(code) = QrCode::with_error_correction_level(digits, EcLevel::L) else { return };
    let drawn =
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build();
    let (on, off) = if io::stderr().is_terminal() { ("\u{1b}[97;40m", "\u{1b}[0m") } else { ("", "") };
    let text: String = drawn.lines().map(|line| format!("{on}{line}{off}\n")).collect();
    // Nothing depends on the drawing: the digits are on standard output.
    let _ = io::stderr().write_all(text.as_bytes());
}
