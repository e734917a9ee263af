//! Lists from servers: fetched once, resumed where they broke off, and never believed; whatever the servers do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use credential_format::key::{CoseKey, PublicKey};
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::SigningKey;
use issuer::IssuingKey;
use issuer::status::{StatusPeriod, StatusUri};
use issuer::trust::draft::{IssuerDraft, KeyDraft, TrustDraft, UsageWord, key_hex};
use issuer::trust::{Predecessor, SignedTrustList};
use serde_json::Value;
use tempfile::TempDir;
use tests::commands::{Ran, World, command, later};
use verifier::fetch::{Address, FetchError, Fetcher, Settings, Times};
use verifier::state::State;

use server::{ConnectProxy, Exchange, Identity, Made, Server, Trick};

#[path = "sync_https/server.rs"]
mod server;

const DAY: i64 = 86_400;

/// An authority with several issuers, its tree of lists, and counters, by the machine's clock.
struct Place {
    folder: TempDir,
    now: Timestamp,
}

/// Key 1, 2, 3 … TEST ONLY: root keys are 1 to 9, issuers' from 10 on.
fn key(seed: u8) -> IssuingKey<SigningKey> {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key())).expect("a key");
    IssuingKey::new(secret, public).expect("Ed25519")
}

const ISSUERS: [&str; 3] = ["TIANHE", "HAIZHU", "PANYU"];

impl Place {
    /// With trust list 1, which root key 1 signed, and a status list of each issuer, announced.
    fn new() -> Place {
        let place = Place::empty();
        place.put_trust(&place.trust(1, &[1], None, &[1]));
        for issuer in 0..ISSUERS.len() {
            place.put_status(issuer, -3_600, 1);
        }
        place.publish(&["--trust", "1.cose"]).exits(0);
        place
    }

    fn empty() -> Place {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let folder = tempfile::Builder::new().prefix("juma-test-").tempdir().expect("a folder");
        Place { folder, now: Timestamp::new(since.as_secs()).expect("a time") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    fn at(&self, seconds: i64) -> Timestamp {
        later(self.now, seconds)
    }

    fn trust(&self, version: u64, roots: &[u8], before: Option<&SignedTrustList>, by: &[u8]) -> SignedTrustList {
        let roots: Vec<CoseKey> = roots.iter().map(|seed| key(*seed).public().cose_key()).collect();
        let mut draft = TrustDraft::new(1, &roots, 365);
        for (number, id) in ISSUERS.iter().enumerate() {
            draft.issuers.push(IssuerDraft {
                id: (*id).into(),
                name: "广州市公安局分局".into(),
                divisions: vec!["4401".into()],
                status_uri: uri(number),
                keys: vec![KeyDraft {
                    key: key_hex(&key(10 + number as u8).public().cose_key()),
                    usages: vec![UsageWord::Permit, UsageWord::Status],
                    not_before: self.at(-100 * DAY).to_string(),
                    not_after: self.at(1_000 * DAY).to_string(),
                    compromised_from: None,
                    specimen: false,
                }],
            });
        }
        let list = draft.to_list(version, self.at(-DAY + version as i64)).expect("a list");
        let before = before.map(|list| Predecessor::from(list.list()));
        let keys: Vec<_> = by.iter().map(|seed| key(*seed)).collect();
        issuer::trust::sign(&list, before.as_ref(), &keys.iter().collect::<Vec<_>>()).expect("signed")
    }

    /// As `<version>.cose` in the folder.
    fn put_trust(&self, list: &SignedTrustList) {
        fs::write(self.path(&format!("{}.cose", list.list().version)), list.bytes()).expect("written");
    }

    /// The first list of an issuer in the tree; `one_in` is how many entries there are to one that is not valid, at random.
    fn put_status(&self, issuer: usize, seconds: i64, one_in: u64) {
        let path = self.tree().join(status_path(issuer));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, self.status(issuer, seconds, one_in)).expect("written");
    }

    fn status(&self, issuer: usize, seconds: i64, one_in: u64) -> Vec<u8> {
        let mut state = seconds.unsigned_abs() + issuer as u64;
        let entries = (0..1 << 20).filter_map(|index| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % 1_000 < one_in).then(|| (index, Status::from_bits((state >> 50) as u8)))
        });
        let uri = StatusUri::parse(&uri(issuer)).expect("an address");
        let period = StatusPeriod::new(self.at(seconds), 7 * 86_400, 3_600).expect("a period");
        let entries: Vec<_> = entries.collect();
        issuer::status::sign(entries, 1, &uri, period, &key(10 + issuer as u8)).expect("signed").bytes().to_vec()
    }

    fn publish(&self, arguments: &[&str]) -> Ran {
        self.run("issuer", &[&["publish", "tree", "--json"], arguments].concat())
    }

    /// A new counter that trusts root key `seed`.
    fn counter(&self, state: &str, seed: u8) {
        let root = key(seed).thumbprint().to_string();
        self.run("verifier", &["init", "--state", state, "--root", &root, "--counter", "COUNTER-1"]).exits(0);
    }

    fn sync(&self, state: &str, sources: &[&str]) -> Ran {
        self.run("verifier", &[&["sync", "--state", state, "--json"], sources].concat())
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Ran {
        self.run_with(name, arguments, &[])
    }

    /// With these variables, and none of the surroundings' proxies.
    fn run_with(&self, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(name);
        command.args(arguments).envs(variables.iter().copied());
        let ran = Ran::of(command, b"");
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    }

    fn command(&self, name: &str) -> Command {
        let mut command = command(name);
        command.current_dir(self.folder.path());
        for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
            command.env_remove(variable);
        }
        command
    }

    /// Over TLS, its authority's certificate in `ca.pem`.
    fn serve(&self) -> Server {
        let identity = Identity::new();
        fs::write(self.path("ca.pem"), &identity.authority).expect("written");
        Server::tls(&self.tree(), &identity)
    }
}

fn uri(issuer: usize) -> String {
    format!("https://status.example.cn/{}", ISSUERS[issuer].to_lowercase())
}

fn status_path(issuer: usize) -> String {
    format!("status/{}/1.cwt", ISSUERS[issuer])
}

