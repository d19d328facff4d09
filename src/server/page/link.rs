//! Links: every path of the page as one enum; `path()` and `parse()` are inverses.

use maud::{Markup, html};

use super::super::name::Names;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::Digest;

/// A repository, and the path under which clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    repository: Repository,
    path: String,
}

impl Entry {
    /// Of `repository`; `None` where no path leads to it.
    pub(super) fn of(repository: Repository) -> Option<Self> {
        Names::path(&repository).map(|path| Self { repository, path })
    }

    fn parse(path: &str) -> Option<Self> {
        Names::exact(path, None).and_then(Self::of)
    }

    /// The repository.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// With `:tag` or `@digest`.
    pub(super) fn image(&self, reference: &TagOrDigest) -> String {
        match reference {
            TagOrDigest::Tag(tag) => format!("{}:{tag}", self.path),
            TagOrDigest::Digest(digest) => format!("{}@{digest}", self.path),
        }
    }

    /// The same for people, with a short digest.
    pub(super) fn title(&self, reference: &TagOrDigest) -> String {
        match reference {
            TagOrDigest::Tag(_) => self.image(reference),
            TagOrDigest::Digest(digest) => format!("{}@{}", self.path, short(digest)),
        }
    }
}

/// A digest as headings and lists have it.
fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm().as_str(), digest.short())
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    /// `/`: all repositories.
    Repositories,
    /// `/-/r/<repository>`: its tags.
    Repository(Entry),
    /// `/-/i/<repository>:<tag>` or `/-/i/<repository>@<digest>`: an image or index.
    Image(Entry, TagOrDigest),
    /// `/-/style.css`.
    Style,
    /// `/-/icon.svg`.
    Icon,
}

impl View {
    /// The path.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Repositories => "/".to_owned(),
            Self::Repository(entry) => format!("/-/r/{}", entry.path()),
            Self::Image(entry, reference) => format!("/-/i/{}", entry.image(reference)),
            Self::Style => "/-/style.css".to_owned(),
            Self::Icon => "/-/icon.svg".to_owned(),
        }
    }

    /// What `path` asks for, if anything. `:` and `@` may come encoded: some programs do that to links they are given.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let rest = match path {
            "/" => return Some(Self::Repositories),
            _ => path.strip_prefix("/-/")?,
        };
        let decoded = rest.replace("%3A", ":").replace("%3a", ":").replace("%40", "@");
        match decoded.split_once('/') {
            None if decoded == "style.css" => Some(Self::Style),
            None if decoded == "icon.svg" => Some(Self::Icon),
            Some(("r", path)) => Entry::parse(path).map(Self::Repository),
            Some(("i", image)) => {
                let (path, reference) = match image.split_once('@') {
                    Some((path, digest)) => (path, TagOrDigest::Digest(digest.parse().ok()?)),
                    None => image
                        .rsplit_once(':')
                        .and_then(|(path, tag)| Some((path, TagOrDigest::Tag(tag.parse().ok()?))))?,
                };
                Some(Self::Image(Entry::parse(path)?, reference))
            }
            _ => None,
        }
    }

    /// The view of a tag.
    pub(super) fn tag(entry: &Entry, tag: &Tag) -> Self {
        Self::Image(entry.clone(), TagOrDigest::Tag(tag.clone()))
    }

    /// The view of a manifest.
    pub(super) fn digest(entry: &Entry, digest: Digest) -> Self {
        Self::Image(entry.clone(), TagOrDigest::Digest(digest))
    }
}

/// A digest as lists show it, the whole of it in the title; a link where the manifest can be looked at.
pub(super) fn digest(digest: &Digest, view: Option<&View>) -> Markup {
    html! {
        @match view {
            Some(view) => a.digest href=(view.path()) title=(digest.to_string()) { (short(digest)) },
            None => span.digest title=(digest.to_string()) { (short(digest)) },
        }
    }
}

/// One page of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    /// Which, from 1.
    pub(super) number: usize,
    /// How many there are; at least one.
    pub(super) count: usize,
    /// Entries of each but the last.
    length: usize,
}

impl Section {
    /// The page `number`, or the last before it, of a list of `entries` in pages of `length`.
    pub(super) fn new(number: usize, entries: usize, length: usize) -> Self {
        let count = entries.div_ceil(length).max(1);
        Self { number: number.clamp(1, count), count, length }
    }

    /// Its entries among `all`.
    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        let start = ((self.number - 1) * self.length).min(all.len());
        &all[start..(start + self.length).min(all.len())]
    }

    /// Links to the pages before and after; nothing where this is the only one.
    pub(super) fn links(self, path: &str) -> Markup {
        let link = |number: usize, rel: &str, text: &str| {
            html! { a rel=(rel) href=(format!("{path}?page={number}")) { (text) } }
        };
        html! {
            @if self.count > 1 {
                nav.pages aria-label="Pages" {
                    @if self.number > 1 { (link(self.number - 1, "prev", "← Previous")) }
                    span { "Page " (self.number) " of " (self.count) }
                    @if self.number < self.count { (link(self.number + 1, "next", "Next →")) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_link_leads_to_its_view() {
        let table = [
            "/".to_owned(),
            "/-/style.css".to_owned(),
            "/-/icon.svg".to_owned(),
            "/-/r/app".to_owned(),
            "/-/r/docker.io/library/busybox".to_owned(),
            "/-/i/app:1.2_3-x".to_owned(),
            "/-/i/ns/app:latest".to_owned(),
            format!("/-/i/docker.io/library/busybox@{DIGEST}"),
        ];
        for path in table {
            let view = View::parse(&path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(view.path(), path);
        }
        assert_eq!(View::parse("/-/i/app%3A1"), View::parse("/-/i/app:1"));
        assert_eq!(View::parse(&format!("/-/i/app%40{DIGEST}")), View::parse(&format!("/-/i/app@{DIGEST}")));
    }

    #[test]
    fn what_is_no_name_leads_nowhere() {
        for path in [
            "",
            "/-",
            "/-/",
            "/-/r/",
            "/-/r/../etc",
            "/-/r/a//b",
            "/-/r/App",
            "/-/r/a%2fb",
            "/-/i/app",
            "/-/i/app:",
            "/-/i/app:-t",
            "/-/i/app@sha256:00",
            "/-/i/app:<script>",
            "/-/i/@",
            "/-/style.css/x",
            "/-/x/app",
            "/v2/",
        ] {
            assert_eq!(View::parse(path), None, "{path}");
        }
    }

    #[test]
    fn long_lists_come_in_pages() {
        let all: Vec<usize> = (0..450).collect();
        let at = |number| Section::new(number, all.len(), 200);
        assert_eq!(at(1).of(&all).first(), Some(&0));
        assert_eq!(at(3).of(&all), &all[400..]);
        assert_eq!(at(usize::MAX), at(3));
        assert_eq!(at(0), at(1));
        assert_eq!(Section::new(1, 0, 200).of(&all[..0]), &all[..0]);
        assert_eq!(Section::new(1, 200, 200).links("/").into_string(), "");
    }
}
