//! The journal in the state folder: appended in one durable transaction, kept for as many days as the counter is set to.
//!
//! With an entry that begins a new day, entries whose time is over are removed, the oldest first, and the chain then begins after the last of
//! them. Two clocks that are wrong must not empty the journal. One that jumps ahead by more than [`JUMP_DAYS`] removes nothing on its first
//! day. One that was ahead or behind for a while leaves entries of other days in between: those go with their neighbours, and never take
//! along an entry whose time is not over.

use credential_format::counter_id::CounterId;
use credential_format::day::Day;
use credential_format::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::{State, StateError};
use crate::journal::chain::{Chain, Line, Link, Noted, Walk};
use crate::journal::summary::Summary;
use crate::journal::{By, Checked, Entry, What};
use crate::verdict::Verdict;

/// A day so long after the last entry is not believed at once: most counters are never closed for a month.
pub const JUMP_DAYS: i64 = 31;

/// A part of the journal: the lines of some days, without gaps, and what the chain is checked by.
#[derive(Clone, Debug)]
pub struct Extract {
    /// Whose journal it is.
    pub counter: CounterId,
    /// The first day that was asked for.
    pub from: Day,
    /// The last.
    pub to: Day,
    /// What came before the first of these lines.
    pub start: Link,
    /// From the first line of these days to the last. Those that a wrong clock put among them are there too, so that nothing is missing.
    pub lines: Vec<Line>,
    /// The head of the whole journal.
    pub head: Link,
}

impl Extract {
    /// The entries of these days; without lines that cannot be read.
    pub fn entries(&self) -> Vec<Entry> {
        let of_these_days = |entry: &Entry| (self.from..=self.to).contains(&entry.at.day());
        self.lines.iter().filter_map(Line::entry).filter(of_these_days).collect()
    }

    /// What they came to.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.entries())
    }
}

impl State {
    /// Writes down a check. Its time is that of the verdict, its number is returned. `fresh_key` is for the first check of all that concerns a
    /// permit: 32 random bytes, which become the key of this counter's hashes; afterwards they are not looked at.
    ///
    /// # Errors
    /// [`StateError`] when nothing can be written; then nothing is, and the verdict stands.
    pub fn note_check(
        &self,
        verdict: &Verdict,
        by: By,
        waited_ms: Option<u64>,
        fresh_key: &[u8; 32],
    ) -> Result<u64, StateError> {
        self.append(verdict.decided_at, |transaction| {
            let key = match verdict.permit() {
                Some(_) => key(transaction, fresh_key)?,
                // No hash is made.
                None => [0; 32],
            };
            Ok(What::Check(Checked::of(verdict, by, waited_ms, &key)))
        })
    }

    /// Writes down what was done besides checking. Its number is returned.
    ///
    /// # Errors
    /// [`StateError`] when nothing can be written; then nothing is.
    pub fn note(&self, what: &What, now: Timestamp) -> Result<u64, StateError> {
        self.append(now, |_| Ok(what.clone()))
    }

