//! The file `state.sqlite3`: made whole or not at all, opened only when it is ours, and what can be wrong with it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use credential_format::counter_id::CounterId;
use credential_format::key::Thumbprint;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, ffi};

use crate::trust::TrustRefusal;

/// The name of the file in the state folder.
pub const FILE_NAME: &str = "state.sqlite3";

/// "Juma" in ASCII: stands in the file's header and tells our files from those of other programs (SQLite file format, offset 68).
const APPLICATION_ID: i32 = 0x4a75_6d61;
/// The layout of the tables below. A program refuses files of later layouts.
const LAYOUT: i32 = 3;
/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Between two attempts, where SQLite itself does not wait.
const LOOK: Duration = Duration::from_millis(2);

/// One row of what was installed and learnt; lists as they were signed; what was accepted. No name, no number of a person.
///
/// Unsigned 64-bit numbers of the format (list, index) are stored as the signed integer of the same bits.
const TABLES: &str = "
    CREATE TABLE installation (
        id            INTEGER PRIMARY KEY CHECK (id = 1),
        root          BLOB    NOT NULL CHECK (length(root) = 32),
        counter       TEXT    NOT NULL,
        newest_signed INTEGER,                      -- the newest time that the lists in use were signed at, seconds
        generation    INTEGER NOT NULL DEFAULT 0,   -- rises with every list taken: other processes see that they must load again
        forgotten     INTEGER NOT NULL DEFAULT 0    -- sightings of codes made up to this second may have been deleted
    ) STRICT;
    CREATE TABLE trust_list (
        id    INTEGER PRIMARY KEY CHECK (id = 1),
        bytes BLOB    NOT NULL
    ) STRICT;
    CREATE TABLE status_list (
        subject TEXT PRIMARY KEY,
        bytes   BLOB NOT NULL
    ) STRICT;
    CREATE TABLE challenge (
        cnonce   BLOB    PRIMARY KEY CHECK (length(cnonce) = 16),
        made_at  INTEGER NOT NULL,
        purpose  TEXT,
        answered INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1))
    ) STRICT;
    CREATE INDEX challenge_by_age ON challenge (made_at);
    CREATE TABLE sighting (
        code_iat INTEGER NOT NULL,
        kid      BLOB    NOT NULL CHECK (length(kid) = 8),
        list     INTEGER NOT NULL,
        idx      INTEGER NOT NULL,
        nonce    BLOB    NOT NULL CHECK (length(nonce) = 8),
        cnonce   BLOB    UNIQUE CHECK (length(cnonce) = 16),
        UNIQUE (code_iat, kid, list, idx, nonce)    -- begins with the time: the same index finds the oldest
    ) STRICT;
";

