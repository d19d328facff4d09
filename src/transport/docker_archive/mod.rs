//! `docker-archive:`, a tar file as `docker save` writes it. Read are all kinds: docker's hybrid with an OCI layout, docker's
//! and podman's older ones, skopeo's and crane's. Written is the hybrid, which all of them read.

mod catalogue;
mod legacy;
mod manifest_json;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use writer::DockerArchiveWriter;

use self::catalogue::{Catalogue, Root, digest_of};
use self::legacy::Legacy;
use super::archive::{Layout, check_size, open};
use super::{ArchiveFile, Name, Source};
use crate::content::{BlobReader, blocking};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::{Error, Result};

/// A tar file of `docker save`, to read.
pub struct DockerArchive(Arc<Inner>);

struct Inner {
    layout: Layout,
    catalogue: Catalogue,
    legacy: Legacy,
}

impl DockerArchive {
    /// Opens the archive in `file`; what must be unpacked goes to the directory `temporary`.
    pub async fn open(file: &ArchiveFile, temporary: &Path) -> Result<Self> {
        let tar = open(file, temporary).await?;
        blocking(move || {
            let layout = Layout::read(tar)?;
            let entries = manifest_json::read(layout.tar())?;
            if entries.is_none() && layout.roots().is_none() {
                return Err(Error::mismatch(
                    "the archive holds no images: it has neither manifest.json nor oci-layout",
                )
                .with_hint("archives of docker before 1.10 are not read; load and save them with docker"));
            }
            let catalogue = Catalogue::new(&layout, entries)?;
            Ok(Self(Arc::new(Inner { layout, catalogue, legacy: Legacy::default() })))
        })
        .await
    }
}

impl Inner {
    /// The image called `name`; by its digest also one that nobody lists, and one whose manifest was made when it was resolved.
    fn find(&self, name: &Name) -> Result<Root> {
        if let Some(root) = self.catalogue.find(name)? {
            return Ok(root.clone());
        }
        if let Some(made) = digest_of(name).and_then(|digest| self.legacy.manifest(&digest)) {
            return Ok(Root::Stored(Box::new(made.descriptor())));
        }
        let stored = digest_of(name).map_or(Ok(None), |digest| self.layout.by_digest(&digest))?;
        stored.map(|descriptor| Root::Stored(Box::new(descriptor))).ok_or_else(|| self.catalogue.missing(name))
    }
}

impl DockerArchive {
    /// The manifest of an image; it is made where the archive has none.
    async fn descriptor(&self, root: Root) -> Result<Descriptor> {
        match root {
            Root::Stored(descriptor) => Ok(*descriptor),
            Root::Listed(entry) => {
                let inner = self.0.clone();
                blocking(move || inner.legacy.add(inner.layout.tar(), &entry)).await
            }
        }
    }
}

#[async_trait]
impl Source for DockerArchive {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let root = match name {
            Some(name) => self.0.find(name)?,
            None => self.0.catalogue.only()?.clone(),
        };
        self.descriptor(root).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let made = self.0.legacy.manifest(&descriptor.digest);
        made.map_or_else(|| self.0.layout.manifest(descriptor), Ok)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let span = self.0.legacy.blob(&descriptor.digest);
        match span {
            Some(span) => {
                check_size(span, descriptor)?;
                self.0.layout.tar().reader(span, from)
            }
            None => self.0.layout.blob(descriptor, from),
        }
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        Ok(self.0.layout.referrers(subject))
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Ok(self.0.catalogue.names())
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        let mut roots = Vec::new();
        for (names, root) in self.0.catalogue.images() {
            let descriptor = self.descriptor(root.clone()).await?;
            roots.extend(names.iter().map(|name| (Some(Name::from(name)), descriptor.clone())));
            if names.is_empty() {
                roots.push((None, descriptor));
            }
        }
        Ok(roots)
    }
}
