//! Downloads: a blob, or a part of one, read by a reader that goes on where the line broke.

use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header;

use super::Client;
use super::request::{Call, is_html};
use crate::content::{BlobReader, PIECE, Pieces};
use crate::error::Kind;
use crate::net::{Backoff, Response, TooSlow};
use crate::oci::{Descriptor, Digest};
use crate::protocol::ContentRange;
use crate::{Error, Result};

/// A blob on its way. Every answer is checked before one of its bytes counts; none is appended in the wrong place.
pub(super) struct Download {
    client: Client,
    call: Call,
    digest: Digest,
    size: u64,
    /// Where what is wanted of it ends.
    end: u64,
    /// Whether a part is wanted, and nothing else will do.
    is_part: bool,
    /// Up to where bytes were handed on.
    offset: u64,
    /// How many bytes of the body come before them.
    skip: u64,
    body: Option<Response>,
    backoff: Backoff,
    /// The offset when the body was asked for.
    opened_at: u64,
    use_ranges: bool,
    /// How long a whole answer said to be that was too short.
    short: Option<u64>,
}

/// What an answer is good for.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Its body starts at the offset wanted.
    Here,
    /// Its body is the whole blob.
    Whole,
    /// Ranges do not work here: ask for the whole.
    NoRanges,
    /// Its body says to be the whole blob and is too short.
    Short(u64),
    /// It is another content.
    Other(u64),
    /// Refused.
    Refused,
}

#[async_trait]
impl Pieces for Download {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        let start = buffer.len();
        if buffer.capacity() == start {
            buffer.reserve(PIECE);
        }
        while buffer.len() < buffer.capacity() {
            let Some(mut body) = self.body.take() else {
                if self.offset >= self.end {
                    break;
                }
                self.open().await?;
                continue;
            };
            match self.step(&mut body, buffer).await {
                Ok(0) if self.offset >= self.end => break,
                Ok(0) => self.broke_off(None).await?,
                Ok(_) => self.body = Some(body),
                // All bytes came; how the connection ended does not matter.
                Err(error) if error.kind() == Kind::Network && self.offset >= self.end => break,
                Err(error) if error.kind() == Kind::Network => self.broke_off(Some(error)).await?,
                Err(error) => return Err(self.named(error)),
            }
        }
        Ok(buffer.len() - start)
    }

    async fn piece(&mut self, most: usize) -> Result<Bytes> {
        // Past the end no more than one byte is looked at.
        let left = usize::try_from(self.end - self.offset).map_or(most, |left| most.min(left.saturating_add(1)));
        if let Some(body) = self.body.as_mut().filter(|_| self.skip == 0)
            && let Some(piece) = body.together(left).await
        {
            self.advance(piece.len()).map_err(|error| self.named(error))?;
            return Ok(piece);
        }
        let mut buffer = BytesMut::with_capacity(most);
        self.read_into(&mut buffer).await?;
        Ok(buffer.freeze())
    }
}

impl Download {
    /// The blob that `call` asks for, from offset `from` on.
    pub(super) fn new(client: &Client, call: Call, descriptor: &Descriptor, from: u64) -> Self {
        let (digest, size) = (descriptor.digest, descriptor.size);
        Self {
            client: client.clone(),
            call,
            digest,
            size,
            end: size,
            is_part: false,
            offset: from,
            skip: 0,
            body: None,
            backoff: client.backoff(),
            opened_at: from,
            use_ranges: true,
            short: None,
        }
    }

    /// Ends at `end`, and takes no other answer than that part.
    pub(super) fn until(self, end: u64) -> Self {
        Self { end, is_part: true, ..self }
    }

    /// Asks for it.
    pub(super) async fn start(mut self) -> Result<BlobReader> {
        if self.offset < self.end {
            self.open().await?;
        }
        Ok(BlobReader::new(self.end.saturating_sub(self.offset), self))
    }

    /// Asks for the blob from the offset on, or for the whole where that does not work.
    async fn open(&mut self) -> Result<()> {
        self.opened_at = self.offset;
        loop {
            let from = if self.use_ranges { self.offset } else { 0 };
            let mut call = self.call.clone();
            if self.is_part {
                call = call.header(header::RANGE, &format!("bytes={from}-{}", self.end - 1));
            } else if from > 0 {
                call = call.header(header::RANGE, &format!("bytes={from}-"));
            }
            let response = self.client.send(&call).await.map_err(|error| self.named(error))?;
            let answer = match self.is_part {
                true => judge_part(&response, from..self.end, self.size),
                false => judge(&response, from, self.size),
            };
            match answer {
                Answer::Here => self.skip = 0,
                Answer::Whole => self.skip = self.offset,
                Answer::NoRanges if self.is_part => return Err(self.no_parts()),
                Answer::NoRanges => {
                    self.use_ranges = false;
                    continue;
                }
                // Cut once on its way, perhaps; cut twice at the same place, the registry has no more.
                Answer::Short(length) if self.short == Some(length) => return Err(self.other(&response, length)),
                Answer::Short(length) => {
                    self.short = Some(length);
                    self.skip = self.offset;
                }
                Answer::Other(length) => return Err(self.other(&response, length)),
                Answer::Refused => {
                    let error = self.client.failure(&call, response).await;
                    return Err(error.with_digest(self.digest));
                }
            }
            self.body = Some(response);
            return Ok(());
        }
    }

