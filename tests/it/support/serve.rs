//! `imgctl serve`, as a process of its own.

use std::time::Duration;

use rustix::process::Signal;

use super::env::Env;
use super::outcome::Outcome;
use super::run::{Run, Running};

/// Tests may keep a server for long.
const LIMIT: Duration = Duration::from_secs(600);

/// A running server. Dropping it kills it.
pub struct Serve {
    running: Running,
    url: String,
}

impl Serve {
    /// `imgctl serve --listen 127.0.0.1:0` over the store of `env`, with more arguments.
    pub fn start(env: &Env, arguments: &[&str]) -> Self {
        Self::run(env.imgctl(["serve", "--listen", "127.0.0.1:0"]).args(arguments))
    }

    /// A prepared `imgctl serve`.
    pub fn run(run: Run) -> Self {
        let mut running = run.limit(LIMIT).spawn();
        running.wait_until("address on stdout", |running| running.stdout().contains('\n'));
        let url = running.stdout().trim().to_owned();
        Self { running, url }
    }

    /// What it printed, `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same without the scheme, `127.0.0.1:41234`.
    pub fn address(&self) -> &str {
        self.url.split_once("://").map_or(&self.url, |(_, address)| address)
    }

    /// An image on it, `127.0.0.1:41234/app:1`.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// What it said on stderr so far.
    pub fn stderr(&self) -> String {
        self.running.stderr()
    }

    /// Waits until it says `text` on stderr.
    pub fn wait_for_stderr(&mut self, text: &str) {
        self.running.wait_for_stderr(text);
    }

    /// Asks it to stop, and waits for that.
    pub fn stop(self) -> Outcome {
        self.signal(Signal::TERM);
        self.running.wait()
    }

    /// Waits for its end.
    pub fn wait(self) -> Outcome {
        self.running.wait()
    }
}
