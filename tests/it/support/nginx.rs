//! nginx: TLS in front of any port, writing down which secrets arrived.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::Value;
use tempfile::TempDir;

use super::certificates::{Authority, Certificate};
use super::daemon::{Daemon, await_text};
use super::http;

/// Whether a client must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// It is asked for and written down.
    Optional,
    /// Without one every request is refused.
    Required,
}

/// An nginx about to be started.
pub struct NginxBuilder {
    certificate: Certificate,
    upstream: String,
    address: String,
    client: Option<(String, ClientCertificate)>,
    lines: Vec<String>,
    recorded: Vec<String>,
}

/// A request as nginx saw it; empty text where something did not arrive.
#[derive(Debug, Clone)]
pub struct NginxRequest {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// What it was answered with.
    pub status: u16,
    /// The subject of the client's certificate.
    pub client: String,
    record: Value,
}

impl NginxRequest {
    /// The header `name`: `authorization`, `referer`, `host` or one that was asked for.
    pub fn header(&self, name: &str) -> &str {
        self.record[name.to_ascii_lowercase()].as_str().unwrap_or_else(|| panic!("{name} is not recorded"))
    }
}

/// A running nginx.
pub struct Nginx {
    daemon: Daemon,
    directory: TempDir,
    port: u16,
    probe_port: u16,
    probes: AtomicUsize,
}

impl Nginx {
    /// TLS with `certificate` in front of `upstream` (`127.0.0.1:5000`).
    pub fn in_front_of(upstream: &str, certificate: &Certificate) -> NginxBuilder {
        NginxBuilder {
            certificate: certificate.clone(),
            upstream: upstream.to_owned(),
            address: "127.0.0.1".to_owned(),
            client: None,
            lines: Vec::new(),
            recorded: ["host", "authorization", "referer"].map(str::to_owned).into(),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `localhost:PORT`, as certificates for this machine name it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// What it was asked, oldest first. Handshakes that failed are not requests; see [`Nginx::error_log`].
    pub fn requests(&self) -> Vec<NginxRequest> {
        // nginx writes a request down after it answered; it is there once a later one is.
        let mark = format!("/-/probe?{}", self.probes.fetch_add(1, Ordering::Relaxed));
        http::get(&format!("http://127.0.0.1:{}{mark}", self.probe_port)).expect(204);
        let log = await_text(&self.directory.path().join("access.log"), &format!("{mark}\""));
        log.lines().filter(|line| !line.contains("/-/probe")).map(parse).collect()
    }

    /// What it complained about.
    pub fn error_log(&self) -> String {
        self.daemon.log()
    }
}

impl NginxBuilder {
    /// Listens on another address of this machine than 127.0.0.1.
    pub fn on(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    /// Asks for client certificates signed by `authority`.
    pub fn client_certificate(mut self, authority: &Authority, rule: ClientCertificate) -> Self {
        self.client = Some((authority.pem().to_owned(), rule));
        self
    }

    /// Adds a line to the `server` block: `location /x { return 302 https://…; }`, `ssl_protocols TLSv1.2;`, …
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Writes this request header down too.
    pub fn recording(mut self, header: &str) -> Self {
        self.recorded.push(header.to_ascii_lowercase());
        self
    }

    /// Starts it.
    pub fn start(self) -> Nginx {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        self.certificate.write(path, "server");
        // nginx takes over sockets that are open already, so the kernel can choose the port and no start races another.
        let sockets = [bind(&self.address), bind("127.0.0.1")];
        let [port, probe_port] = sockets.each_ref().map(|socket| socket.local_addr().unwrap().port());
        if let Some((pem, _)) = &self.client {
            fs::write(path.join("client-ca.crt"), pem).unwrap();
        }
        let configuration = path.join("nginx.conf");
        fs::write(&configuration, self.configuration(&path.display().to_string(), port, probe_port)).unwrap();
        let inherited: String = sockets.iter().map(|socket| format!("{};", socket.as_raw_fd())).collect();
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(path).arg("-c").arg(&configuration).args(["-e", "stderr"]).env("NGINX", inherited);
        let (daemon, ()) =
            Daemon::start(command, &path.join("error.log"), |log| log.contains("start worker process ").then_some(()));
        Nginx { daemon, directory, port, probe_port, probes: AtomicUsize::new(0) }
    }

    fn configuration(&self, directory: &str, port: u16, probe_port: u16) -> String {
        let Self { upstream, address, .. } = self;
        let lines = self.lines.join("\n    ");
        let headers = self.recorded.iter().map(|name| format!(r#","{name}":"$http_{}""#, name.replace('-', "_")));
        let headers: String = headers.collect();
        let client = match &self.client {
            None => String::new(),
            Some((_, ClientCertificate::Optional)) => "ssl_verify_client optional;".to_owned(),
            Some((_, ClientCertificate::Required)) => "ssl_verify_client on;".to_owned(),
        };
        let client_ca = if client.is_empty() { "" } else { "ssl_client_certificate client-ca.crt;" };
        format!(
            r#"daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  log_format record escape=json '{{"method":"$request_method","uri":"$request_uri","status":"$status",'
    '"client":"$ssl_client_s_dn"{headers}}}';
  server {{
    listen {address}:{port} ssl;
    access_log {directory}/access.log record;
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    {client} {client_ca}
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto https;
    {lines}
    location / {{ proxy_pass http://{upstream}; }}
  }}
  server {{
    listen 127.0.0.1:{probe_port};
    access_log {directory}/access.log record;
    return 204;
  }}
}}
"#
        )
    }
}

fn bind(address: &str) -> TcpListener {
    let socket = TcpListener::bind((address, 0)).unwrap_or_else(|error| panic!("cannot bind {address}: {error}"));
    socket.set_nonblocking(true).unwrap();
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    socket
}

fn parse(line: &str) -> NginxRequest {
    let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let status = text("status").parse().unwrap();
    NginxRequest { method: text("method"), uri: text("uri"), status, client: text("client"), record }
}
