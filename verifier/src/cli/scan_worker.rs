//! `scan-worker`: the process that reads pictures for the others. Nobody types it.

use std::io;

use command_line::refusal::{Exit, Refusal};
use verifier::worker::serve;

/// The subcommand's name, which the others start this program with.
pub(super) const NAME: &str = "scan-worker";

/// It has no options: all it does is answer.
pub(super) fn run() -> Result<Exit, Refusal> {
    match serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Refusal::internal(
            "SCAN_WORKER_BROKEN",
            format!("the process that reads pictures cannot go on: {error}"),
            "it is started by the other commands, and not by hand",
        )),
    }
}
