//! Two processes at one blob.

use rustix::process::Signal;

use super::scene::{MIB, Scene, kept, stall, unfinished};
use crate::support::outcome::assert_within;
use crate::support::run::Running;

const SIZE: u64 = 24 * MIB;
const STORE: &str = "store:a:1";

fn layer_requests(scene: &Scene) -> usize {
    let layer = scene.image.layers()[0].to_string();
    scene.proxy.requests().iter().filter(|line| line.starts_with("GET ") && line.contains(&layer)).count()
}

/// Another copy that waits for the first one.
fn waiting(scene: &Scene, flags: &[&str]) -> Running {
    let from = scene.proxy.reference("a:1");
    let mut running = scene.env.imgctl(["copy"]).args(flags).args([&from, STORE]).spawn();
    running.wait_for_stderr("Waiting for another process");
    running
}

#[test]
fn s06_sixteen_pulls_of_a_large_layer_fetch_it_once() {
    let scene = Scene::new(SIZE, |_| Vec::new());
    let running: Vec<Running> = (0..16).map(|_| scene.copy(STORE).spawn()).collect();
    running.into_iter().for_each(|process| drop(process.wait().ok()));
    assert_eq!(layer_requests(&scene), 1);
    scene.assert_whole(STORE);
    assert!(unfinished(&scene.env.store()).is_empty());
    scene.env.assert_no_leftovers();
}

#[test]
fn who_waits_goes_on_when_the_other_dies() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    let first = scene.start_until(STORE, &scene.env.store(), 8 * MIB);
    let second = waiting(&scene, &[]);
    first.signal(Signal::KILL);
    first.wait();
    second.wait().ok();
    assert!(scene.proxy.sent() <= SIZE + 8 * MIB + 100_000, "{}", scene.proxy.sent());
    scene.assert_whole(STORE);
}

#[test]
fn who_stands_still_is_not_waited_for_for_ever() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    let first = scene.start_until(STORE, &scene.env.store(), 8 * MIB);
    first.signal(Signal::STOP);
    waiting(&scene, &["--idle-timeout", "500ms"]).wait().ok().within(30.0);
    scene.assert_whole(STORE);
    first.signal(Signal::CONT);
    first.signal(Signal::INT);
    first.wait();
    scene.assert_whole(STORE);
}

#[test]
fn who_waits_can_be_interrupted() {
    let scene = Scene::new(SIZE, |image| vec![stall(image, 16 * MIB, 1)]);
    let first = scene.start_until(STORE, &scene.env.store(), 8 * MIB);
    let second = waiting(&scene, &[]);
    let sent = std::time::Instant::now();
    second.signal(Signal::INT);
    second.wait().fails(130);
    assert_within(sent, 2.0);
    assert!(kept(&scene.env.store()) >= 8 * MIB);
    first.signal(Signal::KILL);
    first.wait();
}

#[test]
fn two_with_one_job_each_do_not_wait_for_each_other_in_a_circle() {
    let one = Scene::new(SIZE, |_| Vec::new());
    let other = Scene::new(SIZE + MIB, |_| Vec::new());
    one.proxy.limit_rate(60_000_000);
    other.proxy.limit_rate(60_000_000);
    let (first, second) = (one.proxy.reference("a:1"), other.proxy.reference("a:1"));
    let pull = |images: [&str; 2]| one.env.imgctl(["pull", "-q", "--jobs", "1"]).args(images).spawn();
    let running = [pull([&first, &second]), pull([&second, &first])];
    running.into_iter().for_each(|process| drop(process.wait().ok().within(60.0)));
    assert_eq!((layer_requests(&one), layer_requests(&other)), (1, 1));
}
