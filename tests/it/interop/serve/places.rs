//! Archives and layouts, served as they are and pulled by others.

use crate::interop::{id, image, imgctl, index, tool, with_storage};
use crate::support::containerd::Containerd;
use crate::support::env::{Env, files};
use crate::support::image::TestImage;
use crate::support::serve::Serve;

/// Three places, and what they are served as.
fn places(env: &Env) -> [(&'static str, &'static str, TestImage); 3] {
    image("one").write_layout(&env.path("layout"), "x");
    imgctl(env, &["copy", "-q", "oci:layout:x", "store:app:1"]);
    imgctl(env, &["save", "-q", "-o", "docker.tar", "app:1"]);
    index().write_layout(&env.path("index"), "x");
    imgctl(env, &["copy", "-q", "oci:index:x", "oci-archive:oci.tar:quay.io/ns/app:2"]);
    [
        ("oci:layout", "layout:x", image("one")),
        ("docker-archive:docker.tar", "library/app:1", image("one")),
        ("oci-archive:oci.tar", "quay.io/ns/app:2", index()),
    ]
}

#[test]
fn r17_podman_skopeo_and_containerd_pull_out_of_archives_and_layouts() {
    let (env, containerd) = (Env::new(), Containerd::start());
    let places = places(&env);
    let written = snapshot(&env);
    let serve = Serve::start(&env, &places.each_ref().map(|(location, ..)| *location));
    for (location, name, image) in &places {
        let reference = serve.image(name);
        let amd64 = image.children.first().unwrap_or(image);
        with_storage(&env, "podman", &["pull", "-q", "--tls-verify=false", &reference]);
        assert_eq!(id(&env, &reference), amd64.config().to_string(), "{location}");
        let remote = format!("docker://{reference}");
        let seen = tool(&env, "skopeo", &["inspect", "--config", "--raw", "--tls-verify=false", &remote]);
        assert_eq!(seen.stdout, amd64.blobs[&amd64.config()], "{location}");
        let copied = format!("dir:copied-{}", image.digest().hex());
        tool(&env, "skopeo", &["copy", "-q", "--all", "--src-tls-verify=false", &remote, &copied]);
        let pull = ["images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/amd64"];
        containerd.ctr(&env, [&pull[..], &[&reference]].concat()).ok();
        let push = format!("docker://{reference}-new");
        let args = ["copy", "-q", "--dest-tls-verify=false", &copied, &push];
        env.tool("skopeo", args).run().fails(1).says("unsupported");
    }
    assert_eq!(snapshot(&env), written);
}

/// The places' files with their lengths.
fn snapshot(env: &Env) -> Vec<(std::path::PathBuf, u64)> {
    let all = ["layout", "index", "docker.tar", "oci.tar"].map(|name| env.path(name));
    let in_places = all.iter().filter(|path| path.is_dir()).flat_map(|path| files(path));
    let mut found: Vec<_> = all.iter().filter(|path| path.is_file()).cloned().chain(in_places).collect();
    found.sort();
    found.into_iter().map(|path| (path.clone(), path.metadata().unwrap().len())).collect()
}
