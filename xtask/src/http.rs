//! HTTP by hand on one connection: what fills the registries must not be what is measured.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

/// The header of an upload's bytes.
pub(crate) const OCTETS: (&str, &str) = ("Content-Type", "application/octet-stream");

/// What one read takes from a socket at most.
const BUFFER: usize = 256 << 10;

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// What is sent.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Body<'a>,
}

/// A body of known size.
pub(crate) enum Body<'a> {
    Empty,
    Bytes(&'a [u8]),
    /// The same bytes so many times.
    Repeated(&'a [u8], u64),
    /// The first bytes of a file.
    Stream(&'a File, u64),
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(host: &str) -> Result<Self> {
        Self::with_buffer(host, BUFFER)
    }

    /// As [`Connection::open`], with a buffer of so many bytes: who reads larger pieces than that goes around it.
    pub(crate) fn with_buffer(host: &str, capacity: usize) -> Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(capacity, stream), host: host.to_owned() })
    }

    /// Sends a request and reads the answer; errs unless the status is 2xx.
    pub(crate) fn send(&mut self, request: Request<'_>) -> Result<Response> {
        let mut body = Vec::new();
        let response = self.send_to(request, &mut |piece| body.extend_from_slice(piece))?;
        Ok(Response { body, ..response })
    }

    /// As [`Connection::send`], with the answer's body given to `take` as it comes.
    pub(crate) fn send_to(&mut self, request: Request<'_>, take: &mut dyn FnMut(&[u8])) -> Result<Response> {
        let Request { method, path, headers, body } = request;
        self.ask(method, path, headers, body.size())?;
        body.write_to(self.stream.get_mut())?;
        self.answer(method, path, take)
    }

    /// GETs `path`, and gives the answer's body to be read to its end.
    pub(crate) fn read_from(&mut self, path: &str) -> Result<std::io::Take<&mut BufReader<TcpStream>>> {
        self.ask("GET", path, &[], 0)?;
        let response = self.head()?;
        ensure!(response.status == 200, "GET {path}: {}", response.status);
        let length = response.header("content-length").and_then(|value| value.parse().ok()).context("no length")?;
        Ok((&mut self.stream).take(length))
    }

    /// PUTs `size` bytes to `path`: `write` sends them. Returns what it returns.
    pub(crate) fn write_to<T>(
        &mut self,
        path: &str,
        size: u64,
        write: impl FnOnce(&mut TcpStream) -> Result<T>,
    ) -> Result<T> {
        self.ask("PUT", path, &[OCTETS], size)?;
        let written = write(self.stream.get_mut())?;
        self.answer("PUT", path, &mut |_| {})?;
        Ok(written)
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], size: u64) -> Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        // Who gets something does not announce a body.
        if !matches!(method, "GET" | "HEAD") {
            head.push_str(&format!("Content-Length: {size}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Ok(self.stream.get_mut().write_all(head.as_bytes())?)
    }

    fn answer(&mut self, method: &str, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<Response> {
        let response = self.head()?;
        if !(200..300).contains(&response.status) {
            let mut text = Vec::new();
            if method != "HEAD" {
                self.body(&response, &mut |piece| text.extend_from_slice(piece))?;
            }
            bail!("{method} {path}: {} {}", response.status, String::from_utf8_lossy(&text));
        }
        if method != "HEAD" {
            self.body(&response, take)?;
        }
        Ok(response)
    }

    /// Uploads a blob in two requests.
    pub(crate) fn put_blob(&mut self, repository: &str, digest: &str, body: Body<'_>) -> Result<()> {
        let location = self.begin_upload(repository)?;
        self.finish_upload(&location, digest, body)
    }

    /// Opens an upload and returns its path.
    pub(crate) fn begin_upload(&mut self, repository: &str) -> Result<String> {
        let path = &format!("/v2/{repository}/blobs/uploads/");
        self.send(Request { method: "POST", path, headers: &[], body: Body::Empty })?.location()
    }

    /// Ends the upload with the last bytes of the blob.
    pub(crate) fn finish_upload(&mut self, upload: &str, digest: &str, body: Body<'_>) -> Result<()> {
        let separator = if upload.contains('?') { '&' } else { '?' };
        let path = &format!("{upload}{separator}digest={digest}");
        self.send(Request { method: "PUT", path, headers: &[OCTETS], body })?;
        Ok(())
    }

    fn head(&mut self) -> Result<Response> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no HTTP status")?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Response { status, headers, body: Vec::new() })
    }

    fn body(&mut self, response: &Response, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        if response.header("transfer-encoding") != Some("chunked") {
            let length = response.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            return self.bytes(length, take);
        }
        loop {
            let size = u64::from_str_radix(&self.line()?, 16)?;
            self.bytes(size, take)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn bytes(&mut self, mut left: u64, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        while left > 0 {
            let piece = self.stream.fill_buf()?;
            ensure!(!piece.is_empty(), "the answer ends {left} bytes early");
            let count = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            take(&piece[..count]);
            self.stream.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Response {
    /// The path of `Location`.
    pub(crate) fn location(&self) -> Result<String> {
        let location = self.header("location").context("no Location")?;
        let path = location.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        Ok(path.unwrap_or(location).to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl Body<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Repeated(bytes, times) => bytes.len() as u64 * times,
            Self::Stream(_, size) => *size,
        }
    }

    fn write_to(self, to: &mut TcpStream) -> Result<()> {
        match self {
            Self::Empty => {}
            Self::Bytes(bytes) => to.write_all(bytes)?,
            Self::Repeated(bytes, times) => (0..times).try_for_each(|_| to.write_all(bytes))?,
            Self::Stream(from, size) => {
                std::io::copy(&mut from.take(size), to)?;
            }
        }
        Ok(())
    }
}
