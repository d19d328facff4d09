//! Plan: everything a copy will do, as data, children first.

use std::collections::HashMap;

use crate::oci::{Descriptor, Digest};
use crate::transport::Name;

/// What a copy will do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The images, in the order of the items.
    pub images: Vec<PlannedImage>,
}

/// One image of a [`Plan`].
#[derive(Debug, Clone)]
pub struct PlannedImage {
    /// What the source's name resolved to.
    pub source: Descriptor,
    /// What will be put; differs where a platform is chosen or a conversion asked for.
    pub destination: Descriptor,
    /// What it will be called.
    pub names: Vec<Name>,
    /// Whether the destination has all of it, under these names.
    pub is_current: bool,
    /// The manifests to put, children first; the root is the last.
    pub manifests: Vec<Descriptor>,
    /// The blobs that these manifests need.
    pub blobs: Vec<PlannedBlob>,
}

/// One blob of a [`PlannedImage`].
#[derive(Debug, Clone)]
pub struct PlannedBlob {
    /// Which.
    pub descriptor: Descriptor,
    /// Whether the destination has it.
    pub presence: Presence,
}

/// What is known of a blob at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was not asked for: putting it will show.
    Unknown,
    /// It is there.
    Present,
    /// It is not there, but in another repository of the same registry.
    Mountable,
    /// It is not there.
    Missing,
}

impl Plan {
    /// How many different blobs there are and how many bytes they have together.
    pub fn blobs(&self, wanted: impl Fn(Presence) -> bool) -> (u64, u64) {
        let blobs = self.images.iter().flat_map(|image| &image.blobs).filter(|blob| wanted(blob.presence));
        let unique: HashMap<Digest, u64> = blobs.map(|blob| (blob.descriptor.digest, blob.descriptor.size)).collect();
        (unique.len() as u64, unique.values().sum())
    }
}
