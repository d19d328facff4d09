//! Fault proxy: bad weather in front of any HTTP/1.1 port. It passes bytes on as they come and does to the exchanges that
//! a rule picks what the rule says.

mod framing;
mod passage;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::listener::Listener;
use super::reply::Cut;
use framing::Head;

/// What is done to an exchange.
#[derive(Debug, Clone)]
pub enum Weather {
    /// The connection is cut after this many bytes of the response's body.
    CutResponse(u64, Cut),
    /// The connection is cut after this many bytes of the request's body.
    CutRequest(u64, Cut),
    /// The request is passed on whole; the response is read and thrown away, and the connection ends.
    DropResponse,
    /// The request is not passed on; this is the answer: `401 Unauthorized\r\nWWW-Authenticate: …\r\n`.
    Answer(String),
    /// The request is passed on; this status stands in the place of the response's.
    RewriteStatus(u16),
    /// The request is passed on after a while.
    Delay(Duration),
    /// Nothing comes after this many bytes of the response's body.
    Stall(u64),
}

/// Which exchanges are struck, and by what.
pub struct Rule {
    method: &'static str,
    path: String,
    after: usize,
    times: usize,
    ranged: bool,
    weather: Weather,
    seen: AtomicUsize,
}

impl Rule {
    /// Strikes every request with this method (empty: any) whose path contains `path`.
    pub fn on(method: &'static str, path: &str, weather: Weather) -> Self {
        let path = path.to_owned();
        Self { method, path, after: 0, times: usize::MAX, ranged: false, weather, seen: AtomicUsize::new(0) }
    }

    /// Strikes only so often.
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Lets this many pass first.
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }

    /// Strikes only requests for a part.
    pub fn ranged(self) -> Self {
        Self { ranged: true, ..self }
    }

    fn strikes(&self, head: &Head) -> bool {
        let matches = (self.method.is_empty() || self.method == head.word(0))
            && head.word(1).contains(&self.path)
            && (!self.ranged || head.header("range").is_some());
        let seen = || self.seen.fetch_add(1, Ordering::SeqCst);
        matches && (self.after..self.after.saturating_add(self.times)).contains(&seen())
    }
}

/// A running proxy.
pub struct FaultProxy {
    listener: Listener,
    state: Arc<State>,
}

struct State {
    upstream: SocketAddr,
    rules: Vec<Rule>,
    /// Bytes a second in each direction; 0 is no limit.
    rate: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicUsize,
    at_once: AtMost,
    struck: AtomicUsize,
    heads: Mutex<Vec<Head>>,
}

/// How many there are, and how many there ever were.
#[derive(Default)]
struct AtMost {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// One of them; over when it is dropped.
struct One<'a>(&'a AtMost);

impl AtMost {
    fn one(&self) -> One<'_> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        One(self)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FaultProxy {
    /// Passes everything to `upstream` (`127.0.0.1:5000`), except what the rules pick; the first that matches counts.
    pub fn start(upstream: &str, rules: Vec<Rule>) -> Self {
        let state = Arc::new(State {
            upstream: upstream.parse().unwrap_or_else(|error| panic!("{upstream}: {error}")),
            rules,
            rate: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            at_once: AtMost::default(),
            struck: AtomicUsize::new(0),
            heads: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        let listener = Listener::start("127.0.0.1:0", move |client| {
            let state = Arc::clone(&serving);
            // A connection that ends badly ended as the test wanted it.
            async move { drop(state.serve(client).await) }
        });
        Self { listener, state }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// `127.0.0.1:PORT/NAME`, as it is written on a command line.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host())
    }

    /// Passes at most so many bytes a second on each connection; 0 is no limit.
    pub fn limit_rate(&self, bytes: u64) {
        self.state.rate.store(bytes, Ordering::SeqCst);
    }

    /// Bytes of body passed to clients.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }

    /// Bytes of body passed from clients.
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::SeqCst)
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How often a rule struck.
    pub fn struck(&self) -> usize {
        self.state.struck.load(Ordering::SeqCst)
    }

    /// The first line of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().iter().map(|head| head.first_line.clone()).collect()
    }

    /// What parts were asked for of what has `path`, `bytes=…`; nothing for all of it.
    pub fn ranges(&self, path: &str) -> Vec<Option<String>> {
        let heads = self.state.heads.lock().unwrap();
        let of_path = heads.iter().filter(|head| head.word(0) == "GET" && head.word(1).contains(path));
        of_path.map(|head| head.header("range")).collect()
    }

    /// How many exchanges there were at the same time, at most.
    pub fn at_once(&self) -> usize {
        self.state.at_once.most.load(Ordering::SeqCst)
    }
}
