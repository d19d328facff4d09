//! Plan: everything a copy will do, as data, children first.

use std::collections::{HashMap, HashSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::convert::convert;
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
}

/// The plan for `items`. With `ask`, destinations are asked for every blob; without, putting it will show.
pub(super) async fn make(items: &[Item], options: &Options, ask: bool) -> Result<Plan> {
    let images = stream::iter(items).map(|item| plan_image(item, options, ask)).buffered(options.jobs.max(1) * 2);
    Ok(Plan { images: images.try_collect().await? })
}

async fn plan_image(item: &Item, options: &Options, ask: bool) -> Result<PlannedImage> {
    let names = &item.destination_names;
    let checked = names.iter().try_for_each(|name| item.destination.check_name(name));
    checked.map_err(|error| error.at(Side::Destination, "name the image"))?;
    let Selection { source, mut manifests } = select(item, options).await?;
    if let Some(format) = options.to {
        let converted = convert(&manifests, format)?;
        manifests.iter().zip(&converted).try_for_each(|(before, after)| options.check_digest(before, after))?;
        manifests = converted;
    }
    let destination = manifests.last().map_or_else(|| source.clone(), Manifest::descriptor);
    let is_current = is_current(item, &manifests, &destination).await?;
    let mut image = PlannedImage {
        source,
        destination,
        names: item.destination_names.clone(),
        is_current,
        blobs: blobs_of(&manifests, options.allow_foreign_layers),
        manifests,
    };
    if ask && !is_current {
        ask_for_blobs(item, &mut image.blobs).await?;
    }
    Ok(image)
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
async fn is_current(item: &Item, manifests: &[Manifest], root: &Descriptor) -> Result<bool> {
    let destination = item.destination.as_ref();
    let step = || format!("look for {}", root.digest);
    let failed = |error: crate::Error| error.at(Side::Destination, step());
    if item.destination_names.is_empty() || destination.repository().is_none() {
        return Ok(false);
    }
    for name in &item.destination_names {
        if destination.current(name).await.map_err(failed)? != Some(root.digest) {
            return Ok(false);
        }
    }
    let below: Vec<Descriptor> = manifests.iter().rev().skip(1).map(Manifest::descriptor).collect();
    let mut present = stream::iter(&below).map(|child| destination.has(child)).buffer_unordered(PARALLEL);
    while let Some(there) = present.next().await {
        if !there.map_err(failed)? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn ask_for_blobs(item: &Item, blobs: &mut [PlannedBlob]) -> Result<()> {
    stream::iter(blobs)
        .map(|blob| async move {
            let step = || format!("look for blob {}", blob.descriptor.digest);
            let there = item.destination.has(&blob.descriptor).await;
            blob.presence = match there.map_err(|error| error.at(Side::Destination, step()))? {
                true => Presence::Present,
                false if is_mountable(item, item.destination.as_ref(), &blob.descriptor) => Presence::Mountable,
                false => Presence::Missing,
            };
            Ok(())
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

fn is_mountable(item: &Item, destination: &dyn Destination, blob: &Descriptor) -> bool {
    let registry = destination.repository().map(crate::name::Repository::registry);
    registry.is_some_and(|registry| !item.source.origins(&blob.digest, registry).is_empty())
}
