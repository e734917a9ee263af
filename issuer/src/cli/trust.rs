//! `issuer trust`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::region::Window;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{RootKeys, TrustList, UnverifiedTrustList};
use issuer::trust::{self, DraftError, IssuerDraft, KeyDraft, Predecessor, TrustDraft, TrustError, UsageWord, key_hex};
use serde_json::json;

use super::{ClockArgs, PassphraseArgs, from_sentence, from_signing, load_key, load_public_key, say, shown};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a draft: a JSON file that people read and edit, with the region rules of Guangdong, Shenzhen and Zhejiang
    Init(Init),
    /// Add an issuer to the draft, or one more key to an issuer that is in it
    AddIssuer(AddIssuer),
    /// Sign the draft as the next trust list
    Sign(Sign),
    /// Put new root keys in the place of the old ones: the next trust list, signed with both
    Rotate(Rotate),
    /// Show what a trust list says, and whether its own root keys signed it
    Show(Show),
}

impl Command {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match self {
            Command::Init(command) => command.run(json),
            Command::AddIssuer(command) => command.run(json),
            Command::Sign(command) => command.run(json),
            Command::Rotate(command) => command.run(json),
            Command::Show(command) => command.run(json),
        }
    }
}

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
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let roots = public_keys(&self.root)?;
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
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let mut draft = read_draft(&self.draft)?;
        let key = load_public_key(&self.key)?;
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
pub(crate) struct Sign {
    #[command(flatten)]
    signing: Signing,
}

impl Sign {
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let (draft, previous) = self.signing.begin()?;
        self.signing.finish(json, draft, previous)
    }
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The public half of a new root key; repeat it for several. Together they replace all old ones
    #[arg(long, value_name = "NEW.pub.pem", required = true)]
    new_root: Vec<PathBuf>,

    /// How many of the new root keys must sign [default: as many as now]
    #[arg(long, value_name = "N")]
    threshold: Option<u64>,

    #[command(flatten)]
    signing: Signing,
}

impl Rotate {
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let (mut draft, previous) = self.signing.begin()?;
        let roots = public_keys(&self.new_root)?;
        draft.roots = cose_keys(&roots).iter().map(key_hex).collect();
        draft.threshold = self.threshold.unwrap_or(draft.threshold);
        let Some(previous) = previous else {
            return Err(Refusal::usage(
                "TRUST_NOTHING_TO_FOLLOW",
                "no list has been signed yet, so there is no root key to rotate",
                "begin again with `issuer trust init`",
            ));
        };
        let new_roots = draft.root_keys().map_err(|error| from_draft(&error))?;
        if new_roots == previous.roots {
            // A rotation that was cut off between the list and the draft: `previous` has brought the draft up to date.
            return Err(Refusal::usage(
                "TRUST_SAME_ROOTS",
                format!("version {} has these root keys already", previous.version),
                "nothing is left to rotate; use `issuer trust sign` for the next list",
            ));
        }
        self.signing.finish(json, draft, Some(previous))
    }
}

