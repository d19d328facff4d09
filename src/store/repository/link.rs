//! Links: files below `repositories/` that say what belongs to a repository.
//!
//! ```text
//! repositories/<registry>/<path>/
//! ├── _manifests/<algorithm>/<hex>                the media type of a manifest of the repository
//! ├── _blobs/<algorithm>/<hex>                    empty; since when is its time of change
//! └── _referrers/<algorithm>/<hex>/<digest>       empty; who describes that subject
//! ```
//!
//! A link is fresh for some time after it was made or asked for: a manifest that needs what it links may be on its way.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::media_type;
use crate::content::{make_directory, read_regular, sync_directory};
use crate::name::{Registry, Repository};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::store::blob::BlobPool;
use crate::store::layout::Layout;
use crate::{Error, Result};

const MANIFESTS: &str = "_manifests";
const BLOBS: &str = "_blobs";
const REFERRERS: &str = "_referrers";
/// How long what was removed stays where a manifest that needs it may be on its way.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// How long an uploaded blob waits for the first manifest that needs it.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
const MEDIA_TYPE_LIMIT: u64 = 1024;

/// The links of one store.
#[derive(Debug)]
pub(in crate::store) struct Links {
    directory: PathBuf,
    is_flushed: bool,
}

/// A manifest to link.
pub(super) struct Linked<'a> {
    pub(super) digest: &'a Digest,
    pub(super) media_type: &'a MediaType,
    pub(super) subject: Option<&'a Digest>,
    /// Whether it may be a part of a manifest on its way.
    pub(super) is_part: bool,
}

impl Links {
    /// The links of the store in `directory`.
    pub(in crate::store) fn new(directory: &Path) -> Self {
        Self { directory: directory.join("repositories"), is_flushed: false }
    }

    /// Flushes every link to the disk.
    pub(super) fn flush_each(&mut self) {
        self.is_flushed = true;
    }

    fn place(&self, repository: &Repository) -> PathBuf {
        self.directory.join(repository.registry().to_string()).join(repository.path())
    }

    fn path(&self, repository: &Repository, kind: &str, digest: &Digest) -> PathBuf {
        self.place(repository).join(kind).join(digest.algorithm().as_str()).join(digest.hex())
    }

    /// Whether anything was ever linked in the repository and not all of it was forgotten.
    pub(super) fn exists(&self, repository: &Repository) -> bool {
        let directory = self.place(repository);
        [MANIFESTS, BLOBS].iter().any(|kind| !digests(&directory.join(kind)).is_empty())
    }

    /// Whether a manifest is linked in the repository.
    pub(super) fn has_manifests(&self, repository: &Repository) -> bool {
        !digests(&self.place(repository).join(MANIFESTS)).is_empty()
    }

    /// All repositories with a linked manifest.
    pub(super) fn repositories(&self) -> Vec<Repository> {
        let mut all = self.all();
        all.retain(|repository| !digests(&self.place(repository).join(MANIFESTS)).is_empty());
        all
    }

    /// All repositories with a link.
    pub(in crate::store) fn all(&self) -> Vec<Repository> {
        let mut found = Vec::new();
        for name in names(&self.directory) {
            if let Ok(registry) = name.parse::<Registry>() {
                walk(&registry, &self.directory.join(&name), String::new(), &mut found);
            }
        }
        found
    }

    /// The media type of a linked manifest.
    pub(super) fn manifest(&self, repository: &Repository, digest: &Digest) -> Option<MediaType> {
        let bytes = read_regular(&self.path(repository, MANIFESTS, digest), MEDIA_TYPE_LIMIT).ok()?;
        std::str::from_utf8(&bytes).ok().map(media_type)
    }

    /// Whether the manifest is linked.
    pub(in crate::store) fn has_manifest(&self, repository: &Repository, digest: &Digest) -> bool {
        self.path(repository, MANIFESTS, digest).exists()
    }

    /// Descriptors of all linked manifests of a repository that are there.
    pub(in crate::store) fn described(&self, repository: &Repository, blobs: &BlobPool) -> HashMap<Digest, Descriptor> {
        let all = digests(&self.place(repository).join(MANIFESTS));
        self.described_some(repository, &all, blobs).map(|descriptor| (descriptor.digest, descriptor)).collect()
    }

