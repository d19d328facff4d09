//! How much at once: connections, memory.

use std::time::Duration;

use rustix::process::Signal;

use super::Layout;
use super::answer::layered;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image_builder::ImageBuilder;
use crate::support::outcome::Outcome;

#[test]
fn n32_no_more_blobs_at_once_than_jobs() {
    let (env, source, target) = (Env::new(), FaultRegistry::start(), FaultRegistry::start());
    let image = layered(40, 300_000);
    source.put_image("f/slow/a", "1", &image);
    let names = [source.reference("f/slow/a:1"), target.reference("f/slow/b:1")];
    env.imgctl(["copy", "--jobs", "4", &names[0], &names[1]]).run().ok().within(20.0);
    assert!(target.has_image("f/slow/b", "1", &image));
    env.imgctl(["copy", "--jobs", "4", &names[0], "oci:copied:1"]).run().ok();
    Layout(env.path("copied")).assert_holds(&image);
    for registry in [&source, &target] {
        // The configuration is small: it moves beside the layers.
        assert!((4..=5).contains(&registry.in_flight_max()), "{}", registry.in_flight_max());
    }
}

/// Copies an image of 20 large layers and a small configuration from or to `REGISTRY`, which answers after `distance` and does
/// nothing about blobs: `--per-host` has room for all that jobs ask for. The copy is ended when `expected` blobs were asked for;
/// how many were it then, and what did it say?
fn asked_at_once(distance: Duration, copy: &[&str], expected: usize) -> (usize, Outcome) {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), layered(20, 300_000));
    registry.put_image("ok/a", "1", &image);
    image.write_layout(&env.path("source"), "1");
    let hold = Rule::on("", "/blobs/", Weather::Delay(Duration::from_secs(600)));
    let proxy = FaultProxy::start(&registry.host(), vec![hold, Rule::on("", "", Weather::Delay(distance))]);
    let asked = || proxy.requests().iter().filter(|line| line.contains("/blobs/")).count();
    let copy = copy.iter().map(|word| word.replace("REGISTRY", &proxy.host()));
    let mut running = env.imgctl(["copy", "--idle-timeout", "5m"]).args(copy).spawn();
    running.wait_until("blobs that were asked for", |_| asked() >= expected);
    running.signal(Signal::INT);
    let outcome = running.wait().fails(130);
    (asked(), outcome)
}

const PULL: [&str; 2] = ["REGISTRY/ok/a:1", "oci:copied:1"];
const PUSH: [&str; 2] = ["oci:source:1", "REGISTRY/ok/b:1"];

#[test]
fn n32_eight_blobs_at_once_where_the_registry_is_far_away() {
    for copy in [PULL, PUSH] {
        let (asked, outcome) = asked_at_once(Duration::from_millis(60), &copy, 9);
        assert_eq!(asked, 9, "eight layers and the configuration: {}", outcome.told());
    }
}

#[test]
fn n32_jobs_that_are_given_are_kept_to_far_away() {
    for copy in [PULL, PUSH] {
        let copy = ["--jobs", "4"].into_iter().chain(copy).collect::<Vec<_>>();
        let (asked, outcome) = asked_at_once(Duration::from_millis(60), &copy, 5);
        assert_eq!(asked, 5, "four layers and the configuration: {}", outcome.told());
    }
}

#[test]
fn n32_four_blobs_at_once_where_the_registry_is_nearby() {
    let copy = ["--log-level", "debug"].into_iter().chain(PULL).collect::<Vec<_>>();
    let milliseconds = |line: &str| line.strip_suffix(" ms")?.rsplit(' ').next()?.parse::<u64>().ok();
    // A machine with much else to do is far away too: it is tried until an answer came soon.
    let is_near = |outcome: &Outcome| outcome.stderr.lines().filter_map(milliseconds).min().unwrap() < 20;
    let mut tries = (0..100).map(|_| asked_at_once(Duration::ZERO, &copy, 5));
    let (asked, outcome) = tries.find(|(_, outcome)| is_near(outcome)).expect("an answer within 20 ms");
    assert_eq!(asked, 5, "four layers and the configuration: {}", outcome.told());
}

#[test]
fn n32_no_more_small_blobs_at_once_than_a_host_may_get() {
    let (env, source, target) = (Env::new(), FaultRegistry::start(), FaultRegistry::start());
    let image = layered(200, 2_000);
    source.put_image("f/slow/a", "1", &image);
    let names = [source.reference("f/slow/a:1"), target.reference("f/slow/b:1")];
    env.imgctl(["copy", "--per-host", "4", &names[0], &names[1]]).run().ok().within(20.0);
    assert!(target.has_image("f/slow/b", "1", &image));
    env.imgctl(["copy", "--per-host", "4", &names[0], "oci:copied:1"]).run().ok();
    Layout(env.path("copied")).assert_holds(&image);
    for registry in [&source, &target] {
        assert_eq!(registry.in_flight_max(), 4);
    }
}

#[test]
fn n32_no_more_requests_at_once_than_a_host_may_get() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let image = layered(60, 2_000);
    registry.put_image("ok/a", "1", &image);
    let copy = ["copy", "--jobs", "16", "--per-host", "1"];
    let name = registry.reference("ok/a:1");
    env.imgctl(copy.iter().copied().chain([&*name, "oci:copied:1"])).run().ok().within(20.0);
    assert_eq!(registry.in_flight_max(), 1);
    // Both ends are one host here, and a mount is refused: each upload waits for a download.
    let target = registry.reference("f/mount-202/b:1");
    env.imgctl(copy.iter().copied().chain([&*name, &*target])).run().ok().within(20.0);
    assert!(registry.has_image("f/mount-202/b", "1", &image));
}

#[test]
fn n33_memory_is_flat() {
    const SIZE: usize = 256 << 20;
    let (env, source, target) = (Env::new(), DockerRegistry::open(), DockerRegistry::open());
    let image = ImageBuilder::new().blob("application/octet-stream", vec![7; SIZE]).build();
    source.put_image("a", "1", &image);
    let names = [source.reference("a:1"), target.reference("b:1")];
    let outcome = env.imgctl(["copy", &names[0], &names[1]]).run().ok();
    assert!(target.has_blob("b", image.layers()[0]) && target.tags("b") == ["1"]);
    assert!(outcome.max_rss_kib > 0 && outcome.max_rss_kib < 64 * 1024, "{}", outcome.told());
}
