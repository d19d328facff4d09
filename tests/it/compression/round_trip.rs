//! gzip → zstd → none → gzip, over registries, archives and layouts.

use imgctl::oci::Compression;

use super::{assert_same_content, digest, given, layer_types, manifest};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

#[test]
fn layers_keep_what_they_unpack_to_through_every_compression_and_place() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = given(&env, Compression::Gzip);
    let (one, two) = (registry.reference("app:1"), registry.reference("other:2"));
    for (from, compress, to, word, magic) in [
        ("oci:given:x", "zstd", one.as_str(), "tar+zstd", ZSTD),
        (&one, "none", "oci-archive:plain.tar:x", "tar", &[][..]),
        ("oci-archive:plain.tar:x", "gzip", &two, "tar+gzip", GZIP),
        (&two, "zstd:7", "dir:flat", "tar+zstd", ZSTD),
        ("dir:flat", "gzip:1", "store:app:3", "tar+gzip", GZIP),
        ("store:app:3", "none", "docker-archive:docker.tar:app:4", "tar", &[]),
        ("docker-archive:docker.tar:app:4", "gzip", "oci:last:x", "tar+gzip", GZIP),
    ] {
        env.imgctl(["copy", "-q", "--compress", compress, from, to]).run().ok();
        assert_eq!(layer_types(&env, to), [word; 3], "{from} {to}");
        env.imgctl(["copy", "-q", to, &format!("oci:check{}:x", magic.len())]).run().ok();
        assert_same_content(&env, &format!("check{}", magic.len()), magic, &image);
        std::fs::remove_dir_all(env.path(format!("check{}", magic.len()))).unwrap();
    }
    // gzip from nothing is what gzip from gzip is when a level is asked for.
    env.imgctl(["copy", "-q", "--compress", "gzip:6", "oci:given:x", "oci:direct:x"]).run().ok();
    assert_eq!(manifest(&env, "oci:direct:x")["layers"], manifest(&env, "oci:last:x")["layers"]);
    assert_eq!(manifest(&env, "oci:direct:x")["annotations"]["org.example.kept"], "1");
    env.assert_no_leftovers();
}

#[test]
fn the_same_image_gets_the_same_digest_in_every_run_and_on_any_number_of_processors() {
    let env = Env::new();
    given(&env, Compression::None);
    for (compress, other) in [("gzip", "gzip:6"), ("zstd", "zstd:3"), ("gzip:9", "gzip:9")] {
        let copy = ["copy", "-q", "--jobs", "1", "--compress", compress, "oci:given:x", "oci:one:x"];
        let first = env.imgctl(copy).run().ok().stdout_text().to_owned();
        let again = env.imgctl(["copy", "-q", "--compress", other, "oci:given:x", "oci:one:x"]).run().ok();
        assert_eq!(again.stdout_text(), first);
        let program = env!("CARGO_BIN_EXE_imgctl");
        let on_one = env.tool("taskset", ["-c", "0", program]).args(copy).run().ok();
        assert_eq!(on_one.stdout_text(), first);
    }
}

#[test]
fn layers_that_are_compressed_that_way_stay_unless_a_level_is_asked_for() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    env.imgctl(["copy", "-q", "--compress", "gzip", "oci:given:x", "oci:same:x"]).run().ok();
    assert_eq!(digest(&env, "oci:same:x"), image.digest().to_string());
    env.imgctl(["copy", "-q", "--compress", "gzip:9", "oci:given:x", "oci:new:x"]).run().ok();
    assert_ne!(digest(&env, "oci:new:x"), image.digest().to_string());
    assert_same_content(&env, "new", GZIP, &image);
}

#[test]
fn save_compresses_too() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    for name in ["store:app:1", "store:app:2"] {
        env.imgctl(["copy", "-q", "oci:given:x", name]).run().ok();
    }
    for kind in ["docker-archive", "oci-archive"] {
        for (compress, magic) in [("none", &[][..]), ("zstd", ZSTD), ("gzip:1", GZIP)] {
            let save = |file: &str| {
                let args = ["save", "-q", "--archive", kind, "--compress", compress, "-o", file, "app:1", "app:2"];
                env.imgctl(args).run().ok();
                std::fs::read(env.path(file)).unwrap()
            };
            assert!(save("one.tar") == save("two.tar"), "the same images make the same bytes");
            let from = format!("{kind}:one.tar:app:2");
            let from = if kind == "oci-archive" { "oci-archive:one.tar:docker.io/library/app:2" } else { &from };
            env.imgctl(["copy", "-q", from, "oci:check:x"]).run().ok();
            assert_same_content(&env, "check", magic, &image);
            std::fs::remove_dir_all(env.path("check")).unwrap();
        }
    }
    env.assert_no_leftovers();
}

#[test]
fn nothing_is_compressed_twice_and_progress_tells() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    for tag in ["1", "2"] {
        env.imgctl(["copy", "-q", "oci:given:x", &format!("oci:tags:{tag}")]).run().ok();
    }
    let args = ["copy", "--progress", "json", "--compress", "zstd", "--all-tags", "oci:tags", "oci:out"];
    let events = env.imgctl(args).run().ok().stderr;
    let count = |state: &str| events.lines().filter(|line| line.contains(&format!(r#""state":"{state}""#))).count();
    assert_eq!(count("recompressed"), image.layers().len());
    assert!(count("recompressing") >= image.layers().len(), "{events}");
    let lines = env.imgctl(["copy", "--compress", "zstd", "oci:given:x", "oci:lines:x"]).run().ok();
    lines.says(&format!("{}: Recompressing\n", image.layers()[0].short())).says("Recompressed as ");
}
