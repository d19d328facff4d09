//! skopeo: copies, inspects, lists, synchronises and deletes.

use serde_json::Value;

use super::{assert_has, docker_list, kinds, put};
use crate::interop::{image, imgctl, index, tool};
use crate::support::env::{Env, files};
use crate::support::serve::Serve;

const PLAIN: &str = "--tls-verify=false";

fn remote(reference: &str) -> String {
    format!("docker://{reference}")
}

#[test]
fn r17_skopeo_copies_every_kind_of_image_both_ways() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    for (name, image) in kinds().into_iter().chain([("list", docker_list())]) {
        image.write_layout(&env.path("given"), "x");
        // skopeo's own layouts have no docker types; its directories do.
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("dir:{name}")]);
        let reference = serve.image(&format!("team/{name}:1"));
        let copy = ["copy", "-q", "--all", "--preserve-digests"];
        let push = ["--dest-tls-verify=false", &format!("dir:{name}"), &remote(&reference)];
        tool(&env, "skopeo", &[&copy[..], &push[..]].concat());
        assert_has(&env, &reference, &image);

        let by_digest = format!("{}@{}", serve.image(&format!("team/{name}")), image.digest());
        for from in [&reference, &by_digest] {
            let raw = tool(&env, "skopeo", &["inspect", "--raw", PLAIN, &remote(from)]);
            assert_eq!(raw.stdout, image.manifest, "{from}");
            let pull = ["--src-tls-verify=false", &remote(from), &format!("dir:back-{name}")];
            tool(&env, "skopeo", &[&copy[..], &pull[..]].concat());
            assert_eq!(imgctl(&env, &["manifest", &format!("dir:back-{name}")]).stdout, image.manifest, "{from}");
        }
        let seen = tool(&env, "skopeo", &["inspect", PLAIN, &remote(&reference)]).stdout_json();
        assert_eq!(seen["RepoTags"], serde_json::json!(["1"]), "{name}");
    }
}

#[test]
fn r17_skopeo_copies_within_the_registry_and_lists_tags() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let from = put(&env, &serve, "app:1", &index());
    let same = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    for to in ["app:2", "app:v3.0", "elsewhere/deep/app:1"] {
        let to = serve.image(to);
        let args = ["copy", "-q", "--all", same[0], same[1], &remote(&from), &remote(&to)];
        tool(&env, "skopeo", &args);
        assert_has(&env, &to, &index());
    }
    let listed = tool(&env, "skopeo", &["list-tags", PLAIN, &remote(&serve.image("app"))]).stdout_json();
    assert_eq!(listed["Tags"], serde_json::json!(["1", "2", "v3.0"]));
    let unknown = env.tool("skopeo", ["inspect", PLAIN, &remote(&serve.image("app:none"))]).run().fails(1);
    unknown.says("manifest unknown");
    let unknown = env.tool("skopeo", ["list-tags", PLAIN, &remote(&serve.image("nothing"))]).run().fails(1);
    unknown.says("404");
}

#[test]
fn r17_skopeo_converts_while_it_copies() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let from = put(&env, &serve, "app:1", &image("one"));
    let same = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let formats = [("v2s2", "application/vnd.docker.distribution.manifest.v2+json")];
    for (format, media_type) in formats.into_iter().chain([("oci", "application/vnd.oci.image.manifest.v1+json")]) {
        let to = serve.image(&format!("app:{format}"));
        let args = ["copy", "-q", same[0], same[1], "--format", format, &remote(&from), &remote(&to)];
        tool(&env, "skopeo", &args);
        let manifest: Value = imgctl(&env, &["manifest", &to]).stdout_json();
        assert_eq!(manifest["mediaType"], media_type, "{to}");
    }
    let zstd = serve.image("app:zstd");
    let args = ["copy", "-q", same[0], same[1], "--dest-compress-format", "zstd", &remote(&from), &remote(&zstd)];
    tool(&env, "skopeo", &args);
    let mut check = vec!["copy", "-q", same[0]];
    let from_zstd = remote(&zstd);
    check.extend([from_zstd.as_str(), "oci:back:x"]);
    tool(&env, "skopeo", &check);
}

#[test]
fn r17_skopeo_synchronises_repositories() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    put(&env, &serve, "team/app:1", &image("one"));
    put(&env, &serve, "team/app:2", &index());
    let down = ["sync", "--all", "--src-tls-verify=false", "--src", "docker", "--dest", "dir"];
    tool(&env, "skopeo", &[&down[..], &[&serve.image("team/app"), "synced"]].concat());
    let tags = files(&env.path("synced")).filter(|path| path.ends_with("manifest.json")).count();
    assert_eq!(tags, 2);
    let up = ["sync", "--all", "--dest-tls-verify=false", "--src", "dir", "--dest", "docker"];
    tool(&env, "skopeo", &[&up[..], &["synced", &serve.image("mirror")]].concat());
    assert_has(&env, &serve.image("mirror/app:1"), &image("one"));
    assert_has(&env, &serve.image("mirror/app:2"), &index());
}

#[test]
fn r17_skopeo_deletes_where_deletes_are_allowed() {
    let env = Env::new();
    let serve = Serve::start(&env, &["--allow-delete"]);
    let (gone, stays) = (put(&env, &serve, "app:1", &image("one")), put(&env, &serve, "app:2", &index()));
    tool(&env, "skopeo", &["delete", PLAIN, &remote(&gone)]);
    env.tool("skopeo", ["inspect", PLAIN, &remote(&gone)]).run().fails(1).says("manifest unknown");
    let listed = tool(&env, "skopeo", &["list-tags", PLAIN, &remote(&serve.image("app"))]).stdout_json();
    assert_eq!(listed["Tags"], serde_json::json!(["2"]));
    assert_has(&env, &stays, &index());
}

#[test]
fn r12_skopeo_deletes_nothing_where_deletes_are_off() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let stays = put(&env, &serve, "app:1", &image("one"));
    env.tool("skopeo", ["delete", PLAIN, &remote(&stays)]).run().fails(1);
    assert_has(&env, &stays, &image("one"));
}
