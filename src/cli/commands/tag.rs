//! `imgctl tag`: one more name for an image in the local store.

use imgctl::Result;
use imgctl::name::Reference;

use super::Examples;
use crate::cli::context::Context;

/// Give an image in the local store another name
///
/// An image that had the name keeps its content and is listed as <none>.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image: a name or an image id
    #[arg(value_name = "SOURCE_IMAGE[:TAG]")]
    source: String,
    /// The new name
    #[arg(value_name = "TARGET_IMAGE[:TAG]")]
    target: Reference,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Name an image for another registry", "imgctl tag busybox:1.36 registry.example:5000/tools/busybox:1.36"),
    ("Name an image by its id", "imgctl tag 3f1d6c17773a app:stable"),
];

#[expect(clippy::unused_async, reason = "every command is called alike")]
pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    context.open_store()?.tag(&args.source, &args.target)
}
