//! The same command again: what the destination has is neither read nor compressed.

use std::fs;
use std::path::PathBuf;

use imgctl::oci::{Compression, Digest};

use super::{given, manifest};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::{Env, files};
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

/// An image that was copied from one registry to another, compressed anew.
struct Scene {
    env: Env,
    image: TestImage,
    from: DockerRegistry,
    to: DockerRegistry,
}

/// What one run of the command did.
struct Again {
    outcome: Outcome,
    /// How many layers it read.
    read: usize,
    /// Its requests that put something at the destination.
    wrote: Vec<String>,
}

impl Scene {
    fn new(first: &[&str]) -> Self {
        let (env, from, to) = (Env::new(), DockerRegistry::open(), DockerRegistry::open());
        let image = given(&env, Compression::Gzip);
        from.put_image("app", "1", &image);
        let scene = Self { env, image, from, to };
        let first = scene.again(first, "1", vec![]);
        assert_eq!(first.read, scene.image.layers().len());
        scene
    }

    /// Copies to the tag `to`, through bad weather before the destination.
    fn again(&self, args: &[&str], to: &str, weather: Vec<Rule>) -> Again {
        let (before, proxy) = (self.from.request_log().len(), FaultProxy::start(self.to.host(), weather));
        let (from, to) = (self.from.reference("app:1"), proxy.reference(&format!("app:{to}")));
        let args = [&["copy"], args, &[&from, &to]].concat();
        let outcome = self.env.imgctl(args).env("IMGCTL_COMPRESS", "zstd:4").run().ok();
        let layers: Vec<String> = self.image.layers().iter().map(|layer| format!("blobs/{layer}")).collect();
        let is_layer = |uri: &str| layers.iter().any(|layer| uri.ends_with(layer.as_str()));
        let log = self.from.request_log().split_off(before);
        let read = log.iter().filter(|request| request.method == "GET" && is_layer(&request.uri)).count();
        let wrote = proxy.requests().into_iter().filter(|line| line.starts_with("PUT ") || line.starts_with("PATCH "));
        Again { outcome, read, wrote: wrote.collect() }
    }

    /// What the layers have become.
    fn became(&self) -> Vec<Digest> {
        let manifest = manifest(&self.env, &self.to.reference("app:1"));
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["digest"].as_str().unwrap().parse().unwrap()).collect()
    }

    fn lose(&self, blob: Digest) {
        self.to.ask("DELETE", "app", &format!("blobs/{blob}")).send().expect(202);
        assert!(!self.to.has_blob("app", blob));
    }

    fn memory(&self) -> Vec<PathBuf> {
        files(&self.env.home(".cache/imgctl/layers")).collect()
    }
}

#[test]
fn the_second_run_reads_no_layer_and_uploads_nothing() {
    let scene = Scene::new(&[]);
    assert_eq!(scene.memory().len(), scene.image.layers().len());
    let again = scene.again(&[], "1", vec![]);
    assert_eq!((again.read, again.wrote), (0, vec![]));
    again.outcome.says("Recompressed as ").says("0 blobs (0B) moved, 4 blobs");
    // Under another name only that is written.
    let other = scene.again(&[], "2", vec![]);
    assert_eq!(other.read, 0);
    assert!(other.wrote.iter().all(|line| line.starts_with("PUT /v2/app/manifests/2 ")), "{:?}", other.wrote);
    // Another level is another layer.
    let level = scene.again(&["--compress", "zstd:5"], "3", vec![]);
    assert_eq!(level.read, scene.image.layers().len());
}

#[test]
fn a_blob_that_the_destination_lost_is_put_again() {
    let scene = Scene::new(&[]);
    let became = scene.became();
    scene.lose(became[0]);
    let again = scene.again(&[], "1", vec![]);
    assert_eq!(again.read, 1);
    assert!(scene.to.has_blob("app", became[0]));
    assert_eq!(scene.became(), became);
}

#[test]
fn a_blob_that_the_destination_says_it_has_and_has_not_is_put_again() {
    let scene = Scene::new(&[]);
    let became = scene.became();
    scene.lose(became[0]);
    let lie = Rule::on("HEAD", &format!("blobs/{}", became[0]), Weather::RewriteStatus(200));
    let again = scene.again(&[], "2", vec![lie]);
    assert_eq!(again.read, 1);
    assert!(scene.to.has_blob("app", became[0]));
    assert!(scene.to.tags("app").contains(&"2".to_owned()));
}

#[test]
fn a_memory_that_is_damaged_is_none() {
    let scene = Scene::new(&[]);
    let became = scene.became();
    for content in ["", "{}", "no json", "{\"digest\":\"sha256:0\",\"size\":-1,\"diff_id\":7}"] {
        scene.memory().iter().for_each(|file| fs::write(file, content).unwrap());
        let again = scene.again(&[], "1", vec![]);
        assert_eq!((again.read, again.wrote), (3, vec![]), "{content}");
    }
    assert_eq!(scene.became(), became);
    // It was written anew.
    assert_eq!(scene.again(&[], "1", vec![]).read, 0);
}

#[test]
fn without_resume_nothing_is_remembered_and_nothing_recalled() {
    let scene = Scene::new(&["--no-resume"]);
    assert_eq!(scene.memory(), Vec::<PathBuf>::new());
    assert_eq!(scene.again(&[], "1", vec![]).read, 3);
    assert_eq!(scene.again(&["--no-resume"], "1", vec![]).read, 3);
    assert_eq!(scene.again(&[], "1", vec![]).read, 0);
}
