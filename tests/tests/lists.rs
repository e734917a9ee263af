//! Trust lists and status lists as an attacker, an accident or a slip hands them to a counter: each case over the command line, a test each.
//!
//! The cases are the files of `tests/commands/lists/`, named after what is attempted. Each of them shows what the attempt came to, that what
//! was in use still is, and that the next good list is taken.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::commands::case;
use tests::commands::{Ran, STATUS_URI, World, binaries};
use tests::item::Item;
use tests::key_files;
use tests::objects;
use tests::sample_permits::SamplePermits;
use tests::test_keys::TestKey;

/// A test for each file: `rollback_by_one` runs `rollback-by-one.case`.
macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run_case(stringify!($name)); })*

        const CASES: &[&str] = &[$(stringify!($name)),*];
    };
}

cases! {
    a_bit_of_the_signature
    a_byte_too_many
    a_file_too_large
    a_phone_of_2099
    a_root_key_and_strangers
    a_root_key_of_p256
    a_signature_that_says_another_algorithm
    a_signature_under_anothers_name
    a_status_key_of_p256
    a_stick_that_cannot_be_written
    a_stolen_status_key_and_a_clock_ahead
    a_strangers_signature_does_no_harm
    an_error_page_instead_of_a_list
    an_expired_link_of_a_chain
    clock_behind_by_121_seconds
    each_status_and_its_neighbours
    expired_to_the_second
    fast_forward_to_version_2_to_the_32
    fast_forward_to_version_2_to_the_63
    fast_forward_to_version_2_to_the_64_less_1
    first_list_121_seconds_ahead
    first_list_below_its_own_threshold
    first_list_expired
    first_list_of_another_root
    first_list_of_the_last_version
    good_lists_among_bad_ones
    history_is_passed_over_and_forgeries_are_not
    issuer_changes_roots_and_skips
    issuer_jumps_10000_versions
    issuer_jumps_10001_versions
    issuer_key_of_small_order
    issuer_key_that_is_no_point
    issuer_numbers_beyond_the_last_version
    issuer_publishes_twice_in_a_second
    issuer_rotates_without_the_new_key
    issuer_rotates_without_the_old_key
    issuer_signs_a_proposal_with_a_permit_key
    issuer_signs_the_version_in_use_again
    issuer_signs_twice_with_one_key
    issuer_signs_with_a_permit_key
    issuer_signs_with_a_stranger_beside
    issuer_signs_with_one_of_two
    issuer_twice
    issuer_where_no_rule_is
    issuer_without_divisions
    issuer_without_keys
    kept_status_list_in_the_place_of_another
    kept_trust_list_changed_on_the_disk
    key_of_two_issuers
    key_that_ends_when_it_begins
    key_twice_with_one_issuer
    key_without_usages
    list_that_ends_when_it_begins
    no_root_key
    no_rules
    no_signature
    nothing_on_the_stick
    old_root_after_a_change
    one_root_key_signs_twice
    one_signature_where_two_are_needed
    other_files_are_left_alone
    permit_beyond_the_end_of_the_list
    permit_key_of_p256
    permit_key_withdrawn_in_every_way
    region_with_two_rules
    rollback_by_one
    rollback_far_to_version_1
    rollback_with_a_new_date
    root_change_by_new_keys_only
    root_change_by_old_keys_only
    root_change_one_new_signature_short
    root_change_one_old_signature_short
    root_change_that_skips
    root_key_listed_twice
    root_key_of_small_order
    root_key_that_is_no_point
    rule_for_a_part_of_the_region
    same_bytes_again
    same_version_with_another_signature
    same_version_with_other_content
    signed_for_another_purpose
    status_address_of_257_bytes
    status_address_of_another_issuer
    status_address_with_a_space
    status_address_without_tls
    status_key_compromised
    status_key_not_yet_in_force
    status_key_over
    status_list_120_seconds_ahead
    status_list_121_seconds_ahead
    status_list_before_any_trust_list
    status_list_bomb
    status_list_by_a_permit_key
    status_list_by_an_unknown_key
    status_list_damaged
    status_list_expired_to_the_second
    status_list_falls_with_its_address
    status_list_falls_with_its_key
    status_list_grows_old
    status_list_of_a_by_the_key_of_b
    status_list_of_another_kind
    status_list_of_the_same_second
    status_list_rollback
    status_list_stream_unsound
    status_list_under_another_spelling
    status_list_under_the_name_of_the_right_key
    status_list_with_its_own_certificate
    status_lists_are_kept_apart
    the_clock_and_a_list_together
    the_mark_does_not_fall_by_an_older_list
    the_middle_link_is_missing
    the_same_stick_for_ninety_days
    thirty_three_root_keys
    thirty_three_signatures
    three_changes_of_roots_in_the_wrong_order
    threshold_0
    threshold_above_the_number_of_keys
    threshold_change_that_skips
    truncated
    trust_list_120_seconds_ahead
    trust_list_121_seconds_ahead
    version_0
    version_jump_of_10000_and_roots_still_change
    version_jump_of_10001
    versions_skipped_while_roots_stay
    voucher_key_of_p256
    what_a_counter_says_of_itself
}

