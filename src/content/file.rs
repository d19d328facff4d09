//! Reading local files that somebody else may have prepared: regular ones only, never through a link, never waiting.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use rustix::buffer::spare_capacity;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::disk::READS;
use super::{BlobReader, PIECE, Pieces};
use crate::error::Kind;
use crate::{Error, Result};

/// Opens a regular file. Errs with [`Kind::NotFound`] where there is none, [`Kind::Unsafe`] where the path is a link, a
/// directory, a FIFO or a device: nothing of these is read, and none of them can make us wait.
pub fn open_regular(path: &Path) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let refused = |what: &str| Error::new(Kind::Unsafe, format!("{} is {what}: not read", path.display()));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(refused("a symbolic link").with_hint("copy the files with their links resolved: cp -RL"));
        }
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return Err(refused("no regular file"));
        }
        Err(error) => return Err(failed(path, error)),
    };
    if !file.metadata().map_err(|error| failed(path, error))?.is_file() {
        return Err(refused("no regular file"));
    }
    Ok(file)
}

/// All of a small regular file. Errs with [`Kind::Mismatch`] where it is longer than `limit` bytes.
pub fn read_regular(path: &Path, limit: u64) -> Result<Bytes> {
    let file = open_regular(path)?;
    let mut content = Vec::new();
    (&file).take(limit + 1).read_to_end(&mut content).map_err(|error| failed(path, error))?;
    if content.len() as u64 > limit {
        return Err(Error::mismatch(format!("{} is larger than the limit of {limit} bytes", path.display())));
    }
    Ok(content.into())
}

impl BlobReader {
    /// A reader of `size` bytes of `file`, from offset `from` on.
    pub fn from_file(file: File, from: u64, size: u64) -> Self {
        Self::new(size, FilePieces { file: Arc::new(file), offset: from, left: size })
    }
}

struct FilePieces {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

#[async_trait]
impl Pieces for FilePieces {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        if buffer.capacity() == buffer.len() {
            buffer.reserve(PIECE);
        }
        let (start, spare) = (buffer.len(), buffer.capacity() - buffer.len());
        let wanted = usize::try_from(self.left).map_or(spare, |left| left.min(spare));
        let (file, offset, mut piece) = (self.file.clone(), self.offset, std::mem::take(buffer));
        *buffer = READS
            .run(move || {
                piece.resize(start + wanted, 0);
                let filled = fill(&file, offset, &mut piece[start..])?;
                piece.truncate(start + filled);
                Ok(piece)
            })
            .await?;
        let filled = buffer.len() - start;
        self.offset += filled as u64;
        self.left -= filled as u64;
        Ok(filled)
    }

    async fn piece(&mut self, most: usize) -> Result<Bytes> {
        let wanted = usize::try_from(self.left).map_or(most, |left| left.min(most));
        let (file, offset) = (self.file.clone(), self.offset);
        let piece = READS.run(move || read(&file, offset, wanted)).await?;
        self.offset += piece.len() as u64;
        self.left = self.left.saturating_sub(piece.len() as u64);
        Ok(piece)
    }
}

/// Reads `wanted` bytes, or what the file has of them, into memory that was not filled with anything before.
pub(super) fn read(file: &File, offset: u64, wanted: usize) -> Result<Bytes> {
    let mut piece = Vec::with_capacity(wanted);
    while piece.len() < wanted {
        let at = offset + piece.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut piece), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Error::local("read a blob", error.into())),
        }
    }
    Ok(piece.into())
}

/// Reads until `piece` is full or the file ends.
fn fill(file: &File, offset: u64, piece: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read_at(&mut piece[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::local("read a blob", error)),
        }
    }
    Ok(filled)
}

fn failed(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::not_found(format!("{} does not exist", path.display())).with_source(error)
        }
        _ => Error::local(format!("read {}", path.display()), error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn t110_only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::io::Write::write_all(&mut File::create_new(at("file")).unwrap(), b"abc").unwrap();
        symlink("file", at("link")).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();

        assert_eq!(read_regular(&at("file"), 3).unwrap(), "abc");
        assert_eq!(read_regular(&at("file"), 2).unwrap_err().kind(), Kind::Mismatch);
        for name in ["link", "directory", "fifo", "socket"] {
            assert_eq!(open_regular(&at(name)).unwrap_err().kind(), Kind::Unsafe, "{name}");
        }
        assert_eq!(open_regular(Path::new("/dev/zero")).unwrap_err().kind(), Kind::Unsafe);
        assert_eq!(open_regular(&at("missing")).unwrap_err().kind(), Kind::NotFound);
    }

    #[tokio::test]
    async fn reads_a_part_in_pieces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::io::Write::write_all(&mut File::create_new(&path).unwrap(), b"0123456789").unwrap();
        let mut reader = BlobReader::from_file(open_regular(&path).unwrap(), 2, 5);
        let mut buffer = BytesMut::with_capacity(3);
        assert_eq!(reader.read_into(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..], b"234");
        buffer.reserve(10);
        assert_eq!(reader.read_into(&mut buffer).await.unwrap(), 2);
        assert_eq!(reader.read_into(&mut buffer).await.unwrap(), 0);
        assert_eq!(&buffer[..], b"23456");
        let mut reader = BlobReader::from_file(open_regular(&path).unwrap(), 7, 9);
        assert_eq!(reader.piece(2).await.unwrap(), "78");
        assert_eq!(reader.piece(PIECE).await.unwrap(), "9", "the file is shorter than it was said to be");
        assert!(reader.piece(PIECE).await.unwrap().is_empty());
    }
}
