//! Downloads into the local store that broke off.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use imgctl::oci::Digest;
use rustix::process::Signal;
use serde_json::json;

use super::scene::{MIB, Scene, assert_right, image, kept, partial, stall, unfinished};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::outcome::assert_within;

const SIZE: u64 = 24 * MIB;
const STORE: &str = "store:a:1";
const REFUSAL: &str = "403 Forbidden\r\nContent-Length: 0\r\n";

/// Damages an unfinished download.
type Tear = fn(&std::path::Path);

#[test]
fn n34_a_pull_that_was_killed_half_way_fetches_the_other_half() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = image(1, 256 * MIB);
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(registry.host(), vec![stall(&image, 128 * MIB, 1)]);
    let pull =
        || env.imgctl(["pull", "-q", "--range-split", "1", &proxy.reference("a:1")]).limit(Duration::from_secs(120));
    let mut running = pull().spawn();
    running.wait_until("half of it", |_| kept(&env.store()) >= 127 * MIB);
    running.signal(Signal::KILL);
    running.wait();
    let before = proxy.sent();
    let outcome = env.imgctl(["pull", "--range-split", "1", &proxy.reference("a:1")]).run().ok();
    let fetched = proxy.sent() - before;
    assert!(fetched * 100 <= image.size() * 55, "{fetched} of {}", image.size());
    assert!(outcome.stderr.contains("Resum"), "{}", outcome.told());
    let layer = env.store().join("blobs/sha256").join(image.layers()[0].hex());
    assert_eq!(Digest::of(&fs::read(&layer).unwrap()), image.layers()[0]);
    assert_eq!(fs::metadata(&layer).unwrap().mode() & 0o777, 0o644);
    assert!(unfinished(&env.store()).is_empty());
    env.assert_no_leftovers();
}

#[test]
fn n35_a_kept_part_with_a_flipped_byte_is_fetched_again() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
    let path = partial(&scene.env.store());
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 1_000_000).unwrap();
    file.write_all_at(&[!byte[0]], 1_000_000).unwrap();
    let fetched = scene.arrives(STORE);
    assert!(fetched >= SIZE, "{fetched}");
    scene.assert_whole(STORE);
    assert!(unfinished(&scene.env.store()).is_empty());
}

#[test]
fn n35_what_turns_out_to_be_wrong_behind_a_resume_is_fetched_once_more() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
    // Somebody else's bytes, with a checkpoint that is right for them.
    let (path, digest) = (partial(&scene.env.store()), scene.image.layers()[0]);
    let wrong = vec![7; 9_000_000];
    fs::write(&path, &wrong).unwrap();
    let checkpoint = json!({
        "digest": digest, "size": SIZE, "offset": wrong.len(), "prefix": Digest::of(&wrong),
    });
    fs::write(format!("{}.json", path.display()), format!("{checkpoint}\n")).unwrap();
    let before = scene.proxy.sent();
    let outcome = scene.env.imgctl(["copy", &scene.proxy.reference("a:1"), STORE]).run().ok();
    let fetched = scene.proxy.sent() - before;
    assert!((2 * SIZE - 9_000_000..2 * SIZE).contains(&fetched), "{fetched}: {}", outcome.told());
    scene.assert_whole(STORE);
    assert!(unfinished(&scene.env.store()).is_empty());
}

#[test]
fn s04_what_a_power_loss_tore_is_not_relied_on() {
    let damage: [(&str, Tear); 4] = [
        ("data that was not written", |path| {
            let length = fs::metadata(path).unwrap().len();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.write_all_at(&vec![0; 1_000_000], length.min(8 * MIB) - 1_000_000).unwrap();
        }),
        ("data that is not there", |path| {
            fs::File::options().write(true).open(path).unwrap().set_len(5_000_000).unwrap();
        }),
        ("half a checkpoint", |path| {
            let log = format!("{}.json", path.display());
            let text = fs::read_to_string(&log).unwrap();
            fs::write(&log, &text[..text.len() - 9]).unwrap();
        }),
        ("no checkpoints", |path| fs::remove_file(format!("{}.json", path.display())).unwrap()),
    ];
    for (what, tear) in damage {
        let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
        scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
        tear(&partial(&scene.env.store()));
        let fetched = scene.arrives(STORE);
        assert!(fetched <= SIZE + 100_000, "{what}: {fetched}");
        scene.assert_whole(STORE);
        assert!(unfinished(&scene.env.store()).is_empty(), "{what}");
    }
}

