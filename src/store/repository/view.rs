//! View: what `index.json` says, by repository; and what manifests lead to, which never changes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::plain;
use crate::Result;
use crate::name::{Repository, Tag};
use crate::oci::{Descriptor, Digest};
use crate::store::blob::BlobPool;
use crate::store::image::reference;
use crate::store::index::Index;
use crate::store::layout::Layout;
use crate::store::remove::{is_removed, removed_from};

/// How deep indexes may nest.
const DEPTH: usize = 8;
/// Descriptors that are kept in mind, of all images together.
const KNOWN: usize = 50_000;

/// How long it is believed what a repository has through its names: content that was missing may come.
const FRESH: Duration = Duration::from_secs(1);

/// Tells one state of a file from another.
type Version = (u64, u64, i64, i64);

/// The number of an entry.
type At = usize;

/// What `index.json` said at one moment.
#[derive(Debug)]
pub(super) struct View {
    version: Option<Version>,
    index: Index,
    repositories: BTreeMap<Repository, Named>,
    nameless: Vec<At>,
    removed: Vec<(Digest, Option<Repository>)>,
    subjects: OnceLock<HashMap<Digest, Vec<Digest>>>,
    reaches: Mutex<HashMap<Repository, (Instant, Arc<Reach>)>>,
}

/// What the names of a repository lead to, by digest, in a closure that has it.
pub(super) type Reach = HashMap<Digest, Arc<Closure>>;

/// What has a name in a repository.
#[derive(Debug, Default)]
struct Named {
    tags: BTreeMap<Tag, At>,
    pinned: Vec<At>,
}

impl View {
    /// The view of the `index.json` that is there now.
    pub(super) fn current(kept: &Mutex<Option<Arc<Self>>>, layout: &Layout) -> Result<Arc<Self>> {
        let version = version(layout);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = kept.as_ref().filter(|view| view.version == version) {
            return Ok(view.clone());
        }
        let view = Arc::new(Self::of(layout.index()?, version));
        *kept = Some(view.clone());
        Ok(view)
    }

    /// The view of what was just written. Nobody else writes meanwhile.
    pub(super) fn written(index: Index, layout: &Layout) -> Self {
        Self::of(index, version(layout))
    }

    fn of(index: Index, version: Option<Version>) -> Self {
        let mut repositories: BTreeMap<_, Named> = BTreeMap::new();
        let (mut nameless, mut removed) = (Vec::new(), Vec::new());
        for (at, entry) in index.entries().iter().enumerate() {
            match reference(entry) {
                _ if is_removed(entry) => removed.push((entry.digest, removed_from(entry))),
                Some(name) => {
                    let named = repositories.entry(name.repository).or_default();
                    match name.tag {
                        Some(tag) => _ = named.tags.insert(tag, at),
                        None => named.pinned.push(at),
                    }
                }
                None => nameless.push(at),
            }
        }
        let (subjects, reaches) = (OnceLock::new(), Mutex::default());
        Self { version, index, repositories, nameless, removed, subjects, reaches }
    }

    /// The index itself.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// All repositories with a name.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.keys()
    }

    /// The tags of a repository.
    pub(super) fn tags(&self, repository: &Repository) -> Option<impl Iterator<Item = &Tag>> {
        self.repositories.get(repository).map(|named| named.tags.keys())
    }

    /// What a tag points to.
    pub(super) fn tagged(&self, repository: &Repository, tag: &Tag) -> Option<&Descriptor> {
        self.repositories.get(repository)?.tags.get(tag).map(|at| self.entry(*at))
    }

    /// Everything that has a name in a repository.
    pub(super) fn roots(&self, repository: &Repository) -> impl Iterator<Item = &Descriptor> {
        let named = self.repositories.get(repository).into_iter();
        named.flat_map(|named| named.tags.values().chain(&named.pinned)).map(|at| self.entry(*at))
    }

    fn entry(&self, at: At) -> &Descriptor {
        &self.index.entries()[at]
    }

    /// What `find` finds that a repository has without links; it is asked once in a while.
    pub(super) fn reach(&self, repository: &Repository, find: impl FnOnce() -> Reach) -> Arc<Reach> {
        let reaches = || self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            reaches().get(repository).filter(|(found, _)| found.elapsed() < FRESH).map(|(_, reach)| reach.clone());
        known.unwrap_or_else(|| {
            let reach = Arc::new(find());
            reaches().insert(repository.clone(), (Instant::now(), reach.clone()));
            reach
        })
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
        self.nameless.iter().map(|at| self.entry(*at)).find(|entry| entry.digest == *digest)
    }

    /// Entries without a name that describe `subject`.
    pub(super) fn described(&self, subject: &Digest, blobs: &BlobPool) -> Vec<Digest> {
        let subjects = self.subjects.get_or_init(|| {
            let mut subjects: HashMap<Digest, Vec<Digest>> = HashMap::new();
            for manifest in self.nameless.iter().filter_map(|at| blobs.manifest(self.entry(*at)).ok()) {
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
pub(super) type Closure = HashMap<Digest, Descriptor>;

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

fn version(layout: &Layout) -> Option<Version> {
    let found = fs::metadata(layout.directory().join("index.json")).ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}
