//! Uploads ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs)): a mount that opens
//! a session when it fails, then one streamed PUT; chunks only where a registry asked for them.

mod chunked;
mod streamed;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use super::Client;
use super::manifest::STORED;
use super::request::{Call, content_digest, drain, text};
use crate::error::Kind;
use crate::name::Repository;
use crate::net::{Origin, Response};
use crate::oci::{Descriptor, Digest};
use crate::protocol::{Action, Endpoint, Scope};
use crate::{Error, Result};
use chunked::Chunked;
use streamed::Streamed;

/// Largest chunk of registries that do not say what they take; GHCR's limit.
const CHUNK: usize = 4 * 1024 * 1024;
/// Where that is too much: nginx takes no more unless told to.
const SMALL_CHUNK: usize = 1024 * 1024;
/// A registry that wants larger chunks gets none: they are held in memory.
const CHUNK_LIMIT: usize = 64 * 1024 * 1024;

/// From how many repositories a mount is tried.
const ORIGINS: usize = 2;

/// How an upload starts.
pub enum Start {
    /// The blob is there already.
    Present,
    /// It was mounted from this repository.
    Mounted(Repository),
    /// Its bytes are needed.
    Upload(Upload),
}

/// A blob on its way up. Dropping it leaves nothing.
pub struct Upload(Box<Way>);

enum Way {
    Streamed(Streamed),
    Chunked(Chunked),
}

/// An upload session: where to send what, and what it becomes.
struct Session {
    client: Client,
    repository: Repository,
    descriptor: Descriptor,
    location: Url,
    /// Largest piece of one request; 0: the whole blob.
    chunk: usize,
}

impl Client {
    /// Starts to put a blob: mounts it from one of `origins`, else finds it there, else opens an upload.
    pub async fn start_upload(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        origins: &[Repository],
    ) -> Result<Start> {
        // The destination itself as origin asks whether the blob is there and opens a session in one request.
        let mut session = None;
        let elsewhere: Vec<&Repository> = origins.iter().filter(|origin| *origin != repository).take(ORIGINS).collect();
        for origin in if elsewhere.is_empty() { vec![repository] } else { elsewhere } {
            match self.mount(repository, descriptor, origin).await? {
                Mount::Done if origin == repository => return Ok(Start::Present),
                Mount::Done => return Ok(Start::Mounted(origin.clone())),
                Mount::Session(location) => session = Some(location),
                Mount::Refused => {}
            }
        }
        match session {
            Some(location) => self.upload(repository, descriptor, location).await.map(Start::Upload),
            None if self.has_blob(repository, &descriptor.digest).await? => Ok(Start::Present),
            None => self.start_plain_upload(repository, descriptor).await.map(Start::Upload),
        }
    }

    /// Opens an upload without asking whether the blob is there.
    pub async fn start_plain_upload(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Upload> {
        let call = self.uploads_call(repository, &descriptor.digest);
        let mut backoff = self.backoff();
        let response = loop {
            let response = self.send(&call).await?;
            match response.status.as_u16() {
                202 => break response,
                // A session that nobody uses harms nobody, so another may be asked for.
                408 | 500 | 502 | 504 | 522 => backoff.pause(self.failure(&call, response).await).await?,
                _ => return Err(self.failure(&call, response).await),
            }
        };
        let location = self.location(&call, &response)?;
        self.note_chunk_length(&response.headers);
        drain(response).await;
        self.upload(repository, descriptor, location).await
    }

    async fn mount(&self, repository: &Repository, descriptor: &Descriptor, origin: &Repository) -> Result<Mount> {
        let mut call = self
            .uploads_call(repository, &descriptor.digest)
            .query("mount", &descriptor.digest.to_string())
            .query("from", origin.path());
        if origin != repository {
            call = call.scope(Scope::repository(origin, &[Action::Pull]));
        }
        let response = match self.send(&call).await {
            Ok(response) => response,
            Err(error) if matches!(error.kind(), Kind::Denied | Kind::Network) => return Ok(Mount::Refused),
            Err(error) => return Err(error),
        };
        let mount = match response.status {
            StatusCode::CREATED => Mount::Done,
            StatusCode::ACCEPTED => Mount::Session(self.location(&call, &response)?),
            _ => Mount::Refused,
        };
        self.note_chunk_length(&response.headers);
        drain(response).await;
        Ok(mount)
    }

    async fn upload(&self, repository: &Repository, descriptor: &Descriptor, location: Url) -> Result<Upload> {
        let chunk = self.0.chunk.load(Ordering::Relaxed);
        let session = Session {
            client: self.clone(),
            repository: repository.clone(),
            descriptor: descriptor.clone(),
            location,
            chunk,
        };
        Ok(Upload(Box::new(match chunk {
            0 => Way::Streamed(Streamed::start(session).await?),
            _ => Way::Chunked(Chunked::new(session)),
        })))
    }

    fn uploads_call(&self, repository: &Repository, digest: &Digest) -> Call {
        let what = format!("upload blob {}@{digest}", repository.path());
        self.call(Method::POST, &Endpoint::Uploads(repository.path().to_owned()), what)
            .scope(Scope::repository(repository, &[Action::Pull, Action::Push]))
    }

    /// Where to go on with an upload: only on the registry's own origin, since content and token are sent there
    /// ([CVE-2026-50151](https://github.com/oras-project/oras-go/security/advisories/GHSA-jxpm-75mh-9fp7)).
    fn location(&self, call: &Call, response: &Response) -> Result<Url> {
        let registry = &self.0.registry;
        let fail = |kind, why: &str| {
            let message = format!("{registry}: cannot {}: {why}", call.what);
            Error::new(kind, message).with_host(registry.to_string())
        };
        let location = text(&response.headers, &header::LOCATION)
            .ok_or_else(|| fail(Kind::Failed, "the registry opened no upload: it sent no Location"))?;
        resolve(&response.url, location, self.origin()).map_err(|why| fail(Kind::Unsafe, &why))
    }

    /// Remembers a minimum chunk length, should chunks ever be needed.
    fn note_chunk_length(&self, headers: &HeaderMap) {
        let wanted = chunk_length(headers);
        if wanted > CHUNK && self.0.chunk.load(Ordering::Relaxed) == CHUNK {
            self.0.chunk.store(wanted, Ordering::Relaxed);
        }
    }
}

enum Mount {
    Done,
    Session(Url),
    Refused,
}

impl Upload {
    /// Sends the next piece.
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        match self.0.as_mut() {
            Way::Streamed(upload) => upload.write(piece).await,
            Way::Chunked(upload) => upload.write(&piece).await,
        }
    }

