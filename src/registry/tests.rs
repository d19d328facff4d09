//! The client against scripted answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Client, Start};
use crate::Result;
use crate::auth::Keychain;
use crate::error::Kind;
use crate::name::{Repository, TagOrDigest};
use crate::net::{Origin, Settings};
use crate::oci::{Descriptor, Digest, Manifest, MediaType};

/// Answers its requests with one text after the other, each time hanging up; keeps what was asked. An answer that starts with
/// "early " is sent before the body was read.
struct Script {
    client: Client,
    repository: Repository,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn new<T: AsRef<[u8]>>(answers: impl IntoIterator<Item = T>) -> Self {
        let answers: Vec<Vec<u8>> = answers.into_iter().map(|answer| answer.as_ref().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answer = answer.as_slice();
                let early = answer.strip_prefix(b"early ");
                let request = read_request(&mut stream, early.is_none()).await;
                log.lock().unwrap().push(request);
                stream.write_all(early.unwrap_or(answer)).await.unwrap();
                stream.shutdown().await.ok();
                if early.is_some() {
                    // Closing with unread bytes would reset the connection, and the answer with it.
                    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
                }
            }
        });
        let settings = Settings { retries: 1, idle_timeout: Duration::from_secs(5), ..Settings::default() };
        let origin = Origin::of(&format!("http://{host}").parse().unwrap()).unwrap();
        let client = Client::new(host.parse().unwrap(), origin, settings, Arc::new(Keychain::default())).unwrap();
        Self { client, repository: format!("{host}/a").parse().unwrap(), requests }
    }

    /// Method, last part of the path without digest, query's keys, and Range of each request.
    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn read(&self, content: &[u8]) -> Result<Bytes> {
        let descriptor = Descriptor::of(MediaType::OCI_LAYER, content);
        let mut reader = self.client.blob(&self.repository, &descriptor, 0).await?;
        let mut all = BytesMut::new();
        loop {
            all.reserve(3);
            if reader.read_into(&mut all).await? == 0 {
                return Ok(all.freeze());
            }
        }
    }

    /// Bytes 2 to 5 of ten.
    async fn read_part(&self) -> Result<Bytes> {
        let descriptor = Descriptor::of(MediaType::OCI_LAYER, TEN.as_bytes());
        self.client.blob_part(&self.repository, &descriptor, 2..6).await?.read_to_end(10).await
    }

    async fn upload(&self, content: &[u8]) -> Result<()> {
        let descriptor = Descriptor::of(MediaType::OCI_LAYER, content);
        match self.client.start_upload(&self.repository, &descriptor, &[]).await? {
            Start::Upload(mut upload) => {
                for piece in content.chunks(1 << 20) {
                    upload.write(Bytes::copy_from_slice(piece)).await?;
                }
                upload.commit().await
            }
            Start::Present | Start::Mounted(_) => Ok(()),
        }
    }

    async fn put(&self, manifest: &Manifest) -> Result<()> {
        self.client.put_manifest(&self.repository, manifest, &TagOrDigest::Tag("v1".parse().unwrap())).await
    }

    async fn tags(&self) -> Result<(Vec<String>, usize)> {
        let listing = self.client.tags(&self.repository).await?;
        Ok((listing.names.iter().map(ToString::to_string).collect(), listing.skipped))
    }
}

async fn read_request(stream: &mut TcpStream, with_body: bool) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; if with_body { length } else { 0 }];
    stream.read_exact(&mut body).await.unwrap();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let keys: Vec<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty()).collect();
    let place = path.trim_end_matches('/').rsplit('/').next().unwrap().split(':').next().unwrap();
    let range = header("range").or_else(|| header("content-range")).map(|range| format!(" {range}"));
    format!("{method} {place}{}{}{}", if keys.is_empty() { "" } else { "?" }, keys.join("&"), range.unwrap_or_default())
}

/// An answer with its `Content-Length`, unless the headers say it.
fn answer(status: u16, headers: &str, body: &str) -> String {
    let length =
        if headers.contains("Content-Length") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status} X\r\n{headers}{length}\r\n{body}")
}

fn image() -> Manifest {
    let config = serde_json::to_string(&Descriptor::of(MediaType::OCI_CONFIG, b"{}")).unwrap();
    let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
    Manifest::parse(text, Some(&MediaType::OCI_MANIFEST)).unwrap()
}

