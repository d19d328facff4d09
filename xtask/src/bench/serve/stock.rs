//! What the servers hold: made in memory from a seed, put by HTTP.

use std::io::{self, Read};

use anyhow::Result;
use serde_json::json;

use crate::http::{Body, Connection, Request};
use crate::image::{MANIFEST, digest_of};

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(crate) struct Amounts {
    /// MiB of the large blob.
    large: u64,
    pub(super) images: usize,
    pub(crate) heads: usize,
    pub(super) uploads: usize,
    /// MiB of each upload.
    upload: u64,
    pub(super) tags: usize,
}

impl Amounts {
    pub(crate) fn at_scale(scale: f64) -> Self {
        let scaled = |full: f64| (full * scale).ceil() as usize;
        Self {
            large: scaled(1024.0) as u64,
            images: scaled(200.0),
            heads: scaled(8000.0),
            uploads: 64,
            upload: scaled(32.0) as u64,
            tags: scaled(5000.0),
        }
    }
}

/// A blob that is one MiB many times over: costs no memory, and sending it nothing but the sending.
pub(super) struct Large {
    block: Vec<u8>,
    times: u64,
    pub(super) digest: String,
}

/// A small image of four blobs.
pub(super) struct Image {
    pub(super) tag: String,
    /// Digests and contents.
    pub(super) blobs: Vec<(String, Vec<u8>)>,
    manifest: Vec<u8>,
}

/// What is put and got.
pub(super) struct Stock {
    pub(super) amounts: Amounts,
    pub(super) large: Large,
    pub(super) images: Vec<Image>,
    pub(super) uploads: Vec<Large>,
}

/// The repository of the large blob.
pub(super) const LARGE: &str = "bench/large";
/// The repository of the small images.
pub(super) const IMAGES: &str = "bench/small";
/// The repository with many tags.
pub(super) const TAGS: &str = "bench/tags";

impl Stock {
    pub(super) fn new(amounts: Amounts) -> Result<Self> {
        // Seeded: every run, on every machine, moves the same bytes.
        let mut random = fastrand::Rng::with_seed(1);
        let large = Large::new(&mut random, amounts.large)?;
        let base = blob(&mut random, 64 << 10)?;
        let images =
            (1..=amounts.images).map(|number| Image::new(&mut random, &base, number)).collect::<Result<_>>()?;
        let uploads = (0..amounts.uploads).map(|_| Large::new(&mut random, amounts.upload)).collect::<Result<_>>()?;
        Ok(Self { amounts, large, images, uploads })
    }

    pub(super) fn put_large(&self, server: &mut Connection) -> Result<()> {
        server.put_blob(LARGE, &self.large.digest, self.large.body())
    }

    pub(super) fn put_images(&self, server: &mut Connection) -> Result<()> {
        self.images.iter().try_for_each(|image| image.put(server))
    }

    pub(super) fn put_tags(&self, server: &mut Connection) -> Result<()> {
        let Some(image) = self.images.first() else { return Ok(()) };
        image.put_blobs(server, TAGS)?;
        (0..self.amounts.tags).try_for_each(|number| image.put_manifest(server, TAGS, &format!("v{number}")))
    }
}

impl Large {
    fn new(random: &mut fastrand::Rng, mebibytes: u64) -> Result<Self> {
        let mut block = vec![0; 1 << 20];
        random.fill(&mut block);
        let digest = digest_of(&mut Repeat { block: &block, left: mebibytes, at: 0 })?;
        Ok(Self { block, times: mebibytes, digest })
    }

    pub(super) fn size(&self) -> u64 {
        self.times << 20
    }

    pub(super) fn body(&self) -> Body<'_> {
        Body::Repeated(&self.block, self.times)
    }
}

impl Image {
    fn new(random: &mut fastrand::Rng, base: &(String, Vec<u8>), number: usize) -> Result<Self> {
        let mut blobs = vec![base.clone(), blob(random, 16 << 10)?, blob(random, 1 << 10)?];
        let diff_ids: Vec<&str> = blobs.iter().map(|(digest, _)| digest.as_str()).collect();
        let config = json!({
            "created": "2024-01-01T00:00:00Z", "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = config.to_string().into_bytes();
        blobs.push((digest_of(&mut config.as_slice())?, config));
        let descriptors: Vec<_> = blobs
            .iter()
            .map(|(digest, content)| {
                json!({
                    "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": content.len(),
                })
            })
            .collect();
        let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[3]});
        manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        manifest["layers"] = descriptors[..3].into();
        Ok(Self { tag: number.to_string(), blobs, manifest: manifest.to_string().into_bytes() })
    }

    fn put(&self, server: &mut Connection) -> Result<()> {
        self.put_blobs(server, IMAGES)?;
        self.put_manifest(server, IMAGES, &self.tag)
    }

    fn put_blobs(&self, server: &mut Connection, repository: &str) -> Result<()> {
        self.blobs.iter().try_for_each(|(digest, content)| server.put_blob(repository, digest, Body::Bytes(content)))
    }

    fn put_manifest(&self, server: &mut Connection, repository: &str, tag: &str) -> Result<()> {
        server.send(Request {
            method: "PUT",
            path: &format!("/v2/{repository}/manifests/{tag}"),
            headers: &[("Content-Type", MANIFEST)],
            body: Body::Bytes(&self.manifest),
        })?;
        Ok(())
    }
}

fn blob(random: &mut fastrand::Rng, size: usize) -> Result<(String, Vec<u8>)> {
    let mut content = vec![0; size];
    random.fill(&mut content);
    Ok((digest_of(&mut content.as_slice())?, content))
}

struct Repeat<'a> {
    block: &'a [u8],
    left: u64,
    at: usize,
}

impl Read for Repeat<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let count = (&self.block[self.at..]).read(buffer)?;
        self.at += count;
        if self.at == self.block.len() {
            (self.at, self.left) = (0, self.left - 1);
        }
        Ok(count)
    }
}
