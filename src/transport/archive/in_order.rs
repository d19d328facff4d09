//! InOrder: a blob on its way into a pipe. At its turn it goes straight through; before that it is spooled, where there is
//! room for all of it, and else it waits.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::output::{Ledger, State, check_end, check_whole};
use super::spool::Spooled;
use super::stream::{Part, Stream, Turn};
use crate::Result;
use crate::oci::Descriptor;
use crate::transport::BlobWriter;

/// The blob. A pipe takes nothing back: where this is dropped when some of it was sent, the archive ends there.
pub(super) struct InOrder {
    stream: Arc<Stream>,
    ledger: Arc<Ledger>,
    blob: Descriptor,
    turn: Turn,
    way: Way,
    written: u64,
    state: State,
}

/// Where pieces go.
enum Way {
    /// That is not known yet.
    Undecided,
    /// Where they wait.
    Spool(Spooled),
    /// Out.
    Through,
}

impl InOrder {
    /// A blob that has this turn.
    pub(super) fn new((stream, turn): (Arc<Stream>, Turn), ledger: Arc<Ledger>, blob: Descriptor) -> Self {
        Self { stream, ledger, blob, turn, way: Way::Undecided, written: 0, state: State::Abandoned }
    }

    /// Room for all of it, some day or never.
    async fn room(&self) -> Spooled {
        let room = match &self.stream.spool {
            Some(spool) => spool.room(self.blob.size).await,
            None => None,
        };
        match room {
            Some(spooled) => spooled,
            None => std::future::pending().await,
        }
    }

    /// From now on pieces go out; those that were spooled go first.
    async fn go_through(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.way, Way::Through) {
            Way::Spool(mut spooled) if self.written > 0 => {
                spooled.end();
                self.stream.send(&self.turn, Part::Spooled(spooled)).await
            }
            _ => Ok(()),
        }
    }
}

impl Drop for InOrder {
    fn drop(&mut self) {
        if matches!(self.way, Way::Through) && self.written > 0 && self.state != State::Done {
            self.stream.cut(self.blob.digest);
        }
        self.ledger.close(&self.blob.digest, self.state);
    }
}

#[async_trait]
impl BlobWriter for InOrder {
    async fn ready(&mut self, is_far: bool) -> Result<()> {
        if !matches!(self.way, Way::Undecided) {
            return Ok(());
        }
        self.way = tokio::select! {
            biased;
            reached = self.stream.reach(&self.turn) => reached.map(|()| Way::Through)?,
            spooled = self.room(), if is_far => Way::Spool(spooled),
        };
        Ok(())
    }

    async fn write(&mut self, piece: Bytes) -> Result<()> {
        let end = check_end(&self.blob.digest, self.written + piece.len() as u64, self.blob.size)?;
        self.ready(true).await?;
        if self.stream.is_at(&self.turn)? {
            self.go_through().await?;
        }
        self.written = end;
        match &mut self.way {
            Way::Spool(spooled) => spooled.write(&piece),
            _ => self.stream.send(&self.turn, Part::Piece(piece)).await,
        }
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        check_whole(&self.blob.digest, self.written, self.blob.size)?;
        self.ready(true).await?;
        self.stream.is_at(&self.turn)?;
        self.go_through().await?;
        self.stream.send(&self.turn, Part::End).await?;
        self.state = State::Done;
        Ok(())
    }
}
