//! One connection: handshake, HTTP/1.1, and its end. The end comes by the client, by a timeout, by others who need the room, or
//! because the server stops; a request at work is cut short by its client's slowness and the end of the grace alone.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Place};
use super::body::RequestBody;
use super::exchange::{Listeners, Record};
use super::listener::Duplex;
use super::pace::Alarm;
use super::{Limits, Peer, State};

/// Most that is read ahead, and most of an answer that is held: with many uploads at once, this is the server's memory.
const BUFFER: usize = 64 * 1024;

/// Largest head of a request.
const MAX_HEAD: usize = 32 * 1024;

/// How long a client that still sends is heard out after its answer, so that it gets to read that.
/// A socket closed with bytes unread is reset, and the answer is lost with it
/// ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).
const LINGER: Duration = Duration::from_secs(2);

/// How far the server is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// What runs may finish.
    Stopping,
    /// Nothing goes on.
    Over,
}

/// What all connections of a server have in common.
pub(super) struct Terms {
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) listeners: Listeners,
    pub(super) stage: watch::Receiver<Stage>,
}

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) peer: Peer,
    pub(super) place: Place,
}

impl Connection {
    /// Answers its requests, until its end.
    pub(super) async fn serve(self, terms: &Terms, state: Arc<State>) {
        let Self { stream, peer, place } = self;
        let activity = Arc::clone(&place.activity);
        let Some(stream) = terms.shake_hands(stream, &activity).await else { return };
        let watched = Watched { stream, activity: Arc::clone(&activity) };
        let (patience, listeners) = (terms.limits.body_timeout, terms.listeners.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (head, body) = request.into_parts();
            let record = Record::begin(&head, peer, Arc::clone(&activity), listeners.clone());
            let body = RequestBody::new(body, patience, Arc::clone(&activity));
            let answered = super::answer(Arc::clone(&state), Request::from_parts(head, body));
            let activity = Arc::clone(&activity);
            Box::pin(async move {
                let mut answer = record.answer(answered.await);
                if activity.left_unread() {
                    // Whoever still sends must not take this connection for the next request.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            })
        });
        let connection = http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_header_size(MAX_HEAD)
            // Timeouts are ours: hyper's does not tell a slow request from none.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(watched), service);
        if let Some((watched, is_unread)) = terms.drive(connection, &place.activity).await {
            watched.close(is_unread).await;
        }
    }
}

impl Terms {
    /// TLS, where it is spoken.
    async fn shake_hands(&self, stream: Box<dyn Duplex>, activity: &Activity) -> Option<Box<dyn Duplex>> {
        let Some(acceptor) = &self.tls else { return Some(stream) };
        let mut stage = self.stage.clone();
        tokio::select! {
            stream = timeout(self.limits.header_timeout, acceptor.accept(stream)) => match stream {
                Ok(Ok(stream)) => Some(Box::new(stream)),
                Ok(Err(error)) => {
                    tracing::debug!("TLS handshake: {error}");
                    None
                }
                Err(_) => None,
            },
            () = activity.has_to_leave() => None,
            _ = stage.wait_for(|stage| *stage != Stage::Serving) => None,
        }
    }

    /// Runs HTTP on the connection; gives back what it ran on, where that is to be closed properly, and whether the client
    /// may still be sending.
    async fn drive<S, B>(
        &self,
        mut connection: http1::Connection<TokioIo<Watched>, S>,
        activity: &Activity,
    ) -> Option<(Watched, bool)>
    where
        S: hyper::service::HttpService<Incoming, ResBody = B, Future: Unpin> + Unpin,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        let mut stage = self.stage.clone();
        let mut alarm = Alarm::new();
        loop {
            tokio::select! {
                // The deadline is looked at after everything that may move it.
                biased;
                ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
                    let is_unread = activity.left_unread() || ended.is_err_and(|error| error.is_parse());
                    return Some((connection.into_parts().io.into_inner(), is_unread));
                }
                () = activity.has_to_leave() => return None,
                () = poll_fn(|context| alarm.poll(activity.deadline(&self.limits), context)) => return None,
                _ = stage.changed() => match *stage.borrow_and_update() {
                    Stage::Serving => {}
                    Stage::Stopping => Pin::new(&mut connection).graceful_shutdown(),
                    Stage::Over => return None,
                },
            }
        }
    }
}

/// A stream that tells what happens on it.
struct Watched {
    stream: Box<dyn Duplex>,
    activity: Arc<Activity>,
}

impl Watched {
    /// Says goodbye, and hears out a client that still sends.
    async fn close(mut self, is_unread: bool) {
        let goodbye = async {
            let said = self.stream.shutdown().await;
            let mut buffer = [0; 8 * 1024];
            while is_unread && said.is_ok() && matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
        };
        let _ = timeout(LINGER, goodbye).await;
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.activity.writes(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.is_blocked(),
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.reads();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        match &flushed {
            Poll::Ready(Ok(())) => self.activity.flushed(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.is_blocked(),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
