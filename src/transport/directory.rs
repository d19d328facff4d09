//! `dir:` — one image as flat files, as skopeo writes and reads them: `version`, `manifest.json`, blobs named by their hex
//! digest, and `<hex>.manifest.json` for each manifest of an index.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::roots::Roots;
use super::{Begin, Destination, Name, Source, staged};
use crate::content::{Access, AtomicFile, BlobReader, open_regular, read_regular};
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, MANIFEST_LIMIT, Manifest};
use crate::store::{Lock, Partials, Site, Spot, Staging, TRANSFERS, blob_reader, claim, name_blob};
use crate::{Error, Result};

const VERSION: &str = "version";
const VERSION_START: &str = "Directory Transport Version: ";
const VERSION_CONTENT: &[u8] = b"Directory Transport Version: 1.1\n";
const MANIFEST: &str = "manifest.json";

/// A directory to read.
#[derive(Debug)]
pub struct DirectorySource(PathBuf);

impl DirectorySource {
    /// The image in `directory`. Errs with [`Kind::NotFound`] where there is none.
    pub fn open(directory: &Path) -> Result<Self> {
        if directory.join(MANIFEST).symlink_metadata().is_err() {
            return Err(Error::not_found(format!("{} holds no image: it has no {MANIFEST}", directory.display())));
        }
        Ok(Self(directory.to_owned()))
    }
}

#[async_trait]
impl Source for DirectorySource {
    /// There is one image and it has no name; `@sha256:…` takes a manifest of an index by its digest.
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let bytes = read_regular(&self.0.join(MANIFEST), MANIFEST_LIMIT)?;
        let root = Manifest::parse(bytes, None)?;
        let Some(name) = name else { return Ok(root.descriptor()) };
        let fail = || Error::not_found(format!("{} has no image called {name}", self.0.display()));
        let digest: Digest = name.as_str().trim_start_matches('@').parse().map_err(|_| fail())?;
        if digest == root.digest() {
            return Ok(root.descriptor());
        }
        let bytes = read_regular(&self.0.join(manifest_name(&digest)), MANIFEST_LIMIT).map_err(|_| fail())?;
        let child = Manifest::parse(bytes.clone(), None)?;
        let descriptor = Descriptor::new(child.media_type().clone(), digest, bytes.len() as u64);
        Ok(Manifest::verified(bytes, &descriptor)?.descriptor())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let digest = &descriptor.digest;
        let child = read_regular(&self.0.join(manifest_name(digest)), MANIFEST_LIMIT);
        let bytes = match child {
            Err(error) if error.kind() == Kind::NotFound => {
                let root = read_regular(&self.0.join(MANIFEST), MANIFEST_LIMIT)?;
                let is_it = Digest::with(digest.algorithm(), &root) == *digest;
                if is_it { Ok(root) } else { Err(name_blob(error, digest)) }
            }
            other => other,
        }?;
        Ok(Manifest::verified(bytes, descriptor)?)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let digest = &descriptor.digest;
        let file = open_regular(&self.0.join(digest.hex())).map_err(|error| name_blob(error, digest))?;
        blob_reader(file, descriptor, from)
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Ok(Vec::new())
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        Ok(vec![(None, self.resolve(None).await?)])
    }
}

/// A directory to write. It holds one image: the one of an earlier copy stays until the new one is whole, and who comes
/// while another writes waits.
#[derive(Debug)]
pub struct DirectoryDestination {
    site: Site,
    lock: Mutex<Option<Lock>>,
    roots: Roots,
    partials: Option<Arc<Partials>>,
}

impl DirectoryDestination {
    /// The directory. Where it is missing, the first write makes it. Errs where it holds something else than an image.
    pub fn create_or_open(directory: &Path) -> Result<Self> {
        let version = read_regular(&directory.join(VERSION), 1024);
        let is_image = version.is_ok_and(|version| version.starts_with(VERSION_START.as_bytes()));
        if !is_image && !is_empty(directory)? {
            let directory = directory.display();
            return Err(Error::usage(format!("{directory} is neither empty nor an image directory"))
                .with_hint("name a directory that does not exist yet"));
        }
        let site = Site::new(directory, &[(VERSION, VERSION_CONTENT)]);
        Ok(Self { site, lock: Mutex::default(), roots: Roots::default(), partials: None })
    }

    /// Keeps blobs whose transfer breaks off where `patience` is given: so long another process that puts the same blob may
    /// pause before it is waited for no more.
    pub fn resuming(mut self, patience: Option<Duration>) -> Self {
        self.partials = patience.map(|patience| Partials::new(self.directory().join(TRANSFERS), patience));
        self
    }

    /// Flushes everything to the disk before it appears, where `is_flushed`.
    pub fn flushing(self, is_flushed: bool) -> Self {
        if is_flushed {
            self.site.flush_each();
        }
        self
    }

    fn directory(&self) -> &Path {
        self.site.directory()
    }

