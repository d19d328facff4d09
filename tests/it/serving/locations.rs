//! Layouts and archives are served where they lie: out of the files as they are, and nothing is written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use imgctl::oci::{Compression, Digest};

use crate::support::env::{Env, files};
use crate::support::http::{Response, get, request};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::serve::Serve;

/// `GET /v2/…`.
fn ask(server: &Serve, path: &str) -> Response {
    get(&format!("{}/v2/{path}", server.url()))
}

fn tags(server: &Serve, repository: &str) -> Vec<String> {
    let tags = ask(server, &format!("{repository}/tags/list")).expect(200).json()["tags"].clone();
    serde_json::from_value(tags).unwrap()
}

/// That all of `image` is there under `reference`, byte for byte.
#[track_caller]
fn assert_served(server: &Serve, repository: &str, reference: &str, image: &TestImage) {
    let manifest = ask(server, &format!("{repository}/manifests/{reference}")).expect(200);
    assert_eq!(manifest.body, image.manifest, "{repository}:{reference}");
    assert_eq!(manifest.header("content-type"), image.media_type.as_str());
    for image in image.all() {
        let by_digest = ask(server, &format!("{repository}/manifests/{}", image.digest())).expect(200);
        assert_eq!(by_digest.body, image.manifest);
        for (digest, blob) in &image.blobs {
            let found = ask(server, &format!("{repository}/blobs/{digest}")).expect(200);
            assert!(found.body == *blob, "{repository}@{digest}");
            assert_eq!(found.header("docker-content-digest"), digest.to_string());
        }
    }
}

/// An index over two images with layers of some size.
fn image() -> TestImage {
    let image = |seed, platform| {
        let layers = [Layer::random(seed, 70_000), Layer::of_file("etc/hello", "hello\n")];
        let builder = ImageBuilder::new().platform(platform).label("seed", platform);
        layers.into_iter().fold(builder, ImageBuilder::layer).build()
    };
    TestImage::index(vec![image(1, "linux/amd64"), image(2, "linux/arm64")])
}

/// A home with `app`, a layout that has `image` as 1.0, and `copies` of it elsewhere.
fn home(image: &TestImage, copies: &[&str]) -> Env {
    let env = Env::new();
    image.write_layout(&env.path("app"), "1.0");
    for copy in copies {
        env.imgctl(["copy", "-q", "oci:app:1.0", copy]).run().ok();
    }
    env
}

/// The files below a directory: when they changed, and what is in them.
fn state(directory: &Path) -> BTreeMap<String, (i64, i64, Vec<u8>)> {
    let of = |path: std::path::PathBuf| {
        let found = path.metadata().unwrap();
        (path.display().to_string(), (found.ctime(), found.ctime_nsec(), fs::read(&path).unwrap()))
    };
    files(directory).map(of).collect()
}

#[test]
fn every_kind_of_place_is_served_as_it_is() {
    let image = image();
    let copies = ["oci-archive:layout.tar:v1", "docker-archive:images.tar:busybox:2", "dir:flat", "store:q.io/kept:3"];
    let env = home(&image, &copies);
    env.tool("gzip", ["-k", "layout.tar"]).run().ok();
    let before = state(&env.path(""));
    let server = Serve::start(
        &env,
        &["oci:app", "docker-archive:images.tar", "oci-archive:layout.tar", "layout.tar.gz", "dir:flat", "store:"],
    );
    for (repository, tag) in [
        ("app", "1.0"),
        ("docker.io/library/busybox", "2"),
        ("busybox", "2"),
        ("layout", "v1"),
        ("flat", "latest"),
        ("q.io/kept", "3"),
    ] {
        assert_served(&server, repository, tag, &image);
    }
    let catalog = ask(&server, "_catalog").expect(200).json();
    let wanted = ["app", "docker.io/library/busybox", "flat", "layout", "q.io/kept"];
    assert_eq!(catalog["repositories"], serde_json::json!(wanted));
    env.imgctl(["copy", "-q", &server.image("layout:v1"), "oci:again:1"]).run().ok();
    assert_eq!(env.imgctl(["digest", "oci:again:1"]).run().ok().stdout_text().trim(), image.digest().to_string());
    fs::remove_dir_all(env.path("again")).unwrap();
    server.stop().ok();
    assert!(state(&env.path("")) == before, "something was written");
    env.assert_no_leftovers();
}

