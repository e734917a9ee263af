//! Pictures that were made to do harm: each is answered, with the right code, by a program that stays small and goes on.
//!
//! No test here measures time: that a picture is given up in time is the program's own doing, and says so (`SCAN_WORKER_LATE`).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use image::{GrayImage, ImageFormat, Luma, imageops};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::commands::{Ran, command};
use tests::pictures::{Dice, cmyk_jpeg, code, exif, jpeg, jpeg_with_exif, png, riff, saved, webp};

/// What a sticker on the counter says: easy to tell from a picture in which nothing was read.
const STICKER: &str = "https://juma.example/sticker";

/// What the program says of a picture: the code of its refusal, or the reason of the verdict, `NO_CODE` or `NOT_A_PERMIT_CODE`.
const READ: &str = "NOT_A_PERMIT_CODE";
const NONE: &str = "NO_CODE";

/// One hostile picture after another through one program, with a good one after each.
#[test]
fn hostile_pictures_are_answered_and_the_next_is_read() {
    let bench = Bench::new();
    let good = bench.keep("good.png", &saved(code(STICKER, 6), ImageFormat::Png));
    let mut batch = Batch::start(&bench);
    for (name, bytes, expected) in hostile() {
        let path = bench.keep(name, &bytes);
        let said = batch.ask(&path);
        assert!(expected.contains(&said.as_str()), "{name}: {said}, not {expected:?}");
        assert_eq!(batch.ask(&good), READ, "the picture after {name}");
        assert_eq!(fs::read(&path).expect("still there"), bytes, "{name} was changed");
    }
    let peak = batch.peak_kilobytes();
    assert!(peak.is_none_or(|peak| peak < 200_000), "the program took {peak:?} kB at its largest");
    batch.end();
}

