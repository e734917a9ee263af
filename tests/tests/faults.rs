//! What a machine does to the commands: many at once, killed at any moment, a full disk, a disk that cannot be written.
//!
//! The ordinary run is short. The long one:
//!
//! ```text
//! JUMA_REPLAY_ROUNDS=1000 JUMA_KILLS=1000 JUMA_ISSUE_REQUESTS=100000 cargo test --release -p tests --test faults -- --nocapture
//! ```
//!
//! `JUMA_FAULT_SEED` repeats a schedule of kills; it is printed. What happens at that moment is up to the machine all the same.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use account::{Account, Answer};
use command_line::key_file::{PublicKeyBytes, load_public};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::permit::UnverifiedPermit;
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::{Status, UnverifiedStatusList};
use serde_json::Value;
use tests::commands::{Ran, STATUS_URI, World, binaries, files_under, request, residence_code};
use tests::sample_permits::SamplePermits;

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
    write_requests(&world, count);
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
    write_requests(&world, 200);
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
    write_requests(&world, 400);
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
    assert_eq!(world.run_at(1, "issuer", &arguments).exit, Some(4));
    disk.remount("rw");
    for _ in 0..2 {
        account.note(&code, Answer::Said(reason(&verify(&code))));
    }
    assert_eq!(account.faults(), [] as [String; 0]);
    // Each of the four codes once, as soon as there was room.
    assert_eq!(account.count("VALID"), 4);
}

/// A number from the environment.
fn setting(name: &str, ordinary: u64) -> u64 {
    std::env::var(name).map_or(ordinary, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// The reason of a verdict.
fn reason(ran: &Ran) -> String {
    ran.json()["reason"].as_str().unwrap_or_else(|| panic!("no verdict: {ran}")).to_owned()
}

/// The reason of a verdict, or the code of a refusal.
fn reason_or_code(ran: &Ran) -> String {
    let answer = ran.json();
    let said = answer["reason"].as_str().or_else(|| answer["error"]["code"].as_str());
    said.unwrap_or_else(|| panic!("neither a verdict nor a refusal: {ran}")).to_owned()
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

/// So many requests as `many.ndjson`, made of the samples, each with the key of a device.
fn write_requests(world: &World, count: u64) {
    let samples: Vec<_> =
        SamplePermits::load().permits.into_iter().filter(|sample| sample.expected_status == "valid").collect();
    let mut text = String::new();
    for number in 0..count {
        let sample = &samples[usize::try_from(number).expect("small") % samples.len()];
        let mut request = request(sample);
        request["residence_code"] = code_of(number).into();
        // RFC 8032, the public key of test 1
        request["device_key"] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into();
        text.push_str(&format!("{request}\n"));
    }
    fs::write(world.path("many.ndjson"), text).expect("written");
}

fn code_of(number: u64) -> String {
    ResidenceCode::with_check(441_000_000_000_000 + number).expect("a residence code").digits()
}

fn permits_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut permits = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return permits };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "permit") {
            let bytes = fs::read(&path).expect("read");
            permits.insert(PathBuf::from(path.file_name().expect("a name")), bytes);
        }
    }
    permits
}

/// Each request has one permit in the ledger and the same as a file, signed, and no two share a slot.
fn check_permits(world: &World, count: u64) {
    let key = public_key(&world.path("keys/permit.pub.pem"));
    let files = permits_in(&world.path("many"));
    assert_eq!(files.len() as u64, count);
    let ledger = rusqlite::Connection::open(world.path("many.sqlite3")).expect("the ledger");
    let mut rows = ledger.prepare("SELECT residence_code, list, slot, status, bytes FROM permit").expect("the table");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    let rows: Vec<(i64, i64, i64, u8, Vec<u8>)> = rows.expect("rows").collect::<Result<_, _>>().expect("rows");
    assert_eq!(rows.len() as u64, count);
    let mut slots = HashSet::new();
    for (code, list, slot, status, bytes) in rows {
        assert!(slots.insert((list, slot)), "slot {slot} of list {list} is used twice");
        assert_eq!(status, 0);
        let file = files.get(Path::new(&format!("{code}.permit"))).unwrap_or_else(|| panic!("{code} has no file"));
        assert!(*file == bytes, "the file of {code} is not what the ledger has");
        let permit = UnverifiedPermit::parse(file).expect("a permit");
        assert!(key.verify(&permit.message(), permit.signature()).is_ok(), "the signature of {code}");
        let claims = permit.unverified_claims();
        let said = [claims.residence_code.get(), claims.status.list, claims.status.index].map(u64::cast_signed);
        assert_eq!(said, [code, list, slot]);
    }
    assert!((0..count).all(|number| files.contains_key(Path::new(&format!("{}.permit", code_of(number))))));
    let whole: String = ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(whole, "ok");
    let mut others = files_under(&world.path("many"));
    others.retain(|path| !files.contains_key(path) && !path.starts_with(UNFINISHED));
    assert_eq!(others, [] as [PathBuf; 0], "left behind");
}

