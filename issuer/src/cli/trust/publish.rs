//! `issuer trust publish`

use std::path::PathBuf;

use clap::Args;
use command_line::files;
use command_line::refusal::{Exit, Refusal};
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::trust_list::TrustList;
use issuer::trust::Predecessor;
use issuer::trust::ceremony;

use super::super::ClockArgs;
use super::{from_ceremony, needs_current, read_draft, read_list, read_proposal, release, report, write_draft};

#[derive(Args)]
pub(crate) struct Publish {
    /// The proposal that was signed
    #[arg(long, value_name = "FILE")]
    proposal: PathBuf,

    /// A signature of it; repeat it for each signer
    #[arg(long, value_name = "FILE", required = true)]
    signature: Vec<PathBuf>,

    /// The list in use, which this one follows [default: the list at --out, if there is one]
    #[arg(long, value_name = "LIST")]
    current: Option<PathBuf>,

    /// Where the list goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// The draft of the list; its version is raised to the list's
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Publish {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let proposal = read_proposal(&self.proposal)?;
        let list = proposal.list();
        let there = if self.out.exists() { Some(read_list(&self.out)?) } else { None };
        // Published before; other signatures would make it another file of the same version, which counters refuse.
        if there.as_ref() == Some(list) {
            eprintln!("note: this proposal was published before, and the list there is left as it is");
            return self.done(json, list);
        }
        if let Some(there) = there.as_ref().filter(|there| there.version >= list.version) {
            return Err(Refusal::usage(
                "TRUST_VERSION",
                format!(
                    "{} holds version {} already, and the proposal is version {}",
                    self.out.display(),
                    there.version,
                    list.version
                ),
                "propose anew, with that list as --current",
            ));
        }
        let current = match &self.current {
            Some(path) => Some(read_list(path)?),
            None => there,
        };
        needs_current(list, current.as_ref())?;
        proposal.check_time(now).map_err(|error| from_ceremony(&error, &[]))?;
        let read = |path: &PathBuf| files::read_limited(path, TRUST_LIST_BYTES_MAX as u64);
        let signatures = self.signature.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let signatures: Vec<&[u8]> = signatures.iter().map(Vec::as_slice).collect();
        let follows = current.as_ref().map(Predecessor::from);
        let signed = ceremony::combine(&proposal, &signatures, follows.as_ref())
            .map_err(|error| from_ceremony(&error, &self.signature))?;
        release(&self.out, &signed)?;
        self.done(json, signed.list())
    }

    fn done(&self, json: bool, list: &TrustList) -> Result<Exit, Refusal> {
        if let Some(path) = &self.draft {
            let mut draft = read_draft(path)?;
            if draft.version < list.version {
                draft.version = list.version;
                write_draft(path, &draft)?;
            }
        }
        report(json, &self.out, list)
    }
}
