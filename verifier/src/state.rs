//! The state folder of a counter: what it trusts, what it has learnt, and the codes it has accepted, in one SQLite file.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (trust_list, status_list, text, now) = (vec![], vec![], "", credential_format::timestamp::Timestamp::MIN);
//! use verifier::{policy::Policy, state::State, verify::Asked};
//!
//! let mut state = State::open("/var/lib/counter".as_ref())?;
//! state.take_trust_list(&trust_list, now)?;
//! state.take_status_list(&status_list, now)?;
//! let verdict = state.verify(&[text], Asked::Nothing, now, Policy::default())?;
//! # Ok(())
//! # }
//! ```
//!
//! Several processes may use one folder at a time. Lists are kept as they were signed, and checked again whenever they are loaded: a disk
//! is no proof. Nothing is stored before it is wholly verified, and what is in use stays in use when something else is refused.
//!
//! There is no clock and no randomness in here: times and random bits come in as arguments.

mod challenge;
mod database;
mod guard;
mod sync;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use credential_format::counter_id::CounterId;
use credential_format::key::Thumbprint;
use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::Presented;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

pub use database::{FILE_NAME, StateError};
pub use guard::SqliteGuard;
pub use sync::{Fate, Fetched, ListKind, Source, SyncReport};

use crate::policy::Policy;
use crate::status::{self, StatusLists, StatusRefusal, TrustedStatusList};
use crate::trust::{TrustRefusal, TrustedList};
use crate::verdict::Verdict;
use crate::verify::{self, Asked, Context};

use database::Database;

/// An open state folder.
pub struct State {
    folder: PathBuf,
    database: Database,
    root: Thumbprint,
    counter: CounterId,
    /// What `trust`, `status` and `newest_signed` were loaded at; another process may have gone on since.
    generation: i64,
    newest_signed: Option<Timestamp>,
    trust: Option<TrustedList>,
    status: StatusLists,
    trouble: RefCell<Option<StateError>>,
}

/// The most status lists that are kept in memory, a quarter of a megabyte each.
const LISTS_IN_MEMORY: usize = 32;

impl State {
    /// Makes a new state: the root key's thumbprint that the authority gave, and the name of this counter. The folder is made if there is
    /// none, for its owner only.
    ///
    /// # Errors
    /// [`StateError::Exists`] when there is a state already, which is then unchanged; or what the disk says.
    pub fn create(folder: &Path, root: Thumbprint, counter: CounterId) -> Result<State, StateError> {
        State::load(folder, Database::create(folder, &root, &counter)?)
    }

    /// Opens a state. On a full disk or a read-only folder it can be read, and accepts nothing.
    ///
    /// # Errors
    /// [`StateError`]: no state there, a file that is not ours or newer, a damaged one.
    pub fn open(folder: &Path) -> Result<State, StateError> {
        State::load(folder, Database::open(folder)?)
    }

