//! `issuer issue` and `issuer voucher`: a row is read and checked, signed and stored, written as a file; three stages that run at once.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use command_line::escape::json_safe;
use command_line::files;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::day::Day;
use credential_format::text::Kind;
use credential_format::timestamp::Timestamp;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use issuer::bulk::Bearer;
use issuer::ledger::{Dice, Entry, IdempotencyKey, Ledger, LedgerError, Order};
use issuer::qr::{Level, QrCode};
use issuer::{FieldError, IssuingKey, PermitRequest};
use rayon::prelude::*;
use serde_json::json;

use super::enrolments::Enrolments;
use super::rows::{Requests, Row};
use super::{AnySigner, ClockArgs, KeyArgs, from_issue, from_sentence, say, shown};

#[derive(Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    common: Common,

    /// The codes that phones made with `holder enrol`: a file with one code (digits) a line, or a folder of such files. They are matched
    /// by residence code. A row without an enrolment must name its device_key
    #[arg(long, value_name = "FILE|FOLDER")]
    enrolments: Option<PathBuf>,

    /// Also write the delivery code as a picture, <residence-code>.png
    #[arg(long)]
    png: bool,

    /// Also write the delivery code as a drawing, <residence-code>.svg
    #[arg(long)]
    svg: bool,
}

#[derive(Args)]
pub(crate) struct Voucher {
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    #[command(flatten)]
    key: KeyArgs,

    /// The requests: .json (a list), .csv (with a line of column names) or .ndjson (one JSON object a line), UTF-8; - reads ndjson from
    /// standard input. Fields: residence_code, name, citizen_id, ethnicity, household_division, household_address, address_division,
    /// address, issued_on, endorsed_until or endorsement_years; optional: expires_at, agent_name, agent_relation, portrait_sha256,
    /// device_key, enrolment_nonce, voucher_serial, voucher_place
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,

    /// The folder for the permits, one file each, named by residence code; made if it is missing. Rows that were refused are listed there
    /// in refused.ndjson
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,

    /// The record of all permits and status slots (SQLite); made if it is missing. One issuer, one ledger [default: ledger.sqlite3 beside
    /// the key]
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    /// A name for this run, 1 to 128 characters. The same requests under the same name give the same permits again, so that a run that
    /// was cut off is finished by repeating it. Without a name each run issues anew
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Issue {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.common.clock.now()?;
        let enrolments = match &self.enrolments {
            Some(path) => Enrolments::load(path)?,
            None => Enrolments::default(),
        };
        let pictures = Pictures { png: self.png, svg: self.svg };
        self.common.run(json, now, pictures, &|request| enrolments.device_for(request, now).map(Bearer::Device))
    }
}

impl Voucher {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.common.clock.now()?;
        self.common.run(json, now, Pictures { png: true, svg: true }, &|request| {
            request.voucher().cloned().map(Bearer::Paper).ok_or(VOUCHER_MISSING)
        })
    }
}

/// What is wrong with a row, in the form of a [`FieldError`].
pub(crate) struct Fault {
    field: &'static str,
    code: &'static str,
    en: Cow<'static, str>,
    zh: Cow<'static, str>,
}

