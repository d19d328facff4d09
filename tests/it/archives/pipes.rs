//! Archives in pipes, and archives that were cut.

use std::fs;
use std::path::Path;

use crate::archives::{assert_nothing_loaded, image, legacy, tar};
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::random;
use crate::support::outcome::Outcome;
use crate::support::run::Run;
use crate::support::serve::Serve;

/// Runs a shell line with `imgctl` in it.
fn shell(env: &Env, line: &str) -> Outcome {
    let directory = Path::new(env!("CARGO_BIN_EXE_imgctl")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.display());
    env.tool("bash", ["-c", &format!("set -o pipefail; {line}")]).env("PATH", path).run()
}

/// A store with an image called `app:1`, and the directory of an empty one.
fn filled(size: usize) -> (Env, TestImage, Env) {
    let (env, image) = (Env::new(), TestImage::of_size(1, size));
    image.write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "-q", "oci:given:x", "store:app:1"]).run().ok();
    (env, image, Env::new())
}

#[test]
fn t108_save_pipes_into_load() {
    for through in ["cat", "gzip -1", "zstd -q", "xz -0", "bzip2"] {
        for kind in ["docker-archive", "oci-archive"] {
            let (env, image, other) = filled(300_000);
            let store = other.store().display().to_string();
            let line =
                format!("imgctl save -q --archive {kind} -o - app:1 | {through} | imgctl load -q -i - --store {store}");
            assert_eq!(shell(&env, &line).ok().stdout_text(), "Loaded image: app:1\n", "{line}");
            assert_eq!(other.imgctl(["manifest", "store:app:1"]).run().ok().stdout, image.manifest);
            other.assert_no_leftovers();
            env.assert_no_leftovers();
        }
    }
}

#[test]
fn t108_a_pipe_is_read_and_written_by_copy_too() {
    let (env, image, _) = filled(300_000);
    shell(&env, "imgctl copy -q store:app:1 oci-archive:- | imgctl copy -q oci-archive:- oci:out:y").ok();
    assert_eq!(env.imgctl(["manifest", "oci:out:y"]).run().ok().stdout, image.manifest);
    shell(&env, "mkfifo pipe; (imgctl save -q app:1 > pipe &); imgctl copy -q docker-archive:pipe oci:out:z").ok();
    assert_eq!(env.imgctl(["manifest", "oci:out:z"]).run().ok().stdout, image.manifest);
}

#[test]
fn t108_a_cut_pipe_loads_nothing() {
    let (env, _, other) = filled(300_000);
    let store = other.store().display().to_string();
    for length in [0, 1, 511, 512, 1000, 100_000, 302_000] {
        for through in ["cat", "gzip -1", "zstd -q"] {
            let line = format!("imgctl save -q app:1 | {through} | head -c {length} | imgctl load --store {store}");
            let outcome = shell(&env, &line).fails(5);
            assert_eq!(outcome.stdout_text(), "", "{line}");
        }
    }
    let written = shell(&env, "imgctl save -q app:1 | gzip -1 > whole.gz").ok();
    assert_eq!(written.stderr, "");
    let whole = fs::read(env.path("whole.gz")).unwrap();
    other.imgctl(["load"]).stdin(&whole[..whole.len() - 1]).run().fails(5);
    assert_nothing_loaded(&other, "cut pipes");
    other.assert_no_leftovers();
    assert_eq!(other.imgctl(["load"]).stdin(whole).run().ok().stdout_text(), "Loaded image: app:1\n");
}

#[test]
fn t108_what_comes_before_the_cut_is_told_by_save() {
    let (env, _, _) = filled(300_000);
    fs::remove_file(files_of(&env)).unwrap();
    let outcome = shell(&env, "imgctl save app:1 > out.tar");
    assert!(outcome.code != Some(0), "{}", outcome.told());
    let other = Env::new();
    other.imgctl(["load", "-i"]).args([env.path("out.tar")]).run().fails(5);
    assert_nothing_loaded(&other, "what a failed save wrote");
}

