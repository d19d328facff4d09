//! Bytes that stay as they are, whatever way they go, and digests of another algorithm.

use std::fs;

use imgctl::oci::{Algorithm, Digest};

use crate::documents::names_nothing;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// A manifest that nobody would write like this: odd spaces, line ends of Windows, keys that nobody knows, numbers and
/// letters that could be written otherwise.
fn odd() -> TestImage {
    let image = TestImage::small();
    let text = image.document().to_string();
    let text =
        text.replacen('{', "{\r\n\t \"x-unknown\" : [ 1.50e2, 123456789012345678901234567890, \"\\u00e9\\/\" ] ,", 1);
    let text = text.replace("\"layers\"", " \r\n\"layers\" ");
    TestImage { manifest: format!("{text}\r\n \n").into(), ..image }
}

fn docker(image: TestImage) -> TestImage {
    let text = String::from_utf8(image.manifest.to_vec()).unwrap();
    TestImage { manifest: text.replace("\"x-unknown\"", "\"x-other\"").into(), ..image }
}

#[test]
fn d13_a_copy_is_equal_byte_for_byte_wherever_it_goes() {
    let env = Env::new();
    let image = odd();
    let index = TestImage::index(vec![odd(), docker(odd())]);
    let index = TestImage { manifest: format!(" {}\r\n", String::from_utf8_lossy(&index.manifest)).into(), ..index };
    let registry = DockerRegistry::open();
    for (image, places) in [(&image, &["dir", "docker-archive"][..]), (&index, &[])] {
        let kind = if image.children.is_empty() { "one" } else { "many" };
        image.write_layout(&env.path(format!("given-{kind}")), "x");
        let mut chain = vec![
            format!("oci:given-{kind}:x"),
            registry.reference(&format!("{kind}:1")),
            format!("oci:out-{kind}:y"),
            format!("oci-archive:{kind}.tar:z"),
            format!("store:example.org/{kind}:1"),
            registry.reference(&format!("{kind}-again:2")),
        ];
        let extra = places.iter().map(|place| match *place {
            "dir" => format!("dir:flat-{kind}"),
            _ => format!("docker-archive:{kind}-docker.tar:example.org/a:1"),
        });
        chain.extend(extra);
        for pair in chain.windows(2) {
            env.imgctl(["copy", &pair[0], &pair[1]]).run().ok().says("");
            let manifest = env.imgctl(["manifest", &pair[1]]).run().ok();
            assert_eq!(manifest.stdout, image.manifest, "{} → {}", pair[0], pair[1]);
            let digest = env.imgctl(["digest", &pair[1]]).run().ok();
            assert_eq!(digest.stdout_text().trim(), image.digest().to_string(), "{} → {}", pair[0], pair[1]);
        }
        assert!(registry.has_image(&format!("{kind}-again"), "2", image));
        env.assert_no_leftovers();
    }
    let layout = env.path(format!("out-one/blobs/sha256/{}", image.digest().hex()));
    assert_eq!(fs::read(layout).unwrap(), image.manifest);
    assert_eq!(fs::read(env.path("flat-one/manifest.json")).unwrap(), image.manifest);
}

fn long() -> TestImage {
    ImageBuilder::new().algorithm(Algorithm::Sha512).layer(Layer::random(1, 100_000)).build()
}

#[test]
fn d15_sha512_is_kept_where_places_know_it() {
    let env = Env::new();
    let image = long();
    assert_eq!(image.digest().algorithm(), Algorithm::Sha512);
    image.write_layout(&env.path("given"), "x");
    let registry = FaultRegistry::start();
    let far = registry.reference("ok/a");
    let pinned = format!("{far}@{}", image.digest());
    for (from, to) in [
        ("oci:given:x", "oci:out:y"),
        ("oci:out:y", "oci-archive:a.tar:z"),
        ("oci-archive:a.tar:z", "store:example.org/a:1"),
        ("store:example.org/a:1", pinned.as_str()),
        (pinned.as_str(), "oci:back:y"),
    ] {
        env.imgctl(["copy", from, to]).run().ok();
        let digest = env.imgctl(["digest", to]).run().ok();
        assert_eq!(digest.stdout_text().trim(), image.digest().to_string(), "{from} → {to}");
        assert_eq!(env.imgctl(["manifest", to]).run().ok().stdout, image.manifest);
    }
    for layer in image.layers() {
        let path = env.path(format!("back/blobs/sha512/{}", layer.hex()));
        assert_eq!(Digest::with(Algorithm::Sha512, &fs::read(path).unwrap()), layer);
    }
    env.assert_no_leftovers();
}

#[test]
fn d15_a_wrong_sha512_is_refused() {
    let env = Env::new();
    let image = long();
    image.write_layout(&env.path("given"), "x");
    let layer = env.path(format!("given/blobs/sha512/{}", image.layers()[0].hex()));
    let mut bytes = fs::read(&layer).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&layer, bytes).unwrap();
    env.imgctl(["copy", "oci:given:x", "oci:out:y"]).run().fails(5).says("sha512:");
    assert!(names_nothing(&env.path("out")));
    env.assert_no_leftovers();
}

#[test]
fn d15_docker_registry_keeps_sha512_blobs_and_refuses_sha512_manifests_by_name() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = long();
    image.write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "oci:given:x", &registry.reference("a:1")]).run().ok();
    env.imgctl(["copy", &registry.reference("a:1"), "oci:back:y"]).run().ok();
    assert_eq!(env.imgctl(["manifest", "oci:back:y"]).run().ok().stdout, image.manifest);
    for layer in image.layers() {
        assert_eq!(fs::read(env.path(format!("back/blobs/sha512/{}", layer.hex()))).unwrap(), image.blobs[&layer]);
    }
    let index = TestImage { algorithm: Algorithm::Sha512, ..TestImage::index(vec![image.clone()]) };
    index.write_layout(&env.path("many"), "x");
    let pinned = registry.reference(&format!("b@{}", image.digest()));
    for (from, to) in [("oci:many:x", registry.reference("b:1")), ("oci:given:x", pinned)] {
        let outcome = env.imgctl(["copy", from, &to]).run().fails(1).within(10.0);
        outcome.says("sha512 digests are not supported by this registry").says(registry.host());
    }
    assert!(registry.tags("b").is_empty());
}

#[test]
fn d15_an_algorithm_that_nobody_registered_is_no_digest() {
    let env = Env::new();
    long().write_layout(&env.path("given"), "x");
    let text = fs::read_to_string(env.path("given/index.json")).unwrap().replace("sha512:", "blake3:");
    fs::write(env.path("given/index.json"), text).unwrap();
    env.imgctl(["copy", "oci:given:x", "oci:out"]).run().fails(5).says("blake3");
}