#[test]
fn s12_a_signal_keeps_what_was_fetched() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let scene = Scene::new(SIZE, |image| vec![stall(image, 20 * MIB, 1)]);
        let mut running = scene.start_until(STORE, &scene.env.store(), 16 * MIB);
        running.wait_until("more", |_| fs::metadata(partial(&scene.env.store())).unwrap().len() >= 18 * MIB);
        let sent = std::time::Instant::now();
        running.signal(signal);
        running.wait().fails(code);
        assert_within(sent, 2.0);
        assert_right(&scene.env.store());
        scene.env.imgctl(["digest", STORE]).run().fails(4);
        // With nothing lost that was written.
        let (there, noted) = (fs::metadata(partial(&scene.env.store())).unwrap().len(), kept(&scene.env.store()));
        assert!(there == noted && there > 16 * MIB, "{there} {noted}");
        let fetched = scene.arrives(STORE);
        assert!(fetched <= SIZE - there + 100_000, "{fetched}, {there} were there");
        scene.assert_whole(STORE);
    }
}

#[test]
fn s02_kills_at_random_times_end_in_the_right_image() {
    let scene = Scene::new(SIZE, |_| Vec::new());
    scene.proxy.limit_rate(40_000_000);
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..12 {
        let running = scene.copy(STORE).spawn();
        std::thread::sleep(Duration::from_millis(random.u64(0..400)));
        running.try_signal(Signal::KILL);
        running.wait();
        assert_right(&scene.env.store());
        scene.env.imgctl(["images"]).run().ok();
    }
    scene.copy(STORE).run().ok();
    scene.assert_whole(STORE);
    assert!(unfinished(&scene.env.store()).is_empty());
    scene.env.assert_no_leftovers();
}

#[test]
fn without_resume_nothing_is_kept_and_nothing_used() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 2)]);
    let copy = || scene.copy(STORE).args(["--no-resume"]);
    let mut running = copy().spawn();
    running.wait_until("bytes", |_| scene.proxy.sent() >= 16 * MIB);
    running.signal(Signal::INT);
    running.wait().fails(130);
    assert!(unfinished(&scene.env.store()).is_empty());
    scene.kill_at(STORE, &scene.env.store(), 8 * MIB);
    let before = scene.proxy.sent();
    copy().run().ok();
    assert!(scene.proxy.sent() - before >= SIZE);
    scene.assert_whole(STORE);
}

#[test]
fn n34_what_is_killed_while_it_is_flushed_goes_on() {
    let scene = Scene::new(SIZE, |_| Vec::new());
    let mut running = scene.copy(STORE).args(["--fsync"]).env("IMGCTL_TEST_CHECKPOINT", "blob-flushed").spawn();
    // The config and the layer.
    running.wait_until("both", |running| running.stderr().matches("stands still at").count() == 2);
    running.signal(Signal::KILL);
    running.wait();
    let left = fs::metadata(partial(&scene.env.store())).unwrap();
    assert!(left.len() == SIZE && !left.permissions().readonly(), "{left:?}");
    let fetched = scene.arrives(STORE);
    assert!(fetched < SIZE / 2, "{fetched}");
    let layer = scene.env.store().join("blobs/sha256").join(scene.image.layers()[0].hex());
    assert!(!fs::metadata(layer).unwrap().permissions().readonly(), "this time it was not flushed");
    scene.assert_whole(STORE);
}

#[test]
fn a_failure_keeps_what_was_fetched() {
    let refusal =
        |image: &TestImage| Rule::on("GET", &image.layers()[0].to_string(), Weather::Answer(REFUSAL.to_owned()));
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1), refusal(image).times(1)]);
    let copy = ["copy", "--idle-timeout", "300ms", "--retries", "0", &scene.proxy.reference("a:1"), STORE];
    let outcome = scene.env.imgctl(copy).run();
    assert_ne!(outcome.code, Some(0), "{}", outcome.told());
    assert!(kept(&scene.env.store()) > 8 * MIB);
    let fetched = scene.arrives(STORE);
    assert!(fetched < SIZE / 2, "{fetched}");
    scene.assert_whole(STORE);
}
