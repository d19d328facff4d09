//! Upstream: registries that are asked for what is not here. Somebody outside speaks with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

use super::joint::lock;
use crate::content::BlobReader;
use crate::error::Kind;
use crate::name::{Registry, Repository, Tag};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::{Error, Result};

/// How long a registry that does not answer is spared questions that the store can answer.
const OUTAGE: Duration = Duration::from_secs(30);
/// The same at most, where the registry said itself for how long.
const LONGEST_OUTAGE: Duration = Duration::from_secs(60 * 60);

/// Registries as they are read from. Errs with [`Kind::NotFound`] where they have no such thing; any other error means
/// that they did not say.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// What a tag points to now. Asked each time, so it should be cheap.
    async fn resolve(&self, repository: &Repository, tag: &Tag) -> Result<Descriptor>;

    /// The manifest or index with this digest, verified.
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Manifest>;

    /// The size of a blob.
    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<u64>;

    /// The bytes of a blob, not verified. Goes on by itself where the line breaks.
    async fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<BlobReader>;

    /// All tags.
    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>>;

    /// Descriptors of the manifests that describe `subject`.
    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>>;
}

/// The registries that may be asked, who asks them, and which of them do not answer just now.
pub struct Upstreams {
    registries: BTreeSet<Registry>,
    upstream: Arc<dyn Upstream>,
    out: Mutex<HashMap<Registry, Instant>>,
}

impl Upstreams {
    /// `registries`, and no other, as `upstream` reads them.
    pub fn new(registries: impl IntoIterator<Item = Registry>, upstream: Arc<dyn Upstream>) -> Self {
        Self { registries: registries.into_iter().collect(), upstream, out: Mutex::default() }
    }

    /// Who is to be asked about a repository, if anybody.
    pub(super) fn of(&self, repository: &Repository) -> Option<&dyn Upstream> {
        // Docker Hub has no repository without a namespace; a question about one would count against our rate.
        let is_nowhere = repository.registry().is_docker_hub() && !repository.path().contains('/');
        (self.registries.contains(repository.registry()) && !is_nowhere).then_some(&*self.upstream)
    }

    /// Whether the registry did not answer a moment ago.
    pub(super) fn is_out(&self, repository: &Repository) -> bool {
        lock(&self.out).get(repository.registry()).is_some_and(|until| Instant::now() < *until)
    }

    /// Notes how the registry answered.
    pub(super) fn note<T>(&self, repository: &Repository, answer: &Result<T>) {
        let spared = match answer {
            Err(error) if error.kind() == Kind::Network => OUTAGE,
            Err(error) if error.kind() == Kind::RateLimited => asked_pause(error),
            Err(error) if !matches!(error.kind(), Kind::NotFound | Kind::Denied) => return,
            Ok(_) | Err(_) => {
                lock(&self.out).remove(repository.registry());
                return;
            }
        };
        let was_out = lock(&self.out).insert(repository.registry().clone(), Instant::now() + spared);
        if let (None, Err(error)) = (was_out, answer) {
            tracing::debug!("what the store has is served: {error}");
        }
    }
}

/// For how long a registry wants to be left alone.
fn asked_pause(error: &Error) -> Duration {
    let pause = error.retry_at().and_then(|at| at.duration_since(SystemTime::now()).ok());
    pause.map_or(OUTAGE, |pause| pause.min(LONGEST_OUTAGE))
}
