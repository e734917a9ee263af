//! `issuer trust review`: what a person who is asked to sign reads.

use std::path::PathBuf;

use clap::Args;
use command_line::escape::printable;
use command_line::refusal::{Exit, Refusal};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::TrustList;
use issuer::trust::ceremony::Proposal;
use issuer::trust::lint::{self, Finding};
use issuer::trust::review::{self, Change};
use serde_json::{Value, json};

use super::super::{ClockArgs, say};
use super::lint::{finding_json, finding_lines};
use super::{read_list, read_proposal};

#[derive(Args)]
pub(crate) struct Review {
    /// The proposal
    #[arg(value_name = "FILE")]
    proposal: PathBuf,

    /// The list in use, to which the proposal is compared; without it everything is new
    #[arg(long, value_name = "LIST")]
    current: Option<PathBuf>,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Review {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let proposal = read_proposal(&self.proposal)?;
        let current = self.current.as_deref().map(read_list).transpose()?;
        let page = Page::of(&proposal, current.as_ref(), now);
        say(json, &page.to_json(), &page.lines().join("\n"))?;
        Ok(Exit::Done)
    }
}

/// A proposal beside the list in use.
pub(super) struct Page<'a> {
    proposal: &'a Proposal,
    current: Option<&'a TrustList>,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

impl<'a> Page<'a> {
    pub(super) fn of(proposal: &'a Proposal, current: Option<&'a TrustList>, now: Timestamp) -> Page<'a> {
        let changes = review::changes(proposal.list(), current, now);
        Page { proposal, current, changes, findings: lint::lint_list(proposal.list(), current, None, now) }
    }

    /// For who is about to sign; standard output is for the result.
    pub(super) fn say_on_stderr(&self) {
        for line in self.lines() {
            eprintln!("{line}");
        }
    }

    fn lines(&self) -> Vec<String> {
        let list = self.proposal.list();
        let days = list.expires_at.seconds_since(list.issued_at) / 86_400;
        let (threshold, count) = (list.roots.threshold(), list.roots.keys().len());
        let mut lines = vec![
            "信任名单提案 trust list proposal".to_owned(),
            match self.current {
                Some(current) => {
                    format!("  版本 version       {}（在用 in use: {}）", list.version, current.version)
                }
                None if list.version > 1 => format!(
                    "  版本 version       {}（未提供在用名单，未作比较 NOT compared: the list in use was not given）",
                    list.version
                ),
                None => format!("  版本 version       {}（首份名单 the first list）", list.version),
            },
            format!("  签发 issued at     {}", list.issued_at),
            format!("  到期 expires at    {}（{days} 天 days）", list.expires_at),
            format!("  签署 must sign     {count} 把根密钥中的 {threshold} 把 {threshold} of {count} root keys"),
        ];
        lines.push(format!("变更 changes: {}", self.changes.len()));
        for change in &self.changes {
            lines.push(format!("  {} [{}]", change.zh, change.code));
            lines.push(format!("    {}", change.en));
        }
        lines.push(format!("检查 findings: {}", self.findings.len()));
        lines.extend(self.findings.iter().flat_map(finding_lines).map(|line| format!("  {line}")));
        lines.push("提案摘要 digest of the proposal (SHA-256)".to_owned());
        let digest = self.proposal.digest().to_string();
        // Eight groups a line, for the telephone.
        let (first, second) = digest.split_at_checked(39).unwrap_or((&digest, ""));
        lines.push(format!("  {first}"));
        lines.push(format!("  {}", second.trim_start()));
        lines.into_iter().map(|line| printable(&line).into_owned()).collect()
    }

    fn to_json(&self) -> Value {
        let list = self.proposal.list();
        let changes: Vec<Value> = (self.changes.iter())
            .map(|change| json!({ "code": change.code, "en": change.en, "zh": change.zh }))
            .collect();
        json!({
            "v": 1,
            "version": list.version,
            "current_version": self.current.map(|current| current.version),
            "issued_at": list.issued_at.to_string(),
            "expires_at": list.expires_at.to_string(),
            "days": list.expires_at.seconds_since(list.issued_at) / 86_400,
            "threshold": list.roots.threshold(),
            "root_thumbprints": super::thumbprints(&list.roots),
            "changes": changes,
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
            "digest": self.proposal.digest().hex(),
        })
    }
}