/// `result` of each file, by the end of its name.
fn result(report: &Value, end: &str) -> String {
    let files = report["files"].as_array().expect("files");
    let mut found = files.iter().filter(|file| file["file"].as_str().expect("a name").ends_with(end));
    match (found.next(), found.next()) {
        (Some(file), None) => match file["error"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => file["result"].as_str().expect("a result").to_owned(),
        },
        _ => panic!("not exactly one file {end}: {report}"),
    }
}

fn paths(log: &[Exchange]) -> Vec<(&str, u16)> {
    let mut paths: Vec<_> = log.iter().map(|exchange| (exchange.path.as_str(), exchange.status)).collect();
    paths.sort_unstable();
    paths
}

fn parts(place: &Place, state: &str) -> Vec<PathBuf> {
    fs::read_dir(place.path(state).join("incoming")).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

// ---- What is fetched, and what is not

#[test]
fn everything_once_and_then_only_what_has_changed() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    let sync = || place.sync("counter", &[&server.address(), "--ca", "ca.pem"]);
    let report = sync().exits(0).json();
    assert_eq!((&report["taken"], &report["trust_version"]), (&4.into(), &1.into()));
    for file in report["files"].as_array().expect("files") {
        assert_eq!(file["source"], server.address());
        assert!(file["file"].as_str().expect("a name").starts_with(&server.address()), "{file}");
    }
    assert_eq!(result(&report, "TIANHE/1.cwt"), "taken");
    assert_eq!(server.log().len(), 5);

    // Nothing new: one question, and no byte of an answer.
    let report = sync().exits(0).json();
    assert_eq!((&report["taken"], &report["refused"], &report["trust_in_force"]), (&0.into(), &0.into(), &true.into()));
    assert_eq!(result(&report, "index.json"), "unchanged");
    let log = server.log();
    assert_eq!(paths(&log), [("index.json", 304)]);
    assert_eq!(log[0].sent, 0);

    // Announced again without a change: the index stays as it is.
    assert_eq!(place.publish(&[]).exits(0).json()["announced"], false);
    sync().exits(0);
    assert_eq!(paths(&server.log()), [("index.json", 304)]);

    // One list has changed: the index and that list.
    place.put_status(1, -60, 5);
    assert_eq!(place.publish(&[]).exits(0).json()["announced"], true);
    let report = sync().exits(0).json();
    assert_eq!(report["taken"], 1);
    assert_eq!((result(&report, "HAIZHU/1.cwt"), result(&report, "PANYU/1.cwt")), ("taken".into(), "unchanged".into()));
    let log = server.log();
    assert_eq!(paths(&log), [("index.json", 200), (&*status_path(1), 200)]);
    let size = |path: &str| fs::metadata(place.tree().join(path)).expect("a file").len() as usize;
    let sent: usize = log.iter().map(|exchange| exchange.sent).sum();
    assert_eq!(sent, size("index.json") + size(&status_path(1)));
    sync().exits(0);
    assert_eq!(paths(&server.log()), [("index.json", 304)]);
}

#[test]
fn a_new_trust_list_makes_nobody_fetch_all_status_lists_again() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    let sync = || place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    sync();
    let first = place.trust(1, &[1], None, &[1]);
    place.put_trust(&place.trust(2, &[1], Some(&first), &[1]));
    place.publish(&["--trust", "2.cose"]).exits(0);
    server.log();
    assert_eq!(sync()["trust_version"], 2);
    assert_eq!(paths(&server.log()), [("index.json", 200), ("trust/2.cose", 200)]);
    sync();
    assert_eq!(paths(&server.log()), [("index.json", 304)]);
}

#[test]
fn root_keys_change_twice_and_a_new_counter_follows() {
    let place = Place::empty();
    let one = place.trust(1, &[1], None, &[1]);
    let two = place.trust(2, &[2], Some(&one), &[1, 2]);
    let three = place.trust(3, &[3], Some(&two), &[2, 3]);
    for list in [&one, &two, &three] {
        place.put_trust(list);
    }
    place.put_status(0, -60, 5);
    place.publish(&["--trust", "2.cose", "--trust", "1.cose"]).exits(0);
    let server = place.serve();
    place.counter("old", 1);
    place.counter("new", 1);
    let sync = |state: &str| place.sync(state, &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!(sync("old")["trust_version"], 2);
    place.publish(&["--trust", "3.cose"]).exits(0);
    server.log();
    assert_eq!(sync("old")["trust_version"], 3);
    assert!(paths(&server.log()).iter().all(|(path, _)| !["trust/1.cose", "trust/2.cose"].contains(path)));
    let report = sync("new");
    assert_eq!((&report["trust_version"], &report["taken"]), (&3.into(), &4.into()));
}

#[test]
fn of_several_sources_the_newest_of_each_list() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    // The stick has a newer list of one issuer and an older one of another.
    fs::create_dir(place.path("stick")).expect("a folder");
    fs::write(place.path("stick/a.cwt"), place.status(0, -60, 5)).expect("written");
    fs::write(place.path("stick/b.cwt"), place.status(1, -7_200, 5)).expect("written");
    fs::write(place.path("single"), place.status(2, -30, 5)).expect("written");
    let report = place.sync("counter", &["stick", &server.address(), "single", "--ca", "ca.pem"]).exits(0).json();
    let results =
        ["stick/a.cwt", "stick/b.cwt", "single", "TIANHE/1.cwt", "HAIZHU/1.cwt", "PANYU/1.cwt", "trust/1.cose"];
    assert_eq!(
        results.map(|end| result(&report, end)),
        ["taken", "passed_over", "taken", "passed_over", "taken", "passed_over", "taken"]
    );
    let source = |end: &str| {
        let files = report["files"].as_array().expect("files");
        let file = files.iter().find(|file| file["file"].as_str().expect("a name").ends_with(end));
        file.expect(end)["source"].as_str().expect("a source").to_owned()
    };
    assert_eq!(
        [source("b.cwt"), source("single"), source("HAIZHU/1.cwt")],
        ["stick".into(), "single".into(), server.address()]
    );
    // What was passed over is settled too.
    server.log();
    place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0);
    assert_eq!(paths(&server.log()), [("index.json", 304)]);
}

