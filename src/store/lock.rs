//! Kernel locks on files: released when their holder dies, whatever it died of.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How long another process may hold a lock that we need. Everybody holds them for moments.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A lock on a file, held while this lives.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Locks the existing file `path` for us alone.
    pub(crate) fn exclusive(path: &Path) -> Result<Self> {
        // NFS turns these locks into byte-range locks, which need a descriptor open for writing.
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = opened.map_err(|error| Error::local(format!("open {} to lock it", path.display()), error))?;
        let lock = Self(file);
        if lock.acquire(File::try_lock, PATIENCE)? { Ok(lock) } else { Err(held(path)) }
    }

    /// Locks `path` together with others who do the same. `None` where there is no such file and none can be made:
    /// on read-only media nobody deletes anything.
    pub(super) fn shared(path: &Path) -> Result<Option<Self>> {
        let created = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let Ok(file) = created.or_else(|_| File::open(path)) else { return Ok(None) };
        let lock = Self(file);
        if lock.acquire(File::try_lock_shared, PATIENCE)? { Ok(Some(lock)) } else { Err(held(path)) }
    }

    /// Tries for `patience` to turn a shared lock into an exclusive one.
    pub(super) fn upgrade(&self, patience: Duration) -> Result<bool> {
        let is_alone = self.acquire(File::try_lock, patience)?;
        // A conversion that fails has given up the old lock.
        if !is_alone {
            self.downgrade()?;
        }
        Ok(is_alone)
    }

    /// Turns an exclusive lock back into a shared one.
    pub(super) fn downgrade(&self) -> Result<()> {
        self.acquire(File::try_lock_shared, PATIENCE).map(|_| ())
    }

    /// Whether the lock was got within `patience`. Where the file system has no locks, it was.
    fn acquire(&self, attempt: fn(&File) -> Result<(), TryLockError>, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        loop {
            match attempt(&self.0) {
                Ok(()) => return Ok(true),
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(true),
                Err(TryLockError::Error(error)) => return Err(Error::local("lock the store", error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(false),
                Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

fn held(path: &Path) -> Error {
    let seconds = PATIENCE.as_secs();
    let what = format!("{}: another process has held the lock for {seconds} s", path.display());
    Error::local(what, std::io::ErrorKind::ResourceBusy.into())
        .with_hint("a stopped process keeps its locks: fuser -v shows who holds the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_needs_to_be_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::shared(&path).unwrap().unwrap();
        let second = Lock::shared(&path).unwrap().unwrap();
        assert!(!first.upgrade(Duration::ZERO).unwrap());
        drop(second);
        assert!(first.upgrade(Duration::ZERO).unwrap());
        first.downgrade().unwrap();
        assert!(Lock::shared(&path).unwrap().is_some());
    }

    #[test]
    fn l09_without_a_place_for_the_lock_there_is_none() {
        assert!(Lock::shared(Path::new("/nonexistent/lock")).unwrap().is_none());
    }
}
