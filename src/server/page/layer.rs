//! The layers of an image: the picture and the table, both with what else on this server has them.

use maud::{Markup, html};

use super::chrome::{ENTRIES, more, section};
use super::link;
use super::picture::{self, Bar, Slice, Tone};
use super::sharing::Sharing;
use super::summary::Layer;
use super::text::{Text, counted, size};
use crate::oci::{Descriptor, ImageManifest};

/// Most other images drawn below one.
const COMPARED: usize = 8;
/// Most other images named beside a layer.
const NAMED: usize = 3;

/// The section on the layers of `image`.
pub(super) fn layers(image: &ImageManifest, layers: &[Layer], sharing: &Sharing) -> Markup {
    let body = html! {
        @if image.layers.is_empty() {
            p { "It has none." }
        } @else {
            (picture(layers, sharing))
            (table(image, sharing))
            (more(image.layers.len(), ENTRIES))
            @if !sharing.is_complete {
                p.note { "There are more images here than this page looks at: others may share layers too." }
            }
        }
    };
    section("layers", "Layers", &body)
}

/// The image, and below it what the images nearest to it have of it.
fn picture(layers: &[Layer], sharing: &Sharing) -> Markup {
    let tones = sharing.by_layer.iter().map(|holders| if holders.is_empty() { Tone::Own } else { Tone::Shared });
    let total = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    let bar = |label: Markup, tones: &mut dyn Iterator<Item = Tone>| {
        let slices = layers.iter().zip(tones).map(|(layer, tone)| Slice { size: layer.size, tone });
        Bar { label, slices: slices.collect() }
    };
    let label = html! { strong { "This image" } span.size { (size(total)) } };
    let mut bars = vec![bar(label, &mut tones.into_iter())];
    let mut nearest: Vec<_> = sharing.holders.iter().collect();
    nearest.sort_by_key(|holder| std::cmp::Reverse(holder.size));
    bars.extend(nearest.iter().take(COMPARED).map(|holder| {
        let label = html! { (holder.link()) span.size { (size(holder.size)) " in common" } };
        let mut tones = holder.layers.iter().map(|&has| if has { Tone::Shared } else { Tone::Absent });
        bar(label, &mut tones)
    }));
    let all = [
        (Tone::Own, "in this image only"),
        (Tone::Shared, "in other images here too"),
        (Tone::Absent, "not in the other image"),
    ];
    let legend = if nearest.is_empty() { &all[..1] } else { &all[..] };
    picture::figure("Base on the left; widths are compressed sizes.", legend, &bars)
}

fn table(image: &ImageManifest, sharing: &Sharing) -> Markup {
    html! {
        table.stack {
            thead {
                tr {
                    th.number scope="col" { "#" }
                    th.tight scope="col" { "Digest" }
                    th.number scope="col" { "Size" }
                    th scope="col" { "Type" }
                    th scope="col" { "Also in" }
                }
            }
            tbody {
                @for (at, layer) in image.layers.iter().enumerate().take(ENTRIES) {
                    tr {
                        td.number data-label="Layer" { (at + 1) }
                        td { (link::digest(&layer.digest, None)) }
                        td.number { (size(layer.size)) }
                        td { (kind(layer)) }
                        (also_in(sharing, at))
                    }
                }
            }
        }
    }
}

fn also_in(sharing: &Sharing, layer: usize) -> Markup {
    let holders = sharing.by_layer.get(layer).map(Vec::as_slice).unwrap_or_default();
    html! {
        @if holders.is_empty() { td.none { "–" } } @else {
            td data-label="Also in" {
                @for (at, &holder) in holders.iter().take(NAMED).enumerate() {
                    @if at > 0 { ", " }
                    (sharing.holders[holder].link())
                }
                @if holders.len() > NAMED { " and " (counted(holders.len() - NAMED, "other")) }
            }
        }
    }
}

/// What a layer is: its file name where it is one of an artifact, else the end of its media type.
fn kind(layer: &Descriptor) -> Markup {
    let media_type = layer.media_type.as_str();
    let title = layer.annotations.get("org.opencontainers.image.title").map(|title| Text::new(title));
    let known = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
    let short = known.iter().find_map(|known| media_type.strip_prefix(known)).unwrap_or(media_type);
    let short = short.trim_start_matches("v1.");
    html! {
        @if let Some(title) = title { (title) " " }
        span.muted title=(Text::new(media_type)) { (Text::new(short)) }
    }
}