#[test]
fn a_source_that_fails_keeps_no_other_from_being_taken() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    let gone = format!("https://localhost:{}/", unused_port());
    let ran = place.sync("counter", &[&gone, "no-such-stick", &server.address(), "--ca", "ca.pem"]).exits(1);
    let report = ran.json();
    assert_eq!((&report["taken"], &report["refused"]), (&4.into(), &2.into()));
    assert_eq!(result(&report, &gone), "SOURCE_UNREACHABLE");
    assert_eq!(result(&report, "no-such-stick"), "SYNC_SOURCE");
    // When none gave anything there is nothing to say about lists.
    place.counter("other", 1);
    let report = place.sync("other", &[&gone, "no-such-stick"]).exits(3).json();
    assert_eq!((&report["taken"], &report["refused"], &report["trust_version"]), (&0.into(), &2.into(), &Value::Null));
    let page = place.run("verifier", &["sync", "--state", "other", &gone]).exits(3).out;
    assert!(page.contains("[SOURCE_UNREACHABLE]") && page.contains("无法连接服务器"), "{page}");
}

fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

#[test]
fn lists_that_are_newer_than_the_index_are_taken() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    // Published between the fetching of the index and of the list.
    place.put_status(0, -60, 5);
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!(report["taken"], 4);
    place.publish(&[]).exits(0);
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!((&report["taken"], result(&report, "TIANHE/1.cwt")), (&0.into(), "unchanged".into()));
}

/// Where the index cannot say it, the file's own name does: nothing is sent.
#[test]
fn a_list_that_the_index_calls_otherwise_is_asked_for_by_its_name() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    let sync = || place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    sync();
    server.log();
    let index = fs::read(place.tree().join("index.json")).expect("an index");
    let mut index: Value = serde_json::from_slice(&index).expect("JSON");
    for entry in ["/status/0/sha256", "/trust/0/sha256"] {
        *index.pointer_mut(entry).expect("an entry") = "0".repeat(64).into();
    }
    server.trick("index.json", Trick::Bytes(index.to_string().into_bytes()), 1);
    let report = sync();
    assert_eq!((&report["taken"], result(&report, "HAIZHU/1.cwt")), (&0.into(), "unchanged".into()));
    let log = server.log();
    assert_eq!(paths(&log), [("index.json", 200), (&*status_path(1), 304), ("trust/1.cose", 304)]);
}

// ---- What breaks off

/// A list of a quarter of a megabyte, so that there is something to break off.
fn place_with_a_large_list() -> (Place, usize) {
    let place = Place::new();
    place.put_status(0, -60, 1_000);
    place.publish(&[]).exits(0);
    let size = fs::metadata(place.tree().join(status_path(0))).expect("a file").len() as usize;
    assert!(size > 200_000, "{size}");
    (place, size)
}

fn of_path(log: Vec<Exchange>, path: &str) -> Vec<Exchange> {
    log.into_iter().filter(|exchange| exchange.path == path).collect()
}

#[test]
fn what_broke_off_is_resumed() {
    let (place, size) = place_with_a_large_list();
    let server = place.serve();
    place.counter("counter", 1);
    server.trick(&status_path(0), Trick::Cut(100_000), 2);
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!(report["taken"], 4);
    let log = of_path(server.log(), &status_path(0));
    assert_eq!(log.iter().map(|exchange| exchange.from).collect::<Vec<_>>(), [None, Some(100_000), Some(200_000)]);
    assert_eq!(log.iter().map(|exchange| exchange.sent).sum::<usize>(), size);
    assert!(parts(&place, "counter").is_empty());
}

#[test]
fn what_broke_off_for_good_is_resumed_by_the_next_synchronisation() {
    let (place, size) = place_with_a_large_list();
    let server = place.serve();
    place.counter("counter", 1);
    server.trick(&status_path(0), Trick::Cut(20_000), 10);
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(1).json();
    assert_eq!((&report["taken"], result(&report, "TIANHE/1.cwt")), (&3.into(), "SOURCE_BROKEN_OFF".into()));
    let log = of_path(server.log(), &status_path(0));
    assert_eq!(log.len(), 4, "once, and resumed three times");
    assert_eq!(parts(&place, "counter").len(), 1);
    server.behave();
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!((&report["taken"], result(&report, "TIANHE/1.cwt")), (&1.into(), "taken".into()));
    let log = of_path(server.log(), &status_path(0));
    assert_eq!(log, [Exchange { path: status_path(0), status: 206, from: Some(80_000), sent: size - 80_000 }]);
    assert!(!place.path("counter/incoming").exists());
}

#[test]
fn a_list_that_changed_since_it_broke_off_is_fetched_anew() {
    let (place, _) = place_with_a_large_list();
    let server = place.serve();
    place.counter("counter", 1);
    server.trick(&status_path(0), Trick::Cut(20_000), 10);
    place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(1);
    server.behave();
    server.log();
    place.put_status(0, -30, 900);
    place.publish(&[]).exits(0);
    place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0);
    let log = of_path(server.log(), &status_path(0));
    assert_eq!((log.len(), log[0].status, log[0].from), (1, 200, Some(80_000)));
    assert!(parts(&place, "counter").is_empty());
}

