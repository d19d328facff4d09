//! Deleting tags, manifests and blobs
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management)).

use imgctl::oci::{Algorithm, Digest};

use super::sets::{Blob, Set};
use super::{OTHER, REPO, Registry};

#[test]
fn r01_a_tag_goes_and_its_manifest_stays() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["one", "two"]);
    registry.on_manifest("DELETE", REPO, "one").expect(202);
    registry.on_manifest("GET", REPO, "one").error(404, "MANIFEST_UNKNOWN");
    registry.has_manifest(REPO, "two", &manifest);
    registry.on_manifest("DELETE", REPO, "two").expect(202);
    registry.has_manifest(REPO, manifest.digest, &manifest);
}

#[test]
fn r01_a_manifest_goes_with_all_its_tags() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["one", "two"]);
    let kept = registry.push_small(REPO, &["three"]);
    registry.on_manifest("DELETE", REPO, manifest.digest).expect(202);
    for reference in ["one".to_owned(), "two".to_owned(), manifest.digest.to_string()] {
        registry.on_manifest("GET", REPO, &reference).error(404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(registry.tags(REPO).expect(200).json()["tags"], serde_json::json!(["three"]));
    registry.has_manifest(REPO, "three", &kept);
}

#[test]
fn r01_what_is_not_there_cannot_be_deleted() {
    let registry = Registry::start();
    let missing = Digest::of(b"missing");
    for _ in 0..2 {
        for repository in [REPO, OTHER] {
            for reference in ["missing".to_owned(), missing.to_string()] {
                registry.on_manifest("DELETE", repository, &reference).expect(404);
            }
            registry.on_blob("DELETE", repository, &missing).expect(404);
        }
        registry.push_small(REPO, &["v1"]);
    }
}

#[test]
fn r01_what_is_deleted_once_is_gone_the_second_time() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    for status in [202, 404] {
        registry.on_manifest("DELETE", REPO, "v1").expect(status);
    }
    for status in [202, 404] {
        registry.on_manifest("DELETE", REPO, manifest.digest).expect(status);
    }
    let blob = Blob::random(Algorithm::Sha256, 10);
    registry.push_blob(REPO, &blob);
    for status in [202, 404] {
        registry.on_blob("DELETE", REPO, &blob.digest).expect(status);
    }
}

#[test]
fn r01_a_manifest_that_an_index_names_can_be_deleted() {
    let registry = Registry::start();
    let mut set = Set::new();
    set.platforms();
    for blob in &set.blobs {
        registry.push_blob(REPO, blob);
    }
    for manifest in &set.manifests {
        registry.put_manifest(REPO, manifest.digest, manifest).expect(201);
    }
    let index = set.manifests.last().unwrap();
    registry.put_manifest(REPO, "index", index).expect(201);
    registry.on_manifest("DELETE", REPO, set.manifests[0].digest).expect(202);
    registry.on_manifest("GET", REPO, set.manifests[0].digest).expect(404);
    registry.has_manifest(REPO, "index", index);
    registry.has_manifest(REPO, set.manifests[1].digest, &set.manifests[1]);
}

#[test]
fn r01_a_blob_that_a_manifest_names_can_be_deleted() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    let layer: Digest = manifest.document()["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    registry.on_blob("DELETE", REPO, &layer).expect(202);
    registry.on_blob("GET", REPO, &layer).error(404, "BLOB_UNKNOWN");
    registry.has_manifest(REPO, "v1", &manifest);
}

#[test]
fn r01_one_repository_deletes_nothing_of_another() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    let blobs: Vec<Digest> = manifest.document()["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["digest"].as_str().unwrap().parse().unwrap())
        .collect();
    for digest in &blobs {
        let uploads = format!("/v2/{OTHER}/blobs/uploads/");
        registry.ask("POST", &uploads).query("mount", digest).query("from", REPO).expect(201);
    }
    registry.put_manifest(OTHER, "v1", &manifest).expect(201);
    registry.on_manifest("DELETE", REPO, manifest.digest).expect(202);
    for digest in &blobs {
        registry.on_blob("DELETE", REPO, digest).expect(202);
        registry.on_blob("GET", OTHER, digest).expect(200);
    }
    registry.has_manifest(OTHER, "v1", &manifest);
    registry.on_manifest("GET", REPO, "v1").expect(404);
}

#[test]
fn r01_a_server_that_deletes_nothing_says_so() {
    let registry = Registry::with(&[]);
    let manifest = registry.push_small(REPO, &["v1"]);
    let layer: Digest = manifest.document()["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    for reference in ["v1".to_owned(), manifest.digest.to_string(), "missing".to_owned()] {
        registry.on_manifest("DELETE", REPO, &reference).error(405, "UNSUPPORTED");
    }
    registry.on_blob("DELETE", REPO, &layer).error(405, "UNSUPPORTED");
    registry.has_manifest(REPO, "v1", &manifest);
    registry.on_blob("HEAD", REPO, &layer).expect(200);
}

#[test]
fn r01_methods_that_an_endpoint_does_not_have_are_refused() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    for (method, target) in [
        ("POST", format!("/v2/{REPO}/manifests/v1")),
        ("PATCH", format!("/v2/{REPO}/blobs/{}", manifest.digest)),
        ("DELETE", format!("/v2/{REPO}/tags/list")),
        ("PUT", "/v2/_catalog".to_owned()),
        ("POST", format!("/v2/{REPO}/referrers/{}", manifest.digest)),
    ] {
        let answer = registry.ask(method, &target).error(405, "UNSUPPORTED");
        assert!(!answer.header("allow").is_empty(), "{method} {target}");
    }
}
