//! `isomdl` as a contender of `bench/peers`: it issues, verifies, and answers the faults, line by line.
//!
//! The permit is an mdoc with a document type of its own. The two functions of isomdl's reader, `issuer_authentication` and
//! `device_authentication`, take P-256 keys only: as contender `p256` the same 32 secret bytes are P-256 scalars. As `ed25519` it has the
//! keys of the others, and what the reader does is done here with isomdl's own types and its COSE_Sign1. The issuer's certificate (P-256 in
//! both) is known to the verifier, as its key is to the other contenders: there is no chain to be validated. Time and nonce are device-signed
//! elements.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use ciborium::Value;
use coset::{CoseSign1Builder, Header, HeaderBuilder, Label, RegisteredLabel, iana};
use isomdl::cbor;
use isomdl::cose::SignatureAlgorithm;
use isomdl::cose::sign1::PreparedCoseSign1;
use isomdl::definitions::device_key::cose_key::{EC2Y, OKPCurve};
use isomdl::definitions::device_key::{EC2Curve, KeyAuthorizations};
use isomdl::definitions::device_response::Status;
use isomdl::definitions::device_signed::{DeviceAuth, DeviceAuthentication, DeviceNamespaces, DeviceSigned};
use isomdl::definitions::helpers::{NonEmptyMap, NonEmptyVec, Tag24};
use isomdl::definitions::session::SessionTranscript;
use isomdl::definitions::x509::X5Chain;
use isomdl::definitions::{
    CoseKey, DeviceKeyInfo, DeviceResponse, DigestAlgorithm, Document, IssuerSigned, Mso, ValidityInfo,
};
use isomdl::issuance::Mdoc;
use isomdl::presentation::authentication::mdoc::{device_authentication, issuer_authentication};
use p256::EncodedPoint;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

const PERMIT: &str = "cn.example.residence-permit.1";
const BINDING: &str = "cn.example.binding";
const NONCE: [u8; 8] = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7];

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize)]
struct Input {
    now: i64,
    issuer: Key,
    stranger: Key,
    other_device: Key,
    permits: Vec<Permit>,
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Key {
    secret: String,
}

#[derive(Deserialize)]
struct Permit {
    fields: BTreeMap<String, serde_json::Value>,
    device: Key,
}

#[derive(Deserialize)]
struct Fault {
    id: String,
    permit: Permit,
    shown_at: i64,
}

/// What the reader and the device both know of the session: one where the code is shown and nothing was asked, another where the counter did.
#[derive(Clone, Serialize, Deserialize)]
struct Transcript(Option<()>, Option<()>, String);

impl SessionTranscript for Transcript {}

impl Transcript {
    fn shown() -> Transcript {
        Transcript(None, None, "shown".to_owned())
    }
}

/// A secret key of either curve.
#[derive(Clone)]
enum Secret {
    P256(SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    fn secret(&self, curve: Curve) -> Secret {
        let bytes: [u8; 32] = hex::decode(&self.secret).expect("digits").try_into().expect("32 bytes");
        match curve {
            Curve::P256 => Secret::P256(SigningKey::from_slice(&bytes).expect("a scalar")),
            Curve::Ed25519 => Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes)),
        }
    }

    fn certificate(&self) -> X5Chain {
        let Secret::P256(key) = self.secret(Curve::P256) else { panic!("P-256") };
        certificate(&key)
    }
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    Ed25519,
}

impl Secret {
    fn algorithm(&self) -> iana::Algorithm {
        match self {
            Secret::P256(_) => iana::Algorithm::ES256,
            Secret::Ed25519(_) => iana::Algorithm::EdDSA,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Secret::P256(key) => Signer::<Signature>::sign(key, message).to_vec(),
            Secret::Ed25519(key) => key.sign(message).to_vec(),
        }
    }

    fn cose_key(&self) -> CoseKey {
        match self {
            Secret::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (Some(x), Some(y)) = (point.x(), point.y()) else { panic!("a point") };
                CoseKey::EC2 { crv: EC2Curve::P256, x: x.to_vec(), y: EC2Y::Value(y.to_vec()) }
            }
            Secret::Ed25519(key) => CoseKey::OKP { crv: OKPCurve::Ed25519, x: key.verifying_key().to_bytes().to_vec() },
        }
    }
}

/// What isomdl's COSE_Sign1 asks for the algorithm before it verifies.
struct Ed25519(ed25519_dalek::VerifyingKey);

impl SignatureAlgorithm for Ed25519 {
    fn algorithm(&self) -> iana::Algorithm {
        iana::Algorithm::EdDSA
    }
}

impl Verifier<ed25519_dalek::Signature> for Ed25519 {
    fn verify(
        &self,
        message: &[u8],
        signature: &ed25519_dalek::Signature,
    ) -> Result<(), p256::ecdsa::signature::Error> {
        self.0.verify_strict(message, signature)
    }
}

