//! Blobs in files of their own: how layouts, the store and directories put them.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Begin, Begun, BlobWriter};
use crate::Result;
use crate::content::{Ahead, Verifier, blocking};
use crate::store::{Claim, StagedBlob};

/// Begins to put what was claimed. Asks again whether it `is_there`: the process that had it until then may have put it.
pub(super) async fn begin(claim: Claim, is_there: impl Fn() -> Result<bool>) -> Result<Begin> {
    let mut staged = match claim {
        Claim::Ours(staged) => staged,
        Claim::Held(held) => return Ok(Begin::Held(held)),
    };
    if staged.is_partial() && is_there()? {
        staged.begin();
        return Ok(Begin::Present);
    }
    if staged.is_begun() {
        let check = move || {
            staged.check()?;
            Ok(staged)
        };
        staged = blocking(check).await?;
    }
    Ok(Begin::Write(staged))
}

#[async_trait]
impl BlobWriter for StagedBlob {
    fn begun(&mut self) -> Begun {
        let hashed = self.begin();
        Begun { length: hashed.as_ref().map_or(0, Verifier::seen), hashed }
    }

    fn checkpoint(&mut self, seen: &Verifier) {
        StagedBlob::checkpoint(self, seen);
    }

    fn keep(self: Box<Self>, seen: &Verifier) {
        StagedBlob::keep(*self, seen);
    }

    async fn write(&mut self, piece: Bytes) -> Result<()> {
        StagedBlob::write(self, &piece)
    }

    fn ahead(&self) -> Option<Ahead> {
        StagedBlob::ahead(self)
    }

    async fn advance(&mut self, count: u64) -> Result<()> {
        StagedBlob::advance(self, count)
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        if self.is_flushed() {
            return blocking(move || StagedBlob::commit(*self)).await;
        }
        StagedBlob::commit(*self)
    }
}
