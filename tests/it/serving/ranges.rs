//! Parts of blobs, and how blobs are labelled.

use imgctl::oci::Digest;

use super::client::Client;
use crate::support::env::Env;
use crate::support::http::Response;
use crate::support::layer::random;
use crate::support::serve::Serve;

#[test]
fn r07_parts_are_what_was_asked_for_and_never_much_work() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let content = random(1, 100_000);
    let digest = client.push_blob("a", &content);
    let path = format!("/v2/a/blobs/{digest}");
    let ask = |range: &str| client.request("GET", &path).header("Range", range).send();
    let part = |answer: Response, first: usize, last: usize| {
        let answer = answer.expect(206);
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/100000"));
        assert_eq!(answer.header("content-length"), (last - first + 1).to_string());
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        assert_eq!(answer.body, content[first..=last]);
    };
    part(ask("bytes=0-0"), 0, 0);
    part(ask("bytes=500-1499"), 500, 1499);
    part(ask("bytes=99999-"), 99_999, 99_999);
    part(ask("bytes=-1"), 99_999, 99_999);
    part(ask("bytes=-1000000"), 0, 99_999);
    part(ask("bytes=0-18446744073709551615"), 0, 99_999);
    for range in ["bytes=100000-", "bytes=100000-100001", "bytes=5-4", "bytes=-0"] {
        let answer = ask(range).expect(416);
        assert_eq!(answer.header("content-range"), "bytes */100000", "{range}");
        assert!(answer.body.len() < 1000);
    }
    // What is not understood, and many at once, overlapping or not, is everything, once.
    let many = (0..1000).map(|number| format!("{number}-")).collect::<Vec<_>>().join(",");
    let few = ["bytes=0-1,5-6", "bytes=0-,0-", "items=0-1", "bytes=x-y", "bytes", "bytes=18446744073709551616-"];
    for range in few.iter().map(|range| (*range).to_owned()).chain([format!("bytes={many}")]) {
        assert_eq!(ask(&range).expect(200).body, content, "{range}");
    }
    // The condition is the name of these very bytes.
    let tag = client.request("HEAD", &path).send().expect(200).header("etag").to_owned();
    let ask_if = |condition: &str| {
        client.request("GET", &path).header("Range", "bytes=10-19").header("If-Range", condition).send()
    };
    part(ask_if(&tag), 10, 19);
    for condition in [format!("W/{tag}"), format!("\"{}\"", Digest::of(b"")), "Thu, 01 Jan 1970 00:00:00 GMT".into()] {
        assert_eq!(ask_if(&condition).expect(200).body, content, "{condition}");
    }
    let unchanged = client.request("GET", &path).header("If-None-Match", &tag).send().expect(304);
    assert!(unchanged.body.is_empty());
    let head = client.request("HEAD", &path).header("Range", "bytes=10-19").send();
    assert!([200, 206].contains(&head.status), "{}", head.status);
}

#[test]
fn r07_parts_of_nothing_are_not_there() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let path = format!("/v2/a/blobs/{}", client.push_blob("a", b""));
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        let answer = client.request("GET", &path).header("Range", range).send().expect(416);
        assert_eq!(answer.header("content-range"), "bytes */0");
    }
    assert_eq!(client.get(&path).expect(200).header("content-length"), "0");
}

#[test]
fn r19_no_browser_takes_a_blob_for_a_page() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let page = b"<!doctype html><script>alert(1)</script>";
    let path = format!("/v2/a/blobs/{}", client.push_blob("a", page));
    let answers = [
        client.get(&path).expect(200),
        client.request("HEAD", &path).send().expect(200),
        client.request("GET", &path).header("Range", "bytes=0-14").header("Accept", "text/html").send().expect(206),
    ];
    for answer in &answers {
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    }
    // Nor an error or a manifest.
    for path in ["/v2/%3Cscript%3Ealert(1)/tags/list", "/v2/a/manifests/none", "/v2/a/tags/list?n=%3Cscript%3E"] {
        let answer = client.get(path);
        assert!(answer.status >= 400);
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.text().contains("<script>"), "{}", answer.text());
    }
}
