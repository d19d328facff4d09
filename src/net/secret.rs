//! Secrets: texts that cannot be printed, and header values that are bound to an origin.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

use super::Origin;
use crate::error::Kind;
use crate::{Error, Result};

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

impl Authorization {
    /// User name and password for `origin`.
    pub fn basic(origin: Origin, username: &str, password: &Secret) -> Self {
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
        Self { origin, value: Secret::new(format!("Basic {pair}")) }
    }

    /// A token for `origin`.
    pub fn bearer(origin: Origin, token: &Secret) -> Self {
        Self { origin, value: Secret::new(format!("Bearer {}", token.expose())) }
    }

    /// The header's value, marked as sensitive.
    pub(super) fn header(&self) -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(self.value.expose())
            .map_err(|_| Error::new(Kind::Denied, "the credential has characters that no header can carry"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}
