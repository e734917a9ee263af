//! Ours, as a contender of `bench/peers`: issues, verifies, and answers the faults.

use std::time::{Duration, Instant};

use ciborium::Value;
use credential_format::challenge::Challenge;
use credential_format::cose::Domain;
use credential_format::counter_id::CounterId;
use credential_format::key::{Algorithm, CoseKey};
use credential_format::presentation::UnverifiedPresentation;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use holder::present::present;
use issuer::{Device, PermitRequest};
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::status::StatusLists;
use verifier::trust::TrustedList;
use verifier::verdict::{Outcome, Verdict};
use verifier::verify::{Asked, Context, verify};

use crate::peer_input::{Fault, Input, accepted};
use crate::samples::{self, Sample, issued_at, issuing_key, issuing_secret, nonce, now};

/// So many codes, all different, then an empty guard and the same codes again.
const CODES: usize = 256;

/// Everything that is measured, made beforehand.
pub struct Ours {
    trust: TrustedList,
    status: StatusLists,
    permits: Vec<(PermitRequest, Device, Sample)>,
    codes: Vec<Code>,
}

struct Code {
    text: String,
    bytes: usize,
    bare: Bare,
}

/// The two signatures of a code, without anything around them.
struct Bare {
    permit: (Vec<u8>, Signature),
    presentation: (Vec<u8>, Signature),
    device: [u8; 32],
}

impl Default for Ours {
    fn default() -> Self {
        Self::new()
    }
}

impl Ours {
    /// With all samples that are accepted, each shown many times.
    pub fn new() -> Ours {
        let trust = samples::trust_list();
        let status = samples::status_lists(&trust);
        let permits: Vec<_> = accepted()
            .into_iter()
            .map(|sample| {
                let key = sample.held(Algorithm::Ed25519).device_key().cose_key();
                (sample.request(), Device::try_from(&key).expect("a fit key"), sample)
            })
            .collect();
        let codes = (0..CODES).map(|number| code(&permits[number % permits.len()].2, number)).collect();
        Ours { trust, status, permits, codes }
    }

    /// Bytes of the permits, and bytes and characters of the codes that show them: each permit once.
    pub fn sizes(&self) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let permits = &self.permits;
        let shown = self.codes.iter().take(permits.len());
        (
            permits.iter().map(|(_, _, sample)| sample.issue(Algorithm::Ed25519).bytes().len()).collect(),
            shown.clone().map(|code| code.bytes).collect(),
            shown.map(|code| code.text.len()).collect(),
        )
    }

    /// Issues so many permits, each verified by its issuer before it is released.
    pub fn issue(&self, times: usize) -> Duration {
        let key = issuing_key();
        let start = Instant::now();
        for (request, device, sample) in self.permits.iter().cycle().take(times) {
            let permit = issuer::issue(request, device, sample.slot(), issued_at(), &key).expect("issued");
            std::hint::black_box(permit);
        }
        start.elapsed()
    }

    /// From the digits of so many codes to verdicts.
    pub fn verify(&self, times: usize) -> Duration {
        let mut taken = Duration::ZERO;
        for begin in (0..times).step_by(CODES) {
            let mut guard = MemoryGuard::new(CODES);
            let start = Instant::now();
            for code in self.codes.iter().take(times - begin) {
                let verdict = self.judge(&[&code.text], now(), Asked::Nothing, &mut guard);
                assert_eq!(verdict.outcome(), Outcome::Accept);
            }
            taken += start.elapsed();
        }
        taken
    }

    /// One bare signature for each permit.
    pub fn bare_sign(&self, times: usize) -> Duration {
        let key = issuing_secret();
        let start = Instant::now();
        for code in self.codes.iter().cycle().take(times) {
            std::hint::black_box(key.sign(&code.bare.permit.0));
        }
        start.elapsed()
    }

    /// Two bare verifications for each code, the device's key read from its bytes.
    pub fn bare_verify(&self, times: usize) -> Duration {
        let issuer = issuing_secret().verifying_key();
        let start = Instant::now();
        for code in self.codes.iter().cycle().take(times) {
            let (permit, presentation) = (&code.bare.permit, &code.bare.presentation);
            issuer.verify_strict(&permit.0, &permit.1).expect("issuer");
            let device = VerifyingKey::from_bytes(&code.bare.device).expect("a point");
            device.verify_strict(&presentation.0, &presentation.1).expect("device");
        }
        start.elapsed()
    }

    /// What the verifier says of a fault.
    pub fn answer(&self, fault: &Fault, input: &Input) -> Verdict {
        let text = faulty(fault, input);
        let now = Timestamp::new(fault.now).expect("a time");
        let asked = match fault.id {
            "unasked" => {
                let counter = CounterId::parse("COUNTER-1").expect("an id");
                let answer = Challenge { counter, cnonce: [7; 16], purpose: None }.answer();
                Asked::Challenge { answer, age_secs: 3 }
            }
            _ => Asked::Nothing,
        };
        let mut guard = MemoryGuard::new(2);
        if fault.id == "replayed" {
            let first = self.judge(&[&text], now, asked.clone(), &mut guard);
            assert_eq!(first.outcome(), Outcome::Accept);
        }
        self.judge(&[&text], now, asked, &mut guard)
    }

    fn judge(&self, frame: &[&str], now: Timestamp, asked: Asked, guard: &mut MemoryGuard) -> Verdict {
        let (trust, status) = (Some(&self.trust), &self.status);
        let policy = Policy::default();
        verify(frame, &mut Context { now, trust, status, newest_signed_time: None, asked, replay: guard, policy })
    }
}

