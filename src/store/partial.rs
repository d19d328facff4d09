//! Partials: blobs that are not whole yet and may outlive the process that puts them. `<algorithm>-<hex>` has the bytes,
//! beside it `….json` says how far they were written. Whoever writes one holds a lock on it, and others wait for it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use tokio::time::Instant;

use super::checkpoint::{Checkpoint, CheckpointLog};
use super::journal::Journal;
use crate::content::{AtomicFile, Verifier, stop_at};
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// Blobs below this size are fetched again as fast as they are found.
pub(crate) const WORTH_KEEPING: u64 = 1024 * 1024;
/// How often a file may go while it is opened.
pub(super) const MANY: usize = 100;
/// How often a blob that another process puts is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The unfinished blobs of one place.
#[derive(Debug)]
pub(crate) struct Partials {
    directory: PathBuf,
    /// How long another process may write nothing.
    patience: Duration,
    /// What other processes have stopped to write.
    stalled: Mutex<HashSet<Digest>>,
    journal: Journal,
}

/// What became of the wish to write a partial.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is ours.
    Ours(Box<Partial>),
    /// Another process writes it.
    Held(Held),
    /// None can be kept here.
    Unusable,
}

impl Partials {
    /// Those in `directory`. Another process that writes nothing for as long as `patience` is not waited for.
    pub(crate) fn new(directory: PathBuf, patience: Duration) -> Arc<Self> {
        let journal = Journal::of(directory.clone());
        Arc::new(Self { directory, patience, stalled: Mutex::default(), journal })
    }

    /// The partial of a blob, to write. It is made where it is not there.
    pub(crate) fn claim(self: &Arc<Self>, descriptor: &Descriptor) -> Claim {
        self.journal.expire_once();
        let digest = descriptor.digest;
        if descriptor.size < WORTH_KEEPING || self.stalled().contains(&digest) {
            return Claim::Unusable;
        }
        let path = self.directory.join(format!("{}-{}", digest.algorithm().as_str(), digest.hex()));
        for _ in 0..MANY {
            // Others remove the directory when it is empty.
            let opened = fs::create_dir_all(&self.directory).and_then(|()| open_own(&path, 0o666));
            let locked = match &opened {
                Ok(file) => lock(file, &path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => break,
            };
            match (locked, opened) {
                (Ok(Locked::Ours), Ok(file)) => {
                    return self
                        .ours(path, file, descriptor)
                        .map_or(Claim::Unusable, |ours| Claim::Ours(Box::new(ours)));
                }
                (Ok(Locked::Held), _) => return Claim::Held(Held { partials: self.clone(), digest, path }),
                (Ok(Locked::Gone), _) => {}
                _ => break,
            }
        }
        // What cannot be kept is written as it always was, and that says what is wrong.
        Claim::Unusable
    }

    fn ours(&self, path: PathBuf, file: File, descriptor: &Descriptor) -> io::Result<Partial> {
        let mut log = CheckpointLog::open(&log_path(&path), 0o666)?;
        let length = file.metadata()?.len();
        let last = log.read()?.into_iter().rfind(|checkpoint| checkpoint.offset <= length);
        if last.is_none() {
            // What a kill left is neither gone on with nor written over: it would stay behind a shorter blob.
            log.clear()?;
            file.set_len(0)?;
        }
        let mut permissions = file.metadata()?.permissions();
        if permissions.readonly() {
            // That says it was flushed, and what comes is not.
            permissions.set_mode(permissions.mode() | 0o200);
            file.set_permissions(permissions)?;
        }
        let (directory, descriptor) = (self.directory.clone(), descriptor.clone());
        let is_kept = last.is_some();
        Ok(Partial { path, directory, file, log, last, seen: None, descriptor, is_kept })
    }

    fn stalled(&self) -> std::sync::MutexGuard<'_, HashSet<Digest>> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far an unfinished blob is that nobody else writes.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    directory: PathBuf,
    file: File,
    log: CheckpointLog,
    last: Option<Checkpoint>,
    seen: Option<Verifier>,
    descriptor: Descriptor,
    /// Whether its checkpoints stay when this is dropped.
    is_kept: bool,
}

impl Partial {
    /// The file, which will stand at `target`.
    pub(super) fn file(&self, target: &Path) -> Result<AtomicFile> {
        let file =
            self.file.try_clone().map_err(|error| Error::local(format!("create {}", target.display()), error))?;
        let mut file = AtomicFile::begun(file, &self.path, target)?;
        file.set_temporary(!self.is_kept);
        Ok(file)
    }

