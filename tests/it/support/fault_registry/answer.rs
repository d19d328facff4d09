//! The answers of a registry that does everything right
//! ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)).

use bytes::Bytes;
use imgctl::oci::{Digest, MediaType};
use serde_json::{Value, json};

use super::call::{Call, Kind};
use super::content::Content;
use crate::support::reply::Reply;

impl Content {
    /// The right answer to `call`.
    pub fn answer(&mut self, call: &Call) -> Reply {
        let reply = match (call.kind, call.method.as_str()) {
            (Kind::Base, "GET" | "HEAD") => Reply::json(200, &json!({})),
            (Kind::Token, "GET" | "POST") => Reply::json(200, &json!({ "token": super::TOKEN, "expires_in": 300 })),
            (Kind::Catalog, "GET") => page(call, "repositories", self.repositories.keys().cloned().collect(), None),
            (Kind::Tags, "GET") => self.tags(call),
            (Kind::Manifest, "GET" | "HEAD") => self.manifest(call),
            (Kind::Manifest, "PUT") => self.put_manifest(call),
            (Kind::Manifest, "DELETE") => self.delete_manifest(call),
            (Kind::Blob, "GET" | "HEAD") => self.blob(call),
            (Kind::Blob, "DELETE") => self.delete_blob(call),
            (Kind::Cdn, "GET" | "HEAD") => self.elsewhere(call),
            (Kind::Referrers, "GET") => self.referrers(call),
            (Kind::Uploads, "POST") => self.begin_upload(call),
            (Kind::Upload, method) => self.upload(call, method),
            (Kind::Unknown, _) => Reply::error(404, "NAME_INVALID", "no such endpoint"),
            _ => Reply::error(405, "UNSUPPORTED", "not here"),
        };
        reply.with("docker-distribution-api-version", "registry/2.0")
    }

    fn tags(&self, call: &Call) -> Reply {
        match self.repositories.get(&call.repository) {
            None => Reply::error(404, "NAME_UNKNOWN", "no such repository"),
            Some(found) => page(call, "tags", found.tags.keys().cloned().collect(), Some(&call.repository)),
        }
    }

    fn manifest(&self, call: &Call) -> Reply {
        let found = self.repositories.get(&call.repository).and_then(|found| found.manifest(&call.reference));
        match found {
            None => Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            Some((digest, media_type, content)) => Reply::bytes(200, media_type, content.clone())
                .with("docker-content-digest", digest.to_string())
                .with("etag", format!("\"{digest}\"")),
        }
    }

    fn put_manifest(&mut self, call: &Call) -> Reply {
        let content = Bytes::from(call.body.clone());
        let digest = match call.reference.parse::<Digest>() {
            Ok(named) if Digest::with(named.algorithm(), &content) == named => named,
            Ok(_) => return Reply::error(400, "DIGEST_INVALID", "the digest is another one"),
            Err(_) => Digest::of(&content),
        };
        let Ok(manifest) = serde_json::from_slice::<Value>(&content) else {
            return Reply::error(400, "MANIFEST_INVALID", "no JSON");
        };
        let repository = self.repositories.entry(call.repository.clone()).or_default();
        let missing = repository.missing(&manifest);
        if !missing.is_empty() {
            return Reply::error(400, "MANIFEST_BLOB_UNKNOWN", &format!("unknown: {}", missing.join(", ")));
        }
        let media_type = call.header("content-type").unwrap_or_default().to_owned();
        repository.manifests.insert(digest, (media_type, content));
        if !call.by_digest() {
            repository.tags.insert(call.reference.clone(), digest);
        }
        let location = format!("/v2/{}/manifests/{digest}", call.repository);
        let reply = Reply::new(201).with("location", location).with("docker-content-digest", digest.to_string());
        match manifest["subject"]["digest"].as_str() {
            Some(subject) => reply.with("oci-subject", subject),
            None => reply,
        }
    }

