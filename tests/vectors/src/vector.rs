//! The shapes of the files in `fixtures/`: what the writer writes and the runner reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sample_permits::fixtures_folder;

/// One vector: one file, one fault (or none). The folder is the layer that must refuse it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of the folders")]
pub enum Vector {
    Text(TextVector),
    Cbor(ObjectVector),
    Permit(ObjectVector),
    Presentation(ObjectVector),
    Voucher(ObjectVector),
    Challenge(ObjectVector),
    Enrolment(ObjectVector),
    TrustList(ListVector),
    StatusList(ListVector),
    Lifecycle(VerdictVector),
    Verdict(VerdictVector),
}

/// What must come of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of a verdict's outcomes")]
pub enum Expect {
    Accept,
    Reject,
    Undetermined,
}

/// Text to bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextVector {
    /// What is wrong with it, or why it is right.
    pub why: String,
    /// What must come of it.
    pub outcome: Expect,
    /// The error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a keyboard typed, where that differs from `text`, which the input layer must make of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// The text.
    pub text: String,
    /// The kind that it holds, when accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<u8>,
    /// The bytes that it holds, in hex, when accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

/// Bytes to an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectVector {
    /// What is wrong with it, or why it is right.
    pub why: String,
    /// What must come of it.
    pub outcome: Expect,
    /// The error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the bytes are to be: `item` (any CBOR), `permit`, `presentation`, `challenge`, `enrolment`, `trust-list`, `status-list`.
    pub object: String,
    /// The object's bytes in hex.
    pub bytes: String,
    /// The digits of the code that carries it, where a code does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A trust list or a status list that is offered to a verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListVector {
    /// What is wrong with it, or why it is right.
    pub why: String,
    /// What must come of it.
    pub outcome: Expect,
    /// The refusal's code; `UNCHANGED` when the list is accepted and is the one in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The code of the refusal's cause, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The clock.
    pub now: String,
    /// The world whose trust list is in use; none when a trust list is to be the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
    /// For a first trust list: the thumbprint of the root key that was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// For a status list: the one in use, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The list's bytes in hex.
    pub bytes: String,
}

/// A frame that is shown to a verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictVector {
    /// What is wrong with it, or why it is right.
    pub why: String,
    /// What must come of it.
    pub outcome: Expect,
    /// The verdict's reason code.
    pub code: String,
    /// The large word on the screen.
    pub title_zh: String,
    /// How the holder was tied to the code: `challenge`, `passive`, `paper`, or none.
    pub assurance: Option<String>,
    /// Whether the remedy can make this permit acceptable.
    pub curable: bool,
    /// The step of SPEC section 8 that decides.
    pub step: u8,
    /// What the verifier knows: `worlds/NAME.json`.
    pub world: String,
    /// The clock.
    pub now: String,
    /// Limits of time that differ from the defaults, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, i64>,
    /// Whether the counter asked for an answer.
    pub asked: Asked,
    /// The replay guard.
    pub guard: Guard,
    /// Scans before this one, with the same guard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<EarlierScan>,
    /// The texts of all codes in the frame.
    pub frame: Vec<String>,
    /// The dates that the region's rule gives for this permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<RuleDates>,
}

/// What the counter asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are those of the verifier's `Asked`")]
pub enum Asked {
    Nothing,
    Challenge { counter: String, cnonce: String, age_secs: u64 },
    UsedChallenge,
    ForeignChallenge,
}

/// The replay guard at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Has room.
    Empty,
    /// Has room for no sighting.
    Full,
    /// Cannot record, as with a full disk.
    Unavailable,
}

/// A scan before the one that the vector is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "as in VerdictVector")]
pub struct EarlierScan {
    pub now: String,
    pub asked: Asked,
    pub frame: Vec<String>,
    pub code: String,
}

/// What the region's rule makes of the permit's dates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say all")]
pub struct RuleDates {
    pub endorsed_until: String,
    pub window_open: String,
    pub window_close: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_cancel_on: Option<String>,
}

