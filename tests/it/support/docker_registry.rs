//! docker-registry: the real one (distribution 2.8.2), with storage of its own, filled without the program under test.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use imgctl::oci::Digest;
use tempfile::TempDir;

use super::certificates::Authority;
use super::daemon::{Daemon, await_text};
use super::env;
use super::http::{self, Request, Response};
use super::image::TestImage;
use super::token_issuer::Issuer;
use super::token_server::TokenServer;

/// Who may do what.
enum Access {
    Open,
    Password { user: String, password: String },
    Token(Issuer),
}

/// A running registry.
pub struct DockerRegistry {
    daemon: Daemon,
    directory: TempDir,
    host: String,
    /// The certificate of the authority, where it speaks TLS.
    ca: Option<String>,
    access: Access,
    probes: AtomicUsize,
}

/// A line of its access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// What it was answered with.
    pub status: u16,
    /// Bytes of the answer.
    pub sent: u64,
}

impl DockerRegistry {
    /// Open to everybody.
    pub fn open() -> Self {
        Self::start("127.0.0.1:0", Access::Open, None)
    }

    /// Open to everybody, speaking TLS itself.
    pub fn with_tls(authority: &Authority) -> Self {
        Self::start("127.0.0.1:0", Access::Open, Some(authority))
    }

    /// Open to everybody, on another address: `[::1]:0`.
    pub fn open_on(address: &str) -> Self {
        Self::start(address, Access::Open, None)
    }

    /// Open to one user, by Basic.
    pub fn with_password(user: &str, password: &str) -> Self {
        Self::start("127.0.0.1:0", Access::Password { user: user.to_owned(), password: password.to_owned() }, None)
    }

    /// Open to whom the token server gives a token.
    pub fn with_tokens(server: &TokenServer) -> Self {
        Self::with_tokens_of(server.issuer())
    }

    /// The same with another realm in the challenge.
    pub fn with_tokens_of(issuer: Issuer) -> Self {
        Self::start("127.0.0.1:0", Access::Token(issuer), None)
    }

    fn start(address: &str, access: Access, tls: Option<&Authority>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let root = path.display();
        let auth = match &access {
            Access::Open => String::new(),
            Access::Password { user, password } => {
                let entry = env::tool("htpasswd", ["-Bbn", "-C", "4", user, password]);
                fs::write(path.join("htpasswd"), &entry.stdout).unwrap();
                format!("auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}\n")
            }
            Access::Token(issuer) => {
                fs::write(path.join("token.crt"), &issuer.certificate).unwrap();
                let (realm, service, issuer) = (&issuer.realm, &issuer.service, &issuer.name);
                format!(
                    "auth: {{token: {{realm: \"{realm}\", service: \"{service}\", issuer: \"{issuer}\", \
                     rootcertbundle: {root}/token.crt}}}}\n"
                )
            }
        };
        let certificate = tls.map(|authority| authority.localhost().write(path, "server"));
        let certificate = certificate.map_or_else(String::new, |(certificate, key)| {
            format!(", tls: {{certificate: {}, key: {}}}", certificate.display(), key.display())
        });
        let configuration = format!(
            "version: 0.1\nlog: {{level: debug}}\nhttp: {{addr: \"{address}\", secret: test{certificate}}}\n\
             storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}\n{auth}"
        );
        fs::write(path.join("config.yml"), configuration).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path.join("config.yml")).env("OTEL_TRACES_EXPORTER", "none");
        let (daemon, host) = Daemon::start(command, &path.join("log"), listening);
        let ca = tls.map(|authority| authority.pem().to_owned());
        Self { daemon, directory, host, ca, access, probes: AtomicUsize::new(0) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `127.0.0.1:PORT/NAME`, as it is written on a command line.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Puts an image, everything below it, and a tag.
    pub fn put_image(&self, repository: &str, tag: &str, image: &TestImage) {
        for image in image.all() {
            for blob in image.blobs.values() {
                self.put_blob(repository, blob);
            }
            self.put_manifest(repository, &image.digest().to_string(), image);
        }
        self.put_manifest(repository, tag, image);
    }

    /// Puts a blob.
    pub fn put_blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let upload = self.ask("POST", repository, "blobs/uploads/").send().expect(202);
        let location = format!("{}&digest={digest}", upload.header("location"));
        let put = self.request("PUT", &location).authorization(self.authorization(repository).as_deref());
        put.header("Content-Type", "application/octet-stream").body(content).send().expect(201);
        digest
    }

