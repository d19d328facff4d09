//! One store for several: servers, and other commands beside them.

use std::collections::BTreeSet;
use std::thread;

use imgctl::oci::Digest;

use super::client::Client;
use crate::support::env::{Env, files};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::{Layer, random};
use crate::support::run::Running;
use crate::support::serve::Serve;

#[test]
fn two_servers_over_one_store_see_each_other_at_once() {
    let env = Env::new();
    let servers = [Serve::start(&env, &["--allow-delete"]), Serve::start(&env, &["--allow-delete"])];
    let [first, second] = servers.each_ref().map(Client::of);
    let image = TestImage::small();
    for number in 0..10 {
        let tag = format!("t{number}");
        let (one, other) = if number % 2 == 0 { (&first, &second) } else { (&second, &first) };
        one.push("a", &tag, &image);
        other.assert_whole("a", &tag, &image);
        assert_eq!(other.tags("a"), std::slice::from_ref(&tag));
        other.request("DELETE", &format!("/v2/a/manifests/{tag}")).send().expect(202);
        one.get(&format!("/v2/a/manifests/{tag}")).expect(404);
        assert!(one.tags("a").is_empty());
    }
    // An upload may change servers, and is one request's at a time on both.
    let content = random(1, 300_000);
    let path = first.start("a");
    first.append(&path, &content[..100_000]).expect(202);
    second.append(&path, &content[100_000..200_000]).expect(202);
    assert_eq!(first.offset(&path), Some(200_000));
    let busy = first.begin("PATCH", &path, 100_000, &content[200_000..250_000]);
    super::client::until("half", || second.offset(&path) == Some(250_000));
    second.append(&path, b"x").expect(416);
    drop(busy);
    super::client::until("who hung up is noticed", || second.chunk(&path, 250_000, &content[250_000..]).status == 202);
    second.finish(&path, Digest::of(&content), b"").expect(201);
    assert_eq!(first.get(&format!("/v2/a/blobs/{}", Digest::of(&content))).expect(200).body, content);
}

#[test]
fn s07_sixteen_pushes_tags_and_loads_lose_no_name() {
    let env = Env::new();
    let servers = [Serve::start(&env, &[]), Serve::start(&env, &[])];
    let image =
        |seed| ImageBuilder::new().layer(Layer::of_file("shared", "s")).layer(Layer::random(seed, 2000)).build();
    let images: Vec<TestImage> = (0..16).map(image).collect();
    images.iter().enumerate().for_each(|(number, image)| image.write_layout(&env.path(format!("i{number}")), "1"));
    let base = Client::of(&servers[0]);
    base.push("base", "1", &images[0]);
    let mut running: Vec<Running> = Vec::new();
    for number in 0..16 {
        let layout = format!("oci:i{number}:1");
        let to = match number % 4 {
            3 => format!("store:localhost/a:{number}"),
            _ => servers[number % 2].image(&format!("a:{number}")),
        };
        running.push(env.imgctl(["copy", "-q", &layout, &to]).cwd(env.path("")).spawn());
        running.push(env.imgctl(["tag", "localhost/base:1", &format!("localhost/base:t{number}")]).spawn());
    }
    running.into_iter().for_each(|process| drop(process.wait().ok()));
    for server in &servers {
        let client = Client::of(server);
        images.iter().enumerate().for_each(|(number, image)| client.assert_whole("a", &number.to_string(), image));
        let tags: BTreeSet<String> = client.tags("base").into_iter().collect();
        let expected: BTreeSet<String> = (0..16).map(|number| format!("t{number}")).chain(["1".to_owned()]).collect();
        assert_eq!(tags, expected);
    }
    let listed = env.imgctl(["images", "-q"]).run().ok();
    assert_eq!(listed.stdout_text().lines().count(), 33);
}

#[test]
fn s06_sixteen_pulls_at_once_leave_one_copy() {
    let (env, other) = (Env::new(), Env::new());
    let server = Serve::start(&env, &[]);
    let image = ImageBuilder::new().layer(Layer::random(1, 500_000)).layer(Layer::random(2, 500_000)).build();
    Client::of(&server).push("a", "1", &image);
    let name = server.image("a:1");
    let running: Vec<Running> = (0..16).map(|_| other.imgctl(["pull", "-q", &name]).spawn()).collect();
    running.into_iter().for_each(|process| drop(process.wait().ok()));
    let blobs = |env: &Env| -> BTreeSet<_> {
        files(&env.store().join("blobs")).map(|path| path.file_name().unwrap().to_owned()).collect()
    };
    assert_eq!(blobs(&other), blobs(&env));
    assert_eq!(files(&other.store().join("blobs")).count(), 4);
}

#[test]
fn s08_what_others_do_beside_a_server_is_seen_and_nothing_is_lost() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let image = ImageBuilder::new().layer(Layer::random(1, 100_000)).build();
    image.write_layout(&env.path("image"), "1");
    let run = |args: &[&str]| env.imgctl(args).cwd(env.path("")).run().ok();
    client.push("kept", "1", &TestImage::small());
    thread::scope(|scope| {
        scope.spawn(|| (0..50).for_each(|_| client.assert_whole("kept", "1", &TestImage::small())));
        for round in 0..8 {
            run(&["copy", "-q", "oci:image:1", "store:localhost/a:1"]);
            client.assert_whole("a", "1", &image);
            run(&["tag", "localhost/a:1", "localhost/a:2"]);
            assert_eq!(client.tags("a"), ["1", "2"], "round {round}");
            run(&["save", "-q", "-o", "out.tar", "localhost/kept:1"]);
            run(&["rmi", "localhost/a:1"]);
            client.get("/v2/a/manifests/1").expect(404);
            client.assert_whole("a", "2", &image);
            client.push("a", "pushed", &image);
            run(&["rmi", "localhost/a:2"]);
            client.assert_whole("a", "pushed", &image);
            run(&["rmi", "localhost/a:pushed"]);
            client.get("/v2/a/manifests/pushed").expect(404);
        }
    });
    client.assert_whole("kept", "1", &TestImage::small());
    run(&["copy", "-q", &server.image("kept:1"), "oci:again:1"]);
}
