//! Attacker: a listener that should hear nothing, and writes down every byte it does hear.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::listener::Listener;

/// A listener that answers every request alike.
pub struct Attacker {
    listener: Listener,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Attacker {
    /// Answers with an empty 200.
    pub fn start() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\n", "")
    }

    /// Answers 401 with this challenge.
    pub fn challenging(challenge: &str) -> Self {
        Self::answering(&format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n"), "{}")
    }

    /// Answers with a redirect.
    pub fn redirecting(url: &str) -> Self {
        Self::answering(&format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\n"), "")
    }

    /// Answers with a token that is worth nothing.
    pub fn issuing_tokens() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", r#"{"token":"worthless"}"#)
    }

    /// Answers with this head (every line ended by `\r\n`) and body.
    pub fn answering(head: &str, body: &str) -> Self {
        Self::answering_on("127.0.0.1:0", head, body)
    }

    /// The same on another address of this machine, `127.0.0.2:0`.
    pub fn answering_on(address: &str, head: &str, body: &str) -> Self {
        let answer = format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let listener = Listener::start(address, move |stream| listen(stream, Arc::clone(&hearing), answer.clone()));
        Self { listener, heard }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// A URL here.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// What each connection said, heads and bodies.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Asserts that nobody ever connected.
    #[track_caller]
    pub fn assert_silence(&self) {
        assert_eq!(self.connections(), 0, "the attacker was contacted: {:#?}", self.heard());
    }

    /// Asserts that no request carried an `Authorization`, a cookie, a `Referer` or any of `secrets`.
    #[track_caller]
    pub fn assert_no_secret(&self, secrets: &[&str]) {
        for heard in self.heard() {
            let lower = heard.to_ascii_lowercase();
            let headers = ["\nauthorization:", "\ncookie:", "\nreferer:", "\nproxy-authorization:"];
            assert!(
                !headers.iter().any(|header| lower.contains(header)),
                "the attacker heard a secret header:\n{heard}"
            );
            assert!(!secrets.iter().any(|secret| heard.contains(secret)), "the attacker heard a secret:\n{heard}");
        }
    }
}

async fn listen(mut stream: TcpStream, heard: Arc<Mutex<Vec<Vec<u8>>>>, answer: String) {
    let index = {
        let mut heard = heard.lock().unwrap();
        heard.push(Vec::new());
        heard.len() - 1
    };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let whole = {
            let mut heard = heard.lock().unwrap();
            heard[index].extend_from_slice(&buffer[..length]);
            is_whole(&heard[index])
        };
        if whole {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }
}

/// Whether `bytes` are a request head and the body it announces; a chunked body is heard to its end after the answer.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
