//! Large blobs over slow lines: read from several ranges at once, and right whatever becomes of these.

use rustix::process::Signal;
use serde_json::Value;

use crate::resume::scene::{MIB, Scene, assert_right, image, kept, unfinished};
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::reply::Cut;
use crate::support::run::Run;

const SIZE: u64 = 80 * MIB;
/// Bytes a second of each connection: it takes ten seconds alone.
const RATE: u64 = 8 * MIB;
/// What one range has at that rate.
const RANGE: u64 = 16 * MIB;
const STORE: &str = "store:a:1";

/// What `serve` has, behind a slow line.
fn scene(rules: impl FnOnce(&TestImage) -> Vec<Rule>) -> Scene {
    let scene = Scene::new(SIZE, rules);
    scene.proxy.limit_rate(RATE);
    scene
}

/// What parts of the layer were asked for.
fn ranges(proxy: &FaultProxy, image: &TestImage) -> Vec<Option<String>> {
    proxy.ranges(&image.layers()[0].to_string())
}

/// How many parts of the layer were asked for.
fn parts(scene: &Scene) -> usize {
    ranges(&scene.proxy, &scene.image).into_iter().flatten().count()
}

/// A registry with a fault, behind a slow line.
struct Faulty {
    env: Env,
    image: TestImage,
    fault: String,
    _registry: FaultRegistry,
    proxy: FaultProxy,
}

impl Faulty {
    fn new(fault: &str) -> Self {
        let (env, registry, image) = (Env::new(), FaultRegistry::start(), image(1, SIZE));
        registry.put_image(&format!("f/{fault}/a"), "1", &image);
        let proxy = FaultProxy::start(&registry.host(), Vec::new());
        proxy.limit_rate(RATE);
        Self { env, image, fault: fault.to_owned(), _registry: registry, proxy }
    }

    fn copy(&self) -> Run {
        self.env.imgctl(["copy", "-q", &self.proxy.reference(&format!("f/{}/a:1", self.fault)), STORE])
    }

    #[track_caller]
    fn assert_whole(&self) {
        let digest = self.env.imgctl(["digest", STORE]).run().ok();
        assert_eq!(digest.stdout_text(), format!("{}\n", self.image.digest()));
        assert_right(&self.env.store());
        self.env.assert_no_leftovers();
    }
}

#[test]
fn a_large_blob_over_a_slow_line_is_read_from_several_ranges() {
    let places = [STORE, "oci:out:1", "dir:out-of-files", "docker-archive:out.tar:a:1", "oci-archive:oci.tar:1"];
    let scenes = places.map(|to| (to, scene(|_| Vec::new())));
    let running = scenes.each_ref().map(|(to, scene)| scene.copy(to).spawn());
    running.into_iter().for_each(|running| drop(running.wait().ok()));
    for (to, scene) in &scenes {
        assert!(scene.proxy.at_once() > 1, "{to}");
        assert!(parts(scene) > 1, "{to}: {}", parts(scene));
        // The first answer reaches to the end and is let go of; what is on its way then is lost.
        assert!(scene.proxy.sent() <= SIZE + RANGE, "{to}: {}", scene.proxy.sent());
        scene.assert_whole(to);
        assert!(unfinished(&scene.env.path("")).is_empty() && unfinished(&scene.env.store()).is_empty(), "{to}");
        scene.env.assert_no_leftovers();
    }
}

#[test]
fn one_range_is_one_answer() {
    let scene = scene(|_| Vec::new());
    scene.copy(STORE).args(["--range-split", "1"]).run().ok();
    assert_eq!(ranges(&scene.proxy, &scene.image), [None]);
    scene.assert_whole(STORE);
}

#[test]
fn where_bytes_must_come_in_order_nothing_is_split() {
    let scene = scene(|_| Vec::new());
    let to = FaultRegistry::start();
    let pushed = scene.copy(&to.reference("ok/a:1")).spawn();
    let archive = scene.copy("docker-archive:-:a:1").run().ok();
    pushed.wait().ok();
    assert!(archive.stdout.len() as u64 > SIZE);
    assert!(to.has_image("ok/a", "1", &scene.image));
    assert_eq!(ranges(&scene.proxy, &scene.image), [None, None]);
}