/// The name says what it is; each of the codes is right. Late is a right answer only where there is much to search.
fn hostile() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    const LATE: &str = "SCAN_WORKER_LATE";
    let still = code(STICKER, 6);
    let (width, height) = still.dimensions();
    let good_png = saved(still.clone(), ImageFormat::Png);
    let good_jpeg = saved(still.clone(), ImageFormat::Jpeg);
    let good_webp = webp(&still);
    let (head, body) = good_png.split_at(33); // signature and header chunk
    let with_chunk = |chunk: Vec<u8>| [head, &chunk, body].concat();
    let patched = |file: &[u8], at: usize, bytes: &[u8]| {
        let mut file = file.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let frame = good_jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a baseline JPEG");
    let mut dice = Dice::new(11);
    let mut noise =
        |width, height| GrayImage::from_fn(width, height, |_, _| Luma([if dice.byte() < 128 { 0 } else { 255 }]));
    let (noise, more_noise) = (noise(1_600, 1_200), noise(4_000, 3_000));
    let mut dice = Dice::new(12);
    let random: Vec<u8> = (0..100_000).map(|_| dice.byte()).collect();

    vec![
        // Too large by their headers.
        ("bomb-in-colour.png", png::black(13_300, 13_300, 8, 2), vec!["IMAGE_DIMENSIONS"]),
        ("bomb-of-64-megapixels.png", png::black(8_000, 8_000, 8, 2), vec!["IMAGE_PIXELS"]),
        ("fifty-thousand.png", png::file(&[png::header(50_000, 50_000, 8, 2, false)]), vec!["IMAGE_DIMENSIONS"]),
        ("four-billion.png", png::file(&[png::header(u32::MAX, u32::MAX, 16, 6, true)]), vec!["IMAGE_DIMENSIONS"]),
        ("no-width.png", png::file(&[png::header(0, 10, 8, 2, false)]), vec!["IMAGE_DIMENSIONS"]),
        ("sixty-five-thousand.jpg", patched(&good_jpeg, frame + 5, &[0xff; 4]), vec!["IMAGE_DIMENSIONS"]),
        ("eight-thousand.jpg", patched(&good_jpeg, frame + 5, &[0x1f, 0x40, 0x1f, 0x40]), vec!["IMAGE_PIXELS"]),
        ("sixteen-thousand.webp", riff::file(&[riff::plain(16_383, 16_383)]), vec!["IMAGE_DIMENSIONS"]),
        // As large as may be, and nothing in them.
        ("bomb-of-49-megapixels.png", png::black(7_000, 7_000, 8, 2), vec![NONE, LATE]),
        ("bomb-of-392-megabytes.png", png::black(7_000, 7_000, 16, 6), vec![NONE, LATE]),
        ("bomb-of-50-bytes.webp", riff::file(&[riff::plain(12_000, 4_166)]), vec![NONE, LATE]),
        ("scans.jpg", jpeg::many_scans(7_000, 7_000, 90), vec![NONE, LATE]),
        ("too-many-scans.jpg", jpeg::many_scans(7_000, 7_000, 20_000), vec!["IMAGE_DAMAGED", LATE]),
        // Cut short, and lying.
        ("cut.png", good_png[..good_png.len() / 2].to_vec(), vec!["IMAGE_DAMAGED"]),
        ("cut.jpg", good_jpeg[..good_jpeg.len() / 3].to_vec(), vec!["IMAGE_DAMAGED"]),
        ("cut.webp", good_webp[..good_webp.len() / 2].to_vec(), vec!["IMAGE_DAMAGED"]),
        ("signature.png", good_png[..8].to_vec(), vec!["IMAGE_DAMAGED"]),
        (
            "interlaced-garbage.png",
            png::file(&[png::header(7_000, 7_000, 16, 6, true), png::chunk(b"IDAT", &random)]),
            vec!["IMAGE_DAMAGED"],
        ),
        ("chunk-of-two-gigabytes.png", patched(&good_png, 33, &[0x7f, 0xff, 0xff, 0xff]), vec!["IMAGE_DAMAGED"]),
        (
            "taller-than-its-data.png",
            png::file(&[png::header(7_000, 7_000, 8, 0, false), png::chunk(b"IDAT", &png::zeros(7_001 * 6_999))]),
            vec!["IMAGE_DAMAGED"],
        ),
        ("segment-beyond-the-end.jpg", patched(&good_jpeg, 4, &[0xff, 0xff]), vec!["IMAGE_DAMAGED"]),
        ("riff-of-four-gigabytes.webp", patched(&good_webp, 4, &[0xff; 4]), vec![READ, "IMAGE_DAMAGED"]),
        ("chunk-of-four-gigabytes.webp", patched(&good_webp, 16, &[0xff; 4]), vec![READ, "IMAGE_DAMAGED"]),
        // Bombs in what is not the picture.
        (
            "text-of-200-megabytes.png",
            with_chunk(png::chunk(b"zTXt", &[b"Comment\0\0", png::zeros(200_000_000).as_slice()].concat())),
            vec![READ],
        ),
        (
            "profile-of-200-megabytes.png",
            with_chunk(png::chunk(b"iCCP", &[b"icc\0\0", png::zeros(200_000_000).as_slice()].concat())),
            vec![READ],
        ),
        (
            "international-bomb.png",
            with_chunk(png::chunk(b"iTXt", &[b"Comment\0\x01\0\0\0", png::zeros(200_000_000).as_slice()].concat())),
            vec![READ],
        ),
        // What a viewer shows may be another frame.
        ("animated.png", with_chunk(png::chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0])), vec!["IMAGE_ANIMATED"]),
        ("animated.webp", riff::animated(200, 200), vec!["IMAGE_ANIMATED"]),
        // Much to search.
        ("finder-patterns.png", saved(finder_patterns(63, 35, 3), ImageFormat::Png), vec![NONE, LATE]),
        ("small-finder-patterns.png", saved(finder_patterns(300, 200, 1), ImageFormat::Png), vec![NONE, LATE]),
        ("noise.png", saved(noise, ImageFormat::Png), vec![NONE, LATE]),
        ("more-noise.png", saved(more_noise, ImageFormat::Png), vec![NONE, LATE]),
        // Two files in one, and files of another kind.
        ("picture-and-archive.png", [good_png.as_slice(), b"PK\x03\x04", &random].concat(), vec![READ]),
        (
            "picture-and-page.jpg",
            [&good_jpeg[..2], &jpeg::segment(0xfe, b"<html><script>alert(1)</script>"), &good_jpeg[2..]].concat(),
            vec![READ],
        ),
        ("page.png", b"<!DOCTYPE html><img src=x>".to_vec(), vec!["IMAGE_FORMAT"]),
        ("moving.png", [b"GIF89a".as_slice(), &random].concat(), vec!["IMAGE_FORMAT"]),
        ("random.png", [&[0xc0], random.as_slice()].concat(), vec!["IMAGE_FORMAT"]),
        ("random-behind-a-header.png", [&good_png[..33], random.as_slice()].concat(), vec!["IMAGE_DAMAGED"]),
        ("random-behind-a-header.jpg", [&good_jpeg[..frame], random.as_slice()].concat(), vec!["IMAGE_DAMAGED", NONE]),
        (
            "random-behind-a-header.webp",
            riff::file(&[riff::chunk(b"VP8L", &[&[0x2f], random.as_slice()].concat())]),
            vec!["IMAGE_DAMAGED", NONE, "IMAGE_DIMENSIONS", "IMAGE_PIXELS"],
        ),
        ("empty.png", Vec::new(), vec!["IMAGE_EMPTY"]),
        // And what looks hostile, and is honest.
        (
            "sixteen-bits.png",
            saved(image::DynamicImage::ImageLuma8(still.clone()).into_rgba16(), ImageFormat::Png),
            vec![READ],
        ),
        ("four-inks.jpg", cmyk_jpeg(&still), vec![READ]),
        ("lossy.webp", include_bytes!("hostile_pictures/lossy.webp").to_vec(), vec![READ]),
        ("lossless.webp", good_webp, vec![READ]),
        ("one-pixel.png", saved(GrayImage::new(1, 1), ImageFormat::Png), vec![NONE]),
        ("one-row.png", saved(GrayImage::new(12_000, 1), ImageFormat::Png), vec![NONE]),
        (
            "large-code.jpg",
            saved(imageops::resize(&still, width * 20, height * 20, imageops::FilterType::Nearest), ImageFormat::Jpeg),
            vec![READ],
        ),
    ]
}

