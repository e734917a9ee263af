//! `init`, `sync`, `show`: what a counter trusts.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use command_line::files::read_limited;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::counter_id::CounterId;
use credential_format::key::{PublicKey, Thumbprint};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, Usage};
use serde_json::{Map, Value, json};
use verifier::policy::Policy;
use verifier::state::{Fate, Fetched, ListKind, Source, State, SyncReport};
use verifier::status::TrustedStatusList;
use verifier::verdict::Words;

use super::terminal::{Page, age, both};
use super::{ClockArguments, StateArguments, print_json, state_refusal};

#[derive(Args)]
pub(super) struct Init {
    #[command(flatten)]
    state: StateArguments,
    /// The thumbprint of the root key, 64 hex digits; compare it with the one the authority published
    #[arg(long, value_name = "THUMBPRINT")]
    root: String,
    /// The name of this counter, A-Z, 0-9 and -, for example TIANHE-03 [default: C- and 8 random characters]
    #[arg(long, value_name = "ID")]
    counter: Option<String>,
}

impl Init {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let root = Thumbprint::parse(&self.root).ok_or_else(|| {
            Refusal::usage(
                "ROOT_THUMBPRINT",
                "--root is not a thumbprint of 64 hex digits",
                "copy it whole from what the authority published; colons and spaces between the digits are fine",
            )
        })?;
        let counter = match &self.counter {
            Some(id) => CounterId::parse(id),
            None => CounterId::parse(&format!("C-{}", hex::encode_upper(random_bytes::<4>()?))),
        }
        .map_err(|error| {
            Refusal::usage(error.code(), error.to_string(), "give an id like TIANHE-03, or leave --counter out")
        })?;
        let state = State::create(self.state.path(), root, counter).map_err(|error| state_refusal(&error))?;
        let mut page = Page::default();
        page.line(format!("已建立核验状态 / state made: {}", state.folder().display()));
        page.line(format!("柜台 / counter: {}", state.counter()));
        page.line(format!("根密钥指纹 / root key: {root}"));
        page.line(format!("下一步：同步名单 / next: verifier sync --state {} FOLDER", state.folder().display()));
        page.print()?;
        Ok(Exit::Done)
    }
}

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
            fate: Fate::Refused { code: refusal.code(), sentence: format!("{}; {}", refusal.what(), refusal.remedy()) },
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
        if let Fate::Refused { code, sentence } = &file.fate {
            page.line(format!("    {sentence} [{code}]"));
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
            if let Fate::Refused { code, sentence } = &file.fate {
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

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    clock: ClockArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let now = self.clock.clock()?.now()?;
        let mut state = self.state.open()?;
        let lists = state.status_lists().map_err(|error| state_refusal(&error))?;
        let lists: Vec<KeptList> = lists
            .into_iter()
            .map(|kept| KeptList {
                subject: kept.subject,
                standing: kept.list.map(|list| standing(&list, now)).map_err(|error| (error.code(), error.to_string())),
            })
            .collect();
        if self.json {
            print_json(&show_json(&state, &lists, now))?;
        } else {
            show_page(&state, &lists, now).print()?;
        }
        Ok(Exit::Done)
    }
}

struct KeptList {
    subject: String,
    standing: Result<ListStanding, (&'static str, String)>,
}

struct ListStanding {
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    age_secs: i64,
    /// fresh, old (used, to be renewed), stale (answers nothing)
    word: &'static str,
    words: Words,
}

fn standing(list: &TrustedStatusList, now: Timestamp) -> ListStanding {
    let (head, policy) = (list.list().head(), Policy::default());
    let age_secs = now.seconds_since(head.issued_at);
    // As a verdict has it: old is what the policy or the issuer's own `ttl` calls old.
    let ttl_secs = head.ttl_secs.map_or(i64::MAX, |ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
    let fresh_secs = policy.status_fresh_secs.min(ttl_secs);
    let (word, words) = if age_secs > policy.status_age_secs_max || head.expires_at.is_some_and(|end| end <= now) {
        ("stale", Words { zh: "过旧，不能核验，请同步", en: "TOO OLD to answer: synchronise" })
    } else if age_secs > fresh_secs {
        ("old", Words { zh: "较旧，请尽快同步", en: "old: synchronise soon" })
    } else {
        ("fresh", Words { zh: "新", en: "fresh" })
    };
    ListStanding { issued_at: head.issued_at, expires_at: head.expires_at, age_secs, word, words }
}

fn usage_word(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "permit",
        Usage::Voucher => "voucher",
        Usage::Status => "status",
    }
}

fn usage_words(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "亮码 permit",
        Usage::Voucher => "纸质凭证 voucher",
        Usage::Status => "状态名单 status",
    }
}

fn kid(entry: &IssuerKey) -> String {
    // A trusted list has no key that is no key.
    PublicKey::try_from(&entry.key).map(|key| key.kid().to_string()).unwrap_or_default()
}

