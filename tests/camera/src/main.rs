//! Writes frames of the corpus into a folder, to look at and to develop against.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use camera::{NEGATIVES, SEQUENCE_FRAMES, STILLS, Sequence, Split, Still, negative, sequence, still};
use image::{GrayImage, imageops};

const USAGE: &str = "camera [--split develop|held-back] [--every N] [--kind NAME] [--sheet] --out FOLDER
camera --negatives [the same]
camera --sequence N [--split develop|held-back] [--every N] [--sheet] --out FOLDER

Draws frames of one half of the corpus into a folder: NAME.png (grey, as a reader gets it), NAME.jpg (as the camera makes it), and
frames.tsv (name, kind, degree, width, height, version, pixels to the module, texts). Without --negatives and --sequence these are the
stills; of a sequence, kind and degree are its trouble and whether the whole code is in the frame (1) or not (0).
--every N draws each Nth only, --kind those of one kind only, --sheet a contact sheet besides, contact.png.";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| options.write()) {
        Ok(written) => {
            println!("{written} frames");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy)]
enum What {
    Stills,
    Negatives,
    Sequence(usize),
}

struct Options {
    what: What,
    split: Split,
    every: usize,
    kind: Option<String>,
    sheet: bool,
    out: PathBuf,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut what, mut split, mut every, mut kind) = (What::Stills, Split::Develop, 1, None);
        let (mut sheet, mut out) = (false, None);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--negatives" => what = What::Negatives,
                "--sequence" => {
                    let number = value()?.parse().ok().filter(|number| *number < camera::SEQUENCES);
                    what =
                        What::Sequence(number.ok_or(format!("--sequence needs a number below {}", camera::SEQUENCES))?);
                }
                "--split" => {
                    split =
                        value().and_then(|name| Split::from_name(&name).ok_or(format!("there is no half {name}")))?;
                }
                "--every" => {
                    every = value()?.parse().ok().filter(|every| *every > 0).ok_or("--every needs a number from 1")?;
                }
                "--kind" => kind = Some(value()?),
                "--sheet" => sheet = true,
                "--out" => out = Some(PathBuf::from(value()?)),
                other => return Err(format!("{other} is no option")),
            }
        }
        Ok(Options { what, split, every, kind, sheet, out: out.ok_or("--out is missing")? })
    }

    /// Writes the frames; returns how many.
    fn write(&self) -> Result<usize, String> {
        std::fs::create_dir_all(&self.out).map_err(|error| self.failed(&error))?;
        let (mut table, mut small, mut written) = (String::new(), Vec::new(), 0);
        for frame in self.frames() {
            let at = self.out.join(&frame.name);
            frame.grey.save(at.with_extension("png")).map_err(|error| self.failed(&error))?;
            std::fs::write(at.with_extension("jpg"), &frame.jpeg).map_err(|error| self.failed(&error))?;
            let _ = writeln!(table, "{}\t{}", frame.name, frame.said);
            if self.sheet {
                small.push(imageops::thumbnail(&frame.grey, 480, 270));
            }
            written += 1;
        }
        std::fs::write(self.out.join("frames.tsv"), table).map_err(|error| self.failed(&error))?;
        if !small.is_empty() {
            contact_sheet(&small).save(self.out.join("contact.png")).map_err(|error| self.failed(&error))?;
        }
        Ok(written)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> String {
        format!("{}: {error}", self.out.display())
    }

    fn frames(&self) -> Box<dyn Iterator<Item = Drawn> + '_> {
        let wanted = |still: &Still| self.kind.as_ref().is_none_or(|kind| kind == still.kind.name());
        match self.what {
            What::Stills => Box::new(
                (0..STILLS).step_by(self.every).map(|index| still(self.split, index)).filter(wanted).map(Drawn::from),
            ),
            What::Negatives => Box::new(
                (0..NEGATIVES)
                    .step_by(self.every)
                    .map(|index| negative(self.split, index))
                    .filter(wanted)
                    .map(Drawn::from),
            ),
            What::Sequence(index) => {
                let sequence = sequence(self.split, index);
                println!("{}: the whole code is seen from frame {} on", sequence.name, sequence.first_whole);
                Box::new((0..SEQUENCE_FRAMES).step_by(self.every).map(move |number| Drawn::of(&sequence, number)))
            }
        }
    }
}

/// A frame, and what the table says of it.
struct Drawn {
    name: String,
    grey: GrayImage,
    jpeg: Vec<u8>,
    said: String,
}

impl From<Still> for Drawn {
    fn from(still: Still) -> Drawn {
        let (width, height) = still.frame.dimensions();
        let said = format!(
            "{}\t{}\t{width}\t{height}\t{}\t{:.2}\t{}",
            still.kind.name(),
            still.degree.number(),
            still.version,
            still.px_per_module,
            still.text.join("\t")
        );
        Drawn { name: still.name, grey: still.frame, jpeg: still.jpeg, said }
    }
}

impl Drawn {
    fn of(sequence: &Sequence, number: usize) -> Drawn {
        let frame = sequence.frame(number);
        let (width, height) = frame.frame.dimensions();
        let said = format!(
            "{}\t{}\t{width}\t{height}\t{}\t-\t{}",
            sequence.trouble.name(),
            u8::from(frame.whole),
            sequence.version,
            frame.text
        );
        Drawn { name: format!("{}-{number:02}", sequence.name), grey: frame.frame, jpeg: frame.jpeg, said }
    }
}

fn contact_sheet(small: &[GrayImage]) -> GrayImage {
    let columns = small.len().clamp(1, 4);
    let rows = small.len().div_ceil(columns);
    let mut sheet = GrayImage::new(484 * columns as u32, 274 * rows as u32);
    for (place, picture) in small.iter().enumerate() {
        let (x, y) = (484 * (place % columns), 274 * (place / columns));
        imageops::replace(&mut sheet, picture, x as i64, y as i64);
    }
    sheet
}
