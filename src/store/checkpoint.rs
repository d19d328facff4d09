//! Checkpoints: how far a blob was written, and what that much of it hashes to. They are lines of a file that is only
//! appended to, so a crash tears the last at most. Data is written before its checkpoint; neither is flushed, because what
//! is kept is hashed again before anybody counts on it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::partial::open_own;
use crate::content::{PIECE, Verifier, read_regular};
use crate::oci::{Descriptor, Digest};

/// How many bytes a log may have: some of them for every 8 MiB.
const LOG_LIMIT: u64 = 64 * 1024 * 1024;

/// The first bytes of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Which blob.
    pub(crate) digest: Digest,
    /// How many bytes the blob has.
    pub(crate) size: u64,
    /// Where in the file it starts.
    #[serde(default)]
    pub(crate) at: u64,
    /// How many of its bytes were written.
    pub(crate) offset: u64,
    /// What these hash to.
    pub(crate) prefix: Digest,
}

impl Checkpoint {
    /// What `seen` has seen of a blob that starts at `at`; `None` where it does not hash.
    pub(crate) fn of(descriptor: &Descriptor, at: u64, seen: &Verifier) -> Option<Self> {
        let prefix = seen.hasher()?.clone().finish();
        Some(Self { offset: seen.seen(), ..Self::whole(descriptor, at) }.with_prefix(prefix))
    }

    /// All of a blob.
    pub(crate) fn whole(descriptor: &Descriptor, at: u64) -> Self {
        let Descriptor { digest, size, .. } = *descriptor;
        Self { digest, size, at, offset: size, prefix: digest }
    }

    /// Nothing of a blob yet.
    pub(crate) fn nothing(descriptor: &Descriptor, at: u64) -> Self {
        Self { offset: 0, ..Self::whole(descriptor, at) }.with_prefix(Digest::with(descriptor.digest.algorithm(), b""))
    }

    fn with_prefix(self, prefix: Digest) -> Self {
        Self { prefix, ..self }
    }

    /// Reads the bytes again; blocks. What has seen them, unless they are not what they were.
    pub(crate) fn verify(&self, file: &File, content: u64, descriptor: &Descriptor) -> Option<Verifier> {
        if (self.digest, self.size) != (descriptor.digest, descriptor.size) || self.offset > self.size {
            return None;
        }
        let mut seen = Verifier::new(descriptor);
        let mut piece = vec![0; PIECE];
        while seen.seen() < self.offset {
            let wanted = (self.offset - seen.seen()).min(PIECE as u64) as usize;
            file.read_exact_at(&mut piece[..wanted], content + seen.seen()).ok()?;
            seen.update(&piece[..wanted]).ok()?;
        }
        let is_right = match seen.hasher() {
            Some(hasher) => hasher.clone().finish() == self.prefix,
            None => true,
        };
        is_right.then_some(seen)
    }
}

/// A file of checkpoints.
#[derive(Debug)]
pub(crate) struct CheckpointLog(File);

impl CheckpointLog {
    /// The log in `path`, which is made where it is not there. Errs where it is another user's, or no file.
    pub(crate) fn open(path: &Path, mode: u32) -> io::Result<Self> {
        open_own(path, mode).map(Self)
    }

    /// The last line of the log in `path` that a file of `length` bytes can bear. For who only looks.
    pub(super) fn last(path: &Path, length: u64) -> Option<Checkpoint> {
        let text = read_regular(path, LOG_LIMIT).ok()?;
        let lines = text.split(|&byte| byte == b'\n').rev();
        let mut checkpoints = lines.filter_map(|line| serde_json::from_slice::<Checkpoint>(line).ok());
        checkpoints.find(|checkpoint| checkpoint.offset <= length)
    }

    /// What it says, oldest first. What a crash has torn is left out, and removed.
    pub(crate) fn read(&mut self) -> io::Result<Vec<Checkpoint>> {
        self.0.rewind()?;
        let mut text = Vec::new();
        (&mut self.0).take(LOG_LIMIT).read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.0.set_len(whole as u64)?;
        self.0.seek(SeekFrom::End(0))?;
        let lines = text[..whole].split(|&byte| byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Writes a checkpoint down, behind those that are there.
    pub(crate) fn append(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut line = serde_json::to_vec(checkpoint)?;
        line.push(b'\n');
        let end = self.0.stream_position()?;
        // Half a line would spoil the next one.
        self.0
            .write_all(&line)
            .inspect_err(|_| _ = self.0.set_len(end).and_then(|()| self.0.seek(SeekFrom::Start(end))))
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MediaType;

    #[test]
    fn what_a_crash_tore_is_left_out_and_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let blob = Descriptor::of(MediaType::OCI_LAYER, b"abcdef");
        let (nothing, whole) = (Checkpoint::nothing(&blob, 7), Checkpoint::whole(&blob, 7));
        let mut log = CheckpointLog::open(&path, 0o600).unwrap();
        log.append(&nothing).unwrap();
        log.0.write_all(b"{\"digest\":\"sha2").unwrap();
        let mut log = CheckpointLog::open(&path, 0o600).unwrap();
        assert_eq!(log.read().unwrap(), std::slice::from_ref(&nothing));
        log.append(&whole).unwrap();
        assert_eq!(CheckpointLog::open(&path, 0o600).unwrap().read().unwrap(), [nothing, whole]);
    }

    #[test]
    fn n35_what_is_kept_counts_when_it_is_what_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = open_own(&directory.path().join("data"), 0o600).unwrap();
        file.write_all(b"..abcd").unwrap();
        let blob = Descriptor::of(MediaType::OCI_LAYER, b"abcdef");
        let mut seen = Verifier::new(&blob);
        seen.update(b"abcd").unwrap();
        let checkpoint = Checkpoint::of(&blob, 0, &seen).unwrap();
        assert_eq!(checkpoint.verify(&file, 2, &blob).unwrap().seen(), 4);
        assert!(checkpoint.verify(&file, 1, &blob).is_none());
        assert!(checkpoint.verify(&file, 3, &blob).is_none());
        assert!(Checkpoint { offset: 7, ..checkpoint.clone() }.verify(&file, 2, &blob).is_none());
        file.write_all_at(b"x", 3).unwrap();
        assert!(checkpoint.verify(&file, 2, &blob).is_none());
    }
}
