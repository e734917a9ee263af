//! A permit in the wallet: one that this device can show.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use credential_format::cbor::Malformed;
use credential_format::key::{CoseKey, KeyError, Kid, PublicKey};
use credential_format::permit::{Claims, UnverifiedPermit};
use credential_format::text::{self, Kind, TextError};

use crate::asked::{name, text_code, text_zh};

/// A permit that is bound to this device's key. Nobody here has checked the issuer's signature: verifiers do.
///
/// `Debug` shows nothing of the person.
#[derive(Clone, PartialEq)]
pub struct HeldPermit {
    bytes: Vec<u8>,
    kid: Kid,
    claims: Arc<Claims>,
    device_key: PublicKey,
}

impl HeldPermit {
    /// Takes a permit as the issuer delivers it, for the device whose public key is `device_key`.
    ///
    /// # Errors
    /// [`HeldPermitError`]: unreadable, a printed permit, or bound to another key.
    pub fn parse(bytes: &[u8], device_key: &CoseKey) -> Result<HeldPermit, HeldPermitError> {
        let permit = UnverifiedPermit::parse(bytes)?;
        let bound_to = permit.unverified_claims().device_key().ok_or(HeldPermitError::Voucher)?;
        if bound_to != device_key {
            return Err(HeldPermitError::KeyMismatch);
        }
        Ok(HeldPermit {
            bytes: bytes.to_vec(),
            kid: permit.kid(),
            claims: Arc::clone(permit.unverified_claims()),
            device_key: PublicKey::try_from(device_key)?,
        })
    }

    /// Takes a permit from the digits of a delivery code: a code of kind 1 with the permit alone in it.
    ///
    /// # Errors
    /// [`HeldPermitError`], also for codes of other kinds and for a code that a phone shows.
    pub fn from_text(typed: &str, device_key: &CoseKey) -> Result<HeldPermit, HeldPermitError> {
        let (kind, bytes) = text::decode(&text::from_keyboard(typed))?;
        match kind {
            Kind::Presentation => match HeldPermit::parse(&bytes, device_key) {
                Err(HeldPermitError::Malformed(_)) if is_shown(&bytes) => Err(HeldPermitError::LiveCode),
                result => result,
            },
            Kind::Voucher => Err(HeldPermitError::Voucher),
            Kind::Challenge | Kind::Enrolment => Err(HeldPermitError::OtherKind(kind)),
        }
    }

    /// The permit's bytes, as the issuer signed them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The issuer's key that the permit names.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// What the permit says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The device's key that the permit is bound to.
    pub fn device_key(&self) -> &PublicKey {
        &self.device_key
    }

    /// Whether this permit may take the place of `stored`, a permit with the same residence code.
    pub fn succession(&self, stored: &HeldPermit) -> Succession {
        if self.claims.residence_code != stored.claims.residence_code {
            Succession::Another
        } else if self.bytes == stored.bytes {
            Succession::Same
        } else if self.claims.issued_at > stored.claims.issued_at {
            Succession::Newer
        } else {
            Succession::NotNewer
        }
    }
}

impl fmt::Debug for HeldPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldPermit").field("kid", &self.kid).field("claims", &self.claims).finish_non_exhaustive()
    }
}

/// How a permit stands to one that is stored already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// Signed later: it takes the place of the stored one.
    Newer,
    /// The very same bytes.
    Same,
    /// Signed earlier, or in the same second with other contents: the stored one stays.
    NotNewer,
    /// Of another residence code.
    Another,
}

