//! The sample permits, issued and held with fixed keys, and all that a verifier needs to accept them.

use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::division::DivisionPrefix;
use credential_format::key::{Algorithm, CoseKey, PublicKey, Thumbprint};
use credential_format::permit::StatusSlot;
use credential_format::region::standard_rules;
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use ed25519_dalek::{Signer as _, SigningKey};
use holder::device_key::{DeviceKey, DeviceSigner as _};
use holder::held_permit::HeldPermit;
use issuer::status::{StatusPeriod, StatusUri};
use issuer::{Device, IssuedPermit, IssuingKey, PermitRequest, RawRequest};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;

/// The status list that all samples are in.
pub const STATUS_LIST: u64 = 3;
/// Where it is published.
pub const STATUS_URI: &str = "https://status.example.cn/juma";

/// One sample permit, as `fixtures/permits.json` describes it. All persons are invented.
#[derive(Clone, Deserialize)]
pub struct Sample {
    /// Its number, from 1.
    pub no: u64,
    /// Whose it is.
    pub holder: Person,
    /// Where that person lives.
    pub residence: Residence,
    /// Its dates.
    pub permit: Dates,
    /// What a verifier says of it on the day of the samples.
    pub expected_status: String,
}

/// The holder of a sample permit.
#[derive(Clone, Deserialize)]
pub struct Person {
    /// 姓名
    pub name: String,
    /// GB/T 3304, two digits.
    pub ethnicity_code: String,
    /// 公民身份号码
    pub citizen_id: String,
    /// YYYY-MM-DD
    pub birth_date: String,
    /// 1 or 2 (GB/T 2261.1)
    pub sex_code: String,
    /// 户籍所在地, division code.
    pub household_division: String,
    /// 户籍所在地, whole.
    pub household_address: String,
}

/// 现居住地址
#[derive(Clone, Deserialize)]
pub struct Residence {
    /// Division code.
    pub division: String,
    /// Whole.
    pub address: String,
}

/// 签发日期 and 签注有效期至, YYYY-MM-DD.
#[derive(Clone, Deserialize)]
pub struct Dates {
    /// 签发日期
    pub issue_date: String,
    /// 签注有效期至
    pub valid_until: String,
}

#[derive(Deserialize)]
struct File {
    permits: Vec<Sample>,
}

impl Sample {
    /// All sample permits.
    pub fn all() -> Vec<Sample> {
        let file: File =
            serde_json::from_str(include_str!("../../fixtures/permits.json")).expect("the samples are JSON");
        file.permits
    }

    /// The residence code: invented, as the samples have none.
    pub fn residence_code(&self) -> ResidenceCode {
        ResidenceCode::with_check(440_000_000_012_000 + self.no).expect("fifteen digits")
    }

    /// Place in the status list: spread over the whole list, as issuers spread them.
    pub fn slot(&self) -> StatusSlot {
        let [a, b, c, ..] = digest(&[b"slot", &self.no.to_be_bytes()]);
        StatusSlot { list: STATUS_LIST, index: u64::from(u32::from_be_bytes([0, a, b, c]) & 0xf_ffff) }
    }

    /// The checked request for it.
    pub fn request(&self) -> PermitRequest {
        let text = |value: &str| Some(value.to_owned());
        let raw = RawRequest {
            residence_code: Some(self.residence_code().digits()),
            name: text(&self.holder.name),
            citizen_id: text(&self.holder.citizen_id),
            ethnicity: text(&self.holder.ethnicity_code),
            household_division: text(&self.holder.household_division),
            household_address: text(&self.holder.household_address),
            address_division: text(&self.residence.division),
            address: text(&self.residence.address),
            issued_on: text(&self.permit.issue_date),
            endorsed_until: text(&self.permit.valid_until),
            ..RawRequest::default()
        };
        raw.check(issued_at().day()).unwrap_or_else(|errors| panic!("sample {}: {errors:?}", self.no))
    }

    /// The device that holds it.
    pub fn device(&self, algorithm: Algorithm) -> DeviceKey {
        DeviceKey::from_secret(algorithm, &digest(&[b"device", &self.no.to_be_bytes()])).expect("a P-256 scalar")
    }

    /// The permit, issued.
    pub fn issue(&self, algorithm: Algorithm) -> IssuedPermit {
        let device = Device::try_from(&self.device(algorithm).public_key()).expect("a fit key");
        issuer::issue(&self.request(), &device, self.slot(), issued_at(), &issuing_key())
            .expect("a sample can be issued")
    }

