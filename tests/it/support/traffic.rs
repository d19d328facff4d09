//! Traffic: what a server was asked, what it answered, and how much of it at once.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use hyper::HeaderMap;
use hyper::http::request::Parts;

/// Bytes of a body that are kept.
const BODY: usize = 64 * 1024;

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent, without the question mark.
    pub query: String,
    /// Every header.
    pub headers: HeaderMap,
    /// The port it came in on.
    pub port: u16,
    /// When its head was read.
    pub at: Instant,
    /// The status it was answered with; 0 where it was never answered.
    pub status: u16,
    /// Bytes of its body that were read.
    pub body_len: u64,
    /// The first 64 KiB of its body.
    pub body: Vec<u8>,
    /// Bytes of body that were sent in answer.
    pub sent: u64,
}

impl Request {
    /// The value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The `Range` header.
    pub fn range(&self) -> Option<&str> {
        self.header("range")
    }

    /// The repository in the path; empty where it names none.
    pub fn repository(&self) -> &str {
        let path = self.path.strip_prefix("/v2/").unwrap_or("");
        let ends = ["/manifests/", "/blobs/", "/tags/list", "/referrers/"].map(|word| path.rfind(word));
        ends.into_iter().flatten().min().map_or("", |end| &path[..end])
    }

    /// `GET /v2/ok/a/manifests/1 200`, for messages and comparisons.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.status)
    }
}

/// The requests of one server, oldest first.
#[derive(Default)]
pub struct Traffic(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    requests: Vec<Request>,
    in_flight: usize,
    in_flight_max: usize,
}

impl Traffic {
    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.0.lock().unwrap().requests.clone()
    }

    /// Most requests that were being answered at one time.
    pub fn in_flight_max(&self) -> usize {
        self.0.lock().unwrap().in_flight_max
    }

    /// Notes a request that came in on `port`.
    pub fn begin(self: &Arc<Self>, parts: &Parts, port: u16) -> Exchange {
        let mut ledger = self.0.lock().unwrap();
        ledger.in_flight += 1;
        ledger.in_flight_max = ledger.in_flight_max.max(ledger.in_flight);
        ledger.requests.push(Request {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            port,
            at: Instant::now(),
            status: 0,
            body_len: 0,
            body: Vec::new(),
            sent: 0,
        });
        Exchange { traffic: Arc::clone(self), index: ledger.requests.len() - 1 }
    }
}

/// A request that is being answered, until it is dropped.
pub struct Exchange {
    traffic: Arc<Traffic>,
    index: usize,
}

impl Exchange {
    /// Notes the status of the answer.
    pub fn answered(&self, status: u16) {
        self.note(|request| request.status = status);
    }

    /// Notes bytes of the request's body.
    pub fn received(&self, bytes: &[u8]) {
        self.note(|request| {
            request.body_len += bytes.len() as u64;
            let room = BODY.saturating_sub(request.body.len());
            request.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        });
    }

    /// The request as it is known so far.
    pub fn request(&self) -> Request {
        self.traffic.0.lock().unwrap().requests[self.index].clone()
    }

    /// Notes bytes of the answer's body.
    pub fn sent(&self, bytes: usize) {
        self.note(|request| request.sent += bytes as u64);
    }

    fn note(&self, change: impl FnOnce(&mut Request)) {
        change(&mut self.traffic.0.lock().unwrap().requests[self.index]);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.traffic.0.lock().unwrap().in_flight -= 1;
    }
}
