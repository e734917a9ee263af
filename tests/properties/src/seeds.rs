//! Inputs that lead deep into the code: the vectors of `fixtures/`, and what the samples sign.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use credential_format::key::Algorithm;
use credential_format::status_list::Status;
use credential_format::text;
use holder::present::present;
use issuer::status::{StatusPeriod, StatusUri};
use serde_json::Value;
use verifier::status::StatusLists;
use verifier::trust::TrustedList;

use crate::keys::pem;
use crate::samples::{self, Sample};

/// The trust list of the samples.
pub(crate) fn trust() -> &'static TrustedList {
    static TRUST: OnceLock<TrustedList> = OnceLock::new();
    TRUST.get_or_init(samples::trust_list)
}

/// Their status list.
pub(crate) fn status() -> &'static StatusLists {
    static STATUS: OnceLock<StatusLists> = OnceLock::new();
    STATUS.get_or_init(|| samples::status_lists(trust()))
}

/// Codes of the samples that are accepted, with either algorithm.
pub(crate) fn presentation_texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let valid = Sample::all().into_iter().filter(|sample| sample.expected_status == "valid");
        let both = valid
            .flat_map(|sample| [Algorithm::Ed25519, Algorithm::Esp256].map(|algorithm| (sample.clone(), algorithm)));
        both.take(12)
            .enumerate()
            .map(|(number, (sample, algorithm))| {
                let held = sample.held(algorithm);
                let shown = present(&held, &sample.device(algorithm), samples::now(), samples::nonce(number), None);
                shown.expect("a sample is shown").text()
            })
            .collect()
    })
}

pub(crate) fn digits() -> Vec<Vec<u8>> {
    let mut texts = members("text", &["text", "typed"]);
    texts.extend(presentation_texts().iter().cloned());
    texts.into_iter().map(String::into_bytes).collect()
}

pub(crate) fn objects() -> Vec<Vec<u8>> {
    let folders = ["cbor", "permit", "presentation", "voucher", "challenge", "enrolment", "trust-list", "status-list"];
    folders.iter().flat_map(|folder| hexes(folder)).collect()
}

pub(crate) fn permits() -> Vec<Vec<u8>> {
    let issued = Sample::all().into_iter().take(6).map(|sample| sample.issue(Algorithm::Ed25519).bytes().to_vec());
    issued.chain(hexes("permit")).chain(hexes("voucher")).collect()
}

pub(crate) fn presentations() -> Vec<Vec<u8>> {
    let shown = presentation_texts().iter().map(|digits| text::decode(digits).expect("a sample").1);
    shown.chain(hexes("presentation")).chain(hexes("challenge")).collect()
}

pub(crate) fn enrolments() -> Vec<Vec<u8>> {
    hexes("enrolment")
}

pub(crate) fn trust_lists() -> Vec<Vec<u8>> {
    let mut lists = hexes("trust-list");
    lists.push(trust().bytes().to_vec());
    lists
}

/// The first is signed by the samples' issuer, and is the only one that a counter of theirs takes.
pub(crate) fn status_lists() -> Vec<Vec<u8>> {
    static SIGNED: OnceLock<Vec<u8>> = OnceLock::new();
    let signed = SIGNED.get_or_init(|| {
        let uri = StatusUri::parse(samples::STATUS_URI).expect("an address");
        let period = StatusPeriod::new(samples::issued_at(), 7 * 86_400, 86_400).expect("a period");
        let entries = [(3, Status::Cancelled), (9, Status::Suspended)];
        let list = issuer::status::sign(entries, samples::STATUS_LIST, &uri, period, &samples::issuing_key());
        list.expect("signed").bytes().to_vec()
    });
    std::iter::once(signed.clone()).chain(hexes("status-list")).collect()
}

/// zlib streams (RFC 1950) of entries.
pub(crate) fn streams() -> Vec<Vec<u8>> {
    let compressed = |bytes: &[u8], level: u32| {
        let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
        std::io::Write::write_all(&mut stream, bytes).expect("memory");
        stream.finish().expect("memory")
    };
    let sparse: Vec<u8> = (0..4_096u32).map(|n| if n % 61 == 0 { n.to_le_bytes()[0] } else { 0 }).collect();
    [0, 1, 6, 9]
        .iter()
        .flat_map(|level| [compressed(&[], *level), compressed(&[0; 300], *level), compressed(&sparse, *level)])
        .collect()
}