    /// Where it lies.
    pub(super) fn directory(&self) -> Directory {
        Directory(self.directory.clone())
    }

    /// How many bytes the blob has.
    pub(super) fn size(&self) -> u64 {
        self.descriptor.size
    }

    /// Whether there is something to go on from.
    pub(super) fn is_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Hashes again what is there, which blocks, and leaves nothing behind that, or else nothing at all.
    pub(super) fn check(&mut self) -> io::Result<()> {
        let seen = self.last.as_ref().and_then(|last| last.verify(&self.file, 0, &self.descriptor));
        // All of it would be a blob: its last piece is written when the digest is known to be right.
        self.seen = seen.filter(|seen| seen.seen() < self.descriptor.size);
        let length = self.seen.as_ref().map_or(0, Verifier::seen);
        if length == 0 {
            (self.last, self.is_kept) = (None, false);
            self.log.clear()?;
        }
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    /// From now on it goes when it is dropped. What has seen its bytes.
    pub(super) fn begin(&mut self) -> Option<Verifier> {
        self.is_kept = false;
        self.seen.take()
    }

    /// Notes how far it was written.
    pub(super) fn checkpoint(&mut self, seen: &Verifier) {
        let checkpoint = Checkpoint::of(&self.descriptor, 0, seen);
        // What cannot be noted is fetched again.
        let noted = checkpoint.filter(|checkpoint| self.log.append(checkpoint).is_ok());
        self.last = noted.or(self.last.take());
    }

    /// It stays for another try, if there is something to go on from.
    pub(super) fn keep(&mut self) -> bool {
        let Some(last) = &self.last else { return false };
        // What is behind the last checkpoint cannot be checked; where it stays, the next claim cuts it off.
        let _ = self.file.set_len(last.offset);
        self.is_kept = true;
        stop_at("blob-kept");
        true
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept {
            // Without data beside it nobody reads it.
            stop_at("blob-ended");
            let _ = fs::remove_file(log_path(&self.path));
        }
    }
}

/// A directory that goes when it is empty.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // Most often it is not empty, or was never made.
        let _ = fs::remove_dir(&self.0);
    }
}

/// A blob that another process puts.
#[derive(Debug)]
pub struct Held {
    partials: Arc<Partials>,
    digest: Digest,
    path: PathBuf,
}

