//! Flight: one blob on its way from an upstream into the store, and those who read it behind the writer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use tokio::sync::watch;

use super::joint::{given_up, retold};
use crate::content::{BlobReader, Pieces, Verifier};
use crate::oci::Descriptor;
use crate::store::StagedBlob;
use crate::{Error, Result};

/// How much is read before it is handed on: little enough that a slow line keeps nobody waiting for nothing.
const STEP: usize = 64 * 1024;

/// Where a blob is.
#[derive(Clone)]
enum State {
    /// The upstream did not answer yet.
    Asked,
    /// The first `readable` bytes may be read. The last piece is among them when all of it was verified and is stored.
    Arriving { file: Arc<File>, size: u64, readable: u64 },
    /// It is in the store.
    Stored,
    /// It does not come.
    Failed(Arc<Error>),
}

/// A blob on its way, to read.
#[derive(Clone)]
pub(super) struct Flight(watch::Receiver<State>);

/// The one who brings it. Dropped before the end, it leaves everybody who waits with an error.
pub(super) struct Pilot(watch::Sender<State>);

impl Flight {
    /// A flight that did not start, and who leads it.
    pub(super) fn new() -> (Pilot, Self) {
        let (sender, receiver) = watch::channel(State::Asked);
        (Pilot(sender), Self(receiver))
    }

    /// The size of the blob, where the upstream answered already.
    pub(super) fn size(&self) -> Option<u64> {
        match *self.0.borrow() {
            State::Arriving { size, .. } => Some(size),
            State::Asked | State::Stored | State::Failed(_) => None,
        }
    }

    /// The bytes from offset `from` on, as they come. `None` where they are in the store.
    pub(super) async fn board(mut self, from: u64) -> Result<Option<BlobReader>> {
        let is_known = |state: &State| !matches!(state, State::Asked);
        let state = self.0.wait_for(is_known).await.map_err(|_| given_up())?.clone();
        match state {
            State::Asked | State::Stored => Ok(None),
            State::Failed(error) => Err(retold(&error)),
            State::Arriving { size, .. } => match size.checked_sub(from) {
                Some(left) => Ok(Some(BlobReader::new(left, Passenger { flight: self.0, offset: from }))),
                None => Err(Error::usage(format!("{from} is past the end of the blob"))),
            },
        }
    }
}

/// Reads behind the writer.
struct Passenger {
    flight: watch::Receiver<State>,
    offset: u64,
}

#[async_trait]
impl Pieces for Passenger {
    async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
        loop {
            let state = self.flight.borrow_and_update().clone();
            match state {
                State::Failed(error) => return Err(retold(&error)),
                State::Arriving { size, .. } if self.offset >= size => return Ok(0),
                State::Arriving { file, readable, .. } if self.offset < readable => {
                    return self.read(&file, readable, buffer);
                }
                State::Asked | State::Arriving { .. } | State::Stored => {}
            }
            self.flight.changed().await.map_err(|_| given_up())?;
        }
    }
}

impl Passenger {
    fn read(&mut self, file: &File, readable: u64, buffer: &mut BytesMut) -> Result<usize> {
        if buffer.capacity() == buffer.len() {
            buffer.reserve(STEP);
        }
        let (start, spare) = (buffer.len(), buffer.capacity() - buffer.len());
        let count = usize::try_from(readable - self.offset).map_or(spare, |left| left.min(spare));
        buffer.resize(start + count, 0);
        let read = file.read_exact_at(&mut buffer[start..], self.offset);
        read.map_err(|error| Error::local("read a blob that is being fetched", error))?;
        self.offset += count as u64;
        Ok(count)
    }
}

impl Pilot {
    /// It was in the store already.
    pub(super) fn is_stored(&self) {
        self.0.send_replace(State::Stored);
    }

    /// It does not come.
    pub(super) fn fail(&self, error: Error) {
        self.0.send_replace(State::Failed(Arc::new(error)));
    }

    /// Writes what `reader` brings to `staged`, and lets everybody read it but for the last piece. Returns the whole and
    /// verified blob: when it is stored, [`Pilot::land`] lets the rest through.
    pub(super) async fn fly(
        &self,
        descriptor: &Descriptor,
        mut reader: BlobReader,
        mut staged: StagedBlob,
    ) -> Result<StagedBlob> {
        let (file, size) = (Arc::new(staged.file()?), descriptor.size);
        let mut verifier = Verifier::new(descriptor);
        if size == 0 {
            verifier.finish()?;
        }
        let mut buffer = BytesMut::with_capacity(STEP);
        self.0.send_replace(State::Arriving { file: Arc::clone(&file), size, readable: 0 });
        while verifier.seen() < size {
            buffer.clear();
            if reader.read_into(&mut buffer).await? == 0 {
                break;
            }
            verifier.update(&buffer)?;
            staged.write(&buffer)?;
            if verifier.seen() < size {
                self.0.send_replace(State::Arriving { file: Arc::clone(&file), size, readable: verifier.seen() });
            }
        }
        verifier.finish()?;
        Ok(staged)
    }

