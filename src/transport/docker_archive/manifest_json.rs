//! `manifest.json`: docker's list of the images in an archive
//! ([format](https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format)).

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use crate::content::tar::Tar;
use crate::name::Reference;
use crate::oci::{Digest, JsonKeys, MANIFEST_LIMIT, parse_json};
use crate::{Error, Result};

/// The name of the list in an archive.
pub(super) const NAME: &str = "manifest.json";

/// Its keys, which docker reads in any case.
const KEYS: JsonKeys = JsonKeys { known: &["Config", "RepoTags", "Layers", "LayerSources", "Parent"], free: &[] };

/// One image.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    /// Member that is the image's config.
    pub(super) config: String,
    /// What the image is called. Full names are written: podman takes a short one for an image of its own, `localhost/…`.
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    /// Members that are its layers, base first.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) layers: Vec<String>,
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Entry {
    pub(super) fn new(config: String, names: &[Reference], layers: Vec<String>) -> Self {
        let names: Vec<String> = names.iter().map(Reference::to_string).collect();
        Self { config, repo_tags: Some(names).filter(|names| !names.is_empty()), layers }
    }

    /// The full names.
    pub(super) fn names(&self) -> Result<Vec<Reference>> {
        let names = self.repo_tags.iter().flatten().map(|name| name.parse::<Reference>().map(Reference::or_latest));
        names.collect::<Result<_, _>>().map_err(|error| Error::mismatch(format!("{NAME}: {error}")))
    }

    /// The config's digest, where its name is made from one: `blobs/sha256/HEX`, `HEX.json` and `sha256:HEX` all are.
    pub(super) fn config_digest(&self) -> Option<Digest> {
        let base = self.config.rsplit('/').next()?;
        let hex = base.strip_suffix(".json").unwrap_or(base);
        let hex = hex.strip_prefix("sha256:").unwrap_or(hex);
        let algorithm = if self.config.contains("blobs/sha512/") { "sha512" } else { "sha256" };
        format!("{algorithm}:{hex}").parse().ok()
    }
}

/// Reads the list, where the archive has it.
pub(super) fn read(tar: &Tar) -> Result<Option<Vec<Entry>>> {
    let Some(span) = tar.find(NAME)? else { return Ok(None) };
    Ok(Some(parse_json(&tar.read(span, MANIFEST_LIMIT)?, NAME, KEYS)?))
}

/// The list as a member.
pub(super) fn member(entries: &[Entry]) -> (String, Bytes) {
    (NAME.to_owned(), serde_json::json!(entries).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_digests_in_config_names() {
        let digest = Digest::of(b"x");
        let hex = digest.hex();
        for name in [format!("blobs/sha256/{hex}"), format!("{hex}.json"), format!("sha256:{hex}")] {
            assert_eq!(Entry::new(name, &[], Vec::new()).config_digest(), Some(digest));
        }
        assert_eq!(Entry::new("config.json".into(), &[], Vec::new()).config_digest(), None);
    }
}
