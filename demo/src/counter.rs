//! A service counter: its state folder, its camera, its verdicts.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use credential_format::challenge::Challenge;
use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::key::Thumbprint;
use credential_format::timestamp::Timestamp;
use verifier::scan::{self, Limits};
use verifier::state::{Fate, Source, State};
use verifier::verdict::{Verdict, Words};
use verifier::verify::Asked;

use crate::dice;
use crate::fault::{Because, Fault};

/// A counter with its own state folder: what it trusts, and which codes it has accepted.
pub(crate) struct Counter {
    /// What people call it.
    pub(crate) name: Words,
    state: State,
}

/// What came of one picture.
pub(crate) struct Look {
    pub(crate) verdict: Verdict,
    /// Reading the file and finding the codes in it.
    pub(crate) scan: Duration,
    /// Deciding, the durable record of the code included.
    pub(crate) verify: Duration,
    /// Codes of any kind that were read.
    pub(crate) codes: usize,
    /// Pixels to the module of the first of them.
    pub(crate) px_per_module: Option<f64>,
}

impl Counter {
    /// Installs a counter: a folder, the root key's thumbprint as the authority gave it, and its own name.
    pub(crate) fn install(folder: &Path, id: &str, root: Thumbprint, name: Words) -> Result<Counter, Fault> {
        let id = CounterId::parse(id).because("the counter's name is refused")?;
        let state = State::create(folder, root, id).because("the counter's state cannot be made")?;
        Ok(Counter { name, state })
    }

    /// Takes every list of a folder, as from a USB stick. A story in which one is refused is not the story we tell.
    pub(crate) fn synchronise(&mut self, published: &Path, now: Timestamp) -> Result<(), Fault> {
        let mut files = Vec::new();
        gather(published, &mut files)?;
        let report = self.state.sync(files, now).because("the counter cannot store lists")?;
        match report.files.iter().find_map(|file| match &file.fate {
            Fate::Refused { code, sentence, .. } => Some((code, sentence)),
            _ => None,
        }) {
            Some((code, sentence)) => Err(Fault::new(code, format!("the counter refused a list: {sentence}"))),
            None => Ok(()),
        }
    }

    /// Takes the trust list alone, and no status list.
    pub(crate) fn take_trust_list(&mut self, bytes: &[u8], now: Timestamp) -> Result<(), Fault> {
        self.state.take_trust_list(bytes, now).map(|_| ()).because("the counter refused the trust list")
    }

    /// Makes a challenge to show on the counter's screen.
    pub(crate) fn challenge(&mut self, purpose: &str, now: Timestamp) -> Result<Challenge, Fault> {
        let purpose = DisplayText::parse(purpose).because("the purpose of the challenge is refused")?;
        self.state.challenge(dice::roll()?, Some(purpose), now).because("the challenge cannot be recorded")
    }

    /// Reads the picture file and decides about it at `now`, the time of the story.
    pub(crate) fn look(
        &mut self,
        picture: &[u8],
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Result<Look, Fault> {
        let asked = match challenge {
            Some(challenge) => self.state.asked(challenge, now).because("the counter's challenges cannot be read")?,
            None => Asked::Nothing,
        };
        let began = Instant::now();
        let seen = scan::read_texts(picture, &Limits::default()).because("the picture cannot be read")?;
        let scan = began.elapsed();
        let texts: Vec<_> = seen.codes.iter().map(|code| String::from_utf8_lossy(&code.bytes)).collect();
        let began = Instant::now();
        let verdict = self.state.verify(&texts, asked, now).because("the counter's state cannot be read")?;
        Ok(Look {
            verdict,
            scan,
            verify: began.elapsed(),
            codes: texts.len(),
            px_per_module: seen.codes.first().map(|code| code.px_per_module),
        })
    }
}

/// Every file of a folder and of the folders in it.
fn gather(folder: &Path, files: &mut Vec<Source>) -> Result<(), Fault> {
    for entry in fs::read_dir(folder).because("the published folder cannot be read")? {
        let path = entry.because("the published folder cannot be read")?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            let bytes = fs::read(&path).because(format!("{} cannot be read", path.display()))?;
            files.push(Source { name: path.display().to_string(), bytes });
        }
    }
    Ok(())
}
