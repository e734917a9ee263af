//! Case files: what is typed, and what must come of it. Adding a case is adding a file in `tests/commands/`.
//!
//! A case runs in a copy of a [`World`], line by line:
//!
//! ```text
//! # What is wrong, in a sentence.
//! write requests.csv
//! | residence_code,nmae
//! run issuer issue --key keys/permit.pem --requests requests.csv --out out
//! exit 2
//! error REQUESTS_COLUMNS
//! stderr column 2 is named
//! ```
//!
//! Before a run:
//!
//! | line | does |
//! |---|---|
//! | `write PATH` and lines with `\|` | writes a text file |
//! | `hex PATH HEX` | writes a file of these bytes |
//! | `fill PATH COUNT TEXT` | writes the text so often, without line ends |
//! | `sparse PATH BYTES` | makes a file of that size without contents |
//! | `copy FROM TO`, `cut PATH BYTES`, `delete PATH`, `folder PATH`, `link TARGET PATH`, `mode OCTAL PATH` | as the words say |
//! | `fixture NAME PATH` | copies a file of the repository |
//! | `replace PATH TEXT TEXT` | puts the second in the place of the first, which stands there once |
//! | `sql PATH STATEMENT` | changes an SQLite file |
//! | `picture PATH CODE…` | draws the codes side by side, or a blank sheet |
//! | `let NAME VALUE`, `let NAME repeat COUNT TEXT`, `let NAME wide TEXT`, `let NAME hex PATH`, `let NAME sha256 PATH` | keeps a value; `wide` makes full-width digits, the last two are of a file |
//! | `key NAME [p256]`, `trust PATH NAME=VALUE…`, `status PATH NAME=VALUE…` | make a key, and lists that no honest issuer makes: the source of `lists.rs` has the names |
//! | `stdin TEXT`, `stdin-file PATH` | what the next run reads |
//!
//! `run COMMAND ARGUMENTS…` runs a command. `@+31` stands for the options that put the clock 31 seconds after the world's time. After a run:
//!
//! | line | demands |
//! |---|---|
//! | `exit N` | the exit code; every run has one |
//! | `error CODE` | one `error:` sentence with the code and one `hint:`; **and that no file was made, changed or lost** |
//! | `changes PREFIX` | allows that for these paths |
//! | `stdout TEXT`, `stderr TEXT`, `silent TEXT` | is printed there; stands in neither |
//! | `json POINTER VALUE` | a member of the answer: JSON, `present`, `absent`, or `has TEXT` |
//! | `keep NAME`, `keep NAME POINTER` | keeps standard output, or a member of it |
//! | `same PATH PATH`, `exists PATH`, `missing PATH` | of files |
//! | `file NAME FATE` | what became of a file that was synchronised: `taken`, `unchanged`, `passed_over`, or the code of its refusal, which has a sentence |
//! | `in-use STATE @SECONDS NAME=VALUE…` | what a counter goes by at that time; it asks the counter itself |
//!
//! Of `in-use`: `trust=VERSION` or `none`, `trust-age=SECONDS`, `status=LIST:AGE` (several with commas; for the age also the standing or the
//! code of what makes it unusable; `none`), `newest=SECONDS` (after the world's time; the mark below which the clock is not believed), and
//! `verdict=REASON` of a code that is made and shown at that moment: of the sample `sample=1`, by a phone whose clock is `phone=0` seconds ahead.
//!
//! Words are separated by spaces; `"…"` holds spaces together and knows `\n`, `\r`, `\t`, `\"` and `\\`. `$name` puts in what was kept;
//! `$code1`, `$code2` … are the residence codes of the samples, `$code90` that of the printed permit, `$index1` … their places in status list 1.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, imageops};
use qrcode::{Color, EcLevel, QrCode};
use serde_json::Value;

use crate::test_keys::sha256;

use super::{PAPER_NO, Ran, World, files_under, lists, phone_of, residence_code};