/// Every file is a test and every test a file.
#[test]
fn every_case_is_run() {
    let entries = std::fs::read_dir(folder()).expect("the folder of the cases");
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter_map(|name| Some(name.strip_suffix(".case")?.replace('-', "_")))
        .collect();
    files.sort();
    assert_eq!(files, CASES);
    assert!(CASES.len() >= 60, "{} cases", CASES.len());
}

/// Whoever stands at the counter reads in both languages why a list was refused, and each refusal in its own words.
#[test]
fn refusals_in_two_languages() {
    let world = world();
    let refusals = [
        ("TRUST_ROLLBACK", "trust stick/01.cose version=1"),
        ("TRUST_SAME_VERSION", "trust stick/02.cose version=2 at=-10"),
        ("TRUST_MALFORMED", "trust stick/03.cose version=0"),
        ("TRUST_CURRENT_THRESHOLD", "trust stick/04.cose version=3 signed=other-root"),
        ("TRUST_OWN_THRESHOLD", "trust stick/05.cose version=3 roots=test-b"),
        ("TRUST_ROOT_CHANGE_SKIPS", "trust stick/06.cose version=4 roots=test-b signed=root,test-b"),
        ("TRUST_VERSION_JUMP", "trust stick/07.cose version=10003"),
        ("TRUST_FROM_FUTURE", "trust stick/08.cose version=3 at=121"),
        ("TRUST_EXPIRED", "trust stick/09.cose version=3 expires=-1"),
        ("TRUST_NO_RULE", "trust stick/10.cose version=3 rules=none"),
        ("STATUS_MALFORMED", "status stick/11.cwt bits=1"),
        ("STATUS_SIGNATURE", "status stick/12.cwt domain=permit"),
        ("STATUS_ALGORITHM", "status stick/13.cwt alg=-9"),
        ("STATUS_ZLIB", "status stick/14.cwt zlib=cut"),
        ("STATUS_TOO_LARGE", "status stick/15.cwt zlib=over"),
        ("STATUS_KEY_UNKNOWN", "status stick/16.cwt key=test-x"),
        ("STATUS_KEY_USAGE", "status stick/17.cwt key=permit"),
        ("STATUS_SUBJECT", "status stick/18.cwt uri=https://status.example.net/b"),
        ("STATUS_ROLLBACK", "status stick/19.cwt at=-3601"),
        ("STATUS_SAME_TIME", "status stick/20.cwt at=-3600"),
        ("STATUS_FROM_FUTURE", "status stick/21.cwt at=121"),
        ("STATUS_EXPIRED", "status stick/22.cwt exp=0"),
        ("NOT_A_LIST", "fill stick/23.cwt 1 <html>"),
    ];
    let lines = refusals.map(|(_, line)| line).join("\n");
    case::prepare(&format!("trust two/two.cose at=-120\n{lines}"), &world);
    world.run_at(0, "verifier", &["sync", "--state", "counter", "two"]).exits(0);
    let mut pages =
        vec![(world.run_at(0, "verifier", &["sync", "--state", "counter", "stick"]).exits(1), &refusals[..])];
    case::prepare("trust new/1.cose version=1 roots=other-root signed=other-root\nstatus new/2.cwt", &world);
    let more = [("TRUST_NOT_THE_ROOT", ""), ("STATUS_NO_TRUST_LIST", "")];
    pages.push((world.run_at(0, "verifier", &["sync", "--state", "counter-new", "new"]).exits(1), &more));

    let mut seen = std::collections::BTreeSet::new();
    for (page, refusals) in &pages {
        for (code, _) in *refusals {
            let said: Vec<&str> =
                page.out.lines().filter_map(|line| line.strip_suffix(&format!(" [{code}]"))).collect();
            assert_eq!(said.len(), 1, "{code}\n{page}");
            let (zh, en) = said[0].trim().split_once(" / ").unwrap_or_else(|| panic!("{code} in one language\n{page}"));
            let chinese = zh.chars().filter(|letter| ('\u{4e00}'..='\u{9fff}').contains(letter)).count();
            assert!(chinese >= 10 && en.is_ascii() && en.split(' ').count() >= 6, "{code}\n{page}");
            assert!(
                seen.insert(zh.to_owned()) && seen.insert(en.to_owned()),
                "{code} has the words of another\n{page}"
            );
        }
    }
    case::run("in-use counter @0 trust=2 status=1:3600 verdict=VALID", &world).expect("in use");
}

