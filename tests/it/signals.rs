//! S12: the three signals that ask us to stop, in the middle of a copy.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::run::Running;

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// A registry whose blobs stall after a while, and the image in it.
fn stalled() -> (DockerRegistry, FaultProxy, TestImage) {
    let registry = DockerRegistry::open();
    let image = TestImage::of_size(3, 3_000_000);
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(registry.host(), vec![Rule::on("GET", "/blobs/", Weather::Stall(1_000_000))]);
    (registry, proxy, image)
}

fn start(env: &Env, proxy: &FaultProxy, destination: &str) -> Running {
    let copy = env.imgctl(["copy", &proxy.reference("a:1"), destination]).cwd(env.path(""));
    let mut running = copy.spawn();
    running.wait_until("bytes of the layer", |_| proxy.sent() > 500_000);
    running.wait_for_stderr("Copying");
    running
}

#[test]
fn s12_a_signal_stops_a_copy_with_nothing_half_done() {
    let (registry, proxy, image) = stalled();
    for (signal, code) in SIGNALS {
        let env = Env::new();
        let running = start(&env, &proxy, "docker-archive:out.tar");
        let sent = std::time::Instant::now();
        running.signal(signal);
        let outcome = running.wait().fails(code).says("stopped by SIG");
        assert!(sent.elapsed() < Duration::from_secs(2), "{}", outcome.told());
        let left: Vec<_> = std::fs::read_dir(env.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
        let again = env.imgctl(["copy", "-q", &registry.reference("a:1"), "docker-archive:out.tar"]);
        let again = again.cwd(env.path("")).run().ok();
        assert!(again.stdout_text().contains(&image.digest().to_string()));
    }
}

#[test]
fn s12_a_signal_leaves_the_store_and_a_registry_without_the_name() {
    let (registry, proxy, image) = stalled();
    let env = Env::new();
    for destination in ["store:a:1".to_owned(), registry.reference("b:1")] {
        let running = start(&env, &proxy, &destination);
        running.signal(Signal::INT);
        running.wait().fails(130).within(10.0);
        assert!(registry.tags("b").is_empty());
        env.imgctl(["digest", "store:a:1"]).run().fails(4);
    }
    let name = registry.reference("a:1");
    env.imgctl(["copy", "-q", &name, "store:a:1"]).run().ok();
    let digest = env.imgctl(["digest", "store:a:1"]).run().ok();
    assert_eq!(digest.stdout_text(), format!("{}\n", image.digest()));
}

#[test]
fn s12_signals_that_the_parent_ignores_stay_ignored() {
    let (_registry, proxy, _image) = stalled();
    let env = Env::new();
    let line = format!("trap '' HUP; exec {} copy {} oci:out:1", env!("CARGO_BIN_EXE_imgctl"), proxy.reference("a:1"));
    let mut running = env.tool("bash", ["-c", &line]).cwd(env.path("")).spawn();
    running.wait_for_stderr("Copying");
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    running.wait().fails(143);
}
