//! Realm: the token server that a challenge names, and whether it may have our secret.

use url::Url;

use crate::error::Kind;
use crate::net::{Origin, Redacted};
use crate::protocol::Challenge;
use crate::{Error, Result};

/// How a registry wants to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// User name and password with every request.
    Basic,
    /// Tokens from a realm.
    Bearer(Realm),
}

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Realm {
    pub(super) url: Url,
    pub(super) origin: Origin,
    pub(super) service: Option<String>,
    /// Ask for a refresh token too.
    pub(super) wants_refresh_token: bool,
}

/// What a realm may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The stored secret.
    Secret,
    /// Requests without a secret.
    Nothing,
}

impl Way {
    /// Tokens from `realm`. Errs as [`choose`](Self::choose) does.
    pub(super) fn bearer(realm: &str, service: Option<&str>) -> Result<Self> {
        Ok(Self::Bearer(Realm::parse(realm, service)?))
    }

    /// The first bearer challenge, else a basic one. `None` where there is neither.
    /// Errs with [`Kind::Unsafe`] where the realm is no http(s) URL or carries a user.
    pub(super) fn choose(challenges: &[Challenge]) -> Result<Option<Self>> {
        for challenge in challenges.iter().filter(|challenge| challenge.scheme == "bearer") {
            if let Some(realm) = challenge.get("realm") {
                return Self::bearer(realm, challenge.get("service")).map(Some);
            }
        }
        Ok(challenges.iter().any(|challenge| challenge.scheme == "basic").then_some(Self::Basic))
    }
}

impl Realm {
    fn parse(realm: &str, service: Option<&str>) -> Result<Self> {
        let refuse = |why: &str| Error::new(Kind::Unsafe, format!("the registry names a token server that {why}"));
        let mut url = Url::parse(realm).map_err(|_| refuse("is no URL"))?;
        let origin = Origin::of(&url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("carries a user name").with_host(origin.authority()));
        }
        url.set_fragment(None);
        let service = service.filter(|service| !service.is_empty()).map(str::to_owned);
        Ok(Self { url, origin, service, wants_refresh_token: false })
    }

    /// What the realm of `registry` may be sent unless the user allowed more. Errs with [`Kind::Unsafe`] where nothing may be sent: from https to http.
    pub(super) fn trust(&self, registry: &Origin) -> Result<Trust> {
        if registry.is_https() && !self.origin.is_https() {
            let message = format!("{} names a token server without TLS: {}", registry.authority(), Redacted(&self.url));
            return Err(Error::new(Kind::Unsafe, message).with_host(self.origin.authority()));
        }
        let is_same_site = self.origin.is_https() && self.origin.is_same_site(registry);
        let is_trusted = self.origin.host() == registry.host() || is_same_site;
        Ok(if is_trusted { Trust::Secret } else { Trust::Nothing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(registry: &str, realm: &str) -> Option<Trust> {
        let registry = Origin::of(&registry.parse().unwrap()).unwrap();
        Realm::parse(realm, None).and_then(|realm| realm.trust(&registry)).ok()
    }

    #[test]
    fn a01_a_secret_goes_to_realms_of_the_registry_alone() {
        let (secret, nothing) = (Some(Trust::Secret), Some(Trust::Nothing));
        for (registry, realm, expected) in [
            ("https://reg.example", "https://reg.example/token", secret),
            ("https://reg.example", "https://reg.example:8443/token", secret),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", secret),
            ("http://127.0.0.1:5000", "https://127.0.0.1:5001/token", secret),
            ("https://registry-1.docker.io", "https://auth.docker.io/token", secret),
            ("http://reg.example.com", "https://auth.example.com/token", secret),
            ("http://reg.example.com", "http://auth.example.com/token", nothing),
            ("https://reg.example.com", "https://auth.example.net/token", nothing),
            ("https://reg.example.co.uk", "https://evil.co.uk/token", nothing),
            ("http://127.0.0.1:5000", "http://127.0.0.2:5000/token", nothing),
            ("http://127.0.0.1:5000", "http://localhost:5000/token", nothing),
            ("https://reg.example", "http://reg.example/token", None),
            ("https://good", "https://evil#@good", nothing),
            ("https://good", "https://user@evil/token", None),
            ("https://good", "file:///etc/passwd", None),
            ("https://good", "ftp://good/", None),
            ("https://good", "//good/token", None),
            ("https://good", "", None),
        ] {
            assert_eq!(trust(registry, realm), expected, "{registry} → {realm}");
        }
    }

    #[test]
    fn bearer_is_preferred_to_basic() {
        let choose = |header: &str| Way::choose(&Challenge::parse_all(header)).unwrap();
        let both = choose(r#"Basic realm="x", Bearer realm="https://a/t",service="s""#);
        assert!(matches!(both, Some(Way::Bearer(realm)) if realm.service.as_deref() == Some("s")));
        assert_eq!(choose(r#"Bearer service="s", Basic realm="x""#), Some(Way::Basic));
        assert_eq!(choose("Negotiate"), None);
    }
}
