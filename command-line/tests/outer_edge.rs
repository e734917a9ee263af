//! What only a real process shows: exit codes, both outputs, panics in other threads, closed pipes, the umask, a limit on
//! the size of files. The test starts itself as a child, `child ACTION …`; it has no test harness, because the
//! harness would print between the lines.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use command_line::files::{self, Mode};
use command_line::key_file::{self, KeyKind, SecretKey};
use command_line::refusal::{Exit, Refusal, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        return child(&arguments[1..]);
    }
    // Asked by test runners that list before they run.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    every_exit_has_its_code();
    a_refusal_is_two_lines();
    a_refusal_in_json_is_one_object();
    a_panic_is_one_sentence_without_its_message();
    a_panic_elsewhere_is_seen_and_survived();
    printing_to_a_full_disk_is_no_defect();
    #[cfg(unix)]
    {
        a_closed_pipe_is_quiet_and_no_acceptance();
        the_umask_opens_no_key();
        a_write_that_fails_midway_leaves_nothing();
        standard_input_is_bounded();
        no_core_dump();
    }
    println!("outer_edge: all passed");
    ExitCode::SUCCESS
}

/// The commands that the tests observe.
fn child(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let json = words.contains(&"--json");
    run("juma", json, || match words.as_slice() {
        ["exit", code, ..] => Ok(match *code {
            "0" => Exit::Done,
            "1" => Exit::Rejected,
            "2" => Exit::Usage,
            "3" => Exit::Undetermined,
            _ => Exit::Internal,
        }),
        ["refuse", ..] => Err(Refusal::usage("FILE_MISSING", "there is no file a\u{1b}[2J", "check the path")),
        ["panic", ..] => panic!("with 张三 inside"),
        ["panic-in-thread", ..] => {
            let joined = std::thread::spawn(|| panic!("with 张三 inside")).join();
            assert!(joined.is_err());
            Ok(Exit::Rejected)
        }
        ["print-macro", ..] => {
            for _ in 0..100_000 {
                println!("a line of some length");
            }
            Ok(Exit::Done)
        }
        ["print", ..] => {
            for _ in 0..100_000 {
                files::write_stdout(b"a line of some length\n")?;
            }
            Ok(Exit::Done)
        }
        ["write-key", path, ..] => {
            key_file::save(Path::new(path), &SecretKey::generate(KeyKind::Ed25519, &[7; 32])?, None)
                .map(|()| Exit::Done)
        }
        ["write-public", path, ..] => files::write_whole(Path::new(path), b"x", Mode::Public).map(|()| Exit::Done),
        ["make-folder", path, ..] => files::make_folder(Path::new(path), true).map(|()| Exit::Done),
        ["write-large", path, ..] => {
            files::write_whole(Path::new(path), &vec![7; 1_000_000], Mode::Public).map(|()| Exit::Done)
        }
        ["read-stdin", ..] => files::write_stdout(&files::read_stdin_limited(10)?).map(|()| Exit::Done),
        ["core-limit", ..] => {
            let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
            let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
            files::write_stdout(line.as_bytes()).map(|()| Exit::Done)
        }
        _ => Err(Refusal::internal("TEST", "no such child", "mend the test")),
    })
}

fn every_exit_has_its_code() {
    for code in 0..=4 {
        let output = start(&["exit", &code.to_string()]);
        assert_eq!(ends(&output), (code, "", ""));
    }
}

fn a_refusal_is_two_lines() {
    let output = start(&["refuse"]);
    let spoken = "error: there is no file a\\u{1b}[2J [FILE_MISSING]\nhint: check the path\n";
    assert_eq!(ends(&output), (2, "", spoken));
}

fn a_refusal_in_json_is_one_object() {
    let output = start(&["refuse", "--json"]);
    let (code, out, err) = ends(&output);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: "));
    let json = r#"{"error":{"code":"FILE_MISSING","remedy":"check the path","what":"there is no file a\u001b[2J"},"exit":2,"v":1}"#;
    assert_eq!(out, format!("{json}\n"));
}

