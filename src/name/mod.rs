//! What people type for an image, as docker normalises it
//! ([grammar](https://github.com/distribution/reference/blob/v0.6.0/reference.go)): `[registry/]path[:tag][@digest]`.

mod registry;
mod repository;
mod tag;

use std::fmt;
use std::str::FromStr;

pub use registry::Registry;
pub use repository::Repository;
pub use tag::{Tag, TagOrDigest};

use crate::oci::Digest;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {why}")]
pub struct ParseError {
    what: &'static str,
    text: String,
    why: String,
}

impl ParseError {
    fn new(what: &'static str, text: &str, why: impl Into<String>) -> Self {
        Self { what, text: text.chars().take(300).collect(), why: why.into() }
    }
}

/// The full name of an image: a repository, and a tag, a digest, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag, where one was written.
    pub tag: Option<Tag>,
    /// The digest, where one was written. It decides; a tag beside it is a comment.
    pub digest: Option<Digest>,
}

impl Reference {
    /// What to ask the registry for: the digest, else the tag, else `latest`.
    pub fn tag_or_digest(&self) -> TagOrDigest {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => TagOrDigest::Digest(*digest),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag(Tag::latest()),
        }
    }

    /// The same repository under `tag` alone.
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self { repository: self.repository.clone(), tag: Some(tag), digest: None }
    }

    /// With `:latest` where neither tag nor digest was written.
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(Tag::latest());
        }
        self
    }

    /// As docker prints it: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        self.suffixed(self.repository.familiar())
    }

    fn suffixed(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text = format!("{text}:{tag}");
        }
        if let Some(digest) = &self.digest {
            text = format!("{text}@{digest}");
        }
        text
    }
}

impl From<Repository> for Reference {
    fn from(repository: Repository) -> Self {
        Self { repository, tag: None, digest: None }
    }
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest
                    .parse()
                    .map_err(|why: crate::oci::ParseError| ParseError::new("reference", text, why.to_string()))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let last_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let in_brackets = rest[last_slash..].rfind(']').map_or(0, |at| at + 1);
        let (repository, tag) = match rest[last_slash + in_brackets..].split_once(':') {
            Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag.parse()?)),
            None => (rest, None),
        };
        Ok(Self { repository: repository.parse()?, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.suffixed(self.repository.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn full(text: &str) -> String {
        text.parse::<Reference>().unwrap_or_else(|error| panic!("{error}")).to_string()
    }

    #[test]
    fn normalises_as_docker_does() {
        let table = [
            ("busybox", "docker.io/library/busybox"),
            ("busybox:1", "docker.io/library/busybox:1"),
            ("ns/app", "docker.io/ns/app"),
            ("docker.io/busybox", "docker.io/library/busybox"),
            ("index.docker.io/busybox", "docker.io/library/busybox"),
            ("registry-1.docker.io/library/busybox", "docker.io/library/busybox"),
            ("quay.io/ns/app:1", "quay.io/ns/app:1"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("registry:5000/app", "registry:5000/app"),
            ("registry:5000/app:v1.2_3-x", "registry:5000/app:v1.2_3-x"),
            ("[::1]:5000/a", "[::1]:5000/a"),
            ("[2001:db8::1]/a/b:t", "[2001:db8::1]/a/b:t"),
            ("Foo/bar", "foo/bar"),
            ("a.b/c__d/e--f/g.h", "a.b/c__d/e--f/g.h"),
        ];
        for (typed, expected) in table {
            assert_eq!(full(typed), expected);
        }
        assert_eq!(full(&format!("a/b:t@sha256:{HEX}")), format!("docker.io/a/b:t@sha256:{HEX}"));
    }

    #[test]
    fn prints_familiar_names() {
        for (typed, expected) in [
            ("docker.io/library/busybox:1", "busybox:1"),
            ("docker.io/ns/app", "ns/app"),
            ("localhost:5000/app:2", "localhost:5000/app:2"),
            ("docker.io/library/localhost/x", "library/localhost/x"),
        ] {
            assert_eq!(typed.parse::<Reference>().unwrap().familiar(), expected);
        }
    }

    #[test]
    fn a12_refuses_what_is_no_reference() {
        let long = "a".repeat(256);
        let long_tag = format!("a:{}", "t".repeat(129));
        let short_digest = format!("a@sha256:{}", &HEX[1..]);
        let upper_digest = format!("a@sha256:{}", HEX.to_uppercase());
        for text in [
            "",
            ":tag",
            "@sha256:",
            "Busybox",
            "a//b",
            "a/",
            "/a",
            "a:",
            "a@",
            "a:-t",
            "a:.t",
            "a b",
            "a\nb",
            "reg\nx/y",
            "reg\0x/y",
            "reg:99999/a",
            "reg:/a",
            "reg:x/a",
            "a_/b",
            "a___b",
            "-a",
            "a-",
            "a..b",
            "a/.b",
            "[::1/a",
            "[::1]x/a",
            "[nonsense]/a",
            "[::1]:5000",
            "https://quay.io/a",
            "ü/a",
            "a.b/Ü",
            &long,
            &long_tag,
            &short_digest,
            &upper_digest,
            HEX,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_digest_decides() {
        let both: Reference = format!("a:t@sha256:{HEX}").parse().unwrap();
        assert_eq!(both.tag_or_digest().to_string(), format!("sha256:{HEX}"));
        assert_eq!("a".parse::<Reference>().unwrap().tag_or_digest().to_string(), "latest");
    }
}
