//! Opening an archive to read. A plain tar file is read where it is; a stream, or what is compressed as a whole, is first
//! put into an unnamed temporary file, because members refer to each other in any order.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::content::tar::{Tar, is_header};
use crate::content::{Codec, blocking, decoding_error};
use crate::error::{Kind, Side};
use crate::transport::ArchiveFile;
use crate::{Error, Result};

/// Most bytes that a stream or a compressed archive may unpack to.
const UNPACKED_LIMIT: u64 = 1 << 40;
const BUFFER: usize = 1024 * 1024;

/// Opens the archive in `file`; temporary files go to the directory `temporary`.
pub(in crate::transport) async fn open(file: &ArchiveFile, temporary: &Path) -> Result<Tar> {
    let step = match file {
        ArchiveFile::Stdio => "open standard input".to_owned(),
        ArchiveFile::Path(path) => format!("open {}", path.display()),
    };
    let (file, temporary) = (file.clone(), temporary.to_owned());
    blocking(move || Tar::open(tar_file(&file, &temporary)?)).await.map_err(|error| error.at(Side::Source, step))
}

/// A file that holds the tar and nothing else.
fn tar_file(file: &ArchiveFile, temporary: &Path) -> Result<File> {
    let file = match file {
        ArchiveFile::Stdio => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        ArchiveFile::Path(path) => File::open(path),
    };
    let mut file = file.map_err(cannot_read)?;
    let kind = file.metadata().map_err(cannot_read)?.file_type();
    if kind.is_dir() {
        return Err(Error::new(Kind::Local, "it is a directory, not a tar file"));
    }
    // Standard input may be a file of which somebody has read the start already.
    if kind.is_file() && file.stream_position().map_err(cannot_read)? == 0 {
        let mut start = [0; Codec::MAGIC];
        let count = file.read_at(&mut start, 0).map_err(cannot_read)?;
        if count > 0 && Codec::detect(&start[..count]) == Codec::None {
            return Ok(file);
        }
    }
    spooled(file, temporary)
}

fn cannot_read(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::not_found("there is no such file").with_source(error),
        _ => Error::local("it cannot be read", error),
    }
}

/// Decompresses `input` into an unnamed file.
fn spooled(mut input: impl Read + Send, temporary: &Path) -> Result<File> {
    let mut start = Vec::new();
    input.by_ref().take(Codec::MAGIC as u64).read_to_end(&mut start).map_err(cannot_read)?;
    if start.is_empty() {
        return Err(Error::mismatch("it is empty"));
    }
    let mut content = Codec::detect(&start).decoder(start.chain(input)).map_err(cannot_read)?;
    let mut file = tempfile::tempfile_in(temporary)
        .map_err(|error| Error::local(format!("make a temporary file in {}", temporary.display()), error))?;
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let count = read_full(&mut content, &mut buffer).map_err(decoding_error)?;
        if size == 0 && !is_header(&buffer[..count]) {
            return Err(Error::mismatch("it is no tar archive"));
        }
        size += count as u64;
        if size > UNPACKED_LIMIT {
            return Err(Error::new(Kind::Unsafe, format!("it unpacks to more than {UNPACKED_LIMIT} bytes")));
        }
        file.write_all(&buffer[..count]).map_err(|error| Error::local("write a temporary file", error))?;
        if count < buffer.len() {
            return Ok(file);
        }
    }
}

/// Fills `buffer` unless the content ends.
fn read_full(content: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match content.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
