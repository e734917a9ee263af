//! `issuer publish`: the tree of lists, verified on the disk, and then announced.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::counter_id::CounterId;
use credential_format::limits::{STATUS_TOKEN_BYTES_MAX, TRUST_LIST_BYTES_MAX};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{UnverifiedTrustList, Usage};
use issuer::publish::{Index, PublishError, StatusEntry, TrustChain, trust_path};
use issuer::status::StatusUri;
use rayon::prelude::*;
use serde_json::json;

use super::status::{PeriodArgs, publish_ledger};
use super::{ClockArgs, PassphraseArgs, from_sentence, load_key, say, shown};

#[derive(Args)]
pub(crate) struct Publish {
    /// The folder to write: trust/<version>.cose, status/<ISSUER>/<list>.cwt and index.json, which is written last
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// A signed trust list to add; the oldest ones first or in any order. Those that are in the folder already need not be given
    #[arg(long, value_name = "LIST.cose")]
    trust: Vec<PathBuf>,

    /// Sign the status lists of a ledger too, with this key, which the newest trust list must have: its issuer, and its status address, are
    /// taken from there
    #[arg(long, value_name = "KEY.pem|pkcs11:...", requires = "ledger")]
    status_key: Option<PathBuf>,

    /// The ledger of that issuer
    #[arg(long, value_name = "FILE", requires = "status_key")]
    ledger: Option<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    #[command(flatten)]
    period: PeriodArgs,

    #[command(flatten)]
    clock: ClockArgs,
}

