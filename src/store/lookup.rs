//! Lookup: what people mean by a name, a digest or a (short) image id, in docker's order.

use super::blob::BlobPool;
use super::image::{StoredImage, normalized, reference};
use super::index::Index;
use super::remove::is_removed;
use crate::error::Kind;
use crate::name::Reference;
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// Fewest hex digits of a short id.
const SHORTEST: usize = 2;

/// What was found.
pub(super) enum Found {
    /// The one entry with this name.
    Name(Box<Descriptor>),
    /// The entries of an image, under all its names.
    Image(Vec<Descriptor>),
}

impl Found {
    /// The first entry.
    pub(super) fn entry(&self) -> &Descriptor {
        match self {
            Self::Name(entry) => entry,
            Self::Image(entries) => &entries[0],
        }
    }
}

/// Looks `text` up. Errs with [`Kind::NotFound`] or, for a short id of several images, [`Kind::Usage`].
pub(super) fn find(text: &str, index: &Index, blobs: &BlobPool) -> Result<Found> {
    let entries = || index.entries().iter().filter(|entry| !is_removed(entry));
    if let Ok(wanted) = text.parse::<Reference>().map(normalized) {
        if let Some(entry) = entries().find(|entry| reference(entry).as_ref() == Some(&wanted)) {
            return Ok(Found::Name(Box::new(entry.clone())));
        }
        let pinned = entries().filter(|entry| {
            let repository = reference(entry).map(|name| name.repository);
            wanted.digest == Some(entry.digest) && repository.as_ref() == Some(&wanted.repository)
        });
        let pinned: Vec<_> = pinned.cloned().collect();
        if !pinned.is_empty() {
            return Ok(Found::Image(pinned));
        }
    }
    let images: Vec<_> = entries().map(|entry| StoredImage::of(entry, blobs)).collect();
    find_id(text, &images)?.ok_or_else(|| not_found(text))
}

fn find_id(text: &str, images: &[StoredImage]) -> Result<Option<Found>> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let is_id = hex.len() >= SHORTEST && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_id && text.parse::<Digest>().is_err() {
        return Ok(None);
    }
    let matches = |digest: &Digest| digest.to_string() == text || (is_id && digest.hex().starts_with(hex));
    for key in [|image: &StoredImage| image.id, |image: &StoredImage| image.descriptor.digest] {
        let found: Vec<_> = images.iter().filter(|image| matches(&key(image))).collect();
        let Some(first) = found.first() else { continue };
        if let Some(other) = found.iter().find(|image| key(image) != key(first)) {
            let (one, other) = (key(first).short(), key(other).short());
            return Err(Error::usage(format!("{text:?} is ambiguous: {one} and {other} start with it")));
        }
        return Ok(Some(Found::Image(found.into_iter().map(|image| image.descriptor.clone()).collect())));
    }
    Ok(None)
}

fn not_found(text: &str) -> Error {
    let shown = text.parse::<Reference>().map_or_else(|_| text.to_owned(), |name| normalized(name).familiar());
    Error::new(Kind::NotFound, format!("no such image in the local store: {shown}"))
}
