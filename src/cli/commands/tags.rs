//! `imgctl tags`.

use imgctl::Result;
use imgctl::transport::Location;
use serde_json::{Value, json};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::FormatFlag;
use crate::cli::listing::Listing;

/// List the tags of a repository, one a line
///
/// Of other places than registries the names of their images are listed. --format json prints one object with all tags;
/// templates know .Tag and .Repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which repository
    #[arg(value_name = "REPO")]
    repository: Location,
    /// Print at most so many
    #[arg(long, value_name = "N", env = "IMGCTL_LIMIT")]
    limit: Option<usize>,
    #[command(flatten)]
    format: FormatFlag,
}

pub(crate) const EXAMPLES: Examples = &[
    ("List tags", "imgctl tags quay.io/ns/app"),
    ("List them for a script", "imgctl tags --format json busybox"),
    ("List the images of a layout", "imgctl tags oci:out"),
];

const LISTING: Listing = Listing { format: "{{.Tag}}", headers: &[("Tag", "TAG"), ("Repository", "REPOSITORY")] };

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let names = context.source()?.source(&args.repository).await?.names().await?;
    let names = names.iter().take(args.limit.unwrap_or(usize::MAX));
    let Some(format) = args.format.format.as_deref() else {
        // As the template would, and faster: there may be thousands.
        return context.ui.lines(names.map(|name| name.as_str()));
    };
    let repository = match &args.repository {
        Location::Registry(reference) => reference.repository.to_string(),
        other => other.to_string(),
    };
    if format == "json" {
        let tags: Vec<&str> = names.map(|name| name.as_str()).collect();
        return context.ui.json(&json!({ "Repository": repository, "Tags": tags }), true);
    }
    let rows: Vec<Value> = names.map(|name| json!({ "Repository": repository, "Tag": name.as_str() })).collect();
    LISTING.print(&context.ui, Some(format), &rows)
}
