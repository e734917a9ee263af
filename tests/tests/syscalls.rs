//! Five operations struck at every system call: killed at it, refused by it, and with the power cut after it.
//!
//! `strace` does the striking. An operation is traced once, undisturbed, to learn its calls; then it is repeated from a fresh copy of the same
//! world, once for each call. After every strike an account that is kept beside the product is gone through, the operation is done again without
//! any repair, and the command that follows it in the field must see the result.
//!
//! The ordinary run strikes at the calls that change files, folders and locks, evenly spread where there are many. All calls of all names:
//!
//! ```text
//! JUMA_EVERY_SYSCALL=1 cargo test -p tests --test syscalls -- --nocapture
//! ```
#![cfg(target_os = "linux")]

#[path = "syscalls/clocks.rs"]
mod clocks;
#[path = "syscalls/disk.rs"]
mod disk;
#[path = "syscalls/operations.rs"]
mod operations;
#[path = "syscalls/trace.rs"]
mod trace;
#[path = "syscalls/two_at_once.rs"]
mod two_at_once;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use operations::{ALL, Ended, Operation, Trial, base, issued_faults, list_faults, sync_faults};
use tests::commands::{Ran, files_under, residence_code};
use tests::faults::{Stored, permits_in, public_key, setting, write_requests};
use trace::{CHANGING, Call, Point, points, spread, strace};

/// So many kills of each operation in the ordinary run.
const KILLS: usize = 20;
/// So many failures.
const FAILURES: usize = 20;

#[test]
fn issue_is_killed_at_its_calls() {
    kill_at_every_call(Operation::Issue);
}

#[test]
fn endorsement_is_killed_at_its_calls() {
    kill_at_every_call(Operation::Endorse);
}

#[test]
fn publish_is_killed_at_its_calls() {
    kill_at_every_call(Operation::Publish);
}

#[test]
fn sync_is_killed_at_its_calls() {
    kill_at_every_call(Operation::Sync);
}

#[test]
fn verify_is_killed_at_its_calls() {
    kill_at_every_call(Operation::Verify);
}

#[test]
fn issue_is_refused_by_its_calls() {
    fail_at_every_call(Operation::Issue);
}

#[test]
fn endorsement_is_refused_by_its_calls() {
    fail_at_every_call(Operation::Endorse);
}

#[test]
fn publish_is_refused_by_its_calls() {
    fail_at_every_call(Operation::Publish);
}

#[test]
fn sync_is_refused_by_its_calls() {
    fail_at_every_call(Operation::Sync);
}

#[test]
fn verify_is_refused_by_its_calls() {
    fail_at_every_call(Operation::Verify);
}

fn is_long() -> bool {
    setting("JUMA_EVERY_SYSCALL", 0) == 1
}

/// The calls of an undisturbed run, which is acknowledged.
fn undisturbed(operation: Operation, traced: &str) -> (Trial, Vec<Call>) {
    let trial = Trial::new(operation);
    let (ran, calls) = strace(&trial.world, &["-e", &format!("trace={traced}")], trial.program(), &trial.line());
    assert_eq!(trial.ended(&ran), Ended::Acknowledged, "{ran}");
    (trial, calls)
}

/// Strikes at these points, and gathers what went wrong, each with its point.
struct Strikes {
    operation: Operation,
    ends: BTreeMap<&'static str, usize>,
    slowest: Duration,
    faults: Vec<String>,
}

impl Strikes {
    fn new(operation: Operation) -> Strikes {
        Strikes { operation, ends: BTreeMap::new(), slowest: Duration::ZERO, faults: Vec::new() }
    }

    fn strike(&mut self, point: &Point, how: &str) {
        let mut trial = Trial::new(self.operation);
        let inject = format!("inject={}:{how}:when={}", point.name, point.nth);
        let only = format!("trace={}", point.name);
        // Not with `--seccomp-bpf`, which would be faster: then strace 6.1 kills nobody.
        let options = ["-e", &only, "-e", &inject];
        let (ran, _) = strace(&trial.world, &options, trial.program(), &trial.line());
        let mut faults = trial.faults_after_strike(&ran);
        let end = match trial.ended(&ran) {
            Ended::Acknowledged => "acknowledged",
            Ended::Refused => "refused",
            Ended::Silent => "silent",
        };
        *self.ends.entry(end).or_default() += 1;
        if ran.exit.is_none() {
            if !how.starts_with("signal") {
                faults.push(format!("ended by a signal: {ran}"));
            }
        } else {
            faults.extend(ran.defect().map(|defect| format!("{defect}: {ran}")));
            let has_failed = end == "refused" || ran.exit != Some(0);
            // A verdict that is undetermined gives its reason in place of a refusal.
            let reason = ran
                .json_or_why()
                .ok()
                .is_some_and(|said| said["reason"].is_string() || said["error"]["code"].is_string());
            if has_failed && (ran.exit == Some(0) || ran.refusal().is_none() && !reason) {
                faults.push(format!("not done, and no code and sentence say why: {ran}"));
            }
        }
        let (took, after) = trial.again();
        faults.extend(after);
        self.slowest = self.slowest.max(took);
        self.faults.extend(faults.into_iter().map(|fault| format!("{:?}, {inject}: {fault}", self.operation)));
    }