    /// The days that have entries, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn journal_days(&self) -> Result<Vec<Day>, StateError> {
        let read = || {
            let mut select = self.database.connection.prepare("SELECT DISTINCT day FROM journal ORDER BY day DESC")?;
            select.query_map([], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let days = read().map_err(|error| self.error(&error))?;
        Ok(days.into_iter().filter_map(|day| Day::new(day.cast_unsigned()).ok()).collect())
    }

    /// The lines of these days, both included.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn journal_extract(&self, from: Day, to: Day) -> Result<Extract, StateError> {
        let read = || {
            let transaction = self.reading()?;
            let (begin, head) = ends(&transaction)?;
            let select = "SELECT min(number), max(number) FROM journal WHERE day BETWEEN ?1 AND ?2";
            let numbers = transaction.query_row(select, (from.get(), to.get()), |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
            })?;
            let (Some(first), Some(last)) = numbers else { return Ok((head, Vec::new(), head)) };
            let select = "SELECT number, hash FROM journal WHERE number < ?1 ORDER BY number DESC LIMIT 1";
            let before = transaction.prepare(select)?.query_row([first], link).optional()?;
            let mut select = transaction.prepare(
                "SELECT number, day, bytes, hash FROM journal WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
            )?;
            let lines = select.query_map((first, last), line)?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((before.unwrap_or(begin), lines, head))
        };
        let (start, lines, head) = read().map_err(|error| self.error(&error))?;
        Ok(Extract { counter: self.counter.clone(), from, to, start, lines, head })
    }

    /// Goes along the whole chain, line by line; with a head that was noted elsewhere, it must be the head of this journal or stand in it.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read at all. That the chain is broken is an answer.
    pub fn journal_chain(&self, noted: Option<&Noted>) -> Result<Chain, StateError> {
        let read = || {
            let transaction = self.reading()?;
            let (start, head) = ends(&transaction)?;
            let mut walk = Walk::new(start, noted);
            let mut select = transaction.prepare("SELECT number, day, bytes, hash FROM journal ORDER BY number")?;
            for row in select.query_map([], line)? {
                walk.step(&row?);
            }
            Ok(walk.end(head))
        };
        read().map_err(|error| self.error(&error))
    }

    /// What is read in it is of one moment.
    fn reading(&self) -> rusqlite::Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Deferred)
    }

    fn append(
        &self,
        at: Timestamp,
        what: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<What>,
    ) -> Result<u64, StateError> {
        if let Some(cause) = self.unwritable() {
            return Err(cause.clone());
        }
        // After a failed flush nothing that is said to be kept can be believed to be.
        if let Some(flush @ StateError::FlushFailed(_)) = self.guard_trouble() {
            return Err(flush);
        }
        let write = || {
            let transaction = Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate)?;
            let what = what(&transaction)?;
            let (_, head) = ends(&transaction)?;
            let last = last(&transaction)?;
            // A line that somebody put behind the head breaks the chain, and does not stop it.
            let number = last.map_or(head.number, |(number, _)| head.number.max(number));
            let line = Line::after(&Link { number, ..head }, at, what);
            transaction
                .prepare("INSERT INTO journal (number, day, bytes, hash) VALUES (?1, ?2, ?3, ?4)")?
                .execute((line.number.cast_signed(), line.day, &line.bytes, line.hash))?;
            set_end(&transaction, "journal_head", &line.link())?;
            let last_day = last.map(|(_, day)| day);
            if last_day != Some(line.day) {
                forget_old(&transaction, line.day, last_day, self.settings.journal_days.get().into())?;
            }
            transaction.commit()?;
            Ok(line.number)
        };
        write().map_err(|error| {
            let error = self.error(&error);
            if matches!(error, StateError::FlushFailed(_)) {
                *self.trouble.borrow_mut() = Some(error.clone());
            }
            error
        })
    }
}

/// What comes before the first line, and the last line.
fn ends(connection: &Connection) -> rusqlite::Result<(Link, Link)> {
    let start = connection.prepare("SELECT number, hash FROM journal_start")?.query_row([], link)?;
    Ok((start, connection.prepare("SELECT number, hash FROM journal_head")?.query_row([], link)?))
}

fn set_end(transaction: &Transaction<'_>, table: &str, link: &Link) -> rusqlite::Result<()> {
    let update = format!("UPDATE {table} SET number = ?1, hash = ?2");
    transaction.prepare(&update)?.execute((link.number.cast_signed(), link.hash)).map(|_| ())
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link { number: row.get::<_, i64>(0)?.cast_unsigned(), hash: row.get(1)? })
}

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line { number: row.get::<_, i64>(0)?.cast_unsigned(), day: row.get(1)?, bytes: row.get(2)?, hash: row.get(3)? })
}

