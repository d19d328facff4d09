//! Passage: how the bytes of a connection get from one end to the other, and where they are stopped.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::framing::{Body, Head};
use super::{State, Weather};
use crate::support::reply::{Cut, FOREVER};

const PIECE: usize = 16 * 1024;
/// Time for what was passed on to be read before the connection is reset, which drops what is still on its way.
const SETTLE: Duration = Duration::from_millis(10);

/// One end of what passes through: its connection, and what was read from it and not yet used.
struct End {
    stream: TcpStream,
    read: Vec<u8>,
}

impl End {
    /// The next head; none where the connection ends before one.
    async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(head) = Head::parse(&self.read) {
                self.read.drain(..head.raw.len());
                return Ok(Some(head));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads a body to its end, so that an answer is not lost to the reset that unread bytes cause.
    async fn discard(&mut self, mut body: Body) -> io::Result<()> {
        while !body.is_done() {
            if self.read.is_empty() && self.fill().await? == 0 {
                break;
            }
            let taken = body.take(&self.read);
            self.read.drain(..taken);
        }
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; PIECE];
        let length = self.stream.read(&mut buffer).await?;
        self.read.extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}

/// Where a body is cut; without a way it stalls there.
type Limit = Option<(u64, Option<Cut>)>;

impl State {
    /// Serves one connection to its end.
    pub(super) async fn serve(&self, client: TcpStream) -> io::Result<()> {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let upstream = TcpStream::connect(self.upstream).await?;
        upstream.set_nodelay(true)?;
        let [mut client, mut server] = [client, upstream].map(|stream| End { stream, read: Vec::new() });
        while let Some(head) = client.head().await? {
            self.heads.lock().unwrap().push(head.clone());
            let _one = self.at_once.one();
            let weather = self.rules.iter().find(|rule| rule.strikes(&head)).map(|rule| &rule.weather);
            self.struck.fetch_add(usize::from(weather.is_some()), Ordering::SeqCst);
            self.exchange(&mut client, &mut server, &head, weather).await?;
        }
        Ok(())
    }

    async fn exchange(
        &self,
        client: &mut End,
        server: &mut End,
        head: &Head,
        weather: Option<&Weather>,
    ) -> io::Result<()> {
        let mut limit = None;
        match weather {
            Some(Weather::Answer(answer)) => {
                client.discard(head.request_body()).await?;
                let answer = format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
                client.stream.write_all(answer.as_bytes()).await?;
                return Err(on_purpose());
            }
            Some(Weather::Delay(time)) => tokio::time::sleep(*time).await,
            Some(Weather::CutRequest(after, how)) => limit = Some((*after, Some(*how))),
            _ => {}
        }
        server.stream.write_all(&head.raw).await?;
        let mut body = head.request_body();
        self.pass_request(client, server, &mut body, limit).await?;
        self.respond(client, server, head.word(0), weather).await?;
        if body.is_done() {
            return Ok(());
        }
        // The answer came early: what is still sent of the body is no next request.
        client.stream.shutdown().await?;
        client.discard(body).await?;
        Err(on_purpose())
    }

    async fn respond(
        &self,
        client: &mut End,
        server: &mut End,
        method: &str,
        weather: Option<&Weather>,
    ) -> io::Result<()> {
        loop {
            let Some(mut head) = server.head().await? else { return Err(on_purpose()) };
            let mut limit = None;
            match weather {
                Some(Weather::DropResponse) => return Err(on_purpose()),
                Some(Weather::RewriteStatus(status)) => {
                    let rest = &head.raw[head.first_line.len()..];
                    head.raw = [format!("HTTP/1.1 {status} On Purpose").as_bytes(), rest].concat();
                }
                Some(Weather::CutResponse(after, how)) => limit = Some((*after, Some(*how))),
                Some(Weather::Stall(after)) => limit = Some((*after, None)),
                _ => {}
            }
            client.stream.write_all(&head.raw).await?;
            self.pass_response(server, client, head.response_body(method), limit).await?;
            if !head.word(1).starts_with('1') {
                return Ok(());
            }
        }
    }

    async fn pass_response(&self, server: &mut End, client: &mut End, mut body: Body, limit: Limit) -> io::Result<()> {
        let mut passing = Passing { limit, passed: 0, count: &self.sent };
        while !body.is_done() {
            if server.read.is_empty() && server.fill().await? == 0 {
                client.stream.shutdown().await?;
                return Err(on_purpose());
            }
            self.pass(server, client, &mut body, &mut passing).await?;
        }
        Ok(())
    }

    /// Ends early where the server answers before it read the whole body.
    async fn pass_request(&self, client: &mut End, server: &mut End, body: &mut Body, limit: Limit) -> io::Result<()> {
        let mut passing = Passing { limit, passed: 0, count: &self.received };
        while !body.is_done() {
            if client.read.is_empty() {
                tokio::select! {
                    length = client.fill() => if length? == 0 { return Err(on_purpose()) },
                    length = server.fill() => {
                        if length? == 0 { return Err(on_purpose()) }
                        let Some(head) = Head::parse(&server.read) else { continue };
                        if !head.word(1).starts_with('1') { return Ok(()) }
                        client.stream.write_all(&head.raw).await?;
                        server.read.drain(..head.raw.len());
                        continue;
                    }
                }
            }
            self.pass(client, server, body, &mut passing).await?;
        }
        Ok(())
    }

    /// Passes on what was read of the body, up to the limit.
    async fn pass(&self, from: &mut End, to: &mut End, body: &mut Body, passing: &mut Passing<'_>) -> io::Result<()> {
        let taken = body.take(&from.read);
        let bytes: Vec<u8> = from.read.drain(..taken).collect();
        let room = passing.limit.map_or(u64::MAX, |(after, _)| after - passing.passed);
        let allowed = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let rate = self.rate.load(Ordering::SeqCst);
        let piece = if rate == 0 { PIECE } else { usize::try_from(rate / 20 + 1).unwrap_or(PIECE) };
        for piece in bytes[..allowed].chunks(piece) {
            passing.count.fetch_add(piece.len() as u64, Ordering::SeqCst);
            to.stream.write_all(piece).await?;
            if rate > 0 {
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
            }
        }
        passing.passed += allowed as u64;
        match passing.limit {
            Some((after, how)) if passing.passed == after => Err(cut([from, to], how).await),
            _ => Ok(()),
        }
    }
}

/// How far a body has come.
struct Passing<'a> {
    limit: Limit,
    passed: u64,
    count: &'a AtomicU64,
}

/// Cuts both ends, or holds them for good.
async fn cut(ends: [&mut End; 2], how: Option<Cut>) -> io::Error {
    tokio::time::sleep(if how.is_some() { SETTLE } else { FOREVER }).await;
    for end in ends {
        if how == Some(Cut::Reset) {
            let _ = end.stream.set_zero_linger();
        }
    }
    on_purpose()
}

fn on_purpose() -> io::Error {
    io::Error::other("ended on purpose")
}
