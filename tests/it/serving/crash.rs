//! What a server leaves that is killed, and what comes of it when it is started again.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use imgctl::oci::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::client::{Client, until};
use crate::support::env::{Env, files};
use crate::support::fault_proxy::FaultProxy;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::{Layer, random};
use crate::support::run::Running;
use crate::support::serve::Serve;

/// Kills the server and starts another at its address.
fn kill_and_restart(env: &Env, server: Serve) -> Serve {
    let address = server.address().to_owned();
    server.signal(Signal::KILL);
    drop(server.wait());
    Serve::run(env.imgctl(["serve", "--allow-delete", "--listen", &address]))
}

/// Asserts that all content has its digest, and that everything that has a name is complete. Returns the names.
fn assert_sound(store: &Path) -> Vec<String> {
    for path in files(&store.join("blobs")) {
        let content = fs::read(&path).unwrap();
        let name = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap());
        assert_eq!(Digest::of(&content).to_string(), name, "{} is torn", path.display());
    }
    let index: Value = serde_json::from_slice(&fs::read(store.join("index.json")).unwrap()).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter();
    let live: Vec<&Value> = entries.filter(|entry| entry["annotations"]["io.imgctl.removed"].is_null()).collect();
    live.iter().for_each(|entry| assert_complete(store, entry));
    // What is linked in a repository is as complete as what has a tag.
    for link in files(&store.join("repositories")).filter(|path| path.to_string_lossy().contains("/_manifests/")) {
        let hex = link.file_name().unwrap().to_str().unwrap();
        let media_type = fs::read_to_string(&link).unwrap();
        assert_complete(store, &serde_json::json!({ "digest": format!("sha256:{hex}"), "mediaType": media_type }));
    }
    let name = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"].as_str().map(str::to_owned);
    live.iter().filter_map(name).collect()
}

fn assert_complete(store: &Path, descriptor: &Value) {
    let digest = descriptor["digest"].as_str().unwrap();
    let path = store.join("blobs").join(digest.replacen(':', "/", 1));
    let content = fs::read(&path).unwrap_or_else(|error| panic!("{descriptor} is missing: {error}"));
    let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
    if media_type.contains("manifest") || media_type.contains("index") {
        let document: Value = serde_json::from_slice(&content).unwrap();
        let layers = document["layers"].as_array().into_iter().flatten();
        let children = layers.chain(document["manifests"].as_array().into_iter().flatten());
        children.chain(document.get("config")).for_each(|child| assert_complete(store, child));
    }
}

#[test]
fn r06_an_upload_goes_on_where_a_kill_interrupted_it() {
    let env = Env::new();
    let mut server = Serve::start(&env, &[]);
    let content = random(1, 2_000_000);
    let digest = Digest::of(&content);
    let upload = Client::of(&server).start("a");
    let mut sent = 0;
    // A chunk that was confirmed, and one that was not.
    Client::of(&server).chunk(&upload, 0, &content[..300_000]).expect(202);
    server = kill_and_restart(&env, server);
    let client = Client::of(&server);
    assert_eq!(client.offset(&upload), Some(300_000));
    sent += 300_000;
    let patch = client.begin("PATCH", &upload, content.len() - sent, &content[sent..1_000_000]);
    until("some of it", || client.offset(&upload).unwrap() > 300_000);
    server = kill_and_restart(&env, server);
    drop(patch);
    let client = Client::of(&server);
    sent = client.offset(&upload).unwrap();
    assert!((300_001..=1_000_000).contains(&sent), "{sent}");
    client.get(&format!("/v2/a/blobs/{digest}")).expect(404);
    client.chunk(&upload, sent, &content[sent..]).expect(202);
    // Killed between the last byte and the digest, too.
    server = kill_and_restart(&env, server);
    let client = Client::of(&server);
    client.finish(&upload, digest, b"").expect(201);
    assert_eq!(client.get(&format!("/v2/a/blobs/{digest}")).expect(200).body, content);
    assert_eq!(files(&env.store().join("uploads")).count(), 0);
}

#[test]
fn r06_a_push_goes_on_when_the_server_is_back() {
    let (env, pusher) = (Env::new(), Env::new());
    let image = ImageBuilder::new().layer(Layer::random(1, 8_000_000)).build();
    image.write_layout(&pusher.path("image"), "1");
    let mut server = Serve::start(&env, &[]);
    let proxy = FaultProxy::start(server.address(), Vec::new());
    proxy.limit_rate(8_000_000);
    let mut push = pusher.imgctl(["copy", "-q", "oci:image:1", &proxy.reference("a:1")]).cwd(pusher.path("")).spawn();
    push.wait_until("bytes of the layer", |_| {
        files(&env.store().join("uploads")).any(|file| file.metadata().is_ok_and(|found| found.len() > 2_000_000))
    });
    server = kill_and_restart(&env, server);
    push.wait().ok();
    Client::of(&server).assert_whole("a", "1", &image);
    assert!(proxy.connections() > 1);
}

