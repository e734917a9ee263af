//! What people read: every text of a screen stands in both its languages.

/// A text in the two languages of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<T = &'static str> {
    /// zh-CN
    pub zh: T,
    /// English
    pub en: T,
}