impl Held {
    /// Waits until it is put or given up, or until nothing comes any more: then it can be begun again.
    pub async fn wait(self) {
        let mut last = None;
        let mut since = Instant::now();
        loop {
            let Ok(file) = File::open(&self.path) else { return };
            if !matches!(lock(&file, &self.path), Ok(Locked::Held)) {
                return;
            }
            // What is written in front of its end does not make it longer.
            let now = file.metadata().ok().map(|found| (found.len(), found.mtime(), found.mtime_nsec()));
            drop(file);
            if last.replace(now) != Some(now) {
                since = Instant::now();
            } else if since.elapsed() >= self.partials.patience {
                self.partials.stalled().insert(self.digest);
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What became of the wish to lock a file.
pub(crate) enum Locked {
    /// It is ours.
    Ours,
    /// Another has it.
    Held,
    /// It was renamed or removed before we had it.
    Gone,
}

/// Locks the open file that stood at `path`. Errs where the file system has no locks: there nothing can be kept, since two
/// would write it.
pub(crate) fn lock(file: &File, path: &Path) -> io::Result<Locked> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Locked::Held),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let ours = file.metadata()?.ino();
    let is_there = fs::symlink_metadata(path).is_ok_and(|now| now.ino() == ours);
    Ok(if is_there { Locked::Ours } else { Locked::Gone })
}

/// Opens a file of our own, or makes it. Errs where the path leads to somebody else's, or to what is no file.
pub(crate) fn open_own(path: &Path, mode: u32) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(mode).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    let is_ours = found.is_file() && found.nlink() <= 1 && found.uid() == rustix::process::geteuid().as_raw();
    if is_ours { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Where the checkpoints of the partial at `path` are.
pub(crate) fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::super::staged::{Claim, StagedBlob};
    use super::*;
    use crate::oci::MediaType;

    const SIZE: usize = 2 * 1024 * 1024;

    fn layout(directory: &Path) -> Layout {
        let mut layout = Layout::create_or_open(directory).unwrap();
        layout.keep_partials(Duration::from_millis(300));
        layout
    }

    fn blob() -> (Descriptor, Vec<u8>) {
        let content: Vec<u8> = (0..SIZE).map(|at| (at / 7) as u8).collect();
        (Descriptor::of(MediaType::OCI_LAYER, &content), content)
    }

    fn ours(layout: &Layout, blob: &Descriptor) -> StagedBlob {
        match layout.blobs().claim(blob).unwrap() {
            Claim::Ours(staged) => *staged,
            Claim::Held(held) => panic!("{held:?}"),
        }
    }

    /// Writes the first `length` bytes and breaks off.
    fn break_off(layout: &Layout, length: usize) {
        let (blob, content) = blob();
        let mut staged = ours(layout, &blob);
        let mut seen = Verifier::new(&blob);
        assert!(staged.begin().is_none());
        seen.update(&content[..length]).unwrap();
        staged.write(&content[..length]).unwrap();
        staged.keep(&seen);
    }

    fn unfinished(directory: &Path) -> Option<usize> {
        fs::read_dir(directory.join(".imgctl-transfers")).ok().map(Iterator::count)
    }

    #[test]
    fn what_was_kept_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, content) = blob();
        break_off(&layout, SIZE - 5);
        assert_eq!(unfinished(directory.path()), Some(2));
        let mut staged = ours(&layout, &blob);
        assert!(staged.is_begun());
        staged.check().unwrap();
        assert_eq!(staged.begin().unwrap().seen(), content.len() as u64 - 5);
        staged.write(&content[SIZE - 5..]).unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read(layout.blobs().path(&blob.digest)).unwrap(), content);
        assert_eq!(unfinished(directory.path()), None);
    }

    #[test]
    fn nothing_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        break_off(&layout(directory.path()), 0);
        assert_eq!(unfinished(directory.path()), None);
    }

    #[test]
    fn n35_what_was_damaged_is_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, _) = blob();
        break_off(&layout, SIZE - 5);
        let mut damaged = ours(&layout, &blob);
        std::os::unix::fs::FileExt::write_all_at(&damaged.file().unwrap(), b"!", 1000).unwrap();
        damaged.check().unwrap();
        assert!(damaged.begin().is_none());
        drop(damaged);
        assert_eq!(unfinished(directory.path()), None);
    }

    #[test]
    fn s01_what_a_kill_left_behind_the_last_checkpoint_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, _) = blob();
        break_off(&layout, 1000);
        let mut killed = ours(&layout, &blob);
        killed.check().unwrap();
        killed.write(b"what no checkpoint knows").unwrap();
        // A kill runs nothing.
        drop(killed);
        let mut staged = ours(&layout, &blob);
        staged.check().unwrap();
        assert_eq!(staged.file().unwrap().metadata().unwrap().len(), 1000);
        assert_eq!(staged.begin().unwrap().seen(), 1000);
    }

    #[test]
    fn s01_what_a_kill_left_without_checkpoints_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, content) = blob();
        let transfers = directory.path().join(".imgctl-transfers");
        fs::create_dir_all(&transfers).unwrap();
        let left = transfers.join(format!("sha256-{}", blob.digest.hex()));
        let mut file = open_own(&left, 0o666).unwrap();
        std::io::Write::write_all(&mut file, &vec![b'!'; SIZE + 9]).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o444)).unwrap();
        drop(file);
        let mut staged = ours(&layout, &blob);
        assert!(!staged.is_begun() && staged.begin().is_none());
        staged.write(&content).unwrap();
        staged.commit().unwrap();
        let path = layout.blobs().path(&blob.digest);
        assert!(fs::read(&path).unwrap() == content);
        assert!(!fs::metadata(path).unwrap().permissions().readonly(), "it was not flushed");
    }

    #[tokio::test]
    async fn two_do_not_write_one_blob_unless_one_of_them_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, _) = blob();
        let first = ours(&layout, &blob);
        let Claim::Held(held) = layout.blobs().claim(&blob).unwrap() else { panic!("two have it") };
        held.wait().await;
        assert!(!ours(&layout, &blob).is_partial());
        drop(first);
        let second = self::layout(directory.path());
        let first = ours(&second, &blob);
        let Claim::Held(held) = second.blobs().claim(&blob).unwrap() else { panic!("two have it") };
        tokio::join!(held.wait(), async { drop(first) });
        assert!(ours(&second, &blob).is_partial());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path());
        let (blob, _) = blob();
        let transfers = directory.path().join(".imgctl-transfers");
        fs::create_dir_all(&transfers).unwrap();
        let theirs = directory.path().join("theirs");
        File::create_new(&theirs).unwrap();
        std::os::unix::fs::symlink(theirs, transfers.join(format!("sha256-{}", blob.digest.hex()))).unwrap();
        assert!(!ours(&layout, &blob).is_partial());
    }
}