/// What layout 2 added: what the counter is set to, what was fetched from where, how phones' clocks stand against this one.
const TABLES_OF_LAYOUT_2: &str = "
    CREATE TABLE setting (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
    CREATE TABLE fetched (
        url  TEXT PRIMARY KEY,
        etag TEXT NOT NULL
    ) STRICT;
    CREATE TABLE phone_clock (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        issuer  TEXT    NOT NULL,
        list    INTEGER NOT NULL,
        idx     INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        ahead   INTEGER NOT NULL,
        UNIQUE (issuer, list, idx)
    ) STRICT;
";

/// What layout 3 added: the journal with the ends of its chain and the key of its hashes, and what the counter page reports about its camera.
const TABLES_OF_LAYOUT_3: &str = "
    CREATE TABLE journal (
        number INTEGER PRIMARY KEY,
        day    INTEGER NOT NULL,                    -- in Asia/Shanghai, days since 1970-01-01
        bytes  BLOB    NOT NULL,
        hash   BLOB    NOT NULL CHECK (length(hash) = 32)
    ) STRICT;
    CREATE INDEX journal_by_day ON journal (day);
    CREATE TABLE journal_start (                    -- the last entry whose time is over
        id     INTEGER PRIMARY KEY CHECK (id = 1),
        number INTEGER NOT NULL,
        hash   BLOB    NOT NULL CHECK (length(hash) = 32)
    ) STRICT;
    INSERT INTO journal_start (id, number, hash) VALUES (1, 0, zeroblob(32));
    CREATE TABLE journal_head (                     -- the last entry: what is cut off after this was written shows
        id     INTEGER PRIMARY KEY CHECK (id = 1),
        number INTEGER NOT NULL,
        hash   BLOB    NOT NULL CHECK (length(hash) = 32)
    ) STRICT;
    INSERT INTO journal_head (id, number, hash) VALUES (1, 0, zeroblob(32));
    CREATE TABLE journal_key (
        id  INTEGER PRIMARY KEY CHECK (id = 1),
        key BLOB    NOT NULL CHECK (length(key) = 32)
    ) STRICT;
    CREATE TABLE condition (
        code  TEXT PRIMARY KEY,
        since INTEGER NOT NULL
    ) STRICT;
";

/// The tables of each layout, the oldest first.
const LAYOUTS: [&str; LAYOUT as usize] = [TABLES, TABLES_OF_LAYOUT_2, TABLES_OF_LAYOUT_3];

/// An open state file.
pub(super) struct Database {
    pub(super) connection: Connection,
    /// Why nothing can be written, if nothing can: the disk is full or the folder is read-only. Then lists can still be read.
    pub(super) unwritable: Option<StateError>,
    /// Whether commits go to a write-ahead log.
    pub(super) has_log: bool,
}

impl Database {
    /// Makes the file with its one row. A file that exists is left as it is, unless its making was cut off before anything was in it.
    pub(super) fn create(folder: &Path, root: &Thumbprint, counter: &CounterId) -> Result<Database, StateError> {
        make_private_folder(folder)?;
        let path = folder.join(FILE_NAME);
        match private_new_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let empty = fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == 0);
                if !empty {
                    return Err(StateError::Exists(folder.into()));
                }
            }
            Err(error) => return Err(StateError::of_io(folder, &error)),
        }
        let of = |error| StateError::of_sqlite(folder, &error);
        let connection = Connection::open_with_flags(&path, FLAGS_WRITE).map_err(of)?;
        connection.busy_timeout(BUSY).map_err(of)?;
        connection.pragma_update(None, "synchronous", "EXTRA").map_err(of)?;
        // The tables, the row and the marks in the header come with one commit: a power cut leaves an empty file or a whole one.
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate).map_err(of)?;
        if application_and_layout(&transaction).map_err(of)? != (0, 0) {
            return Err(StateError::Exists(folder.into()));
        }
        for tables in LAYOUTS {
            transaction.execute_batch(tables).map_err(of)?;
        }
        transaction
            .execute("INSERT INTO installation (id, root, counter) VALUES (1, ?1, ?2)", (root.0, counter.as_str()))
            .map_err(of)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(of)?;
        transaction.pragma_update(None, "user_version", LAYOUT).map_err(of)?;
        transaction.commit().map_err(of)?;
        drop(connection);
        sync_folder(folder)?;
        Database::open(folder)
    }

    /// Opens the file for reading and writing. Where it cannot be written (full disk, read-only folder) it is opened for reading.
    pub(super) fn open(folder: &Path) -> Result<Database, StateError> {
        let path = folder.join(FILE_NAME);
        match fs::metadata(&path) {
            Ok(file) if file.is_dir() => return Err(StateError::Foreign(folder.into())),
            Ok(file) if file.len() == 0 => return Err(StateError::Unfinished(folder.into())),
            Ok(_) => {}
            Err(error) => return Err(StateError::of_missing(folder, &error)),
        }
        match connect(folder, &path) {
            Ok((connection, has_log)) => Ok(Database { connection, unwritable: None, has_log }),
            Err(cause) if cause.is_about_writing() && !has_log(&path) => {
                let connection = connect_read_only(folder, &path).map_err(|_| cause.clone())?;
                Ok(Database { connection, unwritable: Some(cause), has_log: false })
            }
            Err(error) => Err(error),
        }
    }
}

const FLAGS_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// The connection, and whether it has a write-ahead log.
fn connect(folder: &Path, path: &Path) -> Result<(Connection, bool), StateError> {
    let of = |error| StateError::of_sqlite(folder, &error);
    let connection = Connection::open_with_flags(path, FLAGS_WRITE).map_err(of)?;
    connection.busy_timeout(BUSY).map_err(of)?;
    if is_older(application_and_layout(&connection).map_err(of)?) {
        add_layouts(&connection).map_err(of)?;
    }
    check_ours(folder, &connection)?;
    // With a write-ahead log one flush a commit is enough, and readers do not wait for writers.
    let journal = into_wal(&connection).map_err(of)?;
    // FULL: a commit is on the disk before it returns. A file system without shared memory keeps its rollback journal, which needs EXTRA.
    let durable = if journal == "wal" { "FULL" } else { "EXTRA" };
    connection.pragma_update(None, "synchronous", durable).map_err(of)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(of)?;
    if connection.is_readonly("main").map_err(of)? {
        return Err(StateError::ReadOnly(folder.into()));
    }
    Ok((connection, journal == "wal"))
}

