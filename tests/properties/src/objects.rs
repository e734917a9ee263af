//! Digits, and the objects that a code carries.

use ciborium::Value;
use credential_format::cbor;
use credential_format::challenge::Challenge;
use credential_format::enrolment::UnverifiedEnrolment;
use credential_format::limits::CBOR_ITEMS_MAX;
use credential_format::permit::{Claims, ClaimsError, UnverifiedPermit};
use credential_format::presentation::{Presented, UnverifiedPresentation};
use credential_format::text;

/// Digits that are read are those that are written; what a keyboard makes of them does not depend on how often it is asked.
pub(crate) fn digits(bytes: &[u8]) {
    let Ok(typed) = std::str::from_utf8(bytes) else { return };
    let folded = text::from_keyboard(typed);
    assert_eq!(text::from_keyboard(&folded), folded, "folding twice is another thing than once");
    match text::decode(&folded) {
        Ok((kind, read)) => assert_eq!(text::encode(kind, &read), *folded, "two texts for the same bytes"),
        Err(error) => {
            let _ = text::scanner_fault(&folded);
            assert!(!error.code().is_empty() && !error.to_string().is_empty());
        }
    }
}

/// What is read as CBOR is what another reader reads, and is written as the same bytes.
pub(crate) fn cbor(bytes: &[u8]) {
    let Ok(value) = cbor::read_tree(bytes, CBOR_ITEMS_MAX) else { return };
    assert!(!cbor::diagnostic(&value).is_empty());
    let mut inner = &value;
    while let Value::Tag(_, item) = inner {
        inner = item;
    }
    let written = cbor::canonical(inner).expect("it cannot be written");
    assert!(bytes.ends_with(&written), "two encodings of one value");
    assert_eq!(&ciborium::from_reader::<Value, _>(&*written).expect("another reader refuses it"), inner);
}

/// A permit that is read is its bytes, says nothing of the person when it is printed for a technician, and its claims keep their rules.
pub(crate) fn permit(bytes: &[u8]) {
    let Ok(permit) = UnverifiedPermit::parse(bytes) else { return };
    assert_eq!(permit.bytes(), bytes);
    let claims = permit.unverified_claims();
    match claims.check() {
        // An issuer signs no index that no list has; a verifier reads it, and says STATUS_INDEX.
        Ok(()) | Err(ClaimsError::StatusIndex) => {}
        Err(error) => panic!("claims that were read break their own rules: {error}"),
    }
    is_silent(&format!("{permit:?} {claims:?}"), claims);
    assert_eq!(permit.signature().as_slice(), &bytes[bytes.len() - 64..]);
    assert!(permit.message().ends_with(claims_of(&permit)), "the message does not end with the claims that were read");
}

fn claims_of<'b>(permit: &UnverifiedPermit<'b>) -> &'b [u8] {
    let signature_and_head = 66;
    let before = permit.bytes().len() - signature_and_head;
    // The payload is a byte string that ends where the signature's begins: its last 16 bytes are enough to tell.
    &permit.bytes()[before - 16..before]
}

fn is_silent(printed: &str, claims: &Claims) {
    for datum in [claims.citizen_id.to_string(), claims.residence_code.digits()] {
        assert!(!printed.contains(&datum), "Debug shows personal data");
    }
    if claims.name.as_str().chars().count() > 1 {
        assert!(!printed.contains(claims.name.as_str()), "Debug shows a name");
    }
}

/// A presentation that is read holds a permit whole, and is its bytes.
pub(crate) fn presentation(bytes: &[u8]) {
    if let Ok(challenge) = Challenge::parse(bytes) {
        assert_eq!(challenge.to_vec(), bytes);
        assert!(Presented::parse(bytes).is_err(), "a challenge is no permit");
    }
    let Ok(presentation) = UnverifiedPresentation::parse(bytes) else { return };
    let inner = presentation.permit().bytes();
    permit(inner);
    assert!(bytes.windows(inner.len()).any(|window| window == inner), "the permit is not in it");
    assert_eq!(presentation.signature().as_slice(), &bytes[bytes.len() - 64..]);
    is_silent(&format!("{presentation:?}"), presentation.permit().unverified_claims());
    assert!(matches!(Presented::parse(bytes), Ok(Presented::Presentation(_))), "two readers of one thing");
}

/// An enrolment that holds was signed by the key in it over what it says.
pub(crate) fn enrolment(bytes: &[u8]) {
    let Ok(read) = UnverifiedEnrolment::parse(bytes) else { return };
    let Ok(enrolment) = read.check() else { return };
    assert_eq!(
        enrolment.claims(),
        UnverifiedEnrolment::parse(bytes).expect("it was read before").check().expect("it held before").claims()
    );
    assert!(bytes.len() > 64);
    let mut changed = bytes.to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let holds = UnverifiedEnrolment::parse(&changed).is_ok_and(|other| other.check().is_ok());
    assert!(!holds, "another signature is as good");
}
