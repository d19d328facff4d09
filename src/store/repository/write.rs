//! What is put into repositories.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::link::Linked;
use super::view::View;
use super::{Repositories, plain};
use crate::Result;
use crate::name::{Reference, Repository, Tag};
use crate::oci::{Descriptor, Digest, Manifest, Role};
use crate::store::index::{Index, Replaced};
use crate::store::name_entry;
use crate::store::remove::{is_removed, removed_from};

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
    ///
    /// What it needs is linked before it is, and it is linked before a tag says so.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        tags: &[Tag],
        blobs: Blobs,
    ) -> Result<Missing> {
        let _held = self.hold()?;
        let missing = self.link_children(repository, manifest)?;
        if blobs == Blobs::Required && !missing.is_empty() {
            return Ok(missing);
        }
        let descriptor = manifest.descriptor();
        self.layout.blobs().put(&descriptor, manifest.bytes())?;
        let subject = manifest.subject().map(|subject| subject.digest);
        let (digest, media_type) = (&descriptor.digest, &descriptor.media_type);
        let linked = Linked { digest, media_type, subject: subject.as_ref(), is_part: tags.is_empty() };
        self.links.put_manifest(&self.layout, repository, &linked)?;
        if self.view()?.is_removed(repository, digest) {
            self.revive(repository, digest)?;
        }
        if !tags.is_empty() {
            self.point(repository, tags, &descriptor)?;
        }
        Ok(Missing::new())
    }

    /// Links the blobs of an image that are there, and says which are not.
    pub(super) fn link_blobs(&self, repository: &Repository, manifest: &Manifest) -> Result<Missing> {
        let view = self.view()?;
        let has_it = |digest: &Digest| {
            self.is_linked(repository, digest) || self.unlinked(&view, repository).contains_key(digest)
        };
        let (mut missing, mut seen) = (Missing::new(), HashSet::new());
        for blob in manifest.children().into_iter().filter(|blob| seen.insert(blob.digest)) {
            if self.size(&blob.digest) == Some(blob.size) && has_it(&blob.digest) {
                self.links.renew_blob(repository, &blob.digest)?;
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
                let is_linked = holder.is_some_and(|old| self.links.has_manifest(repository, &old.digest));
                let replaced = if is_linked { Replaced::Dropped } else { Replaced::Kept };
                name_entry(index, &name, descriptor.clone(), replaced);
            }
            Ok(())
        })
    }

    /// It was removed from the repository before its content could go, and is there again.
    fn revive(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        self.change(|index| {
            index.retain(|entry| {
                !is_removed(entry) || entry.digest != *digest || removed_from(entry).as_ref() != Some(repository)
            });
            Ok(())
        })
    }

    /// Gives the repository a blob that is just being put.
    pub(in crate::store) fn link_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        self.links.put_blob(repository, digest)
    }

    /// Gives `to` a blob of `from`, or of any repository. `false` where none has it.
    pub fn mount(&self, to: &Repository, from: Option<&Repository>, digest: &Digest) -> Result<bool> {
        if self.size(digest).is_none() {
            return Ok(false);
        }
        let _held = self.hold()?;
        let is_there = match from {
            Some(from) => self.stat(to, digest)?.is_some() || self.stat(from, digest)?.is_some(),
            // What lies in the pool was put by somebody, and all who may write here may read everything.
            None => true,
        };
        let is_there = is_there && self.is_sound(digest)?;
        if is_there {
            self.links.put_blob(to, digest)?;
        }
        Ok(is_there)
    }

    pub(super) fn change<T>(&self, edit: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.layout.lock()?;
        // What another process wrote is read; what was written here is known.
        let mut index = self.view()?.index().clone();
        let answer = edit(&mut index)?;
        self.layout.write_index(&index)?;
        let view = Arc::new(View::written(index, &self.layout));
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
        Ok(answer)
    }
}
