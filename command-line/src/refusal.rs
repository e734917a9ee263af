//! What a command says when it will not go on, and how it ends.
//!
//! Every refusal is two lines on standard error, and the exit code says who has to act:
//!
//! ```text
//! error: there is no file region.pem [FILE_MISSING]
//! hint: check the path
//! ```
//!
//! With `--json` the same stands as one object on standard output as well:
//! `{"v":1,"error":{"code":…,"what":…,"remedy":…},"exit":2}`.

use std::any::Any;
use std::fmt;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use crate::escape::{json_safe, printable};

/// The code of the one refusal that is not printed: standard output was closed, so the reader has left.
pub const STDOUT_CLOSED: &str = "STDOUT_CLOSED";
/// The code of a panic, always a defect of the program.
pub const DEFECT: &str = "DEFECT";

/// How a command ends. The numbers are the exit codes of all three binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Accepted, or done.
    Done = 0,
    /// Looked at and rejected.
    Rejected = 1,
    /// What was typed cannot be carried out: a missing file, a bad option, a key of the wrong type.
    Usage = 2,
    /// Nothing can be said either way, or nothing was found.
    Undetermined = 3,
    /// The machine or the program failed: disk full, read error, defect.
    Internal = 4,
}

impl Exit {
    /// The exit code, 0 to 4.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command will not go on: a stable code, one sentence, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    exit: Exit,
    what: String,
    remedy: String,
}

impl Refusal {
    /// The user can mend it by typing something else or by changing the files named (exit 2).
    pub fn usage(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(code, Exit::Usage, what, remedy)
    }

    /// Looked at and rejected (exit 1).
    pub fn rejected(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(code, Exit::Rejected, what, remedy)
    }

    /// Nothing can be said, or nothing was found (exit 3).
    pub fn undetermined(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(code, Exit::Undetermined, what, remedy)
    }

    /// The machine or the program failed (exit 4).
    pub fn internal(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(code, Exit::Internal, what, remedy)
    }

    /// A refusal with any exit.
    ///
    /// `code` is UPPER_SNAKE and never changes. `what` and `remedy` begin with a small letter and have no full stop;
    /// they may hold what the user typed, never personal data or key material.
    pub fn new(code: &'static str, exit: Exit, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, exit, what: what.into(), remedy: remedy.into() }
    }

    /// The stable code, `FILE_MISSING`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// How the command ends because of it.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What was wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do next.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The refusal as one JSON object, without a line feed, safe to show in a terminal.
    pub fn to_json(&self) -> String {
        let object = serde_json::json!({
            "v": 1,
            "error": { "code": self.code, "what": self.what, "remedy": self.remedy },
            "exit": self.exit.code(),
        });
        json_safe(&object.to_string()).into_owned()
    }
}

/// The two lines of standard error, `error:` and `hint:`, without the last line feed, safe to show in a terminal.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {} [{}]\nhint: {}", printable(&self.what), self.code, printable(&self.remedy))
    }
}

impl std::error::Error for Refusal {}

/// Runs a command and ends it as its outcome says: the whole of `main` after the options are parsed.
///
/// - A refusal is printed (see the module) and its exit code returned. With `json` it also goes to standard output, as
///   one object; `work` must not have printed one of its own before it refuses.
/// - A panic is a defect: one sentence that asks to report it, with the place in the source, no backtrace and no
///   message (the message of a panic could hold personal data). Exit 4.
/// - A closed standard output (`issuer … | head -1`) ends the command without a word. The exit code is 4 and not 0: who
///   reads only the exit code must never take an undelivered answer for an acceptance.
///
/// The process writes no core dump from here on: it would hold keys and personal data.
pub fn run(name: &str, json: bool, work: impl FnOnce() -> Result<Exit, Refusal>) -> ExitCode {
    forbid_core_dumps();
    let defect = Arc::new(Mutex::new(None));
    report_panics(name, Arc::clone(&defect));

    let outcome = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.and_then(|exit| flush_stdout().map(|()| exit)),
        Err(payload) => Err(match failed_print(payload.as_ref()) {
            Some(refusal) => refusal,
            None => {
                // The panic hook has already spoken on standard error.
                let seen = defect.lock().unwrap_or_else(PoisonError::into_inner).take();
                let refusal = seen.unwrap_or_else(|| defect_at(name, "an unknown place"));
                if json {
                    say_on_stdout(&refusal);
                }
                return refusal.exit().into();
            }
        }),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(refusal) => {
            if refusal.code() != STDOUT_CLOSED {
                say_on_stderr(&refusal.to_string());
                if json {
                    say_on_stdout(&refusal);
                }
            }
            refusal.exit().into()
        }
    }
}

