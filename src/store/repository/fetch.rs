//! Blobs that a cache fetched.

use super::Repositories;
use crate::Result;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest};
use crate::store::{Quota, StagedBlob};

impl Repositories {
    /// A quota of `limit` bytes for the whole store.
    pub fn quota(&self, limit: u64) -> Quota {
        Quota::new(self.directory(), limit)
    }

    /// Starts to put a blob.
    pub fn begin_blob(&self, descriptor: &Descriptor) -> Result<StagedBlob> {
        self.layout.make()?;
        self.layout.blobs().begin(descriptor)
    }

    /// Makes a blob that was written and verified appear in the repository.
    pub fn put_fetched_blob(&self, repository: &Repository, digest: &Digest, staged: StagedBlob) -> Result<()> {
        let _held = self.hold()?;
        staged.commit()?;
        self.links.put_blob(repository, digest)
    }

    /// Gives the repository a blob that is in the store already, under whatever name. `false` where it is not there.
    pub fn link_present_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool> {
        let _held = self.hold()?;
        let is_there = self.layout.blobs().has(descriptor)?;
        if is_there {
            self.links.put_blob(repository, &descriptor.digest)?;
        }
        Ok(is_there)
    }
}
