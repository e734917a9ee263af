//! The README of the folder: what lies where, and three commands to try on it.

use verifier::verdict::Reason;

use crate::fault::{Because, Fault};
use crate::story::Story;

/// The text, with a picture and a time from the story.
pub(crate) fn readme(story: &Story) -> Result<String, Fault> {
    // Of the scenes after the last publication: for an earlier time the counters' own lists would be of the future.
    let scene = story.played.iter().find(|played| played.key.ends_with("-renewed") && played.expected == Reason::Valid);
    let scene = scene.because("the story has no scene that the commands could use")?;
    Ok(TEXT
        .replace("{picture}", &scene.picture)
        .replace("{at}", &scene.look.verdict.decided_at.to_string())
        .replace("{day}", &story.day))
}

const TEXT: &str = include_str!("readme.md");