const TEN: &str = "0123456789";
const CUT: &str = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n0123";
const OPENED: &str = "HTTP/1.1 202 X\r\nLocation: /v2/a/blobs/uploads/s1?_state=x\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn n01_n04_a_body_that_breaks_off_goes_on_where_it_was() {
    let rest = answer(206, "Content-Range: bytes 4-9/10\r\n", "456789");
    let script = Script::new([CUT, &rest]).await;
    assert_eq!(script.read(TEN.as_bytes()).await.unwrap(), TEN);
    assert_eq!(script.requests(), ["GET sha256", "GET sha256 bytes=4-"]);
}

#[tokio::test]
async fn n05_a_short_body_with_its_own_length_is_read_on() {
    let rest = answer(206, "Content-Range: bytes 4-9/10\r\n", "456789");
    let script = Script::new([answer(200, "", "0123"), rest]).await;
    assert_eq!(script.read(TEN.as_bytes()).await.unwrap(), TEN);
}

#[tokio::test]
async fn n06_an_ignored_range_is_skipped() {
    let script = Script::new([CUT, &answer(200, "", TEN)]).await;
    assert_eq!(script.read(TEN.as_bytes()).await.unwrap(), TEN);
}

#[tokio::test]
async fn n07_n09_a_useless_answer_to_a_range_restarts() {
    let wrong = [
        answer(206, "Content-Range: bytes 5-9/10\r\n", "56789"),
        answer(206, "Content-Range: bytes 4-9/11\r\n", "456789"),
        answer(206, "Content-Range: bytes 4-9/*\r\n", "456789"),
        answer(206, "", "456789"),
        answer(206, "Content-Range: bytes 4-9/10\r\nContent-Range: bytes 4-9/10\r\n", "456789"),
        answer(206, "Content-Range: bytes 4-9/10\r\n", "45678"),
        answer(416, "Content-Range: bytes */10\r\n", ""),
    ];
    for wrong in wrong {
        let script = Script::new([CUT, &wrong, &answer(200, "", TEN)]).await;
        assert_eq!(script.read(TEN.as_bytes()).await.unwrap(), TEN, "{wrong}");
        assert_eq!(script.requests(), ["GET sha256", "GET sha256 bytes=4-", "GET sha256"]);
    }
}

#[tokio::test]
async fn a_part_that_breaks_off_goes_on_where_it_was() {
    let cut = "HTTP/1.1 206 X\r\nContent-Range: bytes 2-5/10\r\nContent-Length: 4\r\n\r\n23";
    let script = Script::new([cut, &answer(206, "Content-Range: bytes 4-5/10\r\n", "45")]).await;
    assert_eq!(script.read_part().await.unwrap(), "2345");
    assert_eq!(script.requests(), ["GET sha256 bytes=2-5", "GET sha256 bytes=4-5"]);
}

#[tokio::test]
async fn n06_n07_another_answer_than_the_part_is_none() {
    let other = [
        answer(200, "", TEN),
        answer(200, "", "2345"),
        answer(206, "Content-Range: bytes 1-5/10\r\n", "12345"),
        answer(206, "Content-Range: bytes 2-4/10\r\n", "234"),
        answer(206, "Content-Range: bytes 2-6/10\r\n", "23456"),
        answer(206, "Content-Range: bytes 2-5/11\r\n", "2345"),
        answer(206, "Content-Range: bytes 2-5/*\r\n", "2345"),
        answer(206, "", "2345"),
        answer(206, "Content-Range: bytes 2-5/10\r\nContent-Range: bytes 2-5/10\r\n", "2345"),
        answer(206, "Content-Range: bytes 2-5/10\r\n", "234"),
        answer(416, "Content-Range: bytes */10\r\n", ""),
    ];
    for other in other {
        let script = Script::new([&other]).await;
        assert_eq!(script.read_part().await.unwrap_err().kind(), Kind::Unsupported, "{other}");
        assert_eq!(script.requests(), ["GET sha256 bytes=2-5"]);
    }
}

#[tokio::test]
async fn n03_tries_without_progress_end() {
    let nothing = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n";
    let error = Script::new([nothing; 5]).await.read(TEN.as_bytes()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Network, 2));
    assert_eq!(error.digest(), Some(Digest::of(TEN.as_bytes())));
}

