//! Repositories of a store: what is linked, named, deleted and kept.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::*;
use crate::store::{Store, UploadLimits, Uploads};

const HOUR: Duration = Duration::from_secs(60 * 60);

struct Scene {
    _directory: tempfile::TempDir,
    repositories: Arc<Repositories>,
    uploads: Uploads,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let repositories = Arc::new(Repositories::open(&directory.path().join("store")).unwrap());
    let limits = UploadLimits { open: 10, expiry: HOUR, quota: None };
    Scene { _directory: directory, uploads: Uploads::new(repositories.clone(), limits), repositories }
}

fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

fn by_digest(manifest: &Manifest) -> TagOrDigest {
    TagOrDigest::Digest(manifest.digest())
}

fn parsed(document: serde_json::Value) -> Manifest {
    Manifest::parse(document.to_string(), None).unwrap()
}

/// An image with these layers; the first is its config too.
fn image(layers: &[&str]) -> Manifest {
    let layer = |content: &&str| Descriptor::of(MediaType::OCI_LAYER, content.as_bytes());
    let config = Descriptor::of(MediaType::OCI_CONFIG, layers[0].as_bytes());
    let layers: Vec<_> = layers.iter().map(layer).collect();
    parsed(serde_json::json!({ "schemaVersion": 2, "config": config, "layers": layers }))
}

fn index(children: &[&Manifest]) -> Manifest {
    let children: Vec<_> = children.iter().map(|child| child.descriptor()).collect();
    parsed(serde_json::json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children }))
}

fn signature(subject: &Manifest) -> Manifest {
    let config = Descriptor::of(MediaType::OCI_EMPTY, b"{}");
    let subject = subject.descriptor();
    parsed(serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [], "subject": subject }))
}

impl Scene {
    fn push_blob(&self, name: &str, content: &str) {
        let mut upload = self.uploads.start(&repository(name), None).unwrap();
        upload.write(content.as_bytes()).unwrap();
        upload.commit(&Digest::of(content.as_bytes())).unwrap();
    }

    fn push(&self, name: &str, manifest: &Manifest, tags: &[&str]) {
        let tags: Vec<Tag> = tags.iter().map(|name| tag(name)).collect();
        let missing = self.repositories.put_manifest(&repository(name), manifest, &tags, Blobs::MayFollow).unwrap();
        assert!(missing.is_empty());
    }

    /// As `imgctl pull` does it: no links.
    fn pull(&self, name: &str, manifest: &Manifest, layers: &[&str]) {
        let store = Store::create_or_open(self.repositories.directory()).unwrap();
        for layer in layers {
            let descriptor = Descriptor::of(MediaType::OCI_LAYER, layer.as_bytes());
            store.layout().blobs().put(&descriptor, layer.as_bytes()).unwrap();
        }
        store.put(manifest).unwrap();
        store.set_name(&name.parse().unwrap(), manifest.descriptor()).unwrap();
    }

    fn remove(&self, name: &str) -> crate::store::Removal {
        let store = Store::open(self.repositories.directory()).unwrap();
        store.remove(name, true).unwrap()
    }

    fn has_blob(&self, name: &str, content: &str) -> bool {
        self.repositories.stat(&repository(name), &Digest::of(content.as_bytes())).unwrap().is_some()
    }

    fn has_content(&self, content: &str) -> bool {
        self.repositories.layout.blobs().path(&Digest::of(content.as_bytes())).exists()
    }

    fn has(&self, name: &str, reference: &TagOrDigest) -> bool {
        self.repositories.manifest(&repository(name), reference).unwrap().is_some()
    }