/// Why a permit is none for this wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldPermitError {
    /// The text is no code of this format.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A code of another kind.
    #[error("this is a code for {}, not a permit; take the permit that the issuer delivers", name(*.0).1)]
    OtherKind(Kind),
    /// A code that a phone shows at a counter: it has a permit in it, and goes out of date within seconds.
    #[error("this is a code that a phone shows, not a permit to keep; take the permit that the issuer delivers")]
    LiveCode,
    /// The bytes are no permit.
    #[error("this cannot be read as a permit ({0}); fetch it from the issuer again")]
    Malformed(#[from] Malformed),
    /// A printed permit: it has no device key, so that no device can show it.
    #[error("this is a printed permit, which no phone can show; ask the issuer for one bound to this device")]
    Voucher,
    /// The permit is bound to another key.
    #[error("the permit is bound to another device's key; enrol this device and ask the issuer for a new permit")]
    KeyMismatch,
    /// The device's key is unfit.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl HeldPermitError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            HeldPermitError::Text(error) => text_code(error),
            HeldPermitError::OtherKind(_) => "NOT_A_PERMIT",
            HeldPermitError::LiveCode => "PERMIT_LIVE_CODE",
            HeldPermitError::Malformed(_) => "PERMIT_MALFORMED",
            HeldPermitError::Voucher => "PERMIT_PRINTED",
            HeldPermitError::KeyMismatch => "KEY_MISMATCH",
            HeldPermitError::Key(error) => error.code(),
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            HeldPermitError::Text(error) => text_zh(error),
            HeldPermitError::OtherKind(Kind::Challenge) => "这是挑战码，不是居住证，请获取签发机关下发的居住证",
            HeldPermitError::OtherKind(_) => "这是绑定申请码，不是居住证，请获取签发机关下发的居住证",
            HeldPermitError::LiveCode => "这是手机出示的亮证码，不能保存，请获取签发机关下发的居住证",
            HeldPermitError::Malformed(_) => "居住证无法读取，请向签发机关重新获取",
            HeldPermitError::Voucher => "这是纸质凭证，手机不能亮证，请向签发机关申领绑定本机的居住证",
            HeldPermitError::KeyMismatch => "居住证绑定的是其他设备，请在本机重新绑定后申领",
            HeldPermitError::Key(_) => "设备公钥不可用，请重新生成密钥并重新绑定",
        }
    }
}

