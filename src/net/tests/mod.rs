//! The client against a server whose faults are scripted.

mod server;
mod tls;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use tokio::sync::mpsc;

pub(crate) use self::server::{Reply, Seen, Server};
use super::{Authorization, Body, Client, Request, Response, Secret, Settings};
use crate::error::Kind;
use crate::{Error, Result};

const OK: &str = "200 OK";

fn settings() -> Settings {
    Settings { idle_timeout: Duration::from_millis(300), retry_max_wait: Duration::from_secs(5), ..Settings::default() }
}

fn client(server: &Server) -> Client {
    Client::new(server.origin(), settings())
}

async fn get(client: &Client, server: &Server, path: &str) -> Result<Response> {
    client.send(Request::new(Method::GET, server.url(path))).await
}

fn ok(body: &[u8]) -> Reply {
    Reply::Answer(OK, body.to_vec())
}

fn redirect(status: &str, to: impl std::fmt::Display) -> Reply {
    Reply::Headers(format!("{status} Redirect\r\nLocation: {to}"), Vec::new())
}

fn stream(pieces: Vec<Result<Bytes>>, length: u64) -> Body {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send(piece).await.is_err() {
                break;
            }
        }
    });
    Body::Stream { length, pieces: receiver }
}

#[tokio::test]
async fn a_request_says_who_we_are_and_wants_no_encoding() {
    let server = Server::start(|_, _| ok(b"hello")).await;
    let mut settings = settings();
    settings.headers.insert("x-api-key", "k".parse().unwrap());
    let client = Client::new(server.origin(), settings);
    let response = get(&client, &server, "/v2/?a=b").await.unwrap();
    assert_eq!((response.status, response.attempts), (StatusCode::OK, 1));
    assert_eq!(response.bytes(5).await.unwrap(), "hello");
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/v2/?a=b"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("x-api-key"), Some("k"));
    assert!(seen.header("user-agent").unwrap().starts_with("imgctl/"));
    assert!(seen.header("referer").is_none() && seen.header("authorization").is_none());
}

#[tokio::test]
async fn n18_bursts_of_refusals_and_resets_are_invisible() {
    let burst = async |status: &'static str| {
        let server = Server::start(move |number, _| match number {
            0 => Reply::Headers(format!("{status} No\r\nRetry-After: 0"), b"no".to_vec()),
            1 => Reply::Reset,
            _ => ok(b"yes"),
        });
        let server = server.await;
        let response = get(&client(&server), &server, "/").await.unwrap();
        assert_eq!((response.attempts, response.bytes(9).await.unwrap()), (3, Bytes::from("yes")), "{status}");
    };
    futures::future::join_all(["408", "429", "500", "502", "503", "504", "522"].map(burst)).await;
}

#[tokio::test]
async fn n19_permanent_answers_are_final_and_exhausted_ones_are_answers() {
    for status in ["400 No", "401 No", "403 No", "404 No", "410 No", "451 No", "501 No"] {
        let server = Server::start(move |_, _| Reply::Answer(status, Vec::new())).await;
        let response = get(&client(&server), &server, "/").await.unwrap();
        assert_eq!((response.status.as_str(), server.seen().len()), (&status[..3], 1));
    }
    let server = Server::start(|_, _| Reply::Answer("500 No", Vec::new())).await;
    let client = Client::new(server.origin(), Settings { retries: 2, ..settings() });
    let response = get(&client, &server, "/").await.unwrap();
    assert_eq!((response.status.as_u16(), response.attempts, server.seen().len()), (500, 3, 3));
}

#[tokio::test]
async fn n15_retry_after_is_kept_and_n17_refused_where_it_is_too_long() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Answer("429 Slow\r\nRetry-After: 1", Vec::new()),
        _ => ok(b""),
    });
    let server = server.await;
    let begin = Instant::now();
    let own = client(&server);
    let (first, second) = tokio::join!(get(&own, &server, "/a"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        get(&own, &server, "/b").await
    });
    assert!(begin.elapsed() >= Duration::from_secs(1), "both waited");
    assert_eq!((first.unwrap().attempts, second.unwrap().attempts), (2, 1));

    let server = Server::start(|_, _| Reply::Answer("429 Slow\r\nRetry-After: 86400", Vec::new())).await;
    let error = get(&client(&server), &server, "/").await.err().unwrap();
    assert_eq!((error.kind(), server.seen().len()), (Kind::RateLimited, 1));
    assert!(error.retry_at().is_some());
}

