//! Reading codes from camera frames: every decoder on the same frames in the same run.
//!
//! Each decoder sits in a process of its own, which is this program with another argument. It gets grey levels and answers with texts
//! and with the processor time of its thread, so that decoding the file and drawing the frame do not count, and other work on the
//! machine counts little. One that takes longer than [`PATIENCE`] or dies is started anew, and the frame is lost to it.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use camera::{
    FRAME_TIME, Kind, NEGATIVES, Resolution, SEQUENCE_FRAMES, SEQUENCES, STILLS, SequenceFrame, Split, Still, negative,
    sequence, still,
};
use image::GrayImage;
use rxing::common::{DetectorRXingResult as _, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{FilteredImageReader, RXingResult};
use serde::{Deserialize, Serialize};

/// How long one frame may take before the decoder is stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// What ours may take for a still.
const STILL_BUDGET: Duration = Duration::from_millis(400);
/// What ours may take for a frame while others come.
const LIVE_BUDGET: Duration = Duration::from_millis(33);
/// The argument by which this program becomes one decoder.
const DECODER_PROCESS: &str = "--decoder-process";

const USAGE: &str = "cargo bench -p bench --bench scan [--features zxing-cpp[,ours-with-zxing-cpp]] -- [OPTION]...
--split develop|held-back   which half of the corpus; held-back if not given
--part stills|negatives|sequences   may be repeated; all if not given
--every N                   each Nth frame or sequence only
--kind NAME                 those of one kind only
--decoder NAME              may be repeated; all if not given";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [option, name] = &arguments[..]
        && option == DECODER_PROCESS
    {
        return decoder_process(name);
    }
    match Options::parse(&arguments) {
        Ok(options) => run(&options),
        Err(fault) => {
            eprintln!("{fault}\n{USAGE}");
            std::process::exit(2);
        }
    }
}

struct Options {
    split: Split,
    parts: Vec<String>,
    every: usize,
    decoders: Vec<String>,
    kind: Option<String>,
}

const PARTS: [&str; 3] = ["stills", "negatives", "sequences"];

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options =
            Options { split: Split::HeldBack, parts: Vec::new(), every: 1, decoders: Vec::new(), kind: None };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            let one_of = |known: &[&str]| {
                known
                    .contains(&value.as_str())
                    .then(|| value.clone())
                    .ok_or(format!("{option} is one of {}", known.join(", ")))
            };
            match option.as_str() {
                "--split" => options.split = Split::from_name(value).ok_or(format!("there is no half {value}"))?,
                "--part" => options.parts.push(one_of(&PARTS)?),
                "--every" => {
                    options.every = value.parse().ok().filter(|n| *n > 0).ok_or("--every needs a number from 1")?;
                }
                "--decoder" => options.decoders.push(one_of(&DECODERS)?),
                "--kind" => options.kind = Some(value.clone()),
                _ => return Err(format!("{option} is no option")),
            }
        }
        if options.decoders.is_empty() {
            options.decoders = DECODERS.map(str::to_owned).to_vec();
        }
        if options.parts.is_empty() {
            options.parts = PARTS.map(str::to_owned).to_vec();
        }
        Ok(options)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part)
    }
}

fn run(options: &Options) {
    let begun = Instant::now();
    let mut rivals: Vec<Rival> = options.decoders.iter().map(|name| Rival::start(name)).collect();
    if options.has("stills") {
        let board = Board::of(options, STILLS, still, &mut rivals);
        board.print(&format!("Stills, {}", options.split.name()), &options.decoders);
    }
    if options.has("negatives") {
        let board = Board::of(options, NEGATIVES, negative, &mut rivals);
        board.print(&format!("Frames that are no permit by itself, {}", options.split.name()), &options.decoders);
    }
    if options.has("sequences") {
        watch_sequences(options, &mut rivals).print(options);
    }
    eprintln!("{:.0} s", begun.elapsed().as_secs_f64());
}

/// Draws on another thread, a few frames ahead.
fn drawn_ahead<T: Send + 'static>(frames: impl Iterator<Item = T> + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::sync_channel(3);
    std::thread::spawn(move || {
        for frame in frames {
            if sender.send(frame).is_err() {
                return;
            }
        }
    });
    receiver
}

// --- the board ---

#[derive(Default)]
struct Board {
    rows: Vec<Row>,
}

/// One frame, and what each decoder made of it.
struct Row {
    name: String,
    kind: Kind,
    degree: usize,
    resolution: Resolution,
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug)]
struct Outcome {
    read: bool,
    misread: bool,
    failed: bool,
    cpu: Duration,
}

