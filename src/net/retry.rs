//! Retry: what may be repeated, how often, and when. Only failures without progress count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Method, StatusCode, header};

use super::Origin;
use crate::error::Kind;
use crate::{Error, Result};

/// The first wait is at most this long; each further one may be twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// No wait of our own is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A host that refuses connections or has no name seldom changes its mind: a few quick tries.
const CONNECT_WAITS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(500)];

/// Counts failures without progress, and says how long to wait before the next try: exponential, with full jitter, capped.
#[derive(Debug, Clone)]
pub struct Backoff {
    retries: u32,
    failures: u32,
    refusals: usize,
}

impl Backoff {
    /// `retries` tries after the first.
    pub fn new(retries: u32) -> Self {
        Self { retries, failures: 0, refusals: 0 }
    }

    /// Something got through: earlier failures are forgotten.
    pub fn progress(&mut self) {
        self.failures = 0;
        self.refusals = 0;
    }

    /// Counts a failure. Returns how long to wait before the next try; `None` where there is none.
    pub fn failed(&mut self) -> Option<Duration> {
        if self.failures >= self.retries {
            return None;
        }
        let bound = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
        self.failures += 1;
        Some(bound.mul_f64(fastrand::f64()))
    }

    /// Counts a connection that did not come about.
    pub(super) fn refused(&mut self) -> Option<Duration> {
        let wait = CONNECT_WAITS.get(self.refusals).copied().filter(|_| self.failures < self.retries)?;
        self.refusals += 1;
        self.failures += 1;
        Some(wait.mul_f64(0.5 + fastrand::f64() / 2.0))
    }

    /// Counts `error` as a failure and waits, or gives it back with the number of tries where no try is left.
    pub async fn pause(&mut self, error: Error) -> Result<()> {
        match self.failed() {
            Some(wait) => {
                tracing::debug!("try again in {} ms: {error}", wait.as_millis());
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(error.with_attempts(self.failures + 1)),
        }
    }
}

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The host refused the connection or was not found.
    Refused,
    /// The connection broke while it was made: nothing was sent.
    Connect,
    /// The connection broke or stalled before an answer came.
    Answer,
    /// The far side answered that it cannot now.
    Status(StatusCode),
    /// Trying again would change nothing.
    Final,
}

/// What is known of a request when it failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat<'a> {
    pub(super) method: &'a Method,
    /// No byte of its body is lost.
    pub(super) is_replayable: bool,
    /// It carries no body.
    pub(super) is_empty: bool,
}

impl Repeat<'_> {
    /// Whether a second try is harmless and may help. Only what cannot be done twice is treated with care: a POST that got no
    /// answer is repeated when it is empty (it starts something that may be forgotten), a PATCH only when it was not looked at.
    pub(super) fn is_harmless(self, stage: Stage) -> bool {
        let is_careless = self.method.is_idempotent();
        let is_post = self.method == Method::POST;
        self.is_replayable
            && match stage {
                Stage::Refused | Stage::Connect => true,
                Stage::Answer => is_careless || (is_post && self.is_empty),
                Stage::Status(StatusCode::TOO_MANY_REQUESTS) => true,
                Stage::Status(StatusCode::SERVICE_UNAVAILABLE) => is_careless || is_post,
                Stage::Status(status) => is_careless && is_temporary(status),
                Stage::Final => false,
            }
    }
}

/// 408, 429, 500, 502, 503, 504 and 522.
pub(super) fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 522)
}

/// What `Retry-After` asks for, where it makes sense ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number holds are more seconds than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX)).min(u64::from(u32::MAX))));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

/// [`Kind::RateLimited`]: `origin` wants `wait`, which is longer than we are willing.
pub(super) fn rate_limited(origin: &Origin, wait: Duration) -> Error {
    let at = SystemTime::now().checked_add(wait).unwrap_or(SystemTime::UNIX_EPOCH);
    let date = httpdate::fmt_http_date(at);
    Error::new(Kind::RateLimited, format!("{} wants no further requests until {date}", origin.authority()))
        .with_host(origin.authority())
        .with_retry_at(at)
}

/// Until when origins want to be left alone; all requests of a client keep to it.
#[derive(Default)]
pub(super) struct Pauses(Mutex<HashMap<Origin, Instant>>);

impl Pauses {
    /// `origin` is left alone for `wait`; a longer pause that is known stays.
    pub(super) fn extend(&self, origin: &Origin, wait: Duration) {
        let until = Instant::now() + wait;
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pauses.entry(origin.clone()).or_insert(until);
        *known = until.max(*known);
    }

