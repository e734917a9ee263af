//! The guard that the counters of a hall share, kept by a Redis or Valkey server in the same building.
//!
//! For each code that a counter is about to accept, the server is asked to set a key if it is absent, in one transaction with the checks
//! below; it answers "set" to exactly one of all counters. The key is the SHA-256 of the sighting, the value is the counter's id: the
//! server learns of no person and of no permit.
//!
//! # What it promises
//!
//! As long as one server answers, it calls a code first once. A server can forget, and the promise then still holds, because this guard
//! notices and says [`GuardUnavailable`] rather than *first*:
//!
//! - **It was started again,** with nothing, or with a copy of its memory that was older than the last code; or it was emptied; or a
//!   replica took its place, which had not heard of the last codes. Each start of a server and each time that a server becomes the master
//!   is a term with a name of its own (`run_id`, `master_replid`), and a code is called first only if it was made a minute or more after
//!   the first question in this term: `juma:guard:since:<term>` holds that time. So there is a minute after every start of the server, and
//!   after its first replica has come, in which counters do without it.
//! - **It evicts keys when its memory is full:** refused, unless it has no limit or `maxmemory-policy noeviction`.
//! - **It is a replica:** refused; two counters with two replicas would both hear *first*.
//! - **An answer was lost:** the code is asked about once more, and when the server then has it from this very counter it may be the first
//!   time or not, which is unavailable.
//!
//! # What it does not promise
//!
//! - Two masters at once, after a network was cut in two and a replica was made master in one half: each half calls a code first once. A
//!   hall needs no failover; one server without replicas has no such moment.
//! - Clocks of counters that differ by more than 55 seconds, at a restart of the server: codes of the last moments before it could be
//!   called first again by a counter whose clock is behind. Without a restart clocks may differ by a day, for which codes are kept.
//! - Who can write to the server can make it lie. Give it a password and a network of its own; the protocol is not encrypted. A lie can at
//!   worst make two counters accept one code, as if they shared nothing: each counter's own guard stands (see [`hall`](crate::hall)).
//! - Codes that counters accepted by themselves while the server could not be reached are not brought to it afterwards.
//!
//! # Nobody waits
//!
//! An attempt ends after [`PATIENCE`], connecting included, however slowly the server answers. A connection that was kept may have died
//! unnoticed, so there is one attempt more with a new one. After a failure the server is left alone for [`REST`].

mod address;
mod link;
mod trouble;

use std::time::{Duration, Instant};

use credential_format::counter_id::CounterId;
use credential_format::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

pub use address::{RedisAddress, RedisAddressError};
pub use trouble::GuardTrouble;

use crate::hall::SharedGuard;
use crate::replay::{GuardUnavailable, Sighting};
use link::{Answer, Link, Lookup, Question};
use trouble::Fault;

/// How long one attempt may take, from finding the server to its answer. A call makes two attempts at most.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// How long the server is left alone after a failure.
pub const REST: Duration = Duration::from_secs(2);

/// How long the server keeps a code: a day, as this counter's own guard does, so that clocks may differ by hours. About 200 bytes each.
const KEEP_MILLIS: u64 = 86_400_000;

/// From the first question in a term until codes are called first again, in seconds: longer than a code is fresh, and than clocks differ.
const SETTLE_SECS: u64 = 60;

/// The shared guard of a hall, as one counter sees it.
///
/// Connects at the first question, and again when it must.
pub struct RedisGuard {
    address: RedisAddress,
    counter: CounterId,
    lookup: Lookup,
    link: Option<Link>,
    trouble: Option<GuardTrouble>,
    rest_until: Option<Instant>,
}

impl RedisGuard {
    /// The guard at this address. Nothing is sent before the first question; `counter` is what the server keeps beside each code.
    pub fn new(address: RedisAddress, counter: CounterId) -> RedisGuard {
        RedisGuard { address, counter, lookup: Lookup::default(), link: None, trouble: None, rest_until: None }
    }

    /// Where the server is.
    pub fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Why the last question had no answer, if it had none.
    pub fn trouble(&self) -> Option<&GuardTrouble> {
        self.trouble.as_ref()
    }

    fn ask(&mut self, sighting: &Sighting, now: Timestamp) -> Result<bool, Fault> {
        let question = Question {
            key: key(sighting),
            counter: self.counter.as_str(),
            keep_millis: KEEP_MILLIS,
            // At the end of all time nothing is ever settled.
            settled_at: now.checked_add(SETTLE_SECS).unwrap_or(Timestamp::MAX),
        };
        let mut answer_lost = false;
        if let Some(mut link) = self.link.take() {
            match link.ask(&question, Instant::now() + PATIENCE) {
                Ok(answer) => {
                    self.link = Some(link);
                    return decide(&answer, answer_lost, sighting, now);
                }
                Err(fault) if fault.is_of_the_link() => answer_lost = true,
                Err(fault) => return Err(self.rest_after(fault)),
            }
        }
        let until = Instant::now() + PATIENCE;
        let linked = Link::open(&self.address, &mut self.lookup, until);
        match linked.and_then(|mut link| link.ask(&question, until).map(|answer| (link, answer))) {
            Ok((link, answer)) => {
                self.link = Some(link);
                decide(&answer, answer_lost, sighting, now)
            }
            Err(fault) => Err(self.rest_after(fault)),
        }
    }

