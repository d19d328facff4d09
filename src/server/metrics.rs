//! Metrics in Prometheus' [text format](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
//! Label values come from fixed sets, so that no client can make the answer grow.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use http::Method;

use super::Exchange;

/// The answer's media type.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the durations' buckets, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0];

/// Methods that are told apart.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// What was counted since the server started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    in_flight: AtomicUsize,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    requests: BTreeMap<[&'static str; 3], u64>,
    durations: BTreeMap<&'static str, Histogram>,
    received: u64,
    sent: u64,
}

#[derive(Debug, Default)]
struct Histogram {
    /// How many fell into each bucket; longer ones are in `count` alone.
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

/// What is true now, counted elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauges {
    /// Open connections.
    pub(super) connections: usize,
    /// Open upload sessions, where the server takes uploads.
    pub(super) uploads: Option<usize>,
}

impl Metrics {
    /// A request began.
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// The request ended; `route` is one of a few names.
    pub(super) fn end(&self, route: &'static str, exchange: &Exchange) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.requests.entry([method(&exchange.method), route, class(exchange)]).or_default() += 1;
        counted.received += exchange.received;
        counted.sent += exchange.sent;
        counted.durations.entry(route).or_default().add(exchange.duration.as_secs_f64());
    }

    /// The text.
    pub(super) fn render(&self, gauges: Gauges) -> String {
        let mut text = String::new();
        // A String takes everything.
        let _ = self.write(&mut text, gauges);
        text
    }

    fn write(&self, out: &mut String, gauges: Gauges) -> fmt::Result {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        family(out, "imgctl_build_info", "gauge", "The version that runs.")?;
        sample(out, "imgctl_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)?;
        family(out, "imgctl_requests_total", "counter", "Requests that ended, by method, route and class of status.")?;
        for ([method, route, status], count) in &counted.requests {
            let labels = [("method", *method), ("route", *route), ("status", *status)];
            sample(out, "imgctl_requests_total", &labels, count)?;
        }
        family(out, "imgctl_request_duration_seconds", "histogram", "From a request's head to its answer's end.")?;
        for (route, histogram) in &counted.durations {
            histogram.write(out, "imgctl_request_duration_seconds", route)?;
        }
        single(out, "imgctl_received_bytes_total", "counter", "Bytes of request bodies.", counted.received)?;
        single(out, "imgctl_sent_bytes_total", "counter", "Bytes of answer bodies.", counted.sent)?;
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        single(out, "imgctl_requests_in_flight", "gauge", "Requests that are being answered.", in_flight)?;
        single(out, "imgctl_connections", "gauge", "Open connections.", gauges.connections)?;
        if let Some(uploads) = gauges.uploads {
            single(out, "imgctl_uploads_open", "gauge", "Open upload sessions.", uploads)?;
        }
        Ok(())
    }
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        if let Some(at) = BUCKETS.iter().position(|&bound| seconds <= bound) {
            self.buckets[at] += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn write(&self, out: &mut String, name: &str, route: &str) -> fmt::Result {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.buckets) {
            below += count;
            sample(out, &bucket, &[("route", route), ("le", &bound.to_string())], below)?;
        }
        sample(out, &bucket, &[("route", route), ("le", "+Inf")], self.count)?;
        sample(out, &format!("{name}_sum"), &[("route", route)], self.sum)?;
        sample(out, &format!("{name}_count"), &[("route", route)], self.count)
    }
}

/// A metric without labels.
fn single(out: &mut String, name: &str, kind: &str, help: &str, value: impl Display) -> fmt::Result {
    family(out, name, kind, help)?;
    sample(out, name, &[], value)
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
    out.write_str(name)?;
    for (at, (label, text)) in labels.iter().enumerate() {
        let text = text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
        write!(out, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' })?;
    }
    writeln!(out, "{} {value}", if labels.is_empty() { "" } else { "}" })
}

fn method(method: &Method) -> &'static str {
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.iter().position(|known| known == method).map_or("other", |at| names[at])
}

fn class(exchange: &Exchange) -> &'static str {
    match exchange.status.map(|status| status.as_u16() / 100) {
        None => "none",
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(_) => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::StatusCode;

    use super::super::{Peer, Principal};
    use super::*;

    fn exchange(method: &str, status: Option<u16>, milliseconds: u64) -> Exchange {
        Exchange {
            at: SystemTime::UNIX_EPOCH,
            peer: Peer::Unix,
            principal: Principal::ANYONE,
            method: method.parse().unwrap(),
            path: "/\n\"".to_owned(),
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            complete: true,
            received: 10,
            sent: 100,
            duration: Duration::from_millis(milliseconds),
            user_agent: None,
            failure: None,
        }
    }

    #[test]
    fn renders_the_text_format() {
        let metrics = Metrics::default();
        for (route, method, status, milliseconds) in [
            ("blob", "GET", Some(200), 3),
            ("blob", "GET", Some(206), 700),
            ("blob", "GET", None, 400_000),
            ("manifest", "BREW", Some(405), 1),
        ] {
            metrics.begin();
            metrics.end(route, &exchange(method, status, milliseconds));
        }
        metrics.begin();
        let text = metrics.render(Gauges { connections: 7, uploads: Some(2) });
        for line in [
            "# TYPE imgctl_requests_total counter",
            r#"imgctl_requests_total{method="GET",route="blob",status="2xx"} 2"#,
            r#"imgctl_requests_total{method="GET",route="blob",status="none"} 1"#,
            r#"imgctl_requests_total{method="other",route="manifest",status="4xx"} 1"#,
            "# TYPE imgctl_request_duration_seconds histogram",
            r#"imgctl_request_duration_seconds_bucket{route="blob",le="0.001"} 0"#,
            r#"imgctl_request_duration_seconds_bucket{route="blob",le="0.005"} 1"#,
            r#"imgctl_request_duration_seconds_bucket{route="blob",le="1"} 2"#,
            r#"imgctl_request_duration_seconds_bucket{route="blob",le="300"} 2"#,
            r#"imgctl_request_duration_seconds_bucket{route="blob",le="+Inf"} 3"#,
            r#"imgctl_request_duration_seconds_sum{route="blob"} 400.703"#,
            r#"imgctl_request_duration_seconds_count{route="blob"} 3"#,
            "imgctl_received_bytes_total 40",
            "imgctl_sent_bytes_total 400",
            "imgctl_requests_in_flight 1",
            "imgctl_connections 7",
            "imgctl_uploads_open 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!metrics.render(Gauges::default()).contains("uploads_open"));
    }

    #[test]
    fn every_family_is_typed_once_and_before_its_samples() {
        let metrics = Metrics::default();
        metrics.begin();
        metrics.end("base", &exchange("GET", Some(200), 1));
        let mut family = String::new();
        let mut seen = Vec::new();
        for line in metrics.render(Gauges { connections: 0, uploads: Some(0) }).lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                family = typed.split(' ').next().unwrap().to_owned();
                assert!(!seen.contains(&family), "{family} twice");
                seen.push(family.clone());
            } else if !line.starts_with('#') {
                assert!(line.starts_with(&family), "{line} after {family}");
                assert!(line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok(), "{line}");
            }
        }
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn label_values_are_escaped() {
        let mut text = String::new();
        sample(&mut text, "x", &[("a", "\\ \" \n"), ("b", "")], 1).unwrap();
        assert_eq!(text, "x{a=\"\\\\ \\\" \\n\",b=\"\"} 1\n");
    }
}
