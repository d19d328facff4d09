//! The store as a whole: names, ids, removal, many at once, power loss.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;
use crate::error::Kind;
use crate::oci::{Manifest, MediaType};

struct Image {
    config: Descriptor,
    layers: Vec<Descriptor>,
    manifest: Manifest,
}

fn put(store: &Store, media_type: MediaType, content: &[u8]) -> Descriptor {
    let descriptor = Descriptor::of(media_type, content);
    store.layout().blobs().put(&descriptor, content).unwrap();
    descriptor
}

fn put_manifest(store: &Store, text: String) -> Manifest {
    let manifest = Manifest::parse(text, None).unwrap();
    store.layout().blobs().put(&manifest.descriptor(), manifest.bytes()).unwrap();
    manifest
}

fn text(descriptor: &Descriptor) -> String {
    serde_json::to_string(descriptor).unwrap()
}

/// An image whose config says `seed`, with these layers.
fn image(store: &Store, seed: &str, layers: &[&str]) -> Image {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","created":"{seed}","config":{{"Labels":{{"a":"b"}}}},"rootfs":{{}}}}"#
    );
    let config = put(store, MediaType::OCI_CONFIG, config.as_bytes());
    let layers: Vec<_> = layers.iter().map(|layer| put(store, MediaType::OCI_LAYER, layer.as_bytes())).collect();
    let listed = layers.iter().map(text).collect::<Vec<_>>().join(",");
    let manifest =
        put_manifest(store, format!(r#"{{"schemaVersion":2,"config":{},"layers":[{listed}]}}"#, text(&config)));
    Image { config, layers, manifest }
}

fn named(store: &Store, name: &str, seed: &str, layers: &[&str]) -> Image {
    let image = image(store, seed, layers);
    store.set_name(&name.parse().unwrap(), image.manifest.descriptor()).unwrap();
    image
}

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::create_or_open(&directory.path().join("store")).unwrap();
    (directory, store)
}