impl Fault {
    pub(crate) const fn fixed(field: &'static str, code: &'static str, en: &'static str, zh: &'static str) -> Fault {
        Fault { field, code, en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    pub(crate) fn new(field: &'static str, code: &'static str, en: String, zh: String) -> Fault {
        Fault { field, code, en: en.into(), zh: zh.into() }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Fault {
        Fault { field: error.field, code: error.code, en: error.en, zh: error.zh }
    }
}

const VOUCHER_MISSING: Fault = Fault::fixed(
    "voucher_serial",
    "VOUCHER_MISSING",
    "the row has no voucher_serial and voucher_place; a printed permit needs both",
    "本行未填写凭证编号和打印地点，纸质凭证两项都需要",
);

#[derive(Clone, Copy)]
struct Pictures {
    png: bool,
    svg: bool,
}

impl Pictures {
    /// So many rows go from stage to stage together, and up to three times as many are stored and not written yet. A run that is halted
    /// writes those before it ends, which is not to take long: a file takes a tenth of a millisecond, a picture many.
    fn chunk(self) -> usize {
        if self.png || self.svg { 16 } else { 256 }
    }
}

/// Pixels a module: a code of version 12 is about 4 cm wide at 300 dots per inch.
const PNG_SCALE: u32 = 6;

/// A row that passed the checks, or what is wrong with it.
struct Checked {
    place: u64,
    order: Result<Order, Vec<Fault>>,
}

/// A row that is done: its permit is in the ledger, or it is refused.
struct Done {
    place: u64,
    result: Result<Entry, Vec<Fault>>,
}

#[derive(Default)]
struct Tally {
    issued: u64,
    repeated: u64,
    refused: u64,
}

impl Common {
    fn run(
        &self,
        json: bool,
        now: Timestamp,
        pictures: Pictures,
        bearer: &(dyn Fn(&PermitRequest) -> Result<Bearer, Fault> + Sync),
    ) -> Result<Exit, Refusal> {
        let idempotency_key = self.idempotency_key.as_deref().map(read_idempotency_key).transpose()?;
        let path = self.ledger.clone().map_or_else(|| self.key.ledger_beside(), Ok)?;
        if self.key.passphrase_is_standard_input() && self.requests == Path::new("-") {
            return Err(Refusal::usage(
                "PASSPHRASE_STDIN",
                "standard input cannot carry the requests and the passphrase",
                "give --passphrase-fd another descriptor, such as 3 with 3<FILE in a shell",
            ));
        }
        let requests = Requests::open(&self.requests)?;
        let key = self.key.load()?;
        files::make_folder(&self.out, true)?;
        files::make_folder(&self.out.join(UNFINISHED), true)?;
        let mut ledger = open_ledger(&path)?;
        let mut run = ledger.begin(idempotency_key.as_ref(), now).map_err(|error| from_ledger(&path, &error))?;
        let mut dice = Dice::new(random_bytes()?);

        let bar = progress_bar();
        let begun = Instant::now();
        let tally = thread::scope(|scope| {
            let (to_sign, checked) = sync_channel(2);
            let (to_write, done) = sync_channel(1);
            let requests = &requests;
            let bar = &bar;
            let reader = scope.spawn(move || check_rows(requests, pictures.chunk(), now.day(), bearer, &to_sign));
            let writer = scope.spawn(move || write_rows(&self.out, requests.place_word(), pictures, done, bar));
            let mut sign = |rows| sign_rows(&mut ledger, &mut run, rows, now, &key, &mut dice);
            let signed = sign_all(checked, to_write, &mut sign);
            // Whoever stopped first closed the others' channels: the writer's reason counts before the signer's, and that before the reader's.
            let tally = writer.join().map_err(|_| defect())?;
            let read = reader.join().map_err(|_| defect())?;
            let tally = tally?;
            signed.map_err(|error| cut_off(from_ledger(&path, &error), &tally))?;
            read?;
            Ok::<Tally, Refusal>(tally)
        })?;
        bar.finish_and_clear();
        tidy(&self.out);
        self.report(json, &tally, begun.elapsed(), &path, &key)
    }

    fn report(
        &self,
        json: bool,
        tally: &Tally,
        elapsed: Duration,
        ledger: &Path,
        key: &IssuingKey<AnySigner>,
    ) -> Result<Exit, Refusal> {
        let Tally { issued, repeated, refused } = *tally;
        let rate = ((issued + repeated) as f64 / elapsed.as_secs_f64().max(0.001)).round() as u64;
        let refused_file = self.out.join(REFUSED);
        let value = json!({
            "v": 1,
            "issued": issued,
            "already_issued": repeated,
            "refused": refused,
            "refused_file": (refused > 0).then(|| shown(&refused_file)),
            "permits_per_second": rate,
            "kid": key.kid().to_string(),
            "out": shown(&self.out),
            "ledger": shown(ledger),
        });
        let mut text = format!("issued {issued}, already issued {repeated}, refused {refused}, {rate} permits/s");
        if refused > 0 {
            text.push_str(&format!("\nthe refused rows are listed in {}", shown(&refused_file)));
        }
        say(json, &value, &text)?;
        match (issued + repeated, refused) {
            (0, 0) => {
                eprintln!("warning: the file has no request");
                Ok(Exit::Undetermined)
            }
            (_, 0) => Ok(Exit::Done),
            _ => Ok(Exit::Rejected),
        }
    }
}

fn read_idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text).ok_or_else(|| {
        Refusal::usage(
            "IDEMPOTENCY_KEY",
            "the idempotency key is not 1 to 128 visible ASCII characters",
            "write it like 2026-07-01-tianhe-batch-3",
        )
    })
}

/// The ledger at this path, made if it is missing.
pub(crate) fn open_ledger(path: &Path) -> Result<Ledger, Refusal> {
    Ledger::open(path, &random_bytes()?).map_err(|error| from_ledger(path, &error))
}

pub(crate) fn from_ledger(path: &Path, error: &LedgerError) -> Refusal {
    let exit = match error {
        LedgerError::Issue(error) => return from_issue(error),
        // Not cut in two at a semicolon, which the reason may hold.
        LedgerError::Halted { since, reason } => {
            return Refusal::rejected(
                error.code(),
                format!("签发已暂停 issuing with {} was halted at {since}: {reason}", path.display()),
                "once it is cleared up, type `issuer resume`, and run the same command again with the same --idempotency-key",
            );
        }
        // Not in the ledger's folder, whose name would send somebody to the wrong disk.
        LedgerError::Temporary(_) => return from_sentence(error.code(), Exit::Internal, &error.to_string()),
        LedgerError::NotHalted => Exit::Undetermined,
        // A disk that cannot be written is the machine's fault, whatever was typed.
        LedgerError::File(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Exit::Internal,
        LedgerError::Open | LedgerError::File(_) | LedgerError::NotALedger | LedgerError::Form(_) => Exit::Usage,
        LedgerError::ListUnknown(_) => Exit::Usage,
        LedgerError::StatusFinal { .. } => Exit::Rejected,
        LedgerError::NotFound => Exit::Undetermined,
        _ => Exit::Internal,
    };
    from_sentence(error.code(), exit, &format!("{}: {error}", path.display()))
}

/// A refusal that ends a run, with what the run has issued before.
fn cut_off(refusal: Refusal, tally: &Tally) -> Refusal {
    match tally.issued {
        0 => refusal,
        issued => Refusal::new(
            refusal.code(),
            refusal.exit(),
            format!("{}; before that this run issued {issued}, which stay issued", refusal.what()),
            refusal.remedy(),
        ),
    }
}

/// The first stage: reads and checks, and hands over a chunk at a time. Ends quietly when nobody takes the chunks any more.
fn check_rows(
    requests: &Requests,
    size: usize,
    today: Day,
    bearer: &(dyn Fn(&PermitRequest) -> Result<Bearer, Fault> + Sync),
    to_sign: &SyncSender<Vec<Checked>>,
) -> Result<(), Refusal> {
    let mut chunk = Vec::with_capacity(size);
    let mut is_over = false;
    let outcome = requests.read(&mut |row| {
        chunk.push(check(row, today, bearer));
        if chunk.len() == size {
            is_over = to_sign.send(std::mem::replace(&mut chunk, Vec::with_capacity(size))).is_err();
        }
        if is_over { Err(defect()) } else { Ok(()) }
    });
    if is_over {
        return Ok(());
    }
    // What was read before the file broke off is still issued.
    let _ = to_sign.send(chunk);
    outcome
}

fn check(row: Row, today: Day, bearer: &dyn Fn(&PermitRequest) -> Result<Bearer, Fault>) -> Checked {
    let place = row.place;
    let order = row
        .raw
        .map_err(|fault| vec![Fault { field: "", code: fault.code, en: fault.en.into(), zh: fault.zh.into() }])
        .and_then(|raw| raw.check(today).map_err(|errors| errors.into_iter().map(Fault::from).collect()))
        .and_then(|request| match bearer(&request) {
            Ok(bearer) => Ok(Order { place, request, bearer }),
            Err(fault) => Err(vec![fault]),
        });
    Checked { place, order }
}

/// The second stage, on this thread: chunk after chunk is signed and stored.
fn sign_all(
    checked: Receiver<Vec<Checked>>,
    to_write: SyncSender<Vec<Done>>,
    sign: &mut dyn FnMut(Vec<Checked>) -> (Vec<Done>, Result<(), LedgerError>),
) -> Result<(), LedgerError> {
    for chunk in checked {
        let (done, outcome) = sign(chunk);
        // What is stored is written even if the rest of the chunk was not to be had.
        let is_over = to_write.send(done).is_err();
        outcome?;
        if is_over {
            break;
        }
    }
    Ok(())
}

/// The rows that are done; if they are not all, then what stopped the rest.
fn sign_rows(
    ledger: &mut Ledger,
    run: &mut issuer::ledger::Run,
    rows: Vec<Checked>,
    now: Timestamp,
    key: &IssuingKey<AnySigner>,
    dice: &mut Dice,
) -> (Vec<Done>, Result<(), LedgerError>) {
    let mut orders = Vec::with_capacity(rows.len());
    let mut done: Vec<Done> = Vec::with_capacity(rows.len());
    for row in rows {
        match row.order {
            Ok(order) => orders.push(order),
            Err(faults) => done.push(Done { place: row.place, result: Err(faults) }),
        }
    }
    let mut outcome = Ok(());
    let mut rest = orders.as_slice();
    while !rest.is_empty() && outcome.is_ok() {
        match ledger.issue_all(run, rest, now, key, dice) {
            Err(error) => outcome = Err(error),
            Ok(results) => {
                let (some, left) = rest.split_at_checked(results.len()).unwrap_or((rest, &[]));
                rest = left;
                for (order, result) in some.iter().zip(results) {
                    let result = result.map_err(|refusal| {
                        vec![Fault::new(refusal.field(), refusal.code(), refusal.to_string(), refusal.zh())]
                    });
                    done.push(Done { place: order.place, result });
                }
            }
        }
    }
    done.sort_by_key(|row| row.place);
    (done, outcome)
}

/// The third stage: files.
fn write_rows(
    out: &Path,
    place_word: &'static str,
    pictures: Pictures,
    done: Receiver<Vec<Done>>,
    bar: &ProgressBar,
) -> Result<Tally, Refusal> {
    let mut tally = Tally::default();
    let mut refused = Refused { out, place_word, file: None, said: 0 };
    for chunk in done {
        let to_disk = ToDisk::for_rows(chunk.len());
        let write = |row: &Done| match &row.result {
            // A repeated permit that was replaced since must not lie where the newer one lies.
            Ok(entry) if entry.is_in_force => write_permit(out, entry, pictures, to_disk),
            _ => Ok(Vec::new()),
        };
        // Drawing pictures is work for all cores; writing alone is not, since the files all go into one folder.
        let written: Vec<Vec<Unfinished>> = match pictures.png || pictures.svg {
            true => chunk.par_iter().map(write).collect::<Result<_, _>>()?,
            false => chunk.iter().map(write).collect::<Result<_, _>>()?,
        };
        put_in_place(out, written.into_iter().flatten().collect(), to_disk)?;
        for row in &chunk {
            match &row.result {
                Ok(entry) if entry.is_repeat => tally.repeated += 1,
                Ok(_) => tally.issued += 1,
                Err(faults) => {
                    tally.refused += 1;
                    faults.iter().try_for_each(|fault| refused.add(row.place, fault, bar))?;
                }
            }
        }
        bar.set_position(tally.issued + tally.repeated + tally.refused);
    }
    refused.close(bar)?;
    files::sync_names(out)?;
    Ok(tally)
}

/// When the bytes of a chunk of files go to the disk, which they must before the files get their names: a power cut would leave names of empty
/// files otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ToDisk {
    /// File by file.
    Each,
    /// All at once, with whatever else the file system has to write.
    #[cfg(target_os = "linux")]
    Together,
}

impl ToDisk {
    /// For a few files the rest of the file system need not be waited for.
    fn for_rows(rows: usize) -> ToDisk {
        #[cfg(target_os = "linux")]
        if rows > 8 {
            return ToDisk::Together;
        }
        let _ = rows;
        ToDisk::Each
    }
}

/// The files of a permit, written and without their names.
fn write_permit(out: &Path, entry: &Entry, pictures: Pictures, to_disk: ToDisk) -> Result<Vec<Unfinished>, Refusal> {
    let mut written = Vec::new();
    let permit = &entry.permit;
    let name = permit.residence_code().digits();
    let extension = match permit.kind() {
        Kind::Voucher => "voucher",
        _ => "permit",
    };
    let file = format!("{name}.{extension}");
    // A run that is repeated finds most files as they should be.
    if !(entry.is_repeat && fs::read(out.join(&file)).is_ok_and(|old| old == permit.bytes())) {
        written.push(Unfinished::write(out, &file, permit.bytes(), to_disk)?);
    }
    if pictures.png || pictures.svg {
        // A sheet of paper gets dirty and creased; a code that is delivered from screen to screen does not.
        let level = if permit.kind() == Kind::Voucher { Level::M } else { Level::L };
        let code =
            QrCode::from_digits(&permit.text(), level).or_else(|_| QrCode::from_digits(&permit.text(), Level::L));
        let code = code.map_err(|error| not_drawn(error.code(), &error))?;
        if pictures.png {
            let png = code.to_png(PNG_SCALE).map_err(|error| not_drawn(error.code(), &error))?;
            written.push(Unfinished::write(out, &format!("{name}.png"), &png, to_disk)?);
        }
        if pictures.svg {
            written.push(Unfinished::write(out, &format!("{name}.svg"), code.to_svg().as_bytes(), to_disk)?);
        }
    }
    Ok(written)
}

fn not_drawn(code: &'static str, error: &dyn std::fmt::Display) -> Refusal {
    from_sentence(code, Exit::Internal, &error.to_string())
}

/// A file that has its bytes and not its name; gone if it never gets it.
struct Unfinished {
    at: PathBuf,
    path: PathBuf,
    is_placed: bool,
}

impl Unfinished {
    fn write(out: &Path, name: &str, bytes: &[u8], to_disk: ToDisk) -> Result<Unfinished, Refusal> {
        let file = Unfinished { at: unfinished(out, name), path: out.join(name), is_placed: false };
        let written = create(&file.at).and_then(|mut opened| {
            opened.write_all(bytes)?;
            if to_disk == ToDisk::Each { opened.sync_all() } else { Ok(()) }
        });
        written.map_err(|error| write_failed(&file.path, &error))?;
        Ok(file)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = fs::remove_file(&self.at);
        }
    }
}

