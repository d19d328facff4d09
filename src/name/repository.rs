//! Repository: a named collection of images in a registry.

use std::fmt;
use std::str::FromStr;

use super::{ParseError, Registry};

/// A repository's registry and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: Registry,
    path: String,
}

/// Most characters of registry and path together.
const MAX_LENGTH: usize = 255;

impl Repository {
    /// The repository `path` of `registry`. Errs where `path` breaks the
    /// [grammar](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
    pub fn new(registry: Registry, path: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| Err(ParseError::new("repository", path, why));
        if !path.split('/').all(is_component) {
            return fail("path components are lower-case letters and digits, separated by '.', '_', '__' or hyphens");
        }
        if registry.to_string().len() + path.len() >= MAX_LENGTH {
            return fail("longer than 255 characters");
        }
        Ok(Self { registry, path: path.to_owned() })
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The path below the registry, `library/busybox`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As docker prints it: without `docker.io/` and, where it stays unambiguous, without `library/`.
    pub fn familiar(&self) -> String {
        if !self.registry.is_docker_hub() {
            return self.to_string();
        }
        match self.path.strip_prefix("library/") {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => self.path.clone(),
        }
    }
}

/// One component: alphanumeric runs joined by `.`, `_`, `__` or hyphens.
fn is_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|&b| word(b)) && bytes.last().is_some_and(|&b| word(b));
    let separators = text.split(|c: char| c.is_ascii() && word(c as u8)).filter(|separator| !separator.is_empty());
    edges && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

impl FromStr for Repository {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once('/') {
            Some((host, path)) if Registry::is_host(host) => {
                let registry: Registry = host.parse()?;
                let is_official = registry.is_docker_hub() && !path.contains('/');
                if is_official { Self::new(registry, &format!("library/{path}")) } else { Self::new(registry, path) }
            }
            Some(_) => Self::new(Registry::docker_hub(), text),
            None if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Err(ParseError::new("repository", text, "64 hex digits are an image id"))
            }
            None if text.is_empty() => Err(ParseError::new("repository", text, "it is empty")),
            None => Self::new(Registry::docker_hub(), &format!("library/{text}"))
                .map_err(|error| ParseError { text: text.to_owned(), ..error }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}
