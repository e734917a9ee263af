//! `sync`: lists from folders, sticks, files and servers, all of them together.

#[cfg(feature = "https")]
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use command_line::files::read_limited;
use command_line::refusal::{Exit, Refusal};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use serde_json::{Map, Value, json};
use verifier::state::{Fate, Fetched, ListKind, Source, State, SyncReport};

use super::terminal::Page;
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
pub(super) struct Sync {
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    clock: ClockArguments,
    /// Where lists are: a folder or a stick (folders in it are looked into, four deep; links are not followed), a file, or
    /// https://host/folder/ as `issuer publish` writes it. Of several sources the newest lists are taken
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    #[cfg(feature = "https")]
    #[command(flatten)]
    servers: servers::ServerArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Sync {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let (addresses, places): (Vec<_>, Vec<_>) =
            self.sources.iter().map(String::as_str).partition(|source| is_address(source));
        #[cfg(feature = "https")]
        let fetching = self.servers.fetching(&addresses)?;
        #[cfg(not(feature = "https"))]
        if let Some(address) = addresses.first() {
            return Err(not_built(address));
        }
        let mut state = self.state.open()?;
        let mut found = Found::default();
        for place in &places {
            match found.look_at(place) {
                // The only source: then it is the command that is wrong.
                Err(refusal) if self.sources.len() == 1 => return Err(refusal),
                Err(refusal) if refusal.code() == TOO_MUCH => return Err(refusal),
                Err(refusal) => found.not_read(Path::new(place), place, &refusal),
                Ok(()) => {}
            }
        }
        #[cfg(feature = "https")]
        let harvests = match fetching {
            Some(fetching) => fetching.fetch(&state, now, &mut found)?,
            None => Vec::new(),
        };
        if found.files.is_empty() && found.settled.is_empty() && found.not_taken.is_empty() {
            return Err(Refusal::undetermined(
                "SYNC_NOTHING_FOUND",
                format!("there is no trust list (*.cose) and no status list (*.cwt) in {}", self.sources.join(", ")),
                "check that this is the right folder or stick; nothing was changed",
            ));
        }
        let nothing_came = found.files.is_empty() && found.settled.is_empty();
        let mut report = state.sync(found.files, now).map_err(|error| state_refusal(&error))?;
        #[cfg(feature = "https")]
        servers::remember(&mut state, &harvests, &report);
        report.files.append(&mut found.settled);
        report.files.append(&mut found.not_taken);
        if self.json {
            print_json(&report_json(&report, &found.sources, &state))?
        } else {
            report_page(&report, &state).print()?
        }
        Ok(match (report.refused(), report.trust_in_force) {
            _ if nothing_came => Exit::Undetermined,
            (1.., _) => Exit::Rejected,
            (0, false) => Exit::Undetermined,
            (0, true) => Exit::Done,
        })
    }
}

/// Whether a source is meant as the address of a server, rather than as a path.
fn is_address(source: &str) -> bool {
    source
        .split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(not(feature = "https"))]
fn not_built(address: &str) -> Refusal {
    Refusal::usage(
        "SYNC_NO_HTTPS",
        format!("this program was built without https, so that it cannot fetch from {address}"),
        "bring the lists on a stick, or build it with: cargo build --release -p verifier --features https",
    )
}

/// How deep folders are looked into, the source itself being 1.
const DEPTH_MAX: usize = 4;
/// Files and bytes of one synchronisation: 3,000 issuers with a full list each are below both.
const FILES_MAX: usize = 10_000;
const BYTES_MAX: usize = 1_000_000_000;

const TOO_MUCH: &str = "SYNC_TOO_MUCH";

/// What the sources have.
#[derive(Default)]
pub(super) struct Found {
    /// The files that may be lists.
    pub(super) files: Vec<Source>,
    bytes: usize,
    /// What need not be taken: it is in use already.
    settled: Vec<Fetched>,
    /// What cannot be read or fetched; it does not keep the rest from being taken.
    pub(super) not_taken: Vec<Fetched>,
    /// Which source each of them comes from, by its name.
    sources: BTreeMap<String, String>,
}

impl Found {
    /// A folder with lists, or one list.
    pub(super) fn look_at(&mut self, source: &str) -> Result<(), Refusal> {
        let path = PathBuf::from(source);
        if path.is_file() { self.read(&path, source) } else { self.look_into(&path, source, 0) }
    }

    fn look_into(&mut self, folder: &Path, source: &str, depth: usize) -> Result<(), Refusal> {
        let unreadable = |error: std::io::Error| {
            Refusal::usage(
                "SYNC_SOURCE",
                format!("cannot look into {}: {error}", folder.display()),
                "give the path of the folder that holds the lists",
            )
        };
        let mut entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            // Of the entry itself: a link is neither, and is passed by.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth + 1 < DEPTH_MAX {
                // A folder within that cannot be opened (lost+found) does not end it.
                match self.look_into(&path, source, depth + 1) {
                    Err(refusal) if refusal.code() == TOO_MUCH => return Err(refusal),
                    Err(refusal) => self.not_read(&path, source, &refusal),
                    Ok(()) => {}
                }
            } else if kind.is_file() && may_be_list(&path) {
                self.read(&path, source)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, path: &Path, source: &str) -> Result<(), Refusal> {
        match read_limited(path, TRUST_LIST_BYTES_MAX as u64) {
            Ok(bytes) => self.offer(path.display().to_string(), source, bytes)?,
            Err(refusal) => self.not_read(path, source, &refusal),
        }
        Ok(())
    }

