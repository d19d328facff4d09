//! A real registry: docker-registry on a loopback port, with its data in a directory.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::{Body, Connection, Request, Response};
use crate::image::{Blob, Image, Layout, MANIFEST};
use crate::shell::clear;

/// A running docker-registry; it ends with this value.
pub(crate) struct Registry {
    directory: PathBuf,
    port: u16,
    process: Child,
}

impl Registry {
    /// Starts a registry over `directory`, on a free port that it keeps over restarts.
    pub(crate) fn start(directory: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = spawn(directory, port)?;
        Ok(Self { directory: directory.to_owned(), port, process })
    }

    /// Starts it again, with what it holds.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.process = spawn(&self.directory, self.port)?;
        Ok(())
    }

    /// Starts it again with nothing in it.
    pub(crate) fn restart_empty(&mut self) -> Result<()> {
        self.stop()?;
        clear(&self.directory)?;
        self.process = spawn(&self.directory, self.port)?;
        Ok(())
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// User and system time it took so far, from `/proc/PID/stat`.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after_name = stat.rsplit(')').next().context("no process name")?;
        // proc_pid_stat(5): utime and stime are fields 14 and 15, in ticks of a hundredth of a second on Linux.
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>());
        Ok(Duration::from_millis(10 * ticks.sum::<Result<u64, _>>()?))
    }

    /// Puts an image of a layout under `repository:tag`.
    pub(crate) fn push(&self, layout: &Layout, image: &Image, repository: &str, tags: &[String]) -> Result<()> {
        let mut connection = Connection::open(&self.address())?;
        for blob in image.blobs() {
            put_blob(&mut connection, layout, blob, repository)?;
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

    fn stop(&mut self) -> Result<()> {
        let _ = self.process.kill();
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn put_blob(connection: &mut Connection, layout: &Layout, blob: &Blob, repository: &str) -> Result<()> {
    let begun = connection.send(Request {
        method: "POST",
        path: &format!("/v2/{repository}/blobs/uploads/"),
        headers: &[],
        body: Body::Empty,
    })?;
    let location = begun.header("location").context("an upload without Location")?;
    let path = location.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let mut file = std::fs::File::open(layout.path(&blob.digest))?;
    connection.send(Request {
        method: "PUT",
        path: &format!("{}&digest={}", path.unwrap_or(location), blob.digest),
        headers: &[("Content-Type", "application/octet-stream")],
        body: Body::Stream(&mut file, blob.size),
    })?;
    Ok(())
}

fn spawn(directory: &Path, port: u16) -> Result<Child> {
    std::fs::create_dir_all(directory)?;
    // The in-memory descriptor cache is what Debian's configuration has.
    let configuration = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  cache: {{blobdescriptor: inmemory}}\n  \
         delete: {{enabled: true}}\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
        directory.display()
    );
    let file = directory.with_extension("yml");
    std::fs::write(&file, configuration)?;
    let program = crate::shell::which("docker-registry").context("docker-registry is not installed")?;
    let log = std::fs::File::create(directory.with_extension("log"))?;
    let mut process = Command::new(program)
        .arg("serve")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("cannot start docker-registry")?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if process.try_wait()?.is_some() || Instant::now() > deadline {
            bail!("docker-registry did not start: see {}", directory.with_extension("log").display());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(process)
}
