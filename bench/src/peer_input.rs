//! What every contender of `bench/peers` is given: the sample permits, the keys for tests, and the faults that each has to build into its form.
//!
//! One file, so that nobody writes a claim or a key by hand. The permits are those that a verifier accepts on the day of the samples.

use ciborium::Value;
use credential_format::day::Day;
use credential_format::division::Division;
use credential_format::key::Algorithm;
use credential_format::permit::{Claims, StatusSlot, UnverifiedPermit};
use credential_format::place::Place;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde_json::json;

use crate::samples::{STATUS_LIST, STATUS_URI, Sample, digest, issued_at, issuing_key, issuing_secret, now, public};

/// All of it.
#[derive(Serialize)]
pub struct Input {
    /// When the codes are verified, in seconds since 1970.
    pub now: u64,
    /// The issuing authority.
    pub issuer: Key,
    /// Somebody whom no verifier knows.
    pub stranger: Key,
    /// A device that no permit is bound to.
    pub other_device: Key,
    /// The permits.
    pub permits: Vec<Permit>,
    /// What is to be refused. The first is none, and is to be accepted.
    pub faults: Vec<Fault>,
}

/// A key for tests, in hexadecimal digits. The same secret is an Ed25519 seed, and a P-256 scalar where a library takes no other key.
#[derive(Serialize)]
pub struct Key {
    /// 32 bytes.
    pub secret: String,
    /// The Ed25519 public key.
    pub public: String,
    /// The key's kid.
    pub kid: String,
}

/// One permit to be issued.
#[derive(Serialize)]
pub struct Permit {
    /// The CWT claims set, in hexadecimal digits, for libraries that sign CBOR.
    pub claims: String,
    /// The same content by name, for forms with names of their own.
    pub fields: serde_json::Value,
    /// The holder's device.
    pub device: Key,
}

/// One thing that is wrong, while all the rest is right and rightly signed.
#[derive(Serialize)]
pub struct Fault {
    /// Its name between the programs.
    pub id: &'static str,
    /// The step of SPEC section 8 that has to find it; 0 for none.
    pub step: u8,
    /// What it is, for people.
    pub says: &'static str,
    /// The reason that a verifier of ours gives.
    pub reason: &'static str,
    /// The permit; its content is wrong already where that is the fault.
    pub permit: Permit,
    /// The device's time in the presentation.
    pub shown_at: u64,
    /// When it is verified.
    pub now: u64,
}

impl Input {
    /// The same at every call.
    pub fn new() -> Input {
        Input {
            now: now().seconds(),
            issuer: key(&issuing_secret()),
            stranger: key(&stranger()),
            other_device: key(&other_device()),
            permits: accepted().iter().map(|sample| Permit::of(&claims(sample), sample)).collect(),
            faults: faults(),
        }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::new()
    }
}

impl Permit {
    fn of(claims: &Claims, sample: &Sample) -> Permit {
        Permit { claims: hex::encode(payload(claims)), fields: fields(claims), device: key(&device(sample)) }
    }
}

/// The samples that a verifier accepts.
pub fn accepted() -> Vec<Sample> {
    Sample::all().into_iter().filter(Sample::is_accepted).collect()
}

/// The device of a sample, as a bare key.
pub fn device(sample: &Sample) -> SigningKey {
    SigningKey::from_bytes(&digest(&[b"device", &sample.no.to_be_bytes()]))
}

fn stranger() -> SigningKey {
    SigningKey::from_bytes(&digest(&[b"stranger"]))
}

fn other_device() -> SigningKey {
    SigningKey::from_bytes(&digest(&[b"other device"]))
}

fn key(secret: &SigningKey) -> Key {
    Key {
        secret: hex::encode(secret.to_bytes()),
        public: hex::encode(secret.verifying_key().to_bytes()),
        kid: public(secret).kid().to_string(),
    }
}

fn claims(sample: &Sample) -> Claims {
    let permit = sample.issue(Algorithm::Ed25519);
    let parsed = UnverifiedPermit::parse(permit.bytes()).expect("a permit");
    parsed.unverified_claims().as_ref().clone()
}

