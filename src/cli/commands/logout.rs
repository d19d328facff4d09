//! `imgctl logout`.

use imgctl::Result;

use super::Examples;
use super::login::Server;
use crate::cli::context::Context;
use crate::cli::credentials::{self, DOCKER_AUTH_CONFIG};

/// Log out of a registry: forget its credentials wherever they are kept
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry
    #[arg(default_value = "docker.io")]
    registry: Server,
}

pub(crate) const EXAMPLES: Examples =
    &[("Log out of Docker Hub", "imgctl logout"), ("Log out of another registry", "imgctl logout quay.io")];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let registry = args.registry.0;
    let found = credentials::stores(context.registry_flags(), &context.environment).erase(&registry).await?;
    if context.environment.docker_auth_config.is_some() {
        context.ui.warn(&format!("{DOCKER_AUTH_CONFIG} is set: what it holds is still used"));
    }
    let line = if found { "Removing login credentials for" } else { "Not logged in to" };
    context.ui.line(&format!("{line} {registry}"))
}