/// Self-signed, and smaller than the one that ISO/IEC 18013-5 annex B wants.
fn certificate(key: &SigningKey) -> X5Chain {
    // Ten years from the start of the program: nobody looks at it.
    let name = Name::from_str("CN=issuer,C=CN").expect("a name");
    let spki = SubjectPublicKeyInfoOwned::from_key(*key.verifying_key()).expect("a key");
    let validity = Validity::from_now(Duration::from_secs(10 * 365 * 86_400)).expect("in range");
    let builder =
        CertificateBuilder::new(Profile::Root, SerialNumber::from(1u8), validity, name, spki, key).expect("built");
    let certificate = builder.build::<DerSignature>().expect("signed");
    X5Chain::builder().with_certificate(certificate).and_then(|chain| chain.build()).expect("one certificate")
}

fn validity(fields: &BTreeMap<String, serde_json::Value>) -> ValidityInfo {
    let time = |name: &str| {
        let seconds = fields.get(name).and_then(serde_json::Value::as_i64).expect("a time");
        OffsetDateTime::from_unix_timestamp(seconds).expect("in range")
    };
    ValidityInfo { signed: time("iat"), valid_from: time("iat"), valid_until: time("exp"), expected_update: None }
}

fn issue(permit: &Permit, doc_type: &str, chain: &X5Chain, key: &Secret) -> Result<Mdoc, Failure> {
    let curve = if matches!(key, Secret::P256(_)) { Curve::P256 } else { Curve::Ed25519 };
    let elements = permit
        .fields
        .iter()
        .filter(|(name, _)| !["iat", "exp"].contains(&name.as_str()))
        .map(|(name, value)| Ok((name.clone(), Value::serialized(value)?)))
        .collect::<Result<_, ciborium::value::Error>>()?;
    let prepared = Mdoc::builder()
        .doc_type(doc_type.to_owned())
        .namespaces([(PERMIT.to_owned(), elements)].into())
        .validity_info(validity(&permit.fields))
        .digest_algorithm(DigestAlgorithm::SHA256)
        .device_key_info(DeviceKeyInfo {
            device_key: permit.device.secret(curve).cose_key(),
            key_authorizations: Some(KeyAuthorizations {
                namespaces: Some(NonEmptyVec::new(BINDING.to_owned())),
                data_elements: None,
            }),
            key_info: None,
        })
        .enable_decoy_digests(false)
        .prepare(key.algorithm())?;
    let signature = key.sign(prepared.signature_payload());
    Ok(prepared.complete(chain.clone(), signature))
}

fn binding(at: i64) -> DeviceNamespaces {
    let mut items = NonEmptyMap::new("iat".to_owned(), Value::from(at));
    items.insert("nonce".to_owned(), Value::Bytes(NONCE.to_vec()));
    [(BINDING.to_owned(), items)].into()
}

fn present(mdoc: Mdoc, device: &Secret, at: i64) -> Result<DeviceResponse, Failure> {
    let namespaces = Tag24::new(binding(at))?;
    let signed = DeviceAuthentication::new(Transcript::shown(), PERMIT.to_owned(), namespaces.clone());
    let header = HeaderBuilder::new().algorithm(device.algorithm()).build();
    let prepared = PreparedCoseSign1::new(
        CoseSign1Builder::new().protected(header),
        Some(&cbor::to_vec(&Tag24::new(signed)?)?),
        None,
        false,
    )?;
    let signature = device.sign(prepared.signature_payload());
    let device_auth = DeviceAuth::DeviceSignature(prepared.finalize(signature));
    Ok(DeviceResponse {
        version: DeviceResponse::VERSION.to_owned(),
        documents: Some(NonEmptyVec::new(Document {
            doc_type: PERMIT.to_owned(),
            issuer_signed: IssuerSigned { namespaces: Some(mdoc.namespaces), issuer_auth: mdoc.issuer_auth },
            device_signed: DeviceSigned { namespaces, device_auth },
            errors: None,
        })),
        document_errors: None,
        status: Status::OK,
    })
}

/// Whose permits are taken.
enum Trusted {
    P256(X5Chain),
    Ed25519(Ed25519),
}

fn verify(shown: &[u8], trusted: &Trusted, transcript: Transcript) -> Result<(), Failure> {
    let response: DeviceResponse = cbor::from_slice(shown)?;
    let document = response.documents.as_ref().and_then(|all| all.first()).ok_or("no document")?;
    match trusted {
        Trusted::P256(chain) => {
            device_authentication(document, transcript)?;
            issuer_authentication(chain.clone(), &document.issuer_signed)?;
        }
        Trusted::Ed25519(key) => {
            device_authentication_ed25519(document, transcript)?;
            let issuer_auth = &document.issuer_signed.issuer_auth;
            issuer_auth.verify::<_, ed25519_dalek::Signature>(key, None, None).into_result()?;
        }
    }
    Ok(())
}

