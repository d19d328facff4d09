//! The store below the registry while it serves: a layout that others read, and the same images for our own commands.

use std::fs;

use super::put;
use crate::interop::{id, image, imgctl, index, tool, with_storage};
use crate::support::env::Env;
use crate::support::serve::Serve;

#[test]
fn s20_umoci_and_skopeo_read_the_store_that_others_pushed_to() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    image("one").write_layout(&env.path("given"), "x");
    let to = format!("docker://{}", serve.image("team/skopeo:1"));
    tool(&env, "skopeo", &["copy", "-q", "--dest-tls-verify=false", "oci:given:x", &to]);
    let given = with_storage(&env, "podman", &["pull", "-q", "oci:given:x"]).stdout_text().trim().to_owned();
    let to = format!("docker://{}", serve.image("podman:1"));
    with_storage(&env, "podman", &["push", "-q", "--tls-verify=false", &given, &to]);

    let store = env.store().display().to_string();
    let listed = tool(&env, "umoci", &["ls", "--layout", &store]);
    for name in ["localhost/team/skopeo:1", "localhost/podman:1"] {
        assert!(listed.stdout_text().lines().any(|line| line == name), "{}", listed.told());
        let at = format!("{store}:{name}");
        tool(&env, "umoci", &["stat", "--image", &at]);
        tool(&env, "umoci", &["unpack", "--rootless", "--image", &at, "bundle"]);
        assert_eq!(fs::read_to_string(env.path("bundle/rootfs/etc/more")).unwrap(), "one");
        fs::remove_dir_all(env.path("bundle")).unwrap();
        let seen = tool(&env, "skopeo", &["inspect", &format!("oci:{at}")]).stdout_json();
        assert_eq!(seen["Labels"]["is"], "one");
        let remote = format!("docker://{}", serve.image(name.trim_start_matches("localhost/")));
        let same = tool(&env, "skopeo", &["inspect", "--tls-verify=false", &remote]).stdout_json();
        assert_eq!(seen["Digest"], same["Digest"], "{name}");
    }
}

#[test]
fn s20_what_our_own_commands_do_to_the_store_shows_at_once() {
    let env = Env::new();
    let serve = Serve::start(&env, &[]);
    put(&env, &serve, "pushed:1", &index());
    let listed = imgctl(&env, &["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert_eq!(listed.stdout_text(), "localhost/pushed:1\n");
    imgctl(&env, &["tag", "localhost/pushed:1", "quay.io/team/tagged:2"]);
    let tagged = format!("docker://{}", serve.image("quay.io/team/tagged:2"));
    let raw = tool(&env, "skopeo", &["inspect", "--raw", "--tls-verify=false", &tagged]);
    assert_eq!(raw.stdout, index().manifest);
    imgctl(&env, &["rmi", "quay.io/team/tagged:2"]);
    env.tool("skopeo", ["inspect", "--raw", "--tls-verify=false", &tagged]).run().fails(1).says("unknown");
    let pushed = format!("docker://{}", serve.image("pushed:1"));
    tool(&env, "skopeo", &["copy", "-q", "--all", "--src-tls-verify=false", &pushed, "oci:back:x"]);
}

#[test]
fn r17_images_of_every_registry_are_pulled_by_their_names() {
    let env = Env::new();
    for name in ["app:1", "quay.io/ns/app:1", "registry.test:5000/deep/er/app:1"] {
        image(name).write_layout(&env.path("given"), "x");
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("store:{name}")]);
    }
    let serve = Serve::start(&env, &["--read-only"]);
    for (path, name) in [
        ("app:1", "app:1"),
        ("library/app:1", "app:1"),
        ("docker.io/library/app:1", "app:1"),
        ("quay.io/ns/app:1", "quay.io/ns/app:1"),
        ("registry.test_5000/deep/er/app:1", "registry.test:5000/deep/er/app:1"),
    ] {
        let reference = serve.image(path);
        with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &reference]);
        assert_eq!(id(&env, &reference), image(name).config().to_string(), "{path}");
    }
    let to = format!("docker://{}", serve.image("new:1"));
    env.tool("skopeo", ["copy", "-q", "--dest-tls-verify=false", "oci:given:x", &to]).run().fails(1);
    assert!(!imgctl(&env, &["images"]).stdout_text().contains("new"));
}

/// Runs what follows the first argument where the directory that it names is read-only, even for root.
const READ_ONLY: &str = r#"mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@""#;

#[test]
fn r17_a_store_full_of_images_is_served_from_a_read_only_directory() {
    let env = Env::new();
    for name in ["app:1", "quay.io/ns/app:2"] {
        image(name).write_layout(&env.path("given"), "x");
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("store:{name}")]);
    }
    let store = env.store().display().to_string();
    for flags in [&["--read-only"][..], &["store:"], &[]] {
        let serve = ["--mount", "sh", "-ec", READ_ONLY, "sh", &store, env!("CARGO_BIN_EXE_imgctl"), "serve"];
        let serve = Serve::run(env.tool("unshare", serve).args(["--listen", "127.0.0.1:0"]).args(flags));
        for (path, name) in [("app:1", "app:1"), ("quay.io/ns/app:2", "quay.io/ns/app:2")] {
            let reference = serve.image(path);
            with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &reference]);
            assert_eq!(id(&env, &reference), image(name).config().to_string(), "{flags:?}");
        }
        let to = format!("docker://{}", serve.image("new:1"));
        let refused = env.tool("skopeo", ["copy", "-q", "--dest-tls-verify=false", "oci:given:x", &to]).run().fails(1);
        assert!(!refused.stderr.contains(&store), "{}", refused.told());
        env.tool("skopeo", ["inspect", "--tls-verify=false", &to]).run().fails(1).says("manifest unknown");
        if flags.is_empty() {
            // Who serves learns which file it is about; who pushes does not.
            assert!(serve.stderr().contains("Read-only file system"), "{}", serve.stderr());
        }
    }
}

#[test]
fn r17_curl_asks_over_a_unix_socket() {
    let env = Env::new();
    image("one").write_layout(&env.path("given"), "x");
    imgctl(&env, &["copy", "-q", "oci:given:x", "store:localhost/app:1"]);
    let socket = env.path("registry.sock").display().to_string();
    let serve = Serve::run(env.imgctl(["serve", "--listen", &format!("unix:{socket}")]));
    assert_eq!(serve.url(), format!("unix:{socket}"));
    let curl = |path: &str| {
        let url = format!("http://localhost/v2/{path}");
        tool(&env, "curl", &["--silent", "--show-error", "--fail", "--unix-socket", &socket, &url])
    };
    assert_eq!(curl("").stdout_text().trim(), "{}");
    assert_eq!(curl("app/manifests/1").stdout, image("one").manifest);
    let config = image("one").config();
    assert_eq!(curl(&format!("app/blobs/{config}")).stdout, image("one").blobs[&config]);
    serve.stop().ok();
    assert!(!env.path("registry.sock").exists());
}
