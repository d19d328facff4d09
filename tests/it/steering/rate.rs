//! `--limit-rate` and `--min-rate`. Time is only ever bounded from below: a busy machine is slower, never faster.

use crate::support::env::Env;
use crate::support::fault_proxy::FaultProxy;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::outcome::Outcome;

/// An image of six layers with 100 kB each.
fn image() -> TestImage {
    let layers = (1..=6).map(|seed| Layer::random(seed, 100_000));
    layers.fold(ImageBuilder::new(), ImageBuilder::layer).build()
}

#[track_caller]
fn takes_at_least(outcome: &Outcome, seconds: f64) {
    assert!(outcome.seconds > seconds, "{}", outcome.told());
}

#[test]
fn all_streams_share_the_limit_in_both_directions() {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), image());
    registry.put_image("ok/a", "1", &image);
    let limited = ["copy", "--jobs", "6", "--limit-rate", "500k"];
    let (from, to) = (registry.reference("ok/a:1"), registry.reference("ok/b:1"));
    // Each stream alone would be through in 0.2 s; a tenth of a second is given on credit.
    let down = env.imgctl(limited).args([&*from, "oci:copied:1"]).run().ok();
    takes_at_least(&down, 1.0);
    let up = env.imgctl(limited).args(["oci:copied:1", &*to]).run().ok();
    takes_at_least(&up, 1.0);
    assert!(registry.has_image("ok/b", "1", &image));
}

#[test]
fn several_images_share_the_limit() {
    let (env, registry, image) = (Env::new(), FaultRegistry::start(), image());
    registry.put_image("ok/a", "1", &image);
    let other = TestImage::of_size(9, 400_000);
    registry.put_image("ok/a", "2", &other);
    let name = registry.reference("ok/a");
    let outcome = env.imgctl(["copy", "--all-tags", &name, "oci:copied"]).env("IMGCTL_LIMIT_RATE", "1MB/s").run().ok();
    takes_at_least(&outcome, 0.8);
}

#[test]
fn no_limit_and_nonsense() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &image());
    let name = registry.reference("ok/a:1");
    env.imgctl(["copy", "--limit-rate", "0", &name, "oci:copied:1"]).run().ok();
    for rate in ["fast", "20Mbit", "-1", ""] {
        let outcome = env.imgctl(["copy", &format!("--limit-rate={rate}"), &name, "oci:copied:1"]).run().fails(2);
        outcome.says("--limit-rate");
    }
}

#[test]
fn a_limit_lower_than_the_least_rate_is_nobodys_fault() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &TestImage::of_size(1, 30_000));
    let name = registry.reference("ok/a:1");
    let rates = ["--limit-rate", "20k", "--min-rate", "200k", "--idle-timeout", "500ms"];
    let outcome = env.imgctl(["copy"]).args(rates).args([&*name, "oci:copied:1"]).run().ok();
    takes_at_least(&outcome, 1.3);
}

#[test]
fn n13_a_trickle_is_given_up_and_said_to_be_one() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &TestImage::of_size(1, 6_000));
    let proxy = FaultProxy::start(&registry.host(), Vec::new());
    proxy.limit_rate(2_000);
    let name = proxy.reference("ok/a:1");
    let rates = ["--min-rate", "50k", "--idle-timeout", "500ms", "--retries", "1"];
    let outcome = env.imgctl(["copy"]).args(rates).args([&*name, "oci:copied:1"]).run().fails(7);
    outcome.says("too slowly").says("at least 50000 were wanted").says("hint: --min-rate 0");
    env.assert_no_leftovers();
    env.imgctl(["copy", "--min-rate", "0", "--idle-timeout", "500ms", &name, "oci:copied:1"]).run().ok();
}
