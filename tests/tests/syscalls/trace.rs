//! Commands under `strace`: what they asked the system for, in order; and the same again with one call killed at, failing, or left undone.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use tests::commands::{Ran, World, binaries};

/// The calls by which files, folders and locks are changed, and the one by which a command answers.
pub(crate) const CHANGING: &str = "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,syncfs,rename,renameat,renameat2,unlink,unlinkat,\
                                   ftruncate,fallocate,mkdir,mkdirat,rmdir,link,linkat,fcntl,close";

/// One call, with its place among all: threads overlap.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The lines of the log at which it began and at which it was over.
    pub(crate) begun: usize,
    pub(crate) over: usize,
    pub(crate) thread: u32,
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// What it returned: `0`, `-1 ENOENT (…)`, `?` when it never did.
    pub(crate) result: String,
    /// `strace` answered in place of the system: nothing was done.
    pub(crate) is_injected: bool,
}

impl Call {
    pub(crate) fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    /// The number of the descriptor that it is about, and the file of that, which `strace -y` writes beside it.
    pub(crate) fn descriptor(&self) -> Option<(u32, PathBuf)> {
        descriptor(&self.arguments)
    }

    /// The file that was opened.
    pub(crate) fn opened(&self) -> Option<PathBuf> {
        descriptor(&self.result).map(|(_, path)| path)
    }

    /// The paths that stand in quotes, from the folder that the command ran in.
    pub(crate) fn paths(&self, folder: &Path) -> Vec<PathBuf> {
        self.arguments.split('"').skip(1).step_by(2).map(|path| plain(&folder.join(path))).collect()
    }

    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.arguments.split(|c: char| !c.is_ascii_uppercase() && c != '_').any(|word| word == flag)
    }

    /// Whether it changes something under the folder, or answers.
    pub(crate) fn is_changing(&self, folder: &Path) -> bool {
        match self.name.as_str() {
            "openat" => self.has_flag("O_CREAT") && self.paths(folder).iter().any(|path| path.starts_with(folder)),
            "fcntl" => self.has_flag("F_SETLK") || self.has_flag("F_SETLKW"),
            "write" | "writev" | "pwrite64" | "pwritev" | "ftruncate" | "fallocate" | "fsync" | "fdatasync"
            | "syncfs" | "close" => {
                self.descriptor().is_some_and(|(number, path)| number == 1 || path.starts_with(folder))
            }
            "rename" | "renameat" | "renameat2" | "unlink" | "unlinkat" | "mkdir" | "mkdirat" | "rmdir" | "link"
            | "linkat" => self.paths(folder).iter().any(|path| path.starts_with(folder)),
            _ => false,
        }
    }
}

/// `5</a/b>…`, and the same with `(deleted)` after it.
fn descriptor(text: &str) -> Option<(u32, PathBuf)> {
    let (number, rest) = text.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    Some((number.parse().ok()?, PathBuf::from(path)))
}

/// Without `.` and `..`; links are not looked at.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// The calls of a log of `strace -f -y -o`, in the order in which they were over.
pub(crate) fn parse(log: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<u32, (usize, String)> = HashMap::new();
    for (line, text) in log.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else { continue };
        let Ok(thread) = thread.parse() else { continue };
        let text = text.trim_start();
        if text.starts_with("---") || text.starts_with("+++") {
            continue;
        }
        if let Some(begin) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, (line, begin.trim_end().to_owned()));
            continue;
        }
        let (begun, whole) = match text.strip_prefix("<... ") {
            None => (line, text.to_owned()),
            Some(rest) => {
                let Some((begun, begin)) = unfinished.remove(&thread) else { continue };
                let Some((_, end)) = rest.split_once(" resumed>") else { continue };
                (begun, format!("{begin}{end}"))
            }
        };
        calls.extend(call(thread, begun, line, &whole));
    }
    // A process that was killed, or that ends, leaves calls that never returned.
    let end = log.lines().count();
    for (thread, (begun, begin)) in unfinished {
        calls.extend(call(thread, begun, end, &format!("{begin}) = ?")));
    }
    calls
}

