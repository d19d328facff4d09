//! Every command is what its help says: one hook-up each, against the real registry.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

fn lines(env: &Env, args: &[&str]) -> Vec<String> {
    let outcome = env.imgctl(args).run().ok();
    outcome.stdout_text().lines().map(str::to_owned).collect()
}

fn commands(env: &Env) -> Vec<String> {
    let help = env.imgctl(["help"]).run().ok();
    let list = help.stdout_text().lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_help_examples_and_a_manual_page() {
    let env = Env::new();
    let commands = commands(&env);
    assert!(commands.len() >= 15, "{commands:?}");
    for command in &commands {
        let help = env.imgctl([command, "--help"]).run().ok();
        assert!(help.stdout_text().contains("\nExamples:\n"), "{command}");
        assert!(
            help.stdout_text().lines().all(|line| line.chars().count() <= 100),
            "{command}: {}",
            help.stdout_text()
        );
        let page = env.imgctl(["man", command]).run().ok();
        for section in ["EXAMPLES", "EXIT STATUS"] {
            assert!(
                page.stdout_text().contains(&format!(".SH {section}").replace("EXIT STATUS", "\"EXIT STATUS\"")),
                "{command}: {section}"
            );
        }
    }
    env.imgctl(["man", "nope"]).run().fails(4);
}

#[test]
fn copy_prints_the_destination_with_its_digest() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    let (from, to) = (registry.reference("a:1"), registry.reference("b/c"));
    let outcome = env.imgctl(["copy", &from, &to]).run().ok();
    assert_eq!(outcome.stdout_text(), format!("{to}:1@{}\n", image.digest()));
    assert!(outcome.stderr.contains("mounted"), "{}", outcome.told());
    assert!(registry.has_image("b/c", "1", &image));
    let again = env.imgctl(["copy", &from, &to]).run().ok();
    assert!(again.stderr.contains("already there"), "{}", again.told());

    let quiet = env.imgctl(["copy", "-q", &from, "oci:out"]).cwd(env.path("")).run().ok();
    assert_eq!((quiet.stdout_text(), &*quiet.stderr), (&*format!("oci:out:1@{}\n", image.digest()), ""));
}

#[test]
fn a_dry_run_prints_the_plan_and_moves_nothing() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    let other = DockerRegistry::open();
    let (from, to) = (registry.reference("a:1"), other.reference("b:1"));
    let rows = lines(&env, &["copy", "--dry-run", "--format", "json", &from, &to]);
    let rows: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["Kind"], "manifest");
    assert_eq!(rows[2]["Digest"], image.digest().to_string());
    assert!(lines(&env, &["copy", "--dry-run", &from, &to])[0].starts_with("IMAGE "));
    assert!(other.manifest("b", "1").is_none());
}

#[test]
fn copy_takes_platforms_and_the_spellings_of_skopeo() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64", "linux/s390x"]);
    registry.put_image("a", "1", &image);
    let from = registry.reference("a:1");
    let digest = |args: &[&str]| {
        let mut all = vec!["copy", "-q", from.as_str(), "oci:out:x"];
        all.extend(args);
        let printed = env.imgctl(all).cwd(env.path("")).run().ok();
        printed.stdout_text().trim().rsplit_once('@').unwrap().1.to_owned()
    };
    let child = |number: usize| image.children[number].digest().to_string();
    assert_eq!(digest(&[]), image.digest().to_string());
    assert_eq!(digest(&["--all"]), image.digest().to_string());
    assert_eq!(digest(&["--platform", "linux/arm64"]), child(1));
    assert_eq!(digest(&["--override-os", "linux", "--override-arch", "s390x", "--src-tls-verify=false"]), child(2));
    assert_eq!(digest(&["--platform", "linux/arm64", "--index", "sparse"]), image.digest().to_string());
    let two = digest(&["--platform", "linux/amd64,linux/arm64"]);
    assert!(two != image.digest().to_string() && two != child(0));
    let missing = env.imgctl(["copy", "--platform", "linux/mips", &from, "oci:out:y"]).cwd(env.path("")).run();
    missing.fails(4).says("linux/s390x");
}

