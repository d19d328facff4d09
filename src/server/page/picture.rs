//! Picture: images as bars of layers, drawn to scale below each other, what they share in another tone and hatched. All
//! geometry is in attributes and all colour in the stylesheet, so that no inline style is needed.

use maud::{Markup, html};

use super::text::{counted, size};

/// Most bars of one picture.
pub(super) const BARS: usize = 24;
/// Widths in per mille of the widest bar below which neighbours are drawn as one, and the least that is drawn.
const SLIVER: u64 = 4;

/// One image.
pub(super) struct Bar {
    /// What stands above it.
    pub(super) label: Markup,
    /// Its layers, base first.
    pub(super) slices: Vec<Slice>,
}

/// One layer of a bar.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// Its bytes.
    pub(super) size: u64,
    /// How it is drawn.
    pub(super) tone: Tone,
}

/// How a layer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// In no other image.
    Own,
    /// In other images too.
    Shared,
    /// Not in this image: an outline where another has it.
    Absent,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
            Self::Absent => "absent",
        }
    }

    /// A pattern beside the colour, for who does not see the colour.
    fn fill(self) -> Option<&'static str> {
        (self == Self::Shared).then_some("url(#hatch)")
    }
}

/// What the tones of a picture mean.
pub(super) type Legend = [(Tone, &'static str)];

/// The bars, to one scale, with a legend.
pub(super) fn figure(caption: &str, legend: &Legend, bars: &[Bar]) -> Markup {
    let scale = bars.iter().map(|bar| total(&bar.slices)).max().unwrap_or(0).max(1);
    html! {
        figure {
            figcaption { (caption) }
            (hatch())
            ul.legend {
                @for (tone, meaning) in legend {
                    li { svg.key width="18" height="12" aria-hidden="true" { (rect(*tone, 0, 1000)) } (meaning) }
                }
            }
            ul.bars {
                @for bar in bars.iter().take(BARS) {
                    li {
                        div.label { (bar.label) }
                        svg.bar role="img" aria-label=(alternative(&bar.slices)) width="100%" height="20" {
                            (drawn(&bar.slices, scale))
                        }
                    }
                }
            }
        }
    }
}

/// Stripes, drawn once and used by every bar.
fn hatch() -> Markup {
    html! {
        svg.definitions width="0" height="0" aria-hidden="true" {
            defs {
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.ground width="6" height="6" {}
                    rect.stripe width="2.5" height="6" {}
                }
            }
        }
    }
}

fn drawn(slices: &[Slice], scale: u64) -> Markup {
    let segments = segments(slices, scale);
    // Slivers are drawn wider than they are: a bar full of them is pressed to the scale again.
    let sum = segments.iter().map(|segment| segment.width(scale)).sum::<u64>().max(1000);
    let placed = segments.iter().scan(0, |left, segment| {
        let width = segment.width(scale) * 1000 / sum;
        *left += width;
        Some((segment, *left - width, width))
    });
    html! {
        @for (segment, left, width) in placed {
            g { title { (segment.title()) } (rect(segment.tone, left, width)) }
        }
    }
}

/// `left` and `width` in per mille.
fn rect(tone: Tone, left: u64, width: u64) -> Markup {
    let percent = |per_mille: u64| format!("{}.{}%", per_mille / 10, per_mille % 10);
    html! {
        rect class=(tone.class()) fill=[tone.fill()] x=(percent(left)) width=(percent(width)) y="0" height="100%" {}
    }
}

/// Layers drawn as one rectangle.
#[derive(Debug, PartialEq, Eq)]
struct Segment {
    first: usize,
    count: usize,
    size: u64,
    tone: Tone,
}

impl Segment {
    fn width(&self, scale: u64) -> u64 {
        per_mille(self.size, scale).max(SLIVER)
    }

    fn title(&self) -> String {
        let (first, last, size) = (self.first + 1, self.first + self.count, size(self.size));
        let shared = if self.tone == Tone::Shared { ", shared" } else { "" };
        if self.count == 1 {
            format!("Layer {first}: {size}{shared}")
        } else {
            format!("Layers {first} to {last}: {size}{shared}")
        }
    }
}

/// One rectangle for each layer, but one for neighbours of one tone that are slivers.
fn segments(slices: &[Slice], scale: u64) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (at, slice) in slices.iter().enumerate() {
        let is_sliver = |size| per_mille(size, scale) < SLIVER;
        match segments.last_mut() {
            Some(last) if last.tone == slice.tone && is_sliver(last.size) && is_sliver(slice.size) => {
                last.count += 1;
                last.size = last.size.saturating_add(slice.size);
            }
            _ => segments.push(Segment { first: at, count: 1, size: slice.size, tone: slice.tone }),
        }
    }
    segments
}

