//! From a refusal to an [`Error`]: the only place that gives a status its meaning.

use http::{StatusCode, header};

use super::Client;
use super::request::{Call, is_html, text};
use crate::Error;
use crate::error::Kind;
use crate::net::{Origin, Response};
use crate::oci::{Algorithm, Digest};
use crate::protocol::{ERROR_LIMIT, ErrorBody, ErrorCode, Scope};

/// Most characters of a server's text that are quoted.
const QUOTE: usize = 800;

impl Client {
    /// The error that `response` means for `call`.
    pub(super) async fn failure(&self, call: &Call, response: Response) -> Error {
        let (status, attempts) = (response.status, response.attempts);
        let host = match Origin::of(&response.url) {
            Ok(origin) if origin != *self.origin() => format!("{}:{}", origin.host(), origin.port()),
            _ => self.0.registry.to_string(),
        };
        let (headers, is_html) = (response.headers.clone(), is_html(&response));
        let bytes = response.bytes(ERROR_LIMIT).await.unwrap_or_default();
        let body = ErrorBody::parse(&bytes);
        let mut message = format!("{host}: cannot {}: {status}", call.what);
        if let Some(said) = said(is_html, &bytes, &body) {
            message = format!("{message}: {said}");
        }
        let mut error = Error::new(kind(status, &body), message).with_host(host);
        if attempts > 1 {
            error = error.with_attempts(attempts);
        }
        if let Some(at) = text(&headers, &header::RETRY_AFTER).and_then(|value| httpdate::parse_http_date(value).ok()) {
            error = error.with_retry_at(at);
        }
        // Who is told that one manifest or blob is missing may see the repository.
        let is_visible = [ErrorCode::MANIFEST_UNKNOWN, ErrorCode::BLOB_UNKNOWN].iter().any(|code| body.has(code));
        match error.kind() {
            Kind::Denied => self.with_login_hint(error, call).await,
            Kind::NotFound if !is_visible => self.with_login_hint(error, call).await,
            _ => error,
        }
    }

    /// A registry that does not know the algorithm of `digest` says that the content is wrong.
    pub(super) fn blame_algorithm(&self, error: Error, digest: &Digest) -> Error {
        let algorithm = digest.algorithm();
        if algorithm == Algorithm::Sha256 || !matches!(error.kind(), Kind::Mismatch | Kind::Failed) {
            return error;
        }
        let (registry, algorithm) = (&self.0.registry, algorithm.as_str());
        let message = format!("{registry}: {algorithm} digests are not supported by this registry");
        Error::new(Kind::Unsupported, message).with_source(error)
    }

    /// Says what may be the matter where nobody is logged in: registries hide what strangers may not see.
    pub(super) async fn with_login_hint(&self, error: Error, call: &Call) -> Error {
        let path = call.scopes.iter().find_map(|scope| match scope {
            Scope::Repository(path, _) => Some(path.as_str()),
            Scope::Catalog => None,
        });
        let registry = &self.0.registry;
        let known = self.0.keychain.credential(registry, path.unwrap_or_default()).await;
        match (known, path) {
            (Ok(None), Some(path)) => {
                error.with_hint(format!("{registry}/{path} does not exist or needs a login: imgctl login {registry}"))
            }
            (Ok(None), None) => error.with_hint(format!("this may need a login: imgctl login {registry}")),
            (Ok(Some(_)), _) if error.kind() == Kind::Denied => {
                error.with_hint(format!("the stored credential does not open this: imgctl login {registry}"))
            }
            (Ok(Some(_)) | Err(_), _) => error,
        }
    }
}