/// What docker says too; the last line is our own.
#[track_caller]
fn without_totals(stderr: &str) -> &str {
    let own = stderr.trim_end().rsplit('\n').next().unwrap_or_default();
    assert!(own.starts_with("2 blobs (") && own.contains(" moved in "), "{stderr}");
    &stderr[..stderr.len() - own.len() - 1]
}

#[test]
fn pull_says_what_docker_says() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::small();
    registry.put_image("ns/app", "latest", &image);
    let name = registry.reference("ns/app");
    let layer = image.document()["layers"][0]["digest"].as_str().unwrap()[7..19].to_owned();
    let pulled = env.imgctl(["pull", &name]).run().ok();
    assert_eq!(pulled.stdout_text(), format!("{name}:latest\n"));
    let told = format!(
        "Using default tag: latest\nlatest: Pulling from ns/app\n{layer}: Pulling fs layer\n{layer}: Pull complete\n\
         Digest: {}\nStatus: Downloaded newer image for {name}:latest\n",
        image.digest()
    );
    assert_eq!(without_totals(&pulled.stderr), told);
    env.imgctl(["pull", &name]).run().ok().says(&format!("Status: Image is up to date for {name}:latest"));
    let quiet = env.imgctl(["pull", "--quiet", &name]).run().ok();
    assert_eq!((quiet.stdout_text(), &*quiet.stderr), (&*format!("{name}:latest\n"), ""));
}

#[test]
fn pull_takes_one_platform_and_push_what_is_there() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64"]);
    registry.put_image("a", "1", &image);
    let (name, other) = (registry.reference("a:1"), registry.reference("b:1"));
    let pulled = env.imgctl(["pull", "--platform", "linux/arm64", &name]).run().ok();
    pulled.says(&format!("Digest: {}", image.digest()));
    let pushed = env.imgctl(["push", &name, &other]).run().ok().says("only some platforms");
    let child = &image.children[1];
    let size = child.manifest.len();
    assert_eq!(pushed.stdout_text(), format!("1: digest: {} size: {size}\n", child.digest()));
    env.imgctl(["pull", "--all-platforms", &name]).run().ok();
    env.imgctl(["push", &name, &other]).run().ok();
    assert!(registry.has_image("b", "1", &image));
}

#[test]
fn push_says_what_docker_says() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    let (name, other) = (registry.reference("a:1"), DockerRegistry::open());
    env.imgctl(["pull", "-q", &name]).run().ok();
    let to = other.reference("x/y:2");
    let layer = image.document()["layers"][0]["digest"].as_str().unwrap()[7..19].to_owned();
    let pushed = env.imgctl(["push", &name, &to]).run().ok();
    let repository = other.reference("x/y");
    let told = format!("The push refers to repository [{repository}]\n{layer}: Preparing\n{layer}: Pushed\n");
    assert_eq!(without_totals(&pushed.stderr), told);
    assert_eq!(pushed.stdout_text(), format!("2: digest: {} size: {}\n", image.digest(), image.manifest.len()));
    env.imgctl(["push", &name, &to]).run().ok().says(&format!("{layer}: Layer already exists"));
    assert_eq!(lines(&env, &["push", "-q", &name, &to]), [to.as_str()]);
    env.imgctl(["push", "nope"]).run().fails(4).says("An image does not exist locally with the tag: nope");
    env.imgctl(["push", "-a", &name]).run().fails(2).says("tag can't be used with --all-tags/-a");
}

