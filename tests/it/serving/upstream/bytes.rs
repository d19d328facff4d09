//! Bytes on their way: they pass while they arrive, go on where a line broke, and are never wrong.

use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use super::{LARGE, LIMIT, Scene, pull};
use crate::support::env::files;
use crate::support::http;
use crate::support::image::TestImage;

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "{what} does not happen");
        thread::sleep(Duration::from_millis(3));
    }
}

/// Bytes of files that are not whole yet.
fn staged(store: &Path) -> u64 {
    let partial = files(store).filter(|path| path.to_string_lossy().contains("/.imgctl-"));
    partial.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
}

#[test]
fn bytes_pass_while_the_upstream_still_sends() {
    let scene = Scene::of("stallever", &["--idle-timeout", "60s"]);
    let layer = scene.layer();
    let mut stream = scene.begin(layer);
    let mut half = vec![0; LARGE / 4];
    stream.read_exact(&mut half).unwrap();
    assert!(half == scene.content(layer)[..LARGE / 4]);
    let range =
        http::request("GET", &format!("http://{}/v2/{}/blobs/{layer}", scene.serve.address(), scene.repository));
    let part = range.header("Range", "bytes=1000-1099").send().expect(206);
    assert!(part.body == scene.content(layer)[1000..1100]);
    assert_eq!(scene.asked("GET", "/blobs/"), 1);
    assert!(!scene.stored(layer).exists());
}

#[test]
fn a_part_of_what_is_on_its_way_waits_for_its_bytes() {
    let scene = Scene::of("stall", &["--idle-timeout", "500ms"]);
    let layer = scene.layer();
    let mut first = scene.begin(layer);
    let url = format!("http://{}/v2/{}/blobs/{layer}", scene.serve.address(), scene.repository);
    let part = http::request("GET", &url).header("Range", "bytes=-1000").send().expect(206);
    let content = scene.content(layer);
    assert!(part.body == content[content.len() - 1000..]);
    let mut whole = Vec::new();
    first.read_to_end(&mut whole).unwrap();
    assert!(whole == content);
    // The upstream broke off; the fetch went on where that was.
    let resumed = scene.registry.requests().into_iter().filter(|request| request.range().is_some()).count();
    assert!(resumed >= 1);
}

#[test]
fn who_goes_away_stops_nothing() {
    let scene = Scene::of("stall", &["--idle-timeout", "500ms"]);
    let layer = scene.layer();
    let mut leaving = scene.begin(layer);
    leaving.read_exact(&mut [0; 1000]).unwrap();
    drop(leaving);
    wait_until("the end of the fetch", || scene.stored(layer).exists());
    let asked = scene.asked("GET", "/blobs/");
    assert!(scene.blob(layer).expect(200).body == scene.content(layer));
    assert_eq!(scene.asked("GET", "/blobs/"), asked);
}

#[test]
fn a_line_that_breaks_is_invisible() {
    for fault in ["reset", "eof", "range200", "b5xx", "m5xx", "redir", "nocl", "nohead", "nodcd", "mnocl"] {
        let scene = Scene::of(fault, &[]);
        scene.pull();
    }
}

#[test]
fn the_size_of_a_blob_is_found_out() {
    for fault in ["", "nohead", "nohead-200", "nocl", "redir"] {
        let scene = Scene::of(fault, &[]);
        // Without its manifest, which says it too.
        let response = scene.blob(scene.layer()).expect(200);
        assert_eq!(response.header("content-length"), response.body.len().to_string(), "{fault}");
        assert!(response.body == scene.content(scene.layer()), "{fault}");
    }
}

#[test]
fn wrong_bytes_are_never_served_whole_nor_kept() {
    for fault in ["corrupt", "lyingcrever", "infinite", "html-blob"] {
        let scene = Scene::of(fault, &[]);
        scene.get("manifests/1").expect(200);
        let layer = scene.layer();
        for _ in 0..2 {
            assert_ne!(scene.try_blob(layer).unwrap_or(502), 200, "{fault}");
        }
        assert!(!scene.stored(layer).exists(), "{fault}");
        wait_until("the end of what was staged", || staged(&scene.env.store()) == 0);
    }
    let once = Scene::of("corruptonce", &[]);
    assert_eq!(once.try_blob(once.layer()), None);
    assert!(once.blob(once.layer()).expect(200).body == once.content(once.layer()));
}

#[test]
fn r06_a_kill_in_the_middle_of_a_fetch_leaves_a_clean_store() {
    let scene = Scene::of("stall", &["--idle-timeout", "60s"]);
    let layer = scene.layer();
    scene.get("manifests/1").expect(200);
    let mut stream = scene.begin(layer);
    stream.read_exact(&mut [0; 1000]).unwrap();
    assert!(staged(&scene.env.store()) > 0);
    let Scene { env, registry, repository, image, serve } = scene;
    serve.signal(Signal::KILL);
    drop(serve);
    let stored = env.store().join(format!("blobs/sha256/{}", layer.hex()));
    assert!(!stored.exists());
    let serve = super::serve(&env, &registry.host(), &["--idle-timeout", "500ms"]);
    pull(&serve, &repository, "1", &image);
    assert_eq!(staged(&env.store()), 0);
    drop(serve);
    env.assert_no_leftovers();
}

#[test]
fn damage_in_the_store_is_repaired() {
    let scene = Scene::of("", &[]);
    scene.pull();
    let layer = scene.layer();
    let damages: [fn(&mut Vec<u8>); 3] =
        [|content| content[LARGE / 2] ^= 1, |content| content.truncate(LARGE / 2), |content| content.clear()];
    for damage in damages {
        let mut content = scene.content(layer).to_vec();
        damage(&mut content);
        // As a new file, as a restored backup would be: what is known of the old one does not hold.
        std::fs::remove_file(scene.stored(layer)).unwrap();
        std::fs::write(scene.stored(layer), content).unwrap();
        assert!(scene.try_blob(layer).is_none_or(|status| status == 200));
        assert!(scene.blob(layer).expect(200).body == scene.content(layer));
        assert!(std::fs::read(scene.stored(layer)).unwrap() == scene.content(layer));
    }
}

#[test]
fn memory_does_not_grow_with_blobs() {
    let scene = Scene::with("", TestImage::of_size(3, 64 * LARGE), &[]);
    let layer = scene.layer();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(scene.blob(layer).expect(200).body.len(), scene.content(layer).len()));
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.serve.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.unwrap().parse().unwrap();
    assert!(peak < 48 * 1024, "{peak} KiB");
}

#[test]
fn a_stop_waits_for_no_fetch_that_nobody_reads() {
    let scene = Scene::of("stallever", &["--idle-timeout", "60s"]);
    let mut leaving = scene.begin(scene.layer());
    leaving.read_exact(&mut [0; 1000]).unwrap();
    drop(leaving);
    let Scene { env, serve, .. } = scene;
    serve.stop().ok().within(20.0);
    assert_eq!(staged(&env.store()), 0);
    env.assert_no_leftovers();
}
