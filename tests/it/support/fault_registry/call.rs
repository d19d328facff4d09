//! Call: a request as the registry reads it, before a fault bends it.

use hyper::HeaderMap;
use url::form_urlencoded;

use crate::support::http_server::Received;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags,
    /// `/v2/NAME/manifests/TAG-OR-DIGEST`
    Manifest,
    /// `/v2/NAME/blobs/DIGEST`
    Blob,
    /// `/v2/NAME/blobs/uploads/`
    Uploads,
    /// `/v2/NAME/blobs/uploads/ID`
    Upload,
    /// `/v2/NAME/referrers/DIGEST`
    Referrers,
    /// `/token`
    Token,
    /// `/cdn/DIGEST`: where blobs are when their registry sends people elsewhere.
    Cdn,
    /// Nothing a registry has.
    Unknown,
}

/// A request, and what a fault may tell the registry about it.
#[derive(Debug)]
pub struct Call {
    /// `GET`, `PUT`, …
    pub method: String,
    /// What it is about.
    pub kind: Kind,
    /// The repository; empty where there is none.
    pub repository: String,
    /// Tag, digest or upload id; empty where there is none.
    pub reference: String,
    /// The path as it was sent.
    pub path: String,
    /// The parameters of the query.
    pub params: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the sender finished the body.
    pub whole: bool,
    /// Where it came in: `http://127.0.0.1:5000`.
    pub here: String,
    /// Another origin.
    pub elsewhere: String,
    /// Whether it came in at the registry's second origin.
    pub secondary: bool,
    /// Most bytes of the body that are read.
    pub read_at_most: usize,
    /// Whether an upload that was cut is forgotten.
    pub forgets: bool,
    /// Most names on a page.
    pub page: usize,
}

impl Call {
    /// Reads the head of a request; `elsewhere` is another origin, `secondary` says where it came in.
    pub fn of(received: &Received, elsewhere: String, secondary: bool) -> Self {
        let parts = &received.parts;
        let path = parts.uri.path().to_owned();
        let (kind, repository, reference) = endpoint(&path);
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let proxied = parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let scheme = if proxied { "https" } else { "http" };
        Self {
            method: parts.method.to_string(),
            kind,
            repository: repository.to_owned(),
            reference: reference.to_owned(),
            params: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
            headers: parts.headers.clone(),
            body: Vec::new(),
            whole: true,
            here: format!("{scheme}://{host}"),
            elsewhere,
            secondary,
            read_at_most: usize::MAX,
            forgets: false,
            page: usize::MAX,
            path,
        }
    }

    /// The first parameter of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether it names its manifest by digest.
    pub fn by_digest(&self) -> bool {
        self.reference.contains(':')
    }
}

fn endpoint(path: &str) -> (Kind, &str, &str) {
    match path {
        "/v2/" | "/v2" => return (Kind::Base, "", ""),
        "/v2/_catalog" => return (Kind::Catalog, "", ""),
        "/token" => return (Kind::Token, "", ""),
        _ => {}
    }
    if let Some(digest) = path.strip_prefix("/cdn/") {
        return (Kind::Cdn, "", digest);
    }
    let path = path.strip_prefix("/v2/").unwrap_or_default();
    let words = [
        ("/blobs/uploads/", Kind::Upload),
        ("/manifests/", Kind::Manifest),
        ("/blobs/", Kind::Blob),
        ("/referrers/", Kind::Referrers),
        ("/tags/list", Kind::Tags),
    ];
    let found = words.iter().find_map(|(word, kind)| Some((*kind, path.rsplit_once(word)?)));
    match found {
        Some((Kind::Upload, (repository, ""))) => (Kind::Uploads, repository, ""),
        Some((kind, (repository, reference))) => (kind, repository, reference),
        None => (Kind::Unknown, "", ""),
    }
}