    /// The permit in its holder's phone.
    pub fn held(&self, algorithm: Algorithm) -> HeldPermit {
        let key = self.device(algorithm).public_key();
        HeldPermit::parse(self.issue(algorithm).bytes(), &key).expect("bound to this device")
    }

    /// Whether a verifier accepts it on the day of the samples.
    pub fn is_accepted(&self) -> bool {
        self.expected_status.starts_with("valid")
    }
}

/// When the samples are signed: the day they are described for, 8:00 in Shanghai.
pub fn issued_at() -> Timestamp {
    Timestamp::parse("2026-07-01T08:00:00+08:00").expect("a time")
}

/// When they are shown and verified: two hours later.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-07-01T10:00:00+08:00").expect("a time")
}

/// The issuing authority's key.
pub fn issuing_secret() -> SigningKey {
    SigningKey::from_bytes(&digest(&[b"issuer"]))
}

/// The issuing authority's key, as the library takes it.
pub fn issuing_key() -> IssuingKey<SigningKey> {
    let secret = issuing_secret();
    let public = public(&secret);
    IssuingKey::new(secret, public).expect("an Ed25519 key")
}

/// The nonce of presentation number `number`.
pub fn nonce(number: usize) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest(&[b"nonce", &(number as u64).to_be_bytes()]);
    [a, b, c, d, e, f, g, h]
}

/// What a verifier of the samples was told once.
pub fn root() -> Thumbprint {
    public(&root_secret()).thumbprint()
}

fn root_secret() -> SigningKey {
    SigningKey::from_bytes(&digest(&[b"root"]))
}

/// A trust list with one authority that issues for Guangdong and Zhejiang, signed by one root key.
pub fn trust_list() -> TrustedList {
    let root = root_secret();
    let root_public = public(&root);
    let later = |days: u64| issued_at().checked_add(days * 86_400).expect("in range");
    let key = IssuerKey {
        key: issuing_key().public().cose_key(),
        usages: vec![Usage::Permit, Usage::Voucher, Usage::Status],
        not_before: issued_at().checked_sub(86_400).expect("in range"),
        not_after: later(3_650),
        compromised_from: None,
        specimen: false,
    };
    let list = TrustList {
        version: 7,
        issued_at: issued_at(),
        expires_at: later(30),
        roots: RootKeys::new(1, vec![root_public.cose_key()]).expect("one key"),
        issuers: vec![Issuer {
            id: CounterId::parse("SAMPLES").expect("an id"),
            name: DisplayText::parse("样例签发机关").expect("a name"),
            divisions: ["44", "33"].map(|prefix| DivisionPrefix::parse(prefix).expect("a prefix")).to_vec(),
            keys: vec![key],
            status_uri: STATUS_URI.to_owned(),
        }],
        rules: standard_rules(),
    };
    let to_sign = list.to_sign().expect("a consistent list");
    let signature = root.sign(&to_sign.message(&root_public)).to_bytes();
    TrustedList::first(&to_sign.finish(&[(root_public, signature)]), &self::root(), now()).expect("trusted")
}

/// The status list, full size, every fiftieth entry cancelled but none of the samples'.
pub fn status_lists(trust: &TrustedList) -> StatusLists {
    let slots: Vec<u64> = Sample::all().iter().map(|sample| sample.slot().index).collect();
    let entries =
        (0..1 << 20).step_by(50).filter(|index| !slots.contains(index)).map(|index| (index, Status::Cancelled));
    let uri = StatusUri::parse(STATUS_URI).expect("an address");
    let period = StatusPeriod::new(issued_at(), 7 * 86_400, 86_400).expect("a period");
    let list = issuer::status::sign(entries, STATUS_LIST, &uri, period, &issuing_key()).expect("signed");
    let mut lists = StatusLists::new();
    lists.replace(TrustedStatusList::check(list.bytes(), trust).expect("trusted"), now()).expect("newer than none");
    lists
}

/// The public half of an Ed25519 key.
pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey::try_from(&CoseKey::from(key.verifying_key())).expect("a point")
}

/// Fixed bytes that look random.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    parts
        .iter()
        .fold(Sha256::new_with_prefix(b"juma measurements"), |hash, part| hash.chain_update(part))
        .finalize()
        .into()
}
