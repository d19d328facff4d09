//! Disk: pieces of files that may have to wait for a disk, on threads that others need too.
//!
//! What the page cache takes and gives at once is best done where it stands: to hand it to another thread costs half as much
//! again. Once a disk was waited for, other threads do the waiting.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::Kind;
use crate::{Error, Result};

/// What takes longer was not done in the page cache. Whoever is only kept from a processor has it sooner, mostly.
const SLOW: Duration = Duration::from_millis(50);
/// How long a disk that was waited for is taken to be slow.
const WARY: Duration = Duration::from_secs(1);

/// Until when, in milliseconds since the first work, disks are taken to be slow.
static SLOW_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Does `work`, which reads or writes a piece of a file.
pub(crate) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    if millis() >= SLOW_UNTIL.load(Ordering::Relaxed) {
        return watched(work);
    }
    let done = tokio::task::spawn_blocking(|| watched(work)).await;
    done.unwrap_or_else(|failure| Err(Error::new(Kind::Failed, "a task broke off").with_source(failure)))
}

fn watched<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    if start.elapsed() > SLOW {
        SLOW_UNTIL.fetch_max(millis() + WARY.as_millis() as u64, Ordering::Relaxed);
    }
    done
}

fn millis() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn others_go_on_while_a_slow_disk_is_waited_for() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let slow = tokio::spawn(async move {
            on_disk(|| Ok(std::thread::sleep(2 * SLOW))).await.unwrap();
            on_disk(move || Ok(receiver.recv().is_ok())).await.unwrap()
        });
        let other = tokio::spawn(async move {
            tokio::time::sleep(SLOW).await;
            sender.send(()).is_ok()
        });
        assert!(slow.await.unwrap());
        assert!(other.await.unwrap());
    }
}
