//! The whole of Juma on one machine: authorities, phones, counters, forgers, and every verdict between them.
//!
//! One command plays the story into a folder, on real keys, real bytes and real pictures: `cargo run --release -p demo`. The persons
//! are invented, and the clock is that of the samples. Each scene says beforehand which verdict it must give: the story is a test too, and
//! ends with exit code 1 when a verdict is another one.
#![forbid(unsafe_code)]

mod authority;
mod counter;
mod dice;
mod fault;
mod folder;
mod forgery;
mod frame;
mod page;
mod phone;
mod picture;
mod readme;
mod sample;
mod scenes;
mod story;
mod terminal;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use fault::Fault;
use folder::Draft;
use story::{Stage, Story, Summary};
use terminal::Terminal;

fn main() -> ExitCode {
    let place = match asked_for(std::env::args_os().skip(1)) {
        Ok(Asked::Story(place)) => place,
        Ok(Asked::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            eprint!("{fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match tell(place) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(if fault.code == folder::NOT_OURS { 2 } else { 4 })
        }
    }
}

/// Tells the story, and whether every verdict was the expected one.
fn tell(place: PathBuf) -> Result<bool, Fault> {
    let began = Instant::now();
    // Damaged pictures make decoders panic inside; that is contained, and no concern of whoever reads this.
    verifier::scan::quiet_contained_panics();
    let day = sample::as_of()?;
    let draft = Draft::begin(&place)?;
    let terminal = Terminal::new();
    terminal.opening(&day);
    let story = Story { day: day.clone(), sections: Vec::new(), played: Vec::new(), permit_bytes: Vec::new() };
    let stage = scenes::play(Stage::new(&draft, terminal, story), &day)?;
    let Stage { terminal, story, counters, .. } = stage;
    drop(counters); // closes the state folders before they move
    let summary = Summary::of(&story, began.elapsed());
    draft.write("index.html", page::page(&story, &summary))?;
    draft.write("README.md", readme::readme(&story)?)?;
    let place = draft.finish()?;
    terminal.closing(&summary, &place.display().to_string());
    Ok(summary.is_good())
}

const USAGE: &str = "\
Usage: demo [--out DIR]

Plays the story of Juma into a folder: juma-demo, or DIR. The folder of an earlier run is replaced; any other is left alone.
把居码的演示写入文件夹：默认 juma-demo，或指定的 DIR。先前演示的文件夹会被替换，其他文件夹不会改动。

Exit codes: 0 every verdict as expected, 1 one was not, 2 wrong usage, 4 the story could not be told.
";

enum Asked {
    Story(PathBuf),
    Help,
}

fn asked_for(arguments: impl Iterator<Item = OsString>) -> Result<Asked, Fault> {
    let wrong = |what: String| Fault::new("USAGE", what);
    let mut place: Option<PathBuf> = None;
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let given = if text == "--help" || text == "-h" {
            return Ok(Asked::Help);
        } else if text == "--out" {
            arguments.next().ok_or_else(|| wrong("--out needs a folder; write --out DIR".into()))?
        } else if let Some(folder) = text.strip_prefix("--out=") {
            OsString::from(folder)
        } else if text.starts_with('-') {
            return Err(wrong(format!("{text} is no option; the only one is --out DIR")));
        } else {
            argument
        };
        if given.is_empty() || place.replace(given.into()).is_some() {
            return Err(wrong("exactly one folder can be given; write --out DIR".into()));
        }
    }
    Ok(Asked::Story(place.unwrap_or_else(|| PathBuf::from("juma-demo"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(arguments: &[&str]) -> Option<String> {
        match asked_for(arguments.iter().map(OsString::from)) {
            Ok(Asked::Story(place)) => Some(place.display().to_string()),
            Ok(Asked::Help) => Some("help".into()),
            Err(_) => None,
        }
    }

    #[test]
    fn one_folder_at_most() {
        assert_eq!(folder(&[]).as_deref(), Some("juma-demo"));
        assert_eq!(folder(&["x"]).as_deref(), Some("x"));
        assert_eq!(folder(&["--out", "x"]).as_deref(), Some("x"));
        assert_eq!(folder(&["--out=x"]).as_deref(), Some("x"));
        assert_eq!(folder(&["--help"]).as_deref(), Some("help"));
        for wrong in [&["--out"][..], &["--out="], &["x", "y"], &["x", "--out", "y"], &["--fast"], &[""]] {
            assert_eq!(folder(wrong), None, "{wrong:?}");
        }
    }
}
