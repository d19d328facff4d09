//! Response: an answer whose body comes when it is asked for, watched for silence.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use url::Url;

use super::lanes::Permit;
use super::pace::Pace;
use super::upload::EarlyAnswer;
use super::{Origin, Settings, TooSlow, failure};
use crate::error::Kind;
use crate::{Error, Result};

/// Bytes that came together are handed on as they lie from this many on; fewer are gathered first.
const TOGETHER: usize = 64 * 1024;
/// Room made in a buffer that has none.
const ROOM: usize = 64 * 1024;

/// An answer, of any status. Its body has not been read yet.
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// How many times the request was sent to get it.
    pub attempts: u32,
    body: Incoming,
}

/// A body on its way to us.
struct Incoming {
    inner: reqwest::Response,
    origin: Origin,
    idle_timeout: Duration,
    pace: Pace,
    received: u64,
    /// How many bytes there will be, where the framing says so.
    length: Option<u64>,
    /// What is left of the last frame.
    rest: Bytes,
    /// An error that came after bytes that had to be given out first.
    failure: Option<Error>,
    is_over: bool,
    permit: Option<Permit>,
    _early: Option<EarlyAnswer>,
}

impl Response {
    pub(super) fn new(inner: reqwest::Response, hop: (Url, Origin), settings: &Settings) -> Self {
        let mut inner = inner;
        let headers = std::mem::take(inner.headers_mut());
        let (url, origin) = hop;
        let body = Incoming {
            origin,
            idle_timeout: settings.idle_timeout,
            pace: Pace::new(settings),
            received: 0,
            length: inner.content_length(),
            rest: Bytes::new(),
            failure: None,
            is_over: false,
            permit: None,
            _early: None,
            inner,
        };
        Self { status: body.inner.status(), headers, url, attempts: 1, body }
    }

    pub(super) fn with_early_answer(mut self, early: Option<EarlyAnswer>) -> Self {
        self.body._early = early;
        self
    }

    /// Keeps `permit` until the body is read or dropped.
    pub(super) fn keep(&mut self, permit: Option<Permit>) {
        self.body.permit = permit;
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.body.origin
    }

    /// `Content-Length`, where the far side said one that makes sense.
    pub fn content_length(&self) -> Option<u64> {
        let mut values = self.headers.get_all(header::CONTENT_LENGTH).iter();
        let length = values.next()?.to_str().ok()?.parse().ok()?;
        values.next().is_none().then_some(length)
    }

    /// The media type of `Content-Type`, in lower case and without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The whole body. Errs with [`Kind::Mismatch`] where it is longer than `limit` bytes,
    /// [`Kind::Network`] where it breaks off or stalls.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let too_long = |origin: &Origin| {
            let host = origin.authority();
            Error::mismatch(format!("{host} sent more than the {limit} bytes that are allowed here")).with_host(host)
        };
        let said = if self.body.is_over { None } else { self.content_length() };
        if said.is_some_and(|said| said > limit as u64) {
            return Err(too_long(&self.body.origin));
        }
        let first = self.body.frame().await?.unwrap_or_default();
        if said == Some(first.len() as u64) {
            return Ok(first);
        }
        let mut all = BytesMut::from(first);
        while all.len() <= limit {
            match self.body.frame().await? {
                Some(frame) => all.extend_from_slice(&frame),
                None => return Ok(all.freeze()),
            }
        }
        Err(too_long(&self.body.origin))
    }

    /// Appends body bytes to `buffer` until its spare capacity is full or the body ends; 0 is the end.
    /// Errs with [`Kind::Network`] where it breaks off or stalls; what came before is in `buffer`.
    pub async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        if let Some(failure) = self.body.failure.take() {
            return Err(failure);
        }
        if buffer.capacity() == buffer.len() {
            buffer.reserve(ROOM);
        }
        let start = buffer.len();
        while buffer.len() < buffer.capacity() {
            if self.body.rest.is_empty() {
                match self.body.frame().await {
                    Ok(Some(frame)) => self.body.rest = frame,
                    Ok(None) => break,
                    Err(error) if buffer.len() == start => return Err(error),
                    Err(error) => {
                        self.body.failure = Some(error);
                        break;
                    }
                }
            }
            let count = self.body.rest.remaining().min(buffer.capacity() - buffer.len());
            buffer.extend_from_slice(&self.body.rest[..count]);
            self.body.rest.advance(count);
        }
        Ok(buffer.len() - start)
    }

    /// The next body bytes, at most `most`, without a copy. `None` where there are none, or few that lie together, or where it
    /// broke off: [`read_into`](Self::read_into) goes on from there.
    pub async fn together(&mut self, most: usize) -> Option<Bytes> {
        let body = &mut self.body;
        if body.failure.is_none() && body.rest.is_empty() {
            match body.frame().await {
                Ok(frame) => body.rest = frame.unwrap_or_default(),
                Err(error) => body.failure = Some(error),
            }
        }
        let is_enough = body.rest.len() >= TOGETHER.min(most);
        (is_enough && !body.rest.is_empty()).then(|| body.rest.split_to(most.min(body.rest.len())))
    }
}

impl Incoming {
    /// The next bytes, none of them empty.
    async fn frame(&mut self) -> Result<Option<Bytes>> {
        while !self.is_over {
            let asked = Instant::now();
            let error = match tokio::time::timeout(self.idle_timeout, self.inner.chunk()).await {
                Ok(Ok(Some(frame))) if frame.is_empty() => continue,
                Ok(Ok(Some(frame))) => {
                    self.received += frame.len() as u64;
                    if self.length == Some(self.received) {
                        self.end();
                        return Ok(Some(frame));
                    }
                    match self.pace.check(frame.len(), asked.elapsed()) {
                        Ok(()) => return Ok(Some(frame)),
                        Err(slow) => Some(self.too_slow(slow)),
                    }
                }
                Ok(Ok(None)) => None,
                Ok(Err(error)) => Some(failure::broken_body(&self.origin, self.received, error)),
                Err(_) => Some(self.stalled()),
            };
            self.end();
            if let Some(error) = error {
                return Err(error);
            }
        }
        Ok(None)
    }

    /// Others may go on now, even if the caller keeps the answer.
    fn end(&mut self) {
        self.is_over = true;
        self.permit = None;
    }

    fn too_slow(&self, slow: TooSlow) -> Error {
        let host = self.origin.authority();
        let message = format!("{host} sends its answer too slowly: {slow}");
        let error = Error::new(Kind::Network, message).with_host(host).with_source(slow);
        error.with_hint("--min-rate 0 bears with it; --idle-timeout says how long the rate is measured")
    }

    fn stalled(&self) -> Error {
        let host = self.origin.authority();
        let seconds = self.idle_timeout.as_secs_f32();
        let message = format!("{host} sent nothing for {seconds} s after {} bytes of its answer", self.received);
        Error::new(Kind::Network, message).with_host(host)
    }
}