#[test]
fn paths_alone_say_what_they_are() {
    let image = image();
    let env = home(&image, &["oci-archive:a.tar:1", "docker-archive:b.tar:q.io/b:2", "dir:d"]);
    let server = Serve::start(&env, &["app", "./a.tar", "b.tar", "d/"]);
    for (repository, tag) in [("app", "1.0"), ("a", "1"), ("q.io/b", "2"), ("d", "latest")] {
        assert_served(&server, repository, tag, &image);
    }
}

#[test]
fn old_archives_of_docker_are_served_with_the_manifest_that_is_made_for_them() {
    let env = Env::new();
    let image = ImageBuilder::new().compression(Compression::None).layer(Layer::random(3, 30_000)).build();
    let (config, layer) = (&image.blobs[&image.config()], &image.blobs[&image.layers()[0]]);
    env.write("old/config.json", config);
    env.write("old/abc/layer.tar", layer);
    let list = r#"[{"Config":"config.json","RepoTags":["old:1"],"Layers":["abc/layer.tar"]}]"#;
    env.write("old/manifest.json", list);
    env.tool("tar", ["-cf", "old.tar", "-C", "old", "."]).run().ok();
    let server = Serve::start(&env, &["old.tar"]);
    let manifest = ask(&server, "library/old/manifests/1").expect(200);
    let digest = Digest::of(&manifest.body);
    assert_eq!(manifest.header("docker-content-digest"), digest.to_string());
    assert_eq!(ask(&server, &format!("old/blobs/{}", image.layers()[0])).expect(200).body, *layer);
    assert_eq!(ask(&server, &format!("old/blobs/{}", image.config())).expect(200).body, *config);
}

