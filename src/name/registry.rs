//! Registry: a host and perhaps a port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::ParseError;

/// A registry's host and port, in lower case. Docker Hub is `docker.io` under all its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry {
    host: String,
    port: Option<u16>,
}

const HUB: &str = "docker.io";
const HUB_NAMES: [&str; 3] = [HUB, "index.docker.io", "registry-1.docker.io"];

impl Registry {
    /// Docker Hub.
    pub fn docker_hub() -> Self {
        Self { host: HUB.to_owned(), port: None }
    }

    /// Whether this is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.host == HUB && self.port.is_none()
    }

    /// The host alone, as written in a reference; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// `host[:port]` of the server that speaks the registry protocol: Hub's is not `docker.io`.
    pub fn api_authority(&self) -> String {
        if self.is_docker_hub() { "registry-1.docker.io".to_owned() } else { self.to_string() }
    }

    /// Whether the host is literally this machine: `localhost`, 127.0.0.0/8 or `[::1]`. Only there plain http is tried unasked.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether the first part of a name is a host and not a namespace of Docker Hub, by docker's rule.
    pub(super) fn is_host(part: &str) -> bool {
        part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|b| b.is_ascii_uppercase())
    }
}

impl FromStr for Registry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError::new("registry", text, why);
        let (host, port) = if text.starts_with('[') {
            let end = text.find(']').ok_or_else(|| fail("the bracket is not closed"))?;
            text[1..end].parse::<Ipv6Addr>().map_err(|_| fail("no IPv6 address in the brackets"))?;
            match &text[end + 1..] {
                "" => (text, None),
                rest => (&text[..=end], Some(rest.strip_prefix(':').ok_or_else(|| fail("text after the bracket"))?)),
            }
        } else {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let label = |label: &str| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            if host.len() > 253 || !host.split('.').all(label) {
                return Err(fail("a host has letters, digits, dots and hyphens"));
            }
            (host, port)
        };
        let port = match port {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|&port| port > 0).ok_or_else(|| fail("the port is not in 1..65535"))?)
            }
            Some(_) => return Err(fail("the port is no number")),
            None => None,
        };
        let host = host.to_ascii_lowercase();
        if port.is_none() && HUB_NAMES.contains(&host.as_str()) {
            return Ok(Self::docker_hub());
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a09_only_literal_loopback_is_loopback() {
        let loopback = |text: &str| text.parse::<Registry>().unwrap().is_loopback();
        for text in ["localhost", "localhost:5000", "127.0.0.1", "127.8.9.1:1", "[::1]:5000", "LOCALHOST"] {
            assert!(loopback(text), "{text}");
        }
        for text in ["localhost.evil.test", "127.0.0.1.nip.example", "evil-localhost", "[::2]", "0.0.0.0", "128.0.0.1"]
        {
            assert!(!loopback(text), "{text}");
        }
        assert!("[::1].evil".parse::<Registry>().is_err());
    }
}
