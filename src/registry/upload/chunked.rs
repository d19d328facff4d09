//! PATCH after PATCH, for registries or proxies that take no large request.

use bytes::{Bytes, BytesMut};

use super::session::Session;
use crate::Result;

/// An upload in chunks.
pub(super) struct Chunked {
    pub(super) session: Session,
    buffer: BytesMut,
}

impl Chunked {
    /// Sends in chunks of the session's length.
    pub(super) fn new(session: Session) -> Self {
        Self { session, buffer: BytesMut::new() }
    }

    /// Takes a piece; sends what makes whole chunks.
    pub(super) async fn write(&mut self, mut piece: &[u8]) -> Result<()> {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(self.session.chunk - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            piece = later;
            if self.buffer.len() == self.session.chunk {
                self.send_chunk().await?;
            }
        }
        Ok(())
    }

    /// Sends the rest and ends the upload.
    pub(super) async fn commit(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send_chunk().await?;
        }
        self.session.finish().await
    }

    async fn send_chunk(&mut self) -> Result<()> {
        self.session.is_sent = true;
        let chunk: Bytes = self.buffer.split().freeze();
        let end = self.session.confirmed + chunk.len() as u64;
        let call = self.session.chunk_call(end).body(chunk);
        let answer = self.session.client.send(&call).await;
        self.session.taken(&call, end, answer).await
    }
}
