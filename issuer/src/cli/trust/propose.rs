//! `issuer trust propose`

use std::path::PathBuf;

use clap::Args;
use command_line::files::{self, Mode};
use command_line::refusal::{Exit, Refusal};
use issuer::trust::Predecessor;
use issuer::trust::ceremony::Proposal;
use issuer::trust::lint::{self, Severity};
use serde_json::json;

use super::super::{ClockArgs, say, shown};
use super::lint::finding_lines;
use super::{from_ceremony, from_draft, read_draft, read_list};

#[derive(Args)]
pub(crate) struct Propose {
    /// The draft to make the proposal of. It is not changed
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The list in use, which the proposal follows (any but the first needs it)
    #[arg(long, value_name = "LIST")]
    current: Option<PathBuf>,

    /// Where the proposal goes: a new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Propose it although this error was found, which is meant so: TRUST_STATUS_ADDRESS_CHANGED. Repeat it for several
    #[arg(long, value_name = "CODE")]
    accept: Vec<String>,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Propose {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let draft = read_draft(&self.draft)?;
        let current = self.current.as_deref().map(read_list).transpose()?;
        let last = current.as_ref().map_or(0, |current| current.version);
        if draft.version > last {
            // The next version of an older list has been given out already, with other content.
            return Err(Refusal::usage(
                "TRUST_CURRENT_OLD",
                match last {
                    0 => format!(
                        "the draft says that version {} was signed, and no list in use was given",
                        draft.version
                    ),
                    _ => format!(
                        "the draft says that version {} was signed, and the list given is version {last}",
                        draft.version
                    ),
                },
                "give --current the list that was published last",
            ));
        }
        let version = last.saturating_add(1);

        let findings = lint::lint_draft(&draft, version, current.as_ref(), None, now);
        for line in findings.iter().flat_map(finding_lines) {
            eprintln!("{line}");
        }
        if let Some(code) = self.accept.iter().find(|code| !findings.iter().any(|finding| finding.code == **code)) {
            return Err(Refusal::usage(
                "TRUST_ACCEPT_UNUSED",
                format!("{} is accepted and was not found", shown(code.as_ref())),
                "leave that --accept out; `issuer trust lint` names what is found",
            ));
        }
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let mut errors = errors.filter(|finding| !self.accept.iter().any(|code| code == finding.code)).peekable();
        if let Some(first) = errors.peek().copied() {
            return Err(Refusal::rejected(
                "TRUST_LINT",
                format!("the draft has errors ({}), the first at {}: {}", errors.count(), first.place, first.code),
                "correct what is named above; what is meant so can be accepted with --accept CODE",
            ));
        }
        let list = draft.to_list(version, now).map_err(|error| from_draft(&error))?;
        let follows = current.as_ref().map(Predecessor::from);
        let proposal = Proposal::new(&list, follows.as_ref()).map_err(|error| from_ceremony(&error, &[]))?;
        files::write_new(&self.out, proposal.bytes(), Mode::Public)?;

        let digest = proposal.digest();
        let value = json!({
            "v": 1,
            "proposal": shown(&self.out),
            "version": version,
            "issued_at": list.issued_at.to_string(),
            "expires_at": list.expires_at.to_string(),
            "digest": digest.hex(),
            "warnings": findings.len(),
        });
        let text = format!(
            "提案 proposal       {}\n版本 version        {version}\n到期 expires at     {}\n摘要 digest         {digest}\nnext: issuer trust review {}, then each signer: issuer trust sign --proposal {} …",
            shown(&self.out),
            list.expires_at,
            shown(&self.out),
            shown(&self.out),
        );
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}
