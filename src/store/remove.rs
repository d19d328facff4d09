//! Removing images: names go at once, content when nobody uses the store.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::image::{StoredImage, reference};
use super::index::{CONTAINERD_NAME, Index, REF_NAME, ref_name};
use super::lookup::{Found, find};
use super::repository::Links;
use super::{BlobPool, Store};
use crate::error::Kind;
use crate::name::{Reference, Repository};
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// Marks an entry whose image was removed while its content could not be deleted yet.
const REMOVED: &str = "io.imgctl.removed";

/// How long other processes may go on using the store before the content is left for the next removal.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// Whether the entry was removed and is only waiting for its content to go.
pub(super) fn is_removed(entry: &Descriptor) -> bool {
    entry.annotations.contains_key(REMOVED)
}

/// Makes a removed image a nameless one again.
pub(super) fn revive(entry: &mut Descriptor) {
    entry.annotations.remove(REMOVED);
}

impl Store {
    /// Removes a name, or the image that `text` is the id of. Content goes when no other image needs it.
    ///
    /// Errs with [`Kind::Usage`] for the id of an image with several names, unless with `force`.
    pub fn remove(&self, text: &str, force: bool) -> Result<Removal> {
        chosen(text, &self.layout().index()?, self.layout().blobs(), force)?;
        let mut removal = Removal::default();
        let (entries, ids) = self.layout().update(|index| {
            let entries = chosen(text, index, self.layout().blobs(), force)?;
            let ids = self.untag(index, &entries, &mut removal.removed);
            Ok((entries, ids))
        })?;
        for entry in &entries {
            if let Some(name) = reference(entry) {
                self.forget(&name.repository, entry)?;
            }
        }
        if ids.is_empty() {
            return Ok(removal);
        }
        let Some((deleted, is_whole)) = self.alone(PATIENCE, || self.sweep())? else {
            removal.is_deferred = true;
            return Ok(removal);
        };
        removal.is_deferred = !is_whole;
        let first = ids.iter().filter(|id| deleted.contains(id));
        let rest = deleted.iter().filter(|digest| !ids.contains(digest));
        removal.removed.extend(first.chain(rest).copied().map(Removed::Deleted));
        Ok(removal)
    }