    /// Reads once; 0 is the end of the body. Bytes before the offset are thrown away; past the end no more than one is read.
    async fn step(&mut self, body: &mut Response, buffer: &mut BytesMut) -> Result<usize> {
        let (left, spare) = (self.end - self.offset, buffer.capacity() - buffer.len());
        let (count, result) = if self.skip == 0 && left >= spare as u64 {
            let start = buffer.len();
            let result = body.read_into(buffer).await;
            (buffer.len() - start, result)
        } else {
            let most = if self.skip > 0 { self.skip.min(PIECE as u64) } else { left + 1 };
            let mut part = BytesMut::with_capacity(usize::try_from(most).unwrap_or(PIECE));
            let result = body.read_into(&mut part).await;
            if self.skip == 0 {
                buffer.extend_from_slice(&part);
            }
            (part.len(), result)
        };
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(count as u64);
        } else {
            self.advance(count)?;
        }
        if count > 0 { Ok(count) } else { result }
    }

    /// Counts bytes that are handed on.
    fn advance(&mut self, count: usize) -> Result<()> {
        self.offset += count as u64;
        if self.offset > self.end {
            let (digest, end) = (self.digest, self.end);
            let asked = if self.is_part { "that were asked for" } else { "of its descriptor" };
            return Err(Error::mismatch(format!("{digest}: more came than the {end} bytes {asked}")));
        }
        Ok(())
    }

    /// The body ended too early: waits a little, or gives up where tries bring nothing any more.
    async fn broke_off(&mut self, cause: Option<Error>) -> Result<()> {
        // Another connection may be faster, but what trickles in would be asked for again without end.
        let is_slow = cause.as_ref().is_some_and(TooSlow::is_why);
        let progress = if is_slow { 0 } else { self.offset - self.opened_at };
        if progress > 0 {
            self.backoff.progress();
        }
        if progress >= PIECE as u64 {
            return Ok(());
        }
        let (host, digest) = (self.client.registry(), self.digest);
        let (offset, size) = (self.offset, self.size);
        let message = format!("{host}: blob {digest} breaks off at {offset} of {size} bytes");
        let mut error = self.named(Error::new(Kind::Network, message));
        if let Some(cause) = cause {
            let hint = cause.hint().map(str::to_owned);
            error = error.with_source(cause);
            if let Some(hint) = hint {
                error = error.with_hint(hint);
            }
        }
        self.backoff.pause(error).await
    }

    fn other(&self, response: &Response, length: u64) -> Error {
        let (host, digest, size) = (self.client.registry(), self.digest, self.size);
        let html = match is_html(response) {
            true => ": HTML was received: a proxy or login page answered instead of the registry",
            false => "",
        };
        self.named(Error::mismatch(format!("{host}: blob {digest} has {size} bytes, {length} were sent{html}")))
    }

    fn no_parts(&self) -> Error {
        let (host, digest) = (self.client.registry(), self.digest);
        self.named(Error::new(Kind::Unsupported, format!("{host}: gives no parts of blob {digest}")))
    }

    fn named(&self, error: Error) -> Error {
        error.with_host(self.client.registry().to_string()).with_digest(self.digest)
    }
}

/// What an answer to a request for the bytes from `from` on of a blob of `size` bytes is good for.
fn judge(response: &Response, from: u64, size: u64) -> Answer {
    let length = response.content_length();
    match response.status.as_u16() {
        200 => match length {
            // A page for people is never part of a blob; a body that is too short may be an answer cut by a proxy.
            Some(length) if length > size || (length != size && is_html(response)) => Answer::Other(length),
            Some(length) if length < size => Answer::Short(length),
            _ => Answer::Whole,
        },
        206 if from > 0 => match content_range(response, size).is_some_and(|range| range.first == from) {
            true => Answer::Here,
            false => Answer::NoRanges,
        },
        416 if from > 0 => Answer::NoRanges,
        _ => Answer::Refused,
    }
}

/// The same for a request for `part`: all of it, and nothing else.
fn judge_part(response: &Response, part: Range<u64>, size: u64) -> Answer {
    let is_it = |range: ContentRange| range.first == part.start && range.last + 1 == part.end;
    match response.status.as_u16() {
        206 if content_range(response, size).is_some_and(is_it) => Answer::Here,
        200 | 206 | 416 => Answer::NoRanges,
        _ => Answer::Refused,
    }
}

/// `Content-Range`, where it is the only one and goes with the length of the body and the `size` of the blob.
fn content_range(response: &Response, size: u64) -> Option<ContentRange> {
    let mut ranges = response.headers.get_all(header::CONTENT_RANGE).iter();
    let range = ranges.next()?.to_str().ok()?.parse::<ContentRange>().ok()?;
    let count = range.last - range.first + 1;
    let fits = range.complete == Some(size) && response.content_length().is_none_or(|length| length == count);
    (fits && ranges.next().is_none()).then_some(range)
}
