//! `--compress`: what layers unpack to stays and is checked, everything above them is new and the same every time.

mod again;
mod ahead;
mod refusals;
mod round_trip;
mod selection;
mod tools;

use std::io::Read;

use imgctl::oci::{Compression, Digest};
use serde_json::Value;

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// An image of three layers for a platform: one is large enough for several threads, one is small, and one does not compress.
fn builder(platform: &str) -> ImageBuilder {
    let lines: String = (0..200_000).map(|number| format!("{platform} {number} {}\n", number % 97)).collect();
    ImageBuilder::new()
        .platform(platform)
        .layer(Layer::of_file("usr/share/numbers", lines))
        .layer(Layer::of_file("etc/hello", "hello\n").symlink("etc/link", "hello"))
        .layer(Layer::random(1, 100_000))
}

/// That image, its layers compressed so, in a layout: `oci:given:x`.
fn given(env: &Env, compression: Compression) -> TestImage {
    let image = builder("linux/amd64").compression(compression).annotation("org.example.kept", "1").build();
    image.write_layout(&env.path("given"), "x");
    image
}

/// The manifest of `place` as JSON.
#[track_caller]
fn manifest(env: &Env, place: &str) -> Value {
    env.imgctl(["manifest", place]).run().ok().stdout_json()
}

/// The last words of the media types of the layers of `place`.
#[track_caller]
fn layer_types(env: &Env, place: &str) -> Vec<String> {
    let manifest = manifest(env, place);
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["mediaType"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn digest(env: &Env, place: &str) -> String {
    env.imgctl(["digest", place]).run().ok().stdout_text().trim().to_owned()
}

/// Asserts that the layers of the only image in the layout `directory` are of `magic`, and unpack to what `image`'s do.
#[track_caller]
fn assert_same_content(env: &Env, directory: &str, magic: &[u8], image: &TestImage) {
    let blob = |digest: &Value| {
        let (algorithm, hex) = digest.as_str().unwrap().split_once(':').unwrap();
        let bytes = std::fs::read(env.path(directory).join("blobs").join(algorithm).join(hex)).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), digest.as_str().unwrap());
        bytes
    };
    let manifest = manifest(env, &format!("oci:{directory}"));
    let config = blob(&manifest["config"]["digest"]);
    assert_eq!(config, image.blobs[&image.config()], "the config stays byte for byte");
    let config: Value = serde_json::from_slice(&config).unwrap();
    let (layers, diff_ids) = (manifest["layers"].as_array().unwrap(), config["rootfs"]["diff_ids"].as_array().unwrap());
    assert_eq!(layers.len(), diff_ids.len());
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let bytes = blob(&layer["digest"]);
        assert_eq!(layer["size"], bytes.len());
        assert!(bytes.starts_with(magic), "{layer} {:02x?}", &bytes[..4]);
        assert_eq!(Digest::of(&unpacked(&bytes)).to_string(), diff_id.as_str().unwrap());
    }
}

/// Decoded without the program under test.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match bytes {
        [0x1f, 0x8b, ..] => _ = flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap(),
        [0x28, 0xb5, ..] => unpacked = zstd::decode_all(bytes).unwrap(),
        _ => unpacked.extend_from_slice(bytes),
    }
    unpacked
}
