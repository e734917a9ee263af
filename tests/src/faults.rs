//! What tests of faults have in common: settings, dice, and accounts that are kept beside the product, of the codes that were answered
//! ([`Account`]) and of the permits that a ledger and a folder hold ([`Stored`]).

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use command_line::key_file::{PublicKeyBytes, load_public};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::permit::UnverifiedPermit;
use credential_format::residence_code::ResidenceCode;

use serde_json::Value;

use crate::commands::{Ran, World, request};
use crate::sample_permits::SamplePermits;

/// A number from the environment.
pub fn setting(name: &str, ordinary: u64) -> u64 {
    std::env::var(name).map_or(ordinary, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Moments and amounts, from a seed that is printed: the same seed, the same throws.
pub struct Dice(u64);

impl Dice {
    /// With the seed of `JUMA_FAULT_SEED`, otherwise one of the clock.
    pub fn from_settings(name: &str) -> Dice {
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64);
        let seed = setting("JUMA_FAULT_SEED", clock).max(1);
        println!("{name}: JUMA_FAULT_SEED={seed}");
        Dice(seed)
    }

    /// Marsaglia's xorshift, 64 bits.
    pub fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A time below this one.
    pub fn duration(&mut self, below: Duration) -> Duration {
        let micros = u64::try_from(below.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.throw() % micros)
    }
}

/// The reason of a verdict.
pub fn reason(ran: &Ran) -> String {
    ran.json()["reason"].as_str().unwrap_or_else(|| panic!("no verdict: {ran}")).to_owned()
}

/// The reason of a verdict, or the code of a refusal.
pub fn reason_or_code(ran: &Ran) -> String {
    let answer = ran.json();
    let said = answer["reason"].as_str().or_else(|| answer["error"]["code"].as_str());
    said.unwrap_or_else(|| panic!("neither a verdict nor a refusal: {ran}")).to_owned()
}

/// The public key of an issuer.
pub fn public_key(path: &Path) -> PublicKey {
    match load_public(path).expect("a key") {
        PublicKeyBytes::Ed25519(bytes) => PublicKey::try_from(&CoseKey::Ed25519(bytes)).expect("a key"),
        PublicKeyBytes::P256Compressed(_) => panic!("issuers sign with Ed25519"),
    }
}

/// The permits in a folder, by their file names.
pub fn permits_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut permits = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return permits };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "permit") {
            let bytes = fs::read(&path).expect("read");
            permits.insert(PathBuf::from(path.file_name().expect("a name")), bytes);
        }
    }
    permits
}

/// A permit as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The residence code, as a number.
    pub code: i64,
    /// 1 for the first of a residence code.
    pub version: i64,
    /// Its status list.
    pub list: i64,
    /// Its place there.
    pub slot: i64,
    /// Shown live, and written as a file `.permit`; otherwise printed, and signed with another key.
    pub is_live: bool,
    /// 0 valid, 1 cancelled, 2 suspended, 3 superseded.
    pub status: u8,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// All permits of a ledger, by code and version; none of a ledger that was never made whole. The ledger is read in a copy: what a killed
    /// process left is for the product to mend, and not for its examiner.
    ///
    /// # Panics
    /// When the database is damaged.
    pub fn all(ledger: &Path) -> Vec<Stored> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join("ledger.sqlite3");
        for ending in ["", "-wal", "-journal"] {
            let named = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
            if named(ledger).exists() {
                fs::copy(named(ledger), named(&copy)).expect("copied");
            }
        }
        if !copy.exists() {
            return Vec::new();
        }
        let ledger = rusqlite::Connection::open(copy).expect("the ledger");
        let whole: String = ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(whole, "ok");
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'permit'";
        if ledger.query_row(tables, [], |row| row.get::<_, i64>(0)).expect("counted") == 0 {
            return Vec::new();
        }
        let mut rows = ledger
            .prepare("SELECT residence_code, version, list, slot, kind = 1, status, bytes FROM permit ORDER BY 1, 2")
            .expect("the table");
        let rows = rows.query_map([], |row| {
            let (code, version, list, slot) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Stored { code, version, list, slot, is_live: row.get(4)?, status: row.get(5)?, bytes: row.get(6)? })
        });
        rows.expect("rows").collect::<Result<_, _>>().expect("rows")
    }

    fn is_in_force(&self) -> bool {
        matches!(self.status, 0 | 2)
    }

    /// The name of its file.
    pub fn file_name(&self) -> PathBuf {
        PathBuf::from(format!("{}.permit", self.code))
    }

    /// What is wrong with permits in a ledger, whatever happened to those who wrote it: each is signed and says what its columns say; no slot is
    /// used twice, no version given twice, and of one residence code one permit at most is in force.
    pub fn faults(permits: &[Stored], key: &PublicKey) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut slots, mut versions, mut in_force) = (HashSet::new(), HashSet::new(), HashSet::new());
        for stored in permits {
            let Stored { code, version, list, slot, .. } = stored;
            if !slots.insert((list, slot)) {
                faults.push(format!("slot {slot} of list {list} is used twice"));
            }
            if !versions.insert((code, version)) {
                faults.push(format!("version {version} of {code} was given twice"));
            }
            if stored.is_in_force() && !in_force.insert((code, stored.is_live)) {
                faults.push(format!("two permits of {code} are in force"));
            }
            match signed(&stored.bytes, key) {
                None if !stored.is_live => {}
                None => faults.push(format!("version {version} of {code} is no signed permit")),
                Some(said) if said != [*code, *list, *slot] => {
                    faults.push(format!("version {version} of {code} stands in the ledger with other numbers"));
                }
                Some(_) => {}
            }
        }
        faults
    }

    /// What is wrong with the files of a folder beside such a ledger: each is a whole, signed permit that the ledger knows. With `is_over`, which
    /// stands for an acknowledgement, each permit in force has its file.
    pub fn faults_of_files(
        permits: &[Stored],
        files: &BTreeMap<PathBuf, Vec<u8>>,
        key: &PublicKey,
        is_over: bool,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, bytes) in files {
            if signed(bytes, key).is_none() {
                faults.push(format!("{} is half a permit, or not signed", name.display()));
            }
            if !permits.iter().any(|stored| stored.file_name() == *name && stored.bytes == *bytes) {
                faults.push(format!("{} is not what the ledger has", name.display()));
            }
        }
        for stored in permits.iter().filter(|stored| is_over && stored.is_live && stored.is_in_force()) {
            if files.get(&stored.file_name()) != Some(&stored.bytes) {
                faults.push(format!("{} has no file, or another version's", stored.code));
            }
        }
        faults
    }
}

