//! Pushing manifests ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests)).

use imgctl::oci::{Algorithm, Digest};
use serde_json::json;

use super::sets::{ARTIFACT, Manifest, Set};
use super::{IMAGE, INDEX, REPO, Registry};

const LIMIT: usize = 4 << 20;

/// An index over nothing with `extra` behind it: the least that can be pushed.
fn empty_index(extra: &str) -> Manifest {
    Manifest::of(INDEX, format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}{extra}"#))
}

#[test]
fn r01_a_manifest_is_stored_as_it_came() {
    let registry = Registry::start();
    let odd = [
        format!("\n{{ \"manifests\" :\t[ ],\r\n \"mediaType\":\"{INDEX}\",\"schemaVersion\":2 }}\n\n"),
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"x":1.0e+2,"y":"\u00e9é\/","z":{{}}}}"#),
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"n":123456789012345678901234567890}}"#),
    ];
    for bytes in odd {
        let manifest = Manifest::of(INDEX, bytes);
        registry.put_manifest(REPO, "odd", &manifest).expect(201);
        registry.has_manifest(REPO, "odd", &manifest);
        registry.has_manifest(REPO, manifest.digest, &manifest);
    }
}

#[test]
fn r01_a_manifest_with_another_digest_is_refused() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["kept"]);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = Digest::with(algorithm, b"something else");
        registry.put_manifest(REPO, digest, &manifest).error(400, "DIGEST_INVALID");
        registry.put_manifest(REPO, digest, &manifest).query("tag", "new").error(400, "DIGEST_INVALID");
        registry.on_manifest("GET", REPO, digest).expect(404);
    }
    registry.on_manifest("GET", REPO, "new").expect(404);
    let longer = Manifest { bytes: [&manifest.bytes[..], b"  "].concat(), ..manifest.clone() };
    registry.put_manifest(REPO, longer.digest, &longer).error(400, "DIGEST_INVALID");
    registry.has_manifest(REPO, "kept", &manifest);
}

#[test]
fn r01_what_is_no_manifest_is_refused() {
    let registry = Registry::start();
    for bytes in ["", "{", "[]", "null", "hello", "\u{feff}{}", r#"{"schemaVersion":2,"config":[],"layers":{}}"#] {
        let manifest = Manifest::of(IMAGE, bytes);
        registry.put_manifest(REPO, "bad", &manifest).error(400, "MANIFEST_INVALID");
        registry.put_manifest(REPO, manifest.digest, &manifest).error(400, "MANIFEST_INVALID");
        registry.on_manifest("GET", REPO, manifest.digest).expect(404);
    }
    registry.on_manifest("GET", REPO, "bad").expect(404);
}

#[test]
fn r01_a_manifest_is_of_the_type_it_says() {
    let registry = Registry::start();
    let index = empty_index("");
    let lie = Manifest { media_type: IMAGE.to_owned(), ..index.clone() };
    registry.put_manifest(REPO, "lie", &lie).error(400, "MANIFEST_INVALID");
    registry.on_manifest("GET", REPO, "lie").expect(404);
    let parameters = Manifest { media_type: format!("{INDEX}; charset=utf-8"), ..index.clone() };
    registry.put_manifest(REPO, "parameters", &parameters).expect(201);
    registry.has_manifest(REPO, "parameters", &index);
}

