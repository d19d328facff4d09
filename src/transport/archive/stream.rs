//! Stream: an archive that goes into a pipe or device, through a thread that may block as long as the reader takes.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use super::blob_name;
use super::output::{Ledger, State, check_end, check_whole};
use crate::content::tar::{member_header, padding};
use crate::error::Kind;
use crate::oci::Digest;
use crate::transport::BlobWriter;
use crate::{Error, Result};

/// Pieces that may wait for the reader of the pipe.
const AHEAD: usize = 2;

/// The writing end.
pub(super) struct Stream {
    name: String,
    pieces: Option<mpsc::Sender<Bytes>>,
    result: Option<oneshot::Receiver<io::Result<()>>>,
    cut: Option<Digest>,
    failure: Option<io::ErrorKind>,
}

impl Stream {
    /// Writes what is sent to `file` until the sender is dropped.
    pub(super) fn start(mut file: File, name: String) -> Self {
        let (pieces, mut received) = mpsc::channel::<Bytes>(AHEAD);
        let (done, result) = oneshot::channel();
        // Not a task of the runtime: that would wait at its end for a reader that never comes.
        std::thread::spawn(move || {
            let mut written = Ok(());
            while let (Ok(()), Some(piece)) = (&written, received.blocking_recv()) {
                written = file.write_all(&piece);
            }
            drop(received);
            drop(done.send(written));
        });
        Self { name, pieces: Some(pieces), result: Some(result), cut: None, failure: None }
    }

    /// Errs where the reader is gone, and where a blob was begun and not ended: what would follow is lost on every reader.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(kind) = self.failure {
            return Err(self.failed(kind.into()));
        }
        match self.cut {
            Some(digest) => Err(Error::new(Kind::Failed, format!("{}: the archive broke off in {digest}", self.name))
                .with_digest(digest)),
            None => Ok(()),
        }
    }

    pub(super) async fn send(&mut self, piece: Bytes) -> Result<()> {
        self.check()?;
        let sent = match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { self.close().await.and_then(|()| Err(self.finished())) }
    }

    /// Waits until all was written.
    pub(super) async fn close(&mut self) -> Result<()> {
        self.pieces = None;
        let result = self.result.take().ok_or_else(|| self.finished())?;
        match result.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.failure = Some(error.kind());
                Err(self.failed(error))
            }
            Err(_) => Err(self.finished()),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::local(format!("write to {}", self.name), error)
    }

    fn finished(&self) -> Error {
        Error::new(Kind::Failed, format!("{}: the archive is finished already", self.name))
    }
}

/// The blob that is being sent. A pipe takes nothing back: where it is dropped half way, the archive ends there.
pub(super) struct InOrder {
    stream: OwnedMutexGuard<Stream>,
    ledger: Arc<Ledger>,
    digest: Digest,
    size: u64,
    written: u64,
    state: State,
    is_started: bool,
}

impl InOrder {
    pub(super) fn new(stream: OwnedMutexGuard<Stream>, ledger: Arc<Ledger>, digest: Digest, size: u64) -> Self {
        Self { stream, ledger, digest, size, written: 0, state: State::Abandoned, is_started: false }
    }

    async fn start(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_started, true) {
            return Ok(());
        }
        let header = member_header(&blob_name(&self.digest), self.size);
        self.stream.send(header.into()).await
    }
}

impl Drop for InOrder {
    fn drop(&mut self) {
        self.ledger.close(&self.digest, self.state);
        if self.is_started && self.state != State::Done {
            self.stream.cut = Some(self.digest);
        }
    }
}

#[async_trait]
impl BlobWriter for InOrder {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        let end = check_end(&self.digest, self.written + piece.len() as u64, self.size)?;
        self.start().await?;
        self.stream.send(piece).await?;
        self.written = end;
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        check_whole(&self.digest, self.written, self.size)?;
        self.start().await?;
        let zeros = vec![0; padding(self.size)];
        self.stream.send(zeros.into()).await?;
        self.state = State::Done;
        Ok(())
    }
}
