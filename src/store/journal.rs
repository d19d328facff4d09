//! Journal: what transfers that broke off have left to go on from, in `<store>/transfers/`: downloads as
//! `<algorithm>-<hex>`, uploads as `upload-<hash>.json`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use super::checkpoint::CheckpointLog;
use super::partial::{Locked, MANY, lock, log_path};
use super::session::{RECORD_LIMIT, UploadRecord, UploadSession};
use crate::content::{open_regular, read_regular};
use crate::error::Kind;
use crate::oci::Digest;
use crate::{Error, Result};

/// The directory of unfinished transfers in a store.
pub(super) const TRANSFERS: &str = "transfers";
/// How long what nobody goes on with stays.
const EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The unfinished transfers of a store.
#[derive(Debug, Clone)]
pub struct Journal {
    directory: PathBuf,
    /// Whether what is too old was removed.
    expired: Arc<Once>,
}

/// A transfer that has not ended.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// What is transferred.
    pub digest: Digest,
    /// The repository that it is uploaded to; downloads have none.
    pub repository: Option<String>,
    /// How many of its bytes need not be transferred again.
    pub done: u64,
    /// How many bytes it has, where that was written down.
    pub size: Option<u64>,
    /// When it last went on.
    pub changed: SystemTime,
    /// Whether a process is at it now.
    pub is_in_use: bool,
    path: PathBuf,
}

impl Journal {
    /// The journal of the store in `store`.
    pub fn new(store: &Path) -> Self {
        Self::of(store.join(TRANSFERS))
    }

    /// The journal in `directory`.
    pub(super) fn of(directory: PathBuf) -> Self {
        Self { directory, expired: Arc::new(Once::new()) }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All unfinished transfers, the latest first.
    pub fn list(&self) -> Result<Vec<Unfinished>> {
        let mut found: Vec<Unfinished> = self.names()?.iter().filter_map(|name| self.look_at(name)).collect();
        found.sort_by_key(|transfer| (std::cmp::Reverse(transfer.changed), transfer.path.clone()));
        Ok(found)
    }

    /// Removes a transfer. `false` where a process is at it.
    pub fn remove(&self, transfer: &Unfinished) -> Result<bool> {
        let path = &transfer.path;
        let removed = if transfer.repository.is_some() { remove_upload(path) } else { remove_download(path) };
        // The last one takes the directory with it.
        let _ = fs::remove_dir(&self.directory);
        match removed {
            Err(error) if error.kind() == Kind::NotFound => Ok(true),
            removed => removed,
        }
    }

    /// Removes what nobody has gone on with for a week. It only frees space, so what goes wrong is nobody's concern.
    pub fn expire(&self) {
        for name in self.names().unwrap_or_default() {
            let path = self.directory.join(&name);
            if digest_of(&name).is_some() && is_old(&path) {
                let _ = remove_download(&path);
            } else if is_upload(&name) && is_old(&path) {
                let _ = remove_upload(&path);
            } else if let Some(data) = name.strip_suffix(".json").filter(|data| digest_of(data).is_some())
                && !self.directory.join(data).exists()
            {
                // The log is made after the data and goes before it, but for a kill.
                let _ = fs::remove_file(&path);
            }
        }
        let _ = fs::remove_dir(&self.directory);
    }

    /// The same, the first time that this or a clone of it is asked to.
    pub(crate) fn expire_once(&self) {
        self.expired.call_once(|| self.expire());
    }

    fn names(&self) -> Result<Vec<String>> {
        match fs::read_dir(&self.directory) {
            Ok(entries) => Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::local(format!("read {}", self.directory.display()), error)),
        }
    }

    fn look_at(&self, name: &str) -> Option<Unfinished> {
        let path = self.directory.join(name);
        // What is no file is not ours, and nothing that it leads to.
        let file = open_regular(&path).ok()?;
        let is_in_use = matches!(lock(&file, &path), Ok(Locked::Held));
        let found = file.metadata().ok()?;
        let changed = found.modified().ok()?;
        if let Some(digest) = digest_of(name) {
            let last = CheckpointLog::last(&log_path(&path), found.len());
            let size = last.as_ref().map(|last| last.size);
            // The file itself may have gaps, and nobody goes on behind the last checkpoint.
            let done = last.map_or(0, |last| last.offset);
            return Some(Unfinished { digest, repository: None, done, size, changed, is_in_use, path });
        }
        if !is_upload(name) {
            return None;
        }
        let record: UploadRecord = serde_json::from_slice(&read_regular(&path, RECORD_LIMIT).ok()?).ok()?;
        let UploadRecord { repository, digest, size, offset: done, .. } = record;
        Some(Unfinished { digest, repository: Some(repository), done, size: Some(size), changed, is_in_use, path })
    }
}

fn is_upload(name: &str) -> bool {
    name.starts_with("upload-") && name.ends_with(".json")
}

/// Whether a file has not changed for long. What is no file is not ours.
fn is_old(path: &Path) -> bool {
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    let changed = found.and_then(|found| found.modified().ok());
    changed.is_some_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|age| age > EXPIRY))
}

