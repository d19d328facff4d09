//! Shelves: unnamed temporary files in which compressed layers wait to be moved. Many layers share a file, so open files are few,
//! and none is left behind.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::BlobReader;
use crate::oci::{Digest, Hasher};
use crate::{Error, Result};

/// The files that nobody writes to at the moment.
pub(super) struct Shelves {
    temporary: PathBuf,
    free: Mutex<Vec<Shelf>>,
}

/// A file that layers are written to one after the other.
pub(super) struct Shelf {
    file: Arc<File>,
    end: u64,
}

/// A layer that was compressed anew. Dropped, it takes no room any more.
pub(super) struct Recompressed {
    pub(super) digest: Digest,
    pub(super) size: u64,
    file: Arc<File>,
    offset: u64,
}

impl Shelves {
    /// None yet; they will be in the directory `temporary`.
    pub(super) fn new(temporary: PathBuf) -> Self {
        Self { temporary, free: Mutex::default() }
    }

    /// One to write to.
    pub(super) fn take(&self) -> Result<Shelf> {
        if let Some(shelf) = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(shelf);
        }
        let file = tempfile::tempfile_in(&self.temporary)
            .map_err(|error| Error::local(format!("make a temporary file in {}", self.temporary.display()), error))?;
        Ok(Shelf { file: Arc::new(file), end: 0 })
    }

    /// Gives it back for the next layer.
    pub(super) fn give_back(&self, shelf: Shelf) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(shelf);
    }
}

impl Shelf {
    /// Starts a layer behind the last one; its digest will be of the same algorithm as `digest`.
    pub(super) fn begin(&self, digest: &Digest) -> Written<'_> {
        Written { shelf: self, size: 0, hasher: Hasher::new(digest.algorithm()) }
    }

    /// The layer is written: `size` bytes of this digest.
    pub(super) fn end(&mut self, digest: Digest, size: u64) -> Recompressed {
        let offset = self.end;
        self.end += size;
        Recompressed { digest, size, file: self.file.clone(), offset }
    }
}

impl Recompressed {
    /// Its bytes from offset `from` on.
    pub(super) fn reader(&self, from: u64) -> Result<BlobReader> {
        let file = self.file.try_clone().map_err(|error| Error::local("open a temporary file again", error))?;
        Ok(BlobReader::from_file(file, self.offset + from, self.size.saturating_sub(from)))
    }
}

impl Drop for Recompressed {
    /// Where files can have no holes, the room is there again when all layers of the file are gone.
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::FallocateFlags;
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.file, hole, self.offset, self.size);
        }
    }
}

/// Hashes and counts what goes to a shelf.
pub(super) struct Written<'a> {
    shelf: &'a Shelf,
    size: u64,
    hasher: Hasher,
}

impl Written<'_> {
    /// What was written.
    pub(super) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.size)
    }
}

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.shelf.file.write_at(bytes, self.shelf.end + self.size)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn put(shelf: &mut Shelf, content: &[u8]) -> Recompressed {
        let mut written = shelf.begin(&Digest::of(b""));
        written.write_all(content).unwrap();
        let (digest, size) = written.finish();
        assert_eq!((digest, size), (Digest::of(content), content.len() as u64));
        shelf.end(digest, size)
    }

    #[tokio::test]
    async fn layers_stand_one_behind_the_other_and_leave_room_when_they_go() {
        let directory = tempfile::tempdir().unwrap();
        let shelves = Shelves::new(directory.path().to_owned());
        let mut shelf = shelves.take().unwrap();
        let (large, small) = (vec![7; 1 << 20], b"small");
        let first = put(&mut shelf, &large);
        let second = put(&mut shelf, small);
        let used = |shelf: &Shelf| shelf.file.metadata().unwrap().blocks() * 512;
        assert!(used(&shelf) >= 1 << 20);
        assert_eq!(first.reader(1).unwrap().read_to_end(1 << 20).await.unwrap(), large[1..]);
        // What has no bytes takes none of the next one's with it.
        let (empty, third) = (put(&mut shelf, b""), put(&mut shelf, b"third"));
        drop((first, empty));
        if cfg!(target_os = "linux") {
            assert!(used(&shelf) < 1 << 19, "{}", used(&shelf));
        }
        shelves.give_back(shelf);
        let fourth = put(&mut shelves.take().unwrap(), b"fourth");
        assert_eq!(second.reader(0).unwrap().read_to_end(9).await.unwrap(), &small[..]);
        assert_eq!(third.reader(0).unwrap().read_to_end(9).await.unwrap(), &b"third"[..]);
        assert_eq!(fourth.reader(2).unwrap().read_to_end(9).await.unwrap(), &b"urth"[..]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