/// The refusal for a failed write to standard output.
pub(crate) fn stdout_failed(error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Refusal::internal(
            STDOUT_CLOSED,
            "standard output was closed",
            "let the reading program read to the end",
        );
    }
    Refusal::internal(
        "STDOUT_FAILED",
        format!("cannot write to standard output: {error}"),
        "if the output goes to a file, check that the disk has room",
    )
}

fn flush_stdout() -> Result<(), Refusal> {
    io::stdout().flush().map_err(|error| stdout_failed(&error))
}

/// Replaces Rust's panic message, in every thread, by one sentence; remembers it for the JSON output.
fn report_panics(name: &str, defect: Arc<Mutex<Option<Refusal>>>) {
    let name = name.to_owned();
    std::panic::set_hook(Box::new(move |panic| {
        if failed_print(panic.payload()).is_some() {
            return;
        }
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", short_path(at.file()), at.line()));
        let refusal = defect_at(&name, &place);
        say_on_stderr(&refusal.to_string());
        *defect.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    }));
}

fn defect_at(name: &str, place: &str) -> Refusal {
    Refusal::internal(
        DEFECT,
        format!("{name} met a defect in itself at {place}"),
        "please report this line and the command you typed, without names, numbers or keys",
    )
}

/// The end of a source path, enough to find the place and too little to tell where the program was built.
fn short_path(file: &str) -> String {
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    parts.get(parts.len().saturating_sub(3)..).unwrap_or_default().join("/")
}

/// `print!` panics when it cannot write. That is no defect but a closed pipe or a full disk; this tells them apart.
fn failed_print(payload: &(dyn Any + Send)) -> Option<Refusal> {
    let message = payload.downcast_ref::<String>()?;
    let error = message.strip_prefix("failed printing to ")?;
    // Broken pipe on Unix; the pipe is being closed, and has been ended, on Windows.
    let closed = ["(os error 32)", "(os error 232)", "(os error 109)"].iter().any(|end| error.ends_with(end));
    Some(stdout_failed(&if closed { io::ErrorKind::BrokenPipe.into() } else { io::Error::other(error.to_owned()) }))
}

fn say_on_stderr(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn say_on_stdout(refusal: &Refusal) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", refusal.to_json());
    let _ = out.flush();
}

#[cfg(unix)]
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Lowering one's own limit cannot fail; if it does, the command is no less right.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
fn forbid_core_dumps() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_numbers() {
        let all = [Exit::Done, Exit::Rejected, Exit::Usage, Exit::Undetermined, Exit::Internal];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn constructors_set_the_exit() {
        let exits = [Refusal::rejected, Refusal::usage, Refusal::undetermined, Refusal::internal]
            .map(|construct: fn(_, &'static str, &'static str) -> Refusal| construct("C", "w", "r").exit());
        assert_eq!(exits, [Exit::Rejected, Exit::Usage, Exit::Undetermined, Exit::Internal]);
    }

    #[test]
    fn two_lines_whatever_the_text_holds() {
        let refusal = Refusal::usage("FILE_MISSING", "there is no file a\nerror: b\u{1b}[2J", "check the path");
        assert_eq!(
            refusal.to_string(),
            "error: there is no file a\\u{a}error: b\\u{1b}[2J [FILE_MISSING]\nhint: check the path"
        );
    }

    #[test]
    fn json_is_one_line_and_says_the_same() {
        let refusal = Refusal::undetermined("NOTHING", "a\n\u{202e}b", "c");
        assert_eq!(
            refusal.to_json(),
            r#"{"error":{"code":"NOTHING","remedy":"c","what":"a\n\u202eb"},"exit":3,"v":1}"#
        );
    }

    #[test]
    fn only_failed_printing_is_excused_from_being_a_defect() {
        let code = |message: &str| failed_print(&message.to_owned()).map(|refusal| refusal.code().to_owned());
        assert_eq!(code("failed printing to stdout: Broken pipe (os error 32)").as_deref(), Some(STDOUT_CLOSED));
        assert_eq!(code("failed printing to stderr: Broken pipe (os error 32)").as_deref(), Some(STDOUT_CLOSED));
        let full = "failed printing to stdout: No space left on device (os error 28)";
        assert_eq!(code(full).as_deref(), Some("STDOUT_FAILED"));
        assert_eq!(code("index out of bounds"), None);
        assert!(failed_print(&"failed printing to stdout: a literal").is_none());
    }

    #[test]
    fn source_paths_are_cut() {
        assert_eq!(short_path("/home/someone/.cargo/registry/src/x/crate-1/src/lib.rs"), "crate-1/src/lib.rs");
        assert_eq!(short_path("src/lib.rs"), "src/lib.rs");
        assert_eq!(short_path("C:\\b\\verifier\\src\\lib.rs"), "verifier/src/lib.rs");
    }
}
