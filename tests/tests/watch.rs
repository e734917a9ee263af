//! `verifier watch`: a folder that a scanner or camera program saves into.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use image::ImageFormat;
use serde_json::Value;
use tests::commands::World;
use tests::pictures::{code, saved};

#[test]
fn each_new_picture_is_checked_once() {
    let world = World::new();
    let first = picture(&world.code("phone", 1, 0, &[]));
    // The same permit, shown a moment later.
    let second = picture(&world.code("phone", 1, 0, &[]));
    let folder = inbox(&world);
    fs::write(folder.join("before.png"), &first).expect("written");
    let mut watch = Watch::start(&world, &["--json"]);
    fs::write(folder.join("one.png"), &first).expect("written");
    assert_eq!(watch.reason("one.png"), "VALID");
    // The same picture under another name is the same code again; a name may be anything.
    fs::write(folder.join("另一张 照片.png"), &first).expect("written");
    assert_eq!(watch.reason("另一张 照片.png"), "REPLAYED");
    fs::write(folder.join("two.JPG"), &second).expect("written");
    assert_eq!(watch.reason("two.JPG"), "VALID");
    watch.says_nothing();
    assert_eq!(fs::read(folder.join("one.png")).expect("still there"), first, "files are never changed");
    let ended = watch.interrupt();
    assert_eq!(ended.exit, Some(0));
    assert!(ended.err.contains("2 accepted, 1 rejected, 0 undetermined, 0 not readable"), "{}", ended.err);
}

#[test]
fn what_is_there_already_is_read_on_request() {
    let world = World::new();
    let folder = inbox(&world);
    fs::write(folder.join("before.png"), picture(&world.code("phone", 1, 0, &[]))).expect("written");
    let mut watch = Watch::start(&world, &["--json", "--also-present"]);
    assert_eq!(watch.reason("before.png"), "VALID");
    assert_eq!(watch.interrupt().exit, Some(0));
}

