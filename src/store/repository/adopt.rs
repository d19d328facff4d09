//! Adopting: what a repository has through its tags, or through another repository, is linked in it.

use super::Repositories;
use super::link::Linked;
use crate::Result;
use crate::name::{Repository, TagOrDigest};
use crate::oci::{Body, Descriptor, Digest, Manifest, MediaType};

impl Repositories {
    /// Links everything that the names of the repository lead to, so that parts of it can be taken away.
    pub(super) fn adopt(&self, repository: &Repository) -> Result<()> {
        let view = self.view()?;
        let unlinked = view.roots(repository).filter(|root| !self.links.has_manifest(repository, &root.digest));
        for root in unlinked {
            self.link_tree(repository, root)?;
        }
        Ok(())
    }

    /// Gives the repository what `manifest` needs, where `others` have it and it does not: whoever reads it is told of
    /// theirs too, and does not push that again.
    pub fn borrow(&self, repository: &Repository, others: &[Repository], manifest: &Manifest) -> Result<()> {
        if others.is_empty() {
            return Ok(());
        }
        let _held = self.hold()?;
        for child in manifest.children() {
            if self.stat(repository, &child.digest)?.is_some() {
                continue;
            }
            for other in others {
                if self.stat(other, &child.digest)?.is_some_and(|(size, _)| size == child.size) {
                    self.link_tree(repository, child)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Links what the manifest needs and the repository has. Returns blobs of an image that it does not have.
    pub(super) fn link_children(&self, repository: &Repository, manifest: &Manifest) -> Result<Vec<Digest>> {
        match manifest.body() {
            Body::Image(_) => self.link_blobs(repository, manifest),
            Body::Index(_) => {
                for child in manifest.children() {
                    // It may be here through a tag alone, which may go.
                    let reference = TagOrDigest::Digest(child.digest);
                    if !self.links.has_manifest(repository, &child.digest)
                        && self.find(repository, &reference)?.is_some()
                    {
                        self.link_tree(repository, child)?;
                    }
                }
                Ok(Vec::new())
            }
        }
    }

    /// Keeps a blob of the repository from being deleted for some time: whoever asks for it may be about to push a manifest
    /// that needs it. `false` where it went meanwhile, or a power loss has torn it.
    pub fn renew_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let _held = self.hold()?;
        let is_there = self.stat(repository, digest)?.is_some() && self.is_sound(digest)?;
        if is_there {
            self.links.renew_blob(repository, digest)?;
        }
        Ok(is_there)
    }

    /// Whether a blob is in the store and no power loss has torn it.
    pub(super) fn is_sound(&self, digest: &Digest) -> Result<bool> {
        let octets = MediaType::new("application/octet-stream");
        self.size(digest).map_or(Ok(false), |size| self.layout.blobs().has(&Descriptor::new(octets, *digest, size)))
    }

    /// The same for a manifest that was pushed.
    pub fn renew_manifest(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        let _held = self.hold()?;
        self.links.renew_manifest(repository, digest)
    }

    /// Whether a blob is safe from being deleted for some time and need not be read, so that it need not be renewed.
    pub fn is_blob_safe(&self, repository: &Repository, digest: &Digest) -> bool {
        let is_trusted = self.file(digest).is_some_and(|found| self.layout.blobs().is_trusted(&found));
        is_trusted && self.links.is_blob_safe(repository, digest)
    }

    /// Whether the same is true of a manifest. One that has no link is safe as long as its tag.
    pub fn is_manifest_safe(&self, repository: &Repository, digest: &Digest) -> bool {
        self.links.is_manifest_safe(repository, digest)
    }

    /// Links a manifest or blob and everything that it leads to, the root last: until then the repository has all of it
    /// through what led to the root.
    fn link_tree(&self, repository: &Repository, root: &Descriptor) -> Result<()> {
        let tree = self.closures.of(root, self.layout.blobs());
        let below = tree.values().filter(|child| child.digest != root.digest);
        for child in below.chain([root]).filter(|child| self.size(&child.digest).is_some()) {
            if !child.media_type.is_manifest() {
                self.links.put_blob(repository, &child.digest)?;
                continue;
            }
            let manifest = self.layout.blobs().manifest(child).ok();
            let subject = manifest.as_ref().and_then(|it| Some(it.subject()?.digest));
            let linked = Linked {
                digest: &child.digest,
                media_type: &child.media_type,
                subject: subject.as_ref(),
                is_part: false,
            };
            self.links.put_manifest(&self.layout, repository, &linked)?;
        }
        Ok(())
    }
}
