//! The bytes of a blob: cut, stalled, misplaced, wrong. None of it is ever seen in what arrives.

use super::Layout;
use super::Scene;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::random;
use crate::support::reply::Cut;

const HALF_OF_LAYER: std::ops::RangeInclusive<u64> = 100_000..=200_000;

/// Where the second request for the layer goes on.
fn resumed_at(scene: &Scene, way: &str) -> u64 {
    let requests = scene.layer_requests(way);
    let range = requests[1].1.as_deref().unwrap_or_else(|| panic!("no range: {requests:?}"));
    range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
}

#[test]
fn n01_a_reset_mid_blob_is_invisible() {
    let scene = Scene::of("reset");
    scene.arrives().within(5.0);
    assert_eq!(scene.layer_statuses(), [200, 206]);
    for way in super::WAYS {
        assert!(HALF_OF_LAYER.contains(&resumed_at(&scene, way)));
    }
}

#[test]
fn n02_many_resets_end_well_while_there_is_progress() {
    const SIZE: usize = 64_000_000;
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = ImageBuilder::new().blob("application/octet-stream", random(1, SIZE)).build();
    registry.put_image("a", "1", &image);
    let reset = Rule::on("GET", "/blobs/", Weather::CutResponse(600_000, Cut::Reset));
    let proxy = FaultProxy::start(registry.host(), vec![reset]);
    env.imgctl(["copy", "--retries", "2", &proxy.reference("a:1"), "oci:copied:1"]).run().ok();
    Layout(env.path("copied")).assert_holds(&image);
    assert!(proxy.struck() > 100, "{}", proxy.struck());
    assert!(proxy.sent() < SIZE as u64 + 5_000_000, "{}", proxy.sent());
    env.assert_no_leftovers();
}

#[test]
fn n03_resets_without_progress_stop() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let (image, before) = (TestImage::of_size(1, 300_000), TestImage::small());
    registry.put_image("a", "1", &image);
    let layer = image.layers()[0].to_string();
    let reset = Rule::on("GET", &layer, Weather::CutResponse(0, Cut::Reset));
    let proxy = FaultProxy::start(registry.host(), vec![reset]);
    before.write_layout(&env.path("copied"), "1");
    let outcome = env.imgctl(["copy", "--retries", "4", &proxy.reference("a:1"), "oci:copied:1"]).run();
    outcome.fails(7).says(&proxy.host()).says(&layer).says("5 tries").within(8.0);
    assert_eq!(proxy.struck(), 5);
    Layout(env.path("copied")).assert_holds(&before);
    env.assert_no_leftovers();
}

#[test]
fn n03_the_error_object_counts_the_tries() {
    let scene = Scene::of("resetever");
    let none = |kind: &str| Rule::on("GET", kind, Weather::CutResponse(0, Cut::Fin));
    let proxy = FaultProxy::start(&scene.registry.host(), vec![none("/blobs/"), none("/manifests/")]);
    let name = proxy.reference("f/resetever/copy:1");
    let outcome = scene.env.imgctl(["copy", "--progress", "json", "--retries", "2", &name, "oci:copied:1"]).run();
    let last = outcome.fails(7).stderr.lines().last().unwrap().to_owned();
    let error: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&error["class"], &error["attempts"]), (&"network".into(), &3.into()), "{error}");
    assert_eq!(error["host"], proxy.host(), "{error}");
}

#[test]
fn n04_an_early_end_is_not_success() {
    let scene = Scene::of("eof");
    scene.arrives().within(5.0);
    assert_eq!(scene.layer_statuses(), [200, 206]);
}

#[test]
fn n05_a_short_body_with_a_matching_length_is_caught() {
    let scene = Scene::of("shortcl");
    scene.arrives();
    // Config and layer are short alike; which is found first does not matter.
    Scene::of("shortclever").fails(5).says("get blob sha256:").says("were sent");
}

