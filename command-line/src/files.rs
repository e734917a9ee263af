//! Files read within bounds and written whole or not at all; standard input and output.
//!
//! What the user can mend (a missing file, a folder in place of a file, a file too large) is wrong usage, exit 2. What
//! the machine does (disk full, folder not writable, read error) is an internal error, exit 4.
//!
//! | code | exit | meaning |
//! |---|---|---|
//! | `FILE_MISSING` | 2 | nothing of that name to read |
//! | `FILE_IS_FOLDER` | 2 | a folder where a file is needed |
//! | `FILE_NOT_FOLDER` | 2 | a file where a folder is needed |
//! | `FILE_NOT_PLAIN` | 2 | a symbolic link or a device where a file is to be written; a pipe or a device that is not read |
//! | `FILE_FORBIDDEN` | 2 | this account may not read it |
//! | `FILE_TOO_LARGE`, `STDIN_TOO_LARGE`, `LINE_TOO_LONG` | 2 | more bytes than the reader takes |
//! | `LINE_NOT_UTF8` | 2 | a line of another encoding |
//! | `FILE_NAME` | 2 | a name that the file system does not take |
//! | `FILE_EXISTS` | 2 | a file that must not be overwritten |
//! | `FOLDER_MISSING` | 2 | the folder to write into does not exist |
//! | `FOLDER_OPEN` | 2 | others may change the contents of a folder that must be private |
//! | `FILE_READ_FAILED`, `STDIN_FAILED` | 4 | read error |
//! | `FOLDER_NOT_WRITABLE` | 4 | the folder, or the whole file system, cannot be written to |
//! | `DISK_FULL` | 4 | no room, a used-up quota, or a limit on the size of files |
//! | `FILE_WRITE_FAILED` | 4 | any other write error |
//! | `STDOUT_CLOSED`, `STDOUT_FAILED` | 4 | the answer could not be delivered |

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, ErrorKind, Read, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::refusal::{Refusal, stdout_failed};

/// The whole of a file of at most `limit` bytes. An empty file gives an empty vector: the caller knows what that means.
///
/// Symbolic links are followed, pipes and devices are read to their end, `-` is a name like any other. No more than
/// `limit` + 1 bytes are ever held.
///
/// # Errors
///
/// `FILE_MISSING`, `FILE_IS_FOLDER`, `FILE_NAME`, `FILE_FORBIDDEN`, `FILE_TOO_LARGE`, `FILE_READ_FAILED`.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let file = File::open(path).map_err(|error| read_failed(path, &error))?;
    let metadata = file.metadata().map_err(|error| read_failed(path, &error))?;
    read_opened(path, file, &metadata, limit)
}

/// As [`read_limited`], for files that others name or make: a pipe or a device, of which nobody knows when it ends, is
/// refused and not waited for.
///
/// # Errors
///
/// `FILE_NOT_PLAIN`, and those of [`read_limited`].
pub fn read_plain_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a pipe would wait for somebody to write into it.
        options.custom_flags((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        // A socket cannot be opened at all.
        Err(_) if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) => {
            return Err(not_plain(path));
        }
        Err(error) => return Err(read_failed(path, &error)),
    };
    let metadata = file.metadata().map_err(|error| read_failed(path, &error))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(not_plain(path));
    }
    read_opened(path, file, &metadata, limit)
}

fn not_plain(path: &Path) -> Refusal {
    Refusal::usage(
        "FILE_NOT_PLAIN",
        format!("{} is a pipe or a device, not a file", path.display()),
        "save it as a file first, and give the path of that",
    )
}

fn read_opened(path: &Path, file: File, metadata: &fs::Metadata, limit: u64) -> Result<Vec<u8>, Refusal> {
    let name = path.display();
    if metadata.is_dir() {
        return Err(is_folder(path));
    }
    if metadata.len() > limit {
        return Err(Refusal::usage(
            "FILE_TOO_LARGE",
            format!("{name} has {} bytes, the limit is {}", grouped(metadata.len()), grouped(limit)),
            "check that this is the right file",
        ));
    }
    // The size is asked again while reading: a pipe has none, and a file can grow.
    match read_to_limit(file, limit).map_err(|error| read_failed(path, &error))? {
        Some(bytes) => Ok(bytes),
        None => Err(Refusal::usage(
            "FILE_TOO_LARGE",
            format!("{name} has more than {} bytes, which is the limit", grouped(limit)),
            "check that this is the right file",
        )),
    }
}

