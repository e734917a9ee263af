//! The chain that holds the journal together: a line that was removed, changed, added or moved shows.
//!
//! The *bytes* of an entry are one CBOR array (RFC 8949, core deterministic encoding). It begins with the number (unsigned), the time (seconds
//! since 1970-01-01T00:00:00Z, unsigned) and a text that says what happened; the rest is as follows, `?` for what may be null:
//!
//! | text | then |
//! |---|---|
//! | `check` | outcome (text), reason (text), assurance (text?), version of the trust list (unsigned?), its age (integer?), number of the status list (unsigned?), its age (integer?), by (text), permit (8 bytes?), waited, in ms (unsigned?) |
//! | `compared` | number of the check (unsigned), match (boolean) |
//! | `revealed` | number of the check (unsigned), why (text) |
//! | `person_mismatch` | number of the check (unsigned) |
//! | `exported` | format (text), first day, last day (texts, `2026-11-27`) |
//!
//! The *hash* of an entry is SHA-256 of the 14 bytes `juma/1/journal`, the hash of the entry before (32 bytes; zeros before the first) and the
//! entry's bytes. What old entries leave behind when their time is over is the number and the hash of the last of them: the chain begins
//! there. The number and the hash of the last entry are the *head*; the state folder keeps them apart, so that lines cut off at the end show.
//!
//! What this does not do: whoever can rewrite the whole folder can make another chain, with another head. Only a head that was noted elsewhere
//! (each summary and each export has one) convicts that one.

use std::fmt;
use std::str::FromStr;

use credential_format::day::Day;
use credential_format::timestamp::Timestamp;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{Encoder, Error as WriteError};
use sha2::{Digest as _, Sha256};

use super::{By, Checked, Entry, Format, PermitHash, What, Why};
use crate::verdict::{Assurance, Outcome, Reason, Words};

/// What every hash begins with.
pub const DOMAIN: &[u8; 14] = b"juma/1/journal";

/// A place in the chain: the number of an entry, and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number; 0 before the first.
    pub number: u64,
    /// The hash.
    pub hash: [u8; 32],
}

impl Link {
    /// Before the first entry.
    pub const START: Link = Link { number: 0, hash: [0; 32] };

    /// The link of an entry that follows this one.
    pub fn next(&self, bytes: &[u8]) -> Link {
        let hash = Sha256::new().chain_update(DOMAIN).chain_update(self.hash).chain_update(bytes).finalize();
        Link { number: self.number.saturating_add(1), hash: hash.into() }
    }
}

/// `812-9d3f…`, the number and 64 hex digits.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, hex::encode(self.hash))
    }
}

/// A head that somebody noted: the number, and at least the first 16 digits of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    number: u64,
    digits: String,
}

impl Noted {
    /// The number of the entry.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn is(&self, link: &Link) -> bool {
        self.number == link.number && hex::encode(link.hash).starts_with(&self.digits)
    }
}

/// Fewer digits could be met by trying.
const NOTED_DIGITS_MIN: usize = 16;

impl FromStr for Noted {
    type Err = NotedError;

    fn from_str(text: &str) -> Result<Noted, NotedError> {
        let read = || {
            let (number, digits) = text.trim().split_once('-')?;
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let number = number.parse().ok().filter(|_| plain)?;
            let digits = digits.to_ascii_lowercase();
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            (hex && (NOTED_DIGITS_MIN..=64).contains(&digits.len())).then_some(Noted { number, digits })
        };
        read().ok_or(NotedError)
    }
}

/// A text that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is the number of an entry, a hyphen and the first 16 to 64 hex digits of its hash")]
pub struct NotedError;

/// An entry as it is kept: what is hashed, and the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Under which number it is kept.
    pub number: u64,
    /// Under which day, in days since 1970-01-01.
    pub day: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its hash, as it is kept.
    pub hash: [u8; 32],
}

impl Line {
    /// The line of an entry that follows the head.
    pub(crate) fn after(head: &Link, at: Timestamp, what: What) -> Line {
        let entry = Entry { number: head.number.saturating_add(1), at, what };
        let bytes = to_bytes(&entry);
        let link = head.next(&bytes);
        Line { number: link.number, day: at.day().get().into(), bytes, hash: link.hash }
    }

