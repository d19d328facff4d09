//! Logs of the library, for `-v`, `--log-level` and `--trace`: lines on stderr that never tear progress bars.

use std::io::{self, Write};

use serde_json::json;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::flags::OutputFlags;
use super::ui::Ui;

/// Starts to log where the user asked for it.
pub(crate) fn start(flags: &OutputFlags, ui: Ui) {
    let Some(level) = flags.level() else { return };
    let mut targets = Targets::new().with_target("imgctl", level);
    if flags.trace {
        targets = targets.with_target("imgctl::net", tracing::Level::TRACE);
    }
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(move || Line(ui.clone()));
    tracing_subscriber::registry().with(lines).with(targets).init();
}

/// Takes one log line at a time.
struct Line(Ui);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim();
        if self.0.is_json() {
            self.0.event(&json!({ "event": "log", "message": line }));
        } else {
            self.0.error(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