/// A synchronisation is killed at any moment: the counter goes by the old lists or by the new ones, all of them, and needs no repair.
#[test]
fn a_sync_that_is_killed() {
    const KILLS: usize = 60;
    const LISTS: u64 = 6;
    let world = world();
    let mut dice = Dice(std::process::id().into());
    println!("the moments are those of seed {}", dice.0);
    // Set number n: trust list n, and lists that fill their files, all of its second.
    let set = |number: i64| {
        let stick = format!("stick-{number}");
        let second = number - 3_000;
        let mut lines = format!("trust {stick}/trust.cose version={number} at={second}\n");
        for list in 1..=LISTS {
            let dice = if list == 1 { String::new() } else { format!(" dice={}", number * 100) };
            lines += &format!("status {stick}/{list}.cwt list={list} at={second}{dice} entries=1048576\n");
        }
        case::prepare(&lines, &world);
        stick
    };
    // What the counter goes by: the version, and the second of each status list.
    let in_use = || {
        let shown = world.run_at(0, "verifier", &["show", "--state", "counter", "--json"]).exits(0).json();
        let ages = shown["status"].as_array().expect("a list").iter();
        let seconds: Vec<i64> = ages.map(|list| 3_000 - list["age_s"].as_i64().expect("an age")).collect();
        (shown["trust"]["version"].as_i64().expect("a version"), seconds)
    };
    let whole = |number: i64| (number, vec![number; LISTS as usize]);
    world.run_at(0, "verifier", &["sync", "--state", "counter", &set(2)]).exits(0);
    assert_eq!(in_use(), whole(2));

    let usual = world.run_at(0, "verifier", &["sync", "--state", "counter", &set(3)]).exits(0).took;
    let (mut number, mut wait) = (4, usual);
    let (mut kills, mut before, mut after) = (0, 0, 0);
    while kills < KILLS {
        let stick = set(number);
        // The same set until it is in use.
        loop {
            let mut command = world.command("verifier");
            command.args(["sync", "--state", "counter", &stick]).args(world.at(0));
            let killed = kill_after(&mut command, dice.below(wait * 2));
            let now = in_use();
            assert!(
                now == whole(number - 1) || now == whole(number),
                "after {kills} kills: neither set {} nor set {number}: {now:?}",
                number - 1
            );
            kills += usize::from(killed);
            // Closer and closer to the moment of the commit, however fast the machine is.
            if now == whole(number) {
                (after, wait) = (after + usize::from(killed), wait * 9 / 10);
                break;
            }
            assert!(killed, "a sync that was not killed took nothing");
            (before, wait) = (before + 1, wait * 10 / 9);
        }
        std::fs::remove_dir_all(world.path(&stick)).expect("removed");
        number += 1;
    }
    println!("killed before the lists were in use: {before}, after: {after}");
    assert!(before > 10 && after > 3, "the kills do not lie around the commit: {before}, {after}");
    case::run(&format!("in-use counter @0 trust={} verdict=VALID", number - 1), &world).expect("in use");
    let last = set(number);
    world.run_at(0, "verifier", &["sync", "--state", "counter", &last]).exits(0);
    assert_eq!(in_use(), whole(number));
}

