//! Removing images: names go at once, content when nobody uses the store.

use std::collections::{HashMap, HashSet};

use super::image::{StoredImage, reference};
use super::index::{CONTAINERD_NAME, Index, REF_NAME, ref_name};
use super::lookup::{Found, find};
use super::repository::Links;
use super::{BlobPool, Store};
use crate::content::stop_at;
use crate::name::{Reference, Repository};
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// Marks an entry whose image was removed while its content could not be deleted yet.
const REMOVED: &str = "io.imgctl.removed";

/// One thing that a removal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name went.
    Untagged(Reference),
    /// Content went.
    Deleted(Digest),
}

/// What a removal did.
#[derive(Debug, Clone, Default)]
pub struct Removal {
    /// Names first, then the ids of images, then the rest of their content.
    pub removed: Vec<Removed>,
    /// Whether content stays until the next removal, because other processes use the store.
    pub is_deferred: bool,
}

/// What lost its last name.
struct Gone {
    /// The ids of images.
    ids: Vec<Digest>,
    /// Whether there is something to sweep.
    is_marked: bool,
}

/// Whether the entry was removed and is only waiting for its content to go.
pub(super) fn is_removed(entry: &Descriptor) -> bool {
    entry.annotations.contains_key(REMOVED)
}

/// The repository that a removed entry was in, where that still has links to it.
pub(super) fn removed_from(entry: &Descriptor) -> Option<Repository> {
    let place = entry.annotations.get(REMOVED).filter(|place| place.contains('/'))?;
    place.parse().ok()
}

/// Makes a removed image a nameless one again.
pub(super) fn revive(entry: &mut Descriptor) {
    entry.annotations.remove(REMOVED);
}

impl Store {
    /// Removes a name, or the image that `text` is the id of. Content goes when no other image needs it.
    ///
    /// Errs with [`Kind::Usage`](crate::error::Kind::Usage) for the id of an image with several names, unless with `force`.
    pub fn remove(&self, text: &str, force: bool) -> Result<Removal> {
        chosen(text, &self.layout().index()?, self.layout().blobs(), force)?;
        let mut removal = Removal::default();
        let gone = self.layout().update(|index| {
            let entries = chosen(text, index, self.layout().blobs(), force)?;
            Ok(self.untag(index, &entries, &mut removal.removed))
        })?;
        stop_at("image-marked");
        if !gone.is_marked {
            return Ok(removal);
        }
        let swept = self.sweep()?;
        removal.is_deferred = !gone.ids.is_empty() && !swept.as_ref().is_some_and(|swept| swept.is_whole);
        let deleted = swept.map(|swept| swept.deleted).unwrap_or_default();
        let first = gone.ids.iter().filter(|id| deleted.contains(id));
        let rest = deleted.iter().filter(|digest| !gone.ids.contains(digest));
        removal.removed.extend(first.chain(rest).copied().map(Removed::Deleted));
        Ok(removal)
    }

    /// Takes these entries' names. Those that nothing names any more are marked as removed, with what describes them; so are
    /// those that a repository still has a link to.
    fn untag(&self, index: &mut Index, entries: &[Descriptor], removed: &mut Vec<Removed>) -> Gone {
        let is_chosen = |entry: &Descriptor| {
            entries.iter().any(|chosen| chosen.digest == entry.digest && ref_name(chosen) == ref_name(entry))
        };
        let others = index.entries().iter().filter(|entry| !is_removed(entry) && !is_chosen(entry));
        let live: HashSet<(Digest, Option<Repository>)> =
            others.map(|entry| (entry.digest, reference(entry).map(|name| name.repository))).collect();
        let is_live = |digest: &Digest| live.iter().any(|(other, _)| other == digest);
        let links = Links::new(self.layout().directory());
        let (mut gone, mut is_marked) = (HashSet::new(), false);
        index.retain(|entry| {
            if is_removed(entry) || !is_chosen(entry) {
                return true;
            }
            let name = reference(entry);
            removed.extend(name.clone().map(Removed::Untagged));
            let repository = name.map(|name| name.repository).filter(|repository| {
                links.has_manifest(repository, &entry.digest)
                    && !live.contains(&(entry.digest, Some(repository.clone())))
            });
            let is_last = !is_live(&entry.digest) && gone.insert(entry.digest);
            if repository.is_none() && !is_last {
                return false;
            }
            mark(entry, repository.as_ref());
            is_marked = true;
            true
        });
        self.mark_referrers(index, &mut gone);
        let blobs = self.layout().blobs();
        let images = entries.iter().filter(|entry| gone.contains(&entry.digest));
        let mut ids: Vec<_> = images.map(|entry| StoredImage::of(entry, blobs).id).collect();
        ids.dedup();
        Gone { ids, is_marked }
    }

    /// What describes a removed image, and has no name of its own, goes with it.
    fn mark_referrers(&self, index: &mut Index, gone: &mut HashSet<Digest>) {
        let nameless = index.entries().iter().filter(|entry| ref_name(entry).is_none() && !is_removed(entry));
        let described = nameless.filter_map(|entry| {
            let manifest = self.layout().blobs().manifest(entry).ok()?;
            Some((entry.digest, manifest.subject()?.digest))
        });
        let subjects: HashMap<Digest, Digest> = described.collect();
        while let Some((referrer, _)) = subjects.iter().find(|(own, of)| gone.contains(of) && !gone.contains(own)) {
            gone.insert(*referrer);
        }
        index.retain(|entry| {
            if subjects.contains_key(&entry.digest) && gone.contains(&entry.digest) && ref_name(entry).is_none() {
                mark(entry, None);
            }
            true
        });
    }
}

/// The entries that `text` asks to remove.
fn chosen(text: &str, index: &Index, blobs: &BlobPool, force: bool) -> Result<Vec<Descriptor>> {
    match find(text, index, blobs)? {
        Found::Name(entry) => Ok(vec![*entry]),
        Found::Image(entries) if force || entries.iter().filter(|entry| ref_name(entry).is_some()).count() <= 1 => {
            Ok(entries)
        }
        Found::Image(entries) => {
            let id = StoredImage::of(&entries[0], blobs).id.short();
            Err(Error::usage(format!(
                "conflict: unable to delete {id} (must be forced) - image is referenced in multiple repositories"
            )))
        }
    }
}

/// Marks an entry as removed, and from which repository its links are to go too.
pub(super) fn mark(entry: &mut Descriptor, repository: Option<&Repository>) {
    entry.annotations.remove(REF_NAME);
    entry.annotations.remove(CONTAINERD_NAME);
    let place = repository.map_or_else(|| "true".to_owned(), Repository::to_string);
    entry.annotations.insert(REMOVED.to_owned(), place);
}
