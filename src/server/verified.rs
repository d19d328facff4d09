//! Verified: content of which nothing is given out whole under a digest that it does not have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::BytesMut;

use super::content::{Content, Identity, Stat};
use crate::content::{BlobReader, PIECE, Pieces, Verifier};
#[cfg(doc)]
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, MediaType};
use crate::{Error, Result};

/// Blobs of which it is remembered what they are.
const KNOWN: usize = 65_536;

/// Content whose blobs are hashed when they are first read: on the way out, where all of one is asked for, beforehand where
/// a part is. As long as a file stays as it was, that happens once. What was found to be wrong is not there any more, so
/// that it can be pushed again.
pub(super) struct Verified {
    content: Arc<dyn Content>,
    known: Arc<Known>,
    checking: tokio::sync::Mutex<()>,
}

/// Files whose content was hashed, and whether it was right.
#[derive(Default)]
struct Known(Mutex<HashMap<(Digest, Identity), bool>>);

/// Which bytes of a blob are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of them.
    Whole,
    /// Some of them, the first at this offset.
    From(u64),
}

impl Verified {
    /// What `content` has.
    pub(super) fn new(content: Arc<dyn Content>) -> Self {
        Self { content, known: Arc::default(), checking: tokio::sync::Mutex::default() }
    }

    /// The content itself, for everything but blobs.
    pub(super) fn content(&self) -> &dyn Content {
        &*self.content
    }

    /// Takes a blob for verified: it was hashed when it was put.
    pub(super) async fn trust(&self, repository: &Repository, digest: &Digest) {
        if let Ok(Some(stat)) = self.content.stat(repository, digest).await
            && let Some(identity) = stat.identity
        {
            self.known.note((*digest, identity), true);
        }
    }

    /// What is known of a blob. `None` also where its content was found to be wrong.
    pub(super) async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        let is_wrong = |stat: &Stat| {
            let is_empty = stat.size == 0 && Digest::with(digest.algorithm(), b"") != *digest;
            is_empty || stat.identity.is_some_and(|identity| self.is_wrong(digest, identity))
        };
        Ok(self.content.stat(repository, digest).await?.filter(|stat| !is_wrong(stat)))
    }

    /// Whether a file that goes by this digest was found to have another.
    pub(super) fn is_wrong(&self, digest: &Digest, identity: Identity) -> bool {
        self.known.get(&(*digest, identity)) == Some(false)
    }

    /// The bytes of a blob to its end. Reading errs with [`Kind::Mismatch`] before the last piece of a wrong blob, or before
    /// the first where a part is wanted.
    pub(super) async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        extent: Extent,
    ) -> Result<Option<BlobReader>> {
        let Some(stat) = self.stat(repository, digest).await? else { return Ok(None) };
        let key = stat.identity.map(|identity| (*digest, identity));
        let is_right =
            stat.identity == Some(Identity::VERIFIED) || key.is_some_and(|key| self.known.get(&key) == Some(true));
        match extent {
            Extent::From(offset) if is_right => self.content.blob(repository, digest, offset).await,
            Extent::Whole if is_right => self.content.blob(repository, digest, 0).await,
            Extent::Whole => self.checked(repository, digest, (stat.size, key)).await,
            Extent::From(offset) => {
                // Many clients that want parts of the same blob make it be read once.
                let _checking = self.checking.lock().await;
                if key.is_none_or(|key| self.known.get(&key) != Some(true)) {
                    let Some(whole) = self.checked(repository, digest, (stat.size, key)).await? else {
                        return Ok(None);
                    };
                    whole.drain().await?;
                }
                self.content.blob(repository, digest, offset).await
            }
        }
    }

    async fn checked(
        &self,
        repository: &Repository,
        digest: &Digest,
        (size, key): (u64, Option<(Digest, Identity)>),
    ) -> Result<Option<BlobReader>> {
        let Some(reader) = self.content.blob(repository, digest, 0).await? else { return Ok(None) };
        let descriptor = Descriptor::new(MediaType::new("application/octet-stream"), *digest, size);
        if size == 0 {
            Verifier::new(&descriptor).finish()?;
        }
        let (verifier, content, known) = (Verifier::new(&descriptor), self.content.clone(), self.known.clone());
        let pieces = Checked { reader, verifier, content, digest: *digest, size, key, known };
        Ok(Some(BlobReader::new(size, pieces)))
    }
}

impl Known {
    fn get(&self, key: &(Digest, Identity)) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn note(&self, key: (Digest, Identity), is_right: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(key, is_right);
    }
}

/// A blob that is hashed on its way.
struct Checked {
    reader: BlobReader,
    verifier: Verifier,
    content: Arc<dyn Content>,
    digest: Digest,
    size: u64,
    key: Option<(Digest, Identity)>,
    known: Arc<Known>,
}

#[async_trait]
impl Pieces for Checked {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        let start = buffer.len();
        let count = self.reader.read_into(buffer).await?;
        let checked = if count == 0 { self.verifier.finish() } else { self.verifier.update(&buffer[start..]) };
        let is_over = checked.is_err() || self.verifier.seen() == self.size;
        if is_over && let Some(key) = self.key.take() {
            self.known.note(key, checked.is_ok());
        }
        if let Err(error) = checked {
            buffer.truncate(start);
            self.content.distrust(&self.digest);
            return Err(error);
        }
        Ok(count)
    }
}

impl BlobReader {
    /// Reads to the end and keeps nothing: whoever verifies says whether that went well.
    async fn drain(mut self) -> Result<(), Error> {
        let mut piece = BytesMut::with_capacity(PIECE);
        while self.read_into(&mut piece).await? > 0 {
            piece.clear();
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
