//! Pages whose commands are run as they stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::commands::{Ran, binaries};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of shell commands of a page of the repository.
pub fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let inside = text.split("```sh\n").skip(1);
    inside.map(|rest| rest.split("```").next().expect("the end of the block").to_owned()).collect()
}

/// Runs all commands of a page, one after the other until one fails, in an empty folder with `fixtures/readme-request.csv` beside them.
/// They must all succeed.
#[track_caller]
pub fn run(page: &str) -> (Ran, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("fixtures")).expect("a folder");
    let request = "fixtures/readme-request.csv";
    fs::copy(root().join(request), folder.path().join(request)).expect("copied");
    let path = format!("{}:{}", binaries().display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &format!("umask 022; {}", blocks(page).concat())]);
    shell.current_dir(folder.path()).env("PATH", path);
    (Ran::of(shell, b"").exits(0), folder)
}
