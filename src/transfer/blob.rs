//! One blob on its way: a piece is read, hashed and written.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::watch;

use super::run::Run;
use super::split::Split;
use super::{BlobEvent, Event};
use crate::content::{Ahead, PIECE, Verifier};
use crate::error::{Kind, Side};
use crate::name::Repository;
use crate::oci::Descriptor;
use crate::transport::{Begin, BlobWriter, Destination, Source};
use crate::{Error, Result};

/// How many bytes lie between two checkpoints.
const CHECKPOINT: u64 = 8 * 1024 * 1024;

/// One blob to move.
pub(super) struct Job {
    pub(super) descriptor: Descriptor,
    pub(super) source: Arc<dyn Source>,
    pub(super) destination: Arc<dyn Destination>,
}

/// Moves the blob, or finds it present or mountable; then says so through `arrived`.
pub(super) async fn move_blob(
    run: Arc<Run>,
    job: Job,
    begun: Option<Begin>,
    arrived: watch::Sender<bool>,
) -> Result<()> {
    let digest = job.descriptor.digest;
    let origins = match job.destination.repository().map(Repository::registry) {
        Some(registry) => [job.source.origins(&digest, registry), run.mounts.of(registry, digest)].concat(),
        None => Vec::new(),
    };
    match job.with_retries(&run, begun, &origins).await {
        Ok(()) => {}
        Err(error) => {
            job.tell(&run, BlobEvent::Failed(&error));
            return Err(error);
        }
    }
    if let Some(repository) = job.source.repository() {
        job.destination.note_origin(&digest, repository);
    }
    if let Some(repository) = job.destination.repository() {
        run.mounts.note(repository, digest);
    }
    // Nobody may be waiting: the image that needs it may have failed on its own.
    arrived.send_replace(true);
    Ok(())
}

impl Job {
    /// Begins to put the blob.
    pub(super) async fn begin(&self, run: &Run, origins: &[Repository]) -> Result<Begin> {
        self.tell(run, BlobEvent::Started);
        let begun = self.destination.begin(&self.descriptor, origins).await;
        begun.map_err(|error| self.not_put(error))
    }

    /// Puts the blob, with another try where that may help.
    pub(super) async fn with_retries(&self, run: &Run, mut begun: Option<Begin>, origins: &[Repository]) -> Result<()> {
        let (mut attempts, mut failed) = (0, None);
        loop {
            let begin = match begun.take() {
                Some(begin) => Ok(begin),
                None => self.begin(run, origins).await,
            };
            let result = match begin {
                Ok(begin) => self.attempt(run, begin, attempts == 0).await,
                // An archive that broke off takes no more of it: what it broke off for is told.
                Err(error) if self.destination.is_ordered() => Err(failed.take().unwrap_or(error)),
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(true) => return Ok(()),
                Ok(false) => continue,
                Err(error) => error,
            };
            // The network floor has tried some things already: one budget serves for all.
            attempts += error.attempts().max(1);
            if !is_worth_another_try(&error, attempts, run.options.retries) {
                return Err(error.with_attempts(attempts));
            }
            let wait = pause(attempts);
            self.tell(run, BlobEvent::Retrying { attempt: attempts + 1, wait, error: &error });
            failed = Some(error);
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether it is there now; where not, another process had it, and it is to be begun again. What went wrong is not split.
    async fn attempt(&self, run: &Run, begin: Begin, may_split: bool) -> Result<bool> {
        match begin {
            Begin::Present => self.tell(run, BlobEvent::Present),
            Begin::Mounted(from) => self.tell(run, BlobEvent::Mounted(&from)),
            Begin::Held(held) => {
                self.tell(run, BlobEvent::Waiting);
                held.wait().await;
                return Ok(false);
            }
            Begin::Write(writer) => {
                self.stream(run, writer, may_split).await?;
                self.tell(run, BlobEvent::Done);
            }
        }
        Ok(true)
    }

    /// Puts the blob from where the writer is.
    async fn stream(&self, run: &Run, writer: Box<dyn BlobWriter>, may_split: bool) -> Result<()> {
        let mut putting = self.putting(writer);
        if putting.begun > 0 {
            self.tell(run, BlobEvent::Resumed(putting.begun));
        }
        let read = match Split::of(self, run, &putting).filter(|_| may_split) {
            Some(split) => split.read(&mut putting).await,
            None => self.read_through(run, &mut putting).await,
        };
        match read {
            Ok(()) => putting.commit().await.map_err(|error| self.not_put(error)),
            Err(error) => {
                // What does not match its descriptor is nothing to go on from.
                if error.kind() == Kind::Mismatch {
                    putting.writer = None;
                }
                Err(error)
            }
        }
    }

    /// The loop: read a piece, hash it, write it. The last piece is written only when the digest is right.
    async fn read_through(&self, run: &Run, putting: &mut Putting) -> Result<()> {
        let is_far = self.source.repository().is_some();
        putting.ready(is_far).await.map_err(|error| self.not_put(error))?;
        let reader = self.source.blob(&self.descriptor, putting.seen.seen()).await;
        let mut reader = reader.map_err(|error| self.not_got(error))?;
        let limit = run.options.limit.as_deref();
        loop {
            let room = self.room(putting.seen.seen());
            let most = limit.map_or(room, |limit| limit.piece().min(room));
            let piece = reader.piece(most).await.map_err(|error| self.not_got(error))?;
            let count = piece.len();
            if count == 0 {
                break;
            }
            let moving = putting.moving(count);
            if let Some(limit) = limit.filter(|_| moving > 0) {
                limit.pass(moving).await;
            }
            self.put(putting, piece).await?;
            self.moved(run, moving as u64);
        }
        putting.seen.finish().map_err(|error| self.not_got(error))
    }

    /// Hashes the next piece and writes it.
    pub(super) async fn put(&self, putting: &mut Putting, piece: Bytes) -> Result<()> {
        putting.seen.update(&piece).map_err(|error| self.not_got(error))?;
        putting.write(piece).await.map_err(|error| self.not_put(error))
    }

    /// Hashes the next piece, which was written ahead.
    pub(super) async fn advance(&self, putting: &mut Putting, piece: &[u8]) -> Result<()> {
        putting.seen.update(piece).map_err(|error| self.not_got(error))?;
        putting.advance(piece.len() as u64).await.map_err(|error| self.not_put(error))
    }

    /// Tells that so many more bytes have come.
    pub(super) fn moved(&self, run: &Run, bytes: u64) {
        self.tell(run, BlobEvent::Moved(bytes));
    }

    /// How much to read next: a byte more than may come, so that the end is seen with the last one.
    fn room(&self, seen: u64) -> usize {
        let left = self.descriptor.size.saturating_sub(seen).saturating_add(1);
        usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
    }

    /// Where the writer goes on. What it has and cannot show is read again where that costs no line.
    fn putting(&self, mut writer: Box<dyn BlobWriter>) -> Putting {
        let begun = writer.begun();
        let is_far = self.source.repository().is_some();
        let (seen, skip) = match begun.hashed {
            Some(seen) => (seen, 0),
            None if is_far && begun.length > 0 => (Verifier::behind(&self.descriptor, begun.length), 0),
            None => (Verifier::new(&self.descriptor), begun.length),
        };
        Putting { writer: Some(writer), seen, begun: begun.length, skip, unkept: 0 }
    }

    pub(super) fn not_got(&self, error: Error) -> Error {
        self.failed(Side::Source, "get", error)
    }

    pub(super) fn not_put(&self, error: Error) -> Error {
        self.failed(Side::Destination, "put", error)
    }

    fn failed(&self, side: Side, verb: &str, error: Error) -> Error {
        let digest = self.descriptor.digest;
        let repository = match side {
            Side::Source => self.source.repository(),
            Side::Destination => self.destination.repository(),
        };
        let error = error.at(side, format!("{verb} blob {digest}")).with_digest(digest);
        match repository.filter(|_| error.host().is_none()) {
            Some(repository) => error.with_host(repository.registry().to_string()),
            None => error,
        }
    }

    fn tell(&self, run: &Run, event: BlobEvent<'_>) {
        run.tally.on(&Event::Blob(&self.descriptor, event));
    }
}

/// A writer on its way, and what has seen the bytes before the next piece. What was written when it stops is kept.
pub(super) struct Putting {
    writer: Option<Box<dyn BlobWriter>>,
    pub(super) seen: Verifier,
    /// How many bytes the writer had.
    begun: u64,
    /// How many of them come again.
    skip: u64,
    /// How many bytes were written since the last checkpoint.
    unkept: u64,
}

impl Putting {
    /// How many of the next `count` bytes the writer has not.
    fn moving(&self, count: usize) -> usize {
        count - usize::try_from(self.skip).map_or(count, |skip| skip.min(count))
    }

    async fn ready(&mut self, is_far: bool) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.ready(is_far).await,
            None => Ok(()),
        }
    }

