//! Uploads ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs)): a mount that opens
//! a session when it fails, then one streamed PUT; chunks only where a registry asked for them.

mod chunked;
mod location;
mod resume;
mod session;
mod streamed;
mod whole;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use super::Client;
use super::request::{Call, drain, text};
use crate::error::Kind;
use crate::name::Repository;
use crate::net::Response;
use crate::oci::{Descriptor, Digest};
use crate::protocol::{Action, Endpoint, Scope};
use crate::{Error, Result};
use chunked::Chunked;
use location::resolve;
pub use resume::WORTH_RESUMING;
use session::{CHUNK, Session, chunk_length};
use streamed::Streamed;
use whole::{WHOLE, Whole};

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
    Streamed(Box<Streamed>),
    Chunked(Chunked),
    Whole(Whole),
}

/// Where an upload that broke off goes on, some day.
#[derive(Clone)]
pub struct Unfinished {
    /// Where the registry is asked about it. It may carry a signature: it is nobody else's business.
    pub location: Url,
    /// How many bytes the registry was known to have.
    pub confirmed: u64,
    /// How often it was tried to go on from there without getting any further.
    pub vain: u32,
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
            Some(location) => self.begin_upload(repository, descriptor, location).await.map(Start::Upload),
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
        self.begin_upload(repository, descriptor, location).await
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

    async fn begin_upload(&self, repository: &Repository, descriptor: &Descriptor, location: Url) -> Result<Upload> {
        self.upload(repository, descriptor, Unfinished { location, confirmed: 0, vain: 0 }).await
    }

    async fn upload(&self, repository: &Repository, descriptor: &Descriptor, from: Unfinished) -> Result<Upload> {
        let session = Session {
            client: self.clone(),
            repository: repository.clone(),
            descriptor: descriptor.clone(),
            location: from.location,
            chunk: self.0.chunk.load(Ordering::Relaxed),
            start: from.confirmed,
            confirmed: from.confirmed,
            vain: from.vain,
            is_sent: false,
            is_over: false,
        };
        // Where everything is there already, only the end is to be said.
        let is_whole = session.is_resumed() && session.confirmed == descriptor.size;
        Ok(Upload(Box::new(match session.chunk {
            0 if !session.is_resumed() && (1..=WHOLE).contains(&descriptor.size) => Way::Whole(Whole::new(session)),
            0 if !is_whole => Way::Streamed(Box::new(Streamed::start(session).await?)),
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
            Way::Whole(upload) => {
                upload.write(piece);
                Ok(())
            }
        }
    }

    /// All pieces were sent: ends the upload and makes sure that the blob is there.
    pub async fn commit(&mut self) -> Result<()> {
        match self.0.as_mut() {
            Way::Streamed(upload) => upload.commit().await,
            Way::Chunked(upload) => upload.commit().await,
            Way::Whole(upload) => upload.commit().await,
        }
    }

    /// How many bytes the registry had when this began: what is written goes on behind them.
    pub fn start(&self) -> u64 {
        self.session().start
    }

    /// What is needed to go on with it should it break off; `None` where that is not worth it, and where the registry wants no
    /// more of it.
    pub fn unfinished(&self) -> Option<Unfinished> {
        let session = self.session();
        let (confirmed, vain) = (session.confirmed, if session.confirmed > session.start { 0 } else { session.vain });
        let is_open = !session.is_over && session.descriptor.size >= WORTH_RESUMING;
        is_open.then(|| Unfinished { location: session.location.clone(), confirmed, vain })
    }

    /// Whether the registry has some of it, or may have.
    pub fn is_begun(&self) -> bool {
        let session = self.session();
        session.is_sent || session.confirmed > 0
    }

    fn session(&self) -> &Session {
        match self.0.as_ref() {
            Way::Streamed(upload) => &upload.session,
            Way::Chunked(upload) => &upload.session,
            Way::Whole(upload) => &upload.session,
        }
    }
}
