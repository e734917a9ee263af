//! The citizen ID number 公民身份号码 (GB 11643-1999).

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};
use core::fmt;

use chrono::{Datelike, NaiveDate};
use thiserror::Error;

use crate::{day::Day, division::Division};

/// A citizen ID number whose check character, division and birth date are right.
///
/// Eighteen characters: six of the division in which the number was given, eight of the birth date, three of a sequence
/// (odd for men, even for women), and a check character (ISO 7064 MOD 11-2) that may be `X`. On the wire stand the first
/// seventeen digits as one number; the rest is derived. The number is for life, so the division may long be retired.
///
/// `Display` gives the whole number. `Debug` gives nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CitizenId {
    first17: u64,
    birth_date: NaiveDate,
    division: Division,
}

impl CitizenId {
    /// Reads a number typed or read at a service counter: a lower-case `x` is folded to `X`, and the birth date must not
    /// lie after `today`. Nothing else is changed; spaces are refused.
    pub fn parse_entry(text: &str, today: Day) -> Result<Self, CitizenIdError> {
        let id = match text.strip_suffix('x') {
            Some(first17) => Self::parse(&format!("{first17}X")),
            None => Self::parse(text),
        }?;
        if id.is_born_by(today) { Ok(id) } else { Err(CitizenIdError::BirthFuture) }
    }

    /// Reads exactly eighteen characters with an upper-case `X`, as signed data must hold them. There is no clock here:
    /// ask [`is_born_by`](Self::is_born_by).
    pub fn parse(text: &str) -> Result<Self, CitizenIdError> {
        let all_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
        let (first17, check) = match text.as_bytes() {
            old if old.len() == 15 && all_digits(old) => return Err(CitizenIdError::Legacy15),
            _ if text.chars().count() != 18 => return Err(CitizenIdError::Length),
            [first17 @ .., check] if all_digits(first17) => (first17, *check),
            _ => return Err(CitizenIdError::Character),
        };
        match check {
            b'0'..=b'9' | b'X' => {}
            b'x' => return Err(CitizenIdError::Case),
            _ => return Err(CitizenIdError::Character),
        }
        let number = first17.iter().fold(0_u64, |n, digit| n * 10 + u64::from(digit - b'0'));
        if check_character(number) != check {
            return Err(CitizenIdError::CheckDigit);
        }
        Self::from_wire(number)
    }

    /// Reads the wire form: the first seventeen digits as one number.
    pub fn from_wire(first17: u64) -> Result<Self, CitizenIdError> {
        if first17 >= 10_u64.pow(17) {
            return Err(CitizenIdError::Length);
        }
        let division = first17 / 10_u64.pow(11);
        if matches!(division / 10_000, 81..=83) {
            return Err(CitizenIdError::HongKongMacaoTaiwan);
        }
        let division = Division::new(division).map_err(|_| CitizenIdError::Division)?;
        let birth_date = birth_date(first17 / 1_000 % 100_000_000).ok_or(CitizenIdError::BirthDate)?;
        if birth_date.year() < 1900 {
            return Err(CitizenIdError::BirthBefore1900);
        }
        if birth_date > Day::MAX.date() {
            return Err(CitizenIdError::BirthFuture);
        }
        Ok(Self { first17, birth_date, division })
    }

    /// The wire form: the first seventeen digits as one number.
    pub fn first17(self) -> u64 {
        self.first17
    }

    /// The birth date.
    pub fn birth_date(self) -> NaiveDate {
        self.birth_date
    }

    /// Whether the holder was born on or before this day.
    pub fn is_born_by(self, day: Day) -> bool {
        self.birth_date <= day.date()
    }

    /// The sex: odd sequence numbers are for men, even ones for women.
    pub fn sex(self) -> Sex {
        if self.first17 % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    /// The division in which the number was given, which may be retired. It is not the household place: people move.
    pub fn division(self) -> Division {
        self.division
    }

    /// The number for screens: four characters, ten stars, four characters.
    pub fn masked(self) -> String {
        self.masked_between(4, 14)
    }

    /// The number where even less may be seen: one character, sixteen stars, one character.
    pub fn masked_strict(self) -> String {
        self.masked_between(1, 17)
    }

    fn masked_between(self, from: usize, to: usize) -> String {
        let hidden = from..to;
        self.to_string().char_indices().map(|(n, c)| if hidden.contains(&n) { '*' } else { c }).collect()
    }
}

/// The whole number, eighteen characters.
impl fmt::Display for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:017}{}", self.first17, char::from(check_character(self.first17)))
    }
}

impl fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CitizenId(***)")
    }
}

