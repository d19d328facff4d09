//! OCI layouts on disk, and the local store: one layout with many images.
//!
//! ```text
//! store/
//! ├── oci-layout          marker; index.json is changed under a lock on it
//! ├── index.json          names → descriptors; nameless entries are dangling images
//! ├── blobs/sha256/<hex>  content; read-only once it was flushed or verified
//! ├── lock                shared by everybody who uses the store, exclusive for who deletes content
//! ├── origins.json        from which repositories blobs came
//! ├── repositories/       what a served repository has beside its tags
//! ├── transfers/          what transfers that broke off go on from
//! ├── uploads/            uploads to a served repository that have not ended
//! └── .imgctl-*/          files that are not whole yet, one directory for each process
//! ```
//!
//! Of processes that pull the same image at the same time one fetches each large blob, and the others wait for it. Small ones
//! each fetches; one copy stays.

mod blob;
mod checkpoint;
mod image;
mod index;
mod journal;
mod layout;
mod lock;
mod lookup;
mod origin;
mod partial;
mod quota;
mod remove;
mod repository;
mod session;
mod staged;
mod staging;
mod sweep;
#[cfg(test)]
mod tests;
mod upload;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

pub use blob::BlobPool;
pub(crate) use blob::{blob_reader, name_blob};
pub(crate) use checkpoint::{Checkpoint, CheckpointLog};
pub use image::StoredImage;
pub use index::{CONTAINERD_NAME, INDEX_LIMIT, Index, REF_NAME, Replaced, ref_name};
pub use journal::{Journal, Unfinished};
pub use layout::Layout;
pub(crate) use lock::Lock;
pub use partial::Held;
pub(crate) use partial::{Locked, Partials, WORTH_KEEPING, lock, log_path, open_own};
pub use quota::Quota;
pub use remove::{Removal, Removed};
pub use repository::{Blobs, Missing, Repositories};
pub use session::{UploadRecord, UploadSession};
pub use staged::{Claim, StagedBlob};
pub(crate) use staged::{Spot, claim};
pub(crate) use staging::{Site, Staging, TRANSFERS};
pub use upload::{Opened, Upload, UploadLimits, Uploads};

use crate::content::stop_at;
use crate::error::Kind;
use crate::name::{Reference, Registry, Repository};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::{Error, Result};
use image::{normalized, reference};
use origin::Origins;

/// The local store: an OCI layout with many images, whose names are full references (`docker.io/library/busybox:1`).
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    usage: OnceLock<Lock>,
    origins: Origins,
}

impl Store {
    /// The store in `directory`, to read or to change. One that is not there is empty. Works on read-only media.
    pub fn open(directory: &Path) -> Result<Self> {
        match Layout::open(directory) {
            Err(error) if error.kind() == Kind::NotFound => Self::of(Layout::assume(directory)),
            layout => Self::of(layout?),
        }
    }

    /// The store in `directory`. Where it is not there, the first write makes it.
    pub fn create_or_open(directory: &Path) -> Result<Self> {
        Self::of(Layout::create_or_open(directory)?)
    }

    /// Flushes everything to the disk before it appears.
    pub fn flush_each(&mut self) {
        self.layout.flush_each();
    }