fn code(sample: &Sample, number: usize) -> Code {
    let held = sample.held(Algorithm::Ed25519);
    let shown = present(&held, &sample.device(Algorithm::Ed25519), now(), nonce(number), None).expect("shown");
    let read = UnverifiedPresentation::parse(shown.bytes()).expect("a presentation");
    let CoseKey::Ed25519(device) = held.device_key().cose_key() else { panic!("an Ed25519 device") };
    let signature = Signature::from_bytes;
    let bare = Bare {
        permit: (read.permit().message(), signature(read.permit().signature())),
        presentation: (read.message(), signature(read.signature())),
        device,
    };
    Code { text: shown.text(), bytes: shown.bytes().len(), bare }
}

/// The fault in our form: built part by part, because the libraries make none.
fn faulty(fault: &Fault, input: &Input) -> String {
    let is = |id| fault.id == id;
    let mut claims = hex::decode(&fault.permit.claims).expect("digits");
    if is("duplicate") {
        // `exp` is the first pair of four: key 4 and five bytes of time.
        claims = [&[0xa5], claims.get(1..7).expect("a pair"), claims.get(1..).expect("the rest")].concat();
    }
    let (signer, named) = match fault.id {
        "stranger" => (&input.stranger, &input.stranger),
        "stolen-kid" => (&input.stranger, &input.issuer),
        _ => (&input.issuer, &input.issuer),
    };
    let kid = Value::Bytes(hex::decode(&named.kid).expect("digits"));
    let mut header = vec![(1.into(), Value::from(-19)), (4.into(), kid)];
    if is("critical") {
        header.insert(1, (2.into(), Value::Array(vec![Value::from(-70_000)])));
        header.push(((-70_000).into(), 1.into()));
    }
    let domain = if is("other-kind") { Domain::StatusList } else { Domain::Permit };
    let mut permit = sign1(cbor(&Value::Map(header)), vec![], claims, domain, &secret(&signer.secret));
    if is("changed-claim")
        && let Some(Value::Bytes(payload)) = permit.get_mut(2)
    {
        let street = "路".as_bytes();
        let at = payload.windows(3).position(|window| window == street).expect("a street");
        payload.splice(at..at + 3, "街".bytes());
    }
    if is("changed-signature") {
        flip(permit.get_mut(3));
    }
    if is("no-proof") {
        return text::encode(Kind::Presentation, &cbor(&Value::Array(permit)));
    }

    let header = vec![(1.into(), Value::from(-19)), (13.into(), Value::Array(permit))];
    let binding = vec![(6.into(), fault.shown_at.into()), (10.into(), Value::Bytes(nonce(0).to_vec()))];
    let unprotected = if is("unprotected") { vec![(99.into(), 1.into())] } else { vec![] };
    let device = secret(if is("other-device") { &input.other_device.secret } else { &fault.permit.device.secret });
    let binding = cbor(&Value::Map(binding));
    let mut shown = sign1(cbor(&Value::Map(header)), unprotected, binding, Domain::Presentation, &device);
    if is("changed-proof")
        && let Some(Value::Bytes(payload)) = shown.get_mut(2)
        && let Some(second) = payload.get_mut(6)
    {
        *second ^= 1;
    }
    let mut bytes = cbor(&Value::Array(shown));
    if is("trailing") {
        bytes.push(0);
    }
    if is("long-form") {
        bytes.splice(0..1, [0x98, 4]);
    }
    text::encode(Kind::Presentation, &bytes)
}

fn flip(part: Option<&mut Value>) {
    if let Some(Value::Bytes(bytes)) = part
        && let Some(byte) = bytes.first_mut()
    {
        *byte ^= 1;
    }
}

fn sign1(
    protected: Vec<u8>,
    unprotected: Vec<(Value, Value)>,
    payload: Vec<u8>,
    domain: Domain,
    key: &SigningKey,
) -> Vec<Value> {
    let (protected, payload) = (Value::Bytes(protected), Value::Bytes(payload));
    let aad = Value::Bytes(domain.external_aad().to_vec());
    let message = Value::Array(vec!["Signature1".into(), protected.clone(), aad, payload.clone()]);
    let signature = Value::Bytes(key.sign(&cbor(&message)).to_vec());
    vec![protected, Value::Map(unprotected), payload, signature]
}

fn secret(digits: &str) -> SigningKey {
    let bytes = hex::decode(digits).expect("digits");
    SigningKey::from_bytes(bytes.as_slice().try_into().expect("32 bytes"))
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("written into memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fault is found by the step that it is for: nothing else is wrong with it.
    #[test]
    fn every_fault_has_its_reason() {
        let (ours, input) = (Ours::new(), Input::new());
        for fault in &input.faults {
            let reason = ours.answer(fault, &input).reason;
            assert_eq!(reason.code(), fault.reason, "{}", fault.id);
            assert!(reason.outcome() == Outcome::Accept || reason.step().number() == fault.step, "{}", fault.id);
        }
    }
}
