//! Manifests ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests)).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::answer::{self, CONTENT_DIGEST, Refusal, Result};
use super::body::BodyError;
use super::call::{Call, Sent};
use super::write::Writer;
use crate::error::Kind;
use crate::name::{Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::protocol::{Endpoint, ErrorCode};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
/// Tags that one push may set.
const TAGS: usize = 100;

/// `GET` and `HEAD`.
pub(super) async fn get(call: &Call, name: &str, reference: &TagOrDigest) -> Result {
    let manifest = find(call, name, reference).await?;
    let digest = manifest.digest().to_string();
    let tag = format!("\"{digest}\"");
    let mut answer = if call.has_current(&tag) {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut answer = answer::document(StatusCode::OK, manifest.media_type().as_str(), Bytes::new());
        answer::set_length(answer.headers_mut(), manifest.bytes().len() as u64);
        if !call.is_head() {
            *answer.body_mut() = answer::full(manifest.bytes().clone());
        }
        answer
    };
    answer::set(answer.headers_mut(), CONTENT_DIGEST, &digest);
    answer::set(answer.headers_mut(), ETAG, &tag);
    Ok(answer)
}

/// `PUT`.
pub(super) async fn put(call: &Call, name: &str, reference: &TagOrDigest, body: Sent) -> Result {
    let repository = call.writable(name)?;
    let writer = Writer::pushing(call)?;
    let extra = tag_parameters(call, reference)?;
    let bytes = collect(call, body).await?;
    let manifest = parse(call, reference, bytes)?;
    let mut tags = extra.clone();
    if let TagOrDigest::Tag(tag) = reference {
        tags.push(tag.clone());
    }
    let (digest, subject) = (manifest.digest(), manifest.subject().map(|subject| subject.digest));
    let blobs = call.state.settings.blobs;
    let others: Vec<_> = call.readable(name).await?.into_iter().filter(|other| *other != repository).collect();
    if let Some(quota) = writer.uploads().quota() {
        quota.take(manifest.bytes().len() as u64)?;
    }
    let put = writer.run(move |repositories| {
        repositories.borrow(&repository, &others, &manifest)?;
        repositories.put_manifest(&repository, &manifest, &tags, blobs)
    });
    let missing = put.await?;
    if !missing.is_empty() {
        let code = ErrorCode::MANIFEST_BLOB_UNKNOWN;
        return Err(Refusal::new(StatusCode::NOT_FOUND, code, "blob unknown to registry").with_digests(&missing));
    }
    let mut answer = answer::empty(StatusCode::CREATED);
    let headers = answer.headers_mut();
    answer::set(headers, LOCATION, &Endpoint::Manifest(name.to_owned(), TagOrDigest::Digest(digest)).path());
    answer::set(headers, CONTENT_DIGEST, &digest.to_string());
    if let Some(subject) = subject {
        answer::set(headers, OCI_SUBJECT, &subject.to_string());
    }
    let values = extra.iter().filter_map(|tag| HeaderValue::from_str(tag.as_str()).ok());
    values.for_each(|value| _ = headers.append(OCI_TAG, value));
    Ok(answer)
}

/// `DELETE`: of a tag that alone, of a digest all its tags too.
pub(super) async fn delete(call: &Call, name: &str, reference: &TagOrDigest) -> Result {
    let repository = call.writable(name)?;
    let writer = Writer::deleting(call)?;
    let target = reference.clone();
    let gone = writer.run(move |repositories| match &target {
        TagOrDigest::Tag(tag) => repositories.delete_tag(&repository, tag),
        TagOrDigest::Digest(digest) => repositories.delete_manifest(&repository, digest),
    });
    if gone.await? { Ok(writer.deleted()) } else { Err(unknown(reference)) }
}

async fn find(call: &Call, name: &str, reference: &TagOrDigest) -> Result<Manifest> {
    for repository in call.readable(name).await? {
        let found = match call.state.content().manifest(&repository, reference).await {
            // To whoever pushes it is as good as not there: then it is sent again, which repairs it.
            Err(error) if error.kind() == Kind::Mismatch && error.host().is_none() => return Err(damaged(reference)),
            found => found?,
        };
        let Some(manifest) = found else { continue };
        if let (true, TagOrDigest::Digest(digest), Ok(writer)) = (call.is_head(), reference, Writer::pushing(call)) {
            writer.keep_manifest(&repository, digest).await;
        }
        return Ok(manifest);
    }
    Err(unknown(reference))
}

async fn collect(call: &Call, body: Sent) -> Result<Bytes> {
    let limit = call.state.settings.limits.max_manifest_size;
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("a manifest may have {limit} bytes");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SIZE_INVALID, message))
        }
        Err(error) => Err(match error.downcast_ref::<BodyError>() {
            Some(broken) => broken.into(),
            None => invalid("the body broke off"),
        }),
    }
}

/// Reads a manifest that was sent as `Content-Type`, and checks that it is the one the address names.
fn parse(call: &Call, reference: &TagOrDigest, bytes: Bytes) -> Result<Manifest> {
    let declared = call.header(CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or_default().trim());
    let declared = declared.filter(|text| !text.is_empty()).map(MediaType::new);
    let parsed = Manifest::parse(bytes, declared.as_ref()).map_err(|error| invalid(error.to_string()))?;
    let TagOrDigest::Digest(digest) = reference else { return Ok(parsed) };
    let found = Digest::with(digest.algorithm(), parsed.bytes());
    if found != *digest {
        return Err(Refusal::digest_invalid(format!("the manifest has digest {found}")));
    }
    let descriptor = Descriptor::new(parsed.media_type().clone(), *digest, parsed.bytes().len() as u64);
    Manifest::verified(parsed.bytes().clone(), &descriptor).map_err(|error| invalid(error.to_string()))
}

/// The tags that a push by digest sets.
fn tag_parameters(call: &Call, reference: &TagOrDigest) -> Result<Vec<Tag>> {
    let tags = call.parameters("tag").map(|text| {
        let invalid = |_| Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::TAG_INVALID, "the tag breaks the grammar");
        text.parse::<Tag>().map_err(invalid)
    });
    let tags: Vec<Tag> = tags.collect::<Result<_>>()?;
    if tags.len() > TAGS {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, ErrorCode::TAG_INVALID, "too many tags"));
    }
    if !tags.is_empty() && matches!(reference, TagOrDigest::Tag(_)) {
        let message = "tag parameters go with a digest";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::TAG_INVALID, message));
    }
    Ok(tags)
}

fn invalid(message: impl AsRef<str>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::MANIFEST_INVALID, message)
}

fn unknown(reference: &TagOrDigest) -> Refusal {
    let message = format!("manifest unknown to registry: {reference}");
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::MANIFEST_UNKNOWN, message)
}

fn damaged(reference: &TagOrDigest) -> Refusal {
    let message = format!("the manifest is damaged in this registry, push it again: {reference}");
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::MANIFEST_UNKNOWN, message)
}
