//! The sample permits in the forms that others use, with the same claims, signed for real: to compare sizes with.
//!
//! All hold: residence code, name, citizen ID number, ethnicity, household place, address, day of issue, end of endorsement, place in a
//! status list, issue and expiry of the credential, the issuer's key id, and the device's public key. All issuers sign with Ed25519.
//! The values that a citizen ID number contains (birth date, sex) stand in none of them, except where the form has a field of its own for
//! them that its readers expect.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _, iana};
use credential_format::key::{Algorithm, CoseKey};
use ed25519_dalek::Signer as _;
use holder::device_key::DeviceSigner as _;
use holder::present::present;
use qrcode::bits::Bits;
use qrcode::types::QrResult;
use qrcode::{EcLevel, Version};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::samples::{STATUS_URI, Sample, digest, issued_at, issuing_key, issuing_secret, nonce, now};

/// One object as it would be shown.
pub struct Object {
    /// Bytes before they become the text of a code.
    pub bytes: usize,
    /// The text of the code.
    pub text: String,
    /// How the text is put into a code.
    pub mode: Mode,
}

/// How a QR code holds a text (ISO/IEC 18004 section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Digits.
    Numeric,
    /// Digits, capital letters and nine signs.
    Alphanumeric,
    /// Bytes.
    Byte,
}

/// A form: what it is called, what it lacks beside a presentation of ours, and how a sample is made in it.
pub struct Form {
    /// What it is called.
    pub name: &'static str,
    /// What is missing in it, of what at least one of the others has.
    pub lacks: &'static str,
    /// Makes it.
    pub make: fn(&Sample) -> Object,
}

/// Ours first, then the others.
pub const FORMS: [Form; 5] = [
    Form { name: "presentation", lacks: "selective disclosure", make: ours },
    Form { name: "permit alone", lacks: "device signature, time, nonce, selective disclosure", make: ours_alone },
    Form { name: "EU HCERT form", lacks: "device signature, time, nonce, selective disclosure", make: hcert },
    Form {
        name: "MOSIP Claim 169 form",
        lacks: "device signature, time, nonce, selective disclosure",
        make: claim_169,
    },
    Form { name: "SD-JWT VC with key binding", lacks: "nothing", make: sd_jwt_kb },
];

/// A passive presentation: the permit in it, the phone's time and a nonce, signed by the device.
pub fn ours(sample: &Sample) -> Object {
    let (device, held) = (sample.device(Algorithm::Ed25519), sample.held(Algorithm::Ed25519));
    let shown = present(&held, &device, now(), nonce(sample.no as usize), None).expect("shown");
    Object { bytes: shown.bytes().len(), text: shown.text(), mode: Mode::Numeric }
}

/// The permit without the device's signature: what the forms without a holder's proof are to be compared with.
pub fn ours_alone(sample: &Sample) -> Object {
    let permit = sample.issue(Algorithm::Ed25519);
    Object { bytes: permit.bytes().len(), text: permit.text(), mode: Mode::Numeric }
}

/// As the EU Digital COVID Certificate: a CWT whose claim -260 holds the certificate under 1, with short text keys, dates as text;
/// COSE_Sign1 (tag 18) with `alg` and `kid` of 8 bytes protected; zlib; Base45 after `HC1:`.
///
/// Added to it: `cnf` (8). The status place is `[list, index]`, as in ours; the form itself has only an identifier to revoke.
pub fn hcert(sample: &Sample) -> Object {
    let (holder, home) = (&sample.holder, &sample.residence);
    let permit = map([
        ("ver", Value::from("1.0.0")),
        ("rc", Value::from(sample.residence_code().digits())),
        ("nam", Value::from(holder.name.as_str())),
        ("id", Value::from(holder.citizen_id.as_str())),
        ("et", Value::from(holder.ethnicity_code.as_str())),
        ("hd", Value::from(holder.household_division.as_str())),
        ("ha", Value::from(holder.household_address.as_str())),
        ("ad", Value::from(home.division.as_str())),
        ("aa", Value::from(home.address.as_str())),
        ("is", Value::from(sample.permit.issue_date.as_str())),
        ("eu", Value::from(sample.permit.valid_until.as_str())),
        ("st", status(sample)),
    ]);
    let claims = map([
        (1i64, Value::from("CN")),
        (4, Value::from(expires_at())),
        (6, Value::from(issued_at().seconds())),
        (8, cnf(sample)),
        (-260, map([(1i64, permit)])),
    ]);
    compressed("HC1:", &cose_sign1(&claims))
}

