//! The state folder of a counter: what it trusts, what it has learnt, the codes it has accepted, and its journal, in one SQLite file.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (trust_list, status_list, text, now) = (vec![], vec![], "", credential_format::timestamp::Timestamp::MIN);
//! use verifier::{state::State, verify::Asked};
//!
//! let mut state = State::open("/var/lib/counter".as_ref())?;
//! state.take_trust_list(&trust_list, now)?;
//! state.take_status_list(&status_list, now)?;
//! let verdict = state.verify(&[text], Asked::Nothing, now)?;
//! # Ok(())
//! # }
//! ```
//!
//! Several processes may use one folder at a time. Lists are kept as they were signed, and checked again whenever they are loaded: a disk
//! is no proof. Nothing is stored before it is wholly verified, and what is in use stays in use when something else is refused.
//!
//! There is no clock and no randomness in here: times and random bits come in as arguments.

mod challenge;
mod clocks;
mod condition;
mod database;
mod guard;
mod journal;
mod settings;
mod shared;
mod sync;
mod taking;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use credential_format::counter_id::CounterId;
use credential_format::key::Thumbprint;
use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::Presented;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior};

pub use clocks::{PHONES_REMEMBERED, PhoneClock};
pub use condition::Condition;
pub use database::{FILE_NAME, StateError};
pub use guard::SqliteGuard;
pub use journal::{Extract, JUMP_DAYS};
pub use settings::{Asking, GuardAddress, JournalDays, ResultSecs, Settings, Within};
pub use sync::{Fate, Fetched, ListKind, Source, SyncReport};
pub use taking::TakeError;

use crate::hall::HallGuard;
use crate::outlook::KeptList;
use crate::replay::ReplayGuard;
use crate::status::{self, StatusLists, StatusRefusal, TrustedStatusList};
use crate::trust::TrustedList;
use crate::verdict::Verdict;
use crate::verify::{self, Asked, Context};

use database::Database;
use shared::Shared;
use taking::stored_status_list;

/// An open state folder.
pub struct State {
    folder: PathBuf,
    database: Database,
    root: Thumbprint,
    counter: CounterId,
    /// What `trust`, `status` and `newest_signed` were loaded at; another process may have gone on since.
    generation: i64,
    newest_signed: Option<Timestamp>,
    settings: Settings,
    trust: Option<TrustedList>,
    status: StatusLists,
    trouble: RefCell<Option<StateError>>,
    shared: Option<Shared>,
}

/// A status list that was taken before, as it stands today.
#[derive(Debug)]
pub struct KeptStatusList {
    /// Status address, "/", number.
    pub subject: String,
    /// The list, or why the trust list in use no longer vouches for it.
    pub list: Result<TrustedStatusList, StatusRefusal>,
}

