//! One permit: claims put together, signed, and looked at again before they are released (SPEC section 3).
//!
//! [`issue()`] and [`voucher`] do it in one go. Where the signature comes from somewhere else, the same three steps are apart:
//! [`UnsignedPermit::prepare`], a signature over its [`message`](UnsignedPermit::message), [`UnsignedPermit::finish`].

use std::fmt;

use credential_format::cose::ToSign;
use credential_format::enrolment::Enrolment;
use credential_format::key::{Algorithm, CoseKey, KeyError, Kid, PublicKey, Thumbprint};
use credential_format::limits::PRESENTATION_BYTES_MAX;
use credential_format::permit::{Carrier, ClaimsError, StatusSlot, UnverifiedPermit, VoucherNote};
use credential_format::residence_code::ResidenceCode;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use signature::Signer;

use crate::request::PermitRequest;

/// Makes a permit that is shown live by `device` (kind 1).
///
/// `slot` is where the permit's status will be looked up; no other permit may have it. `now` becomes `iat`. The permit expires when the
/// request says so, else three years after `now`, and never before the last day of its endorsement is over: a lapsed permit can then
/// still be shown, and is answered with 使用功能中止 rather than with silence.
///
/// # Errors
/// [`IssueError`]. A permit whose signature does not belong to the public key is not released.
pub fn issue<S: Signer<Signature>>(
    request: &PermitRequest,
    device: &Device,
    slot: StatusSlot,
    now: Timestamp,
    key: &IssuingKey<S>,
) -> Result<IssuedPermit, IssueError> {
    sign_and_finish(UnsignedPermit::prepare(request, device, slot, now, &key.public)?, key)
}

/// Makes a printed permit (kind 2): it has no device, and any copy of it is as good as the sheet.
///
/// # Errors
/// As for [`issue`].
pub fn voucher<S: Signer<Signature>>(
    request: &PermitRequest,
    note: &VoucherNote,
    slot: StatusSlot,
    now: Timestamp,
    key: &IssuingKey<S>,
) -> Result<IssuedPermit, IssueError> {
    sign_and_finish(UnsignedPermit::prepare_voucher(request, note, slot, now, &key.public)?, key)
}

fn sign_and_finish<S: Signer<Signature>>(
    unsigned: UnsignedPermit,
    key: &IssuingKey<S>,
) -> Result<IssuedPermit, IssueError> {
    let signature = key.sign_unchecked(unsigned.message())?;
    unsigned.finish(&signature)
}

