//! Split: a large blob that comes slowly is read from several ranges at once. What comes before its turn is written where it
//! belongs; it is hashed in order, as what stands there without a gap grows, and the digest is known before it has a name.
//!
//! It begins as one answer that is read to its end. Another range is asked for while that goes on, and only when it is there
//! is the first one bounded: a registry that gives no ranges costs one request, and no byte twice.

mod climb;
mod parts;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::blob::{Job, Putting};
use super::run::Run;
use super::spare::SpareJob;
use crate::content::{Ahead, BlobReader, PIECE};
use crate::error::Kind;
use crate::{Error, Result};
use climb::{Climb, LARGE};
use parts::{Parts, Share};

/// A blob that may be split.
pub(super) struct Split<'a> {
    job: &'a Job,
    run: &'a Run,
    ahead: Ahead,
    parts: Parts,
    climb: Climb,
    fetching: FuturesUnordered<BoxFuture<'static, Fetch>>,
    idle: VecDeque<Worker>,
    /// Whether a new worker was not answered yet.
    is_trying: bool,
    /// Whether the registry gives parts, as far as is known.
    has_parts: bool,
}

/// Who fetches one part after the other: the first, and those that spare jobs are used for.
#[derive(Debug)]
struct Worker(Option<SpareJob>);

/// A part that is fetched.
struct Fetch {
    worker: Worker,
    part: Range<u64>,
    asked: Asked,
    came: Came,
    waited: Duration,
}

/// For whom a part was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A worker that has brought something before.
    Known,
    /// A new one. The part was handed out to it.
    New,
    /// A new one. The part is cut out of another's when the answer is there.
    Offered,
}

/// What came last.
enum Came {
    Answer(BlobReader),
    Piece(BlobReader, Bytes),
    Failure(Error),
}

impl Worker {
    fn is_first(&self) -> bool {
        self.0.is_none()
    }

    fn is_wanted_elsewhere(&self) -> bool {
        self.0.as_ref().is_some_and(SpareJob::is_wanted_back)
    }
}

impl<'a> Split<'a> {
    /// The blob of `job`, where it is far away, large enough, and its place takes bytes before their turn.
    pub(super) fn of(job: &'a Job, run: &'a Run, putting: &Putting) -> Option<Self> {
        let (begun, size) = (putting.seen.seen(), job.descriptor.size);
        let may_split = run.options.range_split > 1 && job.source.repository().is_some();
        if !may_split || size.saturating_sub(begun) < LARGE || putting.seen.hasher().is_none() {
            return None;
        }
        let ahead = putting.ahead()?;
        let (parts, climb) = (Parts::new(begun, size), Climb::new(run.options.range_split));
        let (fetching, idle) = Default::default();
        Some(Self { job, run, ahead, parts, climb, fetching, idle, is_trying: false, has_parts: true })
    }

    /// Reads all of it into `putting`.
    pub(super) async fn read(mut self, putting: &mut Putting) -> Result<()> {
        let (begun, size) = (putting.seen.seen(), self.job.descriptor.size);
        let reader = self.job.source.blob(&self.job.descriptor, begun).await;
        let reader = reader.map_err(|error| self.job.not_got(error))?;
        self.read_on(Worker(None), begun..size, reader);
        while let Some(Fetch { worker, part, asked, came, waited }) = self.fetching.next().await {
            match came {
                Came::Answer(reader) => {
                    if asked == Asked::Known || self.begin(&part, asked) {
                        self.climb.came(0, waited);
                        self.read_on(worker, part, reader);
                    }
                }
                Came::Piece(reader, piece) => {
                    self.climb.came(0, waited);
                    match self.put(part.start, piece, putting).await? {
                        true => self.read_on(worker, part, reader),
                        false => self.rest(worker),
                    }
                }
                Came::Failure(error) if worker.is_first() && !self.is_for_want_of_parts(&error) => {
                    return Err(self.job.not_got(error));
                }
                Came::Failure(error) => self.lose(worker, &part, asked, &error),
            }
            if self.is_over() {
                break;
            }
            self.hire();
            self.hand_out();
        }
        putting.seen.finish().map_err(|error| self.job.not_got(error))
    }

    /// Whether all was taken and the first has seen the end; who is not answered yet is not waited for.
    fn is_over(&self) -> bool {
        self.parts.ready().start == self.job.descriptor.size && self.idle.front().is_some_and(Worker::is_first)
    }

    /// The registry answered a new worker with the part it asked for; `false` where that came too late to be of use.
    fn begin(&mut self, part: &Range<u64>, asked: Asked) -> bool {
        self.is_trying = false;
        let is_of_use = asked == Asked::New || self.parts.cut(part);
        match is_of_use {
            true => self.climb.added(),
            false => self.climb.give_up(),
        }
        is_of_use
    }

