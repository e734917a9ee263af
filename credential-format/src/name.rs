//! Names of persons 姓名, by the rules of twelve departments (民委发〔2016〕33号).

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
};
use core::fmt;

use thiserror::Error;

use crate::code_point::{CharacterError, is_han};

/// The separator inside names, U+00B7. The rules allow no other.
const DOT: char = '\u{B7}';

/// A person's name: 1 to 50 code points, each a Han ideograph or the dot U+00B7 between two of them.
///
/// One character is enough, because people without a surname and with a single-character name exist and the register is
/// right about them. Fifty is the length the twelve departments ask systems to hold at least. All characters
/// are such that the text is in normalisation form C. `Debug` gives nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The most code points a name may have.
    pub const MAX_CODE_POINTS: usize = 50;

    /// Reads a name typed at a service counter: the dots that keyboards and old systems write are turned into U+00B7.
    /// Nothing else is changed.
    pub fn parse_entry(text: &str) -> Result<Self, NameError> {
        let unified: String = text.chars().map(|c| if is_other_dot(c) { DOT } else { c }).collect();
        Self::check(&unified)?;
        Ok(Self(unified))
    }

    /// Reads a name exactly as it must stand in signed data.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Whether the text is a name, without making one.
    pub fn check(text: &str) -> Result<(), NameError> {
        let mut count = 0;
        let mut after_dot = true;
        for c in text.chars() {
            if count == Self::MAX_CODE_POINTS {
                return Err(NameError::TooLong);
            }
            match c {
                _ if is_han(c) => after_dot = false,
                DOT if count == 0 => return Err(NameError::LeadingDot),
                DOT if after_dot => return Err(NameError::DoubledDot),
                DOT => after_dot = true,
                _ if is_other_dot(c) => return Err(NameError::OtherDot { found: u32::from(c) }),
                _ => return Err(NameError::Character(CharacterError::at(count, c))),
            }
            count += 1;
        }
        match (count, after_dot) {
            (0, _) => Err(NameError::Empty),
            (_, true) => Err(NameError::TrailingDot),
            (_, false) => Ok(()),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for screens: the first and the last character, the others as stars, dots kept (张*三, 欧**范). Of two
    /// characters only the first is shown (张*), of a single one nothing.
    pub fn masked(&self) -> String {
        let last = self.ideographs().saturating_sub(1);
        self.mask(|n| last > 0 && (n == 0 || (n == last && last > 1)))
    }

    /// The name where even less may be seen: the first character only, and of one or two characters nothing.
    pub fn masked_strict(&self) -> String {
        let shown = self.ideographs() > 2;
        self.mask(|n| shown && n == 0)
    }

    fn ideographs(&self) -> usize {
        self.0.chars().filter(|c| *c != DOT).count()
    }

    /// Stars for all ideographs but those, counted from 0 without the dots, that are shown.
    fn mask(&self, is_shown: impl Fn(usize) -> bool) -> String {
        let mut n = 0..;
        self.0.chars().map(|c| if c == DOT || n.next().is_some_and(&is_shown) { c } else { '*' }).collect()
    }
}

/// The whole name.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(***)")
    }
}

/// Why something is not a [`Name`]. No variant holds any other part of the name than the refused character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// No character at all.
    #[error("the name is empty; enter it as on the identity card")]
    Empty,
    /// More than fifty code points.
    #[error("the name has more than 50 characters; enter it as on the identity card")]
    TooLong,
    /// The name begins with a dot.
    #[error("the name begins with a dot; delete the dot")]
    LeadingDot,
    /// The name ends with a dot.
    #[error("the name ends with a dot; delete the dot")]
    TrailingDot,
    /// Two dots in a row.
    #[error("the name has two dots in a row; write one dot between the parts")]
    DoubledDot,
    /// A dot that is not U+00B7, where exact data is required.
    #[error("the name has the dot U+{found:04X}; write the dot U+00B7 (·)")]
    OtherDot {
        /// The code point of the dot.
        found: u32,
    },
    /// A character that no name has.
    #[error("in the name, {0}")]
    Character(CharacterError),
}

impl NameError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "NAME_EMPTY",
            Self::TooLong => "NAME_TOO_LONG",
            Self::LeadingDot => "NAME_LEADING_DOT",
            Self::TrailingDot => "NAME_TRAILING_DOT",
            Self::DoubledDot => "NAME_DOUBLED_DOT",
            Self::OtherDot { .. } => "NAME_OTHER_DOT",
            Self::Character(CharacterError::Compatibility { .. }) => "NAME_COMPATIBILITY_CHARACTER",
            Self::Character(CharacterError::PrivateUse { .. }) => "NAME_PRIVATE_USE_CHARACTER",
            Self::Character(CharacterError::Invisible { .. }) => "NAME_INVISIBLE_CHARACTER",
            Self::Character(CharacterError::NotAllowed { .. }) => "NAME_CHARACTER",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Self::Empty => "姓名为空，请按身份证填写".into(),
            Self::TooLong => "姓名超过50个字符，请按身份证填写".into(),
            Self::LeadingDot => "姓名以间隔号开头，请删除该间隔号".into(),
            Self::TrailingDot => "姓名以间隔号结尾，请删除该间隔号".into(),
            Self::DoubledDot => "姓名中间隔号连用，各部分之间只用一个间隔号".into(),
            Self::OtherDot { found } => format!("姓名中的间隔号为U+{found:04X}，请改用U+00B7（·）").into(),
            Self::Character(error) => format!("姓名中{}", error.zh()).into(),
        }
    }
}