/// Bytes of an index that counters read.
const INDEX_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Publish {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let chain = self.add_trust(now)?;
        if let (Some(key), Some(ledger)) = (&self.status_key, &self.ledger) {
            self.add_status(key, ledger, &chain, now)?;
        }
        // From here on only what the disk says counts.
        let mut tree = Tree { folder: &self.folder, wrong: Vec::new() };
        let chain = TrustChain::verify(tree.trust()?, now).map_err(|error| refused(&error))?;
        let status = tree.status(&chain, now)?;
        if !tree.wrong.is_empty() {
            return nothing_announced(&tree.wrong, json);
        }
        let index = Index::new(&chain, status, now).map_err(|error| refused(&error))?;
        let announced = self.announce(&index, now)?;
        let value = json!({
            "v": 1,
            "announced": announced,
            "index": shown(&self.path("index.json")),
            "trust_version": chain.newest().version,
            "trust_lists": index.trust().len(),
            "status_lists": index.status().len(),
        });
        let what = format!(
            "trust list up to version {}, {} in all; {} status lists",
            chain.newest().version,
            index.trust().len(),
            index.status().len()
        );
        let text = match announced {
            true => format!("announced: {what}, in {}", shown(&self.path("index.json"))),
            false => format!("announced already: {what}; {} was left as it is", shown(&self.path("index.json"))),
        };
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }

    /// The trust lists of the folder and those that were given, one chain; new ones are put in the folder.
    fn add_trust(&self, now: Timestamp) -> Result<TrustChain, Refusal> {
        let mut tree = Tree { folder: &self.folder, wrong: Vec::new() };
        let mut lists = tree.trust()?;
        if let Some(wrong) = tree.wrong.first() {
            return Err(Refusal::rejected(wrong.code, format!("{}: {}", wrong.file, wrong.what), wrong.remedy.clone()));
        }
        for path in &self.trust {
            lists.push((shown(path), files::read_limited(path, TRUST_LIST_BYTES_MAX as u64)?));
        }
        let chain = TrustChain::verify(lists, now).map_err(|error| refused(&error))?;
        files::make_folder(&self.path("trust"), false)?;
        for list in chain.files() {
            let path = self.path(&trust_path(list.version));
            if !path.exists() {
                files::write_new(&path, &list.bytes, Mode::Public)?;
            }
        }
        Ok(chain)
    }

    fn add_status(&self, key: &Path, ledger: &Path, chain: &TrustChain, now: Timestamp) -> Result<(), Refusal> {
        let key = load_key(key, &self.passphrase)?;
        let not_listed = |why: &str| {
            Refusal::usage(
                "PUBLISH_STATUS_KEY",
                format!("key {} {why} in version {} of the trust list", key.kid(), chain.newest().version),
                "give the key of the issuer that signs its status lists, or add it to the trust list first",
            )
        };
        let (issuer, entry, _) = chain.key(key.kid()).ok_or_else(|| not_listed("is not"))?;
        if !entry.may(Usage::Status) {
            return Err(not_listed("is not for status lists"));
        }
        let uri = StatusUri::parse(&issuer.status_uri)
            .map_err(|error| from_sentence(error.code(), Exit::Rejected, &error.to_string()))?;
        let folder = self.path("status").join(issuer.id.as_str());
        publish_ledger(ledger, &self.period, uri, folder, now, key).map(drop)
    }

    /// Writes the index, unless the one that is there says the same: then counters that ask for it learn that nothing has changed.
    fn announce(&self, index: &Index, now: Timestamp) -> Result<bool, Refusal> {
        let path = self.path("index.json");
        if path.exists() {
            let old = files::read_limited(&path, INDEX_BYTES_MAX as u64)?;
            let mut old: Index = serde_json::from_slice(&old).map_err(|error| {
                Refusal::rejected(
                    "PUBLISH_INDEX",
                    format!("{} is no index: {error}", shown(&path)),
                    "find out what wrote it; if it is of no use, move it away and publish again",
                )
            })?;
            if index.announces_the_same(&old) {
                return Ok(false);
            }
            if self.period.clock_was_ahead {
                old.forget_dates_ahead(now);
            }
            index.may_follow(&old).map_err(|error| refused(&error))?;
        }
        let text = serde_json::to_string(index).map_err(|_| {
            Refusal::internal("PUBLISH_INDEX", "the index cannot be written as JSON", "report this defect")
        })?;
        if text.len() > INDEX_BYTES_MAX {
            return Err(Refusal::rejected(
                "PUBLISH_TOO_MANY",
                format!("the index would have {} bytes, and counters read {INDEX_BYTES_MAX}", text.len()),
                "publish in two folders",
            ));
        }
        files::write_whole(&path, text.as_bytes(), Mode::Public)?;
        Ok(true)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

fn refused(error: &PublishError) -> Refusal {
    from_sentence(error.code(), Exit::Rejected, &error.to_string())
}

/// The folder as it lies there, and what in it cannot be announced.
struct Tree<'a> {
    folder: &'a Path,
    wrong: Vec<Wrong>,
}

/// A file that cannot be announced.
struct Wrong {
    file: String,
    code: &'static str,
    what: String,
    remedy: String,
}

impl Wrong {
    /// From a sentence of the form "what was wrong; what to do".
    fn new(file: String, code: &'static str, sentence: &str) -> Wrong {
        let (what, remedy) = sentence.split_once("; ").unwrap_or((sentence, "correct the file or take it out"));
        Wrong { file, code, what: what.into(), remedy: remedy.into() }
    }
}

