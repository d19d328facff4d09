//! Followed: a value made of files, made anew when one of them changes. A new version that makes no sense is told and passed
//! over: what was read before stays good.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

/// Most bytes of one file.
const LIMIT: u64 = 4 << 20;

/// The files and what was made of them last.
pub(super) struct Followed<T> {
    paths: Vec<PathBuf>,
    /// Makes the value of the files' contents, in the order of the paths.
    make: fn(&[Vec<u8>]) -> Result<T>,
    latest: Mutex<Version<T>>,
}

struct Version<T> {
    seen: Vec<Option<Stamp>>,
    value: Arc<T>,
}

/// What tells one version of a file from another: device, inode, size, times.
type Stamp = [i64; 7];

impl<T> Followed<T> {
    /// Reads `paths`. This first version has to make sense.
    pub(super) fn open(paths: &[&Path], make: fn(&[Vec<u8>]) -> Result<T>) -> Result<Self> {
        let paths: Vec<PathBuf> = paths.iter().map(|&path| path.to_owned()).collect();
        let seen = stamps(&paths);
        let value = Arc::new(read(&paths, make)?);
        Ok(Self { paths, make, latest: Mutex::new(Version { seen, value }) })
    }

    /// The value of the latest version that makes sense.
    pub(super) fn current(&self) -> Arc<T> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = stamps(&self.paths);
        if seen != latest.seen {
            latest.seen = seen;
            match read(&self.paths, self.make) {
                Ok(value) => latest.value = Arc::new(value),
                Err(error) => tracing::warn!("{error}; what was read before stays in use"),
            }
        }
        Arc::clone(&latest.value)
    }
}

fn read<T>(paths: &[PathBuf], make: fn(&[Vec<u8>]) -> Result<T>) -> Result<T> {
    let contents: Result<Vec<_>> = paths.iter().map(|path| content(path)).collect();
    make(&contents?).map_err(|error| {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let named = Error::new(error.kind(), format!("{}: {error}", names.join(", ")));
        match error.hint() {
            Some(hint) => named.with_hint(hint),
            None => named,
        }
    })
}

/// Links are followed: certificates are renewed by moving links.
fn content(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::local(format!("cannot read {}", path.display()), error);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LIMIT).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 == LIMIT {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    paths.iter().map(|path| fs::metadata(path).ok().map(|file| stamp(&file))).collect()
}

fn stamp(file: &fs::Metadata) -> Stamp {
    let [device, inode, size] = [file.dev(), file.ino(), file.size()].map(u64::cast_signed);
    [device, inode, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "another program writes the files that we follow")]
mod tests {
    use super::*;

    fn number(contents: &[Vec<u8>]) -> Result<u32> {
        let text = String::from_utf8_lossy(&contents[0]);
        text.parse().map_err(|_| Error::usage("no number"))
    }

    #[test]
    fn follows_changes_and_passes_over_what_makes_no_sense() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(Followed::open(&[&path], number).is_err_and(|error| error.to_string().contains("cannot read")));
        fs::write(&path, "x").unwrap();
        let error = Followed::open(&[&path], number).err().unwrap().to_string();
        assert!(error.ends_with("file: no number"), "{error}");

        fs::write(&path, "1").unwrap();
        let followed = Followed::open(&[&path], number).unwrap();
        assert_eq!(*followed.current(), 1);
        for (text, value) in [("20", 20), ("none", 20), ("300", 300)] {
            fs::write(&path, text).unwrap();
            assert_eq!(*followed.current(), value);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(*followed.current(), 300);
        fs::write(&path, "4").unwrap();
        assert_eq!(*followed.current(), 4);
    }
}