/// The whole of standard input, at most `limit` bytes.
///
/// # Errors
///
/// `STDIN_TOO_LARGE`, `STDIN_FAILED`.
pub fn read_stdin_limited(limit: u64) -> Result<Vec<u8>, Refusal> {
    read_stream_limited(io::stdin().lock(), limit)
}

fn read_stream_limited(stream: impl Read, limit: u64) -> Result<Vec<u8>, Refusal> {
    read_to_limit(stream, limit).map_err(|error| stdin_failed(&error))?.ok_or_else(|| stdin_too_large(limit))
}

/// The next line, without its line feed (or carriage return and line feed), of at most `limit` bytes; `None` at the end.
///
/// A last line without a line feed is a line. After `LINE_TOO_LONG` and `LINE_NOT_UTF8` the reader stands at the
/// beginning of the next line, so that one bad line need not end a batch; after `STDIN_FAILED` (exit 4) it should.
///
/// # Errors
///
/// `LINE_TOO_LONG`, `LINE_NOT_UTF8`, `STDIN_FAILED`.
pub fn read_line_limited(reader: &mut impl BufRead, limit: u64) -> Result<Option<String>, Refusal> {
    let mut line = Vec::new();
    // Two more bytes: the carriage return and the line feed do not count.
    reader.by_ref().take(limit.saturating_add(2)).read_until(b'\n', &mut line).map_err(|error| stdin_failed(&error))?;
    if line.is_empty() {
        return Ok(None);
    }
    let whole = line.last() == Some(&b'\n');
    if whole {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if line.len() as u64 > limit {
        if !whole {
            reader.skip_until(b'\n').map_err(|error| stdin_failed(&error))?;
        }
        return Err(Refusal::usage(
            "LINE_TOO_LONG",
            format!("the line has more than {} bytes, which is the limit", grouped(limit)),
            "check that every record stands on a line of its own",
        ));
    }
    match String::from_utf8(line) {
        Ok(line) => Ok(Some(line)),
        Err(_) => Err(Refusal::usage("LINE_NOT_UTF8", "the line is not UTF-8", "save the text as UTF-8")),
    }
}

/// Writes to standard output and makes sure that it has left the process.
///
/// # Errors
///
/// `STDOUT_CLOSED`, which [`run`](crate::refusal::run) does not print, and `STDOUT_FAILED`.
pub fn write_stdout(bytes: &[u8]) -> Result<(), Refusal> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| stdout_failed(&error))
}

/// Who may read a file or enter a folder. On Windows both are as their folder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The owner only, 0600: keys, requests, anything with personal data.
    Private,
    /// Everybody may read, 0644, less what the umask takes away: lists, public keys, pictures.
    Public,
}

/// Writes `path` so that a reader, and a power cut, find the old file or the new one and never a part.
///
/// The bytes go to a new file in the same folder, to the disk, then under the name, then the folder goes to the disk.
/// A process killed in between leaves a file `.unfinished-…` beside the old one, which can be deleted. An existing file
/// is replaced, with `mode` for its mode; a symbolic link or a device is not.
///
/// # Errors
///
/// `FILE_IS_FOLDER`, `FILE_NOT_PLAIN`, `FILE_NAME`, `FOLDER_MISSING`, `FOLDER_NOT_WRITABLE`, `DISK_FULL`,
/// `FILE_WRITE_FAILED`.
pub fn write_whole(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), Refusal> {
    match fs::symlink_metadata(path) {
        Ok(existing) if existing.is_dir() => return Err(is_folder(path)),
        // Renaming onto a link would cut it, and onto /dev/null would replace the device.
        Ok(existing) if !existing.is_file() => {
            return Err(Refusal::usage(
                "FILE_NOT_PLAIN",
                format!("{} is a symbolic link or a device, not a file", path.display()),
                "give the path of the file itself",
            ));
        }
        _ => {}
    }
    let file = unfinished(path, bytes, mode)?;
    file.persist(path).map_err(|error| write_failed(path, &error.error))?;
    sync_folder(path)
}

