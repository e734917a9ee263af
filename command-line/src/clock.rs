//! The only place that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use credential_format::timestamp::Timestamp;

use crate::refusal::Refusal;

/// The machine's clock, or a time given on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// A fixed time, for tests and rehearsals. A verdict made with it says `"clock":"fixed"` and is never shown green.
    Fixed(Timestamp),
}

impl Clock {
    /// The clock that `--at` and `--allow-fixed-time` ask for.
    ///
    /// `--allow-fixed-time` alone changes nothing.
    ///
    /// # Errors
    ///
    /// `CLOCK_FIXED` when `--at` stands without `--allow-fixed-time`, `CLOCK_TIME` when the time cannot be read.
    pub fn from_arguments(at: Option<&str>, allow_fixed_time: bool) -> Result<Self, Refusal> {
        let Some(at) = at else { return Ok(Self::System) };
        if !allow_fixed_time {
            return Err(Refusal::usage(
                "CLOCK_FIXED",
                "--at sets a time that is not the time of the clock",
                "for a test or a rehearsal add --allow-fixed-time; otherwise leave --at out",
            ));
        }
        match Timestamp::parse(at) {
            Ok(time) => Ok(Self::Fixed(time)),
            Err(_) => Err(Refusal::usage(
                "CLOCK_TIME",
                format!("--at {at} is not a date and time with an offset between the years 2000 and 2199"),
                "write it like 2026-03-01T09:30:00+08:00",
            )),
        }
    }

    /// The time.
    ///
    /// # Errors
    ///
    /// `CLOCK_WRONG` (exit 4) when the machine's clock stands before the year 2000 or after 2199, as it does with an
    /// empty battery.
    pub fn now(&self) -> Result<Timestamp, Refusal> {
        match self {
            Self::System => plausible(SystemTime::now()),
            Self::Fixed(time) => Ok(*time),
        }
    }

    /// Whether the time was given on the command line.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

/// A time between the years 2000 and 2199, the range of [`Timestamp`].
fn plausible(time: SystemTime) -> Result<Timestamp, Refusal> {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| Timestamp::new(since.as_secs()).ok()).ok_or_else(|| {
        Refusal::internal(
            "CLOCK_WRONG",
            "the clock of this machine does not show a time between the years 2000 and 2199",
            "set the date and time of this machine, then try again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Exit;
    use std::time::Duration;

    #[test]
    fn a_fixed_time_needs_both_options() {
        let at = "2026-03-01T09:30:00+08:00";
        let clock = Clock::from_arguments(Some(at), true).expect("fixed");
        assert!(clock.is_fixed());
        assert_eq!(clock.now().expect("time").seconds(), 1_772_328_600);
        let refusal = Clock::from_arguments(Some(at), false).expect_err("must be refused");
        assert_eq!((refusal.code(), refusal.exit()), ("CLOCK_FIXED", Exit::Usage));
        assert!(refusal.remedy().contains("--allow-fixed-time"));
        for allow in [false, true] {
            let clock = Clock::from_arguments(None, allow).expect("system");
            assert!(!clock.is_fixed());
        }
    }

    #[test]
    fn times_that_cannot_be_read_are_refused() {
        for at in [
            "",
            "now",
            "1772328600",
            "2026-03-01",
            "2026-03-01T09:30:00",
            "2026-02-30T00:00:00Z",
            "1999-12-31T23:59:59Z",
        ] {
            let refusal = Clock::from_arguments(Some(at), true).expect_err(at);
            assert_eq!((refusal.code(), refusal.exit()), ("CLOCK_TIME", Exit::Usage), "{at}");
        }
    }

    #[test]
    fn the_clock_of_the_machine_is_believed_within_bounds() {
        let at = |seconds| plausible(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(946_684_800).expect("in bounds").seconds(), 946_684_800);
        assert_eq!(at(7_258_118_399).expect("in bounds").seconds(), 7_258_118_399);
        for outside in [at(946_684_799), at(7_258_118_400), at(0), plausible(UNIX_EPOCH - Duration::from_secs(1))] {
            let refusal = outside.expect_err("must be refused");
            assert_eq!((refusal.code(), refusal.exit()), ("CLOCK_WRONG", Exit::Internal));
        }
        let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let now = Clock::System.now().expect("time").seconds();
        assert!(now >= before && now <= before + 60);
    }
}
