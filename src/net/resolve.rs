//! Resolve: which machines a far origin may make us talk to. A registry may send us to a store or a token server, but not to
//! this machine's own services or to the cloud's metadata address.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Origin;
use crate::error::Kind;
use crate::{Error, Result};

/// Keeps what is known about where the own origin lives, and refuses addresses that it has no business to send us to.
pub(super) struct Guard {
    own_host: String,
    own_is_loopback: AtomicBool,
    is_proxied: AtomicBool,
    /// Names that were asked for as targets: a proxy's name is none, and may be this machine.
    targets: Mutex<HashSet<String>>,
}

impl Guard {
    pub(super) fn new(own: &Origin) -> Self {
        Self {
            own_host: own.host().to_owned(),
            own_is_loopback: AtomicBool::new(own.is_loopback()),
            is_proxied: AtomicBool::new(false),
            targets: Mutex::default(),
        }
    }

    /// Requests to the own origin go through a proxy: where they lead says nothing about the origin.
    pub(super) fn ignore_addresses(&self) {
        self.is_proxied.store(true, Ordering::Relaxed);
    }

    /// The own origin answered from `address`.
    pub(super) fn saw(&self, address: SocketAddr) {
        if !self.is_proxied.load(Ordering::Relaxed) && address.ip().to_canonical().is_loopback() {
            self.own_is_loopback.store(true, Ordering::Relaxed);
        }
    }

    /// Errs with [`Kind::Unsafe`] where `origin` is an address that must not be contacted.
    pub(super) fn check(&self, origin: &Origin) -> Result<()> {
        if origin.host() == self.own_host {
            return Ok(());
        }
        let forbidden = match origin.address() {
            Some(address) => self.refuses(address),
            None => origin.is_loopback() && !self.own_is_loopback.load(Ordering::Relaxed),
        };
        if forbidden {
            return Err(refusal(origin.host()).with_host(origin.authority()));
        }
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).insert(origin.host().to_owned());
        Ok(())
    }

    fn refuses(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let link_local = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        link_local
            || address.is_unspecified()
            || address.is_multicast()
            || (address.is_loopback() && !self.own_is_loopback.load(Ordering::Relaxed))
    }

    fn is_target(&self, name: &str) -> bool {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        name != self.own_host && targets.contains(name.trim_end_matches('.'))
    }
}

fn refusal(host: &str) -> Error {
    Error::new(Kind::Unsafe, format!("refused to contact {host}: the registry sends us to a local address"))
}

/// The system's resolver, without the addresses that the guard refuses.
pub(super) struct Resolver(pub(super) Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let all: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if !guard.is_target(host) {
                return Ok(Box::new(all.into_iter()) as Addrs);
            }
            let allowed: Vec<SocketAddr> = all.iter().copied().filter(|at| !guard.refuses(at.ip())).collect();
            if allowed.is_empty() && !all.is_empty() {
                return Err(Box::new(refusal(host)) as _);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn a19_a_far_registry_sends_nobody_to_local_addresses() {
        let origin = |url: &str| Origin::of(&Url::parse(url).unwrap()).unwrap();
        let far = Guard::new(&origin("https://reg.example"));
        let near = Guard::new(&origin("http://127.0.0.1:5000"));
        for url in ["http://169.254.169.254/", "http://0.0.0.0/", "http://[fe80::1]/", "http://[::ffff:169.254.1.1]/"] {
            assert_eq!(far.check(&origin(url)).unwrap_err().kind(), Kind::Unsafe, "{url}");
            assert!(near.check(&origin(url)).is_err(), "{url}");
        }
        for url in ["http://127.0.0.2:1/", "http://[::1]/", "http://localhost:1/", "http://2130706433/"] {
            assert!(far.check(&origin(url)).is_err(), "{url}");
            assert!(near.check(&origin(url)).is_ok(), "{url}");
        }
        assert!(far.check(&origin("http://10.0.0.1/")).is_ok());
        far.saw("127.0.0.1:443".parse().unwrap());
        assert!(far.check(&origin("http://127.0.0.2:1/")).is_ok());
    }
}
