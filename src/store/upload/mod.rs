//! Uploads: blobs that arrive in parts over several requests and may outlive the process that takes them.
//!
//! `uploads/<id>` holds the bytes, `uploads/<id>.json` says for whom. How far an upload got is the length of its file.

mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub use session::Upload;

use super::Repositories;
use super::quota::Quota;
use crate::content::read_regular;
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Algorithm, Hasher};
use crate::{Error, Result};

const STATE_LIMIT: u64 = 64 * 1024;

/// How much uploads may take.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Uploads that may be open at a time.
    pub open: usize,
    /// How long an upload stays after its last byte.
    pub expiry: Duration,
    /// Bytes that all blobs and uploads may have together.
    pub quota: Option<u64>,
}

/// The uploads to a store.
#[derive(Debug)]
pub struct Uploads {
    limits: UploadLimits,
    shared: Arc<Shared>,
}

/// What an upload needs of all uploads.
#[derive(Debug)]
struct Shared {
    repositories: Arc<Repositories>,
    quota: Option<Quota>,
    /// What was hashed of uploads that nobody is writing just now. Where it is missing, the file is hashed again.
    hashers: Mutex<HashMap<String, (u64, Hasher)>>,
}

/// For whom an upload is.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    repository: String,
    principal: Option<String>,
}

/// What became of the wish to write to an upload.
#[derive(Debug)]
pub enum Opened {
    /// There is no such upload, or it is somebody else's.
    Unknown,
    /// Another request is writing to it.
    Busy,
    /// It can be written.
    Open(Box<Upload>),
}

impl Uploads {
    /// The uploads to the store of `repositories`.
    pub fn new(repositories: Arc<Repositories>, limits: UploadLimits) -> Self {
        let quota = limits.quota.map(|limit| Quota::new(repositories.directory(), limit));
        Self { limits, shared: Arc::new(Shared { repositories, quota, hashers: Mutex::default() }) }
    }

    /// The store they go to.
    pub fn repositories(&self) -> &Arc<Repositories> {
        &self.shared.repositories
    }

    /// Where all blobs and uploads may not have so many bytes together, this knows how many they have.
    pub fn quota(&self) -> Option<&Quota> {
        self.shared.quota.as_ref()
    }

    /// Starts an upload of `principal`. Errs with [`Kind::RateLimited`] where too many are open.
    pub fn start(&self, repository: &Repository, principal: Option<&str>) -> Result<Upload> {
        self.shared.repositories.layout.make()?;
        let directory = self.directory();
        let fail = |error| Error::local(format!("create an upload in {}", directory.display()), error);
        fs::create_dir_all(&directory).map_err(fail)?;
        if self.count() >= self.limits.open && self.expire() == 0 {
            let open = self.limits.open;
            return Err(Error::new(Kind::RateLimited, format!("{open} uploads are open already")));
        }
        let id = new_id().map_err(fail)?;
        let state = State { repository: repository.to_string(), principal: principal.map(str::to_owned) };
        let created = self.create(&id, &state);
        if created.is_err() {
            self.remove(&id);
        }
        let file = created.map_err(fail)?;
        Ok(self.session(id, file, 0, repository))
    }

