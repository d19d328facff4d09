//! `imgctl transfers`.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::image::TestImage;

use super::scene::{MIB, Scene, partial, stall, unfinished};

const SIZE: u64 = 24 * MIB;
const STORE: &str = "store:a:1";

fn interrupted() -> Scene {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, usize::MAX)]);
    scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
    scene
}

#[test]
fn what_was_kept_is_listed_and_removed() {
    let scene = interrupted();
    let run = |args: &[&str]| scene.env.imgctl(["transfers"]).args(args).run();
    let digest = scene.image.layers()[0];
    let table = run(&["ls"]).ok();
    let lines: Vec<&str> = table.stdout_text().lines().collect();
    assert!(lines[0].starts_with("KIND") && lines.len() == 2, "{}", table.told());
    for part in ["download", &digest.short(), "local store", "25.17MB"] {
        assert!(lines[1].contains(part), "{part}: {}", table.told());
    }
    assert_eq!(run(&["ls", "-q"]).ok().stdout_text(), format!("{}\n", digest.short()));
    let json = run(&["ls", "--no-trunc", "--format", "json"]).ok();
    let json: Value = serde_json::from_str(json.stdout_text()).unwrap();
    assert_eq!((&json["Digest"], &json["InUse"]), (&Value::from(digest.to_string()), &Value::from(false)));
    run(&["rm", "nope"]).fails(4);
    let removed = run(&["rm", &digest.short()]).ok();
    assert_eq!(removed.stdout_text(), format!("Removed: download of {digest}\n"));
    assert!(unfinished(&scene.env.store()).is_empty());
    assert_eq!(run(&["ls", "-q"]).ok().stdout_text(), "");
    run(&["rm", "--all"]).ok();
}

#[test]
fn what_a_command_is_at_is_not_removed() {
    let scene = interrupted();
    let running = scene.start_until(STORE, &scene.env.store(), 16 * MIB);
    let remove = |what: &str| scene.env.imgctl(["transfers", "rm", what]).run();
    remove(&scene.image.layers()[0].hex()).fails(2).says("another command is at");
    remove("--all").ok().says("not removed");
    assert!(!unfinished(&scene.env.store()).is_empty());
    running.signal(Signal::KILL);
    running.wait();
    remove("--all").ok();
    assert!(unfinished(&scene.env.store()).is_empty());
}

#[test]
fn what_nobody_goes_on_with_for_a_week_goes() {
    let scene = interrupted();
    let week = SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
    let age = || {
        let path = partial(&scene.env.store());
        fs::File::options().write(true).open(path).unwrap().set_modified(week).unwrap();
    };
    age();
    scene.env.imgctl(["images"]).run().ok();
    assert!(!unfinished(&scene.env.store()).is_empty());
    let other = super::scene::image(5, 2 * MIB);
    other.write_layout(&scene.env.path("other"), "1");
    scene.env.imgctl(["copy", "-q", "oci:other:1", "store:b:1"]).run().ok();
    assert!(unfinished(&scene.env.store()).is_empty());
    scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
    age();
    scene.env.imgctl(["rmi", "b:1"]).run().ok();
    assert!(unfinished(&scene.env.store()).is_empty());
}

#[test]
fn what_nobody_goes_on_with_goes_when_a_small_image_is_written() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, usize::MAX)]);
    let out = scene.env.path("out");
    TestImage::small().write_layout(&scene.env.path("other"), "1");
    for to in ["oci:out", "dir:out"] {
        scene.kill_at(to, &out, 8 * MIB);
        let week = SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
        fs::File::options().write(true).open(partial(&out)).unwrap().set_modified(week).unwrap();
        scene.env.imgctl(["copy", "-q", "oci:other:1", to]).run().ok();
        assert!(unfinished(&out).is_empty() && !out.join(".imgctl-transfers").exists(), "{to}");
        fs::remove_dir_all(&out).unwrap();
    }
}
