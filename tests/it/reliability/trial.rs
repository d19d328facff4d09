//! One fault and one command: what happened, and what was kept.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fault::{Direction, Fault};
use crate::support::env::{Env, files};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;

/// Layers that are large enough for what is kept of them to be worth it, and too large for one request of 4 MiB.
const LAYER: usize = 5_000_000;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `pull` into the store.
    Pull,
    /// `copy` into a layout.
    CopyToLayout,
    /// `copy` into a file.
    CopyToArchive,
    /// `copy` to another registry.
    CopyOn,
    /// `push` out of the store.
    Push,
    /// `copy` out of a layout.
    CopyFromLayout,
    /// `copy` from another registry.
    CopyFromRegistry,
}

impl Command {
    /// Head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pull => "`pull`",
            Self::CopyToLayout => "`copy` to a layout",
            Self::CopyToArchive => "`copy` to an archive",
            Self::CopyOn => "`copy` to a registry",
            Self::Push => "`push`",
            Self::CopyFromLayout => "`copy` from a layout",
            Self::CopyFromRegistry => "`copy` from a registry",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Which error it was, as `--progress json` says; nothing where it went well.
    pub class: String,
    /// Whether something is left that the next run goes on from.
    pub is_kept: bool,
}

/// A home, two registries and an image in the place that a command reads from.
struct Stage {
    env: Env,
    /// The one with the fault.
    bad: FaultRegistry,
    good: FaultRegistry,
    repository: String,
    image: TestImage,
    before: TestImage,
}

/// Runs `command` into `fault`. What is promised of every run is asserted on the way: a success is whole, a failure leaves
/// what was there as it was.
pub fn run(fault: &Fault, command: Command) -> Outcome {
    let stage = Stage::set(fault);
    let outcome = stage
        .env
        .imgctl(["--progress", "json", "--idle-timeout", "1s", "--retries", "3", "--jobs", "1"])
        .args(stage.arguments(command))
        .run();
    let code = outcome.code.unwrap_or_else(|| panic!("{}: {}", fault.name, outcome.told()));
    let expected = if code == 0 { &stage.image } else { &stage.before };
    assert!(stage.has(command, expected), "{} with {command:?}: {}", fault.name, outcome.told());
    let last: Value =
        outcome.stderr.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let class = if code == 0 { String::new() } else { last["class"].as_str().unwrap_or("none").to_owned() };
    assert!(code == 0 || last["class"].is_string(), "{} with {command:?}: {}", fault.name, outcome.told());
    Outcome { code, class, is_kept: stage.keeps_something() }
}

impl Stage {
    fn set(fault: &Fault) -> Self {
        let (env, bad, good) = (Env::new(), FaultRegistry::start(), FaultRegistry::start());
        let (image, before) = (TestImage::of_size(1, LAYER), TestImage::small());
        let repository = format!("f/{}/app", fault.name);
        before.write_layout(&env.path("before"), "1");
        match fault.direction {
            Direction::Read => {
                bad.put_image(&repository, "1", &image);
                good.put_image("ok/app", "1", &before);
                before.write_layout(&env.path("layout"), "1");
                for place in [
                    format!("store:{}", bad.reference(&format!("{repository}:1"))),
                    "oci-archive:saved.tar:1".to_owned(),
                ] {
                    env.imgctl(["copy", "-q", "oci:before:1", &place]).run().ok();
                }
            }
            Direction::Write => {
                bad.put_image(&repository, "1", &before);
                good.put_image("ok/app", "1", &image);
                image.write_layout(&env.path("layout"), "1");
                let name = format!("store:{}", bad.reference(&format!("{repository}:1")));
                env.imgctl(["copy", "-q", "oci:layout:1", &name]).run().ok();
            }
        }
        Self { env, bad, good, repository, image, before }
    }

    fn arguments(&self, command: Command) -> Vec<String> {
        let (bad, good) = (self.bad.reference(&format!("{}:1", self.repository)), self.good.reference("ok/app:1"));
        let words: &[&str] = match command {
            Command::Pull => &["pull", &bad],
            Command::CopyToLayout => &["copy", &bad, "oci:layout:1"],
            Command::CopyToArchive => &["copy", &bad, "oci-archive:saved.tar:1"],
            Command::CopyOn => &["copy", &bad, &good],
            Command::Push => &["push", &bad],
            Command::CopyFromLayout => &["copy", "oci:layout:1", &bad],
            Command::CopyFromRegistry => &["copy", &good, &bad],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Whether the destination has `image`, whole, under its name.
    fn has(&self, command: Command, image: &TestImage) -> bool {
        let store = || format!("store:{}", self.bad.reference(&format!("{}:1", self.repository)));
        let place = match command {
            Command::Pull => store(),
            Command::CopyToLayout => "oci:layout:1".to_owned(),
            Command::CopyToArchive => "oci-archive:saved.tar:1".to_owned(),
            Command::CopyOn => return self.good.has_image("ok/app", "1", image),
            Command::Push | Command::CopyFromLayout | Command::CopyFromRegistry => {
                return self.bad.has_image(&self.repository, "1", image);
            }
        };
        // Reading it through to another place verifies every byte.
        let told = self.env.imgctl(["copy", "-q", &place, "dir:read"]).run().ok();
        let manifest = fs::read(self.env.path("read/manifest.json")).unwrap();
        assert!(told.stderr.is_empty(), "{}", told.told());
        manifest == image.manifest
    }

    /// Whether there is something to go on from.
    fn keeps_something(&self) -> bool {
        let beside =
            |path: &Path| path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".imgctl-"));
        let here: Vec<PathBuf> = files(&self.env.path("")).collect();
        let partial = |path: &PathBuf| beside(path) || path.to_string_lossy().ends_with(".imgctl-partial");
        files(&self.env.store().join("transfers")).next().is_some() || here.iter().any(partial)
    }
}
