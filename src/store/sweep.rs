//! Sweep: deleting the content of removed images that nothing else needs, while nobody else uses the store.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::image::reference;
use super::index::Index;
use super::journal::Journal;
use super::remove::{is_removed, removed_from};
use super::repository::Links;
use super::{BlobPool, Store};
use crate::content::stop_at;
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// How long other processes may go on using the store before the content is left for the next removal.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a sweep did.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// What was deleted, the manifests of removed images first.
    pub(super) deleted: Vec<Digest>,
    /// Whether everything could go. What a manifest on its way may need waits.
    pub(super) is_whole: bool,
}

impl Store {
    /// Deletes the content of removed images that no other image and no repository needs, and what was uploaded for
    /// manifests that never came. `None` where other processes use the store and go on doing so.
    pub(super) fn sweep(&self) -> Result<Option<Swept>> {
        if !self.layout().exists() {
            return Ok(Some(Swept { is_whole: true, ..Swept::default() }));
        }
        Journal::new(self.layout().directory()).expire();
        let links = Links::new(self.layout().directory());
        let sweep = Sweep { blobs: self.layout().blobs(), links };
        self.alone(PATIENCE, || self.layout().update(|index| sweep.run(index)))
    }
}

/// A sweep at work. What it needs to read and cannot ends it before anything is deleted.
struct Sweep<'a> {
    blobs: &'a BlobPool,
    links: Links,
}

/// What is known of content before it is deleted.
#[derive(Default)]
struct Plan {
    needed: HashSet<Digest>,
    /// What a manifest on its way may need.
    fresh: HashSet<Digest>,
    /// What nothing needs, and from which repository it is to be unlinked first.
    unlinked: Vec<(Repository, Digest)>,
    /// What may go, parents first.
    dead: Vec<Digest>,
}

impl Sweep<'_> {
    fn run(&self, index: &mut Index) -> Result<Swept> {
        let (dead, live): (Vec<_>, Vec<_>) = index.entries().iter().cloned().partition(is_removed);
        let mut waiting = self.forget(&dead, &live)?;
        let plan = self.plan(&dead, &live)?;
        let goes = |digest: &Digest| !plan.needed.contains(digest) && !plan.fresh.contains(digest);
        for entry in &dead {
            let all = reachable(&[entry], self.blobs, false)?;
            if all.iter().any(|digest| plan.fresh.contains(digest) && !plan.needed.contains(digest)) {
                waiting.insert(entry.digest);
            }
        }
        stop_at("sweep-planned");
        for (repository, digest) in &plan.unlinked {
            self.links.delete_blob(repository, digest)?;
        }
        // The manifest that tells what else is to go is deleted last, and not before everything could go.
        let roots: HashSet<Digest> = dead.iter().map(|entry| entry.digest).collect();
        let mut swept = Swept { deleted: Vec::new(), is_whole: waiting.is_empty() };
        for digest in plan.dead.iter().filter(|digest| goes(digest) && !roots.contains(digest)) {
            if self.blobs.delete(digest)? {
                stop_at("sweep-deleted");
                swept.deleted.push(*digest);
            }
        }
        for digest in dead.iter().map(|entry| entry.digest).filter(|digest| goes(digest) && !waiting.contains(digest)) {
            if self.blobs.delete(&digest)? {
                stop_at("sweep-deleted-root");
                swept.deleted.insert(0, digest);
            }
        }
        index.retain(|entry| !is_removed(entry) || waiting.contains(&entry.digest));
        Ok(swept)
    }

    /// Takes removed images out of the repositories that they were removed from. Returns those of which parts may be needed
    /// by a manifest on its way.
    fn forget(&self, dead: &[Descriptor], live: &[Descriptor]) -> Result<HashSet<Digest>> {
        let mut removed: HashMap<Repository, Vec<&Descriptor>> = HashMap::new();
        for entry in dead {
            if let Some(repository) = removed_from(entry) {
                removed.entry(repository).or_default().push(entry);
            }
        }
        let mut waiting = HashSet::new();
        for (repository, images) in removed {
            let linked = self.links.described(&repository, self.blobs);
            let parts = self.parts(&repository, &images);
            let mut others: Vec<&Descriptor> = linked.values().filter(|it| !parts.contains(&it.digest)).collect();
            others.extend(named(live, &repository));
            let mut kept: HashSet<Digest> = reachable(&others, self.blobs, true)?.into_iter().collect();
            let fresh = self.links.fresh_manifests(&repository);
            let fresh: Vec<&Descriptor> =
                parts.intersection(&fresh).filter(|it| !kept.contains(it)).filter_map(|it| linked.get(it)).collect();
            if !fresh.is_empty() {
                waiting.extend(images.iter().map(|entry| entry.digest));
                kept.extend(reachable(&fresh, self.blobs, true)?);
            }
            for digest in parts.difference(&kept) {
                let manifest = linked.get(digest).and_then(|it| self.blobs.manifest(it).ok());
                let subject = manifest.as_ref().and_then(|it| Some(it.subject()?.digest));
                self.links.delete_manifest(&repository, digest, subject.as_ref())?;
            }
        }
        Ok(waiting)
    }

    /// What images of a repository lead to, and what describes that.
    fn parts(&self, repository: &Repository, images: &[&Descriptor]) -> HashSet<Digest> {
        let mut parts = HashSet::new();
        let mut open: Vec<Descriptor> = images.iter().map(|&entry| entry.clone()).collect();
        while let Some(descriptor) = open.pop() {
            if !descriptor.media_type.is_manifest() || !parts.insert(descriptor.digest) {
                continue;
            }
            let manifest = self.blobs.manifest(&descriptor).ok();
            open.extend(manifest.iter().flat_map(|it| it.children()).cloned());
            let referrers = self.links.referrers(repository, &descriptor.digest);
            open.extend(self.links.described_some(repository, &referrers, self.blobs));
        }
        parts
    }

    fn plan(&self, dead: &[Descriptor], live: &[Descriptor]) -> Result<Plan> {
        let mut plan = Plan { dead: reachable(&refs(dead), self.blobs, false)?, ..Plan::default() };
        plan.needed.extend(reachable(&refs(live), self.blobs, true)?);
        let removed: HashSet<Digest> = plan.dead.iter().copied().collect();
        for repository in self.links.all() {
            let linked = self.links.described(&repository, self.blobs);
            let roots: Vec<&Descriptor> = linked.values().chain(named(live, &repository)).collect();
            let needed: HashSet<Digest> = reachable(&roots, self.blobs, true)?.into_iter().collect();
            for (digest, age) in self.links.blobs(&repository) {
                if needed.contains(&digest) {
                    continue;
                }
                if age.is_fresh() {
                    plan.fresh.insert(digest);
                } else if removed.contains(&digest) || age.is_past() || !self.blobs.path(&digest).exists() {
                    plan.unlinked.push((repository.clone(), digest));
                }
            }
            plan.needed.extend(needed);
        }
        plan.dead.extend(plan.unlinked.iter().map(|(_, digest)| digest));
        Ok(plan)
    }
}

fn refs(entries: &[Descriptor]) -> Vec<&Descriptor> {
    entries.iter().collect()
}

/// The entries with a name in a repository.
fn named<'a>(entries: &'a [Descriptor], repository: &'a Repository) -> impl Iterator<Item = &'a Descriptor> {
    entries.iter().filter(move |entry| reference(entry).is_some_and(|name| name.repository == *repository))
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
