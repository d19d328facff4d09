//! How layers are compressed anew: `--compress`.

use clap::Args;
use imgctl::content::Encoding;
use imgctl::transfer::Recompress;

use crate::cli::context::Context;

/// `--compress`.
#[derive(Debug, Args)]
pub(crate) struct CompressFlags {
    /// Compress layers anew: gzip, zstd or none, with a level as in zstd:19; digests change
    ///
    /// Levels are 1 to 9 for gzip (6 where none is said) and 1 to 22 for zstd (3). Layers that are compressed that way already
    /// stay as they are unless a level is said. What layers unpack to never changes and is checked. The same image gives the
    /// same digests every time, and what the destination has of it from an earlier run is neither read nor compressed again, unless
    /// --no-resume is given. Docker's media types have no word for zstd: such images are converted to OCI's. A dry run lists
    /// the layers concerned as they are now.
    #[arg(long, value_name = "HOW[:LEVEL]", env = "IMGCTL_COMPRESS")]
    compress: Option<Encoding>,
}

impl CompressFlags {
    /// What was asked for.
    pub(crate) fn recompress(&self, context: &Context) -> Option<Recompress> {
        let encoding = self.compress?;
        Some(Recompress { encoding, temporary: std::env::temp_dir(), memory: context.memory("layers") })
    }
}
