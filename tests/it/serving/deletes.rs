//! Deletes: off unless they were allowed, and then they take what they say.

use super::client::Client;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::serve::Serve;

#[test]
fn r12_deletes_are_off_unless_they_were_allowed() {
    let env = Env::new();
    let image = TestImage::small();
    for arguments in [&[][..], &["--read-only"][..], &["--read-only", "--allow-delete"][..]] {
        let writable = Serve::start(&env, &[]);
        Client::of(&writable).push("a", "1", &image);
        drop(writable);
        let server = Serve::start(&env, arguments);
        let client = Client::of(&server);
        for path in [
            "/v2/a/manifests/1".to_owned(),
            "/v2/a/manifests/none".to_owned(),
            format!("/v2/a/manifests/{}", image.digest()),
            format!("/v2/a/blobs/{}", image.config()),
            format!("/v2/none/blobs/{}", image.config()),
            "/v2/none/manifests/1".to_owned(),
        ] {
            let answer = client.request("DELETE", &path).send().expect(405);
            assert!(answer.text().contains("UNSUPPORTED"), "{}", answer.text());
            assert!(!answer.header("allow").contains("DELETE"), "{}", answer.header("allow"));
        }
        client.assert_whole("a", "1", &image);
        assert_eq!(client.tags("a"), ["1"]);
    }
}

#[test]
fn what_is_deleted_is_gone_at_once_and_nothing_else_is() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let (one, two) = (TestImage::of_size(1, 5000), TestImage::of_size(2, 5000));
    for repository in ["a", "b"] {
        client.push(repository, "1", &one);
        client.put_manifest(repository, "also", &one).expect(201);
        client.push(repository, "2", &two);
    }
    let delete = |path: &str| client.request("DELETE", path).send().status;
    // A tag: the others and the digest stay.
    assert_eq!(delete("/v2/a/manifests/1"), 202);
    assert_eq!(delete("/v2/a/manifests/1"), 404);
    assert_eq!(client.tags("a"), ["2", "also"]);
    client.assert_whole("a", "also", &one);
    // A digest: its tags go with it, its blobs and everything of other repositories stay.
    let digest = format!("/v2/a/manifests/{}", one.digest());
    assert_eq!(delete(&digest), 202);
    assert_eq!(delete(&digest), 404);
    assert_eq!(client.tags("a"), ["2"]);
    client.get("/v2/a/manifests/also").expect(404);
    assert_eq!(client.blob_status("a", &one.config()), 200);
    // A blob, also where a manifest needs it.
    let blob = format!("/v2/a/blobs/{}", two.config());
    assert_eq!((delete(&blob), delete(&blob)), (202, 404));
    client.get(&blob).expect(404);
    client.get("/v2/a/manifests/2").expect(200);
    client.assert_whole("b", "1", &one);
    client.assert_whole("b", "2", &two);
    // What was taken away can be pushed again.
    client.push("a", "1", &one);
    client.push_blob("a", &two.blobs[&two.config()]);
    client.assert_whole("a", "1", &one);
    client.assert_whole("a", "2", &two);
}
