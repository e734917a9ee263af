//! Foreign text made safe to show: in a terminal ([`printable`]), in JSON ([`json_safe`]) and in a page ([`html`]).
//!
//! A name or a path can carry characters that move the cursor, rewrite the title, turn the reading direction or hide
//! a difference between two words. They are shown as what they are instead of being obeyed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Replaces every character that a terminal would obey, or that nobody can see, by its number, `\u{1b}`.
///
/// Escaped are: C0 and C1 controls (line feed and tab too), DEL, the bidirectional controls, zero-width characters,
/// other invisible format characters, and the line and paragraph separators (U+2028, U+2029). The result is one line.
/// A backslash stays a backslash, so that paths read well; the result is for eyes, not for parsing back.
pub fn printable(text: &str) -> Cow<'_, str> {
    replace(text, is_unsafe, |character, out| {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
    })
}

/// Escapes, in JSON that is already serialised, what JSON allows but a terminal or an eye does not.
///
/// `serde_json` leaves DEL, C1 controls, bidirectional controls and invisible characters as they are. Outside strings
/// JSON consists of ASCII, so such a character always stands inside one, where `\uXXXX` means the same (RFC 8259,
/// section 7). Line feeds and tabs between the tokens stay: inside strings the serialiser has escaped them already.
pub fn json_safe(json: &str) -> Cow<'_, str> {
    replace(
        json,
        |character| is_unsafe(character) && !matches!(character, '\n' | '\r' | '\t'),
        |character, out| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// Text as it may stand in an element of HTML or in an attribute in quotes. Controls, line feeds too, become U+FFFD.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

fn replace(text: &str, wanted: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(&wanted) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(16));
    for character in text.chars() {
        if wanted(character) {
            escape(character, &mut out);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Controls, bidirectional controls (UAX 9), zero-width and other invisible characters, line separators.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'                    // soft hyphen
            | '\u{34f}'                 // combining grapheme joiner
            | '\u{61c}'                 // Arabic letter mark
            | '\u{115f}'..='\u{1160}'   // Hangul fillers
            | '\u{17b4}'..='\u{17b5}'   // Khmer inherent vowels
            | '\u{180b}'..='\u{180f}'   // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}'   // zero width space, joiners, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'   // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}'   // word joiner, isolates, deprecated format characters
            | '\u{3164}'                // Hangul filler
            | '\u{fe00}'..='\u{fe0f}'   // variation selectors
            | '\u{feff}'                // byte order mark
            | '\u{ffa0}'                // halfwidth Hangul filler
            | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
            | '\u{e0000}'..='\u{e0fff}' // tags, more variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(html("<a href=\"x\" title='y'>&"), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
        assert_eq!(html("a\u{7}\nb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(html("𠮷㛃䶮·"), "𠮷㛃䶮·");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        for text in ["", "key.pem", "张三", "بۇ", "홍길동", "C:\\keys\\a.pem", "é𠀀"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(json_safe(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn terminal_controls_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(printable("\u{1b}]52;c;x\u{7}"), "\\u{1b}]52;c;x\\u{7}");
        assert_eq!(printable("ok\rno\n\t"), "ok\\u{d}no\\u{a}\\u{9}");
        assert_eq!(printable("\u{0}\u{7f}\u{80}\u{9b}\u{9f}"), "\\u{0}\\u{7f}\\u{80}\\u{9b}\\u{9f}");
        assert_eq!(printable("\u{202e}gnp"), "\\u{202e}gnp");
    }

    #[test]
    fn both_sides_of_every_range() {
        let ranges = [
            (0x00, 0x1f),
            (0x7f, 0x9f),
            (0xad, 0xad),
            (0x34f, 0x34f),
            (0x61c, 0x61c),
            (0x115f, 0x1160),
            (0x17b4, 0x17b5),
            (0x180b, 0x180f),
            (0x200b, 0x200f),
            (0x2028, 0x202e),
            (0x2060, 0x206f),
            (0x3164, 0x3164),
            (0xfe00, 0xfe0f),
            (0xfeff, 0xfeff),
            (0xffa0, 0xffa0),
            (0xfff9, 0xfffb),
            (0xe0000, 0xe0fff),
        ];
        for (first, last) in ranges {
            for code in first..=last {
                assert!(char::from_u32(code).is_some_and(is_unsafe), "U+{code:04X}");
            }
            for code in [u32::checked_sub(first, 1), u32::checked_add(last, 1)].into_iter().flatten() {
                assert!(!char::from_u32(code).is_some_and(is_unsafe), "U+{code:04X}");
            }
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0041}\n\u{1b}é";
        let json = serde_json::to_string_pretty(&serde_json::json!({ "k": text })).expect("serialises");
        let safe = json_safe(&json);
        assert_eq!(safe, "{\n  \"k\": \"a\\u007f\\u009b\\u202e\\udb40\\udc41\\n\\u001bé\"\n}");
        let back: serde_json::Value = serde_json::from_str(&safe).expect("parses");
        assert_eq!(back["k"], text);
    }
}
