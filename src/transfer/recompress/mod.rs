//! Recompression: an edit of images whose layers are compressed anew. What they unpack to stays, and with it the configs;
//! layers, manifests and indexes get new digests.
//!
//! Manifests name layers by the digests of their compressed form, so all layers are compressed before the first byte is
//! copied; until then they lie in unnamed temporary files.

mod layer;
mod source;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use layer::{Layer, Recompressed, Workers};
use source::RecompressedSource;

use super::convert::convert;
use super::event::Tally;
use super::rewrite::{Edit, rewrite};
use super::select::{Selection, select};
use super::{Event, Format, Item, Options, Plan, Presence};
use crate::content::Encoding;
use crate::error::Side;
use crate::oci::{CONFIG_LIMIT, Compression, Config, Descriptor, Digest, Manifest, MediaType, Role};
use crate::transport::Source;
use crate::{Error, Result};

/// Annotations that describe the compressed bytes of a layer: table of contents of eStargz and zstd:chunked.
const OF_COMPRESSED_BYTES: [&str; 2] = ["containerd.io/snapshot/stargz/", "io.github.containers.zstd-chunked."];

/// How layers are compressed anew. Those that are compressed that way already stay, unless a level is asked for.
#[derive(Debug, Clone)]
pub struct Recompress {
    /// How they shall be compressed.
    pub encoding: Encoding,
    /// Directory for temporary files, which get as large as all these layers together.
    pub temporary: PathBuf,
}

