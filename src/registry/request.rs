//! Calls as they are built, and what their headers say.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
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
    /// Completes the sentence "cannot …".
    pub(super) what: String,
}

impl Call {
    pub(super) fn new(method: Method, url: Url, what: String) -> Self {
        Self { method, url, scopes: Vec::new(), headers: HeaderMap::new(), body: Bytes::new(), what }
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

    /// The request, for one sending.
    pub(super) fn request(&self, authorization: Option<Authorization>) -> Request {
        let body = if self.body.is_empty() { Body::Empty } else { Body::Bytes(self.body.clone()) };
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

/// `Content-Length`.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &header::CONTENT_LENGTH)?.parse().ok()
}

/// `Content-Type` without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = text(headers, &header::CONTENT_TYPE)?;
    Some(value.split(';').next().unwrap_or_default().trim()).filter(|value| !value.is_empty())
}

/// Whether a page for people was sent.
pub(super) fn is_html(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|value| value.eq_ignore_ascii_case("text/html"))
}

/// The value of a header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// Reads what nobody wants, so that the connection can serve again.
pub(super) async fn drain(response: Response) {
    let _ = response.bytes(ERROR_LIMIT).await;
}