/// Eight processes and one stick: one of them takes what is on it, the others find it in use.
#[test]
fn one_stick_and_many_syncs() {
    let world = world();
    for version in 2..7 {
        let second = version - 60;
        let lines = format!("trust stick/trust.cose version={version} at={second}\nstatus stick/1.cwt at={second}");
        case::prepare(&lines, &world);
        let ran = at_once(&world, 8, |_| vec!["sync", "--state", "counter", "stick", "--json"]);
        let mut taken = 0;
        for ran in ran {
            let answer = ran.exits(0).json();
            assert_eq!(answer["refused"], 0, "{answer}");
            // One synchronisation is one transaction: whoever takes one of the two takes both.
            let took = answer["taken"].as_u64().expect("a number");
            assert!(took == 0 || took == 2, "{answer}");
            taken += took;
        }
        assert_eq!(taken, 2, "version {version}");
        let lines = format!("in-use counter @0 trust={version} status=1:{} verdict=VALID", -second);
        case::run(&lines, &world).expect("in use");
    }
}

/// An old stick and a new one at once, over and over: in the end the new lists are in use, whoever came last.
#[test]
fn an_old_stick_and_a_new_one_at_once() {
    let world = world();
    for round in 1..8 {
        let (old, new) = (round * 2, round * 2 + 1);
        let lines = format!(
            "trust old/trust.cose version={old} at={}\nstatus old/1.cwt at={0}\ntrust new/trust.cose version={new} at={}\nstatus new/1.cwt at={1}",
            old - 100,
            new - 100
        );
        case::prepare(&lines, &world);
        let source = |place: usize| if place.is_multiple_of(2) { "old" } else { "new" };
        let ran = at_once(&world, 6, |place| vec!["sync", "--state", "counter", source(place), "--json"]);
        for (place, ran) in ran.into_iter().enumerate() {
            let answer = ran.json();
            match ran.exit {
                Some(0) => {}
                Some(1) if source(place) == "old" => {
                    for file in answer["files"].as_array().expect("files") {
                        let code = file["error"]["code"].as_str().unwrap_or("none");
                        assert!(["none", "TRUST_ROLLBACK", "STATUS_ROLLBACK"].contains(&code), "{ran}");
                    }
                }
                _ => panic!("{ran}"),
            }
        }
        let lines = format!("in-use counter @0 trust={new} status=1:{} newest={} verdict=VALID", 100 - new, new - 100);
        case::run(&lines, &world).expect("the new lists are in use");
    }
}

/// Between the look at a stick and the storing of its lists another process takes newer ones: what was looked at is looked at again.
#[test]
fn newer_lists_come_in_between() {
    let world = world();
    case::prepare("trust old/trust.cose version=2 at=-90\ntrust new/trust.cose version=3 at=-80", &world);
    let newer = std::fs::read(world.path("new/trust.cose")).expect("read");
    let mut other = rusqlite::Connection::open(world.path("counter/state.sqlite3")).expect("the state");
    let transaction = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("begun");
    let mut command = world.command("verifier");
    command.args(["sync", "--state", "counter", "old", "--json"]).args(world.at(0));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // It has looked by now, and waits for the lock.
    std::thread::sleep(Duration::from_millis(500));
    transaction.execute("UPDATE trust_list SET bytes = ?1", [newer]).expect("stored");
    transaction.execute("UPDATE installation SET generation = generation + 1", []).expect("stored");
    transaction.commit().expect("committed");
    let ran = Ran::new("verifier sync old".into(), child.wait_with_output().expect("ended"), Duration::ZERO).exits(1);
    let answer = ran.json();
    assert_eq!(answer["files"][0]["error"]["code"], "TRUST_ROLLBACK", "{ran}");
    assert_eq!(answer["trust_version"], 3, "{ran}");
    case::run("in-use counter @0 trust=3 trust-age=80 verdict=VALID", &world).expect("the newer list is in use");
}