/// The largest blob of the store: the layer.
fn files_of(env: &Env) -> std::path::PathBuf {
    let blobs = crate::support::env::files(&env.store().join("blobs"));
    blobs.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

const MIB: u64 = 1024 * 1024;

/// A server with an image of three layers of 2 MiB, behind a proxy that stalls the first one half way, once.
struct Far {
    env: Env,
    image: TestImage,
    proxy: FaultProxy,
    _home: Env,
    _serve: Serve,
}

impl Far {
    fn new() -> Self {
        let (env, home) = (Env::new(), Env::new());
        let layer = |seed| random(seed, 2 * MIB as usize);
        let plain = "application/vnd.oci.image.layer.v1.tar";
        let image = ImageBuilder::new().blob(plain, layer(1)).blob(plain, layer(2)).blob(plain, layer(3)).build();
        image.write_layout(&home.path("a"), "1");
        let serve = Serve::start(&home, &["oci:a"]);
        let stall = Rule::on("GET", &image.layers()[0].to_string(), Weather::Stall(MIB)).times(1);
        let proxy = FaultProxy::start(serve.address(), vec![stall]);
        Self { env, image, proxy, _home: home, _serve: serve }
    }

    fn copy(&self, flags: &[&str], to: &str) -> Run {
        self.env.imgctl(["copy", "-q"]).args(flags).args([&self.proxy.reference("a:1"), to])
    }

    /// How often a layer was asked for.
    fn asked(&self, layer: usize) -> usize {
        let layer = self.image.layers()[layer].to_string();
        self.proxy.requests().iter().filter(|line| line.starts_with("GET ") && line.contains(&layer)).count()
    }
}

#[test]
fn later_layers_arrive_while_the_first_one_stalls() {
    for to in ["oci-archive:-", "docker-archive:-"] {
        let far = Far::new();
        let mut running = far.copy(&["--idle-timeout", "10m"], to).spawn();
        running.wait_until("all other layers", |_| far.proxy.sent() >= 5 * MIB);
        assert_eq!([0, 1, 2].map(|layer| far.asked(layer)), [1, 1, 1]);
        running.signal(rustix::process::Signal::INT);
        let outcome = running.wait();
        assert_eq!(outcome.code, Some(130));
        assert!(outcome.stdout.len() < 2 * MIB as usize, "the others wait for their turn");
        far.env.assert_no_leftovers();
    }
}

#[test]
fn with_one_job_nothing_is_fetched_ahead() {
    let far = Far::new();
    let mut running = far.copy(&["--idle-timeout", "10m", "--jobs", "1"], "oci-archive:-").spawn();
    running.wait_until("half of the first layer", |_| far.proxy.sent() >= MIB);
    assert_eq!([0, 1, 2].map(|layer| far.asked(layer)), [1, 0, 0]);
}

#[test]
fn what_was_fetched_ahead_makes_the_same_archive() {
    for to in ["oci-archive:-", "docker-archive:-"] {
        let far = Far::new();
        let ahead = far.copy(&["--idle-timeout", "1s"], to).run().ok().stdout;
        let ordered = far.copy(&["--jobs", "1"], to).run().ok().stdout;
        assert!(ahead == ordered, "{to}");
        far.env.assert_no_leftovers();
        let read = far.env.imgctl(["manifest", to]).stdin(ahead).run().ok().stdout;
        assert_eq!(read, far.image.manifest);
    }
}

#[test]
fn many_jobs_over_one_connection_do_not_wait_for_each_other_in_a_circle() {
    let far = Far::new();
    let flags = ["--jobs", "16", "--per-host", "1", "--idle-timeout", "1s"];
    let ahead = far.copy(&flags, "oci-archive:-").run().ok().stdout;
    assert!(ahead == far.copy(&["--jobs", "1"], "oci-archive:-").run().ok().stdout);
}

#[test]
fn without_room_for_temporary_files_the_archive_is_the_same() {
    let far = Far::new();
    let script = r#"mkdir full && mount -t tmpfs -o size=64k none full && TMPDIR=full exec "$@""#;
    let from = far.proxy.reference("a:1");
    let ours = [env!("CARGO_BIN_EXE_imgctl"), "copy", "-q", "--idle-timeout", "1s", &from, "oci-archive:-"];
    let args = ["--map-root-user", "--mount", "bash", "-c", script, "-"];
    let full = far.env.tool("unshare", args.iter().chain(&ours)).run().ok().stdout;
    let missing = far.copy(&[], "oci-archive:-").env("TMPDIR", "missing").run().ok().stdout;
    let ordered = far.copy(&["--jobs", "1"], "oci-archive:-").run().ok().stdout;
    assert!(full == ordered && missing == ordered);
}

#[test]
fn s13_a_reader_that_leaves_ends_those_that_wait() {
    let far = Far::new();
    let from = far.proxy.reference("a:1");
    let line = format!("imgctl copy -q --idle-timeout 1s {from} oci-archive:- | head -c 100 | wc -c");
    let outcome = shell(&far.env, &line);
    assert_eq!(outcome.stdout_text().trim(), "100");
    assert!(!outcome.stderr.contains("panic"), "{}", outcome.told());
    far.env.assert_no_leftovers();
}

/// Loads the archive cut at every block, and then whole.
fn cut_everywhere(whole: &[u8], loaded: &str) {
    let env = Env::new();
    assert!(whole.len() / 512 >= 8, "{}", whole.len());
    let ends = (0..whole.len()).step_by(512).chain([whole.len() - 1]);
    for end in ends {
        env.write("cut.tar", &whole[..end]);
        let outcome = env.imgctl(["load", "-i", "cut.tar"]).run().fails(5);
        assert_eq!(outcome.stdout_text(), "", "{end}");
    }
    assert_nothing_loaded(&env, "cut archives");
    env.assert_no_leftovers();
    env.write("whole.tar", whole);
    assert_eq!(env.imgctl(["load", "-i", "whole.tar"]).run().ok().stdout_text(), loaded);
}

#[test]
fn t109_an_archive_cut_at_any_block_loads_nothing() {
    let (env, _, _) = filled(4000);
    for kind in ["docker-archive", "oci-archive"] {
        env.imgctl(["save", "-q", "--archive", kind, "-o", "a.tar", "app:1"]).run().ok();
        cut_everywhere(&fs::read(env.path("a.tar")).unwrap(), "Loaded image: app:1\n");
    }
}

#[test]
fn t109_an_old_archive_cut_at_any_block_loads_nothing() {
    let (mut members, list) = legacy(&image(), "app:1");
    members.insert(0, tar::Member::file("manifest.json", list.to_string()));
    cut_everywhere(&tar::archive(&members), "Loaded image: app:1\n");
}
