//! The commands that README.md shows are run as they stand, from the authority's first key to the verdict.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::commands::binaries;

#[test]
fn the_commands_of_the_readme_end_in_a_valid_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let script = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of commands");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("fixtures")).unwrap();
    fs::copy(root.join("fixtures/readme-request.csv"), folder.path().join("fixtures/readme-request.csv")).unwrap();
    let path = format!("{}:{}", binaries().display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-e", "-c", &format!("umask 022; {script}")])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let (printed, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{printed}\n{errors}");
    assert!(printed.contains("有效 / Valid"), "{printed}");
    assert!(printed.contains("VALID"), "{printed}");
}