/// Number and day of the last line.
fn last(connection: &Connection) -> rusqlite::Result<Option<(u64, i64)>> {
    let mut select = connection.prepare("SELECT number, day FROM journal ORDER BY number DESC LIMIT 1")?;
    select.query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))).optional()
}

/// The key of this counter's hashes; this one, if there was none.
fn key(transaction: &Transaction<'_>, fresh: &[u8; 32]) -> rusqlite::Result<[u8; 32]> {
    transaction
        .prepare("INSERT INTO journal_key (id, key) VALUES (1, ?1) ON CONFLICT (id) DO NOTHING")?
        .execute([fresh])?;
    transaction.prepare("SELECT key FROM journal_key")?.query_row([], |row| row.get(0))
}

/// Removes the oldest entries, those that are older than so many days; see the module for those that are not removed.
fn forget_old(
    transaction: &Transaction<'_>,
    today: i64,
    last_day: Option<i64>,
    keep_days: i64,
) -> rusqlite::Result<()> {
    if last_day.is_some_and(|last| today > last.saturating_add(JUMP_DAYS)) {
        return Ok(());
    }
    let first_kept_day = today.saturating_sub(keep_days);
    let select = "SELECT number, hash FROM journal WHERE day < ?1 AND number <
                      (SELECT min(number) FROM journal WHERE day BETWEEN ?1 AND ?2)
                  ORDER BY number DESC LIMIT 1";
    let last_old = transaction.prepare(select)?.query_row((first_kept_day, today), link).optional()?;
    if let Some(last_old) = last_old {
        transaction.prepare("DELETE FROM journal WHERE number <= ?1")?.execute([last_old.number.cast_signed()])?;
        set_end(transaction, "journal_start", &last_old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::chain::Fault;
    use crate::journal::{Format, Why};
    use crate::state::settings::{JournalDays, Settings};
    use crate::state::{FILE_NAME, KeptStatusList};
    use crate::testing::{self, DAY, ROOT, STATUS_KEY, at};
    use crate::verdict::{Outcome, Reason};
    use crate::verify::Asked;
    use std::thread;

    const KEY: [u8; 32] = [5; 32];

    fn new_state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        (folder, state)
    }

    fn ready() -> (tempfile::TempDir, State) {
        let (folder, mut state) = new_state();
        assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-60), &[]), at(0)).unwrap());
        (folder, state)
    }

    fn deed(state: &State, now: Timestamp) -> u64 {
        state.note(&What::PersonMismatch { check: 1 }, now).unwrap()
    }

    fn numbers(state: &State) -> Vec<u64> {
        let extract = state.journal_extract(Day::MIN, Day::MAX).unwrap();
        extract.lines.iter().map(|line| line.number).collect()
    }

    fn broken(state: &State) -> Option<(u64, Fault)> {
        state.journal_chain(None).unwrap().broken.map(|broken| (broken.number, broken.fault))
    }

    #[test]
    fn a_check_is_written_down_without_anything_of_the_person() {
        let (folder, mut state) = ready();
        let code = testing::code(at(0), 1);
        let mut note = |text: &str, now| {
            let verdict = state.verify(&[text], Asked::Nothing, now).unwrap();
            state.note_check(&verdict, By::Gun, Some(380), &KEY).unwrap()
        };
        assert_eq!([note(&code, at(4)), note(&code, at(5)), note("hello", at(6))], [1, 2, 3]);
        assert_eq!(note(&testing::code(at(7), 2), at(7)), 4);
        let entries = state.journal_extract(at(0).day(), at(0).day()).unwrap().entries();
        let checks: Vec<&Checked> = entries
            .iter()
            .map(|entry| match &entry.what {
                What::Check(checked) => checked,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((entries[0].number, entries[0].at), (1, at(4)));
        assert_eq!((checks[0].outcome, checks[0].reason), (Outcome::Accept, Reason::Valid));
        assert_eq!((checks[0].trust_version, checks[0].trust_age_secs), (Some(7), Some(DAY + 4)));
        assert_eq!((checks[0].status_list, checks[0].status_age_secs), (Some(3), Some(64)));
        assert_eq!((checks[0].by, checks[0].waited_ms), (By::Gun, Some(380)));
        assert_eq!((checks[1].reason, checks[2].reason), (Reason::Replayed, Reason::NotAPermitCode));
        // The same permit has the same hash, no permit has none.
        assert!(
            checks[0].permit.is_some() && checks[0].permit == checks[1].permit && checks[0].permit == checks[3].permit
        );
        assert_eq!(checks[2].permit, None);
        let claims = testing::claims();
        let id = claims.citizen_id.to_string();
        drop(state);
        let file = std::fs::read(folder.path().join(FILE_NAME)).unwrap();
        for secret in [claims.name.as_str().as_bytes(), id.as_bytes(), "石牌街道样板路".as_bytes()] {
            assert!(!file.windows(secret.len()).any(|part| part == secret));
        }
    }

    #[test]
    fn the_key_is_made_once_and_is_this_counters_own() {
        let (_folder, mut state) = ready();
        let (_other_folder, mut other) = ready();
        let hashes = |state: &mut State, keys: [u8; 2]| {
            let mut hash = |key: u8, nonce: u8| {
                let verdict = state.verify(&[testing::code(at(0), nonce)], Asked::Nothing, at(0)).unwrap();
                state.note_check(&verdict, By::Command, None, &[key; 32]).unwrap();
                match &state.journal_extract(Day::MIN, Day::MAX).unwrap().entries().last().unwrap().what {
                    What::Check(checked) => checked.permit.unwrap(),
                    other => panic!("{other:?}"),
                }
            };
            [hash(keys[0], 1), hash(keys[1], 2)]
        };
        let (ours, theirs) = (hashes(&mut state, [1, 2]), hashes(&mut other, [3, 1]));
        assert_eq!((ours[0], theirs[0]), (ours[1], theirs[1]));
        assert_ne!(ours[0], theirs[0]);
    }

    #[test]
    fn days_end_at_midnight_in_shanghai() {
        let (_folder, state) = new_state();
        // at(0) is 08:00.
        for seconds in [16 * 3_600 - 1, 16 * 3_600, 40 * 3_600] {
            deed(&state, at(seconds));
        }
        let day = |text: &str| Day::parse(text).unwrap();
        assert_eq!(state.journal_days().unwrap(), [day("2026-07-03"), day("2026-07-02"), day("2026-07-01")]);
        let of = |from: &str, to: &str| -> Vec<u64> {
            let extract = state.journal_extract(day(from), day(to)).unwrap();
            let chain = Chain::examine(
                extract.start,
                extract.lines.last().map_or(extract.start, Line::link),
                extract.lines.clone(),
                None,
            );
            assert!(chain.is_intact());
            extract.entries().iter().map(|entry| entry.number).collect()
        };
        assert_eq!(of("2026-07-01", "2026-07-01"), [1]);
        assert_eq!(of("2026-07-02", "2026-07-03"), [2, 3]);
        assert_eq!(of("2026-07-04", "2026-07-09"), [0; 0]);
        assert_eq!(of("2026-07-03", "2026-07-01"), [0; 0]);
    }

    /// What each of these statements does to a journal of six lines shows.
    #[test]
    fn what_was_done_to_the_table_shows() {
        for (statement, number, fault) in [
            ("DELETE FROM journal WHERE number = 1", 1, Fault::Missing),
            ("DELETE FROM journal WHERE number = 3", 3, Fault::Missing),
            ("DELETE FROM journal WHERE number >= 5", 5, Fault::CutOff),
            ("DELETE FROM journal", 1, Fault::CutOff),
            (
                "UPDATE journal SET bytes = (SELECT bytes FROM journal WHERE number = 2) WHERE number = 4",
                4,
                Fault::Changed,
            ),
            ("UPDATE journal SET day = day - 1 WHERE number = 4", 4, Fault::Changed),
            ("UPDATE journal SET hash = zeroblob(32) WHERE number = 6", 6, Fault::Changed),
            (
                "UPDATE journal SET number = 100 WHERE number = 2; UPDATE journal SET number = 2 WHERE number = 3;
                 UPDATE journal SET number = 3 WHERE number = 100",
                2,
                Fault::Changed,
            ),
            ("INSERT INTO journal SELECT 7, day, bytes, hash FROM journal WHERE number = 6", 7, Fault::Changed),
            ("UPDATE journal_head SET number = 5, hash = (SELECT hash FROM journal WHERE number = 5)", 6, Fault::Added),
            ("UPDATE journal_head SET hash = zeroblob(32)", 6, Fault::Changed),
            ("UPDATE journal_start SET number = 1", 2, Fault::Missing),
            ("DELETE FROM journal WHERE number <= 2; UPDATE journal_start SET number = 2", 3, Fault::Changed),
        ] {
            let (_folder, state) = new_state();
            for _ in 0..6 {
                deed(&state, at(0));
            }
            assert_eq!(broken(&state), None);
            state.database.connection.execute_batch(statement).unwrap();
            assert_eq!(broken(&state), Some((number, fault)), "{statement}");
            // It goes on, and stays broken.
            let _ = state.note(&What::PersonMismatch { check: 1 }, at(1));
            assert!(broken(&state).is_some(), "{statement}");
        }
    }

    #[test]
    fn entries_are_kept_for_as_many_days_as_is_set_and_the_chain_goes_on() {
        let (_folder, mut state) = new_state();
        let settings = Settings { journal_days: JournalDays::new(3).unwrap(), ..Settings::default() };
        state.set_settings(&settings).unwrap();
        for day in 0..3 {
            deed(&state, at(day * DAY));
            deed(&state, at(day * DAY + 1));
        }
        // The third day after it an entry is there, the fourth it is not.
        deed(&state, at(3 * DAY));
        assert_eq!(numbers(&state), [1, 2, 3, 4, 5, 6, 7]);
        deed(&state, at(4 * DAY));
        assert_eq!(numbers(&state), [3, 4, 5, 6, 7, 8]);
        let chain = state.journal_chain(None).unwrap();
        assert_eq!((chain.start.number, chain.head.number, chain.entries, chain.is_intact()), (2, 8, 6, true));
        // Only with the first entry of a day.
        state.set_settings(&Settings { journal_days: JournalDays::new(1).unwrap(), ..Settings::default() }).unwrap();
        deed(&state, at(4 * DAY + 1));
        assert_eq!(numbers(&state).first(), Some(&3));
        deed(&state, at(5 * DAY));
        assert_eq!(numbers(&state), [8, 9, 10]);
        assert_eq!(broken(&state), None);
        // What has gone in its time is not missed; what is taken from the beginning by hand is.
        state.database.connection.execute("DELETE FROM journal WHERE number = 8", []).unwrap();
        assert_eq!(broken(&state), Some((8, Fault::Missing)));
    }

    #[test]
    fn a_clock_that_is_wrong_for_a_day_empties_no_journal() {
        let (_folder, state) = new_state();
        deed(&state, at(0));
        deed(&state, at(DAY));
        // Ahead by years, for a day.
        deed(&state, at(10_000 * DAY));
        deed(&state, at(10_000 * DAY + 1));
        deed(&state, at(2 * DAY));
        assert_eq!(numbers(&state), [1, 2, 3, 4, 5]);
        // Behind by years, and right again.
        deed(&state, at(-5_000 * DAY));
        deed(&state, at(3 * DAY));
        assert_eq!(numbers(&state).len(), 7);
        // All that is over goes in the end, and what stands among it.
        for day in 4..=190 {
            deed(&state, at(day * DAY));
        }
        let left = state.journal_extract(Day::MIN, Day::MAX).unwrap().entries();
        assert_eq!(left.first().map(|entry| entry.at), Some(at(10 * DAY)));
        assert_eq!(broken(&state), None);
        // A counter that was closed for longer than a month: what is over goes on the second day.
        deed(&state, at((190 + 31 + 180) * DAY));
        assert!(numbers(&state).len() > 180);
        deed(&state, at((190 + 31 + 181) * DAY));
        assert_eq!(numbers(&state).len(), 2);
    }

    #[test]
    fn two_that_write_at_once_make_one_chain() {
        let (folder, state) = new_state();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let state = State::open(folder.path()).unwrap();
                    for second in 0..25 {
                        deed(&state, at(second));
                    }
                });
            }
        });
        assert_eq!(numbers(&state), (1..=100).collect::<Vec<u64>>());
        assert_eq!(broken(&state), None);
    }

    #[test]
    fn what_was_written_is_there_after_a_power_cut() {
        let (folder, state) = new_state();
        deed(&state, at(0));
        // Not even closed.
        std::mem::forget(state);
        let again = State::open(folder.path()).unwrap();
        assert_eq!((numbers(&again), broken(&again)), (vec![1], None));
    }

    #[test]
    fn a_full_disk_loses_nothing_and_recovers_by_itself() {
        let (_folder, state) = new_state();
        let pages: i64 = state.database.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        state.database.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let mut written = 0;
        let refused = loop {
            match state.note(&What::PersonMismatch { check: 1 }, at(0)) {
                Ok(number) => written = number,
                Err(error) => break error,
            }
        };
        assert_eq!((refused.code(), written > 0), ("STATE_DISK_FULL", true));
        assert_eq!((numbers(&state).len() as u64, broken(&state)), (written, None));
        state.database.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        assert_eq!(deed(&state, at(0)), written + 1);
        assert_eq!(broken(&state), None);
    }

    #[test]
    fn where_nothing_can_be_written_the_journal_is_read() {
        let (_folder, mut state) = new_state();
        deed(&state, at(0));
        state.database.connection.pragma_update(None, "query_only", true).unwrap();
        let refused = state.note(&What::PersonMismatch { check: 1 }, at(0)).unwrap_err();
        assert_eq!(refused.code(), "STATE_READ_ONLY");
        assert_eq!((numbers(&state), broken(&state)), (vec![1], None));
        state.database.connection.pragma_update(None, "query_only", false).unwrap();
        state.database.unwritable = Some(StateError::DiskFull("d".into()));
        assert_eq!(state.note(&What::PersonMismatch { check: 1 }, at(0)).unwrap_err().code(), "STATE_DISK_FULL");
        state.database.unwritable = None;
        *state.trouble.borrow_mut() = Some(StateError::FlushFailed("d".into()));
        assert_eq!(state.note(&What::PersonMismatch { check: 1 }, at(0)).unwrap_err().code(), "STATE_FLUSH_FAILED");
        assert_eq!(numbers(&state), [1]);
        let lists: Vec<KeptStatusList> = state.status_lists().unwrap();
        assert!(lists.is_empty());
    }

    #[test]
    fn deeds_are_counted_and_found_again() {
        let (_folder, state) = new_state();
        let day = at(0).day();
        let deeds = [
            What::Compared { check: 9, matched: true },
            What::Revealed { check: 9, why: Why::Holder },
            What::PersonMismatch { check: 9 },
            What::Exported { format: Format::Csv, from: day, to: day },
        ];
        for what in &deeds {
            state.note(what, at(0)).unwrap();
        }
        let extract = state.journal_extract(day, day).unwrap();
        assert_eq!(extract.entries().into_iter().map(|entry| entry.what).collect::<Vec<_>>(), deeds);
        assert_eq!((extract.summary().person_mismatch, extract.summary().checks.total()), (1, 0));
    }
}
