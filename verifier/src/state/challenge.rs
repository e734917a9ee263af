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
}
