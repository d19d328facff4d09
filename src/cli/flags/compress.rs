//! How layers are compressed anew: `--compress`.

use clap::Args;
use imgctl::content::Encoding;
use imgctl::transfer::Recompress;

/// `--compress`.
#[derive(Debug, Args)]
pub(crate) struct CompressFlags {
    /// Compress layers anew: gzip, zstd or none, with a level as in zstd:19; digests change
    ///
    /// Levels are 1 to 9 for gzip (6 where none is said) and 1 to 22 for zstd (3). Layers that are compressed that way already
    /// stay as they are unless a level is said. What layers unpack to never changes and is checked. The same image gives the
    /// same digests every time. Docker's media types have no word for zstd: such images are converted to OCI's. A dry run lists
    /// the layers concerned as they are now.
    #[arg(long, value_name = "HOW[:LEVEL]", env = "IMGCTL_COMPRESS")]
    compress: Option<Encoding>,
}

impl CompressFlags {
    /// What was asked for.
    pub(crate) fn recompress(&self) -> Option<Recompress> {
        self.compress.map(|encoding| Recompress { encoding, temporary: std::env::temp_dir() })
    }
}
