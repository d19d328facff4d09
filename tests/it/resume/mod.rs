//! Transfers that break off: what the next try sends, and what the next run.

mod crash;
mod disk;
mod downloads;
mod flight;
mod journal;
mod places;
pub mod scene;
mod uploads;
