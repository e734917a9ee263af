//! The five operations that are struck at: what each needs, how it is asked for, and the account that is kept of it beside the product.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use credential_format::key::{CoseKey, PublicKey};
use credential_format::permit::{Carrier, UnverifiedPermit};
use credential_format::status_list::{Status, StatusList, UnverifiedStatusList};
use serde_json::Value;
use tests::commands::{Ran, STATUS_URI, World, case, files_under, residence_code};
use tests::faults::{Account, Answer, Stored, permits_in, public_key, reason_or_code};

/// What an operation may take when it is done again after a fault.
pub(crate) const AGAIN_MOST: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A permit into a ledger and a folder that are not there yet.
    Issue,
    /// The next version of a permit, with a later day, into those that are.
    Endorse,
    /// The status list after a permit was suspended.
    Publish,
    /// A newer trust list and a newer status list from a stick.
    Sync,
    /// A code, by the machine's clock, so that the journal is written too.
    Verify,
}

use Operation::{Endorse, Issue, Publish, Sync, Verify};

pub(crate) const ALL: [Operation; 5] = [Issue, Endorse, Publish, Sync, Verify];

/// The world that all trials of this process begin from.
pub(crate) fn base() -> &'static World {
    static BASE: OnceLock<World> = OnceLock::new();
    BASE.get_or_init(|| {
        let world = World::shared_now_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
        let code = residence_code(1);
        let first = fs::read(world.path(&format!("permits/{code}.permit"))).expect("a permit");
        let first = UnverifiedPermit::parse(&first).expect("a permit");
        let claims = first.unverified_claims();
        let Carrier::Device(CoseKey::Ed25519(device)) = &claims.carrier else { panic!("the phone has another key") };
        let requests = fs::read_to_string(world.path("requests.json")).expect("the requests");
        let mut requests: Value = serde_json::from_str(&requests).expect("JSON");
        requests[0]["endorsed_until"] = claims.endorsed_until.add_days(30).expect("a day").to_string().into();
        requests[0]["device_key"] = hex::encode(device).into();
        fs::write(world.path("endorsed.json"), requests.to_string()).expect("written");

        fs::copy(world.path("ledger.sqlite3"), world.path("suspended.sqlite3")).expect("copied");
        let suspend = ["status", "set", "--ledger", "suspended.sqlite3", "--residence-code", &code, "suspended"];
        world.run("issuer", &suspend).exits(0);
        fs::create_dir(world.path("newer")).expect("a folder");
        world.run("issuer", &words(&Publish.line("suspended.sqlite3", "newer"))).exits(0);
        case::prepare("trust newer/trust.cose version=2", &world);
        // The ledger of the operation `Publish` has not dated that list.
        fs::copy(world.path("ledger.sqlite3"), world.path("suspended.sqlite3")).expect("copied");
        world.run("issuer", &suspend).exits(0);
        world
    })
}

pub(crate) fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

