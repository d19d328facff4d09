//! The local store and layouts under many processes at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::{Env, files};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::run::Running;

const MANY: usize = 16;

/// What is under `blobs`, by name.
fn blobs(directory: &Path) -> BTreeSet<String> {
    let names = files(&directory.join("blobs")).map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    names.collect()
}

fn hexes<'a>(images: impl IntoIterator<Item = &'a TestImage>) -> BTreeSet<String> {
    let digests = images.into_iter().flat_map(|image| image.blobs.keys().copied().chain([image.digest()]));
    digests.map(|digest| digest.hex()).collect()
}

#[test]
fn s06_sixteen_pulls_of_one_image_leave_one_copy() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = ImageBuilder::new().layer(Layer::random(1, 500_000)).layer(Layer::random(2, 500_000)).build();
    registry.put_image("a", "1", &image);
    let name = registry.reference("a:1");
    let running: Vec<Running> = (0..MANY).map(|_| env.imgctl(["pull", "-q", &name]).spawn()).collect();
    for process in running {
        assert_eq!(process.wait().ok().stdout_text(), format!("{name}\n"));
    }
    assert_eq!(blobs(&env.store()), hexes([&image]));
    let listed = env.imgctl(["images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}", "--digests"]).run().ok();
    assert_eq!(listed.stdout_text(), format!("{name} {}\n", image.digest()));
    // Each process fetches what it does not find: never more than once, and nothing once it is there.
    let fetched = |registry: &DockerRegistry| {
        let log = registry.request_log();
        log.iter().filter(|request| request.method == "GET" && request.uri.contains("/blobs/sha256")).count()
    };
    let before = fetched(&registry);
    assert!((3..=3 * MANY).contains(&before), "{before}");
    env.imgctl(["pull", "-q", &name]).run().ok();
    assert_eq!(fetched(&registry), before);
    env.assert_no_leftovers();
}

#[test]
fn s07_sixteen_pulls_and_copies_lose_no_name() {
    let registry = DockerRegistry::open();
    let image =
        |seed| ImageBuilder::new().layer(Layer::of_file("shared", "s")).layer(Layer::random(seed, 2000)).build();
    let images: Vec<TestImage> = (0..MANY as u64).map(image).collect();
    for (number, image) in images.iter().enumerate() {
        registry.put_image("a", &number.to_string(), image);
    }
    let started = Instant::now();
    let mut rounds = 0;
    // Ten rounds, or as many as a slow machine makes in the time.
    while rounds < 10 && started.elapsed() < Duration::from_secs(12) {
        let env = Env::new();
        let start = |number: usize| {
            let from = registry.reference(&format!("a:{number}"));
            let layout = format!("oci:layout:{number}");
            [env.imgctl(["pull", "-q", &from]).spawn(), env.imgctl(["copy", "-q", &from, &layout]).spawn()]
        };
        let running: Vec<Running> = (0..MANY).flat_map(start).collect();
        running.into_iter().for_each(|process| drop(process.wait().ok()));
        assert_eq!(env.imgctl(["images", "-q"]).run().ok().stdout_text().lines().count(), MANY, "round {rounds}");
        assert_eq!(env.imgctl(["tags", "oci:layout"]).run().ok().stdout_text().lines().count(), MANY, "round {rounds}");
        for place in [env.store(), env.path("layout")] {
            assert_eq!(blobs(&place), hexes(&images), "round {rounds}");
        }
        env.assert_no_leftovers();
        rounds += 1;
    }
    assert!(rounds >= 2, "{rounds} rounds in {:?}", started.elapsed());
}

#[test]
fn s07_sixteen_first_copies_into_one_flat_directory_leave_one_image() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::of_size(1, 100_000);
    registry.put_image("a", "1", &image);
    let name = registry.reference("a:1");
    let running: Vec<Running> = (0..MANY).map(|_| env.imgctl(["copy", "-q", &name, "dir:flat"]).spawn()).collect();
    running.into_iter().for_each(|process| drop(process.wait().ok()));
    assert_eq!(env.imgctl(["manifest", "dir:flat"]).run().ok().stdout, image.manifest);
    env.tool("skopeo", ["copy", "-q", "dir:flat", "oci:out:x"]).run().ok();
}

#[test]
fn what_is_never_written_leaves_no_trace() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    registry.put_image("a", "1", &TestImage::small());
    let (there, missing) = (registry.reference("a:1"), registry.reference("a:2"));
    for to in ["oci:new:x", "dir:new", "oci-archive:new", "docker-archive:new", "store:new"] {
        env.imgctl(["copy", "--dry-run", &there, to]).run().ok();
        env.imgctl(["copy", &missing, to]).run().fails(4);
        assert!(!env.path("new").exists(), "{to}");
        assert!(!env.store().exists(), "{to}");
    }
    env.imgctl(["pull", &missing]).run().fails(4);
    env.imgctl(["pull", "--dry-run", &there]).run().ok();
    env.imgctl(["images"]).run().ok();
    env.imgctl(["rmi", "nothing"]).run().fails(4);
    env.imgctl(["tag", "nothing", "something"]).run().fails(4);
    env.imgctl(["load"]).stdin("no archive").run().fails(5);
    assert!(!env.store().exists());
    for to in ["oci:new:no name", "oci-archive:new:no name", "docker-archive:new:No Name", "store:No Name"] {
        env.imgctl(["copy", &there, to]).run().fails(2);
        assert!(!env.path("new").exists() && !env.store().exists(), "{to}");
    }
    env.write("letters/dear", "x");
    for to in ["oci:letters:x", "dir:letters"] {
        env.imgctl(["copy", &there, to]).run().fails(2).says("neither empty nor");
    }
    assert_eq!(fs::read_dir(env.path("letters")).unwrap().count(), 1);
}
