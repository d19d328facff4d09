//! BlobPool: the `blobs/` directory of a layout. What stands there under a digest was whole when it got there.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::partial::Partials;
use super::staged::{Claim, Spot, StagedBlob, claim};
use super::staging::Site;
use crate::content::{BlobReader, PIECE, Verifier, make_directory, open_regular, read_regular};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest, MANIFEST_LIMIT, Manifest};
use crate::{Error, Result};

/// The blobs of one layout.
#[derive(Debug)]
pub struct BlobPool {
    site: Arc<Site>,
    booted: Option<SystemTime>,
    partials: Option<Arc<Partials>>,
}

impl BlobPool {
    /// The pool of the layout at `site`.
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site, booted: None, partials: None }
    }

    /// Keeps blobs whose transfer breaks off, for [`BlobPool::claim`] to go on from. Another process that puts the same blob
    /// is waited for as long as it does not pause for `patience`.
    pub(super) fn keep_partials(&mut self, directory: &str, patience: Duration) {
        self.partials = Some(Partials::new(self.site.directory().join(directory), patience));
    }

    /// Trusts a blob only when it was flushed or verified (then its file is read-only), or when it was written since the
    /// machine booted: what a power loss may have torn is read once and checked.
    pub(super) fn distrust_unflushed(&mut self) {
        self.booted = boot_time();
    }

    /// Where the blob stands, if it is there.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.site.directory().join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    /// Whether the blob is there, with the size of its descriptor.
    pub fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let path = self.path(&descriptor.digest);
        let Ok(found) = fs::symlink_metadata(&path) else { return Ok(false) };
        if !found.is_file() || found.len() != descriptor.size {
            return Ok(false);
        }
        if self.is_trusted(&found) { Ok(true) } else { verify(&path, descriptor) }
    }

    /// Whether the file of a blob need not be read to know that no power loss has torn it.
    pub(super) fn is_trusted(&self, found: &Metadata) -> bool {
        match (self.booted, found.modified()) {
            (Some(booted), Ok(written)) => found.permissions().readonly() || written >= booted,
            _ => true,
        }
    }

    /// The bytes of a blob from offset `from` on. Errs with [`Kind::NotFound`](crate::error::Kind::NotFound) where it is
    /// not there, [`Kind::Mismatch`](crate::error::Kind::Mismatch) where it has another size than its descriptor.
    pub fn open(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let file =
            open_regular(&self.path(&descriptor.digest)).map_err(|error| name_blob(error, &descriptor.digest))?;
        blob_reader(file, descriptor, from)
    }

    /// The manifest or index that `descriptor` names, verified.
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        Ok(Manifest::verified(self.read(&descriptor.digest, MANIFEST_LIMIT)?, descriptor)?)
    }

    /// The manifest or index with this digest, whatever its type. Verified.
    pub fn manifest_by_digest(&self, digest: &Digest) -> Result<Manifest> {
        let bytes = self.read(digest, MANIFEST_LIMIT)?;
        let parsed = Manifest::parse(bytes.clone(), None)?;
        let descriptor = Descriptor::new(parsed.media_type().clone(), *digest, bytes.len() as u64);
        Ok(Manifest::verified(bytes, &descriptor)?)
    }

    /// All of a small blob; the caller verifies.
    pub(super) fn read(&self, digest: &Digest, limit: u64) -> Result<bytes::Bytes> {
        read_regular(&self.path(digest), limit).map_err(|error| name_blob(error, digest))
    }

    /// Starts to put a blob.
    pub fn begin(&self, descriptor: &Descriptor) -> Result<StagedBlob> {
        StagedBlob::create(self.spot(descriptor)?, descriptor.size)
    }

    /// Starts to put a blob, or to go on with one that was kept.
    pub fn claim(&self, descriptor: &Descriptor) -> Result<Claim> {
        claim(self.partials.as_ref(), self.spot(descriptor)?, descriptor)
    }

    fn spot(&self, descriptor: &Descriptor) -> Result<Spot> {
        let target = self.path(&descriptor.digest);
        let staging = self.site.staging()?;
        let directory = target.parent().unwrap_or(self.site.directory());
        make_directory(directory, self.site.is_flushed())?;
        Ok(Spot { staging, target, is_flushed: self.site.is_flushed() })
    }

    /// Puts small content. What is there with the same bytes stays, anything else is replaced.
    pub fn put(&self, descriptor: &Descriptor, content: &[u8]) -> Result<()> {
        if self.read(&descriptor.digest, descriptor.size).is_ok_and(|found| found == content) {
            return Ok(());
        }
        let mut blob = self.begin(descriptor)?;
        blob.write(content)?;
        blob.commit()
    }

    /// Deletes a blob. `false` where it was not there.
    pub(super) fn delete(&self, digest: &Digest) -> Result<bool> {
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::local(format!("delete {}", path.display()), error)),
        }
    }
}

/// A reader of an open blob whose size is checked before its first byte is given out.
pub(crate) fn blob_reader(file: fs::File, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
    let (digest, size) = (descriptor.digest, descriptor.size);
    let found = file.metadata().map_err(|error| Error::local(format!("read blob {digest}"), error))?.len();
    if found != size {
        return Err(Error::mismatch(format!("blob {digest}: has {found} bytes, its descriptor says {size}"))
            .with_digest(digest));
    }
    let left = size.checked_sub(from).ok_or_else(|| Error::usage(format!("blob {digest}: {from} is past its end")))?;
    Ok(BlobReader::from_file(file, from, left))
}

/// Says of an error about a file which blob that is.
pub(crate) fn name_blob(error: Error, digest: &Digest) -> Error {
    let hint = error.hint().map(str::to_owned);
    let named = match error.kind() {
        Kind::NotFound => Error::not_found(format!("blob {digest} is not there")),
        kind => Error::new(kind, format!("blob {digest} cannot be read")),
    };
    let named = named.with_digest(*digest).with_source(error);
    if let Some(hint) = hint { named.with_hint(hint) } else { named }
}

/// Reads a blob that may have been torn by a power loss; a whole one is marked so that this happens once.
fn verify(path: &Path, descriptor: &Descriptor) -> Result<bool> {
    let mut file = open_regular(path)?;
    let mut verifier = Verifier::new(descriptor);
    let mut piece = vec![0; PIECE];
    loop {
        let count = io::Read::read(&mut file, &mut piece)
            .map_err(|error| Error::local(format!("read {}", path.display()), error))?;
        if count == 0 {
            break;
        }
        if verifier.update(&piece[..count]).is_err() {
            return Ok(false);
        }
    }
    let is_whole = verifier.finish().is_ok();
    if is_whole {
        mark_sound(&file);
    }
    Ok(is_whole)
}

/// Makes the file of a blob read-only, which says that no power loss tears it any more.
pub(super) fn mark_sound(file: &fs::File) {
    let Ok(found) = file.metadata() else { return };
    let mut permissions = found.permissions();
    permissions.set_readonly(true);
    // Where there can be no mark it is read again.
    let _ = file.set_permissions(permissions);
}

/// When this machine booted; `None` where it cannot be told.
fn boot_time() -> Option<SystemTime> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    SystemTime::now().checked_sub(Duration::try_from_secs_f64(seconds).ok()?)
}
