//! gzip on several threads: blocks of one size, each begun with the end of the one before as its dictionary, joined into one
//! member ([pigz](https://zlib.net/pigz/) does it so). The header says nothing of time, name or system.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// What is compressed at a time. Part of the format of our results: another size gives other bytes.
const BLOCK: usize = 256 * 1024;
/// How far back deflate looks.
const WINDOW: usize = 32 * 1024;
/// Magic, deflate, no flags, no time, no hint, unknown system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written.
pub(super) struct Encoder<W> {
    output: W,
    crc: Crc,
    /// The window before the block, then as much of the block as was written.
    open: Vec<u8>,
    window: usize,
    blocks: Sender<Block>,
    /// Blocks that are being compressed, in order.
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    most_pending: usize,
}

struct Block {
    bytes: Vec<u8>,
    /// How many of the bytes are the window before the block.
    window: usize,
    is_last: bool,
    done: SyncSender<io::Result<Vec<u8>>>,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(mut output: W, level: u8, threads: u32) -> io::Result<Self> {
        output.write_all(&HEADER)?;
        let (blocks, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            // It ends with the encoder, which drops the sender.
            thread::Builder::new().name("gzip".to_owned()).spawn(move || compress_all(&queue, level))?;
        }
        Ok(Self {
            output,
            crc: Crc::new(),
            open: Vec::with_capacity(WINDOW + BLOCK),
            window: 0,
            blocks,
            pending: VecDeque::new(),
            most_pending: threads.max(1) as usize + 1,
        })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.close(true)?;
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        self.output.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.output)
    }

    /// Hands the open block out and begins the next.
    fn close(&mut self, is_last: bool) -> io::Result<()> {
        while self.pending.len() >= self.most_pending {
            self.write_oldest()?;
        }
        let window = self.open.len().min(WINDOW);
        let mut next = Vec::with_capacity(WINDOW + BLOCK);
        next.extend_from_slice(&self.open[self.open.len() - window..]);
        let bytes = std::mem::replace(&mut self.open, next);
        let (done, result) = sync_channel(1);
        let block = Block { bytes, window: std::mem::replace(&mut self.window, window), is_last, done };
        self.blocks.send(block).map_err(|_| broken())?;
        self.pending.push_back(result);
        Ok(())
    }

    fn write_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = self.pending.pop_front() else { return Ok(()) };
        self.output.write_all(&oldest.recv().map_err(|_| broken())??)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only the end tells which block is the last, so a full one waits for a byte more.
        if self.open.len() - self.window == BLOCK && !bytes.is_empty() {
            self.close(false)?;
        }
        let count = bytes.len().min(BLOCK - (self.open.len() - self.window));
        self.crc.update(&bytes[..count]);
        self.open.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("a thread that compresses has ended")
}

/// What a thread does: block after block, until there will be no more.
fn compress_all(queue: &Mutex<Receiver<Block>>, level: u8) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = next else { return };
        // The encoder may have been dropped meanwhile.
        let _ = block.done.send(compress(level, &block));
    }
}

/// Blocks end at a byte's bound, so that they can be joined; the last one ends the stream.
fn compress(level: u8, block: &Block) -> io::Result<Vec<u8>> {
    let (window, bytes) = block.bytes.split_at(block.window);
    // One that was reset remembers enough of other blocks to choose other matches: the bytes would depend on the threads.
    let mut deflate = Compress::new(Compression::new(level.into()), false);
    if !window.is_empty() {
        deflate.set_dictionary(window)?;
    }
    let flush = if block.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut output = Vec::with_capacity(bytes.len() / 2 + 1024);
    loop {
        let taken = deflate.total_in() as usize;
        let status = deflate.compress_vec(&bytes[taken..], &mut output, flush)?;
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            // Room that is left says that nothing is held back.
            _ => output.len() < output.capacity(),
        };
        if is_done {
            return Ok(output);
        }
        output.reserve(output.capacity() / 2);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn compressed(content: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), 6, 3).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn is_one_member_without_time_name_or_system() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let mut content = vec![0; size];
            fastrand::Rng::with_seed(1).fill(&mut content);
            let bytes = compressed(&content);
            assert_eq!(bytes[..10], HEADER);
            let mut decoder = flate2::bufread::GzDecoder::new(&bytes[..]);
            let mut decoded = Vec::new();
            decoder.read_to_end(&mut decoded).unwrap();
            assert!(decoded == content, "{size}");
            assert!(decoder.into_inner().is_empty(), "{size}: one member is all");
        }
    }

    #[test]
    fn blocks_look_back_into_the_one_before() {
        let mut content = vec![0; BLOCK];
        fastrand::Rng::with_seed(1).fill(&mut content);
        let alone = compressed(&content).len();
        content.extend_from_within(BLOCK - WINDOW / 2..);
        assert!(compressed(&content).len() < alone + 1000);
    }

    #[test]
    fn the_bytes_change_with_nothing_but_the_library_below() {
        let content: Vec<u8> = (0..600_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let digest = crate::oci::Digest::of(&compressed(&content)).short();
        // Another digest is news for everybody who compresses again what they have: say so in the changelog.
        assert_eq!(digest, "17b6627dcda2");
    }
}
