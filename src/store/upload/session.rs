//! Upload: one upload while one request has it for itself.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use super::Shared;
use crate::content::{PIECE, make_directory, open_regular, sync_directory};
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Algorithm, Digest, Hasher};
use crate::store::blob::mark_sound;
use crate::{Error, Result};

/// An upload that one request has for itself.
#[derive(Debug)]
pub struct Upload {
    pub(super) id: String,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) offset: u64,
    pub(super) hasher: Option<Hasher>,
    pub(super) repository: Repository,
    pub(super) shared: Arc<Shared>,
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

    /// Takes the next piece. When this errs, nothing of the piece was taken.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        let size = piece.len() as u64;
        if let Some(quota) = &self.shared.quota {
            quota.take(size)?;
        }
        if let Err(error) = self.file.write_all(piece) {
            // Whatever part of the piece was written was not confirmed.
            let _ = self.file.set_len(self.offset);
            self.give_back(size);
            return Err(Error::local(format!("write upload {}", self.id), error));
        }
        self.offset += size;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        Ok(())
    }

    /// Everything was written: makes it a blob of its repository. Errs with [`Kind::Mismatch`] where the content has
    /// another digest: then the upload is over. Errs with [`Kind::NotFound`] where it was given up meanwhile. When anything
    /// else errs, this can be tried again.
    pub fn commit(mut self, digest: &Digest) -> Result<()> {
        let committed = self.place(digest);
        match &committed {
            Ok(()) => _ = fs::remove_file(self.path.with_extension("json")),
            Err(error) if error.kind() == Kind::Mismatch => self.discard(),
            Err(_) => {}
        }
        committed
    }

    /// Gives it up.
    pub fn discard(&mut self) {
        self.hasher = None;
        if self.is_here() && fs::remove_file(&self.path).is_ok() {
            self.give_back(self.offset);
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
        let repositories = &self.shared.repositories;
        let target = repositories.layout.blobs().path(digest);
        let fail = |error| Error::local(format!("create blob {digest}"), error);
        let (directory, is_flushed) = (target.parent().unwrap_or(&target), repositories.layout.is_flushed());
        make_directory(directory, is_flushed)?;
        if is_flushed {
            self.file.sync_all().map_err(fail)?;
        }
        let _held = repositories.hold()?;
        if !self.is_here() {
            return Err(self.given_up());
        }
        // First the link: what is killed between the two leaves no blob that belongs to nobody.
        repositories.link_blob(&self.repository, digest)?;
        let replaced = fs::symlink_metadata(&target).map_or(0, |found| found.len());
        match fs::rename(&self.path, &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.given_up()),
            renamed => renamed.map_err(fail)?,
        }
        self.give_back(replaced);
        if is_flushed {
            mark_sound(&self.file);
            sync_directory(directory)?;
        }
        Ok(())
    }

    /// Whether the file under its name is still this one.
    fn is_here(&self) -> bool {
        let found = fs::symlink_metadata(&self.path);
        found.is_ok_and(|found| self.file.metadata().is_ok_and(|ours| ours.ino() == found.ino()))
    }

    fn given_up(&self) -> Error {
        Error::not_found(format!("upload {} was given up", self.id))
    }

    fn give_back(&self, bytes: u64) {
        if let Some(quota) = &self.shared.quota {
            quota.give(bytes);
        }
    }

    fn hash_again(&self, algorithm: Algorithm) -> Result<Hasher> {
        let mut file = open_regular(&self.path).map_err(|error| match error.kind() {
            Kind::NotFound => self.given_up(),
            _ => error,
        })?;
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
            let mut hashers = self.shared.hashers.lock().unwrap_or_else(PoisonError::into_inner);
            hashers.insert(self.id.clone(), (self.offset, hasher));
        }
    }
}
