//! Spool: blobs whose turn in a pipe has not come yet, each in an unnamed file of the temporary directory. Who gets room gets it
//! for all of a blob: nobody stops half way and keeps a connection that the blob before it may need.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::stream::Failure;
use crate::content::{PIECE, blocking};
use crate::{Error, Result};

/// Most bytes that wait at a time.
pub(super) const LIMIT: u64 = 1 << 30;
/// Room is given out in blocks, which bounds how many files are open too.
const BLOCK: u64 = 8 << 20;

/// Room for what came before its turn.
pub(super) struct Spool {
    directory: PathBuf,
    blocks: usize,
    room: Arc<Semaphore>,
}

/// The start of a blob, which waits for its turn. Its room is free again when it is dropped.
pub(super) struct Spooled {
    directory: PathBuf,
    file: File,
    length: u64,
    room: OwnedSemaphorePermit,
}

impl Spool {
    /// Room for `limit` bytes in `directory`.
    pub(super) fn new(directory: &Path, limit: u64) -> Self {
        let blocks = usize::try_from(limit / BLOCK).unwrap_or(Semaphore::MAX_PERMITS);
        Self { directory: directory.to_owned(), blocks, room: Arc::new(Semaphore::new(blocks)) }
    }

    /// Waits for room for all of a blob. `None` where there is none in this directory, or never so much: whoever waits for more
    /// permits than there are keeps those that become free from all others.
    pub(super) async fn room(&self, size: u64) -> Option<Spooled> {
        let blocks = u32::try_from(size.div_ceil(BLOCK).max(1)).ok()?;
        if blocks as usize > self.blocks {
            return None;
        }
        let room = self.room.clone().acquire_many_owned(blocks).await.ok()?;
        let directory = self.directory.clone();
        blocking(move || Ok(Spooled::create(directory, size, room))).await.ok()?.ok()
    }
}

impl Spooled {
    /// Keeps `size` bytes of the disk. Errs where the file system cannot: room that is not kept may be gone half way.
    fn create(directory: PathBuf, size: u64, room: OwnedSemaphorePermit) -> io::Result<Self> {
        let file = tempfile::tempfile_in(&directory)?;
        rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, size.max(1))?;
        Ok(Self { directory, file, length: 0, room })
    }

    /// Takes the next piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(piece, self.length);
        written
            .map_err(|error| Error::local(format!("write a temporary file in {}", self.directory.display()), error))?;
        self.length += piece.len() as u64;
        Ok(())
    }

    /// What comes next goes elsewhere.
    pub(super) fn end(&mut self) {
        // It only frees space, and that of the whole file soon.
        let _ = self.file.set_len(self.length);
        let blocks = usize::try_from(self.length.div_ceil(BLOCK)).unwrap_or(usize::MAX);
        drop(self.room.split(self.room.num_permits().saturating_sub(blocks.max(1))));
    }

    /// Writes everything to `to`; what was written is gone from the disk.
    pub(super) fn copy(mut self, to: &mut impl Write) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE.min(usize::try_from(self.length).unwrap_or(PIECE))];
        let mut at = 0;
        while at < self.length {
            let left = usize::try_from(self.length - at).unwrap_or(PIECE).min(piece.len());
            let read = self.file.read_exact_at(&mut piece[..left], at);
            read.map_err(|error| Failure::Temporary(self.directory.clone(), error))?;
            to.write_all(&piece[..left]).map_err(Failure::Pipe)?;
            at += left as u64;
            if at.is_multiple_of(BLOCK) {
                self.give_back(at - BLOCK);
            }
        }
        Ok(())
    }

    /// Frees the block at `at`, where the file system can.
    fn give_back(&mut self, at: u64) {
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if rustix::fs::fallocate(&self.file, hole, at, BLOCK).is_ok() {
            drop(self.room.split(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use futures::FutureExt;

    use super::*;

    fn spool(directory: &Path) -> Spool {
        Spool::new(directory, 4 * BLOCK)
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_and_what_never_fits_keeps_nobody_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let first = spool.room(3 * BLOCK - 5).await.unwrap();
        let second = spool.room(1).await.unwrap();
        assert!(spool.room(1).now_or_never().is_none());
        assert!(spool.room(4 * BLOCK + 1).now_or_never().unwrap().is_none());
        drop(second);
        assert!(spool.room(BLOCK).await.is_some());
        drop(first);
        assert!(spool.room(4 * BLOCK).await.is_some());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "unnamed");
    }

    #[tokio::test]
    async fn room_and_disk_are_given_back_block_by_block() {
        struct Watched(Vec<u8>, File, Vec<u64>, Arc<Semaphore>, Vec<usize>);
        impl Write for Watched {
            fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
                self.2.push(self.1.metadata()?.blocks() * 512);
                self.4.push(self.3.available_permits());
                self.0.extend_from_slice(piece);
                Ok(piece.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let mut spooled = spool.room(3 * BLOCK).await.unwrap();
        let content: Vec<u8> = (0..2 * BLOCK + 9).map(|at| (at / 7) as u8).collect();
        content.chunks(PIECE - 3).for_each(|piece| spooled.write(piece).unwrap());
        spooled.end();
        assert_eq!(spool.room.available_permits(), 1);
        let file = spooled.file.try_clone().unwrap();
        let mut watched = Watched(Vec::new(), file, Vec::new(), spool.room.clone(), Vec::new());
        spooled.copy(&mut watched).map_err(drop).unwrap();
        assert!(watched.0 == content);
        assert_eq!((watched.4[0], watched.4.last()), (1, Some(&3)));
        assert!(watched.2[0] >= 2 * BLOCK && *watched.2.last().unwrap() < BLOCK, "{:?}", watched.2);
        assert_eq!(spool.room.available_permits(), 4);
    }

    #[tokio::test]
    async fn without_a_directory_there_is_no_room() {
        let directory = tempfile::tempdir().unwrap();
        assert!(spool(&directory.path().join("missing")).room(1).await.is_none());
    }
}
