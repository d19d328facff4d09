//! R10: clients that take their time, or all the room. Others do not notice.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::env::Env;
use crate::support::http::{get, request};
use crate::support::serve::Serve;

/// Far longer than what the servers here wait for anybody.
const PATIENCE: Duration = Duration::from_secs(30);
const DRIP: Duration = Duration::from_millis(40);

fn connect(server: &Serve) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `drip` again and again until the server closes the connection; what it answered.
fn drip(mut stream: TcpStream, drip: &[u8]) -> String {
    let mut answer = Vec::new();
    let started = Instant::now();
    stream.set_read_timeout(Some(DRIP)).unwrap();
    loop {
        assert!(started.elapsed() < PATIENCE, "the server takes a drip for ever");
        let sent = stream.write_all(drip);
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && sent.is_ok() => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until the server has closed the connection.
fn await_close(mut stream: TcpStream) {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
}

#[track_caller]
fn assert_serves(server: &Serve) {
    let started = Instant::now();
    assert_eq!(get(&format!("{}/v2/", server.url())).status, 200);
    assert!(started.elapsed() < PATIENCE / 3, "others wait: {:?}", started.elapsed());
}

fn open_connections(server: &Serve) -> usize {
    let metrics = get(&format!("{}/metrics", server.url()));
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    metrics.lines().find_map(|line| line.strip_prefix("imgctl_connections ")?.parse().ok()).expect("a count")
}

#[test]
fn r10_slow_heads_are_closed_and_others_are_served() {
    let env = Env::new();
    let server = Serve::start(&env, &["--header-timeout", "300ms"]);
    let dripping: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Slow: ").unwrap();
            thread::spawn(|| drip(stream, b"x"))
        })
        .collect();
    let silent: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    assert_serves(&server);
    for thread in dripping {
        assert_eq!(thread.join().unwrap(), "");
    }
    silent.into_iter().for_each(await_close);
    assert_serves(&server);
}

#[test]
fn r10_a_body_by_the_byte_is_refused_and_others_are_served() {
    let env = Env::new();
    let server = Serve::start(&env, &["--body-timeout", "300ms"]);
    let begun = request("POST", &format!("{}/v2/app/blobs/uploads/", server.url())).send();
    let location = begun.headers.iter().find(|(name, _)| name == "location").unwrap().1.clone();
    let path = location.strip_prefix(server.url()).unwrap_or(&location).to_owned();
    let slow = |head: String| {
        let mut stream = connect(&server);
        stream.write_all(head.as_bytes()).unwrap();
        thread::spawn(|| drip(stream, b"1\r\nx\r\n"))
    };
    let chunked = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upload = slow(format!("PATCH {path} HTTP/1.1\r\n{chunked}"));
    let manifest = slow(format!("PUT /v2/app/manifests/1 HTTP/1.1\r\n{chunked}"));
    let refused = slow(format!("POST /v2/app/tags/list HTTP/1.1\r\n{chunked}"));
    assert_serves(&server);
    for thread in [upload, manifest] {
        let answer = thread.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    let answer = refused.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer:?}");
    // What came is not lost.
    let status = request("GET", &format!("{}{path}", server.url())).send();
    assert_eq!(status.status, 204);
    assert_serves(&server);
}

#[test]
fn r10_who_does_not_take_the_answer_is_cut() {
    let env = Env::new();
    let server = Serve::start(&env, &["--body-timeout", "300ms"]);
    let blob = crate::serving::push_blob(&server, "app", 32 << 20);
    let mut stream = connect(&server);
    let mut head = [0; 12];
    write!(stream, "GET /v2/app/blobs/{blob} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    // The access log tells when it is over: the push is there already.
    let started = Instant::now();
    while server.stderr().matches(&blob).count() < 2 {
        assert!(started.elapsed() < PATIENCE, "it is never cut: {}", server.stderr());
        thread::sleep(DRIP);
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < 32 << 20, "all of it was sent");
    assert_serves(&server);
}

#[test]
fn r10_a_thousand_idle_connections_shut_out_nobody() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let mut idle = Vec::new();
    for _ in 0..1200 {
        let mut stream = connect(&server);
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        idle.push(stream);
    }
    for _ in 0..5 {
        assert_serves(&server);
    }
    assert!(open_connections(&server) <= 1024);
}

#[test]
fn r10_the_longest_idle_leaves_first_and_requests_at_work_do_not() {
    let env = Env::new();
    let server = Serve::start(&env, &["--max-connections", "4"]);
    let blob = crate::serving::push_blob(&server, "app", 32 << 20);
    let mut download = connect(&server);
    write!(download, "GET /v2/app/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let idle: Vec<_> = (0..10).map(|_| connect(&server)).collect();
    assert_serves(&server);
    let mut all = Vec::new();
    download.read_to_end(&mut all).unwrap();
    assert!(all.len() > 32 << 20, "a running download was cut");
    drop(idle);
}

#[test]
fn r10_it_survives_having_no_file_descriptors_left() {
    let env = Env::new();
    let line = format!("ulimit -n 40; exec {} serve --listen 127.0.0.1:0", env!("CARGO_BIN_EXE_imgctl"));
    let server = Serve::run(env.tool("bash", ["-c", &line]));
    let idle: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    for _ in 0..3 {
        assert_serves(&server);
    }
    drop(idle);
    assert_serves(&server);
    server.stop().ok();
}

#[test]
fn it_takes_all_the_file_descriptors_it_may_have() {
    let env = Env::new();
    let line = format!("ulimit -Sn 40; exec {} serve --listen 127.0.0.1:0", env!("CARGO_BIN_EXE_imgctl"));
    let server = Serve::run(env.tool("bash", ["-c", &line]));
    let _idle: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    assert!(open_connections(&server) > 100);
}

#[test]
fn requests_sent_ahead_are_answered_one_after_the_other() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let mut stream = connect(&server);
    let ask = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    write!(stream, "{ask}GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 4, "{answers}");
    assert!(answers.ends_with("ok\n"), "{answers}");
}

#[test]
fn what_is_too_large_is_told_even_while_it_is_still_sent() {
    let env = Env::new();
    let server = Serve::start(&env, &["--max-manifest-size", "1000", "--max-blob-size", "2000"]);
    let put =
        |path: &str, size: usize| request("PUT", &format!("{}{path}", server.url())).body(vec![b' '; size]).send();
    assert_eq!(put("/v2/app/manifests/1", 4 << 20).status, 413);
    let post = request("POST", &format!("{}/v2/app/blobs/uploads/?digest=sha256:{:064}", server.url(), 0));
    assert_eq!(post.body(vec![0; 8 << 20]).send().status, 413);

    let mut stream = connect(&server);
    let head = format!("GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n", "x".repeat(60 << 10));
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_serves(&server);
}
