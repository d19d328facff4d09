//! dockerd: docker's daemon with a containerd, a socket and storage of its own, and the client that talks to it.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use super::env::Env;
use super::outcome::Outcome;
use super::sandbox::Sandbox;

/// A running daemon. It takes registries on loopback addresses as they are, with or without TLS.
pub struct Dockerd {
    sandbox: Sandbox,
    directory: TempDir,
}

impl Dockerd {
    /// A daemon without any image.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A daemon that asks `url` before it asks docker.io.
    pub fn with_mirror(url: &str) -> Self {
        Self::start_with(&["--registry-mirror", url])
    }

    fn start_with(more: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("dockerd").tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("daemon.json"), "{}").unwrap();
        let (configuration, data, exec, pid) = (path("daemon.json"), path("data"), path("exec"), path("pid"));
        let socket = socket(directory.path());
        let mut args = vec!["--host", &socket, "--config-file", &configuration, "--data-root", &data];
        args.extend(["--exec-root", &exec, "--pidfile", &pid]);
        args.extend(["--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"]);
        args.extend(more);
        let sandbox = Sandbox::start("dockerd", args, directory.path(), "API listen on");
        Self { sandbox, directory }
    }

    /// Runs `docker` with these arguments in the home of `env`.
    pub fn docker(&self, env: &Env, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        env.tool("docker", args).env("DOCKER_HOST", socket(self.directory.path())).run()
    }
}

fn socket(directory: &Path) -> String {
    format!("unix://{}/docker.sock", directory.display())
}
