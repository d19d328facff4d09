//! An upload session: what is sent in it, and what the answers mean.

use std::sync::atomic::Ordering;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use super::Client;
use crate::error::Kind;
use crate::name::Repository;
use crate::net::Response;
use crate::oci::Descriptor;
use crate::protocol::UploadRange;
use crate::registry::manifest::STORED;
use crate::registry::request::{Call, content_digest, drain, text};
use crate::{Error, Result};

/// Largest chunk of registries that do not say what they take; GHCR's limit.
pub(super) const CHUNK: usize = 4 * 1024 * 1024;
/// Where that is too much: nginx takes no more unless told to.
const SMALL_CHUNK: usize = 1024 * 1024;
/// A registry that wants larger chunks gets none: they are held in memory.
const CHUNK_LIMIT: usize = 64 * 1024 * 1024;

/// What registries answer to a chunk they took; ECR says 201.
const TAKEN: [StatusCode; 4] = [StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];

/// Where to send what, and what it becomes.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) repository: Repository,
    pub(super) descriptor: Descriptor,
    pub(super) location: Url,
    /// Largest piece of one request; 0: the whole blob.
    pub(super) chunk: usize,
    /// How many bytes the registry had when we came.
    pub(super) start: u64,
    /// How many bytes it has, as far as it told.
    pub(super) confirmed: u64,
    /// How often it was tried to go on from here.
    pub(super) vain: u32,
    /// Whether any byte was sent.
    pub(super) is_sent: bool,
    /// The registry wants no more of it.
    pub(super) is_over: bool,
}

impl Session {
    /// The call that ends the upload.
    pub(super) fn closing_call(&self) -> Call {
        let mut call = self.client.uploads_call(&self.repository, &self.descriptor.digest);
        call.method = Method::PUT;
        call.url = self.location.clone();
        call.query("digest", &self.descriptor.digest.to_string())
            .header(header::CONTENT_TYPE, "application/octet-stream")
    }

    /// What the answer to the last request means. A lost answer is looked for: the blob may be there.
    pub(super) async fn close(&mut self, answer: Result<Response>) -> Result<()> {
        let (client, digest) = (self.client.clone(), self.descriptor.digest);
        let may_be_there = match &answer {
            Ok(response) => response.status.is_server_error() || matches!(response.status.as_u16(), 404 | 408),
            Err(error) => error.kind() == Kind::Network,
        };
        let error = match answer {
            Ok(response) if STORED.contains(&response.status) => {
                let named = content_digest(&response.headers);
                drain(response).await;
                self.is_over = true;
                return match named {
                    // Another algorithm of the same content cannot be compared here.
                    Some(named) if named.algorithm() == digest.algorithm() && named != digest => {
                        let registry = client.registry();
                        let message = format!("{registry}: blob {digest} was put, the registry stored {named}");
                        Err(self.named(Error::mismatch(message)))
                    }
                    _ => Ok(()),
                };
            }
            Ok(response) => self.refused(response).await,
            Err(error) => error,
        };
        if may_be_there && client.has_blob(&self.repository, &digest).await.unwrap_or(false) {
            return Ok(());
        }
        Err(self.named(error))
    }

    /// The call that sends the bytes from what is confirmed to `end`.
    pub(super) fn chunk_call(&self, end: u64) -> Call {
        let last = end.saturating_sub(1);
        let mut call = self.closing_call().header(header::CONTENT_RANGE, &format!("{}-{last}", self.confirmed));
        call.method = Method::PATCH;
        call.url = self.location.clone();
        call
    }

    /// Whether it goes on with what another request began.
    pub(super) fn is_resumed(&self) -> bool {
        self.start > 0
    }

    /// What the answer to a chunk that ends at `end` means.
    pub(super) async fn taken(&mut self, call: &Call, end: u64, answer: Result<Response>) -> Result<()> {
        let response = answer.map_err(|error| self.named(error))?;
        if !TAKEN.contains(&response.status) {
            let error = self.refused(response).await;
            return Err(self.named(error));
        }
        // Not every registry repeats the Location; what it says of the range it has is no reliable count.
        if response.headers.contains_key(header::LOCATION) {
            self.location = self.client.location(call, &response)?;
        }
        drain(response).await;
        self.confirmed = end;
        Ok(())
    }

