//! Proxy: what the environment puts between us and an origin. The HTTP client reads it by itself, by the same rules; here it is
//! only looked up, to be named and to be kept from what is not its business.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::{Origin, Settings};
use crate::error::Kind;
use crate::{Error, Result};

/// A proxy, without its user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    scheme: String,
    authority: String,
}

impl Proxy {
    /// The proxy that requests to `origin` go through, if any.
    pub(super) fn before(origin: &Origin) -> Option<Self> {
        Self::find(&Matcher::from_env(), origin)
    }

    fn find(matcher: &Matcher, origin: &Origin) -> Option<Self> {
        let target: Uri = format!("{origin}/").parse().ok()?;
        let found = matcher.intercept(&target)?;
        let uri = found.uri();
        let authority =
            uri.port().map_or(uri.host()?.to_owned(), |port| format!("{}:{port}", uri.host().unwrap_or("")));
        Some(Self { scheme: uri.scheme_str().unwrap_or("http").to_owned(), authority })
    }

    /// `host:port`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }
}

/// The proxy before `origin`, if any. Errs with [`Kind::Unsafe`] where it speaks TLS and there is a client certificate: the HTTP
/// client would show it to the proxy too, and it is for `origin` alone.
pub(super) fn checked(origin: &Origin, settings: &Settings) -> Result<Option<Proxy>> {
    match Proxy::before(origin) {
        Some(proxy) if proxy.scheme == "https" && settings.identity.is_some() => {
            let message = format!("the client certificate for {} would be shown to the proxy too", origin.authority());
            let hint = "reach the proxy by http://, or name the registry in NO_PROXY";
            Err(Error::new(Kind::Unsafe, message).with_host(proxy.authority).with_hint(hint))
        }
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n29_proxies_are_named_without_their_secrets() {
        let matcher =
            Matcher::builder().https("https://u:S3CR3T@proxy.test:3128").http("proxy.test").no("near.test").build();
        let find = |url: &str| Proxy::find(&matcher, &Origin::of(&url.parse().unwrap()).unwrap());
        let proxy = find("https://reg.test").unwrap();
        assert_eq!((proxy.scheme.as_str(), proxy.authority()), ("https", "proxy.test:3128"));
        assert_eq!(find("http://reg.test:5000").unwrap().authority(), "proxy.test");
        assert_eq!(find("https://near.test"), None);
    }
}
