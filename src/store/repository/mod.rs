//! Repositories: the store seen as a registry sees it, by repository. Tags are the names of `index.json`; what else belongs
//! to a repository — manifests without a tag, uploaded blobs — is linked below `repositories/`.
//!
//! A repository has what is linked there and what its tags lead to. Reads take no lock; what links content keeps everybody
//! from deleting content for that moment, so removals go on beside a running server.

mod adopt;
mod delete;
mod fetch;
mod link;
#[cfg(test)]
mod tests;
mod view;
mod write;

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(super) use link::Links;
pub use write::{Blobs, Missing};

use rustix::fs::Access;

use super::layout::Layout;
use super::lock::Lock;
use crate::content::{BlobReader, open_regular};
use crate::error::Kind;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, MANIFEST_LIMIT, Manifest, MediaType};
use crate::{Error, Result};
use view::{Closures, Reach, View};

/// The store by repositories. Cheap to ask: what `index.json` says is kept until it changes.
#[derive(Debug)]
pub struct Repositories {
    pub(super) layout: Layout,
    links: Links,
    view: Mutex<Option<Arc<View>>>,
    closures: Closures,
    /// Held while we change the index: our own threads queue here, other processes at its lock.
    changing: Mutex<()>,
}

impl Repositories {
    /// The store in `directory`. Where it is not there, it is empty, and the first write makes it.
    pub fn open(directory: &Path) -> Result<Self> {
        match Layout::open(directory) {
            Err(error) if error.kind() == Kind::NotFound => Ok(Self::of(Layout::create_or_open(directory)?)),
            layout => Ok(Self::of(layout?)),
        }
    }

    fn of(mut layout: Layout) -> Self {
        layout.distrust_unflushed();
        let links = Links::new(layout.directory());
        Self { layout, links, view: Mutex::default(), closures: Closures::default(), changing: Mutex::default() }
    }

    /// Flushes everything to the disk before it appears.
    pub fn flush_each(&mut self) {
        self.layout.flush_each();
        self.links.flush_each();
    }

    /// Where the store is.
    pub fn directory(&self) -> &Path {
        self.layout.directory()
    }

    /// Why nothing can be written to the store, where that is known: a read-only file system, or no permission.
    pub fn refusal(&self) -> Option<io::Error> {
        match rustix::fs::access(self.directory(), Access::WRITE_OK) {
            Err(error) if error != rustix::io::Errno::NOENT => Some(error.into()),
            _ => None,
        }
    }

    /// All repositories that have a tag or a manifest, sorted.
    pub fn names(&self) -> Result<Vec<Repository>> {
        let mut names: Vec<_> = self.view()?.repositories().cloned().collect();
        names.extend(self.links.repositories());
        names.sort_by_cached_key(Repository::to_string);
        names.dedup();
        Ok(names)
    }

    /// Whether the repository has a tag or a manifest.
    pub fn has(&self, repository: &Repository) -> Result<bool> {
        let is_named = self.view()?.tags(repository).is_some_and(|mut tags| tags.next().is_some());
        Ok(is_named || self.links.has_manifests(repository))
    }