impl Operation {
    /// What a trial needs of the base.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Issue => &["keys", "requests.json", "codes.txt", "phone"],
            Endorse => &["keys", "endorsed.json", "ledger.sqlite3", "permits", "phone"],
            Publish => &["keys", "suspended.sqlite3", "public", "counter"],
            Sync => &["keys", "counter", "newer"],
            Verify => &["keys", "counter"],
        }
    }

    /// What may be changed; everything else is as it was, byte for byte.
    fn may_change(self, path: &Path) -> bool {
        let name = path.to_string_lossy();
        match self {
            Issue => name.starts_with("fresh.sqlite3") || name.starts_with("out/"),
            Endorse => name.starts_with("ledger.sqlite3") || name.starts_with("permits/"),
            Publish => name.starts_with("suspended.sqlite3") || name.starts_with("public/status/"),
            Sync | Verify => name.starts_with("counter/state.sqlite3"),
        }
    }

    /// What an acknowledgement stands for. SQLite rebuilds its shared memory from the log, and a file without its name yet is nobody's.
    pub(crate) fn is_durable(self) -> fn(&Path) -> bool {
        fn database(path: &Path, name: &str) -> bool {
            path.to_str()
                .and_then(|path| path.strip_prefix(name))
                .is_some_and(|end| ["", "-wal", "-journal"].contains(&end))
        }
        fn state(path: &Path) -> bool {
            database(path, "counter/state.sqlite3")
        }
        match self {
            Issue => |path| {
                database(path, "fresh.sqlite3")
                    || path.extension().is_some_and(|end| end == "permit") && !is_unfinished(path)
            },
            Endorse => |path| {
                database(path, "ledger.sqlite3")
                    || path.extension().is_some_and(|end| end == "permit") && !is_unfinished(path)
            },
            Publish => |path| database(path, "suspended.sqlite3") || path.extension().is_some_and(|end| end == "cwt"),
            Sync | Verify => state,
        }
    }

    fn line(self, ledger: &str, folder: &str) -> Vec<String> {
        let line: &[&str] = match self {
            Issue => &["issue", "--requests", "requests.json", "--enrolments", "codes.txt", "--idempotency-key", "one"],
            Endorse => &["issue", "--requests", "endorsed.json", "--idempotency-key", "two"],
            Publish => &["status", "publish", "--list", "1", "--uri", STATUS_URI],
            Sync => &["sync", "--state", "counter", "newer", "--json"],
            Verify => &["verify", "--state", "counter", "--json", "--text"],
        };
        let more: &[&str] = match self {
            Issue | Endorse => &["--key", "keys/permit.pem", "--ledger", ledger, "--out", folder, "--json"],
            Publish => &["--key", "keys/status.pem", "--ledger", ledger, "--out", folder, "--json"],
            Sync | Verify => &[],
        };
        line.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }
}

/// Which files nobody looks at: those without their name yet.
fn is_unfinished(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".unfinished"))
}

/// One operation in a fresh copy of what it needs.
pub(crate) struct Trial {
    pub(crate) operation: Operation,
    pub(crate) world: World,
    before: BTreeMap<PathBuf, Vec<u8>>,
    code: String,
    /// What is said of the code, from first to last.
    answers: Account,
}

/// What a run under a fault came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It said that it is done.
    Acknowledged,
    /// It said that it is not.
    Refused,
    /// It was killed before it said anything.
    Silent,
}

impl Trial {
    pub(crate) fn new(operation: Operation) -> Trial {
        let world = base().copy_of(operation.needs());
        let code = if operation == Verify { base().code("phone", 1, 0, &[]) } else { String::new() };
        let before = files_under(world.folder());
        let before = before.into_iter().map(|path| (path.clone(), fs::read(world.folder().join(path)).expect("read")));
        Trial { operation, before: before.collect(), world, code, answers: Account::default() }
    }

