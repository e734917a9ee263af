//! Several processes at once over one ledger, and over one folder of lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use credential_format::status_list::UnverifiedStatusList;
use tests::commands::{MORNING, Ran, World};
use tests::faults::{Stored, permits_in, public_key, write_requests};

use super::operations::{Operation, Trial, base, words};

fn begin(world: &World, name: &str, line: &[&str]) -> Child {
    let mut command = world.command(name);
    command.args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("started")
}

fn end(child: Child, what: &str) -> Ran {
    let ran = Ran::new(what.into(), child.wait_with_output().expect("ended"), Duration::ZERO);
    assert_eq!(ran.defect(), None, "{ran}");
    ran
}

/// Three processes with the requests and the idempotency key of one run, and two with others, all into one new ledger.
#[test]
fn five_processes_issue_into_one_ledger() {
    const EACH: u64 = 40;
    let world = base().copy_of(&["keys"]);
    write_requests(&world, "a", 0..EACH);
    write_requests(&world, "b", EACH..2 * EACH);
    write_requests(&world, "c", 2 * EACH..3 * EACH);
    let issue = |name: &str| {
        let requests = format!("{name}.ndjson");
        let line = ["issue", "--key", "keys/permit.pem", "--ledger", "one.sqlite3", "--out", "out", "--json"];
        let more = ["--requests", &requests, "--idempotency-key", name, "--allow-fixed-time", "--at", MORNING];
        begin(&world, "issuer", &[&line[..], &more].concat())
    };
    let children = ["a", "b", "a", "c", "a"].map(issue);
    let ran = children.map(|child| end(child, "issuer issue").exits(0).json());
    let sum = |field: &str| ran.iter().map(|said| said[field].as_u64().expect("a number")).sum::<u64>();
    assert_eq!((sum("issued"), sum("already_issued"), sum("refused")), (3 * EACH, 2 * EACH, 0));
    let key = public_key(&world.path("keys/permit.pub.pem"));
    let (stored, files) = (Stored::all(&world.path("one.sqlite3")), permits_in(&world.path("out")));
    assert_eq!(Stored::faults(&stored, &key), [] as [String; 0]);
    assert_eq!(Stored::faults_of_files(&stored, &files, &key, true), [] as [String; 0]);
    assert_eq!((stored.len() as u64, files.len() as u64), (3 * EACH, 3 * EACH));
    assert!(stored.iter().all(|stored| stored.version == 1));
}

/// Two processes publish from one ledger into one folder while a counter fetches from there: it finds whole lists, never an older one, and in
/// the end the newest.
#[test]
fn two_processes_publish_while_a_counter_synchronises() {
    let trial = Trial::new(Operation::Publish);
    let (world, line) = (&trial.world, trial.line());
    let key = public_key(&world.path("keys/status.pub.pem"));
    let issued_at = |bytes: &[u8]| {
        let list = UnverifiedStatusList::parse(bytes).expect("a whole list").check(&key).expect("signed");
        list.head().issued_at
    };
    let list = || fs::read(world.path("public/status/1.cwt")).expect("always there");
    let over = AtomicBool::new(false);
    let syncs = std::thread::scope(|scope| {
        let counter = scope.spawn(|| {
            let (mut syncs, mut newest) = (0, issued_at(&list()));
            while !over.load(Ordering::Relaxed) || syncs < 3 {
                let said = world.run("verifier", &["sync", "--state", "counter", "public", "--json"]).exits(0).json();
                assert_eq!(said["refused"], 0, "{said}");
                let now = issued_at(&list());
                assert!(now >= newest, "an older list came back");
                (syncs, newest) = (syncs + 1, now);
            }
            syncs
        });
        let mut times = BTreeSet::new();
        for _ in 0..6 {
            let children = [(); 2].map(|()| begin(world, "issuer", &words(&line)));
            for child in children {
                let ran = end(child, "issuer status publish");
                match ran.exit {
                    Some(0) => {
                        let time = ran.json()["lists"][0]["issued_at"].as_str().expect("a time").to_owned();
                        assert!(times.insert(time), "a time was given twice: {ran}");
                    }
                    // The other one was given the later time and was quicker: then its list is there.
                    _ => drop(ran.refuses(1, "STATUS_FILE_NEWER")),
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(times.len() >= 6, "{times:?}");
        counter.join().expect("no list was half or older")
    });
    assert!(syncs >= 3);
    let said = world.run("verifier", &["sync", "--state", "counter", "public", "--json"]).exits(0).json();
    assert_eq!(said["refused"], 0);
    assert!(Path::new(&world.path("public/status/1.cwt")).exists());
    // Nothing of either is left behind.
    let left = tests::commands::files_under(&world.path("public/status"));
    assert_eq!(left, [Path::new("1.cwt")]);
}
