//! What the page is told when something cannot be done: a stable code, and a sentence in each language that says what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use credential_format::citizen_id::CitizenIdError;
use serde_json::json;

use crate::state::StateError;
use crate::verdict::Words;

/// A refusal on its way to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    words: Words<String>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $status:ident $code:literal [$zh:literal, $en:literal],)*) => {
        $($(#[$doc])* pub(super) const $name: Known = Known {
            status: StatusCode::$status,
            code: $code,
            words: Words { zh: $zh, en: $en },
        };)*

        #[cfg(test)]
        pub(super) const ALL: &[Known] = &[$($name,)*];
    };
}

/// A refusal whose words are always the same.
#[derive(Clone, Debug)]
pub(super) struct Known {
    status: StatusCode,
    code: &'static str,
    words: Words,
}

refusals! {
    HOST FORBIDDEN "HOST_FOREIGN"
        ["此页面只能用 verifier serve 给出的地址打开", "open this page by the address that verifier serve printed"],
    ORIGIN FORBIDDEN "ORIGIN_FOREIGN"
        ["请求来自别的网页，已拒绝；请关闭可疑网页", "the request came from another page and was refused; close pages you do not know"],
    TOKEN UNAUTHORIZED "TOKEN_WRONG"
        ["页面与核验程序不是同一次启动，请用 verifier serve 给出的新地址重新打开", "this page belongs to another run of the program: open the address that verifier serve printed last"],
    NOT_JSON UNSUPPORTED_MEDIA_TYPE "NOT_JSON"
        ["请求格式不对，请刷新页面后重试", "the request is not in the form this program takes; reload the page and try again"],
    NOT_FOUND NOT_FOUND "NOT_FOUND"
        ["没有这个页面，请用 verifier serve 给出的地址打开", "there is no such page; open the address that verifier serve printed"],
    CHECK_OVER GONE "CHECK_OVER"
        ["这次核验的信息已清除，请重新扫码", "the data of this check are gone; scan the code again"],
    NO_PERMIT CONFLICT "NO_PERMIT"
        ["这次核验没有可信的证照信息，无法比对或查看", "this check gave no permit that could be compared or shown"],
    NOT_WRITTEN CONFLICT "CHECK_NOT_WRITTEN"
        ["这次核验没有记入核验记录，不能继续比对或查看；请先排除磁盘故障，再重新扫码", "this check is not in the journal, so nothing more can be done with it; mend the disk, then scan the code again"],
    COMPARED_OFTEN TOO_MANY_REQUESTS "COMPARED_OFTEN"
        ["同一次核验最多比对 5 次，请重新扫码", "a number is compared at most five times a check; scan the code again"],
    WHY BAD_REQUEST "WHY_UNKNOWN"
        ["请选择查看完整信息的原因", "choose a reason for seeing all data"],
    BY BAD_REQUEST "BY_UNKNOWN"
        ["请刷新页面后重试", "reload the page and try again"],
    DAYS BAD_REQUEST "DAYS_UNREADABLE"
        ["日期应写成 2026-11-27，且起始日期不晚于结束日期", "give days like 2026-11-27, the first not after the last"],
    FORMAT BAD_REQUEST "FORMAT_UNKNOWN"
        ["只能导出 CSV 或 JSON", "the journal is exported as csv or json"],
    CAMERA BAD_REQUEST "CAMERA_UNKNOWN"
        ["请刷新页面后重试", "reload the page and try again"],
    CHALLENGE_OFF CONFLICT "CHALLENGE_OFF"
        ["本柜台的设置不使用挑战码", "this counter is set to ask no challenge"],
    CHALLENGE_ALWAYS CONFLICT "CHALLENGE_ALWAYS"
        ["本柜台的设置要求每次使用挑战码", "this counter is set to ask a challenge every time"],
    CLOCK_WRONG INTERNAL_SERVER_ERROR "CLOCK_WRONG"
        ["本机时间明显有误，请校准日期和时间", "this computer's clock is far off; set its date and time"],
    DICE INTERNAL_SERVER_ERROR "RANDOM_FAILED"
        ["系统无法提供随机数，请重新启动电脑", "the system gives no random numbers; restart this computer"],
    DEFECT INTERNAL_SERVER_ERROR "DEFECT"
        ["程序出错，请重试；再次出现请告知技术人员", "the program has a defect; try again, and tell the technician if it comes again"],
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, words: Words<String>) -> Refusal {
        Refusal { status, code, words }
    }

    /// A number that is no citizen ID number.
    pub(super) fn number(error: &CitizenIdError) -> Refusal {
        Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            error.code(),
            Words { zh: error.zh().into_owned(), en: error.to_string() },
        )
    }

    pub(super) fn words(&self) -> &Words<String> {
        &self.words
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let Words { zh, en } = &self.words;
        json!({ "v": 1, "error": { "code": self.code, "zh": zh, "en": en } })
    }
}

impl From<Known> for Refusal {
    fn from(known: Known) -> Refusal {
        let Words { zh, en } = known.words;
        Refusal::new(known.status, known.code, Words { zh: zh.into(), en: en.into() })
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Refusal {
        let zh = error.zh();
        let en = format!("{error}: {}", error.remedy());
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), Words { zh, en })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(self.to_json())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_speaks_both_languages_under_its_own_code() {
        let mut codes: Vec<_> = ALL.iter().map(|known| known.code).collect();
        assert!(ALL.iter().all(|known| known.words.zh.chars().any(|c| c as u32 > 0x4e00) && known.words.en.is_ascii()));
        assert!(ALL.iter().all(|known| known.status.is_client_error() || known.status.is_server_error()));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
    }
}
