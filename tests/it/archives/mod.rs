//! Archives and layouts as somebody hands them to us: honest ones go round and round, the others are refused.

mod hostile;
mod layouts;
mod pipes;
mod round_trip;
mod tar;

use std::path::Path;

use serde_json::{Value, json};

use self::tar::Member;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use imgctl::oci::Compression;

/// An image of one plain layer.
fn image() -> TestImage {
    ImageBuilder::new().compression(Compression::None).layer(Layer::of_file("etc/hello", "hello\n")).build()
}

/// What `docker save` before 25 makes of it: config, layer, list.
fn legacy(image: &TestImage, name: &str) -> (Vec<Member>, Value) {
    let (config, layer) = (&image.blobs[&image.config()], &image.blobs[&image.layers()[0]]);
    let list = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    (vec![Member::file("config.json", config), Member::file("layer.tar", layer)], list)
}

/// The layout of it: blobs and marker, and the index.
fn layout(image: &TestImage, name: &str) -> (Vec<Member>, Value) {
    let mut members = vec![Member::file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)];
    let manifest = (&image.digest(), &image.manifest);
    members.extend(image.blobs.iter().chain([manifest]).map(|(digest, blob)| Member::file(&blob_name(digest), blob)));
    let mut root = image.descriptor();
    root.annotations.insert("org.opencontainers.image.ref.name".to_owned(), name.to_owned());
    (members, json!({ "schemaVersion": 2, "manifests": [root] }))
}

fn blob_name(digest: &imgctl::oci::Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// That nothing came into the store: no name, no image without a name, no file on its way.
fn assert_nothing_loaded(env: &Env, what: &str) {
    assert_eq!(env.imgctl(["images", "--all", "-q"]).run().ok().stdout_text(), "", "{what}");
    assert_no_staging(&env.store(), what);
}

/// That nothing is on its way in a layout.
fn assert_no_staging(directory: &Path, what: &str) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let hidden: Vec<_> =
        entries.map(|entry| entry.file_name()).filter(|name| name.as_encoded_bytes()[0] == b'.').collect();
    assert!(hidden.is_empty(), "{what}: {hidden:?}");
}
