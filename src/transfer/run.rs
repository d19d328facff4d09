//! Running: plans as they are made, one queue of blobs over all images, each digest moved once to a place, manifests after
//! their blobs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, future};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::blob::{Job, move_blob};
use super::convert::convert;
use super::current::address;
use super::event::Tally;
use super::mount::Mounts;
use super::queue::{Queue, Turn, Waiting};
use super::recompress::Early;
use super::select::heights;
use super::spare::Spare;
use super::{Copied, Event, Format, Item, Options, Plan, PlannedImage, plan};
use crate::error::{Kind, Side};
use crate::oci::{Digest, Manifest};
use crate::transport::{Begin, Destination, Name};
use crate::{Error, Result};

/// Who takes longer than this to answer is far away: a new connection takes some ten ways there and back until it carries what the
/// line does, and most layers are through by then.
const FAR: Duration = Duration::from_millis(20);

/// What all parts of one run share.
pub(super) struct Run {
    pub(super) options: Options,
    pub(super) tally: Tally,
    pub(super) mounts: Mounts,
    pub(super) spare: Spare,
}

/// Plans and copies `items`: each image moves as soon as its plan is made, and what comes through `ahead` before that. The first
/// failure stops everything.
pub(super) async fn run(items: Vec<Item>, mut ahead: Early, run: Arc<Run>) -> Result<Vec<Copied>> {
    let mut work = Work::new(run.clone());
    let mut planned = Plan::default();
    let mut plans = pin!(plan::each(&items, &run.options, false));
    while planned.images.len() < items.len() || !work.is_done() {
        work.start().await?;
        tokio::select! {
            Some(job) = ahead.recv() => work.add_ahead(job?),
            Some(image) = plans.next() => {
                // What is ahead of this plan is there by now: it shall not go twice.
                while let Ok(job) = ahead.try_recv() {
                    work.add_ahead(job?);
                }
                let (at, image) = (planned.images.len(), image?);
                planned.images.push(image.clone());
                if planned.images.len() == items.len() {
                    run.tally.on(&Event::Planned(&planned));
                }
                work.add(at, &items[at], image);
            }
            Some(ended) = work.blobs.join_next() => work.queue.ended(ended.map_err(panicked)??),
            Some(ended) = work.images.join_next() => {
                let (at, result) = ended.map_err(panicked)?;
                work.copied.insert(at, result?);
            }
            else => break,
        }
    }
    finish(&items).await?;
    Ok(work.copied.into_values().collect())
}

/// What is under way.
struct Work {
    run: Arc<Run>,
    queue: Queue,
    arrivals: Arrivals,
    blobs: JoinSet<Result<Turn>>,
    images: JoinSet<(usize, Result<Copied>)>,
    copied: BTreeMap<usize, Copied>,
}

impl Work {
    fn new(run: Arc<Run>) -> Self {
        let queue = Queue::new(run.options.jobs.near);
        let (arrivals, blobs, images, copied) = Default::default();
        Self { run, queue, arrivals, blobs, images, copied }
    }

    fn is_done(&self) -> bool {
        self.blobs.is_empty() && self.images.is_empty()
    }

    /// A blob need not wait for the plan of its image.
    fn add_ahead(&mut self, job: Job) {
        if let Some((job, arrived)) = self.arrivals.ahead(job) {
            self.queue.push(job, arrived);
        }
    }

    /// The plan for `item`, the one at `at`, was made.
    fn add(&mut self, at: usize, item: &Item, image: PlannedImage) {
        let told = self.arrivals.told_of(item, &image);
        if image.is_current {
            self.run.tally.all_present(&image, &told);
        } else {
            if is_far(item) {
                self.queue.widen(self.run.options.jobs.far);
            }
            for (job, arrived) in self.arrivals.jobs(item, &image) {
                self.queue.push(job, arrived);
            }
        }
        let blobs = self.arrivals.of(item, &image);
        let put = put_image(self.run.clone(), item.clone(), image, blobs);
        self.images.spawn(async move { (at, put.await) });
    }

    /// Starts all blobs that may go now.
    async fn start(&mut self) -> Result<()> {
        while let Some((Waiting { job, arrived, .. }, turn)) = self.queue.next() {
            let begun = match begin_in_order(&job, &self.run).await {
                Ok(begun) => begun,
                Err(error) => return Err(cause(&mut self.blobs, error).await),
            };
            let moved = move_blob(self.run.clone(), job, begun, arrived);
            self.blobs.spawn(async move { moved.await.map(|()| turn) });
        }
        self.run.spare.set(self.queue.spare_jobs());
        Ok(())
    }
}

fn is_far(item: &Item) -> bool {
    item.source.distance().max(item.destination.distance()) > Some(FAR)
}

/// An archive breaks off for the next blob because one before it failed: that one's error says why.
async fn cause(blobs: &mut JoinSet<Result<Turn>>, error: Error) -> Error {
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

/// A content at a place.
type Place = (usize, Digest);

/// Tells images when their blobs have arrived.
#[derive(Default)]
struct Arrivals {
    all: HashMap<Place, watch::Receiver<bool>>,
    /// Those that no plan has spoken of.
    ahead: HashSet<Place>,
}

impl Arrivals {
    /// A blob that no image has brought to the same place, and whose own will be planned later.
    fn ahead(&mut self, job: Job) -> Option<(Job, watch::Sender<bool>)> {
        let key = (address(&job.destination), job.descriptor.digest);
        let arrived = self.expect(key)?;
        self.ahead.insert(key);
        Some((job, arrived))
    }

    /// The blobs of `image` that went ahead: what happens to them is told by their own jobs.
    fn told_of(&mut self, item: &Item, image: &PlannedImage) -> HashSet<Digest> {
        let digests = image.blobs.iter().map(|blob| blob.descriptor.digest);
        digests.filter(|digest| self.ahead.remove(&(address(&item.destination), *digest))).collect()
    }

    /// `None` where it is expected already.
    fn expect(&mut self, key: Place) -> Option<watch::Sender<bool>> {
        if self.all.contains_key(&key) {
            return None;
        }
        let (arrived, arrival) = watch::channel(false);
        self.all.insert(key, arrival);
        Some(arrived)
    }

    /// The blobs of `image` that no earlier image brings to the same place.
    fn jobs(&mut self, item: &Item, image: &PlannedImage) -> Vec<(Job, watch::Sender<bool>)> {
        let mut jobs = Vec::new();
        for blob in &image.blobs {
            let key = (address(&item.destination), blob.descriptor.digest);
            let Some(arrived) = self.expect(key) else { continue };
            let (source, destination) = (item.source.clone(), item.destination.clone());
            jobs.push((Job { descriptor: blob.descriptor.clone(), source, destination }, arrived));
        }
        jobs
    }

    fn of(&self, item: &Item, image: &PlannedImage) -> Vec<watch::Receiver<bool>> {
        let key = |digest| (address(&item.destination), digest);
        image.blobs.iter().filter_map(|blob| self.all.get(&key(blob.descriptor.digest)).cloned()).collect()
    }
}

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
        for together in level.chunks(run.options.jobs.near.max(1) * 2) {
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
