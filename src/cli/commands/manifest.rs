//! `imgctl manifest`.

use imgctl::Result;
use imgctl::transport::Location;

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::PlatformFlags;
use crate::cli::image::Opened;

/// Print the exact bytes of a manifest or index
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which image
    location: Location,
    #[command(flatten)]
    platform: PlatformFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Print an index", "imgctl manifest busybox"),
    ("Print the manifest of one image", "imgctl manifest --platform linux/arm64 busybox"),
    ("Check the digest", "imgctl manifest oci:out:v1 | sha256sum"),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let opened = Opened::new(context, &args.location).await?;
    let manifest = opened.for_platform(args.platform.platform().as_ref()).await?;
    context.ui.exact(manifest.bytes())
}
