//! The two streams: results to stdout, talk to stderr. Nothing else in the program writes to either.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imgctl::transfer::Observer;
use imgctl::{Error, Result};
use indicatif::MultiProgress;
use serde::Serialize;
use serde_json::{Value, json};

use super::context::Terminal;
use super::escape;
use super::flags::{OutputFlags, ProgressMode};
use super::progress::{self, Totals, Words};

/// The streams of this process, and how the user wants to be talked to.
#[derive(Clone)]
pub(crate) struct Ui(Arc<Inner>);

struct Inner {
    is_quiet: bool,
    mode: ProgressMode,
    bars: MultiProgress,
    /// Somebody closed our stdout.
    is_closed: AtomicBool,
    /// The library writes an archive to stdout.
    is_streaming: AtomicBool,
}

impl Ui {
    /// Looks at the streams and decides how to show progress.
    pub(crate) fn new(flags: &OutputFlags, terminal: &Terminal) -> Self {
        let bars = MultiProgress::new();
        let mode = flags.progress_mode(!terminal.is_dumb && io::stderr().is_terminal() && !bars.is_hidden());
        Self::with(flags.quiet, mode, bars)
    }

    /// What speaks JSON on stderr, for a command line that makes no sense.
    pub(crate) fn json_only() -> Self {
        Self::with(true, ProgressMode::Json, MultiProgress::new())
    }

    fn with(is_quiet: bool, mode: ProgressMode, bars: MultiProgress) -> Self {
        Self(Arc::new(Inner { is_quiet, mode, bars, is_closed: false.into(), is_streaming: false.into() }))
    }

    /// Whether only the result is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.is_quiet
    }

    /// Whether stderr speaks JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.0.mode == ProgressMode::Json
    }

    /// How wide the terminal at stderr is.
    pub(crate) fn columns(&self) -> u16 {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        // What does not know its size says 0.
        size.filter(|size| size.ws_col > 0 && size.ws_row > 0).map_or(80, |size| size.ws_col)
    }

    /// Whether a person sees our stdout.
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Says that the library will write to stdout, so that stdout has no room for anything else.
    pub(crate) fn reserve_stdout(&self) {
        self.0.is_streaming.store(true, Ordering::Relaxed);
    }

    /// Whether `error` only says that nobody reads our stdout any more: `imgctl … | head -1` is no failure.
    pub(crate) fn is_closed(&self, error: &Error) -> bool {
        self.0.is_closed.load(Ordering::Relaxed) || self.0.is_streaming.load(Ordering::Relaxed) && is_broken_pipe(error)
    }

    /// Prints one result line; where stdout carries an archive, to stderr.
    pub(crate) fn line(&self, line: &str) -> Result<()> {
        if self.0.is_streaming.load(Ordering::Relaxed) {
            self.say(line);
            return Ok(());
        }
        self.write(format!("{}\n", escape::line(line)).as_bytes())
    }

    /// Prints one result line for each of `lines`.
    pub(crate) fn lines<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Result<()> {
        let text = lines.fold(String::new(), |text, line| text + &escape::line(line) + "\n");
        self.write(text.as_bytes())
    }

    /// Prints lines of a result that end in a line end.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        self.write(escape::text(text).as_bytes())
    }

    /// Prints `value` as JSON, for people with line ends and indents, else in one line.
    pub(crate) fn json(&self, value: &impl Serialize, is_pretty: bool) -> Result<()> {
        let text = if is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        let text = text.map_err(|error| Error::new(imgctl::error::Kind::Failed, "write JSON").with_source(error))?;
        self.write(format!("{}\n", escape::json(&text)).as_bytes())
    }

    /// Prints a JSON document byte for byte; only a terminal is spared what it would obey.
    pub(crate) fn exact(&self, document: &[u8]) -> Result<()> {
        match std::str::from_utf8(document) {
            Ok(text) if self.stdout_is_terminal() => {
                self.write(format!("{}\n", escape::json(text).trim_end_matches('\n')).as_bytes())
            }
            _ => self.write(document),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = self.0.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        });
        written.map_err(|error| {
            let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
            self.0.is_closed.fetch_or(is_closed, Ordering::Relaxed);
            Error::local("write to standard output", error)
        })
    }

    /// Tells something that is no result; `--quiet` drops it.
    pub(crate) fn say(&self, line: &str) {
        if self.is_json() {
            self.event(&json!({ "event": "message", "message": line }));
        } else if !self.0.is_quiet {
            self.error(&escape::line(line));
        }
    }

    /// Tells something that the user should know, though it goes on; `--quiet` drops it.
    pub(crate) fn warn(&self, line: &str) {
        if self.is_json() {
            self.event(&json!({ "event": "warning", "message": line }));
        } else if !self.0.is_quiet {
            self.error(&format!("warning: {}", escape::line(line)));
        }
    }

    /// One line of `--progress json`; nothing without it.
    pub(crate) fn event(&self, event: &Value) {
        if self.is_json() {
            self.error(&escape::json(&event.to_string()));
        }
    }

    /// Writes lines to stderr above the progress bars. A closed stderr is no error.
    pub(crate) fn error(&self, lines: &str) {
        self.0.bars.suspend(|| {
            let _ = io::stderr().lock().write_all(format!("{}\n", escape::text(lines)).as_bytes());
        });
    }

    /// What to give to a copy; `words` name what happens to a blob.
    pub(crate) fn observer(&self, words: &'static Words) -> Arc<dyn Observer> {
        progress::observer(self.clone(), self.0.mode, &self.0.bars, words)
    }

    /// Says what the copies of a command did; `requests` were sent for it.
    pub(crate) fn totals(&self, totals: &Totals, requests: u64) {
        match self.is_json() {
            true => self.event(&totals.event(requests)),
            false => self.say(&totals.line()),
        }
    }

    /// Removes the progress bars.
    pub(crate) fn clear(&self) {
        let _ = self.0.bars.clear();
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return error.kind() == imgctl::error::Kind::Local;
        }
        next = cause.source();
    }
    false
}
