//! Blobs ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs)).

use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_RANGE, RANGE,
};

use super::answer::{self, Answer, CONTENT_DIGEST, Refusal, Result};
use super::call::Call;
use super::content::Stat;
use super::verified::Extent;
use super::write::Writer;
use crate::name::Repository;
use crate::oci::Digest;
use crate::protocol::Wanted;

/// `GET` and `HEAD`.
pub(super) async fn get(call: &Call, name: &str, digest: &Digest) -> Result {
    let (repository, stat) = find(call, name, digest).await?;
    let tag = format!("\"{digest}\"");
    let wanted = wanted(call, &tag, stat.size);
    let mut answer = match wanted {
        _ if call.has_current(&tag) => answer::empty(StatusCode::NOT_MODIFIED),
        Wanted::Unsatisfiable => {
            let message = format!("the blob has {} bytes", stat.size);
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", message);
            return Err(refusal.with_header(CONTENT_RANGE, &format!("bytes */{}", stat.size)));
        }
        Wanted::Whole => part(call, &repository, digest, (Extent::Whole, stat.size)).await?,
        Wanted::Part(first, last) => {
            let mut answer = part(call, &repository, digest, (Extent::From(first), last - first + 1)).await?;
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {first}-{last}/{}", stat.size);
            answer::set(answer.headers_mut(), CONTENT_RANGE, &range);
            answer
        }
    };
    let headers = answer.headers_mut();
    answer::set(headers, CONTENT_TYPE, "application/octet-stream");
    answer::set(headers, CONTENT_DIGEST, &digest.to_string());
    answer::set(headers, ETAG, &tag);
    answer::set(headers, ACCEPT_RANGES, "bytes");
    answer::set(headers, CACHE_CONTROL, "private, max-age=31536000, immutable");
    answer::set(headers, CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    Ok(answer)
}

/// `DELETE`.
pub(super) async fn delete(call: &Call, name: &str, digest: &Digest) -> Result {
    let (repository, digest) = (call.writable(name)?, *digest);
    let writer = Writer::deleting(call)?;
    let is_gone = writer.run(move |repositories| repositories.delete_blob(&repository, &digest)).await?;
    if is_gone { Ok(writer.deleted()) } else { Err(Refusal::blob_unknown(&digest)) }
}

/// `size` bytes of the blob.
async fn part(call: &Call, repository: &Repository, digest: &Digest, (extent, size): (Extent, u64)) -> Result<Answer> {
    let mut answer = answer::empty(StatusCode::OK);
    if !call.is_head() {
        let reader = call.state.verified.blob(repository, digest, extent).await?;
        *answer.body_mut() = answer::stream_of(reader.ok_or_else(|| Refusal::blob_unknown(digest))?, size);
    }
    answer::set_length(answer.headers_mut(), size);
    Ok(answer)
}

async fn find(call: &Call, name: &str, digest: &Digest) -> Result<(Repository, Stat)> {
    for repository in call.readable(name).await? {
        if let Some(stat) = call.state.verified.stat(&repository, digest).await?
            && is_here(call, &repository, digest).await
        {
            return Ok((repository, stat));
        }
    }
    Err(Refusal::blob_unknown(digest))
}

/// Whether a blob may be said to be here. Who asks by `HEAD` may not send it, and push a manifest that needs it: so it must
/// be in the store, and stay there for some time.
async fn is_here(call: &Call, repository: &Repository, digest: &Digest) -> bool {
    match Writer::pushing(call) {
        Ok(writer) if call.is_head() => writer.keep_blob(repository, digest).await,
        _ => true,
    }
}

/// Which bytes are asked for. A condition that does not hold takes the range with it.
fn wanted(call: &Call, tag: &str, size: u64) -> Wanted {
    if call.header(IF_RANGE).is_some_and(|condition| condition != tag) {
        return Wanted::Whole;
    }
    call.header(RANGE).map_or(Wanted::Whole, |range| Wanted::of(range, size))
}
