//! Text to bytes: SPEC section 1.

use super::{Collection, expect};
use crate::objects::{digits, digits_body};
use crate::vector::{Expect, TextVector, Vector};

pub(super) fn add(all: &mut Collection) {
    accepted(all);
    heads(all);
    bodies(all);
    keyboards(all);
}

fn accepted(all: &mut Collection) {
    let mut add = |name: &str, why: &str, kind: u8, bytes: &[u8]| {
        let vector = TextVector {
            why: why.into(),
            outcome: Expect::Accept,
            code: None,
            typed: None,
            text: digits(kind, bytes),
            kind: Some(kind),
            bytes: Some(hex::encode(bytes)),
        };
        all.add(name, Vector::Text(vector));
    };
    add("kind-1-presentation", "ten bytes as a presentation: 17 digits and 8", 1, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    add("kind-2-voucher", "one byte as a voucher", 2, &[0]);
    add("kind-3-challenge", "two bytes as a challenge", 3, &[1, 0]);
    add("kind-4-enrolment", "seven bytes as an enrolment", 4, &[0xff; 7]);
    add("body-empty", "no byte at all: a text, though no object", 1, &[]);
    for len in 1..=6 {
        add(&format!("last-group-{len}-bytes-highest"), "the highest value of a last group", 1, &vec![0xff; len]);
        add(&format!("last-group-{len}-bytes-zero"), "leading zeros are kept", 1, &vec![0; len]);
    }
    add("two-whole-groups", "fourteen bytes and no last group", 1, &[0xab; 14]);
    add("digits-5000", "2,057 bytes: exactly 5,000 digits", 1, &[7; 2057]);
}

fn refused(all: &mut Collection, name: &str, why: &str, code: &str, text: &str) {
    let vector = TextVector {
        why: why.into(),
        outcome: expect(Some(code)),
        code: Some(code.into()),
        typed: None,
        text: text.into(),
        kind: None,
        bytes: None,
    };
    all.add(name, Vector::Text(vector));
}

fn heads(all: &mut Collection) {
    let cases = [
        ("empty", "nothing", ""),
        ("head-cut-short", "three of the four digits of the head", "861"),
        ("web-address", "an address of a web page", "https://example.com/86"),
        ("wechat-pay-code", "a payment code of 18 digits", "134567890123456789"),
        ("prefix-85", "another prefix", "8511000"),
        ("prefix-68", "the prefix turned round", "6811000"),
        ("prefix-and-letters", "86 and letters: somebody else's code", "86ab000"),
        ("prefix-space-inside", "a space inside the head", "86 11000"),
        ("plus-sign", "a telephone number of the country with the code 86", "+8613800000000"),
        ("full-width-head", "full-width digits, which only the input layer folds", "８６１１０００"),
        ("leading-space", "a space in front, which only the input layer takes away", " 8611000"),
    ];
    for (name, why, text) in cases {
        refused(all, name, why, "NOT_A_PERMIT_CODE", text);
    }
    for version in [0, 2, 9] {
        let text = format!("86{version}1000");
        refused(all, &format!("version-{version}"), "only version 1 is known", "UNSUPPORTED_VERSION", &text);
    }
    for kind in [0, 5, 9] {
        let text = format!("861{kind}000");
        refused(all, &format!("kind-{kind}"), "kinds are 1 to 4", "UNKNOWN_KIND", &text);
    }
}

fn bodies(all: &mut Collection) {
    for (digits, bytes) in [(3, 1), (5, 2), (8, 3), (10, 4), (13, 5), (15, 6)] {
        let text = format!("8611{:0digits$}", 1u64 << (8 * bytes));
        let why = format!("a last group of {digits} digits, one above the highest value of {bytes} bytes");
        refused(all, &format!("last-group-{bytes}-bytes-above"), &why, "DIGITS_RANGE", &text);
    }
    let above = format!("8611{}", 1u64 << 56);
    refused(all, "group-above", "a whole group, one above the highest value of 7 bytes", "DIGITS_RANGE", &above);
    let second = format!("8611{}99999999999999999", digits_body(&[1; 7]));
    refused(all, "second-group-above", "the second group is above its bound", "DIGITS_RANGE", &second);
    for len in [1, 2, 4, 6, 7, 9, 11, 12, 14, 16] {
        let text = format!("8611{}", "1".repeat(len));
        let why = format!("a last group of {len} digits, which no number of bytes has");
        refused(all, &format!("last-group-{len}-digits"), &why, "DIGITS_LENGTH", &text);
    }
    let cases = [
        ("letter-inside", "a letter among the digits", format!("8611{}x", "0".repeat(16))),
        ("letter-in-last-group", "a letter in the last group", "861100a".to_owned()),
        ("space-inside", "a space among the digits", format!("8611{} ", "0".repeat(16))),
        ("minus-inside", "a minus sign among the digits", "8611-01".to_owned()),
        ("line-end-after", "a line end after the text, which only the input layer takes away", "861100\n".to_owned()),
        // Two bytes in Latin-1, two in UTF-8.
        ("superscript-digit", "a superscript two, which is no ASCII digit", "86110²".to_owned()),
        ("full-width-inside", "a full-width zero, three bytes long", "8611０".to_owned()),
        ("nul-inside", "a zero byte", "861100\0".to_owned()),
        ("colon", "the character after 9 in ASCII", "861100:".to_owned()),
        ("slash", "the character before 0 in ASCII", "861100/".to_owned()),
    ];
    for (name, why, text) in cases {
        refused(all, name, why, "NOT_A_DIGIT", &text);
    }
    let text = format!("8611{}", "0".repeat(4997));
    refused(all, "digits-5001", "5,001 digits, one too many", "TOO_MANY_DIGITS", &text);
    refused(all, "telephone-number", "a telephone number with the country code 86", "DIGITS_LENGTH", "8613800000000");
}

fn keyboards(all: &mut Collection) {
    let text = digits(1, &[0, 1, 2]);
    let full_width: String =
        text.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).expect("a digit")).collect();
    let typed = [
        ("typed-with-line-end", "a scanner gun ends its line", format!("{text}\r\n")),
        ("typed-with-spaces", "spaces and a tab around the text", format!(" \t{text}  ")),
        ("typed-full-width", "a Chinese input method made full-width digits", full_width),
        ("typed-ideographic-space", "ideographic spaces around the text", format!("\u{3000}{text}\u{3000}")),
        ("typed-byte-order-mark", "a byte order mark in front", format!("\u{feff}{text}")),
    ];
    for (name, why, typed) in typed {
        let vector = TextVector {
            why: why.into(),
            outcome: Expect::Accept,
            code: None,
            typed: Some(typed),
            text: text.clone(),
            kind: Some(1),
            bytes: Some("000102".into()),
        };
        all.add(name, Vector::Text(vector));
    }
    let inside = format!("{} {}", &text[..7], &text[7..]);
    let vector = TextVector {
        why: "a space inside is not taken away: digits may be missing there".into(),
        outcome: Expect::Reject,
        code: Some("DIGITS_LENGTH".into()),
        typed: Some(format!("{inside}\n")),
        text: inside,
        kind: None,
        bytes: None,
    };
    all.add("typed-space-inside", Vector::Text(vector));
}
