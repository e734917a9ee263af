//! A hall of counters that share one replay guard: real Redis servers, stopped, restarted, emptied, promoted, silent and lying.
//!
//! Needs `redis-server` (`apt-get install redis-server`); without it these tests fail. Times of codes are fixed and handed in; nothing here
//! waits for a code to age.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use credential_format::counter_id::CounterId;
use credential_format::key::{Kid, Thumbprint};
use credential_format::permit::StatusSlot;
use credential_format::timestamp::Timestamp;
use tempfile::TempDir;
use tests::commands;
use tests::objects::{self, digits, seconds};
use tests::sample_permits::SamplePermits;
use tests::test_keys::TestKey;
use tests::vector::World;
use tests::worlds::{self, NOON, key};
use verifier::hall::{HallGuard, SharedGuard};
use verifier::policy::{GuardFallback, Policy};
use verifier::redis_guard::{PATIENCE, REST, RedisAddress, RedisGuard};
use verifier::replay::{GuardUnavailable, MemoryGuard, Recorded, ReplayGuard as _, Sighting};
use verifier::state::State;
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;
use verifier::verdict::{Outcome, Reason, Verdict};
use verifier::verify::{Asked, Context, verify};

/// No verdict takes longer than this, whatever the server does.
const WAIT_MAX: Duration = Duration::from_secs(1);

// ---- Once in the hall

#[test]
fn of_two_counters_racing_with_one_code_exactly_one_accepts() {
    const ROUNDS: u64 = 1_000;
    let server = Server::start(&[]);
    server.settle();
    let codes: Vec<String> = (0..ROUNDS).map(|round| code(0, round)).collect();
    let barrier = Barrier::new(2);
    let at_the_counter = |name: &str| {
        let mut counter = Counter::new(name, &server.address());
        codes
            .iter()
            .map(|code| {
                barrier.wait();
                counter.verify(code, 1).reason
            })
            .collect::<Vec<Reason>>()
    };
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| at_the_counter("A-1"));
        let other = scope.spawn(|| at_the_counter("A-2"));
        (one.join().unwrap(), other.join().unwrap())
    });
    let mut won = [0; 2];
    for (round, reasons) in one.into_iter().zip(other).enumerate() {
        match reasons {
            (Reason::Valid, Reason::Replayed) => won[0] += 1,
            (Reason::Replayed, Reason::Valid) => won[1] += 1,
            both => panic!("round {round}: {both:?}"),
        }
    }
    assert_eq!(won[0] + won[1], ROUNDS);
    assert!(won[0] > 0 && won[1] > 0, "no race: {won:?}");
}

#[test]
fn a_thousand_codes_at_eight_counters_are_first_once_each() {
    const CODES: u64 = 1_000;
    let server = Server::start(&[]);
    server.settle();
    let first: Vec<AtomicUsize> = (0..CODES).map(|_| AtomicUsize::new(0)).collect();
    let seen = AtomicUsize::new(0);
    thread::scope(|scope| {
        for counter in 0..8 {
            let (first, seen, server) = (&first, &seen, &server);
            scope.spawn(move || {
                let mut local = MemoryGuard::new(10_000);
                let mut shared = server.guard(&format!("B-{counter}"));
                // Each counter begins elsewhere, so that each is the first for some.
                for step in 0..CODES {
                    let nonce = (step + counter * CODES / 8) % CODES;
                    let recorded = HallGuard::new(&mut local, &mut shared, GuardFallback::Undetermined)
                        .record(&sighting(0, nonce), at(1));
                    match recorded {
                        Ok(Recorded::First) => first[usize::try_from(nonce).unwrap()].fetch_add(1, Ordering::Relaxed),
                        Ok(Recorded::Seen) => seen.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other:?}: {:?}", shared.trouble()),
                    };
                }
            });
        }
    });
    assert!(first.iter().all(|times| times.load(Ordering::Relaxed) == 1));
    assert_eq!(seen.into_inner(), 7 * usize::try_from(CODES).unwrap());
}

#[test]
fn the_server_learns_of_no_permit_and_keeps_a_code_for_a_day() {
    let server = Server::start(&[]);
    server.settle();
    let mut guard = server.guard("A-1");
    assert_eq!(guard.first(&sighting(0, 1), at(0)), Ok(true));
    let keys = server.tell("KEYS juma:seen:*");
    let ours: Vec<&str> = keys.lines().filter(|line| line.starts_with("juma:seen:")).collect();
    // One of the settling, one of the code: 64 hexadecimal digits each.
    assert_eq!(ours.len(), 2, "{keys}");
    assert!(ours.iter().all(|key| key.len() == "juma:seen:".len() + 64), "{keys}");
    for key in ours {
        let left: u64 = server.tell(&format!("PTTL {key}")).trim_start_matches(':').trim().parse().unwrap();
        assert!((86_390_000..=86_400_000).contains(&left), "{left}");
    }
    assert_eq!(server.tell("CONFIG GET maxmemory-policy").lines().last(), Some("noeviction"));
}

