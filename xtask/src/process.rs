//! A server that was started: what it took so far. It ends with this value.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);

/// A running process.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self(child))
    }

    /// Waits until `ready` has an answer. Errs where the process ends before, or takes too long.
    pub(crate) fn wait_for<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if let Some(status) = self.0.try_wait()? {
                bail!("it ended: {status}");
            }
            if Instant::now() > deadline {
                bail!("it does not listen");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its stdin and stdout, once, where they are pipes.
    pub(crate) fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.0.stdin.take().zip(self.0.stdout.take())
    }

    /// User and system time it took so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.0.id().to_string())
    }

    /// The most memory it held so far, in bytes.
    pub(crate) fn peak(&self) -> Result<u64> {
        peak_of(&self.0.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether somebody listens.
pub(crate) fn listens(address: SocketAddr) -> Option<()> {
    TcpStream::connect(address).ok().map(drop)
}

/// User and system time that the process `of` (`self` is one) took so far, from `/proc/PID/stat`.
pub(crate) fn cpu_of(of: &str) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat"))?;
    let after_name = stat.rsplit(')').next().context("no process name")?;
    // proc_pid_stat(5): utime and stime are fields 14 and 15, in ticks of a hundredth of a second on Linux.
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>());
    Ok(Duration::from_millis(10 * ticks.sum::<Result<u64, _>>()?))
}

/// The most memory that the process `of` held so far, in bytes, from `/proc/PID/status`.
pub(crate) fn peak_of(of: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{of}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
