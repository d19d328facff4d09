//! The page for people: what is served, as HTML made here, without script. Each view is first read from the
//! [`Content`] within bounds ([`reading`]) into [`Text`](text::Text) and numbers, then written.

mod address;
mod chrome;
mod config;
mod image;
mod index;
mod layer;
mod link;
mod picture;
mod reading;
mod repositories;
mod repository;
mod sharing;
mod summary;
#[cfg(test)]
mod tests;
mod text;

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use maud::{Markup, html};

use super::Content;
use address::Address;
use chrome::Frame;
use link::View;
use reading::Reading;

/// Nothing but our own stylesheet and icon is loaded, nothing runs, nothing is sent, nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// What a browser asked for.
pub(super) struct PageRequest<'a> {
    /// The path as it was sent.
    pub(super) path: &'a str,
    /// What followed the `?`.
    pub(super) query: Option<&'a str>,
    /// The `Host` header: how the client names this server.
    pub(super) host: Option<&'a str>,
    /// The URL that the server prints when it starts: what it is called where `host` is no name.
    pub(super) base: &'a str,
    /// Whether images may be pushed here.
    pub(super) writable: bool,
}

/// An answer, whole.
pub(super) struct Page {
    /// The status.
    pub(super) status: StatusCode,
    /// All headers that a page needs, its type among them.
    pub(super) headers: HeaderMap,
    /// The document.
    pub(super) body: String,
}

impl Page {
    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let fixed = [
            (CONTENT_TYPE, content_type),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
        ];
        let headers = fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        Self { status, headers, body }
    }

    fn html(status: StatusCode, document: Markup) -> Self {
        Self::new(status, "text/html; charset=utf-8", document.into_string())
    }
}

/// What a view could not show, and under which status that goes out.
struct Refusal(StatusCode, &'static str);

impl Refusal {
    const NOT_HERE: Self = Self(StatusCode::NOT_FOUND, "There is nothing here under this name.");
    const UNREADABLE: Self = Self(StatusCode::INTERNAL_SERVER_ERROR, "What is stored here cannot be read.");
}

/// The page for `request`; a page that says so where there is none.
pub(super) async fn respond(request: &PageRequest<'_>, content: &dyn Content) -> Page {
    let view = View::parse(request.path);
    match view {
        Some(View::Style) => return Page::new(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
        Some(View::Icon) => return Page::new(StatusCode::OK, "image/svg+xml", ICON.to_owned()),
        _ => {}
    }
    let address = Address::of(request);
    let mut reading = Reading::new(content);
    let page = link::page_number(request.query);
    let frame = match view {
        Some(View::Repositories) => repositories::frame(&mut reading, page, request.writable, &address).await,
        Some(View::Repository(repository)) => repository::frame(&mut reading, &repository, page, &address).await,
        Some(View::Image(repository, reference)) => image::frame(&mut reading, &repository, &reference, &address).await,
        Some(View::Style | View::Icon) | None => Err(Refusal::NOT_HERE),
    };
    match frame {
        Ok(frame) => Page::html(StatusCode::OK, frame.document(&address)),
        Err(Refusal(status, why)) => Page::html(status, refusal(why).document(&address)),
    }
}

fn refusal(why: &str) -> Frame {
    Frame {
        title: "Nothing to show".to_owned(),
        trail: vec![("Repositories".to_owned(), View::Repositories.path())],
        body: html! { p.lead { (why) } p { a href="/" { "All repositories" } } },
    }
}
