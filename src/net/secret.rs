//! Secrets: texts that cannot be printed, and header values that are bound to an origin.

use std::fmt;

use super::Origin;

/// A password, token or key. It has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends or stores it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The value of an `Authorization` header, good for one origin only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The only origin it is sent to.
    pub origin: Origin,
    /// `Basic …` or `Bearer …`.
    pub value: Secret,
}
