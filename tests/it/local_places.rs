//! Layouts, the local store and flat directories: what we write others read, and the other way round.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use imgctl::error::Kind;
use imgctl::oci::Platform;
use imgctl::store::Store;
use imgctl::transfer::{self, Item, Options, Unobserved};
use imgctl::transport::{
    Destination, DirectoryDestination, DirectorySource, LayoutDestination, LayoutSource, Name, Source,
    StoreDestination, StoreSource,
};

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// Copies one image; an empty name is none.
async fn copy(source: Arc<dyn Source>, from: &str, destination: Arc<dyn Destination>, to: &str) -> imgctl::Result<()> {
    let name = |text: &str| (!text.is_empty()).then(|| Name::new(text));
    let item = Item { source, source_name: name(from), destination, destination_names: name(to).into_iter().collect() };
    transfer::copy(vec![item], &Options::default(), Arc::new(Unobserved)).await.map(drop)
}

fn layout(path: &Path) -> Arc<dyn Source> {
    Arc::new(LayoutSource::open(path).unwrap())
}

fn new_layout(path: &Path) -> Arc<dyn Destination> {
    Arc::new(LayoutDestination::create_or_open(path).unwrap())
}

/// Puts `image` into the local store of `env`.
pub async fn fill_store(env: &Env, image: &TestImage, name: &str) {
    let staged = env.path(format!("layout-{}", image.digest().short()));
    image.write_layout(&staged, "x");
    let store = Arc::new(StoreDestination::create_or_open(&env.store()).unwrap());
    copy(layout(&staged), "x", store, name).await.unwrap();
    fs::remove_dir_all(staged).unwrap();
}