/// The sex on a permit (GB/T 2261.1): male or female. The standard's 0 (unknown) and 9 (not stated) do not occur there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// The code of GB/T 2261.1: 1 or 2.
    pub fn code(self) -> u8 {
        match self {
            Self::Male => 1,
            Self::Female => 2,
        }
    }

    /// 男 or 女.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Male => "男",
            Self::Female => "女",
        }
    }
}

/// `male` or `female`.
impl fmt::Display for Sex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Male => "male",
            Self::Female => "female",
        })
    }
}

/// Why something is not a [`CitizenId`]. No variant holds any part of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CitizenIdError {
    /// A number of the old form with fifteen digits.
    #[error("this is an old number of 15 digits; use the citizen ID number of 18 characters")]
    Legacy15,
    /// Not eighteen characters.
    #[error("the citizen ID number does not have 18 characters; enter it whole, without spaces")]
    Length,
    /// Something else than digits, with `X` allowed in the last place.
    #[error("the citizen ID number has a character that is no digit; only the last place may be X")]
    Character,
    /// A lower-case `x` where exact data is required.
    #[error("the check character is a lower-case x; write it as X")]
    Case,
    /// The check character does not fit the other digits.
    #[error(
        "the check character of the citizen ID number does not fit its digits; compare with the card and enter it again"
    )]
    CheckDigit,
    /// Hong Kong, Macao or Taiwan: these residents have a permit of their own.
    #[error(
        "numbers that begin with 81, 82 or 83 are for residents from Hong Kong, Macao and Taiwan, who have their own \
         residence permit; this one does not apply to them"
    )]
    HongKongMacaoTaiwan,
    /// The first six digits are no division, neither in force nor retired.
    #[error(
        "the first six digits of the citizen ID number are no division of GB/T 2260, now or in the past; compare with the card"
    )]
    Division,
    /// The birth date inside the number is no date.
    #[error("the birth date in the citizen ID number does not exist in the calendar; compare with the card")]
    BirthDate,
    /// The birth date inside the number is before 1900.
    #[error("the birth date in the citizen ID number is before 1900-01-01; compare with the card")]
    BirthBefore1900,
    /// The birth date inside the number is in the future.
    #[error("the birth date in the citizen ID number lies in the future; compare with the card and check the clock")]
    BirthFuture,
}

impl CitizenIdError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Legacy15 => "ID_LEGACY_15",
            Self::Length => "ID_LENGTH",
            Self::Character => "ID_CHARACTER",
            Self::Case => "ID_CASE",
            Self::CheckDigit => "ID_CHECK_DIGIT",
            Self::HongKongMacaoTaiwan => "ID_HMT",
            Self::Division => "ID_DIVISION",
            Self::BirthDate => "ID_BIRTH_DATE",
            Self::BirthBefore1900 => "ID_BIRTH_BEFORE_1900",
            Self::BirthFuture => "ID_BIRTH_FUTURE",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Legacy15 => "15位旧号码不予受理，请使用18位公民身份号码",
            Self::Length => "公民身份号码不是18位，请完整填写，不留空格",
            Self::Character => "公民身份号码含有非数字字符，仅末位可为X，请核对后重填",
            Self::Case => "校验位字母应为大写X，请改为大写",
            Self::CheckDigit => "公民身份号码校验位不符，请对照证件重新填写",
            Self::HongKongMacaoTaiwan => "港澳台居民居住证不适用电子居住证，请按港澳台居民居住证办理",
            Self::Division => "地址码不存在，请对照证件核对前六位",
            Self::BirthDate => "出生日期无效，请对照证件核对",
            Self::BirthBefore1900 => "出生日期早于1900年1月1日，请对照证件核对",
            Self::BirthFuture => "出生日期晚于当前日期，请对照证件核对，并检查设备时间",
        })
    }
}

/// ISO 7064 MOD 11-2 over seventeen digits, as GB 11643 writes it out: weights from the left, and a table for the rest.
fn check_character(first17: u64) -> u8 {
    const WEIGHTS_FROM_THE_RIGHT: [u64; 17] = [2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10, 9, 7];
    let (sum, _) = WEIGHTS_FROM_THE_RIGHT
        .iter()
        .fold((0, first17), |(sum, digits), weight| (sum + digits % 10 * weight, digits / 10));
    match sum % 11 {
        2 => b'X',
        0 => b'1',
        1 => b'0',
        // 3 to 10 give 9 to 2.
        rest => b'0' + (12 - rest) as u8,
    }
}

