//! Pushing blobs: every way to do it, every way to do it wrong, and what a session says of itself
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs)).

use imgctl::oci::Algorithm;
use url::{Position, Url};

use super::sets::Blob;
use super::wire::Answer;
use super::{OTHER, REPO, Registry};

/// A way to push a blob.
#[derive(Debug, Clone, Copy)]
pub enum Flow {
    /// All in one POST.
    Post,
    /// A POST for the session, a PUT with the bytes.
    PostPut,
    /// PATCHes of at least a KiB each, an empty PUT.
    Chunked,
    /// PATCHes, the last chunk with the PUT.
    ChunkedPut,
    /// One PATCH that says neither where it goes nor how long it is.
    Stream,
}

const FLOWS: [Flow; 5] = [Flow::Post, Flow::PostPut, Flow::Chunked, Flow::ChunkedPut, Flow::Stream];
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];
const CHUNK: usize = 1024;

impl Registry {
    /// Opens a session; returns its URL.
    #[track_caller]
    pub fn session(&self, repository: &str) -> String {
        self.ask("POST", &format!("/v2/{repository}/blobs/uploads/")).expect(202).location()
    }

    /// Pushes a blob; returns what the request said that completes it.
    #[track_caller]
    pub fn push(&self, flow: Flow, repository: &str, blob: &Blob) -> Answer {
        let complete = |target: &str| self.ask("PUT", target).query("digest", blob.digest);
        match flow {
            Flow::Post => {
                let target = format!("/v2/{repository}/blobs/uploads/");
                self.ask("POST", &target).query("digest", blob.digest).body(&blob.bytes).send()
            }
            Flow::PostPut => complete(&self.session(repository)).body(&blob.bytes).send(),
            Flow::Stream => {
                let patch = self.ask("PATCH", &self.session(repository));
                let patch = if blob.bytes.is_empty() { patch } else { patch.chunked(&blob.bytes) };
                complete(&patch.expect(202).location()).send()
            }
            Flow::Chunked => {
                let mut session = self.session(repository);
                let mut first = 0;
                for chunk in blob.bytes.chunks(CHUNK) {
                    session = self.chunk(&session, first, chunk).expect(202).location();
                    first += chunk.len();
                }
                complete(&session).send()
            }
            Flow::ChunkedPut => {
                let mut session = self.session(repository);
                let last = blob.bytes.len().saturating_sub(1) / CHUNK * CHUNK;
                for first in (0..last).step_by(CHUNK) {
                    session = self.chunk(&session, first, &blob.bytes[first..first + CHUNK]).expect(202).location();
                }
                let put = complete(&session);
                let bytes = &blob.bytes[last..];
                let put = if bytes.is_empty() { put } else { put.header("Content-Range", &range(last, bytes)) };
                put.body(bytes).send()
            }
        }
    }

    /// Sends one chunk.
    pub fn chunk(&self, session: &str, first: usize, bytes: &[u8]) -> Answer {
        self.ask("PATCH", session).header("Content-Range", &range(first, bytes)).body(bytes).send()
    }

    /// Pushes a blob and takes it back, by the place that the server names too.
    #[track_caller]
    fn pushes(&self, flow: Flow, blob: &Blob) {
        let answer = self.push(flow, REPO, blob).expect(201);
        assert_eq!(answer.header("docker-content-digest"), blob.digest.to_string(), "{flow:?}");
        let back = self.ask("GET", &answer.location()).expect(200);
        assert_eq!(back.bytes(), blob.bytes, "{flow:?}");
        self.has_blob(REPO, blob);
    }

    /// What the session says has arrived.
    #[track_caller]
    fn arrived(&self, session: &str) -> String {
        let status = self.ask("GET", session).expect(204);
        assert!(status.location().contains("/blobs/uploads/"), "{}", status.location());
        status.header("range").to_owned()
    }
}

fn range(first: usize, bytes: &[u8]) -> String {
    format!("{first}-{}", first + bytes.len() - 1)
}

#[test]
fn r01_a_blob_arrives_by_every_way_there_is() {
    let registry = Registry::start();
    for algorithm in ALGORITHMS {
        for flow in FLOWS {
            for size in [1, 512, CHUNK, CHUNK * 3 - 5] {
                registry.pushes(flow, &Blob::random(algorithm, size));
            }
        }
    }
}

#[test]
fn r01_the_empty_blob_and_the_empty_object_are_blobs_like_others() {
    let registry = Registry::start();
    for algorithm in ALGORITHMS {
        for flow in FLOWS {
            for bytes in ["", "{}"] {
                let blob = Blob::of(algorithm, bytes);
                registry.pushes(flow, &blob);
                registry.on_blob("DELETE", REPO, &blob.digest).expect(202);
                registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
            }
        }
    }
}