#[tokio::test]
async fn n22_n26_the_descriptor_is_the_bound() {
    let open = |body: &str| format!("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{body}");
    assert_eq!(Script::new([open(TEN)]).await.read(TEN.as_bytes()).await.unwrap(), TEN);
    for long in [open("0123456789x"), answer(200, "", "0123456789x")] {
        assert_eq!(Script::new([long]).await.read(TEN.as_bytes()).await.unwrap_err().kind(), Kind::Mismatch);
    }
}

#[tokio::test]
async fn n25_html_is_named() {
    let page = answer(200, "Content-Type: text/html; charset=utf-8\r\n", "<html>Sign in</html>");
    let script = Script::new([&page, &page, &page, &page]).await;
    assert!(script.read(TEN.as_bytes()).await.unwrap_err().to_string().contains("HTML was received"));
    assert!(script.client.ping().await.unwrap_err().to_string().contains("HTML was received"));
    assert!(script.tags().await.unwrap_err().to_string().contains("HTML was received"));
    let tag = TagOrDigest::Tag("v1".parse().unwrap());
    let error = script.client.manifest(&script.repository, &tag).await.unwrap_err();
    assert!(error.kind() == Kind::Mismatch && error.to_string().contains("HTML was received"));
}

#[tokio::test]
async fn foreign_layers_are_read_from_their_urls() {
    let script = Script::new([answer(404, "", ""), answer(200, "", TEN)]).await;
    let mut descriptor = Descriptor::of(MediaType::DOCKER_FOREIGN_GZIP, TEN.as_bytes());
    let own = format!("http://{}/layers/one", script.repository.registry());
    descriptor.urls = vec!["file:///etc/passwd".to_owned(), format!("{own}?gone"), own];
    let reader = script.client.foreign_blob(&descriptor, 0).await.unwrap();
    assert_eq!(reader.read_to_end(100).await.unwrap(), TEN);
    assert_eq!(script.requests(), ["GET one?gone", "GET one"]);
    descriptor.urls.truncate(1);
    assert_eq!(script.client.foreign_blob(&descriptor, 0).await.map(drop).unwrap_err().kind(), Kind::Unsafe);
}

#[tokio::test]
async fn n24_head_is_only_a_hint() {
    let manifest = image();
    let body = std::str::from_utf8(manifest.bytes()).unwrap();
    let tag = TagOrDigest::Tag("v1".parse().unwrap());
    for head in [answer(405, "", ""), answer(403, "", ""), answer(501, "", ""), answer(200, "", "")] {
        let script = Script::new([&head, &answer(200, "", body)]).await;
        let found = script.client.manifest_descriptor(&script.repository, &tag).await.unwrap();
        assert_eq!(found.digest, manifest.digest(), "{head}");
    }
}

#[tokio::test]
async fn p04_lost_answers_are_looked_for() {
    let manifest = image();
    let there = answer(200, &format!("Docker-Content-Digest: {}\r\n", manifest.digest()), "");
    let script = Script::new(["", &there]).await;
    script.put(&manifest).await.unwrap();
    assert_eq!(script.requests(), ["PUT v1", "HEAD v1"]);
    let script = Script::new(["", &answer(404, "", ""), &answer(201, "", "")]).await;
    script.put(&manifest).await.unwrap();
    assert_eq!(script.requests(), ["PUT v1", "HEAD v1", "PUT v1"]);
    let script = Script::new([OPENED, "", &answer(200, "", "")]).await;
    script.upload(b"x").await.unwrap();
    assert_eq!(script.requests(), ["POST uploads?mount&from", "PUT s1?_state&digest", "HEAD sha256"]);
}

#[tokio::test]
async fn p05_a_refused_mount_becomes_an_upload() {
    for status in [403, 404, 405, 500] {
        let refused = answer(status, "", "");
        let script = Script::new([&refused, &answer(404, "", ""), OPENED, &answer(201, "", "")]).await;
        script.upload(b"x").await.unwrap();
        let asked = ["POST uploads?mount&from", "HEAD sha256", "POST uploads", "PUT s1?_state&digest"];
        assert_eq!(script.requests(), asked, "{status}");
    }
    let script = Script::new([answer(201, "", "")]).await;
    script.upload(b"x").await.unwrap();
}

#[tokio::test]
async fn p08_an_upload_elsewhere_is_refused() {
    let away = answer(202, "Location: http://127.0.0.2:1/u\r\n", "");
    assert_eq!(Script::new([away]).await.upload(b"x").await.unwrap_err().kind(), Kind::Unsafe);
}

