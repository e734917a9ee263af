//! `watch`: every new picture in a folder, as a scanner or camera program saves them.
//!
//! The folder is listed five times a second. Notifications of the operating system would be a little quicker, but they do
//! not come from network shares, which is where scanners save; and a picture is read only when it has stopped growing,
//! which takes two looks in any case.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use clap::Args;
use command_line::clock::Clock;
use command_line::escape::printable;
use command_line::refusal::{Exit, Refusal};
use serde::Serialize;
use verifier::json::VerdictDocument;
use verifier::state::State;
use verifier::verdict::Outcome;

use super::batch::FailureError;
use super::pictures::Pictures;
use super::verify::{Decided, Frame};
use super::{ClockArguments, StateArguments, print_json};

#[derive(Args)]
#[command(
    after_help = "Pictures are read once they have stopped growing, and again when they are replaced; they are never changed or deleted. \
                  Temporary names (.x, ~x, x~, x.tmp, x.part, …) and other kinds of files are passed over. Ctrl-C ends it, with exit \
                  code 0."
)]
pub(super) struct Watch {
    #[command(flatten)]
    state: StateArguments,
    /// The folder that pictures are saved in; folders in it are not looked into
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Also read the pictures that are there already
    #[arg(long)]
    also_present: bool,
    #[command(flatten)]
    clock: ClockArguments,
    /// Print one JSON object a line for each picture: a verdict with "image", or {"image", "error"}
    #[arg(long)]
    pub(super) json: bool,
}

impl Watch {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let clock = self.clock.clock()?;
        let mut pictures = Pictures::new();
        pictures.warm_up();
        let mut state = self.state.open()?;
        let stop = stop_flag()?;

        let mut folder = Folder::open(&self.folder, self.also_present)?;
        let name = printable(&self.folder.display().to_string()).into_owned();
        eprintln!(
            "note: 正在监视文件夹，新图片将逐一核验；按 Ctrl-C 结束 / watching {name}: each new picture is checked; end with Ctrl-C"
        );
        let mut counts = Counts::default();
        while !stop.load(Ordering::Relaxed) {
            let looked = Instant::now();
            let due = folder.look(looked)?;
            // A folder of thousands of files takes its time: most of ours belongs to others.
            let pause = LOOK_EVERY.max(looked.elapsed() * 10);
            for picture in due {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let answer = answer(&self.folder.join(&picture.name), &mut pictures, &mut state, clock);
                if answer.as_ref().is_err_and(|refusal| folder.wait_for_the_rest(&picture, refusal)) {
                    continue;
                }
                counts.add(&answer);
                self.print(&picture.name, answer, &state)?;
            }
            rest(pause, &stop);
        }
        eprintln!("note: {}", counts.words());
        Ok(Exit::Done)
    }

    fn print(&self, name: &OsStr, answer: Result<(Decided, Frame), Refusal>, state: &State) -> Result<(), Refusal> {
        let image = name.to_string_lossy().into_owned();
        match answer {
            Ok((decided, frame)) if self.json => {
                print_json(&Answer { image, verdict: decided.document() })?;
                decided.say_trouble(state, &frame);
            }
            Ok((decided, frame)) => {
                decided.page_for(&image).print()?;
                decided.say_clock();
                decided.say_trouble(state, &frame);
            }
            Err(refusal) if self.json => {
                print_json(&Failure { image, v: 1, error: FailureError::new(&refusal) })?;
            }
            Err(refusal) => eprintln!("{}: {refusal}", printable(&image)),
        }
        Ok(())
    }
}

fn answer(path: &Path, pictures: &mut Pictures, state: &mut State, clock: Clock) -> Result<(Decided, Frame), Refusal> {
    let frame = Frame::of_image(path, pictures)?;
    let decided = Decided::new(state, &frame, None, clock)?;
    decided.note_in_journal(state);
    Ok((decided, frame))
}

