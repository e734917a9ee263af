//! What a machine does to the commands: many at once, killed at any moment, a full disk, a disk that cannot be written.
//!
//! The ordinary run is short. The long one:
//!
//! ```text
//! JUMA_REPLAY_ROUNDS=1000 JUMA_KILLS=1000 JUMA_ISSUE_REQUESTS=100000 cargo test --release -p tests --test faults -- --nocapture
//! ```
//!
//! `JUMA_FAULT_SEED` repeats a schedule of kills; it is printed. What happens at that moment is up to the machine all the same.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use credential_format::permit::UnverifiedPermit;
use credential_format::status_list::{Status, UnverifiedStatusList};
use serde_json::Value;
use tests::commands::{Ran, STATUS_URI, World, binaries, files_under, residence_code};
use tests::faults::{
    Account, Answer, Dice, Stored, batch_code, permits_in, public_key, reason, reason_or_code, setting, write_requests,
};

/// Sixteen processes, one code: exactly one of them accepts it.
#[test]
fn sixteen_processes_and_one_code() {
    const PROCESSES: usize = 16;
    let world = World::new();
    for round in 0..setting("JUMA_REPLAY_ROUNDS", 5) {
        let code = world.code("phone", 1, 0, &[]);
        // They open the state, wait for the digits, and get them at the same moment.
        let mut children: Vec<Child> = (0..PROCESSES)
            .map(|_| {
                let mut command = world.command("verifier");
                command.args(["verify", "--state", "counter", "--json", "-"]).args(world.at(4));
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        for child in &mut children {
            child.stdin.as_mut().expect("standard input").write_all(code.as_bytes()).expect("written");
        }
        for child in &mut children {
            drop(child.stdin.take());
        }
        let mut account = Account::default();
        for child in children {
            let ran = Ran::new("verifier verify".into(), child.wait_with_output().expect("ended"), Duration::ZERO);
            assert_eq!(ran.defect(), None, "{ran}");
            account.note(&code, Answer::Said(reason(&ran)));
        }
        assert_eq!(account.faults(), [] as [String; 0], "round {round}");
        assert_eq!(account.count("VALID"), 1, "round {round}");
        assert_eq!(account.count("REPLAYED"), PROCESSES - 1, "round {round}");
    }
}

/// Killed at any moment: what was shown as valid is known to be used, and the state needs no repair.
#[test]
fn verify_is_killed() {
    let world = World::new();
    let mut dice = Dice::from_settings("verify_is_killed");
    let mut wait = usual_time(&world);
    let mut account = Account::default();
    let (mut before, mut after) = (0, 0);
    for _ in 0..setting("JUMA_KILLS", 60) {
        let code = world.code("phone", 1, 0, &[]);
        let mut command = world.command("verifier");
        command.args(["verify", "--state", "counter", "--json", "--text", &code]).args(world.at(4));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let output = kill_after(child, dice.duration(wait * 2));
        // A line that was printed whole counts as shown, whatever came of the process.
        let shown = serde_json::from_slice::<Value>(&output.stdout)
            .ok()
            .and_then(|verdict| Some(verdict["reason"].as_str()?.to_owned()));
        // Closer and closer to the moment of the verdict, however fast the machine is.
        match &shown {
            Some(_) => (after, wait) = (after + 1, wait * 19 / 20),
            None => (before, wait) = (before + 1, wait * 20 / 19),
        }
        account.note(&code, shown.map_or(Answer::Killed, Answer::Said));
        for _ in 0..2 {
            let ran = world.run_at(5, "verifier", &["verify", "--state", "counter", "--json", "--text", &code]);
            account.note(&code, Answer::Said(reason(&ran)));
        }
    }
    println!("killed before a verdict was shown: {before}, after: {after}");
    assert_eq!(account.faults(), [] as [String; 0]);
    assert!(before > 0 && after > 0, "the kills do not lie around the moment of the verdict: {before}, {after}");
}

/// `issue` killed over and over, and repeated under the same idempotency key until it is through: every request has one permit, no slot is
/// used twice, no file is half, and what lay there before a kill lies there unchanged.
#[test]
fn issue_is_killed() {
    let world = World::new();
    let count = setting("JUMA_ISSUE_REQUESTS", 3_000);
    write_requests(&world, "many", 0..count);
    let mut dice = Dice::from_settings("issue_is_killed");
    let issue = || {
        let mut command = world.command("issuer");
        command.args([
            "issue",
            "--key",
            "keys/permit.pem",
            "--requests",
            "many.ndjson",
            "--ledger",
            "many.sqlite3",
            "--out",
            "many",
        ]);
        command.args(["--idempotency-key", "many", "--json"]).args(world.at(0));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let mut seen: HashMap<PathBuf, Vec<u8>> = HashMap::new();
    let mut kills = 0;
    let mut wait = Duration::from_millis(60);
    let begun = Instant::now();
    let last = loop {
        let output = kill_after(issue(), dice.duration(wait));
        // Longer and longer, so that it ends.
        wait = wait * 9 / 8;
        for (path, bytes) in permits_in(&world.path("many")) {
            assert!(UnverifiedPermit::parse(&bytes).is_ok(), "{} is half a permit", path.display());
            let earlier = seen.entry(path.clone()).or_insert_with(|| bytes.clone());
            assert!(*earlier == bytes, "{} was another permit before the kill", path.display());
        }
        match output.status.code() {
            Some(0) => break Ran::new("issuer issue".into(), output, Duration::ZERO),
            Some(code) => panic!("exit {code}: {}", String::from_utf8_lossy(&output.stderr)),
            None => kills += 1,
        }
        for (path, bytes) in &seen {
            assert!(
                fs::read(world.path("many").join(path)).is_ok_and(|now| now == *bytes),
                "{} was lost",
                path.display()
            );
        }
    };
    let said = last.json();
    println!("{count} requests, killed {kills} times, through after {:?}; the last run said {said}", begun.elapsed());
    assert!(kills >= 3, "killed {kills} times only");
    assert_eq!(said["issued"].as_u64().unwrap_or(0) + said["already_issued"].as_u64().unwrap_or(0), count);
    assert_eq!(said["refused"], 0);
    check_permits(&world, count);

    // What kills left unfinished is taken away by a later run.
    let unfinished = files_under(&world.path("many").join(UNFINISHED));
    println!("unfinished files that kills left behind: {}", unfinished.len());
    for path in &unfinished {
        let file =
            fs::File::options().write(true).open(world.path("many").join(UNFINISHED).join(path)).expect("opened");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3_600)).expect("made old");
    }
    assert_eq!(issue().wait_with_output().expect("ended").status.code(), Some(0));
    assert_eq!(files_under(&world.path("many").join(UNFINISHED)), [] as [PathBuf; 0]);
    check_permits(&world, count);
}

/// Where `issue` keeps files that are not whole yet.
const UNFINISHED: &str = ".unfinished";

/// `status publish` killed over and over: who reads at any moment finds a whole list, with a valid signature, never an older one.
#[test]
fn publish_is_killed() {
    let world = World::now();
    let key = public_key(&world.path("keys/status.pub.pem"));
    let mut dice = Dice::from_settings("publish_is_killed");
    let publish = || {
        let mut command = world.command("issuer");
        command.args(["status", "publish", "--ledger", "ledger.sqlite3", "--list", "1", "--key", "keys/status.pem"]);
        command.args(["--uri", STATUS_URI, "--out", "public"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let begun = Instant::now();
    assert_eq!(publish().wait().expect("ended").code(), Some(0));
    let usual = begun.elapsed();
    let path = world.path("public/status/1.cwt");
    let over = AtomicBool::new(false);
    let (reads, kills) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut newest) = (0_u64, None);
            while !over.load(Ordering::Relaxed) {
                let bytes = fs::read(&path).expect("the list is always there");
                let list =
                    UnverifiedStatusList::parse(&bytes).expect("a whole list").check(&key).expect("a valid signature");
                let issued_at = Some(list.head().issued_at);
                assert!(issued_at >= newest, "an older list came back");
                newest = issued_at;
                reads += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            reads
        });
        let mut kills = 0;
        for _ in 0..40 {
            let output = kill_after(publish(), dice.duration(usual * 5 / 4));
            match output.status.code() {
                None => kills += 1,
                // Each publication is dated a second after the last at least: a minute ahead of the clock it waits.
                Some(code) => assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output.stderr)),
            }
            if reader.is_finished() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        (reader.join().expect("no reader found a part of a list"), kills)
    });
    println!("published 40 times, killed {kills} times, read {reads} times");
    assert!(kills > 0 && reads > 40, "{kills} {reads}");
    // Nothing has to be repaired: a change is published and a counter takes it.
    world
        .run(
            "issuer",
            &["status", "set", "--ledger", "ledger.sqlite3", "--residence-code", &residence_code(1), "suspended"],
        )
        .exits(0);
    assert_eq!(publish().wait().expect("ended").code(), Some(0));
    world.run("verifier", &["sync", "--state", "counter", "public"]).exits(0);
    let code = world.code("phone", 1, 0, &[]);
    let verdict = world.run("verifier", &["verify", "--state", "counter", "--text", &code, "--json"]).exits(1).json();
    assert_eq!(verdict["reason"], "SUSPENDED");
    let bytes = fs::read(&path).expect("the list");
    let list = UnverifiedStatusList::parse(&bytes).expect("a list").check(&key).expect("signed");
    assert_eq!((0..list.len()).filter(|index| list.get(*index) == Some(Status::Suspended)).count(), 1);
}

