//! Access log: one line on stderr for each request, and in the end what they came to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::ValueEnum;
use imgctl::server::{Exchange, Observer};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::ui::Ui;
use crate::cli::{escape, units};

/// Most characters of a path that are written.
const PATH: usize = 1000;

/// How the access log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// TIME PEER USER "METHOD PATH" STATUS BYTES DURATION
    Text,
    /// one JSON object a line
    Json,
}

/// Writes the access log.
pub(crate) struct AccessLog {
    ui: Ui,
    format: LogFormat,
    started: Instant,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl AccessLog {
    /// A log that starts now. Where stderr speaks JSON, so does the log.
    pub(crate) fn new(ui: Ui, format: LogFormat) -> Self {
        let format = if ui.is_json() { LogFormat::Json } else { format };
        let (requests, received, sent) = Default::default();
        Self { ui, format, started: Instant::now(), requests, received, sent }
    }

    /// What it all came to.
    pub(crate) fn summary(&self) -> String {
        let size = |bytes: &AtomicU64| units::size(bytes.load(Ordering::Relaxed), 3);
        let requests = match self.requests.load(Ordering::Relaxed) {
            1 => "1 request".to_owned(),
            count => format!("{count} requests"),
        };
        let (sent, received, time) = (size(&self.sent), size(&self.received), units::elapsed(self.started.elapsed()));
        format!("stopped after {time}: {requests}, {sent} sent, {received} received")
    }
}

impl Observer for AccessLog {
    fn on(&self, exchange: &Exchange) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.received.fetch_add(exchange.received, Ordering::Relaxed);
        self.sent.fetch_add(exchange.sent, Ordering::Relaxed);
        if self.ui.is_quiet() {
            return;
        }
        let line = Line::of(exchange);
        self.ui.error(&match self.format {
            LogFormat::Text => escape::line(&line.text()).into_owned(),
            LogFormat::Json => escape::json(&line.json().to_string()).into_owned(),
        });
    }
}

/// What a line says.
struct Line<'a> {
    exchange: &'a Exchange,
    time: String,
    path: String,
}

impl<'a> Line<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let time = Timestamp::try_from(exchange.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut path: String = exchange.path.chars().take(PATH).collect();
        if path.len() < exchange.path.len() {
            path.push('…');
        }
        Self { exchange, time: format!("{time:.3}"), path }
    }

    fn text(&self) -> String {
        let Exchange { peer, principal, method, status, complete, received, sent, duration, .. } = self.exchange;
        let user = principal.name().unwrap_or("-").replace(char::is_whitespace, "_");
        let request = format!("{method} {}", self.path);
        let status = status.map_or("-".to_owned(), |status| status.as_u16().to_string());
        let (bytes, time) = (received + sent, duration.as_secs_f64() * 1000.0);
        let end = if *complete { "" } else { " broken off" };
        format!("{} {peer} {user} {request:?} {status} {bytes} {time:.1}ms{end}", self.time)
    }

    fn json(&self) -> Value {
        let Exchange { peer, principal, method, status, complete, received, sent, duration, user_agent, .. } =
            self.exchange;
        json!({
            "event": "request",
            "time": self.time,
            "peer": peer.to_string(),
            "user": principal.name(),
            "method": method.as_str(),
            "path": self.path,
            "status": status.map(|status| status.as_u16()),
            "complete": complete,
            "received": received,
            "sent": sent,
            "seconds": duration.as_secs_f64(),
            "user_agent": user_agent,
        })
    }
}