    /// Writes the piece that was seen last.
    async fn write(&mut self, mut piece: Bytes) -> Result<()> {
        let skipped = self.skip.min(piece.len() as u64);
        self.skip -= skipped;
        piece.advance(usize::try_from(skipped).unwrap_or(piece.len()));
        let Some(writer) = self.writer.as_mut().filter(|_| !piece.is_empty()) else { return Ok(()) };
        self.unkept += piece.len() as u64;
        writer.write(piece).await?;
        self.keep_up();
        Ok(())
    }

    /// Where bytes may be put before their turn.
    pub(super) fn ahead(&self) -> Option<Ahead> {
        self.writer.as_ref()?.ahead()
    }

    /// Goes past bytes that were seen, and written before.
    async fn advance(&mut self, count: u64) -> Result<()> {
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        self.unkept += count;
        writer.advance(count).await?;
        self.keep_up();
        Ok(())
    }

    /// Notes how far it is, now and then.
    fn keep_up(&mut self) {
        if let Some(writer) = self.writer.as_mut().filter(|_| self.unkept >= CHECKPOINT) {
            self.unkept = 0;
            writer.checkpoint(&self.seen);
        }
    }

    async fn commit(mut self) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.commit().await,
            None => Ok(()),
        }
    }
}

impl Drop for Putting {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.keep(&self.seen);
        }
    }
}

/// A source resumes by itself, so what it gives up is given up; wrong bytes are fetched once more; an upload that broke off
/// goes on where the registry has it.
fn is_worth_another_try(error: &Error, attempts: u32, retries: u32) -> bool {
    match (error.kind(), error.side()) {
        (Kind::Mismatch, Some(Side::Source)) => attempts == 1,
        (Kind::Network, Some(Side::Destination)) => attempts <= retries,
        _ => false,
    }
}

/// Doubles from a quarter of a second to eight, with jitter so that many clients do not come back together.
fn pause(attempt: u32) -> Duration {
    let base = Duration::from_millis(250) * 2_u32.pow(attempt.min(6) - 1);
    base.min(Duration::from_secs(8)).mul_f64(0.5 + fastrand::f64() / 2.0)
}
