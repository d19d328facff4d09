//! One image at a place, opened to be looked at.

use std::sync::Arc;

use bytes::Bytes;
use imgctl::error::Kind;
use imgctl::oci::{CONFIG_LIMIT, Descriptor, Digest, ImageIndex, Manifest, Platform};
use imgctl::transfer;
use imgctl::transport::{Location, Source};
use imgctl::{Error, Result};

use super::context::Context;

/// An image or index, resolved.
pub(crate) struct Opened {
    /// The place.
    pub(crate) source: Arc<dyn Source>,
    /// What the name resolved to.
    pub(crate) root: Descriptor,
}

/// How much of an index a place has.
pub(crate) enum Presence {
    /// All of it, or it is no index.
    Whole,
    /// Only these images.
    Some(Vec<Descriptor>),
}

impl Opened {
    /// Opens the place and resolves the name.
    pub(crate) async fn new(context: &Context, location: &Location) -> Result<Self> {
        let source = context.source()?.source(location).await?;
        let root = source.resolve(location.name().as_ref()).await?;
        Ok(Self { source, root })
    }

    /// The manifest or index that the name means.
    pub(crate) async fn manifest(&self) -> Result<Manifest> {
        self.source.manifest(&self.root).await
    }

    /// The manifest of the image for `platform`; without a platform, what the name means.
    pub(crate) async fn for_platform(&self, platform: Option<&Platform>) -> Result<Manifest> {
        let manifest = self.manifest().await?;
        match (platform, manifest.as_index()) {
            (Some(platform), Some(index)) => self.source.manifest(transfer::choose(index, platform)?).await,
            _ => Ok(manifest),
        }
    }

    /// The manifest of one image: of an index, the image for `platform`, else for this machine, else the only one.
    pub(crate) async fn one(&self, platform: Option<&Platform>) -> Result<Manifest> {
        let manifest = self.for_platform(platform).await?;
        let Some(index) = manifest.as_index() else { return Ok(manifest) };
        let child = match (transfer::choose(index, &Platform::host()), &images(index)[..]) {
            (Ok(child), _) => child,
            (Err(_), [only]) => only,
            (Err(error), _) => return Err(error.with_hint("choose one with --platform")),
        };
        self.source.manifest(child).await
    }

    /// The bytes of the config of `manifest`, verified.
    pub(crate) async fn config(&self, manifest: &Manifest) -> Result<Bytes> {
        let image = manifest.as_image().ok_or_else(|| Error::usage("an index in an index has no config"))?;
        let config = &image.config;
        if config.size > CONFIG_LIMIT {
            let message = format!(
                "config {}: {} bytes are more than the {CONFIG_LIMIT} that a config may have",
                config.digest, config.size
            );
            return Err(Error::mismatch(message).with_digest(config.digest));
        }
        let bytes = self.source.blob(config, 0).await?.read_to_end(CONFIG_LIMIT).await?;
        let found = Digest::with(config.digest.algorithm(), &bytes);
        if found != config.digest || bytes.len() as u64 != config.size {
            let message =
                format!("config {}: the content received is {} bytes with digest {found}", config.digest, bytes.len());
            return Err(Error::mismatch(message).with_digest(config.digest));
        }
        Ok(bytes)
    }

    /// Whether it is an index that lacks one of these images; without platforms, any image.
    pub(crate) async fn lacks(&self, platforms: &[Platform]) -> Result<bool> {
        let Presence::Some(images) = self.presence().await? else { return Ok(false) };
        let has = |wanted: &Platform| {
            images.iter().filter_map(|image| image.platform.as_ref()).any(|platform| platform.satisfies(wanted))
        };
        Ok(platforms.is_empty() || !platforms.iter().all(has))
    }

    /// How much of it the place has. Asks for every manifest, so it is for places on this machine.
    pub(crate) async fn presence(&self) -> Result<Presence> {
        let manifest = self.manifest().await?;
        let Some(index) = manifest.as_index() else { return Ok(Presence::Whole) };
        let mut present = Vec::new();
        let mut is_whole = true;
        for child in &index.manifests {
            match self.source.manifest(child).await {
                Ok(_) if !child.is_attestation() => present.push(child.clone()),
                Ok(_) => {}
                Err(error) if error.kind() == Kind::NotFound => is_whole = false,
                Err(error) => return Err(error),
            }
        }
        Ok(if is_whole { Presence::Whole } else { Presence::Some(present) })
    }
}

/// The entries of an index that are images and not attestations.
pub(crate) fn images(index: &ImageIndex) -> Vec<&Descriptor> {
    index.manifests.iter().filter(|child| !child.is_attestation()).collect()
}
