//! A small blob: kept until it is whole, then sent with one PUT.

use bytes::{Bytes, BytesMut};

use super::session::Session;
use crate::Result;

/// Blobs up to this size are sent so: what goes out in one write costs the other side least.
pub(super) const WHOLE: u64 = 64 * 1024;

/// An upload that has not begun yet.
pub(super) struct Whole {
    pub(super) session: Session,
    content: BytesMut,
}

impl Whole {
    /// Waits for all pieces.
    pub(super) fn new(session: Session) -> Self {
        Self { session, content: BytesMut::new() }
    }

    /// Takes a piece.
    pub(super) fn write(&mut self, piece: Bytes) {
        if self.content.is_empty() {
            // A blob that comes in one piece is not copied.
            self.content = BytesMut::from(piece);
        } else {
            self.content.extend_from_slice(&piece);
        }
    }

    /// Sends all, once: what the registry has of a first try would be counted in a second one to the same upload.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let call = self.session.closing_call().careful_body(self.content.split().freeze());
        let answer = self.session.client.send(&call).await;
        self.session.close(answer).await
    }
}
