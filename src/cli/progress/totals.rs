//! Totals: what all copies of a command did together, and what they were spared.

use std::time::Duration;

use imgctl::transfer::Report;
use serde_json::{Value, json};

use crate::cli::units;

/// Sums of [`Report`]s.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    transferred: Amount,
    mounted: Amount,
    present: Amount,
    shared: Amount,
    bytes_resumed: u64,
    elapsed: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    blobs: u64,
    bytes: u64,
}

impl Amount {
    fn add(&mut self, blobs: u64, bytes: u64) {
        self.blobs += blobs;
        self.bytes += bytes;
    }

    fn words(self, what: &str) -> String {
        let s = if self.blobs == 1 { "" } else { "s" };
        format!("{} blob{s} ({}) {what}", self.blobs, units::size(self.bytes, 4))
    }
}

impl Totals {
    /// One more copy was made.
    pub(crate) fn add(&mut self, report: &Report) {
        self.transferred.add(report.blobs_transferred, report.bytes_transferred);
        self.mounted.add(report.blobs_mounted, report.bytes_mounted);
        self.present.add(report.blobs_present, report.bytes_present);
        self.shared.add(report.blobs_shared, report.bytes_shared);
        self.bytes_resumed += report.bytes_resumed;
        self.elapsed += report.elapsed;
    }

    /// The last event of `--progress json`; `requests` were sent for it.
    pub(crate) fn event(&self, requests: u64) -> Value {
        json!({
            "event": "done",
            "bytes_transferred": self.transferred.bytes,
            "bytes_resumed": self.bytes_resumed,
            "bytes_mounted": self.mounted.bytes,
            "bytes_present": self.present.bytes,
            "bytes_shared": self.shared.bytes,
            "blobs_transferred": self.transferred.blobs,
            "blobs_mounted": self.mounted.blobs,
            "blobs_present": self.present.blobs,
            "blobs_shared": self.shared.blobs,
            "requests": requests,
            "seconds": self.elapsed.as_secs_f64(),
        })
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let mut line = self.transferred.words("moved");
        if self.bytes_resumed > 0 {
            line.push_str(&format!(", {} resumed", units::size(self.bytes_resumed, 4)));
        }
        for (amount, what) in [(self.mounted, "mounted"), (self.present, "already there"), (self.shared, "shared")] {
            if amount.blobs > 0 {
                line.push_str(&format!(", {}", amount.words(what)));
            }
        }
        format!("{line} in {}", units::elapsed(self.elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_was_saved() {
        let mut totals = Totals { elapsed: Duration::from_millis(1200), ..Totals::default() };
        totals.transferred.add(1, 3_000_000);
        assert_eq!(totals.line(), "1 blob (3MB) moved in 1.2s");
        totals.mounted.add(2, 5_000);
        totals.present.add(1, 10);
        totals.shared.add(4, 8_000_000);
        totals.bytes_resumed = 1_500_000;
        let all = "1 blob (3MB) moved, 1.5MB resumed, 2 blobs (5kB) mounted, 1 blob (10B) already there, \
                   4 blobs (8MB) shared in 1.2s";
        assert_eq!(totals.line(), all);
    }
}