/// No file may grow: as on a full disk. Nothing is accepted that cannot be recorded; with room again, all goes on without repair.
#[cfg(unix)]
#[test]
fn files_cannot_grow() {
    let world = World::new();
    let mut account = Account::default();
    for (limit, ignored) in [(0, true), (8, true), (16, true), (40, true), (0, false), (16, false), (40, false)] {
        let code = world.code("phone", 1, 0, &[]);
        let arguments = [
            vec!["verify".into(), "--state".into(), "counter".into(), "--json".into(), "--text".into(), code.clone()],
            world.at(4),
        ]
        .concat();
        let ran = limited(&world, limit, ignored, "verifier", &arguments);
        // A shell that lets SIGXFSZ kill: then there is no verdict at all.
        let said = if ran.exit.is_none() && !ignored { Answer::Killed } else { Answer::Said(reason_or_code(&ran)) };
        if let Answer::Said(said) = &said {
            let states = ["VALID", "REPLAY_GUARD_UNAVAILABLE", "STATE_DISK_FULL", "STATE_IO"];
            assert!(states.contains(&said.as_str()), "{ran}");
            assert_eq!(
                ran.exit,
                Some(match said.as_str() {
                    "VALID" => 0,
                    "REPLAY_GUARD_UNAVAILABLE" => 3,
                    _ => 4,
                }),
                "{ran}"
            );
        }
        println!("limit {limit} blocks, SIGXFSZ ignored {ignored}: {said:?}");
        account.note(&code, said);
        for _ in 0..2 {
            let again = world.run_at(5, "verifier", &["verify", "--state", "counter", "--json", "--text", &code]);
            account.note(&code, Answer::Said(reason(&again)));
        }
    }
    assert_eq!(account.faults(), [] as [String; 0]);
    assert!(
        account.count("REPLAY_GUARD_UNAVAILABLE") + account.count("STATE_DISK_FULL") + account.count("STATE_IO") > 0
    );

    // Issuing: a clean end, and the same command finishes later.
    write_requests(&world, "many", 0..200);
    let arguments: Vec<String> =
        ["issue", "--key", "keys/permit.pem", "--requests", "many.ndjson", "--ledger", "many.sqlite3", "--out", "many"]
            .into_iter()
            .chain(["--idempotency-key", "many"])
            .map(Into::into)
            .chain(world.at(0))
            .collect();
    for limit in [0, 64, 200] {
        let ran = limited(&world, limit, true, "issuer", &arguments);
        println!("issue, limit {limit}: exit {:?} {:?}", ran.exit, ran.refusal());
        assert_eq!(ran.exit, Some(4), "{ran}");
        assert!(ran.refusal().is_some(), "{ran}");
        for (path, bytes) in permits_in(&world.path("many")) {
            assert!(UnverifiedPermit::parse(&bytes).is_ok(), "{} is half a permit", path.display());
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.run("issuer", &arguments).exits(0);
    check_permits(&world, 200);

    // Other files: the old one stays.
    let before = fs::read(world.path("public/status/1.cwt")).expect("a list");
    let publish: Vec<String> = [
        "status",
        "publish",
        "--ledger",
        "ledger.sqlite3",
        "--list",
        "1",
        "--key",
        "keys/status.pem",
        "--uri",
        STATUS_URI,
    ]
    .into_iter()
    .chain(["--out", "public"])
    .map(Into::into)
    .chain(world.at(0))
    .collect();
    let ran = limited(&world, 0, true, "issuer", &publish).exits(4);
    assert!(ran.refusal().is_some(), "{ran}");
    assert!(fs::read(world.path("public/status/1.cwt")).expect("a list") == before, "the list was changed");
    let keygen = limited(&world, 0, true, "issuer", &["keygen".into(), "--out".into(), "full.pem".into()]).exits(4);
    assert_eq!(keygen.refusal().as_deref(), Some("DISK_FULL"), "{keygen}");
    assert!(!world.path("full.pem").exists() && !world.path("full.pub.pem").exists());
    world.publish(60).exits(0);
}

/// A real full disk, and a real disk that cannot be written: tmpfs, where this account may mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_read_only_one() {
    let world = World::new();
    let Some(disk) = Disk::mount(&world.path("disk"), "size=1m,mode=700") else {
        println!("skipped: this account may not mount a tmpfs");
        return;
    };
    tests::commands::copy_folder(&world.path("counter"), &world.path("disk/counter"));
    let mut account = Account::default();
    let verify =
        |code: &str| world.run_at(5, "verifier", &["verify", "--state", "disk/counter", "--json", "--text", code]);
    let mut said = Vec::new();
    for room in [0, 4 << 10, 40 << 10] {
        let code = world.code("phone", 1, 0, &[]);
        disk.fill_but(room);
        let ran = verify(&code);
        said.push(reason_or_code(&ran));
        assert!(ran.exit == Some(0) || ran.exit == Some(3) || ran.exit == Some(4), "{ran}");
        account.note(&code, Answer::Said(reason_or_code(&ran)));
        // Reading goes on.
        world.run_at(5, "verifier", &["show", "--state", "disk/counter", "--json"]).exits(0);
        disk.make_room();
        for _ in 0..2 {
            account.note(&code, Answer::Said(reason(&verify(&code))));
        }
    }
    println!("full disk: {said:?}");
    assert!(said.first().is_some_and(|said| said != "VALID"));

    // Issuing to a disk that fills up, and again when there is room: the ledger on it, the files on it.
    write_requests(&world, "many", 0..400);
    disk.fill_but(300 << 10);
    let arguments = [
        "issue",
        "--key",
        "keys/permit.pem",
        "--requests",
        "many.ndjson",
        "--ledger",
        "disk/many.sqlite3",
        "--out",
        "disk/many",
    ];
    let arguments = [&arguments[..], &["--idempotency-key", "many"]].concat();
    let full = world.run_at(0, "issuer", &arguments).exits(4);
    println!("issue on a full disk: {:?}", full.refusal());
    assert!(full.refusal().is_some_and(|code| code.contains("FULL") || code.contains("LEDGER")), "{full}");
    for (path, bytes) in permits_in(&world.path("disk/many")) {
        assert!(UnverifiedPermit::parse(&bytes).is_ok(), "{} is half a permit", path.display());
    }
    disk.make_room();
    disk.remount("size=16m");
    world.run_at(0, "issuer", &arguments).exits(0);

    // A disk that cannot be written.
    let code = world.code("phone", 1, 0, &[]);
    disk.remount("ro");
    let ran = verify(&code);
    assert_eq!((ran.exit, reason_or_code(&ran).as_str()), (Some(3), "REPLAY_GUARD_UNAVAILABLE"), "{ran}");
    assert!(ran.err.contains("note: ") && ran.err.contains("[STATE_READ_ONLY]"), "{ran}");
    account.note(&code, Answer::Said(reason_or_code(&ran)));
    let shown = world.run_at(5, "verifier", &["show", "--state", "disk/counter", "--json"]).exits(0).json();
    assert_eq!(shown["writable"], false);
    world.run_at(5, "verifier", &["challenge", "--state", "disk/counter"]).refuses(4, "STATE_READ_ONLY");
    world.run_at(5, "verifier", &["sync", "--state", "disk/counter", "public"]).exits(4);
    world.run("issuer", &["keygen", "--out", "disk/k.pem"]).refuses(4, "FOLDER_NOT_WRITABLE");
    world.run("holder", &["init", "--dir", "disk/phone"]).refuses(4, "FOLDER_NOT_WRITABLE");
    world.run_at(1, "issuer", &arguments).refuses(4, "LEDGER_FILE");
    disk.remount("rw");
    for _ in 0..2 {
        account.note(&code, Answer::Said(reason(&verify(&code))));
    }
    assert_eq!(account.faults(), [] as [String; 0]);
    // Each of the four codes once, as soon as there was room.
    assert_eq!(account.count("VALID"), 4);
}

/// How long a verification takes here and now.
fn usual_time(world: &World) -> Duration {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let code = world.code("phone", 1, 0, &[]);
            world.run_at(4, "verifier", &["verify", "--state", "counter", "--json", "--text", &code]).exits(0).took
        })
        .collect();
    times.sort_unstable();
    times[2]
}