/// The journal that the file then has. Of two processes that go over at the same moment, SQLite tells the later one that the file is busy
/// without waiting, because it could wait for a lock that the other cannot give up. So the waiting is done here, all of it.
fn into_wal(connection: &Connection) -> rusqlite::Result<String> {
    connection.busy_timeout(Duration::ZERO)?;
    let mut left = BUSY.as_millis() / LOOK.as_millis();
    let journal = loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && left > 0 => {
                left -= 1;
                thread::sleep(LOOK);
            }
            journal => break journal,
        }
    };
    connection.busy_timeout(BUSY)?;
    journal
}

fn is_older((application, layout): (i32, i32)) -> bool {
    application == APPLICATION_ID && (1..LAYOUT).contains(&layout)
}

/// In one transaction, so that a power cut leaves the old layout or the new one; looked at again inside, since two processes may open at once.
fn add_layouts(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let found = application_and_layout(&transaction)?;
    if is_older(found) {
        let known = usize::try_from(found.1).unwrap_or_default();
        for tables in LAYOUTS.iter().skip(known) {
            transaction.execute_batch(tables)?;
        }
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()
}

/// `immutable`: without a log and without shared memory, which could not be made here.
fn connect_read_only(folder: &Path, path: &Path) -> Result<Connection, StateError> {
    let mut uri = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b':' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).map_err(|error| StateError::of_sqlite(folder, &error))?;
    check_ours(folder, &connection)?;
    Ok(connection)
}

/// Whether commits stand in the log that are not in the file yet: reading the file alone would then show the past.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

fn check_ours(folder: &Path, connection: &Connection) -> Result<(), StateError> {
    match application_and_layout(connection).map_err(|error| StateError::of_sqlite(folder, &error))? {
        (APPLICATION_ID, LAYOUT) => Ok(()),
        (APPLICATION_ID, layout) => Err(StateError::Newer { folder: folder.into(), layout }),
        _ => Err(StateError::Foreign(folder.into())),
    }
}

fn application_and_layout(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok((application, connection.query_row("PRAGMA user_version", [], |row| row.get(0))?))
}

/// Only the owner may enter: who can write here can make the counter forget what it accepted.
fn make_private_folder(folder: &Path) -> Result<(), StateError> {
    if fs::metadata(folder).is_ok_and(|existing| existing.is_dir()) {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| StateError::of_io(folder, &error))
}

fn private_new_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(|_| ())
}

/// The file's name outlasts a power cut. Where a folder cannot be flushed (other systems, some sticks) nothing is lost but the empty state.
fn sync_folder(folder: &Path) -> Result<(), StateError> {
    #[cfg(unix)]
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all())
        && !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied)
    {
        return Err(StateError::of_io(folder, &error));
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Why the state folder cannot be used. [`Display`](fmt::Display) says what is wrong, [`remedy`](StateError::remedy) what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// There is no state in the folder, or no folder.
    Missing(PathBuf),
    /// There is one, and it is not overwritten.
    Exists(PathBuf),
    /// The making of the state was cut off before anything was in it.
    Unfinished(PathBuf),
    /// Something of that name is no folder.
    NotAFolder(PathBuf),
    /// The file is not one of ours.
    Foreign(PathBuf),
    /// The file was made by a later program.
    Newer {
        /// Where.
        folder: PathBuf,
        /// The layout of its tables; this program knows layouts 1 to 3.
        layout: i32,
    },
    /// The account may not read or write it.
    Forbidden(PathBuf),
    /// The folder or the file cannot be written to.
    ReadOnly(PathBuf),
    /// No room on the disk.
    DiskFull(PathBuf),
    /// Another process was writing for longer than five seconds.
    Busy(PathBuf),
    /// The contents contradict themselves.
    Damaged {
        /// Where.
        folder: PathBuf,
        /// What was found, without personal data.
        what: String,
    },
    /// The trust list in it no longer passes the checks it passed when it was taken.
    TrustListDamaged {
        /// Where.
        folder: PathBuf,
        /// Which check.
        why: TrustRefusal,
    },
    /// What the disk was told to keep may not have been kept; nothing more is recorded before the program starts again.
    FlushFailed(PathBuf),
    /// The clock stands at a time whose sightings were deleted: whether a code was seen then cannot be told.
    ClockSetBack,
    /// The system reported another error.
    Io {
        /// Where.
        folder: PathBuf,
        /// The system's words.
        error: String,
    },
}