// ---- Without the server

#[test]
fn while_the_server_is_away_nothing_is_accepted_that_the_policy_does_not_allow_and_never_twice() {
    let mut server = Server::start(&[]);
    server.settle();
    let clock = AtomicI64::new(0);
    let (stop, nonces) = (AtomicBool::new(false), AtomicUsize::new(0));
    let accepted: Mutex<Vec<String>> = Mutex::default();
    let away = AtomicU8::new(0);
    let address = server.address();
    thread::scope(|scope| {
        let counters: Vec<_> = (0..4)
            .map(|number| {
                let (clock, stop, nonces, accepted, away, address) =
                    (&clock, &stop, &nonces, &accepted, &away, &address);
                scope.spawn(move || {
                    let mut counter = Counter::new(&format!("C-{number}"), address);
                    let mut outcomes = [[0; 2]; 3];
                    while !stop.load(Ordering::SeqCst) {
                        let now = clock.load(Ordering::SeqCst);
                        let nonce = u64::try_from(nonces.fetch_add(1, Ordering::SeqCst)).unwrap();
                        let code = code(now, nonce);
                        let before = away.load(Ordering::SeqCst);
                        let verdict = counter.verify(&code, now);
                        let after = away.load(Ordering::SeqCst);
                        assert!(!verdict.replay_checked_here_only);
                        match verdict.reason {
                            Reason::Valid => {
                                accepted.lock().unwrap().push(code);
                                // In the middle of the outage, from question to answer, nobody can have said first.
                                assert!((before, after) != (1, 1), "accepted without the server");
                            }
                            Reason::ReplayGuardUnavailable => {
                                assert!(counter.shared.trouble().is_some());
                                assert_eq!(verdict.outcome(), Outcome::Undetermined);
                            }
                            other => panic!("{other:?}"),
                        }
                        outcomes[usize::from(after)][usize::from(verdict.reason == Reason::Valid)] += 1;
                    }
                    outcomes
                })
            })
            .collect();
        wait_until("codes are accepted", || accepted.lock().unwrap().len() > 200);
        server.kill();
        away.store(1, Ordering::SeqCst);
        let during = nonces.load(Ordering::SeqCst);
        wait_until("codes are refused", || nonces.load(Ordering::SeqCst) > during + 200);
        away.store(2, Ordering::SeqCst);
        server.start_again();
        // The hall's time goes on from here, a second with every look, until service is back.
        let before = accepted.lock().unwrap().len();
        thread::sleep(REST);
        wait_until("service is back", || {
            clock.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(40));
            accepted.lock().unwrap().len() > before + 200
        });
        stop.store(true, Ordering::SeqCst);
        for counter in counters {
            let [before, during, after] = counter.join().unwrap();
            assert!(before[1] > 0 && during[0] > 0 && after[0] > 0 && after[1] > 0, "{before:?} {during:?} {after:?}");
        }
    });
    let all = accepted.into_inner().unwrap();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), all.len());
}

#[test]
fn after_a_restart_nothing_is_accepted_twice_and_service_is_back_within_100_seconds() {
    let mut server = Server::start(&[]);
    server.settle();
    let mut one = Counter::new("A-1", &server.address());
    let codes: Vec<String> = (0..20).map(|nonce| code(0, nonce)).collect();
    for code in &codes {
        assert_eq!(one.verify(code, 0).reason, Reason::Valid);
    }
    server.kill();
    server.start_again();
    let mut other = Counter::new("A-2", &server.address());
    for now in [0, 10, 30] {
        for code in &codes {
            assert_eq!(other.verify(code, now).reason, Reason::ReplayGuardUnavailable);
            assert_eq!(one.verify(code, now).reason, Reason::Replayed);
        }
    }
    assert_eq!(trouble(&other.shared), "GUARD_FORGOT");
    // The first who asked did so at 0; codes made in the minute after it are refused, and the first after it is accepted.
    let back: Vec<i64> = (0..=100)
        .filter(|now| other.verify(&code(*now, 1_000 + now.unsigned_abs()), *now).reason == Reason::Valid)
        .collect();
    assert_eq!(back, (61..=100).collect::<Vec<_>>());
    assert_eq!(other.shared.trouble(), None);
    // The counter that had a connection to the old server is back as well.
    assert_eq!(one.verify(&code(100, 2_000), 100).reason, Reason::Valid);
    assert_eq!(other.verify(&code(100, 2_000), 100).reason, Reason::Replayed);
}

