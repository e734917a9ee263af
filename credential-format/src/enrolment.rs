//! The enrolment 绑定申请: a device proves that it holds the key that a permit is to be bound to (SPEC section 5).

use core::fmt;

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::cose::{Domain, Sign1, ToSign};
use crate::key::{Algorithm, BadSignature, CoseKey, KeyError, PublicKey};
use crate::limits::SMALL_OBJECT_BYTES_MAX;
use crate::permit::{read_cnf, timestamp};
use crate::residence_code::ResidenceCode;
use crate::timestamp::Timestamp;

/// An enrolment whose proof nobody has checked. [`check`](UnverifiedEnrolment::check) makes an [`Enrolment`] of it.
#[derive(Clone)]
pub struct UnverifiedEnrolment<'b> {
    sign1: Sign1<'b>,
    algorithm: Algorithm,
    claims: EnrolmentClaims,
}

/// A device's key, with its own signature over the issuer's nonce: the device holds it.
#[derive(Clone, Debug)]
pub struct Enrolment {
    claims: EnrolmentClaims,
    key: PublicKey,
}

/// What an enrolment says.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentClaims {
    /// The device's time.
    pub issued_at: Timestamp,
    /// The device's key.
    pub device_key: CoseKey,
    /// What the issuer asked the device to sign.
    pub nonce: [u8; 16],
    /// Whose permit is to be bound to the device.
    pub residence_code: ResidenceCode,
}

/// Why an enrolment proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The header names another algorithm than the key has.
    #[error("the enrolment names another algorithm than its key has; enrol the device again")]
    Algorithm,
    /// The key is unfit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature is not the device's.
    #[error("the enrolment is not signed by the key that it names; enrol the device again")]
    Signature,
}

impl EnrolmentError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EnrolmentError::Algorithm => "ENROLMENT_ALGORITHM",
            EnrolmentError::Key(error) => error.code(),
            EnrolmentError::Signature => "ENROLMENT_SIGNATURE",
        }
    }
}

impl<'b> UnverifiedEnrolment<'b> {
    /// Reads an enrolment from exactly these bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let Envelope(sign1) = cbor::parse(bytes)?;
        let Protected(algorithm) = cbor::parse(sign1.protected)?;
        let claims = cbor::parse(sign1.payload)?;
        Ok(UnverifiedEnrolment { sign1, algorithm, claims })
    }

    /// Checks that the device holds the key. Whether the nonce is the one that was asked for is the issuer's to compare.
    ///
    /// # Errors
    /// [`EnrolmentError`].
    pub fn check(&self) -> Result<Enrolment, EnrolmentError> {
        let key = PublicKey::try_from(&self.claims.device_key)?;
        if self.algorithm != key.algorithm() {
            return Err(EnrolmentError::Algorithm);
        }
        let message = self.sign1.message(Domain::Enrolment);
        key.verify(&message, self.sign1.signature).map_err(|BadSignature| EnrolmentError::Signature)?;
        Ok(Enrolment { claims: self.claims.clone(), key })
    }
}

impl Enrolment {
    /// What it says.
    pub fn claims(&self) -> &EnrolmentClaims {
        &self.claims
    }

    /// The device's key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl EnrolmentClaims {
    /// The enrolment, complete but for the device's signature.
    pub fn to_sign(&self) -> ToSign {
        let protected = cbor::to_vec(&Protected(self.device_key.algorithm()));
        ToSign::new(Domain::Enrolment, None, protected, cbor::to_vec(self))
    }
}

impl fmt::Debug for EnrolmentClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentClaims").field("device_key", &self.device_key).finish_non_exhaustive()
    }
}

struct Envelope<'b>(Sign1<'b>);

impl<'b> Strict<'b> for Envelope<'b> {
    const BYTES_MAX: usize = SMALL_OBJECT_BYTES_MAX;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Sign1::read(reader).map(Envelope)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        self.0.write(writer)
    }
}

/// `{1: alg}`
struct Protected(Algorithm);

impl<'b> Strict<'b> for Protected {
    const BYTES_MAX: usize = 8;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.map_of(1, "an enrolment's one protected header")?;
        reader.key(1, "the header alg")?;
        Algorithm::read(reader).map(Protected)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.map(1)?.int(1)?.int(self.0.id())?;
        Ok(())
    }
}

const LABEL_RESIDENCE_CODE: i64 = -65538;

impl<'b> Strict<'b> for EnrolmentClaims {
    const BYTES_MAX: usize = SMALL_OBJECT_BYTES_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        r.map_of(4, "an enrolment's four claims")?;
        r.key(6, "the claim iat")?;
        let issued_at = timestamp(r, "iat")?;
        r.key(8, "the claim cnf")?;
        let device_key = read_cnf(r)?;
        r.key(10, "the claim nonce")?;
        let nonce = *r.bytes_of("a nonce of 16 bytes")?;
        r.key(LABEL_RESIDENCE_CODE, "the claim -65538")?;
        let residence_code = ResidenceCode::new(r.uint()?).map_err(|e| Malformed::field("residence-code", e.code()))?;
        Ok(EnrolmentClaims { issued_at, device_key, nonce, residence_code })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.map(4)?.int(6)?.uint(self.issued_at.seconds())?.int(8)?.map(1)?.int(1)?;
        self.device_key.write(w)?;
        w.int(10)?.bytes(&self.nonce)?.int(LABEL_RESIDENCE_CODE)?.uint(self.residence_code.get())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_person() {
        let claims = EnrolmentClaims {
            issued_at: Timestamp::MIN,
            device_key: CoseKey::Ed25519([0xab; 32]),
            nonce: [9; 16],
            residence_code: ResidenceCode::with_check(440_000_000_012_345).unwrap(),
        };
        assert_eq!(format!("{claims:?}"), "EnrolmentClaims { device_key: Ed25519(abab…), .. }");
    }
}
