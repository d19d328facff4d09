//! Uploads ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs)).

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::answer::{self, Answer, CONTENT_DIGEST, Refusal, Result};
use super::call::{Call, Sent};
use super::content::Identity;
use super::write::{Writer, blocking};
use crate::content::WRITES;
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Algorithm, Digest};
use crate::protocol::{ChunkRange, Endpoint, ErrorCode};
use crate::store::{Opened, Upload};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");
const CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// `POST`: starts an upload, mounts a blob, or takes one whole.
pub(super) async fn start(call: &Call, name: &str, body: Sent) -> Result {
    let repository = call.writable(name)?;
    let writer = Writer::pushing(call)?;
    if let Some(digest) = call.digest("mount")?
        && mount(call, &writer, &repository, digest).await?
    {
        return Ok(created(call, name, &digest));
    }
    let digest = call.digest("digest")?;
    let algorithm = digest.map_or_else(|| algorithm(call), |digest| Ok(digest.algorithm()))?;
    let mut upload = writer.uploads().start(&repository, call.principal.as_deref())?;
    upload.expect(algorithm);
    match digest {
        Some(digest) => finish(call, name, (upload, digest), body).await,
        None => Ok(accepted(call, name, (upload.id(), upload.offset()), StatusCode::ACCEPTED)),
    }
}

/// `GET`: how far the upload got.
pub(super) fn status(call: &Call, name: &str, id: &str) -> Result {
    let repository = call.writable(name)?;
    let writer = Writer::pushing(call)?;
    let offset = writer.uploads().offset(id, &repository, call.principal.as_deref()).ok_or_else(unknown)?;
    Ok(accepted(call, name, (id, offset), StatusCode::NO_CONTENT))
}

/// `PATCH`: a chunk, or a stream of unknown length.
pub(super) async fn append(call: &Call, name: &str, id: &str, body: Sent) -> Result {
    let upload = open(call, name, id)?;
    check_chunk(call, name, &upload)?;
    let upload = receive(call, &Writer::pushing(call)?, upload, body).await?;
    Ok(accepted(call, name, (upload.id(), upload.offset()), StatusCode::ACCEPTED))
}

/// `PUT`: the last bytes, if any, and which digest all of them have.
pub(super) async fn put(call: &Call, name: &str, id: &str, body: Sent) -> Result {
    let digest = call.digest("digest")?.ok_or_else(|| Refusal::digest_invalid("the digest parameter is missing"))?;
    let mut upload = open(call, name, id)?;
    check_chunk(call, name, &upload)?;
    upload.expect(digest.algorithm());
    finish(call, name, (upload, digest), body).await
}

/// `DELETE`: gives the upload up.
pub(super) fn cancel(call: &Call, name: &str, id: &str) -> Result {
    let repository = call.writable(name)?;
    let writer = Writer::pushing(call)?;
    let is_gone = writer.uploads().cancel(id, &repository, call.principal.as_deref());
    if is_gone { Ok(answer::empty(StatusCode::NO_CONTENT)) } else { Err(unknown()) }
}

async fn mount(call: &Call, writer: &Writer<'_>, to: &Repository, digest: Digest) -> Result<bool> {
    let found = writer.uploads().repositories().file(&digest);
    if found.is_none_or(|found| call.state.verified.is_wrong(&digest, Identity::of(&found))) {
        return Ok(false);
    }
    let from = match call.parameter("from") {
        None => vec![None],
        Some(from) => call.readable(from).await?.into_iter().map(Some).collect(),
    };
    let to = to.clone();
    let found = writer.run(move |repositories| {
        for from in from {
            if repositories.mount(&to, from.as_ref(), &digest)? {
                return Ok(true);
            }
        }
        Ok(false)
    });
    found.await
}

fn open(call: &Call, name: &str, id: &str) -> Result<Upload> {
    let repository = call.writable(name)?;
    let writer = Writer::pushing(call)?;
    match writer.uploads().open(id, &repository, call.principal.as_deref())? {
        Opened::Open(upload) => Ok(*upload),
        Opened::Unknown => Err(unknown()),
        Opened::Busy => {
            let offset = writer.uploads().offset(id, &repository, call.principal.as_deref()).unwrap_or(0);
            Err(out_of_order(call, name, (id, offset), "another request is writing to this upload"))
        }
    }
}

