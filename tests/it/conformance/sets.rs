//! Content to push: blobs and manifests that belong together, in the order in which they are pushed.

use std::sync::atomic::{AtomicU64, Ordering};

use imgctl::oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{IMAGE, INDEX};

pub const ARTIFACT: &str = "application/vnd.example.artifact.v1";
pub const OTHER_ARTIFACT: &str = "application/vnd.example.artifact.v2";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A blob and its digest.
#[derive(Debug, Clone)]
pub struct Blob {
    pub digest: Digest,
    pub bytes: Vec<u8>,
}

/// A manifest as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Content that belongs together.
pub struct Set {
    pub blobs: Vec<Blob>,
    /// What is named comes before what names it.
    pub manifests: Vec<Manifest>,
    pub tags: Vec<(String, Digest)>,
    algorithm: Algorithm,
}

impl Blob {
    /// Bytes that no other blob has.
    pub fn random(algorithm: Algorithm, size: usize) -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let mut rng = fastrand::Rng::with_seed(SEED.fetch_add(1, Ordering::Relaxed));
        let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(size).collect();
        Self::of(algorithm, bytes)
    }

    pub fn of(algorithm: Algorithm, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::with(algorithm, &bytes), bytes }
    }

    /// The same digest with other bytes.
    pub fn spoilt(mut self) -> Self {
        self.bytes.extend(b"spoilt");
        self
    }
}

impl Manifest {
    /// These very bytes, of this type.
    pub fn of(media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), media_type: media_type.to_owned(), bytes }
    }

    pub fn of_document(document: &Value) -> Self {
        let media_type = document["mediaType"].as_str().unwrap_or(IMAGE);
        Self::of(media_type, serde_json::to_vec(document).unwrap())
    }

    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// How an index names it.
    pub fn descriptor(&self) -> Value {
        descriptor(&self.media_type, &self.digest, self.bytes.len())
    }

    /// How the list of its subject's referrers names it.
    pub fn as_referrer(&self) -> Value {
        let document = self.document();
        let mut descriptor = self.descriptor();
        let config = if self.media_type == IMAGE { &document["config"]["mediaType"] } else { &Value::Null };
        let said = if document["artifactType"].is_string() { &document["artifactType"] } else { config };
        if said.is_string() {
            descriptor["artifactType"] = said.clone();
        }
        if document["annotations"].is_object() {
            descriptor["annotations"] = document["annotations"].clone();
        }
        descriptor
    }
}

impl Set {
    pub fn new() -> Self {
        Self::with(Algorithm::Sha256)
    }

    pub fn with(algorithm: Algorithm) -> Self {
        Self { blobs: Vec::new(), manifests: Vec::new(), tags: Vec::new(), algorithm }
    }

    /// Adds a blob; returns its descriptor.
    pub fn blob(&mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let blob = Blob::of(self.algorithm, bytes);
        let descriptor = descriptor(media_type, &blob.digest, blob.bytes.len());
        if self.blobs.iter().all(|known| known.digest != blob.digest) {
            self.blobs.push(blob);
        }
        descriptor
    }

    /// Adds a manifest; returns its descriptor.
    pub fn manifest(&mut self, document: &Value) -> Value {
        let mut manifest = Manifest::of_document(document);
        manifest.digest = Digest::with(self.algorithm, &manifest.bytes);
        let descriptor = manifest.descriptor();
        self.manifests.push(manifest);
        descriptor
    }

    /// Adds an image of two layers; returns its descriptor.
    pub fn image(&mut self) -> Value {
        self.image_but(|_| {})
    }

    /// The same with a change to the manifest.
    pub fn image_but(&mut self, change: impl FnOnce(&mut Value)) -> Value {
        let layers = [(); 2].map(|()| self.blob(LAYER, Blob::random(self.algorithm, 200).bytes));
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
            "author": self.blobs.len().to_string() });
        let config = self.blob(CONFIG, serde_json::to_vec(&config).unwrap());
        let mut document = json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers });
        change(&mut document);
        self.manifest(&document)
    }

    /// Adds an artifact: an empty config and one blob of its type; returns its descriptor.
    pub fn artifact(&mut self, artifact_type: &str, change: impl FnOnce(&mut Value)) -> Value {
        let config = self.blob(EMPTY, "{}");
        let content = self.blob(artifact_type, Blob::random(self.algorithm, 2048).bytes);
        let mut document = json!({ "schemaVersion": 2, "mediaType": IMAGE, "artifactType": artifact_type,
            "config": config, "layers": [content] });
        change(&mut document);
        self.manifest(&document)
    }

    /// Adds an index; returns its descriptor.
    pub fn index(&mut self, children: &[Value], change: impl FnOnce(&mut Value)) -> Value {
        let mut document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children });
        change(&mut document);
        self.manifest(&document)
    }

    /// Adds an index over two images; returns its descriptor.
    pub fn platforms(&mut self) -> Value {
        let children = ["amd64", "arm64"].map(|architecture| {
            let mut child = self.image();
            child["platform"] = json!({ "os": "linux", "architecture": architecture });
            child
        });
        self.index(&children, |_| {})
    }

    /// Tags what was added last.
    pub fn tag(mut self, tag: &str) -> Self {
        let digest = self.manifests.last().unwrap().digest;
        self.tags.push((tag.to_owned(), digest));
        self
    }

    pub fn find(&self, digest: &Digest) -> &Manifest {
        self.manifests.iter().find(|manifest| manifest.digest == *digest).unwrap()
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
}
