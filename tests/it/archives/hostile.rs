//! Archives that mean harm: refused as what they are, nothing tagged, and no file opened that an honest one would not
//! open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::archives::tar::{Member, archive};
use crate::archives::{assert_nothing_loaded, blob_name, image, layout, legacy};
use crate::support::env::Env;
use crate::support::http;

/// A file outside that no archive may lead to. Inside an archive, absolute names count from its top, where it is not.
const SECRET: &str = "/etc/hostname";

/// An archive and the exit code that it deserves.
type Case = (String, Vec<u8>, i32);

fn case(name: &str, bytes: Vec<u8>, code: i32) -> Case {
    (name.to_owned(), bytes, code)
}

/// An old docker archive after `change` had its way with members and list.
fn docker(name: &str, code: i32, change: impl FnOnce(&mut Vec<Member>, &mut Value)) -> Case {
    let (mut members, mut list) = legacy(&image(), "evil:1");
    change(&mut members, &mut list);
    members.push(Member::file("manifest.json", list.to_string()));
    case(&format!("docker: {name}"), archive(&members), code)
}

/// The same with another member for the layer, and perhaps what it leads to.
fn layer(name: &str, code: i32, members: impl IntoIterator<Item = Member>) -> Case {
    docker(&format!("the layer is {name}"), code, |all, _| {
        all.pop();
        all.extend(members);
    })
}

/// A layout in an archive after `change` had its way with members and index.
fn oci(name: &str, code: i32, change: impl FnOnce(&mut Vec<Member>, &mut Value)) -> Case {
    let (mut members, mut index) = layout(&image(), "docker.io/library/evil:1");
    change(&mut members, &mut index);
    members.push(Member::file("index.json", index.to_string()));
    case(&format!("oci: {name}"), archive(&members), code)
}

/// The same with another member for the layer's blob.
fn blob(name: &str, code: i32, member: impl FnOnce(&str) -> Member) -> Case {
    oci(&format!("a blob is {name}"), code, |all, _| {
        let wanted = blob_name(&image().layers()[0]);
        let at = all.iter().position(|member| member.name == wanted).unwrap();
        all[at] = member(&wanted);
    })
}

fn names_in_lists() -> Vec<Case> {
    let dots = "../../../../../../../../../../etc/hostname";
    let config = |name: &'static str, code| docker(name, code, move |_, list| list[0]["Config"] = json!(name));
    let layers = |name: &'static str, code| docker(name, code, move |_, list| list[0]["Layers"] = json!([name]));
    vec![
        config(dots, 6),
        config("..", 6),
        config("", 5),
        config(SECRET, 5),
        config("/proc/self/environ", 5),
        layers(dots, 6),
        layers(SECRET, 5),
        layers("/dev/zero", 5),
        layers("a/../../x", 6),
        layers("layer.tar\u{0}/x", 5),
        docker("a config of a megabyte of letters", 5, |_, list| list[0]["Config"] = json!("a".repeat(1 << 20))),
        docker("RepoTags with escapes", 5, |_, list| list[0]["RepoTags"] = json!(["evil\u{1b}[31m:1"])),
        docker("RepoTags with dots", 5, |_, list| list[0]["RepoTags"] = json!(["../../evil:1"])),
        docker("RepoTags that are numbers", 5, |_, list| list[0]["RepoTags"] = json!([1])),
        docker("no list but an object", 5, |_, list| *list = json!({ "Config": "config.json" })),
        docker("an empty list", 4, |_, list| *list = json!([])),
        docker("no layers", 5, |_, list| list[0]["Layers"] = json!([])),
        docker("a layer twice", 5, |_, list| list[0]["Layers"] = json!(["layer.tar", "layer.tar"])),
        docker("the config as layer", 5, |_, list| list[0]["Layers"] = json!(["config.json"])),
        docker("the layer as config", 5, |_, list| list[0]["Config"] = json!("layer.tar")),
    ]
}

