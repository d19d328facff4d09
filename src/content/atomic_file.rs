//! AtomicFile: a file that appears under its name when it is whole. The only way this library creates files.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::error::Kind;
use crate::{Error, Result};

/// Who may read a file, from its first byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only its owner (0600).
    Private,
    /// Whom the umask lets (0666).
    Public,
}

/// A file on its way: written under a temporary name, renamed when it is whole, removed when dropped before that.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    staged: Staged,
}

#[derive(Debug)]
enum Staged {
    Temporary(NamedTempFile),
    Direct(File),
}

/// What a path stands for that a result is to be written to.
enum Output {
    File(PathBuf),
    Stream,
}

impl AtomicFile {
    /// A file that will stand at `target`, staged beside it.
    ///
    /// A symbolic link to a regular file stays: the file it leads to is replaced. A directory and a link that leads nowhere
    /// are refused, and so is a link of somebody else in a world-writable directory. FIFOs and devices (`/dev/stdout`)
    /// cannot be renamed over: they are written as the bytes come.
    pub fn create(target: &Path, access: Access) -> Result<Self> {
        match Output::of(target)? {
            Output::File(path) => Self::staged(parent(&path), &path, access),
            Output::Stream => {
                let file =
                    OpenOptions::new().append(true).open(target).map_err(|error| failed("open", target, error))?;
                Ok(Self { target: target.to_owned(), staged: Staged::Direct(file) })
            }
        }
    }

    /// A file that will stand at `target`, staged in `directory`, which must be on the same file system.
    pub fn staged(directory: &Path, target: &Path, access: Access) -> Result<Self> {
        let mode = match access {
            Access::Private => 0o600,
            Access::Public => 0o666,
        };
        let file = tempfile::Builder::new()
            .prefix(".imgctl-")
            .suffix(".partial")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(directory)
            .map_err(|error| failed("create", target, error))?;
        Ok(Self { target: target.to_owned(), staged: Staged::Temporary(file) })
    }

    /// The file that [`AtomicFile::create`] would replace; `None` where it would write to a stream.
    pub(crate) fn replaced(target: &Path) -> Result<Option<PathBuf>> {
        Ok(match Output::of(target)? {
            Output::File(path) => Some(path),
            Output::Stream => None,
        })
    }

    /// A file that will stand at `target` and lies at `path` until then, where another process may have begun it. Dropped,
    /// it stays there unless it [is temporary](AtomicFile::set_temporary).
    pub(crate) fn begun(file: File, path: &Path, target: &Path) -> Result<Self> {
        let path = TempPath::try_from_path(path).map_err(|error| failed("create", target, error))?;
        let mut staged =
            Self { target: target.to_owned(), staged: Staged::Temporary(NamedTempFile::from_parts(file, path)) };
        staged.set_temporary(false);
        Ok(staged)
    }

    /// Whether it goes when it is dropped before it is whole.
    pub(crate) fn set_temporary(&mut self, is_temporary: bool) {
        if let Staged::Temporary(file) = &mut self.staged {
            file.disable_cleanup(!is_temporary);
        }
    }

    /// The file itself, to write at offsets; see [`AtomicFile::is_seekable`].
    pub fn file(&self) -> &File {
        match &self.staged {
            Staged::Temporary(file) => file.as_file(),
            Staged::Direct(file) => file,
        }
    }

    /// Where the file will stand.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether this is a regular file that may be written at any offset.
    pub fn is_seekable(&self) -> bool {
        matches!(self.staged, Staged::Temporary(_))
    }

    /// Flushes what was written to the disk.
    pub fn sync(&self) -> Result<()> {
        match &self.staged {
            Staged::Temporary(file) => file.as_file().sync_all().map_err(|error| failed("flush", &self.target, error)),
            Staged::Direct(_) => Ok(()),
        }
    }

    /// Makes it appear, in place of what was there.
    pub fn persist(self) -> Result<()> {
        self.persist_open().map(drop)
    }

    /// The same; the file that now stands there.
    pub(crate) fn persist_open(self) -> Result<File> {
        match self.staged {
            Staged::Temporary(file) => {
                file.persist(&self.target).map_err(|error| failed("create", &self.target, error.error))
            }
            Staged::Direct(file) => Ok(file),
        }
    }

    /// As [`AtomicFile::persist`], flushed to the disk with its directory.
    pub fn persist_synced(self) -> Result<()> {
        self.sync()?;
        let target = self.target.clone();
        self.persist()?;
        sync_directory(parent(&target))
    }

