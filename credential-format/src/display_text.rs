//! Text that is made to be shown: addresses, places, names of authorities, purposes.

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
};
use core::fmt;

use thiserror::Error;

use crate::code_point::{CharacterError, is_han};

/// A line of text that every screen and printer shows the same way: 1 to `MAX` code points from a list of allowed ones.
///
/// Allowed are Han ideographs, 〇, ·, Chinese and general punctuation, ASCII and its full-width forms, enclosed numbers
/// and letters (①), Roman numerals (Ⅰ) and №. Each stands for itself under normalisation form C, and none of another
/// script, so that no two texts look alike and yet differ by a Cyrillic letter or an invisible sign.
///
/// The characters `<`, `>` and `\` are not allowed, nor their full-width forms, which other software folds into them:
/// no address or authority needs them, and texts go into web pages, files and logs. The pages that show a text escape
/// it all the same.
///
/// A space (U+0020) may stand inside only. `Display` gives the text, `Debug` gives nothing of it: it may be an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayText<const MAX: usize>(String);

impl<const MAX: usize> DisplayText<MAX> {
    /// Reads a text; nothing is changed.
    pub fn parse(text: &str) -> Result<Self, DisplayTextError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Whether the text may be shown, without making a copy.
    pub fn check(text: &str) -> Result<(), DisplayTextError> {
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(DisplayTextError::OuterSpace);
        }
        let mut count = 0;
        for c in text.chars() {
            if count == MAX {
                return Err(DisplayTextError::TooLong { most: MAX });
            }
            if !is_allowed(c) {
                return Err(DisplayTextError::Character(CharacterError::at(count, c)));
            }
            count += 1;
        }
        if count == 0 { Err(DisplayTextError::Empty) } else { Ok(()) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for DisplayText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for DisplayText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayText(***)")
    }
}

/// Why something is not a [`DisplayText`]. No variant holds any other part of the text than the refused character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DisplayTextError {
    /// No character at all.
    #[error("the text is empty; enter it")]
    Empty,
    /// Too many code points.
    #[error("the text has more than {most} characters; shorten it")]
    TooLong {
        /// The most code points this text may have.
        most: usize,
    },
    /// A space at the beginning or the end.
    #[error("the text begins or ends with a space; delete the space")]
    OuterSpace,
    /// A character that is not on the list.
    #[error("in the text, {0}")]
    Character(CharacterError),
}

impl DisplayTextError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "TEXT_EMPTY",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::OuterSpace => "TEXT_OUTER_SPACE",
            Self::Character(error) => error.code(),
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Self::Empty => "文字为空，请填写".into(),
            Self::TooLong { most } => format!("文字超过{most}个字符，请缩短").into(),
            Self::OuterSpace => "文字首尾有空格，请删除空格".into(),
            Self::Character(error) => format!("文字中{}", error.zh()).into(),
        }
    }
}

#[inline]
fn is_allowed(c: char) -> bool {
    // ASCII and Han make up nearly all of an address and are told first, for speed.
    if c.is_ascii() {
        matches!(c, ' '..='~') && !matches!(c, '<' | '>' | '\\')
    } else {
        is_han(c) || is_allowed_sign(c)
    }
}

