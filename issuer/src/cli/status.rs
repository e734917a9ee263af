//! `issuer status`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::counter_id::CounterId;
use credential_format::limits::STATUS_TOKEN_BYTES_MAX;
use credential_format::permit::StatusSlot;
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::{Status, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::SigningKey;
use issuer::IssuingKey;
use issuer::ledger::{Ledger, Target, word};
use issuer::status::{self, PublishedStatusList, StatusError, StatusPeriod, StatusUri};
use serde_json::json;

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

    /// For how many days counters may use the list
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=366))]
    expires_days: u64,

    /// After how many hours counters are to fetch it anew
    #[arg(long, value_name = "HOURS", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=8784))]
    ttl_hours: u64,

    #[command(flatten)]
    clock: ClockArgs,
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
        let mut ledger = existing_ledger(&self.ledger)?;
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
        let mut published = Vec::with_capacity(lists.len());
        for list in lists {
            let path = folder.join(format!("{list}.cwt"));
            let signed = self.publish(&mut ledger, list, &uri, now, &key, &path)?;
            published.push((list, path, signed));
        }
        let value = json!({
            "v": 1,
            "kid": key.kid().to_string(),
            "lists": published.iter().map(|(list, path, signed)| json!({
                "list": list,
                "file": shown(path),
                "subject": signed.head().subject,
                "issued_at": signed.head().issued_at.to_string(),
                "expires_at": signed.head().expires_at.map(|at| at.to_string()),
                "bytes": signed.bytes().len(),
            })).collect::<Vec<_>>(),
        });
        let lines = published.iter().map(|(list, path, signed)| {
            let until = signed.head().expires_at.map_or_else(String::new, |at| format!(", good until {at}"));
            format!(
                "list {list}: {}, of {}{until}, {} bytes\n",
                shown(path),
                signed.head().issued_at,
                signed.bytes().len()
            )
        });
        say(json, &value, &lines.collect::<String>())?;
        Ok(Exit::Done)
    }

    fn publish(
        &self,
        ledger: &mut Ledger,
        list: u64,
        uri: &StatusUri,
        now: Timestamp,
        key: &IssuingKey<SigningKey>,
        path: &Path,
    ) -> Result<PublishedStatusList, Refusal> {
        let publication = ledger.publish(list, now).map_err(|error| from_ledger(&self.ledger, &error))?;
        let period = StatusPeriod::new(publication.issued_at, self.expires_days * 86_400, self.ttl_hours * 3_600);
        let signed =
            period.and_then(|period| status::sign(publication.entries, list, uri, period, key)).map_err(from_status)?;

        if path.exists() {
            let old = files::read_limited(path, STATUS_TOKEN_BYTES_MAX as u64)?;
            let newer = UnverifiedStatusList::parse(&old).ok().map(|old| old.unverified_head().clone());
            if newer.is_some_and(|old| old.subject == signed.head().subject && old.issued_at >= signed.head().issued_at)
            {
                return Err(Refusal::rejected(
                    "STATUS_FILE_NEWER",
                    format!("{} is as new as the list that was to replace it", path.display()),
                    "find out which other ledger or process publishes there",
                ));
            }
        }
        files::write_whole(path, signed.bytes(), Mode::Public)?;
        let back = files::read_limited(path, STATUS_TOKEN_BYTES_MAX as u64)?;
        let checked = UnverifiedStatusList::parse(&back).ok().and_then(|read| read.check(key.public()).ok());
        if back != signed.bytes() || checked.is_none() {
            return Err(Refusal::internal(
                "FILE_READ_BACK",
                format!("{} does not read back as it was written", path.display()),
                "check the disk, then publish again; do not distribute this file",
            ));
        }
        Ok(signed)
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
fn existing_ledger(path: &Path) -> Result<Ledger, Refusal> {
    if !path.exists() {
        return Err(Refusal::usage(
            "FILE_MISSING",
            format!("there is no ledger {}", path.display()),
            "give the path of the ledger.sqlite3 that `issuer issue` keeps beside the key",
        ));
    }
    open_ledger(path)
}
