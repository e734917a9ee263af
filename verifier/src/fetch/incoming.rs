//! The folder `incoming` of a state: what has arrived of lists whose connection broke off, until the next synchronisation asks for the rest.
//!
//! One file for each address, `<SHA-256 of the address>.part`: the server's name for the content (ETag), a line feed, and the bytes from
//! the beginning. The file is replaced as a whole, so that two processes never mix theirs. All of it is a saving and never needed: where it
//! cannot be written or read, lists are fetched from their beginning.

use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use credential_format::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

/// The most lists that are kept in part: 64 MB at most.
const PARTS_MAX: usize = 16;
/// What nobody has asked for the rest of in this time goes.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The folder.
pub(crate) struct Incoming {
    folder: PathBuf,
}

/// The beginning of a file, and what the server called the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// A strong ETag, without which nothing can be resumed.
    pub(crate) etag: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Incoming {
    /// The folder of this state. What is too old is removed.
    pub(crate) fn open(state: &Path, now: Timestamp) -> Incoming {
        let incoming = Incoming { folder: state.join("incoming") };
        for path in incoming.parts() {
            let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let old = changed.and_then(|at| Duration::from_secs(now.seconds()).checked_sub(at));
            if old.is_some_and(|age| age > KEPT) {
                let _ = fs::remove_file(&path);
            }
        }
        incoming
    }

    /// What there is of the file at this address; nothing if it is more than the file may have.
    pub(crate) fn load(&self, url: &str, limit: usize) -> Part {
        let path = self.path(url);
        let room = (limit + super::client::ETAG_BYTES_MAX + 1) as u64;
        if fs::symlink_metadata(&path).map_or(true, |metadata| !metadata.is_file() || metadata.len() > room) {
            return Part::default();
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let Some((etag, rest)) = bytes.iter().position(|byte| *byte == b'\n').and_then(|at| bytes.split_at_checked(at))
        else {
            return Part::default();
        };
        match std::str::from_utf8(etag).ok().and_then(super::client::strong_etag) {
            Some(etag) => Part { etag: Some(etag), bytes: rest.get(1..).unwrap_or_default().to_vec() },
            None => Part::default(),
        }
    }

    /// Keeps the beginning of a file, if it can be resumed later.
    pub(crate) fn keep(&self, url: &str, part: &Part) {
        let Some(etag) = part.etag.as_ref().filter(|_| !part.bytes.is_empty()) else { return };
        let path = self.path(url);
        if !path.exists() && self.parts().len() >= PARTS_MAX {
            return;
        }
        let _ = self.write(&path, &[etag.as_bytes(), b"\n", &part.bytes].concat());
    }

    /// Removes what there is of a file that has arrived, or that is of no use.
    pub(crate) fn forget(&self, url: &str) {
        let _ = fs::remove_file(self.path(url));
        // Gone with the last part.
        let _ = fs::remove_dir(&self.folder);
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&self.folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_extension(format!("{}-{number}.part", std::process::id()));
        let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn path(&self, url: &str) -> PathBuf {
        self.folder.join(hex::encode(Sha256::digest(url))).with_extension("part")
    }

    /// All parts, those among them that a killed process did not finish.
    fn parts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "part")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn open(state: &tempfile::TempDir) -> Incoming {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Incoming::open(state.path(), Timestamp::new(now.as_secs()).unwrap())
    }

    fn part(etag: &str, bytes: &[u8]) -> Part {
        Part { etag: Some(etag.into()), bytes: bytes.to_vec() }
    }

    #[test]
    fn a_part_is_kept_until_it_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let incoming = open(&state);
        assert_eq!(incoming.load("https://h/a", 10), Part::default());
        incoming.keep("https://h/a", &part("\"1\"", b"ab\ncd"));
        incoming.keep("https://h/b", &part("\"2\"", b"x"));
        assert_eq!(incoming.load("https://h/a", 10), part("\"1\"", b"ab\ncd"));
        assert_eq!(open(&state).load("https://h/b", 10), part("\"2\"", b"x"));
        incoming.keep("https://h/a", &part("\"3\"", b"abcdef"));
        assert_eq!(incoming.load("https://h/a", 10), part("\"3\"", b"abcdef"));
        incoming.forget("https://h/a");
        assert_eq!(incoming.load("https://h/a", 10), Part::default());
        assert!(state.path().join("incoming").exists());
        incoming.forget("https://h/b");
        assert!(!state.path().join("incoming").exists());
    }

    #[test]
    fn what_cannot_be_resumed_is_not_kept_and_not_loaded() {
        let state = tempfile::tempdir().unwrap();
        let incoming = open(&state);
        incoming.keep("u", &Part { etag: None, bytes: b"x".to_vec() });
        incoming.keep("u", &part("\"1\"", b""));
        assert!(!state.path().join("incoming").exists());
        incoming.keep("u", &part("\"1\"", &[7; 1_000]));
        let path = incoming.path("u");
        assert_eq!(incoming.load("u", 1_000).bytes.len(), 1_000);
        assert_eq!(incoming.load("u", 700), Part::default());
        for bytes in [&b"W/\"1\"\nabc"[..], b"\nabc", b"abc", b"", b"\"\xff\"\nabc", b"\"a b\"\n"] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(incoming.load("u", 1_000), Part::default(), "{bytes:?}");
        }
    }

    #[test]
    fn the_folder_stays_small() {
        let state = tempfile::tempdir().unwrap();
        let incoming = open(&state);
        for number in 0..PARTS_MAX + 3 {
            incoming.keep(&number.to_string(), &part("\"1\"", b"x"));
        }
        assert_eq!(incoming.parts().len(), PARTS_MAX);
        // Those that are there go on.
        incoming.keep("0", &part("\"1\"", b"xy"));
        assert_eq!(incoming.load("0", 10), part("\"1\"", b"xy"));
        let week = SystemTime::now() - KEPT;
        for (number, age) in [("0", Duration::from_secs(60)), ("1", Duration::ZERO)] {
            let file = fs::File::options().write(true).open(incoming.path(number)).unwrap();
            file.set_modified(if age.is_zero() { week + Duration::from_secs(60) } else { week - age }).unwrap();
        }
        open(&state);
        assert_eq!(incoming.load("0", 10), Part::default());
        assert_eq!(incoming.load("1", 10), part("\"1\"", b"x"));
    }
}
