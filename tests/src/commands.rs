//! The three commands as a shell sees them: real processes, real files, standard output, standard error and exit codes.
//!
//! [`binaries`] builds them if need be, [`World`] is an authority with its counters and phones in a folder of its own, [`Ran`] is what a
//! command answered, and [`case`] runs the case files in `tests/commands/`.

pub mod case;
mod lists;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use credential_format::permit::UnverifiedPermit;
use credential_format::residence_code::ResidenceCode;
use credential_format::timestamp::Timestamp;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::sample_permits::{Sample, SamplePermits};

/// Set to a folder, takes the commands from there and builds nothing: `JUMA_BINARIES=target/release`.
pub const BINARIES_VARIABLE: &str = "JUMA_BINARIES";

/// The folder with `issuer`, `holder` and `verifier`, of the same profile as the running test; built once in a process, which takes a
/// second when they are fresh.
///
/// The lock of the target folder is free while tests run, so that this does not wait for the cargo that started them. `--tests` is
/// there so that cargo chooses the features it chose for `cargo test --workspace`: without it most crates are compiled a second time.
pub fn binaries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match std::env::var_os(BINARIES_VARIABLE) {
        // Relative to the workspace, since cargo starts tests in the folder of their package.
        Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder),
        None => build(),
    })
}

fn build() -> PathBuf {
    // …/target/debug/deps/commands-0123456789abcdef
    let test = std::env::current_exe().expect("the path of the running test");
    let folder = test.ancestors().nth(2).expect("the folder of the profile").to_owned();
    let profile = match folder.file_name().and_then(OsStr::to_str).expect("a profile") {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo tells a test of its package: the build of `ring` looks at it, and would begin anew for each package, and with it whatever needs `ring`.
    let of_this_package = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|begin| name.starts_with(begin))
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--workspace", "--bins", "--tests", "--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("the target folder"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo starts");
    assert!(built.success(), "the commands cannot be built");
    folder
}

/// One of the commands, with nothing of the surroundings that changes what it prints.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(binaries().join(name));
    command.env_remove("RUST_BACKTRACE").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// What a command answered.
pub struct Ran {
    /// The command line, for the message of a failed assertion.
    pub line: String,
    /// The exit code; none when a signal ended it.
    pub exit: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// From the start of the process to its end.
    pub took: Duration,
}

impl Ran {
    /// Runs a command to its end, with this standard input.
    pub fn of(mut command: Command, stdin: &[u8]) -> Ran {
        let line = line_of(&command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut pipe = child.stdin.take().expect("standard input");
        let stdin = stdin.to_owned();
        // On a thread of its own: who does not read its input to the end must not make the test wait, nor the other way round.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
        let output = child.wait_with_output().expect("the command ends");
        let took = begun.elapsed();
        writer.join().expect("written");
        Ran::new(line, output, took)
    }

    /// Of a process that has ended.
    pub fn new(line: String, output: Output, took: Duration) -> Ran {
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_else(|_| panic!("{line}: the answer is not UTF-8"));
        let (exit, out, err) = (output.status.code(), text(output.stdout), text(output.stderr));
        Ran { line, exit, out, err, took }
    }

    /// Ended with this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.exit, Some(code), "{self}");
        self
    }

    /// Refused with this code: one sentence, one hint, on standard error.
    #[track_caller]
    pub fn refuses(self, exit: i32, code: &str) -> Ran {
        let ran = self.exits(exit);
        assert_eq!(ran.refusal(), Some(code.to_owned()), "{ran}");
        ran
    }

    /// The code of the refusal on standard error, if there is exactly one and it has a sentence and a hint.
    pub fn refusal(&self) -> Option<String> {
        let lines: Vec<&str> = self.err.lines().collect();
        let mut errors = lines.iter().enumerate().filter(|(_, line)| line.starts_with("error: "));
        let (Some((at, line)), None) = (errors.next(), errors.next()) else { return None };
        let (sentence, code) = line.strip_prefix("error: ")?.strip_suffix(']')?.rsplit_once(" [")?;
        let hint = lines.get(at + 1)?.strip_prefix("hint: ")?;
        (!sentence.trim().is_empty() && !hint.trim().is_empty()).then(|| code.to_owned())
    }

    /// The one JSON object on standard output, and the line feed after it.
    #[track_caller]
    pub fn json(&self) -> Value {
        match self.json_or_why() {
            Ok(value) => value,
            Err(why) => panic!("{why}\n{self}"),
        }
    }

    /// As [`json`](Ran::json), for who gathers faults.
    ///
    /// # Errors
    /// Why standard output is not one JSON object.
    pub fn json_or_why(&self) -> Result<Value, String> {
        let line = self.out.strip_suffix('\n').ok_or("standard output does not end with a line feed")?;
        if line.contains('\n') {
            return Err("standard output has more than one line".into());
        }
        match serde_json::from_str(line) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err("standard output is JSON, and no object".into()),
            Err(error) => Err(format!("standard output is not JSON: {error}")),
        }
    }

    /// What no command may ever do, whatever it is given; `None` when all is well.
    pub fn defect(&self) -> Option<String> {
        if self.exit.is_none() {
            return Some("ended by a signal".into());
        }
        for word in ["panicked", "[DEFECT]", "RUST_BACKTRACE", "overflow"] {
            if self.err.contains(word) {
                return Some(format!("standard error says {word:?}"));
            }
        }
        let control = |text: &str| text.chars().find(|c| c.is_control() && *c != '\n');
        if let Some(found) = control(&self.err).or_else(|| control(&self.out)) {
            return Some(format!("a control character is printed: {found:?}"));
        }
        personal_data()
            .iter()
            .find(|word| self.err.contains(word.as_str()))
            .map(|_| "personal data stands on standard error".into())
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "$ {}\nexit {:?}\n--- out\n{}\n--- err\n{}", self.line, self.exit, self.out, self.err)
    }
}