/// Runs all cases of `tests/commands/FOLDER`, each in a copy of the world, and panics with the faults of all that fail.
///
/// `least` is how many there must be: a folder that was not found has no faults.
#[track_caller]
pub fn run_folder(folder: &str, world: &World, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("commands").join(folder);
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|case| case.extension().is_some_and(|ending| ending == "case"));
    cases.sort();
    assert!(cases.len() >= least, "{} holds {} cases", path.display(), cases.len());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let faults = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let text = fs::read_to_string(path).expect("a case in UTF-8");
                    if let Err(fault) = run(&text, &world.copy()) {
                        faults.lock().expect("unspoilt").push(format!("{}: {fault}", path.display()));
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().expect("unspoilt");
    faults.sort();
    assert!(faults.is_empty(), "{} of {} cases failed\n\n{}", faults.len(), cases.len(), faults.join("\n\n"));
    println!("{folder}: {} cases", cases.len());
}

/// Runs one case in this world, which it may change.
///
/// # Errors
/// The first demand that was not met, with its line.
pub fn run(text: &str, world: &World) -> Result<(), String> {
    let mut case = Case { world, kept: HashMap::new(), stdin: Vec::new(), ran: None, demands: 0 };
    for no in (1..=20).chain([PAPER_NO]) {
        case.kept.insert(format!("code{no}"), residence_code(no));
        if let Some(index) = world.status_index(no) {
            case.kept.insert(format!("index{no}"), index.to_string());
        }
    }
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut block = String::new();
        while let Some((_, more)) = lines.next_if(|(_, more)| more.starts_with('|')) {
            block.push_str(more.strip_prefix("| ").or(more.strip_prefix('|')).unwrap_or_default());
            block.push('\n');
        }
        case.line(line, &block).map_err(|fault| format!("line {}: {line}\n{fault}", number + 1))?;
    }
    case.end_of_run()?;
    if case.demands == 0 { Err("the case demands nothing".into()) } else { Ok(()) }
}

/// Does the lines that prepare something, and no others, for a test that goes on by itself.
///
/// # Panics
/// When a line cannot be done.
#[track_caller]
pub fn prepare(lines: &str, world: &World) {
    let case = Case { world, kept: HashMap::new(), stdin: Vec::new(), ran: None, demands: 0 };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = case.words(rest).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        case.write(word, &words, "").unwrap_or_else(|fault| panic!("{line}: {fault}"));
    }
}

struct Case<'w> {
    world: &'w World,
    kept: HashMap<String, String>,
    stdin: Vec<u8>,
    ran: Option<Done>,
    demands: usize,
}

/// A run, and what its lines said of it so far.
struct Done {
    ran: Ran,
    before: BTreeMap<PathBuf, Vec<u8>>,
    after: BTreeMap<PathBuf, Vec<u8>>,
    has_exit: bool,
    refused: bool,
    may_change: Vec<String>,
}

type Outcome = Result<(), String>;

