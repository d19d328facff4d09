//! imgctl moves container images: registries, archives, layouts and the local store.

pub mod oci;

pub mod error;

pub use error::{Error, Result};
