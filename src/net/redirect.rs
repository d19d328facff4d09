//! Redirect: where an answer may send a request, and which secrets still go with it.

use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use super::{Authorization, Origin, Redacted};
use crate::error::Kind;
use crate::{Error, Result};

/// Most redirects of one request.
const LIMIT: usize = 10;

/// The way a request went so far.
#[derive(Debug)]
pub(super) struct Trail {
    /// Where it goes now.
    pub(super) url: Url,
    /// The origin of `url`.
    pub(super) origin: Origin,
    /// Once the way led to another origin, nothing secret is attached again, even if it leads back.
    has_left: bool,
    seen: Vec<Url>,
}

impl Trail {
    /// Errs with [`Kind::Unsafe`] where `url` is not http(s) or carries a user.
    pub(super) fn start(url: Url) -> Result<Self> {
        let origin = checked_origin(&url)?;
        Ok(Self { url, origin, has_left: false, seen: Vec::new() })
    }

    /// Whether the next hop goes to `origin`, and never went anywhere else: then its secrets may go along.
    pub(super) fn is_at_home(&self, origin: &Origin) -> bool {
        !self.has_left && self.origin == *origin
    }

    /// Whether `authorization` may go with the next hop.
    pub(super) fn may_attach(&self, authorization: &Authorization) -> bool {
        self.is_at_home(&authorization.origin)
    }

    /// Whether the answer sends `method` elsewhere; then `self` is there. Methods other than GET and HEAD stay in their origin,
    /// and follow only 307 and 308, and only while their body `is_replayable`.
    pub(super) fn follow(
        &mut self,
        method: &Method,
        answer: (StatusCode, &HeaderMap),
        is_replayable: bool,
    ) -> Result<bool> {
        let (status, headers) = answer;
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(false);
        }
        let Some(location) = headers.get(header::LOCATION) else { return Ok(false) };
        let target = self.resolve(location.as_bytes())?;
        let origin = checked_origin(&target)?;
        self.check(&target, &origin)?;
        if !matches!(*method, Method::GET | Method::HEAD) {
            let keeps_method = matches!(status.as_u16(), 307 | 308);
            if origin != self.origin {
                return Err(self.refuse(format!("{method} is not redirected to another origin, {origin}")));
            }
            if !keeps_method || !is_replayable {
                let message = format!("{} redirects {method} with status {}", self.origin.authority(), status.as_u16());
                return Err(Error::new(Kind::Unsupported, message).with_host(self.origin.authority()));
            }
        }
        self.has_left |= origin != self.origin;
        self.seen.push(std::mem::replace(&mut self.url, target));
        self.origin = origin;
        Ok(true)
    }

    fn resolve(&self, location: &[u8]) -> Result<Url> {
        let text = std::str::from_utf8(location).ok();
        text.and_then(|text| self.url.join(text).ok()).ok_or_else(|| self.fail("redirects to something that is no URL"))
    }

    fn check(&self, target: &Url, origin: &Origin) -> Result<()> {
        if self.origin.is_https() && !origin.is_https() {
            return Err(self.refuse(format!(
                "{} redirects from https to {}",
                self.origin.authority(),
                Redacted(target)
            )));
        }
        if self.seen.len() >= LIMIT {
            return Err(self.fail("redirects too often"));
        }
        if *target == self.url || self.seen.contains(target) {
            return Err(self.fail("redirects in a circle"));
        }
        Ok(())
    }

    fn refuse(&self, message: String) -> Error {
        Error::new(Kind::Unsafe, message).with_host(self.origin.authority())
    }

    fn fail(&self, what: &str) -> Error {
        let host = self.origin.authority();
        Error::new(Kind::Network, format!("{host} {what}: {}", Redacted(&self.url))).with_host(host)
    }
}

