//! The documents say what is: every vector and test that SECURITY.md names exists, and README.md shows lines of programs that compile.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_proof_in_the_threat_table_exists() {
    let security = read("SECURITY.md");
    let tests = test_functions();
    let (mut vectors, mut functions) = (0, 0);
    for name in security.lines().filter(|line| line.starts_with('|')).flat_map(quoted) {
        let (folder, file) = name.split_once('/').unwrap_or(("", name));
        if name.starts_with("fixtures/") {
            assert!(root().join(name).is_dir(), "SECURITY.md names the folder {name}");
        } else if !folder.is_empty() {
            assert!(
                root().join(format!("fixtures/{folder}/{file}.json")).is_file(),
                "SECURITY.md names the vector {name}"
            );
            vectors += 1;
        } else if name.contains('_') {
            assert!(tests.contains(name), "SECURITY.md names the test {name}");
            functions += 1;
        }
    }
    assert!(vectors >= 50 && functions >= 20, "{vectors} vectors and {functions} tests: is the table still read?");
}

#[test]
fn the_snippets_of_the_readme_are_lines_of_the_examples() {
    let readme = read("README.md");
    let examples = read("issuer/examples/embed_issuer.rs") + &read("verifier/examples/embed_verifier.rs");
    let lines: BTreeSet<&str> = examples.lines().map(str::trim).collect();
    let mut shown = 0;
    for block in readme.split("```rust\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines().map(str::trim) {
            assert!(lines.contains(line), "README.md shows a line that no example has: {line}");
            shown += 1;
        }
    }
    assert!(shown >= 15, "{shown} lines: are the snippets still there?");
}

#[test]
fn the_examples_are_whole_programs_of_less_than_forty_lines() {
    for example in ["issuer/examples/embed_issuer.rs", "verifier/examples/embed_verifier.rs"] {
        let lines = read(example).lines().count();
        assert!(lines < 40, "{example} has {lines} lines");
    }
}

/// What stands between backquotes in a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The names of all functions marked `#[test]` in the workspace, of all cases of the command line, and of all properties.
fn test_functions() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = properties::ALL.iter().map(|property| property.name.to_owned()).collect();
    let members = ["credential-format", "issuer", "holder", "scan", "verifier", "command-line", "tests", "demo"];
    let mut folders: Vec<PathBuf> = members.iter().map(|member| root().join(member)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_in(&fs::read_to_string(&path).unwrap()));
            } else if path.extension().is_some_and(|extension| extension == "case") {
                names.extend(path.file_stem().map(|stem| stem.to_string_lossy().replace('-', "_")));
            }
        }
    }
    names
}

fn tests_in(source: &str) -> Vec<String> {
    let source = source.replace("#[tokio::test]", "#[test]");
    let after = source.split("#[test]").skip(1);
    after.filter_map(|text| text.split_once("fn ")?.1.split_once('(').map(|(name, _)| name.to_owned())).collect()
}