/// What a verifier knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// What it is for.
    pub about: String,
    /// Says that all keys are for tests.
    pub keys_note: String,
    /// The trust list, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_list: Option<String>,
    /// The thumbprint of the root key that was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// When the trust list was taken.
    pub taken_at: String,
    /// The status lists, in hex.
    pub status_lists: Vec<String>,
    /// The trust list that the status lists were taken with, in hex, where that is an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_lists_taken_with: Option<String>,
    /// The newest time that a root or status key has signed and this verifier has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_signed_time: Option<String>,
    /// Limits of time that differ from the defaults, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, i64>,
    /// The issuers' keys by kid, for readers.
    pub keys: BTreeMap<String, String>,
}

impl Vector {
    /// The folder it stands in.
    pub fn folder(&self) -> &'static str {
        match self {
            Vector::Text(_) => "text",
            Vector::Cbor(_) => "cbor",
            Vector::Permit(_) => "permit",
            Vector::Presentation(_) => "presentation",
            Vector::Voucher(_) => "voucher",
            Vector::Challenge(_) => "challenge",
            Vector::Enrolment(_) => "enrolment",
            Vector::TrustList(_) => "trust-list",
            Vector::StatusList(_) => "status-list",
            Vector::Lifecycle(_) => "lifecycle",
            Vector::Verdict(_) => "verdict",
        }
    }

    /// All folders, in the order in which a verifier meets the layers.
    pub const FOLDERS: [&'static str; 11] = [
        "text",
        "cbor",
        "permit",
        "presentation",
        "voucher",
        "challenge",
        "enrolment",
        "trust-list",
        "status-list",
        "lifecycle",
        "verdict",
    ];

    /// What is wrong with it, or why it is right.
    pub fn why(&self) -> &str {
        match self {
            Vector::Text(v) => &v.why,
            Vector::Cbor(v)
            | Vector::Permit(v)
            | Vector::Presentation(v)
            | Vector::Voucher(v)
            | Vector::Challenge(v)
            | Vector::Enrolment(v) => &v.why,
            Vector::TrustList(v) | Vector::StatusList(v) => &v.why,
            Vector::Lifecycle(v) | Vector::Verdict(v) => &v.why,
        }
    }

    /// What must come of it.
    pub fn outcome(&self) -> Expect {
        match self {
            Vector::Text(v) => v.outcome,
            Vector::Cbor(v)
            | Vector::Permit(v)
            | Vector::Presentation(v)
            | Vector::Voucher(v)
            | Vector::Challenge(v)
            | Vector::Enrolment(v) => v.outcome,
            Vector::TrustList(v) | Vector::StatusList(v) => v.outcome,
            Vector::Lifecycle(v) | Vector::Verdict(v) => v.outcome,
        }
    }

    /// The code that must be given; none when a lower layer accepts.
    pub fn code(&self) -> Option<&str> {
        match self {
            Vector::Text(v) => v.code.as_deref(),
            Vector::Cbor(v)
            | Vector::Permit(v)
            | Vector::Presentation(v)
            | Vector::Voucher(v)
            | Vector::Challenge(v)
            | Vector::Enrolment(v) => v.code.as_deref(),
            Vector::TrustList(v) | Vector::StatusList(v) => v.code.as_deref(),
            Vector::Lifecycle(v) | Vector::Verdict(v) => Some(&v.code),
        }
    }

    /// Reads all vectors, by `folder/name`.
    pub fn load_all() -> BTreeMap<String, Vector> {
        Vector::FOLDERS.iter().flat_map(|folder| load_folder(folder)).collect()
    }
}

impl World {
    /// Reads all worlds, by name.
    pub fn load_all() -> BTreeMap<String, World> {
        load_folder("worlds").into_iter().map(|(name, world)| (name["worlds/".len()..].to_owned(), world)).collect()
    }
}

/// A vector's or a world's file, as text.
pub fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).expect("a JSON text") + "\n"
}

fn load_folder<T: for<'d> Deserialize<'d>>(folder: &str) -> BTreeMap<String, T> {
    let path = fixtures_folder().join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    entries
        .map(|entry| {
            let file = entry.expect("an entry of the folder").path();
            (format!("{folder}/{}", stem(&file)), load(&file))
        })
        .collect()
}

fn load<T: for<'d> Deserialize<'d>>(file: &Path) -> T {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn stem(file: &Path) -> String {
    let stem = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
    stem.unwrap_or_else(|| panic!("{}: not a .json file", file.display())).to_owned()
}
