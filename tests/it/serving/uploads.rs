//! Uploads: whose they are, what becomes of wrong ones, many at once.

use std::fs;
use std::thread;

use imgctl::oci::{Algorithm, Digest};

use super::client::{Client, until};
use crate::support::env::Env;
use crate::support::layer::random;
use crate::support::serve::Serve;

fn uploads_in(env: &Env) -> usize {
    fs::read_dir(env.store().join("uploads")).into_iter().flatten().count()
}

fn blobs_in(env: &Env) -> usize {
    let algorithms = ["sha256", "sha512"].map(|algorithm| env.store().join("blobs").join(algorithm));
    algorithms.iter().flat_map(fs::read_dir).flatten().count()
}

#[test]
fn r03_an_upload_is_for_one_repository_and_its_id_is_no_guess() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let upload = client.start("a/one");
    client.append(&upload, b"mine").expect(202);
    let id = upload.rsplit('/').next().unwrap();
    let digest = Digest::of(b"mine");
    for strange in [
        format!("/v2/a/two/blobs/uploads/{id}"),
        format!("/v2/docker.io/a/one/blobs/uploads/{id}"),
        format!("/v2/a/one/blobs/uploads/{}", "0".repeat(32)),
        format!("/v2/a/one/blobs/uploads/{}", id.to_uppercase()),
        format!("/v2/a/one/blobs/uploads/{id}.json"),
        format!("/v2/a/one/blobs/uploads/{id}%00"),
        "/v2/a/one/blobs/uploads/..".to_owned(),
        "/v2/a/one/blobs/uploads/%2e%2e%2findex.json".to_owned(),
    ] {
        // A client would tidy dots up.
        let ask = |method: &str, target: &str| client.request(method, "/v2/").target(target).send();
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = ask(method, &strange);
            assert_eq!(answer.status, 404, "{method} {strange}: {}", answer.text());
        }
        ask("PUT", &format!("{strange}?digest={digest}")).expect(404);
    }
    assert_eq!(client.offset(&upload), Some(4));
    client.finish(&upload, digest, b"").expect(201);
    for method in ["GET", "PATCH", "DELETE"] {
        assert_eq!(client.request(method, &upload).send().status, 404);
    }
    client.finish(&upload, digest, b"").expect(404);
    assert_eq!((client.blob_status("a/one", &digest), client.blob_status("a/two", &digest)), (200, 404));
    let mut ids: Vec<String> = (0..50).map(|_| client.start("a/one")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    assert!(ids.iter().all(|location| location.rsplit('/').next().unwrap().len() == 32));
}

#[test]
fn r03_two_that_write_to_one_upload_do_not_mix() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let upload = client.start("a");
    let mut first = client.begin("PATCH", &upload, 2000, &[1; 1000]);
    until("the first thousand", || client.offset(&upload) == Some(1000));
    // While one writes, nobody else does, whatever offset they say.
    let busy = client.append(&upload, &[2; 1000]).expect(416);
    assert_eq!((busy.header("range"), busy.header("location")), ("0-999", upload.as_str()));
    client.chunk(&upload, 1000, &[2; 1000]).expect(416);
    client.finish(&upload, Digest::of(&[1; 1000]), b"").expect(416);
    first.send(&[1; 1000]).unwrap();
    assert_eq!(first.answer().unwrap().expect(202).header("range"), "0-1999");
    client.finish(&upload, Digest::of(&[1; 2000]), b"").expect(201);

    // Ten at once: each is taken whole or refused.
    let upload = client.start("a");
    let content: Vec<Vec<u8>> = (0..10).map(|byte| vec![byte; 50_000]).collect();
    let send = |bytes: &Vec<u8>| client.append(&upload, bytes).status;
    let sent = thread::scope(|scope| {
        let sending = content.iter().map(|bytes| scope.spawn(|| send(bytes)));
        let sending: Vec<_> = sending.collect();
        sending.into_iter().map(|sent| sent.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(sent.iter().all(|status| [202, 416].contains(status)), "{sent:?}");
    let taken = sent.iter().filter(|status| **status == 202).count();
    assert_eq!(client.offset(&upload), Some(taken * 50_000));
    let wrong = client.finish(&upload, Digest::of(b""), b"").expect(400);
    assert!(wrong.text().contains("DIGEST_INVALID"), "{}", wrong.text());
}

#[test]
fn r03_an_upload_that_is_cancelled_while_it_is_written_never_becomes_a_blob() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let upload = client.start("a");
    let content = random(1, 100_000);
    let digest = Digest::of(&content);
    let mut put = client.begin("PUT", &format!("{upload}?digest={digest}"), content.len(), &content[..50_000]);
    until("half of it", || client.offset(&upload) == Some(50_000));
    client.request("DELETE", &upload).send().expect(204);
    put.send(&content[50_000..]).unwrap();
    put.answer().unwrap().expect(404);
    assert_eq!(client.blob_status("a", &digest), 404);
    assert_eq!((uploads_in(&env), blobs_in(&env)), (0, 0));
}

#[test]
fn r04_what_has_another_digest_is_refused_and_gone() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let content = random(1, 100_000);
    let (right, other) = (Digest::of(&content), Digest::of(b"other"));
    let refused = |answer: crate::support::http::Response| {
        let answer = answer.expect(400);
        assert!(answer.text().contains("DIGEST_INVALID"), "{}", answer.text());
    };
    // At once, in one piece, in parts; another digest, and fewer or more bytes.
    let post = |digest: &Digest, bytes: &[u8]| {
        client.request("POST", &format!("/v2/a/blobs/uploads/?digest={digest}")).body(bytes).send()
    };
    refused(post(&other, &content));
    refused(post(&right, &content[1..]));
    refused(client.finish(&client.start("a"), other, &content));
    for bytes in [&content[..99_999], &[&content[..], b"x"].concat()] {
        let upload = client.start("a");
        client.append(&upload, &bytes[..60_000]).expect(202);
        client.append(&upload, &bytes[60_000..]).expect(202);
        refused(client.finish(&upload, right, b""));
        assert_eq!(client.offset(&upload), None);
    }
    let sha512 = Digest::with(Algorithm::Sha512, b"other");
    refused(client.finish(&client.start("a"), sha512, &content));
    assert_eq!((uploads_in(&env), blobs_in(&env)), (0, 0));
    assert_eq!((client.blob_status("a", &right), client.blob_status("a", &other)), (404, 404));

    // What is no digest ends nothing: the client may say it again.
    let upload = client.start("a");
    client.append(&upload, &content).expect(202);
    let hex = right.hex();
    for wrong in [
        "",
        "sha256",
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        &format!("sha256:{}", &hex[1..]),
        &format!("sha256:{}", hex.to_uppercase()),
        &format!("sha512:{hex}"),
        &format!("SHA256:{hex}"),
        "sha256:../../../etc/passwd",
        "%00",
    ] {
        refused(client.finish(&upload, wrong, b""));
    }
    refused(client.request("PUT", &upload).send());
    client.finish(&upload, Digest::with(Algorithm::Sha512, &content), b"").expect(201);
    assert_eq!(client.blob_status("a", &Digest::with(Algorithm::Sha512, &content)), 200);
    assert_eq!(client.blob_status("a", &right), 404);
}

