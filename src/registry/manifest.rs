//! Manifests: asked for, read, put, deleted.

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::request::{Call, content_digest, drain, is_digest_of};
use super::{Client, Document};
use crate::error::Kind;
use crate::name::{Repository, TagOrDigest};
use crate::net::Response;
use crate::oci::{Descriptor, Digest, MANIFEST_LIMIT, Manifest, MediaType};
use crate::protocol::{Action, Endpoint, Scope};
use crate::{Error, Result};

/// What registries answer to something they stored; not all of them keep to 201.
pub(super) const STORED: [StatusCode; 4] =
    [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];

/// What a registry said about a subject when it stored a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// It lists the manifest among the referrers of its subject.
    Listed,
    /// It said nothing.
    Unknown,
}

impl Client {
    /// The descriptor of a manifest, without reading it where the registry answers HEAD well.
    pub async fn manifest_descriptor(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Descriptor> {
        let response = self.send(&self.manifest_call(Method::HEAD, repository, reference)).await?;
        match described(&response, reference) {
            Some(descriptor) => Ok(descriptor),
            None => Ok(self.manifest(repository, reference).await?.descriptor()),
        }
    }

    /// The digest of a manifest, as far as the registry answers HEAD: a hint.
    pub async fn manifest_digest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Digest>> {
        let response = self.send(&self.manifest_call(Method::HEAD, repository, reference)).await?;
        let is_there = response.status == StatusCode::OK;
        Ok(match (content_digest(&response.headers), reference) {
            (_, TagOrDigest::Digest(digest)) => is_there.then_some(*digest),
            (digest, TagOrDigest::Tag(_)) => digest.filter(|_| is_there),
        })
    }

    /// Whether a manifest is there, as far as the registry says: a hint.
    pub async fn has_manifest(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let reference = TagOrDigest::Digest(*digest);
        let response = self.send(&self.manifest_call(Method::HEAD, repository, &reference)).await?;
        match response.status.as_u16() {
            200 => Ok(true),
            405 | 501 => match self.manifest(repository, &reference).await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == Kind::NotFound => Ok(false),
                Err(error) => Err(error),
            },
            _ => Ok(false),
        }
    }

    /// Reads a manifest by tag or by digest. A digest asked for is verified; for a tag, the digest that the registry gives is.
    pub async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Manifest> {
        let call = self.manifest_call(Method::GET, repository, reference);
        let document = self.document(&call, MANIFEST_LIMIT).await?;
        let document = match wanted(&document.headers, reference) {
            // Wrong bytes may come once from a bad cache or line; twice they are the registry's own.
            Some(digest) if !is_digest_of(&digest, &document.bytes) => self.document(&call, MANIFEST_LIMIT).await?,
            _ => document,
        };
        read(document, reference).map_err(|error| self.about(error, repository, reference))
    }

    /// Puts a manifest under `reference`. Errs with [`Kind::NotFound`] where the registry misses a child of it.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        reference: &TagOrDigest,
    ) -> Result<()> {
        let subject = self.store_manifest(repository, manifest, reference).await?;
        match manifest.subject() {
            Some(of) if subject == Subject::Unknown => self.list_referrer(repository, &of.digest, manifest).await,
            _ => Ok(()),
        }
    }

    /// Puts a manifest; where an answer got lost, looks whether it arrived before putting it again.
    pub(super) async fn store_manifest(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        reference: &TagOrDigest,
    ) -> Result<Subject> {
        let call = self
            .manifest_call(Method::PUT, repository, reference)
            .header(header::CONTENT_TYPE, manifest.media_type().as_str())
            .careful_body(manifest.bytes().clone());
        let mut backoff = self.backoff();
        loop {
            let error = match self.accept(&call, &STORED).await {
                Ok(response) => return self.stored(response, manifest).await,
                Err(error) if matches!(error.kind(), Kind::Network | Kind::RateLimited) => error,
                Err(error) => return Err(self.blame(error, reference)),
            };
            match self.manifest_digest(repository, reference).await {
                Ok(Some(digest)) if is_digest_of(&digest, manifest.bytes()) => return Ok(Subject::Unknown),
                Ok(_) => backoff.pause(error).await?,
                Err(_) => return Err(error),
            }
        }
    }

    /// Deletes a manifest by digest, with all its tags, or a tag alone where the registry knows how.
    pub async fn delete_manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<()> {
        let deleted = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::NO_CONTENT];
        let mut call = self.manifest_call(Method::DELETE, repository, reference);
        call.scopes = vec![Scope::repository(repository, &[Action::Delete])];
        let response = match self.accept(&call, &deleted).await {
            Err(error) if error.kind() == Kind::Denied => {
                // Quay gives no token for "delete"; there "push" is enough.
                call.scopes = vec![Scope::repository(repository, &[Action::Pull, Action::Push])];
                self.accept(&call, &deleted).await.map_err(|_| error)?
            }
            other => other?,
        };
        drain(response).await;
        Ok(())
    }

    fn manifest_call(&self, method: Method, repository: &Repository, reference: &TagOrDigest) -> Call {
        let (verb, actions): (_, &[Action]) = match method {
            Method::PUT => ("put", &[Action::Pull, Action::Push]),
            Method::DELETE => ("delete", &[Action::Delete]),
            _ => ("read", &[Action::Pull]),
        };
        let separator = separator(reference);
        let what = format!("{verb} manifest {}{separator}{reference}", repository.path());
        let accept = MediaType::MANIFESTS.map(|media_type| media_type.to_string()).join(", ");
        self.call(method, &Endpoint::Manifest(repository.path().to_owned(), reference.clone()), what)
            .header(header::ACCEPT, &accept)
            .scope(Scope::repository(repository, actions))
    }

    /// Checks what the registry says it stored.
    async fn stored(&self, response: Response, manifest: &Manifest) -> Result<Subject> {
        let named = content_digest(&response.headers);
        let subject = match response.headers.contains_key(HeaderName::from_static("oci-subject")) {
            true => Subject::Listed,
            false => Subject::Unknown,
        };
        drain(response).await;
        match named {
            Some(named) if !is_digest_of(&named, manifest.bytes()) => {
                let (registry, digest) = (&self.0.registry, manifest.digest());
                let message = format!("{registry}: manifest {digest} was put, the registry stored {named}");
                Err(Error::mismatch(message).with_host(registry.to_string()).with_digest(digest))
            }
            _ => Ok(subject),
        }
    }

    fn blame(&self, error: Error, reference: &TagOrDigest) -> Error {
        match reference {
            TagOrDigest::Digest(digest) => self.blame_algorithm(error, digest),
            TagOrDigest::Tag(_) => error,
        }
    }

    fn about(&self, error: Error, repository: &Repository, reference: &TagOrDigest) -> Error {
        let separator = separator(reference);
        Error::new(error.kind(), format!("{repository}{separator}{reference}: {error}"))
            .with_host(self.0.registry.to_string())
    }
}