fn members_that_lead_out() -> Vec<Case> {
    vec![
        layer("a link to a file of the machine", 5, [Member::symlink("layer.tar", SECRET)]),
        layer("a link up and out", 6, [Member::symlink("layer.tar", "../../../../../../etc/hostname")]),
        layer("a link through a directory up and out", 6, [Member::symlink("layer.tar", "a/../../x")]),
        layer("a hard link to a file of the machine", 5, [Member::hard_link("layer.tar", SECRET)]),
        layer("a hard link up and out", 6, [Member::hard_link("layer.tar", "../../etc/hostname")]),
        layer("a link to itself", 6, [Member::symlink("layer.tar", "layer.tar")]),
        layer("a link in a circle", 6, [Member::symlink("layer.tar", "b"), Member::symlink("b", "layer.tar")]),
        layer(
            "a link that a record leads out",
            5,
            [Member::pax("linkpath", SECRET), Member::symlink("layer.tar", "config.json")],
        ),
        case("a list that is a link out", archive(&[Member::symlink("manifest.json", "/etc/passwd")]), 5),
        case("a list that is a link up and out", archive(&[Member::symlink("manifest.json", "../etc/passwd")]), 6),
        docker("the config is a link out", 5, |all, _| all[0] = Member::symlink("config.json", "/proc/self/environ")),
    ]
}

fn members_that_are_no_files() -> Vec<Case> {
    let odd = |name, kind| layer(name, 6, [Member::new(kind, "layer.tar", "", b"")]);
    vec![
        odd("a character device", b'3'),
        odd("a block device", b'4'),
        odd("a directory", b'5'),
        odd("a FIFO", b'6'),
        odd("of an unknown type", b'Z'),
        layer("a sparse file", 1, [Member::new(b'S', "layer.tar", "", b"")]),
        layer("missing", 5, []),
        layer("empty", 5, [Member::file("layer.tar", "")]),
    ]
}

fn headers_that_lie() -> Vec<Case> {
    let size = |name, code, size: &[u8]| layer(name, code, [Member::with_size(b'0', ("layer.tar", ""), size, b"x")]);
    vec![
        size("of a size that ends nowhere", 5, b"77777777777\0"),
        size("of a negative size", 5, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        size("of a size of 2^62", 5, b"\x80\0\0\0\x40\0\0\0\0\0\0\0"),
        size("of a size of letters", 5, b"abcdefghijk\0"),
        layer("behind a wrong checksum", 5, [Member::file("layer.tar", "x").flipped()]),
        layer(
            "behind a record of another size",
            5,
            [Member::pax("size", "0"), Member::file("layer.tar", vec![0; 512])],
        ),
        layer("behind a record that leads out", 6, [Member::pax("path", "../../x"), Member::file("layer.tar", "x")]),
        layer(
            "behind a long name of 4 GiB",
            6,
            [Member::with_size(b'L', ("././@LongLink", ""), b"37777777777\0", b"x"), Member::file("layer.tar", "x")],
        ),
    ]
}

fn documents_that_lie() -> Vec<Case> {
    let list = |name: &str, content: Vec<u8>| {
        let (mut members, _) = legacy(&image(), "evil:1");
        members.push(Member::file("manifest.json", content));
        case(name, archive(&members), 5)
    };
    vec![
        list("a list of 64 MiB", vec![b' '; 64 << 20]),
        list("a list 200,000 levels deep", vec![b'['; 200_000]),
        list(
            "a list with a key twice",
            br#"[{"Config":"config.json","Config":"x","RepoTags":[],"Layers":["layer.tar"]}]"#.into(),
        ),
        list("a list that is no UTF-8", b"[\"\xff\"]".into()),
        docker("a config that is a list", 5, |all, _| all[0] = Member::file("config.json", "[]")),
        docker("a config with other diff ids", 5, |all, _| {
            let config = json!({ "architecture": "amd64", "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", "0".repeat(64))] } });
            all[0] = Member::file("config.json", config.to_string());
        }),
        docker("a config 200,000 levels deep", 5, |all, _| all[0] = Member::file("config.json", "[".repeat(200_000))),
    ]
}

