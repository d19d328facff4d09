//! A registry behind ours: what engines pull through us stays here, and is there when the other is not.

use crate::interop::{id, image, imgctl, index, with_storage};
use crate::support::containerd::Containerd;
use crate::support::docker_registry::DockerRegistry;
use crate::support::dockerd::Dockerd;
use crate::support::env::Env;
use crate::support::serve::Serve;

#[test]
fn r17_engines_pull_through_us_and_miss_no_upstream_that_is_gone() {
    let (env, upstream) = (Env::new(), DockerRegistry::open());
    upstream.put_image("library/app", "1", &image("one"));
    upstream.put_image("ns/app", "1", &index());
    let serve = Serve::start(&env, &["--upstream", upstream.host()]);
    let mirrored = upstream.reference("ns/app:1");
    let by_path = serve.image(&format!("{}/ns/app:1", upstream.host().replace(':', "_")));
    env.write(
        format!("hosts/{}/hosts.toml", upstream.host()),
        format!("[host.'http://{}']\ncapabilities = ['pull', 'resolve']\n", serve.address()),
    );
    let everybody_pulls = || {
        let docker = Dockerd::with_mirror(serve.url());
        docker.docker(&env, ["pull", "-q", "app:1"]).ok();
        let pulled = docker.docker(&env, ["image", "inspect", "--format", "{{.Id}}", "app:1"]).ok();
        assert_eq!(pulled.stdout_text().trim(), image("one").config().to_string());

        let containerd = Containerd::start();
        let pull = ["images", "pull", "--snapshotter", "native", "--platform", "linux/amd64", "--hosts-dir", "hosts"];
        containerd.ctr(&env, pull.iter().copied().chain([mirrored.as_str()])).ok();

        with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &by_path]);
        assert_eq!(id(&env, &by_path), index().children[0].config().to_string());
        with_storage(&env, "podman", &["rmi", "--all", "--force"]);
    };
    everybody_pulls();
    let fetched = upstream.request_log();
    let blobs = fetched.iter().filter(|request| request.method == "GET" && request.uri.contains("/blobs/"));
    let mut blobs: Vec<&str> = blobs.map(|request| request.uri.as_str()).collect();
    blobs.sort_unstable();
    assert!(blobs.windows(2).all(|pair| pair[0] != pair[1]), "each is fetched once: {blobs:#?}");
    drop(upstream);
    everybody_pulls();
    let kept = imgctl(&env, &["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert!(kept.stdout_text().lines().any(|line| line == mirrored), "{}", kept.told());
}