    /// Puts a manifest under a tag or its digest.
    pub fn put_manifest(&self, repository: &str, tag_or_digest: &str, image: &TestImage) {
        let put = self.ask("PUT", repository, &format!("manifests/{tag_or_digest}"));
        put.header("Content-Type", image.media_type.as_str()).body(&image.manifest[..]).send().expect(201);
    }

    /// A manifest and its `Content-Type`; none where there is none.
    pub fn manifest(&self, repository: &str, tag_or_digest: &str) -> Option<(Vec<u8>, String)> {
        let get = self.ask("GET", repository, &format!("manifests/{tag_or_digest}"));
        let accept = imgctl::oci::MediaType::MANIFESTS.map(|media_type| media_type.to_string()).join(", ");
        let response = get.header("Accept", &accept).send();
        let content_type = response.header("content-type").to_owned();
        found(response).map(|response| (response.body, content_type))
    }

    /// A blob; none where there is none.
    pub fn blob(&self, repository: &str, digest: Digest) -> Option<Vec<u8>> {
        found(self.ask("GET", repository, &format!("blobs/{digest}")).send()).map(|response| response.body)
    }

    /// Whether a blob is there.
    pub fn has_blob(&self, repository: &str, digest: Digest) -> bool {
        found(self.ask("HEAD", repository, &format!("blobs/{digest}")).send()).is_some()
    }

    /// Whether the image is there under `tag`, byte for byte, with all that is below it.
    pub fn has_image(&self, repository: &str, tag: &str, image: &TestImage) -> bool {
        let same = |name: &str, image: &TestImage| {
            self.manifest(repository, name).is_some_and(|(manifest, _)| manifest == image.manifest)
        };
        let whole = |image: &TestImage| {
            let blobs = image.blobs.iter();
            same(&image.digest().to_string(), image) && { blobs }
                .all(|(digest, blob)| self.blob(repository, *digest).is_some_and(|found| found == *blob))
        };
        same(tag, image) && image.all().into_iter().all(whole)
    }

    /// The tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let Some(response) = found(self.ask("GET", repository, "tags/list").send()) else { return Vec::new() };
        let tags = response.json()["tags"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
    }

    /// What it was asked, oldest first, the questions of this type included.
    pub fn request_log(&self) -> Vec<Logged> {
        // It writes a request down after it answered; it is there once a later one is.
        let mark = format!("/v2/?probe={}", self.probes.fetch_add(1, Ordering::Relaxed));
        self.request("GET", &format!("{}{mark}", self.origin())).send();
        let log = await_text(&self.directory.path().join("log"), &format!("{mark} HTTP/1.1\" "));
        log.lines().filter_map(logged).filter(|request| !request.uri.contains("?probe=")).collect()
    }

    /// Everything it said.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Where it keeps a blob, for tests that damage it.
    pub fn blob_path(&self, digest: Digest) -> std::path::PathBuf {
        let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
        let path = format!("data/docker/registry/v2/blobs/{algorithm}/{}/{hex}/data", &hex[..2]);
        self.directory.path().join(path)
    }

    /// A request about `repository`, authorised.
    pub fn ask(&self, method: &str, repository: &str, rest: &str) -> Request {
        let request = self.request(method, &format!("{}/v2/{repository}/{rest}", self.origin()));
        request.authorization(self.authorization(repository).as_deref())
    }

    fn origin(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    fn request(&self, method: &str, url: &str) -> Request {
        let request = http::request(method, url);
        match &self.ca {
            Some(ca) => request.trusting(ca),
            None => request,
        }
    }

    fn authorization(&self, repository: &str) -> Option<String> {
        match &self.access {
            Access::Open => None,
            Access::Password { user, password } => Some(http::basic(user, password)),
            Access::Token(issuer) => {
                let token = issuer.token("test", &[format!("repository:{repository}:pull,push,delete")]);
                Some(format!("Bearer {token}"))
            }
        }
    }
}

fn listening(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("listening on ")?;
    let (address, _) = rest.split_once(['"', ','])?;
    Some(address.to_owned())
}

fn found(response: Response) -> Option<Response> {
    if response.status == 404 { None } else { Some(response.expect(200)) }
}

/// `127.0.0.1 - - [date] "GET /v2/ HTTP/1.1" 200 2 "" "agent"`
fn logged(line: &str) -> Option<Logged> {
    let mut quoted = line.split('"');
    let (_, request, rest) = (quoted.next()?, quoted.next()?, quoted.next()?);
    let mut words = request.split(' ');
    let (method, uri) = (words.next()?.to_owned(), words.next()?.to_owned());
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let mut numbers = rest.split_whitespace();
    Some(Logged { method, uri, status: numbers.next()?.parse().ok()?, sent: numbers.next()?.parse().ok()? })
}
