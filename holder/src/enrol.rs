//! Enrolment 绑定: the device proves to the issuer that it holds the key a permit is to be bound to (SPEC section 5).

use alloc::string::String;
use alloc::vec::Vec;

use credential_format::enrolment::{EnrolmentClaims, EnrolmentError, UnverifiedEnrolment};
use credential_format::key::PublicKey;
use credential_format::residence_code::ResidenceCode;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;

use crate::device_key::{DeviceError, DeviceSigner, sign_and_check};

/// An enrolment, checked as the issuer will check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEnrolment(Vec<u8>);

impl SignedEnrolment {
    /// The enrolment's bytes, for HTTP or a file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The enrolment as the digits of a QR code.
    pub fn text(&self) -> String {
        text::encode(Kind::Enrolment, &self.0)
    }
}

/// Signs the issuer's `nonce` with the device's key: the permit of `residence_code` is to be bound to this device.
///
/// # Errors
/// [`DeviceError`]: the device gave no signature, or none that holds.
pub fn enrol(
    signer: &(impl DeviceSigner + ?Sized),
    residence_code: ResidenceCode,
    nonce: [u8; 16],
    now: Timestamp,
) -> Result<SignedEnrolment, DeviceError> {
    let device_key = signer.public_key();
    let key = PublicKey::try_from(&device_key)?;
    let to_sign = EnrolmentClaims { issued_at: now, device_key, nonce, residence_code }.to_sign();
    let bytes = sign_and_check(signer, &key, &to_sign)?;
    // The issuer's own reading of it, so that a device learns here and not at the counter that its enrolment is no good.
    match UnverifiedEnrolment::parse(&bytes).map_err(DeviceError::NotReadBack)?.check() {
        Ok(_) => Ok(SignedEnrolment(bytes)),
        Err(EnrolmentError::Key(error)) => Err(error.into()),
        Err(EnrolmentError::Algorithm | EnrolmentError::Signature) => Err(DeviceError::Signature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device_key::SigningFailed;
    use crate::device_key::tests::{ALGORITHMS, Odd, device, high_s};
    use credential_format::key::Algorithm;

    fn enrolled(signer: &impl DeviceSigner) -> Result<SignedEnrolment, DeviceError> {
        let code = ResidenceCode::with_check(440_000_000_012_345).unwrap();
        enrol(signer, code, [9; 16], Timestamp::new(1_782_864_000).unwrap())
    }

    #[test]
    fn an_enrolment_says_what_was_given() {
        for algorithm in ALGORITHMS {
            let device = device(algorithm, 3);
            let signed = enrolled(&device).unwrap();
            let (kind, bytes) = text::decode(&signed.text()).unwrap();
            assert_eq!((kind, bytes.as_slice()), (Kind::Enrolment, signed.bytes()));
            let checked = UnverifiedEnrolment::parse(&bytes).unwrap().check().unwrap();
            assert_eq!(checked.claims().device_key, device.public_key());
            assert_eq!(checked.claims().nonce, [9; 16]);
            assert_eq!(checked.claims().residence_code.digits(), "4400000000123454");
            assert_eq!(checked.claims().issued_at.seconds(), 1_782_864_000);
        }
    }

    #[test]
    fn nothing_is_released_that_does_not_hold() {
        for algorithm in ALGORITHMS {
            let (one, other) = (device(algorithm, 3), device(algorithm, 4));
            let same = |signature| Ok(signature);
            assert!(enrolled(&Odd { signs: &one, names: &one, change: same }).is_ok());
            let mixed = Odd { signs: &one, names: &other, change: same };
            assert_eq!(enrolled(&mixed), Err(DeviceError::Signature));
            let locked = Odd { signs: &one, names: &one, change: |_| Err(SigningFailed) };
            assert_eq!(enrolled(&locked), Err(DeviceError::Signing(SigningFailed)));
            let broken = Odd {
                signs: &one,
                names: &one,
                change: |mut signature| {
                    signature[40] ^= 1;
                    Ok(signature)
                },
            };
            assert_eq!(enrolled(&broken), Err(DeviceError::Signature));
        }
    }

    #[test]
    fn a_secure_element_may_give_the_high_s() {
        let device = device(Algorithm::Esp256, 3);
        let high = Odd { signs: &device, names: &device, change: high_s };
        assert_eq!(enrolled(&high), enrolled(&device));
    }
}