/// Ends the process with SIGKILL, unless it ends by itself before.
fn kill_after(mut child: Child, wait: Duration) -> Output {
    let end = Instant::now() + wait;
    let mut out = child.stdout.take().expect("standard output");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).expect("read");
        bytes
    });
    while Instant::now() < end && child.try_wait().expect("asked").is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    // Nothing happens to a process that has ended.
    let _ = child.kill();
    let output = child.wait_with_output().expect("ended");
    Output { stdout: reader.join().expect("read"), ..output }
}

/// Runs a command with a limit on the size of files, in blocks of 512 bytes as POSIX has it (bash, which counts in 1024, is not `sh` here).
#[cfg(unix)]
fn limited(world: &World, blocks: u64, ignored: bool, name: &str, arguments: &[String]) -> Ran {
    let trap = if ignored { "trap '' XFSZ; " } else { "" };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{trap}ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    command.arg(binaries().join(name)).args(arguments).current_dir(world.folder());
    let ran = Ran::of(command, b"");
    if ignored {
        assert_eq!(ran.defect(), None, "{ran}");
    }
    ran
}

/// Each request has one permit in the ledger and the same as a file, signed, and no two share a slot.
fn check_permits(world: &World, count: u64) {
    let key = public_key(&world.path("keys/permit.pub.pem"));
    let files = permits_in(&world.path("many"));
    let stored = Stored::all(&world.path("many.sqlite3"));
    assert_eq!(Stored::faults(&stored, &key), [] as [String; 0]);
    assert_eq!(Stored::faults_of_files(&stored, &files, &key, true), [] as [String; 0]);
    assert_eq!((stored.len() as u64, files.len() as u64), (count, count));
    assert!(stored.iter().all(|stored| (stored.version, stored.status) == (1, 0)));
    assert!((0..count).all(|number| files.contains_key(Path::new(&format!("{}.permit", batch_code(number))))));
    let mut others = files_under(&world.path("many"));
    others.retain(|path| !files.contains_key(path) && !path.starts_with(UNFINISHED));
    assert_eq!(others, [] as [PathBuf; 0], "left behind");
}

/// A small disk of its own, unmounted when the test ends, however it ends.
#[cfg(target_os = "linux")]
struct Disk(PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    fn mount(folder: &Path, options: &str) -> Option<Disk> {
        fs::create_dir(folder).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "juma-test"]).arg(folder).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Disk(folder.to_owned()))
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(&self.0).status().expect("mount runs");
        assert!(done.success(), "remount {options}");
    }

    /// Leaves so many bytes of room.
    fn fill_but(&self, room: usize) {
        let path = self.0.join("ballast");
        let mut file = fs::File::create(&path).expect("made");
        while file.write_all(&[1; 4096]).is_ok() {}
        let full = file.metadata().expect("its size").len();
        file.set_len(full.saturating_sub(room as u64) / 4096 * 4096).expect("cut");
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).expect("deleted");
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
