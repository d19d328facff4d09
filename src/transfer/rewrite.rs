//! Rewriting manifests: what they say of others follows when these get new digests.

use std::collections::HashMap;

use serde_json::Value;

use crate::oci::{Digest, Manifest, MediaType};
use crate::{Error, Result};

/// Build attestations name the image that they describe here.
const ATTESTED: &str = "vnd.docker.reference.digest";

/// What is changed in each manifest.
pub(super) trait Edit {
    /// The media type of a manifest that has been `media_type`.
    fn media_type(&self, media_type: &MediaType) -> Result<MediaType> {
        Ok(media_type.clone())
    }

    /// Changes `entry`, a descriptor that `manifest` has under `key`.
    fn descriptor(&self, manifest: &Manifest, key: &str, entry: &mut Value) -> Result<()>;
}

/// The same manifests with `edit` made, in the same order. Those that it does not change stay byte for byte.
pub(super) fn rewrite(manifests: &[Manifest], edit: &dyn Edit) -> Result<Vec<Manifest>> {
    let all = manifests.iter().map(|manifest| (manifest.digest(), manifest)).collect();
    let mut rewriting = Rewriting { all, edit, done: HashMap::new() };
    manifests.iter().map(|manifest| rewriting.manifest(manifest)).collect()
}

struct Rewriting<'a> {
    all: HashMap<Digest, &'a Manifest>,
    edit: &'a dyn Edit,
    done: HashMap<Digest, Manifest>,
}

impl Rewriting<'_> {
    fn manifest(&mut self, manifest: &Manifest) -> Result<Manifest> {
        if let Some(done) = self.done.get(&manifest.digest()) {
            return Ok(done.clone());
        }
        // What it names by digest must have its new one: digests make no circles.
        for named in manifest.children().into_iter().chain(manifest.subject()) {
            if let Some(named) = self.all.get(&named.digest).copied() {
                self.manifest(named)?;
            }
        }
        let rewritten = self.rewritten(manifest)?;
        self.done.insert(manifest.digest(), rewritten.clone());
        Ok(rewritten)
    }

    fn rewritten(&self, manifest: &Manifest) -> Result<Manifest> {
        let broken = |error: serde_json::Error| Error::mismatch("manifest").with_source(error);
        let original: Value = serde_json::from_slice(manifest.bytes()).map_err(broken)?;
        let mut document = original.clone();
        let media_type = self.edit.media_type(manifest.media_type())?;
        if document.get("mediaType").is_some() || media_type != *manifest.media_type() {
            document["mediaType"] = Value::from(media_type.as_str());
        }
        for key in ["config", "layers", "manifests", "subject"] {
            let entries: Vec<&mut Value> = match document.get_mut(key) {
                Some(Value::Array(entries)) => entries.iter_mut().collect(),
                Some(entry @ Value::Object(_)) => vec![entry],
                _ => Vec::new(),
            };
            for entry in entries {
                self.edit.descriptor(manifest, key, entry)?;
                self.follow(entry);
            }
        }
        if document == original {
            return Ok(manifest.clone());
        }
        Ok(Manifest::parse(serde_json::to_vec(&document).map_err(broken)?, Some(&media_type))?)
    }

    /// Gives a descriptor new digest and size where its manifest was changed.
    fn follow(&self, entry: &mut Value) {
        let new = |text: &Value| self.done.get(&text.as_str()?.parse().ok()?);
        if let Some(child) = new(&entry["digest"]) {
            entry["digest"] = Value::from(child.digest().to_string());
            entry["size"] = Value::from(child.bytes().len());
        }
        if let Some(attested) = entry.get("annotations").and_then(|annotations| new(annotations.get(ATTESTED)?)) {
            entry["annotations"][ATTESTED] = Value::from(attested.digest().to_string());
        }
    }
}