/// What a download of this name brings.
fn digest_of(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.split_once('-')?;
    format!("{algorithm}:{hex}").parse().ok()
}

fn remove_download(path: &Path) -> Result<bool> {
    for _ in 0..MANY {
        match remove_locked(&open_regular(path)?, path)? {
            Locked::Ours => return Ok(true),
            Locked::Held => return Ok(false),
            Locked::Gone => {}
        }
    }
    Ok(false)
}

/// Removes the open file that stood at `path`, unless another has it, or stands there by now.
fn remove_locked(file: &File, path: &Path) -> Result<Locked> {
    let locked = lock(file, path).map_err(|error| cannot_remove(path, error))?;
    if matches!(locked, Locked::Ours) {
        [&*log_path(path), path].into_iter().try_for_each(remove_file)?;
    }
    Ok(locked)
}

/// Removes a file that may be gone.
fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_remove(path, error)),
        _ => Ok(()),
    }
}

fn cannot_remove(path: &Path, error: io::Error) -> Error {
    Error::local(format!("remove {}", path.display()), error)
}

fn remove_upload(path: &Path) -> Result<bool> {
    let session = UploadSession::open(path);
    let session = session.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::not_found(path.display().to_string()).with_source(error),
        _ => cannot_remove(path, error),
    })?;
    Ok(session.map(UploadSession::remove).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Verifier;
    use crate::oci::{Descriptor, MediaType};
    use crate::store::{Claim, Store};

    const SIZE: usize = 2 * 1024 * 1024;

    /// A store where a download broke off.
    fn broken_off(directory: &Path) -> (Store, Descriptor) {
        let mut store = Store::create_or_open(directory).unwrap();
        store.keep_partials(Duration::from_secs(1));
        let content = vec![7; SIZE];
        let blob = Descriptor::of(MediaType::OCI_LAYER, &content);
        let Claim::Ours(mut staged) = store.claim(&blob).unwrap() else { panic!() };
        let mut seen = Verifier::new(&blob);
        staged.begin();
        staged.write(&content[..9]).unwrap();
        seen.update(&content[..9]).unwrap();
        staged.keep(&seen);
        (store, blob)
    }

    #[test]
    fn what_broke_off_is_listed_and_removed_unless_somebody_is_at_it() {
        let directory = tempfile::tempdir().unwrap();
        let (store, blob) = broken_off(directory.path());
        let journal = Journal::new(directory.path());
        let found = journal.list().unwrap();
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.digest, one.done, one.size, one.is_in_use), (blob.digest, 9, Some(SIZE as u64), false));
        let Claim::Ours(staged) = store.claim(&blob).unwrap() else { panic!() };
        // What is written ahead of a gap has to be transferred again.
        staged.file().unwrap().set_len(1000).unwrap();
        let used = &journal.list().unwrap()[0];
        assert!(used.is_in_use && used.done == 9, "{used:?}");
        assert!(!journal.remove(one).unwrap());
        drop(staged);
        assert!(journal.remove(one).unwrap());
        assert!(!journal.directory().exists());
    }

    #[test]
    fn what_was_begun_anew_meanwhile_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (store, blob) = broken_off(directory.path());
        let journal = Journal::new(directory.path());
        let path = journal.list().unwrap().remove(0).path;
        let opened = open_regular(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _claim = store.claim(&blob).unwrap();
        assert!(matches!(remove_locked(&opened, &path).unwrap(), Locked::Gone));
        assert!(path.exists() && log_path(&path).exists());
    }

    #[test]
    fn a_link_is_not_ours_however_old_its_target_is() {
        let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        elsewhere.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let journal = Journal::new(directory.path());
        fs::create_dir(journal.directory()).unwrap();
        for name in [format!("sha256-{}", Digest::of(b"x").hex()), "upload-x.json".to_owned()] {
            let link = journal.directory().join(name);
            std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
            journal.expire();
            assert!(fs::symlink_metadata(link).is_ok() && elsewhere.path().exists());
        }
        assert!(journal.list().unwrap().is_empty());
    }

    #[test]
    fn what_is_a_week_old_goes() {
        let directory = tempfile::tempdir().unwrap();
        let (_store, blob) = broken_off(directory.path());
        let journal = Journal::new(directory.path());
        let path = journal.directory().join(format!("sha256-{}", blob.digest.hex()));
        let orphan = journal.directory().join(format!("sha256-{}.json", Digest::of(b"").hex()));
        fs::copy(log_path(&path), &orphan).unwrap();
        journal.expire();
        assert!(path.exists() && !orphan.exists());
        let week = SystemTime::now() - EXPIRY - Duration::from_secs(60);
        fs::File::options().write(true).open(&path).unwrap().set_modified(week).unwrap();
        journal.expire();
        assert!(!journal.directory().exists());
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (_store, blob) = broken_off(directory.path());
        let journal = Journal::new(directory.path());
        let fifo = journal.directory().join(format!("sha256-{}", Digest::of(b"fifo").hex()));
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        journal.expire();
        assert!(fifo.exists());
        assert_eq!(journal.list().unwrap().iter().map(|it| it.digest).collect::<Vec<_>>(), [blob.digest]);
    }
}
