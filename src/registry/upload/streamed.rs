//! One request that carries everything that is still to be sent, while it is being read: for a blob from its start the PUT that
//! ends the upload, for the rest of one a PATCH, which all registries that resume understand, and an empty PUT.

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::session::Session;
use crate::error::Kind;
use crate::net::{Body, Response};
use crate::registry::request::Call;
use crate::{Error, Result};

/// Pieces in flight between reader and writer.
const PIECES: usize = 1;

/// A request that is being sent.
pub(super) struct Streamed {
    pub(super) session: Session,
    call: Call,
    pieces: Option<mpsc::Sender<Result<Bytes>>>,
    request: Request,
}

/// The task that sends; it ends with its owner.
struct Request(JoinHandle<Result<Response>>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Streamed {
    /// Starts the request, with a token that was made fresh: the body cannot be sent twice.
    pub(super) async fn start(session: Session) -> Result<Self> {
        let size = session.descriptor.size;
        let call = if session.is_resumed() { session.chunk_call(size) } else { session.closing_call() };
        let (sending, client) = (call.clone(), session.client.clone());
        let authorization = client.0.authorizer.authorization(&call.scopes).await?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let length = size - session.confirmed;
        let body = if length == 0 { Body::Empty } else { Body::Stream { length, pieces: receiver } };
        let request = Request(tokio::spawn(async move {
            let response = client.0.net.send(sending.request_with(body, authorization.clone())).await?;
            if response.status != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            // The token was taken for good until now: the next try starts with a new one.
            client.renew(&sending, &response.headers, authorization.as_ref()).await?;
            let registry = client.registry();
            Err(Error::new(Kind::Network, format!("{registry}: cannot {}: the token expired", sending.what)))
        }));
        Ok(Self { session, call, pieces: Some(sender), request })
    }

    /// Hands a piece to the request. Errs with the registry's answer where that came early.
    pub(super) async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.session.is_sent = true;
        let is_taken = match &self.pieces {
            Some(pieces) => pieces.send(Ok(piece)).await.is_ok(),
            None => false,
        };
        if is_taken { Ok(()) } else { Err(self.early_end().await) }
    }

    /// Waits for the answer, and ends the upload.
    pub(super) async fn commit(&mut self) -> Result<()> {
        self.pieces = None;
        let answer = self.answer().await;
        if !self.session.is_resumed() {
            return self.session.close(answer).await;
        }
        self.session.taken(&self.call, self.session.descriptor.size, answer).await?;
        self.session.finish().await
    }

    /// Why the request ended before all pieces were sent.
    async fn early_end(&mut self) -> Error {
        self.pieces = None;
        let error = match self.answer().await {
            Ok(response) if response.status.is_success() => {
                let (registry, digest) = (self.session.client.registry(), self.session.descriptor.digest);
                Error::new(Kind::Network, format!("{registry}: answered before blob {digest} was sent whole"))
            }
            Ok(response) => self.session.refused(response).await,
            Err(error) => error,
        };
        self.session.named(error)
    }

    async fn answer(&mut self) -> Result<Response> {
        (&mut self.request.0)
            .await
            .unwrap_or_else(|error| Err(Error::new(Kind::Network, "the upload ended already").with_source(error)))
    }
}
