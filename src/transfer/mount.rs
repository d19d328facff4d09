//! Mounts: which repositories of a registry hold a blob, as far as this run knows.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::name::{Registry, Repository};
use crate::oci::Digest;

type Holders = HashMap<(Registry, Digest), Vec<Repository>>;

/// Where this run has put blobs, by registry and digest.
#[derive(Default)]
pub(super) struct Mounts(Mutex<Holders>);

impl Mounts {
    /// The repositories of `registry` that hold `digest`.
    pub(super) fn of(&self, registry: &Registry, digest: Digest) -> Vec<Repository> {
        self.holders().get(&(registry.clone(), digest)).cloned().unwrap_or_default()
    }

    /// `repository` holds `digest` now.
    pub(super) fn note(&self, repository: &Repository, digest: Digest) {
        self.holders().entry((repository.registry().clone(), digest)).or_default().push(repository.clone());
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
