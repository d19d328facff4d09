//! Pages: following a list to its end, whatever way the registry cuts it.

use std::collections::HashSet;

use http::{Method, header};
use serde::de::DeserializeOwned;
use url::Url;

use super::request::Call;
use super::{Client, Document};
use crate::error::Kind;
use crate::net::Origin;
use crate::protocol::next_page;
use crate::{Error, Result};

/// Most bytes of one page, of all pages of a list, and most pages.
const PAGE_LIMIT: u64 = 8 * 1024 * 1024;
const TOTAL_LIMIT: u64 = 128 * 1024 * 1024;
const PAGES: usize = 10_000;

/// How many entries are asked for where the registry does not say itself how to go on. ECR takes no more.
const PAGE_LENGTH: usize = 1000;
/// Where registries cut a list without saying so: such a list is asked to go on.
const SILENT_CUTS: [usize; 5] = [50, 100, 200, 500, PAGE_LENGTH];

/// A whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// Valid names, in the registry's order, each once.
    pub names: Vec<T>,
    /// How many entries were nulls or no valid names.
    pub skipped: usize,
}

/// What is collected over the pages.
struct Collected<T> {
    names: Vec<T>,
    seen: HashSet<String>,
    skipped: usize,
}

/// Walks from page to page of one origin and stops at loops and limits.
pub(super) struct Pages<'a> {
    client: &'a Client,
    call: Call,
    visited: HashSet<Url>,
    bytes: u64,
}

impl Client {
    /// All entries of the list that starts at `call`. `entries` opens one page, `parse` makes a name or skips it.
    pub(super) async fn listing<P: DeserializeOwned, T>(
        &self,
        call: Call,
        entries: fn(P) -> Vec<Option<String>>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Listing<T>> {
        let what = call.what.clone();
        let mut pages = Pages::new(self, call);
        let mut all = Collected { names: Vec::new(), seen: HashSet::new(), skipped: 0 };
        let mut is_guess = false;
        loop {
            let document = match pages.read().await {
                // Some registries have nothing after their last page but a 404.
                Err(error) if is_guess && error.kind() == Kind::NotFound => break,
                other => other?,
            };
            let page = entries(self.parse_page(&what, &document)?);
            let (count, last) = (page.len(), page.iter().rev().flatten().next().cloned());
            let news = all.add(page, &parse);
            if pages.follow(&document)? {
                is_guess = false;
                continue;
            }
            match last {
                Some(last) if news > 0 && SILENT_CUTS.contains(&count) => pages.after(&last),
                _ => break,
            }
            is_guess = true;
        }
        Ok(Listing { names: all.names, skipped: all.skipped })
    }

    fn parse_page<P: DeserializeOwned>(&self, what: &str, document: &Document) -> Result<P> {
        serde_json::from_slice(&document.bytes).map_err(|error| {
            let registry = &self.0.registry;
            let found =
                if document.is_html() { "HTML was received instead of a list" } else { "the answer is no list" };
            Error::mismatch(format!("{registry}: cannot {what}: {found}"))
                .with_source(error)
                .with_host(registry.to_string())
        })
    }
}

impl<T> Collected<T> {
    /// Takes a page in; returns how many of its entries were not on an earlier page.
    fn add(&mut self, page: Vec<Option<String>>, parse: impl Fn(&str) -> Option<T>) -> usize {
        let mut news = 0;
        for entry in page {
            let Some(text) = entry else {
                self.skipped += 1;
                continue;
            };
            if self.seen.contains(&text) {
                continue;
            }
            news += 1;
            match parse(&text) {
                Some(name) => self.names.push(name),
                None => self.skipped += 1,
            }
            self.seen.insert(text);
        }
        news
    }
}

impl<'a> Pages<'a> {
    /// The pages that start at `call`.
    pub(super) fn new(client: &'a Client, call: Call) -> Self {
        Self { client, call, visited: HashSet::new(), bytes: 0 }
    }

    /// Reads the page it stands at.
    pub(super) async fn read(&mut self) -> Result<Document> {
        if !self.visited.insert(self.call.url.clone()) {
            return Err(self.refused("the list leads back to a page already read"));
        }
        let document = self.client.document(&self.call, PAGE_LIMIT).await?;
        self.bytes += document.bytes.len() as u64;
        if self.bytes > TOTAL_LIMIT || self.visited.len() >= PAGES {
            return Err(self.refused("the list does not end"));
        }
        Ok(document)
    }

    /// Goes on to the page that `document` links to, if any.
    pub(super) fn follow(&mut self, document: &Document) -> Result<bool> {
        let links = document.headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
        let Some(next) = links.into_iter().find_map(|link| next_page(link, &document.url)) else { return Ok(false) };
        if Origin::of(&next).is_ok_and(|origin| origin == *self.client.origin()) {
            self.call.url = next;
            return Ok(true);
        }
        let target = format!("{}://{}", next.scheme(), next.host_str().unwrap_or_default());
        Err(self.refused(&format!("the next page is on another host, {target}")))
    }

    /// Goes on behind the entry `last`.
    fn after(&mut self, last: &str) {
        let kept: Vec<(String, String)> = self
            .call
            .url
            .query_pairs()
            .filter(|(key, _)| key != "n" && key != "last")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let length = PAGE_LENGTH.to_string();
        let paging = [("n", length.as_str()), ("last", last)];
        let kept = kept.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.call.url.query_pairs_mut().clear().extend_pairs(kept.chain(paging));
    }

    fn refused(&self, why: &str) -> Error {
        let registry = self.client.registry();
        Error::new(Kind::Unsafe, format!("{registry}: cannot {}: {why}", self.call.what))
            .with_host(registry.to_string())
    }
}

/// A call that reads a list.
pub(super) fn list_call(client: &Client, endpoint: &crate::protocol::Endpoint, what: String) -> Call {
    client.call(Method::GET, endpoint, what).header(header::ACCEPT, "application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_invalid_entries_are_counted_and_left_out() {
        let mut all = Collected { names: Vec::new(), seen: HashSet::new(), skipped: 0 };
        let page = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let parse = |text: &str| text.parse::<crate::name::Tag>().ok();
        let mut first = page(&["ok", "sha256:00", "../../x", "\u{1b}[2J", "ok"]);
        first.push(None);
        assert_eq!(all.add(first, parse), 4);
        assert_eq!(all.add(page(&["ok", "sha256:00"]), parse), 0);
        assert_eq!(all.add(page(&["ok", "v2"]), parse), 1);
        assert_eq!((all.names.len(), all.skipped), (2, 4));
    }
}