/// Writes `path` as [`write_whole`] does, but never over something that exists: of two writers one wins, the other is
/// refused.
///
/// # Errors
///
/// `FILE_EXISTS`, and those of [`write_whole`].
pub fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), Refusal> {
    match fs::symlink_metadata(path) {
        Ok(existing) if existing.is_dir() => return Err(is_folder(path)),
        Ok(_) => return Err(exists(path)),
        Err(_) => {}
    }
    let file = unfinished(path, bytes, mode)?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => write_failed(path, &error.error),
    })?;
    sync_folder(path)
}

/// Makes a folder and those above it that are missing; with `private` nobody but the owner may enter (0700).
///
/// A folder that exists is taken as it is, except that a private one must not be writable for others: who can rename
/// files in it can put forged ones in their place.
///
/// # Errors
///
/// `FILE_NOT_FOLDER`, `FOLDER_OPEN`, `FILE_NAME`, `FOLDER_NOT_WRITABLE`, `DISK_FULL`, `FILE_WRITE_FAILED`.
pub fn make_folder(path: &Path, private: bool) -> Result<(), Refusal> {
    if let Ok(existing) = fs::metadata(path) {
        return if existing.is_dir() { check_folder(path, &existing, private) } else { Err(not_folder(path)) };
    }
    let missing: Vec<&Path> =
        path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|error| match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => not_folder(path),
        _ => write_failed(path, &error),
    })?;
    // Each of them is a name in the one above.
    missing.into_iter().rev().try_for_each(sync_folder)
}

/// Brings everything that was written to the file system of this folder to the disk: for many files at once, which would take long one by one.
///
/// # Errors
///
/// `FILE_WRITE_FAILED` and the like.
#[cfg(target_os = "linux")]
pub fn sync_file_system(folder: &Path) -> Result<(), Refusal> {
    File::open(folder).and_then(|opened| Ok(rustix::fs::syncfs(opened)?)).map_err(|error| write_failed(folder, &error))
}

/// The bytes on the disk in the folder of `path`, under a name of their own, deleted again unless it is given a name.
fn unfinished(path: &Path, bytes: &[u8], mode: Mode) -> Result<NamedTempFile, Refusal> {
    if path.file_name().is_none() {
        return Err(is_folder(path));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(match mode {
            Mode::Private => 0o600,
            Mode::Public => 0o644,
        }));
    }
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = builder.tempfile_in(folder_of(path)).map_err(|error| write_failed(path, &error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| write_failed(path, &error))?;
    Ok(file)
}

/// Makes the name itself outlast a power cut.
fn sync_folder(path: &Path) -> Result<(), Refusal> {
    sync_names(folder_of(path))
}

/// Makes the names in this folder outlast a power cut, and that others are gone from it.
///
/// # Errors
///
/// `FILE_WRITE_FAILED` and the like.
#[cfg(unix)]
pub fn sync_names(folder: &Path) -> Result<(), Refusal> {
    match File::open(folder).and_then(|opened| opened.sync_all()) {
        Ok(()) => Ok(()),
        // Some file systems of USB sticks and networks cannot do this for a folder.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        // A folder that may be written to but not listed cannot be opened for this.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(write_failed(folder, &error)),
    }
}