fn checked_origin(url: &Url) -> Result<Origin> {
    let origin = Origin::of(url)?;
    if !url.username().is_empty() || url.password().is_some() {
        let message = format!("refused a URL that carries a user name: {}", Redacted(url));
        return Err(Error::new(Kind::Unsafe, message).with_host(origin.authority()));
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn start(url: &str) -> Trail {
        Trail::start(url.parse().unwrap()).unwrap()
    }

    fn go(trail: &mut Trail, method: Method, status: u16, location: &str) -> Result<bool> {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, location.parse().unwrap());
        trail.follow(&method, (StatusCode::from_u16(status).unwrap(), &headers), true)
    }

    fn authorization(url: &str) -> Authorization {
        Authorization::bearer(Origin::of(&url.parse().unwrap()).unwrap(), &Secret::new("t"))
    }

    #[test]
    fn a04_authorization_stays_at_home_and_never_comes_back() {
        let own = authorization("https://a.example");
        let mut trail = start("https://a.example/v2/x");
        assert!(trail.may_attach(&own));
        assert!(go(&mut trail, Method::GET, 307, "/v2/y?z").unwrap());
        assert_eq!(trail.url.as_str(), "https://a.example/v2/y?z");
        assert!(trail.may_attach(&own));
        for target in ["https://a.example:444/x", "https://b.example/x"] {
            let mut away = start("https://a.example/v2/x");
            assert!(go(&mut away, Method::GET, 302, target).unwrap());
            assert!(!away.may_attach(&own), "{target}");
            assert!(go(&mut away, Method::GET, 302, "https://a.example/v2/z").unwrap());
            assert!(!away.may_attach(&own), "{target} and back");
        }
    }

    #[test]
    fn a03_never_from_https_to_http_nor_to_other_schemes() {
        for target in [
            "http://a.example/x",
            "http://b.example/",
            "file:///etc/passwd",
            "ftp://a.example/",
            "https://u:p@b.example/",
        ] {
            let error = go(&mut start("https://a.example/x"), Method::GET, 302, target).unwrap_err();
            assert_eq!(error.kind(), Kind::Unsafe, "{target}");
            assert!(!error.to_string().contains("u:p"));
        }
        assert!(go(&mut start("http://a.example/x"), Method::GET, 301, "https://a.example/x").unwrap());
        assert!(go(&mut start("https://a.example/x"), Method::GET, 301, "//b.example/x").unwrap());
    }

    #[test]
    fn a04_loops_and_long_ways_end() {
        let mut trail = start("http://a.example/0");
        for hop in 1..=10 {
            assert!(go(&mut trail, Method::GET, 302, &format!("/{hop}")).unwrap());
        }
        assert_eq!(go(&mut trail, Method::GET, 302, "/11").unwrap_err().kind(), Kind::Network);
        let mut trail = start("http://a.example/0");
        assert!(go(&mut trail, Method::GET, 302, "/1").unwrap());
        assert_eq!(go(&mut trail, Method::GET, 302, "/0").unwrap_err().kind(), Kind::Network);
        assert!(go(&mut trail, Method::GET, 302, "/0?another").unwrap(), "another query is another place");
    }

    #[test]
    fn a04_writes_stay_in_their_origin() {
        let put = |status, target| go(&mut start("https://a.example/x"), Method::PUT, status, target);
        assert!(put(307, "/y").unwrap() && put(308, "/y").unwrap());
        assert_eq!(put(307, "https://b.example/y").unwrap_err().kind(), Kind::Unsafe);
        assert_eq!(put(302, "/y").unwrap_err().kind(), Kind::Unsupported);
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, "/y".parse().unwrap());
        let sent = start("https://a.example/x").follow(&Method::PUT, (StatusCode::TEMPORARY_REDIRECT, &headers), false);
        assert_eq!(sent.unwrap_err().kind(), Kind::Unsupported);
    }

    #[test]
    fn answers_that_redirect_nowhere_are_answers() {
        let follow = |status: u16, headers: &HeaderMap| {
            start("http://a.example/").follow(&Method::GET, (StatusCode::from_u16(status).unwrap(), headers), true)
        };
        assert!(!follow(302, &HeaderMap::new()).unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, "/y".parse().unwrap());
        assert!(!follow(201, &headers).unwrap() && !follow(304, &headers).unwrap());
    }
}