#[test]
fn servers_that_cannot_resume_are_served_by_patience() {
    let (place, size) = place_with_a_large_list();
    for (trick, expected) in [
        // The whole again, in place of the rest.
        (Trick::NoRanges, vec![(200, None), (200, Some(50_000))]),
        // Something else than was asked for: it is thrown away, and fetched from the beginning.
        (Trick::WrongRange, vec![(200, None), (206, Some(50_000)), (200, None)]),
    ] {
        let server = place.serve();
        let state = format!("counter-{}", server.port());
        place.counter(&state, 1);
        server.trick(&status_path(0), Trick::Cut(50_000), 1);
        server.trick(&status_path(0), trick.clone(), 1);
        let report = place.sync(&state, &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
        assert_eq!(result(&report, "TIANHE/1.cwt"), "taken", "{trick:?}");
        let log = of_path(server.log(), &status_path(0));
        assert_eq!(log.iter().map(|one| (one.status, one.from)).collect::<Vec<_>>(), expected, "{trick:?}");
        assert_eq!(log.last().map(|one| one.sent), Some(size), "{trick:?}");
    }
}

#[test]
fn without_tags_the_digests_of_the_index_do() {
    let place = Place::new();
    let server = place.serve();
    place.counter("counter", 1);
    for path in ["index.json", "trust/1.cose", &status_path(0), &status_path(1), &status_path(2)] {
        server.trick(path, Trick::NoTag, 100);
    }
    let sync = || place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json();
    assert_eq!(sync()["taken"], 4);
    server.log();
    let report = sync();
    assert_eq!((&report["taken"], result(&report, "TIANHE/1.cwt")), (&0.into(), "unchanged".into()));
    assert_eq!(paths(&server.log()), [("index.json", 200)]);
    place.put_status(0, -60, 5);
    place.publish(&[]).exits(0);
    assert_eq!(sync()["taken"], 1);
    assert_eq!(paths(&server.log()), [("index.json", 200), (&*status_path(0), 200)]);
}

// ---- Many

/// `JUMA_SYNC_LISTS=3000` for the lists of a nation.
#[test]
fn many_lists() {
    let count = std::env::var("JUMA_SYNC_LISTS").map_or(60, |count| count.parse().expect("JUMA_SYNC_LISTS"));
    let place = Place::new();
    let uri = StatusUri::parse(&uri(0)).expect("an address");
    let put = |number: usize, seconds: i64| {
        let period = StatusPeriod::new(place.at(seconds), 7 * 86_400, 3_600).expect("a period");
        // One entry in thirty, without a pattern: about as large as a district's.
        let drawn = |index: &u64| {
            index.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
        };
        let entries = (0..1 << 20).filter(|index| drawn(index) % 30 == 0).map(|index| (index, Status::Cancelled));
        let list = issuer::status::sign(entries, number as u64, &uri, period, &key(10)).expect("signed");
        fs::write(place.tree().join(format!("status/TIANHE/{number}.cwt")), list.bytes()).expect("written");
    };
    (2..=count).for_each(|number| put(number, -3_600));
    println!("published in {:?}", place.publish(&[]).exits(0).took);
    let server = place.serve();
    place.counter("counter", 1);
    let sync = |what: &str| {
        let ran = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0);
        let log = server.log();
        let sent: usize = log.iter().map(|exchange| exchange.sent).sum();
        println!("{what}: {} requests, {sent} bytes, {:?}", log.len(), ran.took);
        (ran.json()["taken"].as_u64().expect("a number"), log)
    };
    let all = count as u64 + 3;
    assert_eq!(sync("everything").0, all);
    assert_eq!(sync("nothing").1.len(), 1);
    place.counter("stick", 1);
    let stick = place.sync("stick", &["tree"]).exits(0);
    println!("everything from a folder: {:?}", stick.took);
    assert_eq!(stick.json()["taken"].as_u64(), Some(all));
    put(2, -60);
    place.publish(&[]).exits(0);
    let (taken, log) = sync("one list");
    assert_eq!((taken, paths(&log)), (1, vec![("index.json", 200), ("status/TIANHE/2.cwt", 200)]));
    // The page does not list what has not changed.
    put(2, -30);
    place.publish(&[]).exits(0);
    let page = place.run("verifier", &["sync", "--state", "counter", &server.address(), "--ca", "ca.pem"]).exits(0).out;
    assert!(page.lines().count() < 5 && page.contains(&format!("未变 unchanged: {} 份 lists", all - 1)), "{page}");
}

// ---- What servers do

