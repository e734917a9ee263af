//! The command line: thin over the library. Results on standard output, everything else on standard error.

mod batch;
mod challenge;
mod init;
mod inspect;
mod journal;
mod outlook;
mod pictures;
mod policy;
mod primitive;
mod rehearse;
mod scan_worker;
#[cfg(feature = "counter")]
mod serve;
mod show;
mod space;
mod sync;
mod terminal;
mod verify;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use command_line::clock::Clock;
use command_line::escape::json_safe;
use command_line::files::write_stdout;
use command_line::refusal::{self, Exit, Refusal};
use verifier::state::{State, StateError};

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    refusal::run("verifier", arguments.command.json(), || {
        verifier::scan::quiet_contained_panics();
        arguments.command.run()
    })
}

/// Checks electronic residence permits (电子居住证) offline.
///
/// First: `verifier init`, then `verifier sync` with the lists of the authority; then `verifier verify` for each code.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 accepted or done, 1 rejected, 2 wrong usage, 3 undetermined or nothing found, 4 internal error."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the state folder of a counter, with the root key's thumbprint that the authority gave
    Init(init::Init),
    /// Take trust lists (*.cose) and status lists (*.cwt) from folders, sticks, files and https servers
    Sync(sync::Sync),
    /// Show how this counter stands: what is trusted, how old each list is, what ends soon
    Show(show::Show),
    /// Say what this counter would say on a date to come, with lists that are not in use yet
    Rehearse(rehearse::Rehearse),
    /// Show or set what this counter goes by: ages of status lists, the shared replay guard, the page, the journal
    Policy(policy::Policy),
    /// Show, check or export the journal: what was checked when, with what result, and nothing of whom
    Journal(journal::Journal),
    /// Check one code
    Verify(verify::Verify),
    /// Check many codes: one JSON object a line on standard input, one verdict a line on standard output
    Batch(batch::Batch),
    /// Check every new picture in a folder, as a scanner or camera program saves them
    Watch(watch::Watch),
    /// Show the page of this counter in a browser on this computer: camera, scanner guns, challenges, journal
    #[cfg(feature = "counter")]
    Serve(serve::Serve),
    /// Make a new challenge for a holder's phone to answer: digits, and a QR code in the terminal
    Challenge(challenge::Challenge),
    /// Look into a code or a CBOR object. Decodes only: no signature is checked, and nothing is called valid
    Inspect(inspect::Inspect),
    /// The very functions that `verify` uses, one at a time, for tests of other implementations
    Primitive(primitive::Primitive),
    /// Read pictures for the other commands
    #[command(name = scan_worker::NAME, hide = true)]
    ScanWorker,
}

impl Command {
    fn json(&self) -> bool {
        match self {
            Command::Init(_) | Command::Primitive(_) | Command::ScanWorker => false,
            Command::Sync(command) => command.json,
            Command::Show(command) => command.json,
            Command::Rehearse(command) => command.json,
            Command::Policy(command) => command.json,
            Command::Journal(command) => command.json,
            Command::Verify(command) => command.json,
            // Its errors stand in the lines themselves.
            Command::Batch(_) => false,
            Command::Watch(command) => command.json,
            #[cfg(feature = "counter")]
            Command::Serve(_) => false,
            Command::Challenge(command) => command.json,
            Command::Inspect(command) => command.json,
        }
    }

    fn run(self) -> Result<Exit, Refusal> {
        match self {
            Command::Init(command) => command.run(),
            Command::Sync(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Rehearse(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Journal(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Batch(command) => command.run(),
            Command::Watch(command) => command.run(),
            #[cfg(feature = "counter")]
            Command::Serve(command) => command.run(),
            Command::Challenge(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Primitive(command) => command.run(),
            Command::ScanWorker => scan_worker::run(),
        }
    }
}

/// Where the state is.
#[derive(Args)]
struct StateArguments {
    /// The state folder of this counter
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
}

impl StateArguments {
    fn open(&self) -> Result<State, Refusal> {
        State::open(&self.state).map_err(|error| state_refusal(&error))
    }

    fn path(&self) -> &Path {
        &self.state
    }
}

/// Which clock to go by.
#[derive(Args)]
struct ClockArguments {
    /// Go by this time (RFC 3339, 2026-07-01T09:30:00+08:00) instead of the clock; needs --allow-fixed-time
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Allow --at: for tests and rehearsals
    #[arg(long)]
    allow_fixed_time: bool,
}

impl ClockArguments {
    fn clock(&self) -> Result<Clock, Refusal> {
        Clock::from_arguments(self.at.as_deref(), self.allow_fixed_time)
    }
}

/// The refusal for a state that cannot be used.
fn state_refusal(error: &StateError) -> Refusal {
    let exit = if error.is_usage() { Exit::Usage } else { Exit::Internal };
    Refusal::new(error.code(), exit, error.to_string(), error.remedy())
}

/// One JSON object and a line feed, safe to show in a terminal.
fn print_json(document: &impl serde::Serialize) -> Result<(), Refusal> {
    let json = serde_json::to_string(document).map_err(|error| {
        Refusal::internal("JSON_FAILED", format!("cannot write the answer as JSON: {error}"), "please report this")
    })?;
    write_stdout(format!("{}\n", json_safe(&json)).as_bytes())
}
