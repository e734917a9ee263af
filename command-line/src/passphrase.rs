//! Where a passphrase comes from: the terminal, without echo, a file, or an open descriptor. Never the command line or the environment,
//! which other processes can read.

use std::fs::File;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::files::{read_failed, read_to_limit};
use crate::refusal::Refusal;

/// The longest passphrase taken from a file, in bytes.
pub const LIMIT: u64 = 1024;
/// The highest number of a descriptor: systems give a process 1,024 of them unless told otherwise.
pub const DESCRIPTOR_MAX: u32 = 1023;

/// The source of a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passphrase {
    /// Asked for in the terminal.
    Prompt,
    /// The only line of a file, or of an open descriptor such as `/dev/fd/3`.
    File(PathBuf),
    /// The only line of what this open descriptor gives, to its end. It can be read once.
    Descriptor(u32),
}

impl Passphrase {
    /// The source that `--passphrase-file` or `--passphrase-fd` asks for; without either, the terminal.
    ///
    /// # Errors
    ///
    /// `PASSPHRASE_STDIN` for the file `-`: standard input carries the data. `PASSPHRASE_FD` for a descriptor above
    /// [`DESCRIPTOR_MAX`], and for any on a system that does not show them as files. `PASSPHRASE_SOURCES` for both options.
    pub fn from_arguments(passphrase_file: Option<&Path>, passphrase_fd: Option<u32>) -> Result<Self, Refusal> {
        match (passphrase_file, passphrase_fd) {
            (None, None) => Ok(Self::Prompt),
            (Some(path), None) if path == Path::new("-") => Err(Refusal::usage(
                "PASSPHRASE_STDIN",
                "the passphrase is not read from standard input",
                "give --passphrase-file the path of a file, or --passphrase-fd the number of an open descriptor",
            )),
            (Some(path), None) => Ok(Self::File(path.to_owned())),
            (None, Some(number)) if !cfg!(unix) => Err(Refusal::usage(
                "PASSPHRASE_FD",
                format!("this system does not show descriptor {number} as a file"),
                "give --passphrase-file, or neither and type the passphrase",
            )),
            (None, Some(number)) if number > DESCRIPTOR_MAX => Err(Refusal::usage(
                "PASSPHRASE_FD",
                format!("{number} is no descriptor"),
                format!("give --passphrase-fd a number from 0 to {DESCRIPTOR_MAX}, such as 3 with 3<FILE in a shell"),
            )),
            (None, Some(number)) => Ok(Self::Descriptor(number)),
            (Some(_), Some(_)) => Err(Refusal::usage(
                "PASSPHRASE_SOURCES",
                "the passphrase has two sources",
                "give --passphrase-file or --passphrase-fd, not both",
            )),
        }
    }

    /// The passphrase of an existing key file, `key`.
    ///
    /// # Errors
    ///
    /// `PASSPHRASE_EMPTY`, `PASSPHRASE_NO_TERMINAL`; for a file or a descriptor also `PASSPHRASE_OPEN` (others may read
    /// it), `PASSPHRASE_TEXT` (not one line of UTF-8 without control characters), `PASSPHRASE_TOO_LONG` and what reading
    /// a file refuses; `PASSPHRASE_FD` for a descriptor that is not open.
    pub fn existing(&self, key: &Path) -> Result<Zeroizing<String>, Refusal> {
        match self {
            Self::File(path) => from_file(path),
            Self::Descriptor(number) => from_descriptor(*number),
            Self::Prompt => not_empty(prompt(&format!("Passphrase of {}: ", key.display()))?),
        }
    }

    /// A passphrase for a key file about to be written, `key`. The terminal asks twice.
    ///
    /// # Errors
    ///
    /// `PASSPHRASE_DIFFERS` when the two do not agree, and those of [`existing`](Self::existing).
    pub fn new_for(&self, key: &Path) -> Result<Zeroizing<String>, Refusal> {
        match self {
            Self::File(path) => from_file(path),
            Self::Descriptor(number) => from_descriptor(*number),
            Self::Prompt => twice(key, prompt),
        }
    }
}

