//! Endpoint: every path below `/v2/`
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints)). `path` and `parse` are inverses.

use crate::name::TagOrDigest;
use crate::oci::Digest;

/// One endpoint. Names are repository paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v2/`: is this a registry, and who may use it?
    Base,
    /// `/v2/_catalog`: repositories.
    Catalog,
    /// `/v2/<name>/tags/list`.
    Tags(String),
    /// `/v2/<name>/manifests/<reference>`.
    Manifest(String, TagOrDigest),
    /// `/v2/<name>/blobs/<digest>`.
    Blob(String, Digest),
    /// `/v2/<name>/blobs/uploads/`: where uploads start.
    Uploads(String),
    /// `/v2/<name>/blobs/uploads/<session>`.
    Upload(String, String),
    /// `/v2/<name>/referrers/<digest>`.
    Referrers(String, Digest),
}

impl Endpoint {
    /// The path, `/v2/…`.
    pub fn path(&self) -> String {
        match self {
            Self::Base => "/v2/".to_owned(),
            Self::Catalog => "/v2/_catalog".to_owned(),
            Self::Tags(name) => format!("/v2/{name}/tags/list"),
            Self::Manifest(name, reference) => format!("/v2/{name}/manifests/{reference}"),
            Self::Blob(name, digest) => format!("/v2/{name}/blobs/{digest}"),
            Self::Uploads(name) => format!("/v2/{name}/blobs/uploads/"),
            Self::Upload(name, session) => format!("/v2/{name}/blobs/uploads/{session}"),
            Self::Referrers(name, digest) => format!("/v2/{name}/referrers/{digest}"),
        }
    }

    /// What `path` asks for, if anything. Paths are read from the right, since names contain slashes.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v2")?;
        match rest {
            "" | "/" => return Some(Self::Base),
            "/_catalog" => return Some(Self::Catalog),
            _ => {}
        }
        let rest = rest.strip_prefix('/')?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags(valid(name)?));
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
            return Some(Self::Uploads(valid(name)?));
        }
        let (head, last) = rest.rsplit_once('/')?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload(valid(name)?, last.to_owned()));
        }
        if let Some(name) = head.strip_suffix("/manifests") {
            return Some(Self::Manifest(valid(name)?, last.parse().ok()?));
        }
        if let Some(name) = head.strip_suffix("/blobs") {
            return Some(Self::Blob(valid(name)?, last.parse().ok()?));
        }
        Some(Self::Referrers(valid(head.strip_suffix("/referrers")?)?, last.parse().ok()?))
    }
}

fn valid(name: &str) -> Option<String> {
    let registry = crate::name::Registry::docker_hub();
    crate::name::Repository::new(registry, name).ok().map(|repository| repository.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_parse_are_inverses() {
        let digest = Digest::of(b"x");
        let name = || "a/tags/b".to_owned();
        for endpoint in [
            Endpoint::Base,
            Endpoint::Catalog,
            Endpoint::Tags(name()),
            Endpoint::Manifest(name(), TagOrDigest::Digest(digest)),
            Endpoint::Manifest(name(), "v1".parse().unwrap()),
            Endpoint::Blob(name(), digest),
            Endpoint::Uploads(name()),
            Endpoint::Upload(name(), "0-a".to_owned()),
            Endpoint::Referrers(name(), digest),
        ] {
            assert_eq!(Endpoint::parse(&endpoint.path()), Some(endpoint));
        }
        for path in ["/", "/v1/", "/v2/a", "/v2/../tags/list", "/v2/A/tags/list", "/v2/a/blobs/x", "/v2//manifests/x"] {
            assert_eq!(Endpoint::parse(path), None, "{path}");
        }
    }
}