/// Residence code, list and slot of a permit with a right signature.
fn signed(bytes: &[u8], key: &PublicKey) -> Option<[i64; 3]> {
    let permit = UnverifiedPermit::parse(bytes).ok()?;
    key.verify(&permit.message(), permit.signature()).ok()?;
    let claims = permit.unverified_claims();
    Some([claims.residence_code.get(), claims.status.list, claims.status.index].map(u64::cast_signed))
}

/// The residence code of request `number` of a batch that is made for a test.
pub fn batch_code(number: u64) -> String {
    ResidenceCode::with_check(441_000_000_000_000 + number).expect("a residence code").digits()
}

/// Requests, made of the samples that are valid, each with a residence code of its own ([`batch_code`]) and the key of a device.
pub fn batch_requests(numbers: Range<u64>) -> impl Iterator<Item = Value> {
    let mut samples = SamplePermits::load().permits;
    samples.retain(|sample| sample.expected_status == "valid");
    let mut requests: Vec<Value> = samples.iter().map(request).collect();
    // RFC 8032, the public key of test 1
    let device = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    requests.iter_mut().for_each(|request| request["device_key"] = device.into());
    numbers.map(move |number| {
        let mut request = requests[usize::try_from(number).expect("small") % requests.len()].clone();
        request["residence_code"] = batch_code(number).into();
        request
    })
}

/// The same as a file, `NAME.ndjson`.
pub fn write_requests(world: &World, name: &str, numbers: Range<u64>) {
    let text: String = batch_requests(numbers).map(|request| format!("{request}\n")).collect();
    fs::write(world.path(&format!("{name}.ndjson")), text).expect("written");
}

/// What a process answered about a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A verdict or a refusal was shown.
    Said(String),
    /// It was killed before.
    Killed,
}

/// The examiner's own record of what was answered about each code, in order.
#[derive(Default)]
pub struct Account(BTreeMap<String, Vec<Answer>>);

impl Account {
    /// The next answer about a code.
    pub fn note(&mut self, code: &str, answer: Answer) {
        self.0.entry(code.to_owned()).or_default().push(answer);
    }

    /// How often something was said, about all codes together.
    pub fn count(&self, said: &str) -> usize {
        self.0.values().flatten().filter(|answer| **answer == Answer::Said(said.to_owned())).count()
    }

    /// A code is shown as valid once at most; and once it is known to be used, nobody finds it new. In the end it is used, unless nothing
    /// could be recorded.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, answers) in self.0.values().enumerate() {
            let is = |answer: &Answer, word: &str| *answer == Answer::Said(word.to_owned());
            let valid = answers.iter().filter(|answer| is(answer, "VALID")).count();
            if valid > 1 {
                faults.push(format!("code {number} was valid {valid} times: {answers:?}"));
            }
            let killed = answers.contains(&Answer::Killed);
            if valid == 0 && !killed {
                faults.push(format!("code {number} was never valid, and no process was killed: {answers:?}"));
            }
            for answer in answers {
                let known = ["VALID", "REPLAYED", "REPLAY_GUARD_UNAVAILABLE", "STATE_DISK_FULL", "STATE_IO"];
                if let Answer::Said(word) = answer
                    && !known.contains(&word.as_str())
                {
                    faults.push(format!("code {number} was answered {word}: {answers:?}"));
                }
            }
            if answers.len() > 1 && !answers.iter().any(|answer| is(answer, "REPLAYED")) {
                faults.push(format!("code {number} was never known to be used: {answers:?}"));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answers: &[&str]) -> Vec<String> {
        let mut account = Account::default();
        for word in answers {
            account.note("code", if *word == "KILLED" { Answer::Killed } else { Answer::Said((*word).to_owned()) });
        }
        account.faults()
    }

    /// A falsified account is found out.
    #[test]
    fn accounts_can_be_wrong() {
        for right in [
            &["VALID", "REPLAYED"][..],
            &["REPLAYED", "VALID", "REPLAYED"],
            &["KILLED", "VALID", "REPLAYED"],
            &["KILLED", "REPLAYED", "REPLAYED"],
            &["REPLAY_GUARD_UNAVAILABLE", "VALID", "REPLAYED"],
        ] {
            assert_eq!(of(right), [] as [String; 0], "{right:?}");
        }
        for wrong in [
            &["VALID", "VALID"][..],
            &["VALID", "REPLAYED", "VALID"],
            &["KILLED", "VALID", "VALID"],
            &["REPLAYED", "REPLAYED"],
            &["VALID", "CANCELLED"],
            &["REPLAY_GUARD_UNAVAILABLE", "REPLAY_GUARD_UNAVAILABLE"],
        ] {
            assert!(!of(wrong).is_empty(), "{wrong:?}");
        }
    }
}