fn twice(key: &Path, ask: impl Fn(&str) -> Result<Zeroizing<String>, Refusal>) -> Result<Zeroizing<String>, Refusal> {
    let first = not_empty(ask(&format!("New passphrase for {}: ", key.display()))?)?;
    let second = ask("The same again: ")?;
    if first != second {
        return Err(Refusal::usage(
            "PASSPHRASE_DIFFERS",
            "the two passphrases are not the same",
            "run the command again and type the same passphrase twice",
        ));
    }
    Ok(first)
}

fn prompt(question: &str) -> Result<Zeroizing<String>, Refusal> {
    rpassword::prompt_password(crate::escape::printable(question)).map(Zeroizing::new).map_err(|error| {
        Refusal::usage(
            "PASSPHRASE_NO_TERMINAL",
            format!("cannot ask for the passphrase in a terminal: {error}"),
            "run the command in a terminal, or give --passphrase-file or --passphrase-fd",
        )
    })
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    from_open(path, File::open(path).map_err(|error| read_failed(path, &error))?)
}

/// Opened by its name: to take a descriptor by its number, a program would have to vouch that nothing else in it has it.
fn from_descriptor(number: u32) -> Result<Zeroizing<String>, Refusal> {
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    let file = File::open(&path).map_err(|error| {
        Refusal::usage(
            "PASSPHRASE_FD",
            format!("descriptor {number} cannot be read: {error}"),
            format!("start the command with it open for reading, in a shell with {number}<FILE after the command"),
        )
    })?;
    from_open(&path, file)
}

fn from_open(path: &Path, file: File) -> Result<Zeroizing<String>, Refusal> {
    check_closed(path, &file.metadata().map_err(|error| read_failed(path, &error))?)?;
    let bytes = read_to_limit(file, LIMIT).map_err(|error| read_failed(path, &error))?;
    let Some(bytes) = bytes.map(Zeroizing::new) else {
        return Err(Refusal::usage(
            "PASSPHRASE_TOO_LONG",
            format!("the passphrase file {} has more than {LIMIT} bytes", path.display()),
            "check that this is the file with the passphrase",
        ));
    };
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        // openssl takes the first line only and stops at a zero byte: the same file must mean the same to both.
        Ok(text) if !text.contains(char::is_control) => not_empty(Zeroizing::new(text.to_owned())),
        _ => Err(Refusal::usage(
            "PASSPHRASE_TEXT",
            format!("the passphrase file {} is not one line of UTF-8 text", path.display()),
            "write the passphrase on the first line and nothing after it",
        )),
    }
}

fn not_empty(passphrase: Zeroizing<String>) -> Result<Zeroizing<String>, Refusal> {
    if passphrase.is_empty() {
        return Err(empty());
    }
    Ok(passphrase)
}

pub(crate) fn empty() -> Refusal {
    Refusal::usage("PASSPHRASE_EMPTY", "the passphrase is empty", "give a passphrase of one character or more")
}