#[test]
fn all_tags_are_pulled_pushed_and_copied() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    for (tag, seed) in [("1", 1), ("2", 2), ("3", 3)] {
        registry.put_image("a", tag, &TestImage::of_size(seed, 100));
    }
    let name = registry.reference("a");
    let names: Vec<String> = ["1", "2", "3"].iter().map(|tag| format!("{name}:{tag}")).collect();
    assert_eq!(lines(&env, &["pull", "-a", &name]), names);
    let to = registry.reference("b");
    assert_eq!(lines(&env, &["push", "-a", &name, &to]).len(), 3);
    let tags = |repository| registry.tags(repository).into_iter().collect::<BTreeSet<_>>();
    let all = ["1", "2", "3"].map(str::to_owned).into();
    assert_eq!(tags("b"), all);
    let to = registry.reference("c");
    assert_eq!(lines(&env, &["copy", "--all-tags", &name, &to]).len(), 3);
    assert_eq!(tags("c"), all);
}

#[test]
fn save_and_load_are_inverses() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    registry.put_image("a", "2", &image);
    let (one, two, all) = (registry.reference("a:1"), registry.reference("a:2"), registry.reference("a"));
    env.imgctl(["pull", "-q", "-a", &all]).run().ok();
    let file = env.path("a.tar").display().to_string();
    env.imgctl(["save", "-o", &file, &all]).run().ok();

    let other = Env::new();
    assert_eq!(lines(&other, &["load", "-i", &file]), [format!("Loaded image: {one}"), format!("Loaded image: {two}")]);
    assert_eq!(lines(&other, &["digest", &format!("store:{two}")]), [image.digest().to_string()]);

    // Standard output and input, by id: without a name.
    let id = image.document()["config"]["digest"].as_str().unwrap().to_owned();
    let saved = env.imgctl(["save", "--archive", "oci-archive", &id[7..19]]).run().ok();
    let third = Env::new();
    let loaded = third.imgctl(["load"]).stdin(saved.stdout).run().ok();
    assert_eq!(loaded.stdout_text(), format!("Loaded image ID: {id}\n"));

    // What the store lacks comes from the registry, unless it may not.
    let third_file = env.path("c.tar").display().to_string();
    let empty = Env::new();
    empty.imgctl(["save", "--pull", "never", "-o", &third_file, &one]).run().fails(4);
    empty.imgctl(["save", "-o", &third_file, &one]).run().ok();
    assert_eq!(lines(&empty, &["load", "-i", &third_file]), [format!("Loaded image: {one}")]);
}

#[test]
fn save_asks_the_registry_for_platforms_that_the_store_lacks() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64"]);
    registry.put_image("a", "1", &image);
    let (name, file) = (registry.reference("a:1"), env.path("a.tar").display().to_string());
    env.imgctl(["pull", "-q", "--platform", "linux/amd64", &name]).run().ok();
    let save = |args: &[&str]| env.imgctl(["save", "-o", &file]).args(args).run();
    let digest = || lines(&env, &["digest", &format!("docker-archive:{file}")]).remove(0);
    save(&[&name]).ok();
    assert_eq!(digest(), image.children[0].digest().to_string());
    save(&["--platform", "linux/arm64", "--pull", "never", &name]).fails(4);
    save(&["--platform", "linux/arm64", &name]).ok();
    assert_eq!(digest(), image.children[1].digest().to_string());
    save(&["--all-platforms", &name]).ok();
    assert_eq!(digest(), image.digest().to_string());
    env.imgctl(["copy", &format!("store:{name}"), "dir:out"]).cwd(env.path("")).run().fails(4).says("--platform");
}

