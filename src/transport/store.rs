//! `store:` — the local store as source and destination. Names are references as people type them, or image ids.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::layout::referrers;
use super::roots::Roots;
use super::{Begin, Destination, Name, Source, staged};
use crate::content::BlobReader;
use crate::name::{Reference, Registry, Repository};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::store::Store;
use crate::{Error, Result};

/// The store to read.
#[derive(Debug)]
pub struct StoreSource(Store);

impl StoreSource {
    /// The store in `directory`; one that is not there is empty.
    pub fn open(directory: &Path) -> Result<Self> {
        Store::open(directory).map(Self)
    }
}

#[async_trait]
impl Source for StoreSource {
    /// See [`Store::resolve`]. Without a name, the only image.
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        if let Some(name) = name {
            return self.0.resolve(name.as_str());
        }
        let mut images = self.0.images()?;
        images.retain(|image| image.subject.is_none());
        images.dedup_by_key(|image| image.descriptor.digest);
        match images.as_slice() {
            [] => Err(Error::not_found("the local store holds no image")),
            [only] => Ok(only.descriptor.clone()),
            _ => Err(Error::usage(format!("the local store holds {} images: say which", images.len()))),
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        self.0.layout().blobs().manifest(descriptor)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.0.layout().blobs().open(descriptor, from)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let mut found = referrers(self.0.layout(), subject)?;
        for descriptor in self.0.linked_referrers(subject) {
            if !found.iter().any(|old| old.digest == descriptor.digest) {
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    async fn names(&self) -> Result<Vec<Name>> {
        let mut names: Vec<_> = self.0.names()?.iter().map(Name::from).collect();
        names.sort();
        Ok(names)
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        let images = self.0.images()?.into_iter();
        Ok(images.map(|image| (image.name.as_ref().map(Name::from), image.descriptor)).collect())
    }

    fn origins(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        self.0.origins(digest, registry)
    }
}

/// The store to write. An image whose name is given to another stays, without a name.
#[derive(Debug)]
pub struct StoreDestination {
    store: Store,
    roots: Roots,
}

impl StoreDestination {
    /// The store in `directory`. Where it is not there, the first write makes it.
    pub fn create_or_open(directory: &Path) -> Result<Self> {
        Ok(Self { store: Store::create_or_open(directory)?, roots: Roots::default() })
    }

    /// Keeps blobs whose transfer breaks off where `patience` is given; see [`Store::keep_partials`].
    pub fn resuming(mut self, patience: Option<Duration>) -> Self {
        if let Some(patience) = patience {
            self.store.keep_partials(patience);
        }
        self
    }

    /// Flushes everything to the disk before it appears, where `is_flushed`.
    pub fn flushing(mut self, is_flushed: bool) -> Self {
        if is_flushed {
            self.store.flush_each();
        }
        self
    }
}

#[async_trait]
impl Destination for StoreDestination {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.store.has(descriptor)
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        if self.store.has(descriptor)? {
            return Ok(Begin::Present);
        }
        staged::begin(self.store.claim(descriptor)?, || self.store.has(descriptor)).await
    }

    /// Children may be missing: the store holds the part of an index that was asked for.
    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        let name = name.map(|name| name.as_str().parse::<Reference>()).transpose()?;
        self.store.put(manifest)?;
        self.roots.note(manifest, name.is_some());
        name.map_or(Ok(()), |name| self.store.set_name(&name, manifest.descriptor()))
    }

    fn check_name(&self, name: &Name) -> Result<()> {
        Ok(name.as_str().parse::<Reference>().map(drop)?)
    }

    async fn finish(&self) -> Result<()> {
        self.store.write_origins();
        self.roots.take().into_iter().try_for_each(|root| self.store.add_nameless(root))
    }

    fn note_origin(&self, digest: &Digest, repository: &Repository) {
        self.store.note_origin(digest, repository);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::contract;
    use super::*;

    struct Place(tempfile::TempDir);

    #[async_trait]
    impl contract::Place for Place {
        async fn destination(&self) -> Arc<dyn Destination> {
            Arc::new(StoreDestination::create_or_open(&self.0.path().join("place")).unwrap())
        }

        async fn source(&self) -> Arc<dyn Source> {
            Arc::new(StoreSource::open(&self.0.path().join("place")).unwrap())
        }

        fn names(&self) -> Vec<Name> {
            ["docker.io/library/a:1", "docker.io/library/a:2", "quay.io/b:latest"].map(Name::new).into()
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(|| Place(tempfile::tempdir().unwrap())).await;
    }
}
