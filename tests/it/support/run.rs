//! Run: a program started under a bound, and what came of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::outcome::Outcome;

/// Longest that a program may take unless the test says otherwise.
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(3);

/// A program about to be run.
pub struct Run {
    command: Command,
    line: String,
    stdin: Vec<u8>,
    limit: Duration,
    /// Whether the output must hold what every command of ours promises.
    ours: bool,
    canaries: Vec<String>,
}

impl Run {
    /// A program that is not ours.
    pub fn tool(program: &str) -> Self {
        let line = program.rsplit('/').next().unwrap_or_default().to_owned();
        let (stdin, canaries) = (Vec::new(), Vec::new());
        Self { command: Command::new(program), line, stdin, limit: LIMIT, ours: false, canaries }
    }

    /// Our own program: besides what the test asserts, its output must show no panic, no raw control character and none
    /// of the `canaries`.
    pub fn ours(program: &str, canaries: Vec<String>) -> Self {
        Self { ours: true, canaries, ..Self::tool(program) }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        for arg in args {
            self.line = format!("{} {}", self.line, arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    /// Starts from no environment at all but this.
    pub fn only_env(mut self, variables: impl IntoIterator<Item = (&'static str, OsString)>) -> Self {
        self.command.env_clear().envs(variables);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in `directory`.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Feeds `bytes` to standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Allows more or less time than a minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it, for tests that go on meanwhile.
    pub fn spawn(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{}", cannot_start(&self.line, &error)));
        let mut stdin = child.stdin.take().unwrap();
        let input = std::mem::take(&mut self.stdin);
        // A program that does not read its input closes the pipe; that is its right.
        thread::spawn(move || drop(stdin.write_all(&input)));
        Running {
            stdout: Collected::of(child.stdout.take().unwrap()),
            stderr: Collected::of(child.stderr.take().unwrap()),
            started: Instant::now(),
            rss: 0,
            child,
            run: self,
        }
    }
}

/// What a missing tool is told by.
pub fn cannot_start(program: &str, error: &std::io::Error) -> String {
    let hint = if error.kind() == ErrorKind::NotFound { "; the tests need it installed" } else { "" };
    format!("cannot start `{program}`: {error}{hint}")
}

/// A program that runs; it is killed when dropped.
pub struct Running {
    child: Child,
    stdout: Collected,
    stderr: Collected,
    started: Instant,
    rss: u64,
    run: Run,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process to signal");
    }

    /// Sends a signal, unless it ended meanwhile.
    pub fn try_signal(&self, signal: Signal) {
        // It is not waited for yet, so its number is nobody else's.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard error shows `text`.
    pub fn wait_for_stderr(&mut self, text: &str) {
        self.wait_until(&format!("{text:?} on stderr"), |running| running.stderr().contains(text));
    }

    /// Waits until it catches `signal`, which before that would just end it.
    pub fn wait_until_it_catches(&mut self, signal: Signal) {
        let bit = 1_u64 << (signal.as_raw() - 1);
        let path = format!("/proc/{}/status", self.pid());
        self.wait_until("a handler of the signal", |_| {
            let status = fs::read_to_string(&path).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).map(str::trim);
            caught.is_some_and(|mask| u64::from_str_radix(mask, 16).is_ok_and(|mask| mask & bit != 0))
        });
    }

    /// Whether it ended.
    pub fn has_ended(&mut self) -> bool {
        self.poll().is_some()
    }

    /// Waits until `done`; panics where the program ends first or the time is up.
    pub fn wait_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            assert!(self.poll().is_none(), "`{}` ended before {what}: {}", self.run.line, self.stderr());
            assert!(
                self.started.elapsed() < self.run.limit,
                "`{}`: no {what} in time: {}",
                self.run.line,
                self.stderr()
            );
            thread::sleep(POLL);
        }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let status = loop {
            if let Some(status) = self.poll() {
                break status;
            }
            if self.started.elapsed() > self.run.limit {
                let _ = self.child.kill();
                panic!("`{}` still ran after {:?}; stderr so far:\n{}", self.run.line, self.run.limit, self.stderr());
            }
            thread::sleep(POLL);
        };
        let outcome = Outcome {
            line: self.run.line.clone(),
            code: status.code(),
            signal: status.signal(),
            seconds: self.started.elapsed().as_secs_f64(),
            max_rss_kib: self.rss,
            stdout: self.stdout.finish(),
            stderr: String::from_utf8_lossy(&self.stderr.finish()).into_owned(),
        };
        if self.run.ours {
            outcome.assert_decent(&self.run.canaries);
        }
        outcome
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        // The kernel keeps the peak (VmHWM), so polling misses only what grows in the last moment.
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        self.rss = self.rss.max(peak.unwrap_or(0));
        self.child.try_wait().expect("a child to wait for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream of the program, read by a thread so that it never blocks.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Collected {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, thread: Some(thread) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        std::mem::take(&mut self.bytes.lock().unwrap())
    }
}
