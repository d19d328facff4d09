//! Manifests: many at once, strange ones, large ones.

use std::thread;
use std::time::Instant;

use imgctl::oci::{Descriptor, Digest, MediaType};
use serde_json::json;

use super::client::Client;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::outcome::assert_within;
use crate::support::serve::Serve;

#[test]
fn r05_fifty_pushes_of_one_tag_leave_one_of_them_and_fifty_tags_are_fifty() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let image = |number: u64| ImageBuilder::new().layer(Layer::random(number, 1000)).build();
    let images: Vec<TestImage> = (0..50).map(image).collect();
    thread::scope(|scope| {
        for (number, image) in images.iter().enumerate() {
            let client = client.clone();
            scope.spawn(move || {
                client.push("a", "same", image);
                client.put_manifest("a", format!("t{number}"), image).expect(201);
            });
        }
    });
    let mut tags: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
    tags.push("same".to_owned());
    tags.sort();
    assert_eq!(client.tags("a"), tags);
    for (number, image) in images.iter().enumerate() {
        client.assert_whole("a", &format!("t{number}"), image);
    }
    let winner = client.get("/v2/a/manifests/same").expect(200);
    let winner = images.iter().find(|image| image.digest().to_string() == winner.header("docker-content-digest"));
    client.assert_whole("a", "same", winner.unwrap());
    // Other commands see the same.
    let listed = env.imgctl(["images", "--format", "{{.Tag}}"]).run().ok();
    let mut listed: Vec<&str> = listed.stdout_text().lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, tags);
}

#[test]
fn r16_what_an_index_lacks_may_come_later_or_never() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let image = TestImage::small();
    let index = TestImage::index(vec![image.clone()]);
    client.put_manifest("a", "dangling", &index).expect(201);
    client.get(&format!("/v2/a/manifests/{}", image.digest())).expect(404);
    // As deep as anybody likes: nothing is read for it but itself.
    let mut nested = index.clone();
    for _ in 0..30 {
        nested = TestImage { children: Vec::new(), ..TestImage::index(vec![nested]) };
        client.put_manifest("a", nested.digest(), &nested).expect(201);
    }
    client.put_manifest("a", "deep", &nested).expect(201);
    assert_eq!(client.get("/v2/a/manifests/deep").expect(200).body, nested.manifest);
    // It says that it describes what describes it: nobody can make both digests right, so one is missing.
    let subject = Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(b"never"), 5);
    let config = Descriptor::of(MediaType::OCI_EMPTY, b"{}");
    let document = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": [],
        "subject": subject });
    let describes = TestImage::of_document(MediaType::OCI_MANIFEST, &document);
    client.put_manifest("a", "describes", &describes).expect(201);
    let referrers = client.get(&format!("/v2/a/referrers/{}", subject.digest)).expect(200).json();
    assert_eq!(referrers["manifests"].as_array().unwrap().len(), 1);
    client.push("a", "1", &image);
    client.assert_whole("a", "1", &image);
    for tag in ["dangling", "deep", "describes", "1"] {
        client.request("DELETE", &format!("/v2/a/manifests/{tag}")).send().expect(202);
    }
    env.imgctl(["images", "-q"]).run().ok();
}

/// A manifest of `count` layers, each named once, none of them there.
fn wide(count: usize) -> TestImage {
    let config = Descriptor::of(MediaType::OCI_EMPTY, b"{}");
    let layer = |number: usize| json!({ "mediaType": "a/b", "size": 1, "digest": Digest::of(&number.to_le_bytes()) });
    let layers: Vec<_> = (0..count).map(layer).collect();
    let document = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config,
        "layers": layers });
    TestImage::of_bytes(MediaType::OCI_MANIFEST, document.to_string())
}

#[test]
fn r16_a_hundred_thousand_layers_are_refused_and_as_many_as_are_taken_are_no_trouble() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let too_many = client.put_manifest("a", "1", &wide(100_000)).expect(413);
    assert!(too_many.text().contains("SIZE_INVALID"), "{}", too_many.text());
    client.get("/v2/a/tags/list").expect(404);
    let many = wide(15_000);
    assert!(many.manifest.len() > 1_500_000 && many.manifest.len() < 4 << 20);
    client.put_manifest("a", "1", &many).expect(201);
    assert_eq!(client.get("/v2/a/manifests/1").expect(200).body, many.manifest);
    let first = Digest::of(&0_usize.to_le_bytes());
    assert_eq!(client.blob_status("a", &first), 404);
    // Other tags do not pay for it, and neither does who asks for them.
    let image = TestImage::small();
    client.push("a", "small", &image);
    let started = Instant::now();
    for _ in 0..20 {
        client.assert_whole("a", "small", &image);
        assert_eq!(client.blob_status("a", &first), 404);
    }
    assert_within(started, 10.0);
    client.request("DELETE", "/v2/a/manifests/1").send().expect(202);
    client.request("DELETE", &format!("/v2/a/manifests/{}", many.digest())).send().expect(202);
    client.assert_whole("a", "small", &image);
    drop(server);

    let server = Serve::start(&env, &["--strict"]);
    let client = Client::of(&server);
    let missing = client.put_manifest("a", "1", &many);
    assert!([400, 404].contains(&missing.status), "{}", missing.status);
    assert!(missing.text().contains("MANIFEST_BLOB_UNKNOWN") && missing.body.len() < 64 * 1024);
    client.put_manifest("a", "small", &image).expect(201);
}

#[test]
fn manifests_that_are_none_are_refused_and_leave_nothing() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let refused = |reference: &str, media_type: &str, body: &[u8]| {
        let put = client.request("PUT", &format!("/v2/a/manifests/{reference}"));
        put.header("Content-Type", media_type).body(body).send()
    };
    let image = TestImage::small();
    let media_type = MediaType::OCI_MANIFEST.as_str().to_owned();
    let deep = "[".repeat(100_000);
    for body in ["", "{}", "[]", "null", "\0", "{\"schemaVersion\":2", &deep, "{\"schemaVersion\":1}"] {
        let answer = refused("1", &media_type, body.as_bytes()).expect(400);
        assert!(answer.text().contains("MANIFEST_INVALID"), "{}", answer.text());
    }
    let other = Digest::of(b"other").to_string();
    let answer = refused(&other, &media_type, &image.manifest).expect(400);
    assert!(answer.text().contains("DIGEST_INVALID"), "{}", answer.text());
    for reference in ["sha256:bad", "md5:d41d8cd98f00b204e9800998ecf8427e", "-tag", ".tag", &"t".repeat(129)] {
        assert_eq!(refused(reference, &media_type, &image.manifest).status, 400, "{reference}");
    }
    assert_eq!(refused("1", MediaType::OCI_INDEX.as_str(), &image.manifest).status, 400);
    client.get("/v2/a/tags/list").expect(404);
    assert!(!env.store().join("blobs").exists());
}
