//! Local: the store as content.

use std::sync::Arc;

use async_trait::async_trait;

use super::content::{Content, Identity, Stat};
use crate::Result;
use crate::content::BlobReader;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::store::Repositories;

/// The store by repositories. Looking things up is short and done where it is asked for.
#[derive(Debug, Clone)]
pub struct Local(Arc<Repositories>);

impl Local {
    /// What `repositories` has.
    pub fn new(repositories: Arc<Repositories>) -> Self {
        Self(repositories)
    }
}

#[async_trait]
impl Content for Local {
    async fn repositories(&self) -> Result<Vec<Repository>> {
        self.0.names()
    }

    async fn has(&self, repository: &Repository) -> Result<bool> {
        self.0.has(repository)
    }

    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        self.0.tags(repository)
    }

    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        self.0.manifest(repository, reference)
    }

    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        let found = self.0.stat(repository, digest)?;
        Ok(found.map(|(size, file)| Stat { size, identity: Some(Identity::of(&file)) }))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        self.0.blob(repository, digest, from)
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.0.referrers(repository, subject)
    }
}
