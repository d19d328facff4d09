//! Activity: what each connection is doing. From it come the timeouts, and who has to go when there is no room for one more.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::Limits;
use super::pace::Pace;

/// How long a client may be at a loss for a request before it has to leave for another one. Without that, a crowd of clients
/// would push out each other before any of them could ask.
const COURTESY: Duration = Duration::from_millis(250);

/// What one connection is doing. Requests follow one another on it, so this also counts for the one at hand.
pub(super) struct Activity {
    state: Mutex<State>,
    /// Somebody else needs the room.
    leave: Notify,
    changed: Arc<Notify>,
}

struct State {
    phase: Phase,
    since: Instant,
    /// How well the client takes what we send.
    output: Pace,
    tally: Tally,
    /// Whether there may be more of the request's body than was read.
    is_body_open: bool,
}

/// Bytes of bodies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) received: u64,
    pub(super) sent: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The handshake or the head of a request is being read.
    Head,
    /// A request is being answered.
    Answering,
    /// The answer is made, its last bytes are being written.
    Flushing,
    /// There is nothing to do.
    Idle,
}

impl Activity {
    fn new(limits: &Limits, changed: Arc<Notify>) -> Self {
        let output = Pace::new(limits.body_timeout);
        let (phase, since) = (Phase::Head, Instant::now());
        let state = State { phase, since, output, tally: Tally::default(), is_body_open: false };
        Self { state: Mutex::new(state), leave: Notify::new(), changed }
    }

    /// When the connection is to be closed, unless something happens before.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        let limit = match state.phase {
            Phase::Head => Some(state.since + limits.header_timeout),
            Phase::Idle => Some(state.since + limits.idle_timeout),
            Phase::Answering | Phase::Flushing => None,
        };
        [limit, state.output.deadline()].into_iter().flatten().min()
    }

    /// Bytes came.
    pub(super) fn reads(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.turn(Phase::Head);
        }
    }

    /// Bytes were taken by the network.
    pub(super) fn writes(&self, bytes: usize) {
        self.state().output.moves(bytes, Instant::now());
    }

    /// The network takes no more bytes for now.
    pub(super) fn is_blocked(&self) {
        self.state().output.waits(Instant::now());
    }

    /// Everything was taken by the network.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        state.output.moves(0, Instant::now());
        if state.phase == Phase::Flushing {
            state.turn(Phase::Idle);
            self.changed.notify_waiters();
        }
    }

    /// A request's head was read.
    pub(super) fn answer_begins(&self) {
        let mut state = self.state();
        state.turn(Phase::Answering);
        state.tally = Tally::default();
    }

    /// The answer was made; what it and its request amounted to.
    pub(super) fn answer_ends(&self) -> Tally {
        let mut state = self.state();
        state.turn(Phase::Flushing);
        state.tally
    }

    /// The request has a body, unless that `is_empty`.
    pub(super) fn body_begins(&self, is_empty: bool) {
        self.state().is_body_open = !is_empty;
    }

    /// The request's body was read to its end.
    pub(super) fn body_ends(&self) {
        self.state().is_body_open = false;
    }

    /// Whether a request was answered without its body being read to the end.
    pub(super) fn left_unread(&self) -> bool {
        self.state().is_body_open
    }

    /// So much of the request's body was read.
    pub(super) fn received(&self, bytes: usize) {
        self.state().tally.received += bytes as u64;
    }

    /// So much of the answer's body was handed on.
    pub(super) fn sent(&self, bytes: usize) {
        self.state().tally.sent += bytes as u64;
    }

    /// Ready when somebody else needs the room and this connection has nothing to do.
    pub(super) async fn has_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if self.waits_since().is_some() {
                return;
            }
            // A request came just then: let another one be chosen.
            self.changed.notify_waiters();
        }
    }

    /// Since when it waits for its client to ask for something, if it does.
    fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        matches!(state.phase, Phase::Head | Phase::Idle).then_some(state.since)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
    }
}

