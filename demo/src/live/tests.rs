//! The phone's page, asked without a port, and its codes before the counter of the demonstration, by the real clock.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use credential_format::text::{self, Kind};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use verifier::state::State;
use verifier::verdict::{Assurance, Verdict};
use verifier::verify::Asked;

use super::*;

const HOST: &str = "127.0.0.1:8687";

/// A demonstration in a folder of its own.
struct Played {
    _around: tempfile::TempDir,
    folder: PathBuf,
    page: Arc<PhonePage>,
    counter: State,
}

impl Played {
    fn begin() -> Played {
        let around = tempfile::tempdir().unwrap();
        let (folder, cast) = set_up(&around.path().join("live"), now().unwrap()).unwrap();
        let counter = State::open(&folder.join(COUNTER)).unwrap();
        let counter_page = CounterPage::none(&folder.join(COUNTER));
        let page = PhonePage { cast, counter: counter_page, clock: now, host: HOST.parse().unwrap() };
        Played { _around: around, folder, page: Arc::new(page), counter }
    }

    fn answer(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        pollster(async {
            let answer = phone_page::router(self.page.clone()).oneshot(request).await.unwrap();
            let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
            assert!(!policy.contains("unsafe"));
            (answer.status(), to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec())
        })
    }

    fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        self.answer(Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap())
    }

    fn post(&self, body: &Value) -> (StatusCode, Value) {
        let request =
            Request::post("/api/show").header(header::HOST, HOST).header(header::ORIGIN, format!("http://{HOST}"));
        let request =
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap();
        let (status, answer) = self.answer(request);
        (status, serde_json::from_slice(&answer).unwrap())
    }

    /// The digits that a person's phone shows.
    fn shows(&self, person: &str) -> String {
        let (status, answer) = self.post(&json!({"person": person}));
        assert_eq!(status, StatusCode::OK, "{answer}");
        let code = &answer["code"];
        let modules = code["modules"].as_str().unwrap();
        assert_eq!(modules.len() as u64, code["size"].as_u64().unwrap().pow(2));
        code["digits"].as_str().unwrap().to_owned()
    }

    fn verify(&mut self, digits: &str, asked: Asked) -> Verdict {
        self.counter.verify(&[digits], asked, now().unwrap()).unwrap()
    }
}

fn pollster<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn codes_change_and_each_is_valid_once_by_the_real_clock() {
    let mut played = Played::begin();
    let codes = [0, 1, 2].map(|_| played.shows("valid"));
    assert!(codes[0] != codes[1] && codes[1] != codes[2] && codes[0] != codes[2]);
    for code in &codes {
        let verdict = played.verify(code, Asked::Nothing);
        assert_eq!((verdict.reason.code(), verdict.assurance), ("VALID", Some(Assurance::Passive)));
    }
    assert_eq!(played.verify(&codes[0], Asked::Nothing).reason.code(), "REPLAYED");
}

#[test]
fn everybody_is_told_what_the_page_says_they_will_be_told() {
    let mut played = Played::begin();
    let (_, answer) = played.get("/api/persons");
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let ids: Vec<&str> =
        answer["persons"].as_array().unwrap().iter().map(|person| person["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["valid", "endorsable", "lapsed", "cancelled", "altered", "copied", "screenshot"]);
    for id in ids {
        let expected = played.page.cast.person(id).unwrap().expected;
        let code = played.shows(id);
        assert_eq!(played.verify(&code, Asked::Nothing).reason, expected, "{id}");
    }
    assert_eq!(played.shows("screenshot"), played.shows("screenshot"));
    // Nobody is named whole.
    assert_eq!(answer["persons"][0]["name"], "陈*例");
    assert!(!answer.to_string().contains("陈样例"));
}

#[test]
fn a_challenge_is_answered_by_the_phone_that_is_asked() {
    let mut played = Played::begin();
    assert_eq!(played.get("/api/challenge").0, StatusCode::CONFLICT, "none is shown yet");
    let challenge = played.counter.challenge([7; 16], None, now().unwrap()).unwrap();
    let digits = text::encode(Kind::Challenge, &challenge.to_vec());
    let (_, fetched) = played.get("/api/challenge");
    assert_eq!(serde_json::from_slice::<Value>(&fetched).unwrap(), json!({"v": 1, "digits": digits}));
    let (status, answer) = played.post(&json!({"person": "valid", "challenge": digits}));
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["code"]["answers"]["counter"], "DEMO-01");
    let asked = played.counter.asked(&challenge, now().unwrap()).unwrap();
    let code = answer["code"]["digits"].as_str().unwrap().to_owned();
    let verdict = played.verify(&code, asked);
    assert_eq!((verdict.reason.code(), verdict.assurance), ("VALID", Some(Assurance::Challenge)));

    for (body, status, code) in [
        (json!({"person": "valid", "challenge": "12"}), 422, "NOT_A_PERMIT_CODE"),
        (json!({"person": "valid", "challenge": played.shows("valid")}), 422, "NOT_A_CHALLENGE"),
        (json!({"person": "screenshot", "challenge": digits}), 422, "SCREENSHOT_FIXED"),
        (json!({"person": "nobody"}), 404, "PERSON_UNKNOWN"),
        (json!({"person": "valid", "more": 1}), 400, "REQUEST_FORM"),
    ] {
        let (found, answer) = played.post(&body);
        assert_eq!((found.as_u16(), answer["error"]["code"].as_str().unwrap()), (status, code), "{body}");
        assert!(!answer["error"]["zh"].as_str().unwrap().is_ascii());
    }
}

#[test]
fn the_page_is_its_own_files_and_is_shown_to_nobody_else() {
    let played = Played::begin();
    let (status, page) = played.get("/");
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("【测试数据】"));
    for inline in ["<style", "style=", "<script>", "onclick", "onload", "javascript:", "//cdn"] {
        assert!(!page.contains(inline), "{inline}");
    }
    for file in ["/page.css", "/page.js"] {
        assert!(page.contains(&format!("\"{file}\"")));
        assert_eq!(played.get(file).0, StatusCode::OK);
    }
    assert_eq!(played.get("/elsewhere").0, StatusCode::NOT_FOUND);
    let asked = |method: Method, host: &str, origin: Option<&str>| {
        let mut request = Request::builder().method(method).uri("/api/persons").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        played.answer(request.body(Body::empty()).unwrap()).0
    };
    assert_eq!(asked(Method::GET, HOST, Some("http://127.0.0.1:8687")), StatusCode::OK);
    assert_eq!(asked(Method::GET, "phone.example:8687", None), StatusCode::FORBIDDEN);
    assert_eq!(asked(Method::GET, HOST, Some("https://elsewhere.example")), StatusCode::FORBIDDEN);
    assert_eq!(asked(Method::DELETE, HOST, None), StatusCode::METHOD_NOT_ALLOWED);
    assert!(played.folder.join(COUNTER).is_dir());
}
