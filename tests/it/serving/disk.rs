//! The disk behind a server: full, read-only, damaged, locked by others.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use imgctl::oci::Digest;
use rustix::process::Signal;

use super::client::{Client, until};
use crate::support::env::{Env, files};
use crate::support::image::TestImage;
use crate::support::layer::random;
use crate::support::serve::Serve;

/// A server whose store is a file system of its own; and where we see that.
fn on_a_small_disk(env: &Env, size: &str) -> (Serve, PathBuf) {
    let store = env.store();
    fs::create_dir_all(&store).unwrap();
    let line = format!(
        "mount -t tmpfs -o size={size} none {} && exec {} serve --listen 127.0.0.1:0 --allow-delete",
        store.display(),
        env!("CARGO_BIN_EXE_imgctl")
    );
    let server = Serve::run(env.tool("unshare", ["--map-root-user", "--mount", "sh", "-c", &line]));
    let seen = PathBuf::from(format!("/proc/{}/root{}", server.pid(), store.display()));
    (server, seen)
}

/// Pushes an image; the first answer that was no success.
fn push(client: &Client, repository: &str, tag: &str, image: &TestImage) -> Option<(u16, String)> {
    let code = |answer: crate::support::http::Response| {
        let code = answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned();
        Some((answer.status, code))
    };
    for blob in image.blobs.values() {
        let post = client.request("POST", &format!("/v2/{repository}/blobs/uploads/")).send();
        if post.status != 202 {
            return code(post);
        }
        let answer = client.finish(post.header("location"), Digest::of(blob), blob);
        if answer.status != 201 {
            return code(answer);
        }
    }
    let answer = client.put_manifest(repository, tag, image);
    if answer.status == 201 { None } else { code(answer) }
}

