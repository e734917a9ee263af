//! The whole of Juma on one machine: authorities, phones, counters, forgers, and every verdict between them.
//!
//! One command plays the story into a folder, on real keys, real bytes and real pictures: `cargo run -p demo`. The persons
//! are invented, and the clock is that of the samples. Each scene says beforehand which verdict it must give: the story is a test too, and
//! ends with exit code 1 when a verdict is another one.
//!
//! With `--serve` the same people can be played by hand: a page that stands for a phone, and the page of a counter, by the real clock.
#![forbid(unsafe_code)]

mod authority;
mod counter;
mod dice;
mod fault;
mod folder;
mod forgery;
mod live;
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
    let played = match asked_for(std::env::args_os().skip(1)) {
        Ok(Asked::Story(place)) => tell(place),
        Ok(Asked::Live { place, port }) => live::serve(&place, port).map(|()| true),
        Ok(Asked::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            eprint!("{fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match played {
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
       demo --serve [--port N] [--out DIR]

Plays the story of Juma into a folder: juma-demo, or DIR. The folder of an earlier run is replaced; any other is left alone.
With --serve it is played by hand: a page that stands for a phone, on port 8687 or N of this computer, and the page of a counter;
the folder is then juma-demo-live, or DIR.
把居码的演示写入文件夹：默认 juma-demo，或指定的 DIR。先前演示的文件夹会被替换，其他文件夹不会改动。
加 --serve 为现场演示：在本机 8687 端口（或 N）打开手机页面，并启动窗口页面；文件夹默认 juma-demo-live。

Exit codes: 0 every verdict as expected, 1 one was not, 2 wrong usage, 4 the story could not be told.
";

enum Asked {
    Story(PathBuf),
    Live { place: PathBuf, port: u16 },
    Help,
}

fn asked_for(arguments: impl Iterator<Item = OsString>) -> Result<Asked, Fault> {
    let wrong = |what: String| Fault::new("USAGE", what);
    let (mut place, mut serve, mut port): (Option<PathBuf>, bool, Option<u16>) = (None, false, None);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let given = if text == "--help" || text == "-h" {
            return Ok(Asked::Help);
        } else if text == "--serve" {
            serve = true;
            continue;
        } else if text == "--port" {
            let number = arguments.next().and_then(|number| number.to_str()?.parse().ok());
            port = Some(number.ok_or_else(|| wrong("--port needs a number from 0 to 65535; write --port N".into()))?);
            continue;
        } else if text == "--out" {
            arguments.next().ok_or_else(|| wrong("--out needs a folder; write --out DIR".into()))?
        } else if let Some(folder) = text.strip_prefix("--out=") {
            OsString::from(folder)
        } else if text.starts_with('-') {
            return Err(wrong(format!("{text} is no option; there are --serve, --port N and --out DIR")));
        } else {
            argument
        };
        if given.is_empty() || place.replace(given.into()).is_some() {
            return Err(wrong("exactly one folder can be given; write --out DIR".into()));
        }
    }
    if serve {
        let place = place.unwrap_or_else(|| PathBuf::from("juma-demo-live"));
        return Ok(Asked::Live { place, port: port.unwrap_or(live::PHONE_PORT) });
    }
    match port {
        Some(_) => Err(wrong("--port is the phone page's; it goes with --serve".into())),
        None => Ok(Asked::Story(place.unwrap_or_else(|| PathBuf::from("juma-demo")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(arguments: &[&str]) -> Option<String> {
        match asked_for(arguments.iter().map(OsString::from)) {
            Ok(Asked::Story(place)) => Some(place.display().to_string()),
            Ok(Asked::Live { place, port }) => Some(format!("{} on {port}", place.display())),
            Ok(Asked::Help) => Some("help".into()),
            Err(_) => None,
        }
    }

    #[test]
    fn the_live_story_has_a_port_and_the_other_has_none() {
        assert_eq!(folder(&["--serve"]).as_deref(), Some("juma-demo-live on 8687"));
        assert_eq!(folder(&["--port", "0", "x", "--serve"]).as_deref(), Some("x on 0"));
        for wrong in [&["--port", "1"][..], &["--serve", "--port"], &["--serve", "--port", "70000"]] {
            assert_eq!(folder(wrong), None, "{wrong:?}");
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