    /// The tags of a repository, sorted. `None` where there is no such repository.
    pub fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        let view = self.view()?;
        match view.tags(repository) {
            Some(tags) => Ok(Some(tags.cloned().collect())),
            None if self.links.exists(repository) => Ok(Some(Vec::new())),
            None => Ok(None),
        }
    }

    /// What the repository has under a tag or a digest, as a descriptor without annotations. The content may be missing.
    pub fn find(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Descriptor>> {
        let view = self.view()?;
        match reference {
            TagOrDigest::Tag(tag) => Ok(view.tagged(repository, tag).map(plain)),
            TagOrDigest::Digest(digest) => self.find_digest(&view, repository, digest),
        }
    }

    fn find_digest(&self, view: &View, repository: &Repository, digest: &Digest) -> Result<Option<Descriptor>> {
        if let Some(media_type) = self.links.manifest(repository, digest) {
            return Ok(self.size(digest).map(|size| Descriptor::new(media_type, *digest, size)));
        }
        if let Some(root) = view.roots(repository).find(|root| root.digest == *digest) {
            return Ok(Some(plain(root)));
        }
        let found = self.unlinked(view, repository).get(digest).and_then(|closure| closure.get(digest)).cloned();
        Ok(found.filter(|child| child.media_type.is_manifest()))
    }

    /// The manifest or index under a tag or a digest, verified.
    pub fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        let Some(descriptor) = self.find(repository, reference)? else { return Ok(None) };
        match self.layout.blobs().read(&descriptor.digest, MANIFEST_LIMIT) {
            Ok(bytes) => Ok(Some(verified(bytes, descriptor)?)),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The size of a blob or manifest of the repository, with what its file is now. `None` where it has none such.
    pub fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<(u64, Metadata)>> {
        let has_it = self.is_linked(repository, digest)
            || self.view().map(|view| self.unlinked(&view, repository).contains_key(digest))?;
        let found = if has_it { self.file(digest) } else { None };
        Ok(found.map(|found| (found.len(), found)))
    }

    fn is_linked(&self, repository: &Repository, digest: &Digest) -> bool {
        self.links.has_blob(repository, digest) || self.links.has_manifest(repository, digest)
    }

    /// The bytes of a blob of the repository from offset `from` on; `None` where it has none such. They are not verified.
    pub fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        if self.stat(repository, digest)?.is_none() {
            return Ok(None);
        }
        let path = self.layout.blobs().path(digest);
        let file = match open_regular(&path) {
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            file => file?,
        };
        let size = file.metadata().map_err(|error| Error::local(format!("read blob {digest}"), error))?.len();
        let left =
            size.checked_sub(from).ok_or_else(|| Error::usage(format!("blob {digest}: {from} is past its end")))?;
        Ok(Some(BlobReader::from_file(file, from, left)))
    }

    /// Descriptors of the manifests of the repository that describe `subject`, with artifact types and annotations.
    pub fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let view = self.view()?;
        let mut digests = self.links.referrers(repository, subject);
        digests.extend(view.described(subject, self.layout.blobs()));
        let listed = self.listed(repository, subject);
        digests.extend(listed.iter().map(|descriptor| descriptor.digest));
        digests.sort();
        digests.dedup();
        let mut found = Vec::new();
        for digest in digests {
            let is_linked = self.links.manifest(repository, &digest);
            let named = || view.nameless(&digest).or_else(|| listed.iter().find(|listed| listed.digest == digest));
            let media_type = is_linked.or_else(|| named().map(|entry| entry.media_type.clone()));
            let Some(media_type) = media_type else { continue };
            let Ok(bytes) = self.layout.blobs().read(&digest, MANIFEST_LIMIT) else { continue };
            let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
            let describes = |manifest: &Manifest| manifest.subject().is_some_and(|it| it.digest == *subject);
            if let Some(manifest) = verified(bytes, descriptor).ok().filter(describes) {
                found.push(manifest.as_referrer());
            }
        }
        Ok(found)
    }

    /// What clients that know no referrers API listed under the fallback tag
    /// ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#enabling-the-referrers-api)).
    fn listed(&self, repository: &Repository, subject: &Digest) -> Vec<Descriptor> {
        let list = self.manifest(repository, &TagOrDigest::Tag(Tag::for_referrers(subject)));
        let list = list.ok().flatten();
        list.and_then(|list| Some(list.as_index()?.manifests.clone())).unwrap_or_default()
    }

    /// What the roots without a link lead to.
    fn unlinked(&self, view: &View, repository: &Repository) -> Arc<Reach> {
        view.reach(repository, || {
            let roots = view.roots(repository).filter(|root| !self.links.has_manifest(repository, &root.digest));
            let mut reach = Reach::new();
            for closure in roots.map(|root| self.closures.of(root, self.layout.blobs())) {
                reach.extend(closure.keys().map(|digest| (*digest, closure.clone())));
            }
            reach
        })
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        self.file(digest).map(|found| found.len())
    }

    /// The file of a blob or manifest of any repository. One that a crash left empty is none.
    pub fn file(&self, digest: &Digest) -> Option<Metadata> {
        let found = std::fs::symlink_metadata(self.layout.blobs().path(digest)).ok().filter(Metadata::is_file)?;
        let is_whole = found.len() > 0 || Digest::with(digest.algorithm(), b"") == *digest;
        is_whole.then_some(found)
    }

    fn view(&self) -> Result<Arc<View>> {
        View::current(&self.view, &self.layout)
    }

    /// Keeps everybody from deleting content while it lives.
    pub(super) fn hold(&self) -> Result<Option<Lock>> {
        self.layout.make()?;
        Lock::shared(&self.layout.directory().join("lock"))
    }
}

/// A descriptor without what only an index entry says.
fn plain(entry: &Descriptor) -> Descriptor {
    Descriptor::new(entry.media_type.clone(), entry.digest, entry.size)
}

fn verified(bytes: bytes::Bytes, descriptor: Descriptor) -> Result<Manifest> {
    Ok(Manifest::verified(bytes, &descriptor)?)
}

/// The media type a link says.
fn media_type(text: &str) -> MediaType {
    MediaType::new(text.trim())
}
