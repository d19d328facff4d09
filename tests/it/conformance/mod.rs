//! R01: every MUST and SHOULD of the distribution spec against `imgctl serve`, and what its main branch adds
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md)).
//!
//! * [`wire`] the client · [`sets`], [`cases`] content to push, from a plain image to sparse indexes
//! * [`walk`] pushes, lists, pulls and deletes each of these sets
//! * [`blobs`], [`manifests`] pulling · [`uploads`], [`mounts`], [`pushes`] pushing
//! * [`discovery`], [`referrers`] asking what is there · [`management`] removing it

mod blobs;
mod cases;
mod discovery;
mod management;
mod manifests;
mod mounts;
mod pushes;
mod referrers;
mod sets;
mod uploads;
mod walk;
mod wire;

use imgctl::oci::Digest;
use rustix::process::Signal;

use self::sets::{Blob, Manifest};
use self::uploads::Flow;
use self::wire::{Answer, Ask, Wire};
use crate::support::env::Env;
use crate::support::serve::Serve;

const REPO: &str = "conformance/repo1";
const OTHER: &str = "conformance/repo2";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server over an empty store, and a client of it.
struct Registry {
    wire: Wire,
    serve: Serve,
    env: Env,
    args: &'static [&'static str],
}

impl Registry {
    /// One that lets content be deleted.
    fn start() -> Self {
        Self::with(&["--allow-delete"])
    }

    fn with(args: &'static [&'static str]) -> Self {
        let env = Env::new();
        let serve = Serve::start(&env, args);
        Self { wire: Wire::new(serve.url()), serve, env, args }
    }

    /// Kills the server and starts another one over the same store, at another address.
    fn restart(&mut self) {
        self.serve.signal(Signal::KILL);
        self.serve = Serve::start(&self.env, self.args);
        self.wire = Wire::new(self.serve.url());
    }

    fn ask(&self, method: &str, target: &str) -> Ask<'_> {
        self.wire.ask(method, target)
    }

    fn on_blob(&self, method: &str, repository: &str, digest: &Digest) -> Ask<'_> {
        self.ask(method, &format!("/v2/{repository}/blobs/{digest}"))
    }

    /// `reference` is a tag or a digest.
    fn on_manifest(&self, method: &str, repository: &str, reference: impl ToString) -> Ask<'_> {
        let target = format!("/v2/{repository}/manifests/{}", reference.to_string());
        self.ask(method, &target).header("Accept", INDEX).header("Accept", IMAGE)
    }

    fn put_manifest(&self, repository: &str, reference: impl ToString, manifest: &Manifest) -> Ask<'_> {
        let target = format!("/v2/{repository}/manifests/{}", reference.to_string());
        self.ask("PUT", &target).header("Content-Type", &manifest.media_type).chunked(&manifest.bytes)
    }

    /// Pushes a blob, whichever way.
    #[track_caller]
    fn push_blob(&self, repository: &str, blob: &Blob) {
        self.push(Flow::PostPut, repository, blob).expect(201);
    }

    /// A manifest without content of its own, pushed under `tags` and by digest.
    #[track_caller]
    fn push_small(&self, repository: &str, tags: &[&str]) -> Manifest {
        let mut set = sets::Set::new();
        set.image();
        let manifest = set.manifests.pop().unwrap();
        for blob in &set.blobs {
            self.push_blob(repository, blob);
        }
        self.put_manifest(repository, manifest.digest, &manifest).expect(201);
        for tag in tags {
            self.put_manifest(repository, tag, &manifest).expect(201);
        }
        manifest
    }

    /// The blob can be had, whole and named rightly.
    #[track_caller]
    fn has_blob(&self, repository: &str, blob: &Blob) {
        for method in ["HEAD", "GET"] {
            let answer = self.on_blob(method, repository, &blob.digest).expect(200);
            assert_eq!(answer.header("content-length"), blob.bytes.len().to_string(), "{method}");
            assert_eq!(answer.header("docker-content-digest"), blob.digest.to_string(), "{method}");
            assert_eq!(answer.bytes(), if method == "GET" { &blob.bytes[..] } else { b"" });
        }
    }

    /// The manifest can be had under `reference`, byte for byte.
    #[track_caller]
    fn has_manifest(&self, repository: &str, reference: impl ToString, manifest: &Manifest) {
        for method in ["HEAD", "GET"] {
            let answer = self.on_manifest(method, repository, reference.to_string()).expect(200);
            assert_eq!(answer.header("content-type"), manifest.media_type, "{method}");
            assert_eq!(answer.header("content-length"), manifest.bytes.len().to_string(), "{method}");
            assert_eq!(answer.header("docker-content-digest"), manifest.digest.to_string(), "{method}");
            assert!(answer.bytes() == if method == "GET" { &manifest.bytes[..] } else { b"" }, "{method}: other bytes");
        }
    }

    fn tags(&self, repository: &str) -> Answer {
        self.ask("GET", &format!("/v2/{repository}/tags/list")).send()
    }
}