/// Whatever one server does, it costs little, is named, and keeps no other source from being taken.
#[test]
fn servers_that_misbehave() {
    let place = Place::new();
    let good: Value =
        serde_json::from_slice(&fs::read(place.tree().join("index.json")).expect("an index")).expect("JSON");
    let index = |place: &str, value: Value| {
        let mut index = good.clone();
        *index.pointer_mut(place).expect(place) = value;
        Trick::Bytes(index.to_string().into_bytes())
    };
    let status = status_path(0);
    let bomb = vec![0x1f; 1_000];
    let mut large = good.to_string().into_bytes();
    large.resize(4 * 1024 * 1024 + 1, b' ');
    let mut largest = good.to_string().into_bytes();
    largest.resize(4 * 1024 * 1024, b' ');
    let plain = Server::plain(&place.tree());
    let cases: Vec<(&str, &str, Trick, &str)> = vec![
        ("a login page for the index", "index.json", Trick::Page, "SOURCE_WEB_PAGE"),
        ("a login page for a list", &status, Trick::Page, "SOURCE_WEB_PAGE"),
        ("something else for a list", &status, Trick::Bytes(b"hello".to_vec()), "NOT_A_LIST"),
        ("nothing at all for a list", &status, Trick::Bytes(Vec::new()), "NOT_A_LIST"),
        ("an endless index", "index.json", Trick::Endless, "SOURCE_TOO_LARGE"),
        ("an endless list", &status, Trick::Endless, "SOURCE_TOO_LARGE"),
        ("a list with a terabyte announced", &status, Trick::Length(1 << 40), "SOURCE_TOO_LARGE"),
        ("an index a byte too large", "index.json", Trick::Bytes(large), "SOURCE_TOO_LARGE"),
        ("an index as large as may be", "index.json", Trick::Bytes(largest), ""),
        ("more announced than there is", &status, Trick::Length(1), "SOURCE_BROKEN_OFF"),
        ("less announced than there is", &status, Trick::Length(-1), "STATUS_MALFORMED"),
        ("compressed without being asked", &status, Trick::Gzip(bomb), "SOURCE_ENCODED"),
        ("no such list", &status, Trick::Status(404), "SOURCE_NOT_FOUND"),
        ("no index", "index.json", Trick::Status(404), "SOURCE_NO_INDEX"),
        ("a login with a status", "index.json", Trick::Status(511), "SOURCE_STATUS"),
        ("a server that is overworked", &status, Trick::Status(503), "SOURCE_STATUS"),
        ("not modified, though nobody asked", "index.json", Trick::Status(304), "SOURCE_STATUS"),
        ("a part, though nobody asked", "index.json", Trick::Status(206), "SOURCE_STATUS"),
        ("round and round", &status, Trick::To(format!("/{status}")), "SOURCE_REDIRECT"),
        ("on to http", "index.json", Trick::To(format!("{}index.json", plain.address())), "SOURCE_REDIRECT"),
        ("on to a file", "index.json", Trick::To("file:///etc/passwd".into()), "SOURCE_REDIRECT"),
        ("not HTTP", "index.json", Trick::Garbage, "SOURCE_PROTOCOL"),
        ("up and out", "index.json", index("/trust/0/path", "../trust/1.cose".into()), "SOURCE_INDEX"),
        ("from the root", "index.json", index("/trust/0/path", "/etc/passwd.cose".into()), "SOURCE_INDEX"),
        ("another host", "index.json", index("/trust/0/path", "https://evil.example/1.cose".into()), "SOURCE_INDEX"),
        ("another host, shorter", "index.json", index("/trust/0/path", "//evil.example/1.cose".into()), "SOURCE_INDEX"),
        ("an escape sequence", "index.json", index("/status/0/subject", "\u{1b}[2J".into()), "SOURCE_INDEX"),
        ("another form", "index.json", index("/v", 2.into()), "SOURCE_INDEX"),
        ("no index but JSON", "index.json", Trick::Bytes(b"[1]".to_vec()), "SOURCE_INDEX"),
        ("deep JSON", "index.json", Trick::Bytes(vec![b'['; 1 << 20]), "SOURCE_INDEX"),
    ];
    fs::create_dir(place.path("stick")).expect("a folder");
    fs::copy(place.tree().join("trust/1.cose"), place.path("stick/1.cose")).expect("copied");
    fs::copy(place.tree().join(status_path(1)), place.path("stick/1.cwt")).expect("copied");
    let server = place.serve();
    for (number, (what, path, trick, code)) in cases.into_iter().enumerate() {
        let state = format!("counter-{number}");
        place.counter(&state, 1);
        server.behave();
        server.trick(path, trick, 1_000);
        let ran = place.sync(&state, &[&server.address(), "stick", "--ca", "ca.pem"]);
        assert!(ran.took < Duration::from_secs(20), "{what}: {ran}");
        let report = ran.json();
        let codes: Vec<&str> = report["files"]
            .as_array()
            .expect("files")
            .iter()
            .filter_map(|file| file["error"]["code"].as_str())
            .collect();
        assert_eq!(codes, Vec::from_iter(Some(code).filter(|code| !code.is_empty())), "{what}: {ran}");
        assert_eq!(ran.exit, Some(i32::from(!code.is_empty())), "{what}: {ran}");
        // The stick's are in use, and what was refused did no harm.
        assert_eq!((&report["trust_version"], &report["trust_in_force"]), (&1.into(), &true.into()), "{what}");
        assert!(parts(&place, &state).len() <= usize::from(code == "SOURCE_BROKEN_OFF"), "{what}");
        assert!(server.log().len() < 30, "{what}");
    }
}

#[test]
fn redirects_are_followed_three_times_and_no_more() {
    let place = Place::new();
    let server = place.serve();
    fs::copy(place.tree().join("index.json"), place.tree().join("there.json")).expect("copied");
    for (from, to) in [("index.json", "/a"), ("a", "b"), ("b", &*format!("{}there.json", server.address()))] {
        server.trick(from, Trick::To(to.into()), 100);
    }
    place.counter("counter", 1);
    assert_eq!(place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(0).json()["taken"], 4);
    server.trick("there.json", Trick::To("/index.json".into()), 100);
    place.counter("other", 1);
    let report = place.sync("other", &[&server.address(), "--ca", "ca.pem"]).exits(3).json();
    assert_eq!(result(&report, &server.address()), "SOURCE_REDIRECT");
}

/// One byte at a time, or none: the time that was given is kept to, and what came from others is used.
#[test]
fn slow_servers_do_not_take_longer_than_the_time_that_was_given() {
    let place = Place::new();
    for (trick, path) in
        [(Trick::Drip, status_path(0)), (Trick::Drip, "index.json".into()), (Trick::Silence, status_path(2))]
    {
        let server = place.serve();
        let state = format!("counter-{}", server.port());
        place.counter(&state, 1);
        server.trick(&path, trick.clone(), 100);
        let begun = Instant::now();
        let ran = place.sync(&state, &[&server.address(), "--ca", "ca.pem", "--time-limit", "2"]);
        assert!(begun.elapsed() < Duration::from_secs(12), "{trick:?} {path}: {ran}");
        let report = ran.json();
        let codes: Vec<&str> = report["files"]
            .as_array()
            .expect("files")
            .iter()
            .filter_map(|file| file["error"]["code"].as_str())
            .collect();
        assert_eq!(codes, ["SOURCE_TIME_OVER"], "{trick:?} {path}: {ran}");
        if path != "index.json" {
            assert_eq!((ran.exit, &report["taken"]), (Some(1), &3.into()), "{trick:?} {path}: {ran}");
        } else {
            assert_eq!(ran.exit, Some(3), "{ran}");
        }
    }
}

/// The times of the library, shortened: each ends what it is for, and what came is kept for the next question.
#[test]
fn silence_and_slowness_are_broken_off() {
    let place = Place::new();
    let short = Duration::from_millis(400);
    let long = Duration::from_secs(60);
    for (trick, read, answer) in [(Trick::Silence, short, long), (Trick::Drip, long, short)] {
        let server = Server::plain(&place.tree());
        let state = format!("counter-{}", server.port());
        place.counter(&state, 1);
        server.trick(&status_path(0), trick.clone(), 100);
        let times = Times { read, answer, ..Times::default() };
        let fetcher = Fetcher::new(&Settings { times, ..Settings::default() }).expect("settings");
        let servers = [Address::parse(&server.address()).expect("an address")];
        let opened = State::open(&place.path(&state)).expect("a state");
        let begun = Instant::now();
        let harvests = fetcher.fetch(&opened, &servers, place.now, &|_, _| ()).expect("a state");
        let took = begun.elapsed();
        assert!(took > short * 4 && took < Duration::from_secs(15), "{trick:?}: {took:?}");
        let [harvest] = &harvests[..] else { panic!("{harvests:?}") };
        assert_eq!(harvest.downloads.len(), 3, "{trick:?}");
        let missed: Vec<_> = harvest.missed.iter().map(|missed| missed.error.clone()).collect();
        assert_eq!(missed, [FetchError::Broken], "{trick:?}");
        let log = of_path(server.log(), &status_path(0));
        // Who drips gets on with each question.
        let from: Vec<_> = log.iter().filter_map(|exchange| exchange.from).collect();
        assert!(from.is_sorted(), "{trick:?} {from:?}");
        assert_eq!(parts(&place, &state).len(), usize::from(matches!(trick, Trick::Drip)), "{trick:?}");
    }
}

