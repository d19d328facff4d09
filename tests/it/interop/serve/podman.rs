//! podman and buildah: push, pull, build, and manifests of many platforms.

use serde_json::Value;

use super::{kinds, put};
use crate::interop::{id, image, imgctl, index, tool, with_storage};
use crate::support::env::Env;
use crate::support::serve::Serve;

const PLAIN: &str = "--tls-verify=false";

fn podman(env: &Env, args: &[&str]) -> String {
    with_storage(env, "podman", args).stdout_text().trim().to_owned()
}

/// What podman knows of registries.
fn configure(env: &Env, registries: &str) {
    env.write_home(".config/containers/registries.conf", registries);
}

#[test]
fn r17_podman_pulls_every_kind_of_image() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    for (name, image) in kinds() {
        let reference = put(&env, &serve, &format!("{name}:1"), &image);
        podman(&env, &["pull", "-q", PLAIN, &reference]);
        let amd64 = image.children.first().unwrap_or(&image);
        assert_eq!(id(&env, &reference), amd64.config().to_string());
        let by_digest = format!("{}@{}", serve.image(name), image.digest());
        podman(&env, &["pull", "-q", PLAIN, &by_digest]);
        assert_eq!(id(&env, &by_digest), amd64.config().to_string());
    }
    let reference = serve.image("index:1");
    let pulled = podman(&env, &["pull", "-q", PLAIN, "--arch", "arm64", &reference]);
    assert_eq!(format!("sha256:{pulled}"), index().children[2].config().to_string());
}

#[test]
fn r17_podman_pushes_what_it_pulled_and_pulls_what_it_pushed() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    for (content, name, layer, flags) in [
        ("one", "pushed:1", gzip, &[][..]),
        ("one", "pushed:oci", gzip, &["--format", "oci"]),
        ("one", "other/pushed:1", "application/vnd.docker.image.rootfs.diff.tar.gzip", &["--format", "v2s2"]),
        // Layers that the registry has are not compressed again.
        ("two", "zstd:1", "application/vnd.oci.image.layer.v1.tar+zstd", &["--compression-format", "zstd"]),
    ] {
        image(content).write_layout(&env.path(content), "x");
        let given = podman(&env, &["pull", "-q", &format!("oci:{content}:x")]);
        let reference = serve.image(name);
        let to = format!("docker://{reference}");
        podman(&env, &[&["push", "-q", PLAIN, "--digestfile", "digest"], flags, &[&given, &to]].concat());
        let digest = std::fs::read_to_string(env.path("digest")).unwrap();
        assert_eq!(imgctl(&env, &["digest", &reference]).stdout_text().trim(), digest, "{name}");
        let manifest: Value = imgctl(&env, &["manifest", &reference]).stdout_json();
        assert_eq!(manifest["layers"][1]["mediaType"], layer, "{name}");
        podman(&env, &["pull", "-q", PLAIN, &reference]);
        assert_eq!(id(&env, &reference), manifest["config"]["digest"], "{name}");
    }
}

#[test]
fn r17_podman_pulls_all_tags_of_a_registry_that_its_configuration_knows() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    put(&env, &serve, "app:1", &image("one"));
    put(&env, &serve, "app:2", &image("two"));
    configure(&env, &format!("[[registry]]\nlocation = '{}'\ninsecure = true\n", serve.address()));
    podman(&env, &["pull", "-q", "--all-tags", &serve.image("app")]);
    assert_eq!(podman(&env, &["images", "--quiet"]).lines().count(), 2);
}

#[test]
fn r17_podman_searches_the_catalogue_and_the_tags() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    for name in ["team/app:1", "team/app:2", "other:1"] {
        put(&env, &serve, name, &image("one"));
    }
    let found = podman(&env, &["search", PLAIN, "--format", "{{.Name}}", &serve.image("app")]);
    assert_eq!(found, serve.image("team/app"));
    let tags = podman(&env, &["search", PLAIN, "--list-tags", &serve.image("team/app")]);
    assert_eq!(tags.lines().skip(1).filter_map(|line| line.split_whitespace().last()).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn r17_podman_asks_us_as_a_mirror() {
    let env = Env::new();
    for (name, image) in [("quay.io/ns/app:1", image("one")), ("docker.io/library/app:1", index())] {
        image.write_layout(&env.path("given"), "x");
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("store:{name}")]);
    }
    let serve = Serve::start(&env, &["--read-only"]);
    let mirror = |registry: &str| {
        let mirror = serve.image(registry);
        format!("[[registry]]\nlocation = '{registry}'\n[[registry.mirror]]\nlocation = '{mirror}'\ninsecure = true\n")
    };
    configure(&env, &[mirror("quay.io"), mirror("docker.io")].concat());
    podman(&env, &["pull", "-q", "quay.io/ns/app:1"]);
    assert_eq!(id(&env, "quay.io/ns/app:1"), image("one").config().to_string());
    podman(&env, &["pull", "-q", "docker.io/library/app:1"]);
    assert_eq!(id(&env, "docker.io/library/app:1"), index().children[0].config().to_string());
}

#[test]
fn r17_podman_pushes_a_manifest_of_many_platforms() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let image = index();
    put(&env, &serve, "given:1", &image);
    podman(&env, &["manifest", "create", "list"]);
    for child in [0, 2] {
        let child = format!("docker://{}@{}", serve.image("given"), image.children[child].digest());
        podman(&env, &["manifest", "add", PLAIN, "list", &child]);
    }
    let to = serve.image("list:1");
    podman(&env, &["manifest", "push", "-q", "--all", PLAIN, "list", &format!("docker://{to}")]);
    let pushed: Value = imgctl(&env, &["manifest", &to]).stdout_json();
    let platforms = pushed["manifests"].as_array().unwrap().iter().map(|child| &child["platform"]["architecture"]);
    assert_eq!(platforms.collect::<Vec<_>>(), ["amd64", "arm64"]);
}

#[test]
fn r17_buildah_pushes_what_it_built_from_nothing_and_builds_on_what_it_pulled() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    let base = serve.image("base:1");
    env.write("hello", "hello\n");
    let container = with_storage(&env, "buildah", &["from", "scratch"]).stdout_text().trim().to_owned();
    with_storage(&env, "buildah", &["copy", "-q", &container, "hello", "/etc/hello"]);
    with_storage(&env, "buildah", &["commit", "-q", &container, "built"]);
    with_storage(&env, "buildah", &["push", "-q", PLAIN, "built", &format!("docker://{base}")]);
    with_storage(&env, "buildah", &["rmi", "--all", "--force"]);

    let container = with_storage(&env, "buildah", &["from", "-q", PLAIN, &base]).stdout_text().trim().to_owned();
    with_storage(&env, "buildah", &["config", "--label", "made=twice", &container]);
    let second = format!("docker://{}", serve.image("second:1"));
    with_storage(&env, "buildah", &["commit", "-q", PLAIN, &container, &second]);
    with_storage(&env, "buildah", &["pull", "-q", PLAIN, &second]);
    let seen = tool(&env, "skopeo", &["inspect", PLAIN, &second]).stdout_json();
    assert_eq!(seen["Labels"]["made"], "twice");

    env.write("Containerfile", format!("FROM {base}\nCOPY hello /again\n"));
    let third = serve.image("third:1");
    podman(&env, &["build", "-q", PLAIN, "--isolation", "chroot", "-t", &third, "."]);
    podman(&env, &["push", "-q", PLAIN, &third]);
    imgctl(&env, &["digest", &third]);
}
