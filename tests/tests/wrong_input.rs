//! Whatever the commands are given, they say what is wrong with it and what to do, and nothing is lost.

use std::fs;
use std::path::Path;

use tests::commands::World;
use tests::commands::case::{run, run_folder};

/// Every file of `tests/commands/wrong-input/`.
#[test]
fn wrong_input() {
    run_folder("wrong-input", &World::new(), 75);
}

/// The cases would notice: a wrong exit code, a wrong refusal, a text that is not there, a file that was touched.
#[test]
fn cases_can_fail() {
    let world = World::new();
    let holds = "run verifier show --state none\nexit 2\nerror STATE_MISSING\nstderr none\nsilent panicked\n";
    assert_eq!(run(holds, &world.copy()), Ok(()));
    let spoilt = [
        (holds.replace("exit 2", "exit 0"), "exit 0"),
        (holds.replace("exit 2\n", ""), "how this run exits"),
        (holds.replace("STATE_MISSING", "STATE_FOREIGN"), "error STATE_FOREIGN"),
        (holds.replace("stderr none", "stderr nothing"), "stderr nothing"),
        (holds.replace("silent panicked", "silent none"), "silent none"),
        (String::new(), "demands nothing"),
        ("run verifier show --state counter --json @0\nexit 0\njson /counter ELSEWHERE\n".into(), "json /counter"),
        ("run verifier show --state counter --json @0\nexit 0\njson /trust absent\n".into(), "json /trust"),
        ("run verifier show --state counter --json @0\nexit 0\nerror STATE_MISSING\n".into(), "error STATE_MISSING"),
        ("run verifier verify --state counter --text $unknown\nexit 2\n".into(), "was not kept"),
        ("expect a miracle\n".into(), "no such line"),
    ];
    for (case, told) in spoilt {
        let fault = run(&case, &world.copy()).expect_err(&case);
        assert!(fault.contains(told), "{told}: {fault}");
    }
    // A command that refuses and has changed a file: here it may, since times of publication are never given out twice.
    let linked = "delete public/status/1.cwt\nlink nowhere public/status/1.cwt\nrun issuer status publish --ledger ledger.sqlite3 \
                  --list 1 --key keys/status.pem --uri https://status.example.cn/tianhe --out public @60\nexit 2\n\
                  error FILE_NOT_PLAIN\n";
    assert_eq!(run(&format!("{linked}changes ledger.sqlite3\n"), &world.copy()), Ok(()));
    let fault = run(linked, &world.copy()).expect_err("a file was changed");
    assert!(fault.contains("ledger.sqlite3 was changed or lost"), "{fault}");
}

/// Bytes that are no text, where a text is read.
#[test]
fn bytes_that_are_no_text() {
    let world = World::new();
    let not_utf8 = b"8611\xff\xfe000\n";
    world.run_with("verifier", &["verify", "--state", "counter", "-"], not_utf8).refuses(2, "STDIN_NOT_TEXT");
    let batch = world.run_with("verifier", &["batch", "--state", "counter"], not_utf8).exits(2);
    assert_eq!(batch.json()["error"]["code"], "LINE_NOT_UTF8", "{batch}");
    let added = world.run_with("holder", &["add", "--dir", "phone", "-"], not_utf8);
    added.refuses(1, "PERMIT_MALFORMED");
    fs::write(world.path("bad.txt"), not_utf8).expect("written");
    let arguments = [
        "issue",
        "--key",
        "keys/permit.pem",
        "--requests",
        "requests.json",
        "--enrolments",
        "bad.txt",
        "--ledger",
        "l.sqlite3",
    ];
    let issued = world.run_at(0, "issuer", &[&arguments[..], &["--out", "out"]].concat()).exits(1);
    assert!(issued.err.contains("warning: bad.txt line 1: ") && issued.err.contains("[DEVICE_MISSING]"), "{issued}");
}

/// A line of a megabyte among good ones: an error for that line, verdicts for the rest.
#[test]
fn a_long_line_among_good_ones() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"text\":\"{code}\",\"at\":\"2026-07-01T09:00:03+08:00\"}}\n");
    let input = format!("{}{}\n\0\n{}", line("a"), "x".repeat(1_000_000), line("b"));
    let ran =
        world.run_with("verifier", &["batch", "--state", "counter", "--allow-fixed-time"], input.as_bytes()).exits(2);
    let answers: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: Vec<&serde_json::Value> =
        answers.iter().map(|answer| answer.get("reason").unwrap_or_else(|| &answer["error"]["code"])).collect();
    assert_eq!(said, ["VALID", "LINE_TOO_LONG", "LINE_JSON", "REPLAYED"], "{ran}");
    assert_eq!((&answers[1]["line"], &answers[2]["line"]), (&2.into(), &3.into()));
}

/// For root no permission bit counts, but in /sys nobody makes a folder.
#[test]
fn places_that_cannot_be_written() {
    if !Path::new("/sys/kernel").is_dir() || fs::create_dir("/sys/juma-test").is_ok() {
        println!("skipped: this machine has no /sys where nothing can be made");
        return;
    }
    let world = World::new();
    let root = world.thumbprint("public/trust.cose");
    for (name, arguments, code) in [
        ("verifier", vec!["init", "--state", "/sys/juma-test/s", "--root", &root], "STATE_FORBIDDEN"),
        ("issuer", vec!["keygen", "--out", "/sys/juma-test/k.pem"], "FOLDER_NOT_WRITABLE"),
        ("issuer", vec!["keygen", "--out", "/sys/k.pem"], "FOLDER_NOT_WRITABLE"),
        ("holder", vec!["init", "--dir", "/sys/juma-test/p"], "FOLDER_NOT_WRITABLE"),
    ] {
        world.run(name, &arguments).refuses(4, code);
    }
    let permit = tests::commands::residence_code(1);
    let present = ["present", "--dir", "phone", "--permit", &permit, "--out", "/sys/code.png"];
    world.run_at(0, "holder", &present).refuses(4, "FOLDER_NOT_WRITABLE");
    let issue = [
        "issue",
        "--key",
        "keys/permit.pem",
        "--requests",
        "requests.json",
        "--ledger",
        "l.sqlite3",
        "--out",
        "/sys/juma-test",
    ];
    world.run_at(0, "issuer", &issue).refuses(4, "FOLDER_NOT_WRITABLE");
}
