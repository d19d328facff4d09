//! What is asked of upstreams, what is kept, and what is served when they do not answer.

use std::collections::HashMap;

use bytes::Bytes;

use super::*;
use crate::name::Registry;
use crate::oci::MediaType;
use crate::server::Local;

/// An upstream in memory that writes down what it is asked.
#[derive(Default)]
struct Memory {
    tags: Mutex<HashMap<(Repository, Tag), Descriptor>>,
    manifests: Mutex<HashMap<Digest, Manifest>>,
    blobs: Mutex<HashMap<Digest, Bytes>>,
    asked: Mutex<Vec<String>>,
    /// What is answered instead.
    failure: Mutex<Option<Kind>>,
}

impl Memory {
    fn note(&self, question: String) -> Result<()> {
        lock(&self.asked).push(question);
        let failure = *lock(&self.failure);
        failure.map_or(Ok(()), |kind| Err(Error::new(kind, "no answer")))
    }

    fn fail(&self, kind: Option<Kind>) {
        *lock(&self.failure) = kind;
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.asked))
    }

    /// An image of one blob.
    fn put(&self, repository: &Repository, name: &str, content: &'static [u8]) -> Manifest {
        let blob = Descriptor::of(MediaType::OCI_CONFIG, content);
        let blob_json = serde_json::to_string(&blob).unwrap();
        let text = format!(r#"{{"schemaVersion":2,"config":{blob_json},"layers":[]}}"#);
        let manifest = Manifest::parse(text, Some(&MediaType::OCI_MANIFEST)).unwrap();
        lock(&self.blobs).insert(blob.digest, Bytes::from_static(content));
        lock(&self.manifests).insert(manifest.digest(), manifest.clone());
        lock(&self.tags).insert((repository.clone(), tag(name)), manifest.descriptor());
        manifest
    }
}

fn missing() -> Error {
    Error::not_found("there is none")
}

#[async_trait]
impl Upstream for Memory {
    async fn resolve(&self, repository: &Repository, tag: &Tag) -> Result<Descriptor> {
        self.note(format!("resolve {repository}:{tag}"))?;
        lock(&self.tags).get(&(repository.clone(), tag.clone())).cloned().ok_or_else(missing)
    }

    async fn manifest(&self, _: &Repository, digest: &Digest) -> Result<Manifest> {
        self.note("manifest".to_owned())?;
        lock(&self.manifests).get(digest).cloned().ok_or_else(missing)
    }

    async fn stat(&self, _: &Repository, digest: &Digest) -> Result<u64> {
        self.note("stat".to_owned())?;
        lock(&self.blobs).get(digest).map(|blob| blob.len() as u64).ok_or_else(missing)
    }

    async fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<BlobReader> {
        self.note("blob".to_owned())?;
        // Others come while this one is asked.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        lock(&self.blobs).get(&descriptor.digest).cloned().map(BlobReader::from_bytes).ok_or_else(missing)
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        self.note("tags".to_owned())?;
        let tags = lock(&self.tags);
        Ok(tags.keys().filter(|(of, _)| of == repository).map(|(_, tag)| tag.clone()).collect())
    }

    async fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>> {
        self.note("referrers".to_owned())?;
        Ok(Vec::new())
    }
}

struct Scene {
    upstream: Arc<Memory>,
    cache: Cache,
    directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::with_quota(None)
    }

    fn with_quota(quota: Option<u64>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Repositories::open(directory.path()).unwrap());
        let upstream = Arc::new(Memory::default());
        let local = Arc::new(Local::new(Arc::clone(&store)));
        let registries = ["docker.io", "quay.io"].map(|text| text.parse().unwrap());
        let cache = Cache::new(local, store, Upstreams::new(registries, upstream.clone()), quota);
        Self { upstream, cache, directory }
    }

    async fn tagged(&self, repository: &Repository, name: &str) -> Result<Option<Digest>> {
        let found = self.cache.manifest(repository, &TagOrDigest::Tag(tag(name))).await?;
        Ok(found.map(|manifest| manifest.digest()))
    }

    async fn blob(&self, repository: &Repository, content: &[u8]) -> Result<Option<Bytes>> {
        match self.cache.blob(repository, &Digest::of(content), 0).await? {
            Some(reader) => reader.read_to_end(1000).await.map(Some),
            None => Ok(None),
        }
    }

    /// The file of a content in the store.
    fn file(&self, digest: &Digest) -> std::path::PathBuf {
        self.directory.path().join("blobs/sha256").join(digest.hex())
    }
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