    fn load(folder: &Path, database: Database) -> Result<State, StateError> {
        let (root, counter) = database
            .connection
            .query_row("SELECT root, counter FROM installation", [], |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(|error| StateError::of_sqlite(folder, &error))?;
        let counter = CounterId::parse(&counter)
            .map_err(|error| StateError::Damaged { folder: folder.into(), what: error.to_string() })?;
        let mut state = State {
            folder: folder.into(),
            database,
            root: Thumbprint(root),
            counter,
            generation: -1,
            newest_signed: None,
            trust: None,
            status: StatusLists::new(),
            trouble: RefCell::new(None),
        };
        state.refresh()?;
        Ok(state)
    }

    /// Decides about the codes of one frame, by what this state trusts at this moment, and records the code before it is accepted.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read. When it cannot be written to there is a verdict, which accepts nothing.
    pub fn verify<T: AsRef<str>>(
        &mut self,
        frame: &[T],
        asked: Asked,
        now: Timestamp,
        policy: Policy,
    ) -> Result<Verdict, StateError> {
        self.refresh()?;
        self.load_status_lists(frame)?;
        let mut guard = self.guard();
        let mut context = Context {
            now,
            trust: self.trust.as_ref(),
            status: &self.status,
            newest_signed_time: self.newest_signed,
            asked,
            replay: &mut guard,
            policy,
        };
        Ok(verify::verify(frame, &mut context))
    }

    /// Takes a trust list: the first by the installed thumbprint, each later one after the one in use. `false` when it is the one in use.
    ///
    /// # Errors
    /// [`TakeError`]; then nothing is changed.
    pub fn take_trust_list(&mut self, bytes: &[u8], now: Timestamp) -> Result<bool, TakeError> {
        self.write(|state, transaction| {
            let taken = match &state.trust {
                None => Some(TrustedList::first(bytes, &state.root, now)?),
                Some(current) => TrustedList::next(bytes, current, now)?,
            };
            let Some(taken) = taken else { return Ok(false) };
            let stored = transaction.execute(
                "INSERT INTO trust_list (id, bytes) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
                [taken.bytes()],
            );
            stored.and_then(|_| note_list(transaction, taken.list().issued_at)).map_err(|error| state.error(&error))?;
            Ok(true)
        })
    }

    /// Takes a status list, of an issuer of the trust list in use. `false` when it is the one in use.
    ///
    /// # Errors
    /// [`TakeError`]; then nothing is changed.
    pub fn take_status_list(&mut self, bytes: &[u8], now: Timestamp) -> Result<bool, TakeError> {
        self.write(|state, transaction| {
            let trust = state.trust.as_ref().ok_or(TakeError::NoTrustList)?;
            let offered = TrustedStatusList::check(bytes, trust)?;
            let subject = &offered.list().head().subject;
            let kept = stored_status_list(transaction, subject).map_err(|error| state.error(&error))?;
            if kept.as_deref() == Some(bytes) {
                return Ok(false);
            }
            // A kept list that the trust list no longer vouches for, or that the disk damaged, stands in nobody's way.
            let current = kept.and_then(|kept| TrustedStatusList::check(&kept, trust).ok());
            offered.may_follow(current.as_ref(), now)?;
            let stored = transaction.execute(
                "INSERT INTO status_list (subject, bytes) VALUES (?1, ?2)
                 ON CONFLICT (subject) DO UPDATE SET bytes = excluded.bytes",
                (subject, bytes),
            );
            let issued_at = offered.list().head().issued_at;
            stored.and_then(|_| note_list(transaction, issued_at)).map_err(|error| state.error(&error))?;
            Ok(true)
        })
    }

    /// This counter's name, which its challenges carry.
    pub fn counter(&self) -> &CounterId {
        &self.counter
    }

    /// The thumbprint of the root key that the first trust list is taken by.
    pub fn root(&self) -> &Thumbprint {
        &self.root
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The trust list in use, as of the last call that needed it.
    pub fn trust(&self) -> Option<&TrustedList> {
        self.trust.as_ref()
    }

    /// The newest time that a root or status key has signed and this state has taken: the clock cannot be before it. Phones never move it.
    pub fn newest_signed_time(&self) -> Option<Timestamp> {
        self.newest_signed
    }

    /// Why nothing can be recorded here, if it is known already: the disk is full or the folder read-only.
    pub fn unwritable(&self) -> Option<&StateError> {
        self.database.unwritable.as_ref()
    }

    /// The replay guard of this state.
    pub fn guard(&self) -> SqliteGuard<'_> {
        SqliteGuard { folder: &self.folder, database: &self.database, trouble: &self.trouble }
    }

    /// What kept the guard from recording, when a verdict says that it could not.
    pub fn guard_trouble(&self) -> Option<StateError> {
        self.trouble.borrow().clone()
    }

    /// All status lists that are kept, each checked against the trust list in use; with its subject, those that fail too.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn status_lists(&mut self) -> Result<Vec<(String, Result<TrustedStatusList, StatusRefusal>)>, StateError> {
        self.refresh()?;
        let Some(trust) = &self.trust else { return Ok(Vec::new()) };
        let read = || {
            let mut statement =
                self.database.connection.prepare("SELECT subject, bytes FROM status_list ORDER BY subject")?;
            statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?
                .map(|row| row.map(|(subject, bytes)| (subject, TrustedStatusList::check(&bytes, trust))))
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Loads what another process has taken since the last look. `verify` does this by itself.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn refresh(&mut self) -> Result<(), StateError> {
        // What was opened for reading only sees no change: the disk may have room again, or other lists.
        if self.database.unwritable.is_some() {
            self.database = Database::open(&self.folder)?;
        }
        let row = self
            .database
            .connection
            .prepare("SELECT generation, newest_signed FROM installation")
            .and_then(|mut select| select.query_row([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?))));
        let (generation, newest_signed): (i64, _) = row.map_err(|error| self.error(&error))?;
        if generation == self.generation {
            return Ok(());
        }
        let bytes: Option<Vec<u8>> = self
            .database
            .connection
            .query_row("SELECT bytes FROM trust_list", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(&error))?;
        // Most new generations bring a status list; the trust list in memory has had its signatures counted.
        let known = self.trust.as_ref().map(TrustedList::bytes);
        if known != bytes.as_deref() {
            self.trust = match bytes {
                None => None,
                Some(bytes) => Some(
                    TrustedList::reload(&bytes)
                        .map_err(|why| StateError::TrustListDamaged { folder: self.folder.clone(), why })?,
                ),
            };
        }
        self.newest_signed = newest_signed.and_then(|seconds| Timestamp::new(seconds.cast_unsigned()).ok());
        self.status = StatusLists::new();
        self.generation = generation;
        Ok(())
    }

    /// Loads the status lists that the permits of this frame name, if they are not in memory.
    fn load_status_lists<T: AsRef<str>>(&mut self, frame: &[T]) -> Result<(), StateError> {
        let Some(trust) = &self.trust else { return Ok(()) };
        for subject in frame.iter().filter_map(|text| subject_named(text.as_ref(), trust)) {
            if self.status.get(&subject).is_some() {
                continue;
            }
            let bytes = stored_status_list(&self.database.connection, &subject).map_err(|error| self.error(&error))?;
            // A list that fails its checks is no list: the verdict then says that one is missing, and how to get one.
            if let Some(Ok(list)) = bytes.map(|bytes| TrustedStatusList::check(&bytes, trust))
                && list.list().head().subject == subject
            {
                if self.status.iter().count() >= LISTS_IN_MEMORY {
                    self.status = StatusLists::new();
                }
                self.status.put(list);
            }
        }
        Ok(())
    }

    /// One transaction, decided by what is stored at that moment: all of it is on the disk at the end, or nothing.
    fn write<T>(&mut self, work: impl Fn(&State, &Transaction<'_>) -> Result<T, TakeError>) -> Result<T, TakeError> {
        if let Some(cause) = &self.database.unwritable {
            return Err(TakeError::State(cause.clone()));
        }
        loop {
            self.refresh()?;
            // Nothing was done only when another process has just taken a list: look again at what is in use.
            if let Some(done) = self.write_unless_outdated(&work)? {
                self.refresh()?;
                return Ok(done);
            }
        }
    }

    fn write_unless_outdated<T>(
        &self,
        work: impl Fn(&State, &Transaction<'_>) -> Result<T, TakeError>,
    ) -> Result<Option<T>, TakeError> {
        let of = |error: rusqlite::Error| self.error(&error);
        let transaction =
            Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate).map_err(of)?;
        let generation: i64 =
            transaction.query_row("SELECT generation FROM installation", [], |row| row.get(0)).map_err(of)?;
        if generation != self.generation {
            return Ok(None);
        }
        let done = work(self, &transaction)?;
        transaction.commit().map_err(of)?;
        Ok(Some(done))
    }

    fn error(&self, error: &rusqlite::Error) -> StateError {
        StateError::of_sqlite(&self.folder, error)
    }
}

/// A list was taken: the clock cannot be before its time, and other processes must load again.
fn note_list(transaction: &Transaction<'_>, issued_at: Timestamp) -> rusqlite::Result<()> {
    transaction
        .execute(
            "UPDATE installation SET generation = generation + 1, newest_signed = max(coalesce(newest_signed, 0), ?1)",
            [issued_at.seconds().cast_signed()],
        )
        .map(|_| ())
}

fn stored_status_list(connection: &Connection, subject: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare("SELECT bytes FROM status_list WHERE subject = ?1")?
        .query_row([subject], |row| row.get(0))
        .optional()
}

/// The status list that the permit in this text names. Only a hint of what to load: `verify` reads the text again, and decides.
fn subject_named(text: &str, trust: &TrustedList) -> Option<String> {
    let (kind, bytes) = text::decode(text).ok()?;
    let presented = match kind {
        Kind::Presentation => Presented::parse(&bytes).ok()?,
        Kind::Voucher => Presented::Bare(UnverifiedPermit::parse(&bytes).ok()?),
        Kind::Challenge | Kind::Enrolment => return None,
    };
    let (issuer, _, _) = trust.key(presented.permit().kid())?;
    Some(status::subject(issuer, presented.permit().unverified_claims().status.list))
}

/// Why a list was not taken. What was in use stays in use.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The trust list was refused.
    #[error(transparent)]
    Trust(#[from] TrustRefusal),
    /// The status list was refused.
    #[error(transparent)]
    Status(#[from] StatusRefusal),
    /// A status list before any trust list.
    #[error("there is no trust list yet that says whose status list this is; synchronise a trust list first")]
    NoTrustList,
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
}

impl TakeError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            TakeError::Trust(refusal) => refusal.code(),
            TakeError::Status(refusal) => refusal.code(),
            TakeError::NoTrustList => "STATUS_NO_TRUST_LIST",
            TakeError::State(error) => error.code(),
        }
    }
}