#[test]
fn a_server_that_fails_over_and_over_is_left_alone() {
    let place = Place::new();
    // Ten lists of one issuer, none of which the server gives.
    let uri = StatusUri::parse(&uri(0)).expect("an address");
    let period = StatusPeriod::new(place.at(-60), 7 * 86_400, 3_600).expect("a period");
    for number in 2..=40 {
        let list = issuer::status::sign([], number, &uri, period, &key(10)).expect("signed");
        fs::write(place.tree().join(format!("status/TIANHE/{number}.cwt")), list.bytes()).expect("written");
    }
    place.publish(&[]).exits(0);
    let server = place.serve();
    place.counter("counter", 1);
    for number in 1..=40 {
        server.trick(&format!("status/TIANHE/{number}.cwt"), Trick::Status(500), 100);
    }
    let report = place.sync("counter", &[&server.address(), "--ca", "ca.pem"]).exits(1).json();
    assert_eq!(result(&report, &server.address()), "SOURCE_GIVEN_UP");
    let asked = server.log().len();
    assert!((5..20).contains(&asked), "{asked}");
}

// ---- The way to the server

#[test]
fn certificates_are_checked_and_the_authority_can_be_given() {
    let place = Place::new();
    let server = place.serve();
    let sync = |state: &str, more: &[&str], variables: &[(&str, &str)]| {
        place.counter(state, 1);
        let address = server.address();
        let arguments = [&["sync", "--state", state, "--json", &address], more].concat();
        place.run_with("verifier", &arguments, variables)
    };
    let code = |ran: Ran| result(&ran.exits(3).json(), &server.address());
    // As on a computer without the package ca-certificates.
    let none = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    assert_eq!(code(sync("a", &[], &none)), "SOURCE_NO_AUTHORITIES");
    sync("b", &["--ca", "ca.pem"], &none).exits(0);
    // As on a computer that trusts others.
    fs::write(place.path("other.pem"), Identity::new().authority).expect("written");
    let others = [("SSL_CERT_FILE", "other.pem"), ("SSL_CERT_DIR", "/nonexistent")];
    assert_eq!(code(sync("c", &[], &others)), "SOURCE_CERTIFICATE");
    assert_eq!(code(sync("d", &["--ca", "other.pem"], &none)), "SOURCE_CERTIFICATE");
    sync("e", &["--ca", "ca.pem"], &others).exits(0);
    // Those of the computer count beside the one that was given.
    let ours = [("SSL_CERT_FILE", "ca.pem"), ("SSL_CERT_DIR", "/nonexistent")];
    sync("f", &["--ca", "other.pem"], &ours).exits(0);
    sync("g", &[], &ours).exits(0);
    for (file, content) in [("empty.pem", ""), ("text.pem", "hello"), ("half.pem", "-----BEGIN CERTIFICATE-----\nAAAA")]
    {
        fs::write(place.path(file), content).expect("written");
        sync(&format!("h-{file}"), &["--ca", file], &[]).refuses(2, "SYNC_CA");
    }
    sync("i", &["--ca", "nothing.pem"], &[]).refuses(2, "FILE_MISSING");
}

#[test]
fn a_certificate_for_another_host_or_another_time_is_none() {
    let place = Place::new();
    for (made, sentence) in [
        (Made { host: "other.example", last_year: 2099 }, "another host"),
        (Made { host: "localhost", last_year: 2021 }, "clock"),
    ] {
        let identity = Identity::made(&made);
        fs::write(place.path("ca.pem"), &identity.authority).expect("written");
        let server = Server::tls(&place.tree(), &identity);
        let state = format!("counter-{}", server.port());
        place.counter(&state, 1);
        let report = place.sync(&state, &[&server.address(), "--ca", "ca.pem"]).exits(3).json();
        assert_eq!(result(&report, &server.address()), "SOURCE_CERTIFICATE");
        assert!(report["files"][0]["error"]["what"].as_str().expect("a sentence").contains(sentence), "{report}");
    }
}

#[test]
fn a_server_without_tls_is_no_https_server() {
    let place = Place::new();
    let plain = Server::plain(&place.tree());
    place.counter("counter", 1);
    let address = plain.address().replace("http:", "https:");
    fs::write(place.path("ca.pem"), Identity::new().authority).expect("written");
    let report = place.sync("counter", &[&address, "--ca", "ca.pem"]).exits(3).json();
    assert_eq!(result(&report, &address), "SOURCE_TLS");
    // On this computer it may be asked without.
    assert_eq!(place.sync("counter", &[&plain.address()]).exits(0).json()["taken"], 4);
    assert_eq!(place.sync("counter", &[&format!("{}index.json", plain.address())]).exits(0).json()["taken"], 0);
}

