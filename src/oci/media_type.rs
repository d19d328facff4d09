//! Media types and what they stand for
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md)).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type as it was written; parameters and case are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

/// What a media type means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An image manifest, OCI or docker schema 2.
    Manifest,
    /// An index or docker manifest list.
    Index,
    /// Docker schema 1, signed or not: read by nobody any more.
    Schema1,
    /// An image's config.
    Config,
    /// A file system layer.
    Layer(Compression),
    /// A layer that may not be distributed; it is fetched from its `urls`, if at all.
    ForeignLayer(Compression),
    /// Anything else: artifacts, attestations, helm charts.
    Other,
}

/// How a layer is compressed, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl MediaType {
    /// OCI image manifest.
    pub const OCI_MANIFEST: Self = Self::known("application/vnd.oci.image.manifest.v1+json");
    /// OCI image index.
    pub const OCI_INDEX: Self = Self::known("application/vnd.oci.image.index.v1+json");
    /// OCI image config.
    pub const OCI_CONFIG: Self = Self::known("application/vnd.oci.image.config.v1+json");
    /// OCI layer, uncompressed.
    pub const OCI_LAYER: Self = Self::known("application/vnd.oci.image.layer.v1.tar");
    /// OCI layer, gzip.
    pub const OCI_LAYER_GZIP: Self = Self::known("application/vnd.oci.image.layer.v1.tar+gzip");
    /// OCI layer, zstd.
    pub const OCI_LAYER_ZSTD: Self = Self::known("application/vnd.oci.image.layer.v1.tar+zstd");
    /// OCI empty JSON (`{}`), the config of artifacts that have none.
    pub const OCI_EMPTY: Self = Self::known("application/vnd.oci.empty.v1+json");
    /// Docker schema 2 manifest.
    pub const DOCKER_MANIFEST: Self = Self::known("application/vnd.docker.distribution.manifest.v2+json");
    /// Docker manifest list.
    pub const DOCKER_LIST: Self = Self::known("application/vnd.docker.distribution.manifest.list.v2+json");
    /// Docker image config.
    pub const DOCKER_CONFIG: Self = Self::known("application/vnd.docker.container.image.v1+json");
    /// Docker layer, gzip.
    pub const DOCKER_LAYER_GZIP: Self = Self::known("application/vnd.docker.image.rootfs.diff.tar.gzip");
    /// Docker layer, uncompressed.
    pub const DOCKER_LAYER: Self = Self::known("application/vnd.docker.image.rootfs.diff.tar");
    /// Docker layer, zstd.
    pub const DOCKER_LAYER_ZSTD: Self = Self::known("application/vnd.docker.image.rootfs.diff.tar.zstd");
    /// Docker foreign layer, gzip.
    pub const DOCKER_FOREIGN_GZIP: Self = Self::known("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");

    /// All manifest types we can read, in the order we prefer them.
    pub const MANIFESTS: [Self; 4] = [Self::OCI_INDEX, Self::DOCKER_LIST, Self::OCI_MANIFEST, Self::DOCKER_MANIFEST];

    const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A media type that may be none of the constants.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it stands for.
    pub fn role(&self) -> Role {
        use Compression::{Gzip, None, Zstd};
        match self.as_str() {
            "application/vnd.oci.image.manifest.v1+json" | "application/vnd.docker.distribution.manifest.v2+json" => {
                Role::Manifest
            }
            "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                Role::Index
            }
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => Role::Schema1,
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {
                Role::Config
            }
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
                Role::Layer(None)
            }
            "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
                Role::Layer(Gzip)
            }
            "application/vnd.oci.image.layer.v1.tar+zstd" | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
                Role::Layer(Zstd)
            }
            "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar" => Role::ForeignLayer(None),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Role::ForeignLayer(Gzip),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => Role::ForeignLayer(Zstd),
            _ => Role::Other,
        }
    }

    /// A manifest or an index: something that has children.
    pub fn is_manifest(&self) -> bool {
        matches!(self.role(), Role::Manifest | Role::Index)
    }

    /// One of docker's own types, which some registries and tools refuse.
    pub fn is_docker(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.")
    }

    /// The OCI type for the same thing, where docker's has one.
    pub fn to_oci(&self) -> Self {
        match (self.is_docker(), self.role()) {
            (true, Role::Manifest) => Self::OCI_MANIFEST,
            (true, Role::Index) => Self::OCI_INDEX,
            (true, Role::Config) => Self::OCI_CONFIG,
            (true, Role::Layer(Compression::None)) => Self::OCI_LAYER,
            (true, Role::Layer(Compression::Gzip)) => Self::OCI_LAYER_GZIP,
            (true, Role::Layer(Compression::Zstd)) => Self::OCI_LAYER_ZSTD,
            (true, Role::ForeignLayer(Compression::None)) => {
                Self::known("application/vnd.oci.image.layer.nondistributable.v1.tar")
            }
            (true, Role::ForeignLayer(Compression::Gzip)) => {
                Self::known("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
            }
            (true, Role::ForeignLayer(Compression::Zstd) | Role::Schema1 | Role::Other) | (false, _) => self.clone(),
        }
    }

    /// Docker's type for the same thing; `None` where docker has none.
    pub fn to_docker(&self) -> Option<Self> {
        if self.is_docker() {
            return Some(self.clone());
        }
        match self.role() {
            Role::Manifest => Some(Self::DOCKER_MANIFEST),
            Role::Index => Some(Self::DOCKER_LIST),
            Role::Config => Some(Self::DOCKER_CONFIG),
            Role::Layer(Compression::None) => Some(Self::DOCKER_LAYER),
            Role::Layer(Compression::Gzip) => Some(Self::DOCKER_LAYER_GZIP),
            Role::Layer(Compression::Zstd) => Some(Self::DOCKER_LAYER_ZSTD),
            Role::ForeignLayer(Compression::Gzip) => Some(Self::DOCKER_FOREIGN_GZIP),
            Role::ForeignLayer(Compression::None | Compression::Zstd) | Role::Schema1 | Role::Other => None,
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_and_oci_types_map_to_each_other() {
        for oci in [MediaType::OCI_MANIFEST, MediaType::OCI_INDEX, MediaType::OCI_CONFIG, MediaType::OCI_LAYER_GZIP] {
            let docker = oci.to_docker().unwrap();
            assert!(docker.is_docker());
            assert_eq!(docker.role(), oci.role());
            assert_eq!(docker.to_oci(), oci);
        }
        assert_eq!(MediaType::OCI_EMPTY.to_docker(), None);
    }
}