#[test]
fn n06_a_registry_that_ignores_ranges_is_read_in_one_answer() {
    let scene = Faulty::new("noranges");
    scene.copy().run().ok();
    let asked = ranges(&scene.proxy, &scene.image);
    assert!(asked.len() == 2 && asked[0].is_none() && asked[1].is_some(), "{asked:?}");
    assert!(scene.proxy.sent() <= SIZE + RANGE, "{}", scene.proxy.sent());
    scene.assert_whole();
}

#[test]
fn n07_a_range_with_a_wrong_content_range_is_not_used() {
    let scenes: Vec<Faulty> = (0..6).map(|variant| Faulty::new(&format!("badpart-{variant}"))).collect();
    let running: Vec<_> = scenes.iter().map(|scene| scene.copy().spawn()).collect();
    running.into_iter().for_each(|running| drop(running.wait().ok()));
    for scene in scenes {
        assert_eq!(ranges(&scene.proxy, &scene.image).len(), 2, "{}", scene.fault);
        scene.assert_whole();
    }
}

#[test]
fn n06_n07_interruptions_and_ranges_that_do_not_work_end_well() {
    let scenes = ["range200", "wrongcr", "r416"].map(Faulty::new);
    let running = scenes.each_ref().map(|scene| scene.copy().spawn());
    running.into_iter().for_each(|running| drop(running.wait().ok()));
    scenes.iter().for_each(Faulty::assert_whole);
}

#[test]
fn n01_a_reset_in_a_range_is_invisible() {
    let cut = |image: &TestImage| {
        let cut = Weather::CutResponse(4 * MIB, Cut::Reset);
        vec![Rule::on("GET", &image.layers()[0].to_string(), cut).ranged().times(1)]
    };
    let scene = scene(cut);
    scene.copy(STORE).run().ok();
    assert_eq!(scene.proxy.struck(), 1);
    assert!(scene.proxy.sent() <= SIZE + RANGE, "{}", scene.proxy.sent());
    scene.assert_whole(STORE);
}

#[test]
fn n12_a_range_that_stalls_goes_on_elsewhere() {
    let stall = |image: &TestImage| {
        vec![Rule::on("GET", &image.layers()[0].to_string(), Weather::Stall(4 * MIB)).ranged().times(1)]
    };
    let scene = scene(stall);
    scene.copy(STORE).args(["--idle-timeout", "2s"]).run().ok();
    assert_eq!(scene.proxy.struck(), 1);
    scene.assert_whole(STORE);
}

#[test]
fn n10_a_flipped_bit_in_a_range_costs_one_more_try() {
    let scene = Faulty::new("flippart");
    scene.copy().run().ok();
    let asked = ranges(&scene.proxy, &scene.image);
    assert_eq!(asked.iter().filter(|range| range.is_none()).count(), 2, "{asked:?}");
    assert_eq!(asked.last(), Some(&None), "the second time it is not split: {asked:?}");
    scene.assert_whole();
}

#[test]
fn n10_bits_that_are_always_wrong_are_an_error_and_leave_nothing() {
    let scene = Faulty::new("corruptlarge");
    scene.copy().run().fails(5).says(&scene.image.layers()[0].to_string());
    scene.env.imgctl(["digest", STORE]).run().fails(4);
    assert!(unfinished(&scene.env.store()).is_empty());
    assert_right(&scene.env.store());
}

