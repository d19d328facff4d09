//! The distribution client: typed calls on one registry
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)). [`Client`] signs in, sends and turns
//! refusals into errors; the calls stand in the file of their noun.

mod blob;
mod catalog;
mod download;
mod failure;
mod manifest;
mod page;
mod referrer;
mod request;
mod tag;
#[cfg(test)]
mod tests;
mod upload;
mod warning;

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

pub use page::Listing;
pub use upload::{Start, Unfinished, Upload, WORTH_RESUMING};

use crate::auth::{Authorizer, Keychain};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::{self, Authorization, Backoff, Origin, Response};
use crate::protocol::{Endpoint, Scope};
use crate::{Error, Result};
use request::Call;

/// Speaks with one registry. Clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    registry: Registry,
    base: Url,
    net: Arc<net::Client>,
    keychain: Arc<Keychain>,
    authorizer: Authorizer,
    warnings: Mutex<warning::Warnings>,
    /// Largest piece of a blob that one request may carry; 0: a whole blob.
    chunk: AtomicUsize,
    /// The registry said that it has no referrers API.
    lacks_referrers: AtomicBool,
    /// Two updates of one fallback tag must not cross.
    fallback: tokio::sync::Mutex<()>,
}

/// A document, read whole.
struct Document {
    headers: HeaderMap,
    url: Url,
    content_type: Option<String>,
    bytes: Bytes,
}

impl Document {
    /// Whether a page for people was sent.
    fn is_html(&self) -> bool {
        self.content_type.as_deref() == Some(request::HTML) || self.bytes.trim_ascii_start().starts_with(b"<")
    }
}

impl Client {
    /// A client for `registry` at `origin`. Nothing is connected yet.
    pub fn new(registry: Registry, origin: Origin, network: net::Settings, keychain: Arc<Keychain>) -> Result<Self> {
        let base = Url::parse(&origin.to_string())
            .map_err(|error| Error::usage(format!("{registry} makes no URL")).with_source(error))?;
        let net = Arc::new(net::Client::new(origin, network));
        Ok(Self(Arc::new(Shared {
            authorizer: Authorizer::new(registry.clone(), Arc::clone(&keychain), Arc::clone(&net)),
            registry,
            base,
            net,
            keychain,
            warnings: Mutex::default(),
            chunk: AtomicUsize::new(0),
            lacks_referrers: AtomicBool::new(false),
            fallback: tokio::sync::Mutex::default(),
        })))
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The shortest time in which it answered.
    pub fn distance(&self) -> Option<Duration> {
        self.0.net.distance()
    }

    /// Says which scopes will be needed, so that one token serves for all.
    pub fn expect(&self, scopes: impl IntoIterator<Item = Scope>) {
        self.0.authorizer.expect(scopes);
    }

    /// Whether a registry answers here and takes our credential.
    pub async fn ping(&self) -> Result<()> {
        let call = self.call(Method::GET, &Endpoint::Base, "ask for the registry API".to_owned());
        let response = self.accept(&call, &[StatusCode::OK]).await?;
        if request::is_html(&response) {
            let message = format!(
                "{}: HTML was received: a proxy or login page answered instead of the registry",
                self.0.registry
            );
            return Err(Error::mismatch(message).with_host(self.0.registry.to_string()));
        }
        request::drain(response).await;
        Ok(())
    }

    /// What the registry or its token server warned of since the last call, each text once in the life of the client.
    pub fn warnings(&self) -> Vec<String> {
        let mut list = self.warning_list();
        self.0.authorizer.warnings().into_iter().for_each(|text| list.add(text));
        list.drain()
    }

    /// Adds a warning of our own.
    pub(crate) fn warn(&self, text: String) {
        self.warning_list().add(text);
    }

    fn warning_list(&self) -> std::sync::MutexGuard<'_, warning::Warnings> {
        self.0.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn origin(&self) -> &Origin {
        self.0.net.origin()
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.0.net.settings().retries)
    }

    /// A call on an endpoint; `what` completes the sentence "cannot …".
    fn call(&self, method: Method, endpoint: &Endpoint, what: String) -> Call {
        let mut url = self.0.base.clone();
        url.set_path(&endpoint.path());
        Call::new(method, url, what)
    }

    /// Sends with what proves who we are, and once more when the registry wants another proof.
    async fn send(&self, call: &Call) -> Result<Response> {
        let authorization = self.0.authorizer.authorization(&call.scopes).await?;
        let response = self.0.net.send(call.request(authorization.clone())).await?;
        self.note_warnings(&response);
        if response.status != StatusCode::UNAUTHORIZED || !self.is_own(&response) {
            return Ok(response);
        }
        let fresh = self.renew(call, &response.headers, authorization.as_ref()).await?;
        request::drain(response).await;
        let response = self.0.net.send(call.request(Some(fresh))).await?;
        self.note_warnings(&response);
        Ok(response)
    }

    /// What to send after a 401.
    async fn renew(&self, call: &Call, headers: &HeaderMap, rejected: Option<&Authorization>) -> Result<Authorization> {
        let error = match self.0.authorizer.challenged(headers, &call.scopes, rejected).await {
            Err(error) if error.kind() == Kind::Denied => error,
            other => return other,
        };
        let told = Error::new(Kind::Denied, format!("cannot {}: {error}", call.what));
        let told = self.with_login_hint(told, call).await.with_host(self.0.registry.to_string());
        Err(match error.hint() {
            Some(hint) => told.with_hint(hint),
            None => told,
        })
    }

    /// Sends, and errs where the answer's status is none of `accepted`.
    async fn accept(&self, call: &Call, accepted: &[StatusCode]) -> Result<Response> {
        let response = self.send(call).await?;
        if accepted.contains(&response.status) { Ok(response) } else { Err(self.failure(call, response).await) }
    }

    /// Reads a document of at most `limit` bytes, again from its start where it breaks off.
    async fn document(&self, call: &Call, limit: u64) -> Result<Document> {
        let mut backoff = self.backoff();
        loop {
            let response = self.accept(call, &[StatusCode::OK]).await?;
            let (headers, url, content_type) =
                (response.headers.clone(), response.url.clone(), response.content_type());
            match response.bytes(usize::try_from(limit).unwrap_or(usize::MAX)).await {
                Ok(bytes) => return Ok(Document { headers, url, content_type, bytes }),
                Err(error) if error.kind() == Kind::Network => backoff.pause(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the answer came from the registry itself, not from where it redirected.
    fn is_own(&self, response: &Response) -> bool {
        Origin::of(&response.url).is_ok_and(|origin| origin == *self.origin())
    }

    fn note_warnings(&self, response: &Response) {
        for value in response.headers.get_all(http::header::WARNING) {
            if let Some(text) = warning::text(&String::from_utf8_lossy(value.as_bytes())) {
                self.warn(format!("{}: {text}", self.0.registry));
            }
        }
    }
}