/// Dots that stand for U+00B7 in typed names: bullet, hyphenation point, katakana middle dots, full stops.
fn is_other_dot(c: char) -> bool {
    matches!(c, '\u{2022}' | '\u{2027}' | '\u{30FB}' | '\u{FF0E}' | '.' | '\u{FF65}')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Name and masked name of invented persons.
    const SAMPLES: [(&str, &str); 20] = [
        ("陈样例", "陈*例"),
        ("李试晓", "李*晓"),
        ("欧阳示范", "欧**范"),
        ("赵虚怀", "赵*怀"),
        ("黄范本", "黄*本"),
        ("周模拟", "周*拟"),
        ("吴示意", "吴*意"),
        ("郑小样", "郑*样"),
        ("孙长者", "孙*者"),
        ("林演练", "林*练"),
        ("何演示", "何*示"),
        ("冯过期", "冯*期"),
        ("冯再申", "冯*申"),
        ("许即办", "许*办"),
        ("沈英才", "沈*才"),
        ("朱闰日", "朱*日"),
        ("秦落选", "秦*选"),
        ("阿卜杜热合曼·买买提艾力江·吐尔逊尼亚孜·示例虚构", "阿*****·******·******·***构"),
        ("𠮷㛃䶮", "𠮷*䶮"),
        ("格桑", "格*"),
    ];

    #[test]
    fn samples() {
        for (text, masked) in SAMPLES {
            let name = Name::parse(text).unwrap();
            assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
            assert_eq!(name.masked(), masked);
            assert_eq!(format!("{name:?}"), "Name(***)");
            assert_eq!(Name::parse_entry(text), Ok(name));
        }
    }

    #[test]
    fn masks() {
        let masks = [
            ("张", "*", "*"),
            ("张三", "张*", "**"),
            ("张小三", "张*三", "张**"),
            ("阿·三", "阿·*", "*·*"),
            ("阿布·三", "阿*·三", "阿*·*"),
        ];
        for (name, masked, strict) in masks {
            let name = Name::parse(name).unwrap();
            assert_eq!((name.masked().as_str(), name.masked_strict().as_str()), (masked, strict));
        }
    }

    #[test]
    fn dots_are_unified_at_the_counter_only() {
        for dot in ['\u{2022}', '\u{2027}', '\u{30FB}', '\u{FF0E}', '\u{2E}', '\u{FF65}'] {
            let typed = format!("阿依古丽{dot}示例");
            assert_eq!(Name::parse_entry(&typed).map(|name| name.to_string()), Ok("阿依古丽·示例".to_owned()));
            assert_eq!(Name::parse(&typed), Err(NameError::OtherDot { found: u32::from(dot) }));
        }
        assert!(Name::parse("阿依古丽·示例").is_ok());
        let misplaced = [
            ("·示例", "NAME_LEADING_DOT"),
            ("示例··虚构", "NAME_DOUBLED_DOT"),
            ("示例·", "NAME_TRAILING_DOT"),
            ("·", "NAME_LEADING_DOT"),
            ("示例·.虚构", "NAME_DOUBLED_DOT"),
            (".示例", "NAME_LEADING_DOT"),
        ];
        for (text, code) in misplaced {
            assert_eq!(Name::parse_entry(text).map_err(NameError::code), Err(code), "{text}");
        }
    }

    #[test]
    fn length_bounds_both_sides() {
        assert_eq!(Name::parse(""), Err(NameError::Empty));
        assert!(Name::parse("李").is_ok());
        assert!(Name::parse(&"𠮷".repeat(50)).is_ok());
        assert_eq!(Name::parse(&"𠮷".repeat(51)), Err(NameError::TooLong));
        assert_eq!(Name::parse(&"李".repeat(51)), Err(NameError::TooLong));
    }

    #[test]
    fn other_characters_are_refused() {
        let refused = [
            ("张 三", "NAME_CHARACTER"),
            (" 张三", "NAME_CHARACTER"),
            ("张三 ", "NAME_CHARACTER"),
            ("张\u{3000}三", "NAME_INVISIBLE_CHARACTER"),
            ("张\u{200B}三", "NAME_INVISIBLE_CHARACTER"),
            ("张\u{202E}三", "NAME_INVISIBLE_CHARACTER"),
            ("张三\u{FE00}", "NAME_INVISIBLE_CHARACTER"),
            ("张三\u{E0101}", "NAME_INVISIBLE_CHARACTER"),
            ("张三\n", "NAME_INVISIBLE_CHARACTER"),
            ("张\0三", "NAME_INVISIBLE_CHARACTER"),
            ("张\u{E863}", "NAME_PRIVATE_USE_CHARACTER"),
            ("张\u{F900}", "NAME_COMPATIBILITY_CHARACTER"),
            ("张\u{2F800}", "NAME_COMPATIBILITY_CHARACTER"),
            ("Zhang", "NAME_CHARACTER"),
            ("张a", "NAME_CHARACTER"),
            ("张а", "NAME_CHARACTER"),
            ("张\u{301}", "NAME_CHARACTER"),
            ("张3", "NAME_CHARACTER"),
            ("김", "NAME_CHARACTER"),
            ("⼀", "NAME_CHARACTER"),
            ("々", "NAME_CHARACTER"),
            ("<张三>", "NAME_CHARACTER"),
        ];
        for (text, code) in refused {
            assert_eq!(Name::parse(text).map_err(NameError::code), Err(code), "{text:?}");
            assert_eq!(Name::parse_entry(text).map_err(NameError::code), Err(code), "{text:?}");
        }
        let error = Name::parse("张\u{E863}").unwrap_err();
        assert!(error.to_string().contains("U+4DAE") && error.zh().contains("U+4DAE"));
        assert!(!error.to_string().contains('张') && !error.zh().contains('张'));
        assert!(Name::parse("〇一").is_ok());
    }
}