    fn is_there(&self, descriptor: &Descriptor) -> Result<bool> {
        let digest = &descriptor.digest;
        let name = if descriptor.media_type.is_manifest() { manifest_name(digest) } else { digest.hex() };
        let found = self.directory().join(name).symlink_metadata();
        Ok(found.is_ok_and(|found| found.is_file() && found.len() == descriptor.size))
    }

    /// Makes the directory ours until the image is whole.
    fn make(&self) -> Result<Arc<Staging>> {
        let staging = self.site.staging()?;
        let mut lock = self.lock();
        if lock.is_none() {
            *lock = Some(Lock::exclusive(&self.directory().join(VERSION))?);
        }
        Ok(staging)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lock>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.directory().join(name);
        let mut file = AtomicFile::staged(self.make()?.path(), &path, Access::Public)?;
        file.write_all(content).map_err(|error| Error::local(format!("write {}", path.display()), error))?;
        file.persist_flushed(self.site.is_flushed())
    }

    /// Removes what an earlier image left and `root` does not lead to.
    fn remove_stale(&self, root: &Manifest) -> Result<()> {
        let mut kept = HashSet::new();
        let mut open = vec![root.clone()];
        while let Some(manifest) = open.pop() {
            for child in manifest.children() {
                let name = manifest_name(&child.digest);
                let bytes = read_regular(&self.directory().join(&name), MANIFEST_LIMIT).unwrap_or_default();
                let child_manifest = Manifest::verified(bytes, child).ok();
                if kept.insert(if child_manifest.is_some() { name } else { child.digest.hex() }) {
                    open.extend(child_manifest);
                }
            }
        }
        let entries = fs::read_dir(self.directory())
            .map_err(|error| Error::local(format!("read {}", self.directory().display()), error))?;
        for entry in entries.flatten() {
            let is_stale = entry.file_name().to_str().is_some_and(|name| is_content(name) && !kept.contains(name));
            if is_stale {
                // A blob too many is no fault of the image.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Destination for DirectoryDestination {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.is_there(descriptor)
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        let target = self.directory().join(descriptor.digest.hex());
        let staging = self.make()?;
        if self.has(descriptor).await? {
            return Ok(Begin::Present);
        }
        let spot = Spot { staging, target, is_flushed: self.site.is_flushed() };
        staged::begin(claim(self.partials.as_ref(), spot, descriptor)?, || self.is_there(descriptor)).await
    }

    /// A name is not kept: the directory is the name.
    async fn put_manifest(&self, manifest: &Manifest, _: Option<&Name>) -> Result<()> {
        self.put(&manifest_name(&manifest.digest()), manifest.bytes())?;
        self.roots.note(manifest, false);
        Ok(())
    }

    /// Puts the one root in place as `manifest.json`. Errs with [`Kind::Unsupported`] where there are several.
    async fn finish(&self) -> Result<()> {
        let roots = self.roots.take();
        let Some(root) = roots.first() else { return Ok(()) };
        if roots.len() > 1 {
            let message = format!("{} holds one image, {} were put", self.directory().display(), roots.len());
            return Err(Error::new(Kind::Unsupported, message).with_hint("copy them to an OCI layout (oci:) instead"));
        }
        let bytes = read_regular(&self.directory().join(manifest_name(&root.digest)), MANIFEST_LIMIT)?;
        let root = Manifest::verified(bytes, root)?;
        self.put(MANIFEST, root.bytes())?;
        self.remove_stale(&root)?;
        *self.lock() = None;
        Ok(())
    }
}

/// Whether nothing is in `directory` but what is hidden, or it is not there.
fn is_empty(directory: &Path) -> Result<bool> {
    let is_visible = |entry: fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
    match fs::read_dir(directory) {
        Ok(entries) => Ok(!entries.flatten().any(is_visible)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::local(format!("create {}", directory.display()), error)),
    }
}

fn manifest_name(digest: &Digest) -> String {
    format!("{}.manifest.json", digest.hex())
}

/// Whether a file of this name is a blob, a manifest of an index or a signature.
fn is_content(name: &str) -> bool {
    let is_hex = |text: &str| matches!(text.len(), 64 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex(name.strip_suffix(".manifest.json").unwrap_or(name)) || name.starts_with("signature-")
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;

    struct Place(tempfile::TempDir);

    #[async_trait]
    impl contract::Place for Place {
        async fn destination(&self) -> Arc<dyn Destination> {
            Arc::new(DirectoryDestination::create_or_open(&self.0.path().join("place")).unwrap())
        }

        async fn source(&self) -> Arc<dyn Source> {
            Arc::new(DirectorySource::open(&self.0.path().join("place")).unwrap())
        }

        fn names(&self) -> Vec<Name> {
            Vec::new()
        }

        fn lists_referrers(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(|| Place(tempfile::tempdir().unwrap())).await;
    }
}
