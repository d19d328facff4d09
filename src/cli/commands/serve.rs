//! `imgctl serve`.

use std::sync::Arc;

use imgctl::Result;
use imgctl::name::Registry;
use imgctl::server::{Limits, Local, Server, Settings};
use imgctl::store::{Blobs, Repositories};

use super::Examples;
use crate::cli::context::Context;

/// Serve images as an OCI registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "IMGCTL_LISTEN", default_value = "127.0.0.1:5000")]
    listen: String,
    /// Let clients delete tags, manifests and blobs
    #[arg(long)]
    allow_delete: bool,
    /// Refuse pushes and deletes
    #[arg(long)]
    read_only: bool,
    /// Refuse manifests that name blobs which were not pushed
    #[arg(long)]
    strict: bool,
}

pub(crate) const EXAMPLES: Examples = &[("Serve the local store", "imgctl serve --listen 127.0.0.1:5000")];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let repositories = Arc::new(Repositories::open(&context.store())?);
    let settings = Settings {
        content: Arc::new(Local::new(repositories.clone())),
        writer: (!args.read_only).then_some(repositories),
        blobs: if args.strict { Blobs::Required } else { Blobs::MayFollow },
        allow_delete: args.allow_delete,
        fallback: Registry::docker_hub(),
        limits: Limits::default(),
    };
    let server = Server::bind(&args.listen, settings).await?;
    context.ui.line(&format!("http://{}", server.address()))?;
    server.run(std::future::pending()).await
}
