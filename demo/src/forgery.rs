//! What a forger tries: one digit of a code changed, so that something in particular changes with it.

use credential_format::presentation::Presented;
use credential_format::text;

/// A code with one digit changed, and which one.
pub(crate) struct OneDigit {
    pub(crate) digits: String,
    /// From 1.
    pub(crate) place: usize,
    pub(crate) from: char,
    pub(crate) to: char,
}

/// The code with one digit changed so that the person's name reads differently and all else that is read first stays.
pub(crate) fn other_name(digits: &str) -> Option<OneDigit> {
    one_digit(digits, |bytes, changed| {
        let (Ok(was), Ok(is)) = (Presented::parse(bytes), Presented::parse(changed)) else { return false };
        let (was, is) = (was.permit(), is.permit());
        was.kid() == is.kid() && {
            let (was, is) = (was.unverified_claims(), is.unverified_claims());
            was.issued_at == is.issued_at && was.name != is.name
        }
    })
}

/// The code with one digit changed so that the phone's nonce is another: a used code made to look new.
pub(crate) fn other_nonce(digits: &str) -> Option<OneDigit> {
    one_digit(digits, |bytes, changed| {
        let (Ok(was), Ok(is)) = (Presented::parse(bytes), Presented::parse(changed)) else { return false };
        let same_permit = was.permit().bytes() == is.permit().bytes();
        match (was.presentation(), is.presentation()) {
            (Some(was), Some(is)) => {
                let (was, is) = (was.unverified_binding(), is.unverified_binding());
                same_permit && was.issued_at == is.issued_at && was.answer == is.answer && was.nonce != is.nonce
            }
            _ => false,
        }
    })
}

/// The code with one digit changed so that it cannot be read any more.
pub(crate) fn unreadable(digits: &str) -> Option<OneDigit> {
    one_digit(digits, |_, changed| Presented::parse(changed).is_err())
}

/// The first change of one digit that leaves a code of bytes, and that `wanted` takes: given the bytes before and after.
fn one_digit(digits: &str, wanted: impl Fn(&[u8], &[u8]) -> bool) -> Option<OneDigit> {
    let (_, bytes) = text::decode(digits).ok()?;
    // The four digits at the front say what kind of code it is.
    for (index, from) in digits.char_indices().skip(4) {
        for to in ('0'..='9').filter(|to| *to != from) {
            let mut changed = digits.to_owned();
            changed.replace_range(index..=index, to.encode_utf8(&mut [0; 4]));
            if text::decode(&changed).is_ok_and(|(_, changed)| wanted(&bytes, &changed)) {
                return Some(OneDigit { digits: changed, place: index + 1, from, to });
            }
        }
    }
    None
}