/// An index with two real images and their attestations.
fn index() -> TestImage {
    let image = |platform: &str| {
        let layers = [Layer::of_file("etc/hello", "hello\n"), Layer::of_file("etc/platform", platform)];
        let [first, second] = layers;
        ImageBuilder::new().platform(platform).layer(first).layer(second).build()
    };
    TestImage::with_attestations(vec![image("linux/amd64"), image("linux/arm64")])
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn s20_skopeo_and_umoci_read_our_layouts() {
    let env = Env::new();
    let (small, index) = (TestImage::small(), index());
    for (image, name) in [(&small, "small"), (&index, "multi")] {
        image.write_layout(&env.path(name), "x");
        copy(layout(&env.path(name)), "", new_layout(&env.path("ours")), name).await.unwrap();
    }
    assert_eq!(names(&env.path("ours")), ["blobs", "index.json", "oci-layout"]);
    for (image, name) in [(&small, "small"), (&index, "multi")] {
        let raw = env.tool("skopeo", ["inspect", "--raw", &format!("oci:ours:{name}")]).run().ok();
        assert_eq!(raw.stdout, image.manifest);
        env.tool("skopeo", ["copy", "--all", &format!("oci:ours:{name}"), &format!("oci:theirs:{name}")]).run().ok();
    }
    let listed = env.tool("umoci", ["ls", "--layout", "ours"]).run().ok();
    assert_eq!(listed.stdout_text(), "small\nmulti\n");
    env.tool("umoci", ["unpack", "--rootless", "--image", "ours:small", "bundle"]).run().ok();
    assert_eq!(fs::read_to_string(env.path("bundle/rootfs/etc/hello")).unwrap(), "hello\n");
    env.tool("umoci", ["tag", "--image", "ours:small", "again"]).run().ok();
    env.tool("umoci", ["gc", "--layout", "ours"]).run().ok();
    for (name, image) in [("small", &small), ("again", &small), ("multi", &index)] {
        assert_eq!(layout(&env.path("ours")).resolve(Some(&Name::new(name))).await.unwrap().digest, image.digest());
    }
}

#[tokio::test]
async fn s20_we_read_layouts_of_skopeo_and_umoci() {
    let env = Env::new();
    let index = index();
    index.write_layout(&env.path("given"), "x");
    env.tool("skopeo", ["copy", "--all", "oci:given:x", "oci:nameless"]).run().ok();
    copy(layout(&env.path("nameless")), "", new_layout(&env.path("back")), "y").await.unwrap();
    let back = layout(&env.path("back"));
    assert_eq!(back.resolve(None).await.unwrap().digest, index.digest());

    env.tool("umoci", ["init", "--layout", "made"]).run().ok();
    assert_eq!(layout(&env.path("made")).resolve(None).await.unwrap_err().kind(), Kind::NotFound);
    env.tool("umoci", ["new", "--image", "made:empty"]).run().ok();
    copy(layout(&env.path("made")), "empty", new_layout(&env.path("made")), "docker.io/library/a:1").await.unwrap();
    let listed = env.tool("umoci", ["ls", "--layout", "made"]).run().ok();
    assert_eq!(listed.stdout_text(), "empty\ndocker.io/library/a:1\n");
}

#[tokio::test]
async fn s20_skopeo_reads_the_store() {
    let env = Env::new();
    let image = TestImage::small();
    fill_store(&env, &image, "app:1").await;
    let store = env.store().display().to_string();
    let raw = env.tool("skopeo", ["inspect", "--raw", &format!("oci:{store}:docker.io/library/app:1")]).run().ok();
    assert_eq!(raw.stdout, image.manifest);
    env.tool("skopeo", ["copy", &format!("oci:{store}:docker.io/library/app:1"), "dir:out"]).run().ok();
    // Another tool that writes into it does no harm either.
    TestImage::of_size(1, 1000).write_layout(&env.path("given"), "x");
    env.tool("skopeo", ["copy", "oci:given:x", &format!("oci:{store}:quay.io/other:2")]).run().ok();
    let names = StoreSource::open(&env.store()).unwrap().names().await.unwrap();
    assert_eq!(names, ["docker.io/library/app:1", "quay.io/other:2"].map(Name::new));
}

#[tokio::test]
async fn flat_directories_go_both_ways_with_skopeo() {
    let env = Env::new();
    let index = index();
    index.write_layout(&env.path("given"), "x");
    let ours = Arc::new(DirectoryDestination::create_or_open(&env.path("ours")).unwrap());
    copy(layout(&env.path("given")), "x", ours, "").await.unwrap();
    env.tool("skopeo", ["copy", "--all", "oci:given:x", "dir:theirs"]).run().ok();
    assert_eq!(names(&env.path("ours")), names(&env.path("theirs")));
    for name in names(&env.path("theirs")) {
        let read = |directory: &str| fs::read(env.path(directory).join(&name)).unwrap();
        assert_eq!(read("ours"), read("theirs"), "{name}");
    }
    env.tool("skopeo", ["copy", "--all", "dir:ours", "oci:back:x"]).run().ok();
    let theirs = Arc::new(DirectorySource::open(&env.path("theirs")).unwrap());
    copy(theirs, "", new_layout(&env.path("back")), "y").await.unwrap();
    for name in ["x", "y"] {
        assert_eq!(layout(&env.path("back")).resolve(Some(&Name::new(name))).await.unwrap().digest, index.digest());
    }
}

#[tokio::test]
async fn a_flat_directory_holds_one_image_and_nothing_of_the_last() {
    let env = Env::new();
    for (image, name) in [(TestImage::of_size(1, 5000), "first"), (TestImage::small(), "second")] {
        image.write_layout(&env.path(name), "x");
        let place = Arc::new(DirectoryDestination::create_or_open(&env.path("flat")).unwrap());
        copy(layout(&env.path(name)), "x", place, "").await.unwrap();
    }
    assert_eq!(names(&env.path("flat")).len(), 4, "version, manifest.json, config, layer");
    env.tool("skopeo", ["inspect", "dir:flat"]).run().ok();
    fs::create_dir(env.path("letters")).unwrap();
    fs::write(env.path("letters/dear"), "x").unwrap();
    assert_eq!(DirectoryDestination::create_or_open(&env.path("letters")).unwrap_err().kind(), Kind::Usage);
    assert_eq!(DirectorySource::open(&env.path("letters")).unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn t110_what_a_layout_pretends_is_refused() {
    let env = Env::new();
    let image = TestImage::of_size(3, 100_000);
    let layer = image.layers()[0];
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil, Kind); 5] = [
        ("symlink", |path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap(), Kind::Unsafe),
        ("directory", |path| fs::create_dir(path).unwrap(), Kind::Unsafe),
        ("missing", |_| (), Kind::NotFound),
        ("empty", |path| fs::write(path, "").unwrap(), Kind::Mismatch),
        ("flipped", |path| fs::write(path, vec![7; 100_000]).unwrap(), Kind::Mismatch),
    ];
    for (name, spoil, kind) in spoil {
        let given = env.path(name);
        image.write_layout(&given, "x");
        let blob = given.join("blobs/sha256").join(layer.hex());
        fs::remove_file(&blob).unwrap();
        spoil(&blob);
        let error = copy(layout(&given), "x", new_layout(&env.path("out")), name).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
    }
    assert_eq!(layout(&env.path("out")).names().await.unwrap(), []);
    env.assert_no_leftovers();
}

#[tokio::test]
async fn d13_bytes_survive_every_local_place() {
    let env = Env::new();
    let image = ImageBuilder::new().layer(Layer::of_file("a", "b")).annotation("odd", "  \u{e9} \"x\" ").build();
    image.write_layout(&env.path("given"), "x");
    let path = env.store();
    copy(layout(&env.path("given")), "x", Arc::new(StoreDestination::create_or_open(&path).unwrap()), "a")
        .await
        .unwrap();
    let flat = Arc::new(DirectoryDestination::create_or_open(&env.path("flat")).unwrap());
    copy(Arc::new(StoreSource::open(&path).unwrap()), "a", flat, "").await.unwrap();
    let flat = Arc::new(DirectorySource::open(&env.path("flat")).unwrap());
    copy(flat, "", new_layout(&env.path("out")), "y").await.unwrap();
    let out = layout(&env.path("out"));
    let found = out.resolve(None).await.unwrap();
    assert_eq!(out.manifest(&found).await.unwrap().bytes(), &image.manifest);
}

#[tokio::test]
async fn the_store_lists_what_came_from_an_index() {
    let env = Env::new();
    let index = index();
    fill_store(&env, &index, "app").await;
    let images = Store::open(&env.store()).unwrap().images().unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].descriptor.digest, index.digest());
    assert!(images[0].platform.as_ref().unwrap().satisfies(&Platform::host()));
}

#[tokio::test]
async fn nothing_is_made_before_something_is_put() {
    let env = Env::new();
    TestImage::small().write_layout(&env.path("given"), "x");
    for place in ["oci:new", "dir:new"] {
        env.imgctl(["copy", "--dry-run", "oci:given:x", place]).run().ok();
        env.imgctl(["copy", "oci:given:missing", place]).run().fails(4);
        assert_eq!(names(&env.path("")), ["given"], "{place}");
    }
}