/// Set by Ctrl-C, and by whoever ends the program in an orderly way.
fn stop_flag() -> Result<Arc<AtomicBool>, Refusal> {
    let stop = Arc::new(AtomicBool::new(false));
    let signals = [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        #[cfg(unix)]
        signal_hook::consts::SIGHUP,
    ];
    for signal in signals {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|error| {
            Refusal::internal(
                "WATCH_SIGNAL",
                format!("cannot prepare for Ctrl-C: {error}"),
                "please report this line and the system you use",
            )
        })?;
    }
    Ok(stop)
}

/// Waits, but not for long after Ctrl-C.
fn rest(pause: Duration, stop: &AtomicBool) {
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        match pause.checked_sub(began.elapsed()) {
            Some(left) if !left.is_zero() => thread::sleep(left.min(LOOK_EVERY)),
            _ => return,
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// So long after its last change a picture that cannot be read may still be on its way.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// So long the folder may be away: a network share that drops out for a moment is no reason to end.
const GONE_AFTER: Duration = Duration::from_secs(3);

/// The folder, and what is known of each file in it.
struct Folder {
    path: PathBuf,
    files: HashMap<OsString, Known>,
    away_since: Option<Instant>,
}

/// What changes when a file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

struct Known {
    stamp: Stamp,
    /// When this stamp was first seen.
    since: Instant,
    done: Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Not read yet.
    No,
    /// Read, found damaged, and young enough to be still growing.
    Tried,
    /// There is an answer.
    Yes,
}

/// A picture that is to be read now.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    modified: Option<SystemTime>,
    name: OsString,
}

impl Folder {
    fn open(path: &Path, also_present: bool) -> Result<Folder, Refusal> {
        let mut folder = Folder { path: path.into(), files: HashMap::new(), away_since: None };
        let listed = list(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Refusal::usage(
                "WATCH_FOLDER_MISSING",
                format!("there is no folder {}", path.display()),
                "check the path, and that the stick or the share is connected",
            ),
            ErrorKind::NotADirectory => Refusal::usage(
                "FILE_NOT_FOLDER",
                format!("{}, or a part of that path, is a file and not a folder", path.display()),
                "give the path of a folder",
            ),
            _ => unreadable(path, &error, Refusal::usage),
        })?;
        if !also_present {
            let done = |(name, stamp)| (name, Known { stamp, since: Instant::now(), done: Done::Yes });
            folder.files = listed.into_iter().map(done).collect();
        }
        Ok(folder)
    }

    /// The pictures that are complete and were not read yet, the oldest first.
    fn look(&mut self, now: Instant) -> Result<Vec<Due>, Refusal> {
        let listed = match list(&self.path) {
            Ok(listed) => listed,
            Err(error) => {
                let since = *self.away_since.get_or_insert(now);
                if now.duration_since(since) < GONE_AFTER {
                    return Ok(Vec::new());
                }
                return Err(match error.kind() {
                    ErrorKind::NotFound | ErrorKind::NotADirectory => Refusal::internal(
                        "WATCH_FOLDER_GONE",
                        format!("the folder {} is no longer there", self.path.display()),
                        "connect the stick or the share again, then start watching anew",
                    ),
                    _ => unreadable(&self.path, &error, Refusal::internal),
                });
            }
        };
        self.away_since = None;
        // What was deleted is forgotten: a file that comes under the same name is new.
        self.files.retain(|name, _| listed.contains_key(name));
        let mut due = Vec::new();
        for (name, stamp) in listed {
            let known = self.files.entry(name.clone()).or_insert(Known { stamp, since: now, done: Done::No });
            if known.stamp != stamp {
                *known = Known { stamp, since: now, done: Done::No };
            }
            let quiet = now.duration_since(known.since);
            let ready = match known.done {
                Done::Yes => false,
                // The stamp of the look before.
                Done::No if stamp.bytes > 0 => known.since < now,
                Done::No | Done::Tried => quiet >= SETTLED_AFTER,
            };
            if ready {
                known.done = Done::Yes;
                due.push(Due { modified: stamp.modified, name });
            }
        }
        due.sort();
        Ok(due)
    }

    /// Whether a picture that was refused is young enough to be still on its way, so that nothing is said yet.
    fn wait_for_the_rest(&mut self, picture: &Due, refusal: &Refusal) -> bool {
        let Some(known) = self.files.get_mut(&picture.name) else { return false };
        // A file that its writer moved or locked in between is looked at again, too.
        let cut_short =
            matches!(refusal.code(), "IMAGE_DAMAGED" | "FILE_MISSING" | "FILE_FORBIDDEN" | "FILE_READ_FAILED");
        let wait = cut_short && known.since.elapsed() < SETTLED_AFTER;
        if wait {
            known.done = Done::Tried;
        }
        wait
    }
}