#[test]
fn addresses_that_are_not_asked() {
    let place = Place::new();
    place.counter("counter", 1);
    for address in [
        "http://lists.example.cn/",
        "http://192.168.0.1/juma/",
        "https://name:xyzzy@lists.example.cn/",
        "https://lists.example.cn/juma",
        "https://lists.example.cn/?juma/",
        "ftp://lists.example.cn/",
        "https://",
    ] {
        let ran = place.run("verifier", &["sync", "--state", "counter", address]).refuses(2, "SYNC_ADDRESS");
        assert!(!ran.err.contains("xyzzy"), "{ran}");
    }
    let many: Vec<String> = (0..17).map(|number| format!("https://h{number}.example/")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    place.run("verifier", &[&["sync", "--state", "counter"], &many[..]].concat()).refuses(2, "SYNC_SERVERS");
}

#[test]
fn through_a_proxy() {
    let place = Place::new();
    let server = place.serve();
    let (proxy, closed) = (ConnectProxy::new("200 OK"), ConnectProxy::new("403 Forbidden"));
    let host = format!("localhost:{}", server.port());
    let sync = |state: &str, more: &[&str], variables: &[(&str, &str)]| {
        place.counter(state, 1);
        let address = server.address();
        let arguments = [&["sync", "--state", state, "--json", &address, "--ca", "ca.pem"], more].concat();
        place.run_with("verifier", &arguments, variables)
    };
    sync("a", &["--proxy", &proxy.address()], &[]).exits(0);
    let asked = proxy.log();
    assert!(!asked.is_empty() && asked.iter().all(|asked| *asked == host), "{asked:?}");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        sync(variable, &[], &[(variable, &proxy.address())]).exits(0);
        assert!(!proxy.log().is_empty(), "{variable}");
    }
    // That of https before that of everything.
    sync("b", &[], &[("HTTPS_PROXY", &proxy.address()), ("ALL_PROXY", &closed.address())]).exits(0);
    assert!(!proxy.log().is_empty() && closed.log().is_empty());
    for without in ["localhost", "*", "example.cn, localhost"] {
        let state = format!("c-{}", without.len());
        sync(&state, &[], &[("HTTPS_PROXY", &closed.address()), ("NO_PROXY", without)]).exits(0);
        assert!(closed.log().is_empty(), "{without}");
    }
    sync("d", &["--no-proxy"], &[("HTTPS_PROXY", &closed.address())]).exits(0);
    assert!(closed.log().is_empty());
    let report = sync("e", &["--proxy", &closed.address()], &[]).exits(3).json();
    assert_eq!(result(&report, &server.address()), "SOURCE_PROXY");
    assert_eq!(closed.log(), [host]);
    for wrong in ["socks5://127.0.0.1:1", "http://user:secret@", "ftp://x"] {
        let ran = sync(&format!("f-{}", wrong.len()), &["--proxy", wrong], &[]).refuses(2, "SYNC_PROXY");
        assert!(!ran.err.contains("secret"), "{ran}");
    }
    sync("g", &[], &[("HTTPS_PROXY", "socks5://127.0.0.1:1")]).refuses(2, "SYNC_PROXY");
    // Plain http stays on this computer.
    let plain = Server::plain(&place.tree());
    place.counter("h", 1);
    let arguments = ["sync", "--state", "h", "--json", &plain.address(), "--proxy", &closed.address()];
    place.run_with("verifier", &arguments, &[]).exits(0);
    assert!(closed.log().is_empty());
}

// ---- Real servers, and none