#[test]
fn r07_ranges_come_out_of_the_tar() {
    let image = TestImage::of_size(5, 300_000);
    let env = home(&image, &["docker-archive:app.tar:app:1"]);
    let server = Serve::start(&env, &["app.tar"]);
    let layer = &image.layers()[0];
    let whole = &image.blobs[layer];
    let url = format!("{}/v2/app/blobs/{layer}", server.url());
    let size = whole.len();
    for (range, from, to) in [("100-299", 100, 300), ("299000-", 299_000, size), ("-17", size - 17, size)] {
        let part = request("GET", &url).header("Range", &format!("bytes={range}")).send().expect(206);
        assert!(part.body == whole[from..to], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
    }
    let head = request("HEAD", &url).send().expect(200);
    assert_eq!(head.header("content-length"), size.to_string());
}

#[test]
fn one_image_of_a_place_can_be_served_alone() {
    let (image, other) = (image(), TestImage::small());
    let env = home(&image, &["store:q.io/a:1"]);
    other.write_layout(&env.path("other"), "2.0");
    env.imgctl(["copy", "-q", "oci:other:2.0", "oci:app:2.0"]).run().ok();
    env.imgctl(["copy", "-q", "oci:other:2.0", "store:q.io/a:2"]).run().ok();
    let server = Serve::start(&env, &["oci:app:2.0", "store:q.io/a:1"]);
    assert_eq!((tags(&server, "app"), tags(&server, "q.io/a")), (vec!["2.0".to_owned()], vec!["1".to_owned()]));
    assert_served(&server, "app", "2.0", &other);
    assert_served(&server, "q.io/a", "1", &image);
    ask(&server, &format!("app/manifests/{}", image.digest())).expect(404);
    ask(&server, &format!("app/blobs/{}", image.children[0].config())).expect(404);
}

#[test]
fn images_without_a_name_are_latest_or_known_by_their_digests() {
    let (one, two) = (TestImage::of_size(1, 100), TestImage::of_size(2, 100));
    let env = Env::new();
    for (image, name) in [(&one, "one"), (&two, "two")] {
        image.write_layout(&env.path(name), "x");
        env.imgctl(["copy", "-q", &format!("oci:{name}:x"), &format!("dir:{name}-flat")]).run().ok();
    }
    for name in ["one", "two"] {
        env.imgctl(["copy", "-q", &format!("dir:{name}-flat"), "oci:several"]).run().ok();
    }
    let server = Serve::start(&env, &["one-flat", "several"]);
    assert_served(&server, "one-flat", "latest", &one);
    assert_eq!(tags(&server, "several"), Vec::<String>::new());
    assert_served(&server, "several", &one.digest().to_string(), &one);
    assert_served(&server, "several", &two.digest().to_string(), &two);
}

#[test]
fn what_describes_an_image_is_served_beside_it() {
    let image = TestImage::small();
    let signature = ImageBuilder::new().artifact_type("example/signature").blob("text/plain", "signed").subject(&image);
    let signature = signature.annotation("by", "ada").build();
    let env = home(&image, &[]);
    signature.write_layout(&env.path("signature"), "x");
    env.imgctl(["copy", "-q", "oci:signature:x", "dir:flat"]).run().ok();
    env.imgctl(["copy", "-q", "dir:flat", "oci:app"]).run().ok();
    let server = Serve::start(&env, &["oci:app"]);
    let referrers = ask(&server, &format!("app/referrers/{}", image.digest())).expect(200).json();
    let found = &referrers["manifests"][0];
    assert_eq!(found["digest"], signature.digest().to_string());
    assert_eq!((&found["artifactType"], &found["annotations"]["by"]), (&"example/signature".into(), &"ada".into()));
    assert_served(&server, "app", &signature.digest().to_string(), &signature);
    assert_eq!(tags(&server, "app"), ["1.0"]);
}

#[test]
fn nothing_can_be_pushed_or_deleted() {
    let image = image();
    let env = home(&image, &[]);
    let server = Serve::start(&env, &["app"]);
    let url = |path: &str| format!("{}/v2/app/{path}", server.url());
    for (method, path) in [
        ("POST", "blobs/uploads/".to_owned()),
        ("PUT", "manifests/2.0".to_owned()),
        ("DELETE", "manifests/1.0".to_owned()),
        ("DELETE", format!("blobs/{}", image.children[0].config())),
    ] {
        let answer = request(method, &url(&path)).body(&image.manifest[..]).send();
        assert!(matches!(answer.status, 403 | 405), "{method} {path}: {}", answer.status);
    }
    assert_eq!(tags(&server, "app"), ["1.0"]);
}

#[test]
fn a_place_that_nobody_may_write_to_is_served() {
    let image = image();
    let env = home(&image, &["docker-archive:app.tar:app:1"]);
    fs::create_dir(env.path("all")).unwrap();
    fs::rename(env.path("app"), env.path("all/layout")).unwrap();
    fs::rename(env.path("app.tar"), env.path("all/app.tar")).unwrap();
    let modes = |mode: u32| {
        let mut all: Vec<_> = files(&env.path("all")).filter_map(|file| Some(file.parent()?.to_owned())).collect();
        all.push(env.path("all"));
        all.iter().for_each(|directory| fs::set_permissions(directory, fs::Permissions::from_mode(mode)).unwrap());
    };
    modes(0o555);
    let run = env.imgctl_without_privileges(["serve", "--listen", "127.0.0.1:0", "all/layout", "all/app.tar"]);
    let server = Serve::run(run);
    assert_served(&server, "layout", "1.0", &image);
    assert_served(&server, "app", "1", &image);
    server.stop().ok();
    modes(0o755);
}

/// Asks until the answer is what it should become.
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_changes_on_disk_is_noticed() {
    let (one, two) = (TestImage::of_size(1, 5000), TestImage::of_size(2, 5000));
    let env = home(&one, &["docker-archive:box.tar:box:1"]);
    two.write_layout(&env.path("two"), "x");
    let server = Serve::start(&env, &["app", "box.tar"]);
    assert_eq!(tags(&server, "app"), ["1.0"]);
    assert_served(&server, "box", "1", &one);
    env.imgctl(["copy", "-q", "oci:two:x", "oci:app:2.0"]).run().ok();
    assert_eq!(tags(&server, "app"), ["1.0", "2.0"]);
    assert_served(&server, "app", "2.0", &two);
    env.imgctl(["copy", "-q", "oci:two:x", "docker-archive:box.tar:box:1"]).run().ok();
    assert_served(&server, "box", "1", &two);
    // What cannot be read is told, and what was there before stays.
    fs::write(env.path("app/index.json"), "{").unwrap();
    assert_eq!(tags(&server, "app"), ["1.0", "2.0"]);
    wait_for("a warning", || server.stderr().contains("warning: oci:app: it changed and cannot be read"));
}

#[test]
fn r04_nothing_is_given_out_whole_under_a_digest_that_it_does_not_have() {
    let image = TestImage::of_size(7, 200_000);
    let env = home(&image, &["oci-archive:app.tar:1"]);
    let layer = image.layers()[0];
    let mut archive = fs::read(env.path("app.tar")).unwrap();
    let blob = &image.blobs[&layer];
    let at = archive.windows(64).position(|window| window == &blob[..64]).unwrap();
    archive[at + 150_000] ^= 1;
    fs::write(env.path("app.tar"), archive).unwrap();
    let server = Serve::start(&env, &["app.tar"]);
    let url = format!("{}/v2/app/blobs/{layer}", server.url());
    for range in [None, Some("bytes=0-9")] {
        let get = request("GET", &url);
        let answer = if let Some(range) = range { get.header("Range", range) } else { get }.try_send();
        // Whoever asks after it was found to be wrong is told that it is not there.
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 400 || answer.cut), "{range:?}");
    }
    assert_served(&server, "app", &format!("{}", image.digest()), &TestImage { blobs: BTreeMap::new(), ..image });
}

