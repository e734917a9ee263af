//! `index.json`: which lists a server has.
//!
//! ```json
//! {"v":1,"made_at":"2026-07-01T09:00:00+08:00",
//!  "trust":[{"path":"trust/7.cose","version":7,"bytes":3104,"sha256":"…"}],
//!  "status":[{"path":"status/TIANHE/1.cwt","subject":"https://status.example.cn/tianhe/1",
//!             "issued_at":"2026-07-01T09:00:00+08:00","bytes":31403,"sha256":"…"}]}
//! ```
//!
//! It is not signed. Who changes it can keep lists from being fetched, as whoever can stop the connection, and nothing else: every list is
//! checked for itself. Members that are not named here are passed over, so that later ones do not stop this verifier.

use std::collections::BTreeSet;

use credential_format::limits::{STATUS_URI_BYTES_MAX, TRUST_VERSION_MAX};
use credential_format::timestamp::Timestamp;
use serde::Deserialize;

use crate::state::ListKind;

/// Bytes of an index: 10,000 files of 400 bytes each. 3,000 issuers with one list each need 0.8 MB.
pub const INDEX_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Files of an index.
pub const FILES_MAX: usize = 10_000;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 200;

/// An index that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    files: Vec<File>,
}

/// A file of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is, from the folder of the index: segments of `A-Z a-z 0-9 . _ -` that do not begin with a dot.
    pub path: String,
    /// What it is said to be.
    pub kind: ListKind,
    /// The SHA-256 that it is said to have, in hexadecimal.
    pub sha256: String,
}

/// Why a text is no index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not JSON, or of another shape.
    #[error("index.json cannot be read ({0}); report it to who publishes the lists")]
    Malformed(String),
    /// Another version of the form.
    #[error("index.json has the form {0}, and this verifier knows form 1; update the verifier")]
    Form(u64),
    /// A path that leads elsewhere.
    #[error(
        "index.json names the file {0:?}, and only plain paths in its own folder are fetched; report it to who publishes the lists"
    )]
    Path(String),
    /// A file twice.
    #[error("index.json names the file {0} twice; report it to who publishes the lists")]
    Twice(String),
    /// Too many.
    #[error("index.json names more than {FILES_MAX} files; report it to who publishes the lists")]
    TooMany,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// [`IndexError`]: one wrong entry, and none of it is used.
    pub fn parse(bytes: &[u8]) -> Result<Index, IndexError> {
        #[derive(Deserialize)]
        struct Form {
            v: u64,
        }
        // What the server wrote may stand in the words of the parser, at any length.
        let malformed = |error: serde_json::Error| IndexError::Malformed(error.to_string().chars().take(120).collect());
        let Form { v } = serde_json::from_slice(bytes).map_err(malformed)?;
        if v != 1 {
            return Err(IndexError::Form(v));
        }
        let raw: Raw = serde_json::from_slice(bytes).map_err(malformed)?;
        Timestamp::parse(&raw.made_at).map_err(|_| wrong("made_at"))?;
        if raw.trust.len().saturating_add(raw.status.len()) > FILES_MAX {
            return Err(IndexError::TooMany);
        }
        let trust = raw.trust.into_iter().map(RawTrust::read);
        let status = raw.status.into_iter().map(RawStatus::read);
        let files = trust.chain(status).collect::<Result<Vec<_>, _>>()?;
        let mut paths = BTreeSet::new();
        match files.iter().find(|file| !paths.insert(file.path.as_str())) {
            Some(file) => Err(IndexError::Twice(file.path.clone())),
            None => Ok(Index { files }),
        }
    }

    /// The files that a verifier with this trust list, or none, has use for: no trust list that is older than its own.
    pub fn needed(&self, trust_in_use: Option<u64>) -> impl Iterator<Item = File> + '_ {
        let older = move |kind: &ListKind| matches!(kind, ListKind::Trust { version } if *version < trust_in_use);
        self.files.iter().filter(move |file| !older(&file.kind)).cloned()
    }
}

