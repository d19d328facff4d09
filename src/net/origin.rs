//! Origin: scheme, host and port; what a secret is bound to.

use std::fmt;

use url::Url;

use crate::{Error, Result};

/// Scheme, host and port, normalised. Two URLs are of one origin when all three are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of `url`. Errs with [`Kind::Unsafe`](crate::error::Kind::Unsafe) where it is neither http nor https.
    pub fn of(url: &Url) -> Result<Self> {
        let unsafe_url =
            || Error::new(crate::error::Kind::Unsafe, format!("not an http or https URL: {}", url.scheme()));
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unsafe_url());
        }
        let host = url.host_str().ok_or_else(unsafe_url)?.trim_end_matches('.').to_owned();
        Ok(Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default().ok_or_else(unsafe_url)? })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether TLS protects it.
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}
