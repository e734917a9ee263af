//! Every accepted vector, read again by other people's code: coset for COSE and CWT, ring for signatures and hashes, ciborium for CBOR.
//! What they find must be what the verifier found.

use std::collections::BTreeMap;

use ciborium::Value;
use coset::cbor::value::Value as CosetValue;
use coset::iana::{self, EnumI64 as _};
use coset::{
    CborSerializable as _, CoseKey, CoseSign, CoseSign1, CoseSign1Builder, Label, RegisteredLabelWithPrivate,
    TaggedCborSerializable as _,
};
use credential_format::permit::{Carrier, Claims, UnverifiedPermit};
use credential_format::presentation::UnverifiedPresentation;
use credential_format::text::{self, Kind};
use credential_format::trust_list::UnverifiedTrustList;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use vectors::vector::{Expect, Vector, World};

const PERMIT: &[u8] = b"juma/1/permit";
const PRESENTATION: &[u8] = b"juma/1/presentation";
const ENROLMENT: &[u8] = b"juma/1/enrolment";
const TRUST_LIST: &[u8] = b"juma/1/trust-list";

#[test]
fn accepted_permits_and_presentations() {
    let keys = issuer_keys();
    let (mut presentations, mut vouchers, mut p256_devices) = (0, 0, 0);
    for (name, vector) in Vector::load_all() {
        let frame = match &vector {
            Vector::Verdict(v) | Vector::Lifecycle(v) if v.outcome == Expect::Accept => v.frame.clone(),
            _ => continue,
        };
        for code in frame {
            match text::decode(&code) {
                Ok((Kind::Presentation, bytes)) => {
                    presentations += 1;
                    p256_devices += u32::from(check_presentation(&name, &bytes, &keys));
                }
                Ok((Kind::Voucher, bytes)) => {
                    vouchers += 1;
                    let parsed = UnverifiedPermit::parse(&bytes).unwrap();
                    check_permit(&name, &bytes, parsed.unverified_claims(), &keys);
                }
                // Codes of other makers, challenges and enrolments stand in some frames.
                _ => {}
            }
        }
    }
    assert!(presentations >= 80 && vouchers >= 5 && p256_devices >= 1, "{presentations}, {vouchers}, {p256_devices}");
}

#[test]
fn accepted_objects_of_the_lower_layers() {
    let mut seen = BTreeMap::new();
    for (name, vector) in Vector::load_all() {
        let v = match &vector {
            Vector::Permit(v)
            | Vector::Presentation(v)
            | Vector::Voucher(v)
            | Vector::Enrolment(v)
            | Vector::Cbor(v)
                if v.outcome == Expect::Accept =>
            {
                v
            }
            _ => continue,
        };
        let bytes = hex::decode(&v.bytes).unwrap();
        match v.object.as_str() {
            "permit" => check_permit(
                &name,
                &bytes,
                UnverifiedPermit::parse(&bytes).unwrap().unverified_claims(),
                &issuer_keys(),
            ),
            "presentation" => {
                check_presentation(&name, &bytes, &issuer_keys());
            }
            "enrolment" => check_enrolment(&name, &bytes),
            _ => continue,
        }
        *seen.entry(v.object.clone()).or_insert(0) += 1;
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["enrolment", "permit", "presentation"]);
    assert!(seen["permit"] >= 20, "{seen:?}");
}

#[test]
fn trust_lists_and_status_lists() {
    for (name, world) in World::load_all() {
        let Some(list) = &world.trust_list else { continue };
        let bytes = hex::decode(list).unwrap();
        assert_eq!(check_trust_list(&name, &bytes), 2, "{name}");
        // The kids of the world's own table are those of its keys.
        let keys = trust_list_keys(&bytes);
        for (kid, label) in &world.keys {
            let known = keys.contains_key(kid) || label.starts_with("root") || name == "status-keys-changed";
            assert!(known, "{name}: {label} has another kid");
        }
        let earlier = world.status_lists_taken_with.as_ref().map(|hex| trust_list_keys(&hex::decode(hex).unwrap()));
        for status in &world.status_lists {
            check_status_list(&name, &hex::decode(status).unwrap(), earlier.as_ref().unwrap_or(&keys));
        }
    }
    let mut lists = 0;
    for (name, vector) in Vector::load_all() {
        match &vector {
            Vector::TrustList(v) if v.outcome == Expect::Accept => {
                assert!(check_trust_list(&name, &hex::decode(&v.bytes).unwrap()) >= 1, "{name}");
                lists += 1;
            }
            Vector::StatusList(v) if v.outcome == Expect::Accept => {
                check_status_list(&name, &hex::decode(&v.bytes).unwrap(), &issuer_keys());
                lists += 1;
            }
            _ => {}
        }
    }
    assert!(lists >= 20, "{lists}");
}

