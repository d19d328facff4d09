//! Reply: an answer as data — status, headers, and what happens while the body is sent — that a fault may bend.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::time::Sleep;

use super::traffic::Exchange;

/// Longer than any test: what stalls for this long stalls for good.
pub const FOREVER: Duration = Duration::from_secs(3600);
/// Time for what was written to reach the far side: hyper drops what it has not sent when the connection is cut.
const SETTLE: Duration = Duration::from_millis(20);
/// Pace of an endless body, so that a reader who stops is noticed after few bytes.
const PACE: Duration = Duration::from_millis(2);
const PIECE: usize = 16 * 1024;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Closed as if all was said.
    Fin,
    /// Reset.
    Reset,
}

/// One thing that happens while an answer is sent.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends bytes.
    Send(Bytes),
    /// Sends nothing for a while.
    Wait(Duration),
    /// Sends the bytes again and again.
    Repeat(Bytes),
    /// Ends the connection.
    Cut(Cut),
}

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers; without `Content-Length` the body goes in chunks.
    pub headers: HeaderMap,
    /// What happens before the status line.
    pub before: Vec<Step>,
    /// The body.
    pub body: Vec<Step>,
}

impl Reply {
    /// An answer without body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), before: Vec::new(), body: Vec::new() }.with("content-length", "0")
    }

    /// An answer with `content` of a known length.
    pub fn bytes(status: u16, content_type: &str, content: impl Into<Bytes>) -> Self {
        Self::new(status).with("content-type", content_type).containing(content)
    }

    /// An answer with a JSON document.
    pub fn json(status: u16, document: &Value) -> Self {
        Self::bytes(status, "application/json", document.to_string())
    }

    /// An error as the distribution specification writes it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &serde_json::json!({ "errors": [{ "code": code, "message": message }] }))
    }

    /// The page of a captive portal.
    pub fn html() -> Self {
        Self::bytes(
            200,
            "text/html; charset=utf-8",
            "<!DOCTYPE html><html><body>Please log in to the Wi-Fi</body></html>",
        )
    }

    /// The same with the header `name` set to `value`, whatever bytes a header may hold.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.insert(header_name(name), value);
    }

    /// Adds a header beside those of the same name.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(header_name(name), value);
    }

    /// The same with another body and its length.
    pub fn containing(mut self, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        self.set("content-length", content.len().to_string());
        self.body = vec![Step::Send(content)];
        self
    }

    /// The same with only the first `length` bytes of the body, and then `steps`.
    pub fn interrupted(mut self, length: usize, steps: &[Step]) -> Self {
        self.body = vec![Step::Send(self.content().slice(..length))];
        self.body.push(Step::Wait(SETTLE));
        self.body.extend_from_slice(steps);
        self
    }

    /// The bytes of the body, as far as they are plain bytes.
    pub fn content(&self) -> Bytes {
        let sent =
            self.body.iter().filter_map(|step| if let Step::Send(bytes) = step { Some(&bytes[..]) } else { None });
        sent.collect::<Vec<_>>().concat().into()
    }

    /// The `Content-Type`.
    pub fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status, headers and body as hyper wants them.
    pub fn into_response(self, exchange: Exchange, reset: Arc<AtomicBool>) -> hyper::Response<Sending> {
        let empty = self.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
        let steps = if empty { VecDeque::new() } else { self.body.into() };
        let mut response = hyper::Response::new(Sending { steps, sleep: None, exchange, reset });
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a status");
        *response.headers_mut() = self.headers;
        response
    }
}

fn header_name(name: &str) -> HeaderName {
    name.parse().expect("a header name")
}

/// Does the waiting of `steps`; errs where one of them cuts the connection.
pub async fn act(steps: &[Step], reset: &AtomicBool) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Cut(cut) => return Err(cut_now(*cut, reset)),
            Step::Send(_) | Step::Repeat(_) => unreachable!("nothing can be sent before the status line"),
        }
    }
    Ok(())
}

fn cut_now(cut: Cut, reset: &AtomicBool) -> io::Error {
    reset.store(cut == Cut::Reset, Ordering::SeqCst);
    io::Error::other("cut on purpose")
}

/// A body on its way; it counts what it sends.
pub struct Sending {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    exchange: Exchange,
    reset: Arc<AtomicBool>,
}

impl Sending {
    /// The next piece of `bytes`, the rest put back.
    fn piece(&mut self, mut bytes: Bytes) -> Bytes {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        if !bytes.is_empty() {
            self.steps.push_front(Step::Send(bytes));
        }
        self.exchange.sent(piece.len());
        piece
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            let wait = match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(self.piece(bytes))))),
                Some(Step::Wait(time)) => time,
                Some(Step::Repeat(bytes)) => {
                    self.steps.extend([Step::Send(bytes.clone()), Step::Repeat(bytes)]);
                    PACE
                }
                Some(Step::Cut(cut)) => return Poll::Ready(Some(Err(cut_now(cut, &self.reset)))),
            };
            self.sleep = Some(Box::pin(tokio::time::sleep(wait)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }
}
