//! Output: a tar file in the making. In a file, every blob has its place as soon as its size is known, so several are
//! written at once; into a pipe they go one after the other, and what comes early is spooled. Either way the order is that
//! of [`Output::begin`].

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::draft::Draft;
use super::in_order::InOrder;
use super::place::Place;
use super::spool::{LIMIT, Spool};
use super::stream::Stream;
use super::{ArchiveOptions, blob_name};
use crate::content::blocking;
use crate::content::tar::{END, member_header, padding};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest};
use crate::transport::{ArchiveFile, Begin};
use crate::{Error, Result};

/// Where an archive is written to.
pub(super) struct Output {
    target: Target,
    ledger: Arc<Ledger>,
}

enum Target {
    /// A regular file: blobs are written in place.
    File(Arc<Draft>),
    /// A pipe or device: blobs stand in line.
    Stream(Arc<Stream>),
}

/// Which blobs were begun, and where those in a file are.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Table>);

#[derive(Default)]
struct Table {
    blobs: HashMap<Digest, Slot>,
    end: u64,
}

struct Slot {
    at: u64,
    size: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Somebody writes it.
    Open,
    /// Its writer was dropped: whoever begins the same blob again gets its place.
    Abandoned,
    /// It is there.
    Done,
}

impl Output {
    /// Opens the output. A file is staged beside its name, readable by its owner alone.
    pub(super) async fn create(file: &ArchiveFile, options: &ArchiveOptions) -> Result<Self> {
        let (file, options) = (file.clone(), options.clone());
        blocking(move || match file {
            ArchiveFile::Stdio => {
                let stdout = io::stdout().as_fd().try_clone_to_owned();
                let stdout = stdout.map_err(|error| Error::local("open standard output", error))?;
                Ok(Self::stream(stdout.into(), "standard output", &options))
            }
            ArchiveFile::Path(path) => match Draft::open(&path, &options)? {
                Ok(draft) => Ok(Self { target: Target::File(Arc::new(draft)), ledger: Arc::default() }),
                Err(stream) => Ok(Self::stream(stream, &path.display().to_string(), &options)),
            },
        })
        .await
    }

    /// An output into a pipe or device called `name`.
    pub(super) fn stream(file: File, name: &str, options: &ArchiveOptions) -> Self {
        let spool = options.temporary.as_ref().map(|directory| Spool::new(directory, LIMIT));
        let stream = Stream::start(file, name.to_owned(), spool);
        Self { target: Target::Stream(Arc::new(stream)), ledger: Arc::default() }
    }

    /// Whether the blob was written.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.ledger.is_done(digest)
    }

    /// Starts a blob, which gets the next place.
    pub(super) async fn begin(&self, descriptor: &Descriptor) -> Result<Begin> {
        match &self.target {
            Target::File(draft) => {
                let header = member_header(&blob_name(&descriptor.digest), descriptor.size);
                let Some((at, is_new)) = self.ledger.open(descriptor, header.len() as u64)? else {
                    return Ok(Begin::Present);
                };
                let (draft, ledger) = (draft.clone(), self.ledger.clone());
                let place = Place { draft, ledger, descriptor: descriptor.clone(), header, at };
                blocking(move || place.begin(is_new)).await
            }
            Target::Stream(stream) => {
                stream.check()?;
                if self.ledger.open(descriptor, 0)?.is_none() {
                    return Ok(Begin::Present);
                }
                let turn = stream.enter(descriptor)?;
                let (stream, ledger) = (stream.clone(), self.ledger.clone());
                Ok(Begin::Write(Box::new(InOrder::new((stream, turn), ledger, descriptor.clone()))))
            }
        }
    }

    /// Writes the last members and the end, and lets the file appear.
    pub(super) async fn finish(&self, members: Vec<(String, Bytes)>) -> Result<()> {
        let tail = tail(&members);
        let end = self.ledger.end()?;
        match &self.target {
            Target::File(draft) => {
                let draft = draft.clone();
                blocking(move || {
                    draft.file().write_all_at(&tail, end).map_err(cannot_write)?;
                    draft.persist(end + tail.len() as u64)
                })
                .await
            }
            Target::Stream(stream) => stream.finish(tail).await,
        }
    }
}

fn tail(members: &[(String, Bytes)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend_from_slice(&member_header(name, content.len() as u64));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len() + padding(content.len() as u64), 0);
    }
    bytes.extend_from_slice(&END);
    bytes
}

pub(super) fn cannot_write(error: io::Error) -> Error {
    Error::local("write the archive", error)
}

impl Ledger {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_done(&self, digest: &Digest) -> bool {
        self.table().blobs.get(digest).is_some_and(|slot| slot.state == State::Done)
    }

    /// The place of a blob that is to be written, and whether that is new; `None` where it is there already.
    fn open(&self, descriptor: &Descriptor, header: u64) -> Result<Option<(u64, bool)>> {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let fail = |why: &str| Err(Error::new(Kind::Failed, format!("{digest}: {why}")).with_digest(digest));
        let mut table = self.table();
        let at = table.end;
        match table.blobs.get_mut(&digest) {
            Some(slot) if slot.size != size => fail("is called for in two sizes"),
            Some(Slot { state: State::Done, .. }) => Ok(None),
            Some(Slot { state: State::Open, .. }) => fail("is being written already"),
            Some(slot) => {
                slot.state = State::Open;
                Ok(Some((slot.at, false)))
            }
            None => {
                let end =
                    size.checked_add(header + padding(size.min(1 << 62)) as u64).and_then(|more| at.checked_add(more));
                let Some(end) = end.filter(|&end| end < 1 << 62) else { return fail("is too large for an archive") };
                table.blobs.insert(digest, Slot { at, size, state: State::Open });
                table.end = end;
                Ok(Some((at, true)))
            }
        }
    }

    /// Notes what became of an open blob.
    pub(super) fn close(&self, digest: &Digest, state: State) {
        if let Some(slot) = self.table().blobs.get_mut(digest) {
            slot.state = state;
        }
    }

    /// Where the blobs end. Errs where one was begun and not committed: its place would be a hole.
    fn end(&self) -> Result<u64> {
        let table = self.table();
        match table.blobs.iter().find(|(_, slot)| slot.state != State::Done) {
            Some((&digest, _)) => {
                Err(Error::new(Kind::Failed, format!("the archive lacks {digest}: it was begun and not ended"))
                    .with_digest(digest))
            }
            None => Ok(table.end),
        }
    }
}

/// `end`, unless a blob would become longer than its header says.
pub(super) fn check_end(digest: &Digest, end: u64, size: u64) -> Result<u64> {
    if end > size {
        return Err(Error::mismatch(format!("{digest}: is longer than {size} bytes")).with_digest(*digest));
    }
    Ok(end)
}

pub(super) fn check_whole(digest: &Digest, written: u64, size: u64) -> Result<()> {
    if written < size {
        return Err(Error::mismatch(format!("{digest}: ended after {written} of {size} bytes")).with_digest(*digest));
    }
    Ok(())
}