/// So many by so many, and no code: every three of them could be one.
fn finder_patterns(across: u32, down: u32, px: u32) -> GrayImage {
    GrayImage::from_fn(across * 8 * px, down * 8 * px, |x, y| {
        let (x, y) = (x % (8 * px) / px, y % (8 * px) / px);
        let ring = x.abs_diff(3).max(y.abs_diff(3));
        Luma([if ring == 3 || ring <= 1 { 0 } else { 255 }])
    })
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let bench = Bench::new();
    let pipe = bench.path("pipe.png");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    fs::create_dir(bench.path("folder.png")).expect("a folder");
    let huge = fs::File::create(bench.path("huge.png")).expect("a file");
    huge.set_len(2 << 30).expect("a sparse file");
    for (path, code) in [
        (pipe, "FILE_NOT_PLAIN"),
        ("/dev/zero".into(), "FILE_NOT_PLAIN"),
        (bench.path("folder.png"), "FILE_IS_FOLDER"),
        (bench.path("huge.png"), "FILE_TOO_LARGE"),
        (bench.path("none.png"), "FILE_MISSING"),
    ] {
        bench.inspect(&path).refuses(2, code);
    }
}

/// The code stands where the clerk sees it, however the camera was held.
#[test]
fn places_are_those_that_the_clerk_sees() {
    let bench = Bench::new();
    let mut upright = GrayImage::from_pixel(460, 300, Luma([255]));
    imageops::replace(&mut upright, &code(STICKER, 5), 20, 30);
    // The symbol has 25 modules (version 2) behind a quiet zone of 4.
    let side = 5 * (code(STICKER, 1).width() - 8);
    let expected = [(40, 50), (40 + side, 50), (40 + side, 50 + side), (40, 50 + side)];
    for orientation in 1..=8 {
        let stored = stored(&upright, orientation);
        let file = jpeg_with_exif(&stored, &exif(orientation));
        let path = bench.keep(&format!("{orientation}.jpg"), &file);
        let seen = bench.inspect(&path).exits(1).json()["objects"][0]["seen"].clone();
        let corners: Vec<(i64, i64)> = serde_json::from_value(seen["corners"].clone()).expect("four corners");
        // In which order they stand depends on whether the stored code is mirrored.
        for (x, y) in expected {
            let near = |corner: &&(i64, i64)| corner.0.abs_diff(x.into()) <= 5 && corner.1.abs_diff(y.into()) <= 5;
            assert_eq!(corners.iter().filter(near).count(), 1, "{orientation}: {corners:?}, not {expected:?}");
        }
    }
}

