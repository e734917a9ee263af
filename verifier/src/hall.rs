//! A hall of counters: one replay guard that several counters share, beside the one that each of them has.
//!
//! A counter alone can promise that it accepts a code once. Within the half minute in which a code is fresh, the holder, or whoever
//! photographed the screen, could show it at the next counter too; counters that share a guard accept it once in the whole hall.
//! [`HallGuard`] joins the two promises, [`SharedGuard`] is what the shared one has to do.
//!
//! | this counter knows the code | the shared guard | recorded |
//! |---|---|---|
//! | yes, or its challenge is used up | not asked | what this counter knows |
//! | no | first | by this counter too: [`Recorded::First`] |
//! | no | seen | [`Recorded::Seen`] |
//! | no | cannot tell | nothing, [`GuardUnavailable`]; or, if the [policy](GuardFallback) is so, by this counter: [`Recorded::FirstHere`] |
//! | cannot tell or record | | [`GuardUnavailable`] |
//!
//! Nothing is ever first that this counter has not recorded itself, so that a shared guard that lies or forgets can never make one counter
//! accept a code twice. What could not be told is not recorded here: the same code, scanned again when the shared guard is back, is not
//! called a replay. Challenges stay with the counter that made them: a code that answers one is for that counter only.

use credential_format::timestamp::Timestamp;

use crate::policy::GuardFallback;
use crate::replay::{GuardUnavailable, LocalGuard, Recorded, ReplayGuard, Sighting};

/// Remembers codes for several counters.
pub trait SharedGuard {
    /// Records the sighting if none of the counters has recorded it before: `true` for exactly one of all who ever ask, `false` for the
    /// others. The sighting's `cnonce` is not looked at. `now` is the asking counter's time.
    ///
    /// # Errors
    /// [`GuardUnavailable`] when it cannot be told, or not in the time that a queue can wait.
    fn first(&mut self, sighting: &Sighting, now: Timestamp) -> Result<bool, GuardUnavailable>;
}

/// The guard of one counter in a hall: its own and the shared one.
#[derive(Debug)]
pub struct HallGuard<'a, L, S> {
    local: &'a mut L,
    shared: &'a mut S,
    fallback: GuardFallback,
}

impl<'a, L: LocalGuard, S: SharedGuard> HallGuard<'a, L, S> {
    /// This counter's own guard, the one that it shares, and what to do without that.
    pub fn new(local: &'a mut L, shared: &'a mut S, fallback: GuardFallback) -> HallGuard<'a, L, S> {
        HallGuard { local, shared, fallback }
    }
}

impl<L: LocalGuard, S: SharedGuard> ReplayGuard for HallGuard<'_, L, S> {
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable> {
        if let Some(known) = self.local.known(sighting)? {
            return Ok(known);
        }
        match (self.shared.first(sighting, now), self.fallback) {
            (Ok(true), _) => self.local.record(sighting, now),
            (Ok(false), _) => Ok(Recorded::Seen),
            (Err(unavailable), GuardFallback::Undetermined) => Err(unavailable),
            (Err(_), GuardFallback::LocalOnly) => Ok(match self.local.record(sighting, now)? {
                Recorded::First => Recorded::FirstHere,
                known => known,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use credential_format::key::Kid;
    use credential_format::permit::StatusSlot;

    use super::*;
    use crate::replay::MemoryGuard;

    /// Answers as it is told, and keeps what it was asked.
    struct Shared {
        answer: Result<bool, GuardUnavailable>,
        asked: Vec<(Sighting, Timestamp)>,
    }

    impl SharedGuard for Shared {
        fn first(&mut self, sighting: &Sighting, now: Timestamp) -> Result<bool, GuardUnavailable> {
            self.asked.push((*sighting, now));
            self.answer
        }
    }

    fn shared(answer: Result<bool, GuardUnavailable>) -> Shared {
        Shared { answer, asked: Vec::new() }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(1_800_000_000 + seconds).unwrap()
    }

    fn sighting(nonce: u8, cnonce: Option<u8>) -> Sighting {
        Sighting {
            code_issued_at: at(0),
            kid: Kid([1; 8]),
            status: StatusSlot { list: 1, index: 2 },
            nonce: [nonce; 8],
            cnonce: cnonce.map(|b| [b; 16]),
        }
    }

    const STRICT: GuardFallback = GuardFallback::Undetermined;
    const ALONE: GuardFallback = GuardFallback::LocalOnly;

    #[test]
    fn both_must_say_first() {
        let mut local = MemoryGuard::new(10);
        for (nonce, answer, fallback, recorded, kept) in [
            (1, Ok(true), STRICT, Ok(Recorded::First), 1),
            (2, Ok(false), STRICT, Ok(Recorded::Seen), 1),
            (3, Ok(false), ALONE, Ok(Recorded::Seen), 1),
            (4, Err(GuardUnavailable), STRICT, Err(GuardUnavailable), 1),
            (5, Err(GuardUnavailable), ALONE, Ok(Recorded::FirstHere), 2),
            (6, Ok(true), ALONE, Ok(Recorded::First), 3),
        ] {
            let mut shared = shared(answer);
            let sighting = sighting(nonce, None);
            assert_eq!(HallGuard::new(&mut local, &mut shared, fallback).record(&sighting, at(7)), recorded);
            assert_eq!(shared.asked, [(sighting, at(7))]);
            assert_eq!(local.len(), kept, "{nonce}");
        }
        // What could not be told is first when it can.
        let mut shared = shared(Ok(true));
        assert_eq!(
            HallGuard::new(&mut local, &mut shared, STRICT).record(&sighting(4, None), at(8)),
            Ok(Recorded::First)
        );
    }

    #[test]
    fn what_this_counter_knows_is_not_asked() {
        let mut local = MemoryGuard::new(2);
        for nonce in [1, 2] {
            assert_eq!(local.record(&sighting(nonce, Some(nonce)), at(0)), Ok(Recorded::First));
        }
        let mut shared = shared(Err(GuardUnavailable));
        for fallback in [STRICT, ALONE] {
            let mut hall = HallGuard::new(&mut local, &mut shared, fallback);
            assert_eq!(hall.record(&sighting(1, Some(1)), at(1)), Ok(Recorded::Seen));
            assert_eq!(hall.record(&sighting(4, Some(1)), at(1)), Ok(Recorded::ChallengeUsed));
        }
        assert_eq!(shared.asked, []);
    }

    #[test]
    fn a_counter_that_cannot_record_accepts_nothing_whatever_the_others_say() {
        for answer in [Ok(true), Err(GuardUnavailable)] {
            let (mut full, mut shared) = (MemoryGuard::new(0), shared(answer));
            let recorded = HallGuard::new(&mut full, &mut shared, ALONE).record(&sighting(1, None), at(0));
            assert_eq!(recorded, Err(GuardUnavailable));
        }
    }
}
