//! Tag: a pointer in a repository that may move.

use std::fmt;
use std::str::FromStr;

use super::ParseError;
use crate::oci::Digest;

/// A tag: up to 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag that is meant when none is written.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// The tag under which referrers of `digest` are listed where a registry has no referrers API
    /// ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#unavailable-referrers-api)).
    pub fn for_referrers(digest: &Digest) -> Self {
        let hex = digest.hex();
        Self(format!("{}-{}", digest.algorithm().as_str(), &hex[..hex.len().min(64)]))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        let why = "a tag is 1 to 128 of A-Z a-z 0-9 _ . - and starts with a letter, digit or _";
        if valid { Ok(Self(text.to_owned())) } else { Err(ParseError::new("tag", text, why)) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `/manifests/` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagOrDigest {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl FromStr for TagOrDigest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.contains(':') {
            let digest =
                text.parse().map_err(|why: crate::oci::ParseError| ParseError::new("digest", text, why.to_string()))?;
            return Ok(Self::Digest(digest));
        }
        text.parse().map(Self::Tag)
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}