    /// As [`AtomicFile::persist_synced`] where `is_flushed`, else as [`AtomicFile::persist`].
    pub(crate) fn persist_flushed(self, is_flushed: bool) -> Result<()> {
        if is_flushed { self.persist_synced() } else { self.persist() }
    }

    /// Makes it appear unless something is there already: then that stays, and the answer is `false`.
    pub fn persist_noclobber(self) -> Result<bool> {
        match self.staged {
            Staged::Temporary(file) => match file.persist_noclobber(&self.target) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(failed("create", &self.target, error.error)),
            },
            Staged::Direct(_) => Ok(true),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Output {
    fn of(path: &Path) -> Result<Self> {
        // Opening these anew by the name of the file behind them would lose what a shell redirected.
        if ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|stream| path.starts_with(stream)) {
            return Ok(Self::Stream);
        }
        let link = match fs::symlink_metadata(path) {
            Ok(link) => link,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::File(path.to_owned())),
            Err(error) => return Err(failed("create", path, error)),
        };
        let mut target = path.to_owned();
        if link.is_symlink() {
            check_link(path, link.uid())?;
            target = fs::canonicalize(path).map_err(|error| failed("follow the link", path, error))?;
        }
        let kind = fs::metadata(&target).map_err(|error| failed("create", path, error))?.file_type();
        if kind.is_dir() {
            return Err(Error::new(Kind::Local, format!("{} is a directory, a file was expected", path.display())));
        }
        let is_stream = kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket();
        Ok(if is_stream { Self::Stream } else { Self::File(target) })
    }
}

/// A link that somebody else planted in a shared directory is not followed, as the kernel's `protected_symlinks` has it.
fn check_link(path: &Path, owner: u32) -> Result<()> {
    let directory = fs::metadata(parent(path)).map_err(|error| failed("look at the directory of", path, error))?;
    let is_shared = directory.mode() & 0o1002 == 0o1002;
    if is_shared && owner != rustix::process::geteuid().as_raw() && owner != directory.uid() {
        let path = path.display();
        return Err(Error::new(Kind::Unsafe, format!("{path} is another user's symbolic link in a shared directory")));
    }
    Ok(())
}

/// Flushes the names in a directory to the disk.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|open| open.sync_all()).map_err(|error| failed("flush", directory, error))
}

/// Makes a directory with all above it; where they are flushed, a power loss does not take their names.
pub(crate) fn make_directory(directory: &Path, is_flushed: bool) -> Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| is_flushed && !path.exists()).collect();
    fs::create_dir_all(directory).map_err(|error| failed("create", directory, error))?;
    missing.into_iter().try_for_each(|made| sync_directory(parent(made)))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(verb: &str, path: &Path, error: io::Error) -> Error {
    Error::local(format!("{verb} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(path: &Path, text: &str) -> Result<()> {
        let mut file = AtomicFile::create(path, Access::Public)?;
        file.write_all(text.as_bytes()).map_err(|error| failed("write", path, error))?;
        file.persist()
    }

    #[test]
    fn s18_dropped_before_the_end_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path, Access::Public).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(directory.path()).len(), 2);
        drop(file);
        assert_eq!(names(directory.path()), ["out"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn secrets_are_private_from_the_first_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let file = AtomicFile::create(&path, Access::Private).unwrap();
        assert_eq!(file.file().metadata().unwrap().mode() & 0o777, 0o600);
        file.persist_synced().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn noclobber_keeps_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        assert!(AtomicFile::create(&path, Access::Public).unwrap().persist_noclobber().unwrap());
        write(&path, "first").unwrap();
        assert!(!AtomicFile::create(&path, Access::Public).unwrap().persist_noclobber().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(names(directory.path()), ["out"]);
    }

    #[test]
    fn s19_a_link_stays_and_its_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        write(&real, "old").unwrap();
        symlink("real", &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");

        symlink("nowhere", directory.path().join("dangling")).unwrap();
        assert_eq!(write(&directory.path().join("dangling"), "x").unwrap_err().kind(), Kind::Local);
        assert_eq!(write(directory.path(), "x").unwrap_err().kind(), Kind::Local);
        assert_eq!(write(&directory.path().join("missing/out"), "x").unwrap_err().kind(), Kind::Local);
    }

    #[test]
    fn s19_devices_are_written_directly() {
        assert_eq!(write(Path::new("/dev/full"), "x").unwrap_err().kind(), Kind::Local);
        write(Path::new("/dev/null"), "x").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(!AtomicFile::create(Path::new("/dev/null"), Access::Public).unwrap().is_seekable());
    }
}
