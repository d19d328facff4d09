//! Name: what an image is called within one place.

use std::fmt;

use crate::name::{Reference, Tag, TagOrDigest};

/// What an image is called within one place: a tag or digest in a repository, `org.opencontainers.image.ref.name` in a
/// layout, a full reference in the store and in archives of docker. Each place says what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// A name as written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Tag> for Name {
    fn from(tag: &Tag) -> Self {
        Self(tag.to_string())
    }
}

impl From<&TagOrDigest> for Name {
    fn from(reference: &TagOrDigest) -> Self {
        Self(reference.to_string())
    }
}

impl From<&Reference> for Name {
    fn from(reference: &Reference) -> Self {
        Self(reference.to_string())
    }
}
