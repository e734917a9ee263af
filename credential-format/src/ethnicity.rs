//! The 56 ethnic groups of GB/T 3304-1991.

use alloc::borrow::Cow;
use core::fmt;

use thiserror::Error;

// NAMES: see build.rs.
include!(concat!(env!("OUT_DIR"), "/ethnicities.rs"));

/// An ethnic group by its GB/T 3304-1991 number, 1 to 56. Displayed by its Chinese name: 汉族.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ethnicity(u8);

impl Ethnicity {
    /// Reads the wire form, a number from 1 to 56.
    pub fn new(code: u64) -> Result<Self, EthnicityError> {
        u8::try_from(code).ok().filter(|c| (1..=56).contains(c)).map(Self).ok_or(EthnicityError::OutOfRange)
    }

    /// Reads a Chinese name, with or without 族, or a number of one or two digits (`汉族`, `汉`, `01`, `1`).
    ///
    /// Wrong and outdated spellings that are in circulation (达翰尔, 昂德, 图族, 毛难, 达乌尔) are not known.
    pub fn parse(text: &str) -> Result<Self, EthnicityError> {
        if (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::new(text.parse().map_err(|_| EthnicityError::UnknownName)?);
        }
        let names = NAMES.iter().map(|(chinese, _)| *chinese);
        for (code, name) in (1_u8..).zip(names) {
            if text == name || Some(text) == name.strip_suffix('族') {
                return Ok(Self(code));
            }
        }
        Err(EthnicityError::UnknownName)
    }

    /// The number, 1 to 56.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The Chinese name with 族: 汉族.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The Chinese name without 族, as identity cards print it: 汉.
    pub fn short_name(self) -> &'static str {
        self.name().trim_end_matches('族')
    }

    /// The standard's English name: Han.
    pub fn name_en(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        NAMES.get(usize::from(self.0).wrapping_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Ethnicity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Ethnicity is sensitive personal data: the number does not appear in debug output.
impl fmt::Debug for Ethnicity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ethnicity(***)")
    }
}

/// Why something is not an [`Ethnicity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EthnicityError {
    /// The number is not in the standard.
    #[error("the ethnicity number is not between 1 and 56; use the number of GB/T 3304")]
    OutOfRange,
    /// The name is not in the standard, in this spelling.
    #[error("GB/T 3304 has no ethnic group of this name; check the spelling or give the number, 01 to 56")]
    UnknownName,
}

impl EthnicityError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfRange => "ETHNICITY_RANGE",
            Self::UnknownName => "ETHNICITY_UNKNOWN",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OutOfRange => "民族代码应为01至56，请使用GB/T 3304代码",
            Self::UnknownName => "GB/T 3304中没有该民族名称，请核对用字，或填写代码01至56",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn bounds_both_sides() {
        assert_eq!(Ethnicity::new(0), Err(EthnicityError::OutOfRange));
        assert_eq!(Ethnicity::new(1).unwrap().name(), "汉族");
        assert_eq!(Ethnicity::new(56).unwrap().name(), "基诺族");
        assert_eq!((Ethnicity::new(1).unwrap().name_en(), Ethnicity::new(56).unwrap().name_en()), ("Han", "Jino"));
        assert_eq!(Ethnicity::new(57), Err(EthnicityError::OutOfRange));
        assert_eq!(Ethnicity::new(256 + 1), Err(EthnicityError::OutOfRange));
        assert_eq!(Ethnicity::new(u64::MAX), Err(EthnicityError::OutOfRange));
    }

    #[test]
    fn every_name_and_number_reads_back() {
        for code in 1..=56 {
            let ethnicity = Ethnicity::new(code).unwrap();
            assert_eq!(u64::from(ethnicity.code()), code);
            assert_eq!(Ethnicity::parse(ethnicity.name()), Ok(ethnicity));
            assert_eq!(Ethnicity::parse(ethnicity.short_name()), Ok(ethnicity));
            assert_eq!(Ethnicity::parse(&format!("{code:02}")), Ok(ethnicity));
            assert_eq!(Ethnicity::parse(&format!("{code}")), Ok(ethnicity));
            assert_eq!(format!("{}族", ethnicity.short_name()), ethnicity.name());
            assert!(ethnicity.name_en().is_ascii() && !ethnicity.name_en().is_empty());
        }
    }

    #[test]
    fn the_samples_groups() {
        let samples = [
            (1, "汉族"),
            (8, "壮族"),
            (3, "回族"),
            (13, "瑶族"),
            (15, "土家族"),
            (6, "苗族"),
            (12, "侗族"),
            (10, "朝鲜族"),
            (7, "彝族"),
            (5, "维吾尔族"),
            (4, "藏族"),
        ];
        for (code, name) in samples {
            assert_eq!(Ethnicity::parse(name).unwrap().code(), code);
        }
    }

    #[test]
    fn wrong_spellings_and_other_codes_are_not_known() {
        let wrong = [
            "达翰尔",
            "达翰尔族",
            "昂德",
            "昂德族",
            "图族",
            "毛难",
            "毛难族",
            "达乌尔",
            "达乌尔族",
            "",
            "族",
            "汉族族",
            "汉 ",
            " 汉",
            "Han",
            "HA",
            "001",
            "+1",
            "１",
        ];
        for name in wrong {
            assert_eq!(Ethnicity::parse(name), Err(EthnicityError::UnknownName), "{name}");
        }
        for code in ["0", "00", "57", "97", "98"] {
            assert_eq!(Ethnicity::parse(code), Err(EthnicityError::OutOfRange), "{code}");
        }
    }

    #[test]
    fn shown_and_not_shown() {
        let ethnicity = Ethnicity::new(5).unwrap();
        assert_eq!(ethnicity.to_string(), "维吾尔族");
        assert_eq!(format!("{ethnicity:?}"), "Ethnicity(***)");
        assert_ne!(EthnicityError::OutOfRange.code(), EthnicityError::UnknownName.code());
        assert_ne!(EthnicityError::OutOfRange.zh(), EthnicityError::UnknownName.zh());
    }
}