/// A permit that is complete but for its signature. It is no permit yet, and is thrown away if none comes.
#[derive(Clone)]
pub struct UnsignedPermit {
    to_sign: ToSign,
    public: PublicKey,
    kind: Kind,
    slot: StatusSlot,
    residence_code: ResidenceCode,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl UnsignedPermit {
    /// A permit that is shown live by `device`, to be signed by the key whose public half is `key`. The other arguments are those of
    /// [`issue()`].
    ///
    /// # Errors
    /// [`IssueError`]; [`IssueError::NotEd25519`] for a P-256 key.
    pub fn prepare(
        request: &PermitRequest,
        device: &Device,
        slot: StatusSlot,
        now: Timestamp,
        key: &PublicKey,
    ) -> Result<UnsignedPermit, IssueError> {
        if device.enrolled_for.is_some_and(|code| code != request.residence_code()) {
            return Err(IssueError::EnrolmentOfAnother);
        }
        Self::of(request, Carrier::Device(device.key.cose_key()), slot, now, key)
    }

    /// A printed permit, likewise. The other arguments are those of [`voucher`].
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    pub fn prepare_voucher(
        request: &PermitRequest,
        note: &VoucherNote,
        slot: StatusSlot,
        now: Timestamp,
        key: &PublicKey,
    ) -> Result<UnsignedPermit, IssueError> {
        Self::of(request, Carrier::Paper(note.clone()), slot, now, key)
    }

    fn of(
        request: &PermitRequest,
        carrier: Carrier,
        slot: StatusSlot,
        now: Timestamp,
        key: &PublicKey,
    ) -> Result<UnsignedPermit, IssueError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(IssueError::NotEd25519(NotEd25519));
        }
        let kind = match carrier {
            Carrier::Device(_) => Kind::Presentation,
            Carrier::Paper(_) => Kind::Voucher,
        };
        let claims = request.claims(carrier, slot, now);
        Ok(UnsignedPermit {
            to_sign: claims.to_sign(key.kid())?,
            public: *key,
            kind,
            slot,
            residence_code: request.residence_code(),
            issued_at: now,
            expires_at: claims.expires_at,
        })
    }

    /// What the key is to sign, whole and not hashed before: Ed25519 of RFC 8032, neither `ph` nor `ctx`. It holds the holder's data.
    pub fn message(&self) -> &[u8] {
        self.to_sign.message()
    }

    /// The permit, if this signature is the key's (`verify_strict`) and the permit reads back as every verifier will read it.
    ///
    /// # Errors
    /// [`IssueError::SignatureRefused`], [`IssueError::TooLarge`], [`IssueError::Unreadable`].
    pub fn finish(self, signature: &[u8; 64]) -> Result<IssuedPermit, IssueError> {
        self.public.verify(self.message(), signature).map_err(|_| SigningError::SignatureRefused)?;
        let bytes = self.to_sign.finish(signature);
        // Read it as every verifier will. What cannot be read back must not leave, whoever is at fault.
        let room = match self.kind {
            Kind::Presentation => PRESENTATION_BYTES_MAX - PRESENTATION_AROUND_PERMIT,
            _ => PRESENTATION_BYTES_MAX,
        };
        if bytes.len() > room {
            return Err(IssueError::TooLarge { bytes: bytes.len(), most: room });
        }
        UnverifiedPermit::parse(&bytes).map_err(|_| IssueError::Unreadable)?;
        let UnsignedPermit { public, kind, slot, residence_code, issued_at, expires_at, .. } = self;
        Ok(IssuedPermit { bytes, kind, slot, kid: public.kid(), residence_code, issued_at, expires_at })
    }
}

impl fmt::Debug for UnsignedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedPermit").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// What a presentation adds to the permit in it: headers, binding with counter id and challenge, signature. Measured: 145 bytes at most.
const PRESENTATION_AROUND_PERMIT: usize = 160;

/// A permit that was signed, and whose signature was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedPermit {
    bytes: Vec<u8>,
    kind: Kind,
    slot: StatusSlot,
    kid: Kid,
    residence_code: ResidenceCode,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl IssuedPermit {
    /// The permit, a COSE_Sign1.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digits of a QR code.
    ///
    /// A voucher is printed as these digits. A permit of kind 1 is *delivered* by them to the holder's phone; a verifier that is shown
    /// them refuses, because the device's signature is missing.
    pub fn text(&self) -> String {
        text::encode(self.kind, &self.bytes)
    }

    /// [`Kind::Presentation`] for a permit that is shown live, [`Kind::Voucher`] for a printed one.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the permit's status is looked up.
    pub fn slot(&self) -> StatusSlot {
        self.slot
    }

    /// The key that signed it.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// Whose permit it is.
    pub fn residence_code(&self) -> ResidenceCode {
        self.residence_code
    }

    /// `iat`
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `exp`
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A permit that this authority issued before, from its own ledger. Its signature was verified when it was stored.
    #[cfg(feature = "ledger")]
    pub(crate) fn from_record(bytes: Vec<u8>) -> Option<IssuedPermit> {
        let permit = UnverifiedPermit::parse(&bytes).ok()?;
        let kid = permit.kid();
        let claims = permit.unverified_claims().clone();
        let kind = match claims.carrier {
            Carrier::Device(_) => Kind::Presentation,
            Carrier::Paper(_) => Kind::Voucher,
        };
        Some(IssuedPermit {
            kind,
            slot: claims.status,
            kid,
            residence_code: claims.residence_code,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            bytes,
        })
    }
}

impl fmt::Debug for IssuedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedPermit").field("slot", &self.slot).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The device that will show the permit: a fit public key, and for whom it was enrolled, if it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    key: PublicKey,
    enrolled_for: Option<ResidenceCode>,
    nonce: Option<[u8; 16]>,
}

impl Device {
    /// An enrolment older than this is not taken: 30 days, in seconds.
    pub const ENROLMENT_AGE_MAX: u64 = 30 * 86_400;
    /// An enrolment's time may be this far ahead, in seconds: phones' clocks differ.
    pub const ENROLMENT_AHEAD_MAX: u64 = 300;