    /// What it says; `None` when its bytes are none that this program writes.
    pub fn entry(&self) -> Option<Entry> {
        let entry = of_bytes(&self.bytes).ok()?;
        // One encoding: a second one of the same entry is another's work.
        (to_bytes(&entry) == self.bytes).then_some(entry)
    }

    /// Its place in the chain.
    pub fn link(&self) -> Link {
        Link { number: self.number, hash: self.hash }
    }
}

/// How a chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What came before the first entry that is kept.
    pub start: Link,
    /// The last entry, as the state folder keeps it apart.
    pub head: Link,
    /// How many entries are kept.
    pub entries: u64,
    /// The first number that does not fit, if there is one.
    pub broken: Option<Broken>,
}

/// The first number of a chain that does not fit, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number.
    pub number: u64,
    /// How.
    pub fault: Fault,
}

/// How a line does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there, and a later one is.
    Missing,
    /// It is not what was written: its bytes, its place or its hash.
    Changed,
    /// It and all after it were cut off.
    CutOff,
    /// It stands after the last one.
    Added,
    /// What is kept apart, the start or the head, is not there or not what was written.
    Ends,
    /// The whole chain was written anew: it has not the head that was noted.
    NotAsNoted,
}

impl Chain {
    /// Goes through all lines, in the order of their numbers.
    pub fn examine(start: Link, head: Link, lines: impl IntoIterator<Item = Line>, noted: Option<&Noted>) -> Chain {
        let mut walk = Walk::new(start, noted);
        for line in lines {
            walk.step(&line);
        }
        walk.end(head)
    }

    /// Whether every line fits.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none()
    }
}

/// A walk along the chain, line by line.
pub(crate) struct Walk<'n> {
    start: Link,
    last: Link,
    entries: u64,
    broken: Option<Broken>,
    noted: Option<&'n Noted>,
}

