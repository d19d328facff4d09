//! Image builder: says what a [`TestImage`] is made of.

use std::collections::BTreeMap;

use bytes::Bytes;
use imgctl::oci::{Algorithm, Annotations, Compression, Descriptor, Digest, MediaType, Platform};
use serde_json::{Value, json};

use super::image::TestImage;
use super::layer::{self, Layer};

const CREATED: &str = "2023-11-14T22:13:20Z";

/// Says what an image is made of.
#[derive(Default)]
pub struct ImageBuilder {
    layers: Vec<Layer>,
    blobs: Vec<(String, Bytes)>,
    compression: Option<Compression>,
    algorithm: Option<Algorithm>,
    docker: bool,
    platform: Option<Platform>,
    labels: BTreeMap<String, String>,
    annotations: Annotations,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
}

impl ImageBuilder {
    /// An image without layers for linux/amd64, in OCI types, its layers compressed with gzip.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer on top.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds a layer that is no tar, of any media type.
    pub fn blob(mut self, media_type: &str, content: impl Into<Bytes>) -> Self {
        self.blobs.push((media_type.to_owned(), content.into()));
        self
    }

    /// Compresses the layers otherwise.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Makes all digests otherwise than with SHA-256.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Uses docker's media types.
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Runs on another platform.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = Some(platform.parse().unwrap());
        self
    }

    /// Adds a label to the config.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation to the manifest.
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Refers to `image`.
    pub fn subject(mut self, image: &TestImage) -> Self {
        self.subject = Some(image.descriptor());
        self
    }

    /// Makes it an artifact of this type, with the empty config.
    pub fn artifact_type(mut self, artifact_type: &str) -> Self {
        self.artifact_type = Some(artifact_type.to_owned());
        self
    }

    /// Makes the image.
    pub fn build(mut self) -> TestImage {
        let platform = self.platform.take().unwrap_or_else(|| Platform::new("linux", "amd64"));
        let compression = self.compression.unwrap_or(Compression::Gzip);
        let algorithm = self.algorithm.unwrap_or(Algorithm::Sha256);
        let mut blobs = BTreeMap::new();
        let mut diff_ids = Vec::new();
        let mut layers = Vec::new();
        let mut keep = |media_type: MediaType, content: Bytes| {
            let digest = Digest::with(algorithm, &content);
            let descriptor = Descriptor::new(media_type, digest, content.len() as u64);
            blobs.insert(descriptor.digest, content);
            descriptor
        };
        for layer in std::mem::take(&mut self.layers) {
            let tar = layer.into_tar();
            diff_ids.push(Digest::with(algorithm, &tar));
            layers.push(keep(self.typed(layer_type(compression)), layer::compress(&tar, compression)));
        }
        for (media_type, content) in std::mem::take(&mut self.blobs) {
            diff_ids.push(Digest::with(algorithm, &content));
            layers.push(keep(MediaType::new(media_type), content));
        }
        let config = match self.artifact_type {
            Some(_) => keep(MediaType::OCI_EMPTY, Bytes::from_static(b"{}")),
            None => keep(self.typed(MediaType::OCI_CONFIG), self.config(&platform, &diff_ids)),
        };
        let manifest = self.manifest(&config, &layers);
        let media_type = self.typed(MediaType::OCI_MANIFEST);
        TestImage { blobs, algorithm, platform: Some(platform), ..TestImage::of_document(media_type, &manifest) }
    }

    fn typed(&self, oci: MediaType) -> MediaType {
        if self.docker { oci.to_docker().expect("a docker type") } else { oci }
    }

    fn config(&self, platform: &Platform, diff_ids: &[Digest]) -> Bytes {
        let history: Vec<_> = diff_ids.iter().map(|_| json!({ "created": CREATED, "created_by": "test" })).collect();
        let mut config = json!({
            "created": CREATED,
            "config": { "Cmd": ["/bin/sh"], "Labels": self.labels },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        });
        let Value::Object(platform) = serde_json::to_value(platform).unwrap() else {
            panic!("a platform is an object")
        };
        config.as_object_mut().unwrap().extend(platform);
        config.to_string().into()
    }

    fn manifest(&self, config: &Descriptor, layers: &[Descriptor]) -> Value {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": self.typed(MediaType::OCI_MANIFEST),
            "config": config,
            "layers": layers,
        });
        if let Some(artifact_type) = &self.artifact_type {
            manifest["artifactType"] = json!(artifact_type);
        }
        if let Some(subject) = &self.subject {
            manifest["subject"] = json!(subject);
        }
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        manifest
    }
}

fn layer_type(compression: Compression) -> MediaType {
    match compression {
        Compression::None => MediaType::OCI_LAYER,
        Compression::Gzip => MediaType::OCI_LAYER_GZIP,
        Compression::Zstd => MediaType::OCI_LAYER_ZSTD,
    }
}