// ---- The objects

/// Whether the device's key is of P-256.
fn check_presentation(name: &str, bytes: &[u8], keys: &BTreeMap<String, Key>) -> bool {
    let sign1 = CoseSign1::from_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(sign1.unprotected.is_empty(), "{name}");
    let header = &sign1.protected.header;
    let [(Label::Int(13), permit)] = header.rest.as_slice() else { panic!("{name}: not kcwt alone") };
    let permit_bytes = written(permit);
    let parsed = UnverifiedPresentation::parse(bytes).unwrap();
    assert_eq!(hex::encode(&permit_bytes), hex::encode(parsed.permit().bytes()), "{name}");
    let claims = parsed.permit().unverified_claims();
    check_permit(name, &permit_bytes, claims, keys);

    let permit = CoseSign1::from_slice(&permit_bytes).unwrap();
    let payload: Value = read(permit.payload.as_deref().unwrap());
    let cnf = entry(entry(&payload, 8), 1);
    let key = Key::from_cose(&written_plain(cnf));
    assert_eq!(alg(&sign1), key.alg(), "{name}");
    key.verify(&tbs(&sign1, PRESENTATION), &sign1.signature).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(hex::encode(parsed.message()), hex::encode(tbs(&sign1, PRESENTATION)), "{name}");

    let binding: Value = read(sign1.payload.as_deref().unwrap());
    let found = parsed.unverified_binding();
    assert_eq!(uint(entry(&binding, 6)), found.issued_at.seconds(), "{name}");
    assert_eq!(entry(&binding, 10), &Value::Bytes(found.nonce.to_vec()), "{name}");
    match &found.answer {
        Some(answer) => {
            assert_eq!(entry(&binding, 3), &Value::Text(answer.counter.as_str().into()), "{name}");
            assert_eq!(entry(&binding, 39), &Value::Bytes(answer.cnonce.to_vec()), "{name}");
        }
        None => assert_eq!(pairs(&binding), 2, "{name}"),
    }
    matches!(key, Key::P256(_))
}

fn check_permit(name: &str, bytes: &[u8], found: &Claims, keys: &BTreeMap<String, Key>) {
    let sign1 = CoseSign1::from_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    let header = &sign1.protected.header;
    assert!(sign1.unprotected.is_empty() && header.rest.is_empty() && header.crit.is_empty(), "{name}");
    let key = keys.get(&hex::encode(&header.key_id)).unwrap_or_else(|| panic!("{name}: no such kid"));
    assert_eq!((alg(&sign1), key.alg()), (-19, -19), "{name}");
    key.verify(&tbs(&sign1, PERMIT), &sign1.signature).unwrap_or_else(|e| panic!("{name}: {e}"));
    // What coset makes of the same parts is the same object.
    let again = CoseSign1Builder::new()
        .protected(header.clone())
        .payload(sign1.payload.clone().unwrap())
        .signature(sign1.signature.clone());
    assert_eq!(hex::encode(again.build().to_vec().unwrap()), hex::encode(bytes), "{name}");

    let payload = sign1.payload.as_deref().unwrap();
    let cwt = coset::cwt::ClaimsSet::from_slice(payload).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(
        cwt.expiration_time,
        Some(coset::cwt::Timestamp::WholeSeconds(found.expires_at.seconds() as i64)),
        "{name}"
    );
    assert_eq!(cwt.issued_at, Some(coset::cwt::Timestamp::WholeSeconds(found.issued_at.seconds() as i64)), "{name}");
    assert!(cwt.issuer.is_none() && cwt.subject.is_none() && cwt.audience.is_none(), "{name}");
    assert!(cwt.not_before.is_none() && cwt.cwt_id.is_none(), "{name}");

    let claims: Value = read(payload);
    let fields = array(entry(&claims, -65537));
    let text_of = |value: &Value| value.as_text().expect("a text").to_owned();
    let place = |value: &Value| (uint(&array(value)[0]), text_of(&array(value)[1]));
    let wanted_place = |place: &credential_format::place::Place| {
        (u64::from(place.division().code()), place.detail().as_str().to_owned())
    };
    let kind = match &found.carrier {
        Carrier::Device(_) => 1,
        Carrier::Paper(_) => 2,
    };
    assert_eq!(uint(&fields[0]), kind, "{name}");
    assert_eq!(uint(&fields[1]), found.residence_code.get(), "{name}");
    assert_eq!(text_of(&fields[2]), found.name.as_str(), "{name}");
    assert_eq!(uint(&fields[3]), found.citizen_id.first17(), "{name}");
    assert_eq!(uint(&fields[4]), u64::from(found.ethnicity.code()), "{name}");
    assert_eq!(place(&fields[5]), wanted_place(&found.household), "{name}");
    assert_eq!(place(&fields[6]), wanted_place(&found.address), "{name}");
    assert_eq!(uint(&fields[7]), u64::from(found.issued_on.get()), "{name}");
    assert_eq!(uint(&fields[8]), u64::from(found.endorsed_until.get()), "{name}");
    let status = array(&fields[9]);
    assert_eq!((uint(&status[0]), uint(&status[1])), (found.status.list, found.status.index), "{name}");
    check_extensions(name, fields.get(10), found);
    let cnf =
        cwt.rest.iter().find(|(label, _)| *label == RegisteredLabelWithPrivate::Assigned(iana::CwtClaimName::Cnf));
    assert_eq!(cnf.is_some(), kind == 1, "{name}");
}