/// A chunk that says where it belongs must belong at the end of what is here.
fn check_chunk(call: &Call, name: &str, upload: &Upload) -> Result<()> {
    let Some(header) = call.headers.get(CONTENT_RANGE) else { return Ok(()) };
    let chunk = header.to_str().ok().and_then(|text| text.parse::<ChunkRange>().ok());
    let Some(chunk) = chunk.filter(|chunk| chunk.first == upload.offset()) else {
        return Err(out_of_order(call, name, (upload.id(), upload.offset()), "the chunk does not follow what is here"));
    };
    let length = call.header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length == 0 || length - 1 != chunk.last - chunk.first) {
        let message = "Content-Length and Content-Range do not agree";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::SIZE_INVALID, message));
    }
    Ok(())
}

/// Writes what is sent to the upload. What is too large ends it: it can never become a blob.
async fn receive(call: &Call, writer: &Writer<'_>, mut upload: Upload, mut body: Sent) -> Result<Upload> {
    let limit = call.state.settings.limits.max_blob_size.unwrap_or(u64::MAX);
    let announced = call.header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if upload.offset().saturating_add(announced) > limit {
        return Err(too_large(&mut upload, limit));
    }
    if let Some(quota) = writer.uploads().quota() {
        quota.check(announced)?;
    }
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| Refusal::from(&error))?.into_data() else { continue };
        if upload.offset() + piece.len() as u64 > limit {
            return Err(too_large(&mut upload, limit));
        }
        upload = WRITES.run(move || upload.write(&piece).map(|()| upload)).await?;
    }
    Ok(upload)
}

fn too_large(upload: &mut Upload, limit: u64) -> Refusal {
    upload.discard();
    let message = format!("a blob may have {limit} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SIZE_INVALID, message)
}

async fn finish(call: &Call, name: &str, (upload, digest): (Upload, Digest), body: Sent) -> Result {
    let repository = call.writable(name)?;
    let upload = receive(call, &Writer::pushing(call)?, upload, body).await?;
    let committed = blocking(move || match upload.commit(&digest) {
        Err(error) if matches!(error.kind(), Kind::Mismatch | Kind::NotFound) => Ok(Err(error)),
        committed => committed.map(Ok),
    });
    match committed.await? {
        Err(error) if error.kind() == Kind::Mismatch => return Err(Refusal::digest_invalid(error.to_string())),
        Err(_) => return Err(unknown()),
        Ok(()) => {}
    }
    call.state.verified.trust(&repository, &digest).await;
    Ok(created(call, name, &digest))
}

/// Which digest the client means to finish with, where it says so beforehand.
fn algorithm(call: &Call) -> Result<Algorithm> {
    match call.parameter("digest-algorithm") {
        None | Some("sha256") => Ok(Algorithm::Sha256),
        Some("sha512") => Ok(Algorithm::Sha512),
        Some(_) => Err(Refusal::digest_invalid("the digest algorithm is neither sha256 nor sha512")),
    }
}

fn created(call: &Call, name: &str, digest: &Digest) -> Answer {
    let mut answer = answer::empty(StatusCode::CREATED);
    answer::set(answer.headers_mut(), LOCATION, &location(call, &Endpoint::Blob(name.to_owned(), *digest)));
    answer::set(answer.headers_mut(), CONTENT_DIGEST, &digest.to_string());
    answer
}

fn accepted(call: &Call, name: &str, (id, offset): (&str, u64), status: StatusCode) -> Answer {
    let mut answer = answer::empty(status);
    set_progress(call, name, (id, offset), answer.headers_mut());
    answer
}

fn out_of_order(call: &Call, name: &str, (id, offset): (&str, u64), message: &str) -> Refusal {
    let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BLOB_UPLOAD_INVALID, message);
    let mut headers = HeaderMap::new();
    set_progress(call, name, (id, offset), &mut headers);
    refusal.with_headers(headers)
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::BLOB_UPLOAD_UNKNOWN, "blob upload unknown to registry")
}

/// Where the upload goes on, and how far it got.
fn set_progress(call: &Call, name: &str, (id, offset): (&str, u64), headers: &mut HeaderMap) {
    answer::set(headers, LOCATION, &location(call, &Endpoint::Upload(name.to_owned(), id.to_owned())));
    answer::set(headers, RANGE, &format!("0-{}", offset.saturating_sub(1)));
    answer::set(headers, UPLOAD_ID, id);
    answer::set(headers, CHUNK_MIN_LENGTH, "1");
}

/// The address of an endpoint, for the registry that the client believes to talk to.
fn location(call: &Call, endpoint: &Endpoint) -> String {
    let path = endpoint.path();
    call.namespace().map_or_else(|| path.clone(), |namespace| format!("{path}?ns={}", super::encode(namespace)))
}