#[derive(Args)]
pub(crate) struct Show {
    /// A trust list
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Show {
    fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let bytes = files::read_limited(&self.file, TRUST_LIST_BYTES_MAX as u64)?;
        let read = UnverifiedTrustList::parse(&bytes).map_err(|error| not_a_list(&self.file, &error))?;
        let list = read.unverified_list();
        let consistent = list.check();
        let signed = read.signed_by(&list.roots);
        let value = json!({
            "v": 1,
            "version": list.version,
            "issued_at": list.issued_at.to_string(),
            "expires_at": list.expires_at.to_string(),
            "root_thumbprints": thumbprints(&list.roots),
            "signed_by_its_own_roots": signed,
            "consistent": consistent.is_ok(),
            "list": TrustDraft::of(list),
        });
        let mut text = format!(
            "version      {}\nissued at    {}\nexpires at   {}\nroots        {} of {} must sign\n",
            list.version,
            list.issued_at,
            list.expires_at,
            list.roots.threshold(),
            list.roots.keys().len(),
        );
        for thumbprint in thumbprints(&list.roots) {
            text.push_str(&format!("  {thumbprint}\n"));
        }
        for issuer in &list.issuers {
            let divisions: Vec<&str> = issuer.divisions.iter().map(|division| division.as_str()).collect();
            text.push_str(&format!(
                "issuer       {} {} for {}, {}\n",
                issuer.id,
                issuer.name,
                divisions.join(","),
                issuer.status_uri
            ));
            for key in &issuer.keys {
                let kid =
                    PublicKey::try_from(&key.key).map_or_else(|_| "unfit".to_owned(), |key| key.kid().to_string());
                let usages: Vec<String> = key.usages.iter().map(|usage| format!("{usage:?}").to_lowercase()).collect();
                let specimen = if key.specimen { ", specimens only" } else { "" };
                text.push_str(&format!(
                    "  key {kid}: {}, {} to {}{specimen}\n",
                    usages.join(","),
                    key.not_before,
                    key.not_after
                ));
            }
        }
        for rule in &list.rules {
            let window = match rule.window() {
                Window::Months(1) => "1 month".to_owned(),
                Window::Months(months) => format!("{months} months"),
                Window::Days(days) => format!("{days} days"),
            };
            let cancelled =
                rule.auto_cancel_years().map_or(String::new(), |years| format!(", cancelled after {years} years"));
            let paper = rule.voucher_name().map_or(String::new(), |name| format!(", paper {}", name.as_str()));
            let live = if rule.live_code() { "" } else { ", no live code" };
            text.push_str(&format!(
                "rule         {} {}, endorsed in the last {window}{cancelled}{paper}{live}\n",
                rule.prefix(),
                rule.permit_name(),
            ));
        }
        match (&consistent, signed) {
            (Err(error), _) => text.push_str(&format!("contradicts itself: {error} [{}]", error.code())),
            (Ok(()), true) => text.push_str("signed by its own root keys; trust it only if you know their thumbprints"),
            (Ok(()), false) => text.push_str("NOT signed by enough of its own root keys"),
        }
        say(json, &value, &text)?;
        Ok(if signed && consistent.is_ok() { Exit::Done } else { Exit::Rejected })
    }
}

/// The list in use, from where the next one goes, else from the draft. A draft that a signing was cut off from is brought up to date.
fn previous(out: &Path, draft: &mut TrustDraft) -> Result<Option<Predecessor>, Refusal> {
    if !out.exists() {
        let roots = draft.root_keys().map_err(|error| from_draft(&error))?;
        return Ok((draft.version > 0).then_some(Predecessor { version: draft.version, roots }));
    }
    let bytes = files::read_limited(out, TRUST_LIST_BYTES_MAX as u64)?;
    let read = UnverifiedTrustList::parse(&bytes).map_err(|error| not_a_list(out, &error))?;
    let list = read.unverified_list();
    if !read.signed_by(&list.roots) {
        return Err(Refusal::usage(
            "TRUST_OUT_UNSIGNED",
            format!("the list {} is not signed by its own root keys", out.display()),
            "give another path for --out, or put the right list there",
        ));
    }
    if list.version > draft.version {
        eprintln!(
            "note: {} has version {} and the draft says {}: the last signing was cut off, and the draft is brought up to date",
            shown(out),
            list.version,
            draft.version
        );
        let signed = TrustDraft::of(list);
        (draft.version, draft.threshold, draft.roots) = (signed.version, signed.threshold, signed.roots);
    }
    Ok(Some(Predecessor { version: draft.version, roots: list.roots.clone() }))
}

/// What every signing of a list is told.
#[derive(Args)]
struct Signing {
    /// The draft; its version is raised
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// A root key; repeat it where several must sign. When root keys change, enough of the old and of the new must sign
    #[arg(long, value_name = "ROOT.pem", required = true)]
    key: Vec<PathBuf>,

