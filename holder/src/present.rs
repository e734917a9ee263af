//! Presentation 亮码: the device signs the permit, the time and a nonce (SPEC section 4).

use alloc::string::String;
use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::challenge::Challenge;
use credential_format::presentation::{Answer, Binding, UnverifiedPresentation};
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;

use crate::device_key::{DeviceError, DeviceSigner, sign_and_check};
use crate::held_permit::HeldPermit;

/// How long one code is shown, in seconds. Verifiers take it for 30, so that a code read at the last moment still counts.
pub const SHOWN_SECS: u64 = 15;

/// A presentation, its signature checked: ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    bytes: Vec<u8>,
    issued_at: Timestamp,
    changes_at: Timestamp,
    answer: Option<Answer>,
}

impl Presentation {
    /// The presentation's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digits of the QR code.
    pub fn text(&self) -> String {
        text::encode(Kind::Presentation, &self.bytes)
    }

    /// The phone's time when it was made.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// From when on another code must be shown in its place: [`SHOWN_SECS`] after it was made.
    pub fn changes_at(&self) -> Timestamp {
        self.changes_at
    }

    /// The challenge that it answers.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }
}

/// Why there is nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentError {
    /// The permit is bound to another key than the device has.
    #[error("the permit is bound to another device's key; show it on the device that it was made for")]
    KeyMismatch,
    /// No later time can be written any more.
    #[error("the device's clock stands at the end of the year 2199; set its date and time")]
    Clock,
    /// The permit does not fit a presentation.
    #[error("the permit does not fit a code ({0}); ask the issuer for a new one")]
    Permit(#[from] Malformed),
    /// The device signed nothing that could be released.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl PresentError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            PresentError::KeyMismatch => "KEY_MISMATCH",
            PresentError::Clock => "CLOCK_WRONG",
            PresentError::Permit(_) => "PERMIT_UNFIT",
            PresentError::Device(error) => error.code(),
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            PresentError::KeyMismatch => "居住证绑定的是其他设备，请在原绑定设备上亮证",
            PresentError::Clock => "设备时钟已到2199年末，请校准日期和时间",
            PresentError::Permit(_) => "居住证无法放入二维码，请向签发机关重新申领",
            PresentError::Device(error) => error.zh(),
        }
    }
}

/// Makes the code that shows `permit` at `now`; with `challenge` it answers the counter that asks.
///
/// `nonce` is random and new in every code: verifiers take each only once. The permit's dates are not looked at here: a lapsed or
/// expired permit can be shown, and the verifier says what it is.
///
/// # Errors
/// [`PresentError`]. Nothing is returned whose signature does not hold.
pub fn present(
    permit: &HeldPermit,
    signer: &(impl DeviceSigner + ?Sized),
    now: Timestamp,
    nonce: [u8; 8],
    challenge: Option<&Challenge>,
) -> Result<Presentation, PresentError> {
    if signer.public_key() != permit.device_key().cose_key() {
        return Err(PresentError::KeyMismatch);
    }
    let changes_at = now.checked_add(SHOWN_SECS).ok_or(PresentError::Clock)?;
    let binding = Binding { issued_at: now, nonce, answer: challenge.map(Challenge::answer) };
    let bytes = sign_and_check(signer, permit.device_key(), &binding.to_sign(permit.bytes())?)?;
    UnverifiedPresentation::parse(&bytes).map_err(DeviceError::NotReadBack)?;
    Ok(Presentation { bytes, issued_at: now, changes_at, answer: binding.answer })
}

#[cfg(test)]
mod tests {
    use std::vec;

    use credential_format::counter_id::CounterId;
    use credential_format::key::Algorithm;
    use credential_format::permit::Claims;

    use super::*;
    use crate::device_key::SigningFailed;
    use crate::device_key::tests::{ALGORITHMS, Odd, device, high_s};
    use crate::held_permit::tests::{ISSUED_AT, held};

    fn now() -> Timestamp {
        Timestamp::new(ISSUED_AT + 3600).unwrap()
    }

    fn challenge() -> Challenge {
        Challenge { counter: CounterId::parse("TIANHE-03").unwrap(), cnonce: [5; 16], purpose: None }
    }

