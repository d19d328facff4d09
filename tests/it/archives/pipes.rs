//! Archives in pipes, and archives that were cut.

use std::fs;
use std::path::Path;

use crate::archives::{assert_nothing_loaded, image, legacy, tar};
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

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
