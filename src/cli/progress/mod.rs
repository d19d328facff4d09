//! Progress of a copy: bars on a terminal, else a line for each change of state, or JSON events. Always on stderr.

mod bars;
mod events;
mod lines;
mod passage;
mod totals;

use std::sync::Arc;

use imgctl::oci::{Descriptor, Role};
use imgctl::transfer::Observer;
use indicatif::MultiProgress;

use super::flags::ProgressMode;
use super::ui::Ui;

pub(crate) use totals::Totals;

/// What happens to a blob, in the words of the command.
pub(crate) struct Words {
    /// Its first bytes move.
    pub(crate) begins: &'static str,
    /// Its bytes are moving.
    pub(crate) moving: &'static str,
    /// It arrived.
    pub(crate) done: &'static str,
    /// It was there.
    pub(crate) present: &'static str,
    /// Whether it is told of layers alone, as docker does.
    pub(crate) layers_only: bool,
}

impl Words {
    /// Whether `blob` is told of.
    fn tell_of(&self, blob: &Descriptor) -> bool {
        !self.layers_only || blob.media_type.role() != Role::Config
    }
}

/// docker's words for a pull.
pub(crate) const PULL: Words = Words {
    begins: "Pulling fs layer",
    moving: "Downloading",
    done: "Pull complete",
    present: "Already exists",
    layers_only: true,
};

/// docker's words for a push.
pub(crate) const PUSH: Words = Words {
    begins: "Preparing",
    moving: "Pushing",
    done: "Pushed",
    present: "Layer already exists",
    layers_only: true,
};

/// Words for everything else.
pub(crate) const COPY: Words =
    Words { begins: "Copying", moving: "Copying", done: "Copied", present: "Already exists", layers_only: false };

/// What tells the user about a copy.
pub(crate) fn observer(ui: Ui, mode: ProgressMode, bars: &MultiProgress, words: &'static Words) -> Arc<dyn Observer> {
    match mode {
        ProgressMode::Bar => Arc::new(bars::Bars::new(ui, bars.clone(), words)),
        ProgressMode::Auto | ProgressMode::Plain => Arc::new(lines::Lines::new(ui, words)),
        ProgressMode::Json => Arc::new(events::Events::new(ui)),
        ProgressMode::None => Arc::new(lines::Warnings::new(ui)),
    }
}