fn separator(reference: &TagOrDigest) -> char {
    match reference {
        TagOrDigest::Tag(_) => ':',
        TagOrDigest::Digest(_) => '@',
    }
}

/// The digest the bytes must have: the one asked for, else the one the registry names, where it names one.
fn wanted(headers: &HeaderMap, reference: &TagOrDigest) -> Option<Digest> {
    match reference {
        TagOrDigest::Digest(digest) => Some(*digest),
        TagOrDigest::Tag(_) => content_digest(headers),
    }
}

fn read(document: Document, reference: &TagOrDigest) -> Result<Manifest> {
    let media_type = document.content_type.map(MediaType::new);
    if let Some(digest) = wanted(&document.headers, reference)
        && !is_digest_of(&digest, &document.bytes)
    {
        let found = Digest::with(digest.algorithm(), &document.bytes);
        let message = format!("the content received has digest {found}, not {digest}");
        return Err(Error::mismatch(message).with_digest(digest));
    }
    match reference {
        TagOrDigest::Digest(digest) => {
            let media_type = media_type.unwrap_or_else(|| MediaType::new(""));
            let size = document.bytes.len() as u64;
            Ok(Manifest::verified(document.bytes, &Descriptor::new(media_type, *digest, size))?)
        }
        TagOrDigest::Tag(_) => Ok(Manifest::parse(document.bytes, media_type.as_ref())?),
    }
}

/// What HEAD said, where it said all that a descriptor needs.
fn described(response: &Response, reference: &TagOrDigest) -> Option<Descriptor> {
    let headers = &response.headers;
    let media_type = MediaType::new(response.content_type()?);
    let size = response.content_length().filter(|&size| size > 0)?;
    let digest = content_digest(headers)?;
    let is_asked = match reference {
        TagOrDigest::Digest(asked) => *asked == digest,
        TagOrDigest::Tag(_) => true,
    };
    (response.status == StatusCode::OK && media_type.is_manifest() && is_asked)
        .then(|| Descriptor::new(media_type, digest, size))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;
    use url::Url;

    use super::*;
    use crate::oci::Algorithm;

    fn document(headers: &[(&'static str, String)]) -> Document {
        let config = serde_json::to_string(&Descriptor::of(MediaType::OCI_CONFIG, b"{}")).unwrap();
        let bytes = Bytes::from(format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#));
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Document { headers, url: Url::parse("https://r.example/").unwrap(), content_type: None, bytes }
    }

    #[test]
    fn n23_the_digest_header_must_agree_where_it_is_one() {
        let tag: TagOrDigest = "v1".parse().unwrap();
        let digest = Digest::of(&document(&[]).bytes);
        let long = Digest::with(Algorithm::Sha512, &document(&[]).bytes);
        let named = |value: String| read(document(&[("docker-content-digest", value)]), &tag);
        assert_eq!(read(document(&[]), &tag).unwrap().digest(), digest);
        assert_eq!(named(String::new()).unwrap().digest(), digest);
        assert_eq!(named("nonsense".to_owned()).unwrap().digest(), digest);
        assert_eq!(named(digest.to_string()).unwrap().digest(), digest);
        assert_eq!(named(long.to_string()).unwrap().digest(), digest);
        assert_eq!(named(Digest::of(b"x").to_string()).unwrap_err().kind(), Kind::Mismatch);
        assert_eq!(named(Digest::with(Algorithm::Sha512, b"x").to_string()).unwrap_err().kind(), Kind::Mismatch);
    }

    #[test]
    fn d04_the_pinned_digest_wins() {
        let other = Digest::of(b"x").to_string();
        let own = Digest::of(&document(&[]).bytes);
        assert!(read(document(&[("docker-content-digest", other.clone())]), &TagOrDigest::Digest(own)).is_ok());
        let pinned = TagOrDigest::Digest(Digest::of(b"x"));
        assert_eq!(read(document(&[("docker-content-digest", other)]), &pinned).unwrap_err().kind(), Kind::Mismatch);
    }

    #[test]
    fn d14_the_content_type_must_agree() {
        let tag: TagOrDigest = "v1".parse().unwrap();
        let typed = |value: &str| read(Document { content_type: Some(value.to_owned()), ..document(&[]) }, &tag);
        assert!(typed(MediaType::OCI_MANIFEST.as_str()).is_ok());
        assert!(typed("application/json").is_ok());
        assert_eq!(typed(MediaType::OCI_INDEX.as_str()).unwrap_err().kind(), Kind::Mismatch);
    }
}
