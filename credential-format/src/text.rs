//! The text of a QR code: decimal digits, and nothing else (SPEC section 1).
//!
//! ```text
//! text = "86" version kind body
//! body = every 7 bytes as 17 digits (big-endian, zero padded), the last 1..6 bytes as 3, 5, 8, 10, 13, 15 digits
//! ```
//!
//! Digits, because a scanner gun types into whatever keyboard layout and Chinese input method the counter's PC has on, and digits
//! are the only characters that always arrive whole.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::limits::TEXT_DIGITS_MAX;

/// The two digits that every code begins with.
pub const PREFIX: &str = "86";
/// The version of the format that this crate reads and writes.
pub const VERSION: u8 = 1;

const GROUP_BYTES: usize = 7;
const GROUP_DIGITS: usize = 17;
/// Digits that a last group of 0 to 7 bytes takes: the fewest that hold 256^n.
const DIGITS_OF_BYTES: [usize; 8] = [0, 3, 5, 8, 10, 13, 15, 17];
const HEAD_DIGITS: usize = 4;

/// What a code holds: its fourth digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// 亮码: a permit and the device's signature over it, new every 15 seconds.
    Presentation,
    /// 纸质凭证: a printed permit of kind 2, without a device.
    Voucher,
    /// 挑战码: what the counter asks the phone to sign.
    Challenge,
    /// 绑定申请: a device's proof that it holds its key.
    Enrolment,
}

impl Kind {
    /// The digit on the wire, 1 to 4.
    pub fn digit(self) -> u8 {
        match self {
            Kind::Presentation => 1,
            Kind::Voucher => 2,
            Kind::Challenge => 3,
            Kind::Enrolment => 4,
        }
    }

    fn from_digit(digit: u8) -> Option<Kind> {
        [Kind::Presentation, Kind::Voucher, Kind::Challenge, Kind::Enrolment].into_iter().find(|k| k.digit() == digit)
    }
}

/// The longest telephone number with its country code (ITU-T E.164, section 6.1).
const TELEPHONE_DIGITS_MAX: usize = 15;
/// The country code 86, two or three digits of a place, and seven or eight more: `86 20 8765 4321`.
const LANDLINE_DIGITS: core::ops::RangeInclusive<usize> = 12..=13;

/// Whether a text is to be taken for a permit's code, whatever is in it: it has the two digits that every code of ours begins with, the version
/// and the kind of a permit; of other versions the kinds are not known. Challenges and enrolments, which stand on a counter's own screen and on
/// phones, are no permit codes; nor is a telephone number with the country code 86, of which a mobile one begins like a challenge, and one of a
/// place like a code of another version.
pub fn is_permit_code(text: &str) -> bool {
    match text.as_bytes() {
        [b'8', b'6', b'1', kind, ..] => [Kind::Presentation, Kind::Voucher].iter().any(|k| k.digit() + b'0' == *kind),
        [b'8', b'6', b'0'..=b'9', b'0'..=b'9', ..] => !LANDLINE_DIGITS.contains(&text.len()),
        _ => false,
    }
}

/// Why a text is not a code of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Something else: an address of a web page, a payment code, an empty text.
    #[error("not a permit code: the text does not begin with 86 and digits; scan the code on the permit page")]
    NotAPermitCode,
    /// A code of a later format.
    #[error("version {0} of the code is not known here, only version 1; update this program")]
    UnsupportedVersion(u8),
    /// The fourth digit is none of 1 to 4.
    #[error("the code's kind is {0}, which version 1 does not have (1 to 4); scan the code again")]
    UnknownKind(u8),
    /// More than [`TEXT_DIGITS_MAX`] digits.
    #[error("the code has {0} digits, more than 5000; scan one code only")]
    TooLong(usize),
    /// A character that is not an ASCII digit, at this place (from 0).
    #[error("character {0} of the code is not a digit; scan the code again")]
    NotADigit(usize),
    /// The number of digits is none that a whole number of bytes gives: digits were lost or doubled on the way.
    #[error(
        "the code has {0} digits, a number that no whole code has: digits were lost or doubled; scan the code again"
    )]
    Length(usize),
    /// A group of digits stands for more than its bytes can hold.
    #[error("the digits from place {0} on are out of range: digits were changed on the way; scan the code again")]
    Group(usize),
}

impl TextError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            TextError::NotAPermitCode => "NOT_A_PERMIT_CODE",
            TextError::UnsupportedVersion(_) => "UNSUPPORTED_VERSION",
            TextError::UnknownKind(_) => "UNKNOWN_KIND",
            TextError::TooLong(_) => "TOO_MANY_DIGITS",
            TextError::NotADigit(_) => "NOT_A_DIGIT",
            TextError::Length(_) => "DIGITS_LENGTH",
            TextError::Group(_) => "DIGITS_RANGE",
        }
    }
}