#[test]
fn t104_places_that_lead_out_are_refused() {
    let image = TestImage::small();
    let env = home(&image, &[]);
    let secret = env.write("secret", "S3CR3T");
    let layer = image.layers()[0];
    let blob = env.path("app/blobs/sha256").join(layer.hex());
    fs::remove_file(&blob).unwrap();
    symlink(&secret, &blob).unwrap();
    env.tool("tar", ["-cf", "app.tar", "-C", "app", "."]).run().ok();
    let server = Serve::start(&env, &["app", "app.tar"]);
    let answer = ask(&server, &format!("app/blobs/{layer}"));
    assert!(answer.status >= 400 && !answer.text().contains("S3CR3T"), "{}", answer.text());
    server.stop().ok();

    fs::rename(env.path("app/index.json"), env.path("index.json")).unwrap();
    symlink(env.path("index.json"), env.path("app/index.json")).unwrap();
    env.imgctl(["serve", "--listen", "127.0.0.1:0", "app"]).run().fails(6);
}

#[test]
fn what_cannot_be_served_is_told() {
    let env = home(&TestImage::small(), &[]);
    env.write("text", "no archive at all, however long it is. ".repeat(100));
    fs::create_dir(env.path("empty")).unwrap();
    for (location, code, says) in [
        ("missing.tar", 4, "missing.tar does not exist"),
        ("busybox", 4, "hint: an image of the local store is written store:NAME"),
        ("docker://busybox", 2, "is in a registry"),
        ("text", 5, "no tar"),
        ("empty", 4, "holds no images"),
        ("oci:app:9", 4, "no image called"),
        ("store:busybox", 4, ""),
    ] {
        let outcome = env.imgctl(["serve", "--listen", "127.0.0.1:0", location]).run().fails(code).says(says);
        assert_eq!(outcome.stdout_text(), "", "{location}");
    }
}

#[test]
fn of_two_images_with_the_same_name_the_first_is_served() {
    let (one, two) = (TestImage::of_size(1, 100), TestImage::of_size(2, 100));
    let env = home(&one, &[]);
    two.write_layout(&env.path("elsewhere/app"), "1.0");
    let mut server = Serve::start(&env, &["app", "elsewhere/app"]);
    server.wait_for_stderr("warning: several locations have app:1.0: the first is served");
    assert_served(&server, "app", "1.0", &one);
    assert_served(&server, "app", &two.digest().to_string(), &two);
}
