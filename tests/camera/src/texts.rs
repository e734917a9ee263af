//! What the codes say: sample permits, issued and shown by the project's own code, with keys that anyone can make.

use credential_format::challenge::Challenge;
use credential_format::counter_id::CounterId;
use credential_format::key::{Algorithm, CoseKey, PublicKey};
use credential_format::permit::StatusSlot;
use credential_format::residence_code::ResidenceCode;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::SigningKey;
use holder::device_key::{DeviceKey, DeviceSigner as _};
use holder::held_permit::HeldPermit;
use issuer::qr::{Level, QrCode, QrError};
use issuer::{Device, IssuingKey, PermitRequest, RawRequest};
use serde::Deserialize;

use crate::dice::Dice;

/// A QR symbol and what it says.
#[derive(Clone)]
pub(crate) struct Symbol {
    /// The text.
    pub(crate) text: String,
    /// Its version, 1 to 40.
    pub(crate) version: u8,
    /// Rows without quiet zone, `true` is dark.
    pub(crate) modules: Vec<Vec<bool>>,
}

impl Symbol {
    /// The symbol of a text of digits, as the commands make it: level L on screens, M on paper.
    fn of_digits(text: String, level: Level) -> Symbol {
        Symbol::try_of_digits(text, level).expect("digits that fit a code")
    }

    /// The same of a text that may be no digits, or too many.
    pub(crate) fn try_of_digits(text: String, level: Level) -> Result<Symbol, QrError> {
        let code = QrCode::from_digits(&text, level)?;
        Ok(Symbol { text, version: code.version(), modules: code.modules().to_vec() })
    }

    /// Modules on one side.
    pub(crate) fn side(&self) -> usize {
        self.modules.len()
    }
}

/// A permit in its holder's phone, which shows another code every time.
pub(crate) struct Phone {
    permit: HeldPermit,
    device: DeviceKey,
    now: Timestamp,
    challenge: Option<Challenge>,
}

impl Phone {
    /// The phone of sample permit number `no`, 0 to 19. What makes texts longer is drawn: a P-256 key, a longer address, an agent,
    /// a counter's question that is answered.
    pub(crate) fn new(no: usize, dice: &mut Dice) -> Phone {
        let sample = &samples()[no % SAMPLES];
        let algorithm = if dice.chance(0.3) { Algorithm::Esp256 } else { Algorithm::Ed25519 };
        let more = More { voucher_serial: None, longer_address: dice.below(4), agent: dice.chance(0.3) };
        let device = DeviceKey::from_secret(algorithm, &dice.bytes()).expect("a P-256 scalar");
        let public = device.public_key();
        let slot = StatusSlot { list: dice.below(60) as u64, index: dice.below(1 << 20) as u64 };
        let issued = issuer::issue(
            &sample.request(more),
            &Device::try_from(&public).expect("a fit key"),
            slot,
            issued_at(),
            &issuing_key(),
        )
        .expect("a sample can be issued");
        let permit = HeldPermit::parse(issued.bytes(), &public).expect("bound to this device");
        let challenge = dice.chance(0.5).then(|| Challenge {
            counter: CounterId::parse(dice.one_of(&["TIANHE-03", "DG-NANCHENG-11", "SZ-1"])).expect("an id"),
            cnonce: dice.bytes(),
            purpose: None,
        });
        let now = issued_at().checked_add(dice.below(50 * 86_400) as u64).expect("this century");
        Phone { permit, device, now, challenge }
    }

    /// The code that is shown next: another nonce, 15 seconds later.
    pub(crate) fn show(&mut self, dice: &mut Dice) -> Symbol {
        let shown =
            holder::present::present(&self.permit, &self.device, self.now, dice.bytes(), self.challenge.as_ref())
                .expect("its own permit");
        self.now = shown.changes_at();
        Symbol::of_digits(shown.text(), Level::L)
    }
}

/// The code of a printed permit of sample number `no`, 0 to 19.
pub(crate) fn voucher(no: usize, dice: &mut Dice) -> Symbol {
    let serial = format!("440100-2026-{:06}", dice.below(1_000_000));
    let more = More { voucher_serial: Some(serial), longer_address: dice.below(4), agent: false };
    let request = samples()[no % SAMPLES].request(more);
    let note = request.voucher().cloned().expect("a note was entered");
    let slot = StatusSlot { list: dice.below(60) as u64, index: dice.below(1 << 20) as u64 };
    let now = issued_at().checked_add(dice.below(50 * 86_400) as u64).expect("this century");
    let issued = issuer::voucher(&request, &note, slot, now, &issuing_key()).expect("a sample can be printed");
    Symbol::of_digits(issued.text(), Level::M)
}

/// A code for a screen of the same length that nobody issued: one digit in the middle is another.
pub(crate) fn forged(genuine: &Symbol) -> Symbol {
    let mut digits = genuine.text.clone().into_bytes();
    let middle = digits.len() / 2;
    digits[middle] = b'0' + (digits[middle] - b'0' + 1) % 10;
    Symbol::of_digits(String::from_utf8(digits).expect("digits"), Level::L)
}