impl StateError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            StateError::Missing(_) => "STATE_MISSING",
            StateError::Exists(_) => "STATE_EXISTS",
            StateError::Unfinished(_) => "STATE_UNFINISHED",
            StateError::NotAFolder(_) => "STATE_NOT_FOLDER",
            StateError::Foreign(_) => "STATE_FOREIGN",
            StateError::Newer { .. } => "STATE_NEWER",
            StateError::Forbidden(_) => "STATE_FORBIDDEN",
            StateError::ReadOnly(_) => "STATE_READ_ONLY",
            StateError::DiskFull(_) => "STATE_DISK_FULL",
            StateError::Busy(_) => "STATE_BUSY",
            StateError::Damaged { .. } => "STATE_DAMAGED",
            StateError::TrustListDamaged { .. } => "STATE_TRUST_LIST_DAMAGED",
            StateError::FlushFailed(_) => "STATE_FLUSH_FAILED",
            StateError::ClockSetBack => "STATE_CLOCK_SET_BACK",
            StateError::Io { .. } => "STATE_IO",
        }
    }

    /// What to do next.
    pub fn remedy(&self) -> String {
        match self {
            StateError::Missing(folder) => format!(
                "check the path, or make a state with: verifier init --state {} --root THUMBPRINT",
                folder.display()
            ),
            StateError::Exists(_) => "use it as it is, or give another folder; to start anew, move the old one away".into(),
            StateError::Unfinished(folder) => {
                format!("run verifier init --state {} --root THUMBPRINT again", folder.display())
            }
            StateError::NotAFolder(_) => "give the path of a folder".into(),
            StateError::Foreign(_) => {
                "check the path; if a state was here, restore it from a copy or make a new one with verifier init".into()
            }
            StateError::Newer { .. } => "update this program".into(),
            StateError::Forbidden(_) => "use the account that made the state, or let its owner change the rights".into(),
            StateError::ReadOnly(_) => {
                "let this account write to the folder and the files in it, or move the state to a disk that can be written".into()
            }
            StateError::DiskFull(_) => "make room on the disk, then try again; nothing needs to be repaired".into(),
            StateError::Busy(_) => "wait for the other verifier to finish, then try again".into(),
            StateError::Damaged { .. } | StateError::TrustListDamaged { .. } => {
                "check the disk; restore the folder from a copy, or move it away, run verifier init, then verifier sync".into()
            }
            StateError::FlushFailed(_) => "check the disk, then start the program again".into(),
            StateError::ClockSetBack => "set this computer's date and time, then scan again".into(),
            StateError::Io { .. } => "check the disk and the rights of the folder, then try again".into(),
        }
    }

    /// What is wrong and what to do, for the clerk before whom it happens.
    pub fn zh(&self) -> String {
        match self {
            StateError::Missing(_) | StateError::Exists(_) | StateError::NotAFolder(_) | StateError::Foreign(_) => {
                "柜台数据文件夹不可用，请联系技术人员检查 --state 所指的文件夹"
            }
            StateError::Unfinished(_) => "柜台数据尚未建好，请联系技术人员重新执行 verifier init",
            StateError::Newer { .. } => "柜台数据由更新的程序建立，请更新本核验程序",
            StateError::Forbidden(_) => "当前账户无权使用柜台数据文件夹，请换用原账户或联系技术人员",
            StateError::ReadOnly(_) => "柜台数据文件夹不能写入，暂不能核验；请联系技术人员开放写入权限",
            StateError::DiskFull(_) => "磁盘已满，暂不能核验；请清理磁盘后重试，数据没有丢失",
            StateError::Busy(_) => "另一个核验程序正在写入，请稍后重试",
            StateError::Damaged { .. } | StateError::TrustListDamaged { .. } => {
                "柜台数据已损坏，请停止使用并联系技术人员恢复"
            }
            StateError::FlushFailed(_) => "磁盘未能保存数据，请检查磁盘后重新启动本程序",
            StateError::ClockSetBack => "本机时间被调回过，请校准日期和时间后再扫",
            StateError::Io { .. } => "读写柜台数据时出错，请检查磁盘后重试",
        }
        .into()
    }

    /// Whether the user can mend it by giving another path or using another program, rather than the machine.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            StateError::Missing(_)
                | StateError::Exists(_)
                | StateError::Unfinished(_)
                | StateError::NotAFolder(_)
                | StateError::Foreign(_)
                | StateError::Newer { .. }
        )
    }

    pub(super) fn of_sqlite(folder: &Path, error: &rusqlite::Error) -> StateError {
        let folder = PathBuf::from(folder);
        let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StateError::Foreign(folder),
            Some(ErrorCode::DatabaseCorrupt) => StateError::Damaged { folder, what: error.to_string() },
            Some(ErrorCode::DiskFull) => StateError::DiskFull(folder),
            Some(ErrorCode::SystemIoFailure) if is_flush(extended) => StateError::FlushFailed(folder),
            // No room for the shared memory of the log, which is made when the file is opened.
            Some(ErrorCode::SystemIoFailure) if is_shared_memory(extended) => StateError::DiskFull(folder),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => StateError::ReadOnly(folder),
            Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                StateError::Forbidden(folder)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateError::Busy(folder),
            Some(ErrorCode::SystemIoFailure) => StateError::Io { folder, error: error.to_string() },
            // A missing table, a missing row, a value of another type: the file is ours, and not what we wrote.
            _ => StateError::Damaged { folder, what: error.to_string() },
        }
    }

    fn of_io(folder: &Path, error: &std::io::Error) -> StateError {
        let folder = PathBuf::from(folder);
        match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => StateError::NotAFolder(folder),
            ErrorKind::PermissionDenied => StateError::Forbidden(folder),
            ErrorKind::ReadOnlyFilesystem => StateError::ReadOnly(folder),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StateError::DiskFull(folder),
            _ => StateError::Io { folder, error: error.to_string() },
        }
    }

    fn of_missing(folder: &Path, error: &std::io::Error) -> StateError {
        match error.kind() {
            ErrorKind::NotFound => StateError::Missing(folder.into()),
            ErrorKind::NotADirectory => StateError::NotAFolder(folder.into()),
            _ => StateError::of_io(folder, error),
        }
    }

    /// Whether reading may still be possible.
    fn is_about_writing(&self) -> bool {
        matches!(self, StateError::DiskFull(_) | StateError::ReadOnly(_) | StateError::Forbidden(_))
    }
}