#[cfg(unix)]
fn check_closed(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Refusal> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    // A pipe has a mode too, but no name by which others could open it.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(Refusal::usage(
            "PASSPHRASE_OPEN",
            format!("others may read the passphrase file {} (mode {mode:04o})", path.display()),
            format!("type: chmod 600 {}", path.display()),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_closed(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), Refusal> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Mode, write_whole};
    use crate::refusal::Exit;
    use std::cell::RefCell;
    use tempfile::tempdir;

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
        let refusal = result.expect_err("must be refused");
        assert_eq!(refusal.exit(), Exit::Usage);
        refusal.code()
    }

    #[test]
    fn the_source_follows_the_option() {
        assert_eq!(Passphrase::from_arguments(None, None), Ok(Passphrase::Prompt));
        let path = Path::new("p.txt");
        assert_eq!(Passphrase::from_arguments(Some(path), None), Ok(Passphrase::File(path.to_owned())));
        assert_eq!(code(Passphrase::from_arguments(Some(Path::new("-")), None)), "PASSPHRASE_STDIN");
        assert_eq!(code(Passphrase::from_arguments(Some(path), Some(3))), "PASSPHRASE_SOURCES");
    }

    #[test]
    fn one_line_feed_is_taken_off_and_nothing_else() {
        let folder = tempdir().expect("folder");
        let path = folder.path().join("p");
        let read = |bytes: &[u8]| {
            write_whole(&path, bytes, Mode::Private).expect("written");
            let source = Passphrase::from_arguments(Some(&path), None).expect("source");
            let existing = source.existing(Path::new("k")).map(|text| text.to_string()).map_err(|r| r.code());
            let new = source.new_for(Path::new("k")).map(|text| text.to_string()).map_err(|r| r.code());
            assert_eq!(existing, new);
            existing
        };
        assert_eq!(read(b"a b "), Ok("a b ".into()));
        assert_eq!(read(b"a\n"), Ok("a".into()));
        assert_eq!(read(b"a\r\n"), Ok("a".into()));
        assert_eq!(read("密码\n".as_bytes()), Ok("密码".into()));
        assert_eq!(read(b"a\n\n"), Err("PASSPHRASE_TEXT"));
        assert_eq!(read(b"a\nb"), Err("PASSPHRASE_TEXT"));
        assert_eq!(read(b"a\0b"), Err("PASSPHRASE_TEXT"));
        assert_eq!(read(b"\xff"), Err("PASSPHRASE_TEXT"));
        assert_eq!(read(b""), Err("PASSPHRASE_EMPTY"));
        assert_eq!(read(b"\n"), Err("PASSPHRASE_EMPTY"));
        assert_eq!(read(&[b'a'; 1024]).map(|text| text.len()), Ok(1024));
        assert_eq!(read(&[b'a'; 1025]), Err("PASSPHRASE_TOO_LONG"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempdir().expect("folder");
        let path = folder.path().join("p");
        std::fs::write(&path, "secret").expect("write");
        let source = Passphrase::File(path.clone());
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
            match source.existing(Path::new("k")) {
                Ok(_) => assert!(fine, "{mode:o}"),
                Err(refusal) => {
                    assert!(!fine, "{mode:o}");
                    assert_eq!(refusal.code(), "PASSPHRASE_OPEN");
                    assert!(refusal.what().contains(&format!("{mode:04o}")));
                    assert!(!refusal.to_string().contains("secret"));
                }
            }
        }
        assert_eq!(code(Passphrase::File(folder.path().join("no")).existing(Path::new("k"))), "FILE_MISSING");
        assert_eq!(code(Passphrase::File(folder.path().into()).existing(Path::new("k"))), "FILE_IS_FOLDER");
    }

    #[cfg(unix)]
    #[test]
    fn a_descriptor_is_read_where_it_is_open() {
        use std::os::fd::AsRawFd as _;
        let from = |number| Passphrase::from_arguments(None, Some(number));
        assert_eq!(from(0), Ok(Passphrase::Descriptor(0)));
        assert_eq!(from(1023), Ok(Passphrase::Descriptor(1023)));
        assert_eq!(code(from(1024)), "PASSPHRASE_FD");

        let folder = tempdir().expect("folder");
        let path = folder.path().join("p");
        write_whole(&path, b"secret\n", Mode::Private).expect("written");
        let file = File::open(&path).expect("open");
        let number = u32::try_from(file.as_raw_fd()).expect("a descriptor");
        let source = from(number).expect("source");
        assert_eq!(source.existing(Path::new("k")).map(|text| text.to_string()), Ok("secret".into()));

        // Nothing in this process opens so many files.
        let closed = from(1023).expect("source").existing(Path::new("k")).expect_err("not open");
        assert_eq!(closed.code(), "PASSPHRASE_FD");
        assert!(closed.what().contains("descriptor 1023"), "{closed}");
    }

    #[test]
    fn a_new_passphrase_is_typed_twice() {
        let answers = |first: &str, second: &str| {
            let left = RefCell::new(vec![second.to_owned(), first.to_owned()]);
            let result = twice(Path::new("k"), |_| Ok(Zeroizing::new(left.borrow_mut().pop().expect("two questions"))));
            (result.map(|text| text.to_string()).map_err(|refusal| refusal.code()), left.into_inner().len())
        };
        assert_eq!(answers("a", "a"), (Ok("a".into()), 0));
        assert_eq!(answers("a", "b"), (Err("PASSPHRASE_DIFFERS"), 0));
        assert_eq!(answers("", ""), (Err("PASSPHRASE_EMPTY"), 1));
    }
}