/// The picture as a camera stores it that notes this orientation.
fn stored(upright: &GrayImage, orientation: u8) -> GrayImage {
    use imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    match orientation {
        2 => flip_horizontal(upright),
        3 => rotate180(upright),
        4 => flip_vertical(upright),
        5 => flip_horizontal(&rotate90(upright)),
        6 => rotate270(upright),
        7 => flip_horizontal(&rotate270(upright)),
        8 => rotate90(upright),
        _ => upright.clone(),
    }
}

/// What the worker may do, as the operating system tells it.
#[cfg(target_os = "linux")]
#[test]
fn the_worker_can_do_nothing_but_read_pictures() {
    let bench = Bench::new();
    let good = bench.keep("good.png", &saved(code(STICKER, 6), ImageFormat::Png));
    let mut batch = Batch::start(&bench);
    assert_eq!(batch.ask(&good), READ);
    let worker = PathBuf::from(format!("/proc/{}", batch.worker().expect("a worker is kept")));
    let read = |name: &str| fs::read_to_string(worker.join(name)).expect(name);
    assert!(read("cmdline").ends_with("\0scan-worker\0"), "{:?}", read("cmdline"));
    assert_eq!(read("environ"), "");
    assert_eq!(fs::read_link(worker.join("cwd")).expect("a folder"), Path::new("/"));
    let limits = read("limits");
    for (name, most) in [
        ("Max address space", 1 << 30),
        ("Max open files", 3),
        ("Max file size", 0),
        ("Max core file size", 0),
        ("Max processes", 0),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).expect(name);
        let numbers: Vec<&str> = line[name.len()..].split_whitespace().take(2).collect();
        assert_eq!(numbers, [most.to_string(), most.to_string()], "{line}");
    }
    let seconds = limits.lines().find(|line| line.starts_with("Max cpu time")).expect("a line");
    assert!(!seconds["Max cpu time".len()..].trim_start().starts_with("unlimited"), "{seconds}");
    // Nothing of ours is open in it: the state of the counter least of all.
    let open = fs::read_dir(worker.join("fd")).expect("its files").flatten();
    let targets: Vec<PathBuf> = open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    assert!(targets.iter().all(|target| !target.starts_with(bench.folder.path())), "{targets:?}");
    batch.end();
}

/// Killed, and held up, from outside: the picture at hand is given up, and the next one is read.
#[cfg(target_os = "linux")]
#[test]
fn a_lost_worker_is_replaced() {
    let bench = Bench::new();
    let good = bench.keep("good.png", &saved(code(STICKER, 6), ImageFormat::Png));
    let mut batch = Batch::start(&bench);
    assert_eq!(batch.ask(&good), READ);
    let first = batch.worker().expect("a worker is kept");
    signal("KILL", first);
    assert_eq!(batch.ask(&good), READ, "one that dies between pictures is not missed");
    let second = batch.worker().expect("another");
    assert_ne!(first, second);
    signal("STOP", second);
    assert_eq!(batch.ask(&good), "SCAN_WORKER_LATE");
    assert_eq!(batch.ask(&good), READ);
    assert!(!alive(second), "who is late is killed");
    batch.end();
}

/// A worker whose program is gone goes too.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_does_not_outlive_its_program() {
    let bench = Bench::new();
    let good = bench.keep("good.png", &saved(code(STICKER, 6), ImageFormat::Png));
    let mut batch = Batch::start(&bench);
    assert_eq!(batch.ask(&good), READ);
    let worker = batch.worker().expect("a worker is kept");
    batch.child.kill().expect("killed");
    batch.child.wait().expect("ended");
    for _ in 0..1_000 {
        if !alive(worker) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the worker {worker} is still there");
}

