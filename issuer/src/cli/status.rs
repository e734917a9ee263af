//! `issuer status`

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::counter_id::CounterId;
use credential_format::limits::STATUS_TOKEN_BYTES_MAX;
use credential_format::permit::StatusSlot;
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::{Status, StatusListHead, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use issuer::IssuingKey;
use issuer::ledger::{AHEAD_MAX, Ledger, Publication, Target, word};
use issuer::status::{self, PublishedStatusList, StatusError, StatusPeriod, StatusUri};
use rayon::prelude::*;
use serde_json::json;
use signature::Signer;

use super::issue::{from_ledger, open_ledger};
use super::{ClockArgs, KeyArgs, from_sentence, from_signing, say, shown};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Set the status of a permit. Counters learn of it with the next `status publish`
    Set(Set),
    /// Sign and write status lists for counters to fetch
    Publish(Publish),
}

impl Command {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match self {
            Command::Set(command) => command.run(json),
            Command::Publish(command) => command.run(json),
        }
    }
}

#[derive(Args)]
pub(crate) struct Set {
    /// The ledger of the issuer
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,

    /// The number of the status list, with --index
    #[arg(long, value_name = "N", requires = "index")]
    list: Option<u64>,

    /// The entry in the list, with --list
    #[arg(long, value_name = "I", requires = "list")]
    index: Option<u64>,

    /// Instead of --list and --index: all permits in force of this residence code
    #[arg(long, value_name = "CODE", conflicts_with_all = ["list", "index"], required_unless_present = "list")]
    residence_code: Option<String>,

    /// The new status. Cancelled is final, and superseded can only become cancelled
    #[arg(value_name = "STATUS")]
    status: StatusWord,

    #[command(flatten)]
    clock: ClockArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum StatusWord {
    /// 有效
    Valid,
    /// 注销: final
    Cancelled,
    /// 中止, by the authority
    Suspended,
    /// 已有新版本
    Superseded,
}

impl Set {
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let target = match (&self.residence_code, self.list, self.index) {
            (Some(code), ..) => Target::ResidenceCode(
                ResidenceCode::parse(code)
                    .map_err(|error| from_sentence(error.code(), Exit::Usage, &error.to_string()))?,
            ),
            (None, Some(list), Some(index)) => Target::Slot(StatusSlot { list, index }),
            _ => {
                return Err(Refusal::usage(
                    "STATUS_TARGET",
                    "no permit is named",
                    "give --residence-code, or --list and --index",
                ));
            }
        };
        let to = match self.status {
            StatusWord::Valid => Status::Valid,
            StatusWord::Cancelled => Status::Cancelled,
            StatusWord::Suspended => Status::Suspended,
            StatusWord::Superseded => Status::Superseded,
        };
        let mut ledger = existing_ledger(&self.ledger)?;
        let changes =
            ledger.set_status(target, to, self.clock.now()?).map_err(|error| from_ledger(&self.ledger, &error))?;
        let value = json!({
            "v": 1,
            "permits": changes.iter().map(|change| json!({
                "list": change.slot.list, "index": change.slot.index, "from": word(change.from), "to": word(change.to),
            })).collect::<Vec<_>>(),
        });
        let lines = changes.iter().map(|change| {
            let StatusSlot { list, index } = change.slot;
            match change.from == change.to {
                true => format!("list {list}, index {index}: was {} already\n", word(change.to)),
                false => format!("list {list}, index {index}: {} -> {}\n", word(change.from), word(change.to)),
            }
        });
        let text = lines.collect::<String>() + "counters learn of it with the next `issuer status publish`";
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}

#[derive(Args)]
pub(crate) struct Publish {
    /// The ledger of the issuer
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,

    /// The number of one list, or `all`
    #[arg(long, value_name = "N|all")]
    list: String,

    #[command(flatten)]
    key: KeyArgs,