#[test]
fn r01_bytes_with_another_digest_are_refused_by_every_way_there_is() {
    let registry = Registry::start();
    for algorithm in ALGORITHMS {
        for flow in FLOWS {
            let blob = Blob::random(algorithm, CHUNK * 3 - 5).spoilt();
            registry.push(flow, REPO, &blob).error(400, "DIGEST_INVALID");
            registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
            let empty = Blob { bytes: Vec::new(), ..blob };
            registry.push(flow, REPO, &empty).error(400, "DIGEST_INVALID");
            registry.on_blob("GET", REPO, &empty.digest).error(404, "BLOB_UNKNOWN");
        }
    }
}

#[test]
fn r01_a_chunk_out_of_order_is_refused_and_changes_nothing() {
    for algorithm in ALGORITHMS {
        for put_last in [false, true] {
            out_of_order(&Registry::start(), &Blob::random(algorithm, CHUNK * 3 - 5), put_last);
        }
    }
}

/// Sends a wrong chunk before every right one: ahead of its turn, or the first again.
fn out_of_order(registry: &Registry, blob: &Blob, put_last: bool) {
    let size = blob.bytes.len();
    let mut session = registry.session(REPO);
    for first in (0..size).step_by(CHUNK) {
        let chunk = |first: usize| (range(first, part(blob, first)), part(blob, first).to_vec());
        let wrong = if first + CHUNK < size { first + CHUNK } else { 0 };
        let (content_range, bytes) = chunk(wrong);
        let last = wrong + bytes.len() == size;
        let ask = if put_last && last {
            registry.ask("PUT", &session).query("digest", blob.digest)
        } else {
            registry.ask("PATCH", &session)
        };
        let refused = ask.header("Content-Range", &content_range).body(&bytes).expect(416);
        assert_eq!(refused.header("content-range"), "", "that is for GETs");

        let status = registry.ask("GET", &session).query("digest", blob.digest).expect(204);
        assert_eq!(status.header("range"), format!("0-{}", first.saturating_sub(1)));
        assert_eq!(refused.header("range"), status.header("range"));
        session = status.location();

        let (content_range, bytes) = chunk(first);
        let last = first + bytes.len() == size;
        if put_last && last {
            let put = registry.ask("PUT", &session).query("digest", blob.digest);
            put.header("Content-Range", &content_range).body(&bytes).expect(201);
        } else {
            let taken = registry.chunk(&session, first, &bytes).expect(202);
            assert_eq!(taken.header("range"), format!("0-{}", first + bytes.len() - 1));
            session = taken.location();
        }
    }
    if !put_last {
        registry.ask("PUT", &session).query("digest", blob.digest).expect(201);
    }
    registry.has_blob(REPO, blob);
}

fn part(blob: &Blob, first: usize) -> &[u8] {
    &blob.bytes[first..blob.bytes.len().min(first + CHUNK)]
}

#[test]
fn r01_a_new_session_has_nothing_and_names_itself() {
    let registry = Registry::start();
    let opened = registry.ask("POST", &format!("/v2/{REPO}/blobs/uploads/")).expect(202);
    assert!(opened.header("range").is_empty() || opened.header("range") == "0-0");
    let minimum = opened.header("oci-chunk-min-length");
    assert!(minimum.is_empty() || minimum.parse::<u64>().is_ok(), "{minimum}");
    assert_eq!(registry.arrived(&opened.location()), "0-0");
    assert_ne!(registry.session(REPO), opened.location(), "every session is its own");
}

#[test]
fn r01_a_session_says_the_last_byte_it_has() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    registry.chunk(&session, 0, b"hello").expect(202);
    assert_eq!(registry.arrived(&session), "0-4");
    let streamed = registry.ask("PATCH", &session).chunked(b" world").expect(202);
    assert_eq!(streamed.header("range"), "0-10");
    assert_eq!(registry.arrived(&session), "0-10");
    let blob = Blob::of(Algorithm::Sha256, "hello world");
    registry.ask("PUT", &session).query("digest", blob.digest).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_a_chunk_may_say_its_place_and_not_its_length() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    for (content_range, bytes) in [("0-4", "hello"), ("5-10", " world")] {
        let ask = registry.ask("PATCH", &session).header("Content-Range", content_range);
        ask.chunked(bytes.as_bytes()).expect(202);
    }
    registry.ask("PATCH", &session).header("Content-Range", "5-10").chunked(b" world").expect(416);
    let blob = Blob::of(Algorithm::Sha256, "hello world");
    registry.ask("PUT", &session).query("digest", blob.digest).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_a_range_that_is_none_is_refused_and_changes_nothing() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    registry.chunk(&session, 0, b"hello").expect(202);
    for content_range in ["5-3", "bytes 5-9/10", "5-", "-5", "x-y", "5", "18446744073709551616-18446744073709551620"] {
        let answer = registry.ask("PATCH", &session).header("Content-Range", content_range).body(b"again").send();
        assert!(matches!(answer.status(), 400 | 416), "{content_range}: {}", answer.status());
        assert_eq!(registry.arrived(&session), "0-4", "{content_range}");
    }
}

