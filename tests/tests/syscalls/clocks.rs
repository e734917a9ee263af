//! Clocks that jump, by libfaketime: set back a year, ahead ten, and to and fro between commands and while they run.
//!
//! A clock that is set does not move the time since the machine was started, so libfaketime is told to leave that alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use credential_format::status_list::UnverifiedStatusList;
use tests::commands::{Ran, World, residence_code};
use tests::faults::{Account, Answer, Stored, public_key, reason, reason_or_code};

use super::operations::{Operation, Trial, base, words};

/// A command whose clock is set so: `-365d`, or `+0 i3600` for an hour more at each look.
fn at(world: &World, clock: &str, name: &str, line: &[&str]) -> Ran {
    let mut command = world.command(name);
    command.args(line).env("FAKETIME", clock);
    preloaded(command)
}

fn preloaded(mut command: Command) -> Ran {
    command.env("LD_PRELOAD", library()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let ran = Ran::of(command, b"");
    assert_eq!(ran.defect(), None, "{ran}");
    ran
}

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("libraries").flatten();
    let found = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists());
    found.expect("libfaketime is there: apt-get install faketime")
}

/// Lists as they were published, by their times: none comes back, and no time has two.
#[derive(Default)]
struct Published(BTreeMap<u64, Vec<u8>>);

impl Published {
    fn note(&mut self, world: &World) -> u64 {
        let key = public_key(&world.path("keys/status.pub.pem"));
        let bytes = fs::read(world.path("public/status/1.cwt")).expect("a list");
        let list = UnverifiedStatusList::parse(&bytes).expect("a list").check(&key).expect("signed");
        let at = list.head().issued_at.seconds();
        assert!(self.0.last_key_value().is_none_or(|(newest, _)| *newest <= at), "an older list came back");
        let kept = self.0.entry(at).or_insert_with(|| bytes.clone());
        assert!(*kept == bytes, "two lists of one time");
        at
    }
}

fn verify(world: &World, clock: &str, code: &str) -> Ran {
    at(world, clock, "verifier", &["verify", "--state", "counter", "--json", "--text", code])
}

#[test]
fn published_lists_do_not_go_back() {
    let trial = Trial::new(Operation::Publish);
    let (world, line) = (&trial.world, trial.line());
    let mut published = Published::default();
    let mut last = published.note(world);
    for clock in ["+0", "-365d", "+30s", "-1h", "+0", "-1s", "+45s", "-10y", "+1m"] {
        let ran = at(world, clock, "issuer", &words(&line));
        let now = published.note(world);
        if clock.ends_with(['d', 'h', 'y']) {
            let ran = ran.refuses(4, "CLOCK_BEHIND");
            assert_eq!(now, last, "{ran}");
        } else {
            assert!(now > last, "{}", ran.exits(0));
        }
        last = now;
    }
    // A list of a clock that is ten years ahead: counters pass it by, and go on with theirs.
    at(world, "+3650d", "issuer", &words(&line)).exits(0);
    published.note(world);
    let synced = world.run("verifier", &["sync", "--state", "counter", "public", "--json"]).exits(1).json();
    assert_eq!((&synced["taken"], &synced["refused"]), (&0.into(), &1.into()), "{synced}");
    assert!(synced.to_string().contains("STATUS_FROM_FUTURE"), "{synced}");
    let code = base().code("phone", 1, 0, &[]);
    assert_eq!(reason(&verify(world, "+0", &code)), "VALID");
    at(world, "+0", "issuer", &words(&line)).refuses(4, "CLOCK_BEHIND");
    let ahead = published.note(world);
    // Once the clock is right, whoever runs it says so, and counters take the next list. It is dated a minute from now, and the list before by a
    // clock that was a minute ahead.
    let second = || std::thread::sleep(std::time::Duration::from_millis(1_100));
    second();
    let line = [&words(&line)[..], &["--clock-was-ahead"]].concat();
    at(world, "+0", "issuer", &line).exits(0);
    let right = Published::default().note(world);
    assert!((last + 1..ahead).contains(&right), "{last} {right} {ahead}");
    let synced = world.run("verifier", &["sync", "--state", "counter", "public", "--json"]).exits(0).json();
    assert_eq!(synced["taken"], 1, "{synced}");
    // Said again it changes nothing: the next list is later than the last. It is dated by the next second, since this one is used up.
    second();
    at(world, "+0", "issuer", &line).exits(0);
    assert!(Published::default().note(world) > right);
}

