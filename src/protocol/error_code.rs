//! Error bodies ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes)).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most bytes of an error answer that are read.
pub const ERROR_LIMIT: usize = 64 * 1024;

/// A code of an error body. Registries invent their own, so the text is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// A blob that a manifest points to is not there.
    pub const MANIFEST_BLOB_UNKNOWN: &'static str = "MANIFEST_BLOB_UNKNOWN";
    /// The blob is not there.
    pub const BLOB_UNKNOWN: &'static str = "BLOB_UNKNOWN";
    /// The manifest is not there.
    pub const MANIFEST_UNKNOWN: &'static str = "MANIFEST_UNKNOWN";
    /// The upload session is not there any more.
    pub const BLOB_UPLOAD_UNKNOWN: &'static str = "BLOB_UPLOAD_UNKNOWN";
    /// Content does not match its digest.
    pub const DIGEST_INVALID: &'static str = "DIGEST_INVALID";
    /// The repository is not there.
    pub const NAME_UNKNOWN: &'static str = "NAME_UNKNOWN";
    /// The name of the repository breaks the grammar.
    pub const NAME_INVALID: &'static str = "NAME_INVALID";
    /// The upload cannot go on.
    pub const BLOB_UPLOAD_INVALID: &'static str = "BLOB_UPLOAD_INVALID";
    /// The manifest makes no sense.
    pub const MANIFEST_INVALID: &'static str = "MANIFEST_INVALID";
    /// A length is not what was announced, or too much.
    pub const SIZE_INVALID: &'static str = "SIZE_INVALID";
    /// The tag breaks the grammar.
    pub const TAG_INVALID: &'static str = "TAG_INVALID";
    /// `n` is no number.
    pub const PAGINATION_NUMBER_INVALID: &'static str = "PAGINATION_NUMBER_INVALID";
    /// Who asks must say who they are.
    pub const UNAUTHORIZED: &'static str = "UNAUTHORIZED";
    /// Who asks may not.
    pub const DENIED: &'static str = "DENIED";
    /// That is not done here.
    pub const UNSUPPORTED: &'static str = "UNSUPPORTED";
    /// Too much at a time.
    pub const TOO_MANY_REQUESTS: &'static str = "TOOMANYREQUESTS";
    /// Something else went wrong.
    pub const UNKNOWN: &'static str = "UNKNOWN";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The errors a registry answers with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Each error.
    pub errors: Vec<ErrorEntry>,
}

/// One error of an [`ErrorBody`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// Which error.
    pub code: ErrorCode,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// Anything.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl ErrorBody {
    /// An error to answer with.
    pub fn new(code: &str, message: &str) -> Self {
        let entry = ErrorEntry { code: ErrorCode(code.to_owned()), message: message.to_owned(), detail: Value::Null };
        Self { errors: vec![entry] }
    }

    /// The same, with machine-readable detail.
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.errors.iter_mut().for_each(|entry| entry.detail = detail.clone());
        self
    }

    /// What a failed answer says. Not JSON, or another JSON: no errors.
    pub fn parse(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// Whether one of the errors has `code`.
    pub fn has(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code.0 == code)
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.errors.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            let code = error.code.0.to_lowercase().replace('_', " ");
            match (code.as_str(), error.message.as_str()) {
                (code, "") => write!(f, "{separator}{code}")?,
                (code, message) if message.eq_ignore_ascii_case(code) => write!(f, "{separator}{code}")?,
                (code, message) => write!(f, "{separator}{code}: {message}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_nobody_registered() {
        let body = ErrorBody::parse(br#"{"errors":[{"code":"UNKNOWN","message":"boo","detail":[1]},{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#);
        assert!(body.has("UNKNOWN") && body.has(ErrorCode::MANIFEST_UNKNOWN));
        assert_eq!(body.to_string(), "unknown: boo; manifest unknown");
        assert_eq!(ErrorBody::parse(b"<html>"), ErrorBody::default());
        assert_eq!(ErrorBody::parse(br#"{"message":"x"}"#), ErrorBody::default());
    }
}
