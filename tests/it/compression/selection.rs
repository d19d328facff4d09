//! What is compressed anew and what stays: platforms, attestations, referrers, artifacts, foreign layers, docker's types.

use imgctl::oci::{Compression, MediaType};
use serde_json::{Value, json};

use super::{builder, digest, given, layer_types, manifest};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// Two platforms with their attestations: `oci:index:x`.
fn index(env: &Env) -> TestImage {
    let images = vec![builder("linux/amd64").build(), builder("linux/arm64").build()];
    let index = TestImage::with_attestations(images);
    index.write_layout(&env.path("index"), "x");
    index
}

fn children(env: &Env, place: &str) -> Vec<Value> {
    manifest(env, place)["manifests"].as_array().unwrap().clone()
}

#[test]
fn every_image_of_an_index_is_compressed_and_attestations_follow() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let index = index(&env);
    let to = registry.reference("app:1");
    env.imgctl(["copy", "-q", "--compress", "zstd", "oci:index:x", &to]).run().ok();
    let (before, after) = (children(&env, "oci:index:x"), children(&env, &to));
    assert_eq!(before.len(), after.len());
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before["platform"], after["platform"]);
        let is_attestation = at % 2 == 1;
        assert_eq!(before["digest"] == after["digest"], is_attestation);
        let place = format!("{to}@{}", after["digest"].as_str().unwrap());
        if is_attestation {
            assert_eq!(after["annotations"]["vnd.docker.reference.digest"], children(&env, &to)[at - 1]["digest"]);
        } else {
            assert_eq!(layer_types(&env, &place), ["tar+zstd"; 3]);
            assert_eq!(manifest(&env, &place)["config"]["digest"], index.children[at].config().to_string());
        }
    }
}

#[test]
fn platforms_are_chosen_as_without() {
    let env = Env::new();
    let index = index(&env);
    let copy = |args: &[&str], to: &str| {
        env.imgctl([&["copy", "-q", "--compress", "none"], args, &["oci:index:x", to]].concat()).run().ok();
    };
    copy(&["--platform", "linux/arm64"], "oci:one:x");
    assert_eq!(layer_types(&env, "oci:one:x"), ["tar"; 3]);
    assert_eq!(manifest(&env, "oci:one:x")["config"]["digest"], index.children[2].config().to_string());

    copy(&["--platform", "linux/arm64", "--index", "rewrite"], "oci:few:x");
    let few = children(&env, "oci:few:x");
    assert_eq!(few.len(), 2);
    assert_eq!(few[1]["annotations"]["vnd.docker.reference.digest"], few[0]["digest"]);
    assert_eq!(few[0]["digest"], digest(&env, "oci:one:x"));

    copy(&["--platform", "linux/arm64", "--index", "sparse"], "oci:sparse:x");
    let (before, sparse) = (children(&env, "oci:index:x"), children(&env, "oci:sparse:x"));
    assert_eq!(sparse.len(), 4);
    assert_eq!(sparse[0], before[0], "what is not copied is not looked at");
    assert_eq!(sparse[2]["digest"], few[0]["digest"]);
}

#[test]
fn referrers_follow_the_image_that_they_describe() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    let signature = ImageBuilder::new().artifact_type("a/signature").blob("a/b", "signed").subject(&image).build();
    signature.write_layout(&env.path("signature"), "s");
    env.imgctl(["copy", "-q", "oci:signature:s", "oci:given:s"]).run().ok();
    env.imgctl(["copy", "-q", "--referrers", "--compress", "zstd", "oci:given:x", "oci:out:x"]).run().ok();
    let root = digest(&env, "oci:out:x");
    let blobs = std::fs::read_dir(env.path("out/blobs/sha256")).unwrap();
    let subjects: Vec<Value> = blobs
        .filter_map(|entry| serde_json::from_slice::<Value>(&std::fs::read(entry.unwrap().path()).unwrap()).ok())
        .filter_map(|document| document.get("subject").map(|subject| subject["digest"].clone()))
        .collect();
    assert_eq!(subjects, [json!(root)]);
}

/// The image with other descriptors of its layers.
fn changed(image: &TestImage, change: impl FnOnce(&mut Vec<Value>)) -> TestImage {
    let mut document = image.document();
    change(document["layers"].as_array_mut().unwrap());
    TestImage { blobs: image.blobs.clone(), ..TestImage::of_document(image.media_type.clone(), &document) }
}

