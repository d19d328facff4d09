//! Blobs: asked for, read and deleted.

use std::ops::Range;

use http::{Method, StatusCode, header};
use url::Url;

use super::Client;
use super::download::Download;
use super::request::{Call, drain, is_html};
use crate::content::BlobReader;
use crate::error::Kind;
use crate::name::Repository;
use crate::net::{Origin, Redacted};
use crate::oci::{Descriptor, Digest};
use crate::protocol::{Action, ContentRange, Endpoint, Scope};
use crate::{Error, Result};

impl Client {
    /// Whether a blob is there, as far as the registry says: a hint.
    pub async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let mut call = self.blob_call(Method::HEAD, repository, digest);
        let mut response = self.send(&call).await?;
        if matches!(response.status.as_u16(), 405 | 501) {
            call = self.blob_call(Method::GET, repository, digest).header(header::RANGE, "bytes=0-0");
            response = self.send(&call).await?;
        }
        Ok(matches!(response.status.as_u16(), 200 | 206) && !is_html(&response))
    }

    /// The size of a blob, without reading it.
    pub async fn blob_size(&self, repository: &Repository, digest: &Digest) -> Result<u64> {
        let head = self.send(&self.blob_call(Method::HEAD, repository, digest)).await?;
        let is_empty = *digest == Digest::with(digest.algorithm(), b"");
        let said = head.content_length().filter(|&size| size > 0 || is_empty);
        match said.filter(|_| head.status == StatusCode::OK && !is_html(&head)) {
            Some(size) => Ok(size),
            None => self.blob_size_by_part(repository, digest).await,
        }
    }

    /// The same where HEAD is not answered well: the answer to a GET says the size too, or why there is none.
    async fn blob_size_by_part(&self, repository: &Repository, digest: &Digest) -> Result<u64> {
        let call = self.blob_call(Method::GET, repository, digest).header(header::RANGE, "bytes=0-0");
        let response = self.accept(&call, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await?;
        let range = response.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let size = match response.status {
            StatusCode::PARTIAL_CONTENT => range.and_then(|range| range.parse::<ContentRange>().ok()?.complete),
            _ => response.content_length().filter(|_| !is_html(&response)),
        };
        let host = self.registry().to_string();
        let unknown = || Error::mismatch(format!("{host}: does not say how large blob {digest} is"));
        size.ok_or_else(|| unknown().with_host(host.clone()).with_digest(*digest))
    }

    /// Reads a blob from offset `from` on. The bytes are not verified: whoever reads them does that.
    pub async fn blob(&self, repository: &Repository, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let call = self.blob_call(Method::GET, repository, &descriptor.digest);
        Download::new(self, call, descriptor, from).start().await
    }

    /// Reads `part` of a blob alone. Errs with [`Kind::Unsupported`] where the registry answers with something else than that
    /// part.
    pub async fn blob_part(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        part: Range<u64>,
    ) -> Result<BlobReader> {
        let call = self.blob_call(Method::GET, repository, &descriptor.digest);
        Download::new(self, call, descriptor, part.start).until(part.end).start().await
    }

    /// Reads a layer that may not be distributed from where its descriptor says. No secret goes there.
    pub async fn foreign_blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let digest = descriptor.digest;
        let mut last = Error::not_found(format!("blob {digest}: its descriptor has no URL")).with_digest(digest);
        for text in &descriptor.urls {
            let opened = match self.foreign_url(text) {
                Ok(url) => {
                    let what = format!("read blob {digest} from {}", Redacted(&url));
                    Download::new(self, Call::new(Method::GET, url, what), descriptor, from).start().await
                }
                Err(error) => Err(error.with_digest(digest)),
            };
            match opened {
                Ok(reader) => return Ok(reader),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A URL that a manifest may send us to: http only where the registry itself speaks it.
    fn foreign_url(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(|error| Error::mismatch("a layer's URL is none").with_source(error))?;
        if self.origin().is_https() && !Origin::of(&url)?.is_https() {
            return Err(Error::new(Kind::Unsafe, format!("a layer of an https registry is at {}", Redacted(&url))));
        }
        Ok(url)
    }

    /// Deletes a blob.
    pub async fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        let mut call = self.blob_call(Method::DELETE, repository, digest);
        call.scopes = vec![Scope::repository(repository, &[Action::Delete])];
        let deleted = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::NO_CONTENT];
        drain(self.accept(&call, &deleted).await?).await;
        Ok(())
    }

    fn blob_call(&self, method: Method, repository: &Repository, digest: &Digest) -> Call {
        let verb = if method == Method::DELETE { "delete" } else { "read" };
        let what = format!("{verb} blob {}@{digest}", repository.path());
        self.call(method, &Endpoint::Blob(repository.path().to_owned(), *digest), what)
            .scope(Scope::repository(repository, &[Action::Pull]))
    }
}
