//! Origin: scheme, host and port; what a secret is bound to. Also how a URL is shown: without what may be secret in it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::error::Kind;
use crate::{Error, Result};

/// Scheme, host and port, normalised. Two URLs are of one origin when all three are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of `url`. Errs with [`Kind::Unsafe`] where it is neither http nor https.
    pub fn of(url: &Url) -> Result<Self> {
        let unsafe_url = || Error::new(Kind::Unsafe, format!("not an http or https URL: {}", url.scheme()));
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

    /// `host:port`, leaving out the scheme's own port.
    pub fn authority(&self) -> String {
        let usual = if self.is_https() { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The address, where the host is one; an IPv4 address in IPv6 clothes is an IPv4 address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    /// Whether the host is literally this machine. What a name resolves to does not count.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether both hosts are names below one registrable domain ([public suffix list](https://publicsuffix.org)).
    pub fn is_same_site(&self, other: &Self) -> bool {
        if self.address().is_some() || other.address().is_some() {
            return false;
        }
        let site = |origin: &Self| psl::domain_str(&origin.host).map(str::to_ascii_lowercase);
        site(self).is_some_and(|own| site(other).is_some_and(|other| own == other))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// Prints a URL's scheme, host, port and path. Users, queries and fragments may hold secrets: signatures, session states.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a Url);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host().unwrap_or(Host::Domain("")))?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn a06_origins_are_compared_normalised() {
        assert_eq!(origin("https://REG.example/x"), origin("https://reg.example.:443/y"));
        assert_ne!(origin("https://reg.example"), origin("http://reg.example"));
        assert_ne!(origin("https://reg.example"), origin("https://reg.example:444"));
        assert_eq!(origin("http://2130706433/"), origin("http://127.0.0.1:80"));
        assert_eq!(origin("https://reg.example:444").authority(), "reg.example:444");
        assert_eq!(origin("https://reg.example").authority(), "reg.example");
        for url in ["file:///etc/passwd", "ftp://reg.example"] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()).unwrap_err().kind(), Kind::Unsafe);
        }
    }

    #[test]
    fn a09_loopback_is_literal() {
        for url in ["http://localhost", "http://127.8.9.1:1", "http://[::1]", "http://[::ffff:127.0.0.1]"] {
            assert!(origin(url).is_loopback(), "{url}");
        }
        for url in ["http://localhost.evil.test", "http://127.0.0.1.nip.example", "http://0.0.0.0", "http://[::2]"] {
            assert!(!origin(url).is_loopback(), "{url}");
        }
    }

    #[test]
    fn a01_same_site_is_the_registrable_domain() {
        let same = |a: &str, b: &str| origin(a).is_same_site(&origin(b));
        assert!(same("https://registry-1.docker.io", "https://auth.docker.io"));
        assert!(same("https://a.example.co.uk:5000", "https://example.co.uk"));
        assert!(!same("https://a.co.uk", "https://b.co.uk"));
        assert!(!same("https://a.github.io", "https://b.github.io"));
        assert!(!same("https://docker.io.evil.test", "https://auth.docker.io"));
        assert!(!same("https://127.0.0.1", "https://127.0.0.2"));
        assert!(!same("https://localhost", "https://localhost"));
    }

    #[test]
    fn a09_urls_print_without_their_secrets() {
        let url = Url::parse("https://user:S3CR3T@[::1]:5000/v2/a?_state=S3CR3T#S3CR3T").unwrap();
        assert_eq!(Redacted(&url).to_string(), "https://[::1]:5000/v2/a");
        assert_eq!(format!("{:?}", Redacted(&url)), "https://[::1]:5000/v2/a");
    }
}