fn divisions(issuer: &Issuer) -> Vec<&str> {
    issuer.divisions.iter().map(|prefix| prefix.as_str()).collect()
}

fn show_page(state: &State, lists: &[KeptList], now: Timestamp) -> Page {
    let mut page = Page::default();
    page.line(format!("柜台 / counter: {}", state.counter()));
    page.line(format!("根密钥指纹 / root key: {}", state.root()));
    if let Some(cause) = state.unwritable() {
        page.line(format!("不能写入，不能核验 / nothing can be accepted: {cause}; {}", cause.remedy()));
    }
    let newest = state.newest_signed_time();
    if let Some(newest) = newest {
        page.line(format!("名单中最新的签署时间 / newest signed time: {newest}"));
        if newest.seconds_since(now) > Policy::default().clock_behind_secs_max {
            page.line(format!("本机时间不可信，请校准 / this computer's clock is wrong, set it: it shows {now}"));
        }
    }
    let Some(trust) = state.trust().map(|trust| trust.list()) else {
        page.line(format!(
            "尚无信任名单，请同步 / no trust list yet: verifier sync --state {} FOLDER",
            state.folder().display()
        ));
        return page;
    };
    let in_force =
        if now < trust.expires_at { "有效 in force" } else { "已过期，请同步 EXPIRED: synchronise" };
    page.line(format!(
        "信任名单 / trust list: version {}, {in_force}; issued {} ({}), expires {}",
        trust.version,
        trust.issued_at,
        both(&age(now.seconds_since(trust.issued_at))),
        trust.expires_at
    ));
    for issuer in &trust.issuers {
        page.line(format!(
            "  签发机关 / issuer: {} {}, 地区 divisions {}",
            issuer.id,
            issuer.name,
            divisions(issuer).join(", ")
        ));
        for entry in &issuer.keys {
            let usages: Vec<&str> = entry.usages.iter().map(usage_words).collect();
            let mut line = format!(
                "    密钥 / key {}: {}; {} - {}",
                kid(entry),
                usages.join(", "),
                entry.not_before,
                entry.not_after
            );
            if let Some(from) = entry.compromised_from {
                line.push_str(&format!("; 自 {from} 起停用 withdrawn from then on"));
            }
            if entry.specimen {
                line.push_str("; 样本 specimen");
            }
            page.line(line);
        }
    }
    if lists.is_empty() {
        page.line("尚无状态名单，请同步 / no status list yet: synchronise");
    }
    for list in lists {
        match &list.standing {
            Ok(standing) => page.line(format!(
                "状态名单 / status list {}: {}; issued {} ({})",
                list.subject,
                both(&standing.words),
                standing.issued_at,
                both(&age(standing.age_secs))
            )),
            Err((code, sentence)) => {
                page.line(format!("状态名单 / status list {}: 不可用 UNUSABLE: {sentence} [{code}]", list.subject));
            }
        }
    }
    page
}

fn show_json(state: &State, lists: &[KeptList], now: Timestamp) -> Value {
    let time = |time: Timestamp| time.to_string();
    let issuers = |list: &credential_format::trust_list::TrustList| -> Vec<Value> {
        let key = |entry: &IssuerKey| {
            json!({
                "kid": kid(entry),
                "usages": entry.usages.iter().map(usage_word).collect::<Vec<_>>(),
                "not_before": time(entry.not_before),
                "not_after": time(entry.not_after),
                "compromised_from": entry.compromised_from.map(time),
                "specimen": entry.specimen,
            })
        };
        list.issuers
            .iter()
            .map(|issuer| {
                json!({
                    "id": issuer.id.as_str(),
                    "name": issuer.name.as_str(),
                    "divisions": divisions(issuer),
                    "status_uri": issuer.status_uri,
                    "keys": issuer.keys.iter().map(key).collect::<Vec<_>>(),
                })
            })
            .collect()
    };
    let trust = state.trust().map(|trust| trust.list()).map(|list| {
        json!({
            "version": list.version,
            "issued_at": time(list.issued_at),
            "expires_at": time(list.expires_at),
            "age_s": now.seconds_since(list.issued_at),
            "in_force": now < list.expires_at,
            "issuers": issuers(list),
        })
    });
    let status: Vec<Value> = lists
        .iter()
        .map(|list| match &list.standing {
            Ok(standing) => json!({
                "subject": list.subject,
                "standing": standing.word,
                "issued_at": time(standing.issued_at),
                "expires_at": standing.expires_at.map(time),
                "age_s": standing.age_secs,
            }),
            Err((code, sentence)) => json!({
                "subject": list.subject,
                "standing": "unusable",
                "error": { "code": code, "what": sentence },
            }),
        })
        .collect();
    json!({
        "v": 1,
        "counter": state.counter().as_str(),
        "root": state.root().to_string(),
        "writable": state.unwritable().is_none(),
        "newest_signed": state.newest_signed_time().map(time),
        "now": time(now),
        "trust": trust,
        "status": status,
    })
}
