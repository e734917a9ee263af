//! `issuer trust lint`

use std::path::PathBuf;

use clap::Args;
use command_line::escape::printable;
use command_line::refusal::{Exit, Refusal};
use issuer::trust::lint::{self, Finding, Severity};
use serde_json::{Value, json};

use super::super::{ClockArgs, say, shown};
use super::{key_uses, read_draft, read_list};

#[derive(Args)]
pub(crate) struct Lint {
    /// The draft to look at
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The list in use: says what the draft would take away from it
    #[arg(long, value_name = "LIST")]
    current: Option<PathBuf>,

    /// The ledger of an issuer, which is only read: says how many permits in force would fall with their keys
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    #[command(flatten)]
    clock: ClockArgs,
}

impl Lint {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let now = self.clock.now()?;
        let draft = read_draft(&self.draft)?;
        let current = self.current.as_deref().map(read_list).transpose()?;
        let live = self.ledger.as_deref().map(key_uses::read).transpose()?;
        // A draft that was not raised after its list was published is brought up to date when it is proposed or signed.
        let last = current.as_ref().map_or(0, |current| current.version).max(draft.version);
        let findings = lint::lint_draft(&draft, last.saturating_add(1), current.as_ref(), live.as_deref(), now);

        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let value = json!({
            "v": 1,
            "draft": shown(&self.draft),
            "errors": errors,
            "warnings": warnings,
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        });
        let mut lines: Vec<String> = findings.iter().flat_map(finding_lines).collect();
        lines.push(match findings.is_empty() {
            true => format!("{}：未发现问题 nothing found", shown(&self.draft)),
            false => format!("{}：{errors} 个错误 errors，{warnings} 个警告 warnings", shown(&self.draft)),
        });
        say(json, &value, &lines.join("\n"))?;
        Ok(if findings.is_empty() { Exit::Done } else { Exit::Rejected })
    }
}

/// Severity, code and place; the sentence in Chinese; the sentence in English.
pub(super) fn finding_lines(finding: &Finding) -> [String; 3] {
    let Finding { place, code, severity, en, zh } = finding;
    [format!("{} {} {code} {place}", severity.zh(), severity.word()), format!("  {zh}"), format!("  {en}")]
        .map(|line| printable(&line).into_owned())
}

pub(super) fn finding_json(finding: &Finding) -> Value {
    let Finding { place, code, severity, en, zh } = finding;
    json!({ "place": place, "code": code, "severity": severity.word(), "en": en, "zh": zh })
}
