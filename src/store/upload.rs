//! Uploads: blobs that arrive in parts over several requests and may outlive the process that takes them.
//!
//! `uploads/<id>` holds the bytes, `uploads/<id>.json` says for whom. How far an upload got is the length of its file.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Repositories;
use crate::content::{PIECE, open_regular, read_regular};
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Algorithm, Digest, Hasher};
use crate::{Error, Result};

const STATE_LIMIT: u64 = 64 * 1024;

/// How much uploads may take.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Uploads that may be open at a time.
    pub open: usize,
    /// How long an upload stays after its last byte.
    pub expiry: Duration,
}

/// The uploads to a store.
#[derive(Debug)]
pub struct Uploads {
    repositories: Arc<Repositories>,
    limits: UploadLimits,
    /// What was hashed of uploads that nobody is writing just now. Where it is missing, the file is hashed again.
    hashers: Arc<Mutex<HashMap<String, (u64, Hasher)>>>,
}

/// For whom an upload is.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
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

/// An upload that one request has for itself.
#[derive(Debug)]
pub struct Upload {
    id: String,
    path: PathBuf,
    file: File,
    offset: u64,
    hasher: Option<Hasher>,
    repository: Repository,
    repositories: Arc<Repositories>,
    hashers: Arc<Mutex<HashMap<String, (u64, Hasher)>>>,
}

impl Uploads {
    /// The uploads to the store of `repositories`.
    pub fn new(repositories: Arc<Repositories>, limits: UploadLimits) -> Self {
        Self { repositories, limits, hashers: Arc::default() }
    }

    /// The store they go to.
    pub fn repositories(&self) -> &Arc<Repositories> {
        &self.repositories
    }

    /// Starts an upload of `principal`. Errs with [`Kind::RateLimited`] where too many are open.
    pub fn start(&self, repository: &Repository, principal: Option<&str>) -> Result<Upload> {
        self.repositories.layout.make()?;
        let directory = self.directory();
        let fail = |error| Error::local(format!("create an upload in {}", directory.display()), error);
        fs::create_dir_all(&directory).map_err(fail)?;
        if self.count() >= self.limits.open && self.expire() == 0 {
            let open = self.limits.open;
            return Err(Error::new(Kind::RateLimited, format!("{open} uploads are open already")));
        }
        let id = new_id().map_err(fail)?;
        let state = State { repository: repository.to_string(), principal: principal.map(str::to_owned) };
        let text = serde_json::to_vec(&state).map_err(|error| fail(error.into()))?;
        let create = |path: &Path| OpenOptions::new().read(true).append(true).create_new(true).open(path);
        create(&self.state_path(&id)).and_then(|mut file| file.write_all(&text)).map_err(fail)?;
        let path = directory.join(&id);
        let file = create(&path).map_err(fail)?;
        file.try_lock().map_err(|error| fail(error.into()))?;
        Ok(self.upload(id, (path, file), 0, repository))
    }