#[test]
fn r05_fifty_pushes_of_one_blob_leave_one() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let content = random(1, 300_000);
    let digest = Digest::of(&content);
    thread::scope(|scope| {
        for number in 0..50 {
            let (client, content) = (client.clone(), &content);
            scope.spawn(move || {
                let repository = format!("a/{}", number % 5);
                if number % 2 == 0 {
                    client.push_blob(&repository, content);
                } else {
                    let upload = client.start(&repository);
                    client.append(&upload, &content[..100_000]).expect(202);
                    client.append(&upload, &content[100_000..]).expect(202);
                    client.finish(&upload, digest, b"").expect(201);
                }
                // Once it is said to be there, it is there whole, whoever else is putting it.
                assert_eq!(client.get(&format!("/v2/{repository}/blobs/{digest}")).expect(200).body, *content);
            });
        }
    });
    assert_eq!((uploads_in(&env), blobs_in(&env)), (0, 1));
    assert_eq!(client.blob_status("a/9", &digest), 404);
}

#[test]
fn r08_chunks_come_in_order_or_not_at_all() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let upload = client.start("a");
    client.chunk(&upload, 1, b"x").expect(416);
    assert_eq!(client.chunk(&upload, 0, &[1; 1000]).expect(202).header("range"), "0-999");
    let out_of_order = |first: usize, length: usize| client.chunk(&upload, first, &vec![2; length]);
    for answer in [out_of_order(0, 1000), out_of_order(999, 2), out_of_order(1001, 1), out_of_order(usize::MAX / 2, 1)]
    {
        let answer = answer.expect(416);
        assert_eq!((answer.header("range"), answer.header("location")), ("0-999", upload.as_str()));
    }
    let patch = |range: &str, bytes: &[u8]| {
        client.request("PATCH", &upload).header("Content-Range", range).body(bytes).send().status
    };
    for range in ["bytes 1000-1001", "1000-1001/*", "1000-", "-1", "", "1001-1000", "1000-99999999999999999999"] {
        assert_eq!(patch(range, b"xx"), 416, "{range}");
    }
    // A length that is not that of the range, one of nothing included.
    assert_eq!([patch("1000-1001", b"x"), patch("1000-1001", b"xxx"), patch("1000-1000", b"")], [400; 3]);
    let put = format!("{upload}?digest={}", Digest::of(&[1; 1002]));
    let wrong = client.request("PUT", &put).header("Content-Range", "1001-1002").body([1; 2]).send();
    assert_eq!(wrong.expect(416).header("range"), "0-999");
    assert_eq!(client.offset(&upload), Some(1000));
    client.request("PUT", &put).header("Content-Range", "1000-1001").body([1; 2]).send().expect(201);
}
