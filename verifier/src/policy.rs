//! What a counter tolerates: every limit of time, with its reason.

/// Limits of time, in seconds. The defaults are those of SPEC section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How old a code may be: two changes of 15 s, the moment of a slow scan among them.
    pub code_age_secs_max: i64,
    /// How far a phone's clock may be ahead of this one.
    pub code_ahead_secs_max: i64,
    /// How far this clock may be behind the newest time that an issuer or root key signed, before it is not believed.
    pub clock_behind_secs_max: i64,
    /// How long a challenge may be answered.
    pub challenge_secs_max: u64,
    /// Up to this age a status list counts as fresh; older ones are used and shown as old.
    pub status_fresh_secs: i64,
    /// From this age on a status list answers nothing.
    pub status_age_secs_max: i64,
    /// What a code is worth that this counter alone has not seen, when the guard it shares with others cannot be reached.
    pub guard_fallback: GuardFallback,
}

/// What to do without the guard that the counters of a hall share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardFallback {
    /// Accept nothing: `REPLAY_GUARD_UNAVAILABLE`.
    Undetermined,
    /// Go by this counter's own guard, and say so in the verdict.
    LocalOnly,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

impl Policy {
    /// This policy with other ages of status lists, in seconds: how long one counts as fresh, and from when on it answers nothing.
    ///
    /// # Errors
    /// [`PolicyError`] unless an hour <= fresh <= most <= 31 days: who cancels a permit must be able to rely on its being seen.
    pub fn with_status_ages(self, fresh_secs: i64, most_secs: i64) -> Result<Policy, PolicyError> {
        if fresh_secs < HOUR || fresh_secs > most_secs || most_secs > 31 * DAY {
            return Err(PolicyError { fresh_secs, most_secs });
        }
        Ok(Policy { status_fresh_secs: fresh_secs, status_age_secs_max: most_secs, ..self })
    }
}

/// Ages that no counter may go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a status list cannot be fresh for {fresh_secs} s and used for {most_secs} s; give at least an hour for the first, at most 31 days for the second, and the first not above the second"
)]
pub struct PolicyError {
    fresh_secs: i64,
    most_secs: i64,
}

impl PolicyError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        "POLICY_STATUS_AGE"
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            code_age_secs_max: 30,
            code_ahead_secs_max: 5,
            clock_behind_secs_max: 120,
            challenge_secs_max: 60,
            status_fresh_secs: DAY,
            status_age_secs_max: 7 * DAY,
            guard_fallback: GuardFallback::Undetermined,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn ages_have_bounds_on_both_sides() {
        let with = |fresh, most| Policy::default().with_status_ages(fresh, most).is_ok();
        assert!(with(HOUR, HOUR) && with(HOUR, 31 * DAY) && with(31 * DAY, 31 * DAY));
        assert!(!with(HOUR - 1, DAY) && !with(DAY, 31 * DAY + 1) && !with(DAY, DAY - 1));
        let refused = Policy::default().with_status_ages(HOUR - 1, DAY).unwrap_err();
        assert_eq!((refused.code(), refused.to_string().contains("3599 s")), ("POLICY_STATUS_AGE", true));
        let set = Policy::default().with_status_ages(2 * HOUR, 3 * DAY).unwrap();
        assert_eq!((set.status_fresh_secs, set.status_age_secs_max), (2 * HOUR, 3 * DAY));
        assert_eq!(set.code_age_secs_max, Policy::default().code_age_secs_max);
    }
}
