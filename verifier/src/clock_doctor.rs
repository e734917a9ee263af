//! The clock doctor: whether this computer's clock is wrong, as far as the phones that were shown here can tell.
//!
//! A counter without network has no clock to compare its own with, and every phone that shows a code brings one. No single phone is
//! believed: it may be wrong, or made to lie. Ten different phones that agree with each other and not with this computer are another
//! matter. The diagnosis is a hint to a person and nothing else: no verdict and no mark of time follows from it.
//!
//! The clock that may be wrong is also the one by which the phones of the last day are told from older ones. That does no harm: a clock
//! that is wrong by a steady amount moves "now" and the times of the phones alike. A clock that was *set* in between does: what a phone
//! showed before that says nothing of the clock after it. So a phone that was seen later than the one after it, or later than now, ends the
//! evidence there (the clock was set back), and so does a day (it was set forward by more). A clock that was set forward by less cannot be
//! recognised; the diagnosis then stays until phones that were seen since are among the ten, which end the agreement.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use credential_format::timestamp::Timestamp;

use crate::verdict::Words;

/// So many phones are asked; fewer say nothing.
pub const PHONES_NEEDED: usize = 10;
/// How long ago a phone may have been seen, in seconds.
pub const SEEN_WITHIN_SECS: i64 = 86_400;
/// How far apart phones that agree may be, in seconds: the 15 that a code may be old, and 5 for the phones' own clocks.
pub const SPREAD_SECS_MAX: i64 = 20;
/// How far this clock may be from theirs, in seconds, without a word.
pub const OFF_SECS_MAX: i64 = 10;
/// A phone shows a new code every 15 seconds, so that a code is half of that old when it is scanned, as a rule.
const CODE_AGE_SECS: i64 = 7;

/// What is wrong with this computer's clock, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// Which way.
    pub laptop: Off,
    /// By how many seconds, about: more than [`OFF_SECS_MAX`].
    pub secs: u64,
}

/// Which way a clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// Slow 慢: it shows an earlier time than it is.
    Behind,
    /// Fast 快.
    Ahead,
}

/// Examines the clock by the phones that were seen, the newest first: when each was seen by this computer's clock, and how many seconds its
/// own was ahead of that (negative when behind), its code's age included. They must be different phones.
///
/// `None` while there is nothing to say: fewer than [`PHONES_NEEDED`] phones, phones that disagree with each other (more than one of them
/// further than [`SPREAD_SECS_MAX`] from the others), or a clock that is right within [`OFF_SECS_MAX`].
pub fn examine(phones: &[(Timestamp, i64)], now: Timestamp) -> Option<Diagnosis> {
    let mut latest = now;
    let same_clock = phones.iter().take_while(|(seen_at, _)| {
        let ordered = *seen_at <= latest && now.seconds_since(*seen_at) <= SEEN_WITHIN_SECS;
        latest = *seen_at;
        ordered
    });
    let mut ahead: Vec<i64> = same_clock.take(PHONES_NEEDED).map(|(_, ahead)| *ahead).collect();
    if ahead.len() < PHONES_NEEDED {
        return None;
    }
    ahead.sort_unstable();
    let off = median(agreeing(&ahead)?)?.saturating_add(CODE_AGE_SECS);
    let laptop = if off > 0 { Off::Behind } else { Off::Ahead };
    (off.saturating_abs() > OFF_SECS_MAX).then_some(Diagnosis { laptop, secs: off.unsigned_abs() })
}

/// Those of these sorted values that agree: all, or all but one at an end.
fn agreeing(sorted: &[i64]) -> Option<&[i64]> {
    let spread = |part: &[i64]| Some(part.last()?.saturating_sub(*part.first()?));
    let agree = |part: &&[i64]| spread(part).is_some_and(|secs| secs <= SPREAD_SECS_MAX);
    let without_first = sorted.split_first().map_or(sorted, |(_, rest)| rest);
    let without_last = sorted.split_last().map_or(sorted, |(_, rest)| rest);
    if agree(&sorted) {
        return Some(sorted);
    }
    [without_first, without_last].into_iter().filter(agree).min_by_key(|part| spread(part))
}