/// Any server that hands out files will do: the one that comes with Python knows neither ETags nor ranges.
#[test]
fn a_server_that_knows_nothing_of_lists() {
    let place = Place::new();
    let mut server = Command::new("python3");
    server.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", "tree"]);
    server.current_dir(place.folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Ended(server.spawn().expect("python3 is there"));
    let port = {
        use std::io::BufRead as _;
        let mut line = String::new();
        std::io::BufReader::new(server.0.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        line.split(' ').skip_while(|word| *word != "port").nth(1).expect("a port").parse::<u16>().expect("a port")
    };
    place.counter("counter", 1);
    let address = format!("http://127.0.0.1:{port}/");
    assert_eq!(place.sync("counter", &[&address]).exits(0).json()["taken"], 4);
    place.put_status(0, -60, 5);
    place.publish(&[]).exits(0);
    let report = place.sync("counter", &[&address]).exits(0).json();
    assert_eq!((&report["taken"], result(&report, "TIANHE/1.cwt")), (&1.into(), "taken".into()));
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A verdict needs no network, and asks for none. `sync` does, by the same way of looking.
#[test]
fn only_sync_opens_a_connection() {
    let world = World::new();
    let connections = |arguments: &[&str]| {
        let mut traced = Command::new("strace");
        traced
            .args(["-f", "-e", "trace=connect,sendto", "-o", "trace.txt"])
            .arg(tests::commands::binaries().join("verifier"));
        traced.args(arguments).current_dir(world.folder()).stdin(Stdio::null());
        let output = traced.output().expect("strace is there");
        let trace = fs::read_to_string(world.path("trace.txt")).expect("a trace");
        let calls = trace.lines().filter(|line| line.contains("connect(") || line.contains("sendto(")).count();
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"), calls)
    };
    let at = world.at(5);
    let with = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(at.iter().map(String::as_str)).collect();
        connections(&arguments)
    };
    let code = world.code("phone", 1, 0, &[]);
    let (exit, out, calls) = with(&["verify", "--state", "counter", "--json", "--text", &code]);
    assert!(exit == Some(0) && out.contains("\"VALID\""), "{out}");
    assert_eq!(calls, 0);
    assert_eq!(with(&["show", "--state", "counter"]).2, 0);
    let (exit, _, calls) = with(&["sync", "--state", "counter", "public"]);
    assert_eq!((exit, calls), (Some(0), 0));
    let gone = format!("http://127.0.0.1:{}/", unused_port());
    let (exit, _, calls) = with(&["sync", "--state", "counter", &gone]);
    assert_eq!(exit, Some(3));
    assert!(calls > 0);
}

// ---- The tree

#[test]
fn a_tree_with_a_wrong_file_is_not_announced() {
    let place = Place::new();
    let index = || fs::read(place.tree().join("index.json")).expect("an index");
    let before = index();
    let tree = place.tree();
    let wrong = |path: &str, bytes: &[u8], code: &str| {
        let file = tree.join(path);
        let old = fs::read(&file).ok();
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, bytes).expect("written");
        // Something new, which would be announced.
        place.put_status(2, -30, 5);
        let report = place.publish(&[]).exits(1).json();
        match report["wrong"].as_array() {
            Some(wrong) => {
                assert_eq!(wrong.len(), 1, "{report}");
                assert_eq!((&wrong[0]["file"], &wrong[0]["code"]), (&path.into(), &code.into()), "{report}");
            }
            None => assert_eq!(report["error"]["code"], code, "{report}"),
        }
        assert_eq!(index(), before, "{path}");
        match old {
            Some(old) => fs::write(&file, old).expect("put back"),
            None => fs::remove_file(&file).expect("removed"),
        }
    };
    wrong(&status_path(0), b"<html>", "STATUS_MALFORMED");
    wrong(&status_path(0), &place.status(1, -60, 5), "PUBLISH_OTHER_ISSUER");
    wrong("status/TIANHE/2.cwt", &place.status(0, -60, 5), "STATUS_SUBJECT");
    wrong("status/TIANHE/01.cwt", &place.status(0, -60, 5), "PUBLISH_STRANGE_FILE");
    wrong("status/TIANHE/readme.txt", b"hello", "PUBLISH_STRANGE_FILE");
    wrong("status/1.cwt", &place.status(0, -60, 5), "PUBLISH_STRANGE_FILE");
    wrong(&status_path(0), &place.status(0, -8 * DAY, 5), "PUBLISH_EXPIRED");
    wrong(&status_path(0), &place.status(0, -7_200, 5), "PUBLISH_STATUS_OLDER");
    let first = place.trust(1, &[1], None, &[1]);
    let second = place.trust(2, &[1], Some(&first), &[1]);
    wrong("trust/1.cose", second.bytes(), "PUBLISH_STRANGE_FILE");
    wrong("trust/3.cose", second.bytes(), "PUBLISH_STRANGE_FILE");
    wrong("trust/latest.cose", second.bytes(), "PUBLISH_STRANGE_FILE");
    // What a process that was killed leaves is none of it.
    fs::write(tree.join("status/TIANHE/.unfinished-1"), b"half").expect("written");
    assert_eq!(place.publish(&[]).exits(0).json()["announced"], true);
    assert_ne!(index(), before);
}

#[test]
fn trust_lists_are_added_and_never_replaced() {
    let place = Place::new();
    let first = place.trust(1, &[1], None, &[1]);
    // The same version, dated otherwise.
    let elsewhere = Place { folder: TempDir::new().expect("a folder"), now: later(place.now, -10) };
    place.put_trust(&elsewhere.trust(1, &[1], None, &[1]));
    let kept = fs::read(place.tree().join("trust/1.cose")).expect("a list");
    place.publish(&["--trust", "1.cose"]).refuses(1, "PUBLISH_SAME_VERSION");
    assert_eq!(fs::read(place.tree().join("trust/1.cose")).expect("a list"), kept);
    // Not signed by those who must: it does not even get into the folder.
    let stranger = place.trust(2, &[2], None, &[2]);
    place.put_trust(&stranger);
    place.publish(&["--trust", "2.cose"]).refuses(1, "TRUST_PREVIOUS_THRESHOLD");
    assert!(!place.tree().join("trust/2.cose").exists());
    place.put_trust(&place.trust(2, &[1], Some(&first), &[1]));
    assert_eq!(place.publish(&["--trust", "2.cose"]).exits(0).json()["trust_version"], 2);
    // What was announced cannot be taken away.
    fs::remove_file(place.tree().join("trust/2.cose")).expect("removed");
    place.publish(&[]).refuses(1, "PUBLISH_TRUST_GONE");
}

/// From the ledger to the counter, in one command on each side.
#[test]
fn status_lists_of_a_ledger_in_the_same_command() {
    let world = World::now();
    let publish = ["publish", "tree", "--trust", "public/trust.cose", "--json"];
    let key = ["--status-key", "keys/status.pem", "--ledger", "ledger.sqlite3"];
    let report = world.run("issuer", &[&publish[..], &key].concat()).exits(0).json();
    assert_eq!((&report["announced"], &report["status_lists"]), (&true.into(), &1.into()));
    assert!(world.path("tree/status/TIANHE/1.cwt").exists());
    let server = Server::plain(&world.path("tree"));
    let report =
        world.run("verifier", &["sync", "--state", "counter-new", "--json", &server.address()]).exits(0).json();
    assert_eq!(report["taken"], 2);
    let code = world.code("phone", 1, 0, &[]);
    let verdict =
        world.run("verifier", &["verify", "--state", "counter-new", "--json", "--text", &code]).exits(0).json();
    assert_eq!(verdict["reason"], "VALID");
    // The very folder, carried on a stick.
    let report = world.run("verifier", &["sync", "--state", "counter", "--json", "tree"]).exits(0).json();
    assert_eq!(report["taken"], 1);
    // Another key than the trust list has for it.
    let key = ["--status-key", "keys/permit.pem", "--ledger", "ledger.sqlite3"];
    world.run("issuer", &[&publish[..], &key].concat()).refuses(2, "PUBLISH_STATUS_KEY");
    let key = ["--status-key", "keys/other-permit.pem", "--ledger", "ledger.sqlite3"];
    world.run("issuer", &[&publish[..], &key].concat()).refuses(2, "PUBLISH_STATUS_KEY");
    world.run("issuer", &["publish", "nowhere", "--json"]).refuses(1, "PUBLISH_NO_TRUST");
    assert!(!Path::new(&world.path("nowhere/index.json")).exists());
}

/// What was announced by a clock which was ahead is taken back when somebody says that it was, and not before.
#[test]
fn a_tree_of_a_clock_that_was_ahead() {
    let world = World::new();
    let publish = ["publish", "tree", "--trust", "public/trust.cose", "--json"];
    let publish = [&publish[..], &["--status-key", "keys/status.pem", "--ledger", "ledger.sqlite3"]].concat();
    let index = || fs::read(world.path("tree/index.json")).expect("an index");
    world.run_at(7_200, "issuer", &publish).exits(0);
    let ahead = index();
    world.run_at(0, "issuer", &publish).refuses(4, "CLOCK_BEHIND");
    assert!(index() == ahead);
    let said = [&publish[..], &["--clock-was-ahead"]].concat();
    let report = world.run_at(0, "issuer", &said).exits(0).json();
    assert_eq!((&report["announced"], &report["status_lists"]), (&true.into(), &1.into()));
    assert!(index() != ahead);
}
