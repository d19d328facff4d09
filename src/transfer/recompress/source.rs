//! One image as a source, with layers that were compressed anew; everything else is its old source's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::NewLayers;
use super::layer::Recompressed;
use crate::content::BlobReader;
use crate::name::{Registry, Repository};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::transport::{Name, Source};
use crate::{Error, Result};

/// The edited view of one image of `inner`, whatever it is asked for by name.
pub(super) struct RecompressedSource {
    inner: Arc<dyn Source>,
    root: Option<Descriptor>,
    /// The manifests that were looked at, by their new digests.
    manifests: HashMap<Digest, Manifest>,
    /// Their new digests, by the old ones, and the other way round.
    new: HashMap<Digest, Digest>,
    old: HashMap<Digest, Digest>,
    layers: Arc<NewLayers>,
    /// Old digests of layers, by the new ones.
    old_layers: HashMap<Digest, Digest>,
}

impl RecompressedSource {
    /// `before` and `after` are the same manifests in the same order; the root is the last.
    pub(super) fn new(
        inner: Arc<dyn Source>,
        (before, after): (&[Manifest], Vec<Manifest>),
        layers: Arc<NewLayers>,
    ) -> Self {
        let root = after.last().map(Manifest::descriptor);
        let renamed = || before.iter().map(Manifest::digest).zip(after.iter().map(Manifest::digest));
        let (new, old) = (renamed().collect(), renamed().map(|(old, new)| (new, old)).collect());
        let old_layers = layers.done.iter().map(|(old, new)| (new.digest, *old)).collect();
        let manifests = after.into_iter().map(|manifest| (manifest.digest(), manifest)).collect();
        Self { inner, root, manifests, new, old, layers, old_layers }
    }

    fn layer(&self, digest: &Digest) -> Option<&Recompressed> {
        self.layers.done.get(self.old_layers.get(digest)?)
    }
}

#[async_trait]
impl Source for RecompressedSource {
    async fn resolve(&self, _: Option<&Name>) -> Result<Descriptor> {
        self.root.clone().ok_or_else(|| Error::not_found("there is no image"))
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        match self.manifests.get(&descriptor.digest) {
            Some(manifest) => Ok(manifest.clone()),
            None => self.inner.manifest(descriptor).await,
        }
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        match self.layer(&descriptor.digest) {
            Some(layer) => layer.reader(from),
            None => self.inner.blob(descriptor, from).await,
        }
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let mut referrers = self.inner.referrers(self.old.get(subject).unwrap_or(subject)).await?;
        for referrer in &mut referrers {
            if let Some(manifest) = self.new.get(&referrer.digest).and_then(|new| self.manifests.get(new)) {
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
        self.inner.distance()
    }

    fn origins(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        match self.layer(digest) {
            Some(_) => Vec::new(),
            None => self.inner.origins(digest, registry),
        }
    }
}
