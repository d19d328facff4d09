//! Sharing: which other images on this server have layers of one image, found by reading their manifests.

use std::collections::HashMap;

use maud::{Markup, html};

use super::link::{Entry, View};
use super::reading::{Found, Reading};
use super::summary::{CHILDREN, Layer, platform};
use crate::name::{Tag, TagOrDigest};
use crate::oci::{Body, Digest, ImageManifest};

/// Most other images that are remembered.
const HOLDERS: usize = 500;

/// Who has what an image has.
pub(super) struct Sharing {
    /// Other tags that are, or hold, the very same image.
    pub(super) twins: Vec<(Entry, Tag)>,
    /// Other images with at least one layer of it; none twice.
    pub(super) holders: Vec<Holder>,
    /// For each layer, which of `holders` have it.
    pub(super) by_layer: Vec<Vec<usize>>,
    /// Whether every manifest on this server was looked at.
    pub(super) is_complete: bool,
}

/// Another image.
pub(super) struct Holder {
    entry: Entry,
    reference: TagOrDigest,
    name: String,
    /// Which layers of the image it has.
    pub(super) layers: Vec<bool>,
    /// Bytes of them.
    pub(super) size: u64,
}

impl Holder {
    /// Its name, linked.
    pub(super) fn link(&self) -> Markup {
        html! { a href=(View::Image(self.entry.clone(), self.reference.clone()).path()) { (self.name) } }
    }
}

/// Where an image was found.
struct Place<'a> {
    entry: &'a Entry,
    tag: &'a Tag,
    /// What the index said of it, where there was one.
    child: Option<String>,
}

struct Search<'a> {
    home: &'a Entry,
    image: Digest,
    layers: &'a [Layer],
    positions: HashMap<Digest, Vec<usize>>,
    seen: HashMap<Digest, bool>,
    found: Sharing,
}

impl Sharing {
    /// Of the image `digest` with `layers`: `repository` is looked at first, `asked` is the tag that is no twin.
    pub(super) async fn of(
        reading: &mut Reading<'_>,
        (entry, asked): (&Entry, &TagOrDigest),
        digest: Digest,
        layers: &[Layer],
    ) -> Self {
        let mut search = Search::new(entry, digest, layers);
        let mut repositories = reading.repositories().await.unwrap_or_default();
        repositories.sort_by_key(|other| other != entry);
        for other in &repositories {
            for tag in reading.tags(other).await.unwrap_or_default() {
                let reference = TagOrDigest::Tag(tag.clone());
                if other == entry && reference == *asked {
                    continue;
                }
                if reading.is_spent() {
                    search.found.is_complete = false;
                    return search.found;
                }
                search.tag(reading, other, &tag).await;
            }
        }
        search.found
    }
}

/// How `tag` of `entry` is called on a page of `home`: by the tag alone where it is one of the same repository.
pub(super) fn name(home: &Entry, entry: &Entry, tag: &Tag) -> String {
    if entry == home { tag.to_string() } else { entry.image(&TagOrDigest::Tag(tag.clone())) }
}

impl<'a> Search<'a> {
    fn new(home: &'a Entry, image: Digest, layers: &'a [Layer]) -> Self {
        let mut positions: HashMap<Digest, Vec<usize>> = HashMap::new();
        for (at, layer) in layers.iter().enumerate() {
            positions.entry(layer.digest).or_default().push(at);
        }
        let by_layer = vec![Vec::new(); layers.len()];
        let found = Sharing { twins: Vec::new(), holders: Vec::new(), by_layer, is_complete: true };
        Self { home, image, layers, positions, seen: HashMap::new(), found }
    }

    async fn tag(&mut self, reading: &mut Reading<'_>, entry: &Entry, tag: &Tag) {
        let reference = TagOrDigest::Tag(tag.clone());
        let Found::Here(manifest) = reading.manifest(entry, &reference).await else { return };
        match manifest.body() {
            Body::Image(image) => {
                self.image(manifest.digest(), image, &Place { entry, tag, child: None });
            }
            Body::Index(index) => {
                let mut has_image = false;
                for child in index.manifests.iter().take(CHILDREN) {
                    has_image |= child.digest == self.image;
                    if child.digest == self.image || self.seen.contains_key(&child.digest) {
                        continue;
                    }
                    let Found::Here(manifest) = reading.manifest(entry, &TagOrDigest::Digest(child.digest)).await
                    else {
                        continue;
                    };
                    if let Some(image) = manifest.as_image() {
                        let child = Some(platform(child).as_str().to_owned());
                        self.image(manifest.digest(), image, &Place { entry, tag, child });
                    }
                }
                if has_image {
                    self.twin(entry, tag);
                }
            }
        }
    }

    fn twin(&mut self, entry: &Entry, tag: &Tag) {
        if self.found.twins.len() < HOLDERS {
            self.found.twins.push((entry.clone(), tag.clone()));
        }
    }

    fn image(&mut self, digest: Digest, image: &ImageManifest, place: &Place<'_>) {
        if digest == self.image {
            return self.twin(place.entry, place.tag);
        }
        if self.seen.insert(digest, true).is_some() || self.found.holders.len() >= HOLDERS {
            return;
        }
        let mut layers = vec![false; self.layers.len()];
        for layer in image.layers.iter().take(CHILDREN) {
            for &at in self.positions.get(&layer.digest).into_iter().flatten() {
                layers[at] = true;
            }
        }
        if !layers.contains(&true) {
            return;
        }
        let at = self.found.holders.len();
        let shared = || layers.iter().enumerate().filter(|(_, has)| **has).map(|(layer, _)| layer);
        shared().for_each(|layer| self.found.by_layer[layer].push(at));
        let size = shared().fold(0_u64, |sum, layer| sum.saturating_add(self.layers[layer].size));
        let name = name(self.home, place.entry, place.tag);
        let (name, reference) = match &place.child {
            Some(platform) => (format!("{name} ({platform})"), TagOrDigest::Digest(digest)),
            None => (name, TagOrDigest::Tag(place.tag.clone())),
        };
        self.found.holders.push(Holder { entry: place.entry.clone(), reference, name, layers, size });
    }
}
