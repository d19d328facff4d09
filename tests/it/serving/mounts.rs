//! Mounts: a blob of one repository becomes one of another without being sent.

use imgctl::oci::Digest;

use super::client::Client;
use crate::support::env::Env;
use crate::support::serve::Serve;

fn mount(client: &Client, to: &str, query: &str) -> (u16, String) {
    let answer = client.request("POST", &format!("/v2/{to}/blobs/uploads/?{query}")).send();
    (answer.status, answer.header("location").to_owned())
}

#[test]
fn r11_what_is_not_there_and_where_nobody_is_look_alike() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let digest = client.push_blob("a/one", b"content");
    let missing = Digest::of(b"missing");
    for (query, what) in [
        (format!("mount={missing}&from=a/one"), "a blob that nobody has"),
        (format!("mount={missing}&from=a/none"), "a repository that is not there"),
        (format!("mount={missing}"), "no repository"),
        (format!("mount={digest}&from=a/none"), "a repository that does not have it"),
        (format!("mount={digest}&from=..%2f..%2fetc"), "what is no repository"),
        (format!("mount={digest}&from="), "an empty name"),
    ] {
        let (status, location) = mount(&client, "a/two", &query);
        assert_eq!(status, 202, "{what}");
        assert!(location.starts_with("/v2/a/two/blobs/uploads/"), "{what}: {location}");
        // It is an upload like any other.
        client.finish(&location, Digest::of(what.as_bytes()), what.as_bytes()).expect(201);
    }
    assert_eq!(client.blob_status("a/two", &digest), 404);
    for wrong in ["", "sha256:x", "md5:d41d8cd98f00b204e9800998ecf8427e", "..%2f..%2findex.json"] {
        assert_eq!(mount(&client, "a/two", &format!("mount={wrong}&from=a/one")).0, 400, "{wrong}");
    }
}

#[test]
fn r11_a_mounted_blob_is_its_repositorys_own() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let digest = client.push_blob("a/one", b"content");
    let path = |name: &str| format!("/v2/{name}/blobs/{digest}");
    assert_eq!(mount(&client, "a/two", &format!("mount={digest}&from=a%2Fone")), (201, path("a/two")));
    assert_eq!(mount(&client, "a/three", &format!("mount={digest}")), (201, path("a/three")));
    for name in ["a/one", "a/two"] {
        client.request("DELETE", &path(name)).send().expect(202);
        assert_eq!(client.blob_status(name, &digest), 404);
    }
    assert_eq!(client.get(&path("a/three")).expect(200).body, b"content");
    assert_eq!(mount(&client, "a/two", &format!("mount={digest}&from=a/one")).0, 202);
}
