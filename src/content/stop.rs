//! Stops: named places where a test makes the process stand still, to kill it there. Release builds have none.

#[cfg(debug_assertions)]
use std::io::{self, Write};
#[cfg(debug_assertions)]
use std::sync::OnceLock;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where to stand still, and how often to pass by before.
#[cfg(debug_assertions)]
static STOP: OnceLock<(String, AtomicUsize)> = OnceLock::new();

/// From now on the process stands still at `place`: `NAME`, or `NAME:N` when it comes there for the Nth time.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn stand_still_at(place: &str) {
    let (name, count) = place.split_once(':').unwrap_or((place, "1"));
    let passes = count.parse::<usize>().unwrap_or(1).saturating_sub(1);
    // The first one counts.
    let _ = STOP.set((name.to_owned(), AtomicUsize::new(passes)));
}

/// Stands still here if a test wants that.
#[cfg(debug_assertions)]
pub(crate) fn stop_at(name: &str) {
    let Some((_, passes)) = STOP.get().filter(|(wanted, _)| wanted == name) else { return };
    if passes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return;
    }
    // The test waits for this line.
    let _ = writeln!(io::stderr(), "stands still at {name}");
    loop {
        std::thread::park();
    }
}

/// Release builds go on.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn stop_at(_: &str) {}
