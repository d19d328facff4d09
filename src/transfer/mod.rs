//! The copy: resolve → plan → run → report. Everything that moves an image goes through here. An image whose plan is ready
//! moves while others are still being resolved.

mod blob;
mod convert;
mod current;
mod event;
mod limit;
mod mount;
mod plan;
mod queue;
mod recompress;
mod rewrite;
mod run;
mod select;
mod spare;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use event::{BlobEvent, Copied, Event, Observer, Report, Unobserved};
pub use limit::RateLimit;
pub use plan::{Plan, PlannedBlob, PlannedImage, Presence};
pub use recompress::Recompress;
pub use select::choose;

use event::Tally;
use mount::Mounts;
use run::Run;
use spare::Spare;

use crate::oci::{Manifest, Platform};
use crate::transport::{Destination, Name, Source};
use crate::{Error, Result};

/// One image to copy.
#[derive(Clone)]
pub struct Item {
    /// Where it is.
    pub source: Arc<dyn Source>,
    /// What it is called there.
    pub source_name: Option<Name>,
    /// Where it goes. Items that go to one place share one `Arc`.
    pub destination: Arc<dyn Destination>,
    /// What it will be called there: nothing, or any number of names.
    pub destination_names: Vec<Name>,
}

/// How to copy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which images of an index; empty means all.
    pub platforms: Vec<Platform>,
    /// What becomes of an index when only some of its images are copied. Without it: one platform is copied as a plain
    /// image, several as a rewritten index.
    pub index: Option<IndexMode>,
    /// Copy the manifests that describe the images too.
    pub referrers: bool,
    /// Convert to these media types.
    pub to: Option<Format>,
    /// Compress layers anew.
    pub recompress: Option<Recompress>,
    /// Err rather than change a digest: by a conversion, a rewritten index, or because the destination refuses a manifest.
    pub preserve_digests: bool,
    /// Fetch layers that may not be distributed from their `urls`' registries and push them.
    pub allow_foreign_layers: bool,
    /// How many blobs move at the same time.
    pub jobs: Jobs,
    /// From how many ranges at once a large blob is read that comes slowly; 1 never splits.
    pub range_split: usize,
    /// How often a blob is tried again.
    pub retries: u32,
    /// How fast blobs move, all together.
    pub limit: Option<Arc<RateLimit>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            platforms: Vec::new(),
            index: None,
            referrers: false,
            to: None,
            recompress: None,
            preserve_digests: false,
            allow_foreign_layers: false,
            jobs: Jobs::default(),
            range_split: 4,
            retries: 4,
            limit: None,
        }
    }
}

impl Options {
    /// Errs with [`Kind::Usage`](crate::error::Kind::Usage) where `after` takes the place of `before` though digests must stay.
    fn check_digest(&self, before: &Manifest, after: &Manifest) -> Result<()> {
        if !self.preserve_digests || before.digest() == after.digest() {
            return Ok(());
        }
        let digest = before.digest();
        Err(Error::usage(format!("{digest} would become {}, and digests are to be preserved", after.digest()))
            .with_digest(digest)
            .with_hint(
                "a sparse index keeps its digest; --preserve-digests goes neither with --to nor with a rewritten index",
            ))
    }
}

/// How many blobs move at the same time: as many as the distance makes worth while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// Where both places are nearby.
    pub near: usize,
    /// Where one of them is far away.
    pub far: usize,
}

impl Jobs {
    /// So many everywhere.
    pub fn always(jobs: usize) -> Self {
        Self { near: jobs, far: jobs }
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self { near: 4, far: 8 }
    }
}

/// What becomes of an index when only some of its images are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexMode {
    /// The index and all its images are copied after all.
    Keep,
    /// A new index lists only the wanted images; its digest is new.
    Rewrite,
    /// The index stays as it is though only the wanted images are copied.
    Sparse,
}

/// A family of media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The image spec's.
    Oci,
    /// Docker's schema 2.
    Docker,
}

/// What a copy of `items` would do; the destinations are asked what they have. Nothing is written.
pub async fn plan(items: &[Item], options: &Options) -> Result<Plan> {
    let mut plan = plan::make(items, options, true).await?;
    recompress::mark(&mut plan, options)?;
    Ok(plan)
}

/// Copies `items`. Errs with the first failure, which names side, step and thing; what was put by then stays, names
/// that were not reached stay as they were.
pub async fn copy(items: Vec<Item>, options: &Options, observer: Arc<dyn Observer>) -> Result<Report> {
    let (mounts, spare) = (Mounts::default(), Spare::default());
    let run = Arc::new(Run { options: options.clone(), tally: Tally::new(observer), mounts, spare });
    let recompress::Edited { items, ahead, sources } = recompress::edit(items, &run)?;
    let mut images = run::run(items, ahead, run.clone()).await?;
    for (image, source) in images.iter_mut().zip(&sources) {
        image.source = source.before().unwrap_or(&image.source).clone();
    }
    Ok(run.tally.report(images))
}