fn layouts_that_lie() -> Vec<Case> {
    let index = |name: &str, code, field: &'static str, value: Value| {
        oci(&format!("{name} in the index"), code, move |_, index| index["manifests"][0][field] = value)
    };
    let zeros = format!("sha256:{}", "0".repeat(64));
    vec![
        blob("a link to a file of the machine", 4, |name| Member::symlink(name, SECRET)),
        blob("a link up and out", 6, |name| Member::symlink(name, "../../../../etc/hostname")),
        blob("a hard link to a file of the machine", 4, |name| Member::hard_link(name, SECRET)),
        blob("a FIFO", 6, |name| Member::new(b'6', name, "", b"")),
        blob("of another size", 5, |name| Member::file(name, "x")),
        blob("of another content", 5, |name| Member::file(name, vec![b'x'; image().blobs[&image().layers()[0]].len()])),
        blob("missing", 4, |_| Member::file("elsewhere", "x")),
        index("dots as digest", 5, "digest", json!("sha256:../../../../etc/hostname")),
        index("a digest in capitals", 5, "digest", json!(format!("sha256:{}", "A".repeat(64)))),
        index("a digest that nothing has", 4, "digest", json!(zeros)),
        index("a negative size", 5, "size", json!(-1)),
        index("a size of 2^63-1", 5, "size", json!(i64::MAX)),
        oci("the index is there as a link out too", 6, |all, _| all.push(Member::symlink("index.json", "/etc/passwd"))),
        oci("a marker of a future version", 1, |all, _| {
            all[0] = Member::file("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
        }),
        oci("a marker that is a link out", 5, |all, _| all[0] = Member::symlink("oci-layout", "/etc/passwd")),
    ]
}

/// Loads what is in `file`; returns which files outside of the store and the temporary directory were opened.
fn traced(env: &Env, file: &Path, code: Option<i32>, what: &str) -> BTreeSet<PathBuf> {
    let trace = env.path("trace");
    let strace = ["-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2", "-o", trace.to_str().unwrap()];
    let ours = [env!("CARGO_BIN_EXE_imgctl"), "load", "-i", file.to_str().unwrap()];
    let outcome = env.tool("strace", strace.iter().chain(&ours)).run();
    outcome.assert_decent(&[]);
    outcome.clone().within(20.0);
    if code.is_some() {
        assert_eq!(outcome.code, code, "{what}: {}", outcome.told());
        assert_eq!(outcome.stdout_text(), "", "{what}");
    }
    let own = [env.store(), env.path("../tmp")].map(|path| plain(&path));
    let trace = fs::read_to_string(trace).unwrap();
    trace.lines().filter_map(opened).filter(|path| !own.iter().any(|own| path.starts_with(own))).collect()
}

/// `123 openat(AT_FDCWD</dir>, "a", O_RDONLY) = 3</dir/a>`: `/dir/a`.
fn opened(line: &str) -> Option<PathBuf> {
    let (_, call) = line.split_once("open")?;
    let (before, rest) = call.split_once('"')?;
    let (path, _) = rest.split_once('"')?;
    let directory = before.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("/", |(path, _)| path);
    Some(plain(&Path::new(directory).join(path)))
}

/// The path without dots.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Loads each, and compares what is opened with what an honest archive has opened.
fn refused(cases: Vec<Case>) {
    let env = Env::new();
    let (mut members, list) = legacy(&image(), "good:1");
    members.push(Member::file("manifest.json", list.to_string()));
    let file = env.write("archive.tar", archive(&members));
    let allowed = traced(&env, &file, None, "an honest archive");
    assert!(allowed.contains(&plain(&file)), "{allowed:?}");
    env.imgctl(["rmi", "good:1"]).run().ok();
    for (name, bytes, code) in cases {
        fs::write(&file, bytes).unwrap();
        let opened = traced(&env, &file, Some(code), &name);
        // Whether the processors are counted from one file or another is not the archive's doing.
        let strange: Vec<_> = opened.difference(&allowed).filter(|path| !path.starts_with("/sys/fs/cgroup")).collect();
        assert!(strange.is_empty(), "{name}: opened {strange:?}");
        assert_nothing_loaded(&env, &name);
    }
    env.assert_no_leftovers();
}

