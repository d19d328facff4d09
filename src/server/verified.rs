//! Verified: content of which nothing is given out whole under a digest that it does not have.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::BytesMut;

use super::content::{Content, Identity};
use crate::content::{BlobReader, PIECE, Pieces, Verifier};
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, MediaType};
use crate::{Error, Result};

/// Blobs that are remembered as verified.
const KNOWN: usize = 65_536;

type Known = Arc<Mutex<HashSet<(Digest, Identity)>>>;

/// Content whose blobs are hashed when they are first read: on the way out, where all of one is asked for, beforehand where
/// a part is. As long as a file stays as it was, that happens once.
pub(super) struct Verified {
    content: Arc<dyn Content>,
    known: Known,
}

impl Verified {
    /// What `content` has.
    pub(super) fn new(content: Arc<dyn Content>) -> Self {
        Self { content, known: Known::default() }
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
            remember(&self.known, (*digest, identity));
        }
    }

    /// The bytes of a blob from offset `from` on, of which `count` are wanted. Reading errs with
    /// [`Kind::Mismatch`](crate::error::Kind::Mismatch) before the last piece of a wrong blob.
    pub(super) async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        (from, count): (u64, u64),
    ) -> Result<Option<BlobReader>> {
        let Some(stat) = self.content.stat(repository, digest).await? else { return Ok(None) };
        let key = stat.identity.map(|identity| (*digest, identity));
        let is_known = stat.identity == Some(Identity::VERIFIED)
            || key.is_some_and(|key| self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&key));
        let is_whole = from == 0 && count == stat.size;
        if !is_known && !is_whole {
            let Some(whole) = self.checked(repository, digest, (stat.size, key)).await? else { return Ok(None) };
            whole.drain().await?;
        }
        if !is_known && is_whole {
            return self.checked(repository, digest, (stat.size, key)).await;
        }
        self.content.blob(repository, digest, from).await
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

/// A blob that is hashed on its way.
struct Checked {
    reader: BlobReader,
    verifier: Verifier,
    content: Arc<dyn Content>,
    digest: Digest,
    size: u64,
    key: Option<(Digest, Identity)>,
    known: Known,
}

#[async_trait]
impl Pieces for Checked {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        let start = buffer.len();
        let count = self.reader.read_into(buffer).await?;
        let checked = if count == 0 { self.verifier.finish() } else { self.verifier.update(&buffer[start..]) };
        if let Err(error) = checked {
            buffer.truncate(start);
            self.content.distrust(&self.digest);
            return Err(error);
        }
        if self.verifier.seen() == self.size
            && let Some(key) = self.key.take()
        {
            remember(&self.known, key);
        }
        Ok(count)
    }
}

fn remember(known: &Known, key: (Digest, Identity)) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= KNOWN {
        known.clear();
    }
    known.insert(key);
}

impl BlobReader {
    /// Reads to the end and keeps nothing: whoever verifies says whether that went well.
    async fn drain(mut self) -> Result<(), Error> {
        let mut piece = BytesMut::with_capacity(PIECE);
        while self.read_into(&mut piece).await? > 0 {
            piece.clear();
        }
        Ok(())
    }
}