impl TextError {
    /// The same error, counted from the beginning of a text in which `before` digits stand before the part that was read.
    fn shifted(self, before: usize) -> TextError {
        match self {
            TextError::NotADigit(at) => TextError::NotADigit(at + before),
            TextError::Group(at) => TextError::Group(at + before),
            TextError::Length(len) => TextError::Length(len + before),
            other => other,
        }
    }
}

/// Writes an object's bytes as the digits of a code.
pub fn encode(kind: Kind, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(HEAD_DIGITS + digits_len(bytes.len()));
    text.push_str(PREFIX);
    text.push(char::from(b'0' + VERSION));
    text.push(char::from(b'0' + kind.digit()));
    encode_body(bytes, &mut text);
    text
}

/// Writes bytes as digits, without the four digits that begin a code.
pub fn encode_body(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(GROUP_BYTES) {
        let value = group.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        push_digits(value, DIGITS_OF_BYTES.get(group.len()).copied().unwrap_or(GROUP_DIGITS), text);
    }
}

/// Reads a code: its kind, and the bytes of the object in it.
///
/// Accepts exactly the texts that [`encode`] writes; spaces, line ends or full-width digits are for the input layer
/// ([`from_keyboard`]) to take away before.
///
/// # Errors
/// A [`TextError`] that says what kept the text from being read.
pub fn decode(text: &str) -> Result<(Kind, Vec<u8>), TextError> {
    let digits = text.as_bytes();
    let Some((head, body)) = digits.split_at_checked(HEAD_DIGITS) else { return Err(TextError::NotAPermitCode) };
    let &[b'8', b'6', version @ b'0'..=b'9', kind @ b'0'..=b'9'] = head else { return Err(TextError::NotAPermitCode) };
    if version - b'0' != VERSION {
        return Err(TextError::UnsupportedVersion(version - b'0'));
    }
    let kind = Kind::from_digit(kind - b'0').ok_or(TextError::UnknownKind(kind - b'0'))?;
    if digits.len() > TEXT_DIGITS_MAX {
        return Err(TextError::TooLong(digits.len()));
    }
    decode_body(body).map(|bytes| (kind, bytes)).map_err(|error| error.shifted(HEAD_DIGITS))
}

/// Reads digits as bytes, without the four digits that begin a code. Places in errors count from 0.
///
/// # Errors
/// [`TextError::NotADigit`], [`TextError::Length`], [`TextError::Group`], [`TextError::TooLong`].
pub fn decode_body(digits: &[u8]) -> Result<Vec<u8>, TextError> {
    if digits.len() > TEXT_DIGITS_MAX {
        return Err(TextError::TooLong(digits.len()));
    }
    let (groups, last) = digits.as_chunks::<GROUP_DIGITS>();
    let last_bytes = last_group_bytes(digits.len()).ok_or(TextError::Length(digits.len()))?;
    let mut bytes = Vec::with_capacity(groups.len() * GROUP_BYTES + last_bytes);
    for (index, group) in groups.iter().enumerate() {
        let [above, group @ ..] =
            group_value(group).map_err(|error| error.shifted(index * GROUP_DIGITS))?.to_be_bytes();
        if above != 0 {
            return Err(TextError::Group(index * GROUP_DIGITS));
        }
        bytes.extend_from_slice(&group);
    }
    let last_at = groups.len() * GROUP_DIGITS;
    let value = group_value(last).map_err(|error| error.shifted(last_at))?;
    if value >> (8 * last_bytes) != 0 {
        return Err(TextError::Group(last_at));
    }
    bytes.extend_from_slice(value.to_be_bytes().get(8 - last_bytes..).unwrap_or_default());
    Ok(bytes)
}

/// What a keyboard or a scanner gun typed, made ready for [`decode`]: white space, line ends and characters without width around the text
/// are taken away and full-width digits (０ to ９, which a Chinese input method makes of digits) are folded. Nothing inside the text is
/// dropped.
pub fn from_keyboard(typed: &str) -> Cow<'_, str> {
    let text = typed.trim_matches(is_padding);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let folded = text.chars().map(|c| match u32::from(c).checked_sub(0xff10) {
        Some(digit @ 0..=9) => char::from_digit(digit, 10).unwrap_or(c),
        _ => c,
    });
    Cow::Owned(folded.collect())
}