/// As MOSIP's Claim 169 (Identity Data in QR): a CWT with whole-number keys; what the form has a field for stands under 169, the rest in a
/// private claim; COSE_Sign1 (tag 18) in a CWT tag (61); zlib; Base45.
///
/// Added to it: `cnf` (8), and the private claim for residence code, ethnicity, household, days and status.
pub fn claim_169(sample: &Sample) -> Object {
    compressed("", &claim_169_cose(sample))
}

fn claim_169_cose(sample: &Sample) -> Vec<u8> {
    let holder = &sample.holder;
    let identity = map([
        (1i64, Value::from(holder.citizen_id.as_str())),
        (2, Value::from("1.0.0")),
        (4, Value::from(holder.name.as_str())),
        (8, Value::from(holder.birth_date.replace('-', ""))),
        (9, Value::from(holder.sex_code.parse::<u64>().expect("a digit"))),
        (10, Value::from(sample.residence.address.as_str())),
    ]);
    let permit = map([
        (1i64, Value::from(sample.residence_code().get())),
        (2, Value::from(holder.ethnicity_code.parse::<u64>().expect("digits"))),
        (3, Value::from(holder.household_division.parse::<u64>().expect("digits"))),
        (4, Value::from(holder.household_address.as_str())),
        (5, Value::from(sample.residence.division.parse::<u64>().expect("digits"))),
        (6, Value::from(sample.permit.issue_date.as_str())),
        (7, Value::from(sample.permit.valid_until.as_str())),
        (8, status(sample)),
    ]);
    let claims = map([
        (1i64, Value::from("example.cn")),
        (4, Value::from(expires_at())),
        (6, Value::from(issued_at().seconds())),
        (8, cnf(sample)),
        (169, identity),
        (-65537, permit),
    ]);
    // Tag 61 has a head of two bytes; the tagged COSE_Sign1 follows.
    [&[0xd8, 61][..], &cose_sign1(&claims)].concat()
}

/// SD-JWT VC (typ `dc+sd-jwt`): every claim its own disclosure with a salt of 128 bits, all of them disclosed; status as a Token Status
/// List reference; and the holder's key-binding JWT with `iat`, `aud`, `nonce` and `sd_hash`. Compact serialization, as it stands.
pub fn sd_jwt_kb(sample: &Sample) -> Object {
    let (holder, home) = (&sample.holder, &sample.residence);
    let disclosures: Vec<String> = [
        ("residence_code", json!(sample.residence_code().digits())),
        ("name", json!(holder.name)),
        ("citizen_id", json!(holder.citizen_id)),
        ("ethnicity", json!(holder.ethnicity_code)),
        ("household", json!({"division": holder.household_division, "address": holder.household_address})),
        ("address", json!({"division": home.division, "address": home.address})),
        ("issued_on", json!(sample.permit.issue_date)),
        ("endorsed_until", json!(sample.permit.valid_until)),
    ]
    .into_iter()
    .map(|(name, value)| {
        let salt = digest(&[b"salt", name.as_bytes(), &sample.no.to_be_bytes()]);
        base64url(json!([base64url(salt.get(..16).expect("16 of 32")), name, value]).to_string())
    })
    .collect();

    let mut digests: Vec<String> = disclosures.iter().map(|d| base64url(Sha256::digest(d.as_bytes()))).collect();
    // The order of the digests must not tell the order of the claims (SD-JWT section 4.2.4.1).
    digests.sort();
    let slot = sample.slot();
    let payload = json!({
        "iss": "https://issuer.example.cn",
        "iat": issued_at().seconds(),
        "exp": expires_at(),
        "vct": "https://issuer.example.cn/residence-permit",
        "cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": base64url(device_key(sample))}},
        "status": {"status_list": {"idx": slot.index, "uri": format!("{STATUS_URI}/{}", slot.list)}},
        "_sd_alg": "sha-256",
        "_sd": digests,
    });
    let header = json!({"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": issuing_key().kid().to_string()});
    let issuer_signed = jwt(&header, &payload, |message| issuing_secret().sign(message).to_bytes());
    let sd_jwt = format!("{issuer_signed}~{}~", disclosures.join("~"));

    let binding = json!({
        "iat": now().seconds(),
        "aud": "https://counter.example.cn",
        "nonce": base64url(digest(&[b"challenge"]).get(..16).expect("16 of 32")),
        "sd_hash": base64url(Sha256::digest(sd_jwt.as_bytes())),
    });
    let device = sample.device(Algorithm::Ed25519);
    let kb_jwt =
        jwt(&json!({"alg": "EdDSA", "typ": "kb+jwt"}), &binding, |message| device.sign(message).expect("signed"));
    let text = sd_jwt + &kb_jwt;
    Object { bytes: text.len(), text, mode: Mode::Byte }
}