fn check_extensions(name: &str, extensions: Option<&Value>, found: &Claims) {
    let Some(extensions) = extensions else {
        assert!(
            found.agent.is_none() && found.portrait_digest.is_none() && found.unknown_extensions.is_empty(),
            "{name}"
        );
        return;
    };
    let Value::Map(pairs) = extensions else { panic!("{name}: not a map") };
    let mut unknown = Vec::new();
    let mut known = 0;
    for (key, value) in pairs {
        match uint(key) {
            1 => {
                let agent = found.agent.as_ref().unwrap();
                assert_eq!(
                    array(value),
                    &[Value::Text(agent.name.as_str().into()), Value::from(agent.relation.0)],
                    "{name}"
                );
                known += 1;
            }
            2 => {
                assert_eq!(value, &Value::Bytes(found.portrait_digest.unwrap().to_vec()), "{name}");
                known += 1;
            }
            3 => {
                let Carrier::Paper(note) = &found.carrier else { panic!("{name}: a note and no paper") };
                assert_eq!(
                    array(value),
                    &[Value::Text(note.serial.as_str().into()), Value::Text(note.place.as_str().into())],
                    "{name}"
                );
                known += 1;
            }
            key => unknown.push((key, value.clone())),
        }
    }
    assert_eq!(unknown, found.unknown_extensions, "{name}");
    let of_claims = usize::from(found.agent.is_some())
        + usize::from(found.portrait_digest.is_some())
        + usize::from(matches!(found.carrier, Carrier::Paper(_)));
    assert_eq!(known, of_claims, "{name}");
}

fn check_enrolment(name: &str, bytes: &[u8]) {
    let sign1 = CoseSign1::from_slice(bytes).unwrap();
    let payload: Value = read(sign1.payload.as_deref().unwrap());
    let key = Key::from_cose(&written_plain(entry(entry(&payload, 8), 1)));
    assert_eq!(alg(&sign1), key.alg(), "{name}");
    key.verify(&tbs(&sign1, ENROLMENT), &sign1.signature).unwrap_or_else(|e| panic!("{name}: {e}"));
}

/// How many of the list's own root keys signed it.
fn check_trust_list(name: &str, bytes: &[u8]) -> usize {
    let sign = CoseSign::from_tagged_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(sign.protected.header.is_empty() && sign.unprotected.is_empty(), "{name}");
    let content: Value = read(sign.payload.as_deref().unwrap());
    let roots = &array(entry(&content, 4))[1];
    let keys: Vec<Key> = array(roots).iter().map(|key| Key::from_cose(&written_plain(key))).collect();
    let parsed = UnverifiedTrustList::parse(bytes).unwrap();
    assert_eq!(uint(entry(&content, 1)), parsed.unverified_list().version, "{name}");
    assert_eq!(array(entry(&content, 5)).len(), parsed.unverified_list().issuers.len(), "{name}");
    let signed = |key: &&Key| {
        sign.signatures.iter().enumerate().any(|(which, signature)| {
            let names_it = hex::encode(&signature.protected.header.key_id) == key.kid();
            names_it && key.verify(&sign.tbs_data(TRUST_LIST, &sign.signatures[which]), &signature.signature).is_ok()
        })
    };
    keys.iter().filter(signed).count()
}

fn check_status_list(name: &str, bytes: &[u8], keys: &BTreeMap<String, Key>) {
    let sign1 = CoseSign1::from_tagged_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    let key = keys.get(&hex::encode(&sign1.protected.header.key_id)).unwrap_or_else(|| panic!("{name}: no such kid"));
    assert_eq!(alg(&sign1), key.alg(), "{name}");
    key.verify(&tbs(&sign1, b""), &sign1.signature).unwrap_or_else(|e| panic!("{name}: {e}"));
}

