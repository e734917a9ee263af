//! The replay guard: a code that was accepted once is not accepted again.
//!
//! The guard's contract is **record before green**: [`ReplayGuard::record`] returns [`Recorded::First`] only after the sighting is kept as
//! durably as the guard promises, and for one of several askers at once only.

use alloc::collections::{BTreeMap, BTreeSet};

use credential_format::key::Kid;
use credential_format::permit::StatusSlot;
use credential_format::timestamp::Timestamp;

/// One acceptance of one code: no name, no number, nothing that tells who was here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The code's own time.
    pub code_issued_at: Timestamp,
    /// Which issuer key signed the permit.
    pub kid: Kid,
    /// Which permit.
    pub status: StatusSlot,
    /// Which code of the phone.
    pub nonce: [u8; 8],
    /// The challenge that the code answers, which is used up with it; no part of the code's identity.
    pub cnonce: Option<[u8; 16]>,
}

/// What makes a sighting the same as another: the code's time, the permit, the nonce.
type Identity = (Timestamp, Kid, StatusSlot, [u8; 8]);

impl Sighting {
    fn identity(&self) -> Identity {
        (self.code_issued_at, self.kid, self.status, self.nonce)
    }
}

/// What a guard knows of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Never seen before, and recorded now, by all who share the guard.
    First,
    /// Never seen before at this counter, and recorded here; the others of its hall could not be asked.
    FirstHere,
    /// The same code was accepted before.
    Seen,
    /// The challenge was answered before, by another code.
    ChallengeUsed,
}

/// The guard cannot tell or cannot record; nothing may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay guard cannot record; check the disk and the state folder")]
pub struct GuardUnavailable;

/// Remembers accepted codes.
pub trait ReplayGuard {
    /// Records the sighting if it is the first of its kind. `now` lets a guard forget what the window of freshness rules out.
    ///
    /// # Errors
    /// [`GuardUnavailable`] when it cannot be recorded.
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable>;
}

/// A guard that can be asked without recording: one counter's own.
pub trait LocalGuard: ReplayGuard {
    /// What is known of the sighting: [`Recorded::Seen`], [`Recorded::ChallengeUsed`], or nothing.
    ///
    /// # Errors
    /// [`GuardUnavailable`] when it cannot be told.
    fn known(&mut self, sighting: &Sighting) -> Result<Option<Recorded>, GuardUnavailable>;
}

/// A guard in memory, for one process that does not restart: it forgets when it ends. A counter uses the one in the state folder.
#[derive(Clone, Debug)]
pub struct MemoryGuard {
    seen: BTreeMap<Identity, Option<[u8; 16]>>,
    challenges: BTreeSet<[u8; 16]>,
    /// The newest time of a code that was forgotten. None of that time or before is ever called first again, however the clock is set.
    forgotten: Option<Timestamp>,
    most: usize,
}

/// Sightings older than this cannot become fresh again: ten times the window.
const KEEP_SECS: i64 = 300;

impl MemoryGuard {
    /// A guard for at most `most` sightings within its window; when full it is unavailable rather than forgetful.
    pub fn new(most: usize) -> MemoryGuard {
        MemoryGuard { seen: BTreeMap::new(), challenges: BTreeSet::new(), forgotten: None, most }
    }

    /// The number of sightings kept.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.seen.first_entry() {
            if now.seconds_since(oldest.key().0) <= KEEP_SECS {
                break;
            }
            self.forgotten = self.forgotten.max(Some(oldest.key().0));
            if let Some(cnonce) = oldest.remove() {
                self.challenges.remove(&cnonce);
            }
        }
    }
}

impl LocalGuard for MemoryGuard {
    fn known(&mut self, sighting: &Sighting) -> Result<Option<Recorded>, GuardUnavailable> {
        if self.seen.contains_key(&sighting.identity()) {
            return Ok(Some(Recorded::Seen));
        }
        let used = sighting.cnonce.is_some_and(|cnonce| self.challenges.contains(&cnonce));
        Ok(used.then_some(Recorded::ChallengeUsed))
    }
}

impl ReplayGuard for MemoryGuard {
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable> {
        self.forget_old(now);
        if self.seen.contains_key(&sighting.identity()) {
            return Ok(Recorded::Seen);
        }
        if Some(sighting.code_issued_at) <= self.forgotten || self.seen.len() >= self.most {
            return Err(GuardUnavailable);
        }
        if let Some(cnonce) = sighting.cnonce
            && !self.challenges.insert(cnonce)
        {
            return Ok(Recorded::ChallengeUsed);
        }
        self.seen.insert(sighting.identity(), sighting.cnonce);
        Ok(Recorded::First)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(at: u64, nonce: u8, cnonce: Option<u8>) -> Sighting {
        Sighting {
            code_issued_at: Timestamp::new(1_800_000_000 + at).unwrap(),
            kid: Kid([1; 8]),
            status: StatusSlot { list: 1, index: 2 },
            nonce: [nonce; 8],
            cnonce: cnonce.map(|b| [b; 16]),
        }
    }

    fn now(at: u64) -> Timestamp {
        Timestamp::new(1_800_000_000 + at).unwrap()
    }

    #[test]
    fn once_is_once() {
        let mut guard = MemoryGuard::new(10);
        assert_eq!(guard.record(&sighting(0, 1, None), now(1)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(0, 1, None), now(2)), Ok(Recorded::Seen));
        assert_eq!(guard.record(&sighting(0, 2, None), now(2)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(0, 3, Some(9)), now(2)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(0, 4, Some(9)), now(2)), Ok(Recorded::ChallengeUsed));
    }

    #[test]
    fn what_was_forgotten_is_not_first_again_when_the_clock_goes_back() {
        let mut guard = MemoryGuard::new(10);
        assert_eq!(guard.record(&sighting(10, 1, None), now(10)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(311, 2, None), now(311)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(10, 1, None), now(10)), Err(GuardUnavailable));
        assert_eq!(guard.record(&sighting(11, 1, None), now(11)), Ok(Recorded::First));
    }

    #[test]
    fn a_full_guard_accepts_nothing_and_forgets_only_what_is_old() {
        let mut guard = MemoryGuard::new(2);
        assert!(guard.is_empty());
        assert_eq!(guard.record(&sighting(0, 1, None), now(0)), Ok(Recorded::First));
        assert!(!guard.is_empty());
        assert_eq!(guard.record(&sighting(1, 2, None), now(1)), Ok(Recorded::First));
        assert_eq!(guard.record(&sighting(1, 3, None), now(300)), Err(GuardUnavailable));
        assert_eq!(guard.record(&sighting(0, 1, None), now(300)), Ok(Recorded::Seen));
        assert_eq!(guard.record(&sighting(301, 3, None), now(301)), Ok(Recorded::First));
        assert_eq!(guard.len(), 2);
    }
}
