//! Limits: how much, how many and how long. The defaults suit a team's registry on one machine.

use std::time::Duration;

/// What clients may take of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long a client may take for the TLS handshake, and again for the head of a request (10 s).
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request (60 s).
    pub idle_timeout: Duration,
    /// How long a client may send nothing of a body, or take nothing of an answer (30 s). In as much time of waiting for it,
    /// it must also move 512 bytes a second.
    pub body_timeout: Duration,
    /// Most connections at once (1024). One more closes the one that waits longest for a request; where all are at work, it
    /// waits for the first that ends.
    pub max_connections: usize,
    /// Largest manifest (4 MiB).
    pub max_manifest_size: u64,
    /// Largest blob (as the disk allows).
    pub max_blob_size: Option<u64>,
    /// Most open upload sessions (1024).
    pub max_uploads: usize,
    /// How long an upload session is kept after the last byte that came (24 h).
    pub upload_expiry: Duration,
    /// Most bytes the store may hold for pushes to be accepted (as the disk allows).
    pub quota: Option<u64>,
    /// How long running requests may go on once the server is asked to stop (30 s).
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            max_connections: 1024,
            max_manifest_size: 4 << 20,
            max_blob_size: None,
            max_uploads: 1024,
            upload_expiry: Duration::from_secs(24 * 60 * 60),
            quota: None,
            grace: Duration::from_secs(30),
        }
    }
}
