//! Spare: jobs for which the queue has no blob. One that moves slowly may use them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many jobs are spare, and how many of them are used.
#[derive(Debug, Default)]
pub(super) struct Spare(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    spare: AtomicUsize,
    used: AtomicUsize,
}

impl Spare {
    /// So many jobs are spare now.
    pub(super) fn set(&self, jobs: usize) {
        self.0.spare.store(jobs, Ordering::SeqCst);
    }

    /// Takes one, where there is one.
    pub(super) fn take(&self) -> Option<SpareJob> {
        let spare = self.0.spare.load(Ordering::SeqCst);
        let taken =
            self.0.used.try_update(Ordering::SeqCst, Ordering::SeqCst, |used| (used < spare).then_some(used + 1));
        taken.ok().map(|_| SpareJob(self.0.clone()))
    }
}

/// A job that is given back when this is dropped.
#[derive(Debug)]
pub(super) struct SpareJob(Arc<Count>);

impl SpareJob {
    /// Whether blobs came for which it is needed.
    pub(super) fn is_wanted_back(&self) -> bool {
        self.0.used.load(Ordering::SeqCst) > self.0.spare.load(Ordering::SeqCst)
    }
}

impl Drop for SpareJob {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are() {
        let spare = Spare::default();
        assert!(spare.take().is_none());
        spare.set(2);
        let (first, second) = (spare.take().unwrap(), spare.take().unwrap());
        assert!(spare.take().is_none() && !first.is_wanted_back());
        spare.set(1);
        assert!(first.is_wanted_back(), "one of the two is");
        drop(first);
        assert!(!second.is_wanted_back() && spare.take().is_none());
        drop(second);
        assert!(spare.take().is_some());
    }
}
