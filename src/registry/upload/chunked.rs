//! PATCH after PATCH, for registries or proxies that take no large request.

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, header};

use super::Session;
use crate::Result;
use crate::error::Kind;
use crate::net::Response;

/// What registries answer to a chunk they took; ECR says 201.
const TAKEN: [StatusCode; 4] = [StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];

/// An upload in chunks.
pub(super) struct Chunked {
    session: Session,
    sent: u64,
    buffer: BytesMut,
}

impl Chunked {
    /// Sends in chunks of the session's length.
    pub(super) fn new(session: Session) -> Self {
        Self { session, sent: 0, buffer: BytesMut::new() }
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
    pub(super) async fn commit(mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send_chunk().await?;
        }
        let call = self.session.closing_call();
        let answer = self.session.client.send(&call).await;
        self.session.close(answer).await
    }

    async fn send_chunk(&mut self) -> Result<()> {
        let chunk: Bytes = self.buffer.split().freeze();
        let last = self.sent + chunk.len() as u64 - 1;
        let client = &self.session.client;
        let mut call = self.session.closing_call().header(header::CONTENT_RANGE, &format!("{}-{last}", self.sent));
        call.method = Method::PATCH;
        call.url = self.session.location.clone();
        let call = call.body(chunk);
        let response: Response = client.send(&call).await.map_err(|error| self.session.named(error))?;
        if !TAKEN.contains(&response.status) {
            let status = response.status;
            let error = self.session.refused(response).await;
            // The registry lost count: a new session starts at 0.
            let is_lost = status == StatusCode::RANGE_NOT_SATISFIABLE && error.kind() == Kind::Mismatch;
            return Err(self.session.named(if is_lost { super::retryable(error) } else { error }));
        }
        // Not every registry repeats the Location; what it says of the range it has is no reliable count.
        if response.headers.contains_key(header::LOCATION) {
            self.session.location = client.location(&call, &response)?;
        }
        super::drain(response).await;
        self.sent = last + 1;
        Ok(())
    }
}
