//! The page of a service counter: what `verifier serve` shows in a browser on the same computer.
//!
//! One program, one clerk, one page. The page's camera sends grey levels, which the scan worker reads; what is found is decided by the state, as the
//! other commands do it, written into the journal, and told to the page with every personal datum masked. How the two talk is in
//! `docs/counter-page.md`. [`Counter::router`] is the whole service without a port, [`Counter::serve`] binds it to the loopback address.
//!
//! Clocks and dice come in with [`Surroundings`].

mod api;
mod desk;
mod document;
mod door;
mod files;
mod live;
mod refusal;
mod view;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use credential_format::timestamp::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::state::State;
use crate::worker::{Program, Worker};

use desk::Desk;
use door::Door;
use files::FILES;

/// The port of the page, unless another one is asked for. It stays the same, since browsers remember by it who may use the camera.
pub const PORT: u16 = 8_686;

/// What a desk cannot have of itself.
pub struct Surroundings {
    /// The time; `None` when the computer's clock is beyond belief.
    pub now: Box<dyn Fn() -> Option<Timestamp> + Send>,
    /// How long it is since any one moment, by a clock that nobody sets.
    pub ticks: Box<dyn Fn() -> Duration + Send>,
    /// Whether `now` is a time given by hand: then nothing is ever green, and nothing is written into the journal.
    pub fixed_clock: bool,
    /// Random bytes; `None` when the system has none.
    pub dice: Box<dyn FnMut() -> Option<[u8; 32]> + Send>,
    /// Bytes that are free on the disk of this folder, where the system tells.
    pub free_space: fn(&Path) -> Option<u64>,
    /// What reads pictures, in a process of its own.
    pub scan_worker: Program,
}

/// A counter that serves its page.
pub struct Counter {
    desk: Mutex<Desk>,
    eye: Mutex<Worker>,
    /// The number of the page that has the camera.
    newest_page: watch::Sender<u64>,
    log: Log,
}

/// What went wrong beside the verdicts, a line each. A stuck decoder repeats itself: of the same lines one after the other the first is told.
struct Log {
    last: Mutex<Option<&'static str>>,
}

impl Log {
    fn line(&self, code: &'static str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != Some(code) {
            eprintln!("note: a frame of the camera was lost [{code}]");
            *last = Some(code);
        }
    }
}

impl Counter {
    /// A counter with this state folder.
    pub fn new(state: State, surroundings: Surroundings) -> Counter {
        let mut eye = Worker::new(surroundings.scan_worker.clone());
        eye.warm_up();
        Counter {
            desk: Mutex::new(Desk::new(state, surroundings)),
            eye: Mutex::new(eye),
            newest_page: watch::Sender::new(0),
            log: Log { last: Mutex::new(None) },
        }
    }

    /// Everything that answers under `http://127.0.0.1:PORT/`, for who has the token: lower-case hexadecimal digits, 32 of them.
    pub fn router(self, port: u16, token: String) -> Router {
        let counter = Arc::new(self);
        let door = Door::new(port, token);
        let api = Router::new()
            .route("/standing", get(api::standing))
            .route("/check", post(api::check))
            .route("/challenge", post(api::challenge))
            .route("/challenge/end", post(api::end_challenge))
            .route("/compare", post(api::compare))
            .route("/person-mismatch", post(api::person_mismatch))
            .route("/reveal", post(api::reveal))
            .route("/camera", post(api::camera))
            .route("/journal", get(api::journal))
            .route("/journal/export", get(api::export))
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(door.clone(), with_token))
            .route("/live", get(api::live))
            .with_state(api::Service { counter, door: door.clone() });
        let mut pages = Router::new();
        for file in FILES {
            pages = pages.route(file.path, get(|| async { ([(header::CONTENT_TYPE, file.content_type)], file.bytes) }));
        }
        pages
            .nest("/api", api)
            .fallback(|| async { refusal::Refusal::from(refusal::NOT_FOUND) })
            .layer(middleware::from_fn_with_state(door, at_the_door))
    }

    /// A socket on the loopback address, at this port or, for 0, at any.
    ///
    /// # Errors
    /// What the system says: most often that another program has the port.
    pub async fn bind(port: u16) -> io::Result<TcpListener> {
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
    }

    /// Serves the page until `stop` comes, and then what is under way, for at most a second.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub async fn serve(
        self,
        listener: TcpListener,
        token: String,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let port = listener.local_addr()?.port();
        let router = self.router(port, token);
        let (stopping, stopped) = watch::channel(false);
        let gracefully = async move {
            stop.await;
            let _ = stopping.send(true);
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(gracefully);
        // A page that stays connected does not keep the program from ending.
        let patience = async move {
            let mut stopped = stopped;
            if stopped.wait_for(|stopped| *stopped).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            served = serving => served,
            () = patience => Ok(()),
        }
    }

    /// A panic in another request has left nothing half done that a later one could see: what counts is in the state's file.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn eye(&self) -> MutexGuard<'_, Worker> {
        self.eye.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests of the page are small; a code has at most 5,000 digits.
