//! The page that stands for a phone: whose permit, its code, and the answer to a counter's challenge.
//!
//! It is served on the loopback address only, to pages of its own origin, and shows test data.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use credential_format::timestamp::Timestamp;
use holder::present::SHOWN_SECS;
use issuer::qr::{Level, QrCode};
use serde::Deserialize;
use serde_json::{Value, json};
use verifier::verdict::Words;

use super::cast::{Cast, Person};
use super::counter_page::CounterPage;
use crate::fault::{Because, Fault};

/// All that the page is made of.
pub(crate) struct PhonePage {
    pub(crate) cast: Cast,
    pub(crate) counter: CounterPage,
    pub(crate) clock: fn() -> Result<Timestamp, Fault>,
    /// Its own address.
    pub(crate) host: SocketAddr,
}

type Page = State<Arc<PhonePage>>;

/// What a request to show a code may be long.
const REQUEST_BYTES_MAX: usize = 4_096;

/// The page's own files alone, and no script or style inside it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page, and what it asks for.
pub(crate) fn router(page: Arc<PhonePage>) -> Router {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("phone_page/page.html"))))
        .route("/page.css", get(|| file("text/css; charset=utf-8", include_str!("phone_page/page.css"))))
        .route("/page.js", get(|| file("text/javascript; charset=utf-8", include_str!("phone_page/page.js"))))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/api/persons", get(persons))
        .route("/api/show", post(show))
        .route("/api/challenge", get(challenge))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "NOT_HERE", NOT_HERE) })
        .layer(middleware::from_fn_with_state(page.clone(), guarded))
        .with_state(page)
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

const NOT_HERE: Words = Words { zh: "没有这个页面", en: "there is no such page" };
const OTHER_ORIGIN: Words =
    Words { zh: "请从本机打开手机页面", en: "open the phone's page on this computer" };

/// Lets in whoever asks for this address by its number, from its own pages; and says to browsers what the page may do.
async fn guarded(State(page): Page, request: Request, next: Next) -> Response {
    let host = page.host.to_string();
    let origin = request.headers().get(header::ORIGIN);
    // A name that somebody bound to this computer from outside is none of ours.
    let here = request.headers().get(header::HOST).is_some_and(|asked| asked.as_bytes() == host.as_bytes());
    let ours = origin.is_none_or(|origin| origin.as_bytes() == format!("http://{host}").as_bytes());
    let mut response = if here && ours {
        next.run(request).await
    } else {
        Refusal::new(StatusCode::FORBIDDEN, "OTHER_ORIGIN", OTHER_ORIGIN).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Who can be chosen.
async fn persons(State(page): Page) -> Json<Value> {
    let person = |person: &Person| {
        let title = person.expected.title();
        json!({
            "id": person.id, "name": person.name, "live": person.is_live(),
            "story": said(&person.story), "expected": said(&title),
            "endorsed_until": {"zh": person.endorsed_until.zh(), "en": person.endorsed_until.to_string()},
        })
    };
    Json(json!({"v": 1, "shown_s": SHOWN_SECS, "persons": page.cast.all().iter().map(person).collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Show {
    person: String,
    /// The digits of the counter's challenge, if the code is to answer one.
    challenge: Option<String>,
}

/// A code, signed for this request.
async fn show(State(page): Page, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Refusal> {
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let asked: Option<Show> = serde_json::from_slice(&body).ok().filter(|_| json && body.len() <= REQUEST_BYTES_MAX);
    let asked = asked.ok_or(Refusal::new(
        StatusCode::BAD_REQUEST,
        "REQUEST_FORM",
        Words { zh: "请求有误，请刷新页面", en: "the request cannot be read; reload the page" },
    ))?;
    let person = page.cast.person(&asked.person).ok_or(Refusal::new(
        StatusCode::NOT_FOUND,
        "PERSON_UNKNOWN",
        Words { zh: "没有这位持证人，请刷新页面", en: "there is no such person; reload the page" },
    ))?;
    // What the phone reads from the counter's screen, it reads as any phone does.
    let challenge = match asked.challenge.as_deref().map(holder::asked::challenge_from_text) {
        None => None,
        Some(Ok(challenge)) => Some(challenge),
        Some(Err(error)) => {
            let words = Words { zh: error.zh().to_owned(), en: error.to_string() };
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), words));
        }
    };
    if challenge.is_some() && !person.is_live() {
        let words = Words { zh: "截图不能应答挑战码", en: "a screenshot answers no challenge" };
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "SCREENSHOT_FIXED", words));
    }
    let digits = (page.clock)().and_then(|now| person.show(challenge.as_ref(), now))?;
    let code = QrCode::from_digits(&digits, Level::L).because("the code cannot be drawn")?;
    let modules: String = code.modules().iter().flatten().map(|dark| if *dark { '1' } else { '0' }).collect();
    let mut shown = json!({"digits": digits, "size": code.side(), "modules": modules});
    if person.is_live() {
        shown["left_s"] = SHOWN_SECS.into();
    }
    if let Some(challenge) = challenge {
        let purpose = challenge.purpose.as_ref().map_or("", |purpose| purpose.as_str());
        shown["answers"] = json!({"counter": challenge.counter.as_str(), "purpose": purpose});
    }
    Ok(Json(json!({"v": 1, "code": shown})))
}

/// The challenge that the counter of the demonstration shows now.
async fn challenge(State(page): Page) -> Result<Json<Value>, Refusal> {
    let digits = (page.clock)().and_then(|now| page.counter.challenge(now))?.ok_or(Refusal::new(
        StatusCode::CONFLICT,
        "CHALLENGE_NOT_SHOWN",
        Words {
            zh: "窗口现在没有出示挑战码，请先在窗口页面选择挑战码核验",
            en: "the counter shows no challenge now; choose checking with a challenge on the counter page",
        },
    ))?;
    Ok(Json(json!({"v": 1, "digits": digits})))
}

/// A request that is not answered: a sentence in both languages, and a stable code.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    words: Words<String>,
}

impl Refusal {
    fn new<T: Into<String>>(status: StatusCode, code: &'static str, words: Words<T>) -> Refusal {
        Refusal { status, code, words: Words { zh: words.zh.into(), en: words.en.into() } }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        let words = Words { zh: "手机出错，请重新启动演示程序".to_owned(), en: fault.to_string() };
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, fault.code, words)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({"code": self.code, "zh": self.words.zh, "en": self.words.en});
        (self.status, Json(json!({"v": 1, "error": error}))).into_response()
    }
}

fn said(words: &Words) -> Value {
    json!({"zh": words.zh, "en": words.en})
}
