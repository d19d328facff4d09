//! One image as a source, with layers that are compressed anew; everything else is its old source's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::image::Image;
use super::layers::Layer;
use super::shelf::Recompressed;
use crate::content::BlobReader;
use crate::name::{Registry, Repository};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::transport::{Name, Source};
use crate::{Error, Result};

/// The edited view of one image, whatever it is asked for by name. It is edited when it is asked for the first time.
#[derive(Clone)]
pub(in crate::transfer) struct RecompressedSource {
    image: Arc<Image>,
    /// Bytes that go when nobody moves them any more.
    held: Option<Arc<Recompressed>>,
}

impl RecompressedSource {
    pub(super) fn of(image: Arc<Image>) -> Self {
        Self { image, held: None }
    }

    /// The same, for who moves `made`.
    pub(super) fn holding(&self, made: Arc<Recompressed>) -> Self {
        Self { image: self.image.clone(), held: Some(made) }
    }

    /// What the name resolved to before the edit.
    pub(in crate::transfer) fn before(&self) -> Option<&Descriptor> {
        self.image.known().map(|edited| &edited.before)
    }

    fn inner(&self) -> &dyn Source {
        self.image.item.source.as_ref()
    }

    fn layer(&self, digest: &Digest) -> Option<&Arc<Layer>> {
        self.image.known()?.layers.get(digest)
    }
}

#[async_trait]
impl Source for RecompressedSource {
    async fn resolve(&self, _: Option<&Name>) -> Result<Descriptor> {
        self.image.edited().await.root.clone().ok_or_else(|| Error::not_found("there is no image"))
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        match self.image.edited().await.manifests.get(&descriptor.digest) {
            Some(manifest) => Ok(manifest.clone()),
            None => self.inner().manifest(descriptor).await,
        }
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        if let Some(made) = self.held.as_ref().filter(|made| made.digest == descriptor.digest) {
            return made.reader(from);
        }
        match self.layer(&descriptor.digest) {
            Some(layer) => self.image.layers.reader(layer, from).await,
            None => self.inner().blob(descriptor, from).await,
        }
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let edited = self.image.edited().await;
        let mut referrers = self.inner().referrers(edited.old.get(subject).unwrap_or(subject)).await?;
        for referrer in &mut referrers {
            if let Some(manifest) = edited.new.get(&referrer.digest).and_then(|new| edited.manifests.get(new)) {
                (referrer.digest, referrer.size) = (manifest.digest(), manifest.bytes().len() as u64);
                referrer.media_type = manifest.media_type().clone();
            }
        }
        Ok(referrers)
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Ok(Vec::new())
    }

    /// None holds the new layers.
    fn repository(&self) -> Option<&Repository> {
        None
    }

    fn distance(&self) -> Option<Duration> {
        self.inner().distance()
    }

    fn origins(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        let is_new = self.held.as_ref().is_some_and(|made| made.digest == *digest) || self.layer(digest).is_some();
        if is_new { Vec::new() } else { self.inner().origins(digest, registry) }
    }
}
