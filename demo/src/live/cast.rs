//! Who can step up to the counter, and what each of them shows.

use credential_format::challenge::Challenge;
use credential_format::day::Day;
use credential_format::key::Algorithm;
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use verifier::verdict::{Reason, Words};

use crate::authority::Authorities;
use crate::fault::{Because, Fault};
use crate::forgery;
use crate::phone::Phone;
use crate::sample::{self, Sample};

/// Everybody.
pub(crate) struct Cast(Vec<Person>);

/// One of them.
pub(crate) struct Person {
    /// Its name in requests.
    pub(crate) id: &'static str,
    /// What is the matter.
    pub(crate) story: Words,
    /// What the counter must say to it.
    pub(crate) expected: Reason,
    /// What the phone's page says of the permit: the name masked, and the last day of the endorsement.
    pub(crate) name: String,
    pub(crate) endorsed_until: Day,
    shows: Shows,
}

/// What is shown.
enum Shows {
    /// The holder's own phone.
    Own(Phone),
    /// The same, but one digit of each code is changed so that another name stands in it.
    OtherName(Phone),
    /// Another phone, onto which the permit was copied.
    Copied { phone: Phone, permit: Vec<u8> },
    /// A picture of a code that was shown some time ago.
    Screenshot(String),
}

/// How long before the beginning the screenshot was taken, in seconds.
const SCREENSHOT_AGE_SECS: u64 = 300;

impl Cast {
    /// Issues everybody's permit, and cancels the one that is to be cancelled.
    pub(crate) fn meet(authorities: &mut Authorities, now: Timestamp) -> Result<Cast, Fault> {
        let samples = sample::samples()?;
        let today = now.day();
        let sample = |no: u16| samples.iter().find(|sample| sample.no == no).because("there is no such sample");
        let day = |days: i32, years: i32| {
            let day = today.add_days(days).and_then(|day| day.add_years(years));
            day.because("this computer's clock is wrong")
        };
        // Each was endorsed for one year.
        let mut holds = |no: u16, issued_on: Day| hold(authorities, sample(no)?, issued_on);
        let valid = holds(1, day(-100, 0)?)?;
        let endorsable = holds(2, day(12, -1)?)?;
        let lapsed = holds(3, day(-40, -1)?)?;
        let cancelled = holds(4, day(-200, 0)?)?;
        let other = holds(6, day(-150, 0)?)?;
        let cancelled_at = now.checked_sub(30 * 86_400).because("this computer's clock is wrong")?;
        authorities.set_status(sample(4)?, Status::Cancelled, cancelled_at)?;

        let shot_at = now.checked_sub(SCREENSHOT_AGE_SECS).because("this computer's clock is wrong")?;
        let screenshot = valid.show(shot_at)?;
        let stranger = Phone::new(Algorithm::Ed25519)?;
        let copied = Shows::Copied { phone: stranger, permit: other.permit_bytes()?.to_vec() };
        let person = |id, zh, en, expected, of: &Phone, shows| -> Result<Person, Fault> {
            let claims = of.claims()?;
            let (name, endorsed_until) = (claims.name.masked(), claims.endorsed_until);
            Ok(Person { id, story: Words { zh, en }, expected, name, endorsed_until, shows })
        };
        Ok(Cast(vec![
            person(
                "valid",
                "本人手机亮证",
                "On the holder's own phone",
                Reason::Valid,
                &valid,
                Shows::Own(valid.clone()),
            )?,
            person(
                "endorsable",
                "签注期内，可以办理签注",
                "In the endorsement window",
                Reason::ValidEndorsable,
                &endorsable,
                Shows::Own(endorsable.clone()),
            )?,
            person(
                "lapsed",
                "签注到期四十天，未办签注",
                "Not endorsed again for forty days",
                Reason::EndorsementLapsed,
                &lapsed,
                Shows::Own(lapsed.clone()),
            )?,
            person(
                "cancelled",
                "居住登记已由房东注销",
                "Cancelled by the authority",
                Reason::Cancelled,
                &cancelled,
                Shows::Own(cancelled.clone()),
            )?,
            person(
                "altered",
                "改动了码中的姓名",
                "The name in the code was changed",
                Reason::IssuerSignature,
                &valid,
                Shows::OtherName(valid.clone()),
            )?,
            person(
                "copied",
                "证照被复制到另一部手机",
                "The permit, copied to another phone",
                Reason::DeviceSignature,
                &other,
                copied,
            )?,
            person(
                "screenshot",
                "五分钟前的截图，不再变化",
                "A screenshot of five minutes ago",
                Reason::PresentationExpired,
                &valid,
                Shows::Screenshot(screenshot),
            )?,
        ]))
    }

    /// All of them, in the order in which they are offered.
    pub(crate) fn all(&self) -> &[Person] {
        &self.0
    }

    /// The one of this name.
    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.0.iter().find(|person| person.id == id)
    }
}

impl Person {
    /// Whether each code is shown for some seconds only, as those of a phone are.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.shows, Shows::Screenshot(_))
    }

    /// The digits that are shown at `now`. A screenshot is what it is, whoever asks.
    pub(crate) fn show(&self, challenge: Option<&Challenge>, now: Timestamp) -> Result<String, Fault> {
        match &self.shows {
            Shows::Own(phone) => phone.present(now, challenge),
            Shows::OtherName(phone) => {
                let changed = forgery::other_name(&phone.present(now, challenge)?);
                Ok(changed.because("no digit changes the name")?.digits)
            }
            Shows::Copied { phone, permit } => phone.sign_foreign(permit, challenge, now),
            Shows::Screenshot(digits) => Ok(digits.clone()),
        }
    }
}

/// A new phone with the sample's permit, endorsed for one year from this day on.
fn hold(authorities: &mut Authorities, sample: &Sample, issued_on: Day) -> Result<Phone, Fault> {
    // Half of all phones have secure hardware that knows P-256 only.
    let algorithm = if sample.no.is_multiple_of(2) { Algorithm::Esp256 } else { Algorithm::Ed25519 };
    let mut phone = Phone::new(algorithm)?;
    let signed_at = issued_on.start_of_day().checked_add(9 * 3_600).because("this computer's clock is wrong")?;
    let request = sample.request_with(
        |raw| {
            raw.issued_on = Some(issued_on.to_string());
            raw.endorsed_until = None;
            raw.endorsement_years = Some("1".to_owned());
        },
        signed_at,
    )?;
    let permit = authorities.issue(sample, request, &phone, signed_at)?;
    phone.take(permit.bytes())?;
    Ok(phone)
}
