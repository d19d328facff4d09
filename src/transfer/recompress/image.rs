//! One image whose layers are compressed anew: what is to be copied of it, and what that looks like afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::task::{JoinError, JoinSet};

use super::layers::{Layer, Layers};
use super::order::Order;
use super::source::RecompressedSource;
use super::{media_type, wanted};
use crate::content::Encoding;
use crate::error::{Kind, Side};
use crate::oci::{CONFIG_LIMIT, Compression, Config, Descriptor, Digest, Manifest};
use crate::transfer::convert::convert;
use crate::transfer::event::Event;
use crate::transfer::rewrite::{Edit, rewrite};
use crate::transfer::select::{Selection, select};
use crate::transfer::{Format, Item};
use crate::transport::Source;
use crate::{Error, Result};

/// Annotations that describe the compressed bytes of a layer: table of contents of eStargz and zstd:chunked.
const OF_COMPRESSED_BYTES: [&str; 2] = ["containerd.io/snapshot/stargz/", "io.github.containers.zstd-chunked."];

/// An image, and what it has become.
pub(super) struct Image {
    pub(super) item: Item,
    pub(super) layers: Arc<Layers>,
    order: Order,
    edited: OnceCell<Edited>,
}

/// What an image has become.
pub(super) struct Edited {
    /// What the source's name resolved to.
    pub(super) before: Descriptor,
    pub(super) root: Option<Descriptor>,
    /// The manifests that were looked at, by their new digests.
    pub(super) manifests: HashMap<Digest, Manifest>,
    /// Their new digests, by the old ones, and the other way round.
    pub(super) new: HashMap<Digest, Digest>,
    pub(super) old: HashMap<Digest, Digest>,
    /// Layers by their new digests.
    pub(super) layers: HashMap<Digest, Arc<Layer>>,
}

impl Image {
    pub(super) fn new(item: Item, layers: Arc<Layers>, order: Order) -> Self {
        Self { item, layers, order, edited: OnceCell::new() }
    }

    /// What it has become, where that is known.
    pub(super) fn known(&self) -> Option<&Edited> {
        self.edited.get()
    }

    /// What it has become; all that is done when this is asked for the first time, in a task of its own: who asks may be held up
    /// by other things. Fails never, but stops the run: by its own way, for plans are waited for one after the other.
    pub(super) async fn edited(self: &Arc<Self>) -> &Edited {
        let edit = || async {
            let mut task = JoinSet::new();
            task.spawn(edit(self.clone()));
            match task.join_next().await {
                Some(Ok(Ok(edited))) => return edited,
                Some(Ok(Err(error))) => self.layers.fail(error),
                Some(Err(failure)) => self.layers.fail(stopped(failure)),
                None => {}
            }
            future::pending().await
        };
        self.edited.get_or_init(edit).await
    }
}

/// Compresses what no other image brings, and writes the manifests anew.
async fn edit(image: Arc<Image>) -> Result<Edited> {
    let Selected { source: before, original, manifests } = selected(&image).await?;
    let (all, new) = claim(&image, layers(&image, &manifests).await?).await?;
    make(&image, new).await?;
    let (mut became, mut by_digest) = (HashMap::new(), HashMap::new());
    for layer in all {
        let descriptor = layer.became.wait().await.clone();
        became.insert(layer.descriptor.digest, (descriptor.digest, descriptor.size));
        by_digest.insert(descriptor.digest, layer);
    }
    let manifests = rewrite(&manifests, &NewLayers { encoding: image.layers.encoding, became })?;
    let renamed = || original.iter().map(Manifest::digest).zip(manifests.iter().map(Manifest::digest));
    Ok(Edited {
        before,
        root: manifests.last().map(Manifest::descriptor),
        new: renamed().collect(),
        old: renamed().map(|(old, new)| (new, old)).collect(),
        manifests: manifests.into_iter().map(|manifest| (manifest.digest(), manifest)).collect(),
        layers: by_digest,
    })
}

