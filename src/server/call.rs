//! Call: one request, taken apart.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};

use super::State;
use super::answer::{Refusal, Result};
use super::body::RequestBody;
use super::name::Names;
use crate::name::Repository;
use crate::oci::Digest;
use crate::protocol::ErrorCode;

/// One request.
pub(super) struct Call {
    /// The server it came to.
    pub(super) state: Arc<State>,
    /// What is to be done.
    pub(super) method: Method,
    /// The path, as it was sent.
    pub(super) path: String,
    /// The query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// Who asks, where that is asked for.
    pub(super) principal: Option<String>,
}

/// The body of a request.
pub(super) type Sent = RequestBody;

impl Call {
    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header, where it is text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A digest in the query. Errs where it is none.
    pub(super) fn digest(&self, name: &str) -> Result<Option<Digest>> {
        let parse = |text: &str| text.parse().map_err(|_| Refusal::digest_invalid("the digest is none we know"));
        self.parameter(name).map(parse).transpose()
    }

    /// The registry that the client believes to talk to.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.parameter("ns")
    }

    /// The repositories that a path may mean to a reader, best first. What we have under a name is never mixed with what a
    /// registry elsewhere has under the same one, nor is that asked for it.
    pub(super) async fn readable(&self, path: &str) -> Result<Vec<Repository>> {
        let mut candidates = self.state.names.candidates(path, self.namespace());
        if candidates.len() > 1 && self.state.content().has(&candidates[0]).await? {
            candidates.truncate(1);
        }
        Ok(candidates)
    }

    /// The repository that a path means to a writer.
    pub(super) fn writable(&self, path: &str) -> Result<Repository> {
        Names::exact(path, self.namespace()).ok_or_else(|| {
            Refusal::new(http::StatusCode::BAD_REQUEST, ErrorCode::NAME_INVALID, "invalid repository name")
        })
    }

    /// Whether only the header of the answer is wanted.
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether the client has what goes by `tag` already.
    pub(super) fn has_current(&self, tag: &str) -> bool {
        let listed = self.header(http::header::IF_NONE_MATCH).unwrap_or_default();
        listed.split(',').map(|item| item.trim().trim_start_matches("W/")).any(|item| item == tag || item == "*")
    }
}
