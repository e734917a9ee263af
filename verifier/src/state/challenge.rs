//! The challenges of this counter: each is made once, answered once, and told from those of others.

use credential_format::challenge::Challenge;
use credential_format::display_text::DisplayText;
use credential_format::timestamp::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior};

use super::guard::is_answered;
use super::{State, StateError};
use crate::verify::Asked;

/// Challenges are kept a day, so that an old one is called expired and not foreign.
const KEEP_SECS: u64 = 86_400;

/// Old challenges deleted with one that is made.
const DELETED_AT_ONCE: u32 = 64;

impl State {
    /// Makes a challenge of these random bits. It is on the disk when it is returned, and may be shown.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be recorded; [`StateError::Damaged`] also for bits that were used before, as only a broken random
    /// generator gives them.
    pub fn challenge(
        &mut self,
        cnonce: [u8; 16],
        purpose: Option<DisplayText<40>>,
        now: Timestamp,
    ) -> Result<Challenge, StateError> {
        if let Some(cause) = self.unwritable() {
            return Err(cause.clone());
        }
        let record = || {
            let transaction = Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT INTO challenge (cnonce, made_at, purpose) VALUES (?1, ?2, ?3)",
                (cnonce, now.seconds().cast_signed(), purpose.as_ref().map(DisplayText::as_str)),
            )?;
            transaction.execute(
                "DELETE FROM challenge WHERE rowid IN
                     (SELECT rowid FROM challenge WHERE made_at < ?1 ORDER BY made_at LIMIT ?2)",
                (now.seconds().saturating_sub(KEEP_SECS).cast_signed(), DELETED_AT_ONCE),
            )?;
            transaction.commit()
        };
        record().map_err(|error| self.error(&error))?;
        Ok(Challenge { counter: self.counter.clone(), cnonce, purpose })
    }

    /// What the holder was asked when this challenge was shown: one of this counter's, used or not, or somebody else's.
    ///
    /// A clock that was set back since makes it expired: how long ago it was made cannot be told then.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn asked(&self, challenge: &Challenge, now: Timestamp) -> Result<Asked, StateError> {
        let connection = &self.database.connection;
        let look = || {
            let made_at: Option<i64> = connection
                .prepare("SELECT made_at FROM challenge WHERE cnonce = ?1")?
                .query_row([challenge.cnonce], |row| row.get(0))
                .optional()?;
            Ok((made_at, is_answered(connection, &challenge.cnonce)?))
        };
        let (made_at, answered) = look().map_err(|error| self.error(&error))?;
        Ok(match made_at {
            _ if challenge.counter != self.counter => Asked::ForeignChallenge,
            None => Asked::ForeignChallenge,
            Some(_) if answered => Asked::UsedChallenge,
            Some(made_at) => {
                let age_secs = u64::try_from(now.seconds().cast_signed().saturating_sub(made_at)).unwrap_or(u64::MAX);
                Asked::Challenge { answer: challenge.answer(), age_secs }
            }
        })
    }

    /// The challenge that this counter shows now: the newest that may still be answered, and was not. For rehearsals, where the phone stands
    /// on the same computer.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn newest_challenge(&self, now: Timestamp) -> Result<Option<Challenge>, StateError> {
        let connection = &self.database.connection;
        let since = now.seconds().saturating_sub(self.settings.policy.challenge_secs_max);
        let look = || {
            let newest: Option<([u8; 16], Option<String>)> = connection
                .prepare(
                    "SELECT cnonce, purpose FROM challenge WHERE made_at BETWEEN ?1 AND ?2 ORDER BY made_at DESC, rowid DESC LIMIT 1",
                )?
                .query_row((since.cast_signed(), now.seconds().cast_signed()), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match newest {
                Some((cnonce, _)) if is_answered(connection, &cnonce)? => Ok(None),
                other => Ok(other),
            }
        };
        let newest = look().map_err(|error| self.error(&error))?;
        Ok(newest.map(|(cnonce, purpose)| {
            // What was written was one.
            let purpose = purpose.and_then(|purpose| DisplayText::parse(&purpose).ok());
            Challenge { counter: self.counter.clone(), cnonce, purpose }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, DAY, PERMIT_KEY, ROOT, STATUS_KEY, at};
    use crate::verdict::{Assurance, Reason};
    use credential_format::counter_id::CounterId;

    fn ready() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-60), &[]), at(0)).unwrap());
        (folder, state)
    }

    /// A code that answers `answered`, shown at a counter that asked `asked`.
    fn reason(state: &mut State, asked: &Challenge, answered: Option<&Challenge>, nonce: u8, now: i64) -> Reason {
        let permit = testing::sign_permit(&testing::claims(), PERMIT_KEY);
        let code = testing::code_of(&permit, at(now), nonce, answered.map(Challenge::answer));
        let asked = state.asked(asked, at(now)).unwrap();
        let verdict = state.verify(&[code], asked, at(now)).unwrap();
        if verdict.reason == Reason::Valid {
            assert_eq!(verdict.assurance, Some(Assurance::Challenge));
        }
        verdict.reason
    }

    #[test]
    fn a_challenge_is_answered_once_and_within_sixty_seconds() {
        let (_folder, mut state) = ready();
        let first = state.challenge([1; 16], None, at(0)).unwrap();
        assert_eq!(reason(&mut state, &first, None, 1, 1), Reason::ChallengeMissing);
        assert_eq!(reason(&mut state, &first, Some(&first), 1, 60), Reason::Valid);
        assert_eq!(reason(&mut state, &first, Some(&first), 2, 60), Reason::ChallengeExpired);
        assert_eq!(state.asked(&first, at(60)), Ok(Asked::UsedChallenge));
        let second = state.challenge([2; 16], None, at(100)).unwrap();
        assert_eq!(reason(&mut state, &second, Some(&second), 3, 161), Reason::ChallengeExpired);
        assert_eq!(reason(&mut state, &second, Some(&second), 3, 160), Reason::Valid);
    }

    #[test]
    fn the_newest_challenge_is_the_one_that_is_shown() {
        let (_folder, mut state) = ready();
        assert_eq!(state.newest_challenge(at(0)), Ok(None));
        let first = state.challenge([1; 16], Some(DisplayText::parse("办理入学").unwrap()), at(0)).unwrap();
        assert_eq!(state.newest_challenge(at(60)), Ok(Some(first.clone())));
        assert_eq!(state.newest_challenge(at(61)), Ok(None), "too late for an answer");
        assert_eq!(state.newest_challenge(at(-1)), Ok(None), "a clock that was set back");
        let second = state.challenge([2; 16], None, at(0)).unwrap();
        assert_eq!(state.newest_challenge(at(1)), Ok(Some(second.clone())));
        assert_eq!(reason(&mut state, &second, Some(&second), 1, 1), Reason::Valid);
        assert_eq!(state.newest_challenge(at(1)), Ok(None), "the first is not shown again");
    }

    #[test]
    fn challenges_of_others_are_told_apart() {
        let (_folder, mut state) = ready();
        let ours = state.challenge([1; 16], None, at(0)).unwrap();
        let other_counter = Challenge { counter: CounterId::parse("OTHER").unwrap(), ..ours.clone() };
        let never_made = Challenge { cnonce: [2; 16], ..ours.clone() };
        for foreign in [&other_counter, &never_made] {
            assert_eq!(state.asked(foreign, at(0)), Ok(Asked::ForeignChallenge));
            assert_eq!(reason(&mut state, foreign, Some(foreign), 1, 1), Reason::ChallengeMismatch);
        }
        assert_eq!(reason(&mut state, &ours, Some(&other_counter), 1, 1), Reason::ChallengeMismatch);
        assert_eq!(reason(&mut state, &ours, Some(&ours), 1, 1), Reason::Valid);
    }

    #[test]
    fn a_clock_set_back_makes_a_challenge_expired() {
        let (_folder, mut state) = ready();
        let challenge = state.challenge([1; 16], None, at(0)).unwrap();
        assert!(matches!(state.asked(&challenge, at(0)), Ok(Asked::Challenge { age_secs: 0, .. })));
        assert!(matches!(state.asked(&challenge, at(-1)), Ok(Asked::Challenge { age_secs: u64::MAX, .. })));
        assert_eq!(reason(&mut state, &challenge, Some(&challenge), 1, -1), Reason::ChallengeExpired);
    }

    #[test]
    fn an_answered_challenge_stays_answered_when_its_sighting_is_forgotten() {
        let (_folder, mut state) = ready();
        let challenge = state.challenge([1; 16], None, at(0)).unwrap();
        assert_eq!(reason(&mut state, &challenge, Some(&challenge), 1, 1), Reason::Valid);
        state.database.connection.execute("DELETE FROM sighting", []).unwrap();
        assert_eq!(state.asked(&challenge, at(2)), Ok(Asked::UsedChallenge));
        // The guard says so too, if two processes asked at the same moment.
        let code =
            testing::code_of(&testing::sign_permit(&testing::claims(), PERMIT_KEY), at(2), 9, Some(challenge.answer()));
        let asked = Asked::Challenge { answer: challenge.answer(), age_secs: 2 };
        let verdict = state.verify(&[code], asked, at(2)).unwrap();
        assert_eq!(verdict.reason, Reason::ChallengeExpired);
    }

    #[test]
    fn challenges_are_kept_a_day_and_never_made_twice() {
        let (_folder, mut state) = ready();
        let purpose = DisplayText::parse("办理入学").unwrap();
        let challenge = state.challenge([1; 16], Some(purpose.clone()), at(0)).unwrap();
        assert_eq!((challenge.purpose.as_ref(), &challenge.counter), (Some(&purpose), state.counter()));
        assert_eq!(state.challenge([1; 16], None, at(1)).map_err(|e| e.code()), Err("STATE_DAMAGED"));
        let count = |state: &State| -> i64 {
            state.database.connection.query_row("SELECT count(*) FROM challenge", [], |row| row.get(0)).unwrap()
        };
        state.challenge([2; 16], None, at(DAY)).unwrap();
        assert_eq!(count(&state), 2);
        state.challenge([3; 16], None, at(DAY + 1)).unwrap();
        assert_eq!(count(&state), 2);
        assert_eq!(state.asked(&challenge, at(DAY + 1)), Ok(Asked::ForeignChallenge));
    }
}
