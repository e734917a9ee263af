//! `issuer trust init`, `add-issuer` and `roots`: the draft that people edit.

use std::path::PathBuf;

use clap::Args;
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey, Thumbprint};
use credential_format::timestamp::Timestamp;
use issuer::trust::{IssuerDraft, KeyDraft, TrustDraft, UsageWord, key_hex};
use serde_json::json;

use super::super::{say, shown};
use super::{cose_keys, from_draft, public_half, public_halves, read_draft, text_of, thumbprints, write_draft};

#[derive(Args)]
pub(crate) struct Init {
    /// The draft to write: a new JSON file
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The public half of a root key; repeat it for several
    #[arg(long, value_name = "ROOT.pub.pem", required = true)]
    root: Vec<PathBuf>,

    /// How many of the root keys must sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: u64,

    /// For how many days a list is good
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: u32,
}

impl Init {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let roots = public_halves(&self.root)?;
        let draft = TrustDraft::new(self.threshold, &cose_keys(&roots), self.days);
        draft.to_list(1, Timestamp::MIN).map_err(|error| from_draft(&error))?;
        files::write_new(&self.draft, text_of(&draft)?.as_bytes(), Mode::Public)?;
        let thumbprints: Vec<String> = roots.iter().map(|key| key.thumbprint().to_string()).collect();
        let value = json!({ "v": 1, "draft": shown(&self.draft), "roots": thumbprints, "threshold": self.threshold });
        let text = format!(
            "draft            {}\nroot thumbprint  {}\nnext: issuer trust add-issuer --draft {} …",
            shown(&self.draft),
            thumbprints.join("\n                 "),
            shown(&self.draft),
        );
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}

#[derive(Args)]
pub(crate) struct AddIssuer {
    /// The draft to change
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The issuer's id: 1 to 32 of A-Z, 0-9 and -
    #[arg(long, value_name = "ID")]
    id: String,

    /// The authority's name as counters show it (a new issuer needs it)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The first 2, 4 or 6 digits of the divisions it issues for, separated by commas: 44,4403 (a new issuer needs it)
    #[arg(long, value_name = "PREFIXES", value_delimiter = ',')]
    divisions: Vec<String>,

    /// What the names of its status lists begin with: https://status.example.cn/tianhe (a new issuer needs it)
    #[arg(long, value_name = "ADDRESS")]
    status_uri: Option<String>,

    /// The public half of the issuer's key
    #[arg(long, value_name = "KEY.pub.pem")]
    key: PathBuf,

    /// What the key may sign, separated by commas: permit, voucher, status
    #[arg(long, value_name = "USAGES", value_delimiter = ',', required = true)]
    usages: Vec<String>,

    /// From when the key signs: 2026-01-01T00:00:00+08:00
    #[arg(long, value_name = "TIME")]
    not_before: String,

    /// From when nothing that the key signed is accepted any more
    #[arg(long, value_name = "TIME")]
    not_after: String,

    /// The key signs specimens (样本) only: counters never show them as valid
    #[arg(long)]
    specimen: bool,
}