    /// All bytes are there: ends the upload.
    pub(super) async fn finish(&mut self) -> Result<()> {
        let answer = self.client.send(&self.closing_call()).await;
        self.close(answer).await
    }

    /// The error that a refusal means. [`Kind::Network`]: worth another try.
    pub(super) async fn refused(&mut self, response: Response) -> Error {
        let (status, headers) = (response.status, response.headers.clone());
        let error = self.client.failure(&self.closing_call(), response).await;
        self.is_over = self.is_ended_by(status, &headers);
        let is_too_large = status == StatusCode::PAYLOAD_TOO_LARGE
            || (status == StatusCode::RANGE_NOT_SATISFIABLE && self.confirmed == 0)
            || error.to_string().contains("body is too large");
        let takes_no_put = self.chunk == 0 && matches!(status.as_u16(), 405 | 411 | 501);
        if is_too_large || takes_no_put {
            return self.send_less(error, &headers);
        }
        match status.as_u16() {
            // The pause that was asked for is kept by whatever is sent next.
            404 | 416 | 429 => retryable(error),
            // What was begun before may be at fault: a new session shows.
            _ if self.is_resumed() && self.is_over => retryable(error),
            _ => self.client.blame_algorithm(error, &self.descriptor.digest),
        }
    }

    /// Whether a refusal ends the session. Who may not write, or not now, may go on later.
    fn is_ended_by(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let range = text(headers, &header::RANGE).and_then(|range| range.parse::<UploadRange>().ok());
        match status.as_u16() {
            401 | 403 | 408 | 429 | 500 | 502..=599 => false,
            // Nothing was looked at.
            405 | 411 | 413 | 501 => self.confirmed == 0,
            // A request that had broken off is still being taken in.
            416 => range.is_none_or(|range| range.last < self.confirmed),
            _ => true,
        }
    }

    /// Requests were too large.
    fn send_less(&self, error: Error, headers: &HeaderMap) -> Error {
        let Some(smaller) = smaller_chunk(self.chunk, headers) else {
            return error.with_hint("a proxy before the registry limits the size of requests: it must be raised there");
        };
        // Another upload may have found it out at the same time.
        let known = &self.client.0.chunk;
        let _ = known.compare_exchange(self.chunk, smaller, Ordering::Relaxed, Ordering::Relaxed);
        retryable(error)
    }

    pub(super) fn named(&self, error: Error) -> Error {
        error.with_host(self.client.registry().to_string()).with_digest(self.descriptor.digest)
    }
}

/// The same words as a failure that a new session may mend.
fn retryable(error: Error) -> Error {
    Error::new(Kind::Network, error.to_string())
}

/// What to try when a registry takes no requests with `chunk` bytes (0: a whole blob).
fn smaller_chunk(chunk: usize, headers: &HeaderMap) -> Option<usize> {
    match chunk {
        0 => Some(chunk_length(headers)),
        _ if chunk > SMALL_CHUNK => Some(SMALL_CHUNK),
        _ => None,
    }
}

/// `OCI-Chunk-Min-Length`, but not less than our own chunks.
pub(super) fn chunk_length(headers: &HeaderMap) -> usize {
    let wanted = text(headers, &HeaderName::from_static("oci-chunk-min-length")).and_then(|value| value.parse().ok());
    wanted.unwrap_or(CHUNK).clamp(CHUNK, CHUNK_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p10_chunks_are_four_mebibytes_or_what_the_registry_wants() {
        let wanted = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("oci-chunk-min-length", value.parse().unwrap());
            chunk_length(&headers)
        };
        assert_eq!(chunk_length(&HeaderMap::new()), CHUNK);
        assert_eq!(wanted("1"), CHUNK);
        assert_eq!(wanted("5242880"), 5_242_880);
        assert_eq!(wanted("99999999999"), CHUNK_LIMIT);
        assert_eq!(wanted("x"), CHUNK);
    }
}