#[tokio::test]
async fn only_upstreams_are_asked() {
    let scene = Scene::new();
    for name in ["localhost/app", "other.example/app", "docker.io.evil.example/app"] {
        let own = repository(name);
        scene.upstream.put(&own, "1", b"content");
        assert_eq!(scene.tagged(&own, "1").await.unwrap(), None);
        assert!(scene.blob(&own, b"content").await.unwrap().is_none());
        assert!(scene.cache.stat(&own, &Digest::of(b"content")).await.unwrap().is_none());
        assert!(scene.cache.tags(&own).await.unwrap().is_none());
        assert!(scene.cache.referrers(&own, &Digest::of(b"content")).await.unwrap().is_empty());
    }
    let nowhere = Repository::new(Registry::docker_hub(), "busybox").unwrap();
    assert_eq!(scene.tagged(&nowhere, "1").await.unwrap(), None);
    assert!(scene.upstream.asked().is_empty());
}

#[tokio::test]
async fn one_question_is_asked_for_all_who_wait() {
    let scene = Scene::new();
    let app = repository("quay.io/ns/app");
    let manifest = scene.upstream.put(&app, "1", b"content");
    let asking = (0..16).map(|_| scene.tagged(&app, "1"));
    for found in futures::future::join_all(asking).await {
        assert_eq!(found.unwrap(), Some(manifest.digest()));
    }
    assert_eq!(scene.upstream.asked(), ["resolve quay.io/ns/app:1", "manifest"]);
    let reading = (0..16).map(|_| scene.blob(&app, b"content"));
    for read in futures::future::join_all(reading).await {
        assert_eq!(read.unwrap().unwrap(), "content");
    }
    assert_eq!(scene.upstream.asked(), ["blob"]);
    assert_eq!(scene.blob(&app, b"content").await.unwrap().unwrap(), "content");
    assert_eq!(scene.tagged(&app, "1").await.unwrap(), Some(manifest.digest()));
    assert_eq!(scene.upstream.asked(), ["resolve quay.io/ns/app:1"]);
    assert_eq!(scene.cache.repositories().await.unwrap(), [app]);
}

#[tokio::test]
async fn a_blob_is_asked_for_where_it_is_read() {
    let scene = Scene::new();
    let (one, other) = (repository("quay.io/a/one"), repository("quay.io/a/other"));
    scene.upstream.put(&one, "1", b"content");
    assert_eq!(scene.cache.stat(&one, &Digest::of(b"content")).await.unwrap().unwrap().size, 7);
    scene.blob(&one, b"content").await.unwrap().unwrap();
    assert_eq!(scene.upstream.asked(), ["stat", "blob"]);
    assert_eq!(scene.blob(&other, b"content").await.unwrap().unwrap(), "content");
    assert_eq!(scene.upstream.asked(), ["stat"]);
    lock(&scene.upstream.blobs).clear();
    assert!(scene.blob(&repository("quay.io/a/third"), b"content").await.unwrap().is_none());
}

#[tokio::test]
async fn without_an_answer_what_is_here_counts() {
    let scene = Scene::new();
    let app = repository("quay.io/ns/app");
    let manifest = scene.upstream.put(&app, "1", b"content");
    scene.tagged(&app, "1").await.unwrap();
    for kind in [Kind::Network, Kind::RateLimited, Kind::Denied, Kind::Mismatch] {
        scene.upstream.fail(Some(kind));
        assert_eq!(scene.tagged(&app, "1").await.unwrap(), Some(manifest.digest()), "{kind:?}");
        assert_eq!(scene.cache.tags(&app).await.unwrap(), Some(vec![tag("1")]));
        assert!(scene.cache.referrers(&app, &manifest.digest()).await.unwrap().is_empty());
        assert_eq!(scene.tagged(&app, "2").await.unwrap_err().kind(), kind);
        assert_eq!(scene.blob(&app, b"content").await.unwrap_err().kind(), kind);
        scene.upstream.fail(None);
        scene.blob(&app, b"else").await.unwrap();
    }
    scene.upstream.fail(Some(Kind::NotFound));
    assert_eq!(scene.tagged(&app, "1").await.unwrap(), None);
}

