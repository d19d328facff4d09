//! How much clients may leave here: sizes, open uploads, their age, and all together.

use std::fs;
use std::thread;
use std::time::Duration;

use imgctl::oci::Digest;

use super::client::Client;
use crate::support::env::Env;
use crate::support::http::Response;
use crate::support::image::TestImage;
use crate::support::layer::random;
use crate::support::serve::Serve;

fn uploads_in(env: &Env) -> usize {
    fs::read_dir(env.store().join("uploads")).into_iter().flatten().count()
}

#[track_caller]
fn assert_code(answer: &Response, code: &str) {
    assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text());
}

#[test]
fn r09_what_is_too_large_is_refused_before_it_fills_the_disk() {
    let env = Env::new();
    let server = Serve::start(&env, &["--max-blob-size", "100kB"]);
    let client = Client::of(&server);
    let large = random(1, 100_001);
    let upload = client.start("a");
    // Announced: not a byte of it is taken.
    let begun = client.begin("PATCH", &upload, 10_000_000_000, b"x");
    assert_code(&begun.answer().unwrap().expect(413), "SIZE_INVALID");
    // Not announced: as much as is allowed, and then no more.
    let upload = client.start("a");
    client.append(&upload, &large[..60_000]).expect(202);
    assert_code(&client.append(&upload, &large[60_000..]).expect(413), "SIZE_INVALID");
    assert_eq!(client.offset(&upload), None);
    let upload = client.start("a");
    let endless = std::iter::repeat_n("2000\r\n".to_owned() + &"x".repeat(0x2000) + "\r\n", 100).collect::<String>();
    let chunked = client.stream(&upload, endless.as_bytes()).expect(413);
    assert_code(&chunked, "SIZE_INVALID");
    let digest = Digest::of(&large);
    let post = client.request("POST", &format!("/v2/a/blobs/uploads/?digest={digest}")).body(&*large).send();
    assert_code(&post.expect(413), "SIZE_INVALID");
    assert_eq!(uploads_in(&env), 0);
    client.push_blob("a", &large[1..]);
    let manifest = TestImage::of_bytes(imgctl::oci::MediaType::OCI_MANIFEST, vec![b' '; 5 << 20]);
    assert_code(&client.put_manifest("a", "1", &manifest).expect(413), "SIZE_INVALID");
}

#[test]
fn r09_uploads_are_few_at_a_time_and_do_not_stay_for_ever() {
    let env = Env::new();
    let server = Serve::start(&env, &["--max-uploads", "5", "--upload-expiry", "1s"]);
    let client = Client::of(&server);
    let post = || client.request("POST", "/v2/a/blobs/uploads/").send();
    let statuses = thread::scope(|scope| {
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| post().status)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(statuses.iter().filter(|&&status| status == 202).count() >= 5, "{statuses:?}");
    let refused = post().expect(429);
    assert_code(&refused, "TOOMANYREQUESTS");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    thread::sleep(Duration::from_millis(1100));
    // The old ones are gone: to who has one, and to who wants one.
    let upload = client.start("a");
    assert_eq!(uploads_in(&env), 2);
    client.append(&upload, b"x").expect(202);
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(client.offset(&upload), None);
    client.append(&upload, b"x").expect(404);
    client.finish(&upload, Digest::of(b"x"), b"").expect(404);
}

#[test]
fn r09_all_together_keep_to_the_quota() {
    let env = Env::new();
    let server = Serve::start(&env, &["--quota", "1MB", "--allow-delete"]);
    let client = Client::of(&server);
    let post = |bytes: &[u8]| {
        let path = format!("/v2/a/blobs/uploads/?digest={}", Digest::of(bytes));
        client.request("POST", &path).body(bytes).send()
    };
    post(&random(1, 600_000)).expect(201);
    // Announced or not, in one upload or in several, the sum counts.
    let full = post(&random(2, 500_000)).expect(507);
    assert_code(&full, "DENIED");
    let first = client.start("a");
    client.append(&first, &random(3, 300_000)).expect(202);
    let second = client.start("a");
    let content = random(4, 200_000);
    assert_code(&client.append(&second, &content).expect(507), "DENIED");
    let manifest = TestImage::of_bytes(
        imgctl::oci::MediaType::OCI_MANIFEST,
        String::from_utf8(TestImage::small().manifest.to_vec()).unwrap() + &" ".repeat(200_000),
    );
    assert_code(&client.put_manifest("a", "1", &manifest).expect(507), "DENIED");
    // What is here is read, and the upload goes on once there is room.
    client.get(&format!("/v2/a/blobs/{}", Digest::of(&random(1, 600_000)))).expect(200);
    let offset = client.offset(&second).unwrap();
    client.request("DELETE", &first).send().expect(204);
    client.append(&second, &content[offset..]).expect(202);
    client.finish(&second, Digest::of(&content), b"").expect(201);
    assert_eq!(client.get(&format!("/v2/a/blobs/{}", Digest::of(&content))).expect(200).body, content);
}

#[test]
fn r09_lists_are_cut_and_odd_numbers_refused() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let image = TestImage::small();
    client.push("a", "1", &image);
    for tag in ["2", "3", "Z", "_x"] {
        client.put_manifest("a", tag, &image).expect(201);
    }
    let tags = |query: &str| client.get(&format!("/v2/a/tags/list?{query}"));
    for query in ["n=1000000000", "n=18446744073709551616", "n=99999999999999999999999999", ""] {
        let answer = tags(query).expect(200);
        assert_eq!(answer.json()["tags"], serde_json::json!(["1", "2", "3", "Z", "_x"]), "{query}");
        assert_eq!(answer.header("link"), "");
    }
    for query in ["n=-1", "n=", "n=x", "n=1e9", "n=+1", "n=%1b[31m"] {
        let answer = tags(query).expect(400);
        assert_code(&answer, "PAGINATION_NUMBER_INVALID");
        assert!(!answer.body.contains(&0x1b), "{query}");
    }
    assert_eq!(tags("n=0").expect(200).json()["tags"], serde_json::json!([]));
    for last in ["%1b[31mred", "%00", "%ff%fe", &"x".repeat(5000), "2%0d%0aX-Evil:%201"] {
        let answer = tags(&format!("n=1&last={last}"));
        assert_eq!(answer.status, 200, "{last}: {}", answer.text());
        assert!(!answer.text().contains('\u{1b}') && answer.header("x-evil").is_empty());
    }
    assert!(tags("n=2&last=1").header("link").contains("last=3"));
    client.get("/v2/_catalog?n=1000000000").expect(200);
    assert_code(&client.get("/v2/_catalog?n=-1").expect(400), "PAGINATION_NUMBER_INVALID");
}
