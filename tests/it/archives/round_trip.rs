//! What was saved and loaded is saved again: the same bytes.

use std::fs;

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// Fills the store with one image under two names, one under a third, all of several layers.
fn filled() -> (Env, TestImage) {
    let env = Env::new();
    let layers =
        |seed| ImageBuilder::new().layer(Layer::of_file("etc/hello", "hello\n")).layer(Layer::random(seed, 50_000));
    let (one, other) = (layers(1).build(), layers(2).build());
    one.write_layout(&env.path("one"), "x");
    other.write_layout(&env.path("other"), "x");
    for (from, to) in
        [("oci:one:x", "store:app:1"), ("oci:one:x", "store:app:2"), ("oci:other:x", "store:quay.io/b/c:3")]
    {
        env.imgctl(["copy", "-q", from, to]).run().ok();
    }
    (env, one)
}

fn round_trip(kind: &str) {
    let (env, image) = filled();
    let first = env.path("first.tar");
    env.imgctl(["save", "-q", "--archive", kind, "-o", "first.tar", "app", "quay.io/b/c:3"]).run().ok();
    let again = Env::new();
    let loaded = again.imgctl(["load", "-q", "-i"]).args([&first]).run().ok();
    let lines = "Loaded image: app:1\nLoaded image: app:2\nLoaded image: quay.io/b/c:3\n";
    assert_eq!(loaded.stdout_text(), lines);
    for name in ["store:app:1", "store:app:2"] {
        assert_eq!(again.imgctl(["manifest", name]).run().ok().stdout, image.manifest);
    }
    // The names in another order, from the other store.
    again.imgctl(["save", "-q", "--archive", kind, "-o", "second.tar", "quay.io/b/c:3", "app:2", "app:1"]).run().ok();
    again.imgctl(["save", "-q", "--archive", kind, "-o", "third.tar", "app", "quay.io/b/c:3"]).run().ok();
    let first = fs::read(first).unwrap();
    assert!(first == fs::read(again.path("third.tar")).unwrap(), "the same images make the same bytes");
    let second = Env::new();
    let loaded = second.imgctl(["load", "-q", "-i"]).args([again.path("second.tar")]).run().ok();
    assert_eq!(loaded.stdout_text(), lines);
    for env in [env, again, second] {
        env.assert_no_leftovers();
    }
}

#[test]
fn t106_save_load_save_makes_the_same_docker_archive() {
    round_trip("docker-archive");
}

#[test]
fn t106_save_load_save_makes_the_same_oci_archive() {
    round_trip("oci-archive");
}

#[test]
fn t106_every_place_in_a_row_keeps_every_digest() {
    let (env, image) = filled();
    let chain = [
        "store:app:1",
        "docker-archive:a.tar:app:1",
        "oci-archive:b.tar:app",
        "dir:c",
        "oci:d:x",
        "oci-archive:e.tar",
        "store:end:1",
    ];
    for pair in chain.windows(2) {
        env.imgctl(["copy", "-q", pair[0], pair[1]]).run().ok();
        assert_eq!(env.imgctl(["manifest", pair[1]]).run().ok().stdout, image.manifest, "{pair:?}");
    }
}
