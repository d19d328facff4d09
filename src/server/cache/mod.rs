//! Cache: the store, and behind it the registries that are asked for what the store lacks. What they send is kept.
//!
//! A tag is asked for each time, by one cheap question, unless its registry does not answer: then what is here counts.
//! Content by digest never changes: it is asked for once, however many wait for it, and read while it arrives.

mod flight;
mod joint;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

pub use upstream::Upstream;

use super::content::{Content, Identity, Stat};
use crate::content::BlobReader;
use crate::error::Kind;
use crate::name::{Registry, Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::store::{Blobs, Repositories};
use crate::{Error, Result};
use flight::{Flight, Pilot};
use joint::{Joint, given_up, lock};
use upstream::Upstreams;

/// How long an upstream may take to say what a tag points to where the store has an answer too.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many sizes of blobs are kept in mind.
const SIZES: usize = 4096;

type Name = (Repository, Digest);

/// The store with registries behind it.
pub struct Cache(Arc<Shared>);

struct Shared {
    local: Arc<dyn Content>,
    store: Arc<Repositories>,
    upstreams: Upstreams,
    tagged: Joint<(Repository, Tag), Manifest>,
    manifests: Joint<Name, Manifest>,
    stats: Joint<Name, u64>,
    tags: Joint<Repository, Vec<Tag>>,
    referrers: Joint<Name, Vec<Descriptor>>,
    flights: Mutex<HashMap<Name, Flight>>,
    /// What upstreams, or manifests of theirs, said of blobs that are not here yet.
    sizes: Mutex<HashMap<Name, u64>>,
}

impl Cache {
    /// `store`, which `local` reads; for repositories of `registries`, and no others, `upstream` is asked too.
    pub fn new(
        local: Arc<dyn Content>,
        store: Arc<Repositories>,
        registries: impl IntoIterator<Item = Registry>,
        upstream: Arc<dyn Upstream>,
    ) -> Self {
        Self(Arc::new(Shared {
            local,
            store,
            upstreams: Upstreams::new(registries, upstream),
            tagged: Joint::default(),
            manifests: Joint::default(),
            stats: Joint::default(),
            tags: Joint::default(),
            referrers: Joint::default(),
            flights: Mutex::default(),
            sizes: Mutex::default(),
        }))
    }
}

#[async_trait]
impl Content for Cache {
    async fn repositories(&self) -> Result<Vec<Repository>> {
        self.0.local.repositories().await
    }

    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        let kept = self.0.local.tags(repository).await?;
        if !self.0.asks_about(repository, kept.is_some()) {
            return Ok(kept);
        }
        let (shared, name) = (Arc::clone(&self.0), repository.clone());
        let asking = async move {
            let mut tags = shared.upstream(&name)?.tags(&name).await?;
            tags.sort();
            Ok(tags)
        };
        let asked = self.0.tags.ask(repository.clone(), asking);
        or_kept(self.0.wait_for(repository, kept.is_some(), asked).await, kept)
    }

    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        let kept = self.0.kept(repository, reference).await;
        let is_final = matches!((reference, &kept), (TagOrDigest::Digest(_), Ok(Some(_))));
        if is_final || !self.0.asks_about(repository, matches!(kept, Ok(Some(_)))) {
            return kept;
        }
        // A manifest that was damaged here comes whole from there.
        let kept = kept.ok().flatten();
        match reference {
            TagOrDigest::Digest(digest) => found(self.0.manifest(repository, digest).await),
            TagOrDigest::Tag(tag) => self.0.tagged(repository, tag, kept).await,
        }
    }

    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        let kept = self.0.local.stat(repository, digest).await?;
        if kept.is_some() || !self.0.asks_about(repository, false) {
            return Ok(kept);
        }
        let size = found(self.0.size(repository, digest).await)?;
        Ok(size.map(|size| Stat { size, identity: Some(Identity::VERIFIED) }))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        let kept = self.0.local.blob(repository, digest, from).await?;
        if kept.is_some() || !self.0.asks_about(repository, false) {
            return Ok(kept);
        }
        match found(self.0.flight(repository, digest).board(from).await)? {
            Some(Some(reader)) => Ok(Some(reader)),
            Some(None) => self.0.local.blob(repository, digest, from).await,
            None => Ok(None),
        }
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let kept = self.0.local.referrers(repository, subject).await?;
        if !self.0.asks_about(repository, true) {
            return Ok(kept);
        }
        let (shared, name, digest) = (Arc::clone(&self.0), repository.clone(), *subject);
        let asking = async move { shared.upstream(&name)?.referrers(&name, &digest).await };
        let asked = self.0.referrers.ask((repository.clone(), *subject), asking);
        let mut all = self.0.wait_for(repository, true, asked).await.unwrap_or_default();
        let own = kept.into_iter().filter(|own| !all.iter().any(|other| other.digest == own.digest));
        let own: Vec<_> = own.collect();
        all.extend(own);
        Ok(all)
    }
}

impl Shared {
    /// Whether an upstream is asked about a repository. One that did not answer a moment ago is asked only for what is not
    /// here.
    fn asks_about(&self, repository: &Repository, is_kept: bool) -> bool {
        self.upstreams.of(repository).is_some() && !(is_kept && self.upstreams.is_out(repository))
    }

