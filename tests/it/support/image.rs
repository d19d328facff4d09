//! Image: a whole image in memory, made from a seed or from files, that any tool accepts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use imgctl::oci::{Algorithm, Annotations, Descriptor, Digest, MediaType, Platform};
use serde_json::{Value, json};

use super::image_builder::ImageBuilder;
use super::layer::Layer;

/// An image, artifact or index with everything below it.
#[derive(Debug, Clone)]
pub struct TestImage {
    /// Media type of the manifest.
    pub media_type: MediaType,
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// What its digest is made with.
    pub algorithm: Algorithm,
    /// Config and layers; empty for an index.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// The images of an index.
    pub children: Vec<TestImage>,
    /// What the index above says of this one.
    pub platform: Option<Platform>,
    /// What the index above notes on this one.
    pub annotations: Annotations,
}

impl TestImage {
    /// A real image of a few hundred bytes: one gzip layer with one file.
    pub fn small() -> Self {
        ImageBuilder::new().layer(Layer::of_file("etc/hello", "hello\n")).build()
    }

    /// A real image of one layer with `size` bytes that do not compress.
    pub fn of_size(seed: u64, size: usize) -> Self {
        ImageBuilder::new().layer(Layer::random(seed, size)).build()
    }

    /// An OCI index over `children`.
    pub fn index(children: Vec<Self>) -> Self {
        Self::index_of_type(MediaType::OCI_INDEX, children)
    }

    /// An index or docker manifest list over `children`, which may be indexes themselves.
    pub fn index_of_type(media_type: MediaType, children: Vec<Self>) -> Self {
        let manifests: Vec<_> = children.iter().map(Self::descriptor).collect();
        let document = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        let mut index = Self::of_document(media_type, &document);
        index.children = children;
        index
    }

    /// One small image for each platform, and an index over them.
    pub fn multi_platform(platforms: &[&str]) -> Self {
        let image = |platform: &&str| {
            let layer = Layer::of_file("etc/platform", platform);
            ImageBuilder::new().platform(platform).layer(layer).build()
        };
        Self::index(platforms.iter().map(image).collect())
    }

    /// An index over `images`, each followed by its build attestation, as buildkit pushes it.
    pub fn with_attestations(images: Vec<Self>) -> Self {
        let attested = images.into_iter().flat_map(|image| {
            let attestation = image.attestation();
            [image, attestation]
        });
        Self::index(attested.collect())
    }

    /// A manifest of these bytes, true or not, with nothing below it.
    pub fn of_bytes(media_type: MediaType, manifest: impl Into<Bytes>) -> Self {
        Self {
            media_type,
            manifest: manifest.into(),
            algorithm: Algorithm::Sha256,
            blobs: BTreeMap::new(),
            children: Vec::new(),
            platform: None,
            annotations: Annotations::new(),
        }
    }

    /// A manifest of this document, with nothing below it.
    pub fn of_document(media_type: MediaType, document: &Value) -> Self {
        Self::of_bytes(media_type, serde_json::to_vec_pretty(document).unwrap())
    }

    /// The manifest's digest.
    pub fn digest(&self) -> Digest {
        Digest::with(self.algorithm, &self.manifest)
    }

    /// The manifest's descriptor, as an index has it.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::new(self.media_type.clone(), self.digest(), self.manifest.len() as u64);
        descriptor.platform.clone_from(&self.platform);
        descriptor.annotations.clone_from(&self.annotations);
        descriptor
    }

    /// The manifest as JSON.
    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.manifest).expect("a manifest in JSON")
    }

    /// Digests of the layers, base first; empty for an index.
    pub fn layers(&self) -> Vec<Digest> {
        let document = self.document();
        let layers = document["layers"].as_array().into_iter().flatten();
        layers.map(|layer| layer["digest"].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Digest of the config.
    pub fn config(&self) -> Digest {
        self.document()["config"]["digest"].as_str().expect("a config").parse().unwrap()
    }

    /// Bytes of all blobs, those of the children included.
    pub fn size(&self) -> u64 {
        self.blobs.values().map(|blob| blob.len() as u64).sum::<u64>()
            + self.children.iter().map(Self::size).sum::<u64>()
    }

    /// This image and all below it, children first.
    pub fn all(&self) -> Vec<&Self> {
        self.children.iter().flat_map(Self::all).chain([self]).collect()
    }

    /// Writes an OCI layout with this image under `name`.
    pub fn write_layout(&self, directory: &Path, name: &str) {
        let write = |digest: Digest, content: &Bytes| {
            let blobs = directory.join("blobs").join(digest.algorithm().as_str());
            fs::create_dir_all(&blobs).unwrap();
            fs::write(blobs.join(digest.hex()), content).unwrap();
        };
        for image in self.all() {
            write(image.digest(), &image.manifest);
            image.blobs.iter().for_each(|(digest, blob)| write(*digest, blob));
        }
        let mut descriptor = self.descriptor();
        descriptor.annotations.insert("org.opencontainers.image.ref.name".to_owned(), name.to_owned());
        let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [descriptor] });
        fs::write(directory.join("index.json"), index.to_string()).unwrap();
        fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    }

    fn attestation(&self) -> Self {
        let statement = json!({ "_type": "https://in-toto.io/Statement/v0.1", "subject": self.digest() });
        let mut attestation = ImageBuilder::new()
            .platform("unknown/unknown")
            .blob("application/vnd.in-toto+json", statement.to_string())
            .build();
        let note = |name: &str, value: String| (format!("vnd.docker.reference.{name}"), value);
        let kind = note("type", "attestation-manifest".to_owned());
        attestation.annotations.extend([kind, note("digest", self.digest().to_string())]);
        attestation
    }
}