/// The same steps as the function of the reader: key out of the security object, detached payload, signature.
fn device_authentication_ed25519(document: &Document, transcript: Transcript) -> Result<(), Failure> {
    let payload = document.issuer_signed.issuer_auth.inner.payload.as_ref().ok_or("no payload")?;
    let security: Tag24<Mso> = cbor::from_slice(payload)?;
    let CoseKey::OKP { crv: OKPCurve::Ed25519, x } = &security.as_ref().device_key_info.device_key else {
        return Err("no Ed25519 key".into());
    };
    let device = Ed25519(ed25519_dalek::VerifyingKey::from_bytes(x.as_slice().try_into()?)?);
    let namespaces = document.device_signed.namespaces.clone();
    let signed = Tag24::new(DeviceAuthentication::new(transcript, document.doc_type.clone(), namespaces))?;
    let DeviceAuth::DeviceSignature(proof) = &document.device_signed.device_auth else {
        return Err("no signature".into());
    };
    Ok(proof.verify::<_, ed25519_dalek::Signature>(&device, Some(&cbor::to_vec(&signed)?), None).into_result()?)
}

/// The fault in this form; none where there is nothing to hand over.
fn faulty(fault: &Fault, input: &Input, curve: Curve) -> Result<Option<Vec<u8>>, Failure> {
    let is = |id| fault.id == id;
    if is("trust-expired") || is("status-stale") {
        return Ok(None);
    }
    let signer = if is("stranger") || is("stolen-kid") { &input.stranger } else { &input.issuer }.secret(curve);
    let named = if is("stranger") { &input.stranger } else { &input.issuer }.certificate();
    let doc_type = if is("other-kind") { "cn.example.library-card.1" } else { PERMIT };
    let mut mdoc = issue(&fault.permit, doc_type, &named, &signer)?;
    if is("duplicate") || is("critical") {
        resign(&mut mdoc, &signer, is("critical"))?;
    }
    if is("unprotected") {
        mdoc.issuer_auth.inner.unprotected.rest.push((Label::Int(99), 1.into()));
    }
    if is("changed-signature") {
        mdoc.issuer_auth.inner.signature[0] ^= 1;
    }
    let device = if is("other-device") { &input.other_device } else { &fault.permit.device }.secret(curve);
    let mut response = present(mdoc, &device, fault.shown_at)?;
    if is("changed-proof")
        && let Some(documents) = &mut response.documents
    {
        let mut document = documents.first().ok_or("no document")?.clone();
        document.device_signed.namespaces = Tag24::new(binding(fault.shown_at ^ 1))?;
        *documents = NonEmptyVec::new(document);
    }
    if is("no-proof") {
        let mut value = Value::serialized(&response)?;
        let document = value.as_map_mut().and_then(|map| map.iter_mut().find(|pair| pair.0 == "documents".into()));
        let document =
            document.and_then(|pair| pair.1.as_array_mut()?.first_mut()?.as_map_mut()).ok_or("no document")?;
        document.retain(|pair| pair.0 != "deviceSigned".into());
        return Ok(Some(cbor::to_vec(&value)?));
    }
    let mut bytes = cbor::to_vec(&response)?;
    if is("changed-claim") {
        let street = "路".as_bytes();
        let at = bytes.windows(3).position(|window| window == street).ok_or("no street")?;
        bytes.splice(at..at + 3, "街".bytes());
    }
    if is("trailing") {
        bytes.push(0);
    }
    if is("long-form") {
        bytes.splice(0..1, [0xb8, bytes[0] & 0x1f]);
    }
    Ok(Some(bytes))
}

/// Signs again, with an unknown critical header or with a member of the security object twice.
fn resign(mdoc: &mut Mdoc, key: &Secret, critical: bool) -> Result<(), Failure> {
    let old = &mdoc.issuer_auth.inner;
    let mut header: Header = old.protected.header.clone();
    let mut payload = old.payload.clone().ok_or("no payload")?;
    if critical {
        header.crit.push(RegisteredLabel::Text("unknown".to_owned()));
        header.rest.push((Label::Text("unknown".to_owned()), 1.into()));
    } else {
        let Value::Tag(24, inner) = cbor::from_slice(&payload)? else { return Err("no tag 24".into()) };
        let mut members = inner.into_bytes().map_err(|_| "no bytes")?;
        members[0] += 1;
        members.extend(cbor::to_vec(&"docType")?);
        members.extend(cbor::to_vec(&PERMIT)?);
        payload = cbor::to_vec(&Value::Tag(24, Box::new(Value::Bytes(members))))?;
    }
    let unprotected = old.unprotected.clone();
    let builder = CoseSign1Builder::new().protected(header).unprotected(unprotected).payload(payload);
    let prepared = PreparedCoseSign1::new(builder, None, None, false)?;
    let signature = key.sign(prepared.signature_payload());
    mdoc.issuer_auth = prepared.finalize(signature);
    Ok(())
}

