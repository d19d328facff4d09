//! An OCI registry over the local store, or over anything else that implements [`Content`]
//! ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)).
//!
//! A request is taken apart in `call.rs`, finds its handler in `route.rs`, and is answered by the file that is named as what
//! it asks for. Nothing is given out whole under a digest that it does not have (`verified.rs`).

mod answer;
mod blob;
mod call;
mod catalog;
mod content;
mod limits;
mod local;
mod manifest;
mod name;
mod page_of;
mod referrer;
mod route;
mod tag;
mod upload;
mod verified;
mod write;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

pub use content::{Content, Identity, Stat};
pub use limits::Limits;
pub use local::Local;

use crate::name::Registry;
use crate::store::{Blobs, Repositories, UploadLimits, Uploads};
use crate::{Error, Result};
use call::Call;
use name::Names;
use verified::Verified;

/// How often old uploads and deleted content are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// What a server serves, and to whom.
#[derive(Clone)]
pub struct Settings {
    /// What is read.
    pub content: Arc<dyn Content>,
    /// What is written to; without it everything is read-only.
    pub writer: Option<Arc<Repositories>>,
    /// Whether a manifest may name blobs that are not there.
    pub blobs: Blobs,
    /// Whether manifests, tags and blobs may be deleted.
    pub allow_delete: bool,
    /// Where names without a registry are looked for when there is none such.
    pub fallback: Registry,
    /// How much and how long.
    pub limits: Limits,
}

/// A registry that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

/// What all requests share.
struct State {
    settings: Settings,
    names: Names,
    verified: Verified,
    uploads: Option<Arc<Uploads>>,
    has_deleted: AtomicBool,
}

impl State {
    fn new(settings: Settings) -> Self {
        let limits = UploadLimits { open: settings.limits.max_uploads, expiry: settings.limits.upload_expiry };
        let uploads = settings.writer.clone().map(|repositories| Arc::new(Uploads::new(repositories, limits)));
        let verified = Verified::new(settings.content.clone());
        let names = Names::new(settings.fallback.clone());
        Self { settings, names, verified, uploads, has_deleted: AtomicBool::new(false) }
    }

    fn content(&self) -> &dyn Content {
        self.verified.content()
    }

    /// Frees what is not needed any more.
    fn tidy(&self) {
        let Some(uploads) = &self.uploads else { return };
        uploads.expire();
        if self.has_deleted.swap(false, Ordering::Relaxed) {
            // Whoever uses the store keeps content from being deleted: then the next time does it.
            let is_done = uploads.repositories().sweep().unwrap_or(false);
            self.has_deleted.fetch_or(!is_done, Ordering::Relaxed);
        }
    }
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    pub async fn bind(address: &str, settings: Settings) -> Result<Self> {
        let fail = |error| Error::local(format!("listen on {address}"), error);
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let bound = listener.local_addr().map_err(fail)?;
        Ok(Self { listener, address: bound, state: Arc::new(State::new(settings)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, and then until running requests have ended.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let housekeeping = tokio::spawn(housekeeping(self.state.clone()));
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let _ = stream.set_nodelay(true);
            let state = self.state.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(state.clone(), request));
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new());
                // What goes wrong on a connection is the client's to notice.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
        housekeeping.abort();
        let state = self.state.clone();
        let _ = tokio::task::spawn_blocking(move || state.tidy()).await;
        Ok(())
    }
}

async fn housekeeping(state: Arc<State>) {
    let mut interval = tokio::time::interval(HOUSEKEEPING);
    loop {
        interval.tick().await;
        let state = state.clone();
        let _ = tokio::task::spawn_blocking(move || state.tidy()).await;
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<answer::Answer> {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let call = Call {
        state,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: head.headers,
        principal: None,
    };
    Ok(route::respond(&call, body).await)
}

/// Text as it is written in a query.
fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