impl Case<'_> {
    fn line(&mut self, line: &str, block: &str) -> Outcome {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = self.words(rest)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (word, words.as_slice()) {
            ("run", [name, arguments @ ..]) => self.run(name, arguments),
            ("exit" | "error" | "stdout" | "stderr" | "silent" | "json" | "same" | "exists" | "missing", _) => {
                self.demands += 1;
                self.demand(word, &words)
            }
            ("file", [name, fate]) => {
                self.demands += 1;
                self.became(name, fate)
            }
            ("in-use", [state, time, more @ ..]) => {
                self.demands += 1;
                self.in_use(state, time, more)
            }
            ("changes", [prefix]) => {
                self.done()?.may_change.push((*prefix).to_owned());
                Ok(())
            }
            ("keep", [name, pointer @ ..]) => self.keep(name, pointer),
            ("let", [name, value @ ..]) => self.define(name, value),
            ("stdin", [text]) => {
                self.stdin = text.as_bytes().to_vec();
                Ok(())
            }
            ("stdin-file", [path]) => {
                self.stdin = fs::read(self.world.path(path)).map_err(|error| error.to_string())?;
                Ok(())
            }
            _ => self.prepare(word, &words, block),
        }
    }

    fn run(&mut self, name: &str, arguments: &[&str]) -> Outcome {
        self.end_of_run()?;
        let mut command = self.world.command(name);
        for argument in arguments {
            match argument.strip_prefix('@').map(str::parse) {
                Some(Ok(seconds)) => command.args(self.world.at(seconds)),
                _ => command.arg(argument),
            };
        }
        let before = contents(self.world.folder());
        let ran = Ran::of(command, &std::mem::take(&mut self.stdin));
        let after = contents(self.world.folder());
        if let Some(defect) = ran.defect() {
            return Err(format!("{defect}\n{ran}"));
        }
        if arguments.contains(&"--json") && !ran.out.is_empty() {
            ran.json_or_why().map_err(|why| format!("{why}\n{ran}"))?;
        }
        self.ran = Some(Done { ran, before, after, has_exit: false, refused: false, may_change: Vec::new() });
        Ok(())
    }

    /// Every run states its exit code, and a refusal leaves all files as they were.
    fn end_of_run(&mut self) -> Outcome {
        let Some(done) = self.ran.take() else { return Ok(()) };
        if !done.has_exit {
            return Err(format!("the case does not say how this run exits\n{}", done.ran));
        }
        let allowed =
            |path: &PathBuf| done.may_change.iter().any(|prefix| path.to_string_lossy().starts_with(prefix.as_str()));
        if done.refused {
            for (path, bytes) in &done.before {
                if done.after.get(path) != Some(bytes) && !allowed(path) {
                    return Err(format!("{} was changed or lost\n{}", path.display(), done.ran));
                }
            }
            if let Some(new) = done.after.keys().find(|path| !done.before.contains_key(*path) && !allowed(path)) {
                return Err(format!("{} was left behind\n{}", new.display(), done.ran));
            }
        }
        Ok(())
    }

    fn done(&mut self) -> Result<&mut Done, String> {
        self.ran.as_mut().ok_or_else(|| "there was no run yet".into())
    }

    fn demand(&mut self, word: &str, words: &[&str]) -> Outcome {
        let folder = self.world.folder().to_owned();
        let done = self.done()?;
        let ran = &done.ran;
        let met = match (word, words) {
            ("exit", [code]) => {
                done.has_exit = true;
                ran.exit.map(|code| code.to_string()).as_deref() == Some(*code)
            }
            ("error", [code]) => {
                done.refused = true;
                ran.refusal().as_deref() == Some(*code)
            }
            ("stdout", [text]) => ran.out.contains(text),
            ("stderr", [text]) => ran.err.contains(text),
            ("silent", [text]) => !ran.err.contains(text) && !ran.out.contains(text),
            ("json", [pointer, "present"]) => ran.json_or_why()?.pointer(pointer).is_some(),
            ("json", [pointer, "absent"]) => ran.json_or_why()?.pointer(pointer).is_none(),
            ("json", [pointer, "has", text]) => {
                ran.json_or_why()?.pointer(pointer).and_then(Value::as_str).is_some_and(|found| found.contains(text))
            }
            ("json", [pointer, value]) => {
                // A word that is no JSON is a text.
                let wanted = serde_json::from_str(value).unwrap_or_else(|_| Value::String((*value).to_owned()));
                ran.json_or_why()?.pointer(pointer) == Some(&wanted)
            }
            ("same", [one, other]) => {
                fs::read(folder.join(one)).map_err(|error| error.to_string())?
                    == fs::read(folder.join(other)).map_err(|error| error.to_string())?
            }
            ("exists", [path]) => folder.join(path).is_file(),
            ("missing", [path]) => !folder.join(path).exists(),
            _ => return Err("no such demand".into()),
        };
        if met { Ok(()) } else { Err(format!("not so:\n{ran}")) }
    }

    /// What became of the file with this path, or the end of one.
    fn became(&mut self, name: &str, fate: &str) -> Outcome {
        let ran = &self.done()?.ran;
        let answer = ran.json_or_why()?;
        let files = answer["files"].as_array().ok_or_else(|| format!("no files are named\n{ran}"))?;
        let is_it = |file: &&Value| Path::new(file["file"].as_str().unwrap_or_default()).ends_with(name);
        let mut found = files.iter().filter(is_it);
        let (Some(file), None) = (found.next(), found.next()) else {
            return Err(format!("there are none or several of this name\n{ran}"));
        };
        let met = match file["result"].as_str() {
            Some("refused") => {
                let error = &file["error"];
                error["code"] == fate && error["what"].as_str().is_some_and(|what| what.len() > 20)
            }
            result => result == Some(fate),
        };
        if met { Ok(()) } else { Err(format!("not so: {file}\n{ran}")) }
    }

    /// Asks a counter what it goes by.
    fn in_use(&mut self, state: &str, time: &str, words: &[&str]) -> Outcome {
        self.end_of_run()?;
        let seconds: i64 = time.strip_prefix('@').and_then(|text| text.parse().ok()).ok_or("no time")?;
        let ran = self.ask("verifier", &["show", "--state", state, "--json"], seconds)?;
        let shown = ran.json_or_why()?;
        let demand = |what: &str, found: &Value, wanted: &Value| {
            if found == wanted { Ok(()) } else { Err(format!("{what} is {found}, not {wanted}\n{ran}")) }
        };
        let number = |text: &str| text.parse::<i64>().map(Value::from).map_err(|_| format!("{text} is no number"));
        let (mut verdict, mut sample, mut phone) = (None, 1, 0);
        for word in words {
            match word.split_once('=').ok_or("no demand")? {
                ("trust", "none") => demand("the trust list", &shown["trust"], &Value::Null)?,
                ("trust", version) => demand("its version", &shown["trust"]["version"], &number(version)?)?,
                ("trust-age", age) => demand("its age", &shown["trust"]["age_s"], &number(age)?)?,
                ("newest", "none") => demand("the newest signed time", &shown["newest_signed"], &Value::Null)?,
                ("newest", seconds) => {
                    let newest = self.world.time(seconds.parse().map_err(|_| "no number")?).to_string();
                    demand("the newest signed time", &shown["newest_signed"], &newest.into())?;
                }
                ("status", lists) => {
                    let lists: Vec<&str> = lists.split(',').filter(|list| *list != "none").collect();
                    let found = shown["status"].as_array().map_or(&[][..], Vec::as_slice);
                    demand("the number of status lists", &found.len().into(), &lists.len().into())?;
                    for list in lists {
                        let (number, wanted) = list.split_once(':').ok_or("status=LIST:AGE")?;
                        let end = format!("/{number}");
                        let is_it = |list: &&Value| list["subject"].as_str().is_some_and(|name| name.ends_with(&end));
                        let found = found.iter().find(is_it).unwrap_or(&Value::Null);
                        let what = format!("status list {number}");
                        match wanted.parse::<i64>() {
                            Ok(age) => demand(&what, &found["age_s"], &age.into())?,
                            Err(_) if found["standing"] == "unusable" => {
                                demand(&what, &found["error"]["code"], &wanted.into())?;
                            }
                            Err(_) => demand(&what, &found["standing"], &wanted.into())?,
                        }
                    }
                }
                ("verdict", reason) => verdict = Some(reason),
                ("sample", no) => sample = no.parse().map_err(|_| "no sample")?,
                ("phone", ahead) => phone = ahead.parse().map_err(|_| "no number")?,
                _ => return Err(format!("{word} is no such demand")),
            }
        }
        let Some(reason) = verdict else { return Ok(()) };
        let code = self.code(sample, seconds + phone)?;
        let ran = self.ask("verifier", &["verify", "--state", state, "--text", &code, "--json"], seconds)?;
        let said = ran.json_or_why()?;
        if said["reason"] == reason { Ok(()) } else { Err(format!("the verdict is not {reason}\n{ran}")) }
    }

    /// A code of a sample, made at this time.
    fn code(&self, sample: u64, seconds: i64) -> Result<String, String> {
        let permit = residence_code(sample);
        let present = ["present", "--dir", phone_of(sample), "--permit", &permit, "--text"];
        Ok(self.ask("holder", &present, seconds)?.out.trim().to_owned())
    }

    fn ask(&self, name: &str, arguments: &[&str], seconds: i64) -> Result<Ran, String> {
        let mut command = self.world.command(name);
        command.args(arguments).args(self.world.at(seconds));
        let ran = Ran::of(command, b"");
        ran.defect().map_or(Ok(()), |defect| Err(format!("{defect}\n{ran}")))?;
        Ok(ran)
    }

    fn keep(&mut self, name: &str, pointer: &[&str]) -> Outcome {
        let ran = &self.done()?.ran;
        let value = match pointer {
            [] => ran.out.trim().to_owned(),
            [pointer, ..] => match ran.json_or_why()?.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => return Err(format!("there is no such member\n{ran}")),
            },
        };
        self.kept.insert(name.to_owned(), value);
        Ok(())
    }

    fn define(&mut self, name: &str, value: &[&str]) -> Outcome {
        let value = match value {
            ["repeat", count, text] => text.repeat(count.parse().map_err(|_| "no count")?),
            ["wide", text] => {
                let wide = |c: char| c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(c);
                text.chars().map(wide).collect()
            }
            ["sha256", path] => {
                hex::encode(sha256(&fs::read(self.world.path(path)).map_err(|error| error.to_string())?))
            }
            ["hex", path] => hex::encode(fs::read(self.world.path(path)).map_err(|error| error.to_string())?),
            [text] => (*text).to_owned(),
            _ => return Err("no value".into()),
        };
        self.kept.insert(name.to_owned(), value);
        Ok(())
    }

    fn prepare(&mut self, word: &str, words: &[&str], block: &str) -> Outcome {
        // What is prepared is no doing of the run before.
        self.end_of_run()?;
        self.write(word, words, block)
    }

    fn write(&self, word: &str, words: &[&str], block: &str) -> Outcome {
        let path = |name: &str| self.world.path(name);
        let written = match (word, words) {
            ("write", [name]) => fs::write(path(name), self.fill_in(block)?),
            ("hex", [name, digits]) => fs::write(path(name), hex::decode(digits).map_err(|error| error.to_string())?),
            ("fill", [name, count, text]) => fs::write(path(name), text.repeat(count.parse().map_err(|_| "no count")?)),
            ("sparse", [name, bytes]) => {
                fs::File::create(path(name)).and_then(|file| file.set_len(bytes.parse().unwrap_or_default()))
            }
            ("copy", [from, to]) => fs::copy(path(from), path(to)).map(|_| ()),
            ("cut", [name, bytes]) => fs::OpenOptions::new()
                .write(true)
                .open(path(name))
                .and_then(|file| file.set_len(bytes.parse().unwrap_or_default())),
            ("delete", [name]) => fs::remove_file(path(name)),
            ("folder", [name]) => fs::create_dir_all(path(name)),
            #[cfg(unix)]
            ("link", [target, name]) => std::os::unix::fs::symlink(target, path(name)),
            #[cfg(unix)]
            ("mode", [mode, name]) => {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = u32::from_str_radix(mode, 8).map_err(|_| "no mode")?;
                fs::set_permissions(path(name), fs::Permissions::from_mode(mode))
            }
            ("fixture", [name, to]) => {
                fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name), path(to)).map(|_| ())
            }
            ("replace", [name, old, new]) => {
                let text = fs::read_to_string(path(name)).map_err(|error| error.to_string())?;
                if text.matches(old).count() != 1 {
                    return Err(format!("{old} does not stand there once"));
                }
                fs::write(path(name), text.replacen(old, new, 1))
            }
            ("sql", [name, statement]) => {
                return rusqlite::Connection::open(path(name))
                    .and_then(|database| database.execute_batch(statement))
                    .map_err(|error| error.to_string());
            }
            ("key", words) => return lists::key(self.world, words),
            ("trust", [name, words @ ..]) => return lists::trust(self.world, name, words),
            ("status", [name, words @ ..]) => return lists::status(self.world, name, words),
            ("picture", [name, codes @ ..]) => return sheet(codes).save(path(name)).map_err(|error| error.to_string()),
            _ => return Err("no such line".into()),
        };
        written.map_err(|error| error.to_string())
    }

    fn words(&self, rest: &str) -> Result<Vec<String>, String> {
        let mut words = Vec::new();
        let mut letters = rest.chars().peekable();
        while letters.peek().is_some() {
            let mut word = String::new();
            let mut quoted = false;
            let mut any = false;
            while let Some(letter) = letters.next_if(|letter| quoted || *letter != ' ') {
                any = true;
                match letter {
                    '"' => quoted = !quoted,
                    '\\' if quoted => word.push(match letters.next() {
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(other) => other,
                        None => return Err("a line ends with \\".into()),
                    }),
                    other => word.push(other),
                }
            }
            letters.next();
            if any {
                words.push(self.fill_in(&word)?);
            }
        }
        Ok(words)
    }

    /// Puts in what was kept, the longest name first.
    fn fill_in(&self, text: &str) -> Result<String, String> {
        let mut names: Vec<&String> = self.kept.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let mut text = text.to_owned();
        for name in names {
            text = text.replace(&format!("${name}"), &self.kept[name]);
        }
        match text.split_once('$') {
            Some((_, unknown)) if unknown.starts_with(|c: char| c.is_ascii_lowercase()) => {
                Err(format!("${unknown} was not kept"))
            }
            _ => Ok(text),
        }
    }
}