/// Gives files their names, once all their bytes are on the disk: each is there whole or not at all, whatever stops the machine.
fn put_in_place(out: &Path, written: Vec<Unfinished>, to_disk: ToDisk) -> Result<(), Refusal> {
    #[cfg(target_os = "linux")]
    if to_disk == ToDisk::Together && !written.is_empty() {
        files::sync_file_system(out)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (out, to_disk);
    for mut file in written {
        fs::rename(&file.at, &file.path).map_err(|error| write_failed(&file.path, &error))?;
        file.is_placed = true;
    }
    Ok(())
}

/// A folder of its own for files that are not whole yet: in a small folder names come and go faster than in a large one.
const UNFINISHED: &str = ".unfinished";

fn unfinished(out: &Path, name: &str) -> PathBuf {
    out.join(UNFINISHED).join(format!("{}-{name}", std::process::id()))
}

/// Takes away what killed runs left. A file is unfinished for as long as the disk takes. The folder stays: another run may be about to begin
/// its first file there.
fn tidy(out: &Path) {
    for entry in fs::read_dir(out.join(UNFINISHED)).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
        let is_list = entry.file_name().to_string_lossy().ends_with(REFUSED);
        if age.is_some_and(|age| age > Duration::from_secs(if is_list { 86_400 } else { 600 })) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn write_failed(path: &Path, error: &std::io::Error) -> Refusal {
    let hint = "then run the same command again with the same --idempotency-key: what is in the ledger is written, not issued twice";
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Refusal::internal(
            "DISK_FULL",
            format!("there is no room to write {}", path.display()),
            format!("make room, {hint}"),
        ),
        _ => Refusal::internal(
            "FILE_WRITE_FAILED",
            format!("cannot write {}: {error}", path.display()),
            format!("check the folder and the disk, {hint}"),
        ),
    }
}

const REFUSED: &str = "refused.ndjson";
/// So many faults are said on standard error; all of them stand in the file.
const SAID_MOST: u64 = 100;

/// The list of refused rows: places, fields, codes and sentences, and no value of any field.
struct Refused<'o> {
    out: &'o Path,
    place_word: &'static str,
    file: Option<BufWriter<File>>,
    said: u64,
}

