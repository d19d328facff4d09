//! Quota: how many bytes the blobs and uploads of a store may have together. What transfers left to go on from counts too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::journal::TRANSFERS;
use crate::{Error, Result};

/// How long a count is relied on while other processes may change the store.
const RELIABLE: Duration = Duration::from_secs(30);
/// How often what does not fit is counted again at most.
const PAUSE: Duration = Duration::from_secs(1);

/// How many bytes the blobs and uploads of a store may have together, and how many they have: counted now and then, and in
/// between as this process takes and gives.
#[derive(Debug)]
pub struct Quota {
    directory: PathBuf,
    limit: u64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    used: u64,
    counted: Option<Instant>,
}

impl Quota {
    /// A quota of `limit` bytes for the store in `directory`.
    pub(super) fn new(directory: &Path, limit: u64) -> Self {
        Self { directory: directory.to_owned(), limit, known: Mutex::default() }
    }

    /// Whether `bytes` more would fit. Errs as [`Quota::take`] does, and takes nothing.
    pub fn check(&self, bytes: u64) -> Result<()> {
        self.room(bytes).map(drop)
    }

    /// Counts `bytes` that are about to be written. Errs with an I/O error of
    /// [`QuotaExceeded`](io::ErrorKind::QuotaExceeded) where they do not fit.
    pub fn take(&self, bytes: u64) -> Result<()> {
        self.room(bytes)?.used += bytes;
        Ok(())
    }

    /// Counts `bytes` that are not there any more.
    pub fn give(&self, bytes: u64) {
        let mut known = self.known();
        known.used = known.used.saturating_sub(bytes);
    }

    /// Counts anew when it is asked next: content was deleted.
    pub fn forget(&self) {
        self.known().counted = None;
    }

    fn room(&self, bytes: u64) -> Result<MutexGuard<'_, Known>> {
        let mut known = self.known();
        let age = known.counted.map(|counted| counted.elapsed());
        let fits = |known: &Known| known.used.checked_add(bytes).is_some_and(|sum| sum <= self.limit);
        if age.is_none_or(|age| age > RELIABLE || (age > PAUSE && !fits(&known))) {
            *known = Known { used: size_below(&self.directory), counted: Some(Instant::now()) };
        }
        if fits(&known) {
            return Ok(known);
        }
        let error = io::Error::from(io::ErrorKind::QuotaExceeded);
        Err(Error::local(format!("the quota of {} bytes is used up", self.limit), error))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of the blobs and uploads of the store in `directory`.
fn size_below(directory: &Path) -> u64 {
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let algorithms = entries(directory.join("blobs")).map(|entry| entry.path());
    let directories = algorithms.chain([directory.join("uploads"), directory.join(TRANSFERS)]);
    directories.flat_map(entries).filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::{Access, AtomicFile};

    fn put(directory: &Path, path: &str, size: usize) {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = AtomicFile::create(&path, Access::Public).unwrap();
        file.write_all(&vec![0; size]).unwrap();
        file.persist().unwrap();
    }

    #[test]
    fn r09_what_is_there_and_what_is_taken_count_together() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "blobs/sha256/a", 10);
        put(directory.path(), "blobs/sha512/b", 20);
        put(directory.path(), "uploads/c", 25);
        put(directory.path(), "transfers/sha256-d", 5);
        put(directory.path(), "index.json", 1000);
        let quota = Quota::new(directory.path(), 100);
        quota.check(40).unwrap();
        quota.take(40).unwrap();
        let full = quota.take(1).unwrap_err();
        assert!(full.to_string().contains("the quota of 100 bytes is used up"), "{full}");
        quota.check(u64::MAX).unwrap_err();
        quota.give(5);
        quota.take(5).unwrap();
        quota.forget();
        quota.take(40).unwrap();
    }
}