/// The middle of sorted values; of an even number, the middle of the two.
fn median(sorted: &[i64]) -> Option<i64> {
    let (low, high) = (sorted.get(sorted.len().saturating_sub(1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some(low.midpoint(*high))
}

impl Off {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Off::Behind => "behind",
            Off::Ahead => "ahead",
        }
    }
}

impl Diagnosis {
    /// What to tell the clerk.
    pub fn words(&self) -> Words<String> {
        let (zh_way, en_way) = match self.laptop {
            Off::Behind => ("慢", "slow"),
            Off::Ahead => ("快", "fast"),
        };
        let Words { zh: zh_about, en: en_about } = about(self.secs);
        // Whole hours are what a wrong time zone makes.
        let hours = self.secs >= 3_600 - ZONE_SLACK_SECS
            && (self.secs % 3_600 <= ZONE_SLACK_SECS || self.secs % 3_600 >= 3_600 - ZONE_SLACK_SECS);
        let (zh_zone, en_zone) = if hours { ("和时区", " and time zone") } else { ("", "") };
        Words {
            zh: format!("本机时间可能{zh_way}了约 {zh_about}（最近十部手机一致），请校准本机时间{zh_zone}"),
            en: format!(
                "this computer's clock may be about {en_about} {en_way} (the last ten phones agree): set its time{en_zone}"
            ),
        }
    }
}

/// How near to whole hours a clock is that may be in the wrong time zone.
const ZONE_SLACK_SECS: u64 = 120;

/// In the unit that says enough, rounded.
fn about(secs: u64) -> Words<String> {
    let (unit_secs, zh, one, many) = match secs {
        0..100 => (1, "秒", "second", "seconds"),
        100..5_400 => (60, "分钟", "minute", "minutes"),
        5_400..129_600 => (3_600, "小时", "hour", "hours"),
        _ => (86_400, "天", "day", "days"),
    };
    let number = secs.saturating_add(unit_secs / 2) / unit_secs;
    Words { zh: format!("{number} {zh}"), en: format!("{number} {}", if number == 1 { one } else { many }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{DAY, at};

    /// Phones that were seen a minute after each other, the last one at `at(0)`; `ahead` is what their codes said, the newest first.
    fn phones(ahead: &[i64]) -> Vec<(Timestamp, i64)> {
        (0..).zip(ahead).map(|(place, ahead)| (at(-60 * place), *ahead)).collect()
    }

    fn diagnosis(ahead: &[i64]) -> Option<(&'static str, u64)> {
        examine(&phones(ahead), at(0)).map(|found| (found.laptop.word(), found.secs))
    }

    #[test]
    fn ten_phones_that_agree_are_believed_and_nine_are_not() {
        let slow: Vec<i64> = (0..10).map(|i| 180 - 7 - 5 + i).collect();
        assert_eq!(diagnosis(&slow), Some(("behind", 179)));
        assert_eq!(diagnosis(&slow[..9]), None);
        assert_eq!(diagnosis(&[]), None);
        let fast: Vec<i64> = slow.iter().map(|ahead| ahead - 360).collect();
        assert_eq!(diagnosis(&fast), Some(("ahead", 180)));
        // More than ten: the last ten.
        let mut eleven = slow.clone();
        eleven.push(-5_000_000);
        assert_eq!(diagnosis(&eleven), Some(("behind", 179)));
    }

    #[test]
    fn a_right_clock_is_right_for_codes_of_every_age() {
        for age in 0..=15 {
            assert_eq!(diagnosis(&[-age; 10]), None, "{age}");
        }
        assert_eq!(diagnosis(&[0, -1, -3, -5, -7, -8, -9, -11, -13, -15]), None);
    }

    #[test]
    fn ten_seconds_are_let_pass_and_eleven_are_not() {
        assert_eq!(diagnosis(&[3; 10]), None);
        assert_eq!(diagnosis(&[4; 10]), Some(("behind", 11)));
        assert_eq!(diagnosis(&[-17; 10]), None);
        assert_eq!(diagnosis(&[-18; 10]), Some(("ahead", 11)));
    }

    #[test]
    fn phones_that_agree_are_twenty_seconds_apart_at_most() {
        // Two at each end: no outlier.
        let apart = |secs: i64| [100, 100, 105, 105, 105, 105, 105, 105, 100 + secs, 100 + secs];
        assert_eq!(diagnosis(&apart(20)), Some(("behind", 112)));
        assert_eq!(diagnosis(&apart(21)), None);
        // After one was left out, the others must be as near.
        let with_outlier = |secs: i64| [100, 105, 105, 105, 105, 105, 105, 105, 100 + secs, 9_999];
        assert_eq!(diagnosis(&with_outlier(20)), Some(("behind", 112)));
        assert_eq!(diagnosis(&with_outlier(21)), None);
    }

    #[test]
    fn one_phone_that_lies_never_matters() {
        let year_2099 = 2_300_000_000;
        for lie in [year_2099, -year_2099, 40, -60, i64::MAX, i64::MIN] {
            let mut right = [-7; 10];
            for place in 0..10 {
                right[place] = lie;
                assert_eq!(diagnosis(&right), None, "{lie} {place}");
                right[place] = -7;
            }
            let mut slow = [53; 10];
            slow[4] = lie;
            let found = diagnosis(&slow);
            assert_eq!(found, Some(("behind", 60)), "{lie}");
        }
        // Two are no outlier, and no agreement either.
        let mut two = [-7; 10];
        (two[0], two[9]) = (year_2099, year_2099);
        assert_eq!(diagnosis(&two), None);
        assert_eq!(diagnosis(&[i64::MAX; 10]), Some(("behind", i64::MAX.unsigned_abs())));
    }

    #[test]
    fn phones_of_the_last_day_count() {
        let mut phones = phones(&[60; 10]);
        let now = at(0);
        phones[9].0 = at(-DAY);
        assert!(examine(&phones, now).is_some());
        phones[9].0 = at(-DAY - 1);
        assert_eq!(examine(&phones, now), None);
    }

    #[test]
    fn what_was_seen_before_the_clock_was_set_back_counts_no_more() {
        let mut phones = phones(&[60; 10]);
        assert!(examine(&phones, at(0)).is_some());
        // The newest is from the future: set back since.
        assert_eq!(examine(&phones, at(-1)), None);
        // Set back between two phones.
        phones[5].0 = at(-60 * 4);
        assert!(examine(&phones, at(0)).is_some());
        phones[5].0 = at(-60 * 4 + 1);
        assert_eq!(examine(&phones, at(0)), None);
    }

    #[test]
    fn the_words_say_how_much_and_what_to_do() {
        let words = |laptop, secs| Diagnosis { laptop, secs }.words();
        let slow = words(Off::Behind, 180);
        assert_eq!(slow.zh, "本机时间可能慢了约 3 分钟（最近十部手机一致），请校准本机时间");
        assert_eq!(
            slow.en,
            "this computer's clock may be about 3 minutes slow (the last ten phones agree): set its time"
        );
        let zh = |secs| words(Off::Ahead, secs).zh;
        assert_eq!(zh(11), "本机时间可能快了约 11 秒（最近十部手机一致），请校准本机时间");
        for (secs, about) in [(99, "约 99 秒"), (100, "约 2 分钟"), (149, "约 2 分钟"), (150, "约 3 分钟")] {
            assert!(zh(secs).contains(about), "{secs}");
        }
        for (secs, about) in
            [(5_399, "约 90 分钟"), (5_400, "约 2 小时"), (129_599, "约 36 小时"), (129_600, "约 2 天")]
        {
            assert!(zh(secs).contains(about), "{secs}");
        }
        // Eight hours, give or take two minutes: Shanghai and UTC taken for one another.
        for (secs, zone) in [
            (28_800, true),
            (28_680, true),
            (28_679, false),
            (28_920, true),
            (28_921, false),
            (3_480, true),
            (3_479, false),
            (100, false),
        ] {
            assert_eq!(zh(secs).ends_with("和时区"), zone, "{secs}");
            assert_eq!(words(Off::Ahead, secs).en.ends_with("time zone"), zone, "{secs}");
        }
        let en = |secs| words(Off::Behind, secs).en;
        assert!(en(86_400).contains("about 24 hours slow") && en(200_000).contains("about 2 days slow"));
    }
}
