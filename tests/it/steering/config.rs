//! config.toml: what it says counts where neither a flag nor the environment says otherwise.

use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;
use crate::support::run::Run;

/// Where the file is looked for.
const FILE: &str = ".config/imgctl/config.toml";

/// A registry that asks everybody once to come back in two seconds. Who waits a second at most fails with 9.
struct Scene {
    env: Env,
    registry: FaultRegistry,
}

impl Scene {
    fn new() -> Self {
        Self { env: Env::new(), registry: FaultRegistry::start() }
    }

    fn file(&self, text: &str) {
        self.env.write_home(FILE, text.replace("HOST", &self.registry.host()));
    }

    /// Asks a repository that was never asked before.
    fn digest(&self, repository: &str) -> Run {
        let repository = format!("f/m429s/{repository}");
        self.registry.put_image(&repository, "1", &TestImage::small());
        self.env.imgctl(["digest", &self.registry.reference(&format!("{repository}:1"))])
    }
}

/// Whether the two seconds were waited.
#[track_caller]
fn waits(outcome: Outcome) -> bool {
    let code = if outcome.code == Some(0) { 0 } else { 9 };
    outcome.fails(code).code == Some(0)
}

#[test]
fn flag_environment_registry_section_file_default_count_in_that_order() {
    let scene = Scene::new();
    assert!(waits(scene.digest("default").run()));
    scene.file("retry-max-wait = '1s'");
    assert!(!waits(scene.digest("file").run()));
    scene.file("retry-max-wait = '1s'\n[registry.'HOST']\nretry-max-wait = '9s'\n");
    assert!(waits(scene.digest("section").run()));
    assert!(!waits(scene.digest("environment").env("IMGCTL_RETRY_MAX_WAIT", "1s").run()));
    let both = scene.digest("flag").env("IMGCTL_RETRY_MAX_WAIT", "9s").args(["--retry-max-wait", "1s"]);
    assert!(!waits(both.run()));
}

#[test]
fn a_section_is_for_its_registry_alone() {
    let scene = Scene::new();
    scene.file("[registry.'r.example:5000']\nretry-max-wait = '1s'\n");
    assert!(waits(scene.digest("other").run()));
}

#[test]
fn the_file_can_be_named_or_left_unread() {
    let scene = Scene::new();
    scene.file("retry-max-wait = '1s'");
    let patient = scene.env.write("patient.toml", "retry-max-wait = '9s'").display().to_string();
    assert!(waits(scene.digest("flag").args(["--config", &patient]).run()));
    assert!(waits(scene.digest("variable").env("IMGCTL_CONFIG", &patient).run()));
    assert!(waits(scene.digest("none").env("IMGCTL_CONFIG", "").run()));
    scene.env.imgctl(["version", "--config", "missing.toml"]).run().fails(8).says("missing.toml");
    // skopeo's `inspect --config` prints the config of an image.
    TestImage::small().write_layout(&scene.env.path("image"), "1");
    let inspected = scene.env.imgctl(["--config", &patient, "inspect", "--config", "oci:image:1"]).run().ok();
    assert!(inspected.stdout_json()["rootfs"].is_object());
}

#[test]
fn output_is_a_matter_of_the_file_too() {
    let env = Env::new();
    TestImage::small().write_layout(&env.path("image"), "1");
    env.write_home(FILE, "progress = 'json'\nstore = '~/elsewhere'\n");
    let outcome = env.imgctl(["copy", "oci:image:1", "store:a:1"]).run().ok();
    outcome.stderr.lines().for_each(|line| assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}"));
    assert!(env.home("elsewhere/index.json").exists() && !env.store().exists());
}

#[test]
fn mistakes_are_said_with_file_and_line() {
    let env = Env::new();
    env.write_home(FILE, "jobs = 4\nlimit_rate = '20M'\n");
    env.imgctl(["version"]).run().ok().says("config.toml:2: there is no key limit_rate; is limit-rate meant?");
    env.write_home(FILE, "jobs = 4\n\nlimit-rate = ['20M']\n");
    env.imgctl(["version"]).run().fails(2).says("config.toml:3: limit-rate is a text or a number");
    env.write_home(FILE, "jobs = 'many'\n");
    env.imgctl(["version"]).run().fails(2).says("config.toml:1: invalid value 'many' for '--jobs <N>'");
    env.write_home(FILE, "jobs = \n");
    env.imgctl(["version", "--progress", "json"]).run().fails(2).says("config.toml:1: ");
}
