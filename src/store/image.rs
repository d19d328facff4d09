//! StoredImage: what a listing of the store says of an image.

use std::collections::{BTreeMap, HashSet};

use super::blob::BlobPool;
use super::index::{CONTAINERD_NAME, REF_NAME};
use crate::name::Reference;
use crate::oci::{CONFIG_LIMIT, Config, Descriptor, Digest, Manifest, Platform, Role};

/// How deep indexes may nest.
const DEPTH: usize = 8;

/// One name of an image, or an image without a name.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// The name; an image with several has one of these for each.
    pub name: Option<Reference>,
    /// The manifest or index the name points to.
    pub descriptor: Descriptor,
    /// The image id: the digest of the config of the image for this machine, or of the first there is. What has no image
    /// config (an artifact, an index without any of its images) goes by the digest of its manifest.
    pub id: Digest,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Bytes of the config and of the distinct layers, as they are stored, of the image that gave the id.
    pub size: u64,
    /// Labels of the config.
    pub labels: BTreeMap<String, String>,
    /// What it runs on.
    pub platform: Option<Platform>,
    /// What it describes, where it is a referrer.
    pub subject: Option<Digest>,
}

impl StoredImage {
    /// Whether nothing leads to it: no name, and it describes nothing.
    pub fn is_dangling(&self) -> bool {
        self.name.is_none() && self.subject.is_none()
    }

    /// What the blobs say of an index entry. What is missing or damaged is left out.
    pub(super) fn of(entry: &Descriptor, blobs: &BlobPool) -> Self {
        let root = blobs.manifest(entry).ok();
        let subject = root.as_ref().and_then(|root| Some(root.subject()?.digest));
        let chosen = root.and_then(|root| choose(root, blobs, DEPTH));
        let mut image = Self {
            name: reference(entry),
            descriptor: entry.clone(),
            id: chosen.as_ref().map_or(entry.digest, image_id),
            created: None,
            size: chosen.as_ref().map_or(0, size),
            labels: BTreeMap::new(),
            platform: None,
            subject,
        };
        if let Some(config) = chosen.and_then(|manifest| config(&manifest, blobs)) {
            image.created = config.created;
            image.labels = config.config.labels;
            image.platform = Some(config.platform);
        }
        image
    }
}

/// The name of an entry, normalised.
pub(super) fn reference(entry: &Descriptor) -> Option<Reference> {
    let texts = [CONTAINERD_NAME, REF_NAME].into_iter().filter_map(|key| entry.annotations.get(key));
    texts.filter_map(|text| text.parse::<Reference>().ok()).map(normalized).next()
}

/// One spelling for each name: `latest` where neither tag nor digest was written, no tag beside a digest.
pub(super) fn normalized(reference: Reference) -> Reference {
    match reference.digest {
        Some(_) => Reference { tag: None, ..reference },
        None => reference.or_latest(),
    }
}

/// The image that stands for `root`: itself, or of an index the one for this machine, else the first that is there.
fn choose(root: Manifest, blobs: &BlobPool, depth: usize) -> Option<Manifest> {
    let Some(index) = root.as_index() else { return Some(root) };
    if depth == 0 {
        return None;
    }
    let host = Platform::host();
    let is_ours = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|platform| platform.satisfies(&host));
    let images = || index.manifests.iter().filter(|entry| !entry.is_attestation());
    let ordered = images().filter(is_ours).chain(images().filter(|entry| !is_ours(entry)));
    let mut present = ordered.filter_map(|entry| blobs.manifest(entry).ok());
    present.find_map(|child| choose(child, blobs, depth - 1))
}

fn image_id(manifest: &Manifest) -> Digest {
    let config = manifest.as_image().map(|image| &image.config);
    config.filter(|config| config.media_type.role() == Role::Config).map_or(manifest.digest(), |config| config.digest)
}

fn size(manifest: &Manifest) -> u64 {
    let mut seen = HashSet::new();
    let distinct = manifest.children().into_iter().filter(|child| seen.insert(child.digest));
    distinct.map(|child| child.size).fold(0, u64::saturating_add)
}

fn config(manifest: &Manifest, blobs: &BlobPool) -> Option<Config> {
    let config = &manifest.as_image()?.config;
    let bytes = blobs.read(&config.digest, CONFIG_LIMIT).ok()?;
    let is_right =
        config.media_type.role() == Role::Config && Digest::with(config.digest.algorithm(), &bytes) == config.digest;
    if is_right { Config::parse(&bytes).ok() } else { None }
}
