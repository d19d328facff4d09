//! Running a plan: one queue of blobs over all images, each digest moved once to a place, manifests after their blobs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures::future;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::blob::{Job, move_blob};
use super::convert::convert;
use super::event::Tally;
use super::mount::Mounts;
use super::select::heights;
use super::{Copied, Event, Format, Item, Options, Plan, PlannedImage};
use crate::error::{Kind, Side};
use crate::oci::{Digest, Manifest};
use crate::transport::{Begin, Destination, Name};
use crate::{Error, Result};

/// What all parts of one run share.
pub(super) struct Run {
    pub(super) options: Options,
    pub(super) tally: Tally,
    pub(super) mounts: Mounts,
}

/// Does what `plan` says for `items`, which it was made from. The first failure stops everything.
pub(super) async fn run(items: Vec<Item>, plan: Plan, run: Arc<Run>) -> Result<Vec<Copied>> {
    let mut queue = VecDeque::new();
    let mut arrivals = Arrivals::default();
    let mut images = JoinSet::new();
    for (at, (item, image)) in items.iter().zip(plan.images).enumerate() {
        if image.is_current {
            run.tally.all_present(&image);
        } else {
            queue.extend(arrivals.jobs(item, &image));
        }
        let blobs = arrivals.of(item, &image);
        images.spawn(put_image(run.clone(), item.clone(), image, blobs).then_index(at));
    }
    let copied = drive(queue, images, &run, items.len()).await?;
    finish(&items).await?;
    Ok(copied)
}

/// Starts blobs in order, so many at a time, and collects what ends.
async fn drive(
    mut queue: VecDeque<(Job, watch::Sender<bool>)>,
    mut images: JoinSet<(usize, Result<Copied>)>,
    run: &Arc<Run>,
    count: usize,
) -> Result<Vec<Copied>> {
    let mut blobs = JoinSet::new();
    let mut copied: Vec<Option<Copied>> = vec![None; count];
    loop {
        while blobs.len() < run.options.jobs.max(1) && !queue.is_empty() {
            if let Some((job, arrived)) = queue.pop_front() {
                let begun = match begin_in_order(&job, run).await {
                    Ok(begun) => begun,
                    Err(error) => return Err(cause(blobs, error).await),
                };
                blobs.spawn(move_blob(run.clone(), job, begun, arrived));
            }
        }
        tokio::select! {
            Some(ended) = blobs.join_next() => ended.map_err(panicked)??,
            Some(ended) = images.join_next() => {
                let (at, result) = ended.map_err(panicked)?;
                copied[at] = Some(result?);
            }
            else => break,
        }
    }
    Ok(copied.into_iter().flatten().collect())
}

/// An archive breaks off for the next blob because one before it failed: that one's error says why.
async fn cause(mut blobs: JoinSet<Result<()>>, error: Error) -> Error {
    while let Some(ended) = blobs.join_next().await {
        if let Ok(Err(cause)) = ended {
            return cause;
        }
    }
    error
}

/// Archives give the same file for the same images when blobs begin in the plan's order.
async fn begin_in_order(job: &Job, run: &Run) -> Result<Option<Begin>> {
    if !job.destination.is_ordered() {
        return Ok(None);
    }
    job.begin(run, &[]).await.map(Some)
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::new(Kind::Failed, "a transfer stopped unexpectedly").with_source(error)
}

async fn finish(items: &[Item]) -> Result<()> {
    let mut finished: Vec<&Arc<dyn Destination>> = Vec::new();
    for item in items {
        if !finished.iter().any(|other| Arc::ptr_eq(other, &item.destination)) {
            item.destination.finish().await.map_err(|error| error.at(Side::Destination, "finish"))?;
            finished.push(&item.destination);
        }
    }
    Ok(())
}

/// Tells images when their blobs have arrived.
#[derive(Default)]
struct Arrivals(HashMap<(usize, Digest), watch::Receiver<bool>>);

impl Arrivals {
    /// The blobs of `image` that no earlier image brings to the same place.
    fn jobs(&mut self, item: &Item, image: &PlannedImage) -> Vec<(Job, watch::Sender<bool>)> {
        let mut jobs = Vec::new();
        for blob in &image.blobs {
            let key = (address(&item.destination), blob.descriptor.digest);
            if self.0.contains_key(&key) {
                continue;
            }
            let (arrived, arrival) = watch::channel(false);
            self.0.insert(key, arrival);
            let (source, destination) = (item.source.clone(), item.destination.clone());
            jobs.push((Job { descriptor: blob.descriptor.clone(), source, destination }, arrived));
        }
        jobs
    }