    /// The issuer's status_uri in the trust list: https://status.example.cn/tianhe
    #[arg(long, value_name = "ADDRESS")]
    uri: String,

    /// The folder to publish in; the lists go into its subfolder `status`, one file each, <list>.cwt
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,

    /// The issuer's id, as a further subfolder where several issuers share a folder
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,

    #[command(flatten)]
    period: PeriodArgs,

    #[command(flatten)]
    clock: ClockArgs,
}

/// For how long a status list is good, and from when.
#[derive(Args)]
pub(crate) struct PeriodArgs {
    /// For how many days counters may use the list
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=366))]
    expires_days: u64,

    /// After how many hours counters are to fetch it anew
    #[arg(long, value_name = "HOURS", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=8784))]
    ttl_hours: u64,

    /// The clock of this machine was ahead when lists were published, and is right now: replace lists that are dated later than a minute from
    /// now by lists of today. Counters whose clock is right have refused those
    #[arg(long)]
    pub(super) clock_was_ahead: bool,
}

impl Publish {
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let uri = StatusUri::parse(&self.uri)
            .map_err(|error| from_sentence(error.code(), Exit::Usage, &error.to_string()))?;
        let mut folder = self.out.join("status");
        if let Some(id) = &self.issuer {
            let id = CounterId::parse(id).map_err(|_| {
                Refusal::usage(
                    "ISSUER_ID",
                    format!("{id} is no issuer id"),
                    "write 1 to 32 of A-Z, 0-9 and -, like TIANHE-01",
                )
            })?;
            folder.push(id.as_str());
        }
        let key = self.key.load()?;
        let now = self.clock.now()?;
        let ledger = existing_ledger(&self.ledger)?;
        let lists = match self.list.as_str() {
            "all" => ledger.lists().map_err(|error| from_ledger(&self.ledger, &error))?,
            number => vec![number.parse().map_err(|_| {
                Refusal::usage(
                    "STATUS_LIST_NUMBER",
                    format!("{number} is no list number"),
                    "give a number from 1, or `all`",
                )
            })?],
        };
        files::make_folder(&folder, false)?;
        let (ledger_path, period) = (self.ledger.as_path(), &self.period);
        let publisher = Publisher { ledger_path, period, ledger: Mutex::new(ledger), uri, folder, now, key };
        let published = publisher.publish_all(&lists)?;
        let value = json!({
            "v": 1,
            "kid": publisher.key.kid().to_string(),
            "lists": published.iter().map(|done| json!({
                "list": done.list,
                "file": shown(&done.path),
                "subject": done.head.subject,
                "issued_at": done.head.issued_at.to_string(),
                "expires_at": done.head.expires_at.map(|at| at.to_string()),
                "bytes": done.bytes,
            })).collect::<Vec<_>>(),
        });
        let lines = published.iter().map(|Published { list, path, head, bytes }| {
            let until = head.expires_at.map_or_else(String::new, |at| format!(", good until {at}"));
            format!("list {list}: {}, of {}{until}, {bytes} bytes\n", shown(path), head.issued_at)
        });
        say(json, &value, &lines.collect::<String>())?;
        Ok(Exit::Done)
    }
}

/// Signs all lists of a ledger and puts them in a folder, for `issuer publish`; how many there are.
pub(super) fn publish_ledger<S: Signer<Signature> + Sync>(
    ledger_path: &Path,
    period: &PeriodArgs,
    uri: StatusUri,
    folder: PathBuf,
    now: Timestamp,
    key: IssuingKey<S>,
) -> Result<usize, Refusal> {
    let ledger = existing_ledger(ledger_path)?;
    let lists = ledger.lists().map_err(|error| from_ledger(ledger_path, &error))?;
    files::make_folder(&folder, false)?;
    let publisher = Publisher { ledger_path, period, ledger: Mutex::new(ledger), uri, folder, now, key };
    publisher.publish_all(&lists).map(|published| published.len())
}

