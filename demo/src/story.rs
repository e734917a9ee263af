//! The stage on which scenes are played, and what is kept of each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use credential_format::challenge::Challenge;
use credential_format::timestamp::Timestamp;
use verifier::json::{Circumstances, VerdictDocument};
use verifier::verdict::{Reason, Words};

use crate::counter::{Counter, Look};
use crate::fault::{Because, Fault};
use crate::folder::Draft;
use crate::picture::{Sight, Symbol};
use crate::terminal::{Terminal, millis};

/// A group of scenes.
pub(crate) struct Section {
    /// Its anchor in the page.
    pub(crate) key: &'static str,
    pub(crate) title: Words,
    pub(crate) lead: Words,
    /// Many small cards rather than a few large ones.
    pub(crate) compact: bool,
}

/// What is about to be played.
pub(crate) struct Scene {
    /// Its name in file names and in the page.
    pub(crate) key: String,
    pub(crate) title: Words<String>,
    /// What happens before the picture is taken.
    pub(crate) told: Words<String>,
    pub(crate) sight: Sight,
    /// What the counter asked the holder to answer.
    pub(crate) asked: Option<Challenge>,
    /// The verdict that this must give: the story is a test, too.
    pub(crate) expected: Reason,
}

/// At which counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Counter A.
    Tianhe,
    /// Counter B.
    Nanshan,
    /// Counter C, which was installed a moment ago.
    Fresh,
    /// Counter D, which never had a network.
    Mountain,
}

/// A scene as it went.
pub(crate) struct Played {
    pub(crate) number: usize,
    pub(crate) section: &'static str,
    pub(crate) key: String,
    pub(crate) title: Words<String>,
    pub(crate) told: Words<String>,
    pub(crate) counter: Words,
    /// The file in `pictures/`.
    pub(crate) picture: String,
    /// The file in `verdicts/`.
    pub(crate) document: String,
    pub(crate) expected: Reason,
    pub(crate) look: Look,
    /// Which frame of the video was read, from 1.
    pub(crate) frame: u64,
    pub(crate) symbol: Option<Symbol>,
}

impl Played {
    pub(crate) fn as_expected(&self) -> bool {
        self.look.verdict.reason == self.expected
    }
}

/// All that was played, in order.
pub(crate) struct Story {
    /// The day of the story.
    pub(crate) day: String,
    pub(crate) sections: Vec<Section>,
    pub(crate) played: Vec<Played>,
    /// The sizes of all permits that were signed, in bytes.
    pub(crate) permit_bytes: Vec<usize>,
}

/// Where scenes are played: the folder they are kept in, the terminal they are told to, the counters.
pub(crate) struct Stage<'d> {
    pub(crate) draft: &'d Draft,
    pub(crate) terminal: Terminal,
    pub(crate) story: Story,
    pub(crate) counters: BTreeMap<Place, Counter>,
    /// Scenes that are agreed on and not played yet: their pictures can be taken side by side.
    agreed: Vec<Agreed>,
}

struct Agreed {
    number: usize,
    name: String,
    section: &'static str,
    scene: Scene,
    place: Place,
    /// The counter's clock when it decides.
    now: Timestamp,
}

