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
}

impl Default for Policy {
    fn default() -> Policy {
        const DAY: i64 = 86_400;
        Policy {
            code_age_secs_max: 30,
            code_ahead_secs_max: 5,
            clock_behind_secs_max: 120,
            challenge_secs_max: 60,
            status_fresh_secs: DAY,
            status_age_secs_max: 7 * DAY,
        }
    }
}
