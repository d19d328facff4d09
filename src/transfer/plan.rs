//! Plan: everything a copy will do, as data, children first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::future;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::convert::convert;
use super::current::Listings;
use super::select::{Selection, select};
use super::{Item, Options};
use crate::Result;
use crate::error::Side;
use crate::oci::{Descriptor, Digest, Manifest, Role};
use crate::transport::{Destination, Name};

/// How many questions are asked at the same time.
const PARALLEL: usize = 16;

/// What a copy will do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The images, in the order of the items.
    pub images: Vec<PlannedImage>,
}

/// One image of a [`Plan`].
#[derive(Debug, Clone)]
pub struct PlannedImage {
    /// What the source's name resolved to.
    pub source: Descriptor,
    /// What will be put; differs where a platform is chosen or a conversion asked for.
    pub destination: Descriptor,
    /// What it will be called.
    pub names: Vec<Name>,
    /// Whether the destination has all of it under these names already.
    pub is_current: bool,
    /// The manifests to put, children first; the root is the last.
    pub manifests: Vec<Manifest>,
    /// The blobs that these manifests need, each once.
    pub blobs: Vec<PlannedBlob>,
}

/// One blob of a [`PlannedImage`].
#[derive(Debug, Clone)]
pub struct PlannedBlob {
    /// Which.
    pub descriptor: Descriptor,
    /// Whether the destination has it.
    pub presence: Presence,
}

/// What is known of a blob at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was not asked for: putting it will show.
    Unknown,
    /// It is there.
    Present,
    /// It is not there, but in another repository of the same registry.
    Mountable,
    /// It is not there.
    Missing,
    /// What it is compressed to anew is not known yet.
    Recompressed,
}

impl Plan {
    /// How many different blobs of the images that are not current are `wanted`, and how many bytes they have together.
    pub fn blobs(&self, wanted: impl Fn(Presence) -> bool) -> (u64, u64) {
        let images = self.images.iter().filter(|image| !image.is_current);
        let blobs = images.flat_map(|image| &image.blobs).filter(|blob| wanted(blob.presence));
        let unique: HashMap<Digest, u64> = blobs.map(|blob| (blob.descriptor.digest, blob.descriptor.size)).collect();
        (unique.len() as u64, unique.values().sum())
    }

    /// How often an image that is not current needs a blob that another one brings, and how many bytes these are together.
    pub(super) fn shared(&self) -> (u64, u64) {
        let images = self.images.iter().filter(|image| !image.is_current);
        let sizes = images.flat_map(|image| &image.blobs).map(|blob| blob.descriptor.size);
        let (blobs, bytes) = sizes.fold((0, 0), |(blobs, bytes), size| (blobs + 1, bytes + size));
        let (unique, unique_bytes) = self.blobs(|_| true);
        (blobs - unique, bytes - unique_bytes)
    }
}

/// The plan for `items`. With `ask`, destinations are asked for every blob; without, putting it will show.
pub(super) async fn make(items: &[Item], options: &Options, ask: bool) -> Result<Plan> {
    Ok(Plan { images: each(items, options, ask).try_collect().await? })
}

/// The same, image by image.
pub(super) fn each<'a>(
    items: &'a [Item],
    options: &'a Options,
    ask: bool,
) -> impl Stream<Item = Result<PlannedImage>> + Send + 'a {
    let listings = Arc::new(Listings::new(items));
    let plan = move |item: &'a Item| plan_item(item, options, listings.clone(), ask);
    stream::iter(items).map(plan).buffered(PARALLEL)
}

async fn plan_item(item: &Item, options: &Options, listings: Arc<Listings>, ask: bool) -> Result<PlannedImage> {
    let checked = item.destination_names.iter().try_for_each(|name| item.destination.check_name(name));
    checked.map_err(|error| error.at(Side::Destination, "name the image"))?;
    let (selection, current) = future::try_join(select(item, options), listings.current(item)).await?;
    let mut image = plan_image(item, options, selection)?;
    image.is_current = is_current(item, &image, &current).await?;
    if ask && !image.is_current {
        image.blobs = ask_for_blobs(item, image.blobs).await?;
    }
    Ok(image)
}

fn plan_image(item: &Item, options: &Options, selection: Selection) -> Result<PlannedImage> {
    let Selection { source, mut manifests } = selection;
    if let Some(format) = options.to {
        let converted = convert(&manifests, format)?;
        manifests.iter().zip(&converted).try_for_each(|(before, after)| options.check_digest(before, after))?;
        manifests = converted;
    }
    Ok(PlannedImage {
        destination: manifests.last().map_or_else(|| source.clone(), Manifest::descriptor),
        source,
        names: item.destination_names.clone(),
        is_current: false,
        blobs: blobs_of(&manifests, options.allow_foreign_layers),
        manifests,
    })
}

/// The blobs below `manifests`, each once, in the order of the manifests.
fn blobs_of(manifests: &[Manifest], with_foreign_layers: bool) -> Vec<PlannedBlob> {
    let wanted = |child: &&Descriptor| match child.media_type.role() {
        Role::ForeignLayer(_) => with_foreign_layers,
        Role::Manifest | Role::Index => false,
        Role::Schema1 | Role::Config | Role::Layer(_) | Role::Other => true,
    };
    let mut seen = HashSet::new();
    let blobs = manifests.iter().flat_map(Manifest::children).filter(wanted);
    blobs
        .filter(|blob| seen.insert(blob.digest))
        .map(|blob| PlannedBlob { descriptor: blob.clone(), presence: Presence::Unknown })
        .collect()
}

/// Whether every name points to the root already. What a registry has by name is complete: it refuses manifests whose
/// children it lacks; but an index may be sparse there, so its images are asked for.
async fn is_current(item: &Item, image: &PlannedImage, current: &[Option<Digest>]) -> Result<bool> {
    let (destination, root) = (item.destination.as_ref(), image.destination.digest);
    if current.is_empty() || current.iter().any(|digest| *digest != Some(root)) {
        return Ok(false);
    }
    let below: Vec<Descriptor> = image.manifests.iter().rev().skip(1).map(Manifest::descriptor).collect();
    let has = |child: Descriptor| async move { destination.has(&child).await };
    let mut present = stream::iter(below).map(has).buffer_unordered(PARALLEL);
    while let Some(there) = present.next().await {
        if !there.map_err(|error| error.at(Side::Destination, format!("look for {root}")))? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn ask_for_blobs(item: &Item, blobs: Vec<PlannedBlob>) -> Result<Vec<PlannedBlob>> {
    let ask = |mut blob: PlannedBlob| async move {
        let step = || format!("look for blob {}", blob.descriptor.digest);
        let there = item.destination.has(&blob.descriptor).await;
        blob.presence = match there.map_err(|error| error.at(Side::Destination, step()))? {
            true => Presence::Present,
            false if is_mountable(item, item.destination.as_ref(), &blob.descriptor) => Presence::Mountable,
            false => Presence::Missing,
        };
        Ok(blob)
    };
    stream::iter(blobs).map(ask).buffered(PARALLEL).try_collect().await
}

fn is_mountable(item: &Item, destination: &dyn Destination, blob: &Descriptor) -> bool {
    let registry = destination.repository().map(crate::name::Repository::registry);
    registry.is_some_and(|registry| !item.source.origins(&blob.digest, registry).is_empty())
}