/// The class of a refusal. Codes say more than the status where registries disagree on it.
fn kind(status: StatusCode, body: &ErrorBody) -> Kind {
    let missing = [ErrorCode::MANIFEST_BLOB_UNKNOWN, ErrorCode::BLOB_UNKNOWN, ErrorCode::MANIFEST_UNKNOWN];
    let wrong = [ErrorCode::DIGEST_INVALID, "SIZE_INVALID"];
    // What a registry says to media types that it does not keep.
    let strange = ["MANIFEST_INVALID", "UNSUPPORTED"];
    match status.as_u16() {
        // Harbor answers 412 where a policy forbids the pull (https://github.com/goharbor/harbor/issues/15885).
        401 | 403 | 412 => Kind::Denied,
        429 => Kind::RateLimited,
        404 | 410 => Kind::NotFound,
        400..=499 if missing.iter().any(|code| body.has(code)) => Kind::NotFound,
        400..=499 if wrong.iter().any(|code| body.has(code)) => Kind::Mismatch,
        400..=499 if strange.iter().any(|code| body.has(code)) => Kind::Unsupported,
        416 => Kind::Mismatch,
        405 | 415 | 501 => Kind::Unsupported,
        // Its disk is full: another try would send everything once more for nothing.
        507 => Kind::Failed,
        408 | 500..=599 => Kind::Network,
        _ => Kind::Failed,
    }
}

/// What the server says for people, in one line.
fn said(is_html: bool, bytes: &[u8], body: &ErrorBody) -> Option<String> {
    let start = bytes.trim_ascii();
    if !body.errors.is_empty() {
        return Some(one_line(&body.to_string()));
    }
    let plain = String::from_utf8_lossy(start);
    if is_html || start.first() == Some(&b'<') {
        let title = title(&plain).map(|title| format!(", titled {title:?}")).unwrap_or_default();
        return Some(format!(
            "HTML was received{title}: a proxy or login page answered, or the registry's own front end"
        ));
    }
    Some(one_line(&plain)).filter(|line| !line.is_empty())
}

/// What a page calls itself; often that is all there is to know.
fn title(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(one_line(title)).filter(|title| !title.is_empty())
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(QUOTE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(status: u16, code: &str) -> Kind {
        let body = if code.is_empty() { ErrorBody::default() } else { ErrorBody::new(code, "") };
        kind(StatusCode::from_u16(status).unwrap(), &body)
    }

    #[test]
    fn n19_each_refusal_has_its_class() {
        let table = [
            (400, "", Kind::Failed),
            (400, "DIGEST_INVALID", Kind::Mismatch),
            (400, "MANIFEST_BLOB_UNKNOWN", Kind::NotFound),
            (400, "MANIFEST_INVALID", Kind::Unsupported),
            (415, "", Kind::Unsupported),
            (401, "UNAUTHORIZED", Kind::Denied),
            (403, "DENIED", Kind::Denied),
            (404, "", Kind::NotFound),
            (404, "MANIFEST_BLOB_UNKNOWN", Kind::NotFound),
            (405, "UNSUPPORTED", Kind::Unsupported),
            (410, "", Kind::NotFound),
            (412, "PROJECTPOLICYVIOLATION", Kind::Denied),
            (416, "", Kind::Mismatch),
            (429, "TOOMANYREQUESTS", Kind::RateLimited),
            (451, "", Kind::Failed),
            (500, "", Kind::Network),
            (507, "", Kind::Failed),
            (522, "", Kind::Network),
        ];
        for (status, code, expected) in table {
            assert_eq!(kind_of(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn n25_says_that_html_was_received() {
        let said = |text: &str| said(false, text.as_bytes(), &ErrorBody::parse(text.as_bytes()));
        assert!(said("\n<!doctype html>").unwrap().starts_with("HTML was received"));
        assert_eq!(said("404 page\n not found\n").unwrap(), "404 page not found");
        assert_eq!(said(" "), None);
        assert_eq!(said(r#"{"errors":[{"code":"DENIED","message":"no\nway"}]}"#).unwrap(), "denied: no way");
        assert_eq!(said(&"x".repeat(5000)).unwrap().len(), QUOTE);
    }
}
