//! What `imgctl serve` is told: where it listens, who may do what, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use imgctl::server::{Address, Limits};

use super::quantity::{duration, size};
use crate::cli::serving::LogFormat;
use crate::cli::serving::upstream::UpstreamFlags;

/// Where the server listens and what it lets clients do.
#[derive(Debug, Args)]
pub(crate) struct ServeFlags {
    /// Listen here: HOST:PORT, of which port 0 means any free one, or unix:PATH
    #[arg(long, value_name = "ADDRESS", env = "IMGCTL_LISTEN", default_value = "127.0.0.1:5000")]
    pub(crate) listen: Address,
    /// Take no pushes
    #[arg(long, env = "IMGCTL_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub(crate) read_only: bool,
    /// Let clients delete manifests, tags and blobs
    #[arg(long, env = "IMGCTL_ALLOW_DELETE", value_parser = FalseyValueParser::new())]
    pub(crate) allow_delete: bool,
    /// Refuse manifests that name blobs which were not pushed
    #[arg(long, env = "IMGCTL_STRICT", value_parser = FalseyValueParser::new())]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) upstream: UpstreamFlags,
    /// How to write the access log to stderr
    #[arg(long, value_name = "FORMAT", env = "IMGCTL_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) access: AccessFlags,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// Who is let in, and how connections are protected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access options")]
pub(crate) struct AccessFlags {
    /// Ask for user and password, as `htpasswd -B` writes them to this file; it is read again when it changes
    #[arg(long, value_name = "FILE", env = "IMGCTL_HTPASSWD")]
    pub(crate) htpasswd: Option<PathBuf>,
    /// Speak TLS with the certificate chain in this PEM file; it is read again when it changes
    #[arg(long, value_name = "FILE", env = "IMGCTL_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's key
    #[arg(long, value_name = "FILE", env = "IMGCTL_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate of our own, which is made once and kept in the user's data directory
    #[arg(long, env = "IMGCTL_TLS_SELF_SIGNED", value_parser = FalseyValueParser::new(), conflicts_with = "tls_cert")]
    pub(crate) tls_self_signed: bool,
}

/// How much, how many and how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitFlags {
    /// How long a client may take for the head of a request, and for the TLS handshake
    #[arg(long, value_name = "TIME", env = "IMGCTL_HEADER_TIMEOUT", default_value = "10s", value_parser = duration)]
    header_timeout: Duration,
    /// How long a client may send or take nothing of a body
    #[arg(long, value_name = "TIME", env = "IMGCTL_BODY_TIMEOUT", default_value = "30s", value_parser = duration)]
    body_timeout: Duration,
    /// Connections at a time
    #[arg(long, value_name = "N", env = "IMGCTL_MAX_CONNECTIONS", default_value = "1024")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Largest manifest that is taken: 4MB, 4MiB
    #[arg(long, value_name = "SIZE", env = "IMGCTL_MAX_MANIFEST_SIZE", default_value = "4MiB", value_parser = size)]
    max_manifest_size: u64,
    /// Largest blob that is taken [default: what the disk has room for]
    #[arg(long, value_name = "SIZE", env = "IMGCTL_MAX_BLOB_SIZE", value_parser = size)]
    max_blob_size: Option<u64>,
    /// Uploads that are open at a time
    #[arg(long, value_name = "N", env = "IMGCTL_MAX_UPLOADS", default_value = "1024")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_uploads: u32,
    /// How long an upload is kept after its last byte
    #[arg(long, value_name = "TIME", env = "IMGCTL_UPLOAD_EXPIRY", default_value = "24h", value_parser = duration)]
    upload_expiry: Duration,
    /// Bytes that the store may hold, uploads included: 20G, 500MiB [default: what the disk has room for]
    #[arg(long, value_name = "SIZE", env = "IMGCTL_QUOTA", value_parser = size)]
    quota: Option<u64>,
    /// How long running requests may go on when the server is asked to stop
    #[arg(long, value_name = "TIME", env = "IMGCTL_GRACE", default_value = "30s", value_parser = duration)]
    grace: Duration,
}

impl LimitFlags {
    /// As the server wants them.
    pub(crate) fn limits(&self, idle_timeout: Duration) -> Limits {
        let mut limits = Limits::default();
        limits.header_timeout = self.header_timeout;
        limits.idle_timeout = idle_timeout;
        limits.body_timeout = self.body_timeout;
        limits.max_connections = self.max_connections as usize;
        limits.max_manifest_size = self.max_manifest_size;
        limits.max_blob_size = self.max_blob_size;
        limits.max_uploads = self.max_uploads as usize;
        limits.upload_expiry = self.upload_expiry;
        limits.quota = self.quota;
        limits.grace = self.grace;
        limits
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitFlags,
    }

    #[test]
    fn the_defaults_are_the_servers() {
        let defaults = Limits::default();
        assert_eq!(Only::parse_from(["serve"]).limits.limits(defaults.idle_timeout), defaults);
    }
}