/// All files but those that SQLite keeps beside its own while it works.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files_under(folder);
    files.retain(|path| !["-wal", "-shm", "-journal"].iter().any(|end| path.to_string_lossy().ends_with(end)));
    let read = |path: PathBuf| {
        let whole = folder.join(&path);
        let bytes = match fs::symlink_metadata(&whole) {
            // Of a huge file only the size counts.
            Ok(file) if file.is_file() && file.len() > 64 << 20 => file.len().to_be_bytes().to_vec(),
            Ok(file) if file.is_file() => fs::read(&whole).unwrap_or_default(),
            _ => b"not a file".to_vec(),
        };
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

/// A white sheet with the codes side by side, six pixels a module.
pub fn sheet<T: AsRef<str>>(codes: &[T]) -> GrayImage {
    let drawn: Vec<GrayImage> = codes
        .iter()
        .map(|code| draw(&QrCode::with_error_correction_level(code.as_ref(), EcLevel::L).expect("a text that fits")))
        .collect();
    let width = drawn.iter().map(GrayImage::width).sum::<u32>().max(400);
    let height = drawn.iter().map(GrayImage::height).max().unwrap_or(400);
    let mut sheet = GrayImage::from_pixel(width, height, Luma([255]));
    let mut left = 0;
    for code in &drawn {
        imageops::overlay(&mut sheet, code, left, 0);
        left += i64::from(code.width());
    }
    sheet
}

/// Six pixels a module, and the four modules of white around it that the standard demands.
fn draw(code: &QrCode) -> GrayImage {
    const MODULE: usize = 6;
    const QUIET: usize = 4;
    let width = code.width();
    let side = u32::try_from((width + 2 * QUIET) * MODULE).expect("a small picture");
    GrayImage::from_fn(side, side, |x, y| {
        let module = |at: u32| (at as usize / MODULE).checked_sub(QUIET).filter(|at| *at < width);
        match (module(x), module(y)) {
            (Some(x), Some(y)) if code[(x, y)] == Color::Dark => Luma([0]),
            _ => Luma([255]),
        }
    })
}
