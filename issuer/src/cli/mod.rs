//! The command line: options, files, the clock and dice around the library.

mod enrolments;
mod halt;
mod issue;
mod key;
mod keygen;
mod publish;
mod rows;
mod status;
mod trust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use command_line::clock::Clock;
use command_line::escape::{json_safe, printable};
use command_line::files;
use command_line::key_file::{self, PublicKeyBytes};
use command_line::refusal::{self, Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::timestamp::Timestamp;
use issuer::IssueError;
use issuer::issue::SigningError;

pub(crate) use key::{AnySigner, KeyArgs, PassphraseArgs, load_key};

/// Issues electronic residence permits (电子居住证): keys, permits, printed vouchers, status lists and trust lists.
///
/// Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 something was refused, 2 wrong usage,
/// 3 nothing found, 4 the machine failed.
#[derive(Parser)]
#[command(name = "issuer", version)]
struct Cli {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a signing key: KEY.pem for the issuer alone, KEY.pub.pem for everybody
    Keygen(keygen::Keygen),
    /// Issue permits that phones show live, one file each, from a list of requests
    Issue(issue::Issue),
    /// Issue printed permits (信息单, 确认单): a static QR code as PNG and SVG for each request
    Voucher(issue::Voucher),
    /// Stop issuing at once, in every process that uses the ledger, or show whether it is stopped
    Halt(halt::Halt),
    /// Let issuing go on after a halt
    Resume(halt::Resume),
    /// Set what the status lists say of a permit, and publish the lists
    #[command(subcommand)]
    Status(status::Command),
    /// Write the folder of lists that any web server, object store or stick can hand out to counters, and announce them
    ///
    /// Every file is read back and verified before index.json announces it. The index is not signed, and only saves counters requests: they
    /// check every list for themselves.
    Publish(publish::Publish),
    /// Draft, sign and show the trust list: which keys may sign what
    #[command(subcommand)]
    Trust(trust::Command),
}

/// The whole of `main`.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    refusal::run("issuer", json, move || match cli.command {
        Command::Keygen(command) => command.run(json),
        Command::Issue(command) => command.run(json),
        Command::Voucher(command) => command.run(json),
        Command::Halt(command) => command.run(json),
        Command::Resume(command) => command.run(json),
        Command::Status(command) => command.run(json),
        Command::Publish(command) => command.run(json),
        Command::Trust(command) => command.run(json),
    })
}

/// The time.
#[derive(Args)]
pub(crate) struct ClockArgs {
    /// A time in place of the clock, for tests and rehearsals: 2026-07-01T09:00:00+08:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// Allow --at
    #[arg(long)]
    allow_fixed_time: bool,
}

impl ClockArgs {
    pub(crate) fn now(&self) -> Result<Timestamp, Refusal> {
        Clock::from_arguments(self.at.as_deref(), self.allow_fixed_time)?.now()
    }
}

/// The public key in a file.
pub(crate) fn load_public_key(path: &Path) -> Result<PublicKey, Refusal> {
    let key = match key_file::load_public(path)? {
        PublicKeyBytes::Ed25519(bytes) => CoseKey::Ed25519(bytes),
        PublicKeyBytes::P256Compressed(bytes) => CoseKey::P256(bytes),
    };
    PublicKey::try_from(&key).map_err(|error| {
        Refusal::usage(error.code(), format!("{}: {error}", path.display()), "give the path of another key")
    })
}

/// KEY.pem -> KEY.pub.pem
pub(crate) fn public_path(path: &Path) -> PathBuf {
    path.with_extension("pub.pem")
}

/// A sentence of the form "what was wrong; what to do", as the libraries' errors are, as a refusal.
pub(crate) fn from_sentence(code: &'static str, exit: Exit, sentence: &str) -> Refusal {
    let (what, remedy) = sentence.split_once("; ").unwrap_or((sentence, "see `issuer --help`"));
    Refusal::new(code, exit, what, remedy)
}

/// A key that gives no signature, or a wrong one, is the machine's fault.
pub(crate) fn from_signing(error: &SigningError) -> Refusal {
    from_sentence(error.code(), Exit::Internal, &error.to_string())
}

pub(crate) fn from_issue(error: &IssueError) -> Refusal {
    from_sentence(
        error.code(),
        if error.is_the_keys_fault() { Exit::Internal } else { Exit::Rejected },
        &error.to_string(),
    )
}

/// One result: JSON as one line, or text.
pub(crate) fn say(json: bool, value: &serde_json::Value, text: &str) -> Result<(), Refusal> {
    let out = if json { json_safe(&value.to_string()).into_owned() } else { text.trim_end().to_owned() };
    files::write_stdout(format!("{out}\n").as_bytes())
}

/// A path as a result shows it.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.display().to_string()).into_owned()
}
