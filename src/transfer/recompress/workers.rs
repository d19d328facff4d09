//! Workers: a layer's bytes are read and verified as any blob's, while other threads work on them.

use std::sync::Arc;
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Recompress;
use super::layers::Layer;
use super::shelf::{Recompressed, Shelves};
use super::work::{Pieces, Work};
use crate::content::{Encoding, PIECE, Verifier};
use crate::error::{Kind, Side};
use crate::oci::Compression;
use crate::transfer::RateLimit;
use crate::transfer::event::{BlobEvent, Event};
use crate::transfer::run::Run;
use crate::{Error, Result};

/// Most threads that compress at a time, and most for one layer: more than one decoder can feed.
const THREADS: usize = 16;
const THREADS_OF_LAYER: u32 = 4;
/// For each so many bytes of a layer a thread is worth its while.
const SHARE: u64 = 1024 * 1024;
/// Pieces that wait for a decoder.
const AHEAD: usize = 2;

/// Threads and temporary files that the layers of one run share.
pub(super) struct Workers {
    run: Arc<Run>,
    encoding: Encoding,
    most_threads: u32,
    threads: Arc<Semaphore>,
    /// How many layers are read at a time.
    jobs: Arc<Semaphore>,
    shelves: Shelves,
}

/// The threads that one layer may use.
pub(super) struct Turn {
    threads: u32,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Workers {
    pub(super) fn new(run: Arc<Run>, how: &Recompress) -> Self {
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS));
        Self {
            encoding: how.encoding,
            most_threads: THREADS_OF_LAYER.min(threads as u32),
            threads: Arc::new(Semaphore::new(threads)),
            jobs: Arc::new(Semaphore::new(run.options.jobs.near.max(1))),
            shelves: Shelves::new(how.temporary.clone()),
            run,
        }
    }

    /// Waits until `layer` may be compressed. Turns come in the order in which they are asked for.
    pub(super) async fn turn(&self, layer: &Layer) -> Turn {
        let wanted = match self.encoding.compression() {
            Compression::None => 1,
            Compression::Gzip | Compression::Zstd => layer.descriptor.size / SHARE + 1,
        };
        let threads = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.most_threads);
        // They are never closed.
        let job = self.jobs.clone().acquire_owned().await.ok();
        Turn { threads, _permits: [job, self.threads.clone().acquire_many_owned(threads).await.ok()] }
    }

    /// Compresses `layer` anew.
    pub(super) async fn recompress(&self, layer: &Layer, turn: Turn) -> Result<Recompressed> {
        self.with_retry(layer, turn.threads).await.map_err(|error| {
            let digest = layer.descriptor.digest;
            let error = error.at(Side::Source, format!("recompress layer {digest}")).with_digest(digest);
            self.tell(layer, BlobEvent::Failed(&error));
            error
        })
    }

    /// Bytes that came wrong are fetched once more, as everywhere; of those that came right no more is to be hoped for.
    async fn with_retry(&self, layer: &Layer, threads: u32) -> Result<Recompressed> {
        match self.attempt(layer, threads).await {
            (Err(error), _) if error.kind() == Kind::Mismatch => {
                let (fed, done) = self.attempt(layer, threads).await;
                fed.and(done)
            }
            (fed, done) => fed.and(done),
        }
    }

    /// What became of reading, and of the work.
    async fn attempt(&self, layer: &Layer, threads: u32) -> (Result<()>, Result<Recompressed>) {
        let mut shelf = match self.shelves.take() {
            Ok(shelf) => shelf,
            Err(error) => return (Ok(()), Err(error)),
        };
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (digest, diff_id) = (layer.descriptor.digest, layer.diff_id);
        let work = Work { digest, diff_id, encoding: self.encoding, threads };
        let work = tokio::task::spawn_blocking(move || (work.run(Pieces::new(receiver), &mut shelf), shelf));
        let fed = self.feed(layer, sender).await;
        match work.await {
            Ok((done, shelf)) => {
                self.shelves.give_back(shelf);
                (fed, done)
            }
            Err(failure) => (fed, Err(Error::new(Kind::Failed, "a task was stopped").with_source(failure))),
        }
    }

    /// Reads the layer and hands it on. Once nobody takes the pieces any more the rest is read all the same: whether the bytes
    /// are the right ones tells whose failure it is.
    async fn feed(&self, layer: &Layer, sender: mpsc::Sender<Option<Bytes>>) -> Result<()> {
        let limit = self.run.options.limit.as_deref().filter(|_| layer.source.repository().is_some());
        let mut reader = layer.source.blob(&layer.descriptor, 0).await?;
        let mut verifier = Verifier::new(&layer.descriptor);
        self.tell(layer, BlobEvent::Recompressing(0));
        loop {
            let mut piece = BytesMut::with_capacity(limit.map_or(PIECE, RateLimit::piece));
            let count = reader.read_into(&mut piece).await?;
            if count == 0 {
                break;
            }
            if let Some(limit) = limit {
                limit.pass(count).await;
            }
            verifier.update(&piece)?;
            let _ = sender.send(Some(piece.freeze())).await;
            self.tell(layer, BlobEvent::Recompressing(count as u64));
        }
        verifier.finish()?;
        let _ = sender.send(None).await;
        Ok(())
    }

    fn tell(&self, layer: &Layer, event: BlobEvent<'_>) {
        self.run.tally.on(&Event::Blob(&layer.descriptor, event));
    }
}