/// A list that lies where it is to be fetched, read back and verified.
struct Published {
    list: u64,
    path: PathBuf,
    head: StatusListHead,
    bytes: usize,
}

/// Takes lists from the ledger, signs them on all cores, and puts them where they are fetched.
///
/// A list gets its time from the ledger before it is signed, and the ledger gives no time twice: a process that dies anywhere leaves the old
/// file or the new one, and never two lists of one time that differ.
struct Publisher<'a, S> {
    ledger_path: &'a Path,
    period: &'a PeriodArgs,
    /// One connection: those who sign take turns with it, for a few milliseconds a list.
    ledger: Mutex<Ledger>,
    uri: StatusUri,
    folder: PathBuf,
    now: Timestamp,
    key: IssuingKey<S>,
}

impl<S: Signer<Signature> + Sync> Publisher<'_, S> {
    /// Publishes these lists. The first that fails ends it; those that were published before, or beside it, stay published.
    fn publish_all(&self, lists: &[u64]) -> Result<Vec<Published>, Refusal> {
        if self.period.clock_was_ahead {
            self.ledger().forget_dates_ahead(self.now).map_err(|error| from_ledger(self.ledger_path, &error))?;
        }
        let progress = Progress::new(lists.len());
        let mut published = Vec::with_capacity(lists.len());
        // So that no more than a few lists are in memory, and the first failure in their order is the one that is told.
        for chunk in lists.chunks(4 * rayon::current_num_threads()) {
            let made: Vec<_> =
                chunk.par_iter().map(|list| self.publish(*list).inspect(|_| progress.advance())).collect();
            let mut failed = None;
            for result in made {
                match result {
                    Ok(done) => published.push(done),
                    Err(refusal) => failed = failed.or(Some(refusal)),
                }
            }
            if let Some(refusal) = failed {
                return Err(among(&refusal, published.len(), lists.len()));
            }
        }
        Ok(published)
    }

    fn publish(&self, list: u64) -> Result<Published, Refusal> {
        let path = self.folder.join(format!("{list}.cwt"));
        let due = self.take(list, &path)?;
        let period = self.period(due.issued_at)?;
        let signed = status::sign(due.entries, list, &self.uri, period, &self.key).map_err(from_status)?;
        self.release(&path, &signed)?;
        Ok(Published { list, path, head: signed.head().clone(), bytes: signed.bytes().len() })
    }

    /// What the list says, and its time. No time is taken when it is known already that the list could not be released.
    fn take(&self, list: u64, path: &Path) -> Result<Publication, Refusal> {
        let mut ledger = self.ledger();
        let refused = |error| from_ledger(self.ledger_path, &error);
        let next = ledger.next_publication(list, self.now).map_err(refused)?;
        self.period(next)?;
        self.unless_newer(path, &self.uri.subject(list), next)?;
        ledger.publish(list, self.now).map_err(refused)
    }

    /// The list under its name, on the disk; read back, and verified as a counter will.
    fn release(&self, path: &Path, signed: &PublishedStatusList) -> Result<(), Refusal> {
        // Nobody else who publishes from this ledger comes between the look at the old file and the new one, or reads another's back.
        let back = self.ledger().alone(|| {
            self.unless_newer(path, &signed.head().subject, signed.head().issued_at)?;
            files::write_whole(path, signed.bytes(), Mode::Public)?;
            files::read_limited(path, STATUS_TOKEN_BYTES_MAX as u64)
        });
        let back = back.map_err(|error| from_ledger(self.ledger_path, &error))??;
        let checked = UnverifiedStatusList::parse(&back).ok().and_then(|read| read.check(self.key.public()).ok());
        if back != signed.bytes() || checked.is_none() {
            return Err(Refusal::internal(
                "FILE_READ_BACK",
                format!("{} does not read back as it was written", path.display()),
                "check the disk, then publish again; do not distribute this file",
            ));
        }
        Ok(())
    }

    /// Refuses to replace a list of the same name that is as new as this one, or newer; unless its date is known to be wrong.
    fn unless_newer(&self, path: &Path, subject: &str, issued_at: Timestamp) -> Result<(), Refusal> {
        if !path.exists() {
            return Ok(());
        }
        let old = files::read_limited(path, STATUS_TOKEN_BYTES_MAX as u64)?;
        let old = UnverifiedStatusList::parse(&old).ok().map(|old| old.unverified_head().clone());
        let Some(old) = old.filter(|old| old.subject == subject && old.issued_at >= issued_at) else { return Ok(()) };
        if self.period.clock_was_ahead && old.issued_at.seconds() > self.now.seconds() + AHEAD_MAX {
            return Ok(());
        }
        Err(Refusal::rejected(
            "STATUS_FILE_NEWER",
            format!("{} is as new as the list that was to replace it", path.display()),
            "find out which other ledger or process publishes there",
        ))
    }

    fn period(&self, issued_at: Timestamp) -> Result<StatusPeriod, Refusal> {
        let PeriodArgs { expires_days, ttl_hours, .. } = self.period;
        StatusPeriod::new(issued_at, expires_days * 86_400, ttl_hours * 3_600).map_err(from_status)
    }

    /// What a list that panicked has left is whole: every change of the ledger is one transaction.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal that did not keep other lists from being published.
