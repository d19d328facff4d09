//! Images of archives that hold no OCI manifest: one is made from docker's list, the config and the layers as they lie there.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::manifest_json::Entry;
use crate::content::tar::{Span, Tar};
use crate::content::{Codec, decoding_error};
use crate::error::Kind;
use crate::oci::{Algorithm, CONFIG_LIMIT, Config, Descriptor, Digest, Hasher, Manifest, MediaType};
use crate::{Error, Result};

const BUFFER: usize = 512 * 1024;

/// What was made, and where its blobs are.
#[derive(Default)]
pub(super) struct Legacy(Mutex<Made>);

#[derive(Default)]
struct Made {
    manifests: HashMap<Digest, Manifest>,
    blobs: HashMap<Digest, Span>,
    /// Layers that were read, by where they are and what they unpack to.
    layers: HashMap<(Span, Digest), Descriptor>,
}

impl Legacy {
    fn made(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn manifest(&self, digest: &Digest) -> Option<Manifest> {
        self.made().manifests.get(digest).cloned()
    }

    pub(super) fn blob(&self, digest: &Digest) -> Option<Span> {
        self.made().blobs.get(digest).copied()
    }

    /// Makes the manifest of an image; blocks, since compressed layers are read once to learn their digests.
    pub(super) fn add(&self, tar: &Tar, entry: &Entry) -> Result<Descriptor> {
        let (config, diff_ids) = self.add_config(tar, entry)?;
        if diff_ids.len() != entry.layers.len() {
            let (layers, ids) = (entry.layers.len(), diff_ids.len());
            return Err(Error::mismatch(format!("manifest.json lists {layers} layers, the config {ids}")));
        }
        let layers = entry.layers.iter().zip(diff_ids).map(|(name, diff_id)| self.add_layer(tar, name, diff_id));
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let media_type = MediaType::OCI_MANIFEST;
        let document = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let manifest = Manifest::parse(document.to_string(), Some(&media_type))?;
        let descriptor = manifest.descriptor();
        self.made().manifests.insert(descriptor.digest, manifest);
        Ok(descriptor)
    }

    fn add_config(&self, tar: &Tar, entry: &Entry) -> Result<(Descriptor, Vec<Digest>)> {
        let span = member(tar, &entry.config)?;
        let bytes = tar.read(span, CONFIG_LIMIT)?;
        let config = Descriptor::of(MediaType::OCI_CONFIG, &bytes);
        if let Some(claimed) = entry.config_digest().filter(|claimed| *claimed != config.digest) {
            let message = format!("config {:?} has digest {}", entry.config, config.digest);
            return Err(Error::mismatch(message).with_digest(claimed));
        }
        self.made().blobs.insert(config.digest, span);
        Ok((config, Config::parse(&bytes)?.rootfs.diff_ids))
    }

    fn add_layer(&self, tar: &Tar, name: &str, diff_id: Digest) -> Result<Descriptor> {
        let span = member(tar, name)?;
        let known = self.made().layers.get(&(span, diff_id)).cloned();
        let layer = known.map_or_else(|| described(tar, span, diff_id), Ok)?;
        let mut made = self.made();
        made.blobs.insert(layer.digest, span);
        made.layers.insert((span, diff_id), layer.clone());
        Ok(layer)
    }
}

fn member(tar: &Tar, name: &str) -> Result<Span> {
    tar.find(name)?.ok_or_else(|| Error::mismatch(format!("the archive lacks {name:?}, which manifest.json lists")))
}

/// The descriptor of a layer. An uncompressed one is named by its diff id and verified when it is read; of a compressed one
/// nobody says the digest, so it is read, and its diff id is what is verified.
fn described(tar: &Tar, span: Span, diff_id: Digest) -> Result<Descriptor> {
    let mut start = Vec::new();
    tar.blocking_reader(span).take(Codec::MAGIC as u64).read_to_end(&mut start).map_err(decoding_error)?;
    let codec = Codec::detect(&start);
    let media_type = match codec {
        Codec::None => return Ok(Descriptor::new(MediaType::OCI_LAYER, diff_id, span.size)),
        Codec::Gzip => MediaType::OCI_LAYER_GZIP,
        Codec::Zstd => MediaType::OCI_LAYER_ZSTD,
        Codec::Xz | Codec::Bzip2 => {
            return Err(Error::new(Kind::Unsupported, format!("layer {diff_id} is compressed with {codec:?}"))
                .with_hint("layers are gzip, zstd or not compressed"));
        }
    };
    let mut compressed = Hashing { inner: tar.blocking_reader(span), hasher: Hasher::new(Algorithm::Sha256) };
    let mut unpacked = Hasher::new(diff_id.algorithm());
    let mut content = codec.decoder(&mut compressed).map_err(decoding_error)?;
    drain(&mut content, |piece| unpacked.update(piece))?;
    drop(content);
    drain(&mut compressed, |_| {})?;
    let found = unpacked.finish();
    if found != diff_id {
        let message = format!("layer {diff_id}: what it unpacks to has digest {found}");
        return Err(Error::mismatch(message).with_digest(diff_id));
    }
    Ok(Descriptor::new(media_type, compressed.hasher.finish(), span.size))
}

fn drain(content: &mut dyn Read, mut each: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match content.read(&mut buffer).map_err(decoding_error)? {
            0 => return Ok(()),
            count => each(&buffer[..count]),
        }
    }
}

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
