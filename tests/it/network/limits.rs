//! How much at once: connections, memory.

use super::Layout;
use super::answer::layered;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image_builder::ImageBuilder;

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
