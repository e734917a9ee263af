//! The residence code 粤居码 / 居码: the number of a permit holder's residence.

use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use thiserror::Error;

/// A residence code: sixteen decimal digits, the first not 0, the last a check digit (ISO 7064 MOD 11,10).
///
/// Displayed in groups of four, as a face shows it: `4400 0000 0012 3454`. `Debug` gives nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidenceCode(u64);

impl ResidenceCode {
    /// Reads the wire form: the sixteen digits as one number.
    pub fn new(code: u64) -> Result<Self, ResidenceCodeError> {
        if !(10_u64.pow(15)..10_u64.pow(16)).contains(&code) {
            return Err(ResidenceCodeError::Form);
        }
        if check_digit(code / 10) != code % 10 {
            return Err(ResidenceCodeError::CheckDigit);
        }
        Ok(Self(code))
    }

    /// Makes a residence code from its first fifteen digits, adding the check digit.
    pub fn with_check(first15: u64) -> Result<Self, ResidenceCodeError> {
        if !(10_u64.pow(14)..10_u64.pow(15)).contains(&first15) {
            return Err(ResidenceCodeError::Form);
        }
        Ok(Self(first15 * 10 + check_digit(first15)))
    }

    /// Reads sixteen ASCII digits, either in one run or in four groups of four with one space between them.
    pub fn parse(text: &str) -> Result<Self, ResidenceCodeError> {
        let grouped = text.len() == 19;
        if !grouped && text.len() != 16 {
            return Err(ResidenceCodeError::Form);
        }
        let mut code = 0_u64;
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                b' ' if grouped && place % 5 == 4 => {}
                b'0'..=b'9' if !grouped || place % 5 != 4 => code = code * 10 + u64::from(byte - b'0'),
                _ => return Err(ResidenceCodeError::Form),
            }
        }
        Self::new(code)
    }

    /// The wire form: the sixteen digits as one number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The sixteen digits in one run.
    pub fn digits(self) -> String {
        format!("{}", self.0)
    }
}

/// Four groups of four digits.
impl fmt::Display for ResidenceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |divisor: u64| self.0 / divisor % 10_000;
        write!(f, "{:04} {:04} {:04} {:04}", group(10_u64.pow(12)), group(10_u64.pow(8)), group(10_000), group(1))
    }
}

impl fmt::Debug for ResidenceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResidenceCode(***)")
    }
}

/// Why something is not a [`ResidenceCode`]. No variant holds any part of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResidenceCodeError {
    /// Not sixteen digits, or the first is 0.
    #[error(
        "the residence code is not 16 digits with the first above 0; enter it whole, in one run or in groups of four"
    )]
    Form,
    /// The last digit does not fit the others.
    #[error("the check digit of the residence code does not fit; compare with the permit and enter it again")]
    CheckDigit,
}

impl ResidenceCodeError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "RESIDENCE_CODE_FORM",
            Self::CheckDigit => "RESIDENCE_CODE_CHECK_DIGIT",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Form => "居码应为16位数字且首位不为0，请完整填写，可连写或每四位空一格",
            Self::CheckDigit => "居码校验位不符，请对照证件重新填写",
        })
    }
}

