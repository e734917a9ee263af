//! The live view: frames of the camera come in, what is seen in them goes out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use credential_format::text::is_permit_code;
use image::GrayImage;
use serde::Serialize;
use tokio::sync::watch;

use crate::scan::{Limits, Seen};
use crate::verdict::Words;
use crate::worker::Unread;

use super::Counter;
use super::document::{CheckDocument, Note};

/// What a page may send at once: a frame of 1080p and its head.
pub(super) const MESSAGE_BYTES_MAX: usize = HEAD + 1_920 * 1_080;
/// Width, height, and the frame's number.
const HEAD: usize = 8;
/// The page that connects later has the camera.
const TAKEN_OVER: u16 = 4_000;
/// A message that no page of ours sends.
const NOT_A_FRAME: u16 = 4_001;
/// A page that says nothing for so long, its camera off or its computer asleep, keeps its place; only a lost connection is noticed.
const ALIVE_EVERY: Duration = Duration::from_secs(20);

/// Serves one page until it leaves, or another one comes.
pub(super) async fn serve(mut socket: WebSocket, counter: Arc<Counter>) {
    let mut newest = counter.newest_page.subscribe();
    let mut number = 0;
    counter.newest_page.send_modify(|newest| {
        *newest += 1;
        number = *newest;
    });
    let mut alive = tokio::time::interval(ALIVE_EVERY);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let Some(answer) = look(&counter, bytes).await else {
                        return close(socket, NOT_A_FRAME, "not a frame").await;
                    };
                    if socket.send(Message::Text(answer.into())).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Text(_))) => return close(socket, NOT_A_FRAME, "not a frame").await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = replaced(&mut newest, number) => return close(socket, TAKEN_OVER, "another page has the camera").await,
            _ = alive.tick() => {
                if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn replaced(newest: &mut watch::Receiver<u64>, number: u64) {
    // That there is no sender any more means that the program ends.
    let _ = newest.wait_for(|newest| *newest != number).await;
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    // A page that is gone need not be told.
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

/// What is seen in a frame, as the page is told; `None` if it is no frame.
async fn look(counter: &Arc<Counter>, bytes: Bytes) -> Option<String> {
    let (number, frame) = frame(&bytes)?;
    let counter = Arc::clone(counter);
    tokio::task::spawn_blocking(move || counter.look(number, frame)).await.ok()
}

fn frame(bytes: &[u8]) -> Option<(u32, GrayImage)> {
    let ([a, b, c, d, number @ ..], levels) = bytes.split_first_chunk::<HEAD>()?;
    let (width, height) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    Limits::default().admit(width.into(), height.into()).ok()?;
    if levels.len() != usize::from(width) * usize::from(height) {
        return None;
    }
    Some((u32::from_be_bytes(*number), GrayImage::from_raw(width.into(), height.into(), levels.to_vec())?))
}

impl Counter {
    fn look(&self, number: u32, frame: GrayImage) -> String {
        let seen = self.eye().live(frame);
        let mut answer = Answer { frame: number, ..Answer::default() };
        match seen {
            Ok(seen) => {
                answer.show(&seen);
                match self.desk().seen(&seen) {
                    Ok(check) => answer.check = check,
                    Err(refusal) => answer.error = Some(refusal.to_json()),
                }
            }
            Err(Unread::Worker(trouble)) => {
                self.log.line(trouble.code());
                answer.trouble = Some(Note::new(trouble.code(), trouble.words()));
            }
            Err(Unread::Picture(error)) => {
                answer.trouble = Some(Note::new(error.code(), Words { zh: error.zh(), en: error.to_string() }));
            }
        }
        serde_json::to_string(&answer).unwrap_or_default()
    }
}

/// What a frame shows.
#[derive(Default, Serialize)]
struct Answer {
    frame: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<Outline>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Outline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<CheckDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Outline {
    corners: [(i32, i32); 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

impl Answer {
    fn show(&mut self, seen: &Seen) {
        let kind = |text: Option<&str>| if text.is_some_and(is_permit_code) { "permit" } else { "other" };
        self.codes =
            seen.codes.iter().map(|code| Outline { corners: code.corners, kind: Some(kind(code.text())) }).collect();
        self.unread =
            seen.unread_symbols.iter().map(|symbol| Outline { corners: symbol.corners, kind: None }).collect();
        self.advice = seen.advice.map(|advice| Note::new(advice.code(), advice.words()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_it_says() {
        let bytes = |width: u16, height: u16, levels: usize| {
            let mut bytes = Vec::from(width.to_be_bytes());
            bytes.extend(height.to_be_bytes());
            bytes.extend(7u32.to_be_bytes());
            bytes.extend(vec![9; levels]);
            bytes
        };
        let (number, read) = frame(&bytes(4, 3, 12)).unwrap();
        assert_eq!((number, read.dimensions(), read.get_pixel(3, 2).0), (7, (4, 3), [9]));
        for (width, height, levels) in [(4, 3, 11), (4, 3, 13), (0, 3, 0), (4, 0, 0), (0, 0, 0)] {
            assert!(frame(&bytes(width, height, levels)).is_none(), "{width} x {height} of {levels}");
        }
        assert!(frame(&[0; HEAD - 1]).is_none() && frame(&[]).is_none());
        assert!(frame(&bytes(12_001, 1, 12_001)).is_none());
    }
}
