//! What a counter asks the phone to sign: reading the challenge 挑战码 that it shows.

use credential_format::cbor::Malformed;
use credential_format::challenge::Challenge;
use credential_format::text::{self, Kind, TextError};

/// Why a text is no challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The text is no code of this format.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A code of another kind.
    #[error("this is a code for {}, not a challenge; scan the challenge that the counter shows", name(*.0).1)]
    OtherKind(Kind),
    /// A challenge that cannot be read.
    #[error("the challenge cannot be read ({0}); ask the counter for a new one")]
    Malformed(#[from] Malformed),
}

impl ChallengeError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ChallengeError::Text(error) => text_code(error),
            ChallengeError::OtherKind(_) => "NOT_A_CHALLENGE",
            ChallengeError::Malformed(_) => "CHALLENGE_MALFORMED",
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            ChallengeError::Text(error) => text_zh(error),
            ChallengeError::OtherKind(Kind::Presentation) => "这是亮证码，不是挑战码，请扫描窗口显示的挑战码",
            ChallengeError::OtherKind(Kind::Voucher) => "这是纸质凭证码，不是挑战码，请扫描窗口显示的挑战码",
            ChallengeError::OtherKind(_) => "这是绑定申请码，不是挑战码，请扫描窗口显示的挑战码",
            ChallengeError::Malformed(_) => "挑战码无法读取，请窗口重新生成",
        }
    }
}

/// Reads the challenge in the digits of a code, as they were typed or scanned.
///
/// A challenge carries no time: that it is good for 60 seconds and for one answer is kept by the counter's own clock.
///
/// # Errors
/// [`ChallengeError`].
pub fn challenge_from_text(typed: &str) -> Result<Challenge, ChallengeError> {
    match text::decode(&text::from_keyboard(typed))? {
        (Kind::Challenge, bytes) => Ok(Challenge::parse(&bytes)?),
        (kind, _) => Err(ChallengeError::OtherKind(kind)),
    }
}

/// What a code of this kind is for, in Chinese and English.
pub(crate) fn name(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Presentation => ("亮证码", "showing a permit"),
        Kind::Voucher => ("纸质凭证码", "a printed permit"),
        Kind::Challenge => ("挑战码", "a counter's challenge"),
        Kind::Enrolment => ("绑定申请码", "binding a device"),
    }
}

/// A stable name for each way in which a text is no code.
pub(crate) fn text_code(error: &TextError) -> &'static str {
    match error {
        TextError::NotAPermitCode => "NOT_A_PERMIT_CODE",
        TextError::UnsupportedVersion(_) => "UNSUPPORTED_VERSION",
        _ => "DIGITS_MALFORMED",
    }
}

pub(crate) fn text_zh(error: &TextError) -> &'static str {
    match error {
        TextError::NotAPermitCode => "这不是居码，请扫描正确的二维码",
        TextError::UnsupportedVersion(_) => "码的版本较新，请更新程序",
        _ => "码的数字不完整或有误，请重新扫描",
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use credential_format::counter_id::CounterId;
    use credential_format::display_text::DisplayText;

    use super::*;

    #[test]
    fn a_challenge_is_read_as_it_was_shown() {
        for purpose in [None, Some(DisplayText::parse("办理社保").unwrap())] {
            let challenge = Challenge { counter: CounterId::parse("TIANHE-03").unwrap(), cnonce: [5; 16], purpose };
            let typed = format!(" {}\r\n", text::encode(Kind::Challenge, &challenge.to_vec()));
            assert_eq!(challenge_from_text(&typed), Ok(challenge));
        }
    }

    #[test]
    fn other_codes_are_named_and_refused() {
        for kind in [Kind::Presentation, Kind::Voucher, Kind::Enrolment] {
            let error = challenge_from_text(&text::encode(kind, &[0x80])).unwrap_err();
            assert_eq!(error, ChallengeError::OtherKind(kind));
            assert_eq!(error.code(), "NOT_A_CHALLENGE");
            assert!(error.to_string().contains(name(kind).1), "{error}");
            assert!(error.zh().contains(name(kind).0), "{}", error.zh());
        }
        let code = |typed: &str| challenge_from_text(typed).unwrap_err().code();
        assert_eq!(code(&text::encode(Kind::Challenge, &[0x80])), "CHALLENGE_MALFORMED");
        assert_eq!(code("https://example.cn"), "NOT_A_PERMIT_CODE");
        assert_eq!(code("8623000"), "UNSUPPORTED_VERSION");
        assert_eq!(code("86130000"), "DIGITS_MALFORMED");
    }
}