    /// The device that made this enrolment, if it did so lately: at most 30 days before `now` and at most 5 minutes after.
    ///
    /// Whether the nonce is the one that was asked for is for the caller to compare.
    ///
    /// # Errors
    /// [`EnrolmentTimeError`].
    pub fn enrolled(enrolment: &Enrolment, now: Timestamp) -> Result<Device, EnrolmentTimeError> {
        let claims = enrolment.claims();
        let age = now.seconds_since(claims.issued_at);
        if age > Self::ENROLMENT_AGE_MAX as i64 {
            return Err(EnrolmentTimeError::Old(claims.issued_at));
        }
        if age < -(Self::ENROLMENT_AHEAD_MAX as i64) {
            return Err(EnrolmentTimeError::Future(claims.issued_at));
        }
        Ok(Device { key: *enrolment.key(), enrolled_for: Some(claims.residence_code), nonce: Some(claims.nonce) })
    }

    /// The device's key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The nonce that the device signed when it was enrolled.
    pub fn nonce(&self) -> Option<&[u8; 16]> {
        self.nonce.as_ref()
    }
}

/// A device whose key is known by other means than an enrolment, such as the issuer's own register.
impl From<PublicKey> for Device {
    fn from(key: PublicKey) -> Device {
        Device { key, enrolled_for: None, nonce: None }
    }
}

/// As above; the key must be a point of its curve and not of small order.
impl TryFrom<&CoseKey> for Device {
    type Error = KeyError;

    fn try_from(key: &CoseKey) -> Result<Device, KeyError> {
        PublicKey::try_from(key).map(Device::from)
    }
}

/// Why an enrolment is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentTimeError {
    /// More than 30 days old.
    #[error("the enrolment of {0} is more than 30 days old; enrol the device again")]
    Old(Timestamp),
    /// More than 5 minutes ahead of the clock.
    #[error("the enrolment says {0}, more than 5 minutes ahead of this clock; set the phone's clock and enrol again")]
    Future(Timestamp),
}

impl EnrolmentTimeError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            EnrolmentTimeError::Old(_) => "ENROLMENT_OLD",
            EnrolmentTimeError::Future(_) => "ENROLMENT_FUTURE",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            EnrolmentTimeError::Old(at) => format!("绑定申请（{at}）已超过30天，请重新绑定设备"),
            EnrolmentTimeError::Future(at) => {
                format!("绑定申请的时间（{at}）比本机时间快5分钟以上，请校准手机时间后重新绑定")
            }
        }
    }
}

/// An issuer's key: something that signs with Ed25519, and the public half that its signatures are checked with.
///
/// Permits, vouchers, status lists and trust lists are all signed through it; which of them a key may sign is written in the trust list.
#[derive(Clone)]
pub struct IssuingKey<S> {
    signer: S,
    public: PublicKey,
    kid: Kid,
}

impl<S> IssuingKey<S> {
    /// The key with this public half. Whether the two belong together shows at the first signature, which is not released if they do not.
    ///
    /// # Errors
    /// [`NotEd25519`]: issuers sign with Ed25519 only.
    pub fn new(signer: S, public: PublicKey) -> Result<IssuingKey<S>, NotEd25519> {
        match public.algorithm() {
            Algorithm::Ed25519 => Ok(IssuingKey { signer, public, kid: public.kid() }),
            Algorithm::Esp256 => Err(NotEd25519),
        }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// How permits name this key.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// The key's thumbprint (RFC 9679).
    pub fn thumbprint(&self) -> Thumbprint {
        self.public.thumbprint()
    }
}

impl<S: Signer<Signature>> IssuingKey<S> {
    /// Signs, and verifies the signature before it is handed out.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        let signature = self.sign_unchecked(message)?;
        self.public.verify(message, &signature).map_err(|_| SigningError::SignatureRefused)?;
        Ok(signature)
    }

    /// Signs. Whoever takes this verifies it: once is enough, and costs as much as two signatures.
    fn sign_unchecked(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        Ok(self.signer.try_sign(message).map_err(|_| SigningError::Signer)?.to_bytes())
    }
}

impl<S> fmt::Debug for IssuingKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The key is not an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is a P-256 key, and issuers sign with Ed25519; make an Ed25519 key")]
pub struct NotEd25519;

