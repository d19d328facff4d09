//! skopeo, podman and umoci read what was compressed anew.

use imgctl::oci::Compression;

use super::given;
use crate::interop::{id, with_storage};
use crate::support::env::Env;

#[test]
fn t107_podman_loads_it_from_archives() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    env.imgctl(["copy", "-q", "oci:given:x", "store:app:1"]).run().ok();
    for (kind, compress) in [("docker-archive", "zstd"), ("docker-archive", "none"), ("oci-archive", "zstd")] {
        env.imgctl(["save", "-q", "--archive", kind, "--compress", compress, "-o", "app.tar", "app:1"]).run().ok();
        with_storage(&env, "podman", &["load", "-i", "app.tar"]);
        assert_eq!(id(&env, "docker.io/library/app:1"), image.config().to_string(), "{kind} {compress}");
        with_storage(&env, "podman", &["rmi", "--all", "--force"]);
    }
}

#[test]
fn t107_skopeo_and_umoci_read_it_from_layouts() {
    let env = Env::new();
    given(&env, Compression::None);
    for compress in ["gzip", "zstd"] {
        let (layout, bundle) = (format!("{compress}-out"), format!("{compress}-bundle"));
        env.imgctl(["copy", "-q", "--compress", compress, "oci:given:x", &format!("oci:{layout}:1")]).run().ok();
        // To decompress is to check every diff id.
        let to = format!("dir:{compress}-dir");
        let args = ["copy", "-q", "--dest-decompress", &format!("oci:{layout}:1"), &to];
        env.tool("skopeo", args).run().ok();
        // Of these tools umoci alone knows no zstd.
        if compress == "zstd" {
            continue;
        }
        env.tool("umoci", ["unpack", "--rootless", "--image", &format!("{layout}:1"), &bundle]).run().ok();
        let hello = std::fs::read_to_string(env.path(&bundle).join("rootfs/etc/link")).unwrap();
        assert_eq!(hello, "hello\n", "{compress}");
    }
}
