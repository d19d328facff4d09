//! Work: what is done to one layer on a thread of its own. It is decoded, compared with its diff id, encoded and written to a
//! shelf. Nothing of it is held whole.

use std::io::{self, BufWriter, Read, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::shelf::{Recompressed, Shelf};
use crate::content::{Codec, Encoding, PIECE, decoding_error};
use crate::oci::{Digest, Hasher};
use crate::{Error, Result};

/// Decoded bytes that are handed on at a time.
const BUFFER: usize = 256 * 1024;

/// The pieces of a layer as they come. `None` stands behind the last: whoever stops before that has failed.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Option<Bytes>>,
    piece: Bytes,
    has_ended: bool,
}

impl Pieces {
    pub(super) fn new(receiver: mpsc::Receiver<Option<Bytes>>) -> Self {
        Self { receiver, piece: Bytes::new(), has_ended: false }
    }
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

/// One layer to work on.
pub(super) struct Work {
    /// What it is called, and what it must unpack to.
    pub(super) digest: Digest,
    pub(super) diff_id: Digest,
    pub(super) encoding: Encoding,
    pub(super) threads: u32,
}

impl Work {
    /// Compresses `input` anew into `shelf`.
    pub(super) fn run(&self, mut input: Pieces, shelf: &mut Shelf) -> Result<Recompressed> {
        let mut start = Vec::new();
        input.by_ref().take(Codec::MAGIC as u64).read_to_end(&mut start).map_err(decoding_error)?;
        let mut content = Codec::detect(&start).decoder(start.chain(input)).map_err(decoding_error)?;
        let output = BufWriter::with_capacity(PIECE, shelf.begin(&self.digest));
        let mut encoder = self.encoding.encoder(output, self.threads).map_err(cannot_write)?;
        let mut unpacked = Hasher::new(self.diff_id.algorithm());
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
        if found != self.diff_id {
            let diff_id = self.diff_id;
            return Err(Error::mismatch(format!("it unpacks to {found}, its config says {diff_id}")));
        }
        let output = encoder.finish().map_err(cannot_write)?;
        let written = output.into_inner().map_err(|error| cannot_write(error.into_error()))?;
        let (digest, size) = written.finish();
        Ok(shelf.end(digest, size))
    }
}

fn cannot_write(error: io::Error) -> Error {
    Error::local("write a temporary file", error)
}
