//! A hall of counters: one replay guard that several counters share, beside the one that each of them has.
//!
//! A counter alone can promise that it accepts a code once. Within the half minute in which a code is fresh, the holder, or whoever
//! photographed the screen, could show it at the next counter too; counters that share a guard accept it once in the whole hall.
//! [`HallGuard`] joins the two promises, [`SharedGuard`] is what the shared one has to do.
//!
//! | this counter's guard | the shared guard | recorded |
//! |---|---|---|
//! | first | first | [`Recorded::First`] |
//! | first | seen | [`Recorded::Seen`] |
//! | first | cannot tell | [`Recorded::FirstHere`]: whether that will do is the [policy's](crate::policy::Policy) to say |
//! | seen, or the challenge is used up | not asked | the same |
//! | cannot record | not asked | [`GuardUnavailable`] |
//!
//! The counter's own guard is asked first, so that its record is on the disk whatever becomes of the network, and so that a shared guard
//! that lies or forgets can never make one counter accept a code twice. Challenges stay with the counter that made them: a code that
//! answers one is for that counter only, wherever else it is shown.
//!
//! A code whose verdict was undetermined because the shared guard could not tell is used up at this counter. The next code of the phone,
//! a quarter of a minute later, is another.

use credential_format::timestamp::Timestamp;

use crate::replay::{GuardUnavailable, Recorded, ReplayGuard, Sighting};

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
}

impl<'a, L: ReplayGuard, S: SharedGuard> HallGuard<'a, L, S> {
    /// This counter's own guard, and the one that it shares.
    pub fn new(local: &'a mut L, shared: &'a mut S) -> HallGuard<'a, L, S> {
        HallGuard { local, shared }
    }
}

impl<L: ReplayGuard, S: SharedGuard> ReplayGuard for HallGuard<'_, L, S> {
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable> {
        match self.local.record(sighting, now)? {
            Recorded::First => Ok(match self.shared.first(sighting, now) {
                Ok(true) => Recorded::First,
                Ok(false) => Recorded::Seen,
                Err(GuardUnavailable) => Recorded::FirstHere,
            }),
            known => Ok(known),
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

    #[test]
    fn both_must_say_first() {
        let mut local = MemoryGuard::new(10);
        for (nonce, answer, recorded) in [
            (1, Ok(true), Recorded::First),
            (2, Ok(false), Recorded::Seen),
            (3, Err(GuardUnavailable), Recorded::FirstHere),
        ] {
            let mut shared = shared(answer);
            let sighting = sighting(nonce, None);
            assert_eq!(HallGuard::new(&mut local, &mut shared).record(&sighting, at(7)), Ok(recorded));
            assert_eq!(shared.asked, [(sighting, at(7))]);
        }
        assert_eq!(local.len(), 3, "recorded here whatever the others say");
    }

    #[test]
    fn what_this_counter_knows_is_not_asked() {
        let mut local = MemoryGuard::new(2);
        for nonce in [1, 2] {
            assert_eq!(local.record(&sighting(nonce, Some(nonce)), at(0)), Ok(Recorded::First));
        }
        let mut shared = shared(Ok(true));
        let mut hall = HallGuard::new(&mut local, &mut shared);
        assert_eq!(hall.record(&sighting(1, Some(1)), at(1)), Ok(Recorded::Seen));
        // The third does not fit.
        assert_eq!(hall.record(&sighting(3, None), at(1)), Err(GuardUnavailable));
        let mut roomy = MemoryGuard::new(10);
        assert_eq!(roomy.record(&sighting(1, Some(1)), at(0)), Ok(Recorded::First));
        let mut hall = HallGuard::new(&mut roomy, &mut shared);
        assert_eq!(hall.record(&sighting(4, Some(1)), at(1)), Ok(Recorded::ChallengeUsed));
        assert_eq!(shared.asked, []);
    }

    #[test]
    fn halls_within_halls_stay_honest() {
        let (mut local, mut down, mut up) = (MemoryGuard::new(10), shared(Err(GuardUnavailable)), shared(Ok(true)));
        let mut inner = HallGuard::new(&mut local, &mut down);
        assert_eq!(HallGuard::new(&mut inner, &mut up).record(&sighting(1, None), at(0)), Ok(Recorded::FirstHere));
    }
}
