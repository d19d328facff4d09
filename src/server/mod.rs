//! An OCI registry over the local store, or over anything else that implements [`Content`]
//! ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)).
//!
//! Connections are accepted in `accept.rs` and live in `connection.rs`; what they do (`activity.rs`) and how fast (`pace.rs`)
//! decides when they have to end. A request is taken apart in `call.rs`, finds its handler in `route.rs`, and is answered by the file that is named as what
//! it asks for. Nothing is given out whole under a digest that it does not have (`verified.rs`).

mod accept;
mod access;
mod activity;
mod answer;
mod blob;
mod body;
mod cache;
mod call;
mod catalog;
mod connection;
mod content;
mod exchange;
mod followed;
mod housekeeping;
mod htpasswd;
mod limits;
mod listener;
mod local;
mod log;
mod manifest;
mod metrics;
mod name;
mod pace;
mod page;
mod page_of;
mod referrer;
mod route;
mod self_signed;
mod tag;
mod tls;
mod upload;
mod verified;
mod write;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub use access::{Access, Passwords, Principal};
pub use cache::{Cache, Upstream, Upstreams};
pub use content::{Content, Identity, Stat};
pub use limits::Limits;
pub use listener::{Address, Peer};
pub use local::Local;
pub use log::{Deaf, Exchange, Observer};
pub use self_signed::SelfSigned;
pub use tls::tls_config;

use crate::Result;
use crate::name::Registry;
use crate::store::{Blobs, Repositories, UploadLimits, Uploads};
use activity::Connections;
use body::RequestBody;
use call::Call;
use connection::{Stage, Terms};
use exchange::Listeners;
use housekeeping::Housekeeping;
use listener::Listener;
use metrics::{Gauges, Metrics};
use name::Names;
use verified::Verified;

/// How long connections may take to notice that the grace is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// What a server serves, and to whom.
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
    /// Who may use it.
    pub access: Access,
    /// TLS, where it is spoken; see [`tls_config`].
    pub tls: Option<Arc<ServerConfig>>,
    /// How much and how long.
    pub limits: Limits,
    /// Who hears of each request.
    pub observer: Arc<dyn Observer>,
}

/// A registry that listens.
pub struct Server {
    listener: Listener,
    address: Address,
    state: Arc<State>,
}

/// What all requests share.
struct State {
    url: String,
    settings: Settings,
    names: Names,
    verified: Verified,
    uploads: Option<Arc<Uploads>>,
    housekeeping: Housekeeping,
    connections: Arc<Connections>,
    metrics: Arc<Metrics>,
}

impl State {
    fn new(settings: Settings, address: &Address) -> Self {
        let url = address.url(settings.tls.is_some());
        let Limits { max_uploads: open, upload_expiry: expiry, quota, .. } = settings.limits;
        let limits = UploadLimits { open, expiry, quota };
        let uploads = settings.writer.clone().map(|repositories| Arc::new(Uploads::new(repositories, limits)));
        let verified = Verified::new(settings.content.clone());
        let names = Names::new(settings.fallback.clone());
        let connections = Connections::new(settings.limits.max_connections);
        let (housekeeping, metrics) = (Housekeeping::new(), Arc::default());
        Self { url, settings, names, verified, uploads, housekeeping, connections, metrics }
    }

    /// What was counted, as text.
    fn metrics(&self) -> String {
        let uploads = self.uploads.as_ref().map(|uploads| uploads.count());
        self.metrics.render(Gauges { connections: self.connections.count(), uploads })
    }

    fn terms(&self, stage: watch::Receiver<Stage>) -> Terms {
        let listeners = Listeners { observer: self.settings.observer.clone(), metrics: self.metrics.clone() };
        let tls = self.settings.tls.clone().map(TlsAcceptor::from);
        Terms { limits: self.settings.limits.clone(), tls, listeners, stage }
    }

    fn content(&self) -> &dyn Content {
        self.verified.content()
    }

    /// Frees what is not needed any more.
    fn tidy(&self) {
        if let Some(uploads) = &self.uploads {
            self.housekeeping.run(uploads);
        }
    }
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    pub async fn bind(address: &Address, settings: Settings) -> Result<Self> {
        let (listener, address) = Listener::bind(address).await?;
        let state = Arc::new(State::new(settings, &address));
        Ok(Self { listener, address, state })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where clients find it: `http://127.0.0.1:5000`, `https://…`, `unix:/path`.
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// Serves until `stop`. Then no connection is accepted any more, idle ones are closed, and running requests may go on for
    /// [`Limits::grace`].
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let Self { listener, state, .. } = self;
        let housekeeping = tokio::spawn(housekeeping(state.clone()));
        let (stage, stages) = watch::channel(Stage::Serving);
        let terms = Arc::new(state.terms(stages));
        tokio::select! {
            () = accept::accept(&listener, &terms, &state) => {}
            () = stop => {}
        }
        drop(listener);
        housekeeping.abort();
        stage.send_replace(Stage::Stopping);
        let _ = timeout(terms.limits.grace, state.connections.all_closed()).await;
        stage.send_replace(Stage::Over);
        let _ = timeout(LAST_MOMENT, state.connections.all_closed()).await;
        let _ = tokio::task::spawn_blocking(move || state.tidy()).await;
        Ok(())
    }
}

async fn housekeeping(state: Arc<State>) {
    let mut interval = tokio::time::interval(housekeeping::INTERVAL);
    loop {
        interval.tick().await;
        let state = state.clone();
        let _ = tokio::task::spawn_blocking(move || state.tidy()).await;
    }
}

/// Answers one request.
async fn answer(state: Arc<State>, request: Request<RequestBody>) -> answer::Answer {
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
    route::respond(call, body).await
}

/// Text as it is written in a query.
fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
