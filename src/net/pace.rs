//! Pace: how slowly an answer may come. Only the time in which it is waited for counts, so that nobody is blamed for a slow
//! disk or a limit of ours.

use std::time::Duration;

use super::Settings;

/// An answer came, though more slowly than anybody wants to wait for. Found as the source of an [`Error`](crate::Error).
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{rate:.0} bytes a second came, and at least {min_rate} were wanted")]
pub struct TooSlow {
    /// Bytes a second.
    pub rate: f64,
    /// As many were wanted.
    pub min_rate: u64,
}

impl TooSlow {
    /// Whether that is why there is `error`: a try that was too slow is no progress, whatever it brought.
    pub fn is_why(error: &crate::Error) -> bool {
        std::error::Error::source(error).is_some_and(|source| source.is::<Self>())
    }
}

/// What came, and how long it was waited for, in the span that is being measured.
#[derive(Debug)]
pub(super) struct Pace {
    min_rate: u64,
    span: Duration,
    waited: Duration,
    received: u64,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Self {
        let (span, waited) = (settings.idle_timeout, Duration::ZERO);
        Self { min_rate: settings.min_rate, span, waited, received: 0 }
    }

    /// `bytes` came after `wait`. Errs where the span is over and brought too little.
    pub(super) fn check(&mut self, bytes: usize, wait: Duration) -> Result<(), TooSlow> {
        self.waited += wait;
        self.received += bytes as u64;
        if self.waited < self.span {
            return Ok(());
        }
        let rate = self.received as f64 / self.waited.as_secs_f64();
        (self.waited, self.received) = (Duration::ZERO, 0);
        match rate < self.min_rate as f64 {
            true => Err(TooSlow { rate, min_rate: self.min_rate }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(min_rate: u64) -> Pace {
        Pace::new(&Settings { min_rate, idle_timeout: Duration::from_secs(10), ..Settings::default() })
    }

    #[test]
    fn what_comes_too_slowly_over_the_whole_span_is_given_up() {
        let mut pace = pace(100);
        let seconds = (0..10).map(|_| pace.check(1, Duration::from_secs(1)));
        let last = seconds.last().unwrap();
        assert_eq!(last, Err(TooSlow { rate: 1.0, min_rate: 100 }));
    }

    #[test]
    fn a_burst_makes_up_for_a_pause_within_the_span() {
        let mut pace = pace(100);
        for _ in 0..10 {
            assert_eq!(pace.check(1, Duration::from_secs(9)), Ok(()));
            assert_eq!(pace.check(2_000, Duration::from_secs(2)), Ok(()));
        }
    }

    #[test]
    fn what_is_there_when_asked_for_is_never_slow() {
        let (mut strict, mut patient) = (pace(u64::MAX), pace(0));
        assert!((0..1_000).all(|_| strict.check(1, Duration::ZERO).is_ok()));
        assert!((0..1_000).all(|_| patient.check(0, Duration::from_secs(60)).is_ok()));
    }
}
