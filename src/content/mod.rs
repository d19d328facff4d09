//! Bytes at rest and in motion: readers of known size, verification on the way, files that appear whole.

mod ahead;
mod atomic_file;
mod compress;
mod disk;
mod file;
mod stop;
pub mod tar;
mod verify;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

pub use ahead::Ahead;
pub use atomic_file::{Access, AtomicFile};
pub(crate) use atomic_file::{make_directory, sync_directory};
pub use compress::{Codec, Encoder, Encoding, decoding_error};
pub(crate) use disk::{WRITES, blocking};
pub use file::{open_regular, read_regular};
#[cfg(debug_assertions)]
pub use stop::stand_still_at;
pub(crate) use stop::stop_at;
pub use verify::Verifier;

use crate::{Error, Result};

/// How many bytes are read, hashed and written at a time: large enough to make system calls rare, small enough for the cache.
pub const PIECE: usize = 512 * 1024;

/// Where a [`BlobReader`] gets its bytes.
#[async_trait]
pub trait Pieces: Send {
    /// Appends to `buffer` until its spare capacity is full or the content ends. Returns how many bytes came; 0 is the end.
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize>;

    /// The next bytes, at most `most` of them, as they lie where that saves a copy; none at the end.
    async fn piece(&mut self, most: usize) -> Result<Bytes> {
        let mut buffer = BytesMut::with_capacity(most);
        self.read_into(&mut buffer).await?;
        Ok(buffer.freeze())
    }
}

/// A blob on its way: a stream whose size was said beforehand.
pub struct BlobReader {
    size: u64,
    pieces: Box<dyn Pieces>,
}

impl BlobReader {
    /// A reader of the `size` bytes that `pieces` still has.
    pub fn new(size: u64, pieces: impl Pieces + 'static) -> Self {
        Self { size, pieces: Box::new(pieces) }
    }

    /// A reader of bytes in memory.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes.len() as u64, Memory(bytes))
    }

    /// How many bytes were promised when the reader was made.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// See [`Pieces::read_into`].
    pub async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        self.pieces.read_into(buffer).await
    }

    /// See [`Pieces::piece`].
    pub async fn piece(&mut self, most: usize) -> Result<Bytes> {
        self.pieces.piece(most).await
    }

    /// Everything, in memory. Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) where it is more than `limit` bytes.
    pub async fn read_to_end(mut self, limit: u64) -> Result<Bytes> {
        let mut all = BytesMut::new();
        loop {
            all.reserve(PIECE.min(64 * 1024));
            if self.read_into(&mut all).await? == 0 {
                return Ok(all.freeze());
            }
            if all.len() as u64 > limit {
                return Err(Error::mismatch(format!("content is larger than the limit of {limit} bytes")));
            }
        }
    }
}

struct Memory(Bytes);

#[async_trait]
impl Pieces for Memory {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        let count = self.0.len().min((buffer.capacity() - buffer.len()).max(1));
        buffer.extend_from_slice(&self.0.split_to(count));
        Ok(count)
    }

    async fn piece(&mut self, most: usize) -> Result<Bytes> {
        Ok(self.0.split_to(self.0.len().min(most)))
    }
}
