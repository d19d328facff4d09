//! Pushes to the real registry over a bad line, and mounts.

use std::time::Duration;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::reply::Cut;
use crate::support::token_server::TokenServer;

/// Statuses of the requests with this method whose path contains `part`.
fn statuses(registry: &DockerRegistry, method: &str, part: &str) -> Vec<u16> {
    let log = registry.request_log().into_iter();
    log.filter(|request| request.method == method && request.uri.contains(part)).map(|r| r.status).collect()
}

/// A layout `source` with an image of `size` bytes.
fn layout(size: usize) -> (Env, TestImage) {
    let (env, image) = (Env::new(), TestImage::of_size(1, size));
    image.write_layout(&env.path("source"), "1");
    (env, image)
}

#[test]
fn p01_a_reset_mid_upload_begins_a_new_session() {
    let (registry, (env, image)) = (DockerRegistry::open(), layout(4_000_000));
    let reset = Rule::on("PUT", "/blobs/uploads/", Weather::CutRequest(2_000_000, Cut::Reset)).times(1);
    let proxy = FaultProxy::start(registry.host(), vec![reset]);
    env.imgctl(["copy", "oci:source:1", &proxy.reference("a:1")]).run().ok().within(10.0);
    assert!(registry.has_image("a", "1", &image));
    env.assert_no_leftovers();
}

#[test]
fn p01_an_upload_that_never_gets_through_is_given_up() {
    let (registry, (env, image)) = (DockerRegistry::open(), layout(1_000_000));
    let before = TestImage::small();
    registry.put_image("a", "1", &before);
    let reset = Rule::on("PUT", "/blobs/uploads/", Weather::CutRequest(200, Cut::Reset));
    let proxy = FaultProxy::start(registry.host(), vec![reset]);
    let outcome = env.imgctl(["copy", "--retries", "2", "oci:source:1", &proxy.reference("a:1")]).run().fails(7);
    outcome.says(&proxy.host()).says("put blob sha256:").says("3 tries").within(10.0);
    assert!(registry.has_image("a", "1", &before) && !registry.has_blob("a", image.layers()[0]));
}

#[test]
fn p04_lost_answers_are_looked_for() {
    let (registry, (env, image)) = (DockerRegistry::open(), layout(300_000));
    let lose = |path: &str, times| Rule::on("PUT", path, Weather::DropResponse).times(times);
    let proxy = FaultProxy::start(registry.host(), vec![lose("/blobs/uploads/", 2), lose("/manifests/", 1)]);
    env.imgctl(["copy", "oci:source:1", &proxy.reference("a:1")]).run().ok().within(10.0);
    assert_eq!(proxy.struck(), 3);
    assert!(registry.has_image("a", "1", &image));
    assert_eq!(statuses(&registry, "PUT", "/blobs/uploads/"), [201, 201]);
    assert_eq!(statuses(&registry, "PUT", "/manifests/"), [201]);
}

#[test]
fn p04_lost_answers_are_looked_for_by_push_too() {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), TestImage::of_size(1, 300_000));
    registry.put_image("ok/a", "1", &image);
    env.imgctl(["pull", &registry.reference("ok/a:1")]).run().ok();
    env.imgctl(["push", &registry.reference("ok/a:1"), &registry.reference("f/lostput:1")]).run().ok();
    assert!(registry.has_image("f/lostput", "1", &image));
    assert_eq!(registry.statuses("PUT", "f/lostput/manifests/"), [0]);
}

#[test]
fn p05_a_blob_is_mounted_rather_than_moved() {
    let (env, registry, image) = (Env::new(), DockerRegistry::open(), TestImage::of_size(1, 300_000));
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(registry.host(), Vec::new());
    env.imgctl(["copy", &proxy.reference("a:1"), &proxy.reference("b:1")]).run().ok();
    let asked = proxy.requests();
    assert!(registry.has_image("b", "1", &image));
    assert!(!asked.iter().any(|line| line.starts_with("GET") && line.contains("/blobs/")), "{asked:#?}");
    assert!(!asked.iter().any(|line| line.starts_with("PUT") && line.contains("/blobs/")), "{asked:#?}");
    let mounts =
        asked.iter().filter(|line| line.starts_with("POST") && line.contains("mount=") && line.contains("from=a"));
    assert_eq!(mounts.count(), 2, "{asked:#?}");
}

#[test]
fn p05_a_mount_that_is_refused_becomes_an_upload() {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), TestImage::of_size(1, 300_000));
    registry.put_image("ok/a", "1", &image);
    for status in [202, 401, 403, 404, 405, 500] {
        let repository = format!("f/mount-{status}");
        let name = registry.reference(&format!("{repository}:1"));
        env.imgctl(["copy", &registry.reference("ok/a:1"), &name]).run().ok().within(10.0);
        assert!(registry.has_image(&repository, "1", &image), "{status}");
        assert_eq!(registry.statuses("PUT", &format!("{repository}/blobs/uploads/")), [201, 201], "{status}");
    }
    env.imgctl(["copy", &registry.reference("ok/a:1"), &registry.reference("ok/b:1")]).run().ok();
    assert!(registry.statuses("PUT", "ok/b/blobs/uploads/").is_empty());
}

#[test]
fn p09_a_token_may_live_shorter_than_an_upload() {
    let (tokens, (env, image)) = (TokenServer::start(), layout(300_000));
    tokens.set(|settings| {
        settings.lifetime = Duration::from_secs(1);
        settings.expires_in = Some(1);
    });
    let registry = DockerRegistry::with_tokens(&tokens);
    let proxy = FaultProxy::start(registry.host(), Vec::new());
    proxy.limit_rate(150_000);
    let name = proxy.reference("a:1");
    let copy = ["copy", "--creds", "user:password", "oci:source:1", &name];
    let outcome = env.imgctl(copy).run().ok();
    assert!(outcome.seconds > 1.8, "{}", outcome.told());
    assert!(registry.has_image("a", "1", &image));
    assert!(tokens.requests().len() >= 2);
}

#[test]
fn p12_what_was_put_before_a_failure_is_not_put_again() {
    let (registry, (env, image)) = (DockerRegistry::open(), layout(300_000));
    let refuse = Rule::on("PUT", "/manifests/", Weather::Answer("403 Forbidden\r\n".to_owned())).times(1);
    let proxy = FaultProxy::start(registry.host(), vec![refuse]);
    let name = proxy.reference("a:1");
    let copy = ["copy", "oci:source:1", &name];
    env.imgctl(copy).run().fails(3).says("403");
    assert!(registry.tags("a").is_empty());
    env.imgctl(copy).run().ok();
    assert!(registry.has_image("a", "1", &image));
    assert_eq!(statuses(&registry, "PUT", "/blobs/uploads/"), [201, 201]);
}
