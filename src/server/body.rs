//! Bodies of requests: read piece by piece, counted, and given up when the client is too slow.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::activity::Activity;
use super::pace::{Alarm, Pace};

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
    /// It is longer than it may be.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// The client was waited for long enough.
    #[error("the body came too slowly")]
    TooSlow,
    /// The connection or its framing broke.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

impl RequestBody {
    /// A body of a connection's request; `patience` is how long its client may be waited for.
    pub(super) fn new(incoming: Incoming, patience: Duration, activity: Arc<Activity>) -> Self {
        activity.body_begins(incoming.is_end_stream());
        Self { incoming, pace: Pace::new(patience), alarm: None, activity }
    }

    /// All of it, if that is not more than `limit` bytes.
    pub(super) async fn read(mut self, limit: u64) -> Result<Bytes, BodyError> {
        if self.incoming.size_hint().exact().is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge(limit));
        }
        let mut all = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(piece) = frame?.into_data() else { continue };
            if all.len() as u64 + piece.len() as u64 > limit {
                return Err(BodyError::TooLarge(limit));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
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
