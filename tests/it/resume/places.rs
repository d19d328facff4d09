//! Layouts, directories and archives that were interrupted.

use std::fs;
use std::os::unix::fs::FileExt;

use rustix::process::Signal;

use super::scene::{MIB, Scene, kept, partial, stall, unfinished};
use crate::support::env::files;

const SIZE: u64 = 24 * MIB;
const PLACES: [&str; 4] = ["oci:out:1", "dir:out", "oci-archive:out.tar:1", "docker-archive:out.tar:a:1"];

#[test]
fn n34_every_place_goes_on_with_what_it_has() {
    for to in PLACES {
        let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
        let here = scene.env.path("");
        scene.kill_at(to, &here, 8 * MIB);
        assert!(files(&here).all(|path| path.file_name().unwrap() != "out.tar"), "{to}");
        let fetched = scene.arrives(to);
        assert!(fetched <= SIZE - 8 * MIB + 100_000, "{to}: {fetched}");
        scene.assert_whole(to);
        assert_eq!(unfinished(&here), [""; 0].map(std::path::PathBuf::from), "{to}");
        assert!(!here.join("out/.imgctl-transfers").exists(), "{to}");
        scene.env.assert_no_leftovers();
    }
}

#[test]
fn n35_every_place_hashes_again_what_it_has() {
    for to in PLACES {
        let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
        let here = scene.env.path("");
        scene.kill_at(to, &here, 8 * MIB);
        let file = fs::File::options().write(true).open(partial(&here)).unwrap();
        file.write_all_at(b"somebody else's bytes", 2_000_000).unwrap();
        let fetched = scene.arrives(to);
        assert!(fetched >= SIZE, "{to}: {fetched}");
        scene.assert_whole(to);
    }
}

#[test]
fn an_archive_that_was_interrupted_is_the_same_as_any_other() {
    for (signal, to) in [(Signal::KILL, PLACES[2]), (Signal::INT, PLACES[3])] {
        let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
        let (here, archive) = (scene.env.path(""), scene.env.path("out.tar"));
        let running = scene.start_until(to, &here, 8 * MIB);
        running.signal(signal);
        running.wait();
        assert!(!archive.exists());
        scene.arrives(to);
        let resumed = fs::read(&archive).unwrap();
        fs::remove_file(&archive).unwrap();
        scene.arrives(to);
        assert!(fs::read(&archive).unwrap() == resumed, "{to}");
    }
}

#[test]
fn another_plan_starts_the_archive_anew() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    let (here, to) = (scene.env.path(""), "oci-archive:out.tar:1");
    scene.kill_at(to, &here, 8 * MIB);
    let other = super::scene::image(9, 2 * MIB);
    other.write_layout(&scene.env.path("other"), "1");
    scene.env.imgctl(["copy", "-q", "oci:other:1", to]).run().ok();
    let digest = scene.env.imgctl(["digest", to]).run().ok();
    assert_eq!(digest.stdout_text(), format!("{}\n", other.digest()));
    // No byte of the first one is in it.
    let length = fs::metadata(scene.env.path("out.tar")).unwrap().len();
    assert!(length < 3 * MIB, "{length}");
    assert!(unfinished(&here).is_empty());
    assert_eq!(scene.env.tool("tar", ["-tf", "out.tar"]).run().ok().stdout_text().lines().count(), 5);
}

#[test]
fn two_archives_of_one_name_do_not_meet() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    let (here, to) = (scene.env.path(""), "oci-archive:out.tar:1");
    let first = scene.start_until(to, &here, 8 * MIB);
    // The second one waits for nobody.
    scene.copy(to).run().ok();
    scene.assert_whole(to);
    first.signal(Signal::KILL);
    first.wait();
    assert!(scene.arrives(to) < SIZE);
    scene.assert_whole(to);
}

#[test]
fn somebody_elses_file_is_not_written() {
    let scene = Scene::new(SIZE, |_| Vec::new());
    let victim = scene.env.write("victim", "precious");
    for path in [".out.tar.imgctl-partial", ".out.tar.imgctl-partial.json"] {
        std::os::unix::fs::symlink(&victim, scene.env.path(path)).unwrap();
        scene.arrives("oci-archive:out.tar:1");
        fs::remove_file(scene.env.path(path)).unwrap();
        fs::hard_link(&victim, scene.env.path(path)).unwrap();
        scene.arrives("oci-archive:out.tar:1");
        fs::remove_file(scene.env.path(path)).unwrap();
    }
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    scene.assert_whole("oci-archive:out.tar:1");
}

#[test]
fn small_archives_that_break_off_leave_nothing() {
    let scene = Scene::new(MIB / 2, |image| vec![stall(image, MIB / 4, 1)]);
    let mut running = scene.copy("docker-archive:out.tar:a:1").spawn();
    running.wait_until("bytes", |_| scene.proxy.sent() >= MIB / 4);
    running.signal(Signal::TERM);
    running.wait().fails(143);
    assert_eq!(files(&scene.env.path("")).count(), 0);
    assert_eq!(kept(&scene.env.path("")), 0);
}
