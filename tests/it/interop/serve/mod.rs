//! Real clients at our own registry: each pushes to it and pulls from it, what one pushed another pulls, and the store
//! below stays a layout that everybody reads.

mod access;
mod containerd;
mod docker;
mod places;
mod podman;
mod skopeo;
mod store;
mod upstream;

use imgctl::oci::{Compression, MediaType};

use crate::interop::{imgctl, index};
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::serve::Serve;

/// One image of each kind that registries carry, by name.
fn kinds() -> [(&'static str, TestImage); 4] {
    [("oci", built(ImageBuilder::new())), ("docker", docker()), ("zstd", zstd()), ("index", index())]
}

/// In docker's media types.
fn docker() -> TestImage {
    built(ImageBuilder::new().docker())
}

/// With layers that zstd compressed.
fn zstd() -> TestImage {
    built(ImageBuilder::new().compression(Compression::Zstd).label("by", "zstd"))
}

/// Docker's list of images for two platforms.
fn docker_list() -> TestImage {
    let child = |platform: &str| built(ImageBuilder::new().docker().platform(platform));
    TestImage::index_of_type(MediaType::DOCKER_LIST, vec![child("linux/amd64"), child("linux/arm64")])
}

/// An image of two layers, the second large enough to come in pieces.
fn built(builder: ImageBuilder) -> TestImage {
    builder.layer(Layer::of_file("etc/hello", "hello\n")).layer(Layer::random(7, 300_000)).build()
}

/// Puts an image into the registry with our own client; returns its full name there.
#[track_caller]
fn put(env: &Env, serve: &Serve, name: &str, image: &TestImage) -> String {
    let layout = format!("given-{}", image.digest().hex());
    image.write_layout(&env.path(&layout), "x");
    let reference = serve.image(name);
    imgctl(env, &["copy", "-q", &format!("oci:{layout}:x"), &reference]);
    reference
}

/// Asserts that the registry has this very image under `reference`, with everything below it.
#[track_caller]
fn assert_has(env: &Env, reference: &str, image: &TestImage) {
    assert_eq!(imgctl(env, &["manifest", reference]).stdout, image.manifest, "{reference}");
    // The client verifies every byte that it copies.
    let copied = imgctl(env, &["copy", "-q", reference, "oci:check:x"]);
    assert!(copied.stdout_text().contains(&image.digest().to_string()), "{}", copied.told());
}
