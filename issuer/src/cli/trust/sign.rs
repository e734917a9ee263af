//! `issuer trust sign` and `issuer trust rotate`: root keys sign, all on this machine or one of several.

use std::io::{IsTerminal as _, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::trust_list::UnverifiedTrustList;
use issuer::trust::ceremony::ProposalDigest;
use issuer::trust::{self, Predecessor, TrustDraft, key_hex};
use serde_json::json;

use super::super::{ClockArgs, PassphraseArgs, load_key, say, shown};
use super::review::Page;
use super::{
    cose_keys, from_ceremony, from_draft, from_trust, needs_current, not_a_list, public_halves, read_draft, read_list,
    read_proposal, release, report, write_draft,
};

#[derive(Args)]
pub(crate) struct Sign {
    /// A draft, to be signed as the next list by all the root keys that must sign; its version is raised
    #[arg(long, value_name = "FILE", required_unless_present = "proposal", conflicts_with = "proposal")]
    draft: Option<PathBuf>,

    /// Instead of a draft, a proposal, to be signed by one root key, on its own machine. Shows what it changes, and asks for the first
    /// digits of its digest
    #[arg(long, value_name = "FILE")]
    proposal: Option<PathBuf>,

    /// The list in use, which the proposal follows (any but the first needs it)
    #[arg(long, value_name = "LIST", requires = "proposal")]
    current: Option<PathBuf>,

    /// The digest of the proposal, at least its first 16 digits, in place of the question in the terminal
    #[arg(long, value_name = "DIGEST", requires = "proposal")]
    confirm: Option<String>,

    /// A root key. For a draft, repeat it where several must sign: when root keys change, enough of the old and of the new
    #[arg(long, value_name = "ROOT.pem", required = true)]
    key: Vec<PathBuf>,

    /// Where the list goes; the list that lies there, if any, is the one that this one follows. For a proposal, where the signature goes:
    /// a new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Sign {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match (&self.draft, &self.proposal) {
            (Some(draft), _) => {
                let signing =
                    Signing { draft, key: &self.key, out: &self.out, passphrase: &self.passphrase, clock: &self.clock };
                let (draft, previous) = signing.begin()?;
                signing.finish(json, draft, previous)
            }
            (None, Some(proposal)) => self.one_of_several(json, proposal),
            // clap wants one of the two.
            (None, None) => {
                Err(Refusal::usage("TRUST_DRAFT", "there is nothing to sign", "give --draft or --proposal"))
            }
        }
    }

    /// Shows what is to be signed, lets it be confirmed, and signs it with one root key.
    fn one_of_several(&self, json: bool, path: &Path) -> Result<Exit, Refusal> {
        let [key] = self.key.as_slice() else {
            return Err(Refusal::usage(
                "TRUST_ONE_KEY",
                "a proposal is signed by one root key at a time",
                "give one --key, and make a signature file for each",
            ));
        };
        let now = self.clock.now()?;
        let proposal = read_proposal(path)?;
        let current = self.current.as_deref().map(read_list).transpose()?;
        needs_current(proposal.list(), current.as_ref())?;
        let follows = current.as_ref().map(Predecessor::from);

        Page::of(&proposal, current.as_ref(), now).say_on_stderr();
        confirm(&proposal.digest(), self.confirm.as_deref())?;
        let key = load_key(key, &self.passphrase)?;
        let file = proposal.sign(follows.as_ref(), &key).map_err(|error| from_ceremony(&error, &[]))?;
        files::write_new(&self.out, &file, Mode::Public)?;

        let (version, digest) = (proposal.list().version, proposal.digest());
        let value = json!({
            "v": 1,
            "signature": shown(&self.out),
            "version": version,
            "digest": digest.hex(),
            "kid": key.kid().to_string(),
            "thumbprint": key.thumbprint().to_string(),
        });
        let text = format!(
            "签名 signature      {}\n版本 version        {version}\n根密钥 root key     {}\n摘要 digest         {digest}\nnext: issuer trust publish --proposal … --signature {}",
            shown(&self.out),
            key.thumbprint(),
            shown(&self.out),
        );
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}

/// The person who signs says that this is what was read to them: in the terminal, or by `--confirm`.
fn confirm(digest: &ProposalDigest, given: Option<&str>) -> Result<(), Refusal> {
    let (text, digits) = match given {
        Some(text) => (text.to_owned(), ProposalDigest::CONFIRMED_DIGITS),
        None if stdin().is_terminal() => {
            let digits = ProposalDigest::TYPED_DIGITS;
            eprintln!("请输入摘要的前{digits}位以签署 To sign, type the first {digits} digits of the digest:");
            let line = files::read_line_limited(&mut stdin().lock(), 200)?;
            (line.unwrap_or_default().trim().to_owned(), digits)
        }
        None => {
            return Err(Refusal::usage(
                "TRUST_CONFIRM_MISSING",
                "nobody can be asked whether this is the right proposal: standard input is no terminal",
                format!(
                    "give --confirm at least the first {} digits of the digest that whoever proposed it has read to you",
                    ProposalDigest::CONFIRMED_DIGITS
                ),
            ));
        }
    };
    if digest.begins_with(&text, digits) {
        return Ok(());
    }
    Err(Refusal::rejected(
        "TRUST_CONFIRM_DIFFERS",
        format!(
            "what was given are not the first {digits} digits or more of this proposal's digest; nothing was signed"
        ),
        "compare the whole digest with whoever proposed it; if it differs, ask for the proposal again",
    ))
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The public half of a new root key; repeat it for several. Together they replace all old ones
    #[arg(long, value_name = "NEW.pub.pem", required = true)]
    new_root: Vec<PathBuf>,

    /// How many of the new root keys must sign [default: as many as now]
    #[arg(long, value_name = "N")]
    threshold: Option<u64>,

    /// The draft; its version is raised
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// A root key; repeat it where several must sign. Enough of the old and of the new must sign
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

impl Rotate {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let signing = Signing {
            draft: &self.draft,
            key: &self.key,
            out: &self.out,
            passphrase: &self.passphrase,
            clock: &self.clock,
        };
        let (mut draft, previous) = signing.begin()?;
        let roots = public_halves(&self.new_root)?;
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
        signing.finish(json, draft, Some(previous))
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

/// What every signing of a draft is told.
struct Signing<'a> {
    draft: &'a Path,
    key: &'a [PathBuf],
    out: &'a Path,
    passphrase: &'a PassphraseArgs,
    clock: &'a ClockArgs,
}

impl Signing<'_> {
    /// The draft, and the list that the next one follows.
    fn begin(&self) -> Result<(TrustDraft, Option<Predecessor>), Refusal> {
        let mut draft = read_draft(self.draft)?;
        let previous = previous(self.out, &mut draft)?;
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
        let keys = self.key.iter().map(|path| load_key(path, self.passphrase)).collect::<Result<Vec<_>, _>>()?;
        let signed = trust::sign(&list, previous.as_ref(), &keys.iter().collect::<Vec<_>>())
            .map_err(|error| from_trust(&error))?;
        release(self.out, &signed)?;
        // After the list: if the draft is not reached, the next signing finds the list and catches up.
        draft.version = version;
        write_draft(self.draft, &draft)?;
        report(json, self.out, &list)
    }
}
