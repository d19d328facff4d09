//! `imgctl digest`.

use imgctl::Result;
use imgctl::oci::Digest;
use imgctl::transport::Location;

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::PlatformFlags;
use crate::cli::image::Opened;

/// Print the digest of a manifest or index, one line for each image
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which images
    #[arg(required = true, value_name = "LOCATION")]
    locations: Vec<Location>,
    #[command(flatten)]
    platform: PlatformFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Print what a tag points to", "imgctl digest busybox:latest"),
    ("Print the digest of one platform's manifest", "imgctl digest --platform linux/arm64 busybox"),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    for location in &args.locations {
        let digest = digest(&args, context, location).await?;
        context.ui.line(&digest.to_string())?;
    }
    Ok(())
}

async fn digest(args: &Args, context: &Context, location: &Location) -> Result<Digest> {
    let platform = args.platform.platform();
    if let (Location::Registry(reference), None) = (location, &platform) {
        // A HEAD request is all it takes.
        let client = context.source()?.registry(reference.repository.registry())?;
        let descriptor = client.manifest_descriptor(&reference.repository, &reference.tag_or_digest()).await?;
        return Ok(descriptor.digest);
    }
    let opened = Opened::new(context, location).await?;
    match &platform {
        None => Ok(opened.root.digest),
        Some(_) => Ok(opened.for_platform(platform.as_ref()).await?.digest()),
    }
}
