//! Bodies of requests: read piece by piece, counted, and given up when the client is too slow.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::activity::Activity;
use super::answer::Refusal;
use super::pace::{Alarm, Pace};
use crate::protocol::ErrorCode;

/// The body of a request.
pub(super) struct RequestBody {
    incoming: Incoming,
    pace: Pace,
    alarm: Option<Alarm>,
    activity: Arc<Activity>,
}

/// Why a body did not come whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// The client was waited for long enough.
    #[error("the body came too slowly")]
    TooSlow,
    /// The connection or its framing broke.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

impl From<&BodyError> for Refusal {
    fn from(error: &BodyError) -> Self {
        let status = match error {
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, ErrorCode::UNKNOWN, error.to_string())
    }
}

impl RequestBody {
    /// A body of a connection's request; `patience` is how long its client may be waited for.
    pub(super) fn new(incoming: Incoming, patience: Duration, activity: Arc<Activity>) -> Self {
        activity.body_begins(incoming.is_end_stream());
        Self { incoming, pace: Pace::new(patience), alarm: None, activity }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { incoming, pace, alarm, activity } = &mut *self;
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(context) else {
            pace.waits(Instant::now());
            ready!(alarm.get_or_insert_with(Alarm::new).poll(pace.deadline(), context));
            return Poll::Ready(Some(Err(BodyError::TooSlow)));
        };
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                pace.moves(bytes, Instant::now());
                activity.received(bytes);
            }
            Some(Err(_)) => {}
            None => activity.body_ends(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.activity.body_ends();
        }
    }
}