#[derive(Deserialize)]
struct Raw {
    made_at: String,
    trust: Vec<RawTrust>,
    status: Vec<RawStatus>,
}

#[derive(Deserialize)]
struct RawTrust {
    path: String,
    version: u64,
    bytes: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct RawStatus {
    path: String,
    subject: String,
    issued_at: String,
    bytes: u64,
    sha256: String,
}

impl RawTrust {
    fn read(self) -> Result<File, IndexError> {
        if !(1..=TRUST_VERSION_MAX).contains(&self.version) {
            return Err(wrong("version"));
        }
        file(self.path, ".cose", ListKind::Trust { version: Some(self.version) }, self.bytes, self.sha256)
    }
}

impl RawStatus {
    fn read(self) -> Result<File, IndexError> {
        Timestamp::parse(&self.issued_at).map_err(|_| wrong("issued_at"))?;
        if self.subject.len() > STATUS_URI_BYTES_MAX + 24 || !self.subject.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("subject"));
        }
        file(self.path, ".cwt", ListKind::Status { subject: Some(self.subject) }, self.bytes, self.sha256)
    }
}

fn file(path: String, end: &str, kind: ListKind, bytes: u64, sha256: String) -> Result<File, IndexError> {
    if !is_plain(&path) || !path.ends_with(end) {
        return Err(IndexError::Path(path.chars().take(80).collect()));
    }
    if bytes == 0 {
        return Err(wrong("bytes"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(wrong("sha256"));
    }
    Ok(File { path, kind, sha256 })
}

fn wrong(member: &str) -> IndexError {
    IndexError::Malformed("wrong value of ".to_owned() + member)
}

/// Down from here, and nothing that a server or a file system could read in another way.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    path.len() <= PATH_BYTES_MAX
        && path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn index() -> Value {
        let sha256 = "0123456789abcdef".repeat(4);
        json!({
            "v": 1,
            "made_at": "2026-07-01T09:00:00+08:00",
            "trust": [
                { "path": "trust/6.cose", "version": 6, "bytes": 1, "sha256": sha256 },
                { "path": "trust/7.cose", "version": 7, "bytes": 2, "sha256": sha256 },
                { "path": "trust/8.cose", "version": 8, "bytes": 3, "sha256": sha256 },
            ],
            "status": [{
                "path": "status/TIANHE/1.cwt", "subject": "https://status.example.cn/tianhe/1",
                "issued_at": "2026-07-01T09:00:00+08:00", "bytes": 4, "sha256": sha256,
            }],
        })
    }

    fn parsed(index: &Value) -> Result<Index, IndexError> {
        Index::parse(index.to_string().as_bytes())
    }

    fn with(place: &str, value: Value) -> Result<Index, IndexError> {
        let mut index = index();
        *index.pointer_mut(place).unwrap() = value;
        parsed(&index)
    }

    #[test]
    fn trust_lists_that_are_older_are_not_needed() {
        let index = parsed(&index()).unwrap();
        let needed = |own| index.needed(own).map(|file| file.path).collect::<Vec<_>>();
        let all = ["trust/6.cose", "trust/7.cose", "trust/8.cose", "status/TIANHE/1.cwt"];
        assert_eq!(needed(None), all);
        assert_eq!(needed(Some(6)), all);
        assert_eq!(needed(Some(7)), all[1..]);
        assert_eq!(needed(Some(8)), all[2..]);
        assert_eq!(needed(Some(9)), all[3..]);
        let kinds: Vec<_> = index.needed(Some(8)).map(|file| file.kind).collect();
        let subject = "https://status.example.cn/tianhe/1".to_owned();
        assert_eq!(kinds, [ListKind::Trust { version: Some(8) }, ListKind::Status { subject: Some(subject) }]);
    }

    #[test]
    fn later_members_are_passed_over_and_later_forms_are_not() {
        let mut later = index();
        later["signature"] = json!("…");
        later["trust"][0]["zstd"] = json!(true);
        assert_eq!(parsed(&later), parsed(&index()));
        assert_eq!(with("/v", json!(2)), Err(IndexError::Form(2)));
        assert_eq!(parsed(&json!({ "v": 3 })), Err(IndexError::Form(3)));
    }

    #[test]
    fn only_plain_paths_in_the_folder() {
        for path in ["a.cose", "a/b/c/d.cose", "A-Z_0.9/x.cose", &format!("{}.cose", "x".repeat(195))] {
            assert!(with("/trust/0/path", json!(path)).is_ok(), "{path}");
        }
        for path in [
            "",
            "/a.cose",
            "../a.cose",
            "a/../b.cose",
            "a/./b.cose",
            "./a.cose",
            "a//b.cose",
            "a/",
            "a/.b.cose",
            ".cose",
            "https://other/a.cose",
            "//other/a.cose",
            "a.cose?b.cose",
            "a%2e.cose",
            "a\\b.cose",
            "a b.cose",
            "甲.cose",
            "C:a.cose",
            "a.cose\u{0}",
            "a.cwt",
            "a",
            "a.COSE",
            &format!("{}.cose", "x".repeat(196)),
        ] {
            assert!(matches!(with("/trust/0/path", json!(path)), Err(IndexError::Path(_))), "{path:?}");
        }
        assert!(matches!(with("/status/0/path", json!("status/1.cose")), Err(IndexError::Path(_))));
        assert_eq!(with("/trust/1/path", json!("trust/6.cose")), Err(IndexError::Twice("trust/6.cose".into())));
    }

    #[test]
    fn every_member_has_its_form() {
        for (place, values) in [
            ("/made_at", vec![json!(1), json!("yesterday"), Value::Null]),
            ("/trust", vec![json!({}), Value::Null]),
            ("/status", vec![json!("x")]),
            ("/trust/0", vec![json!([]), json!({})]),
            ("/trust/0/version", vec![json!(0), json!(4_294_967_296_u64), json!(-1), json!(1.5), json!("7")]),
            ("/trust/0/bytes", vec![json!(0), json!(-1), json!("1")]),
            ("/trust/0/sha256", vec![json!(""), json!("0".repeat(63)), json!("0".repeat(65)), json!("A".repeat(64))]),
            ("/status/0/issued_at", vec![json!("2026-07-01"), json!(1_782_867_600)]),
            ("/status/0/subject", vec![json!("a b"), json!("\u{1b}[2J"), json!("x".repeat(281)), Value::Null]),
            ("/v", vec![json!("1"), Value::Null]),
        ] {
            for value in values {
                let read = with(place, value.clone());
                assert!(matches!(read, Err(IndexError::Malformed(_))), "{place} {value}: {read:?}");
            }
        }
        assert!(with("/trust/0/version", json!(4_294_967_295_u64)).is_ok());
        assert!(with("/status/0/subject", json!("x".repeat(280))).is_ok());
        for text in
            ["", "{", "[]", "null", "<html>", "{\"v\":1}", "{\"v\":1,\"made_at\":\"2026-07-01T09:00:00+08:00\"}"]
        {
            assert!(matches!(Index::parse(text.as_bytes()), Err(IndexError::Malformed(_))), "{text}");
        }
        let deep = format!("{{\"v\":1,\"x\":{}", "[".repeat(100_000));
        assert!(matches!(Index::parse(deep.as_bytes()), Err(IndexError::Malformed(_))));
    }

    #[test]
    fn ten_thousand_files_fit_and_no_more() {
        let many = |count: usize| {
            let mut index = index();
            let entry = index["status"][0].clone();
            let entries = (0..count - 3).map(|number| {
                let mut entry = entry.clone();
                entry["path"] = json!(format!("status/ISSUER-{number}/1.cwt"));
                entry
            });
            index["status"] = entries.collect();
            index.to_string()
        };
        let text = many(FILES_MAX);
        assert!(text.len() < INDEX_BYTES_MAX, "{}", text.len());
        assert_eq!(Index::parse(text.as_bytes()).map(|index| index.needed(None).count()), Ok(FILES_MAX));
        assert_eq!(Index::parse(many(FILES_MAX + 1).as_bytes()), Err(IndexError::TooMany));
    }
}
