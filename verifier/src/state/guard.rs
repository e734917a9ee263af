//! The durable replay guard: what was accepted is on the disk before the verdict is shown.

use std::cell::RefCell;
use std::path::Path;

use credential_format::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::database::{Database, StateError};
use crate::replay::{GuardUnavailable, LocalGuard, Recorded, ReplayGuard, Sighting};

/// How long a sighting is kept: a day, so that within a day of a wrong clock (a wrong time zone, most often) every answer stays exact.
const KEEP_SECS: u64 = 86_400;

/// Sightings deleted with one that is recorded: more than one, so that the table shrinks; few, so that nobody waits.
const DELETED_AT_ONCE: u32 = 64;

/// Records sightings in the state folder, for all processes that share it.
///
/// A sighting is inserted if it is absent, in one transaction that is on the disk (`synchronous=FULL`) before [`Recorded::First`] is
/// returned; unique constraints make it so for one of several processes only. Whatever goes wrong is [`GuardUnavailable`], and
/// [`State::guard_trouble`](super::State::guard_trouble) says what.
///
/// # Forgetting, and why it is safe
///
/// Sightings of codes older than a day are deleted. With each deletion, in the same transaction, the newest time of a deleted code is kept
/// for good. A code made at or before that time is never *first*: the guard is unavailable for it. So a code that was accepted once is not
/// accepted again, however the clock is set: either its sighting is there, or it is not after the time kept. No honest code meets this while
/// the clock is right, because only codes a day old are forgotten and only those of half a minute are fresh.
pub struct SqliteGuard<'s> {
    pub(super) folder: &'s Path,
    pub(super) database: &'s Database,
    pub(super) trouble: &'s RefCell<Option<StateError>>,
}

impl ReplayGuard for SqliteGuard<'_> {
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable> {
        // After a failed flush the system may have dropped what it could not write, and a second flush would not tell.
        if matches!(*self.trouble.borrow(), Some(StateError::FlushFailed(_))) {
            return Err(GuardUnavailable);
        }
        let recorded = match &self.database.unwritable {
            Some(cause) => Err(cause.clone()),
            None => record(&self.database.connection, sighting, now)
                .unwrap_or_else(|error| Err(StateError::of_sqlite(self.folder, &error))),
        };
        *self.trouble.borrow_mut() = recorded.as_ref().err().cloned();
        recorded.map_err(|_| GuardUnavailable)
    }
}

impl LocalGuard for SqliteGuard<'_> {
    fn known(&mut self, sighting: &Sighting) -> Result<Option<Recorded>, GuardUnavailable> {
        let connection = &self.database.connection;
        let known = || {
            if is_known(connection, sighting)? {
                return Ok(Some(Recorded::Seen));
            }
            let used = sighting.cnonce.map(|cnonce| is_answered(connection, &cnonce)).transpose()?;
            Ok((used == Some(true)).then_some(Recorded::ChallengeUsed))
        };
        known().map_err(|error| {
            *self.trouble.borrow_mut() = Some(StateError::of_sqlite(self.folder, &error));
            GuardUnavailable
        })
    }
}

fn record(
    connection: &Connection,
    sighting: &Sighting,
    now: Timestamp,
) -> rusqlite::Result<Result<Recorded, StateError>> {
    // Immediate: from here to the end no other process writes, so that what is read stays true.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if is_known(&transaction, sighting)? {
        return Ok(Ok(Recorded::Seen));
    }
    if sighting.code_issued_at.seconds().cast_signed() <= forgotten(&transaction)? {
        return Ok(Err(StateError::ClockSetBack));
    }
    if let Some(cnonce) = &sighting.cnonce {
        if is_answered(&transaction, cnonce)? {
            return Ok(Ok(Recorded::ChallengeUsed));
        }
        transaction.prepare("UPDATE challenge SET answered = 1 WHERE cnonce = ?1")?.execute([cnonce])?;
    }
    transaction
        .prepare("INSERT INTO sighting (code_iat, kid, list, idx, nonce, cnonce) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute((
            sighting.code_issued_at.seconds().cast_signed(),
            sighting.kid.0,
            sighting.status.list.cast_signed(),
            sighting.status.index.cast_signed(),
            sighting.nonce,
            sighting.cnonce,
        ))?;
    forget_old(&transaction, now)?;
    transaction.commit()?;
    Ok(Ok(Recorded::First))
}

fn is_known(connection: &Connection, sighting: &Sighting) -> rusqlite::Result<bool> {
    connection
        .prepare("SELECT 1 FROM sighting WHERE code_iat = ?1 AND kid = ?2 AND list = ?3 AND idx = ?4 AND nonce = ?5")?
        .exists((
            sighting.code_issued_at.seconds().cast_signed(),
            sighting.kid.0,
            sighting.status.list.cast_signed(),
            sighting.status.index.cast_signed(),
            sighting.nonce,
        ))
}

fn forgotten(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare("SELECT forgotten FROM installation")?.query_row([], |row| row.get(0))
}

/// Whether a challenge was answered: it says so itself, or a sighting does, for as long as each is kept.
pub(super) fn is_answered(connection: &Connection, cnonce: &[u8; 16]) -> rusqlite::Result<bool> {
    let marked: Option<bool> = connection
        .prepare("SELECT answered FROM challenge WHERE cnonce = ?1")?
        .query_row([cnonce], |row| row.get(0))
        .optional()?;
    Ok(marked == Some(true) || connection.prepare("SELECT 1 FROM sighting WHERE cnonce = ?1")?.exists([cnonce])?)
}

fn forget_old(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let kept_from = now.seconds().saturating_sub(KEEP_SECS).cast_signed();
    let deleted: Vec<i64> = transaction
        .prepare(
            "DELETE FROM sighting WHERE rowid IN
                 (SELECT rowid FROM sighting WHERE code_iat < ?1 ORDER BY code_iat LIMIT ?2)
             RETURNING code_iat",
        )?
        .query_map((kept_from, DELETED_AT_ONCE), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if let Some(newest) = deleted.iter().max() {
        transaction.prepare("UPDATE installation SET forgotten = max(forgotten, ?1)")?.execute([newest])?;
    }
    Ok(())
}
