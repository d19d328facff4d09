//! Recompression: an edit of images whose layers are compressed anew. What they unpack to stays, and with it the configs;
//! layers, manifests and indexes get new digests.
//!
//! Manifests name layers by the digests of their compressed form, so an image is edited when all its layers are compressed;
//! each of them moves as soon as it is, ahead of the rest. Until then it lies in an unnamed temporary file.

mod image;
mod layers;
mod memory;
mod order;
mod shelf;
mod source;
mod work;
mod workers;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use image::Image;
use layers::Layers;
use order::Order;
pub(super) use source::RecompressedSource;

use super::blob::Job;
use super::run::Run;
use super::{Format, Item, Options, Plan, Presence};
use crate::content::Encoding;
use crate::oci::{Compression, Descriptor, Digest, Manifest, MediaType, Role};
use crate::{Error, Result};

/// How layers are compressed anew. Those that are compressed that way already stay, unless a level is asked for.
#[derive(Debug, Clone)]
pub struct Recompress {
    /// How they shall be compressed.
    pub encoding: Encoding,
    /// Directory for temporary files. They hold the layers that wait to be moved; for archives, all of them until the end.
    pub temporary: PathBuf,
    /// Directory in which it is remembered what layers became: a place that has that already needs nothing. Should be a
    /// directory of the user's own.
    pub memory: Option<PathBuf>,
}

/// Blobs that may move before the plan of their image is made, and failures of those that make them.
pub(super) type Early = mpsc::UnboundedReceiver<Result<Job>>;

/// Items whose images are edited when they are asked for.
pub(super) struct Edited {
    pub(super) items: Vec<Item>,
    pub(super) ahead: Early,
    /// The sources of all images that are edited.
    pub(super) sources: Vec<RecompressedSource>,
}

/// The same items, with layers as the options of `run` want them.
pub(super) fn edit(items: Vec<Item>, run: &Arc<Run>) -> Result<Edited> {
    let (sender, ahead) = mpsc::unbounded_channel();
    let Some(recompress) = &run.options.recompress else { return Ok(Edited { items, ahead, sources: Vec::new() }) };
    check(&run.options, recompress.encoding)?;
    let layers = Arc::new(Layers::new(run.clone(), recompress, &items, sender));
    let mut order = Order::default();
    let source = |item: &Item| {
        let next = order.next();
        let order = std::mem::replace(&mut order, next);
        RecompressedSource::of(Arc::new(Image::new(item.clone(), layers.clone(), order)))
    };
    let sources: Vec<RecompressedSource> = items.iter().map(source).collect();
    let edited = |(item, source): (Item, &RecompressedSource)| Item { source: Arc::new(source.clone()), ..item };
    Ok(Edited { items: items.into_iter().zip(&sources).map(edited).collect(), ahead, sources })
}

/// Errs with [`Kind::Usage`](crate::error::Kind::Usage) where `options` contradict each other.
fn check(options: &Options, encoding: Encoding) -> Result<()> {
    if options.preserve_digests {
        return Err(Error::usage("layers that are compressed anew have new digests, and digests are to be preserved")
            .with_hint("--preserve-digests does not go with --compress"));
    }
    if options.to == Some(Format::Docker) && encoding.compression() == Compression::Zstd {
        return Err(Error::usage("docker's formats have no word for layers compressed with zstd")
            .with_hint("--compress zstd goes with --to oci"));
    }
    Ok(())
}

/// Tells in `plan` which blobs would be compressed anew. What becomes of them is not known before.
pub(super) fn mark(plan: &mut Plan, options: &Options) -> Result<()> {
    let Some(recompress) = &options.recompress else { return Ok(()) };
    check(options, recompress.encoding)?;
    for image in &mut plan.images {
        let concerned: Vec<Digest> = image
            .manifests
            .iter()
            .flat_map(|manifest| wanted(manifest, recompress.encoding))
            .map(|(_, layer)| layer.digest)
            .collect();
        for blob in image.blobs.iter_mut().filter(|blob| concerned.contains(&blob.descriptor.digest)) {
            blob.presence = Presence::Recompressed;
        }
    }
    Ok(())
}

/// The layers of `manifest` that are not compressed as `encoding` says, and where they stand in it. What is no image has
/// nobody to say what its layers unpack to: these stay, and so do layers that may not be distributed.
fn wanted(manifest: &Manifest, encoding: Encoding) -> impl Iterator<Item = (usize, &Descriptor)> {
    let image = manifest.as_image().filter(|image| image.config.media_type.role() == Role::Config);
    let layers = image.into_iter().flat_map(|image| image.layers.iter().enumerate());
    layers.filter(move |(_, layer)| match layer.media_type.role() {
        Role::Layer(compression) => compression != encoding.compression() || encoding.level().is_some(),
        _ => false,
    })
}

/// A layer's media type in the family of `before`. Docker's has none for zstd: it was converted before.
fn media_type(before: &MediaType, compression: Compression) -> MediaType {
    match (before.is_docker(), compression) {
        (true, Compression::None) => MediaType::DOCKER_LAYER,
        (true, Compression::Gzip) => MediaType::DOCKER_LAYER_GZIP,
        (false, Compression::None) => MediaType::OCI_LAYER,
        (false, Compression::Gzip) => MediaType::OCI_LAYER_GZIP,
        (_, Compression::Zstd) => MediaType::OCI_LAYER_ZSTD,
    }
}