const BODY_BYTES_MAX: usize = 16_384;

/// Whoever comes from elsewhere is refused before anything else is looked at.
async fn at_the_door(Shared(door): Shared<Door>, request: Request, next: Next) -> Response {
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let mut response = match door.admit(request.method(), request.headers(), upgrades) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in door::HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn with_token(Shared(door): Shared<Door>, request: Request, next: Next) -> Response {
    match door.knows(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use axum::body::{Body, to_bytes};
    use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
    use credential_format::status_list::Status;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::journal::{By, What};
    use crate::state::{Asking, ResultSecs, Settings};
    use crate::testing::{self, PERMIT_KEY, ROOT, STATUS_KEY, at};

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    /// A counter at a time that the test sets, and its page.
    struct Page {
        _folder: tempfile::TempDir,
        path: std::path::PathBuf,
        router: Router,
        secs: Arc<AtomicI64>,
        /// Milliseconds of the clock that nobody sets.
        ticks: Arc<AtomicU64>,
    }

    impl Page {
        fn new() -> Page {
            Page::with(|_| {}, false)
        }

        fn with(prepare: impl FnOnce(&mut State), fixed_clock: bool) -> Page {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            let mut state = State::create(&path, testing::thumbprint(ROOT), testing::counter()).unwrap();
            assert!(state.take_trust_list(&testing::trust_list(7), at(0)).unwrap());
            let list = testing::status_list(STATUS_KEY, 3, at(-60), &[(8, Status::Cancelled)]);
            assert!(state.take_status_list(&list, at(0)).unwrap());
            prepare(&mut state);
            let secs = Arc::new(AtomicI64::new(0));
            let clock = Arc::clone(&secs);
            let ticks = Arc::new(AtomicU64::new(1_000_000));
            let running = Arc::clone(&ticks);
            let mut rolled = 0u8;
            let surroundings = Surroundings {
                now: Box::new(move || Some(at(clock.load(Ordering::Relaxed)))),
                ticks: Box::new(move || Duration::from_millis(running.load(Ordering::Relaxed))),
                fixed_clock,
                dice: Box::new(move || {
                    rolled += 1;
                    Some([rolled; 32])
                }),
                free_space: |_| Some(1_000_000_000_000),
                scan_worker: Program::new("/nowhere/verifier", ["scan-worker"]),
            };
            let router = Counter::new(state, surroundings).router(PORT, TOKEN.into());
            Page { _folder: folder, path, router, secs, ticks }
        }

        async fn send(
            &self,
            method: Method,
            path: &str,
            headers: &[(&str, &str)],
            body: &str,
        ) -> (StatusCode, HeaderMap, Vec<u8>) {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response =
                self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts.status, parts.headers, to_bytes(body, 10_000_000).await.unwrap().to_vec())
        }

        async fn get(&self, path: &str) -> (StatusCode, Value) {
            let headers = [("host", "127.0.0.1:8686"), ("juma-token", TOKEN)];
            let (status, _, body) = self.send(Method::GET, path, &headers, "").await;
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        }

        async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
            let headers = [
                ("host", "127.0.0.1:8686"),
                ("origin", "http://127.0.0.1:8686"),
                ("juma-token", TOKEN),
                ("content-type", "application/json"),
            ];
            let (status, _, answer) = self.send(Method::POST, path, &headers, &body.to_string()).await;
            (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
        }

        async fn check(&self, text: &str) -> Value {
            let (status, answer) = self.post("/api/check", json!({ "text": text, "by": "gun" })).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            answer["check"].clone()
        }

        /// A code of the permit that answers the challenge with these digits.
        fn answer(&self, digits: &str, nonce: u8) -> String {
            let (_, bytes) = credential_format::text::decode(digits).unwrap();
            let challenge = credential_format::challenge::Challenge::parse(&bytes).unwrap();
            let permit = testing::sign_permit(&testing::claims(), PERMIT_KEY);
            testing::code_of(&permit, at(self.secs.load(Ordering::Relaxed)), nonce, Some(challenge.answer()))
        }

        fn journal(&self) -> Vec<What> {
            let state = State::open(&self.path).unwrap();
            let day = at(0).day();
            let extract = state.journal_extract(day, day).unwrap();
            extract.entries().into_iter().map(|entry| entry.what).collect()
        }
    }

    fn code(answer: &Value) -> &str {
        answer["error"]["code"].as_str().unwrap_or("-")
    }

    #[tokio::test]
    async fn a_check_is_masked_and_written_down() {
        let page = Page::new();
        let check = page.check(&testing::code(at(-4), 1)).await;
        assert_eq!(
            (&check["reason"], &check["light"], &check["sign"]),
            (&json!("VALID"), &json!("green"), &json!("✓"))
        );
        assert_eq!((&check["code_age_s"], &check["by"], &check["clock"]), (&json!(4), &json!("gun"), &json!("system")));
        let claims = testing::claims();
        let text = check.to_string();
        for datum in [
            claims.name.as_str(),
            &claims.citizen_id.to_string(),
            &claims.residence_code.digits(),
            claims.address.detail().as_str(),
        ] {
            assert!(!text.contains(datum), "unmasked: {text}");
        }
        assert_eq!(check["permit"]["name"], claims.name.masked());
        assert_eq!(page.check(&testing::code(at(-4), 1)).await["reason"], "REPLAYED");
        match &page.journal()[..] {
            [What::Check(first), What::Check(second)] => {
                assert_eq!((first.by, first.reason.code(), second.reason.code()), (By::Gun, "VALID", "REPLAYED"));
                assert!(first.permit.is_some() && first.permit == second.permit);
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_nobody_signed_for_is_not_shown() {
        let page = Page::new();
        let forged = testing::sign_permit(&testing::claims(), testing::OTHER_ROOT);
        let check = page.check(&testing::code_of(&forged, at(0), 1, None)).await;
        assert_eq!((&check["outcome"], check.get("permit")), (&json!("undetermined"), None));
    }

    #[tokio::test]
    async fn a_fixed_clock_is_never_green_and_leaves_no_trace() {
        let page = Page::with(|_| {}, true);
        let check = page.check(&testing::code(at(0), 1)).await;
        assert_eq!(
            (&check["reason"], &check["light"], &check["clock"]),
            (&json!("VALID"), &json!("grey"), &json!("fixed"))
        );
        assert_eq!(page.journal(), []);
    }

    #[tokio::test]
    async fn a_challenge_is_asked_until_it_is_answered_or_ended() {
        let page = Page::new();
        let (_, answer) = page.post("/api/challenge", json!({})).await;
        let challenge = &answer["challenge"];
        let size = challenge["size"].as_u64().unwrap();
        assert_eq!(
            (challenge["left_s"].as_u64(), challenge["modules"].as_str().unwrap().len() as u64),
            (Some(60), size * size)
        );
        assert_eq!(page.check(&testing::code(at(0), 1)).await["reason"], "CHALLENGE_MISSING");
        let digits = challenge["digits"].as_str().unwrap();
        let check = page.check(&page.answer(digits, 2)).await;
        assert_eq!((&check["reason"], &check["assurance"]), (&json!("VALID"), &json!("challenge")));
        // It is answered. Until the page shows the next one, nobody slips through without.
        assert_eq!(page.check(&page.answer(digits, 3)).await["reason"], "CHALLENGE_MISMATCH");
        assert_eq!(page.check(&testing::code(at(0), 4)).await["reason"], "CHALLENGE_MISSING");
        assert_eq!(page.post("/api/challenge/end", json!({})).await.0, StatusCode::OK);
        assert_eq!(page.check(&testing::code(at(0), 5)).await["reason"], "VALID");
    }

    #[tokio::test]
    async fn a_challenge_grows_old() {
        for (secs, reason) in [(60, "VALID"), (61, "CHALLENGE_EXPIRED")] {
            let page = Page::new();
            let (_, answer) = page.post("/api/challenge", json!({})).await;
            page.secs.store(secs, Ordering::Relaxed);
            let check = page.check(&page.answer(answer["challenge"]["digits"].as_str().unwrap(), 1)).await;
            assert_eq!(check["reason"], reason, "after {secs} s");
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_no_challenge_younger() {
        for (millis, reason) in [(60_999, "VALID"), (61_000, "CHALLENGE_EXPIRED")] {
            let page = Page::new();
            let (_, answer) = page.post("/api/challenge", json!({})).await;
            page.ticks.fetch_add(millis, Ordering::Relaxed);
            let check = page.check(&page.answer(answer["challenge"]["digits"].as_str().unwrap(), 1)).await;
            assert_eq!(check["reason"], reason, "after {millis} ms");
        }
    }

    #[tokio::test]
    async fn what_a_check_has_told_is_kept_ten_minutes() {
        let page = Page::new();
        let check = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let reveal = || page.post("/api/reveal", json!({ "check": check, "why": "holder" }));
        page.ticks.fetch_add(599_999, Ordering::Relaxed);
        let (status, answer) = reveal().await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        page.ticks.fetch_add(1, Ordering::Relaxed);
        let (status, answer) = reveal().await;
        assert_eq!((status, code(&answer)), (StatusCode::GONE, "CHECK_OVER"));
    }

    #[tokio::test]
    async fn what_twenty_checks_have_told_is_kept() {
        let page = Page::new();
        let first = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let reveal = || page.post("/api/reveal", json!({ "check": first, "why": "holder" }));
        for nonce in 2..=20 {
            page.check(&testing::code(at(0), nonce)).await;
        }
        let (status, answer) = reveal().await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        page.check(&testing::code(at(0), 21)).await;
        let (status, answer) = reveal().await;
        assert_eq!((status, code(&answer)), (StatusCode::GONE, "CHECK_OVER"));
    }

    #[tokio::test]
    async fn the_policy_of_the_counter_decides_who_is_asked() {
        let set = |asking| {
            move |state: &mut State| {
                let result_secs = ResultSecs::new(5).unwrap();
                state.set_settings(&Settings { asking, result_secs, ..Settings::default() }).unwrap();
            }
        };
        let always = Page::with(set(Asking::Challenge), false);
        assert_eq!(always.check(&testing::code(at(0), 1)).await["reason"], "CHALLENGE_MISSING");
        let (status, answer) = always.post("/api/challenge/end", json!({})).await;
        assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "CHALLENGE_ALWAYS"));
        let (_, standing) = always.get("/api/standing").await;
        assert_eq!(standing["page"], json!({ "asking": "challenge", "result_s": 5, "challenge_s": 60 }));

        let never = Page::with(set(Asking::Passive), false);
        let (status, answer) = never.post("/api/challenge", json!({})).await;
        assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "CHALLENGE_OFF"));
        assert_eq!(never.check(&testing::code(at(0), 1)).await["reason"], "VALID");
    }

    #[tokio::test]
    async fn a_number_is_compared_and_not_guessed() {
        let page = Page::new();
        let check = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let ours = testing::claims().citizen_id.to_string();
        let compare = |number: String| page.post("/api/compare", json!({ "check": check, "number": number }));
        assert_eq!(compare(ours.clone()).await.1, json!({ "v": 1, "match": true }));
        assert_eq!(compare("11010519491231002X".into()).await.1, json!({ "v": 1, "match": false }));
        assert_eq!(
            compare("１１０１０５１９４９１２３１００２ｘ".into()).await.1,
            json!({ "v": 1, "match": false }),
            "as an input method types it"
        );
        // What is no number costs none of the five.
        for wrong in ["110105194912310021", "11010519491231002", "", "x"] {
            assert_eq!(compare(wrong.into()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        }
        assert_eq!(compare(ours.clone()).await.0, StatusCode::OK);
        assert_eq!(compare(ours.clone()).await.0, StatusCode::OK);
        let (status, answer) = compare(ours).await;
        assert_eq!((status, code(&answer)), (StatusCode::TOO_MANY_REQUESTS, "COMPARED_OFTEN"));
        let matched = |what: &What| if let What::Compared { check: 1, matched } = what { Some(*matched) } else { None };
        assert_eq!(page.journal().iter().filter_map(matched).collect::<Vec<_>>(), [true, false, false, true, true]);
    }

    #[tokio::test]
    async fn all_data_are_shown_for_a_reason_that_is_written_down() {
        let page = Page::new();
        let number = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let (status, answer) = page.post("/api/reveal", json!({ "check": number, "why": "curious" })).await;
        assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "WHY_UNKNOWN"));
        let (_, answer) = page.post("/api/reveal", json!({ "check": number, "why": "doubt" })).await;
        assert_eq!(answer["whole"]["name"], testing::claims().name.as_str());
        assert_eq!(answer["whole"]["citizen_id"], testing::claims().citizen_id.to_string());
        let (status, answer) = page.post("/api/reveal", json!({ "check": 99, "why": "doubt" })).await;
        assert_eq!((status, code(&answer)), (StatusCode::GONE, "CHECK_OVER"));
        let journal = page.journal();
        assert!(matches!(journal[..], [What::Check(_), What::Revealed { check: 1, .. }]), "{journal:?}");
        // A code that could not be read has nothing to show.
        let unread = page.check("8611").await["number"].clone();
        let (status, answer) = page.post("/api/reveal", json!({ "check": unread, "why": "doubt" })).await;
        assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "NO_PERMIT"));
    }

    #[tokio::test]
    async fn nothing_more_is_done_with_a_check_that_could_not_be_written_down() {
        let page = Page::new();
        let number = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let connection = rusqlite::Connection::open(page.path.join(crate::state::FILE_NAME)).unwrap();
        connection.execute_batch("ALTER TABLE journal RENAME TO elsewhere").unwrap();
        for (path, body) in [
            ("/api/reveal", json!({ "check": number, "why": "doubt" })),
            ("/api/compare", json!({ "check": number, "number": testing::claims().citizen_id.to_string() })),
            ("/api/person-mismatch", json!({ "check": number })),
        ] {
            let (status, answer) = page.post(path, body).await;
            assert!(
                status.is_server_error() && answer.get("whole").is_none() && answer.get("match").is_none(),
                "{answer}"
            );
        }
        // The verdict stands, and says what is wrong.
        let check = page.check(&testing::code(at(0), 2)).await;
        assert_eq!((&check["reason"], &check["notes"][0]["code"]), (&json!("VALID"), &json!("JOURNAL_NOT_WRITTEN")));
        let (status, answer) = page.post("/api/reveal", json!({ "check": check["number"], "why": "doubt" })).await;
        assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "CHECK_NOT_WRITTEN"));
    }

    #[tokio::test]
    async fn a_clerk_can_say_that_the_person_is_another() {
        let page = Page::new();
        let number = page.check(&testing::code(at(0), 1)).await["number"].clone();
        let (_, answer) = page.post("/api/person-mismatch", json!({ "check": number })).await;
        let check = &answer["check"];
        assert_eq!(
            (&check["reason"], &check["light"], &check["outcome"]),
            (&json!("HOLDER_MISMATCH"), &json!("red"), &json!("reject"))
        );
        let (_, standing) = page.get("/api/standing").await;
        assert_eq!(
            standing["today"],
            json!({ "checks": 1, "accept": 1, "reject": 0, "undetermined": 0, "person_mismatch": 1 })
        );
    }

    #[tokio::test]
    async fn the_camera_s_trouble_is_one_of_the_signs() {
        let page = Page::new();
        let (_, standing) = page.get("/api/standing").await;
        assert_eq!((&standing["light"], &standing["troubles"]), (&json!("green"), &json!([])));
        assert_eq!(
            (&standing["lists"]["trust"]["version"], &standing["lists"]["status"]["count"]),
            (&json!(7), &json!(1))
        );
        assert_eq!(page.post("/api/camera", json!({ "trouble": "busy" })).await.0, StatusCode::OK);
        let (_, standing) = page.get("/api/standing").await;
        assert_eq!(standing["troubles"][0]["code"], "CAMERA_BUSY");
        assert_eq!(page.post("/api/camera", json!({ "trouble": "asleep" })).await.0, StatusCode::BAD_REQUEST);
        page.post("/api/camera", json!({ "trouble": null })).await;
        assert_eq!(page.get("/api/standing").await.1["troubles"], json!([]));
    }

    #[tokio::test]
    async fn the_journal_of_a_day_and_its_file() {
        let page = Page::new();
        page.check(&testing::code(at(0), 1)).await;
        let day = at(0).day().to_string();
        let (_, journal) = page.get("/api/journal").await;
        assert_eq!(
            (&journal["day"], &journal["summary"]["accept"], &journal["chain"]["intact"]),
            (&json!(day), &json!(1), &json!(true))
        );
        assert_eq!((&journal["entries"][0]["light"], &journal["entries"][0]["by"]), (&json!("green"), &json!("gun")));
        let headers = [("host", "127.0.0.1:8686"), ("juma-token", TOKEN)];
        let path = format!("/api/journal/export?format=csv&from={day}&to={day}");
        let (status, headers, body) = page.send(Method::GET, &path, &headers, "").await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/csv; charset=utf-8"));
        assert!(String::from_utf8(body).unwrap().contains("VALID"));
        assert!(matches!(page.journal()[..], [What::Check(_), What::Exported { .. }]));
        for query in [
            "format=xls&from=2026-01-01&to=2026-01-02",
            "format=csv&from=2026-01-02&to=2026-01-01",
            "format=csv&from=x&to=y",
        ] {
            assert_eq!(page.get(&format!("/api/journal/export?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
        }
        assert_eq!(page.get("/api/journal?day=yesterday").await.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn strangers_are_refused_and_every_answer_says_so() {
        let page = Page::new();
        let good = [
            ("host", "127.0.0.1:8686"),
            ("origin", "http://127.0.0.1:8686"),
            ("juma-token", TOKEN),
            ("content-type", "application/json"),
        ];
        let body = json!({ "text": testing::code(at(0), 1), "by": "gun" }).to_string();
        let without = |name: &str, instead: Option<&'static str>| -> Vec<(&str, &str)> {
            let kept = good.iter().copied().filter(|(other, _)| *other != name);
            kept.chain(instead.map(|value| (good.iter().find(|(other, _)| *other == name).unwrap().0, value))).collect()
        };
        for (name, instead, status) in [
            ("host", Some("evil.example:8686"), 403),
            ("host", None, 403),
            ("origin", Some("http://evil.example"), 403),
            ("origin", Some("null"), 403),
            ("origin", None, 403),
            ("juma-token", Some("ffeeddccbbaa99887766554433221100"), 401),
            ("juma-token", None, 401),
            // What a form can send without asking first.
            ("content-type", Some("text/plain"), 415),
            ("content-type", Some("application/x-www-form-urlencoded"), 415),
            ("content-type", None, 415),
        ] {
            let (answered, headers, _) = page.send(Method::POST, "/api/check", &without(name, instead), &body).await;
            assert_eq!(answered.as_u16(), status, "{name} {instead:?}");
            let csp = headers["content-security-policy"].to_str().unwrap();
            assert!(
                csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe")
            );
            assert_eq!(headers["x-frame-options"], "DENY");
            assert!(!headers.contains_key(HeaderName::from_static("access-control-allow-origin")));
        }
        let reads = [("host", "127.0.0.1:8686")];
        for path in ["/api/standing", "/api/journal", "/api/journal/export?format=csv&from=2026-01-01&to=2026-01-02"] {
            assert_eq!(page.send(Method::GET, path, &reads, "").await.0, StatusCode::UNAUTHORIZED, "{path}");
        }
        for (method, path) in [
            (Method::GET, "/api/check"),
            (Method::OPTIONS, "/api/check"),
            (Method::GET, "/../state.sqlite3"),
            (Method::GET, "/api/none"),
        ] {
            let (status, ..) = page.send(method.clone(), path, &good, "").await;
            assert!(status.is_client_error(), "{method} {path}: {status}");
        }
        let large = json!({ "text": "8".repeat(BODY_BYTES_MAX), "by": "gun" }).to_string();
        assert_eq!(page.send(Method::POST, "/api/check", &good, &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        for wrong in [
            "",
            "{}",
            "[]",
            "{\"text\":1,\"by\":\"gun\"}",
            "{\"text\":\"1\",\"by\":\"camera\"}",
            "{\"text\":\"1\",\"by\":\"gun\",\"at\":1}",
        ] {
            assert!(page.send(Method::POST, "/api/check", &good, wrong).await.0.is_client_error(), "{wrong}");
        }
        assert_eq!(page.journal(), [], "nothing of all that was checked");
    }
}
