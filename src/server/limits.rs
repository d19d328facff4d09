//! Limits: how much and how long.

use std::time::Duration;

/// What clients may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long the header of a request may take.
    pub header_timeout: Duration,
    /// How long a body may make no progress.
    pub body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// Connections at a time.
    pub max_connections: usize,
    /// Bytes of a manifest.
    pub max_manifest_size: u64,
    /// Bytes of a blob.
    pub max_blob_size: Option<u64>,
    /// Uploads that are open at a time.
    pub max_uploads: usize,
    /// How long an upload stays after its last byte.
    pub upload_expiry: Duration,
    /// Bytes of all blobs and uploads.
    pub quota: Option<u64>,
    /// How long running requests may go on after the server was asked to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_connections: 1024,
            max_manifest_size: 4 * 1024 * 1024,
            max_blob_size: None,
            max_uploads: 1024,
            upload_expiry: Duration::from_secs(24 * 60 * 60),
            quota: None,
            grace: Duration::from_secs(30),
        }
    }
}
