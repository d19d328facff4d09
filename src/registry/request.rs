//! Calls as they are built, and what their headers say.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::net::{Authorization, Body, Request, Response};
use crate::oci::Digest;
use crate::protocol::{ERROR_LIMIT, Scope};

/// One thing asked of the registry, as often as needed.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) scopes: Vec<Scope>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body must not be sent twice before it is known what became of the first.
    pub(super) is_careful: bool,
    /// Completes the sentence "cannot …".
    pub(super) what: String,
}

impl Call {
    pub(super) fn new(method: Method, url: Url, what: String) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, url, scopes: Vec::new(), headers, body, is_careful: false, what }
    }

    /// Needs a token for `scope`.
    pub(super) fn scope(mut self, scope: Scope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// Sends a header; a value that cannot be one is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sends a query parameter.
    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }

    /// Sends `body`.
    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// Sends `body`, and leaves it to the caller to send it again.
    pub(super) fn careful_body(mut self, body: Bytes) -> Self {
        self.is_careful = true;
        self.body(body)
    }

    /// The request, for one sending.
    pub(super) fn request(&self, authorization: Option<Authorization>) -> Request {
        let body = match self.body.clone() {
            body if body.is_empty() => Body::Empty,
            body if self.is_careful => Body::Once(body),
            body => Body::Bytes(body),
        };
        self.request_with(body, authorization)
    }

    /// The request with another body.
    pub(super) fn request_with(&self, body: Body, authorization: Option<Authorization>) -> Request {
        Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body,
            authorization,
        }
    }
}

/// `Docker-Content-Digest`, where it is a digest.
pub(super) fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    text(headers, &HeaderName::from_static("docker-content-digest"))?.parse().ok()
}

/// Whether `bytes` have that digest.
pub(super) fn is_digest_of(digest: &Digest, bytes: &[u8]) -> bool {
    Digest::with(digest.algorithm(), bytes) == *digest
}

/// The media type of pages for people.
pub(super) const HTML: &str = "text/html";

/// Whether a page for people was sent.
pub(super) fn is_html(response: &Response) -> bool {
    response.content_type().as_deref() == Some(HTML)
}

/// The value of a header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// Reads what nobody wants, so that the connection can serve again.
pub(super) async fn drain(response: Response) {
    let _ = response.bytes(ERROR_LIMIT).await;
}
