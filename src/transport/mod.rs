//! Every place seen through two traits: [`Source`] is read, [`Destination`] is written.
//!
//! Whether a blob is there, can be mounted or must be sent is one question, [`Destination::begin`], because a registry
//! answers it to one request (`POST …/uploads/?mount=`). What an image is called is a [`Name`] of its place, since layouts
//! and archives have names that are no tags.

mod archive;
#[cfg(test)]
pub(crate) mod contract;
mod directory;
mod docker_archive;
mod layout;
mod location;
mod memory;
mod name;
mod oci_archive;
mod registry;
mod roots;
mod session;
mod staged;
mod store;
mod upload;

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use archive::ArchiveOptions;
pub use directory::{DirectoryDestination, DirectorySource};
pub use docker_archive::{DockerArchive, DockerArchiveWriter};
pub use layout::{LayoutDestination, LayoutSource};
pub use location::{ArchiveFile, Location, TRANSPORTS, Transport};
pub use memory::Memory;
pub use name::Name;
pub use oci_archive::{OciArchive, OciArchiveWriter};
pub use session::{ForRegistry, RegistrySettings, Session, Settings};
pub use store::{StoreDestination, StoreSource};

use crate::content::{Ahead, BlobReader, Verifier};
use crate::error::Kind;
use crate::name::{Registry, Repository};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::store::Held;
use crate::{Error, Result};

/// A place that images are read from. What it returns matches the descriptor asked for, or it errs.
#[async_trait]
pub trait Source: Send + Sync {
    /// The descriptor of the image called `name`; without a name, of the only image there is, or of the default one.
    /// Errs with [`Kind::NotFound`] where there is none,
    /// [`Kind::Usage`] where several could be meant.
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor>;

    /// The manifest or index that `descriptor` names, verified.
    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest>;

    /// The bytes of a blob from offset `from` on. They are not verified: whoever reads them does that.
    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader>;

    /// The same, of `part` alone. Errs with [`Kind::Unsupported`] where the place gives no parts: that is no fault of the blob's.
    async fn part(&self, descriptor: &Descriptor, part: Range<u64>) -> Result<BlobReader> {
        let _ = part;
        let digest = descriptor.digest;
        Err(Error::new(Kind::Unsupported, format!("blob {digest}: no parts are given here")).with_digest(digest))
    }

    /// Descriptors of the manifests that describe `subject`.
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let _ = subject;
        Ok(Vec::new())
    }

    /// The names of all images here, sorted.
    async fn names(&self) -> Result<Vec<Name>>;

    /// Every image here, and what stands beside images: one entry for each name, and one for what has none.
    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        let mut roots = Vec::new();
        for name in self.names().await? {
            let root = self.resolve(Some(&name)).await?;
            roots.push((Some(name), root));
        }
        Ok(roots)
    }

    /// The repository this is, where it is one.
    fn repository(&self) -> Option<&Repository> {
        None
    }

    /// How far away it is, as far as is known: the shortest time in which it answered.
    fn distance(&self) -> Option<Duration> {
        None
    }

    /// Repositories of `registry` that are known to hold the blob, best first: a destination there may mount it.
    fn origins(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        let _ = (digest, registry);
        Vec::new()
    }
}

/// A place that images are written to. A blob is visible whole or not at all; children are put before parents;
/// no name appears before `put_manifest` was called with it, and in archives not before `finish`.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Whether the blob or manifest is there.
    async fn has(&self, descriptor: &Descriptor) -> Result<bool>;

    /// Starts to put a blob. It may turn out to be there, or to be mountable from one of `origins`.
    async fn begin(&self, descriptor: &Descriptor, origins: &[Repository]) -> Result<Begin>;

    /// Puts a manifest whose children are there, and points `name` to it where one is given.
    /// Errs with [`Kind::NotFound`] where the place says that a child is missing.
    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()>;

    /// Everything was put: makes it durable and, in archives, visible.
    async fn finish(&self) -> Result<()>;

    /// The repository this is, where it is one: blobs of its registry may be mounted there.
    fn repository(&self) -> Option<&Repository> {
        None
    }

    /// How far away it is, as far as is known: the shortest time in which it answered.
    fn distance(&self) -> Option<Duration> {
        None
    }

    /// Errs with [`Kind::Usage`] where an image here cannot be called `name`.
    fn check_name(&self, name: &Name) -> Result<()> {
        let _ = name;
        Ok(())
    }

    /// What `name` points to now, where the place can say so cheaply.
    async fn current(&self, name: &Name) -> Result<Option<Digest>> {
        let _ = name;
        Ok(None)
    }

    /// All names there are, where that costs less than to ask for many of them: what is not among them points to nothing.
    async fn listing(&self) -> Result<Option<HashSet<Name>>> {
        Ok(None)
    }

    /// Whether blobs must be begun in the order of the plan (archives, so that the same images give the same file).
    fn is_ordered(&self) -> bool {
        false
    }

    /// Tells that `digest` was read from `repository`, so that it may be mounted from there some day.
    fn note_origin(&self, digest: &Digest, repository: &Repository) {
        let _ = (digest, repository);
    }
}

/// How putting a blob starts.
pub enum Begin {
    /// It is there already.
    Present,
    /// The registry made it appear from this repository.
    Mounted(Repository),
    /// Its bytes are needed.
    Write(Box<dyn BlobWriter>),
    /// Another process is putting it. When that was waited for, it is to be begun again.
    Held(Held),
}

/// What a writer has of a blob already: its first bytes. Writing goes on behind them.
#[derive(Debug, Default)]
pub struct Begun {
    /// How many bytes.
    pub length: u64,
    /// What has seen them. `None` where they are at the other end of a line, which verifies the whole at the end.
    pub hashed: Option<Verifier>,
}

/// A blob that is being put. Dropping it leaves nothing.
#[async_trait]
pub trait BlobWriter: Send {
    /// What it has of the blob already. Asked once, before the first piece.
    fn begun(&mut self) -> Begun {
        Begun::default()
    }

    /// Waits until it takes pieces, before the source is asked for them. What `is_far` comes over a line, and is worth fetching
    /// ahead of its turn.
    async fn ready(&mut self, is_far: bool) -> Result<()> {
        let _ = is_far;
        Ok(())
    }

    /// Called now and then: should the process end, another may go on from what `seen` has seen.
    fn checkpoint(&mut self, seen: &Verifier) {
        let _ = seen;
    }

    /// The copy ends before `commit`, and what was written is no less right for that: another try may go on from it. `seen` may
    /// have seen a piece that was not written whole.
    fn keep(self: Box<Self>, seen: &Verifier) {
        let _ = seen;
    }

    /// Takes the next piece. The caller verifies: it never passes on the last piece of a content that does not match.
    async fn write(&mut self, piece: Bytes) -> Result<()>;

    /// Where bytes may be put before their turn comes; `None` where they must come in order.
    fn ahead(&self) -> Option<Ahead> {
        None
    }

    /// Goes past the next `count` bytes, which were put [ahead](Self::ahead) and verified since.
    async fn advance(&mut self, count: u64) -> Result<()> {
        let _ = count;
        Err(Error::new(Kind::Unsupported, "bytes are written in order here"))
    }

    /// All pieces were written: makes the blob visible.
    async fn commit(self: Box<Self>) -> Result<()>;
}