    fn delete_manifest(&mut self, call: &Call) -> Reply {
        let Some(repository) = self.repositories.get_mut(&call.repository) else {
            return Reply::error(404, "NAME_UNKNOWN", "no such repository");
        };
        let removed = match call.reference.parse::<Digest>() {
            Ok(digest) => {
                repository.tags.retain(|_, tagged| *tagged != digest);
                repository.manifests.remove(&digest).is_some()
            }
            Err(_) => repository.tags.remove(&call.reference).is_some(),
        };
        if removed { Reply::new(202) } else { Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown") }
    }

    fn blob(&self, call: &Call) -> Reply {
        let Ok(digest) = call.reference.parse::<Digest>() else {
            return Reply::error(400, "DIGEST_INVALID", "that is no digest");
        };
        match self.repositories.get(&call.repository).and_then(|found| found.blobs.get(&digest)) {
            None => Reply::error(404, "BLOB_UNKNOWN", "blob unknown"),
            Some(content) => ranged(call, content).with("docker-content-digest", digest.to_string()),
        }
    }

    fn delete_blob(&mut self, call: &Call) -> Reply {
        let repository = self.repositories.get_mut(&call.repository);
        let removed =
            repository.zip(call.reference.parse().ok()).and_then(|(found, digest)| found.blobs.remove(&digest));
        if removed.is_some() { Reply::new(202) } else { Reply::error(404, "BLOB_UNKNOWN", "blob unknown") }
    }

    fn elsewhere(&self, call: &Call) -> Reply {
        match call.reference.parse().ok().and_then(|digest| self.anywhere(digest)) {
            None => Reply::new(404),
            Some(content) => ranged(call, content),
        }
    }

    fn referrers(&self, call: &Call) -> Reply {
        let found = self.repositories.get(&call.repository);
        let mut manifests = found.map(|found| found.referrers(&call.reference)).unwrap_or_default();
        let wanted = call.param("artifactType");
        if let Some(wanted) = wanted {
            manifests.retain(|descriptor| descriptor["artifactType"] == wanted);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests });
        let reply = Reply::bytes(200, MediaType::OCI_INDEX.as_str(), index.to_string());
        if wanted.is_some() { reply.with("oci-filters-applied", "artifactType") } else { reply }
    }
}

/// A page of sorted `names`, with a `Link` where more follow.
fn page(call: &Call, field: &str, names: Vec<String>, repository: Option<&str>) -> Reply {
    let wanted = call.param("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let size: usize = call.page.min(wanted);
    let last = call.param("last").unwrap_or_default().to_owned();
    let rest: Vec<_> = names.into_iter().filter(|name| *name > last).collect();
    let shown = &rest[..rest.len().min(size)];
    let mut document = json!({});
    if let Some(repository) = repository {
        document["name"] = json!(repository);
    }
    document[field] = json!(shown);
    let reply = Reply::json(200, &document);
    match shown.last() {
        Some(last) if shown.len() < rest.len() => {
            reply.with("link", format!("<{}?n={size}&last={last}>; rel=\"next\"", call.path))
        }
        _ => reply,
    }
}

/// `content`, or the one range of it that was asked for.
fn ranged(call: &Call, content: &Bytes) -> Reply {
    let whole = Reply::bytes(200, "application/octet-stream", content.clone()).with("accept-ranges", "bytes");
    let Some(range) = call.header("range").and_then(|range| range.strip_prefix("bytes=")) else { return whole };
    let Some((first, last)) = range.split_once('-') else { return whole };
    let length = content.len();
    let (start, end) = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (None, None) => return whole,
        (None, Some(suffix)) => (length.saturating_sub(suffix), length),
        (Some(start), None) => (start, length),
        (Some(start), Some(last)) => (start, length.min(last.saturating_add(1))),
    };
    if start >= end {
        return Reply::error(416, "RANGE_INVALID", "not so long").with("content-range", format!("bytes */{length}"));
    }
    let part = Reply::bytes(206, "application/octet-stream", content.slice(start..end));
    part.with("content-range", format!("bytes {start}-{}/{length}", end - 1))
}
