//! View: what `index.json` says, by repository; and what manifests lead to, which never changes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::plain;
use crate::Result;
use crate::name::{Repository, Tag};
use crate::oci::{Descriptor, Digest};
use crate::store::blob::BlobPool;
use crate::store::image::reference;
use crate::store::layout::Layout;
use crate::store::remove::{is_removed, removed_from};

/// How deep indexes may nest.
const DEPTH: usize = 8;
/// Descriptors that are kept in mind, of all images together.
const KNOWN: usize = 50_000;

/// Tells one state of a file from another.
type Version = (u64, u64, i64, i64);

/// What `index.json` said at one moment. Its entries stand here without annotations.
#[derive(Debug)]
pub(super) struct View {
    version: Option<Version>,
    repositories: BTreeMap<Repository, Named>,
    nameless: Vec<Descriptor>,
    removed: Vec<(Digest, Option<Repository>)>,
    subjects: OnceLock<HashMap<Digest, Vec<Digest>>>,
}

/// What has a name in a repository.
#[derive(Debug, Default)]
struct Named {
    tags: BTreeMap<Tag, Descriptor>,
    pinned: Vec<Descriptor>,
}

impl View {
    /// The view of the `index.json` that is there now.
    pub(super) fn current(kept: &Mutex<Option<Arc<Self>>>, layout: &Layout) -> Result<Arc<Self>> {
        let version = fs::metadata(layout.directory().join("index.json")).ok().as_ref().map(version);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = kept.as_ref().filter(|view| view.version == version) {
            return Ok(view.clone());
        }
        let view = Arc::new(Self::read(version, layout)?);
        *kept = Some(view.clone());
        Ok(view)
    }

    fn read(version: Option<Version>, layout: &Layout) -> Result<Self> {
        let (repositories, nameless, removed) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut view = Self { version, repositories, nameless, removed, subjects: OnceLock::new() };
        for entry in layout.index()?.entries() {
            match reference(entry) {
                _ if is_removed(entry) => view.removed.push((entry.digest, removed_from(entry))),
                Some(name) => {
                    let named = view.repositories.entry(name.repository).or_default();
                    match name.tag {
                        Some(tag) => _ = named.tags.insert(tag, plain(entry)),
                        None => named.pinned.push(plain(entry)),
                    }
                }
                None => view.nameless.push(plain(entry)),
            }
        }
        Ok(view)
    }

    /// All repositories with a name.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.keys()
    }

    /// The tags of a repository.
    pub(super) fn tags(&self, repository: &Repository) -> Option<&BTreeMap<Tag, Descriptor>> {
        self.repositories.get(repository).map(|named| &named.tags)
    }

    /// Everything that has a name in a repository.
    pub(super) fn roots(&self, repository: &Repository) -> impl Iterator<Item = &Descriptor> {
        let named = self.repositories.get(repository).into_iter();
        named.flat_map(|named| named.tags.values().chain(&named.pinned))
    }

    /// Whether something was removed whose content may still be there.
    pub(super) fn has_removed(&self) -> bool {
        !self.removed.is_empty()
    }

    /// Whether the manifest was removed from the repository, and its links are to go.
    pub(super) fn is_removed(&self, repository: &Repository, digest: &Digest) -> bool {
        self.removed.iter().any(|(removed, from)| removed == digest && from.as_ref() == Some(repository))
    }

    /// An entry without a name.
    pub(super) fn nameless(&self, digest: &Digest) -> Option<&Descriptor> {
        self.nameless.iter().find(|entry| entry.digest == *digest)
    }

    /// Entries without a name that describe `subject`.
    pub(super) fn described(&self, subject: &Digest, blobs: &BlobPool) -> Vec<Digest> {
        let subjects = self.subjects.get_or_init(|| {
            let mut subjects: HashMap<Digest, Vec<Digest>> = HashMap::new();
            for manifest in self.nameless.iter().filter_map(|entry| blobs.manifest(entry).ok()) {
                if let Some(subject) = manifest.subject() {
                    subjects.entry(subject.digest).or_default().push(manifest.digest());
                }
            }
            subjects
        });
        subjects.get(subject).cloned().unwrap_or_default()
    }
}

/// Descriptors by digest.
type Closure = HashMap<Digest, Descriptor>;

/// What manifests lead to, themselves included. Content never changes, but what was missing may come.
#[derive(Debug, Default)]
pub(super) struct Closures(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    closures: HashMap<Digest, Arc<Closure>>,
    size: usize,
}

impl Closures {
    /// Everything `root` leads to.
    pub(super) fn of(&self, root: &Descriptor, blobs: &BlobPool) -> Arc<Closure> {
        if let Some(found) = self.known().closures.get(&root.digest) {
            return found.clone();
        }
        let mut found = Closure::new();
        let is_whole = collect(root, blobs, DEPTH, &mut found);
        let found = Arc::new(found);
        if is_whole {
            let mut known = self.known();
            if known.size + found.len() > KNOWN {
                *known = Known::default();
            }
            known.size += found.len();
            known.closures.insert(root.digest, found.clone());
        }
        found
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds `descriptor` and what it leads to. Returns whether all manifests were there.
fn collect(descriptor: &Descriptor, blobs: &BlobPool, depth: usize, found: &mut Closure) -> bool {
    let is_new = found.insert(descriptor.digest, plain(descriptor)).is_none();
    if !is_new || !descriptor.media_type.is_manifest() || depth == 0 {
        return true;
    }
    let Ok(manifest) = blobs.manifest(descriptor) else { return false };
    let wholes: Vec<bool> =
        manifest.children().into_iter().map(|child| collect(child, blobs, depth - 1, found)).collect();
    wholes.into_iter().all(|is_whole| is_whole)
}

fn version(found: &Metadata) -> Version {
    (found.ino(), found.len(), found.ctime(), found.ctime_nsec())
}