#[test]
fn n06_a_range_that_is_ignored_never_corrupts() {
    let scene = Scene::of("range200");
    scene.arrives();
    assert_eq!(scene.layer_statuses(), [200, 200]);
}

#[test]
fn n07_a_wrong_content_range_never_corrupts() {
    for variant in 0..=5 {
        let scene = Scene::of(&format!("wrongcr-{variant}"));
        scene.copy().run().ok().within(5.0);
        scene.layouts()[0].assert_holds(&scene.image);
        let requests = scene.layer_requests("copy");
        assert_eq!(requests.iter().map(|(status, _)| *status).take(2).collect::<Vec<_>>(), [200, 206], "{variant}");
        assert!(requests.iter().skip(2).all(|(status, range)| *status == 200 && range.is_none()), "{requests:?}");
    }
    Scene::of("wrongcr-0").arrives();
}

#[test]
fn n08_a_lying_part_is_caught() {
    let scene = Scene::of("lyingcr");
    scene.arrives();
    assert_eq!(scene.layer_statuses(), [200, 206, 200]);
    Scene::of("lyingcrever").fails(5);
}

#[test]
fn n09_416_on_resume_restarts() {
    let scene = Scene::of("r416");
    scene.arrives();
    assert_eq!(scene.layer_statuses(), [200, 416, 200]);
}

#[test]
fn n10_a_bit_flip_is_caught_and_fetched_once_more() {
    let scene = Scene::of("corruptonce");
    scene.arrives();
    assert_eq!(scene.layer_statuses(), [200, 200]);
}

#[test]
fn n10_bits_that_always_flip_are_an_error_and_leave_nothing() {
    let scene = Scene::of("corrupt");
    scene.fails(5).says("get blob sha256:").says("2 tries");
    // Config and layer are wrong alike; whichever is found so first ends all.
    assert!(super::WAYS.iter().all(|way| scene.layer_requests(way).len() <= 2));
}

#[test]
fn n11_a_stalled_body_is_noticed() {
    let scene = Scene::of("stall");
    scene.arrives().within(4.0);
    assert_eq!(scene.layer_statuses(), [200, 206]);
}

#[test]
fn n11_a_body_that_always_stalls_is_given_up() {
    let scene = Scene::of("nodcd");
    let stall = Rule::on("GET", "/blobs/", Weather::Stall(0));
    let proxy = FaultProxy::start(&scene.registry.host(), vec![stall]);
    let name = proxy.reference(&format!("{}:1", scene.repository("copy")));
    let copy = ["copy", "--retries", "1", "--idle-timeout", "300ms", &name, "oci:copied:1"];
    let outcome = scene.env.imgctl(copy).run().fails(7).within(3.0);
    outcome.says("sent nothing for 0.3 s").says(&proxy.host()).says("2 tries");
}

#[test]
fn n12_stalled_headers_are_noticed() {
    let scene = Scene::of("stallhdr");
    scene.arrives().within(4.0);
    assert_eq!(scene.layer_statuses(), [0, 200]);
    let scene = Scene::of("stallhdrever");
    let name = scene.reference("copy");
    let copy = ["copy", "--retries", "1", "--idle-timeout", "200ms", &name, "oci:copied:1"];
    scene.env.imgctl(copy).run().fails(7).says("did not answer within 0.2 s").says("2 tries");
}

#[test]
fn n14_slow_but_steady_is_fine() {
    let scene = Scene::of("nodcd");
    let proxy = FaultProxy::start(&scene.registry.host(), Vec::new());
    proxy.limit_rate(250_000);
    let name = proxy.reference(&format!("{}:1", scene.repository("copy")));
    let outcome = scene.env.imgctl(["copy", "--idle-timeout", "500ms", &name, "oci:copied:1"]).run().ok();
    assert!(outcome.seconds > 1.0, "{}", outcome.told());
    scene.layouts()[0].assert_holds(&scene.image);
    assert_eq!(scene.layer_requests("copy").len(), 1);
}
