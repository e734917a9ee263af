//! Which characters names and shown texts may hold, and why others may not.

use alloc::{borrow::Cow, format};

use thiserror::Error;
use unicode_normalization::char::decompose_canonical;

/// Whether the character is a Han ideograph that stands for itself: assigned in Unicode 17 (extensions A to J) and
/// unchanged by normalisation form C, or 〇 (U+3007).
///
/// Compatibility ideographs are left out, but for the twelve in their block that are no duplicates.
#[inline]
pub(crate) fn is_han(c: char) -> bool {
    // The block that has nearly all characters in use comes first and alone, for speed.
    ('\u{4E00}'..='\u{9FFF}').contains(&c) || is_rarer_han(c)
}

#[inline(never)]
fn is_rarer_han(c: char) -> bool {
    matches!(c,
        '\u{3007}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{20000}'..='\u{2A6DF}'
        | '\u{2A700}'..='\u{2B73F}'
        | '\u{2B740}'..='\u{2B81D}'
        | '\u{2B820}'..='\u{2CEAD}'
        | '\u{2CEB0}'..='\u{2EBE0}'
        | '\u{2EBF0}'..='\u{2EE5D}'
        | '\u{30000}'..='\u{3134A}'
        | '\u{31350}'..='\u{323AF}'
        | '\u{323B0}'..='\u{33479}'
        | '\u{FA0E}' | '\u{FA0F}' | '\u{FA11}' | '\u{FA13}' | '\u{FA14}' | '\u{FA1F}' | '\u{FA21}' | '\u{FA23}'
        | '\u{FA24}' | '\u{FA27}'..='\u{FA29}')
}

/// A character that may not stand in a name or a shown text. Code points are given as numbers, so that an error shows
/// none of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CharacterError {
    /// A compatibility ideograph, which normalisation form C would replace.
    #[error("character {position} is the compatibility form U+{found:04X}; write U+{replacement:04X} instead")]
    Compatibility {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its code point.
        found: u32,
        /// The code point to write instead.
        replacement: u32,
    },
    /// A private-use character, which means something only on the system that made it.
    #[error(
        "character {position} is the private-use character U+{found:04X}, which other systems cannot show; write the \
         character of the standard, for example U+4DAE where old systems wrote U+E863"
    )]
    PrivateUse {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its code point.
        found: u32,
    },
    /// A control, direction, zero-width, variation or other character that nobody can see.
    #[error("character {position} is the invisible character U+{found:04X}; delete it")]
    Invisible {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its code point.
        found: u32,
    },
    /// Any other character that is not allowed here.
    #[error("character {position}, U+{found:04X}, is not allowed here; replace or delete it")]
    NotAllowed {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its code point.
        found: u32,
    },
}

impl CharacterError {
    /// Says why a character that is not allowed is not; `place` is counted from 0.
    pub(crate) fn at(place: usize, c: char) -> Self {
        let (position, found) = (place + 1, u32::from(c));
        match c {
            '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}' => {
                Self::PrivateUse { position, found }
            }
            '\u{F900}'..='\u{FAFF}' | '\u{2F800}'..='\u{2FA1F}' => {
                let mut replacement = c;
                decompose_canonical(c, |first| replacement = first);
                if replacement == c {
                    Self::NotAllowed { position, found }
                } else {
                    Self::Compatibility { position, found, replacement: u32::from(replacement) }
                }
            }
            _ if is_invisible(c) => Self::Invisible { position, found },
            _ => Self::NotAllowed { position, found },
        }
    }

    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Compatibility { .. } => "TEXT_COMPATIBILITY_CHARACTER",
            Self::PrivateUse { .. } => "TEXT_PRIVATE_USE_CHARACTER",
            Self::Invisible { .. } => "TEXT_INVISIBLE_CHARACTER",
            Self::NotAllowed { .. } => "TEXT_CHARACTER",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Self::Compatibility { position, found, replacement } => {
                format!("第{position}个字符为兼容汉字U+{found:04X}，请改用U+{replacement:04X}")
            }
            Self::PrivateUse { position, found } => format!(
                "第{position}个字符为自造字U+{found:04X}，其他系统无法显示，请改用标准编码的字（如旧系统的U+E863应为U+4DAE）"
            ),
            Self::Invisible { position, found } => format!("第{position}个字符为不可见字符U+{found:04X}，请删除"),
            Self::NotAllowed { position, found } => {
                format!("第{position}个字符U+{found:04X}不允许使用，请更换或删除")
            }
        }
        .into()
    }
}

