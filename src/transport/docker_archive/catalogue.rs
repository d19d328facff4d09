//! Catalogue: which images an archive has. Docker's list says it; where the archive holds an OCI layout too, the images are
//! taken from there, so that their digests stay.

use std::collections::HashSet;

use super::manifest_json::Entry;
use crate::error::Kind;
use crate::name::Reference;
use crate::oci::{Descriptor, Digest};
use crate::store::{CONTAINERD_NAME, ref_name};
use crate::transport::Name;
use crate::transport::archive::Layout;
use crate::{Error, Result};

/// The images of an archive.
pub(super) struct Catalogue {
    images: Vec<Image>,
    /// For each entry of docker's list its place in `images`.
    entries: Vec<usize>,
}

/// One image.
pub(super) struct Image {
    names: Vec<Reference>,
    pub(super) root: Root,
}

/// Where an image's manifest comes from.
#[derive(Clone)]
pub(super) enum Root {
    /// The layout.
    Stored(Box<Descriptor>),
    /// Docker's list alone.
    Listed(Entry),
}

impl Catalogue {
    pub(super) fn new(layout: &Layout, entries: Option<Vec<Entry>>) -> Result<Self> {
        let mut catalogue = Self { images: Vec::new(), entries: Vec::new() };
        for root in layout.roots().unwrap_or_default() {
            catalogue.add_stored(root);
        }
        let configs: Vec<HashSet<Digest>> = catalogue.images.iter().map(|image| image.configs(layout)).collect();
        let is_list_missing = entries.is_none();
        for entry in entries.unwrap_or_default() {
            let config = entry.config_digest();
            let holders = (0..configs.len()).filter(|&at| config.is_some_and(|config| configs[at].contains(&config)));
            let holders: Vec<usize> = holders.collect();
            catalogue.add_listed(entry, &holders)?;
        }
        if is_list_missing {
            let images = layout.images();
            catalogue.entries =
                (0..catalogue.images.len()).filter(|&at| catalogue.images[at].is_one_of(&images)).collect();
        }
        Ok(catalogue)
    }

    /// Takes in what `index.json` lists: one image for each digest, with all its names.
    fn add_stored(&mut self, root: &Descriptor) {
        let names =
            self.images.iter().position(|image| matches!(&image.root, Root::Stored(own) if own.digest == root.digest));
        let at = names.unwrap_or_else(|| {
            self.images.push(Image { names: Vec::new(), root: Root::Stored(Box::new(root.clone())) });
            self.images.len() - 1
        });
        self.images[at].names.extend(stored_name(root));
    }

    /// Takes in what docker's list has. `holders` are the images with its config, of which its names tell the right one.
    fn add_listed(&mut self, entry: Entry, holders: &[usize]) -> Result<()> {
        let mut own = None;
        for name in entry.names()? {
            match self.called(&name) {
                Some(at) if holders.contains(&at) => _ = own.get_or_insert(at),
                Some(_) => return Err(ambiguous(&name)),
                None => {
                    let at = *own.get_or_insert_with(|| self.holder(&entry, holders));
                    self.images[at].names.push(name);
                }
            }
        }
        let at = own.unwrap_or_else(|| self.holder(&entry, holders));
        self.entries.push(at);
        Ok(())
    }

    fn holder(&mut self, entry: &Entry, holders: &[usize]) -> usize {
        holders.first().copied().unwrap_or_else(|| {
            self.images.push(Image { names: Vec::new(), root: Root::Listed(entry.clone()) });
            self.images.len() - 1
        })
    }

    fn called(&self, name: &Reference) -> Option<usize> {
        self.images.iter().position(|image| image.names.contains(name))
    }

    /// The image called `name`: `@N`, a reference, or the digest of its manifest or config, with or without `@`.
    pub(super) fn find(&self, name: &Name) -> Result<Option<&Root>> {
        let text = name.as_str();
        let found = if let Some(digest) = digest_of(name) {
            self.images.iter().find(|image| image.is(&digest))
        } else if let Some(number) = text.strip_prefix('@') {
            let number: usize = number.parse().map_err(|_| Error::usage(format!("{text:?}: no number after @")))?;
            self.entries.get(number).map(|&at| &self.images[at])
        } else {
            let name = text.parse::<Reference>()?.or_latest();
            let is_named = |image: &&Image| match name.digest {
                Some(digest) => image.is(&digest),
                None => image.names.contains(&name),
            };
            self.images.iter().find(is_named)
        };
        Ok(found.map(|image| &image.root))
    }

    /// That no image is called `name`.
    pub(super) fn missing(&self, name: &Name) -> Error {
        Error::not_found(format!("the archive has no image {name}")).with_hint(format!("it has {}", self.listed()))
    }

    /// The only image.
    pub(super) fn only(&self) -> Result<&Root> {
        let all: HashSet<usize> = self.entries.iter().copied().chain(self.named()).collect();
        match (all.len(), all.iter().next()) {
            (1, Some(&at)) => Ok(&self.images[at].root),
            (0, _) => Err(Error::not_found("the archive has no image")),
            _ => Err(Error::usage("the archive has several images: name one, or @N for the Nth")
                .with_hint(format!("it has {}", self.listed()))),
        }
    }

    fn named(&self) -> impl Iterator<Item = usize> {
        self.images.iter().enumerate().filter(|(_, image)| !image.names.is_empty()).map(|(at, _)| at)
    }

    /// All images with their names.
    pub(super) fn images(&self) -> impl Iterator<Item = (&[Reference], &Root)> {
        self.images.iter().map(|image| (&image.names[..], &image.root))
    }

    /// All full names, sorted.
    pub(super) fn names(&self) -> Vec<Name> {
        let mut names: Vec<Name> = self.images.iter().flat_map(|image| &image.names).map(Name::from).collect();
        names.sort();
        names.dedup();
        names
    }

    fn listed(&self) -> String {
        let names = self.names().into_iter().map(|name| name.to_string());
        let nameless = self.entries.iter().enumerate().filter(|&(_, &at)| self.images[at].names.is_empty());
        names.chain(nameless.map(|(number, _)| format!("@{number}"))).collect::<Vec<_>>().join(", ")
    }
}

impl Image {
    fn configs(&self, layout: &Layout) -> HashSet<Digest> {
        match &self.root {
            Root::Stored(root) => layout.configs(root),
            Root::Listed(_) => HashSet::new(),
        }
    }

    fn is_one_of(&self, roots: &[&Descriptor]) -> bool {
        matches!(&self.root, Root::Stored(own) if roots.iter().any(|root| root.digest == own.digest))
    }

    fn is(&self, digest: &Digest) -> bool {
        match &self.root {
            Root::Stored(root) => root.digest == *digest,
            Root::Listed(entry) => entry.config_digest() == Some(*digest),
        }
    }
}

/// The digest that a name is.
pub(super) fn digest_of(name: &Name) -> Option<Digest> {
    let text = name.as_str();
    text.strip_prefix('@').unwrap_or(text).parse().ok()
}

/// The full name that the layout gives an image. A name in the layout that is a bare tag is none.
fn stored_name(root: &Descriptor) -> Option<Reference> {
    let full = root.annotations.get(CONTAINERD_NAME).map(String::as_str);
    let own = ref_name(root).filter(|name| name.contains([':', '/']));
    full.or(own)?.parse::<Reference>().ok().map(Reference::or_latest)
}

fn ambiguous(name: &Reference) -> Error {
    Error::new(
        Kind::Unsafe,
        format!("the archive has two images called {name}: readers would disagree which one it is"),
    )
}
