//! Layout: one OCI image layout directory
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md)).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::blob::BlobPool;
use super::index::{INDEX_LIMIT, Index};
use super::journal::TRANSFERS;
use super::lock::Lock;
use super::staging::{Site, Start};
use crate::content::{Access, AtomicFile, read_regular, stop_at};
use crate::error::Kind;
use crate::{Error, Result};

const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
const EMPTY: Start = &[
    (MARKER, br#"{"imageLayoutVersion":"1.0.0"}"#),
    (INDEX, br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#),
];
/// What may be there before the marker is.
const OURS: [&str; 8] = ["blobs", INDEX, MARKER, "lock", "origins.json", "repositories", TRANSFERS, "uploads"];
const MARKER_LIMIT: u64 = 64 * 1024;

/// A directory with `oci-layout`, `index.json` and `blobs/`. Many processes may write one: `index.json` is changed under
/// a lock on `oci-layout`, which needs no file of our own, and replaced whole, so readers need no lock.
#[derive(Debug)]
pub struct Layout {
    site: Arc<Site>,
    blobs: BlobPool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    image_layout_version: String,
}

impl Layout {
    /// The layout in `directory`. Errs with [`Kind::NotFound`] where there is none, [`Kind::Unsupported`] where it is of a
    /// later version than we know.
    pub fn open(directory: &Path) -> Result<Self> {
        let layout = Self::assume(directory);
        layout.check_version()?;
        Ok(layout)
    }

    /// The layout in `directory`. Where that is missing or empty, the first write makes it. Errs where it holds something
    /// else.
    pub fn create_or_open(directory: &Path) -> Result<Self> {
        let layout = Self::assume(directory);
        match layout.check_version() {
            Err(error) if error.kind() == Kind::NotFound => layout.check_empty()?,
            other => other?,
        }
        Ok(layout)
    }

    /// The layout in `directory`, whether it is there or not: what is not there is empty.
    pub(super) fn assume(directory: &Path) -> Self {
        let site = Arc::new(Site::new(directory, EMPTY));
        Self { blobs: BlobPool::new(site.clone()), site }
    }

    /// Flushes everything to the disk before it appears.
    pub fn flush_each(&mut self) {
        self.site.flush_each();
    }

    /// Whether everything is flushed.
    pub(super) fn is_flushed(&self) -> bool {
        self.site.is_flushed()
    }

    /// Keeps blobs whose transfer breaks off, for [`BlobPool::claim`] to go on from. Another process that puts the same blob
    /// is waited for as long as it does not pause for `patience`.
    pub fn keep_partials(&mut self, patience: Duration) {
        self.keep_partials_in(super::TRANSFERS, patience);
    }

    /// As [`Layout::keep_partials`], in this directory.
    pub(super) fn keep_partials_in(&mut self, directory: &str, patience: Duration) {
        self.blobs.keep_partials(directory, patience);
    }

    /// See [`BlobPool::distrust_unflushed`].
    pub(super) fn distrust_unflushed(&mut self) {
        self.blobs.distrust_unflushed();
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        self.site.directory()
    }

    /// Whether it was made.
    pub(super) fn exists(&self) -> bool {
        self.directory().join(MARKER).exists()
    }

    /// Makes it, unless it is there.
    pub(super) fn make(&self) -> Result<()> {
        self.site.staging().map(drop)
    }

    /// Its blobs.
    pub fn blobs(&self) -> &BlobPool {
        &self.blobs
    }

    /// Its index as it is now.
    pub fn index(&self) -> Result<Index> {
        let path = self.index_path();
        let bytes = match read_regular(&path, INDEX_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == Kind::NotFound => return Ok(Index::default()),
            Err(error) => return Err(error),
        };
        Index::parse(bytes).map_err(|error| Error::mismatch(format!("{}: {error}", path.display())))
    }

    /// Changes the index; nobody else does so meanwhile. When `edit` errs, nothing has changed.
    pub fn update<T>(&self, edit: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let answer = edit(&mut index)?;
        self.write_index(&index)?;
        Ok(answer)
    }

    /// Keeps everybody else from changing the index.
    pub(super) fn lock(&self) -> Result<Lock> {
        self.make()?;
        Lock::exclusive(&self.directory().join(MARKER))
    }

    /// Replaces the index. Only for who holds the lock.
    pub(super) fn write_index(&self, index: &Index) -> Result<()> {
        let path = self.index_path();
        let bytes =
            index.to_bytes().map_err(|error| Error::local(format!("write {}", path.display()), error.into()))?;
        let file = self.stage(&path, &bytes)?;
        stop_at("index-staged");
        file.persist_flushed(self.is_flushed())?;
        stop_at("index-renamed");
        Ok(())
    }

    /// A file that will stand at `path` with these bytes.
    pub(super) fn stage(&self, path: &Path, bytes: &[u8]) -> Result<AtomicFile> {
        let mut file = AtomicFile::staged(self.site.staging()?.path(), path, Access::Public)?;
        file.write_all(bytes).map_err(|error| Error::local(format!("write {}", path.display()), error))?;
        Ok(file)
    }

    fn check_version(&self) -> Result<()> {
        let directory = self.directory().display();
        let path = self.directory().join(MARKER);
        let bytes = read_regular(&path, MARKER_LIMIT).map_err(|error| match error.kind() {
            Kind::NotFound => Error::not_found(format!("{directory} is no OCI layout: it has no {MARKER} file")),
            _ => error,
        })?;
        let marker: Version = serde_json::from_slice(&bytes)
            .map_err(|error| Error::mismatch(format!("{} is damaged", path.display())).with_source(error))?;
        let version = marker.image_layout_version;
        if version.starts_with("1.") {
            return Ok(());
        }
        let message = format!("{directory} is an OCI layout of version {version:?}, 1.0.0 is understood");
        Err(Error::new(Kind::Unsupported, message))
    }

    /// Whether the directory may become a layout: nothing else is in it.
    fn check_empty(&self) -> Result<()> {
        let directory = self.directory().display();
        let fail = |error: io::Error| Error::local(format!("create {directory}"), error);
        let entries = match fs::read_dir(self.directory()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            // Another process may be making this layout right now: hidden files are what it has in hand.
            let is_ours = OURS.iter().any(|ours| name == *ours) || name.as_encoded_bytes().starts_with(b".");
            if !is_ours {
                return Err(Error::usage(format!("{directory} is neither empty nor an OCI layout"))
                    .with_hint("name a directory that does not exist yet"));
            }
        }
        Ok(())
    }

    fn index_path(&self) -> PathBuf {
        self.directory().join(INDEX)
    }
}