/// Spaces that input methods make, and what web pages and editors put beside a text without showing it.
fn is_padding(c: char) -> bool {
    const NO_BREAK_SPACE: char = '\u{a0}';
    const IDEOGRAPHIC_SPACE: char = '\u{3000}';
    const ZERO_WIDTH: RangeInclusive<char> = '\u{200b}'..='\u{200d}';
    const WORD_JOINER: char = '\u{2060}';
    const BYTE_ORDER_MARK: char = '\u{feff}';
    c.is_ascii_whitespace()
        || ZERO_WIDTH.contains(&c)
        || [NO_BREAK_SPACE, IDEOGRAPHIC_SPACE, WORD_JOINER, BYTE_ORDER_MARK].contains(&c)
}

/// What a scanner gun did to the permit code that it typed: the error to report of a text that [`decode`] refuses, or `None` if the text is
/// whole or does not look like one of ours.
///
/// No two lengths that a whole code can have are neighbours, so one lost or doubled digit is always [`TextError::Length`]. That holds where
/// it struck the first four digits too, and [`decode`] takes the text for another maker's, or for a version or a kind yet to come. To call
/// it ours all the same it must be as long as a permit's code and begin with what one lost or doubled digit makes of such a head.
pub fn scanner_fault(text: &str) -> Option<TextError> {
    const PERMIT_DIGITS_LEAST: usize = 400; // two thirds of a voucher with the shortest texts there are
    if text.len() <= TELEPHONE_DIGITS_MAX {
        return None;
    }
    match decode(text) {
        Ok(_) => None,
        Err(error @ (TextError::Length(_) | TextError::Group(_) | TextError::NotADigit(_))) => Some(error),
        Err(TextError::NotAPermitCode | TextError::UnsupportedVersion(_) | TextError::UnknownKind(_)) => {
            let struck = text.len() >= PERMIT_DIGITS_LEAST && text.bytes().all(|c| c.is_ascii_digit());
            let impossible = text.len().checked_sub(HEAD_DIGITS).is_some_and(|body| last_group_bytes(body).is_none());
            (struck && impossible && has_struck_head(text)).then_some(TextError::Length(text.len()))
        }
        Err(TextError::TooLong(_)) => None,
    }
}

/// Whether the text begins as one does that has lost one of the digits of its head, or has one of them twice.
fn has_struck_head(text: &str) -> bool {
    let kinds = [Kind::Presentation, Kind::Voucher];
    let of_kind = |k: &u8| kinds.iter().any(|kind| kind.digit() + b'0' == *k);
    match text.as_bytes() {
        // 861k without its 8, without its 6; with 8 twice.
        [b'6' | b'8', b'1', k, ..] | [b'8', b'8', b'6', b'1', k, ..] => of_kind(k),
        // With 6 twice, with 1 twice; without its 1, and then its k stands there; without its k.
        [b'8', b'6', b'6', b'1', k, ..] | [b'8', b'6', b'1', b'1', k, ..] => of_kind(k),
        [b'8', b'6', k, ..] => of_kind(k) || *k == b'0' + VERSION,
        _ => false,
    }
}

/// The bytes of the last group of a body of so many digits; `None` if no body has so many.
fn last_group_bytes(body_digits: usize) -> Option<usize> {
    DIGITS_OF_BYTES.iter().take(GROUP_BYTES).position(|digits| *digits == body_digits % GROUP_DIGITS)
}

fn digits_len(bytes: usize) -> usize {
    bytes / GROUP_BYTES * GROUP_DIGITS + DIGITS_OF_BYTES.get(bytes % GROUP_BYTES).copied().unwrap_or(0)
}

fn push_digits(mut value: u64, width: usize, text: &mut String) {
    let mut buffer = [b'0'; GROUP_DIGITS];
    for place in buffer.iter_mut().take(width).rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
    // Digits are ASCII, and `width` is one of `DIGITS_OF_BYTES`.
    text.push_str(buffer.get(..width).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default());
}

/// The value of one group: at most 17 digits, below 10^17 < 2^64, so that nothing here can overflow.
fn group_value(group: &[u8]) -> Result<u64, TextError> {
    let (eights, rest) = group.as_chunks::<8>();
    let mut value = 0u64;
    let mut digits_only = true;
    for eight in eights {
        let digits = eight_digits(*eight);
        digits_only &= digits.is_some();
        value = value.wrapping_mul(100_000_000).wrapping_add(digits.unwrap_or(0));
    }
    for digit in rest {
        digits_only &= digit.is_ascii_digit();
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
    }
    if digits_only {
        return Ok(value);
    }
    Err(TextError::NotADigit(group.iter().position(|digit| !digit.is_ascii_digit()).unwrap_or(0)))
}