/// Sees to `layers`, the largest first.
async fn make(image: &Arc<Image>, layers: Vec<Arc<Layer>>) -> Result<()> {
    let mut unknown = image.layers.unknown(layers, image.item.destination.as_ref()).await;
    unknown.sort_by_key(|layer| (std::cmp::Reverse(layer.descriptor.size), layer.descriptor.digest));
    image.order.turns.begin().await;
    let mut making = JoinSet::new();
    for layer in unknown {
        let (image, turn) = (image.clone(), image.layers.turn(&layer).await);
        making.spawn(async move {
            let source = RecompressedSource::of(image.clone());
            let made = image.layers.make(&layer, turn, (&source, &image.item.destination)).await;
            made.unwrap_or_else(|error| image.layers.fail(error));
        });
    }
    image.order.turns.end();
    while let Some(ended) = making.join_next().await {
        ended.map_err(stopped)?;
    }
    Ok(())
}

fn stopped(failure: JoinError) -> Error {
    Error::new(Kind::Failed, "a task was stopped").with_source(failure)
}

/// The manifests of one image that will be copied.
struct Selected {
    /// What the source's name resolved to.
    source: Descriptor,
    /// As they are at the source; the root is the last.
    original: Vec<Manifest>,
    /// In media types that have a word for the compression, in the same order.
    manifests: Vec<Manifest>,
}

async fn selected(image: &Image) -> Result<Selected> {
    let (run, encoding) = (&image.layers.run, image.layers.encoding);
    let Selection { source, manifests: original } = select(&image.item, &run.options).await?;
    let is_wordless =
        |manifest: &Manifest| manifest.media_type().is_docker() && wanted(manifest, encoding).next().is_some();
    if encoding.compression() != Compression::Zstd || !original.iter().any(is_wordless) {
        return Ok(Selected { source, manifests: original.clone(), original });
    }
    if run.options.to.is_none() {
        run.tally.on(&Event::Warning("docker's formats have no word for zstd: converting to OCI's media types"));
    }
    Ok(Selected { source, manifests: convert(&original, Format::Oci)?, original })
}

/// Every layer that is wanted.
async fn layers(image: &Image, manifests: &[Manifest]) -> Result<Vec<Layer>> {
    let (source, mut layers) = (&image.item.source, Vec::new());
    for manifest in manifests {
        let Some(parsed) = manifest.as_image() else { continue };
        let mut wanted = wanted(manifest, image.layers.encoding).peekable();
        if wanted.peek().is_none() {
            continue;
        }
        let diff_ids = diff_ids(source.as_ref(), &parsed.config, parsed.layers.len()).await?;
        layers.extend(wanted.map(|(at, layer)| Layer::new(layer.clone(), diff_ids[at], source.clone())));
    }
    Ok(layers)
}

/// The same as all images know them, and those of them that no image asked for before.
async fn claim(image: &Image, layers: Vec<Layer>) -> Result<(Vec<Arc<Layer>>, Vec<Arc<Layer>>)> {
    image.order.claims.begin().await;
    let (mut all, mut new) = (Vec::new(), Vec::new());
    for layer in layers {
        let (layer, is_new) = image.layers.claim(layer)?;
        if is_new {
            new.push(layer.clone());
        }
        all.push(layer);
    }
    image.order.claims.end();
    Ok((all, new))
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

/// Digests and sizes of what layers have become, by the digests that they had before.
struct NewLayers {
    encoding: Encoding,
    became: HashMap<Digest, (Digest, u64)>,
}

impl Edit for NewLayers {
    fn descriptor(&self, manifest: &Manifest, key: &str, entry: &mut Value) -> Result<()> {
        let digest = entry["digest"].as_str().and_then(|digest| digest.parse().ok());
        let Some(digest) = digest.filter(|_| key == "layers") else { return Ok(()) };
        let Some((_, layer)) = wanted(manifest, self.encoding).find(|(_, layer)| layer.digest == digest) else {
            return Ok(());
        };
        let Some((new, size)) = self.became.get(&digest) else { return Ok(()) };
        entry["mediaType"] = Value::from(media_type(&layer.media_type, self.encoding.compression()).as_str());
        entry["digest"] = Value::from(new.to_string());
        entry["size"] = Value::from(*size);
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