/// Choices of [`changed`](crate::verdicts::changed): a sample by itself, and with some changes.
pub(crate) fn changes() -> Vec<Vec<u8>> {
    (0..12)
        .flat_map(|sample| [vec![sample], vec![sample, 0, 40, 0, 3], vec![sample, 1, 0, 2, 7, 0, 9, 5, 0, 1]])
        .collect()
}

pub(crate) fn pictures() -> Vec<Vec<u8>> {
    let folder = root().join("tests/tests/hostile_pictures");
    files(&folder)
        .into_iter()
        .map(|path| std::fs::read(path).expect("a file"))
        .filter(|bytes| bytes.len() < 100_000)
        .collect()
}

pub(crate) fn key_files() -> Vec<Vec<u8>> {
    let sound = pem("PRIVATE KEY", &ed25519_pkcs8());
    let older = sound.replace("PRIVATE KEY", "EC PRIVATE KEY");
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &encrypted_pkcs8());
    let public =
        pem("PUBLIC KEY", &[[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0].as_slice(), &[7; 32]].concat());
    let twice = format!("{sound}{sound}");
    // What the refusal of this file says, in the file.
    let own_words = format!("key.pem holds other text before or after the key\n{sound}");
    [sound, older, encrypted, public, twice, own_words, "no key at all\n".into()].map(String::into_bytes).into()
}

pub(crate) fn pkcs8() -> Vec<Vec<u8>> {
    vec![ed25519_pkcs8(), p256_pkcs8(), encrypted_pkcs8()]
}

/// RFC 8410 section 7.
fn ed25519_pkcs8() -> Vec<u8> {
    [[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20].as_slice(), &[7; 32]].concat()
}

/// RFC 5915 in RFC 5208, without the public half.
fn p256_pkcs8() -> Vec<u8> {
    let head = hex::decode("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420").expect("hex");
    [head.as_slice(), &[7; 32]].concat()
}

/// PBES2 with PBKDF2 and AES-256-CBC (RFC 8018 appendix A.4); what is encrypted is nothing.
fn encrypted_pkcs8() -> Vec<u8> {
    let algorithms = hex::decode(concat!(
        "305f06092a864886f70d01050d3052303106092a864886f70d01050c302404100102030405060708090a0b0c0d0e0f1002030927c0",
        "300c06082a864886f70d02090500301d060960864801650304012a04100102030405060708090a0b0c0d0e0f10",
    ))
    .expect("hex");
    let secret = [[4u8, 0x40].as_slice(), &[9; 64]].concat();
    let length = u8::try_from(algorithms.len() + secret.len()).expect("less than 256");
    [[0x30, 0x81, length].as_slice(), &algorithms, &secret].concat()
}

pub(crate) fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<String> = Sample::all().into_iter().map(|sample| sample.holder.name).collect();
    texts.extend(
        [
            "<script>alert(1)</script>",
            "a&amp;b 'c' \"d\"",
            "\u{1b}]0;title\u{7}",
            "\u{202e}txt.exe",
            "{\"a\":\"\\u0000\"}",
        ]
        .map(str::to_owned),
    );
    texts.into_iter().map(String::into_bytes).collect()
}

/// Choices of [`ledger`](crate::ledger::ledger): days of an office.
pub(crate) fn histories() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 0, 0, 1, 1, 4, 0, 6, 90, 0, 4, 0],
        vec![0, 1, 1, 0, 1, 1, 0, 7, 0, 1, 1, 0, 1, 1, 0, 3, 2, 0, 1, 0, 0, 0, 1, 4, 0],
        vec![0, 0, 1, 2, 1, 2, 0, 5, 0, 0, 0, 0, 1, 5, 3, 1, 2, 1, 0, 4, 0, 4, 0, 6, 200, 255, 4, 0],
        vec![0, 2, 2, 0, 1, 1, 3, 2, 1, 0, 2, 2, 0, 1, 1, 3, 2, 1, 3, 3, 1, 0, 0, 0, 7, 3, 0, 0, 0, 0],
    ]
}

/// The bytes of all vectors of a folder.
fn hexes(folder: &str) -> Vec<Vec<u8>> {
    members(folder, &["bytes"]).iter().map(|text| hex::decode(text).expect("hex")).collect()
}

fn members(folder: &str, names: &[&str]) -> Vec<String> {
    files(&root().join("fixtures").join(folder))
        .into_iter()
        .flat_map(|path| {
            let vector: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
            names.iter().filter_map(|name| vector[*name].as_str().map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect()
}

/// Sorted, so that every run sees the same.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
