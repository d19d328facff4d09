//! dockerd: pushes, pulls, mounts what it knows the registry to have, and takes our registry for a mirror.

use super::{docker_list, kinds, put};
use crate::interop::{id, image, imgctl, index, with_storage};
use crate::support::dockerd::Dockerd;
use crate::support::env::Env;
use crate::support::serve::Serve;

/// The id of an image of the daemon.
fn docker_id(docker: &Dockerd, env: &Env, name: &str) -> String {
    docker.docker(env, ["image", "inspect", "--format", "{{.Id}}", name]).ok().stdout_text().trim().to_owned()
}

#[test]
fn r17_dockerd_pulls_every_kind_of_image() {
    let (env, docker) = (Env::new(), Dockerd::start());
    let serve = Serve::start(&env, &[]);
    // Debian's dockerd is older than its zstd.
    for (name, image) in kinds().into_iter().filter(|(name, _)| *name != "zstd") {
        let reference = put(&env, &serve, &format!("{name}:1"), &image);
        let pulled = docker.docker(&env, ["pull", &reference]).ok();
        assert!(pulled.stdout_text().contains(&format!("Digest: {}", image.digest())), "{}", pulled.told());
        let amd64 = image.children.first().unwrap_or(&image);
        assert_eq!(docker_id(&docker, &env, &reference), amd64.config().to_string());
        let by_digest = format!("{}@{}", serve.image(name), image.digest());
        docker.docker(&env, ["rmi", &reference]).ok();
        docker.docker(&env, ["pull", "-q", &by_digest]).ok();
        assert_eq!(docker_id(&docker, &env, &by_digest), amd64.config().to_string());
    }
    let reference = serve.image("index:1");
    docker.docker(&env, ["pull", "-q", "--platform", "linux/arm64", &reference]).ok();
    assert_eq!(docker_id(&docker, &env, &reference), index().children[2].config().to_string());
    docker.docker(&env, ["pull", "-q", &serve.image("none:1")]).fails(1).says("manifest unknown");
}

#[test]
fn r17_dockerd_pushes_and_mounts_and_pulls_what_podman_pushed() {
    let (env, docker) = (Env::new(), Dockerd::start());
    let serve = Serve::start(&env, &[]);
    let theirs = serve.image("podman:1");
    image("one").write_layout(&env.path("given"), "x");
    with_storage(&env, "podman", &["pull", "-q", "oci:given:x"]);
    let given = image("one").config().hex();
    with_storage(&env, "podman", &["push", "-q", "--tls-verify=false", &given, &format!("docker://{theirs}")]);
    docker.docker(&env, ["pull", "-q", &theirs]).ok();
    assert_eq!(docker_id(&docker, &env, &theirs), image("one").config().to_string());

    let ours = serve.image("docker:1");
    docker.docker(&env, ["tag", &theirs, &ours]).ok();
    let pushed = docker.docker(&env, ["push", &ours]).ok();
    assert_eq!(pushed.stdout_text().matches(": Mounted from podman").count(), 2, "{}", pushed.told());
    let digest = imgctl(&env, &["digest", &ours]);
    assert!(pushed.stdout_text().contains(&format!("1: digest: {}", digest.stdout_text().trim())), "{}", pushed.told());
    let again = docker.docker(&env, ["push", &ours]).ok();
    assert_eq!(again.stdout_text().matches(": Layer already exists").count(), 2, "{}", again.told());

    with_storage(&env, "podman", &["rmi", "--all", "--force"]);
    with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &ours]);
    assert_eq!(id(&env, &ours), image("one").config().to_string());
}

#[test]
fn r17_dockerd_pushes_what_it_built_and_what_it_imported() {
    let (env, docker) = (Env::new(), Dockerd::start());
    let serve = Serve::start(&env, &[]);
    let given = put(&env, &serve, "base:1", &image("one"));
    imgctl(&env, &["save", "-q", "-o", "app.tar", &given]);
    docker.docker(&env, ["load", "-q", "-i", "app.tar"]).ok();
    let fresh = serve.image("fresh:1");
    docker.docker(&env, ["tag", &given, &fresh]).ok();
    let pushed = docker.docker(&env, ["push", &fresh]).ok();
    assert_eq!(pushed.stdout_text().matches(": Pushed").count(), 2, "{}", pushed.told());
    docker.docker(&env, ["rmi", &given, &fresh]).ok();
    docker.docker(&env, ["pull", "-q", &fresh]).ok();
    assert_eq!(docker_id(&docker, &env, &fresh), image("one").config().to_string());
}

#[test]
fn r17_docker_makes_lists_of_images_that_the_registry_has() {
    let (env, docker) = (Env::new(), Dockerd::start());
    let serve = Serve::start(&env, &[]);
    let docker = |args: &[&str]| docker.docker(&env, args).ok();
    let children = docker_list().children;
    let [amd64, arm64] = [0, 1].map(|child| put(&env, &serve, &format!("one:{child}"), &children[child]));
    let list = serve.image("elsewhere/list:1");
    docker(&["manifest", "create", "--insecure", &list, &amd64, &arm64]);
    docker(&["manifest", "annotate", "--arch", "arm64", "--variant", "v8", &list, &arm64]);
    let pushed = docker(&["manifest", "push", "--insecure", &list]);
    let digest = imgctl(&env, &["digest", &list]);
    assert_eq!(pushed.stdout_text().lines().last().unwrap(), digest.stdout_text().trim());
    let seen = docker(&["manifest", "inspect", "--insecure", &list]).stdout_json();
    assert_eq!(seen["manifests"][1]["platform"]["variant"], "v8");
    docker(&["pull", "-q", &list]);
    let pulled = docker(&["image", "inspect", "--format", "{{.Id}}", &list]);
    assert_eq!(pulled.stdout_text().trim(), children[0].config().to_string());
}

#[test]
fn r17_dockerd_asks_us_as_its_mirror() {
    let env = Env::new();
    for (name, image) in [("docker.io/library/app:1", image("one")), ("docker.io/team/app:2", index())] {
        image.write_layout(&env.path("given"), "x");
        imgctl(&env, &["copy", "-q", "oci:given:x", &format!("store:{name}")]);
    }
    let serve = Serve::start(&env, &["--read-only"]);
    let docker = Dockerd::with_mirror(&format!("http://{}", serve.address()));
    docker.docker(&env, ["pull", "-q", "app:1"]).ok();
    assert_eq!(docker_id(&docker, &env, "app:1"), image("one").config().to_string());
    docker.docker(&env, ["pull", "-q", "team/app:2"]).ok();
    assert_eq!(docker_id(&docker, &env, "team/app:2"), index().children[0].config().to_string());
}