/// Serves each: it is refused, or what is given out has the digest that it is asked for by.
#[test]
fn t104_none_of_them_is_served_as_what_it_is_not() {
    let env = Env::new();
    let (image, file) = (image(), env.path("archive.tar"));
    let all = [names_in_lists(), members_that_lead_out(), members_that_are_no_files(), headers_that_lie()];
    let mut refused = 0;
    for (name, bytes, _) in all.into_iter().chain([documents_that_lie(), layouts_that_lie()]).flatten() {
        fs::write(&file, bytes).unwrap();
        let mut server = env.imgctl(["serve", "--listen", "127.0.0.1:0", "archive.tar"]).spawn();
        while !server.has_ended() && !server.stdout().contains('\n') {
            std::thread::sleep(Duration::from_millis(2));
        }
        if server.has_ended() {
            let outcome = server.wait();
            assert!(outcome.code.is_some_and(|code| code > 0), "{name}: {}", outcome.told());
            refused += 1;
            continue;
        }
        let repository = format!("{}/v2/evil", server.stdout().trim());
        for digest in image.blobs.keys() {
            let Ok(answer) = http::request("GET", &format!("{repository}/blobs/{digest}")).try_send() else { continue };
            let is_right = answer.body == image.blobs[digest];
            assert!(is_right || answer.cut || answer.status >= 400, "{name}: {digest}");
        }
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn t104_names_in_lists_lead_nowhere() {
    refused(names_in_lists());
}

#[test]
fn t104_members_lead_nowhere() {
    refused(members_that_lead_out());
}

#[test]
fn t104_members_that_are_no_files_are_refused() {
    refused(members_that_are_no_files());
}

#[test]
fn t104_headers_that_lie_are_refused() {
    refused(headers_that_lie());
}

#[test]
fn t104_documents_that_lie_are_refused() {
    refused(documents_that_lie());
}

#[test]
fn t104_layouts_that_lie_are_refused() {
    refused(layouts_that_lie());
}

#[test]
fn t105_two_members_of_one_name_are_refused() {
    let twice = |name: &'static str, content: &'static str| {
        docker(&format!("{name} twice"), 6, move |all, _| all.push(Member::file(name, content)))
    };
    let spelt = |name: &'static str| docker(&format!("{name} too"), 6, move |all, _| all.push(Member::file(name, "x")));
    refused(vec![
        twice("config.json", "{}"),
        twice("layer.tar", "x"),
        twice("manifest.json", "[]"),
        spelt("./layer.tar"),
        spelt("/layer.tar"),
        docker("a layer and a link of its name", 6, |all, _| all.push(Member::symlink("layer.tar", "config.json"))),
        oci("index.json twice", 6, |all, _| all.push(Member::file("index.json", "{}"))),
    ]);
}

#[test]
fn t105_a_member_twice_with_the_same_bytes_is_one() {
    let env = Env::new();
    let (mut members, list) = legacy(&image(), "good:1");
    members.extend(members.clone());
    members.push(Member::file("manifest.json", list.to_string()));
    env.write("archive.tar", archive(&members));
    assert_eq!(env.imgctl(["load", "-i", "archive.tar"]).run().ok().stdout_text(), "Loaded image: good:1\n");
    let config = env.imgctl(["config", "store:good:1"]).run().ok();
    assert_eq!(config.stdout, image().blobs[&image().config()]);
}

#[test]
fn t104_a_name_that_is_none_is_not_given() {
    let env = Env::new();
    let name =
        json!({ "io.containerd.image.name": "evil\u{1b}[31m:1", "org.opencontainers.image.ref.name": "../../x:1" });
    let (_, bytes, _) = oci("a name with escapes", 0, |_, index| index["manifests"][0]["annotations"] = name);
    env.write("archive.tar", bytes);
    let loaded = env.imgctl(["load", "-i", "archive.tar"]).run().ok();
    assert_eq!(loaded.stdout_text(), format!("Loaded image ID: {}\n", image().config()));
}