fn a_panic_is_one_sentence_without_its_message() {
    for (arguments, lines_out) in [(&["panic"][..], 0), (&["panic", "--json"][..], 1)] {
        let output = Command::new(this())
            .arg("child")
            .args(arguments)
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("the child runs");
        let (code, out, err) = ends(&output);
        assert_eq!(code, 4);
        assert!(err.starts_with("error: juma met a defect in itself at "), "{err}");
        assert!(err.contains("tests/outer_edge.rs:"), "{err}");
        assert!(err.contains("report"), "{err}");
        assert_eq!(err.lines().count(), 2, "{err}");
        assert!(!err.contains("张三") && !out.contains("张三"));
        assert_eq!(out.lines().count(), lines_out);
        assert!(lines_out == 0 || out.contains(r#""code":"DEFECT""#), "{out}");
    }
}

fn a_panic_elsewhere_is_seen_and_survived() {
    let output = start(&["panic-in-thread"]);
    let (code, out, err) = ends(&output);
    assert_eq!((code, out), (1, ""));
    assert!(err.starts_with("error: juma met a defect") && !err.contains("张三"), "{err}");
}

/// `/dev/full` answers every write as a full disk does.
fn printing_to_a_full_disk_is_no_defect() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("outer_edge: no /dev/full here, printing to a full disk not tried");
        return;
    };
    for action in ["print", "print-macro"] {
        let full = full.try_clone().expect("cloned");
        let output = Command::new(this()).args(["child", action]).stdout(full).output().expect("the child runs");
        let (code, _, err) = ends(&output);
        assert_eq!(code, 4);
        assert!(
            err.starts_with("error: cannot write to standard output: ") && err.contains("[STDOUT_FAILED]"),
            "{err}"
        );
    }
}

#[cfg(unix)]
fn a_closed_pipe_is_quiet_and_no_acceptance() {
    use std::io::Read as _;
    for action in ["print", "print-macro"] {
        let mut child = Command::new(this())
            .args(["child", action, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child runs");
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut [0; 10]).expect("the child prints");
        drop(out);
        let output = child.wait_with_output().expect("the child ends");
        assert_eq!(ends(&output), (4, "", ""));
    }
}

#[cfg(unix)]
fn the_umask_opens_no_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let mode = |path: &Path| std::fs::metadata(path).expect("stat").permissions().mode() & 0o7777;
    for (umask, public) in [("000", 0o644), ("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let at = |name: &str| folder.path().join(format!("{name}-{umask}"));
        for (action, path, wanted) in
            [("write-key", at("key"), 0o600), ("write-public", at("list"), public), ("make-folder", at("state"), 0o700)]
        {
            let output = through_shell(&format!("umask {umask}"), &[action, path.to_str().expect("path")]);
            assert_eq!(ends(&output), (0, "", ""));
            assert_eq!(mode(&path), wanted, "{action}, umask {umask}");
        }
    }
}

/// A limit of 512 or 1024 bytes on files: the write fails after the file was made, as on a full disk.
#[cfg(unix)]
fn a_write_that_fails_midway_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("list");
    std::fs::write(&path, b"old").expect("write");
    let output = through_shell("trap '' XFSZ; ulimit -f 1", &["write-large", path.to_str().expect("path")]);
    let (code, out, err) = ends(&output);
    assert_eq!((code, out), (4, ""));
    assert!(err.contains("[DISK_FULL]"), "{err}");
    assert_eq!(std::fs::read(&path).expect("read"), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1);
}

#[cfg(unix)]
fn standard_input_is_bounded() {
    let fits = through_shell("printf 0123456789 |", &["read-stdin"]);
    assert_eq!(ends(&fits), (0, "0123456789", ""));
    let too_large = through_shell("printf 0123456789a |", &["read-stdin"]);
    let (code, out, err) = ends(&too_large);
    assert_eq!((code, out), (2, ""));
    assert!(err.contains("[STDIN_TOO_LARGE]"), "{err}");
}

#[cfg(unix)]
fn no_core_dump() {
    if !Path::new("/proc/self/limits").exists() {
        println!("outer_edge: no /proc here, the core limit not looked at");
        return;
    }
    let output = through_shell("ulimit -c unlimited 2>/dev/null;", &["core-limit"]);
    let (code, out, _) = ends(&output);
    let words: Vec<&str> = out.split_ascii_whitespace().collect();
    assert_eq!((code, words.get(4..6)), (0, Some(&["0", "0"][..])), "{out}");
}

fn this() -> PathBuf {
    std::env::current_exe().expect("own path")
}

fn start(arguments: &[&str]) -> Output {
    Command::new(this()).arg("child").args(arguments).output().expect("the child runs")
}

/// Runs the child from a shell that has done `before` first, which may end in a pipe.
#[cfg(unix)]
fn through_shell(before: &str, arguments: &[&str]) -> Output {
    let script =
        if before.ends_with('|') { format!("{before} \"$0\" \"$@\"") } else { format!("{before}\nexec \"$0\" \"$@\"") };
    Command::new("sh").args(["-c", &script]).arg(this()).arg("child").args(arguments).output().expect("the shell runs")
}

/// Exit code (-1 for a signal), standard output, standard error.
fn ends(output: &Output) -> (i32, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}
