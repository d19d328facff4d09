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

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, StatusCode};
use maud::{Markup, html};

use super::Content;
use super::answer::{self, Refusal};
use super::call::Call;
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
struct PageRequest<'a> {
    /// The path as it was sent.
    path: &'a str,
    /// Which page of a long list, from 1.
    number: usize,
    /// The `Host` header: how the client names this server.
    host: Option<&'a str>,
    /// The URL that the server prints when it starts: what it is called where `host` is no name.
    base: &'a str,
    /// Whether images may be pushed here.
    writable: bool,
}

/// An answer, whole.
struct Page {
    /// The status.
    status: StatusCode,
    /// All headers that a page needs, its type among them.
    headers: HeaderMap,
    /// The document.
    body: String,
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

/// Why there is no page, and the status it goes out under.
struct NoPage(StatusCode, &'static str);

impl NoPage {
    const NOT_HERE: Self = Self(StatusCode::NOT_FOUND, "There is nothing here under this name.");
    const UNREADABLE: Self = Self(StatusCode::INTERNAL_SERVER_ERROR, "What is stored here cannot be read.");
}

/// Whether `path` is one of a page.
pub(super) fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with("/-/")
}

/// `GET` and `HEAD`.
pub(super) async fn get(call: &Call) -> answer::Result {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::unsupported("pages are to be read", "GET, HEAD"));
    }
    let request = PageRequest {
        path: &call.path,
        number: call.parameter("page").and_then(|number| number.parse().ok()).unwrap_or(1),
        host: call.header(HOST),
        base: &call.state.url,
        writable: call.state.settings.writer.is_some(),
    };
    let content = call.state.content();
    // Looking at a page fetches nothing.
    let content = content.at_hand().unwrap_or(content);
    let Page { status, headers, body } = respond(&request, content).await;
    let mut answer = answer::empty(status);
    answer.headers_mut().extend(headers);
    answer::set_length(answer.headers_mut(), body.len() as u64);
    if !call.is_head() {
        *answer.body_mut() = answer::full(body);
    }
    Ok(answer)
}

/// The page for `request`; a page that says so where there is none.
async fn respond(request: &PageRequest<'_>, content: &dyn Content) -> Page {
    let view = View::parse(request.path);
    match view {
        Some(View::Style) => return Page::new(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
        Some(View::Icon) => return Page::new(StatusCode::OK, "image/svg+xml", ICON.to_owned()),
        _ => {}
    }
    let address = Address::of(request);
    let mut reading = Reading::new(content);
    let frame = match view {
        Some(View::Repositories) => repositories::frame(&mut reading, request.number, request.writable, &address).await,
        Some(View::Repository(entry)) => repository::frame(&mut reading, &entry, request.number, &address).await,
        Some(View::Image(entry, reference)) => image::frame(&mut reading, &entry, &reference, &address).await,
        Some(View::Style | View::Icon) | None => Err(NoPage::NOT_HERE),
    };
    match frame {
        Ok(frame) => Page::html(StatusCode::OK, frame.document(&address)),
        Err(NoPage(status, why)) => Page::html(status, refusal(why).document(&address)),
    }
}

fn refusal(why: &str) -> Frame {
    Frame {
        title: "Nothing to show".to_owned(),
        trail: vec![("Repositories".to_owned(), View::Repositories.path())],
        body: html! { p.lead { (why) } p { a href="/" { "All repositories" } } },
    }
}