    /// The layout it is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the blob or manifest is there: then it stays as long as this lives.
    pub fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.hold()?;
        self.layout.blobs().has(descriptor)
    }

    /// Keeps blobs whose transfer breaks off, for [`Store::claim`] to go on from. Another process that puts the same blob
    /// is waited for as long as it does not pause for `patience`.
    pub fn keep_partials(&mut self, patience: Duration) {
        self.layout.keep_partials_in(journal::TRANSFERS, patience);
    }

    /// Starts to put a blob.
    pub fn begin(&self, descriptor: &Descriptor) -> Result<StagedBlob> {
        self.make()?;
        self.layout.blobs().begin(descriptor)
    }

    /// Starts to put a blob, or to go on with one that was kept.
    pub fn claim(&self, descriptor: &Descriptor) -> Result<Claim> {
        self.make()?;
        self.layout.blobs().claim(descriptor)
    }

    /// Puts a manifest, without a name yet.
    pub fn put(&self, manifest: &Manifest) -> Result<()> {
        self.make()?;
        self.layout.blobs().put(&manifest.descriptor(), manifest.bytes())?;
        stop_at("manifest-put");
        Ok(())
    }

    /// All images, one for each name and one for each image without a name.
    pub fn images(&self) -> Result<Vec<StoredImage>> {
        let index = self.layout.index()?;
        let entries = index.entries().iter().filter(|entry| !remove::is_removed(entry));
        Ok(entries.map(|entry| StoredImage::of(entry, self.layout.blobs())).collect())
    }

    /// The names of all images.
    pub fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.layout.index()?.entries().iter().filter_map(image::reference).collect())
    }

    /// The manifest or index that `text` means: a name (familiar or full, `:latest` by default), `name@digest`, a (short)
    /// image id, or the digest of any manifest that is there.
    /// Errs with [`Kind::NotFound`], or [`Kind::Usage`] for a
    /// short id of several images.
    pub fn resolve(&self, text: &str) -> Result<Descriptor> {
        let (index, blobs) = (self.layout.index()?, self.layout.blobs());
        lookup::find(text, &index, blobs).map(|found| found.entry().clone()).or_else(|error| {
            let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest).parse::<Digest>();
            let manifest = digest.ok().and_then(|digest| blobs.manifest_by_digest(&digest).ok());
            manifest.map(|manifest| manifest.descriptor()).ok_or(error)
        })
    }

    /// Points `name` to a manifest or index that is there. The image that had the name stays, without it.
    pub fn set_name(&self, name: &Reference, descriptor: Descriptor) -> Result<()> {
        self.layout.update(|index| {
            name_entry(index, name, descriptor, Replaced::Kept);
            Ok(())
        })
    }

    /// Keeps a manifest or index that is there as an image without a name.
    pub fn add_nameless(&self, descriptor: Descriptor) -> Result<()> {
        self.layout.update(|index| {
            let digest = descriptor.digest;
            index.add(descriptor);
            index.retain(|entry| {
                if entry.digest == digest {
                    remove::revive(entry);
                }
                true
            });
            Ok(())
        })
    }

    /// Gives the image that `source` means (see [`Store::resolve`]) the name `target` too.
    pub fn tag(&self, source: &str, target: &Reference) -> Result<()> {
        if target.digest.is_some() {
            return Err(Error::usage("refusing to create a tag with a digest reference"));
        }
        self.layout.index().and_then(|index| lookup::find(source, &index, self.layout.blobs()))?;
        self.layout.update(|index| {
            let entry = lookup::find(source, index, self.layout.blobs())?.entry().clone();
            name_entry(index, target, entry, Replaced::Kept);
            Ok(())
        })
    }

    /// Repositories of `registry` that the blob came from, the latest first.
    pub fn origins(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        self.origins.of(digest, registry)
    }

    /// Remembers that the blob came from `repository`; [`Store::write_origins`] writes it down.
    pub fn note_origin(&self, digest: &Digest, repository: &Repository) {
        self.origins.note(digest, repository);
    }

    /// Manifests that were put into a served repository and describe `subject`.
    pub fn linked_referrers(&self, subject: &Digest) -> Vec<Descriptor> {
        let links = repository::Links::new(self.layout.directory());
        let mut found: Vec<Descriptor> = Vec::new();
        for repository in links.all() {
            let digests = links.referrers(&repository, subject);
            let described = links.described_some(&repository, &digests, self.layout.blobs());
            found.extend(described.filter_map(|it| Some(self.layout.blobs().manifest(&it).ok()?.as_referrer())));
        }
        found
    }

    /// Writes down where blobs came from. It only saves work later, so what goes wrong here is nobody's concern.
    pub fn write_origins(&self) {
        let _ = self.origins.write(&self.layout);
    }

    fn of(mut layout: Layout) -> Result<Self> {
        layout.distrust_unflushed();
        let origins = Origins::new(layout.directory().join("origins.json"));
        let store = Self { layout, usage: OnceLock::new(), origins };
        store.hold()?;
        Ok(store)
    }

    /// Keeps everybody from deleting content as long as this lives. A store that is not there yet has none.
    fn hold(&self) -> Result<()> {
        if self.usage.get().is_none()
            && self.layout.exists()
            && let Some(lock) = Lock::shared(&self.layout.directory().join("lock"))?
        {
            // Where two of our threads were here, one lock is as good as the other.
            let _ = self.usage.set(lock);
        }
        Ok(())
    }

    fn make(&self) -> Result<()> {
        self.layout.make()?;
        self.hold()
    }

    /// Does `work` while no other process uses the store. `None` where one still does after `patience`.
    fn alone<T>(&self, patience: Duration, work: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        self.hold()?;
        let Some(usage) = self.usage.get() else { return work().map(Some) };
        if !usage.upgrade(patience)? {
            return Ok(None);
        }
        let answer = work();
        usage.downgrade()?;
        answer.map(Some)
    }
}

/// Points a name to `entry`, the way names of the store are written.
fn name_entry(index: &mut Index, name: &Reference, mut entry: Descriptor, replaced: Replaced) {
    let name = normalized(name.clone()).to_string();
    remove::revive(&mut entry);
    for key in [REF_NAME, CONTAINERD_NAME] {
        entry.annotations.insert(key.to_owned(), name.clone());
    }
    index.set(&name, entry, replaced);
}
