//! Config: the blob that says how an image runs and what its layers unpack to
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::descriptor::null_as_default;
use super::json::Keys;
use super::{Digest, ParseError, Platform, json};

/// Keys that mean something to us, where a spelling in other case would be read by others.
const KEYS: Keys = Keys {
    known: &["architecture", "os", "variant", "os.version", "rootfs", "diff_ids", "history", "created"],
    free: &["config", "container_config"],
};

/// An image's config as we read it. The bytes it came from stay the truth: a config is never written back from this.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// What the image runs on.
    #[serde(flatten)]
    pub platform: Platform,
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// How to run it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: ContainerConfig,
    /// What the layers unpack to.
    pub rootfs: RootFs,
    /// How each layer came about, oldest first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub history: Vec<History>,
}

/// How to run an image.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Environment, `KEY=value`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub env: Vec<String>,
    /// Labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
    /// Everything else, as written.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The layers' uncompressed digests.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Digest of each uncompressed layer, base first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub diff_ids: Vec<Digest>,
}

/// One step that made the image.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    /// When, RFC 3339.
    #[serde(default)]
    pub created: Option<String>,
    /// The command.
    #[serde(default)]
    pub created_by: Option<String>,
    /// What the author says.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether the step made no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

impl Config {
    /// Reads a config. Errs where it is no JSON, has a key twice, or lacks `rootfs`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        json::parse(bytes, "config", KEYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_docker_and_oci_configs() {
        let config = Config::parse(
            br#"{"architecture":"arm64","variant":"v8","os":"linux","config":{"Env":null,"Labels":{"a":"b"},"Cmd":["x"]},
                "rootfs":{"type":"layers","diff_ids":null},"history":[{"created_by":"x","empty_layer":true}]}"#,
        )
        .unwrap();
        assert_eq!(config.platform.to_string(), "linux/arm64/v8");
        assert_eq!(config.config.labels["a"], "b");
        assert!(config.history[0].empty_layer);
        assert!(Config::parse(br#"{"architecture":"x","os":"y","rootfs":{},"Rootfs":{}}"#).is_err());
    }
}