#[test]
fn a_server_that_comes_back_with_an_old_copy_of_its_memory_is_not_believed() {
    let mut server = Server::start(&[]);
    server.settle();
    let mut one = server.guard("A-1");
    assert_eq!(one.first(&sighting(0, 1), at(0)), Ok(true));
    assert_eq!(server.tell("SAVE").trim(), "+OK");
    assert_eq!(one.first(&sighting(0, 2), at(0)), Ok(true));
    server.kill();
    server.start_again();
    assert_eq!(server.tell("KEYS juma:guard:since:*").lines().count(), 3, "the copy has the time of the term before");
    let mut other = server.guard("A-2");
    assert_eq!(other.first(&sighting(0, 1), at(1)), Ok(false), "what it remembers is seen");
    assert_eq!(other.first(&sighting(0, 2), at(1)), Err(GuardUnavailable), "and what it does not is not first");
    assert_eq!(trouble(&other), "GUARD_FORGOT");
    assert_eq!(other.first(&sighting(61, 3), at(61)), Err(GuardUnavailable));
    assert_eq!(other.first(&sighting(62, 3), at(62)), Ok(true));
}

#[test]
fn a_server_that_was_emptied_is_not_believed() {
    let server = Server::start(&[]);
    server.settle();
    let mut guards = [server.guard("A-1"), server.guard("A-2")];
    assert_eq!(guards[0].first(&sighting(0, 1), at(0)), Ok(true));
    assert_eq!(guards[1].first(&sighting(0, 2), at(0)), Ok(true));
    assert_eq!(server.tell("FLUSHALL").trim(), "+OK");
    // Over connections that never broke.
    assert_eq!(guards[1].first(&sighting(0, 1), at(1)), Err(GuardUnavailable));
    assert_eq!(trouble(&guards[1]), "GUARD_FORGOT");
    assert_eq!(guards[0].first(&sighting(60, 3), at(60)), Err(GuardUnavailable));
    assert_eq!(guards[0].first(&sighting(62, 4), at(62)), Ok(true));
    assert_eq!(guards[1].first(&sighting(62, 4), at(62)), Ok(false));
}

#[test]
fn without_the_server_a_counter_may_go_by_itself_and_says_so() {
    let mut server = Server::start(&[]);
    server.settle();
    let mut counter = Counter::new("A-1", &server.address());
    counter.policy.guard_fallback = GuardFallback::LocalOnly;
    let verdict = counter.verify(&code(0, 1), 0);
    assert_eq!((verdict.reason, verdict.replay_checked_here_only), (Reason::Valid, false));
    server.kill();
    let verdict = counter.verify(&code(0, 2), 0);
    assert_eq!((verdict.reason, verdict.replay_checked_here_only), (Reason::Valid, true));
    assert_eq!(trouble(&counter.shared), "GUARD_UNREACHABLE");
    for nonce in [1, 2] {
        assert_eq!(counter.verify(&code(0, nonce), 0).reason, Reason::Replayed);
    }
    // By default it does not.
    counter.policy = Policy::default();
    assert_eq!(counter.verify(&code(0, 3), 0).reason, Reason::ReplayGuardUnavailable);
}

