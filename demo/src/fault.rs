//! What can go wrong outside the story: a disk, a library that refuses. A verdict is never a fault.

use std::fmt;

/// Why the story could not be told: a sentence, and a stable code.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    sentence: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, sentence: impl Into<String>) -> Fault {
        Fault { code, sentence: sentence.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.sentence, self.code)
    }
}

/// Says what failed, before the library's own reason.
pub(crate) trait Because<T> {
    fn because(self, what: impl Into<String>) -> Result<T, Fault>;
}

impl<T, E: fmt::Display> Because<T> for Result<T, E> {
    fn because(self, what: impl Into<String>) -> Result<T, Fault> {
        self.map_err(|error| Fault::new("STORY_STOPPED", format!("{}: {error}", what.into())))
    }
}

impl<T> Because<T> for Option<T> {
    fn because(self, what: impl Into<String>) -> Result<T, Fault> {
        self.ok_or_else(|| Fault::new("STORY_STOPPED", what))
    }
}
