//! Images made by hand, as OCI layouts: independent of the code that will copy them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A blob by digest and size.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// A layer: the blob, and the digest of what it holds uncompressed.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) blob: Blob,
    diff_id: String,
    history: String,
}

/// An image whose blobs are in a layout.
pub(crate) struct Image {
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) layers: Vec<Layer>,
}

impl Image {
    /// Every blob the manifest names.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().map(|layer| &layer.blob).chain([&self.config])
    }
}

/// An OCI image layout that is being filled.
pub(crate) struct Layout {
    directory: PathBuf,
    index: Vec<Value>,
}

/// The tar that a layer is made of.
pub(crate) type LayerTar = tar::Builder<Hashing<GzEncoder<Hashing<BufWriter<File>>>>>;

impl Layout {
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory.join("blobs/sha256"))?;
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { directory: directory.to_owned(), index: Vec::new() })
    }

    /// Adds a gzip layer of what `fill` puts into the tar.
    pub(crate) fn layer(&self, history: &str, fill: impl FnOnce(&mut LayerTar) -> Result<()>) -> Result<Layer> {
        let temporary = self.directory.join("layer.tmp");
        let file = File::create(&temporary).with_context(|| format!("cannot create {}", temporary.display()))?;
        let gzip = GzEncoder::new(Hashing::new(BufWriter::new(file)), Compression::fast());
        let mut tar = tar::Builder::new(Hashing::new(gzip));
        tar.mode(tar::HeaderMode::Deterministic);
        tar.follow_symlinks(false);
        fill(&mut tar)?;
        let (diff, gzip) = tar.into_inner()?.finish();
        let (blob, mut file) = gzip.finish()?.finish();
        file.flush()?;
        std::fs::rename(&temporary, self.path(&blob.digest))?;
        Ok(Layer { blob, diff_id: diff.digest, history: history.to_owned() })
    }

    /// Adds an image under a name.
    pub(crate) fn image(&mut self, name: &str, layers: Vec<Layer>) -> Result<Image> {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let history: Vec<Value> = layers.iter().map(|layer| json!({"created_by": layer.history})).collect();
        let config = self.blob(&json!({
            "created": "2024-01-01T00:00:00Z", "architecture": architecture(), "os": "linux",
            "config": {"Cmd": ["bash"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
        }))?;
        let of =
            |blob: &Blob, media_type: &str| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size});
        let manifest = self.blob(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": of(&config, CONFIG),
            "layers": layers.iter().map(|layer| of(&layer.blob, LAYER)).collect::<Vec<_>>(),
        }))?;
        let mut entry = of(&manifest, MANIFEST);
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        self.index.push(entry);
        let index = json!({"schemaVersion": 2, "manifests": self.index});
        std::fs::write(self.directory.join("index.json"), index.to_string())?;
        Ok(Image { manifest, config, layers })
    }

    /// The file of a blob.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.directory.join("blobs").join(digest.replace(':', "/"))
    }

    fn blob(&self, json: &Value) -> Result<Blob> {
        let bytes = json.to_string().into_bytes();
        let blob = Blob { digest: digest_of(&mut bytes.as_slice())?, size: bytes.len() as u64 };
        std::fs::write(self.path(&blob.digest), bytes)?;
        Ok(blob)
    }
}

/// This machine, as image configs say it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The SHA-256 digest of everything that can be read.
pub(crate) fn digest_of(from: &mut dyn Read) -> Result<String> {
    let mut hashing = Hashing::new(io::sink());
    io::copy(from, &mut hashing)?;
    Ok(hashing.finish().0.digest)
}

/// Two digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Passes bytes on, and knows their digest and number.
pub(crate) struct Hashing<W> {
    to: W,
    sha256: Sha256,
    size: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, sha256: Sha256::new(), size: 0 }
    }

    pub(crate) fn finish(self) -> (Blob, W) {
        let digest = format!("sha256:{}", hex(&self.sha256.finalize()));
        (Blob { digest, size: self.size }, self.to)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