#[tokio::test]
async fn who_does_not_answer_is_spared() {
    let scene = Scene::new();
    let (app, other) = (repository("quay.io/ns/app"), repository("docker.io/ns/app"));
    for name in [&app, &other] {
        scene.upstream.put(name, "1", b"content");
        scene.tagged(name, "1").await.unwrap();
    }
    scene.upstream.fail(Some(Kind::Network));
    scene.tagged(&app, "1").await.unwrap();
    scene.upstream.asked();
    scene.tagged(&app, "1").await.unwrap();
    scene.cache.tags(&app).await.unwrap();
    assert!(scene.upstream.asked().is_empty());
    scene.tagged(&app, "2").await.unwrap_err();
    scene.tagged(&other, "1").await.unwrap();
    assert_eq!(scene.upstream.asked(), ["resolve quay.io/ns/app:2", "resolve docker.io/ns/app:1"]);
    // One answer shows that it is back.
    scene.upstream.fail(None);
    assert_eq!(scene.tagged(&app, "2").await.unwrap(), None);
    scene.upstream.asked();
    scene.tagged(&app, "1").await.unwrap();
    assert_eq!(scene.upstream.asked(), ["resolve quay.io/ns/app:1"]);
}

#[tokio::test]
async fn a_tag_that_moved_is_followed() {
    let scene = Scene::new();
    let app = repository("quay.io/ns/app");
    let old = scene.upstream.put(&app, "1", b"old");
    scene.tagged(&app, "1").await.unwrap();
    let new = scene.upstream.put(&app, "1", b"new");
    assert_eq!(scene.tagged(&app, "1").await.unwrap(), Some(new.digest()));
    scene.upstream.fail(Some(Kind::Network));
    assert_eq!(scene.tagged(&app, "1").await.unwrap(), Some(new.digest()));
    let by_digest = scene.cache.manifest(&app, &TagOrDigest::Digest(old.digest())).await.unwrap();
    assert_eq!(by_digest.unwrap().bytes(), old.bytes());
}

#[tokio::test]
async fn the_quota_is_kept() {
    let scene = Scene::with_quota(Some(20));
    let app = repository("quay.io/ns/app");
    for content in [&b"of 12 bytes."[..], b"too much", b"ok"] {
        lock(&scene.upstream.blobs).insert(Digest::of(content), Bytes::copy_from_slice(content));
    }
    let lost = Digest::of(b"lost");
    lock(&scene.upstream.blobs).insert(lost, Bytes::from_static(b"l0st"));
    assert!(scene.blob(&app, b"lost").await.is_err());
    scene.blob(&app, b"of 12 bytes.").await.unwrap().unwrap();
    lock(&scene.upstream.blobs).insert(Digest::of(b"too much now"), Bytes::from_static(b"too much now"));
    let full = scene.blob(&app, b"too much now").await.unwrap_err();
    assert_eq!(full.kind(), Kind::Local);
    assert_eq!(scene.blob(&app, b"too much").await.unwrap().unwrap(), "too much");
    assert!(scene.blob(&app, b"ok").await.is_err());
}

#[tokio::test]
async fn a_damaged_manifest_is_fetched_anew() {
    let scene = Scene::new();
    let app = repository("quay.io/ns/app");
    let manifest = scene.upstream.put(&app, "1", b"content");
    scene.tagged(&app, "1").await.unwrap();
    let file = scene.file(&manifest.digest());
    std::os::unix::fs::FileExt::write_all_at(&std::fs::OpenOptions::new().write(true).open(&file).unwrap(), b"x", 3)
        .unwrap();
    assert_eq!(scene.tagged(&app, "1").await.unwrap(), Some(manifest.digest()));
    assert!(std::fs::read(&file).unwrap() == *manifest.bytes());
}
