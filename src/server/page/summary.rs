//! Summary: what a list says of one manifest and the images below it.

use std::collections::HashSet;

use maud::{Markup, html};

use super::link::Entry;
use super::reading::{Found, Reading};
use super::text::{Text, counted, time};
use crate::name::TagOrDigest;
use crate::oci::{Body, Descriptor, Digest, ImageIndex, ImageManifest, Manifest};

/// Most layers of an image, or images of an index, that are looked at.
pub(super) const CHILDREN: usize = 1_000;

/// One manifest in a list.
pub(super) struct Summary {
    /// Its digest.
    pub(super) digest: Digest,
    /// What it runs on, or each image of an index; what it is where it runs on nothing.
    pub(super) platforms: Vec<Text>,
    /// Bytes of all blobs below it, each counted once.
    pub(super) size: u64,
    /// Images of an index that are not here.
    pub(super) absent: usize,
    /// When it, or the pictured image, was made.
    pub(super) created: Option<Markup>,
    /// The layers that are drawn for it: its own, or those of the first image of an index.
    pub(super) layers: Vec<Layer>,
    /// Which image of an index is drawn.
    pub(super) pictured: Option<Text>,
}

/// A layer as lists and pictures need it.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Its digest.
    pub(super) digest: Digest,
    /// Its bytes as stored.
    pub(super) size: u64,
}

impl Summary {
    /// Of an image or an index in `repository`.
    pub(super) async fn of(reading: &mut Reading<'_>, entry: &Entry, manifest: &Manifest) -> Self {
        match manifest.body() {
            Body::Image(image) => Self::of_image(reading, entry, manifest, image).await,
            Body::Index(index) => Self::of_index(reading, entry, manifest, index).await,
        }
    }

    async fn of_image(reading: &mut Reading<'_>, entry: &Entry, manifest: &Manifest, image: &ImageManifest) -> Self {
        let mut platforms = Vec::new();
        let mut created = None;
        if let Some(kind) = manifest.artifact_type() {
            platforms.push(Text::new(kind));
        } else if let Some(config) = reading.config(entry, &image.config).await.here() {
            platforms.push(Text::new(&config.platform.to_string()));
            created = time(config.created.as_deref());
        }
        let size = Blobs::default().add(image);
        let layers = layers(image);
        Self { digest: manifest.digest(), platforms, size, absent: 0, created, layers, pictured: None }
    }

    async fn of_index(reading: &mut Reading<'_>, entry: &Entry, manifest: &Manifest, index: &ImageIndex) -> Self {
        let (mut blobs, mut size, mut absent) = (Blobs::default(), 0_u64, 0);
        let mut first: Option<(Text, Manifest)> = None;
        for child in index.manifests.iter().take(CHILDREN) {
            match reading.manifest(entry, &TagOrDigest::Digest(child.digest)).await {
                Found::Here(manifest) => {
                    let Some(image) = manifest.as_image() else { continue };
                    size = size.saturating_add(blobs.add(image));
                    if first.is_none() && !child.is_attestation() {
                        first = Some((platform(child), manifest));
                    }
                }
                Found::Missing | Found::Broken(_) => absent += 1,
                Found::Unread => {}
            }
        }
        let images = index.manifests.iter().take(CHILDREN).filter(|child| !child.is_attestation());
        let mut summary = Self {
            digest: manifest.digest(),
            platforms: images.map(platform).collect(),
            size,
            absent,
            created: None,
            layers: Vec::new(),
            pictured: None,
        };
        if let Some((platform, manifest)) = first
            && let Some(image) = manifest.as_image()
        {
            summary.layers = layers(image);
            summary.pictured = Some(platform);
            let config = reading.config(entry, &image.config).await.here();
            summary.created = config.and_then(|config| time(config.created.as_deref()));
        }
        summary
    }

    /// The platforms in one line: all where they are few.
    pub(super) fn platforms(&self) -> Markup {
        const SHOWN: usize = 4;
        html! {
            @for (at, platform) in self.platforms.iter().take(SHOWN).enumerate() {
                @if at > 0 { ", " }
                span.platform { (platform) }
            }
            @if self.platforms.len() > SHOWN { " and " (self.platforms.len() - SHOWN) " more" }
            @if self.absent > 0 { span.missing { " (" (counted(self.absent, "manifest")) " not here)" } }
        }
    }

    /// Bytes of the layers that are drawn.
    pub(super) fn drawn(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size))
    }
}

/// The first layers of an image.
pub(super) fn layers(image: &ImageManifest) -> Vec<Layer> {
    let layers = image.layers.iter().take(CHILDREN);
    layers.map(|layer| Layer { digest: layer.digest, size: layer.size }).collect()
}

/// What the index says that `child` runs on; that it is an index, or does not say.
pub(super) fn platform(child: &Descriptor) -> Text {
    match &child.platform {
        Some(platform) => {
            let version = platform.os_version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
            Text::new(&format!("{platform}{version}"))
        }
        None => Text::new(child.artifact_type.as_deref().unwrap_or("no platform")),
    }
}

/// Blobs that were counted.
#[derive(Default)]
pub(super) struct Blobs(HashSet<Digest>);

impl Blobs {
    /// Bytes of the blobs of `image` that were not counted yet.
    pub(super) fn add(&mut self, image: &ImageManifest) -> u64 {
        let blobs = std::iter::once(&image.config).chain(image.layers.iter().take(CHILDREN));
        let new = blobs.filter(|blob| self.0.insert(blob.digest));
        new.fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}
