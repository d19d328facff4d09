//! `--fsync`: what has a name is on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::random;
use crate::support::serve::Serve;
use crate::support::trace::Trace;

/// A small layer, and one that is written where it could be gone on with.
fn image() -> TestImage {
    let plain = "application/vnd.oci.image.layer.v1.tar";
    ImageBuilder::new().blob(plain, random(1, 1000)).blob(plain, random(2, 3_000_000)).build()
}

/// A server with the image, and who reads from it.
struct Scene {
    env: Env,
    image: TestImage,
    serve: Serve,
    _home: Env,
}

impl Scene {
    fn new() -> Self {
        let (env, home, image) = (Env::new(), Env::new(), image());
        image.write_layout(&home.path("a"), "1");
        let serve = Serve::start(&home, &["oci:a"]);
        Self { env, image, serve, _home: home }
    }

    /// What `imgctl` with these arguments does.
    fn traced(&self, arguments: &[&str], variable: Option<(&'static str, &str)>) -> Trace {
        let file = self.env.path("trace");
        let command = [&[env!("CARGO_BIN_EXE_imgctl")], arguments].concat();
        let run = self.env.tool("strace", Trace::arguments(&file, &command));
        match variable {
            Some((name, value)) => run.env(name, value),
            None => run,
        }
        .run()
        .ok();
        Trace::read(&file)
    }

    /// The files of a layout that hold the image: config, layers, manifest.
    fn blobs(&self, layout: &Path) -> Vec<PathBuf> {
        let digests = self.image.blobs.keys().copied().chain([self.image.digest()]);
        digests.map(|digest| layout.join("blobs/sha256").join(digest.hex())).collect()
    }

    /// Everything of the layout was flushed before what needs it had a name.
    #[track_caller]
    fn assert_flushed(&self, trace: &Trace, layout: &Path) {
        let index = trace.assert_flushed(&layout.join("index.json"), usize::MAX);
        for blob in self.blobs(layout) {
            trace.assert_flushed(&blob, index);
        }
        for made in ["blobs", "."] {
            trace.assert_directory_flushed(&layout.join(made).components().collect::<PathBuf>(), 0, index);
        }
        trace.assert_directory_flushed(layout.parent().unwrap(), 0, index);
    }
}

#[test]
fn s03_with_fsync_everything_is_on_the_disk_before_the_name() {
    let scene = Scene::new();
    let (from, store, out) = (scene.serve.image("a:1"), scene.env.store(), scene.env.path("out"));
    let trace = scene.traced(&["pull", "-q", "--fsync", &from], None);
    scene.assert_flushed(&trace, &store);
    let to = format!("oci:{}:1", out.display());
    let trace = scene.traced(&["copy", "-q", &from, &to], Some(("IMGCTL_FSYNC", "1")));
    scene.assert_flushed(&trace, &out);
}

#[test]
fn s03_with_fsync_directories_and_archives_are_flushed_too() {
    let scene = Scene::new();
    let (from, here) = (scene.serve.image("a:1"), scene.env.path(""));
    scene.env.write("c.toml", "fsync = true\n");
    let config = scene.env.path("c.toml");
    let to = |prefix: &str, name: &str| format!("{prefix}:{}", here.join(name).display());
    let copied = |to: &str| scene.traced(&["copy", "-q", "--config", config.to_str().unwrap(), &from, to], None);
    let trace = copied(&to("dir", "flat"));
    let manifest = trace.assert_flushed(&here.join("flat/manifest.json"), usize::MAX);
    for digest in scene.image.blobs.keys() {
        trace.assert_flushed(&here.join("flat").join(digest.hex()), manifest);
    }
    for prefix in ["oci-archive", "docker-archive"] {
        let trace = copied(&to(prefix, "out.tar"));
        trace.assert_flushed(&here.join("out.tar"), usize::MAX);
    }
}

#[test]
fn with_fsync_what_is_private_stays_private() {
    let scene = Scene::new();
    let from = scene.serve.image("a:1");
    let script = "umask 077; exec \"$0\" copy -q --fsync \"$1\" dir:flat";
    scene.env.tool("sh", ["-c", script, env!("CARGO_BIN_EXE_imgctl"), &from]).run().ok();
    for digest in scene.image.blobs.keys() {
        let found = fs::metadata(scene.env.path("flat").join(digest.hex())).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o400, "{digest}");
    }
}

#[test]
fn s03_with_fsync_names_are_flushed_that_tag_and_rmi_change() {
    let scene = Scene::new();
    let (from, index) = (scene.serve.image("a:1"), scene.env.store().join("index.json"));
    scene.env.imgctl(["pull", "-q", &from]).run().ok();
    for arguments in [&["tag", &from, "b:1", "--fsync"][..], &["rmi", "b:1", "--fsync"]] {
        scene.traced(arguments, None).assert_flushed(&index, usize::MAX);
    }
}

#[test]
fn without_fsync_nothing_is_flushed() {
    let scene = Scene::new();
    let from = scene.serve.image("a:1");
    for arguments in
        [&["pull", "-q", &from][..], &["copy", "-q", &from, "oci:out:1"], &["copy", "-q", &from, "dir:flat"]]
    {
        assert!(!scene.traced(arguments, None).flushes_anything(), "{arguments:?}");
    }
}

#[test]
fn s03_a_server_with_fsync_flushes_what_is_pushed() {
    let (env, home) = (Env::new(), Env::new());
    let image = image();
    image.write_layout(&env.path("a"), "1");
    let file = home.path("trace");
    let ours = [env!("CARGO_BIN_EXE_imgctl"), "serve", "--fsync", "--listen", "127.0.0.1:0"];
    let arguments = Trace::arguments(&file, &ours);
    let server = Serve::run(home.tool("strace", ["-D".into()].into_iter().chain(arguments)));
    env.imgctl(["copy", "-q", "oci:a:1", &server.image("a:1")]).run().ok();
    server.signal(Signal::KILL);
    server.wait();
    while !fs::read_to_string(&file).unwrap().contains("+++ killed") {
        std::thread::yield_now();
    }
    let (trace, store) = (Trace::read(&file), home.store());
    let index = trace.assert_flushed(&store.join("index.json"), usize::MAX);
    for digest in image.blobs.keys().copied().chain([image.digest()]) {
        let blob = store.join("blobs/sha256").join(digest.hex());
        trace.assert_flushed(&blob, index);
        assert!(fs::metadata(&blob).unwrap().permissions().readonly(), "{}", blob.display());
    }
    let links = store.join("repositories/localhost/a");
    for digest in image.blobs.keys() {
        trace.assert_directory_flushed(&links.join("_blobs/sha256"), 0, index);
        assert!(links.join("_blobs/sha256").join(digest.hex()).exists());
    }
    trace.assert_flushed(&links.join("_manifests/sha256").join(image.digest().hex()), index);
}