fn unreadable(path: &Path, error: &io::Error, refusal: fn(&'static str, String, &'static str) -> Refusal) -> Refusal {
    refusal(
        "WATCH_FOLDER_UNREADABLE",
        format!("the folder {} cannot be listed: {error}", path.display()),
        "check the permissions of the folder, and the stick or the share that it is on",
    )
}

/// The picture files of a folder.
fn list(path: &Path) -> io::Result<HashMap<OsString, Stamp>> {
    let mut files = HashMap::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !is_picture_name(&entry.file_name()) {
            continue;
        }
        // Of the file that a link leads to. One that is gone by now is as good as never there.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_file() {
            files.insert(entry.file_name(), Stamp { bytes: metadata.len(), modified: metadata.modified().ok() });
        }
    }
    Ok(files)
}

/// Whether a name is that of a finished picture: of a kind that is read, or of one that somebody could take for it and
/// has to be told about.
fn is_picture_name(name: &OsStr) -> bool {
    const ENDINGS: [&str; 15] = [
        "png", "jpg", "jpeg", "jpe", "jfif", "webp", "heic", "heif", "avif", "jxl", "gif", "bmp", "tif", "tiff", "pdf",
    ];
    let name = name.to_string_lossy();
    let temporary = name.starts_with(['.', '~']) || name.ends_with('~');
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    !temporary && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

#[derive(Default)]
struct Counts {
    accepted: u64,
    rejected: u64,
    undetermined: u64,
    refused: u64,
}

impl Counts {
    fn add(&mut self, answer: &Result<(Decided, Frame), Refusal>) {
        let count = match answer.as_ref().map(|(decided, _)| decided.verdict.outcome()) {
            Ok(Outcome::Accept) => &mut self.accepted,
            Ok(Outcome::Reject) => &mut self.rejected,
            Ok(Outcome::Undetermined) => &mut self.undetermined,
            Err(_) => &mut self.refused,
        };
        *count += 1;
    }

    fn words(&self) -> String {
        let Counts { accepted, rejected, undetermined, refused } = self;
        format!(
            "已结束：通过 {accepted}，不通过 {rejected}，无法确定 {undetermined}，无法读取 {refused} / ended: {accepted} accepted, \
             {rejected} rejected, {undetermined} undetermined, {refused} not readable"
        )
    }
}

#[derive(Serialize)]
struct Answer {
    image: String,
    #[serde(flatten)]
    verdict: VerdictDocument,
}

#[derive(Serialize)]
struct Failure {
    image: String,
    v: u8,
    error: FailureError,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    #[test]
    fn finished_pictures_are_told_by_their_names() {
        for name in ["a.png", "A.PNG", "照片.jpeg", "a.b.webp", "IMG_0001.HEIC", "scan.tif", "a b.jfif", "a.part.jpg"]
        {
            assert!(is_picture_name(OsStr::new(name)), "{name}");
        }
        for name in
            [".a.png", "~a.png", "a.png~", "a.png.tmp", "a.png.part", "a", "png", "a.txt", "Thumbs.db", "a.", ""]
        {
            assert!(!is_picture_name(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_picture_is_due_at_the_second_look_and_once() {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("there.png"), b"1").unwrap();
        let mut watched = Folder::open(folder.path(), false).unwrap();
        let start = Instant::now() + Duration::from_secs(1);
        assert_eq!(names(&mut watched, start), [""; 0]);
        fs::write(folder.path().join("new.png"), b"1").unwrap();
        assert_eq!(names(&mut watched, start), [""; 0], "it may still be growing");
        assert_eq!(names(&mut watched, start + LOOK_EVERY), ["new.png"]);
        assert_eq!(names(&mut watched, start + 2 * LOOK_EVERY), [""; 0]);
        // It grows after all.
        fs::write(folder.path().join("new.png"), b"12").unwrap();
        assert_eq!(names(&mut watched, start + 3 * LOOK_EVERY), [""; 0]);
        assert_eq!(names(&mut watched, start + 4 * LOOK_EVERY), ["new.png"]);
        // Those that were there are read only on request.
        let mut all = Folder::open(folder.path(), true).unwrap();
        assert_eq!(names(&mut all, start), [""; 0]);
        let mut found = names(&mut all, start + LOOK_EVERY);
        found.sort();
        assert_eq!(found, ["new.png", "there.png"]);
    }

    #[test]
    fn an_empty_file_has_time_to_be_filled() {
        let folder = tempdir().unwrap();
        let mut watched = Folder::open(folder.path(), false).unwrap();
        fs::write(folder.path().join("new.png"), b"").unwrap();
        let start = Instant::now();
        let just_before = SETTLED_AFTER.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(names(&mut watched, start), [""; 0]);
        assert_eq!(names(&mut watched, start + just_before), [""; 0]);
        assert_eq!(names(&mut watched, start + SETTLED_AFTER), ["new.png"]);
    }

    #[test]
    fn a_damaged_picture_is_tried_again_and_then_believed_to_be_damaged() {
        let folder = tempdir().unwrap();
        let mut watched = Folder::open(folder.path(), false).unwrap();
        fs::write(folder.path().join("new.png"), b"1").unwrap();
        let start = Instant::now();
        watched.look(start).unwrap();
        let due = watched.look(start + LOOK_EVERY).unwrap().remove(0);
        let refusal = |code| Refusal::usage(code, "what", "remedy");
        assert!(!watched.wait_for_the_rest(&due, &refusal("IMAGE_FORMAT")), "waiting does not make it another kind");
        assert!(watched.wait_for_the_rest(&due, &refusal("IMAGE_DAMAGED")));
        assert_eq!(names(&mut watched, start + 2 * LOOK_EVERY), [""; 0]);
        assert_eq!(names(&mut watched, start + SETTLED_AFTER), ["new.png"]);
        watched.files.values_mut().for_each(|known| known.since -= SETTLED_AFTER);
        assert!(!watched.wait_for_the_rest(&due, &refusal("IMAGE_DAMAGED")));
    }

    #[test]
    fn a_folder_that_drops_out_for_a_moment_is_waited_for() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("inbox");
        fs::create_dir(&path).unwrap();
        let mut watched = Folder::open(&path, false).unwrap();
        let start = Instant::now();
        fs::remove_dir(&path).unwrap();
        assert!(watched.look(start).unwrap().is_empty());
        assert!(watched.look(start + GONE_AFTER - Duration::from_millis(1)).unwrap().is_empty());
        fs::create_dir(&path).unwrap();
        assert!(watched.look(start + GONE_AFTER).unwrap().is_empty());
        fs::remove_dir(&path).unwrap();
        assert!(watched.look(start + 2 * GONE_AFTER).is_ok(), "it counts anew");
        let gone = watched.look(start + 3 * GONE_AFTER).err().map(|refusal| (refusal.code(), refusal.exit()));
        assert_eq!(gone, Some(("WATCH_FOLDER_GONE", Exit::Internal)));
    }

    fn names(folder: &mut Folder, now: Instant) -> Vec<String> {
        folder.look(now).unwrap().into_iter().map(|due| due.name.into_string().unwrap()).collect()
    }
}
