//! A process that reads pictures, so that the one that decides does not.
//!
//! A picture is the one input of a counter that anybody can draw, and the decoders that read it are foreign code, some of
//! it C++. One of them may run for minutes on a picture made for that, take all memory, or fall into the hands of who
//! drew it. A thread cannot be stopped, so a [`Worker`] keeps a child process, the same program started as
//! `verifier scan-worker`, which has given up files, sockets and all memory beyond what a photograph needs ([`serve`]).
//! It is killed when it is late, dies or answers nonsense, and started again for the next picture. Nothing it says is
//! trusted: its messages are bounded and read strictly, and a text it claims to have read is only a text, to be judged
//! by its signatures.
//!
//! There is no fallback that reads pictures in the program itself: where no process can be started, that is said.
//!
//! This module needs processes, threads and a clock, and is behind the feature `worker`.
//!
//! ```no_run
//! use verifier::worker::{Program, Unread, Worker};
//!
//! let mut worker = Worker::new(Program::this("scan-worker")?);
//! match worker.still(std::fs::read("counter.jpg")?) {
//!     Ok(seen) => println!("{} codes", seen.codes.len()),
//!     Err(Unread::Picture(error)) => println!("{error} [{}]", error.code()),
//!     Err(Unread::Worker(trouble)) => println!("{trouble} [{}]", trouble.code()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod confine;
mod message;
mod process;
mod serve;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::GrayImage;

use crate::scan::{Limits, ScanError, Seen};
use crate::verdict::Words;

pub use serve::serve;

use message::{About, Asked, Request, Subject, parse_answer};
use process::{Lost, Running};

/// Reads pictures in a child process, which it starts when the first picture comes and whenever one was lost.
pub struct Worker {
    program: Program,
    limits: Limits,
    running: Option<Running>,
    /// When the last children were started, the newest behind.
    starts: VecDeque<Instant>,
    asked: u64,
    still: Patience,
    live: Patience,
}

impl Worker {
    /// Starts nothing yet.
    pub fn new(program: Program) -> Worker {
        let (still, live) = (Patience::STILL, Patience::LIVE);
        Worker { program, limits: Limits::default(), running: None, starts: VecDeque::new(), asked: 0, still, live }
    }

    /// Starts the child now, so that it becomes ready while the picture is still being fetched.
    ///
    /// That it cannot be started is said when a picture comes.
    pub fn warm_up(&mut self) {
        if self.running.is_none() && self.may_start().is_none() {
            self.running = self.start().ok();
        }
    }

    /// Reads a picture file: PNG, JPEG or WebP, as [`crate::scan::read_texts`] does.
    ///
    /// # Errors
    ///
    /// The picture is refused, or the child could not read it: see [`Trouble`]. The next picture is read by another.
    pub fn still(&mut self, file: Vec<u8>) -> Result<Seen, Unread> {
        // What need not be sent is not sent.
        if file.is_empty() {
            return Err(ScanError::Empty.into());
        }
        if file.len() > self.limits.file_bytes {
            return Err(ScanError::TooLarge { bytes: file.len(), limit: self.limits.file_bytes }.into());
        }
        // Somebody waits for this picture, and for no other: a pause is better than no answer.
        if let Some(pause) = self.may_start() {
            std::thread::sleep(pause);
        }
        let about = About::Still { bytes: file.len() };
        self.read(Subject::Still(file), about, self.still)
    }

    /// Reads one frame of a camera, in grey levels.
    ///
    /// # Errors
    ///
    /// The frame is empty or too large, or the child could not read it: see [`Trouble`]. The next frame is read by another.
    pub fn live(&mut self, frame: GrayImage) -> Result<Seen, Unread> {
        let (width, height) = frame.dimensions();
        self.limits.admit(width, height)?;
        // The next frame comes in a moment: better none than one that is old.
        if self.may_start().is_some() {
            return Err(Trouble::Resting.into());
        }
        self.read(Subject::Live(frame), About::Live { width, height }, self.live)
    }

    fn read(&mut self, subject: Subject, about: About, patience: Patience) -> Result<Seen, Unread> {
        // One that is gone between two pictures was killed from outside. That is no fault of this one.
        let lives = self.running.as_mut().is_some_and(Running::lives);
        let mut running = match self.running.take().filter(|_| lives) {
            Some(running) => running,
            None => self.start()?,
        };
        self.asked += 1;
        let request = Request { number: self.asked, budget: patience.budget, subject };
        let asked = Asked { number: self.asked, limits: &self.limits, about };
        // On every other way out the child is dropped, which kills it.
        let answer = running.ask(request, patience).map_err(Trouble::from)?;
        let answer = parse_answer(&answer, asked).map_err(|message::Nonsense| Trouble::Nonsense)?;
        self.running = Some(running);
        Ok(answer?)
    }

