//! `cargo xtask floor`: what a client must do at least, on raw sockets. Threads read a piece, hash it, write it; nothing else.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::http::{Body, Connection, Request};
use crate::image::{MANIFEST, hex};

/// Answers' heads go through a buffer of this size, pieces around it.
const HEAD: usize = 4 << 10;
/// A tar's headers and padding are of such blocks.
const BLOCK: u64 = 512;

/// Arguments of `floor`.
#[derive(clap::Args)]
pub(crate) struct Args {
    work: Work,
    /// HOST:PORT/REPOSITORY:TAG, or an OCI layout with one image for `push`.
    from: String,
    /// A directory for `pull`, a file for `save`, HOST:PORT/REPOSITORY:TAG else.
    to: String,
    #[arg(long, default_value_t = 4)]
    threads: usize,
    /// KiB that are read, hashed and written at a time. Larger pieces leave the processor's cache, and the kernel looks long
    /// for pages in one piece.
    #[arg(long, default_value_t = 128)]
    piece: usize,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Work {
    /// Registry to files.
    Pull,
    /// Registry to a tar.
    Save,
    /// Registry to registry.
    Copy,
    /// OCI layout to registry.
    Push,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let manifest = read_manifest(args)?;
    let blobs = blobs_of(&manifest, args.work)?;
    match args.work {
        Work::Pull => std::fs::create_dir_all(&args.to)?,
        Work::Save => drop(File::create(&args.to)?),
        Work::Copy | Work::Push => {}
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let worker = || Worker::new(args).and_then(|mut worker| worker.work(&blobs, &next));
        let threads: Vec<_> = (0..args.threads.min(blobs.len())).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a worker panicked"))
    })?;
    match args.work {
        Work::Copy | Work::Push => put_manifest(&Place::parse(&args.to)?, &manifest),
        Work::Pull => Ok(std::fs::write(Path::new(&args.to).join("manifest.json"), manifest)?),
        Work::Save => Ok(()),
    }
}

/// A blob, and where it lies in a tar.
struct Blob {
    digest: String,
    size: u64,
    offset: u64,
}

/// `HOST:PORT/REPOSITORY:TAG`.
struct Place<'a> {
    host: &'a str,
    repository: &'a str,
    tag: &'a str,
}

impl<'a> Place<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let (host, rest) = text.split_once('/').context("no repository")?;
        let (repository, tag) = rest.rsplit_once(':').context("no tag")?;
        Ok(Self { host, repository, tag })
    }

    fn connect(&self) -> Result<Connection> {
        Connection::with_buffer(self.host, HEAD)
    }
}

fn read_manifest(args: &Args) -> Result<Vec<u8>> {
    if args.work == Work::Push {
        let layout = Path::new(&args.from);
        let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json"))?)?;
        return Ok(std::fs::read(blob_file(layout, text(&index["manifests"][0]["digest"])?))?);
    }
    let place = Place::parse(&args.from)?;
    let path = &format!("/v2/{}/manifests/{}", place.repository, place.tag);
    let request = Request { method: "GET", path, headers: &[("Accept", MANIFEST)], body: Body::Empty };
    Ok(place.connect()?.send(request)?.body)
}

fn put_manifest(to: &Place<'_>, manifest: &[u8]) -> Result<()> {
    let path = &format!("/v2/{}/manifests/{}", to.repository, to.tag);
    let headers = &[("Content-Type", MANIFEST)];
    to.connect()?.send(Request { method: "PUT", path, headers, body: Body::Bytes(manifest) }).map(drop)
}

/// The blobs of a manifest, largest first; in a tar they lie one behind the other.
fn blobs_of(manifest: &[u8], work: Work) -> Result<Vec<Blob>> {
    let manifest: Value = serde_json::from_slice(manifest)?;
    let layers = manifest["layers"].as_array().context("no layers")?;
    let mut blobs = Vec::new();
    let mut end = 0;
    for descriptor in layers.iter().chain([&manifest["config"]]) {
        let size = descriptor["size"].as_u64().context("no size")?;
        let offset = if work == Work::Save { end } else { 0 };
        blobs.push(Blob { digest: text(&descriptor["digest"])?.to_owned(), size, offset });
        end += BLOCK + size.next_multiple_of(BLOCK);
    }
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    Ok(blobs)
}

/// What a thread has.
struct Worker<'a> {
    args: &'a Args,
    source: Option<Connection>,
    destination: Option<Connection>,
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(args: &'a Args) -> Result<Self> {
        let connect = |place: &str| Place::parse(place)?.connect().map(Some);
        Ok(Self {
            args,
            source: if args.work == Work::Push { None } else { connect(&args.from)? },
            destination: if matches!(args.work, Work::Copy | Work::Push) { connect(&args.to)? } else { None },
            buffer: vec![0; args.piece << 10],
        })
    }

    fn work(&mut self, blobs: &[Blob], next: &AtomicUsize) -> Result<()> {
        while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = self.transfer(blob).with_context(|| blob.digest.clone())?;
            ensure!(found == blob.digest, "{} is {found}", blob.digest);
        }
        Ok(())
    }

    fn transfer(&mut self, blob: &Blob) -> Result<String> {
        let Self { args, source, destination, buffer } = self;
        let mut from: Box<dyn Read + '_> = match source {
            Some(source) => {
                let repository = Place::parse(&args.from)?.repository;
                Box::new(source.read_from(&format!("/v2/{repository}/blobs/{}", blob.digest))?)
            }
            None => Box::new(File::open(blob_file(Path::new(&args.from), &blob.digest))?),
        };
        let Some(destination) = destination else { return pump(&mut from, &mut open_file(args, blob)?, buffer) };
        let upload = destination.begin_upload(Place::parse(&args.to)?.repository)?;
        let separator = if upload.contains('?') { '&' } else { '?' };
        let path = format!("{upload}{separator}digest={}", blob.digest);
        destination.write_to(&path, blob.size, |to| pump(&mut from, to, buffer))
    }
}

/// The file of a blob, at the place where its bytes go.
fn open_file(args: &Args, blob: &Blob) -> Result<File> {
    if args.work == Work::Pull {
        return Ok(File::create(Path::new(&args.to).join(blob.digest.replace(':', "-")))?);
    }
    let mut header = tar::Header::new_gnu();
    header.set_path(blob.digest.replace(':', "-"))?;
    header.set_size(blob.size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut file = File::options().write(true).open(&args.to)?;
    file.seek(SeekFrom::Start(blob.offset))?;
    file.write_all(header.as_bytes())?;
    Ok(file)
}

/// Moves everything, and says what its digest is.
fn pump(from: &mut dyn Read, to: &mut dyn Write, buffer: &mut [u8]) -> Result<String> {
    let mut sha256 = Sha256::new();
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match from.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(format!("sha256:{}", hex(&sha256.finalize())));
        }
        sha256.update(&buffer[..filled]);
        to.write_all(&buffer[..filled])?;
    }
}

fn blob_file(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn text(value: &Value) -> Result<&str> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => bail!("no text: {value}"),
    }
}
