//! Scene: an image with one large layer, a server that has it, and a proxy that counts what it sends.

use std::fs;
use std::path::{Path, PathBuf};

use imgctl::oci::Digest;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::env::{Env, files};
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::random;
use crate::support::run::{Run, Running};
use crate::support::serve::Serve;

pub const MIB: u64 = 1024 * 1024;

/// An image with one layer of so many bytes, which do not compress.
pub fn image(seed: u64, size: u64) -> TestImage {
    let layer = random(seed, usize::try_from(size).unwrap());
    ImageBuilder::new().blob("application/vnd.oci.image.layer.v1.tar", layer).build()
}

/// Stalls the first `times` requests for the layer behind `length` bytes.
pub fn stall(image: &TestImage, length: u64, times: usize) -> Rule {
    Rule::on("GET", &image.layers()[0].to_string(), Weather::Stall(length)).times(times)
}

/// A server that has the image as `a:1`, and who fetches it.
pub struct Scene {
    pub env: Env,
    pub image: TestImage,
    pub proxy: FaultProxy,
    _home: Env,
    _serve: Serve,
}

impl Scene {
    /// The layer has `size` bytes; `rules` say what becomes of requests for it.
    pub fn new(size: u64, rules: impl FnOnce(&TestImage) -> Vec<Rule>) -> Self {
        let (env, home, image) = (Env::new(), Env::new(), image(size, size));
        image.write_layout(&home.path("a"), "1");
        let serve = Serve::start(&home, &["oci:a"]);
        let proxy = FaultProxy::start(serve.address(), rules(&image));
        Self { env, image, proxy, _home: home, _serve: serve }
    }

    /// `imgctl copy -q` of the image to there.
    pub fn copy(&self, to: &str) -> Run {
        self.env.imgctl(["copy", "-q", &self.proxy.reference("a:1"), to])
    }

    /// Runs a copy to the end; returns how many bytes it was sent.
    #[track_caller]
    pub fn arrives(&self, to: &str) -> u64 {
        let before = self.proxy.sent();
        self.copy(to).run().ok();
        self.proxy.sent() - before
    }

    /// Asserts that the image called `place` is whole.
    #[track_caller]
    pub fn assert_whole(&self, place: &str) {
        let digest = self.env.imgctl(["digest", place]).run().ok();
        assert_eq!(digest.stdout_text(), format!("{}\n", self.image.digest()), "{place}");
        // Whoever copies verifies all.
        self.env.imgctl(["copy", "-q", place, "oci:checked:1"]).run().ok();
        fs::remove_dir_all(self.env.path("checked")).unwrap();
    }

    /// Starts a copy and waits until `length` bytes are kept in `directory`, whatever becomes of it.
    pub fn start_until(&self, to: &str, directory: &Path, length: u64) -> Running {
        let mut running = self.copy(to).spawn();
        running.wait_until("a checkpoint", |_| kept(directory) >= length);
        running
    }

    /// The same, and kills it.
    pub fn kill_at(&self, to: &str, directory: &Path, length: u64) {
        let running = self.start_until(to, directory, length);
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, None);
    }
}

/// How far the unfinished blobs below `directory` are that checkpoints tell of.
pub fn kept(directory: &Path) -> u64 {
    let logs = files(directory).filter(|path| path.to_string_lossy().ends_with(".json"));
    let lines = logs.map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines: Vec<String> = lines.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let checkpoints = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    checkpoints.filter(|it| it["prefix"].is_string()).filter_map(|it| it["offset"].as_u64()).max().unwrap_or(0)
}

/// The files of unfinished transfers below `directory`.
pub fn unfinished(directory: &Path) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| {
        let path = path.to_string_lossy();
        ["/transfers/", "/.imgctl-transfers/", ".imgctl-partial"].iter().any(|part| path.contains(part))
    };
    files(directory).filter(is_one).collect()
}

/// The unfinished bytes of a download below `directory`.
pub fn partial(directory: &Path) -> PathBuf {
    let found = unfinished(directory).into_iter().find(|path| path.extension().is_none_or(|end| end != "json"));
    found.expect("an unfinished download")
}

/// Asserts that everything below `blobs` has the digest that it is called by.
#[track_caller]
pub fn assert_right(place: &Path) {
    for path in files(&place.join("blobs")) {
        let digest = Digest::of(&fs::read(&path).unwrap());
        assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
    }
}