    /// Where the list goes. The list that lies there, if any, is the one that this one follows
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Signing {
    /// The draft, and the list that the next one follows.
    fn begin(&self) -> Result<(TrustDraft, Option<Predecessor>), Refusal> {
        let mut draft = read_draft(&self.draft)?;
        let previous = previous(&self.out, &mut draft)?;
        Ok((draft, previous))
    }

    /// Signs the next version, writes it whole, reads it back, and only then raises the draft.
    fn finish(&self, json: bool, mut draft: TrustDraft, previous: Option<Predecessor>) -> Result<Exit, Refusal> {
        let version = draft.version.checked_add(1).ok_or_else(|| {
            Refusal::usage(
                "TRUST_VERSION",
                "the draft's version cannot rise any further",
                "correct the version in the draft",
            )
        })?;
        let list = draft.to_list(version, self.clock.now()?).map_err(|error| from_draft(&error))?;
        let keys = self.key.iter().map(|path| load_key(path, &self.passphrase)).collect::<Result<Vec<_>, _>>()?;
        let signed =
            trust::sign(&list, previous.as_ref(), &keys.iter().collect::<Vec<_>>()).map_err(|error| match &error {
                TrustError::Signing(error) => from_signing(error),
                TrustError::Unreadable => from_sentence(error.code(), Exit::Internal, &error.to_string()),
                _ => from_sentence(error.code(), Exit::Usage, &error.to_string()),
            })?;

        if let Some(folder) = self.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::make_folder(folder, false)?;
        }
        files::write_whole(&self.out, signed.bytes(), Mode::Public)?;
        let back = files::read_limited(&self.out, TRUST_LIST_BYTES_MAX as u64)?;
        let holds = UnverifiedTrustList::parse(&back).is_ok_and(|read| read.signed_by(&list.roots));
        if back != signed.bytes() || !holds {
            return Err(Refusal::internal(
                "FILE_READ_BACK",
                format!("{} does not read back as it was written", self.out.display()),
                "check the disk, then sign again; do not distribute this file",
            ));
        }
        // After the list: if the draft is not reached, the next signing finds the list and catches up.
        draft.version = version;
        write_draft(&self.draft, &draft)?;
        report(json, &self.out, &list)
    }
}

fn report(json: bool, out: &Path, list: &TrustList) -> Result<Exit, Refusal> {
    let thumbprints = thumbprints(&list.roots);
    let value = json!({
        "v": 1,
        "file": shown(out),
        "version": list.version,
        "issued_at": list.issued_at.to_string(),
        "expires_at": list.expires_at.to_string(),
        "root_thumbprints": thumbprints,
    });
    let text = format!(
        "trust list       {}\nversion          {}\nexpires at       {}\nroot thumbprint  {}",
        shown(out),
        list.version,
        list.expires_at,
        thumbprints.join("\n                 "),
    );
    say(json, &value, &text)?;
    Ok(Exit::Done)
}

fn thumbprints(roots: &RootKeys) -> Vec<String> {
    let keys = roots.keys().iter().filter_map(|key| PublicKey::try_from(key).ok());
    keys.map(|key| key.thumbprint().to_string()).collect()
}

fn public_keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>, Refusal> {
    paths.iter().map(|path| load_public_key(path)).collect()
}

fn cose_keys(keys: &[PublicKey]) -> Vec<CoseKey> {
    keys.iter().map(PublicKey::cose_key).collect()
}

fn read_draft(path: &Path) -> Result<TrustDraft, Refusal> {
    let bytes = files::read_limited(path, 4 * TRUST_LIST_BYTES_MAX as u64)?;
    // A draft holds nothing personal: serde's own words are the most exact.
    serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::usage(
            "TRUST_DRAFT",
            format!("{} is no draft: {error}", path.display()),
            "correct that place in the file",
        )
    })
}

fn write_draft(path: &Path, draft: &TrustDraft) -> Result<(), Refusal> {
    files::write_whole(path, text_of(draft)?.as_bytes(), Mode::Public)
}

fn text_of(draft: &TrustDraft) -> Result<String, Refusal> {
    serde_json::to_string_pretty(draft)
        .map(|text| text + "\n")
        .map_err(|_| Refusal::internal("TRUST_DRAFT", "the draft cannot be written as JSON", "report this defect"))
}

fn not_a_list(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::usage("TRUST_MALFORMED", format!("{} is not a trust list: {error}", path.display()), "check the path")
}

fn from_draft(error: &DraftError) -> Refusal {
    let place =
        if error.place == "draft" { "in the draft".to_owned() } else { format!("in the draft, {}", error.place) };
    from_sentence(error.code, Exit::Usage, &format!("{place}: {}", error.what))
}
