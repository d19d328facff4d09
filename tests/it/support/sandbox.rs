//! Sandbox: a daemon with mounts and processes of its own, so that whatever it mounts and starts ends with it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

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
    /// Starts `program` with its output in `log`, and waits until it says `ready` there.
    pub fn start(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>, log: &Path, ready: &str) -> Self {
        assert!(geteuid().is_root(), "only root can give `{program}` mounts of its own: run the tests as root");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["sh", "-ec", HIDE, program, program]).args(args);
        let (daemon, ()) = Daemon::start(command, log, |log| log.contains(ready).then_some(()));
        Self { daemon }
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        self.daemon.log()
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
        // Killed, not asked: what it keeps is thrown away. Whoever waits for `unshare` waits for everything inside.
        if let Some(init) = self.init() {
            let _ = kill_process(init, Signal::KILL);
        }
    }
}