    fn start(&mut self) -> Result<Running, Trouble> {
        self.starts.push_back(Instant::now());
        if self.starts.len() > STARTS_MAX {
            self.starts.pop_front();
        }
        Running::start(&self.program)
    }

    /// How long no child may be started, if one is needed and too many were needed already.
    fn may_start(&mut self) -> Option<Duration> {
        if self.running.is_some() || self.starts.len() < STARTS_MAX {
            return None;
        }
        let oldest = self.starts.front()?.elapsed();
        STARTS_IN.checked_sub(oldest).filter(|pause| !pause.is_zero())
    }
}

/// So many starts within [`STARTS_IN`]: pictures that kill the worker must not make this computer do nothing but start
/// processes.
const STARTS_MAX: usize = 20;
const STARTS_IN: Duration = Duration::from_secs(10);

/// How long a picture may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patience {
    /// Processor time that the search is told to keep to.
    budget: Duration,
    /// Processor time after which the child is killed: twice the budget, and time to decode the file, of which 50 megapixels
    /// take up to 1.3 s on a computer of the year 2020.
    processor: Duration,
    /// Time on the clock after which it is killed however little it has used, asleep or on a machine that is too busy.
    clock: Duration,
}

impl Patience {
    const STILL: Patience = Patience {
        budget: Duration::from_millis(400),
        processor: Duration::from_millis(2 * 400 + 2_200),
        clock: Duration::from_secs(10),
    };
    const LIVE: Patience = Patience {
        budget: Duration::from_millis(33),
        processor: Duration::from_millis(2 * 33 + 134),
        clock: Duration::from_secs(1),
    };
}

/// What to start: a program that calls [`serve`] with its standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// Any program.
    pub fn new(path: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Program {
        Program { path: path.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// The program that is running, with one argument.
    ///
    /// # Errors
    ///
    /// The operating system does not say where the program is.
    pub fn this(argument: &str) -> io::Result<Program> {
        // By this name Linux finds the running program even when another version lies at its path by now.
        let itself = Path::new("/proc/self/exe");
        let path = if cfg!(target_os = "linux") && itself.exists() { itself.into() } else { std::env::current_exe()? };
        Ok(Program::new(path, [argument]))
    }
}

/// Why a picture was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no picture that is read.
    Picture(ScanError),
    /// The process that reads pictures failed on it.
    Worker(Trouble),
}

impl From<ScanError> for Unread {
    fn from(error: ScanError) -> Unread {
        Unread::Picture(error)
    }
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Unread {
        Unread::Worker(trouble)
    }
}

/// What happened to the process that reads pictures. `Display` is the English sentence; [`Trouble::words`] has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// It could not be started, or did not become ready.
    Missing(io::ErrorKind),
    /// It took too long, and was stopped.
    Late,
    /// It ended by itself: out of memory, or a defect of a decoder.
    Died,
    /// It answered what no honest one can.
    Nonsense,
    /// It was started too often in the last seconds; frames of a camera are passed over until it has rested.
    Resting,
}