#[test]
fn r15_s10_a_full_disk_is_told_and_costs_nothing_that_was_there() {
    let env = Env::new();
    let (server, disk) = on_a_small_disk(&env, "1M");
    let client = Client::of(&server);
    let old = TestImage::of_size(1, 20_000);
    client.push("old", "1", &old);
    let ballast = disk.join("ballast");
    let mut outcomes = Vec::new();
    // From no room at all to enough, in steps of a page or more.
    for (seed, free) in [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 60, 100, 150, 250].into_iter().enumerate() {
        let image = TestImage::of_size(100 + seed as u64, 40_000);
        let mut room = rustix::fs::statvfs(&disk).unwrap();
        room.f_bavail = room.f_bavail.saturating_sub(free * 1024 / room.f_frsize);
        fs::write(&ballast, vec![1; usize::try_from(room.f_bavail * room.f_frsize).unwrap()]).unwrap();
        let refused = push(&client, "new", &format!("t{seed}"), &image);
        if let Some((status, code)) = &refused {
            assert!([507, 500].contains(status) && !code.is_empty(), "{free} KiB: {status} {code}");
            client.get(&format!("/v2/new/manifests/t{seed}")).expect(404);
        } else {
            client.assert_whole("new", &format!("t{seed}"), &image);
        }
        client.assert_whole("old", "1", &old);
        outcomes.push(refused.map(|(status, _)| status));
        fs::remove_file(&ballast).unwrap();
        // With room it works at once, and nobody has to start the server again.
        client.push("new", "again", &TestImage::small());
        client.assert_whole("new", "again", &TestImage::small());
        for path in files(&disk.join("uploads")) {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(outcomes.first().unwrap().is_some() && outcomes.last().unwrap().is_none(), "{outcomes:?}");
    assert!(outcomes.contains(&Some(507)), "{outcomes:?}");
    // Everything that stands under a digest has it.
    for path in files(&disk.join("blobs")) {
        let digest = Digest::of(&fs::read(&path).unwrap());
        assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn r15_an_upload_goes_on_when_there_is_room_again() {
    let env = Env::new();
    let (server, disk) = on_a_small_disk(&env, "1M");
    let client = Client::of(&server);
    let content = random(1, 600_000);
    let upload = client.start("a");
    fs::write(disk.join("ballast"), vec![1; 700_000]).unwrap();
    let full = client.append(&upload, &content).expect(507);
    assert!(full.text().contains("the disk is full"), "{}", full.text());
    let offset = client.offset(&upload).unwrap();
    assert!(offset < content.len());
    client.finish(&upload, Digest::of(&content), &content[offset..]).expect(507);
    fs::remove_file(disk.join("ballast")).unwrap();
    let offset = client.offset(&upload).unwrap();
    client.chunk(&upload, offset, &content[offset..]).expect(202);
    client.finish(&upload, Digest::of(&content), b"").expect(201);
    assert_eq!(client.get(&format!("/v2/a/blobs/{}", Digest::of(&content))).expect(200).body, content);
}

fn set_writable(directory: &Path, is_writable: bool) {
    let mode = |is_directory| match (is_directory, is_writable) {
        (true, true) => 0o755,
        (true, false) => 0o555,
        (false, true) => 0o644,
        (false, false) => 0o444,
    };
    for path in files(directory) {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode(false))).unwrap();
        let mut parent = path.parent();
        while let Some(above) = parent.filter(|above| above.starts_with(directory)) {
            fs::set_permissions(above, fs::Permissions::from_mode(mode(true))).unwrap();
            parent = above.parent();
        }
    }
}

#[test]
fn r15_s11_a_read_only_store_is_read() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let image = TestImage::index(vec![TestImage::of_size(1, 20_000)]);
    Client::of(&server).push("a", "1", &image);
    drop(server);
    set_writable(&env.store(), false);
    let before = files(&env.store()).count();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--allow-delete"];
    let server = Serve::run(env.imgctl_without_privileges(serve));
    let client = Client::of(&server);
    client.assert_whole("a", "1", &image);
    assert_eq!(client.tags("a"), ["1"]);
    assert_eq!(client.blob_status("a", &image.children[0].config()), 200);
    client.get("/v2/_catalog").expect(200);
    let digest = image.digest();
    let writes = [
        client.request("POST", "/v2/a/blobs/uploads/").send(),
        client.request("POST", &format!("/v2/a/blobs/uploads/?digest={}", Digest::of(b"x"))).body("x").send(),
        client.request("POST", &format!("/v2/b/blobs/uploads/?mount={}&from=a", image.children[0].config())).send(),
        client.put_manifest("a", "2", &image),
        client.request("DELETE", "/v2/a/manifests/1").send(),
        client.request("DELETE", &format!("/v2/a/manifests/{digest}")).send(),
    ];
    for answer in writes {
        assert!([500, 405].contains(&answer.status), "{}: {}", answer.status, answer.text());
        assert!(answer.json()["errors"][0]["code"].is_string(), "{}", answer.text());
    }
    client.assert_whole("a", "1", &image);
    drop(server);
    assert_eq!(files(&env.store()).count(), before);
    // One blob that may not be read is one answer that says so.
    set_writable(&env.store(), true);
    let hidden = env.store().join("blobs/sha256").join(image.children[0].layers()[0].hex());
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o000)).unwrap();
    let server = Serve::run(env.imgctl_without_privileges(serve));
    let client = Client::of(&server);
    let answer = client.get(&format!("/v2/a/blobs/{}", image.children[0].layers()[0])).expect(500);
    assert_eq!(answer.json()["errors"][0]["code"], "UNKNOWN");
    client.get("/v2/a/manifests/1").expect(200);
}

#[test]
fn s05_what_is_damaged_is_never_given_out_whole_and_can_be_pushed_again() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let image = TestImage::of_size(1, 700_000);
    client.push("a", "1", &image);
    let layer = image.layers()[0];
    let content = image.blobs[&layer].to_vec();
    let file = |digest: &Digest| env.store().join("blobs/sha256").join(digest.hex());
    let path = format!("/v2/a/blobs/{layer}");
    let flipped = |at: usize| {
        let mut wrong = content.clone();
        wrong[at] ^= 1;
        wrong
    };
    let damages =
        [flipped(0), flipped(content.len() - 1), content[..400_000].to_vec(), Vec::new(), [&*content, b"x"].concat()];
    for (number, damage) in damages.iter().enumerate() {
        client.assert_whole("a", "1", &image);
        fs::write(file(&layer), damage).unwrap();
        // A part first, or all of it first.
        if number % 2 == 0 {
            let part = client.request("GET", &path).header("Range", "bytes=0-99").send();
            assert!(part.status >= 400, "{number}: {}", part.status);
        } else {
            let all = client.get(&path);
            assert!(all.status == 404 || (all.cut && all.body.len() < damage.len()), "{number}: {}", all.status);
        }
        // Then it is not there, and whoever pushes is told so.
        assert_eq!(client.blob_status("a", &layer), 404, "{number}");
        client.get(&path).expect(404);
        let mount = client.request("POST", &format!("/v2/b/blobs/uploads/?mount={layer}&from=a")).send();
        assert_eq!(mount.status, 202, "{number}");
        client.push_blob("a", &content);
        client.assert_whole("a", "1", &image);
    }
    // Other commands say what is wrong.
    fs::write(file(&layer), flipped(7)).unwrap();
    let copy = ["copy", "-q", "--retries", "0", &server.image("a:1"), "oci:out:1"];
    assert_ne!(env.imgctl(copy).cwd(env.path("")).run().code, Some(0));
    env.imgctl(["save", "-q", "-o", "out.tar", "localhost/a:1"]).cwd(env.path("")).run().fails(5);
    client.push_blob("a", &content);
    // So it is with manifests.
    for damage in [&b""[..], b"{}", &image.manifest[1..]] {
        fs::write(file(&image.digest()), damage).unwrap();
        for reference in ["1".to_owned(), image.digest().to_string()] {
            for method in ["GET", "HEAD"] {
                client.request(method, &format!("/v2/a/manifests/{reference}")).send().expect(404);
            }
        }
        client.put_manifest("a", "1", &image).expect(201);
        client.assert_whole("a", "1", &image);
    }
}

