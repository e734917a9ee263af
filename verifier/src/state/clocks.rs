//! What the phones' clocks say, for the clock doctor. Nothing here ever decides anything.

use credential_format::timestamp::Timestamp;
use rusqlite::{Transaction, TransactionBehavior};

use super::{State, StateError};
use crate::clock_doctor::{self, Diagnosis};
use crate::verdict::{Subject, Verdict};

/// So many phones are remembered: as many as are asked when they disagree with this computer.
pub const PHONES_REMEMBERED: u32 = 10;

/// How a phone's clock stood against this computer's when it showed a code that it had signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneClock {
    /// This computer's time.
    pub seen_at: Timestamp,
    /// How far the phone was ahead of it, in seconds; negative when behind. The code's own age, up to 15 s, is in it.
    pub ahead_secs: i64,
}

impl State {
    /// The last ten phones, the newest first, each with its last code.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn phone_clocks(&self) -> Result<Vec<PhoneClock>, StateError> {
        let read = || {
            let select = "SELECT seen_at, ahead FROM phone_clock ORDER BY id DESC LIMIT ?1";
            let mut statement = self.database.connection.prepare(select)?;
            statement
                .query_map([PHONES_REMEMBERED], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<(i64, i64)>>>()
        };
        let rows = read().map_err(|error| self.error(&error))?;
        let clock = |(seen_at, ahead_secs): (i64, i64)| {
            Timestamp::new(seen_at.cast_unsigned()).ok().map(|seen_at| PhoneClock { seen_at, ahead_secs })
        };
        Ok(rows.into_iter().filter_map(clock).collect())
    }

    /// What the phones say of this computer's clock. A hint: that it cannot be had is no trouble.
    pub fn clock_doctor(&self, now: Timestamp) -> Option<Diagnosis> {
        let phones: Vec<_> = self.phone_clocks().ok()?.iter().map(|phone| (phone.seen_at, phone.ahead_secs)).collect();
        clock_doctor::examine(&phones, now)
    }

    /// Remembers a phone whose signature under a signed permit held, whatever else came of the code. That it is lost with the power does no
    /// harm, so that no disk is waited for; that it cannot be written is no trouble either.
    pub(super) fn note_phone_clock(&self, verdict: &Verdict) {
        let (Some(age), Subject::Signed(permit) | Subject::Accepted(permit)) =
            (verdict.code_age_secs, &verdict.subject)
        else {
            return;
        };
        if self.database.unwritable.is_some() {
            return;
        }
        let connection = &self.database.connection;
        let slot = permit.claims().status;
        let write = || {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let phone = (permit.issuer_id().as_str(), slot.list.cast_signed(), slot.index.cast_signed());
            transaction.execute("DELETE FROM phone_clock WHERE issuer = ?1 AND list = ?2 AND idx = ?3", phone)?;
            transaction.execute(
                "INSERT INTO phone_clock (issuer, list, idx, seen_at, ahead) VALUES (?1, ?2, ?3, ?4, ?5)",
                (phone.0, phone.1, phone.2, verdict.decided_at.seconds().cast_signed(), -age),
            )?;
            transaction.execute(
                "DELETE FROM phone_clock WHERE id NOT IN (SELECT id FROM phone_clock ORDER BY id DESC LIMIT ?1)",
                [PHONES_REMEMBERED],
            )?;
            transaction.commit()
        };
        let synchronous = |level: &str| connection.pragma_update(None, "synchronous", level);
        // With a write-ahead log, NORMAL leaves out the flush and nothing else.
        if self.database.has_log && synchronous("NORMAL").is_ok() {
            let _ = write();
            // Whatever comes of it: what is recorded next must be flushed again.
            if synchronous("FULL").is_err() {
                *self.trouble.borrow_mut() = Some(StateError::FlushFailed(self.folder.clone()));
            }
        }
    }
}
