//! Server: a small HTTP/1.1 server whose faults are scripted, on a loopback port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::net::Origin;

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With query.
    pub(crate) path: String,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// What the server does.
pub(crate) enum Reply {
    /// Status line and headers without the length, and body.
    Answer(&'static str, Vec<u8>),
    /// Headers made on the way.
    Headers(String, Vec<u8>),
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// The same, without reading the body first, and with a reset.
    Early(Vec<u8>),
    /// These bytes, then silence.
    Hang(Vec<u8>),
    /// The connection is reset at once.
    Reset,
}

const SMALL: usize = 64 * 1024;

type Script = dyn Fn(usize, &Seen) -> Reply + Send + Sync;

/// The server; it stops with the runtime of its test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// `script` is called with the number of the request, from 0, and the request.
    pub(crate) async fn start(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), log.clone()));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::of(&self.url("/")).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, log: Arc<Mutex<Vec<Seen>>>) {
    let mut buffer = Vec::new();
    while let Some((mut seen, length)) = read_head(&mut stream, &mut buffer).await {
        // A large body is read only when the script did not answer early.
        if length <= SMALL {
            seen.body = read_body(&mut stream, &mut buffer, length).await;
        }
        let number = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        let reply = script(number, &seen);
        if let Reply::Early(bytes) = &reply {
            stream.write_all(bytes).await.ok();
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger().ok();
            return;
        }
        if length > SMALL {
            let body = read_body(&mut stream, &mut buffer, length).await;
            log.lock().unwrap()[number].body = body;
        }
        if !answer(&mut stream, reply, seen.method == "HEAD").await {
            return;
        }
    }
}

async fn read_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Vec<u8> {
    while buffer.len() < length && stream.read_buf(buffer).await.is_ok_and(|count| count > 0) {}
    buffer.drain(..length.min(buffer.len())).collect()
}

async fn answer(stream: &mut TcpStream, reply: Reply, is_head: bool) -> bool {
    let (head, body) = match reply {
        Reply::Answer(head, body) => (head.to_owned(), body),
        Reply::Headers(head, body) => (head, body),
        Reply::Raw(bytes) | Reply::Early(bytes) => {
            stream.write_all(&bytes).await.ok();
            return false;
        }
        Reply::Hang(bytes) => {
            stream.write_all(&bytes).await.ok();
            tokio::time::sleep(Duration::from_secs(60)).await;
            return false;
        }
        Reply::Reset => {
            stream.set_zero_linger().ok();
            return false;
        }
    };
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.is_ok() && (is_head || stream.write_all(&body).await.is_ok())
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(Seen, usize)> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).ok()?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let seen = Seen { method, path, head, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    Some((seen, length))
}
