//! Pulling manifests ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests)).

use imgctl::oci::Digest;

use super::{OTHER, REPO, Registry};

#[test]
fn r01_a_manifest_that_was_never_pushed_is_unknown() {
    let registry = Registry::start();
    registry.push_small(REPO, &["here"]);
    for reference in ["missing".to_owned(), Digest::of(b"missing").to_string()] {
        registry.on_manifest("GET", REPO, &reference).error(404, "MANIFEST_UNKNOWN");
        let head = registry.on_manifest("HEAD", REPO, &reference).expect(404);
        assert_eq!(head.bytes(), b"");
    }
    for reference in ["here".to_owned(), Digest::of(b"missing").to_string()] {
        let answer = registry.on_manifest("GET", OTHER, &reference).expect(404);
        let code = answer.json()["errors"][0]["code"].clone();
        assert!(["MANIFEST_UNKNOWN", "NAME_UNKNOWN"].contains(&code.as_str().unwrap()), "{code}");
    }
}

#[test]
fn r01_a_reference_that_is_none_is_an_error_of_the_client() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["here"]);
    for reference in ["sha256:baddigeststring", "-dash", ".dot", &"x".repeat(129), "sha256:", "a:b"] {
        for method in ["GET", "HEAD", "DELETE"] {
            let status = registry.on_manifest(method, REPO, reference).send().status();
            assert!(matches!(status, 400 | 404), "{method} {reference}: {status}");
        }
        let status = registry.put_manifest(REPO, reference, &manifest).send().status();
        assert!(matches!(status, 400 | 404), "PUT {reference}: {status}");
    }
    registry.put_manifest(REPO, "sha256:baddigeststring", &manifest).error(400, "DIGEST_INVALID");
}

#[test]
fn r01_a_name_that_is_none_is_an_error_of_the_client() {
    let registry = Registry::start();
    for name in ["UPPER", "a..b", "-a", "a-", "_a", "a//b", "a___b", &"x".repeat(256)] {
        for path in ["manifests/latest", "tags/list", "blobs/uploads/"] {
            let status = registry.ask("GET", &format!("/v2/{name}/{path}")).send().status();
            assert!(matches!(status, 400 | 404 | 405), "{name}/{path}: {status}");
        }
        let status = registry.ask("POST", &format!("/v2/{name}/blobs/uploads/")).send().status();
        assert!(matches!(status, 400 | 404), "{name}: {status}");
    }
}

#[test]
fn r01_a_name_may_be_all_that_names_may_be() {
    let registry = Registry::start();
    let longest = "x".repeat(200);
    for name in ["a", "a/b/c/d", "foo.bar/x", "a__b", "a---b", "0/9", "tags/list/manifests", &longest] {
        let manifest = registry.push_small(name, &["v1"]);
        registry.has_manifest(name, "v1", &manifest);
        registry.has_manifest(name, manifest.digest, &manifest);
    }
}

#[test]
fn r01_a_tag_may_be_all_that_tags_may_be() {
    let registry = Registry::start();
    let longest = "x".repeat(128);
    let tags = ["_", "0", "A.b-C_d", "V1", "v1", "latest", "sha256-abc", "list", "a..b--c__d", &longest];
    let manifest = registry.push_small(REPO, &tags);
    for tag in tags {
        registry.has_manifest(REPO, tag, &manifest);
    }
}

#[test]
fn r01_a_manifest_is_what_it_is_whatever_is_accepted() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    for accept in
        [None, Some("*/*"), Some("application/json"), Some("application/vnd.docker.distribution.manifest.v1+json")]
    {
        let mut ask = registry.ask("GET", &format!("/v2/{REPO}/manifests/v1"));
        if let Some(accept) = accept {
            ask = ask.header("Accept", accept);
        }
        let answer = ask.expect(200);
        assert_eq!(answer.header("content-type"), manifest.media_type, "{accept:?}");
        assert_eq!(answer.bytes(), manifest.bytes);
    }
}

#[test]
fn r01_who_has_a_manifest_need_not_get_it_again() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["v1"]);
    for reference in ["v1".to_owned(), manifest.digest.to_string()] {
        let tag = registry.on_manifest("GET", REPO, &reference).expect(200).header("etag").to_owned();
        assert!(!tag.is_empty());
        registry.on_manifest("GET", REPO, &reference).header("If-None-Match", &tag).expect(304);
        registry.on_manifest("GET", REPO, &reference).header("If-None-Match", "\"another\"").expect(200);
    }
}

#[test]
fn r01_a_mirror_answers_for_the_registry_that_it_is_asked_for() {
    let registry = Registry::start();
    let manifest = registry.push_small("quay.io/app", &["v1"]);
    let plain = registry.ask("GET", "/v2/app/manifests/v1").expect(404);
    assert_eq!(plain.header("oci-namespace"), "");
    for reference in ["v1".to_owned(), manifest.digest.to_string()] {
        let mirrored =
            registry.ask("GET", &format!("/v2/app/manifests/{reference}")).query("ns", "quay.io").expect(200);
        assert_eq!(mirrored.header("oci-namespace"), "quay.io");
        assert_eq!(mirrored.bytes(), manifest.bytes);
    }
    registry.ask("GET", "/v2/app/manifests/v1").query("ns", "docker.io").expect(404);
}