    /// The upload `id` of `principal` to `repository`, to write to.
    pub fn open(&self, id: &str, repository: &Repository, principal: Option<&str>) -> Result<Opened> {
        if !self.is_of(id, repository, principal) {
            return Ok(Opened::Unknown);
        }
        let path = self.directory().join(id);
        let fail = |error| Error::local(format!("open upload {id}"), error);
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Unknown),
            file => file.map_err(fail)?,
        };
        if file.try_lock().is_err() {
            return Ok(Opened::Busy);
        }
        // Whoever held the lock may have ended the upload: then this file is a blob, or gone.
        let (ours, found) = (file.metadata().map_err(fail)?, fs::symlink_metadata(&path));
        if !found.is_ok_and(|found| found.is_file() && found.ino() == ours.ino()) {
            return Ok(Opened::Unknown);
        }
        Ok(Opened::Open(Box::new(self.upload(id.to_owned(), (path, file), ours.len(), repository))))
    }

    /// How many bytes of the upload are here; `None` where there is no such upload.
    pub fn offset(&self, id: &str, repository: &Repository, principal: Option<&str>) -> Option<u64> {
        let found = self.is_of(id, repository, principal).then(|| fs::symlink_metadata(self.directory().join(id)));
        found?.ok().map(|found| found.len())
    }

    /// Gives an upload up, also while it is written. `false` where there is no such upload.
    pub fn cancel(&self, id: &str, repository: &Repository, principal: Option<&str>) -> bool {
        self.is_of(id, repository, principal) && self.remove(id)
    }

    /// Removes uploads that nobody wrote to for longer than they stay. Returns how many went.
    pub fn expire(&self) -> usize {
        let ids = self.ids().into_iter();
        let expired = ids.filter(|id| {
            let changed = fs::metadata(self.directory().join(id)).and_then(|found| found.modified());
            let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
            age.is_some_and(|age| age > self.limits.expiry)
        });
        expired.filter(|id| self.remove(id)).count()
    }

    /// How many uploads are open.
    pub fn count(&self) -> usize {
        self.ids().len()
    }

    /// Bytes that open uploads take.
    pub fn size(&self) -> u64 {
        let files = self.ids().into_iter().filter_map(|id| fs::metadata(self.directory().join(id)).ok());
        files.map(|found| found.len()).sum()
    }

    fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory()).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_id(name)).collect()
    }

    fn upload(&self, id: String, (path, file): (PathBuf, File), offset: u64, repository: &Repository) -> Upload {
        let known = self.hashers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let hasher = match known {
            Some((hashed, hasher)) if hashed == offset => Some(hasher),
            _ => (offset == 0).then(|| Hasher::new(Algorithm::Sha256)),
        };
        let (repositories, hashers) = (self.repositories.clone(), self.hashers.clone());
        Upload { id, path, file, offset, hasher, repository: repository.clone(), repositories, hashers }
    }

    /// Whether there is such an upload. An id is never a path: only our own form is looked for.
    fn is_of(&self, id: &str, repository: &Repository, principal: Option<&str>) -> bool {
        if !is_id(id) {
            return false;
        }
        let state = read_regular(&self.state_path(id), STATE_LIMIT).ok();
        let state: Option<State> = state.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        state.is_some_and(|state| state.repository == repository.to_string() && state.principal.as_deref() == principal)
    }

    fn remove(&self, id: &str) -> bool {
        self.hashers.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        let is_gone = fs::remove_file(self.directory().join(id)).is_ok();
        let _ = fs::remove_file(self.state_path(id));
        is_gone
    }

    fn directory(&self) -> PathBuf {
        self.repositories.directory().join("uploads")
    }

    fn state_path(&self, id: &str) -> PathBuf {
        self.directory().join(format!("{id}.json"))
    }
}

impl Upload {
    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many bytes of it are here.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Says which digest is to come, so that what is written next is hashed for it.
    pub fn expect(&mut self, algorithm: Algorithm) {
        if self.offset == 0 {
            self.hasher = Some(Hasher::new(algorithm));
        }
    }

    /// Takes the next piece.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all(piece) {
            // Whatever part of the piece was written was not confirmed.
            let _ = self.file.set_len(self.offset);
            return Err(Error::local(format!("write upload {}", self.id), error));
        }
        self.offset += piece.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        Ok(())
    }

    /// Everything was written: makes it a blob of its repository. Errs with [`Kind::Mismatch`] where the content has
    /// another digest. In any case the upload is over.
    pub fn commit(mut self, digest: &Digest) -> Result<()> {
        let committed = self.place(digest);
        self.discard();
        committed
    }

    /// Gives it up.
    pub fn discard(&mut self) {
        self.hasher = None;
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| self.file.metadata().is_ok_and(|ours| ours.ino() == found.ino()));
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
        let _ = fs::remove_file(self.path.with_extension("json"));
    }

    fn place(&mut self, digest: &Digest) -> Result<()> {
        let hasher = match self.hasher.take() {
            Some(hasher) if hasher.algorithm() == digest.algorithm() => hasher,
            _ => self.hash_again(digest.algorithm())?,
        };
        let found = hasher.finish();
        if found != *digest {
            let message = format!("upload {}: the content received has digest {found}", self.id);
            return Err(Error::mismatch(message).with_digest(*digest));
        }
        let target = self.repositories.layout.blobs().path(digest);
        let fail = |error| Error::local(format!("create blob {digest}"), error);
        fs::create_dir_all(target.parent().unwrap_or(&target)).map_err(fail)?;
        let _held = self.repositories.hold()?;
        fs::rename(&self.path, &target).map_err(fail)?;
        self.repositories.link_blob(&self.repository, digest)
    }

    fn hash_again(&self, algorithm: Algorithm) -> Result<Hasher> {
        let mut file = open_regular(&self.path)?;
        let mut hasher = Hasher::new(algorithm);
        let mut piece = vec![0; PIECE];
        loop {
            let count =
                file.read(&mut piece).map_err(|error| Error::local(format!("read upload {}", self.id), error))?;
            if count == 0 {
                return Ok(hasher);
            }
            hasher.update(&piece[..count]);
        }
    }
}

impl Drop for Upload {
    /// Keeps what was hashed for the next request.
    fn drop(&mut self) {
        if let Some(hasher) = self.hasher.take() {
            let mut hashers = self.hashers.lock().unwrap_or_else(PoisonError::into_inner);
            hashers.insert(self.id.clone(), (self.offset, hasher));
        }
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