#[test]
fn n34_a_split_pull_that_was_killed_goes_on_and_is_split_again() {
    let scene = scene(|_| Vec::new());
    let mut running = scene.copy(STORE).env("IMGCTL_TEST_CHECKPOINT", "blob-advanced").spawn();
    running.wait_for_stderr("stands still at");
    running.signal(Signal::KILL);
    running.wait();
    let (before, there) = (parts(&scene), kept(&scene.env.store()));
    let fetched = scene.arrives(STORE);
    assert!(there >= 16 * MIB && fetched <= SIZE - there + RANGE, "{fetched}, {there} were there");
    assert!(parts(&scene) > before + 1, "{:?}", ranges(&scene.proxy, &scene.image));
    scene.assert_whole(STORE);
    assert!(unfinished(&scene.env.store()).is_empty());
}

#[test]
fn n34_an_archive_goes_on_where_it_has_no_gap() {
    let (scene, to) = (scene(|_| Vec::new()), "oci-archive:out.tar:1");
    let mut running = scene.copy(to).env("IMGCTL_TEST_CHECKPOINT", "archive-advanced").spawn();
    running.wait_for_stderr("stands still at");
    running.signal(Signal::KILL);
    running.wait();
    let there = kept(&scene.env.path(""));
    let fetched = scene.arrives(to);
    assert!(there >= 16 * MIB && fetched <= SIZE - there + RANGE, "{fetched}, {there} were there");
    scene.assert_whole(to);
    assert!(unfinished(&scene.env.path("")).is_empty());
}

#[test]
fn s12_a_signal_keeps_what_was_hashed_of_a_split_pull() {
    let scene = scene(|_| Vec::new());
    let mut running = scene.copy(STORE).spawn();
    running.wait_until("a range, and a checkpoint", |_| parts(&scene) > 0 && kept(&scene.env.store()) >= 16 * MIB);
    running.signal(Signal::INT);
    running.wait().fails(130);
    assert_right(&scene.env.store());
    let there = kept(&scene.env.store());
    let fetched = scene.arrives(STORE);
    assert!(fetched <= SIZE - there + RANGE, "{fetched}, {there} were there");
    scene.assert_whole(STORE);
}

#[test]
fn without_resume_it_is_split_too() {
    let scene = scene(|_| Vec::new());
    scene.copy(STORE).args(["--no-resume"]).run().ok();
    assert!(parts(&scene) > 0);
    scene.assert_whole(STORE);
}

#[test]
fn progress_counts_each_byte_of_a_split_blob_once() {
    let scene = scene(|_| Vec::new());
    let copy = ["copy", "--progress", "json", &scene.proxy.reference("a:1"), STORE];
    let outcome = scene.env.imgctl(copy).run().ok();
    assert!(parts(&scene) > 0);
    let layer = scene.image.layers()[0].to_string();
    let events = outcome.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = events.filter(|event| event["digest"] == *layer).collect();
    let moved: Vec<u64> = events.iter().filter_map(|event| event["bytes"].as_u64()).collect();
    assert!(moved.len() > 2 && moved.is_sorted() && moved.iter().all(|&bytes| bytes <= SIZE), "{moved:?}");
    assert!(outcome.stderr.contains(&format!("\"bytes_transferred\":{}", total(&scene.image))), "{}", outcome.told());
}

/// All bytes of blobs and the manifest.
fn total(image: &TestImage) -> u64 {
    image.blobs.values().map(|blob| blob.len() as u64).sum::<u64>() + image.manifest.len() as u64
}

#[test]
fn all_ranges_share_the_limit() {
    let scene = scene(|_| Vec::new());
    let outcome = scene.copy(STORE).args(["--limit-rate", "15M"]).run().ok();
    assert!(parts(&scene) > 0, "the limit is above what one answer brings");
    assert!(outcome.seconds > SIZE as f64 / 15e6 - 0.2, "{}", outcome.told());
}

#[test]
fn one_request_at_a_time_to_a_host_is_kept_to() {
    let scene = scene(|_| Vec::new());
    scene.copy(STORE).args(["--per-host", "1"]).run().ok();
    assert_eq!(scene.proxy.at_once(), 1);
    assert_eq!(ranges(&scene.proxy, &scene.image), [None]);
    scene.assert_whole(STORE);
}