/// The same items with layers as `options` want them, and what the names of those that were edited resolved to before.
pub(super) async fn edit(items: Vec<Item>, options: &Options, tally: &Tally) -> Result<(Vec<Item>, Vec<Descriptor>)> {
    let Some(recompress) = &options.recompress else { return Ok((items, Vec::new())) };
    let encoding = recompress.encoding;
    check(options, encoding)?;
    let jobs = options.jobs.near.max(1);
    let images: Vec<Selected> =
        stream::iter(&items).map(|item| selected(item, options, encoding, tally)).buffered(jobs).try_collect().await?;
    let layers = layers(&items, &images, encoding).await?;
    let workers = Workers::new(recompress, options.limit.as_deref());
    let done: HashMap<Digest, Recompressed> =
        stream::iter(layers).map(|layer| workers.recompress(layer, tally)).buffer_unordered(jobs).try_collect().await?;
    let edit = Arc::new(NewLayers { encoding, done });
    let edited: Result<_> = items.into_iter().zip(&images).map(|(item, image)| edited(item, image, &edit)).collect();
    Ok((edited?, images.into_iter().map(|image| image.source).collect()))
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

/// The manifests of one image that will be copied.
struct Selected {
    /// What the source's name resolved to.
    source: Descriptor,
    /// As they are at the source.
    original: Vec<Manifest>,
    /// In media types that have a word for the compression, in the same order.
    manifests: Vec<Manifest>,
}

async fn selected(item: &Item, options: &Options, encoding: Encoding, tally: &Tally) -> Result<Selected> {
    // The copy looks at this too, but after all the work.
    let checked = item.destination_names.iter().try_for_each(|name| item.destination.check_name(name));
    checked.map_err(|error| error.at(Side::Destination, "name the image"))?;
    let Selection { source, manifests: original } = select(item, options).await?;
    let is_wordless =
        |manifest: &Manifest| manifest.media_type().is_docker() && wanted(manifest, encoding).next().is_some();
    if encoding.compression() != Compression::Zstd || !original.iter().any(is_wordless) {
        return Ok(Selected { source, manifests: original.clone(), original });
    }
    if options.to.is_none() {
        tally.on(&Event::Warning("docker's formats have no word for zstd: converting to OCI's media types"));
    }
    Ok(Selected { source, manifests: convert(&original, Format::Oci)?, original })
}

/// Every layer that is wanted, once, the largest first.
async fn layers(items: &[Item], images: &[Selected], encoding: Encoding) -> Result<Vec<Layer>> {
    let mut layers: HashMap<Digest, Layer> = HashMap::new();
    for (item, image) in items.iter().zip(images) {
        for manifest in &image.manifests {
            let Some(image) = manifest.as_image() else { continue };
            let mut wanted = wanted(manifest, encoding).peekable();
            if wanted.peek().is_none() {
                continue;
            }
            let diff_ids = diff_ids(item.source.as_ref(), &image.config, image.layers.len()).await?;
            for (at, descriptor) in wanted {
                let layer =
                    Layer { descriptor: descriptor.clone(), diff_id: diff_ids[at], source: item.source.clone() };
                let known = layers.entry(descriptor.digest).or_insert(layer);
                if known.diff_id != diff_ids[at] {
                    let message = format!("layer {} has two diff ids", descriptor.digest);
                    return Err(Error::mismatch(message).with_digest(descriptor.digest));
                }
            }
        }
    }
    let mut layers: Vec<Layer> = layers.into_values().collect();
    layers.sort_by_key(|layer| (std::cmp::Reverse(layer.descriptor.size), layer.descriptor.digest));
    Ok(layers)
}

/// What the config says that its `count` layers unpack to.
async fn diff_ids(source: &dyn Source, config: &Descriptor, count: usize) -> Result<Vec<Digest>> {
    let digest = config.digest;
    let failed = |error: Error| error.at(Side::Source, format!("get config {digest}")).with_digest(digest);
    let reader = source.blob(config, 0).await.map_err(failed)?;
    let bytes = reader.read_to_end(CONFIG_LIMIT).await.map_err(failed)?;
    let found = Digest::with(digest.algorithm(), &bytes);
    if found != digest {
        return Err(failed(Error::mismatch(format!("the content received has digest {found}"))));
    }
    let diff_ids = Config::parse(&bytes).map_err(|error| failed(error.into()))?.rootfs.diff_ids;
    match diff_ids.len() == count {
        true => Ok(diff_ids),
        false => Err(failed(Error::mismatch(format!("it has {} diff ids for {count} layers", diff_ids.len())))),
    }
}

fn edited(item: Item, image: &Selected, edit: &Arc<NewLayers>) -> Result<Item> {
    let manifests = rewrite(&image.manifests, edit.as_ref())?;
    let source = RecompressedSource::new(item.source.clone(), (&image.original, manifests), edit.clone());
    Ok(Item { source: Arc::new(source), ..item })
}

/// Layers, by the digests that they had before.
struct NewLayers {
    encoding: Encoding,
    done: HashMap<Digest, Recompressed>,
}

impl Edit for NewLayers {
    fn descriptor(&self, manifest: &Manifest, key: &str, entry: &mut Value) -> Result<()> {
        let digest = entry["digest"].as_str().and_then(|digest| digest.parse().ok());
        let Some(digest) = digest.filter(|_| key == "layers") else { return Ok(()) };
        let Some((_, layer)) = wanted(manifest, self.encoding).find(|(_, layer)| layer.digest == digest) else {
            return Ok(());
        };
        let Some(new) = self.done.get(&digest) else { return Ok(()) };
        entry["mediaType"] = Value::from(media_type(&layer.media_type, self.encoding.compression()).as_str());
        entry["digest"] = Value::from(new.digest.to_string());
        entry["size"] = Value::from(new.size);
        forget_compressed_bytes(entry);
        Ok(())
    }
}

/// Where else the old bytes are, these themselves, and what is said of them alone.
fn forget_compressed_bytes(entry: &mut Value) {
    let Some(entry) = entry.as_object_mut() else { return };
    entry.shift_remove("urls");
    entry.shift_remove("data");
    if let Some(Value::Object(annotations)) = entry.get_mut("annotations") {
        annotations.retain(|name, _| !OF_COMPRESSED_BYTES.iter().any(|prefix| name.starts_with(prefix)));
        if annotations.is_empty() {
            entry.shift_remove("annotations");
        }
    }
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