fn is_shown(bytes: &[u8]) -> bool {
    credential_format::presentation::UnverifiedPresentation::parse(bytes).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::format;

    use credential_format::citizen_id::CitizenId;
    use credential_format::day::Day;
    use credential_format::display_text::DisplayText;
    use credential_format::division::Division;
    use credential_format::ethnicity::Ethnicity;
    use credential_format::key::Algorithm;
    use credential_format::name::Name;
    use credential_format::permit::{Carrier, StatusSlot, VoucherNote};
    use credential_format::place::Place;
    use credential_format::residence_code::ResidenceCode;
    use credential_format::timestamp::Timestamp;

    use super::*;
    use crate::device_key::DeviceSigner;
    use crate::device_key::tests::{ALGORITHMS, device};
    use crate::present::present;

    pub(crate) const ISSUED_AT: u64 = 1_757_462_400;

    pub(crate) fn permit(carrier: Carrier, first15: u64, issued_at: u64) -> Vec<u8> {
        let division = Division::new(440_106).unwrap();
        let place = |detail| Place::new(division, DisplayText::parse(detail).unwrap());
        let issued_at = Timestamp::new(issued_at).unwrap();
        let claims = Claims {
            expires_at: issued_at.checked_add(3 * 366 * 86_400).unwrap(),
            issued_at,
            carrier,
            residence_code: ResidenceCode::with_check(first15).unwrap(),
            name: Name::parse("陈样例").unwrap(),
            citizen_id: CitizenId::from_wire(43_040_719_920_517_997).unwrap(),
            ethnicity: Ethnicity::new(1).unwrap(),
            household: place("示范路12号"),
            address: place("样板大道88号"),
            issued_on: Day::parse("2025-09-10").unwrap(),
            endorsed_until: Day::parse("2026-09-09").unwrap(),
            status: StatusSlot { list: 3, index: 77 },
            agent: None,
            portrait_digest: None,
            unknown_extensions: Vec::new(),
        };
        let issuer = device(Algorithm::Ed25519, 200);
        let kid = PublicKey::try_from(&issuer.public_key()).unwrap().kid();
        let to_sign = claims.to_sign(kid).unwrap();
        to_sign.finish(&issuer.sign(to_sign.message()).unwrap())
    }

    pub(crate) fn held(signer: &impl DeviceSigner) -> HeldPermit {
        let key = signer.public_key();
        HeldPermit::parse(&permit(Carrier::Device(key), 440_000_000_012_345, ISSUED_AT), &key).unwrap()
    }

    #[test]
    fn a_permit_for_this_device_is_taken_from_bytes_and_digits() {
        for algorithm in ALGORITHMS {
            let key = device(algorithm, 3).public_key();
            let bytes = permit(Carrier::Device(key), 440_000_000_012_345, ISSUED_AT);
            let held = HeldPermit::parse(&bytes, &key).unwrap();
            assert_eq!(held.bytes(), bytes);
            assert_eq!(held.device_key().cose_key(), key);
            assert_eq!(held.claims().residence_code.digits(), "4400000000123454");
            let typed = text::encode(Kind::Presentation, &bytes) + "\n";
            assert_eq!(HeldPermit::from_text(&typed, &key), Ok(held));
        }
    }

    #[test]
    fn what_this_device_cannot_show_is_refused() {
        let (mine, other) = (device(Algorithm::Ed25519, 3), device(Algorithm::Ed25519, 4));
        let key = mine.public_key();
        let foreign = permit(Carrier::Device(other.public_key()), 440_000_000_012_345, ISSUED_AT);
        assert_eq!(HeldPermit::parse(&foreign, &key), Err(HeldPermitError::KeyMismatch));
        let note = VoucherNote {
            serial: DisplayText::parse("GD-1").unwrap(),
            place: DisplayText::parse("天河窗口").unwrap(),
        };
        let voucher = permit(Carrier::Paper(note), 440_000_000_012_345, ISSUED_AT);
        assert_eq!(HeldPermit::parse(&voucher, &key), Err(HeldPermitError::Voucher));
        assert!(matches!(HeldPermit::parse(&[0x84], &key), Err(HeldPermitError::Malformed(_))));
        let cut = permit(Carrier::Device(key), 440_000_000_012_345, ISSUED_AT);
        assert!(matches!(HeldPermit::parse(&cut[..cut.len() - 1], &key), Err(HeldPermitError::Malformed(_))));

        let code = |kind, bytes: &[u8]| HeldPermit::from_text(&text::encode(kind, bytes), &key).unwrap_err().code();
        assert_eq!(code(Kind::Presentation, &foreign), "KEY_MISMATCH");
        assert_eq!(code(Kind::Presentation, &voucher), "PERMIT_PRINTED");
        assert_eq!(code(Kind::Voucher, &voucher), "PERMIT_PRINTED");
        assert_eq!(code(Kind::Presentation, &[0x84]), "PERMIT_MALFORMED");
        assert_eq!(code(Kind::Challenge, &foreign), "NOT_A_PERMIT");
        assert_eq!(code(Kind::Enrolment, &foreign), "NOT_A_PERMIT");
        let now = Timestamp::new(ISSUED_AT + 60).unwrap();
        let shown = present(&held(&mine), &mine, now, [1; 8], None).unwrap();
        assert_eq!(code(Kind::Presentation, shown.bytes()), "PERMIT_LIVE_CODE");
        assert_eq!(HeldPermit::from_text("8611", &key).unwrap_err().code(), "PERMIT_MALFORMED");
        assert_eq!(HeldPermit::from_text("86", &key).unwrap_err().code(), "NOT_A_PERMIT_CODE");
    }

    #[test]
    fn only_a_permit_signed_later_takes_the_place() {
        let key = device(Algorithm::Ed25519, 3).public_key();
        let at =
            |first15, issued_at| HeldPermit::parse(&permit(Carrier::Device(key), first15, issued_at), &key).unwrap();
        let stored = at(440_000_000_012_345, ISSUED_AT);
        assert_eq!(stored.succession(&stored.clone()), Succession::Same);
        assert_eq!(at(440_000_000_012_345, ISSUED_AT + 1).succession(&stored), Succession::Newer);
        assert_eq!(at(440_000_000_012_345, ISSUED_AT - 1).succession(&stored), Succession::NotNewer);
        assert_eq!(at(440_000_000_012_346, ISSUED_AT + 1).succession(&stored), Succession::Another);
        let mut claims = Claims::clone(stored.claims());
        claims.status.index += 1;
        let to_sign = claims.to_sign(stored.kid()).unwrap();
        let same_second = HeldPermit::parse(&to_sign.finish(&[0; 64]), &key).unwrap();
        assert_eq!(same_second.succession(&stored), Succession::NotNewer);
    }

    #[test]
    fn debug_names_nobody() {
        let shown = format!("{:?}", held(&device(Algorithm::Ed25519, 3)));
        assert!(!shown.contains("陈") && !shown.contains("4304") && !shown.contains("12345"), "{shown}");
    }
}
