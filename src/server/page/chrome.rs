//! Chrome: what every page has around its content, and the pieces that several pages are built from.

use maud::{DOCTYPE, Markup, html};

use super::address::Address;
use super::link::View;
use super::text::Text;
use crate::oci::Annotations;

/// Most entries of a list that are shown; how many more there are is said.
pub(super) const ENTRIES: usize = 1_000;

/// One page without its surroundings.
pub(super) struct Frame {
    /// The heading, and the document's title.
    pub(super) title: String,
    /// What is above it: names and links, outermost first.
    pub(super) trail: Vec<(String, String)>,
    /// What is below the heading.
    pub(super) body: Markup,
}

impl Frame {
    /// The whole document.
    pub(super) fn document(&self, address: &Address) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · " (address.authority()) }
                    link rel="stylesheet" href=(View::Style.path());
                    link rel="icon" type="image/svg+xml" href=(View::Icon.path());
                }
                body {
                    a.skip href="#content" { "Skip to content" }
                    header { a.home href="/" { "imgctl" } span.host { (address.authority()) } }
                    main #content {
                        (self.trail())
                        h1 { (self.title) }
                        (self.body)
                    }
                    footer { "imgctl " (env!("CARGO_PKG_VERSION")) }
                }
            }
        }
    }

    fn trail(&self) -> Markup {
        html! {
            @if !self.trail.is_empty() {
                nav aria-label="Breadcrumbs" {
                    ol.trail { @for (name, path) in &self.trail { li { a href=(path) { (name) } } } }
                }
            }
        }
    }
}

/// A part of a page under a heading of its own; `id` is where links may point.
pub(super) fn section(id: &str, heading: &str, body: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) { h2 id=(id) { (heading) } (body) }
    }
}

/// Names with what they stand for; those with nothing are left out.
pub(super) fn facts(facts: impl IntoIterator<Item = (&'static str, Option<Markup>)>) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// A table of foreign names and values; nothing where there are none.
pub(super) fn pairs<'a>(names: [&str; 2], pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Option<Markup> {
    let count = pairs.len();
    (count > 0).then(|| {
        html! {
            table.pairs {
                thead { tr { th scope="col" { (names[0]) } th scope="col" { (names[1]) } } }
                tbody {
                    @for (name, value) in pairs.take(ENTRIES) {
                        tr { th scope="row" { (Text::new(name)) } td.text { (Text::new(value)) } }
                    }
                }
            }
            (more(count, ENTRIES))
        }
    })
}

/// The annotations of a manifest or index.
pub(super) fn annotations(annotations: &Annotations) -> Markup {
    let pairs = pairs(["Annotation", "Value"], annotations.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    html! { @if let Some(pairs) = pairs { (section("annotations", "Annotations", &pairs)) } }
}

/// Says how many of `count` entries a list of `shown` leaves out.
pub(super) fn more(count: usize, shown: usize) -> Markup {
    html! { @if count > shown { p.note { "… and " (count - shown) " more." } } }
}

/// Something that is wrong with what is stored.
pub(super) fn warning(what: &str, why: &str) -> Markup {
    html! { p.warning { strong { (what) } ": " (why) } }
}
