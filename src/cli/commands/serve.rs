//! `imgctl serve`.

use std::sync::Arc;

use imgctl::Result;
use imgctl::server::{Access, Address, Deaf, Limits, Local, Server, Settings};
use imgctl::store::{Blobs, Repositories};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::serving::upstream::UpstreamFlags;

/// Serve images as an OCI registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "IMGCTL_LISTEN", default_value = "127.0.0.1:5000")]
    listen: Address,
    /// Let clients delete tags, manifests and blobs
    #[arg(long)]
    allow_delete: bool,
    /// Refuse pushes and deletes
    #[arg(long)]
    read_only: bool,
    /// Refuse manifests that name blobs which were not pushed
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    upstream: UpstreamFlags,
}

pub(crate) const EXAMPLES: Examples = &[("Serve the local store", "imgctl serve --listen 127.0.0.1:5000")];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let repositories = Arc::new(Repositories::open(&context.store())?);
    let local = Arc::new(Local::new(repositories.clone()));
    let settings = Settings {
        content: args.upstream.behind(local, repositories.clone(), context)?,
        writer: (!args.read_only).then_some(repositories),
        blobs: if args.strict { Blobs::Required } else { Blobs::MayFollow },
        allow_delete: args.allow_delete,
        fallback: args.upstream.fallback(),
        access: Access::Open,
        tls: None,
        limits: Limits::default(),
        observer: Arc::new(Deaf),
    };
    let server = Server::bind(&args.listen, settings).await?;
    context.ui.line(&server.url())?;
    server.run(std::future::pending()).await
}
