//! Descriptor: what points to content
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md)).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{Digest, MediaType, Platform};

/// Annotations of a manifest or descriptor.
pub type Annotations = BTreeMap<String, String>;

/// Media type, digest and size of a content, and what is said about it. Unknown fields are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: MediaType,
    /// What the content's bytes hash to.
    pub digest: Digest,
    /// Length of the content in bytes.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Where else the content may be fetched.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Arbitrary metadata.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The content itself, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What an index entry runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The artifact type of a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Descriptor {
    /// A descriptor with nothing but the three fields every one has; `size` in bytes.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            urls: Vec::new(),
            annotations: Annotations::new(),
            data: None,
            platform: None,
            artifact_type: None,
            extra: Map::new(),
        }
    }

    /// The SHA-256 descriptor of `content`.
    pub fn of(media_type: MediaType, content: &[u8]) -> Self {
        Self::new(media_type, Digest::of(content), content.len() as u64)
    }

    /// Whether this index entry is a build attestation that docker hides from people
    /// ([buildkit](https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md)).
    pub fn is_attestation(&self) -> bool {
        self.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
    }
}

/// Sizes are signed 64-bit integers in the specification; none is negative.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = i64::deserialize(deserializer)?;
    u64::try_from(size).map_err(|_| serde::de::Error::custom(format!("size {size} is negative")))
}

/// Go writes `null` for an empty list or map.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_does_not_know() {
        let text = format!(
            r#"{{"mediaType":"a/b","digest":"{}","size":1,"platform":{{"architecture":"amd64","os":"windows","os.version":"10.0.1"}},"new":[1]}}"#,
            Digest::of(b"x")
        );
        let descriptor: Descriptor = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), text);
    }

    #[test]
    fn d05_refuses_sizes_that_are_none() {
        for size in ["-1", "1e3", "\"5\"", "9223372036854775808", "1.5", "null"] {
            let text = format!(r#"{{"mediaType":"a/b","digest":"{}","size":{size}}}"#, Digest::of(b"x"));
            assert!(serde_json::from_str::<Descriptor>(&text).is_err(), "{size}");
        }
    }
}