impl<'n> Walk<'n> {
    pub(crate) fn new(start: Link, noted: Option<&'n Noted>) -> Walk<'n> {
        let mut walk = Walk { start, last: start, entries: 0, broken: None, noted };
        walk.compare_noted();
        walk
    }

    pub(crate) fn step(&mut self, line: &Line) {
        self.entries = self.entries.saturating_add(1);
        if self.broken.is_some() {
            return;
        }
        let next = self.last.next(&line.bytes);
        if line.number != next.number {
            // Numbers are unique and sorted: a later one stands where this one should.
            return self.breaks(next.number, Fault::Missing);
        }
        let entry = line.entry();
        let agrees =
            entry.is_some_and(|entry| entry.number == line.number && i64::from(entry.at.day().get()) == line.day);
        if line.hash != next.hash || !agrees {
            return self.breaks(line.number, Fault::Changed);
        }
        self.last = next;
        self.compare_noted();
    }

    pub(crate) fn end(mut self, head: Link) -> Chain {
        if self.broken.is_none() && self.last != head {
            let (number, fault) = match self.last.number.cmp(&head.number) {
                std::cmp::Ordering::Less => (self.last.number.saturating_add(1), Fault::CutOff),
                std::cmp::Ordering::Greater => (head.number.saturating_add(1), Fault::Added),
                std::cmp::Ordering::Equal if self.entries == 0 => (head.number, Fault::Ends),
                std::cmp::Ordering::Equal => (head.number, Fault::Changed),
            };
            self.breaks(number, fault);
        }
        if let (None, Some(noted)) = (self.broken, self.noted)
            && noted.number > self.last.number
        {
            self.breaks(self.last.number.saturating_add(1), Fault::NotAsNoted);
        }
        Chain { start: self.start, head, entries: self.entries, broken: self.broken }
    }

    fn compare_noted(&mut self) {
        if let Some(noted) = self.noted
            && noted.number == self.last.number
            && !noted.is(&self.last)
        {
            self.breaks(noted.number, Fault::NotAsNoted);
        }
    }

    fn breaks(&mut self, number: u64, fault: Fault) {
        self.broken = Some(Broken { number, fault });
    }
}

impl Broken {
    /// What was found.
    pub fn words(&self) -> Words<String> {
        let number = self.number;
        let (zh, en) = match self.fault {
            Fault::Missing => (format!("第 {number} 条不见了"), format!("line {number} is missing")),
            Fault::Changed => (
                format!("第 {number} 条不是原来的内容或不在原来的位置"),
                format!("line {number} is not what was written there"),
            ),
            Fault::CutOff => {
                (format!("第 {number} 条及其后的记录被删去"), format!("line {number} and all after it were cut off"))
            }
            Fault::Added => {
                (format!("第 {number} 条是后来添加的"), format!("line {number} was added after the last one"))
            }
            Fault::Ends => (
                format!("第 {number} 条之后的起止标记被改动"),
                format!("what marks the ends of the chain was changed, at line {number}"),
            ),
            Fault::NotAsNoted => (
                format!("第 {number} 条与另处记下的校验值不符，整个记录可能被重写"),
                format!("line {number} has not the hash that was noted elsewhere: the whole may have been rewritten"),
            ),
        };
        Words { zh, en }
    }
}

// ---- Bytes

fn to_bytes(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    // Writing to a vector cannot fail.
    let _ = write(entry, &mut Encoder::new(&mut bytes));
    bytes
}

type Written = Result<(), WriteError<core::convert::Infallible>>;

fn write(entry: &Entry, to: &mut Encoder<&mut Vec<u8>>) -> Written {
    let members = match &entry.what {
        What::Check(_) => 13,
        What::Compared { .. } | What::Revealed { .. } => 5,
        What::PersonMismatch { .. } => 4,
        What::Exported { .. } => 6,
    };
    to.array(members)?.u64(entry.number)?.u64(entry.at.seconds())?.str(entry.what.word())?;
    match &entry.what {
        What::Check(checked) => {
            to.str(checked.outcome.word())?.str(checked.reason.code())?;
            to.encode(checked.assurance.map(Assurance::word))?;
            to.encode(checked.trust_version)?.encode(checked.trust_age_secs)?;
            to.encode(checked.status_list)?.encode(checked.status_age_secs)?;
            to.str(checked.by.word())?;
            match &checked.permit {
                Some(hash) => to.bytes(&hash.0)?,
                None => to.null()?,
            };
            to.encode(checked.waited_ms)?;
        }
        What::Compared { check, matched } => {
            to.u64(*check)?.bool(*matched)?;
        }
        What::Revealed { check, why } => {
            to.u64(*check)?.str(why.word())?;
        }
        What::PersonMismatch { check } => {
            to.u64(*check)?;
        }
        What::Exported { format, from, to: last } => {
            to.str(format.word())?.str(&from.to_string())?.str(&last.to_string())?;
        }
    }
    Ok(())
}

/// Whatever is not exactly so is none of ours; which error it is does not matter.
fn of_bytes(bytes: &[u8]) -> Result<Entry, decode::Error> {
    let mut from = Decoder::new(bytes);
    from.array()?;
    let (number, at) = (from.u64()?, found(Timestamp::new(from.u64()?).ok())?);
    let what = match from.str()? {
        "check" => What::Check(Checked {
            outcome: found(outcome_of(from.str()?))?,
            reason: found(reason_of(from.str()?))?,
            assurance: match from.decode::<Option<&str>>()? {
                None => None,
                Some(word) => Some(found(assurance_of(word))?),
            },
            trust_version: from.decode()?,
            trust_age_secs: from.decode()?,
            status_list: from.decode()?,
            status_age_secs: from.decode()?,
            by: found(By::of_word(from.str()?))?,
            permit: match from.datatype()? {
                minicbor::data::Type::Null => {
                    from.null()?;
                    None
                }
                _ => Some(PermitHash(found(from.bytes()?.try_into().ok())?)),
            },
            waited_ms: from.decode()?,
        }),
        "compared" => What::Compared { check: from.u64()?, matched: from.bool()? },
        "revealed" => What::Revealed { check: from.u64()?, why: found(Why::of_word(from.str()?))? },
        "person_mismatch" => What::PersonMismatch { check: from.u64()? },
        "exported" => What::Exported {
            format: found(Format::of_word(from.str()?))?,
            from: found(Day::parse(from.str()?).ok())?,
            to: found(Day::parse(from.str()?).ok())?,
        },
        _ => return Err(decode::Error::message("another kind of entry")),
    };
    Ok(Entry { number, at, what })
}

fn found<T>(value: Option<T>) -> Result<T, decode::Error> {
    value.ok_or_else(|| decode::Error::message("a value that is never written"))
}

fn outcome_of(word: &str) -> Option<Outcome> {
    [Outcome::Accept, Outcome::Reject, Outcome::Undetermined].into_iter().find(|outcome| outcome.word() == word)
}

fn reason_of(code: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.code() == code)
}

