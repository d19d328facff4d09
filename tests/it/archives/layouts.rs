//! Layouts whose files are not what they should be.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::archives::assert_no_staging;
use crate::support::env::{Env, tool};
use crate::support::image::TestImage;

const LAYER: usize = 100_000;

/// `/dev/zero` under another name; root alone can make one, for others it is a FIFO again.
fn endless_device(path: &Path) {
    let is_root = rustix::process::geteuid().is_root();
    let kind: &[&str] = if is_root { &["c", "1", "5"] } else { &["p"] };
    tool("mknod", [path.to_str().unwrap()].iter().chain(kind));
}

/// What stands in the place of a file, and what exit code that gives.
type Spoil = (&'static str, fn(&Path), i32);

const SPOILT: [Spoil; 9] = [
    ("a link to a file of the machine", |path| symlink("/etc/passwd", path).unwrap(), 6),
    ("a link to an endless device", |path| symlink("/dev/zero", path).unwrap(), 6),
    ("a link to nowhere", |path| symlink("nowhere", path).unwrap(), 6),
    ("a FIFO", |path| _ = tool("mkfifo", [path]), 6),
    ("a directory", |path| fs::create_dir(path).unwrap(), 6),
    ("an endless device", endless_device, 6),
    ("an empty file", |path| fs::write(path, "").unwrap(), 5),
    ("another content", |path| fs::write(path, vec![b'x'; LAYER]).unwrap(), 5),
    (
        "an unreadable file",
        |path| {
            fs::write(path, vec![b'x'; LAYER]).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        },
        8,
    ),
];

/// Copies a layout of which one file was replaced by all that a file should not be.
fn spoil(which: impl Fn(&TestImage) -> String) {
    let env = Env::new();
    let image = TestImage::of_size(3, LAYER);
    for (number, (what, spoil, code)) in SPOILT.into_iter().enumerate() {
        let given = format!("given-{number}");
        image.write_layout(&env.path(&given), "x");
        let file = env.path(&given).join(which(&image));
        fs::remove_file(&file).unwrap();
        spoil(&file);
        for to in [format!("oci:out-{number}:y"), format!("docker-archive:out-{number}.tar"), "store:app:1".to_owned()]
        {
            let outcome = env.imgctl_without_privileges(["copy", "-q", &format!("oci:{given}:x"), &to]).run();
            outcome.clone().within(10.0);
            assert_eq!(outcome.code, Some(code), "{what} for {}: {}", which(&image), outcome.told());
            assert_eq!(outcome.stdout_text(), "");
        }
        assert!(!env.path(format!("out-{number}.tar")).exists(), "{what}");
        let tags = env.imgctl(["tags", &format!("oci:out-{number}")]).run();
        assert_eq!(tags.stdout_text(), "", "{what}");
        assert_no_staging(&env.path(format!("out-{number}")), what);
    }
    assert_eq!(env.imgctl(["images", "-q", "--all"]).run().ok().stdout_text(), "");
    env.assert_no_leftovers();
}

fn blob(digest: &imgctl::oci::Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

#[test]
fn t110_a_layer_that_is_no_file_is_refused() {
    spoil(|image| blob(&image.layers()[0]));
}

#[test]
fn t110_a_config_that_is_no_file_is_refused() {
    spoil(|image| blob(&image.config()));
}

#[test]
fn t110_a_manifest_that_is_no_file_is_refused() {
    spoil(|image| blob(&image.digest()));
}

#[test]
fn t110_an_index_that_is_no_file_is_refused() {
    spoil(|_| "index.json".to_owned());
}

#[test]
fn t110_a_marker_that_is_no_file_is_refused() {
    spoil(|_| "oci-layout".to_owned());
}

#[test]
fn t110_a_blob_swapped_during_the_copy_is_refused_or_whole() {
    let env = Env::new();
    let image = TestImage::of_size(3, LAYER);
    image.write_layout(&env.path("given"), "x");
    let file = env.path("given").join(blob(&image.layers()[0]));
    let (good, bad) = (env.path("good"), env.path("bad"));
    fs::copy(&file, &good).unwrap();
    fs::write(&bad, vec![b'x'; fs::metadata(&file).unwrap().len() as usize]).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for content in [&bad, &good] {
                    let beside = env.path("beside");
                    fs::hard_link(content, &beside).unwrap();
                    fs::rename(&beside, &file).unwrap();
                    let _ = fs::remove_file(&beside);
                }
                let _ = fs::remove_file(&file);
                symlink("/etc/passwd", &file).unwrap();
            }
        });
        for round in 0..30 {
            let to = format!("oci:out-{round}:y");
            let outcome = env.imgctl(["copy", "-q", "oci:given:x", &to]).run();
            assert!(matches!(outcome.code, Some(0 | 4 | 5 | 6)), "{}", outcome.told());
            if outcome.code == Some(0) {
                let copied = fs::read(env.path(format!("out-{round}")).join(blob(&image.layers()[0]))).unwrap();
                assert_eq!(copied, image.blobs[&image.layers()[0]]);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