    /// Descriptors of those of `digests` that are linked manifests and are there.
    pub(in crate::store) fn described_some<'a>(
        &'a self,
        repository: &'a Repository,
        digests: &'a [Digest],
        blobs: &'a BlobPool,
    ) -> impl Iterator<Item = Descriptor> + 'a {
        digests.iter().filter_map(|digest| {
            let size = fs::symlink_metadata(blobs.path(digest)).ok()?.len();
            Some(Descriptor::new(self.manifest(repository, digest)?, *digest, size))
        })
    }

    /// Whether the blob is linked.
    pub(super) fn has_blob(&self, repository: &Repository, digest: &Digest) -> bool {
        self.path(repository, BLOBS, digest).exists()
    }

    /// All linked blobs, and how long ago each was linked or asked for.
    pub(in crate::store) fn blobs(&self, repository: &Repository) -> HashMap<Digest, Age> {
        self.aged(repository, BLOBS)
    }

    /// Linked manifests that may be parts of one on its way.
    pub(in crate::store) fn fresh_manifests(&self, repository: &Repository) -> HashSet<Digest> {
        let aged = self.aged(repository, MANIFESTS).into_iter();
        aged.filter(|(_, age)| age.is_fresh()).map(|(digest, _)| digest).collect()
    }

    fn aged(&self, repository: &Repository, kind: &str) -> HashMap<Digest, Age> {
        let all = digests(&self.place(repository).join(kind)).into_iter();
        all.map(|digest| (digest, Age::of(&self.path(repository, kind, &digest)))).collect()
    }

    /// Whether the link of a blob stays fresh for some time.
    pub(super) fn is_blob_safe(&self, repository: &Repository, digest: &Digest) -> bool {
        !Age::of(&self.path(repository, BLOBS, digest)).is_ending()
    }

    /// Whether the link of a manifest, if there is one, stays fresh for some time.
    pub(super) fn is_manifest_safe(&self, repository: &Repository, digest: &Digest) -> bool {
        let path = self.path(repository, MANIFESTS, digest);
        !path.exists() || !Age::of(&path).is_ending()
    }

    /// Makes the link of a blob fresh again before it ceases to be; makes one where there is none.
    pub(super) fn renew_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        if self.is_blob_safe(repository, digest) { Ok(()) } else { self.put_blob(repository, digest) }
    }

    /// Makes the link of a manifest fresh again before it ceases to be.
    pub(super) fn renew_manifest(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        if self.is_manifest_safe(repository, digest) {
            Ok(())
        } else {
            self.touch(&self.path(repository, MANIFESTS, digest))
        }
    }

    /// Linked manifests that describe `subject`.
    pub(in crate::store) fn referrers(&self, repository: &Repository, subject: &Digest) -> Vec<Digest> {
        let listed = names(&self.path(repository, REFERRERS, subject)).into_iter();
        listed.filter_map(|name| name.replacen('-', ":", 1).parse().ok()).collect()
    }

    /// Links a manifest, and its subject to it. Where it may be a part of one on its way, the link is fresh.
    pub(super) fn put_manifest(&self, layout: &Layout, repository: &Repository, manifest: &Linked<'_>) -> Result<()> {
        let digest = manifest.digest;
        if let Some(subject) = manifest.subject {
            let name = digest.to_string().replacen(':', "-", 1);
            self.touch(&self.path(repository, REFERRERS, subject).join(name))?;
        }
        let path = self.path(repository, MANIFESTS, digest);
        if self.manifest(repository, digest).as_ref() == Some(manifest.media_type) {
            return if manifest.is_part { self.touch(&path) } else { Ok(()) };
        }
        make_directory(path.parent().unwrap_or(&path), self.is_flushed)?;
        let file = layout.stage(&path, manifest.media_type.as_str().as_bytes())?;
        if !manifest.is_part {
            // Best effort: a link that is fresh by mistake only lets a removal wait.
            let _ = file.file().set_modified(SystemTime::UNIX_EPOCH);
        }
        file.persist_flushed(self.is_flushed)
    }

    /// Links a blob, or links it anew.
    pub(super) fn put_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        self.touch(&self.path(repository, BLOBS, digest))
    }

    /// Makes an empty file, or makes it new again.
    fn touch(&self, path: &Path) -> Result<()> {
        let directory = path.parent().unwrap_or(path);
        make_directory(directory, self.is_flushed)?;
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let touched = opened.and_then(|file| file.set_modified(SystemTime::now()));
        touched.map_err(|error| Error::local(format!("create {}", path.display()), error))?;
        if self.is_flushed { sync_directory(directory) } else { Ok(()) }
    }

    /// Forgets a manifest. `false` where it was not linked.
    pub(in crate::store) fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        subject: Option<&Digest>,
    ) -> Result<bool> {
        if let Some(subject) = subject {
            let name = digest.to_string().replacen(':', "-", 1);
            remove(&self.path(repository, REFERRERS, subject).join(name))?;
        }
        remove(&self.path(repository, MANIFESTS, digest))
    }

    /// Forgets a blob. `false` where it was not linked.
    pub(in crate::store) fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        remove(&self.path(repository, BLOBS, digest))
    }
}

/// How long ago a link was made or asked for. A clock that was set back makes it younger than nothing: that counts as young.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Age(Option<Duration>);

impl Age {
    fn of(path: &Path) -> Self {
        let changed = fs::metadata(path).and_then(|found| found.modified());
        let age = |changed| SystemTime::now().duration_since(changed).unwrap_or_default();
        Self(changed.ok().map(age))
    }

    /// Whether a manifest that needs it may be on its way.
    pub(in crate::store) fn is_fresh(self) -> bool {
        self.0.is_some_and(|age| age < GRACE)
    }

    /// Whether no manifest is waited for any more.
    pub(in crate::store) fn is_past(self) -> bool {
        self.0.is_none_or(|age| age > PATIENCE)
    }

    fn is_ending(self) -> bool {
        self.0.is_none_or(|age| age > GRACE / 2)
    }
}

/// Collects the repositories at and below `directory` that have a link.
fn walk(registry: &Registry, directory: &Path, path: String, found: &mut Vec<Repository>) {
    if !path.is_empty()
        && [MANIFESTS, BLOBS].iter().any(|kind| !digests(&directory.join(kind)).is_empty())
        && let Ok(repository) = Repository::new(registry.clone(), &path)
    {
        found.push(repository);
    }
    for name in names(directory).into_iter().filter(|name| !name.starts_with('_')) {
        let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        walk(registry, &directory.join(name), below, found);
    }
}

/// The digests that a directory of `<algorithm>/<hex>` names.
fn digests(directory: &Path) -> Vec<Digest> {
    let algorithms = names(directory).into_iter();
    let texts = algorithms.flat_map(|algorithm| {
        let all = names(&directory.join(&algorithm));
        all.into_iter().map(move |hex| format!("{algorithm}:{hex}"))
    });
    texts.filter_map(|text| text.parse().ok()).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(Error::local(format!("delete {}", path.display()), error)),
    }
}