impl<'d> Stage<'d> {
    pub(crate) fn new(draft: &'d Draft, terminal: Terminal, story: Story) -> Stage<'d> {
        Stage { draft, terminal, story, counters: BTreeMap::new(), agreed: Vec::new() }
    }

    /// Plays what was agreed on, and begins a section.
    pub(crate) fn begin(&mut self, section: Section) -> Result<(), Fault> {
        self.settle()?;
        self.terminal.section(&section);
        self.story.sections.push(section);
        Ok(())
    }

    /// Agrees on a scene at this counter, whose clock says `now`. Returns the name of its picture, so that it can be shown again.
    pub(crate) fn play(&mut self, scene: Scene, place: Place, now: Timestamp) -> String {
        let number = self.story.played.len() + self.agreed.len() + 1;
        let name = format!("{number:02}-{}", scene.key);
        let picture = picture_file(&name);
        let section = self.story.sections.last().map_or("", |section| section.key);
        self.agreed.push(Agreed { number, name, section, scene, place, now });
        picture
    }

    /// Plays all scenes agreed on, in their order. Must come before any counter takes new lists.
    ///
    /// Cameras work side by side, on all cores: drawing a picture takes several times as long as reading it.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        let agreed = std::mem::take(&mut self.agreed);
        let next = AtomicUsize::new(0);
        let (deliver, delivered) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..cores() {
                let (deliver, agreed, next) = (deliver.clone(), &agreed, &next);
                scope.spawn(move || {
                    while let Some(one) = agreed.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if deliver.send((one.number, one.frame(1))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(deliver);
            let mut early = BTreeMap::new();
            for one in &agreed {
                let frame = loop {
                    if let Some(frame) = early.remove(&one.number) {
                        break frame;
                    }
                    let (number, frame) = delivered.recv().because("the camera stopped")?;
                    early.insert(number, frame);
                };
                self.play_now(one, frame?)?;
            }
            Ok(())
        })
    }

    /// Writes the picture, reads it back from the file's bytes, decides, and notes everything.
    fn play_now(&mut self, agreed: &Agreed, first: Option<Vec<u8>>) -> Result<(), Fault> {
        let scene = &agreed.scene;
        let picture = picture_file(&agreed.name);
        let counter = self.counters.get_mut(&agreed.place).because("there is no such counter")?;
        let mut frame = 1;
        let mut jpeg = match (&scene.sight, first) {
            (Sight::Again(earlier), _) => self.draft.read(&format!("pictures/{earlier}"))?,
            (_, first) => first.because("the camera delivers nothing")?,
        };
        let look = loop {
            self.draft.write(&format!("pictures/{picture}"), &jpeg)?;
            let file = self.draft.read(&format!("pictures/{picture}"))?;
            let look = counter.look(&file, scene.asked.as_ref(), agreed.now)?;
            // As at a counter: as long as no code is found, the next frame is tried.
            match agreed.frame(frame + 1)? {
                Some(next) if look.codes == 0 => (frame, jpeg) = (frame + 1, next),
                _ => break look,
            }
        };
        let played = Played {
            number: agreed.number,
            section: agreed.section,
            key: agreed.name.clone(),
            title: scene.title.clone(),
            told: scene.told.clone(),
            counter: counter.name.clone(),
            picture,
            document: format!("{}.json", agreed.name),
            symbol: scene.sight.symbol(),
            expected: scene.expected,
            look,
            frame,
        };
        self.draft.write(&format!("verdicts/{}", played.document), document(&played.look)?)?;
        self.terminal.scene(&played);
        self.story.played.push(played);
        Ok(())
    }
}

impl Agreed {
    /// The frame with this number of what the camera sees.
    fn frame(&self, number: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.scene.sight.frame(self.number as u64, number)
    }
}

fn picture_file(name: &str) -> String {
    format!("{name}.jpg")
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The verdict as programs get it. The clock of the story is a fixed one, and the document says so.
fn document(look: &Look) -> Result<String, Fault> {
    let circumstances =
        Circumstances { fixed_clock: true, scan: Some(look.scan), verify: look.verify, ..Circumstances::default() };
    let document = VerdictDocument::new(&look.verdict, &circumstances);
    let mut json = serde_json::to_string_pretty(&document).because("a verdict cannot be written as JSON")?;
    json.push('\n');
    Ok(json)
}

/// The story in numbers.
pub(crate) struct Summary {
    pub(crate) scenes: usize,
    pub(crate) as_expected: usize,
    pub(crate) cores: usize,
    lines: Vec<Figure>,
}

/// One number with its name.
#[derive(Clone)]
pub(crate) struct Figure {
    pub(crate) label: Words,
    pub(crate) value: String,
}

impl Summary {
    pub(crate) fn of(story: &Story, whole: Duration) -> Summary {
        let live = || story.played.iter().filter(|played| played.look.codes > 0);
        let scan: Vec<Duration> = live().map(|played| played.look.scan).collect();
        let verify: Vec<Duration> = live().map(|played| played.look.verify).collect();
        let symbols: Vec<Symbol> = story.played.iter().filter_map(|played| played.symbol).collect();
        let digits: Vec<usize> = symbols.iter().map(|symbol| symbol.digits).collect();
        let versions: Vec<usize> = symbols.iter().map(|symbol| symbol.version.into()).collect();
        // 17 digits are 7 bytes.
        let bytes: Vec<usize> = digits.iter().map(|digits| digits.saturating_sub(4) * 7 / 17).collect();
        let codes = story.played.iter().map(|played| played.look.verdict.reason);
        let reasons = codes.collect::<std::collections::BTreeSet<_>>().len();
        let later = story.played.iter().filter(|played| played.look.codes > 0 && played.frame > 1).count();
        let figure = |zh, en, value| Figure { label: Words { zh, en }, value };
        let lines = vec![
            figure("读图", "scan, median (most)", spread(&scan, |d| format!("{:.1}", millis(*d)), "ms")),
            figure("核验", "verify, median (most)", spread(&verify, |d| format!("{:.2}", millis(*d)), "ms")),
            figure("证照", "permit, median (most)", spread(&story.permit_bytes, ToString::to_string, "B")),
            figure("亮码", "code, median (most)", spread(&bytes, ToString::to_string, "B")),
            figure("数字", "digits, median (most)", spread(&digits, ToString::to_string, "")),
            figure("QR 版本", "QR version, median (most)", spread(&versions, ToString::to_string, "")),
            figure("首帧未读出", "not read in the first frame", format!("{later}")),
            figure("不同结论", "different reason codes", format!("{reasons}")),
            figure("全程", "the whole run", format!("{:.1} s", whole.as_secs_f64())),
        ];
        Summary {
            scenes: story.played.len(),
            as_expected: story.played.iter().filter(|played| played.as_expected()).count(),
            cores: cores(),
            lines,
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.as_expected == self.scenes
    }

    pub(crate) fn lines(&self) -> &[Figure] {
        &self.lines
    }
}

/// Median and maximum.
fn spread<T: Ord>(values: &[T], shown: impl Fn(&T) -> String, unit: &str) -> String {
    let mut sorted: Vec<&T> = values.iter().collect();
    sorted.sort();
    match (sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(median), Some(most)) => format!("{} ({}) {unit}", shown(median), shown(most)).trim_end().to_owned(),
        _ => "–".to_owned(),
    }
}

/// A text in both languages.
pub(crate) fn words(zh: impl Into<String>, en: impl Into<String>) -> Words<String> {
    Words { zh: zh.into(), en: en.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_median_and_the_most() {
        assert_eq!(spread(&[3, 1, 2], ToString::to_string, "ms"), "2 (3) ms");
        assert_eq!(spread(&[7], ToString::to_string, ""), "7 (7)");
        assert_eq!(spread::<u8>(&[], ToString::to_string, "ms"), "–");
    }
}