#[test]
fn permits_are_not_issued_by_a_wrong_clock() {
    let trial = Trial::new(Operation::Issue);
    let (world, line) = (&trial.world, trial.line());
    let key = public_key(&world.path("keys/permit.pub.pem"));
    for clock in ["-365d", "+3650d"] {
        // The days of the request contradict such a clock.
        let ran = at(world, clock, "issuer", &words(&line)).exits(1);
        assert_eq!(ran.json()["refused"], 1, "{ran}");
        assert_eq!(Stored::all(&world.path("fresh.sqlite3")), []);
    }
    let first = at(world, "+0", "issuer", &words(&line)).exits(0).json();
    assert_eq!(first["issued"], 1);
    let stored = Stored::all(&world.path("fresh.sqlite3"));
    assert_eq!((stored.len(), Stored::faults(&stored, &key)), (1, Vec::new()));
    // Repeated under whatever clock, it is the same permit or none.
    for clock in ["-1h", "+1h", "-365d", "+3650d", "+0"] {
        let ran = at(world, clock, "issuer", &words(&line));
        assert_ne!(ran.json()["issued"], 1, "{ran}");
        assert_eq!(Stored::all(&world.path("fresh.sqlite3")), stored, "{ran}");
    }
}

#[test]
fn lists_are_taken_once_the_clock_is_right_again() {
    let trial = Trial::new(Operation::Sync);
    let (world, line) = (&trial.world, trial.line());
    for clock in ["-365d", "-1d"] {
        let ran = at(world, clock, "verifier", &words(&line)).exits(1);
        let said = ran.json();
        assert_eq!((&said["taken"], &said["refused"]), (&0.into(), &2.into()), "{ran}");
        assert!(ran.out.contains("TRUST_FROM_FUTURE") && ran.out.contains("STATUS_FROM_FUTURE"), "{ran}");
    }
    let code = base().code("phone", 1, 0, &[]);
    assert_eq!(reason(&verify(world, "+0", &code)), "VALID");
    assert_eq!(at(world, "+0", "verifier", &words(&line)).exits(0).json()["taken"], 2);
    // Ten years on they are taken still, and are no longer good for anything; back today they are.
    assert_eq!(at(world, "+3650d", "verifier", &words(&line)).exits(3).json()["trust_in_force"], false);
    assert_eq!(at(world, "+0", "verifier", &words(&line)).exits(0).json()["taken"], 0);
    let code = base().code("phone", 1, 0, &[]);
    assert_eq!(reason(&verify(world, "+0", &code)), "SUSPENDED");
}

#[test]
fn a_code_is_accepted_once_however_the_clock_is_set() {
    let trial = Trial::new(Operation::Verify);
    let world = &trial.world;
    // The permit may have been issued in this very second: by a clock that is one back it would not have begun.
    std::thread::sleep(Duration::from_secs(2));
    let code = base().code("phone", 1, 0, &[]);
    assert_eq!(reason(&verify(world, "+0", &code)), "VALID");
    for clock in ["-1s", "-10d", "-365d", "+1h", "+3650d", "-365d", "+0"] {
        let ran = verify(world, clock, &code);
        let said = reason(&ran);
        assert_ne!(ran.exit, Some(0), "{ran}");
        match clock {
            "-10d" | "-365d" => assert_eq!((ran.exit, said.as_str()), (Some(3), "CLOCK_SUSPECT"), "{ran}"),
            "-1s" | "+0" => assert_eq!(said, "REPLAYED", "{ran}"),
            _ => {}
        }
        // One that nobody has seen yet: right in itself, and not to be believed by this clock.
        let fresh = base().code("phone", 1, 0, &[]);
        let ran = verify(world, clock, &fresh);
        match clock {
            "-1s" | "+0" => assert_eq!(reason(&ran), "VALID", "{ran}"),
            _ => assert!(ran.exit != Some(0), "{ran}"),
        }
    }
    // A counter two days ahead, with phones that agree, forgets the codes of today; and knows that it did, once its clock is set back.
    let permit = residence_code(1);
    let phone = ["present", "--dir", "phone", "--permit", &permit, "--text"];
    let ahead = at(base(), "+2d", "holder", &phone).exits(0).out.trim().to_owned();
    assert_eq!(reason(&verify(world, "+2d", &ahead)), "VALID");
    let ran = verify(world, "+0", &code);
    assert_eq!((ran.exit, reason(&ran).as_str()), (Some(3), "REPLAY_GUARD_UNAVAILABLE"), "{ran}");
    assert!(ran.err.contains("[STATE_CLOCK_SET_BACK]"), "{ran}");
    let ran = verify(world, "+2d", &ahead);
    assert_eq!(reason(&ran), "REPLAYED", "{ran}");
    world.run("verifier", &["journal", "--state", "counter", "--check"]).exits(0);
}

