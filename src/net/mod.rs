//! HTTP over bad networks; knows nothing of images. One [`Client`] speaks for one origin: it keeps that origin's limits and
//! pauses, retries what is harmless to repeat, follows redirects by its own loop and lets no secret leave its origin.

mod origin;
mod secret;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use tokio::sync::mpsc;
use url::Url;

pub use origin::Origin;
pub use secret::{Authorization, Secret};

use crate::Result;

/// How to talk to one origin and to those it redirects to.
#[derive(Clone)]
pub struct Settings {
    /// PEM certificates to trust beside the system's.
    pub ca_certificates: Vec<Vec<u8>>,
    /// PEM client certificate chain and key, shown to the client's own origin alone.
    pub identity: Option<(Vec<u8>, Secret)>,
    /// Do not verify TLS of the client's own origin. Never extends to token servers, redirects or proxies.
    pub insecure: bool,
    /// Headers sent to the client's own origin alone.
    pub headers: HeaderMap,
    /// `User-Agent`.
    pub user_agent: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a peer may send nothing, or take nothing, before the connection is given up.
    pub idle_timeout: Duration,
    /// How often a request is tried again without progress.
    pub retries: u32,
    /// Longest `Retry-After` that is waited for.
    pub retry_max_wait: Duration,
    /// Most requests in flight to the origin.
    pub per_host: usize,
}

/// One request. It is repeated only where that is harmless: see [`Client::send`].
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers that are no secret.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The secret to attach, while the hop is its origin.
    pub authorization: Option<Authorization>,
}

/// What a request carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes that can be sent again.
    Bytes(Bytes),
    /// A stream of `length` bytes that can be sent once. An error in the channel, or its end before `length`, aborts the request.
    Stream {
        /// `Content-Length`.
        length: u64,
        /// The pieces.
        pieces: mpsc::Receiver<Result<Bytes>>,
    },
}

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
}

impl Response {
    /// The whole body. Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) where it is longer than `limit` bytes,
    /// [`Kind::Network`](crate::error::Kind::Network) where it breaks off or stalls.
    pub async fn bytes(self, limit: usize) -> Result<Bytes> {
        todo!("{limit}")
    }

    /// Appends body bytes to `buffer` until its spare capacity is full or the body ends; 0 is the end.
    /// Errs with [`Kind::Network`](crate::error::Kind::Network) where it breaks off or stalls.
    pub async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        todo!("{buffer:?}")
    }
}

/// Speaks HTTP/1.1 with one origin.
pub struct Client {
    origin: Origin,
    settings: Settings,
}

impl Client {
    /// A client for `origin`. Nothing is connected or loaded yet.
    pub fn new(origin: Origin, settings: Settings) -> Self {
        Self { origin, settings }
    }

    /// The origin whose secrets, headers and limits this client keeps.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends `request` and returns the answer, whatever its status, after following redirects (GET and HEAD) and after retrying
    /// connection failures, 408, 429, 500, 502, 503, 504 and 522 where the request can be repeated.
    pub async fn send(&self, request: Request) -> Result<Response> {
        todo!("{}", request.url)
    }
}
