//! Upload: a request body that tells how it gets on, so that a server that takes nothing is noticed, and one that answers early is
//! listened to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Body;
use crate::error::Kind;
use crate::{Error, Result};

/// Bodies up to this size go out in one write and need no watching.
const SMALL: usize = 64 * 1024;
/// Pieces that a large body in memory is cut into.
const SLICE: usize = 64 * 1024;
/// A server may have to hash and store all it got before it answers: so many times longer than it may be idle.
const ANSWER_PATIENCE: u32 = 4;

/// A request's body, kept for the next try where that is possible.
pub(super) enum Payload {
    Small(Bytes),
    Large(Bytes),
    Stream(Arc<Upload>),
}

impl Payload {
    pub(super) fn new(body: Body) -> Self {
        match body {
            Body::Empty => Self::Small(Bytes::new()),
            Body::Bytes(bytes) if bytes.len() <= SMALL => Self::Small(bytes),
            Body::Bytes(bytes) => Self::Large(bytes),
            Body::Once(bytes) => Self::Stream(Arc::new(Upload::new(bytes.len() as u64, Source::Memory(bytes)))),
            Body::Stream { length, pieces } => Self::Stream(Arc::new(Upload::new(length, Source::Channel(pieces)))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Small(bytes) if bytes.is_empty())
    }

    /// Whether no byte is lost yet. A stream is replayable until its first piece was taken.
    pub(super) fn is_replayable(&self) -> bool {
        match self {
            Self::Small(_) | Self::Large(_) => true,
            Self::Stream(upload) => upload.state().taken == 0,
        }
    }

    /// The upload to watch during one try; `None` where the body needs no watching.
    pub(super) fn start(&self) -> Option<Arc<Upload>> {
        match self {
            Self::Small(_) => None,
            Self::Large(bytes) => Some(Arc::new(Upload::new(bytes.len() as u64, Source::Memory(bytes.clone())))),
            Self::Stream(upload) => {
                upload.state().phase = Phase::Connecting;
                Some(upload.clone())
            }
        }
    }
}

enum Source {
    Channel(mpsc::Receiver<Result<Bytes>>),
    Memory(Bytes),
}

#[derive(Clone, Copy)]
enum Phase {
    /// Nothing was asked for yet.
    Connecting,
    /// Our own source has nothing ready: not the server's fault.
    Hungry,
    /// A piece was taken, then.
    Sending(Instant),
    /// All was taken, then.
    Sent(Instant),
    /// The server answered before it had all: nothing more is sent.
    Answered,
    /// Nobody reads the answer any more: the connection may go.
    Dropped,
}

struct State {
    source: Source,
    taken: u64,
    phase: Phase,
    failure: Option<Error>,
    waker: Option<Waker>,
}

/// One body on its way.
pub(super) struct Upload {
    length: u64,
    state: Mutex<State>,
}

impl Upload {
    fn new(length: u64, source: Source) -> Self {
        let phase = if length == 0 { Phase::Sent(Instant::now()) } else { Phase::Connecting };
        Self { length, state: Mutex::new(State { source, taken: 0, phase, failure: None, waker: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The body to give to the HTTP client.
    pub(super) fn body(self: &Arc<Self>) -> reqwest::Body {
        let upload = self.clone();
        reqwest::Body::wrap_stream(futures::stream::poll_fn(move |cx| upload.poll_next(cx)))
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let state = &mut *self.state();
        match state.phase {
            Phase::Answered => {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Phase::Dropped => return Poll::Ready(Some(Err(io::Error::other("nobody reads the answer")))),
            Phase::Connecting | Phase::Hungry | Phase::Sending(_) | Phase::Sent(_) => {}
        }
        if state.taken == self.length {
            state.phase = Phase::Sent(Instant::now());
            return Poll::Ready(None);
        }
        let failure = match state.source.poll_piece(cx) {
            Poll::Pending => {
                state.phase = Phase::Hungry;
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(piece))) if state.taken + piece.len() as u64 <= self.length => {
                state.taken += piece.len() as u64;
                let now = Instant::now();
                state.phase = if state.taken == self.length { Phase::Sent(now) } else { Phase::Sending(now) };
                return Poll::Ready(Some(Ok(piece)));
            }
            Poll::Ready(Some(Ok(_))) => Error::mismatch(format!("the content is longer than {} bytes", self.length)),
            Poll::Ready(Some(Err(error))) => error,
            Poll::Ready(None) => {
                Error::new(Kind::Failed, format!("the content ended after {} of {} bytes", state.taken, self.length))
            }
        };
        state.failure = Some(failure);
        Poll::Ready(Some(Err(io::Error::other("the content cannot be read"))))
    }

    /// Why our own side gave up, if it did.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.state().failure.take()
    }

    /// Returns when the server took nothing, or, having all, answered nothing for too long. Says what it did not do.
    pub(super) async fn stalled(&self, connect: Duration, idle: Duration) -> &'static str {
        let begin = Instant::now();
        loop {
            let (deadline, what) = match self.state().phase {
                Phase::Connecting => (begin + connect + idle, "took nothing"),
                Phase::Sending(at) => (at + idle, "took nothing more"),
                Phase::Sent(at) => (at + idle * ANSWER_PATIENCE, "did not answer the upload"),
                Phase::Hungry | Phase::Answered | Phase::Dropped => (Instant::now() + idle, ""),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return what;
            }
            // The phase may change meanwhile.
            tokio::time::sleep(left.min(idle / 4)).await;
        }
    }

    /// The answer's headers are there. Where the body is not through, the server does not want the rest: its source is told, and
    /// the connection is kept only until the returned guard is dropped, for the answer's own body.
    pub(super) fn answered(self: &Arc<Self>) -> Option<EarlyAnswer> {
        let mut state = self.state();
        if state.taken == self.length {
            return None;
        }
        state.phase = Phase::Answered;
        if let Source::Channel(pieces) = &mut state.source {
            pieces.close();
        }
        drop(state);
        Some(EarlyAnswer(self.clone()))
    }
}

impl Source {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self {
            Self::Channel(pieces) => loop {
                match pieces.poll_recv(cx) {
                    Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {}
                    other => return other,
                }
            },
            Self::Memory(bytes) => {
                let count = bytes.len().min(SLICE);
                Poll::Ready((count > 0).then(|| Ok(bytes.split_to(count))))
            }
        }
    }
}

/// Ends an upload that was answered early when the answer is done with.
pub(super) struct EarlyAnswer(Arc<Upload>);

impl Drop for EarlyAnswer {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.phase = Phase::Dropped;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