#[test]
fn r06_a_tag_is_the_old_or_the_new_whenever_the_kill_comes() {
    let env = Env::new();
    let image = |seed| TestImage::index(vec![ImageBuilder::new().layer(Layer::random(seed, 20_000)).build()]);
    let images = [image(1), image(2)];
    let mut server = Serve::start(&env, &["--allow-delete"]);
    Client::of(&server).push("a", "t", &images[0]);
    let mut delays = fastrand::Rng::with_seed(6);
    for round in 0..12 {
        let client = Client::of(&server);
        let pushing = thread::spawn({
            let (client, images) = (client.clone(), images.clone());
            move || {
                for number in 1.. {
                    // It fails when the server dies.
                    let push = || client.push("a", "t", &images[number % 2]);
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(push)).is_err() {
                        break;
                    }
                }
            }
        });
        thread::sleep(Duration::from_millis(delays.u64(1..60)));
        server = kill_and_restart(&env, server);
        pushing.join().unwrap();
        let client = Client::of(&server);
        let tagged = client.get("/v2/a/manifests/t").expect(200);
        let found = images.iter().find(|image| image.digest().to_string() == tagged.header("docker-content-digest"));
        client.assert_whole("a", "t", found.unwrap_or_else(|| panic!("round {round}: neither")));
        assert_eq!(assert_sound(&env.store()), ["localhost/a:t"]);
    }
    // What the dead had in hand is gone: the living one has one directory for it.
    let own = fs::read_dir(env.store()).unwrap().flatten();
    assert_eq!(own.filter(|entry| entry.file_name().to_string_lossy().starts_with(".imgctl-")).count(), 1);
}

/// A command of a mix over one store.
fn command(env: &Env, server: &Serve, dice: &mut fastrand::Rng) -> Running {
    let number = dice.u32(0..4);
    let tag = format!("localhost/mix:{}", dice.u32(0..6));
    let other = format!("localhost/mix:{}", dice.u32(0..6));
    let layout = format!("oci:image{number}:1");
    let arguments = match dice.u32(0..6) {
        0 | 1 => vec!["copy".to_owned(), "-q".into(), layout, server.image(&format!("mix:{number}"))],
        2 => vec!["copy".to_owned(), "-q".into(), layout, format!("store:{tag}")],
        3 => vec!["tag".to_owned(), other, tag],
        4 => vec!["load".to_owned(), "-q".into(), "-i".into(), format!("image{number}.tar")],
        _ => vec!["rmi".to_owned(), "-f".into(), tag],
    };
    env.imgctl(arguments).cwd(env.path("")).spawn()
}

#[test]
fn s02_kills_at_random_times_leave_everything_that_is_listed_complete() {
    let env = Env::new();
    for number in 0..4 {
        let image = ImageBuilder::new().layer(Layer::of_file("shared", "s")).layer(Layer::random(number, 100_000));
        let image = image.build();
        image.write_layout(&env.path(format!("image{number}")), "1");
        let archive = format!("oci-archive:image{number}.tar:localhost/mix:{number}");
        env.imgctl(["copy", "-q", &format!("oci:image{number}:1"), &archive]).cwd(env.path("")).run().ok();
    }
    let mut server = Serve::start(&env, &["--allow-delete"]);
    Client::of(&server).push("kept", "1", &TestImage::small());
    let mut dice = fastrand::Rng::with_seed(2);
    let started = Instant::now();
    let mut rounds = 0;
    // Thirty rounds, or as many as a slow machine makes in the time.
    while rounds < 30 && started.elapsed() < Duration::from_secs(12) {
        if dice.bool() {
            // Nobody pushes just now: what is removed may go at once, and go half.
            super::gc::age(&env);
        }
        let running: Vec<Running> = (0..4).map(|_| command(&env, &server, &mut dice)).collect();
        thread::sleep(Duration::from_millis(dice.u64(1..60)));
        for process in running {
            if dice.bool() {
                process.try_signal(Signal::KILL);
            }
            if rounds % 3 == 2 {
                drop(process);
            } else {
                process.wait();
            }
        }
        if dice.bool() {
            server = kill_and_restart(&env, server);
        }
        let names = assert_sound(&env.store());
        assert!(names.contains(&"localhost/kept:1".to_owned()), "round {rounds}: {names:?}");
        rounds += 1;
    }
    let client = Client::of(&server);
    client.assert_whole("kept", "1", &TestImage::small());
    // All of it is there for whoever asks, and all of it can go.
    let names = assert_sound(&env.store());
    for name in names.iter().filter_map(|name| name.strip_prefix("localhost/")) {
        let (repository, tag) = name.split_once(':').unwrap();
        client.get(&format!("/v2/{repository}/manifests/{tag}")).expect(200);
    }
    for name in names {
        env.imgctl(["rmi", "-f", &name]).run().ok();
    }
    assert!(assert_sound(&env.store()).is_empty());
}
