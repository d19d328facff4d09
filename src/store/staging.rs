//! Staging: where the files of one process lie until they are whole. It comes into being with the first of them, and so
//! does the place that they are written to.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::{Access, AtomicFile, make_directory, stop_at, sync_directory};
use crate::{Error, Result};

const PREFIX: &str = ".imgctl-";
/// Where the unfinished blobs of a place are that is no store.
pub(crate) const TRANSFERS: &str = ".imgctl-transfers";

/// The files of a place without images: names and contents.
pub(crate) type Start = &'static [(&'static str, &'static [u8])];

/// A directory to write to. It is made, with what a place of its kind starts with, when the first file is staged: what is
/// never written leaves no trace.
#[derive(Debug)]
pub(crate) struct Site {
    directory: PathBuf,
    start: Start,
    is_flushed: AtomicBool,
    staging: Mutex<Option<Arc<Staging>>>,
}

impl Site {
    /// The directory, whether it is there or not.
    pub(crate) fn new(directory: &Path, start: Start) -> Self {
        Self { directory: directory.to_owned(), start, is_flushed: AtomicBool::new(false), staging: Mutex::default() }
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Flushes everything to the disk before it appears.
    pub(crate) fn flush_each(&self) {
        self.is_flushed.store(true, Ordering::Relaxed);
    }

    /// Whether everything is flushed.
    pub(crate) fn is_flushed(&self) -> bool {
        self.is_flushed.load(Ordering::Relaxed)
    }

    /// Where its files lie until they are whole.
    pub(crate) fn staging(&self) -> Result<Arc<Staging>> {
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*staging {
            return Ok(open.clone());
        }
        let fail = |error| Error::local(format!("create {}", self.directory.display()), error);
        make_directory(&self.directory, self.is_flushed())?;
        stop_at("place-made");
        let created = Arc::new(Staging::create(&self.directory)?);
        for (name, content) in self.start {
            let path = self.directory.join(name);
            if !path.exists() {
                let mut file = AtomicFile::staged(created.path(), &path, Access::Public)?;
                file.write_all(content).map_err(fail)?;
                if self.is_flushed() {
                    file.sync()?;
                }
                // Whoever comes second leaves it as it is: locks may be held on it, images may stand in it.
                file.persist_noclobber()?;
                stop_at("place-started");
            }
        }
        if self.is_flushed() {
            sync_directory(&self.directory)?;
        }
        *staging = Some(created.clone());
        Ok(created)
    }
}

/// A directory of our own inside a layout, so that renaming into place stays on one file system. It is locked while we
/// live and removed when we are done; whoever comes later removes those of the dead.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    _lock: File,
}

impl Staging {
    /// A new directory in `parent`. Errs where `parent` cannot be written.
    fn create(parent: &Path) -> Result<Self> {
        remove_abandoned(parent);
        let fail = |error| Error::local(format!("write in {}", parent.display()), error);
        // Somebody who cleans up may take an unlocked directory for abandoned: then it is gone, and the next one holds.
        loop {
            let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(fail)?.keep();
            let lock = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(fail)?,
            };
            // Without locks on this file system nobody takes ours for abandoned either.
            let _ = lock.lock();
            let is_ours =
                fs::metadata(&path).is_ok_and(|now| lock.metadata().is_ok_and(|then| then.ino() == now.ino()));
            if is_ours {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nobody can be told, and whoever comes next cleans up.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what killed processes left. Best effort: it only frees space.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_staging = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name != TRANSFERS);
        if is_staging && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _: io::Result<()> = File::open(entry.path()).and_then(|directory| {
                directory.try_lock().map_err(io::Error::from)?;
                fs::remove_dir_all(entry.path())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_comes_into_being_with_its_first_file() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/b");
        let site = || Site::new(&directory, &[("marker", b"mine")]);
        let (first, second) = (site(), site());
        assert!(!directory.exists());
        let staging = first.staging().unwrap();
        let marker = || fs::metadata(directory.join("marker")).unwrap().ino();
        let (before, content) = (marker(), fs::read(directory.join("marker")).unwrap());
        second.staging().unwrap();
        assert_eq!((marker(), &content[..]), (before, &b"mine"[..]));
        assert!(Arc::ptr_eq(&staging, &first.staging().unwrap()));
    }

    #[test]
    fn s01_leaves_nothing_and_removes_what_the_dead_left() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join(".imgctl-dead")).unwrap();
        let first = Staging::create(parent.path()).unwrap();
        let second = Staging::create(parent.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
        drop((first, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