#[test]
fn artifacts_and_foreign_layers_stay() {
    let env = Env::new();
    let artifact = ImageBuilder::new()
        .artifact_type("application/vnd.example")
        .layer(Layer::of_file("etc/hello", "hello\n"))
        .blob("application/vnd.example.chart.tar+gzip", "chart")
        .build();
    artifact.write_layout(&env.path("artifact"), "x");
    env.imgctl(["copy", "-q", "--compress", "zstd", "oci:artifact:x", "oci:kept:x"]).run().ok();
    assert_eq!(digest(&env, "oci:kept:x"), artifact.digest().to_string());

    let foreign = changed(&builder("linux/amd64").build(), |layers| {
        layers[0]["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        layers[0]["urls"] = json!(["https://layers.invalid/0"]);
    });
    foreign.write_layout(&env.path("foreign"), "x");
    env.imgctl(["copy", "-q", "--compress", "zstd", "oci:foreign:x", "oci:out:x"]).run().ok();
    let (before, after) = (foreign.document(), manifest(&env, "oci:out:x"));
    assert_eq!(after["layers"][0], before["layers"][0]);
    assert_eq!(layer_types(&env, "oci:out:x")[1..], ["tar+zstd"; 2]);
}

#[test]
fn annotations_of_a_layer_stay_but_for_those_of_its_old_bytes() {
    let env = Env::new();
    let image = changed(&builder("linux/amd64").build(), |layers| {
        layers[0]["annotations"] = json!({
            "org.example.kept": "1",
            "containerd.io/snapshot/stargz/toc.digest": "sha256:0",
            "io.github.containers.zstd-chunked.manifest-checksum": "sha256:0",
        });
        layers[1]["urls"] = json!(["https://mirror.invalid/1"]);
        layers[1]["data"] = json!("aGVsbG8=");
        layers[2]["annotations"] = json!({ "io.github.containers.zstd-chunked.manifest-position": "1:2:3:4" });
    });
    image.write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "-q", "--compress", "zstd", "oci:given:x", "oci:out:x"]).run().ok();
    let layers = manifest(&env, "oci:out:x")["layers"].clone();
    assert_eq!(layers[0]["annotations"], json!({ "org.example.kept": "1" }));
    for key in ["urls", "data", "annotations"] {
        assert!(layers[1].get(key).is_none() && layers[2].get(key).is_none(), "{key}");
    }
}

#[test]
fn docker_s_types_stay_where_they_have_a_word() {
    let env = Env::new();
    let image = builder("linux/amd64").docker().build();
    let list = TestImage::index_of_type(MediaType::DOCKER_LIST, vec![image]);
    list.write_layout(&env.path("list"), "x");
    let copy = |args: &[&str], to: &str| env.imgctl([&["copy"], args, &["oci:list:x", to]].concat()).run();
    copy(&["--compress", "none"], "oci:none:x").ok();
    let types = |place: &str| {
        let index = manifest(&env, place);
        let layout = place.trim_end_matches(":x");
        let child = index["manifests"][0]["digest"].as_str().unwrap();
        let child = manifest(&env, &format!("{layout}:{child}"));
        [&index["mediaType"], &child["mediaType"], &child["config"]["mediaType"], &child["layers"][0]["mediaType"]]
            .map(|media_type| media_type.as_str().unwrap().to_owned())
    };
    let docker = [&MediaType::DOCKER_LIST, &MediaType::DOCKER_MANIFEST, &MediaType::DOCKER_CONFIG];
    let oci = [&MediaType::OCI_INDEX, &MediaType::OCI_MANIFEST, &MediaType::OCI_CONFIG];
    assert_eq!(types("oci:none:x")[..3], docker.map(ToString::to_string));
    assert_eq!(types("oci:none:x")[3], "application/vnd.docker.image.rootfs.diff.tar");
    copy(&["--compress", "zstd"], "oci:zstd:x").ok().says("docker's formats have no word for zstd: converting to OCI");
    assert_eq!(types("oci:zstd:x")[..3], oci.map(ToString::to_string));
    assert_eq!(types("oci:zstd:x")[3], "application/vnd.oci.image.layer.v1.tar+zstd");
    copy(&["--compress", "zstd", "--to", "oci"], "oci:asked:x").ok();
    assert_eq!(digest(&env, "oci:asked:x"), digest(&env, "oci:zstd:x"));
    copy(&["--compress", "gzip:1", "--to", "oci"], "oci:gzip:x").ok();
    assert_eq!(types("oci:gzip:x")[3], "application/vnd.oci.image.layer.v1.tar+gzip");
    copy(&["--compress", "zstd", "--to", "docker"], "oci:no:x")
        .fails(2)
        .says("hint: --compress zstd goes with --to oci");
}