    fn of(&self, item: &Item, image: &PlannedImage) -> Vec<watch::Receiver<bool>> {
        let key = |digest| (address(&item.destination), digest);
        image.blobs.iter().filter_map(|blob| self.0.get(&key(blob.descriptor.digest)).cloned()).collect()
    }
}

fn address(destination: &Arc<dyn Destination>) -> usize {
    Arc::as_ptr(destination).cast::<()>().addr()
}

trait ThenIndex: Future + Sized {
    async fn then_index(self, at: usize) -> (usize, Self::Output) {
        (at, self.await)
    }
}

impl<F: Future> ThenIndex for F {}

/// Waits for the blobs of `image`, then puts its manifests and its names.
async fn put_image(
    run: Arc<Run>,
    item: Item,
    image: PlannedImage,
    blobs: Vec<watch::Receiver<bool>>,
) -> Result<Copied> {
    let mut copied = Copied { source: image.source.clone(), destination: image.destination.clone() };
    if image.is_current {
        return Ok(copied);
    }
    for mut blob in blobs {
        if blob.wait_for(|&arrived| arrived).await.is_err() {
            // The blob failed, and its error stops the run: this image waits to be stopped with it.
            future::pending::<()>().await;
        }
    }
    let mut put = put_manifests(&run, &item, &image.manifests).await;
    if put.as_ref().is_err_and(|error| error.kind() == Kind::NotFound && error.side() == Some(Side::Destination)) {
        // The place claimed to have a blob and has it not: its word counts no more, all are put once again.
        // https://github.com/oras-project/oras-go/blob/19db72b/copy.go#L296-L319
        put_blobs_again(&run, &item, &image).await?;
        put = put_manifests(&run, &item, &image.manifests).await;
    }
    match put {
        Err(error) if may_convert(&error, &image, &run.options) => {
            run.tally
                .on(&Event::Warning("the destination refuses docker's media types: converting to OCI, digests change"));
            let converted = convert(&image.manifests, Format::Oci)?;
            put_manifests(&run, &item, &converted).await?;
            copied.destination = converted.last().map_or(copied.destination, Manifest::descriptor);
        }
        result => result?,
    }
    Ok(copied)
}

async fn put_blobs_again(run: &Run, item: &Item, image: &PlannedImage) -> Result<()> {
    for blob in &image.blobs {
        let (source, destination) = (item.source.clone(), item.destination.clone());
        let job = Job { descriptor: blob.descriptor.clone(), source, destination };
        job.with_retries(run, None, &[]).await?;
    }
    Ok(())
}

fn may_convert(error: &Error, image: &PlannedImage, options: &Options) -> bool {
    let is_docker = image.manifests.iter().any(|manifest| manifest.media_type().is_docker());
    error.kind() == Kind::Unsupported && is_docker && options.to.is_none() && !options.preserve_digests
}

/// Puts children before parents, those of one height together, and the root last under its names.
async fn put_manifests(run: &Run, item: &Item, manifests: &[Manifest]) -> Result<()> {
    let Some((root, below)) = manifests.split_last() else { return Ok(()) };
    let heights = heights(below);
    for level in below.chunk_by(|a, b| heights.get(&a.digest()) == heights.get(&b.digest())) {
        for together in level.chunks(run.options.jobs.max(1) * 2) {
            future::try_join_all(together.iter().map(|manifest| put_manifest(run, item, manifest, None))).await?;
        }
    }
    if item.destination_names.is_empty() {
        return put_manifest(run, item, root, None).await;
    }
    for name in &item.destination_names {
        put_manifest(run, item, root, Some(name)).await?;
    }
    Ok(())
}

async fn put_manifest(run: &Run, item: &Item, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
    let digest = manifest.digest();
    let step = || format!("put manifest {digest}");
    let put = item.destination.put_manifest(manifest, name).await;
    put.map_err(|error| error.at(Side::Destination, step()).with_digest(digest))?;
    run.tally.manifest(&manifest.descriptor(), name);
    Ok(())
}