fn line_of(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| match argument.to_string_lossy() {
        long if long.len() > 200 => format!("{}…", long.chars().take(200).collect::<String>()),
        short => short.into_owned(),
    });
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Names and citizen ID numbers of all sample permits: what must never stand in an error, a log, or the state of a counter.
pub fn personal_data() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let samples = SamplePermits::load().permits;
        let words = samples.into_iter().flat_map(|sample| [sample.holder.name, sample.holder.citizen_id]);
        // A name of one or two characters could be part of an honest word.
        words.filter(|word| word.chars().count() > 2).collect()
    })
}

/// The time of the worlds with a fixed clock: a Wednesday morning, the day of the sample permits.
pub const MORNING: &str = "2026-07-01T09:00:00+08:00";

/// An authority, a second one that nobody here trusts, counters and phones, in a folder that goes away with it.
///
/// | path | |
/// |---|---|
/// | `keys/` | `root`, `permit`, `status`, `voucher` and the second authority's `other-root`, `other-permit` (`.pem`, `.pub.pem`) |
/// | `draft.json`, `public/` | the trust list and the status lists |
/// | `other-public/` | those of the second authority, whose issuer has other keys |
/// | `ledger.sqlite3` | the issuer's ledger |
/// | `phone/`, `phone-p256/` | devices; `codes.txt` their enrolments |
/// | `requests.json`, `.csv`, `.ndjson` | the sample permits as requests |
/// | `permits/`, `vouchers/` | what was issued |
/// | `counter/`, `counter-2/` | two counters of the authority, synchronised |
/// | `counter-new/` | a counter that was never synchronised |
/// | `counter-trust/` | a counter with a trust list and no status list |
/// | `counter-other/` | a counter that trusts the second authority only |
pub struct World {
    folder: TempDir,
    at: Timestamp,
    fixed: bool,
}

/// A folder of its own in the machine's temporary folder.
fn new_folder() -> TempDir {
    tempfile::Builder::new().prefix("juma-test-").tempdir().expect("a temporary folder")
}

/// A folder there of its own; those that were left an hour ago are taken away.
fn shared_folder(parent: &Path) -> TempDir {
    const PREFIX: &str = "shared-world-";
    let left_behind = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let age = fs::metadata(path).and_then(|folder| folder.modified()).ok().and_then(|time| time.elapsed().ok());
        name.starts_with(PREFIX) && age.is_some_and(|age| age > Duration::from_secs(3_600))
    };
    for entry in fs::read_dir(parent).expect("a folder").flatten() {
        if left_behind(&entry.path()) {
            // Another process may be doing the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).expect("a folder")
}

fn machine_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::new(since.as_secs()).expect("a time of this century")
}

impl World {
    /// With the clock standing at [`MORNING`]; permits of two hours before, status lists of one.
    pub fn new() -> World {
        World::build(new_folder(), Timestamp::parse(MORNING).expect("a time"), true)
    }

