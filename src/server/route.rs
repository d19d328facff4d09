//! Routes: which request is answered by whom.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::access::{CHALLENGE, Principal};
use super::answer::{self, Answer, Refusal, Result};
use super::call::{Call, Sent};
use super::exchange::About;
use super::{blob, catalog, manifest, metrics, page, referrer, tag, upload};
use crate::protocol::{Endpoint, ErrorCode};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// What a request asks for.
enum Route {
    /// Whether the server lives: the only thing that everybody may ask.
    Health,
    Metrics,
    Api(Endpoint),
    /// Something below `/v2/` that is no endpoint.
    NoEndpoint,
    /// A page for people.
    Page,
    Nothing,
}

/// Answers a request.
pub(super) async fn respond(mut call: Call, body: Sent) -> Answer {
    let route = Route::of(&call.path);
    let principal = match route {
        Route::Health => Some(Principal::ANYONE),
        _ => call.state.settings.access.admit(&call.headers).await,
    };
    let answered = match &principal {
        None => Err(unauthorized()),
        Some(principal) => {
            call.principal = principal.name().map(str::to_owned);
            dispatch(&call, &route, body).await
        }
    };
    let mut answer = answered.unwrap_or_else(Refusal::into_answer);
    let about = About { principal: principal.unwrap_or(Principal::ANYONE), route: route.name() };
    answer.extensions_mut().insert(about);
    let headers = answer.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(namespace) = call.namespace() {
        answer::set(headers, HeaderName::from_static("oci-namespace"), namespace);
    }
    answer
}

impl Route {
    /// Paths are taken as they were sent; only the colon of a digest may be written as an escape.
    fn of(path: &str) -> Self {
        match path {
            "/healthz" => Self::Health,
            "/metrics" => Self::Metrics,
            path if path == "/v2" || path.starts_with("/v2/") => {
                Endpoint::parse(&unescape_colon(path)).map_or(Self::NoEndpoint, Self::Api)
            }
            path if page::is_page(path) => Self::Page,
            _ => Self::Nothing,
        }
    }

    /// What it is counted as.
    fn name(&self) -> &'static str {
        match self {
            Self::Health => "healthz",
            Self::Metrics => "metrics",
            Self::Api(Endpoint::Base) => "base",
            Self::Api(Endpoint::Catalog) => "catalog",
            Self::Api(Endpoint::Tags(_)) => "tags",
            Self::Api(Endpoint::Manifest(..)) => "manifest",
            Self::Api(Endpoint::Blob(..)) => "blob",
            Self::Api(Endpoint::Uploads(_) | Endpoint::Upload(..)) => "upload",
            Self::Api(Endpoint::Referrers(..)) => "referrers",
            Self::Page => "page",
            Self::NoEndpoint | Self::Nothing => "none",
        }
    }
}

fn unescape_colon(path: &str) -> String {
    path.replace("%3A", ":").replace("%3a", ":")
}

fn unauthorized() -> Refusal {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::UNAUTHORIZED, "authentication required");
    refusal.with_header(WWW_AUTHENTICATE, CHALLENGE)
}

async fn dispatch(call: &Call, route: &Route, body: Sent) -> Result {
    match route {
        Route::Health => Ok(answer::document(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
        Route::Metrics => Ok(answer::document(StatusCode::OK, metrics::MEDIA_TYPE, call.state.metrics())),
        Route::Api(endpoint) => api(call, endpoint, body).await,
        Route::NoEndpoint => Err(no_endpoint(&unescape_colon(&call.path), &call.method)),
        Route::Page => page::get(call).await,
        Route::Nothing => Err(Refusal::new(StatusCode::NOT_FOUND, ErrorCode::UNSUPPORTED, "there is nothing here")),
    }
}

async fn api(call: &Call, endpoint: &Endpoint, body: Sent) -> Result {
    match (endpoint, &call.method) {
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
