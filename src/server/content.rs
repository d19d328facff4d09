//! Content: what is served, however it is kept.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use async_trait::async_trait;

use crate::Result;
use crate::content::BlobReader;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest};

/// Something that has repositories, to read. What is not there is `None`, not an error.
#[async_trait]
pub trait Content: Send + Sync {
    /// All repositories, sorted.
    async fn repositories(&self) -> Result<Vec<Repository>>;

    /// Whether the repository has images.
    async fn has(&self, repository: &Repository) -> Result<bool> {
        Ok(self.tags(repository).await?.is_some())
    }

    /// The tags of a repository, sorted; `None` where there is no such repository.
    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>>;

    /// A manifest or index of a repository, verified.
    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>>;

    /// What is known of a blob of a repository without reading it.
    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>>;

    /// The bytes of a blob of a repository, from offset `from` on to its end. They need not be verified.
    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>>;

    /// Descriptors of the manifests of a repository that describe `subject`, with artifact types and annotations.
    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>>;

    /// The bytes that were read of a blob were not those of its digest. Who can get it elsewhere does so when it is asked
    /// for again.
    fn distrust(&self, _digest: &Digest) {}

    /// The part of it that is here, where another part is elsewhere and asked for when it is needed.
    fn at_hand(&self) -> Option<&dyn Content> {
        None
    }
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// As long as this stays the same, so do the bytes. `None` where nothing says so.
    pub identity: Option<Identity>,
}

/// One state of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u64; 4]);

impl Identity {
    /// Of content that is verified while it is read, from whatever offset: the digest says what its bytes are.
    pub const VERIFIED: Self = Self([0; 4]);

    /// The state of the file that `found` was read from. Writing to a file changes it, whatever its times are set to.
    pub fn of(found: &Metadata) -> Self {
        let changed =
            found.ctime().cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(found.ctime_nsec().cast_unsigned());
        Self([found.dev(), found.ino(), found.len(), changed])
    }
}
