//! `imgctl copy`.

use imgctl::Result;

use super::Examples;
use crate::cli::context::Context;

/// Copy an image from any place to any place, byte for byte
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it is
    source: imgctl::transport::Location,
    /// Where it goes
    destination: imgctl::transport::Location,
}

pub(crate) const EXAMPLES: Examples = &[("Copy", "imgctl copy busybox oci:out:v1")];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let _ = (args, context);
    todo!()
}
