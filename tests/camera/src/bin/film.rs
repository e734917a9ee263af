//! Draws a film for a fake camera from a script.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use camera::film::{Film, Script};

const USAGE: &str = r#"film --script SCRIPT.json|- --out FILE.mjpeg
film --script SCRIPT.json|- --stills FOLDER [--every N]

Draws a film that Chromium plays in place of a camera (--use-file-for-fake-video-capture; the name must end in mjpeg), or every Nth of
its pictures as a PNG to look at. Prints one line of JSON: which frames are which scene, and in which the codes are whole.

A script: {"scenes": [{"seconds": 1, "empty": true},
                      {"seconds": 2.5, "texts": ["86..."], "trouble": "motion", "degree": 1, "seed": 7},
                      {"seconds": 2, "texts": ["86...", "86..."]}]}
With fps (30), drawn (15 a second, each written twice), width (1280), height (720) and seed beside scenes; and in a scene
then ([{"at": 1.2, "text": "86..."}]: the phone's next codes), on (phone, paper), trouble (none, motion, low-light, glare, moire, defocus).

Exit codes: 0 done, 2 wrong usage or no film, 4 a file that cannot be read or written."#;

fn main() -> ExitCode {
    match asked_for(std::env::args().skip(1)).and_then(|asked| asked.answer()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(Failed { code, sentence, exit }) => {
            eprintln!("{sentence} [{code}]");
            if code == "USAGE" {
                eprintln!("\n{USAGE}");
            }
            ExitCode::from(exit)
        }
    }
}

/// Why there is no film.
struct Failed {
    code: &'static str,
    sentence: String,
    exit: u8,
}

impl Failed {
    fn usage(sentence: impl Into<String>) -> Failed {
        Failed { code: "USAGE", sentence: sentence.into(), exit: 2 }
    }

    fn file(path: &Path, error: &dyn std::fmt::Display) -> Failed {
        Failed { code: "FILM_FILE", sentence: format!("{}: {error}", path.display()), exit: 4 }
    }
}

struct Asked {
    script: PathBuf,
    out: Option<PathBuf>,
    stills: Option<PathBuf>,
    every: usize,
}

fn asked_for(mut arguments: impl Iterator<Item = String>) -> Result<Asked, Failed> {
    let (mut script, mut out, mut stills, mut every) = (None, None, None, 1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(Failed::usage(format!("{argument} needs a value")));
        match argument.as_str() {
            "--script" => script = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--stills" => stills = Some(PathBuf::from(value()?)),
            "--every" => {
                let number = value()?.parse().ok().filter(|every| *every > 0);
                every = number.ok_or(Failed::usage("--every needs a number from 1"))?;
            }
            other => return Err(Failed::usage(format!("{other} is no option"))),
        }
    }
    if out.is_none() && stills.is_none() {
        return Err(Failed::usage("--out or --stills is missing"));
    }
    let script = script.ok_or(Failed::usage("--script is missing"))?;
    Ok(Asked { script, out, stills, every })
}

impl Asked {
    /// Draws what is asked for; returns the line to print.
    fn answer(&self) -> Result<String, Failed> {
        let mut text = String::new();
        if self.script == Path::new("-") {
            std::io::stdin().read_to_string(&mut text)
        } else {
            File::open(&self.script).and_then(|mut file| file.read_to_string(&mut text))
        }
        .map_err(|error| Failed::file(&self.script, &error))?;
        let script: Script = serde_json::from_str(&text).map_err(|error| Failed {
            code: "FILM_SCRIPT",
            sentence: format!("{} is no script: {error}", self.script.display()),
            exit: 2,
        })?;
        let film =
            Film::new(&script).map_err(|error| Failed { code: error.code(), sentence: error.to_string(), exit: 2 })?;
        let began = Instant::now();
        if let Some(out) = &self.out {
            write_film(&film, out).map_err(|error| Failed::file(out, &error))?;
        }
        if let Some(folder) = &self.stills {
            write_stills(&film, folder, self.every)?;
        }
        let mut line = serde_json::to_value(film.contents()).expect("numbers and names");
        line["drawn_in_ms"] = (began.elapsed().as_millis() as u64).into();
        Ok(line.to_string())
    }
}

/// Whole or not at all: a browser that plays the file of this name goes on playing the one it has opened.
fn write_film(film: &Film, out: &Path) -> std::io::Result<()> {
    let draft = out.with_extension("mjpeg.part");
    let mut file = BufWriter::new(File::create(&draft)?);
    film.write(&mut file)?;
    file.flush()?;
    std::fs::rename(&draft, out)
}

fn write_stills(film: &Film, folder: &Path, every: usize) -> Result<(), Failed> {
    std::fs::create_dir_all(folder).map_err(|error| Failed::file(folder, &error))?;
    for number in (0..film.frames()).step_by(every) {
        let file = folder.join(format!("frame-{number:04}.png"));
        let picture = image::load_from_memory(&film.frame(number).jpeg).map_err(|error| Failed::file(&file, &error))?;
        picture.save(&file).map_err(|error| Failed::file(&file, &error))?;
    }
    Ok(())
}