/// All open connections, and how many there may be.
pub(super) struct Connections {
    open: Mutex<Open>,
    most: usize,
    /// One was closed, or has nothing to do any more.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Open {
    activities: HashMap<u64, Arc<Activity>>,
    next: u64,
}

impl Connections {
    /// Room for `most` connections.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most: most.max(1), changed: Arc::default() })
    }

    /// A place for one more, as soon as there is room; whoever waits longest for its client is asked to leave.
    pub(super) async fn place(self: &Arc<Self>, limits: &Limits) -> Place {
        loop {
            if let Some(place) = self.free_place(limits) {
                return place;
            }
            self.make_room().await;
        }
    }

    /// Asks the connection to leave that waits longest for its client; returns when that, or another one, is gone.
    pub(super) async fn make_room(&self) {
        let mut changed = pin!(self.changed.notified());
        changed.as_mut().enable();
        self.ask_longest_to_leave();
        // Where nobody could be asked, somebody can in a moment.
        let _ = timeout(COURTESY / 5, changed).await;
    }

    fn ask_longest_to_leave(&self) {
        let open = self.open();
        let waiting = open.activities.values().filter_map(|activity| Some((activity.waits_since()?, activity)));
        let longest = waiting.min_by_key(|(since, _)| *since);
        if let Some((_, activity)) = longest.filter(|(since, _)| since.elapsed() >= COURTESY) {
            activity.leave.notify_one();
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.open().activities.len()
    }

    /// Ready when there is none any more.
    pub(super) async fn all_closed(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }

    fn free_place(self: &Arc<Self>, limits: &Limits) -> Option<Place> {
        let mut open = self.open();
        if open.activities.len() >= self.most {
            return None;
        }
        let (number, activity) = (open.next, Arc::new(Activity::new(limits, Arc::clone(&self.changed))));
        open.next += 1;
        open.activities.insert(number, Arc::clone(&activity));
        Some(Place { number, activity, connections: Arc::clone(self) })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, given back when dropped.
pub(super) struct Place {
    number: u64,
    pub(super) activity: Arc<Activity>,
    connections: Arc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().activities.remove(&self.number);
        self.connections.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn r10_the_longest_idle_makes_room_and_none_at_work_does() {
        let limits = Limits::default();
        let connections = Connections::new(3);
        let working = connections.place(&limits).await;
        working.activity.answer_begins();
        let oldest = connections.place(&limits).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let newest = connections.place(&limits).await;

        let asked = Arc::clone(&oldest.activity);
        let leaves = async {
            asked.has_to_leave().await;
            drop(oldest);
        };
        let (place, ()) = tokio::join!(connections.place(&limits), leaves);
        newest.activity.answer_begins();
        place.activity.answer_begins();
        let all_at_work = tokio::time::timeout(Duration::from_millis(20), connections.place(&limits)).await;
        assert!(all_at_work.is_err());

        let asked = Arc::clone(&working.activity);
        let finishes = async {
            asked.answer_ends();
            asked.flushed();
            asked.has_to_leave().await;
            drop(working);
        };
        let (_room, ()) = tokio::join!(connections.place(&limits), finishes);
        assert_eq!(connections.count(), 3);
    }

    #[tokio::test]
    async fn deadlines_follow_what_is_done() {
        let limits = Limits::default();
        let place = Connections::new(1).place(&limits).await;
        let activity = &place.activity;
        let left = || Some(activity.deadline(&limits)?.saturating_duration_since(Instant::now()).as_secs_f64().ceil());
        assert_eq!(left(), Some(10.0));
        activity.answer_begins();
        assert_eq!(left(), None);
        activity.is_blocked();
        assert_eq!(left(), Some(30.0));
        activity.writes(1 << 20);
        activity.answer_ends();
        assert_eq!(left(), None);
        activity.flushed();
        assert_eq!(left(), Some(60.0));
        activity.reads();
        assert_eq!(left(), Some(10.0));
    }
}
