//! The words of the [image spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md) and of docker's
//! schema 2: digests, descriptors, media types, platforms, manifests, configs. Pure data, no I/O.

mod config;
mod descriptor;
mod digest;
mod json;
mod manifest;
mod media_type;
mod platform;

pub use config::{Config, ContainerConfig, History, RootFs};
pub use descriptor::{Annotations, Descriptor};
pub use digest::{Algorithm, Digest, Hasher};
pub(crate) use json::{Keys as JsonKeys, parse as parse_json};
pub use manifest::{Body, ImageIndex, ImageManifest, Manifest};
pub use media_type::{Compression, MediaType, Role};
pub use platform::Platform;

/// Most bytes of a manifest or an index that are read.
pub const MANIFEST_LIMIT: u64 = 8 * 1024 * 1024;
/// Most bytes of a config that are held in memory.
pub const CONFIG_LIMIT: u64 = 8 * 1024 * 1024;

/// Why foreign bytes are not what they should be: a digest, platform, manifest or config that breaks its specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub(crate) String);

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
