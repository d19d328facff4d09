//! Files that results are written to: links, other people's links, places without permission, and interruption.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::reply::Cut;

/// A home with an image called `app:1` in its store.
fn filled() -> Env {
    let env = Env::new();
    TestImage::of_size(1, 300_000).write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "-q", "oci:given:x", "store:app:1"]).run().ok();
    env
}

fn set_mode(env: &Env, path: &str, mode: u32) {
    fs::set_permissions(env.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn s18_an_interrupted_save_leaves_the_old_file_as_it_was() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    registry.put_image("a", "1", &TestImage::of_size(3, 3_000_000));
    let proxy = FaultProxy::start(registry.host(), vec![Rule::on("GET", "/blobs/", Weather::Stall(1_000_000))]);
    let old = env.write("out.tar", "old");
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&old).unwrap());
    let before = inode();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        for kind in ["docker-archive", "oci-archive"] {
            let sent = proxy.sent();
            let args = ["save", "--pull", "always", "--archive", kind, "-o", "out.tar", &proxy.reference("a:1")];
            let mut running = env.imgctl(args).spawn();
            running.wait_until("bytes of the layer", |_| proxy.sent() > sent + 500_000);
            running.signal(signal);
            running.wait().fails(code).within(20.0);
            assert_eq!((fs::read_to_string(&old).unwrap(), inode()), ("old".to_owned(), before), "{kind}");
            env.assert_no_leftovers();
        }
    }
    // Killed without a word: what was in hand stays beside it under a name of its own, and does no harm.
    let sent = proxy.sent();
    let mut running = env.imgctl(["save", "--pull", "always", "-o", "out.tar", &proxy.reference("a:1")]).spawn();
    running.wait_until("bytes of the layer", |_| proxy.sent() > sent + 500_000);
    running.signal(Signal::KILL);
    assert_eq!(running.wait().signal, Some(9));
    assert_eq!((fs::read_to_string(&old).unwrap(), inode()), ("old".to_owned(), before));
    env.imgctl(["save", "-q", "--pull", "always", "-o", "out.tar", &registry.reference("a:1")]).run().ok();
    env.imgctl(["load", "-q", "-i", "out.tar"]).run().ok();
}

#[test]
fn s18_a_save_that_fails_leaves_the_old_file_as_it_was() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    registry.put_image("a", "1", &TestImage::of_size(3, 3_000_000));
    let proxy =
        FaultProxy::start(registry.host(), vec![Rule::on("GET", "/blobs/", Weather::CutResponse(0, Cut::Reset))]);
    let old = env.write("out.tar", "old");
    let args = ["save", "--retries", "0", "--pull", "always", "-o", "out.tar", &proxy.reference("a:1")];
    env.imgctl(args).run().fails(7);
    assert_eq!(fs::read_to_string(old).unwrap(), "old");
    env.assert_no_leftovers();
}

#[test]
fn s18_a_full_disk_leaves_the_old_file_as_it_was() {
    let env = filled();
    // A file system of 200 kB, in a mount namespace of its own.
    fs::create_dir(env.path("small")).unwrap();
    let line = format!(
        "mount -t tmpfs -o size=200k none small && echo old > small/out.tar && {} save -q -o small/out.tar app:1; \
         code=$?; cat small/out.tar; ls -A small; exit $code",
        env!("CARGO_BIN_EXE_imgctl")
    );
    let outcome =
        env.tool("unshare", ["--map-root-user", "--mount", "sh", "-c", &line]).run().fails(8).says("No space");
    assert_eq!(outcome.stdout_text(), "old\nout.tar\n");
}

