//! `--timeout`, `--idle-timeout`, `--retry-max-wait`.

use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;

#[test]
fn u04_the_whole_command_ends_in_time() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    for fault in ["stallever", "stallhdrever", "resetever", "b5xx-503", "slow"] {
        let repository = format!("f/{fault}/a");
        let layers = (0..200).fold(ImageBuilder::new(), |image, layer: u64| {
            image.blob("application/octet-stream", layer.to_le_bytes().repeat(1 << 14))
        });
        let image = layers.build();
        registry.put_image(&repository, "1", &image);
        let name = registry.reference(&format!("{repository}:1"));
        let copy = ["copy", "--timeout", "500ms", "--jobs", "1", "--retries", "9", "--limit-rate", "5M"];
        let outcome = env.imgctl(copy).args([&*name, "oci:copied:1"]).run().fails(7).within(5.0);
        let lines: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("imgctl:")).collect();
        assert_eq!(lines, ["imgctl: not done within the 0.5 s of --timeout"], "{fault}: {}", outcome.told());
        outcome.says("hint: nothing partial was left under a final name");
        let index = std::fs::read_to_string(env.path("copied/index.json")).unwrap_or_default();
        assert!(!index.contains(&image.digest().hex()), "{fault}: {index}");
    }
}

#[test]
fn u04_a_command_that_is_done_in_time_is_not_held_up() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &TestImage::small());
    env.imgctl(["digest", "--timeout", "1h", &registry.reference("ok/a:1")]).run().ok().within(30.0);
}

#[test]
fn n17_how_long_a_registry_may_ask_to_be_left_alone_is_up_to_the_user() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/m429s/a", "1", &TestImage::small());
    let name = registry.reference("f/m429s/a:1");
    // It asks for two seconds.
    env.imgctl(["digest", "--retry-max-wait", "1s", &name]).run().fails(9).says("wants no further requests until");
    registry.put_image("f/m429s/b", "1", &TestImage::small());
    let name = registry.reference("f/m429s/b:1");
    env.imgctl(["digest", "--retry-max-wait", "5s", &name]).run().ok();
}