/// Controls, direction marks, joiners, zero-width and other spaces, variation selectors, tags: what a reader cannot see
/// and would have to be told about.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{A0}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{1680}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{205F}'..='\u{206F}'
            | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use unicode_normalization::{IsNormalized, char::canonical_combining_class, is_nfc_quick};

    use super::*;

    #[test]
    fn ideographs_stand_for_themselves() {
        // Sum of the ranges' sizes: unified ideographs of Unicode 17 and 〇.
        assert_eq!(('\0'..=char::MAX).filter(|c| is_han(*c)).count(), 101_996 + 1);
        for c in ('\0'..=char::MAX).filter(|c| is_han(*c)) {
            assert_eq!(is_nfc_quick(core::iter::once(c)), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        }
        let edges = [
            ('\u{33FF}', '\u{3400}', true),
            ('\u{4DBF}', '\u{4DC0}', false),
            ('\u{4DFF}', '\u{4E00}', true),
            ('\u{9FFF}', '\u{A000}', false),
            ('\u{2A6DF}', '\u{2A6E0}', false),
            ('\u{2B81D}', '\u{2B81E}', false),
            ('\u{2CEAD}', '\u{2CEAE}', false),
            ('\u{2EE5D}', '\u{2EE5E}', false),
            ('\u{3134A}', '\u{3134B}', false),
            ('\u{33479}', '\u{3347A}', false),
            ('\u{3006}', '\u{3007}', true),
            ('\u{3007}', '\u{3008}', false),
        ];
        for (below, above, above_is_han) in edges {
            assert_eq!((is_han(below), is_han(above)), (!above_is_han, above_is_han), "{below:?} {above:?}");
        }
        for c in ['𠮷', '㛃', '䶮', '\u{30EDE}', '\u{2EBF0}', '\u{FA0E}', '\u{323B0}'] {
            assert!(is_han(c), "{c:?}");
        }
    }

    #[test]
    fn compatibility_ideographs_name_their_replacement() {
        let compatible = ('\u{F900}'..='\u{FAD9}').chain('\u{2F800}'..='\u{2FA1D}').filter(|c| !is_han(*c));
        let mut count = 0;
        for c in compatible {
            match CharacterError::at(0, c) {
                CharacterError::Compatibility { replacement, .. } => {
                    assert!(is_han(char::from_u32(replacement).unwrap()), "{c:?}");
                    count += 1;
                }
                other => {
                    assert_eq!((other.code(), matches!(c, '\u{FA6E}' | '\u{FA6F}')), ("TEXT_CHARACTER", true), "{c:?}")
                }
            }
        }
        assert_eq!(count, 472 - 12 + 542);
        let error = CharacterError::at(1, '\u{F900}');
        assert_eq!(error, CharacterError::Compatibility { position: 2, found: 0xF900, replacement: 0x8C48 });
        assert!(error.to_string().contains("U+8C48") && error.zh().contains("U+8C48"));
    }

    #[test]
    fn why_a_character_is_refused() {
        let reasons = [
            ('\u{E863}', "TEXT_PRIVATE_USE_CHARACTER"),
            ('\u{F0000}', "TEXT_PRIVATE_USE_CHARACTER"),
            ('\u{10FFFD}', "TEXT_PRIVATE_USE_CHARACTER"),
            ('\0', "TEXT_INVISIBLE_CHARACTER"),
            ('\n', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{85}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{202E}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{2066}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{200B}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{FEFF}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{FE0F}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{E0100}', "TEXT_INVISIBLE_CHARACTER"),
            ('\u{3000}', "TEXT_INVISIBLE_CHARACTER"),
            ('а', "TEXT_CHARACTER"),
            ('\u{301}', "TEXT_CHARACTER"),
            ('\u{10FFFF}', "TEXT_CHARACTER"),
        ];
        for (c, code) in reasons {
            assert_eq!(CharacterError::at(0, c).code(), code, "{c:?}");
            assert!(CharacterError::at(0, c).zh().contains("第1个字符"));
        }
        assert!(CharacterError::at(0, '\u{E863}').to_string().contains("U+4DAE"));
        assert!(CharacterError::at(0, '\u{E863}').zh().contains("U+4DAE"));
    }
}