    fn rest_after(&mut self, fault: Fault) -> Fault {
        self.rest_until = Some(Instant::now() + REST);
        fault
    }
}

impl SharedGuard for RedisGuard {
    fn first(&mut self, sighting: &Sighting, now: Timestamp) -> Result<bool, GuardUnavailable> {
        // The trouble stays as it was.
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return Err(GuardUnavailable);
        }
        self.rest_until = None;
        let asked = self.ask(sighting, now);
        self.trouble = asked.as_ref().err().map(|fault| GuardTrouble::new(&self.address, fault.clone()));
        asked.map_err(|_| GuardUnavailable)
    }
}

impl std::fmt::Debug for RedisGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisGuard")
            .field("address", &self.address)
            .field("counter", &self.counter)
            .field("linked", &self.link.is_some())
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

/// What an answer is worth. "Seen" by another is true whenever the server says it; "first" only if it could know.
fn decide(answer: &Answer, answer_lost: bool, sighting: &Sighting, now: Timestamp) -> Result<bool, Fault> {
    match answer {
        Answer { first: false, by_this_counter: true, .. } if answer_lost => Err(Fault::AnswerLost),
        // This counter asked before, and could not be told: that is no replay.
        Answer { first: false, by_this_counter: true, settled_at } if sighting.code_issued_at <= *settled_at => {
            Err(Fault::Forgot(*settled_at))
        }
        Answer { first: false, .. } => Ok(false),
        Answer { settled_at, .. } if sighting.code_issued_at > *settled_at => Ok(true),
        // Twice the time: no counter sets more than once, and clocks may differ.
        Answer { settled_at, .. } if settled_at.seconds_since(now) > 2 * SETTLE_SECS.cast_signed() => {
            Err(Fault::ClocksDiffer(*settled_at))
        }
        Answer { settled_at, .. } => Err(Fault::Forgot(*settled_at)),
    }
}

/// The sighting's name at the server: the SHA-256 of its time, key id, list, index and nonce, each with its full width, big endian.
fn key(sighting: &Sighting) -> String {
    let digest = Sha256::new()
        .chain_update(sighting.code_issued_at.seconds().to_be_bytes())
        .chain_update(sighting.kid.0)
        .chain_update(sighting.status.list.to_be_bytes())
        .chain_update(sighting.status.index.to_be_bytes())
        .chain_update(sighting.nonce)
        .finalize();
    format!("juma:seen:{}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use credential_format::key::Kid;
    use credential_format::permit::StatusSlot;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(1_800_000_000 + seconds).unwrap()
    }

    fn sighting() -> Sighting {
        Sighting {
            code_issued_at: at(100),
            kid: Kid([1; 8]),
            status: StatusSlot { list: 1, index: 2 },
            nonce: [3; 8],
            cnonce: None,
        }
    }

    fn answer(first: bool, by_this_counter: bool, settled: u64) -> Answer {
        Answer { first, by_this_counter, settled_at: at(settled) }
    }

    #[test]
    fn a_code_is_first_only_if_the_server_could_know() {
        let decided = |answer, lost| decide(&answer, lost, &sighting(), at(100));
        assert_eq!(decided(answer(true, true, 99), false), Ok(true));
        assert_eq!(decided(answer(true, true, 99), true), Ok(true));
        assert_eq!(decided(answer(true, true, 100), false), Err(Fault::Forgot(at(100))));
        assert_eq!(decided(answer(true, true, 220), false), Err(Fault::Forgot(at(220))));
        assert_eq!(decided(answer(true, true, 221), false), Err(Fault::ClocksDiffer(at(221))));
    }

    #[test]
    fn seen_is_seen_but_for_what_this_counter_may_have_set_itself() {
        let decided = |answer, lost| decide(&answer, lost, &sighting(), at(100));
        assert_eq!(decided(answer(false, true, 99), false), Ok(false));
        assert_eq!(decided(answer(false, true, 100), false), Err(Fault::Forgot(at(100))));
        for settled in [0, 99, 100, 500] {
            assert_eq!(decided(answer(false, false, settled), false), Ok(false));
            assert_eq!(decided(answer(false, false, settled), true), Ok(false));
            assert_eq!(decided(answer(false, true, settled), true), Err(Fault::AnswerLost));
        }
    }

    #[test]
    fn the_key_is_of_all_that_makes_a_code_the_same_and_of_nothing_else() {
        let one = sighting();
        let answered = Sighting { cnonce: Some([9; 16]), ..one };
        assert_eq!(key(&one), key(&answered));
        let others = [
            Sighting { code_issued_at: at(101), ..one },
            Sighting { kid: Kid([2; 8]), ..one },
            Sighting { status: StatusSlot { list: 2, index: 2 }, ..one },
            Sighting { status: StatusSlot { list: 1, index: 3 }, ..one },
            Sighting { nonce: [4; 8], ..one },
        ];
        for other in others {
            assert_ne!(key(&one), key(&other), "{other:?}");
        }
        // Other implementations at other counters must write the same.
        assert_eq!(key(&one), "juma:seen:5cb8269efff295e484dd725a78d7c6f629eedbbc05fcc1a22d1d4753a9abd2d7");
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let address = RedisAddress::parse("redis://:Secret42@127.0.0.1").unwrap();
        let guard = RedisGuard::new(address, CounterId::parse("A-1").unwrap());
        assert!(!format!("{guard:?}").contains("Secret42"), "{guard:?}");
    }
}