fn call(thread: u32, begun: usize, over: usize, whole: &str) -> Option<Call> {
    let (name, rest) = whole.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')').unwrap_or(arguments).to_owned();
    let is_injected = result.ends_with("(INJECTED)");
    Some(Call { begun, over, thread, name: name.into(), arguments, result: result.into(), is_injected })
}

/// Runs a command in the folder of a world under `strace` with these options, for as long as it takes; what it asked for is kept beside it.
pub(crate) fn strace(world: &World, options: &[&str], name: &str, arguments: &[String]) -> (Ran, Vec<Call>) {
    let log = tempfile::NamedTempFile::new().expect("a log");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-qq", "-o"]).arg(log.path()).args(options);
    command.arg(binaries().join(name)).args(arguments).current_dir(world.folder());
    command.env_remove("RUST_BACKTRACE").env_remove("NO_COLOR");
    let ran = Ran::of(command, b"");
    let log = fs::read(log.path()).expect("the log");
    (ran, parse(&String::from_utf8_lossy(&log)))
}

/// A call to strike at: the `nth` of this name in its thread, which is how `strace` counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) nth: usize,
}

/// Every place at which these calls can be struck at, in their order. Of several threads that make the same call equally often the first one
/// to do so stands for all: a process ends with whichever of its threads is killed.
pub(crate) fn points(calls: &[Call], wanted: impl Fn(&Call) -> bool) -> Vec<Point> {
    let mut in_order: Vec<&Call> = calls.iter().collect();
    in_order.sort_by_key(|call| call.begun);
    let mut counts: BTreeMap<(u32, &str), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for call in in_order {
        let count = counts.entry((call.thread, &call.name)).or_default();
        *count += 1;
        let point = Point { name: call.name.clone(), nth: *count };
        if wanted(call) && !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// At most so many, evenly spread, the first and the last among them.
pub(crate) fn spread<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    if all.len() <= most {
        return all.to_vec();
    }
    (0..most).map(|number| all[number * (all.len() - 1) / (most - 1)].clone()).collect()
}

#[test]
fn logs_are_read() {
    let log = "\
12  openat(AT_FDCWD</w>, \"a/../l.sqlite3\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3</w/l.sqlite3>
12  pwrite64(3</w/l.sqlite3>, \"SQLite (format = 3\"..., 4096, 0 <unfinished ...>
13  rename(\"a\", \"b\" <unfinished ...>
12  <... pwrite64 resumed>)                 = 4096
13  <... rename resumed>) = -1 EROFS (Read-only file system) (INJECTED)
12  --- SIGCHLD {si_signo=SIGCHLD} ---
12  fsync(3</w/l.sqlite3>) = 0 (INJECTED)
12  write(1<pipe:[7]>, \"{}\\n\", 3 <unfinished ...>
13  +++ killed by SIGKILL +++
";
    let calls = parse(log);
    let names: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.thread, call.begun, call.over)).collect();
    assert_eq!(
        names,
        [("openat", 12, 0, 0), ("pwrite64", 12, 1, 3), ("rename", 13, 2, 4), ("fsync", 12, 6, 6), ("write", 12, 7, 9)]
    );
    assert_eq!(calls[0].opened(), Some("/w/l.sqlite3".into()));
    assert_eq!(calls[0].paths(Path::new("/w")), [Path::new("/w/l.sqlite3")]);
    assert!(calls[0].has_flag("O_CREAT") && !calls[0].has_flag("O_TRUNC"));
    assert_eq!(calls[1].descriptor(), Some((3, "/w/l.sqlite3".into())));
    assert!(calls[1].succeeded() && !calls[1].is_injected);
    assert!(!calls[2].succeeded() && calls[2].is_injected);
    assert!(calls[3].succeeded() && calls[3].is_injected);
    assert!(!calls[4].succeeded());
    assert!(calls.iter().all(|call| call.is_changing(Path::new("/w"))));
    assert_eq!(points(&calls, |call| call.thread == 13), [Point { name: "rename".into(), nth: 1 }]);
    assert_eq!(spread(&[1, 2, 3, 4, 5, 6, 7], 3), [1, 4, 7]);
}