    /// Waits the pause of `origin` out. Errs with [`Kind::RateLimited`] where it is longer than `max_wait`.
    pub(super) async fn wait(&self, origin: &Origin, max_wait: Duration) -> Result<()> {
        loop {
            let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(origin).copied();
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(());
            }
            if left > max_wait {
                return Err(rate_limited(origin, left));
            }
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after(&headers, now)
    }

    #[test]
    fn n17_retry_after_makes_sense_or_is_ignored() {
        assert_eq!(after("2"), Some(Duration::from_secs(2)));
        assert_eq!(after(" 0 "), Some(Duration::ZERO));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(after("Sunday, 06-Nov-94 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert!(after("99999999999999999999999").unwrap() > Duration::from_secs(1 << 30));
        for nonsense in ["", "-5", "1.5", "soon", "Sun, 06 Nov 1994 08:49:00 GMT", "2s", "+3"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }

    #[test]
    fn n03_backoff_grows_is_capped_and_ends() {
        let mut backoff = Backoff::new(20);
        let mut bound = FIRST_WAIT;
        for _ in 0..20 {
            assert!(backoff.failed().unwrap() <= bound);
            bound = (bound * 2).min(LONGEST_WAIT);
        }
        assert_eq!(backoff.failed(), None);
        backoff.progress();
        assert!(backoff.failed().unwrap() <= FIRST_WAIT);
    }

    #[test]
    fn n27_refused_connections_are_given_up_within_a_second() {
        let mut backoff = Backoff::new(10);
        let waits: Vec<Duration> = std::iter::from_fn(|| backoff.refused()).collect();
        assert_eq!(waits.len(), 2);
        assert!(waits.iter().sum::<Duration>() < Duration::from_secs(1));
        assert_eq!(Backoff::new(0).refused(), None);
    }

    #[test]
    fn n18_only_what_is_harmless_is_repeated() {
        let repeat = |method: &Method, is_replayable, is_empty, stage| {
            Repeat { method, is_replayable, is_empty }.is_harmless(stage)
        };
        let status = |code| Stage::Status(StatusCode::from_u16(code).unwrap());
        for code in [408, 429, 500, 502, 503, 504, 522] {
            for method in [&Method::GET, &Method::HEAD, &Method::PUT, &Method::DELETE] {
                assert!(repeat(method, true, true, status(code)), "{method} {code}");
                assert!(!repeat(method, false, false, status(code)), "{method} {code}");
            }
            assert_eq!(repeat(&Method::POST, true, true, status(code)), matches!(code, 429 | 503));
            assert_eq!(repeat(&Method::PATCH, true, false, status(code)), code == 429);
        }
        for code in [200, 400, 401, 403, 404, 410, 416, 451, 501] {
            assert!(!repeat(&Method::GET, true, true, status(code)), "n19 {code}");
        }
        assert!(
            repeat(&Method::POST, true, false, Stage::Connect) && repeat(&Method::PATCH, true, false, Stage::Refused)
        );
        assert!(repeat(&Method::POST, true, true, Stage::Answer) && !repeat(&Method::POST, true, false, Stage::Answer));
        assert!(!repeat(&Method::GET, true, true, Stage::Final));
    }

    #[test]
    fn n18_the_table_is_what_is_done() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/RETRY.md")).unwrap();
        let rows = page.lines().filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let code: u16 = cells.next()?.parse().ok()?;
            Some((code, cells.map(|cell| cell == "again").take(3).collect::<Vec<bool>>()))
        });
        let rows: HashMap<u16, Vec<bool>> = rows.collect();
        assert_eq!(rows.len(), 7);
        for code in 100..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let done = |method: &Method| {
                let repeat = Repeat { method, is_replayable: true, is_empty: true };
                is_temporary(status) && repeat.is_harmless(Stage::Status(status))
            };
            let told = rows.get(&code).cloned().unwrap_or(vec![false; 3]);
            assert_eq!([&Method::GET, &Method::POST, &Method::PATCH].map(done)[..], told, "{code}");
            for method in [&Method::HEAD, &Method::PUT, &Method::DELETE] {
                assert_eq!(done(method), told[0], "{method} {code}");
            }
        }
    }

    #[tokio::test]
    async fn n15_a_pause_holds_for_everybody() {
        let origin = Origin::of(&"https://reg.example".parse().unwrap()).unwrap();
        let pauses = Pauses::default();
        pauses.extend(&origin, Duration::from_secs(3600));
        pauses.extend(&origin, Duration::from_secs(1));
        let error = pauses.wait(&origin, Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RateLimited);
        assert!(error.retry_at().unwrap() > SystemTime::now() + Duration::from_secs(3000));
    }
}