    #[test]
    fn a_presentation_says_what_was_given_and_its_signature_holds() {
        for algorithm in ALGORITHMS {
            let device = device(algorithm, 3);
            let permit = held(&device);
            for asked in [None, Some(challenge())] {
                let shown = present(&permit, &device, now(), [7; 8], asked.as_ref()).unwrap();
                let (kind, bytes) = text::decode(&shown.text()).unwrap();
                assert_eq!((kind, bytes.as_slice()), (Kind::Presentation, shown.bytes()));
                let read = UnverifiedPresentation::parse(&bytes).unwrap();
                assert_eq!(read.algorithm(), algorithm);
                assert_eq!(read.permit().bytes(), permit.bytes());
                let binding = read.unverified_binding();
                assert_eq!((binding.issued_at, binding.nonce), (now(), [7; 8]));
                assert_eq!(binding.answer, asked.map(|asked| asked.answer()));
                assert_eq!(shown.answer(), binding.answer.as_ref());
                assert_eq!(permit.device_key().verify(&read.message(), read.signature()), Ok(()));
                assert_eq!(shown.changes_at().seconds_since(shown.issued_at()), 15);
            }
        }
    }

    #[test]
    fn another_device_cannot_show_it() {
        let (mine, other) = (device(Algorithm::Ed25519, 3), device(Algorithm::Ed25519, 4));
        let refused = present(&held(&mine), &other, now(), [7; 8], None);
        assert_eq!(refused, Err(PresentError::KeyMismatch));
    }

    #[test]
    fn nothing_is_released_that_does_not_hold() {
        for algorithm in ALGORITHMS {
            let (mine, other) = (device(algorithm, 3), device(algorithm, 4));
            let shown =
                |signs, change| present(&held(&mine), &Odd { signs, names: &mine, change }, now(), [7; 8], None);
            assert!(shown(&mine, Ok).is_ok());
            assert_eq!(shown(&other, Ok), Err(PresentError::Device(DeviceError::Signature)));
            let locked = PresentError::Device(DeviceError::Signing(SigningFailed));
            assert_eq!(shown(&mine, |_| Err(SigningFailed)), Err(locked));
            assert_eq!(shown(&mine, |_| Ok([0; 64])), Err(PresentError::Device(DeviceError::Signature)));
        }
        let mine = device(Algorithm::Esp256, 3);
        let high = Odd { signs: &mine, names: &mine, change: high_s };
        assert_eq!(
            present(&held(&mine), &high, now(), [7; 8], None),
            present(&held(&mine), &mine, now(), [7; 8], None)
        );
    }

    #[test]
    fn a_permit_that_leaves_no_room_is_refused() {
        let device = device(Algorithm::Ed25519, 3);
        let shown = |filling: usize| {
            let mut claims = Claims::clone(held(&device).claims());
            claims.unknown_extensions = vec![(9, ciborium::Value::Bytes(vec![1; filling]))];
            let permit = claims.to_sign(held(&device).kid()).unwrap().finish(&[0; 64]);
            let permit = HeldPermit::parse(&permit, &device.public_key()).unwrap();
            present(&permit, &device, now(), [7; 8], None).map(|shown| shown.bytes().len())
        };
        // Of the last size that fits to the first that does not.
        let most = (1_000..2_048).take_while(|filling| shown(*filling).is_ok()).last().unwrap();
        assert_eq!(shown(most), Ok(2_048));
        let too_long = Malformed::TooLong { bytes: 2_049, most: 2_048 };
        assert_eq!(shown(most + 1), Err(PresentError::Permit(too_long)));
    }

    #[test]
    fn the_last_moments_of_the_range_have_no_next_code() {
        let device = device(Algorithm::Ed25519, 3);
        let at = |seconds| present(&held(&device), &device, Timestamp::new(seconds).unwrap(), [7; 8], None);
        let last = Timestamp::MAX.seconds() - SHOWN_SECS;
        assert_eq!(at(last).map(|shown| shown.changes_at()), Ok(Timestamp::MAX));
        assert_eq!(at(last + 1), Err(PresentError::Clock));
    }
}
