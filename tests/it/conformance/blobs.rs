//! Pulling blobs, whole and in part ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs)).

use imgctl::oci::Algorithm;

use super::sets::Blob;
use super::{OTHER, REPO, Registry};

const SIZE: usize = 2048;

#[test]
fn r01_the_base_answers() {
    let registry = Registry::start();
    for path in ["/v2/", "/v2"] {
        registry.ask("GET", path).expect(200);
    }
    registry.ask("HEAD", "/v2/").expect(200);
}

#[test]
fn r01_a_blob_that_was_never_pushed_is_unknown() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 10);
    let unknown = registry.on_blob("GET", REPO, &blob.digest).expect(404).json()["errors"][0]["code"].clone();
    assert!(["BLOB_UNKNOWN", "NAME_UNKNOWN"].contains(&unknown.as_str().unwrap()), "{unknown}");
    registry.push_blob(REPO, &blob);
    let missing = Blob::random(Algorithm::Sha512, 10).digest;
    registry.on_blob("GET", REPO, &missing).error(404, "BLOB_UNKNOWN");
    let head = registry.on_blob("HEAD", REPO, &missing).expect(404);
    assert_eq!(head.bytes(), b"");
    registry.on_blob("GET", OTHER, &blob.digest).expect(404);
}

#[test]
fn r01_a_digest_that_is_none_is_an_error_of_the_client() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, 10);
    registry.push_blob(REPO, &blob);
    let loud = format!("sha256:{}", blob.digest.hex().to_uppercase());
    for digest in ["sha256:short", "sha256:", "md5:5d41402abc4b2a76b9719d911017c592", "latest", &loud] {
        for method in ["GET", "HEAD", "DELETE"] {
            let status = registry.ask(method, &format!("/v2/{REPO}/blobs/{digest}")).send().status();
            assert!(matches!(status, 400 | 404), "{method} {digest}: {status}");
        }
    }
}

#[test]
fn r01_a_blob_has_no_type_and_can_be_had_in_parts() {
    let registry = Registry::start();
    let blob = Blob::of(Algorithm::Sha256, "<html><script>alert(1)</script></html>");
    registry.push_blob(REPO, &blob);
    for method in ["GET", "HEAD"] {
        let answer = registry.on_blob(method, REPO, &blob.digest).header("Accept-Encoding", "gzip").expect(200);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("content-encoding"), "");
    }
}

#[test]
fn r01_a_range_of_a_blob_is_that_part() {
    let registry = Registry::start();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let blob = Blob::random(algorithm, SIZE);
        registry.push_blob(REPO, &blob);
        for (range, first, end) in [
            ("500-1499", 500, 1500),
            ("500-", 500, SIZE),
            ("-500", SIZE - 500, SIZE),
            ("2000-5000", 2000, SIZE),
            ("0-0", 0, 1),
            ("0-", 0, SIZE),
            ("-5000", 0, SIZE),
            ("2047-2047", SIZE - 1, SIZE),
        ] {
            let answer = registry.on_blob("GET", REPO, &blob.digest).header("Range", &format!("bytes={range}"));
            let answer = answer.expect(206);
            assert_eq!(answer.bytes(), &blob.bytes[first..end], "{range}");
            assert_eq!(answer.header("content-length"), (end - first).to_string(), "{range}");
            assert_eq!(answer.header("content-range"), format!("bytes {first}-{}/{SIZE}", end - 1));
        }
    }
}

#[test]
fn r01_a_range_that_a_blob_does_not_have_is_refused() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, SIZE);
    registry.push_blob(REPO, &blob);
    for range in ["500-0", "5000-10000", "2048-", "-0"] {
        let answer = registry.on_blob("GET", REPO, &blob.digest).header("Range", &format!("bytes={range}"));
        let answer = answer.expect(416);
        assert_eq!(answer.header("content-range"), format!("bytes */{SIZE}"), "{range}");
    }
    let empty = Blob::of(Algorithm::Sha256, "");
    registry.push_blob(REPO, &empty);
    registry.on_blob("GET", REPO, &empty.digest).header("Range", "bytes=0-").expect(416);
}

#[test]
fn r01_a_range_in_another_unit_is_no_range() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, SIZE);
    registry.push_blob(REPO, &blob);
    let answer = registry.on_blob("GET", REPO, &blob.digest).header("Range", "lines=1-2").expect(200);
    assert_eq!(answer.bytes(), blob.bytes);
}

#[test]
fn r01_who_has_a_blob_need_not_get_it_again() {
    let registry = Registry::start();
    let blob = Blob::random(Algorithm::Sha256, SIZE);
    registry.push_blob(REPO, &blob);
    let tag = registry.on_blob("GET", REPO, &blob.digest).expect(200).header("etag").to_owned();
    assert!(!tag.is_empty());
    for method in ["GET", "HEAD"] {
        let answer = registry.on_blob(method, REPO, &blob.digest).header("If-None-Match", &tag).expect(304);
        assert_eq!(answer.header("etag"), tag);
    }
    registry.on_blob("GET", REPO, &blob.digest).header("If-None-Match", "\"another\"").expect(200);
    let range = |tag: &str| {
        registry.on_blob("GET", REPO, &blob.digest).header("Range", "bytes=0-9").header("If-Range", tag).send().status()
    };
    assert_eq!((range(&tag), range("\"another\"")), (206, 200));
}