    /// Makes everything that is linked as old as if it had been so long ago.
    fn age(&self, by: Duration) {
        let mut open = vec![self.repositories.directory().join("repositories")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    let file = File::options().write(true).open(entry.path()).unwrap();
                    let changed = file.metadata().unwrap().modified().unwrap();
                    file.set_modified(changed.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH)).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_is_pushed_is_of_its_repository_alone() {
    let scene = scene();
    let manifest = image(&["a", "b"]);
    ["a", "b"].iter().for_each(|layer| scene.push_blob("localhost/app", layer));
    scene.push("localhost/app", &manifest, &["1", "2"]);
    assert_eq!(scene.repositories.names().unwrap(), [repository("localhost/app")]);
    assert_eq!(scene.repositories.tags(&repository("localhost/app")).unwrap().unwrap(), [tag("1"), tag("2")]);
    assert_eq!(scene.repositories.tags(&repository("localhost/other")).unwrap(), None);
    for reference in [by_digest(&manifest), TagOrDigest::Tag(tag("1"))] {
        assert!(scene.has("localhost/app", &reference) && !scene.has("localhost/other", &reference));
    }
    assert!(scene.has_blob("localhost/app", "a") && !scene.has_blob("localhost/other", "a"));
}

#[test]
fn blobs_are_required_where_that_is_asked_for() {
    let scene = scene();
    let manifest = image(&["a", "b", "b"]);
    scene.push_blob("localhost/app", "a");
    scene.push_blob("localhost/other", "b");
    let put = |blobs| scene.repositories.put_manifest(&repository("localhost/app"), &manifest, &[tag("1")], blobs);
    assert_eq!(put(Blobs::Required).unwrap(), [Digest::of(b"b")]);
    assert!(!scene.has("localhost/app", &by_digest(&manifest)));
    assert!(scene.repositories.mount(&repository("localhost/app"), None, &Digest::of(b"b")).unwrap());
    assert!(put(Blobs::Required).unwrap().is_empty());
    assert!(scene.has("localhost/app", &TagOrDigest::Tag(tag("1"))));
}

#[test]
fn r11_a_blob_is_mounted_from_who_has_it() {
    let scene = scene();
    scene.push_blob("localhost/a", "a");
    let (a, b, c) = (repository("localhost/a"), repository("localhost/b"), repository("localhost/c"));
    let digest = Digest::of(b"a");
    assert!(!scene.repositories.mount(&b, Some(&c), &digest).unwrap());
    assert!(!scene.has_blob("localhost/b", "a"));
    assert!(scene.repositories.mount(&b, Some(&a), &digest).unwrap());
    assert!(scene.has_blob("localhost/b", "a"));
    assert!(scene.repositories.delete_blob(&a, &digest).unwrap());
    assert!(scene.has_blob("localhost/b", "a") && !scene.has_blob("localhost/a", "a"));
    assert!(!scene.repositories.mount(&c, None, &Digest::of(b"nobody has this")).unwrap());
}

#[test]
fn s05_an_empty_file_is_no_blob() {
    let scene = scene();
    scene.push_blob("localhost/a", "a");
    let digest = Digest::of(b"a");
    File::options().write(true).truncate(true).open(scene.repositories.layout.blobs().path(&digest)).unwrap();
    assert!(!scene.has_blob("localhost/a", "a"));
    assert!(!scene.repositories.mount(&repository("localhost/b"), None, &digest).unwrap());
    scene.push_blob("localhost/a", "a");
    assert!(scene.has_blob("localhost/a", "a"));
}

#[test]
fn what_a_tag_leads_to_stays_when_the_tag_goes() {
    let scene = scene();
    let (one, two) = (image(&["a"]), image(&["b"]));
    let both = index(&[&one, &two]);
    for (image, layer) in [(&one, "a"), (&two, "b"), (&both, "")] {
        scene.pull("localhost/app:1", image, &[layer]);
    }
    let app = repository("localhost/app");
    assert!(scene.repositories.delete_tag(&app, &tag("1")).unwrap());
    assert!(!scene.repositories.delete_tag(&app, &tag("1")).unwrap());
    for manifest in [&one, &two, &both] {
        assert!(scene.has("localhost/app", &by_digest(manifest)));
    }
    assert!(scene.repositories.delete_manifest(&app, &both.digest()).unwrap());
    assert!(!scene.has("localhost/app", &by_digest(&both)) && scene.has("localhost/app", &by_digest(&one)));
    assert!(scene.has_blob("localhost/app", "a"));
}

#[test]
fn an_index_keeps_parts_that_were_here_through_a_tag_alone() {
    let scene = scene();
    let one = image(&["a"]);
    scene.pull("localhost/app:1", &one, &["a"]);
    scene.push("localhost/app", &index(&[&one]), &["all"]);
    assert!(!scene.remove("localhost/app:1").is_deferred);
    assert!(scene.has("localhost/app", &by_digest(&one)) && scene.has_blob("localhost/app", "a"));
}

#[test]
fn what_readers_are_told_of_elsewhere_is_borrowed() {
    let scene = scene();
    let one = image(&["a"]);
    scene.pull("docker.io/library/app:1", &one, &["a"]);
    let (ours, theirs) = (repository("localhost/app"), repository("docker.io/library/app"));
    scene.repositories.borrow(&ours, &[repository("localhost/none"), theirs], &one).unwrap();
    scene.push("localhost/app", &one, &["1"]);
    scene.remove("docker.io/library/app:1");
    scene.age(2 * HOUR);
    scene.repositories.sweep().unwrap();
    assert!(scene.has_blob("localhost/app", "a"));
}

#[test]
fn r13_what_a_manifest_on_its_way_may_need_stays() {
    let scene = scene();
    let one = image(&["a"]);
    scene.push_blob("localhost/app", "a");
    scene.push("localhost/app", &one, &["1"]);
    let removal = scene.remove("localhost/app:1");
    assert!(removal.is_deferred);
    // Somebody was told that the blob is here, and now pushes what needs it.
    assert!(scene.has_blob("localhost/app", "a") && !scene.has("localhost/app", &by_digest(&one)));
    scene.push("localhost/app", &image(&["a"]), &["2"]);
    scene.age(2 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(scene.has_blob("localhost/app", "a"));
    assert!(scene.remove("localhost/app:2").removed.len() > 1);
    assert!(!scene.has_content("a"));
}

#[test]
fn r13_what_was_asked_for_stays_as_what_was_pushed() {
    let scene = scene();
    let one = image(&["a"]);
    scene.pull("localhost/app:1", &one, &["a"]);
    let (app, digest) = (repository("localhost/app"), Digest::of(b"a"));
    assert!(!scene.repositories.is_blob_safe(&app, &digest));
    assert!(scene.repositories.renew_blob(&app, &digest).unwrap());
    assert!(scene.repositories.is_blob_safe(&app, &digest));
    assert!(scene.remove("localhost/app:1").is_deferred);
    assert!(scene.has_blob("localhost/app", "a"));
    scene.age(2 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(!scene.repositories.renew_blob(&app, &digest).unwrap());
}

#[test]
fn r13_a_part_of_an_index_on_its_way_survives_the_removal_of_another_index_with_it() {
    let scene = scene();
    let (one, two) = (image(&["a"]), image(&["b"]));
    for (image, layer) in [(&one, "a"), (&two, "b")] {
        scene.push_blob("localhost/app", layer);
        scene.push("localhost/app", image, &[]);
    }
    scene.push("localhost/app", &index(&[&one, &two]), &["all"]);
    scene.age(2 * HOUR);
    // The next index begins with a part that is there already.
    scene.push("localhost/app", &one, &[]);
    scene.remove("localhost/app:all");
    assert!(scene.has("localhost/app", &by_digest(&one)) && !scene.has("localhost/app", &by_digest(&two)));
    assert!(scene.has_blob("localhost/app", "a"));
    scene.push("localhost/app", &index(&[&one]), &["one"]);
    scene.age(2 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(scene.has("localhost/app", &by_digest(&one)) && scene.has_blob("localhost/app", "a"));
    assert!(!scene.has_content("b"));
}

#[test]
fn r13_what_is_pushed_again_before_its_removal_was_done_stays() {
    let scene = scene();
    let one = image(&["a"]);
    scene.push_blob("localhost/app", "a");
    scene.push("localhost/app", &one, &["1"]);
    scene.age(2 * HOUR);
    let held = scene.repositories.hold().unwrap();
    assert!(scene.remove("localhost/app:1").is_deferred);
    drop(held);
    assert!(scene.repositories.has_removed().unwrap());
    scene.push("localhost/app", &one, &[]);
    scene.age(2 * HOUR);
    scene.repositories.sweep().unwrap();
    assert!(scene.has("localhost/app", &by_digest(&one)) && scene.has_blob("localhost/app", "a"));
}

#[test]
fn a_removed_name_takes_nothing_from_the_names_that_stay() {
    let scene = scene();
    let one = image(&["a"]);
    let signature = signature(&one);
    for name in ["localhost/app", "localhost/other"] {
        scene.push_blob(name, "a");
        scene.push(name, &one, &["1", "2"]);
        scene.push(name, &signature, &[]);
    }
    scene.age(2 * HOUR);
    let referrers = |name| scene.repositories.referrers(&repository(name), &one.digest()).unwrap().len();
    scene.remove("localhost/app:1");
    assert!(scene.has("localhost/app", &by_digest(&one)) && scene.has_blob("localhost/app", "a"));
    assert_eq!(referrers("localhost/app"), 1);
    scene.remove("localhost/app:2");
    assert!(!scene.has("localhost/app", &by_digest(&one)) && !scene.has_blob("localhost/app", "a"));
    assert_eq!((referrers("localhost/app"), referrers("localhost/other")), (0, 1));
    assert!(scene.has("localhost/other", &by_digest(&one)) && scene.has_blob("localhost/other", "a"));
    assert!(!scene.repositories.has_removed().unwrap());
}

#[test]
fn what_was_deleted_frees_its_space_unless_others_need_it() {
    let scene = scene();
    let (one, two) = (image(&["a", "shared"]), image(&["b", "shared"]));
    for (image, layer) in [(&one, "a"), (&two, "b")] {
        scene.push_blob("localhost/app", layer);
        scene.push_blob("localhost/app", "shared");
        scene.push("localhost/app", image, &[layer]);
    }
    scene.age(2 * HOUR);
    let app = repository("localhost/app");
    assert!(scene.repositories.delete_manifest(&app, &one.digest()).unwrap());
    assert!(!scene.has("localhost/app", &TagOrDigest::Tag(tag("a"))));
    assert!(scene.repositories.sweep().unwrap());
    assert!(!scene.has_content("a") && scene.has_content("b") && scene.has_content("shared"));
    assert!(!scene.repositories.layout.blobs().path(&one.digest()).exists());
}

#[test]
fn what_no_manifest_ever_needed_goes_after_a_day() {
    let scene = scene();
    scene.push_blob("localhost/app", "a");
    scene.age(23 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(scene.has_content("a"));
    scene.age(2 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(!scene.has_content("a"));
}

#[test]
fn r16_what_is_missing_or_deep_is_stored_read_and_deleted() {
    let scene = scene();
    let mut nested = image(&["a"]);
    scene.push("localhost/app", &nested, &["0"]);
    for _ in 0..20 {
        nested = index(&[&nested]);
        scene.push("localhost/app", &nested, &[]);
    }
    scene.push("localhost/app", &nested, &["deep"]);
    scene.push("localhost/app", &index(&[&image(&["never pushed"])]), &["dangling"]);
    assert!(scene.has("localhost/app", &TagOrDigest::Tag(tag("deep"))));
    for name in ["localhost/app:deep", "localhost/app:dangling", "localhost/app:0"] {
        scene.remove(name);
    }
    scene.age(2 * HOUR);
    assert!(scene.repositories.sweep().unwrap());
    assert!(!scene.has("localhost/app", &by_digest(&nested)));
}

#[test]
fn changes_by_others_are_seen_at_once() {
    let scene = scene();
    let one = image(&["a"]);
    scene.push("localhost/app", &one, &["1"]);
    let other = Repositories::open(scene.repositories.directory()).unwrap();
    let app = repository("localhost/app");
    for round in 0..20 {
        let name = tag(&format!("t{round}"));
        scene.repositories.put_manifest(&app, &one, std::slice::from_ref(&name), Blobs::MayFollow).unwrap();
        assert!(other.tags(&app).unwrap().unwrap().contains(&name));
        assert!(other.delete_tag(&app, &name).unwrap());
        assert!(!scene.repositories.tags(&app).unwrap().unwrap().contains(&name));
    }
}

#[test]
fn s04_what_a_power_loss_may_have_torn_is_read_before_a_pusher_counts_on_it() {
    let scene = scene();
    let app = repository("localhost/app");
    for content in ["whole", "torn"] {
        scene.push_blob("localhost/app", content);
        let digest = Digest::of(content.as_bytes());
        assert!(scene.repositories.is_blob_safe(&app, &digest));
        let path = scene.repositories.layout.blobs().path(&digest);
        let mut file = File::options().write(true).open(&path).unwrap();
        if content == "torn" {
            std::io::Write::write_all(&mut file, &[0; 4]).unwrap();
        }
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(!scene.repositories.is_blob_safe(&app, &digest));
        let is_whole = content == "whole";
        assert_eq!(scene.repositories.renew_blob(&app, &digest).unwrap(), is_whole);
        assert_eq!(scene.repositories.mount(&repository("localhost/b"), None, &digest).unwrap(), is_whole);
        // It is read once.
        assert_eq!(scene.repositories.is_blob_safe(&app, &digest), is_whole);
        scene.push_blob("localhost/app", content);
        assert!(scene.repositories.renew_blob(&app, &digest).unwrap());
    }
}