fn answer(fault: &Fault, input: &Input, curve: Curve, trusted: &Trusted) -> Result<serde_json::Value, Failure> {
    let Some(shown) = faulty(fault, input, curve)? else {
        return Ok(json!({"by": "nothing to hand over", "why": ""}));
    };
    let transcript = match fault.id.as_str() {
        "unasked" => Transcript(None, None, "asked".to_owned()),
        _ => Transcript::shown(),
    };
    let mut verdict = verify(&shown, trusted, transcript.clone());
    if fault.id == "replayed" && verdict.is_ok() {
        verdict = verify(&shown, trusted, transcript);
    }
    Ok(match verdict {
        Ok(()) => json!({"by": "accepted", "why": ""}),
        Err(refusal) => json!({"by": "library", "why": refusal.to_string()}),
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [curve, path] = arguments.as_slice() else { return Err("which curve, which input?".into()) };
    let curve = if curve == "p256" { Curve::P256 } else { Curve::Ed25519 };
    let input: Input = serde_json::from_slice(&std::fs::read(path)?)?;
    let key = input.issuer.secret(curve);
    let chain = input.issuer.certificate();
    let trusted = match &key {
        Secret::P256(_) => Trusted::P256(chain.clone()),
        Secret::Ed25519(key) => Trusted::Ed25519(Ed25519(key.verifying_key())),
    };
    let (mut issued, mut shown) = (Vec::new(), Vec::new());
    for permit in &input.permits {
        let mdoc = issue(permit, PERMIT, &chain, &key)?;
        let held = IssuerSigned { namespaces: Some(mdoc.namespaces.clone()), issuer_auth: mdoc.issuer_auth.clone() };
        issued.push(cbor::to_vec(&held)?.len());
        shown.push(cbor::to_vec(&present(mdoc, &permit.device.secret(curve), input.now)?)?);
    }

    let message = [7; 256];
    let device = input.other_device.secret(curve);
    let bare = (key.sign(&message), device.sign(&message), device.cose_key());
    let bare_verify = || -> Result<(), Failure> {
        match (&key, &bare.2) {
            (Secret::P256(key), CoseKey::EC2 { x, y: EC2Y::Value(y), .. }) => {
                key.verifying_key().verify(&message, &Signature::from_slice(&bare.0)?)?;
                let point = EncodedPoint::from_affine_coordinates(x.as_slice().into(), y.as_slice().into(), false);
                VerifyingKey::from_encoded_point(&point)?.verify(&message, &Signature::from_slice(&bare.1)?)?;
            }
            (Secret::Ed25519(key), CoseKey::OKP { x, .. }) => {
                key.verifying_key().verify_strict(&message, &bare.0.as_slice().try_into()?)?;
                let device = ed25519_dalek::VerifyingKey::from_bytes(x.as_slice().try_into()?)?;
                device.verify_strict(&message, &bare.1.as_slice().try_into()?)?;
            }
            _ => return Err("keys of two kinds".into()),
        }
        Ok(())
    };

    for line in io::stdin().lines() {
        let line = line?;
        let (what, times) = line.split_once(' ').unwrap_or((&line, "1"));
        let times: usize = times.parse()?;
        let start = Instant::now();
        let said = match what {
            "hello" => {
                let lengths: Vec<usize> = shown.iter().map(Vec::len).collect();
                let cryptography = if matches!(curve, Curve::P256) { "p256 0.13" } else { "ed25519-dalek 2.2" };
                json!({"versions": ["isomdl 0.2.0", cryptography], "mode": "byte",
                    "issued": issued, "shown": lengths, "text": lengths})
            }
            "faults" => {
                let answers =
                    input.faults.iter().map(|fault| Ok((fault.id.clone(), answer(fault, &input, curve, &trusted)?)));
                serde_json::Value::Object(answers.collect::<Result<_, Failure>>()?)
            }
            _ => {
                for i in 0..times {
                    match what {
                        "issue" => drop(issue(&input.permits[i % input.permits.len()], PERMIT, &chain, &key)?),
                        "verify" => verify(&shown[i % shown.len()], &trusted, Transcript::shown())?,
                        "bare-sign" => drop(std::hint::black_box(key.sign(&message))),
                        _ => bare_verify()?,
                    }
                }
                json!(start.elapsed().as_nanos() as u64)
            }
        };
        writeln!(io::stdout(), "{said}")?;
    }
    Ok(())
}