impl Object {
    /// The smallest QR version that holds the text at this level, 1 to 40; none when not even 40 does.
    pub fn version(&self, level: EcLevel) -> Option<i16> {
        (1..=40).find(|version| self.fits(*version, level).is_ok())
    }

    fn fits(&self, version: i16, level: EcLevel) -> QrResult<()> {
        let mut bits = Bits::new(Version::Normal(version));
        match self.mode {
            Mode::Numeric => bits.push_numeric_data(self.text.as_bytes())?,
            Mode::Alphanumeric => bits.push_alphanumeric_data(self.text.as_bytes())?,
            Mode::Byte => bits.push_byte_data(self.text.as_bytes())?,
        }
        bits.push_terminator(level)
    }
}

fn cose_sign1(claims: &Value) -> Vec<u8> {
    let kid = issuing_key().kid().0.to_vec();
    let protected = HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(kid).build();
    CoseSign1Builder::new()
        .protected(protected)
        .payload(cbor(claims))
        .create_signature(b"", |message| issuing_secret().sign(message).to_vec())
        .build()
        .to_tagged_vec()
        .expect("a COSE_Sign1 can be written")
}

fn compressed(prefix: &str, bytes: &[u8]) -> Object {
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9);
    Object { bytes: zlib.len(), text: prefix.to_owned() + &base45::encode(&zlib), mode: Mode::Alphanumeric }
}

