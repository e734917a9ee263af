//! `issuer trust`

mod draft;
mod key_life;
mod key_uses;
mod lint;
mod propose;
mod publish;
mod review;
mod show;
mod sign;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::trust_list::{RootKeys, TrustList, UnverifiedTrustList};
use issuer::trust::ceremony::{CeremonyError, Proposal};
use issuer::trust::{DraftError, SignedTrustList, TrustDraft, TrustError};
use serde_json::json;
use zeroize::Zeroizing;

use super::{from_sentence, from_signing, load_public_key, public_path, say, shown};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a draft: a JSON file that people read and edit, with the region rules of Guangdong, Shenzhen and Zhejiang
    Init(draft::Init),
    /// Add an issuer to the draft, or one more key to an issuer that is in it
    AddIssuer(draft::AddIssuer),
    /// Add and remove root keys in the draft, or change how many of them must sign
    Roots(draft::Roots),
    /// Let an issuer's key in the draft end earlier
    Retire(key_life::Retire),
    /// Write in the draft that an issuer's key was in other hands from some time on
    Compromise(key_life::Compromise),
    /// Name every mistake in the draft. Exit code 0 means that nothing was found, 1 that something was
    Lint(lint::Lint),
    /// Write down the next list as a proposal, which root keys on several machines then sign
    Propose(propose::Propose),
    /// Show what a proposal changes, what is questionable about it, and the digest by which all who sign compare it
    Review(review::Review),
    /// Sign the draft as the next trust list, or a proposal with one root key of several
    Sign(sign::Sign),
    /// Put the signatures of a proposal together to the next trust list
    Publish(publish::Publish),
    /// Put new root keys in the place of the old ones: the next trust list, signed with both
    Rotate(sign::Rotate),
    /// Show what a trust list says, and whether its own root keys signed it
    Show(show::Show),
}

impl Command {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match self {
            Command::Init(command) => command.run(json),
            Command::AddIssuer(command) => command.run(json),
            Command::Roots(command) => command.run(json),
            Command::Retire(command) => command.run(json),
            Command::Compromise(command) => command.run(json),
            Command::Lint(command) => command.run(json),
            Command::Propose(command) => command.run(json),
            Command::Review(command) => command.run(json),
            Command::Sign(command) => command.run(json),
            Command::Publish(command) => command.run(json),
            Command::Rotate(command) => command.run(json),
            Command::Show(command) => command.run(json),
        }
    }
}

/// A list that is in use: consistent, and signed by its own root keys. Whether those are the right ones, its reader has to know.
fn read_list(path: &Path) -> Result<TrustList, Refusal> {
    let bytes = files::read_limited(path, TRUST_LIST_BYTES_MAX as u64)?;
    let read = UnverifiedTrustList::parse(&bytes).map_err(|error| not_a_list(path, &error))?;
    let list = read.unverified_list();
    list.check().map_err(|error| from_sentence(error.code(), Exit::Usage, &format!("{}: {error}", path.display())))?;
    if !read.signed_by(&list.roots) {
        return Err(Refusal::usage(
            "TRUST_CURRENT_UNSIGNED",
            format!(
                "the list {} is not signed by enough of its own root keys, and so is no list in use",
                path.display()
            ),
            "give the list that was published last",
        ));
    }
    Ok(list.clone())
}

fn read_proposal(path: &Path) -> Result<Proposal, Refusal> {
    let bytes = files::read_limited(path, TRUST_LIST_BYTES_MAX as u64)?;
    Proposal::parse(&bytes)
        .map_err(|error| from_sentence(error.code(), Exit::Usage, &format!("{}: {error}", path.display())))
}

/// Only the first list follows none.
fn needs_current(list: &TrustList, current: Option<&TrustList>) -> Result<(), Refusal> {
    if current.is_none() && list.version > 1 {
        return Err(Refusal::usage(
            "TRUST_CURRENT_MISSING",
            format!("version {} follows a list that was not given", list.version),
            "give --current the list in use",
        ));
    }
    Ok(())
}

/// Writes a list whole, and reads it back.
fn release(out: &Path, signed: &SignedTrustList) -> Result<(), Refusal> {
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::make_folder(folder, false)?;
    }
    files::write_whole(out, signed.bytes(), Mode::Public)?;
    let back = files::read_limited(out, TRUST_LIST_BYTES_MAX as u64)?;
    let holds = UnverifiedTrustList::parse(&back).is_ok_and(|read| read.signed_by(&signed.list().roots));
    if back != signed.bytes() || !holds {
        return Err(Refusal::internal(
            "FILE_READ_BACK",
            format!("{} does not read back as it was written", out.display()),
            "check the disk, then sign again; do not distribute this file",
        ));
    }
    Ok(())
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

fn public_halves(paths: &[PathBuf]) -> Result<Vec<PublicKey>, Refusal> {
    paths.iter().map(|path| public_half(path)).collect()
}

/// The public key in a file that holds no private one: a draft is no reason to take a private key out of its place.
fn public_half(path: &Path) -> Result<PublicKey, Refusal> {
    let bytes = Zeroizing::new(files::read_limited(path, KEY_FILE_BYTES_MAX)?);
    if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----") {
        return Err(Refusal::usage(
            "TRUST_PRIVATE_KEY",
            format!("{} is a private key, and a trust list needs the public half only", path.display()),
            format!("give {}, and leave the private key where it signs", public_path(path).display()),
        ));
    }
    load_public_key(path)
}

/// As the loader of keys has it.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

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

fn from_trust(error: &TrustError) -> Refusal {
    match error {
        TrustError::Signing(error) => from_signing(error),
        TrustError::Unreadable => from_sentence(error.code(), Exit::Internal, &error.to_string()),
        _ => from_sentence(error.code(), Exit::Usage, &error.to_string()),
    }
}

/// `files` are the signature files, in the order in which they were put together.
fn from_ceremony(error: &CeremonyError, files: &[PathBuf]) -> Refusal {
    if let CeremonyError::Trust(error) = error {
        return from_trust(error);
    }
    let file =
        error.file().and_then(|file| files.get(file)).map_or(String::new(), |path| format!("{}: ", path.display()));
    from_sentence(error.code(), Exit::Usage, &format!("{file}{error}"))
}
