//! Client: a registry client that does exactly what a test says, one request each.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use imgctl::oci::Digest;

use crate::support::http::{Request, Response, read_response, request};
use crate::support::image::TestImage;
use crate::support::serve::Serve;

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    url: String,
}

impl Client {
    /// A client of `server`.
    pub fn of(server: &Serve) -> Self {
        Self { url: server.url().to_owned() }
    }

    /// A request to a path, or to a location that an answer named.
    pub fn request(&self, method: &str, location: &str) -> Request {
        request(method, &self.at(location))
    }

    /// Sends a plain GET.
    pub fn get(&self, location: &str) -> Response {
        self.request("GET", location).send()
    }

    /// Starts an upload; its location.
    pub fn start(&self, repository: &str) -> String {
        let answer = self.request("POST", &format!("/v2/{repository}/blobs/uploads/")).send().expect(202);
        answer.header("location").to_owned()
    }

    /// Sends bytes to an upload, as a stream.
    pub fn append(&self, upload: &str, bytes: &[u8]) -> Response {
        self.request("PATCH", upload).body(bytes).send()
    }

    /// Sends chunks of a body to an upload, as they are, of which nobody says how many there will be.
    pub fn stream(&self, upload: &str, chunks: &[u8]) -> Response {
        let (host, path) = self.at(upload).strip_prefix("http://").unwrap().split_once('/').map(own).unwrap();
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("PATCH /{path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // The server may have heard enough before the end.
        let _ = stream.write_all(chunks);
        read_response(BufReader::new(stream), false).unwrap()
    }

    /// Sends bytes to an upload that belong at an offset.
    pub fn chunk(&self, upload: &str, first: usize, bytes: &[u8]) -> Response {
        let range = format!("{first}-{}", first + bytes.len() - 1);
        self.request("PATCH", upload).header("Content-Range", &range).body(bytes).send()
    }

    /// Ends an upload with a digest, or what stands in the place of one.
    pub fn finish(&self, upload: &str, digest: impl std::fmt::Display, bytes: &[u8]) -> Response {
        let separator = if upload.contains('?') { '&' } else { '?' };
        self.request("PUT", &format!("{upload}{separator}digest={digest}")).body(bytes).send()
    }

    /// How many bytes of an upload are there; `None` where there is no upload.
    pub fn offset(&self, upload: &str) -> Option<usize> {
        let status = self.get(upload);
        if status.status == 404 {
            return None;
        }
        let last = status.expect(204).header("range").strip_prefix("0-").unwrap().parse::<usize>().unwrap();
        Some(if last == 0 { 0 } else { last + 1 })
    }

    /// Pushes a blob.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.request("POST", &path).body(bytes).send().expect(201);
        digest
    }

    /// Puts the manifest of an image alone.
    pub fn put_manifest(&self, repository: &str, reference: impl std::fmt::Display, image: &TestImage) -> Response {
        let put = self.request("PUT", &format!("/v2/{repository}/manifests/{reference}"));
        put.header("Content-Type", image.media_type.as_str()).body(image.manifest.to_vec()).send()
    }

    /// Pushes an image and all below it.
    pub fn push(&self, repository: &str, tag: &str, image: &TestImage) {
        for part in image.all() {
            part.blobs.values().for_each(|blob| _ = self.push_blob(repository, blob));
            let reference = if part.digest() == image.digest() { tag.to_owned() } else { part.digest().to_string() };
            self.put_manifest(repository, reference, part).expect(201);
        }
    }

    /// The status of a blob.
    pub fn blob_status(&self, repository: &str, digest: &Digest) -> u16 {
        self.request("HEAD", &format!("/v2/{repository}/blobs/{digest}")).send().status
    }

    /// Asserts that an image, all of it, is there byte for byte.
    #[track_caller]
    pub fn assert_whole(&self, repository: &str, tag: &str, image: &TestImage) {
        let tagged = self.get(&format!("/v2/{repository}/manifests/{tag}")).expect(200);
        assert_eq!(tagged.header("docker-content-digest"), image.digest().to_string());
        for part in image.all() {
            let answer = self.get(&format!("/v2/{repository}/manifests/{}", part.digest())).expect(200);
            assert_eq!(answer.body, part.manifest);
            for (digest, blob) in &part.blobs {
                assert_eq!(self.get(&format!("/v2/{repository}/blobs/{digest}")).expect(200).body, *blob);
            }
        }
    }

    /// The tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let list = self.get(&format!("/v2/{repository}/tags/list")).expect(200).json();
        list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
    }

    /// Sends the head of a request that announces a body, and the beginning of that body.
    pub fn begin(&self, method: &str, location: &str, announced: usize, bytes: &[u8]) -> Begun {
        let (host, path) = self.at(location).strip_prefix("http://").unwrap().split_once('/').map(own).unwrap();
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {announced}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(bytes).unwrap();
        Begun(stream)
    }

    fn at(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.url) } else { location.to_owned() }
    }
}

fn own((host, path): (&str, &str)) -> (String, String) {
    (host.to_owned(), path.to_owned())
}

/// A request whose body is on its way.
pub struct Begun(TcpStream);

impl Begun {
    /// Sends more of the body. Errs where the server hung up.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The answer.
    pub fn answer(self) -> std::io::Result<Response> {
        read_response(BufReader::new(self.0), false)
    }
}

/// Asks again until it is so; panics where it never is.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