impl NotEd25519 {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        "KEY_NOT_ED25519"
    }
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The signer gave no signature.
    #[error("the signing key gave no signature; check the key file or the hardware module, then try again")]
    Signer,
    /// The signer gave a signature that does not belong to the public key.
    #[error(
        "the signing key gave a signature that does not belong to its public key; nothing was released: stop and have the key checked"
    )]
    SignatureRefused,
}

impl SigningError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SigningError::Signer => "SIGNER_FAILED",
            SigningError::SignatureRefused => "SIGNATURE_REFUSED",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            SigningError::Signer => "签名密钥未给出签名，请检查密钥文件或加密机后重试",
            SigningError::SignatureRefused => "签名与公钥不符，未签出任何证照，请停止使用并检查密钥",
        }
    }
}

/// Why a permit was not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The values do not go together.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The enrolment was made for another residence code.
    #[error("the enrolment was made for another residence code; enrol the device for this one")]
    EnrolmentOfAnother,
    /// The key cannot be an issuer's.
    #[error(transparent)]
    NotEd25519(NotEd25519),
    /// The signer gave no signature.
    #[error(transparent)]
    SignerFailed(SigningError),
    /// The signer gave a wrong signature, which was not released.
    #[error(transparent)]
    SignatureRefused(SigningError),
    /// The permit does not fit a code.
    #[error("the permit would have {bytes} bytes, more than the {most} that fit a code; shorten the addresses")]
    TooLarge {
        /// What it would have.
        bytes: usize,
        /// What fits.
        most: usize,
    },
    /// What was signed cannot be read back.
    #[error("the signed permit cannot be read back; nothing was released: report this defect")]
    Unreadable,
}

impl IssueError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            IssueError::Claims(error) => error.code(),
            IssueError::EnrolmentOfAnother => "ENROLMENT_OF_ANOTHER",
            IssueError::NotEd25519(error) => error.code(),
            IssueError::SignerFailed(error) | IssueError::SignatureRefused(error) => error.code(),
            IssueError::TooLarge { .. } => "PERMIT_TOO_LARGE",
            IssueError::Unreadable => "PERMIT_UNREADABLE",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            IssueError::Claims(ClaimsError::ExpiryBeforeIssue) => "凭证的失效时间早于签发时间，请更正失效时间".into(),
            IssueError::Claims(ClaimsError::EndorsedBeforeIssue) => "签注有效期早于签发日期，请更正其中一个日期".into(),
            IssueError::Claims(ClaimsError::BornAfterIssue) => "出生日期晚于签发日期，请更正号码或日期".into(),
            IssueError::Claims(ClaimsError::StatusIndex) => "状态名单序号超出范围，请换一个序号".into(),
            IssueError::EnrolmentOfAnother => "绑定申请属于另一个居码，请为本居码重新绑定设备".into(),
            IssueError::NotEd25519(_) => "密钥为P-256密钥，签发机关须使用Ed25519，请另制密钥".into(),
            IssueError::SignerFailed(error) | IssueError::SignatureRefused(error) => error.zh().into(),
            IssueError::TooLarge { bytes, most } => {
                format!("证照共{bytes}字节，超过二维码可容纳的{most}字节，请缩短地址")
            }
            IssueError::Unreadable => "签出的证照无法读回，未予放行，请报告此缺陷".into(),
        }
    }

    /// Whether the key or its module is at fault, so that going on with other requests makes no sense.
    pub fn is_the_keys_fault(&self) -> bool {
        matches!(
            self,
            IssueError::NotEd25519(_)
                | IssueError::SignerFailed(_)
                | IssueError::SignatureRefused(_)
                | IssueError::Unreadable
        )
    }
}

impl From<SigningError> for IssueError {
    fn from(error: SigningError) -> IssueError {
        match error {
            SigningError::Signer => IssueError::SignerFailed(error),
            SigningError::SignatureRefused => IssueError::SignatureRefused(error),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use credential_format::display_text::DisplayText;
    use credential_format::enrolment::{EnrolmentClaims, UnverifiedEnrolment};
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::request::tests::{sample, today};
    use credential_format::cbor::read_tree;

    pub(crate) fn key(seed: u8) -> IssuingKey<SigningKey> {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key())).unwrap();
        IssuingKey::new(secret, public).unwrap()
    }

