//! Wire: an HTTP/1.1 client that keeps its connection and can send a body of unsaid length, as clients of registries do.

use std::cell::RefCell;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use url::{Position, Url};

use crate::support::http::{Response, read_response};

/// One client, with at most one connection.
pub struct Wire {
    base: Url,
    connection: RefCell<Option<BufReader<TcpStream>>>,
}

/// A request in the making.
#[must_use]
pub struct Ask<'a> {
    wire: &'a Wire,
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

/// What came back, and from where.
#[derive(Debug)]
pub struct Answer {
    url: Url,
    response: Response,
}

impl Wire {
    /// A client of the server at `base`.
    pub fn new(base: &str) -> Self {
        Self { base: Url::parse(base).unwrap(), connection: RefCell::new(None) }
    }

    /// A request for a path, or for a URL that the server named.
    pub fn ask(&self, method: &str, target: &str) -> Ask<'_> {
        let url = self.base.join(target).unwrap_or_else(|error| panic!("{target}: {error}"));
        Ask { wire: self, method: method.to_owned(), url, headers: Vec::new(), body: Vec::new(), chunked: false }
    }

    /// Clients send nothing twice that changes something: a connection that the server is about to close says so.
    fn exchange(&self, message: &[u8], head_only: bool) -> std::io::Result<Response> {
        let kept = self.connection.borrow_mut().take();
        let mut connection = kept.unwrap_or_else(|| self.connect());
        // The answer counts, also where it comes before the body was read.
        let sent = connection.get_mut().write_all(message);
        let response = read_response(&mut connection, head_only).or_else(|error| sent.and(Err(error)))?;
        if !response.header("connection").eq_ignore_ascii_case("close") && !response.cut {
            *self.connection.borrow_mut() = Some(connection);
        }
        Ok(response)
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let port = self.base.port_or_known_default().unwrap();
        let stream = TcpStream::connect((self.base.host_str().unwrap(), port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        BufReader::new(stream)
    }
}

impl Ask<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a parameter to the query, percent-encoded.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// Sends a body whose length is said.
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self.header("Content-Type", "application/octet-stream")
    }

    /// Sends a body piece by piece, its length unsaid.
    pub fn chunked(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self.chunked = true;
        self
    }

    /// Sends it.
    #[track_caller]
    pub fn send(self) -> Answer {
        let response = self.wire.exchange(&self.message(), self.method == "HEAD");
        let response = response.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.url));
        Answer { url: self.url, response }
    }

    /// Sends it; any other status fails the test.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        self.send().expect(status)
    }

    /// Sends it; anything but this error fails the test.
    #[track_caller]
    pub fn error(self, status: u16, code: &str) -> Answer {
        self.send().error(status, code)
    }

    fn message(&self) -> Vec<u8> {
        let authority = &self.url[Position::BeforeHost..Position::AfterPort];
        let target = &self.url[Position::BeforePath..Position::AfterQuery];
        let mut message = format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\n", self.method).into_bytes();
        for (name, value) in &self.headers {
            write!(message, "{name}: {value}\r\n").unwrap();
        }
        if self.chunked {
            message.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for piece in self.body.chunks(1000) {
                write!(message, "{:x}\r\n", piece.len()).unwrap();
                message.extend(piece);
                message.extend(b"\r\n");
            }
            message.extend(b"0\r\n\r\n");
            return message;
        }
        if matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            write!(message, "Content-Length: {}\r\n", self.body.len()).unwrap();
        }
        message.extend(b"\r\n");
        message.extend(&self.body);
        message
    }
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.response.body
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.response.json()
    }

    /// The value of a header; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.response.header(name)
    }

    /// Every member of a list that headers of this name make.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let found = self.response.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.flat_map(|(_, value)| value.split(',')).map(str::trim).collect()
    }

    /// Where the answer points to.
    #[track_caller]
    pub fn location(&self) -> String {
        let location = self.header("location");
        assert!(!location.is_empty(), "no Location in the answer of {}", self.url);
        self.url.join(location).unwrap_or_else(|error| panic!("{location}: {error}")).into()
    }

    /// The URL of the next page, where there is one.
    pub fn next(&self) -> Option<String> {
        let link = Some(self.header("link")).filter(|link| !link.is_empty())?;
        let (target, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(relation.replace(' ', ""), ";rel=\"next\"", "{link}");
        Some(self.url.join(target).unwrap().into())
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}: {}", self.url, self.response.text());
        self
    }

    /// Asserts the status, and an error body with this code in the form that clients read.
    #[track_caller]
    pub fn error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert!(answer.header("content-type").starts_with("application/json"), "{:?}", answer.response.headers);
        let body = answer.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{body}"));
        assert_eq!(errors.first().map(|error| &error["code"]), Some(&code.into()), "{}: {body}", answer.url);
        assert!(errors.iter().all(|error| error["message"].is_string()), "{body}");
        answer
    }
}
