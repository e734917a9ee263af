//! What is to be issued: as it was entered ([`RawRequest`]), and checked ([`PermitRequest`]).

use std::borrow::Cow;
use std::fmt;

use credential_format::citizen_id::CitizenId;
use credential_format::day::Day;
use credential_format::display_text::DisplayText;
use credential_format::division::Division;
use credential_format::ethnicity::Ethnicity;
use credential_format::key::{CoseKey, KeyError, Kid, PublicKey};
use credential_format::name::Name;
use credential_format::permit::{Agent, Carrier, Claims, Relation, StatusSlot, VoucherNote};
use credential_format::place::{Place, PlaceError};
use credential_format::region;
use credential_format::residence_code::ResidenceCode;
use credential_format::timestamp::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

/// A request that can be issued: every value is one, and together they make sense.
///
/// [`RawRequest::check`] is the only way to one. `Debug` gives nothing of it.
#[derive(Clone, PartialEq)]
pub struct PermitRequest {
    residence_code: ResidenceCode,
    name: Name,
    citizen_id: CitizenId,
    ethnicity: Ethnicity,
    household: Place,
    address: Place,
    issued_on: Day,
    endorsed_until: Day,
    expires_at: Option<Timestamp>,
    agent: Option<Agent>,
    portrait_digest: Option<[u8; 16]>,
    device_key: Option<PublicKey>,
    enrolment_nonce: Option<[u8; 16]>,
    voucher: Option<VoucherNote>,
}

impl PermitRequest {
    /// A credential can be shown for so many years after it was signed, unless the request says otherwise.
    pub const EXPIRES_AFTER_YEARS: i32 = 3;
    /// An endorsement that ends more than so many years ahead is taken for a slip of the pen.
    pub const ENDORSED_AHEAD_YEARS_MAX: i32 = 5;
    /// So is an expiry more than so many years ahead.
    pub const EXPIRES_AHEAD_YEARS_MAX: i32 = 10;

    /// 居码
    pub fn residence_code(&self) -> ResidenceCode {
        self.residence_code
    }

    /// 公民身份号码
    pub fn citizen_id(&self) -> CitizenId {
        self.citizen_id
    }

    /// 现居住地址
    pub fn address(&self) -> &Place {
        &self.address
    }

    /// 签注有效期至
    pub fn endorsed_until(&self) -> Day {
        self.endorsed_until
    }

    /// The device's key, where the request names it.
    pub fn device_key(&self) -> Option<&PublicKey> {
        self.device_key.as_ref()
    }

    /// The nonce that the device was asked to sign, where the request names it.
    pub fn enrolment_nonce(&self) -> Option<&[u8; 16]> {
        self.enrolment_nonce.as_ref()
    }

    /// What a printed permit says of itself, where the request names it.
    pub fn voucher(&self) -> Option<&VoucherNote> {
        self.voucher.as_ref()
    }

    /// The claims of the permit.
    pub(crate) fn claims(&self, carrier: Carrier, status: StatusSlot, now: Timestamp) -> Claims {
        Claims {
            expires_at: self.expires_at.unwrap_or_else(|| self.default_expiry(now)),
            issued_at: now,
            carrier,
            residence_code: self.residence_code,
            name: self.name.clone(),
            citizen_id: self.citizen_id,
            ethnicity: self.ethnicity,
            household: self.household.clone(),
            address: self.address.clone(),
            issued_on: self.issued_on,
            endorsed_until: self.endorsed_until,
            status,
            agent: self.agent.clone(),
            portrait_digest: self.portrait_digest,
            unknown_extensions: Vec::new(),
        }
    }

    /// Same hour, three years later; never before the last day of the endorsement is over.
    fn default_expiry(&self, now: Timestamp) -> Timestamp {
        let today = now.day();
        let days = today.add_years(Self::EXPIRES_AFTER_YEARS).map_or(0, |then| then.get() - today.get());
        let later = now.checked_add(u64::from(days) * 86_400).unwrap_or(Timestamp::MAX);
        later.max(end_of_day(self.endorsed_until))
    }

    /// SHA-256 over all that the request asks for, and over who will show the permit: equal for equal requests, whenever they are made.
    #[cfg_attr(not(feature = "ledger"), allow(dead_code))]
    pub(crate) fn digest(&self, carrier: Carrier, nonce: Option<&[u8; 16]>) -> [u8; 32] {
        // The claims in their one encoding, with the times and the slot, which are not of the request, held still.
        let mut claims = self.claims(carrier, StatusSlot { list: 0, index: 0 }, Timestamp::MIN);
        claims.expires_at = Timestamp::MAX;
        let mut hash = Sha256::new_with_prefix(b"juma/1/request");
        hash.update(self.expires_at.map_or(0, Timestamp::seconds).to_be_bytes());
        hash.update([u8::from(nonce.is_some())]);
        hash.update(nonce.unwrap_or(&[0; 16]));
        // The values go together since `check`; were it otherwise, nothing could be issued either.
        if let Ok(to_sign) = claims.to_sign(Kid([0; 8])) {
            hash.update(to_sign.message());
        }
        hash.finalize().into()
    }
}

