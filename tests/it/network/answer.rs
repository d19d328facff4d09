//! Answers that lack something, say something wrong, or come from somebody else.

use std::time::Duration;

use super::Layout;
use super::Scene;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::FaultProxy;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::token_server::{Mode, TokenServer};

/// An image of `count` layers of about `size` bytes.
pub(super) fn layered(count: u64, size: usize) -> TestImage {
    (0..count).fold(ImageBuilder::new(), |image, seed| image.layer(Layer::random(seed, size))).build()
}

/// Pulls 60 blobs through a slow line, for some three seconds, while tokens live for `lifetime` seconds and say to live for
/// `expires_in`; `meanwhile` is done once there is a token.
fn pull_slowly((lifetime, expires_in): (u64, u64), meanwhile: impl Fn(&TokenServer)) -> TokenServer {
    let (env, tokens) = (Env::new(), TokenServer::start());
    tokens.set(|settings| {
        settings.lifetime = Duration::from_secs(lifetime);
        settings.expires_in = Some(expires_in);
        settings.delay = Duration::from_millis(50);
    });
    let registry = DockerRegistry::with_tokens(&tokens);
    let image = layered(60, 25_000);
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(registry.host(), Vec::new());
    proxy.limit_rate(120_000);
    let name = proxy.reference("a:1");
    let mut running =
        env.imgctl(["copy", "--per-host", "4", "--creds", "user:password", &name, "oci:copied:1"]).spawn();
    running.wait_until("a blob", |_| proxy.sent() > 20_000);
    meanwhile(&tokens);
    let outcome = running.wait().ok();
    assert!(outcome.seconds > 2.5, "{}", outcome.told());
    Layout(env.path("copied")).assert_holds(&image);
    tokens
}

#[test]
fn n20_a_token_that_expires_mid_pull_is_renewed_in_time() {
    // A slow machine may use one later than it thinks.
    let tokens = pull_slowly((20, 2), |_| {});
    assert!(tokens.requests().len() >= 2, "{}", tokens.requests().len());
    assert_eq!(tokens.in_flight_max(), 1);
}

#[test]
fn n20_a_token_that_expires_sooner_than_it_says_is_renewed_when_refused() {
    let tokens = pull_slowly((2, 300), |tokens| tokens.set(|settings| settings.lifetime = Duration::from_secs(300)));
    assert_eq!(tokens.requests().len(), 2);
    assert_eq!(tokens.in_flight_max(), 1);
}

#[test]
fn n21_401_on_a_resumed_range_is_answered() {
    let scene = Scene::of("r401");
    scene.registry.demand_token();
    scene.arrives();
    let statuses: Vec<u16> = scene.layer_requests("copy").into_iter().map(|(status, _)| status).collect();
    assert!(statuses.ends_with(&[200, 401, 206]), "{statuses:?}");
}

#[test]
fn n22_no_content_length() {
    Scene::of("nocl").arrives();
    Scene::of("mnocl").arrives();
}

#[test]
fn n23_no_digest_header_or_an_empty_one_is_fine() {
    Scene::of("nodcd").arrives();
    Scene::of("emptydcd").arrives();
    for fault in ["nodcd", "emptydcd"] {
        let scene = Scene::of(fault);
        let told = scene.env.imgctl(["digest", &scene.reference("copy")]).run().ok();
        assert!(told.stdout_text().contains(&scene.image.digest().to_string()), "{}", told.told());
    }
}

#[test]
fn n23_a_wrong_digest_header_is_an_error() {
    let scene = Scene::of("wrongdcd");
    let wanted = scene.image.digest().to_string();
    scene.fails(5).says(&wanted);
}

#[test]
fn n24_head_is_not_needed_to_read() {
    for status in [405, 403, 501, 200] {
        let scene = Scene::of(&format!("nohead-{status}"));
        scene.arrives();
        let told = scene.env.imgctl(["digest", &scene.reference("copy")]).run().ok();
        assert!(told.stdout_text().contains(&scene.image.digest().to_string()), "{}", told.told());
    }
}

#[test]
fn n24_head_is_not_needed_to_write() {
    for status in [405, 403, 501, 200] {
        let (env, registry, image) = (Env::new(), FaultRegistry::start(), TestImage::of_size(1, 100_000));
        image.write_layout(&env.path("source"), "1");
        let repository = format!("f/nohead-{status}");
        let name = registry.reference(&format!("{repository}:1"));
        for _ in 0..2 {
            env.imgctl(["copy", "oci:source:1", &name]).run().ok();
            assert!(registry.has_image(&repository, "1", &image), "{status}");
        }
    }
}

#[test]
fn n25_a_captive_portal_is_recognised() {
    for fault in ["html200", "html-manifest", "html-blob"] {
        let scene = Scene::of(fault);
        scene.fails(5).says("HTML").says(&scene.registry.host());
    }
}

#[test]
fn n25_a_captive_portal_is_no_token_server() {
    let (env, tokens) = (Env::new(), TokenServer::start());
    let registry = DockerRegistry::with_tokens(&tokens);
    registry.put_image("a", "1", &TestImage::small());
    tokens.set(|settings| settings.mode = Mode::Html);
    let name = registry.reference("a:1");
    let outcome = env.imgctl(["copy", "--creds", "user:password", &name, "oci:copied:1"]).run().fails(5);
    outcome.says("HTML").says(&tokens.host());
    assert!(!env.path("copied/index.json").exists());
}

#[test]
fn n25_a_captive_portal_is_no_registry() {
    let (env, registry) = (Env::new(), FaultRegistry::start_with("html-base"));
    let login = ["login", "--username", "user", "--password-stdin", &registry.host()];
    env.imgctl(login).stdin("password").run().fails(5).says("HTML");
    assert!(!env.home(".docker/config.json").exists());
}

#[test]
fn n25_a_captive_portal_takes_no_push() {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), TestImage::small());
    image.write_layout(&env.path("source"), "1");
    let name = registry.reference("f/html200:1");
    let outcome = env.imgctl(["copy", "oci:source:1", &name]).run();
    assert!(matches!(outcome.code, Some(1 | 5)), "{}", outcome.told());
    outcome.says("HTML").says(&registry.host());
}

#[test]
fn n26_an_endless_body_is_bounded() {
    let scene = Scene::of("infinite");
    scene.fails(5).within(5.0).says("get blob sha256:");
    // What the kernel buffers on both sides is counted as sent, though nobody reads it.
    let sent = scene.registry.bytes_sent(&scene.repository("copy"));
    assert!(sent < 4 * scene.image.size() + 1_000_000, "{sent}");
    for layout in scene.layouts() {
        assert!(!layout.blobs().contains(&scene.image.layers()[0]));
    }
}