fn among(refusal: &Refusal, published: usize, lists: usize) -> Refusal {
    if published == 0 {
        return refusal.clone();
    }
    let what = format!("{}; {published} of {lists} lists were published and stay so", refusal.what());
    Refusal::new(refusal.code(), refusal.exit(), what, refusal.remedy())
}

/// Counts on standard error while it is a terminal, once it takes longer than anybody waits without asking.
struct Progress {
    bar: ProgressBar,
    begun: Instant,
    is_terminal: bool,
}

impl Progress {
    fn new(lists: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(lists as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} lists, {elapsed}") {
            bar.set_style(style);
        }
        Progress { bar, begun: Instant::now(), is_terminal: std::io::stderr().is_terminal() }
    }

    fn advance(&self) {
        if self.is_terminal && self.bar.is_hidden() && self.begun.elapsed() > Duration::from_secs(2) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

/// A refusal is not written behind a bar that stands still.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn from_status(error: StatusError) -> Refusal {
    match error {
        StatusError::Signing(error) => from_signing(&error),
        StatusError::Period => from_sentence(error.code(), Exit::Usage, &error.to_string()),
        _ => from_sentence(error.code(), Exit::Internal, &error.to_string()),
    }
}

/// A ledger that is there: one that is made on the spot would have no permit to look up.
pub(super) fn existing_ledger(path: &Path) -> Result<Ledger, Refusal> {
    if !path.exists() {
        return Err(Refusal::usage(
            "FILE_MISSING",
            format!("there is no ledger {}", path.display()),
            "give the path of the ledger.sqlite3 that `issuer issue` keeps beside the key",
        ));
    }
    open_ledger(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;
    use credential_format::key::{CoseKey, PublicKey};
    use ed25519_dalek::SigningKey;
    use rusqlite::{Connection, params};

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        publish: Publish,
    }

    /// An issuer with a ledger, and a folder to publish in.
    struct Desk {
        _folder: tempfile::TempDir,
        folder: PathBuf,
        command: Publish,
    }

    const URI: &str = "https://status.example.cn/tianhe";

    impl Desk {
        /// A ledger of so many lists; list n has one permit, at place n, which is suspended.
        fn new(lists: u64, more: &[&str]) -> Desk {
            let own = tempfile::tempdir().unwrap();
            let folder = own.path().to_owned();
            let path = folder.join("ledger.sqlite3");
            drop(Ledger::open(&path, &[7; 32]).unwrap());
            let sql = Connection::open(&path).unwrap();
            for list in 1..=lists as i64 {
                sql.execute("INSERT INTO list VALUES (?, 1, 0) ON CONFLICT DO NOTHING", [list]).unwrap();
                sql.execute(
                    "INSERT INTO permit
                     (residence_code, version, kind, person, list, slot, status, issued_at, changed_at, bytes)
                     VALUES (?1, 1, 1, zeroblob(32), ?1, ?1, 2, 0, 0, zeroblob(0))",
                    params![list],
                )
                .unwrap();
            }
            let line = [&["publish", "--list", "all", "--key", "key.pem", "--uri", URI, "--out", "out"], more].concat();
            let ledger = ["--ledger", path.to_str().unwrap()];
            let command = Line::parse_from([&line[..], &ledger[..]].concat()).publish;
            Desk { _folder: own, folder, command }
        }

        /// One who publishes, at this many seconds after the first day.
        fn publisher(&self, seconds: u64) -> Publisher<'_, SigningKey> {
            let secret = SigningKey::from_bytes(&[1; 32]);
            let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key())).unwrap();
            Publisher {
                ledger_path: &self.command.ledger,
                period: &self.command.period,
                ledger: Mutex::new(Ledger::open(&self.command.ledger, &[7; 32]).unwrap()),
                uri: StatusUri::parse(URI).unwrap(),
                folder: self.folder.clone(),
                now: at(seconds),
                key: IssuingKey::new(secret, public).unwrap(),
            }
        }

        fn file(&self, list: u64) -> PathBuf {
            self.folder.join(format!("{list}.cwt"))
        }

        /// The time of the list in the file, and what it says of this place.
        fn published(&self, list: u64, index: u64) -> (Timestamp, Option<Status>) {
            let bytes = fs::read(self.file(list)).unwrap();
            let publisher = self.publisher(0);
            let list = UnverifiedStatusList::parse(&bytes).unwrap().check(publisher.key.public()).unwrap();
            (list.head().issued_at, list.get(index))
        }

        fn set(&self, list: u64, status: Status) {
            let slot = StatusSlot { list, index: list };
            self.publisher(0).ledger().set_status(Target::Slot(slot), status, at(0)).unwrap();
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(1_782_864_000 + seconds).unwrap()
    }

    fn code<T>(result: Result<T, Refusal>) -> &'static str {
        result.err().expect("a refusal").code()
    }

    #[test]
    fn all_lists_say_what_the_ledger_says() {
        // More than one chunk on two cores.
        let desk = Desk::new(10, &[]);
        let lists: Vec<u64> = (1..=10).collect();
        let published = desk.publisher(0).publish_all(&lists).unwrap();
        for (list, done) in lists.iter().zip(&published) {
            assert_eq!(
                (done.list, &done.path, &done.head.subject),
                (*list, &desk.file(*list), &format!("{URI}/{list}"))
            );
            assert_eq!(done.bytes as u64, fs::metadata(&done.path).unwrap().len());
            assert_eq!(desk.published(*list, *list), (at(0), Some(Status::Suspended)));
            assert_eq!(desk.published(*list, list + 1), (at(0), Some(Status::Valid)));
        }
        assert_eq!(published.len(), 10);
        let left: Vec<_> = fs::read_dir(&desk.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".unfinished")), "{left:?}");
    }

    #[test]
    fn only_a_file_of_a_clock_that_was_ahead_is_replaced_by_an_older_list() {
        let desk = Desk::new(1, &["--clock-was-ahead"]);
        desk.publisher(3_600).publish(1).unwrap();
        desk.publisher(0).publish_all(&[1]).unwrap();
        assert_eq!(desk.published(1, 1), (at(60), Some(Status::Suspended)));
        // Of a ledger that does not know of it: a minute ahead, as a clock that is right may have dated it.
        let sql = Connection::open(&desk.command.ledger).unwrap();
        sql.execute("UPDATE list SET published_at = 0", []).unwrap();
        assert_eq!(code(desk.publisher(0).publish(1)), "STATUS_FILE_NEWER");
    }

    #[test]
    fn a_newer_file_costs_no_time_of_publication() {
        let desk = Desk::new(1, &[]);
        desk.publisher(60).publish(1).unwrap();
        let newer = fs::read(desk.file(1)).unwrap();
        // A ledger that does not know of it, as after a restored backup.
        let sql = Connection::open(&desk.command.ledger).unwrap();
        sql.execute("UPDATE list SET published_at = 0", []).unwrap();
        for seconds in [0, 59, 60] {
            assert_eq!(code(desk.publisher(seconds).publish(1)), "STATUS_FILE_NEWER", "{seconds}");
            let last: i64 = sql.query_row("SELECT published_at FROM list", [], |row| row.get(0)).unwrap();
            assert_eq!((last, fs::read(desk.file(1)).unwrap() == newer), (0, true));
        }
        desk.publisher(61).publish(1).unwrap();
        assert_eq!(desk.published(1, 1), (at(61), Some(Status::Suspended)));

        // Another issuer's list, and what is no list, are not compared.
        for other in [b"no list".to_vec(), newer] {
            fs::write(desk.file(1), other).unwrap();
            desk.publisher(62).publish(1).unwrap();
        }
    }

    #[test]
    fn a_newer_file_that_comes_between_is_left() {
        let desk = Desk::new(1, &[]);
        let slow = desk.publisher(0);
        let due = slow.take(1, &desk.file(1)).unwrap();
        let period = slow.period(due.issued_at).unwrap();
        let signed = status::sign(due.entries, 1, &slow.uri, period, &slow.key).unwrap();

        desk.set(1, Status::Cancelled);
        desk.publisher(0).publish(1).unwrap();
        assert_eq!(code(slow.release(&desk.file(1), &signed)), "STATUS_FILE_NEWER");
        assert_eq!(desk.published(1, 1), (at(1), Some(Status::Cancelled)));
    }

    #[test]
    fn a_time_that_was_taken_is_never_taken_again() {
        let desk = Desk::new(1, &[]);
        // Dead between the ledger's transaction and the file, and dead after the signature.
        let dead = desk.publisher(0);
        assert_eq!(dead.take(1, &desk.file(1)).unwrap().issued_at, at(0));
        drop(dead);
        desk.set(1, Status::Valid);
        desk.publisher(0).publish(1).unwrap();
        assert_eq!(desk.published(1, 1), (at(1), Some(Status::Valid)));
    }

    #[test]
    fn a_wrong_period_costs_no_time_of_publication() {
        let desk = Desk::new(1, &["--expires-days", "1", "--ttl-hours", "25"]);
        assert_eq!(code(desk.publisher(0).publish(1)), "STATUS_PERIOD");
        assert_eq!(desk.publisher(0).ledger().next_publication(1, at(0)).unwrap(), at(0));
        assert!(!desk.file(1).exists());
        let desk = Desk::new(1, &["--expires-days", "1", "--ttl-hours", "24"]);
        let published = desk.publisher(0).publish(1).unwrap();
        assert_eq!((published.head.expires_at, published.head.ttl_secs), (Some(at(86_400)), Some(86_400)));
    }

    #[test]
    fn one_list_that_fails_says_how_many_did_not() {
        let desk = Desk::new(3, &[]);
        fs::create_dir(desk.file(2)).unwrap();
        let refused = desk.publisher(0).publish_all(&[1, 2, 3]).err().unwrap();
        assert_eq!(refused.code(), "FILE_IS_FOLDER");
        assert!(refused.what().ends_with("; 2 of 3 lists were published and stay so"), "{}", refused.what());
        assert_eq!(desk.published(3, 3), (at(0), Some(Status::Suspended)));

        let refused = desk.publisher(0).publish_all(&[4]).err().unwrap();
        assert_eq!(refused.code(), "STATUS_LIST_UNKNOWN");
        assert!(!refused.what().contains("were published"), "{}", refused.what());
    }
}
