//! Ahead: a file in which bytes of a blob may be written before those in front of them have come.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::READS;
use super::file;
use crate::{Error, Result};

/// A file where a blob has its place.
#[derive(Debug, Clone)]
pub struct Ahead {
    file: Arc<File>,
    /// Where in the file the blob starts.
    at: u64,
    /// What is written, for errors.
    name: String,
}

impl Ahead {
    /// The blob starts at `at` of `file`, which is called `name`.
    pub fn new(file: Arc<File>, at: u64, name: impl Into<String>) -> Self {
        Self { file, at, name: name.into() }
    }

    /// Writes what belongs at `offset` of the blob.
    pub fn write(&self, offset: u64, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(piece, self.at + offset);
        written.map_err(|error| Error::local(format!("write {}", self.name), error))
    }

    /// The `count` bytes that were written at `offset`.
    pub async fn read(&self, offset: u64, count: usize) -> Result<Bytes> {
        let (file, at) = (self.file.clone(), self.at + offset);
        let piece = READS.run(move || file::read(&file, at, count)).await?;
        if piece.len() < count {
            let error = std::io::ErrorKind::UnexpectedEof.into();
            return Err(Error::local(format!("read again what was written to {}", self.name), error));
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn what_was_written_at_a_place_is_read_there() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let ahead = Ahead::new(file.clone(), 10, "a file");
        ahead.write(3, b"def").unwrap();
        ahead.write(0, b"abc").unwrap();
        assert_eq!(ahead.read(1, 4).await.unwrap(), "bcde");
        assert_eq!(file.metadata().unwrap().len(), 16);
        assert_eq!(ahead.read(4, 3).await.unwrap_err().kind(), Kind::Local);
    }
}
