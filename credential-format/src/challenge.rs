//! The challenge 挑战码: what a counter asks a phone to sign (SPEC section 5).

use alloc::vec::Vec;

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::counter_id::CounterId;
use crate::display_text::DisplayText;
use crate::limits::SMALL_OBJECT_BYTES_MAX;
use crate::presentation::Answer;

/// `[counter, cnonce, ? purpose]`: 128 random bits of one counter, good for one answer within 60 seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// Who asks.
    pub counter: CounterId,
    /// Random bits, used once.
    pub cnonce: [u8; 16],
    /// What for, as the phone shows it.
    pub purpose: Option<DisplayText<40>>,
}

impl Challenge {
    /// Reads a challenge from exactly these bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Challenge, Malformed> {
        cbor::parse(bytes)
    }

    /// The challenge's bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// What a presentation says that answers this challenge.
    pub fn answer(&self) -> Answer {
        Answer { counter: self.counter.clone(), cnonce: self.cnonce }
    }
}

impl<'b> Strict<'b> for Challenge {
    const BYTES_MAX: usize = SMALL_OBJECT_BYTES_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        let elements = r.array()?;
        if !(2..=3).contains(&elements) {
            return Err(Malformed::field("challenge", "FIELDS"));
        }
        let counter = CounterId::parse(r.text()?).map_err(|e| Malformed::field("counter", e.code()))?;
        let cnonce = *r.bytes_of("a cnonce of 16 bytes")?;
        let purpose = match elements {
            3 => Some(DisplayText::parse(r.text()?).map_err(|e| Malformed::field("purpose", e.code()))?),
            _ => None,
        };
        Ok(Challenge { counter, cnonce, purpose })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.array(2 + usize::from(self.purpose.is_some()))?.text(self.counter.as_str())?.bytes(&self.cnonce)?;
        if let Some(purpose) = &self.purpose {
            w.text(purpose.as_str())?;
        }
        Ok(())
    }
}
