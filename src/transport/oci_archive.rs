//! `oci-archive:`, an OCI layout in a tar file, as skopeo, podman and buildah write it.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use async_trait::async_trait;

use super::archive::{ArchiveOptions, Images, Layout, Writer, open};
use super::layout::{check_name, full_name, named};
use super::{ArchiveFile, Begin, Destination, Name, Source};
use crate::content::BlobReader;
use crate::name::{Reference, Repository};
use crate::oci::{Annotations, Descriptor, Digest, Manifest};
use crate::store::{CONTAINERD_NAME, REF_NAME};
use crate::{Error, Result};

/// An OCI layout in a tar file, to read.
pub struct OciArchive {
    layout: Layout,
}

impl OciArchive {
    /// Opens the archive in `file`; what must be unpacked goes to the directory `temporary`.
    pub async fn open(file: &ArchiveFile, temporary: &Path) -> Result<Self> {
        let layout = Layout::read(open(file, temporary).await?)?;
        if layout.roots().is_none() {
            return Err(Error::mismatch("the archive holds no OCI layout: oci-layout is missing")
                .with_hint("an archive of docker save is read with docker-archive:"));
        }
        Ok(Self { layout })
    }

    fn entries(&self) -> &[Descriptor] {
        self.layout.roots().unwrap_or_default()
    }

    /// The images called `name`: by their name in the layout or by reference.
    fn named(&self, name: &str) -> Vec<&Descriptor> {
        let annotated = |key: &str, text: &str| -> Vec<&Descriptor> {
            self.entries().iter().filter(|root| root.annotations.get(key).is_some_and(|value| value == text)).collect()
        };
        let own = annotated(REF_NAME, name);
        match name.parse::<Reference>() {
            Ok(reference) if own.is_empty() => annotated(CONTAINERD_NAME, &reference.or_latest().to_string()),
            _ => own,
        }
    }

    fn listed(&self) -> String {
        let names: BTreeSet<String> = self
            .layout
            .images()
            .into_iter()
            .map(|root| full_name(root).map_or_else(|| format!("@{}", root.digest), str::to_owned))
            .collect();
        format!("it has {}", names.into_iter().collect::<Vec<_>>().join(", "))
    }
}

#[async_trait]
impl Source for OciArchive {
    /// `@sha256:…` takes any manifest by its digest.
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let mut found = name.map_or_else(|| self.layout.images(), |name| self.named(name.as_str()));
        let mut seen = HashSet::new();
        found.retain(|root| seen.insert(root.digest));
        match (&found[..], name) {
            ([one], _) => Ok((*one).clone()),
            ([], None) => Err(Error::not_found("the archive has no image")),
            ([], Some(name)) => {
                let digest = name.as_str().strip_prefix('@').unwrap_or(name.as_str()).parse::<Digest>();
                let found = digest.map_or(Ok(None), |digest| self.layout.by_digest(&digest))?;
                let missing = || Error::not_found(format!("the archive has no image {name}")).with_hint(self.listed());
                found.ok_or_else(missing)
            }
            (_, Some(name)) => Err(Error::usage(format!("several images are called {name}")).with_hint(self.listed())),
            (_, None) => Err(Error::usage("the archive has several images: name one").with_hint(self.listed())),
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        self.layout.manifest(descriptor)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.layout.blob(descriptor, from)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        Ok(self.layout.referrers(subject))
    }

    async fn names(&self) -> Result<Vec<Name>> {
        let names: BTreeSet<&str> = self.entries().iter().filter_map(full_name).collect();
        Ok(names.into_iter().map(Name::new).collect())
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        Ok(self.entries().iter().map(named).collect())
    }
}

/// An OCI layout in a tar file, to write. It appears with [`Destination::finish`].
pub struct OciArchiveWriter {
    writer: Writer,
}

impl OciArchiveWriter {
    /// Starts an archive that will stand at `file`.
    pub async fn create(file: &ArchiveFile) -> Result<Self> {
        Ok(Self { writer: Writer::create(file, &ArchiveOptions::default()).await? })
    }

    /// The same in this way.
    pub async fn create_with(file: &ArchiveFile, options: &ArchiveOptions) -> Result<Self> {
        Ok(Self { writer: Writer::create(file, options).await? })
    }
}

#[async_trait]
impl Destination for OciArchiveWriter {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.writer.has(&descriptor.digest))
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        self.writer.begin(descriptor).await
    }

    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        if let Some(name) = name {
            self.check_name(name)?;
        }
        self.writer.put_manifest(manifest, name.cloned())
    }

    fn check_name(&self, name: &Name) -> Result<()> {
        check_name(name.as_str())
    }

    fn is_ordered(&self) -> bool {
        true
    }

    async fn finish(&self) -> Result<()> {
        let annotate = |name: &Name| Annotations::from([(REF_NAME.to_owned(), name.to_string())]);
        self.writer.finish(|images: &Images| Ok(vec![images.index(annotate)])).await
    }
}