    pub(crate) fn program(&self) -> &'static str {
        if matches!(self.operation, Sync | Verify) { "verifier" } else { "issuer" }
    }

    pub(crate) fn line(&self) -> Vec<String> {
        let (ledger, folder) = self.ledger_and_folder();
        let mut line = self.operation.line(ledger, folder);
        if self.operation == Verify {
            line.push(self.code.clone());
        }
        line
    }

    fn ledger_and_folder(&self) -> (&'static str, &'static str) {
        match self.operation {
            // Two folders above it are to be made as well.
            Issue => ("fresh.sqlite3", "out/2026/permits"),
            Endorse => ("ledger.sqlite3", "permits"),
            _ => ("suspended.sqlite3", "public"),
        }
    }

    /// What lay in the folder before the run.
    pub(crate) fn there(&self) -> Vec<PathBuf> {
        self.before.keys().cloned().collect()
    }

    /// The answer of a run that was to be struck.
    pub(crate) fn ended(&self, ran: &Ran) -> Ended {
        let answer = ran.json_or_why().ok();
        let is_done = |answer: &Value| match self.operation {
            Issue | Endorse => answer["issued"] == 1,
            Publish => answer["lists"][0]["list"] == 1,
            Sync => answer["taken"] == 2,
            Verify => answer["reason"] == "VALID",
        };
        match answer {
            Some(answer) if is_done(&answer) => Ended::Acknowledged,
            Some(_) => Ended::Refused,
            None if ran.exit.is_some() => Ended::Refused,
            None => Ended::Silent,
        }
    }

    /// What is wrong after a run that was struck, before anything is done about it.
    pub(crate) fn faults_after_strike(&mut self, ran: &Ran) -> Vec<String> {
        let ended = self.ended(ran);
        let mut faults = self.faults(ended == Ended::Acknowledged, false);
        if self.operation == Verify {
            let said = ran.json_or_why().ok().and_then(|said| Some(said["reason"].as_str()?.to_owned()));
            // Whatever else is said, a refusal above all, leaves open whether the code was recorded.
            let answer = said.filter(|said| ["VALID", "REPLAYED"].contains(&said.as_str()));
            let answer = answer.map_or(Answer::Killed, Answer::Said);
            self.answers.note(&self.code, answer);
        }
        if ended == Ended::Acknowledged && self.operation == Publish {
            let said = ran.json()["lists"][0]["issued_at"].clone();
            if self.list().map(|list| list.head().issued_at.to_string()) != said.as_str().map(str::to_owned) {
                faults.push(format!("the list that was acknowledged, of {said}, is not there"));
            }
        }
        faults
    }

    /// The same once more, without a fault and without repair; then the command that follows. How long it took, and what is wrong.
    pub(crate) fn again(&mut self) -> (Duration, Vec<String>) {
        let before = Known::of(self);
        let ran = self.world.run(self.program(), &words(&self.line()));
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{what}: {ran}"));
            }
        };
        must(ran.took <= AGAIN_MOST, "doing it again took too long");
        must(ran.exit == Some(0) || self.operation == Verify, "it cannot be done again");
        let answer = ran.json_or_why().unwrap_or_default();
        match self.operation {
            Issue | Endorse => {
                let (issued, repeated) = if before.is_done { (0, 1) } else { (1, 0) };
                must(answer["issued"] == issued && answer["already_issued"] == repeated, "issued twice, or not at all");
                must(!before.is_done || self.stored() == before.stored, "repeating changed what was issued");
            }
            Publish => {
                let list = self.list();
                must(
                    list.is_some_and(|list| Some(list.head().issued_at.seconds()) > before.issued_at),
                    "the list was not dated later",
                );
            }
            Sync => must(answer["taken"] == if before.is_done { 0 } else { 2 }, "not taken, or taken twice"),
            Verify => {
                self.answers.note(&self.code, Answer::Said(reason_or_code(&ran)));
                let last = self.world.run("verifier", &words(&self.line()));
                self.answers.note(&self.code, Answer::Said(reason_or_code(&last)));
                faults.extend(self.answers.faults());
            }
        }
        faults.extend(self.faults(true, true));
        faults.extend(self.follow_up());
        (ran.took, faults)
    }

    /// What comes after the operation in the field sees what it did.
    fn follow_up(&self) -> Vec<String> {
        let permit = |folder: &str| format!("{folder}/{}.permit", residence_code(1));
        let ran = match self.operation {
            Issue | Endorse => {
                self.world.run("holder", &["add", "--dir", "phone", &permit(self.ledger_and_folder().1)])
            }
            Publish => self.world.run("verifier", &["sync", "--state", "counter", "public", "--json"]),
            Sync => self.world.run("verifier", &["show", "--state", "counter", "--json"]),
            Verify => self.world.run("verifier", &["journal", "--state", "counter", "--check"]),
        };
        let is_right = ran.exit == Some(0)
            && match self.operation {
                Issue | Endorse | Verify => true,
                Publish => ran.json()["taken"] == 1,
                Sync => ran.json()["trust"]["version"] == 2,
            };
        if is_right { Vec::new() } else { vec![format!("what follows does not see it: {ran}")] }
    }

    /// What is wrong with the files. With `is_done` the operation was acknowledged; with `is_over` nothing was killed since.
    fn faults(&self, is_done: bool, is_over: bool) -> Vec<String> {
        let mut faults = self.faults_of_bystanders();
        match self.operation {
            Issue | Endorse => {
                let key = public_key(&self.world.path("keys/permit.pub.pem"));
                let (stored, files) = (self.stored(), permits_in(&self.world.path(self.ledger_and_folder().1)));
                faults.extend(issued_faults(&self.stored_before(), &stored, &key, is_done));
                faults.extend(Stored::faults_of_files(&stored, &files, &key, is_done));
                if self.operation == Endorse && files.is_empty() {
                    faults.push("the permit that was there before is gone".into());
                }
            }
            Publish => {
                let key = public_key(&self.world.path("keys/status.pub.pem"));
                let (now, before) =
                    (fs::read(self.world.path(LIST)).unwrap_or_default(), &self.before[Path::new(LIST)]);
                let published: i64 = query(&self.world.path("suspended.sqlite3"), "SELECT published_at FROM list");
                faults.extend(list_faults(
                    before,
                    &now,
                    &key,
                    published.cast_unsigned(),
                    base().status_index(1),
                    is_done,
                ));
            }
            Sync => faults.extend(sync_faults(&self.lists(), is_done)),
            Verify => {
                let sightings: i64 = query(&self.world.path(STATE), "SELECT count(*) FROM sighting");
                if sightings > 1 || is_done && sightings == 0 {
                    faults.push(format!("the code is recorded {sightings} times"));
                }
            }
        }
        if is_over {
            let leftover = |path: &&PathBuf| path.to_string_lossy().contains("-journal");
            faults.extend(
                files_under(self.world.folder())
                    .iter()
                    .find(leftover)
                    .map(|path| format!("{} is left", path.display())),
            );
        }
        faults
    }

    /// What the operation has no business with is as it was, and nothing has come that has a name.
    fn faults_of_bystanders(&self) -> Vec<String> {
        let now: BTreeSet<PathBuf> = files_under(self.world.folder()).into_iter().collect();
        let mut faults = Vec::new();
        for (path, bytes) in &self.before {
            if !now.contains(path) && !path.to_string_lossy().contains(".sqlite3-") {
                faults.push(format!("{} is gone", path.display()));
            } else if !self.operation.may_change(path)
                && fs::read(self.world.folder().join(path)).ok().as_ref() != Some(bytes)
            {
                // The follow-up commands change their own.
                if !path.starts_with("counter") && !path.starts_with("phone") {
                    faults.push(format!("{} was changed", path.display()));
                }
            }
        }
        for path in now.iter().filter(|path| !self.before.contains_key(*path) && !is_unfinished(path)) {
            let side_file = path.to_string_lossy().contains(".sqlite3");
            let permit = matches!(self.operation, Issue) && path.extension().is_some_and(|end| end == "permit");
            if !side_file && !permit && !path.starts_with("phone") {
                faults.push(format!("{} has come", path.display()));
            }
        }
        faults
    }

    fn stored(&self) -> Vec<Stored> {
        Stored::all(&self.world.path(self.ledger_and_folder().0))
    }

    fn stored_before(&self) -> Vec<Stored> {
        if self.operation == Issue { Vec::new() } else { Stored::all(&base().path(self.ledger_and_folder().0)) }
    }

    fn list(&self) -> Option<StatusList> {
        let key = public_key(&self.world.path("keys/status.pub.pem"));
        UnverifiedStatusList::parse(&fs::read(self.world.path(LIST)).ok()?).ok()?.check(&key).ok()
    }

    /// Which of the lists at the counter are the new ones: trust list, status list.
    fn lists(&self) -> [bool; 2] {
        let is_new = |table: &str, file: &str| {
            let kept: Vec<u8> = query(&self.world.path(STATE), &format!("SELECT bytes FROM {table} LIMIT 1"));
            let new = fs::read(self.world.path(file)).expect("a list");
            let old = fs::read(base().path(&file.replace("newer/", "public/"))).expect("a list");
            assert!(kept == new || kept == old, "{table}: neither the old list nor the new one");
            kept == new
        };
        [is_new("trust_list", "newer/trust.cose"), is_new("status_list", "newer/status/1.cwt")]
    }
}

