//! Freeing space beside pushes: what a pusher was told stays.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use imgctl::oci::Digest;

use super::client::{Client, until};
use crate::support::env::{Env, files};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::serve::Serve;

/// Makes everything that was linked as old as if it had been two hours ago.
pub fn age(env: &Env) {
    age_one(env, "");
}

/// The same in one repository.
fn age_one(env: &Env, repository: &str) {
    let then = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for link in files(&env.store().join("repositories").join(repository)) {
        // Others may be removing it.
        let opened = File::options().write(true).open(link);
        let _ = opened.and_then(|file| file.set_modified(then));
    }
}

/// Pushes an image as clients do: what is there already is not sent. It takes a while.
fn push(client: &Client, tag: &str, image: &TestImage, dice: &mut fastrand::Rng) {
    for part in image.all() {
        for (digest, blob) in &part.blobs {
            if client.blob_status("a", digest) != 200 {
                client.push_blob("a", blob);
            }
        }
        thread::sleep(Duration::from_millis(dice.u64(0..20)));
        if part.digest() == image.digest() {
            client.put_manifest("a", tag, part).expect(201);
        } else if client.request("HEAD", &format!("/v2/a/manifests/{}", part.digest())).send().status != 200 {
            client.put_manifest("a", part.digest(), part).expect(201);
        }
    }
}

#[test]
fn r13_every_image_that_was_pushed_beside_removals_is_whole() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let part = |platform: &str, seed| {
        let layers = ImageBuilder::new().platform(platform).layer(Layer::of_file("base", "b"));
        layers.layer(Layer::random(seed, 3000)).build()
    };
    // They share layers, and one of them a whole image with the next.
    let images: Vec<TestImage> = (0..4)
        .map(|seed| TestImage::index(vec![part("linux/amd64", seed), part("linux/arm64", (seed + 1) % 4 + 10)]))
        .collect();
    for round in 0..5 {
        images.iter().enumerate().for_each(|(number, image)| client.push("a", &format!("old{number}"), image));
        // All that was pushed before may go now, and goes while the same is pushed again.
        age(&env);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let removing = scope.spawn(|| {
                for number in 0..images.len() {
                    env.imgctl(["rmi", "-f", &format!("localhost/a:old{number}")]).run().ok();
                }
                let digest = images[0].digest();
                client.request("DELETE", &format!("/v2/a/manifests/{digest}")).send();
            });
            let sweeping = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    env.imgctl(["tag", "localhost/a:none", "localhost/a:x"]).run();
                    env.imgctl(["rmi", "localhost/a:none"]).run();
                }
            });
            let pushing = images.iter().enumerate().skip(1).map(|(number, image)| {
                let client = client.clone();
                scope.spawn(move || {
                    let mut dice = fastrand::Rng::with_seed(number as u64 + round);
                    (0..4).for_each(|time| push(&client, &format!("new{number}-{time}"), image, &mut dice));
                })
            });
            let pushing: Vec<_> = pushing.collect();
            pushing.into_iter().for_each(|pushing| pushing.join().unwrap());
            removing.join().unwrap();
            is_over.store(true, Ordering::Relaxed);
            sweeping.join().unwrap();
        });
        for (number, image) in images.iter().enumerate().skip(1) {
            for time in 0..4 {
                client.assert_whole("a", &format!("new{number}-{time}"), image);
                client.request("DELETE", &format!("/v2/a/manifests/new{number}-{time}")).send().expect(202);
            }
        }
        assert!(client.tags("a").iter().all(|tag| !tag.starts_with("new")), "round {round}");
    }
}

#[test]
fn r13_a_blob_waits_for_its_manifest_while_others_remove() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let (old, new) = (TestImage::of_size(1, 5000), TestImage::of_size(2, 5000));
    client.push("a", "old", &old);
    age(&env);
    new.blobs.values().for_each(|blob| _ = client.push_blob("a", blob));
    let gone = |digest: &Digest| !env.store().join("blobs/sha256").join(digest.hex()).exists();
    env.imgctl(["rmi", "localhost/a:old"]).run().ok();
    assert!(old.blobs.keys().all(gone));
    client.put_manifest("a", "new", &new).expect(201);
    client.assert_whole("a", "new", &new);
}

#[test]
fn r13_who_was_told_that_something_is_there_need_not_send_it() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let image = TestImage::index(vec![TestImage::of_size(1, 5000), TestImage::of_size(2, 5000)]);
    let ask = || {
        for part in &image.children {
            client.request("HEAD", &format!("/v2/a/manifests/{}", part.digest())).send().expect(200);
            part.blobs.keys().for_each(|digest| assert_eq!(client.blob_status("a", digest), 200));
        }
    };
    client.push("a", "1", &image);
    age(&env);
    ask();
    env.imgctl(["rmi", "localhost/a:1"]).run().ok();
    client.put_manifest("a", "2", &image).expect(201);
    client.assert_whole("a", "2", &image);
    // The same where the server itself frees the space.
    age(&env);
    ask();
    client.request("DELETE", &format!("/v2/a/manifests/{}", image.digest())).send().expect(202);
    client.push("b", "1", &TestImage::small());
    age_one(&env, "localhost/b");
    client.request("DELETE", &format!("/v2/b/manifests/{}", TestImage::small().digest())).send().expect(202);
    let small = env.store().join("blobs/sha256").join(TestImage::small().digest().hex());
    until("the server has swept", || !small.exists());
    client.put_manifest("a", "3", &image).expect(201);
    client.assert_whole("a", "3", &image);
}

#[test]
fn what_was_deleted_frees_its_space_while_the_server_runs() {
    let env = Env::new();
    let server = Serve::start(&env, &["--allow-delete"]);
    let client = Client::of(&server);
    let image = TestImage::of_size(1, 50_000);
    client.push("a", "1", &image);
    client.push("b", "1", &TestImage::small());
    age(&env);
    client.request("DELETE", &format!("/v2/a/manifests/{}", image.digest())).send().expect(202);
    until("the space is free", || {
        let blobs: Vec<_> = files(&env.store().join("blobs")).collect();
        blobs.len() == 3
    });
    client.assert_whole("b", "1", &TestImage::small());
}
