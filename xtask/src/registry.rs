//! A real registry: docker-registry on a loopback port, with its data in a directory.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::http::{Body, Connection, Request, Response};
use crate::image::{Image, Layout, MANIFEST};
use crate::process::{Process, listens};
use crate::shell::clear;

/// A running docker-registry; it ends with this value.
pub(crate) struct Registry {
    directory: PathBuf,
    port: u16,
    /// Where its certificate and key are, if it speaks TLS.
    tls: Option<PathBuf>,
    process: Option<Process>,
}

impl Registry {
    /// Starts a registry over `directory`, on a free port that it keeps over restarts.
    pub(crate) fn start(directory: &Path) -> Result<Self> {
        Self::start_with(directory, None)
    }

    /// As [`Registry::start`], speaking TLS with `server.crt` and `server.key` of a directory.
    pub(crate) fn start_with(directory: &Path, tls: Option<PathBuf>) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = spawn(directory, port, tls.as_deref())?;
        Ok(Self { directory: directory.to_owned(), port, tls, process: Some(process) })
    }

    /// Starts it again, with what it holds.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.process = None;
        self.process = Some(spawn(&self.directory, self.port, self.tls.as_deref())?);
        Ok(())
    }

    /// Starts it again with nothing in it.
    pub(crate) fn restart_empty(&mut self) -> Result<()> {
        self.process = None;
        clear(&self.directory)?;
        self.restart()
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// User and system time it took so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.process().cpu()
    }

    /// Puts an image of a layout under `repository:tag`.
    pub(crate) fn push(&self, layout: &Layout, image: &Image, repository: &str, tags: &[String]) -> Result<()> {
        let mut connection = Connection::open(&self.address())?;
        for blob in image.blobs() {
            let file = std::fs::File::open(layout.path(&blob.digest))?;
            connection.put_blob(repository, &blob.digest, Body::Stream(&file, blob.size))?;
        }
        let manifest = std::fs::read(layout.path(&image.manifest.digest))?;
        for tag in tags {
            connection.send(Request {
                method: "PUT",
                path: &format!("/v2/{repository}/manifests/{tag}"),
                headers: &[("Content-Type", MANIFEST)],
                body: Body::Bytes(&manifest),
            })?;
        }
        Ok(())
    }

    /// The manifest of `repository:tag`.
    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Result<Response> {
        Connection::open(&self.address())?.send(Request {
            method: "GET",
            path: &format!("/v2/{repository}/manifests/{tag}"),
            headers: &[("Accept", MANIFEST)],
            body: Body::Empty,
        })
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("only a restart that failed leaves none, and then the task ends")
    }
}

/// Starts docker-registry over `directory` on `port`.
pub(crate) fn spawn(directory: &Path, port: u16, tls: Option<&Path>) -> Result<Process> {
    std::fs::create_dir_all(directory)?;
    let certificate = tls.map(|tls| tls.join("server").display().to_string());
    let http = certificate.map_or(String::new(), |at| format!(", tls: {{certificate: {at}.crt, key: {at}.key}}"));
    // Two may run over the same directory, one of them with TLS.
    let extension = |kind: &str| if tls.is_some() { format!("tls.{kind}") } else { kind.to_owned() };
    // The in-memory descriptor cache is what Debian's configuration has.
    let configuration = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  cache: {{blobdescriptor: inmemory}}\n  \
         delete: {{enabled: true}}\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: '127.0.0.1:{port}'{http}}}\n",
        directory.display()
    );
    let file = directory.with_extension(extension("yml"));
    std::fs::write(&file, configuration)?;
    let program = crate::shell::which("docker-registry").context("docker-registry is not installed")?;
    let log = std::fs::File::create(directory.with_extension(extension("log")))?;
    let mut command = Command::new(program);
    command.arg("serve").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut process = Process::start(&mut command)?;
    process.wait_for(|| listens(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))).with_context(|| {
        format!("docker-registry did not start: see {}", directory.with_extension(extension("log")).display())
    })?;
    Ok(process)
}
