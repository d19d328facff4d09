//! Memory: what layers were compressed to by earlier runs, so that nothing is read or compressed for a place that has it.
//!
//! What is written is verified whatever is remembered here; but of a blob that a destination has, a record is the only one to
//! say what it unpacks to. So records count only where their owner wrote them and nobody else could, and not for ever.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::layers::Layer;
use crate::content::{Access, AtomicFile, Encoding, read_regular};
use crate::oci::Digest;
use crate::{Error, Result};

/// How long a record counts.
const LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// So many records are kept; the oldest go.
const MOST: usize = 4096;
/// No record is larger.
const LIMIT: u64 = 4096;
/// Other versions may compress to other bytes.
const ENCODER: &str = env!("CARGO_PKG_VERSION");

/// A directory with a file for each layer and encoding.
pub(super) struct Memory {
    directory: PathBuf,
    encoding: Encoding,
    sweep: Once,
}

/// What a layer was compressed to, and what it unpacks to.
#[derive(Serialize, Deserialize)]
struct Record {
    digest: Digest,
    size: u64,
    diff_id: Digest,
}

impl Memory {
    pub(super) fn new(directory: PathBuf, encoding: Encoding) -> Self {
        Self { directory, encoding, sweep: Once::new() }
    }

    /// Digest and size of what `layer` was compressed to.
    pub(super) fn recall(&self, layer: &Layer) -> Option<(Digest, u64)> {
        let path = self.path(&layer.descriptor.digest);
        let found = fs::symlink_metadata(&path).ok()?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
        let bytes = (is_ours && is_young(&found)).then(|| read_regular(&path, LIMIT).ok()).flatten()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.diff_id == layer.diff_id).then_some((record.digest, record.size))
    }

    /// Remembers what `layer`, which was seen to unpack to its diff id, was compressed to. Where that cannot be written, the next
    /// run compresses it again.
    pub(super) fn note(&self, layer: &Layer, (digest, size): (Digest, u64)) {
        let record = Record { digest, size, diff_id: layer.diff_id };
        if let Err(error) = self.write(&self.path(&layer.descriptor.digest), &record) {
            tracing::debug!("cannot remember what a layer was compressed to: {error}");
        }
        self.sweep.call_once(|| sweep(&self.directory));
    }

    /// It is compressed to something else now.
    pub(super) fn forget(&self, layer: &Layer) {
        let _ = fs::remove_file(self.path(&layer.descriptor.digest));
    }

    fn path(&self, layer: &Digest) -> PathBuf {
        let key = Digest::of(format!("{layer} {} {ENCODER}", self.encoding).as_bytes());
        self.directory.join(format!("{}.json", key.hex()))
    }

    fn write(&self, path: &Path, record: &Record) -> Result<()> {
        let failed = |error: io::Error| Error::local("remember a layer", error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(failed)?;
        let mut file = AtomicFile::create(path, Access::Private)?;
        let bytes = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
        file.write_all(&bytes).map_err(failed)?;
        file.persist()
    }
}

fn is_young(found: &fs::Metadata) -> bool {
    let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    SystemTime::now().duration_since(changed).is_ok_and(|age| age < LIFE)
}

/// Removes what does not count any more, and the oldest of too many. It only frees space: what goes wrong is nobody's concern.
fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| Some((entry.metadata().ok()?, entry.path()))).collect();
    found.sort_by_key(|(found, _)| std::cmp::Reverse(found.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
    for (at, (found, path)) in found.iter().enumerate() {
        if at >= MOST || !is_young(found) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::oci::{Descriptor, MediaType};
    use crate::transport::Memory as Place;

    const BECAME: (&[u8], u64) = (b"zstd", 4);

    fn memory(directory: &Path, encoding: &str) -> Memory {
        Memory::new(directory.join("layers"), encoding.parse().unwrap())
    }

    fn layer(content: &[u8], unpacked: &[u8]) -> Layer {
        let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, content);
        Layer::new(descriptor, Digest::of(unpacked), Arc::new(Place::new()))
    }

    fn became() -> (Digest, u64) {
        (Digest::of(BECAME.0), BECAME.1)
    }

    #[test]
    fn a_layer_is_remembered_for_its_diff_id_and_encoding_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (memory, one) = (memory(directory.path(), "zstd:9"), layer(b"one", b"content"));
        assert_eq!(memory.recall(&one), None);
        memory.note(&one, became());
        assert_eq!(memory.recall(&one), Some(became()));
        assert_eq!(memory.recall(&layer(b"two", b"content")), None);
        assert_eq!(memory.recall(&layer(b"one", b"other")), None);
        assert_eq!(super::tests::memory(directory.path(), "zstd:8").recall(&one), None);
        memory.forget(&one);
        assert_eq!(memory.recall(&one), None);
    }

    #[test]
    fn what_is_damaged_old_or_was_open_to_others_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let (memory, one) = (memory(directory.path(), "zstd"), layer(b"one", b"content"));
        let path = memory.path(&one.descriptor.digest);
        memory.note(&one, became());
        let file = File::options().write(true).open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        file.set_permissions(Permissions::from_mode(0o620)).unwrap();
        assert_eq!(memory.recall(&one), None);
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
        assert_eq!(memory.recall(&one), Some(became()));
        file.set_modified(SystemTime::now() - LIFE).unwrap();
        assert_eq!(memory.recall(&one), None);
        memory.note(&one, became());
        File::options().write(true).open(&path).unwrap().set_len(20).unwrap();
        assert_eq!(memory.recall(&one), None);
    }

    #[test]
    fn what_is_too_old_or_too_much_goes() {
        let directory = tempfile::tempdir().unwrap();
        let memory = memory(directory.path(), "zstd");
        memory.note(&layer(b"old", b""), became());
        let old = memory.path(&Digest::of(b"old"));
        File::options().write(true).open(&old).unwrap().set_modified(SystemTime::now() - LIFE).unwrap();
        for number in 0..MOST {
            File::create_new(memory.directory.join(number.to_string())).unwrap();
        }
        sweep(&memory.directory);
        assert!(!old.exists());
        File::create_new(memory.directory.join("one more")).unwrap();
        sweep(&memory.directory);
        assert_eq!(fs::read_dir(&memory.directory).unwrap().count(), MOST);
    }
}