/// The claims set as the issuer signs it.
fn payload(claims: &Claims) -> Vec<u8> {
    let permit = claims.to_sign(issuing_key().kid()).expect("claims that go together").finish(&[0; 64]);
    let Ok(Value::Array(parts)) = ciborium::from_reader(permit.as_slice()) else { panic!("a COSE_Sign1") };
    let Some(Value::Bytes(payload)) = parts.into_iter().nth(2) else { panic!("a payload") };
    payload
}

fn fields(claims: &Claims) -> serde_json::Value {
    let place = |place: &Place| json!({"division": place.division().to_string(), "address": place.to_address()});
    let mut fields = json!({
        "iat": claims.issued_at.seconds(),
        "exp": claims.expires_at.seconds(),
        "residence_code": claims.residence_code.digits(),
        "name": claims.name.as_str(),
        "citizen_id": claims.citizen_id.to_string(),
        "ethnicity": format!("{:02}", claims.ethnicity.code()),
        "household": place(&claims.household),
        "address": place(&claims.address),
        "issued_on": claims.issued_on.to_string(),
        "endorsed_until": claims.endorsed_until.to_string(),
        "status": {"list": claims.status.list, "index": claims.status.index, "uri": format!("{STATUS_URI}/{STATUS_LIST}")},
    });
    for (number, _) in &claims.unknown_extensions {
        fields[format!("extension_{number}")] = json!(1);
    }
    fields
}

fn faults() -> Vec<Fault> {
    let sample = accepted().swap_remove(0);
    let good = claims(&sample);
    let time = |text: &str| Timestamp::parse(text).expect("a time");
    let days = 86_400;
    let with = |change: &dyn Fn(&mut Claims)| {
        let mut claims = good.clone();
        change(&mut claims);
        claims
    };
    // Here the same permit is right, and the contender spoils the object around it.
    let around = |id, step, says, reason| (id, step, says, reason, good.clone(), 0, 0);
    let inside = |id, step, says, reason, change: &dyn Fn(&mut Claims)| (id, step, says, reason, with(change), 0, 0);
    let late = |id, step, says, reason, later: i64, age: i64| (id, step, says, reason, good.clone(), later, age);
    let all = [
        around("none", 0, "nothing is wrong", "VALID"),
        around("trailing", 2, "a byte after the end", "MALFORMED"),
        around("long-form", 2, "the same in other bytes: a length, or a signature's spare bits", "MALFORMED"),
        around("unprotected", 2, "a header added that nobody signed", "MALFORMED"),
        around("duplicate", 2, "a claim twice, signed so", "MALFORMED"),
        around("critical", 2, "an unknown critical header, signed so", "MALFORMED"),
        late("trust-expired", 3, "a trust list that has expired", "TRUST_LIST_EXPIRED", 31 * days, 0),
        around("stranger", 4, "signed by an issuer who is not known", "ISSUER_UNKNOWN"),
        inside("before-key", 4, "signed before the issuer's key was in force", "KEY_RETIRED", &|claims| {
            claims.issued_at = issued_at().checked_sub(30 * days as u64).expect("in range");
        }),
        around("stolen-kid", 5, "signed by a stranger under the issuer's kid", "ISSUER_SIGNATURE"),
        around("changed-claim", 5, "a letter of the address changed", "ISSUER_SIGNATURE"),
        around("changed-signature", 5, "a bit of the issuer's signature changed", "ISSUER_SIGNATURE"),
        around("other-kind", 5, "the same content, signed as another kind of object", "ISSUER_SIGNATURE"),
        inside(
            "other-province",
            6,
            "an issuer of Guangdong for an address in Beijing",
            "ISSUER_OUT_OF_SCOPE",
            &|claims| {
                let division = Division::new(110_101).expect("a division");
                claims.address = Place::from_address(division, "北京市东城区示范路1号").expect("a place");
            },
        ),
        inside("extension", 6, "content of a later version", "UNSUPPORTED_EXTENSION", &|claims| {
            claims.unknown_extensions.push((99, Value::from(1)));
        }),
        around("no-proof", 7, "shown without the device's signature", "HOLDER_PROOF_MISSING"),
        around("other-device", 7, "signed by another device", "DEVICE_SIGNATURE"),
        around("changed-proof", 7, "the time in the presentation changed", "DEVICE_SIGNATURE"),
        late("stale", 8, "a code of 31 seconds ago", "PRESENTATION_EXPIRED", 0, 31),
        late("future", 8, "a code 6 seconds ahead", "PRESENTATION_FROM_FUTURE", 0, -6),
        around("unasked", 8, "a code that does not answer the counter's challenge", "CHALLENGE_MISSING"),
        inside("not-yet-valid", 9, "a permit that begins in 2036", "NOT_YET_VALID", &|claims| {
            claims.issued_at = time("2036-01-01T00:00:00+08:00");
            claims.expires_at = time("2039-01-01T00:00:00+08:00");
        }),
        inside("expired", 9, "a permit that expired an hour ago", "EXPIRED", &|claims| {
            claims.expires_at = now().checked_sub(3_600).expect("in range");
        }),
        inside("cancelled", 10, "a permit that was cancelled", "CANCELLED", &|claims| {
            claims.status = StatusSlot { list: STATUS_LIST, index: 100 };
        }),
        late("status-stale", 10, "a status list of eight days ago", "STATUS_LIST_STALE", 8 * days, 0),
        inside("lapsed", 11, "an endorsement that ended yesterday", "ENDORSEMENT_LAPSED", &|claims| {
            claims.endorsed_until = yesterday();
        }),
        around("replayed", 12, "the same code a second time", "REPLAYED"),
    ];
    all.into_iter()
        .map(|(id, step, says, reason, claims, later, age)| {
            let now = now().seconds().saturating_add_signed(later);
            Fault {
                id,
                step,
                says,
                reason,
                permit: Permit::of(&claims, &sample),
                shown_at: now.saturating_add_signed(-age),
                now,
            }
        })
        .collect()
}

