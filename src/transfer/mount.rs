//! Mounts: which repositories of a registry hold a blob, as far as this run knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::name::{Registry, Repository};
use crate::oci::Digest;

type Holders = Arc<tokio::sync::Mutex<Vec<Repository>>>;

/// Where this run has put blobs, by registry and digest.
#[derive(Default)]
pub(super) struct Mounts(Mutex<HashMap<(Registry, Digest), Holders>>);

impl Mounts {
    /// The repositories of `registry` that hold `digest`. While the guard is held no other job moves that digest to that
    /// registry: the next one can mount what this one uploads.
    pub(super) async fn claim(&self, registry: &Registry, digest: Digest) -> OwnedMutexGuard<Vec<Repository>> {
        let holders = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry((registry.clone(), digest)).or_default().clone()
        };
        holders.lock_owned().await
    }
}
