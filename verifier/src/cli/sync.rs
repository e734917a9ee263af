//! `sync`: lists from a folder or a stick.

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
    /// The folder with the lists; folders in it are looked into, four deep; links are not followed
    #[arg(value_name = "FOLDER")]
    source: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Sync {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let mut state = self.state.open()?;
        let mut found = Found::default();
        found.look_into(&self.source, 0)?;
        if found.files.is_empty() && found.unread.is_empty() {
            return Err(Refusal::undetermined(
                "SYNC_NOTHING_FOUND",
                format!("there is no trust list (*.cose) and no status list (*.cwt) in {}", self.source.display()),
                "check that this is the right folder or stick; nothing was changed",
            ));
        }
        let mut report = state.sync(found.files, now).map_err(|error| state_refusal(&error))?;
        report.files.append(&mut found.unread);
        if self.json {
            print_json(&report_json(&report, &state))?
        } else {
            report_page(&report, &state).print()?
        }
        Ok(match (report.refused(), report.trust_in_force) {
            (1.., _) => Exit::Rejected,
            (0, false) => Exit::Undetermined,
            (0, true) => Exit::Done,
        })
    }
}

/// How deep folders are looked into, the source itself being 1.
const DEPTH_MAX: usize = 4;
/// Files and bytes of one synchronisation: 3,000 issuers with a full list each are below both.
const FILES_MAX: usize = 10_000;
const BYTES_MAX: usize = 1_000_000_000;

/// The files that may be lists.
#[derive(Default)]
struct Found {
    files: Vec<Source>,
    bytes: usize,
    /// Those that cannot be read; they do not keep the others from being taken.
    unread: Vec<Fetched>,
}

impl Found {
    fn look_into(&mut self, folder: &Path, depth: usize) -> Result<(), Refusal> {
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
                let _ = self.look_into(&path, depth + 1).map_err(|refusal| self.not_read(&path, &refusal));
            } else if kind.is_file() && may_be_list(&path) {
                self.read(&path)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, path: &Path) -> Result<(), Refusal> {
        match read_limited(path, TRUST_LIST_BYTES_MAX as u64) {
            Ok(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len());
                self.files.push(Source { name: path.display().to_string(), bytes });
            }
            Err(refusal) => self.not_read(path, &refusal),
        }
        if self.files.len() > FILES_MAX || self.bytes > BYTES_MAX {
            return Err(Refusal::usage(
                "SYNC_TOO_MUCH",
                format!("there are more than {FILES_MAX} lists, or more than {BYTES_MAX} bytes of them"),
                "check that this is the right folder; nothing was changed",
            ));
        }
        Ok(())
    }

    fn not_read(&mut self, path: &Path, refusal: &Refusal) {
        self.unread.push(Fetched {
            name: path.display().to_string(),
            kind: ListKind::Other,
            fate: Fate::Refused {
                code: refusal.code(),
                sentence: format!("{}; {}", refusal.what(), refusal.remedy()),
                zh: "文件无法读取".into(),
            },
        });
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

fn report_page(report: &SyncReport, state: &State) -> Page {
    let mut page = Page::default();
    for file in &report.files {
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

fn report_json(report: &SyncReport, state: &State) -> Value {
    let files: Vec<Value> = report
        .files
        .iter()
        .map(|file| {
            let mut entry = Map::new();
            entry.insert("file".into(), json!(file.name));
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
