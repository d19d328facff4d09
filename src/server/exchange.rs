//! One request from its head to the end of its answer: counted, timed and told to the observer exactly once, even when the
//! client leaves in the middle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::activity::Activity;
use super::metrics::Metrics;
use super::{Exchange, Observer, Peer, Principal};
use crate::Error;

/// Who is told about requests.
#[derive(Clone)]
pub(super) struct Listeners {
    pub(super) observer: Arc<dyn Observer>,
    pub(super) metrics: Arc<Metrics>,
}

/// What an answer says about itself, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) principal: Principal,
    /// One of a few names.
    pub(super) route: &'static str,
}

/// Why an answer is not what it should be, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Failure(String);

impl Failure {
    /// An error with all its causes.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

/// A request that is being answered. It is told when this is dropped.
pub(super) struct Record {
    exchange: Exchange,
    route: &'static str,
    /// How long the answer's body is, where that is known.
    length: Option<u64>,
    started: Instant,
    activity: Arc<Activity>,
    listeners: Listeners,
}

impl Record {
    /// The head of a request was read.
    pub(super) fn begin(head: &Parts, peer: Peer, activity: Arc<Activity>, listeners: Listeners) -> Self {
        activity.answer_begins();
        listeners.metrics.begin();
        let user_agent =
            head.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let exchange = Exchange {
            at: SystemTime::now(),
            peer,
            principal: Principal::ANYONE,
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or_else(String::new, |path| path.as_str().to_owned()),
            status: None,
            complete: false,
            received: 0,
            sent: 0,
            duration: std::time::Duration::ZERO,
            user_agent,
            failure: None,
        };
        Self { exchange, route: "none", length: None, started: Instant::now(), activity, listeners }
    }

    /// The answer is made; its body goes on to tell what becomes of it.
    pub(super) fn answer<B: Body>(mut self, mut answer: Response<B>) -> Response<Recorded<B>> {
        if let Some(about) = answer.extensions_mut().remove::<About>() {
            (self.exchange.principal, self.route) = (about.principal, about.route);
        }
        self.exchange.failure = answer.extensions_mut().remove::<Failure>().map(|failure| failure.0);
        self.exchange.status = Some(answer.status());
        self.length = length(&self.exchange, &answer);
        answer.map(|body| Recorded { body, record: self })
    }
}

/// The answer to a HEAD has the length of a body and none.
fn length<B: Body>(exchange: &Exchange, answer: &Response<B>) -> Option<u64> {
    let is_bodiless = matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if is_bodiless || exchange.method == Method::HEAD {
        return Some(0);
    }
    let header = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    header.or_else(|| answer.body().size_hint().exact())
}

impl Drop for Record {
    fn drop(&mut self) {
        let tally = self.activity.answer_ends();
        (self.exchange.received, self.exchange.sent) = (tally.received, tally.sent);
        // A body of known length is not asked for its end.
        self.exchange.complete |= self.exchange.status.is_some() && self.length == Some(tally.sent);
        self.exchange.duration = self.started.elapsed();
        self.listeners.metrics.end(self.route, &self.exchange);
        self.listeners.observer.on(&self.exchange);
    }
}

/// The body of an answer, whose end is the end of the exchange.
pub(super) struct Recorded<B> {
    body: B,
    record: Record,
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for Recorded<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => self.record.activity.sent(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(error)) => self.record.exchange.failure = Some(Failure::of(error).0),
            None => self.record.exchange.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
