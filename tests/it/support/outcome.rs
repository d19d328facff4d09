//! Outcome: what came of a run, and what a test may say about it.

use std::time::Instant;

use serde_json::Value;

/// A machine that many share may take so many times as long as what was promised: bounds tell who waits from who does not,
/// and nothing of speed.
const BUSY: f64 = 5.0;

/// Asserts that no more than `seconds` of a machine that is not busy have passed since `begin`.
#[track_caller]
pub fn assert_within(begin: Instant, seconds: f64) {
    let passed = begin.elapsed().as_secs_f64();
    assert!(passed < seconds * BUSY, "{passed:.2} s have passed where {seconds} s were promised");
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// Wall time.
    pub seconds: f64,
    /// Peak memory.
    pub max_rss_kib: u64,
}

impl Outcome {
    /// Asserts that it exited with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.fails(0)
    }

    /// Asserts that it exited with `code`.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}:\n{}", self.told());
        self
    }

    /// Asserts that standard error says `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected {text:?} on stderr:\n{}", self.told());
        self
    }

    /// Asserts that it took less than `seconds` of a machine that is not busy.
    #[track_caller]
    pub fn within(self, seconds: f64) -> Self {
        assert!(self.seconds < seconds * BUSY, "expected less than {seconds} s:\n{}", self.told());
        self
    }

    /// Standard output as text.
    #[track_caller]
    pub fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("stdout is no UTF-8:\n{}", self.told()))
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn stdout_json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("stdout: {error}:\n{}", self.told()))
    }

    /// Everything, for a person.
    pub fn told(&self) -> String {
        let Self { line, code, signal, stderr, seconds, max_rss_kib, .. } = self;
        let stdout: String = String::from_utf8_lossy(&self.stdout).chars().take(4000).collect();
        let end = code.map_or_else(|| format!("signal {signal:?}"), |code| format!("exit code {code}"));
        format!("`{line}`: {end}, {seconds:.2} s, {max_rss_kib} KiB\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }

    /// Asserts what every run of our own program promises.
    #[track_caller]
    pub fn assert_decent(&self, canaries: &[String]) {
        let stdout = String::from_utf8_lossy(&self.stdout);
        for stream in [&*stdout, &*self.stderr] {
            for text in ["panicked at", "stack backtrace"] {
                assert!(!stream.contains(text), "a panic reached the user:\n{}", self.told());
            }
            for canary in canaries {
                assert!(!stream.contains(canary), "the secret {canary} was printed:\n{}", self.told());
            }
        }
        let raw = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
        let control = self.stderr.chars().find(raw);
        assert!(control.is_none(), "raw {control:?} on stderr:\n{}", self.told());
    }
}