const LIST: &str = "public/status/1.cwt";
const STATE: &str = "counter/state.sqlite3";

/// What the files say before something is done again.
struct Known {
    is_done: bool,
    stored: Vec<Stored>,
    issued_at: Option<u64>,
}

impl Known {
    fn of(trial: &Trial) -> Known {
        let is_issue = matches!(trial.operation, Issue | Endorse);
        let stored = if is_issue { trial.stored() } else { Vec::new() };
        let is_done = match trial.operation {
            Issue | Endorse => stored.len() > trial.stored_before().len(),
            Sync => trial.lists() == [true, true],
            Publish | Verify => false,
        };
        let issued_at =
            if trial.operation == Publish { trial.list().map(|list| list.head().issued_at.seconds()) } else { None };
        Known { is_done, stored, issued_at }
    }
}

/// One value of a database, read in a copy.
fn query<T: rusqlite::types::FromSql>(database: &Path, sql: &str) -> T {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("copy.sqlite3");
    for ending in ["", "-wal", "-journal"] {
        let from = PathBuf::from(format!("{}{ending}", database.display()));
        if from.exists() {
            fs::copy(&from, format!("{}{ending}", copy.display())).expect("copied");
        }
    }
    let database = rusqlite::Connection::open(copy).expect("a database");
    database.query_row(sql, [], |row| row.get(0)).expect("a value")
}