    fn upstream(&self, repository: &Repository) -> Result<&dyn Upstream> {
        let none = || Error::not_found(format!("{} is no upstream of this server", repository.registry()));
        self.upstreams.of(repository).ok_or_else(none)
    }

    async fn kept(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        self.local.manifest(repository, reference).await
    }

    /// The manifest under a tag as the upstream has it now, else the one that is `kept`.
    async fn tagged(
        self: &Arc<Self>,
        repository: &Repository,
        tag: &Tag,
        kept: Option<Manifest>,
    ) -> Result<Option<Manifest>> {
        let (shared, name, wanted) = (Arc::clone(self), repository.clone(), tag.clone());
        let following = async move { shared.follow(&name, &wanted).await };
        let asked = self.tagged.ask((repository.clone(), tag.clone()), following);
        or_kept(self.wait_for(repository, kept.is_some(), asked).await, kept)
    }

    /// Waits for what an upstream is asked; not for long where there is another answer.
    async fn wait_for<T>(
        &self,
        repository: &Repository,
        is_kept: bool,
        asked: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let answer = match is_kept {
            false => asked.await,
            true => tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent(repository))),
        };
        self.upstreams.note(repository, &answer);
        answer
    }

    /// Asks what a tag points to, and points the tag of the store there.
    async fn follow(self: &Arc<Self>, repository: &Repository, tag: &Tag) -> Result<Manifest> {
        let now = self.upstream(repository)?.resolve(repository, tag).await?;
        let reference = TagOrDigest::Digest(now.digest);
        let manifest = match self.kept(repository, &reference).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) | Err(_) => self.manifest(repository, &now.digest).await?,
        };
        let before = self.kept(repository, &TagOrDigest::Tag(tag.clone())).await;
        if !before.is_ok_and(|before| before.is_some_and(|before| before.digest() == now.digest)) {
            self.keep(repository, &manifest, vec![tag.clone()]).await?;
        }
        Ok(manifest)
    }

    /// A manifest that is not here. Then it is.
    async fn manifest(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Result<Manifest> {
        let (shared, name, wanted) = (Arc::clone(self), repository.clone(), *digest);
        let fetching = async move {
            // Somebody else's question may have ended a moment ago.
            if let Ok(Some(manifest)) = shared.kept(&name, &TagOrDigest::Digest(wanted)).await {
                return Ok(manifest);
            }
            let manifest = shared.upstream(&name)?.manifest(&name, &wanted).await?;
            shared.keep(&name, &manifest, Vec::new()).await?;
            shared.note_sizes(&name, &manifest);
            Ok(manifest)
        };
        self.manifests.ask((repository.clone(), *digest), fetching).await
    }

    /// The size of a blob that is not here.
    async fn size(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Result<u64> {
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
    fn note_sizes(&self, repository: &Repository, manifest: &Manifest) {
        let Some(image) = manifest.as_image() else { return };
        for blob in std::iter::once(&image.config).chain(&image.layers).take(SIZES) {
            self.note_size((repository.clone(), blob.digest), blob.size);
        }
    }

    /// The flight that brings a blob, which starts with the first who asks for it.
    fn flight(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Flight {
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
        if self.local.stat(repository, digest).await?.is_some() {
            pilot.is_stored();
            return Ok(());
        }
        // Asked also where another repository has these bytes: who may read there need not find them here.
        let size = self.size(repository, digest).await?;
        let descriptor = Descriptor::new(MediaType::new("application/octet-stream"), *digest, size);
        let (to, wanted) = (repository.clone(), descriptor.clone());
        if self.change(move |store| store.link_present_blob(&to, &wanted)).await? {
            pilot.is_stored();
            return Ok(());
        }
        let reader = self.upstream(repository)?.blob(repository, &descriptor).await?;
        let staged = pilot.fly(&descriptor, reader, self.store.begin_blob(&descriptor)?).await?;
        let (to, digest) = (repository.clone(), *digest);
        self.change(move |store| store.put_fetched_blob(&to, &digest, staged)).await?;
        pilot.land();
        Ok(())
    }

    async fn keep(&self, repository: &Repository, manifest: &Manifest, tags: Vec<Tag>) -> Result<()> {
        let (repository, manifest) = (repository.clone(), manifest.clone());
        let put = move |store: &Repositories| store.put_manifest(&repository, &manifest, &tags, Blobs::MayFollow);
        self.change(put).await.map(drop)
    }

    /// Changes the store, which may have to wait for others who do.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repositories) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store)).await.unwrap_or_else(|_| Err(given_up()))
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

/// What an upstream said it does not have is `None`.
fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The upstream's answer, where it gave one, else what is here.
fn or_kept<T>(answer: Result<T>, kept: Option<T>) -> Result<Option<T>> {
    match (found(answer), kept) {
        (Err(_), Some(kept)) => Ok(Some(kept)),
        (answer, _) => answer,
    }
}

fn silent(repository: &Repository) -> Error {
    let (registry, seconds) = (repository.registry(), PATIENCE.as_secs());
    Error::new(Kind::Network, format!("{registry} did not answer within {seconds} s")).with_host(registry.to_string())
}
