//! Text for people: both languages, foreign text made harmless, colour only where somebody sees it and never alone.

use std::io::{self, IsTerminal as _};

use command_line::escape::printable;
use command_line::files::write_stdout;
use command_line::refusal::Refusal;
use verifier::verdict::{Tone, Words};

/// A text in the making, line by line.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(&printable(line.as_ref()));
        self.text.push('\n');
    }

    /// A line in colour, if standard output is a terminal that shows it.
    pub(super) fn title(&mut self, line: impl AsRef<str>, tone: Option<Tone>) {
        match tone.filter(|_| colour_is_seen()) {
            None => self.line(line),
            Some(tone) => {
                let number = match tone {
                    Tone::Green => 32,
                    Tone::Amber => 33,
                    Tone::Red => 31,
                    Tone::Grey => 39,
                };
                self.text.push_str(&format!("\u{1b}[1;{number}m{}\u{1b}[0m\n", printable(line.as_ref())));
            }
        }
    }

    pub(super) fn print(self) -> Result<(), Refusal> {
        write_stdout(self.text.as_bytes())
    }
}

/// Chinese and English on one line.
pub(super) fn both<T: AsRef<str>>(words: &Words<T>) -> String {
    format!("{} / {}", words.zh.as_ref(), words.en.as_ref())
}

/// How old something is, in the largest unit that says enough.
pub(super) fn age(secs: i64) -> Words<String> {
    let (number, zh, one, many) = match secs {
        ..0 => return Words { zh: "时间在未来".into(), en: "dated in the future".into() },
        0..120 => (secs, "秒", "second", "seconds"),
        120..7_200 => (secs / 60, "分钟", "minute", "minutes"),
        7_200..172_800 => (secs / 3_600, "小时", "hour", "hours"),
        _ => (secs / 86_400, "天", "day", "days"),
    };
    Words { zh: format!("{number} {zh}前"), en: format!("{number} {} ago", if number == 1 { one } else { many }) }
}

/// <https://no-color.org>: any value but an empty one turns colour off.
fn colour_is_seen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_change_their_unit_where_the_smaller_one_says_too_much() {
        let en = |secs| age(secs).en;
        assert_eq!(
            [en(-1), en(0), en(1), en(119), en(120)].map(|s| s),
            ["dated in the future", "0 seconds ago", "1 second ago", "119 seconds ago", "2 minutes ago"]
        );
        assert_eq!(
            [en(7_199), en(7_200), en(172_799), en(172_800)],
            ["119 minutes ago", "2 hours ago", "47 hours ago", "2 days ago"]
        );
        assert_eq!(age(3_600 * 3).zh, "3 小时前");
    }

    #[test]
    fn lines_cannot_break_out() {
        let mut page = Page::default();
        page.line("a\u{1b}[2Jb\nc\u{202e}");
        assert_eq!(page.text, "a\\u{1b}[2Jb\\u{a}c\\u{202e}\n");
    }
}
