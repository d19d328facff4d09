//! The copy over places in memory, and over places that misbehave.

mod ahead;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Format, IndexMode, Item, Jobs, Options, Presence, Report, Unobserved, copy, plan};
use crate::content::BlobReader;
use crate::error::{Kind, Side};
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::transport::{Begin, BlobWriter, Destination, Memory, Name, Source};
use crate::{Error, Result};

fn blob(memory: &Memory, media_type: MediaType, content: &str) -> Descriptor {
    let content = Bytes::copy_from_slice(content.as_bytes());
    let descriptor = Descriptor::of(media_type, &content);
    memory.put_blob(descriptor.digest, content);
    descriptor
}

async fn put(memory: &Memory, document: &Value, name: Option<&str>) -> Manifest {
    let manifest = Manifest::parse(serde_json::to_vec(document).unwrap(), None).unwrap();
    memory.put_manifest(&manifest, name.map(Name::new).as_ref()).await.unwrap();
    manifest
}

async fn image(memory: &Memory, text: &str, name: Option<&str>) -> Manifest {
    let config = blob(memory, MediaType::DOCKER_CONFIG, &format!("{{\"{text}\":1}}"));
    let layers =
        [blob(memory, MediaType::DOCKER_LAYER_GZIP, "shared"), blob(memory, MediaType::DOCKER_LAYER_GZIP, text)];
    let media_type = MediaType::DOCKER_MANIFEST;
    put(memory, &json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers}), name).await
}

/// An index of amd64 and arm64, an attestation of the first, and a nested index.
async fn index(memory: &Memory) -> Manifest {
    let (amd64, arm64) = (image(memory, "amd64", None).await, image(memory, "arm64", None).await);
    let entry = |manifest: &Manifest, architecture: &str| {
        let mut entry = serde_json::to_value(manifest.descriptor()).unwrap();
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entry
    };
    let attestation = image(memory, "attestation", None).await;
    let mut attestation = entry(&attestation, "unknown");
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": amd64.digest().to_string(),
    });
    let nested = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [arm64.descriptor()]});
    let nested = put(memory, &nested, None).await;
    let manifests = [entry(&amd64, "amd64"), entry(&arm64, "arm64"), attestation, json!(nested.descriptor())];
    put(memory, &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests}), Some("all"))
        .await
}

fn item(source: impl Source + 'static, name: &str, destination: impl Destination + 'static) -> Item {
    Item {
        source: Arc::new(source),
        source_name: Some(Name::new(name)),
        destination: Arc::new(destination),
        destination_names: vec![Name::new(name)],
    }
}

async fn copied(items: Vec<Item>, options: &Options) -> Result<Report> {
    copy(items, options, Arc::new(Unobserved)).await
}

async fn has(memory: &Memory, manifest: &Manifest) -> bool {
    memory.has(&manifest.descriptor()).await.unwrap()
}

#[tokio::test]
async fn an_index_is_copied_whole_and_byte_for_byte() {
    let (from, to) = (Memory::new(), Memory::new());
    let root = index(&from).await;
    let report = copied(vec![item(from, "all", to.clone())], &Options::default()).await.unwrap();
    assert_eq!(report.images[0].destination.digest, root.digest());
    assert_eq!(report.blobs_transferred, 7, "each blob moves once: the shared layer, three layers, three configs");
    let there = to.resolve(Some(&Name::new("all"))).await.unwrap();
    assert_eq!(to.manifest(&there).await.unwrap().bytes(), root.bytes());
}

#[tokio::test]
async fn one_platform_is_copied_as_a_plain_image() {
    let (from, to) = (Memory::new(), Memory::new());
    let root = index(&from).await;
    let arm64 = root.children()[1].digest;
    let options = Options { platforms: vec!["linux/arm64".parse().unwrap()], ..Options::default() };
    let report = copied(vec![item(from.clone(), "all", to.clone())], &options).await.unwrap();
    assert_eq!((report.images[0].source.digest, report.images[0].destination.digest), (root.digest(), arm64));
    assert!(!has(&to, &root).await);
    let options = Options { platforms: vec!["linux/s390x".parse().unwrap()], ..Options::default() };
    let error = copied(vec![item(from, "all", to)], &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.hint().unwrap().contains("linux/amd64, linux/arm64"));
}