#[tokio::test]
async fn n27_refused_connections_name_the_host_after_three_tries() {
    let server = Server::start(|_, _| Reply::Reset).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url: url::Url = format!("http://{closed}/?S3CR3T").parse().unwrap();
    let client = Client::new(super::Origin::of(&url).unwrap(), settings());
    let error = client.send(Request::new(Method::GET, url)).await.err().unwrap();
    assert_eq!((error.kind(), error.attempts()), (Kind::Network, 3));
    assert_eq!(error.to_string(), format!("{closed} refused the connection"));

    let error =
        get(&Client::new(server.origin(), Settings { retries: 1, ..settings() }), &server, "/").await.err().unwrap();
    assert!(error.to_string().contains("broke the connection before it answered"), "{error}");
    assert_eq!((error.attempts(), error.host()), (2, Some(server.address.to_string().as_str())));
}

#[tokio::test]
async fn n12_silence_is_noticed() {
    let server = Server::start(|number, _| if number == 0 { Reply::Hang(Vec::new()) } else { ok(b"x") }).await;
    let response = get(&client(&server), &server, "/").await.unwrap();
    assert_eq!(response.attempts, 2);
}

#[tokio::test]
async fn n11_a_body_that_stalls_or_breaks_gives_out_what_came() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    for is_stall in [true, false] {
        let server =
            Server::start(move |_, _| if is_stall { Reply::Hang(head.into()) } else { Reply::Raw(head.into()) });
        let server = server.await;
        let mut response = get(&client(&server), &server, "/").await.unwrap();
        assert_eq!(response.content_length(), Some(10));
        let mut buffer = BytesMut::with_capacity(100);
        assert_eq!(response.read_into(&mut buffer).await.unwrap(), 5);
        let error = response.read_into(&mut buffer).await.unwrap_err();
        assert_eq!((error.kind(), &buffer[..]), (Kind::Network, &b"hello"[..]));
        let what = if is_stall { "sent nothing for 0.3 s after 5 bytes" } else { "broke its answer off after 5 bytes" };
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(response.read_into(&mut buffer).await.unwrap(), 0, "the end stays the end");
    }
}

#[tokio::test]
async fn a_body_fills_the_room_there_is() {
    let body: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
    let sent = body.clone();
    let server = Server::start(move |_, _| ok(&sent)).await;
    let client = client(&server);
    let mut response = get(&client, &server, "/").await.unwrap();
    let mut all = Vec::new();
    let mut buffer = BytesMut::with_capacity(4096);
    while response.read_into(&mut buffer).await.unwrap() > 0 {
        assert!(buffer.len() == 4096 || all.len() + buffer.len() == body.len());
        all.extend_from_slice(&buffer);
        buffer.clear();
    }
    assert_eq!(all, body);
    let limited = get(&client, &server, "/").await.unwrap().bytes(99_999).await.unwrap_err();
    assert_eq!(limited.kind(), Kind::Mismatch);
}

#[tokio::test]
async fn n26_endless_and_encoded_answers_are_refused() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Raw([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 200_000]].concat()),
        _ => Reply::Answer("200 OK\r\nContent-Encoding: gzip", b"x".to_vec()),
    });
    let server = server.await;
    let client = client(&server);
    let error = get(&client, &server, "/").await.unwrap().bytes(1000).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    assert_eq!(get(&client, &server, "/").await.err().unwrap().kind(), Kind::Mismatch);
}