impl fmt::Debug for PermitRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PermitRequest(***)")
    }
}

/// The instant at which this day is over.
fn end_of_day(day: Day) -> Timestamp {
    day.add_days(1).map_or(Timestamp::MAX, Day::start_of_day)
}

/// Writes the fields down once: as a struct, by name, and as the list of names.
macro_rules! raw_request {
    ($($(#[$doc:meta])+ $field:ident,)+) => {
        /// A request as it was entered or received: texts, which [`check`](RawRequest::check) makes values of.
        ///
        /// As JSON an object of texts (or whole numbers); unknown fields are refused. As CSV the field names are the column names. Spaces around
        /// a value do not count, and an empty value is none. `Debug` gives nothing of it.
        #[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct RawRequest {
            $($(#[$doc])+
            #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
            pub $field: Option<String>,)+
        }

        impl RawRequest {
            /// The names of all fields.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// The field of this name.
            pub fn field_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

raw_request! {
    /// 居码: sixteen digits, spaces allowed.
    residence_code,
    /// 姓名
    name,
    /// 公民身份号码: eighteen characters, the last may be x.
    citizen_id,
    /// 民族: the number of GB/T 3304, or the Chinese name.
    ethnicity,
    /// 户籍所在地: the division code.
    household_division,
    /// 户籍所在地: the whole address, or what follows the names of the division.
    household_address,
    /// 现居住地址: the division code.
    address_division,
    /// 现居住地址: the whole address, or what follows the names of the division.
    address,
    /// 签发日期, YYYY-MM-DD: the day from which the endorsement years are counted.
    issued_on,
    /// 签注有效期至, YYYY-MM-DD, inclusive. This or the next field.
    endorsed_until,
    /// How many years are endorsed, counted from `issued_on`.
    endorsement_years,
    /// When the credential expires, RFC 3339; three years after it is signed if absent.
    expires_at,
    /// 代办人: the name of the agent who shows the permit.
    agent_name,
    /// What the agent is to the holder: 1 监护人, 2 近亲属, 3 家庭成员, as number or word.
    agent_relation,
    /// SHA-256 of the portrait, 64 hex digits; the first 16 bytes go into the permit.
    portrait_sha256,
    /// The device's public key in hex: 32 bytes for Ed25519, 33 (compressed) for P-256.
    device_key,
    /// The nonce that the device was asked to sign, 32 hex digits.
    enrolment_nonce,
    /// Serial number of the sheet, for a printed permit.
    voucher_serial,
    /// Where it is printed.
    voucher_place,
}

impl RawRequest {
    /// Makes a request of the texts, or says of every bad field what is wrong with it.
    ///
    /// # Errors
    /// All [`FieldError`]s at once, in the order of the fields; at least one.
    pub fn check(&self, today: Day) -> Result<PermitRequest, Vec<FieldError>> {
        let mut errors = Errors(Vec::new());
        let e = &mut errors;

        let residence_code = e.required("residence_code", &self.residence_code, |text| {
            let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            ResidenceCode::parse(&digits).map_err(|x| Fault::of(x.code(), &x, x.zh()))
        });
        let name =
            e.required("name", &self.name, |text| Name::parse_entry(text).map_err(|x| Fault::of(x.code(), &x, x.zh())));
        let citizen_id = e.required("citizen_id", &self.citizen_id, |text| {
            CitizenId::parse_entry(text, today).map_err(|x| Fault::of(x.code(), &x, x.zh()))
        });
        let ethnicity = e.required("ethnicity", &self.ethnicity, |text| {
            Ethnicity::parse(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))
        });
        let household_division = e.required("household_division", &self.household_division, division);
        let household = e.place("household_address", &self.household_address, household_division);
        let address_division = e.required("address_division", &self.address_division, |text| {
            division(text).and_then(|division| match division.code() % 10_000 {
                0 => Err(PROVINCE_ONLY),
                _ => Ok(division),
            })
        });
        let address = e.place("address", &self.address, address_division);
        let issued_on = e.required("issued_on", &self.issued_on, |text| match day(text)? {
            day if day > today => Err(ISSUED_IN_FUTURE),
            day => Ok(day),
        });
        let endorsed_until = self.endorsement(issued_on, today, e);
        let expires_at = e.optional("expires_at", &self.expires_at, |text| {
            let at = Timestamp::parse(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))?;
            if endorsed_until.is_some_and(|until| at < end_of_day(until)) {
                return Err(EXPIRES_BEFORE_ENDORSEMENT);
            }
            let last = today.add_years(PermitRequest::EXPIRES_AHEAD_YEARS_MAX).unwrap_or(Day::MAX);
            if at.day() > last { Err(EXPIRES_TOO_LATE) } else { Ok(at) }
        });

        let agent_name = e.optional("agent_name", &self.agent_name, |text| {
            Name::parse_entry(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))
        });
        let agent_relation = e.optional("agent_relation", &self.agent_relation, relation);
        let agent = e
            .both("agent_name", "agent_relation", agent_name, agent_relation)
            .map(|(name, relation)| Agent { name, relation });
        let portrait_digest = e.optional("portrait_sha256", &self.portrait_sha256, |text| {
            let digest: [u8; 32] = hex_bytes(text).ok_or(PORTRAIT_FORM)?;
            let [first, _] = *digest.as_chunks::<16>().0 else { return Err(PORTRAIT_FORM) };
            Ok(first)
        });
        let device_key = e.optional("device_key", &self.device_key, device_key);
        let enrolment_nonce =
            e.optional("enrolment_nonce", &self.enrolment_nonce, |text| hex_bytes(text).ok_or(NONCE_FORM));
        let serial = e.optional("voucher_serial", &self.voucher_serial, display_text);
        let place = e.optional("voucher_place", &self.voucher_place, display_text);
        let voucher = e
            .both("voucher_serial", "voucher_place", serial, place)
            .map(|(serial, place)| VoucherNote { serial, place });

        if let (Some(id), Some(day)) = (citizen_id, issued_on)
            && !id.is_born_by(day)
        {
            e.push("citizen_id", BORN_AFTER_ISSUE);
        }

        let values = (residence_code, name, citizen_id, ethnicity, household, address, issued_on, endorsed_until);
        match (values, errors.0.is_empty()) {
            (
                (
                    Some(residence_code),
                    Some(name),
                    Some(citizen_id),
                    Some(ethnicity),
                    Some(household),
                    Some(address),
                    Some(issued_on),
                    Some(endorsed_until),
                ),
                true,
            ) => Ok(PermitRequest {
                residence_code,
                name,
                citizen_id,
                ethnicity,
                household,
                address,
                issued_on,
                endorsed_until,
                expires_at,
                agent,
                portrait_digest,
                device_key,
                enrolment_nonce,
                voucher,
            }),
            _ => Err(errors.in_order()),
        }
    }

    /// The last day of the endorsement: as a date, as a number of years, or as both when they agree.
    fn endorsement(&self, issued_on: Option<Day>, today: Day, e: &mut Errors) -> Option<Day> {
        let date = e.optional("endorsed_until", &self.endorsed_until, day);
        let years = e.optional("endorsement_years", &self.endorsement_years, |text| {
            text.parse::<u8>().ok().filter(|years| (1..=50).contains(years)).ok_or(YEARS_RANGE)
        });
        if present(&self.endorsed_until).is_none() && present(&self.endorsement_years).is_none() {
            e.push("endorsed_until", ENDORSEMENT_MISSING);
            return None;
        }
        let counted = match (years, issued_on) {
            (Some(years), Some(issued_on)) => region::endorsed_until(issued_on, years).ok(),
            _ => None,
        };
        let until = match (date, counted) {
            (Some(date), Some(counted)) if date != counted => {
                e.push("endorsement_years", ENDORSEMENT_CONFLICT);
                return None;
            }
            (date, counted) => date.or(counted)?,
        };
        let field = if date.is_some() { "endorsed_until" } else { "endorsement_years" };
        let last = today.add_years(PermitRequest::ENDORSED_AHEAD_YEARS_MAX).unwrap_or(Day::MAX);
        if issued_on.is_some_and(|issued_on| until < issued_on) {
            e.push(field, ENDORSED_BEFORE_ISSUE);
            return None;
        }
        if until > last {
            e.push(field, ENDORSED_TOO_FAR);
            return None;
        }
        Some(until)
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawRequest(***)")
    }
}

/// What is wrong with one field. Never holds the value: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name, as in [`RawRequest::FIELDS`].
    pub field: &'static str,
    /// A stable name of what is wrong.
    pub code: &'static str,
    /// The sentence in English.
    pub en: Cow<'static, str>,
    /// The sentence in Chinese.
    pub zh: Cow<'static, str>,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.field, self.en, self.code)
    }
}