/// A page for people: the name, then the verdict as `verify` prints it.
#[test]
fn for_people_the_name_stands_above_the_verdict() {
    let world = World::new();
    let folder = inbox(&world);
    let mut watch = Watch::start(&world, &[]);
    fs::write(folder.join("one.png"), picture(&world.code("phone", 1, 0, &[]))).expect("written");
    let lines: Vec<String> = (0..4).map(|_| watch.line()).collect();
    assert_eq!(lines[0], "── one.png", "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("✓ 有效 / Valid")), "{lines:?}");
    fs::write(folder.join("blank.txt"), b"no picture").expect("written");
    fs::write(folder.join("page.png"), b"<!DOCTYPE html>").expect("written");
    let ended = watch.interrupt_after("IMAGE_FORMAT");
    assert!(ended.err.contains("page.png: error: ") && ended.err.contains("\nhint: "), "{}", ended.err);
    assert!(!ended.err.contains("blank.txt") && !ended.out.contains("blank.txt"));
}

/// Written piece by piece, as over a slow network: one answer, and the right one.
#[test]
fn a_picture_that_grows_is_read_when_it_is_complete() {
    let world = World::new();
    let folder = inbox(&world);
    let mut watch = Watch::start(&world, &["--json"]);
    let whole = picture(&world.code("phone", 1, 0, &[]));
    let mut file = fs::File::create(folder.join("slow.png")).expect("a file");
    thread::sleep(Duration::from_millis(700));
    for part in whole.chunks(whole.len().div_ceil(4)) {
        file.write_all(part).expect("written");
        file.sync_all().expect("on the disk");
        // Longer than between two looks, so that each part looks complete once.
        thread::sleep(Duration::from_millis(700));
    }
    drop(file);
    assert_eq!(watch.reason("slow.png"), "VALID");
    watch.says_nothing();
    // One that is never completed is said to be damaged, once.
    fs::write(folder.join("cut.png"), &whole[..whole.len() / 2]).expect("written");
    assert_eq!(watch.reason("cut.png"), "IMAGE_DAMAGED");
    watch.says_nothing();
    // And read when somebody copies it again.
    fs::write(folder.join("cut.png"), &whole).expect("written");
    assert_eq!(watch.reason("cut.png"), "REPLAYED");
    assert_eq!(watch.interrupt().exit, Some(0));
}

#[test]
fn temporary_names_are_passed_over_until_they_are_final() {
    let world = World::new();
    let folder = inbox(&world);
    let mut watch = Watch::start(&world, &["--json"]);
    let good = picture(&world.code("phone", 1, 0, &[]));
    let names = [
        ".hidden.png",
        "~lock.png",
        "scan.png~",
        "scan.png.tmp",
        "scan.png.part",
        "scan.crdownload",
        "Thumbs.db",
        "scan",
    ];
    for name in names {
        fs::write(folder.join(name), &good).expect("written");
    }
    fs::create_dir(folder.join("folder.png")).expect("a folder");
    fs::write(folder.join("folder.png/inner.png"), &good).expect("written");
    assert!(Command::new("mkfifo").arg(folder.join("pipe.png")).status().expect("mkfifo").success());
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero.png")).expect("a link");
    std::os::unix::fs::symlink("nowhere", folder.join("dangling.png")).expect("a link");
    watch.says_nothing();
    fs::rename(folder.join("scan.png.tmp"), folder.join("scan.png")).expect("renamed");
    assert_eq!(watch.reason("scan.png"), "VALID");
    assert_eq!(watch.interrupt().exit, Some(0));
}

/// A scanner that always saves under the same name.
#[test]
fn a_replaced_picture_is_a_new_one() {
    let world = World::new();
    let folder = inbox(&world);
    fs::write(folder.join("scan.png"), picture(&world.code("phone", 1, 0, &[]))).expect("written");
    let mut watch = Watch::start(&world, &["--json"]);
    for how in ["written over", "renamed", "deleted and made"] {
        let next = picture(&world.code("phone", 1, 0, &[]));
        match how {
            "renamed" => {
                fs::write(folder.join(".next"), next).expect("written");
                fs::rename(folder.join(".next"), folder.join("scan.png")).expect("renamed");
            }
            "deleted and made" => {
                fs::remove_file(folder.join("scan.png")).expect("deleted");
                thread::sleep(Duration::from_millis(600));
                fs::write(folder.join("scan.png"), next).expect("written");
            }
            _ => fs::write(folder.join("scan.png"), next).expect("written"),
        }
        assert_eq!(watch.reason("scan.png"), "VALID", "{how}");
    }
    assert_eq!(watch.interrupt().exit, Some(0));
}

#[test]
fn hundreds_at_once_are_all_read() {
    const PICTURES: usize = 300;
    let world = World::new();
    let folder = inbox(&world);
    let mut watch = Watch::start(&world, &["--json"]);
    let good = picture(&world.code("phone", 1, 0, &[]));
    for number in 0..PICTURES {
        fs::write(folder.join(format!("{number:03}.png")), &good).expect("written");
    }
    let mut seen: Vec<(String, String)> = (0..PICTURES).map(|_| watch.answer()).collect();
    seen.sort();
    seen.dedup_by(|one, other| one.0 == other.0);
    assert_eq!(seen.len(), PICTURES, "each once");
    assert_eq!(seen.iter().filter(|(_, reason)| reason == "VALID").count(), 1, "one code is accepted once");
    assert_eq!(seen.iter().filter(|(_, reason)| reason == "REPLAYED").count(), PICTURES - 1);
    assert_eq!(watch.interrupt().exit, Some(0));
}

#[test]
fn a_folder_that_vanishes_is_a_sentence() {
    let world = World::new();
    let folder = inbox(&world);
    let watch = Watch::start(&world, &[]);
    fs::remove_dir(&folder).expect("deleted");
    let ended = watch.ends();
    assert_eq!(ended.exit, Some(4), "{}", ended.err);
    assert!(ended.err.contains("[WATCH_FOLDER_GONE]\nhint: "), "{}", ended.err);
    assert!(ended.err.contains("inbox is no longer there"), "{}", ended.err);
    let at = world.at(0);
    let arguments = |folder: &'static str| {
        [vec!["watch", "--state", "counter", folder], at.iter().map(String::as_str).collect()].concat()
    };
    world.run("verifier", &arguments("inbox")).refuses(2, "WATCH_FOLDER_MISSING");
    world.run("verifier", &arguments("draft.json")).refuses(2, "FILE_NOT_FOLDER");
    world.run("verifier", &["watch", "--state", "nowhere", "public"]).refuses(2, "STATE_MISSING");
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let world = World::new();
    let folder = inbox(&world);
    let mut watch = Watch::start(&world, &["--json"]);
    watch.stop_listening();
    // The pipe is closed by who reads the first answer and finds that nobody wants it.
    for name in ["one.png", "two.png"] {
        fs::write(folder.join(name), picture(&world.code("phone", 1, 0, &[]))).expect("written");
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(watch.ends().exit, Some(4), "an undelivered answer is no acceptance");
}

fn picture(digits: &str) -> Vec<u8> {
    saved(code(digits, 5), ImageFormat::Png)
}

fn inbox(world: &World) -> PathBuf {
    let folder = world.path("inbox");
    fs::create_dir(&folder).expect("a folder");
    folder
}

/// A running `verifier watch`.
struct Watch {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    said: Vec<String>,
}

struct Ended {
    exit: Option<i32>,
    out: String,
    err: String,
}

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Watch {
    /// Started, and watching.
    fn start(world: &World, options: &[&str]) -> Watch {
        let mut command = world.command("verifier");
        command.args(["watch", "--state", "counter", "inbox"]).args(options).args(world.at(1));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let mut watch = Watch { child, out: lines(out), err: lines(err), said: Vec::new() };
        watch.wait_for("watching inbox: ");
        watch
    }

    /// Waits until this is said on standard error.
    fn wait_for(&mut self, text: &str) {
        loop {
            let line =
                self.err.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{text} is not said: {:?}", self.said));
            self.said.push(line);
            if self.said.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    fn line(&mut self) -> String {
        self.out.recv_timeout(PATIENCE).expect("an answer")
    }

    /// The name of a picture, and the reason or the code of the refusal.
    fn answer(&mut self) -> (String, String) {
        let answer: Value = serde_json::from_str(&self.line()).expect("JSON");
        let word = [&answer["reason"], &answer["error"]["code"]].into_iter().find_map(Value::as_str);
        (answer["image"].as_str().expect("a name").to_owned(), word.expect("an answer").to_owned())
    }

    #[track_caller]
    fn reason(&mut self, name: &str) -> String {
        let (image, reason) = self.answer();
        assert_eq!(image, name);
        reason
    }

    /// For longer than a picture takes to be noticed and read.
    #[track_caller]
    fn says_nothing(&mut self) {
        let said = self.out.recv_timeout(Duration::from_millis(1_500));
        assert_eq!(said, Err(RecvTimeoutError::Timeout));
    }

    /// Closes its standard output.
    fn stop_listening(&mut self) {
        self.out = channel().1;
    }

    /// What Ctrl-C does.
    fn interrupt(self) -> Ended {
        let sent = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status().expect("kill");
        assert!(sent.success());
        self.ends()
    }

    fn interrupt_after(mut self, text: &str) -> Ended {
        self.wait_for(text);
        self.interrupt()
    }

    fn ends(mut self) -> Ended {
        let mut waited = Duration::ZERO;
        let exit = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status.code();
            }
            assert!(waited < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
            waited += Duration::from_millis(20);
        };
        let err: Vec<String> = self.said.drain(..).chain(self.err.iter()).collect();
        let err = err.join("\n");
        assert!(!err.contains("panicked") && !err.contains("[DEFECT]"), "{err}");
        Ended { exit, out: self.out.try_iter().collect::<Vec<_>>().join("\n"), err }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, read on a thread of their own until nobody listens.
fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}
