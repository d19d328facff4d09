//! Lanes: how many requests are in flight to one origin, without deadlock.
//!
//! The rule: a permit that outlives [`send`](super::Client::send) belongs to a GET whose body is still being read. So only a GET
//! can wait for a caller, and a caller who reads one body must not open a second before the first is read or dropped. All other
//! requests give their permit back with the answer's headers, and streamed uploads, which wait for their source, take none.

use std::sync::Arc;

use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Body, Request};

/// Which limit a request falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// GETs: the permit is kept until the body is read.
    Read,
    /// What is over with the answer's headers.
    Brief,
    /// What must never wait for others.
    Free,
}

impl Lane {
    pub(super) fn of(request: &Request) -> Self {
        match request.body {
            Body::Stream { .. } => Self::Free,
            Body::Empty | Body::Bytes(_) if request.method == Method::GET => Self::Read,
            Body::Empty | Body::Bytes(_) | Body::Once(_) => Self::Brief,
        }
    }
}

/// One origin's permits.
pub(super) struct Lanes {
    reads: Arc<Semaphore>,
    briefs: Arc<Semaphore>,
}

impl Lanes {
    pub(super) fn new(per_host: usize) -> Self {
        let permits = per_host.clamp(1, Semaphore::MAX_PERMITS);
        Self { reads: Arc::new(Semaphore::new(permits)), briefs: Arc::new(Semaphore::new(permits)) }
    }

    /// Waits for a permit; `None` where the lane needs none.
    pub(super) async fn enter(&self, lane: Lane) -> Option<OwnedSemaphorePermit> {
        let semaphore = match lane {
            Lane::Read => &self.reads,
            Lane::Brief => &self.briefs,
            Lane::Free => return None,
        };
        // It fails only for a closed semaphore, and nobody closes these.
        semaphore.clone().acquire_owned().await.ok()
    }
}
