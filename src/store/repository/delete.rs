//! What is taken out of repositories. Content goes with the next sweep, unless something else needs it.

use super::{Repositories, plain};
use crate::Result;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::store::Store;
use crate::store::index::Index;
use crate::store::reference as name_of;
use crate::store::remove::{is_removed, mark};

impl Repositories {
    /// Takes a tag away. `false` where there was none.
    pub fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<bool> {
        let _held = self.hold()?;
        if self.view()?.tagged(repository, tag).is_none() {
            return Ok(false);
        }
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

    /// Takes a manifest and all its tags out of the repository. `false` where it had none such.
    pub fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let _held = self.hold()?;
        let Some(descriptor) = self.find(repository, &TagOrDigest::Digest(*digest))? else { return Ok(false) };
        self.adopt(repository)?;
        let manifest = self.layout.blobs().manifest(&descriptor).ok();
        let subject = manifest.as_ref().and_then(|it| Some(it.subject()?.digest));
        self.change(|index| {
            index.retain(|entry| {
                let name = name_of(entry);
                entry.digest != *digest || is_removed(entry) || name.is_none_or(|name| name.repository != *repository)
            });
            bury(index, &descriptor);
            Ok(())
        })?;
        self.links.delete_manifest(repository, digest, subject.as_ref())?;
        Ok(true)
    }

    /// Takes a blob out of the repository. `false` where it had none such.
    pub fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let _held = self.hold()?;
        let Some((size, _)) = self.stat(repository, digest)? else { return Ok(false) };
        self.adopt(repository)?;
        if !self.links.delete_blob(repository, digest)? {
            return Ok(false);
        }
        let octets = MediaType::new("application/octet-stream");
        self.change(|index| {
            bury(index, &Descriptor::new(octets, *digest, size));
            Ok(())
        })?;
        Ok(true)
    }

    /// Whether something was removed whose content may still be there.
    pub fn has_removed(&self) -> Result<bool> {
        Ok(self.view()?.has_removed())
    }

    /// Deletes content that was taken away and that nothing else needs, and what was uploaded for manifests that never came.
    /// `false` where something has to wait: others use the store just now, or a manifest may be on its way.
    pub fn sweep(&self) -> Result<bool> {
        Ok(Store::open(self.directory())?.sweep()?.is_some_and(|swept| swept.is_whole))
    }
}

/// Notes content that may go.
fn bury(index: &mut Index, descriptor: &Descriptor) {
    if index.entries().iter().any(|entry| entry.digest == descriptor.digest && is_removed(entry)) {
        return;
    }
    let mut entry = plain(descriptor);
    mark(&mut entry, None);
    index.push(entry);
}
