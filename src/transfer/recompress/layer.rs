//! One layer: its bytes are read and verified as any blob's, and on another thread decoded, checked against the diff id,
//! encoded and written to a temporary file. Nothing of it is held whole.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Semaphore, mpsc};

use super::Recompress;
use crate::content::{BlobReader, Codec, Encoding, PIECE, Verifier, decoding_error};
use crate::error::{Kind, Side};
use crate::oci::{Compression, Descriptor, Digest, Hasher};
use crate::transfer::RateLimit;
use crate::transfer::event::{BlobEvent, Event, Tally};
use crate::transport::Source;
use crate::{Error, Result};

/// Most threads that compress at a time, and most for one layer: more than one decoder can feed.
const THREADS: usize = 16;
const THREADS_OF_LAYER: u32 = 4;
/// For each so many bytes of a layer a thread is worth its while.
const SHARE: u64 = 1024 * 1024;
/// Pieces that wait for a decoder.
const AHEAD: usize = 2;
/// Decoded bytes that are handed on at a time.
const BUFFER: usize = 256 * 1024;

/// A layer to compress anew.
pub(super) struct Layer {
    pub(super) descriptor: Descriptor,
    pub(super) diff_id: Digest,
    pub(super) source: Arc<dyn Source>,
}

/// A layer that was compressed anew.
pub(super) struct Recompressed {
    pub(super) digest: Digest,
    pub(super) size: u64,
    file: Arc<File>,
    offset: u64,
}

impl Recompressed {
    /// Its bytes from offset `from` on.
    pub(super) fn reader(&self, from: u64) -> Result<BlobReader> {
        let file = self.file.try_clone().map_err(|error| Error::local("open a temporary file again", error))?;
        Ok(BlobReader::from_file(file, self.offset + from, self.size.saturating_sub(from)))
    }
}

/// Threads and temporary files that the layers of one run share.
pub(super) struct Workers<'a> {
    how: &'a Recompress,
    limit: Option<&'a RateLimit>,
    most_threads: u32,
    threads: Semaphore,
    spools: Mutex<Vec<Spool>>,
}

/// A temporary file without a name that layers are written to one after the other: open files are few, and none is left behind.
struct Spool {
    file: Arc<File>,
    end: u64,
}

impl<'a> Workers<'a> {
    pub(super) fn new(how: &'a Recompress, limit: Option<&'a RateLimit>) -> Self {
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS));
        let most_threads = THREADS_OF_LAYER.min(threads as u32);
        Self { how, limit, most_threads, threads: Semaphore::new(threads), spools: Mutex::default() }
    }

    /// Compresses `layer` anew; returns the digest that it had with what it is now.
    pub(super) async fn recompress(&self, layer: Layer, tally: &Tally) -> Result<(Digest, Recompressed)> {
        let digest = layer.descriptor.digest;
        let layer = Arc::new(layer);
        let done = self.with_retry(&layer, tally).await;
        let done = done.map_err(|error| {
            let error = error.at(Side::Source, format!("recompress layer {digest}")).with_digest(digest);
            tally.on(&Event::Blob(&layer.descriptor, BlobEvent::Failed(&error)));
            error
        })?;
        let into = Descriptor::new(layer.descriptor.media_type.clone(), done.digest, done.size);
        tally.on(&Event::Blob(&layer.descriptor, BlobEvent::Recompressed(&into)));
        Ok((digest, done))
    }

    /// Bytes that came wrong are fetched once more, as everywhere; of those that came right no more is to be hoped for.
    async fn with_retry(&self, layer: &Arc<Layer>, tally: &Tally) -> Result<Recompressed> {
        match self.attempt(layer, tally).await {
            (Err(error), _) if error.kind() == Kind::Mismatch => {
                let (fed, done) = self.attempt(layer, tally).await;
                fed.and(done)
            }
            (fed, done) => fed.and(done),
        }
    }

    /// What became of reading, and of the work.
    async fn attempt(&self, layer: &Arc<Layer>, tally: &Tally) -> (Result<()>, Result<Recompressed>) {
        let wanted = match self.how.encoding.compression() {
            Compression::None => 1,
            Compression::Gzip | Compression::Zstd => layer.descriptor.size / SHARE + 1,
        };
        let threads = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.most_threads);
        let _permit = self.threads.acquire_many(threads).await;
        let spool = match self.spool() {
            Ok(spool) => spool,
            Err(error) => return (Ok(()), Err(error)),
        };
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (encoding, worked_on) = (self.how.encoding, Arc::clone(layer));
        let work = tokio::task::spawn_blocking(move || {
            let mut work = Work { layer: &worked_on, encoding, threads, spool };
            let done = work.run(Pieces { receiver, piece: Bytes::new(), has_ended: false });
            (done, work.spool)
        });
        let fed = self.feed(layer, sender, tally).await;
        match work.await {
            Ok((done, spool)) => {
                self.spools.lock().unwrap_or_else(PoisonError::into_inner).push(spool);
                (fed, done)
            }
            Err(failure) => (fed, Err(Error::new(Kind::Failed, "a task was stopped").with_source(failure))),
        }
    }

    /// Reads the layer and hands it on. Once nobody takes the pieces any more the rest is read all the same: whether the bytes
    /// are the right ones tells whose failure it is.
    async fn feed(&self, layer: &Layer, sender: mpsc::Sender<Option<Bytes>>, tally: &Tally) -> Result<()> {
        let tell = |count| tally.on(&Event::Blob(&layer.descriptor, BlobEvent::Recompressing(count)));
        let limit = self.limit.filter(|_| layer.source.repository().is_some());
        let mut reader = layer.source.blob(&layer.descriptor, 0).await?;
        let mut verifier = Verifier::new(&layer.descriptor);
        tell(0);
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
            tell(count as u64);
        }
        verifier.finish()?;
        let _ = sender.send(None).await;
        Ok(())
    }

    fn spool(&self) -> Result<Spool> {
        if let Some(spool) = self.spools.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(spool);
        }
        let temporary = &self.how.temporary;
        let file = tempfile::tempfile_in(temporary)
            .map_err(|error| Error::local(format!("make a temporary file in {}", temporary.display()), error))?;
        Ok(Spool { file: Arc::new(file), end: 0 })
    }
}

