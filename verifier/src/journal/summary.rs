//! What a day, or several, came to: counts by outcome, reason and hour, and how long people waited.

use std::collections::BTreeMap;

use super::{Entry, What};
use crate::verdict::{Outcome, Reason};

/// Entries counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All checks.
    pub checks: Counts,
    /// How often a clerk decided that the person was not the holder.
    pub person_mismatch: u64,
    /// Checks by reason, the most frequent first.
    pub reasons: Vec<(Reason, u64)>,
    /// Checks by hour of the day in Shanghai, 0 to 23; hours without any are left out.
    pub hours: Vec<(u8, Counts)>,
    /// How long codes were in view before their verdicts.
    pub waits: Waits,
}

/// Checks by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted.
    pub accept: u64,
    /// Rejected.
    pub reject: u64,
    /// Undetermined.
    pub undetermined: u64,
}

/// Waits, of the checks that know theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many.
    pub count: u64,
    /// Half of them waited no longer, in milliseconds.
    pub median_ms: Option<u64>,
    /// Nine of ten waited no longer.
    pub p90_ms: Option<u64>,
    /// How many of them up to each of [`WAIT_BARS_MS`], and the rest.
    pub bars: [u64; 5],
}

/// The upper ends of the bars of [`Waits`], in milliseconds.
pub const WAIT_BARS_MS: [u64; 4] = [500, 1_000, 2_000, 5_000];

impl Summary {
    /// Counts entries.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Summary {
        let mut summary = Summary::default();
        let (mut reasons, mut hours, mut waits) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for entry in entries {
            match &entry.what {
                What::Check(checked) => {
                    summary.checks.add(checked.outcome);
                    hours.entry(hour(entry)).or_insert(Counts::default()).add(checked.outcome);
                    add(reasons.entry(checked.reason).or_insert(0));
                    waits.extend(checked.waited_ms);
                }
                What::PersonMismatch { .. } => add(&mut summary.person_mismatch),
                What::Compared { .. } | What::Revealed { .. } | What::Exported { .. } => {}
            }
        }
        summary.reasons = reasons.into_iter().collect();
        summary.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        summary.hours = hours.into_iter().collect();
        summary.waits = Waits::of(waits);
        summary
    }
}

/// The hour of the day in Shanghai.
fn hour(entry: &Entry) -> u8 {
    let since = entry.at.seconds_since(entry.at.day().start_of_day());
    u8::try_from(since.div_euclid(3_600)).unwrap_or_default().min(23)
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.accept.saturating_add(self.reject).saturating_add(self.undetermined)
    }

    fn add(&mut self, outcome: Outcome) {
        add(match outcome {
            Outcome::Accept => &mut self.accept,
            Outcome::Reject => &mut self.reject,
            Outcome::Undetermined => &mut self.undetermined,
        });
    }
}

impl Waits {
    fn of(mut waits: Vec<u64>) -> Waits {
        waits.sort_unstable();
        let mut bars = [0; 5];
        for wait in &waits {
            let place = WAIT_BARS_MS.iter().position(|end| wait <= end).unwrap_or(WAIT_BARS_MS.len());
            bars.get_mut(place).into_iter().for_each(add);
        }
        // The nearest rank: a wait that somebody had.
        let up_to = |percent: usize| {
            let rank = waits.len().saturating_mul(percent).div_ceil(100);
            waits.get(rank.checked_sub(1)?).copied()
        };
        let count = u64::try_from(waits.len()).unwrap_or(u64::MAX);
        Waits { count, median_ms: up_to(50), p90_ms: up_to(90), bars }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::tests::checked;
    use super::*;
    use crate::testing::at;

    fn entry(seconds: i64, what: What) -> Entry {
        Entry { number: 1, at: at(seconds), what }
    }

    #[test]
    fn a_day_is_counted_by_outcome_reason_and_hour() {
        let check = |seconds, reason| entry(seconds, What::Check(checked(reason, None)));
        // at(0) is 08:00.
        let entries = [
            check(-8 * 3_600, Reason::Valid),
            check(3_599, Reason::Valid),
            check(3_600, Reason::NoCode),
            check(3_600, Reason::Replayed),
            check(16 * 3_600 - 1, Reason::Valid),
            check(3_700, Reason::NoCode),
            entry(0, What::PersonMismatch { check: 1 }),
            entry(0, What::Compared { check: 1, matched: false }),
        ];
        let summary = Summary::of(&entries);
        assert_eq!(summary.checks, Counts { accept: 3, reject: 1, undetermined: 2 });
        assert_eq!((summary.checks.total(), summary.person_mismatch), (6, 1));
        assert_eq!(summary.reasons, [(Reason::Valid, 3), (Reason::NoCode, 2), (Reason::Replayed, 1)]);
        let one = Counts { accept: 1, ..Counts::default() };
        let nine = Counts { accept: 0, reject: 1, undetermined: 2 };
        assert_eq!(summary.hours, [(0, one), (8, one), (9, nine), (23, one)]);
        assert_eq!(Summary::of(&[]), Summary::default());
    }

    #[test]
    fn waits_fall_into_bars_up_to_their_ends() {
        let waits = Waits::of(vec![0, 500, 501, 1_000, 1_001, 2_000, 2_001, 5_000, 5_001, u64::MAX]);
        assert_eq!((waits.count, waits.bars), (10, [2, 2, 2, 2, 2]));
        assert_eq!((waits.median_ms, waits.p90_ms), (Some(1_001), Some(5_001)));
        assert_eq!(Waits::of(vec![7]), Waits { count: 1, median_ms: Some(7), p90_ms: Some(7), bars: [1, 0, 0, 0, 0] });
        let two = Waits::of(vec![9, 3]);
        assert_eq!((two.median_ms, two.p90_ms), (Some(3), Some(9)));
        assert_eq!((Waits::of(vec![]).median_ms, Waits::of(vec![]).count), (None, 0));
    }
}