#[test]
fn tags_and_catalog_print_one_name_a_line() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    for tag in ["b", "a"] {
        registry.put_image("x/y", tag, &TestImage::small());
    }
    let name = registry.reference("x/y");
    assert_eq!(lines(&env, &["tags", &name]), ["a", "b"]);
    assert_eq!(lines(&env, &["tags", "--limit", "1", &name]), ["a"]);
    assert_eq!(lines(&env, &["tags", "--format", "{{.Repository}}:{{.Tag}}", &name])[0], format!("{name}:a"));
    let json = env.imgctl(["tags", "--format", "json", &name]).run().ok().stdout_json();
    assert_eq!(json["Tags"], serde_json::json!(["a", "b"]));
    assert_eq!(lines(&env, &["catalog", registry.host()]), ["x/y"]);
    let json = env.imgctl(["catalog", "--format", "json", registry.host()]).run().ok().stdout_json();
    assert_eq!(json["Repositories"], serde_json::json!(["x/y"]));
}

#[test]
fn manifest_and_config_are_byte_exact_and_digest_is_one_line() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64"]);
    registry.put_image("a", "1", &image);
    let name = registry.reference("a:1");
    assert_eq!(env.imgctl(["manifest", &name]).run().ok().stdout, image.manifest);
    let child = &image.children[1];
    let arm = ["--platform", "linux/arm64", &name];
    assert_eq!(env.imgctl(["manifest"]).args(arm).run().ok().stdout, child.manifest);
    let config = child.document()["config"]["digest"].as_str().unwrap().parse().unwrap();
    assert_eq!(env.imgctl(["config"]).args(arm).run().ok().stdout, child.blobs[&config]);
    assert_eq!(lines(&env, &["digest", &name, &name]), vec![image.digest().to_string(); 2]);
    assert_eq!(env.imgctl(["digest"]).args(arm).run().ok().stdout_text(), format!("{}\n", child.digest()));
    // skopeo's spellings.
    assert_eq!(env.imgctl(["inspect", "--raw", &name]).run().ok().stdout, image.manifest);
}

#[test]
fn inspect_sums_up_and_speaks_skopeos_json() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let nasty = "v\u{1b}[31m\u{202e}";
    let image = ImageBuilder::new().layer(Layer::random(1, 500)).label("key", nasty).build();
    registry.put_image("a", "1", &image);
    let name = registry.reference("a:1");
    let text = env.imgctl(["inspect", &name]).run().ok();
    for part in [&*name, &image.digest().to_string(), "linux/amd64", "Layers:", r"key=v\u{1b}[31m\u{202e}"] {
        assert!(text.stdout_text().contains(part), "{part}: {}", text.told());
    }
    let output = env.imgctl(["inspect", "--format", "json", &name]).run().ok();
    assert!(!output.stdout_text().contains(['\u{1b}', '\u{202e}']));
    let json = output.stdout_json();
    assert_eq!(json["Labels"]["key"], nasty);
    assert_eq!(json["Digest"], image.digest().to_string());
    assert_eq!(json["RepoTags"], serde_json::json!(["1"]));
    let theirs =
        env.tool("skopeo", ["inspect", "--tls-verify=false", &format!("docker://{name}")]).run().ok().stdout_json();
    for key in ["Name", "Digest", "RepoTags", "Labels", "Architecture", "Os", "Layers", "Env"] {
        assert_eq!(json[key], theirs[key], "{key}");
    }
    let template = "{{.Digest}} {{index .Labels \"key\"}} {{upper .Os}}";
    let line = lines(&env, &["inspect", "--format", template, &name]).remove(0);
    assert_eq!(line, format!(r"{} v\u{{1b}}[31m\u{{202e}} LINUX", image.digest()));
    env.imgctl(["inspect", "--format", "{{.Nope}}", &name]).run().fails(2).says("no field `Nope`");
}

#[test]
fn version_and_completions_are_printed() {
    let env = Env::new();
    assert_eq!(lines(&env, &["version"]), [format!("imgctl {}", env!("CARGO_PKG_VERSION"))]);
    assert_eq!(
        env.imgctl(["version", "--format", "json"]).run().ok().stdout_json()["Version"],
        env!("CARGO_PKG_VERSION")
    );
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = env.imgctl(["completion", shell]).run().ok();
        assert!(script.stdout_text().contains("inspect"), "{shell}");
    }
}
