//! Uploads as a registry does them right: resumable, in one piece or many, mounted from elsewhere
//! ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs)).

use imgctl::oci::Digest;

use super::call::Call;
use super::content::Content;
use crate::support::reply::Reply;

impl Content {
    /// Keeps what arrived of an upload whose connection was cut.
    pub fn keep_partial(&mut self, call: &Call) {
        if call.forgets {
            self.uploads.remove(&call.reference);
        } else if let Some(upload) = self.uploads.get_mut(&call.reference) {
            upload.extend_from_slice(&call.body);
        }
    }

    /// POST: a new upload, a blob in one request, or a mount.
    pub(super) fn begin_upload(&mut self, call: &Call) -> Reply {
        if let Some(digest) = call.param("mount").and_then(|digest| digest.parse::<Digest>().ok()) {
            let from = call.param("from").and_then(|from| self.repositories.get(from));
            if let Some(content) = from.and_then(|from| from.blobs.get(&digest)).cloned() {
                self.repositories.entry(call.repository.clone()).or_default().blobs.insert(digest, content);
                return stored(call, digest);
            }
        }
        if let Some(digest) = call.param("digest") {
            return self.store(call, call.body.clone(), digest);
        }
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), Vec::new());
        accepted(call, &id, 0)
    }

    /// Everything that is done to an upload that was begun.
    pub(super) fn upload(&mut self, call: &Call, method: &str) -> Reply {
        let id = &call.reference;
        let Some(upload) = self.uploads.get_mut(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
        };
        match method {
            "GET" => Reply { status: 204, ..accepted(call, id, upload.len()) },
            "DELETE" => {
                self.uploads.remove(id);
                Reply::new(204)
            }
            "PATCH" => {
                if wrong_start(call, upload.len()) {
                    return Reply { status: 416, ..accepted(call, id, upload.len()) };
                }
                upload.extend_from_slice(&call.body);
                accepted(call, id, upload.len())
            }
            "PUT" => {
                let Some(digest) = call.param("digest") else {
                    return Reply::error(400, "DIGEST_INVALID", "no digest");
                };
                if wrong_start(call, upload.len()) {
                    return Reply { status: 416, ..accepted(call, id, upload.len()) };
                }
                let content = [&upload[..], &call.body].concat();
                self.uploads.remove(id);
                self.store(call, content, digest)
            }
            _ => Reply::error(405, "UNSUPPORTED", "not here"),
        }
    }

    fn store(&mut self, call: &Call, content: Vec<u8>, digest: &str) -> Reply {
        match digest.parse::<Digest>() {
            Ok(digest) if Digest::with(digest.algorithm(), &content) == digest => {
                let repository = self.repositories.entry(call.repository.clone()).or_default();
                repository.blobs.insert(digest, content.into());
                stored(call, digest)
            }
            _ => Reply::error(400, "DIGEST_INVALID", "the content has another digest"),
        }
    }
}

/// Whether a `Content-Range` goes on somewhere else than at `offset`.
fn wrong_start(call: &Call, offset: usize) -> bool {
    let start = call.header("content-range").and_then(|range| range.split_once('-'));
    start.is_some_and(|(start, _)| start.trim_start_matches("bytes ").parse() != Ok(offset))
}

fn accepted(call: &Call, id: &str, length: usize) -> Reply {
    let location = format!("{}/v2/{}/blobs/uploads/{id}?_state=S3CR3T-E{length}", call.here, call.repository);
    Reply::new(202)
        .with("location", location)
        .with("docker-upload-uuid", id)
        .with("range", format!("0-{}", length.saturating_sub(1)))
}

fn stored(call: &Call, digest: Digest) -> Reply {
    let location = format!("{}/v2/{}/blobs/{digest}", call.here, call.repository);
    Reply::new(201).with("location", location).with("docker-content-digest", digest.to_string())
}