    fn end(self, what: &str, count: usize, of: usize, begun: Instant) {
        println!(
            "{:?}: {what} at {count} points of {of} in {:.1?}: {:?}; slowest repetition {:?}",
            self.operation,
            begun.elapsed(),
            self.ends,
            self.slowest
        );
        assert_eq!(self.faults, [] as [String; 0]);
    }
}

fn kill_at_every_call(operation: Operation) {
    let (trial, calls) = undisturbed(operation, if is_long() { "all" } else { CHANGING });
    // Before it has begun there is nothing to kill.
    let wanted = |call: &Call| call.name != "execve" && (is_long() || call.is_changing(trial.world.folder()));
    let all = points(&calls, wanted);
    let struck = if is_long() { all.clone() } else { spread(&all, KILLS) };
    let begun = Instant::now();
    let mut strikes = Strikes::new(operation);
    for point in &struck {
        strikes.strike(point, "signal=SIGKILL");
    }
    let silent = strikes.ends.get("silent").copied().unwrap_or_default();
    assert!(silent > 0 && silent < struck.len(), "the kills do not lie around the answer: {:?}", strikes.ends);
    strikes.end("killed", struck.len(), all.len(), begun);
}

fn fail_at_every_call(operation: Operation) {
    let (trial, calls) = undisturbed(operation, CHANGING);
    let (mut struck, mut all) = (Vec::new(), 0);
    for (names, errors) in [
        (&["fsync", "fdatasync", "syncfs"][..], &["EIO"][..]),
        (&["write", "pwrite64", "ftruncate"], &["ENOSPC"]),
        (&["rename", "renameat", "renameat2", "link", "linkat"], &["EIO", "EROFS"]),
        (&["openat", "mkdir"], &["EACCES", "EMFILE"]),
    ] {
        let wanted = |call: &Call| names.contains(&call.name.as_str()) && call.is_changing(trial.world.folder());
        let points = points(&calls, wanted);
        all += points.len() * errors.len();
        let points = if is_long() { points } else { spread(&points, FAILURES / 4 + 1) };
        for error in errors {
            struck.extend(points.iter().map(|point| (point.clone(), format!("error={error}"))));
        }
    }
    let begun = Instant::now();
    let mut strikes = Strikes::new(operation);
    for (point, how) in &struck {
        strikes.strike(point, how);
    }
    assert!(strikes.ends.get("refused").is_some_and(|refused| *refused > 0), "{:?}", strikes.ends);
    strikes.end("refused", struck.len(), all, begun);
}

/// What is acknowledged survives a power cut; and where the disk is never told to keep anything, that shows.
#[test]
fn the_power_is_cut() {
    for operation in ALL {
        let cut = |options: &[&str]| {
            let trial = Trial::new(operation);
            let (ran, calls) = traced(&trial, options, &trial.line());
            assert_eq!(trial.ended(&ran), Ended::Acknowledged, "{ran}");
            let synced = calls.iter().filter(|call| call.name.contains("sync") && !call.is_injected).count();
            (synced, disk::complaints(&calls, trial.world.folder(), &trial.there(), operation.is_durable()))
        };
        let (synced, complaints) = cut(&[]);
        assert_eq!(complaints, [] as [String; 0], "{operation:?}");
        assert!(synced > 0, "{operation:?}");
        let (synced, complaints) = cut(&["-e", "inject=fsync,fdatasync,syncfs:retval=0"]);
        println!("{operation:?} without durability: {complaints:?}");
        assert_eq!(synced, 0, "{operation:?}");
        assert!(complaints.iter().any(|said| said.contains("before the bytes of")), "{operation:?}: {complaints:?}");
    }
}

/// Many files go to the disk together, by `syncfs`, before any of them gets its name; and the list of rows that were refused by itself.
#[test]
fn the_power_is_cut_in_a_batch() {
    let cut = |options: &[&str]| {
        let trial = Trial::new(Operation::Issue);
        write_requests(&trial.world, "many", 0..30);
        let many = trial.world.path("many.ndjson");
        let requests = fs::read_to_string(&many).expect("the requests") + "{}\n";
        fs::write(&many, requests).expect("written");
        let there = files_under(trial.world.folder());
        let line =
            "issue --key keys/permit.pem --requests many.ndjson --json --ledger fresh.sqlite3 --out out/2026/permits";
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (ran, calls) = traced(&trial, options, &line);
        let said = ran.json();
        assert_eq!((&said["issued"], &said["refused"]), (&30.into(), &1.into()), "{ran}");
        let together = calls.iter().filter(|call| call.name == "syncfs").count();
        let durable = |path: &Path| path.ends_with("refused.ndjson") || Operation::Issue.is_durable()(path);
        (together, disk::complaints(&calls, trial.world.folder(), &there, durable))
    };
    let (together, complaints) = cut(&[]);
    assert_eq!(complaints, [] as [String; 0]);
    assert!(together > 0);
    for (unanswered, file) in [("syncfs", ".permit"), ("fsync", "refused.ndjson")] {
        let (_, complaints) = cut(&["-e", &format!("inject={unanswered}:retval=0")]);
        let named = format!("{file} got its name before");
        assert!(complaints.iter().any(|said| said.contains(&named)), "{complaints:?}");
    }
}

