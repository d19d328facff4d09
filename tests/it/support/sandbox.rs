//! Sandbox: a daemon with mounts and processes of its own, so that whatever it mounts and starts ends with it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::daemon::Daemon;

/// What the daemon sees of the machine's own state: nothing.
const HIDE: &str = r#"for directory in /run /etc/docker; do
    [ ! -d "$directory" ] || mount -t tmpfs tmpfs "$directory"
done
exec "$@""#;

/// A running daemon; it is killed with all that it started, when dropped or when the test ends otherwise.
pub struct Sandbox {
    daemon: Daemon,
}

impl Sandbox {
    /// Starts `program` with its output and temporary files in `directory`, and waits until it says `ready`.
    pub fn start(
        program: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        directory: &Path,
        ready: &str,
    ) -> Self {
        assert!(geteuid().is_root(), "only root can give `{program}` mounts of its own: run the tests as root");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["sh", "-ec", HIDE, program, program]).args(args).env("TMPDIR", directory);
        let (daemon, ()) = Daemon::start(command, &directory.join("log"), |log| log.contains(ready).then_some(()));
        Self { daemon }
    }

    /// The first process inside: the kernel ends all others with it.
    fn init(&self) -> Option<Pid> {
        let outer = self.daemon.pid();
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.daemon.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            let _ = writeln!(std::io::stderr(), "--- the daemon's last words\n{last}\n---");
        }
        // Killed, not asked: what it keeps is thrown away. Whoever waits for `unshare` waits for everything inside.
        if let Some(init) = self.init() {
            let _ = kill_process(init, Signal::KILL);
        }
    }
}
