//! Routes: which request is answered by whom.

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::answer::{self, Answer, Refusal, Result};
use super::call::{Call, Sent};
use super::{blob, catalog, manifest, referrer, tag, upload};
use crate::protocol::{Endpoint, ErrorCode};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Answers a request.
pub(super) async fn respond(call: &Call, body: Sent) -> Answer {
    let answered = match call.path.as_str() {
        "/healthz" => Ok(answer::document(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
        path if path == "/v2" || path.starts_with("/v2/") => api(call, body).await,
        _ => Err(Refusal::new(StatusCode::NOT_FOUND, ErrorCode::UNSUPPORTED, "there is nothing here")),
    };
    let mut answer = answered.unwrap_or_else(Refusal::into_answer);
    let headers = answer.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(namespace) = call.namespace() {
        answer::set(headers, HeaderName::from_static("oci-namespace"), namespace);
    }
    answer
}

async fn api(call: &Call, body: Sent) -> Result {
    // Paths are taken as they were sent; only the colon of a digest may be written as an escape.
    let path = call.path.replace("%3A", ":").replace("%3a", ":");
    let Some(endpoint) = Endpoint::parse(&path) else { return Err(no_endpoint(&path, &call.method)) };
    match (&endpoint, &call.method) {
        (Endpoint::Base, &Method::GET | &Method::HEAD) => Ok(answer::json(&serde_json::json!({}))),
        (Endpoint::Catalog, &Method::GET | &Method::HEAD) => catalog::list(call).await,
        (Endpoint::Tags(name), &Method::GET | &Method::HEAD) => tag::list(call, name).await,
        (Endpoint::Manifest(name, reference), &Method::GET | &Method::HEAD) => {
            manifest::get(call, name, reference).await
        }
        (Endpoint::Manifest(name, reference), &Method::PUT) => manifest::put(call, name, reference, body).await,
        (Endpoint::Manifest(name, reference), &Method::DELETE) => manifest::delete(call, name, reference).await,
        (Endpoint::Blob(name, digest), &Method::GET | &Method::HEAD) => blob::get(call, name, digest).await,
        (Endpoint::Blob(name, digest), &Method::DELETE) => blob::delete(call, name, digest).await,
        (Endpoint::Uploads(name), &Method::POST) => upload::start(call, name, body).await,
        (Endpoint::Upload(name, id), &Method::GET | &Method::HEAD) => upload::status(call, name, id),
        (Endpoint::Upload(name, id), &Method::PATCH) => upload::append(call, name, id, body).await,
        (Endpoint::Upload(name, id), &Method::PUT) => upload::put(call, name, id, body).await,
        (Endpoint::Upload(name, id), &Method::DELETE) => upload::cancel(call, name, id),
        (Endpoint::Referrers(name, subject), &Method::GET | &Method::HEAD) => referrer::list(call, name, subject).await,
        (endpoint, _) => Err(Refusal::unsupported("this is not done here", methods(endpoint))),
    }
}

/// What can be done with an endpoint.
fn methods(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Base | Endpoint::Catalog | Endpoint::Tags(_) | Endpoint::Referrers(..) => "GET, HEAD",
        Endpoint::Manifest(..) => "GET, HEAD, PUT, DELETE",
        Endpoint::Blob(..) => "GET, HEAD, DELETE",
        Endpoint::Uploads(_) => "POST",
        Endpoint::Upload(..) => "GET, PATCH, PUT, DELETE",
    }
}

/// What is wrong with a path that is no endpoint.
fn no_endpoint(path: &str, method: &Method) -> Refusal {
    let head = path.rsplit_once('/').map_or("", |(head, _)| head);
    let is_reading = matches!(*method, Method::GET | Method::HEAD);
    let is_digest = path.rsplit_once('/').is_some_and(|(_, last)| last.contains(':'));
    if head.ends_with("/manifests") && !is_digest {
        let (status, code) = if is_reading {
            (StatusCode::NOT_FOUND, ErrorCode::MANIFEST_UNKNOWN)
        } else {
            (StatusCode::BAD_REQUEST, ErrorCode::TAG_INVALID)
        };
        return Refusal::new(status, code, "no such manifest: its name or tag breaks the grammar");
    }
    if ["/manifests", "/blobs", "/referrers"].iter().any(|noun| head.ends_with(noun)) {
        return Refusal::digest_invalid("the name or the digest is none");
    }
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NAME_INVALID, "there is no such endpoint, or the name is none")
}
