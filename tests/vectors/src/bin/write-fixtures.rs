//! Writes the vectors into `fixtures/`, or, with `--check`, compares them with what stands there and ends with 1 on any difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use vectors::sample_permits::fixtures_folder;
use vectors::vector::{Expect, Vector, World, to_json};
use verifier::verdict::{Reason, Words};

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: write-fixtures [--check]");
            return ExitCode::from(2);
        }
    };
    let (vectors, worlds) = vectors::layers::all();
    let files = files(&vectors, &worlds);
    let folder = fixtures_folder();
    let strays = strays(&folder, &files);
    let different: Vec<&String> = files
        .iter()
        .filter(|(path, text)| std::fs::read_to_string(folder.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path)
        .collect();
    for path in &different {
        println!("{} {path}", if check { "differs:" } else { "written:" });
    }
    for path in &strays {
        println!("{} {path}", if check { "not a fixture:" } else { "removed:" });
    }
    println!("{} vectors, {} worlds, {} differences", vectors.len(), worlds.len(), different.len() + strays.len());
    if check {
        return ExitCode::from(u8::from(!different.is_empty() || !strays.is_empty()));
    }
    for path in different {
        let file = folder.join(path);
        let parent = file.parent().expect("a folder");
        std::fs::create_dir_all(parent).unwrap_or_else(|e| panic!("{}: {e}", parent.display()));
        std::fs::write(&file, &files[path]).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    for path in strays {
        std::fs::remove_file(folder.join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    ExitCode::SUCCESS
}

/// All files by their path in `fixtures/`.
fn files(vectors: &BTreeMap<String, Vector>, worlds: &BTreeMap<String, World>) -> BTreeMap<String, String> {
    let vectors_text = vectors.iter().map(|(name, vector)| (format!("{name}.json"), to_json(vector)));
    let worlds_text = worlds.iter().map(|(name, world)| (format!("worlds/{name}.json"), to_json(world)));
    let readme = ("README.md".to_owned(), readme(vectors, worlds));
    let reasons = ("reasons.json".to_owned(), to_json(&Reason::ALL.iter().copied().map(row).collect::<Vec<_>>()));
    vectors_text.chain(worlds_text).chain([readme, reasons]).collect()
}

/// A row of the table of reasons, for programs that show verdicts.
#[derive(Serialize)]
struct Row {
    reason: &'static str,
    step: &'static str,
    outcome: &'static str,
    curable: bool,
    light: &'static str,
    sign: char,
    title: Bilingual,
    remedy: Bilingual,
}

#[derive(Serialize)]
struct Bilingual {
    zh: &'static str,
    en: &'static str,
}

fn row(reason: Reason) -> Row {
    let bilingual = |Words { zh, en }: Words| Bilingual { zh, en };
    Row {
        reason: reason.code(),
        step: reason.step().name(),
        outcome: reason.outcome().word(),
        curable: reason.is_curable(),
        light: reason.tone().word(),
        sign: reason.sign(),
        title: bilingual(reason.title()),
        remedy: bilingual(reason.remedy()),
    }
}

/// Files in the folders of vectors that no vector has. Other folders and files (photographs, `permits.json`) are not this program's.
fn strays(folder: &Path, files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut strays = BTreeSet::new();
    for name in Vector::FOLDERS.iter().chain(&["worlds"]) {
        let Ok(entries) = std::fs::read_dir(folder.join(name)) else { continue };
        for entry in entries.flatten() {
            let path = format!("{name}/{}", entry.file_name().to_string_lossy());
            if !files.contains_key(&path) {
                strays.insert(path);
            }
        }
    }
    strays
}

fn readme(vectors: &BTreeMap<String, Vector>, worlds: &BTreeMap<String, World>) -> String {
    let mut text = String::from(INTRODUCTION);
    let of = |folder: &str| vectors.iter().filter(|(_, v)| v.folder() == folder).collect::<Vec<_>>();
    let accepted = |list: &[(&String, &Vector)]| list.iter().filter(|(_, v)| v.outcome() == Expect::Accept).count();
    text.push_str("\n## Totals\n\n| folder | accepted | refused | all |\n|---|---|---|---|\n");
    for folder in Vector::FOLDERS {
        let list = of(folder);
        let good = accepted(&list);
        let _ = writeln!(text, "| {folder} | {good} | {} | {} |", list.len() - good, list.len());
    }
    let all: Vec<_> = vectors.iter().collect();
    let good = accepted(&all);
    let _ = writeln!(text, "| all | {good} | {} | {} |", all.len() - good, all.len());

    text.push_str("\n## Worlds\n\n| file | what it is |\n|---|---|\n");
    for (name, world) in worlds {
        let _ = writeln!(text, "| worlds/{name} | {} |", world.about);
    }
    for folder in Vector::FOLDERS {
        let _ = write!(
            text,
            "\n## {folder}\n\n{}\n\n| file | what is wrong, or right | expected |\n|---|---|---|\n",
            about(folder)
        );
        for (name, vector) in of(folder) {
            let outcome = match vector.outcome() {
                Expect::Accept => "accept",
                Expect::Reject => "reject",
                Expect::Undetermined => "undetermined",
            };
            let code = vector.code().map_or(String::new(), |code| format!(" {code}"));
            let _ = writeln!(text, "| {} | {} | {outcome}{code} |", &name[folder.len() + 1..], vector.why());
        }
    }
    text
}

fn about(folder: &str) -> &'static str {
    match folder {
        "text" => "The digits of a code (SPEC section 1).",
        "cbor" => "Strict CBOR (SPEC section 2): items by themselves, then every level of every object.",
        "permit" => "A permit's shape and values (SPEC section 3). Issuer and device sign the fault.",
        "presentation" => "A presentation's shape and values (SPEC section 4). The device signs the fault.",
        "voucher" => "What only a printed voucher has (SPEC section 3). The issuer signs the fault.",
        "challenge" => "A challenge (SPEC section 5).",
        "enrolment" => "An enrolment and its proof (SPEC section 5).",
        "trust-list" => "Trust lists that are offered to a verifier (SPEC section 6).",
        "status-list" => "Status lists that are offered to a verifier (SPEC section 7).",
        "lifecycle" => {
            "Days in the life of permits, from `permits.json`: whole verdicts, and the dates of the region's rule."
        }
        "verdict" => "Frames that are shown to a verifier (SPEC section 8).",
        _ => "",
    }
}

const INTRODUCTION: &str = "# Vectors

One file, one fault, named for the fault; the folder is the layer that must refuse it, after every earlier layer has let it pass. All objects
are signed as they stand, faults included, so that no later check hides a missing one. A second implementation can be held against them.

**TEST ONLY.** Every key is the SHA-256 of `juma TEST ONLY ` and its label (Ed25519 seed, P-256 scalar): anyone can sign with them. A world
names its issuers' labels; the phone of sample permit number N is `device N`. All persons, numbers and addresses are invented; they are
those of `permits.json`. Signatures are deterministic (RFC 8032, RFC 6979).

This file and all vectors are written by `cargo run -p vectors --bin write-fixtures`; with `-- --check` it compares and ends with 1 on any
difference. The tests that go through them are `vectors.rs` and `independent.rs` in `tests/vectors/tests`.

`reasons.json` is the table of reasons: the code, the step of SPEC section 8 that gives it, what it makes the outcome, colour and sign on a
screen, and the words of it in both languages.

Written by hand stand `permits.json`, twenty sample permits with forty days of their lives, and what other tests read under its own name.

## Shape of the files

All have `layer` (the folder), `why` (a sentence), `outcome` (`accept`, `reject`, `undetermined`) and, unless a lower layer accepts, `code`.
Bytes are in hex, times in RFC 3339.

| folder | besides |
|---|---|
| text | `text`, and `typed` where a keyboard made it; when accepted `kind` and `bytes` |
| cbor, permit, presentation, voucher, challenge, enrolment | `object` (what the bytes are to be), `bytes`, `text` (the digits of the code that carries them: for a permit, the device's presentation of it) |
| trust-list | `now`, `bytes`; `world` (whose trust list is in use) or `root` (the thumbprint installed, for a first list); `cause` (the code inside the refusal) |
| status-list | `now`, `bytes`, `world`, `current` (the list in use, if any), `cause` |
| verdict, lifecycle | `world`, `now`, `asked`, `guard`, `before` (scans before this one, each with the `code` that it must give), `policy` (as in a world), `frame` (the texts of all codes in view); expected besides `code`: `step` of SPEC section 8, `title_zh`, `assurance`, `curable`; in lifecycle the `dates` of the region's rule, `auto_cancel_on` among them only where the permit has lapsed |
| worlds | `trust_list`, `root`, `taken_at`, `status_lists`, `status_lists_taken_with` (an earlier trust list, if they were taken with one), `newest_signed_time`, `policy` (limits that differ from the defaults; so far `status_age_secs_max` alone), `keys` (kid to label) |
";
