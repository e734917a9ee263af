//! The counter of the live demonstration: the `verifier` command beside this program, serving its page.
//!
//! This is the one place that knows how a counter is started, and how its challenge is asked for.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use verifier::state::State;

use crate::fault::{Because, Fault};

/// A counter that serves its page, or is to be started by hand.
pub(crate) struct CounterPage {
    running: Option<Running>,
    state: PathBuf,
}

struct Running {
    address: String,
    process: Child,
}

impl CounterPage {
    /// Starts the counter on this state folder. Where the command is not found, or ends at once, there is none yet.
    pub(crate) fn start(state: &Path) -> Result<CounterPage, Fault> {
        let beside = std::env::current_exe().because("this program does not know where it is")?;
        let verifier = beside.with_file_name(format!("verifier{}", std::env::consts::EXE_SUFFIX));
        let running = if verifier.is_file() { start(&verifier, state)? } else { None };
        Ok(CounterPage { running, state: state.to_owned() })
    }

    /// None: for tests of the phone's page.
    #[cfg(test)]
    pub(crate) fn none(state: &Path) -> CounterPage {
        CounterPage { running: None, state: state.to_owned() }
    }

    /// The address of its page, if it is running.
    pub(crate) fn address(&self) -> Option<&str> {
        self.running.as_ref().map(|running| running.address.as_str())
    }

    /// The command that starts it by hand.
    pub(crate) fn command(&self) -> String {
        format!("cargo run -p verifier -- serve --state {}", self.state.display())
    }

    /// The digits of the challenge that its page shows at `now`: its state, which lies in our own folder, knows it.
    pub(crate) fn challenge(&self, now: Timestamp) -> Result<Option<String>, Fault> {
        let state = State::open(&self.state).because("the counter's state cannot be read")?;
        let newest = state.newest_challenge(now).because("the counter's challenges cannot be read")?;
        Ok(newest.map(|challenge| text::encode(Kind::Challenge, &challenge.to_vec())))
    }
}

/// The first line that the command prints is the address.
fn start(verifier: &Path, state: &Path) -> Result<Option<Running>, Fault> {
    let mut process = Command::new(verifier)
        .args(["serve", "--no-browser", "--state"])
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .because(format!("{} cannot be started", verifier.display()))?;
    let mut line = String::new();
    if let Some(printed) = process.stdout.take() {
        let _ = BufReader::new(printed).read_line(&mut line);
    }
    let address = line.trim();
    if address.starts_with("http://") {
        return Ok(Some(Running { address: address.to_owned(), process }));
    }
    let _ = process.kill();
    let _ = process.wait();
    Ok(None)
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
