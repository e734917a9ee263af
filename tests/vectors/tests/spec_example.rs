//! The worked example of `credential-format/SPEC.md`: the bytes in the text are those of `fixtures/spec-example.json`, this code makes and
//! reads them, and every case of it gives the verdict that it says.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use credential_format::challenge::Challenge;
use credential_format::enrolment::UnverifiedEnrolment;
use credential_format::key::{CoseKey, PublicKey, Thumbprint};
use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::UnverifiedPresentation;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::UnverifiedTrustList;
use serde_json::Value;
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;
use verifier::verify::{Asked, Context, verify};

fn example() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/spec-example.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex")).unwrap()
}

fn root(example: &Value) -> Thumbprint {
    Thumbprint::parse(example["keys"]["root"]["thumbprint_hex"].as_str().unwrap()).unwrap()
}

#[test]
fn the_text_shows_the_bytes_of_the_fixture() {
    let spec =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../credential-format/SPEC.md")).unwrap();
    // Long values stand in blocks of several lines.
    let unbroken: String = spec.split_whitespace().collect();
    let example = example();
    for object in ["permit", "presentation", "challenge", "presentation_with_challenge", "trust_list", "status_list"] {
        let hex = example[object]["object_hex"].as_str().unwrap();
        assert!(unbroken.contains(hex), "SPEC.md shows other bytes for {object}");
    }
    for object in ["presentation", "challenge"] {
        let text = example[object]["text"].as_str().unwrap();
        assert!(unbroken.contains(text), "SPEC.md shows another text for {object}");
    }
    assert!(unbroken.contains(example["permit"]["to_be_signed_hex"].as_str().unwrap()));
}

#[test]
fn keys_thumbprints_and_texts_are_ours() {
    let example = example();
    for (name, key) in example["keys"].as_object().unwrap() {
        let public = bytes(&key["public_hex"]);
        let cose = match public.len() {
            32 => CoseKey::Ed25519(public.try_into().unwrap()),
            _ => CoseKey::P256(public.try_into().unwrap()),
        };
        let public = PublicKey::try_from(&cose).unwrap();
        assert_eq!(public.thumbprint().to_string(), key["thumbprint_hex"].as_str().unwrap(), "{name}");
        assert_eq!(public.kid().to_string(), key["kid_hex"].as_str().unwrap(), "{name}");
    }
    let kinds = [
        ("presentation", Kind::Presentation),
        ("presentation_with_challenge", Kind::Presentation),
        ("presentation_p256", Kind::Presentation),
        ("voucher", Kind::Voucher),
        ("challenge", Kind::Challenge),
        ("enrolment", Kind::Enrolment),
    ];
    for (object, kind) in kinds {
        let (bytes, digits) = (bytes(&example[object]["object_hex"]), example[object]["text"].as_str().unwrap());
        assert_eq!(text::encode(kind, &bytes), digits, "{object}");
        assert_eq!(text::decode(digits), Ok((kind, bytes)), "{object}");
    }
}

#[test]
fn signed_bytes_are_ours() {
    let example = example();
    for object in ["permit", "permit_p256", "voucher"] {
        let permit = bytes(&example[object]["object_hex"]);
        let permit = UnverifiedPermit::parse(&permit).unwrap();
        assert_eq!(permit.message(), bytes(&example[object]["to_be_signed_hex"]), "{object}");
        // And the writing of what was read gives the same again.
        let to_sign = permit.unverified_claims().to_sign(permit.kid()).unwrap();
        assert_eq!(to_sign.finish(permit.signature()), permit.bytes(), "{object}");
    }
    for object in ["presentation", "presentation_with_challenge", "presentation_p256"] {
        let presentation = bytes(&example[object]["object_hex"]);
        let presentation = UnverifiedPresentation::parse(&presentation).unwrap();
        assert_eq!(presentation.message(), bytes(&example[object]["to_be_signed_hex"]), "{object}");
    }
    let enrolment = bytes(&example["enrolment"]["object_hex"]);
    let enrolment = UnverifiedEnrolment::parse(&enrolment).unwrap().check().unwrap();
    assert_eq!(enrolment.claims().to_sign().message(), bytes(&example["enrolment"]["to_be_signed_hex"]));
    let challenge = bytes(&example["challenge"]["object_hex"]);
    assert_eq!(Challenge::parse(&challenge).unwrap().to_vec(), challenge);
}

#[test]
fn every_case_gives_its_verdict() {
    let example = example();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let trust_bytes = bytes(&example["trust_list"]["object_hex"]);
    let cases = example["verdicts"].as_array().unwrap();
    // At the list's own time of issue, so that the test needs no clock.
    let issued_at = UnverifiedTrustList::parse(&trust_bytes).unwrap().unverified_list().issued_at;
    let trust = TrustedList::first(&trust_bytes, &root(&example), issued_at).unwrap();
    let mut lists = StatusLists::new();
    lists.put(TrustedStatusList::check(&bytes(&example["status_list"]["object_hex"]), &trust).unwrap());
    let (no_lists, mut guard) = (StatusLists::new(), MemoryGuard::new(100));
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        if !case["state"].as_str().is_some_and(|state| state.contains("replay guard of the case before")) {
            guard = MemoryGuard::new(100);
        }
        let asked = match &case["asked"] {
            Value::Null => Asked::Nothing,
            asked => {
                let (_, bytes) = text::decode(asked["challenge"].as_str().unwrap()).unwrap();
                let answer = Challenge::parse(&bytes).unwrap().answer();
                Asked::Challenge { answer, age_secs: asked["age_secs"].as_u64().unwrap() }
            }
        };
        let frame: Vec<&str> = case["frame"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        let mut context = Context {
            now: at(case["now"].as_str().unwrap()),
            trust: case["trust_list"].as_bool().unwrap().then_some(&trust),
            status: if case["status_list"].as_bool().unwrap() { &lists } else { &no_lists },
            newest_signed_time: None,
            asked,
            replay: &mut guard,
            policy: Policy::default(),
        };
        let verdict = verify(&frame, &mut context);
        assert_eq!(verdict.reason.code(), case["reason"].as_str().unwrap(), "{name}");
        assert_eq!(verdict.outcome().word(), case["outcome"].as_str().unwrap(), "{name}");
        let last = verdict.checks.last().unwrap();
        assert_eq!(u64::from(last.step.number()), case["step"].as_u64().unwrap(), "{name}");
        *seen.entry(verdict.reason.code()).or_default() += 1;
    }
    assert!(cases.len() >= 30 && seen.len() >= 20, "{seen:?}");
}
