//! Uploads to a registry that may break off: where the next try goes on is remembered, and written down for the next run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use super::{Begun, BlobWriter};
use crate::Result;
use crate::content::Verifier;
use crate::name::Repository;
use crate::net::Secret;
use crate::oci::{Descriptor, Digest};
use crate::registry::{Client, Unfinished, Upload, WORTH_RESUMING};
use crate::store::{Journal, UploadRecord, UploadSession};

/// The uploads to one repository that broke off.
pub(super) struct Uploads {
    client: Client,
    repository: Repository,
    known: Mutex<HashMap<Digest, Unfinished>>,
    /// Where the next run finds them.
    journal: Option<Journal>,
}

/// A blob that may be uploaded: its record, as long as no other process has it, and what was known of it.
pub(super) struct Slot {
    descriptor: Descriptor,
    record: Option<UploadSession>,
    unfinished: Option<Unfinished>,
}

impl Uploads {
    /// Uploads to `repository`; without a journal they are forgotten when this process ends.
    pub(super) fn new(client: Client, repository: &Repository, journal: Option<Journal>) -> Arc<Self> {
        Arc::new(Self { client, repository: repository.clone(), known: Mutex::default(), journal })
    }

    /// Looks up what is known of an upload of `descriptor`.
    pub(super) fn slot(&self, descriptor: &Descriptor) -> Slot {
        if let Some(journal) = &self.journal {
            journal.expire_once();
        }
        let is_worth_it = descriptor.size >= WORTH_RESUMING;
        let journal = self.journal.as_ref().filter(|_| is_worth_it);
        let record = journal.and_then(|journal| journal.upload(&self.repository, &descriptor.digest));
        let known = self.known().remove(&descriptor.digest);
        let unfinished = known.or_else(|| record.as_ref().and_then(UploadSession::record).and_then(read));
        Slot { descriptor: descriptor.clone(), record, unfinished }
    }

    /// Goes on with an upload where that is possible; else gives the slot back for a new one.
    pub(super) async fn resume(self: &Arc<Self>, mut slot: Slot) -> Result<Result<Writer, Slot>> {
        let Some(unfinished) = slot.unfinished.take() else { return Ok(Err(slot)) };
        match self.client.resume_upload(&self.repository, &slot.descriptor, &unfinished).await {
            Ok(Some(upload)) => Ok(Ok(self.writer(slot, upload))),
            Ok(None) => {
                slot.forget();
                Ok(Err(slot))
            }
            Err(error) => {
                self.known().insert(slot.descriptor.digest, unfinished);
                Err(error)
            }
        }
    }

    /// A writer to `upload`, which is written down before its first byte flows.
    pub(super) fn writer(self: &Arc<Self>, slot: Slot, upload: Upload) -> Writer {
        let Slot { descriptor, record, .. } = slot;
        let mut writer = Writer { uploads: self.clone(), descriptor, record, upload, saved: None };
        writer.save();
        writer
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Unfinished>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The blob needs no upload, or not the one that is known.
    pub(super) fn forget(&mut self) {
        self.unfinished = None;
        if let Some(record) = self.record.as_mut() {
            record.clear();
        }
    }
}

/// A blob on its way to a registry.
pub(super) struct Writer {
    uploads: Arc<Uploads>,
    descriptor: Descriptor,
    record: Option<UploadSession>,
    upload: Upload,
    /// The location that the record has.
    saved: Option<Url>,
}

impl Writer {
    /// Writes down where to go on. It only saves work: what cannot be written is not.
    fn save(&mut self) {
        let (Some(record), Some(unfinished)) = (&mut self.record, self.upload.unfinished()) else { return };
        let written = record.save(UploadRecord {
            repository: self.uploads.repository.to_string(),
            digest: self.descriptor.digest,
            size: self.descriptor.size,
            location: Secret::new(unfinished.location.as_str()),
            offset: unfinished.confirmed,
            vain: unfinished.vain,
            changed: SystemTime::now(),
        });
        self.saved = written.is_ok().then_some(unfinished.location);
    }

    /// It broke off: the next try goes on from here, unless the registry wants no more of it or has nothing of it.
    fn remember(&mut self) {
        match self.upload.unfinished().filter(|_| self.upload.is_begun()) {
            Some(unfinished) => {
                self.save();
                self.record = None;
                self.uploads.known().insert(self.descriptor.digest, unfinished);
            }
            None => self.forget(),
        }
    }

    fn forget(&mut self) {
        if let Some(record) = self.record.take() {
            record.remove();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.forget();
    }
}

#[async_trait]
impl BlobWriter for Writer {
    fn begun(&mut self) -> Begun {
        Begun { length: self.upload.start(), hashed: None }
    }

    fn checkpoint(&mut self, _: &Verifier) {
        let location = self.upload.unfinished().map(|unfinished| unfinished.location);
        if self.record.is_some() && location != self.saved {
            self.save();
        }
    }

    fn keep(mut self: Box<Self>, _: &Verifier) {
        self.remember();
    }

    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.upload.write(piece).await
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let committed = self.upload.commit().await;
        match committed {
            Ok(()) => self.forget(),
            Err(_) => self.remember(),
        }
        committed
    }
}

/// What a record says. Whether its location is the registry's own is looked at where it is used.
fn read(record: &UploadRecord) -> Option<Unfinished> {
    let location = Url::parse(record.location.expose()).ok()?;
    Some(Unfinished { location, confirmed: record.offset, vain: record.vain })
}