#[test]
fn r01_a_chunk_longer_or_shorter_than_it_says_is_refused() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    for (content_range, bytes) in [("0-3", &b"hello"[..]), ("0-5", b"hello"), ("0-0", b"")] {
        for method in ["PATCH", "PUT"] {
            let ask = registry.ask(method, &session).query("digest", Blob::of(Algorithm::Sha256, bytes).digest);
            let status = ask.header("Content-Range", content_range).body(bytes).send().status();
            assert!(matches!(status, 400 | 416), "{method} {content_range}: {status}");
        }
    }
    assert_eq!(registry.arrived(&session), "0-0");
    let blob = Blob::of(Algorithm::Sha256, "hello");
    registry.ask("PUT", &session).query("digest", blob.digest).body(&blob.bytes).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_a_session_ends_with_its_put() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 10);
    let session = registry.session(REPO);
    registry.ask("PUT", &session).query("digest", blob.digest).body(&blob.bytes).expect(201);
    ended(&registry, &session);
}

#[test]
fn r01_a_cancelled_session_is_gone() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    registry.chunk(&session, 0, b"hello").expect(202);
    registry.ask("DELETE", &session).expect(204);
    ended(&registry, &session);
}

#[track_caller]
fn ended(registry: &Registry, session: &str) {
    let blob = Blob::random(Algorithm::Sha256, 10);
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        let ask = registry.ask(method, session).query("digest", blob.digest);
        let ask = if method == "GET" || method == "DELETE" { ask } else { ask.body(&blob.bytes) };
        ask.error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
}

#[test]
fn r01_a_session_belongs_to_its_repository() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    let elsewhere = session.replace(REPO, OTHER);
    ended(&registry, &elsewhere);
    assert_eq!(registry.arrived(&session), "0-0");
}

#[test]
fn r01_a_put_says_a_digest_that_can_be_checked() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    registry.ask("PUT", &session).body(b"hello").error(400, "DIGEST_INVALID");
    for digest in
        ["", "sha256:0", "sha256:", "md5:5d41402abc4b2a76b9719d911017c592", "hello", "sha256:../../etc/passwd"]
    {
        let session = registry.session(REPO);
        registry.ask("PUT", &session).query("digest", digest).body(b"hello").error(400, "DIGEST_INVALID");
        let post = registry.ask("POST", &format!("/v2/{REPO}/blobs/uploads/"));
        post.query("digest", digest).body(b"hello").error(400, "DIGEST_INVALID");
    }
}

#[test]
fn r01_a_hint_for_the_algorithm_is_taken() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha512, 100);
    let uploads = format!("/v2/{REPO}/blobs/uploads/");
    let session = registry.ask("POST", &uploads).query("digest-algorithm", "sha512").expect(202).location();
    registry.ask("PUT", &session).query("digest", blob.digest).body(&blob.bytes).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_what_is_there_already_is_pushed_again_without_harm() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 3000);
    for flow in FLOWS {
        registry.pushes(flow, &blob);
    }
}

#[test]
fn r01_parameters_that_a_location_has_are_the_servers() {
    // Clients set `digest` in the query that a Location has, and keep the rest; a `+` and an escape mean what they do in queries.
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 10);
    let session = registry.session(REPO);
    let put = registry.ask("PUT", &session).query("other", "a b/c").query("digest", blob.digest);
    put.body(&blob.bytes).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_an_upload_goes_on_after_the_server_does() {
    let mut registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha512, 2 * CHUNK);
    let session = registry.session(REPO);
    registry.chunk(&session, 0, &blob.bytes[..CHUNK]).expect(202);
    let path = Url::parse(&session).unwrap();
    registry.restart();
    let session = &path[Position::BeforePath..];
    assert_eq!(registry.arrived(session), format!("0-{}", CHUNK - 1));
    let rest = registry.chunk(session, CHUNK, &blob.bytes[CHUNK..]).expect(202);
    registry.ask("PUT", &rest.location()).query("digest", blob.digest).expect(201);
    registry.has_blob(REPO, &blob);
}

#[test]
fn r01_a_refusal_arrives_though_the_body_is_long() {
    let registry = Registry::start();
    let session = registry.session(REPO);
    let bytes = vec![7; 16 << 20];
    for chunked in [false, true] {
        let send = |method: &str, target: &str| {
            let ask = registry.ask(method, target).query("digest", "sha256:short").header("Content-Range", "5-9");
            if chunked { ask.chunked(&bytes).send() } else { ask.body(&bytes).send() }
        };
        send("PATCH", &session).expect(416);
        send("PUT", &session).error(400, "DIGEST_INVALID");
        send("PUT", &format!("{session}0")).error(400, "DIGEST_INVALID");
        send("POST", &format!("/v2/{REPO}/blobs/uploads/")).error(400, "DIGEST_INVALID");
        send("PUT", &format!("/v2/{REPO}/tags/list")).error(405, "UNSUPPORTED");
    }
    assert_eq!(registry.arrived(&session), "0-0");
}