    /// Takes these entries' names and marks those that nothing names any more as removed, with what describes them.
    /// Returns the ids of the images that are to go.
    fn untag(&self, index: &mut Index, entries: &[Descriptor], removed: &mut Vec<Removed>) -> Vec<Digest> {
        let is_chosen = |entry: &Descriptor| {
            entries.iter().any(|chosen| chosen.digest == entry.digest && ref_name(chosen) == ref_name(entry))
        };
        let live: HashSet<Digest> =
            index.entries().iter().filter(|entry| !is_chosen(entry)).map(|e| e.digest).collect();
        let mut gone = HashSet::new();
        index.retain(|entry| {
            if !is_chosen(entry) {
                return true;
            }
            removed.extend(reference(entry).map(Removed::Untagged));
            if live.contains(&entry.digest) || !gone.insert(entry.digest) {
                return false;
            }
            mark(entry);
            true
        });
        self.mark_referrers(index, &mut gone);
        let blobs = self.layout().blobs();
        let images = entries.iter().filter(|entry| gone.contains(&entry.digest));
        let mut ids: Vec<_> = images.map(|entry| StoredImage::of(entry, blobs).id).collect();
        ids.dedup();
        ids
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
                mark(entry);
            }
            true
        });
    }

    /// Takes what `root` leads to, and what describes it, out of the repository. What other manifests that are linked there
    /// need stays, and so do blobs that a manifest on its way may need.
    fn forget(&self, repository: &Repository, root: &Descriptor) -> Result<()> {
        let (links, blobs) = (Links::new(self.layout().directory()), self.layout().blobs());
        let mut linked: HashMap<Digest, Descriptor> = links.described(repository, blobs);
        let mut gone = vec![root.digest];
        let mut at = 0;
        while let Some(digest) = gone.get(at).copied() {
            at += 1;
            let Some(descriptor) = linked.remove(&digest) else { continue };
            let manifest = blobs.manifest(&descriptor).ok();
            gone.extend(manifest.iter().flat_map(|it| it.children()).map(|child| child.digest));
            gone.extend(links.referrers(repository, &digest));
            let subject = manifest.as_ref().and_then(|it| Some(it.subject()?.digest));
            links.delete_manifest(repository, &digest, subject.as_ref())?;
        }
        let others: Vec<&Descriptor> = linked.values().collect();
        let mut kept: HashSet<Digest> = reachable(&others, blobs, false)?.into_iter().collect();
        kept.extend(links.fresh_blobs(repository));
        for digest in gone.iter().filter(|digest| !kept.contains(digest)) {
            links.delete_blob(repository, digest)?;
        }
        Ok(())
    }

    /// Frees the space of removed content, unless others use the store. Returns whether nothing is left to free.
    pub(super) fn sweep_removed(&self) -> Result<bool> {
        if !self.layout().index()?.entries().iter().any(is_removed) {
            return Ok(true);
        }
        Ok(self.alone(PATIENCE, || self.sweep())?.is_some_and(|(_, is_whole)| is_whole))
    }

    /// Deletes the content of removed images that no other image and no repository needs. Nobody else may be using the
    /// store. Returns what went, and whether everything could go: what a manifest on its way may need waits.
    fn sweep(&self) -> Result<(Vec<Digest>, bool)> {
        let blobs = self.layout().blobs();
        let links = Links::new(self.layout().directory());
        let (mut linked, mut fresh) = (Vec::new(), HashSet::new());
        for repository in links.all() {
            linked.extend(links.described(&repository, blobs).into_values());
            fresh.extend(links.fresh_blobs(&repository));
        }
        self.layout().update(|index| {
            let (dead, mut live): (Vec<_>, Vec<_>) = index.entries().iter().partition(|entry| is_removed(entry));
            live.extend(&linked);
            let needed: HashSet<Digest> = reachable(&live, blobs, true)?.into_iter().collect();
            let (mut deleted, mut waiting) = (Vec::new(), HashSet::new());
            for entry in dead {
                for digest in reachable(&[entry], blobs, false)? {
                    if fresh.contains(&digest) && !needed.contains(&digest) {
                        waiting.insert(entry.digest);
                    } else if !needed.contains(&digest) && digest != entry.digest && blobs.delete(&digest)? {
                        deleted.push(digest);
                    }
                }
            }
            // A manifest that tells what still waits goes last.
            for digest in index.entries().iter().filter(|entry| is_removed(entry)).map(|entry| entry.digest) {
                if !needed.contains(&digest) && !waiting.contains(&digest) && blobs.delete(&digest)? {
                    deleted.insert(0, digest);
                }
            }
            index.retain(|entry| !is_removed(entry) || waiting.contains(&entry.digest));
            Ok((deleted, waiting.is_empty()))
        })
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

/// Marks an entry as removed.
pub(super) fn mark(entry: &mut Descriptor) {
    entry.annotations.remove(REF_NAME);
    entry.annotations.remove(CONTAINERD_NAME);
    entry.annotations.insert(REMOVED.to_owned(), "true".to_owned());
}

/// Everything that `entries` lead to, each once, parents first. A manifest that is not there leads nowhere; one that cannot
/// be read does so too, unless `strict`.
fn reachable(entries: &[&Descriptor], blobs: &BlobPool, strict: bool) -> Result<Vec<Digest>> {
    let mut seen = HashSet::new();
    let mut order = Vec::new();
    let mut open: Vec<Descriptor> = entries.iter().rev().map(|&entry| entry.clone()).collect();
    while let Some(descriptor) = open.pop() {
        if !seen.insert(descriptor.digest) {
            continue;
        }
        order.push(descriptor.digest);
        if !descriptor.media_type.is_manifest() {
            continue;
        }
        match blobs.manifest(&descriptor) {
            Ok(manifest) => open.extend(manifest.children().into_iter().rev().cloned()),
            Err(error) if error.kind() == Kind::NotFound || !strict => {}
            Err(error) => {
                let message = format!("manifest {}: cannot tell what it needs, nothing was deleted", descriptor.digest);
                return Err(Error::new(error.kind(), message).with_source(error));
            }
        }
    }
    Ok(order)
}
