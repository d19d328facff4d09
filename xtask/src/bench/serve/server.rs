//! A server that is measured.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::measure::Tool;
use crate::http::Connection;
use crate::process::Process;
use crate::registry;

/// A server with its data in a directory.
pub(super) struct Server {
    /// Host and port.
    pub(super) address: String,
    pub(super) process: Process,
}

impl Server {
    pub(super) fn start(tool: &Tool, data: &Path) -> Result<Self> {
        if tool.name != "imgctl" {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            return Ok(Self { address: format!("127.0.0.1:{port}"), process: registry::spawn(data, port, None)? });
        }
        let said = data.with_extension("out");
        let mut command = Command::new(&tool.program);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", data).env("XDG_DATA_HOME", data);
        command.stdin(Stdio::null()).stdout(File::create(&said)?).stderr(File::create(data.with_extension("log"))?);
        let mut process = Process::start(&mut command)?;
        let address = || {
            let url = std::fs::read_to_string(&said).ok()?;
            Some(url.strip_suffix('\n')?.strip_prefix("http://")?.to_owned())
        };
        let address = process.wait_for(address).with_context(|| format!("imgctl serve: see {}", data.display()))?;
        Ok(Self { address, process })
    }

    pub(super) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.address)
    }
}
