//! Both archives, written and read back; archives as other tools write them; archives that mean harm.

mod contract;
mod foreign;
mod hostile;
mod pipe;
mod round_trip;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::json;

use crate::content::tar::{END, member_header, padding};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::transport::{
    ArchiveFile, Begin, Destination, DockerArchive, DockerArchiveWriter, Name, OciArchive, OciArchiveWriter, Source,
};
use crate::{Error, Result};

/// An image and all its bytes.
#[derive(Clone)]
struct Image {
    config: Bytes,
    layers: Vec<(MediaType, Bytes)>,
    diff_ids: Vec<Digest>,
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A tar with one file, as a layer.
fn layer(content: &[u8]) -> Vec<u8> {
    tar(&[("file", content)])
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend_from_slice(&member_header(name, content.len() as u64));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len() + padding(content.len() as u64), 0);
    }
    bytes.extend_from_slice(&END);
    bytes
}

/// An image of one plain and one compressed layer.
fn image(seed: &str) -> Image {
    let plain = [layer(seed.as_bytes()), layer(&seed.repeat(1000).into_bytes())];
    let diff_ids: Vec<Digest> = plain.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "Labels": { "seed": seed } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let layers =
        vec![(MediaType::OCI_LAYER, plain[0].clone().into()), (MediaType::OCI_LAYER_GZIP, gzip(&plain[1]).into())];
    Image { config: config.to_string().into(), layers, diff_ids }
}

impl Image {
    fn manifest(&self) -> Manifest {
        let config = Descriptor::of(MediaType::OCI_CONFIG, &self.config);
        let layers: Vec<Descriptor> =
            self.layers.iter().map(|(media_type, bytes)| Descriptor::of(media_type.clone(), bytes)).collect();
        let document =
            json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": layers });
        Manifest::parse(document.to_string(), None).unwrap()
    }

    fn blobs(&self) -> Vec<(Descriptor, Bytes)> {
        let contents = std::iter::once(&self.config).chain(self.layers.iter().map(|(_, bytes)| bytes));
        self.manifest().children().into_iter().cloned().zip(contents.cloned()).collect()
    }

    async fn put(&self, destination: &dyn Destination, name: Option<&str>) -> Result<()> {
        for (descriptor, bytes) in self.blobs() {
            put_blob(destination, &descriptor, bytes).await?;
        }
        destination.put_manifest(&self.manifest(), name.map(Name::new).as_ref()).await
    }

    /// The config's name and the layers' names of a legacy archive.
    fn legacy(&self) -> (String, Vec<String>) {
        let config = format!("{}.json", Digest::of(&self.config).hex());
        (config, self.diff_ids.iter().map(|id| format!("{}.tar", id.hex())).collect())
    }
}

async fn put_blob(destination: &dyn Destination, descriptor: &Descriptor, bytes: Bytes) -> Result<()> {
    let Begin::Write(mut writer) = destination.begin(descriptor, &[]).await? else { return Ok(()) };
    let (start, end) = bytes.split_at(bytes.len() / 2);
    writer.write(Bytes::copy_from_slice(start)).await?;
    writer.write(Bytes::copy_from_slice(end)).await?;
    writer.commit().await
}

/// All that `root` leads to, read and checked.
async fn read_all(source: &dyn Source, root: &Descriptor) -> Result<()> {
    let manifest = source.manifest(root).await?;
    for child in manifest.children() {
        if child.media_type.is_manifest() {
            Box::pin(read_all(source, child)).await?;
            continue;
        }
        let bytes = source.blob(child, 0).await?.read_to_end(1 << 20).await?;
        if Digest::of(&bytes) != child.digest || bytes.len() as u64 != child.size {
            return Err(Error::mismatch("digest"));
        }
        let part = source.blob(child, 5).await?.read_to_end(1 << 20).await?;
        assert_eq!(part, bytes.slice(5..));
    }
    Ok(())
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str) -> ArchiveFile {
        ArchiveFile::Path(self.path(name))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> ArchiveFile {
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.path(name))
            .unwrap()
            .write_all(bytes)
            .unwrap();
        self.file(name)
    }

    async fn docker(&self, name: &str) -> Result<DockerArchive> {
        DockerArchive::open(&self.file(name), self.0.path()).await
    }

    async fn oci(&self, name: &str) -> Result<OciArchive> {
        OciArchive::open(&self.file(name), self.0.path()).await
    }

    /// Opens docker's archive of these bytes and reads its only image.
    async fn load(&self, bytes: &[u8]) -> Result<Descriptor> {
        let source = DockerArchive::open(&self.write("load.tar", bytes), self.0.path()).await?;
        let root = source.resolve(None).await?;
        read_all(&source, &root).await?;
        Ok(root)
    }
}

fn bytes_of(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().copied().map(Name::new).collect()
}
