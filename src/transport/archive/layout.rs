//! Layout: the OCI layout in an archive
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md)), read in place.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::content::BlobReader;
use crate::content::tar::{Span, Tar};
use crate::error::Kind;
use crate::name::Tag;
use crate::oci::{Body, Descriptor, Digest, MANIFEST_LIMIT, Manifest};
use crate::store::{INDEX_LIMIT, Index, ref_name};
use crate::{Error, Result};

/// How deep indexes are looked into.
const DEPTH_LIMIT: usize = 8;

/// An archive and what its `index.json` lists.
pub(in crate::transport) struct Layout {
    tar: Tar,
    index: Option<Index>,
    referrers: OnceLock<HashMap<Digest, Vec<Descriptor>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// Reads `oci-layout` and `index.json`, where the archive has them.
    pub(in crate::transport) fn read(tar: Tar) -> Result<Self> {
        let index = match tar.find("oci-layout")? {
            Some(marker) => Some(read_index(&tar, marker)?),
            None => None,
        };
        Ok(Self { tar, index, referrers: OnceLock::new() })
    }

    /// The archive.
    pub(in crate::transport) fn tar(&self) -> &Tar {
        &self.tar
    }

    /// What `index.json` lists, or `None` where the archive holds no layout.
    pub(in crate::transport) fn roots(&self) -> Option<&[Descriptor]> {
        self.index.as_ref().map(Index::entries)
    }

    /// The manifest or index that `descriptor` names, verified.
    pub(in crate::transport) fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let span = self.span(descriptor)?;
        let bytes = self.tar.read(span, MANIFEST_LIMIT)?;
        Manifest::verified(bytes, descriptor).map_err(|error| Error::from(error).with_digest(descriptor.digest))
    }

    /// The blob's bytes from offset `from` on.
    pub(in crate::transport) fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.tar.reader(self.span(descriptor)?, from)
    }

    fn span(&self, descriptor: &Descriptor) -> Result<Span> {
        let digest = descriptor.digest;
        let name = blob_name(&digest);
        let found = self.tar.find(&name).map_err(|error| error.with_digest(digest))?;
        let span = found.ok_or_else(|| Error::not_found(format!("the archive lacks {name}")).with_digest(digest))?;
        check_size(span, descriptor)?;
        Ok(span)
    }

    /// The configs of all images below `root` whose manifests are here.
    pub(in crate::transport) fn configs(&self, root: &Descriptor) -> HashSet<Digest> {
        let mut configs = HashSet::new();
        let mut seen = HashSet::new();
        let mut level = vec![root.clone()];
        for _ in 0..DEPTH_LIMIT {
            let new: Vec<Descriptor> = level.drain(..).filter(|descriptor| seen.insert(descriptor.digest)).collect();
            for manifest in new.iter().filter_map(|descriptor| self.manifest(descriptor).ok()) {
                match manifest.body() {
                    Body::Image(image) => _ = configs.insert(image.config.digest),
                    Body::Index(index) => level.extend(index.manifests.iter().cloned()),
                }
            }
        }
        configs
    }

    /// Descriptors of the manifests that describe `subject`: listed in the index, or in an index of the referrers tag.
    pub(in crate::transport) fn referrers(&self, subject: &Digest) -> Vec<Descriptor> {
        let all = self.referrers.get_or_init(|| self.all_referrers());
        let mut found = all.get(subject).cloned().unwrap_or_default();
        let tag = Tag::for_referrers(subject);
        for root in self.roots().unwrap_or_default() {
            let is_list = ref_name(root) == Some(tag.as_str());
            if let Some(index) = is_list.then(|| self.manifest(root).ok()).flatten() {
                found.extend(index.as_index().map(|index| index.manifests.clone()).unwrap_or_default());
            }
        }
        let mut seen = HashSet::new();
        found.retain(|descriptor| seen.insert(descriptor.digest));
        found
    }

    fn all_referrers(&self) -> HashMap<Digest, Vec<Descriptor>> {
        let mut all: HashMap<Digest, Vec<Descriptor>> = HashMap::new();
        for manifest in self.roots().unwrap_or_default().iter().filter_map(|root| self.manifest(root).ok()) {
            if let Some(subject) = manifest.subject() {
                let descriptor = manifest.as_referrer();
                all.entry(subject.digest).or_default().push(descriptor);
            }
        }
        all
    }

    /// What `index.json` lists that stands for itself: it describes no other image and is part of none listed.
    pub(in crate::transport) fn images(&self) -> Vec<&Descriptor> {
        let roots = self.roots().unwrap_or_default();
        let manifests: Vec<Manifest> = roots.iter().filter_map(|root| self.manifest(root).ok()).collect();
        let referrers = manifests.iter().filter(|manifest| manifest.subject().is_some()).map(Manifest::digest);
        let parts = manifests.iter().flat_map(Manifest::children).map(|child| child.digest);
        let mut others: HashSet<Digest> = referrers.chain(parts).collect();
        roots.iter().filter(|root| others.insert(root.digest)).collect()
    }

    /// The manifest with this digest, listed or not.
    pub(in crate::transport) fn by_digest(&self, digest: &Digest) -> Result<Option<Descriptor>> {
        if let Some(root) = self.roots().unwrap_or_default().iter().find(|root| root.digest == *digest) {
            return Ok(Some(root.clone()));
        }
        let Some(span) = self.tar.find(&blob_name(digest))? else { return Ok(None) };
        let parsed = Manifest::parse(self.tar.read(span, MANIFEST_LIMIT)?, None)?;
        let descriptor = Descriptor::new(parsed.media_type().clone(), *digest, span.size);
        Ok(Some(Manifest::verified(parsed.bytes().clone(), &descriptor)?.descriptor()))
    }
}

/// Where a blob is in a layout.
pub(in crate::transport) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// A content that has another size than its descriptor says need not be read to be refused.
pub(in crate::transport) fn check_size(span: Span, descriptor: &Descriptor) -> Result<()> {
    if span.size == descriptor.size {
        return Ok(());
    }
    let (digest, found, wanted) = (descriptor.digest, span.size, descriptor.size);
    Err(Error::mismatch(format!("{digest}: the archive has {found} bytes of it, its descriptor says {wanted}"))
        .with_digest(digest))
}

fn read_index(tar: &Tar, marker: Span) -> Result<Index> {
    let marker = tar.read(marker, 4096)?;
    let marker: Marker =
        serde_json::from_slice(&marker).map_err(|error| Error::mismatch(format!("oci-layout: {error}")))?;
    let version = marker.image_layout_version;
    if !version.starts_with("1.") {
        return Err(Error::new(Kind::Unsupported, format!("oci-layout: version {version:?} is not known")));
    }
    let span =
        tar.find("index.json")?.ok_or_else(|| Error::mismatch("the archive has oci-layout but no index.json"))?;
    let index = Index::parse(tar.read(span, INDEX_LIMIT)?);
    index.map_err(|error| Error::mismatch(format!("index.json: {error}")))
}
