//! containerd: the daemon below kubelets and dockerd, with a socket and storage of its own, and `ctr` that talks to it.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::env::Env;
use super::outcome::Outcome;
use super::sandbox::Sandbox;

/// A running daemon.
pub struct Containerd {
    sandbox: Sandbox,
    directory: TempDir,
}

impl Containerd {
    /// A daemon without any image.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("containerd").tempdir().unwrap();
        let path = directory.path();
        let root = path.display();
        // What needs a network, a device or a file system of its own is left out.
        let configuration = format!(
            "version = 2\nroot = '{root}/root'\nstate = '{root}/state'\n\
             disabled_plugins = ['io.containerd.grpc.v1.cri', 'io.containerd.snapshotter.v1.devmapper']\n\
             [grpc]\naddress = '{root}/containerd.sock'\n[ttrpc]\naddress = '{root}/containerd.sock.ttrpc'\n\
             [plugins.'io.containerd.internal.v1.opt']\npath = '{root}/opt'\n"
        );
        let file = path.join("config.toml");
        fs::write(&file, configuration).unwrap();
        let args = [OsStr::new("--config"), file.as_os_str()];
        let sandbox = Sandbox::start("containerd", args, path, "containerd successfully booted");
        Self { sandbox, directory }
    }

    /// Runs `ctr` with these arguments in the home of `env`.
    pub fn ctr(&self, env: &Env, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        let socket: PathBuf = self.directory.path().join("containerd.sock");
        env.tool("ctr", [OsStr::new("--address"), socket.as_os_str()]).args(args).run()
    }
}