/// The most status lists that are kept in memory, a quarter of a megabyte each.
const LISTS_IN_MEMORY: usize = 96;

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
            settings: Settings::default(),
            trust: None,
            status: StatusLists::new(),
            trouble: RefCell::new(None),
            shared: None,
        };
        state.refresh()?;
        Ok(state)
    }

    /// Decides about the codes of one frame, by what this state trusts at this moment and by its policy, and records the code before it is accepted.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read. When it cannot be written to there is a verdict, which accepts nothing.
    pub fn verify<T: AsRef<str>>(&mut self, frame: &[T], asked: Asked, now: Timestamp) -> Result<Verdict, StateError> {
        self.at_one_moment(|state| state.load_status_lists(frame))?;
        let mut local = SqliteGuard { folder: &self.folder, database: &self.database, trouble: &self.trouble };
        let mut hall;
        let replay: &mut dyn ReplayGuard = match &mut self.shared {
            Some(shared) => {
                hall = HallGuard::new(&mut local, shared, self.settings.policy.guard_fallback);
                &mut hall
            }
            None => &mut local,
        };
        let mut context = Context {
            now,
            trust: self.trust.as_ref(),
            status: &self.status,
            newest_signed_time: self.newest_signed,
            asked,
            replay,
            policy: self.settings.policy,
        };
        let verdict = verify::verify(frame, &mut context);
        self.note_phone_clock(&verdict);
        Ok(verdict)
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

    /// The newest time that the lists in use were signed at: the clock cannot be before it. Phones never move it.
    pub fn newest_signed_time(&self) -> Option<Timestamp> {
        self.newest_signed
    }

    /// Why nothing can be recorded here, if it is known already: the disk is full or the folder read-only.
    pub fn unwritable(&self) -> Option<&StateError> {
        self.database.unwritable.as_ref()
    }

    /// A copy of this state in another folder, which must not hold one: for rehearsals, so that nothing that is tried there is in use here.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn copy_to(&self, folder: &Path) -> Result<State, StateError> {
        let target = folder.join(FILE_NAME);
        if target.exists() {
            return Err(StateError::Exists(folder.into()));
        }
        let copied = self.database.connection.execute("VACUUM INTO ?1", [target.to_string_lossy()]);
        copied.map_err(|error| StateError::of_sqlite(folder, &error))?;
        let mut copy = State::open(folder)?;
        // A copy asks no shared guard, and keeps no password.
        copy.set_settings(&Settings { guard: None, ..copy.settings.clone() })?;
        Ok(copy)
    }

    /// What a server called the file at this address when it was last fetched (its ETag), if it was taken or in use.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn etag(&self, url: &str) -> Result<Option<String>, StateError> {
        let select = "SELECT etag FROM fetched WHERE url = ?1";
        let etag = self.database.connection.query_row(select, [url], |row| row.get(0)).optional();
        etag.map_err(|error| self.error(&error))
    }

    /// Keeps what a server calls the files that were taken, by address. A new trust list makes all of it forgotten.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_etags(&mut self, etags: &[(String, String)]) -> Result<(), StateError> {
        let write = || {
            let transaction = Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate)?;
            for (url, etag) in etags {
                transaction.execute(
                    "INSERT INTO fetched (url, etag) VALUES (?1, ?2) ON CONFLICT (url) DO UPDATE SET etag = excluded.etag",
                    (url, etag),
                )?;
            }
            transaction.commit()
        };
        write().map_err(|error| self.error(&error))
    }

    /// The replay guard of this state.
    pub fn guard(&self) -> SqliteGuard<'_> {
        SqliteGuard { folder: &self.folder, database: &self.database, trouble: &self.trouble }
    }

    /// What kept the guard from recording, when a verdict says that it could not.
    pub fn guard_trouble(&self) -> Option<StateError> {
        self.trouble.borrow().clone()
    }

    /// Why the guard that the hall shares could not answer the last question, as a code, in English with what to do, and in Chinese.
    pub fn shared_guard_trouble(&self) -> Option<(&'static str, String, String)> {
        self.shared.as_ref().and_then(Shared::trouble)
    }

    /// All status lists that are kept, each checked against the trust list in use, those that fail among them.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn status_lists(&mut self) -> Result<Vec<KeptStatusList>, StateError> {
        self.at_one_moment(|state| state.checked_status_lists())
    }

    fn checked_status_lists(&self) -> Result<Vec<KeptStatusList>, StateError> {
        let Some(trust) = &self.trust else { return Ok(Vec::new()) };
        let read = || {
            let mut statement =
                self.database.connection.prepare("SELECT subject, bytes FROM status_list ORDER BY subject")?;
            statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?
                .map(|row| {
                    row.map(|(subject, bytes)| KeptStatusList {
                        subject,
                        list: TrustedStatusList::check(&bytes, trust),
                    })
                })
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.error(&error))
    }

    /// The same, as far as the outlook is concerned: their heads, or why they answer nothing.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn kept_lists(&mut self) -> Result<Vec<KeptList>, StateError> {
        let head = |KeptStatusList { subject, list }: KeptStatusList| {
            let head = list.map(|list| list.list().head().clone());
            // A list that is kept under the name of another is not looked at by a verdict either.
            let head =
                head.and_then(|head| if head.subject == subject { Ok(head) } else { Err(StatusRefusal::Subject) });
            KeptList { subject, head }
        };
        Ok(self.status_lists()?.into_iter().map(head).collect())
    }

    /// Rises with every list that is taken and everything that is set, here or by another process.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Loads what another process has taken since the last look. `verify` does this by itself.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn refresh(&mut self) -> Result<(), StateError> {
        self.at_one_moment(|_| Ok(()))
    }

    /// Loads what another process has taken since the last look, and reads on, as the file stood at that moment. Read one after the other, a
    /// synchronisation that ends in between would leave the old trust list beside a new status list, signed with a key that only the new
    /// trust list has.
    fn at_one_moment<T>(&mut self, read: impl FnOnce(&mut State) -> Result<T, StateError>) -> Result<T, StateError> {
        // What was opened for reading only sees no change: the disk may have room again, or other lists.
        if self.database.unwritable.is_some() {
            self.database = Database::open(&self.folder)?;
        }
        // The first SELECT takes the snapshot that all later ones read, and keeps nobody from writing.
        self.database.connection.execute_batch("BEGIN DEFERRED").map_err(|error| self.error(&error))?;
        let read = self.load_generation().and_then(|()| read(self));
        let ended = self.database.connection.execute_batch("ROLLBACK").map_err(|error| self.error(&error));
        read.and_then(|value| ended.map(|()| value))
    }

    /// Loads trust list, settings and the newest signed time, unless they are of this generation already.
    fn load_generation(&mut self) -> Result<(), StateError> {
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
        let settings = self.read_settings()?;
        if settings.guard != self.settings.guard {
            self.shared = settings.guard.as_ref().map(|address| Shared::at(address, &self.counter));
        }
        self.settings = settings;
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

    fn error(&self, error: &rusqlite::Error) -> StateError {
        StateError::of_sqlite(&self.folder, error)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::By;
    use crate::policy::Policy;
    use crate::replay::{LocalGuard as _, Recorded, Sighting};
    use crate::testing::{self, DAY, OTHER_ROOT, PERMIT_KEY, ROOT, STATUS_KEY, at};
    use crate::trust::TrustRefusal;
    use crate::verdict::{Outcome, Reason};
    use credential_format::key::Kid;
    use credential_format::permit::{Claims, StatusSlot};
    use credential_format::status_list::Status;
    use credential_format::trust_list::RootKeys;
    use rusqlite::Connection;
    use std::sync::Barrier;
    use std::{fs, thread, vec};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn new_state(folder: &tempfile::TempDir) -> State {
        State::create(&folder.path().join("s"), testing::thumbprint(ROOT), testing::counter()).unwrap()
    }

    /// With trust list 7 and status list 3, both a day old or less.
    fn ready(folder: &tempfile::TempDir) -> State {
        let mut state = new_state(folder);
        assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-60), &[]), at(0)).unwrap());
        state
    }

    fn reason(state: &mut State, text: &str, now: Timestamp) -> Reason {
        state.verify(&[text], Asked::Nothing, now).unwrap().reason
    }

    fn trust_code(result: Result<bool, TakeError>) -> &'static str {
        result.unwrap_err().code()
    }

    fn sighting(at_secs: i64, nonce: u8, cnonce: Option<u8>) -> Sighting {
        Sighting {
            code_issued_at: at(at_secs),
            kid: Kid([1; 8]),
            status: StatusSlot { list: u64::MAX, index: u64::MAX },
            nonce: [nonce; 8],
            cnonce: cnonce.map(|byte| [byte; 16]),
        }
    }

    #[test]
    fn a_new_state_knows_its_root_and_counter_and_nothing_else() {
        let folder = folder();
        drop(new_state(&folder));
        let mut state = State::open(&folder.path().join("s")).unwrap();
        assert_eq!((state.root(), state.counter()), (&testing::thumbprint(ROOT), &testing::counter()));
        assert!(state.trust().is_none() && state.newest_signed_time().is_none() && state.unwritable().is_none());
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::TrustListMissing);
    }

    #[test]
    fn what_was_taken_is_there_for_another_process() {
        let folder = folder();
        let mut state = new_state(&folder);
        let mut other = State::open(state.folder()).unwrap();
        assert_eq!(reason(&mut other, &testing::code(at(0), 1), at(0)), Reason::TrustListMissing);
        assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert_eq!(reason(&mut other, &testing::code(at(0), 1), at(0)), Reason::StatusListMissing);
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-60), &[]), at(0)).unwrap());
        assert_eq!(reason(&mut other, &testing::code(at(0), 1), at(0)), Reason::Valid);
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Replayed);
        let revoked = testing::status_list(STATUS_KEY, 3, at(-30), &[(7, Status::Cancelled)]);
        assert!(state.take_status_list(&revoked, at(0)).unwrap());
        assert_eq!(reason(&mut other, &testing::code(at(0), 2), at(0)), Reason::Cancelled);
        drop((state, other));
        let mut again = State::open(&folder.path().join("s")).unwrap();
        assert_eq!(again.trust().unwrap().list().version, 7);
        assert_eq!(reason(&mut again, &testing::code(at(0), 3), at(0)), Reason::Cancelled);
    }

    #[test]
    fn each_number_of_lists_taken_is_there_when_it_is_opened_again() {
        let folder = folder();
        let mut state = new_state(&folder);
        for version in 7..10 {
            assert!(state.take_trust_list(&testing::trust_list(version), at(0)).unwrap());
            let again = State::open(state.folder()).unwrap();
            assert_eq!(again.trust().map(|trust| trust.list().version), Some(version));
        }
    }

    #[test]
    fn what_is_taken_while_a_verdict_is_read_counts_for_the_next() {
        let folder = folder();
        let mut state = ready(&folder);
        let mut other = State::open(state.folder()).unwrap();
        let cancelled = testing::status_list(STATUS_KEY, 3, at(-30), &[(7, Status::Cancelled)]);
        let code = testing::code(at(0), 1);
        state
            .at_one_moment(|state| {
                assert!(other.take_trust_list(&testing::trust_list(8), at(0)).unwrap());
                assert!(other.take_status_list(&cancelled, at(0)).unwrap());
                state.load_status_lists(&[&code])?;
                assert_eq!(state.trust().unwrap().list().version, 7);
                assert_eq!(state.status.iter().next().unwrap().list().head().issued_at, at(-60));
                Ok(())
            })
            .unwrap();
        assert_eq!(reason(&mut state, &code, at(0)), Reason::Cancelled);
        assert_eq!(state.trust().unwrap().list().version, 8);
    }

    #[test]
    fn vouchers_find_their_status_list_too() {
        let folder = folder();
        let mut state = ready(&folder);
        assert_eq!(reason(&mut state, &testing::voucher_code(), at(0)), Reason::VoucherValid);
        assert_eq!(reason(&mut state, &testing::voucher_code(), at(0)), Reason::VoucherValid);
    }

    #[test]
    fn a_state_is_not_made_twice() {
        let folder = folder();
        let mut state = ready(&folder);
        let again = State::create(state.folder(), testing::thumbprint(OTHER_ROOT), testing::counter());
        assert_eq!(again.err().map(|error| error.code()), Some("STATE_EXISTS"));
        state.refresh().unwrap();
        assert_eq!(state.root(), &testing::thumbprint(ROOT));
        assert_eq!(State::open(state.folder()).unwrap().trust().unwrap().list().version, 7);
    }

    #[test]
    fn of_sixteen_makers_one_makes_the_state() {
        let folder = folder();
        let path = folder.path().join("s");
        let made = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| State::create(&path, testing::thumbprint(ROOT), testing::counter()).is_ok()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|made| *made).count()
        });
        assert_eq!(made, 1);
        assert!(State::open(&path).is_ok());
    }

    #[test]
    fn a_making_that_was_cut_off_can_be_done_again() {
        let folder = folder();
        fs::write(folder.path().join(FILE_NAME), []).unwrap();
        assert_eq!(State::open(folder.path()).err().map(|error| error.code()), Some("STATE_UNFINISHED"));
        State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        assert!(State::open(folder.path()).is_ok());
    }

    #[test]
    fn files_that_are_not_ours_are_named_and_left_alone() {
        let code = |folder: &Path| State::open(folder).err().map(|error| error.code());
        let root = folder();
        let path = root.path().join(FILE_NAME);
        assert_eq!(code(&root.path().join("none")), Some("STATE_MISSING"));
        assert_eq!(code(root.path()), Some("STATE_MISSING"));

        fs::create_dir(&path).unwrap();
        assert_eq!(code(root.path()), Some("STATE_FOREIGN"));
        fs::remove_dir(&path).unwrap();

        let garbage = "garbage ".repeat(1_000);
        fs::write(&path, &garbage).unwrap();
        assert_eq!(code(root.path()), Some("STATE_FOREIGN"));
        let made = State::create(root.path(), testing::thumbprint(ROOT), testing::counter());
        assert_eq!(made.err().map(|error| error.code()), Some("STATE_EXISTS"));
        assert_eq!(fs::read_to_string(&path).unwrap(), garbage);
        assert_eq!(code(&path), Some("STATE_NOT_FOLDER"));
        fs::remove_file(&path).unwrap();

        let foreign = Connection::open(&path).unwrap();
        foreign.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
        drop(foreign);
        assert_eq!(code(root.path()), Some("STATE_FOREIGN"));
    }

    #[test]
    fn a_newer_layout_is_refused_and_left_alone() {
        let folder = folder();
        let state = ready(&folder);
        let path = state.folder().to_owned();
        drop(state);
        let set = |layout: i32| {
            Connection::open(path.join(FILE_NAME)).unwrap().pragma_update(None, "user_version", layout).unwrap()
        };
        set(4);
        assert!(matches!(State::open(&path), Err(StateError::Newer { layout: 4, .. })));
        set(3);
        assert!(State::open(&path).is_ok());
    }

    #[test]
    fn a_damaged_file_is_a_sentence() {
        let folder = folder();
        let state = ready(&folder);
        let path = state.folder().to_owned();
        drop(state);
        let file = path.join(FILE_NAME);
        let whole = fs::read(&file).unwrap();
        // All pages but the first, whose header still says that the file is ours.
        fs::write(&file, &whole[..4_096]).unwrap();
        let error = State::open(&path).err().unwrap();
        assert_eq!((error.code(), error.is_usage()), ("STATE_DAMAGED", false));
        let mut noise = whole.clone();
        noise[4_096..].fill(0xa5);
        fs::write(&file, &noise).unwrap();
        assert_eq!(State::open(&path).err().map(|error| error.code()), Some("STATE_DAMAGED"));
    }

    #[test]
    fn lists_on_the_disk_are_checked_again() {
        let folder = folder();
        let mut state = ready(&folder);
        let status = testing::status_list(PERMIT_KEY, 3, at(-60), &[]);
        let tamper = Connection::open(state.folder().join(FILE_NAME)).unwrap();
        tamper.execute("UPDATE status_list SET bytes = ?1", [&status]).unwrap();
        drop(tamper);
        let mut other = State::open(state.folder()).unwrap();
        assert_eq!(reason(&mut other, &testing::code(at(0), 1), at(0)), Reason::StatusListMissing);
        assert_eq!(other.status_lists().unwrap().len(), 1);
        assert_eq!(other.status_lists().unwrap()[0].list.as_ref().unwrap_err().code(), "STATUS_KEY_USAGE");
        // What is damaged stands in nobody's way: an older good list is better than none.
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-61), &[]), at(0)).unwrap());
        assert_eq!(reason(&mut other, &testing::code(at(0), 1), at(0)), Reason::Valid);

        let forged = testing::sign_trust(&testing::trust_content(9), &[OTHER_ROOT]);
        let tamper = Connection::open(state.folder().join(FILE_NAME)).unwrap();
        tamper.execute("UPDATE trust_list SET bytes = ?1", [&forged]).unwrap();
        tamper.execute("UPDATE installation SET generation = generation + 1", []).unwrap();
        assert_eq!(other.refresh().unwrap_err().code(), "STATE_TRUST_LIST_DAMAGED");
        assert_eq!(State::open(state.folder()).err().map(|e| e.code()), Some("STATE_TRUST_LIST_DAMAGED"));
    }

    #[test]
    fn a_list_under_the_name_of_another_answers_nothing() {
        let folder = folder();
        let state = ready(&folder);
        let tamper = Connection::open(state.folder().join(FILE_NAME)).unwrap();
        let other = testing::status_list(STATUS_KEY, 4, at(-60), &[]);
        tamper.execute("UPDATE status_list SET bytes = ?1", [&other]).unwrap();
        let mut state = State::open(state.folder()).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::StatusListMissing);
        let kept = state.kept_lists().unwrap();
        assert_eq!(kept.iter().map(|list| list.head.clone().err()).collect::<Vec<_>>(), [Some(StatusRefusal::Subject)]);
        // Under the name that it was signed for it stands in the outlook as it is.
        let rename = Connection::open(state.folder().join(FILE_NAME)).unwrap();
        let subject = kept[0].subject.replace("/3", "/4");
        assert_ne!(subject, kept[0].subject);
        rename.execute("UPDATE status_list SET subject = ?1", [&subject]).unwrap();
        let kept = state.kept_lists().unwrap();
        assert_eq!((kept.len(), &kept[0].head.as_ref().unwrap().subject), (1, &subject));
    }

    /// As many lists stay in memory as a region has, and no more, however many are kept.
    #[test]
    fn lists_stay_in_memory_up_to_a_number() {
        let folder = folder();
        let mut state = ready(&folder);
        let most = LISTS_IN_MEMORY as u64;
        for number in 10..=10 + most {
            let list = testing::status_list(STATUS_KEY, number, at(-60), &[]);
            assert!(state.take_status_list(&list, at(0)).unwrap());
        }
        let mut show = |number: u64| {
            let status = StatusSlot { list: number, ..testing::claims().status };
            let permit = testing::sign_permit(&Claims { status, ..testing::claims() }, PERMIT_KEY);
            let code = testing::code_of(&permit, at(0), number as u8, None);
            assert_eq!(reason(&mut state, &code, at(0)), Reason::Valid, "list {number}");
            state.status.iter().count()
        };
        for number in 10..10 + most {
            assert_eq!(show(number) as u64, number - 9);
        }
        assert_eq!(show(10 + most), 1);
    }

    /// The counter page asks for it: what it knows is shown again when the number has changed.
    #[test]
    fn the_generation_rises_with_what_is_taken_and_set_by_anyone() {
        let folder = folder();
        let mut state = new_state(&folder);
        let mut other = State::open(state.folder()).unwrap();
        let mut seen = vec![state.generation()];
        state.take_trust_list(&testing::trust_list(7), at(0)).unwrap();
        seen.push(state.generation());
        other.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-60), &[]), at(0)).unwrap();
        // Until it looks, it does not know.
        assert_eq!(state.generation(), seen[1]);
        state.refresh().unwrap();
        seen.push(state.generation());
        let settings = state.settings().clone();
        state.set_settings(&settings).unwrap();
        state.refresh().unwrap();
        seen.push(state.generation());
        assert!(seen.is_sorted_by(|earlier, later| earlier < later), "{seen:?}");
        assert_eq!(State::open(state.folder()).unwrap().generation(), seen[3]);
        // A verdict changes nothing of it.
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        assert_eq!(state.generation(), seen[3]);
    }

    #[test]
    fn a_guard_that_this_program_cannot_use_is_said_to_be_so() {
        let folder = folder();
        let mut state = ready(&folder);
        assert_eq!(state.shared_guard_trouble(), None);
        let settings = Settings { guard: Some(GuardAddress("carrier-pigeon:loft".into())), ..Settings::default() };
        state.set_settings(&settings).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::ReplayGuardUnavailable);
        let (code, en, zh) = state.shared_guard_trouble().unwrap();
        assert_eq!(code, "GUARD_UNUSABLE");
        assert!(en.contains("verifier policy") && zh.contains("请用 verifier policy"), "{en} {zh}");
    }

    #[test]
    fn refused_trust_lists_change_nothing_and_the_next_good_one_works() {
        let folder = folder();
        let mut state = new_state(&folder);
        let other_root = testing::sign_trust(&testing::trust_content(7), &[OTHER_ROOT]);
        assert_eq!(trust_code(state.take_trust_list(&other_root, at(0))), "TRUST_NOT_THE_ROOT");
        assert_eq!(trust_code(state.take_trust_list(&testing::trust_list(7), at(365 * DAY))), "TRUST_EXPIRED");
        assert!(state.trust().is_none() && state.newest_signed_time().is_none());
        assert!(state.take_trust_list(&testing::trust_list(7), at(365 * DAY - 1)).unwrap());

        assert!(!state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert_eq!(trust_code(state.take_trust_list(&testing::trust_list(6), at(0))), "TRUST_ROLLBACK");
        assert_eq!(trust_code(state.take_trust_list(b"\xd8\x62", at(0))), "TRUST_MALFORMED");
        let later = TrustListWith { version: 8, issued_at: at(50) }.content();
        let unsigned = testing::sign_trust(&later, &[OTHER_ROOT]);
        assert_eq!(trust_code(state.take_trust_list(&unsigned, at(0))), "TRUST_CURRENT_THRESHOLD");
        assert_eq!(state.trust().unwrap().list().version, 7);
        assert_eq!(state.newest_signed_time(), Some(at(-DAY)));

        assert!(state.take_trust_list(&testing::sign_trust(&later, &[ROOT]), at(0)).unwrap());
        assert_eq!(State::open(state.folder()).unwrap().trust().unwrap().list().version, 8);
        assert_eq!(state.newest_signed_time(), Some(at(50)));
    }

    struct TrustListWith {
        version: u64,
        issued_at: Timestamp,
    }

    impl TrustListWith {
        fn content(self) -> credential_format::trust_list::TrustList {
            credential_format::trust_list::TrustList {
                version: self.version,
                issued_at: self.issued_at,
                ..testing::trust_content(0)
            }
        }
    }

    #[test]
    fn refused_status_lists_change_nothing_and_the_next_good_one_works() {
        let folder = folder();
        let mut state = new_state(&folder);
        let list = |at, entries: &[_]| testing::status_list(STATUS_KEY, 3, at, entries);
        assert_eq!(trust_code(state.take_status_list(&list(at(-60), &[]), at(0))), "STATUS_NO_TRUST_LIST");
        assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
        assert!(state.take_status_list(&list(at(-60), &[]), at(0)).unwrap());
        assert!(!state.take_status_list(&list(at(-60), &[]), at(0)).unwrap());
        let refusals = [
            (list(at(-61), &[]), "STATUS_ROLLBACK"),
            (list(at(-60), &[(1, Status::Suspended)]), "STATUS_SAME_TIME"),
            (testing::status_list(PERMIT_KEY, 3, at(90), &[]), "STATUS_KEY_USAGE"),
            (testing::status_list(99, 3, at(90), &[]), "STATUS_KEY_UNKNOWN"),
            (vec![0xd2], "STATUS_MALFORMED"),
        ];
        for (bytes, code) in refusals {
            assert_eq!(trust_code(state.take_status_list(&bytes, at(0))), code);
            assert_eq!(state.newest_signed_time(), Some(at(-60)), "{code}");
            let kept = stored_status_list(&state.database.connection, "https://status.example/gz/3").unwrap();
            assert_eq!(kept, Some(list(at(-60), &[])), "{code}");
        }
        assert!(state.take_status_list(&list(at(-59), &[]), at(0)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(-59)));
    }

    #[test]
    fn the_newest_signed_time_never_falls_and_phones_do_not_move_it() {
        let folder = folder();
        let mut state = ready(&folder);
        let ahead = testing::code(at(5), 1);
        assert_eq!(reason(&mut state, &ahead, at(0)), Reason::Valid);
        assert_eq!(state.newest_signed_time(), Some(at(-60)));
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 4, at(-100), &[]), at(0)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(-60)));
        // 120 seconds behind are believed, 121 are not.
        assert_eq!(reason(&mut state, &testing::code(at(-180), 2), at(-180)), Reason::Valid);
        assert_eq!(reason(&mut state, &testing::code(at(-181), 3), at(-181)), Reason::ClockSuspect);
    }

    /// The lists' second issuer key, put in the place of the status key.
    fn without_the_status_key(version: u64) -> Vec<u8> {
        let mut content = testing::trust_content(version);
        content.issuers[0].keys[1].key = testing::cose_key(12);
        testing::sign_trust(&content, &[ROOT])
    }

    #[test]
    fn the_newest_signed_time_falls_with_the_key_that_dated_a_list_wrongly() {
        let folder = folder();
        let mut state = ready(&folder);
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 4, at(120), &[]), at(0)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(120)));
        assert!(state.take_trust_list(&testing::trust_list(8), at(0)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(120)));
        assert!(state.take_trust_list(&without_the_status_key(9), at(0)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(-DAY)));
        // What comes with the trust list counts, and what stays in use.
        let files = vec![
            Source { name: "t".into(), bytes: testing::trust_list(10) },
            Source { name: "s".into(), bytes: testing::status_list(STATUS_KEY, 4, at(121), &[]) },
        ];
        assert_eq!(state.sync(files, at(1)).unwrap().taken(), 2);
        assert_eq!(state.newest_signed_time(), Some(at(121)));
        assert!(state.take_trust_list(&testing::trust_list(11), at(1)).unwrap());
        assert_eq!(state.newest_signed_time(), Some(at(121)));
    }

    #[test]
    fn one_sync_is_stored_whole_or_not_at_all() {
        let folder = folder();
        let mut state = ready(&folder);
        let tamper = Connection::open(state.folder().join(FILE_NAME)).unwrap();
        let stop = "CREATE TRIGGER stop BEFORE INSERT ON status_list WHEN NEW.subject LIKE '%/4'
                    BEGIN SELECT RAISE(ABORT, 'stop'); END";
        tamper.execute_batch(stop).unwrap();
        let files = || -> Vec<Source> {
            let lists = [
                testing::trust_list(8),
                testing::status_list(STATUS_KEY, 3, at(-10), &[(7, Status::Cancelled)]),
                testing::status_list(STATUS_KEY, 4, at(-10), &[]),
            ];
            lists.into_iter().map(|bytes| Source { name: String::new(), bytes }).collect()
        };
        assert!(state.sync(files(), at(0)).is_err());
        state.refresh().unwrap();
        assert_eq!(state.trust().unwrap().list().version, 7);
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        tamper.execute_batch("DROP TRIGGER stop").unwrap();
        assert_eq!(state.sync(files(), at(0)).unwrap().taken(), 3);
        assert_eq!(state.trust().unwrap().list().version, 8);
        assert_eq!(reason(&mut state, &testing::code(at(0), 2), at(0)), Reason::Cancelled);
    }

    #[test]
    fn a_state_of_layout_1_gets_the_new_tables_and_keeps_the_rest() {
        let folder = folder();
        let state = ready(&folder);
        let path = state.folder().to_owned();
        drop(state);
        let old = Connection::open(path.join(FILE_NAME)).unwrap();
        old.execute_batch(DROP_LAYOUT_3).unwrap();
        old.execute_batch("DROP TABLE setting; DROP TABLE fetched; DROP TABLE phone_clock; PRAGMA user_version = 1")
            .unwrap();
        drop(old);
        let mut state = State::open(&path).unwrap();
        assert_eq!(state.trust().unwrap().list().version, 7);
        assert_eq!(state.settings(), &Settings::default());
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        assert_eq!(state.phone_clocks().unwrap().len(), 1);
        state.keep_etags(&[("u".into(), "e".into())]).unwrap();
        assert_eq!(State::open(&path).unwrap().etag("u").unwrap().as_deref(), Some("e"));
    }

    const DROP_LAYOUT_3: &str = "DROP TABLE journal; DROP TABLE journal_start; DROP TABLE journal_head;
        DROP TABLE journal_key; DROP TABLE condition; PRAGMA user_version = 2";

    #[test]
    fn a_state_of_layout_2_gets_a_journal_and_keeps_the_rest() {
        let folder = folder();
        let mut state = ready(&folder);
        let settings =
            Settings { policy: Policy::default().with_status_ages(7_200, DAY).unwrap(), ..Settings::default() };
        state.set_settings(&settings).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        let path = state.folder().to_owned();
        drop(state);
        let old = Connection::open(path.join(FILE_NAME)).unwrap();
        old.execute_batch(DROP_LAYOUT_3).unwrap();
        // As layout 2 kept them.
        old.execute("DELETE FROM setting WHERE name IN ('asking', 'result-secs', 'journal-days')", []).unwrap();
        drop(old);
        let mut state = State::open(&path).unwrap();
        assert_eq!((state.trust().unwrap().list().version, state.settings()), (7, &settings));
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Replayed);
        assert_eq!((state.journal_days().unwrap().len(), state.conditions().unwrap().len()), (0, 0));
        let verdict = state.verify(&[testing::code(at(0), 2)], Asked::Nothing, at(0)).unwrap();
        assert_eq!(state.note_check(&verdict, By::Command, None, &[1; 32]), Ok(1));
        assert!(State::open(&path).unwrap().journal_chain(None).unwrap().is_intact());
    }

    #[test]
    fn a_layout_is_brought_up_once_by_sixteen_that_open_it() {
        let folder = folder();
        let path = ready(&folder).folder().to_owned();
        let old = Connection::open(path.join(FILE_NAME)).unwrap();
        old.execute_batch(DROP_LAYOUT_3).unwrap();
        drop(old);
        sixteen_at_once(|| assert_eq!(State::open(&path).unwrap().trust().unwrap().list().version, 7));
    }

    fn sixteen_at_once(run: impl Fn() + Sync) {
        let barrier = Barrier::new(16);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    barrier.wait();
                    run();
                });
            }
        });
    }

    /// The state goes back to a rollback journal; what did that.
    fn without_log(path: &Path) -> Connection {
        let connection = Connection::open(path.join(FILE_NAME)).unwrap();
        let journal: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).unwrap();
        assert_eq!(journal, "delete");
        connection
    }

    #[test]
    fn sixteen_that_open_it_at_once_go_over_to_the_log_together() {
        let folder = folder();
        let path = ready(&folder).folder().to_owned();
        for _ in 0..10 {
            drop(without_log(&path));
            sixteen_at_once(|| assert_eq!(State::open(&path).err(), None));
        }
    }

    #[test]
    fn who_cannot_go_over_to_the_log_says_so_after_some_seconds() {
        let folder = folder();
        let path = ready(&folder).folder().to_owned();
        let other = without_log(&path);
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(State::open(&path).err().map(|error| error.code()), Some("STATE_BUSY"));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(State::open(&path).err(), None);
    }

    #[test]
    fn what_was_fetched_is_forgotten_with_a_new_trust_list() {
        let folder = folder();
        let mut state = ready(&folder);
        state.keep_etags(&[("u".into(), "1".into()), ("v".into(), "2".into())]).unwrap();
        state.keep_etags(&[("u".into(), "3".into())]).unwrap();
        assert_eq!(state.etag("u").unwrap().as_deref(), Some("3"));
        assert!(state.take_status_list(&testing::status_list(STATUS_KEY, 3, at(-30), &[]), at(0)).unwrap());
        assert_eq!(state.etag("v").unwrap().as_deref(), Some("2"));
        assert!(state.take_trust_list(&testing::trust_list(8), at(0)).unwrap());
        assert_eq!((state.etag("u").unwrap(), state.etag("v").unwrap()), (None, None));
    }

    #[test]
    fn a_rehearsal_changes_nothing_here() {
        let folder = folder();
        let mut state = ready(&folder);
        let guard = Some(GuardAddress("redis://:secret@guard".into()));
        state.set_settings(&Settings { guard: guard.clone(), ..Settings::default() }).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut copy = state.copy_to(elsewhere.path()).unwrap();
        assert_eq!((copy.settings().guard.clone(), state.settings().guard.clone()), (None, guard));
        state.set_settings(&Settings::default()).unwrap();
        assert!(copy.take_trust_list(&without_the_status_key(8), at(0)).unwrap());
        assert_eq!(reason(&mut copy, &testing::code(at(0), 1), at(0)), Reason::StatusListMissing);
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        assert_eq!(state.trust().unwrap().list().version, 7);
        assert_eq!(state.copy_to(elsewhere.path()).err().map(|error| error.code()), Some("STATE_EXISTS"));
    }

    #[test]
    fn a_counter_goes_by_its_own_policy() {
        let folder = folder();
        let mut state = ready(&folder);
        let policy = Policy::default().with_status_ages(3_600, DAY).unwrap();
        let later = |seconds: i64| at(-60 + DAY + seconds);
        assert_eq!(reason(&mut state, &testing::code(later(1), 1), later(1)), Reason::Valid);
        state.set_settings(&Settings { policy, ..Settings::default() }).unwrap();
        assert_eq!(reason(&mut state, &testing::code(later(1), 2), later(1)), Reason::StatusListStale);
        assert_eq!(reason(&mut state, &testing::code(later(0), 3), later(0)), Reason::Valid);
    }

    #[test]
    fn ten_phones_are_remembered_each_once_and_only_with_a_signature_that_held() {
        let folder = folder();
        let mut state = ready(&folder);
        let code = |index: u64, shown_at: Timestamp, nonce: u8| {
            let claims =
                credential_format::permit::Claims { status: StatusSlot { list: 3, index }, ..testing::claims() };
            testing::code_of(&testing::sign_permit(&claims, PERMIT_KEY), shown_at, nonce, None)
        };
        assert_eq!(reason(&mut state, &code(1, at(-200), 1), at(0)), Reason::PresentationExpired);
        assert_eq!(reason(&mut state, &code(2, at(90), 1), at(1)), Reason::PresentationFromFuture);
        assert_eq!(reason(&mut state, &code(1, at(-3), 2), at(2)), Reason::Valid);
        let clock = |seen_at: i64, ahead_secs: i64| PhoneClock { seen_at: at(seen_at), ahead_secs };
        assert_eq!(state.phone_clocks().unwrap(), [clock(2, -5), clock(1, 89)]);
        // Without a device's signature, or with a wrong one, there is no phone.
        let permit = testing::sign_permit(&testing::claims(), OTHER_ROOT);
        assert_eq!(reason(&mut state, &testing::code_of(&permit, at(2), 9, None), at(2)), Reason::IssuerUnknown);
        assert_eq!(reason(&mut state, &testing::voucher_code(), at(2)), Reason::VoucherValid);
        assert_eq!(state.phone_clocks().unwrap().len(), 2);
        for index in 10..20 {
            assert_eq!(reason(&mut state, &code(index, at(3), 1), at(3)), Reason::Valid);
        }
        assert_eq!(State::open(state.folder()).unwrap().phone_clocks().unwrap(), [clock(3, 0); 10]);
    }

    #[test]
    fn a_code_is_recorded_before_it_is_accepted_and_once() {
        let folder = folder();
        let mut state = ready(&folder);
        let code = testing::code(at(0), 1);
        let verdict = state.verify(&[&code], Asked::Nothing, at(0)).unwrap();
        assert_eq!((verdict.reason, verdict.outcome()), (Reason::Valid, Outcome::Accept));
        let path = state.folder().to_owned();
        // Not even closed: as after a power cut.
        std::mem::forget(state);
        assert_eq!(reason(&mut State::open(&path).unwrap(), &code, at(1)), Reason::Replayed);
    }

    #[test]
    fn every_part_of_a_sighting_counts() {
        let folder = folder();
        let state = new_state(&folder);
        let base = sighting(0, 1, None);
        let record = |sighting: &Sighting| state.guard().record(sighting, at(0));
        assert_eq!(record(&base), Ok(Recorded::First));
        assert_eq!(record(&base), Ok(Recorded::Seen));
        let others = [
            Sighting { code_issued_at: at(1), ..base },
            Sighting { kid: Kid([2; 8]), ..base },
            Sighting { status: StatusSlot { list: 1, index: u64::MAX }, ..base },
            Sighting { status: StatusSlot { list: u64::MAX, index: 1 }, ..base },
            Sighting { nonce: [2; 8], ..base },
        ];
        for other in others {
            assert_eq!(record(&other), Ok(Recorded::First), "{other:?}");
            assert_eq!(record(&other), Ok(Recorded::Seen), "{other:?}");
        }
        // A challenge is no part of the identity, and is used once.
        assert_eq!(record(&Sighting { cnonce: Some([9; 16]), ..base }), Ok(Recorded::Seen));
        assert_eq!(record(&sighting(2, 1, Some(9))), Ok(Recorded::First));
        assert_eq!(record(&sighting(2, 2, Some(9))), Ok(Recorded::ChallengeUsed));
        // Asking records nothing.
        let known = |sighting: &Sighting| state.guard().known(sighting);
        assert_eq!(known(&sighting(2, 2, Some(9))), Ok(Some(Recorded::ChallengeUsed)));
        assert_eq!(known(&sighting(2, 2, Some(8))), Ok(None));
        assert_eq!(record(&sighting(2, 2, Some(8))), Ok(Recorded::First));
        assert_eq!(known(&sighting(2, 2, Some(8))), Ok(Some(Recorded::Seen)));
        assert_eq!(known(&sighting(2, 3, None)), Ok(None));
    }

    #[test]
    fn of_sixteen_counters_one_is_first() {
        let folder = folder();
        let path = new_state(&folder).folder().to_owned();
        for round in 0..20 {
            let barrier = Barrier::new(16);
            let recorded: Vec<Recorded> = thread::scope(|scope| {
                let threads: Vec<_> = (0..16)
                    .map(|_| {
                        scope.spawn(|| {
                            let state = State::open(&path).unwrap();
                            barrier.wait();
                            state.guard().record(&sighting(round, 1, None), at(round)).unwrap()
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(recorded.iter().filter(|recorded| **recorded == Recorded::First).count(), 1);
            assert_eq!(recorded.iter().filter(|recorded| **recorded == Recorded::Seen).count(), 15);
        }
    }

    fn kept(state: &State) -> i64 {
        state.database.connection.query_row("SELECT count(*) FROM sighting", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn sightings_are_kept_a_day_and_deleted_in_small_numbers() {
        let folder = folder();
        let state = new_state(&folder);
        let record = |at_secs, nonce, now| state.guard().record(&sighting(at_secs, nonce, None), at(now));
        for nonce in 0..100 {
            assert_eq!(record(0, nonce, 0), Ok(Recorded::First));
        }
        assert_eq!(record(DAY, 1, DAY), Ok(Recorded::First));
        assert_eq!(kept(&state), 101);
        assert_eq!(record(DAY + 1, 1, DAY + 1), Ok(Recorded::First));
        assert_eq!(kept(&state), 102 - 64);
        assert_eq!(record(DAY + 2, 1, DAY + 2), Ok(Recorded::First));
        assert_eq!(kept(&state), 3);
    }

    #[test]
    fn no_setting_of_the_clock_makes_a_forgotten_code_first() {
        let folder = folder();
        let state = new_state(&folder);
        let record = |at_secs, nonce, now| state.guard().record(&sighting(at_secs, nonce, None), at(now));
        assert_eq!(record(0, 1, 0), Ok(Recorded::First));
        assert_eq!(record(10, 1, 10), Ok(Recorded::First));
        // The clock jumps ahead, the first is forgotten, and the clock is set back.
        assert_eq!(record(DAY + 5, 1, DAY + 5), Ok(Recorded::First));
        assert_eq!(kept(&state), 2);
        assert_eq!(record(0, 1, 0), Err(crate::replay::GuardUnavailable));
        assert_eq!(state.guard_trouble(), Some(StateError::ClockSetBack));
        assert_eq!(record(0, 2, 0), Err(crate::replay::GuardUnavailable));
        // What is still kept, and what came later, is answered exactly.
        assert_eq!(record(10, 1, 10), Ok(Recorded::Seen));
        assert_eq!(record(1, 1, 1), Ok(Recorded::First));
        assert_eq!(state.guard_trouble(), None);
        let again = State::open(state.folder()).unwrap();
        assert_eq!(again.guard().record(&sighting(0, 1, None), at(0)), Err(crate::replay::GuardUnavailable));
    }

    #[test]
    fn a_guard_that_cannot_write_accepts_nothing() {
        let folder = folder();
        let mut state = ready(&folder);
        state.database.connection.pragma_update(None, "query_only", true).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::ReplayGuardUnavailable);
        assert_eq!(state.guard_trouble().map(|error| error.code()), Some("STATE_READ_ONLY"));
        state.database.connection.pragma_update(None, "query_only", false).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(0), 1), at(0)), Reason::Valid);
        assert_eq!(state.guard_trouble(), None);
    }

    #[test]
    fn a_full_disk_accepts_nothing_and_recovers_by_itself() {
        let folder = folder();
        let mut state = ready(&folder);
        let pages: i64 = state.database.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        state.database.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let reasons: Vec<Reason> =
            (0..=255).map(|nonce| reason(&mut state, &testing::code(at(0), nonce), at(0))).collect();
        assert_eq!(reasons.last(), Some(&Reason::ReplayGuardUnavailable));
        assert_eq!(state.guard_trouble().map(|error| error.code()), Some("STATE_DISK_FULL"));
        let list = |number| testing::status_list(STATUS_KEY, number, at(-60), &[]);
        let refused = (10..100).find(|number| state.take_status_list(&list(*number), at(0)).is_err()).unwrap();
        assert_eq!(trust_code(state.take_status_list(&list(refused), at(0))), "STATE_DISK_FULL");
        state.database.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        assert_eq!(reason(&mut state, &testing::code(at(1), 1), at(1)), Reason::Valid);
        assert!(state.take_status_list(&list(refused), at(0)).unwrap());
    }

    #[test]
    fn after_a_failed_flush_nothing_more_is_recorded() {
        let folder = folder();
        let state = new_state(&folder);
        *state.trouble.borrow_mut() = Some(StateError::FlushFailed(state.folder().into()));
        assert_eq!(state.guard().record(&sighting(0, 1, None), at(0)), Err(crate::replay::GuardUnavailable));
        assert_eq!(state.guard_trouble().map(|error| error.code()), Some("STATE_FLUSH_FAILED"));
        assert_eq!(kept(&state), 0);
        let again = State::open(state.folder()).unwrap();
        assert_eq!(again.guard().record(&sighting(0, 1, None), at(0)), Ok(Recorded::First));
    }

    #[test]
    fn commits_are_flushed_before_they_return() {
        let folder = folder();
        let state = new_state(&folder);
        let pragma = |name: &str| -> String {
            state
                .database
                .connection
                .query_row(&format!("PRAGMA {name}"), [], |row| {
                    Ok(match row.get_ref(0)? {
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        other => other.as_str()?.to_owned(),
                    })
                })
                .unwrap()
        };
        assert_eq!([pragma("synchronous"), pragma("journal_mode"), pragma("busy_timeout")], ["2", "wal", "5000"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder();
        let state = ready(&folder);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(state.folder()), 0o700);
        for entry in fs::read_dir(state.folder()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn the_root_keys_change_step_by_step() {
        let folder = folder();
        let mut state = ready(&folder);
        let rotated = credential_format::trust_list::TrustList {
            roots: RootKeys::new(1, vec![testing::cose_key(OTHER_ROOT)]).unwrap(),
            ..testing::trust_content(8)
        };
        let alone = testing::sign_trust(&rotated, &[OTHER_ROOT]);
        assert_eq!(trust_code(state.take_trust_list(&alone, at(0))), "TRUST_CURRENT_THRESHOLD");
        assert!(state.take_trust_list(&testing::sign_trust(&rotated, &[ROOT, OTHER_ROOT]), at(0)).unwrap());
        assert_eq!(trust_code(state.take_trust_list(&testing::trust_list(9), at(0))), "TRUST_CURRENT_THRESHOLD");
        // Reopened, the list is checked by its own root keys; the installed thumbprint was for the first.
        assert_eq!(State::open(state.folder()).unwrap().trust().unwrap().list().version, 8);
    }

    #[test]
    fn errors_have_codes_and_remedies_of_their_own() {
        let folder = PathBuf::from("f");
        let all = [
            StateError::Missing(folder.clone()),
            StateError::Exists(folder.clone()),
            StateError::Unfinished(folder.clone()),
            StateError::NotAFolder(folder.clone()),
            StateError::Foreign(folder.clone()),
            StateError::Newer { folder: folder.clone(), layout: 2 },
            StateError::Forbidden(folder.clone()),
            StateError::ReadOnly(folder.clone()),
            StateError::DiskFull(folder.clone()),
            StateError::Busy(folder.clone()),
            StateError::Damaged { folder: folder.clone(), what: "x".into() },
            StateError::TrustListDamaged { folder: folder.clone(), why: TrustRefusal::OwnThreshold },
            StateError::FlushFailed(folder.clone()),
            StateError::ClockSetBack,
            StateError::Io { folder, error: "x".into() },
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(StateError::code).collect();
        let words: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), words.len()), (all.len(), all.len()));
        assert!(all.iter().all(|error| !error.remedy().is_empty()));
        assert_eq!(all.iter().filter(|error| error.is_usage()).count(), 6);
    }
}
