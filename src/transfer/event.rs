//! What happens during a copy, told to an [`Observer`]; and the [`Report`] of what happened.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Plan, PlannedImage};
use crate::Error;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest};
use crate::transport::Name;

/// Something that happened. Progress only: nothing depends on what an observer does with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// All that will be done is known; some of it may have been done already.
    Planned(&'a Plan),
    /// Something happened to a blob.
    Blob(&'a Descriptor, BlobEvent<'a>),
    /// A manifest was put, under this name where it has one.
    Manifest(&'a Descriptor, Option<&'a Name>),
    /// Something a person should know, though the copy goes on.
    Warning(&'a str),
}

/// What happened to a blob.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlobEvent<'a> {
    /// Its turn has come.
    Started,
    /// Another process is putting it: that is waited for.
    Waiting,
    /// So many bytes of it were kept from an earlier try: it goes on behind them.
    Resumed(u64),
    /// So many more bytes of it were moved.
    Moved(u64),
    /// It is there, verified.
    Done,
    /// It was there already.
    Present,
    /// The registry made it appear from this repository.
    Mounted(&'a Repository),
    /// It is tried again after `wait`.
    Retrying {
        /// Which try will be next, counted from 1.
        attempt: u32,
        /// How long until then.
        wait: Duration,
        /// Why.
        error: &'a Error,
    },
    /// So many more bytes of this layer were read, to be compressed anew.
    Recompressing(u64),
    /// It was compressed anew; this takes its place.
    Recompressed(&'a Descriptor),
    /// It could not be moved.
    Failed(&'a Error),
}

/// Is told what happens. Must be cheap and never fail.
pub trait Observer: Send + Sync {
    /// `event` happened.
    fn on(&self, event: &Event<'_>);
}

/// An observer that does not care.
pub struct Unobserved;

impl Observer for Unobserved {
    fn on(&self, _: &Event<'_>) {}
}

/// What a copy did.
#[derive(Debug, Clone)]
pub struct Report {
    /// The root of each image at the source and as it was put at the destination, in the order of the items.
    pub images: Vec<Copied>,
    /// Bytes of blobs and manifests that were moved.
    pub bytes_transferred: u64,
    /// Bytes of blobs that earlier tries had moved.
    pub bytes_resumed: u64,
    /// Bytes of blobs that a registry mounted.
    pub bytes_mounted: u64,
    /// Bytes of blobs that were at the destination already.
    pub bytes_present: u64,
    /// Bytes of blobs that several images need, beyond the one time that they were moved.
    pub bytes_shared: u64,
    /// How many blobs were moved.
    pub blobs_transferred: u64,
    /// How many blobs a registry mounted.
    pub blobs_mounted: u64,
    /// How many blobs were at the destination already.
    pub blobs_present: u64,
    /// How often a blob was needed that another image brings.
    pub blobs_shared: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// One image that was copied.
#[derive(Debug, Clone)]
pub struct Copied {
    /// What the source's name resolved to.
    pub source: Descriptor,
    /// What was put; differs where a platform was chosen or a conversion asked for.
    pub destination: Descriptor,
}

/// Counts what goes into a [`Report`] and passes events on.
pub(super) struct Tally {
    observer: Arc<dyn Observer>,
    started: Instant,
    transferred: Count,
    resumed: Count,
    mounted: Count,
    present: Count,
    shared: Count,
}

impl Tally {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            started: Instant::now(),
            transferred: Count::default(),
            resumed: Count::default(),
            mounted: Count::default(),
            present: Count::default(),
            shared: Count::default(),
        }
    }

    pub(super) fn on(&self, event: &Event<'_>) {
        if let Event::Blob(descriptor, event) = event {
            match event {
                BlobEvent::Moved(bytes) => self.transferred.add(0, *bytes),
                BlobEvent::Done => self.transferred.add(1, 0),
                BlobEvent::Present => self.present.add(1, descriptor.size),
                BlobEvent::Mounted(_) => self.mounted.add(1, descriptor.size),
                BlobEvent::Resumed(bytes) => self.resumed.add(1, *bytes),
                BlobEvent::Started
                | BlobEvent::Waiting
                | BlobEvent::Recompressing(_)
                | BlobEvent::Recompressed(_)
                | BlobEvent::Retrying { .. }
                | BlobEvent::Failed(_) => {}
            }
        }
        if let Event::Planned(plan) = event {
            let (blobs, bytes) = plan.shared();
            self.shared.add(blobs, bytes);
        }
        self.observer.on(event);
    }

    pub(super) fn manifest(&self, descriptor: &Descriptor, name: Option<&Name>) {
        self.transferred.add(0, descriptor.size);
        self.on(&Event::Manifest(descriptor, name));
    }

    /// Nothing has to be done for `image`; some of its blobs were told of.
    pub(super) fn all_present(&self, image: &PlannedImage, told: &HashSet<Digest>) {
        for blob in image.blobs.iter().filter(|blob| !told.contains(&blob.descriptor.digest)) {
            self.on(&Event::Blob(&blob.descriptor, BlobEvent::Present));
        }
    }

    pub(super) fn report(&self, images: Vec<Copied>) -> Report {
        let ((blobs_transferred, bytes_transferred), (blobs_mounted, bytes_mounted), (blobs_present, bytes_present)) =
            (self.transferred.get(), self.mounted.get(), self.present.get());
        let (blobs_shared, bytes_shared) = self.shared.get();
        Report {
            images,
            bytes_transferred,
            bytes_resumed: self.resumed.get().1,
            bytes_mounted,
            bytes_present,
            bytes_shared,
            blobs_transferred,
            blobs_mounted,
            blobs_present,
            blobs_shared,
            elapsed: self.started.elapsed(),
        }
    }
}

#[derive(Default)]
struct Count {
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Count {
    fn add(&self, blobs: u64, bytes: u64) {
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        (self.blobs.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}
