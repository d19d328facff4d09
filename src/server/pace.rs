//! Pace: how slow a peer may be. Only the time in which we wait for it counts, so that a slow disk is not blamed on anybody.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Least bytes a second that a peer must move while it is waited for.
const MIN_RATE: f64 = 512.0;

/// Where an alarm without a deadline stands; it is moved before it matters.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// The bytes a peer moved, and the time it was waited for, in windows of `patience` of such time.
#[derive(Debug)]
pub(super) struct Pace {
    patience: Duration,
    /// Since when it is waited for, if it is.
    since: Option<Instant>,
    /// How long it was waited for in this window, before `since`.
    waited: Duration,
    /// What it moved in this window.
    moved: u64,
}

impl Pace {
    /// A peer that may take `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: None, waited: Duration::ZERO, moved: 0 }
    }

    /// It is waited for.
    pub(super) fn waits(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// It moved so many bytes.
    pub(super) fn moves(&mut self, bytes: usize, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        self.moved += bytes as u64;
        if self.waited >= self.patience && self.is_enough() {
            (self.waited, self.moved) = (Duration::ZERO, 0);
        }
    }

    /// When it is too slow, unless it moves before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let left = if self.is_enough() { self.patience } else { self.patience.saturating_sub(self.waited) };
        self.since.map(|since| since + left)
    }

    fn is_enough(&self) -> bool {
        self.moved as f64 >= MIN_RATE * self.patience.as_secs_f64()
    }
}

/// A timer for a deadline that moves with every byte: it is set anew only when it would ring too late, or rang too early.
#[derive(Debug)]
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// An alarm that is not set.
    pub(super) fn new() -> Self {
        Self(Box::pin(sleep_until(Instant::now() + FAR)))
    }

    /// Ready when `deadline` is over.
    pub(super) fn poll(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if deadline < self.0.deadline() {
            self.0.as_mut().reset(deadline);
        }
        loop {
            ready!(self.0.as_mut().poll(context));
            if self.0.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Waits `wait` for each of `pieces` of `size` bytes; how many came before the peer was too slow.
    fn survives(wait: Duration, size: usize, pieces: usize) -> usize {
        let (mut pace, mut now) = (Pace::new(30 * SECOND), Instant::now());
        for piece in 0..pieces {
            pace.waits(now);
            if pace.deadline().unwrap() < now + wait {
                return piece;
            }
            now += wait;
            pace.moves(size, now);
        }
        pieces
    }

    #[test]
    fn r10_silence_and_a_byte_a_second_are_too_slow() {
        assert_eq!(survives(31 * SECOND, 1 << 20, 5), 0);
        assert_eq!(survives(SECOND, 1, 1000), 30);
        assert_eq!(survives(SECOND, 511, 1000), 30);
        assert_eq!(survives(SECOND, 600, 1000), 1000);
        assert_eq!(survives(29 * SECOND, 64 << 10, 1000), 1000);
    }

    #[test]
    fn r10_only_time_of_waiting_counts() {
        let (mut pace, start) = (Pace::new(30 * SECOND), Instant::now());
        assert_eq!(pace.deadline(), None);
        pace.waits(start);
        pace.moves(1, start + SECOND);
        assert_eq!(pace.deadline(), None);
        pace.waits(start + 100 * SECOND);
        assert_eq!(pace.deadline(), Some(start + 129 * SECOND));
    }
}