#[tokio::test]
async fn a05_redirects_take_nothing_secret_along() {
    let store = Server::start(|_, _| ok(b"blob")).await;
    let target = store.url("/blob?X-Amz-Signature=S3CR3T");
    let server = Server::start(move |_, _| redirect("307", &target)).await;
    let mut settings = settings();
    settings.headers.insert("x-api-key", "k".parse().unwrap());
    let client = Client::new(server.origin(), settings);
    let mut request = Request::new(Method::GET, server.url("/v2/x"));
    request.headers.insert("range", "bytes=2-".parse().unwrap());
    request.authorization = Some(Authorization::basic(server.origin(), "u", &Secret::new("p")));
    let response = client.send(request).await.unwrap();
    assert_eq!(response.url.path(), "/blob");
    assert_eq!(response.bytes(10).await.unwrap(), "blob");
    let (own, other) = (&server.seen()[0], &store.seen()[0]);
    assert_eq!(own.header("authorization"), Some("Basic dTpw"));
    assert_eq!(own.header("x-api-key"), Some("k"));
    assert_eq!(other.header("range"), Some("bytes=2-"));
    for secret in ["authorization", "x-api-key", "referer", "cookie"] {
        assert!(other.header(secret).is_none(), "{secret}");
    }
}

#[tokio::test]
async fn a19_redirects_to_local_addresses_are_refused_unasked() {
    let server = Server::start(|_, _| redirect("302", "http://169.254.169.254/latest?S3CR3T")).await;
    let error = get(&client(&server), &server, "/").await.err().unwrap();
    assert_eq!((error.kind(), server.seen().len()), (Kind::Unsafe, 1));
    assert!(!format!("{error:?}").contains("S3CR3T"));
}

#[tokio::test]
async fn a_stream_goes_out_with_its_length_whatever_the_pieces() {
    let server = Server::start(|_, _| Reply::Answer("201 Created", Vec::new())).await;
    let client = client(&server);
    for pieces in [vec![], vec![Ok(Bytes::new()), Ok(Bytes::from("abc")), Ok(Bytes::from("defg"))]] {
        let length = pieces.iter().flatten().map(Bytes::len).sum::<usize>() as u64;
        let mut request = Request::new(Method::PUT, server.url("/upload"));
        request.body = stream(pieces, length);
        assert_eq!(client.send(request).await.unwrap().status, StatusCode::CREATED);
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.header("content-length"), Some(length.to_string().as_str()));
        assert!(seen.header("transfer-encoding").is_none());
        assert_eq!(seen.body, &b"abcdefg"[..length as usize]);
    }
    let mut request = Request::new(Method::PUT, server.url("/upload"));
    let large = Bytes::from(vec![7; 300_000]);
    request.body = Body::Bytes(large.clone());
    client.send(request).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().body, large);
    client.send(Request::new(Method::POST, server.url("/start"))).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_stream_is_sent_again_only_while_it_is_whole() {
    let server = Server::start(|number, _| if number == 0 { Reply::Reset } else { ok(b"") }).await;
    let mut request = Request::new(Method::PUT, server.url("/upload"));
    request.body = stream(vec![Ok(Bytes::from("abc"))], 3);
    let error = client(&server).send(request).await.err().unwrap();
    assert_eq!((error.kind(), server.seen().len()), (Kind::Network, 1));
}

