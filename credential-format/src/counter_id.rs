//! The name by which a service counter is known in challenges.

use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
};
use core::fmt;

use thiserror::Error;

/// The id of a counter: 1 to 32 of `A`-`Z`, `0`-`9` and `-`, so that it can stand in a file name, a log line and a code
/// without any quoting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterId(String);

impl CounterId {
    /// The most characters a counter id may have.
    pub const MAX_LENGTH: usize = 32;

    /// Reads a counter id.
    pub fn parse(text: &str) -> Result<Self, CounterIdError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Whether the text is a counter id, without making one.
    pub fn check(text: &str) -> Result<(), CounterIdError> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(CounterIdError::Length);
        }
        if !text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-')) {
            return Err(CounterIdError::Character);
        }
        Ok(())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CounterId({})", self.0)
    }
}

/// Why something is not a [`CounterId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CounterIdError {
    /// Empty, or longer than 32 characters.
    #[error("the counter id does not have 1 to 32 characters; choose a shorter one, for example TIANHE-03")]
    Length,
    /// Another character than `A`-`Z`, `0`-`9` and `-`.
    #[error("the counter id may only have capital letters A to Z, digits and hyphens; write it like TIANHE-03")]
    Character,
}

impl CounterIdError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Length => "COUNTER_ID_LENGTH",
            Self::Character => "COUNTER_ID_CHARACTER",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Length => "窗口编号应为1至32个字符，请改用如TIANHE-03的编号",
            Self::Character => "窗口编号只能用大写字母A至Z、数字和连字符，请改用如TIANHE-03的编号",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn bounds_both_sides() {
        for text in ["A", "-", "9", "TIANHE-03", &"Z".repeat(32)] {
            assert_eq!(CounterId::check(text), Ok(()));
            assert_eq!(CounterId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", &"Z".repeat(33), &"Z".repeat(255)] {
            assert_eq!(CounterId::parse(text), Err(CounterIdError::Length));
        }
        let others =
            ["tianhe", "A B", "A_B", "../A", "..%2f", "/A", "C:\\A", "A\0", "天河", "Ａ", "A.B", "@", "[", "`", "А"];
        for text in others {
            assert_eq!(CounterId::parse(text), Err(CounterIdError::Character), "{text}");
        }
        assert_eq!(format!("{:?}", CounterId::parse("A-1").unwrap()), "CounterId(A-1)");
        assert_ne!(CounterIdError::Length.code(), CounterIdError::Character.code());
        assert_ne!(CounterIdError::Length.zh(), CounterIdError::Character.zh());
    }
}
