//! `imgctl config`.

use imgctl::Result;
use imgctl::transport::Location;

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::PlatformFlags;
use crate::cli::image::Opened;

/// Print the exact bytes of an image's config
///
/// Of an index it is the image for this machine, unless --platform says otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which image
    location: Location,
    #[command(flatten)]
    platform: PlatformFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Print the environment of an image", "imgctl config busybox | jq .config.Env"),
    ("Print the config for another platform", "imgctl config --platform linux/arm64 quay.io/ns/app"),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let opened = Opened::new(context, &args.location).await?;
    let manifest = opened.one(args.platform.platform().as_ref()).await?;
    context.ui.exact(&opened.config(&manifest).await?)
}
