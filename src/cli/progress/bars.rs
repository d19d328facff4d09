//! On a terminal: a bar for each blob that is moving, one line for all of it, and what is finished scrolls away above.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imgctl::oci::{Descriptor, Digest};
use imgctl::transfer::{BlobEvent, Event, Observer, Plan, Presence};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::Words;
use super::lines::{RECOMPRESSING, state, state_line};
use crate::cli::ui::Ui;
use crate::cli::units;

/// Draws bars.
pub(super) struct Bars {
    ui: Ui,
    bars: MultiProgress,
    words: &'static Words,
    styles: Styles,
    moving: Mutex<Moving>,
}

#[derive(Default)]
struct Moving {
    blobs: HashMap<Digest, ProgressBar>,
    /// All blobs together, below the others.
    total: Option<ProgressBar>,
    blobs_done: u64,
    blobs_planned: u64,
}

impl Bars {
    pub(super) fn new(ui: Ui, bars: MultiProgress, words: &'static Words) -> Self {
        let columns = ui.columns();
        Self { ui, bars, words, styles: Styles::for_columns(columns), moving: Mutex::default() }
    }

    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn planned(&self, plan: &Plan) {
        let (blobs, bytes) = plan.blobs(|presence| presence != Presence::Present);
        let mut moving = self.moving();
        moving.blobs_planned = blobs;
        let total = ProgressBar::new(bytes).with_style(self.styles.total.clone());
        let total = self.bars.add(total);
        total.enable_steady_tick(Duration::from_millis(250));
        moving.total = Some(total);
        moving.count(0);
    }

    fn blob(&self, blob: &Descriptor, event: &BlobEvent<'_>) {
        let mut moving = self.moving();
        match event {
            BlobEvent::Started | BlobEvent::Waiting => {}
            BlobEvent::Moved(bytes) | BlobEvent::Resumed(bytes) => {
                if !moving.blobs.contains_key(&blob.digest) {
                    self.start(&mut moving, blob, self.words.moving);
                }
                moving.advance(&blob.digest, *bytes);
            }
            BlobEvent::Recompressing(bytes) => {
                if !moving.blobs.contains_key(&blob.digest) {
                    self.start(&mut moving, blob, RECOMPRESSING);
                }
                moving.advance(&blob.digest, *bytes);
            }
            BlobEvent::Recompressed(_) => moving.clear(blob),
            BlobEvent::Retrying { .. } => moving.restart(&blob.digest),
            _ => moving.end(blob, matches!(event, BlobEvent::Present | BlobEvent::Mounted(_))),
        }
        drop(moving);
        if let Some(state) = state(self.words, event).filter(|_| self.words.tell_of(blob)) {
            self.ui.say(&state_line(blob, &state));
        }
    }

    fn start(&self, moving: &mut Moving, blob: &Descriptor, message: &'static str) {
        let bar = ProgressBar::new(blob.size).with_style(self.styles.blob.clone());
        let bar = bar.with_prefix(blob.digest.short()).with_message(message);
        let bar = match &moving.total {
            Some(total) => self.bars.insert_before(total, bar),
            None => self.bars.add(bar),
        };
        moving.blobs.insert(blob.digest, bar);
    }
}

impl Moving {
    fn advance(&self, digest: &Digest, bytes: u64) {
        if let Some(bar) = self.blobs.get(digest) {
            bar.inc(bytes);
        }
        if let Some(total) = &self.total {
            total.inc(bytes);
        }
    }

    fn restart(&self, digest: &Digest) {
        let Some(bar) = self.blobs.get(digest) else { return };
        if let Some(total) = &self.total {
            total.dec(bar.position());
        }
        bar.set_position(0);
    }

    fn end(&mut self, blob: &Descriptor, is_free: bool) {
        self.clear(blob);
        if let Some(total) = self.total.as_ref().filter(|_| is_free) {
            total.dec_length(blob.size);
        }
        self.count(1);
    }

    fn clear(&mut self, blob: &Descriptor) {
        if let Some(bar) = self.blobs.remove(&blob.digest) {
            bar.finish_and_clear();
        }
    }

    fn count(&mut self, more: u64) {
        self.blobs_done += more;
        if let Some(total) = &self.total {
            total.set_prefix(format!("{}/{}", self.blobs_done, self.blobs_planned.max(self.blobs_done)));
        }
    }
}

impl Observer for Bars {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Planned(plan) => self.planned(plan),
            Event::Blob(blob, event) => self.blob(blob, event),
            Event::Warning(text) => self.ui.warn(text),
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        if let Some(total) = &self.moving().total {
            total.finish_and_clear();
        }
    }
}

/// How lines look, by the width of the terminal.
struct Styles {
    blob: ProgressStyle,
    total: ProgressStyle,
}

impl Styles {
    /// Docker draws arrows above 110 columns and numbers above 50; so do we.
    fn for_columns(columns: u16) -> Self {
        let (blob, total) = match columns {
            ..30 => ("{prefix}: {wide_msg}", "{prefix}"),
            30..50 => ("{prefix}: {wide_msg}", "{prefix} {moved}"),
            50..111 => ("{prefix}: {msg}  {moved}", "{prefix} blobs  {moved}  {rate}  {left}"),
            _ => ("{prefix}: {msg} [{bar:50}]  {moved}", "{prefix} blobs  {moved}  {rate}  {left}"),
        };
        Self { blob: style(blob), total: style(total) }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .progress_chars("=> ")
        .with_key("moved", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{}/{}", units::size(state.pos(), 4), units::size(state.len().unwrap_or(0), 4));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{}/s", units::size(state.per_sec() as u64, 3));
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| match state.eta().as_secs() {
            0 => {}
            seconds @ 1..60 => _ = write!(out, "{seconds}s left"),
            seconds => _ = write!(out, "{} left", units::elapsed(Duration::from_secs(seconds))),
        })
}