#[tokio::test]
async fn p14_a_source_that_fails_aborts_its_upload_with_its_own_error() {
    let server = Server::start(|_, _| ok(b"")).await;
    let client = client(&server);
    let cases = [
        (vec![Ok(Bytes::from("abc")), Err(Error::mismatch("the file changed"))], Kind::Mismatch, "the file changed"),
        (vec![Ok(Bytes::from("abc"))], Kind::Failed, "ended after 3 of 10 bytes"),
        (vec![Ok(Bytes::from("abcdefghijk"))], Kind::Mismatch, "longer than 10 bytes"),
    ];
    for (pieces, kind, text) in cases {
        let mut request = Request::new(Method::PUT, server.url("/upload"));
        request.body = stream(pieces, 10);
        let error = client.send(request).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p16_an_early_refusal_is_heard() {
    let reply = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied";
    let server = Server::start(|_, _| Reply::Early(reply.to_vec())).await;
    let client = client(&server);
    for _ in 0..20 {
        let mut request = Request::new(Method::PUT, server.url("/upload"));
        let piece = || Ok(Bytes::from(vec![0; 1 << 20]));
        request.body = stream((0..64).map(|_| piece()).collect(), 64 << 20);
        let response = client.send(request).await.unwrap();
        assert_eq!(response.status, StatusCode::FORBIDDEN);
        assert_eq!(response.bytes(100).await.unwrap(), "denied");
    }
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_noticed() {
    // The listener's backlog takes the connection; nobody reads from it.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: url::Url = format!("http://{}/", deaf.local_addr().unwrap()).parse().unwrap();
    let client = Client::new(super::Origin::of(&url).unwrap(), settings());
    let mut request = Request::new(Method::PUT, url);
    request.body = stream((0..64).map(|_| Ok(Bytes::from(vec![0; 1 << 20]))).collect(), 64 << 20);
    let error = client.send(request).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.to_string().contains("took nothing more within 0.3 s"), "{error}");
}

#[tokio::test]
async fn the_distance_is_the_shortest_time_to_an_answer() {
    const LATE: Duration = Duration::from_millis(50);
    let script = |_, seen: &Seen| {
        if seen.path == "/late" {
            std::thread::sleep(LATE);
        }
        ok(b"")
    };
    let server = Server::start(script).await;
    let client = client(&server);
    let mut request = Request::new(Method::PUT, server.url("/"));
    request.body = Body::Bytes(Bytes::from("x"));
    client.send(request).await.unwrap();
    assert_eq!(client.distance(), None, "the body may have taken the time");
    get(&client, &server, "/late").await.unwrap();
    assert!(client.distance().unwrap() >= LATE);
    let begin = Instant::now();
    get(&client, &server, "/").await.unwrap();
    let shortest = client.distance().unwrap();
    assert!(shortest <= begin.elapsed());
    get(&client, &server, "/late").await.unwrap();
    assert!(client.distance().unwrap() <= shortest);
}

#[tokio::test]
async fn the_distance_is_that_of_the_own_origin() {
    let (server, other) = (Server::start(|_, _| ok(b"")).await, Server::start(|_, _| ok(b"")).await);
    let client = client(&server);
    get(&client, &other, "/").await.unwrap();
    assert_eq!(client.distance(), None);
    get(&client, &server, "/").await.unwrap();
    assert!(client.distance().is_some());
}

#[tokio::test]
async fn n32_limits_hold_without_deadlock() {
    let body = vec![1; 1 << 20];
    let server = Server::start(move |_, seen| if seen.method == "GET" { ok(&body) } else { ok(b"") }).await;
    let client = Client::new(server.origin(), Settings { per_host: 1, ..settings() });
    let first = get(&client, &server, "/a").await.unwrap();
    let blocked = tokio::time::timeout(Duration::from_millis(100), get(&client, &server, "/b")).await;
    assert!(blocked.is_err(), "one body at a time");
    // While a body is read, other requests and streams to the same registry go on.
    client.send(Request::new(Method::POST, server.url("/start"))).await.unwrap();
    let (sender, pieces) = mpsc::channel(1);
    let mut request = Request::new(Method::PUT, server.url("/upload"));
    request.body = Body::Stream { length: 1 << 20, pieces };
    let relay = async {
        let mut first = first;
        let mut buffer = BytesMut::with_capacity(1 << 16);
        while first.read_into(&mut buffer).await.unwrap() > 0 {
            sender.send(Ok(buffer.split().freeze())).await.unwrap();
            buffer.reserve(1 << 16);
        }
        drop(sender);
        let second = get(&client, &server, "/c").await.unwrap();
        second.bytes(1 << 20).await.unwrap();
        // The first answer is still there, but its body is read.
        assert_eq!(first.read_into(&mut buffer).await.unwrap(), 0);
    };
    let (put, ()) = tokio::join!(client.send(request), relay);
    assert_eq!(put.unwrap().status, StatusCode::OK);
}
