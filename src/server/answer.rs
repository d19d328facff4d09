//! Answers: what goes back to the client, and how errors are said.

use std::io;
use std::time::SystemTime;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::exchange::Failure;
use crate::Error;
use crate::content::{BlobReader, PIECE};
use crate::error::Kind;
use crate::oci::Digest;
use crate::protocol::{ErrorBody, ErrorCode};

/// The body of an answer. An error in it cuts the connection.
pub(super) type Body = UnsyncBoxBody<Bytes, Error>;
/// What goes back to the client.
pub(super) type Answer = Response<Body>;
/// What a request comes to.
pub(super) type Result<T = Answer> = std::result::Result<T, Refusal>;

/// Errors that one answer lists.
const LISTED: usize = 100;
/// The header that names content.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// When to ask again where the upstream did not say.
const RETRY_SECONDS: u64 = 30;
/// Largest piece of a blob on its way out: many clients at once must not need much memory.
const OUTGOING: usize = PIECE / 2;

/// A body of bytes at hand.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(full(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// A body of a media type.
pub(super) fn document(status: StatusCode, media_type: &str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(full(bytes));
    *answer.status_mut() = status;
    set(answer.headers_mut(), CONTENT_TYPE, media_type);
    answer
}

/// JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Answer {
    // What we serialize has string keys only, so this cannot fail.
    document(StatusCode::OK, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

/// The first `size` bytes of a blob on their way. Errors of the reader cut the connection: the client sees that bytes are
/// missing.
pub(super) fn stream_of(reader: BlobReader, size: u64) -> Body {
    let state = (reader, bytes::BytesMut::new(), size);
    let pieces = stream::unfold(state, |(mut reader, mut buffer, left)| async move {
        if left == 0 {
            return None;
        }
        let wanted = usize::try_from(left).map_or(OUTGOING, |left| left.min(OUTGOING));
        buffer.reserve(wanted);
        let outcome = match reader.read_into(&mut buffer).await {
            Ok(0) => Err(Error::mismatch("a blob ended early")),
            Ok(_) => {
                let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                Ok(buffer.split_to(count).freeze())
            }
            Err(error) => Err(error),
        };
        let left = outcome.as_ref().map_or(0, |piece| left - piece.len() as u64);
        Some((outcome, (reader, buffer, left)))
    });
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// Sets a header whose value is known to be one.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Says how long the body is, also to whom it is not sent.
pub(super) fn set_length(headers: &mut HeaderMap, size: u64) {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
}

/// A request that was not done.
#[derive(Debug)]
pub(super) struct Refusal(Box<Refused>);

#[derive(Debug)]
struct Refused {
    status: StatusCode,
    body: ErrorBody,
    headers: HeaderMap,
    /// For the log alone: it may name files of this machine.
    failure: Option<Failure>,
}

impl Refusal {
    /// A refusal with one of the codes of [`ErrorCode`].
    pub(super) fn new(status: StatusCode, code: &str, message: impl AsRef<str>) -> Self {
        let body = ErrorBody::new(code, message.as_ref());
        Self(Box::new(Refused { status, body, headers: HeaderMap::new(), failure: None }))
    }

    /// 404 for a blob.
    pub(super) fn blob_unknown(digest: &Digest) -> Self {
        let mut refusal = Self::new(StatusCode::NOT_FOUND, ErrorCode::BLOB_UNKNOWN, "blob unknown to registry");
        refusal.0.body = refusal.0.body.with_detail(serde_json::json!({ "digest": digest }));
        refusal
    }

    /// 404 for a repository.
    pub(super) fn name_unknown(name: &str) -> Self {
        let mut refusal =
            Self::new(StatusCode::NOT_FOUND, ErrorCode::NAME_UNKNOWN, "repository name not known to registry");
        refusal.0.body = refusal.0.body.with_detail(serde_json::json!({ "name": name }));
        refusal
    }

    /// 405.
    pub(super) fn unsupported(message: &str, allowed: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::UNSUPPORTED, message).with_header(ALLOW, allowed)
    }

    /// 400 for a digest.
    pub(super) fn digest_invalid(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::DIGEST_INVALID, message)
    }

    /// The same, once for each of the first digests of a list.
    pub(super) fn with_digests(mut self, digests: &[Digest]) -> Self {
        let message = self.0.body.errors.first().map(|entry| (entry.code.as_str().to_owned(), entry.message.clone()));
        if let Some((code, message)) = message {
            let each = digests.iter().flat_map(|digest| {
                ErrorBody::new(&code, &message).with_detail(serde_json::json!({ "digest": digest })).errors
            });
            self.0.body.errors = each.take(LISTED).collect();
        }
        self
    }

    /// The same, with a header.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        set(&mut self.0.headers, name, value);
        self
    }

    /// The same, with headers.
    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.0.headers.extend(headers);
        self
    }

    /// What the client gets.
    pub(super) fn into_answer(self) -> Answer {
        let Refused { status, body, headers, failure } = *self.0;
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut answer = document(status, "application/json", body);
        answer.headers_mut().extend(headers);
        if let Some(failure) = failure {
            answer.extensions_mut().insert(failure);
        }
        answer
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match io_kind(&error) {
            Some(io::ErrorKind::StorageFull) => return no_room(ErrorCode::UNKNOWN, "the disk is full"),
            Some(io::ErrorKind::ReadOnlyFilesystem) => return Self::unsupported("the store is read-only", "GET, HEAD"),
            Some(io::ErrorKind::ResourceBusy) => return busy(),
            Some(io::ErrorKind::QuotaExceeded) => return no_room(ErrorCode::DENIED, "the quota is used up"),
            _ => {}
        }
        let (status, code) = match error.kind() {
            Kind::Usage => (StatusCode::BAD_REQUEST, ErrorCode::UNSUPPORTED),
            Kind::NotFound => (StatusCode::NOT_FOUND, ErrorCode::MANIFEST_UNKNOWN),
            Kind::Denied => (StatusCode::FORBIDDEN, ErrorCode::DENIED),
            Kind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TOO_MANY_REQUESTS),
            Kind::Network => (StatusCode::BAD_GATEWAY, ErrorCode::UNKNOWN),
            Kind::Interrupted => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::UNKNOWN),
            // It names a host: an upstream sent what nobody can use.
            _ if error.host().is_some() => (StatusCode::BAD_GATEWAY, ErrorCode::UNKNOWN),
            Kind::Unsupported => (StatusCode::NOT_IMPLEMENTED, ErrorCode::UNSUPPORTED),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UNKNOWN),
        };
        let mut refusal = match status {
            StatusCode::INTERNAL_SERVER_ERROR => Self::new(status, code, "the registry failed; its log says why"),
            _ => Self::new(status, code, error.to_string()),
        };
        refusal.0.failure = status.is_server_error().then(|| Failure::of(&error));
        if status != StatusCode::TOO_MANY_REQUESTS {
            return refusal;
        }
        let wait = error.retry_at().and_then(|at| at.duration_since(SystemTime::now()).ok());
        refusal.with_header(RETRY_AFTER, &wait.map_or(RETRY_SECONDS, |wait| wait.as_secs() + 1).to_string())
    }
}

/// Somebody else keeps the store for himself.
fn busy() -> Refusal {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::UNKNOWN, "the store is busy");
    refusal.with_header(RETRY_AFTER, &RETRY_SECONDS.to_string())
}

fn no_room(code: &str, message: &str) -> Refusal {
    Refusal::new(StatusCode::INSUFFICIENT_STORAGE, code, message)
}

/// The I/O error at the bottom of an error.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = found.source();
    }
    None
}