#[test]
fn after_a_failure_the_server_is_left_alone_for_two_seconds() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let mut guard =
        RedisGuard::new(RedisAddress::parse(&format!("redis://127.0.0.1:{port}")).unwrap(), counter_id("A-1"));
    assert_eq!(guard.first(&sighting(0, 1), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_HUNG_UP");
    let begun = Instant::now();
    for nonce in 2..100 {
        assert_eq!(guard.first(&sighting(0, nonce), at(0)), Err(GuardUnavailable));
        assert_eq!(trouble(&guard), "GUARD_HUNG_UP", "the reason stays");
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    thread::sleep(REST);
    assert_eq!(guard.first(&sighting(0, 100), at(0)), Err(GuardUnavailable));
    wait_until("the server was asked again", || calls.load(Ordering::SeqCst) == 2);
}

// ---- Answers that were lost

#[test]
fn an_answer_that_was_lost_makes_no_first_and_no_false_replay() {
    let server = Server::start(&[]);
    server.settle();
    let proxy = Proxy::start(server.port);
    let address = format!("redis://127.0.0.1:{}", proxy.port);
    let guard = |name: &str| RedisGuard::new(RedisAddress::parse(&address).unwrap(), counter_id(name));
    let (mut one, mut other) = (guard("A-1"), guard("A-2"));
    assert_eq!(one.first(&sighting(0, 1), at(0)), Ok(true));
    // The connection dies before the question arrives: the second attempt asks it for the first time.
    proxy.cut.store(Proxy::BEFORE, Ordering::SeqCst);
    assert_eq!(one.first(&sighting(0, 2), at(0)), Ok(true));
    // It dies after the question arrived: the server has the code, from this counter, and nobody knows since when.
    proxy.cut.store(Proxy::AFTER, Ordering::SeqCst);
    assert_eq!(one.first(&sighting(0, 3), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&one), "GUARD_ANSWER_LOST");
    assert_eq!(other.first(&sighting(0, 3), at(0)), Ok(false));
    // A code that another counter recorded was seen, however often the answer is lost.
    proxy.cut.store(Proxy::AFTER, Ordering::SeqCst);
    assert_eq!(other.first(&sighting(0, 1), at(0)), Ok(false));
    // A lost answer is no failure of the server: no rest.
    assert_eq!(one.first(&sighting(0, 4), at(0)), Ok(true));
}

// ---- Servers that will not do

#[test]
fn a_wrong_password_is_told_from_other_troubles() {
    let server = Server::start(&["--requirepass", "p@ss/w%rd"]);
    for (credentials, expected) in
        [("", "GUARD_PASSWORD"), (":wrong@", "GUARD_PASSWORD"), (":p%40ss%2Fw%25rd@", "GUARD_FORGOT")]
    {
        let address = format!("redis://{credentials}127.0.0.1:{}", server.port);
        let mut counter = Counter::new("A-1", &address);
        let verdict = counter.verify(&code(0, 1), 0);
        assert_eq!((verdict.reason, trouble(&counter.shared)), (Reason::ReplayGuardUnavailable, expected), "{address}");
        let said = counter.shared.trouble().unwrap();
        for text in [said.to_string(), said.zh(), format!("{said:?}"), format!("{:?}", counter.shared)] {
            assert!(!text.contains("wrong") && !text.contains("p@ss") && !text.contains("p%40"), "{text}");
        }
    }
    let mut right = Counter::new("A-1", &format!("redis://:p%40ss%2Fw%25rd@localhost:{}/3", server.port));
    assert_eq!(
        right.verify(&code(62, 1), 62).reason,
        Reason::ReplayGuardUnavailable,
        "another database, another beginning"
    );
    assert_eq!(right.verify(&code(123, 1), 123).reason, Reason::Valid);
    // One that wants none says so too, and one that has no such database.
    let open = Server::start(&[]);
    for (address, expected) in [
        (format!("redis://:any@127.0.0.1:{}", open.port), "GUARD_PASSWORD"),
        (format!("redis://127.0.0.1:{}/16", open.port), "GUARD_DATABASE"),
    ] {
        let mut guard = RedisGuard::new(RedisAddress::parse(&address).unwrap(), counter_id("A-1"));
        assert_eq!(guard.first(&sighting(0, 1), at(0)), Err(GuardUnavailable));
        assert_eq!(trouble(&guard), expected, "{address}");
    }
}

#[test]
fn a_server_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"]);
    let mut guard = server.guard("A-1");
    assert_eq!(guard.first(&sighting(-100, 1), at(-100)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_EVICTS");
    assert!(guard.trouble().unwrap().to_string().contains("allkeys-lru"));
    server.tell("CONFIG SET maxmemory-policy noeviction");
    let mut guard = server.guard("A-1");
    assert_eq!(guard.first(&sighting(0, 2), at(0)), Ok(true));
    // It may be set so at any time, and without any limit it does not matter how.
    server.tell("CONFIG SET maxmemory-policy volatile-ttl");
    assert_eq!(guard.first(&sighting(0, 3), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_EVICTS");
    server.tell("CONFIG SET maxmemory 0");
    assert_eq!(server.guard("A-1").first(&sighting(0, 4), at(0)), Ok(true));
    // Full, and forgetting nothing.
    server.tell("CONFIG SET maxmemory-policy noeviction");
    server.tell("CONFIG SET maxmemory 1");
    let mut guard = server.guard("A-1");
    assert_eq!(guard.first(&sighting(0, 5), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_FULL");
}

#[test]
fn a_replica_is_refused_and_a_replica_that_became_master_is_not_believed_at_once() {
    let master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    // A server's first replica begins a new term as well, so nothing is settled before it is there.
    wait_until("the replica follows", || replica.tell("INFO replication").contains("master_link_status:up"));
    master.settle();
    let mut at_master = master.guard("A-1");
    assert_eq!(at_master.first(&sighting(0, 1), at(0)), Ok(true));
    let copied = || replica.tell("KEYS juma:seen:*").matches("juma:seen:").count() == 2;
    wait_until("the replica has copied the code", copied);
    let mut at_replica = replica.guard("A-2");
    assert_eq!(at_replica.first(&sighting(0, 2), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&at_replica), "GUARD_REPLICA");
    // The master is lost with a code that the replica never heard of.
    replica.tell("REPLICAOF NO ONE");
    assert_eq!(at_master.first(&sighting(0, 3), at(0)), Ok(true));
    let mut promoted = replica.guard("A-2");
    assert_eq!(promoted.first(&sighting(0, 1), at(1)), Ok(false));
    assert_eq!(promoted.first(&sighting(0, 3), at(1)), Err(GuardUnavailable));
    assert_eq!(trouble(&promoted), "GUARD_FORGOT");
    assert_eq!(promoted.first(&sighting(62, 4), at(62)), Ok(true));
    // The old master comes back as a replica, over a connection that never broke.
    master.tell(&format!("REPLICAOF 127.0.0.1 {}", replica.port));
    assert_eq!(at_master.first(&sighting(62, 5), at(62)), Err(GuardUnavailable));
    assert_eq!(trouble(&at_master), "GUARD_REPLICA");
}

#[test]
fn a_master_that_was_a_replica_for_a_while_begins_anew() {
    let master = Server::start(&[]);
    let other = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    wait_until("the replica follows", || other.tell("INFO replication").contains("master_link_status:up"));
    master.settle();
    let mut kept = master.guard("A-1");
    assert_eq!(kept.first(&sighting(0, 1), at(0)), Ok(true));
    wait_until("the replica has it", || other.tell("KEYS juma:seen:*").matches("juma:seen:").count() == 2);
    other.tell("REPLICAOF NO ONE");
    assert_eq!(kept.first(&sighting(0, 2), at(0)), Ok(true));
    master.tell(&format!("REPLICAOF 127.0.0.1 {}", other.port));
    wait_until("it has taken the other's memory", || {
        master.tell("INFO replication").contains("master_link_status:up")
            && master.tell("KEYS juma:seen:*").matches("juma:seen:").count() == 2
    });
    master.tell("REPLICAOF NO ONE");
    // The connection never broke, the process never ended, the time of its first term is there: and the second code is gone.
    assert_eq!(kept.first(&sighting(0, 2), at(1)), Err(GuardUnavailable));
    assert!(["GUARD_FORGOT", "GUARD_ANSWER_LOST"].contains(&trouble(&kept)), "{}", trouble(&kept));
    // What it remembers is seen, but to the counter that recorded it, which asks its own guard first.
    assert_eq!(master.guard("A-2").first(&sighting(0, 1), at(1)), Ok(false));
    assert_eq!(kept.first(&sighting(0, 1), at(1)), Err(GuardUnavailable));
    assert_eq!(master.guard("A-2").first(&sighting(0, 3), at(1)), Err(GuardUnavailable));
}

#[test]
fn a_replica_that_can_be_written_to_is_refused_too() {
    let server = Server::start(&[]);
    server.settle();
    let mut kept = server.guard("A-1");
    assert_eq!(kept.first(&sighting(0, 1), at(0)), Ok(true));
    server.tell("CONFIG SET replica-read-only no");
    server.tell(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
    assert_eq!(kept.first(&sighting(0, 2), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&kept), "GUARD_REPLICA");
    let mut new = server.guard("A-2");
    assert_eq!(new.first(&sighting(0, 3), at(0)), Err(GuardUnavailable));
    assert_eq!(trouble(&new), "GUARD_REPLICA");
    assert!(!server.tell("KEYS juma:guard:*").is_empty());
}

#[test]
fn a_time_that_a_wrong_clock_left_at_the_server_is_named_and_can_be_mended() {
    let server = Server::start(&[]);
    // A counter whose clock is a year ahead is the first to ask.
    let year = 365 * 86_400;
    assert_eq!(server.guard("A-1").first(&sighting(year, 1), at(year)), Err(GuardUnavailable));
    let mut guard = server.guard("A-2");
    assert_eq!(guard.first(&sighting(100, 2), at(100)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_CLOCKS_DIFFER");
    let keys = server.tell("KEYS juma:guard:since:*");
    let key = keys.lines().find(|line| line.starts_with("juma:")).unwrap();
    server.tell(&format!("DEL {key}"));
    assert_eq!(guard.first(&sighting(100, 3), at(100)), Err(GuardUnavailable));
    assert_eq!(trouble(&guard), "GUARD_FORGOT");
    assert_eq!(guard.first(&sighting(161, 4), at(161)), Ok(true));
}

#[test]
fn what_is_no_server_or_never_answers_costs_less_than_a_second() {
    let cases: [(&str, Behaviour, &[&str]); 7] = [
        ("answers nothing", |stream| thread::sleep(5 * WAIT_MAX + keep(stream)), &["GUARD_SILENT"]),
        ("hangs up", drop, &["GUARD_HUNG_UP"]),
        (
            "speaks HTTP",
            |stream| answer(stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
            &["GUARD_NOT_REDIS"],
        ),
        ("answers other things", |stream| answer(stream, b"+OK\r\n+OK\r\n+OK\r\n"), &["GUARD_NOT_REDIS"]),
        (
            "is still starting",
            |stream| answer(stream, b"-LOADING Redis is loading the dataset in memory\r\n"),
            &["GUARD_STARTING"],
        ),
        ("answers a byte at a time", |stream| drip(stream, Duration::from_millis(50)), &["GUARD_SILENT"]),
        ("never ends its answer", |stream| drip(stream, Duration::ZERO), &["GUARD_NOT_REDIS"]),
    ];
    for (server, behave, expected) in cases {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = format!("redis://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || behave(stream));
            }
        });
        let mut counter = Counter::new("A-1", &address);
        for nonce in [1, 2] {
            let begun = Instant::now();
            let verdict = counter.verify(&code(0, nonce), 0);
            assert!(begun.elapsed() < WAIT_MAX, "{server}: {:?}", begun.elapsed());
            assert_eq!(verdict.reason, Reason::ReplayGuardUnavailable, "{server}");
            assert!(expected.contains(&trouble(&counter.shared)), "{server}: {}", trouble(&counter.shared));
        }
    }
    // Nobody there, and a name that nobody has.
    let port = free_port();
    for (address, expected) in [
        (format!("redis://127.0.0.1:{port}"), &["GUARD_UNREACHABLE"][..]),
        (format!("redis://[::1]:{port}"), &["GUARD_UNREACHABLE"]),
        (format!("redis://no-such-host.invalid:{port}"), &["GUARD_UNKNOWN_NAME", "GUARD_SILENT"]),
    ] {
        let mut guard = RedisGuard::new(RedisAddress::parse(&address).unwrap(), counter_id("A-1"));
        let begun = Instant::now();
        assert_eq!(guard.first(&sighting(0, 1), at(0)), Err(GuardUnavailable));
        assert!(begun.elapsed() < WAIT_MAX, "{address}: {:?}", begun.elapsed());
        assert!(expected.contains(&trouble(&guard)), "{address}: {}", trouble(&guard));
    }
}

#[test]
fn a_kept_connection_that_goes_silent_costs_less_than_a_second() {
    let server = Server::start(&[]);
    server.settle();
    let mut counter = Counter::new("A-1", &server.address());
    assert_eq!(counter.verify(&code(0, 1), 0).reason, Reason::Valid);
    // A stopped process keeps its connections and takes new ones, as a machine does that is out of memory.
    server.signal("STOP");
    let begun = Instant::now();
    assert_eq!(counter.verify(&code(0, 2), 0).reason, Reason::ReplayGuardUnavailable);
    assert!((PATIENCE..WAIT_MAX).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(trouble(&counter.shared), "GUARD_SILENT");
    server.signal("CONT");
    thread::sleep(REST);
    assert_eq!(counter.verify(&code(0, 3), 0).reason, Reason::Valid);
    // The question that was lost may have been heard meanwhile: another counter must not call it first.
    let mut other = Counter::new("A-2", &server.address());
    assert_ne!(other.verify(&code(0, 3), 0).reason, Reason::Valid);
}

// ---- From the command line

#[test]
fn two_counters_of_a_hall_at_the_command_line() {
    let mut server = Server::start(&["--requirepass", "Hall-Secret-42"]);
    let world = commands::World::new();
    let address = format!("redis://:Hall-Secret-42@127.0.0.1:{}", server.port);
    for state in ["counter", "counter-2"] {
        let set =
            world.run_with("verifier", &["policy", "--state", state, "--guard", "-"], address.as_bytes()).exits(0);
        assert!(set.out.contains(&format!("127.0.0.1:{}", server.port)), "{set}");
        assert!(!set.out.contains("Hall-Secret"), "{set}");
    }
    let verify = |seconds: i64, state: &str, code: &str, exit: i32| {
        let arguments = ["verify", "--state", state, "--text", code, "--json"];
        let ran = world.run_at(seconds, "verifier", &arguments).exits(exit);
        assert!(!ran.out.contains("Hall-Secret") && !ran.err.contains("Hall-Secret"), "{ran}");
        let verdict = ran.json();
        (verdict["reason"].as_str().unwrap().to_owned(), verdict.get("replay").cloned())
    };
    let code = |seconds: i64| world.code("phone", 1, seconds, &[]);
    let unavailable = ("REPLAY_GUARD_UNAVAILABLE".to_owned(), None);
    // The first question of all begins the server's term.
    assert_eq!(verify(0, "counter", &code(0), 3), unavailable);
    let shown = code(61);
    let accepted = verify(61, "counter", &shown, 0);
    assert!(accepted.0.starts_with("VALID") && accepted.1.is_none(), "{accepted:?}");
    assert_eq!(verify(62, "counter-2", &shown, 1), ("REPLAYED".to_owned(), None));
    server.kill();
    assert_eq!(verify(63, "counter-2", &code(63), 3), unavailable);
    world.run("verifier", &["policy", "--state", "counter-2", "--guard-fallback", "local-only"]).exits(0);
    let shown = code(64);
    let alone = verify(64, "counter-2", &shown, 0);
    assert_eq!(alone, (accepted.0, Some("local_only".into())));
    assert_eq!(verify(65, "counter-2", &shown, 1), ("REPLAYED".to_owned(), None));
}

// ---- Counters, codes, times

/// One counter: its own state folder, and its connection to the hall's server.
struct Counter {
    state: State,
    shared: RedisGuard,
    policy: Policy,
    _folder: TempDir,
}

impl Counter {
    fn new(name: &str, address: &str) -> Counter {
        let folder = tempfile::tempdir().unwrap();
        let state = State::create(&folder.path().join("state"), Thumbprint([7; 32]), counter_id(name)).unwrap();
        let shared = RedisGuard::new(RedisAddress::parse(address).unwrap(), counter_id(name));
        Counter { state, shared, policy: Policy::default(), _folder: folder }
    }

    /// Seconds after noon.
    fn verify(&mut self, code: &str, now: i64) -> Verdict {
        let (trust, status) = lists();
        let mut local = self.state.guard();
        let mut context = Context {
            now: at(now),
            trust: Some(trust),
            status,
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: &mut HallGuard::new(&mut local, &mut self.shared, self.policy.guard_fallback),
            policy: self.policy,
        };
        verify(&[code], &mut context)
    }
}

fn lists() -> &'static (TrustedList, StatusLists) {
    static LISTS: OnceLock<(TrustedList, StatusLists)> = OnceLock::new();
    LISTS.get_or_init(|| {
        let world = &World::load_all()["counter"];
        let trust = TrustedList::reload(&hex::decode(world.trust_list.as_ref().unwrap()).unwrap()).unwrap();
        let mut status = StatusLists::new();
        for list in &world.status_lists {
            status.put(TrustedStatusList::check(&hex::decode(list).unwrap(), &trust).unwrap());
        }
        (trust, status)
    })
}

/// A code of the first sample person, made so many seconds after noon.
fn code(made: i64, nonce: u64) -> String {
    static PERMIT: OnceLock<(Vec<u8>, TestKey)> = OnceLock::new();
    let (permit, device) = PERMIT.get_or_init(|| {
        let samples = SamplePermits::load();
        let sample = samples.permit(1);
        let device = worlds::device(sample);
        let issuer = key(&format!("{} permit", worlds::issuer_of(sample)));
        (objects::permit(sample, &issuer, &device, worlds::status_index(sample)).encode(), device)
    });
    let presentation = objects::presentation(permit, device, at(made).seconds(), nonce.to_be_bytes());
    digits(1, &presentation.encode())
}

fn sighting(made: i64, nonce: u64) -> Sighting {
    Sighting {
        code_issued_at: at(made),
        kid: Kid([1; 8]),
        status: StatusSlot { list: 1, index: 2 },
        nonce: nonce.to_be_bytes(),
        cnonce: None,
    }
}

/// Seconds after noon.
fn at(offset: i64) -> Timestamp {
    Timestamp::new(seconds(NOON).checked_add_signed(offset).unwrap()).unwrap()
}

fn counter_id(name: &str) -> CounterId {
    CounterId::parse(name).unwrap()
}

fn trouble(guard: &RedisGuard) -> &'static str {
    guard.trouble().map_or("none", |trouble| trouble.code())
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in a minute this did not come about: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

// ---- Servers

/// A `redis-server` of its own, in a folder of its own, that ends with the test.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl Server {
    /// Starts one that keeps everything in memory, with more options.
    fn start(options: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        // Another process may take the port first.
        for _ in 0..5 {
            let port = free_port();
            let process = spawn(port, &folder, &options);
            let mut server = Server { process, port, folder: tempfile::tempdir().unwrap(), options: options.clone() };
            if server.answers() {
                server.folder = folder;
                return server;
            }
        }
        panic!("redis-server does not start; try: redis-server --port 6400 {}", options.join(" "));
    }

    fn start_again(&mut self) {
        self.process = spawn(self.port, &self.folder, &self.options);
        assert!(self.answers(), "redis-server does not start again");
    }

    /// As a power cut does.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.process.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    fn answers(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                let mut line = String::new();
                let asked = stream.write_all(b"PING\r\n").and_then(|()| BufReader::new(stream).read_line(&mut line));
                if asked.is_ok() && (line.starts_with("+PONG") || line.starts_with("-NOAUTH")) {
                    return true;
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn guard(&self, counter: &str) -> RedisGuard {
        RedisGuard::new(RedisAddress::parse(&self.address()).unwrap(), counter_id(counter))
    }

    /// Somebody asked for the first time long before noon, so that codes of noon are first.
    fn settle(&self) {
        let mut guard = self.guard("SETTLING");
        assert_eq!(guard.first(&sighting(-200, 0), at(-200)), Err(GuardUnavailable));
        assert_eq!(trouble(&guard), "GUARD_FORGOT", "{:?}", guard.trouble());
    }

    /// Says one line, as a person with a terminal would, and gives the answer.
    fn tell(&self, line: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // The server ends the connection after QUIT, and so the answer.
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let answer = answer.strip_suffix("+OK\r\n").unwrap().to_owned();
        assert!(!answer.starts_with('-'), "{line}: {answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, folder: &TempDir, options: &[String]) -> Child {
    let spawned = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(folder.path())
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--repl-diskless-sync-delay", "0"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Ok(process) => process,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!(
                "redis-server is not installed, and a hall cannot be tested without it: apt-get install redis-server"
            )
        }
        Err(error) => panic!("redis-server does not start: {error}"),
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Stands between counters and a server, and loses what it is told to lose.
struct Proxy {
    port: u16,
    cut: Arc<AtomicU8>,
}

impl Proxy {
    /// Lose the next question, and its connection.
    const BEFORE: u8 = 1;
    /// Let the server answer the next question, and lose the answer and the connection.
    const AFTER: u8 = 2;

    fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicU8::new(0));
        let orders = Arc::clone(&cut);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let orders = Arc::clone(&orders);
                thread::spawn(move || relay(client, SocketAddr::from((Ipv4Addr::LOCALHOST, server)), &orders));
            }
        });
        Proxy { port, cut }
    }
}

/// Question by question: each fits into one packet, and its answer comes before the next.
fn relay(mut client: TcpStream, server: SocketAddr, orders: &AtomicU8) {
    let mut server = TcpStream::connect(server).unwrap();
    let mut buffer = [0; 65_536];
    loop {
        let length = client.read(&mut buffer).unwrap_or(0);
        let order = orders.swap(0, Ordering::SeqCst);
        if length == 0 || order == Proxy::BEFORE {
            break;
        }
        server.write_all(&buffer[..length]).unwrap();
        let length = server.read(&mut buffer).unwrap();
        if order == Proxy::AFTER {
            break;
        }
        client.write_all(&buffer[..length]).unwrap();
        // An answer in several packets: what comes within a moment belongs to it.
        server.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        while let Ok(length @ 1..) = server.read(&mut buffer) {
            client.write_all(&buffer[..length]).unwrap();
        }
        server.set_read_timeout(None).unwrap();
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// What something that is no server does with a connection.
type Behaviour = fn(TcpStream);

/// Holds a connection open for as long as the process runs.
fn keep(stream: TcpStream) -> Duration {
    std::mem::forget(stream);
    Duration::ZERO
}

/// The same answer to whatever comes.
fn answer(mut stream: TcpStream, answer: &[u8]) {
    let mut buffer = [0; 4_096];
    while let Ok(1..) = stream.read(&mut buffer) {
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// The beginning of a long answer, and a byte of it every so often.
fn drip(mut stream: TcpStream, pause: Duration) {
    let mut sent = stream.write_all(b"$500000000\r\n");
    while sent.is_ok() {
        thread::sleep(pause);
        sent = stream.write_all(if pause.is_zero() { &[b'x'; 4_096] } else { b"x" });
    }
}
