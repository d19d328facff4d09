//! Layers: what is compressed anew in one run, each once however many images need it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures::future;
use tokio::sync::{SetOnce, mpsc};

use super::memory::Memory;
use super::shelf::Recompressed;
use super::source::RecompressedSource;
use super::workers::{Turn, Workers};
use super::{Recompress, media_type};
use crate::content::{BlobReader, Encoding};
use crate::oci::{Descriptor, Digest};
use crate::transfer::Item;
use crate::transfer::blob::Job;
use crate::transfer::current::address;
use crate::transfer::event::{BlobEvent, Event};
use crate::transfer::run::Run;
use crate::transport::{Destination, Source};
use crate::{Error, Result};

/// A layer to compress anew.
pub(super) struct Layer {
    pub(super) descriptor: Descriptor,
    pub(super) diff_id: Digest,
    pub(super) source: Arc<dyn Source>,
    /// What takes its place, once that is known.
    pub(super) became: SetOnce<Descriptor>,
    /// The bytes of that, as long as somebody holds them.
    bytes: tokio::sync::Mutex<Weak<Recompressed>>,
}

/// What the images of one run share.
pub(super) struct Layers {
    pub(super) run: Arc<Run>,
    pub(super) encoding: Encoding,
    known: Mutex<HashMap<Digest, Arc<Layer>>>,
    workers: Workers,
    memory: Option<Memory>,
    /// Where blobs go that may move before the plan of their image is made, and failures that shall stop the run.
    ahead: mpsc::UnboundedSender<Result<Job>>,
    /// What one destination has, others may lack.
    goes_to_many: bool,
    held: Mutex<Vec<Arc<Recompressed>>>,
}

impl Layer {
    pub(super) fn new(descriptor: Descriptor, diff_id: Digest, source: Arc<dyn Source>) -> Self {
        Self { descriptor, diff_id, source, became: SetOnce::new(), bytes: tokio::sync::Mutex::default() }
    }
}

impl Layers {
    /// None yet of those of `items`.
    pub(super) fn new(
        run: Arc<Run>,
        how: &Recompress,
        items: &[Item],
        ahead: mpsc::UnboundedSender<Result<Job>>,
    ) -> Self {
        let first = items.first().map(|item| address(&item.destination));
        Self {
            encoding: how.encoding,
            known: Mutex::default(),
            workers: Workers::new(run.clone(), how),
            memory: how.memory.as_ref().map(|directory| Memory::new(directory.clone(), how.encoding)),
            run,
            ahead,
            goes_to_many: items.iter().any(|item| Some(address(&item.destination)) != first),
            held: Mutex::default(),
        }
    }

    /// The layer as all images know it, and whether it is new: whoever brings it sees to it.
    pub(super) fn claim(&self, layer: Layer) -> Result<(Arc<Layer>, bool)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = layer.descriptor.digest;
        let Some(known) = known.get(&digest) else {
            let layer = Arc::new(layer);
            known.insert(digest, layer.clone());
            return Ok((layer, true));
        };
        match known.diff_id == layer.diff_id {
            true => Ok((known.clone(), false)),
            false => Err(Error::mismatch(format!("layer {digest} has two diff ids")).with_digest(digest)),
        }
    }

    /// Those of `layers` of which it is not known from earlier runs what `destination` has in their place.
    pub(super) async fn unknown(&self, layers: Vec<Arc<Layer>>, destination: &dyn Destination) -> Vec<Arc<Layer>> {
        let ask = |layer: Arc<Layer>| async move {
            let Some(known) = self.recall(&layer, destination).await else { return Some(layer) };
            self.tell(&layer, known);
            None
        };
        future::join_all(layers.into_iter().map(ask)).await.into_iter().flatten().collect()
    }

    /// Waits until `layer` may be compressed.
    pub(super) async fn turn(&self, layer: &Layer) -> Turn {
        self.workers.turn(layer).await
    }

    /// Compresses `layer` anew. It goes ahead of the plan of its image where blobs may go in any order.
    pub(super) async fn make(
        &self,
        layer: &Layer,
        turn: Turn,
        (source, destination): (&RecompressedSource, &Arc<dyn Destination>),
    ) -> Result<()> {
        let made = Arc::new(self.workers.recompress(layer, turn).await?);
        if let Some(memory) = &self.memory {
            memory.note(layer, (made.digest, made.size));
        }
        *layer.bytes.lock().await = Arc::downgrade(&made);
        let descriptor = self.descriptor(layer, made.digest, made.size);
        if self.goes_to_many || destination.is_ordered() {
            self.hold(made.clone());
        }
        if !destination.is_ordered() {
            let (source, destination) = (Arc::new(source.holding(made)), destination.clone());
            // Nobody takes it where the run has failed already.
            let _ = self.ahead.send(Ok(Job { descriptor: descriptor.clone(), source, destination }));
        }
        self.tell(layer, descriptor);
        Ok(())
    }

    /// A failure that the run shall not learn of only when the images before are through.
    pub(super) fn fail(&self, error: Error) {
        let _ = self.ahead.send(Err(error));
    }

    /// What `layer` has become, from offset `from` on. What moved ahead is not there any more: should it be needed again, or
    /// have been known from an earlier run alone, it is compressed once more.
    pub(super) async fn reader(&self, layer: &Layer, from: u64) -> Result<BlobReader> {
        let mut bytes = layer.bytes.lock().await;
        if let Some(made) = bytes.upgrade() {
            return made.reader(from);
        }
        let made = Arc::new(self.workers.recompress(layer, self.turn(layer).await).await?);
        let expected = layer.became.wait().await.digest;
        if made.digest != expected {
            if let Some(memory) = &self.memory {
                memory.forget(layer);
            }
            let message = format!("it is compressed to {} now, and was to {expected} before", made.digest);
            return Err(Error::mismatch(message).with_digest(layer.descriptor.digest));
        }
        *bytes = Arc::downgrade(&made);
        let reader = made.reader(from);
        self.hold(made);
        reader
    }

    /// A destination that cannot be asked gets it.
    async fn recall(&self, layer: &Layer, destination: &dyn Destination) -> Option<Descriptor> {
        let (digest, size) = self.memory.as_ref()?.recall(layer)?;
        let descriptor = self.descriptor(layer, digest, size);
        destination.has(&descriptor).await.unwrap_or(false).then_some(descriptor)
    }

    fn descriptor(&self, layer: &Layer, digest: Digest, size: u64) -> Descriptor {
        let media_type = media_type(&layer.descriptor.media_type, self.encoding.compression());
        Descriptor::new(media_type, digest, size)
    }

    fn tell(&self, layer: &Layer, became: Descriptor) {
        self.run.tally.on(&Event::Blob(&layer.descriptor, BlobEvent::Recompressed(&became)));
        let _ = layer.became.set(became);
    }

    fn hold(&self, made: Arc<Recompressed>) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }
}