impl Board {
    fn of(options: &Options, count: usize, draw: fn(Split, usize) -> Still, rivals: &mut [Rival]) -> Board {
        let (split, kind) = (options.split, options.kind.clone());
        let wanted: Vec<usize> = (0..count).step_by(options.every).collect();
        let stills = wanted
            .into_iter()
            .map(move |index| draw(split, index))
            .filter(move |still| kind.as_ref().is_none_or(|kind| kind == still.kind.name()));
        let mut board = Board::default();
        for still in drawn_ahead(stills) {
            let answers = rivals.iter_mut().map(|rival| rival.read(&still.frame, Course::Still)).collect();
            board.add(&still, answers);
            eprint!("\r{} frames ", board.rows.len());
        }
        eprintln!();
        board
    }

    fn add(&mut self, still: &Still, answers: Vec<Option<Answer>>) {
        let outcomes = answers.into_iter().map(|answer| Outcome::of(answer, &still.text)).collect();
        self.rows.push(Row {
            name: still.name.clone(),
            kind: still.kind,
            degree: still.degree.number(),
            resolution: still.resolution,
            outcomes,
        });
    }

    fn print(&self, title: &str, decoders: &[String]) {
        println!("\n## {title}: {} frames\n", self.rows.len());
        println!("| kind, degree | frames | {} | any |", decoders.join(" | "));
        println!("|---|---|{}---|", "---|".repeat(decoders.len()));
        let mut groups: BTreeMap<(Kind, usize), Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            groups.entry((row.kind, row.degree)).or_default().push(row);
            groups.entry((row.kind, 9)).or_default().push(row);
        }
        for ((kind, degree), rows) in &groups {
            let label = if *degree == 9 { format!("**{}**", kind.name()) } else { format!("{} {degree}", kind.name()) };
            println!("| {label} | {} | {} |", rows.len(), counts(rows, decoders.len()));
        }
        let all: Vec<&Row> = self.rows.iter().collect();
        println!("| **all** | {} | {} |", all.len(), counts(&all, decoders.len()));

        let readable = all.iter().filter(|row| row.outcomes.iter().any(|outcome| outcome.read)).count();
        println!(
            "\n| decoder | read | of all | of readable | misread | failed | 720p median / p95 / max ms | 1080p median / p95 / max ms |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for (place, name) in decoders.iter().enumerate() {
            let outcomes = || self.rows.iter().map(|row| &row.outcomes[place]);
            let count = |of: fn(&Outcome) -> bool| outcomes().filter(|outcome| of(outcome)).count();
            let read = count(|outcome| outcome.read);
            let times = |resolution| {
                let mut times: Vec<Duration> = self
                    .rows
                    .iter()
                    .filter(|row| row.resolution == resolution)
                    .map(|row| row.outcomes[place].cpu)
                    .collect();
                times.sort();
                format!("{:.1} / {:.1} / {:.1}", at(&times, 0.5), at(&times, 0.95), at(&times, 1.0))
            };
            println!(
                "| {name} | {read} | {:.1} % | {:.1} % | {} | {} | {} | {} |",
                share(read, all.len()),
                share(read, readable),
                count(|outcome| outcome.misread),
                count(|outcome| outcome.failed),
                times(Resolution::Hd720),
                times(Resolution::Hd1080)
            );
        }
        if let Some(ours) = decoders.iter().position(|name| name == "ours") {
            let missed =
                all.iter().filter(|row| !row.outcomes[ours].read && row.outcomes.iter().any(|outcome| outcome.read));
            let names: Vec<&str> = missed.map(|row| row.name.as_str()).collect();
            println!(
                "\nread by another and not by ours: {}",
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            );
        }
        for (row, place) in all.iter().flat_map(|row| (0..decoders.len()).map(move |place| (row, place))) {
            if row.outcomes[place].misread || row.outcomes[place].failed {
                println!("{}: {} {:?}", row.name, decoders[place], row.outcomes[place]);
            }
        }
    }
}