fn is_flush(extended: i32) -> bool {
    matches!(extended, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
}

fn is_shared_memory(extended: i32) -> bool {
    matches!(extended, ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMOPEN)
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Missing(folder) => write!(f, "there is no verifier state in {}", folder.display()),
            StateError::Exists(folder) => {
                write!(f, "there is a verifier state in {} already; nothing was changed", folder.display())
            }
            StateError::Unfinished(folder) => {
                write!(f, "the state in {} is empty: its making was cut off", folder.display())
            }
            StateError::NotAFolder(path) => write!(f, "{} is not a folder", path.display()),
            StateError::Foreign(folder) => {
                write!(f, "{} is not a state file of this verifier; nothing was changed", file(folder))
            }
            StateError::Newer { folder, layout } => write!(
                f,
                "{} was written by a newer verifier (layout {layout}, this one knows {LAYOUT}); nothing was changed",
                file(folder)
            ),
            StateError::Forbidden(folder) => {
                write!(f, "this account may not use the state in {}", folder.display())
            }
            StateError::ReadOnly(folder) => write!(f, "the state in {} cannot be written to", folder.display()),
            StateError::DiskFull(folder) => {
                write!(f, "the disk that holds the state in {} is full", folder.display())
            }
            StateError::Busy(folder) => {
                write!(f, "another process has been writing to {} for more than 5 seconds", file(folder))
            }
            StateError::Damaged { folder, what } => write!(f, "{} is damaged: {what}", file(folder)),
            StateError::TrustListDamaged { folder, why } => {
                write!(f, "the trust list in {} no longer passes its checks: {why}", file(folder))
            }
            StateError::FlushFailed(folder) => write!(
                f,
                "the disk did not confirm that {} was saved; nothing more is recorded until the program starts again",
                file(folder)
            ),
            StateError::ClockSetBack => {
                f.write_str("this computer's clock stands at a time whose records were already deleted")
            }
            StateError::Io { folder, error } => write!(f, "cannot use {}: {error}", file(folder)),
        }
    }
}

impl std::error::Error for StateError {}

fn file(folder: &Path) -> String {
    folder.join(FILE_NAME).display().to_string()
}
