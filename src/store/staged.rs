//! Staged: a blob that is being put, in a file that has no name among the others yet.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::blob::mark_sound;
use super::partial::{Directory, Held, Partial, Partials};
use super::staging::Staging;
use crate::content::{Access, Ahead, AtomicFile, Verifier, stop_at, sync_directory};
use crate::oci::Descriptor;
use crate::{Error, Result};

/// How putting a blob starts that another process may be putting too.
#[derive(Debug)]
pub enum Claim {
    /// It is ours to put.
    Ours(Box<StagedBlob>),
    /// Another process puts it: to be waited for.
    Held(Held),
}

/// Where a blob will stand.
pub(crate) struct Spot {
    /// Where it lies until it is whole.
    pub(crate) staging: Arc<Staging>,
    /// Its path.
    pub(crate) target: PathBuf,
    /// Whether it is flushed to the disk before it appears.
    pub(crate) is_flushed: bool,
}

/// Starts to put a blob, with what one of `partials` has of it.
pub(crate) fn claim(partials: Option<&Arc<Partials>>, spot: Spot, descriptor: &Descriptor) -> Result<Claim> {
    use super::partial::Claim as Found;
    Ok(match partials.map_or(Found::Unusable, |partials| partials.claim(descriptor)) {
        Found::Ours(partial) => Claim::Ours(Box::new(StagedBlob::resumed(spot, *partial)?)),
        Found::Held(held) => Claim::Held(held),
        Found::Unusable => Claim::Ours(Box::new(StagedBlob::create(spot, descriptor.size)?)),
    })
}

/// A blob that is being put. Dropping it leaves nothing, unless it was kept before and not begun.
#[derive(Debug)]
pub struct StagedBlob {
    /// Goes before the file does: without checkpoints the file is worth nothing.
    partial: Option<Partial>,
    file: AtomicFile,
    size: u64,
    written: u64,
    is_flushed: bool,
    _directory: Option<Directory>,
    _staging: Arc<Staging>,
}

impl StagedBlob {
    /// A blob of `size` bytes.
    pub(crate) fn create(spot: Spot, size: u64) -> Result<Self> {
        let file = AtomicFile::staged(spot.staging.path(), &spot.target, Access::Public)?;
        stop_at("blob-staged");
        Ok(Self {
            partial: None,
            file,
            size,
            written: 0,
            is_flushed: spot.is_flushed,
            _directory: None,
            _staging: spot.staging,
        })
    }

    /// A blob that may have been begun.
    fn resumed(spot: Spot, partial: Partial) -> Result<Self> {
        stop_at("blob-claimed");
        Ok(Self {
            file: partial.file(&spot.target)?,
            size: partial.size(),
            written: 0,
            is_flushed: spot.is_flushed,
            _directory: Some(partial.directory()),
            partial: Some(partial),
            _staging: spot.staging,
        })
    }

    /// Whether another process may have put it while it was claimed.
    pub(crate) fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// Whether it takes its time to make it appear.
    pub(crate) fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    /// Whether some of it was kept, which [`StagedBlob::check`] has to read.
    pub(crate) fn is_begun(&self) -> bool {
        self.partial.as_ref().is_some_and(Partial::is_begun)
    }

    /// Reads again what was kept, and leaves out what is not right; blocks.
    pub(crate) fn check(&mut self) -> Result<()> {
        let target = self.file.target().display();
        let checked = self.partial.as_mut().map_or(Ok(()), Partial::check);
        checked.map_err(|error| Error::local(format!("go on with {target}"), error))
    }

    /// Begins to write behind what was kept. What has seen that.
    pub(crate) fn begin(&mut self) -> Option<Verifier> {
        stop_at("blob-begun");
        self.file.set_temporary(true);
        let seen = self.partial.as_mut().and_then(Partial::begin);
        self.written = seen.as_ref().map_or(0, Verifier::seen);
        seen
    }

    /// Should the process end, another goes on from here.
    pub(crate) fn checkpoint(&mut self, seen: &Verifier) {
        if let Some(partial) = self.partial.as_mut().filter(|_| self.written == seen.seen()) {
            stop_at("blob-checkpoint");
            partial.checkpoint(seen);
            stop_at("blob-noted");
        }
    }

    /// Leaves what was written for another try.
    pub(crate) fn keep(mut self, seen: &Verifier) {
        self.checkpoint(seen);
        let is_kept = self.partial.as_mut().is_some_and(Partial::keep);
        self.file.set_temporary(!is_kept);
    }

    /// The file that it is written to, for who reads behind the writer.
    pub(crate) fn file(&self) -> Result<fs::File> {
        let opened = self.file.file().try_clone();
        opened.map_err(|error| Error::local(format!("read {}", self.file.target().display()), error))
    }

    /// The file, for pieces that come before their turn.
    pub(crate) fn ahead(&self) -> Option<Ahead> {
        let file = self.file.file().try_clone().ok()?;
        Some(Ahead::new(Arc::new(file), 0, self.file.target().display().to_string()))
    }

    /// Goes past the next `count` bytes, which are there already.
    pub(crate) fn advance(&mut self, count: u64) -> Result<()> {
        let past = self.file.file().seek(SeekFrom::Start(self.written + count));
        past.map_err(|error| Error::local(format!("write {}", self.file.target().display()), error))?;
        self.written += count;
        stop_at("blob-advanced");
        Ok(())
    }

    /// Takes the next piece.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.file
            .write_all(piece)
            .map_err(|error| Error::local(format!("write {}", self.file.target().display()), error))?;
        self.written += piece.len() as u64;
        stop_at("blob-piece");
        Ok(())
    }

    /// Makes it appear. Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) where bytes are missing or too many.
    pub fn commit(self) -> Result<()> {
        let (size, written) = (self.size, self.written);
        if written != size {
            let target = self.file.target().display();
            return Err(Error::mismatch(format!("{target}: {written} bytes were written, {size} were announced")));
        }
        stop_at("blob-whole");
        if self.is_flushed {
            // It takes its time: until it is over, another can go on with what was noted.
            self.file.sync()?;
            stop_at("blob-flushed");
        }
        // Checkpoints go first: alone they would stay, while the file without them is begun anew.
        drop(self.partial);
        let target = self.file.target().to_owned();
        let file = self.file.persist_open()?;
        stop_at("blob-renamed");
        if self.is_flushed {
            mark_sound(&file);
            sync_directory(target.parent().unwrap_or(&target))?;
        }
        Ok(())
    }
}
