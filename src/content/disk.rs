//! Disk: pieces of files that may have to wait for a disk, on threads that others need too.
//!
//! What the page cache takes and gives at once is best done where it stands: to hand it to another thread costs half as much
//! again. Once a disk was waited for, other threads do the waiting.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::error::Kind;
use crate::{Error, Result};

/// What takes longer was not done in the page cache. Whoever is only kept from a processor has it sooner, mostly.
const SLOW: Duration = Duration::from_millis(50);
/// How long a disk that was waited for is taken to be slow.
const WARY: Duration = Duration::from_secs(1);
/// Threads that wait for a slow disk: each needs memory.
const THREADS: usize = 8;

/// Pieces that are read.
pub(crate) static READS: Disk = Disk::new();
/// Pieces that are written.
pub(crate) static WRITES: Disk = Disk::new();

/// One direction. How slow a disk is shows in each by itself: what is read may be in the page cache all the same.
pub(crate) struct Disk {
    /// Until when it is taken to be slow, in milliseconds since the first work.
    slow_until: AtomicU64,
    threads: Semaphore,
}

impl Disk {
    const fn new() -> Self {
        Self { slow_until: AtomicU64::new(0), threads: Semaphore::const_new(THREADS) }
    }

    /// Does `work`, which reads or writes a piece of a file.
    pub(crate) async fn run<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if millis() >= self.slow_until.load(Ordering::Relaxed) {
            return self.watch(work);
        }
        let _thread = self.threads.acquire().await;
        blocking(|| self.watch(work)).await
    }

    fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        if start.elapsed() > SLOW {
            self.slow_until.fetch_max(millis() + WARY.as_millis() as u64, Ordering::Relaxed);
        }
        done
    }
}

/// Does `work`, which takes its time, on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|failure| Err(Error::new(Kind::Failed, "a task broke off").with_source(failure)))
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
            let sleeping = || {
                std::thread::sleep(2 * SLOW);
                Ok(())
            };
            WRITES.run(sleeping).await.unwrap();
            WRITES.run(move || Ok(receiver.recv().is_ok())).await.unwrap()
        });
        let other = tokio::spawn(async move {
            tokio::time::sleep(SLOW).await;
            sender.send(()).is_ok()
        });
        assert!(slow.await.unwrap());
        assert!(other.await.unwrap());
    }
}