impl Tree<'_> {
    /// Name and content of every file in `trust`.
    fn trust(&mut self) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
        let mut lists = Vec::new();
        for name in self.names("trust")? {
            let path = format!("trust/{name}");
            let Some(version) = number_in(&name, ".cose").filter(|_| self.is_plain(&path)) else {
                self.strange(path, "no file <version>.cose");
                continue;
            };
            let bytes = files::read_limited(&self.folder.join(&path), TRUST_LIST_BYTES_MAX as u64)?;
            let says = UnverifiedTrustList::parse(&bytes).ok().map(|list| list.unverified_list().version);
            if says.is_some_and(|says| says != version) {
                self.strange(path, "a trust list of another version than its name says");
                continue;
            }
            lists.push((path, bytes));
        }
        Ok(lists)
    }

    /// Every status list, verified. Those that are wrong are noted.
    fn status(&mut self, chain: &TrustChain, now: Timestamp) -> Result<Vec<StatusEntry>, Refusal> {
        let mut found = Vec::new();
        for issuer in self.names("status")? {
            let folder = format!("status/{issuer}");
            if CounterId::parse(&issuer).is_err() || !self.folder.join(&folder).is_dir() || self.is_link(&folder) {
                self.strange(folder, "no folder of an issuer (issuer status publish --issuer ID makes one)");
                continue;
            }
            for name in self.names(&folder)? {
                let path = format!("{folder}/{name}");
                match number_in(&name, ".cwt").filter(|_| self.is_plain(&path)) {
                    Some(list) => found.push((path, issuer.clone(), list)),
                    None => self.strange(path, "no file <list>.cwt"),
                }
            }
        }
        let checked: Vec<_> = found
            .par_iter()
            .map(|(path, issuer, list)| {
                let bytes = files::read_limited(&self.folder.join(path), STATUS_TOKEN_BYTES_MAX as u64)
                    .map_err(|refusal| Wrong::new(path.clone(), refusal.code(), refusal.what()))?;
                chain
                    .status_file(path, issuer, *list, &bytes, now)
                    .map_err(|error| Wrong::new(path.clone(), error.code(), &error.fault.to_string()))
            })
            .collect();
        let mut entries = Vec::with_capacity(checked.len());
        for result in checked {
            match result {
                Ok(entry) => entries.push(entry),
                Err(wrong) => self.wrong.push(wrong),
            }
        }
        Ok(entries)
    }

    /// The names in a folder of the tree, sorted; none where there is no such folder. What begins with a dot is passed over: a process that was
    /// killed leaves such files, and servers keep theirs so.
    fn names(&self, folder: &str) -> Result<Vec<String>, Refusal> {
        let path = self.folder.join(folder);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| {
            Refusal::usage(
                "PUBLISH_FOLDER",
                format!("cannot look into {}: {error}", path.display()),
                "give the path of the folder that is published",
            )
        })?;
        let names = entries.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        Ok(names)
    }

    fn is_plain(&self, path: &str) -> bool {
        fs::symlink_metadata(self.folder.join(path)).is_ok_and(|metadata| metadata.is_file())
    }

    fn is_link(&self, path: &str) -> bool {
        fs::symlink_metadata(self.folder.join(path)).is_ok_and(|metadata| metadata.is_symlink())
    }

    fn strange(&mut self, file: String, what: &str) {
        let sentence = format!("{what}; take it out of the folder, then publish again");
        self.wrong.push(Wrong::new(file, "PUBLISH_STRANGE_FILE", &sentence));
    }
}

/// The number in `<number>.cose`, written as the format writes it: "007" and "+7" are other names.
fn number_in(name: &str, end: &str) -> Option<u64> {
    let digits = name.strip_suffix(end)?;
    let plain = digits == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'));
    if plain { digits.parse().ok() } else { None }
}

/// Every file that is wrong, each with its code: whoever keeps the tree mends them all at once.
fn nothing_announced(wrong: &[Wrong], json: bool) -> Result<Exit, Refusal> {
    let value = json!({
        "v": 1,
        "announced": false,
        "wrong": wrong.iter().map(|wrong| json!({
            "file": wrong.file, "code": wrong.code, "what": wrong.what, "remedy": wrong.remedy,
        })).collect::<Vec<_>>(),
    });
    let lines = wrong.iter().map(|Wrong { file, code, what, remedy }| format!("{file}: {what}; {remedy} [{code}]\n"));
    say(json, &value, &(lines.collect::<String>() + "nothing was announced: index.json is as it was"))?;
    Ok(Exit::Rejected)
}
