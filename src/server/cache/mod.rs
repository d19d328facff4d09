//! Cache: the store, and behind it the registries that are asked for what the store lacks. What they send is kept.
//!
//! A tag is asked for each time, by one cheap question, unless its registry does not answer: then what is here counts.
//! Content by digest never changes: it is asked for once, however many wait for it, and read while it arrives.

mod blob;
mod flight;
mod joint;
mod manifest;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

pub use upstream::{Upstream, Upstreams};

use super::content::{Content, Identity, Stat};
use crate::content::BlobReader;
use crate::error::Kind;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::store::{Quota, Repositories};
use crate::{Error, Result};
use flight::Flight;
use joint::{Joint, given_up, lock};

/// How long an upstream may take to say what a tag points to where the store has an answer too.
const PATIENCE: Duration = Duration::from_secs(10);

type Name = (Repository, Digest);

/// The store with registries behind it.
pub struct Cache(Arc<Shared>);

struct Shared {
    local: Arc<dyn Content>,
    store: Arc<Repositories>,
    quota: Option<Quota>,
    upstreams: Upstreams,
    tagged: Joint<(Repository, Tag), Manifest>,
    manifests: Joint<Name, Manifest>,
    stats: Joint<Name, u64>,
    tags: Joint<Repository, Vec<Tag>>,
    referrers: Joint<Name, Vec<Descriptor>>,
    flights: Mutex<HashMap<Name, Flight>>,
    /// What upstreams, or manifests of theirs, said of blobs that are not here yet.
    sizes: Mutex<HashMap<Name, u64>>,
    /// Blobs that are here and are not what their digest says.
    damaged: Mutex<HashSet<Digest>>,
}

impl Cache {
    /// `store`, which `local` reads, and `upstreams` behind it. No blob is fetched that would make the store larger than
    /// `quota` bytes.
    pub fn new(local: Arc<dyn Content>, store: Arc<Repositories>, upstreams: Upstreams, quota: Option<u64>) -> Self {
        Self(Arc::new(Shared {
            local,
            quota: quota.map(|limit| store.quota(limit)),
            store,
            upstreams,
            tagged: Joint::default(),
            manifests: Joint::default(),
            stats: Joint::default(),
            tags: Joint::default(),
            referrers: Joint::default(),
            flights: Mutex::default(),
            sizes: Mutex::default(),
            damaged: Mutex::default(),
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
        if !self.0.asks_about(repository, false) {
            return self.0.local.stat(repository, digest).await;
        }
        if let Some(kept) = self.0.stat(repository, digest).await? {
            return Ok(Some(kept));
        }
        let size = found(self.0.size(repository, digest).await)?;
        Ok(size.map(|size| Stat { size, identity: Some(Identity::VERIFIED) }))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        if !self.0.asks_about(repository, false) || self.0.stat(repository, digest).await?.is_some() {
            return self.0.local.blob(repository, digest, from).await;
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

    fn at_hand(&self) -> Option<&dyn Content> {
        Some(&*self.0.local)
    }

    fn distrust(&self, digest: &Digest) {
        lock(&self.0.damaged).insert(*digest);
    }
}

impl Shared {
    /// Whether an upstream is asked about a repository. One that did not answer a moment ago is asked only for what is not
    /// here.
    fn asks_about(&self, repository: &Repository, is_kept: bool) -> bool {
        self.upstreams.of(repository).is_some() && !(is_kept && self.upstreams.is_out(repository))
    }

    fn is_damaged(&self, digest: &Digest) -> bool {
        lock(&self.damaged).contains(digest)
    }

    fn upstream(&self, repository: &Repository) -> Result<&dyn Upstream> {
        let none = || Error::not_found(format!("{} is no upstream of this server", repository.registry()));
        self.upstreams.of(repository).ok_or_else(none)
    }

    async fn kept(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        self.local.manifest(repository, reference).await
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

    /// Changes the store, which may have to wait for others who do.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repositories) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store)).await.unwrap_or_else(|_| Err(given_up()))
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
