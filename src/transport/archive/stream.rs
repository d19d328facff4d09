//! Stream: an archive that goes into a pipe or device, through a thread that may block as long as the reader takes. Blobs
//! stand in line in the order in which they were begun; what comes before its turn is spooled.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::blob_name;
use super::spool::{Spool, Spooled};
use crate::content::tar::{member_header, padding};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest};
use crate::{Error, Result};

/// Parts that may wait for the reader of the pipe: a spooled blob and its end always may.
const AHEAD: usize = 2;

/// The writing end.
pub(super) struct Stream {
    name: String,
    /// Room for what comes before its turn.
    pub(super) spool: Option<Spool>,
    line: Mutex<Line>,
    front: watch::Receiver<Front>,
}

/// Who was begun.
struct Line {
    members: Option<mpsc::UnboundedSender<Member>>,
    turns: HashMap<Digest, Turn>,
    cut: Option<Digest>,
}

/// A place in the line.
#[derive(Clone)]
pub(super) struct Turn {
    number: usize,
    parts: mpsc::Sender<Part>,
}

/// What comes next of a member.
pub(super) enum Part {
    /// These bytes.
    Piece(Bytes),
    /// All that came before its turn.
    Spooled(Spooled),
    /// Nothing more.
    End,
}

/// What is written at its turn.
struct Member {
    header: Vec<u8>,
    parts: mpsc::Receiver<Part>,
    padding: usize,
}

/// How far the line is.
#[derive(Default)]
struct Front {
    /// Whose turn it is; the first one's number is 1.
    number: usize,
    end: Option<Result<(), Failure>>,
}

/// Why nothing more can be written.
pub(super) enum Failure {
    /// The reader is gone, or the device is full.
    Pipe(io::Error),
    /// What was spooled cannot be read.
    Temporary(PathBuf, io::Error),
}

impl Stream {
    /// Writes what is begun to `file`.
    pub(super) fn start(mut file: File, name: String, spool: Option<Spool>) -> Self {
        let (members, received) = mpsc::unbounded_channel();
        let (progress, front) = watch::channel(Front::default());
        // Not a task of the runtime: that would wait at its end for a reader that never comes.
        std::thread::spawn(move || {
            let written = write(&mut file, received, &progress);
            progress.send_modify(|front| front.end = Some(written));
        });
        let line = Line { members: Some(members), turns: HashMap::new(), cut: None };
        Self { name, spool, line: Mutex::new(line), front }
    }

    /// Errs where the reader is gone, and where a blob was begun and not ended: what would follow is lost on every reader.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(Err(failure)) = &self.front.borrow().end {
            return Err(self.failed(failure));
        }
        match self.line().cut {
            Some(digest) => Err(Error::new(Kind::Failed, format!("{}: the archive broke off in {digest}", self.name))
                .with_digest(digest)),
            None => Ok(()),
        }
    }

    /// The turn of a blob: its own, where it was begun before and nothing was sent of it, else one behind all others.
    pub(super) fn enter(&self, blob: &Descriptor) -> Result<Turn> {
        let mut line = self.line();
        if let Some(turn) = line.turns.get(&blob.digest) {
            return Ok(turn.clone());
        }
        let header = member_header(&blob_name(&blob.digest), blob.size);
        let turn = self.join(&line, (header, padding(blob.size)), line.turns.len() + 1)?;
        line.turns.insert(blob.digest, turn.clone());
        Ok(turn)
    }

    fn join(&self, line: &Line, (header, padding): (Vec<u8>, usize), number: usize) -> Result<Turn> {
        let (sender, parts) = mpsc::channel(AHEAD);
        let members = line.members.as_ref().ok_or_else(|| self.finished())?;
        // Where nobody takes it, the failure is told when something is to be sent.
        let _ = members.send(Member { header, parts, padding });
        Ok(Turn { number, parts: sender })
    }

    /// Whether it is this one's turn.
    pub(super) fn is_at(&self, turn: &Turn) -> Result<bool> {
        let front = self.front.borrow();
        match &front.end {
            Some(Err(failure)) => Err(self.failed(failure)),
            _ => Ok(front.number >= turn.number),
        }
    }

    /// Waits for a turn. It does not come where a blob before was dropped half way: whoever did that has to end all others.
    pub(super) async fn reach(&self, turn: &Turn) -> Result<()> {
        let mut front = self.front.clone();
        let reached = front.wait_for(|front| front.number >= turn.number || front.end.is_some()).await;
        match reached.map_err(|_| self.finished())?.end.as_ref() {
            Some(Err(failure)) => Err(self.failed(failure)),
            _ => Ok(()),
        }
    }

    pub(super) async fn send(&self, turn: &Turn, part: Part) -> Result<()> {
        match turn.parts.send(part).await {
            Ok(()) => Ok(()),
            Err(_) => self.ended().await.and_then(|()| Err(self.finished())),
        }
    }

    /// A pipe takes nothing back: the archive ends in this blob.
    pub(super) fn cut(&self, digest: Digest) {
        self.line().cut = Some(digest);
    }

    /// Sends the last bytes, and waits until all was written.
    pub(super) async fn finish(&self, tail: Vec<u8>) -> Result<()> {
        self.check()?;
        let turn = {
            let mut line = self.line();
            let turn = self.join(&line, (tail, 0), line.turns.len() + 1)?;
            line.members = None;
            turn
        };
        self.send(&turn, Part::End).await?;
        self.ended().await
    }

    async fn ended(&self) -> Result<()> {
        let mut front = self.front.clone();
        let ended = front.wait_for(|front| front.end.is_some()).await.map_err(|_| self.finished())?;
        match ended.end.as_ref() {
            Some(Err(failure)) => Err(self.failed(failure)),
            _ => Ok(()),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, failure: &Failure) -> Error {
        let again =
            |error: &io::Error| error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        match failure {
            Failure::Pipe(error) => Error::local(format!("write to {}", self.name), again(error)),
            Failure::Temporary(directory, error) => {
                Error::local(format!("read a temporary file in {}", directory.display()), again(error))
            }
        }
    }

    fn finished(&self) -> Error {
        Error::new(Kind::Failed, format!("{}: the archive is finished already", self.name))
    }
}

/// Writes one member after the other.
fn write(
    file: &mut File,
    mut members: mpsc::UnboundedReceiver<Member>,
    front: &watch::Sender<Front>,
) -> Result<(), Failure> {
    while let Some(mut member) = members.blocking_recv() {
        front.send_modify(|front| front.number += 1);
        let mut header = Some(member.header);
        loop {
            // Everybody is gone: the archive ends here.
            let Some(part) = member.parts.blocking_recv() else { return Ok(()) };
            // Not before: who has sent nothing may begin again.
            if let Some(header) = header.take() {
                file.write_all(&header).map_err(Failure::Pipe)?;
            }
            match part {
                Part::Piece(piece) => file.write_all(&piece).map_err(Failure::Pipe)?,
                Part::Spooled(spooled) => spooled.copy(file)?,
                Part::End => break,
            }
        }
        file.write_all(&vec![0; member.padding]).map_err(Failure::Pipe)?;
    }
    Ok(())
}
