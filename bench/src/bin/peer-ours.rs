//! Ours, answering the driver of `bench/peers` line by line; and the smallest QR version for a text of a mode and a length.

#![forbid(unsafe_code)]

use std::io::{self, Write as _};

use bench::peer_input::Input;
use bench::peer_ours::Ours;
use bench::peers::{Mode, Object};
use qrcode::EcLevel;
use serde_json::{Value, json};
use verifier::verdict::Outcome;

fn main() -> io::Result<()> {
    let (ours, input) = (Ours::new(), Input::new());
    for line in io::stdin().lines() {
        let answer = answer(&ours, &input, &line?);
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(ours: &Ours, input: &Input, line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    let times = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    match words.as_slice() {
        ["hello"] => {
            let (issued, shown, text) = ours.sizes();
            json!({"versions": [format!("juma {}", env!("CARGO_PKG_VERSION")), "ed25519-dalek 3"],
                "mode": "numeric", "issued": issued, "shown": shown, "text": text})
        }
        ["issue", _] => json!(ours.issue(times).as_nanos()),
        ["verify", _] => json!(ours.verify(times).as_nanos()),
        ["bare-sign", _] => json!(ours.bare_sign(times).as_nanos()),
        ["bare-verify", _] => json!(ours.bare_verify(times).as_nanos()),
        ["faults"] => input
            .faults
            .iter()
            .map(|fault| {
                let verdict = ours.answer(fault, input);
                let by = if verdict.outcome() == Outcome::Accept { "accepted" } else { "library" };
                (fault.id.to_owned(), json!({"by": by, "why": verdict.reason.code()}))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        ["qr", mode, length] => json!(version(mode, length.parse().unwrap_or_default())),
        _ => json!({"error": "what?"}),
    }
}

/// At level M; none when not even version 40 holds it.
fn version(mode: &str, length: usize) -> Option<i16> {
    let mode = if mode == "numeric" { Mode::Numeric } else { Mode::Byte };
    Object { bytes: length, text: "0".repeat(length), mode }.version(EcLevel::M)
}
