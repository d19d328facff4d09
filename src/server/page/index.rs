//! An index: the images for its platforms.

use std::collections::HashMap;

use maud::{Markup, html};

use super::chrome::{ENTRIES, more, section};
use super::link::{self, Entry, View};
use super::picture::{self, BARS, Bar, Slice, Tone};
use super::reading::{Found, Reading};
use super::summary::{Blobs, CHILDREN, Layer, layers, platform};
use super::text::{Text, size};
use crate::name::TagOrDigest;
use crate::oci::{Descriptor, Digest, ImageIndex};

/// An index with what is known of its children.
pub(super) struct Children<'a> {
    rows: Vec<(&'a Descriptor, Found<Child>)>,
    count: usize,
}

enum Child {
    Image { size: u64, layers: Vec<Layer> },
    Index,
}

impl<'a> Children<'a> {
    /// Reads the manifests of `index`.
    pub(super) async fn read(reading: &mut Reading<'_>, entry: &Entry, index: &'a ImageIndex) -> Self {
        let mut rows = Vec::new();
        for child in index.manifests.iter().take(CHILDREN) {
            let found = match reading.manifest(entry, &TagOrDigest::Digest(child.digest)).await {
                Found::Here(manifest) => Found::Here(match manifest.as_image() {
                    Some(image) => Child::Image { size: Blobs::default().add(image), layers: layers(image) },
                    None => Child::Index,
                }),
                Found::Missing => Found::Missing,
                Found::Broken(why) => Found::Broken(why),
                Found::Unread => Found::Unread,
            };
            rows.push((child, found));
        }
        Self { rows, count: index.manifests.len() }
    }

    /// The section on them.
    pub(super) fn section(&self, entry: &Entry) -> Markup {
        let body = html! {
            @if self.count == 0 { p { "It lists none." } } @else {
                (self.table(entry))
                (more(self.count, ENTRIES))
                (self.picture(entry))
            }
        };
        section("platforms", "Platforms", &body)
    }

    fn table(&self, entry: &Entry) -> Markup {
        html! {
            table.stack {
                thead {
                    tr {
                        th scope="col" { "Platform" }
                        th.tight scope="col" { "Digest" }
                        th.number scope="col" { "Size" }
                        th.number scope="col" { "Layers" }
                    }
                }
                tbody {
                    @for (child, found) in &self.rows {
                        @let view = View::digest(entry, child.digest);
                        @let is_here = matches!(found, Found::Here(_));
                        tr .muted[child.is_attestation()] {
                            th scope="row" {
                                @if is_here { a href=(view.path()) { (self.name(child)) } } @else { (self.name(child)) }
                            }
                            td { (link::digest(&child.digest, is_here.then_some(&view))) }
                            @match found {
                                Found::Here(Child::Image { size: bytes, layers }) => {
                                    td.number { (size(*bytes)) }
                                    td.number data-label="Layers" { (layers.len()) }
                                }
                                Found::Here(Child::Index) => td.muted colspan="2" { "an index" },
                                Found::Missing => td.missing colspan="2" { "not here" },
                                Found::Broken(why) => td.missing colspan="2" { "broken: " (why) },
                                Found::Unread => td.muted colspan="2" { "not looked at" },
                            }
                        }
                    }
                }
            }
        }
    }

    /// What an index entry is for.
    fn name(&self, child: &Descriptor) -> Text {
        if !child.is_attestation() {
            return platform(child);
        }
        let subject = child.annotations.get("vnd.docker.reference.digest").and_then(|digest| digest.parse().ok());
        match self.rows.iter().find(|(other, _)| Some(other.digest) == subject) {
            Some((subject, _)) => Text::new(&format!("attestation of {}", platform(subject).as_str())),
            None => Text::new("attestation"),
        }
    }

    fn picture(&self, entry: &Entry) -> Markup {
        let images = || {
            self.rows.iter().filter(|(child, _)| !child.is_attestation()).filter_map(|(child, found)| match found {
                Found::Here(Child::Image { layers, .. }) if !layers.is_empty() => Some((child, layers)),
                _ => None,
            })
        };
        let mut holders: HashMap<Digest, usize> = HashMap::new();
        images().flat_map(|(_, layers)| layers).for_each(|layer| *holders.entry(layer.digest).or_default() += 1);
        let tone = |layer: &Layer| if holders[&layer.digest] > 1 { Tone::Shared } else { Tone::Own };
        let bars: Vec<Bar> = images()
            .take(BARS)
            .map(|(child, layers)| {
                let total = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
                let view = View::digest(entry, child.digest);
                let label = html! { a href=(view.path()) { (self.name(child)) } span.size { (size(total)) } };
                let slices = layers.iter().map(|layer| Slice { size: layer.size, tone: tone(layer) });
                Bar { label, slices: slices.collect() }
            })
            .collect();
        let legend = [(Tone::Own, "for one platform"), (Tone::Shared, "for several platforms")];
        html! {
            @if !bars.is_empty() {
                (picture::figure("Their layers. Base on the left; widths are compressed sizes.", &legend, &bars))
            }
        }
    }
}
