//! What the page asks for. Whatever waits for the disk or the scan worker does so on a thread of its own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequest, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use credential_format::day::Day;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::journal::export;
use crate::journal::{By, Entry, Format, What};
use crate::state::Condition;
use crate::verdict::{Outcome, Tone};

use super::desk::Desk;
use super::door::{Door, LIVE_PROTOCOL};
use super::refusal::{self, Refusal};
use super::{Counter, live as view};

/// What every request is answered by.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) counter: Arc<Counter>,
    pub(super) door: Door,
}

impl Service {
    /// Asks the desk, and puts its answer under a name.
    async fn ask<T: Serialize + Send + 'static>(
        self,
        name: &'static str,
        ask: impl FnOnce(&mut Desk) -> Result<T, Refusal> + Send + 'static,
    ) -> Response {
        match self.with_desk(ask).await {
            Ok(answer) => Json(json!({ "v": 1, name: answer })).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn with_desk<T: Send + 'static>(
        self,
        ask: impl FnOnce(&mut Desk) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let asked = tokio::task::spawn_blocking(move || ask(&mut self.counter.desk())).await;
        asked.unwrap_or(Err(refusal::DEFECT.into()))
    }
}

/// A body of JSON, and nothing else: a form cannot send that from another page without asking first.
pub(super) struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let json: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        json.map(|Json(body)| Body(body)).map_err(|rejection| {
            let mut response = Refusal::from(refusal::NOT_JSON).into_response();
            *response.status_mut() = rejection.status();
            response
        })
    }
}

pub(super) async fn standing(Shared(service): Shared<Service>) -> Response {
    match service.with_desk(Desk::standing).await {
        Ok(standing) => Json(standing).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    text: String,
    by: String,
}

pub(super) async fn check(Shared(service): Shared<Service>, Body(typed): Body<Typed>) -> Response {
    let by = By::of_word(&typed.by).filter(|by| matches!(by, By::Gun | By::Serial | By::Paste));
    let Some(by) = by else { return Refusal::from(refusal::BY).into_response() };
    service.ask("check", move |desk| desk.typed(&typed.text, by)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn challenge(Shared(service): Shared<Service>, Body(Nothing {}): Body<Nothing>) -> Response {
    service.ask("challenge", Desk::new_challenge).await
}

pub(super) async fn end_challenge(Shared(service): Shared<Service>, Body(Nothing {}): Body<Nothing>) -> Response {
    service.ask("challenge", Desk::end_challenge).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
    check: u64,
    number: String,
}

pub(super) async fn compare(Shared(service): Shared<Service>, Body(asked): Body<Comparison>) -> Response {
    service.ask("match", move |desk| desk.compare(asked.check, &asked.number)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneCheck {
    check: u64,
}

pub(super) async fn person_mismatch(Shared(service): Shared<Service>, Body(asked): Body<OneCheck>) -> Response {
    service.ask("check", move |desk| desk.person_mismatch(asked.check)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reasoned {
    check: u64,
    why: String,
}

pub(super) async fn reveal(Shared(service): Shared<Service>, Body(asked): Body<Reasoned>) -> Response {
    service.ask("whole", move |desk| desk.reveal(asked.check, &asked.why)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Camera {
    trouble: Option<String>,
}

pub(super) async fn camera(Shared(service): Shared<Service>, Body(said): Body<Camera>) -> Response {
    let condition = match said.trouble.as_deref().map(Condition::of_word) {
        None => None,
        Some(Some(condition)) => Some(condition),
        Some(None) => return Refusal::from(refusal::CAMERA).into_response(),
    };
    service.ask("camera", move |desk| desk.camera(condition)).await
}

#[derive(Deserialize)]
pub(super) struct OneDay {
    day: Option<String>,
}

pub(super) async fn journal(Shared(service): Shared<Service>, Query(asked): Query<OneDay>) -> Response {
    let day = match asked.day.as_deref().map(Day::parse) {
        None => None,
        Some(Ok(day)) => Some(day),
        Some(Err(_)) => return Refusal::from(refusal::DAYS).into_response(),
    };
    match service.with_desk(move |desk| desk.journal(day)).await {
        Ok(journal) => Json(journal).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

#[derive(Deserialize)]
pub(super) struct Days {
    format: String,
    from: String,
    to: String,
}

pub(super) async fn export(Shared(service): Shared<Service>, Query(asked): Query<Days>) -> Response {
    let Some(format) = Format::of_word(&asked.format) else { return Refusal::from(refusal::FORMAT).into_response() };
    let (from, to) = match (Day::parse(&asked.from), Day::parse(&asked.to)) {
        (Ok(from), Ok(to)) if from <= to => (from, to),
        _ => return Refusal::from(refusal::DAYS).into_response(),
    };
    let file = service.with_desk(move |desk| desk.export(format, from, to)).await;
    match file {
        Ok(bytes) => {
            let content_type = match format {
                Format::Csv => "text/csv; charset=utf-8",
                Format::Json => "application/json",
            };
            let name = format!("attachment; filename=\"juma-journal-{from}-{to}.{}\"", format.word());
            ([(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes)
                .into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The live view: its token comes with the subprotocols, since a page cannot set headers there.
pub(super) async fn live(Shared(service): Shared<Service>, headers: HeaderMap, request: Request) -> Response {
    if let Err(refusal) = service.door.knows_live(&headers) {
        return refusal.into_response();
    }
    match WebSocketUpgrade::from_request(request, &()).await {
        Ok(upgrade) => upgrade
            .protocols([LIVE_PROTOCOL])
            .max_message_size(view::MESSAGE_BYTES_MAX)
            .max_frame_size(view::MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| view::serve(socket, service.counter)),
        Err(rejection) => (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
    }
}

/// An entry of the journal as the page's table has it.
pub(super) fn entry_json(entry: &Entry) -> Value {
    let mut members = export::entry_json(entry);
    let time = entry.at.to_string();
    let clock = time.get(11..19).unwrap_or_default();
    members.insert("at".into(), json!({ "zh": clock, "en": clock }));
    let light = match &entry.what {
        What::Check(checked) => Some(match checked.outcome {
            Outcome::Accept => Tone::Green,
            Outcome::Reject if !checked.reason.is_curable() => Tone::Red,
            Outcome::Reject | Outcome::Undetermined => Tone::Amber,
        }),
        What::PersonMismatch { .. } => Some(Tone::Red),
        What::Compared { .. } | What::Revealed { .. } | What::Exported { .. } => None,
    };
    if let Some(light) = light {
        members.insert("light".into(), light.word().into());
    }
    Value::Object(members)
}
