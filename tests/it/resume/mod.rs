//! Transfers that break off: what the next try sends, and what the next run.

mod uploads;
