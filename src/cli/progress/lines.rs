//! Without a terminal: one line for each change of state, and now and then how far it has come.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use imgctl::oci::{Descriptor, Digest};
use imgctl::transfer::{BlobEvent, Event, Observer};

use super::Words;
use super::passage::Passage;
use crate::cli::ui::Ui;
use crate::cli::units;

/// How often it is said how far it has come.
const INTERVAL: Duration = Duration::from_secs(10);

/// Prints a line for each change of state.
pub(super) struct Lines {
    ui: Ui,
    words: &'static Words,
    moving: Mutex<Moving>,
}

#[derive(Default)]
struct Moving {
    begun: HashSet<Digest>,
    passage: Passage,
}

impl Lines {
    pub(super) fn new(ui: Ui, words: &'static Words) -> Self {
        Self { ui, words, moving: Mutex::default() }
    }

    fn blob(&self, blob: &Descriptor, event: &BlobEvent<'_>) {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        moving.passage.on(blob, event);
        let state = match event {
            BlobEvent::Recompressing(_) => moving.begun.insert(blob.digest).then(|| RECOMPRESSING.to_owned()),
            BlobEvent::Moved(_) => moving.begun.insert(blob.digest).then(|| self.words.begins.to_owned()),
            other => state(self.words, other),
        };
        if let Some(line) = moving.passage.line(Instant::now(), INTERVAL) {
            self.ui.say(&line);
        }
        if let Some(state) = state.filter(|_| self.words.tell_of(blob)) {
            self.ui.say(&state_line(blob, &state));
        }
    }
}

impl Observer for Lines {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Planned(plan) => self.moving.lock().unwrap_or_else(PoisonError::into_inner).passage.planned(plan),
            Event::Blob(blob, event) => self.blob(blob, event),
            Event::Warning(text) => self.ui.warn(text),
            _ => {}
        }
    }
}

/// What is said of a layer that is compressed anew.
pub(super) const RECOMPRESSING: &str = "Recompressing";

/// A layer's short id and what became of it.
pub(super) fn state_line(blob: &Descriptor, state: &str) -> String {
    format!("{}: {state}", blob.digest.short())
}

/// The state a blob is in after `event`, where that is news; that it moves is not.
pub(super) fn state(words: &Words, event: &BlobEvent<'_>) -> Option<String> {
    Some(match event {
        BlobEvent::Waiting => "Waiting for another process".to_owned(),
        BlobEvent::Resumed(bytes) => format!("Resuming at {}", units::size(*bytes, 4)),
        BlobEvent::Done => words.done.to_owned(),
        BlobEvent::Present => words.present.to_owned(),
        BlobEvent::Recompressed(into) => format!("Recompressed as {}", into.digest.short()),
        BlobEvent::Mounted(repository) => format!("Mounted from {}", repository.path()),
        BlobEvent::Retrying { wait, error, .. } => {
            let seconds = wait.as_secs().max(1);
            let s = if seconds == 1 { "" } else { "s" };
            format!("Retrying in {seconds} second{s} ({error})")
        }
        _ => return None,
    })
}

/// Passes on warnings alone.
pub(super) struct Warnings {
    ui: Ui,
}

impl Warnings {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui }
    }
}

impl Observer for Warnings {
    fn on(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            self.ui.warn(text);
        }
    }
}
