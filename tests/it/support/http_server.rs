//! HTTP server: hyper on a [`Listener`], answering with a [`Reply`] and writing down the [`Traffic`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::listener::Listener;
use super::reply::{self, Reply, Sending};
use super::traffic::{Exchange, Request, Traffic};

/// A request as it is being received.
pub struct Received {
    /// Its head.
    pub parts: Parts,
    body: Incoming,
    exchange: Exchange,
}

impl Received {
    /// The request as it is known so far.
    pub fn request(&self) -> Request {
        self.exchange.request()
    }

    /// Reads at most `limit` bytes of the body; the flag says whether the sender finished what it began.
    pub async fn read_body(&mut self, limit: usize) -> (Vec<u8>, bool) {
        let mut content = Vec::new();
        while content.len() < limit {
            match self.body.frame().await {
                None => break,
                Some(Err(_)) => return (content, false),
                Some(Ok(frame)) => {
                    let piece = frame.into_data().unwrap_or_default();
                    self.exchange.received(&piece);
                    content.extend_from_slice(&piece);
                }
            }
        }
        (content, true)
    }
}

/// Serves HTTP/1.1 on `address`; `answer` gets each request and gives the reply.
pub fn start<F>(
    address: &str,
    traffic: Arc<Traffic>,
    answer: impl Fn(Received) -> F + Send + Sync + 'static,
) -> Listener
where
    F: Future<Output = (Received, Reply)> + Send + 'static,
{
    let answer = Arc::new(answer);
    Listener::start(address, move |stream| {
        let (answer, traffic) = (Arc::clone(&answer), Arc::clone(&traffic));
        async move { serve(stream, traffic, &*answer).await }
    })
}

async fn serve<F>(stream: TcpStream, traffic: Arc<Traffic>, answer: &(impl Fn(Received) -> F + Sync))
where
    F: Future<Output = (Received, Reply)> + Send + 'static,
{
    let port = stream.local_addr().map_or(0, |address| address.port());
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire { stream, reset: Arc::clone(&reset) };
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let exchange = traffic.begin(&parts, port);
        let (reset, replying) = (Arc::clone(&reset), answer(Received { parts, body, exchange }));
        async move {
            let (received, reply) = replying.await;
            reply::act(&reply.before, &reset).await?;
            received.exchange.answered(reply.status);
            Ok::<hyper::Response<Sending>, io::Error>(reply.into_response(received.exchange, reset))
        }
    });
    // A connection that ends badly ended as the test wanted it.
    let _ = http1::Builder::new().max_buf_size(64 * 1024).serve_connection(TokioIo::new(wire), service).await;
}

/// A connection that can be reset: closing it with nothing lingering makes the kernel send RST.
struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
