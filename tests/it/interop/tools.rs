//! skopeo, podman, buildah and umoci read what we write, and we read what they write; digests are the same everywhere.

use std::fs;

use crate::interop::{id, image, imgctl, index, tool, with_storage};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;

#[test]
fn s20_t107_skopeo_reads_every_place_that_we_write() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let (plain, index) = (image("plain"), index());
    plain.write_layout(&env.path("plain"), "x");
    index.write_layout(&env.path("index"), "x");
    let to = registry.reference("app:1");
    for (ours, theirs) in [
        ("oci:out:1", "oci:out:1"),
        ("oci-archive:out.tar:1", "oci-archive:out.tar:1"),
        ("dir:flat", "dir:flat"),
        (&to, &format!("docker://{to}")),
    ] {
        for (given, image) in [("oci:plain:x", &plain), ("oci:index:x", &index)] {
            imgctl(&env, &["copy", "-q", given, ours]);
            let raw = tool(&env, "skopeo", &["inspect", "--raw", "--tls-verify=false", theirs]);
            assert_eq!(raw.stdout, image.manifest, "{ours}");
            let args = ["copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", theirs, "oci:check:x"];
            tool(&env, "skopeo", &args);
            imgctl(&env, &["digest", "oci:check:x"]);
            assert_eq!(imgctl(&env, &["manifest", "oci:check:x"]).stdout, image.manifest, "{ours}");
        }
    }
    // Of an index a docker archive has one platform; the same digests of config and unpacked layers tell that all is there.
    imgctl(&env, &["copy", "-q", "oci:plain:x", "docker-archive:docker.tar:app:1"]);
    let config =
        tool(&env, "skopeo", &["inspect", "--config", "--raw", "docker-archive:docker.tar:docker.io/library/app:1"]);
    assert_eq!(config.stdout, plain.blobs[&plain.config()]);
    tool(&env, "skopeo", &["copy", "-q", "docker-archive:docker.tar:docker.io/library/app:1", "dir:docker"]);
}

#[test]
fn s20_t107_we_read_every_place_that_skopeo_writes() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let (plain, index) = (image("plain"), index());
    plain.write_layout(&env.path("plain"), "x");
    index.write_layout(&env.path("index"), "x");
    let to = registry.reference("app:1");
    for (theirs, ours) in [
        ("oci:out:1", "oci:out:1"),
        ("oci-archive:out.tar:1", "oci-archive:out.tar:1"),
        ("dir:flat", "dir:flat"),
        (&format!("docker://{to}"), &to),
    ] {
        for (given, image) in [("oci:plain:x", &plain), ("oci:index:x", &index)] {
            let _ = fs::remove_file(env.path("out.tar"));
            tool(&env, "skopeo", &["copy", "-q", "--all", "--dest-tls-verify=false", given, theirs]);
            assert_eq!(imgctl(&env, &["digest", ours]).stdout_text(), format!("{}\n", image.digest()), "{ours}");
            imgctl(&env, &["copy", "-q", ours, "oci:check:x"]);
            assert_eq!(imgctl(&env, &["manifest", "oci:check:x"]).stdout, image.manifest, "{ours}");
        }
    }
    tool(&env, "skopeo", &["copy", "-q", "oci:plain:x", "docker-archive:docker.tar:app:1"]);
    assert_eq!(imgctl(&env, &["config", "docker-archive:docker.tar"]).stdout, plain.blobs[&plain.config()]);
    assert_eq!(imgctl(&env, &["load", "-i", "docker.tar"]).stdout_text(), "Loaded image: app:1\n");
    imgctl(&env, &["copy", "-q", "store:app:1", &registry.reference("loaded:1")]);
    let there = tool(
        &env,
        "skopeo",
        &[
            "inspect",
            "--config",
            "--raw",
            "--tls-verify=false",
            &format!("docker://{}", registry.reference("loaded:1")),
        ],
    );
    assert_eq!(there.stdout, plain.blobs[&plain.config()]);
}

#[test]
fn t107_podman_loads_what_we_save() {
    let (env, one, two) = (Env::new(), image("one"), image("two"));
    one.write_layout(&env.path("one"), "x");
    two.write_layout(&env.path("two"), "x");
    for (from, name) in
        [("oci:one:x", "store:app:1"), ("oci:one:x", "store:app:2"), ("oci:two:x", "store:quay.io/ns/b:latest")]
    {
        imgctl(&env, &["copy", "-q", from, name]);
    }
    imgctl(&env, &["save", "-q", "-o", "docker.tar", "app", "quay.io/ns/b"]);
    let loaded = with_storage(&env, "podman", &["load", "-i", "docker.tar"]);
    for name in ["docker.io/library/app:1", "docker.io/library/app:2", "quay.io/ns/b:latest"] {
        assert!(loaded.stdout_text().contains(name), "{}", loaded.told());
    }
    assert_eq!(id(&env, "docker.io/library/app:2"), one.config().to_string());
    assert_eq!(id(&env, "quay.io/ns/b"), two.config().to_string());
    with_storage(&env, "podman", &["rmi", "--all", "--force"]);

    imgctl(&env, &["save", "-q", "--archive", "oci-archive", "-o", "oci.tar", "app:1"]);
    with_storage(&env, "podman", &["load", "-i", "oci.tar"]);
    let ids = with_storage(&env, "podman", &["images", "--no-trunc", "--quiet"]);
    assert_eq!(ids.stdout_text().trim(), one.config().to_string());
}

