//! Draft: the file of an archive until it is whole, `.NAME.imgctl-partial` beside its name. Should the run end before, it
//! stays with a log of what is in it, and the next run goes on inside it: blobs have the same places in the same plan. What
//! is found there is hashed again before it counts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ArchiveOptions;
use crate::content::{Access, AtomicFile, Verifier, stop_at};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest};
use crate::store::{Checkpoint, CheckpointLog, Locked, WORTH_KEEPING, lock, log_path, open_own};
use crate::{Error, Result};

/// The file of an archive until it is whole.
pub(super) struct Draft {
    file: Arc<File>,
    staged: Mutex<Option<AtomicFile>>,
    /// Where it stays should the run end.
    kept: Option<Mutex<Kept>>,
    is_flushed: bool,
}

/// What is in the file.
struct Kept {
    log: CheckpointLog,
    path: PathBuf,
    blobs: HashMap<Digest, Checkpoint>,
}

/// Where a blob is in the file.
pub(super) struct Spot<'a> {
    /// Which.
    pub(super) descriptor: &'a Descriptor,
    /// Where it has its place.
    pub(super) at: u64,
    /// Where its content starts.
    pub(super) content: u64,
    /// Whether it was given the place just now.
    pub(super) is_new: bool,
}

impl Draft {
    /// The draft of the archive that will stand at `path`, one that another run left where any is kept. A pipe or device is
    /// the other answer.
    pub(super) fn open(path: &Path, options: &ArchiveOptions) -> Result<std::result::Result<Self, File>> {
        let target = AtomicFile::replaced(path)?;
        let begun = target.filter(|_| options.is_kept).and_then(|target| begun(&target).ok()?);
        let (staged, kept) = match begun {
            Some((staged, kept)) => (staged, Some(Mutex::new(kept))),
            None => (AtomicFile::create(path, Access::Private)?, None),
        };
        let file = staged.file().try_clone();
        let file = file.map_err(|error| Error::local(format!("open {}", path.display()), error))?;
        if !staged.is_seekable() {
            return Ok(Err(file));
        }
        let is_flushed = options.is_flushed;
        Ok(Ok(Self { file: Arc::new(file), staged: Mutex::new(Some(staged)), kept, is_flushed }))
    }

    /// The file.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// What an earlier run left of a blob, read again; blocks.
    pub(super) fn recall(&self, spot: &Spot<'_>) -> Option<Verifier> {
        let checkpoint = {
            let mut kept = self.kept()?;
            let found = kept.blobs.get(&spot.descriptor.digest).filter(|found| found.at == spot.at).cloned();
            if found.is_none() && spot.is_new {
                // Another plan: from here on everything is somewhere else, and is written over if it cannot be cut off.
                kept.cut(spot.at);
                let _ = self.file.set_len(spot.at);
            }
            found.filter(|found| found.offset > 0)?
        };
        checkpoint.verify(&self.file, spot.content, spot.descriptor)
    }

    /// Notes what is there of a blob now. What cannot be noted is not found again.
    pub(super) fn note(&self, checkpoint: Checkpoint) {
        if let Some(mut kept) = self.kept()
            && kept.log.append(&checkpoint).is_ok()
        {
            kept.blobs.insert(checkpoint.digest, checkpoint);
        }
    }

    /// Everything is there: makes the archive appear, which ends at `length`; blocks.
    pub(super) fn persist(&self, length: u64) -> Result<()> {
        let staged = self.staged().take();
        let staged = staged.ok_or_else(|| Error::new(Kind::Failed, "the archive is finished already"))?;
        self.file.set_len(length).map_err(super::output::cannot_write)?;
        stop_at("archive-whole");
        staged.persist_flushed(self.is_flushed)?;
        stop_at("archive-renamed");
        if let Some(kept) = self.kept() {
            // Without a file beside it nobody reads it.
            let _ = fs::remove_file(log_path(&kept.path));
        }
        Ok(())
    }

    fn staged(&self) -> MutexGuard<'_, Option<AtomicFile>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Option<MutexGuard<'_, Kept>> {
        self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let (Some(kept), Some(staged)) = (self.kept(), &mut *self.staged()) {
            let is_kept = kept.blobs.values().map(|checkpoint| checkpoint.offset).sum::<u64>() >= WORTH_KEEPING;
            staged.set_temporary(!is_kept);
            if !is_kept {
                // Without data beside it nobody reads it.
                let _ = fs::remove_file(log_path(&kept.path));
            }
        }
    }
}

impl Kept {
    /// Forgets what has its place at `at` or behind.
    fn cut(&mut self, at: u64) {
        self.blobs.retain(|_, checkpoint| checkpoint.at < at);
        // What the log says too much is read and found wrong.
        let _ = self.log.clear();
        for checkpoint in self.blobs.values() {
            let _ = self.log.append(checkpoint);
        }
    }
}

/// The draft of the archive at `target`. `None` where another process writes it.
fn begun(target: &Path) -> std::io::Result<Option<(AtomicFile, Kept)>> {
    let Some(name) = target.file_name() else { return Ok(None) };
    let hidden: OsString = [".".as_ref(), name, ".imgctl-partial".as_ref()].into_iter().collect();
    let path = target.with_file_name(hidden);
    let file = open_own(&path, 0o600)?;
    if !matches!(lock(&file, &path)?, Locked::Ours) {
        return Ok(None);
    }
    let mut log = CheckpointLog::open(&log_path(&path), 0o600)?;
    let blobs = log.read()?.into_iter().map(|checkpoint| (checkpoint.digest, checkpoint)).collect();
    let staged = AtomicFile::begun(file, &path, target).map_err(std::io::Error::other)?;
    Ok(Some((staged, Kept { log, path, blobs })))
}
