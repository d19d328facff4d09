//! Kills at named places: nothing that is listed is broken, and the same command run again does what it should have done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::Signal;

use super::scene::{MIB, assert_right, image, unfinished};
use crate::support::env::{Env, files};
use crate::support::image::TestImage;

/// Where a process can be made to stand still, and how often it passes by before.
const PLACES: [&str; 30] = [
    "place-made",
    "place-started",
    "place-started:2",
    "blob-staged",
    "blob-staged:2",
    "blob-claimed",
    "blob-begun",
    "blob-piece",
    "blob-piece:9",
    "blob-checkpoint",
    "blob-noted",
    "blob-whole",
    "blob-whole:2",
    "blob-flushed",
    "blob-renamed",
    "blob-renamed:2",
    "blob-ended",
    "manifest-put",
    "index-staged",
    "index-renamed",
    "image-marked",
    "sweep-planned",
    "sweep-deleted",
    "sweep-deleted-root",
    "archive-begun:2",
    "archive-piece:9",
    "archive-noted",
    "archive-blob-closed:2",
    "archive-whole",
    "archive-renamed",
];

/// A command line, and what has to be there before it.
struct Case {
    line: &'static [&'static str],
    before: &'static [&'static [&'static str]],
}

const LOAD: &[&str] = &["copy", "-q", "oci:given:1", "store:a:1"];
const CASES: [Case; 7] = [
    Case { line: LOAD, before: &[] },
    Case {
        line: &["load", "-q", "-i", "given.tar"],
        before: &[&["copy", "-q", "oci:given:1", "docker-archive:given.tar:a:1"]],
    },
    Case { line: &["copy", "-q", "--fsync", "oci:given:1", "oci:out:1"], before: &[] },
    Case { line: &["copy", "-q", "oci:given:1", "dir:out"], before: &[] },
    Case { line: &["save", "-q", "-o", "out.tar", "a:1"], before: &[LOAD] },
    Case { line: &["tag", "a:1", "b:1"], before: &[LOAD] },
    Case { line: &["rmi", "a:1"], before: &[LOAD] },
];

/// What is there, but for times and origins.
fn snapshot(env: &Env) -> BTreeMap<PathBuf, u64> {
    let roots = [env.store(), env.path("")];
    let all = roots.iter().flat_map(|root| files(root).collect::<Vec<_>>().into_iter().map(move |path| (root, path)));
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    all.map(|(root, path)| (path.strip_prefix(root).unwrap().to_owned(), size(&path))).collect()
}

fn prepared(case: &Case, image: &TestImage) -> Env {
    let env = Env::new();
    image.write_layout(&env.path("given"), "1");
    case.before.iter().for_each(|line| drop(env.imgctl(*line).run().ok()));
    env
}

/// Everything that is listed can be copied, which verifies it.
#[track_caller]
fn assert_sound(env: &Env) {
    assert_right(&env.store());
    assert_right(&env.path("out"));
    let images = env.imgctl(["images", "--format", "{{.Repository}}:{{.Tag}}"]).run().ok();
    for name in images.stdout_text().lines().filter(|name| !name.contains("<none>")) {
        env.imgctl(["copy", "-q", &format!("store:{name}"), "oci:checked:1"]).run().ok();
        fs::remove_dir_all(env.path("checked")).unwrap();
    }
}

/// Kills `case` at `place`; whether it came there.
fn kill_at(case: &Case, place: &str, env: &Env) -> bool {
    let mut running = env.imgctl(case.line).env("IMGCTL_TEST_CHECKPOINT", place).spawn();
    while !running.has_ended() && !running.stderr().contains("stands still at") {
        thread::sleep(std::time::Duration::from_millis(2));
    }
    let came = running.stderr().contains("stands still at");
    running.try_signal(Signal::KILL);
    running.wait();
    came
}

/// Runs one command and kills it at every place; the places it came to.
fn kill_everywhere(case: &Case, image: &TestImage) -> BTreeSet<&'static str> {
    let expected = {
        let env = prepared(case, image);
        env.imgctl(case.line).run().ok();
        snapshot(&env)
    };
    let mut reached = BTreeSet::new();
    for place in PLACES {
        let env = prepared(case, image);
        if !kill_at(case, place, &env) {
            continue;
        }
        reached.insert(place);
        assert_sound(&env);
        let again = env.imgctl(case.line).run();
        // What was removed is not there to be removed again.
        let is_removal = case.line[0] == "rmi";
        assert!(again.code == Some(0) || (is_removal && again.code == Some(4)), "{place}: {}", again.told());
        assert_sound(&env);
        assert!(unfinished(&env.path("")).is_empty() && unfinished(&env.store()).is_empty(), "{:?} {place}", case.line);
        if !is_removal {
            assert_eq!(snapshot(&env), expected, "{:?} {place}", case.line);
        }
        env.assert_no_leftovers();
    }
    reached
}

#[test]
fn s01_a_kill_anywhere_leaves_nothing_wrong_and_the_next_run_goes_on() {
    let image = image(3, 10 * MIB);
    let reached: BTreeSet<&str> = thread::scope(|scope| {
        let image = &image;
        let running: Vec<_> = CASES.iter().map(|case| scope.spawn(move || kill_everywhere(case, image))).collect();
        running.into_iter().flat_map(|case| case.join().unwrap()).collect()
    });
    let never: Vec<&str> = PLACES.into_iter().filter(|place| !reached.contains(place)).collect();
    assert_eq!(never, [""; 0], "nothing comes there");
}

#[test]
fn s01_twenty_kills_leave_no_more_than_one() {
    let image = image(4, 20 * MIB);
    let case = &CASES[0];
    let env = prepared(case, &image);
    for round in 0..20 {
        assert!(kill_at(case, &format!("blob-piece:{}", 5 + round), &env) || round > 0);
    }
    assert!(unfinished(&env.store()).len() <= 2);
    env.imgctl(case.line).run().ok();
    assert_sound(&env);
    let clean = prepared(case, &image);
    clean.imgctl(case.line).run().ok();
    assert_eq!(snapshot(&env), snapshot(&clean));
}