impl AddIssuer {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let mut draft = read_draft(&self.draft)?;
        let key = public_half(&self.key)?;
        let usages = self.usages.iter().map(|word| {
            UsageWord::parse(word.trim()).ok_or_else(|| {
                Refusal::usage(
                    "TRUST_USAGE",
                    format!("{word:?} is no usage"),
                    "write permit, voucher or status, separated by commas",
                )
            })
        });
        let entry = KeyDraft {
            key: key_hex(&key.cose_key()),
            usages: usages.collect::<Result<_, _>>()?,
            not_before: self.not_before.clone(),
            not_after: self.not_after.clone(),
            compromised_from: None,
            specimen: self.specimen,
        };
        let is_new = !draft.issuers.iter().any(|issuer| issuer.id == self.id);
        match draft.issuers.iter_mut().find(|issuer| issuer.id == self.id) {
            Some(issuer) => {
                let differs = |what: &str| {
                    Refusal::usage(
                        "TRUST_ISSUER_DIFFERS",
                        format!("issuer {} is in the draft with another {what}", self.id),
                        format!("leave --{what} out to add a key; to change it, edit {}", self.draft.display()),
                    )
                };
                if self.name.as_ref().is_some_and(|name| *name != issuer.name) {
                    return Err(differs("name"));
                }
                if !self.divisions.is_empty() && self.divisions != issuer.divisions {
                    return Err(differs("divisions"));
                }
                if self.status_uri.as_ref().is_some_and(|uri| *uri != issuer.status_uri) {
                    return Err(differs("status-uri"));
                }
                issuer.keys.push(entry);
            }
            None => match (&self.name, &self.status_uri) {
                (Some(name), Some(status_uri)) if !self.divisions.is_empty() => draft.issuers.push(IssuerDraft {
                    id: self.id.clone(),
                    name: name.clone(),
                    divisions: self.divisions.clone(),
                    status_uri: status_uri.clone(),
                    keys: vec![entry],
                }),
                _ => {
                    return Err(Refusal::usage(
                        "TRUST_ISSUER_NEW",
                        format!("issuer {} is not in the draft yet", self.id),
                        "give --name, --divisions and --status-uri too",
                    ));
                }
            },
        }
        // The time does not matter for whether the draft is consistent.
        draft.to_list(draft.version.saturating_add(1), Timestamp::MIN).map_err(|error| from_draft(&error))?;
        write_draft(&self.draft, &draft)?;
        let value = json!({
            "v": 1, "draft": shown(&self.draft), "issuer": self.id, "new": is_new,
            "kid": key.kid().to_string(), "thumbprint": key.thumbprint().to_string(),
        });
        let text = format!("issuer {}: key {} added to {}", self.id, key.kid(), shown(&self.draft));
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}

#[derive(Args)]
pub(crate) struct Roots {
    /// The draft to change
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The public half of a new root key; repeat it for several
    #[arg(long, value_name = "ROOT.pub.pem")]
    add: Vec<PathBuf>,

    /// The thumbprint of a root key that is to go; repeat it for several
    #[arg(long, value_name = "THUMBPRINT")]
    remove: Vec<String>,

    /// How many of the root keys must sign [default: as many as now]
    #[arg(long, value_name = "N")]
    threshold: Option<u64>,
}

impl Roots {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let mut draft = read_draft(&self.draft)?;
        let roots = draft.root_keys().map_err(|error| from_draft(&error))?;
        let mut keys = roots.keys().to_vec();
        for text in &self.remove {
            let gone = Thumbprint::parse(text);
            let is_it = |key: &CoseKey| PublicKey::try_from(key).is_ok_and(|key| Some(key.thumbprint()) == gone);
            let Some(place) = keys.iter().position(is_it) else {
                return Err(Refusal::usage(
                    "TRUST_ROOT_UNKNOWN",
                    format!("the draft has no root key with the thumbprint {text:?}"),
                    "`issuer trust show LIST` names the root keys of a list",
                ));
            };
            keys.remove(place);
        }
        for key in cose_keys(&public_halves(&self.add)?) {
            if keys.contains(&key) {
                return Err(Refusal::usage(
                    "TRUST_DUPLICATE_ROOT",
                    format!("{} is a root key of the draft already", key_hex(&key)),
                    "leave that --add out",
                ));
            }
            keys.push(key);
        }
        draft.roots = keys.iter().map(key_hex).collect();
        draft.threshold = self.threshold.unwrap_or(draft.threshold);
        let roots = draft.root_keys().map_err(|error| from_draft(&error))?;
        write_draft(&self.draft, &draft)?;
        let thumbprints = thumbprints(&roots);
        let value = json!({
            "v": 1, "draft": shown(&self.draft), "roots": thumbprints, "threshold": roots.threshold(),
        });
        let text = format!(
            "draft            {}\nmust sign        {} of {}\nroot thumbprint  {}",
            shown(&self.draft),
            roots.threshold(),
            thumbprints.len(),
            thumbprints.join("\n                 "),
        );
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}