impl Refused<'_> {
    fn add(&mut self, place: u64, fault: &Fault, bar: &ProgressBar) -> Result<(), Refusal> {
        self.said += 1;
        if self.said <= SAID_MOST {
            let colon = if fault.field.is_empty() { "" } else { ": " };
            let line = format!(
                "{} {place}: {}{colon}{} [{}]\n        {}",
                self.place_word, fault.field, fault.en, fault.code, fault.zh
            );
            bar.suspend(|| eprintln!("{line}"));
        } else if self.said == SAID_MOST + 1 {
            bar.suspend(|| {
                eprintln!("more rows are refused; all of them will stand in {}", shown(&self.out.join(REFUSED)))
            });
        }
        let line = json!({
            self.place_word: place, "field": fault.field, "code": fault.code, "en": fault.en, "zh": fault.zh,
        });
        let path = unfinished(self.out, REFUSED);
        if self.file.is_none() {
            self.file = Some(BufWriter::new(create(&path).map_err(|error| write_failed(&path, &error))?));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        writeln!(file, "{}", json_safe(&line.to_string())).map_err(|error| write_failed(&path, &error))
    }

    /// Puts the list in its place; without any refused row, takes away that of an earlier run.
    fn close(self, bar: &ProgressBar) -> Result<(), Refusal> {
        let (path, unfinished) = (self.out.join(REFUSED), unfinished(self.out, REFUSED));
        if self.said > SAID_MOST {
            bar.suspend(|| eprintln!("{} faults in all", self.said));
        }
        let outcome = match self.file {
            Some(mut file) => {
                let written = file.flush().and_then(|()| file.get_ref().sync_all());
                written.and_then(|()| fs::rename(&unfinished, &path))
            }
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        outcome.map_err(|error| write_failed(&path, &error))
    }
}

/// Counts on standard error while it is a terminal; otherwise says nothing.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} rows, {whole_per_sec} a second, {elapsed}") {
        // Whole rows: four decimals of a row help nobody.
        bar.set_style(style.with_key("whole_per_sec", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{:.0}", state.per_sec());
        }));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn defect() -> Refusal {
    Refusal::internal(
        "DEFECT",
        "a part of the command stopped without saying why",
        "run the same command again with the same --idempotency-key, and report this if it happens again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out() -> tempfile::TempDir {
        let out = tempfile::tempdir().unwrap();
        files::make_folder(&out.path().join(UNFINISHED), true).unwrap();
        out
    }

    #[test]
    fn a_full_folder_for_temporary_files_is_not_said_to_be_the_ledger() {
        let full = LedgerError::Temporary(rusqlite::Error::InvalidQuery);
        let refusal = from_ledger(Path::new("office/ledger.sqlite3"), &full);
        assert_eq!((refusal.code(), refusal.exit()), ("TEMPORARY_FAILED", Exit::Internal));
        let shown = refusal.to_string();
        assert!(shown.contains("TMPDIR") && !shown.contains("ledger.sqlite3"), "{shown}");
        let of_the_ledger = from_ledger(Path::new("office/ledger.sqlite3"), &LedgerError::DiskFull).to_string();
        assert!(of_the_ledger.contains("office/ledger.sqlite3"), "{of_the_ledger}");
    }

    #[test]
    fn many_runs_write_into_one_folder_and_tidy_it() {
        let out = out();
        let out = out.path();
        thread::scope(|scope| {
            for run in 0..4 {
                scope.spawn(move || {
                    for number in 0..200 {
                        let name = format!("{run}-{number}");
                        let written = Unfinished::write(out, &name, name.as_bytes(), ToDisk::for_rows(100)).unwrap();
                        put_in_place(out, vec![written], ToDisk::Each).unwrap();
                        tidy(out);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(out).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count(), 800);
    }

    /// What is young may belong to a run at work.
    #[test]
    fn what_killed_runs_left_is_taken_away_once_it_is_old() {
        let out = out();
        let old = |name: &str, seconds: u64| {
            let file = create(&unfinished(out.path(), name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        for (name, seconds) in [("a", 590), ("b", 601), ("c", 86_390), (REFUSED, 86_390)] {
            old(name, seconds);
        }
        tidy(out.path());
        let left = |name: &str| unfinished(out.path(), name).exists();
        assert_eq!([left("a"), left("b"), left("c"), left(REFUSED)], [true, false, false, true]);
        old(REFUSED, 86_401);
        tidy(out.path());
        assert!(!left(REFUSED));
    }
}