fn jwt(header: &serde_json::Value, payload: &serde_json::Value, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> String {
    let signed = format!("{}.{}", base64url(header.to_string()), base64url(payload.to_string()));
    let signature = base64url(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// `{1: COSE_Key}`
fn cnf(sample: &Sample) -> Value {
    let key = coset::CoseKeyBuilder::new_okp_key()
        .param(iana::OkpKeyParameter::Crv as i64, Value::from(iana::EllipticCurve::Ed25519 as u64))
        .param(iana::OkpKeyParameter::X as i64, Value::from(device_key(sample).to_vec()))
        .build()
        .to_vec()
        .expect("a COSE_Key can be written");
    map([(1i64, ciborium::from_reader(key.as_slice()).expect("CBOR"))])
}

fn device_key(sample: &Sample) -> [u8; 32] {
    match sample.device(Algorithm::Ed25519).public_key() {
        CoseKey::Ed25519(bytes) => bytes,
        CoseKey::P256(_) => panic!("asked for an Ed25519 device"),
    }
}

/// As long as ours: three years.
fn expires_at() -> u64 {
    issued_at().seconds() + 1_096 * 86_400
}

fn status(sample: &Sample) -> Value {
    Value::Array(vec![Value::from(sample.slot().list), Value::from(sample.slot().index)])
}

fn map<K: Into<Value>, const N: usize>(pairs: [(K, Value); N]) -> Value {
    Value::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("written into memory");
    bytes
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use coset::{CoseSign1, TaggedCborSerializable as _};
    use credential_format::key::PublicKey;
    use credential_format::text;
    use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

    use super::*;

    fn opened(object: &Object, prefix: &str) -> Vec<u8> {
        let zlib = base45::decode(object.text.strip_prefix(prefix).unwrap()).unwrap();
        assert_eq!(zlib.len(), object.bytes);
        miniz_oxide::inflate::decompress_to_vec_zlib(&zlib).unwrap()
    }

    fn claims(cose: &[u8]) -> Value {
        let sign1 = CoseSign1::from_tagged_slice(cose).unwrap();
        let key = issuing_secret().verifying_key();
        sign1
            .verify_signature(b"", |signature, message| key.verify(message, &Signature::from_slice(signature).unwrap()))
            .unwrap();
        ciborium::from_reader(sign1.payload.unwrap().as_slice()).unwrap()
    }

    fn jwt_payload(jwt: &str, key: &VerifyingKey) -> serde_json::Value {
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap()).unwrap()
    }

    #[test]
    fn the_peers_are_real_and_say_the_same() {
        for sample in Sample::all() {
            let holds = |claims: &Value| {
                let shown = format!("{claims:?}");
                for value in [&sample.holder.name, &sample.residence.address, &sample.holder.household_address] {
                    assert!(shown.contains(value.as_str()), "sample {}", sample.no);
                }
            };
            holds(&claims(&opened(&hcert(&sample), "HC1:")));
            holds(&claims(opened(&claim_169(&sample), "").strip_prefix(&[0xd8, 61]).unwrap()));

            let object = sd_jwt_kb(&sample);
            let (sd_jwt, kb_jwt) = object.text.rsplit_once('~').unwrap();
            let mut parts = sd_jwt.split('~');
            let payload = jwt_payload(parts.next().unwrap(), &issuing_secret().verifying_key());
            let disclosures: Vec<&str> = parts.collect();
            assert_eq!(disclosures.len(), 8);
            for disclosure in disclosures {
                let hash = base64url(Sha256::digest(disclosure.as_bytes()));
                assert!(payload["_sd"].as_array().unwrap().contains(&json!(hash)));
            }
            let device = VerifyingKey::from_bytes(&device_key(&sample)).unwrap();
            let binding = jwt_payload(kb_jwt, &device);
            assert_eq!(binding["sd_hash"], base64url(Sha256::digest(format!("{sd_jwt}~"))));

            let (_, bytes) = text::decode(&ours(&sample).text).unwrap();
            let presentation = credential_format::presentation::UnverifiedPresentation::parse(&bytes).unwrap();
            let device = PublicKey::try_from(&CoseKey::Ed25519(device_key(&sample))).unwrap();
            device.verify(&presentation.message(), presentation.signature()).unwrap();
        }
    }

    #[test]
    fn versions_are_those_of_the_standard() {
        // ISO/IEC 18004 table 7: version 1-L holds 41 digits, 25 alphanumeric characters or 17 bytes; 40-L 2,953 bytes.
        let object = |mode, len| Object { bytes: 0, text: "1".repeat(len), mode };
        for (mode, most) in [(Mode::Numeric, 41), (Mode::Alphanumeric, 25), (Mode::Byte, 17)] {
            assert_eq!(object(mode, most).version(EcLevel::L), Some(1));
            assert_eq!(object(mode, most + 1).version(EcLevel::L), Some(2));
        }
        assert_eq!(object(Mode::Byte, 2_953).version(EcLevel::L), Some(40));
        assert_eq!(object(Mode::Byte, 2_954).version(EcLevel::L), None);
        assert_eq!(object(Mode::Numeric, 829).version(EcLevel::L), Some(12));
        assert_eq!(object(Mode::Numeric, 829).version(EcLevel::M), Some(14));
    }
}
