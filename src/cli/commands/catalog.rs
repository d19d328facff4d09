//! `imgctl catalog`.

use imgctl::Result;
use imgctl::name::Registry;
use serde_json::{Value, json};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::FormatFlag;
use crate::cli::listing::Listing;

/// List the repositories of a registry, one a line
///
/// Many public registries do not allow it. --format json prints one object with all repositories; templates know
/// .Repository and .Registry.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which registry
    registry: Registry,
    /// Print at most so many
    #[arg(long, value_name = "N", env = "IMGCTL_LIMIT")]
    limit: Option<usize>,
    #[command(flatten)]
    format: FormatFlag,
}

pub(crate) const EXAMPLES: Examples = &[
    ("List repositories", "imgctl catalog localhost:5000"),
    ("List them with the registry's name", "imgctl catalog --format '{{.Registry}}/{{.Repository}}' localhost:5000"),
];

const LISTING: Listing =
    Listing { format: "{{.Repository}}", headers: &[("Repository", "REPOSITORY"), ("Registry", "REGISTRY")] };

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let catalog = context.source()?.registry(&args.registry)?.catalog().await?;
    if catalog.skipped > 0 {
        context
            .ui
            .warn(&format!("{}: {} listed names are no repositories and were skipped", args.registry, catalog.skipped));
    }
    let paths = catalog.names.iter().map(|repository| repository.path()).take(args.limit.unwrap_or(usize::MAX));
    let Some(format) = args.format.format.as_deref() else {
        // As the template would, and faster: there may be thousands.
        return context.ui.lines(paths);
    };
    let registry = args.registry.to_string();
    if format == "json" {
        let paths: Vec<&str> = paths.collect();
        return context.ui.json(&json!({ "Registry": registry, "Repositories": paths }), true);
    }
    let rows: Vec<Value> = paths.map(|path| json!({ "Registry": registry, "Repository": path })).collect();
    LISTING.print(&context.ui, Some(format), &rows)
}
