//! Mounting blobs from other repositories
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository)).

use imgctl::oci::{Algorithm, Digest};

use super::sets::Blob;
use super::wire::Ask;
use super::{OTHER, REPO, Registry};

fn mount<'a>(registry: &'a Registry, digest: &Digest) -> Ask<'a> {
    registry.ask("POST", &format!("/v2/{REPO}/blobs/uploads/")).query("mount", digest)
}

#[test]
fn r01_a_blob_is_mounted_from_another_repository() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let registry = Registry::start();
        let blob = Blob::random(algorithm, 512);
        registry.push_blob(OTHER, &blob);
        registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
        let mounted = mount(&registry, &blob.digest).query("from", OTHER).expect(201);
        assert_eq!(mounted.header("docker-content-digest"), blob.digest.to_string());
        assert_eq!(registry.ask("GET", &mounted.location()).expect(200).bytes(), blob.bytes);
        assert!(mounted.location().contains(REPO), "{}", mounted.location());
        registry.has_blob(REPO, &blob);
        each_has_its_own(&registry, &blob);
    }
}

#[test]
fn r01_a_blob_is_mounted_from_wherever_it_is() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 512);
    registry.push_blob(OTHER, &blob);
    let mounted = mount(&registry, &blob.digest).expect(201);
    assert_eq!(registry.ask("GET", &mounted.location()).expect(200).bytes(), blob.bytes);
    each_has_its_own(&registry, &blob);
}

/// What one repository deletes, the other keeps.
#[track_caller]
fn each_has_its_own(registry: &Registry, blob: &Blob) {
    registry.on_blob("DELETE", OTHER, &blob.digest).expect(202);
    registry.on_blob("HEAD", OTHER, &blob.digest).expect(404);
    registry.has_blob(REPO, blob);
    registry.on_blob("DELETE", REPO, &blob.digest).expect(202);
    registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
}

#[test]
fn r01_what_cannot_be_mounted_is_uploaded() {
    let registry = Registry::start();
    for from in [Some(OTHER), Some("conformance/nowhere"), Some("NOT/A/NAME"), None] {
        let blob = Blob::random(Algorithm::Sha256, 512);
        let mut ask = mount(&registry, &blob.digest);
        if let Some(from) = from {
            ask = ask.query("from", from);
        }
        let session = ask.expect(202).location();
        registry.ask("PUT", &session).query("digest", blob.digest).body(&blob.bytes).expect(201);
        registry.has_blob(REPO, &blob);
    }
}

#[test]
fn r01_what_is_in_a_third_repository_only_is_not_in_the_one_that_is_named() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 512);
    registry.push_blob("conformance/third", &blob);
    mount(&registry, &blob.digest).query("from", OTHER).expect(202);
    registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
}

#[test]
fn r01_a_digest_that_is_none_cannot_be_mounted() {
    let registry = Registry::start();
    let uploads = format!("/v2/{REPO}/blobs/uploads/");
    let answer = registry.ask("POST", &uploads).query("mount", "sha256:short").query("from", OTHER).send();
    assert!(matches!(answer.status(), 202 | 400), "{}", answer.status());
}

#[test]
fn r01_a_mount_of_what_is_there_is_no_error() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 512);
    registry.push_blob(REPO, &blob);
    mount(&registry, &blob.digest).query("from", REPO).expect(201);
    registry.has_blob(REPO, &blob);
}
