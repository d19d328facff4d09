//! A small blocking HTTP client, so that tests can ask and fill servers without the program under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use url::Url;

use super::certificates::Certificate;

/// A request, built up and then sent.
pub struct Request {
    method: String,
    url: Url,
    target: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ca: Option<String>,
    identity: Option<Certificate>,
}

/// The answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as far as it came.
    pub body: Vec<u8>,
    /// Whether the connection ended before the body did.
    pub cut: bool,
}

/// A request without headers and body.
pub fn request(method: &str, url: &str) -> Request {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let (headers, body) = (Vec::new(), Vec::new());
    Request { method: method.to_owned(), url, target: None, headers, body, ca: None, identity: None }
}

/// Sends a plain GET.
pub fn get(url: &str) -> Response {
    request("GET", url).send()
}

/// The `Authorization` for user and password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for this path and query exactly; in a URL, dots and slashes would be tidied up.
    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Adds an `Authorization`, where there is one.
    pub fn authorization(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.header("Authorization", value),
            None => self,
        }
    }

    /// Sends a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Trusts the authority with this certificate, in PEM.
    pub fn trusting(mut self, ca: &str) -> Self {
        self.ca = Some(ca.to_owned());
        self
    }

    /// Shows a client certificate.
    pub fn identity(mut self, certificate: &Certificate) -> Self {
        self.identity = Some(certificate.clone());
        self
    }

    /// Sends it; panics where no answer comes.
    pub fn send(self) -> Response {
        let url = self.url.clone();
        self.try_send().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Sends it.
    pub fn try_send(self) -> std::io::Result<Response> {
        let host = self.url.host_str().expect("a host");
        let port = self.url.port_or_known_default().expect("a port");
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        if self.url.scheme() == "https" {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).expect("a server name");
            let connection = ClientConnection::new(Arc::new(self.tls()), name).map_err(std::io::Error::other)?;
            self.exchange(StreamOwned::new(connection, stream))
        } else {
            self.exchange(stream)
        }
    }

    fn exchange(&self, mut stream: impl Read + Write) -> std::io::Result<Response> {
        stream.write_all(self.head().as_bytes())?;
        // The answer counts, also where it comes before the body was read.
        let sent = stream.write_all(&self.body).and_then(|()| stream.flush());
        read_response(BufReader::new(stream), self.method == "HEAD").or_else(|error| sent.and(Err(error)))
    }

    fn head(&self) -> String {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let path = self.target.as_deref().unwrap_or(path);
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !matches!(self.method.as_str(), "GET" | "HEAD") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head + "\r\n"
    }

    fn tls(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for ca in self.ca.iter() {
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let Some(identity) = &self.identity else { return config.with_no_client_auth() };
        let chain = vec![CertificateDer::from_pem_slice(identity.pem.as_bytes()).unwrap()];
        config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap()).unwrap()
    }
}

impl Response {
    /// The value of a header; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// Reads one answer; of a HEAD it is the head alone.
pub fn read_response(mut stream: impl BufRead, no_body: bool) -> std::io::Result<Response> {
    let status_line = line(&mut stream)?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no status line: {status_line:?}")))?;
    let mut response = Response { status, headers: Vec::new(), body: Vec::new(), cut: false };
    loop {
        let header = line(&mut stream)?;
        let Some((name, value)) = header.split_once(':') else { break };
        response.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if status == 100 {
        return read_response(stream, no_body);
    }
    if no_body || status == 204 || status == 304 {
        return Ok(response);
    }
    let body = &mut response.body;
    response.cut = if response.headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        read_chunks(&mut stream, body).is_err()
    } else if let Some((_, length)) = response.headers.iter().find(|(name, _)| name == "content-length") {
        let length: u64 = length.parse().map_err(std::io::Error::other)?;
        stream.take(length).read_to_end(body).is_err() || (body.len() as u64) < length
    } else {
        stream.read_to_end(body).is_err()
    };
    Ok(response)
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let size = usize::from_str_radix(line(stream)?.trim(), 16).map_err(std::io::Error::other)?;
        let start = body.len();
        let read = stream.by_ref().take(size as u64).read_to_end(body)?;
        if read < size {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        line(stream)?;
        if body.len() == start {
            return Ok(());
        }
    }
}

fn line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
