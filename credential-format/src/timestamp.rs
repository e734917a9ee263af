//! Instants in whole seconds.

use alloc::borrow::Cow;
use core::fmt;

use chrono::{DateTime, NaiveDate};
use thiserror::Error;

use crate::day::Day;

/// How far the clocks of Asia/Shanghai are ahead of UTC, in seconds. There has been no summer time since 1992.
pub(crate) const SHANGHAI_OFFSET_SECONDS: u64 = 8 * 3600;

/// An instant: whole seconds since 1970-01-01T00:00:00Z (RFC 8392 NumericDate, integers only), from
/// 2000-01-01T00:00:00Z inclusive to 2200-01-01T00:00:00Z exclusive.
///
/// Displayed in Shanghai time: `2026-07-01T08:00:00+08:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The first instant that the format can carry, 2000-01-01T00:00:00Z.
    pub const MIN: Self = Self(946_684_800);
    /// The last instant that the format can carry, 2199-12-31T23:59:59Z.
    pub const MAX: Self = Self(7_258_118_399);

    /// Reads the wire form: seconds since 1970-01-01T00:00:00Z.
    pub fn new(seconds: u64) -> Result<Self, TimestampError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&seconds) { Ok(Self(seconds)) } else { Err(TimestampError::OutOfRange) }
    }

    /// Reads an RFC 3339 time. The offset from UTC is required (`Z`, `+08:00`); fractions of a second are cut off, and
    /// leap seconds are refused, because counted seconds have none.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError::Form)?;
        // chrono holds a leap second as a second whose fraction is one or more.
        if time.timestamp_subsec_nanos() >= 1_000_000_000 {
            return Err(TimestampError::Form);
        }
        Self::new(u64::try_from(time.timestamp()).map_err(|_| TimestampError::OutOfRange)?)
    }

    /// The wire form: seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// This instant and a number of seconds; none if that leaves the range.
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        Self::new(self.0.checked_add(seconds)?).ok()
    }

    /// This instant less a number of seconds; none if that leaves the range.
    pub fn checked_sub(self, seconds: u64) -> Option<Self> {
        Self::new(self.0.checked_sub(seconds)?).ok()
    }

    /// Seconds from `other` to this instant; negative if `other` is the later one.
    pub fn seconds_since(self, other: Self) -> i64 {
        // Both are below 2^33, so neither the conversion nor the difference can wrap.
        self.0 as i64 - other.0 as i64
    }

    /// The calendar day in Shanghai.
    ///
    /// In Shanghai the last eight hours of the range belong to 2200-01-01, which is no [`Day`]; for them the answer is
    /// the last day of the range.
    pub fn day(self) -> Day {
        Day::new((self.0 + SHANGHAI_OFFSET_SECONDS) / 86_400).unwrap_or(Day::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shanghai = self.0 + SHANGHAI_OFFSET_SECONDS;
        let (days, second) = (shanghai / 86_400, shanghai % 86_400);
        // Inside the bounds of a timestamp there always is a date.
        let date = i32::try_from(days).ok().and_then(NaiveDate::from_epoch_days).unwrap_or_default();
        write!(f, "{date}T{:02}:{:02}:{:02}+08:00", second / 3600, second / 60 % 60, second % 60)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Why something is not a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// The instant lies outside the range of the format.
    #[error("the time lies outside the years 2000 to 2199 (UTC); check the clock or the value")]
    OutOfRange,
    /// The text is no RFC 3339 time with an offset.
    #[error("the time is not written as RFC 3339 with an offset; write it like 2026-07-01T08:00:00+08:00")]
    Form,
}

impl TimestampError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfRange => "TIME_RANGE",
            Self::Form => "TIME_FORM",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OutOfRange => "时间超出2000年至2199年（协调世界时）的范围，请核对时钟或所填时间",
            Self::Form => "时间格式有误，须带时区，请按2026-07-01T08:00:00+08:00的格式填写",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn wire_bounds_both_sides() {
        assert_eq!(Timestamp::new(946_684_799), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::new(946_684_800), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::new(7_258_118_399), Ok(Timestamp::MAX));
        assert_eq!(Timestamp::new(7_258_118_400), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::new(0), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::new(u64::MAX), Err(TimestampError::OutOfRange));
    }

    #[test]
    fn rfc_3339() {
        let time = Timestamp::parse("2026-07-01T08:00:00+08:00").unwrap();
        assert_eq!(time.seconds(), 1_782_864_000);
        assert_eq!(Timestamp::parse("2026-07-01T00:00:00Z"), Ok(time));
        assert_eq!(Timestamp::parse("2026-06-30T19:00:00-05:00"), Ok(time));
        assert_eq!(Timestamp::parse("2026-07-01T00:00:00.999Z"), Ok(time));
        assert_eq!(time.to_string(), "2026-07-01T08:00:00+08:00");
        assert_eq!(format!("{time:?}"), "Timestamp(2026-07-01T08:00:00+08:00)");
        let forms = [
            "",
            "2026-07-01",
            "2026-07-01T08:00:00",
            "2026-07-01T25:00:00Z",
            "2026-02-29T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "1782864000",
            " 2026-07-01T00:00:00Z",
            "2026-07-01T00:00:00Z ",
        ];
        for form in forms {
            assert_eq!(Timestamp::parse(form), Err(TimestampError::Form), "{form}");
        }
        assert_eq!(Timestamp::parse("1999-12-31T23:59:59Z"), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::parse("2000-01-01T00:00:00Z"), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::parse("2200-01-01T00:00:00Z"), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::MAX.to_string(), "2200-01-01T07:59:59+08:00");
        assert_eq!(Timestamp::parse(&Timestamp::MAX.to_string()), Ok(Timestamp::MAX));
    }

    #[test]
    fn arithmetic_stays_inside() {
        let time = Timestamp::parse("2026-07-01T00:00:00Z").unwrap();
        assert_eq!(time.checked_add(30).unwrap().seconds_since(time), 30);
        assert_eq!(time.checked_sub(5).unwrap().seconds_since(time), -5);
        assert_eq!(Timestamp::MAX.checked_add(1), None);
        assert_eq!(Timestamp::MAX.checked_add(0), Some(Timestamp::MAX));
        assert_eq!(Timestamp::MIN.checked_sub(1), None);
        assert_eq!(time.checked_add(u64::MAX), None);
        assert_eq!(time.checked_sub(u64::MAX), None);
        assert_eq!(Timestamp::MIN.seconds_since(Timestamp::MAX), -6_311_433_599);
    }

    #[test]
    fn the_day_changes_at_midnight_in_shanghai() {
        let before = Timestamp::parse("2026-06-30T15:59:59Z").unwrap();
        assert_eq!(before.day(), Day::parse("2026-06-30").unwrap());
        assert_eq!(before.checked_add(1).unwrap().day(), Day::parse("2026-07-01").unwrap());
        assert_eq!(Timestamp::MIN.day(), Day::MIN);
        assert_eq!(Timestamp::parse("2199-12-31T15:59:59Z").unwrap().day(), Day::MAX);
        assert_eq!(Timestamp::MAX.day(), Day::MAX);
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        let (range, form) = (TimestampError::OutOfRange, TimestampError::Form);
        assert_eq!((range.code(), form.code()), ("TIME_RANGE", "TIME_FORM"));
        assert_ne!(range.zh(), form.zh());
        assert_ne!(range.to_string(), form.to_string());
    }
}