    /// Puts a piece where it belongs, and goes past all that stands there without a gap. Whether more is to come of its part.
    async fn put(&mut self, start: u64, mut piece: Bytes, putting: &mut Putting) -> Result<bool> {
        let (spot, size) = (self.parts.spot(start), self.job.descriptor.size);
        if piece.is_empty() {
            return Ok(false);
        }
        if spot.end < size {
            // The part may have been bounded since it was asked for.
            piece.truncate(usize::try_from(spot.end - spot.start).unwrap_or(usize::MAX));
        }
        let count = piece.len() as u64;
        putting.seen.check_end(spot.start + count).map_err(|error| self.job.not_got(error))?;
        self.climb.came(count, Duration::ZERO);
        self.parts.came(start, count);
        if spot.start == self.parts.ready().start {
            self.job.put(putting, piece).await?;
            self.parts.take(count);
        } else {
            self.ahead.write(spot.start, &piece).map_err(|error| self.job.not_put(error))?;
        }
        self.job.moved(self.run, count);
        self.follow(putting).await?;
        // An answer that reaches to the end of the blob is read to its own: that is where too much would be.
        Ok(spot.start + count < spot.end || spot.end == size)
    }

    /// Takes what was written ahead, as far as it stands there without a gap.
    async fn follow(&mut self, putting: &mut Putting) -> Result<()> {
        loop {
            let ready = self.parts.ready();
            let count = usize::try_from(ready.end - ready.start).map_or(PIECE, |count| count.min(PIECE));
            if count == 0 {
                return Ok(());
            }
            let piece = self.ahead.read(ready.start, count).await;
            let piece = piece.map_err(|error| self.job.not_put(error))?;
            self.job.advance(putting, &piece).await?;
            self.parts.take(count as u64);
            tokio::task::yield_now().await;
        }
    }

    /// Whether it is only that the registry gives no parts: what it gives is read to its end then.
    fn is_for_want_of_parts(&self, error: &Error) -> bool {
        self.has_parts && error.kind() == Kind::Unsupported
    }

    /// A worker failed at what others can do: another gets what is left of its part, and no more workers come.
    fn lose(&mut self, worker: Worker, part: &Range<u64>, asked: Asked, error: &Error) {
        tracing::debug!("bytes {} to {} are left to others: {error}", part.start, part.end);
        self.has_parts &= error.kind() != Kind::Unsupported;
        self.climb.give_up();
        if asked != Asked::Offered {
            self.parts.give_back(part.start);
        }
        match asked {
            Asked::New | Asked::Offered => self.is_trying = false,
            Asked::Known if worker.is_first() => self.rest(worker),
            Asked::Known => self.climb.left(),
        }
    }

    /// A worker has nothing to do.
    fn rest(&mut self, worker: Worker) {
        match worker.is_first() {
            true => self.idle.push_front(worker),
            false => self.idle.push_back(worker),
        }
    }

    /// Asks for another range where the line is slow and a job is spare.
    fn hire(&mut self) {
        if self.is_trying || !self.has_parts || !self.climb.wants_more(self.parts.left()) {
            return;
        }
        let Some(job) = self.run.spare.take() else { return };
        let offered = self.parts.offer(self.climb.length()).map(|part| (part, Asked::Offered));
        // The new one is one more.
        let share = self.share(self.climb.ranges() + 1);
        if let Some((part, asked)) = offered.or_else(|| Some((self.parts.hand_out(share)?, Asked::New))) {
            self.is_trying = true;
            self.ask(Worker(Some(job)), part, asked);
        }
    }

    /// Gives who is idle something to do. Who has nothing to come leaves, and so does who is needed elsewhere.
    fn hand_out(&mut self) {
        for worker in std::mem::take(&mut self.idle) {
            let is_over = worker.is_wanted_elsewhere() || self.parts.is_all_out();
            if is_over && !worker.is_first() {
                self.climb.left();
                continue;
            }
            match self.parts.hand_out(self.share(self.climb.ranges())) {
                Some(part) => self.ask(worker, part, Asked::Known),
                None => self.idle.push_back(worker),
            }
        }
    }

    fn share(&self, among: usize) -> Share {
        Share { among, length: self.climb.length() }
    }

    fn ask(&self, worker: Worker, part: Range<u64>, asked: Asked) {
        let (source, descriptor) = (self.job.source.clone(), self.job.descriptor.clone());
        let is_alone = !self.has_parts && worker.is_first();
        let fetch = async move {
            let begin = Instant::now();
            let answer = match is_alone {
                true => source.blob(&descriptor, part.start).await,
                false => source.part(&descriptor, part.clone()).await,
            };
            let came = answer.map_or_else(Came::Failure, Came::Answer);
            Fetch { worker, part, asked, came, waited: begin.elapsed() }
        };
        self.fetching.push(fetch.boxed());
    }

    fn read_on(&self, worker: Worker, part: Range<u64>, mut reader: BlobReader) {
        let spot = self.parts.spot(part.start);
        let room = usize::try_from(spot.end - spot.start).map_or(PIECE, |room| room.saturating_add(1).min(PIECE));
        let limit = self.run.options.limit.clone();
        let most = limit.as_ref().map_or(room, |limit| limit.piece().min(room));
        let fetch = async move {
            let begin = Instant::now();
            let piece = reader.piece(most).await;
            let waited = begin.elapsed();
            if let (Some(limit), Ok(piece)) = (limit, &piece)
                && !piece.is_empty()
            {
                limit.pass(piece.len()).await;
            }
            let came = piece.map_or_else(Came::Failure, |piece| Came::Piece(reader, piece));
            Fetch { worker, part, asked: Asked::Known, came, waited }
        };
        self.fetching.push(fetch.boxed());
    }
}