/// Makes the names in this folder outlast a power cut, where the system can do it for a folder.
///
/// # Errors
///
/// None here.
#[cfg(not(unix))]
pub fn sync_names(_folder: &Path) -> Result<(), Refusal> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn check_folder(path: &Path, existing: &fs::Metadata, private: bool) -> Result<(), Refusal> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = existing.permissions().mode() & 0o7777;
    if private && mode & 0o022 != 0 {
        return Err(Refusal::usage(
            "FOLDER_OPEN",
            format!("others may change the contents of the folder {} (mode {mode:04o})", path.display()),
            format!("type: chmod 700 {}", path.display()),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_folder(_path: &Path, _existing: &fs::Metadata, _private: bool) -> Result<(), Refusal> {
    Ok(())
}

/// At most `limit` bytes, or `None` when there are more.
pub(crate) fn read_to_limit(stream: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

pub(crate) fn read_failed(path: &Path, error: &io::Error) -> Refusal {
    let name = path.display();
    match error.kind() {
        ErrorKind::NotFound => Refusal::usage("FILE_MISSING", format!("there is no file {name}"), "check the path"),
        ErrorKind::NotADirectory => Refusal::usage(
            "FILE_MISSING",
            format!("there is no file {name}, because a part of the path is a file and not a folder"),
            "check the path",
        ),
        ErrorKind::IsADirectory => is_folder(path),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => bad_name(path),
        // Windows answers this for a folder too.
        ErrorKind::PermissionDenied if path.is_dir() => is_folder(path),
        ErrorKind::PermissionDenied => Refusal::usage(
            "FILE_FORBIDDEN",
            format!("this account may not read {name}"),
            "run the command as the owner of the file, or have its permissions changed",
        ),
        _ => Refusal::internal(
            "FILE_READ_FAILED",
            format!("cannot read {name}: {error}"),
            "check the disk or the stick, then try again",
        ),
    }
}

fn write_failed(path: &Path, error: &io::Error) -> Refusal {
    let name = path.display();
    match error.kind() {
        ErrorKind::NotFound => Refusal::usage(
            "FOLDER_MISSING",
            format!("the folder {} does not exist", folder_of(path).display()),
            "make the folder first, or check the path",
        ),
        ErrorKind::NotADirectory => not_folder(folder_of(path)),
        ErrorKind::IsADirectory => is_folder(path),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => bad_name(path),
        ErrorKind::PermissionDenied => Refusal::internal(
            "FOLDER_NOT_WRITABLE",
            format!("this account may not write {name}"),
            "choose another folder, or have the permissions of this one changed",
        ),
        ErrorKind::ReadOnlyFilesystem => Refusal::internal(
            "FOLDER_NOT_WRITABLE",
            format!("{name} is on a file system that can only be read"),
            "choose another folder, or release the write protection",
        ),
        ErrorKind::StorageFull => Refusal::internal(
            "DISK_FULL",
            format!("there is no room on the disk for {name}"),
            "make room, then try again; nothing was left half written",
        ),
        ErrorKind::QuotaExceeded => Refusal::internal(
            "DISK_FULL",
            format!("the quota of this account has no room for {name}"),
            "make room, then try again; nothing was left half written",
        ),
        ErrorKind::FileTooLarge => Refusal::internal(
            "DISK_FULL",
            format!("{name} is larger than the file system or this account allows"),
            "choose another disk or raise the limit; nothing was left half written",
        ),
        _ => Refusal::internal(
            "FILE_WRITE_FAILED",
            format!("cannot write {name}: {error}"),
            "check the disk or the stick, then try again",
        ),
    }
}

pub(crate) fn stdin_too_large(limit: u64) -> Refusal {
    Refusal::usage(
        "STDIN_TOO_LARGE",
        format!("standard input has more than {} bytes, which is the limit", grouped(limit)),
        "check what is being piped in",
    )
}

pub(crate) fn stdin_failed(error: &io::Error) -> Refusal {
    Refusal::internal(
        "STDIN_FAILED",
        format!("cannot read standard input: {error}"),
        "check the program that writes into this one",
    )
}

fn is_folder(path: &Path) -> Refusal {
    Refusal::usage("FILE_IS_FOLDER", format!("{} is a folder, not a file", path.display()), "give the path of a file")
}

fn not_folder(path: &Path) -> Refusal {
    Refusal::usage(
        "FILE_NOT_FOLDER",
        format!("{}, or a part of that path, is a file and not a folder", path.display()),
        "give the path of a folder",
    )
}

fn bad_name(path: &Path) -> Refusal {
    Refusal::usage(
        "FILE_NAME",
        format!("{} is no possible file name", path.display()),
        "use a shorter path without control characters",
    )
}

fn exists(path: &Path) -> Refusal {
    Refusal::usage(
        "FILE_EXISTS",
        format!("{} exists and is not overwritten", path.display()),
        "give another path, or move the existing file away first",
    )
}

/// 10485760 as `10,485,760`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Exit;
    use std::io::Cursor;
    use tempfile::tempdir;

    fn verdict<T: std::fmt::Debug>(result: Result<T, Refusal>) -> (&'static str, Exit) {
        let refusal = result.expect_err("must be refused");
        assert!(!refusal.what().is_empty() && !refusal.remedy().is_empty());
        assert!(!refusal.what().ends_with('.') && !refusal.remedy().ends_with('.'));
        (refusal.code(), refusal.exit())
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_not_waited_for() {
        let folder = tempdir().unwrap();
        let (pipe, socket, plain) =
            (folder.path().join("pipe"), folder.path().join("socket"), folder.path().join("plain"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [pipe.as_path(), &socket, Path::new("/dev/zero")] {
            assert_eq!(verdict(read_plain_limited(path, 10)), ("FILE_NOT_PLAIN", Exit::Usage), "{}", path.display());
        }
        fs::write(&plain, b"0123456789").unwrap();
        assert_eq!(read_plain_limited(&plain, 10).unwrap(), b"0123456789");
        assert_eq!(verdict(read_plain_limited(&plain, 9)), ("FILE_TOO_LARGE", Exit::Usage));
        assert_eq!(verdict(read_plain_limited(folder.path(), 9)), ("FILE_IS_FOLDER", Exit::Usage));
        assert_eq!(verdict(read_plain_limited(&folder.path().join("none"), 9)), ("FILE_MISSING", Exit::Usage));
    }

    #[test]
    fn reads_up_to_the_limit_and_no_further() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("f");
        fs::write(&path, [7; 100]).expect("write");
        assert_eq!(read_limited(&path, 100).expect("fits"), [7; 100]);
        let refusal = read_limited(&path, 99).expect_err("too large");
        assert_eq!((refusal.code(), refusal.exit()), ("FILE_TOO_LARGE", Exit::Usage));
        assert!(refusal.what().ends_with("has 100 bytes, the limit is 99"), "{}", refusal.what());
        fs::write(&path, []).expect("write");
        assert!(read_limited(&path, 0).expect("empty").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_a_size_is_bounded_too() {
        assert_eq!(verdict(read_limited(Path::new("/dev/zero"), 1000)), ("FILE_TOO_LARGE", Exit::Usage));
        assert!(read_limited(Path::new("/dev/null"), 1000).expect("empty").is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("f");
        assert_eq!(verdict(read_limited(&path, 9)), ("FILE_MISSING", Exit::Usage));
        assert_eq!(verdict(read_limited(folder.path(), 9)), ("FILE_IS_FOLDER", Exit::Usage));
        fs::write(&path, b"x").expect("write");
        assert_eq!(verdict(read_limited(&path.join("g"), 9)), ("FILE_MISSING", Exit::Usage));
        assert_eq!(verdict(read_limited(&folder.path().join("n".repeat(300)), 9)), ("FILE_NAME", Exit::Usage));
        assert_eq!(verdict(read_limited(Path::new("a\0b"), 9)), ("FILE_NAME", Exit::Usage));
        assert_eq!(verdict(read_limited(Path::new(""), 9)), ("FILE_MISSING", Exit::Usage));
    }

    #[test]
    fn read_errors_by_kind() {
        let of = |kind: ErrorKind| {
            let refusal = read_failed(Path::new("no/such"), &kind.into());
            (refusal.code(), refusal.exit())
        };
        assert_eq!(of(ErrorKind::PermissionDenied), ("FILE_FORBIDDEN", Exit::Usage));
        assert_eq!(of(ErrorKind::IsADirectory), ("FILE_IS_FOLDER", Exit::Usage));
        assert_eq!(of(ErrorKind::Other), ("FILE_READ_FAILED", Exit::Internal));
    }

    #[test]
    fn write_errors_by_kind() {
        let of = |kind: ErrorKind| {
            let refusal = write_failed(Path::new("no/such"), &kind.into());
            (refusal.code(), refusal.exit())
        };
        assert_eq!(of(ErrorKind::StorageFull), ("DISK_FULL", Exit::Internal));
        assert_eq!(of(ErrorKind::QuotaExceeded), ("DISK_FULL", Exit::Internal));
        assert_eq!(of(ErrorKind::FileTooLarge), ("DISK_FULL", Exit::Internal));
        assert_eq!(of(ErrorKind::PermissionDenied), ("FOLDER_NOT_WRITABLE", Exit::Internal));
        assert_eq!(of(ErrorKind::ReadOnlyFilesystem), ("FOLDER_NOT_WRITABLE", Exit::Internal));
        assert_eq!(of(ErrorKind::Other), ("FILE_WRITE_FAILED", Exit::Internal));
        assert_eq!(of(ErrorKind::NotFound), ("FOLDER_MISSING", Exit::Usage));
        assert_eq!(of(ErrorKind::IsADirectory), ("FILE_IS_FOLDER", Exit::Usage));
    }

    #[test]
    fn streams_are_bounded() {
        assert_eq!(read_stream_limited(Cursor::new([1; 10]), 10).expect("fits"), [1; 10]);
        assert_eq!(verdict(read_stream_limited(Cursor::new([1; 11]), 10)), ("STDIN_TOO_LARGE", Exit::Usage));
        assert_eq!(verdict(read_stream_limited(Broken, 10)), ("STDIN_FAILED", Exit::Internal));
        assert_eq!(verdict(read_line_limited(&mut io::BufReader::new(Broken), 10)), ("STDIN_FAILED", Exit::Internal));
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }

    #[test]
    fn lines_are_whole_bounded_and_one_bad_one_does_not_spoil_the_next() {
        let text = b"abc\r\n\nabcd\nabcde\nabcdefghijkl\nx\r\xff\nabcd\r\nabcd\rX\n\rlast";
        for buffer in [1, 2, 64] {
            let mut reader = io::BufReader::with_capacity(buffer, &text[..]);
            let mut next = || read_line_limited(&mut reader, 4).map_err(|refusal| refusal.code());
            assert_eq!(next(), Ok(Some("abc".into())));
            assert_eq!(next(), Ok(Some("".into())));
            assert_eq!(next(), Ok(Some("abcd".into())));
            assert_eq!(next(), Err("LINE_TOO_LONG"));
            assert_eq!(next(), Err("LINE_TOO_LONG"));
            assert_eq!(next(), Err("LINE_NOT_UTF8"));
            assert_eq!(next(), Ok(Some("abcd".into())));
            assert_eq!(next(), Err("LINE_TOO_LONG"));
            assert_eq!(next(), Err("LINE_TOO_LONG"));
            assert_eq!(next(), Ok(None));
            assert_eq!(next(), Ok(None));
        }
        let mut unended = &b"\rend"[..];
        assert_eq!(read_line_limited(&mut unended, 4), Ok(Some("\rend".into())));
    }

    #[test]
    fn writes_and_replaces_and_leaves_nothing_beside() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("list.cbor");
        write_whole(&path, b"first", Mode::Public).expect("written");
        write_whole(&path, b"2", Mode::Private).expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"2");
        assert_eq!(names_in(folder.path()), ["list.cbor"]);
        // A name as long as file systems allow has no room for anything beside it.
        let long = folder.path().join("n".repeat(255));
        write_new(&long, b"x", Mode::Public).expect("written");
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_as_asked_even_over_an_open_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempdir().expect("folder");
        let path = folder.path().join("f");
        fs::write(&path, b"old").expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("chmod");
        write_whole(&path, b"new", Mode::Private).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("stat").permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        let public = folder.path().join("p");
        write_new(&public, b"new", Mode::Public).expect("written");
        assert_eq!(mode(&public) & !0o044, 0o600);
    }

    #[test]
    fn write_new_never_overwrites() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("f");
        write_new(&path, b"first", Mode::Private).expect("written");
        assert_eq!(verdict(write_new(&path, b"second", Mode::Private)), ("FILE_EXISTS", Exit::Usage));
        assert_eq!(fs::read(&path).expect("read"), b"first");
        assert_eq!(names_in(folder.path()), ["f"]);
        assert_eq!(verdict(write_new(folder.path(), b"", Mode::Private)), ("FILE_IS_FOLDER", Exit::Usage));
    }

    #[test]
    fn of_many_writers_one_wins() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("f");
        for round in 0..20 {
            let results: Vec<_> = std::thread::scope(|scope| {
                let path = &path;
                let writers: Vec<_> =
                    (0u8..4).map(|who| scope.spawn(move || write_new(path, &[who; 64], Mode::Public))).collect();
                writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
            });
            let winners: Vec<usize> = results.iter().enumerate().filter(|(_, r)| r.is_ok()).map(|(i, _)| i).collect();
            assert_eq!(winners.len(), 1, "round {round}");
            assert_eq!(fs::read(&path).expect("read"), [winners[0] as u8; 64]);
            assert!(results.into_iter().filter_map(Result::err).all(|refusal| refusal.code() == "FILE_EXISTS"));
            fs::remove_file(&path).expect("removed");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_are_not_written_over() {
        let folder = tempdir().expect("folder");
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        fs::write(&target, b"t").expect("write");
        std::os::unix::fs::symlink(&target, &link).expect("link");
        assert_eq!(verdict(write_whole(&link, b"x", Mode::Public)), ("FILE_NOT_PLAIN", Exit::Usage));
        assert_eq!(verdict(write_new(&link, b"x", Mode::Public)), ("FILE_EXISTS", Exit::Usage));
        assert_eq!(verdict(write_whole(Path::new("/dev/null"), b"x", Mode::Public)), ("FILE_NOT_PLAIN", Exit::Usage));
        fs::remove_file(&target).expect("removed");
        assert_eq!(verdict(write_new(&link, b"x", Mode::Public)), ("FILE_EXISTS", Exit::Usage));
        assert!(fs::symlink_metadata(&link).expect("stat").is_symlink());
    }

    #[test]
    fn where_nothing_can_be_written_is_named() {
        let folder = tempdir().expect("folder");
        let file = folder.path().join("f");
        fs::write(&file, b"x").expect("write");
        for write in [write_whole, write_new] {
            assert_eq!(verdict(write(&folder.path().join("no/f"), b"", Mode::Public)), ("FOLDER_MISSING", Exit::Usage));
            assert_eq!(verdict(write(&file.join("g"), b"", Mode::Public)), ("FILE_NOT_FOLDER", Exit::Usage));
            assert_eq!(verdict(write(folder.path(), b"", Mode::Public)), ("FILE_IS_FOLDER", Exit::Usage));
            assert_eq!(verdict(write(Path::new(".."), b"", Mode::Public)), ("FILE_IS_FOLDER", Exit::Usage));
            assert_eq!(verdict(write(Path::new(""), b"", Mode::Public)), ("FILE_IS_FOLDER", Exit::Usage));
            let long = folder.path().join("n".repeat(256));
            assert_eq!(verdict(write(&long, b"", Mode::Public)), ("FILE_NAME", Exit::Usage));
        }
        assert_eq!(names_in(folder.path()), ["f"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_files_is_a_machine_fault() {
        // /sys takes no new files even from root, whom the mode of a folder does not bind.
        for write in [write_whole, write_new] {
            let result = write(Path::new("/sys/juma"), b"x", Mode::Public);
            assert_eq!(verdict(result), ("FOLDER_NOT_WRITABLE", Exit::Internal));
        }
        assert_eq!(verdict(make_folder(Path::new("/sys/juma"), false)), ("FOLDER_NOT_WRITABLE", Exit::Internal));
        if !rustix::process::geteuid().is_root() {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = tempdir().expect("folder");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).expect("chmod");
            let path = folder.path().join("f");
            assert_eq!(verdict(write_whole(&path, b"x", Mode::Public)), ("FOLDER_NOT_WRITABLE", Exit::Internal));
        }
    }

    #[test]
    fn folders_are_made_with_those_above() {
        let folder = tempdir().expect("folder");
        let deep = folder.path().join("a/b/c");
        make_folder(&deep, true).expect("made");
        make_folder(&deep, true).expect("taken as it is");
        assert!(deep.is_dir());
        let file = folder.path().join("f");
        fs::write(&file, b"x").expect("write");
        assert_eq!(verdict(make_folder(&file, false)), ("FILE_NOT_FOLDER", Exit::Usage));
        assert_eq!(verdict(make_folder(&file.join("g"), false)), ("FILE_NOT_FOLDER", Exit::Usage));
        assert_eq!(verdict(make_folder(&folder.path().join("n".repeat(256)), false)), ("FILE_NAME", Exit::Usage));
    }

    #[cfg(unix)]
    #[test]
    fn private_folders_are_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempdir().expect("folder");
        let path = folder.path().join("a/state");
        make_folder(&path, true).expect("made");
        assert_eq!(fs::metadata(&path).expect("stat").permissions().mode() & 0o7777, 0o700);
        for (mode, fine) in [(0o700, true), (0o755, true), (0o720, false), (0o702, false), (0o777, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            assert_eq!(make_folder(&path, true).is_ok(), fine, "{mode:o}");
            make_folder(&path, false).expect("a public folder may be open");
        }
        let refusal = make_folder(&path, true).expect_err("open");
        assert_eq!((refusal.code(), refusal.exit()), ("FOLDER_OPEN", Exit::Usage));
        assert!(refusal.what().ends_with("(mode 0777)"), "{}", refusal.what());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 10_485_760].map(grouped), ["0", "999", "1,000", "10,485,760"]);
    }
}
