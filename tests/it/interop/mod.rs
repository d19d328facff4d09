//! Real counterparts: registries that demand what registries demand, and tools that read what we write and write what we
//! read.

mod registries;
mod serve;
mod tokens;
mod tools;

use serde_json::Value;

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::outcome::Outcome;

/// Two images of two layers, one layer in common, with their attestations in one index.
fn index() -> TestImage {
    let image = |platform: &str| {
        let (first, second) = (Layer::of_file("etc/hello", "hello\n"), Layer::of_file("etc/platform", platform));
        ImageBuilder::new().platform(platform).layer(first).layer(second).label("for", platform).build()
    };
    TestImage::with_attestations(vec![image("linux/amd64"), image("linux/arm64")])
}

/// One image of two layers; its label tells it from others.
fn image(label: &str) -> TestImage {
    let (first, second) = (Layer::of_file("etc/hello", "hello\n"), Layer::of_file("etc/more", label));
    ImageBuilder::new().layer(first).layer(second).label("is", label).build()
}

#[track_caller]
fn imgctl(env: &Env, args: &[&str]) -> Outcome {
    env.imgctl(args).run().ok()
}

#[track_caller]
fn tool(env: &Env, program: &str, args: &[&str]) -> Outcome {
    env.tool(program, args).run().ok()
}

/// podman or buildah with a storage of its own, in need of nothing that a container would need.
#[track_caller]
pub(super) fn with_storage(env: &Env, program: &str, args: &[&str]) -> Outcome {
    // Without this file podman looks for none other either, and fails.
    if !env.home(".docker/config.json").exists() {
        env.write_home(".docker/config.json", "{}");
    }
    let (root, run) = (env.path("storage").display().to_string(), env.path("runroot").display().to_string());
    let storage = ["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
    tool(env, program, &[&storage, args].concat())
}

/// The id of `name` in that storage.
#[track_caller]
pub(super) fn id(env: &Env, name: &str) -> String {
    let shown = with_storage(env, "podman", &["image", "inspect", "--format", "{{.Id}}", name]);
    format!("sha256:{}", shown.stdout_text().trim())
}

/// Our program in one home, with the same flags every time.
struct Client<'a> {
    env: &'a Env,
    flags: Vec<String>,
}

impl<'a> Client<'a> {
    fn new(env: &'a Env, flags: &[&str]) -> Self {
        Self { env, flags: flags.iter().map(|&flag| flag.to_owned()).collect() }
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.env.imgctl(args).args(&self.flags).run().ok()
    }

    fn prints(&self, args: &[&str], expected: &str) {
        assert_eq!(self.run(args).stdout_text(), expected, "{args:?}");
    }

    /// Everything that is done with a registry, each command once.
    fn uses(&self, host: &str) {
        let image = index();
        let staged = self.env.path("staged");
        image.write_layout(&staged, "x");
        let (first, second, third) =
            (format!("{host}/team/app:1"), format!("{host}/team/app:2"), format!("{host}/other:1"));
        let digest = image.digest().to_string();
        self.prints(&["copy", "-q", "oci:staged:x", &first], &format!("{first}@{digest}\n"));
        self.prints(&["digest", &first], &format!("{digest}\n"));
        assert_eq!(self.run(&["manifest", &first]).stdout, image.manifest);
        self.prints(&["pull", "-q", "--all-platforms", &first], &format!("{first}\n"));
        self.prints(&["push", &first, &second], &format!("2: digest: {digest} size: {}\n", image.manifest.len()));
        let mounted = self.run(&["copy", &second, &third]);
        assert!(mounted.stderr.contains(" mounted"), "{}", mounted.told());
        self.prints(&["tags", &format!("{host}/team/app")], "1\n2\n");
        self.prints(&["catalog", host], "other\nteam/app\n");
        let seen: Value = self.run(&["inspect", "--format", "json", &third]).stdout_json();
        assert_eq!((&seen["Digest"], &seen["Labels"]["for"]), (&digest.into(), &"linux/amd64".into()));
        self.run(&["copy", "-q", &third, "oci:back:y"]);
        self.prints(&["digest", "oci:back:y"], &format!("{}\n", image.digest()));
    }
}
