//! Calendar days as permits count them: in Asia/Shanghai (+08:00, no summer time since 1992).

use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};
use thiserror::Error;

use crate::timestamp::{SHANGHAI_OFFSET_SECONDS, Timestamp};

/// A calendar day in Asia/Shanghai, from 2000-01-01 to 2199-12-31.
///
/// On the wire a day is the number of days since 1970-01-01. Displayed as `2026-07-01` (GB/T 7408, ISO 8601).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The first day that the format can carry, 2000-01-01.
    pub const MIN: Self = Self(calendar_day(2000, 1, 1));
    /// The last day that the format can carry, 2199-12-31.
    pub const MAX: Self = Self(calendar_day(2199, 12, 31));

    /// Reads the wire form: days since 1970-01-01.
    pub fn new(days: u64) -> Result<Self, DayError> {
        i32::try_from(days)
            .ok()
            .and_then(NaiveDate::from_epoch_days)
            .and_then(Self::bounded)
            .ok_or(DayError::OutOfRange)
    }

    /// The day of a calendar date.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Result<Self, DayError> {
        Self::bounded(NaiveDate::from_ymd_opt(year, month, day).ok_or(DayError::NoSuchDate)?)
            .ok_or(DayError::OutOfRange)
    }

    /// Reads `2026-07-01`: four, two and two ASCII digits, nothing before or after.
    pub fn parse(text: &str) -> Result<Self, DayError> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return Err(DayError::Form) };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
        };
        let (Some(year), Some(month), Some(day)) = (number(&[y1, y2, y3, y4]), number(&[m1, m2]), number(&[d1, d2]))
        else {
            return Err(DayError::Form);
        };
        Self::from_ymd(i32::try_from(year).map_err(|_| DayError::Form)?, month, day)
    }

    /// The wire form: days since 1970-01-01.
    pub fn get(self) -> u32 {
        // Never negative: the first day of the range is 10,957.
        self.0.to_epoch_days().unsigned_abs()
    }

    /// The calendar date.
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// The day as a permit's face shows it: `2026年7月1日`.
    pub fn zh(self) -> String {
        format!("{}年{}月{}日", self.0.year(), self.0.month(), self.0.day())
    }

    /// This day moved by a number of days, later or (negative) earlier.
    pub fn add_days(self, days: i32) -> Result<Self, DayError> {
        let by = Days::new(u64::from(days.unsigned_abs()));
        let moved = if days < 0 { self.0.checked_sub_days(by) } else { self.0.checked_add_days(by) };
        moved.and_then(Self::bounded).ok_or(DayError::OutOfRange)
    }

    /// This day moved by a number of months, later or (negative) earlier. Where the month has no such day, its last
    /// day is taken (Civil Code article 202): 2026-03-31 moved by -1 is 2026-02-28.
    pub fn add_months(self, months: i32) -> Result<Self, DayError> {
        let by = Months::new(months.unsigned_abs());
        let moved = if months < 0 { self.0.checked_sub_months(by) } else { self.0.checked_add_months(by) };
        moved.and_then(Self::bounded).ok_or(DayError::OutOfRange)
    }

    /// This day moved by a number of years. 2024-02-29 moved by 1 is 2025-02-28; by 4 it is 2028-02-29.
    pub fn add_years(self, years: i32) -> Result<Self, DayError> {
        self.add_months(years.checked_mul(12).ok_or(DayError::OutOfRange)?)
    }

    /// The instant at which this day begins in Shanghai, 00:00 +08:00.
    ///
    /// The first day of the range begins eight hours before the first [`Timestamp`]; for that day alone the answer is
    /// the first timestamp.
    pub fn start_of_day(self) -> Timestamp {
        let midnight_utc = u64::from(self.get()) * 86_400;
        Timestamp::new(midnight_utc.saturating_sub(SHANGHAI_OFFSET_SECONDS)).unwrap_or(Timestamp::MIN)
    }

    fn bounded(date: NaiveDate) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&date).then_some(Self(date))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({})", self.0)
    }
}

/// Why something is not a [`Day`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DayError {
    /// The day lies outside the range of the format.
    #[error("the day lies outside 2000-01-01 to 2199-12-31; check the date")]
    OutOfRange,
    /// The calendar has no such date.
    #[error("the calendar has no such date; check the day of the month")]
    NoSuchDate,
    /// The text is not written as year, month, day.
    #[error("the date is not written as YYYY-MM-DD; write it like 2026-07-01")]
    Form,
}

impl DayError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfRange => "DAY_RANGE",
            Self::NoSuchDate => "DAY_NO_SUCH_DATE",
            Self::Form => "DAY_FORM",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OutOfRange => "日期超出2000年1月1日至2199年12月31日的范围，请核对日期",
            Self::NoSuchDate => "日历上没有这一天，请核对日期",
            Self::Form => "日期格式有误，请按年-月-日填写，如2026-07-01",
        })
    }
}

