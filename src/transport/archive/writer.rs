//! Writer: an archive in the making, with the manifests held back until the end so that their order does not depend on
//! who came first.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::json;

use super::output::Output;
use super::{ArchiveOptions, blob_name};
use crate::oci::{Annotations, Body, Descriptor, Digest, Manifest, MediaType, Role};
use crate::transport::{ArchiveFile, Begin, Name};
use crate::{Error, Result};

/// What is written: blobs as they come, manifests and names at the end.
pub(in crate::transport) struct Writer {
    output: Output,
    images: Mutex<Images>,
}

/// The manifests and names of an archive.
#[derive(Default)]
pub(in crate::transport) struct Images {
    manifests: BTreeMap<Digest, Manifest>,
    names: BTreeMap<Name, Digest>,
}

impl Writer {
    /// Starts an archive that will stand at `file`.
    pub(in crate::transport) async fn create(file: &ArchiveFile, options: &ArchiveOptions) -> Result<Self> {
        Ok(Self { output: Output::create(file, options).await?, images: Mutex::default() })
    }

    /// An archive that goes into a pipe.
    #[cfg(test)]
    pub(in crate::transport) fn stream(file: std::fs::File, options: &ArchiveOptions) -> Self {
        Self { output: Output::stream(file, "the pipe", options), images: Mutex::default() }
    }

    fn images(&self) -> MutexGuard<'_, Images> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the blob or manifest was put.
    pub(in crate::transport) fn has(&self, digest: &Digest) -> bool {
        self.output.has(digest) || self.images().manifests.contains_key(digest)
    }

    /// Starts a blob.
    pub(in crate::transport) async fn begin(&self, descriptor: &Descriptor) -> Result<Begin> {
        if self.images().manifests.contains_key(&descriptor.digest) {
            return Ok(Begin::Present);
        }
        self.output.begin(descriptor).await
    }

    /// Takes a manifest. Errs with [`Kind::NotFound`](crate::error::Kind::NotFound) where a blob of an image is missing; an
    /// index may lack children, and layers that are kept elsewhere may be left there.
    pub(in crate::transport) fn put_manifest(&self, manifest: &Manifest, name: Option<Name>) -> Result<()> {
        if let Some(image) = manifest.as_image() {
            let missing = std::iter::once(&image.config).chain(&image.layers).find(|blob| {
                let is_elsewhere = matches!(blob.media_type.role(), Role::ForeignLayer(_)) || !blob.urls.is_empty();
                !is_elsewhere && !self.has(&blob.digest)
            });
            if let Some(Descriptor { digest, .. }) = missing {
                return Err(Error::not_found(format!("the archive lacks {digest}")).with_digest(*digest));
            }
        }
        let mut images = self.images();
        images.manifests.insert(manifest.digest(), manifest.clone());
        if let Some(name) = name {
            images.names.insert(name, manifest.digest());
        }
        Ok(())
    }

    /// Writes the manifests, the layout's marker and what `describe` makes of all; then the archive appears.
    pub(in crate::transport) async fn finish(
        &self,
        describe: impl FnOnce(&Images) -> Result<Vec<(String, Bytes)>>,
    ) -> Result<()> {
        let members = {
            let images = self.images();
            let manifests = images.manifests.values().filter(|manifest| !self.output.has(&manifest.digest()));
            let blobs = manifests.map(|manifest| (blob_name(&manifest.digest()), manifest.bytes().clone()));
            let marker = ("oci-layout".to_owned(), Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#));
            blobs.chain([marker]).chain(describe(&images)?).collect()
        };
        self.output.finish(members).await
    }
}

impl Images {
    /// The images that stand for themselves, with their names: those that have some, and those that no other lists.
    pub(in crate::transport) fn roots(&self) -> Vec<(&Manifest, Vec<&Name>)> {
        let children: HashSet<Digest> = self
            .manifests
            .values()
            .filter_map(Manifest::as_index)
            .flat_map(|index| index.manifests.iter().map(|child| child.digest))
            .collect();
        let mut roots: BTreeMap<Digest, Vec<&Name>> = BTreeMap::new();
        for (name, digest) in &self.names {
            roots.entry(*digest).or_default().push(name);
        }
        for digest in self.manifests.keys().filter(|digest| !children.contains(digest)) {
            roots.entry(*digest).or_default();
        }
        roots.into_iter().filter_map(|(digest, names)| Some((self.manifests.get(&digest)?, names))).collect()
    }

    /// The manifest, where it is in the archive.
    pub(in crate::transport) fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.manifests.get(digest)
    }

    /// `index.json`, where every name of an image gets the annotations that `annotate` gives it.
    pub(in crate::transport) fn index(&self, annotate: impl Fn(&Name) -> Annotations) -> (String, Bytes) {
        let mut entries = Vec::new();
        for (manifest, names) in self.roots() {
            let mut descriptor = manifest.descriptor();
            let is_artifact = manifest.subject().is_some()
                || matches!(manifest.body(), Body::Image(image) if image.artifact_type.is_some());
            descriptor.artifact_type = manifest.artifact_type().filter(|_| is_artifact).map(str::to_owned);
            if names.is_empty() {
                entries.push(descriptor.clone());
            }
            for name in names {
                entries.push(Descriptor { annotations: annotate(name), ..descriptor.clone() });
            }
        }
        let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": entries });
        ("index.json".to_owned(), index.to_string().into())
    }
}
