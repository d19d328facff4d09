//! Rate limit: how many bytes of blobs may pass in a second, over all streams that share it.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::content::PIECE;

/// Pieces are this long in time, so that a slow stream is no series of bursts and a fast one is not cut to shreds.
const TURN: Duration = Duration::from_millis(100);
/// No smaller pieces, however slow it is.
const LEAST: usize = 4 * 1024;

/// A token bucket that holds what passes in a tenth of a second. Streams take their turns in the order in which they ask,
/// each one piece at a time, so that they get equal shares.
#[derive(Debug)]
pub struct RateLimit {
    /// Bytes a second.
    rate: NonZeroU64,
    /// When all that was let through until now is through at that rate.
    through: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// At most so many bytes a second.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { rate: bytes_per_second, through: Mutex::default() }
    }

    /// How many bytes to ask for at a time.
    pub fn piece(&self) -> usize {
        let turn = u128::from(self.rate.get()) * TURN.as_millis() / 1000;
        usize::try_from(turn).unwrap_or(PIECE).clamp(LEAST, PIECE)
    }

    /// Waits until `bytes` more may pass.
    pub async fn pass(&self, bytes: usize) {
        let through = self.reserve(bytes);
        if through > Instant::now() {
            tokio::time::sleep_until(through).await;
        }
    }

    /// When `bytes` more are through. Timers that fire late are made up for, a pause is not.
    fn reserve(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = match *through {
            Some(through) => through.max(now.checked_sub(TURN).unwrap_or(now)),
            None => now,
        };
        let end = begin + self.time_for(bytes);
        *through = Some(end);
        end
    }

    fn time_for(&self, bytes: usize) -> Duration {
        let nanoseconds = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(self.rate.get()));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn limit(rate: u64) -> Arc<RateLimit> {
        Arc::new(RateLimit::new(NonZeroU64::new(rate).unwrap()))
    }

    /// Seconds that a stream of so many pieces takes.
    async fn stream(limit: Arc<RateLimit>, pieces: u64) -> f64 {
        let begin = Instant::now();
        for _ in 0..pieces {
            limit.pass(limit.piece()).await;
        }
        begin.elapsed().as_secs_f64()
    }

    #[test]
    fn a_piece_is_a_tenth_of_a_second_within_bounds() {
        for (rate, piece) in [(1, LEAST), (64 * 1024, 6553), (1_000_000, 100_000), (u64::MAX, PIECE)] {
            assert_eq!(limit(rate).piece(), piece, "{rate}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_from_slow_to_fast() {
        for rate in [1_000, 64 * 1024, 20_000_000, 1_000_000_000, 20_000_000_000] {
            let limit = limit(rate);
            let pieces = (rate / limit.piece() as u64).max(3);
            let wanted = (pieces * limit.piece() as u64) as f64 / rate as f64;
            let took = stream(limit, pieces).await;
            assert!((wanted - took).abs() < wanted * 0.01 + 0.002, "{rate}: {took} s instead of {wanted}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn streams_share_it_in_equal_parts() {
        let limit = limit(1_000_000);
        let streams = (0..5).map(|_| tokio::spawn(stream(limit.clone(), 10)));
        let took: Vec<f64> = futures::future::join_all(streams).await.into_iter().map(Result::unwrap).collect();
        // 5 MB in all; whoever comes first ends at most one round before the last.
        assert!(took.iter().all(|&seconds| (4.55..5.05).contains(&seconds)), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_saves_up_a_tenth_of_a_second_and_no_more() {
        let limit = limit(1_000_000);
        limit.pass(100_000).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let took = stream(limit, 10).await;
        assert!((0.89..0.92).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_while_waiting_holds_up_nobody() {
        let limit = limit(1_000);
        let impatient = tokio::time::timeout(Duration::from_millis(1), limit.pass(1_000)).await;
        assert!(impatient.is_err());
        let begin = Instant::now();
        limit.pass(1_000).await;
        assert!(begin.elapsed() < Duration::from_millis(2_010), "{:?}", begin.elapsed());
    }
}