    pub(crate) fn device(seed: u8) -> Device {
        Device::try_from(&CoseKey::from(SigningKey::from_bytes(&[seed; 32]).verifying_key())).unwrap()
    }

    pub(crate) fn now() -> Timestamp {
        Timestamp::parse("2026-07-01T09:00:00+08:00").unwrap()
    }

    pub(crate) const SLOT: StatusSlot = StatusSlot { list: 1, index: 77 };

    fn note() -> VoucherNote {
        VoucherNote {
            serial: DisplayText::parse("TH-2026-000017").unwrap(),
            place: DisplayText::parse("天河区受理点").unwrap(),
        }
    }

    /// Signs with another key than the one it is said to be, or not at all.
    pub(crate) struct Faulty(pub(crate) Option<SigningKey>);

    impl Signer<Signature> for Faulty {
        fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
            self.0.as_ref().map(|key| key.sign(message)).ok_or_else(signature::Error::new)
        }
    }

    #[test]
    fn a_permit_says_what_was_asked_and_its_signature_holds() {
        let request = sample().check(today()).unwrap();
        let permit = issue(&request, &device(9), SLOT, now(), &key(1)).unwrap();
        let read = UnverifiedPermit::parse(permit.bytes()).unwrap();
        assert_eq!(read.kid(), key(1).kid());
        assert_eq!(key(1).public().verify(&read.message(), read.signature()), Ok(()));
        let claims = read.unverified_claims();
        assert_eq!(claims.device_key(), Some(&device(9).key().cose_key()));
        assert_eq!(claims.status, SLOT);
        assert_eq!(claims.issued_at, now());
        assert_eq!(claims.name.as_str(), "欧阳示范");
        assert_eq!(claims.citizen_id.to_string(), "360102198802099994");
        assert_eq!(claims.household.to_address(), "江西省南昌市东湖区虚构巷7号");
        assert_eq!(claims.address.to_address(), "广东省广州市海珠区样板街22号之一1204房");
        assert_eq!(text::decode(&permit.text()), Ok((Kind::Presentation, permit.bytes().to_vec())));
    }

    #[test]
    fn a_voucher_has_a_note_and_no_device() {
        let request = sample().check(today()).unwrap();
        let permit = voucher(&request, &note(), SLOT, now(), &key(1)).unwrap();
        let read = UnverifiedPermit::parse(permit.bytes()).unwrap();
        assert_eq!(read.unverified_claims().device_key(), None);
        assert!(permit.text().starts_with("8612"));
        assert_eq!(permit.kind(), Kind::Voucher);
    }

    #[test]
    fn nothing_leaves_with_a_wrong_signature() {
        let request = sample().check(today()).unwrap();
        let public = *key(1).public();
        let wrong = IssuingKey::new(Faulty(Some(SigningKey::from_bytes(&[2; 32]))), public).unwrap();
        let silent = IssuingKey::new(Faulty(None), public).unwrap();
        let right = IssuingKey::new(Faulty(Some(SigningKey::from_bytes(&[1; 32]))), public).unwrap();
        let code = |result: Result<IssuedPermit, IssueError>| result.map_err(|error| error.code()).err();
        assert_eq!(code(issue(&request, &device(9), SLOT, now(), &wrong)), Some("SIGNATURE_REFUSED"));
        assert_eq!(code(voucher(&request, &note(), SLOT, now(), &wrong)), Some("SIGNATURE_REFUSED"));
        assert_eq!(code(issue(&request, &device(9), SLOT, now(), &silent)), Some("SIGNER_FAILED"));
        assert_eq!(code(issue(&request, &device(9), SLOT, now(), &right)), None);
    }

    #[test]
    fn a_signature_from_elsewhere_is_checked_like_any_other() {
        let request = sample().check(today()).unwrap();
        let public = *key(1).public();
        let prepare = || UnsignedPermit::prepare(&request, &device(9), SLOT, now(), &public).unwrap();
        let of = |seed: u8, message: &[u8]| SigningKey::from_bytes(&[seed; 32]).sign(message).to_bytes();

        let right = of(1, prepare().message());
        let whole = issue(&request, &device(9), SLOT, now(), &key(1)).unwrap();
        assert!(prepare().finish(&right).unwrap() == whole, "one way or three steps, the same permit");
        let printed = UnsignedPermit::prepare_voucher(&request, &note(), SLOT, now(), &public).unwrap();
        let signature = of(1, printed.message());
        assert!(printed.finish(&signature).unwrap() == voucher(&request, &note(), SLOT, now(), &key(1)).unwrap());

        for bit in 0..512 {
            let mut flipped = right;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(prepare().finish(&flipped).unwrap_err().code(), "SIGNATURE_REFUSED", "bit {bit}");
        }
        let of_another_key = of(2, prepare().message());
        assert_eq!(prepare().finish(&of_another_key).unwrap_err().code(), "SIGNATURE_REFUSED");
        let of_another_message = of(1, b"juma");
        assert_eq!(prepare().finish(&of_another_message).unwrap_err().code(), "SIGNATURE_REFUSED");
        assert_eq!(format!("{:?}", prepare()), format!("UnsignedPermit {{ slot: {SLOT:?}, .. }}"));
    }

    #[test]
    fn every_refusal_speaks_chinese_and_says_whether_to_go_on() {
        let refusals = [
            (IssueError::Claims(ClaimsError::ExpiryBeforeIssue), false),
            (IssueError::Claims(ClaimsError::EndorsedBeforeIssue), false),
            (IssueError::Claims(ClaimsError::BornAfterIssue), false),
            (IssueError::Claims(ClaimsError::StatusIndex), false),
            (IssueError::EnrolmentOfAnother, false),
            (IssueError::NotEd25519(NotEd25519), true),
            (SigningError::Signer.into(), true),
            (SigningError::SignatureRefused.into(), true),
            (IssueError::TooLarge { bytes: 2_000, most: 1_888 }, false),
            (IssueError::Unreadable, true),
        ];
        let mut sentences: Vec<String> = refusals.iter().map(|(error, _)| error.zh()).collect();
        for (error, is_the_keys_fault) in refusals {
            assert_eq!(error.is_the_keys_fault(), is_the_keys_fault, "{error}");
        }
        sentences.extend([EnrolmentTimeError::Old(now()), EnrolmentTimeError::Future(now())].map(|error| error.zh()));
        for sentence in &sentences {
            assert!(sentence.contains('请') || sentence.contains("须"), "what to do next: {sentence}");
        }
        let all = sentences.len();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), all);
    }

    /// No request makes one so long; a later one may.
    #[test]
    fn a_permit_that_no_code_would_hold_does_not_leave() {
        let request = sample().check(today()).unwrap();
        let public = *key(1).public();
        let finished = |kind, carrier, filling: u16| {
            let [high, low] = filling.to_be_bytes();
            let item = [&[0x59, high, low][..], &vec![0; usize::from(filling)]].concat();
            let mut claims = request.claims(carrier, SLOT, now());
            claims.unknown_extensions = vec![(1_000, read_tree(&item, 1).unwrap())];
            let to_sign = claims.to_sign(public.kid()).unwrap();
            let signature = SigningKey::from_bytes(&[1; 32]).sign(to_sign.message()).to_bytes();
            let (residence_code, expires_at) = (request.residence_code(), claims.expires_at);
            UnsignedPermit { to_sign, public, kind, slot: SLOT, residence_code, issued_at: now(), expires_at }
                .finish(&signature)
                .map(|permit| permit.bytes().len())
        };
        let live = Carrier::Device(device(9).key().cose_key());
        for (kind, carrier, most) in
            [(Kind::Presentation, live, 2_048 - 160), (Kind::Voucher, Carrier::Paper(note()), 2_048)]
        {
            let around = finished(kind, carrier.clone(), 1_000).unwrap() - 1_000;
            let room = u16::try_from(most - around).unwrap();
            assert_eq!(finished(kind, carrier.clone(), room), Ok(most));
            assert_eq!(finished(kind, carrier, room + 1), Err(IssueError::TooLarge { bytes: most + 1, most }));
        }
    }

    #[test]
    fn expiry_is_three_years_and_never_before_the_endorsement_ends() {
        let with = |endorsed_until: &str, expires_at: Option<&str>| {
            let mut raw = sample();
            raw.endorsed_until = Some(endorsed_until.into());
            raw.expires_at = expires_at.map(str::to_owned);
            issue(&raw.check(today()).unwrap(), &device(9), SLOT, now(), &key(1)).unwrap().expires_at().to_string()
        };
        assert_eq!(with("2027-05-22", None), "2029-07-01T09:00:00+08:00");
        assert_eq!(with("2029-06-30", None), "2029-07-01T09:00:00+08:00");
        assert_eq!(with("2029-07-01", None), "2029-07-02T00:00:00+08:00");
        assert_eq!(with("2027-05-22", Some("2027-05-23T00:00:00+08:00")), "2027-05-23T00:00:00+08:00");
    }

    #[test]
    fn issuers_sign_with_ed25519_only() {
        let point = hex::decode("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296").unwrap();
        let p256 = PublicKey::try_from(&CoseKey::P256(point.try_into().unwrap())).unwrap();
        assert_eq!(IssuingKey::new((), p256).err(), Some(NotEd25519));
        let request = sample().check(today()).unwrap();
        let refused = UnsignedPermit::prepare(&request, &device(9), SLOT, now(), &p256).unwrap_err();
        assert_eq!(refused.code(), "KEY_NOT_ED25519");
        // As a device's key it is fine.
        let permit = issue(&request, &Device::from(p256), SLOT, now(), &key(1)).unwrap();
        let read = UnverifiedPermit::parse(permit.bytes()).unwrap();
        assert_eq!(read.unverified_claims().device_key(), Some(&p256.cose_key()));
    }

    pub(crate) fn enrolment(seed: u8, code: ResidenceCode, at: Timestamp, nonce: [u8; 16]) -> Enrolment {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let device_key = CoseKey::from(secret.verifying_key());
        let to_sign = EnrolmentClaims { issued_at: at, device_key, nonce, residence_code: code }.to_sign();
        let bytes = to_sign.finish(&secret.sign(to_sign.message()).to_bytes());
        UnverifiedEnrolment::parse(&bytes).unwrap().check().unwrap()
    }

    #[test]
    fn an_enrolment_counts_for_its_own_residence_code_and_for_thirty_days() {
        let request = sample().check(today()).unwrap();
        let code = request.residence_code();
        let at = |seconds: i64| {
            let time = Timestamp::new((now().seconds() as i64 + seconds) as u64).unwrap();
            Device::enrolled(&enrolment(9, code, time, [5; 16]), now()).map_err(|error| error.code()).err()
        };
        assert_eq!(at(0), None);
        assert_eq!(at(-30 * 86_400), None);
        assert_eq!(at(-30 * 86_400 - 1), Some("ENROLMENT_OLD"));
        assert_eq!(at(300), None);
        assert_eq!(at(301), Some("ENROLMENT_FUTURE"));

        let own = Device::enrolled(&enrolment(9, code, now(), [5; 16]), now()).unwrap();
        assert!(issue(&request, &own, SLOT, now(), &key(1)).is_ok());
        let other = ResidenceCode::with_check(440_000_000_099_999).unwrap();
        let other = Device::enrolled(&enrolment(9, other, now(), [5; 16]), now()).unwrap();
        let refused = issue(&request, &other, SLOT, now(), &key(1)).unwrap_err();
        assert_eq!(refused, IssueError::EnrolmentOfAnother);
    }

    #[test]
    fn an_index_that_no_list_has_is_refused() {
        let request = sample().check(today()).unwrap();
        let at =
            |index| issue(&request, &device(9), StatusSlot { list: 1, index }, now(), &key(1)).map(|p| p.slot().index);
        assert_eq!(at((1 << 20) - 1), Ok((1 << 20) - 1));
        assert_eq!(at(1 << 20), Err(IssueError::Claims(ClaimsError::StatusIndex)));
    }

    #[test]
    fn debug_shows_nothing_personal() {
        let request = sample().check(today()).unwrap();
        let permit = issue(&request, &device(9), SLOT, now(), &key(1)).unwrap();
        let shown = format!("{permit:?} {request:?} {:?}", sample());
        let kid = key(1).kid();
        assert_eq!(
            shown,
            format!("IssuedPermit {{ slot: {SLOT:?}, kid: Kid({kid}), .. }} PermitRequest(***) RawRequest(***)")
        );
        assert_eq!(format!("{:?}", key(1)), format!("IssuingKey {{ kid: Kid({kid}), .. }}"));
    }
}
