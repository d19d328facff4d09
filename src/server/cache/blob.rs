//! Blobs: how large they are, and the flights that bring them.

use std::sync::Arc;

use super::flight::{Flight, Pilot};
use super::joint::lock;
use super::{Name, Shared};
use crate::Result;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::server::Stat;
use crate::store::Quota;

/// How many sizes of blobs are kept in mind.
const SIZES: usize = 4096;

impl Shared {
    /// What is known of a blob that is here, and whole as far as is known.
    pub(super) async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        if self.is_damaged(digest) {
            return Ok(None);
        }
        // A power loss leaves empty files.
        let may_be_whole = |stat: &Stat| stat.size > 0 || *digest == Digest::with(digest.algorithm(), b"");
        Ok(self.local.stat(repository, digest).await?.filter(may_be_whole))
    }

    /// The size of a blob that is not here.
    pub(super) async fn size(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Result<u64> {
        let name = (repository.clone(), *digest);
        let flying = lock(&self.flights).get(&name).and_then(Flight::size);
        if let Some(size) = flying.or_else(|| lock(&self.sizes).get(&name).copied()) {
            return Ok(size);
        }
        let (shared, asked) = (Arc::clone(self), name.clone());
        let asking = async move {
            let size = shared.upstream(&asked.0)?.stat(&asked.0, &asked.1).await?;
            shared.note_size(asked, size);
            Ok(size)
        };
        self.stats.ask(name, asking).await
    }

    fn note_size(&self, name: Name, size: u64) {
        let mut sizes = lock(&self.sizes);
        if sizes.len() >= SIZES {
            sizes.clear();
        }
        sizes.insert(name, size);
    }

    /// Whoever reads a manifest asks for its blobs next: their sizes need not be asked for.
    pub(super) fn note_sizes(&self, repository: &Repository, manifest: &Manifest) {
        let Some(image) = manifest.as_image() else { return };
        for blob in std::iter::once(&image.config).chain(&image.layers).take(SIZES) {
            self.note_size((repository.clone(), blob.digest), blob.size);
        }
    }

    /// The flight that brings a blob, which starts with the first who asks for it.
    pub(super) fn flight(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Flight {
        let name = (repository.clone(), *digest);
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&name) {
            return flight.clone();
        }
        let (pilot, flight) = Flight::new();
        flights.insert(name.clone(), flight.clone());
        let landing = Landing { shared: Arc::clone(self), name };
        // It goes on when nobody waits any more: the next who asks will find the blob here.
        tokio::spawn(landing.fly(pilot));
        flight
    }

    async fn bring(self: &Arc<Self>, (repository, digest): &Name, pilot: &Pilot) -> Result<()> {
        // The flight before this one may have landed a moment ago.
        if self.stat(repository, digest).await?.is_some() {
            pilot.is_stored();
            return Ok(());
        }
        // Asked also where another repository has these bytes: who may read there need not find them here.
        let size = self.size(repository, digest).await?;
        let descriptor = Descriptor::new(MediaType::new("application/octet-stream"), *digest, size);
        let (to, wanted) = (repository.clone(), descriptor.clone());
        if !self.is_damaged(digest) && self.change(move |store| store.link_present_blob(&to, &wanted)).await? {
            pilot.is_stored();
            return Ok(());
        }
        let room = self.room(size)?;
        let reader = self.upstream(repository)?.blob(repository, &descriptor).await?;
        let staged = pilot.fly(&descriptor, reader, self.store.begin_blob(&descriptor)?).await?;
        let (to, digest) = (repository.clone(), *digest);
        self.change(move |store| store.put_fetched_blob(&to, &digest, staged)).await?;
        room.keep();
        lock(&self.damaged).remove(&digest);
        pilot.land();
        Ok(())
    }

    /// Room for a blob, until it is dropped. Errs where the quota leaves none.
    fn room(&self, size: u64) -> Result<Room<'_>> {
        if let Some(quota) = &self.quota {
            quota.take(size)?;
        }
        Ok(Room { quota: self.quota.as_ref(), size })
    }
}

/// What the quota lends to a blob on its way.
struct Room<'a> {
    quota: Option<&'a Quota>,
    size: u64,
}

impl Room<'_> {
    /// The blob stays.
    fn keep(mut self) {
        self.quota = None;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(quota) = self.quota {
            quota.give(self.size);
        }
    }
}

/// A flight that ends with this, whatever becomes of it.
struct Landing {
    shared: Arc<Shared>,
    name: Name,
}

impl Landing {
    async fn fly(self, pilot: Pilot) {
        let result = self.shared.bring(&self.name, &pilot).await;
        self.shared.upstreams.note(&self.name.0, &result);
        lock(&self.shared.sizes).remove(&self.name);
        // Who is told of a failure may ask again: that is another flight.
        drop(self);
        if let Err(error) = result {
            pilot.fail(error);
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let landed = lock(&self.shared.flights).remove(&self.name);
        drop(landed);
    }
}
