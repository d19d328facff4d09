//! Layer: a tar made in memory, the same bytes every time.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression as Level, GzBuilder};
use imgctl::oci::Compression;

/// Entries of a layer, in order. The result is a real tar that every tool unpacks.
pub struct Layer(tar::Builder<Vec<u8>>);

impl Layer {
    /// A layer without entries.
    pub fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    /// A layer of one file.
    pub fn of_file(path: &str, content: impl AsRef<[u8]>) -> Self {
        Self::new().file(path, content)
    }

    /// A layer of one file with `size` bytes that do not compress, the same for each `seed`.
    pub fn random(seed: u64, size: usize) -> Self {
        Self::of_file(&format!("random/{seed}"), random(seed, size))
    }

    /// Adds a file of mode 0644.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, content, 0o644)
    }

    /// Adds a file.
    pub fn file_with_mode(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let mut header = header(tar::EntryType::Regular, mode);
        header.set_size(content.as_ref().len() as u64);
        self.0.append_data(&mut header, path, content.as_ref()).unwrap();
        self
    }

    /// Adds a directory of mode 0755.
    pub fn directory(mut self, path: &str) -> Self {
        self.0.append_data(&mut header(tar::EntryType::Directory, 0o755), path, &[][..]).unwrap();
        self
    }

    /// Adds a symbolic link.
    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        self.0.append_link(&mut header(tar::EntryType::Symlink, 0o777), path, target).unwrap();
        self
    }

    /// Adds a hard link to an earlier entry.
    pub fn hard_link(mut self, path: &str, target: &str) -> Self {
        self.0.append_link(&mut header(tar::EntryType::Link, 0o644), path, target).unwrap();
        self
    }

    /// Adds the marker that hides `name` of lower layers in `directory`.
    pub fn whiteout(self, directory: &str, name: &str) -> Self {
        self.file(&format!("{directory}/.wh.{name}"), "")
    }

    /// The tar.
    pub fn into_tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(1_700_000_000);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// `size` bytes that do not compress, the same for each `seed`.
pub fn random(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// `content` compressed, the same bytes every time.
pub fn compress(content: &[u8], compression: Compression) -> Bytes {
    match compression {
        Compression::None => content.to_vec().into(),
        Compression::Gzip => {
            let mut encoder = GzBuilder::new().write(Vec::new(), Level::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap().into()
        }
        Compression::Zstd => zstd::encode_all(content, 1).unwrap().into(),
    }
}
