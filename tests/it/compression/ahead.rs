//! Layers move as soon as they are compressed, and nothing else changes for that.

use std::fs;

use imgctl::oci::{Compression, Descriptor, Digest, MediaType};
use serde_json::{Value, json};

use super::{builder, given, manifest};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::run::Run;

/// Longer than any test may take.
const PATIENCE: &str = "--idle-timeout=10m";

/// The smallest layer of `image`, whose turn comes last.
fn smallest(image: &TestImage) -> Digest {
    image.layers().into_iter().min_by_key(|layer| image.blobs[layer].len()).unwrap()
}

/// A registry whose downloads of this blob stop after some bytes.
fn stalling(registry: &DockerRegistry, blob: Digest) -> FaultProxy {
    FaultProxy::start(registry.host(), vec![Rule::on("GET", &format!("blobs/{blob}"), Weather::Stall(10))])
}

/// Whether the registry took this blob.
fn was_put(registry: &DockerRegistry, blob: Digest) -> bool {
    let mut log = registry.request_log().into_iter();
    log.any(|request| request.method == "PUT" && request.status == 201 && request.uri.contains(&blob.hex()))
}

/// A compressing copy that remembers nothing.
fn compress(env: &Env, args: &[&str]) -> Run {
    env.imgctl([&["copy", "-q", "--no-resume", PATIENCE, "--compress", "zstd"], args].concat())
}

#[test]
fn a_layer_moves_while_another_one_of_its_image_still_comes() {
    let (env, from, to) = (Env::new(), DockerRegistry::open(), DockerRegistry::open());
    let image = given(&env, Compression::Gzip);
    from.put_image("app", "1", &image);
    compress(&env, &["oci:given:x", "oci:expected:x"]).run().ok();
    let expected = manifest(&env, "oci:expected:x");
    let became = |layer: Digest| -> Digest {
        let at = image.layers().iter().position(|other| *other == layer).unwrap();
        expected["layers"][at]["digest"].as_str().unwrap().parse().unwrap()
    };
    let last = smallest(&image);
    let stalling = stalling(&from, last);
    let mut copy = compress(&env, &[&stalling.reference("app:1"), &to.reference("app:1")]).spawn();
    for layer in image.layers().into_iter().filter(|layer| *layer != last) {
        copy.wait_until("the layer at the destination", |_| was_put(&to, became(layer)));
    }
    copy.wait_until("the last layer", |_| stalling.struck() == 1);
    assert!(!copy.has_ended() && !was_put(&to, became(last)) && to.tags("app").is_empty());
}

#[test]
fn an_image_is_there_while_the_next_one_is_still_being_compressed() {
    let (env, from) = (Env::new(), DockerRegistry::open());
    let (one, two) = (builder("linux/amd64").build(), builder("linux/arm64").build());
    from.put_image("app", "1", &one);
    from.put_image("app", "2", &two);
    let own = two.layers().into_iter().find(|layer| !one.layers().contains(layer)).unwrap();
    let stalling = stalling(&from, own);
    let mut copy = compress(&env, &["--all-tags", &stalling.reference("app"), "oci:out"]).spawn();
    copy.wait_until("the first image", |_| env.imgctl(["digest", "oci:out:1"]).run().code == Some(0));
    copy.wait_until("the second one", |_| stalling.struck() == 1);
    assert!(!copy.has_ended());
    env.imgctl(["digest", "oci:out:2"]).run().fails(4);
}

#[test]
fn a_failure_is_told_though_an_image_before_it_stands_still() {
    let (env, from) = (Env::new(), DockerRegistry::open());
    let one = builder("linux/amd64").build();
    from.put_image("app", "1", &one);
    let config: &[u8] = br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let of = [(MediaType::OCI_CONFIG, config), (MediaType::OCI_LAYER_GZIP, b"layer")];
    let [config, layer] = of.clone().map(|(media_type, content)| Descriptor::of(media_type, content));
    let document = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": [layer],
    });
    let mut two = TestImage::of_document(MediaType::OCI_MANIFEST, &document);
    two.blobs = of.map(|(_, content)| (Digest::of(content), content.to_vec().into())).into();
    from.put_image("app", "2", &two);
    let stalling = stalling(&from, smallest(&one));
    let outcome = compress(&env, &["--all-tags", &stalling.reference("app"), "oci:out"]).run();
    outcome.fails(5).says("source: ").says("it has 0 diff ids for 1 layers");
    env.assert_no_leftovers();
}

#[test]
fn archives_of_many_images_are_the_same_with_one_job_on_one_processor_as_with_all() {
    let env = Env::new();
    for (tag, platform) in [("1", "linux/amd64"), ("2", "linux/arm64"), ("3", "linux/amd64")] {
        builder(platform).annotation("org.example.tag", tag).build().write_layout(&env.path(tag), tag);
        env.imgctl(["copy", "-q", &format!("oci:{tag}:{tag}"), &format!("oci:given:{tag}")]).run().ok();
    }
    let args = |to| ["copy", "-q", "--compress", "zstd", "--all-tags", "oci:given", to];
    env.imgctl(args("oci-archive:all.tar")).run().ok();
    let alone = ["-c", "0", env!("CARGO_BIN_EXE_imgctl"), "--jobs", "1"];
    env.tool("taskset", alone).args(args("oci-archive:alone.tar")).run().ok();
    assert!(fs::read(env.path("all.tar")).unwrap() == fs::read(env.path("alone.tar")).unwrap());
    // Three images share a layer, and two of them all.
    let layers = |tag: &str| manifest(&env, &format!("oci-archive:all.tar:{tag}"))["layers"].clone();
    assert_eq!(layers("1"), layers("3"));
    assert_eq!(layers("1")[2], layers("2")[2]);
}

#[test]
fn what_is_found_at_the_destination_is_counted_once() {
    let (env, to) = (Env::new(), DockerRegistry::open());
    let image = given(&env, Compression::Gzip);
    let copy =
        ["copy", "--no-resume", "--progress", "json", "--compress", "zstd", "oci:given:x", &to.reference("app:1")];
    let done = |stderr: &str| -> Value { serde_json::from_str(stderr.lines().last().unwrap()).unwrap() };
    let (first, second) = (env.imgctl(copy).run().ok(), env.imgctl(copy).run().ok());
    let (first, second) = (done(&first.stderr), done(&second.stderr));
    let blobs = image.layers().len() + 1;
    assert_eq!((&first["blobs_transferred"], &first["blobs_present"]), (&json!(blobs), &json!(0)));
    assert_eq!((&second["blobs_transferred"], &second["blobs_present"]), (&json!(0), &json!(blobs)));
}