fn yesterday() -> Day {
    now().day().add_days(-1).expect("in range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_every_time() {
        let text = || serde_json::to_string(&Input::new()).unwrap();
        assert_eq!(text(), text());
    }

    /// Who signs CBOR and who signs names signs the same content.
    #[test]
    fn fields_and_claims_are_those_of_the_samples() {
        let input = Input::new();
        assert_eq!(input.permits.len(), accepted().len());
        for (permit, sample) in input.permits.iter().zip(accepted()) {
            let fields = &permit.fields;
            assert_eq!(fields["name"], json!(sample.holder.name));
            assert_eq!(fields["citizen_id"], json!(sample.holder.citizen_id));
            assert_eq!(fields["ethnicity"], json!(sample.holder.ethnicity_code));
            assert_eq!(fields["address"]["division"], json!(sample.residence.division));
            assert_eq!(fields["address"]["address"], json!(sample.residence.address));
            assert_eq!(fields["household"]["address"], json!(sample.holder.household_address));
            assert_eq!(fields["issued_on"], json!(sample.permit.issue_date));
            assert_eq!(fields["endorsed_until"], json!(sample.permit.valid_until));

            let issued = sample.issue(Algorithm::Ed25519);
            let claims = hex::decode(&permit.claims).unwrap();
            assert!(issued.bytes().windows(claims.len()).any(|window| window == claims));
            let bound_to = hex::decode(&permit.device.public).unwrap();
            assert!(claims.windows(32).any(|window| window == bound_to));
        }
    }

    #[test]
    fn every_fault_is_another() {
        let faults = Input::new().faults;
        let ids: std::collections::BTreeSet<_> = faults.iter().map(|fault| fault.id).collect();
        assert_eq!(ids.len(), faults.len());
        assert!(faults.is_sorted_by_key(|fault| fault.step));
    }
}