impl std::error::Error for FieldError {}

/// What is wrong, before it is said with which field.
struct Fault {
    code: &'static str,
    en: Cow<'static, str>,
    zh: Cow<'static, str>,
}

impl Fault {
    const fn new(code: &'static str, en: &'static str, zh: &'static str) -> Fault {
        Fault { code, en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    fn of(code: &'static str, en: &dyn fmt::Display, zh: Cow<'static, str>) -> Fault {
        Fault { code, en: en.to_string().into(), zh }
    }
}

const MISSING: Fault = Fault::new("FIELD_MISSING", "the field is empty; fill it in", "此项为空，请填写");
const PROVINCE_ONLY: Fault = Fault::new(
    "DIVISION_LEVEL",
    "the division of the address is a whole province; give the code of the city or the county",
    "居住地行政区划代码只到省级，请填写市或县（区）的代码",
);
const ISSUED_IN_FUTURE: Fault = Fault::new(
    "ISSUED_IN_FUTURE",
    "the day of issue lies in the future; correct the date, or issue the permit on that day",
    "签发日期晚于今天，请更正日期，或到当日再签发",
);
const ENDORSEMENT_MISSING: Fault = Fault::new(
    "ENDORSEMENT_MISSING",
    "neither endorsed_until nor endorsement_years is given; fill in one of them",
    "未填写签注有效期，请填写endorsed_until或endorsement_years",
);
const ENDORSEMENT_CONFLICT: Fault = Fault::new(
    "ENDORSEMENT_CONFLICT",
    "the years counted from issued_on do not end on endorsed_until; correct one of them, or leave one out",
    "自签发日期起算的签注年数与签注有效期不符，请更正其中一项，或只填一项",
);
const YEARS_RANGE: Fault = Fault::new(
    "ENDORSEMENT_YEARS",
    "the endorsed years are not a number from 1 to 50; correct it",
    "签注年数应为1至50，请更正",
);
const ENDORSED_BEFORE_ISSUE: Fault = Fault::new(
    "ENDORSED_BEFORE_ISSUE",
    "the endorsement would end before the day of issue; correct one of the two dates",
    "签注有效期早于签发日期，请更正其中一个日期",
);
const ENDORSED_TOO_FAR: Fault = Fault::new(
    "ENDORSED_TOO_FAR",
    "the endorsement would end more than 5 years from today; check the year",
    "签注有效期超过今天之后5年，请核对年份",
);
const EXPIRES_BEFORE_ENDORSEMENT: Fault = Fault::new(
    "EXPIRES_BEFORE_ENDORSEMENT",
    "the credential would expire before the last day of its endorsement is over; set a later expires_at or leave it out",
    "凭证失效时间早于签注有效期结束，请推迟expires_at或不填",
);
const EXPIRES_TOO_LATE: Fault = Fault::new(
    "EXPIRES_TOO_LATE",
    "the credential would expire more than 10 years from today; set an earlier expires_at or leave it out",
    "凭证失效时间超过今天之后10年，请提前expires_at或不填",
);
const RELATION_UNKNOWN: Fault = Fault::new(
    "AGENT_RELATION",
    "the agent's relation is none of 1 监护人, 2 近亲属, 3 家庭成员; write one of these numbers or words",
    "代办人关系应为1监护人、2近亲属、3家庭成员之一",
);
const PORTRAIT_FORM: Fault = Fault::new(
    "PORTRAIT_DIGEST",
    "the portrait's SHA-256 is not 64 hex digits; compute it over the portrait file and enter it whole",
    "相片SHA-256摘要不是64位十六进制数，请对相片文件计算后完整填写",
);
const DEVICE_KEY_FORM: Fault = Fault::new(
    "DEVICE_KEY_FORM",
    "the device key is neither 64 hex digits (Ed25519) nor 66 that begin with 02 or 03 (P-256, compressed); enter it whole",
    "设备公钥应为64位十六进制数（Ed25519），或以02、03开头的66位十六进制数（P-256压缩形式），请完整填写",
);
const NONCE_FORM: Fault = Fault::new(
    "NONCE_FORM",
    "the enrolment nonce is not 32 hex digits; enter it as it was given to the device",
    "绑定随机数不是32位十六进制数，请按发给设备的内容填写",
);
const BORN_AFTER_ISSUE: Fault = Fault::new(
    "BORN_AFTER_ISSUE",
    "the citizen ID number's birth date lies after the day of issue; correct the number or the date",
    "公民身份号码中的出生日期晚于签发日期，请更正号码或日期",
);
const HALF_GIVEN: Fault = Fault::new(
    "FIELD_PAIR",
    "this field and its companion (agent_name and agent_relation, voucher_serial and voucher_place) belong together; fill in both or neither",
    "此项须与对应项（代办人姓名与关系、凭证编号与打印地点）同时填写或同时留空",
);

/// The faults found so far.
struct Errors(Vec<FieldError>);

impl Errors {
    fn push(&mut self, field: &'static str, fault: Fault) {
        self.0.push(FieldError { field, code: fault.code, en: fault.en, zh: fault.zh });
    }

    fn required<T>(
        &mut self,
        field: &'static str,
        value: &Option<String>,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        if present(value).is_none() {
            self.push(field, MISSING);
        }
        self.optional(field, value, read)
    }

    fn optional<T>(
        &mut self,
        field: &'static str,
        value: &Option<String>,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        read(present(value)?).map_err(|fault| self.push(field, fault)).ok()
    }

    /// An address can only be looked at when its division is known; until then only its absence can be reported.
    fn place(&mut self, field: &'static str, value: &Option<String>, division: Option<Division>) -> Option<Place> {
        match (present(value), division) {
            (None, _) => {
                self.push(field, MISSING);
                None
            }
            (Some(_), None) => None,
            (Some(text), Some(division)) => place(division, text).map_err(|fault| self.push(field, fault)).ok(),
        }
    }

    /// Two values that stand together or not at all. A value that was refused was there.
    fn both<A, B>(&mut self, a: &'static str, b: &'static str, left: Option<A>, right: Option<B>) -> Option<(A, B)> {
        let refused = |field: &str, errors: &Errors| errors.0.iter().any(|error| error.field == field);
        match (left, right) {
            (Some(left), Some(right)) => return Some((left, right)),
            (Some(_), None) if !refused(b, self) => self.push(b, HALF_GIVEN),
            (None, Some(_)) if !refused(a, self) => self.push(a, HALF_GIVEN),
            _ => {}
        }
        None
    }

    fn in_order(mut self) -> Vec<FieldError> {
        self.0.sort_by_key(|error| RawRequest::FIELDS.iter().position(|field| *field == error.field));
        self.0
    }
}

/// The value without spaces around it; none if nothing is left.
fn present(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn division(text: &str) -> Result<Division, Fault> {
    Division::parse(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))
}

fn day(text: &str) -> Result<Day, Fault> {
    Day::parse(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))
}

fn display_text<const MAX: usize>(text: &str) -> Result<DisplayText<MAX>, Fault> {
    DisplayText::parse(text).map_err(|x| Fault::of(x.code(), &x, x.zh()))
}

/// An address as people write it: whole, without the province, or only what follows the names of its division.
fn place(division: Division, text: &str) -> Result<Place, Fault> {
    let fault = |x: PlaceError| Fault::of(x.code(), &x, x.zh());
    let other = PlaceError::OtherDivision { division };
    match Place::from_address(division, text) {
        Err(error) if error == other => {}
        read => return read.map_err(fault),
    }
    match Place::from_address(division, &format!("{}{text}", division.province_name())) {
        Err(error) if error == other => {}
        read => return read.map_err(fault),
    }
    // What begins with the name of a province, or of this division's city, is a whole address and belongs elsewhere.
    let begins_with = |name: &str| !name.is_empty() && text.starts_with(name);
    if PROVINCES.iter().filter_map(|code| Division::new(*code).ok()).any(|province| begins_with(province.name()))
        || division.prefecture_name().is_some_and(begins_with)
    {
        return Err(fault(other));
    }
    display_text(text).map(|detail| Place::new(division, detail))
}

/// The provinces of GB/T 2260 whose residents have citizen ID numbers of their own series.
const PROVINCES: [u64; 31] = [
    110_000, 120_000, 130_000, 140_000, 150_000, 210_000, 220_000, 230_000, 310_000, 320_000, 330_000, 340_000,
    350_000, 360_000, 370_000, 410_000, 420_000, 430_000, 440_000, 450_000, 460_000, 500_000, 510_000, 520_000,
    530_000, 540_000, 610_000, 620_000, 630_000, 640_000, 650_000,
];

fn relation(text: &str) -> Result<Relation, Fault> {
    let known = [Relation::GUARDIAN, Relation::NEAR_RELATIVE, Relation::FAMILY_MEMBER];
    known
        .into_iter()
        .find(|relation| {
            let (zh, en) = relation.words();
            text == zh || text.eq_ignore_ascii_case(en) || text == relation.0.to_string()
        })
        .ok_or(RELATION_UNKNOWN)
}

fn device_key(text: &str) -> Result<PublicKey, Fault> {
    let key = cose_key(text).ok_or(DEVICE_KEY_FORM)?;
    PublicKey::try_from(&key).map_err(|error| {
        let zh = match error {
            KeyError::NotAPoint => "设备公钥不是曲线上的点，请重新获取公钥",
            KeyError::SmallOrder => "设备公钥的阶过小，任何人都能伪造其签名，请重新生成密钥",
        };
        Fault::of(error.code(), &error, zh.into())
    })
}

/// A public key in hex: 32 bytes are Ed25519, 33 that begin with 02 or 03 are P-256.
pub(crate) fn cose_key(text: &str) -> Option<CoseKey> {
    match text.len() {
        64 => hex_bytes(text).map(CoseKey::Ed25519),
        66 => hex_bytes(text).filter(|[first, ..]: &[u8; 33]| matches!(first, 2 | 3)).map(CoseKey::P256),
        _ => None,
    }
}

fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// A text, or a whole number taken as text. Says what was wrong without the value, which may be personal; serde's own words would hold it.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Visitor;

    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text in quotes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
            Err(E::custom(NOT_TEXT))
        }

        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(E::custom(NOT_TEXT))
        }

        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
            Err(E::custom(NOT_TEXT))
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
            Err(serde::de::Error::custom(NOT_TEXT))
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
            Err(serde::de::Error::custom(NOT_TEXT))
        }
    }

    const NOT_TEXT: &str = "a value is no text; write every value in quotes";
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn today() -> Day {
        Day::parse("2026-07-01").unwrap()
    }

    /// A request with every field that must be there.
    pub(crate) fn sample() -> RawRequest {
        serde_json::from_str(
            r#"{
                "residence_code": "4400 0000 0012 3454", "name": "欧阳示范", "citizen_id": "360102198802099994", "ethnicity": "汉",
                "household_division": "360102", "household_address": "江西省南昌市东湖区虚构巷7号",
                "address_division": "440105", "address": "广东省广州市海珠区样板街22号之一1204房",
                "issued_on": "2024-05-22", "endorsed_until": "2027-05-22"
            }"#,
        )
        .unwrap()
    }

    fn full() -> RawRequest {
        RawRequest {
            expires_at: Some("2029-01-01T00:00:00+08:00".into()),
            agent_name: Some("李试晓".into()),
            agent_relation: Some("监护人".into()),
            portrait_sha256: Some("ab".repeat(32)),
            device_key: Some("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into()),
            enrolment_nonce: Some("0f".repeat(16)),
            voucher_serial: Some("TH-2026-000017".into()),
            voucher_place: Some("天河区受理点".into()),
            endorsement_years: Some("3".into()),
            ..sample()
        }
    }

    fn codes(raw: &RawRequest) -> Vec<(&'static str, &'static str)> {
        raw.check(today()).err().unwrap_or_default().iter().map(|error| (error.field, error.code)).collect()
    }

    /// Sets one field of a complete request and says which codes come of it.
    fn with(field: &str, value: &str) -> Vec<(&'static str, &'static str)> {
        let mut raw = full();
        *raw.field_mut(field).unwrap() = Some(value.into());
        if field == "endorsed_until" || field == "issued_on" {
            raw.endorsement_years = None;
        }
        if field == "endorsement_years" {
            raw.endorsed_until = None;
            raw.expires_at = None;
        }
        codes(&raw)
    }

    #[test]
    fn every_field_both_ways() {
        assert_eq!(codes(&sample()), []);
        assert_eq!(codes(&full()), []);
        // field, a value that is accepted, a value that is refused, and the code
        let cases = [
            ("residence_code", "4400000000123454", "4400000000123455", "RESIDENCE_CODE_CHECK_DIGIT"),
            ("residence_code", " 4400 0000 00123454 ", "440000000012345", "RESIDENCE_CODE_FORM"),
            ("name", "阿卜杜热合曼.买买提", "欧阳 示范", "NAME_CHARACTER"),
            ("name", "阿卜杜热合曼•买买提", "John", "NAME_CHARACTER"),
            ("citizen_id", "36010219880209961x", "360102198802099993", "ID_CHECK_DIGIT"),
            ("citizen_id", "360102198802099994", "360102880209999", "ID_LEGACY_15"),
            ("ethnicity", "汉族", "昂德族", "ETHNICITY_UNKNOWN"),
            ("ethnicity", "56", "57", "ETHNICITY_RANGE"),
            ("household_division", "360102", "36010", "DIVISION_DIGITS"),
            ("household_address", "虚构巷7号", "江苏省南京市玄武区示例路2号", "PLACE_DIVISION"),
            ("household_address", "东湖区虚构巷7号", "南昌市西湖区虚构巷7号", "PLACE_DIVISION"),
            ("address_division", "440105", "440000", "DIVISION_LEVEL"),
            ("address_division", "440105", "999999", "DIVISION_UNKNOWN"),
            ("address", "样板街22号", "样板街<b>22号", "TEXT_CHARACTER"),
            ("issued_on", "2026-07-01", "2026-07-02", "ISSUED_IN_FUTURE"),
            ("issued_on", "2024-02-29", "2025-02-29", "DAY_NO_SUCH_DATE"),
            ("endorsed_until", "2024-05-22", "2024-05-21", "ENDORSED_BEFORE_ISSUE"),
            ("endorsed_until", "2028-12-31", "2031-07-02", "ENDORSED_TOO_FAR"),
            ("endorsement_years", "7", "8", "ENDORSED_TOO_FAR"),
            ("endorsement_years", "1", "0", "ENDORSEMENT_YEARS"),
            ("expires_at", "2027-05-23T00:00:00+08:00", "2027-05-22T23:59:59+08:00", "EXPIRES_BEFORE_ENDORSEMENT"),
            ("expires_at", "2036-07-01T23:59:59+08:00", "2036-07-02T00:00:00+08:00", "EXPIRES_TOO_LATE"),
            ("expires_at", "2029-01-01T00:00:00Z", "2029-01-01", "TIME_FORM"),
            ("agent_name", "李试晓", "李试晓1", "NAME_CHARACTER"),
            ("agent_relation", "2", "4", "AGENT_RELATION"),
            ("agent_relation", "Family Member", "friend", "AGENT_RELATION"),
            ("portrait_sha256", &"00".repeat(32), &"00".repeat(31), "PORTRAIT_DIGEST"),
            ("device_key", &format!("03{}", P256_X), &format!("04{}", P256_X), "DEVICE_KEY_FORM"),
            ("device_key", &format!("02{}", P256_X), &"00".repeat(32), "KEY_SMALL_ORDER"),
            ("device_key", &format!("02{}", P256_X), &format!("02{}", "ff".repeat(32)), "KEY_NOT_A_POINT"),
            ("enrolment_nonce", &"00".repeat(16), &"00".repeat(15), "NONCE_FORM"),
            ("voucher_serial", &"1".repeat(40), &"1".repeat(41), "TEXT_TOO_LONG"),
            ("voucher_place", &"天".repeat(60), &"天".repeat(61), "TEXT_TOO_LONG"),
        ];
        for (field, good, bad, code) in cases {
            assert_eq!(with(field, good), [], "{field} {good}");
            assert_eq!(with(field, bad), [(field, code)], "{field} {bad}");
        }
    }

    const P256_X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

    #[test]
    fn empty_required_fields_are_all_named_and_optional_ones_are_not() {
        let missing: Vec<&str> = codes(&RawRequest::default()).iter().map(|(field, _)| *field).collect();
        let required = [
            "residence_code",
            "name",
            "citizen_id",
            "ethnicity",
            "household_division",
            "household_address",
            "address_division",
            "address",
            "issued_on",
            "endorsed_until",
        ];
        assert_eq!(missing, required);
        for field in RawRequest::FIELDS {
            let mut raw = sample();
            *raw.field_mut(field).unwrap() = Some("  ".into());
            assert_eq!(codes(&raw).is_empty(), !required.contains(field), "{field}");
        }
    }

    #[test]
    fn pairs_stand_together() {
        for (field, companion) in [
            ("agent_name", "agent_relation"),
            ("agent_relation", "agent_name"),
            ("voucher_serial", "voucher_place"),
            ("voucher_place", "voucher_serial"),
        ] {
            let mut raw = full();
            *raw.field_mut(companion).unwrap() = None;
            assert_eq!(codes(&raw), [(companion, "FIELD_PAIR")], "{field}");
        }
    }

    #[test]
    fn years_are_counted_from_the_day_of_issue() {
        let mut raw = sample();
        raw.issued_on = Some("2024-02-29".into());
        raw.endorsed_until = None;
        raw.endorsement_years = Some("3".into());
        assert_eq!(raw.check(today()).unwrap().endorsed_until().to_string(), "2027-02-28");
        raw.endorsed_until = Some("2027-03-01".into());
        assert_eq!(codes(&raw), [("endorsement_years", "ENDORSEMENT_CONFLICT")]);
        raw.endorsed_until = Some("2027-02-28".into());
        assert_eq!(codes(&raw), []);
    }

    #[test]
    fn what_is_wrong_in_an_address_is_told_of_what_follows_the_names() {
        for whole in ["广东省广州市海珠区样板街\u{7}22号", "广州市海珠区样板街\u{7}22号"] {
            let raw = RawRequest { address: Some(whole.into()), ..sample() };
            let errors = raw.check(today()).unwrap_err();
            let [error] = errors.as_slice() else { panic!("{errors:?}") };
            assert!(error.zh.starts_with("行政区划名称之后的地址"), "{}", error.zh);
        }
    }

    #[test]
    fn an_endorsement_ends_five_years_from_today_at_the_latest() {
        let until = |day: &str| codes(&RawRequest { endorsed_until: Some(day.into()), ..sample() });
        assert_eq!(until("2031-07-01"), []);
        assert_eq!(until("2031-07-02"), [("endorsed_until", "ENDORSED_TOO_FAR")]);
    }

    #[test]
    fn what_carries_the_permit_is_kept_where_it_is_named() {
        let named = full().check(today()).unwrap();
        assert_eq!(format!("{:?}", named.device_key().unwrap().cose_key()), "Ed25519(d75a…)");
        assert_eq!(named.enrolment_nonce(), Some(&[0x0f; 16]));
        assert_eq!(named.voucher().map(|note| note.serial.as_str()), Some("TH-2026-000017"));
        let bare = sample().check(today()).unwrap();
        assert_eq!((bare.device_key(), bare.enrolment_nonce(), bare.voucher().is_some()), (None, None, false));
    }

    #[test]
    fn a_holder_is_born_before_the_day_of_issue() {
        let mut raw = sample();
        raw.citizen_id = Some("110101202506010015".into());
        assert_eq!(codes(&raw), [("citizen_id", "BORN_AFTER_ISSUE")], "born 2025-06-01, issued 2024-05-22");
        raw.issued_on = Some("2025-06-01".into());
        assert_eq!(codes(&raw), []);
    }

    #[test]
    fn entry_is_forgiven_and_the_value_is_the_right_one() {
        let mut raw = sample();
        raw.residence_code = Some(" 4400 0000 0012 3454\u{3000}".into());
        raw.citizen_id = Some("36010219880209961x".into());
        raw.name = Some("阿卜杜热合曼・买买提".into());
        raw.address = Some("海珠区样板街22号".into());
        let request = raw.check(today()).unwrap();
        assert_eq!(request.residence_code().get(), 4_400_000_000_123_454);
        assert_eq!(request.citizen_id().to_string(), "36010219880209961X");
        assert_eq!(request.name.as_str(), "阿卜杜热合曼·买买提");
        assert_eq!(request.address().to_address(), "广东省广州市海珠区样板街22号");
    }

    #[test]
    fn numbers_are_texts_and_nothing_else_is() {
        let read = |json: &str| serde_json::from_str::<RawRequest>(json).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"ethnicity": 1}"#).unwrap().ethnicity, Some("1".into()));
        assert_eq!(read(r#"{"ethnicity": null}"#).unwrap().ethnicity, None);
        for json in [
            r#"{"citizen_id": -360102198802099994}"#,
            r#"{"citizen_id": 360102.198802099994}"#,
            r#"{"citizen_id": [360102198802099994]}"#,
            r#"{"citizen_id": {"a": 360102198802099994}}"#,
            r#"{"citizen_id": true}"#,
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains("write every value in quotes") && !error.contains("360102"), "{error}");
        }
        assert!(read(r#"{"phone": "1"}"#).unwrap_err().contains("unknown field `phone`"));
        assert!(read(r#"{"name": "a", "name": "b"}"#).unwrap_err().contains("duplicate field `name`"));
    }

    #[test]
    fn what_was_written_reads_back() {
        let json = serde_json::to_string(&full()).unwrap();
        assert_eq!(serde_json::from_str::<RawRequest>(&json).unwrap(), full());
    }

    #[test]
    fn errors_hold_no_value_and_speak_both_languages() {
        let mut raw = full();
        for field in RawRequest::FIELDS {
            *raw.field_mut(field).unwrap() = Some("SECRET77".into());
        }
        let errors = raw.check(today()).unwrap_err();
        assert_eq!(errors.len(), 15, "addresses wait for their divisions, and the voucher fields take any text");
        for error in &errors {
            assert_eq!(error.to_string(), format!("{}: {} [{}]", error.field, error.en, error.code));
            assert!(!error.to_string().contains("SECRET77") && !error.zh.contains("SECRET77"), "{error}");
            assert!(error.zh.chars().any(|c| c > '\u{4e00}') && !error.en.is_empty(), "{error}");
            assert!(error.code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'));
        }
    }

    #[test]
    fn the_digest_tells_requests_apart_and_not_their_times() {
        let digest = |raw: &RawRequest, nonce: Option<&[u8; 16]>| {
            let key = Carrier::Device(crate::issue::tests::device(9).key().cose_key());
            raw.check(today()).unwrap().digest(key, nonce)
        };
        let first = digest(&sample(), None);
        assert_eq!(first, digest(&sample(), None));
        assert_ne!(first, digest(&sample(), Some(&[0; 16])));
        for (field, value) in [
            ("name", "欧阳示意"),
            ("address", "样板街23号"),
            ("endorsed_until", "2027-05-23"),
            ("expires_at", "2030-01-01T00:00:00Z"),
        ] {
            let mut raw = sample();
            *raw.field_mut(field).unwrap() = Some(value.into());
            assert_ne!(first, digest(&raw, None), "{field}");
        }
    }
}