/// One more permit than before, or none: what was there is there, and no longer in force once a new version is.
pub(crate) fn issued_faults(before: &[Stored], now: &[Stored], key: &PublicKey, is_done: bool) -> Vec<String> {
    let mut faults = Stored::faults(now, key);
    let new = now.len().checked_sub(before.len());
    match new {
        Some(0) if is_done => faults.push("acknowledged, and not in the ledger".into()),
        Some(0 | 1) => {}
        _ => faults.push(format!("{} permits became {}", before.len(), now.len())),
    }
    for old in before {
        let Some(kept) = now.iter().find(|kept| (kept.code, kept.version) == (old.code, old.version)) else {
            faults.push(format!("version {} of {} is gone", old.version, old.code));
            continue;
        };
        let replaced =
            now.iter().any(|other| other.code == old.code && other.version > old.version && !before.contains(other));
        let status = if replaced && old.status == 0 { 3 } else { old.status };
        if *kept != (Stored { status, ..old.clone() }) {
            faults.push(format!("version {} of {} was changed", old.version, old.code));
        }
    }
    faults
}

/// The list is the old one, byte for byte, or a new one that is whole, signed, dated later, by no time that the ledger has not taken, and says
/// that the permit is suspended.
pub(crate) fn list_faults(
    before: &[u8],
    now: &[u8],
    key: &PublicKey,
    published_at: u64,
    suspended: Option<u64>,
    is_done: bool,
) -> Vec<String> {
    let read = |bytes| UnverifiedStatusList::parse(bytes).ok().and_then(|list| list.check(key).ok());
    let (Some(old), Some(new)) = (read(before), read(now)) else {
        return vec!["the list is half, or not signed".into()];
    };
    let mut faults = Vec::new();
    if before == now {
        if is_done {
            faults.push("acknowledged, and the old list is there".into());
        }
        return faults;
    }
    if new.head().issued_at <= old.head().issued_at {
        faults.push("another list is not dated later".into());
    }
    if new.head().issued_at.seconds() > published_at {
        faults.push("the list has a time that the ledger may give again".into());
    }
    if suspended.is_none_or(|index| new.get(index) != Some(Status::Suspended)) {
        faults.push("the list does not say that the permit is suspended".into());
    }
    faults
}

/// Both lists or neither.
pub(crate) fn sync_faults(new: &[bool; 2], is_done: bool) -> Vec<String> {
    match new {
        [true, true] => Vec::new(),
        [false, false] if !is_done => Vec::new(),
        [false, false] => vec!["acknowledged, and the old lists are in use".into()],
        _ => vec!["one list is new and the other old".into()],
    }
}