impl Trouble {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Trouble::Missing(_) => "SCAN_WORKER_MISSING",
            Trouble::Late => "SCAN_WORKER_LATE",
            Trouble::Died => "SCAN_WORKER_DIED",
            Trouble::Nonsense => "SCAN_WORKER_NONSENSE",
            Trouble::Resting => "SCAN_WORKER_RESTING",
        }
    }

    /// What happened, and after a colon what to do.
    pub fn words(self) -> Words {
        match self {
            Trouble::Missing(_) => Words {
                zh: "无法启动读图进程：请释放内存，并检查本程序是否被允许再次启动自身",
                en: "the process that reads pictures cannot be started: free memory, and check that this program may start itself again",
            },
            Trouble::Late => Words {
                zh: "读取图片耗时过长，已中止：请重新拍摄，画面中只保留二维码",
                en: "reading the picture took too long and was stopped: take it again, with the code alone in view",
            },
            Trouble::Died => Words {
                zh: "读图进程在处理该图片时中断：请降低分辨率后重新拍摄",
                en: "the process that reads pictures broke off at this one: take it again, at a lower resolution",
            },
            Trouble::Nonsense => Words {
                zh: "读图进程给出了不可能的结果，已中止：请保留该图片交给技术人员，并另拍一张",
                en: "the process that reads pictures gave an impossible answer and was stopped: keep the picture for the engineer, \
                     and take another",
            },
            Trouble::Resting => Words {
                zh: "读图进程反复中断，暂停数秒：请移开摄像头前的物品",
                en: "the process that reads pictures was lost too often and rests for some seconds: take away what is before the camera",
            },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words().en;
        match self {
            Trouble::Missing(why) => write!(f, "{words} ({why})"),
            _ => f.write_str(words),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Trouble {
        match lost {
            Lost::Late => Trouble::Late,
            Lost::Ended => Trouble::Died,
            Lost::Nonsense => Trouble::Nonsense,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Says that it is ready.
    const READY: &str = r"printf 'JUMASCN\001';";

    /// Answers a request: nothing seen in a picture of 1 x 1.
    fn nothing_seen(number: u64) -> String {
        let seen = Seen { width: 1, height: 1, ..Seen::default() };
        let bytes = message::answer_to_bytes(number, &Ok(seen));
        let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        format!("printf '{octal}';")
    }

    #[test]
    fn a_child_is_started_once_and_answers() {
        let mut worker = playing(&format!("{READY} {} exec sleep 60", nothing_seen(1)));
        assert!(worker.running.is_none(), "nothing runs before the first picture");
        worker.warm_up();
        assert_eq!(worker.starts.len(), 1);
        let seen = worker.still(vec![1]).unwrap();
        assert_eq!((seen.width, seen.height, seen.codes.len()), (1, 1, 0));
        assert_eq!(worker.starts.len(), 1);
        // The second answer never comes.
        assert_eq!(worker.still(vec![1]), late());
        assert!(worker.running.is_none());
    }

    #[test]
    fn one_that_is_late_is_killed() {
        // Busy; asleep; and never reading a picture that no pipe holds.
        for rest in ["while :; do :; done", "exec sleep 60", "exec sleep 60 <&-"] {
            let mut worker = playing(&format!("{READY} {rest}"));
            worker.warm_up();
            let process = worker.running.as_ref().unwrap().id();
            assert_eq!(worker.still(vec![0; 5_000_000]), late(), "{rest}");
            assert!(!Path::new(&format!("/proc/{process}/stat")).exists(), "{rest}: it lives on");
        }
    }

    /// What a child leaves behind holds its pipes open: they are not waited for.
    #[test]
    fn a_grandchild_holds_nobody_up() {
        let mut worker = playing(&format!("{READY} sleep 3 & wait"));
        let began = Instant::now();
        assert_eq!(worker.still(vec![1]), late());
        drop(worker);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }

    #[test]
    fn on_linux_the_processor_counts_and_not_the_clock() {
        // It sleeps for longer than it may compute, and then answers.
        let mut worker = playing(&format!("{READY} sleep 0.4; {} exec sleep 60", nothing_seen(1)));
        worker.still.processor = Duration::from_millis(200);
        worker.still.clock = Duration::from_secs(20);
        assert_eq!(worker.still(vec![1]).is_ok(), cfg!(target_os = "linux"));
    }

    #[test]
    fn one_that_dies_is_replaced() {
        let died = Err(Unread::Worker(Trouble::Died));
        for last_words in ["", r"printf '\000\000'", r"printf '\000\000\000\005ab'", "kill -9 $$"] {
            let mut worker = playing(&format!("{READY} head -c 1 >/dev/null; {last_words}"));
            assert_eq!(worker.still(vec![1]), died, "{last_words}");
            assert_eq!(worker.still(vec![1]), died, "{last_words}");
            assert_eq!(worker.starts.len(), 2);
        }
    }

    /// A child that was killed from outside while nobody asked it anything: the picture is not to blame.
    #[test]
    fn one_that_died_between_pictures_is_no_trouble() {
        let mut worker = playing(&format!("{READY} {} exit 0", nothing_seen(1)));
        worker.warm_up();
        while worker.running.as_mut().unwrap().lives() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(worker.still(vec![1]).is_ok());
        assert_eq!(worker.starts.len(), 2);
    }

    #[test]
    fn nonsense_is_not_believed() {
        let nonsense = Err(Unread::Worker(Trouble::Nonsense));
        for answer in [
            r"printf '\377\377\377\377';",                                     // four gigabytes
            r"printf '\000\020\000\001';",                                     // a byte more than there may be
            r"printf '\000\000\000\000';",                                     // nothing at all
            r"printf '\000\000\000\011\000\000\000\000\000\000\000\001\002';", // neither seen nor an error
            &nothing_seen(2),                                                  // to another request
        ] {
            let mut worker = playing(&format!("{READY} {answer} exec sleep 60"));
            assert_eq!(worker.still(vec![1]), nonsense, "{answer}");
            assert!(worker.running.is_none(), "{answer}");
        }
    }

    #[test]
    fn one_that_cannot_be_started_is_said_to_be_missing() {
        let missing = |kind| Err(Unread::Worker(Trouble::Missing(kind)));
        let mut nowhere = Worker::new(Program::new("/nowhere/verifier", ["scan-worker"]));
        nowhere.warm_up();
        assert_eq!(nowhere.still(vec![1]), missing(io::ErrorKind::NotFound));
        assert_eq!(playing("exit 0").still(vec![1]), missing(io::ErrorKind::UnexpectedEof));
        assert_eq!(playing("echo hello world").still(vec![1]), missing(io::ErrorKind::InvalidData));
        assert_eq!(playing(r"printf 'JUMASCN\002'").still(vec![1]), missing(io::ErrorKind::InvalidData));
        for trouble in [
            Trouble::Missing(io::ErrorKind::NotFound),
            Trouble::Late,
            Trouble::Died,
            Trouble::Nonsense,
            Trouble::Resting,
        ] {
            assert!(trouble.code().starts_with("SCAN_WORKER_") && trouble.to_string().starts_with(trouble.words().en));
            // Each says what to do.
            assert!(trouble.words().en.contains(": ") && trouble.words().zh.contains('：'), "{trouble}");
        }
    }

    #[test]
    fn too_many_starts_are_followed_by_a_rest() {
        let mut worker = playing("exit 0");
        for _ in 0..STARTS_MAX {
            assert!(matches!(worker.live(GrayImage::new(1, 1)), Err(Unread::Worker(Trouble::Missing(_)))));
        }
        assert_eq!(worker.live(GrayImage::new(1, 1)), Err(Unread::Worker(Trouble::Resting)));
        let pause = worker.may_start().unwrap();
        assert!(pause > Duration::from_secs(1) && pause <= STARTS_IN, "{pause:?}");
        // What was long ago does not count.
        worker.starts.iter_mut().for_each(|start| *start -= STARTS_IN);
        assert_eq!(worker.may_start(), None);
        // Nor does anything while a child runs.
        let mut well = playing(&format!("{READY} exec sleep 60"));
        well.starts = std::iter::repeat_n(Instant::now(), STARTS_MAX - 1).collect();
        well.warm_up();
        assert_eq!((well.starts.len(), well.may_start()), (STARTS_MAX, None));
    }

    #[test]
    fn what_need_not_be_sent_is_not_sent() {
        let mut worker = playing("exit 0");
        let limit = worker.limits.file_bytes;
        assert_eq!(worker.still(vec![]), Err(ScanError::Empty.into()));
        assert_eq!(worker.still(vec![0; limit + 1]), Err(ScanError::TooLarge { bytes: limit + 1, limit }.into()));
        assert!(matches!(worker.live(GrayImage::new(0, 5)), Err(Unread::Picture(ScanError::Dimensions { .. }))));
        assert!(worker.starts.is_empty());
    }

    #[test]
    fn a_child_has_no_environment_and_no_group_of_ours() {
        let says =
            |question: &str| playing(&format!("{question} || exit 1; {READY} exec sleep 60")).still(vec![1]) == late();
        assert!(says("true"));
        assert!(!says("false"));
        assert!(says("test -z \"$HOME$USER$CARGO$CARGO_MANIFEST_DIR\""), "its environment is ours");
        assert!(says("test \"$(pwd -P)\" = /"));
        assert!(says("test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$"), "it is in our group");
    }

    /// A shell in the place of the worker, and little patience with it.
    fn playing(script: &str) -> Worker {
        let mut worker = Worker::new(Program::new("/bin/sh", ["-c", script]));
        worker.still.processor = Duration::from_millis(200);
        worker.still.clock = Duration::from_millis(500);
        worker
    }

    fn late() -> Result<Seen, Unread> {
        Err(Unread::Worker(Trouble::Late))
    }
}