/// Eight ASCII digits as a number, all at once: a code has more than 800, and is read before anything about it is known. Neighbours are
/// joined to pairs, pairs to fours, fours to eight; the first digit stands in the lowest byte.
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let text = u64::from_le_bytes(text);
    // 3x in every byte, and still after adding six: x is 0 to 9.
    let above_nine = text.wrapping_add(0x0606_0606_0606_0606);
    if (text & !LOW) != ZEROS || (above_nine & !LOW) != ZEROS {
        return None;
    }
    let digits = text & LOW;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> String {
        let mut text = String::new();
        encode_body(bytes, &mut text);
        text
    }

    /// Version 1 has two kinds that stand for a permit; other versions may have any; nothing else is ours.
    #[test]
    fn permit_codes_are_told_from_other_texts_by_four_digits() {
        for text in ["8611", "8612", "861100", "8600", "8620", "8699", "86201234567", "86201234567890", "861112345678"]
        {
            assert!(is_permit_code(text), "{text}");
        }
        // 8613…: a challenge, or a mobile number with the country code; 8614…: an enrolment. 8620…: Guangzhou.
        for text in
            ["", "86", "861", "8610", "8613", "8614", "8619", "86138000", "+8611", "86x1", "862x", "8711", "9611"]
                .into_iter()
                .chain(["862087654321", "8675512345678"])
        {
            assert!(!is_permit_code(text), "{text}");
        }
    }

    #[test]
    fn examples_of_the_specification() {
        assert_eq!(body(&[0]), "000");
        assert_eq!(body(&[1, 0]), "00256");
        assert_eq!(body(&[0xff; 7]), "72057594037927935");
        assert_eq!(body(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "0000110815215744600460809");
        assert_eq!(encode(Kind::Voucher, &[1, 0]), "861200256");
    }

    #[test]
    fn every_length_round_trips() {
        for len in 0..64usize {
            for fill in [0u8, 1, 0x7f, 0xff] {
                let bytes: Vec<u8> = (0..len).map(|i| fill.wrapping_add(i as u8)).collect();
                let text = encode(Kind::Presentation, &bytes);
                assert_eq!(decode(&text), Ok((Kind::Presentation, bytes)));
            }
        }
    }

    #[test]
    fn each_last_group_has_its_bound() {
        for bytes in 1..=7u32 {
            let width = DIGITS_OF_BYTES[bytes as usize];
            let most = 256u64.pow(bytes) - 1;
            assert_eq!(decode_body(alloc::format!("{most:0width$}").as_bytes()), Ok(alloc::vec![0xff; bytes as usize]));
            let over = alloc::format!("{:0width$}", most + 1);
            assert_eq!(decode_body(over.as_bytes()), Err(TextError::Group(0)), "{over}");
        }
    }

    #[test]
    fn faults_are_named_at_their_place_in_any_group() {
        let with = |place: usize, digit: &str| {
            let mut digits = "0".repeat(17 * 2 + 3);
            digits.replace_range(place..place + digit.len(), digit);
            decode_body(digits.as_bytes())
        };
        for place in [0, 16, 17, 20, 33, 34, 36] {
            assert_eq!(with(place, "x"), Err(TextError::NotADigit(place)));
        }
        for (place, over) in [(0, "99999999999999999"), (17, "99999999999999999"), (34, "999")] {
            assert_eq!(with(place, over), Err(TextError::Group(place)));
        }
        // 5,000 digits are not too many, though no number of bytes gives them; 4,998 are some.
        assert_eq!(decode_body("0".repeat(TEXT_DIGITS_MAX).as_bytes()), Err(TextError::Length(TEXT_DIGITS_MAX)));
        assert!(decode_body("0".repeat(17 * 294).as_bytes()).is_ok());
        assert_eq!(
            decode_body("0".repeat(TEXT_DIGITS_MAX + 1).as_bytes()),
            Err(TextError::TooLong(TEXT_DIGITS_MAX + 1))
        );
    }

    #[test]
    fn lengths_that_no_bytes_give_are_refused() {
        for len in 0..=34usize {
            let result = decode_body("0".repeat(len).as_bytes());
            assert_eq!(result.is_ok(), DIGITS_OF_BYTES.contains(&(len % 17)) || len % 17 == 0, "{len}");
        }
    }

    #[test]
    fn what_is_not_a_code_is_told_apart() {
        for other in ["", "8", "861", "https://example.cn/86", "134567890123456789", "８６１１", "86x1000", "861x000"]
        {
            assert_eq!(decode(other), Err(TextError::NotAPermitCode), "{other}");
        }
        assert_eq!(decode("8621000"), Err(TextError::UnsupportedVersion(2)));
        assert_eq!(decode("8601000"), Err(TextError::UnsupportedVersion(0)));
        assert_eq!(decode("8610000"), Err(TextError::UnknownKind(0)));
        assert_eq!(decode("8615000"), Err(TextError::UnknownKind(5)));
        assert_eq!(decode("86110x0"), Err(TextError::NotADigit(5)));
        assert_eq!(decode("8611 000"), Err(TextError::Length(8)));
    }

    #[test]
    fn every_byte_but_the_ten_digits_is_named_at_its_place() {
        for place in 0..17 {
            for byte in 0..=255u8 {
                let mut digits = *b"72057594037927935";
                digits[place] = byte;
                let result = decode_body(&digits);
                assert_eq!(result == Err(TextError::NotADigit(place)), !byte.is_ascii_digit(), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn five_thousand_digits_are_the_most() {
        // 4 + 293 * 17 + 15 = 5000
        let most = alloc::format!("8611{}", "0".repeat(4996));
        assert!(decode(&most).is_ok());
        let over = alloc::format!("8611{}", "0".repeat(4998));
        assert_eq!(decode(&over), Err(TextError::TooLong(5002)));
    }

    #[test]
    fn keyboards_are_forgiven_around_the_code_and_not_inside() {
        assert_eq!(from_keyboard(" \t8611000\r\n"), "8611000");
        assert_eq!(from_keyboard("８６１１０００"), "8611000");
        assert_eq!(from_keyboard("8611 000"), "8611 000");
        assert_eq!(from_keyboard("８６ １１"), "86 11");
        for padding in
            ["\u{feff}", "\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{a0}", "\u{3000}", "\t", "\r", "\n"]
        {
            assert_eq!(
                from_keyboard(&alloc::format!("{padding}8611{padding}000{padding}")),
                alloc::format!("8611{padding}000")
            );
        }
        // These show direction or are letters: a text with them was not typed by a gun.
        for other in ["\u{202e}", "\u{200e}", "\u{0}", "x"] {
            assert_eq!(from_keyboard(&alloc::format!("{other}8611000")), alloc::format!("{other}8611000"));
        }
    }

    #[test]
    fn a_digit_lost_or_doubled_is_always_told() {
        for kind in [Kind::Presentation, Kind::Voucher] {
            for len in 240..248u8 {
                let bytes: Vec<u8> = (0..len).map(|i| i.wrapping_mul(37)).collect();
                let whole = encode(kind, &bytes);
                assert_eq!(scanner_fault(&whole), None);
                for at in 0..whole.len() {
                    let (before, after) = whole.split_at(at);
                    let lost = String::from(before) + &after[1..];
                    assert_eq!(
                        scanner_fault(&lost),
                        Some(TextError::Length(whole.len() - 1)),
                        "{len} bytes, {at} lost"
                    );
                    let doubled = String::from(before) + &after[..1] + after;
                    assert_eq!(
                        scanner_fault(&doubled),
                        Some(TextError::Length(whole.len() + 1)),
                        "{len} bytes, {at} doubled"
                    );
                }
            }
        }
    }

    #[test]
    fn what_no_gun_struck_is_left_alone() {
        let long = "0".repeat(400);
        for other in [
            "",
            "8613800000000",
            "86138000000000",
            "134567890123456789",
            "https://example.cn/86",
            "8621000",
            "8615000",
            &alloc::format!("8621{}", "0".repeat(17 * 30)),
            &alloc::format!("9911{long}"),
            &alloc::format!("8911{long}"),
            &alloc::format!("613{long}"),
        ] {
            assert_eq!(scanner_fault(other), None, "{other}");
        }
        // One digit shorter than any permit's code, and one that is not.
        assert_eq!(scanner_fault(&alloc::format!("611{}", "0".repeat(17 * 23 + 5))), None);
        assert_eq!(scanner_fault(&alloc::format!("611{}", "0".repeat(17 * 23 + 8))), Some(TextError::Length(402)));
        for other in ["613", "867", "860", "863"] {
            assert_eq!(scanner_fault(&alloc::format!("{other}{}", "0".repeat(17 * 23 + 8))), None, "{other}");
        }
        assert_eq!(scanner_fault("86110000000000000000000"), Some(TextError::Length(23)));
        assert_eq!(scanner_fault(&alloc::format!("8611{}", "9".repeat(17))), Some(TextError::Group(4)));
        assert_eq!(scanner_fault("861100000000000x000"), Some(TextError::NotADigit(15)));
    }
}
