//! A disk that loses its power: of what was written only that survives which was brought to it.
//!
//! The model goes through the calls of a run and keeps three records: which files have bytes that no `fsync` has covered, which names no `fsync`
//! of their folder has, and which names were taken away without one. It complains of a file that gets its name before its bytes are on the disk,
//! and of an answer that comes before what it stands for is there. Calls that `strace` answered in place of the system have done nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::trace::Call;

/// Which files an answer stands for.
pub(crate) type Durable = fn(&Path) -> bool;

struct Disk<'a> {
    folder: &'a Path,
    durable: Durable,
    /// Everything that has a name.
    there: BTreeSet<PathBuf>,
    /// Files with bytes that may be lost, and when those were written.
    unsynced: BTreeMap<PathBuf, usize>,
    /// Names that may be lost, and when they were given.
    new: BTreeMap<PathBuf, usize>,
    /// Names that may come back, and when they were taken away.
    gone: BTreeMap<PathBuf, usize>,
    complaints: Vec<String>,
}

/// What a power cut would have undone that was answered for, or would have left half: every sentence names a file. `there` is what lay in the
/// folder before the run.
pub(crate) fn complaints(calls: &[Call], folder: &Path, there: &[PathBuf], durable: Durable) -> Vec<String> {
    let there = there.iter().flat_map(|path| path.ancestors()).map(|path| folder.join(path)).collect();
    let mut disk = Disk {
        folder,
        durable,
        there,
        unsynced: BTreeMap::new(),
        new: BTreeMap::new(),
        gone: BTreeMap::new(),
        complaints: Vec::new(),
    };
    // An answer may be on its way as soon as it is begun; everything else counts when it is over.
    let is_answer = |call: &Call| call.name == "write" && call.descriptor().is_some_and(|(number, _)| number == 1);
    let mut in_order: Vec<&Call> = calls.iter().filter(|call| is_answer(call) || call.succeeded()).collect();
    in_order.sort_by_key(|call| if is_answer(call) { call.begun } else { call.over });
    for call in in_order {
        if is_answer(call) { disk.answer() } else { disk.apply(call) }
    }
    disk.complaints
}