#[tokio::test]
async fn an_index_is_rewritten_or_left_sparse_when_asked() {
    let from = Memory::new();
    let root = index(&from).await;
    let platforms = vec!["linux/amd64".parse().unwrap()];
    for mode in [IndexMode::Rewrite, IndexMode::Sparse, IndexMode::Keep] {
        let to = Memory::new();
        let options = Options { platforms: platforms.clone(), index: Some(mode), ..Options::default() };
        let report = copied(vec![item(from.clone(), "all", to.clone())], &options).await.unwrap();
        let there = to.manifest(&report.images[0].destination).await.unwrap();
        let children = there.as_index().unwrap().manifests.len();
        let is_same = there.digest() == root.digest();
        assert_eq!((children, is_same), if mode == IndexMode::Rewrite { (2, false) } else { (4, true) });
        assert_eq!(to.has(&root.as_index().unwrap().manifests[1]).await.unwrap(), mode == IndexMode::Keep);
        assert!(to.has(&root.as_index().unwrap().manifests[2]).await.unwrap(), "the attestation goes with its image");
    }
}

#[tokio::test]
async fn a_conversion_is_done_only_when_asked() {
    let (from, to) = (Memory::new(), Memory::new());
    let root = image(&from, "x", Some("all")).await;
    let options = Options { to: Some(Format::Oci), ..Options::default() };
    let report = copied(vec![item(from, "all", to.clone())], &options).await.unwrap();
    assert_ne!(report.images[0].destination.digest, root.digest());
    let there = to.manifest(&report.images[0].destination).await.unwrap();
    assert_eq!(there.media_type(), &MediaType::OCI_MANIFEST);
}

#[tokio::test]
async fn digests_that_are_to_be_preserved_are_not_changed() {
    let (from, to) = (Memory::new(), Memory::new());
    index(&from).await;
    let platforms = vec!["linux/amd64".parse().unwrap()];
    let preserve = Options { preserve_digests: true, ..Options::default() };
    for options in [
        Options { to: Some(Format::Oci), ..preserve.clone() },
        Options { platforms: platforms.clone(), index: Some(IndexMode::Rewrite), ..preserve.clone() },
    ] {
        let error = copied(vec![item(from.clone(), "all", to.clone())], &options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
    let sparse = Options { platforms, index: Some(IndexMode::Sparse), ..preserve.clone() };
    copied(vec![item(from.clone(), "all", to.clone())], &sparse).await.unwrap();
    copied(vec![item(from, "all", to)], &preserve).await.unwrap();
}

#[tokio::test]
async fn a_plan_says_what_is_missing_and_writes_nothing() {
    let (from, to) = (Memory::new(), Memory::new());
    index(&from).await;
    to.put_blob(Digest::of(b"shared"), Bytes::from_static(b"shared"));
    let plan = plan(&[item(from, "all", to.clone())], &Options::default()).await.unwrap();
    assert_eq!(plan.blobs(|presence| presence == Presence::Present), (1, 6));
    assert_eq!(plan.blobs(|presence| presence == Presence::Missing).0, 6);
    assert_eq!(plan.images[0].manifests.len(), 5);
    assert!(to.names().await.unwrap().is_empty());
}

#[tokio::test]
async fn several_images_share_one_queue_and_one_blob_moves_once() {
    let (from, to) = (Memory::new(), Memory::new());
    image(&from, "a", Some("a")).await;
    image(&from, "b", Some("b")).await;
    let (source, destination): (Arc<dyn Source>, Arc<dyn Destination>) = (Arc::new(from), Arc::new(to.clone()));
    let named = |name: &str| Item {
        source: source.clone(),
        source_name: Some(Name::new(name)),
        destination: destination.clone(),
        destination_names: vec![Name::new(name), Name::new("both")],
    };
    let report = copied(vec![named("a"), named("b")], &Options::default()).await.unwrap();
    assert_eq!(report.blobs_transferred, 5);
    assert_eq!(to.names().await.unwrap().len(), 3);
}

/// A source whose blobs are wrong for the first `bad` reads, and a destination whose uploads break as often.
struct Faulty {
    memory: Memory,
    bad: AtomicU32,
}

impl Faulty {
    fn new(memory: &Memory, bad: u32) -> Self {
        Self { memory: memory.clone(), bad: AtomicU32::new(bad) }
    }

    fn is_bad(&self) -> bool {
        self.bad.try_update(Ordering::SeqCst, Ordering::SeqCst, |bad| bad.checked_sub(1)).is_ok()
    }
}

#[async_trait]
impl Source for Faulty {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        self.memory.resolve(name).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        self.memory.manifest(descriptor).await
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        if self.is_bad() {
            return Ok(BlobReader::from_bytes(vec![b'!'; descriptor.size as usize].into()));
        }
        self.memory.blob(descriptor, from).await
    }

    async fn names(&self) -> Result<Vec<Name>> {
        self.memory.names().await
    }
}

#[async_trait]
impl Destination for Faulty {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.memory.has(descriptor).await
    }

    async fn begin(&self, descriptor: &Descriptor, origins: &[Repository]) -> Result<Begin> {
        if self.is_bad() { Ok(Begin::Write(Box::new(Broken))) } else { self.memory.begin(descriptor, origins).await }
    }

    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        self.memory.put_manifest(manifest, name).await
    }

    async fn finish(&self) -> Result<()> {
        Ok(())
    }
}