    /// All pieces were sent: ends the upload and makes sure that the blob is there.
    pub async fn commit(self) -> Result<()> {
        match *self.0 {
            Way::Streamed(upload) => upload.commit().await,
            Way::Chunked(upload) => upload.commit().await,
        }
    }
}

impl Session {
    /// The call that ends the upload.
    fn closing_call(&self) -> Call {
        let mut call = self.client.uploads_call(&self.repository, &self.descriptor.digest);
        call.method = Method::PUT;
        call.url = self.location.clone();
        call.query("digest", &self.descriptor.digest.to_string())
            .header(header::CONTENT_TYPE, "application/octet-stream")
    }

    /// What the answer to the last request means. A lost answer is looked for: the blob may be there.
    async fn close(&self, answer: Result<Response>) -> Result<()> {
        let (client, digest) = (&self.client, self.descriptor.digest);
        let may_be_there = match &answer {
            Ok(response) => response.status.is_server_error() || matches!(response.status.as_u16(), 404 | 408),
            Err(error) => error.kind() == Kind::Network,
        };
        let error = match answer {
            Ok(response) if STORED.contains(&response.status) => {
                let named = content_digest(&response.headers);
                drain(response).await;
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

    /// The error that a refusal of content means. [`Kind::Network`]: worth another try with a new session.
    async fn refused(&self, response: Response) -> Error {
        let client = &self.client;
        let (status, headers) = (response.status, response.headers.clone());
        let error = client.failure(&self.closing_call(), response).await;
        let is_too_large = matches!(status.as_u16(), 413 | 416) || error.to_string().contains("body is too large");
        let takes_no_put = self.chunk == 0 && matches!(status.as_u16(), 405 | 411 | 501);
        if is_too_large || takes_no_put {
            let Some(smaller) = smaller_chunk(self.chunk, &headers) else {
                return error
                    .with_hint("a proxy before the registry limits the size of requests: it must be raised there");
            };
            // Another upload may have found it out at the same time.
            let (from, to) = (self.chunk, smaller);
            let _ = client.0.chunk.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
            return retryable(error);
        }
        match status.as_u16() {
            404 => retryable(error),
            _ => client.blame_algorithm(error, &self.descriptor.digest),
        }
    }

    fn named(&self, error: Error) -> Error {
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
fn chunk_length(headers: &HeaderMap) -> usize {
    let wanted = text(headers, &HeaderName::from_static("oci-chunk-min-length")).and_then(|value| value.parse().ok());
    wanted.unwrap_or(CHUNK).clamp(CHUNK, CHUNK_LIMIT)
}

/// Resolves a `Location` against the request it answers. Errs with the reason where it leaves `origin`.
fn resolve(request: &Url, location: &str, origin: &Origin) -> Result<Url, String> {
    let mut url = request.join(location).map_err(|_| "the upload's Location is no URL".to_owned())?;
    url.set_fragment(None);
    let target = Origin::of(&url).map_err(|error| error.to_string())?;
    if target != *origin {
        return Err(format!("the upload was sent on to another origin, {target}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the upload's Location carries a user name".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p07_locations_resolve_on_the_same_origin() {
        let request = Url::parse("https://r.example/v2/a/blobs/uploads/?mount=x").unwrap();
        let origin = Origin::of(&request).unwrap();
        for (location, expected) in [
            ("/v2/a/blobs/uploads/1?_state=x%2B", "https://r.example/v2/a/blobs/uploads/1?_state=x%2B"),
            ("https://r.example/u/1#frag", "https://r.example/u/1"),
            ("https://r.example:443/u/1", "https://r.example/u/1"),
            ("//r.example/u/1", "https://r.example/u/1"),
            ("1?x", "https://r.example/v2/a/blobs/uploads/1?x"),
        ] {
            assert_eq!(resolve(&request, location, &origin).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn p08_locations_elsewhere_are_refused() {
        let request = Url::parse("https://r.example/v2/a/blobs/uploads/").unwrap();
        let origin = Origin::of(&request).unwrap();
        for location in [
            "https://evil.example/u/1",
            "//evil.example/u/1",
            "http://r.example/u/1",
            "https://r.example:444/u/1",
            "https://user@r.example/u/1",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(resolve(&request, location, &origin).is_err(), "{location}");
        }
    }

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
