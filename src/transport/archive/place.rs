//! Place: a blob that is written where it belongs in the file of an archive.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::draft::{Draft, Spot};
use super::output::{Ledger, State, cannot_write, check_end, check_whole};
use crate::Result;
use crate::content::tar::padding;
use crate::content::{Ahead, Verifier, stop_at};
use crate::oci::Descriptor;
use crate::store::Checkpoint;
use crate::transport::{Begin, Begun, BlobWriter};

/// The place of a blob in a file. The header is written last; dropping it without leaves the place to be used again.
pub(super) struct Place {
    pub(super) draft: Arc<Draft>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) descriptor: Descriptor,
    pub(super) header: Vec<u8>,
    pub(super) at: u64,
}

struct InPlace {
    place: Place,
    seen: Option<Verifier>,
    written: u64,
    /// Whether what was there is not there any more when this is dropped.
    is_begun: bool,
}

impl Place {
    /// Begins to write, behind what an earlier run left; blocks.
    pub(super) fn begin(self, is_new: bool) -> Result<Begin> {
        let spot = Spot { descriptor: &self.descriptor, at: self.at, content: self.content(), is_new };
        let seen = self.draft.recall(&spot);
        stop_at("archive-begun");
        let written = seen.as_ref().map_or(0, Verifier::seen);
        if seen.is_some() && written == self.descriptor.size {
            self.close()?;
            return Ok(Begin::Present);
        }
        Ok(Begin::Write(Box::new(InPlace { place: self, seen, written, is_begun: false })))
    }

    fn content(&self) -> u64 {
        self.at + self.header.len() as u64
    }

    /// Writes what surrounds the content.
    fn close(&self) -> Result<()> {
        let (file, size) = (self.draft.file(), self.descriptor.size);
        let zeros = vec![0; padding(size)];
        file.write_all_at(&zeros, self.content() + size).map_err(cannot_write)?;
        stop_at("archive-blob-whole");
        file.write_all_at(&self.header, self.at).map_err(cannot_write)?;
        stop_at("archive-blob-closed");
        self.ledger.close(&self.descriptor.digest, State::Done);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.ledger.is_done(&self.descriptor.digest) {
            self.ledger.close(&self.descriptor.digest, State::Abandoned);
        }
    }
}

impl InPlace {
    fn note(&self, seen: &Verifier) -> bool {
        let checkpoint = Checkpoint::of(&self.place.descriptor, self.place.at, seen);
        let checkpoint = checkpoint.filter(|checkpoint| checkpoint.offset == self.written);
        checkpoint.map(|checkpoint| self.place.draft.note(checkpoint)).is_some()
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        if self.is_begun {
            self.place.draft.note(Checkpoint::nothing(&self.place.descriptor, self.place.at));
        }
    }
}

#[async_trait]
impl BlobWriter for InPlace {
    fn begun(&mut self) -> Begun {
        if self.seen.is_none() {
            self.place.draft.note(Checkpoint::nothing(&self.place.descriptor, self.place.at));
        }
        self.is_begun = true;
        Begun { length: self.written, hashed: self.seen.take() }
    }

    fn checkpoint(&mut self, seen: &Verifier) {
        stop_at("archive-checkpoint");
        self.note(seen);
        stop_at("archive-noted");
    }

    fn keep(mut self: Box<Self>, seen: &Verifier) {
        self.note(seen);
        self.is_begun = false;
    }

    async fn write(&mut self, piece: Bytes) -> Result<()> {
        let place = &self.place;
        let end = check_end(&place.descriptor.digest, self.written + piece.len() as u64, place.descriptor.size)?;
        place.draft.file().write_all_at(&piece, place.content() + self.written).map_err(cannot_write)?;
        self.written = end;
        stop_at("archive-piece");
        Ok(())
    }

    fn ahead(&self) -> Option<Ahead> {
        Some(Ahead::new(self.place.draft.file().clone(), self.place.content(), "the archive"))
    }

    async fn advance(&mut self, count: u64) -> Result<()> {
        let descriptor = &self.place.descriptor;
        self.written = check_end(&descriptor.digest, self.written + count, descriptor.size)?;
        stop_at("archive-advanced");
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let Place { descriptor, at, .. } = &self.place;
        check_whole(&descriptor.digest, self.written, descriptor.size)?;
        self.place.close()?;
        self.place.draft.note(Checkpoint::whole(descriptor, *at));
        self.is_begun = false;
        Ok(())
    }
}