/// The code on a shop's sticker: a short number, in numeric mode, at a smaller version.
///
/// Decoders tell it from a permit's by its text, not by its look.
pub(crate) fn sticker(dice: &mut Dice) -> Symbol {
    let length = 24 + dice.below(60);
    Symbol::of_digits((0..length).map(|_| char::from(b'0' + dice.below(10) as u8)).collect(), Level::M)
}

/// How many sample permits there are.
pub(crate) const SAMPLES: usize = 20;

fn samples() -> Vec<Sample> {
    let file: File =
        serde_json::from_str(include_str!("../../../fixtures/permits.json")).expect("the sample permits are JSON");
    assert_eq!(file.permits.len(), SAMPLES);
    file.permits
}

/// When the samples are signed: the day they are described for, 8:00 in Shanghai.
fn issued_at() -> Timestamp {
    Timestamp::parse("2026-07-01T08:00:00+08:00").expect("a time")
}

fn issuing_key() -> IssuingKey<SigningKey> {
    let secret = SigningKey::from_bytes(&Dice::new("TEST ONLY issuing key", 0).bytes());
    let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key())).expect("a point");
    IssuingKey::new(secret, public).expect("an Ed25519 key")
}

#[derive(Deserialize)]
struct File {
    permits: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    no: u64,
    holder: Person,
    residence: Residence,
    permit: Dates,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    ethnicity_code: String,
    citizen_id: String,
    household_division: String,
    household_address: String,
}

#[derive(Deserialize)]
struct Residence {
    division: String,
    address: String,
}

#[derive(Deserialize)]
struct Dates {
    issuer: String,
    issue_date: String,
    valid_until: String,
}

/// What a request has besides the sample.
struct More {
    /// For a sheet: its serial number.
    voucher_serial: Option<String>,
    /// Which of [`LONGER`] the address ends in.
    longer_address: usize,
    /// Whether somebody may show the permit in the holder's place.
    agent: bool,
}

/// Endings of addresses.
const LONGER: [&str; 4] =
    ["", "", "样板花园三期12栋2单元1803房", "示例新村示范四巷之五虚构大厦B座东梯二十六层2607室（示例物业代管宿舍）"];

impl Sample {
    /// The checked request for it.
    fn request(&self, more: More) -> PermitRequest {
        let More { voucher_serial, longer_address, agent } = more;
        let text = |value: &str| Some(value.to_owned());
        // Samples that are long already stay as they are: a code has its end.
        let ending = if self.residence.address.chars().count() < 30 { LONGER[longer_address] } else { "" };
        let address = format!("{}{ending}", self.residence.address);
        let code = ResidenceCode::with_check(440_000_000_012_000 + self.no).expect("fifteen digits");
        let raw = RawRequest {
            residence_code: Some(code.digits()),
            name: text(&self.holder.name),
            citizen_id: text(&self.holder.citizen_id),
            ethnicity: text(&self.holder.ethnicity_code),
            household_division: text(&self.holder.household_division),
            household_address: text(&self.holder.household_address),
            address_division: text(&self.residence.division),
            address: Some(address),
            issued_on: text(&self.permit.issue_date),
            endorsed_until: text(&self.permit.valid_until),
            agent_name: agent.then(|| "样例代办".to_owned()),
            agent_relation: agent.then(|| "近亲属".to_owned()),
            voucher_place: voucher_serial.is_some().then(|| self.permit.issuer.clone()),
            voucher_serial,
            ..RawRequest::default()
        };
        raw.check(issued_at().day()).unwrap_or_else(|errors| panic!("sample {}: {errors:?}", self.no))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_shown_and_printed_with_texts_of_the_length_of_permits() {
        let mut versions = std::collections::BTreeSet::new();
        for no in 0..SAMPLES {
            let mut dice = Dice::new("texts", no as u64);
            let mut phone = Phone::new(no, &mut dice);
            let (first, second) = (phone.show(&mut dice), phone.show(&mut dice));
            assert_ne!(first.text, second.text);
            let sheet = voucher(no, &mut dice);
            for symbol in [&first, &second, &sheet] {
                assert!((400..=1_600).contains(&symbol.text.len()));
                assert!(symbol.text.bytes().all(|byte| byte.is_ascii_digit()));
                assert_eq!(symbol.side(), 17 + 4 * usize::from(symbol.version));
                versions.insert(symbol.version);
            }
        }
        assert!(versions.iter().all(|version| (11..=17).contains(version)), "{versions:?}");
    }

    #[test]
    fn a_forged_code_has_one_other_digit() {
        let mut dice = Dice::new("forged", 0);
        let genuine = Phone::new(3, &mut dice).show(&mut dice);
        let forged = forged(&genuine);
        let differences = genuine.text.bytes().zip(forged.text.bytes()).filter(|(a, b)| a != b).count();
        assert_eq!((differences, forged.version), (1, genuine.version));
    }
}
