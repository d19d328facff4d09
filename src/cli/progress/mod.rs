//! Progress of a copy: bars on a terminal, else a line for each change of state, or JSON events. Always on stderr.

mod bars;
mod events;
mod lines;

use std::sync::Arc;

use imgctl::oci::{Descriptor, Role};
use imgctl::transfer::{Observer, Report};
use indicatif::MultiProgress;
use serde_json::json;

use super::flags::ProgressMode;
use super::ui::Ui;
use super::units;

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

/// Says what a copy did.
pub(crate) fn summary(ui: &Ui, report: &Report) {
    if ui.is_json() {
        return ui.event(&json!({
            "event": "done",
            "bytes_transferred": report.bytes_transferred,
            "bytes_mounted": report.bytes_mounted,
            "bytes_present": report.bytes_present,
            "blobs_transferred": report.blobs_transferred,
            "blobs_mounted": report.blobs_mounted,
            "blobs_present": report.blobs_present,
            "seconds": report.elapsed.as_secs_f64(),
        }));
    }
    let mut text = part(report.blobs_transferred, report.bytes_transferred, "moved");
    for (blobs, bytes, what) in [
        (report.blobs_mounted, report.bytes_mounted, "mounted"),
        (report.blobs_present, report.bytes_present, "already there"),
    ] {
        if blobs > 0 {
            text.push_str(&format!(", {}", part(blobs, bytes, what)));
        }
    }
    ui.say(&format!("{text} in {}", units::elapsed(report.elapsed)));
}

fn part(blobs: u64, bytes: u64, what: &str) -> String {
    let s = if blobs == 1 { "" } else { "s" };
    format!("{blobs} blob{s} ({}) {what}", units::size(bytes, 4))
}
