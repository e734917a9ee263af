//! The presentation 亮码: the device's signature over the permit, the time and a nonce (SPEC section 4).
//!
//! The shape is the key binding of SD-CWT: the permit stands in the protected header 13 (kcwt), so that the device signs it whole.

use alloc::vec::Vec;
use core::fmt;

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::cose::{Domain, Sign1, ToSign};
use crate::counter_id::CounterId;
use crate::key::Algorithm;
use crate::limits::PRESENTATION_BYTES_MAX;
use crate::permit::{UnverifiedPermit, timestamp};
use crate::timestamp::Timestamp;

/// A presentation that was read and whose signatures nobody has checked.
#[derive(Clone)]
pub struct UnverifiedPresentation<'b> {
    sign1: Sign1<'b>,
    algorithm: Algorithm,
    permit: UnverifiedPermit<'b>,
    binding: Binding,
}

/// What a code turned out to hold: a presentation, or a permit without the device's signature.
#[derive(Clone, Debug)]
pub enum Presented<'b> {
    /// A permit with the device's signature over it.
    Presentation(UnverifiedPresentation<'b>),
    /// A permit alone: right for a voucher, and a copy for everything else.
    Bare(UnverifiedPermit<'b>),
}

impl<'b> Presented<'b> {
    /// Reads what a code of kind 1 holds: a presentation. A bare permit is read too, so that its missing signature can be named.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        match UnverifiedPresentation::parse(bytes) {
            Ok(presentation) => Ok(Presented::Presentation(presentation)),
            Err(error) => match UnverifiedPermit::parse(bytes) {
                Ok(permit) => Ok(Presented::Bare(permit)),
                // A bare permit from a county that is younger than the tables is not called malformed.
                Err(unknown @ Malformed::UnknownDivision { .. }) => Err(unknown),
                Err(_) => Err(error),
            },
        }
    }

    /// The permit in it.
    pub fn permit(&self) -> &UnverifiedPermit<'b> {
        match self {
            Presented::Presentation(presentation) => &presentation.permit,
            Presented::Bare(permit) => permit,
        }
    }

    /// The presentation, if it is one.
    pub fn presentation(&self) -> Option<&UnverifiedPresentation<'b>> {
        match self {
            Presented::Presentation(presentation) => Some(presentation),
            Presented::Bare(_) => None,
        }
    }
}

impl<'b> UnverifiedPresentation<'b> {
    /// Reads a presentation from exactly these bytes.
    ///
    /// # Errors
    /// [`Malformed`], also when the permit in it is one for paper.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let Envelope(sign1) = cbor::parse(bytes)?;
        let protected: Protected<'b> = cbor::parse(sign1.protected)?;
        let permit = UnverifiedPermit::parse(protected.permit)?;
        if permit.unverified_claims().device_key().is_none() {
            return Err(Malformed::field("kind", "VOUCHER_IN_PRESENTATION"));
        }
        let binding = cbor::parse(sign1.payload)?;
        Ok(UnverifiedPresentation { sign1, algorithm: protected.algorithm, permit, binding })
    }

    /// The algorithm that the header names; only the key's own may be used.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The permit that is presented.
    pub fn permit(&self) -> &UnverifiedPermit<'b> {
        &self.permit
    }

    /// What the device says: time, nonce, and the challenge it answers.
    pub fn unverified_binding(&self) -> &Binding {
        &self.binding
    }

    /// The bytes that the device signed.
    pub fn message(&self) -> Vec<u8> {
        self.sign1.message(Domain::Presentation)
    }

    /// The device's signature.
    pub fn signature(&self) -> &'b [u8; 64] {
        self.sign1.signature
    }
}

impl fmt::Debug for UnverifiedPresentation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedPresentation").field("permit", &self.permit).finish_non_exhaustive()
    }
}

/// What the device signs besides the permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The phone's time.
    pub issued_at: Timestamp,
    /// Random, new in every code.
    pub nonce: [u8; 8],
    /// The counter's challenge, if the code answers one.
    pub answer: Option<Answer>,
}

/// Which challenge a presentation answers: the counter that asked (`aud`) and its 128 bits (`cnonce`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The counter's id.
    pub counter: CounterId,
    /// The challenge's random bits.
    pub cnonce: [u8; 16],
}

impl Binding {
    /// The presentation of this permit, complete but for the device's signature.
    ///
    /// # Errors
    /// [`Malformed`] when `permit` is no permit with a device key, or when the whole would be longer than 2,048 bytes.
    pub fn to_sign(&self, permit: &[u8]) -> Result<ToSign, Malformed> {
        let parsed = UnverifiedPermit::parse(permit)?;
        let Some(key) = parsed.unverified_claims().device_key() else {
            return Err(Malformed::field("kind", "VOUCHER_IN_PRESENTATION"));
        };
        let protected = cbor::to_vec(&Protected { algorithm: key.algorithm(), permit });
        let to_sign = ToSign::new(Domain::Presentation, None, protected, cbor::to_vec(self));
        let bytes = to_sign.finish(&[0; 64]).len();
        if bytes > PRESENTATION_BYTES_MAX {
            return Err(Malformed::TooLong { bytes, most: PRESENTATION_BYTES_MAX });
        }
        Ok(to_sign)
    }
}

struct Envelope<'b>(Sign1<'b>);

impl<'b> Strict<'b> for Envelope<'b> {
    const BYTES_MAX: usize = PRESENTATION_BYTES_MAX;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Sign1::read(reader).map(Envelope)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        self.0.write(writer)
    }
}

/// `{1: alg, 13: permit}`
struct Protected<'b> {
    algorithm: Algorithm,
    permit: &'b [u8],
}

impl<'b> Strict<'b> for Protected<'b> {
    const BYTES_MAX: usize = PRESENTATION_BYTES_MAX;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.map_of(2, "a presentation's two protected headers")?;
        reader.key(1, "the header alg")?;
        let algorithm = Algorithm::read(reader)?;
        reader.key(13, "the header kcwt")?;
        Ok(Protected { algorithm, permit: reader.raw()? })
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.map(2)?.int(1)?.int(self.algorithm.id())?.int(13)?.raw(self.permit)?;
        Ok(())
    }
}

impl<'b> Strict<'b> for Binding {
    const BYTES_MAX: usize = 128;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        let pairs = r.map()?;
        let counter = if pairs == 4 {
            r.key(3, "the claim aud")?;
            Some(CounterId::parse(r.text()?).map_err(|e| Malformed::field("aud", e.code()))?)
        } else {
            None
        };
        r.key(6, "the claim iat")?;
        let issued_at = timestamp(r, "iat")?;
        r.key(10, "the claim nonce")?;
        let nonce = *r.bytes_of("a nonce of 8 bytes")?;
        let answer = match counter {
            Some(counter) => {
                r.key(39, "the claim cnonce")?;
                Some(Answer { counter, cnonce: *r.bytes_of("a cnonce of 16 bytes")? })
            }
            None if pairs == 2 => None,
            None => return Err(Malformed::field("binding", "CLAIMS_UNKNOWN")),
        };
        Ok(Binding { issued_at, nonce, answer })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.map(if self.answer.is_some() { 4 } else { 2 })?;
        if let Some(answer) = &self.answer {
            w.int(3)?.text(answer.counter.as_str())?;
        }
        w.int(6)?.uint(self.issued_at.seconds())?.int(10)?.bytes(&self.nonce)?;
        if let Some(answer) = &self.answer {
            w.int(39)?.bytes(&answer.cnonce)?;
        }
        Ok(())
    }
}
