//! Daemon: a server of the system, started for one test and killed with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::run::cannot_start;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(2);

/// A running server.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` with its output in `log`, and waits until `ready` finds there what it looks for.
    pub fn start<T>(mut command: Command, log: &Path, ready: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let output = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().unwrap_or_else(|error| panic!("{}", cannot_start(&name, &error)));
        let mut daemon = Self { child, log: log.to_owned() };
        let started = Instant::now();
        loop {
            if let Some(found) = ready(&daemon.log()) {
                return (daemon, found);
            }
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "`{name}` ended: {ended:?}\n{}", daemon.log());
            assert!(started.elapsed() < START, "`{name}` does not start:\n{}", daemon.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked, not killed: nginx takes its worker with it only when it is asked.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the file `log` holds `text`; returns all of it.
pub fn await_text(log: &Path, text: &str) -> String {
    let started = Instant::now();
    loop {
        let content = fs::read_to_string(log).unwrap_or_default();
        if content.contains(text) {
            return content;
        }
        assert!(started.elapsed() < START, "{text:?} never appears in {}:\n{content}", log.display());
        thread::sleep(Duration::from_millis(2));
    }
}