/// ISO 7064 MOD 11,10 over fifteen digits.
fn check_digit(first15: u64) -> u64 {
    let (mut product, mut place) = (10, 10_u64.pow(14));
    while place > 0 {
        let sum = (product + first15 / place) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
        place /= 10;
    }
    (11 - product) % 10
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const SPECIMEN: u64 = 4_400_000_000_123_454;

    #[test]
    fn forms() {
        let code = ResidenceCode::new(SPECIMEN).unwrap();
        assert_eq!(code.to_string(), "4400 0000 0012 3454");
        assert_eq!(code.digits(), "4400000000123454");
        assert_eq!(code.get(), SPECIMEN);
        assert_eq!(ResidenceCode::parse("4400000000123454"), Ok(code));
        assert_eq!(ResidenceCode::parse("4400 0000 0012 3454"), Ok(code));
        for other in ["0004400000000123454", "44000 0000 012 3454", "4400 0000 0012345 4", "440 0000 0001 23454"] {
            assert_eq!(ResidenceCode::parse(other), Err(ResidenceCodeError::Form), "{other}");
        }
        assert_eq!(ResidenceCode::with_check(440_000_000_012_345), Ok(code));
        assert_eq!(format!("{code:?}"), "ResidenceCode(***)");
    }

    #[test]
    fn published_check_digit() {
        // The example of ISO 7064 for MOD 11,10: 0794 has check digit 5. Leading zeros change the running product, so it
        // is computed here over four digits in the standard's own steps.
        let product = [0, 7, 9, 4].iter().fold(10, |product, digit| {
            let sum = (product + digit) % 10;
            (if sum == 0 { 10 } else { sum }) * 2 % 11
        });
        assert_eq!((11 - product) % 10, 5);
        // The same steps over all fifteen digits.
        for first15 in [100_000_000_000_000_u64, 440_000_000_012_345, 999_999_999_999_999, 330_302_000_000_017] {
            let product = first15.to_string().bytes().fold(10, |product, digit| {
                let sum = (product + u64::from(digit - b'0')) % 10;
                (if sum == 0 { 10 } else { sum }) * 2 % 11
            });
            assert_eq!(ResidenceCode::with_check(first15).unwrap().get() % 10, (11 - product) % 10);
        }
    }

    #[test]
    fn exactly_one_check_digit_fits() {
        for last in 0..10 {
            let expected = if last == 4 { Ok(ResidenceCode(SPECIMEN)) } else { Err(ResidenceCodeError::CheckDigit) };
            assert_eq!(ResidenceCode::new(SPECIMEN / 10 * 10 + last), expected);
        }
        for place in 1..15 {
            let digit = SPECIMEN / 10_u64.pow(place) % 10;
            let changed = SPECIMEN - digit * 10_u64.pow(place) + (digit + 1) % 10 * 10_u64.pow(place);
            assert_eq!(ResidenceCode::new(changed), Err(ResidenceCodeError::CheckDigit), "{changed}");
        }
    }

    #[test]
    fn bounds_and_other_spellings() {
        assert_eq!(ResidenceCode::with_check(99_999_999_999_999), Err(ResidenceCodeError::Form));
        assert!(ResidenceCode::with_check(100_000_000_000_000).is_ok());
        assert!(ResidenceCode::with_check(999_999_999_999_999).is_ok());
        assert_eq!(ResidenceCode::with_check(1_000_000_000_000_000), Err(ResidenceCodeError::Form));
        assert_eq!(ResidenceCode::new(999_999_999_999_999), Err(ResidenceCodeError::Form));
        assert_eq!(ResidenceCode::new(10_000_000_000_000_000), Err(ResidenceCodeError::Form));
        assert_eq!(ResidenceCode::new(u64::MAX), Err(ResidenceCodeError::Form));
        let forms = [
            "",
            "440000000012345",
            "44000000001234540",
            "4400 0000 0012 345",
            "4400-0000-0012-3454",
            "440 00000 0012 3454",
            "4400000000123454   ",
            " 4400000000123454",
            "44000000 00123454",
            "0400000000123454",
            "+400000000123454",
            "4400 0000 0012 3454 ",
            "1234567890123456789",
        ];
        for text in forms {
            assert_eq!(ResidenceCode::parse(text), Err(ResidenceCodeError::Form), "{text}");
        }
        assert_eq!(ResidenceCode::parse("4400000000123455"), Err(ResidenceCodeError::CheckDigit));
        assert_ne!(ResidenceCodeError::Form.code(), ResidenceCodeError::CheckDigit.code());
        assert_ne!(ResidenceCodeError::Form.zh(), ResidenceCodeError::CheckDigit.zh());
    }
}