fn blobs(store: &Store) -> HashSet<String> {
    let directory = fs::read_dir(store.layout().directory().join("blobs/sha256")).unwrap();
    directory.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn names(store: &Store) -> Vec<String> {
    let images = store.images().unwrap();
    let mut names: Vec<_> =
        images.iter().map(|image| image.name.as_ref().map_or("<none>".to_owned(), Reference::familiar)).collect();
    names.sort();
    names
}

fn deleted(removal: &Removal) -> Vec<Digest> {
    let digest = |removed: &Removed| match removed {
        Removed::Deleted(digest) => Some(*digest),
        Removed::Untagged(_) => None,
    };
    removal.removed.iter().filter_map(digest).collect()
}

#[test]
fn a_store_that_is_not_there_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store")).unwrap();
    assert!(store.images().unwrap().is_empty());
    assert_eq!(store.resolve("busybox").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.remove("busybox", true).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.tag("busybox", &"x".parse().unwrap()).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn images_are_found_by_name_digest_and_id() {
    let (_directory, store) = store();
    let one = named(&store, "busybox", "1", &["a"]);
    named(&store, "quay.io/ns/app:2", "2", &["b"]);
    let (manifest, id) = (one.manifest.digest(), one.config.digest);
    for text in [
        "busybox".to_owned(),
        "busybox:latest".to_owned(),
        "docker.io/library/busybox:latest".to_owned(),
        format!("busybox@{manifest}"),
        format!("busybox:other@{manifest}"),
        id.to_string(),
        id.hex(),
        id.short(),
        format!("sha256:{}", id.short()),
        manifest.to_string(),
    ] {
        assert_eq!(store.resolve(&text).unwrap().digest, manifest, "{text}");
    }
    for text in [format!("alpine@{manifest}x"), "busybox:1".into(), "f".into(), "sha256:".into(), "Bad Name".into()] {
        assert_eq!(store.resolve(&text).unwrap_err().kind(), Kind::NotFound, "{text}");
    }
}

#[test]
fn an_ambiguous_short_id_names_both() {
    let (_directory, store) = store();
    let images: Vec<_> = (0..60).map(|seed| image(&store, &seed.to_string(), &[])).collect();
    let entries = images.iter().map(|image| image.manifest.descriptor());
    store
        .layout()
        .update(|index| {
            entries.for_each(|entry| index.add(entry));
            Ok(())
        })
        .unwrap();
    let ids: Vec<_> = images.iter().map(|image| image.config.digest).collect();
    let prefix = |digest: &Digest| digest.hex()[..2].to_owned();
    let one = ids.iter().find(|id| ids.iter().filter(|other| prefix(other) == prefix(id)).count() == 2).unwrap();
    let other = ids.iter().rfind(|other| prefix(other) == prefix(one)).unwrap();
    let error = store.resolve(&prefix(one)).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains(&one.short()) && error.to_string().contains(&other.short()), "{error}");
}

#[test]
fn the_id_of_an_index_is_that_of_the_image_for_this_machine() {
    let (_directory, store) = store();
    let (other, host) = (image(&store, "1", &["a"]), image(&store, "2", &["b", "b"]));
    let mut entries = [&other, &host].map(|image| image.manifest.descriptor());
    entries[0].platform = Some("plan9/mips".parse().unwrap());
    entries[1].platform = Some(crate::oci::Platform::host());
    let missing = text(&Descriptor::of(MediaType::OCI_MANIFEST, b"sparse"));
    let listed = entries.each_ref().map(text).join(",");
    let index = put_manifest(&store, format!(r#"{{"schemaVersion":2,"manifests":[{missing},{listed}]}}"#));
    store.set_name(&"app".parse().unwrap(), index.descriptor()).unwrap();
    let images = store.images().unwrap();
    assert_eq!((images[0].id, images[0].descriptor.digest), (host.config.digest, index.digest()));
    assert_eq!(images[0].size, host.config.size + 1);
    assert_eq!(images[0].labels["a"], "b");
    assert_eq!(images[0].created.as_deref(), Some("2"));
    assert_eq!(store.resolve(&other.manifest.digest().to_string()).unwrap().digest, other.manifest.digest());
    let removal = store.remove("app", false).unwrap();
    assert_eq!(deleted(&removal)[0], host.config.digest);
    assert!(blobs(&store).is_empty());
}

#[test]
fn a_name_that_moves_leaves_a_dangling_image() {
    let (_directory, store) = store();
    let old = named(&store, "app", "1", &["a"]);
    named(&store, "app", "2", &["b"]);
    assert_eq!(names(&store), ["<none>", "app:latest"]);
    assert!(store.images().unwrap()[0].is_dangling());
    store.tag(&old.config.digest.short(), &"old:1".parse().unwrap()).unwrap();
    assert_eq!(names(&store), ["app:latest", "old:1"]);
}

#[test]
fn other_tools_read_the_names() {
    let (_directory, store) = store();
    named(&store, "busybox:1", "1", &[]);
    let index = fs::read_to_string(store.layout().directory().join("index.json")).unwrap();
    for key in [REF_NAME, CONTAINERD_NAME] {
        assert!(index.contains(&format!(r#""{key}":"docker.io/library/busybox:1""#)), "{index}");
    }
}

#[test]
fn removing_untags_until_the_last_name_goes() {
    let (_directory, store) = store();
    let one = named(&store, "app:1", "1", &["shared", "own"]);
    let two = named(&store, "app:2", "2", &["shared"]);
    store.tag("app:1", &"other".parse().unwrap()).unwrap();
    let conflict = store.remove(&one.config.digest.short(), false).unwrap_err();
    assert_eq!(conflict.kind(), Kind::Usage);
    assert!(conflict.to_string().contains("must be forced"), "{conflict}");

    let removal = store.remove("app:1", false).unwrap();
    assert_eq!(removal.removed, [Removed::Untagged("docker.io/library/app:1".parse().unwrap())]);
    let removal = store.remove(&one.config.digest.short(), false).unwrap();
    assert_eq!(removal.removed[0], Removed::Untagged("docker.io/library/other:latest".parse().unwrap()));
    assert_eq!(deleted(&removal)[0], one.config.digest);
    assert_eq!(
        deleted(&removal).into_iter().collect::<HashSet<_>>(),
        HashSet::from([one.config.digest, one.manifest.digest(), one.layers[1].digest])
    );
    let kept = [two.config.digest, two.manifest.digest(), two.layers[0].digest].map(|digest| digest.hex());
    assert_eq!(blobs(&store), HashSet::from(kept));
    assert_eq!(names(&store), ["app:2"]);
}

#[test]
fn forced_removal_by_id_takes_all_names() {
    let (_directory, store) = store();
    let one = named(&store, "app:1", "1", &["a"]);
    store.tag("app:1", &"app:2".parse().unwrap()).unwrap();
    let removal = store.remove(&one.config.digest.hex(), true).unwrap();
    assert_eq!(removal.removed.len(), 2 + 3);
    assert!(blobs(&store).is_empty() && names(&store).is_empty());
}

#[test]
fn what_describes_an_image_goes_with_it() {
    let (_directory, store) = store();
    let one = named(&store, "app:1", "1", &["a"]);
    let empty = text(&put(&store, MediaType::OCI_EMPTY, b"{}"));
    let subject = text(&one.manifest.descriptor());
    let signature = format!(r#"{{"schemaVersion":2,"config":{empty},"layers":[{empty}],"subject":{subject}}}"#);
    store.add_nameless(put_manifest(&store, signature).descriptor()).unwrap();
    assert!(!store.images().unwrap()[1].is_dangling());
    store.remove("app:1", false).unwrap();
    assert!(blobs(&store).is_empty());
}

#[test]
fn s08_content_in_use_is_left_for_the_next_removal() {
    let (directory, store) = store();
    named(&store, "app:1", "1", &["a"]);
    named(&store, "app:2", "2", &["b"]);
    let user = Store::open(&directory.path().join("store")).unwrap();
    let removal = store.remove("app:1", false).unwrap();
    assert!(removal.is_deferred);
    assert_eq!((names(&store), blobs(&store).len()), (vec!["app:2".to_owned()], 6));
    assert_eq!(store.resolve("app:1").unwrap_err().kind(), Kind::NotFound);
    drop(user);
    assert!(!store.remove("app:2", false).unwrap().is_deferred);
    assert!(blobs(&store).is_empty());
}

#[test]
fn a_removed_image_that_comes_back_stays() {
    let (directory, store) = store();
    named(&store, "app:1", "1", &["a"]);
    let user = Store::open(&directory.path().join("store")).unwrap();
    assert!(store.remove("app:1", false).unwrap().is_deferred);
    named(&user, "app:1", "1", &["a"]);
    named(&user, "app:2", "2", &["b"]);
    drop(user);
    store.remove("app:2", false).unwrap();
    assert_eq!((names(&store), blobs(&store).len()), (vec!["app:1".to_owned()], 3));
}

#[test]
fn nothing_is_deleted_while_a_needed_manifest_is_unreadable() {
    let (_directory, store) = store();
    let one = named(&store, "app:1", "1", &["a"]);
    named(&store, "app:2", "2", &["b"]);
    let path = store.layout().blobs().path(&one.manifest.digest());
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    let error = store.remove("app:2", false).unwrap_err();
    assert!(error.to_string().contains("nothing was deleted"), "{error}");
    assert_eq!(blobs(&store).len(), 6);
}

#[test]
fn s07_sixteen_writers_lose_no_name() {
    let (directory, store) = store();
    let path = directory.path().join("store");
    for round in 0..5 {
        std::thread::scope(|scope| {
            for number in 0..16 {
                let path = &path;
                scope.spawn(move || {
                    let store = Store::create_or_open(path).unwrap();
                    named(&store, &format!("app:{round}-{number}"), &format!("{round}-{number}"), &["same"]);
                });
            }
        });
    }
    assert_eq!(names(&store).len(), 80);
    drop(store);
    let left: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn s07_sixteen_make_one_layout_together() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layout");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let path = &path;
            scope.spawn(move || {
                let layout = Layout::create_or_open(path).unwrap();
                let mut entry = Descriptor::of(MediaType::OCI_MANIFEST, &[number]);
                entry.annotations.insert(REF_NAME.to_owned(), number.to_string());
                layout
                    .update(|index| {
                        index.set(&number.to_string(), entry, Replaced::Dropped);
                        Ok(())
                    })
                    .unwrap();
            });
        }
    });
    assert_eq!(Layout::open(&path).unwrap().index().unwrap().entries().len(), 16);
}

#[test]
fn a_torn_blob_is_not_trusted_after_a_power_loss() {
    let (_directory, store) = store();
    let whole = put(&store, MediaType::OCI_LAYER, b"whole");
    let torn = put(&store, MediaType::OCI_LAYER, b"torn!");
    let path = |descriptor: &Descriptor| store.layout().blobs().path(&descriptor.digest);
    let damaged: PathBuf = path(&torn);
    fs::File::options().write(true).open(&damaged).unwrap().set_len(0).unwrap();
    fs::File::options().write(true).open(&damaged).unwrap().set_len(5).unwrap();
    assert!(store.layout().blobs().has(&torn).unwrap(), "within one boot the size is enough");
    for path in [path(&whole), damaged] {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    assert!(store.layout().blobs().has(&whole).unwrap());
    assert!(!store.layout().blobs().has(&torn).unwrap());
    assert!(fs::metadata(path(&whole)).unwrap().permissions().readonly(), "verified once");
}

#[test]
fn flushed_blobs_are_read_only() {
    let (_directory, mut store) = store();
    store.flush_each();
    let one = named(&store, "app", "1", &["a"]);
    let path = store.layout().blobs().path(&one.config.digest);
    assert!(fs::metadata(path).unwrap().permissions().readonly());
}

#[test]
fn what_is_read_once_after_a_power_loss_stays_private() {
    let (_directory, store) = store();
    let whole = put(&store, MediaType::OCI_LAYER, b"whole");
    let path = store.layout().blobs().path(&whole.digest);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o640)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    assert!(store.layout().blobs().has(&whole).unwrap());
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o440);
}

#[test]
fn t110_blobs_that_are_no_regular_files_are_refused() {
    let (_directory, store) = store();
    let blobs = store.layout().blobs();
    let secret = Descriptor::of(MediaType::OCI_LAYER, &fs::read("/etc/passwd").unwrap());
    put(&store, MediaType::OCI_LAYER, b"x");
    let path = blobs.path(&secret.digest);
    let make: [fn(&Path); 4] = [
        |path| symlink("/etc/passwd", path).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
    ];
    for make in make {
        make(&path);
        assert!(!blobs.has(&secret).unwrap());
        assert_eq!(blobs.open(&secret, 0).err().unwrap().kind(), Kind::Unsafe);
        assert_eq!(blobs.manifest(&secret).unwrap_err().kind(), Kind::Unsafe);
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    fs::File::create_new(&path).unwrap();
    assert!(!blobs.has(&secret).unwrap());
    assert_eq!(blobs.open(&secret, 0).err().unwrap().kind(), Kind::Mismatch);
}

#[test]
fn t110_damaged_layouts_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let marker = |text: &str| {
        let _ = fs::remove_file(at("oci-layout"));
        std::io::Write::write_all(&mut fs::File::create_new(at("oci-layout")).unwrap(), text.as_bytes()).unwrap();
    };
    assert_eq!(Layout::open(directory.path()).unwrap_err().kind(), Kind::NotFound);
    for (text, kind) in [("", Kind::Mismatch), (r#"{"imageLayoutVersion":"2.0.0"}"#, Kind::Unsupported)] {
        marker(text);
        assert_eq!(Layout::open(directory.path()).unwrap_err().kind(), kind);
        assert_eq!(Layout::create_or_open(directory.path()).unwrap_err().kind(), kind);
        assert_eq!(Store::open(directory.path()).unwrap_err().kind(), kind);
    }
    marker(r#"{"imageLayoutVersion":"1.0.0"}"#);
    let layout = Layout::open(directory.path()).unwrap();
    assert!(layout.index().unwrap().entries().is_empty());
    symlink("/etc/passwd", at("index.json")).unwrap();
    assert_eq!(layout.index().unwrap_err().kind(), Kind::Unsafe);
    fs::remove_file(at("index.json")).unwrap();
    std::io::Write::write_all(&mut fs::File::create_new(at("index.json")).unwrap(), b"[]").unwrap();
    assert_eq!(layout.update(|_| Ok(())).unwrap_err().kind(), Kind::Mismatch);
    assert_eq!(fs::read(at("index.json")).unwrap(), b"[]");
}

#[test]
fn a_directory_of_something_else_is_not_made_a_layout() {
    let directory = tempfile::tempdir().unwrap();
    fs::File::create_new(directory.path().join("letter.txt")).unwrap();
    assert_eq!(Layout::create_or_open(directory.path()).unwrap_err().kind(), Kind::Usage);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
