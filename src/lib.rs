//! imgctl moves container images: registries, archives, layouts and the local store.

pub mod oci;

pub mod name;

pub mod protocol;

pub mod error;

pub mod content;

pub mod net;

pub mod auth;

pub mod registry;

pub mod store;

pub mod transport;

pub mod transfer;

pub use error::{Error, Result};
