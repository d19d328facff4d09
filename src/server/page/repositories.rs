//! All repositories; how to push the first image where there are none.

use maud::{Markup, html};

use super::NoPage;
use super::address::{Address, commands};
use super::chrome::Frame;
use super::link::{Entry, Section, View};
use super::reading::Reading;

/// Repositories on one page.
const LENGTH: usize = 200;

/// The page.
pub(super) async fn frame(
    reading: &mut Reading<'_>,
    page: usize,
    writable: bool,
    address: &Address,
) -> Result<Frame, NoPage> {
    let all = reading.repositories().await?;
    let section = Section::new(page, all.len(), LENGTH);
    let mut rows = Vec::new();
    for entry in section.of(&all) {
        rows.push((entry, reading.tags(entry).await.ok().map(|tags| tags.len())));
    }
    let body = html! {
        @if all.is_empty() { (empty(writable, address)) } @else {
            p.lead { (match all.len() { 1 => "1 repository".to_owned(), count => format!("{count} repositories") }) }
            (table(&rows))
            (section.links(&View::Repositories.path()))
        }
    };
    Ok(Frame { title: "Repositories".to_owned(), trail: Vec::new(), body })
}

fn table(rows: &[(&Entry, Option<usize>)]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Repository" } th.number scope="col" { "Tags" } } }
            tbody {
                @for (entry, tags) in rows {
                    tr {
                        th scope="row" {
                            a href=(View::Repository((*entry).clone()).path()) { (entry.path()) }
                        }
                        td.number {
                            @match tags { Some(tags) => (tags), None => span.missing { "not readable" } }
                        }
                    }
                }
            }
        }
    }
}

fn empty(writable: bool, address: &Address) -> Markup {
    html! {
        p.lead { "Nothing is here yet." }
        @if writable {
            p { "Push an image with the tool you have:" }
            (commands(&address.push()))
            @if let Some(note) = address.note() { (note) }
        } @else {
            p { "This server is read-only: there is nothing in what it was started with." }
        }
    }
}