/// What [`Workers::feed`] hands on. Whoever stops before the end has failed.
struct Pieces {
    receiver: mpsc::Receiver<Option<Bytes>>,
    piece: Bytes,
    has_ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.has_ended {
            match self.receiver.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.has_ended = true,
                None => return Err(io::Error::other("the layer broke off")),
            }
        }
        let count = self.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

/// What is done on a thread of its own.
struct Work<'a> {
    layer: &'a Layer,
    encoding: Encoding,
    threads: u32,
    spool: Spool,
}

impl Work<'_> {
    fn run(&mut self, mut input: Pieces) -> Result<Recompressed> {
        let mut start = Vec::new();
        input.by_ref().take(Codec::MAGIC as u64).read_to_end(&mut start).map_err(decoding_error)?;
        let mut content = Codec::detect(&start).decoder(start.chain(input)).map_err(decoding_error)?;
        let written =
            Written { spool: &self.spool, size: 0, hasher: Hasher::new(self.layer.descriptor.digest.algorithm()) };
        let mut encoder =
            self.encoding.encoder(BufWriter::with_capacity(PIECE, written), self.threads).map_err(cannot_write)?;
        let mut unpacked = Hasher::new(self.layer.diff_id.algorithm());
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(decoding_error(error)),
            };
            unpacked.update(&buffer[..count]);
            encoder.write_all(&buffer[..count]).map_err(cannot_write)?;
        }
        let found = unpacked.finish();
        if found != self.layer.diff_id {
            let diff_id = self.layer.diff_id;
            return Err(Error::mismatch(format!("it unpacks to {found}, its config says {diff_id}")));
        }
        let output = encoder.finish().map_err(cannot_write)?;
        let Written { size, hasher, .. } = output.into_inner().map_err(|error| cannot_write(error.into_error()))?;
        let offset = self.spool.end;
        self.spool.end += size;
        Ok(Recompressed { digest: hasher.finish(), size, file: self.spool.file.clone(), offset })
    }
}

fn cannot_write(error: io::Error) -> Error {
    Error::local("write a temporary file", error)
}

/// Hashes and counts what goes to a temporary file.
struct Written<'a> {
    spool: &'a Spool,
    size: u64,
    hasher: Hasher,
}

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.spool.file.write_at(bytes, self.spool.end + self.size)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
