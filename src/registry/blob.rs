//! Blobs: asked for, deleted, and read by a reader that goes on where the line broke.

use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, header};
use url::Url;

use super::Client;
use super::request::{Call, drain, is_html};
use crate::content::{BlobReader, PIECE, Pieces};
use crate::error::Kind;
use crate::name::Repository;
use crate::net::{Backoff, Origin, Redacted, Response, TooSlow};
use crate::oci::{Descriptor, Digest};
use crate::protocol::{Action, ContentRange, Endpoint, Scope};
use crate::{Error, Result};

impl Client {
    /// Whether a blob is there, as far as the registry says: a hint.
    pub async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool> {
        let mut call = self.blob_call(Method::HEAD, repository, digest);
        let mut response = self.send(&call).await?;
        if matches!(response.status.as_u16(), 405 | 501) {
            call = self.blob_call(Method::GET, repository, digest).header(header::RANGE, "bytes=0-0");
            response = self.send(&call).await?;
        }
        Ok(matches!(response.status.as_u16(), 200 | 206) && !is_html(&response))
    }

    /// The size of a blob, without reading it.
    pub async fn blob_size(&self, repository: &Repository, digest: &Digest) -> Result<u64> {
        let head = self.send(&self.blob_call(Method::HEAD, repository, digest)).await?;
        let is_empty = *digest == Digest::with(digest.algorithm(), b"");
        let said = head.content_length().filter(|&size| size > 0 || is_empty);
        match said.filter(|_| head.status == StatusCode::OK && !is_html(&head)) {
            Some(size) => Ok(size),
            None => self.blob_size_by_part(repository, digest).await,
        }
    }

    /// The same where HEAD is not answered well: the answer to a GET says the size too, or why there is none.
    async fn blob_size_by_part(&self, repository: &Repository, digest: &Digest) -> Result<u64> {
        let call = self.blob_call(Method::GET, repository, digest).header(header::RANGE, "bytes=0-0");
        let response = self.accept(&call, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await?;
        let range = response.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let size = match response.status {
            StatusCode::PARTIAL_CONTENT => range.and_then(|range| range.parse::<ContentRange>().ok()?.complete),
            _ => response.content_length().filter(|_| !is_html(&response)),
        };
        let host = self.registry().to_string();
        let unknown = || Error::mismatch(format!("{host}: does not say how large blob {digest} is"));
        size.ok_or_else(|| unknown().with_host(host.clone()).with_digest(*digest))
    }

    /// Reads a blob from offset `from` on. The bytes are not verified: whoever reads them does that.
    pub async fn blob(&self, repository: &Repository, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.download(self.blob_call(Method::GET, repository, &descriptor.digest), descriptor, from).await
    }

    /// Reads `part` of a blob alone. Errs with [`Kind::Unsupported`] where the registry answers with something else than that
    /// part.
    pub async fn blob_part(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        part: Range<u64>,
    ) -> Result<BlobReader> {
        let call = self.blob_call(Method::GET, repository, &descriptor.digest);
        let download = Download { end: part.end, is_part: true, ..self.to_download(call, descriptor, part.start) };
        download.start().await
    }

    /// Reads a layer that may not be distributed from where its descriptor says. No secret goes there.
    pub async fn foreign_blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let digest = descriptor.digest;
        let mut last = Error::not_found(format!("blob {digest}: its descriptor has no URL")).with_digest(digest);
        for text in &descriptor.urls {
            let opened = match self.foreign_url(text) {
                Ok(url) => {
                    let what = format!("read blob {digest} from {}", Redacted(&url));
                    self.download(Call::new(Method::GET, url, what), descriptor, from).await
                }
                Err(error) => Err(error.with_digest(digest)),
            };
            match opened {
                Ok(reader) => return Ok(reader),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A URL that a manifest may send us to: http only where the registry itself speaks it.
    fn foreign_url(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(|error| Error::mismatch("a layer's URL is none").with_source(error))?;
        if self.origin().is_https() && !Origin::of(&url)?.is_https() {
            return Err(Error::new(Kind::Unsafe, format!("a layer of an https registry is at {}", Redacted(&url))));
        }
        Ok(url)
    }

    async fn download(&self, call: Call, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.to_download(call, descriptor, from).start().await
    }

    fn to_download(&self, call: Call, descriptor: &Descriptor, from: u64) -> Download {
        let (digest, size) = (descriptor.digest, descriptor.size);
        Download {
            client: self.clone(),
            call,
            digest,
            size,
            end: size,
            is_part: false,
            offset: from,
            skip: 0,
            body: None,
            backoff: self.backoff(),
            opened_at: from,
            use_ranges: true,
            short: None,
        }
    }

    /// Deletes a blob.
    pub async fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<()> {
        let mut call = self.blob_call(Method::DELETE, repository, digest);
        call.scopes = vec![Scope::repository(repository, &[Action::Delete])];
        let deleted = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::NO_CONTENT];
        drain(self.accept(&call, &deleted).await?).await;
        Ok(())
    }

    fn blob_call(&self, method: Method, repository: &Repository, digest: &Digest) -> Call {
        let verb = if method == Method::DELETE { "delete" } else { "read" };
        let what = format!("{verb} blob {}@{digest}", repository.path());
        self.call(method, &Endpoint::Blob(repository.path().to_owned(), *digest), what)
            .scope(Scope::repository(repository, &[Action::Pull]))
    }
}

/// A blob on its way. Every answer is checked before one of its bytes counts; none is appended in the wrong place.
struct Download {
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
    async fn start(mut self) -> Result<BlobReader> {
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
