//! A phone: its device key, and the permit that is bound to it.

use credential_format::challenge::Challenge;
use credential_format::enrolment::{Enrolment, UnverifiedEnrolment};
use credential_format::key::Algorithm;
use credential_format::permit::Claims;
use credential_format::presentation::Binding;
use credential_format::residence_code::ResidenceCode;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use holder::device_key::{DeviceKey, DeviceSigner as _};
use holder::held_permit::HeldPermit;
use holder::{enrol, present};

use crate::dice;
use crate::fault::{Because, Fault};

/// A phone with a key of its own, made of real random bits.
#[derive(Clone)]
pub(crate) struct Phone {
    key: DeviceKey,
    permit: Option<HeldPermit>,
}

impl Phone {
    /// A new phone, whose secure hardware has keys of this kind.
    pub(crate) fn new(algorithm: Algorithm) -> Result<Phone, Fault> {
        let key = DeviceKey::from_secret(algorithm, &dice::roll()?).because("the phone's key cannot be made")?;
        Ok(Phone { key, permit: None })
    }

    /// 绑定: proves to the issuer that the phone holds its key; what the issuer gets, read and checked as the issuer does.
    pub(crate) fn enrol(&self, code: ResidenceCode, nonce: [u8; 16], now: Timestamp) -> Result<Enrolment, Fault> {
        let signed = enrol::enrol(&self.key, code, nonce, now).because("the phone does not enrol")?;
        let (_, bytes) = text::decode(&signed.text()).because("the enrolment cannot be read")?;
        let enrolment = UnverifiedEnrolment::parse(&bytes).because("the enrolment cannot be read")?;
        enrolment.check().because("the enrolment proves nothing")
    }

    /// Takes the permit that the issuer made for this phone.
    pub(crate) fn take(&mut self, permit: &[u8]) -> Result<(), Fault> {
        let held = HeldPermit::parse(permit, &self.key.public_key()).because("the phone refuses the permit")?;
        self.permit = Some(held);
        Ok(())
    }

    /// 亮码: the digits that the phone shows at `now`, by its own clock.
    pub(crate) fn show(&self, now: Timestamp) -> Result<String, Fault> {
        self.present(now, None)
    }

    /// The digits that answer a counter's challenge.
    pub(crate) fn answer(&self, challenge: &Challenge, now: Timestamp) -> Result<String, Fault> {
        // The phone reads it from the counter's screen.
        let digits = text::encode(Kind::Challenge, &challenge.to_vec());
        let read = holder::asked::challenge_from_text(&digits).because("the phone cannot read the challenge")?;
        self.present(now, Some(&read))
    }

    /// The claims of its permit.
    pub(crate) fn claims(&self) -> Result<&Claims, Fault> {
        Ok(self.permit()?.claims())
    }

    /// The permit alone, without the phone's signature: what a copy of the file is.
    pub(crate) fn permit_alone(&self) -> Result<String, Fault> {
        Ok(text::encode(Kind::Presentation, self.permit()?.bytes()))
    }

    /// The permit's bytes.
    pub(crate) fn permit_bytes(&self) -> Result<&[u8], Fault> {
        Ok(self.permit()?.bytes())
    }

    /// This phone with somebody else's permit, and its own key: it can sign, but not as the device that the permit names.
    pub(crate) fn sign_foreign(
        &self,
        permit: &[u8],
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let binding = Binding { issued_at: now, nonce: dice::roll()?, answer: challenge.map(Challenge::answer) };
        let to_sign = binding.to_sign(permit).because("the permit does not fit a presentation")?;
        let signature = self.key.sign(to_sign.message()).because("the phone does not sign")?;
        Ok(text::encode(Kind::Presentation, &to_sign.finish(&signature)))
    }

    /// The digits that it shows at `now`, and that answer the challenge if there is one.
    pub(crate) fn present(&self, now: Timestamp, challenge: Option<&Challenge>) -> Result<String, Fault> {
        let shown = present::present(self.permit()?, &self.key, now, dice::roll()?, challenge);
        Ok(shown.because("the phone shows nothing")?.text())
    }

    fn permit(&self) -> Result<&HeldPermit, Fault> {
        self.permit.as_ref().because("the phone has no permit yet")
    }
}
