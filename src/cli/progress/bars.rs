//! On a terminal: a bar for each blob that is moving, one line for all of it, and what is finished scrolls away above.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imgctl::oci::{Descriptor, Digest};
use imgctl::transfer::{BlobEvent, Event, Observer, Plan};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::Words;
use super::lines::{RECOMPRESSING, state, state_line};
use super::passage::{Passage, time_left};
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
    passage: Passage,
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
        let mut moving = self.moving();
        moving.passage.planned(plan);
        moving.total.get_or_insert_with(|| {
            let total = ProgressBar::new(0).with_style(self.styles.total.clone());
            let total = self.bars.add(total);
            total.enable_steady_tick(Duration::from_millis(250));
            total
        });
        moving.show_total();
    }

    fn blob(&self, blob: &Descriptor, event: &BlobEvent<'_>) {
        let mut moving = self.moving();
        moving.passage.on(blob, event);
        match event {
            BlobEvent::Started | BlobEvent::Waiting => {}
            BlobEvent::Moved(bytes) => self.bar(&mut moving, blob, self.words.moving).inc(*bytes),
            // The rate is that of what moves.
            BlobEvent::Resumed(bytes) => {
                let bar = self.bar(&mut moving, blob, self.words.moving);
                bar.set_position(*bytes);
                bar.reset_eta();
            }
            BlobEvent::Recompressing(bytes) => self.bar(&mut moving, blob, RECOMPRESSING).inc(*bytes),
            BlobEvent::Retrying { .. } => {
                if let Some(bar) = moving.blobs.get(&blob.digest) {
                    bar.set_position(0);
                }
            }
            _ => moving.clear(blob),
        }
        moving.show_total();
        drop(moving);
        if let Some(state) = state(self.words, event).filter(|_| self.words.tell_of(blob)) {
            self.ui.say(&state_line(blob, &state));
        }
    }

    /// The bar of a blob; above that of all blobs together.
    fn bar<'m>(&self, moving: &'m mut Moving, blob: &Descriptor, message: &'static str) -> &'m ProgressBar {
        let total = &moving.total;
        moving.blobs.entry(blob.digest).or_insert_with(|| {
            let bar = ProgressBar::new(blob.size).with_style(self.styles.blob.clone());
            let bar = bar.with_prefix(blob.digest.short()).with_message(message);
            match total {
                Some(total) => self.bars.insert_before(total, bar),
                None => self.bars.add(bar),
            }
        })
    }
}

impl Moving {
    fn clear(&mut self, blob: &Descriptor) {
        if let Some(bar) = self.blobs.remove(&blob.digest) {
            bar.finish_and_clear();
        }
    }

    fn show_total(&self) {
        if let Some(total) = &self.total {
            total.set_length(self.passage.length);
            total.set_position(self.passage.moved);
            total.set_prefix(self.passage.blobs());
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
        .with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.eta().as_secs() > 0 {
                let _ = write!(out, "{} left", time_left(state.eta()));
            }
        })
}