/// The calls of a run that change something.
fn traced(trial: &Trial, options: &[&str], line: &[String]) -> (Ran, Vec<Call>) {
    let changing = format!("trace={CHANGING}");
    let options = [&["-e", changing.as_str()], options].concat();
    strace(&trial.world, &options, trial.program(), line)
}

/// A falsified account is found out.
#[test]
fn accounts_can_be_wrong() {
    let world = base();
    let key = public_key(&world.path("keys/permit.pub.pem"));
    let before = Stored::all(&world.path("ledger.sqlite3"));
    let is_code = |stored: &&Stored| stored.code.to_string() == residence_code(1);
    let before: Vec<Stored> = before.iter().filter(is_code).cloned().collect();
    let files = permits_in(&world.path("permits"));
    assert_eq!((before.len(), files.len()), (1, 1));
    let none: [String; 0] = [];
    assert_eq!(issued_faults(&before, &before, &key, false), none);
    assert_eq!(issued_faults(&[], &before, &key, true), none);
    assert_eq!(Stored::faults_of_files(&before, &files, &key, true), none);

    let finds =
        |faults: Vec<String>, what: &str| assert!(faults.iter().any(|said| said.contains(what)), "{what}: {faults:?}");
    let changed = |change: &dyn Fn(&mut Stored)| {
        let mut stored = before[0].clone();
        change(&mut stored);
        vec![stored]
    };
    finds(issued_faults(&before, &before, &key, true), "acknowledged, and not in the ledger");
    finds(issued_faults(&before, &[], &key, false), "is gone");
    finds(issued_faults(&before, &changed(&|stored| stored.status = 2), &key, false), "was changed");
    finds(issued_faults(&[], &changed(&|stored| stored.slot += 1), &key, true), "with other numbers");
    finds(issued_faults(&[], &changed(&|stored| stored.bytes[20] ^= 1), &key, true), "no signed permit");
    finds(issued_faults(&[], &changed(&|stored| stored.bytes.truncate(100)), &key, true), "no signed permit");
    let twice = [before.clone(), before.clone()].concat();
    finds(issued_faults(&before, &twice, &key, true), "used twice");
    finds(issued_faults(&before, &twice, &key, true), "given twice");
    finds(issued_faults(&before, &twice, &key, true), "in force");
    finds(issued_faults(&[], &twice, &key, true), "became 2");

    let name = before[0].file_name();
    let mut half = files.clone();
    half.get_mut(&name).expect("a permit").truncate(100);
    finds(Stored::faults_of_files(&before, &half, &key, false), "half a permit");
    finds(Stored::faults_of_files(&before, &half, &key, true), "has no file");
    finds(Stored::faults_of_files(&[], &files, &key, false), "not what the ledger has");
    finds(Stored::faults_of_files(&before, &[].into(), &key, true), "has no file");

    let key = public_key(&world.path("keys/status.pub.pem"));
    let read = |path: &str| fs::read(world.path(path)).expect("a list");
    let (old, new) = (read("public/status/1.cwt"), read("newer/status/1.cwt"));
    let index = world.status_index(1);
    assert!(index.is_some());
    let of = |before: &[u8], now: &[u8], taken, index| list_faults(before, now, &key, taken, index, true);
    assert_eq!(of(&old, &new, u64::MAX, index), none);
    assert_eq!(list_faults(&old, &old, &key, 0, index, false), none);
    finds(of(&old, &old, u64::MAX, index), "the old list is there");
    finds(of(&new, &old, u64::MAX, index), "not dated later");
    finds(of(&old, &new, 1, index), "may give again");
    finds(of(&old, &new, u64::MAX, index.map(|index| index ^ 1)), "does not say");
    finds(of(&old, &new[..new.len() - 1], u64::MAX, index), "half");
    finds(of(&old, &[], u64::MAX, index), "half");

    assert_eq!(sync_faults(&[true, true], true), none);
    assert_eq!(sync_faults(&[false, false], false), none);
    finds(sync_faults(&[false, false], true), "the old lists");
    finds(sync_faults(&[true, false], false), "the other old");
}