impl Disk<'_> {
    fn apply(&mut self, call: &Call) {
        let paths = call.paths(self.folder);
        match (call.name.as_str(), paths.as_slice()) {
            _ if call.is_injected => {}
            ("openat", _) => {
                let Some(path) = call.opened() else { return };
                if call.has_flag("O_CREAT") && self.there.insert(path.clone()) {
                    self.new.insert(path, call.over);
                } else if call.has_flag("O_TRUNC") {
                    self.unsynced.insert(path, call.over);
                }
            }
            ("mkdir" | "mkdirat", [path, ..]) => {
                self.there.insert(path.clone());
                self.new.insert(path.clone(), call.over);
            }
            ("write" | "writev" | "pwrite64" | "pwritev" | "ftruncate" | "fallocate", _) => {
                if let Some((_, path)) = call.descriptor() {
                    self.unsynced.insert(path, call.over);
                }
            }
            ("fsync" | "fdatasync", _) => {
                if let Some((_, path)) = call.descriptor() {
                    let later = |at: &usize| *at >= call.begun;
                    self.unsynced.retain(|file, at| *file != path || later(at));
                    self.new.retain(|name, at| name.parent() != Some(&path) || later(at));
                    self.gone.retain(|name, at| name.parent() != Some(&path) || later(at));
                }
            }
            ("syncfs", _) => {
                for record in [&mut self.unsynced, &mut self.new, &mut self.gone] {
                    record.retain(|_, at| *at >= call.begun);
                }
            }
            ("rename" | "renameat" | "renameat2", [from, to]) => {
                self.named(from, to, call.over);
                self.there.remove(from);
                self.new.remove(from);
            }
            ("link" | "linkat", [from, to]) => self.named(from, to, call.over),
            ("unlink" | "unlinkat" | "rmdir", [path, ..]) => {
                self.there.remove(path);
                self.unsynced.remove(path);
                if self.new.remove(path).is_none() {
                    self.gone.insert(path.clone(), call.over);
                }
            }
            _ => {}
        }
    }

    /// A file that has one name already gets another.
    fn named(&mut self, from: &Path, to: &Path, at: usize) {
        if self.unsynced.remove(from).is_some() {
            self.complaints.push(format!("{} got its name before its bytes were on the disk", self.short(to)));
            self.unsynced.insert(to.to_owned(), at);
        }
        self.there.insert(to.to_owned());
        self.new.insert(to.to_owned(), at);
    }

    fn answer(&mut self) {
        let mut found = Vec::new();
        let durable = |path: &Path| path.strip_prefix(self.folder).is_ok_and(self.durable);
        for path in self.unsynced.keys().filter(|path| durable(path)) {
            found.push(format!("answered before the bytes of {} were on the disk", self.short(path)));
        }
        for path in self.there.iter().filter(|path| durable(path)) {
            for name in path.ancestors().filter(|name| self.new.contains_key(*name)) {
                found.push(format!("answered before the name of {} was on the disk", self.short(name)));
            }
        }
        // SQLite would roll back by a journal that comes back.
        let is_journal = |path: &&PathBuf| path.to_string_lossy().ends_with("-journal");
        for path in self.gone.keys().filter(is_journal) {
            found.push(format!("answered while {} could come back", self.short(path)));
        }
        found.dedup();
        self.complaints.append(&mut found);
    }

    fn short(&self, path: &Path) -> String {
        path.strip_prefix(self.folder).unwrap_or(path).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::parse;

    fn of(lines: &[&str]) -> Vec<String> {
        let log: String = lines.iter().map(|line| format!("7 {line}\n")).collect();
        complaints(&parse(&log), Path::new("/w"), &["old".into()], |path| !path.ends_with("scratch"))
    }

    const MADE: &str = "openat(AT_FDCWD</w>, \"t\", O_WRONLY|O_CREAT, 0600) = 3</w/t>";
    const WRITTEN: &str = "write(3</w/t>, \"x\", 1) = 1";
    const SYNCED: &str = "fsync(3</w/t>) = 0";
    const NAMED: &str = "rename(\"t\", \"new\") = 0";
    const FOLDER: &str = "fsync(4</w>) = 0";
    const ANSWER: &str = "write(1<pipe:[1]>, \"{}\", 2) = 2";

    #[test]
    fn a_file_is_written_as_it_should_be() {
        assert_eq!(of(&[MADE, WRITTEN, SYNCED, NAMED, FOLDER, ANSWER]), [] as [String; 0]);
        assert_eq!(of(&[MADE, WRITTEN, "syncfs(4</w>) = 0", NAMED, FOLDER, ANSWER]), [] as [String; 0]);
        // What is written after the answer was not answered for; nor is a scratch file.
        assert_eq!(of(&[ANSWER, MADE, WRITTEN]), [] as [String; 0]);
        let scratch = "openat(AT_FDCWD</w>, \"scratch\", O_WRONLY|O_CREAT, 0600) = 5</w/scratch>";
        assert_eq!(of(&[scratch, "write(5</w/scratch>, \"x\", 1) = 1", ANSWER]), [] as [String; 0]);
        // A call that failed did nothing.
        assert_eq!(of(&["write(3</w/t>, \"x\", 1) = -1 ENOSPC (No space left on device)", ANSWER]), [] as [String; 0]);
    }

    #[test]
    fn each_step_that_is_missing_is_complained_of() {
        for (lines, complaint) in [
            (&[MADE, WRITTEN, NAMED, FOLDER, ANSWER][..], "new got its name before its bytes"),
            (&[MADE, WRITTEN, NAMED, SYNCED, FOLDER, ANSWER], "new got its name before its bytes"),
            (&[MADE, WRITTEN, SYNCED, WRITTEN, NAMED, FOLDER, ANSWER], "new got its name before its bytes"),
            (&[MADE, WRITTEN, SYNCED, NAMED, ANSWER, FOLDER], "the name of new"),
            (&[MADE, WRITTEN, SYNCED, FOLDER, NAMED, ANSWER], "the name of new"),
            (&[MADE, WRITTEN, FOLDER, ANSWER, SYNCED], "the bytes of t"),
            (&[MADE, WRITTEN, "fsync(3</w/t>) = 0 (INJECTED)", FOLDER, ANSWER], "the bytes of t"),
            (&[MADE, SYNCED, "fsync(4</w>) = 0 (INJECTED)", ANSWER], "the name of t"),
            (&["ftruncate(3</w/old>, 0) = 0", ANSWER], "the bytes of old"),
            (
                &[
                    "mkdir(\"a\", 0700) = 0",
                    "openat(AT_FDCWD</w>, \"a/f\", O_CREAT) = 3</w/a/f>",
                    "fsync(4</w/a>) = 0",
                    ANSWER,
                ],
                "the name of a ",
            ),
            (&["unlink(\"old-journal\") = 0", ANSWER], "old-journal could come back"),
        ] {
            let said = of(lines);
            assert!(said.iter().any(|said| said.contains(complaint)), "{lines:?}: {said:?}");
        }
    }

    /// What one thread writes while another brings the file to the disk may have come too late for that.
    #[test]
    fn threads_overlap() {
        let log = "\
7 fsync(3</w/old> <unfinished ...>
8 write(3</w/old>, \"x\", 1) = 1
7 <... fsync resumed>) = 0
8 write(1<pipe:[1]>, \"{}\", 2) = 2
";
        let said = complaints(&parse(log), Path::new("/w"), &["old".into()], |_| true);
        assert!(said.iter().any(|said| said.contains("the bytes of old")), "{said:?}");
    }
}
