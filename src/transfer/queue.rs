//! Queue: which blob moves next, over all images of a run. Large ones go first and few at a time; small ones, whose cost is
//! the way there and back, go beside them; what goes to a registry twice waits until it can be mounted.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use tokio::sync::watch;

use super::blob::Job;
use crate::name::{Registry, Repository};
use crate::oci::Digest;

/// Blobs up to this size are small: all that are moved at once fit into little memory.
const SMALL: u64 = 256 * 1024;
/// So many small blobs move at once for each job; with one job, nothing moves beside it.
const SMALL_PER_JOB: usize = 4;

/// A blob that waits for its turn.
pub(super) struct Waiting {
    pub(super) job: Job,
    /// Tells those who wait for it.
    pub(super) arrived: watch::Sender<bool>,
    /// When it came.
    number: u64,
}

/// What becomes free when a blob has ended.
pub(super) struct Turn {
    is_small: bool,
    content: Option<Content>,
}

/// A content at a registry.
type Content = (Registry, Digest);

/// All blobs that wait, and how many may go.
pub(super) struct Queue {
    /// How many large blobs may move at once.
    jobs: usize,
    /// For places where the order matters.
    ordered: VecDeque<Waiting>,
    large: BinaryHeap<Waiting>,
    small: VecDeque<Waiting>,
    /// Those whose content is on its way to the same registry.
    parked: HashMap<Content, Vec<Waiting>>,
    moving: HashSet<Content>,
    moving_small: usize,
    moving_large: usize,
    count: u64,
}

impl Queue {
    /// An empty queue from which `jobs` large blobs may go at once.
    pub(super) fn new(jobs: usize) -> Self {
        Self {
            jobs: jobs.max(1),
            ordered: VecDeque::new(),
            large: BinaryHeap::new(),
            small: VecDeque::new(),
            parked: HashMap::new(),
            moving: HashSet::new(),
            moving_small: 0,
            moving_large: 0,
            count: 0,
        }
    }

    /// From now on no fewer than `jobs` large blobs may go at once.
    pub(super) fn widen(&mut self, jobs: usize) {
        self.jobs = self.jobs.max(jobs);
    }

    pub(super) fn push(&mut self, job: Job, arrived: watch::Sender<bool>) {
        self.count += 1;
        self.add(Waiting { job, arrived, number: self.count });
    }

    /// The next blob, where one may go now.
    pub(super) fn next(&mut self) -> Option<(Waiting, Turn)> {
        loop {
            let waiting = self.pop()?;
            let content = waiting.content();
            if let Some(content) = content.as_ref().filter(|content| !self.moving.insert((*content).clone())) {
                self.parked.entry(content.clone()).or_default().push(waiting);
                continue;
            }
            let is_small = self.is_small(&waiting);
            *self.moving_count(is_small) += 1;
            return Some((waiting, Turn { is_small, content }));
        }
    }

    /// The blob that had this turn is there.
    pub(super) fn ended(&mut self, turn: Turn) {
        *self.moving_count(turn.is_small) -= 1;
        let Some(content) = turn.content else { return };
        self.moving.remove(&content);
        self.parked.remove(&content).into_iter().flatten().for_each(|waiting| self.add(waiting));
    }

    /// For how many jobs there is no large blob.
    pub(super) fn spare_jobs(&self) -> usize {
        let is_empty = self.large.is_empty() && self.ordered.is_empty();
        if is_empty { self.jobs.saturating_sub(self.moving_large) } else { 0 }
    }

    fn moving_count(&mut self, is_small: bool) -> &mut usize {
        if is_small { &mut self.moving_small } else { &mut self.moving_large }
    }

    fn add(&mut self, waiting: Waiting) {
        match self.is_small(&waiting) {
            _ if waiting.job.destination.is_ordered() => self.ordered.push_back(waiting),
            true => self.small.push_back(waiting),
            false => self.large.push(waiting),
        }
    }

    /// Blobs in order are begun one after the other: for them there is one kind of turn.
    fn is_small(&self, waiting: &Waiting) -> bool {
        let Job { descriptor, destination, .. } = &waiting.job;
        self.jobs > 1 && descriptor.size <= SMALL && !destination.is_ordered()
    }

    fn pop(&mut self) -> Option<Waiting> {
        let (may_small, may_large) = (self.moving_small < self.jobs * SMALL_PER_JOB, self.moving_large < self.jobs);
        let ordered = may_large.then(|| self.ordered.pop_front()).flatten();
        let large = || may_large.then(|| self.large.pop()).flatten();
        ordered.or_else(large).or_else(|| may_small.then(|| self.small.pop_front()).flatten())
    }
}

impl Waiting {
    fn content(&self) -> Option<Content> {
        let registry = self.job.destination.repository().map(Repository::registry)?;
        Some((registry.clone(), self.job.descriptor.digest))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |waiting: &Self| (waiting.job.descriptor.size, std::cmp::Reverse(waiting.number));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::oci::{Descriptor, MediaType};
    use crate::transport::Memory;

    fn push(queue: &mut Queue, size: u64) {
        let descriptor = Descriptor::new(MediaType::OCI_LAYER, Digest::of(&size.to_le_bytes()), size);
        let job = Job { descriptor, source: Arc::new(Memory::new()), destination: Arc::new(Memory::new()) };
        queue.push(job, watch::channel(false).0);
    }

    #[test]
    fn the_largest_goes_first_and_small_ones_go_beside_it() {
        let mut queue = Queue::new(2);
        let mut turns = Vec::new();
        for size in [10, SMALL + 1, SMALL + 3, 20, SMALL + 2] {
            push(&mut queue, size);
        }
        for expected in [SMALL + 3, SMALL + 2, 10, 20] {
            let (waiting, turn) = queue.next().unwrap();
            assert_eq!(waiting.job.descriptor.size, expected);
            turns.push(turn);
        }
        assert!(queue.next().is_none(), "two jobs carry two large blobs");
        queue.ended(turns.remove(0));
        assert_eq!(queue.next().unwrap().0.job.descriptor.size, SMALL + 1);
    }

    #[test]
    fn it_widens_and_never_narrows() {
        let mut queue = Queue::new(2);
        (0..20).for_each(|size| push(&mut queue, size));
        (1..=20).for_each(|size| push(&mut queue, SMALL + size));
        let mut moving = (0, 0);
        for (jobs, expected) in [(2, 2), (5, 5), (3, 5)] {
            queue.widen(jobs);
            while let Some((_, turn)) = queue.next() {
                *(if turn.is_small { &mut moving.1 } else { &mut moving.0 }) += 1;
            }
            assert_eq!(moving, (expected, expected * SMALL_PER_JOB), "{jobs}");
        }
    }

    #[test]
    fn n32_small_blobs_have_a_limit_too() {
        for (jobs, expected) in [(1, 1), (2, 2 * SMALL_PER_JOB)] {
            let mut queue = Queue::new(jobs);
            (0..100).for_each(|size| push(&mut queue, size));
            let turns: Vec<Turn> = std::iter::from_fn(|| queue.next()).map(|(_, turn)| turn).collect();
            assert_eq!(turns.len(), expected);
            turns.into_iter().for_each(|turn| queue.ended(turn));
            assert!(queue.next().is_some());
        }
    }
}