// ---- Keys, by ring

enum Key {
    Ed25519(Vec<u8>),
    /// Uncompressed.
    P256(Vec<u8>),
}

impl Key {
    /// A COSE_Key, read by coset; the point of P-256 is worked out by p256, since ring wants it uncompressed.
    fn from_cose(bytes: &[u8]) -> Key {
        let key = CoseKey::from_slice(bytes).expect("a COSE_Key");
        let parameter =
            |label: i64| key.params.iter().find(|(l, _)| *l == Label::Int(label)).map(|(_, value)| value.clone());
        let Some(CosetValue::Bytes(x)) = parameter(-2) else { panic!("no x") };
        match key.kty {
            coset::KeyType::Assigned(iana::KeyType::OKP) => Key::Ed25519(x),
            coset::KeyType::Assigned(iana::KeyType::EC2) => {
                let Some(CosetValue::Bool(odd)) = parameter(-3) else { panic!("no sign of y") };
                let compressed = [vec![2 + u8::from(odd)], x].concat();
                let point = p256::PublicKey::from_sec1_bytes(&compressed).expect("a point");
                Key::P256(point.to_sec1_point(false).as_bytes().to_vec())
            }
            other => panic!("no key type {other:?}"),
        }
    }

    fn alg(&self) -> i64 {
        match self {
            Key::Ed25519(_) => -19,
            Key::P256(_) => -9,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), ring::error::Unspecified> {
        match self {
            Key::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Key::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
        }
    }

    /// The first eight bytes of the thumbprint (RFC 9679), in hex.
    fn kid(&self) -> String {
        let members = match self {
            Key::Ed25519(x) => vec![(1, Value::from(1)), (-1, Value::from(6)), (-2, Value::Bytes(x.clone()))],
            Key::P256(point) => vec![
                (1, Value::from(2)),
                (-1, Value::from(1)),
                (-2, Value::Bytes(point[1..33].to_vec())),
                (-3, Value::Bytes(point[33..].to_vec())),
            ],
        };
        let map = Value::Map(members.into_iter().map(|(label, value)| (Value::from(label), value)).collect());
        hex::encode(&digest(&SHA256, &written_plain(&map)).as_ref()[..8])
    }
}

/// The issuers' keys of all worlds, by kid.
fn issuer_keys() -> BTreeMap<String, Key> {
    let worlds = World::load_all();
    worlds
        .values()
        .filter_map(|world| world.trust_list.as_ref())
        .flat_map(|hex| trust_list_keys(&hex::decode(hex).unwrap()))
        .collect()
}

fn trust_list_keys(bytes: &[u8]) -> BTreeMap<String, Key> {
    let sign = CoseSign::from_tagged_slice(bytes).unwrap();
    let content: Value = read(sign.payload.as_deref().unwrap());
    let issuers = array(entry(&content, 5)).iter();
    let keys = issuers
        .flat_map(|issuer| array(entry(issuer, 4)).iter().map(|key| Key::from_cose(&written_plain(entry(key, 1)))));
    keys.map(|key| (key.kid(), key)).collect()
}

// ---- Small things

fn tbs(sign1: &CoseSign1, aad: &[u8]) -> Vec<u8> {
    sign1.tbs_data(aad)
}

fn alg(sign1: &CoseSign1) -> i64 {
    match sign1.protected.header.alg.as_ref().expect("an alg") {
        RegisteredLabelWithPrivate::Assigned(alg) => alg.to_i64(),
        RegisteredLabelWithPrivate::PrivateUse(alg) => *alg,
        other => panic!("alg is {other:?}"),
    }
}

fn read(bytes: &[u8]) -> Value {
    ciborium::from_reader(bytes).expect("CBOR")
}

fn written(value: &CosetValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    coset::cbor::into_writer(value, &mut bytes).expect("memory");
    bytes
}

fn written_plain(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("memory");
    bytes
}

fn entry(map: &Value, key: i64) -> &Value {
    let Value::Map(pairs) = map else { panic!("not a map") };
    pairs.iter().find(|(k, _)| *k == Value::from(key)).map(|(_, value)| value).expect("such a key")
}

fn pairs(map: &Value) -> usize {
    map.as_map().expect("a map").len()
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().expect("an array")
}

fn uint(value: &Value) -> u64 {
    value.as_integer().and_then(|n| u64::try_from(n).ok()).expect("an unsigned integer")
}
