//! containerd: `ctr` pulls and pushes, and finds our registry where `hosts.toml` names it as a mirror.

use super::{assert_has, docker_list, kinds, put};
use crate::interop::{image, imgctl, index};
use crate::support::containerd::Containerd;
use crate::support::env::Env;
use crate::support::serve::Serve;

/// Without overlays, which need a kernel and a file system that agree with them.
const SNAPSHOTS: [&str; 2] = ["--snapshotter", "native"];

#[track_caller]
fn images(containerd: &Containerd, env: &Env, command: &str, args: &[&str]) {
    let flags = if command == "pull" { &SNAPSHOTS[..] } else { &[] };
    containerd.ctr(env, [&["images", command], flags, args].concat()).ok();
}

/// What containerd lists: name, media type, digest, …
fn listed(containerd: &Containerd, env: &Env) -> String {
    containerd.ctr(env, ["images", "ls"]).ok().stdout_text().to_owned()
}

#[test]
fn r17_containerd_pulls_and_pushes_every_kind_of_image() {
    let (env, containerd) = (Env::new(), Containerd::start());
    let serve = Serve::start(&env, &[]);
    for (name, image) in kinds().into_iter().chain([("list", docker_list())]) {
        let reference = put(&env, &serve, &format!("{name}:1"), &image);
        images(&containerd, &env, "pull", &["--plain-http", "--platform", "linux/amd64", &reference]);
        assert!(listed(&containerd, &env).contains(&image.digest().to_string()), "{name}");
        // `pull` unpacks all that it pulls, attestations too, and fails.
        containerd.ctr(&env, ["content", "fetch", "--plain-http", "--all-platforms", &reference]).ok();
        let to = serve.image(&format!("pushed/{name}:1"));
        images(&containerd, &env, "push", &["--plain-http", &to, &reference]);
        assert_has(&env, &to, &image);
        let by_digest = format!("{}@{}", serve.image(&format!("pushed/{name}")), image.digest());
        images(&containerd, &env, "pull", &["--plain-http", "--platform", "linux/amd64", &by_digest]);
    }
}

#[test]
fn r17_containerd_pushes_what_the_registry_never_saw() {
    let (env, containerd) = (Env::new(), Containerd::start());
    let serve = Serve::start(&env, &[]);
    index().write_layout(&env.path("given"), "x");
    imgctl(&env, &["copy", "-q", "oci:given:x", "oci-archive:given.tar:x"]);
    images(&containerd, &env, "import", &["--all-platforms", "--no-unpack", "--base-name", "given", "given.tar"]);
    let to = serve.image("deep/er/app:1");
    images(&containerd, &env, "push", &["--plain-http", &to, "given:x"]);
    assert_has(&env, &to, &index());
}

#[test]
fn r17_containerd_finds_mirrored_registries_here() {
    let (env, containerd) = (Env::new(), Containerd::start());
    for (name, image) in [("quay.io/ns/app:1", image("one")), ("docker.io/library/app:1", index())] {
        image.write_layout(&env.path("given"), "x");
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("store:{name}")]);
    }
    let serve = Serve::start(&env, &["--read-only"]);
    let host = serve.address();
    // By the `ns` of its requests, and by a path that names the registry.
    let by_namespace = format!("[host.'http://{host}']\ncapabilities = ['pull', 'resolve']\n");
    let by_path =
        format!("[host.'http://{host}/v2/docker.io']\ncapabilities = ['pull', 'resolve']\noverride_path = true\n");
    env.write("hosts/quay.io/hosts.toml", format!("server = 'https://quay.io'\n{by_namespace}"));
    env.write("hosts/docker.io/hosts.toml", format!("server = 'https://docker.io'\n{by_path}"));
    for (name, image) in [("quay.io/ns/app:1", image("one")), ("docker.io/library/app:1", index())] {
        images(&containerd, &env, "pull", &["--hosts-dir", "hosts", "--platform", "linux/amd64", name]);
        assert!(listed(&containerd, &env).contains(&image.digest().to_string()), "{name}");
    }
}

#[test]
fn r17_containerd_finds_what_was_pushed_to_us_by_another_name() {
    let (env, containerd) = (Env::new(), Containerd::start());
    let serve = Serve::start(&env, &[]);
    put(&env, &serve, "app:1", &image("one"));
    // As kind has it: people push to `localhost:5001`, nodes know the same registry by another address.
    let ours = format!("[host.'http://{}']\ncapabilities = ['pull', 'resolve', 'push']\n", serve.address());
    env.write("hosts/localhost:5001/hosts.toml", &ours);
    images(&containerd, &env, "pull", &["--hosts-dir", "hosts", "localhost:5001/app:1"]);
    assert!(listed(&containerd, &env).contains(&image("one").digest().to_string()));
    images(&containerd, &env, "push", &["--hosts-dir", "hosts", "localhost:5001/pushed:1", "localhost:5001/app:1"]);
    images(&containerd, &env, "pull", &["--hosts-dir", "hosts", "localhost:5001/pushed:1"]);

    // The mirror of all that has none of its own.
    imgctl(&env, &["tag", "localhost/app:1", "quay.io/ns/app:1"]);
    std::fs::remove_dir_all(env.path("hosts")).unwrap();
    env.write("hosts/_default/hosts.toml", &ours);
    images(&containerd, &env, "pull", &["--hosts-dir", "hosts", "quay.io/ns/app:1"]);
}