/// The date of YYYYMMDD; none if the calendar has no such date.
fn birth_date(digits: u64) -> Option<NaiveDate> {
    let number = |n: u64| u32::try_from(n).ok();
    let year = i32::try_from(digits / 10_000).ok()?;
    NaiveDate::from_ymd_opt(year, number(digits / 100 % 100)?, number(digits % 100)?)
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec::Vec};

    use super::*;

    fn today() -> Day {
        Day::parse("2026-07-01").unwrap()
    }

    /// Gives seventeen digits the check character that fits.
    fn complete(first17: &str) -> String {
        let number: u64 = first17.parse().unwrap();
        format!("{first17}{}", char::from(check_character(number)))
    }

    /// Number, sex, birth date, masked: invented persons.
    const SAMPLES: [(&str, Sex, &str, &str); 20] = [
        ("430407199205179970", Sex::Male, "1992-05-17", "4304**********9970"),
        ("450102199611039987", Sex::Female, "1996-11-03", "4501**********9987"),
        ("360102198802099994", Sex::Male, "1988-02-09", "3601**********9994"),
        ("640104199008309960", Sex::Female, "1990-08-30", "6401**********9960"),
        ("441881198501319978", Sex::Male, "1985-01-31", "4418**********9978"),
        ("510104199406069983", Sex::Female, "1994-06-06", "5101**********9983"),
        ("422801199912319972", Sex::Male, "1999-12-31", "4228**********9972"),
        ("522601201804049963", Sex::Female, "2018-04-04", "5226**********9963"),
        ("210102194303159998", Sex::Male, "1943-03-15", "2101**********9998"),
        ("350102199107079978", Sex::Male, "1991-07-07", "3501**********9978"),
        ("522631199309099988", Sex::Female, "1993-09-09", "5226**********9988"),
        ("410102198710109993", Sex::Male, "1987-10-10", "4101**********9993"),
        ("410102198902289968", Sex::Female, "1989-02-28", "4101**********9968"),
        ("222401200002299972", Sex::Male, "2000-02-29", "2224**********9972"),
        ("320102198605059988", Sex::Female, "1986-05-05", "3201**********9988"),
        ("340102198402299993", Sex::Male, "1984-02-29", "3401**********9993"),
        ("513401199701019962", Sex::Female, "1997-01-01", "5134**********9962"),
        ("653101199503219976", Sex::Male, "1995-03-21", "6531**********9976"),
        ("37100219980106998X", Sex::Female, "1998-01-06", "3710**********998X"),
        ("33012319500104999X", Sex::Male, "1950-01-04", "3301**********999X"),
    ];

    #[test]
    fn samples() {
        for (text, sex, birth, masked) in SAMPLES {
            let id = CitizenId::parse(text).unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!((id.sex(), id.birth_date().to_string().as_str()), (sex, birth));
            assert_eq!(id.division().to_string(), text[..6]);
            assert_eq!(id.masked(), masked);
            assert_eq!(id.masked_strict(), format!("{}****************{}", &text[..1], &text[17..]));
            assert_eq!(id.first17().to_string(), text[..17]);
            assert_eq!(CitizenId::from_wire(id.first17()), Ok(id));
            assert_eq!(CitizenId::parse_entry(text, today()), Ok(id));
            assert_eq!(format!("{id:?}"), "CitizenId(***)");
        }
        assert!(CitizenId::parse(SAMPLES[19].0).unwrap().division().is_retired());
    }

    #[test]
    fn published_check_characters() {
        for text in ["11010519491231002X", "440524188001010014", "34052419800101001X"] {
            assert_eq!(complete(&text[..17]), text);
        }
    }

    #[test]
    fn one_wrong_digit_or_two_swapped_ones_are_found() {
        for (text, ..) in SAMPLES {
            for place in 0..17 {
                let mut bytes: Vec<u8> = text.bytes().collect();
                bytes[place] = b'0' + (bytes[place] - b'0' + 1) % 10;
                let wrong = String::from_utf8(bytes).unwrap();
                assert_eq!(CitizenId::parse(&wrong), Err(CitizenIdError::CheckDigit));
            }
            for place in 0..16 {
                let mut bytes: Vec<u8> = text.bytes().collect();
                bytes.swap(place, place + 1);
                let swapped = String::from_utf8(bytes).unwrap();
                assert!(swapped == text || CitizenId::parse(&swapped) == Err(CitizenIdError::CheckDigit));
            }
        }
    }

    #[test]
    fn refusals_at_the_counter() {
        let refused = [
            ("430407920517997", "ID_LEGACY_15"),
            ("430407199205179971", "ID_CHECK_DIGIT"),
            ("43040719900231997X", "ID_BIRTH_DATE"),
            ("430407202302299979", "ID_BIRTH_DATE"),
            ("430407202701019970", "ID_BIRTH_FUTURE"),
            ("990101199205179975", "ID_DIVISION"),
            ("810000199205179975", "ID_HMT"),
            ("820000199205179977", "ID_HMT"),
            ("830000199205179960", "ID_HMT"),
            ("", "ID_LENGTH"),
            ("43040719920517997", "ID_LENGTH"),
            ("4304071992051799700", "ID_LENGTH"),
            (" 430407199205179970", "ID_LENGTH"),
            ("430407199205179970\n", "ID_LENGTH"),
            ("43040792051799x", "ID_LENGTH"),
            ("43040719920517997 ", "ID_CHARACTER"),
            ("4304071992051799X0", "ID_CHARACTER"),
            ("43040719920517997Y", "ID_CHARACTER"),
            ("４３０４０７１９９２０５１７９９７０", "ID_CHARACTER"),
            ("4304071992051799x0", "ID_CHARACTER"),
            ("-30407199205179970", "ID_CHARACTER"),
        ];
        for (text, code) in refused {
            assert_eq!(CitizenId::parse_entry(text, today()).map_err(CitizenIdError::code), Err(code), "{text}");
        }
    }

    #[test]
    fn lower_case_x_is_folded_at_the_counter_only() {
        let id = CitizenId::parse_entry("37100219980106998x", today()).unwrap();
        assert_eq!(id.to_string(), "37100219980106998X");
        assert_eq!(CitizenId::parse("37100219980106998x").map_err(CitizenIdError::code), Err("ID_CASE"));
    }

    #[test]
    fn births_from_1900_to_today() {
        assert_eq!(CitizenId::parse(&complete("43040718991231999")), Err(CitizenIdError::BirthBefore1900));
        assert!(CitizenId::parse(&complete("43040719000101999")).is_ok());
        assert!(CitizenId::parse_entry(&complete("43040720260701999"), today()).is_ok());
        assert_eq!(CitizenId::parse_entry(&complete("43040720260702999"), today()), Err(CitizenIdError::BirthFuture));
        let tomorrow = CitizenId::parse(&complete("43040720260702999")).unwrap();
        assert!(!tomorrow.is_born_by(today()));
        assert!(tomorrow.is_born_by(today().add_days(1).unwrap()));
        assert!(CitizenId::parse(&complete("43040721991231999")).is_ok());
        assert_eq!(CitizenId::parse(&complete("43040722000101999")), Err(CitizenIdError::BirthFuture));
        assert_eq!(CitizenId::parse(&complete("43040719000229999")), Err(CitizenIdError::BirthDate));
        assert_eq!(CitizenId::parse(&complete("43040719920017999")), Err(CitizenIdError::BirthDate));
        assert_eq!(CitizenId::parse(&complete("43040719920500999")), Err(CitizenIdError::BirthDate));
    }

    #[test]
    fn wire_bounds() {
        assert_eq!(
            CitizenId::from_wire(43_040_719_920_517_997).map(|id| id.to_string()),
            Ok("430407199205179970".to_owned())
        );
        assert_eq!(CitizenId::from_wire(100_000_000_000_000_000), Err(CitizenIdError::Length));
        assert_eq!(CitizenId::from_wire(u64::MAX), Err(CitizenIdError::Length));
        assert_eq!(CitizenId::from_wire(99_999_999_999_999_999), Err(CitizenIdError::Division));
        assert_eq!(CitizenId::from_wire(0), Err(CitizenIdError::Division));
        assert_eq!(CitizenId::from_wire(4_304_071_992_051_799), Err(CitizenIdError::Division));
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        use CitizenIdError as E;
        let all = [
            E::Legacy15,
            E::Length,
            E::Character,
            E::Case,
            E::CheckDigit,
            E::HongKongMacaoTaiwan,
            E::Division,
            E::BirthDate,
            E::BirthBefore1900,
            E::BirthFuture,
        ];
        for (n, error) in all.iter().enumerate() {
            assert!(error.code().starts_with("ID_") && !error.zh().is_empty() && !error.to_string().is_empty());
            assert!(all.iter().skip(n + 1).all(|other| other.code() != error.code() && other.zh() != error.zh()));
        }
    }

    #[test]
    fn sexes() {
        assert_eq!((Sex::Male.code(), Sex::Male.zh(), Sex::Male.to_string().as_str()), (1, "男", "male"));
        assert_eq!((Sex::Female.code(), Sex::Female.zh(), Sex::Female.to_string().as_str()), (2, "女", "female"));
    }
}