#[inline(never)]
fn is_allowed_sign(c: char) -> bool {
    matches!(c, '！'..='～' if !matches!(c, '＜' | '＞' | '＼'))
        || matches!(c,
            '·' | '、' | '。' | '〃' | '々'
            | '〈'..='】' // angle, corner and lenticular brackets
            | '〔'..='〗' // shell and white lenticular brackets
            | '‐' | '–' | '—' | '―' | '‘' | '’' | '“' | '”' | '…' | '※'
            | '①'..='⓿' // enclosed numbers and letters
            | 'Ⅰ'..='ⅿ'
            | '№')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use unicode_normalization::{IsNormalized, char::canonical_combining_class, is_nfc_quick};

    use super::*;

    type Text = DisplayText<120>;

    #[test]
    fn addresses_and_authorities() {
        let texts = [
            "示范路12号",
            "样板街道虚构路300号7单元1102",
            "人和镇示范工业园区中心大道北侧第三排样板员工集体宿舍(含过渡安置区)C区12栋附属楼B座3单元1807房之二自编08号床位",
            "示例路𠮷巷3号",
            "Ａ座（东）—①号楼Ⅱ单元№3，“样板”·…",
            "东莞市公安局",
            "Tianhe District Branch & Co. 'A' \"B\" #5-2/3",
        ];
        for text in texts {
            assert_eq!(Text::check(text), Ok(()));
            let parsed = Text::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.to_string().as_str()), (text, text));
            assert_eq!(format!("{parsed:?}"), "DisplayText(***)");
        }
    }

    #[test]
    fn length_bounds_both_sides() {
        assert_eq!(Text::parse(""), Err(DisplayTextError::Empty));
        assert!(Text::parse("路").is_ok());
        assert!(Text::parse(&"𠮷".repeat(120)).is_ok());
        assert_eq!(Text::parse(&"路".repeat(121)), Err(DisplayTextError::TooLong { most: 120 }));
        assert!(DisplayText::<40>::parse(&"a".repeat(40)).is_ok());
        assert_eq!(DisplayText::<40>::parse(&"a".repeat(41)), Err(DisplayTextError::TooLong { most: 40 }));
    }

    #[test]
    fn spaces_stand_inside_only() {
        assert!(Text::parse("A 3").is_ok());
        for text in [" ", " A", "A ", " A "] {
            assert_eq!(Text::parse(text), Err(DisplayTextError::OuterSpace), "{text:?}");
        }
        assert_eq!(Text::parse("A\u{3000}3").map_err(DisplayTextError::code), Err("TEXT_INVISIBLE_CHARACTER"));
        assert_eq!(Text::parse("A\u{A0}3").map_err(DisplayTextError::code), Err("TEXT_INVISIBLE_CHARACTER"));
    }

    #[test]
    fn refused_characters_are_named_with_their_position() {
        let error = Text::parse("示范路а1").unwrap_err();
        assert_eq!(error, DisplayTextError::Character(CharacterError::NotAllowed { position: 4, found: 0x430 }));
        assert!(error.to_string().contains("U+0430") && error.to_string().contains("character 4"));
        assert!(error.zh().contains("第4个字符") && !error.zh().contains("示范"));
        let refused = [
            "<", ">", "\\", "＜", "＞", "＼", "\u{7F}", "\t", "a\u{301}", "é", "É", "ö", "ア", "한", "ا", "α",
            "\u{202E}", "\u{2066}", "\u{200D}", "\u{FEFF}", "\u{FE0F}", "\u{E863}", "\u{F900}", "😀", "Å", "\u{FFFD}",
            "\u{2028}", "～̈",
        ];
        for text in refused {
            let within = format!("路{text}号");
            assert!(matches!(Text::parse(&within), Err(DisplayTextError::Character(_))), "{text:?}");
        }
    }

    #[test]
    fn every_allowed_character_stands_for_itself() {
        let mut count = 0;
        for c in ('\0'..=char::MAX).filter(|c| is_allowed(*c)) {
            assert_eq!(is_nfc_quick(core::iter::once(c)), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
            count += 1;
        }
        // 101,997 ideographs, 92 ASCII, 91 full-width, 5 with the dot, 10 + 4 brackets, 10 general, 160 enclosed, 32 Roman, №.
        assert_eq!(count, 101_997 + 92 + 91 + 5 + 10 + 4 + 10 + 160 + 32 + 1);
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        let all = [
            DisplayTextError::Empty,
            DisplayTextError::TooLong { most: 40 },
            DisplayTextError::OuterSpace,
            DisplayTextError::Character(CharacterError::at(0, '<')),
        ];
        for (n, error) in all.iter().enumerate() {
            assert!(error.code().starts_with("TEXT_") && !error.zh().is_empty() && !error.to_string().is_empty());
            assert!(all.iter().skip(n + 1).all(|other| other.code() != error.code() && other.zh() != error.zh()));
        }
    }
}
