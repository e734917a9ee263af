//! The sample permits of `fixtures/permits.json`. All persons, addresses and numbers in it are invented.

use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct SamplePermits {
    /// Twenty permits.
    pub permits: Vec<Sample>,
    /// Citizen ID numbers that are refused at the counter.
    pub reject_inputs: Vec<RejectInput>,
    /// Forty days in the life of a permit.
    pub lifecycle_vectors: Vec<LifecycleDay>,
}

/// One permit.
#[derive(Clone, Debug, Deserialize)]
pub struct Sample {
    /// 1 to 20.
    pub no: u64,
    /// The region: guangdong, guangzhou, zhuhai, shenzhen, wenzhou.
    pub profile: String,
    /// Whose it is.
    pub holder: Holder,
    /// Where the holder lives.
    pub residence: Residence,
    /// Its dates.
    pub permit: Dates,
    /// How it stands on 2026-07-01.
    pub expected_status: String,
    /// `auto_two_years` where the calendar has cancelled it; what people did stands with the dates.
    pub cancel_reason: Option<String>,
}

/// A holder.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub struct Holder {
    pub name: String,
    pub sex: String,
    pub ethnicity_code: String,
    pub birth_date: String,
    pub citizen_id: String,
    pub household_division: String,
    pub household_address: String,
}

/// A residence.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub struct Residence {
    pub division: String,
    pub address: String,
}

/// The dates of a permit, `YYYY-MM-DD`.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub struct Dates {
    pub issue_date: String,
    pub endorsement_anchor: String,
    pub valid_until: String,
    pub window_open: String,
    pub window_close: String,
    pub auto_cancel_on: Option<String>,
    pub cancel_reason: Option<String>,
}

/// A citizen ID number that is refused.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub struct RejectInput {
    pub citizen_id: String,
    pub reject_code: String,
    pub why: String,
}

/// One day in the life of a permit.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub struct LifecycleDay {
    pub profile: String,
    pub anchor: String,
    pub years: u32,
    pub as_of: String,
    pub status: String,
    pub valid_until: String,
    pub window_open: String,
    pub window_close: String,
    pub auto_cancel_on: Option<String>,
}

impl SamplePermits {
    /// Reads `fixtures/permits.json`.
    pub fn load() -> SamplePermits {
        let path = fixtures_folder().join("permits.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The permit with this number, 1 to 20.
    pub fn permit(&self, no: u64) -> &Sample {
        self.permits.iter().find(|sample| sample.no == no).expect("a sample of that number")
    }
}

/// The folder `fixtures`.
pub fn fixtures_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}
