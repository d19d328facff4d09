//! Graceful stop: what runs is finished, nothing new begins, and nothing waits for those who only hang on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::push_blob;
use crate::support::env::Env;
use crate::support::http::{get, request};
use crate::support::outcome::assert_within;
use crate::support::serve::Serve;

const SIZE: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection on which `head` was sent.
fn send(server: &Serve, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// A download of which the first bytes came.
fn download(server: &Serve) -> TcpStream {
    let blob = push_blob(server, "app", SIZE);
    let mut stream = send(server, &format!("GET /v2/app/blobs/{blob} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

fn await_refusal(server: &Serve) {
    let started = Instant::now();
    while TcpStream::connect(server.address()).is_ok() {
        assert!(started.elapsed() < PATIENCE, "new connections are still accepted");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_running_download_is_finished_and_nobody_else_comes_in() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let env = Env::new();
        let server = Serve::start(&env, &[]);
        let mut stream = download(&server);
        server.signal(signal);
        await_refusal(&server);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.len() >= SIZE, "{signal:?}: only {} bytes came", rest.len());
        server.wait().ok();
    }
}

#[test]
fn a_running_upload_is_finished() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    let mut stream = send(&server, &format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"));
    // The head was read when the server asks for more.
    let mut probe =
        send(&server, &format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    probe.read_exact(&mut [0; 12]).unwrap();
    drop(probe);
    server.signal(Signal::TERM);
    await_refusal(&server);
    stream.write_all(b"lo").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    server.wait().ok();

    let again = Serve::start(&env, &[]);
    assert_eq!(get(&format!("{}/v2/app/blobs/{digest}", again.url())).body, b"hello");
}

#[test]
fn idle_connections_hold_up_nothing() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let silent = send(&server, "");
    let mut idle = send(&server, "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read_exact(&mut [0; 12]).unwrap();
    let asked = Instant::now();
    server.stop().ok();
    assert_within(asked, 8.0);
    drop((silent, idle));
}

#[test]
fn the_grace_ends() {
    let env = Env::new();
    let server = Serve::start(&env, &["--grace", "300ms"]);
    let stream = download(&server);
    let asked = Instant::now();
    server.stop().ok();
    assert_within(asked, 20.0);
    drop(stream);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let env = Env::new();
    let server = Serve::start(&env, &["--grace", "1h", "--body-timeout", "1h"]);
    let stream = download(&server);
    server.signal(Signal::TERM);
    await_refusal(&server);
    server.signal(Signal::TERM);
    server.wait().fails(143);
    drop(stream);
}

#[test]
fn uploads_are_kept() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let begun = request("POST", &format!("{}/v2/app/blobs/uploads/", server.url())).send();
    let location = begun.headers.iter().find(|(name, _)| name == "location").unwrap().1.clone();
    let path = location.strip_prefix(server.url()).unwrap_or(&location).to_owned();
    assert_eq!(request("PATCH", &format!("{}{path}", server.url())).body("hello ").send().status, 202);
    server.stop().ok();

    let server = Serve::start(&env, &[]);
    let status = request("GET", &format!("{}{path}", server.url())).send();
    assert_eq!(status.status, 204);
    assert!(status.headers.contains(&("range".to_owned(), "0-5".to_owned())), "{:?}", status.headers);
    assert_eq!(request("PATCH", &format!("{}{path}", server.url())).body("world").send().status, 202);
    let digest = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    let separator = if path.contains('?') { '&' } else { '?' };
    let url = format!("{}{path}{separator}digest={digest}", server.url());
    assert_eq!(request("PUT", &url).send().status, 201);
}