    /// It is stored: all of it may be read.
    pub(super) fn land(&self) {
        self.0.send_modify(|state| {
            if let State::Arriving { size, readable, .. } = state {
                *readable = *size;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::*;
    use crate::error::Kind;
    use crate::oci::MediaType;
    use crate::store::Layout;

    /// A line that a test feeds.
    struct Line(mpsc::UnboundedReceiver<Result<Bytes>>);

    #[async_trait]
    impl Pieces for Line {
        async fn read_into(&mut self, buffer: &mut BytesMut) -> Result<usize> {
            let Some(piece) = self.0.recv().await else { return Ok(0) };
            let piece = piece?;
            buffer.extend_from_slice(&piece);
            Ok(piece.len())
        }
    }

    struct Started {
        line: mpsc::UnboundedSender<Result<Bytes>>,
        flight: Flight,
        task: tokio::task::JoinHandle<Result<()>>,
        layout: Layout,
        descriptor: Descriptor,
        _directory: tempfile::TempDir,
    }

    /// A flight of `content`, of which nothing came yet.
    fn start(content: &[u8]) -> Started {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create_or_open(directory.path()).unwrap();
        let descriptor = Descriptor::of(MediaType::OCI_LAYER, content);
        let staged = layout.blobs().begin(&descriptor).unwrap();
        let (line, receiver) = mpsc::unbounded_channel();
        let (pilot, flight) = Flight::new();
        let wanted = descriptor.clone();
        let task = tokio::spawn(async move {
            let reader = BlobReader::new(wanted.size, Line(receiver));
            match pilot.fly(&wanted, reader, staged).await.and_then(StagedBlob::commit) {
                Ok(()) => pilot.land(),
                Err(error) => {
                    pilot.fail(retold(&error));
                    return Err(error);
                }
            }
            Ok(())
        });
        Started { line, flight, task, layout, descriptor, _directory: directory }
    }

    impl Started {
        fn send(&self, piece: &'static [u8]) {
            self.line.send(Ok(Bytes::from_static(piece))).unwrap();
        }

        async fn read(reader: &mut BlobReader) -> Result<String> {
            let mut buffer = BytesMut::with_capacity(100);
            reader.read_into(&mut buffer).await?;
            Ok(String::from_utf8(buffer.to_vec()).unwrap())
        }
    }

    #[tokio::test]
    async fn bytes_are_read_while_they_arrive_from_any_offset() {
        let started = start(b"0123456789");
        let mut whole = started.flight.clone().board(0).await.unwrap().unwrap();
        let mut part = started.flight.clone().board(6).await.unwrap().unwrap();
        assert_eq!((whole.size(), part.size()), (10, 4));
        started.send(b"0123");
        assert_eq!(Started::read(&mut whole).await.unwrap(), "0123");
        started.send(b"4567");
        assert_eq!(Started::read(&mut whole).await.unwrap(), "4567");
        assert_eq!(Started::read(&mut part).await.unwrap(), "67");
        let late = started.flight.clone().board(1).await.unwrap().unwrap();
        started.send(b"89");
        assert_eq!(Started::read(&mut part).await.unwrap(), "89");
        assert_eq!(Started::read(&mut whole).await.unwrap(), "89");
        assert_eq!(Started::read(&mut whole).await.unwrap(), "");
        started.task.await.unwrap().unwrap();
        assert!(started.layout.blobs().has(&started.descriptor).unwrap());
        assert_eq!(late.read_to_end(100).await.unwrap(), "123456789");
        assert_eq!(started.flight.clone().board(11).await.err().unwrap().kind(), Kind::Usage);
        assert_eq!(started.flight.board(10).await.unwrap().unwrap().read_to_end(1).await.unwrap(), "");
    }

    #[tokio::test]
    async fn the_last_piece_of_wrong_bytes_never_comes_through() {
        let started = start(b"0123456789");
        let reader = started.flight.clone().board(0).await.unwrap().unwrap();
        started.send(b"01234");
        started.send(b"5678x");
        assert_eq!(reader.read_to_end(100).await.unwrap_err().kind(), Kind::Mismatch);
        assert_eq!(started.task.await.unwrap().unwrap_err().kind(), Kind::Mismatch);
        assert!(!started.layout.blobs().has(&started.descriptor).unwrap());
        assert_eq!(started.flight.board(0).await.err().unwrap().kind(), Kind::Mismatch);
    }

    #[tokio::test]
    async fn what_breaks_off_or_is_abandoned_cuts_who_reads() {
        let started = start(b"0123456789");
        let mut reader = started.flight.clone().board(0).await.unwrap().unwrap();
        started.send(b"01234");
        assert_eq!(Started::read(&mut reader).await.unwrap(), "01234");
        started.line.send(Err(Error::new(Kind::Network, "gone"))).unwrap();
        assert_eq!(Started::read(&mut reader).await.unwrap_err().kind(), Kind::Network);

        let started = start(b"0123456789");
        let mut reader = started.flight.clone().board(0).await.unwrap().unwrap();
        started.task.abort();
        assert_eq!(Started::read(&mut reader).await.unwrap_err().kind(), Kind::Interrupted);

        let (pilot, flight) = Flight::new();
        assert_eq!(flight.size(), None);
        pilot.is_stored();
        assert!(flight.board(0).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_empty_blob_arrives_too() {
        let started = start(b"");
        drop(started.line);
        let reader = started.flight.board(0).await.unwrap().unwrap();
        assert_eq!(reader.read_to_end(0).await.unwrap(), "");
        started.task.await.unwrap().unwrap();
    }
}
