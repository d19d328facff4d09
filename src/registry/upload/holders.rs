//! Which repository of the registry is known to hold a blob: where to mount it from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::name::Repository;
use crate::oci::Digest;

/// Most blobs that are remembered.
const LIMIT: usize = 50_000;

/// One repository for each blob.
#[derive(Default)]
pub(in crate::registry) struct Holders(Mutex<HashMap<Digest, Repository>>);

impl Holders {
    /// The repository, where one is known.
    pub(super) fn find(&self, digest: &Digest) -> Option<Repository> {
        self.lock().get(digest).cloned()
    }

    /// `repository` holds the blob.
    pub(super) fn note(&self, digest: &Digest, repository: &Repository) {
        let mut holders = self.lock();
        if holders.len() < LIMIT {
            holders.entry(*digest).or_insert_with(|| repository.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Repository>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