    /// A file under the name that the report calls it by. One that two sources have in common is offered once.
    fn offer(&mut self, name: String, source: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
        if self.sources.contains_key(&name) {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.sources.insert(name.clone(), source.to_owned());
        self.files.push(Source { name, bytes });
        if self.files.len() > FILES_MAX || self.bytes > BYTES_MAX {
            return Err(Refusal::usage(
                TOO_MUCH,
                format!("there are more than {FILES_MAX} lists, or more than {BYTES_MAX} bytes of them"),
                "check that these are the right sources; nothing was changed",
            ));
        }
        Ok(())
    }

    fn not_read(&mut self, path: &Path, source: &str, refusal: &Refusal) {
        let fate = Fate::Refused {
            code: refusal.code(),
            sentence: format!("{}; {}", refusal.what(), refusal.remedy()),
            zh: "文件无法读取".into(),
        };
        self.refuse(path.display().to_string(), source, fate);
    }

    fn refuse(&mut self, name: String, source: &str, fate: Fate) {
        self.sources.insert(name.clone(), source.to_owned());
        self.not_taken.push(Fetched { name, kind: ListKind::Other, fate });
    }
}

fn may_be_list(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("cose") || end.eq_ignore_ascii_case("cwt"))
}

fn kind_words(kind: &ListKind) -> String {
    match kind {
        ListKind::Trust { version: Some(version) } => format!("信任名单 trust list, version {version}"),
        ListKind::Trust { version: None } => "信任名单 trust list".into(),
        ListKind::Status { subject: Some(subject) } => format!("状态名单 status list {subject}"),
        ListKind::Status { subject: None } => "状态名单 status list".into(),
        ListKind::Other => "文件 file".into(),
    }
}

fn fate_words(fate: &Fate) -> (&'static str, &'static str) {
    match fate {
        Fate::Taken => ("已采用 taken", "taken"),
        Fate::Unchanged => ("未变 unchanged", "unchanged"),
        Fate::PassedOver => ("旧名单，略过 older, passed over", "passed_over"),
        Fate::Refused { .. } => ("拒绝 REFUSED", "refused"),
    }
}

/// More lists that have not changed than a screen has lines are only counted.
const UNCHANGED_SHOWN: usize = 20;

fn report_page(report: &SyncReport, state: &State) -> Page {
    let mut page = Page::default();
    let mut unchanged = report.files.iter().filter(|file| file.fate == Fate::Unchanged).count();
    let counted = unchanged > UNCHANGED_SHOWN;
    for file in &report.files {
        if counted && file.fate == Fate::Unchanged {
            if std::mem::take(&mut unchanged) > 0 {
                let number = report.files.iter().filter(|file| file.fate == Fate::Unchanged).count();
                page.line(format!("{}: {number} 份 lists", fate_words(&file.fate).0));
            }
            continue;
        }
        page.line(format!("{}: {} ({})", fate_words(&file.fate).0, kind_words(&file.kind), file.name));
        if let Fate::Refused { code, sentence, zh } = &file.fate {
            page.line(format!("    {zh} / {sentence} [{code}]"));
        }
    }
    match state.trust().map(|trust| trust.list()) {
        None => page.line("尚无信任名单，不能核验 / no trust list yet: nothing can be verified"),
        Some(list) if report.trust_in_force => page
            .line(format!("信任名单有效 / trust list in force: version {}, until {}", list.version, list.expires_at)),
        Some(list) => page.line(format!(
            "信任名单已过期，请取得新名单 / the trust list in use (version {}) expired at {}; fetch a newer one",
            list.version, list.expires_at
        )),
    }
    if report.refused() > 0 {
        page.line(
            "被拒绝的文件未作任何更改，原名单继续使用 / refused files changed nothing; what was in use stays in use",
        );
    }
    page
}

fn report_json(report: &SyncReport, sources: &BTreeMap<String, String>, state: &State) -> Value {
    let files: Vec<Value> = report
        .files
        .iter()
        .map(|file| {
            let mut entry = Map::new();
            entry.insert("file".into(), json!(file.name));
            entry.insert("source".into(), json!(sources.get(&file.name)));
            match &file.kind {
                ListKind::Trust { version } => {
                    entry.insert("kind".into(), json!("trust_list"));
                    entry.insert("version".into(), json!(version));
                }
                ListKind::Status { subject } => {
                    entry.insert("kind".into(), json!("status_list"));
                    entry.insert("subject".into(), json!(subject));
                }
                ListKind::Other => {
                    entry.insert("kind".into(), json!("other"));
                }
            }
            entry.insert("result".into(), json!(fate_words(&file.fate).1));
            if let Fate::Refused { code, sentence, .. } = &file.fate {
                entry.insert("error".into(), json!({ "code": code, "what": sentence }));
            }
            Value::Object(entry)
        })
        .collect();
    json!({
        "v": 1,
        "files": files,
        "taken": report.taken(),
        "refused": report.refused(),
        "trust_in_force": report.trust_in_force,
        "trust_version": state.trust().map(|trust| trust.list().version),
    })
}