/// The clock moves on by hours and years with each look at it, within one run.
#[test]
fn clocks_run_away_within_a_command() {
    for clock in ["+0 i60", "+0 i3600", "+0 i31536000"] {
        let publish = Trial::new(Operation::Publish);
        let mut published = Published::default();
        published.note(&publish.world);
        for _ in 0..2 {
            at(&publish.world, clock, "issuer", &words(&publish.line()));
            published.note(&publish.world);
        }
        for operation in [Operation::Issue, Operation::Sync] {
            let trial = Trial::new(operation);
            let ran = at(&trial.world, clock, trial.program(), &words(&trial.line()));
            assert!(ran.exit == Some(0) || ran.exit == Some(1) || ran.refusal().is_some(), "{ran}");
            let again = trial.world.run(trial.program(), &words(&trial.line())).exits(0);
            assert_eq!(again.defect(), None);
        }
        let trial = Trial::new(Operation::Verify);
        let code = base().code("phone", 1, 0, &[]);
        let first = verify(&trial.world, clock, &code);
        let said = [reason_or_code(&first), reason_or_code(&verify(&trial.world, "+0", &code))];
        assert!(said.iter().filter(|said| *said == "VALID").count() <= 1, "{said:?}");
    }
}

/// The clock is set to and fro by somebody else all the time.
#[test]
fn clocks_are_set_while_commands_run() {
    let clock = tempfile::NamedTempFile::new().expect("a file");
    let set = |to: &str| fs::write(clock.path(), to).expect("set");
    set("+0\n");
    let under = |world: &World, name: &str, line: &[&str]| {
        let mut command = world.command(name);
        command.args(line).env("FAKETIME_TIMESTAMP_FILE", clock.path()).env("FAKETIME_NO_CACHE", "1");
        preloaded(command)
    };
    let (publish, check) = (Trial::new(Operation::Publish), Trial::new(Operation::Verify));
    let mut published = Published::default();
    let mut account = Account::default();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for to in ["-365d\n", "+0\n", "+20s\n", "-10s\n", "-1h\n", "+0\n"].iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                set(to);
                std::thread::sleep(Duration::from_millis(7));
            }
        });
        for _ in 0..12 {
            let ran = under(&publish.world, "issuer", &words(&publish.line()));
            assert!(ran.exit == Some(0) || ran.refusal().as_deref() == Some("CLOCK_BEHIND"), "{ran}");
            published.note(&publish.world);
            let code = base().code("phone", 1, 0, &[]);
            for _ in 0..3 {
                let said = reason(&under(
                    &check.world,
                    "verifier",
                    &["verify", "--state", "counter", "--json", "--text", &code],
                ));
                // What a wrong clock says is not an answer to the question whether the code was used.
                if ["VALID", "REPLAYED"].contains(&said.as_str()) {
                    account.note(&code, Answer::Said(said));
                }
            }
            for _ in 0..2 {
                account.note(
                    &code,
                    Answer::Said(reason(
                        &check.world.run("verifier", &["verify", "--state", "counter", "--json", "--text", &code]),
                    )),
                );
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(account.faults(), [] as [String; 0]);
    assert!(published.0.len() > 2, "published {} times", published.0.len());
}