#[test]
fn r01_a_manifest_without_a_type_of_its_own_has_that_of_its_put() {
    let registry = Registry::start();
    let untyped = Manifest::of(INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
    registry.put_manifest(REPO, "untyped", &untyped).expect(201);
    registry.has_manifest(REPO, "untyped", &untyped);
}

#[test]
fn r01_a_manifest_says_its_type_where_its_put_does_not() {
    let registry = Registry::start();
    let index = empty_index("");
    registry.ask("PUT", &format!("/v2/{REPO}/manifests/v1")).chunked(&index.bytes).expect(201);
    registry.has_manifest(REPO, "v1", &index);
}

#[test]
fn r01_the_types_of_docker_are_kept() {
    let registry = Registry::start();
    let mut set = Set::new();
    let kind = |name: &str| format!("application/vnd.docker.distribution.manifest.{name}");
    let config = set.blob("application/vnd.docker.container.image.v1+json", "{}");
    let layer = set.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", "layer");
    let child =
        set.manifest(&json!({ "schemaVersion": 2, "mediaType": kind("v2+json"), "config": config, "layers": [layer] }));
    set.manifest(&json!({ "schemaVersion": 2, "mediaType": kind("list.v2+json"), "manifests": [child] }));
    for blob in &set.blobs {
        registry.push_blob(REPO, blob);
    }
    for manifest in &set.manifests {
        registry.put_manifest(REPO, "docker", manifest).expect(201);
        registry.has_manifest(REPO, "docker", manifest);
    }
}

#[test]
fn r01_four_mebibytes_are_taken_and_more_is_too_much() {
    let registry = Registry::start();
    let size = LIMIT - empty_index("").bytes.len();
    let largest = empty_index(&" ".repeat(size));
    registry.put_manifest(REPO, "large", &largest).expect(201);
    registry.has_manifest(REPO, "large", &largest);
    let larger = empty_index(&" ".repeat(size + 1));
    registry.put_manifest(REPO, "larger", &larger).expect(413);
    let said = registry.ask("PUT", &format!("/v2/{REPO}/manifests/larger")).header("Content-Type", INDEX);
    said.body(&larger.bytes).expect(413);
    registry.on_manifest("GET", REPO, "larger").expect(404);
}

#[test]
fn r01_a_tag_moves_and_what_it_named_stays() {
    let registry = Registry::start();
    let [old, new] = [registry.push_small(REPO, &["v1", "v1"]), registry.push_small(REPO, &["v1"])];
    registry.has_manifest(REPO, "v1", &new);
    registry.has_manifest(REPO, old.digest, &old);
    registry.put_manifest(REPO, "v1", &old).expect(201);
    registry.has_manifest(REPO, "v1", &old);
    registry.has_manifest(REPO, new.digest, &new);
}

#[test]
fn r01_many_tags_come_with_one_digest() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &[]);
    let tags: Vec<_> = (0..20).map(|number| format!("v{number}")).collect();
    let put =
        tags.iter().fold(registry.put_manifest(REPO, manifest.digest, &manifest), |put, tag| put.query("tag", tag));
    let answer = put.expect(201);
    let mut made = answer.list("oci-tag");
    made.sort_unstable();
    let mut expected: Vec<_> = tags.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(made, expected);
    for tag in &tags {
        registry.has_manifest(REPO, tag, &manifest);
    }
}

#[test]
fn r01_too_many_tags_are_told_and_none_is_made() {
    let registry = Registry::start();
    let manifest = empty_index("");
    let put = registry.put_manifest(REPO, manifest.digest, &manifest);
    let put = (0..1000).fold(put, |put, number| put.query("tag", format!("v{number}")));
    assert_eq!(put.expect(414).header("oci-tag"), "");
    registry.on_manifest("GET", REPO, "v0").expect(404);
}

#[test]
fn r01_a_tag_that_is_none_makes_no_tag_at_all() {
    let registry = Registry::start();
    let manifest = empty_index("");
    for tag in ["-bad", "", "a/b", &"x".repeat(129)] {
        let put = registry.put_manifest(REPO, manifest.digest, &manifest).query("tag", "good").query("tag", tag);
        assert_eq!(put.expect(400).header("oci-tag"), "", "{tag:?}");
    }
    registry.on_manifest("GET", REPO, "good").expect(404);
}

#[test]
fn r01_a_subject_is_acknowledged() {
    let registry = Registry::start();
    let subject = empty_index("").descriptor();
    let referrer = Manifest::of_document(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
        "artifactType": ARTIFACT, "subject": subject }));
    for reference in ["tagged".to_owned(), referrer.digest.to_string()] {
        let answer = registry.put_manifest(REPO, reference, &referrer).expect(201);
        assert_eq!(answer.header("oci-subject"), subject["digest"].as_str().unwrap());
    }
    assert_eq!(registry.put_manifest(REPO, "plain", &empty_index("")).expect(201).header("oci-subject"), "");
}

#[test]
fn r01_a_subject_that_cannot_be_is_refused() {
    let registry = Registry::start();
    for digest in ["sha256:short", "", "md5:5d41402abc4b2a76b9719d911017c592"] {
        let subject = json!({ "mediaType": IMAGE, "size": 1, "digest": digest });
        let manifest = Manifest::of_document(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
            "subject": subject }));
        registry.put_manifest(REPO, "bad", &manifest).error(400, "MANIFEST_INVALID");
    }
}
