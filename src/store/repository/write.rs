//! Changes of repositories: what is put, mounted and deleted.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::{Repositories, plain};
use crate::error::Kind;
use crate::name::{Reference, Repository, Tag, TagOrDigest};
use crate::oci::{Body, Descriptor, Digest, Manifest, Role};
use crate::store::index::{Index, Replaced};
use crate::store::remove::{is_removed, mark};
use crate::store::{name_entry, reference as name_of};
use crate::{Error, Result};

/// Blobs of a manifest that its repository does not have.
pub type Missing = Vec<Digest>;

/// Whether a manifest may name blobs that its repository does not have
/// ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blobs {
    /// They may follow, or be elsewhere.
    MayFollow,
    /// They must be there.
    Required,
}

impl Repositories {
    /// Puts a manifest, and points `tags` to it. Returns blobs that are required and missing: then nothing was put.
    /// Manifests that an index names and layers with other addresses never are.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        tags: &[Tag],
        blobs: Blobs,
    ) -> Result<Missing> {
        let _held = self.hold()?;
        let missing = self.missing(repository, manifest)?;
        if blobs == Blobs::Required && !missing.is_empty() {
            return Ok(missing);
        }
        let descriptor = manifest.descriptor();
        self.layout.blobs().put(&descriptor, manifest.bytes())?;
        let subject = manifest.subject().map(|subject| subject.digest);
        let named = (&descriptor.digest, &descriptor.media_type);
        self.links.put_manifest(&self.layout, repository, named, subject.as_ref())?;
        if !tags.is_empty() {
            self.point(repository, tags, &descriptor)?;
        }
        Ok(Missing::new())
    }

    /// Links the blobs of an image, and says which are not there.
    fn missing(&self, repository: &Repository, manifest: &Manifest) -> Result<Missing> {
        let Body::Image(image) = manifest.body() else { return Ok(Missing::new()) };
        let mut missing = Missing::new();
        for blob in std::iter::once(&image.config).chain(&image.layers) {
            if self.links.has_blob(repository, &blob.digest) && self.size(&blob.digest)? == Some(blob.size) {
                continue;
            }
            if self.stat(repository, &blob.digest)?.is_some_and(|(size, _)| size == blob.size) {
                self.links.put_blob(repository, &blob.digest)?;
            } else if blob.urls.is_empty() && !matches!(blob.media_type.role(), Role::ForeignLayer(_)) {
                missing.push(blob.digest);
            }
        }
        Ok(missing)
    }

    fn point(&self, repository: &Repository, tags: &[Tag], descriptor: &Descriptor) -> Result<()> {
        self.change(|index| {
            for tag in tags {
                let name = Reference { repository: repository.clone(), tag: Some(tag.clone()), digest: None };
                let holder = index.find(&name.to_string());
                if holder.is_some_and(|old| plain(old) == *descriptor) {
                    continue;
                }
                // The image that had the tag stays by its digest where it is linked, else without a name.
                let is_linked = holder.is_some_and(|old| self.links.manifest(repository, &old.digest).is_some());
                let replaced = if is_linked { Replaced::Dropped } else { Replaced::Kept };
                name_entry(index, &name, descriptor.clone(), replaced);
            }
            Ok(())
        })
    }

    /// Gives the repository a blob that was just put.
    pub(in crate::store) fn link_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        self.links.put_blob(repository, digest)
    }

    /// Gives `to` a blob of `from`, or of any repository. `false` where none has it.
    pub fn mount(&self, to: &Repository, from: Option<&Repository>, digest: &Digest) -> Result<bool> {
        if self.size(digest)?.is_none() {
            return Ok(false);
        }
        let _held = self.hold()?;
        let has_it = |repository: &Repository| self.stat(repository, digest).map(|found| found.is_some());
        let is_there = match from {
            Some(from) => has_it(to)? || has_it(from)?,
            None => {
                // What lies in the pool was put by somebody, and all who may write here may read everything.
                true
            }
        };
        if is_there {
            self.links.put_blob(to, digest)?;
        }
        Ok(is_there)
    }

    /// Takes a tag away. `false` where there was none.
    pub fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<bool> {
        let _held = self.hold()?;
        self.adopt(repository)?;
        self.change(|index| {
            let mut is_gone = false;
            index.retain(|entry| {
                let is_it =
                    name_of(entry).is_some_and(|name| name.repository == *repository && name.tag.as_ref() == Some(tag));
                is_gone |= is_it;
                !is_it
            });
            Ok(is_gone)
        })
    }

    /// Takes a manifest and all its tags out of the repository. `false` where it had none such. The content goes with the
    /// next [`Repositories::sweep`], unless something else needs it.
    pub fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let _held = self.hold()?;
        self.adopt(repository)?;
        let reference = TagOrDigest::Digest(*digest);
        let subject =
            self.manifest(repository, &reference).ok().flatten().and_then(|found| Some(found.subject()?.digest));
        let Some(descriptor) = self.find(repository, &reference)? else { return Ok(false) };
        self.change(|index| {
            index.retain(|entry| {
                let name = name_of(entry);
                entry.digest != *digest || is_removed(entry) || name.is_none_or(|name| name.repository != *repository)
            });
            bury(index, descriptor);
            Ok(())
        })?;
        self.links.delete_manifest(repository, digest, subject.as_ref())?;
        Ok(true)
    }

    /// Takes a blob out of the repository. `false` where it had none such.
    pub fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let _held = self.hold()?;
        self.adopt(repository)?;
        let Some((size, _)) = self.stat(repository, digest)? else { return Ok(false) };
        if !self.links.delete_blob(repository, digest)? {
            return Ok(false);
        }
        let octets = crate::oci::MediaType::new("application/octet-stream");
        self.change(|index| {
            bury(index, Descriptor::new(octets, *digest, size));
            Ok(())
        })?;
        Ok(true)
    }

    /// Links everything that the names of the repository lead to, so that parts of it can be taken away.
    fn adopt(&self, repository: &Repository) -> Result<()> {
        let view = self.view()?;
        let mut done = HashSet::new();
        for root in view.roots(repository) {
            if !done.insert(root.digest) || self.links.manifest(repository, &root.digest).is_some() {
                continue;
            }
            for child in self.closures.of(root, self.layout.blobs()).values() {
                if self.size(&child.digest)?.is_none() {
                    continue;
                }
                if child.media_type.is_manifest() {
                    let subject = self.layout.blobs().manifest(child).ok().and_then(|it| Some(it.subject()?.digest));
                    let named = (&child.digest, &child.media_type);
                    self.links.put_manifest(&self.layout, repository, named, subject.as_ref())?;
                } else {
                    self.links.put_blob(repository, &child.digest)?;
                }
            }
        }
        Ok(())
    }

    fn change<T>(&self, edit: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let answer = self.layout.update(edit)?;
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(answer)
    }

    /// Deletes content that was taken away and that nothing else needs. `false` where others use the store just now: then
    /// it stays until the next time.
    pub fn sweep(&self) -> Result<bool> {
        match crate::store::Store::open(self.directory())?.sweep_removed() {
            Ok(is_done) => Ok(is_done),
            Err(error) if error.kind() == Kind::NotFound => Ok(true),
            Err(error) => Err(Error::new(error.kind(), "free the space of deleted content").with_source(error)),
        }
    }
}

/// Notes content that may go.
fn bury(index: &mut Index, descriptor: Descriptor) {
    if index.entries().iter().any(|entry| entry.digest == descriptor.digest && is_removed(entry)) {
        return;
    }
    let mut entry = plain(&descriptor);
    mark(&mut entry);
    index.push(entry);
}
