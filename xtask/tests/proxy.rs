//! Lines are as long and as narrow as they say, and change nothing.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A line to a server that answers each connection with what it sent.
struct Line {
    process: Child,
    answers: BufReader<ChildStdout>,
    address: String,
}

impl Line {
    fn start(arguments: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let _ = std::io::copy(&mut &stream, &mut &stream);
                    let _ = stream.shutdown(Shutdown::Write);
                });
            }
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["proxy", &server]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = Self { process, answers, address: String::new() };
        line.address = line.answer();
        line
    }

    fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Sends bytes and returns what comes back, until the other side closes.
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        let stream = TcpStream::connect(&self.address).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (&stream).write_all(bytes).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
            let mut back = Vec::new();
            (&stream).read_to_end(&mut back).unwrap();
            back
        })
    }

    fn counted(&mut self) -> String {
        writeln!(self.process.stdin.as_mut().unwrap()).unwrap();
        self.answer()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * at / 251) as u8).collect()
}

#[test]
fn a_line_that_only_counts_passes_every_byte() {
    let mut line = Line::start(&[]);
    let bytes = some_bytes(3 << 20);
    assert!(line.echo(&bytes) == bytes);
    assert_eq!(line.counted(), format!("{0} {0}", bytes.len()));
}

#[test]
fn an_answer_takes_a_round_trip_after_that_of_the_handshake() {
    let line = Line::start(&["--round-trip", "40"]);
    let start = Instant::now();
    assert_eq!(line.echo(b"hello"), b"hello");
    assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
}

#[test]
fn a_far_line_starts_slowly_and_loses_nothing() {
    let line = Line::start(&["--round-trip", "20"]);
    let bytes = some_bytes(200_000);
    let start = Instant::now();
    assert!(line.echo(&bytes) == bytes);
    // The handshake, four windows of 14,600, 29,200, 58,400 and 97,800 bytes, and the way there and back.
    assert!(start.elapsed() >= Duration::from_millis(20 + 3 * 20 + 20), "{:?}", start.elapsed());
}

#[test]
fn connections_share_a_narrow_line() {
    let line = Line::start(&["--megabits", "40"]);
    let bytes = some_bytes(250_000);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(line.echo(&bytes) == bytes));
        }
    });
    // A megabyte at five a second.
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}