/// A date that is written in this file. The tests hold the two that are.
const fn calendar_day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn wire_bounds_both_sides() {
        assert_eq!(Day::new(10_956), Err(DayError::OutOfRange));
        assert_eq!(Day::new(10_957), Ok(Day::MIN));
        assert_eq!(Day::new(84_005), Ok(Day::MAX));
        assert_eq!(Day::new(84_006), Err(DayError::OutOfRange));
        for far in [0, u64::from(u32::MAX), 1 << 31, (1 << 32) + 20_635, u64::MAX] {
            assert_eq!(Day::new(far), Err(DayError::OutOfRange));
        }
        assert_eq!(Day::MIN.get(), 10_957);
        assert_eq!(Day::MAX.get(), 84_005);
        assert_eq!(day("2026-07-01").get(), 20_635);
        assert_eq!(Day::new(20_635), Ok(day("2026-07-01")));
    }

    #[test]
    fn text_forms() {
        assert_eq!(day("2026-07-01").to_string(), "2026-07-01");
        assert_eq!(day("2026-07-01").zh(), "2026年7月1日");
        assert_eq!(day("2026-12-31").zh(), "2026年12月31日");
        assert_eq!(format!("{:?}", day("2026-07-01")), "Day(2026-07-01)");
        let forms = [
            "",
            "2026-7-01",
            "2026-07-1",
            "2026/07/01",
            "20260701",
            " 2026-07-01",
            "2026-07-01 ",
            "+026-07-01",
            "2026-07-0x",
            "２026-07-01",
            "2026-07-01T00:00:00Z",
            "01-07-2026",
        ];
        for form in forms {
            assert_eq!(Day::parse(form), Err(DayError::Form), "{form}");
        }
        for absent in ["2026-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "2026-01-00"] {
            assert_eq!(Day::parse(absent), Err(DayError::NoSuchDate), "{absent}");
        }
        assert_eq!(Day::parse("1999-12-31"), Err(DayError::OutOfRange));
        assert_eq!(Day::parse("2200-01-01"), Err(DayError::OutOfRange));
    }

    #[test]
    fn months_and_years_end_on_the_last_day_of_a_short_month() {
        assert_eq!(day("2026-03-31").add_months(-1), Ok(day("2026-02-28")));
        assert_eq!(day("2028-03-31").add_months(-1), Ok(day("2028-02-29")));
        assert_eq!(day("2026-01-31").add_months(-1), Ok(day("2025-12-31")));
        assert_eq!(day("2026-01-31").add_months(1), Ok(day("2026-02-28")));
        assert_eq!(day("2024-02-29").add_years(1), Ok(day("2025-02-28")));
        assert_eq!(day("2024-02-29").add_years(4), Ok(day("2028-02-29")));
        assert_eq!(day("2024-02-29").add_years(-1), Ok(day("2023-02-28")));
        assert_eq!(day("2025-02-28").add_days(1), Ok(day("2025-03-01")));
        assert_eq!(day("2024-02-28").add_days(1), Ok(day("2024-02-29")));
        assert_eq!(day("2024-03-01").add_days(-1), Ok(day("2024-02-29")));
    }

    #[test]
    fn arithmetic_stops_at_the_edges() {
        assert_eq!(Day::MIN.add_days(-1), Err(DayError::OutOfRange));
        assert_eq!(Day::MAX.add_days(1), Err(DayError::OutOfRange));
        assert_eq!(Day::MAX.add_days(0), Ok(Day::MAX));
        assert_eq!(Day::MAX.add_months(1), Err(DayError::OutOfRange));
        assert_eq!(Day::MIN.add_months(-1), Err(DayError::OutOfRange));
        for extreme in [i32::MIN, i32::MAX] {
            assert_eq!(day("2026-07-01").add_days(extreme), Err(DayError::OutOfRange));
            assert_eq!(day("2026-07-01").add_months(extreme), Err(DayError::OutOfRange));
            assert_eq!(day("2026-07-01").add_years(extreme), Err(DayError::OutOfRange));
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let start = day("2026-07-01").start_of_day();
        assert_eq!(start.to_string(), "2026-07-01T00:00:00+08:00");
        assert_eq!(start.day(), day("2026-07-01"));
        assert_eq!(start.checked_sub(1).unwrap().day(), day("2026-06-30"));
        assert_eq!(Day::MIN.start_of_day(), Timestamp::MIN);
        assert_eq!(Day::MIN.add_days(1).unwrap().start_of_day().to_string(), "2000-01-02T00:00:00+08:00");
        assert_eq!(Day::MAX.start_of_day().to_string(), "2199-12-31T00:00:00+08:00");
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        let all = [DayError::OutOfRange, DayError::NoSuchDate, DayError::Form];
        for (n, error) in all.iter().enumerate() {
            assert!(error.code().starts_with("DAY_") && !error.zh().is_empty() && !error.to_string().is_empty());
            assert!(all.iter().skip(n + 1).all(|other| other.code() != error.code() && other.zh() != error.zh()));
        }
    }
}
