//! Housekeeping: old uploads and content that nothing needs go, now and then.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::store::Uploads;

/// How often it is looked whether something is to be done.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long after something was deleted its space is freed, with that of all else that was deleted meanwhile.
const DELAY: Duration = Duration::from_secs(1);
/// How long what could not go yet waits, such as content that a manifest on its way may need.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// How often uploads are looked for whose manifests never came.
const ROUND: Duration = Duration::from_secs(6 * 60 * 60);

/// When content was last looked for that nothing needs.
#[derive(Debug)]
pub(super) struct Housekeeping {
    state: Mutex<State>,
    deleted: Notify,
}

#[derive(Debug)]
struct State {
    has_deleted: bool,
    swept: Instant,
}

impl Housekeeping {
    /// Nothing was deleted yet.
    pub(super) fn new() -> Self {
        let state = State { has_deleted: false, swept: Instant::now() };
        Self { state: Mutex::new(state), deleted: Notify::new() }
    }

    /// Something was deleted: its space is to be freed soon.
    pub(super) fn note_deleted(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_deleted = true;
        self.deleted.notify_one();
    }

    /// Waits until it is time to look again.
    pub(super) async fn rest(&self) {
        if timeout(INTERVAL, self.deleted.notified()).await.is_ok() {
            sleep(DELAY).await;
        }
    }

    /// Does what is due. What fails is tried again later: it only frees space.
    pub(super) fn run(&self, uploads: &Uploads) {
        uploads.expire();
        if !self.is_due(uploads) {
            return;
        }
        let _ = uploads.repositories().sweep();
        if let Some(quota) = uploads.quota() {
            quota.forget();
        }
    }

    fn is_due(&self, uploads: &Uploads) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let age = state.swept.elapsed();
        let is_due = state.has_deleted
            || age > ROUND
            || (age > PAUSE && uploads.repositories().has_removed().is_ok_and(|has_removed| has_removed));
        if is_due {
            *state = State { has_deleted: false, swept: Instant::now() };
        }
        is_due
    }
}