#[test]
fn s18_s19_what_is_written_is_the_owners_alone_and_replaces_what_was_there() {
    let env = filled();
    for name in ["new.tar", "old.tar"] {
        fs::write(env.path("old.tar"), "old").unwrap();
        env.imgctl(["save", "-q", "-o", name, "app:1"]).run().ok();
        assert_eq!(fs::metadata(env.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::read(env.path("new.tar")).unwrap(), fs::read(env.path("old.tar")).unwrap());
}

#[test]
fn s19_links_lead_to_their_file_or_nowhere() {
    let env = filled();
    fs::create_dir(env.path("real")).unwrap();
    symlink("real", env.path("link")).unwrap();
    env.imgctl(["save", "-q", "-o", "link/out.tar", "app:1"]).run().ok();
    assert!(env.path("real/out.tar").is_file(), "a directory may be a link");
    symlink("nowhere", env.path("dangling")).unwrap();
    env.imgctl(["save", "-o", "dangling", "app:1"]).run().fails(8).says("dangling");
    symlink("circle", env.path("circle")).unwrap();
    env.imgctl(["save", "-o", "circle", "app:1"]).run().fails(8).says("circle");
    for path in ["nowhere", "real/.", "."] {
        assert!(!env.path(path).is_file());
    }
    env.imgctl(["save", "-o", "real/", "app:1"]).run().fails(8);
    env.imgctl(["save", "-o", "real", "app:1"]).run().fails(8).says("directory");
    env.imgctl(["save", "-o", "real/out.tar/x", "app:1"]).run().fails(8);
    env.assert_no_leftovers();
}

#[test]
fn s19_a_link_that_another_user_planted_is_refused() {
    assert!(rustix::process::geteuid().is_root(), "only root can make another user's link: run the tests as root");
    let env = filled();
    let victim = env.write("victim", "precious");
    fs::create_dir(env.path("shared")).unwrap();
    set_mode(&env, "shared", 0o1777);
    symlink(&victim, env.path("shared/out.tar")).unwrap();
    std::os::unix::fs::lchown(env.path("shared/out.tar"), Some(65534), Some(65534)).unwrap();
    env.imgctl(["save", "-o", "shared/out.tar", "app:1"]).run().fails(6).says("another user");
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    env.assert_no_leftovers();
}

#[test]
fn s19_without_permission_nothing_is_written() {
    let env = filled();
    fs::create_dir(env.path("locked")).unwrap();
    env.write("locked/old.tar", "old");
    set_mode(&env, "locked", 0o555);
    for args in [
        ["save", "-q", "-o", "locked/old.tar", "app:1"],
        ["save", "-q", "-o", "locked/new.tar", "app:1"],
        ["copy", "-q", "store:app:1", "oci:locked/layout", "--jobs=1"],
        ["copy", "-q", "store:app:1", "dir:locked/flat", "--jobs=1"],
        ["pull", "-q", "--store", "locked/store", "127.0.0.1:1/never:asked"],
    ] {
        let outcome = env.imgctl_without_privileges(args).run();
        let code = if args[0] == "pull" { 7 } else { 8 };
        let outcome = outcome.fails(code);
        assert!(code == 7 || outcome.stderr.contains("locked"), "{}", outcome.told());
    }
    let left: Vec<_> = fs::read_dir(env.path("locked")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["old.tar"]);
    assert_eq!(fs::read_to_string(env.path("locked/old.tar")).unwrap(), "old");
    // A file that may be written though its directory may not cannot be replaced in one step, so it is not.
    set_mode(&env, "locked", 0o755);
}

#[test]
fn s19_a_store_that_may_only_be_read_is_read() {
    let env = filled();
    let find = ["-exec", "chmod", "a-w", "{}", "+"];
    env.tool("find", [env.store().to_str().unwrap()].into_iter().chain(find)).run().ok();
    let run = |args: &[&str]| env.imgctl_without_privileges(args).run();
    assert_eq!(run(&["images", "--format", "{{.Repository}}"]).ok().stdout_text(), "app\n");
    run(&["copy", "-q", "store:app:1", "oci:out:x"]).ok();
    run(&["save", "-q", "-o", "out.tar", "app:1"]).ok();
    for args in [&["tag", "app:1", "b:1"][..], &["rmi", "app:1"], &["load", "-i", "out.tar"]] {
        let store = env.store().display().to_string();
        run(args).fails(8).says(&store);
    }
    let find = ["-type", "d", "-exec", "chmod", "u+w", "{}", "+"];
    env.tool("find", [env.store().to_str().unwrap()].into_iter().chain(find)).run().ok();
    assert_eq!(run(&["images", "--format", "{{.Repository}}"]).ok().stdout_text(), "app\n");
}

#[test]
fn s19_a_pipe_that_nobody_reads_can_be_interrupted() {
    let env = filled();
    env.tool("mkfifo", ["pipe"]).run().ok();
    let running = env.imgctl(["save", "-q", "-o", "pipe", "app:1"]).spawn();
    std::thread::sleep(Duration::from_millis(100));
    running.signal(Signal::INT);
    running.wait().fails(130).within(3.0);
}