#[tokio::test]
async fn p10_what_is_too_large_goes_in_chunks() {
    let next = answer(202, "Location: s2\r\n", "");
    let script = Script::new([OPENED, &answer(413, "", ""), OPENED, &next, &answer(201, "", "")]).await;
    assert_eq!(script.upload(b"xyz").await.unwrap_err().kind(), Kind::Network);
    script.upload(b"xyz").await.unwrap();
    assert_eq!(script.requests()[3..], ["PATCH s1?_state 0-2", "PUT s2?digest"]);
    let (opened, large) = (OPENED.to_owned(), answer(413, "", ""));
    let script = Script::new([&opened, &large, &opened, &large, &opened, &large]).await;
    let kinds = [Kind::Network, Kind::Network, Kind::Failed];
    for kind in kinds {
        assert_eq!(script.upload(b"xyz").await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn p16_an_early_refusal_is_told_as_it_was_said() {
    let body = r#"{"errors":[{"code":"DENIED","message":"quota is used up"}]}"#;
    let script = Script::new([OPENED.to_owned(), format!("early {}", answer(403, "", body))]).await;
    let error = script.upload(&vec![7; 16 << 20]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().contains("quota is used up"), "{error}");
}

#[tokio::test]
async fn p03_a_lost_session_is_worth_another_try() {
    let lost = answer(404, "", r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#);
    let script = Script::new([OPENED, &lost, &answer(404, "", "")]).await;
    assert_eq!(script.upload(b"x").await.unwrap_err().kind(), Kind::Network);
}

#[tokio::test]
async fn p15_another_digest_stored_is_an_error() {
    let other = answer(201, &format!("Docker-Content-Digest: {}\r\n", Digest::of(b"other")), "");
    assert_eq!(Script::new([&other]).await.put(&image()).await.unwrap_err().kind(), Kind::Mismatch);
    assert_eq!(Script::new([OPENED, &other]).await.upload(b"x").await.unwrap_err().kind(), Kind::Mismatch);
}

#[tokio::test]
async fn p06_a_missing_child_is_not_found() {
    let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#;
    assert_eq!(Script::new([answer(400, "", body)]).await.put(&image()).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn d08_lists_end() {
    let page = |link: &str, tags: &str| {
        let link = if link.is_empty() { String::new() } else { format!("Link: <{link}>; rel=\"next\"\r\n") };
        answer(200, &link, &format!(r#"{{"name":"a","tags":{tags}}}"#))
    };
    let script = Script::new([page("/v2/a/tags/list?last=x", r#"["x"]"#), page("", r#"["y",null,"-"]"#)]).await;
    assert_eq!(script.tags().await.unwrap(), (vec!["x".to_owned(), "y".to_owned()], 2));
    let round = page("/v2/a/tags/list?last=x", r#"["x"]"#);
    assert_eq!(Script::new([&round, &round, &round]).await.tags().await.unwrap_err().kind(), Kind::Unsafe);
    let away = page("http://169.254.169.254/latest", r#"["x"]"#);
    assert_eq!(Script::new([away]).await.tags().await.unwrap_err().kind(), Kind::Unsafe);
    let fifty: Vec<String> = (0..50).map(|n| format!("\"t{n}\"")).collect();
    let full = page("", &format!("[{}]", fifty.join(",")));
    let script = Script::new([&full, &page("", r#"["z"]"#)]).await;
    assert_eq!(script.tags().await.unwrap().0.len(), 51);
    assert_eq!(script.requests()[1], "GET list?n&last");
    assert_eq!(Script::new([&full, &full]).await.tags().await.unwrap().0.len(), 50);
    assert_eq!(Script::new([page("", "null")]).await.tags().await.unwrap(), (Vec::new(), 0));
    assert_eq!(Script::new([page("", &"[".repeat(10_000))]).await.tags().await.unwrap_err().kind(), Kind::Mismatch);
}

#[tokio::test]
async fn warnings_are_told_once() {
    let warned = answer(200, "Warning: 299 - \"quota at 90 %\"\r\n", "{}");
    let script = Script::new([&warned, &warned]).await;
    script.client.ping().await.unwrap();
    script.client.ping().await.unwrap();
    assert!(script.client.warnings()[0].ends_with(": quota at 90 %"));
    assert!(script.client.warnings().is_empty());
}