struct Broken;

#[async_trait]
impl BlobWriter for Broken {
    async fn write(&mut self, _: Bytes) -> Result<()> {
        Err(Error::new(Kind::Network, "the connection broke"))
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        Err(Error::new(Kind::Network, "the connection broke"))
    }
}

#[tokio::test]
async fn n10_wrong_bytes_are_fetched_once_more_and_never_put() {
    let (from, to) = (Memory::new(), Memory::new());
    image(&from, "x", Some("all")).await;
    copied(vec![item(Faulty::new(&from, 1), "all", to)], &Options::default()).await.unwrap();
    let to = Memory::new();
    let options = Options { jobs: Jobs::always(1), ..Options::default() };
    let error = copied(vec![item(Faulty::new(&from, 2), "all", to.clone())], &options).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (Kind::Mismatch, Some(Side::Source)));
    assert!(error.step().unwrap().starts_with("get blob sha256:"));
    assert!(to.names().await.unwrap().is_empty(), "nothing is named");
}

#[tokio::test]
async fn an_upload_that_breaks_off_starts_afresh() {
    let (from, to) = (Memory::new(), Memory::new());
    image(&from, "x", Some("all")).await;
    let options = Options { jobs: Jobs::always(1), retries: 2, ..Options::default() };
    copied(vec![item(from.clone(), "all", Faulty::new(&to, 2))], &options).await.unwrap();
    let error = copied(vec![item(from, "all", Faulty::new(&Memory::new(), 3))], &options).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (Kind::Network, Some(Side::Destination)));
}

/// A source that counts how many blobs are asked for at once.
struct Distant {
    memory: Memory,
    distance: Option<Duration>,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Source for Distant {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        self.memory.resolve(name).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        self.memory.manifest(descriptor).await
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // There is one thread: all that may begin meanwhile begins.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.memory.blob(descriptor, from).await
    }

    async fn names(&self) -> Result<Vec<Name>> {
        self.memory.names().await
    }

    fn distance(&self) -> Option<Duration> {
        self.distance
    }
}

#[tokio::test]
async fn n32_more_blobs_move_at_once_from_far_away() {
    let from = Memory::new();
    let layers: Vec<_> =
        (0..20).map(|n| blob(&from, MediaType::OCI_LAYER, &format!("{n:02}").repeat(150_000))).collect();
    let config = blob(&from, MediaType::OCI_CONFIG, &"{}".repeat(200_000));
    let media_type = MediaType::OCI_MANIFEST;
    let document = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
    put(&from, &document, Some("all")).await;
    let (here, there) = (Some(Duration::from_millis(20)), Some(Duration::from_millis(21)));
    for (distance, jobs, expected) in [
        (None, Jobs::default(), 4),
        (here, Jobs::default(), 4),
        (there, Jobs::default(), 8),
        (there, Jobs::always(3), 3),
        (here, Jobs::always(3), 3),
    ] {
        let most = Arc::new(AtomicUsize::new(0));
        let source = Distant { memory: from.clone(), distance, now: AtomicUsize::new(0), most: most.clone() };
        let options = Options { jobs, ..Options::default() };
        copied(vec![item(source, "all", Memory::new())], &options).await.unwrap();
        assert_eq!(most.load(Ordering::SeqCst), expected, "{distance:?}, {jobs:?}");
    }
}
