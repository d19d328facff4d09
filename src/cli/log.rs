//! Logs of the library: warnings always, the rest for `-v`, `--log-level` and `--trace`. Lines never tear progress bars.

use std::fmt::{self, Write as _};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::flags::OutputFlags;
use super::ui::Ui;

/// Starts to log what the user wants to see.
pub(crate) fn start(flags: &OutputFlags, ui: Ui) {
    let mut targets = Targets::new().with_target("imgctl", flags.level());
    if flags.trace {
        targets = targets.with_target("imgctl::net", Level::TRACE);
    }
    tracing_subscriber::registry().with(Lines(ui).with_filter(targets)).init();
}

/// Writes one line for each event.
struct Lines(Ui);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        if level == Level::WARN {
            self.0.warn(&text.0);
        } else if self.0.is_json() {
            self.0.event(&json!({ "event": "log", "level": level.as_str(), "target": target, "message": text.0 }));
        } else {
            self.0.error(&format!("{level} {target}: {}", text.0));
        }
    }
}

/// The message of an event, and its fields as `name=value`.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A String takes everything.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