fn public_key(path: &Path) -> PublicKey {
    match load_public(path).expect("a key") {
        PublicKeyBytes::Ed25519(bytes) => PublicKey::try_from(&CoseKey::Ed25519(bytes)).expect("a key"),
        PublicKeyBytes::P256Compressed(_) => panic!("issuers sign with Ed25519"),
    }
}

/// Moments to kill at, from a seed that is printed: the same seed, the same moments.
struct Dice(u64);

impl Dice {
    fn from_settings(name: &str) -> Dice {
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64);
        let seed = setting("JUMA_FAULT_SEED", clock).max(1);
        println!("{name}: JUMA_FAULT_SEED={seed}");
        Dice(seed)
    }

    /// Marsaglia's xorshift, 64 bits.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn duration(&mut self, below: Duration) -> Duration {
        let micros = u64::try_from(below.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.next() % micros)
    }
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

/// The examiner's own record of what was answered, and what must not be in it.
mod account {
    use std::collections::BTreeMap;

    /// What a process answered about a code.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Answer {
        /// A verdict or a refusal was shown.
        Said(String),
        /// It was killed before.
        Killed,
    }

    /// All answers about each code, in their order.
    #[derive(Default)]
    pub(crate) struct Account(BTreeMap<String, Vec<Answer>>);

    impl Account {
        pub(crate) fn note(&mut self, code: &str, answer: Answer) {
            self.0.entry(code.to_owned()).or_default().push(answer);
        }

        pub(crate) fn count(&self, said: &str) -> usize {
            self.0.values().flatten().filter(|answer| **answer == Answer::Said(said.to_owned())).count()
        }

        /// A code is shown as valid once at most; and once it is known to be used, nobody finds it new. In the end it is used, unless nothing
        /// could be recorded.
        pub(crate) fn faults(&self) -> Vec<String> {
            let mut faults = Vec::new();
            for (number, answers) in self.0.values().enumerate() {
                let is = |answer: &Answer, word: &str| *answer == Answer::Said(word.to_owned());
                let valid = answers.iter().filter(|answer| is(answer, "VALID")).count();
                if valid > 1 {
                    faults.push(format!("code {number} was valid {valid} times: {answers:?}"));
                }
                let killed = answers.contains(&Answer::Killed);
                if valid == 0 && !killed {
                    faults.push(format!("code {number} was never valid, and no process was killed: {answers:?}"));
                }
                for answer in answers {
                    let known = ["VALID", "REPLAYED", "REPLAY_GUARD_UNAVAILABLE", "STATE_DISK_FULL", "STATE_IO"];
                    if let Answer::Said(word) = answer
                        && !known.contains(&word.as_str())
                    {
                        faults.push(format!("code {number} was answered {word}: {answers:?}"));
                    }
                }
                if answers.len() > 1 && !answers.iter().any(|answer| is(answer, "REPLAYED")) {
                    faults.push(format!("code {number} was never known to be used: {answers:?}"));
                }
            }
            faults
        }
    }

    fn of(answers: &[&str]) -> Vec<String> {
        let mut account = Account::default();
        for word in answers {
            account.note("code", if *word == "KILLED" { Answer::Killed } else { Answer::Said((*word).to_owned()) });
        }
        account.faults()
    }

    /// A falsified account is found out.
    #[test]
    fn accounts_can_be_wrong() {
        for right in [
            &["VALID", "REPLAYED"][..],
            &["REPLAYED", "VALID", "REPLAYED"],
            &["KILLED", "VALID", "REPLAYED"],
            &["KILLED", "REPLAYED", "REPLAYED"],
            &["REPLAY_GUARD_UNAVAILABLE", "VALID", "REPLAYED"],
        ] {
            assert_eq!(of(right), [] as [String; 0], "{right:?}");
        }
        for wrong in [
            &["VALID", "VALID"][..],
            &["VALID", "REPLAYED", "VALID"],
            &["KILLED", "VALID", "VALID"],
            &["REPLAYED", "REPLAYED"],
            &["VALID", "CANCELLED"],
            &["REPLAY_GUARD_UNAVAILABLE", "REPLAY_GUARD_UNAVAILABLE"],
        ] {
            assert!(!of(wrong).is_empty(), "{wrong:?}");
        }
    }
}
