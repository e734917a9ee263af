//! Picture files, read by the worker process.

use std::path::Path;

use command_line::files::read_plain_limited;
use command_line::refusal::Refusal;
use verifier::scan::{Limits, ScanError, Seen};
use verifier::worker::{Program, Trouble, Unread, Worker};

use super::scan_worker;

/// Reads one picture after another. A worker is started for the first, and for the one after each that it failed on.
pub(super) struct Pictures {
    worker: Result<Worker, Trouble>,
}

impl Pictures {
    /// Starts nothing yet. That nothing can be started is said when a picture comes: digits are checked without.
    pub(super) fn new() -> Pictures {
        let program = Program::this(scan_worker::NAME);
        Pictures { worker: program.map(Worker::new).map_err(|error| Trouble::Missing(error.kind())) }
    }

    /// Starts the worker while something else is being done.
    pub(super) fn warm_up(&mut self) {
        if let Ok(worker) = &mut self.worker {
            worker.warm_up();
        }
    }

    /// What is seen in a picture, or what happened to the worker at it.
    pub(super) fn read(&mut self, path: &Path) -> Result<Result<Seen, Trouble>, Refusal> {
        let file = read_plain_limited(path, Limits::default().file_bytes as u64)?;
        let worker = self.worker.as_mut().map_err(|trouble| trouble_refusal(*trouble))?;
        match worker.still(file) {
            Ok(seen) => Ok(Ok(seen)),
            Err(Unread::Picture(error)) => Err(picture_refusal(&error)),
            // No picture is to blame, and the next one will fare no better.
            Err(Unread::Worker(trouble @ Trouble::Missing(_))) => Err(trouble_refusal(trouble)),
            Err(Unread::Worker(trouble)) => Ok(Err(trouble)),
        }
    }
}

/// The refusal for a picture that cannot be used.
fn picture_refusal(error: &ScanError) -> Refusal {
    // The English sentence says what is wrong, then what to do; the Chinese one says both.
    let sentence = error.to_string();
    let (what, remedy) = sentence.split_once(". ").unwrap_or((&sentence, "take the picture again"));
    let mut letters = remedy.chars();
    let remedy: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    Refusal::usage(error.code(), what, format!("{remedy} / {}", error.zh()))
}

/// The refusal for a picture that the worker failed on.
pub(super) fn trouble_refusal(trouble: Trouble) -> Refusal {
    let sentence = trouble.to_string();
    let (what, remedy) = sentence.split_once(": ").unwrap_or((&sentence, "take the picture again"));
    let remedy = format!("{remedy} / {}", trouble.words().zh);
    match trouble {
        Trouble::Missing(_) => Refusal::internal(trouble.code(), what, remedy),
        _ => Refusal::undetermined(trouble.code(), what, remedy),
    }
}