    /// As [`new`](World::new), for a whole process to copy from: in a folder there, since what is static is never dropped. What others left
    /// there an hour ago is taken away.
    pub fn shared_in(parent: &Path) -> World {
        World::build(shared_folder(parent), Timestamp::parse(MORNING).expect("a time"), true)
    }

    /// As [`now`](World::now), likewise.
    pub fn shared_now_in(parent: &Path) -> World {
        World::build(shared_folder(parent), machine_time(), false)
    }

    /// By the clock of the machine; one sample permit, with dates that hold today.
    pub fn now() -> World {
        World::build(new_folder(), machine_time(), false)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// So many seconds after the world's time.
    pub fn time(&self, seconds: i64) -> Timestamp {
        later(self.at, seconds)
    }

    /// The options that put the clock so many seconds after the world's; none where the machine's clock counts.
    pub fn at(&self, seconds: i64) -> Vec<String> {
        if !self.fixed {
            return Vec::new();
        }
        vec!["--allow-fixed-time".into(), "--at".into(), later(self.at, seconds).to_string()]
    }

    /// Runs `verifier verify …` and the like, in the folder; asserts that it did nothing that no command may do.
    #[track_caller]
    pub fn run(&self, name: &str, arguments: &[&str]) -> Ran {
        self.run_with(name, arguments, b"")
    }

    /// As [`run`](World::run), with this standard input.
    #[track_caller]
    pub fn run_with(&self, name: &str, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(name);
        command.args(arguments);
        let ran = Ran::of(command, stdin);
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    }

    /// As [`run`](World::run), at a time: see [`at`](World::at).
    #[track_caller]
    pub fn run_at(&self, seconds: i64, name: &str, arguments: &[&str]) -> Ran {
        let at = self.at(seconds);
        let arguments: Vec<&str> = arguments.iter().copied().chain(at.iter().map(String::as_str)).collect();
        self.run(name, &arguments)
    }

    /// The command, to be run in the folder.
    pub fn command(&self, name: &str) -> Command {
        let mut command = command(name);
        command.current_dir(self.folder());
        command
    }

    /// Signs the authority's status lists.
    #[track_caller]
    pub fn publish(&self, seconds: i64) -> Ran {
        let arguments =
            ["status", "publish", "--ledger", "ledger.sqlite3", "--list", "all", "--key", "keys/status.pem"];
        // Longer than counters use a list, so that it is their limit that is met.
        let more = ["--uri", STATUS_URI, "--out", "public", "--expires-days", "14"];
        self.run_at(seconds, "issuer", &[&arguments[..], &more].concat())
    }

    /// The digits of a presentation of sample permit `no`, made at the time.
    #[track_caller]
    pub fn code(&self, phone: &str, no: u64, seconds: i64, more: &[&str]) -> String {
        let permit = residence_code(no);
        let arguments = [&["present", "--dir", phone, "--permit", &permit, "--text"], more].concat();
        self.run_at(seconds, "holder", &arguments).exits(0).out.trim().to_owned()
    }

    /// The place in status list 1 of the permit of this sample, or of the printed one.
    pub fn status_index(&self, no: u64) -> Option<u64> {
        let code = residence_code(no);
        let read = |path: String| fs::read(self.path(&path)).ok();
        let bytes = read(format!("permits/{code}.permit")).or_else(|| read(format!("vouchers/{code}.voucher")))?;
        Some(UnverifiedPermit::parse(&bytes).ok()?.unverified_claims().status.index)
    }

    /// A copy of the whole folder, to be spoilt.
    pub fn copy(&self) -> World {
        let folder = new_folder();
        copy_folder(self.folder(), folder.path());
        World { folder, at: self.at, fixed: self.fixed }
    }

    /// A copy of these files and folders of it alone.
    pub fn copy_of(&self, names: &[&str]) -> World {
        let folder = new_folder();
        for name in names {
            let (from, to) = (self.path(name), folder.path().join(name));
            if from.is_dir() {
                copy_folder(&from, &to);
            } else {
                fs::copy(from, to).expect("copied");
            }
        }
        World { folder, at: self.at, fixed: self.fixed }
    }

    fn build(folder: TempDir, at: Timestamp, fixed: bool) -> World {
        let world = World { folder, at, fixed };
        for key in ["root", "permit", "status", "voucher", "other-root", "other-permit"] {
            world.run("issuer", &["keygen", "--out", &format!("keys/{key}.pem")]).exits(0);
        }
        world.make_lists("", "root", &[("permit", "permit"), ("status", "status"), ("voucher", "voucher")]);
        world.make_lists("other-", "other-root", &[("other-permit", "permit,voucher,status")]);
        world.make_permits();
        world.publish(LISTED).exits(0);
        world.make_counters();
        world
    }

    /// The thumbprint of the first root key of a trust list.
    pub fn thumbprint(&self, list: &str) -> String {
        let shown = self.run("issuer", &["trust", "show", list, "--json"]).exits(0).json();
        shown["root_thumbprints"][0].as_str().expect("a thumbprint").to_owned()
    }

    fn make_lists(&self, prefix: &str, root: &str, keys: &[(&str, &str)]) {
        let draft = format!("{prefix}draft.json");
        self.run("issuer", &["trust", "init", "--draft", &draft, "--root", &format!("keys/{root}.pub.pem")]).exits(0);
        let (begin, end) = (later(self.at, -40 * DAY).to_string(), later(self.at, 4_000 * DAY).to_string());
        let uri = if prefix.is_empty() { STATUS_URI } else { OTHER_STATUS_URI };
        for (number, (key, usages)) in keys.iter().enumerate() {
            let key = format!("keys/{key}.pub.pem");
            let mut arguments =
                vec!["trust", "add-issuer", "--draft", &draft, "--id", "TIANHE", "--key", &key, "--usages", usages];
            arguments.extend(["--not-before", &begin, "--not-after", &end]);
            if number == 0 {
                arguments.extend(["--name", "广州市公安局天河区分局", "--divisions", "44,33", "--status-uri", uri]);
            }
            self.run("issuer", &arguments).exits(0);
        }
        fs::create_dir(self.path(&format!("{prefix}public"))).expect("a folder");
        let (key, out) = (format!("keys/{root}.pem"), format!("{prefix}public/trust.cose"));
        self.run_at(-DAY, "issuer", &["trust", "sign", "--draft", &draft, "--key", &key, "--out", &out]).exits(0);
    }

    fn make_permits(&self) {
        self.run("holder", &["init", "--dir", "phone"]).exits(0);
        self.run("holder", &["init", "--dir", "phone-p256", "--alg", "p256"]).exits(0);
        let samples = self.samples();
        let mut codes = String::new();
        for sample in &samples {
            let phone = phone_of(sample.no);
            let code = residence_code(sample.no);
            let enrolled = self.run_at(-DAY, "holder", &["enrol", "--dir", phone, "--residence-code", &code]).exits(0);
            codes.push_str(&enrolled.out);
        }
        fs::write(self.path("codes.txt"), codes).expect("written");
        let requests: Vec<Value> = samples.iter().map(request).collect();
        self.write_requests("requests", &requests);
        let arguments =
            ["issue", "--key", "keys/permit.pem", "--requests", "requests.json", "--enrolments", "codes.txt"];
        let more = ["--ledger", "ledger.sqlite3", "--out", "permits", "--idempotency-key", "first"];
        self.run_at(ISSUED, "issuer", &[&arguments[..], &more].concat()).exits(0);
        for sample in &samples {
            let permit = format!("permits/{}.permit", residence_code(sample.no));
            self.run("holder", &["add", "--dir", phone_of(sample.no), &permit]).exits(0);
        }
        // Shenzhen gives out paper.
        let mut paper = self.dated(SamplePermits::load().permit(13).clone());
        paper.no = PAPER_NO;
        let mut paper = request(&paper);
        paper["voucher_serial"] = "XX2026000001".into();
        paper["voucher_place"] = "石牌派出所".into();
        self.write_requests("paper", &[paper]);
        let arguments =
            ["voucher", "--key", "keys/voucher.pem", "--requests", "paper.json", "--ledger", "ledger.sqlite3"];
        self.run_at(ISSUED, "issuer", &[&arguments[..], &["--out", "vouchers"]].concat()).exits(0);
    }

    /// The same requests in the three forms that are taken.
    fn write_requests(&self, name: &str, requests: &[Value]) {
        let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
        let all = Value::Array(requests.to_vec()).to_string();
        for (ending, text) in [("json", all), ("ndjson", lines), ("csv", csv(requests))] {
            fs::write(self.path(&format!("{name}.{ending}")), text).expect("written");
        }
    }

    /// The samples that can be shown at the time of the world.
    fn samples(&self) -> Vec<Sample> {
        let mut samples = SamplePermits::load().permits;
        if !self.fixed {
            samples.truncate(1);
        }
        samples.into_iter().map(|sample| self.dated(sample)).collect()
    }

    /// By the machine's clock, with dates that hold today.
    fn dated(&self, mut sample: Sample) -> Sample {
        if !self.fixed {
            let day = |days| self.at.day().add_days(days).expect("a day").to_string();
            (sample.permit.endorsement_anchor, sample.permit.valid_until) = (day(-100), day(200));
        }
        sample
    }

    fn make_counters(&self) {
        let (root, other) = (self.thumbprint("public/trust.cose"), self.thumbprint("other-public/trust.cose"));
        for (state, root) in [
            ("counter", &root),
            ("counter-2", &root),
            ("counter-new", &root),
            ("counter-trust", &root),
            ("counter-other", &other),
        ] {
            let name = state.to_uppercase();
            self.run("verifier", &["init", "--state", state, "--root", root, "--counter", &name]).exits(0);
        }
        fs::create_dir(self.path("trust-alone")).expect("a folder");
        fs::copy(self.path("public/trust.cose"), self.path("trust-alone/trust.cose")).expect("copied");
        for (state, source) in [
            ("counter", "public"),
            ("counter-2", "public"),
            ("counter-trust", "trust-alone"),
            ("counter-other", "other-public"),
        ] {
            self.run_at(-1_800, "verifier", &["sync", "--state", state, source]).exits(0);
        }
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// When the permits of a world were signed, in seconds after its time.
pub const ISSUED: i64 = -7_200;
/// When its status lists were.
pub const LISTED: i64 = -3_600;
/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// What the names of the authority's status lists begin with.
pub const STATUS_URI: &str = "https://status.example.cn/tianhe";
const OTHER_STATUS_URI: &str = "https://status.example.org/other";
/// The number of the printed permit, beside those of the samples.
pub const PAPER_NO: u64 = 90;

/// Samples with an even number live on the P-256 phone.
pub fn phone_of(no: u64) -> &'static str {
    if no.is_multiple_of(2) { "phone-p256" } else { "phone" }
}

/// The residence code of a sample: 16 digits.
pub fn residence_code(no: u64) -> String {
    ResidenceCode::with_check(440_000_000_000_000 + no).expect("a residence code").digits()
}

/// A time so many seconds later, or earlier.
pub fn later(time: Timestamp, seconds: i64) -> Timestamp {
    let moved = match seconds {
        0.. => time.checked_add(seconds.unsigned_abs()),
        _ => time.checked_sub(seconds.unsigned_abs()),
    };
    moved.expect("a time of this century or the next")
}

/// The sample as a request of `issuer issue`.
pub fn request(sample: &Sample) -> Value {
    let mut request = Map::new();
    for (field, value) in [
        ("residence_code", residence_code(sample.no)),
        ("name", sample.holder.name.clone()),
        ("citizen_id", sample.holder.citizen_id.clone()),
        ("ethnicity", sample.holder.ethnicity_code.clone()),
        ("household_division", sample.holder.household_division.clone()),
        ("household_address", sample.holder.household_address.clone()),
        ("address_division", sample.residence.division.clone()),
        ("address", sample.residence.address.clone()),
        ("issued_on", sample.permit.endorsement_anchor.clone()),
        ("endorsed_until", sample.permit.valid_until.clone()),
    ] {
        request.insert(field.into(), Value::String(value));
    }
    Value::Object(request)
}

/// The requests as CSV, the columns in the order of the first one's fields, every cell in quotes.
pub fn csv(requests: &[Value]) -> String {
    let objects: Vec<&Map<String, Value>> =
        requests.iter().map(|request| request.as_object().expect("an object")).collect();
    let columns: Vec<&String> = objects.first().expect("a request").keys().collect();
    let mut text = columns.iter().map(|column| column.as_str()).collect::<Vec<_>>().join(",") + "\n";
    for object in objects {
        let cell = |column: &&String| format!("\"{}\"", object[*column].as_str().expect("a text").replace('"', "\"\""));
        text.push_str(&columns.iter().map(cell).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

/// Copies the files and folders, with their modes.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("the mode");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

/// Every file under a folder, by its path there.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => found.push(entry.path().strip_prefix(folder).expect("a path in the folder").to_owned()),
                Err(_) => {}
            }
        }
    }
    found.sort();
    found
}