#[test]
fn t107_we_load_what_podman_saves() {
    let (env, given) = (Env::new(), image("one"));
    given.write_layout(&env.path("given"), "x");
    with_storage(&env, "podman", &["pull", "-q", "oci:given:x"]);
    with_storage(&env, "podman", &["tag", &given.config().hex(), "app:1", "quay.io/ns/b:2"]);
    for format in ["docker-archive", "oci-archive"] {
        let file = format!("{format}.tar");
        with_storage(&env, "podman", &["save", "-q", "--format", format, "-o", &file, "localhost/app:1"]);
        let loaded = imgctl(&env, &["load", "-i", &file]);
        assert!(loaded.stdout_text().contains("app:1"), "{}", loaded.told());
        assert_eq!(imgctl(&env, &["config", "store:localhost/app:1"]).stdout, given.blobs[&given.config()], "{format}");
        imgctl(&env, &["rmi", "localhost/app:1"]);
    }
    with_storage(&env, "podman", &["save", "-q", "--format", "oci-dir", "-o", "layout", "localhost/app:1"]);
    assert_eq!(imgctl(&env, &["config", "oci:layout"]).stdout, given.blobs[&given.config()]);
    with_storage(&env, "podman", &["save", "-q", "--format", "docker-dir", "-o", "flat", "localhost/app:1"]);
    imgctl(&env, &["copy", "-q", "dir:flat", "oci:from-flat:x"]);

    let both = ["save", "-q", "--multi-image-archive", "-o", "both.tar", "localhost/app:1", "quay.io/ns/b:2"];
    with_storage(&env, "podman", &both);
    let loaded = imgctl(&env, &["load", "-i", "both.tar"]);
    assert_eq!(loaded.stdout_text(), "Loaded image: localhost/app:1\nLoaded image: quay.io/ns/b:2\n");
}

#[test]
fn podman_and_buildah_share_a_registry_with_us() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let given = image("one");
    given.write_layout(&env.path("given"), "x");
    let ours = registry.reference("ours:1");
    imgctl(&env, &["copy", "-q", "oci:given:x", &ours]);
    with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &ours]);
    assert_eq!(id(&env, &ours), given.config().to_string());

    let container = with_storage(&env, "buildah", &["from", "--pull-never", &ours]);
    let container = container.stdout_text().trim().to_owned();
    with_storage(&env, "buildah", &["config", "--label", "made=by-buildah", &container]);
    let theirs = registry.reference("theirs:1");
    with_storage(&env, "buildah", &["commit", "-q", &container, &theirs]);
    with_storage(&env, "podman", &["push", "-q", "--tls-verify=false", &theirs]);
    imgctl(&env, &["pull", "-q", &theirs]);
    let label = imgctl(&env, &["inspect", "--format", "{{.Labels.made}}", &format!("store:{theirs}")]);
    assert_eq!(label.stdout_text(), "by-buildah\n");
    let (manifest, _) = registry.manifest("theirs", "1").unwrap();
    assert_eq!(imgctl(&env, &["manifest", &format!("store:{theirs}")]).stdout, manifest);
}

#[test]
fn s20_umoci_unpacks_what_we_copied_and_we_copy_what_umoci_made() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let given = image("one");
    registry.put_image("a", "1", &given);
    imgctl(&env, &["copy", "-q", &registry.reference("a:1"), "oci:out:1"]);
    tool(&env, "umoci", &["unpack", "--rootless", "--image", "out:1", "bundle"]);
    assert_eq!(fs::read_to_string(env.path("bundle/rootfs/etc/more")).unwrap(), "one");
    fs::write(env.path("bundle/rootfs/etc/new"), "new").unwrap();
    tool(&env, "umoci", &["repack", "--image", "out:2", "bundle"]);
    imgctl(&env, &["copy", "-q", "oci:out:2", &registry.reference("a:2")]);
    let raw = tool(&env, "skopeo", &["inspect", "--raw", "oci:out:2"]);
    assert_eq!(registry.manifest("a", "2").unwrap().0, raw.stdout);
    assert_eq!(imgctl(&env, &["tags", "oci:out"]).stdout_text(), "1\n2\n");
}