/// A counter that runs for days: what other processes take is in use with the next code, also that a key was withdrawn.
#[test]
fn a_counter_that_runs_meanwhile() {
    let world = world();
    let mut command = world.command("verifier");
    command.args(["batch", "--state", "counter", "--allow-fixed-time"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let mut input = child.stdin.take().expect("standard input");
    let mut answers = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let mut verdict = || {
        let code = world.code("phone", 1, 0, &[]);
        writeln!(input, "{{\"text\":\"{code}\",\"at\":\"{}\"}}", world.time(0)).expect("written");
        let line = answers.next().expect("an answer").expect("read");
        let verdict: Value = serde_json::from_str(&line).expect("JSON");
        let version = verdict["lists"]["trust"]["version"].as_i64();
        (
            verdict["reason"].as_str().expect("a reason").to_owned(),
            version,
            verdict["lists"]["status"]["age_s"].as_i64(),
        )
    };
    let said = |reason: &str, version: i64, age: Option<i64>| (reason.to_owned(), Some(version), age);
    let sync = |lines: &str, stick: &str| {
        case::prepare(lines, &world);
        world.run_at(0, "verifier", &["sync", "--state", "counter", stick]).exits(0);
    };
    assert_eq!(verdict(), said("VALID", 1, Some(3_600)));
    let index = world.status_index(1).expect("a place");
    sync(&format!("status a/1.cwt at=-50 set={index}:1"), "a");
    assert_eq!(verdict(), said("CANCELLED", 1, Some(50)));
    sync("status b/1.cwt at=-40", "b");
    assert_eq!(verdict(), said("VALID", 1, Some(40)));
    sync("trust c/2.cose keys=permit:p,test-s:s", "c");
    let (reason, version, _) = verdict();
    assert_eq!((reason.as_str(), version), ("STATUS_LIST_MISSING", Some(2)));
    sync("status d/1.cwt key=test-s at=-5000", "d");
    assert_eq!(verdict(), said("VALID", 2, Some(5_000)));
    sync("trust e/3.cose base=c/2.cose keys=test-p:p,test-s:s", "e");
    let (reason, version, _) = verdict();
    assert_eq!((reason.as_str(), version), ("ISSUER_UNKNOWN", Some(3)));
    drop(input);
    assert!(child.wait().expect("ended").success());
}

/// Codes are verified without a pause while lists are taken, whose status key changes each time: every verdict is by lists that belong together.
#[test]
fn verifying_while_synchronising() {
    let world = world();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            let mut verdicts = 0;
            while !over.load(Ordering::Relaxed) || verdicts == 0 {
                case::run("in-use counter @0 verdict=VALID", &world).expect("a verdict");
                verdicts += 1;
            }
            verdicts
        });
        for version in 2..12 {
            let lines = format!(
                "trust stick/trust.cose version={version} at=-60 keys=permit:p,test-{version}:s\nstatus stick/1.cwt key=test-{version}"
            );
            case::prepare(&lines, &world);
            world.run_at(0, "verifier", &["sync", "--state", "counter", "stick"]).exits(0);
            if verifying.is_finished() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        println!("verified meanwhile: {}", verifying.join().expect("every verdict was VALID"));
    });
}

