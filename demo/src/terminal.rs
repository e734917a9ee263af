//! The story as it goes by in the terminal: two lines a scene.
//!
//! Colour only where a terminal is, and never without sign and word. No personal data: what is named here is masked.

use std::io::{self, IsTerminal as _, Write as _};

use verifier::verdict::Outcome;

use crate::story::{Played, Section, Summary};

/// Where the story is told.
pub(crate) struct Terminal {
    coloured: bool,
}

impl Terminal {
    /// Standard output, in colour if it is a terminal and nobody asked for none (no-color.org).
    pub(crate) fn new() -> Terminal {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Terminal { coloured: io::stdout().is_terminal() && !refused && !dumb }
    }

    pub(crate) fn opening(&self, day: &str) {
        self.line("");
        self.line(&self.bold("居码 Juma — 演示 demonstration"));
        self.line(&format!("The clock of this story is {day}: the samples have dates. 故事时钟为 {day}（北京时间）。"));
        self.line("All persons are invented. 人员均为虚构测试数据。");
        self.line(&self.dim("✓ accepted 接受   ✕ refused 拒绝   ! undecided 无法判定   ms: scan 读图 + verify 核验"));
    }

    pub(crate) fn section(&self, section: &Section) {
        self.line("");
        self.line(&self.bold(&format!("{}  {}", section.title.zh, section.title.en)));
    }

    pub(crate) fn scene(&self, played: &Played) {
        let verdict = &played.look.verdict;
        let reason = verdict.reason;
        let title = reason.title();
        let head = padded(&format!("{} {}  {}", sign(reason.outcome()), title.zh, title.en), 58);
        let timing = format!("{:>6.1} + {:.2} ms", millis(played.look.scan), millis(played.look.verify));
        let frame = if played.frame > 1 { format!(", frame {}", played.frame) } else { String::new() };
        self.line(&format!(
            "{:>3} {}{}{}",
            played.number,
            self.painted(reason.outcome(), &head),
            padded(reason.code(), 22),
            self.dim(&format!("{timing}{frame}"))
        ));
        let holder = verdict.permit().map(|permit| format!(" · {}", permit.claims().name.masked()));
        let holder = holder.unwrap_or_default();
        self.line(&self.dim(&format!("      {} · {}{holder}", played.title.zh, played.title.en)));
        if !played.as_expected() {
            let expected = played.expected.code();
            self.line(&self.painted(
                Outcome::Reject,
                &format!("    ✕ 与预期不符：应为 {expected}。Not as expected: it should be {expected}."),
            ));
        }
    }

    pub(crate) fn closing(&self, summary: &Summary, place: &str) {
        self.line("");
        let counted = format!("{} of {} scenes as expected", summary.as_expected, summary.scenes);
        let zh = format!("{} 个场景中 {} 个符合预期", summary.scenes, summary.as_expected);
        let outcome = if summary.is_good() { Outcome::Accept } else { Outcome::Reject };
        self.line(&self.painted(outcome, &format!("{} {counted}. {zh}。", sign(outcome))));
        for line in summary.lines() {
            self.line(&format!(
                "  {}  {}",
                padded(line.label.zh, 14),
                format_args!("{}{}", padded(line.label.en, 24), line.value)
            ));
        }
        self.line("");
        self.line(&format!("Open {place}/index.html in a browser; README.md beside it has commands to try."));
        self.line(&format!("用浏览器打开 {place}/index.html；旁边的 README.md 列有可试的命令。"));
    }

    /// A reader that has gone away is no reason to stop: the folder is the result.
    fn line(&self, text: &str) {
        let _ = writeln!(io::stdout(), "{text}");
    }

    fn painted(&self, outcome: Outcome, text: &str) -> String {
        // Accepted is blue and not green: the clock is fixed, and nothing decided by a fixed clock is shown green.
        let colour = match outcome {
            Outcome::Accept => "1;34",
            Outcome::Reject => "1;31",
            Outcome::Undetermined => "1;33",
        };
        self.styled(colour, text)
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The sign of an outcome, beside colour and word.
pub(crate) fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accept => "✓",
        Outcome::Reject => "✕",
        Outcome::Undetermined => "!",
    }
}

pub(crate) fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Filled with spaces to so many columns; Chinese characters and full-width signs take two.
fn padded(text: &str, columns: usize) -> String {
    let width: usize = text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(width).max(1)))
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_terminals_do() {
        assert_eq!(padded("有效", 6), "有效  ");
        assert_eq!(padded("ab", 6), "ab    ");
        assert_eq!(padded("（𠮷）", 8), "（𠮷）  ");
        assert_eq!(padded("too long for it", 3), "too long for it ", "one space always parts two columns");
    }

    #[test]
    fn without_colour_there_is_no_escape() {
        let plain = Terminal { coloured: false };
        assert_eq!(plain.painted(Outcome::Accept, "✓"), "✓");
        let coloured = Terminal { coloured: true };
        assert_eq!(coloured.painted(Outcome::Reject, "✕"), "\x1b[1;31m✕\x1b[0m");
    }
}
