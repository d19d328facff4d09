//! HTTP over bad networks; knows nothing of images. One [`Client`] speaks for one origin: it keeps that origin's limits and
//! pauses, retries what is harmless to repeat, follows redirects by its own loop and lets no secret leave its origin.

mod client;
mod failure;
mod lanes;
mod origin;
mod pace;
mod proxy;
mod redirect;
mod resolve;
mod response;
mod retry;
mod secret;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::mpsc;
use url::Url;

pub use client::Client;
pub use origin::{Origin, Redacted};
pub use pace::TooSlow;
pub use response::Response;
pub use retry::Backoff;
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
    /// How many bytes a second a peer sends at least while its answer is waited for, on average over `idle_timeout`, before the
    /// connection is given up.
    pub min_rate: u64,
    /// How often a request is tried again without progress.
    pub retries: u32,
    /// Longest `Retry-After` that is waited for.
    pub retry_max_wait: Duration,
    /// Most requests in flight to the origin: some more than blobs that move at a time, or manifests wait until one is through.
    pub per_host: usize,
    /// Directory where it is remembered how origins want to be spoken to; no secret is kept there.
    pub challenges: Option<PathBuf>,
    /// Counts the requests that are sent, redirects and retries included. Clients may share it.
    pub requests: Arc<AtomicU64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ca_certificates: Vec::new(),
            identity: None,
            insecure: false,
            headers: HeaderMap::new(),
            user_agent: concat!("imgctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            min_rate: 100,
            retries: 5,
            retry_max_wait: Duration::from_secs(120),
            per_host: 12,
            challenges: None,
            requests: Arc::default(),
        }
    }
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

impl Request {
    /// A request without headers, body and authorization.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Body::Empty, authorization: None }
    }
}

/// What a request carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes that can be sent again.
    Bytes(Bytes),
    /// Bytes that must not be sent twice before it is known what became of the first.
    Once(Bytes),
    /// A stream of `length` bytes that can be sent once. An error in the channel, or its end before `length`, aborts the request.
    Stream {
        /// `Content-Length`.
        length: u64,
        /// The pieces.
        pieces: mpsc::Receiver<Result<Bytes>>,
    },
}