fn assurance_of(word: &str) -> Option<Assurance> {
    [Assurance::Challenge, Assurance::Passive, Assurance::Paper].into_iter().find(|assurance| assurance.word() == word)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::{DAY, at};

    pub(crate) fn checked(reason: Reason, waited_ms: Option<u64>) -> Checked {
        Checked {
            outcome: reason.outcome(),
            reason,
            assurance: None,
            trust_version: Some(7),
            trust_age_secs: Some(-60),
            status_list: None,
            status_age_secs: None,
            by: By::Command,
            permit: None,
            waited_ms,
        }
    }

    /// One of each kind, and a check with everything.
    fn samples() -> Vec<What> {
        let day = Day::parse("2026-07-01").unwrap();
        vec![
            What::Check(checked(Reason::NotAPermitCode, None)),
            What::Check(Checked {
                assurance: Some(Assurance::Challenge),
                status_list: Some(u64::MAX),
                status_age_secs: Some(i64::MIN),
                by: By::Camera,
                permit: Some(PermitHash([0xff; 8])),
                ..checked(Reason::Valid, Some(380))
            }),
            What::Compared { check: 2, matched: false },
            What::Revealed { check: 2, why: Why::Doubt },
            What::PersonMismatch { check: 2 },
            What::Exported { format: Format::Json, from: day, to: day },
        ]
    }

    fn lines() -> Vec<Line> {
        let mut head = Link::START;
        let follow = |what| {
            let line = Line::after(&head, at(0), what);
            head = line.link();
            line
        };
        samples().into_iter().map(follow).collect()
    }

    fn broken(lines: Vec<Line>, head: Link) -> Option<(u64, Fault)> {
        Chain::examine(Link::START, head, lines, None).broken.map(|broken| (broken.number, broken.fault))
    }

    #[test]
    fn entries_are_read_back_and_have_one_encoding() {
        for (line, what) in lines().iter().zip(samples()) {
            assert_eq!(line.entry(), Some(Entry { number: line.number, at: at(0), what }));
            for end in 0..line.bytes.len() {
                assert_eq!(Line { bytes: line.bytes[..end].to_vec(), ..line.clone() }.entry(), None);
            }
            let longer = [&line.bytes[..], &[0xf6]].concat();
            assert_eq!(Line { bytes: longer, ..line.clone() }.entry(), None);
        }
        // [1, …] with the number in two bytes.
        let first = &lines()[0];
        let wide = [&first.bytes[..1], &[0x18, 0x01], &first.bytes[2..]].concat();
        assert_eq!(of_bytes(&wide).unwrap().number, 1);
        assert_eq!(Line { bytes: wide, ..first.clone() }.entry(), None);
    }

    /// What the module says, done by hand.
    #[test]
    fn the_hash_is_what_the_description_says() {
        let line = &lines()[2];
        assert_eq!(hex::encode(&line.bytes), "85031a6a44588068636f6d706172656402f4");
        let mut bytes = b"juma/1/journal".to_vec();
        bytes.extend_from_slice(&lines()[1].hash);
        bytes.extend_from_slice(&line.bytes);
        assert_eq!(line.hash, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }

    #[test]
    fn a_whole_chain_is_intact() {
        let lines = lines();
        let head = lines[5].link();
        let chain = Chain::examine(Link::START, head, lines.clone(), None);
        assert_eq!((chain.is_intact(), chain.entries, chain.head), (true, 6, head));
        assert!(Chain::examine(Link::START, Link::START, [], None).is_intact());
        // From any place on.
        let rest = lines[3..].to_vec();
        assert!(Chain::examine(lines[2].link(), head, rest, None).is_intact());
    }

    #[test]
    fn every_line_that_is_removed_shows() {
        let head = lines()[5].link();
        for number in 1..=6_u64 {
            let mut lines = lines();
            lines.retain(|line| line.number != number);
            let fault = if number == 6 { Fault::CutOff } else { Fault::Missing };
            assert_eq!(broken(lines, head), Some((number, fault)));
        }
        assert_eq!(broken(vec![], head), Some((1, Fault::CutOff)));
    }

    #[test]
    fn every_bit_that_is_changed_shows() {
        let head = lines()[5].link();
        for place in 0..6 {
            for byte in 0..lines()[place].bytes.len() {
                let mut lines = lines();
                lines[place].bytes[byte] ^= 1;
                assert_eq!(broken(lines, head), Some((place as u64 + 1, Fault::Changed)));
            }
            let mut lines = lines();
            lines[place].day += 1;
            assert_eq!(broken(lines, head), Some((place as u64 + 1, Fault::Changed)));
        }
    }

    #[test]
    fn a_changed_line_with_a_hash_to_match_shows_at_the_next_or_at_the_head() {
        let head = lines()[5].link();
        for place in 0..6 {
            let mut lines = lines();
            let before = if place == 0 { Link::START } else { lines[place - 1].link() };
            lines[place] = Line::after(&before, at(0), What::Check(checked(Reason::ValidEndorsable, None)));
            let number = if place == 5 { 6 } else { place as u64 + 2 };
            assert_eq!(broken(lines, head), Some((number, Fault::Changed)));
        }
    }

    #[test]
    fn lines_that_change_places_or_are_added_show() {
        let head = lines()[5].link();
        let mut swapped = lines();
        swapped.swap(1, 3);
        (swapped[1].number, swapped[3].number) = (2, 4);
        assert_eq!(broken(swapped, head), Some((2, Fault::Changed)));
        let mut added = lines();
        added.push(Line::after(&head, at(0), What::PersonMismatch { check: 1 }));
        assert_eq!(broken(added, head), Some((7, Fault::Added)));
        let mut inserted = lines();
        for line in &mut inserted[3..] {
            line.number += 1;
        }
        let more = Line::after(&inserted[2].link(), at(0), What::PersonMismatch { check: 1 });
        inserted.insert(3, more);
        assert_eq!(broken(inserted, head), Some((5, Fault::Changed)));
        assert_eq!(broken(vec![], Link { number: 0, hash: [1; 32] }), Some((0, Fault::Ends)));
    }

    #[test]
    fn a_chain_that_was_made_anew_shows_by_a_head_noted_elsewhere() {
        let old = lines();
        let noted = |link: Link| link.to_string().parse::<Noted>().unwrap();
        let mut head = Link::START;
        let new: Vec<Line> = (0..6)
            .map(|_| {
                let line = Line::after(&head, at(DAY), What::PersonMismatch { check: 1 });
                head = line.link();
                line
            })
            .collect();
        let examine = |noted: &Noted| Chain::examine(Link::START, head, new.clone(), Some(noted)).broken;
        assert_eq!(examine(&noted(head)), None);
        assert_eq!(examine(&noted(new[1].link())), None);
        let found = |number| Some(Broken { number, fault: Fault::NotAsNoted });
        assert_eq!(examine(&noted(old[3].link())), found(4));
        // A head that this chain has not reached.
        assert_eq!(examine(&noted(Link { number: 9, hash: [1; 32] })), found(7));
        // One from before the first entry that is kept says nothing about those.
        let late = Chain::examine(new[2].link(), head, new[3..].to_vec(), Some(&noted(old[0].link())));
        assert!(late.is_intact());
    }

    #[test]
    fn a_head_is_noted_with_sixteen_digits_or_more() {
        let head = lines()[5].link();
        let text = head.to_string();
        let noted = |text: &str| text.parse::<Noted>();
        for digits in [16, 17, 64] {
            assert!(noted(&text[..2 + digits]).unwrap().is(&head), "{digits}");
        }
        assert!(noted(&format!(" {} ", text.to_uppercase())).unwrap().is(&head));
        for wrong in [
            "",
            "6",
            "6-",
            &text[..17],
            &format!("{text}0"),
            "-6-0123456789abcdef",
            "+6-0123456789abcdef",
            "6-0123456789abcdeg",
        ] {
            assert_eq!(noted(wrong), Err(NotedError), "{wrong}");
        }
        assert!(!noted("6-0123456789abcdef").unwrap().is(&head));
    }
}
