//! Sessions: uploads to registries that have not ended, so that the next run goes on with them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::partial::MANY;
use crate::name::Repository;
use crate::net::Secret;
use crate::oci::Digest;
use crate::{Error, Result};

/// What an uploaded blob's record may take.
pub(super) const RECORD_LIMIT: u64 = 64 * 1024;

/// An upload to a registry that has not ended, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The repository it goes to, with its registry.
    pub repository: String,
    /// What is uploaded.
    pub digest: Digest,
    /// How many bytes that has.
    pub size: u64,
    /// The URL of the session. It may carry a signature.
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub location: Secret,
    /// How many bytes the registry confirmed.
    pub offset: u64,
    /// How often it was tried in vain to go on from there.
    #[serde(default)]
    pub vain: u32,
    /// When that was.
    pub changed: SystemTime,
}

/// The record of one upload. No other process has it as long as this lives.
#[derive(Debug)]
pub struct UploadSession {
    file: File,
    path: PathBuf,
    record: Option<UploadRecord>,
}

impl Journal {
    /// The record of the upload of `digest` to `repository`, to read and to write. `None` where another process has it, or
    /// where none can be kept.
    pub fn upload(&self, repository: &Repository, digest: &Digest) -> Option<UploadSession> {
        let repository = repository.to_string();
        let name = Digest::of(format!("{repository}@{digest}").as_bytes()).hex();
        let path = self.directory().join(format!("upload-{name}.json"));
        let open = || fs::create_dir_all(self.directory()).and_then(|()| UploadSession::open(&path));
        // Others remove the directory when it is empty.
        let is_gone = |opened: &io::Result<_>| matches!(opened, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let mut session = (0..MANY).map(|_| open()).find(|opened| !is_gone(opened))?.ok()??;
        session.record =
            session.record.take().filter(|record| record.repository == repository && record.digest == *digest);
        Some(session)
    }
}

impl UploadSession {
    /// What the record says; `None` where nothing was saved yet.
    pub fn record(&self) -> Option<&UploadRecord> {
        self.record.as_ref()
    }

    /// Writes the record down.
    pub fn save(&mut self, record: UploadRecord) -> Result<()> {
        let fail = |error| Error::local(format!("write {}", self.path.display()), error);
        let bytes = serde_json::to_vec(&record).map_err(|error| fail(error.into()))?;
        // In place, so that the lock stays: what a crash tears is no record.
        self.file.rewind().and_then(|()| self.file.write_all(&bytes)).map_err(fail)?;
        self.file.set_len(bytes.len() as u64).map_err(fail)?;
        self.record = Some(record);
        Ok(())
    }

    /// What is on record counts no more. The file goes with this, unless something is saved before.
    pub fn clear(&mut self) {
        self.record = None;
    }

    /// The upload is over: its record goes.
    pub fn remove(mut self) {
        self.clear();
    }

    /// The record in `path`, unless another process has it. It is made where it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let mut file = options.open(path)?;
        let found = file.metadata()?;
        if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() || file.try_lock().is_err() {
            return Ok(None);
        }
        // Whoever had the lock may have removed it.
        if !fs::symlink_metadata(path).is_ok_and(|now| now.ino() == found.ino()) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        (&mut file).take(RECORD_LIMIT).read_to_end(&mut bytes)?;
        Ok(Some(Self { file, path: path.to_owned(), record: serde_json::from_slice(&bytes).ok() }))
    }
}

impl Drop for UploadSession {
    fn drop(&mut self) {
        if self.record.is_none() {
            // It only saves work.
            let _ = fs::remove_file(&self.path);
            let _ = self.path.parent().map(fs::remove_dir);
        }
    }
}

fn expose<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn hide<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_the_record() {
        let store = tempfile::tempdir().unwrap();
        let journal = Journal::new(store.path());
        let repository: Repository = "registry.example/a".parse().unwrap();
        let digest = Digest::of(b"x");
        let record = UploadRecord {
            repository: repository.to_string(),
            digest,
            size: 9,
            location: Secret::new("https://registry.example/v2/a/blobs/uploads/1?_state=secret"),
            offset: 4,
            vain: 0,
            changed: SystemTime::now(),
        };
        let mut session = journal.upload(&repository, &digest).unwrap();
        assert!(session.record().is_none() && journal.upload(&repository, &digest).is_none());
        session.save(record.clone()).unwrap();
        session.save(UploadRecord { offset: 5, ..record }).unwrap();
        drop(session);
        let session = journal.upload(&repository, &digest).unwrap();
        assert_eq!(session.record().unwrap().offset, 5);
        assert!(!format!("{session:?}").contains("secret"));
        assert_eq!(fs::metadata(&session.path).unwrap().mode() & 0o777, 0o600);
        session.remove();
        assert!(!journal.directory().exists());
    }
}