/// No file may grow, as on a full disk: the old lists stay in use, all of them, and with room the new ones are taken without repair.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let world = world();
    case::prepare(
        "trust stick/trust.cose at=-60\nstatus stick/1.cwt at=-60 set=5:1\nstatus stick/2.cwt list=2 at=-60 dice=1\nstatus stick/3.cwt list=3 at=-60 dice=2",
        &world,
    );
    let old = "in-use counter @0 trust=1 trust-age=86400 status=1:3600 newest=-3600";
    // Room in blocks of 512 bytes; the three lists are 1,100 of them.
    let cramped = |blocks: u64, arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        command.arg(binaries().join("verifier")).args(arguments).args(world.at(0)).current_dir(world.folder());
        let ran = Ran::of(command, b"");
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    };
    for blocks in [0, 8, 64, 200, 600, 1_000] {
        let ran = cramped(blocks, &["sync", "--state", "counter", "stick", "--json"]);
        println!("room for {blocks} blocks: exit {:?} {:?}", ran.exit, ran.refusal());
        assert_eq!(ran.exit, Some(4), "{ran}");
        assert!(ran.refusal().is_some_and(|code| code.starts_with("STATE_")), "{ran}");
        case::run(old, &world).unwrap_or_else(|fault| panic!("room for {blocks} blocks: {fault}"));
    }
    let shown = cramped(0, &["show", "--state", "counter", "--json"]).exits(0).json();
    assert_eq!((&shown["writable"], &shown["trust"]["version"]), (&false.into(), &1.into()));
    let code = world.code("phone", 1, 0, &[]);
    let ran = cramped(0, &["verify", "--state", "counter", "--text", &code, "--json"]).exits(3);
    assert_eq!(ran.json()["reason"], "REPLAY_GUARD_UNAVAILABLE", "{ran}");
    assert!(ran.err.contains("[STATE_DISK_FULL]"), "{ran}");
    case::run("in-use counter @0 verdict=VALID", &world).expect("verified");
    world.run_at(0, "verifier", &["sync", "--state", "counter", "stick"]).exits(0);
    case::run("in-use counter @0 trust=2 status=1:60,2:60,3:60 newest=-60 verdict=VALID", &world).expect("in use");
}

/// A file on the stick that cannot be read keeps no other from being taken.
#[cfg(unix)]
#[test]
fn an_unreadable_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    case::prepare("trust stick/trust.cose at=-60\nstatus stick/1.cwt at=-60", &world);
    let mode = |mode: u32| std::fs::set_permissions(world.path("stick/1.cwt"), std::fs::Permissions::from_mode(mode));
    mode(0).expect("the mode");
    if std::fs::File::open(world.path("stick/1.cwt")).is_ok() {
        println!("skipped: to this account every file is readable");
        return;
    }
    let ran = world.run_at(0, "verifier", &["sync", "--state", "counter", "stick", "--json"]).exits(1);
    assert_eq!((&ran.json()["taken"], &ran.json()["refused"]), (&1.into(), &1.into()), "{ran}");
    case::run("in-use counter @0 trust=2 status=1:3600 verdict=VALID", &world).expect("in use");
    mode(0o600).expect("the mode");
    world.run_at(0, "verifier", &["sync", "--state", "counter", "stick"]).exits(0);
    case::run("in-use counter @0 trust=2 status=1:60 verdict=VALID", &world).expect("in use");
}