fn counts(rows: &[&Row], decoders: usize) -> String {
    let mut cells: Vec<String> =
        (0..decoders).map(|place| rows.iter().filter(|row| row.outcomes[place].read).count().to_string()).collect();
    cells.push(rows.iter().filter(|row| row.outcomes.iter().any(|outcome| outcome.read)).count().to_string());
    cells.join(" | ")
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

impl Outcome {
    /// `expected` is what the codes in the frame say. Each must be read, and nothing else.
    fn of(answer: Option<Answer>, expected: &[String]) -> Outcome {
        let Some(answer) = answer else {
            return Outcome { read: false, misread: false, failed: true, cpu: PATIENCE };
        };
        Outcome {
            read: expected.iter().all(|text| answer.texts.contains(text)),
            misread: answer.texts.iter().any(|text| !expected.contains(text)),
            failed: answer.panicked,
            cpu: Duration::from_nanos(answer.cpu_ns),
        }
    }
}

// --- sequences ---

/// What each decoder made of the sequences.
struct Watched {
    rows: Vec<Viewing>,
}

/// One sequence, and each decoder before it.
struct Viewing {
    name: String,
    trouble: Kind,
    first_whole: usize,
    /// All that has been shown so far.
    texts: Vec<String>,
    seats: Vec<Seat>,
}

/// A decoder before a sequence: it takes the newest frame whenever it is done with the one before, as a counter does.
#[derive(Clone, Default)]
struct Seat {
    free_at: Duration,
    asked: usize,
    read_at: Option<Duration>,
    misread: bool,
    failed: bool,
}

fn watch_sequences(options: &Options, rivals: &mut [Rival]) -> Watched {
    let (split, kind) = (options.split, options.kind.clone());
    let wanted: Vec<usize> = (0..SEQUENCES).step_by(options.every).collect();
    let frames = wanted
        .into_iter()
        .map(move |index| sequence(split, index))
        .filter(move |sequence| kind.as_ref().is_none_or(|kind| kind == sequence.trouble.name()))
        .flat_map(|sequence| {
            (0..SEQUENCE_FRAMES).map(move |number| {
                (sequence.name.clone(), sequence.trouble, sequence.first_whole, sequence.frame(number))
            })
        });
    let mut watched = Watched { rows: Vec::new() };
    for (name, trouble, first_whole, frame) in drawn_ahead(frames) {
        if frame.number == 0 {
            let seats = vec![Seat::default(); rivals.len()];
            watched.rows.push(Viewing { name, trouble, first_whole, texts: Vec::new(), seats });
            eprint!("\r{} sequences ", watched.rows.len());
        }
        if let Some(viewing) = watched.rows.last_mut() {
            viewing.show(&frame, rivals);
        }
    }
    eprintln!();
    watched
}

impl Viewing {
    fn show(&mut self, frame: &SequenceFrame, rivals: &mut [Rival]) {
        if !self.texts.contains(&frame.text) {
            self.texts.push(frame.text.clone());
        }
        for (seat, rival) in self.seats.iter_mut().zip(rivals) {
            let begins = seat.free_at.max(frame.at);
            // Done already, or still busy when the next frame is there.
            if seat.read_at.is_some() || begins >= frame.at + FRAME_TIME {
                continue;
            }
            let course = if seat.asked == 0 { Course::First } else { Course::Next };
            let outcome = rival.read(&frame.frame, course);
            let answered = outcome.as_ref().map_or(PATIENCE, |answer| Duration::from_nanos(answer.cpu_ns));
            seat.asked += 1;
            seat.free_at = begins + answered;
            seat.failed |= outcome.as_ref().is_none_or(|answer| answer.panicked);
            for text in outcome.into_iter().flat_map(|answer| answer.texts) {
                if self.texts.contains(&text) {
                    seat.read_at = Some(seat.free_at);
                } else {
                    seat.misread = true;
                }
            }
        }
    }

    /// From the first frame in which the whole code is seen to its text.
    fn took(&self, place: usize) -> Option<Duration> {
        Some(self.seats[place].read_at?.saturating_sub(FRAME_TIME * self.first_whole as u32))
    }
}

impl Watched {
    fn print(&self, options: &Options) {
        let decoders = &options.decoders;
        println!("\n## Sequences of two seconds, {}: {}\n", options.split.name(), self.rows.len());
        println!(
            "Read, and median / p95 milliseconds from the first frame with the whole code to its text, of those that were read.\n"
        );
        println!("| trouble | sequences | {} |", decoders.join(" | "));
        println!("|---|---|{}", "---|".repeat(decoders.len()));
        let mut troubles: BTreeMap<Option<Kind>, Vec<&Viewing>> = BTreeMap::new();
        for row in &self.rows {
            troubles.entry(Some(row.trouble)).or_default().push(row);
        }
        for (trouble, rows) in troubles.into_iter().chain([(None, self.rows.iter().collect())]) {
            let cells: Vec<String> = (0..decoders.len()).map(|place| cell(&rows, place)).collect();
            println!("| {} | {} | {} |", trouble.map_or("**all**", Kind::name), rows.len(), cells.join(" | "));
        }
        for row in &self.rows {
            for (seat, name) in row.seats.iter().zip(decoders) {
                if seat.misread || seat.failed {
                    println!("\n{}: {name} misread: {}, failed: {}", row.name, seat.misread, seat.failed);
                }
            }
        }
        if let Some(ours) = decoders.iter().position(|name| name == "ours") {
            let missed: Vec<&str> =
                self.rows.iter().filter(|row| row.seats[ours].read_at.is_none()).map(|row| row.name.as_str()).collect();
            println!("\nnot read by ours: {}", if missed.is_empty() { "none".to_owned() } else { missed.join(", ") });
        }
    }
}

fn cell(rows: &[&Viewing], place: usize) -> String {
    let mut times: Vec<Duration> = rows.iter().filter_map(|row| row.took(place)).collect();
    times.sort();
    format!("{} ({:.0} / {:.0})", times.len(), at(&times, 0.5), at(&times, 0.95))
}

/// The milliseconds that this part of the times is below.
fn at(sorted: &[Duration], part: f64) -> f64 {
    let place = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

// --- decoders in processes of their own ---

/// How a frame is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// By itself.
    Still,
    /// The first of a sequence: what was seen before has nothing to do with it.
    First,
    /// The next frame of the sequence.
    Next,
}

impl Course {
    fn from_byte(byte: u8) -> Option<Course> {
        [Course::Still, Course::First, Course::Next].into_iter().find(|course| *course as u8 == byte)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    cpu_ns: u64,
    panicked: bool,
    texts: Vec<String>,
}

/// A decoder's process, from outside.
struct Rival {
    name: String,
    child: Child,
    to: ChildStdin,
    from: Receiver<Answer>,
}

impl Rival {
    fn start(name: &str) -> Rival {
        let program = std::env::current_exe().expect("this program has a place");
        let mut child = Command::new(program)
            .args([DECODER_PROCESS, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program can be started again");
        let to = child.stdin.take().expect("piped");
        let out = child.stdout.take().expect("piped");
        let (sender, from) = mpsc::channel();
        std::thread::spawn(move || {
            for answer in serde_json::Deserializer::from_reader(out).into_iter() {
                if answer.is_ok_and(|answer| sender.send(answer).is_ok()) {
                    continue;
                }
                return;
            }
        });
        Rival { name: name.to_owned(), child, to, from }
    }

    /// `None` if the process died, or had to be stopped.
    fn read(&mut self, frame: &GrayImage, course: Course) -> Option<Answer> {
        let answer = self.ask(frame, course);
        if answer.is_none() {
            // It may be dead already; a new one takes its place in any case.
            let _ = self.child.kill();
            let _ = self.child.wait();
            let name = std::mem::take(&mut self.name);
            *self = Rival::start(&name);
        }
        answer
    }

    fn ask(&mut self, frame: &GrayImage, course: Course) -> Option<Answer> {
        let mut head = vec![course as u8];
        head.extend(frame.width().to_le_bytes());
        head.extend(frame.height().to_le_bytes());
        self.to
            .write_all(&head)
            .and_then(|()| self.to.write_all(frame.as_raw()))
            .and_then(|()| self.to.flush())
            .ok()?;
        // Late, or gone.
        self.from.recv_timeout(PATIENCE).ok()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of one decoder: frames come in, answers go out, until there are no more.
fn decoder_process(name: &str) {
    std::panic::set_hook(Box::new(|_| {}));
    let mut decoder = decoder(name);
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    while let Some((course, frame)) = next_frame(&mut from) {
        let begun = thread_time();
        let texts = catch_unwind(AssertUnwindSafe(|| decoder(&frame, course)));
        let cpu = thread_time().saturating_sub(begun);
        let answer =
            Answer { cpu_ns: cpu.as_nanos() as u64, panicked: texts.is_err(), texts: texts.unwrap_or_default() };
        let line = serde_json::to_string(&answer).expect("plain values");
        if writeln!(to, "{line}").and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

fn next_frame(from: &mut impl Read) -> Option<(Course, GrayImage)> {
    let mut head = [0; 9];
    from.read_exact(&mut head).ok()?;
    let [course, w0, w1, w2, w3, h0, h1, h2, h3] = head;
    let (width, height) = (u32::from_le_bytes([w0, w1, w2, w3]), u32::from_le_bytes([h0, h1, h2, h3]));
    let mut grey = vec![0; width as usize * height as usize];
    from.read_exact(&mut grey).ok()?;
    Some((Course::from_byte(course)?, GrayImage::from_raw(width, height, grey)?))
}

/// Processor time of this thread.
#[cfg(unix)]
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Where there is no such clock, the wall's.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}

#[cfg(feature = "zxing-cpp")]
const DECODERS: [&str; 6] = ["rqrr", "quircs", "rxing", "rxing-filtered", "zxing-cpp", "ours"];
#[cfg(not(feature = "zxing-cpp"))]
const DECODERS: [&str; 5] = ["rqrr", "quircs", "rxing", "rxing-filtered", "ours"];

type Decoder = Box<dyn FnMut(&GrayImage, Course) -> Vec<String>>;

fn decoder(name: &str) -> Decoder {
    match name {
        "rqrr" => Box::new(|frame, _| {
            let mut prepared = rqrr::PreparedImage::prepare(frame.clone());
            prepared.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
        }),
        "quircs" => {
            let mut quirc = quircs::Quirc::default();
            Box::new(move |frame, _| {
                let (width, height) = (frame.width() as usize, frame.height() as usize);
                let codes: Vec<_> = quirc.identify(width, height, frame.as_raw()).flatten().collect();
                let read = codes.iter().filter_map(|code| code.decode().ok());
                read.map(|data| String::from_utf8_lossy(&data.payload).into_owned()).collect()
            })
        }
        "rxing" => Box::new(|frame, _| rxing_read(frame, RxingBytes)),
        "rxing-filtered" => Box::new(|frame, _| rxing_read(frame, FilteredImageReader::new(RxingBytes))),
        #[cfg(feature = "zxing-cpp")]
        "zxing-cpp" => {
            let reader = zxingcpp::BarcodeReader::new()
                .formats(zxingcpp::BarcodeFormat::QRCode)
                .try_harder(true)
                .try_rotate(true)
                .try_invert(true)
                .try_downscale(true);
            Box::new(move |frame, _| {
                let view = zxingcpp::ImageView::from_slice(
                    frame.as_raw(),
                    frame.width(),
                    frame.height(),
                    zxingcpp::ImageFormat::Lum,
                );
                let read = view.and_then(|view| reader.from(view)).unwrap_or_default();
                read.iter().map(|code| String::from_utf8_lossy(&code.bytes()).into_owned()).collect()
            })
        }
        "ours" => {
            let mut reader = verifier::scan::Reader::default();
            Box::new(move |frame, course| {
                if course == Course::First {
                    reader = verifier::scan::Reader::default();
                }
                let seen = match course {
                    Course::Still => reader.frame(frame, STILL_BUDGET, &mut thread_time),
                    Course::First | Course::Next => reader.live(frame, LIVE_BUDGET, &mut thread_time),
                };
                seen.codes.iter().map(|code| String::from_utf8_lossy(&code.bytes).into_owned()).collect()
            })
        }
        other => panic!("there is no decoder {other}"),
    }
}

/// What `rxing` does for one QR code when it tries harder, but that texts are taken as the bytes they are made of.
///
/// Its own reader makes strings of them, for which it wants tables of character sets that the verifier is built without. It asks an older
/// reader besides, where this one finds nothing.
struct RxingBytes;

impl rxing::Reader for RxingBytes {
    fn decode<B: rxing::Binarizer>(
        &mut self,
        image: &mut rxing::BinaryBitmap<B>,
    ) -> rxing::common::Result<RXingResult> {
        self.decode_with_hints(image, &rxing::DecodeHints::default())
    }

    fn decode_with_hints<B: rxing::Binarizer>(
        &mut self,
        image: &mut rxing::BinaryBitmap<B>,
        _: &rxing::DecodeHints,
    ) -> rxing::common::Result<RXingResult> {
        let dark = image.get_black_matrix();
        let mut patterns = FindFinderPatterns(dark, true, 0);
        for three in GenerateFinderPatternSets(&mut patterns) {
            let Ok(symbol) = SampleQR(dark, &three) else { continue };
            if let Ok(read) = Decode(symbol.getBits())
                && read.isValid()
            {
                let text = String::from_utf8_lossy(read.content().bytes()).into_owned();
                return Ok(RXingResult::new(&text, Vec::new(), Vec::new(), rxing::BarcodeFormat::QR_CODE));
            }
        }
        Err(rxing::Exceptions::NOT_FOUND)
    }
}

fn rxing_read(frame: &GrayImage, mut reader: impl rxing::Reader) -> Vec<String> {
    let (width, height) = frame.dimensions();
    let Ok(source) = rxing::Luma8Source::new_with_slice(frame.as_raw(), width, height) else { return Vec::new() };
    let mut picture = rxing::BinaryBitmap::new(HybridBinarizer::new(source));
    reader.decode(&mut picture).iter().map(|result| result.getText().to_owned()).collect()
}
