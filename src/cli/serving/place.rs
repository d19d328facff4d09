//! Place: a layout, an archive or a flat directory as the server sees it. It is read again when its files changed.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use imgctl::Result;
use imgctl::content::BlobReader;
use imgctl::error::Kind;
use imgctl::name::{Repository, Tag, TagOrDigest};
use imgctl::oci::{Descriptor, Digest, Manifest};
use imgctl::server::{Content, Identity, Stat};
use imgctl::transport::Source;
use tokio::sync::Mutex;

use super::catalogue::Catalogue;
use super::opening::Opening;

/// A place that is open.
pub(crate) struct Place {
    opening: Opening,
    seen: RwLock<Arc<Seen>>,
    reading: Mutex<()>,
}

/// What a place held when it was read.
struct Seen {
    /// The file that changes with the place, as it was then.
    identity: Option<Identity>,
    source: Arc<dyn Source>,
    catalogue: Arc<Catalogue>,
}

impl Place {
    /// Opens it and reads its manifests. Errs where it is damaged, and where it holds nothing to serve.
    pub(crate) async fn open(opening: Opening) -> Result<Self> {
        let seen = RwLock::new(Arc::new(Seen::read(&opening).await?));
        let place = Self { opening, seen, reading: Mutex::default() };
        if place.seen().catalogue.repositories().next().is_none() {
            return Err(place.opening.holds_nothing());
        }
        Ok(place)
    }

    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it holds now. Where it cannot be read any more, what it held stays.
    async fn current(&self) -> Arc<Seen> {
        let is_current = |seen: &Seen| seen.identity == self.opening.identity();
        let seen = self.seen();
        if is_current(&seen) {
            return seen;
        }
        let _one = self.reading.lock().await;
        let seen = self.seen();
        if is_current(&seen) {
            return seen;
        }
        let identity = self.opening.identity();
        let new = Seen::read(&self.opening).await.unwrap_or_else(|error| {
            self.opening.warn(&format!("it changed and cannot be read: {error}"));
            Seen { identity, source: seen.source.clone(), catalogue: seen.catalogue.clone() }
        });
        let new = Arc::new(new);
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        new
    }
}

impl Seen {
    async fn read(opening: &Opening) -> Result<Self> {
        // First of all: what changes meanwhile is seen the next time.
        let identity = opening.identity();
        let (source, catalogue) = opening.read().await?;
        Ok(Self { identity, source, catalogue: Arc::new(catalogue) })
    }
}

/// `None` where a content is not there, or went away.
fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[async_trait]
impl Content for Place {
    async fn repositories(&self) -> Result<Vec<Repository>> {
        Ok(self.current().await.catalogue.repositories().cloned().collect())
    }

    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        Ok(self.current().await.catalogue.tags(repository))
    }

    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        let seen = self.current().await;
        let Some(descriptor) = seen.catalogue.manifest(repository, reference) else { return Ok(None) };
        if_there(seen.source.manifest(descriptor).await)
    }

    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        let seen = self.current().await;
        let Some(blob) = seen.catalogue.blob(repository, digest) else { return Ok(None) };
        let found = if_there(seen.source.blob(&blob, 0).await)?;
        Ok(found.map(|_| Stat { size: blob.size, identity: self.opening.identity_of_blob(digest) }))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        let seen = self.current().await;
        let Some(blob) = seen.catalogue.blob(repository, digest) else { return Ok(None) };
        if_there(seen.source.blob(&blob, from).await)
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        Ok(self.current().await.catalogue.referrers(repository, subject))
    }
}
