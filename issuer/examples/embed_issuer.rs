//! A backend that issues one permit: `cargo run -p issuer --no-default-features --example embed_issuer`

use credential_format::key::{CoseKey, PublicKey};
use credential_format::permit::StatusSlot;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::SigningKey;
use issuer::{Device, IssuingKey, RawRequest, issue};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any `signature::Signer` for Ed25519 will do: here a key in memory, in production one in a hardware module.
    let secret = SigningKey::from_bytes(&[1; 32]);
    let key = IssuingKey::new(secret.clone(), PublicKey::try_from(&CoseKey::from(secret.verifying_key()))?)?;
    let now = Timestamp::parse("2026-07-01T09:00:00+08:00")?;

    let request = RawRequest {
        residence_code: Some("4400 0000 0012 3454".into()),
        name: Some("欧阳示范".into()),
        citizen_id: Some("360102198802099994".into()),
        ethnicity: Some("汉".into()),
        household_division: Some("360102".into()),
        household_address: Some("江西省南昌市东湖区虚构巷7号".into()),
        address_division: Some("440105".into()),
        address: Some("广东省广州市海珠区样板街22号".into()),
        issued_on: Some("2026-07-01".into()),
        endorsement_years: Some("1".into()),
        ..RawRequest::default()
    };
    let request =
        request.check(now.day()).map_err(|errors| errors.first().map_or(String::new(), ToString::to_string))?;

    // The holder's phone proved by an enrolment that it holds this key; the slot comes from the backend's own register.
    let device = Device::try_from(&CoseKey::from(SigningKey::from_bytes(&[9; 32]).verifying_key()))?;
    let permit = issue(&request, &device, StatusSlot { list: 1, index: 77 }, now, &key)?;
    println!("{} bytes, signed by {}; for the phone: {}", permit.bytes().len(), permit.kid(), permit.text());
    Ok(())
}