/// Enough to notice a decoder that was exchanged for a worse one; the fuzz target goes on for hours.
const ROUNDS: usize = 250;

/// The property that the fuzz target `picture` looks for, over a bounded number of changed files.
#[test]
fn changed_files_are_read_or_refused() {
    let picture = properties::named("picture").expect("a property of pictures").holds;
    let small = code("861", 4);
    let mut seeds = vec![
        saved(small.clone(), ImageFormat::Png),
        saved(image::DynamicImage::ImageLuma8(small.clone()).into_rgba16(), ImageFormat::Png),
        saved(small.clone(), ImageFormat::Jpeg),
        cmyk_jpeg(&small),
        jpeg_with_exif(&small, &exif(6)),
        jpeg::many_scans(200, 200, 3),
        webp(&small),
        include_bytes!("hostile_pictures/lossy.webp").to_vec(),
        riff::animated(50, 50),
        riff::file(&[riff::extended(50, 50, 0), riff::plain(50, 50)]),
        png::black(100, 100, 8, 2),
        png::file(&[png::header(100, 100, 8, 0, true), png::chunk(b"IDAT", &png::zeros(20_000))]),
    ];
    seeds.iter().for_each(|seed| picture(seed));
    let mut dice = Dice::new(2026);
    for _ in 0..ROUNDS {
        let mut file = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            dice.change(&mut file);
        }
        picture(&file);
        // What was read in spite of it is a start for more.
        if dice.below(20) == 0 && file.len() < 50_000 {
            seeds.push(file);
        }
    }
}

// --- the programs ---

/// A folder with the state of a counter that was never synchronised.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { folder: tempfile::Builder::new().prefix("juma-test-").tempdir().expect("a folder") };
        let mut init = command("verifier");
        // Any thumbprint will do: nothing is verified here.
        init.current_dir(bench.folder.path()).args(["init", "--state", "counter", "--root", &"0".repeat(64)]);
        Ran::of(init, b"").exits(0);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).expect("written");
        self.path(name)
    }

    #[track_caller]
    fn inspect(&self, path: &Path) -> Ran {
        let mut inspect = command("verifier");
        inspect.args(["inspect", "--json", "--image"]).arg(path);
        let ran = Ran::of(inspect, b"");
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    }
}

/// `verifier batch`, one picture after another.
struct Batch {
    child: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Batch {
    fn start(bench: &Bench) -> Batch {
        let mut batch = command("verifier");
        batch.current_dir(bench.folder.path()).args(["batch", "--state", "counter"]);
        let mut child =
            batch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let (lines, answers) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Batch { child, lines, answers: BufReader::new(answers) }
    }

    /// What is said of a picture, in one word.
    fn ask(&mut self, path: &Path) -> String {
        writeln!(self.lines, "{}", json!({ "image": path })).expect("it reads on");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let given_up = &answer["picture_unread"]["code"];
        let word = [given_up, &answer["error"]["code"], &answer["reason"]].into_iter().find_map(Value::as_str);
        if given_up.is_string() {
            assert_eq!((&answer["reason"], &answer["outcome"]), (&json!(NONE), &json!("undetermined")));
            assert!(answer["picture_unread"]["zh"].is_string() && answer["picture_unread"]["en"].is_string(), "{line}");
        }
        word.unwrap_or_else(|| panic!("no answer: {line}")).to_owned()
    }

    /// The most memory that it held at once, where that can be known.
    fn peak_kilobytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
    }

    #[cfg(target_os = "linux")]
    fn worker(&self) -> Option<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        fs::read_to_string(children).ok()?.split_whitespace().next()?.parse().ok()
    }

    fn end(mut self) {
        drop(self.lines);
        let status = self.child.wait().expect("it ends");
        assert!(matches!(status.code(), Some(0 | 2)), "{status}");
    }
}

#[cfg(target_os = "linux")]
fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().expect("kill");
    assert!(sent.success());
    thread::sleep(Duration::from_millis(100));
}

#[cfg(target_os = "linux")]
fn alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