fn per_mille(size: u64, scale: u64) -> u64 {
    u64::try_from(u128::from(size) * 1000 / u128::from(scale)).unwrap_or(1000).min(1000)
}

fn total(slices: &[Slice]) -> u64 {
    slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.size))
}

/// The bar in words.
fn alternative(slices: &[Slice]) -> String {
    let of = |tone| slices.iter().filter(move |slice| slice.tone == tone);
    let sum = |tone| size(of(tone).fold(0, |sum, slice: &Slice| sum.saturating_add(slice.size)));
    let here = slices.len() - of(Tone::Absent).count();
    if here < slices.len() {
        return format!("{} of {} are shared: {}", here, counted(slices.len(), "layer"), sum(Tone::Shared));
    }
    let all = format!("{}, {}", counted(slices.len(), "layer"), size(total(slices)));
    match of(Tone::Shared).count() {
        0 => format!("{all}, none shared"),
        shared => format!("{all}; {shared} shared, {}", sum(Tone::Shared)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(sizes: &[u64], tone: Tone) -> Vec<Slice> {
        sizes.iter().map(|&size| Slice { size, tone }).collect()
    }

    #[test]
    fn slivers_are_drawn_together() {
        let mut layers = slices(&[600, 1, 1, 1, 396], Tone::Own);
        layers[4].tone = Tone::Shared;
        let drawn: Vec<_> = segments(&layers, 1000).iter().map(|s| (s.first, s.count, s.size)).collect();
        assert_eq!(drawn, [(0, 1, 600), (1, 3, 3), (4, 1, 396)]);
        assert!(segments(&slices(&[1; 100_000], Tone::Own), 100_000_000).len() < 300);
    }

    #[test]
    fn no_size_breaks_the_scale() {
        for sizes in [&[][..], &[0], &[0, 0, 0], &[u64::MAX, u64::MAX, 1], &[1; 1000]] {
            let bar = Bar { label: html! {}, slices: slices(sizes, Tone::Shared) };
            let drawn = figure("", &[], &[bar]).into_string();
            let right = drawn.split("<rect class=\"shared\"").skip(1).map(|rect| {
                let number = |name: &str| -> f64 {
                    rect.split_once(&format!(" {name}=\"")).unwrap().1.split_once('%').unwrap().0.parse().unwrap()
                };
                number("x") + number("width")
            });
            assert!(right.fold(0.0, f64::max) <= 100.0, "{sizes:?}: {drawn}");
        }
    }

    #[test]
    fn the_picture_is_also_in_words() {
        let mut layers = slices(&[70_000_000, 2_000_000], Tone::Own);
        assert_eq!(alternative(&layers), "2 layers, 72 MB, none shared");
        layers[0].tone = Tone::Shared;
        assert_eq!(alternative(&layers), "2 layers, 72 MB; 1 shared, 70 MB");
        layers[1].tone = Tone::Absent;
        assert_eq!(alternative(&layers), "1 of 2 layers are shared: 70 MB");
    }
}