/// More lists than are kept in memory, of three issuers that number theirs alike, in one process: each permit is judged by its own list.
#[test]
fn more_lists_than_fit_into_memory() {
    const LISTS: u64 = 50;
    let world = world();
    let sample = SamplePermits::load().permit(13).clone();
    let device = TestKey::ed25519("a phone");
    // Each issuer has its key, its address, and a status for every so manieth permit. Two addresses end alike.
    let issuers = [
        ("permit", "status", STATUS_URI, 3, 1, "CANCELLED"),
        ("other-permit", "other-permit", "https://status.example.cn/cn/tianhe", 5, 2, "SUSPENDED"),
        ("test-third", "test-third", "https://status.example.net/third", 7, 3, "SUPERSEDED"),
    ];
    let mut lines = format!("trust stick/trust.cose second-uri={} third-keys=test-third:ps\n", issuers[1].2);
    for (place, (_, key, uri, every, status, _)) in issuers.iter().enumerate() {
        for list in 1..=LISTS {
            let status = if list.is_multiple_of(*every) { *status } else { 0 };
            lines +=
                &format!("status stick/{place}-{list}.cwt list={list} key={key} uri={uri} entries=4 set=0:{status}\n");
        }
    }
    case::prepare(&lines, &world);
    let synced = world.run_at(0, "verifier", &["sync", "--state", "counter", "stick", "--json"]).exits(0).json();
    assert_eq!(synced["taken"], 3 * LISTS + 1);

    let now = world.time(0);
    let mut codes = String::new();
    let mut expected = Vec::new();
    // With gaps, then between them, then down: lists are wanted again that had to make room.
    let order = (1..=LISTS).step_by(2).chain((2..=LISTS).step_by(2)).chain((1..=LISTS).rev());
    for (turn, list) in (0_u64..).zip(order) {
        for (place, (key, _, _, every, _, reason)) in (0_u64..).zip(issuers) {
            let key = if key.starts_with("test-") { TestKey::ed25519(key) } else { load(&world, key) };
            let mut permit = objects::permit(&sample, &key, &device, 0);
            permit.payload.entry(6).set(Item::Uint(world.time(-100).seconds()));
            let slot = Item::array([Item::Uint(list), Item::Uint(0)]);
            permit.payload.entry(objects::PERMIT_CLAIMS).element(objects::field::STATUS).set(slot);
            let nonce = (turn * 3 + place).to_be_bytes();
            let code = objects::presentation(&permit.encode(), &device, now.seconds(), nonce);
            let digits = objects::digits(1, &code.encode());
            codes += &format!("{{\"id\":\"{place} {list}\",\"text\":\"{digits}\",\"at\":\"{now}\"}}\n");
            expected.push(if list.is_multiple_of(every) { reason } else { "VALID" });
        }
    }
    let ran = world.run_with("verifier", &["batch", "--state", "counter", "--allow-fixed-time"], codes.as_bytes());
    let verdicts: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(verdicts.len(), expected.len(), "{}", ran.err);
    for (verdict, expected) in verdicts.iter().zip(expected) {
        assert_eq!(verdict["reason"], expected, "{}", verdict["id"]);
    }
}

#[track_caller]
fn run_case(name: &str) {
    let path = folder().join(format!("{}.case", name.replace('_', "-")));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if let Err(fault) = case::run(&text, &world()) {
        panic!("{}: {fault}", path.display());
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("commands/lists")
}

/// A copy of a world that is made once: making one takes seconds, copying it none.
fn world() -> World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_in(Path::new(env!("CARGO_TARGET_TMPDIR")))).copy()
}

fn load(world: &World, name: &str) -> TestKey {
    key_files::load(&world.path(&format!("keys/{name}.pem"))).expect("a key")
}

/// So many `verifier` processes at the same time, all at the world's time.
fn at_once<'a>(world: &World, processes: usize, arguments: impl Fn(usize) -> Vec<&'a str>) -> Vec<Ran> {
    let children: Vec<Child> = (0..processes)
        .map(|place| {
            let mut command = world.command("verifier");
            command.args(arguments(place)).args(world.at(0));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
        })
        .collect();
    let end = |child: Child| {
        let ran = Ran::new("verifier".into(), child.wait_with_output().expect("ended"), Duration::ZERO);
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    };
    children.into_iter().map(end).collect()
}

/// Whether it was ended with SIGKILL, and not by itself before.
fn kill_after(command: &mut Command, wait: Duration) -> bool {
    let end = Instant::now() + wait;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    while Instant::now() < end && child.try_wait().expect("asked").is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    // Nothing happens to a process that has ended.
    let _ = child.kill();
    child.wait().expect("ended").code().is_none()
}

/// Moments to kill at: Marsaglia's xorshift, 64 bits.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.0 % micros)
    }
}