    /// The upload `id` of `principal` to `repository`, to write to.
    pub fn open(&self, id: &str, repository: &Repository, principal: Option<&str>) -> Result<Opened> {
        if !self.is_of(id, repository, principal) {
            return Ok(Opened::Unknown);
        }
        let fail = |error| Error::local(format!("open upload {id}"), error);
        let path = self.path(id);
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Unknown),
            file => file.map_err(fail)?,
        };
        if !lock(&file).map_err(fail)? {
            return Ok(Opened::Busy);
        }
        // Whoever held the lock may have ended the upload: then this file is a blob, or gone.
        let (ours, found) = (file.metadata().map_err(fail)?, fs::symlink_metadata(&path));
        if !found.is_ok_and(|found| found.is_file() && found.ino() == ours.ino()) {
            return Ok(Opened::Unknown);
        }
        Ok(Opened::Open(Box::new(self.session(id.to_owned(), file, ours.len(), repository))))
    }

    /// How many bytes of the upload are here; `None` where there is no such upload.
    pub fn offset(&self, id: &str, repository: &Repository, principal: Option<&str>) -> Option<u64> {
        let found = self.is_of(id, repository, principal).then(|| fs::symlink_metadata(self.path(id)));
        found?.ok().map(|found| found.len())
    }

    /// Gives an upload up, also while it is written. `false` where there is no such upload.
    pub fn cancel(&self, id: &str, repository: &Repository, principal: Option<&str>) -> bool {
        self.is_of(id, repository, principal) && self.remove(id)
    }

    /// Removes uploads that nobody wrote to for longer than they stay, and what is left of others. Returns how many went.
    pub fn expire(&self) -> usize {
        let (ids, states) = self.entries();
        let ended = states.iter().filter(|id| !self.path(id).exists());
        ended.for_each(|id| _ = fs::remove_file(self.state_path(id)));
        self.hashers().retain(|id, _| ids.contains(id));
        ids.iter().filter(|id| self.is_expired(id) && self.remove(id)).count()
    }

    /// How many uploads are open.
    pub fn count(&self) -> usize {
        self.entries().0.len()
    }

    /// Bytes that open uploads take.
    pub fn size(&self) -> u64 {
        let (ids, _) = self.entries();
        ids.iter().filter_map(|id| fs::metadata(self.path(id)).ok()).map(|found| found.len()).sum()
    }

    /// The ids of the uploads that have bytes, and those that have a state.
    fn entries(&self) -> (Vec<String>, Vec<String>) {
        let entries = fs::read_dir(self.directory()).into_iter().flatten().flatten();
        let (mut ids, mut states) = (Vec::new(), Vec::new());
        for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
            match name.strip_suffix(".json") {
                Some(id) if is_id(id) => states.push(id.to_owned()),
                None if is_id(&name) => ids.push(name),
                _ => {}
            }
        }
        (ids, states)
    }

    /// The bytes come first: what is killed between the two expires like any other.
    fn create(&self, id: &str, state: &State) -> io::Result<File> {
        let create = |path: &Path| OpenOptions::new().read(true).append(true).create_new(true).open(path);
        let file = create(&self.path(id))?;
        lock(&file)?;
        create(&self.state_path(id))?.write_all(&serde_json::to_vec(state)?)?;
        Ok(file)
    }

    fn session(&self, id: String, file: File, offset: u64, repository: &Repository) -> Upload {
        let known = self.hashers().remove(&id);
        let hasher = match known {
            Some((hashed, hasher)) if hashed == offset => Some(hasher),
            _ => (offset == 0).then(|| Hasher::new(Algorithm::Sha256)),
        };
        let path = self.path(&id);
        Upload { id, path, file, offset, hasher, repository: repository.clone(), shared: self.shared.clone() }
    }

    /// Whether there is such an upload. An id is never a path: only our own form is looked for.
    fn is_of(&self, id: &str, repository: &Repository, principal: Option<&str>) -> bool {
        if !is_id(id) || self.is_expired(id) {
            return false;
        }
        let state = read_regular(&self.state_path(id), STATE_LIMIT).ok();
        let state: Option<State> = state.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        state.is_some_and(|state| state.repository == repository.to_string() && state.principal.as_deref() == principal)
    }

    fn is_expired(&self, id: &str) -> bool {
        let changed = fs::metadata(self.path(id)).and_then(|found| found.modified());
        let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
        age.is_some_and(|age| age > self.limits.expiry)
    }

    fn remove(&self, id: &str) -> bool {
        self.hashers().remove(id);
        let path = self.path(id);
        let size = fs::metadata(&path).map_or(0, |found| found.len());
        let is_gone = fs::remove_file(path).is_ok();
        let _ = fs::remove_file(self.state_path(id));
        if let Some(quota) = self.quota().filter(|_| is_gone) {
            quota.give(size);
        }
        is_gone
    }

    fn hashers(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u64, Hasher)>> {
        self.shared.hashers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self) -> PathBuf {
        self.shared.repositories.directory().join("uploads")
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory().join(id)
    }

    fn state_path(&self, id: &str) -> PathBuf {
        self.directory().join(format!("{id}.json"))
    }
}

/// Whether nobody else writes the file now. Where the file system has no locks, nobody does.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// 128 random bits: nobody guesses the uploads of others.
fn new_id() -> io::Result<String> {
    let mut bits = [0; 16];
    let mut filled = 0;
    while filled < bits.len() {
        filled += rustix::rand::getrandom(&mut bits[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
