//! Content: what the registry holds, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use imgctl::oci::Digest;
use serde_json::Value;

use crate::support::image::TestImage;

/// Everything in the registry.
#[derive(Default)]
pub struct Content {
    /// The repositories.
    pub repositories: BTreeMap<String, Repository>,
    /// Uploads that are not finished, by id.
    pub uploads: BTreeMap<String, Vec<u8>>,
    /// How many uploads there were.
    pub begun: u64,
}

/// One repository.
#[derive(Default)]
pub struct Repository {
    /// The blobs.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// The manifests and their media types.
    pub manifests: BTreeMap<Digest, (String, Bytes)>,
    /// The tags.
    pub tags: BTreeMap<String, Digest>,
}

impl Content {
    /// A blob or manifest of any repository.
    pub fn anywhere(&self, digest: Digest) -> Option<&Bytes> {
        self.repositories.values().find_map(|repository| {
            let manifest = repository.manifests.get(&digest).map(|(_, content)| content);
            repository.blobs.get(&digest).or(manifest)
        })
    }
}

impl Repository {
    /// Puts an image, everything below it, and a tag.
    pub fn put_image(&mut self, tag: &str, image: &TestImage) {
        for image in image.all() {
            self.blobs.extend(image.blobs.clone());
            self.manifests.insert(image.digest(), (image.media_type.to_string(), image.manifest.clone()));
        }
        self.tags.insert(tag.to_owned(), image.digest());
    }

    /// A manifest by tag or digest: its digest, media type and bytes.
    pub fn manifest(&self, tag_or_digest: &str) -> Option<(Digest, &str, &Bytes)> {
        let digest = self.tags.get(tag_or_digest).copied().or_else(|| tag_or_digest.parse().ok())?;
        let (media_type, content) = self.manifests.get(&digest)?;
        Some((digest, media_type, content))
    }

    /// What a manifest points down to and this repository lacks.
    pub fn missing(&self, manifest: &Value) -> Vec<String> {
        let list = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let blobs = list("layers").into_iter().chain(manifest.get("config").cloned());
        let blobs = blobs.filter(|blob| blob.get("urls").is_none()).map(|blob| (blob, false));
        let children = list("manifests").into_iter().map(|child| (child, true));
        let digests = blobs.chain(children).map(|(descriptor, child)| (text(&descriptor["digest"]), child));
        let has = |digest: &str, child: bool| match digest.parse() {
            Ok(digest) if child => self.manifests.contains_key(&digest),
            Ok(digest) => self.blobs.contains_key(&digest),
            Err(_) => false,
        };
        digests.filter(|(digest, child)| !has(digest, *child)).map(|(digest, _)| digest).collect()
    }

    /// Descriptors of the manifests whose subject is `subject`.
    pub fn referrers(&self, subject: &str) -> Vec<Value> {
        let referring = self.manifests.iter().filter_map(|(digest, (media_type, content))| {
            let manifest: Value = serde_json::from_slice(content).ok()?;
            (manifest["subject"]["digest"] == subject).then(|| descriptor(*digest, media_type, content, &manifest))
        });
        referring.collect()
    }
}

fn descriptor(digest: Digest, media_type: &str, content: &Bytes, manifest: &Value) -> Value {
    let declared = manifest.get("artifactType").unwrap_or(&manifest["config"]["mediaType"]);
    serde_json::json!({
        "mediaType": media_type,
        "digest": digest,
        "size": content.len(),
        "artifactType": declared,
        "annotations": manifest.get("annotations").cloned().unwrap_or_else(|| serde_json::json!({})),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
