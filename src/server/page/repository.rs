//! A repository: its tags, and their layers drawn below each other.

use std::collections::{HashMap, HashSet};

use maud::{Markup, html};

use super::NoPage;
use super::address::{Address, commands};
use super::chrome::{Frame, section};
use super::link::{self, Entry, Section, View};
use super::picture::{self, BARS, Bar, Slice, Tone};
use super::reading::{Found, Reading};
use super::summary::Summary;
use super::text::{counted, size};
use crate::name::{Tag, TagOrDigest};
use crate::oci::Digest;

/// Tags on one page.
const LENGTH: usize = 100;

/// The tags of one page, and what they stand for.
struct Tags<'a> {
    /// Each tag, with its place in `images`.
    rows: Vec<(&'a Tag, Found<usize>)>,
    /// The manifests, each once.
    images: Vec<Summary>,
}

/// The page.
pub(super) async fn frame(
    reading: &mut Reading<'_>,
    entry: &Entry,
    page: usize,
    address: &Address,
) -> Result<Frame, NoPage> {
    let all = reading.tags(entry).await?;
    let part = Section::new(page, all.len(), LENGTH);
    let tags = Tags::read(reading, entry, part.of(&all)).await;
    let view = View::Repository(entry.clone());
    let body = html! {
        p.lead { (counted(all.len(), "tag")) }
        @if let Some(tag) = all.iter().find(|tag| **tag == Tag::latest()).or(all.first()) {
            (tags.table(entry))
            (part.links(&view.path()))
            (tags.picture(entry))
            @let pull = html! {
                (commands(&address.pull(entry, &TagOrDigest::Tag(tag.clone()))))
                @if let Some(note) = address.note() { (note) }
            };
            (section("pull", "Pull", &pull))
        }
    };
    let trail = vec![("Repositories".to_owned(), View::Repositories.path())];
    Ok(Frame { title: entry.path().to_owned(), trail, body })
}

impl<'a> Tags<'a> {
    async fn read(reading: &mut Reading<'_>, entry: &Entry, tags: &'a [Tag]) -> Self {
        let (mut rows, mut images) = (Vec::new(), Vec::new());
        let mut known: HashMap<Digest, usize> = HashMap::new();
        for tag in tags {
            let found = match reading.manifest(entry, &TagOrDigest::Tag(tag.clone())).await {
                Found::Here(manifest) => Found::Here(match known.get(&manifest.digest()) {
                    Some(&at) => at,
                    None => {
                        images.push(Summary::of(reading, entry, &manifest).await);
                        known.insert(manifest.digest(), images.len() - 1);
                        images.len() - 1
                    }
                }),
                Found::Missing => Found::Missing,
                Found::Broken(why) => Found::Broken(why),
                Found::Unread => Found::Unread,
            };
            rows.push((tag, found));
        }
        Self { rows, images }
    }

    fn table(&self, entry: &Entry) -> Markup {
        html! {
            table.stack {
                thead {
                    tr {
                        th scope="col" { "Tag" }
                        th.tight scope="col" { "Digest" }
                        th.number scope="col" { "Size" }
                        th scope="col" { "Platforms" }
                        th.tight scope="col" { "Created" }
                    }
                }
                tbody {
                    @for (tag, found) in &self.rows {
                        tr {
                            th scope="row" { a href=(View::tag(entry, tag).path()) { (tag.as_str()) } }
                            @match found {
                                Found::Here(at) => (row(entry, &self.images[*at])),
                                Found::Missing => td.missing colspan="4" { "not here" },
                                Found::Broken(why) => td.missing colspan="4" { "broken: " (why) },
                                Found::Unread => td.muted colspan="4" { "not looked at" },
                            }
                        }
                    }
                }
            }
        }
    }

    /// One bar for each image, under all its tags.
    fn picture(&self, entry: &Entry) -> Markup {
        let mut holders: HashMap<Digest, usize> = HashMap::new();
        for image in &self.images {
            let distinct: HashSet<Digest> = image.layers.iter().map(|layer| layer.digest).collect();
            distinct.into_iter().for_each(|digest| *holders.entry(digest).or_default() += 1);
        }
        let tone = |digest| if holders.get(digest).is_some_and(|&count| count > 1) { Tone::Shared } else { Tone::Own };
        let bars: Vec<Bar> = self
            .images
            .iter()
            .enumerate()
            .take(BARS)
            .filter(|(_, image)| !image.layers.is_empty())
            .map(|(at, image)| {
                let slices = image.layers.iter().map(|layer| Slice { size: layer.size, tone: tone(&layer.digest) });
                Bar { label: self.label(entry, at), slices: slices.collect() }
            })
            .collect();
        let legend = [(Tone::Own, "in one image"), (Tone::Shared, "in several of these images")];
        html! {
            @if !bars.is_empty() {
                @let figure = picture::figure("Base on the left; widths are compressed sizes.", &legend, &bars);
                (section("layers", "Layers", &figure))
            }
        }
    }

    fn label(&self, entry: &Entry, at: usize) -> Markup {
        let image = &self.images[at];
        let tags = self.rows.iter().filter(|(_, found)| matches!(found, Found::Here(image) if *image == at));
        html! {
            span {
                @for (position, (tag, _)) in tags.enumerate() {
                    @if position > 0 { ", " }
                    a href=(View::tag(entry, tag).path()) { (tag.as_str()) }
                }
            }
            @if let Some(platform) = &image.pictured { span.platform { (platform) } }
            span.size { (size(image.drawn())) }
        }
    }
}

fn row(entry: &Entry, image: &Summary) -> Markup {
    html! {
        td { (link::digest(&image.digest, Some(&View::digest(entry, image.digest)))) }
        td.number { (size(image.size)) }
        td { (image.platforms()) }
        td { @if let Some(created) = &image.created { (created) } }
    }
}
