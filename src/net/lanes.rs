//! Lanes: how many requests are in flight to one origin, without deadlock; fewer for a while where it says that they are too many.
//!
//! The rule: a permit that outlives [`send`](super::Client::send) belongs to a GET whose body is still being read. So only a GET
//! can wait for a caller, and a caller who reads one body must not wait for a second before the first is read or dropped. Who
//! reads several at once goes on reading those that are there meanwhile, and holds none that is not read: one loop polls all
//! ranges of a split blob, and a worker that has no range has no body either. All other requests give their permit back with the
//! answer's headers, and streamed uploads, which wait for their source, take none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{Body, Request};

/// What was in flight when the origin first complained may complain too: that is one complaint.
const BURST: Duration = Duration::from_secs(1);
/// So many answers for each permit make it worth while to try one more.
const GOOD: usize = 4;

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
    reads: Arc<Gate>,
    briefs: Arc<Gate>,
}

impl Lanes {
    pub(super) fn new(per_host: usize) -> Self {
        let permits = per_host.clamp(1, Semaphore::MAX_PERMITS);
        Self { reads: Arc::new(Gate::new(permits)), briefs: Arc::new(Gate::new(permits)) }
    }

    /// Waits for a permit; `None` where the lane needs none.
    pub(super) async fn enter(&self, lane: Lane) -> Option<Permit> {
        let gate = match lane {
            Lane::Read => &self.reads,
            Lane::Brief => &self.briefs,
            Lane::Free => return None,
        };
        // It fails only for a closed semaphore, and nobody closes these.
        let inner = gate.semaphore.clone().acquire_owned().await.ok()?;
        Some(Permit { gate: gate.clone(), inner: Some(inner) })
    }

    /// The origin said that requests are too many, or that it cannot now: half of them are sent from now on.
    pub(super) fn narrow(&self) {
        self.reads.narrow();
        self.briefs.narrow();
    }

    /// A request was answered well: there may be more again.
    pub(super) fn widen(&self) {
        self.reads.widen();
        self.briefs.widen();
    }
}

/// Leave for one request.
pub(super) struct Permit {
    gate: Arc<Gate>,
    inner: Option<OwnedSemaphorePermit>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut width = self.gate.width();
        if width.owed > 0
            && let Some(inner) = self.inner.take()
        {
            width.owed -= 1;
            inner.forget();
        }
    }
}

/// As many permits as the origin bears.
struct Gate {
    semaphore: Arc<Semaphore>,
    most: usize,
    width: Mutex<Width>,
}

struct Width {
    now: usize,
    /// How many permits are not given back when they are dropped.
    owed: usize,
    /// Answers since the width changed.
    good: usize,
    narrowed: Option<Instant>,
}

impl Gate {
    fn new(most: usize) -> Self {
        let width = Mutex::new(Width { now: most, owed: 0, good: 0, narrowed: None });
        Self { semaphore: Arc::new(Semaphore::new(most)), most, width }
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn narrow(&self) {
        let mut width = self.width();
        width.good = 0;
        if width.now == 1 || width.narrowed.is_some_and(|at| at.elapsed() < BURST) {
            return;
        }
        width.narrowed = Some(Instant::now());
        let surplus = width.now - width.now / 2;
        width.now -= surplus;
        width.owed += surplus - self.semaphore.forget_permits(surplus);
    }

    fn widen(&self) {
        let mut width = self.width();
        if width.now == self.most {
            return;
        }
        width.good += 1;
        if width.good < GOOD * width.now {
            return;
        }
        width.good = 0;
        width.now += 1;
        match width.owed {
            0 => self.semaphore.add_permits(1),
            _ => width.owed -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_complains_gets_fewer_requests_for_a_while() {
        let lanes = Lanes::new(8);
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(lanes.enter(Lane::Read).await);
        }
        lanes.narrow();
        lanes.narrow();
        held.drain(..5);
        assert_eq!(lanes.reads.semaphore.available_permits(), 1, "half of eight, three of them in use");
        tokio::time::advance(BURST).await;
        for _ in 0..4 {
            lanes.narrow();
            tokio::time::advance(BURST).await;
        }
        held.clear();
        assert_eq!(lanes.reads.semaphore.available_permits(), 1, "one is always left");
        for _ in 0..1000 {
            lanes.widen();
        }
        assert_eq!(lanes.reads.semaphore.available_permits(), 8);
        assert_eq!(lanes.briefs.semaphore.available_permits(), 8);
    }
}