#[test]
fn s09_who_holds_a_lock_holds_up_writers_alone_until_he_dies() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let client = Client::of(&server);
    let image = TestImage::small();
    client.push("a", "1", &image);
    for name in ["oci-layout", "lock"] {
        let path = env.store().join(name);
        let holder = env.tool("flock", ["--close", path.to_str().unwrap(), "sleep", "60"]).spawn();
        let is_held = || {
            let try_it = ["--nonblock", path.to_str().unwrap(), "true"];
            env.tool("flock", try_it).run().code == Some(1)
        };
        until("the lock is held", is_held);
        holder.signal(Signal::STOP);
        let writing = std::thread::spawn({
            let (client, image, name) = (client.clone(), image.clone(), name.to_owned());
            move || client.put_manifest("a", name, &image).status
        });
        for _ in 0..20 {
            client.assert_whole("a", "1", &image);
            assert_eq!(client.blob_status("a", &image.config()), 200);
        }
        assert!(!writing.is_finished(), "{name}");
        assert_eq!(client.get(&format!("/v2/a/manifests/{name}")).status, 404);
        holder.signal(Signal::KILL);
        assert_eq!(writing.join().unwrap(), 201, "{name}");
    }
    assert_eq!(client.tags("a"), ["1", "lock", "oci-layout"]);
}

#[test]
fn s03_what_a_name_needs_is_there_before_the_name() {
    let env = Env::new();
    let trace = env.path("trace");
    let calls = "trace=write,rename,renameat,renameat2,openat";
    let strace = ["-D", "-f", "-qq", "-y", "-s", "4096", "-e", calls, "-o", trace.to_str().unwrap()];
    let ours = [env!("CARGO_BIN_EXE_imgctl"), "serve", "--listen", "127.0.0.1:0"];
    let server = Serve::run(env.tool("strace", strace.iter().chain(&ours)));
    let image = TestImage::small();
    Client::of(&server).push("a", "1", &image);
    server.signal(Signal::KILL);
    until("the end of the trace", || fs::read_to_string(&trace).is_ok_and(|text| text.contains("+++")));
    let text = fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        lines.iter().position(|line| is_it(line)).unwrap_or_else(|| panic!("{what} is missing"))
    };
    let renamed_to = |end: String| move |line: &str| line.contains("rename") && line.contains(&format!("{end}\""));
    let manifest = at("the manifest", &renamed_to(format!("/blobs/sha256/{}", image.digest().hex())));
    let link = at("its link", &renamed_to(format!("/_manifests/sha256/{}", image.digest().hex())));
    let index = lines.iter().rposition(|line| line.contains("rename") && line.contains("/index.json\"")).unwrap();
    for digest in image.blobs.keys() {
        let hex = digest.hex();
        let linked = at("the link of a blob", &|line| {
            line.contains("O_CREAT") && line.contains(&format!("/_blobs/sha256/{hex}\""))
        });
        let placed = at("a blob", &renamed_to(format!("/blobs/sha256/{hex}")));
        let upload = lines[placed].split('"').nth(1).unwrap();
        let written = lines.iter().rposition(|line| line.contains("write(") && line.contains(&format!("<{upload}>")));
        assert!(written.unwrap() < linked && linked < placed && placed < manifest, "{hex}");
    }
    assert!(manifest < link && link < index, "{manifest} {link} {index}");
}
